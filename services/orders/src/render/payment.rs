//! Payments as callers see them.

use retail_proto::orders::v1 as pb;
use retail_proto::payments::v1 as pay;
use retail_proto::timestamp;

use crate::ask::money;
use crate::documents::{Payment, Standing};
use crate::payments::cause;
use crate::record::Order;

pub(super) fn payment(order: &Order, payment: &Payment) -> pb::Payment {
    let refunded = payment.standing.as_ref().map_or(0, |standing| standing.refunded);
    pb::Payment {
        payment_id: payment.id.clone(),
        tender: payment.tender,
        amount: Some(money(order, payment.minor)),
        state: payment.standing.as_ref().map_or(payment.state, |standing| i32::from(state(payment, standing))),
        gateway: payment.gateway.clone(),
        reference: payment.reference.clone(),
        authorization_expires_at: (payment.expires_at != 0).then(|| timestamp(payment.expires_at)),
        document: payment.document.clone(),
        // Before it is known what became of it the service holds nothing.
        service: if payment.reference.is_empty() { String::new() } else { payment.service.clone() },
        taken_from: payment.taken_from.clone(),
        refunded: (refunded != 0).then(|| money(order, refunded)),
        cause: cause(payment).unwrap_or_default(),
        again_of: payment.again_of.clone(),
    }
}

/// Where an authorization stands, in the words of orders.
fn state(payment: &Payment, standing: &Standing) -> pb::PaymentState {
    let told = pay::PaymentState::try_from(standing.state).unwrap_or(pay::PaymentState::Pending);
    match told {
        pay::PaymentState::Disputed => pb::PaymentState::Disputed,
        _ if standing.is_open() && !payment.let_go => pb::PaymentState::Authorized,
        pay::PaymentState::Refunded => pb::PaymentState::Refunded,
        pay::PaymentState::PartlyRefunded => pb::PaymentState::PartlyRefunded,
        pay::PaymentState::Captured => pb::PaymentState::Settled,
        pay::PaymentState::Expired => pb::PaymentState::Expired,
        pay::PaymentState::Cancelled => pb::PaymentState::Voided,
        _ if payment.let_go && standing.captured > 0 => pb::PaymentState::Settled,
        _ if payment.let_go => pb::PaymentState::Voided,
        pay::PaymentState::Failed => pb::PaymentState::Failed,
        pay::PaymentState::Authorized | pay::PaymentState::PartlyCaptured => pb::PaymentState::Authorized,
        pay::PaymentState::Pending | pay::PaymentState::Unspecified => pb::PaymentState::Pending,
    }
}
