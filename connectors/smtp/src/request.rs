//! The shape of what is asked: every wrong field at once, then values instead of texts.

use jiff::Timestamp;
use jiff::civil::Date;
use retail_proto::Money;
use retail_proto::notify::v1 as pb;
use retail_proto::types::v1 as types;
use retail_runtime::fault::{BadShape, Violations};

use crate::facts::Line;
use crate::locale::Locale;
use crate::occasion;

const LONGEST_REFERENCE: usize = 200;
/// Longest text that a message may be about, in bytes.
const LONGEST_TEXT: usize = 500;
/// Most goods, and most parcels, of one message.
const MOST_LINES: usize = 5_000;
const MOST_PARCELS: usize = 200;

/// A message to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) reference: String,
    /// Word of the occasion.
    pub(crate) occasion: &'static str,
    pub(crate) name: String,
    /// As given; empty when there is none.
    pub(crate) email: String,
    pub(crate) locale: Option<Locale>,
    pub(crate) brand: String,
    pub(crate) market: String,
    pub(crate) order_number: String,
    pub(crate) return_number: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) location: String,
    pub(crate) keep_until: Option<Timestamp>,
    pub(crate) expected_date: Option<Date>,
    pub(crate) carrier: String,
    pub(crate) tracking_numbers: Vec<String>,
    pub(crate) amount: Option<Money>,
    pub(crate) delivery_address: String,
    pub(crate) total: Option<Money>,
    pub(crate) happened_at: Timestamp,
}

impl Message {
    /// Checks a request for this instance.
    pub(crate) fn read(asked: &pb::SendMessageRequest, instance: &str) -> Result<Self, BadShape> {
        let mut violations = Violations::default();
        let ours = format!("this connector serves {instance:?}; ask that instance");
        violations.require("instance", asked.instance == instance, &ours);
        let visible = asked.external_ref.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        let fits = (1..=LONGEST_REFERENCE).contains(&asked.external_ref.len()) && visible;
        violations.require("external_ref", fits, "give 1 to 200 visible ASCII characters");
        let occasion = occasion::word(asked.occasion());
        violations.require("occasion", occasion.is_some(), "say what happened, by a value that this version knows");
        violations.require("recipient", asked.recipient.is_some(), "say who is told");
        let recipient = asked.recipient.clone().unwrap_or_default();
        let locale = Locale::read(&recipient.locale);
        let spoken = recipient.locale.is_empty() || locale.is_some();
        violations.require("recipient.locale", spoken, "give a BCP 47 locale such as de-AT, or none");
        violations.require("order_number", !asked.order_number.is_empty(), "give the number that the customer knows");
        short(&mut violations, "recipient.name", &recipient.name);
        short(&mut violations, "recipient.email", &recipient.email);
        for (field, text) in [
            ("brand", &asked.brand),
            ("market", &asked.market),
            ("order_number", &asked.order_number),
            ("return_number", &asked.return_number),
            ("location", &asked.location),
            ("delivery_address", &asked.delivery_address),
            ("carrier", &asked.carrier),
        ] {
            short(&mut violations, field, text);
        }
        violations.require("lines", asked.lines.len() <= MOST_LINES, "give at most 5,000 lines, or none for all");
        let parcels = &asked.tracking_numbers;
        violations.require("tracking_numbers", parcels.len() <= MOST_PARCELS, "give at most 200 numbers");
        for (at, number) in parcels.iter().enumerate() {
            short(&mut violations, &format!("tracking_numbers[{at}]"), number);
        }
        let lines = asked.lines.iter().enumerate().map(|(at, line)| read_line(&mut violations, at, line)).collect();
        let expected_date = match asked.expected_date.as_str() {
            "" => None,
            text => {
                let day = text.parse().ok().filter(|_| text.len() == 10);
                violations.require("expected_date", day.is_some(), "give a day as YYYY-MM-DD, or none");
                day
            }
        };
        let amount = money(&mut violations, "amount.currency", asked.amount.as_ref());
        let total = money(&mut violations, "total.currency", asked.total.as_ref());
        let keep_until = asked.keep_until.and_then(|at| instant(&mut violations, "keep_until", at));
        let happened_at = match asked.happened_at {
            Some(at) => instant(&mut violations, "happened_at", at),
            None => {
                violations.add("happened_at", "say when it happened");
                None
            }
        };
        violations.check()?;
        Ok(Self {
            reference: asked.external_ref.clone(),
            occasion: occasion.unwrap_or_default(),
            name: recipient.name,
            email: recipient.email,
            locale,
            brand: asked.brand.clone(),
            market: asked.market.clone(),
            order_number: asked.order_number.clone(),
            return_number: asked.return_number.clone(),
            lines,
            location: asked.location.clone(),
            keep_until,
            expected_date,
            carrier: asked.carrier.clone(),
            tracking_numbers: asked.tracking_numbers.clone(),
            amount,
            delivery_address: asked.delivery_address.clone(),
            total,
            happened_at: happened_at.unwrap_or_default(),
        })
    }
}

