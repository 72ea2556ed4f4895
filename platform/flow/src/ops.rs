//! `retail.ops.v1.OpsService`, written once for every service: what is under way, what is stuck, and trying again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::try_join_all;
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_server::OpsService;
use retail_runtime::fault::{self, Class, Fault, Violations};
use retail_runtime::{Clock, Timestamp};
use retail_store::{Document, IndexQuery, Key, Lag, Partition, Store, UpdateError};
use serde::Serialize;
use tonic::{Request, Response, Status, async_trait};

use crate::exporting::{Journaled, LARGEST, NoBundle};
use crate::journal::{self, Input, RESUMED};
use crate::ledger::Ledger;
use crate::process::Process;
use crate::transactions::{self, State, list, named};
use crate::worker::Counters;

const DOMAIN: &str = "ops.retail";
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// Whether a parked aggregate was let go on.
type Resumed = futures::future::BoxFuture<'static, Result<bool, retail_store::Error>>;

/// How an aggregate of one kind is reached without knowing its type.
#[derive(Clone)]
struct Kind {
    ledger_id: fn(&str) -> String,
    /// The last says whether it is noted in a journal.
    resume: fn(Store, String, String, Timestamp, bool) -> Resumed,
    journaled: Option<Journaled>,
}

/// The operations of one service.
#[derive(Clone)]
pub struct Ops {
    store: Store,
    clock: Clock,
    counters: Arc<Counters>,
    kinds: BTreeMap<&'static str, Kind>,
}

/// Why an operator's request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field is wrong.
    #[error(transparent)]
    Shape(#[from] fault::BadShape),
    /// Nothing of that name.
    #[error("no transaction {0:?}; give `kind/id` or the name people use, for example #536365")]
    NoSuchTransaction(String),
    /// Nothing to try again.
    #[error("transaction {0:?} is not parked; there is nothing to try again")]
    NotParked(String),
    /// There is nothing to export.
    #[error("transaction {0:?} keeps no journal; store.journal and the kind of transaction say whether one is kept")]
    NotJournaled(String),
    /// It does not fit into one message.
    #[error(
        "the bundle of {id:?} has {bytes} bytes, and at most {LARGEST} are sent; lower store.journal bytes of its domain"
    )]
    BundleTooLarge {
        /// The transaction.
        id: String,
        /// Its size.
        bytes: usize,
    },
    /// The store did not answer.
    #[error("cannot reach the store")]
    Store(#[source] retail_store::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NoSuchTransaction(_) => Class::NotFound,
            Self::NotParked(_) | Self::NotJournaled(_) | Self::BundleTooLarge { .. } => Class::Precondition,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchTransaction(_) => "NO_SUCH_TRANSACTION",
            Self::NotParked(_) => "NOT_PARKED",
            Self::NotJournaled(_) => "NOT_JOURNALED",
            Self::BundleTooLarge { .. } => "BUNDLE_TOO_LARGE",
            Self::Store(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchTransaction(id) | Self::NotParked(id) | Self::NotJournaled(id) => vec![("id", id.clone())],
            Self::BundleTooLarge { id, bytes } => vec![("id", id.clone()), ("bytes", bytes.to_string())],
            Self::Shape(_) | Self::Store(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::NoSuchTransaction(_)
            | Self::NotParked(_)
            | Self::NotJournaled(_)
            | Self::BundleTooLarge { .. }
            | Self::Store(_) => Vec::new(),
        }
    }
}

impl Ops {
    /// Operations over a store.
    #[must_use]
    pub fn new(store: &Store, clock: &Clock, counters: Arc<Counters>) -> Self {
        Self { store: store.clone(), clock: clock.clone(), counters, kinds: BTreeMap::new() }
    }

    /// Also knows the aggregates of this process, and exports what they keep of their way. `config` is what its rules go by.
    #[must_use]
    pub fn driven<P: Process>(self, config: &impl Serialize) -> Self {
        let config = Arc::new(serde_json::to_value(config).unwrap_or_default());
        self.knowing::<P::Doc>(Journaled::of::<P>(&config))
    }

    /// Also knows this kind of aggregate.
    #[must_use]
    pub fn with<D: Document>(self) -> Self {
        self.knowing::<D>(None)
    }

