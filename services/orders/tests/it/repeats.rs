//! The same order told more than once.

use retail_proto::orders::v1::{OrderState, PlaceOrderRequest};
use retail_runtime::fault::Class;
use tonic::Code;

use crate::harness::{gbp, mesh, request};

const REPLAYED: &str = "x-idempotency-replayed";

#[tokio::test]
async fn the_same_webhook_twice_is_one_order_and_the_second_answer_says_so() {
    let mesh = mesh().await;
    let first = mesh.orders().place_order(request(1001)).await.unwrap();
    let again = mesh.orders().place_order(request(1001)).await.unwrap();
    assert!(first.metadata().get(REPLAYED).is_none());
    assert_eq!(again.metadata().get(REPLAYED).unwrap(), "true");
    let id = first.into_inner().order.unwrap().order_id;
    assert_eq!(again.into_inner().order.unwrap().order_id, id);
    mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(mesh.erp.books().orders.len(), 1);
}

#[tokio::test]
async fn the_same_order_under_two_keys_is_one_order() {
    let mesh = mesh().await;
    let first = mesh.place(request(1001)).await;
    let second = mesh.place(PlaceOrderRequest { idempotency_key: "another".into(), ..request(1001) }).await;
    assert_eq!(first, second);
    mesh.until_state(&first, OrderState::Booked).await;
    assert_eq!(mesh.erp.books().create_calls, 1);
}

#[tokio::test]
async fn the_fields_of_the_retailer_may_come_in_any_order() {
    let mesh = mesh().await;
    for attempt in 0..8 {
        // A map has another order in every decoded message: the same content is the same order all the same.
        let mut request = request(1001);
        request.attributes = (0..20).map(|field| (format!("field_{field}"), field.to_string())).collect();
        request.lines[0].attributes = (0..20).map(|field| (format!("engraving_{field}"), "x".into())).collect();
        mesh.place(request.clone()).await;
        request.idempotency_key = format!("key-{attempt}");
        mesh.place(request).await;
    }
}

#[tokio::test]
async fn other_fields_of_the_retailer_are_other_content() {
    let mesh = mesh().await;
    let with = |value: &str| {
        let attributes = [("gift".to_owned(), value.to_owned())].into();
        PlaceOrderRequest { idempotency_key: value.into(), attributes, ..request(1001) }
    };
    mesh.place(with("yes")).await;
    assert_eq!(mesh.try_place(with("no")).await.unwrap_err().reason(), "OTHER_CONTENT");
}

#[tokio::test]
async fn other_content_under_one_key_is_refused_and_the_key_is_named() {
    let mesh = mesh().await;
    mesh.place(request(1001)).await;
    let other = PlaceOrderRequest { total: Some(gbp(1)), ..request(1001) };
    let refusal = mesh.try_place(other).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(refusal.metadata("idempotency_key"), Some("webhook-1001"));
}

#[tokio::test]
async fn other_content_of_one_channel_order_is_a_conflict_and_changes_nothing() {
    let mesh = mesh().await;
    let id = mesh.place(request(1001)).await;
    let other = PlaceOrderRequest { idempotency_key: "another".into(), total: Some(gbp(1)), ..request(1001) };
    let refusal = mesh.try_place(other).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "OTHER_CONTENT"));
    assert_eq!(refusal.metadata("order_id"), Some(id.as_str()));
    assert_eq!(mesh.get(&id).await.total, Some(gbp(3564)));
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_by_field() {
    let mesh = mesh().await;
    let keyless = PlaceOrderRequest { idempotency_key: String::new(), ..request(1001) };
    let status = mesh.orders().place_order(keyless).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let refusal = retail_runtime::fault::Refusal::read(&status);
    assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("BAD_REQUEST", "idempotency_key"));
}
