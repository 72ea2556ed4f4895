//! From Stripe's words to ours: pure, and every table of Stripe's words lives here.

use prost::Message as _;
use prost_types::Timestamp;
use retail_proto::Money;
use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::Ref;
use sha2::{Digest as _, Sha256};

use crate::amount::{self, BadAmount};
use crate::note::{self, REFERENCE};
use crate::reading::Standing;
use crate::wire::{Card, Dispute, Intent, Refund};

/// The account that is spoken for.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) instance: String,
    pub(crate) shop_order_keys: Vec<String>,
    /// True of live keys: events of the other mode are not ours.
    pub(crate) live: bool,
}

impl Account {
    /// The payment in our words. The same standing always becomes the same bytes.
    pub(crate) fn payment(&self, standing: &Standing) -> Result<pb::Payment, BadAmount> {
        let Standing { intent, refunds, disputes } = standing;
        let money = |amount: i64| amount::ours(amount, &intent.currency);
        let details = intent.latest_charge.as_ref().and_then(|charge| charge.payment_method_details.as_ref());
        let card = details.and_then(|details| details.card.as_ref());
        let shown = |amount: i64| Ok::<_, BadAmount>(Some(money(amount)?.into()));
        let mut captures = Vec::new();
        for (external_ref, amount) in note::captures(&intent.metadata) {
            captures.push(pb::Capture { external_ref, amount: shown(amount)? });
        }
        let shop = self.shop_order_keys.iter().find_map(|key| intent.metadata.get(key).filter(|ours| !ours.is_empty()));
        let mut payment = pb::Payment {
            payment: Some(self.reference("payment_intent", &intent.id)),
            external_ref: intent.metadata.get(REFERENCE).cloned().unwrap_or_default(),
            shop_order_ref: shop.cloned().unwrap_or_default(),
            state: state(standing).into(),
            tender: details.map(|details| details.kind.clone()).unwrap_or_default(),
            authorized: shown(intent.amount)?,
            capturable: shown(intent.amount_capturable)?,
            captured: shown(intent.amount_received)?,
            refunded: shown(refunded(refunds))?,
            captures,
            refunds: refunds.iter().map(|refund| self.refund(refund)).collect::<Result<_, _>>()?,
            disputes: disputes.iter().map(|dispute| self.dispute(dispute)).collect::<Result<_, _>>()?,
            authorized_until: card
                .and_then(|card| card.capture_before)
                .filter(|_| intent.amount_capturable > 0)
                .map(at_second),
            several_captures: card.is_some_and(several),
            cause: cause(intent),
            created_at: Some(at_second(intent.created)),
            revision: String::new(),
            reusable: reusable(intent).is_some(),
        };
        let digest = Sha256::digest(payment.encode_to_vec());
        payment.revision = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(payment)
    }

    /// A refund in our words.
    pub(crate) fn refund(&self, refund: &Refund) -> Result<pb::Refund, BadAmount> {
        let cause = refund.failure_reason.as_ref().or(refund.pending_reason.as_ref());
        Ok(pb::Refund {
            refund: Some(self.reference("refund", &refund.id)),
            external_ref: refund.metadata.get(REFERENCE).cloned().unwrap_or_default(),
            amount: Some(amount::ours(refund.amount, &refund.currency)?.into()),
            state: refund_state(refund).into(),
            cause: cause.cloned().unwrap_or_default(),
            refunded_at: Some(at_second(refund.created)),
        })
    }

    fn dispute(&self, dispute: &Dispute) -> Result<pb::Dispute, BadAmount> {
        let due = dispute.evidence_details.as_ref().and_then(|evidence| evidence.due_by);
        let state = dispute_state(dispute);
        let answerable = matches!(state, pb::DisputeState::Open | pb::DisputeState::Inquiry);
        Ok(pb::Dispute {
            dispute: Some(self.reference("dispute", &dispute.id)),
            amount: Some(amount::ours(dispute.amount, &dispute.currency)?.into()),
            state: state.into(),
            cause: dispute.reason.clone(),
            respond_by: due.filter(|_| answerable).map(at_second),
            opened_at: Some(at_second(dispute.created)),
        })
    }

