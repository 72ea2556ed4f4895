//! Asking ERPs for returns that changed.

use retail_flow::{Changes, Failure, Source, System};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;

use crate::part::owner_of;
use crate::returns::Returns;

/// A page holds hundreds of returns of hundreds of lines.
const LARGEST_ANSWER: usize = 64 << 20;

/// Takes what ERPs say into these returns.
pub(crate) struct Facts(pub(crate) Returns);

impl Source for Facts {
    type Change = erp::SalesReturnChange;
    const CALL: &'static str = "erp.poll_returns";
    const NAME: &'static str = "reading of the ERP's returns";

    async fn ask(&self, system: System<'_>, cursor: &str) -> Result<Changes<Self::Change>, Failure> {
        let request =
            erp::PollReturnsRequest { instance: system.instance.to_owned(), cursor: cursor.to_owned(), limit: 0 };
        let client = ErpServiceClient::new(system.connector.clone());
        let answer = client.max_decoding_message_size(LARGEST_ANSWER).poll_returns(request).await?.into_inner();
        // Two parts of one return are two changes of one document: the store puts them one behind the other.
        let newest = answer.changes.into_iter().map(|change| (change.external_ref.clone(), change)).collect();
        Ok(Changes { newest, cursor: answer.cursor, more: answer.more })
    }

    async fn take(&self, system: System<'_>, change: Self::Change) -> Result<(), Failure> {
        // Returns that people made in the ERP are not ours to follow.
        if owner_of(&change.external_ref).is_none() {
            return Ok(());
        }
        let instance = system.instance;
        let told = match change.kind() {
            erp::ChangeKind::Upsert => change.sales_return,
            erp::ChangeKind::Refetch | erp::ChangeKind::Unspecified | erp::ChangeKind::Resync => {
                let request =
                    erp::GetReturnRequest { instance: instance.to_owned(), external_ref: change.external_ref.clone() };
                match ErpServiceClient::new(system.connector.clone()).get_return(request).await {
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
            Some(told) => self.0.take_facts(told).await,
            None => Ok(()),
        }
    }
}
