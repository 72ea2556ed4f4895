//! Where a domain keeps what it knows, as an operator writes it down.

use std::path::PathBuf;

use retail_runtime::config::Span;
use serde::Deserialize;

use crate::redis::RedisConfig;

/// Where a domain keeps what it knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The engine.
    pub backend: BackendConfig,
    /// Name of the domain, for example `orders`.
    pub domain: String,
    /// Region whose data this is; a store of another region is refused.
    #[serde(default = "local")]
    pub region: String,
    /// Groups that follow the feed: nothing is trimmed before all of them have acknowledged it.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long events stay although every group has acknowledged them, for those who follow without a group.
    #[serde(default = "a_week")]
    pub keep: Span,
}

/// The engine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BackendConfig {
    /// In this process, on this disk. Domains of one process that name one directory share its database.
    Embedded {
        /// The directory.
        dir: PathBuf,
    },
    /// In memory, lost at the end: for tests and trials.
    Model,
    /// In a Redis or Valkey that many replicas share.
    Redis(Box<RedisConfig>),
}

/// How much of its way a document keeps beside it, so that it can be run again elsewhere. Written by `retail-flow` in the
/// commits themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// Entries of one document; the oldest give way. 0 keeps none.
    pub entries: u32,
    /// Bytes of one document's entries; the oldest give way.
    pub bytes: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self { entries: 64, bytes: 1 << 20 }
    }
}

impl Journal {
    /// `None` when none is kept.
    #[must_use]
    pub fn kept(self) -> Option<Self> {
        (self.entries > 0).then_some(self)
    }
}

/// How long events stay unless the configuration says otherwise.
pub(crate) fn a_week() -> Span {
    Span::from_secs(7 * 24 * 3600)
}

fn local() -> String {
    "local".to_owned()
}
