//! One line of the book, cleaned: what its dirt means is written beside it.

use csv::ByteRecord;
use retail_runtime::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Line, WriteOff};
use crate::seed::ItemKind;

/// Codes that move no stock, as the data set uses them.
const CHARGES: &[&str] = &["POST", "DOT", "M", "C2", "D", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "B"];
/// Goods, or a charge: postage, fee, manual charge, gift voucher.
pub(super) fn kind(sku: &str) -> ItemKind {
    let charge = CHARGES.contains(&sku) || sku.starts_with("GIFT_0001_") || sku.starts_with("DCGS");
    if charge { ItemKind::Charge } else { ItemKind::Goods }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: String,
    pub(super) sku: String,
    pub(super) description: String,
    pub(super) quantity: i64,
    pub(super) at: Timestamp,
    pub(super) price: Decimal,
    pub(super) customer: Option<String>,
    pub(super) country: String,
}

impl Row {
    pub(super) fn parse(record: &ByteRecord) -> Result<Self, String> {
        // 32 descriptions are not UTF-8 in some copies of the file: a replacement sign is better than a lost line.
        let text = |place: usize| String::from_utf8_lossy(record.get(place).unwrap_or_default()).trim().to_owned();
        if record.len() != 8 {
            return Err(format!("it has {} columns instead of 8", record.len()));
        }
        let quantity = text(3);
        let price = text(5);
        Ok(Self {
            number: text(0).to_uppercase(),
            // 112 codes differ only in case.
            sku: text(1).to_uppercase(),
            description: text(2),
            quantity: quantity.parse().map_err(|_| format!("Quantity {quantity:?} is not a whole number"))?,
            at: time(&text(4))?,
            price: price.parse().map_err(|_| format!("UnitPrice {price:?} is not a number"))?,
            customer: customer(&text(6)),
            country: text(7),
        })
    }

    pub(super) fn sold(&self) -> Line {
        Line {
            sku: self.sku.clone(),
            title: if self.description.is_empty() { self.sku.clone() } else { self.description.clone() },
            quantity: self.quantity,
            price: self.price.normalize().to_string(),
            kind: kind(&self.sku),
        }
    }

    /// A line of a cancellation: pieces that come back are counted upwards.
    pub(super) fn taken_back(&self) -> Line {
        Line { quantity: self.quantity.saturating_neg(), ..self.sold() }
    }

    pub(super) fn write_off(&self, place: usize) -> WriteOff {
        WriteOff {
            number: self.number.clone(),
            place,
            sku: self.sku.clone(),
            quantity: self.quantity,
            at: self.at,
            note: self.description.clone(),
        }
    }
}

/// Customer numbers are written as floats: `17850.0`.
fn customer(text: &str) -> Option<String> {
    let number = text.strip_suffix(".0").unwrap_or(text);
    (!number.is_empty()).then(|| number.to_owned())
}

/// `2010-12-01 08:26:00`, read as UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let at = text.parse::<jiff::civil::DateTime>().map_err(|_| format!("InvoiceDate {text:?} is not a time"))?;
    let at = at.in_tz("UTC").map_err(|error| error.to_string())?;
    Ok(at.timestamp())
}

/// Price times pieces, exact.
pub(super) fn amount(line: &Line) -> Decimal {
    line.price.parse::<Decimal>().unwrap_or_default() * Decimal::from(line.quantity)
}

/// Rounded half-even to the penny.
pub(super) fn penny(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
}
