//! A key belongs to one request, whichever aggregate that request names: aggregates lie in different partitions, so the
//! key is claimed in a partition of its own before one is touched.

use std::convert::Infallible;

use retail_store::{Caller, CommitId, Document, Draft, Error, Store, UpdateError};

/// Nothing: only the result of its keyed commit is stored, and swept after its 8 days.
#[derive(Clone, PartialEq, prost::Message)]
struct KeyUse {}

impl Document for KeyUse {
    const KIND: &'static str = "key-use";
}

/// A name for what a request does, the same at every repeat.
#[must_use]
pub fn request_name(principal: &str, method: &str, key: &str) -> String {
    let CommitId(id) = CommitId::of(&[principal, method, key]);
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Claims the key for this request. Repeating the request changes nothing.
///
/// The claim is a commit of its own with an id of its own: the change that follows may lie in the very partition of the
/// claim, and must not be taken for its repeat.
///
/// # Errors
/// [`Error::KeyReused`] when another request has the key; otherwise what the store says.
pub async fn claim_key(store: &Store, principal: &str, method: &str, key: &str, content: &[u8]) -> Result<(), Error> {
    let caller = Caller::keyed(principal, &format!("claim of {method}"), key, content);
    let rule = |_: &mut Draft<KeyUse>| Ok::<_, Infallible>(KeyUse {});
    match store.update::<KeyUse, KeyUse, _>(&request_name(principal, method, key), caller, rule).await {
        Ok(_) => Ok(()),
        Err(UpdateError::Rule(never)) => match never {},
        Err(UpdateError::Store(error)) => Err(error),
    }
}
