//! Books of a neighbour, moods it may be in, and words as our own rooms give them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use retail_proto::types::v1::{Money, Outcome, OutcomeState, Ref};
use retail_runtime::Clock;
use retail_runtime::fault::{self, Class, Fault};
use tokio::sync::watch;
use tonic::Status;

/// A fact that does not come within this is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Books of a neighbour, and the news that something was written.
pub(crate) struct Books<T> {
    pages: Arc<Mutex<T>>,
    written: Arc<watch::Sender<u64>>,
}

impl<T> Clone for Books<T> {
    fn clone(&self) -> Self {
        Self { pages: Arc::clone(&self.pages), written: Arc::clone(&self.written) }
    }
}

impl<T: Default> Default for Books<T> {
    fn default() -> Self {
        Self { pages: Arc::default(), written: Arc::new(watch::Sender::new(0)) }
    }
}

impl<T> Books<T> {
    pub(crate) fn open(&self) -> MutexGuard<'_, T> {
        self.pages.lock().unwrap()
    }

    pub(crate) fn write<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let result = work(&mut self.open());
        self.written.send_modify(|count| *count += 1);
        result
    }

    /// Waits until the books say so.
    pub(crate) async fn until(&self, says: impl Fn(&T) -> bool) {
        let mut written = self.written.subscribe();
        let found = written.wait_for(|_| says(&self.open()));
        assert!(Clock::system().timeout(PATIENCE, found).await.is_ok(), "the books never said so");
    }
}

/// What a neighbour does with the next request for something, oldest first; afterwards it does what it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    /// Does it; the answer is lost.
    FallsSilent,
    /// Certainly does nothing.
    Away,
    /// Refuses, with a reason.
    Refuses(&'static str),
}

/// Moods by the name of what is asked, and how often it was asked.
#[derive(Debug, Default)]
pub(crate) struct Moods {
    ahead: BTreeMap<&'static str, VecDeque<Mood>>,
    asked: BTreeMap<&'static str, usize>,
}

impl Moods {
    pub(crate) fn plan(&mut self, what: &'static str, moods: &[Mood]) {
        self.ahead.entry(what).or_default().extend(moods);
    }

    pub(crate) fn asked(&self, what: &str) -> usize {
        self.asked.get(what).copied().unwrap_or(0)
    }

    /// The mood of this request: refuses at once, or says whether the answer is to be lost.
    pub(crate) fn next(&mut self, what: &'static str) -> Result<bool, Status> {
        *self.asked.entry(what).or_default() += 1;
        match self.ahead.get_mut(what).and_then(VecDeque::pop_front) {
            None => Ok(false),
            Some(Mood::FallsSilent) => Ok(true),
            Some(Mood::Away) => Err(refusal(Class::Unavailable, "VENDOR_UNREACHABLE")),
            Some(Mood::Refuses(reason)) => Err(refusal(Class::Precondition, reason)),
        }
    }
}

/// Loses an answer when that was planned.
pub(crate) fn unless<T>(silent: bool, answer: T) -> Result<tonic::Response<T>, Status> {
    if silent { Err(Status::deadline_exceeded("answer lost")) } else { Ok(tonic::Response::new(answer)) }
}

#[derive(Debug, thiserror::Error)]
#[error("{1}")]
struct Says(Class, &'static str);

impl Fault for Says {
    fn class(&self) -> Class {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }
}

/// A status as our own rooms give it.
pub(crate) fn refusal(class: Class, reason: &'static str) -> Status {
    fault::status("fake.retail", &Says(class, reason))
}

/// Refuses what books must not hold.
pub(crate) fn law(holds: bool, reason: &'static str) -> Result<(), Status> {
    if holds { Ok(()) } else { Err(refusal(Class::Precondition, reason)) }
}

pub(crate) fn done() -> Option<Outcome> {
    Some(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() })
}

pub(crate) fn record(kind: &str, r#type: &str, id: &str) -> Ref {
    Ref { kind: kind.into(), instance: kind.into(), r#type: r#type.into(), id: id.into(), number: String::new() }
}

pub(crate) fn gbp(minor_units: i64) -> Money {
    Money { minor_units, currency: "GBP".into() }
}

pub(crate) fn minor(money: Option<&Money>) -> i64 {
    money.map_or(0, |money| money.minor_units)
}

pub(crate) fn units(text: &str) -> i64 {
    text.parse().unwrap()
}
