//! The way of a case: put it in its places, look at what hangs on it, write what has happened to the CRM, let the CRM's
//! case point to its transactions. Each milestone is written once, whatever is lost on the way: its id is derived, and
//! the CRM upserts by it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use prost::Message;
use retail_flow::{
    Attempt, Class, Failure, Kept, Next, Parked, Personal, Policy, Process, Step, Summary, Verdict, kept,
};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::orders::v1::Order;
use retail_proto::returns::v1::Return;
use retail_proto::types::v1::Ref;
use retail_runtime::{Peer, Timestamp};
use retail_store::{Draft, Store};
use serde::{Deserialize, Serialize};

use crate::calls::done;
use crate::cases::Cases;
use crate::record::{Case, Kind, View};
use crate::seal::seal;
use crate::words::distinct;
use crate::{agents, milestones};

/// One thing to do for a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    /// Shelves and views learn of it.
    PutInPlace,
    /// What has happened to what hangs on it?
    Look,
    /// Write milestones, the first of which is this.
    Write(String),
    /// The CRM's case points to this order.
    PointToOrder(String),
    /// The CRM's case points to this return.
    PointToReturn(String),
}

/// What a look has found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    wanted: u64,
    customer_id: String,
    orders: Vec<String>,
    #[serde(with = "kept::list")]
    milestones: Vec<crm::Milestone>,
}

/// A milestone that is in the CRM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InCrm {
    id: String,
    #[serde(with = "kept::maybe")]
    record: Option<Ref>,
}

/// What a deed brings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Brought {
    /// It is in these places.
    Places { shelves: Vec<String>, views: Vec<String>, shelved_at: i64 },
    /// What was found.
    Found(Box<Found>),
    /// These milestones are in the CRM, as these records.
    Written(Vec<InCrm>),
    /// Done, nothing to remember.
    Done,
}

impl Step for Deed {
    fn name(&self) -> String {
        match self {
            Self::PutInPlace => "cases.put_in_place".into(),
            Self::Look => "cases.look".into(),
            Self::Write(first) => format!("crm.record_milestones/{first}"),
            Self::PointToOrder(id) => format!("crm.link_case/order/{id}"),
            Self::PointToReturn(id) => format!("crm.link_case/return/{id}"),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::PutInPlace | Self::Look => Class::Call,
            Self::Write(_) | Self::PointToOrder(_) | Self::PointToReturn(_) => Class::Keyed,
        }
    }

    fn lane(&self) -> &'static str {
        match self {
            // What happens inside goes on while the CRM's refusal waits for a person.
            Self::PutInPlace | Self::Look => "inside",
            Self::Write(_) => "crm",
            Self::PointToOrder(_) | Self::PointToReturn(_) => "crm-link",
        }
    }

    fn policy(&self) -> Policy {
        let patient = |policy: Policy| Policy { deadline: Duration::MAX, ..policy };
        match self {
            Self::PutInPlace | Self::Look => patient(Policy::MESH),
            // A CRM may be away for days: it is told when it is back.
            Self::Write(_) => patient(Policy::VENDOR),
            // The context that a case points to may be told much later.
            Self::PointToOrder(_) | Self::PointToReturn(_) => {
                patient(Policy { cap: Duration::from_secs(300), ..Policy::VENDOR })
            }
        }
    }
}

/// The process of cases.
pub(crate) struct Telling {
    store: Store,
    cases: Cases,
    crms: BTreeMap<String, Peer>,
}

impl Telling {
    /// Tells these CRMs.
    pub(crate) fn new(store: &Store, cases: Cases, crms: BTreeMap<String, Peer>) -> Arc<Self> {
        Arc::new(Self { store: store.clone(), cases, crms })
    }

    fn crm(&self, case: &Case) -> Result<CrmServiceClient<Peer>, Failure> {
        self.crms.get(&case.instance).map(|peer| CrmServiceClient::new(peer.clone())).ok_or_else(|| {
            let detail = format!("crm {} is not configured; set crms.{}.address", case.instance, case.instance);
            Failure::refused("SYSTEM_NOT_CONFIGURED", detail)
        })
    }

