//! Running a bundle again: each commit's rules over what they were told, from the state before it, and what came of it held
//! against what was recorded. Needs no server, no clock and no chance of its own: a store in memory for each entry.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;

use prost::Message as _;
use retail_runtime::{Runtime, Timestamp};
use retail_store::{
    Backend as _, Commit, Document, Done, Draft, Error as StoreError, Model, Outcome, Store, UpdateError, Version,
    Write,
};
use serde::de::DeserializeOwned;

use crate::bundle::{Bundle, BundleEntry, FORMAT, digest};
use crate::driver::{self, Launch, Said};
use crate::journal::{DRIVEN, PANICKED, RESUMED, State, plain};
use crate::ledger::Ledger;
use crate::process::{Process, Retold};
use crate::step::Step as _;
use crate::transactions;
use crate::written::Kept;

/// Differences beyond these say nothing more.
const SHOWN: usize = 40;

/// Why a bundle cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is of another time.
    #[error("the bundle has format {0}, and this version reads {FORMAT}; run it with the version that made it")]
    Format(u32),
    /// It is of something else.
    #[error("the bundle is of {0}, which keeps no journal here")]
    Kind(String),
    /// Its configuration is not one of this version.
    #[error("the configuration in the bundle cannot be used: {0}")]
    Config(String),
    /// An entry makes no sense.
    #[error("entry {number} cannot be read: {why}; the bundle was damaged or changed by hand")]
    Entry {
        /// Its number.
        number: u64,
        /// What is wrong.
        why: String,
    },
    /// The store in memory refused.
    #[error("the store of the replay")]
    Store(#[source] StoreError),
}

/// A field that is not as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which, for example `lines[1].shipped`.
    pub field: String,
    /// As recorded.
    pub expected: String,
    /// As the rules have it now.
    pub found: String,
}

/// The first entry over which the rules say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// Its number.
    pub number: u64,
    /// What it was told.
    pub what: String,
    /// What is not as recorded.
    pub differences: Vec<Difference>,
}

/// An entry that was gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: u64,
    /// Its time.
    pub at: Timestamp,
    /// What happened, a line each.
    pub lines: Vec<String>,
    /// False: there is no rule to run for what it was told, so its state was taken as recorded.
    pub was_run: bool,
}

/// A bundle that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Entries, up to the divergence.
    pub seen: Vec<Seen>,
    /// The first, if there is one.
    pub divergence: Option<Divergence>,
}

impl Replayed {
    /// Entries whose rules ran.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.seen.iter().filter(|seen| seen.was_run).count()
    }
}

impl Bundle {
    /// The configuration that the rules go by.
    ///
    /// # Errors
    /// [`Unreadable::Config`].
    pub fn configured<C: DeserializeOwned>(&self) -> Result<C, Unreadable> {
        serde_json::from_value(self.config.clone()).map_err(|error| Unreadable::Config(error.to_string()))
    }
}

/// What a rule left.
struct Left<D> {
    doc: D,
    ledger: Ledger,
    emitted: Vec<String>,
    due: Option<Timestamp>,
    launched: Vec<String>,
}

/// What a rule left; `None` when there is none for what was told.
type Made<D> = Option<Box<Left<D>>>;

/// How a run ended.
enum Ran<D> {
    Left(Box<Left<D>>),
    Panicked,
    Refused(String),
    /// There is no rule for it.
    Nothing,
}

