//! Payment intents: made and confirmed by a shop, changed, cancelled ("The PaymentIntents API", "Payment status updates").

use serde_json::{Value, json};

use super::call::{Call, fill, noted, number, part, put, text};
use super::cards::{self, Behaviour, Card};
use super::charges::{self, Ending};
use super::fault::{Done, Refusal};
use super::params::Params;
use super::{disputes, events, money, refunds, saved};

const INTENT: &str = r#"{"id":"","object":"payment_intent","amount":0,"amount_capturable":0,"amount_details":{"tip":{}},
"amount_received":0,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,
"cancellation_reason":null,"capture_method":"automatic","client_secret":"","confirmation_method":"automatic","created":0,
"currency":"","customer":null,"customer_account":null,"description":null,"excluded_payment_method_types":null,"last_payment_error":null,
"managed_payments":null,
"latest_charge":null,"livemode":false,"metadata":{},"next_action":null,"on_behalf_of":null,"payment_method":null,
"payment_method_configuration_details":null,"payment_method_options":{},"payment_method_types":["card"],"processing":null,
"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,
"statement_descriptor_suffix":null,"status":"requires_payment_method","transfer_data":null,"transfer_group":null}"#;

const METHODS: [&str; 3] = ["automatic", "automatic_async", "manual"];
const CREATE: [&str; 19] = [
    "amount",
    "automatic_payment_methods[allow_redirects]",
    "automatic_payment_methods[enabled]",
    "capture_method",
    "confirm",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "expand",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_options[card][request_multicapture]",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "statement_descriptor_suffix",
];

/// `POST /v1/payment_intents`.
pub(super) fn create(call: &Call<'_>, params: &Params) -> Done {
    params.known(&CREATE)?;
    let amount = params.required("amount").and_then(|_| params.integer("amount"))?.unwrap_or(0);
    let currency = money::currency(params.required("currency")?)?;
    let amount = money::chargeable(amount, &currency)?;
    let method = params.word("capture_method", &METHODS)?.unwrap_or("automatic");
    let automatic = params.boolean("automatic_payment_methods[enabled]")?;
    let several = "payment_method_options[card][request_multicapture]";
    let several = params.word(several, &["if_available", "never"])?;
    let confirm = params.boolean("confirm")?.unwrap_or(false);
    let off_session = params.boolean("off_session")?.unwrap_or(false);
    if off_session && !confirm {
        let message = "off_session can only be used with confirm=true.";
        return Err(Refusal::parameter("parameter_missing", "confirm", message).into());
    }
    let future = params.word("setup_future_usage", &["off_session", "on_session"])?;
    let customer = params.text("customer");
    let named = params.text("payment_method");
    let card = named.map(|name| saved::of(call, name, customer.unwrap_or_default())).transpose()?;
    let metadata = params.map("metadata")?;
    if confirm && card.is_none() {
        let message = "You cannot confirm with confirm=true when no payment method is given.";
        return Err(Refusal::parameter("parameter_missing", "payment_method", message).into());
    }
    let id = call.id("pi");
    let mut intent = fill(
        INTENT,
        json!({
            "id": id, "amount": amount, "capture_method": method, "currency": currency, "created": call.seconds(),
            "client_secret": call.id(&format!("{id}_secret")), "customer": customer,
            "description": params.text("description"), "payment_method": named,
            "receipt_email": params.text("receipt_email"), "setup_future_usage": future,
            "statement_descriptor_suffix": params.text("statement_descriptor_suffix"),
            "status": if card.is_some() { "requires_confirmation" } else { "requires_payment_method" },
        }),
    );
    let metadata = noted(&intent, metadata);
    put(&mut intent, json!({ "metadata": metadata }));
    if automatic == Some(true) {
        put(&mut intent, json!({"automatic_payment_methods": {"allow_redirects": "always", "enabled": true}}));
    }
    if let Some(several) = several {
        put(&mut intent, json!({"payment_method_options": {"card": {"request_multicapture": several}}}));
    }
    call.add("payment_intent", &intent)?;
    events::post(call, "payment_intent.created", &intent, None)?;
    match card {
        Some(card) if confirm => {
            let fails = params.boolean("error_on_requires_action")?.unwrap_or(false);
            confirmed(call, intent, card, fails || off_session)
        }
        _ => Ok(intent),
    }
}

