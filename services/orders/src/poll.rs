//! Asking ERPs for sales orders that changed, and payment services for payments that did.

use retail_flow::{Changes, Failure, Source, System};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;

use crate::orders::Orders;

/// A page holds hundreds of orders of hundreds of lines.
const LARGEST_ANSWER: usize = 64 << 20;
/// In front of the name of a payment service, which may be called as an ERP is.
const PAYMENTS: &str = "payments/";

/// Takes what ERPs and payment services say into these orders.
pub(crate) struct Facts(pub(crate) Orders);

/// Something that changed.
pub(crate) enum Change {
    /// A sales order.
    SalesOrder(Box<erp::SalesOrderChange>),
    /// A payment.
    Payment(Box<pay::PaymentChange>),
}

/// The name that the reading of a payment service goes by.
pub(crate) fn reading_of_payments(instance: &str) -> String {
    format!("{PAYMENTS}{instance}")
}

impl Source for Facts {
    type Change = Change;
    const CALL: &'static str = "orders.read_changes";
    const NAME: &'static str = "reading of what ERPs and payment services say";

    async fn ask(&self, system: System<'_>, cursor: &str) -> Result<Changes<Change>, Failure> {
        match system.behind(PAYMENTS) {
            Some(service) => ask_payments(service, cursor).await,
            None => ask_erp(system, cursor).await,
        }
    }

    async fn take(&self, system: System<'_>, change: Change) -> Result<(), Failure> {
        match change {
            Change::SalesOrder(change) => self.take_sales_order(system, *change).await,
            Change::Payment(change) => self.take_payment(system.behind(PAYMENTS).unwrap_or(system), *change).await,
        }
    }
}

async fn ask_erp(system: System<'_>, cursor: &str) -> Result<Changes<Change>, Failure> {
    let request = erp::PollChangesRequest { instance: system.instance.to_owned(), cursor: cursor.to_owned(), limit: 0 };
    let client = ErpServiceClient::new(system.connector.clone());
    let answer = client.max_decoding_message_size(LARGEST_ANSWER).poll_changes(request).await?.into_inner();
    let changes = answer.changes.into_iter();
    let newest = changes.map(|change| (change.external_ref.clone(), Change::SalesOrder(Box::new(change)))).collect();
    Ok(Changes { newest, cursor: answer.cursor, more: answer.more })
}

async fn ask_payments(system: System<'_>, cursor: &str) -> Result<Changes<Change>, Failure> {
    let request = pay::ListChangesRequest { instance: system.instance.to_owned(), cursor: cursor.to_owned(), limit: 0 };
    let answer = PaymentsServiceClient::new(system.connector.clone()).list_changes(request).await?.into_inner();
    let about = |change: &pay::PaymentChange| {
        let payment = change.payment.as_ref().and_then(|payment| payment.payment.as_ref());
        payment.map(|record| record.id.clone()).unwrap_or_default()
    };
    let changes = answer.changes.into_iter();
    let newest = changes.map(|change| (about(&change), Change::Payment(Box::new(change)))).collect();
    Ok(Changes { newest, cursor: answer.cursor, more: answer.more })
}

impl Facts {
    async fn take_sales_order(&self, system: System<'_>, change: erp::SalesOrderChange) -> Result<(), Failure> {
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

    async fn take_payment(&self, system: System<'_>, change: pay::PaymentChange) -> Result<(), Failure> {
        let told = match change.kind() {
            pay::ChangeKind::Upsert => change.payment.into_iter().collect(),
            pay::ChangeKind::Resync | pay::ChangeKind::Unspecified => self.read_unsettled(system).await?,
        };
        for payment in told {
            let taken = self.0.take_payment(system.instance, payment, "").await;
            taken.map_err(|error| Failure::not_done("PAYMENT_NOT_TAKEN", error.to_string()))?;
        }
        Ok(())
    }

    /// More happened than the service can list: every payment that is not settled is read.
    async fn read_unsettled(&self, system: System<'_>) -> Result<Vec<pay::Payment>, Failure> {
        let mut read = Vec::new();
        for payment_id in self.0.unsettled_payments(system.instance).await? {
            let request = pay::GetPaymentRequest { instance: system.instance.to_owned(), payment_id };
            match PaymentsServiceClient::new(system.connector.clone()).get_payment(request).await {
                Ok(answer) => read.extend(answer.into_inner().payment),
                Err(status) if status.code() == tonic::Code::NotFound => {}
                Err(status) => return Err(status.into()),
            }
        }
        Ok(read)
    }
}
