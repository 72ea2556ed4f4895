//! Steps: what a process asks to be done, and how a repeat of each is made safe.

use std::fmt::Debug;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a repeat of a step is made safe (guarantees, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// A call to one of our own services: its commit id comes from the step, no intent is needed.
    Call,
    /// The vendor dedupes by our key: unknown is sent again.
    Keyed,
    /// Our id can be looked up: unknown is read back after a quiet time, sent again only after two misses.
    Queryable,
    /// Neither: sent at most once by itself; unknown waits for a person.
    Blind,
}

/// How long and how often a step is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Wait after the first failure; doubles with each further one.
    pub base: Duration,
    /// Longest wait.
    pub cap: Duration,
    /// After this since the first attempt the aggregate is parked.
    pub deadline: Duration,
    /// Longest single attempt.
    pub attempt: Duration,
}

impl Policy {
    /// For vendors: 0.5 s to 60 s, parked after 4 h, an attempt up to 40 s.
    pub const VENDOR: Self = Self {
        base: Duration::from_millis(500),
        cap: Duration::from_secs(60),
        deadline: Duration::from_secs(4 * 3600),
        attempt: Duration::from_secs(40),
    };
    /// For our own services: 50 ms to 5 s, parked after 1 h, an attempt up to 10 s.
    pub const MESH: Self = Self {
        base: Duration::from_millis(50),
        cap: Duration::from_secs(5),
        deadline: Duration::from_secs(3600),
        attempt: Duration::from_secs(10),
    };

    /// The ceiling of the wait after an attempt, before jitter.
    #[must_use]
    pub fn ceiling(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        self.base.saturating_mul(2_u32.saturating_pow(doublings)).min(self.cap)
    }
}

/// One thing to be done for an aggregate.
pub trait Step: Clone + Debug + Send + Sync + 'static {
    /// Name, unique in the aggregate for ever: it is the key of the intent. A business decision to do something again
    /// (charge after a decline) makes a new name; a retry never does.
    fn name(&self) -> String;
    /// How a repeat is made safe.
    fn class(&self) -> Class;
    /// Steps of one named lane never run side by side; the empty lane has no such bound.
    fn lane(&self) -> &'static str {
        ""
    }
    /// True for steps that come again and again (a poll, a sweep): their successes are not told one by one.
    fn routine(&self) -> bool {
        false
    }
    /// True for a call that changes something by what earlier calls brought: it leaves only when that is durable. After a
    /// crash the earlier calls are made again and may bring something else, not least because of this one.
    fn commits_first(&self) -> bool {
        false
    }
    /// How long and how often it is tried.
    fn policy(&self) -> Policy {
        match self.class() {
            Class::Call => Policy::MESH,
            Class::Keyed | Class::Queryable | Class::Blind => Policy::VENDOR,
        }
    }
}

/// What a process wants next for an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<S> {
    /// These steps, side by side; each at most once at a time.
    Do(Vec<S>),
    /// Nothing before this time (or before something changes the aggregate).
    Wait(Option<retail_runtime::Timestamp>),
    /// Nothing any more.
    Done,
}
