//! Facts about money that goes back.

use proptest::prelude::*;
use retail_proto::types::v1::Money as PbMoney;

use super::*;
use crate::documents::{Invoice, Shipment};
use crate::record::{Line, LineKind, Tax};
use crate::testing::{line, order, record};

fn gbp(minor_units: i64) -> Option<PbMoney> {
    Some(PbMoney { minor_units, currency: "GBP".into() })
}

fn shop_refund(id: &str, pence: i64) -> shop::Refund {
    shop::Refund {
        refund: Some(record("Refund", id)),
        amount: gbp(pence),
        state: i32::from(shop::RefundState::Done),
        ..Default::default()
    }
}

fn shop_says(refunds: Vec<shop::Refund>) -> shop::GetOrderResponse {
    shop::GetOrderResponse { refunds, ..Default::default() }
}

fn cancelled() -> Order {
    let mut order = order().booked();
    order.payments[0].document = Some(record("customerDeposit", "4"));
    order.cancel("no longer wanted", true).unwrap();
    order.erp_closed = true;
    order.given_back = true;
    order.close_open_lines();
    order.advance();
    assert_eq!(order.state(), State::Cancelling, "its money is still here");
    order
}

fn planned(order: &Order) -> Option<(String, i64)> {
    order.refunds.iter().find(|refund| !refund.given).map(|refund| (refund.id.clone(), refund.minor))
}

#[test]
fn all_that_was_taken_for_a_cancelled_order_goes_back_and_then_it_is_cancelled() {
    let mut order = cancelled();
    read(&mut order, &shop_says(vec![]), 1);
    assert_eq!(planned(&order), Some(("o-1/r1".into(), order.total)));
    given(&mut order, "o-1/r1", &record("Refund", "9"), 2);
    order.advance();
    assert_eq!(order.state(), State::Cancelling, "the ERP's books still have it");
    recorded(&mut order, "o-1/p1", &record("customerRefund", "10"));
    order.advance();
    assert_eq!(order.state(), State::Cancelled);
}

#[test]
fn what_the_shop_has_given_back_by_itself_is_not_given_twice() {
    let mut order = cancelled();
    let mut failed = shop_refund("8", order.total);
    failed.set_state(shop::RefundState::Failed);
    read(&mut order, &shop_says(vec![failed, shop_refund("9", 500)]), 1);
    assert_eq!(planned(&order).unwrap().1, order.total - 500);
    let mut all = cancelled();
    let total = all.total;
    read(&mut all, &shop_says(vec![shop_refund("9", total)]), 1);
    assert_eq!(planned(&all), None);
    assert_eq!(all.refund_out_of("o-1/p1"), total, "the ERP hears of it all the same");
}

#[test]
fn a_refund_in_another_currency_is_not_set_against_what_is_owed() {
    let mut order = cancelled();
    let mut abroad = shop_refund("9", 500);
    abroad.amount.as_mut().unwrap().currency = "EUR".into();
    read(&mut order, &shop_says(vec![abroad]), 1);
    assert_eq!(planned(&order).unwrap().1, order.total);
}

#[test]
fn a_payment_that_the_erp_never_had_needs_no_refund_there() {
    let mut order = cancelled();
    order.payments[0].document = None;
    read(&mut order, &shop_says(vec![]), 1);
    given(&mut order, "o-1/r1", &record("Refund", "9"), 2);
    order.advance();
    assert_eq!(order.state(), State::Cancelled);
}

#[test]
fn a_payment_that_the_erp_may_have_keeps_the_order_until_it_is_known() {
    let mut order = cancelled();
    order.payments[0].document = None;
    order.payments[0].asked = true;
    read(&mut order, &shop_says(vec![]), 1);
    given(&mut order, "o-1/r1", &record("Refund", "9"), 2);
    order.advance();
    assert_eq!(order.state(), State::Cancelling);
}

#[test]
fn money_that_was_only_promised_does_not_go_back() {
    let mut order = cancelled();
    order.payments[0].state = 2;
    order.advance();
    assert_eq!(order.state(), State::Cancelled);
}

#[test]
fn a_refused_refund_is_planned_anew_under_another_key_after_a_look_at_the_shop() {
    let mut order = cancelled();
    read(&mut order, &shop_says(vec![]), 1);
    refused(&mut order, "o-1/r1", "REFUND_EXCEEDS_PAYMENT");
    assert!(!order.refunds_known && order.refunds.is_empty());
    read(&mut order, &shop_says(vec![shop_refund("9", 1000)]), 2);
    assert_eq!(planned(&order), Some(("o-1/r2".into(), order.total - 1000)));
}

#[test]
fn a_refund_without_a_shop_is_given_by_the_person_who_lets_the_order_go_on() {
    let mut order = cancelled();
    read(&mut order, &shop_says(vec![]), 1);
    refused(&mut order, "o-1/r1", "REFUND_NOT_POSSIBLE");
    assert!(!order.money_is_back());
    resumed(&mut order, 5);
    assert!(order.refunds[0].given);
}

