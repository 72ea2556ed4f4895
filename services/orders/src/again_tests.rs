//! What is authorized anew, when, and how much.

use proptest::prelude::*;
use retail_proto::types::v1::Money;

use super::*;
use crate::documents::{Shipment, ShipmentLine};
use crate::payments::{captured, not_captured, stand};
use crate::record::State;
use crate::testing::{order, record};

fn gbp(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".into() })
}

fn told(id: &str, state: pay::PaymentState, authorized: i64, taken: i64, revision: &str) -> pay::Payment {
    let open = matches!(state, pay::PaymentState::Authorized);
    pay::Payment {
        payment: Some(record("payment_intent", id)),
        state: i32::from(state),
        authorized: gbp(authorized),
        captured: gbp(taken),
        capturable: gbp(if open { authorized } else { 0 }),
        revision: revision.into(),
        reusable: id == "pi_1",
        ..pay::Payment::default()
    }
}

/// Two lines, 15.30 and 6.78: 22.08 in all, on a card that can be captured once and that the customer let be kept.
fn kept() -> Order {
    let mut order = order().booked();
    order.confirmed = true;
    order.payments = vec![Payment {
        id: "o-1/p1".into(),
        minor: order.total,
        service: "pay".into(),
        gateway: "stripe".into(),
        reference: "pi_1".into(),
        renews: true,
        ..Payment::default()
    }];
    stand(&mut order, "o-1/p1", &told("pi_1", pay::PaymentState::Authorized, 2208, 0, "1"), 1);
    order
}

fn ship(order: &mut Order, number: i32, pieces: i64) {
    let quantity = pieces * 1_000_000;
    let id = format!("if-{}", order.shipments.len());
    order.shipments.push(Shipment {
        document: Some(record("itemFulfillment", &id)),
        lines: vec![ShipmentLine { number, quantity }],
        ..Shipment::default()
    });
    order.lines.iter_mut().filter(|line| line.number == number).for_each(|line| line.shipped += quantity);
    order.advance();
}

/// The planned capture is taken, all of what is left goes.
fn takes(order: &mut Order) {
    let Some(planned) = order.planned_capture().cloned() else { return };
    let from = order.payments.iter().find(|one| one.id == planned.taken_from).cloned().unwrap();
    let authorized = from.standing.unwrap().authorized;
    let capture = pay::Capture { external_ref: planned.id.clone(), amount: gbp(planned.minor) };
    let told = pay::Payment {
        captures: vec![capture],
        ..told(&from.reference, pay::PaymentState::Captured, authorized, planned.minor, "taken")
    };
    captured(order, &planned.id, &told, 2);
    order.advance();
}

/// The bank answers what is asked for anew.
fn answers(order: &mut Order, state: pay::PaymentState) {
    let Some(awaited) = order.awaited_authorization().cloned() else { return };
    let made = format!("pi_{}", awaited.id.rsplit_once('p').unwrap().1);
    stand(order, &awaited.id, &told(&made, state, awaited.minor, 0, "made"), 3);
    order.advance();
}

fn awaited(order: &Order) -> Option<(String, i64)> {
    order.awaited_authorization().map(|payment| (payment.id.clone(), payment.minor))
}

#[test]
fn a_parcel_is_taken_as_it_leaves_and_the_rest_is_asked_for_once_that_is_known() {
    let mut order = kept();
    ship(&mut order, 1, 6);
    let planned = order.planned_capture().unwrap();
    assert_eq!((planned.minor, planned.last), (1530, true));
    assert_eq!(awaited(&order), None, "nothing is held twice");
    takes(&mut order);
    assert_eq!(awaited(&order), Some(("o-1/p2".to_owned(), 678)));
    assert_eq!(order.lacks_money(), 0, "somebody is asked");
}

#[test]
fn what_is_authorized_anew_is_captured_with_its_parcel() {
    let mut order = kept();
    ship(&mut order, 1, 6);
    takes(&mut order);
    answers(&mut order, pay::PaymentState::Authorized);
    assert_eq!(order.payments[2].reference, "pi_2");
    assert_eq!((awaited(&order), order.rooms()), (None, 678));
    ship(&mut order, 2, 2);
    assert_eq!(order.planned_capture().map(|one| (one.taken_from.as_str(), one.minor)), Some(("o-1/p2", 678)));
}

