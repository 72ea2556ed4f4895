//! What of an authorization is taken when, and what is let go.

use retail_proto::payments::v1 as pay;
use retail_proto::types::v1::Money;

use super::*;
use crate::documents::{Invoice, Shipment, ShipmentLine};
use crate::testing::{order, record};

/// Two lines, 15.30 and 6.78: 22.08 in all, authorized at a payment service of ours.
fn authorized(several: bool) -> Order {
    let mut order = order().booked();
    order.confirmed = true;
    order.payments = vec![Payment {
        id: "o-1/p1".into(),
        minor: order.total,
        state: PENDING,
        service: "pay".into(),
        gateway: "stripe".into(),
        reference: "pi_1".into(),
        ..Payment::default()
    }];
    stand(&mut order, "o-1/p1", &told(several, pay::PaymentState::Authorized, "1"), 1);
    order
}

fn told(several: bool, state: pay::PaymentState, revision: &str) -> pay::Payment {
    let gbp = |minor_units| Some(Money { minor_units, currency: "GBP".into() });
    pay::Payment {
        state: i32::from(state),
        authorized: gbp(2208),
        captured: gbp(0),
        several_captures: several,
        authorized_until: Some(prost_types::Timestamp { seconds: 600_000, nanos: 0 }),
        revision: revision.into(),
        ..pay::Payment::default()
    }
}

fn ship(order: &mut Order, number: i32, pieces: i64) {
    let quantity = pieces * 1_000_000;
    order.shipments.push(Shipment {
        document: Some(record("itemFulfillment", &format!("if-{number}-{pieces}"))),
        lines: vec![ShipmentLine { number, quantity }],
        ..Shipment::default()
    });
    order.lines.iter_mut().filter(|line| line.number == number).for_each(|line| line.shipped += quantity);
    order.advance();
}

/// All of it has left, and what is captured once is about to be.
fn delivered() -> Order {
    let mut order = authorized(false);
    ship(&mut order, 1, 6);
    ship(&mut order, 2, 2);
    order
}

fn planned(order: &Order) -> Vec<(String, i64, bool)> {
    let planned = order.payments.iter().filter(|payment| payment.is_planned());
    planned.map(|payment| (payment.id.clone(), payment.minor, payment.last)).collect()
}

#[test]
fn nothing_is_taken_before_something_leaves() {
    assert!(planned(&authorized(true)).is_empty());
}

#[test]
fn each_shipment_is_taken_by_itself_where_the_service_allows_it() {
    let mut order = authorized(true);
    ship(&mut order, 1, 2);
    assert_eq!(planned(&order), [("o-1/p1/c1".to_owned(), 510, false)]);
    let taken = pay::Payment {
        captured: Some(Money { minor_units: 510, currency: "GBP".into() }),
        captures: vec![pay::Capture {
            external_ref: "o-1/p1/c1".into(),
            amount: Some(Money { minor_units: 510, currency: "GBP".into() }),
        }],
        ..told(true, pay::PaymentState::PartlyCaptured, "2")
    };
    captured(&mut order, "o-1/p1/c1", &taken, 5);
    ship(&mut order, 1, 4);
    ship(&mut order, 2, 2);
    assert_eq!(planned(&order), [("o-1/p1/c2".to_owned(), 1020, false)], "as it was when it was planned");
}

#[test]
fn what_was_given_back_between_two_parcels_leaves_the_rest_to_be_taken() {
    let mut order = authorized(true);
    ship(&mut order, 1, 2);
    let gbp = |minor_units| Some(Money { minor_units, currency: "GBP".into() });
    let taken = pay::Payment {
        captured: gbp(510),
        captures: vec![pay::Capture { external_ref: "o-1/p1/c1".into(), amount: gbp(510) }],
        capturable: gbp(1698),
        ..told(true, pay::PaymentState::PartlyCaptured, "2")
    };
    captured(&mut order, "o-1/p1/c1", &taken, 5);
    let back = pay::Payment {
        refunded: gbp(510),
        state: i32::from(pay::PaymentState::Refunded),
        revision: "3".into(),
        ..taken
    };
    stand(&mut order, "o-1/p1", &back, 6);
    ship(&mut order, 1, 4);
    assert_eq!(planned(&order), [("o-1/p1/c2".to_owned(), 1020, false)]);
}

#[test]
fn a_payment_that_is_captured_once_waits_for_the_last_parcel() {
    let mut order = authorized(false);
    ship(&mut order, 1, 6);
    assert!(planned(&order).is_empty());
    ship(&mut order, 2, 2);
    assert_eq!(planned(&order), [("o-1/p1/c1".to_owned(), 2208, true)]);
}