#[test]
fn only_what_the_shop_still_shows_as_ordered_is_taken_off() {
    let mut order = cancelled();
    order.lines[1].channel_line_id.clear();
    let mut before = shop_refund("9", 255);
    before.lines = vec![shop::RefundLine { line_item_id: "91".into(), quantity: 1, restock: 2 }];
    read(&mut order, &shop_says(vec![before]), 1);
    let lines = &order.refunds[1].lines;
    assert_eq!(lines.iter().map(|line| (line.channel_line_id.as_str(), line.units)).collect::<Vec<_>>(), [("91", 5)]);
    let mut closed_there = cancelled();
    read(&mut closed_there, &shop::GetOrderResponse { cancelled: true, ..Default::default() }, 1);
    assert!(closed_there.refunds[0].lines.is_empty());
}

/// Line 1 has shipped, of line 2 a half; the rest was closed.
fn left_over() -> Order {
    let mut order = order().shipped();
    order.lines[1].shipped = order.lines[1].quantity / 2;
    order.lines[1].closed = true;
    order.given_back = true;
    let invoiced = order.lines[0].amount + order.lines[1].amount / 2;
    order.invoices.push(Invoice { minor: invoiced, ..Invoice::default() });
    order.payments[0].document = Some(record("customerDeposit", "4"));
    order
}

#[test]
fn of_a_refund_for_goods_that_came_back_and_goods_that_never_left_the_order_has_what_never_left_is_worth() {
    let mut order = left_over();
    let owed = order.lines[1].amount - order.lines[1].amount / 2;
    let mut both = shop_refund("9", owed + 510);
    both.lines = vec![
        shop::RefundLine { line_item_id: "91".into(), quantity: 2, restock: i32::from(shop::Restock::None) },
        shop::RefundLine { line_item_id: "92".into(), quantity: 1, restock: i32::from(shop::Restock::Cancel) },
    ];
    read(&mut order, &shop_says(vec![both.clone()]), 1);
    assert_eq!((order.refunds[0].minor, order.refunds[0].shared, order.refunds.len()), (owed, true, 1));
    read(&mut order, &shop_says(vec![both.clone()]), 2);
    assert_eq!(order.refunds.len(), 1, "told again");
    both.lines.remove(0);
    let mut alone = left_over();
    read(&mut alone, &shop_says(vec![both]), 1);
    assert_eq!((alone.refunds[0].minor, alone.refunds[0].shared), (owed + 510, false));
}

#[test]
fn a_refund_of_a_return_does_not_pay_for_what_never_shipped() {
    let mut order = left_over();
    let mut of_return = shop_refund("8", 255);
    of_return.external_ref = "return-1".into();
    let mut by_hand = shop_refund("9", 255);
    by_hand.lines = vec![shop::RefundLine { line_item_id: "91".into(), quantity: 1, restock: 1 }];
    read(&mut order, &shop_says(vec![of_return, by_hand]), 1);
    assert_eq!(planned(&order).unwrap().1, order.lines[1].amount / 2);
}

#[test]
fn money_for_what_never_shipped_waits_for_the_invoice_of_what_did() {
    let mut order = left_over();
    order.invoices.clear();
    assert!(!order.leftovers_are_settled());
    order.invoices.push(Invoice { minor: order.total, ..Invoice::default() });
    assert!(order.leftovers_are_settled());
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// Everything ships.
    Normal,
    /// Before the ERP had it.
    CancelledEarly,
    /// After the ERP had it.
    CancelledLate,
    /// Some ships, the rest is closed.
    Closed,
}

#[derive(Debug, Clone)]
struct Sold {
    pence: i64,
    units: i64,
    discount: i64,
    tax_on_top: i64,
    charge: bool,
    shipped: i64,
}

fn sold() -> impl Strategy<Value = Sold> {
    (1_i64..20_000, 1_i64..12, 0_i64..100, 0_i64..400, prop::bool::weighted(0.2), 0_i64..12).prop_map(
        |(pence, units, discount, tax_on_top, charge, shipped)| Sold {
            pence,
            units,
            discount: discount.min(pence * units),
            tax_on_top,
            charge,
            shipped: shipped.min(units),
        },
    )
}

fn ordered(lines: &[Sold], payments: usize) -> Order {
    let mut order = order().booked();
    order.lines = lines
        .iter()
        .zip(1..)
        .map(|(sold, number)| {
            let price = retail_proto::Money::from_minor(sold.pence, "GBP".parse().unwrap()).to_decimal();
            let mut line = Line { discount: sold.discount, ..line(number, &price.to_string(), sold.units) };
            line.amount -= sold.discount;
            line.taxes.push(Tax { minor: sold.tax_on_top, ..Tax::default() });
            line.taxes.push(Tax { minor: 7, included: true, ..Tax::default() });
            line.set_kind(if sold.charge { LineKind::Charge } else { LineKind::Goods });
            line
        })
        .collect();
    order.total = order.lines.iter().map(|line| line.amount + line.taxes[0].minor).sum();
    let part = order.total / i64::try_from(payments).unwrap();
    order.payments = (1..=payments)
        .map(|place| Payment {
            id: format!("o-1/p{place}"),
            minor: if place == payments { order.total - part * i64::try_from(payments - 1).unwrap() } else { part },
            state: 3,
            document: Some(record("customerDeposit", &place.to_string())),
            ..Payment::default()
        })
        .filter(|payment| payment.minor > 0)
        .collect();
    order
}

