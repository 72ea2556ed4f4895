//! Who asks for a change, under which key. A key belongs to one request, whichever case that request names: cases lie in
//! different partitions, so the key is claimed in a partition of its own before the case is touched.

use retail_store::{Caller, Error as StoreError, Store};

use crate::fault::Error;

/// Callers inside the mesh: their keys are derived from the fact itself and never meet another request.
pub(crate) const MESH: &str = "mesh";

/// A change that is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) principal: &'a str,
    pub(crate) method: &'static str,
    pub(crate) key: &'a str,
    /// What is asked.
    pub(crate) content: Vec<u8>,
}

impl Asked<'_> {
    pub(crate) fn caller(&self) -> Caller {
        Caller::keyed(self.principal, self.method, self.key, &self.content)
    }

    /// The error of a store that has refused this change.
    pub(crate) fn refused(&self, error: StoreError) -> Error {
        if error == StoreError::KeyReused { Error::KeyReused { key: self.key.to_owned() } } else { Error::Store(error) }
    }

    /// Claims the key for this request; refused when another request has it. Repeating the request changes nothing.
    pub(crate) async fn claim(&self, store: &Store) -> Result<(), Error> {
        if self.principal == MESH {
            return Ok(());
        }
        let claimed = retail_flow::claim_key(store, self.principal, self.method, self.key, &self.content).await;
        claimed.map_err(|error| self.refused(error))
    }
}
