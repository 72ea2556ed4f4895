//! Refunds in: money that was given back elsewhere, applied to the memo or deposit it came from.
//!
//! POST of `customerRefund` with its external id in the body, not the transform of a memo (the vendor page: unverified for
//! REST) and not a PUT (a second one would write its `apply` again): a second POST can only be refused. The customer is the
//! document's own, because NetSuite lets nobody else be paid out of it.

use retail_connect::{Lane, outcome};
use retail_proto::Money;
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::crediting::exact;
use crate::erp::Connector;
use crate::fault::Error;
use crate::map;
use crate::path::eid;
use crate::posting::gone;
use crate::request::returns::{Refund, Source};
use crate::wire::returns::{Application, RefundWrite};
use crate::wire::{Lines, Record, Reference};

const REFUND: &str = "customer_refund.post";

impl Connector {
    /// Records a refund, or answers the one that is there.
    pub(crate) async fn refund(
        &self,
        request: &pb::RecordRefundRequest,
        refund: Refund,
    ) -> Result<(Outcome, Option<pb::RefundDocument>), Error> {
        if let Some(found) = self.find_refund(request, refund.amount).await? {
            return Ok((outcome::done(), Some(found)));
        }
        let refused = self.pay_out(request, &refund).await?.err();
        // Even after a refusal: somebody may have been faster under the same id, and left nothing to pay out.
        match (self.find_refund(request, refund.amount).await, refused) {
            (Ok(Some(found)), _) => Ok((outcome::done(), Some(found))),
            (Ok(None), Some(refused)) => Ok((refused, None)),
            (Ok(None), None) => Err(gone("customer_refund.get")),
            (Err(error), Some(_)) => Err(error),
            (Err(error), None) => Err(error.after_the_write(REFUND)),
        }
    }

    /// Writes the refund, or says why it cannot be.
    async fn pay_out(&self, request: &pb::RecordRefundRequest, refund: &Refund) -> Result<Result<(), Outcome>, Error> {
        let (kind, doc) = match refund.source {
            Source::CreditMemo(id) => ("creditMemo", id),
            Source::Deposit(id) => ("customerDeposit", id),
        };
        let fields = if kind == "creditMemo" { "tranId,entity,amountRemaining" } else { "tranId,customer" };
        let path = format!("/{kind}/{doc}?fields={fields}");
        let correlation = &request.external_ref;
        let held = self.suite.get::<Record>("refund_source.get", &path, Lane::Critical, correlation).await?;
        let Some(held) = held else {
            return Ok(Err(outcome::refused("ERP_RECORD_MISSING", format!("NetSuite has no {kind} {doc}"))));
        };
        let number = held.tran_id.clone().unwrap_or_else(|| doc.to_string());
        if held.amount_remaining.is_some() {
            let left = exact("refund_source.get", held.amount_remaining.as_ref(), refund.amount)?;
            if left.minor() < refund.amount.minor() {
                let words = format!("{kind} {number} holds {left}, less than the refund of {}", refund.amount);
                return Ok(Err(outcome::refused("ERP_REFUND_EXCEEDS_CREDIT", words)));
            }
        }
        let customer = held.entity.or(held.customer).map(|customer| Reference::Id(customer.id));
        let Ok(currency) = self.catalogue.currencies(Lane::Critical).await?.write(refund.amount.currency()) else {
            let words = format!("the account has no currency {}", refund.amount.currency());
            return Ok(Err(outcome::refused("ERP_CURRENCY_UNKNOWN", words)));
        };
        let application = Lines {
            items: vec![Application {
                doc: Reference::Id(doc.to_string()),
                apply: true,
                amount: map::number(refund.amount.to_decimal()),
            }],
        };
        let (apply, deposit) = if kind == "creditMemo" { (Some(application), None) } else { (None, Some(application)) };
        let ours = || Reference::ExternalId(format!("{}{}", map::CUSTOMER, request.customer_ref));
        let body = RefundWrite {
            external_id: format!("{}{}", map::REFUND, request.external_ref),
            customer: customer.unwrap_or_else(ours),
            tran_date: request.refund_date.clone(),
            currency: currency.map(|id| Reference::Id(id.to_string())),
            account: map::filled(&self.refund_account).map(Reference::Id),
            memo: map::filled(&[request.tender.as_str(), request.reference.as_str()].join(" ")),
            apply,
            deposit,
        };
        Ok(self.make(REFUND, "/customerRefund", &body, correlation).await?.map(|_| ()))
    }

    async fn find_refund(
        &self,
        request: &pb::RecordRefundRequest,
        asked: Money,
    ) -> Result<Option<pb::RefundDocument>, Error> {
        let id = &request.external_ref;
        let path = format!("{}?fields=tranId,total", eid("customerRefund", map::REFUND, id));
        let found = self.suite.get::<Record>("customer_refund.get", &path, Lane::Critical, id).await?;
        let Some(found) = found else { return Ok(None) };
        let number = found.tran_id.unwrap_or_default();
        Ok(Some(pb::RefundDocument {
            document: Some(map::reference(&self.instance, "customerRefund", found.id, number)),
            external_ref: id.clone(),
            amount: Some(exact("customer_refund.get", found.total.as_ref(), asked)?.into()),
            applied_to: request.apply_to.clone(),
        }))
    }
}
