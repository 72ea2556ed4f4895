//! A Shopify shop.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use retail_runtime::Runtime;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::books::{Books, Result};
use crate::clock::TwinClock;
use crate::seed::Seed;
use crate::twin::{Answer, Seen, Twin};

/// The shop.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The twin.
#[derive(Debug)]
pub struct Shopify {
    books: Books,
}

impl Shopify {
    /// Opens the shop.
    ///
    /// # Errors
    /// Those of the books.
    pub fn start(_runtime: &Runtime, _clock: &TwinClock, dir: Option<&Path>, _config: Config) -> Result<Arc<Shopify>> {
        Ok(Arc::new(Shopify { books: Books::open(dir, "shopify", "")? }))
    }
}

impl Twin for Shopify {
    fn name(&self) -> &'static str {
        "shopify"
    }

    fn handle(&self, _request: &Seen, _now: Timestamp) -> Answer {
        Answer::empty(404)
    }

    fn books(&self) -> Value {
        let _ = &self.books;
        json!({})
    }

    fn seed(&self, _seed: &Seed) {}
}