    fn reference(&self, kind: &str, id: &str) -> Ref {
        Ref {
            kind: "payments".to_owned(),
            instance: self.instance.clone(),
            r#type: kind.to_owned(),
            id: id.to_owned(),
            number: String::new(),
        }
    }
}

/// Where the payment stands. A status that we do not know is pending, never success.
pub(crate) fn state(standing: &Standing) -> pb::PaymentState {
    let Standing { intent, refunds, disputes } = standing;
    let (captured, back) = (intent.amount_received, refunded(refunds));
    if captured > 0 {
        return if disputes.iter().any(blocks) {
            pb::PaymentState::Disputed
        } else if back >= captured {
            pb::PaymentState::Refunded
        } else if back > 0 {
            pb::PaymentState::PartlyRefunded
        } else if intent.amount_capturable > 0 {
            pb::PaymentState::PartlyCaptured
        } else {
            pb::PaymentState::Captured
        };
    }
    match intent.status.as_str() {
        "requires_capture" => pb::PaymentState::Authorized,
        "canceled" if expired(intent) => pb::PaymentState::Expired,
        "canceled" => pb::PaymentState::Cancelled,
        "requires_payment_method" if intent.last_payment_error.is_some() => pb::PaymentState::Failed,
        _ => pb::PaymentState::Pending,
    }
}

/// True when Stripe itself let go of the authorization: "generated by Stripe internally".
pub(crate) fn expired(intent: &Intent) -> bool {
    intent.cancellation_reason.as_deref().is_some_and(|reason| ["automatic", "expired"].contains(&reason))
}

/// What is back or on its way, in Stripe's units.
pub(crate) fn refunded(refunds: &[Refund]) -> i64 {
    let counts = |refund: &&Refund| refund_state(refund) != pb::RefundState::Failed;
    refunds.iter().filter(counts).fold(0, |sum: i64, refund| sum.saturating_add(refund.amount))
}

/// Where a refund stands.
pub(crate) fn refund_state(refund: &Refund) -> pb::RefundState {
    match refund.status.as_str() {
        "succeeded" => pb::RefundState::Done,
        "failed" | "canceled" => pb::RefundState::Failed,
        _ => pb::RefundState::Pending,
    }
}

/// Where a dispute stands.
pub(crate) fn dispute_state(dispute: &Dispute) -> pb::DisputeState {
    match dispute.status.as_str() {
        "warning_needs_response" | "warning_under_review" => pb::DisputeState::Inquiry,
        "under_review" => pb::DisputeState::UnderReview,
        "won" | "warning_closed" | "prevented" => pb::DisputeState::Won,
        "lost" => pb::DisputeState::Lost,
        _ => pb::DisputeState::Open,
    }
}

/// True when nothing can be refunded because of it.
pub(crate) fn blocks(dispute: &Dispute) -> bool {
    match dispute_state(dispute) {
        pb::DisputeState::Open | pb::DisputeState::UnderReview | pb::DisputeState::Lost => true,
        pb::DisputeState::Inquiry | pb::DisputeState::Won | pb::DisputeState::Unspecified => false,
    }
}

/// True when the payment takes several captures.
pub(crate) fn several(card: &Card) -> bool {
    card.multicapture.as_ref().is_some_and(|multicapture| multicapture.status == "available")
}

/// Customer and payment method of a payment whose method "can be used off-session" afterwards ("Save payment details during
/// payment").
pub(crate) fn reusable(intent: &Intent) -> Option<(&str, &str)> {
    let off_session = intent.setup_future_usage.as_deref() == Some("off_session");
    let (customer, method) = (intent.customer.as_deref()?, intent.payment_method.as_deref()?);
    off_session.then_some((customer, method))
}

fn cause(intent: &Intent) -> String {
    let declined = intent.last_payment_error.as_ref().filter(|_| intent.status == "requires_payment_method");
    let words = declined.map(|problem| [&problem.decline_code, &problem.code, &problem.kind]);
    let declined = words.and_then(|words| words.into_iter().find(|word| !word.is_empty()));
    declined.or(intent.cancellation_reason.as_ref()).cloned().unwrap_or_default()
}

fn at_second(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

/// Stripe's word for a currency.
pub(crate) fn currency(money: &Money) -> String {
    money.currency().code().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
