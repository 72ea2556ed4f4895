//! The shape of what is asked: every wrong field at once, then values instead of texts.

use retail_proto::Money;
use retail_proto::payments::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use crate::amount;
use crate::changes::Cursor;
use crate::note;

/// Stripe takes 255; the last are for the keys that are derived from it.
const LONGEST_KEY: usize = 240;
const LONGEST_ID: usize = 100;
/// Payments that a list of changes holds, each of up to three calls.
const MOST_CHANGES: i32 = 100;
const CHANGES: i32 = 25;

/// Money to be taken.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) payment_id: String,
    pub(crate) reference: String,
    pub(crate) amount: Money,
    /// The amount as Stripe counts it.
    pub(crate) theirs: i64,
    /// Nothing is captured after it.
    pub(crate) last: bool,
    pub(crate) verify_only: bool,
    pub(crate) key: String,
}

/// Money to be given back.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) payment_id: String,
    pub(crate) reference: String,
    pub(crate) amount: Money,
    /// The amount as Stripe counts it.
    pub(crate) theirs: i64,
    /// Stripe's word.
    pub(crate) reason: Option<&'static str>,
    pub(crate) verify_only: bool,
    pub(crate) key: String,
}

/// Money to be authorized anew.
#[derive(Debug, Clone)]
pub(crate) struct Anew {
    /// The earlier payment.
    pub(crate) payment_id: String,
    pub(crate) reference: String,
    pub(crate) amount: Money,
    /// The amount as Stripe counts it.
    pub(crate) theirs: i64,
    pub(crate) verify_only: bool,
    pub(crate) key: String,
}

/// An authorization to be let go.
#[derive(Debug, Clone)]
pub(crate) struct Cancellation {
    pub(crate) payment_id: String,
    /// Stripe's word.
    pub(crate) reason: Option<&'static str>,
    pub(crate) key: String,
}

/// A payment to be ours.
#[derive(Debug, Clone)]
pub(crate) struct Adoption {
    pub(crate) payment_id: String,
    pub(crate) reference: String,
    pub(crate) key: String,
}

/// By what payments are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Ours(String),
    Shops(String),
}

impl Wanted {
    pub(crate) fn value(&self) -> &str {
        match self {
            Self::Ours(value) | Self::Shops(value) => value,
        }
    }
}

/// The instance must be ours.
pub(crate) fn instance(field: &str, given: &str, ours: &str) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    violations.require(field, given == ours, &format!("this connector serves {ours:?}; ask that instance"));
    violations.check()
}

pub(crate) fn payment_id(id: &str) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    require_payment(&mut violations, id);
    violations.check()
}

pub(crate) fn wanted(request: &pb::FindPaymentsRequest) -> Result<Wanted, BadShape> {
    let mut violations = Violations::default();
    let (ours, shops) = (request.external_ref.as_str(), request.shop_order_ref.as_str());
    violations.require("external_ref", ours.is_empty() != shops.is_empty(), "give one: external_ref or shop_order_ref");
    let wanted = if ours.is_empty() {
        // A shop's number may have spaces and hash signs; quotes would end the search's own.
        let fits =
            shops.chars().all(|one| !one.is_control() && !['"', '\'', '\\'].contains(&one)) && shops.len() <= 500;
        violations.require("shop_order_ref", fits, "give at most 500 bytes without quotes and backslashes");
        Wanted::Shops(shops.to_owned())
    } else {
        require_reference(&mut violations, ours);
        Wanted::Ours(ours.to_owned())
    };
    violations.check().map(|()| wanted)
}

