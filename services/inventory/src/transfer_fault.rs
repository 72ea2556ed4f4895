//! Why a transfer was refused, and what that means to a caller.

use retail_proto::Quantity;
use retail_runtime::fault::{BadShape, Class, Fault as _};

use crate::stock::StockError;
use crate::transfer::Road;

/// A line that would take what is promised to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFree {
    /// Its place in the request.
    pub place: usize,
    /// Item code.
    pub sku: String,
    /// Asked for.
    pub asked: Quantity,
    /// May be moved.
    pub free: Quantity,
}

/// Why a rule of transfers refused.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// More was asked for than may be moved.
    #[error("{} of the items are promised to others at {location}", lines.len())]
    NotFree {
        /// Location code.
        location: String,
        /// Which.
        lines: Vec<NotFree>,
    },
    /// The goods have left.
    #[error("transfer {0} has left; say what arrives of it")]
    HasLeft(String),
    /// It has come to its end.
    #[error("transfer {id} {}", said(*road))]
    Ended {
        /// Id.
        id: String,
        /// How.
        road: Road,
    },
    /// The id belongs to another transfer.
    #[error("transfer {0} was asked for before with other content; a new transfer has an id of its own")]
    Differs(String),
    /// The receipt was taken in with other content.
    #[error("receipt {0} was taken in before with other content; a correction is an adjustment")]
    ReceiptDiffers(String),
    /// Nobody knows it.
    #[error("no transfer {0}")]
    NoSuch(String),
    /// A rule of stock.
    #[error(transparent)]
    Stock(#[from] StockError),
}

fn said(road: Road) -> &'static str {
    match road {
        Road::Planned => "has not left",
        Road::OnTheRoad => "is on the road",
        Road::Arrived => "has arrived; what comes now is a receipt of its own or an adjustment",
        Road::Cancelled => "was called off; goods that came all the same are a receipt of their own or an adjustment",
    }
}

impl TransferError {
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NotFree { .. } | Self::HasLeft(_) | Self::Ended { .. } => Class::Precondition,
            Self::Differs(_) | Self::ReceiptDiffers(_) => Class::Exists,
            Self::NoSuch(_) => Class::NotFound,
            Self::Stock(StockError::NotOnHand { .. }) => Class::Precondition,
            Self::Stock(StockError::LawBroken { .. }) => Class::Internal,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NotFree { .. } => "NOT_FREE_TO_MOVE",
            Self::HasLeft(_) => "TRANSFER_HAS_LEFT",
            Self::Ended { .. } => "TRANSFER_ENDED",
            Self::Differs(_) => "TRANSFER_DIFFERS",
            Self::ReceiptDiffers(_) => "RECEIPT_DIFFERS",
            Self::NoSuch(_) => "NO_SUCH_TRANSFER",
            Self::Stock(StockError::NotOnHand { .. }) => "NOT_ON_HAND",
            Self::Stock(StockError::LawBroken { .. }) => "STOCK_LAW_BROKEN",
        }
    }

    pub(crate) fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFree { location, lines } => {
                let free: Vec<String> =
                    lines.iter().take(20).map(|line| format!("{} of {}", line.free, line.sku)).collect();
                vec![("location", location.clone()), ("free", free.join(", "))]
            }
            Self::HasLeft(id) | Self::Ended { id, .. } | Self::Differs(id) | Self::NoSuch(id) => {
                vec![("transfer_id", id.clone())]
            }
            Self::ReceiptDiffers(id) => vec![("receipt_id", id.clone())],
            Self::Stock(StockError::NotOnHand { sku, location, on_hand, asked }) => vec![
                ("sku", sku.clone()),
                ("location", location.clone()),
                ("on_hand", on_hand.to_string()),
                ("asked", asked.to_string()),
            ],
            Self::Stock(StockError::LawBroken { sku, location, .. }) => {
                vec![("sku", sku.clone()), ("location", location.clone())]
            }
            Self::Shape(_) => vec![],
        }
    }

    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::NotFree { lines, .. } => lines
                .iter()
                .map(|line| {
                    let what = format!(
                        "{} of {} are free and {} were asked for; ask for less, or say `force`",
                        line.free, line.sku, line.asked
                    );
                    (format!("lines[{}].quantity", line.place), what)
                })
                .collect(),
            Self::HasLeft(_)
            | Self::Ended { .. }
            | Self::Differs(_)
            | Self::ReceiptDiffers(_)
            | Self::NoSuch(_)
            | Self::Stock(_) => vec![],
        }
    }
}
