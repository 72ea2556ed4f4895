//! Single cases: reading one, and letting it point to its order and its return.

use http::{Method, StatusCode};
use retail_connect::outcome;
use retail_proto::crm::v1 as pb;
use retail_proto::types::v1::Outcome;
use retail_runtime::fault::Violations;

use crate::Salesforce;
use crate::fault::{Error, Meaning, first, meaning, refused};
use crate::map;
use crate::map::service::{CASE, case, record_id};
use crate::model::Model;
use crate::sending::settle;
use crate::wire::service::{CASE_COLUMNS, CaseLinks, CaseRow};
use crate::wire::{Found, Key};

/// The case is not there, or no more.
pub(crate) const NO_SUCH_CASE: &str = "NO_SUCH_CASE";
/// What a case shall point to is not there yet.
const REFERENCE_MISSING: &str = "REFERENCE_MISSING";
const LINK: &str = "crm.case.link";

impl Salesforce {
    pub(crate) async fn find_case(&self, request: pb::GetCaseRequest) -> Result<pb::GetCaseResponse, Error> {
        self.is_ours(&request.instance)?;
        let mut wrong = Violations::default();
        let pb::GetCaseRequest { case_id, case_number, .. } = request;
        if case_id.is_empty() {
            let sound = (1..=30).contains(&case_number.len()) && case_number.chars().all(|c| c.is_ascii_alphanumeric());
            wrong.require("case_number", sound, "must be 1 to 30 letters and digits, unless case_id is given");
        } else {
            record_id(&mut wrong, "case_id", &case_id);
        }
        wrong.check()?;
        let (column, value) = if case_id.is_empty() { ("CaseNumber", case_number) } else { ("Id", case_id) };
        let row = self.case_by(column, &value).await?.ok_or(Error::NoSuchCase(value))?;
        Ok(pb::GetCaseResponse { case_record: Some(case(row, &self.shared.instance)?) })
    }

    pub(crate) async fn link(&self, request: pb::LinkCaseRequest) -> Result<pb::LinkCaseResponse, Error> {
        self.is_ours(&request.instance)?;
        let mut wrong = Violations::default();
        record_id(&mut wrong, "case_id", &request.case_id);
        for (field, reference) in [("order_ref", &request.order_ref), ("return_ref", &request.return_ref)] {
            if !reference.is_empty() {
                map::key(&mut wrong, field, reference);
            }
        }
        let any = !(request.order_ref.is_empty() && request.return_ref.is_empty());
        wrong.require("order_ref", any, "is missing; give it, or return_ref, or both");
        wrong.check()?;
        let model = self.model().await?;
        let outcome = match self.case_by("Id", &request.case_id).await? {
            None => gone(&request.case_id),
            Some(row) => match links(row, &request, model) {
                // A write moves the case's stamp, and every reader of changes would see a change that is none.
                None => outcome::done(),
                Some(links) => self.point(&request.case_id, &links).await?,
            },
        };
        Ok(pb::LinkCaseResponse { outcome: Some(outcome) })
    }

    async fn point(&self, id: &str, links: &CaseLinks) -> Result<Outcome, Error> {
        let call = self.write(LINK, Method::PATCH, &format!("sobjects/{CASE}/{id}"), links)?.correlation(id);
        let refusal = self
            .until_free(call, |reply| {
                if reply.status.is_success() {
                    return Ok((None, false));
                }
                let status = reply.status.as_u16();
                if status == 420 || outcome::leaves_open(reply.status) {
                    return Err(refused(reply, LINK, true));
                }
                let error = first(&serde_json::from_slice(&reply.body).unwrap_or_default());
                let meaning = meaning(status, &error);
                let busy = meaning == Meaning::Busy;
                Ok((Some((reply.status, meaning, error)), busy))
            })
            .await?;
        match refusal {
            None => Ok(outcome::done()),
            Some((StatusCode::NOT_FOUND, ..)) => Ok(gone(id)),
            Some((_, Meaning::Derived, error)) => Ok(outcome::refused(REFERENCE_MISSING, error.message)),
            Some((_, meaning, error)) => self.doubting(settle("case", &meaning, error)),
        }
    }

    /// The living case with this value in this column, which holds one case each.
    async fn case_by(&self, column: &str, value: &str) -> Result<Option<CaseRow>, Error> {
        let columns = self.case_columns().await?;
        let soql = format!("SELECT {columns} FROM {CASE} WHERE {column} = {}", map::quoted(value));
        let found: Result<Found<CaseRow>, Error> = self.doubting(self.query("crm.case.find", "query", &soql).await);
        match found {
            Ok(found) => Ok(found.records.into_iter().next()),
            // What looks like an id and is none is no case's.
            Err(Error::Answer { code, .. }) if code == "INVALID_QUERY_FILTER_OPERATOR" => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// What to select of a case in this org.
    pub(crate) async fn case_columns(&self) -> Result<String, Error> {
        Ok(match self.model().await? {
            Model::Custom => CASE_COLUMNS.to_owned(),
            Model::Standard => format!("{CASE_COLUMNS}, Return_Order_Ref__r.Mesh_Id__c"),
        })
    }
}

fn gone(id: &str) -> Outcome {
    outcome::refused(NO_SUCH_CASE, format!("the CRM has no case {id}"))
}

/// What the case does not point to yet; `None` when it points to all of it.
fn links(row: CaseRow, request: &pb::LinkCaseRequest, model: Model) -> Option<CaseLinks> {
    let new = |wanted: &str, held: Option<Key>| {
        let held = held.and_then(|key| key.mesh_id).unwrap_or_default();
        (!wanted.is_empty() && wanted != held).then(|| Key { mesh_id: Some(wanted.to_owned()) })
    };
    let order = new(&request.order_ref, row.order);
    let links = match model {
        Model::Custom => CaseLinks { order, r#return: new(&request.return_ref, row.r#return), return_order: None },
        Model::Standard => {
            CaseLinks { order, r#return: None, return_order: new(&request.return_ref, row.return_order) }
        }
    };
    (links.order.is_some() || links.r#return.is_some() || links.return_order.is_some()).then_some(links)
}