/// `POST /v1/payment_intents/{id}`.
pub(super) fn update(call: &Call<'_>, id: &str, params: &Params) -> Done {
    params.known(&["description", "expand", "metadata", "receipt_email"])?;
    let changes = params.map("metadata")?;
    let mut intent = the(call, id)?;
    let metadata = noted(&intent, changes);
    put(&mut intent, json!({ "metadata": metadata }));
    for name in ["description", "receipt_email"] {
        if let Some(value) = params.text(name) {
            put(&mut intent, Value::Object([(name.to_owned(), value.into())].into_iter().collect()));
        }
    }
    call.save(&intent)?;
    Ok(intent)
}

/// `POST /v1/payment_intents/{id}/confirm`.
pub(super) fn confirm(call: &Call<'_>, id: &str, params: &Params) -> Done {
    params.known(&["error_on_requires_action", "expand", "off_session", "payment_method", "return_url"])?;
    let fails = params.boolean("error_on_requires_action")?.unwrap_or(false);
    // Nobody is there who could be asked.
    let fails = fails || params.boolean("off_session")?.unwrap_or(false);
    let mut intent = the(call, id)?;
    let name = params.text("payment_method").map_or_else(|| text(&intent, "payment_method").to_owned(), str::to_owned);
    let statuses = ["requires_payment_method", "requires_confirmation", "requires_action"];
    unless(&intent, &statuses, "confirmed")?;
    if name.is_empty() {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        let intent = intent.clone();
        return Err(Refusal::ruled(Some("payment_intent_unexpected_state"), message)
            .with("payment_intent", intent)
            .into());
    }
    let card = saved::of(call, &name, text(&intent, "customer"))?;
    put(&mut intent, json!({ "payment_method": name }));
    confirmed(call, intent, card, fails)
}

/// `POST /v1/payment_intents/{id}/cancel`.
pub(super) fn cancel(call: &Call<'_>, id: &str, params: &Params) -> Done {
    params.known(&["cancellation_reason", "expand"])?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
    let reason = params.word("cancellation_reason", &reasons)?;
    let intent = the(call, id)?;
    let statuses =
        ["requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing"];
    unless(&intent, &statuses, "canceled")?;
    let_go(call, intent, reason, None)
}

/// Its time is over.
pub(super) fn ran_out(call: &Call<'_>, intent: Value) -> Done {
    let_go(call, intent, Some("automatic"), Some("expired_uncaptured_charge"))
}

/// An authorization ends without being captured, by somebody or by time.
fn let_go(call: &Call<'_>, mut intent: Value, reason: Option<&str>, expired: Option<&str>) -> Done {
    if text(&intent, "status") == "requires_capture" {
        let charge = text(&intent, "latest_charge").to_owned();
        if let Some(mut charge) = call.load("charge", &charge)? {
            // "The remaining amount_capturable is automatically refunded": an entry without a balance transaction.
            refunds::release(call, &charge, number(&intent, "amount_capturable"), expired)?;
            let none = number(&charge, "amount_captured") == 0;
            let back = number(&charge, "amount").saturating_sub(number(&charge, "amount_captured"));
            put(&mut charge, json!({"refunded": none, "amount_refunded": back}));
            call.save(&charge)?;
            events::post(call, if expired.is_some() { "charge.expired" } else { "charge.refunded" }, &charge, None)?;
        }
    }
    put(
        &mut intent,
        json!({"status": "canceled", "amount_capturable": 0, "canceled_at": call.seconds(), "cancellation_reason": reason,
            "next_action": null}),
    );
    call.save(&intent)?;
    call.due(&intent, None)?;
    events::post(call, "payment_intent.canceled", &intent, None)?;
    Ok(intent)
}

/// The customer has consented, or has not.
pub(super) fn authenticated(call: &Call<'_>, id: &str, consents: bool) -> Done {
    let intent = the(call, id)?;
    unless(&intent, &["requires_action"], "authenticated")?;
    let card = saved::of(call, text(&intent, "payment_method"), text(&intent, "customer"))?;
    if consents {
        return paid(call, intent, card);
    }
    let words = "We are unable to authenticate your payment method.";
    let code = "payment_intent_authentication_failure";
    failed(call, intent, card, (code, code, words)).map(|(intent, _)| intent)
}