    async fn views(&self, kind: Kind, ids: &[String]) -> Result<Vec<View>, Failure> {
        let read = |id: &String| {
            let view = kind.view(id);
            async move { self.store.read::<View>(&view).await }
        };
        let found = try_join_all(ids.iter().map(read)).await;
        let found = found.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
        Ok(found.into_iter().flatten().map(|view| view.doc).filter(View::is_known).collect())
    }

    async fn look(&self, case: &Case) -> Result<Found, Failure> {
        let (id, mut found) = (case.id(), Found { wanted: case.wanted, ..Found::default() });
        let mut customers = Vec::new();
        for view in self.views(Kind::Return, &case.returns()).await? {
            let Some(record) = decoded::<Return>(&view) else { continue };
            found.orders.extend(agents::orders(&record));
            found.milestones.extend(milestones::write_return(&id, &record, &view.moments));
            customers.push(record.customer_id);
        }
        found.orders = distinct(found.orders.iter().map(String::as_str));
        let orders = Case { returned_orders: found.orders.clone(), ..case.clone() }.orders();
        for view in self.views(Kind::Order, &orders).await? {
            let Some(order) = decoded::<Order>(&view) else { continue };
            found.milestones.extend(milestones::write_order(&id, &order, &view.moments));
            customers.push(order.customer_id);
        }
        found.customer_id = customers.into_iter().find(|id| !id.is_empty()).unwrap_or_default();
        Ok(found)
    }

    async fn write(&self, case: &Case) -> Result<Brought, Failure> {
        let batch = case.unwritten();
        let ids: Vec<String> = batch.iter().map(|milestone| milestone.external_ref.clone()).collect();
        let request = crm::RecordMilestonesRequest {
            instance: case.instance.clone(),
            case_id: case.crm_id.clone(),
            milestones: batch,
        };
        let answer = self.crm(case)?.record_milestones(request).await?.into_inner();
        done("crm.RecordMilestones", answer.outcome.as_ref())?;
        let records = answer.records.into_iter().map(Some).chain(std::iter::repeat(None));
        let written = ids.into_iter().zip(records).map(|(id, record)| InCrm { id, record });
        Ok(Brought::Written(written.collect()))
    }

    async fn point(&self, case: &Case, order_ref: &str, return_ref: &str) -> Result<Brought, Failure> {
        let request = crm::LinkCaseRequest {
            instance: case.instance.clone(),
            case_id: case.crm_id.clone(),
            order_ref: order_ref.to_owned(),
            return_ref: return_ref.to_owned(),
        };
        let answer = self.crm(case)?.link_case(request).await?.into_inner();
        match done("crm.LinkCase", answer.outcome.as_ref()) {
            Ok(()) => Ok(Brought::Done),
            // The CRM does not have the context yet: whoever tells it will.
            Err(why) if why.reason() == "REFERENCE_MISSING" => Err(Failure::not_done(why.reason(), why.detail())),
            Err(why) => Err(why),
        }
    }
}

/// What a view holds. It was read when it came, so it reads now; if not, the case is told without it.
fn decoded<M: Message + Default>(view: &View) -> Option<M> {
    let decoded = M::decode(view.body.clone());
    if let Err(error) = &decoded {
        tracing::error!(%error, name = view.name, "a view cannot be read; this is a defect of Weft");
    }
    decoded.ok()
}

impl Process for Telling {
    type Doc = Case;
    type Step = Deed;
    type Outcome = Brought;

    fn decide(&self, case: &Case, _now: Timestamp) -> Next<Deed> {
        if !case.is_in_place() {
            return Next::Do(vec![Deed::PutInPlace]);
        }
        if case.deleted {
            return Next::Wait(None);
        }
        if case.is_behind() {
            return Next::Do(vec![Deed::Look]);
        }
        if case.parked {
            return Next::Wait(None);
        }
        let mut deeds: Vec<Deed> =
            case.unwritten().first().map(|first| Deed::Write(first.external_ref.clone())).into_iter().collect();
        deeds.extend(case.order_to_point_to().map(Deed::PointToOrder));
        deeds.extend(case.return_to_point_to().map(Deed::PointToReturn));
        if deeds.is_empty() { Next::Wait(None) } else { Next::Do(deeds) }
    }

