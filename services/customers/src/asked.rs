//! Who asks for a change, under which key. A key belongs to one request, whichever customer that request names:
//! customers lie in different partitions, so the key is claimed in a partition of its own before one is touched.

use retail_store::{Caller, Error as StoreError, Store};

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

impl Asked {
    /// The caller of the change itself: a repeat is answered with the first answer.
    pub(crate) fn caller(&self) -> Caller {
        Caller::keyed(&self.principal, self.method, &self.key, &self.content)
    }

    /// A name for what this request does, the same at every repeat.
    pub(crate) fn name(&self) -> String {
        retail_flow::request_name(&self.principal, self.method, &self.key)
    }

    /// Who asks, for the audit.
    pub(crate) fn who(&self) -> &str {
        if self.principal.is_empty() { "the mesh" } else { &self.principal }
    }

    /// Claims the key for this request; refused when another request has it. Repeating the request changes nothing.
    pub(crate) async fn claim(&self, store: &Store) -> Result<(), Error> {
        let claimed = retail_flow::claim_key(store, &self.principal, self.method, &self.key, &self.content).await;
        claimed.map_err(|error| match error == StoreError::KeyReused {
            true => Error::KeyReused(self.key.clone()),
            false => Error::Store(error),
        })
    }
}
