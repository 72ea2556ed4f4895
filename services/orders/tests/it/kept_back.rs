//! The safety stock of a place: looked at, promised with, and looked at again when somebody else was faster.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{
    Capture, EditOrderRequest, EditState, LineInput, LineKind, LineQuantity, Order, OrderState, PlaceOrderRequest,
    RerouteOrderRequest, RerouteState, SourcingOutcome as Outcome,
};

use crate::harness::{Mesh, gbp, request};
use crate::sourcing::{HEART, LANTERN, places, stocked_by};

/// SOHO goes first and keeps two of each item back, MAIN one.
const POLICY: &str = r#"
    [places.SOHO]
    cost = 300
    safety_stock = "2"
    [places.MAIN]
    cost = 500
    safety_stock = "1"
    [policies.default]
    version = "2024-03"
    places = ["SOHO", "MAIN"]
    prefer = ["cost"]
"#;

/// An order of six hearts and six lanterns that can still be refused, from a till that nobody asks.
fn asked(number: u32) -> PlaceOrderRequest {
    let capture = i32::from(Capture::Request);
    PlaceOrderRequest { capture, channel: "till".into(), payments: vec![], ..request(number) }
}

/// As many of both items at each place.
async fn with(stock: &[(&'static str, i64)]) -> Mesh {
    let rows = stock.iter().flat_map(|(place, units)| [(*place, HEART, *units), (*place, LANTERN, *units)]);
    stocked_by(POLICY, &rows.collect::<Vec<_>>()).await
}

fn hearts(place: &str, units: i64) -> ((String, String), i64) {
    ((place.to_owned(), HEART.to_owned()), units)
}

fn left(mesh: &Mesh, place: &str) -> i64 {
    mesh.stock.books.open().rows[&(place.to_owned(), HEART.to_owned())]
}

async fn edited(mesh: &Mesh, id: &str) -> Order {
    let over = |order: &Order| order.edits.last().is_some_and(|last| last.state() != EditState::Open);
    mesh.until(id, over).await.pop().unwrap()
}

fn more_hearts(id: &str, key: &str, units: &str) -> EditOrderRequest {
    let quantities = vec![LineQuantity { line_number: 1, quantity: units.into() }];
    EditOrderRequest { idempotency_key: key.into(), order_id: id.into(), quantities, ..EditOrderRequest::default() }
}

#[tokio::test]
async fn stock_that_falls_to_what_a_place_keeps_back_between_look_and_promise_is_looked_at_again() {
    let mesh = with(&[("SOHO", 9), ("MAIN", 9)]).await;
    // Seven are there still, one more than is wanted; two of them are kept back.
    mesh.stock.books.open().snatched.push_back(hearts("SOHO", 7));
    let id = mesh.place(asked(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["MAIN", "MAIN"]);
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!(sourcing.overtaken.len(), 1);
    assert!(sourcing.overtaken[0].contains("(available 0, 2 more kept back)"), "{:?}", sourcing.overtaken);
    assert!(sourcing.lines.iter().all(|line| line.kept_back == "1"), "{:?}", sourcing.lines);
    assert_eq!((left(&mesh, "SOHO"), left(&mesh, "MAIN")), (7, 3));
}

#[tokio::test]
async fn an_order_that_was_asked_for_is_refused_rather_than_given_what_is_kept_back() {
    let mesh = with(&[("MAIN", 9)]).await;
    // Gone after each look, and back before the next one.
    mesh.stock.books.open().snatched.extend(std::iter::repeat_n(hearts("MAIN", 6), 4));
    mesh.stock.books.open().restocked.extend(std::iter::repeat_n(hearts("MAIN", 9), 4));
    let id = mesh.place(asked(1001)).await;
    let order = mesh.until_state(&id, OrderState::Refused).await;
    assert!(order.cause.contains("1 more kept back"), "{}", order.cause);
    assert_eq!(left(&mesh, "MAIN"), 6, "nothing was promised");
}

#[tokio::test]
async fn what_is_sold_is_promised_out_of_what_is_kept_back_when_nothing_else_is_there() {
    let mesh = with(&[("MAIN", 9)]).await;
    mesh.stock.books.open().snatched.extend(std::iter::repeat_n(hearts("MAIN", 6), 4));
    mesh.stock.books.open().restocked.extend(std::iter::repeat_n(hearts("MAIN", 9), 4));
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!((order.lines[0].shortfall.as_str(), left(&mesh, "MAIN")), ("0", 0));
    assert_eq!(order.sourcing.as_ref().unwrap().overtaken.len(), 3, "it was looked for elsewhere first");
}

#[tokio::test]
async fn what_waits_for_stock_keeps_nothing_back_beside_it() {
    let mesh = with(&[("SOHO", 3), ("MAIN", 3)]).await;
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!(sourcing.outcome(), Outcome::Backorder);
    assert!(sourcing.lines.iter().all(|line| line.kept_back == "0"));
    assert_eq!((order.lines[0].shortfall.as_str(), sourcing.lines[0].backordered.as_str()), ("3", "5"));
}

#[tokio::test]
async fn a_place_that_the_order_names_gives_what_it_keeps_back() {
    let mesh = with(&[("SOHO", 9), ("MAIN", 9)]).await;
    let mut one = asked(1001);
    one.lines[0].location = "SOHO".into();
    one.lines[0].quantity = "8".into();
    one.total = Some(gbp(8 * 255 + 6 * 339));
    let id = mesh.place(one).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    let sourcing = order.sourcing.as_ref().unwrap();
    let kept: Vec<_> = sourcing.lines.iter().map(|line| (line.named, line.kept_back.as_str())).collect();
    assert_eq!((kept, left(&mesh, "SOHO")), (vec![(true, "0"), (false, "2")], 1));
}

#[tokio::test]
async fn pieces_that_an_edit_adds_leave_what_the_place_keeps_back() {
    let mesh = with(&[("SOHO", 9)]).await;
    let id = mesh.place(asked(1001)).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.edit(more_hearts(&id, "e-1", "8")).await.unwrap();
    let order = edited(&mesh, &id).await;
    let edit = &order.edits[0];
    assert_eq!((edit.state(), order.lines[0].quantity.as_str()), (EditState::Failed, "6"));
    assert!(edit.outcome.contains("2 more kept back"), "{}", edit.outcome);
    mesh.edit(more_hearts(&id, "e-2", "7")).await.unwrap();
    assert_eq!(edited(&mesh, &id).await.edits[1].state(), EditState::Done);
    assert_eq!(left(&mesh, "SOHO"), 2);
    // A further line ships from where the others do, by the same rule; one that names the place takes what is there.
    let line = |location: &str| LineInput {
        kind: i32::from(LineKind::Goods),
        sku: HEART.into(),
        quantity: "1".into(),
        unit_price: "2.55".into(),
        location: location.into(),
        ..LineInput::default()
    };
    let further = |key: &str, location: &str| EditOrderRequest {
        idempotency_key: key.into(),
        order_id: id.clone(),
        new_lines: vec![line(location)],
        ..EditOrderRequest::default()
    };
    mesh.edit(further("e-3", "")).await.unwrap();
    assert_eq!(edited(&mesh, &id).await.edits[2].state(), EditState::Failed);
    mesh.edit(further("e-4", "SOHO")).await.unwrap();
    assert_eq!(edited(&mesh, &id).await.edits[3].state(), EditState::Done);
    assert_eq!(left(&mesh, "SOHO"), 1);
}

#[tokio::test]
async fn lines_that_are_rerouted_leave_what_the_new_place_keeps_back_and_a_person_may_take_it() {
    let mesh = with(&[("SOHO", 9), ("MAIN", 9)]).await;
    let id = mesh.place(asked(1001)).await;
    assert_eq!(places(&mesh.until_state(&id, OrderState::Booked).await), ["SOHO", "SOHO"]);
    // MAIN has six after every look, one of which it keeps.
    mesh.stock.books.open().snatched.extend(std::iter::repeat_n(hearts("MAIN", 6), 3));
    mesh.stock.books.open().restocked.extend(std::iter::repeat_n(hearts("MAIN", 9), 3));
    mesh.reject(&id, "SOHO").await.unwrap();
    let over = |order: &Order| order.reroutes.last().is_some_and(|last| last.state() != RerouteState::Open);
    let order = mesh.until(&id, over).await.pop().unwrap();
    assert_eq!((order.reroutes[0].state(), places(&order)), (RerouteState::Failed, vec!["SOHO"; 2]));
    assert!(order.reroutes[0].outcome.contains("1 more kept back"), "{}", order.reroutes[0].outcome);
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Confirmed), "still promised where it is");
    let wish = RerouteOrderRequest {
        idempotency_key: "r-1".into(),
        order_id: id.clone(),
        from: "SOHO".into(),
        to: "MAIN".into(),
        ..Default::default()
    };
    mesh.reroute(wish).await.unwrap();
    let twice = |order: &Order| order.reroutes.len() == 2 && order.reroutes[1].state() != RerouteState::Open;
    let order = mesh.until(&id, twice).await.pop().unwrap();
    assert_eq!((order.reroutes[1].state(), places(&order)), (RerouteState::Done, vec!["MAIN"; 2]));
    assert_eq!(left(&mesh, "MAIN"), 0);
}
