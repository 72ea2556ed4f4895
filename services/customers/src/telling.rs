//! Telling every configured system of a customer, again whenever the profile changed. Systems are told side by side; one
//! that refuses or is away holds nobody else up.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_flow::{Attempt, Class, Failure, Kept, Next, Personal, Policy, Process, Step, Summary, Verdict, done, kept};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::types::v1::{Address, Ref};
use retail_runtime::{Peer, Timestamp};
use retail_store::Draft;
use serde::{Deserialize, Serialize};

use crate::bond::Bond;
use crate::customer::{Customer, Kind};
use crate::joining::Joining;
use crate::seal::{Event, seal};

/// A kind of system that is told of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// What is to be done for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Tell a system some content.
    Upsert {
        /// Kind of system.
        kind: SystemKind,
        /// Its instance.
        instance: String,
        /// The content.
        content: u64,
        /// How often it was begun anew.
        again: u32,
    },
    /// Complete a merge or its undoing that somebody left half done.
    Complete(#[serde(with = "kept::own")] Bond),
}

/// What a task brought.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Brought {
    /// The system's records of the customer.
    Records(#[serde(with = "kept::list")] Vec<Ref>),
    /// The merge is over.
    Completed,
}

const PROFILE: &str = "retail.customers.v1.Profile";
const ADDRESS: &str = "retail.types.v1.Address";

/// Where a customer holds personal data: what is known, the keys it was seen with, what sources state, and digests of all
/// that, which could be guessed at.
const PERSONAL: &[Personal] = &[
    Personal::message(&[4], PROFILE),
    Personal::text(&[12]),
    Personal::text(&[13, 7]),
    Personal::text(&[13, 8, 4, 2]),
    Personal::message(&[13, 8, 4, 3], ADDRESS),
    Personal::text(&[14, 7]),
    Personal::text(&[14, 8, 4, 2]),
    Personal::message(&[14, 8, 4, 3], ADDRESS),
    Personal::text(&[15, 2]),
    Personal::text(&[18, 7]),
    Personal::text(&[18, 8, 4, 2]),
    Personal::message(&[18, 8, 4, 3], ADDRESS),
];

/// How long a merge is left to whoever began it, milliseconds.
const LEFT_ALONE: i64 = 3_000;

fn upsert_name(kind: &str, instance: &str, content: u64, again: u32) -> String {
    let base = format!("{kind}.upsert_customer.{instance}.{content}");
    if again == 0 { base } else { format!("{base}.{again}") }
}

impl Step for Task {
    fn name(&self) -> String {
        match self {
            Self::Upsert { kind, instance, content, again } => upsert_name(kind.word(), instance, *content, *again),
            Self::Complete(bond) => format!("complete.{}", bond.op),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Upsert { .. } => Class::Keyed,
            Self::Complete(_) => Class::Call,
        }
    }

    /// Two contents never race to one system.
    fn lane(&self) -> &'static str {
        match self {
            Self::Upsert { kind, .. } => kind.word(),
            Self::Complete(_) => "merge",
        }
    }

    fn policy(&self) -> Policy {
        match self {
            // A system may be away for days: its customers wait, and nobody else does.
            Self::Upsert { .. } => Policy { deadline: Duration::MAX, ..Policy::VENDOR },
            Self::Complete(_) => Policy { deadline: Duration::MAX, ..Policy::MESH },
        }
    }
}

/// Contents that may have reached a system although it has not confirmed them.
pub(crate) fn may_have_heard(draft: &mut Draft<Customer>, kind: &str, instance: &str) -> Vec<u64> {
    let (took, again) = draft.doc.told(kind, instance).map(|told| (told.took.clone(), told.again)).unwrap_or_default();
    let contents: Vec<u64> = draft.doc.contents.iter().map(|content| content.version).collect();
    let open = contents.into_iter().filter(|content| !took.contains(content));
    // A telling that was begun anew has a name of its own; the ones before it may be on their way still.
    let named =
        |content: u64| (again.saturating_sub(2)..=again).map(move |again| upsert_name(kind, instance, content, again));
    open.filter(|content| named(*content).any(|name| retail_flow::may_have_been_sent(draft, &name))).collect()
}

