//! What must hold between the owners of feeds and those who follow them, when all has come to rest.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use retail_store::{Backend as _, MarkRecord, Partition, Position, Wanted};

use crate::shelf::Shelf;
use crate::watch::Watch;

/// More events than these are in no partition of a run.
const ALL: usize = 100_000;

/// `delivered_all`, `handled_once`, `no_early_trim`: every event of this feed has left its mark with the group, and
/// the owner knows.
pub(crate) fn followed(feed: &str, owner: &Shelf, group: &str, follower: &Shelf, watch: &Watch) {
    let mut last: BTreeMap<String, (u64, uuid::Uuid)> = BTreeMap::new();
    for partition in Partition::all() {
        let Some((begin, events)) = events(owner, partition) else {
            watch.violated("no_early_trim", format!("the feed of {feed} in {partition} cannot be read"));
            continue;
        };
        for event in events {
            last.insert(event.event.subject.to_string(), (event.event.version, event.event.id));
        }
        let ends = owner.model().ends(partition).now_or_never().and_then(Result::ok).unwrap_or_default();
        let offset = owner.model().offset(partition, group).now_or_never().and_then(Result::ok).flatten();
        let at = offset.map_or(0, |offset| offset.position.sequence);
        if at < begin.sequence {
            watch.violated("no_early_trim", format!("{feed} {partition}: trimmed to {}, read to {at}", begin.sequence));
        }
        if at != ends.end.sequence {
            let detail = format!("{feed} {partition}: {group} has acknowledged {at} of {}", ends.end.sequence);
            watch.violated("delivered_all", detail);
        }
    }
    for (subject, (version, id)) in last {
        let consumer = format!("{group}/{feed}:{subject}");
        match mark(follower, &consumer) {
            Some(mark) if mark.version == version && mark.event == id => {}
            other => {
                let detail = format!("{consumer}: the last event is {version} ({id}), the mark is {other:?}");
                watch.violated("handled_once", detail);
            }
        }
    }
}

/// Has a group something left to acknowledge?
pub(crate) fn lags(owner: &Shelf, group: &str) -> bool {
    Partition::all().any(|partition| {
        let ends = owner.model().ends(partition).now_or_never().and_then(Result::ok).unwrap_or_default();
        let offset = owner.model().offset(partition, group).now_or_never().and_then(Result::ok).flatten();
        offset.map_or(0, |offset| offset.position.sequence) != ends.end.sequence
    })
}

fn events(owner: &Shelf, partition: Partition) -> Option<(Position, Vec<retail_store::Entry>)> {
    let begin = owner.model().ends(partition).now_or_never()?.ok()?.begin;
    let events = owner.model().feed(partition, &begin, ALL).now_or_never()?.ok()?;
    Some((begin, events))
}

fn mark(follower: &Shelf, consumer: &str) -> Option<MarkRecord> {
    let wanted = Wanted { marks: vec![consumer.to_owned()], ..Wanted::default() };
    Partition::all().find_map(|partition| {
        let loaded = follower.model().load(partition, wanted.clone()).now_or_never()?.ok()?;
        loaded.marks.into_iter().next().flatten()
    })
}
