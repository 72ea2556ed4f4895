//! Giving captured money back. A refund carries our id in its metadata and is looked for by it before anything is sent: the
//! list of a payment's refunds is as new as Stripe's last write.

use retail_connect::outcome;
use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::api::{ATTEMPTS, Form, Posted, Write};
use crate::capture::refused;
use crate::fault::{Error, unknown};
use crate::map;
use crate::note::REFERENCE;
use crate::payments::Connector;
use crate::reading::Standing;
use crate::request;
use crate::wire::Refund;

const OPERATION: &str = "refund.post";

/// What became of it, the refund, and the payment.
type Refunded = (Outcome, Option<pb::Refund>, pb::Payment);

impl Connector {
    /// Refunds, unless it is refunded.
    pub(crate) async fn refund(&self, wanted: &request::Refund) -> Result<Refunded, Error> {
        let mut standing = self.standing(&wanted.payment_id).await?;
        if wanted.verify_only {
            let refund = found(&standing, wanted)?.ok_or_else(|| Error::NoSuchRefund(wanted.reference.clone()))?;
            return self.told(refund.clone(), &standing);
        }
        let write =
            Write { operation: OPERATION, path: "/v1/refunds".to_owned(), form: form(wanted), key: &wanted.key };
        for attempt in 1..=ATTEMPTS {
            if let Some(refund) = found(&standing, wanted)? {
                return self.told(refund.clone(), &standing);
            }
            if let Some(outcome) = forbidden(&standing, wanted) {
                return Ok((outcome, None, self.account.payment(&standing)?));
            }
            match self.api.post::<Refund>(&write, attempt).await? {
                Posted::Done(refund) => {
                    standing.refunds.push(refund.clone());
                    return self.told(refund, &standing);
                }
                Posted::Refused(problem) => {
                    // Somebody may have refunded in between, and then Stripe's words are of that.
                    let standing = self.standing(&wanted.payment_id).await?;
                    if let Some(refund) = found(&standing, wanted)? {
                        return self.told(refund.clone(), &standing);
                    }
                    let outcome = forbidden(&standing, wanted).unwrap_or_else(|| refused(&problem));
                    return Ok((outcome, None, self.account.payment(&standing)?));
                }
                Posted::Stored => standing = self.standing(&wanted.payment_id).await?,
            }
        }
        Err(unknown(OPERATION, "Stripe keeps failures under every key".to_owned()))
    }

    fn told(&self, refund: Refund, standing: &Standing) -> Result<Refunded, Error> {
        let refund = self.account.refund(&refund)?;
        let outcome = match refund.state() {
            pb::RefundState::Done => outcome::done(),
            pb::RefundState::Pending | pb::RefundState::Unspecified => {
                outcome::pending("REFUND_PENDING", refund.cause.clone())
            }
            pb::RefundState::Failed => outcome::refused("REFUND_FAILED", refund.cause.clone()),
        };
        Ok((outcome, Some(refund), self.account.payment(standing)?))
    }
}

/// The refund with our id. Two of them are two refunds only if their ids differ.
fn found<'a>(standing: &'a Standing, wanted: &request::Refund) -> Result<Option<&'a Refund>, Error> {
    let ours = |refund: &&Refund| refund.metadata.get(REFERENCE) == Some(&wanted.reference);
    match standing.refunds.iter().find(ours) {
        Some(refund) if refund.amount != wanted.theirs || refund.currency != map::currency(&wanted.amount) => {
            Err(Error::KeyReused { key: wanted.reference.clone() })
        }
        refund => Ok(refund),
    }
}

