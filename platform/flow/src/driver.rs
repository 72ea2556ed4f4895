//! One aggregate's way: decide, commit the intents, call, commit the outcomes with the next intents, and again. A
//! driver that dies loses nothing: the due entry stands until the commit that ends the need for it.
//!
//! Calls to our own services need no intent: they are made at once, and what they brought is kept until the next commit
//! that something else needs. A crash in between makes them again, under the same keys. A call that changes something by
//! what others brought waits for that commit ([`Step::commits_first`]).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use retail_runtime::{Ids, Timestamp, deadline, sabotage, trace};
use retail_store::{Document, Draft, Error as StoreError, Fence, UpdateError};
use tracing::Instrument as _;

use crate::failure::Failure;
use crate::journal::{self, Before, DRIVEN, Entry, PANICKED};
use crate::leases::AtWork;
use crate::ledger::{Admission, Ledger};
use crate::process::{Attempt, Process, Summary, Verdict};
use crate::step::{Class, Next, Step};
use crate::transactions;
use crate::worker::{Context, Counters};

/// After the first outcome of a round, others that are nearly there go into the same commit.
const GRACE: Duration = Duration::from_millis(15);
/// Wait after a commit that could not be written.
const PAUSE: Duration = Duration::from_millis(200);
/// More outcomes than these are not kept back from a commit.
const KEPT: usize = 16;

/// What a call said.
pub(crate) enum Said<O> {
    Brought(O),
    Missing,
    Failed(Failure),
}

/// A finished call on its way into the document. The wait was drawn once, so that a rule that runs again decides alike.
pub(crate) struct Finished<P: Process> {
    pub(crate) step: P::Step,
    pub(crate) attempt: u32,
    pub(crate) verify: bool,
    pub(crate) said: Said<P::Outcome>,
    pub(crate) wait: Duration,
}

/// A call that may leave now that its intent is durable.
#[derive(Clone)]
pub(crate) struct Launch<S> {
    pub(crate) step: S,
    pub(crate) attempt: u32,
    verify: bool,
}

impl<S: Step> Launch<S> {
    /// The call as people read it.
    pub(crate) fn words(&self) -> String {
        let name = self.step.name();
        match (self.verify, self.attempt) {
            (true, _) => format!("{name} (looked for)"),
            (false, 1) => name,
            (false, attempt) => format!("{name} (attempt {attempt})"),
        }
    }
}

/// What a commit decided.
pub(crate) struct Plan<P: Process> {
    doc: Arc<P::Doc>,
    pub(crate) launches: Vec<Launch<P::Step>>,
    traceparent: String,
}

impl<P: Process> Clone for Plan<P> {
    fn clone(&self) -> Self {
        Self { doc: Arc::clone(&self.doc), launches: self.launches.clone(), traceparent: self.traceparent.clone() }
    }
}

/// The plans of one commit, one for each run of its rule. A ledger names the run that was written: a commit whose answer
/// was lost is known again by it, and its plan goes on as if it had been heard.
struct Runs<P: Process> {
    first: u64,
    plans: Vec<Plan<P>>,
}

impl<P: Process> Runs<P> {
    /// The plan that this ledger already has, if it is one of these.
    fn written(&self, ledger: &Ledger) -> Option<Plan<P>> {
        let run = usize::try_from(ledger.run.wrapping_sub(self.first)).ok()?;
        self.plans.get(run).cloned()
    }

    /// Keeps a further plan; answers the name of its run.
    fn keep(&mut self, plan: Plan<P>) -> u64 {
        let run = self.first.wrapping_add(u64::try_from(self.plans.len()).unwrap_or(u64::MAX));
        self.plans.push(plan);
        run
    }
}

/// What a driver carries from round to round.
pub(crate) struct Round<P: Process> {
    /// Outcomes that no commit has taken in yet, oldest first.
    pub(crate) finished: Vec<Arc<Finished<P>>>,
    pub(crate) flying: Flying,
    /// The runtime stops, or the partition goes to another replica: outcomes are taken in, nothing new leaves.
    pub(crate) closing: bool,
}

impl<P: Process> Clone for Round<P> {
    fn clone(&self) -> Self {
        Self { finished: self.finished.clone(), flying: self.flying.clone(), closing: self.closing }
    }
}

/// Calls under way: name and lane.
type Flying = BTreeMap<String, String>;

/// Why a commit was not made.
#[derive(thiserror::Error)]
enum Stop<P: Process> {
    #[error("the aggregate does not exist")]
    Absent,
    #[error("nothing needs a commit yet")]
    NotYet(Plan<P>),
}

impl<P: Process> std::fmt::Debug for Stop<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

