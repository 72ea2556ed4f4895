//! Telling every configured system of a customer, again whenever the profile changed. Systems are told side by side; one
//! that refuses or is away holds nobody else up.

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message as _;
use retail_flow::{Attempt, Class, Failure, Next, Policy, Process, Step, Summary, Verdict};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::customers::v1 as pb;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::types::v1::{Address, Outcome, OutcomeState, Ref};
use retail_runtime::{Peer, Timestamp};
use retail_store::Draft;

use crate::customer::{Customer, Kind};

/// A kind of system that is told of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SystemKind {
    /// An ERP.
    Erp,
    /// A CRM.
    Crm,
}

impl SystemKind {
    /// As references and requests spell it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Erp => "erp",
            Self::Crm => "crm",
        }
    }

    /// Reads the word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Erp, Self::Crm].into_iter().find(|kind| kind.word() == word)
    }
}

/// Tell a system some content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upsert {
    kind: SystemKind,
    instance: String,
    content: u64,
    again: u32,
}

impl Step for Upsert {
    fn name(&self) -> String {
        let base = format!("{}.upsert_customer.{}.{}", self.kind.word(), self.instance, self.content);
        if self.again == 0 { base } else { format!("{base}.{}", self.again) }
    }

    fn class(&self) -> Class {
        Class::Keyed
    }

    /// Two contents never race to one system.
    fn lane(&self) -> &'static str {
        self.kind.word()
    }

    fn policy(&self) -> Policy {
        // A system may be away for days: its customers wait, and nobody else does.
        Policy { deadline: Duration::MAX, ..Policy::VENDOR }
    }
}

/// Tells systems.
pub(crate) struct Telling {
    systems: BTreeMap<(SystemKind, String), Peer>,
}

impl Telling {
    pub(crate) fn new(systems: BTreeMap<(SystemKind, String), Peer>) -> Self {
        Self { systems }
    }

    async fn upsert_erp(&self, peer: &Peer, instance: &str, doc: &Customer) -> Result<Vec<Ref>, Failure> {
        let request = erp::UpsertCustomerRequest { instance: instance.to_owned(), customer: Some(erp_record(doc)) };
        let answer = ErpServiceClient::new(peer.clone()).upsert_customer(request).await?.into_inner();
        done("erp.UpsertCustomer", answer.outcome.as_ref())?;
        Ok(answer.customer.into_iter().collect())
    }

    async fn upsert_crm(&self, peer: &Peer, instance: &str, doc: &Customer) -> Result<Vec<Ref>, Failure> {
        let request = crm::UpsertCustomerRequest { instance: instance.to_owned(), customer: Some(crm_record(doc)) };
        let answer = CrmServiceClient::new(peer.clone()).upsert_customer(request).await?.into_inner();
        done("crm.UpsertCustomer", answer.outcome.as_ref())?;
        Ok(answer.records)
    }
}

impl Process for Telling {
    type Doc = Customer;
    type Step = Upsert;
    type Outcome = Vec<Ref>;

    fn decide(&self, doc: &Customer, _: Timestamp) -> Next<Upsert> {
        if !doc.is_founded() {
            return Next::Done;
        }
        let behind = self.systems.keys().filter_map(|(kind, instance)| {
            let told = doc.told(kind.word(), instance);
            (told.map_or(0, |told| told.content) < doc.content).then(|| Upsert {
                kind: *kind,
                instance: instance.clone(),
                content: doc.content,
                again: told.map_or(0, |told| told.again),
            })
        });
        let steps: Vec<Upsert> = behind.collect();
        if steps.is_empty() { Next::Wait(None) } else { Next::Do(steps) }
    }

    async fn perform(&self, _: &str, doc: &Customer, step: &Upsert, _: Attempt) -> Result<Vec<Ref>, Failure> {
        let Some(peer) = self.systems.get(&(step.kind, step.instance.clone())) else {
            let detail = format!("{} {} is no longer configured", step.kind.word(), step.instance);
            return Err(Failure::refused("SYSTEM_NOT_CONFIGURED", detail));
        };
        match step.kind {
            SystemKind::Erp => self.upsert_erp(peer, &step.instance, doc).await,
            SystemKind::Crm => self.upsert_crm(peer, &step.instance, doc).await,
        }
    }

