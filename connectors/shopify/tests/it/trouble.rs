//! What goes wrong between us and the shop.

use retail_proto::commerce::v1 as pb;
use retail_runtime::fault::Class;
use serde_json::json;

use crate::world::*;

async fn apple(world: &World, quantity: i64) -> Vec<pb::StockSetting> {
    let apple = world.items().await.into_iter().find(|item| item.sku == "APPLE").unwrap();
    let location_id = world.locations().await[0].location_id.clone();
    vec![pb::StockSetting { inventory_item_id: apple.inventory_item_id, location_id, quantity, ..Default::default() }]
}

#[tokio::test]
async fn a_token_that_dies_is_replaced_and_the_call_goes_through() {
    let world = world().await;
    let settings = apple(&world, 5).await;
    world.fault("SetStock", json!({"kind": "expire_tokens"})).await;
    assert_eq!(state(Some(world.set("k", settings).await.unwrap())), done());
    assert_eq!(world.desk.shop.snapshot().refused_tokens, 1);
}

#[tokio::test]
async fn a_call_that_the_shop_did_not_execute_is_sent_again() {
    let world = world().await;
    let settings = apple(&world, 5).await;
    world.fault("SetStock", json!({"kind": "status", "status": 429, "retry_after": 0})).await;
    assert_eq!(state(Some(world.set("k", settings).await.unwrap())), done());
}

#[tokio::test]
async fn a_set_whose_answer_never_came_is_unknown_and_its_repeat_is_one_set() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let world = world().await;
        let settings = apple(&world, 5).await;
        world.fault("SetStock", json!({"kind": kind})).await;
        let refusal = world.set("k", settings.clone()).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert_eq!(state(Some(world.set("k", settings).await.unwrap())), done());
        assert_eq!(world.books().await["inventory"]["sets"], 1, "{kind}");
    }
}

#[tokio::test]
async fn a_read_outlives_a_shop_that_is_unwell_for_a_moment() {
    let world = world().await;
    world.fault("Locations", json!({"kind": "status", "status": 502, "times": 2})).await;
    assert_eq!(world.locations().await.len(), 2);
}

#[tokio::test]
async fn tokens_that_are_refused_fresh_and_all_are_our_misconfiguration() {
    let world = world().await;
    let settings = apple(&world, 5).await;
    // Every token dies before it is looked at.
    world.fault("SetStock", json!({"kind": "expire_tokens", "times": 0})).await;
    let refusal = world.set("k", settings).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS"));
}