/// Tells systems.
pub(crate) struct Telling {
    systems: BTreeMap<(SystemKind, String), Peer>,
    joining: Joining,
}

impl Telling {
    pub(crate) fn new(systems: BTreeMap<(SystemKind, String), Peer>, joining: Joining) -> Self {
        Self { systems, joining }
    }

    async fn upsert(&self, kind: SystemKind, instance: &str, doc: &Customer) -> Result<Vec<Ref>, Failure> {
        let Some(peer) = self.systems.get(&(kind, instance.to_owned())) else {
            let detail = format!("{} {instance} is no longer configured", kind.word());
            return Err(Failure::refused("SYSTEM_NOT_CONFIGURED", detail));
        };
        match kind {
            SystemKind::Erp => self.upsert_erp(peer, instance, doc).await,
            SystemKind::Crm => self.upsert_crm(peer, instance, doc).await,
        }
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
    type Step = Task;
    type Outcome = Brought;

    fn decide(&self, doc: &Customer, now: Timestamp) -> Next<Task> {
        if !doc.is_founded() {
            return Next::Done;
        }
        let behind = self.systems.keys().filter_map(|(kind, instance)| {
            let told = doc.told(kind.word(), instance);
            (told.map_or(0, |told| told.content) < doc.content).then(|| Task::Upsert {
                kind: *kind,
                instance: instance.clone(),
                content: doc.content,
                again: told.map_or(0, |told| told.again),
            })
        });
        let mut tasks: Vec<Task> = behind.collect();
        let mut until = None;
        if let Some(bond) = &doc.bond {
            let late = bond.at.saturating_add(LEFT_ALONE);
            if now.as_millisecond() >= late {
                tasks.push(Task::Complete(bond.clone()));
            }
            until = Timestamp::from_millisecond(late).ok();
        }
        if tasks.is_empty() { Next::Wait(until) } else { Next::Do(tasks) }
    }

    async fn perform(&self, _: &str, doc: &Customer, task: &Task, _: Attempt) -> Result<Brought, Failure> {
        match task {
            Task::Upsert { kind, instance, .. } => self.upsert(*kind, instance, doc).await.map(Brought::Records),
            Task::Complete(bond) => match self.joining.complete(bond.clone()).await {
                Ok(_) => Ok(Brought::Completed),
                Err(error) => Err(Failure::not_done("MERGE_OPEN", error.to_string())),
            },
        }
    }

    fn apply(&self, draft: &mut Draft<Customer>, task: &Task, brought: &Brought, now: Timestamp) {
        let (Task::Upsert { kind, instance, content, .. }, Brought::Records(records)) = (task, brought) else { return };
        // It became part of another while it was told: its record stays known there when it is told again.
        if !draft.doc.is_founded() {
            return;
        }
        for record in records {
            // The record belongs to the instance that was asked, whatever the connector calls itself.
            let (kind, instance) = (kind.word().to_owned(), instance.clone());
            draft.doc.link(&Ref { kind, instance, ..record.clone() });
        }
        draft.doc.tell(kind.word(), instance, *content, None, now);
    }

    fn refused(&self, draft: &mut Draft<Customer>, task: &Task, why: &Failure, now: Timestamp) -> Verdict {
        if let Task::Upsert { kind, instance, content, .. } = task
            && draft.doc.is_founded()
        {
            let refusal = Some((why.reason(), why.detail()));
            draft.doc.tell(kind.word(), instance, *content, refusal, now);
        }
        Verdict::Handled
    }

    fn seal(&self, draft: &mut Draft<Customer>, before: &Customer, now: Timestamp) {
        seal(draft, before, Event::Changed, now);
    }

    fn kept() -> Option<Kept<Self>> {
        Some(Kept::with(PERSONAL))
    }

    fn summary(&self, doc: &Customer) -> Summary {
        if !doc.alias_of.is_empty() {
            return Summary { name: doc.id.clone(), status: format!("Part of customer {}", doc.alias_of) };
        }
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

/// What systems show of a customer without a name.
pub(crate) const NO_NAME: &str = "(no name)";
/// What systems show of the anonymous customer.
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
