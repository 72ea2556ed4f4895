//! One caller's update, from its rule to its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use retail_runtime::sabotage;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::backend::Wanted;
use crate::commit::{CommitId, Fence};
use crate::config::Journal;
use crate::document::Document;
use crate::draft::{Changes, Draft, Drawn, View};
use crate::fault::{Error, UpdateError};
use crate::key::{Key, Partition, Version};

/// Who updates, and how a repeat is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A caller with a key of its own: the result is stored and a repeat is answered with it.
    Keyed {
        /// Name of the commit.
        id: CommitId,
        /// Digest of the request.
        digest: [u8; 32],
    },
    /// A workflow step of the partition's lease holder; the document itself remembers the step.
    Step(Fence),
    /// Neither: the rule itself must be safe to repeat.
    Plain,
}

impl Caller {
    /// A keyed caller: who, what, under which idempotency key, and the request as bytes.
    #[must_use]
    pub fn keyed(principal: &str, method: &str, key: &str, request: &[u8]) -> Self {
        Self::Keyed { id: CommitId::of(&[principal, method, key]), digest: Sha256::digest(request).into() }
    }
}

/// An update that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<R> {
    /// What the rule answered, now or the first time.
    pub value: R,
    /// Version of the document after this update; for a repeat, its version now.
    pub version: Version,
    /// True when this very commit id was applied before: nothing was changed now.
    pub repeated: bool,
}

/// One waiting update, its types forgotten.
pub(crate) trait Job: Send {
    fn key(&self) -> &Key;
    fn caller(&self) -> Caller;
    /// Has the caller gone away?
    fn abandoned(&self) -> bool;
    fn run(&mut self, partition: Partition, view: &Arc<View>) -> Ran;
    fn answer(self: Box<Self>, verdict: Verdict);
}

/// How a run of a rule ended.
pub(crate) enum Ran {
    /// These changes, and the result to store.
    Changed(Changes, Bytes),
    /// The rule refused; the job keeps its error.
    Refused,
    /// The rule needs these and is run again with them.
    Missing(Wanted),
    /// The caller gets this.
    Fault(Error),
}

/// What a caller is told.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    Done { version: Version },
    Repeated { version: Version, result: Bytes },
    Refused,
    Fault(Error),
}

/// How results become bytes; steps store none.
pub(crate) struct Codec<R> {
    pub(crate) encode: fn(&R) -> Bytes,
    pub(crate) decode: fn(Bytes) -> Result<R, Error>,
}

pub(crate) type Answer<R, E> = Result<Done<R>, UpdateError<E>>;

pub(crate) struct Update<D, R, E, F> {
    pub(crate) key: Key,
    pub(crate) caller: Caller,
    pub(crate) traceparent: String,
    pub(crate) journal: Option<Journal>,
    pub(crate) rule: F,
    pub(crate) codec: Codec<R>,
    pub(crate) answer: oneshot::Sender<Answer<R, E>>,
    pub(crate) said: Option<Result<R, E>>,
    pub(crate) document: std::marker::PhantomData<fn(D)>,
}

impl<D, R, E, F> Job for Update<D, R, E, F>
where
    D: Document,
    R: Send,
    E: Send,
    F: Fn(&mut Draft<D>) -> Result<R, E> + Send,
{
    fn key(&self) -> &Key {
        &self.key
    }

    fn caller(&self) -> Caller {
        let unsafely = match self.caller {
            Caller::Keyed { .. } => sabotage::is_off("commit_id"),
            Caller::Step(_) => sabotage::is_off("fence"),
            Caller::Plain => false,
        };
        if unsafely { Caller::Plain } else { self.caller }
    }

    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, partition: Partition, view: &Arc<View>) -> Ran {
        self.said = None;
        let mut draft = match Draft::<D>::open(&self.key, partition, view, &self.traceparent) {
            Ok(draft) => draft.journaled(self.journal),
            Err(error) => return Ran::Fault(error),
        };
        // A rule that panics must not take the partition's queue, and with it everybody else, down.
        let Ok(said) = catch_unwind(AssertUnwindSafe(|| (self.rule)(&mut draft))) else {
            return Ran::Fault(Error::RulePanicked(self.key.clone()));
        };
        match (draft.close(), &said) {
            (Drawn::Missing(wanted), _) => Ran::Missing(wanted),
            (Drawn::Fault(error), Ok(_)) => Ran::Fault(error),
            (Drawn::Fault(_) | Drawn::Changes(_), Err(_)) => {
                self.said = Some(said);
                Ran::Refused
            }
            (Drawn::Changes(changes), Ok(result)) => {
                let stored = (self.codec.encode)(result);
                self.said = Some(said);
                Ran::Changed(changes, stored)
            }
        }
    }

    fn answer(self: Box<Self>, verdict: Verdict) {
        let Self { key, codec, answer, said, .. } = *self;
        let lost = || UpdateError::Store(Error::Malformed(format!("rule for {key} gave no answer")));
        let told = match verdict {
            Verdict::Fault(error) => Err(UpdateError::Store(error)),
            Verdict::Repeated { version, result } => {
                (codec.decode)(result).map(|value| Done { value, version, repeated: true }).map_err(UpdateError::Store)
            }
            Verdict::Done { version } => match said {
                Some(Ok(value)) => Ok(Done { value, version, repeated: false }),
                Some(Err(error)) => Err(UpdateError::Rule(error)),
                None => Err(lost()),
            },
            Verdict::Refused => match said {
                Some(Err(error)) => Err(UpdateError::Rule(error)),
                Some(Ok(_)) | None => Err(lost()),
            },
        };
        // The caller may have gone away meanwhile; a keyed one finds its answer by repeating.
        let _gone = answer.send(told);
    }
}
