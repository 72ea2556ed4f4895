//! The store of one domain as its service sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use retail_runtime::{Runtime, Timestamp, trace};
use tokio::sync::oneshot;

use crate::backend::{Backend, Changes, News, Wanted};
use crate::commit::{Fence, MAX_KEY};
use crate::config::{BackendConfig, Config, Journal, a_week};
use crate::document::{Document, Versioned};
use crate::draft::{Draft, decode};
use crate::embedded::Embedded;
use crate::fault::{Error, UpdateError};
use crate::key::{Key, Partition};
use crate::lead::Inner;
use crate::model::Model;
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, Lease, LeaseAnswer, LeaseOp, MarkRecord, Offset, Position, Record,
    Trim, Trimmed,
};
use crate::redis::Redis;
use crate::update::{Answer, Caller, Codec, Done, Update};

/// One domain's store. Clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    journal: Option<Journal>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("domain", &self.inner.domain).field("region", &self.inner.region).finish()
    }
}

impl Store {
    /// Opens a domain's store and declares its groups.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process holds the directory, [`Error::Birth`] when the store was made with other
    /// settings, [`Error::Unfit`] when a Redis does not keep what its class promises, [`Error::Unavailable`] when the
    /// disk refuses or nobody answers.
    pub async fn open(runtime: &Runtime, config: &Config) -> Result<Self, Error> {
        let backend: Arc<dyn Backend> = match &config.backend {
            BackendConfig::Model => Arc::new(Model::new()),
            BackendConfig::Embedded { dir } => {
                Arc::new(Embedded::open(dir).await?.domain(&config.domain, &config.region).await?)
            }
            BackendConfig::Redis(redis) => Arc::new(Redis::open(runtime, redis, &config.domain, &config.region).await?),
        };
        let inner = Inner::new(runtime, backend, &config.domain, &config.region, &config.groups, config.keep.get());
        let store = Self { inner: Arc::new(inner), journal: None };
        for group in &config.groups {
            try_join_all(Partition::all().map(|partition| store.declare(partition, group))).await?;
        }
        Ok(store)
    }

    /// A store over a back end that is open already. It knows of no groups.
    #[must_use]
    pub fn over(runtime: &Runtime, backend: Arc<dyn Backend>, domain: &str, region: &str) -> Self {
        let inner = Inner::new(runtime, backend, domain, region, &[], a_week().get());
        Self { inner: Arc::new(inner), journal: None }
    }

    /// The same store, through which documents that have a way keep so much of it. Whoever opens the store says so once,
    /// before handing it on.
    #[must_use]
    pub fn journaled(self, journal: Option<Journal>) -> Self {
        Self { journal, ..self }
    }

    /// How much of their way documents keep; `None` for nothing.
    #[must_use]
    pub fn journal(&self) -> Option<Journal> {
        self.journal
    }

