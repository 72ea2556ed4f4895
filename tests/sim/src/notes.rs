//! What the people of a run remember: what they asked for, and what they were told. The checks hold the mesh to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What became of something that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Asked, nothing heard yet, or nothing certain ever.
    Nothing,
    /// Done; this is its id.
    Done(String),
    /// Refused for good.
    Refused(String),
}

/// A request for stock to be changed.
#[derive(Debug, Clone)]
pub(crate) struct Adjusted {
    pub(crate) sku: &'static str,
    pub(crate) pieces: i64,
    pub(crate) heard: Heard,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    /// Sales that the shop has made, by name.
    pub(crate) sold: Vec<String>,
    /// Orders that were asked for at the gateway, by number.
    pub(crate) ordered: BTreeMap<String, Heard>,
    /// Pieces by item of every order that somebody may have asked for, by number.
    pub(crate) asked: BTreeMap<String, BTreeMap<String, i64>>,
    /// Orders that somebody wanted to be changed, by number.
    pub(crate) edited: BTreeSet<String>,
    /// What was paid on the web: the order's number and the payment service's id of the payment.
    pub(crate) paid: BTreeMap<String, String>,
    /// Returns that were asked for at the gateway, by the source's id.
    pub(crate) returned: BTreeMap<String, Heard>,
    /// Transfers that were asked for, by id.
    pub(crate) moved: Vec<String>,
    /// Changes of stock, by key.
    pub(crate) adjusted: BTreeMap<String, Adjusted>,
}

/// The book in many hands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Book>>);

impl Notes {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
