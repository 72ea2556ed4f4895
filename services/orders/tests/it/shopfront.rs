//! What people do to orders in the shop's admin, and what the shop hears of what becomes of them here.

use std::collections::BTreeMap;

use retail_orders::{OnShopEdit, ShopEdits, Sourcing};
use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{
    ChannelLine, LineCancellationState, ListOrdersRequest, Order, OrderState, PickupInput, PlaceOrderRequest,
    TakeChannelOrderRequest,
};
use retail_runtime::fault::{Class, Refusal};
use retail_runtime::{Clock, Net};

use crate::erp::Ledgers;
use crate::harness::{Mesh, mesh, mesh_sourced, request};

/// How a standard order stands at the shop: what was taken off its lines.
fn standing(number: u32, version: u64, off: &[(&str, u32)]) -> TakeChannelOrderRequest {
    let line = |id: &str| ChannelLine {
        channel_line_id: id.into(),
        sku: format!("SKU-{id}"),
        ordered: "6".into(),
        removed: off.iter().find(|(line, _)| *line == id).map_or(0, |(_, units)| *units).to_string(),
        is_goods: true,
        ..Default::default()
    };
    TakeChannelOrderRequest {
        idempotency_key: format!("webhook-{number}-{version}"),
        channel: "shop".into(),
        channel_order_id: number.to_string(),
        version,
        lines: vec![line("91"), line("92")],
        ..Default::default()
    }
}

fn cancelled(number: u32, version: u64) -> TakeChannelOrderRequest {
    TakeChannelOrderRequest { cancelled: true, cancel_reason: "customer".into(), ..standing(number, version, &[]) }
}

async fn told(mesh: &Mesh, request: TakeChannelOrderRequest) -> Result<Order, Refusal> {
    let answer = mesh.orders().take_channel_order(request).await.map_err(|status| Refusal::read(&status))?;
    Ok(answer.into_inner().order.unwrap())
}

/// Somebody cancels it in the shop's admin and gives so much back.
async fn call_off_in_the_shop(mesh: &Mesh, pence: i64) {
    mesh.shop.books.write(|shop| {
        shop.cancelled.push("1001".into());
        if pence > 0 {
            shop.give_back("1001", pence);
        }
    });
    for version in [1, 1, 2] {
        told(mesh, cancelled(1001, version)).await.unwrap();
    }
}

async fn paid(mesh: &Mesh) -> String {
    let id = mesh.booked(1001).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    id
}

async fn exceptions(mesh: &Mesh) -> Vec<String> {
    let request = ListOrdersRequest { exceptions_only: true, ..Default::default() };
    let orders = mesh.orders().list_orders(request).await.unwrap().into_inner().orders;
    orders.into_iter().map(|order| order.order_id).collect()
}

#[tokio::test]
async fn an_order_cancelled_in_the_shop_is_undone_everywhere_and_its_money_goes_back_once() {
    for (by_the_shop, by_us) in [(3564, 0), (1000, 1), (0, 1)] {
        let mesh = mesh().await;
        let id = paid(&mesh).await;
        call_off_in_the_shop(&mesh, by_the_shop).await;
        let order = mesh.until_state(&id, OrderState::Cancelled).await;
        assert_eq!(order.cause, "cancelled in the shop: customer");
        assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
        {
            let erp = mesh.erp.books();
            assert_eq!((erp.close_calls, erp.unapplied(&id)), (1, 0));
        }
        let shop = mesh.shop.books.open();
        assert_eq!((shop.given_back("1001"), shop.refund_calls), (3564, by_us));
        assert!(!shop.done.contains(&"cancel"), "the shop is not told its own news");
    }
}

#[tokio::test]
async fn an_order_that_has_shipped_before_the_shop_cancelled_it_is_an_exception_and_never_silent() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    let order = told(&mesh, cancelled(1001, 1)).await.unwrap();
    assert_eq!((order.state(), order.holds[0].reason.as_str()), (OrderState::Completed, "CANCELLED_IN_SHOP"));
    assert_eq!(exceptions(&mesh).await, std::slice::from_ref(&id));
    mesh.release(&id, "CANCELLED_IN_SHOP").await.unwrap();
    assert!(exceptions(&mesh).await.is_empty());
}

#[tokio::test]
async fn a_warehouse_that_is_faster_than_the_shops_cancellation_leaves_an_exception() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.erp.books.write(|erp: &mut Ledgers| {
        erp.ship(&id, &[(1, 6), (2, 6)]);
        erp.hidden = true;
    });
    told(&mesh, cancelled(1001, 1)).await.unwrap();
    mesh.erp.books.until(|erp| erp.close_calls > 0).await;
    mesh.erp.books().hidden = false;
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!((order.parked, order.holds[0].reason.as_str()), (false, "CANCELLED_IN_SHOP"));
}

