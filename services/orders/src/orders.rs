//! The orders of this service: every way into the store, each a few lines around a pure rule.

use std::collections::BTreeMap;

use prost::Message as _;
use retail_flow::{Asked, Failure, Input};
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1::ItemKey;
use retail_proto::orders::v1 as pb;
use retail_runtime::fault::Violations;
use retail_runtime::{Clock, trace};
use retail_store::{Draft, Store, UpdateError};
use sha2::{Digest as _, Sha256};

use crate::calls::Calls;
use crate::fault::Error;
use crate::place;
use crate::record::{Capture, Order};
use crate::seal::Seal;
use crate::told;

/// The orders.
#[derive(Clone)]
pub(crate) struct Orders {
    store: Store,
    pub(crate) clock: Clock,
    pub(crate) calls: Calls,
    pub(crate) seal: Seal,
}

/// What a keyed change stores as its answer: which order; its state is read anew for a repeat.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Changed {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

impl Orders {
    /// Orders in this store.
    #[must_use]
    pub(crate) fn new(store: &Store, clock: &Clock, calls: Calls) -> Self {
        Self { store: store.clone(), clock: clock.clone(), calls, seal: Seal }
    }

    /// Takes an order in; answers it and whether this was a repeat.
    pub(crate) async fn place(&self, principal: &str, request: &pb::PlaceOrderRequest) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let now = self.clock.now();
        let mut order = place::parse(request, self.calls.channel(&request.channel), now)?;
        let known = self.store.read::<Order>(&order.id).await.map_err(Error::Store)?.is_some();
        if order.capture() == Capture::Request && !known {
            self.refuse_unknown_items(&order).await?;
        }
        let content = canonical(&pb::PlaceOrderRequest { idempotency_key: String::new(), ..request.clone() });
        order.digest = Sha256::digest(&content).to_vec();
        order.traceparent = trace::traceparent().unwrap_or_default();
        let id = order.id.clone();
        let rule = told::placed(order, request, now);
        let asked = Asked::new(principal, "PlaceOrder", &request.idempotency_key, content);
        self.change(&id, asked, rule).await
    }

    /// Reads an order.
    pub(crate) async fn get(&self, id: &str) -> Result<Order, Error> {
        let found = self.store.read::<Order>(id).await.map_err(Error::Store)?;
        found.map(|order| order.doc).ok_or_else(|| Error::NoSuchOrder(id.to_owned()))
    }

    /// Begins to cancel an order.
    pub(crate) async fn cancel(
        &self,
        principal: &str,
        request: &pb::CancelOrderRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("reason", !request.reason.is_empty(), "say why; people read it");
        bad.check()?;
        if !request.line_numbers.is_empty() {
            return self.cancel_lines(principal, request).await;
        }
        let rule = told::cancelled(request.clone(), self.clock.now());
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "CancelOrder", &request.idempotency_key, content);
        self.change(&request.order_id, asked, rule).await
    }

    /// Releases a hold.
    pub(crate) async fn release(
        &self,
        principal: &str,
        request: &pb::ReleaseHoldRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("hold_reason", !request.hold_reason.is_empty(), "say which hold, for example TOTAL_MISMATCH");
        bad.require("note", !request.note.is_empty(), "say why it may go on; it goes into the audit");
        bad.check()?;
        let rule = told::released(request.clone(), self.clock.now());
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "ReleaseHold", &request.idempotency_key, content);
        self.change(&request.order_id, asked, rule).await
    }

    /// Tries a parked order again.
    pub(crate) async fn resume(
        &self,
        principal: &str,
        request: &pb::ResumeOrderRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("note", !request.note.is_empty(), "say what was mended; it goes into the audit");
        bad.check()?;
        let rule = told::resumed(request.clone(), self.clock.now());
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "ResumeOrder", &request.idempotency_key, content);
        self.change(&request.order_id, asked, rule).await
    }

    /// Takes what an ERP says of its sales order into ours. Repeating it changes nothing.
    pub(crate) async fn take_facts(&self, told: erp::SalesOrder) -> Result<(), Failure> {
        let id = told.external_ref.clone();
        let rule = told::erp_facts(told, self.calls.clone(), self.clock.now());
        match self.store.step::<Order, _, _>(&id, None, rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Rule(error)) => Err(Failure::refused("FACT_REFUSED", error.to_string())),
            Err(UpdateError::Store(error)) => Err(Failure::not_done("STORE", error.to_string())),
        }
    }

    /// The store, for those who follow changes.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) async fn change(
        &self,
        id: &str,
        asked: Asked,
        rule: impl Fn(&mut Draft<Order>) -> Result<Changed, Error> + Send + 'static,
    ) -> Result<(Order, bool), Error> {
        if id.is_empty() {
            return Err(Error::NoSuchOrder(String::new()));
        }
        asked.claim(&self.store).await?;
        let (what, content, now) = (asked.method(), asked.content().to_vec(), self.clock.now());
        let kind = format!("retail.orders.v1.{what}Request");
        let rule = move |draft: &mut Draft<Order>| {
            let changed = rule(draft)?;
            retail_flow::record(draft, Input { what, kind: &kind, content: &content }, now);
            Ok(changed)
        };
        match self.store.update::<Order, Changed, _>(id, asked.caller(), rule).await {
            Ok(done) => Ok((self.get(&done.value.id).await?, done.repeated)),
            Err(UpdateError::Rule(error)) => Err(error),
            Err(UpdateError::Store(error)) => Err(asked.refused(error).into()),
        }
    }

    /// An order that can still be refused is refused before anything is written.
    async fn refuse_unknown_items(&self, order: &Order) -> Result<(), Error> {
        let goods: Vec<_> = order.lines.iter().filter(|line| line.is_goods()).collect();
        let keys = goods.iter().map(|line| ItemKey { sku: line.sku.clone(), r#ref: line.item.clone() }).collect();
        let resolved = self.calls.resolve_items(keys).await.map_err(|_| Error::Peer("inventory".to_owned()))?;
        let unknown: Vec<_> = goods.iter().zip(&resolved).filter(|(_, found)| found.item.is_none()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let what: Vec<String> = unknown.iter().map(|(line, _)| line.sku.clone()).collect();
        let fields = unknown
            .iter()
            .map(|(line, _)| {
                let field = format!("lines[{}].sku", line.number.saturating_sub(1));
                (field, format!("no item {:?} is known; import it or correct the code", line.sku))
            })
            .collect();
        Err(Error::UnknownItem { what: what.join(", "), fields })
    }
}

pub(crate) fn existing(draft: &Draft<Order>) -> Result<(), Error> {
    if draft.existed { Ok(()) } else { Err(Error::NoSuchOrder(draft.id().to_owned())) }
}

/// What the channel said, the same bytes for the same content: maps have no order of their own, so their entries follow
/// behind the message, sorted, each with its length in front.
fn canonical(request: &pb::PlaceOrderRequest) -> Vec<u8> {
    let mut plain = request.clone();
    let mut maps = vec![std::mem::take(&mut plain.attributes)];
    maps.extend(plain.lines.iter_mut().map(|line| std::mem::take(&mut line.attributes)));
    let mut bytes = plain.encode_to_vec();
    for map in maps {
        let sorted: BTreeMap<String, String> = map.into_iter().collect();
        bytes.extend_from_slice(&sorted.len().to_be_bytes());
        for text in sorted.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(&text.len().to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

pub(crate) fn key_shape(key: &str) -> Result<(), Error> {
    let mut bad = Violations::default();
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    bad.require("idempotency_key", fits, "give a key of 1 to 255 visible ASCII characters, the same for every repeat");
    Ok(bad.check()?)
}
