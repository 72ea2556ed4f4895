//! A commit as one call of its script: keys and arguments in the order that `commit.lua` reads, and its answer read back.

use std::collections::BTreeMap;

use redis::{Cmd, Value};
use retail_runtime::Timestamp;

use super::names::{Names, age, index_member};
use super::script::{Argument, COMMIT, count, word};
use super::values::{bytes, digits, fence, list, micros, position, read_stored, record, schema, stored, text};
use crate::commit::{Commit, Outcome, Refused};
use crate::embedded::layout::{corrupt, time, write_event};
use crate::fault::Error;
use crate::key::{Key, Version};
use crate::record::{Marked, Position, Stored};
use uuid::Uuid;

/// Who commits, and its how many-th commit of the partition this is: a commit that is sent again is known by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) name: &'a str,
    pub(super) number: u64,
}

/// Names of sets and hashes, each once, by the place that the script knows them by.
#[derive(Default)]
struct Places(Vec<Vec<u8>>);

impl Places {
    fn of(&mut self, name: Vec<u8>) -> usize {
        let at = self.0.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.0.push(name);
            self.0.len().saturating_sub(1)
        });
        at.saturating_add(1)
    }
}

/// The call.
pub(super) fn command(names: &Names, commit: &Commit, writer: Writer<'_>) -> Cmd {
    // The last due time of a document counts.
    let dues: BTreeMap<&Key, Option<Timestamp>> = commit.due.iter().map(|(key, at)| (key, *at)).collect();
    let made: Vec<&Key> = commit
        .writes
        .iter()
        .filter(|write| write.expected == Version::ABSENT && write.body.is_some())
        .map(|write| &write.key)
        .collect();
    let gone: Vec<&Key> = commit.writes.iter().filter(|write| write.body.is_none()).map(|write| &write.key).collect();
    let counts = [
        commit.keyed.len(),
        commit.fences.len(),
        commit.marks.len(),
        commit.checks.len(),
        commit.writes.len(),
        dues.len(),
        commit.index.len(),
        commit.events.len(),
        made.len(),
        gone.len(),
    ];
    let mut arguments =
        vec![digits(writer.number).into(), writer.name.as_bytes().into(), count(usize::from(commit.is_news()))];
    arguments.extend(counts.into_iter().map(count));

    let mut keys = vec![names.writer(writer.name), names.ends(), names.lease()];
    keys.extend(commit.keyed.iter().map(|keyed| names.result(keyed.id)));
    keys.extend(commit.marks.iter().map(|mark| names.mark(&mark.consumer)));
    keys.extend(commit.checks.iter().map(|(key, _)| names.document(key)));
    keys.extend(commit.writes.iter().map(|write| names.document(&write.key)));
    keys.extend(dues.keys().map(|key| names.due_of(key)));
    keys.extend([names.feed(), names.documents(), names.ages(), names.hints()]);

    let mut places = Places::default();
    for keyed in &commit.keyed {
        let whole = Stored { digest: keyed.digest, at: commit.at, result: keyed.result.clone() };
        arguments.push((&keyed.digest[..]).into());
        arguments.push(stored(&whole).into());
    }
    arguments.extend(commit.fences.iter().map(|held| Argument::from(fence(held))));
    for mark in &commit.marks {
        arguments.push(digits(mark.version).into());
        arguments.push((&mark.event.as_bytes()[..]).into());
        arguments.push(digits(mark.after.unwrap_or(mark.version.saturating_sub(1))).into());
    }
    arguments.extend(commit.checks.iter().map(|(_, expected)| Argument::from(digits(expected.0))));
    for write in &commit.writes {
        arguments.push(digits(write.expected.0).into());
        arguments.push(schema(write.schema).into());
        let whole = write.body.as_ref().map(|body| record(write.version, write.schema, write.events, body));
        arguments.push(whole.unwrap_or_default().into());
    }
    for (key, at) in &dues {
        arguments.push(count(places.of(names.due(key.kind()))));
        arguments.push(key.as_str().as_bytes().into());
        arguments.push(at.map(|at| time(at).to_vec()).unwrap_or_default().into());
    }
    for entry in &commit.index {
        arguments.push(count(places.of(names.index(&entry.name))));
        arguments.push(count(places.of(names.index_values(&entry.name))));
        arguments.push(index_member(&entry.sort, &entry.key).into());
        arguments.push(count(usize::from(entry.present)));
        arguments.push(entry.value.as_ref().into());
    }
    for event in &commit.events {
        arguments.push((&event.id.as_bytes()[..]).into());
        arguments.push(word(micros(event.time)));
        arguments.push(write_event(event.clone()).into());
    }
    for key in made {
        arguments.push(count(0));
        arguments.push(key.as_str().as_bytes().into());
    }
    arguments.extend(gone.into_iter().map(|key| Argument::from(key.as_str().as_bytes())));
    for keyed in &commit.keyed {
        arguments.push(count(0));
        arguments.push(age(commit.at, keyed.id).into());
    }
    keys.append(&mut places.0);
    COMMIT.call(&keys, &arguments)
}

/// What the script said.
pub(super) fn outcome(commit: &Commit, answer: Value) -> Result<Outcome, Error> {
    let strange = || corrupt("answer of the commit script", "makes no sense");
    let mut parts = list(answer).unwrap_or_default().into_iter();
    let said = parts.next().and_then(text).ok_or_else(strange)?;
    if said == "already" {
        let mut found = Vec::new();
        while let (Some(at), Some(value)) = (parts.next(), parts.next()) {
            let keyed = place(at).and_then(|at| commit.keyed.get(at)).ok_or_else(strange)?;
            found.push((keyed.id, read_stored(bytes(value).ok_or_else(strange)?)?));
        }
        return Ok(Outcome::Already(found));
    }
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let at = || first.clone().and_then(place);
    let refused = match said.as_str() {
        "committed" => {
            let first_sequence = first.and_then(text).and_then(|text| text.parse().ok()).ok_or_else(strange)?;
            return Ok(Outcome::Committed { first_sequence });
        }
        "conflict" => return Ok(Outcome::Conflict),
        "digest" => at().and_then(|at| commit.keyed.get(at)).map(|keyed| Refused::Digest(keyed.id)),
        "fence" => at().and_then(|at| commit.fences.get(at)).map(|fence| Refused::Fence(*fence)),
        "schema" => at().and_then(|at| commit.writes.get(at)).map(|write| Refused::Schema(write.key.clone())),
        "mark" => {
            let mark = at().and_then(|at| commit.marks.get(at));
            let marked = second.and_then(text).and_then(|said| marked(&said, third));
            mark.zip(marked).map(|(mark, marked)| Refused::Mark { consumer: mark.consumer.clone(), marked })
        }
        _ => None,
    };
    refused.map(Outcome::Refused).ok_or_else(strange)
}

fn marked(said: &str, have: Option<Value>) -> Option<Marked> {
    match said {
        "done" => Some(Marked::Done),
        "gap" => Some(Marked::Gap { have: text(have?)?.parse().ok()? }),
        "fork" => Some(Marked::Fork { have: Uuid::from_slice(&bytes(have?)?).ok()? }),
        _ => None,
    }
}

fn place(at: Value) -> Option<usize> {
    text(at)?.parse().ok()
}

/// A place as the group script takes it.
pub(super) fn place_arguments(at: &Position) -> [Argument<'static>; 2] {
    [position(at).into(), word(at.sequence)]
}