#[tokio::test]
async fn an_order_that_nobody_has_placed_yet_is_not_found_and_a_broken_fact_is_named() {
    let mesh = mesh().await;
    let refusal = told(&mesh, cancelled(1001, 1)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_ORDER"));
    let refusal = told(&mesh, standing(1001, 0, &[])).await.unwrap_err();
    assert_eq!(refusal.fields()[0].0, "version");
}

#[tokio::test]
async fn a_line_that_is_taken_off_in_the_shop_is_closed_in_the_erp_and_the_rest_ships() {
    let mesh = mesh().await;
    let id = paid(&mesh).await;
    mesh.shop.books.write(|shop| shop.taken_off.push(("1001".into(), "by hand".into(), "92".into(), 6)));
    told(&mesh, standing(1001, 1, &[("92", 6)])).await.unwrap();
    let over =
        |order: &Order| order.line_cancellations.first().is_some_and(|one| one.state() == LineCancellationState::Done);
    let order = mesh.until(&id, over).await.pop().unwrap();
    assert_eq!((order.line_cancellations[0].line_numbers.clone(), order.holds.len()), (vec![2], 0));
    mesh.erp.books.write(|erp: &mut Ledgers| erp.ship(&id, &[(1, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
    let shop = mesh.shop.books.open();
    assert_eq!((shop.given_back("1001"), shop.taken_off.len()), (2034, 1));
    assert!(shop.refunds[0].1.lines.is_empty(), "people have taken it off already");
}

#[tokio::test]
async fn an_order_that_was_edited_to_nothing_is_cancelled_here_and_there() {
    let mesh = mesh().await;
    let id = paid(&mesh).await;
    told(&mesh, standing(1001, 1, &[("91", 6), ("92", 6)])).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "every line was taken off in the shop");
    assert_eq!(mesh.shop.books.open().done, ["cancel", "refund"]);
}

#[tokio::test]
async fn an_edit_that_people_decide_waits_among_the_exceptions_with_both_sides() {
    let ask = ShopEdits { edits: OnShopEdit::Ask, ..ShopEdits::default() };
    let mesh = mesh_sourced(
        Clock::system(),
        Net::tcp(),
        Sourcing { channels: BTreeMap::from([("shop".to_owned(), ask)]), ..Sourcing::default() },
    );
    let mesh = mesh.await;
    let id = mesh.booked(1001).await;
    told(&mesh, standing(1001, 1, &[("91", 2)])).await.unwrap();
    let order = mesh.get(&id).await;
    assert_eq!((order.status.as_str(), order.state()), ("Changed in the shop", OrderState::Booked));
    assert!(order.holds[0].detail.contains("the shop wants 4, here 6 are ordered"), "{:?}", order.holds);
    assert_eq!(exceptions(&mesh).await, std::slice::from_ref(&id));
    told(&mesh, standing(1001, 2, &[])).await.unwrap();
    assert!(mesh.get(&id).await.holds.is_empty(), "the shop has thought again");
    assert!(exceptions(&mesh).await.is_empty());
}

#[tokio::test]
async fn what_is_cancelled_here_is_cancelled_in_the_shop_once_before_its_money_goes_back() {
    let mesh = mesh().await;
    let id = paid(&mesh).await;
    mesh.shop.books.open().lost = 1;
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    {
        let shop = mesh.shop.books.open();
        assert_eq!(
            (shop.done.as_slice(), shop.cancelled.as_slice()),
            (["cancel", "refund"].as_slice(), ["1001".to_owned()].as_slice())
        );
        assert_eq!(shop.given_back("1001"), 3564);
    }
    // The shop tells of it, as it tells of everything.
    let order = told(&mesh, cancelled(1001, 9)).await.unwrap();
    assert_eq!(
        (order.state(), order.cause.as_str(), order.holds.len()),
        (OrderState::Cancelled, "no longer wanted", 0)
    );
}

#[tokio::test]
async fn a_shop_that_will_not_cancel_stops_the_money_until_a_person_has_looked() {
    let mesh = mesh().await;
    let id = paid(&mesh).await;
    mesh.shop.books.open().keeps = true;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until(&id, |order| order.parked).await.pop().unwrap();
    assert!(order.cause.starts_with("SHOP_REFUSED"), "{}", order.cause);
    assert_eq!(mesh.shop.books.open().given_back("1001"), 0);
}

#[tokio::test]
async fn an_order_that_was_only_asked_for_under_the_shops_name_is_not_looked_for_there() {
    let mesh = mesh().await;
    let asked = PlaceOrderRequest { capture: 1, payments: Vec::new(), ..request(1001) };
    let id = mesh.place(asked).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    assert!(mesh.shop.books.open().done.is_empty());
}

#[tokio::test]
async fn a_line_that_is_cancelled_here_is_taken_off_in_the_shop_at_once_and_paid_back_in_the_end() {
    let mesh = mesh().await;
    let id = paid(&mesh).await;
    mesh.shop.books.open().lost = 1;
    mesh.cancel_lines(&id, &[2]).await.unwrap();
    mesh.shop.books.until(|shop| !shop.taken_off.is_empty() && shop.lost == 0).await;
    assert_eq!(mesh.shop.books.open().given_back("1001"), 0, "the rest has not shipped yet");
    mesh.erp.books.write(|erp: &mut Ledgers| erp.ship(&id, &[(1, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
    let shop = mesh.shop.books.open();
    assert_eq!(shop.taken_off, [("1001".to_owned(), format!("{id}/c1"), "92".to_owned(), 6)]);
    assert_eq!((shop.given_back("1001"), shop.refunds[0].1.lines.len()), (2034, 0));
}

#[tokio::test]
async fn a_pickup_that_the_shop_sold_is_ready_there_once_and_fulfilled_when_the_customer_has_it() {
    let mesh = mesh().await;
    let pickup = PickupInput { location: "SOHO".into(), contact_name: "Mr Jones".into(), ..Default::default() };
    let id = mesh.place(PlaceOrderRequest { pickup: Some(pickup), ..request(1001) }).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.shop.books.open().lost = 1;
    mesh.ready(&id).await.unwrap();
    mesh.shop.books.until(|shop| shop.lost == 0 && !shop.ready.is_empty()).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Shipped).await;
    assert!(mesh.shop.books.open().fulfilments.is_empty(), "it waits in the store");
    mesh.hand_over(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Completed).await;
    let shop = mesh.shop.books.open();
    assert_eq!(shop.ready, [("1001".to_owned(), "SOHO".to_owned())]);
    let fulfilment = shop.fulfilments.values().next().unwrap();
    assert!(fulfilment.lines.iter().all(|line| line.location == "SOHO"));
}
