//! Views of what others own, fed by their feeds. An event is taken in by one marked commit of its view; shelves are put
//! before it and taken away after it, and the cases that hang on it are told to look again.
//!
//! When a feed no longer reaches back to where this service was, orders and returns are read anew from their owners' lists
//! first. Customers have no list: one that did not change since is as it was, one that did is told by its next event.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use futures::future::try_join_all;
use prost::Message;
use retail_flow::{Failure, Handler, Told, Untaken};
use retail_proto::customers::v1::Customer;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::orders::v1::{ListOrdersRequest, Order};
use retail_proto::returns::v1::returns_service_client::ReturnsServiceClient;
use retail_proto::returns::v1::{ListReturnsRequest, Return};
use retail_runtime::Clock;
use retail_store::{Draft, Error as StoreError, Mark, Marked, Store, UpdateError};

use crate::calls::{LARGEST_ANSWER, Peers};
use crate::cases::Cases;
use crate::config::Channel;
use crate::keys::{self, List};
use crate::record::{Kind, Moment, View};
use crate::words::{distinct, millis};
use crate::{agents, case, milestones, shelf};

/// What an event says, read for this service.
#[derive(Debug, Default)]
struct Seen {
    id: String,
    name: String,
    began_at: i64,
    shelves: Vec<String>,
    moments: Vec<Moment>,
    crm: String,
    stamp: String,
    /// The case that a return names as its own, and the return.
    names: Option<(String, String)>,
    /// A customer that has become part of another.
    is_part: bool,
}

impl Seen {
    /// Whoever has become part of another is still found by what it was known by, and claims nobody any more.
    fn beside(mut self, known: &View) -> Self {
        if self.is_part && known.is_known() {
            let shelves = known.shelves.iter().filter(|shelf| !List::FormerCustomer.has(shelf));
            self.shelves = shelves.cloned().collect();
            self.began_at = known.began_at;
        }
        self
    }
}

/// What an owner said: by an event, or when it was asked.
struct Said {
    version: u64,
    at: i64,
    body: Bytes,
    traceparent: String,
    /// Of an event.
    mark: Option<Mark>,
}

/// Orders and returns in one page of a resync.
const PAGE: i32 = 100;

/// Takes the feeds of orders, returns and customers in.
pub(crate) struct Views {
    store: Store,
    clock: Clock,
    cases: Cases,
    peers: Peers,
    channels: BTreeMap<String, Channel>,
}

impl Views {
    /// Views in this store.
    pub(crate) fn new(
        store: &Store,
        clock: &Clock,
        cases: Cases,
        peers: Peers,
        channels: BTreeMap<String, Channel>,
    ) -> Self {
        Self { store: store.clone(), clock: clock.clone(), cases, peers, channels }
    }

    fn read(&self, told: &Told) -> Result<Seen, Failure> {
        let said_at = told.at().as_millisecond();
        match Kind::of_feed(&told.feed) {
            Some(Kind::Order) => Ok(order(&decode(told)?, said_at)),
            Some(Kind::Return) => Ok(self.returned(&decode(told)?, said_at)),
            Some(Kind::Customer) => Ok(customer(told.id(), &decode(told)?)),
            None => Err(Failure::refused("EVENT_BROKEN", format!("nobody reads a feed named {:?}", told.feed))),
        }
    }

