//! What owners say: orders and returns as tests need them.

use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::{Order, OrderState, PickupStage};
use retail_proto::returns::v1 as returns;
use retail_proto::returns::v1::{Return, ReturnState};
use retail_proto::timestamp;
use retail_proto::types::v1::{Money, Ref};
use retail_runtime::Clock;

pub(crate) fn now() -> i64 {
    Clock::system().now().as_millisecond()
}

pub(crate) fn gbp(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".into() })
}

pub(crate) fn record(id: &str) -> Option<Ref> {
    Some(Ref { kind: "erp".into(), instance: "erp".into(), id: id.into(), ..Ref::default() })
}

/// Order `o-<number>` of Ada, six hearts, booked; placed long before anybody was told of anything.
pub(crate) fn booked(number: u32) -> Order {
    let line = orders::Line {
        number: 1,
        kind: i32::from(orders::LineKind::Goods),
        sku: "HEART".into(),
        quantity: "6".into(),
        shipped: "0".into(),
        ..Default::default()
    };
    let buyer = orders::Buyer { email: "ada@example.com".into(), first_name: "Ada".into(), ..Default::default() };
    Order {
        order_id: format!("o-{number}"),
        order_number: format!("#{number}"),
        channel: "shop".into(),
        state: i32::from(OrderState::Booked),
        placed_at: Some(timestamp(1_700_000_000_000)),
        buyer: Some(buyer),
        lines: vec![line],
        ..Default::default()
    }
}

/// The same, shipped in these parcels.
pub(crate) fn shipped(number: u32, parcels: &[&str]) -> Order {
    let parcel = |id: &&str| orders::Shipment { document: record(id), ..Default::default() };
    let shipments = parcels.iter().map(parcel).collect();
    Order { state: i32::from(OrderState::Shipped), shipments, ..booked(number) }
}

pub(crate) fn cancelled(number: u32) -> Order {
    Order { state: i32::from(OrderState::Cancelled), ..booked(number) }
}

/// Collected in Soho; its steps happen now, one after the other.
pub(crate) fn pickup(number: u32, stages: &[PickupStage]) -> Order {
    let step = |(stage, place): (&PickupStage, i64)| orders::PickupStep {
        at: Some(timestamp(now() + place)),
        stage: i32::from(*stage),
        ..Default::default()
    };
    let pickup = orders::Pickup {
        location: "SOHO".into(),
        stage: i32::from(stages.last().copied().unwrap_or(PickupStage::Awaited)),
        steps: stages.iter().zip(1..).map(step).collect(),
        ..Default::default()
    };
    Order { pickup: Some(pickup), ..booked(number) }
}

/// Return r-1 of two hearts of o-1, authorized.
pub(crate) fn authorized() -> Return {
    let line = returns::ReturnLine {
        number: 1,
        order_id: "o-1".into(),
        order_number: "#1".into(),
        order_line_number: 1,
        sku: "HEART".into(),
        authorized: "2".into(),
        ..Default::default()
    };
    Return {
        return_id: "r-1".into(),
        rma_number: "R-1".into(),
        capture: i32::from(returns::ReturnCapture::Request),
        state: i32::from(ReturnState::Authorized),
        channel: "shop".into(),
        requested_at: Some(timestamp(now())),
        lines: vec![line],
        ..Default::default()
    }
}

/// The same, back in the store and refunded.
pub(crate) fn refunded() -> Return {
    let receipt =
        returns::ReturnReceipt { receipt_id: "w1".into(), received_at: Some(timestamp(now())), ..Default::default() };
    let part = returns::ReturnPart {
        part_id: "p1".into(),
        receipts: vec![receipt],
        refund: record("rf1"),
        refunded: gbp(510),
        ..Default::default()
    };
    Return { state: i32::from(ReturnState::Completed), parts: vec![part], ..authorized() }
}
