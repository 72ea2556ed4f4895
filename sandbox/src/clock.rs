//! The twins' clock: the runtime's, plus what an operator advanced it by. Persisted, it never goes back.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use retail_runtime::Clock;

use crate::books::{Books, Result};

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS clock(id INTEGER PRIMARY KEY CHECK (id = 1), ahead_ms INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);";

/// The time the twins live in. Clones share it.
#[derive(Clone)]
pub struct TwinClock {
    clock: Clock,
    ahead: Arc<Mutex<i64>>,
    books: Arc<Books>,
}

impl std::fmt::Debug for TwinClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TwinClock({})", self.now())
    }
}

impl TwinClock {
    /// The clock as it was left.
    ///
    /// # Errors
    /// Those of the books.
    pub fn open(dir: Option<&Path>, clock: Clock) -> Result<TwinClock> {
        let books = Books::open(dir, "clock", SCHEMA)?;
        let ahead = books.with(|db| db.query_row("SELECT ahead_ms FROM clock", [], |row| row.get(0)))?;
        Ok(TwinClock { clock, ahead: Arc::new(Mutex::new(ahead)), books: Arc::new(books) })
    }

    /// What time it is for the twins.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.now().checked_add(SignedDuration::from_millis(ahead)).unwrap_or(Timestamp::MAX)
    }

    /// How far the twins are ahead of the world, in milliseconds.
    #[must_use]
    pub fn ahead(&self) -> i64 {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock forwards.
    ///
    /// # Errors
    /// Those of the books.
    pub fn advance(&self, by: SignedDuration) -> Result<Timestamp> {
        {
            let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            *ahead = ahead.saturating_add(i64::try_from(by.as_millis()).unwrap_or(0).max(0));
            self.books.with(|db| db.execute("UPDATE clock SET ahead_ms = ?1", [*ahead]))?;
        }
        Ok(self.now())
    }
}
