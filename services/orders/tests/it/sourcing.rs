//! Which place fulfils an order: looked at, decided, promised, and told.

use retail_orders::Sourcing;
use retail_proto::orders::v1::{
    Capture, Order, OrderState, PlaceOrderRequest, SourcingOutcome as Outcome, SourcingVerdict as Verdict,
};
use retail_proto::types::v1::Address;
use retail_runtime::{Clock, Net};

use crate::harness::{Mesh, mesh_sourced, mesh_with, request};

pub(crate) const POLICY: &str = r#"
    [places.MAIN]
    cost = 500
    [places.SOHO]
    cost = 300
    orders_per_day = 1
    [places.LEEDS]
    cost = 400
    only_zones = true
    zones.north = { cost = 200, distance_km = 20 }
    [zones.north]
    country = "GB"
    postal_prefixes = ["LS", "YO"]
    [policies.default]
    version = "2024-03"
    places = ["MAIN", "SOHO", "LEEDS"]
    split_limit = 2
    [policies.other]
    version = "1"
    brands = ["other"]
    places = ["MAIN", "SOHO"]
    prefer = ["cost"]
    shortage = "backorder"
"#;

pub(crate) const HEART: &str = "85123A";
pub(crate) const LANTERN: &str = "71053";

/// A mesh with this stock: location, item, units.
async fn stocked(rows: &[(&str, &str, i64)]) -> Mesh {
    stocked_by(POLICY, rows).await
}

/// The same by another policy.
pub(crate) async fn stocked_by(policy: &str, rows: &[(&str, &str, i64)]) -> Mesh {
    let sourcing: Sourcing = retail_runtime::config::load(policy, None, "NO_SUCH_PREFIX_").unwrap();
    let mesh = mesh_sourced(Clock::system(), Net::tcp(), sourcing).await;
    mesh.stock.books.open().rows =
        rows.iter().map(|(location, sku, units)| (((*location).to_owned(), (*sku).to_owned()), *units)).collect();
    mesh
}

/// An order of six hearts and six lanterns that can still be refused, from a till that nobody asks.
fn asked(number: u32) -> PlaceOrderRequest {
    let capture = i32::from(Capture::Request);
    PlaceOrderRequest { capture, channel: "till".into(), payments: vec![], ..request(number) }
}

pub(crate) fn places(order: &Order) -> Vec<&str> {
    order.lines.iter().map(|line| line.location.as_str()).collect()
}

fn verdict_of(order: &Order, location: &str) -> (Verdict, String) {
    let candidates = &order.sourcing.as_ref().unwrap().candidates;
    let found = candidates.iter().find(|one| one.location == location).unwrap();
    (found.verdict(), found.why.clone())
}

#[tokio::test]
async fn the_place_that_the_policy_prefers_ships_the_whole_order_and_the_order_says_why() {
    let stock =
        [("MAIN", HEART, 9), ("MAIN", LANTERN, 9), ("SOHO", HEART, 9), ("SOHO", LANTERN, 6), ("LEEDS", HEART, 9)];
    let mesh = stocked(&stock).await;
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["SOHO", "SOHO"]);
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!((sourcing.policy.as_str(), sourcing.policy_version.as_str()), ("default", "2024-03"));
    assert_eq!(sourcing.outcome(), Outcome::Whole);
    assert_eq!(sourcing.why, "SOHO ships the whole order: it goes before 1 more that could");
    let (verdict, why) = verdict_of(&order, "MAIN");
    assert_eq!(
        (verdict, why.as_str()),
        (Verdict::Outranked, "has everything; SOHO goes first: it costs 300, this one 500")
    );
    assert_eq!(verdict_of(&order, "LEEDS").0, Verdict::OutOfReach);
    let erp = mesh.erp.books();
    assert!(erp.inputs[&id].lines.iter().all(|line| line.location == "SOHO"), "the ERP ships from there");
}

