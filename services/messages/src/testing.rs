//! Orders and returns as tests need them.

use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::{Order, OrderState, PickupStage};
use retail_proto::returns::v1 as returns;
use retail_proto::returns::v1::{Return, ReturnState};
use retail_proto::timestamp;
use retail_proto::types::v1::{Money, Ref};

/// When orders are placed.
pub(crate) const PLACED: i64 = 1_700_000_000_000;

pub(crate) fn gbp(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".into() })
}

fn record(id: &str) -> Option<Ref> {
    Some(Ref { kind: "erp".into(), instance: "erp".into(), id: id.into(), ..Ref::default() })
}

/// Six hearts and two lanterns for Ada, booked.
pub(crate) fn booked() -> Order {
    let line = |number: i32, sku: &str, quantity: &str| orders::Line {
        number,
        kind: i32::from(orders::LineKind::Goods),
        sku: sku.into(),
        description: format!("{sku} as people call it"),
        quantity: quantity.into(),
        shipped: "0".into(),
        ..Default::default()
    };
    let buyer = orders::Buyer {
        email: "ada@example.com".into(),
        phone: "+44 20 7946 0958".into(),
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        ..Default::default()
    };
    Order {
        order_id: "o-1".into(),
        order_number: "#1001".into(),
        channel: "shop".into(),
        state: i32::from(OrderState::Booked),
        placed_at: Some(timestamp(PLACED)),
        buyer: Some(buyer),
        lines: vec![line(1, "HEART", "6"), line(2, "LANTERN", "2")],
        brand: "acme".into(),
        market: "GB".into(),
        locale: "en-GB".into(),
        ..Default::default()
    }
}

/// All of it in parcel s1.
pub(crate) fn shipped() -> Order {
    let mut order = Order { state: i32::from(OrderState::Shipped), ..booked() };
    for line in &mut order.lines {
        line.shipped.clone_from(&line.quantity);
    }
    let lines = vec![orders::ShipmentLine { line_number: 1, quantity: "6".into() }];
    order.shipments = vec![orders::Shipment {
        document: record("s1"),
        carrier: "Royal Mail".into(),
        tracking_numbers: vec!["RM1".into()],
        lines,
        ..Default::default()
    }];
    order
}

pub(crate) fn cancelled() -> Order {
    Order { state: i32::from(OrderState::Cancelled), ..booked() }
}

/// Collected in Soho by Bob; its steps one after the other, a second apart.
pub(crate) fn pickup(stages: &[PickupStage]) -> Order {
    let steps = stages.iter().zip(1..).map(|(stage, second): (_, i64)| orders::PickupStep {
        at: Some(timestamp(PLACED + second * 1_000)),
        stage: i32::from(*stage),
        ..Default::default()
    });
    let pickup = orders::Pickup {
        location: "SOHO".into(),
        contact_name: "Bob".into(),
        contact_phone: "+442079460001".into(),
        stage: i32::from(stages.last().copied().unwrap_or(PickupStage::Awaited)),
        keep_until: Some(timestamp(PLACED + 86_400_000)),
        steps: steps.collect(),
        ..Default::default()
    };
    Order { pickup: Some(pickup), ..booked() }
}

/// Ready so many times.
pub(crate) fn ready(times: usize) -> Order {
    let rounds = [PickupStage::Rejected, PickupStage::Ready].into_iter().cycle().skip(1);
    pickup(&rounds.take(times * 2 - 1).collect::<Vec<_>>())
}

pub(crate) fn rejected() -> Order {
    pickup(&[PickupStage::Ready, PickupStage::Rejected])
}

pub(crate) fn collected() -> Order {
    pickup(&[PickupStage::Ready, PickupStage::Collected])
}

/// Two hearts of o-1, authorized.
pub(crate) fn authorized() -> Return {
    let line = returns::ReturnLine {
        number: 1,
        order_id: "o-1".into(),
        order_number: "#1001".into(),
        order_line_number: 1,
        sku: "HEART".into(),
        requested: "2".into(),
        authorized: "2".into(),
        ..Default::default()
    };
    Return {
        return_id: "r-1".into(),
        rma_number: "R-1".into(),
        capture: i32::from(returns::ReturnCapture::Request),
        state: i32::from(ReturnState::Authorized),
        channel: "shop".into(),
        requested_at: Some(timestamp(PLACED)),
        lines: vec![line],
        ..Default::default()
    }
}

pub(crate) fn received() -> Return {
    let lines = vec![returns::ReturnReceiptLine { number: 1, quantity: "2".into(), ..Default::default() }];
    let receipt = returns::ReturnReceipt {
        receipt_id: "w1".into(),
        received_at: Some(timestamp(PLACED + 9_000)),
        lines,
        ..Default::default()
    };
    let part = returns::ReturnPart { part_id: "p1".into(), receipts: vec![receipt], ..Default::default() };
    Return { state: i32::from(ReturnState::Received), parts: vec![part], ..authorized() }
}

pub(crate) fn refunded() -> Return {
    let mut record = Return { state: i32::from(ReturnState::Completed), ..received() };
    for part in &mut record.parts {
        part.refund = self::record("rf1");
        part.refunded = gbp(510);
    }
    record
}
