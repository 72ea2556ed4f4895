//! Adopting an order: who knows it is asked first, one commit then. An order that is known is answered as it is.
//!
//! Both the shop and the ERP must answer, if only that they have none: what one of them knows decides which order it is.
//! A webhook that comes later finds the adopted order and is answered by it. One case is different: an order that no ERP
//! had was not adopted but early, and its webhook makes it an ordinary order (`orders.rs`).

use prost::Message as _;
use retail_flow::Asked;
use retail_flow::Failure;
use retail_proto::erp::v1 as erp;
use retail_proto::orders::v1 as pb;
use retail_runtime::fault::Violations;
use retail_runtime::{Ids, trace};
use retail_store::{Draft, IndexQuery};

use crate::adopt::{self, At};
use crate::config::Channel;
use crate::fault::Error;
use crate::orders::{Changed, Orders, key_shape};
use crate::record::Order;
use crate::seal::list;
use crate::{ask, pairing, place};

/// Orders of one number that are looked through.
const MOST: usize = 200;

/// What is asked for, as far as it is known.
struct Wanted {
    channel: String,
    channel_order_id: String,
    number: String,
}

impl Wanted {
    /// For people.
    fn name(&self) -> String {
        if self.number.is_empty() { self.channel_order_id.clone() } else { self.number.clone() }
    }
}

impl Orders {
    /// Rebuilds an order that was never seen; answers it and whether the key was used before.
    pub(crate) async fn adopt(&self, principal: &str, request: &pb::AdoptOrderRequest) -> Result<(Order, bool), Error> {
        let mut wanted = self.wanted(request)?;
        if let Some(known) = self.known(&wanted).await? {
            return Ok((known, false));
        }
        let fallback = Channel::default();
        let channel = self.calls.channel(&wanted.channel).unwrap_or(&fallback);
        let now = self.clock.now();
        let at = At { name: &request.channel, channel, now };
        let shop = self.calls.shop_order(&wanted.channel, &wanted.channel_order_id, &wanted.number).await;
        let shop = shop.map_err(unread(&wanted.channel, &wanted))?.filter(|shop| shop.order.is_some());
        let mut sold = None;
        if let Some(told) = shop.as_ref().and_then(|shop| shop.order.as_ref()) {
            told.order_number.clone_into(&mut wanted.number);
            told.channel_order_id.clone_into(&mut wanted.channel_order_id);
            // Now that both its id and its number are known, it may be one that is known by the other.
            if let Some(known) = self.known(&wanted).await? {
                return Ok((known, false));
            }
            sold = Some(adopt::shop_order(&at, told).map_err(unreadable(&wanted.channel, &wanted))?);
        }
        let candidates = self.candidates(&wanted, sold.as_ref(), &channel.erp).await?;
        let told = pairing::best(&candidates, sold.as_ref(), &channel.time_zone).map_err(|count| {
            Error::AmbiguousOrder { number: wanted.number.clone(), system: channel.erp.clone(), count }
        })?;
        let order = match (sold, told) {
            (Some(sold), _) => Ok(sold),
            (None, Some(told)) => adopt::erp_order(&at, &wanted.number, told),
            (None, None) => return Err(Error::NobodyKnows { what: wanted.name(), channel: wanted.channel }),
        };
        let order = order.and_then(|order| adopt::adopt(order, shop.as_ref(), told, now));
        let mut order = order.map_err(unreadable(&channel.erp, &wanted))?;
        order.customer_id = self.customer_of(&order, told).await.map_err(unread("customers", &wanted))?;
        order.traceparent = trace::traceparent().unwrap_or_default();
        self.keep(principal, request, order).await
    }