    fn apply(&self, draft: &mut Draft<Customer>, step: &Upsert, records: &Vec<Ref>, _: Timestamp) {
        for record in records {
            // The record belongs to the instance that was asked, whatever the connector calls itself.
            let (kind, instance) = (step.kind.word().to_owned(), step.instance.clone());
            draft.doc.link(&Ref { kind, instance, ..record.clone() });
        }
        draft.doc.tell(step.kind.word(), &step.instance, step.content, None);
    }

    fn refused(&self, draft: &mut Draft<Customer>, step: &Upsert, why: &Failure, _: Timestamp) -> Verdict {
        let refusal = Some((why.reason(), why.detail()));
        draft.doc.tell(step.kind.word(), &step.instance, step.content, refusal);
        Verdict::Handled
    }

    fn seal(&self, draft: &mut Draft<Customer>, before: &Customer, now: Timestamp) {
        seal(draft, before, now);
    }

    fn summary(&self, doc: &Customer) -> Summary {
        let refused: Vec<String> = doc
            .told
            .iter()
            .filter(|told| !told.reason.is_empty())
            .map(|told| format!("{} refused: {}", told.instance, told.reason))
            .collect();
        let behind = doc.told.iter().filter(|told| told.content < doc.content).count();
        let status = if !refused.is_empty() {
            refused.join(", ")
        } else if behind > 0 || doc.told.len() < self.systems.len() {
            "Being told to other systems".to_owned()
        } else {
            "Known to every system".to_owned()
        };
        Summary { name: doc.id.clone(), status }
    }
}

/// Completes a commit that changed a customer: version, time and event.
pub(crate) fn seal(draft: &mut Draft<Customer>, before: &Customer, now: Timestamp) {
    draft.doc.changed(before, now);
    let event = if before.is_founded() { "CustomerChanged" } else { "CustomerFounded" };
    draft.emit(format!("retail.customers.v1.{event}"), pb::Customer::from(&draft.doc).encode_to_vec());
}

/// What systems show of a customer without a name.
const NO_NAME: &str = "(no name)";
const ANONYMOUS: &str = "Anonymous customers";

struct Named {
    is_person: bool,
    first_name: String,
    last_name: String,
}

fn named(doc: &Customer) -> Named {
    let profile = doc.profile.clone().unwrap_or_default();
    if doc.kind() == Kind::Anonymous {
        return Named { is_person: false, first_name: String::new(), last_name: ANONYMOUS.to_owned() };
    }
    if !profile.company.is_empty() {
        return Named { is_person: false, first_name: String::new(), last_name: profile.company };
    }
    let last_name = if profile.last_name.is_empty() { NO_NAME.to_owned() } else { profile.last_name };
    Named { is_person: true, first_name: profile.first_name, last_name }
}

fn erp_record(doc: &Customer) -> erp::CustomerRecord {
    let (named, profile) = (named(doc), doc.profile.clone().unwrap_or_default());
    erp::CustomerRecord {
        external_ref: doc.id.clone(),
        is_person: named.is_person,
        first_name: named.first_name,
        last_name: named.last_name,
        email: profile.email,
        phone: profile.phone,
        address: profile.address.filter(|address| *address != Address::default()),
        version: doc.version,
    }
}

fn crm_record(doc: &Customer) -> crm::CustomerRecord {
    let (named, profile) = (named(doc), doc.profile.clone().unwrap_or_default());
    crm::CustomerRecord {
        external_ref: doc.id.clone(),
        is_person: named.is_person,
        first_name: named.first_name,
        last_name: named.last_name,
        email: profile.email,
        phone: profile.phone,
        address: profile.address.filter(|address| *address != Address::default()),
        version: doc.version,
    }
}

/// Reads the outcome of a change; an outcome that is not said is pending, never success.
fn done(who: &str, outcome: Option<&Outcome>) -> Result<(), Failure> {
    let Some(outcome) = outcome else {
        return Err(Failure::not_done("BROKEN_ANSWER", format!("{who} answered without an outcome")));
    };
    match outcome.state() {
        OutcomeState::Done => Ok(()),
        OutcomeState::Refused => Err(Failure::refused(outcome.reason.clone(), outcome.message.clone())),
        OutcomeState::Partial => Err(Failure::refused("PARTIAL_OUTCOME", outcome.message.clone())),
        OutcomeState::Pending | OutcomeState::Unspecified => {
            Err(Failure::not_done("VENDOR_PENDING", outcome.message.clone()))
        }
    }
}
