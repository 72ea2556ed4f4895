//! Facts about rerouting.

use retail_proto::types::v1::Address;

use super::*;
use crate::decision::Assigned;
use crate::pickup::Pickup;
use crate::testing::order;

fn by() -> By<'static> {
    By { who: "anna@soho", at: 5, why: "not on the shelf" }
}

fn in_soho() -> Order {
    let mut order = order().booked();
    for line in &mut order.lines {
        line.location = "SOHO".into();
    }
    order
}

fn collected_in_soho() -> Order {
    Order { pickup: Some(Pickup { location: "SOHO".into(), ..Pickup::default() }), ..in_soho() }
}

fn to(place: &str) -> Wish {
    Wish { to: place.into(), ..Wish::default() }
}

fn decided(order: &Order, place: &str) -> Decision {
    let goods = order.lines.iter().filter(|line| line.is_goods());
    let lines = goods.map(|line| Assigned { number: line.number, location: place.into(), ..Assigned::default() });
    Decision { lines: lines.collect(), ..Decision::default() }
}

#[test]
fn the_new_place_has_the_goods_before_the_old_one_lets_go_of_them() {
    let mut order = in_soho();
    order.reroute(&Wish::default(), true, by()).unwrap();
    order.rerouted_to(1, &decided(&order, "MAIN"));
    assert_eq!(order.lines[0].location, "SOHO", "decided is not done");
    order.promised_elsewhere(1);
    order.moved(1);
    assert_eq!((order.lines[0].location.as_str(), order.lines[0].reservation.as_str()), ("MAIN", "o-1/m1"));
    let former: Vec<_> = order.reroutes[0].former.iter().map(|one| one.reservation.as_str()).collect();
    assert!(former.iter().all(|held_by| *held_by == "o-1"), "{former:?}");
    order.let_go(1, 9);
    assert!(order.rerouting().is_none());
    assert!(!order.is_stranded());
}

#[test]
fn what_the_erp_refuses_to_move_stays_where_it_is_and_waits_for_a_person() {
    let mut order = in_soho();
    order.reroute(&to("MAIN"), false, by()).unwrap();
    order.rerouted_to(1, &decided(&order, "MAIN"));
    order.promised_elsewhere(1);
    order.refuse_move(1, "USER_ERROR: being picked");
    assert_eq!(order.rerouting().unwrap().1.step(), Step::Withdrawing);
    order.fail_reroute(1, "");
    assert_eq!(order.reroutes[0].outcome, "USER_ERROR: being picked");
    assert_eq!(order.lines[0].location, "SOHO");
    assert!(order.is_stranded());
    order.reroute(&to("LEEDS"), false, by()).unwrap();
    assert!(!order.is_stranded(), "somebody has decided");
}

#[test]
fn stock_that_keeps_moving_ends_with_a_person() {
    let mut order = in_soho();
    order.reroute(&Wish::default(), true, by()).unwrap();
    let mut rounds = 0;
    while order.rerouting().is_some() {
        rounds += 1;
        order.rerouted_to(1, &decided(&order, "MAIN"));
        order.lost_elsewhere(1, "INSUFFICIENT_STOCK");
    }
    assert_eq!((rounds, order.is_stranded()), (3, true));
}

#[test]
fn a_pickup_goes_to_another_store_only_by_name_or_is_shipped() {
    let mut order = collected_in_soho();
    let refused = order.reroute(&Wish::default(), true, by()).unwrap_err();
    insta::assert_snapshot!(refused, @"order o-1 cannot be moved: the customer must agree to another store: name it in `to`, or say `ship`");
    let ship = Wish { ship: true, ..Wish::default() };
    order.shipping_address = None;
    insta::assert_snapshot!(order.reroute(&ship, true, by()).unwrap_err(), @"order o-1 cannot be moved: it has no shipping address");
    order.shipping_address = Some(Address::default());
    order.reroute(&ship, true, by()).unwrap();
    order.rerouted_to(1, &decided(&order, "MAIN"));
    order.moved(1);
    order.let_go(1, 9);
    let pickup = order.pickup.unwrap();
    assert_eq!((pickup.stage(), pickup.steps.last().unwrap().why.as_str()), (Stage::Shipping, "not on the shelf"));
}