pub(crate) async fn drive<P: Process>(context: &Context, process: &Arc<P>, at_work: &AtWork, id: &str) {
    let stopping = context.runtime.stopping();
    let mut round = Round::<P> { finished: Vec::new(), flying: Flying::new(), closing: false };
    let mut calls = FuturesUnordered::new();
    loop {
        for done in &round.finished {
            round.flying.remove(&done.step.name());
        }
        round.closing = stopping.is_cancelled() || at_work.is_leaving();
        let (plan, committed) = match commit(context, process, at_work, id, &round).await {
            Some(Ok(plan)) => (plan, true),
            Some(Err(plan)) => (plan, false),
            None => return,
        };
        if committed {
            round.finished.clear();
        }
        for launch in plan.launches {
            round.flying.insert(launch.step.name(), launch.step.lane().to_owned());
            calls.push(call(context, process, id, Arc::clone(&plan.doc), launch, plan.traceparent.clone()));
        }
        let Some(first) = calls.next().await else { return };
        round.finished.push(Arc::new(first));
        let grace = context.runtime.clock().sleep(GRACE);
        tokio::pin!(grace);
        while !calls.is_empty() {
            tokio::select! {
                biased;
                Some(next) = calls.next() => round.finished.push(Arc::new(next)),
                () = &mut grace => break,
            }
        }
    }
}

async fn call<P: Process>(
    context: &Context,
    process: &Arc<P>,
    id: &str,
    doc: Arc<P::Doc>,
    launch: Launch<P::Step>,
    traceparent: String,
) -> Finished<P> {
    let Launch { step, attempt, verify } = launch;
    let (name, policy) = (step.name(), step.policy());
    let is_effect = step.class() != Class::Call;
    if is_effect && !verify {
        Counters::add(&context.counters.effects_sent);
        context.effects.sent(P::Doc::KIND);
    }
    let work = async {
        if verify {
            return match process.verify(id, &doc, &step).await {
                Ok(Some(outcome)) => Said::Brought(outcome),
                Ok(None) => Said::Missing,
                Err(failure) => Said::Failed(failure),
            };
        }
        let other = if sabotage::is_off("effect_key") { attempt.to_string() } else { String::new() };
        let key = Ids::derived("weft.effect", &[P::Doc::KIND, id, &format!("{name}{other}")]);
        match process.perform(id, &doc, &step, Attempt { key, number: attempt }).await {
            Ok(outcome) => Said::Brought(outcome),
            Err(failure) => Said::Failed(failure),
        }
    };
    let span = trace::continue_from(&traceparent, "step");
    let bounded = context.runtime.clock().timeout(policy.attempt, deadline::within(policy.attempt, work));
    let unknown = |reason: &str, detail| Said::Failed(Failure::Unknown { reason: reason.to_owned(), detail });
    let said = match AssertUnwindSafe(bounded.instrument(span)).catch_unwind().await {
        Ok(Ok(said)) => said,
        Ok(Err(_)) => unknown("NO_ANSWER", format!("{name} gave no answer within {} s", policy.attempt.as_secs())),
        Err(_) => unknown("STEP_PANICKED", format!("{name} panicked; this is a defect of Weft")),
    };
    if is_effect {
        context.effects.ended(P::Doc::KIND, outcome(&said));
    }
    if let Said::Failed(failure) = &said {
        if is_effect && matches!(failure, Failure::Unknown { .. }) {
            Counters::add(&context.counters.effects_unknown);
        }
        let (reason, detail) = (failure.reason(), failure.detail());
        tracing::warn!(kind = P::Doc::KIND, id, step = name, attempt, reason, detail, "step failed");
    }
    // Never at once again, never all together: half the ceiling and up to half more.
    let half = policy.ceiling(attempt) / 2;
    let wait = half.saturating_add(context.runtime.rng().jitter(half));
    Finished { step, attempt, verify, said, wait }
}

/// What became of an effect, in one word.
fn outcome<O>(said: &Said<O>) -> &'static str {
    match said {
        Said::Brought(_) => "confirmed",
        Said::Missing => "missing",
        Said::Failed(Failure::NotDone { .. }) => "not_done",
        Said::Failed(Failure::Unknown { .. }) => "unknown",
        Said::Failed(Failure::Refused { .. }) => "refused",
    }
}

