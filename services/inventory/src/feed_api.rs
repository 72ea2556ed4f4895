//! Feeds of stock over gRPC: a message of rows is read when the one before is settled and told, so that whoever sends too
//! fast or does not read waits, and nothing piles up here.

use std::collections::VecDeque;

use futures::{Stream, stream};
use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::feed_stock_request::What as Asked;
use retail_proto::inventory::v1::feed_stock_response::What as Told;
use retail_runtime::Runtime;
use retail_runtime::fault::Violations;
use tonic::{Status, Streaming};

use crate::api::status;
use crate::fault::Error;
use crate::feeding::{Feeding, Session};
use crate::stock_feed::RowFault;

/// One feed on one stream.
struct Line {
    feeding: Feeding,
    runtime: Runtime,
    inbound: Streaming<pb::FeedStockRequest>,
    session: Option<Session>,
    /// The row behind which faults of before are still to be told.
    untold: Option<u64>,
    out: VecDeque<Told>,
    ended: bool,
}

/// Takes a feed in and tells what became of it, until the caller ends it, leaves, or the service stops.
pub(crate) fn feed(
    feeding: &Feeding,
    runtime: &Runtime,
    inbound: Streaming<pb::FeedStockRequest>,
) -> impl Stream<Item = Result<pb::FeedStockResponse, Status>> + use<> {
    let (feeding, runtime) = (feeding.clone(), runtime.clone());
    let first = Line { feeding, runtime, inbound, session: None, untold: None, out: VecDeque::new(), ended: false };
    stream::unfold(Some(first), |line| async move {
        let mut line = line?;
        match line.next().await {
            Ok(told) => told.map(|told| (Ok(pb::FeedStockResponse { what: Some(told) }), Some(line))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl Line {
    async fn next(&mut self) -> Result<Option<Told>, Status> {
        let stopping = self.runtime.stopping();
        loop {
            if let Some(told) = self.out.pop_front() {
                return Ok(Some(told));
            }
            if self.ended {
                return Ok(None);
            }
            if let (Some(after), Some(session)) = (self.untold, &self.session) {
                let (faults, more) = session.known(after).await.map_err(status)?;
                self.untold = faults.last().map(|fault| fault.row).filter(|_| more);
                self.tell(faults);
                continue;
            }
            let asked = tokio::select! {
                // The caller finds the end of the stream without the end of his feed, and opens it again elsewhere.
                () = stopping.cancelled() => return Ok(None),
                asked = self.inbound.message() => asked?,
            };
            let Some(asked) = asked else { return Ok(None) };
            self.answer(asked).await.map_err(status)?;
        }
    }

    async fn answer(&mut self, asked: pb::FeedStockRequest) -> Result<(), Error> {
        match (asked.what, &mut self.session) {
            (Some(Asked::Start(start)), None) => {
                self.session = Some(self.feeding.open(&start).await?);
                self.untold = Some(0);
            }
            (Some(Asked::Rows(rows)), Some(session)) => {
                let faults = session.take(rows.rows).await?;
                self.tell(faults);
            }
            (Some(Asked::End(_)), Some(session)) => {
                session.finish().await?;
                self.ended = true;
            }
            (Some(Asked::Start(_)), Some(_)) => return Err(wrong("start", "a stream is one feed; it is open already")),
            (Some(Asked::Rows(_) | Asked::End(_)), None) => {
                return Err(wrong("start", "say which feed it is before its rows"));
            }
            (None, _) => return Err(wrong("what", "give start, rows or end")),
        }
        let progress = self.session.as_ref().map(|session| Told::Progress(session.progress()));
        self.out.extend(progress);
        Ok(())
    }

    fn tell(&mut self, faults: Vec<RowFault>) {
        self.out.extend(faults.into_iter().map(|fault| Told::Error(fault.into())));
    }
}

fn wrong(field: &str, what: &str) -> Error {
    let mut bad = Violations::default();
    bad.add(field, what);
    Error::Shape(bad.into_shape())
}
