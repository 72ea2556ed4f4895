//! Facts about adopted orders.

use retail_proto::types::v1::Ref;

use super::*;
use crate::testing::{channel, record, request};

fn gbp(minor_units: i64) -> Option<PbMoney> {
    Some(PbMoney { minor_units, currency: "GBP".into() })
}

fn now() -> Timestamp {
    Timestamp::from_second(1_400_000_000).unwrap()
}

fn sold() -> shop::GetOrderResponse {
    let payment = pb::Payment {
        tender: 1,
        amount: gbp(3564),
        state: i32::from(pb::PaymentState::Captured),
        ..Default::default()
    };
    let order = pb::PlaceOrderRequest { idempotency_key: String::new(), payments: vec![payment], ..request() };
    shop::GetOrderResponse { order: Some(order), ..Default::default() }
}

/// The ERP's side of the order of `request()`, its lines the other way round and numbered in tens.
fn booked() -> erp::SalesOrder {
    let line = |number: i32, sku: &str, price: &str, amount: i64| erp::SalesOrderLine {
        line_number: number,
        line: Some(record("line", &number.to_string())),
        sku: sku.into(),
        quantity: "6".into(),
        unit_price: price.into(),
        amount: gbp(amount),
        ..Default::default()
    };
    erp::SalesOrder {
        document: Some(record("salesOrder", "77")),
        state: i32::from(erp::SalesOrderState::Open),
        total: gbp(3564),
        lines: vec![line(10, "71053", "3.39", 2034), line(20, "85123A", "2.55", 1530)],
        payments: vec![erp::PaymentDocument {
            document: Some(record("customerDeposit", "78")),
            amount: gbp(3564),
            ..Default::default()
        }],
        order_number: "#1001".into(),
        order_date: "2010-12-01".into(),
        etag: "e1".into(),
        ..Default::default()
    }
}

fn shipped(mut told: erp::SalesOrder) -> erp::SalesOrder {
    told.fulfilments = vec![erp::Fulfilment {
        document: Some(record("itemFulfillment", "79")),
        shipped: true,
        lines: told
            .lines
            .iter()
            .map(|line| erp::FulfilmentLine { line_number: line.line_number, quantity: line.quantity.clone() })
            .collect(),
        date: "2010-12-02".into(),
        ..Default::default()
    }];
    told
}

fn billed(mut told: erp::SalesOrder) -> erp::SalesOrder {
    told.invoices =
        vec![erp::Invoice { document: Some(record("invoice", "80")), total: gbp(3564), ..Default::default() }];
    told
}

fn adopted(shop: Option<&shop::GetOrderResponse>, told: Option<&erp::SalesOrder>) -> Result<Order, String> {
    let channel = Channel { erp: "netsuite".into(), time_zone: "Europe/London".into(), ..channel() };
    let at = At { name: "shop", channel: &channel, now: now() };
    let order = match shop.and_then(|shop| shop.order.as_ref()) {
        Some(told) => shop_order(&at, told)?,
        None => erp_order(&at, "#1001", told.unwrap())?,
    };
    adopt(order, shop, told, now())
}

fn numbers(order: &Order) -> Vec<(i32, &str)> {
    order.lines.iter().map(|line| (line.number, line.sku.as_str())).collect()
}

#[test]
fn shop_and_erp_together_make_the_shops_lines_under_the_erps_numbers() {
    let order = adopted(Some(&sold()), Some(&billed(shipped(booked())))).unwrap();
    assert_eq!(numbers(&order), [(20, "85123A"), (10, "71053")]);
    assert_eq!(order.id, place::order_id("shop", "1001"));
    assert_eq!(order.lines[0].id, format!("{}/20", order.id));
    assert_eq!(order.lines[0].shipped, 6_000_000);
    assert_eq!(order.payments[0].document.as_ref().map(|document| document.id.as_str()), Some("78"));
    assert_eq!((order.erp(), order.adopted, order.state()), ("netsuite", true, State::Completed));
}

#[test]
fn lines_that_do_not_match_are_the_erps_alone() {
    let mut told = booked();
    told.lines[0].quantity = "5".into();
    told.lines[0].amount = gbp(1695);
    let order = adopted(Some(&sold()), Some(&told)).unwrap();
    assert_eq!(numbers(&order), [(10, "71053"), (20, "85123A")]);
    assert_eq!((order.lines[0].quantity, order.lines[0].amount), (5_000_000, 1695));
    assert_eq!(order.payments.len(), 1, "the shop still says what was paid");
}

#[test]
fn the_erp_alone_makes_an_order_with_its_own_id_day_and_payments() {
    let order = adopted(None, Some(&shipped(booked()))).unwrap();
    assert_eq!(order.id, adopted(None, Some(&booked())).unwrap().id, "the same for every adoption");
    assert_ne!(order.id, place::order_id("shop", "1001"));
    assert_eq!((order.number.as_str(), order.channel_order_id.as_str()), ("#1001", ""));
    assert_eq!((order.total, order.captured(), order.state()), (3564, 3564, State::Shipped));
    // Midnight of the first of December in London.
    assert_eq!(order.placed_at, 1_291_161_600_000);
    assert_eq!(order.lines.iter().map(|line| line.amount).sum::<i64>(), order.total);
}

