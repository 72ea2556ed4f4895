//! An order that was edited here is edited at the shop: once, all of it or nothing; and what people's edits there come to.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::orders::v1::{ChannelLine, TakeChannelOrderRequest};
use retail_proto::types::v1::Money;
use retail_runtime::fault::{Class, Refusal};
use serde_json::json;
use tonic::Request;

use crate::world::*;

fn minor(amount: Option<Money>) -> i64 {
    amount.unwrap().minor_units
}

async fn sold() -> Sold {
    Sold::in_shop(world().await).await
}

impl Sold {
    /// Two apples instead of three, and two pears more in a line of their own.
    fn edit(&self) -> pb::EditOrderRequest {
        let line = pb::LineEdit { line_item_id: self.apples.clone(), expected: 3, quantity: 2 };
        let addition = pb::LineAddition {
            external_ref: "o-1/4".to_owned(),
            sku: "PEAR".to_owned(),
            quantity: 2,
            unit_price: "2.50".to_owned(),
            ..pb::LineAddition::default()
        };
        pb::EditOrderRequest {
            instance: "shop".to_owned(),
            idempotency_key: "o-1/e1".to_owned(),
            order_id: self.order.clone(),
            lines: vec![line],
            additions: vec![addition],
            known_lines: vec![self.apples.clone(), self.pears.clone()],
            note: "the customer called".to_owned(),
            ..pb::EditOrderRequest::default()
        }
    }

    async fn try_edit(&self, asked: &pb::EditOrderRequest) -> Result<pb::EditOrderResponse, Refusal> {
        let answer = self.world.desk.shop.edit_order(Request::new(asked.clone())).await.map_err(read)?;
        Ok(answer.into_inner())
    }

    async fn outcome(&self, asked: &pb::EditOrderRequest) -> String {
        let (_, reason) = state(self.try_edit(asked).await.unwrap().outcome);
        reason
    }

    async fn edits(&self) -> serde_json::Value {
        self.world.books().await["orders"]["edited"].clone()
    }

    /// How the shop said last that it stands.
    fn last_standing(&self) -> TakeChannelOrderRequest {
        self.world.desk.orders.changes().into_iter().max_by_key(|told| told.version).unwrap()
    }
}

#[tokio::test]
async fn an_edit_is_made_once_and_answers_the_order_and_the_line_that_has_come() {
    let sold = sold().await;
    let asked = sold.edit();
    let first = sold.try_edit(&asked).await.unwrap();
    assert_eq!(state(first.outcome.clone()), done());
    let order = first.order.unwrap();
    let added = &first.added[0];
    assert_eq!((first.added.len(), added.external_ref.as_str()), (1, "o-1/4"));
    let goods = order.lines.iter().filter(|line| line.is_goods);
    let left = |line: &ChannelLine| line.ordered.parse::<i64>().unwrap() - line.removed.parse::<i64>().unwrap();
    let shown: Vec<_> = goods.map(|line| (line.channel_line_id.clone(), left(line))).collect();
    let wanted = [(sold.apples.clone(), 2), (sold.pears.clone(), 1), (added.line_item_id.clone(), 2)];
    assert_eq!(shown, wanted);
    assert!(order.version > 0);
    assert_eq!((minor(order.received), minor(order.outstanding)), (1250, 250));
    let again = sold.try_edit(&asked).await.unwrap();
    assert_eq!((state(again.outcome), again.added), (done(), first.added));
    assert_eq!(sold.edits().await, 1);
}

#[tokio::test]
async fn an_edit_whose_answer_is_lost_is_found_by_what_the_order_shows() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let sold = sold().await;
        sold.world.fault("CommitEdit", json!({"kind": kind})).await;
        let lost = sold.try_edit(&sold.edit()).await.unwrap_err();
        assert_eq!((lost.class(), lost.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        let again = sold.try_edit(&sold.edit()).await.unwrap();
        assert_eq!((state(again.outcome), again.added.len()), (done(), 1), "{kind}");
        assert_eq!(sold.edits().await, 1, "{kind}");
    }
}

