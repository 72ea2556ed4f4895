//! Webhooks in: signatures, order, repeats, what Stripe hears.

use std::collections::BTreeMap;

use retail_proto::payments::v1 as pb;
use retail_runtime::fault::{Class, Fault, status};
use serde_json::{Value, json};

use crate::world::*;

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct No(Class, &'static str);

impl Fault for No {
    fn class(&self) -> Class {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }
}

fn event(kind: &str, payment: &str) -> Value {
    let object = json!({"object": "refund", "id": "re_1", "payment_intent": payment});
    json!({"id": "evt_1", "object": "event", "type": kind, "created": 1, "livemode": false, "data": {"object": object}})
}

#[tokio::test]
async fn a_payment_is_told_as_it_stands_under_a_key_of_its_standing() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    let reply = world.accept(webhook(&world, &event("refund.updated", &id))).await;
    assert_eq!(said(&reply), (200, json!({"result": "TAKEN", "order_id": "order-1"})));
    let taken = world.owner.taken();
    let payment = taken[0].payment.clone().unwrap();
    assert_eq!((payment.state(), taken[0].occasion.as_str()), (pb::PaymentState::Captured, "refund.updated"));
    assert_eq!(taken[0].idempotency_key, format!("stripe:{id}:{}", payment.revision));
    assert_eq!(taken[0].instance, "pay");
}

#[tokio::test]
async fn a_bad_stale_or_missing_signature_is_refused_and_nothing_happens() {
    let world = world_with("previous_webhook_secret = 'whsec_former'", "").await;
    let id = world.taken(2000, "pm_card_visa").await;
    let now = world.runtime.clock().now().as_second();
    let good = webhook(&world, &event("refund.updated", &id));
    let signed = |secret: &str, time: i64| {
        let mut webhook = good.clone();
        webhook.headers[0].value = sign(secret, time, &webhook.body);
        webhook
    };
    let mut changed = good.clone();
    changed.body.push(b' ');
    let mut unsigned = good.clone();
    unsigned.headers.clear();
    for (webhook, reason) in [
        (signed("whsec_other", now), "BAD_SIGNATURE"),
        (changed, "BAD_SIGNATURE"),
        (unsigned, "BAD_SIGNATURE"),
        (signed(SECRET, now - 301), "STALE_SIGNATURE"),
    ] {
        let (status, body) = said(&world.accept(webhook).await);
        assert_eq!((status, &body["reason"]), (401, &json!(reason)));
    }
    assert!(world.owner.taken().is_empty());
    assert_eq!(world.accept(signed("whsec_former", now)).await.status, 200);
}

#[tokio::test]
async fn what_is_of_no_payment_is_noted_and_the_other_mode_is_refused() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    let mut thin = event("refund.updated", &id);
    thin["object"] = "v2.core.event".into();
    for noted in [event("customer.created", &id), event("refund.updated", ""), thin] {
        assert_eq!(said(&world.accept(webhook(&world, &noted)).await), (200, json!({"result": "NOTED"})));
    }
    let mut live = event("refund.updated", &id);
    live["livemode"] = true.into();
    let (status, body) = said(&world.accept(webhook(&world, &live)).await);
    assert_eq!((status, &body["reason"]), (401, &json!("WRONG_MODE")));
    assert_eq!(world.accept(webhook(&world, &json!([]))).await.status, 400);
    assert!(world.owner.taken().is_empty());
}

#[tokio::test]
async fn stripe_comes_again_when_nobody_knows_whether_the_fact_is_durable() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    for class in [Class::Unavailable, Class::NotFound, Class::Conflict, Class::Internal, Class::Denied] {
        world.owner.refuse(move || Some(status("orders.retail", &No(class, "NO"))));
        let reply = world.accept(webhook(&world, &event("refund.updated", &id))).await;
        let waits = reply.headers.iter().any(|header| header.name == "retry-after");
        assert!(reply.status == 503 && waits, "{class:?}: {reply:?}");
    }
    world.owner.refuse(|| Some(status("orders.retail", &No(Class::Exists, "TOLD"))));
    assert_eq!(world.accept(webhook(&world, &event("refund.updated", &id))).await.status, 200);
    world.owner.refuse(|| None);
    world.fault("/v1/payment_intents/", json!({"kind": "status", "status": 500, "times": 0, "method": "GET"})).await;
    assert_eq!(world.accept(webhook(&world, &event("refund.updated", &id))).await.status, 503);
}

#[tokio::test]
async fn shuffled_and_repeated_events_lead_to_one_entry_for_each_standing() {
    let world = world().await;
    world.open_the_door(json!({"duplicates_per_mille": 500, "reorder_per_mille": 500})).await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.refund(&refund(&id, "R-1", 500)).await.unwrap();
    world.refund(&refund(&id, "R-2", 500)).await.unwrap();
    world.delivered().await;
    let taken = world.owner.taken();
    assert!(taken.len() > 3, "{} facts", taken.len());
    // The same key always says the same.
    let mut by_key: BTreeMap<String, pb::Payment> = BTreeMap::new();
    for fact in &taken {
        let payment = fact.payment.clone().unwrap();
        let known = by_key.entry(fact.idempotency_key.clone()).or_insert_with(|| payment.clone());
        assert_eq!(*known, payment);
    }
    // A ledger of refund and state has one entry for each refund, whatever order the facts came in.
    let mut ledger: BTreeMap<(String, i32), i64> = BTreeMap::new();
    for payment in by_key.values() {
        for refund in &payment.refunds {
            let key = (refund.external_ref.clone(), refund.state);
            ledger.insert(key, refund.amount.as_ref().unwrap().minor_units);
        }
    }
    let done = i32::from(pb::RefundState::Done);
    assert_eq!(ledger, BTreeMap::from([(("R-1".to_owned(), done), 500), (("R-2".to_owned(), done), 500)]));
    assert_eq!(world.books().await["webhooks"]["given_up"], 0);
}

#[tokio::test]
async fn a_refund_that_fails_days_later_is_told() {
    let world = world().await;
    world.open_the_door(Value::Null).await;
    let id = world.taken(1000, "pm_card_refundFail").await;
    world.refund(&refund(&id, "R-1", 1000)).await.unwrap();
    world.delivered().await;
    world.later("72h").await;
    world.delivered().await;
    let last = world.owner.taken().pop().unwrap().payment.unwrap();
    assert_eq!((last.state(), last.refunds[0].state()), (pb::PaymentState::Captured, pb::RefundState::Failed));
}

#[tokio::test]
async fn a_fact_that_could_not_be_taken_comes_again() {
    let world = world().await;
    world.open_the_door(Value::Null).await;
    world.owner.refuse(|| Some(status("orders.retail", &No(Class::NotFound, "NO_SUCH_ORDER"))));
    let id = world.held(2000).await;
    while world.books().await["webhooks"]["sent"] == 0 {
        tokio::task::yield_now().await;
    }
    world.owner.refuse(|| None);
    world.delivered().await;
    assert!(world.owner.taken().iter().any(|fact| fact.idempotency_key.starts_with(&format!("stripe:{id}:"))));
}

#[tokio::test]
async fn without_an_owner_webhooks_are_noted() {
    let runtime = retail_runtime::Runtime::system("test");
    let mut config = config("http://127.0.0.1:9", "http://127.0.0.1:9", "");
    config.facts = None;
    let stripe = retail_stripe::Connector::new(&config, &runtime).unwrap();
    let world = World { stripe, ..world().await };
    let reply = world.accept(webhook(&world, &event("refund.updated", "pi_1"))).await;
    assert_eq!(said(&reply), (200, json!({"result": "NOTED"})));
}
