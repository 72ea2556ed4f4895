//! Customers, deposits, adjustments and the catalogue.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::OutcomeState;
use tonic::{Code, Request};

use crate::bench::{Bench, INSTANCE, customer, gbp, order, state};

fn payment() -> pb::RecordPaymentRequest {
    pb::RecordPaymentRequest {
        instance: INSTANCE.to_owned(),
        external_ref: "p-1".to_owned(),
        order_ref: "o-1".to_owned(),
        customer_ref: "c-1".to_owned(),
        amount: gbp(1020),
        payment_date: "2026-11-23".to_owned(),
        tender: "card".to_owned(),
        reference: "auth-7".to_owned(),
    }
}

fn adjustment(quantity: &str) -> pb::AdjustStockRequest {
    pb::AdjustStockRequest {
        instance: INSTANCE.to_owned(),
        external_ref: "a-1".to_owned(),
        lines: vec![pb::AdjustmentLine {
            sku: "MUG".to_owned(),
            location: "MAIN".to_owned(),
            quantity: quantity.to_owned(),
        }],
        adjustment_date: "2026-11-23".to_owned(),
        memo: "count".to_owned(),
    }
}

#[tokio::test]
async fn a_customer_stays_one_record_and_takes_changes() {
    let bench = Bench::with_customer().await;
    let mut changed = customer();
    changed.last_name = "Changed".to_owned();
    let asked = pb::UpsertCustomerRequest { instance: INSTANCE.to_owned(), customer: Some(changed) };
    let answer = bench.connector.upsert_customer(Request::new(asked)).await.unwrap().into_inner();
    assert_eq!(state(&answer.outcome), OutcomeState::Done);
    assert_eq!(answer.customer.unwrap().r#type, "customer");
    assert_eq!(bench.books().await["customers"]["count"], 1);
}

#[tokio::test]
async fn a_payment_becomes_one_deposit_in_the_orders_flow() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    let first = bench.connector.record_payment(Request::new(payment())).await.unwrap().into_inner();
    let second = bench.connector.record_payment(Request::new(payment())).await.unwrap().into_inner();
    assert_eq!(state(&first.outcome), OutcomeState::Done, "{:?}", first.outcome);
    assert_eq!(first.payment, second.payment);
    let books = bench.books().await;
    assert_eq!(books["customer_deposits"]["count"], 1);
    assert_eq!(books["customer_deposits"]["value"], "10.20");
    let flow = bench.read("o-1").await.unwrap();
    assert_eq!(flow.payments, [first.payment.unwrap()]);
}

#[tokio::test]
async fn a_payment_for_an_order_that_netsuite_does_not_have_is_refused() {
    let bench = Bench::with_customer().await;
    let answer = bench.connector.record_payment(Request::new(payment())).await.unwrap().into_inner();
    assert_eq!(state(&answer.outcome), OutcomeState::Refused);
    assert_eq!(answer.outcome.unwrap().reason, "ERP_INVALID_CONTENT");
}

#[tokio::test]
async fn an_adjustment_moves_stock_once() {
    let bench = Bench::start().await;
    for _ in 0..2 {
        let answer = bench.connector.adjust_stock(Request::new(adjustment("-7"))).await.unwrap().into_inner();
        assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
    }
    let books = bench.books().await;
    assert_eq!(books["inventory_adjustments"]["count"], 1);
    let asked = pb::ListStockRequest { instance: INSTANCE.to_owned(), ..Default::default() };
    let stock = bench.connector.list_stock(Request::new(asked)).await.unwrap().into_inner();
    let mugs = stock.rows.iter().find(|row| row.sku == "MUG").unwrap();
    assert_eq!((mugs.location.as_str(), mugs.on_hand.as_str(), mugs.committed.as_str()), ("MAIN", "93", "0"));
}

#[tokio::test]
async fn an_adjustment_by_nothing_is_refused() {
    let bench = Bench::start().await;
    let refused = bench.connector.adjust_stock(Request::new(adjustment("0"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn items_and_stock_come_page_by_page_without_gaps() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    let (mut token, mut items) = (String::new(), Vec::new());
    loop {
        let asked = pb::ListItemsRequest { instance: INSTANCE.to_owned(), page_size: 2, page_token: token };
        let page = bench.connector.list_items(Request::new(asked)).await.unwrap().into_inner();
        items.extend(page.items.into_iter().map(|item| (item.sku, item.stocked)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(items, [("MUG".to_owned(), true), ("LAMP".to_owned(), true), ("POST".to_owned(), false)]);
    let (mut token, mut rows) = (String::new(), Vec::new());
    loop {
        let asked = pb::ListStockRequest {
            instance: INSTANCE.to_owned(),
            page_size: 1,
            page_token: token,
            ..Default::default()
        };
        let page = bench.connector.list_stock(Request::new(asked)).await.unwrap().into_inner();
        rows.extend(page.rows.into_iter().map(|row| (row.sku, row.on_hand, row.committed)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let row = |sku: &str, on_hand: &str, committed: &str| (sku.to_owned(), on_hand.to_owned(), committed.to_owned());
    assert_eq!(rows, [row("MUG", "100", "4"), row("LAMP", "3", "0")]);
}

#[tokio::test]
async fn locations_carry_their_code() {
    let bench = Bench::start().await;
    let asked = pb::ListLocationsRequest { instance: INSTANCE.to_owned() };
    let places = bench.connector.list_locations(Request::new(asked)).await.unwrap().into_inner().locations;
    assert_eq!((places[0].code.as_str(), places[0].name.as_str()), ("MAIN", "Main warehouse"));
}

#[tokio::test]
async fn another_instance_is_refused() {
    let bench = Bench::start().await;
    let asked = pb::ListLocationsRequest { instance: "netsuite-us".to_owned() };
    let refused = bench.connector.list_locations(Request::new(asked)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn stock_tells_what_is_committed_to_our_orders_and_what_to_others() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    let line = serde_json::json!({"item": {"externalId": "MUG"}, "quantity": 3, "location": {"externalId": "MAIN"}});
    let theirs = serde_json::json!({
        "externalId": "COUNTER-1", "entity": {"externalId": "CUST:c-1"}, "orderStatus": {"id": "B"}, "item": {"items": [line]},
    });
    let entered = serde_json::json!({"method": "POST", "path": "salesOrder", "body": theirs});
    bench.post("netsuite/people", &entered).await;
    let asked = pb::ListStockRequest { instance: INSTANCE.to_owned(), with_commitments: true, ..Default::default() };
    let stock = bench.connector.list_stock(Request::new(asked)).await.unwrap().into_inner();
    let mugs = stock.rows.iter().find(|row| row.sku == "MUG").unwrap();
    let ours: Vec<_> =
        mugs.commitments.iter().map(|ours| (ours.external_ref.as_str(), ours.quantity.as_str())).collect();
    assert_eq!((mugs.committed.as_str(), ours), ("7", vec![("o-1", "4")]));
    let lamps = stock.rows.iter().find(|row| row.sku == "LAMP").unwrap();
    assert!(lamps.commitments.is_empty());
}
