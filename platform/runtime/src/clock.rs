//! Time. Everything that asks what time it is, or waits, asks this clock: simulated runs control it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// A source of time.
pub trait TimeSource: Send + Sync {
    /// Wall-clock time. May jump; never used for order or safety.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clock. Clones share the source.
#[derive(Clone)]
pub struct Clock(Arc<dyn TimeSource>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// The time did not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("took longer than {0:?}")]
pub struct Elapsed(pub Duration);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(System { start: tokio::time::Instant::now() }))
    }

    /// A clock over another source.
    #[must_use]
    pub fn new(source: Arc<dyn TimeSource>) -> Self {
        Self(source)
    }

    /// A clock that stands still until it is moved. Sleeping still follows tokio's (pausable) time.
    #[must_use]
    pub fn manual(at: Timestamp) -> (Self, ManualTime) {
        let time = ManualTime(Arc::new(Mutex::new((at, Duration::ZERO))));
        (Self(Arc::new(time.clone())), time)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Time since some fixed moment; never goes back.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    /// Waits.
    pub async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }

    /// Bounds some work.
    ///
    /// # Errors
    /// [`Elapsed`] when the work was not done in time; it is dropped then.
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout(limit, work).await.map_err(|_| Elapsed(limit))
    }
}

struct System {
    start: tokio::time::Instant,
}

impl TimeSource for System {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Moves a manual clock.
#[derive(Clone)]
pub struct ManualTime(Arc<Mutex<(Timestamp, Duration)>>);

impl ManualTime {
    /// Moves wall clock and monotonic time forwards.
    pub fn advance(&self, by: Duration) {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        time.0 = time.0.checked_add(by).unwrap_or(Timestamp::MAX);
        time.1 = time.1.saturating_add(by);
    }

    /// Sets the wall clock alone, backwards too.
    pub fn set(&self, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = at;
    }
}

impl TimeSource for ManualTime {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
