//! Sending the effects of a bundle again, to other systems than those that answered them: do these say the same? Ids, numbers
//! and days that a vendor gives are its own; they only have to be given alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message as _;
use retail_runtime::Ids;
use retail_store::Document as _;
use serde_json::Value;

use crate::bundle::Bundle;
use crate::driver::Said;
use crate::mask;
use crate::process::{Attempt, Process};
use crate::replay::{Difference, Unreadable};
use crate::step::{Class, Step as _};

/// Fields whose values a vendor gives, by the end of their name.
const GIVEN: [&str; 4] = ["id", "number", "etag", "ref"];
/// Fields that say when.
const WHEN: [&str; 4] = ["date", "at", "time", "version"];
/// Fields that say what the vendor's own people and jobs have done since: they do it when they like.
const SINCE: [&str; 7] = ["state", "committed", "backordered", "fulfilled", "billed", "fulfilments", "invoices"];

/// What became of an effect that was sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// The same answer, but for what the vendor gives.
    Same,
    /// Another answer.
    Differs(Vec<Difference>),
    /// No answer that is one: cause and words.
    Failed(String),
    /// It was not sent.
    NotSent,
}

/// An effect of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    /// Entry in which its answer came.
    pub number: u64,
    /// Name of the step.
    pub name: String,
    /// What became of it.
    pub again: Again,
}

/// Sends the confirmed effects of a bundle again, in the order in which they were confirmed, each from the document that it
/// was sent from first and under the same key. `leaves` says which; the others are named as not sent.
///
/// # Errors
/// [`Unreadable`].
pub async fn resend<P: Process>(
    process: &Arc<P>,
    bundle: &Bundle,
    leaves: impl Fn(&str) -> bool,
) -> Result<Vec<Resent>, Unreadable> {
    let kept = P::kept().filter(|_| bundle.kind == P::Doc::KIND);
    let kept = kept.ok_or_else(|| Unreadable::Kind(format!("{}/{}", bundle.domain, bundle.kind)))?;
    let damaged =
        |number| Unreadable::Entry { number, why: "its state does not follow from the one before".to_owned() };
    let states = bundle.states().map_err(damaged)?;
    let (mut all, mut given) = (Vec::new(), BTreeMap::new());
    for (place, entry) in bundle.entries.iter().enumerate() {
        let broken = |why: String| Unreadable::Entry { number: entry.number, why };
        let Some(finished) = entry.told.get("finished").and_then(Value::as_array) else { continue };
        let text = serde_json::to_vec(&entry.told).map_err(|error| broken(error.to_string()))?;
        let round = (kept.read)(&text).map_err(broken)?;
        for (done, told) in round.finished.iter().zip(finished) {
            if done.step.class() == Class::Call || !matches!(done.said, Said::Brought(_)) {
                continue;
            }
            let name = done.step.name();
            let number = entry.number;
            if !leaves(&name) {
                all.push(Resent { number, name, again: Again::NotSent });
                continue;
            }
            let launched =
                bundle.entries.iter().take(place).rposition(|entry| {
                    entry.launched.iter().any(|call| call.split(" (").next() == Some(name.as_str()))
                });
            let from = launched.and_then(|at| states.get(at)).map(|(_, after)| after);
            let from = from.or_else(|| states.get(place).map(|(before, _)| before));
            let doc = P::Doc::decode(from.and_then(|state| state.doc.as_deref()).unwrap_or_default());
            let doc = doc.map_err(|error| broken(error.to_string()))?;
            let key = Ids::derived("weft.effect", &[P::Doc::KIND, &bundle.id, &name]);
            let attempt = Attempt { key, number: done.attempt };
            let again = match process.perform(&bundle.id, &doc, &done.step, attempt).await {
                Ok(outcome) => {
                    let recorded = mask::readable(told.pointer("/said/Brought").unwrap_or(&Value::Null));
                    let found = mask::readable(&(kept.outcome)(&outcome));
                    let mut differences = Vec::new();
                    compare("", &recorded, &found, &mut given, &mut differences);
                    if differences.is_empty() { Again::Same } else { Again::Differs(differences) }
                }
                Err(failure) => Again::Failed(format!("{}: {}", failure.reason(), failure.detail())),
            };
            all.push(Resent { number, name, again });
        }
    }
    Ok(all)
}

fn compare(
    path: &str,
    recorded: &Value,
    found: &Value,
    given: &mut BTreeMap<String, String>,
    differences: &mut Vec<Difference>,
) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (recorded, found) {
        (Value::Object(old), Value::Object(new)) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let side = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
                compare(&below(name), &side(old), &side(new), given, differences);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (place, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{place}]"), old, new, given, differences);
            }
        }
        (old, new) if old == new || ends_with(path, &WHEN) || SINCE.contains(&last(path)) => {}
        (Value::String(old), Value::String(new)) if ends_with(path, &GIVEN) && !old.is_empty() && !new.is_empty() => {
            let known = given.entry(old.clone()).or_insert_with(|| new.clone());
            if known != new {
                let field = format!("{path} (given as {known} before)");
                differences.push(Difference { field, expected: old.clone(), found: new.clone() });
            }
        }
        (old, new) => {
            differences.push(Difference { field: path.to_owned(), expected: old.to_string(), found: new.to_string() });
        }
    }
}

/// The name of the field that a path ends with.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default().split('[').next().unwrap_or_default()
}

fn ends_with(path: &str, words: &[&str]) -> bool {
    let last = last(path).to_lowercase();
    words.iter().any(|word| last.ends_with(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(recorded: &Value, found: &Value) -> Vec<String> {
        let (mut given, mut all) = (BTreeMap::new(), Vec::new());
        compare("", recorded, found, &mut given, &mut all);
        all.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn what_a_vendor_gives_may_be_another_but_given_alike() {
        let recorded = json!({"document": {"id": "7"}, "lines": [{"orderId": "7"}], "total": "5", "shipDate": "2024"});
        let alike = json!({"document": {"id": "9"}, "lines": [{"orderId": "9"}], "total": "5", "shipDate": "2025"});
        assert_eq!(differences(&recorded, &alike), Vec::<String>::new());
        let other = json!({"document": {"id": "9"}, "lines": [{"orderId": "8"}], "total": "6", "shipDate": "2025"});
        assert_eq!(differences(&recorded, &other), ["lines[0].orderId (given as 9 before)", "total"]);
    }

    #[test]
    fn what_the_vendors_people_have_done_since_is_their_own() {
        let shipped = json!({"state": "BILLED", "lines": [{"quantity": "2", "fulfilled": "2"}], "invoices": [{}]});
        let open = json!({"state": "OPEN", "lines": [{"quantity": "2", "fulfilled": "0"}]});
        assert_eq!(differences(&shipped, &open), Vec::<String>::new());
        let fewer = json!({"state": "OPEN", "lines": [{"quantity": "1", "fulfilled": "0"}]});
        assert_eq!(differences(&shipped, &fewer), ["lines[0].quantity"]);
    }
}
