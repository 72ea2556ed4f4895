//! One domain of an embedded database.

use std::sync::Arc;

use retail_runtime::Timestamp;
use tokio::sync::oneshot;
use tonic::async_trait;

use super::read::Reader;
use super::side;
use super::writer::{Ask, Work};
use super::{Embedded, Spaces, answered, blocking};
use crate::backend::{Backend, Hints, Loaded, Wanted};
use crate::commit::{Commit, Outcome};
use crate::fault::Error;
use crate::key::{Key, Partition};
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, LeaseAnswer, LeaseOp, Offset, Position, Record, Trim, Trimmed,
};

/// Point reads up to this many are done in place: they nearly always hit memory. Longer ones move aside.
const IN_PLACE: usize = 32;

/// One domain of an embedded database, private by this handle.
#[derive(Clone)]
pub struct Domain {
    // Dropped before the database.
    spaces: Arc<Spaces>,
    embedded: Embedded,
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain").field("name", &self.spaces.name).field("embedded", &self.embedded).finish()
    }
}

impl Domain {
    pub(super) fn new(spaces: Arc<Spaces>, embedded: Embedded) -> Self {
        Self { spaces, embedded }
    }

    /// Hands something to the writer, waiting to be let in. False: nobody writes any more.
    async fn hand(&self, partition: Partition, ask: Ask) -> bool {
        let Some(writer) = self.embedded.writer() else { return false };
        writer.send(Work { spaces: Arc::clone(&self.spaces), partition, ask }).await.is_ok()
    }

    async fn ask<T>(
        &self,
        partition: Partition,
        ask: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Ask,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        if self.hand(partition, ask(reply)).await {
            answered(answer).await
        } else {
            Err(Error::Unavailable("the writer has ended; restart the process".to_owned()))
        }
    }

    /// Reads where waiting for the disk disturbs nobody.
    async fn aside<T: Send + 'static>(
        &self,
        partition: Partition,
        read: impl FnOnce(&Reader<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let domain = self.clone();
        blocking(move || read(&domain.reader(partition))).await
    }

    fn reader(&self, partition: Partition) -> Reader<'_> {
        Reader { spaces: &self.spaces, snapshot: self.embedded.inner.database.snapshot(), partition }
    }
}

#[async_trait]
impl Backend for Domain {
    async fn commit(&self, partition: Partition, commit: Commit) -> Outcome {
        let (reply, answer) = oneshot::channel();
        if self.hand(partition, Ask::Commit(Box::new(commit), reply)).await {
            // A writer that ended before it answered may have written.
            answer.await.unwrap_or(Outcome::Unknown)
        } else {
            Outcome::Unavailable
        }
    }

    async fn load(&self, partition: Partition, wanted: Wanted) -> Result<Loaded, Error> {
        let seen = self.spaces.known.seen(partition);
        let (loaded, facts) = if wanted.keys.len() + wanted.results.len() + wanted.marks.len() <= IN_PLACE {
            self.reader(partition).load(&wanted)?
        } else {
            self.aside(partition, move |reader| reader.load(&wanted)).await?
        };
        self.spaces.known.learn(partition, seen, facts);
        Ok(loaded)
    }

    async fn scan(
        &self,
        partition: Partition,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Record)>, Error> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.aside(partition, move |reader| reader.scan(&prefix, after.as_ref(), limit)).await
    }

    async fn index(&self, partition: Partition, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        let query = query.clone();
        self.aside(partition, move |reader| reader.index(&query)).await
    }

    async fn due(
        &self,
        partition: Partition,
        kind: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error> {
        let seen = self.spaces.floors.seen(partition, kind);
        // Nothing is due yet: the answer of nearly every look.
        if seen.floor.is_some_and(|floor| floor > until) {
            return Ok(Vec::new());
        }
        let (floors, name) = (Arc::clone(&self.spaces), kind.to_owned());
        self.aside(partition, move |reader| {
            // One entry beyond what is due tells where the next look may begin.
            let first = reader.due(&name, seen.floor, Timestamp::MAX, 1)?.first().map_or(Timestamp::MAX, |(at, _)| *at);
            floors.floors.found(partition, &name, &seen, first);
            if first > until { Ok(Vec::new()) } else { reader.due(&name, Some(first), until, limit) }
        })
        .await
    }

    async fn feed(&self, partition: Partition, after: &Position, limit: usize) -> Result<Vec<Entry>, Error> {
        let place = *after;
        let found = self.aside(partition, move |reader| reader.feed(&place, limit)).await?;
        found.ok_or(Error::OutOfRange { partition, sequence: place.sequence })
    }

    async fn ends(&self, partition: Partition) -> Result<Ends, Error> {
        self.reader(partition).ends()
    }

    async fn lease(&self, partition: Partition, op: LeaseOp) -> Result<LeaseAnswer, Error> {
        self.ask(partition, |reply| Ask::Lease(op, reply)).await
    }

    async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
        side::offset(&self.spaces, partition, group)
    }

    async fn group(&self, partition: Partition, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
        self.ask(partition, |reply| Ask::Group(group.to_owned(), op, now, reply)).await
    }

    async fn trim(&self, partition: Partition, trim: Trim) -> Result<Trimmed, Error> {
        self.ask(partition, |reply| Ask::Trim(trim, reply)).await
    }

    async fn sweep(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<usize, Error> {
        self.ask(partition, |reply| Ask::Sweep(now, limit, reply)).await
    }

    fn hints(&self) -> &Hints {
        &self.spaces.hints
    }
}
