//! Asking a system for what changed: per system a transaction that never ends. Changes are taken in first, one commit
//! each, then the cursor moves: a crash in between repeats changes, which is harmless, and loses none.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use retail_runtime::{Peer, Timestamp};
use retail_store::{Document, Draft, Error, Store, UpdateError};

use crate::failure::Failure;
use crate::process::{Attempt, Process, Summary, Verdict};
use crate::step::{Class, Next, Policy, Step};
use crate::transactions;

/// Changes that are taken in side by side.
const SIDE_BY_SIDE: usize = 16;
/// After a refusal it is asked again, milliseconds later.
const REFUSED: i64 = 30_000;

/// Where the reading of one system stands. The id is the name of the system's instance.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Reading {
    /// The connector's cursor.
    #[prost(string, tag = "1")]
    cursor: String,
    /// When to ask again, milliseconds since 1970.
    #[prost(int64, tag = "2")]
    next_at: i64,
    /// When it last answered that there is no more, milliseconds since 1970; 0 before the first time.
    #[prost(int64, tag = "3")]
    pub read_at: i64,
}

impl Document for Reading {
    const KIND: &'static str = "reading";
}

/// A system that is asked.
#[derive(Debug, Clone, Copy)]
pub struct System<'a> {
    /// Its name in the configuration.
    pub instance: &'a str,
    /// Its connector.
    pub connector: &'a Peer,
}

impl System<'_> {
    /// The system without what stands in front of its name, where a source reads several kinds of systems that may be called
    /// alike; `None` when it is not of that kind.
    #[must_use]
    pub fn behind(self, front: &str) -> Option<Self> {
        self.instance.strip_prefix(front).map(|instance| System { instance, ..self })
    }
}

/// One answer of a connector.
#[derive(Debug)]
pub struct Changes<C> {
    /// What changed, by what it is about: of each only the newest, for they are taken in side by side.
    pub newest: BTreeMap<String, C>,
    /// Where the next question begins.
    pub cursor: String,
    /// There is more to be asked for at once.
    pub more: bool,
}

/// What is read of a kind of systems, and what becomes of it.
pub trait Source: Send + Sync + 'static {
    /// A change.
    type Change: Send;
    /// Name of the call, for example `erp.poll_changes`.
    const CALL: &'static str;
    /// What operators read, for example `reading of the ERP's orders`.
    const NAME: &'static str;

    /// Asks once.
    fn ask(
        &self,
        system: System<'_>,
        cursor: &str,
    ) -> impl Future<Output = Result<Changes<Self::Change>, Failure>> + Send;

    /// Takes a change in. It may come again.
    fn take(&self, system: System<'_>, change: Self::Change) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Ask, and take in.
#[derive(Debug, Clone, Copy)]
pub struct Ask(&'static str);

impl Step for Ask {
    fn name(&self) -> String {
        self.0.to_owned()
    }

    fn class(&self) -> Class {
        Class::Call
    }

    fn routine(&self) -> bool {
        true
    }

    fn policy(&self) -> Policy {
        // A system may be away for days; asking goes on.
        Policy {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            deadline: Duration::MAX,
            attempt: Duration::from_secs(120),
        }
    }
}

/// What an answer leaves to remember.
#[derive(Debug, Clone)]
pub struct Taken {
    cursor: String,
    more: bool,
}

/// The process of reading systems of one kind.
pub struct Readings<S> {
    source: S,
    /// Connector of each, and how long to wait after an answer without more.
    systems: BTreeMap<String, (Peer, Duration)>,
}

impl<S: Source> Readings<S> {
    /// Reads these systems, each after its own wait, and begins with those that were never read.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn begin(
        source: S,
        systems: BTreeMap<String, (Peer, Duration)>,
        store: &Store,
        now: Timestamp,
    ) -> Result<Arc<Self>, Error> {
        for instance in systems.keys() {
            let rule = move |draft: &mut Draft<Reading>| {
                if !draft.existed {
                    draft.doc.next_at = now.as_millisecond();
                }
                transactions::begin(draft, S::NAME, "", now);
                Ok::<_, Infallible>(())
            };
            match store.step::<Reading, _, _>(instance, None, rule).await {
                Ok(_) => {}
                Err(UpdateError::Store(error)) => return Err(error),
                Err(UpdateError::Rule(never)) => match never {},
            }
        }
        Ok(Arc::new(Self { source, systems }))
    }
}

impl<S: Source> Process for Readings<S> {
    type Doc = Reading;
    type Step = Ask;
    type Outcome = Taken;

    fn decide(&self, reading: &Reading, now: Timestamp) -> Next<Ask> {
        match Timestamp::from_millisecond(reading.next_at) {
            Ok(next) if next > now => Next::Wait(Some(next)),
            _ => Next::Do(vec![Ask(S::CALL)]),
        }
    }

    async fn perform(
        &self,
        instance: &str,
        reading: &Reading,
        _step: &Ask,
        _attempt: Attempt,
    ) -> Result<Taken, Failure> {
        let Some((connector, _)) = self.systems.get(instance) else {
            let detail = format!("{instance} is no longer configured; configure it again, or remove its reading");
            return Err(Failure::refused("SYSTEM_NOT_CONFIGURED", detail));
        };
        let system = System { instance, connector };
        let Changes { newest, cursor, more } = self.source.ask(system, &reading.cursor).await?;
        let taken = futures::stream::iter(newest.into_values()).map(|change| self.source.take(system, change));
        let mut taken = taken.buffer_unordered(SIDE_BY_SIDE);
        while let Some(result) = taken.next().await {
            result?;
        }
        Ok(Taken { cursor, more })
    }

    fn apply(&self, draft: &mut Draft<Reading>, _step: &Ask, taken: &Taken, now: Timestamp) {
        let every = self.systems.get(draft.id()).map_or(Duration::from_secs(10), |(_, every)| *every);
        let wait = if taken.more { Duration::ZERO } else { every };
        draft.doc.cursor.clone_from(&taken.cursor);
        draft.doc.next_at = now.as_millisecond().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        if !taken.more {
            draft.doc.read_at = now.as_millisecond();
        }
    }

    /// Asks again in a while: a reading that stands still stops the business, and whoever mends the cause (credentials,
    /// rights) would have to start it, too.
    fn refused(&self, draft: &mut Draft<Reading>, _step: &Ask, why: &Failure, now: Timestamp) -> Verdict {
        let instance = draft.id();
        if !self.systems.contains_key(instance) {
            return Verdict::Park;
        }
        let (reason, detail) = (why.reason(), why.detail());
        tracing::error!(
            instance,
            reason,
            detail,
            "{} was refused; nothing is read of it until that is mended",
            S::NAME
        );
        draft.doc.next_at = now.as_millisecond().saturating_add(REFUSED);
        Verdict::Handled
    }

    fn seal(&self, _draft: &mut Draft<Reading>, _before: &Reading, _now: Timestamp) {}

    fn summary(&self, _reading: &Reading) -> Summary {
        Summary { name: S::NAME.to_owned(), status: "Asks for changes".into() }
    }
}
