//! The trace of a run: every line that the code logs and every commit, in the order in which it happened, under
//! simulated time. Two runs of one seed are the same when their digests are.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

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

/// Brings what the code logs into the trace.
pub(crate) struct Logged(pub(crate) Trace);

/// Name of the host whose turn it is, kept in its span.
struct Node(String);

impl Logged {
    /// What belongs into the trace: our own code, and whose turn it is. The simulator's own lines do not: it holds its
    /// world while it writes them.
    pub(crate) fn wants(meta: &Metadata<'_>) -> bool {
        if meta.is_span() {
            return meta.name() == "node" || meta.target().starts_with("retail");
        }
        meta.target().starts_with("retail") && *meta.level() <= Level::DEBUG
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Logged {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if attributes.metadata().name() == "node"
            && let Some(span) = context.span(id)
        {
            let mut text = Text::default();
            attributes.record(&mut text);
            span.extensions_mut().insert(Node(text.0.trim().trim_start_matches("name=").trim_matches('"').to_owned()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let node = context
            .event_scope(event)
            .into_iter()
            .flatten()
            .find_map(|span| span.extensions().get::<Node>().map(|node| node.0.clone()));
        let mut text = Text::default();
        event.record(&mut text);
        let (target, level) = (event.metadata().target(), event.metadata().level());
        let target = target.trim_start_matches("retail_");
        self.0.line(node.as_deref().unwrap_or("-"), &format!("{level:<5} {target}:{}", text.0));
    }
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
