//! The legs of a return: one thing each that the journey asks of somebody, and how a repeat of it is made safe.

use std::time::Duration;

use retail_flow::{Class, Policy, Step, kept};
use retail_proto::erp::v1 as erp;
use retail_proto::types::v1::Ref;
use serde::{Deserialize, Serialize};

use crate::allowance::Entry;
use crate::crediting::Told;
use crate::locate::Found;
use crate::sale::Sale;
use crate::settling::Judged;

/// One thing the journey asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Leg {
    /// Who is the customer? (customers)
    Identify,
    /// Which purchases are the lines of? (orders, customers)
    Locate,
    /// May lines of an order come back, and are they still there to be claimed? (orders, our books)
    Judge(String),
    /// The shop asked; it is answered. (commerce)
    AnswerShop(bool),
    /// The books of the order know of a refund that the shop made by itself. (our books)
    NoteGiven,
    /// The ERP's return of a part. (ERP)
    OpenReturn(i32),
    /// The ERP takes goods in. (ERP)
    PostReceipt(i32, String),
    /// Our stock follows. (inventory)
    Restock(i32, String),
    /// The ERP awaits nothing more for a part. (ERP)
    CloseReturn(i32),
    /// How a part ends in money. (orders, our books)
    Settle(i32),
    /// What of the credit pays the order's invoice is not taken any more. (orders, our books)
    TellOrder(i32),
    /// The credit memo of a part. (ERP)
    CreditMemo(i32),
    /// The money of a part goes back, at a business attempt. (commerce)
    Refund(i32, i32),
    /// The ERP's customer refund, applied to the memo. (ERP)
    RecordRefund(i32),
    /// Nothing is claimed of an order any more. (our books)
    GiveBack(String),
}

/// Name of the leg that opens a part's return in the ERP: cancelling asks whether it may have been sent.
pub(crate) fn open_return(part: i32) -> String {
    format!("erp.create_return/{part}")
}

impl Step for Leg {
    fn name(&self) -> String {
        match self {
            Self::Identify => "customers.find".into(),
            Self::Locate => "orders.locate".into(),
            Self::Judge(order) => format!("books.judge/{order}"),
            Self::AnswerShop(true) => "commerce.approve_return".into(),
            Self::AnswerShop(false) => "commerce.decline_return".into(),
            Self::NoteGiven => "books.note_given".into(),
            Self::OpenReturn(part) => open_return(*part),
            Self::PostReceipt(_, receipt) => format!("erp.post_receipt/{receipt}"),
            Self::Restock(_, receipt) => format!("inventory.receive/{receipt}"),
            Self::CloseReturn(part) => format!("erp.cancel_return/{part}"),
            Self::Settle(part) => format!("books.settle/{part}"),
            Self::TellOrder(part) => format!("orders.take_return_credit/{part}"),
            Self::CreditMemo(part) => format!("erp.create_credit_memo/{part}"),
            Self::Refund(part, attempt) => format!("commerce.refund_order/{part}/{attempt}"),
            Self::RecordRefund(part) => format!("erp.record_refund/{part}"),
            Self::GiveBack(order) => format!("books.give_back/{order}"),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Identify
            | Self::Locate
            | Self::Judge(_)
            | Self::NoteGiven
            | Self::Restock(..)
            | Self::Settle(_)
            | Self::TellOrder(_)
            | Self::GiveBack(_) => Class::Call,
            // A refund is keyed, not queryable: its contract looks for our reference first and sends our key with what
            // it makes, so that a repeat finds it done within the shop's window by the key and after it by the
            // reference. A quiet time before a look would only make the customer wait.
            Self::AnswerShop(_)
            | Self::OpenReturn(_)
            | Self::PostReceipt(..)
            | Self::CloseReturn(_)
            | Self::CreditMemo(_)
            | Self::Refund(..)
            | Self::RecordRefund(_) => Class::Keyed,
        }
    }

    /// Claims lie in other books than the purchases that were found: after a crash in between, the claims that were made
    /// already would be in the way of finding the same purchases again.
    fn commits_first(&self) -> bool {
        matches!(self, Self::Judge(_))
    }

    fn policy(&self) -> Policy {
        match self {
            // Five thousand lines may name as many orders.
            Self::Locate | Self::Judge(_) => Policy { attempt: Duration::from_secs(60), ..Policy::MESH },
            Self::Identify
            | Self::NoteGiven
            | Self::Restock(..)
            | Self::Settle(_)
            | Self::TellOrder(_)
            | Self::GiveBack(_) => Policy::MESH,
            Self::AnswerShop(_)
            | Self::OpenReturn(_)
            | Self::PostReceipt(..)
            | Self::CloseReturn(_)
            | Self::CreditMemo(_)
            | Self::Refund(..)
            | Self::RecordRefund(_) => Policy::VENDOR,
        }
    }
}

/// What a leg brings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Brought {
    /// The customer, when somebody is known by the record.
    Customer(Option<String>),
    /// Orders and purchases.
    Found(Box<Found>),
    /// The order as it stands and its lines as they were judged; no order when nobody knows it any more.
    Judged(Option<Box<Sale>>, Vec<Judged>),
    /// The ERP's return as it stands.
    SalesReturn(#[serde(with = "kept::boxed")] Box<erp::SalesReturn>),
    /// What the ERP took in of a receipt.
    Receipt(#[serde(with = "kept::boxed")] Box<erp::Receipt>),
    /// How the part ends in money.
    Settled(#[serde(with = "kept::own")] Entry),
    /// The order's own money is on its way: nobody can say yet.
    NotYet,
    /// What the owner says of the refund.
    Refund(Told),
    /// A document of another system.
    Record(#[serde(with = "kept")] Ref),
    /// Done, nothing to remember.
    Done,
}
