//! Money given back at the shop: once, over its tenders, whatever crashes in between.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::types::v1::{Money, OutcomeState};
use retail_runtime::fault::{Class, Refusal};
use serde_json::{Value, json};
use tonic::Request;

use crate::world::*;

/// A shop with one order of three apples, a pear and postage, 12.50 in all, and the ids of its lines.
pub(crate) struct Sold {
    pub(crate) world: World,
    pub(crate) order: String,
    pub(crate) apples: String,
    pub(crate) postage: String,
}

pub(crate) async fn sold(tenders: Value) -> Sold {
    let world = world().await;
    world.open_the_door().await;
    world.sell_for("#1", 3, 1, tenders).await;
    world.delivered().await;
    let order = world.desk.orders.orders()[0].clone();
    let line = |sku: &str| order.lines.iter().find(|line| line.sku == sku).unwrap().channel_line_id.clone();
    let (apples, postage) = (line("APPLE"), line("POST"));
    Sold { world, order: order.channel_order_id, apples, postage }
}

fn pounds(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".to_owned() })
}

impl Sold {
    pub(crate) fn wish(&self, minor: i64) -> pb::RefundOrderRequest {
        pb::RefundOrderRequest {
            instance: "shop".to_owned(),
            idempotency_key: "key-1".to_owned(),
            external_ref: "R-1".to_owned(),
            order_id: self.order.clone(),
            amount: pounds(minor),
            note: "worn at the seams".to_owned(),
            ..pb::RefundOrderRequest::default()
        }
    }

    fn apples(&self, minor: i64, quantity: i64, restock: pb::Restock) -> pb::RefundOrderRequest {
        let line = pb::RefundLine { line_item_id: self.apples.clone(), quantity, restock: restock.into() };
        pb::RefundOrderRequest { lines: vec![line], ..self.wish(minor) }
    }

