//! What must hold after every single commit, read from the commit itself and from what it replaces.

use futures::FutureExt as _;
use prost::Message as _;
use retail_flow::{EffectState, Ledger};
use retail_store::{Backend as _, Commit, Key, Mark, Model, Partition, Record, Wanted, Write};

use crate::watch::Watch;

/// The balance of a stock document, by the field numbers it is stored under: read apart from the code that wrote it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Balance {
    #[prost(string, tag = "1")]
    pub(crate) sku: String,
    #[prost(string, tag = "2")]
    pub(crate) location: String,
    #[prost(int64, tag = "3")]
    pub(crate) on_hand: i64,
    #[prost(int64, tag = "4")]
    pub(crate) available: i64,
    #[prost(int64, tag = "5")]
    pub(crate) reserved: i64,
    #[prost(int64, tag = "6")]
    pub(crate) allocated: i64,
    #[prost(int64, tag = "7")]
    pub(crate) blocked: i64,
    #[prost(int64, tag = "8")]
    pub(crate) shortfall: i64,
}

/// Whose commit it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of {
    pub(crate) domain: &'static str,
    pub(crate) host: &'static str,
    /// Who holds the lease of the partition.
    pub(crate) holder: Option<&'static str>,
}

/// Checks a commit that was applied; `before` are the documents that it wrote over.
pub(crate) fn of_a_commit(of: Of, commit: &Commit, before: &[Option<Record>], watch: &Watch) {
    for (write, before) in commit.writes.iter().zip(before) {
        agrees(of.domain, commit, write, before.as_ref(), watch);
        let Some(body) = &write.body else { continue };
        match write.key.kind() {
            "stock" => holds(&write.key.to_string(), body, watch),
            "ledger" => was_meant(of, write, body, before.as_ref(), watch),
            _ => {}
        }
    }
}

/// `doc_event_agree`, `per_aggregate_order`: the events of a document are numbered without a gap up to what it says.
fn agrees(domain: &str, commit: &Commit, write: &Write, before: Option<&Record>, watch: &Watch) {
    let mut last = before.map_or(0, |record| record.events);
    for event in commit.events.iter().filter(|event| event.subject == write.key) {
        if event.version != last.saturating_add(1) {
            let detail = format!("{domain} {}: event {} follows {last}", write.key, event.version);
            watch.violated("per_aggregate_order", detail);
        }
        last = event.version;
    }
    if write.body.is_some() && write.events != last {
        let detail = format!("{domain} {}: the document counts {} events, the feed {last}", write.key, write.events);
        watch.violated("doc_event_agree", detail);
    }
}

/// `conservation`, `never_oversold`.
fn holds(key: &str, body: &[u8], watch: &Watch) {
    let Ok(balance) = Balance::decode(body) else {
        watch.violated("conservation", format!("{key} cannot be read"));
        return;
    };
    let Balance { on_hand, available, reserved, allocated, blocked, shortfall, .. } = balance;
    let terms = [on_hand, available, reserved, allocated, blocked, shortfall];
    if terms.iter().any(|term| *term < 0) || (shortfall > 0 && available > 0) {
        watch.violated("never_oversold", format!("{key}: {balance:?}"));
    }
    let there = i128::from(on_hand).saturating_add(shortfall.into());
    let promised = [available, reserved, allocated, blocked].iter().map(|term| i128::from(*term)).sum::<i128>();
    if there != promised {
        watch.violated("conservation", format!("{key}: {balance:?}"));
    }
}

/// A list of dead letters, by the field numbers it is stored under.
#[derive(Clone, PartialEq, prost::Message)]
struct Letters {
    #[prost(message, repeated, tag = "3")]
    queued: Vec<Queued>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Queued {
    #[prost(uint64, tag = "1")]
    version: u64,
}

/// `order_after_replay`: an aggregate's event is not taken in before those of it that wait for a person.
pub(crate) fn in_order(model: &Model, mark: &Mark, before: u64, watch: &Watch) {
    let list = mark.consumer.replacen(':', "/", 1);
    let wanted = Wanted { keys: vec![Key::new("dead-letters", &list)], ..Wanted::default() };
    let found = model.load(Partition::of(&list), wanted).now_or_never().and_then(Result::ok).unwrap_or_default();
    let record = found.records.into_iter().flatten().next();
    let waits = record.and_then(|record| Letters::decode(record.body).ok()).unwrap_or_default();
    let passed = |queued: &&Queued| before < queued.version && queued.version < mark.version;
    if let Some(queued) = waits.queued.iter().find(passed) {
        let detail = format!("{}: event {} is taken in, and {} waits", mark.consumer, mark.version, queued.version);
        watch.violated("order_after_replay", detail);
    }
}

/// `intent_before_call`: what is confirmed, or known to be unknown, was meant in an earlier commit.
fn was_meant(of: Of, write: &Write, body: &[u8], before: Option<&Record>, watch: &Watch) {
    let Ok(after) = Ledger::decode(body) else { return };
    let before = before.and_then(|record| Ledger::decode(record.body.clone()).ok()).unwrap_or_default();
    let told = |ledger: &Ledger, what: &str, subject: &str| {
        ledger.timeline.iter().filter(|entry| entry.what == what && entry.subject == subject).count()
    };
    let sent = |ledger: &Ledger| ledger.effects.iter().map(|effect| effect.attempts).sum::<u32>();
    // Only a driver names its run: people who resume something, and requests that change it, leave the last one's.
    let driven = after.run != before.run || sent(&after) > sent(&before);
    if driven && of.holder.is_some_and(|holder| holder != of.host) {
        let detail = format!("{} drives {}, and {:?} holds its lease", of.host, write.key, of.holder);
        watch.violated("single_writer", detail);
    }
    for entry in after.timeline.iter().filter(|entry| entry.what == "EFFECT_CONFIRMED") {
        let subject = entry.subject.as_str();
        let news = told(&after, "EFFECT_CONFIRMED", subject) > told(&before, "EFFECT_CONFIRMED", subject);
        let meant = before.effect(subject).is_some_and(|effect| {
            matches!(effect.state(), EffectState::Sent | EffectState::Unknown) && effect.attempts > 0
        });
        if news && !meant {
            let detail = format!("{} {}: {subject} is confirmed and was not under way", of.domain, write.key);
            watch.violated("intent_before_call", detail);
        }
    }
}
