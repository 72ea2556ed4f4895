//! What owners say: orders, returns and customers as tests need them.

use retail_proto::cases::v1 as pb;
use retail_proto::customers::v1 as people;
use retail_proto::orders::v1 as orders;
use retail_proto::returns::v1 as returns;
use retail_proto::types::v1::{Money, Ref};

pub(crate) fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: 1_700_000_000 + seconds, nanos: 0 })
}

pub(crate) fn gbp(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".into() })
}

pub(crate) fn record(kind: &str, id: &str) -> Option<Ref> {
    Some(Ref { kind: kind.into(), instance: kind.into(), id: id.into(), number: format!("N-{id}"), ..Ref::default() })
}

/// Order `o-<number>` of customer c-1: six hearts, booked.
pub(crate) fn order(number: i64) -> orders::Order {
    let line = orders::Line {
        number: 1,
        kind: i32::from(orders::LineKind::Goods),
        sku: "85123A".into(),
        quantity: "6".into(),
        shipped: "0".into(),
        ..Default::default()
    };
    orders::Order {
        order_id: format!("o-{number}"),
        order_number: format!("#{number}"),
        channel: "shop".into(),
        state: i32::from(orders::OrderState::Booked),
        placed_at: at(number),
        customer_id: "c-1".into(),
        lines: vec![line],
        total: gbp(1530),
        ..Default::default()
    }
}

/// The same order, shipped and invoiced.
pub(crate) fn completed(number: i64) -> orders::Order {
    let mut done = order(number);
    done.state = i32::from(orders::OrderState::Completed);
    done.lines[0].shipped = "6".into();
    let lines = vec![orders::ShipmentLine { line_number: 1, quantity: "6".into() }];
    done.shipments = vec![orders::Shipment { document: record("erp", "s1"), lines, ..Default::default() }];
    done.invoices = vec![orders::Invoice { document: record("erp", "i1"), total: gbp(1530), ..Default::default() }];
    done
}

/// Return `r-<number>` of two hearts of order `o-<order>`, authorized.
pub(crate) fn returned(number: i64, order: i64) -> returns::Return {
    let line = returns::ReturnLine {
        number: 1,
        order_id: format!("o-{order}"),
        requested: "2".into(),
        authorized: "2".into(),
        ..Default::default()
    };
    returns::Return {
        return_id: format!("r-{number}"),
        rma_number: format!("R-{number}"),
        state: i32::from(returns::ReturnState::Authorized),
        status: "Authorized, waiting for the goods".into(),
        channel: "shop".into(),
        customer_id: "c-1".into(),
        requested_at: at(10_000 + number),
        lines: vec![line],
        ..Default::default()
    }
}

/// The same return, received, credited and refunded.
pub(crate) fn settled(number: i64, order: i64) -> returns::Return {
    let lines = vec![returns::ReturnReceiptLine { number: 1, quantity: "2".into(), ..Default::default() }];
    let receipt =
        returns::ReturnReceipt { receipt_id: "w1".into(), received_at: at(20_000), lines, ..Default::default() };
    let part = returns::ReturnPart {
        receipts: vec![receipt],
        credit_memo: record("erp", "cm1"),
        credited: gbp(510),
        refund: record("commerce", "rf1"),
        refunded: gbp(510),
        ..Default::default()
    };
    returns::Return {
        state: i32::from(returns::ReturnState::Completed),
        status: "Completed".into(),
        parts: vec![part],
        credited: gbp(510).into_iter().collect(),
        refunded: gbp(510).into_iter().collect(),
        ..returned(number, order)
    }
}

pub(crate) fn customer(id: &str, email: &str) -> people::Customer {
    people::Customer {
        customer_id: id.into(),
        kind: i32::from(people::CustomerKind::Registered),
        profile: Some(people::Profile { email: email.into(), phone: "+442079460958".into(), ..Default::default() }),
        created_at: at(0),
        updated_at: at(0),
        ..Default::default()
    }
}

/// Asks by one key.
pub(crate) fn by(set: impl FnOnce(&mut pb::GetContextRequest)) -> pb::GetContextRequest {
    let mut request = pb::GetContextRequest::default();
    set(&mut request);
    request
}

pub(crate) fn by_order(order_id: &str) -> pb::GetContextRequest {
    by(|key| key.order_id = order_id.into())
}

/// State and reason of a section.
pub(crate) fn section(context: &pb::Context, name: &str) -> (pb::SectionState, String) {
    let found = context.sections.iter().find(|section| section.name == name).unwrap();
    (found.state(), found.reason.clone())
}

pub(crate) fn order_ids(context: &pb::Context) -> Vec<&str> {
    context.orders.iter().map(|order| order.order_id.as_str()).collect()
}

pub(crate) fn return_ids(context: &pb::Context) -> Vec<&str> {
    context.returns.iter().map(|record| record.return_id.as_str()).collect()
}

pub(crate) fn case_ids(context: &pb::Context) -> Vec<String> {
    let record = |case: &pb::LinkedCase| case.case_record.clone().unwrap().record.unwrap().id;
    context.cases.iter().map(record).collect()
}
