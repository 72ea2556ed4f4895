//! Feeds that misbehave.

use retail_proto::cases::v1::SectionState;

use crate::crm::case;
use crate::harness::mesh;
use crate::say::{by_order, completed, order, order_ids, section};

#[tokio::test]
async fn an_event_that_nobody_can_read_parks_its_order_alone_and_is_said() {
    let mesh = mesh().await;
    mesh.orders.order(&order(1)).await;
    mesh.until(&by_order("o-1"), |context| section(context, "orders").0 == SectionState::Fresh).await;
    mesh.orders.nonsense("o-1").await;
    mesh.orders.order(&completed(1)).await;
    mesh.orders.order(&order(2)).await;
    let key = by_order("o-2");
    mesh.until(&key, |context| !context.orders.is_empty()).await;
    let context = mesh.until(&by_order("o-1"), |context| section(context, "orders").1 == "EVENT_PARKED").await;
    assert_eq!(section(&context, "orders").0, SectionState::Stale);
    assert_eq!(context.orders[0].version, 1, "what came behind waits");
    let parked = mesh.parked().await;
    assert_eq!(parked.len(), 1);
    assert!(parked[0].0 == "orders order/o-1" && parked[0].1.starts_with("EVENT_BROKEN"), "{parked:?}");
}

#[tokio::test]
async fn events_that_come_again_after_a_crash_change_nothing() {
    let mut mesh = mesh().await;
    mesh.crm.books.write(|desk| {
        let mut opened = case("500", "00001026");
        opened.order_ref = "o-1".into();
        desk.put(opened);
    });
    mesh.orders.order(&order(1)).await;
    let unacknowledged = mesh.orders.model.moment();
    mesh.crm.books.until(|desk| desk.kinds("500").len() == 2).await;
    mesh.restart().await;
    mesh.orders.model.return_to(unacknowledged);
    mesh.orders.order(&completed(1)).await;
    let context = mesh.until(&by_order("o-1"), |context| context.orders[0].version == 2).await;
    assert_eq!(order_ids(&context), ["o-1"]);
    mesh.crm.books.until(|desk| desk.kinds("500").len() == 4).await;
    assert!(mesh.parked().await.is_empty());
}

#[tokio::test]
async fn a_feed_that_no_longer_reaches_back_is_made_up_for_by_the_owners_list() {
    let mut mesh = mesh().await;
    mesh.orders.order(&order(1)).await;
    mesh.until(&by_order("o-1"), |context| !context.orders.is_empty()).await;
    mesh.stop().await;
    // While this service is down an order changes, another comes, and their events are trimmed.
    let unseen = retail_proto::orders::v1::Order { version: 2, ..completed(1) };
    mesh.orders.order(&unseen).await;
    mesh.orders.order(&order(2)).await;
    mesh.orders.forget().await;
    mesh.orders.books.write(|known| {
        known.orders.insert("o-1".into(), unseen);
        known.orders.insert("o-2".into(), retail_proto::orders::v1::Order { version: 1, ..order(2) });
    });
    mesh.restart().await;
    let key = crate::say::by(|key| key.customer_id = "c-1".into());
    let context = mesh.until(&key, |context| context.orders.len() == 2).await;
    assert_eq!(context.orders.iter().map(|order| order.version).sum::<u64>(), 3);
    mesh.orders.order(&completed(2)).await;
    mesh.until(&by_order("o-2"), |context| context.orders[0].version == 2).await;
}