#[tokio::test]
async fn an_order_that_no_place_can_fill_alone_is_split_and_ships_in_two_parcels() {
    let mesh = stocked(&[("MAIN", HEART, 9), ("LEEDS", LANTERN, 9), ("SOHO", LANTERN, 5)]).await;
    let address = Address { country_code: "GB".into(), postal_code: "ls1 4ap".into(), ..Address::default() };
    let id = mesh.place(PlaceOrderRequest { shipping_address: Some(address), ..request(1001) }).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["MAIN", "LEEDS"]);
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!((sourcing.outcome(), sourcing.zone.as_str()), (Outcome::Split, "north"));
    let (verdict, why) = verdict_of(&order, "SOHO");
    let lacks = "has 0 of 2 lines; lacks 71053: 6 needed, 5 there; 85123A: 6 needed, 0 there";
    assert_eq!((verdict, why.as_str()), (Verdict::LacksStock, lacks));
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn stock_that_moves_between_look_and_promise_is_looked_at_again() {
    let mesh = stocked(&[("MAIN", HEART, 9), ("MAIN", LANTERN, 9), ("SOHO", HEART, 9), ("SOHO", LANTERN, 9)]).await;
    let snatched = (("SOHO".to_owned(), HEART.to_owned()), 2);
    mesh.stock.books.open().snatched.push_back(snatched);
    let id = mesh.place(asked(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["MAIN", "MAIN"]);
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!(sourcing.overtaken.len(), 1);
    assert!(sourcing.overtaken[0].contains("SOHO ships the whole order"), "{:?}", sourcing.overtaken);
    assert_eq!(mesh.stock.books.open().calls[..4], ["look", "reserve", "look", "reserve"]);
}

#[tokio::test]
async fn sold_goods_are_promised_as_a_shortfall_when_stock_never_stands_still() {
    let mesh = stocked(&[("MAIN", HEART, 9), ("MAIN", LANTERN, 9)]).await;
    let hearts = |units| (("MAIN".to_owned(), HEART.to_owned()), units);
    // Gone after each look, and back before the next one.
    mesh.stock.books.open().snatched.extend([hearts(1), hearts(1), hearts(1), hearts(1)]);
    mesh.stock.books.open().restocked.extend([hearts(9), hearts(9), hearts(9), hearts(9)]);
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["MAIN", "MAIN"]);
    assert_eq!(order.lines[0].shortfall, "5");
    assert_eq!(order.sourcing.as_ref().unwrap().overtaken.len(), 3);
    assert!(order.holds.is_empty());
}