    /// Groups that follow its feed, as configured.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.inner.groups
    }

    /// How long events stay although every group has acknowledged them, as configured.
    #[must_use]
    pub fn keep(&self) -> Duration {
        self.inner.keep
    }

    /// Name of the domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.inner.domain
    }

    /// The CloudEvents source of its events, for example `weft/orders`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("weft/{}", self.inner.domain)
    }

    /// The tag of a partition, for example `{eu:orders:p07}`.
    #[must_use]
    pub fn tag(&self, partition: Partition) -> String {
        partition.tag(&self.inner.region, &self.inner.domain)
    }

    /// The back end underneath.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.inner.backend
    }

    /// Region of its data.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// Commits applied through this store since it was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    /// The partition that a routing text falls into. For a document's id use [`Document::partition`].
    #[must_use]
    pub fn partition_of(&self, routing: &str) -> Partition {
        Partition::of(routing)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn read<D: Document>(&self, id: &str) -> Result<Option<Versioned<D>>, Error> {
        self.read_at(D::partition(id), D::key(id)).await
    }

    /// Reads the document of kind `O` that lies beside the document of kind `D` with the same id.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn read_sibling<D: Document, O: Document>(&self, id: &str) -> Result<Option<Versioned<O>>, Error> {
        self.read_at(D::partition(id), O::key(id)).await
    }

    async fn read_at<D: Document>(&self, partition: Partition, key: Key) -> Result<Option<Versioned<D>>, Error> {
        let wanted = Wanted { keys: vec![key.clone()], ..Wanted::default() };
        let loaded = self.inner.backend.load(partition, wanted).await?;
        loaded.records.into_iter().next().flatten().map(|record| versioned(&key, record)).transpose()
    }

    /// Changes a document, and others of its partition with it, by a pure rule. Returns when the change is durable.
    ///
    /// Updates of one partition that wait together run in sequence and are committed together. The result of a keyed
    /// caller is stored with the change: repeating it, at once or within 8 days, answers the first result.
    ///
    /// # Errors
    /// [`UpdateError::Rule`]: the rule refused, nothing was changed. [`UpdateError::Store`]: see [`Error`]; only
    /// [`Error::Unknown`] leaves open whether the change happened.
    pub async fn update<D, R, E>(
        &self,
        id: &str,
        caller: Caller,
        rule: impl Fn(&mut Draft<D>) -> Result<R, E> + Send + 'static,
    ) -> Result<Done<R>, UpdateError<E>>
    where
        D: Document,
        R: prost::Message + Default + 'static,
        E: Send + 'static,
    {
        let codec = Codec {
            encode: |result: &R| Bytes::from(result.encode_to_vec()),
            decode: |bytes| {
                R::decode(bytes)
                    .map_err(|why| Error::Corrupt { what: "stored result".to_owned(), why: why.to_string() })
            },
        };
        self.enqueue(id, caller, rule, codec).await
    }

    /// As [`Store::update`], for callers without a key: a workflow step with the fence of its lease, or (with `None`) a
    /// rule that is safe to repeat. The result may be anything, nothing of it is stored.
    ///
    /// # Errors
    /// As [`Store::update`]; [`Error::Fenced`] when the lease is another's.
    pub async fn step<D, R, E>(
        &self,
        id: &str,
        fence: Option<Fence>,
        rule: impl Fn(&mut Draft<D>) -> Result<R, E> + Send + 'static,
    ) -> Result<Done<R>, UpdateError<E>>
    where
        D: Document,
        R: Send + 'static,
        E: Send + 'static,
    {
        let codec = Codec {
            encode: |_: &R| Bytes::new(),
            decode: |_| Err(Error::Malformed("the result of a step is not stored".to_owned())),
        };
        self.enqueue(id, fence.map_or(Caller::Plain, Caller::Step), rule, codec).await
    }

    async fn enqueue<D, R, E>(
        &self,
        id: &str,
        caller: Caller,
        rule: impl Fn(&mut Draft<D>) -> Result<R, E> + Send + 'static,
        codec: Codec<R>,
    ) -> Result<Done<R>, UpdateError<E>>
    where
        D: Document,
        R: Send + 'static,
        E: Send + 'static,
    {
        let key = D::key(id);
        if id.is_empty() || key.as_str().len() > MAX_KEY {
            return Err(UpdateError::Store(Error::Malformed(format!("{:?} is empty or too long for an id", id))));
        }
        let (answer, told) = oneshot::channel::<Answer<R, E>>();
        let update = Update::<D, R, E, _> {
            key,
            caller,
            traceparent: trace::traceparent().unwrap_or_default(),
            journal: self.journal,
            rule,
            codec,
            answer,
            said: None,
            document: std::marker::PhantomData,
        };
        self.inner.join(D::partition(id), Box::new(update));
        // The leader was dropped with the runtime before it answered: the commit may have been on its way.
        told.await.unwrap_or(Err(UpdateError::Store(Error::Unknown)))
    }

    /// Documents of a kind in a partition, in the order of their ids, after one.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn scan<D: Document>(
        &self,
        partition: Partition,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Versioned<D>)>, Error> {
        let prefix = D::key("");
        let after = after.map(|id| D::key(id));
        let found = self.inner.backend.scan(partition, prefix.as_str(), after.as_ref(), limit).await?;
        found.into_iter().map(|(key, record)| Ok((key.id().to_owned(), versioned(&key, record)?))).collect()
    }

    /// Index entries of one partition.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn index(&self, partition: Partition, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        self.inner.backend.index(partition, query).await
    }

    /// How many entries an index has in one partition. Cheap on every back end, if not free.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count(&self, partition: Partition, index: &str) -> Result<u64, Error> {
        self.inner.backend.count(partition, index).await
    }

    /// Index entries of all partitions, merged by sort key, then document key. The last entry's (sort, key) is the
    /// token of the next page.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list(&self, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        let found = try_join_all(Partition::all().map(|partition| self.inner.backend.index(partition, query))).await?;
        let mut all = found.into_iter().flatten().collect::<Vec<_>>();
        all.sort_by(|a, b| (&a.sort, &a.key).cmp(&(&b.sort, &b.key)));
        all.truncate(query.limit);
        Ok(all)
    }

    /// Documents of a kind that are due, by time, then key.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn due(
        &self,
        partition: Partition,
        kind: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error> {
        self.inner.backend.due(partition, kind, until, limit).await
    }

    /// Hints at new events or due entries of any partition, and of which. Hints may be lost: keep a timer.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.inner.backend.hints().any()
    }

    /// Hints at new events or due entries of one partition. Hints may be lost: keep a timer.
    #[must_use]
    pub fn changed(&self, partition: Partition) -> News {
        self.inner.backend.hints().partition(partition)
    }

    /// Events after a place.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the place does not fit: resync. [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn feed(&self, partition: Partition, after: &Position, limit: usize) -> Result<Vec<Entry>, Error> {
        self.inner.backend.feed(partition, after, limit).await
    }

    /// Both ends of a partition's feed.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ends(&self, partition: Partition) -> Result<Ends, Error> {
        self.inner.backend.ends(partition).await
    }

    /// Where an inbox mark stands.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn mark(&self, partition: Partition, consumer: &str) -> Result<Option<MarkRecord>, Error> {
        let wanted = Wanted { marks: vec![consumer.to_owned()], ..Wanted::default() };
        Ok(self.inner.backend.load(partition, wanted).await?.marks.into_iter().next().flatten())
    }

    /// Takes a partition's worker lease when it is free.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Unknown`] (take again with the same nonce).
    pub async fn lease_take(&self, partition: Partition, nonce: [u8; 16], ttl: Duration) -> Result<LeaseAnswer, Error> {
        self.inner.backend.lease(partition, LeaseOp::Take { nonce, ttl, now: self.now() }).await
    }

    /// Extends a lease.
    ///
    /// # Errors
    /// As [`Store::lease_take`].
    pub async fn lease_renew(&self, partition: Partition, fence: Fence, ttl: Duration) -> Result<LeaseAnswer, Error> {
        self.inner.backend.lease(partition, LeaseOp::Renew { fence, ttl, now: self.now() }).await
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// As [`Store::lease_take`].
    pub async fn lease_release(&self, partition: Partition, fence: Fence) -> Result<(), Error> {
        self.inner.backend.lease(partition, LeaseOp::Release { fence }).await.map(|_| ())
    }

    /// The lease of a partition as it stands, run out or not; `None` when nobody has it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn lease(&self, partition: Partition) -> Result<Option<Lease>, Error> {
        let wanted = Wanted { lease: true, ..Wanted::default() };
        Ok(self.inner.backend.load(partition, wanted).await?.lease)
    }

    /// Makes a group known in a partition; it starts at the oldest event there is.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Unknown`] (repeat).
    pub async fn declare(&self, partition: Partition, group: &str) -> Result<Offset, Error> {
        self.inner.backend.group(partition, group, GroupOp::Declare, self.now()).await
    }

    /// Shows that a group's subscriber lives, so that it is not expired while nothing happens.
    ///
    /// # Errors
    /// [`Error::NoSuchGroup`], [`Error::Unavailable`], [`Error::Unknown`] (repeat).
    pub async fn touch(&self, partition: Partition, group: &str) -> Result<Offset, Error> {
        self.inner.backend.group(partition, group, GroupOp::Touch, self.now()).await
    }

    /// Acknowledges everything up to a place.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the place does not fit or the group is expired, [`Error::NoSuchGroup`],
    /// [`Error::Unavailable`], [`Error::Unknown`] (repeat).
    pub async fn acknowledge(&self, partition: Partition, group: &str, upto: Position) -> Result<Offset, Error> {
        self.inner.backend.group(partition, group, GroupOp::Acknowledge(upto), self.now()).await
    }

    /// Puts a group at a place after a resync and revives it.
    ///
    /// # Errors
    /// As [`Store::acknowledge`].
    pub async fn reset(&self, partition: Partition, group: &str, at: Position) -> Result<Offset, Error> {
        self.inner.backend.group(partition, group, GroupOp::Reset(at), self.now()).await
    }

    /// How far a group is.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
        self.inner.backend.offset(partition, group).await
    }

    /// Removes events that every one of `groups` has acknowledged and that are older than `keep`.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Unknown`] (repeat).
    pub async fn trim(
        &self,
        partition: Partition,
        groups: &[String],
        keep: Duration,
        limit: usize,
    ) -> Result<Trimmed, Error> {
        self.inner.backend.trim(partition, Trim { groups: groups.to_vec(), now: self.now(), keep, limit }).await
    }

    /// Removes stored results older than 8 days; answers how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Unknown`] (repeat).
    pub async fn sweep(&self, partition: Partition, limit: usize) -> Result<usize, Error> {
        self.inner.backend.sweep(partition, self.now(), limit).await
    }

    fn now(&self) -> Timestamp {
        self.inner.runtime.clock().now()
    }
}

fn versioned<D: Document>(key: &Key, record: Record) -> Result<Versioned<D>, Error> {
    let Record { version, events, schema, body } = record;
    Ok(Versioned { doc: decode::<D>(key, &body)?, version, events, schema })
}
