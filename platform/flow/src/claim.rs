//! Who asks for a change, under which key. A key belongs to one request, whichever aggregate that request names:
//! aggregates lie in different partitions, so the key is claimed in a partition of its own before one is touched.

use std::convert::Infallible;

use retail_store::{Caller, CommitId, Document, Draft, Error, Store, UpdateError};

/// Callers inside the mesh: their keys are derived from the fact itself and never meet another request.
pub const MESH: &str = "mesh";

/// Nothing: only the result of its keyed commit is stored, and swept after its 8 days.
#[derive(Clone, PartialEq, prost::Message)]
struct KeyUse {}

impl Document for KeyUse {
    const KIND: &'static str = "key-use";
}

/// Why a change that is asked for under a key is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclaimed {
    /// Another request has the key.
    #[error("the idempotency key {0:?} was used for another request")]
    KeyReused(String),
    /// The store says no.
    #[error("cannot reach the store")]
    Store(#[source] Error),
}

/// A change that is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    principal: String,
    method: &'static str,
    key: String,
    content: Vec<u8>,
}

impl Asked {
    /// A change that `principal` (as the edge has verified, [`MESH`] inside the mesh) asks for by this method, under this
    /// idempotency key. `content` is what is asked, without what may differ between repeats.
    pub fn new(principal: &str, method: &'static str, key: &str, content: Vec<u8>) -> Self {
        Self { principal: principal.to_owned(), method, key: key.to_owned(), content }
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// By which method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// What is asked.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The caller of the change itself: a repeat is answered with the first answer.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::keyed(&self.principal, self.method, &self.key, &self.content)
    }

    /// A name for what this request does, the same at every repeat.
    #[must_use]
    pub fn name(&self) -> String {
        let CommitId(id) = CommitId::of(&[&self.principal, self.method, &self.key]);
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Claims the key for this request. Repeating the request changes nothing.
    ///
    /// The claim is a commit of its own with an id of its own: the change that follows may lie in the very partition of
    /// the claim, and must not be taken for its repeat.
    ///
    /// # Errors
    /// [`Unclaimed`].
    pub async fn claim(&self, store: &Store) -> Result<(), Unclaimed> {
        if self.principal == MESH {
            return Ok(());
        }
        let caller = Caller::keyed(&self.principal, &format!("claim of {}", self.method), &self.key, &self.content);
        let rule = |_: &mut Draft<KeyUse>| Ok::<_, Infallible>(KeyUse {});
        match store.update::<KeyUse, KeyUse, _>(&self.name(), caller, rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Rule(never)) => match never {},
            Err(UpdateError::Store(error)) => Err(self.refused(error)),
        }
    }

    /// What a store that has not taken this change means.
    #[must_use]
    pub fn refused(&self, error: Error) -> Unclaimed {
        if error == Error::KeyReused { Unclaimed::KeyReused(self.key.clone()) } else { Unclaimed::Store(error) }
    }
}
