//! The people of the store in Soho: they pick what is to be collected there, hand it over, or say that they cannot.

use serde_json::{Value, json};

use crate::notes::Heard;
use crate::people::{Answer, People};

/// Where orders are collected.
pub(crate) const STORE: &str = "SOHO";

impl People {
    /// Somebody in the store takes up one of the orders that are to be collected.
    pub(crate) async fn work_in_the_store(&self, name: &str) {
        let Some(order) = self.to_collect("AWAITED").await.into_iter().next() else { return };
        let chance = self.rng.below(100);
        if chance < 35 {
            self.say_of(&order, "rejectPick", name, json!({"reason": "not on the shelf"})).await;
        } else if chance < 55 {
            self.say_of(&order, "reroute", name, json!({"reason": "the customer has moved", "ship": true})).await;
        } else {
            self.say_of(&order, "readyForPickup", name, json!({})).await;
        }
        if let Some(ready) = self.to_collect("READY").await.into_iter().next() {
            self.hand_over(&ready, name).await;
        }
    }

    /// The store does all that is left for it to do. Answers whether there was anything.
    pub(crate) async fn close_the_store(&self, round: u64) -> bool {
        let (awaited, ready) = (self.to_collect("AWAITED").await, self.to_collect("READY").await);
        let booked = |order: &&Value| order["state"] != "ORDER_STATE_RECEIVED" && order["state"] != "ORDER_STATE_HELD";
        for order in awaited.iter().filter(booked) {
            self.say_of(order, "readyForPickup", &format!("end-{round}"), json!({})).await;
            self.hand_over(order, &format!("end-{round}")).await;
        }
        for order in &ready {
            self.hand_over(order, &format!("end-{round}")).await;
        }
        !ready.is_empty() || awaited.iter().any(|order| booked(&order))
    }

    async fn hand_over(&self, order: &Value, name: &str) {
        self.say_of(order, "handOver", name, json!({"collectedBy": "A. Jones"})).await;
    }

    async fn say_of(&self, order: &Value, verb: &'static str, name: &str, body: Value) {
        let id = order["orderId"].as_str().unwrap_or_default();
        let (key, path) = (format!("{verb}-{id}-{name}"), format!("/v1/orders/{id}:{verb}"));
        if let Heard::Done(_) = self.heard(&key, &path, &body, "/order/orderId").await {
            self.watch.count(verb);
        }
    }

    async fn to_collect(&self, stage: &str) -> Vec<Value> {
        let path = format!("/v1/orders?pickupStage=PICKUP_STAGE_{stage}&pickupLocation={STORE}&pageSize=100");
        match self.ask("GET", &path, None, "").await {
            Answer::Good(found) => found["orders"].as_array().cloned().unwrap_or_default(),
            Answer::Refused(..) | Answer::Nothing => Vec::new(),
        }
    }
}