/// Runs a bundle of this process's kind.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay<P: Process>(runtime: &Runtime, process: &Arc<P>, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    if bundle.format != FORMAT {
        return Err(Unreadable::Format(bundle.format));
    }
    let kept = P::kept().filter(|_| bundle.kind == P::Doc::KIND);
    let kept = kept.ok_or_else(|| Unreadable::Kind(format!("{}/{}", bundle.domain, bundle.kind)))?;
    let damaged =
        |number| Unreadable::Entry { number, why: "its state does not follow from the one before".to_owned() };
    let states = bundle.states().map_err(damaged)?;
    let mut replayed = Replayed { seen: Vec::new(), divergence: None };
    for (entry, (before, after)) in bundle.entries.iter().zip(&states) {
        let (lines, ran) = run(runtime, process, bundle, entry, (before, after), &kept).await?;
        let differences = match &ran {
            Ran::Nothing => seal(entry, after),
            Ran::Refused(why) => vec![differs("(the rule)", "was taken", &format!("is refused: {why}"))],
            Ran::Panicked if entry.what == PANICKED => Vec::new(),
            Ran::Panicked => vec![differs("(the rule)", "went through", "panics")],
            Ran::Left(_) if entry.what == PANICKED => vec![differs("(the rule)", "panicked", "goes through")],
            Ran::Left(left) => compare::<P>(entry, after, left)?,
        };
        let was_run = !matches!(ran, Ran::Nothing);
        replayed.seen.push(Seen { number: entry.number, at: entry.at, lines, was_run });
        if !differences.is_empty() {
            let what = entry.what.clone();
            replayed.divergence = Some(Divergence { number: entry.number, what, differences });
            break;
        }
    }
    Ok(replayed)
}

fn differs(field: &str, expected: &str, found: &str) -> Difference {
    Difference { field: field.to_owned(), expected: expected.to_owned(), found: found.to_owned() }
}

/// What nobody can run again must at least be what was sealed.
fn seal(entry: &BundleEntry, after: &State) -> Vec<Difference> {
    let found = digest(after.doc.as_deref().unwrap_or_default());
    if found == entry.digest { Vec::new() } else { vec![differs("digest", &entry.digest, &found)] }
}

async fn run<P: Process>(
    runtime: &Runtime,
    process: &Arc<P>,
    bundle: &Bundle,
    entry: &BundleEntry,
    (before, after): (&State, &State),
    kept: &Kept<P>,
) -> Result<(Vec<String>, Ran<P::Doc>), Unreadable> {
    let mut lines = Vec::new();
    if entry.unrecorded {
        lines.push("changed before this by something that keeps no journal; taken as found".to_owned());
    }
    let broken = |why: String| Unreadable::Entry { number: entry.number, why };
    let store = store::<P::Doc>(runtime, bundle, before).await?;
    let (now, rules) = (entry.at, Arc::clone(process));
    let ran = if matches!(entry.what.as_str(), DRIVEN | PANICKED) {
        let text = serde_json::to_vec(&entry.told).map_err(|error| broken(error.to_string()))?;
        let round = (kept.read)(&text).map_err(broken)?;
        if round.finished.is_empty() {
            lines.push("looked at: its time had come, or somebody woke it".to_owned());
        }
        lines.extend(round.finished.iter().map(|done| {
            let name = done.step.name();
            let name = if done.verify { format!("{name} (looked for)") } else { name };
            match &done.said {
                Said::Brought(_) => format!("{name}: done, attempt {}", done.attempt),
                Said::Missing => format!("{name}: not found"),
                Said::Failed(why) => format!("{name}: {}: {}, attempt {}", why.reason(), why.detail(), done.attempt),
            }
        }));
        let rule = move |draft: &mut Draft<P::Doc>| {
            let id = Ledger::id_of::<P::Doc>(draft.id());
            let mut ledger: Ledger = draft.get(&id).unwrap_or_default();
            let plan = driver::advance(rules.as_ref(), draft, &mut ledger, &round, now);
            let launched = plan.launches.iter().map(Launch::words).collect();
            Ok::<_, Infallible>(Some(left(draft, ledger, launched)))
        };
        outcome(store.step::<P::Doc, _, _>(&bundle.id, None, rule).await)?
    } else {
        lines.push(format!("{} from outside", entry.what));
        let (_, content) = bundle.told(entry).ok_or_else(|| broken("it was told nothing".to_owned()))?;
        let recorded = P::Doc::decode(after.doc.as_deref().unwrap_or_default());
        let (what, recorded) = (entry.what.clone(), recorded.map_err(|error| broken(error.to_string()))?);
        let rule = move |draft: &mut Draft<P::Doc>| {
            let told = if what == RESUMED {
                transactions::resume(draft, &String::from_utf8_lossy(&content), now);
                Some(Ok(()))
            } else {
                rules.retell(draft, &Retold { what: &what, content: &content, now, recorded: &recorded })
            };
            let Some(taken) = told else { return Ok(None) };
            taken?;
            let id = Ledger::id_of::<P::Doc>(draft.id());
            let ledger = draft.get(&id).unwrap_or_default();
            Ok::<_, String>(Some(left(draft, ledger, Vec::new())))
        };
        outcome(store.step::<P::Doc, _, _>(&bundle.id, None, rule).await)?
    };
    lines.extend(entry.emitted.iter().map(|event| format!("event {event}")));
    lines.extend(entry.launched.iter().map(|call| format!("leaves: {call}")));
    lines.extend(entry.due.filter(|_| entry.launched.is_empty()).map(|due| format!("due again {due}")));
    Ok((lines, ran))
}

