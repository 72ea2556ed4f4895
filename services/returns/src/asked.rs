//! Who asks for a change, under which key. A key belongs to one request, whichever return that request names: returns
//! lie in different partitions, so the key is claimed in a partition of its own before the return is touched.

use std::convert::Infallible;

use retail_store::{Caller, CommitId, Document, Draft, Error as StoreError, Store, UpdateError};

use crate::fault::Error;

/// Callers inside the mesh: their keys are derived from the fact itself and never meet another request.
pub(crate) const MESH: &str = "mesh";

/// A change that is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) principal: &'a str,
    pub(crate) method: &'static str,
    pub(crate) key: &'a str,
    /// What is asked, without what may differ between repeats.
    pub(crate) content: Vec<u8>,
}

/// Nothing: only the result of its keyed commit is stored, and swept after its 8 days.
#[derive(Clone, PartialEq, prost::Message)]
struct KeyUse {}

impl Document for KeyUse {
    const KIND: &'static str = "key-use";
}

impl Asked<'_> {
    pub(crate) fn caller(&self) -> Caller {
        Caller::keyed(self.principal, self.method, self.key, &self.content)
    }

    /// Claims the key for this request; refused when another request has it. Repeating the request changes nothing.
    pub(crate) async fn claim(&self, store: &Store) -> Result<(), Error> {
        if self.principal == MESH {
            return Ok(());
        }
        let CommitId(id) = CommitId::of(&[self.principal, self.method, self.key]);
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let rule = |_: &mut Draft<KeyUse>| Ok::<_, Infallible>(KeyUse {});
        match store.update::<KeyUse, KeyUse, _>(&id, self.caller(), rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Rule(never)) => match never {},
            Err(UpdateError::Store(StoreError::KeyReused)) => Err(Error::KeyReused { key: self.key.to_owned() }),
            Err(UpdateError::Store(error)) => Err(Error::Store(error)),
        }
    }
}
