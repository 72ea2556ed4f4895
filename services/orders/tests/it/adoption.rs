//! Orders that Weft never saw.

use std::sync::atomic::Ordering;

use retail_proto::erp::v1 as erp;
use retail_proto::orders::v1::{AdoptOrderRequest, Buyer, ListOrdersRequest, Order, OrderState, PlaceOrderRequest};
use retail_runtime::fault::{Class, Refusal};

use crate::harness::{Mesh, gbp, mesh, record, request};

fn ask(number: u32) -> AdoptOrderRequest {
    AdoptOrderRequest {
        idempotency_key: format!("adopt-{number}"),
        channel: "shop".into(),
        order_number: format!("#{number}"),
        ..Default::default()
    }
}

async fn adopt(mesh: &Mesh, request: AdoptOrderRequest) -> Order {
    mesh.orders().adopt_order(request).await.unwrap().into_inner().order.unwrap()
}

async fn refused(mesh: &Mesh, request: AdoptOrderRequest) -> Refusal {
    Refusal::read(&mesh.orders().adopt_order(request).await.unwrap_err())
}

fn sold(mesh: &Mesh, number: u32) {
    mesh.shop.books.open().sold.insert(number.to_string(), request(number));
}

/// Entered by others, shipped and billed; its lines are numbered in tens.
fn entered(number: u32, document: &str) -> erp::SalesOrder {
    let line = |line_number: i32, sku: &str, amount: i64| erp::SalesOrderLine {
        line_number,
        sku: sku.into(),
        quantity: "6".into(),
        amount: Some(gbp(amount)),
        ..Default::default()
    };
    erp::SalesOrder {
        document: Some(record("erp", "salesOrder", document)),
        total: Some(gbp(3564)),
        order_number: format!("#{number}"),
        order_date: "2023-11-14".into(),
        lines: vec![line(10, "71053", 2034), line(20, "85123A", 1530)],
        fulfilments: vec![erp::Fulfilment {
            document: Some(record("erp", "itemFulfillment", &format!("if-{document}"))),
            shipped: true,
            lines: [10, 20].map(|line_number| erp::FulfilmentLine { line_number, quantity: "6".into() }).to_vec(),
            date: "2023-11-15".into(),
            ..Default::default()
        }],
        invoices: vec![erp::Invoice {
            document: Some(record("erp", "invoice", &format!("inv-{document}"))),
            total: Some(gbp(3564)),
            amount_remaining: Some(gbp(0)),
            lines: [10, 20].map(|line_number| erp::InvoiceLine { line_number, quantity: "6".into() }).to_vec(),
            date: "2023-11-15".into(),
        }],
        ..Default::default()
    }
}

fn nothing_was_done(mesh: &Mesh) {
    let erp = mesh.erp.books();
    assert_eq!((erp.create_calls, erp.close_calls, erp.deposits.len()), (0, 0, 0));
    assert!(mesh.stock.books.open().reservations.is_empty());
    assert!(mesh.crm.books.open().contexts.is_empty());
    let shop = mesh.shop.books.open();
    assert_eq!((shop.fulfilments.len(), shop.refund_calls), (0, 0));
}

#[tokio::test]
async fn an_order_of_shop_and_erp_is_adopted_in_one_commit_with_all_its_documents_and_nothing_is_done_for_it() {
    let mesh = mesh().await;
    sold(&mesh, 1001);
    mesh.erp.books().foreign.push(entered(1001, "77"));
    let order = adopt(&mesh, ask(1001)).await;
    assert_eq!(order.order_id, retail_orders::order_id("shop", "1001"));
    assert_eq!((order.state(), order.adopted, order.erp.as_str()), (OrderState::Completed, true, "erp"));
    let numbers: Vec<_> = order.lines.iter().map(|line| (line.number, line.sku.as_str())).collect();
    assert_eq!(numbers, [(20, "85123A"), (10, "71053")]);
    assert_eq!((order.shipments[0].date.as_str(), order.invoices[0].date.as_str()), ("2023-11-15", "2023-11-15"));
    assert_eq!((order.invoices[0].lines.len(), order.invoices[0].amount_remaining.clone()), (2, Some(gbp(0))));
    assert_eq!((order.customer_id.as_str(), order.version), ("c-1", 1));
    // The second is another order, normal: when it is through, anything that was under way for the first would be too.
    let id = mesh.booked(1002).await;
    assert_eq!(mesh.get(&order.order_id).await, order);
    assert_eq!(mesh.erp.books().orders.keys().collect::<Vec<_>>(), [&id]);
}

