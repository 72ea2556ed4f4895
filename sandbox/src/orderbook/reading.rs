//! Rows of the file, one after the other, with their blanks trimmed and their numbers read.

use std::io::Read;

use csv::StringRecord;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::Error;

/// A row as written.
#[derive(Debug, Deserialize)]
struct Written {
    #[serde(rename = "InvoiceNo")]
    invoice: String,
    #[serde(rename = "StockCode")]
    code: String,
    #[serde(rename = "Description")]
    description: String,
    #[serde(rename = "Quantity")]
    quantity: String,
    #[serde(rename = "InvoiceDate")]
    date: String,
    #[serde(rename = "UnitPrice")]
    price: String,
    #[serde(rename = "CustomerID")]
    customer: String,
    #[serde(rename = "Country")]
    country: String,
}

/// A row as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Line of the file, the header being 1.
    pub(super) at: u64,
    pub(super) invoice: String,
    /// The code as it was written, trimmed.
    pub(super) code: String,
    pub(super) description: String,
    pub(super) quantity: i64,
    pub(super) placed_at: Timestamp,
    pub(super) price: Decimal,
    pub(super) customer: Option<String>,
    pub(super) country: String,
}

/// The rows, read as they are asked for.
pub(super) fn rows(text: impl Read) -> impl Iterator<Item = Result<Row, Error>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers().cloned().unwrap_or_default();
    let mut at: u64 = 1;
    reader.into_byte_records().map(move |record| {
        at = at.saturating_add(1);
        let wrong = |source| Error::Read { row: at, source };
        // Some copies of the file are not UTF-8 throughout: a replacement sign is better than a lost line.
        let record = StringRecord::from_byte_record_lossy(record.map_err(wrong)?);
        row(at, record.deserialize(Some(&headers)).map_err(wrong)?)
    })
}

fn row(at: u64, written: Written) -> Result<Row, Error> {
    let wrong = |column, value: &str| Error::Value { row: at, column, value: value.to_owned() };
    let date: DateTime = written.date.parse().map_err(|_| wrong("InvoiceDate", &written.date))?;
    let placed_at = TimeZone::UTC.to_timestamp(date).map_err(|_| wrong("InvoiceDate", &written.date))?;
    let quantity = written.quantity.parse().map_err(|_| wrong("Quantity", &written.quantity))?;
    let price = written.price.parse().map_err(|_| wrong("UnitPrice", &written.price))?;
    // A column of numbers that misses some was once read as floats: 17850.0 is customer 17850.
    let customer = written.customer.strip_suffix(".0").unwrap_or(&written.customer).to_owned();
    if !customer.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("CustomerID", &written.customer));
    }
    Ok(Row {
        at,
        invoice: written.invoice.to_ascii_uppercase(),
        code: written.code,
        description: written.description,
        quantity,
        placed_at,
        price,
        customer: (!customer.is_empty()).then_some(customer),
        country: written.country,
    })
}