#[test]
fn a_summer_day_begins_an_hour_earlier_in_london() {
    let told = erp::SalesOrder { order_date: "2011-06-02".into(), ..booked() };
    // 2011-06-01T23:00:00Z.
    assert_eq!(placed_at(&told, "Europe/London").unwrap(), 1_306_969_200_000);
    assert!(placed_at(&erp::SalesOrder { order_date: "soon".into(), ..booked() }, "UTC").is_err());
}

#[test]
fn the_shop_alone_makes_a_booked_order_and_a_cancelled_one_is_cancelled() {
    let order = adopted(Some(&sold()), None).unwrap();
    assert_eq!((order.state(), order.is_early()), (State::Booked, true));
    let gone = adopted(Some(&shop::GetOrderResponse { cancelled: true, ..sold() }), None).unwrap();
    assert_eq!(
        (gone.state(), gone.cause.as_str(), gone.is_early()),
        (State::Cancelled, "cancelled at the shop", false)
    );
}

#[test]
fn what_was_shipped_wins_over_a_cancellation_at_the_shop() {
    let cancelled = shop::GetOrderResponse { cancelled: true, ..sold() };
    let order = adopted(Some(&cancelled), Some(&shipped(booked()))).unwrap();
    assert_eq!(order.state(), State::Shipped);
}

#[test]
fn a_sales_order_that_was_closed_unshipped_is_a_cancelled_order() {
    let mut told = booked();
    told.set_state(erp::SalesOrderState::Closed);
    let order = adopted(None, Some(&told)).unwrap();
    assert_eq!((order.state(), order.cause.as_str()), (State::Cancelled, "closed in the ERP"));
}

#[test]
fn a_part_that_shipped_makes_it_partly_shipped() {
    let mut told = shipped(booked());
    told.fulfilments[0].lines.truncate(1);
    assert_eq!(adopted(None, Some(&told)).unwrap().state(), State::PartlyShipped);
}

#[test]
fn refunds_that_the_shop_has_made_are_shown_and_failed_ones_are_not() {
    let refund = |id: &str, state: shop::RefundState| shop::Refund {
        refund: Some(Ref { kind: "commerce".into(), ..record("Refund", id) }),
        amount: gbp(255),
        state: i32::from(state),
        ..Default::default()
    };
    let refunds = vec![refund("1", shop::RefundState::Done), refund("2", shop::RefundState::Failed)];
    let order = adopted(Some(&shop::GetOrderResponse { refunds, ..sold() }), Some(&booked())).unwrap();
    assert_eq!(order.refunds.iter().map(|refund| (refund.minor, refund.given)).collect::<Vec<_>>(), [(255, true)]);
}

#[test]
fn prices_of_the_erp_are_exact() {
    let line = |price: &str, amount: Option<i64>| {
        let said = erp::SalesOrderLine {
            line_number: 1,
            sku: "a".into(),
            quantity: "3".into(),
            unit_price: price.into(),
            amount: amount.and_then(gbp),
            ..Default::default()
        };
        erp_line("o", "GBP".parse().unwrap(), &said)
            .map(|line| line.map(|line| (line.unit_price, line.discount, line.amount)))
    };
    assert_eq!(line("2.55", Some(765)), Ok(Some(("2.55".into(), 0, 765))));
    assert_eq!(line("2.55", Some(700)), Ok(Some(("2.55".into(), 65, 700))), "less is a discount");
    assert_eq!(line("2.55", None), Ok(Some(("2.55".into(), 0, 765))));
    assert_eq!(line("", Some(100)), Ok(Some(("0.33333333".into(), 0, 100))));
    assert_eq!(line("2.55", Some(800)), Ok(Some(("2.66666667".into(), 0, 800))));
    assert!(line("", None).is_err() && line("cheap", Some(1)).is_err());
}

#[test]
fn a_fee_without_a_quantity_is_one_and_a_text_is_no_line() {
    let mut told = booked();
    told.lines.push(erp::SalesOrderLine {
        line_number: 30,
        sku: "POST".into(),
        is_charge: true,
        quantity: "0".into(),
        amount: gbp(250),
        ..Default::default()
    });
    told.lines.push(erp::SalesOrderLine {
        line_number: 40,
        sku: "NOTE".into(),
        quantity: "0".into(),
        ..Default::default()
    });
    let order = adopted(None, Some(&told)).unwrap();
    assert_eq!(numbers(&order), [(10, "71053"), (20, "85123A"), (30, "POST")]);
    assert_eq!((order.lines[2].quantity, order.lines[2].is_goods()), (1_000_000, false));
}

#[test]
fn what_cannot_be_kept_is_said() {
    let mut twins = booked();
    twins.lines[1].line_number = 10;
    assert_eq!(adopted(None, Some(&twins)).unwrap_err(), "its lines have no numbers of their own");
    let mut abroad = booked();
    abroad.lines[1].amount.as_mut().unwrap().currency = "EUR".into();
    assert_eq!(adopted(None, Some(&abroad)).unwrap_err(), "line 20 is in EUR, the order is in GBP");
    let mut shop = sold();
    shop.order.as_mut().unwrap().lines[0].quantity = "-1".into();
    assert!(adopted(Some(&shop), None).unwrap_err().starts_with("lines[0].quantity"));
}
