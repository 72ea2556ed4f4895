//! Orders and lines that the mesh cancels, at the shop: once, without moving money, whatever is lost in between.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::{Class, Refusal};
use serde_json::{Value, json};
use tonic::Request;

use crate::refunds::{Sold, sold};
use crate::world::*;

impl Sold {
    async fn cancel(&self) -> Result<(OutcomeState, String), Refusal> {
        let request = pb::CancelOrderRequest {
            instance: "shop".to_owned(),
            idempotency_key: "cancel-1".to_owned(),
            order_id: self.order.clone(),
            note: "no longer wanted".to_owned(),
            ..pb::CancelOrderRequest::default()
        };
        let answer = self.world.desk.shop.cancel_order(Request::new(request)).await.map_err(read)?;
        Ok(state(answer.into_inner().outcome))
    }

    async fn take_off(&self, units: i64) -> Result<pb::TakeOffLinesResponse, Refusal> {
        let request = pb::TakeOffLinesRequest {
            instance: "shop".to_owned(),
            idempotency_key: "off-1".to_owned(),
            external_ref: "O-1/c1".to_owned(),
            order_id: self.order.clone(),
            lines: vec![pb::LineOff { line_item_id: self.apples.clone(), quantity: units }],
            note: "one is enough".to_owned(),
        };
        let answer = self.world.desk.shop.take_off_lines(Request::new(request)).await.map_err(read)?;
        Ok(answer.into_inner())
    }

    async fn cancelled(&self) -> (Value, Value, Value) {
        let books = self.world.books().await;
        (books["orders"]["cancelled"].clone(), books["refunded_value"].clone(), books["inventory"]["committed"].clone())
    }

    /// What the shop shows of the apples: ordered, and left.
    async fn shown(&self) -> (String, String) {
        let request =
            pb::GetOrderRequest { instance: "shop".to_owned(), order_id: self.order.clone(), ..Default::default() };
        let told = self.world.desk.shop.get_order(Request::new(request)).await.unwrap().into_inner();
        let line = told.lines.into_iter().find(|line| line.sku == "APPLE").unwrap();
        (line.ordered, line.removed)
    }
}

#[tokio::test]
async fn an_order_is_cancelled_once_and_keeps_its_money_until_it_is_refunded() {
    let sold = sold(json!([])).await;
    for _ in 0..2 {
        assert_eq!(sold.cancel().await.unwrap(), done());
    }
    assert_eq!(sold.cancelled().await, (json!(1), json!("0.00"), json!("0")));
    assert_eq!(state(sold.refund(&sold.wish(1_250)).await.outcome), done());
    assert_eq!(sold.cancelled().await.1, json!("12.50"));
}

#[tokio::test]
async fn a_cancellation_whose_answer_never_came_is_found_by_the_repeat() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let sold = sold(json!([])).await;
        sold.world.fault("CancelOrder", json!({"kind": kind})).await;
        let refusal = sold.cancel().await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert_eq!(sold.cancel().await.unwrap(), done());
        assert_eq!(sold.cancelled().await.0, json!(1), "{kind}");
    }
}

#[tokio::test]
async fn a_job_that_takes_its_time_is_asked_what_became_of_it() {
    let sold = sold(json!([])).await;
    sold.world.turn("plan", json!({"slow_jobs": 2})).await;
    assert_eq!(sold.cancel().await.unwrap(), done());
}

#[tokio::test]
async fn a_job_that_does_not_end_is_pending_and_its_repeat_does_no_harm() {
    let sold = sold(json!([])).await;
    sold.world.turn("plan", json!({"slow_jobs": 100})).await;
    assert_eq!(sold.cancel().await.unwrap(), (OutcomeState::Pending, "CANCEL_PENDING".to_owned()));
    assert_eq!(sold.cancel().await.unwrap(), done());
    assert_eq!(sold.cancelled().await.0, json!(1));
}

#[tokio::test]
async fn what_the_shop_cannot_cancel_is_refused_in_its_words() {
    let failed = sold(json!([])).await;
    failed.world.turn("plan", json!({"fail_jobs": 1})).await;
    assert_eq!(failed.cancel().await.unwrap(), refused("SHOP_REFUSED"));
    let shipped = sold(json!([])).await;
    let line = pb::FulfilledLine { line_item_id: shipped.apples.clone(), quantity: 1, ..Default::default() };
    let request = pb::RecordFulfilmentRequest {
        instance: "shop".to_owned(),
        idempotency_key: "s".to_owned(),
        order_id: shipped.order.clone(),
        lines: vec![line],
        ..Default::default()
    };
    shipped.world.record(&request).await.unwrap();
    assert_eq!(shipped.cancel().await.unwrap(), refused("SHOP_REFUSED"));
    assert_eq!(shipped.cancelled().await.0, json!(0));
}

#[tokio::test]
async fn lines_are_taken_off_once_without_money_and_are_nobodys_return() {
    let sold = sold(json!([])).await;
    for _ in 0..2 {
        assert_eq!(state(sold.take_off(2).await.unwrap().outcome), done());
    }
    assert_eq!(sold.shown().await, ("3".to_owned(), "2".to_owned()));
    sold.world.delivered().await;
    assert_eq!(sold.cancelled().await.1, json!("0.00"));
    assert!(sold.world.desk.owners.refunds().is_empty());
    // The money follows later, without its lines.
    assert_eq!(state(sold.refund(&sold.wish(500)).await.outcome), done());
    assert_eq!(sold.cancelled().await.1, json!("5.00"));
}

#[tokio::test]
async fn lines_whose_answer_never_came_are_not_taken_off_again() {
    for kind in ["reset_after_commit", "error_after_commit", "reset_before"] {
        let sold = sold(json!([])).await;
        sold.world.fault("CreateRefund", json!({"kind": kind})).await;
        assert_eq!(sold.take_off(1).await.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN", "{kind}");
        assert_eq!(state(sold.take_off(1).await.unwrap().outcome), done());
        assert_eq!(sold.shown().await, ("3".to_owned(), "1".to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn what_people_have_taken_off_already_is_left_alone() {
    let sold = sold(json!([])).await;
    sold.world.turn("edit", json!({"order": "#1", "set": [{"sku": "APPLE", "quantity": 0}]})).await;
    let answer = sold.take_off(3).await.unwrap().outcome.unwrap();
    assert_eq!((answer.state(), answer.warnings.len()), (OutcomeState::Done, 1));
    assert_eq!(sold.shown().await, ("3".to_owned(), "3".to_owned()));
}