#[test]
fn what_ran_out_before_anything_was_delivered_is_asked_for_anew() {
    let mut order = kept();
    stand(&mut order, "o-1/p1", &told("pi_1", pay::PaymentState::Expired, 2208, 0, "2"), 2);
    order.advance();
    assert_eq!(awaited(&order), Some(("o-1/p2".to_owned(), 2208)));
}

#[test]
fn a_capture_that_came_too_late_asks_anew_and_one_that_a_bank_refused_does_not() {
    let refuse = |why: &str| {
        let mut order = kept();
        ship(&mut order, 1, 6);
        not_captured(&mut order, "o-1/p1/c1", why);
        order.advance();
        awaited(&order)
    };
    assert_eq!(refuse("AUTHORIZATION_EXPIRED: it ran out"), Some(("o-1/p2".to_owned(), 2208)));
    assert_eq!(refuse("CARD_DECLINED: generic_decline"), None);
}

#[test]
fn what_people_cancelled_or_a_customer_disputes_is_not_asked_for_anew() {
    for state in [pay::PaymentState::Cancelled, pay::PaymentState::Disputed, pay::PaymentState::Failed] {
        let mut order = kept();
        stand(&mut order, "o-1/p1", &told("pi_1", state, 2208, 0, "2"), 2);
        order.advance();
        assert_eq!((awaited(&order), order.lacks_money()), (None, 2208), "{state:?}");
    }
}

#[test]
fn nobody_is_asked_where_the_channel_or_the_customer_did_not_allow_it() {
    for (channel, customer) in [(false, true), (true, false)] {
        let mut order = kept();
        order.payments[0].renews = channel;
        order.payments[0].standing.as_mut().unwrap().reusable = customer;
        ship(&mut order, 1, 6);
        assert_eq!(order.planned_capture(), None, "it waits for the last parcel");
        let late = pay::Payment { reusable: customer, ..told("pi_1", pay::PaymentState::Expired, 2208, 0, "2") };
        stand(&mut order, "o-1/p1", &late, 2);
        order.advance();
        assert_eq!((awaited(&order), order.lacks_money()), (None, 2208));
    }
}

#[test]
fn a_bank_that_says_no_is_not_asked_again_and_the_order_shows_why() {
    let mut order = kept();
    ship(&mut order, 1, 6);
    takes(&mut order);
    let declined = pay::Payment {
        cause: "authentication_required".into(),
        ..told("pi_2", pay::PaymentState::Failed, 678, 0, "made")
    };
    stand(&mut order, "o-1/p2", &declined, 3);
    order.advance();
    assert_eq!((awaited(&order), order.lacks_money(), order.status()), (None, 678, "Booked, and not paid"));
    assert_eq!(crate::payments::cause(&order.payments[2]).as_deref(), Some("authentication_required"));
}

#[test]
fn what_the_service_has_nothing_for_leaves_nothing_to_let_go() {
    let mut order = kept();
    ship(&mut order, 1, 6);
    takes(&mut order);
    refused(&mut order, "o-1/p2", "NO_SAVED_METHOD: none");
    order.advance();
    assert_eq!((awaited(&order), order.lacks_money()), (None, 678));
    order.set_state(State::Cancelling);
    assert_eq!(order.idle_authorizations().count(), 0);
}

#[test]
fn what_was_given_up_and_is_there_all_the_same_is_used() {
    let mut order = kept();
    ship(&mut order, 1, 6);
    takes(&mut order);
    refused(&mut order, "o-1/p2", "VENDOR_ANSWER_UNREADABLE: no JSON");
    stand(&mut order, "o-1/p2", &told("pi_2", pay::PaymentState::Authorized, 678, 0, "made"), 3);
    order.advance();
    assert_eq!((order.lacks_money(), order.rooms()), (0, 678));
}

