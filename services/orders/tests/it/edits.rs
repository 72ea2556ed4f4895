//! Orders that are edited: promised, told to the ERP, given back; refused with the reason, and once however often it is said.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{
    Capture, EditOrderRequest, EditState, LineInput, LineKind, LineQuantity, Order, OrderState, Payment, PaymentState,
    PickupInput, PlaceOrderRequest,
};
use retail_proto::types::v1::Address;
use retail_runtime::fault::Class;

use crate::harness::{Mesh, gbp, mesh, request};
use crate::sourcing::{HEART, LANTERN, POLICY, places, stocked_by};

fn wish(id: &str, key: &str) -> EditOrderRequest {
    EditOrderRequest { idempotency_key: key.into(), order_id: id.into(), ..EditOrderRequest::default() }
}

fn lines(quantities: &[(i32, &str)]) -> Vec<LineQuantity> {
    let line = |(number, quantity): &(i32, &str)| LineQuantity { line_number: *number, quantity: (*quantity).into() };
    quantities.iter().map(line).collect()
}

fn bell(quantity: &str) -> LineInput {
    LineInput {
        kind: i32::from(LineKind::Goods),
        sku: "22752".into(),
        quantity: quantity.into(),
        unit_price: "7.65".into(),
        ..LineInput::default()
    }
}

fn paid(minor: i64) -> Option<Payment> {
    let captured = i32::from(PaymentState::Captured);
    Some(Payment {
        tender: 1,
        amount: Some(gbp(minor)),
        state: captured,
        reference: "ch_more".into(),
        ..Default::default()
    })
}

async fn ended(mesh: &Mesh, id: &str) -> Order {
    let over = |order: &Order| order.edits.last().is_some_and(|last| last.state() != EditState::Open);
    mesh.until(id, over).await.pop().unwrap()
}

/// Booked, promised for good, its money in the ERP's books.
async fn settled(mesh: &Mesh, number: u32) -> String {
    let id = mesh.booked(number).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    id
}

#[tokio::test]
async fn fewer_pieces_ship_and_the_difference_goes_back_to_the_penny() {
    let mesh = mesh().await;
    let id = settled(&mesh, 1001).await;
    mesh.erp.books().change_falls_silent = true;
    mesh.edit(EditOrderRequest { quantities: lines(&[(1, "4"), (2, "0")]), ..wish(&id, "e-1") }).await.unwrap();
    let order = ended(&mesh, &id).await;
    let edit = &order.edits[0];
    assert_eq!((edit.state(), edit.who.as_str(), edit.why.as_str()), (EditState::Done, "mesh", "the customer called"));
    assert_eq!((&edit.total_before, &edit.total, &order.total), (&Some(gbp(3564)), &Some(gbp(1020)), &Some(gbp(1020))));
    let seen: Vec<_> = edit.lines.iter().map(|line| (line.quantity_before.as_str(), line.quantity.as_str())).collect();
    assert_eq!(seen, [("6", "4"), ("6", "0")]);
    let released: Vec<_> = {
        let books = mesh.stock.books.open();
        books.reservations[&id].lines.iter().map(|line| line.released.clone()).collect()
    };
    assert_eq!(released, ["2", "6"]);
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 4)]));
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.shop.books.open().given_back("1001"), 3564 - 1020);
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn a_further_line_and_more_of_another_are_promised_paid_and_shipped() {
    let mesh = mesh().await;
    let id = settled(&mesh, 1001).await;
    let request = EditOrderRequest {
        quantities: lines(&[(1, "8")]),
        new_lines: vec![bell("2")],
        payment: paid(510 + 1530),
        ..wish(&id, "e-1")
    };
    mesh.edit(request).await.unwrap();
    let order = ended(&mesh, &id).await;
    assert_eq!(order.edits[0].state(), EditState::Done, "{:?}", order.edits);
    assert_eq!((order.lines[2].sku.as_str(), order.lines[2].reserved.as_str()), ("22752", "2"));
    assert_eq!(mesh.stock.state(&format!("{id}/e1")), Some(ReservationState::Confirmed));
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 8), (2, 6), (3, 2)]));
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert!(order.refunds.is_empty());
    let taken: Vec<_> = mesh.stock.books.open().consumed.values().flatten().map(|line| line.quantity.clone()).collect();
    assert_eq!(taken, ["6", "6", "2", "2"], "two reservations hold the first line");
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
    let shop = mesh.shop.books.open();
    let told: Vec<_> = shop.fulfilments.values().flat_map(|one| &one.lines).map(|line| line.quantity).collect();
    assert_eq!(told, [8, 6, 2], "the shop was told of the edit before of the parcel");
}

#[tokio::test]
async fn what_is_not_in_stock_leaves_everything_as_it_was() {
    let mesh = mesh().await;
    let id = settled(&mesh, 1001).await;
    mesh.stock.books.open().lacking.insert("22752".into());
    mesh.edit(EditOrderRequest { new_lines: vec![bell("2")], payment: paid(1530), ..wish(&id, "e-1") }).await.unwrap();
    let order = ended(&mesh, &id).await;
    let edit = &order.edits[0];
    assert_eq!(edit.state(), EditState::Failed);
    assert!(edit.outcome.starts_with("INSUFFICIENT_STOCK"), "{}", edit.outcome);
    assert_eq!((order.lines.len(), &order.total), (2, &Some(gbp(3564))));
    assert_eq!(mesh.erp.books().change_calls, 0);
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.erp.books().unapplied(&id), 0, "what was paid for it went back");
}

