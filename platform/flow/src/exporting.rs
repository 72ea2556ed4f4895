//! Exporting a transaction: its journal as a bundle.

use std::sync::Arc;

use futures::future::BoxFuture;
use retail_runtime::Timestamp;
use retail_store::{Document as _, Error as StoreError, Store};
use serde_json::Value;

use crate::bundle::{Parts, bundle};
use crate::journal::Entry;
use crate::ledger::Ledger;
use crate::mask::Personal;
use crate::process::Process;

/// Largest bundle, in bytes: what a caller takes in one message.
pub(crate) const LARGEST: usize = 12 << 20;
/// How often the journal is read anew because it changed meanwhile.
const READS: usize = 5;

/// The version of an aggregate.
type Read = BoxFuture<'static, Result<u64, StoreError>>;

/// How the journal of one kind of aggregate is read without knowing its type.
#[derive(Clone)]
pub(crate) struct Journaled {
    version: fn(Store, String) -> Read,
    personal: &'static [Personal],
    config: Arc<Value>,
}

/// Why there is no bundle.
#[derive(Debug)]
pub(crate) enum NoBundle {
    /// It has no journal, or none yet.
    NotJournaled,
    /// It does not fit.
    TooLarge(usize),
    /// The store did not answer, or holds what cannot be read.
    Store(StoreError),
}

impl From<StoreError> for NoBundle {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Journaled {
    /// The journal of a process; `None` when it keeps none.
    pub(crate) fn of<P: Process>(config: &Arc<Value>) -> Option<Self> {
        let personal = P::kept()?.personal;
        let version = |store: Store, id: String| -> Read {
            Box::pin(async move { Ok(store.read::<P::Doc>(&id).await?.map_or(0, |found| found.version.0)) })
        };
        Some(Self { version, personal, config: Arc::clone(config) })
    }

    /// The bundle as text.
    pub(crate) async fn export(
        &self,
        store: &Store,
        (kind, id): (&str, &str),
        ledger_id: &str,
        with_personal_data: bool,
        now: Timestamp,
    ) -> Result<String, NoBundle> {
        for _ in 0..READS {
            let found = store.read::<Ledger>(ledger_id).await?.ok_or(NoBundle::NotJournaled)?;
            let (ledger, ledger_version) = (found.doc, found.version.0);
            let shelf = ledger.journal.clone().ok_or(NoBundle::NotJournaled)?;
            let version = (self.version)(store.clone(), id.to_owned()).await?;
            let (numbers, mut entries) = (shelf.numbers(), Vec::new());
            for number in numbers.clone() {
                let entry = store.read::<Entry>(&Entry::id(ledger_id, number)).await?;
                entries.extend(entry.map(|entry| entry.doc));
            }
            let again = store.read::<Ledger>(ledger_id).await?.map_or(0, |found| found.version.0);
            if again != ledger_version {
                continue;
            }
            if entries.is_empty() {
                return Err(NoBundle::NotJournaled);
            }
            let parts = Parts {
                domain: store.domain().to_owned(),
                kind: kind.to_owned(),
                id: id.to_owned(),
                now,
                config: (*self.config).clone(),
                first: numbers.start,
                entries,
                changed_since: !shelf.is_current(version, ledger_version),
                personal: self.personal,
                salt: (!with_personal_data).then(|| shelf.salt()),
                ledger,
            };
            let corrupt =
                |why: &str| StoreError::Corrupt { what: Entry::key(ledger_id).to_string(), why: why.to_owned() };
            let made = bundle(parts).ok_or_else(|| corrupt("entries of a journal do not fit together"))?;
            let text = serde_json::to_string_pretty(&made).map_err(|error| corrupt(&error.to_string()))?;
            return if text.len() > LARGEST { Err(NoBundle::TooLarge(text.len())) } else { Ok(text) };
        }
        // It changes faster than it can be read.
        Err(NoBundle::Store(StoreError::Conflict(Ledger::partition(ledger_id))))
    }
}