#[test]
fn an_order_that_is_cancelled_lets_go_of_what_it_asked_for_once_it_is_known() {
    let mut order = kept();
    stand(&mut order, "o-1/p1", &told("pi_1", pay::PaymentState::Expired, 2208, 0, "2"), 2);
    order.advance();
    order.cancel("no longer wanted", true).unwrap();
    (order.erp_closed, order.given_back) = (true, true);
    order.advance();
    assert_eq!((order.state(), order.idle_authorizations().count()), (State::Cancelling, 0));
    answers(&mut order, pay::PaymentState::Authorized);
    let idle: Vec<&str> = order.idle_authorizations().map(|one| one.reference.as_str()).collect();
    assert_eq!((order.state(), idle), (State::Cancelling, vec!["pi_2"]));
}

#[test]
fn what_was_never_asked_for_does_not_keep_a_cancelled_order() {
    let mut order = kept();
    stand(&mut order, "o-1/p1", &told("pi_1", pay::PaymentState::Expired, 2208, 0, "2"), 2);
    order.advance();
    order.cancel("no longer wanted", true).unwrap();
    never_asked(&mut order, "o-1/p2");
    (order.erp_closed, order.given_back) = (true, true);
    order.advance();
    assert_eq!(order.state(), State::Cancelled);
}

/// What happens to an order that is paid so.
#[derive(Debug, Clone)]
enum Happens {
    Ships(i32, i64),
    IsTaken,
    IsAnswered(bool),
    RunsOut,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => (1..3_i32, 1..4_i64).prop_map(|(line, pieces)| Happens::Ships(line, pieces)),
        3 => Just(Happens::IsTaken),
        3 => prop::bool::weighted(0.9).prop_map(Happens::IsAnswered),
        1 => Just(Happens::RunsOut),
    ]
}

fn take_place(order: &mut Order, event: &Happens) {
    match event {
        Happens::Ships(number, pieces) => {
            let open = order.line(*number).map_or(0, |line| line.open() / 1_000_000);
            if open > 0 {
                ship(order, *number, open.min(*pieces));
            }
        }
        Happens::IsTaken => takes(order),
        Happens::IsAnswered(true) => answers(order, pay::PaymentState::Authorized),
        Happens::IsAnswered(false) => answers(order, pay::PaymentState::Failed),
        Happens::RunsOut => {
            let open =
                order.payments.iter().find(|one| one.standing.as_ref().is_some_and(|standing| standing.is_open()));
            if let Some(open) = open.filter(|_| order.planned_capture().is_none()).cloned() {
                let late = told(&open.reference, pay::PaymentState::Expired, open.minor, 0, "late");
                stand(order, &open.id, &late, 4);
                order.advance();
            }
        }
    }
}

/// What is held, asked for, or taken.
fn claimed(order: &Order) -> i64 {
    let awaited = order.awaited_authorization().map_or(0, |payment| payment.minor);
    let planned = order.planned_capture().map_or(0, |payment| payment.minor);
    order.captured() + planned + order.rooms() + awaited
}

proptest! {
    #[test]
    fn never_more_is_taken_held_and_asked_for_than_is_owed_and_in_the_end_what_was_delivered_is_taken(
        events in prop::collection::vec(happens(), 0..30),
    ) {
        let mut order = kept();
        for event in &events {
            take_place(&mut order, event);
            prop_assert!(claimed(&order) <= order.owed(), "{} of {}", claimed(&order), order.owed());
            let open = order.payments.iter().filter(|one| one.is_awaited() || order.room(one) > 0);
            prop_assert!(open.count() <= 1, "one at a time");
            let refused = order.payments.iter().any(|one| order.life(one) == Life::Refused);
            prop_assert!(refused || order.lacks_money() == 0, "what nobody refused is asked for");
        }
        let refused = order.payments.iter().any(|one| order.life(one) == Life::Refused);
        for number in [1, 2] {
            take_place(&mut order, &Happens::Ships(number, 10));
        }
        while order.money_is_moving() {
            takes(&mut order);
            answers(&mut order, pay::PaymentState::Authorized);
        }
        prop_assert!(refused || order.captured() == order.total, "{} of {}", order.captured(), order.total);
    }
}