#[tokio::test]
async fn what_the_erp_refuses_is_withdrawn_with_its_words() {
    let mesh = mesh().await;
    let id = settled(&mesh, 1001).await;
    mesh.erp.books().picking = true;
    mesh.edit(EditOrderRequest { quantities: lines(&[(1, "7")]), payment: paid(255), ..wish(&id, "e-1") })
        .await
        .unwrap();
    let order = ended(&mesh, &id).await;
    assert_eq!(order.edits[0].state(), EditState::Failed);
    assert!(order.edits[0].outcome.contains("being picked"), "{}", order.edits[0].outcome);
    assert_eq!(order.lines[0].quantity, "6");
    assert_eq!(mesh.stock.state(&format!("{id}/e1")), Some(ReservationState::Released));
}

#[tokio::test]
async fn another_address_reaches_the_erp_and_another_store_takes_everything() {
    let mesh =
        stocked_by(POLICY, &[("MAIN", HEART, 9), ("MAIN", LANTERN, 9), ("LEEDS", HEART, 9), ("LEEDS", LANTERN, 9)])
            .await;
    let id = mesh.place(request(1001)).await;
    mesh.until_state(&id, OrderState::Booked).await;
    let address = Address { name: "A. Jones".into(), city: "Leeds".into(), ..Address::default() };
    mesh.edit(EditOrderRequest { shipping_address: Some(address.clone()), ..wish(&id, "e-1") }).await.unwrap();
    let order = ended(&mesh, &id).await;
    assert_eq!((order.edits[0].state(), &order.shipping_address), (EditState::Done, &Some(address.clone())));
    assert_eq!(mesh.erp.books().inputs[&id].shipping_address, Some(address));
    let pickup = PickupInput { location: "LEEDS".into(), contact_name: "A. Jones".into(), ..Default::default() };
    mesh.edit(EditOrderRequest { pickup: Some(pickup), ..wish(&id, "e-2") }).await.unwrap();
    let moved = |order: &Order| order.edits.len() == 2 && order.edits[1].state() == EditState::Done;
    let order = mesh.until(&id, moved).await.pop().unwrap();
    assert_eq!((places(&order), order.edits[1].store.as_str()), (vec!["LEEDS"; 2], "LEEDS"));
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
    mesh.ready(&id).await.unwrap();
    mesh.ship_all(&id);
    mesh.hand_over(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn of_two_edits_at_once_one_wins_and_a_repeat_of_it_is_the_same_edit() {
    let mesh = mesh().await;
    let id = settled(&mesh, 1001).await;
    let version = mesh.get(&id).await.version;
    let to = |quantity: &str, key: &str| EditOrderRequest {
        quantities: lines(&[(1, quantity)]),
        expected_version: version,
        ..wish(&id, key)
    };
    let (first, second) = tokio::join!(mesh.edit(to("4", "e-1")), mesh.edit(to("5", "e-2")));
    assert_eq!([&first, &second].iter().filter(|answer| answer.is_ok()).count(), 1);
    let (key, quantity) = if first.is_ok() { ("e-1", "4") } else { ("e-2", "5") };
    let refusal = first.and(second).unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Conflict, "EDIT_CONFLICT"));
    assert!(refusal.metadata("what").unwrap().contains(&format!("{quantity} instead of 6")), "{refusal:?}");
    ended(&mesh, &id).await;
    let again = mesh.edit(to(quantity, key)).await.unwrap();
    assert_eq!(again.edits.len(), 1);
    assert_eq!(mesh.erp.books().change_calls, 1);
}

#[tokio::test]
async fn an_order_that_waits_for_stock_is_edited_and_goes_on() {
    let mesh = mesh().await;
    mesh.stock.books.open().unknown.insert(LANTERN.into());
    let id = mesh.place(request(1001)).await;
    mesh.until_state(&id, OrderState::Held).await;
    mesh.edit(EditOrderRequest { quantities: lines(&[(2, "0")]), ..wish(&id, "e-1") }).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!((order.edits[0].state(), &order.total), (EditState::Done, &Some(gbp(1530))));
    assert_eq!(mesh.erp.books().inputs[&id].lines.len(), 1, "the ERP never hears of it");
    assert_eq!(mesh.stock.state(&id), None);
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.stock.state(&format!("{id}/o1")), Some(ReservationState::Confirmed));
    assert_eq!(mesh.shop.books.open().given_back("1001"), 2034);
}

#[tokio::test]
async fn an_item_that_nobody_knows_and_a_rise_that_nobody_paid_are_refused_at_once() {
    let mesh = mesh().await;
    let id = settled(&mesh, 1001).await;
    let refusal = mesh.edit(EditOrderRequest { new_lines: vec![bell("1")], ..wish(&id, "e-1") }).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "EDIT_NOT_PAID"));
    assert_eq!(refusal.metadata("missing"), Some("7.65 GBP"));
    mesh.stock.books.open().unknown.insert("22752".into());
    let refusal = mesh.edit(EditOrderRequest { new_lines: vec![bell("1")], ..wish(&id, "e-2") }).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("UNKNOWN_ITEM", "new_lines[0].sku"));
    assert!(mesh.get(&id).await.edits.is_empty());
}

#[tokio::test]
async fn a_sale_over_a_till_keeps_its_goods() {
    let mesh = mesh().await;
    let till = PlaceOrderRequest { channel: "till".into(), capture: i32::from(Capture::Fact), ..request(1001) };
    let id = mesh.place(till).await;
    mesh.until_state(&id, OrderState::Booked).await;
    let refusal = mesh.edit(EditOrderRequest { quantities: lines(&[(1, "4")]), ..wish(&id, "e-1") }).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.metadata("field")), ("EDIT_REFUSED", Some("quantities")));
}
