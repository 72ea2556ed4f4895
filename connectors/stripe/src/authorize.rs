//! Authorizing anew what a customer let the shop save ("Save payment details during payment": charge the payment method
//! later; "Create a PaymentIntent"). The new intent carries our id in the very call that makes it, and the customer's list
//! of intents is looked through for it first.

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
use crate::request::Anew;
use crate::wire::Intent;

const OPERATION: &str = "payment_intent.create";
const NO_METHOD: &str = "the earlier payment was not made with setup_future_usage=off_session and a customer";

impl Connector {
    /// Authorizes, unless our id is there already.
    pub(crate) async fn anew(&self, wanted: &Anew) -> Result<(Outcome, Option<pb::Payment>), Error> {
        let earlier = self.standing(&wanted.payment_id).await?.intent;
        let none = || Error::NoSuchPayment(wanted.reference.clone());
        // Whoever has no customer has no list to look through, and nothing was ever sent for him.
        let Some((customer, method)) = map::reusable(&earlier) else {
            let refused = || (outcome::refused("NO_SAVED_METHOD", NO_METHOD), None);
            return if wanted.verify_only { Err(none()) } else { Ok(refused()) };
        };
        let form = form(wanted, customer, method);
        let write = Write { operation: OPERATION, path: "/v1/payment_intents".to_owned(), form, key: &wanted.key };
        for attempt in 1..=ATTEMPTS {
            if let Some(there) = self.made(customer, &earlier, wanted).await? {
                return self.shown(&there);
            }
            if wanted.verify_only {
                return Err(none());
            }
            if earlier.currency != map::currency(&wanted.amount) {
                let words = format!("the earlier payment is in {}", earlier.currency);
                return Ok((outcome::refused("CURRENCY_DIFFERS", words), None));
            }
            match self.api.post::<Intent>(&write, attempt).await? {
                Posted::Done(intent) => {
                    return self.shown(&Standing { intent, refunds: Vec::new(), disputes: Vec::new() });
                }
                // A bank's refusal leaves the intent behind, and its words on it.
                Posted::Refused(problem) => {
                    let there = self.made(customer, &earlier, wanted).await?;
                    return there.map_or_else(|| Ok((refused(&problem), None)), |there| self.shown(&there));
                }
                Posted::Stored => {}
            }
        }
        Err(unknown(OPERATION, "Stripe keeps failures under every key".to_owned()))
    }

    /// The intent that carries our id.
    async fn made(&self, customer: &str, earlier: &Intent, wanted: &Anew) -> Result<Option<Standing>, Error> {
        let ours = |intent: &Intent| intent.metadata.get(REFERENCE) == Some(&wanted.reference);
        let Some(id) = self.of_customer(customer, earlier, ours).await? else { return Ok(None) };
        let there = self.standing(&id).await?;
        if there.intent.amount != wanted.theirs || there.intent.currency != map::currency(&wanted.amount) {
            return Err(Error::KeyReused { key: wanted.reference.clone() });
        }
        Ok(Some(there))
    }

    fn shown(&self, there: &Standing) -> Result<(Outcome, Option<pb::Payment>), Error> {
        Ok((judge(&there.intent), Some(self.account.payment(there)?)))
    }
}

fn form(wanted: &Anew, customer: &str, method: &str) -> Form {
    let said = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        said("amount", &wanted.theirs.to_string()),
        said("currency", &map::currency(&wanted.amount)),
        said("customer", customer),
        said("payment_method", method),
        said("off_session", "true"),
        said("confirm", "true"),
        said("capture_method", "manual"),
        said(&format!("metadata[{REFERENCE}]"), &wanted.reference),
        said("expand[]", "latest_charge"),
    ]
}

/// What an intent of ours that is there comes to.
fn judge(intent: &Intent) -> Outcome {
    match intent.status.as_str() {
        // Whatever was captured of it: it was authorized.
        "requires_capture" | "succeeded" => outcome::done(),
        "canceled" if map::expired(intent) => outcome::refused("AUTHORIZATION_EXPIRED", "it was made, and ran out"),
        "canceled" => outcome::refused("AUTHORIZATION_CANCELLED", "it was made, and was cancelled"),
        "requires_payment_method" => match &intent.last_payment_error {
            Some(problem) => refused(problem),
            None => outcome::pending("PAYMENT_PENDING", "nobody has tried to pay it yet"),
        },
        other => outcome::pending("PAYMENT_PENDING", format!("the payment is {other}")),
    }
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::OutcomeState;
    use serde_json::{Value, json};

    use super::*;

    fn said(change: Value) -> (OutcomeState, String) {
        let mut intent = json!({"id": "pi_2", "amount": 700, "currency": "gbp", "status": "requires_capture"});
        for (key, value) in change.as_object().unwrap() {
            intent[key] = value.clone();
        }
        let outcome = judge(&serde_json::from_value(intent).unwrap());
        (outcome.state(), outcome.reason)
    }

    #[test]
    fn an_intent_that_is_there_says_what_became_of_it() {
        let refused = |reason: &str| (OutcomeState::Refused, reason.to_owned());
        let declined = |code: &str| {
            let error = json!({"type": "card_error", "code": code, "decline_code": "generic_decline"});
            said(json!({"status": "requires_payment_method", "last_payment_error": error}))
        };
        assert_eq!(said(json!({})).0, OutcomeState::Done);
        assert_eq!(said(json!({"status": "succeeded"})).0, OutcomeState::Done);
        assert_eq!(said(json!({"status": "processing"})).0, OutcomeState::Pending);
        assert_eq!(said(json!({"status": "a_new_word"})).0, OutcomeState::Pending);
        assert_eq!(declined("card_declined"), refused("CARD_DECLINED"));
        assert_eq!(declined("authentication_required"), refused("AUTHENTICATION_REQUIRED"));
        let ran_out = json!({"status": "canceled", "cancellation_reason": "automatic"});
        assert_eq!(said(ran_out), refused("AUTHORIZATION_EXPIRED"));
        assert_eq!(said(json!({"status": "canceled"})), refused("AUTHORIZATION_CANCELLED"));
    }
}
