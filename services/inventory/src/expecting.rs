//! Expected goods over the store: what is said of them and what stands beside each stock record change in one commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use retail_proto::Quantity;
use retail_runtime::{Clock, Timestamp};
use retail_store::{Document, Draft, IndexEntry, IndexQuery, Key, Store};

use crate::expected::{Ending, Expected, Standing, Word};
use crate::fault::Error;
use crate::keys::expected_document;
use crate::site;

/// What is expected and has not come, the earliest first.
const OPEN: &str = "expected";

/// Keeps what is expected.
#[derive(Clone)]
pub(crate) struct Expecting {
    store: Store,
    clock: Clock,
    channels: Arc<Vec<String>>,
}

impl Expecting {
    /// Over a store; `channels` are those that stock is published to.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, channels: Arc<Vec<String>>) -> Self {
        Self { store, clock, channels }
    }

    /// Takes a word over; false when a newer one is known and this one changed nothing. A repeat changes nothing.
    pub(crate) async fn say(&self, word: Word) -> Result<(Expected, bool), Error> {
        let (now, channels) = (self.clock.now(), Arc::clone(&self.channels));
        let document = expected_document(&word.location, &word.id);
        let rule = move |draft: &mut Draft<Expected>| -> Result<(Expected, bool), Error> {
            let before = draft.doc.clone();
            let taken = draft.doc.say(&word);
            let after = draft.doc.clone();
            if after != before {
                list(draft, &before, &after);
                beside(draft, &before, &after, &channels, now)?;
            }
            Ok((after, taken))
        };
        Ok(self.store.step(&document, None, rule).await?.value)
    }

    /// Takes over what is said of goods that our own process sends: only a newer word counts, however often one is told.
    pub(crate) async fn announce(&self, word: Word) -> Result<(), Error> {
        let (now, channels) = (self.clock.now(), Arc::clone(&self.channels));
        let document = expected_document(&word.location, &word.id);
        let rule = move |draft: &mut Draft<Expected>| -> Result<(), Error> {
            let before = draft.doc.clone();
            if before.version > 0 && before.as_of >= word.as_of.as_millisecond() {
                return Ok(());
            }
            draft.doc.say(&word);
            let after = draft.doc.clone();
            list(draft, &before, &after);
            beside(draft, &before, &after, &channels, now)
        };
        self.store.step(&document, None, rule).await?;
        Ok(())
    }

    /// Takes over that the rest will not come. Cancelling twice is a no-op.
    pub(crate) async fn cancel(&self, location: &str, id: &str) -> Result<Expected, Error> {
        let (now, channels) = (self.clock.now(), Arc::clone(&self.channels));
        let (place, name) = (location.to_owned(), id.to_owned());
        let rule = move |draft: &mut Draft<Expected>| -> Result<Expected, Error> {
            if !draft.existed {
                return Err(Error::NoSuchExpected { id: name.clone(), location: place.clone() });
            }
            let before = draft.doc.clone();
            if draft.doc.cancel() {
                let after = draft.doc.clone();
                list(draft, &before, &after);
                beside(draft, &before, &after, &channels, now)?;
            }
            Ok(draft.doc.clone())
        };
        Ok(self.store.step(&expected_document(location, id), None, rule).await?.value)
    }

    /// What is expected under an id.
    pub(crate) async fn find(&self, location: &str, id: &str) -> Result<Expected, Error> {
        let found = self.store.read::<Expected>(&expected_document(location, id)).await?;
        let missing = || Error::NoSuchExpected { id: id.to_owned(), location: location.to_owned() };
        found.map(|found| found.doc).ok_or_else(missing)
    }

    /// What has not come, the earliest first, with the entries that page tokens are made of.
    pub(crate) async fn open(
        &self,
        location: &str,
        limit: usize,
        after: Option<(Vec<u8>, Key)>,
    ) -> Result<(Vec<Expected>, Vec<IndexEntry>), Error> {
        let entries = if location.is_empty() {
            let query = IndexQuery { name: OPEN.to_owned(), prefix: vec![], after, limit };
            self.store.list(&query).await?
        } else {
            let query = IndexQuery { name: open_at(location), prefix: vec![], after, limit };
            self.store.index(Expected::partition(&expected_document(location, "")), &query).await?
        };
        let mut expected = Vec::with_capacity(entries.len());
        for entry in &entries {
            let found = self.store.read::<Expected>(entry.key.id()).await?;
            expected.extend(found.map(|found| found.doc).filter(|expected| expected.standing() == Standing::Open));
        }
        Ok((expected, entries))
    }
}

