//! Taking what is authorized. Each capture is noted on its payment in the very call that takes the money, so that it is
//! found there however late it is asked again.

use retail_connect::outcome;
use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::api::{ATTEMPTS, Form, Posted, Write, segment};
use crate::fault::{Error, unknown};
use crate::payments::Connector;
use crate::reading::Standing;
use crate::request::Capture;
use crate::wire::{Intent, Problem};
use crate::{map, note};

const OPERATION: &str = "payment_intent.capture";

impl Connector {
    /// Captures, unless it is captured.
    pub(crate) async fn capture(&self, wanted: &Capture) -> Result<(Outcome, pb::Payment), Error> {
        let mut standing = self.standing(&wanted.payment_id).await?;
        if wanted.verify_only {
            let outcome = found(&standing.intent, wanted)?;
            let outcome = outcome.ok_or_else(|| Error::NoSuchCapture(wanted.reference.clone()))?;
            return Ok((outcome, self.account.payment(&standing)?));
        }
        let path = format!("/v1/payment_intents/{}/capture", segment(&wanted.payment_id));
        for attempt in 1..=ATTEMPTS {
            let form = match judge(&standing.intent, wanted)? {
                Judged::Over(outcome) => return Ok((outcome, self.account.payment(&standing)?)),
                Judged::Send(form) => form,
            };
            let write = Write { operation: OPERATION, path: path.clone(), form, key: &wanted.key };
            match self.api.post::<Intent>(&write, attempt).await? {
                Posted::Done(intent) => {
                    let standing = Standing { intent, ..standing };
                    let outcome = taken(&standing.intent);
                    return Ok((outcome, self.account.payment(&standing)?));
                }
                Posted::Refused(problem) => {
                    // Somebody may have captured or cancelled in between, and then Stripe's words are of that.
                    let standing = self.standing(&wanted.payment_id).await?;
                    let outcome = match judge(&standing.intent, wanted)? {
                        Judged::Over(outcome) => outcome,
                        Judged::Send(_) => refused(&problem),
                    };
                    return Ok((outcome, self.account.payment(&standing)?));
                }
                Posted::Stored => standing = self.standing(&wanted.payment_id).await?,
            }
        }
        Err(unknown(OPERATION, "Stripe keeps failures under every key".to_owned()))
    }
}

/// What to do for a capture.
#[derive(Debug, Clone, PartialEq)]
enum Judged {
    Over(Outcome),
    Send(Form),
}

/// Whether this capture is there already.
fn found(intent: &Intent, wanted: &Capture) -> Result<Option<Outcome>, Error> {
    let noted = note::captures(&intent.metadata).into_iter().find(|(reference, _)| *reference == wanted.reference);
    match noted {
        None => Ok(None),
        Some((reference, amount)) if amount != wanted.theirs || intent.currency != map::currency(&wanted.amount) => {
            Err(Error::KeyReused { key: reference })
        }
        Some(_) => Ok(Some(taken(intent))),
    }
}

/// Of a capture that Stripe has: some ways of paying take their time.
fn taken(intent: &Intent) -> Outcome {
    if intent.status == "processing" {
        return outcome::pending("CAPTURE_PENDING", "Stripe works on it");
    }
    outcome::done()
}

fn judge(intent: &Intent, wanted: &Capture) -> Result<Judged, Error> {
    if let Some(outcome) = found(intent, wanted)? {
        return Ok(Judged::Over(outcome));
    }
    let no = |reason: &str, words: String| Ok(Judged::Over(outcome::refused(reason, words)));
    if intent.currency != map::currency(&wanted.amount) {
        return no("CURRENCY_DIFFERS", format!("the payment is in {}", intent.currency));
    }
    match intent.status.as_str() {
        "requires_capture" => {}
        "processing" => return Ok(Judged::Over(outcome::pending("PAYMENT_PENDING", "Stripe works on the payment"))),
        "succeeded" => return no("ALREADY_CAPTURED", "the payment is captured, and not by this".to_owned()),
        "canceled" if map::expired(intent) => {
            return no("AUTHORIZATION_EXPIRED", "the authorization ran out".to_owned());
        }
        "canceled" => return no("AUTHORIZATION_CANCELLED", "the authorization was cancelled".to_owned()),
        other => return no("NOT_AUTHORIZED", format!("the payment is {other}")),
    }
    let (left, amount) = (intent.amount_capturable, wanted.theirs);
    if amount > left {
        return no("CAPTURE_EXCEEDS_AUTHORIZATION", format!("{left} of {} are left, Stripe's units", intent.currency));
    }
    let card = intent.latest_charge.as_ref().and_then(|charge| charge.payment_method_details.as_ref()?.card.as_ref());
    let several = card.is_some_and(map::several);
    if !wanted.last && !several && amount < left {
        return no("ONE_CAPTURE_ONLY", "what is not captured now would be lost".to_owned());
    }
    if intent.metadata.len() >= note::MOST_KEYS {
        return no("TOO_MANY_CAPTURES", "Stripe's metadata has no room to note a further one".to_owned());
    }
    let (key, value) = note::capture(&wanted.reference, amount);
    let mut form = vec![
        ("amount_to_capture".to_owned(), amount.to_string()),
        (format!("metadata[{key}]"), value),
        ("expand[]".to_owned(), "latest_charge".to_owned()),
    ];
    // Only payments that take several captures may be told that this is not the last.
    if several {
        form.push(("final_capture".to_owned(), wanted.last.to_string()));
    }
    Ok(Judged::Send(form))
}