#[test]
fn a_payment_that_is_captured_once_is_used_before_it_ends() {
    let mut order = authorized(false);
    ship(&mut order, 1, 6);
    let (payment, by) = order.capture_by().unwrap();
    assert_eq!((payment.id.as_str(), by), ("o-1/p1", 600_000_000 - 12 * 3_600_000));
    hurry(&mut order, "o-1/p1");
    order.advance();
    assert_eq!(planned(&order), [("o-1/p1/c1".to_owned(), 1530, true)]);
    assert_eq!(order.lacks_money(), 678, "what is not delivered yet is not paid for any more");
}

#[test]
fn goods_handed_over_in_the_store_are_taken_although_the_erp_has_not_shipped_them() {
    let mut order = authorized(false);
    order.pickup =
        Some(crate::pickup::Pickup { stage: i32::from(Stage::Collected), ..crate::pickup::Pickup::default() });
    order.advance();
    assert_eq!(planned(&order), [("o-1/p1/c1".to_owned(), 2208, true)]);
}

#[test]
fn an_older_telling_takes_nothing_back() {
    let mut order = delivered();
    let gbp = |minor_units| Some(Money { minor_units, currency: "GBP".into() });
    let taken = pay::Payment {
        captured: gbp(2208),
        captures: vec![pay::Capture { external_ref: "o-1/p1/c1".into(), amount: gbp(2208) }],
        ..told(false, pay::PaymentState::Captured, "2")
    };
    captured(&mut order, "o-1/p1/c1", &taken, 5);
    assert!(!stand(&mut order, "o-1/p1", &told(false, pay::PaymentState::Authorized, "1"), 6));
    assert_eq!(order.captured(), 2208);
}

#[test]
fn what_people_capture_in_the_services_own_screens_is_money_taken() {
    let mut order = authorized(false);
    let told = pay::Payment {
        captured: Some(Money { minor_units: 2208, currency: "GBP".into() }),
        ..told(false, pay::PaymentState::Captured, "2")
    };
    assert!(stand(&mut order, "o-1/p1", &told, 6));
    assert!(!stand(&mut order, "o-1/p1", &told, 7));
    assert_eq!(order.captured(), 2208);
    ship(&mut order, 1, 6);
    assert!(planned(&order).is_empty());
}

#[test]
fn a_refused_capture_leaves_the_order_unpaid_until_somebody_pays_anew() {
    let mut order = delivered();
    not_captured(&mut order, "o-1/p1/c1", "AUTHORIZATION_EXPIRED: it ran out");
    order.advance();
    assert!(planned(&order).is_empty());
    assert_eq!(order.lacks_money(), 2208);
    assert_eq!(order.status(), "Booked, and not paid");
    order.invoices.push(Invoice { document: Some(record("invoice", "3")), minor: 2208, ..Invoice::default() });
    order.advance();
    assert_eq!(order.state(), State::Shipped, "not complete without its money");
}

#[test]
fn what_came_back_before_it_was_paid_is_not_taken_from_whoever_pays_anew() {
    let mut order = delivered();
    let moving = order.take_return_credit("r-1/1", 678);
    insta::assert_snapshot!(moving.unwrap_err(), @"money of order o-1 is being taken; ask again when that is over");
    not_captured(&mut order, "o-1/p1/c1", "AUTHORIZATION_EXPIRED: it ran out");
    order.take_return_credit("r-1/1", 678).unwrap();
    order.take_return_credit("r-1/1", 678).unwrap();
    order.advance();
    assert_eq!((order.taken_off_by("r-1/1"), order.lacks_money()), (Some(678), 1530));
    let anew = pb::Payment {
        amount: Some(Money { minor_units: 2208, currency: "GBP".into() }),
        gateway: "stripe".into(),
        reference: "pi_2".into(),
        state: i32::from(pb::PaymentState::Authorized),
        tender: i32::from(pb::Tender::Card),
        ..pb::Payment::default()
    };
    let channel = Channel { gateways: [("stripe".to_owned(), "pay".to_owned())].into(), ..Channel::default() };
    add(&mut order, &anew, Some(&channel), 6).unwrap();
    stand(&mut order, "o-1/p2", &told(false, pay::PaymentState::Authorized, "9"), 7);
    order.advance();
    assert_eq!(planned(&order), [("o-1/p2/c1".to_owned(), 1530, true)]);
    assert!(order.take_return_credit("r-2/1", 100).is_err());
}

#[test]
fn an_order_whose_goods_all_came_back_unpaid_owes_nothing() {
    let mut order = delivered();
    not_captured(&mut order, "o-1/p1/c1", "AUTHORIZATION_EXPIRED: it ran out");
    stand(&mut order, "o-1/p1", &told(false, pay::PaymentState::Expired, "2"), 3);
    order.invoices.push(Invoice { document: Some(record("invoice", "3")), minor: 2208, ..Invoice::default() });
    order.take_return_credit("r-1/1", 2208).unwrap();
    order.advance();
    assert!(order.is_paid());
    order.take_return_credit("r-2/1", 500).unwrap();
    assert_eq!(order.taken_off_by("r-2/1"), Some(0), "nothing is owed any more");
}

