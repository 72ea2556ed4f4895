//! Asking an ERP for returns that changed: a workflow of its own per ERP. Changes are taken into the returns first, one
//! commit each, then the cursor moves: a crash in between repeats changes, which is harmless, and loses none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use retail_flow::{Attempt, Class, Failure, Next, Policy, Process, Step, Summary};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::{Peer, Timestamp};
use retail_store::{Document, Draft};

use crate::part::owner_of;
use crate::returns::Returns;

/// Returns that are changed side by side while a page is taken over.
const SIDE_BY_SIDE: usize = 16;

/// Where the reading of one ERP stands. The id is the ERP's instance name.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Reading {
    /// The connector's cursor.
    #[prost(string, tag = "1")]
    pub(crate) cursor: String,
    /// When to ask again, milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub(crate) next_at: i64,
}

impl Document for Reading {
    const KIND: &'static str = "erp-reading";
    const SCHEMA: u32 = 1;
}

/// Read one page and take it over.
#[derive(Debug, Clone)]
pub(crate) struct ReadPage;

impl Step for ReadPage {
    fn name(&self) -> String {
        "erp.poll_returns".into()
    }

    fn class(&self) -> Class {
        Class::Call
    }

    fn routine(&self) -> bool {
        true
    }

    fn policy(&self) -> Policy {
        // An ERP may be away for days; asking goes on.
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
    returns: Returns,
    erps: BTreeMap<String, (Peer, Duration)>,
}

impl Poll {
    /// Reads these ERPs into these returns.
    #[must_use]
    pub(crate) fn new(returns: Returns, erps: BTreeMap<String, (Peer, Duration)>) -> Arc<Self> {
        Arc::new(Self { returns, erps })
    }

    async fn take(&self, instance: &str, erp: &Peer, change: erp::SalesReturnChange) -> Result<(), Failure> {
        // Returns that people made in the ERP are not ours to follow.
        if owner_of(&change.external_ref).is_none() {
            return Ok(());
        }
        let told = match change.kind() {
            erp::ChangeKind::Upsert => change.sales_return,
            erp::ChangeKind::Refetch | erp::ChangeKind::Unspecified | erp::ChangeKind::Resync => {
                let request =
                    erp::GetReturnRequest { instance: instance.to_owned(), external_ref: change.external_ref.clone() };
                match ErpServiceClient::new(erp.clone()).get_return(request).await {
                    Ok(answer) => answer.into_inner().sales_return,
                    // Deleted since: one return that is gone must not stop the reading of all others.
                    Err(status) if status.code() == tonic::Code::NotFound => None,
                    Err(status) => return Err(status.into()),
                }
            }
            erp::ChangeKind::Deleted => {
                tracing::warn!(part_id = %change.external_ref, instance, "return deleted in the ERP; reconcile");
                None
            }
        };
        match told {
            Some(told) => self.returns.take_facts(told).await,
            None => Ok(()),
        }
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
        let Some((erp, _)) = self.erps.get(instance) else {
            let detail = format!("ERP {instance} is no longer configured; remove its reading or configure it again");
            return Err(Failure::refused("ERP_NOT_CONFIGURED", detail));
        };
        let request =
            erp::PollReturnsRequest { instance: instance.to_owned(), cursor: reading.cursor.clone(), limit: 0 };
        let mut client = ErpServiceClient::new(erp.clone()).max_decoding_message_size(64 << 20);
        let answer = client.poll_returns(request).await?.into_inner();
        // Two parts of one return are two changes of one document: the store puts them one behind the other. Of each
        // part only its newest change may be among those that are taken over side by side.
        let newest: BTreeMap<String, erp::SalesReturnChange> =
            answer.changes.into_iter().map(|change| (change.external_ref.clone(), change)).collect();
        let taken = futures::stream::iter(newest.into_values()).map(|change| self.take(instance, erp, change));
        let mut taken = taken.buffer_unordered(SIDE_BY_SIDE);
        while let Some(result) = taken.next().await {
            result?;
        }
        Ok(Page { cursor: answer.cursor, more: answer.more })
    }

    fn apply(&self, draft: &mut Draft<Reading>, _step: &ReadPage, page: &Page, now: Timestamp) {
        let every = self.erps.get(draft.id()).map_or(Duration::from_secs(2), |(_, every)| *every);
        let wait = if page.more { Duration::ZERO } else { every };
        draft.doc.cursor.clone_from(&page.cursor);
        draft.doc.next_at = now.as_millisecond().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    }

    fn seal(&self, _draft: &mut Draft<Reading>, _before: &Reading, _now: Timestamp) {}

    fn summary(&self, _reading: &Reading) -> Summary {
        Summary { name: "reading of the ERP's returns".into(), status: "Asks for changes".into() }
    }
}