/// What a rule of Stripe's, or a bank, says no with.
pub(crate) fn refused(problem: &Problem) -> Outcome {
    let reason = match problem.code.as_str() {
        "charge_expired_for_capture" => "AUTHORIZATION_EXPIRED",
        "charge_already_refunded" => "REFUND_EXCEEDS_PAYMENT",
        "charge_disputed" => "PAYMENT_DISPUTED",
        "authentication_required" => "AUTHENTICATION_REQUIRED",
        _ if problem.kind == "card_error" => "CARD_DECLINED",
        _ => "PAYMENT_SERVICE_REFUSED",
    };
    let codes = [&problem.code, &problem.decline_code].into_iter().filter(|code| !code.is_empty());
    let words: Vec<&str> = codes.chain([&problem.message]).map(String::as_str).collect();
    outcome::refused(reason, words.join(": "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wish(minor: i64, last: bool) -> Capture {
        Capture {
            payment_id: "pi_1".to_owned(),
            reference: "C-1".to_owned(),
            amount: retail_proto::Money::from_minor(minor, "GBP".parse().unwrap()),
            theirs: minor,
            last,
            verify_only: false,
            key: "k".to_owned(),
        }
    }

    fn intent(change: Value) -> Intent {
        let mut intent = json!({"id": "pi_1", "amount": 2000, "amount_capturable": 2000, "amount_received": 0,
            "currency": "gbp", "status": "requires_capture", "metadata": {}, "latest_charge": {"payment_method_details":
            {"type": "card", "card": {"multicapture": {"status": "unavailable"}}}}});
        for (key, value) in change.as_object().unwrap() {
            intent[key] = value.clone();
        }
        serde_json::from_value(intent).unwrap()
    }

    fn reason(change: Value, wish: &Capture) -> String {
        match judge(&intent(change), wish).unwrap() {
            Judged::Over(outcome) => outcome.reason,
            Judged::Send(_) => "sent".to_owned(),
        }
    }

    #[test]
    fn a_capture_is_sent_only_while_the_authorization_holds_it() {
        let all = wish(2000, true);
        assert_eq!(reason(json!({}), &all), "sent");
        assert_eq!(reason(json!({}), &wish(2001, true)), "CAPTURE_EXCEEDS_AUTHORIZATION");
        assert_eq!(reason(json!({"currency": "eur"}), &all), "CURRENCY_DIFFERS");
        assert_eq!(reason(json!({"status": "succeeded"}), &all), "ALREADY_CAPTURED");
        assert_eq!(reason(json!({"status": "canceled"}), &all), "AUTHORIZATION_CANCELLED");
        let automatic = json!({"status": "canceled", "cancellation_reason": "automatic"});
        assert_eq!(reason(automatic, &all), "AUTHORIZATION_EXPIRED");
        assert_eq!(reason(json!({"status": "requires_action"}), &all), "NOT_AUTHORIZED");
        assert_eq!(reason(json!({"status": "a_new_word"}), &all), "NOT_AUTHORIZED");
        assert_eq!(reason(json!({"status": "processing"}), &all), "PAYMENT_PENDING");
    }

    #[test]
    fn the_rest_of_an_authorization_is_never_lost_by_accident() {
        assert_eq!(reason(json!({}), &wish(700, false)), "ONE_CAPTURE_ONLY");
        assert_eq!(reason(json!({}), &wish(2000, false)), "sent");
        let several = json!({"latest_charge": {"payment_method_details":
            {"type": "card", "card": {"multicapture": {"status": "available"}}}}});
        let Judged::Send(form) = judge(&intent(several.clone()), &wish(700, false)).unwrap() else { panic!() };
        assert!(form.contains(&("final_capture".to_owned(), "false".to_owned())));
        let Judged::Send(form) = judge(&intent(several), &wish(700, true)).unwrap() else { panic!() };
        assert!(form.contains(&("final_capture".to_owned(), "true".to_owned())));
    }

    #[test]
    fn a_noted_capture_is_done_and_its_id_is_not_used_for_another() {
        let (key, value) = note::capture("C-1", 700);
        let noted = json!({"status": "succeeded", "amount_received": 700, "metadata": {key: value}});
        assert_eq!(reason(noted.clone(), &wish(700, true)), "");
        assert!(matches!(judge(&intent(noted), &wish(800, true)), Err(Error::KeyReused { .. })));
    }
}
