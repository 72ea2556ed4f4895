//! Builders for tests: one fact a test, the rest is here.

use retail_proto::returns::v1 as pb;
use retail_proto::types::v1::Ref;

use crate::allowance::Entry;
use crate::line::{Line, Stage};
use crate::part::Credit;
use crate::record::{Bought, Return, State};
use crate::sale::{Bill, Sale, SoldLine};

pub(crate) fn request() -> pb::StartReturnRequest {
    pb::StartReturnRequest {
        idempotency_key: "key-1".into(),
        capture: i32::from(pb::ReturnCapture::Request),
        channel: "shop".into(),
        source: "service-desk".into(),
        source_return_id: "case-1".into(),
        requested_at: Some(prost_types::Timestamp { seconds: 1_291_191_960, nanos: 0 }),
        lines: vec![pb::ReturnLineInput { sku: "85123a".into(), quantity: "2".into(), ..Default::default() }],
        ..Default::default()
    }
}

pub(crate) fn record(kind: &str, id: &str) -> Ref {
    Ref { kind: "erp".into(), instance: "erp".into(), r#type: kind.into(), id: id.into(), number: String::new() }
}

/// A paid, shipped and invoiced order of two lines: six hearts at 2.55 and six lanterns at 3.39.
pub(crate) fn sale() -> Sale {
    let line = |number: i32, sku: &str, value: i64| SoldLine {
        number,
        sku: sku.into(),
        ordered: 6_000_000,
        shipped: 6_000_000,
        invoiced: 6_000_000,
        value,
        location: "MAIN".into(),
        channel_line_id: format!("9{number}"),
        left_on: "2010-12-02".into(),
        ..SoldLine::default()
    };
    Sale {
        order_id: "o-1".into(),
        number: "#1001".into(),
        channel: "shop".into(),
        channel_order_id: "1001".into(),
        erp: "erp".into(),
        currency: "GBP".into(),
        customer_id: "c-1".into(),
        sales_order: Some(record("salesOrder", "so-1")),
        bills: vec![Bill { record: record("invoice", "inv-1"), owed: None, lines: Vec::new() }],
        invoiced: 3564,
        captured: 3564,
        tender: "card".into(),
        lines: vec![line(1, "85123A", 1530), line(2, "71053", 2034)],
        ..Sale::default()
    }
}

/// A return that may come back, one line per number of units, at 1.00 each, all of one invoice.
pub(crate) fn authorized(units: &[i64]) -> Return {
    let line = |(units, number): (&i64, i32)| Line {
        number,
        input_number: number,
        stage: i32::from(Stage::Claimed),
        order_id: "o-1".into(),
        order_line: number,
        requested: units * 1_000_000,
        authorized: units * 1_000_000,
        amount: units * 100,
        currency: "GBP".into(),
        invoice: "inv-1".into(),
        claimed_as: number,
        location: "MAIN".into(),
        ..Line::default()
    };
    let invoice = record("invoice", "inv-1");
    let mut record = Return {
        id: "r-1".into(),
        channel: "shop".into(),
        source: "service-desk".into(),
        version: 1,
        lines: units.iter().zip(1..).map(line).collect(),
        orders: vec![Bought { order_id: "o-1".into(), invoices: vec![invoice], ..Bought::default() }],
        ..Return::default()
    };
    record.advance();
    assert_eq!(record.state(), State::Authorized);
    record
}

/// Six of line 1 are credited: so much pays the invoice, so much is given back.
pub(crate) fn entry(applied: i64, refund: i64) -> Entry {
    let lines = vec![Credit { number: 1, quantity: 6_000_000, amount: applied + refund }];
    Entry { credited: applied + refund, applied, refund, lines, ..Entry::default() }
}
