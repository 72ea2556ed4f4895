//! One aggregate's way: decide, commit the intents, call, commit the outcomes with the next intents, and again. A
//! driver that dies loses nothing: the due entry stands until the commit that ends the need for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use retail_runtime::{Ids, Timestamp, deadline, trace};
use retail_store::{Document, Draft, Partition, UpdateError};
use tracing::Instrument as _;

use crate::failure::Failure;
use crate::ledger::{Admission, Ledger};
use crate::process::{Attempt, Process, Verdict};
use crate::step::{Class, Next, Step};
use crate::transactions;
use crate::worker::{Context, Counters};

/// After the first outcome of a round, others that are nearly there go into the same commit.
const GRACE: Duration = Duration::from_millis(15);
/// Wait after a commit that could not be written.
const PAUSE: Duration = Duration::from_millis(200);

/// What a call said.
enum Said<O> {
    Brought(O),
    Missing,
    Failed(Failure),
}

/// A finished call on its way into the document. The wait was drawn once, so that a rule that runs again decides alike.
struct Finished<P: Process> {
    step: P::Step,
    said: Said<P::Outcome>,
    wait: Duration,
}

/// A call that may leave now that its intent is durable.
struct Launch<S> {
    step: S,
    attempt: u32,
    verify: bool,
}

/// What a commit decided.
struct Plan<P: Process> {
    doc: P::Doc,
    launches: Vec<Launch<P::Step>>,
    traceparent: String,
}

/// Calls under way: name and lane.
type Flying = BTreeMap<String, &'static str>;

/// Why a commit was not made.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("the aggregate does not exist")]
    Absent,
}

pub(crate) async fn drive<P: Process>(context: &Context, process: &Arc<P>, partition: Partition, id: &str) {
    let mut finished: Arc<Vec<Finished<P>>> = Arc::default();
    let mut flying = Flying::new();
    let mut calls = FuturesUnordered::new();
    loop {
        for done in finished.iter() {
            flying.remove(&done.step.name());
        }
        let Some(plan) = commit(context, process, partition, id, finished, &flying).await else { return };
        let doc = Arc::new(plan.doc);
        for launch in plan.launches {
            flying.insert(launch.step.name(), launch.step.lane());
            calls.push(call(context, process, id, Arc::clone(&doc), launch, plan.traceparent.clone()));
        }
        let Some(first) = calls.next().await else { return };
        let mut batch = vec![first];
        let grace = context.runtime.clock().sleep(GRACE);
        tokio::pin!(grace);
        while !calls.is_empty() {
            tokio::select! {
                biased;
                Some(next) = calls.next() => batch.push(next),
                () = &mut grace => break,
            }
        }
        finished = Arc::new(batch);
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
    }
    let work = async {
        if verify {
            return match process.verify(id, &doc, &step).await {
                Ok(Some(outcome)) => Said::Brought(outcome),
                Ok(None) => Said::Missing,
                Err(failure) => Said::Failed(failure),
            };
        }
        let key = Ids::derived("weft.effect", &[P::Doc::KIND, id, &name]);
        match process.perform(id, &doc, &step, Attempt { key, number: attempt }).await {
            Ok(outcome) => Said::Brought(outcome),
            Err(failure) => Said::Failed(failure),
        }
    };
    let span = trace::continue_from(&traceparent, "step");
    let bounded = context.runtime.clock().timeout(policy.attempt, deadline::within(policy.attempt, work));
    let said = bounded.instrument(span).await.unwrap_or_else(|_| {
        let detail = format!("{name} gave no answer within {} s", policy.attempt.as_secs());
        Said::Failed(Failure::Unknown { reason: "NO_ANSWER".to_owned(), detail })
    });
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
    Finished { step, said, wait }
}