fn left<D: Document + Clone>(draft: &Draft<D>, ledger: Ledger, launched: Vec<String>) -> Box<Left<D>> {
    Box::new(Left {
        doc: draft.doc.clone(),
        ledger,
        emitted: draft.emissions().map(|(kind, _)| kind.to_owned()).collect(),
        due: draft.due_said().flatten(),
        launched,
    })
}

fn outcome<D, E: ToString>(done: Result<Done<Made<D>>, UpdateError<E>>) -> Result<Ran<D>, Unreadable> {
    match done {
        Ok(done) => Ok(done.value.map_or(Ran::Nothing, Ran::Left)),
        Err(UpdateError::Rule(why)) => Ok(Ran::Refused(why.to_string())),
        Err(UpdateError::Store(StoreError::RulePanicked(_))) => Ok(Ran::Panicked),
        Err(UpdateError::Store(error)) => Err(Unreadable::Store(error)),
    }
}

/// A store that holds this state and nothing else.
async fn store<D: Document>(runtime: &Runtime, bundle: &Bundle, state: &State) -> Result<Store, Unreadable> {
    let model = Arc::new(Model::new());
    let mut commit = Commit::new(Timestamp::UNIX_EPOCH);
    let write = |key, version, events, schema, body: &[u8]| Write {
        key,
        expected: Version::ABSENT,
        version: Version(version),
        events,
        schema,
        body: Some(body.to_vec().into()),
    };
    if let Some(doc) = &state.doc {
        commit.writes.push(write(D::key(&bundle.id), state.version, state.events, state.schema, doc));
    }
    if !state.ledger.is_empty() {
        let id = Ledger::id_of::<D>(&bundle.id);
        commit.writes.push(write(Ledger::key(&id), 1, 0, Ledger::WRITES, &state.ledger));
    }
    if !commit.changes_nothing() {
        match model.commit(D::partition(&bundle.id), commit).await {
            Outcome::Committed { .. } => {}
            Outcome::Already(_) | Outcome::Conflict | Outcome::Unavailable | Outcome::Unknown => {
                return Err(Unreadable::Store(StoreError::Unavailable("the state was not taken".to_owned())));
            }
            Outcome::Refused(why) => return Err(Unreadable::Store(StoreError::Malformed(format!("{why:?}")))),
        }
    }
    Ok(Store::over(runtime, model, &bundle.domain, "replay"))
}

