//! Asking ERPs for sales orders that changed.

use retail_flow::{Changes, Failure, Source, System};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;

use crate::orders::Orders;

/// A page holds hundreds of orders of hundreds of lines.
const LARGEST_ANSWER: usize = 64 << 20;

/// Takes what ERPs say into these orders.
pub(crate) struct Facts(pub(crate) Orders);

impl Source for Facts {
    type Change = erp::SalesOrderChange;
    const CALL: &'static str = "erp.poll_changes";
    const NAME: &'static str = "reading of the ERP's orders";

    async fn ask(&self, system: System<'_>, cursor: &str) -> Result<Changes<Self::Change>, Failure> {
        let request =
            erp::PollChangesRequest { instance: system.instance.to_owned(), cursor: cursor.to_owned(), limit: 0 };
        let client = ErpServiceClient::new(system.connector.clone());
        let answer = client.max_decoding_message_size(LARGEST_ANSWER).poll_changes(request).await?.into_inner();
        let newest = answer.changes.into_iter().map(|change| (change.external_ref.clone(), change)).collect();
        Ok(Changes { newest, cursor: answer.cursor, more: answer.more })
    }

    async fn take(&self, system: System<'_>, change: Self::Change) -> Result<(), Failure> {
        let instance = system.instance;
        let told = match change.kind() {
            erp::ChangeKind::Upsert => change.order,
            erp::ChangeKind::Refetch | erp::ChangeKind::Unspecified | erp::ChangeKind::Resync => {
                let request = erp::GetSalesOrderRequest {
                    instance: instance.to_owned(),
                    external_ref: change.external_ref.clone(),
                };
                match ErpServiceClient::new(system.connector.clone()).get_sales_order(request).await {
                    Ok(answer) => answer.into_inner().order,
                    // Deleted since: one order that is gone must not stop the reading of all others.
                    Err(status) if status.code() == tonic::Code::NotFound => None,
                    Err(status) => return Err(status.into()),
                }
            }
            erp::ChangeKind::Deleted => {
                tracing::warn!(order_id = %change.external_ref, instance, "sales order deleted in the ERP; reconcile");
                None
            }
        };
        match told {
            // Orders that other channels put into the ERP are not ours to follow.
            Some(told) if !told.external_ref.is_empty() => self.0.take_facts(told).await,
            Some(_) | None => Ok(()),
        }
    }
}