#[tokio::test]
async fn what_was_only_staged_is_nothing_and_the_next_attempt_begins_anew() {
    let sold = sold().await;
    sold.world.fault("AddVariant", json!({"kind": "reset_after_commit"})).await;
    assert!(sold.try_edit(&sold.edit()).await.is_err());
    assert_eq!(sold.edits().await, 0);
    assert_eq!(sold.outcome(&sold.edit()).await, "");
    assert_eq!(sold.edits().await, 1);
}

#[tokio::test]
async fn what_the_shop_cannot_show_is_refused_with_its_reason_and_changes_nothing() {
    let sold = sold().await;
    let asked = sold.edit();
    let with = |change: &dyn Fn(&mut pb::EditOrderRequest)| {
        let mut asked = asked.clone();
        change(&mut asked);
        asked
    };
    let unknown = with(&|asked| asked.additions[0].sku = "HAT".to_owned());
    let dearer = with(&|asked| asked.additions[0].unit_price = "2.40".to_owned());
    let changed = with(&|asked| asked.lines[0].expected = 5);
    let elsewhere = with(&|asked| asked.lines[0].line_item_id = "77".to_owned());
    for (asked, reason) in [
        (unknown, "NO_SUCH_VARIANT"),
        (dearer, "PRICE_DIFFERS"),
        (changed, "SHOP_LINE_CHANGED"),
        (elsewhere, "NO_SUCH_SHOP_LINE"),
    ] {
        assert_eq!(sold.outcome(&asked).await, reason);
    }
    assert_eq!(sold.edits().await, 0);
}

#[tokio::test]
async fn of_what_the_shop_has_fulfilled_nothing_is_edited() {
    let sold = sold().await;
    let request = pb::RecordFulfilmentRequest {
        instance: "shop".to_owned(),
        idempotency_key: "s-1".to_owned(),
        order_id: sold.order.clone(),
        lines: vec![pb::FulfilledLine {
            line_item_id: sold.apples.clone(),
            quantity: 2,
            ..pb::FulfilledLine::default()
        }],
        tracking_numbers: vec!["T-1".to_owned()],
        ..pb::RecordFulfilmentRequest::default()
    };
    assert_eq!(state(sold.world.record(&request).await.unwrap().outcome), done());
    assert_eq!(sold.outcome(&sold.edit()).await, "LINE_FULFILLED");
    assert_eq!(sold.edits().await, 0);
}

#[tokio::test]
async fn a_cancelled_order_is_not_edited() {
    let sold = sold().await;
    sold.world.turn("cancel", json!({"order": "#1"})).await;
    assert_eq!(sold.outcome(&sold.edit()).await, "SHOP_ORDER_CANCELLED");
}

#[tokio::test]
async fn an_edit_of_nothing_is_refused_by_field() {
    let sold = sold().await;
    let nothing = pb::EditOrderRequest { lines: Vec::new(), additions: Vec::new(), ..sold.edit() };
    let refused = sold.try_edit(&nothing).await.unwrap_err();
    assert_eq!(refused.class(), Class::Invalid);
}

#[tokio::test]
async fn an_edit_of_people_is_told_with_its_lines_as_placed_and_with_what_is_owed_and_paid_later() {
    let sold = sold().await;
    sold.world.open_the_door_for(json!(["orders/edited", "orders/paid"])).await;
    let add = json!([{"sku": "PEAR", "quantity": 2, "price": "2.50"}]);
    sold.world.turn("edit", json!({"order": "#1", "add": add})).await;
    sold.world.delivered().await;
    let told = sold.last_standing();
    let line = told.lines.iter().find(|line| line.sku == "PEAR" && line.channel_line_id != sold.pears).unwrap();
    let placed = line.line.as_ref().unwrap();
    assert_eq!((placed.quantity.as_str(), placed.sku.as_str()), ("2", "PEAR"));
    assert_eq!((minor(told.received), minor(told.outstanding)), (1250, 500));
    sold.world.turn("pay", json!({"order": "#1"})).await;
    sold.world.delivered().await;
    let told = sold.last_standing();
    assert_eq!((minor(told.received), minor(told.outstanding)), (1750, 0));
}