    async fn perform(&self, _id: &str, case: &Case, deed: &Deed, _attempt: Attempt) -> Result<Brought, Failure> {
        match deed {
            Deed::PutInPlace => {
                let put = self.cases.put_in_place(case).await;
                put.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
                let (shelves, views) = (case.shelves_due(), case.views_due());
                Ok(Brought::Places { shelves, views, shelved_at: case.opened_at() })
            }
            Deed::Look => self.look(case).await.map(|found| Brought::Found(Box::new(found))),
            Deed::Write(_) => self.write(case).await,
            Deed::PointToOrder(id) => self.point(case, id, "").await,
            Deed::PointToReturn(id) => self.point(case, "", id).await,
        }
    }

    fn apply(&self, draft: &mut Draft<Case>, deed: &Deed, brought: &Brought, _now: Timestamp) {
        let case = &mut draft.doc;
        match brought {
            Brought::Places { shelves, views, shelved_at } => {
                // What changed before a view knew of the case was told to nobody.
                if views.iter().any(|view| !case.views.contains(view)) {
                    case.look_again();
                }
                shelves.clone_into(&mut case.shelves);
                views.clone_into(&mut case.views);
                case.shelved_at = *shelved_at;
            }
            Brought::Found(found) => case.see(found.wanted, &found.customer_id, &found.orders, &found.milestones),
            Brought::Written(records) => {
                for InCrm { id, record } in records {
                    if let Some(written) = case.milestones.iter_mut().find(|written| written.id() == id) {
                        written.done = true;
                        written.record.clone_from(record);
                    }
                }
            }
            Brought::Done => pointed(case, deed),
        }
    }

    fn refused(&self, draft: &mut Draft<Case>, deed: &Deed, why: &Failure, _now: Timestamp) -> Verdict {
        match deed {
            // The agent's own link, or a rule of the CRM, stands against it: nobody waits for a pointer.
            Deed::PointToOrder(_) | Deed::PointToReturn(_) if why.reason() != "NO_SUCH_CASE" => {
                pointed(&mut draft.doc, deed);
                Verdict::Handled
            }
            Deed::PutInPlace | Deed::Look | Deed::Write(_) | Deed::PointToOrder(_) | Deed::PointToReturn(_) => {
                Verdict::Park
            }
        }
    }

    fn parked(&self, draft: &mut Draft<Case>, why: Option<&Parked>, _now: Timestamp) {
        draft.doc.parked = why.is_some();
        draft.doc.cause = why.map(|parked| format!("{}: {}", parked.reason, parked.detail)).unwrap_or_default();
    }

    fn seal(&self, draft: &mut Draft<Case>, before: &Case, _now: Timestamp) {
        seal(draft, before);
    }

    fn kept() -> Option<Kept<Self>> {
        const PERSONAL: &[Personal] =
            &[Personal::message(&[3], "retail.crm.v1.Case"), Personal::message(&[8, 1], "retail.crm.v1.Milestone")];
        Some(Kept::with(PERSONAL))
    }

    fn summary(&self, case: &Case) -> Summary {
        let status = if case.deleted {
            "Deleted in the CRM".to_owned()
        } else if case.parked {
            "Waiting for a person".to_owned()
        } else if case.unwritten().is_empty() {
            "The CRM is told".to_owned()
        } else {
            "The CRM is being told".to_owned()
        };
        Summary { name: case.name(), status }
    }
}

fn pointed(case: &mut Case, deed: &Deed) {
    match deed {
        Deed::PointToOrder(id) => id.clone_into(&mut case.pointed_order),
        Deed::PointToReturn(id) => id.clone_into(&mut case.pointed_return),
        Deed::PutInPlace | Deed::Look | Deed::Write(_) => {}
    }
}