/// The ERP bills what has shipped, each line rounded half up; charges it bills whole.
fn ship_and_bill(order: &mut Order, lines: &[Sold], all: bool) {
    let mut total = 0;
    for (line, sold) in order.lines.iter_mut().zip(lines) {
        if sold.charge {
            line.invoiced = line.quantity;
            total += line.amount;
            continue;
        }
        line.shipped = if all { line.quantity } else { sold.shipped * UNIT };
        line.invoiced = line.shipped;
        total += (line.amount * line.shipped * 2 + line.quantity) / (line.quantity * 2);
    }
    order.shipments.push(Shipment { document: Some(record("itemFulfillment", "2")), ..Shipment::default() });
    order.invoices.push(Invoice { document: Some(record("invoice", "3")), minor: total, ..Invoice::default() });
}

/// Goes the way of the money as the journey does.
fn settle(order: &mut Order, by_shop: i64) {
    let refunds = if by_shop > 0 { vec![shop_refund("own", by_shop)] } else { vec![] };
    read(order, &shop_says(refunds), 1);
    if let Some((id, _)) = planned(order) {
        given(order, &id, &record("Refund", "9"), 2);
    }
    let open: Vec<String> = order.payments.iter().map(|payment| payment.id.clone()).collect();
    for id in open {
        if order.refund_out_of(&id) > 0 {
            recorded(order, &id, &record("customerRefund", &id));
        }
    }
    order.advance();
}

proptest! {
    #[test]
    fn what_was_captured_less_what_went_back_is_what_was_invoiced(
        lines in prop::collection::vec(sold(), 1..25),
        way in prop::sample::select(vec![Way::Normal, Way::CancelledEarly, Way::CancelledLate, Way::Closed]),
        payments in 1_usize..4,
        by_shop in 0_i64..3_000,
    ) {
        let mut order = ordered(&lines, payments);
        let goods_ship = lines.iter().any(|sold| !sold.charge && sold.shipped > 0);
        match way {
            Way::Normal => {
                ship_and_bill(&mut order, &lines, true);
                order.advance();
            }
            Way::CancelledEarly | Way::CancelledLate => {
                if way == Way::CancelledEarly {
                    order.sales_order = None;
                    order.payments.iter_mut().for_each(|payment| payment.document = None);
                }
                order.cancel("no longer wanted", false).unwrap();
                order.erp_closed = order.erp_asked;
                order.given_back = true;
                let by_shop = by_shop.min(order.captured());
                settle(&mut order, by_shop);
                prop_assert_eq!(order.state(), State::Cancelled);
            }
            Way::Closed => {
                prop_assume!(goods_ship);
                ship_and_bill(&mut order, &lines, false);
                order.close_open_lines();
                order.given_back = true;
                order.advance();
                if order.has_leftovers() {
                    prop_assert!(order.leftovers_are_settled());
                    settle(&mut order, 0);
                    prop_assert!(order.money_is_back());
                }
            }
        }
        let refunded: i64 = order.refunds.iter().filter(|refund| refund.given).map(|refund| refund.minor).sum();
        let invoiced: i64 = order.invoices.iter().map(|invoice| invoice.minor).sum();
        let taxes: i64 = match way {
            Way::CancelledEarly | Way::CancelledLate => 0,
            Way::Normal | Way::Closed => order.lines.iter().map(|line| line.part_of(line.taxes[0].minor)).sum(),
        };
        prop_assert_eq!(order.captured() - refunded, invoiced + taxes);
        let out: i64 = order.payments.iter().map(|payment| order.refund_out_of(&payment.id)).sum();
        prop_assert_eq!(out, if way == Way::CancelledEarly { 0 } else { refunded });
    }

    #[test]
    fn no_more_goes_back_than_was_taken_whatever_the_numbers_say(
        lines in prop::collection::vec(sold(), 1..6), off in -5_000_i64..5_000, invoiced in 0_i64..500_000,
    ) {
        let mut order = ordered(&lines, 1);
        order.payments[0].minor = (order.total + off).max(1);
        order.shipments.push(Shipment::default());
        order.close_open_lines();
        order.set_state(State::Shipped);
        order.invoices.push(Invoice { minor: invoiced, ..Invoice::default() });
        read(&mut order, &shop_says(vec![]), 1);
        let back = order.refunded();
        prop_assert!(back >= 0 && back <= order.captured() && (back == 0 || back <= order.captured() - invoiced));
    }
}
