//! Transactions as operators see them: kept in lists by state, written in the same commits as the work itself.

use retail_runtime::Timestamp;
use retail_store::{Document, Draft};

use crate::ledger::Ledger;
use crate::process::Summary;
use crate::reading::Reading;

/// Where a transaction stands, as in `retail.ops.v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running = 1,
    Waiting = 2,
    Parked = 3,
    Done = 4,
    /// Asks a system for what changed, and never ends: no work that anybody waits for.
    Reading = 5,
}

impl State {
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Running => 1,
            Self::Waiting => 2,
            Self::Parked => 3,
            Self::Done => 4,
            Self::Reading => 5,
        }
    }
}

/// The list of a state.
pub(crate) fn list(state: i32) -> String {
    format!("transactions.{state}")
}

/// Since when the transaction of an entry of a state's list has been in it.
pub(crate) fn since(sort: &[u8]) -> Option<Timestamp> {
    let millis = u64::from_be_bytes(*sort.first_chunk::<8>()?);
    Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()
}

/// The list of a name.
pub(crate) fn named(name: &str) -> String {
    format!("transactions.named.{name}")
}

/// Keeps the lists true. Running is what a transaction is between two commits; it is listed only when work is left.
pub(crate) fn index<D: Document>(
    draft: &mut Draft<D>,
    ledger: &mut Ledger,
    summary: &Summary,
    at_work: bool,
    over: bool,
    now: Timestamp,
) {
    let state = match (ledger.parked.is_some(), at_work, over) {
        (true, ..) => State::Parked,
        (false, ..) if D::KIND == Reading::KIND => State::Reading,
        (false, true, _) => State::Running,
        (false, false, true) => State::Done,
        (false, false, false) => State::Waiting,
    }
    .number();
    summary.status.clone_into(&mut ledger.status);
    let id = draft.key().to_string();
    if ledger.name != summary.name {
        if !ledger.name.is_empty() {
            draft.unindex(&named(&ledger.name), id.as_bytes());
        }
        draft.index(&named(&summary.name), id.as_bytes(), Vec::new());
        summary.name.clone_into(&mut ledger.name);
    }
    if state == ledger.indexed_state {
        return;
    }
    if ledger.indexed_state != 0 {
        draft.unindex(&list(ledger.indexed_state), ledger.indexed_sort.clone());
    }
    ledger.since = now.as_millisecond();
    ledger.indexed_state = state;
    // Longest in its state first: that is what a person looks for.
    let mut sort = u64::try_from(ledger.since).unwrap_or(0).to_be_bytes().to_vec();
    sort.extend_from_slice(id.as_bytes());
    draft.index(&list(state), sort.clone(), Vec::new());
    ledger.indexed_sort = sort;
}

/// Begins the ledger of a new aggregate and makes it due: called by the rule that creates the aggregate.
pub fn begin<D: Document>(draft: &mut Draft<D>, name: &str, traceparent: &str, now: Timestamp) {
    let id = Ledger::id_of::<D>(draft.id());
    if draft.get::<Ledger>(&id).is_some() {
        wake(draft, now);
        return;
    }
    let mut ledger = Ledger { traceparent: traceparent.to_owned(), ..Ledger::default() };
    let summary = Summary { name: name.to_owned(), status: String::new() };
    ledger.note(now, "BEGUN", name, "", 0);
    index(draft, &mut ledger, &summary, true, false, now);
    draft.put(&id, &ledger);
    draft.due(Some(now));
}

/// Lets the worker look at an aggregate now: called by rules that change one from outside its process.
pub fn wake<D: Document>(draft: &mut Draft<D>, now: Timestamp) {
    draft.due(Some(now));
}

/// Notes an entry in the timeline, for commands that people or other systems gave.
pub fn note<D: Document>(draft: &mut Draft<D>, what: &str, detail: &str, now: Timestamp) {
    let id = Ledger::id_of::<D>(draft.id());
    let mut ledger = draft.get::<Ledger>(&id).unwrap_or_default();
    ledger.note(now, what, "", detail, 0);
    draft.put(&id, &ledger);
}

/// May a step of this aggregate have arrived although no answer says so? For rules that undo.
pub fn may_have_been_sent<D: Document>(draft: &mut Draft<D>, step: &str) -> bool {
    let ledger = draft.get::<Ledger>(&Ledger::id_of::<D>(draft.id())).unwrap_or_default();
    ledger.may_have_been_sent(step)
}

/// Lets a parked aggregate go on. Answers false when it was not parked.
pub fn resume<D: Document>(draft: &mut Draft<D>, note: &str, now: Timestamp) -> bool {
    let id = Ledger::id_of::<D>(draft.id());
    let mut ledger = draft.get::<Ledger>(&id).unwrap_or_default();
    let was = ledger.resume(note, now);
    if was {
        draft.put(&id, &ledger);
        wake(draft, now);
    }
    was
}
