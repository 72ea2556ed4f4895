//! `orders/create`: an order to be placed.

use retail_proto::types::v1::WebhookReply;
use serde_json::json;

use super::{Delivery, RETRY_AFTER, handed, later, misshapen, read, unanswered};
use crate::commerce::Connector;
use crate::map;
use crate::wire::order::Order;

impl Connector {
    pub(super) async fn order_created(&self, delivery: &Delivery<'_>) -> WebhookReply {
        let order: Order = match read(delivery) {
            Ok(order) => order,
            Err(refusal) => return refusal,
        };
        let mut request = match map::place_order(&order, &self.channel, delivery.key()) {
            Ok(request) => request,
            Err(bad) => return misshapen(delivery, &bad),
        };
        match self.collect(&mut request, order.id).await {
            Ok(true) => {}
            Ok(false) => return later("ROUTING_PENDING", RETRY_AFTER),
            Err(error) => return unanswered(delivery, order.id, &error),
        }
        let answer = Box::pin(self.orders.clone().place_order(request)).await;
        handed(delivery, order.id, answer, |placed| {
            let order_id = placed.order.map(|order| order.order_id).unwrap_or_default();
            json!({"result": "PLACED", "order_id": order_id})
        })
    }
}
