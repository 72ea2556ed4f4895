//! What customers bought.

use retail_proto::orders::v1::{FindPurchasesRequest, LineInput, LineKind, OrderState, PlaceOrderRequest};
use retail_runtime::fault::{Class, Refusal};

use crate::harness::{Mesh, gbp, mesh, request};

fn ask(skus: &[&str]) -> FindPurchasesRequest {
    FindPurchasesRequest {
        customer_ids: vec!["c-1".into()],
        skus: skus.iter().map(|sku| (*sku).to_owned()).collect(),
        placed_until: None,
    }
}

async fn found(mesh: &Mesh, request: FindPurchasesRequest) -> Vec<(String, i32)> {
    let answer = mesh.orders().find_purchases(request).await.unwrap().into_inner();
    answer.purchases.into_iter().map(|purchase| (purchase.order_number, purchase.line_number)).collect()
}

fn at(order: &str, line: i32) -> (String, i32) {
    (order.into(), line)
}

#[tokio::test]
async fn purchases_are_found_newest_order_first_and_lines_in_their_order() {
    let mesh = mesh().await;
    mesh.booked(1001).await;
    mesh.booked(1002).await;
    let all = [at("#1002", 1), at("#1002", 2), at("#1001", 1), at("#1001", 2)];
    assert_eq!(found(&mesh, ask(&["71053", "85123a", "NEVER"])).await, all);
    let one = mesh.orders().find_purchases(ask(&["71053"])).await.unwrap().into_inner().purchases;
    assert_eq!((one[1].quantity.as_str(), one[1].unit_price.as_str(), one.len()), ("6", "3.39", 2));
    assert!(
        found(&mesh, FindPurchasesRequest { customer_ids: vec!["c-2".into()], ..ask(&["71053"]) }).await.is_empty()
    );
}

#[tokio::test]
async fn what_was_placed_later_is_not_found() {
    let mesh = mesh().await;
    mesh.booked(1001).await;
    mesh.booked(1002).await;
    mesh.booked(1003).await;
    let until = |number: u32| FindPurchasesRequest { placed_until: request(number).placed_at, ..ask(&["71053"]) };
    assert_eq!(found(&mesh, until(1002)).await, [at("#1002", 2), at("#1001", 2)]);
    assert!(found(&mesh, until(1000)).await.is_empty());
}

#[tokio::test]
async fn charges_are_found_and_cancelled_orders_are_not() {
    let mesh = mesh().await;
    let mut with_postage = request(1001);
    with_postage.lines.push(LineInput {
        kind: i32::from(LineKind::Charge),
        sku: "POST".into(),
        quantity: "1".into(),
        unit_price: "2.50".into(),
        ..Default::default()
    });
    with_postage.total = Some(gbp(3564 + 250));
    let id = mesh.place(with_postage).await;
    mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(found(&mesh, ask(&["POST"])).await, [at("#1001", 3)]);
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    assert!(found(&mesh, ask(&["POST"])).await.is_empty());
}

#[tokio::test]
async fn a_held_order_is_found_once_its_customer_is_known() {
    let mesh = mesh().await;
    let id = mesh.place(PlaceOrderRequest { total: Some(gbp(1)), ..request(1001) }).await;
    mesh.until(&id, |order| order.customer_id == "c-1").await;
    assert_eq!(found(&mesh, ask(&["71053"])).await, [at("#1001", 2)], "held, and sold all the same");
}

#[tokio::test]
async fn a_question_without_customers_or_items_names_its_fields() {
    let mesh = mesh().await;
    let refused = async |request: FindPurchasesRequest| {
        let refusal = Refusal::read(&mesh.orders().find_purchases(request).await.unwrap_err());
        assert_eq!(refusal.class(), Class::Invalid);
        refusal.fields().iter().map(|(field, _)| field.clone()).collect::<Vec<_>>()
    };
    assert_eq!(refused(FindPurchasesRequest::default()).await, ["customer_ids", "skus"]);
    let many = FindPurchasesRequest { customer_ids: vec!["c".into(); 51], skus: vec!["s".into(); 1001], ..ask(&[]) };
    assert_eq!(refused(many).await, ["customer_ids", "skus"]);
    let empty = FindPurchasesRequest { customer_ids: vec![String::new()], ..ask(&["A", " "]) };
    assert_eq!(refused(empty).await, ["customer_ids[0]", "skus[1]"]);
}
