//! Lists, watching, and what a wrong question is told.

use retail_proto::orders::v1::{GetOrderRequest, ListOrdersRequest, OrderState, PlaceOrderRequest, WatchOrderRequest};
use retail_runtime::fault::{Class, Refusal};
use tonic_types::StatusExt as _;

use crate::harness::{Mesh, gbp, mesh, request};

async fn list(mesh: &Mesh, request: ListOrdersRequest) -> (Vec<String>, String) {
    let answer = mesh.orders().list_orders(request).await.unwrap().into_inner();
    (answer.orders.into_iter().map(|order| order.order_number).collect(), answer.next_page_token)
}

async fn refused(mesh: &Mesh, request: ListOrdersRequest) -> Refusal {
    Refusal::read(&mesh.orders().list_orders(request).await.unwrap_err())
}

#[tokio::test]
async fn a_list_is_read_page_by_page_newest_first_and_none_is_left_out() {
    let mesh = mesh().await;
    for number in 1001..=1005 {
        mesh.place(request(number)).await;
    }
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) =
            list(&mesh, ListOrdersRequest { page_size: 2, page_token: token, ..Default::default() }).await;
        assert!(page.len() <= 2);
        all.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(all, ["#1005", "#1004", "#1003", "#1002", "#1001"]);
}

#[tokio::test]
async fn lists_are_asked_by_state_customer_number_or_need_of_a_person() {
    let mesh = mesh().await;
    mesh.booked(1001).await;
    let held = mesh.place(PlaceOrderRequest { total: Some(gbp(1)), ..request(1002) }).await;
    mesh.until(&held, |order| order.state() == OrderState::Held && !order.customer_id.is_empty()).await;
    let by_state = |state: OrderState| ListOrdersRequest { state: i32::from(state), ..Default::default() };
    assert_eq!(list(&mesh, by_state(OrderState::Booked)).await.0, ["#1001"]);
    assert_eq!(list(&mesh, by_state(OrderState::Held)).await.0, ["#1002"]);
    assert!(list(&mesh, by_state(OrderState::Received)).await.0.is_empty(), "it has left that list");
    let by_number = ListOrdersRequest { order_number: "#1001".into(), ..Default::default() };
    assert_eq!(list(&mesh, by_number).await.0, ["#1001"]);
    let by_customer = ListOrdersRequest { customer_id: "c-1".into(), ..Default::default() };
    assert_eq!(list(&mesh, by_customer).await.0, ["#1002", "#1001"]);
    let exceptions = ListOrdersRequest { exceptions_only: true, ..Default::default() };
    assert_eq!(list(&mesh, exceptions).await.0, ["#1002"]);
}

#[tokio::test]
async fn several_filters_must_all_fit() {
    let mesh = mesh().await;
    let first = mesh.booked(1001).await;
    let held = mesh.place(PlaceOrderRequest { total: Some(gbp(1)), ..request(1002) }).await;
    mesh.until(&held, |order| order.state() == OrderState::Held && !order.customer_id.is_empty()).await;
    let hers = ListOrdersRequest { customer_id: "c-1".into(), ..Default::default() };
    let held = i32::from(OrderState::Held);
    assert_eq!(list(&mesh, ListOrdersRequest { state: held, ..hers.clone() }).await.0, ["#1002"]);
    assert_eq!(list(&mesh, ListOrdersRequest { exceptions_only: true, ..hers.clone() }).await.0, ["#1002"]);
    assert!(list(&mesh, ListOrdersRequest { channel: "none".into(), ..hers }).await.0.is_empty());
    let order = mesh.orders().get_order(GetOrderRequest { order_id: first }).await.unwrap().into_inner().order.unwrap();
    let sales_order = order.refs.iter().find(|record| record.r#type == "salesOrder").unwrap().id.clone();
    let by_document = ListOrdersRequest { reference: sales_order, ..Default::default() };
    assert_eq!(list(&mesh, by_document.clone()).await.0, ["#1001"]);
    assert!(list(&mesh, ListOrdersRequest { state: held, ..by_document }).await.0.is_empty());
}

#[tokio::test]
async fn a_span_of_time_holds_its_beginning_and_not_its_end() {
    let mesh = mesh().await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    for (number, seconds) in [(1001, 100), (1002, 200), (1003, 300)] {
        mesh.place(PlaceOrderRequest { placed_at: at(seconds), ..request(number) }).await;
    }
    let span = |from, until| ListOrdersRequest { placed_from: from, placed_until: until, ..Default::default() };
    assert_eq!(list(&mesh, span(at(100), at(300))).await.0, ["#1002", "#1001"]);
    assert_eq!(list(&mesh, span(at(200), None)).await.0, ["#1003", "#1002"]);
    assert_eq!(list(&mesh, span(None, at(200))).await.0, ["#1001"]);
}

#[tokio::test]
async fn a_wrong_question_names_its_field() {
    let mesh = mesh().await;
    let token = refused(&mesh, ListOrdersRequest { page_token: "garbage".into(), ..Default::default() }).await;
    assert_eq!((token.class(), token.fields()[0].0.as_str()), (Class::Invalid, "page_token"));
    let size = refused(&mesh, ListOrdersRequest { page_size: -1, ..Default::default() }).await;
    assert_eq!(size.fields()[0].0, "page_size");
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let turned = ListOrdersRequest { placed_from: at(2), placed_until: at(1), ..Default::default() };
    assert_eq!(refused(&mesh, turned).await.fields()[0].0, "placed_until");
    let nowhere = ListOrdersRequest { pickup_location: "SOHO".into(), ..Default::default() };
    assert_eq!(refused(&mesh, nowhere).await.fields()[0].0, "pickup_location");
}

#[tokio::test]
async fn watching_shows_every_step_and_ends_with_the_order() {
    let mesh = mesh().await;
    let id = mesh.place(request(1001)).await;
    let mut stream = mesh.orders().watch_order(WatchOrderRequest { order_id: id.clone() }).await.unwrap().into_inner();
    let (mut versions, mut last) = (Vec::new(), OrderState::Unspecified);
    while let Some(message) = stream.message().await.unwrap() {
        let order = message.order.unwrap();
        versions.push(order.version);
        last = order.state();
        if last == OrderState::Booked
            && order.shipments.is_empty()
            && mesh.erp.books().orders[&id].fulfilments.is_empty()
        {
            mesh.ship_all(&id);
        }
    }
    assert_eq!(last, OrderState::Completed);
    assert!(versions.is_sorted() && versions.len() > 2, "{versions:?}");
}

#[tokio::test]
async fn every_refusal_says_its_reason_and_its_domain() {
    let mesh = mesh().await;
    let status = mesh.orders().get_order(GetOrderRequest { order_id: "none".into() }).await.unwrap_err();
    let info = status.get_error_details().error_info().cloned().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("NO_SUCH_ORDER", "orders.retail"));
    assert_eq!(info.metadata["order_id"], "none");
    let status = mesh.orders().watch_order(WatchOrderRequest { order_id: "none".into() }).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "NO_SUCH_ORDER");
}
