//! Business milestones as child records of a case: one collection of upserts by our ids, all or nothing (class K).

use http::Method;
use retail_connect::outcome;
use retail_proto::crm::v1 as pb;
use serde_json::Value;

use crate::Salesforce;
use crate::cases::NO_SUCH_CASE;
use crate::fault::{Error, Meaning, refused};
use crate::map::KEY;
use crate::map::service::{MILESTONE, milestones};
use crate::sending::{lost, settle, written};
use crate::wire::service::Collection;
use crate::wire::{Saved, VendorError};

const OPERATION: &str = "crm.milestones";

/// What the org answered to a collection.
enum Recorded {
    /// The ids, one for each record.
    All(Vec<String>),
    /// Nothing was written; why.
    None(Meaning, VendorError),
}

impl Salesforce {
    pub(crate) async fn record(
        &self,
        request: pb::RecordMilestonesRequest,
    ) -> Result<pb::RecordMilestonesResponse, Error> {
        self.is_ours(&request.instance)?;
        let milestones = milestones(&request.case_id, request.milestones)?;
        let keys: Vec<String> = milestones.records.iter().map(|record| record.mesh_id.clone()).collect();
        let collection = Collection { all_or_none: true, records: milestones.records };
        let resource = format!("composite/sobjects/{MILESTONE}/{KEY}");
        let call = self.write(OPERATION, Method::PATCH, &resource, &collection)?.correlation(&request.case_id);
        let recorded = self
            .until_free(call, |reply| {
                if !reply.status.is_success() {
                    return Err(refused(reply, OPERATION, true));
                }
                let recorded = recorded(&written::<Vec<Value>>(OPERATION, reply)?);
                let busy = matches!(recorded, Recorded::None(Meaning::Busy, _));
                Ok((recorded, busy))
            })
            .await?;
        match recorded {
            Recorded::All(ids) => {
                let id_of = |key: &String| keys.iter().zip(&ids).find(|(known, _)| *known == key).map(|(_, id)| id);
                let records = milestones.keys.iter().filter_map(id_of).map(|id| self.named(MILESTONE, id.clone()));
                let outcome = Some(outcome::done_with(milestones.warnings));
                Ok(pb::RecordMilestonesResponse { outcome, records: records.collect() })
            }
            Recorded::None(_, error) if is_of_the_case(&error) => {
                let message = format!("the CRM has no case {}", request.case_id);
                let outcome = Some(outcome::refused(NO_SUCH_CASE, message));
                Ok(pb::RecordMilestonesResponse { outcome, records: Vec::new() })
            }
            Recorded::None(meaning, error) => {
                let outcome = Some(settle("milestones", &meaning, error)?);
                Ok(pb::RecordMilestonesResponse { outcome, records: Vec::new() })
            }
        }
    }
}

fn recorded(answer: &[Value]) -> Recorded {
    let mut ids = Vec::new();
    let mut failures = Vec::new();
    for record in answer {
        match serde_json::from_value::<Saved>(record.clone()) {
            Ok(saved) if saved.success => ids.push(saved.id),
            Ok(_) | Err(_) => failures.push(lost(record)),
        }
    }
    // What was merely rolled back beside the culprit is not the cause.
    let own = failures.iter().position(|(meaning, _)| *meaning != Meaning::Derived);
    if failures.is_empty() {
        return Recorded::All(ids);
    }
    let (meaning, error) = failures.swap_remove(own.unwrap_or_default());
    Recorded::None(meaning, error)
}

/// Whether a refusal speaks of the case, the only record a milestone points to.
fn is_of_the_case(error: &VendorError) -> bool {
    match error.code.as_str() {
        "INVALID_CROSS_REFERENCE_KEY" | "ENTITY_IS_DELETED" => true,
        "MALFORMED_ID" | "FIELD_INTEGRITY_EXCEPTION" => error.message.contains("Case__c"),
        _ => false,
    }
}
