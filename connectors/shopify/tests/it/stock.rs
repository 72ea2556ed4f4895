//! Items, locations and numbers of stock against the twin.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use tonic::Request;

use crate::world::*;

/// The ids of the apple and of the main place.
async fn ids(world: &World) -> (String, String) {
    let apple = world.items().await.into_iter().find(|item| item.sku == "APPLE").unwrap();
    let main = world.locations().await.into_iter().find(|location| location.name == "Main").unwrap();
    (apple.inventory_item_id, main.location_id)
}

fn setting((item, location): &(String, String), quantity: i64, expected: Option<i64>) -> Vec<pb::StockSetting> {
    let (inventory_item_id, location_id) = (item.clone(), location.clone());
    vec![pb::StockSetting { sku: "APPLE".to_owned(), inventory_item_id, location_id, quantity, expected }]
}

#[tokio::test]
async fn items_and_locations_carry_the_numbers_that_other_calls_need() {
    let world = world().await;
    let items = world.items().await;
    let goods: Vec<&str> = items.iter().map(|item| item.sku.as_str()).filter(|sku| *sku != "POST").collect();
    assert_eq!(goods, ["APPLE", "PEAR"]);
    assert!(
        items
            .iter()
            .all(|item| item.variant_id.parse::<u64>().is_ok() && item.inventory_item_id.parse::<u64>().is_ok())
    );
    let locations = world.locations().await;
    assert!(locations.iter().all(|location| location.active && location.location_id.parse::<u64>().is_ok()));
    assert_eq!(locations.len(), 2);
}

#[tokio::test]
async fn items_come_page_by_page_to_the_last() {
    let world = world().await;
    let (mut token, mut skus) = (String::new(), Vec::new());
    loop {
        let request = pb::ListItemsRequest { instance: "shop".to_owned(), page_size: 1, page_token: token };
        let page = world.desk.shop.list_items(Request::new(request)).await.unwrap().into_inner();
        assert!(page.items.len() <= 1);
        skus.extend(page.items.into_iter().map(|item| item.sku));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(skus, world.items().await.into_iter().map(|item| item.sku).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_number_is_set_read_back_and_set_once_under_one_key() {
    let world = world().await;
    let apple = ids(&world).await;
    for _ in 0..2 {
        assert_eq!(state(Some(world.set("k-1", setting(&apple, 42, Some(100))).await.unwrap())), done());
    }
    let readings = world.readings(&[&apple.0], &apple.1).await;
    assert_eq!(readings.len(), 1);
    assert_eq!((readings[0].available, readings[0].on_hand), (42, 42));
    assert_eq!(world.books().await["inventory"]["sets"], 1);
}

#[tokio::test]
async fn a_stale_comparison_is_refused_with_its_item() {
    let world = world().await;
    let apple = ids(&world).await;
    let outcome = world.set("k-1", setting(&apple, 42, Some(99))).await.unwrap();
    assert!(outcome.message.starts_with("APPLE: "), "{outcome:?}");
    assert_eq!(state(Some(outcome)), refused("CHANGE_FROM_QUANTITY_STALE"));
    assert_eq!(world.readings(&[&apple.0], &apple.1).await[0].available, 100);
    // Read again, computed again, sent with a new key.
    assert_eq!(state(Some(world.set("k-2", setting(&apple, 42, Some(100))).await.unwrap())), done());
}

#[tokio::test]
async fn without_an_expected_number_nothing_is_compared() {
    let world = world().await;
    let apple = ids(&world).await;
    assert_eq!(state(Some(world.set("k-1", setting(&apple, 7, None)).await.unwrap())), done());
    assert_eq!(world.readings(&[&apple.0], &apple.1).await[0].available, 7);
}

#[tokio::test]
async fn one_wrong_row_refuses_all_rows() {
    let world = world().await;
    let apple = ids(&world).await;
    let mut settings = setting(&apple, 42, Some(100));
    settings.extend(setting(&("999".to_owned(), apple.1.clone()), 1, None));
    let outcome = world.set("k-1", settings).await.unwrap();
    assert_eq!(state(Some(outcome)), refused("INVALID_INVENTORY_ITEM"));
    assert_eq!(world.readings(&[&apple.0], &apple.1).await[0].available, 100);
}

#[tokio::test]
async fn an_item_that_is_not_stocked_there_is_left_out() {
    let world = world().await;
    let apple = ids(&world).await;
    assert!(world.readings(&["999"], &apple.1).await.is_empty());
    assert!(world.readings(&[], &apple.1).await.is_empty());
}
