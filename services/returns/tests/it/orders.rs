//! Orders that were placed, and a shelf of old ones that nobody has adopted yet.

use std::collections::BTreeMap;

use retail_proto::orders::v1 as pb;
use retail_proto::orders::v1::orders_service_server::OrdersService;
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::books::{Books, gbp, record, refusal, units};

#[derive(Default)]
pub(crate) struct Drawer {
    pub(crate) orders: BTreeMap<String, pb::Order>,
    /// Orders that only the ERP and the shop know.
    pub(crate) old: Vec<pb::Order>,
    pub(crate) adoptions: usize,
    pub(crate) away: bool,
    /// The order as it is once somebody has paid it: when the next return wants to credit some of it.
    pub(crate) paid_meanwhile: Option<pb::Order>,
    /// What is not taken any more, by the return's id of it.
    pub(crate) taken_off: BTreeMap<String, i64>,
}

#[derive(Clone, Default)]
pub(crate) struct Orders {
    pub(crate) books: Books<Drawer>,
}

/// The moment of the first order.
pub(crate) const START: i64 = 1_291_000_000;

/// A paid, shipped and invoiced order of two lines: six hearts at 2.55 and six lanterns at 3.39.
pub(crate) fn order(number: u32) -> pb::Order {
    let line = |number: i32, sku: &str, price: &str, amount: i64| pb::Line {
        number,
        kind: i32::from(pb::LineKind::Goods),
        sku: sku.into(),
        quantity: "6".into(),
        unit_price: price.into(),
        amount: Some(gbp(amount)),
        location: "MAIN".into(),
        channel_line_id: format!("{number}-{sku}"),
        shipped: "6".into(),
        invoiced: "6".into(),
        ..pb::Line::default()
    };
    let id = format!("o-{number}");
    pb::Order {
        order_id: id.clone(),
        order_number: format!("#{number}"),
        channel: "shop".into(),
        channel_order_id: number.to_string(),
        state: i32::from(pb::OrderState::Completed),
        placed_at: Some(prost_types::Timestamp { seconds: START + i64::from(number), nanos: 0 }),
        customer_id: "c-1".into(),
        lines: vec![line(1, "85123A", "2.55", 1530), line(2, "71053", "3.39", 2034)],
        total: Some(gbp(3564)),
        payments: vec![pb::Payment {
            tender: i32::from(pb::Tender::Card),
            amount: Some(gbp(3564)),
            state: i32::from(pb::PaymentState::Captured),
            ..pb::Payment::default()
        }],
        refs: vec![record("erp", "salesOrder", &format!("so-{id}"))],
        shipments: vec![pb::Shipment {
            document: Some(record("erp", "itemFulfillment", &format!("if-{id}"))),
            lines: vec![shipped(1, 6), shipped(2, 6)],
            date: "2010-11-30".into(),
            ..pb::Shipment::default()
        }],
        invoices: vec![invoice(&id, 1, 3564, &[(1, 6), (2, 6)])],
        erp: "erp".into(),
        version: 1,
        ..pb::Order::default()
    }
}

fn shipped(line_number: i32, units: i64) -> pb::ShipmentLine {
    pb::ShipmentLine { line_number, quantity: units.to_string() }
}

/// An invoice of an order over these lines and units.
pub(crate) fn invoice(order_id: &str, number: u32, total: i64, lines: &[(i32, i64)]) -> pb::Invoice {
    pb::Invoice {
        document: Some(record("erp", "invoice", &format!("inv-{order_id}-{number}"))),
        total: Some(gbp(total)),
        lines: lines
            .iter()
            .map(|(line_number, units)| pb::InvoiceLine { line_number: *line_number, quantity: units.to_string() })
            .collect(),
        date: "2010-11-30".into(),
        amount_remaining: Some(gbp(0)),
    }
}

/// The same order before anything of it has left.
pub(crate) fn on_its_way(number: u32) -> pb::Order {
    let mut order = pb::Order { state: i32::from(pb::OrderState::Booked), ..order(number) };
    order.shipments.clear();
    order.invoices.clear();
    for line in &mut order.lines {
        line.shipped = "0".into();
        line.invoiced = "0".into();
    }
    order
}

