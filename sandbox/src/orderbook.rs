//! The order book: what a retailer sold, read from the "Online Retail" table (UCI, Chen 2015) with all its dirt. Owns
//! the cleaning and says what it cleaned; refuses to guess. In: CSV, plain or gzipped. Out: orders to sell,
//! cancellations, write-offs, and the seed of a world in which those sales are possible.

mod charges;
mod reading;
mod recall;
mod tidy;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::recall::{Lack, Missing, Recall, Taken};
use crate::seed::{ItemKind, Seed};

/// Where all stock of the book lies.
pub const LOCATION: &str = "MAIN";

/// An order to sell, or a cancellation's lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// `#536365`; a cancellation keeps its letter: `#C536379`.
    pub name: String,
    /// When it was placed; the earliest minute of its lines, taken as UTC.
    pub placed_at: Timestamp,
    /// The customer's number; a guest has none.
    pub customer: Option<String>,
    /// Country as the book spells it.
    pub country: String,
    /// Lines in the book's order; identical lines stay separate.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Code in upper case.
    pub sku: String,
    /// The item's description, or its code.
    pub title: String,
    /// Pieces; negative in cancellations.
    pub quantity: i64,
    /// Unit price as the book has it.
    pub price: String,
    /// Goods or a charge.
    pub kind: ItemKind,
}

/// Stock that went without a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteOff {
    /// The document's name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Code in upper case.
    pub sku: String,
    /// Pieces; negative.
    pub quantity: i64,
    /// What somebody wrote beside it; may be empty.
    pub note: String,
}

/// What the book cannot sell, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The document's name, and the line of the file.
    pub name: String,
    /// Line of the file, the header being 1.
    pub row: u64,
    /// Why.
    pub reason: String,
}

/// A line whose price is finer than the currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rounded {
    /// The order.
    pub name: String,
    /// The item.
    pub sku: String,
    /// Quantity times the exact price.
    pub exact: Decimal,
    /// Quantity times the price rounded half-even, as the shop sells it.
    pub sold: Decimal,
}

/// What was in the book, and what was done to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines of the file without its header.
    pub rows: u64,
    /// Orders.
    pub orders: u64,
    /// Lines of orders.
    pub lines: u64,
    /// Value of the orders before rounding, as decimal text.
    pub exact_value: String,
    /// Value of the orders as the shop sells them, in pounds and pence.
    pub value: String,
    /// Pieces of goods in orders.
    pub units: i64,
    /// Lines that were rounded; their differences make up `exact_value - value`.
    pub rounded: Vec<Rounded>,
    /// Orders without a customer.
    pub guest_orders: u64,
    /// Customers.
    pub customers: u64,
    /// Cancellation documents and their lines.
    pub cancellations: u64,
    /// Lines of cancellations.
    pub cancellation_lines: u64,
    /// Lines without a description of their own.
    pub without_description: u64,
    /// Orders and cancellations whose lines carry more than one minute.
    pub two_minutes: u64,
    /// Lines equal to an earlier line of the same document; kept.
    pub repeated_lines: u64,
    /// Codes that were written in more than one case.
    pub case_variants: u64,
    /// Codes with more than one description; the first is taken.
    pub descriptions_differ: u64,
    /// Customers seen in more than one country.
    pub two_countries: u64,
}

/// A whole book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderBook {
    /// What can be sold, in the order the book has it.
    pub orders: Vec<Order>,
    /// What was called off afterwards.
    pub cancellations: Vec<Order>,
    /// Stock that went without a sale.
    pub write_offs: Vec<WriteOff>,
    /// What cannot be taken, by name.
    pub refused: Vec<Refused>,
    /// Items, the one location, and as much opening stock as is sold and written off.
    pub seed: Seed,
    /// What was found.
    pub report: Report,
}

/// Why a book cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open the order book {0}")]
    Open(PathBuf, #[source] std::io::Error),
    /// The file is no table of this shape.
    #[error("cannot read row {row} of the order book")]
    Read {
        /// Line of the file.
        row: u64,
        /// What the reader says.
        #[source]
        source: csv::Error,
    },
    /// A value is none.
    #[error("row {row}: {column} {value:?} cannot be read")]
    Value {
        /// Line of the file.
        row: u64,
        /// Column's name.
        column: &'static str,
        /// What is written there.
        value: String,
    },
}

impl OrderBook {
    /// Reads a file, `.csv` or `.csv.gz`.
    ///
    /// # Errors
    /// [`Error`]; a book is read whole or not at all.
    pub fn open(path: &Path) -> Result<OrderBook, Error> {
        let file = std::fs::File::open(path).map_err(|err| Error::Open(path.to_owned(), err))?;
        let file = std::io::BufReader::new(file);
        if path.extension().is_some_and(|ending| ending == "gz") {
            OrderBook::read(flate2::read::MultiGzDecoder::new(file))
        } else {
            OrderBook::read(file)
        }
    }

    /// Reads CSV text.
    ///
    /// # Errors
    /// [`Error`]; a book is read whole or not at all.
    pub fn read(text: impl std::io::Read) -> Result<OrderBook, Error> {
        tidy::tidy(reading::rows(text))
    }

    /// The data set's first trading day, where `WEFT_SHARED` or `../shared` has it.
    #[must_use]
    pub fn first_day() -> Option<PathBuf> {
        let shared = std::env::var_os("WEFT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let day = shared.join("data/online-retail/day-2010-12-01.csv");
        day.is_file().then_some(day)
    }

    /// The small book that comes with the sandbox: a dozen orders with every kind of dirt.
    ///
    /// # Errors
    /// [`Error`]; none as long as a test reads it.
    pub fn small() -> Result<OrderBook, Error> {
        OrderBook::read(include_bytes!("../books/small.csv").as_slice())
    }
}
