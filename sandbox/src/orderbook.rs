//! The order book: what a retailer sold, read from a file with all its dirt. Columns of the UCI "Online Retail" data
//! set. What a line is (sale, cancellation, write-off, bad debt) is decided here, once, and what is not sold is told
//! apart by name, never dropped.

mod lines;
mod seeding;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use lines::{is_charge, is_shipping};

use crate::seed::Seed;
use lines::Row;

/// The place everything ships from.
pub const LOCATION: &str = "MAIN";
/// Currency of the book.
pub const CURRENCY: &str = "GBP";
/// A small book of our own, for machines without the data set.
pub const SMALL: &str = include_str!("../books/small.csv");

/// Why a book cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file.
    #[error("cannot read {}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// The table.
    #[error("line {line} of the order book cannot be read: {what}")]
    Line {
        /// Line of the file, the header is 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// A sold line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaleLine {
    /// Code, upper case.
    pub sku: String,
    /// Text of this line; empty when the book has none.
    pub description: String,
    /// Pieces, above 0.
    pub quantity: i64,
    /// Price of one piece, decimal text, not negative.
    pub unit_price: String,
}

/// An order as the shop takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// Number, for example `536365`.
    pub number: String,
    /// When, RFC 3339.
    pub placed_at: String,
    /// Customer number; absent for a guest.
    pub customer: Option<String>,
    /// Country as the book spells it.
    pub country: String,
    /// Lines in the book's order; identical lines stay separate.
    pub lines: Vec<SaleLine>,
}

/// A line of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// Number, for example `C536379`.
    pub number: String,
    /// When, RFC 3339.
    pub at: String,
    /// Customer number.
    pub customer: Option<String>,
    /// Lines; quantities are above 0 here.
    pub lines: Vec<SaleLine>,
}

/// Stock that was written off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteOff {
    /// Number of the document.
    pub number: String,
    /// Place in the document, from 1.
    pub place: usize,
    /// Code.
    pub sku: String,
    /// Pieces taken away, below 0.
    pub quantity: i64,
    /// When, RFC 3339.
    pub at: String,
    /// Why, as the book says; often empty.
    pub note: String,
}

/// A document that is no sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Number.
    pub number: String,
    /// Why.
    pub reason: String,
}

/// A line whose exact amount is not a whole penny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounded {
    /// Number of the order.
    pub number: String,
    /// Code.
    pub sku: String,
    /// Exact amount.
    pub exact: String,
    /// Amount in pennies, half-even.
    pub rounded: String,
}

/// What the book adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Orders.
    pub orders: usize,
    /// Lines of orders.
    pub lines: usize,
    /// Value of the orders, each line rounded half-even to the penny.
    pub value: String,
    /// Exact value.
    pub exact_value: String,
    /// Lines that were rounded.
    pub rounded: Vec<Rounded>,
    /// Lines of cancellations, held for returns.
    pub cancellation_lines: usize,
    /// Pieces of goods sold.
    pub units: i64,
}

/// The book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBook {
    /// Orders, by time.
    pub orders: Vec<Sale>,
    /// Cancellations.
    pub cancellations: Vec<Cancellation>,
    /// Write-offs.
    pub write_offs: Vec<WriteOff>,
    /// Documents that are no sale.
    pub refused: Vec<Refused>,
    /// What the twins are born with.
    pub seed: Seed,
    /// Sums.
    pub report: Report,
}

impl OrderBook {
    /// Reads a file, `.csv` or `.csv.gz`.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn open(path: &Path) -> Result<Self, BookError> {
        let file = std::fs::File::open(path).map_err(|error| BookError::File(path.to_owned(), error))?;
        if path.extension().is_some_and(|ext| ext == "gz") {
            Self::read(GzDecoder::new(file))
        } else {
            Self::read(file)
        }
    }

    /// Our own small book.
    ///
    /// # Errors
    /// [`BookError`] when the book is broken, which a test excludes.
    pub fn small() -> Result<Self, BookError> {
        Self::read(SMALL.as_bytes())
    }

    /// The first trading day of the data set, where `WEFT_SHARED` or `../shared` has it.
    #[must_use]
    pub fn first_day() -> Option<PathBuf> {
        let shared = std::env::var_os("WEFT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let day = shared.join("data/online-retail/day-2010-12-01.csv");
        day.is_file().then_some(day)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn read(from: impl Read) -> Result<Self, BookError> {
        let mut documents: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut table = csv::ReaderBuilder::new().flexible(false).from_reader(from);
        for (index, record) in table.byte_records().enumerate() {
            let line = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(2);
            let wrong = |what: String| BookError::Line { line, what };
            let record = record.map_err(|error| wrong(error.to_string()))?;
            let row = Row::parse(&record).map_err(wrong)?;
            let next = places.len();
            let place = *places.entry(row.number.clone()).or_insert(next);
            // By first appearance: an invoice whose lines carry two minutes stays one invoice.
            documents.entry(place).or_default().push(row);
        }
        Ok(sort_out(documents.into_values().collect()))
    }
}

/// Decides what each document is.
fn sort_out(documents: Vec<Vec<Row>>) -> OrderBook {
    let mut seeding = seeding::Seeding::default();
    let (mut orders, mut cancellations, mut write_offs, mut refused) = (vec![], vec![], vec![], vec![]);
    for rows in documents {
        let Some(first) = rows.first() else { continue };
        for row in &rows {
            seeding.describe(row);
        }
        if first.number.starts_with('C') {
            cancellations.push(Cancellation {
                number: first.number.clone(),
                at: first.at.clone(),
                customer: first.customer.clone(),
                lines: rows.iter().map(Row::taken_back).collect(),
            });
            continue;
        }
        if first.number.starts_with('A') {
            let reason = format!("bad debt adjustment of {} {CURRENCY}: an entry of the ledger, not a sale", first.price);
            refused.push(Refused { number: first.number.clone(), reason });
            continue;
        }
        let (sold, written_off): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.quantity > 0);
        for (row, place) in written_off.iter().zip(1..) {
            write_offs.push(row.write_off(place));
        }
        if let Some(first) = sold.first() {
            for row in &sold {
                seeding.sell(row);
            }
            orders.push(Sale {
                number: first.number.clone(),
                placed_at: first.at.clone(),
                customer: first.customer.clone(),
                country: first.country.clone(),
                lines: sold.iter().map(Row::sold).collect(),
            });
        }
    }
    let report = report(&orders, &cancellations);
    OrderBook { orders, cancellations, write_offs, refused, seed: seeding.finish(), report }
}

fn report(orders: &[Sale], cancellations: &[Cancellation]) -> Report {
    let (mut value, mut exact_value, mut units, mut rounded) = (Decimal::ZERO, Decimal::ZERO, 0_i64, Vec::new());
    for order in orders {
        for line in &order.lines {
            let exact = lines::amount(line);
            let penny = lines::penny(exact);
            value += penny;
            exact_value += exact;
            if penny != exact {
                rounded.push(Rounded {
                    number: order.number.clone(),
                    sku: line.sku.clone(),
                    exact: exact.normalize().to_string(),
                    rounded: format!("{penny:.2}"),
                });
            }
            if !is_charge(&line.sku) {
                units = units.saturating_add(line.quantity);
            }
        }
    }
    Report {
        orders: orders.len(),
        lines: orders.iter().map(|order| order.lines.len()).sum(),
        value: format!("{value:.2}"),
        exact_value: exact_value.normalize().to_string(),
        rounded,
        cancellation_lines: cancellations.iter().map(|cancellation| cancellation.lines.len()).sum(),
        units,
    }
}
