//! A twin's books: one SQLite database, in a file that outlives a killed process or in memory.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// What reading or writing the books gives.
pub type Result<T> = rusqlite::Result<T>;

/// One database.
pub struct Books(Mutex<Connection>);

impl std::fmt::Debug for Books {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Books")
    }
}

impl Books {
    /// Opens `<dir>/<vendor>.sqlite`, or a database in memory without a directory, and runs the schema, which must
    /// change nothing that is there. What was committed survives the death of the process, not that of the machine.
    ///
    /// # Errors
    /// Those of the database.
    pub fn open(dir: Option<&Path>, vendor: &str, schema: &str) -> Result<Books> {
        let db = match dir {
            Some(dir) => Connection::open(dir.join(format!("{vendor}.sqlite")))?,
            None => Connection::open_in_memory()?,
        };
        db.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        db.execute_batch("PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536;")?;
        // Otherwise a statement is planned anew whenever a bound value could change its plan: a third of what books cost.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        db.set_prepared_statement_cache_capacity(256);
        db.execute_batch(schema)?;
        Ok(Books(Mutex::new(db)))
    }

    /// Forgets the books of that name: the next opening finds none.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn forget(dir: Option<&Path>, vendor: &str) -> std::io::Result<()> {
        let Some(dir) = dir else { return Ok(()) };
        for ending in ["sqlite", "sqlite-wal", "sqlite-shm"] {
            match std::fs::remove_file(dir.join(format!("{vendor}.{ending}"))) {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => return Err(err),
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks into the books; a single statement may also write.
    ///
    /// # Errors
    /// Those of the work.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes in one transaction: all or nothing.
    ///
    /// # Errors
    /// Those of the work, which then changed nothing.
    pub fn transaction<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}
