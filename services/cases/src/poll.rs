//! Asking a CRM for changed cases: a workflow of its own per CRM. Changes are taken in first, one commit each, then the
//! cursor moves: a crash in between repeats changes, which is harmless, and loses none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use retail_flow::{Attempt, Class, Failure, Next, Policy, Process, Step, Summary};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_runtime::{Peer, Timestamp};
use retail_store::{Document, Draft};

use crate::calls::LARGEST_ANSWER;
use crate::cases::Cases;

/// Cases that are changed side by side while a page is taken over.
const SIDE_BY_SIDE: usize = 16;

/// Where the reading of one CRM stands. The id is the CRM's instance name.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Reading {
    /// The connector's cursor.
    #[prost(string, tag = "1")]
    pub cursor: String,
    /// When to ask again, milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub next_at: i64,
    /// When it last answered that there is no more, milliseconds since 1970; 0 before the first time.
    #[prost(int64, tag = "3")]
    pub read_at: i64,
}

impl Document for Reading {
    const KIND: &'static str = "crm-reading";
}

/// Read one page and take it over.
#[derive(Debug, Clone)]
pub(crate) struct ReadPage;

impl Step for ReadPage {
    fn name(&self) -> String {
        "crm.poll_cases".into()
    }

    fn class(&self) -> Class {
        Class::Call
    }

    fn routine(&self) -> bool {
        true
    }

    fn policy(&self) -> Policy {
        // A CRM may be away for days; asking goes on.
        Policy {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            deadline: Duration::MAX,
            attempt: Duration::from_secs(120),
        }
    }
}

/// What a page brought.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    cursor: String,
    more: bool,
}

/// The process of reading.
pub(crate) struct Poll {
    cases: Cases,
    crms: BTreeMap<String, (Peer, Duration)>,
}

impl Poll {
    /// Reads these CRMs into these cases.
    pub(crate) fn new(cases: Cases, crms: BTreeMap<String, (Peer, Duration)>) -> Arc<Self> {
        Arc::new(Self { cases, crms })
    }

    async fn take(&self, instance: &str, change: crm::CaseChange) -> Result<(), Failure> {
        let Some(told) = change.case_record else { return Ok(()) };
        let taken = self.cases.take(instance, told, change.deleted).await;
        taken.map_err(|error| Failure::not_done("STORE", error.to_string()))
    }
}

impl Process for Poll {
    type Doc = Reading;
    type Step = ReadPage;
    type Outcome = Page;

    fn decide(&self, reading: &Reading, now: Timestamp) -> Next<ReadPage> {
        match Timestamp::from_millisecond(reading.next_at) {
            Ok(next) if next > now => Next::Wait(Some(next)),
            _ => Next::Do(vec![ReadPage]),
        }
    }

    async fn perform(
        &self,
        instance: &str,
        reading: &Reading,
        _step: &ReadPage,
        _attempt: Attempt,
    ) -> Result<Page, Failure> {
        let Some((peer, _)) = self.crms.get(instance) else {
            let detail = format!("crm {instance} is no longer configured; remove its reading or configure it again");
            return Err(Failure::refused("SYSTEM_NOT_CONFIGURED", detail));
        };
        let request = crm::PollCasesRequest { instance: instance.to_owned(), cursor: reading.cursor.clone(), limit: 0 };
        let mut client = CrmServiceClient::new(peer.clone()).max_decoding_message_size(LARGEST_ANSWER);
        let answer = client.poll_cases(request).await?.into_inner();
        // Cases are taken over side by side, so of each only its newest change may be among them.
        let newest: BTreeMap<String, crm::CaseChange> = answer
            .changes
            .into_iter()
            .filter_map(|change| Some((change.case_record.as_ref()?.record.as_ref()?.id.clone(), change)))
            .collect();
        let taken = futures::stream::iter(newest.into_values()).map(|change| self.take(instance, change));
        let mut taken = taken.buffer_unordered(SIDE_BY_SIDE);
        while let Some(result) = taken.next().await {
            result?;
        }
        Ok(Page { cursor: answer.cursor, more: answer.more })
    }

    fn apply(&self, draft: &mut Draft<Reading>, _step: &ReadPage, page: &Page, now: Timestamp) {
        let every = self.crms.get(draft.id()).map_or(Duration::from_secs(10), |(_, every)| *every);
        let wait = if page.more { Duration::ZERO } else { every };
        draft.doc.cursor.clone_from(&page.cursor);
        draft.doc.next_at = now.as_millisecond().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        if !page.more {
            draft.doc.read_at = now.as_millisecond();
        }
    }

    fn seal(&self, _draft: &mut Draft<Reading>, _before: &Reading, _now: Timestamp) {}

    fn summary(&self, _reading: &Reading) -> Summary {
        Summary { name: "reading of the CRM's cases".into(), status: "Asks for changed cases".into() }
    }
}
