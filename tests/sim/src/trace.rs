//! The trace of a run: every line that the code logs and every commit, in the order in which it happened, under
//! simulated time. Two runs of one seed are the same when their digests are.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Lines that are kept for people.
const TAIL: usize = 2_000;

/// Everything that happened. Clones share it.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    tail: VecDeque<String>,
    digest: Sha256,
    count: u64,
    echo: bool,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({} lines)", self.lines().count)
    }
}

impl Trace {
    /// Also prints every line.
    pub fn echo(&self) {
        self.lines().echo = true;
    }

    /// Adds a line.
    pub fn line(&self, host: &str, text: &str) {
        let at = turmoil::sim_elapsed().unwrap_or_default();
        self.line_at(at, host, text);
    }

    /// Adds a line of the world itself, which is no host and has no clock.
    pub fn line_at(&self, at: std::time::Duration, host: &str, text: &str) {
        let line = format!("{:>9} {host:<10} {text}", Seconds(at));
        let mut lines = self.lines();
        lines.digest.update(line.as_bytes());
        lines.digest.update(b"\n");
        lines.count = lines.count.saturating_add(1);
        if lines.echo {
            crate::say(&line);
        }
        if lines.tail.len() == TAIL {
            lines.tail.pop_front();
        }
        lines.tail.push_back(line);
    }

    /// The last lines.
    #[must_use]
    pub fn tail(&self, count: usize) -> Vec<String> {
        let lines = self.lines();
        lines.tail.iter().skip(lines.tail.len().saturating_sub(count)).cloned().collect()
    }

    /// How many lines there were, and the digest over all of them.
    #[must_use]
    pub fn digest(&self) -> (u64, String) {
        let lines = self.lines();
        let digest = lines.digest.clone().finalize();
        (lines.count, digest.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A duration as seconds with three places, without floats.
struct Seconds(std::time::Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}.{:03}", self.0.as_secs(), self.0.subsec_millis()))
    }
}

/// Brings what the code logs into the trace. Of spans it knows only whose turn it is, which the simulator says in every
/// step of every host: a registry of spans would cost more than the hosts.
pub(crate) struct Logged {
    trace: Trace,
    hosts: Mutex<Vec<String>>,
    /// Place of the host whose turn it is, from one; 0 when it is nobody's.
    turn: AtomicU64,
}

impl Logged {
    pub(crate) fn new(trace: &Trace) -> Self {
        Self { trace: trace.clone(), hosts: Mutex::default(), turn: AtomicU64::new(0) }
    }

    fn hosts(&self) -> MutexGuard<'_, Vec<String>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Logged {
    /// What belongs into the trace: our own code, and whose turn it is. The simulator's own lines do not: it holds its
    /// world while it writes them.
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        if meta.is_span() {
            return meta.name() == "node";
        }
        meta.target().starts_with("retail") && *meta.level() <= Level::DEBUG
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut name = Name(self.hosts(), 0);
        attributes.record(&mut name);
        span::Id::from_u64(name.1.max(1))
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let turn = usize::try_from(self.turn.load(Ordering::Relaxed)).unwrap_or(0);
        let host = turn.checked_sub(1).and_then(|place| self.hosts().get(place).cloned());
        let mut text = Text::default();
        event.record(&mut text);
        let (target, level) = (event.metadata().target(), event.metadata().level());
        let target = target.trim_start_matches("retail_");
        self.trace.line(host.as_deref().unwrap_or("-"), &format!("{level:<5} {target}:{}", text.0));
    }

    fn enter(&self, span: &span::Id) {
        self.turn.store(span.into_u64(), Ordering::Relaxed);
    }

    fn exit(&self, _: &span::Id) {
        self.turn.store(0, Ordering::Relaxed);
    }
}

/// Finds the place of a host by its name.
struct Name<'a>(MutexGuard<'a, Vec<String>>, u64);

impl Visit for Name<'_> {
    fn record_str(&mut self, _: &Field, name: &str) {
        let place = self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len().saturating_sub(1)
        });
        self.1 = u64::try_from(place).unwrap_or(0).saturating_add(1);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.0, " {value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
        debug_assert!(written.is_ok(), "a string takes everything");
    }
}