/// What stands against a refund that is not there.
fn forbidden(standing: &Standing, wanted: &request::Refund) -> Option<Outcome> {
    let intent = &standing.intent;
    let left = intent.amount_received.saturating_sub(map::refunded(&standing.refunds));
    let no = |reason: &str, words: String| Some(outcome::refused(reason, words));
    if intent.amount_received == 0 {
        no("NOTHING_CAPTURED", "nothing was captured: cancel the authorization".to_owned())
    } else if intent.currency != map::currency(&wanted.amount) {
        no("CURRENCY_DIFFERS", format!("the payment is in {}", intent.currency))
    } else if standing.disputes.iter().any(map::blocks) {
        no("PAYMENT_DISPUTED", "the customer's bank has the money, or may get it".to_owned())
    } else if wanted.theirs > left {
        no("REFUND_EXCEEDS_PAYMENT", format!("{left} of {} are left, Stripe's units", intent.currency))
    } else {
        None
    }
}

fn form(wanted: &request::Refund) -> Form {
    let mut form = vec![
        ("payment_intent".to_owned(), wanted.payment_id.clone()),
        ("amount".to_owned(), wanted.theirs.to_string()),
        (format!("metadata[{REFERENCE}]"), wanted.reference.clone()),
    ];
    form.extend(wanted.reason.map(|reason| ("reason".to_owned(), reason.to_owned())));
    form
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wish(minor: i64) -> request::Refund {
        request::Refund {
            payment_id: "pi_1".to_owned(),
            reference: "R-1".to_owned(),
            amount: retail_proto::Money::from_minor(minor, "GBP".parse().unwrap()),
            theirs: minor,
            reason: Some("requested_by_customer"),
            verify_only: false,
            key: "k".to_owned(),
        }
    }

    fn standing(received: i64, refunds: Value, disputes: Value) -> Standing {
        Standing {
            intent: serde_json::from_value(json!({"id": "pi_1", "amount": 2000, "amount_received": received,
                "currency": "gbp", "status": "succeeded"}))
            .unwrap(),
            refunds: serde_json::from_value(refunds).unwrap(),
            disputes: serde_json::from_value(disputes).unwrap(),
        }
    }

    fn reason(standing: &Standing, minor: i64) -> Option<String> {
        forbidden(standing, &wish(minor)).map(|outcome| outcome.reason)
    }

    #[test]
    fn no_more_is_given_back_than_is_left() {
        let one = |status: &str| json!([{"id": "re_1", "amount": 500, "currency": "gbp", "status": status}]);
        assert_eq!(reason(&standing(2000, json!([]), json!([])), 2000), None);
        assert_eq!(reason(&standing(2000, one("pending"), json!([])), 1501).as_deref(), Some("REFUND_EXCEEDS_PAYMENT"));
        assert_eq!(reason(&standing(2000, one("failed"), json!([])), 2000), None);
        assert_eq!(reason(&standing(0, json!([]), json!([])), 1).as_deref(), Some("NOTHING_CAPTURED"));
    }

    #[test]
    fn a_dispute_stands_in_the_way_until_it_is_won_or_only_asked() {
        let one = |status: &str| {
            let dispute = json!([{"id": "dp_1", "amount": 2000, "currency": "gbp", "status": status}]);
            reason(&standing(2000, json!([]), dispute), 1)
        };
        for status in ["needs_response", "under_review", "lost", "a_new_word"] {
            assert_eq!(one(status).as_deref(), Some("PAYMENT_DISPUTED"), "{status}");
        }
        for status in ["warning_needs_response", "won", "warning_closed"] {
            assert_eq!(one(status), None, "{status}");
        }
    }

    #[test]
    fn two_refunds_of_equal_amount_are_two_and_one_id_is_one_refund() {
        let there = json!([{"id": "re_1", "amount": 500, "currency": "gbp", "status": "succeeded",
            "metadata": {"weft_ref": "R-1"}}]);
        let standing = standing(2000, there, json!([]));
        assert!(found(&standing, &wish(500)).unwrap().is_some());
        assert!(matches!(found(&standing, &wish(501)), Err(Error::KeyReused { .. })));
        let other = request::Refund { reference: "R-2".to_owned(), ..wish(500) };
        assert!(found(&standing, &other).unwrap().is_none());
    }
}