fn confirmed(call: &Call<'_>, mut intent: Value, card: Card, fails_when_asked: bool) -> Done {
    match card.behaviour {
        Behaviour::Declined(code, decline) => {
            let words = cards::words(decline);
            let (intent, charge) = failed(call, intent, card, (code, decline, words))?;
            let refusal = Refusal::declined(code, decline, words).with("charge", charge).with("payment_intent", intent);
            Err(refusal.into())
        }
        Behaviour::Asks | Behaviour::AsksUntilSaved if fails_when_asked => {
            let words = "This payment required an authentication action to complete.";
            let code = "authentication_required";
            let (intent, _) = failed(call, intent, card, (code, code, words))?;
            Err(Refusal::declined(code, code, words).with("payment_intent", intent).into())
        }
        Behaviour::Asks | Behaviour::AsksUntilSaved => {
            let action = json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}});
            put(&mut intent, json!({"status": "requires_action", "next_action": action}));
            call.save(&intent)?;
            events::post(call, "payment_intent.requires_action", &intent, None)?;
            Ok(intent)
        }
        Behaviour::Pays
        | Behaviour::FailsOnceSaved
        | Behaviour::RefundsSlowly
        | Behaviour::RefundsFail
        | Behaviour::Disputes => paid(call, intent, card),
    }
}

fn paid(call: &Call<'_>, mut intent: Value, card: Card) -> Done {
    saved::attach(call, &mut intent)?;
    let manual = text(&intent, "capture_method") == "manual";
    let before = call.seconds().saturating_add(call.config.authorization_days.saturating_mul(86_400));
    let charge = charges::make(call, &intent, card, &if manual { Ending::Held(before) } else { Ending::Captured })?;
    let amount = number(&intent, "amount");
    let (capturable, received) = if manual { (amount, 0) } else { (0, amount) };
    put(
        &mut intent,
        json!({"status": if manual { "requires_capture" } else { "succeeded" }, "latest_charge": part(&charge, "/id"),
            "amount_capturable": capturable, "amount_received": received, "next_action": null, "last_payment_error": null}),
    );
    call.save(&intent)?;
    events::post(call, "charge.succeeded", &charge, None)?;
    if manual {
        call.due(&intent, Some(before))?;
        events::post(call, "payment_intent.amount_capturable_updated", &intent, None)?;
    } else {
        events::post(call, "payment_intent.succeeded", &intent, None)?;
    }
    if card.behaviour == Behaviour::Disputes {
        disputes::open(call, &charge, number(&charge, "amount"), "fraudulent", false)?;
    }
    Ok(intent)
}

/// The intent as it is after a decline, and the id of the charge that failed.
fn failed(
    call: &Call<'_>,
    mut intent: Value,
    card: Card,
    (code, decline, words): (&'static str, &'static str, &'static str),
) -> Done<(Value, Value)> {
    let charge = charges::make(call, &intent, card, &Ending::Declined(code, decline, words))?;
    let error = json!({"type": "card_error", "code": code, "decline_code": decline, "message": words, "charge": part(&charge, "/id")});
    put(
        &mut intent,
        json!({"status": "requires_payment_method", "latest_charge": part(&charge, "/id"), "last_payment_error": error,
            "payment_method": null, "next_action": null}),
    );
    call.save(&intent)?;
    events::post(call, "charge.failed", &charge, None)?;
    events::post(call, "payment_intent.payment_failed", &intent, None)?;
    Ok((intent, part(&charge, "/id").clone()))
}

/// The intent of a path.
pub(super) fn the(call: &Call<'_>, id: &str) -> Done {
    let found = call.load("payment_intent", id)?;
    found.ok_or_else(|| Refusal::missing("payment_intent", id, "intent", true).into())
}

/// Refuses what the intent's status does not allow.
pub(super) fn unless(intent: &Value, statuses: &[&str], done: &str) -> Result<(), Refusal> {
    let status = text(intent, "status");
    if statuses.contains(&status) {
        return Ok(());
    }
    let message = format!(
        "This PaymentIntent could not be {done} because it has a status of {status}. Only a PaymentIntent with one of the following statuses may be {done}: {}.",
        statuses.join(", ")
    );
    Err(Refusal::ruled(Some("payment_intent_unexpected_state"), message).with("payment_intent", intent.clone()))
}