/// One commit; `None` ends the driver. The entry is still due then, so that nothing is forgotten.
async fn commit<P: Process>(
    context: &Context,
    process: &Arc<P>,
    partition: Partition,
    id: &str,
    finished: Arc<Vec<Finished<P>>>,
    flying: &Flying,
) -> Option<Plan<P>> {
    let fence = context.leases.fence(partition)?;
    let now = context.runtime.clock().now();
    let (rules, flying) = (Arc::clone(process), flying.clone());
    let rule = move |draft: &mut Draft<P::Doc>| {
        if !draft.existed {
            return Err(Stop::Absent);
        }
        let ledger_id = Ledger::id_of::<P::Doc>(draft.id());
        let mut ledger: Ledger = draft.get(&ledger_id).unwrap_or_default();
        let plan = advance(rules.as_ref(), draft, &mut ledger, &finished, &flying, now);
        draft.put(&ledger_id, &ledger);
        Ok(plan)
    };
    match context.store.step::<P::Doc, _, _>(id, Some(fence), rule).await {
        Ok(done) => Some(done.value),
        Err(UpdateError::Rule(Stop::Absent)) => {
            tracing::error!(kind = P::Doc::KIND, id, "due, but not there; this is a defect of Weft");
            None
        }
        Err(UpdateError::Store(error)) => {
            tracing::warn!(%error, kind = P::Doc::KIND, id, "commit failed; the aggregate is taken again");
            context.runtime.clock().sleep(PAUSE).await;
            None
        }
    }
}

/// The pure heart of a commit: outcomes in, next intents out.
fn advance<P: Process>(
    process: &P,
    draft: &mut Draft<P::Doc>,
    ledger: &mut Ledger,
    finished: &[Finished<P>],
    flying: &Flying,
    now: Timestamp,
) -> Plan<P> {
    let before = draft.doc.clone();
    if ledger.shown_parked && ledger.parked.is_none() {
        // Somebody has resumed it since.
        ledger.shown_parked = false;
        process.parked(draft, None, now);
    }
    for done in finished {
        settle(process, draft, ledger, done, now);
    }
    let mut launches = Vec::new();
    let (until, over) = match process.decide(&draft.doc, now) {
        Next::Do(steps) => (admit(&steps, ledger, flying, now, &mut launches), false),
        Next::Wait(until) => (until, false),
        Next::Done => (None, true),
    };
    if ledger.parked.is_some() && !ledger.shown_parked {
        ledger.shown_parked = true;
        process.parked(draft, ledger.parked.as_ref(), now);
        if let Next::Do(steps) = process.decide(&draft.doc, now) {
            // What is told on the side (that it is parked) may still leave.
            let side: Vec<_> = steps.into_iter().filter(|step| !step.lane().is_empty()).collect();
            let held_back = ledger.parked.take();
            admit(&side, ledger, flying, now, &mut launches);
            ledger.parked = held_back;
        }
    }
    if draft.doc != before {
        process.seal(draft, &before, now);
    }
    // While calls fly the entry stays due: after a crash whoever takes the partition finds it at once.
    let at_work = !launches.is_empty() || !flying.is_empty();
    draft.due(if at_work { Some(now) } else { until });
    transactions::index(draft, ledger, &process.summary(&draft.doc), at_work, over, now);
    Plan { doc: draft.doc.clone(), launches, traceparent: ledger.traceparent.clone() }
}

/// Takes one finished call into document and ledger.
fn settle<P: Process>(process: &P, draft: &mut Draft<P::Doc>, ledger: &mut Ledger, done: &Finished<P>, now: Timestamp) {
    let name = done.step.name();
    match &done.said {
        Said::Brought(outcome) => {
            ledger.confirm(&name, done.step.class(), done.step.routine(), now);
            process.apply(draft, &done.step, outcome, now);
        }
        Said::Missing => ledger.miss(&name, now),
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
        let under_way = flying.contains_key(&name) || (!lane.is_empty() && flying.values().any(|other| *other == lane));
        if under_way || launches.iter().any(launched) {
            continue;
        }
        match ledger.admit(&name, step.class(), step.policy(), now) {
            Admission::Run(attempt) => launches.push(Launch { step: step.clone(), attempt, verify: false }),
            Admission::Verify(attempt) => launches.push(Launch { step: step.clone(), attempt, verify: true }),
            Admission::Wait(until) => look_again = Some(look_again.map_or(until, |known| known.min(until))),
            Admission::Parked => return None,
        }
    }
    look_again
}
