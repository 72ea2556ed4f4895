//! Who asks for a change, under which key. A key belongs to one request, whichever customer that request names:
//! customers lie in different partitions, so the key is claimed in a partition of its own before one is touched.

use std::convert::Infallible;

use retail_store::{Caller, CommitId, Document, Draft, Error as StoreError, Store, UpdateError};

use crate::fault::Error;

/// A change that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Who asks, as the edge has verified; empty inside the mesh.
    pub(crate) principal: String,
    /// Method.
    pub(crate) method: &'static str,
    /// Its idempotency key.
    pub(crate) key: String,
    /// What is asked.
    pub(crate) content: Vec<u8>,
}

/// Nothing: only the result of its keyed commit is stored, and swept after its 8 days.
#[derive(Clone, PartialEq, prost::Message)]
struct KeyUse {}

impl Document for KeyUse {
    const KIND: &'static str = "key-use";
}

impl Asked {
    /// The caller of the change itself: a repeat is answered with the first answer.
    pub(crate) fn caller(&self) -> Caller {
        Caller::keyed(&self.principal, self.method, &self.key, &self.content)
    }

    /// A name for what this request does, the same at every repeat.
    pub(crate) fn name(&self) -> String {
        let CommitId(id) = CommitId::of(&[&self.principal, self.method, &self.key]);
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Who asks, for the audit.
    pub(crate) fn who(&self) -> &str {
        if self.principal.is_empty() { "the mesh" } else { &self.principal }
    }

    /// Claims the key for this request; refused when another request has it. Repeating the request changes nothing.
    pub(crate) async fn claim(&self, store: &Store) -> Result<(), Error> {
        let rule = |_: &mut Draft<KeyUse>| Ok::<_, Infallible>(KeyUse {});
        match store.update::<KeyUse, KeyUse, _>(&self.name(), self.caller(), rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Rule(never)) => match never {},
            Err(UpdateError::Store(StoreError::KeyReused)) => Err(Error::KeyReused(self.key.clone())),
            Err(UpdateError::Store(error)) => Err(Error::Store(error)),
        }
    }
}