pub(crate) fn adoption(request: &pb::AdoptPaymentRequest) -> Result<Adoption, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    require_reference(&mut violations, &request.external_ref);
    require_payment(&mut violations, &request.payment_id);
    violations.check().map(|()| Adoption {
        payment_id: request.payment_id.clone(),
        reference: request.external_ref.clone(),
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn capture(request: &pb::CapturePaymentRequest) -> Result<Capture, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    require_reference(&mut violations, &request.external_ref);
    require_payment(&mut violations, &request.payment_id);
    let Some((amount, theirs)) = money(&mut violations, request.amount.as_ref()) else {
        return Err(violations.into_shape());
    };
    violations.check().map(|()| Capture {
        payment_id: request.payment_id.clone(),
        reference: request.external_ref.clone(),
        amount,
        theirs,
        last: request.r#final,
        verify_only: request.verify_only,
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn anew(request: &pb::AuthorizeAnewRequest) -> Result<Anew, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    require_reference(&mut violations, &request.external_ref);
    require_payment(&mut violations, &request.payment_id);
    let Some((amount, theirs)) = money(&mut violations, request.amount.as_ref()) else {
        return Err(violations.into_shape());
    };
    violations.check().map(|()| Anew {
        payment_id: request.payment_id.clone(),
        reference: request.external_ref.clone(),
        amount,
        theirs,
        verify_only: request.verify_only,
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn cancellation(request: &pb::CancelAuthorizationRequest) -> Result<Cancellation, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    require_payment(&mut violations, &request.payment_id);
    let reason = match request.reason() {
        pb::CancelReason::Unspecified => None,
        pb::CancelReason::RequestedByCustomer => Some("requested_by_customer"),
        pb::CancelReason::Duplicate => Some("duplicate"),
        pb::CancelReason::Fraudulent => Some("fraudulent"),
        pb::CancelReason::Abandoned => Some("abandoned"),
    };
    violations.check().map(|()| Cancellation {
        payment_id: request.payment_id.clone(),
        reason,
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn refund(request: &pb::RefundPaymentRequest) -> Result<Refund, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    require_reference(&mut violations, &request.external_ref);
    require_payment(&mut violations, &request.payment_id);
    let Some((amount, theirs)) = money(&mut violations, request.amount.as_ref()) else {
        return Err(violations.into_shape());
    };
    let reason = match request.reason() {
        pb::RefundReason::Unspecified => None,
        pb::RefundReason::RequestedByCustomer => Some("requested_by_customer"),
        pb::RefundReason::Duplicate => Some("duplicate"),
        pb::RefundReason::Fraudulent => Some("fraudulent"),
    };
    violations.check().map(|()| Refund {
        payment_id: request.payment_id.clone(),
        reference: request.external_ref.clone(),
        amount,
        theirs,
        reason,
        verify_only: request.verify_only,
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn changes(request: &pb::ListChangesRequest) -> Result<(Option<Cursor>, usize), BadShape> {
    let mut violations = Violations::default();
    violations.require("limit", request.limit >= 0, "must not be negative; 0 lets the connector choose");
    let cursor = Cursor::read(&request.cursor);
    let known = request.cursor.is_empty() || cursor.is_some();
    violations.require("cursor", known, "give the cursor of the last answer, or none");
    violations.check()?;
    let limit = if request.limit == 0 { CHANGES } else { request.limit.min(MOST_CHANGES) };
    Ok((cursor, usize::try_from(limit).unwrap_or(1)))
}

fn require_key(violations: &mut Violations, key: &str) {
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    violations.require("idempotency_key", fits, "give a key of 1 to 240 visible ASCII characters");
}

fn require_reference(violations: &mut Violations, reference: &str) {
    let what = "give 1 to 100 visible ASCII characters without quotes and backslashes";
    violations.require("external_ref", note::is_reference(reference), what);
}

fn require_payment(violations: &mut Violations, id: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = id.len() <= LONGEST_ID && id.strip_prefix("pi_").is_some_and(|rest| !rest.is_empty());
    violations.require("payment_id", fits && id.bytes().all(plain), "give Stripe's id of a payment intent: pi_...");
}

/// The amount, and as Stripe counts it.
fn money(violations: &mut Violations, given: Option<&retail_proto::types::v1::Money>) -> Option<(Money, i64)> {
    match given.map(Money::try_from) {
        Some(Ok(amount)) if amount.minor() > 0 => match amount::theirs(amount) {
            Ok(theirs) => return Some((amount, theirs)),
            Err(bad) => violations.add("amount", bad.to_string()),
        },
        Some(Err(error)) => violations.add("amount.currency", error.to_string()),
        Some(Ok(_)) | None => violations.add("amount", "give an amount above 0"),
    }
    None
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Money as Wire;
    use retail_runtime::fault::Fault as _;

    use super::*;

    fn fields(bad: &BadShape) -> Vec<String> {
        bad.fields().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn every_wrong_field_of_a_capture_is_named_at_once() {
        let bad = capture(&pb::CapturePaymentRequest::default()).unwrap_err();
        assert_eq!(fields(&bad), ["idempotency_key", "external_ref", "payment_id", "amount"]);
    }

    #[test]
    fn every_wrong_field_of_what_is_authorized_anew_is_named_at_once() {
        let bad = anew(&pb::AuthorizeAnewRequest::default()).unwrap_err();
        assert_eq!(fields(&bad), ["idempotency_key", "external_ref", "payment_id", "amount"]);
    }

    #[test]
    fn an_amount_that_stripe_cannot_count_is_a_wrong_field() {
        let request = |minor_units, currency: &str| pb::RefundPaymentRequest {
            idempotency_key: "k".to_owned(),
            external_ref: "r".to_owned(),
            payment_id: "pi_1".to_owned(),
            amount: Some(Wire { minor_units, currency: currency.to_owned() }),
            ..pb::RefundPaymentRequest::default()
        };
        assert_eq!(refund(&request(500, "JPY")).unwrap().theirs, 500);
        assert_eq!(refund(&request(5, "ISK")).unwrap().theirs, 500);
        assert_eq!(fields(&refund(&request(5_124, "KWD")).unwrap_err()), ["amount"]);
        assert_eq!(fields(&refund(&request(0, "GBP")).unwrap_err()), ["amount"]);
        assert_eq!(fields(&refund(&request(1, "gbp")).unwrap_err()), ["amount.currency"]);
    }

    #[test]
    fn an_id_of_something_else_is_no_payment() {
        for wrong in ["", "pi_", "ch_1", "pi_1/capture", "pi_1?x"] {
            assert!(payment_id(wrong).is_err(), "{wrong}");
        }
        assert!(payment_id("pi_3MrPBM2eZvKYlo2C1TEMacFD").is_ok());
    }

    #[test]
    fn one_reference_is_searched_and_not_two() {
        let request = |ours: &str, shops: &str| pb::FindPaymentsRequest {
            external_ref: ours.to_owned(),
            shop_order_ref: shops.to_owned(),
            ..pb::FindPaymentsRequest::default()
        };
        assert_eq!(wanted(&request("O-1", "")).unwrap(), Wanted::Ours("O-1".to_owned()));
        assert_eq!(wanted(&request("", "# 1001")).unwrap(), Wanted::Shops("# 1001".to_owned()));
        for (ours, shops) in [("", ""), ("O-1", "1"), ("", "a\"b"), ("a b", "")] {
            assert!(wanted(&request(ours, shops)).is_err(), "{ours:?} {shops:?}");
        }
    }
}
