//! Every request a twin has seen, with the trace it came in and the fault that struck it. Bounded: the newest stay.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Requests kept.
const KEPT: usize = 200_000;

/// One request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) at: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) status: u16,
    pub(crate) traceparent: String,
    pub(crate) fault: String,
}

/// The requests of one twin.
#[derive(Default)]
pub(crate) struct Requests(Mutex<Log>);

#[derive(Default)]
struct Log {
    last: u64,
    entries: VecDeque<Entry>,
}

/// Which requests.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) after: u64,
    pub(crate) contains: String,
    pub(crate) traceparent: String,
    pub(crate) limit: usize,
}

impl Requests {
    pub(crate) fn add(&self, mut entry: Entry) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.last = log.last.saturating_add(1);
        entry.seq = log.last;
        if log.entries.len() >= KEPT {
            log.entries.pop_front();
        }
        log.entries.push_back(entry);
    }

    pub(crate) fn find(&self, filter: &Filter) -> Vec<Entry> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |entry: &&Entry| {
            entry.seq > filter.after
                && entry.path.contains(&filter.contains)
                && entry.traceparent.contains(&filter.traceparent)
        };
        log.entries.iter().filter(fits).take(filter.limit).cloned().collect()
    }
}