fn compare<P: Process>(entry: &BundleEntry, after: &State, left: &Left<P::Doc>) -> Result<Vec<Difference>, Unreadable> {
    let broken = |error: prost::DecodeError| Unreadable::Entry { number: entry.number, why: error.to_string() };
    let mut all = Vec::new();
    let recorded = P::Doc::decode(after.doc.as_deref().unwrap_or_default()).map_err(broken)?;
    if recorded != left.doc {
        all.extend(fields("", &recorded, &left.doc));
    }
    let ledger = Ledger::decode(after.ledger.as_slice()).map_err(broken)?;
    let found = Ledger::decode(plain(&left.ledger).as_slice()).map_err(broken)?;
    if ledger != found {
        all.extend(fields("ledger.", &ledger, &found));
    }
    if entry.emitted != left.emitted {
        all.extend(fields("events", &entry.emitted, &left.emitted));
    }
    if entry.launched != left.launched {
        all.extend(fields("calls that leave", &entry.launched, &left.launched));
    }
    if entry.due != left.due {
        all.extend(fields("due", &entry.due, &left.due));
    }
    if all.is_empty() {
        all.extend(seal(entry, after));
    }
    all.truncate(SHOWN);
    Ok(all)
}

/// Two values field by field, as they are printed: documents of our own have no other description.
fn fields(prefix: &str, expected: &impl Debug, found: &impl Debug) -> Vec<Difference> {
    let (expected, found) = (flat(&format!("{expected:#?}")), flat(&format!("{found:#?}")));
    let paths: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let nothing = || "(nothing)".to_owned();
    let differing = paths.into_iter().filter(|path| expected.get(*path) != found.get(*path));
    let differing = differing.map(|path| Difference {
        field: format!("{prefix}{path}"),
        expected: expected.get(path).cloned().unwrap_or_else(nothing),
        found: found.get(path).cloned().unwrap_or_else(nothing),
    });
    differing.collect()
}

/// What Rust prints of a value, as paths with their leaves.
fn flat(text: &str) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    // The path of each open bracket, and how many nameless values it has had.
    let mut open: Vec<(String, usize)> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if matches!(line.trim_end_matches(','), "}" | "]" | ")") {
            open.pop();
            continue;
        }
        let (name, value) = match line.split_once(": ") {
            Some((name, value)) if !name.contains(' ') || name.starts_with('"') => (name, value),
            Some(_) | None => ("", line),
        };
        let path = match (open.last_mut(), name) {
            (None, name) => name.to_owned(),
            (Some((above, _)), name) if !name.is_empty() => {
                if above.is_empty() {
                    name.to_owned()
                } else {
                    format!("{above}.{name}")
                }
            }
            // What is inside `Some(` is the field itself.
            (Some((above, usize::MAX)), _) => above.clone(),
            (Some((above, count)), _) => {
                let path = format!("{above}[{count}]");
                *count = count.saturating_add(1);
                path
            }
        };
        if value.ends_with(['{', '[', '(']) {
            let count = if value.starts_with("Some(") { usize::MAX } else { 0 };
            open.push((path, count));
        } else {
            leaves.insert(path, value.trim_end_matches(',').to_owned());
        }
    }
    leaves
}

#[cfg(test)]
mod tests {
    use retail_proto::orders::v1::{Buyer, Line, Order};

    use super::*;

    #[test]
    fn a_difference_is_named_by_its_path() {
        let line = |sku: &str| Line { sku: sku.into(), ..Line::default() };
        let expected = Order { lines: vec![line("A"), line("B")], buyer: Some(Buyer::default()), ..Order::default() };
        let mut found = expected.clone();
        found.lines[1].sku = "C".into();
        found.buyer = Some(Buyer { email: "x".into(), ..Buyer::default() });
        found.lines.push(line("D"));
        let all = fields("", &expected, &found);
        let named = |field: &str| all.iter().find(|one| one.field == field).map(|one| (&*one.expected, &*one.found));
        assert_eq!(named("lines[1].sku"), Some(("\"B\"", "\"C\"")));
        assert_eq!(named("buyer.email"), Some(("\"\"", "\"x\"")));
        assert_eq!(named("lines[2].sku"), Some(("(nothing)", "\"D\"")));
        assert!(named("lines[0].sku").is_none());
    }
}
