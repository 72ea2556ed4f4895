//! Builders for tests: one fact a test, the rest is here.

use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Money, Ref};

use crate::check::computed_total;
use crate::config::Channel;
use crate::decision::{Assigned, Decision};
use crate::documents::{Invoice, Payment, Shipment, ShipmentLine};
use crate::record::{Line, LineKind, Order, State};

pub(crate) fn channel() -> Channel {
    Channel { brand: "acme".into(), market: "GB".into(), region: "eu".into(), ..Channel::default() }
}

pub(crate) fn line(number: i32, unit_price: &str, units: i64) -> Line {
    let mut line = Line {
        id: format!("o-1/{number}"),
        number,
        kind: i32::from(LineKind::Goods),
        sku: format!("SKU-{number}"),
        quantity: units * 1_000_000,
        unit_price: unit_price.into(),
        channel_line_id: format!("9{number}"),
        ..Line::default()
    };
    line.amount = crate::check::line_amount(&line, "GBP".parse().unwrap()).unwrap().minor();
    line
}

/// Line 1, six pieces: four at MAIN, two in SOHO under number 3. Line 2 whole at MAIN.
pub(crate) fn four_and_two() -> Decision {
    let given = |number: i32, location: &str, units: i64| Assigned {
        number,
        location: location.into(),
        quantity: units * 1_000_000,
        ..Assigned::default()
    };
    let head = Assigned { of: 6_000_000, ..given(1, "MAIN", 4) };
    let part = Assigned { of: 6_000_000, split_from: 1, ..given(3, "SOHO", 2) };
    Decision { lines: vec![head, given(2, "MAIN", 2), part], ..Decision::default() }
}

pub(crate) struct Builder;

pub(crate) fn order() -> Builder {
    Builder
}

impl Builder {
    pub(crate) fn received(self) -> Order {
        let mut order = Order {
            id: "o-1".into(),
            number: "#1001".into(),
            channel: "shop".into(),
            channel_order_id: "1".into(),
            currency: "GBP".into(),
            version: 1,
            lines: vec![line(1, "2.55", 6), line(2, "3.39", 2)],
            ..Order::default()
        };
        order.total = computed_total(&order.lines, "GBP".parse().unwrap()).unwrap().minor();
        order.payments = vec![Payment { id: "o-1/p1".into(), minor: order.total, state: 3, ..Payment::default() }];
        order
    }

    pub(crate) fn reserved(self) -> Order {
        let mut order = self.received();
        order.customer_id = "c-1".into();
        order.items_known = true;
        order.checked = true;
        order.reserved = true;
        order.advance();
        assert_eq!(order.state(), State::Reserved);
        order
    }

    pub(crate) fn booked(self) -> Order {
        let mut order = self.reserved();
        order.erp_customer = true;
        order.sales_order = Some(record("salesOrder", "1"));
        order.advance();
        assert_eq!(order.state(), State::Booked);
        order
    }

    pub(crate) fn shipped(self) -> Order {
        let mut order = self.booked();
        order.shipments.push(Shipment {
            document: Some(record("itemFulfillment", "2")),
            lines: order
                .lines
                .iter()
                .map(|line| ShipmentLine { number: line.number, quantity: line.quantity })
                .collect(),
            ..Shipment::default()
        });
        for line in &mut order.lines {
            line.shipped = line.quantity;
        }
        order.advance();
        assert_eq!(order.state(), State::Shipped);
        order
    }
}

impl Order {
    pub(crate) fn invoiced_and_told(mut self) -> Self {
        self.invoices.push(Invoice { document: Some(record("invoice", "3")), minor: self.total, ..Invoice::default() });
        for shipment in &mut self.shipments {
            shipment.consumed = true;
            shipment.told = true;
        }
        for payment in &mut self.payments {
            payment.document = Some(record("customerDeposit", "4"));
        }
        self.advance();
        self
    }
}

pub(crate) fn record(kind: &str, id: &str) -> Ref {
    Ref { kind: "erp".into(), instance: "netsuite".into(), r#type: kind.into(), id: id.into(), number: String::new() }
}

pub(crate) fn request() -> pb::PlaceOrderRequest {
    let line = |sku: &str, price: &str, quantity: &str| pb::LineInput {
        kind: i32::from(pb::LineKind::Goods),
        sku: sku.into(),
        unit_price: price.into(),
        quantity: quantity.into(),
        ..Default::default()
    };
    pb::PlaceOrderRequest {
        idempotency_key: "key-1".into(),
        capture: i32::from(pb::Capture::Fact),
        channel: "shop".into(),
        channel_order_id: "1001".into(),
        order_number: "#1001".into(),
        placed_at: Some(prost_types::Timestamp { seconds: 1_291_191_960, nanos: 0 }),
        currency: "GBP".into(),
        lines: vec![line("85123A", "2.55", "6"), line("71053", "3.39", "6")],
        total: Some(Money { minor_units: 1530 + 2034, currency: "GBP".into() }),
        ..Default::default()
    }
}