#[tokio::test]
async fn adopting_twice_is_one_order_and_one_commit() {
    let mesh = mesh().await;
    sold(&mesh, 1001);
    let before = mesh.commits.load(Ordering::SeqCst);
    let first = adopt(&mesh, ask(1001)).await;
    let by_id = AdoptOrderRequest {
        idempotency_key: "another".into(),
        order_number: String::new(),
        channel_order_id: "1001".into(),
        ..ask(1001)
    };
    assert_eq!(adopt(&mesh, by_id).await, first);
    assert_eq!(mesh.commits.load(Ordering::SeqCst) - before, 1);
    nothing_was_done(&mesh);
}

#[tokio::test]
async fn an_order_that_only_the_erp_knows_is_adopted_once_and_found_by_its_number() {
    let mesh = mesh().await;
    mesh.erp.books().foreign.push(erp::SalesOrder { customer_ref: "c-1".into(), ..entered(1001, "77") });
    let order = adopt(&mesh, ask(1001)).await;
    assert_eq!((order.customer_id.as_str(), order.channel_order_id.as_str()), ("c-1", ""));
    assert_eq!(order.total, Some(gbp(3564)));
    let again = AdoptOrderRequest { idempotency_key: "another".into(), ..ask(1001) };
    assert_eq!(adopt(&mesh, again).await.order_id, order.order_id);
    let list = ListOrdersRequest { order_number: "#1001".into(), ..Default::default() };
    assert_eq!(mesh.orders().list_orders(list).await.unwrap().into_inner().orders, [order]);
    nothing_was_done(&mesh);
}

#[tokio::test]
async fn a_customer_reference_that_is_none_of_ours_is_nobody() {
    let mesh = mesh().await;
    mesh.erp.books().foreign.push(erp::SalesOrder { customer_ref: "42".into(), ..entered(1001, "77") });
    assert_eq!(adopt(&mesh, ask(1001)).await.customer_id, "");
}

#[tokio::test]
async fn an_order_that_is_known_is_answered_as_it_is() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    let order = adopt(&mesh, ask(1001)).await;
    assert_eq!((order.order_id, order.adopted), (id, false));
}

#[tokio::test]
async fn an_order_that_nobody_knows_is_not_found() {
    let mesh = mesh().await;
    let refusal = refused(&mesh, ask(1001)).await;
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_ORDER"));
    let by_id = AdoptOrderRequest { order_number: String::new(), channel_order_id: "9".into(), ..ask(1001) };
    assert_eq!(refused(&mesh, by_id).await.reason(), "NO_SUCH_ORDER");
}

#[tokio::test]
async fn two_sales_orders_that_fit_alike_are_not_guessed_between() {
    let mesh = mesh().await;
    mesh.erp.books().foreign.extend([entered(1001, "77"), entered(1001, "78")]);
    let refusal = refused(&mesh, ask(1001)).await;
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "AMBIGUOUS_ORDER"));
    assert_eq!((refusal.metadata("system"), refusal.metadata("count")), (Some("erp"), Some("2")));
}

#[tokio::test]
async fn the_sales_order_of_another_order_of_ours_is_not_taken_for_this_one() {
    let mesh = mesh().await;
    let till = PlaceOrderRequest { channel: "till".into(), ..request(1001) };
    let id = mesh.place(till).await;
    mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(refused(&mesh, ask(1001)).await.reason(), "NO_SUCH_ORDER");
    sold(&mesh, 1001);
    let order = adopt(&mesh, ask(1001)).await;
    assert_eq!(order.state(), OrderState::Booked);
    assert!(order.refs.is_empty(), "{:?}", order.refs);
}