    pub(crate) async fn try_refund(&self, wish: &pb::RefundOrderRequest) -> Result<pb::RefundOrderResponse, Refusal> {
        let answer = self.world.desk.shop.refund_order(Request::new(wish.clone())).await.map_err(read)?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn refund(&self, wish: &pb::RefundOrderRequest) -> pb::RefundOrderResponse {
        self.try_refund(wish).await.unwrap()
    }

    /// How many refunds there are and what they gave back.
    async fn given(&self) -> (Value, Value) {
        let books = self.world.books().await;
        assert_eq!(books["refunds"]["duplicates"], 0);
        (books["refunds"]["count"].clone(), books["refunded_value"].clone())
    }
}

fn verify(wish: &pb::RefundOrderRequest) -> pb::RefundOrderRequest {
    pb::RefundOrderRequest { verify_only: true, ..wish.clone() }
}

#[tokio::test]
async fn a_refund_is_made_once_and_found_by_its_repeat_and_by_a_look() {
    let sold = sold(json!([])).await;
    let wish = sold.apples(500, 2, pb::Restock::None);
    let looked = sold.try_refund(&verify(&wish)).await.unwrap_err();
    assert_eq!((looked.class(), looked.reason()), (Class::NotFound, "NO_SUCH_REFUND"));
    let first = sold.refund(&wish).await;
    assert_eq!(state(first.outcome), done());
    let refund = first.refund.unwrap();
    assert_eq!((refund.external_ref.as_str(), refund.note.as_str()), ("R-1", "worn at the seams"));
    assert_eq!((refund.state(), refund.amount.clone()), (pb::RefundState::Done, pounds(500)));
    assert_eq!((refund.lines.len(), refund.lines[0].quantity), (1, 2));
    for wish in [wish.clone(), verify(&wish)] {
        let again = sold.refund(&wish).await;
        assert_eq!((state(again.outcome), again.refund.as_ref()), (done(), Some(&refund)));
    }
    assert_eq!(sold.given().await, (json!(1), json!("5.00")));
}

#[tokio::test]
async fn a_refund_is_found_by_its_reference_after_the_shop_has_forgotten_its_key() {
    let sold = sold(json!([])).await;
    sold.refund(&sold.wish(500)).await;
    sold.world.operate(http::Method::POST, "/clock", json!({"advance": "25h"})).await;
    assert_eq!(state(sold.refund(&sold.wish(500)).await.outcome), done());
    assert_eq!(sold.given().await, (json!(1), json!("5.00")));
}

#[tokio::test]
async fn an_answer_that_never_came_is_found_by_the_repeat() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let sold = sold(json!([])).await;
        let wish = sold.apples(500, 2, pb::Restock::None);
        sold.world.fault("CreateRefund", json!({"kind": kind})).await;
        let refusal = sold.try_refund(&wish).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert_eq!(state(sold.refund(&verify(&wish)).await.outcome), done());
        assert_eq!(state(sold.refund(&wish).await.outcome), done());
        assert_eq!(sold.given().await, (json!(1), json!("5.00")), "{kind}");
    }
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_by_the_repeat() {
    let sold = sold(json!([])).await;
    sold.world.fault("CreateRefund", json!({"kind": "reset_before"})).await;
    assert_eq!(sold.try_refund(&sold.wish(500)).await.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN");
    assert_eq!(state(sold.refund(&sold.wish(500)).await.outcome), done());
    assert_eq!(sold.given().await, (json!(1), json!("5.00")));
}

#[tokio::test]
async fn a_request_that_meets_itself_is_unknown_and_its_repeat_is_one_refund() {
    let sold = sold(json!([])).await;
    sold.world.turn("plan", json!({"concurrent": 1})).await;
    assert_eq!(sold.try_refund(&sold.wish(500)).await.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN");
    assert_eq!(state(sold.refund(&sold.wish(500)).await.outcome), done());
    assert_eq!(sold.given().await, (json!(1), json!("5.00")));
}

#[tokio::test]
async fn a_refund_over_two_tenders_empties_the_older_one_first() {
    let sold = sold(json!([{"gateway": "gift_card", "amount": "5.00"}])).await;
    assert_eq!(state(sold.refund(&sold.wish(200)).await.outcome), done());
    let second = pb::RefundOrderRequest {
        idempotency_key: "key-2".to_owned(),
        external_ref: "R-2".to_owned(),
        ..sold.wish(700)
    };
    let made = sold.refund(&second).await;
    assert_eq!((state(made.outcome), made.refund.unwrap().amount), (done(), pounds(700)));
    let body = sold.world.body("#1", "refunds/create").await;
    let parts: Vec<(&str, &str)> = body["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["gateway"].as_str().unwrap(), one["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(parts, [("gift_card", "3.00"), ("shopify_payments", "4.00")]);
    assert_eq!(sold.given().await, (json!(2), json!("9.00")));
}

#[tokio::test]
async fn more_than_was_paid_is_refused_and_nothing_is_sent() {
    let sold = sold(json!([])).await;
    let answer = sold.refund(&sold.wish(1_251)).await;
    assert_eq!((state(answer.outcome), answer.refund), (refused("REFUND_EXCEEDS_PAYMENT"), None));
    assert_eq!(sold.given().await.0, json!(0));
}

#[tokio::test]
async fn lines_that_never_shipped_are_taken_off_the_order() {
    let sold = sold(json!([])).await;
    assert_eq!(state(sold.refund(&sold.apples(500, 2, pb::Restock::Cancel)).await.outcome), done());
    assert_eq!(sold.world.books().await["inventory"]["committed"], "2");
    let body = sold.world.body("#1", "refunds/create").await;
    assert_eq!(body["refund_line_items"][0]["restock_type"], "cancel");
}

#[tokio::test]
async fn postage_is_given_back_as_postage() {
    let sold = sold(json!([])).await;
    let line = pb::RefundLine { line_item_id: sold.postage.clone(), quantity: 1, ..pb::RefundLine::default() };
    let wish = pb::RefundOrderRequest { lines: vec![line], ..sold.wish(250) };
    let made = sold.refund(&wish).await;
    assert_eq!(state(made.outcome), done());
    let body = sold.world.body("#1", "refunds/create").await;
    assert_eq!(body["refund_shipping_lines"][0]["subtotal_amount_set"]["shop_money"]["amount"], "2.50");
    assert_eq!(sold.refund(&verify(&wish)).await.refund, made.refund);
}

#[tokio::test]
async fn a_line_of_another_order_is_refused_by_the_shop() {
    let sold = sold(json!([])).await;
    let mut wish = sold.apples(500, 2, pb::Restock::None);
    wish.lines[0].line_item_id = "999".to_owned();
    assert_eq!(state(sold.refund(&wish).await.outcome), refused("NO_SUCH_SHOP_LINE"));
    let many = pb::RefundOrderRequest { idempotency_key: "key-2".to_owned(), ..sold.apples(500, 4, pb::Restock::None) };
    assert_eq!(state(sold.refund(&many).await.outcome), refused("SHOP_REFUSED"));
    assert_eq!(sold.given().await.0, json!(0));
}

#[tokio::test]
async fn money_on_its_way_is_pending_until_it_arrives() {
    let sold = sold(json!([])).await;
    sold.world.turn("plan", json!({"pend_refunds": 1})).await;
    let wish = sold.wish(500);
    let waiting = sold.refund(&wish).await;
    assert_eq!(state(waiting.outcome), (OutcomeState::Pending, "REFUND_PENDING".to_owned()));
    assert_eq!(waiting.refund.unwrap().state(), pb::RefundState::Pending);
    assert_eq!(state(sold.refund(&wish).await.outcome).0, OutcomeState::Pending);
    sold.world.turn("settle", json!({"order": "#1", "success": true})).await;
    assert_eq!(state(sold.refund(&wish).await.outcome), done());
    assert_eq!(sold.given().await, (json!(1), json!("5.00")));
}

#[tokio::test]
async fn a_failed_refund_stays_failed_under_its_key_and_is_tried_again_under_another() {
    let sold = sold(json!([])).await;
    sold.world.turn("plan", json!({"fail_refunds": 1})).await;
    let wish = sold.apples(500, 2, pb::Restock::None);
    for wish in [wish.clone(), wish.clone(), verify(&wish)] {
        let failed = sold.refund(&wish).await;
        assert_eq!(state(failed.outcome), refused("REFUND_FAILED"));
        assert_eq!(failed.refund.unwrap().state(), pb::RefundState::Failed);
    }
    let again = pb::RefundOrderRequest { idempotency_key: "key-2".to_owned(), ..wish };
    for _ in 0..2 {
        let made = sold.refund(&again).await;
        assert_eq!((state(made.outcome), made.refund.unwrap().amount), (done(), pounds(500)));
    }
    assert_eq!(sold.given().await, (json!(2), json!("5.00")));
}

#[tokio::test]
async fn another_try_under_a_reference_of_its_own_is_not_refused_the_lines_that_the_failed_one_spent() {
    let sold = sold(json!([])).await;
    sold.world.turn("plan", json!({"fail_refunds": 1})).await;
    let wish = sold.apples(500, 2, pb::Restock::None);
    assert_eq!(state(sold.refund(&wish).await.outcome), refused("REFUND_FAILED"));
    let again = |reference: &str, wish: pb::RefundOrderRequest| pb::RefundOrderRequest {
        idempotency_key: format!("key-of-{reference}"),
        external_ref: reference.to_owned(),
        ..wish
    };
    let second = sold.refund(&again("R-1-2", wish)).await;
    assert_eq!((state(second.outcome), second.refund.unwrap().amount), (done(), pounds(500)));
    // The third apple is another return, a fourth there is not.
    assert_eq!(state(sold.refund(&again("R-2", sold.apples(250, 1, pb::Restock::None))).await.outcome), done());
    let body = sold.world.body("#1", "refunds/create").await;
    assert_eq!(body["refund_line_items"][0]["quantity"], 1);
    assert_eq!(sold.given().await, (json!(3), json!("7.50")));
}

#[tokio::test]
async fn a_refund_of_which_one_tender_failed_says_how_much_was_given_back() {
    let sold = sold(json!([{"gateway": "gift_card", "amount": "5.00"}])).await;
    sold.world.turn("plan", json!({"fail_refunds": 1})).await;
    let made = sold.refund(&sold.wish(700)).await;
    assert_eq!(state(made.outcome), (OutcomeState::Partial, "REFUND_FAILED".to_owned()));
    assert_eq!(made.refund.unwrap().amount, pounds(200));
}

#[tokio::test]
async fn more_lines_than_one_refund_takes_are_given_back_in_money_and_named() {
    let world = world().await;
    world.open_the_door().await;
    let line = json!({"sku": "APPLE", "title": "APPLE", "quantity": 1, "price": "0.10", "kind": "goods"});
    let order = json!({"name": "#1", "placed_at": "2026-11-20T09:00:00Z", "customer": null, "country": "France", "lines": vec![line; 253]});
    world.turn("sell", json!({"orders": [order]})).await;
    world.delivered().await;
    let order = world.desk.orders.orders().remove(0);
    let lines = order.lines.iter().map(|line| pb::RefundLine {
        line_item_id: line.channel_line_id.clone(),
        quantity: 1,
        ..pb::RefundLine::default()
    });
    let lines = lines.collect();
    let sold = Sold { world, order: order.channel_order_id, apples: String::new(), postage: String::new() };
    let made = sold.refund(&pb::RefundOrderRequest { lines, ..sold.wish(2_530) }).await;
    assert_eq!(made.outcome.as_ref().unwrap().warnings.len(), 1);
    assert_eq!(state(made.outcome), done());
    assert_eq!(sold.world.books().await["refunds"]["lines"], 250);
    assert_eq!(sold.given().await, (json!(1), json!("25.30")));
}

#[tokio::test]
async fn another_currency_than_the_orders_is_refused() {
    let sold = sold(json!([])).await;
    let wish = pb::RefundOrderRequest {
        amount: Some(Money { minor_units: 100, currency: "EUR".to_owned() }),
        ..sold.wish(100)
    };
    assert_eq!(state(sold.refund(&wish).await.outcome), refused("CURRENCY_DIFFERS"));
}

#[tokio::test]
async fn an_order_that_the_shop_does_not_know_is_not_found_and_a_bad_shape_names_its_fields() {
    let sold = sold(json!([])).await;
    let stranger = pb::RefundOrderRequest { order_id: "404".to_owned(), ..sold.wish(100) };
    assert_eq!(sold.try_refund(&stranger).await.unwrap_err().reason(), "NO_SUCH_SHOP_ORDER");
    let bad = pb::RefundOrderRequest {
        instance: "shop".to_owned(),
        external_ref: "a]b".to_owned(),
        lines: vec![pb::RefundLine::default()],
        ..pb::RefundOrderRequest::default()
    };
    let refusal = sold.try_refund(&bad).await.unwrap_err();
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    let expected =
        ["idempotency_key", "external_ref", "order_id", "lines[0].line_item_id", "lines[0].quantity", "amount"];
    assert_eq!(fields, expected);
}
