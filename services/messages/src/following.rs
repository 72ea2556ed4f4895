//! The feeds of orders and returns: what they say anew becomes known, and what of it is told becomes a message. One
//! commit for each event: what is known, the messages, and the mark of the event.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use retail_flow::{Failure, Handler, Told, Untaken};
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::orders::v1::{ListOrdersRequest, Order};
use retail_proto::returns::v1::returns_service_client::ReturnsServiceClient;
use retail_proto::returns::v1::{ListReturnsRequest, Return};
use retail_runtime::{Clock, Peer};
use retail_store::{Draft, Mark, Store, UpdateError};

use crate::config::{Channel, Config};
use crate::facts::{self, Fact};
use crate::news::{self, News, Saying};
use crate::record::{Correspondence, Known, Message};
use crate::words::millis;
use crate::{LARGEST_ANSWER, queue, returned};

/// Name of the feed of orders.
pub(crate) const ORDERS: &str = "orders";
/// Name of the feed of returns.
pub(crate) const RETURNS: &str = "returns";
/// Orders and returns in one page of a resync.
const PAGE: i32 = 100;

/// What an owner says of one of its own, read for this service.
#[derive(Debug, Clone)]
struct Said {
    /// Id of the correspondence.
    id: String,
    version: u64,
    at: i64,
    adopted: bool,
    body: Bytes,
    facts: Vec<Fact>,
    /// What its messages are of; the rest of them is said by each fact.
    of: Message,
    traceparent: String,
    /// Of an event.
    mark: Option<Mark>,
}

/// Takes the feeds in.
pub(crate) struct Following {
    store: Store,
    clock: Clock,
    config: Arc<Config>,
    since: i64,
    orders: Peer,
    returns: Peer,
}

impl Following {
    /// Follows into this store what happened since a time, milliseconds since 1970.
    pub(crate) fn new(
        store: &Store,
        clock: &Clock,
        config: Arc<Config>,
        since: i64,
        (orders, returns): (Peer, Peer),
    ) -> Self {
        Self { store: store.clone(), clock: clock.clone(), config, since, orders, returns }
    }

    async fn take_in(&self, said: Said) -> Result<(), UpdateError<Infallible>> {
        let (config, since, now) = (Arc::clone(&self.config), self.since, self.clock.now());
        let id = said.id.clone();
        let rule = move |draft: &mut Draft<Correspondence>| {
            if let Some(mark) = &said.mark {
                draft.mark(mark.clone());
            }
            // What came by another way (a resync) may be newer than the event.
            if said.version <= draft.doc.version {
                return Ok(());
            }
            if !said.adopted {
                news::forget_adoption(&mut draft.doc, &said.facts);
            }
            let channel = said.of.channel.as_str();
            let saying = Saying { version: said.version, at: said.at, adopted: said.adopted, channel };
            let times = (since, now.as_millisecond());
            let news = news::judge(&draft.doc, said.facts.clone(), saying, &config, times);
            for one in news {
                draft.doc.facts.push(Known { id: one.fact.id.clone(), at: one.at, untold: one.untold.clone() });
                if let Some(channel) = config.channels.get(channel).filter(|_| one.untold.is_empty()) {
                    let message = written(&said, &one, channel, now.as_millisecond());
                    let id = Message::id(&said.id, &one.fact.id, "");
                    queue::join(draft, &id, message, (&said.traceparent, ""), now);
                }
            }
            draft.doc.body = said.body.clone();
            draft.doc.version = said.version;
            draft.doc.said_at = said.at;
            Ok(())
        };
        self.store.step::<Correspondence, _, _>(&id, None, rule).await.map(|_| ())
    }

    async fn resync_orders(&self) -> Result<(), Failure> {
        let mut page_token = String::new();
        loop {
            let request = ListOrdersRequest { page_size: PAGE, page_token, ..Default::default() };
            let mut client = OrdersServiceClient::new(self.orders.clone()).max_decoding_message_size(LARGEST_ANSWER);
            let page = client.list_orders(request).await?.into_inner();
            for order in page.orders {
                let at = millis(order.updated_at.as_ref());
                let body = Bytes::from(order.encode_to_vec());
                self.take_in(of_order(&order, order.version, at, body)).await.map_err(Untaken::from)?;
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            page_token = page.next_page_token;
        }
    }

    async fn resync_returns(&self) -> Result<(), Failure> {
        let mut page_token = String::new();
        loop {
            let request = ListReturnsRequest { page_size: PAGE, page_token, ..Default::default() };
            let mut client = ReturnsServiceClient::new(self.returns.clone()).max_decoding_message_size(LARGEST_ANSWER);
            let page = client.list_returns(request).await?.into_inner();
            for record in page.returns {
                let at = millis(record.updated_at.as_ref());
                let body = Bytes::from(record.encode_to_vec());
                self.take_in(of_return(&record, record.version, at, body)).await.map_err(Untaken::from)?;
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            page_token = page.next_page_token;
        }
    }
}

impl Handler for Following {
    async fn take(&self, told: &Told) -> Result<(), Untaken> {
        let (version, at, data) = (told.event.version, told.at().as_millisecond(), told.event.data.as_slice());
        let body = Bytes::copy_from_slice(data);
        let broken = |error: prost::DecodeError| Untaken::Failed(Failure::refused("EVENT_BROKEN", error.to_string()));
        let said = match told.feed.as_str() {
            ORDERS => of_order(&Order::decode(data).map_err(broken)?, version, at, body),
            RETURNS => of_return(&Return::decode(data).map_err(broken)?, version, at, body),
            other => {
                let detail = format!("nobody reads a feed named {other:?}");
                return Err(Untaken::Failed(Failure::refused("EVENT_BROKEN", detail)));
            }
        };
        let said = Said { mark: Some(told.mark()), traceparent: told.event.traceparent.clone(), ..said };
        Ok(self.take_in(said).await?)
    }

    async fn resync(&self, feed: &str) -> Result<(), Failure> {
        if feed == RETURNS { self.resync_returns().await } else { self.resync_orders().await }
    }
}

fn of_order(order: &Order, version: u64, at: i64, body: Bytes) -> Said {
    let of = Message {
        correspondence: Correspondence::of_order(&order.order_id),
        channel: order.channel.clone(),
        order_id: order.order_id.clone(),
        order_number: order.order_number.clone(),
        ..Message::default()
    };
    let (id, facts) = (of.correspondence.clone(), facts::of_order(order));
    Said { id, version, at, adopted: order.adopted, body, facts, of, traceparent: String::new(), mark: None }
}

fn of_return(record: &Return, version: u64, at: i64, body: Bytes) -> Said {
    let (order_id, order_number) = returned::order_of(record);
    let of = Message {
        correspondence: Correspondence::of_return(&record.return_id),
        channel: record.channel.clone(),
        order_id: order_id.to_owned(),
        order_number: order_number.to_owned(),
        return_id: record.return_id.clone(),
        return_number: record.rma_number.clone(),
        ..Message::default()
    };
    let (id, facts) = (of.correspondence.clone(), returned::of_return(record));
    Said { id, version, at, adopted: false, body, facts, of, traceparent: String::new(), mark: None }
}

/// The message of a fact.
fn written(said: &Said, news: &News, channel: &Channel, now: i64) -> Message {
    let occasion = news.fact.occasion;
    Message {
        fact: news.fact.id.clone(),
        occasion: i32::from(occasion),
        carrier: channel.carrier(occasion).to_owned(),
        happened_at: news.at,
        expires_at: channel.expires_at(occasion, news.at).as_millisecond(),
        written_at: now,
        ..said.of.clone()
    }
}