#[test]
fn a_capture_that_was_given_up_and_taken_all_the_same_is_money_taken() {
    let mut order = delivered();
    not_captured(&mut order, "o-1/p1/c1", "PAYMENT_SERVICE_REFUSED: try later");
    let gbp = |minor_units| Some(Money { minor_units, currency: "GBP".into() });
    let taken = pay::Payment {
        captured: gbp(2208),
        captures: vec![pay::Capture { external_ref: "o-1/p1/c1".into(), amount: gbp(2208) }],
        ..told(false, pay::PaymentState::Captured, "2")
    };
    assert!(stand(&mut order, "o-1/p1", &taken, 6));
    order.advance();
    assert_eq!((order.captured(), order.lacks_money()), (2208, 0));
}

#[test]
fn a_refused_payment_that_is_named_again_is_asked_again() {
    let mut order = authorized(false);
    let asked = pb::Payment {
        amount: Some(Money { minor_units: 2208, currency: "GBP".into() }),
        gateway: "stripe".into(),
        reference: "pi_1".into(),
        ..pb::Payment::default()
    };
    let channel = Channel { gateways: [("stripe".into(), "pay".into())].into(), ..Channel::default() };
    assert!(add(&mut order, &asked, Some(&channel), 1).is_err(), "nothing is wrong with it");
    ship(&mut order, 1, 6);
    ship(&mut order, 2, 2);
    not_captured(&mut order, "o-1/p1/c1", "PAYMENT_SERVICE_REFUSED: try later");
    add(&mut order, &asked, Some(&channel), 2).unwrap();
    assert_eq!((order.unasked_payments().count(), order.payments.len()), (1, 1));
}

#[test]
fn an_order_that_is_not_authorized_waits_and_goes_on_once_it_is() {
    let mut order = order().received();
    order.payments = authorized(false).payments;
    order.payments[0].standing = None;
    let declined = pay::Payment { cause: "insufficient_funds".into(), ..told(false, pay::PaymentState::Failed, "1") };
    stand(&mut order, "o-1/p1", &declined, 1);
    assert_eq!(order.state(), State::Held);
    insta::assert_snapshot!(order.holds[0].detail, @"0.00 GBP of 22.08 GBP is authorized (insufficient_funds); the customer pays at the shop, then it goes on by itself, or cancel it");
    stand(&mut order, "o-1/p1", &told(false, pay::PaymentState::Authorized, "2"), 2);
    assert_eq!(order.state(), State::Received);
}

#[test]
fn a_hold_for_money_that_is_released_asks_again_and_waves_nothing_through() {
    let mut order = order().received();
    order.payments = authorized(false).payments;
    order.payments[0].standing = None;
    refused(&mut order, "o-1/p1", "NO_SUCH_PAYMENT: none", 1);
    assert_eq!(order.state(), State::Held);
    order.release_hold(NOT_AUTHORIZED).unwrap();
    assert_eq!(order.unasked_payments().count(), 1);
}

#[test]
fn a_cancelled_order_lets_its_authorization_go_before_it_ends() {
    let mut order = authorized(false);
    order.cancel("no longer wanted", true).unwrap();
    (order.erp_closed, order.given_back) = (true, true);
    order.advance();
    assert_eq!(order.state(), State::Cancelling);
    assert_eq!(order.idle_authorizations().count(), 1);
    let_go(&mut order, "o-1/p1", Some(&told(false, pay::PaymentState::Cancelled, "2")), 3);
    order.advance();
    assert_eq!(order.state(), State::Cancelled);
}

#[test]
fn a_refund_that_fails_days_later_opens_the_order_again() {
    let mut order = authorized(false);
    order.refunds.push(crate::documents::Refund {
        id: "o-1/r1/p1".into(),
        minor: 2208,
        payment: "o-1/p1".into(),
        given: true,
        ..crate::documents::Refund::default()
    });
    order.set_state(State::Cancelled);
    let failed = pay::Refund {
        external_ref: "o-1/r1/p1".into(),
        state: i32::from(pay::RefundState::Failed),
        ..pay::Refund::default()
    };
    stand(
        &mut order,
        "o-1/p1",
        &pay::Payment { refunds: vec![failed], ..told(false, pay::PaymentState::Captured, "9") },
        4,
    );
    assert_eq!(order.state(), State::Cancelling);
    assert!(!order.refunds[0].given && order.refunds[0].by_hand);
}