#[test]
fn a_pickup_that_moved_waits_to_be_picked_in_its_new_store() {
    let mut order = collected_in_soho();
    order.reject_pick(by()).unwrap();
    order.reroute(&to("LEEDS"), false, by()).unwrap();
    let early = order.ready_for_pickup(1, by()).unwrap_err();
    insta::assert_snapshot!(early, @"order o-1 cannot be ready: it is being moved to another place");
    order.rerouted_to(1, &decided(&order, "LEEDS"));
    order.moved(1);
    order.let_go(1, 9);
    let pickup = order.pickup.clone().unwrap();
    assert_eq!((pickup.stage(), pickup.location.as_str()), (Stage::Awaited, "LEEDS"));
    order.ready_for_pickup(1, by()).unwrap();
}

#[test]
fn what_the_erp_has_no_stock_for_is_sourced_anew_once_for_each_place_and_waits_when_nobody_has_it() {
    let mut order = in_soho();
    order.source_backorders_anew(5);
    assert!(order.reroutes.is_empty(), "nothing waits");
    order.lines[1].backordered = 1;
    order.source_backorders_anew(5);
    assert_eq!((order.reroutes[0].lines.as_slice(), order.reroutes[0].from.as_str()), ([2].as_slice(), "SOHO"));
    order.rerouted_to(1, &Decision { outcome: i32::from(Outcome::Refused), ..Decision::default() });
    assert!(!order.is_stranded(), "it waits as a backorder, nobody must decide");
    order.source_backorders_anew(6);
    assert_eq!(order.reroutes.len(), 1, "once");
    order.reject("SOHO", false, RejectedPickup::Wait, by()).unwrap();
    assert!(order.is_stranded(), "now the place says no, and somebody must decide");
    let mut collected = collected_in_soho();
    collected.lines[1].backordered = 1;
    collected.source_backorders_anew(5);
    assert!(collected.reroutes.is_empty(), "a pickup waits in its store");
}

#[test]
fn what_has_left_is_not_moved() {
    let mut order = in_soho();
    order.lines[0].shipped = 1;
    order.reroute(&to("MAIN"), false, by()).unwrap();
    assert_eq!(order.reroutes[0].lines, [2]);
    let mut order = in_soho();
    for line in &mut order.lines {
        line.shipped = line.quantity;
    }
    insta::assert_snapshot!(order.reroute(&to("MAIN"), false, by()).unwrap_err(), @"order o-1 cannot be moved: its lines wait at several places; say from which in `from`");
    assert!(order.rejecting_place("SOHO").is_err());
}

#[test]
fn lines_at_several_places_need_to_say_from_which() {
    let mut order = in_soho();
    order.lines[1].location = "LEEDS".into();
    assert!(order.reroute(&to("MAIN"), false, by()).is_err());
    order.reroute(&Wish { from: "LEEDS".into(), ..to("MAIN") }, false, by()).unwrap();
    assert_eq!(order.reroutes[0].lines, [2]);
    let twice = order.reroute(&Wish { from: "SOHO".into(), ..to("MAIN") }, false, by()).unwrap_err();
    insta::assert_snapshot!(twice, @"order o-1 cannot be moved: lines of it are being moved, changed or cancelled; ask again when that has ended");
}

#[test]
fn a_place_that_rejects_what_is_still_on_its_way_there_is_told_to_wait() {
    let mut order = in_soho();
    order.reroute(&to("MAIN"), false, by()).unwrap();
    order.rerouted_to(1, &decided(&order, "MAIN"));
    order.promised_elsewhere(1);
    order.moved(1);
    let early = order.reject("MAIN", false, RejectedPickup::Wait, by()).unwrap_err();
    insta::assert_snapshot!(early, @"order o-1 cannot be moved: lines of it are being moved, changed or cancelled; ask again when that has ended");
    order.let_go(1, 9);
    order.reject("MAIN", false, RejectedPickup::Wait, by()).unwrap();
    assert!(order.is_stranded());
}
