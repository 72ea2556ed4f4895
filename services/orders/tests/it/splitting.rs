//! A line over several places: decided, promised, booked, shipped and given back part by part.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{
    EditOrderRequest, EditState, LineQuantity, Order, OrderState, RerouteState, SourcingOutcome as Outcome,
};

use crate::harness::{Mesh, request};
use crate::sourcing::{HEART, LANTERN, places, stocked_by};

const POLICY: &str = r#"
    [places.MAIN]
    cost = 300
    [places.SOHO]
    cost = 400
    [places.LEEDS]
    cost = 500
    [policies.default]
    version = "2024-03"
    places = ["MAIN", "SOHO", "LEEDS"]
    prefer = ["cost"]
    split_limit = 3
    split_lines = true
"#;

/// Four hearts at MAIN, two in SOHO, none in LEEDS; lanterns at MAIN.
const STOCK: [(&str, &str, i64); 4] =
    [("MAIN", HEART, 4), ("MAIN", LANTERN, 9), ("SOHO", HEART, 2), ("LEEDS", HEART, 0)];

async fn booked() -> (Mesh, String, Order) {
    let mesh = stocked_by(POLICY, &STOCK).await;
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    (mesh, id, order)
}

/// Number, quantity, place, whose part.
fn told(order: &Order) -> Vec<(i32, &str, &str, i32)> {
    let lines = order.lines.iter();
    lines.map(|line| (line.number, line.quantity.as_str(), line.location.as_str(), line.split_from)).collect()
}

#[tokio::test]
async fn a_line_that_no_place_has_is_one_line_in_two_parts_for_stock_erp_and_shop() {
    let (mesh, id, order) = booked().await;
    assert_eq!(told(&order), [(1, "4", "MAIN", 0), (2, "6", "MAIN", 0), (3, "2", "SOHO", 1)]);
    assert_eq!(order.lines[0].channel_line_id, order.lines[2].channel_line_id);
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!(sourcing.outcome(), Outcome::Split);
    assert!(sourcing.why.starts_with("MAIN ships lines 1 (4 of 6), 2, SOHO ships line 1 (2 of 6)"), "{}", sourcing.why);
    let amounts: i64 = order.lines.iter().map(|line| line.amount.as_ref().unwrap().minor_units).sum();
    assert_eq!(amounts, order.total.as_ref().unwrap().minor_units);
    {
        let books = mesh.erp.books();
        let input: Vec<_> =
            books.inputs[&id].lines.iter().map(|line| (line.line_number, line.location.as_str())).collect();
        assert_eq!(input, [(1, "MAIN"), (2, "MAIN"), (3, "SOHO")]);
    }
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 4), (2, 6), (3, 2)]));
    mesh.until_state(&id, OrderState::Completed).await;
    let consumed: Vec<_> = mesh.stock.books.open().consumed.values().flatten().cloned().collect();
    let parts = consumed.iter().filter(|line| line.line_id != format!("{id}/2"));
    let pieces: i64 = parts.map(|line| line.quantity.parse::<i64>().unwrap()).sum();
    assert_eq!(pieces, 6, "every part is taken off once, under its own id");
}

#[tokio::test]
async fn a_promise_whose_answer_was_lost_is_of_the_same_parts() {
    let mesh = stocked_by(POLICY, &STOCK).await;
    mesh.stock.books.open().lost_answers = 1;
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(told(&order), [(1, "4", "MAIN", 0), (2, "6", "MAIN", 0), (3, "2", "SOHO", 1)]);
    assert_eq!(mesh.stock.books.open().calls.iter().filter(|call| **call == "look").count(), 1);
}

#[tokio::test]
async fn stock_that_moves_before_the_promise_makes_other_parts() {
    let mesh = stocked_by(POLICY, &STOCK).await;
    // Somebody else takes a heart in SOHO after the look, and LEEDS gets one before the next.
    mesh.stock.books.open().snatched.push_back((("SOHO".to_owned(), HEART.to_owned()), 1));
    let leeds = ("LEEDS".to_owned(), HEART.to_owned());
    mesh.stock.books.open().restocked.extend([(leeds.clone(), 0), (leeds, 1)]);
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(told(&order), [(1, "4", "MAIN", 0), (2, "6", "MAIN", 0), (3, "1", "SOHO", 1), (4, "1", "LEEDS", 1)]);
    assert_eq!(order.sourcing.unwrap().overtaken.len(), 1);
}

#[tokio::test]
async fn a_rejected_part_goes_to_several_places_and_the_erp_hears_it_in_one_write() {
    let (mesh, id, _) = booked().await;
    {
        let mut stock = mesh.stock.books.open();
        for place in ["MAIN", "LEEDS"] {
            stock.rows.insert((place.to_owned(), HEART.to_owned()), 1);
        }
    }
    mesh.erp.books().change_falls_silent = true;
    mesh.reject(&id, "SOHO").await.unwrap();
    let over = |order: &Order| order.reroutes.last().is_some_and(|last| last.state() != RerouteState::Open);
    let order = mesh.until(&id, over).await.pop().unwrap();
    assert_eq!(order.reroutes[0].state(), RerouteState::Done, "{:?}", order.reroutes[0]);
    assert_eq!(told(&order), [(1, "4", "MAIN", 0), (2, "6", "MAIN", 0), (3, "1", "MAIN", 1), (4, "1", "LEEDS", 1)]);
    assert_eq!(mesh.stock.state(&format!("{id}/m1")), Some(ReservationState::Confirmed));
    {
        let books = mesh.erp.books();
        let input: Vec<_> =
            books.inputs[&id].lines.iter().map(|line| (line.line_number, line.quantity.as_str())).collect();
        assert_eq!(input, [(1, "4"), (2, "6"), (3, "1"), (4, "1")]);
    }
    let held = mesh.stock.books.open().reservations[&id].clone();
    let released = held.lines.iter().find(|line| line.location == "SOHO").unwrap();
    assert_eq!((released.released.as_str(), released.quantity.as_str()), ("2", "2"), "SOHO has its pieces back");
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 4), (2, 6), (3, 1), (4, 1)]));
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn the_customers_line_is_edited_as_one_and_what_it_needs_no_longer_is_given_back_by_the_last_part() {
    let (mesh, id, _) = booked().await;
    let quantities = |quantity: &str| vec![LineQuantity { line_number: 1, quantity: quantity.into() }];
    let asked = EditOrderRequest {
        idempotency_key: "e-1".into(),
        order_id: id.clone(),
        reason: "five are enough".into(),
        quantities: quantities("5"),
        ..EditOrderRequest::default()
    };
    mesh.edit(asked.clone()).await.unwrap();
    let done = |order: &Order| order.edits.last().is_some_and(|last| last.state() == EditState::Done);
    let order = mesh.until(&id, done).await.pop().unwrap();
    assert_eq!(told(&order), [(1, "4", "MAIN", 0), (2, "6", "MAIN", 0), (3, "1", "SOHO", 1)]);
    let mut both = EditOrderRequest { idempotency_key: "e-2".into(), quantities: quantities("4"), ..asked };
    both.quantities.push(LineQuantity { line_number: 3, quantity: "1".into() });
    let refusal = mesh.edit(both).await.unwrap_err();
    assert!(format!("{refusal:?}").contains("line 3 is a part of line 1; name one of both"), "{refusal:?}");
    assert_eq!(places(&order), ["MAIN", "MAIN", "SOHO"]);
}
