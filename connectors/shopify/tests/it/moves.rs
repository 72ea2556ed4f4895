//! Shipments that leave from another place than the shop thinks: it is told before they are recorded, and nothing that it
//! says to that holds them up.

use retail_proto::commerce::v1 as pb;
use serde_json::{Value, json};

use crate::world::*;

async fn sold() -> Sold {
    Sold::in_shop(world_of_places().await).await
}

impl Sold {
    fn parcel(&self, apples: i64, pears: i64, tracking: &str, from: &str) -> pb::RecordFulfilmentRequest {
        let lines = [(&self.apples, apples), (&self.pears, pears)];
        let lines = lines.into_iter().filter(|(_, units)| *units > 0);
        let line = |(id, quantity): (&String, i64)| pb::FulfilledLine {
            line_item_id: id.clone(),
            quantity,
            location: from.to_owned(),
        };
        pb::RecordFulfilmentRequest {
            instance: "shop".to_owned(),
            idempotency_key: tracking.to_owned(),
            order_id: self.order.clone(),
            lines: lines.map(line).collect(),
            tracking_numbers: vec![tracking.to_owned()],
            ..pb::RecordFulfilmentRequest::default()
        }
    }

    /// Records a parcel; how many warnings came with it.
    async fn warnings_of(&self, parcel: &pb::RecordFulfilmentRequest) -> usize {
        let outcome = self.world.record(parcel).await.unwrap().outcome.unwrap();
        assert_eq!(state(Some(outcome.clone())), done(), "{outcome:?}");
        outcome.warnings.len()
    }

    async fn book(&self) -> (Value, Value, Value) {
        let books = self.world.books().await;
        let (moved, units) = (&books["fulfillment_orders"]["moved"], &books["fulfillments"]["units"]);
        (moved.clone(), units.clone(), books["inventory"]["committed"].clone())
    }

    /// What the place still has of apples.
    async fn on_hand(&self, place: usize) -> i64 {
        let apple = self.world.items().await.into_iter().find(|item| item.sku == "APPLE").unwrap();
        let location = self.world.locations().await[place].location_id.clone();
        self.world.readings(&[&apple.inventory_item_id], &location).await[0].on_hand
    }
}

#[tokio::test]
async fn a_shipment_from_where_the_shop_thinks_moves_nothing() {
    let sold = sold().await;
    assert_eq!(sold.warnings_of(&sold.parcel(3, 1, "T1", "MAIN")).await, 0);
    assert_eq!(sold.book().await, (json!(0), json!(4), json!("0")));
}

#[tokio::test]
async fn a_shipment_from_another_place_is_moved_there_and_its_goods_leave_from_there() {
    let sold = sold().await;
    let parcel = sold.parcel(3, 1, "T1", "NORTH");
    for _ in 0..2 {
        assert_eq!(sold.warnings_of(&parcel).await, 0);
    }
    assert_eq!(sold.book().await, (json!(1), json!(4), json!("0")));
    assert_eq!((sold.on_hand(0).await, sold.on_hand(1).await), (100, 97));
}

#[tokio::test]
async fn a_part_from_another_place_moves_alone() {
    let sold = sold().await;
    assert_eq!(sold.warnings_of(&sold.parcel(1, 0, "T1", "NORTH")).await, 0);
    assert_eq!(sold.warnings_of(&sold.parcel(1, 1, "T2", "MAIN")).await, 0);
    assert_eq!(sold.warnings_of(&sold.parcel(1, 0, "T3", "NORTH")).await, 0);
    assert_eq!(sold.book().await, (json!(2), json!(4), json!("0")));
    assert_eq!((sold.on_hand(0).await, sold.on_hand(1).await), (99, 98));
}

#[tokio::test]
async fn a_move_whose_answer_never_came_is_looked_for_and_not_made_twice() {
    for kind in ["reset_after_commit", "error_after_commit", "reset_before"] {
        let sold = sold().await;
        let parcel = sold.parcel(3, 0, "T1", "NORTH");
        sold.world.fault("MoveFulfilment", json!({"kind": kind})).await;
        assert_eq!(sold.warnings_of(&parcel).await, 0);
        let (moved, units, _) = sold.book().await;
        assert_eq!((moved, units), (json!(1), json!(3)), "{kind}");
    }
}

#[tokio::test]
async fn what_the_shop_does_not_move_is_a_warning_and_recorded_where_it_is() {
    let sold = sold().await;
    sold.world.turn("plan", json!({"unmovable": 1})).await;
    assert_eq!(sold.warnings_of(&sold.parcel(3, 1, "T1", "NORTH")).await, 1);
    assert_eq!(sold.book().await, (json!(0), json!(4), json!("0")));
    let elsewhere = self::sold().await;
    assert_eq!(elsewhere.warnings_of(&elsewhere.parcel(3, 1, "T1", "MOON")).await, 1);
    assert_eq!(elsewhere.book().await.0, json!(0));
}