    fn returned(&self, record: &Return, said_at: i64) -> Seen {
        let mut shelves: Vec<String> = agents::orders(record).iter().map(|id| List::OrderReturns.shelf(id)).collect();
        if !record.rma_number.is_empty() {
            shelves.push(List::ReturnNumber.shelf(&keys::number(&record.rma_number)));
        }
        if !record.customer_id.is_empty() {
            shelves.push(List::CustomerReturns.shelf(&record.customer_id));
        }
        let named = record.case_record.as_ref().filter(|case| !case.instance.is_empty() && !case.id.is_empty());
        // Whose agents work on the case must see the return before the case can point to it.
        let channel = self.channels.get(&record.channel).map_or("", |channel| channel.crm.as_str());
        let of_case = named.map(|case| case.instance.as_str()).filter(|crm| self.peers.crms.contains_key(*crm));
        let crm = of_case.unwrap_or(channel);
        Seen {
            id: Kind::Return.view(&record.return_id),
            name: if record.rma_number.is_empty() {
                format!("return {}", record.return_id)
            } else {
                record.rma_number.clone()
            },
            began_at: millis(record.requested_at.as_ref()),
            shelves,
            moments: milestones::of_return(record, said_at),
            crm: crm.to_owned(),
            stamp: agents::stamp(record),
            names: named.map(|named| (case::id(&named.instance, &named.id), record.return_id.clone())),
            is_part: false,
        }
    }

    /// Takes what was said in, and tells the cases that hang on it.
    async fn take_in(&self, said: Said, seen: Seen) -> Result<(), Untaken> {
        let known = self.store.read::<View>(&seen.id).await?.map(|view| view.doc).unwrap_or_default();
        let seen = seen.beside(&known);
        let cases = self.write(said, &seen, known).await?;
        try_join_all(cases.iter().map(|case| self.cases.look_again(case))).await?;
        if let Some((case, return_id)) = &seen.names {
            self.cases.named_by(case, return_id).await?;
        }
        Ok(())
    }

    /// Writes the view; answers the cases that hang on it.
    async fn write(&self, said: Said, seen: &Seen, known: View) -> Result<Vec<String>, Untaken> {
        let is_news = said.version > known.version;
        let moved = known.is_known() && known.began_at != seen.began_at;
        if is_news {
            let new = seen.shelves.iter().filter(|shelf| moved || !known.shelves.contains(shelf));
            try_join_all(new.map(|shelf| shelf::put(&self.store, shelf, seen.began_at, &seen.id))).await?;
        }
        let cases = match self.commit(said, seen).await {
            Ok(cases) => cases,
            // Handled before; the cases may not know yet.
            Err(UpdateError::Store(StoreError::Marked(Marked::Done))) => known.cases,
            Err(error) => return Err(error.into()),
        };
        if is_news {
            let old = known.shelves.iter().filter(|shelf| moved || !seen.shelves.contains(shelf));
            try_join_all(old.map(|shelf| shelf::take(&self.store, shelf, known.began_at, &seen.id))).await?;
        }
        Ok(cases)
    }

    async fn commit(&self, said: Said, seen: &Seen) -> Result<Vec<String>, UpdateError<Infallible>> {
        let now = self.clock.now();
        let Said { version, at, body, traceparent, mark } = said;
        let next = View {
            body,
            version,
            said_at: at,
            began_at: seen.began_at,
            shelves: seen.shelves.clone(),
            moments: seen.moments.clone(),
            crm: seen.crm.clone(),
            stamp: seen.stamp.clone(),
            name: seen.name.clone(),
            ..View::default()
        };
        let rule = move |draft: &mut Draft<View>| {
            if let Some(mark) = &mark {
                draft.mark(mark.clone());
            }
            let old = &mut draft.doc;
            // What came by another way (a resync) may be newer than the event.
            if version > old.version {
                let mut moments = std::mem::take(&mut old.moments);
                milestones::remember(&mut moments, next.moments.clone());
                *old = View {
                    moments,
                    cases: std::mem::take(&mut old.cases),
                    told: std::mem::take(&mut old.told),
                    cause: std::mem::take(&mut old.cause),
                    ..next.clone()
                };
            }
            if draft.doc.is_untold() {
                let name = draft.doc.name.clone();
                retail_flow::begin(draft, &name, &traceparent, now);
            }
            Ok(draft.doc.cases.clone())
        };
        Ok(self.store.step::<View, _, _>(&seen.id, None, rule).await?.value)
    }

