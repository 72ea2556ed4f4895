//! The queue of one partition: whoever waits together is committed together.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::update::Job;

/// Longest queue of a partition.
const WAITING: usize = 4_096;
/// Most updates in one commit.
const TOGETHER: usize = 256;

/// Updates that wait for one partition.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    driven: bool,
}

/// What putting a job into the queue means for the one who put it.
pub(crate) enum Joined {
    /// Somebody works on the queue already.
    Waits,
    /// Nobody does: the caller must see to it.
    Leads,
    /// The queue is full.
    Full(Box<dyn Job>),
}

impl Queue {
    pub(crate) fn join(&self, job: Box<dyn Job>) -> Joined {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.jobs.len() >= WAITING {
            return Joined::Full(job);
        }
        state.jobs.push_back(job);
        if std::mem::replace(&mut state.driven, true) { Joined::Waits } else { Joined::Leads }
    }

    /// Everything that waits, up to one commit's worth. Nothing: the caller no longer leads.
    pub(crate) fn take(&self) -> Vec<Box<dyn Job>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = state.jobs.len().min(TOGETHER);
        if count == 0 {
            state.driven = false;
        }
        state.jobs.drain(..count).collect()
    }

    /// Gives up leading and answers who waits: used when the leader is dropped before the queue is empty.
    pub(crate) fn abandon(&self) -> Vec<Box<dyn Job>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.driven = false;
        state.jobs.drain(..).collect()
    }
}
