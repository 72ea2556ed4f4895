//! Shelves: index entries under a key, in the partition of the key. One look-up reads one partition, however many
//! transactions there are. An entry is put before the document that claims it and taken away after the one that no longer
//! does, so a reader finds too much, never too little: who reads compares with what the document claims.

use std::convert::Infallible;

use bytes::Bytes;
use retail_store::{Document, Draft, Error as StoreError, IndexQuery, Key, Store, UpdateError};

/// Routes the entries of a shelf; nothing of it is ever stored. The id is `list/digest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Shelf {}

impl Document for Shelf {
    const KIND: &'static str = "shelf";
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spine {
    /// Newest first.
    pub(crate) sort: Vec<u8>,
    /// Id of the document.
    pub(crate) id: String,
}

/// Newest first: the sort key falls as time grows, and ends with the id.
pub(crate) fn sort_key(at: i64, id: &str) -> Vec<u8> {
    let mut key = u64::MAX.saturating_sub(u64::try_from(at).unwrap_or(0)).to_be_bytes().to_vec();
    key.extend_from_slice(id.as_bytes());
    key
}

fn index(shelf: &str) -> String {
    format!("shelf.{shelf}")
}

/// Puts a document on a shelf; again changes nothing.
pub(crate) async fn put(store: &Store, shelf: &str, at: i64, id: &str) -> Result<(), StoreError> {
    set(store, shelf, at, id, true).await
}

/// Takes a document from a shelf; again changes nothing.
pub(crate) async fn take(store: &Store, shelf: &str, at: i64, id: &str) -> Result<(), StoreError> {
    set(store, shelf, at, id, false).await
}

async fn set(store: &Store, shelf: &str, at: i64, id: &str, present: bool) -> Result<(), StoreError> {
    let (name, sort, id) = (index(shelf), sort_key(at, id), Bytes::from(id.to_owned()));
    let rule = move |draft: &mut Draft<Shelf>| {
        if present {
            draft.index(&name, sort.clone(), id.clone());
        } else {
            draft.unindex(&name, sort.clone());
        }
        Ok::<_, Infallible>(())
    };
    match store.step::<Shelf, _, _>(shelf, None, rule).await {
        Ok(_) => Ok(()),
        Err(UpdateError::Store(error)) => Err(error),
        Err(UpdateError::Rule(never)) => match never {},
    }
}

/// Reads a shelf, newest first, behind a sort key.
pub(crate) async fn read(
    store: &Store,
    shelf: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Spine>, StoreError> {
    let after = after.map(|sort| (sort.to_vec(), Key::new(Shelf::KIND, shelf)));
    let query = IndexQuery { name: index(shelf), prefix: Vec::new(), after, limit };
    let entries = store.index(Shelf::partition(shelf), &query).await?;
    let spine = |entry: retail_store::IndexEntry| {
        String::from_utf8(entry.value.to_vec()).ok().map(|id| Spine { sort: entry.sort, id })
    };
    Ok(entries.into_iter().filter_map(spine).collect())
}
