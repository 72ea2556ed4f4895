//! Asking ERPs for returns that changed, and payment services for payments that did.

use retail_flow::{Changes, Failure, Source, System};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;

use crate::part::owner_of;
use crate::returns::Returns;

/// A page holds hundreds of returns of hundreds of lines.
const LARGEST_ANSWER: usize = 64 << 20;
/// In front of the name of a payment service, which may be called as an ERP is.
const PAYMENTS: &str = "payments/";

/// Takes what ERPs and payment services say into these returns.
pub(crate) struct Facts(pub(crate) Returns);

/// Something that changed.
pub(crate) enum Change {
    /// A return of the ERP.
    SalesReturn(Box<erp::SalesReturnChange>),
    /// A payment.
    Payment(Box<pay::PaymentChange>),
}

/// The name that the reading of a payment service goes by.
pub(crate) fn reading_of_payments(instance: &str) -> String {
    format!("{PAYMENTS}{instance}")
}

impl Source for Facts {
    type Change = Change;
    const CALL: &'static str = "returns.read_changes";
    const NAME: &'static str = "reading of what ERPs and payment services say";

    async fn ask(&self, system: System<'_>, cursor: &str) -> Result<Changes<Change>, Failure> {
        match system.behind(PAYMENTS) {
            Some(service) => ask_payments(service, cursor).await,
            None => ask_erp(system, cursor).await,
        }
    }

    async fn take(&self, system: System<'_>, change: Change) -> Result<(), Failure> {
        match change {
            Change::SalesReturn(change) => self.take_sales_return(system, *change).await,
            Change::Payment(change) => self.take_payment(system.behind(PAYMENTS).unwrap_or(system), *change).await,
        }
    }
}

async fn ask_erp(system: System<'_>, cursor: &str) -> Result<Changes<Change>, Failure> {
    let request = erp::PollReturnsRequest { instance: system.instance.to_owned(), cursor: cursor.to_owned(), limit: 0 };
    let client = ErpServiceClient::new(system.connector.clone());
    let answer = client.max_decoding_message_size(LARGEST_ANSWER).poll_returns(request).await?.into_inner();
    // Two parts of one return are two changes of one document: the store puts them one behind the other.
    let changes = answer.changes.into_iter();
    let newest = changes.map(|change| (change.external_ref.clone(), Change::SalesReturn(Box::new(change)))).collect();
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
    async fn take_sales_return(&self, system: System<'_>, change: erp::SalesReturnChange) -> Result<(), Failure> {
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

    async fn take_payment(&self, system: System<'_>, change: pay::PaymentChange) -> Result<(), Failure> {
        match change.kind() {
            pay::ChangeKind::Upsert => match change.payment {
                Some(payment) => self.0.take_payment(payment).await,
                None => Ok(()),
            },
            pay::ChangeKind::Resync | pay::ChangeKind::Unspecified => self.read_lately(system).await,
        }
    }

    /// More happened than the service can list: every payment that returns lately gave back out of is read.
    async fn read_lately(&self, system: System<'_>) -> Result<(), Failure> {
        for payment_id in self.0.refunded_lately(system.instance).await? {
            let request = pay::GetPaymentRequest { instance: system.instance.to_owned(), payment_id };
            let answer = match PaymentsServiceClient::new(system.connector.clone()).get_payment(request).await {
                Ok(answer) => answer.into_inner(),
                Err(status) if status.code() == tonic::Code::NotFound => continue,
                Err(status) => return Err(status.into()),
            };
            if let Some(payment) = answer.payment {
                self.0.take_payment(payment).await?;
            }
        }
        Ok(())
    }
}
