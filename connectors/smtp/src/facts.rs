//! What templates may speak of: plain texts and lists, each there at every occasion, empty when it was not given.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::request::Message;

/// The values of a template.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Facts {
    /// How the customer is addressed.
    pub(crate) name: String,
    pub(crate) order_number: String,
    pub(crate) return_number: String,
    /// Empty: it is about the whole order.
    pub(crate) lines: Vec<Line>,
    pub(crate) location: String,
    /// RFC 9557 in the configured zone, for the filter `time`.
    pub(crate) keep_until: String,
    /// `YYYY-MM-DD`, for the filter `day`.
    pub(crate) expected_date: String,
    pub(crate) carrier: String,
    pub(crate) tracking_numbers: Vec<String>,
    /// One line; empty when it has not changed.
    pub(crate) delivery_address: String,
    /// What a changed order comes to, `12.50 EUR`.
    pub(crate) total: String,
    /// `12.50 EUR`.
    pub(crate) amount: String,
    /// `12.50`.
    pub(crate) amount_value: String,
    /// `EUR`.
    pub(crate) amount_currency: String,
    pub(crate) brand: String,
    pub(crate) market: String,
    /// Like `keep_until`.
    pub(crate) happened_at: String,
    /// Name of the sender, or his address.
    pub(crate) sender: String,
}

/// Goods that a message speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// What it is, for people; the item's code when nothing was given.
    pub(crate) description: String,
    pub(crate) sku: String,
    /// Decimal string.
    pub(crate) quantity: String,
    /// Decimal string, before an edit; empty when it is about none.
    pub(crate) quantity_before: String,
}

impl Facts {
    /// The facts of a message.
    pub(crate) fn of(message: &Message, zone: &TimeZone, sender: &str) -> Self {
        let local = |at: Timestamp| at.to_zoned_datetime(zone.clone()).to_string();
        let amount = message.amount;
        Self {
            name: message.name.clone(),
            order_number: message.order_number.clone(),
            return_number: message.return_number.clone(),
            lines: message.lines.clone(),
            location: message.location.clone(),
            keep_until: message.keep_until.map(local).unwrap_or_default(),
            expected_date: message.expected_date.map(|day| day.to_string()).unwrap_or_default(),
            carrier: message.carrier.clone(),
            tracking_numbers: message.tracking_numbers.clone(),
            delivery_address: message.delivery_address.clone(),
            total: message.total.map(|total| total.to_string()).unwrap_or_default(),
            amount: amount.map(|amount| amount.to_string()).unwrap_or_default(),
            amount_value: amount.map(|amount| amount.to_decimal().to_string()).unwrap_or_default(),
            amount_currency: amount.map(|amount| amount.currency().to_string()).unwrap_or_default(),
            brand: message.brand.clone(),
            market: message.market.clone(),
            happened_at: local(message.happened_at),
            sender: sender.to_owned(),
        }
    }

    /// Everything given: what a template is tried with at start.
    pub(crate) fn full() -> Self {
        let text = |text: &str| text.to_owned();
        let line =
            Line { description: text("Kettle"), sku: text("KET-1"), quantity: text("2"), quantity_before: text("3") };
        Self {
            name: text("Alex Doe"),
            order_number: text("1001"),
            return_number: text("R-1001"),
            lines: vec![line.clone(), line],
            location: text("High Street"),
            keep_until: text("2026-11-28T18:00:00+00:00[UTC]"),
            expected_date: text("2026-12-01"),
            carrier: text("Parcel Post"),
            tracking_numbers: vec![text("PP-1"), text("PP-2")],
            delivery_address: text("1 High Street, LS1 1AA Leeds, GB"),
            total: text("25.00 EUR"),
            amount: text("12.50 EUR"),
            amount_value: text("12.50"),
            amount_currency: text("EUR"),
            brand: text("NORTH"),
            market: text("UK"),
            happened_at: text("2026-11-26T09:30:00+00:00[UTC]"),
            sender: text("The shop"),
        }
    }

    /// Only what every message has.
    pub(crate) fn bare() -> Self {
        let Self { order_number, happened_at, sender, .. } = Self::full();
        Self { order_number, happened_at, sender, ..Self::default() }
    }
}