/// One commit, or (`Err`) a plan that needs none yet; `None` ends the driver. The entry is still due then, so that
/// nothing is forgotten.
async fn commit<P: Process>(
    context: &Context,
    process: &Arc<P>,
    at_work: &AtWork,
    id: &str,
    round: &Round<P>,
) -> Option<Result<Plan<P>, Plan<P>>> {
    let runs = Arc::new(Mutex::new(Runs::<P> { first: context.runtime.rng().u64(), plans: Vec::new() }));
    loop {
        // A commit that cannot be written is tried again while the lease lasts: its outcomes are nowhere else.
        let fence = at_work.fence()?;
        let now = context.runtime.clock().now();
        let (rules, told, runs) = (Arc::clone(process), round.clone(), Arc::clone(&runs));
        let rule = move |draft: &mut Draft<P::Doc>| {
            if !draft.existed {
                return Err(Stop::Absent);
            }
            let ledger_id = Ledger::id_of::<P::Doc>(draft.id());
            let mut ledger: Ledger = draft.get(&ledger_id).unwrap_or_default();
            let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(plan) = runs.written(&ledger).filter(|_| !sabotage::is_off("run")) {
                // Nothing is taken in twice.
                return Ok(plan);
            }
            let plan = advance(rules.as_ref(), draft, &mut ledger, &told, now);
            if can_wait(&plan, &told, &ledger) {
                return Err(Stop::NotYet(plan));
            }
            let launched = plan.launches.iter().map(Launch::words).collect();
            note(draft, &mut ledger, DRIVEN, &told, (launched, runs.first), now);
            ledger.run = runs.keep(plan.clone());
            draft.put(&ledger_id, &ledger);
            Ok(plan)
        };
        match context.store.step::<P::Doc, _, _>(id, Some(fence), rule).await {
            Ok(done) => return Some(Ok(done.value)),
            Err(UpdateError::Rule(Stop::NotYet(plan))) => return Some(Err(plan)),
            Err(UpdateError::Rule(Stop::Absent)) => {
                tracing::error!(kind = P::Doc::KIND, id, "due, but not there; this is a defect of Weft");
                return None;
            }
            Err(UpdateError::Store(StoreError::RulePanicked(_))) => {
                park_panicked::<P>(context, fence, id, round.clone()).await;
                return None;
            }
            Err(UpdateError::Store(error)) => {
                tracing::warn!(%error, kind = P::Doc::KIND, id, "commit failed; it is tried again");
                context.runtime.clock().sleep(PAUSE).await;
                if !may_pass(&error) {
                    return None;
                }
            }
        }
    }
}

/// Will the same commit go through later, from here?
fn may_pass(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unknown | StoreError::Unavailable(_) | StoreError::Overloaded(_) | StoreError::Conflict(_)
    )
}

/// May the plan go on without a commit? When all it wants are calls to our own services, none of them stands on what is
/// not durable yet, and all that came back is good.
fn can_wait<P: Process>(plan: &Plan<P>, round: &Round<P>, ledger: &Ledger) -> bool {
    let calls_only =
        sabotage::is_off("intent") || plan.launches.iter().all(|launch| launch.step.class() == Class::Call);
    let stands_on_it = |launch: &Launch<P::Step>| launch.step.commits_first() && !sabotage::is_off("commit_first");
    if !round.finished.is_empty() && plan.launches.iter().any(stands_on_it) {
        return false;
    }
    let all_good = round.finished.iter().all(|done| matches!(done.said, Said::Brought(_)));
    !plan.launches.is_empty() && calls_only && all_good && round.finished.len() < KEPT && ledger.parked.is_none()
}

/// A rule that panics would do so for ever: a person is needed, and nobody else waits for it.
async fn park_panicked<P: Process>(context: &Context, fence: Fence, id: &str, round: Round<P>) {
    let now = context.runtime.clock().now();
    let rule = move |draft: &mut Draft<P::Doc>| {
        let ledger_id = Ledger::id_of::<P::Doc>(draft.id());
        let mut ledger: Ledger = draft.get(&ledger_id).unwrap_or_default();
        let detail = "a rule panicked over this aggregate; this is a defect of Weft: mend it, then resume";
        ledger.park("RULE_PANICKED", detail, "", now);
        let summary = Summary { name: ledger.name.clone(), status: ledger.status.clone() };
        transactions::index(draft, &mut ledger, &summary, false, false, now);
        draft.due(None);
        note(draft, &mut ledger, PANICKED, &round, (Vec::new(), 0), now);
        draft.put(&ledger_id, &ledger);
        Ok::<_, Infallible>(())
    };
    if let Err(error) = context.store.step::<P::Doc, _, _>(id, Some(fence), rule).await {
        tracing::warn!(%error, kind = P::Doc::KIND, id, "cannot park what panicked; it is taken again");
        context.runtime.clock().sleep(PAUSE).await;
    }
}

/// Notes in the journal what a commit was told; where none is kept it costs nothing.
fn note<P: Process>(
    draft: &mut Draft<P::Doc>,
    ledger: &mut Ledger,
    what: &str,
    round: &Round<P>,
    (launched, salt): (Vec<String>, u64),
    now: Timestamp,
) {
    let Some(kept) = draft.journal().and_then(|_| P::kept()) else { return };
    let before = Before::of(draft);
    let entry = Entry { what: what.to_owned(), content: (kept.write)(round), launched, ..Entry::default() };
    journal::salted(ledger, salt);
    journal::keep(draft, ledger, before, entry, now);
}