#[tokio::test]
async fn nothing_is_adopted_while_one_of_those_who_may_know_is_away() {
    let mesh = mesh().await;
    sold(&mesh, 1001);
    mesh.erp.books().foreign.push(entered(1001, "77"));
    mesh.shop.books.open().away = true;
    let refusal = refused(&mesh, ask(1001)).await;
    assert_eq!((refusal.class(), refusal.metadata("peer")), (Class::Unavailable, Some("shop")));
    mesh.shop.books.open().away = false;
    mesh.erp.books().closed_for_the_night = true;
    assert_eq!(refused(&mesh, ask(1001)).await.metadata("peer"), Some("erp"));
    mesh.erp.books().closed_for_the_night = false;
    assert_eq!(adopt(&mesh, ask(1001)).await.state(), OrderState::Completed);
}

#[tokio::test]
async fn a_shop_that_is_configured_under_another_name_has_not_said_that_it_has_no_such_order() {
    let mesh = mesh().await;
    mesh.erp.books().foreign.push(entered(1001, "77"));
    mesh.shop.books.open().misnamed = true;
    let refusal = refused(&mesh, ask(1001)).await;
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "ORDER_UNREADABLE"));
    assert!(refusal.metadata("detail").is_some_and(|detail| detail.starts_with("NO_SUCH_INSTANCE")));
}

#[tokio::test]
async fn a_webhook_that_comes_after_the_adoption_is_answered_by_the_adopted_order() {
    let mesh = mesh().await;
    sold(&mesh, 1001);
    mesh.erp.books().foreign.push(entered(1001, "77"));
    let adopted = adopt(&mesh, ask(1001)).await;
    let placed = mesh.try_place(request(1001)).await.unwrap();
    assert_eq!(placed, adopted);
    let other = PlaceOrderRequest { idempotency_key: "edited".into(), total: Some(gbp(1)), ..request(1001) };
    assert_eq!(mesh.try_place(other).await.unwrap(), adopted, "nothing that makes the shop try for ever");
    nothing_was_done(&mesh);
}

#[tokio::test]
async fn an_order_that_was_adopted_before_anybody_booked_it_begins_with_its_webhook() {
    let mesh = mesh().await;
    sold(&mesh, 1001);
    let adopted = adopt(&mesh, ask(1001)).await;
    assert_eq!(adopted.state(), OrderState::Booked);
    let id = mesh.place(request(1001)).await;
    assert_eq!(id, adopted.order_id);
    mesh.until(&id, |order| !order.adopted && order.state() == OrderState::Booked).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.erp.books().create_calls, 1);
}

#[tokio::test]
async fn an_adopted_order_that_has_not_shipped_cannot_be_cancelled_here() {
    let mesh = mesh().await;
    let mut open = entered(1001, "77");
    open.fulfilments.clear();
    open.invoices.clear();
    mesh.erp.books().foreign.push(open);
    let order = adopt(&mesh, ask(1001)).await;
    assert_eq!(order.state(), OrderState::Booked);
    assert_eq!(mesh.cancel(&order.order_id).await.unwrap_err().reason(), "ORDER_ADOPTED");
}

#[tokio::test]
async fn what_the_shop_says_of_the_buyer_finds_the_customer() {
    let mesh = mesh().await;
    let buyer = Some(Buyer { channel_customer_id: "7".into(), ..Default::default() });
    mesh.shop.books.open().sold.insert("1001".into(), PlaceOrderRequest { buyer, ..request(1001) });
    let order = adopt(&mesh, ask(1001)).await;
    let by_customer = ListOrdersRequest { customer_id: "c-1".into(), ..Default::default() };
    assert_eq!(mesh.orders().list_orders(by_customer).await.unwrap().into_inner().orders, [order]);
}

#[tokio::test]
async fn a_wrong_question_names_its_field() {
    let mesh = mesh().await;
    let fields = async |request: AdoptOrderRequest| {
        refused(&mesh, request).await.fields().iter().map(|(field, _)| field.clone()).collect::<Vec<_>>()
    };
    assert_eq!(fields(AdoptOrderRequest { channel: "moon".into(), ..ask(1) }).await, ["channel"]);
    assert_eq!(fields(AdoptOrderRequest { order_number: String::new(), ..ask(1) }).await, ["order_number"]);
    assert_eq!(fields(AdoptOrderRequest { idempotency_key: String::new(), ..ask(1) }).await, ["idempotency_key"]);
}