    fn knowing<D: Document>(mut self, journaled: Option<Journaled>) -> Self {
        let kind = Kind {
            journaled,
            ledger_id: Ledger::id_of::<D>,
            resume: |store, id, note, now, noted| {
                Box::pin(async move {
                    let rule = move |draft: &mut retail_store::Draft<D>| {
                        let was = transactions::resume(draft, &note, now);
                        if noted {
                            journal::record(draft, Input { what: RESUMED, kind: "", content: note.as_bytes() }, now);
                        }
                        Ok::<_, std::convert::Infallible>(was)
                    };
                    match store.step::<D, _, _>(&id, None, rule).await {
                        Ok(done) => Ok(done.value),
                        Err(UpdateError::Store(error)) => Err(error),
                        Err(UpdateError::Rule(never)) => match never {},
                    }
                })
            },
        };
        self.kinds.insert(D::KIND, kind);
        self
    }

    async fn find(&self, id: &str) -> Result<(Key, Ledger), Error> {
        let unknown = || Error::NoSuchTransaction(id.to_owned());
        let key = match Key::parse(id).filter(|key| self.kinds.contains_key(key.kind())) {
            Some(key) => key,
            None => {
                let query = all(named(id), 1);
                let page = self.store.list(&query).await.map_err(Error::Store)?;
                page.into_iter().next().map(|entry| entry.key).ok_or_else(unknown)?
            }
        };
        let kind = self.kinds.get(key.kind()).ok_or_else(unknown)?;
        let ledger = self.store.read::<Ledger>(&(kind.ledger_id)(key.id())).await.map_err(Error::Store)?;
        Ok((key, ledger.ok_or_else(unknown)?.doc))
    }

    async fn list(&self, request: &pb::ListTransactionsRequest) -> Result<pb::ListTransactionsResponse, Error> {
        let mut bad = Violations::default();
        let size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
        bad.require("page_size", size <= LARGEST_PAGE, &format!("ask for at most {LARGEST_PAGE}"));
        let state = match request.state() {
            pb::TransactionState::Unspecified => {
                bad.add("state", "say which state");
                0
            }
            state @ (pb::TransactionState::Running
            | pb::TransactionState::Waiting
            | pb::TransactionState::Parked
            | pb::TransactionState::Done
            | pb::TransactionState::Reading) => i32::from(state),
        };
        let after = crate::page::read(&request.page_token, &mut bad);
        bad.check()?;
        let limit = if size == 0 { PAGE } else { size };
        let query = IndexQuery { after, ..all(list(state), limit) };
        let entries = self.store.list(&query).await.map_err(Error::Store)?;
        let next_page_token = crate::page::next(&entries, limit);
        let mut transactions = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(kind) = self.kinds.get(entry.key.kind()) else { continue };
            let ledger = self.store.read::<Ledger>(&(kind.ledger_id)(entry.key.id())).await.map_err(Error::Store)?;
            transactions.extend(ledger.map(|ledger| render(&entry.key, &ledger.doc)));
        }
        Ok(pb::ListTransactionsResponse { transactions, next_page_token })
    }

    async fn count(&self, state: State) -> Result<u64, Error> {
        let name = list(state.number());
        let counts = Partition::all().map(|partition| self.store.count(partition, &name));
        Ok(try_join_all(counts).await.map_err(Error::Store)?.into_iter().fold(0, u64::saturating_add))
    }

    async fn stats(&self) -> Result<pb::GetStatsResponse, Error> {
        let parked = self.count(State::Parked).await?;
        let (running, waiting) = (self.count(State::Running).await?, self.count(State::Waiting).await?);
        Ok(pb::GetStatsResponse {
            commits: self.store.commits(),
            effects_sent: self.counters.effects_sent.load(Ordering::Relaxed),
            effects_unknown: self.counters.effects_unknown.load(Ordering::Relaxed),
            parked,
            open: running.saturating_add(waiting),
        })
    }

    async fn lag(&self) -> Result<pb::GetLagResponse, Error> {
        let mut lags = Vec::new();
        for group in self.store.groups() {
            let all = self.store.lag(group).await.map_err(Error::Store)?;
            lags.extend(all.into_iter().filter(|lag| lag.entries > 0 || lag.expired).map(behind));
        }
        Ok(pb::GetLagResponse { lags })
    }

    async fn export(&self, request: &pb::ExportTransactionRequest) -> Result<String, Error> {
        let (key, _) = self.find(&request.id).await?;
        let none = || Error::NotJournaled(key.to_string());
        let kind = self.kinds.get(key.kind()).ok_or_else(none)?;
        let journaled = kind.journaled.as_ref().ok_or_else(none)?;
        let ledger = (kind.ledger_id)(key.id());
        let (named, now) = ((key.kind(), key.id()), self.clock.now());
        let made = journaled.export(&self.store, named, &ledger, request.with_personal_data, now).await;
        made.map_err(|why| match why {
            NoBundle::NotJournaled => none(),
            NoBundle::TooLarge(bytes) => Error::BundleTooLarge { id: key.to_string(), bytes },
            NoBundle::Store(error) => Error::Store(error),
        })
    }

    async fn replay(&self, request: &pb::ReplayTransactionRequest) -> Result<pb::Transaction, Error> {
        let mut bad = Violations::default();
        bad.require("note", !request.note.is_empty(), "say what was mended; it goes into the audit");
        bad.check()?;
        let (key, _) = self.find(&request.id).await?;
        let unknown = || Error::NoSuchTransaction(request.id.clone());
        let kind = self.kinds.get(key.kind()).ok_or_else(unknown)?;
        let now = self.clock.now();
        let noted = kind.journaled.is_some();
        let resumed = (kind.resume)(self.store.clone(), key.id().to_owned(), request.note.clone(), now, noted).await;
        if !resumed.map_err(Error::Store)? {
            return Err(Error::NotParked(request.id.clone()));
        }
        let (key, ledger) = self.find(&request.id).await?;
        Ok(render(&key, &ledger))
    }
}

