//! A business process: data plus a pure function that says what comes next, and the few impure lines that do it.

use std::fmt::Debug;
use std::future::Future;

use retail_runtime::Timestamp;
use retail_store::{Document, Draft};
use uuid::Uuid;

use crate::failure::Failure;
use crate::ledger::Parked;
use crate::step::{Next, Step};
use crate::written::Kept;

/// What the engine hands to a step that runs.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Key of the effect: the same at every attempt, other for every other step of any aggregate.
    pub key: Uuid,
    /// Which attempt this is, from 1.
    pub number: u32,
}

/// What was told from outside, for a rule that runs again.
#[derive(Debug, Clone, Copy)]
pub struct Retold<'a, D> {
    /// What, for example `CancelOrder`.
    pub what: &'a str,
    /// The message, as it was noted.
    pub content: &'a [u8],
    /// When, as the rule saw it.
    pub now: Timestamp,
    /// The document as it became: for what no rule makes, like a digest of words that are masked.
    pub recorded: &'a D,
}

/// What operators read of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Name people use, for example `#536365`.
    pub name: String,
    /// Business state in plain words.
    pub status: String,
}

/// What follows a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The rule has dealt with it; go on deciding.
    Handled,
    /// A person is needed: park the aggregate with the refusal as cause.
    Park,
}

/// One kind of business process over one kind of document.
///
/// `decide`, `apply`, `refused`, `parked` and `seal` are pure: they run again when a commit conflicts. `perform` and
/// `verify` do the calls; they run after the intent is durable and must be safe to repeat as the step's class says.
pub trait Process: Send + Sync + 'static {
    /// The aggregate.
    type Doc: Document + Clone + Debug + PartialEq + Sync;
    /// What it may ask for.
    type Step: Step;
    /// What a step brings.
    type Outcome: Send + Sync + 'static;

    /// What comes next, from the state alone. Reads like the business process, top to bottom.
    fn decide(&self, doc: &Self::Doc, now: Timestamp) -> Next<Self::Step>;

    /// Does a step.
    fn perform(
        &self,
        id: &str,
        doc: &Self::Doc,
        step: &Self::Step,
        attempt: Attempt,
    ) -> impl Future<Output = Result<Self::Outcome, Failure>> + Send;

    /// Looks whether an earlier send of a queryable step arrived; `None` is a miss.
    fn verify(
        &self,
        _id: &str,
        _doc: &Self::Doc,
        step: &Self::Step,
    ) -> impl Future<Output = Result<Option<Self::Outcome>, Failure>> + Send {
        let name = step.name();
        async move { Err(Failure::refused("NO_READ_BACK", format!("{name} declares no read-back"))) }
    }

    /// Takes an outcome into the document.
    fn apply(&self, draft: &mut Draft<Self::Doc>, step: &Self::Step, outcome: &Self::Outcome, now: Timestamp);

    /// Judges a refusal.
    fn refused(&self, _draft: &mut Draft<Self::Doc>, _step: &Self::Step, _why: &Failure, _now: Timestamp) -> Verdict {
        Verdict::Park
    }

    /// Shows in the document that it is parked, or (with `None`) no longer is.
    fn parked(&self, _draft: &mut Draft<Self::Doc>, _why: Option<&Parked>, _now: Timestamp) {}

    /// Called once at the end of every commit that changed the document: event and index entries. `before` is the
    /// document as it was.
    fn seal(&self, draft: &mut Draft<Self::Doc>, before: &Self::Doc, now: Timestamp);

    /// How its rounds are written down, so that they can be run again elsewhere. `None`: it keeps no journal, because it
    /// never ends or its rules change what lies beside its document.
    fn kept() -> Option<Kept<Self>>
    where
        Self: Sized,
    {
        None
    }

    /// Runs again what was told from outside, as [`crate::record`] has noted it. `None`: it is taken as it was recorded;
    /// `Some(Err)`: the rule refuses it.
    fn retell(&self, _draft: &mut Draft<Self::Doc>, _told: &Retold<'_, Self::Doc>) -> Option<Result<(), String>> {
        None
    }

    /// What operators read.
    fn summary(&self, doc: &Self::Doc) -> Summary;
}