    async fn resync_orders(&self) -> Result<(), Failure> {
        let mut page_token = String::new();
        loop {
            let request = ListOrdersRequest { page_size: PAGE, page_token, ..Default::default() };
            let mut client =
                OrdersServiceClient::new(self.peers.orders.clone()).max_decoding_message_size(LARGEST_ANSWER);
            let page = client.list_orders(request).await?.into_inner();
            for listed in page.orders {
                let at = millis(listed.updated_at.as_ref());
                self.take_in(refetched(&listed, listed.version, at), order(&listed, at)).await?;
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
            let mut client =
                ReturnsServiceClient::new(self.peers.returns.clone()).max_decoding_message_size(LARGEST_ANSWER);
            let page = client.list_returns(request).await?.into_inner();
            for listed in page.returns {
                let at = millis(listed.updated_at.as_ref());
                self.take_in(refetched(&listed, listed.version, at), self.returned(&listed, at)).await?;
            }
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            page_token = page.next_page_token;
        }
    }
}

impl Handler for Views {
    async fn take(&self, told: &Told) -> Result<(), Untaken> {
        let seen = self.read(told).map_err(Untaken::Failed)?;
        let said = Said {
            version: told.event.version,
            at: told.at().as_millisecond(),
            body: Bytes::from(told.event.data.clone()),
            traceparent: told.event.traceparent.clone(),
            mark: Some(told.mark()),
        };
        self.take_in(said, seen).await
    }

    async fn resync(&self, feed: &str) -> Result<(), Failure> {
        match Kind::of_feed(feed) {
            Some(Kind::Order) => self.resync_orders().await,
            Some(Kind::Return) => self.resync_returns().await,
            Some(Kind::Customer) | None => Ok(()),
        }
    }
}

fn refetched(message: &impl Message, version: u64, at: i64) -> Said {
    Said { version, at, body: Bytes::from(message.encode_to_vec()), traceparent: String::new(), mark: None }
}

fn decode<M: Message + Default>(told: &Told) -> Result<M, Failure> {
    M::decode(told.event.data.as_slice()).map_err(|error| Failure::refused("EVENT_BROKEN", error.to_string()))
}

fn order(order: &Order, said_at: i64) -> Seen {
    let mut shelves = Vec::new();
    if !order.order_number.is_empty() {
        shelves.push(List::OrderNumber.shelf(&keys::number(&order.order_number)));
    }
    if !order.customer_id.is_empty() {
        shelves.push(List::CustomerOrders.shelf(&order.customer_id));
    }
    let buyer = order.buyer.as_ref();
    shelves.extend(buyer.and_then(|buyer| keys::email(&buyer.email)).map(|key| List::OrderEmail.shelf(&key)));
    shelves.extend(buyer.and_then(|buyer| keys::phone(&buyer.phone)).map(|key| List::OrderPhone.shelf(&key)));
    Seen {
        id: Kind::Order.view(&order.order_id),
        name: order.order_number.clone(),
        began_at: millis(order.placed_at.as_ref()),
        shelves,
        moments: milestones::of_order(order, said_at),
        ..Seen::default()
    }
}

/// A customer that has become part of another says so itself: its event carries the other's whole state. What people
/// know the other by is said by the other's own event.
fn customer(id: &str, customer: &Customer) -> Seen {
    let mut shelves = Vec::new();
    let is_part = customer.customer_id != id;
    if !is_part {
        let profile = customer.profile.as_ref();
        let email = profile.and_then(|profile| keys::email(&profile.email));
        shelves.extend(email.map(|key| List::CustomerEmail.shelf(&key)));
        let phone = profile.and_then(|profile| keys::phone(&profile.phone));
        shelves.extend(phone.map(|key| List::CustomerPhone.shelf(&key)));
        let former = distinct(customer.merged_ids.iter().map(String::as_str));
        shelves.extend(former.iter().map(|id| List::FormerCustomer.shelf(id)));
    }
    Seen {
        id: Kind::Customer.view(id),
        name: id.to_owned(),
        began_at: millis(customer.created_at.as_ref()),
        shelves,
        is_part,
        ..Seen::default()
    }
}