/// Takes over that expected goods came, in the commit of their receipt; answers what came. Without lines that is all that
/// had not come. The caller keeps what stands beside the stock records.
pub(crate) fn arrive<D: Document>(
    draft: &mut Draft<D>,
    location: &str,
    id: &str,
    lines: &[(String, Quantity)],
) -> Result<(Expected, Vec<(String, Quantity)>), Error> {
    let document = expected_document(location, id);
    let Some(before) = draft.get::<Expected>(&document) else {
        return Err(Error::NoSuchExpected { id: id.to_owned(), location: location.to_owned() });
    };
    let came = if lines.is_empty() { before.rest() } else { lines.to_vec() };
    let mut after = before.clone();
    after.arrive(&came);
    draft.put(&document, &after);
    list_on(draft, &document, &before, &after);
    Ok((after, came))
}

/// Takes over what of expected goods came and what is lost, in the commit of another document. The caller keeps what
/// stands beside the stock records.
pub(crate) fn end<D: Document>(draft: &mut Draft<D>, location: &str, id: &str, endings: &[Ending]) -> Expected {
    let document = expected_document(location, id);
    let before = draft.get::<Expected>(&document).unwrap_or_default();
    let mut after = before.clone();
    after.end(endings);
    draft.put(&document, &after);
    list_on(draft, &document, &before, &after);
    after
}

fn open_at(location: &str) -> String {
    format!("{OPEN}.{location}")
}

/// Its places in lists: by time, while it is open.
fn places(expected: &Expected) -> BTreeSet<(String, Vec<u8>)> {
    let open = expected.standing() == Standing::Open && expected.version > 0;
    let sort = u64::try_from(expected.expected_at).unwrap_or_default().to_be_bytes().to_vec();
    let names = open.then(|| [OPEN.to_owned(), open_at(&expected.location)]);
    names.into_iter().flatten().map(|name| (name, sort.clone())).collect()
}

fn list(draft: &mut Draft<Expected>, before: &Expected, after: &Expected) {
    let (before, after) = (places(before), places(after));
    for (name, sort) in after.difference(&before) {
        draft.index(name, sort.clone(), Vec::new());
    }
    for (name, sort) in before.difference(&after) {
        draft.unindex(name, sort.clone());
    }
}

fn list_on<D: Document>(draft: &mut Draft<D>, document: &str, before: &Expected, after: &Expected) {
    let (before, after) = (places(before), places(after));
    for (name, sort) in after.difference(&before) {
        draft.index_on::<Expected>(document, name, sort.clone(), Some(Vec::new().into()));
    }
    for (name, sort) in before.difference(&after) {
        draft.index_on::<Expected>(document, name, sort.clone(), None);
    }
}

/// Keeps what stands beside the stock record of every item that is or was named.
fn beside(
    draft: &mut Draft<Expected>,
    before: &Expected,
    after: &Expected,
    channels: &[String],
    now: Timestamp,
) -> Result<(), Error> {
    let skus: BTreeSet<String> = before.lines.iter().chain(&after.lines).map(|line| line.sku.clone()).collect();
    let mut shelf = site::load(draft, &after.location, &skus);
    for sku in skus {
        let fits = shelf.with(&sku, |stock| Ok((stock.expect(&after.id, after.coming(&sku)), None)))?;
        if !fits {
            return Err(Error::TooManyExpected { sku, location: after.location.clone() });
        }
    }
    site::store(draft, shelf, channels, now);
    Ok(())
}