#[tokio::test]
async fn an_answer_that_was_lost_does_not_change_the_decision() {
    let mesh = stocked(&[("MAIN", HEART, 9), ("MAIN", LANTERN, 9), ("SOHO", HEART, 6), ("SOHO", LANTERN, 6)]).await;
    mesh.stock.books.open().lost_answers = 1;
    let id = mesh.place(asked(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    // Its own promise has emptied SOHO: whoever looked again would go to MAIN.
    assert_eq!(places(&order), ["SOHO", "SOHO"]);
    let calls = mesh.stock.books.open().calls.clone();
    assert_eq!(calls.iter().filter(|call| **call == "look").count(), 1);
}

#[tokio::test]
async fn an_order_that_was_asked_for_is_refused_with_what_every_place_lacks() {
    let mesh = stocked(&[("MAIN", HEART, 5), ("SOHO", LANTERN, 9)]).await;
    let id = mesh.place(asked(1001)).await;
    let order = mesh.until_state(&id, OrderState::Refused).await;
    assert!(order.cause.starts_with("INSUFFICIENT_STOCK: not everything is there"), "{}", order.cause);
    assert_eq!(order.sourcing.as_ref().unwrap().outcome(), Outcome::Refused);
    assert_eq!(verdict_of(&order, "MAIN").0, Verdict::LacksStock);
    assert_eq!(mesh.stock.books.open().calls, ["look"], "nothing was promised");
}

#[tokio::test]
async fn what_lacks_waits_for_stock_where_the_policy_says_so() {
    let mesh = stocked(&[("MAIN", HEART, 9), ("MAIN", LANTERN, 4)]).await;
    let id = mesh.place(PlaceOrderRequest { brand: "other".into(), ..asked(1001) }).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    let sourcing = order.sourcing.as_ref().unwrap();
    assert_eq!((sourcing.policy.as_str(), sourcing.outcome()), ("other", Outcome::Backorder));
    assert_eq!((sourcing.lines[1].backordered.as_str(), order.lines[1].shortfall.as_str()), ("2", "2"));
}

#[tokio::test]
async fn a_place_takes_no_more_orders_a_day_than_it_can_and_a_cancelled_one_makes_room() {
    let mesh = stocked(&[("MAIN", HEART, 99), ("MAIN", LANTERN, 99), ("SOHO", HEART, 99), ("SOHO", LANTERN, 99)]).await;
    let first = mesh.place(asked(1001)).await;
    assert_eq!(places(&mesh.until_state(&first, OrderState::Booked).await), ["SOHO", "SOHO"]);
    let second = mesh.place(asked(1002)).await;
    let order = mesh.until_state(&second, OrderState::Booked).await;
    assert_eq!(places(&order), ["MAIN", "MAIN"]);
    assert_eq!(verdict_of(&order, "SOHO").0, Verdict::AtCapacity);
    mesh.cancel(&first).await.unwrap();
    mesh.until_state(&first, OrderState::Cancelled).await;
    let third = mesh.place(asked(1003)).await;
    assert_eq!(places(&mesh.until_state(&third, OrderState::Booked).await), ["SOHO", "SOHO"]);
}

#[tokio::test]
async fn a_line_that_names_its_place_keeps_it_and_an_order_that_names_all_is_not_sourced() {
    let mesh = stocked(&[("MAIN", HEART, 9), ("SOHO", HEART, 9), ("SOHO", LANTERN, 9)]).await;
    let mut one = asked(1001);
    one.lines[0].location = "MAIN".into();
    let id = mesh.place(one).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["MAIN", "SOHO"]);
    assert!(order.sourcing.as_ref().unwrap().lines[0].named);
    let mut both = asked(1002);
    both.lines[0].location = "SOHO".into();
    both.lines[0].quantity = "1".into();
    both.lines[1].location = "SOHO".into();
    both.lines[1].quantity = "3".into();
    both.total = Some(crate::harness::gbp(255 + 3 * 339));
    let id = mesh.place(both).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!((places(&order), order.sourcing.as_ref()), (vec!["SOHO", "SOHO"], None));
}

#[tokio::test]
async fn policies_in_a_file_of_their_own_count_from_the_moment_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policies.toml");
    let text = |version: &str| format!("[places.SOHO]\n[policies.default]\nversion = {version:?}\nplaces = [\"SOHO\"]");
    std::fs::write(&file, text("2024-03")).unwrap();
    let mesh = mesh_with(Clock::system(), Net::tcp(), |config| config.sourcing_file = Some(file.clone())).await;
    let version = async |number: u32| {
        let id = mesh.place(request(number)).await;
        let order = mesh.until_state(&id, OrderState::Booked).await;
        order.sourcing.unwrap().policy_version
    };
    mesh.stock.books.open().rows =
        [HEART, LANTERN].map(|sku| (("SOHO".to_owned(), sku.to_owned()), 100_000)).into_iter().collect();
    assert_eq!(version(1001).await, "2024-03");
    std::fs::write(&file, text("2024-04")).unwrap();
    let mut number = 1002;
    while version(number).await != "2024-04" {
        assert!(number < 1_200, "the new policies never counted");
        Clock::system().sleep(std::time::Duration::from_millis(50)).await;
        number += 1;
    }
    // What cannot be used changes nothing.
    std::fs::write(&file, "[policies.default]\nversion = 7").unwrap();
    Clock::system().sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(version(2_000).await, "2024-04");
}