#[async_trait]
impl OpsService for Ops {
    async fn list_transactions(
        &self,
        request: Request<pb::ListTransactionsRequest>,
    ) -> Result<Response<pb::ListTransactionsResponse>, Status> {
        let page = self.list(request.get_ref()).await.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(page))
    }

    async fn get_transaction(
        &self,
        request: Request<pb::GetTransactionRequest>,
    ) -> Result<Response<pb::GetTransactionResponse>, Status> {
        let found = self.find(&request.get_ref().id).await;
        let (key, ledger) = found.map_err(|error| fault::status(DOMAIN, &error))?;
        let timeline = ledger.timeline.iter().map(|entry| pb::TimelineEntry {
            at: Some(retail_proto::timestamp(entry.at)),
            what: entry.what.clone(),
            subject: entry.subject.clone(),
            detail: entry.detail.clone(),
            attempt: i32::try_from(entry.attempt).unwrap_or(i32::MAX),
            trace_id: ledger.traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
        });
        let timeline = timeline.collect();
        Ok(Response::new(pb::GetTransactionResponse { transaction: Some(render(&key, &ledger)), timeline }))
    }

    async fn replay_transaction(
        &self,
        request: Request<pb::ReplayTransactionRequest>,
    ) -> Result<Response<pb::ReplayTransactionResponse>, Status> {
        let transaction = self.replay(request.get_ref()).await.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(pb::ReplayTransactionResponse { transaction: Some(transaction) }))
    }

    async fn export_transaction(
        &self,
        request: Request<pb::ExportTransactionRequest>,
    ) -> Result<Response<pb::ExportTransactionResponse>, Status> {
        let bundle = self.export(request.get_ref()).await.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(pb::ExportTransactionResponse { bundle }))
    }

    async fn get_stats(
        &self,
        _request: Request<pb::GetStatsRequest>,
    ) -> Result<Response<pb::GetStatsResponse>, Status> {
        let stats = self.stats().await.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(stats))
    }

    async fn get_lag(&self, _request: Request<pb::GetLagRequest>) -> Result<Response<pb::GetLagResponse>, Status> {
        let lag = self.lag().await.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(lag))
    }
}

/// Every entry of an index, up to a limit.
fn all(name: String, limit: usize) -> IndexQuery {
    IndexQuery { name, prefix: Vec::new(), after: None, limit }
}

fn render(key: &Key, ledger: &Ledger) -> pb::Transaction {
    pb::Transaction {
        id: key.to_string(),
        name: ledger.name.clone(),
        state: ledger.indexed_state,
        status: ledger.status.clone(),
        cause: ledger.parked.as_ref().map(|parked| format!("{}: {}", parked.reason, parked.detail)).unwrap_or_default(),
        since: Some(retail_proto::timestamp(ledger.since)),
    }
}

fn behind(lag: Lag) -> pb::GroupLag {
    pb::GroupLag {
        group: lag.group,
        partition: u32::from(lag.partition.number()),
        entries: lag.entries,
        oldest: lag.oldest.map(|at| retail_proto::timestamp(at.as_millisecond())),
        expired: lag.expired,
    }
}