/// The pure heart of a commit: outcomes in, next intents out.
pub(crate) fn advance<P: Process>(
    process: &P,
    draft: &mut Draft<P::Doc>,
    ledger: &mut Ledger,
    round: &Round<P>,
    now: Timestamp,
) -> Plan<P> {
    let before = draft.doc.clone();
    if ledger.shown_parked && ledger.parked.is_none() {
        // Somebody has resumed it since.
        ledger.shown_parked = false;
        process.parked(draft, None, now);
    }
    for done in &round.finished {
        settle(process, draft, ledger, done, now);
    }
    let mut launches = Vec::new();
    let (mut until, mut over) = look(process, draft, ledger, round, now, &mut launches);
    if ledger.parked.is_some() && !ledger.shown_parked {
        ledger.shown_parked = true;
        process.parked(draft, ledger.parked.as_ref(), now);
        // What is told on the side (that it is parked) may still leave.
        (until, over) = look(process, draft, ledger, round, now, &mut launches);
    }
    if draft.doc != before {
        process.seal(draft, &before, now);
    }
    // While calls fly the entry stays due: after a crash whoever takes the partition finds it at once.
    let at_work = !launches.is_empty() || !round.flying.is_empty();
    draft.due(if at_work && !sabotage::is_off("due") { Some(now) } else { until });
    transactions::index(draft, ledger, &process.summary(&draft.doc), at_work, over, now);
    Plan { doc: Arc::new(draft.doc.clone()), launches, traceparent: ledger.traceparent.clone() }
}

/// Asks the process what comes next and admits what may leave; answers when to look again, and whether it is over.
fn look<P: Process>(
    process: &P,
    draft: &Draft<P::Doc>,
    ledger: &mut Ledger,
    round: &Round<P>,
    now: Timestamp,
    launches: &mut Vec<Launch<P::Step>>,
) -> (Option<Timestamp>, bool) {
    match process.decide(&draft.doc, now) {
        // Whoever takes the partition next finds it due.
        Next::Do(_) if round.closing => (Some(now), false),
        Next::Do(steps) => (admit(&steps, ledger, &round.flying, now, launches), false),
        Next::Wait(until) => (until, false),
        Next::Done => (None, true),
    }
}

/// Takes one finished call into document and ledger.
fn settle<P: Process>(process: &P, draft: &mut Draft<P::Doc>, ledger: &mut Ledger, done: &Finished<P>, now: Timestamp) {
    let name = done.step.name();
    if done.step.class() == Class::Call {
        ledger.called(&name, done.attempt, now);
    }
    match &done.said {
        Said::Brought(outcome) => {
            ledger.confirm(&name, done.step.class(), done.step.routine(), now);
            process.apply(draft, &done.step, outcome, now);
        }
        Said::Missing => ledger.miss(&name, now),
        // Not the effect has failed, but the look at it.
        Said::Failed(failure) if done.verify => ledger.unverified(&name, failure, done.wait, now),
        Said::Failed(failure) => {
            ledger.fail(&name, failure, done.wait, now);
            if matches!(failure, Failure::Refused { .. })
                && process.refused(draft, &done.step, failure, now) == Verdict::Park
            {
                ledger.park(failure.reason(), failure.detail(), &name, now);
            }
        }
    }
}

/// Admits what may leave now; answers when to look again.
fn admit<S: Step>(
    steps: &[S],
    ledger: &mut Ledger,
    flying: &Flying,
    now: Timestamp,
    launches: &mut Vec<Launch<S>>,
) -> Option<Timestamp> {
    let mut look_again: Option<Timestamp> = None;
    for step in steps {
        let (name, lane) = (step.name(), step.lane());
        let launched = |other: &Launch<S>| other.step.name() == name || (!lane.is_empty() && other.step.lane() == lane);
        let under_way = flying.contains_key(&name) || (!lane.is_empty() && flying.values().any(|other| other == lane));
        if under_way || launches.iter().any(launched) {
            continue;
        }
        let (class, policy) = (step.class(), step.policy());
        let admission = if lane.is_empty() {
            ledger.admit(&name, class, policy, now)
        } else {
            ledger.admit_beside(&name, class, policy, now)
        };
        match admission {
            Admission::Run(attempt) => launches.push(Launch { step: step.clone(), attempt, verify: false }),
            Admission::Verify(attempt) => launches.push(Launch { step: step.clone(), attempt, verify: true }),
            Admission::Wait(until) => look_again = Some(look_again.map_or(until, |known| known.min(until))),
            Admission::Parked => {}
        }
    }
    look_again
}