    /// One commit, once: whoever comes second finds the order of the first.
    async fn keep(
        &self,
        principal: &str,
        request: &pb::AdoptOrderRequest,
        order: Order,
    ) -> Result<(Order, bool), Error> {
        let (id, seal, now) = (order.id.clone(), self.seal, self.clock.now());
        let rule = move |draft: &mut Draft<Order>| {
            if !draft.existed {
                let before = draft.doc.clone();
                draft.doc = order.clone();
                // No transaction begins: nothing is to be done, so there is nothing that could be under way.
                seal.seal(draft, &before, now);
            }
            Ok(Changed { id: draft.id().to_owned() })
        };
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "AdoptOrder", &request.idempotency_key, content);
        self.change(&id, asked, rule).await
    }

    fn wanted(&self, request: &pb::AdoptOrderRequest) -> Result<Wanted, Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        let configured = self.calls.channel(&request.channel).is_some();
        bad.require("channel", configured, &format!("no channel {:?} is configured", request.channel));
        let named = !request.channel_order_id.is_empty() || !request.order_number.is_empty();
        bad.require("order_number", named, "give the number the customer knows, or channel_order_id");
        bad.check()?;
        Ok(Wanted {
            channel: request.channel.clone(),
            channel_order_id: request.channel_order_id.clone(),
            number: request.order_number.clone(),
        })
    }

    /// The order as it is known here, by the channel's id or by its number on that channel.
    async fn known(&self, wanted: &Wanted) -> Result<Option<Order>, Error> {
        if !wanted.channel_order_id.is_empty() {
            let id = place::order_id(&wanted.channel, &wanted.channel_order_id);
            if let Some(found) = self.store().read::<Order>(&id).await.map_err(Error::Store)? {
                return Ok(Some(found.doc));
            }
        }
        if wanted.number.is_empty() {
            return Ok(None);
        }
        let query = IndexQuery { name: list::number(&wanted.number), prefix: Vec::new(), after: None, limit: MOST };
        let mut found = Vec::new();
        for entry in self.store().list(&query).await.map_err(Error::Store)? {
            let order = self.get(entry.key.id()).await?;
            // One that was adopted from the ERP alone has no id of the channel: it may be the one.
            let same = wanted.channel_order_id.is_empty() || order.channel_order_id.is_empty();
            if order.channel == wanted.channel && same {
                found.push(order);
            }
        }
        match found.len() {
            0 | 1 => Ok(found.pop()),
            count => {
                Err(Error::AmbiguousOrder { number: wanted.number.clone(), system: wanted.channel.clone(), count })
            }
        }
    }

    /// Sales orders of the number that are not the ERP's side of another order of ours.
    async fn candidates(
        &self,
        wanted: &Wanted,
        sold: Option<&Order>,
        erp: &str,
    ) -> Result<Vec<erp::SalesOrder>, Error> {
        if wanted.number.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.calls.sales_orders(&wanted.channel, &wanted.number).await;
        let found = found.map_err(unread(erp, wanted))?;
        let mut candidates = Vec::with_capacity(found.len());
        for told in found {
            let this = told.external_ref.is_empty() || sold.is_some_and(|sold| sold.id == told.external_ref);
            if this || self.store().read::<Order>(&told.external_ref).await.map_err(Error::Store)?.is_none() {
                candidates.push(told);
            }
        }
        Ok(candidates)
    }

    /// Our customer: by what the shop knows of the buyer, else by the reference that the ERP's customer carries, when it
    /// is one of ours. Empty when neither says who it was.
    async fn customer_of(&self, order: &Order, told: Option<&erp::SalesOrder>) -> Result<String, Failure> {
        let has_key = order.buyer.as_ref().is_some_and(|buyer| {
            !buyer.channel_customer_id.is_empty()
                || (buyer.email_verified && !buyer.email.is_empty())
                || !buyer.phone.is_empty()
        });
        if !has_key
            && let Some(told) = told.filter(|told| !told.customer_ref.is_empty())
            && let Some(customer) = self.calls.find_customer(&told.customer_ref).await?
        {
            return Ok(customer);
        }
        // The ERP alone says nothing of a buyer that could be resolved.
        if order.channel_order_id.is_empty() {
            return Ok(String::new());
        }
        // The buyer may have changed at the shop since an adoption that did not come through: another question then.
        let asks = format!("{:?}", order.buyer);
        let key = Ids::derived("weft.adoption", &[&order.id, &asks]).to_string();
        self.calls.resolve_customer(ask::customer(order, key)).await.map(|customer| customer.customer_id)
    }
}

/// A system that did not answer is asked again by the caller; one that refused says why.
fn unread(system: &str, wanted: &Wanted) -> impl FnOnce(Failure) -> Error {
    let (system, what) = (system.to_owned(), wanted.name());
    move |failure| match failure {
        Failure::NotDone { .. } | Failure::Unknown { .. } => Error::Peer(system),
        Failure::Refused { reason, detail } => {
            Error::Unreadable { what, system, detail: format!("{reason}: {detail}") }
        }
    }
}

fn unreadable(system: &str, wanted: &Wanted) -> impl FnOnce(String) -> Error {
    let (system, what) = (system.to_owned(), wanted.name());
    move |detail| Error::Unreadable { what, system, detail }
}