#[tokio::test]
async fn what_an_edit_takes_off_and_the_shop_gives_back_is_the_orders_money_and_no_return() {
    let sold = sold().await;
    let set = json!([{"sku": "APPLE", "quantity": 1}]);
    sold.world.turn("edit", json!({"order": "#1", "set": set, "refund": true})).await;
    sold.world.delivered().await;
    let told = sold.last_standing();
    assert_eq!((minor(told.received), minor(told.outstanding), minor(told.given_back)), (1250, 0, 500));
    assert!(sold.world.desk.owners.refunds().is_empty());
}

#[tokio::test]
async fn goodwill_is_no_part_of_an_order_that_was_edited() {
    let sold = sold().await;
    let set = json!([{"sku": "APPLE", "quantity": 2}]);
    sold.world.turn("edit", json!({"order": "#1", "set": set, "refund": true})).await;
    sold.world.turn("refund", json!({"order": "#1", "amount": "3.00"})).await;
    sold.world.delivered().await;
    assert_eq!(sold.world.desk.owners.refunds().len(), 1, "it is a refund of its own");
}

#[tokio::test]
async fn money_that_comes_after_an_order_was_sold_is_told() {
    let sold = sold().await;
    sold.world.open_the_door_for(json!(["orders/create", "orders/paid"])).await;
    sold.world.sell_unpaid("#2", 1, 1).await;
    let placed = sold.world.body("#2", "orders/create").await;
    assert_eq!(placed["financial_status"], "pending");
    sold.world.turn("pay", json!({"order": "#2"})).await;
    let mut body = sold.world.body("#2", "orders/paid").await;
    assert_eq!(body["financial_status"], "paid");
    // Times have the grain of a second: of what is paid in the second in which it was sold its own body says so.
    body["updated_at"] = body["created_at"].clone();
    let reply = sold.world.desk.accept(webhook("orders/paid", &body.to_string())).await;
    assert_eq!(said(&reply).1["result"], "NOTED");
    body["created_at"] = "2026-11-20T09:00:00+00:00".into();
    let reply = sold.world.desk.accept(webhook("orders/paid", &body.to_string())).await;
    assert_eq!(said(&reply).1["result"], "TAKEN");
    let told = sold.last_standing();
    assert_eq!((minor(told.received), minor(told.outstanding)), (750, 0));
}

#[tokio::test]
async fn another_delivery_address_is_told_until_something_has_left() {
    let sold = sold().await;
    let address = json!({"name": "Ada", "address1": "1 High Street", "city": "Leeds", "zip": "LS1 1AA", "country": "United Kingdom"});
    sold.world.turn("address", json!({"order": "#1", "address": address})).await;
    sold.world.delivered().await;
    let mut body = sold.world.body("#1", "orders/updated").await;
    // Times have the grain of a second: of the second in which it was sold nothing is known to have changed.
    body["created_at"] = "2026-11-20T09:00:00+00:00".into();
    let reply = sold.world.desk.accept(webhook("orders/updated", &body.to_string())).await;
    assert_eq!(said(&reply).1["result"], "TAKEN");
    let told = sold.last_standing().shipping_address.unwrap();
    assert_eq!((told.city.as_str(), told.postal_code.as_str()), ("Leeds", "LS1 1AA"));
    body["fulfillment_status"] = "partial".into();
    let reply = sold.world.desk.accept(webhook("orders/updated", &body.to_string())).await;
    assert_eq!(said(&reply).1["result"], "NOTED");
}
