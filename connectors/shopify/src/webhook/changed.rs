//! `orders/cancelled`, `orders/updated`, `orders/edited`, `orders/paid`: what people do to an order in the shop's admin. Bodies
//! come late and in any order, so that they say at most whether there is something to hear; how the order stands is asked
//! for.

use std::time::Duration;

use jiff::Timestamp;
use retail_proto::orders::v1::TakeChannelOrderRequest;
use retail_proto::types::v1::WebhookReply;
use retail_runtime::fault::{Class, Refusal};
use serde_json::json;

use super::{Delivery, handed, noted, read, unanswered};
use crate::commerce::Connector;
use crate::document::editing::IS_EDITED;
use crate::gid::gid;
use crate::request::Wanted;
use crate::standing::{has_changed, may_be_sent_elsewhere, says_something};
use crate::wire::editing::IsEdited;
use crate::wire::event;
use crate::wire::money::OrderData;

/// The shop tells of an order for four hours at most: one that is older and unknown was sold before the mesh was there.
const OLD: Duration = Duration::from_secs(24 * 3600);

impl Connector {
    /// Of an order that was cancelled or updated.
    pub(super) async fn order_changed(&self, delivery: &Delivery<'_>) -> WebhookReply {
        let body: event::Changed = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let heard = says_something(&body) || may_be_sent_elsewhere(&body);
        if heard { self.tell_order(delivery, body.id).await } else { noted() }
    }

    /// Of an order that is paid. As it was sold its own body says so; later the money is news, and of one that was edited the
    /// rest of it.
    pub(super) async fn order_paid(&self, delivery: &Delivery<'_>) -> WebhookReply {
        let body: event::Changed = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        if has_changed(&body) {
            return self.tell_order(delivery, body.id).await;
        }
        let variables = json!({"id": gid("Order", body.id)});
        match self.admin.read::<OrderData<IsEdited>>(&IS_EDITED, &variables, "").await {
            Ok(data) if data.order.as_ref().is_some_and(|order| order.edited) => {
                self.tell_order(delivery, body.id).await
            }
            Ok(_) => noted(),
            Err(error) => unanswered(delivery, body.id, &error),
        }
    }

    /// Of an order that was edited: lines that were added are in its body alone.
    pub(super) async fn order_edited(&self, delivery: &Delivery<'_>) -> WebhookReply {
        let body: event::Edited = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        self.tell_order(delivery, body.order_edit.order_id).await
    }

    /// Hands over how an order stands now.
    pub(super) async fn tell_order(&self, delivery: &Delivery<'_>, id: u64) -> WebhookReply {
        let found = match self.sold(&Wanted::Id(id)).await {
            Ok(found) => found,
            Err(error) => return unanswered(delivery, id, &error),
        };
        let request = TakeChannelOrderRequest {
            idempotency_key: delivery.key(),
            channel: self.channel.instance.clone(),
            channel_order_id: id.to_string(),
            version: found.told.version,
            cancelled: found.told.cancelled,
            cancel_reason: found.told.cancel_reason,
            lines: found.told.lines,
            shipping_address: found.told.order.and_then(|order| order.shipping_address),
            received: found.told.received,
            outstanding: found.told.outstanding,
            given_back: found.told.given_back,
        };
        let answer = Box::pin(self.orders.clone().take_channel_order(request)).await;
        let unknown = answer.as_ref().is_err_and(|status| Refusal::read(status).class() == Class::NotFound);
        if unknown && self.is_old(&found.created_at) {
            tracing::warn!(
                webhook = delivery.id,
                order = id,
                "an order that was sold before the mesh knew it has changed"
            );
            return noted();
        }
        handed(delivery, id, answer, |taken| {
            let order_id = taken.order.map(|order| order.order_id).unwrap_or_default();
            json!({"result": "TAKEN", "order_id": order_id})
        })
    }

    fn is_old(&self, created: &str) -> bool {
        let created = created.parse::<Timestamp>().ok();
        let age = created.map(|created| self.clock.now().duration_since(created).unsigned_abs());
        age.is_some_and(|age| age > OLD)
    }
}