fn missing() -> Status {
    refusal(Class::NotFound, "NO_SUCH_ORDER")
}

impl Drawer {
    fn here(&self) -> Result<(), Status> {
        if self.away { Err(refusal(Class::Unavailable, "STORE_UNAVAILABLE")) } else { Ok(()) }
    }
}

#[tonic::async_trait]
impl OrdersService for Orders {
    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Result<Response<pb::GetOrderResponse>, Status> {
        let drawer = self.books.open();
        drawer.here()?;
        let order = drawer.orders.get(&request.get_ref().order_id).cloned();
        Ok(Response::new(pb::GetOrderResponse { order: Some(order.ok_or_else(missing)?) }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let drawer = self.books.open();
        let number = &request.get_ref().order_number;
        let orders = drawer.orders.values().filter(|order| order.order_number == *number).cloned().collect();
        Ok(Response::new(pb::ListOrdersResponse { orders, ..Default::default() }))
    }

    async fn take_return_credit(
        &self,
        request: Request<pb::TakeReturnCreditRequest>,
    ) -> Result<Response<pb::TakeReturnCreditResponse>, Status> {
        let mut drawer = self.books.open();
        drawer.here()?;
        let asked = request.into_inner();
        let amount = asked.amount.unwrap_or_default().minor_units;
        let minor = match drawer.paid_meanwhile.take() {
            Some(paid) => {
                drawer.orders.insert(paid.order_id.clone(), paid);
                0
            }
            None => amount,
        };
        let taken_off = gbp(*drawer.taken_off.entry(asked.reference).or_insert(minor));
        Ok(Response::new(pb::TakeReturnCreditResponse { taken_off: Some(taken_off) }))
    }

    async fn adopt_order(
        &self,
        request: Request<pb::AdoptOrderRequest>,
    ) -> Result<Response<pb::AdoptOrderResponse>, Status> {
        let asked = request.into_inner();
        let fits = |order: &pb::Order| {
            let by_id = !asked.channel_order_id.is_empty() && order.channel_order_id == asked.channel_order_id;
            let by_number = !asked.order_number.is_empty() && order.order_number == asked.order_number;
            order.channel == asked.channel && (by_id || by_number)
        };
        self.books.write(|drawer| {
            drawer.here()?;
            if let Some(known) = drawer.orders.values().find(|order| fits(order)) {
                return Ok(Response::new(pb::AdoptOrderResponse { order: Some(known.clone()) }));
            }
            let order = drawer.old.iter().find(|order| fits(order)).cloned().ok_or_else(missing)?;
            let order = pb::Order { adopted: true, ..order };
            drawer.adoptions += 1;
            drawer.orders.insert(order.order_id.clone(), order.clone());
            Ok(Response::new(pb::AdoptOrderResponse { order: Some(order) }))
        })
    }

    async fn find_purchases(
        &self,
        request: Request<pb::FindPurchasesRequest>,
    ) -> Result<Response<pb::FindPurchasesResponse>, Status> {
        let asked = request.into_inner();
        let drawer = self.books.open();
        let until = asked.placed_until.map_or(i64::MAX, |until| until.seconds);
        let mut purchases = Vec::new();
        let bought = drawer.orders.values().filter(|order| asked.customer_ids.contains(&order.customer_id));
        for order in bought.filter(|order| order.placed_at.is_some_and(|at| at.seconds <= until)) {
            for line in order.lines.iter().filter(|line| asked.skus.contains(&line.sku) && units(&line.quantity) > 0) {
                purchases.push(pb::Purchase {
                    order_id: order.order_id.clone(),
                    order_number: order.order_number.clone(),
                    placed_at: order.placed_at,
                    line_number: line.number,
                    sku: line.sku.clone(),
                    quantity: line.quantity.clone(),
                    unit_price: line.unit_price.clone(),
                });
            }
        }
        purchases.sort_by_key(|purchase| std::cmp::Reverse(purchase.placed_at.map(|at| at.seconds)));
        Ok(Response::new(pb::FindPurchasesResponse { purchases }))
    }
}
