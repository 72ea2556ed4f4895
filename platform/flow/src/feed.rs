//! `retail.events.v1.FeedService`, written once for every service: the domain's feed for everybody who may read it.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_proto::events::v1 as pb;
use retail_proto::events::v1::feed_service_server::FeedService;
use retail_runtime::Runtime;
use retail_runtime::fault::{self, BadShape, Class, Fault, Violations};
use retail_store::{Entry, Partition, Position, Store};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

use crate::groups::Groups;
use crate::leases::Leases;

pub(crate) const DOMAIN: &str = "events.retail";
/// Events in one message.
pub(crate) const BATCH: usize = 200;
/// How often the feed is looked at when no hint comes.
pub(crate) const LOOK: Duration = Duration::from_millis(500);
/// Messages that wait for a slow reader; beyond it the reading pauses.
pub(crate) const BUFFER: usize = 4;

/// The feed of one service.
#[derive(Clone)]
pub struct Feed {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    pub(crate) groups: Groups,
}

/// Why a feed cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field is wrong.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// The first message must join.
    #[error("the first message must name the group to join")]
    NotJoined,
    /// Nobody declared it.
    #[error("no group {0:?} is declared; add it to the owner's configuration")]
    NoSuchGroup(String),
    /// The place does not fit any more.
    #[error("the cursor does not fit the feed any more; read the current state, then follow from its end")]
    OutOfRange,
    /// The store did not answer.
    #[error("cannot reach the store")]
    Store(#[source] retail_store::Error),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NotJoined => Class::Invalid,
            Self::NoSuchGroup(_) => Class::NotFound,
            Self::OutOfRange => Class::OutOfRange,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NotJoined => "GROUP_NOT_NAMED",
            Self::NoSuchGroup(_) => "NO_SUCH_GROUP",
            Self::OutOfRange => "CURSOR_OUT_OF_RANGE",
            Self::Store(error) => error.reason(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::NotJoined => vec![("group".into(), self.to_string())],
            Self::NoSuchGroup(_) | Self::OutOfRange | Self::Store(_) => Vec::new(),
        }
    }
}

impl From<retail_store::Error> for Error {
    fn from(error: retail_store::Error) -> Self {
        if let retail_store::Error::NoSuchGroup(group) = error {
            return Self::NoSuchGroup(group);
        }
        if matches!(error, retail_store::Error::OutOfRange { .. }) { Self::OutOfRange } else { Self::Store(error) }
    }
}

impl Feed {
    /// The feed of a store, with the groups that its configuration declares; their members may be with any replica.
    #[must_use]
    pub fn new(runtime: &Runtime, store: &Store, leases: &Leases, groups: Vec<String>) -> Self {
        Self { runtime: runtime.clone(), store: store.clone(), groups: Groups::new(leases.replicas(), groups) }
    }

    /// An entry as subscribers see it.
    pub(crate) fn render(&self, partition: Partition, entry: &Entry) -> pb::Event {
        let event = &entry.event;
        pb::Event {
            id: event.id.to_string(),
            source: self.store.source(),
            r#type: event.kind.clone(),
            subject: event.subject.to_string(),
            time: Some(retail_proto::timestamp(event.time.as_millisecond())),
            version: event.version,
            traceparent: event.traceparent.clone(),
            data: event.body.to_vec(),
            partition: u32::from(partition.number()),
            sequence: entry.sequence,
        }
    }

    async fn starts(&self, request: &pb::TailRequest) -> Result<BTreeMap<Partition, Position>, Error> {
        let mut bad = Violations::default();
        let mut starts = BTreeMap::new();
        for (place, position) in request.after.iter().enumerate() {
            if let Some((partition, at)) = read_position(position, &format!("after[{place}]"), &mut bad) {
                starts.insert(partition, at);
            }
        }
        bad.check()?;
        for partition in Partition::all() {
            if let std::collections::btree_map::Entry::Vacant(vacant) = starts.entry(partition) {
                let ends = self.store.ends(partition).await?;
                vacant.insert(if request.from_now { ends.end } else { ends.begin });
            }
        }
        Ok(starts)
    }

    async fn follow(
        &self,
        mut at: BTreeMap<Partition, Position>,
        until_end: bool,
        to: mpsc::Sender<Result<pb::TailResponse, Status>>,
    ) -> Result<(), Error> {
        let stopping = self.runtime.stopping();
        let mut changed = self.store.changes();
        let mut look: Vec<Partition> = at.keys().copied().collect();
        loop {
            let mut more = Vec::new();
            for partition in look {
                let Some(position) = at.get_mut(&partition) else { continue };
                let entries = self.store.feed(partition, position, BATCH).await?;
                let Some(last) = entries.last() else { continue };
                more.push(partition);
                *position = last.position();
                let events = entries.iter().map(|entry| self.render(partition, entry)).collect();
                if to.send(Ok(pb::TailResponse { events })).await.is_err() {
                    return Ok(());
                }
            }
            look = more;
            if !look.is_empty() {
                continue;
            }
            if until_end {
                return Ok(());
            }
            look = tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = to.closed() => return Ok(()),
                partitions = changed.wait() => partitions,
                () = self.runtime.clock().sleep(LOOK) => at.keys().copied().collect(),
            };
        }
    }
}

/// Reads a position; a wrong one is a violation of `field`.
pub(crate) fn read_position(
    position: &pb::Position,
    field: &str,
    bad: &mut Violations,
) -> Option<(Partition, Position)> {
    let partition = u16::try_from(position.partition).ok().and_then(Partition::new);
    bad.require(&format!("{field}.partition"), partition.is_some(), "no such partition");
    let event =
        if position.event_id.is_empty() { Some(None) } else { Uuid::parse_str(&position.event_id).ok().map(Some) };
    bad.require(&format!("{field}.event_id"), event.is_some(), "is not the id of an event");
    Some((partition?, Position { sequence: position.sequence, event: event? }))
}

/// What a streaming method answers.
type Events<T> = tonic::codegen::BoxStream<T>;

#[async_trait]
impl FeedService for Feed {
    async fn subscribe(
        &self,
        request: Request<Streaming<pb::SubscribeRequest>>,
    ) -> Result<Response<Events<pb::SubscribeResponse>>, Status> {
        let (to, stream) = mpsc::channel(BUFFER);
        let (feed, asked) = (self.clone(), request.into_inner());
        self.runtime.spawn("feed.member", async move {
            if let Err(status) = feed.member(asked, to.clone()).await {
                // The reader may have left; then nobody needs the reason.
                let _left = to.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn tail(&self, request: Request<pb::TailRequest>) -> Result<Response<Events<pb::TailResponse>>, Status> {
        let request = request.into_inner();
        let starts = self.starts(&request).await.map_err(|error| fault::status(DOMAIN, &error))?;
        let (to, stream) = mpsc::channel(BUFFER);
        let feed = self.clone();
        self.runtime.spawn("feed.tail", async move {
            if let Err(error) = feed.follow(starts, request.until_end, to.clone()).await {
                // As above.
                let _left = to.send(Err(fault::status(DOMAIN, &error))).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}