fn short(violations: &mut Violations, field: &str, text: &str) {
    violations.require(field, text.len() <= LONGEST_TEXT, "give at most 500 bytes");
}

fn read_line(violations: &mut Violations, at: usize, line: &pb::MessageLine) -> Line {
    let named = !(line.description.is_empty() && line.sku.is_empty());
    violations.require(&format!("lines[{at}]"), named, "give a description or an item code");
    for (field, text) in [
        ("description", &line.description),
        ("sku", &line.sku),
        ("quantity", &line.quantity),
        ("quantity_before", &line.quantity_before),
    ] {
        short(violations, &format!("lines[{at}].{field}"), text);
    }
    let description = if line.description.is_empty() { &line.sku } else { &line.description };
    Line {
        description: description.clone(),
        sku: line.sku.clone(),
        quantity: line.quantity.clone(),
        quantity_before: line.quantity_before.clone(),
    }
}

fn money(violations: &mut Violations, field: &str, given: Option<&types::Money>) -> Option<Money> {
    given.and_then(|given| Money::try_from(given).map_err(|error| violations.add(field, error.to_string())).ok())
}

fn instant(violations: &mut Violations, field: &str, at: prost_types::Timestamp) -> Option<Timestamp> {
    let instant = Timestamp::new(at.seconds, at.nanos).ok();
    violations.require(field, instant.is_some(), "give a moment between the years -9999 and 9999");
    instant
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Money as Wire;
    use retail_runtime::fault::Fault as _;

    use super::*;

    fn asked() -> pb::SendMessageRequest {
        pb::SendMessageRequest {
            instance: "mail".to_owned(),
            external_ref: "O-1/shipped/1".to_owned(),
            occasion: pb::Occasion::Shipped.into(),
            recipient: Some(pb::Recipient { email: "max@example.com".to_owned(), ..pb::Recipient::default() }),
            order_number: "1001".to_owned(),
            happened_at: Some(prost_types::Timestamp { seconds: 1_795_000_000, nanos: 0 }),
            ..pb::SendMessageRequest::default()
        }
    }

    fn fields(asked: &pb::SendMessageRequest) -> Vec<String> {
        let bad = Message::read(asked, "mail").unwrap_err();
        bad.fields().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let nothing = fields(&pb::SendMessageRequest::default());
        assert_eq!(nothing, ["instance", "external_ref", "occasion", "recipient", "order_number", "happened_at"]);
        let wrong = pb::SendMessageRequest {
            external_ref: "O 1".to_owned(),
            occasion: 99,
            recipient: Some(pb::Recipient { locale: "../de".to_owned(), ..pb::Recipient::default() }),
            expected_date: "2026-02-30".to_owned(),
            amount: Some(Wire { minor_units: 1, currency: "euro".to_owned() }),
            keep_until: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            lines: vec![pb::MessageLine::default()],
            ..asked()
        };
        let expected = [
            "external_ref",
            "occasion",
            "recipient.locale",
            "lines[0]",
            "expected_date",
            "amount.currency",
            "keep_until",
        ];
        assert_eq!(fields(&wrong), expected);
    }

    #[test]
    fn a_line_without_a_description_is_named_by_its_item_code() {
        let line = pb::MessageLine { sku: "KET-1".to_owned(), ..pb::MessageLine::default() };
        let message = Message::read(&pb::SendMessageRequest { lines: vec![line], ..asked() }, "mail").unwrap();
        assert_eq!(message.lines[0].description, "KET-1");
    }

    #[test]
    fn more_than_a_message_holds_is_refused_before_it_is_worded() {
        let line = pb::MessageLine { sku: "KET-1".to_owned(), ..pb::MessageLine::default() };
        assert_eq!(fields(&pb::SendMessageRequest { lines: vec![line; 5_001], ..asked() }), ["lines"]);
        assert_eq!(fields(&pb::SendMessageRequest { carrier: "x".repeat(501), ..asked() }), ["carrier"]);
    }
}
