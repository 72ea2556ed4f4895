//! A vendor's books: one SQLite database. On disk they survive a kill of the process (not a power cut: twins stand in
//! for vendors, whose disks are not ours to prove).

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

/// What the books answer.
pub type Result<T> = rusqlite::Result<T>;

/// The books. One writer at a time; every verb is short.
pub struct Books(Mutex<Connection>);

impl Books {
    /// Opens them in `dir`, or in memory, with a schema that can be applied again and again.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn open(dir: Option<&Path>, vendor: &str, schema: &str) -> Result<Self> {
        let connection = match dir {
            Some(dir) => Connection::open(dir.join(format!("{vendor}.sqlite")))?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;")?;
        connection.set_prepared_statement_cache_capacity(256);
        connection.execute_batch(schema)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Works without a transaction of its own.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works in a transaction, undone when the work fails.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn transaction<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}
