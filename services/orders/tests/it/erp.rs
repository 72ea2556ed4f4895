//! An ERP with books of its own: it does what it is asked once per external id, unless it is in a mood.

use std::collections::{BTreeMap, VecDeque};
use std::sync::MutexGuard;

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::credit::CreditDesk;
use crate::harness::{Books, done, gbp, record, refusal};

/// What the ERP does with the next sales orders, oldest first; afterwards it does what it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    /// Books it; the answer is lost.
    BooksAndFallsSilent,
    /// Certainly does nothing.
    Away,
    /// Refuses.
    Refuses,
}

#[derive(Default)]
pub(crate) struct Ledgers {
    pub(crate) moods: VecDeque<Mood>,
    /// Every booking is answered as away while this is set.
    pub(crate) closed_for_the_night: bool,
    /// Nothing new is shown to readings while this is set.
    pub(crate) hidden: bool,
    /// Payments are answered as away while this is set.
    pub(crate) no_payments: bool,
    /// The next payment is recorded; the answer is lost, and nothing is heard of it until this is taken back.
    pub(crate) payments_fall_silent: bool,
    /// The place where the ERP has no stock.
    pub(crate) empty: String,
    /// Goods are being picked: nothing can be moved.
    pub(crate) picking: bool,
    /// The next change is made and its answer lost.
    pub(crate) change_falls_silent: bool,
    pub(crate) change_calls: usize,
    pub(crate) create_calls: usize,
    pub(crate) close_calls: usize,
    pub(crate) orders: BTreeMap<String, pb::SalesOrder>,
    pub(crate) inputs: BTreeMap<String, pb::SalesOrderInput>,
    pub(crate) deposits: BTreeMap<String, pb::RecordPaymentRequest>,
    pub(crate) refunds: BTreeMap<String, pb::RecordRefundRequest>,
    /// What customers may owe.
    pub(crate) credit: CreditDesk,
    /// Sales orders that others entered.
    pub(crate) foreign: Vec<pb::SalesOrder>,
    /// Orders as they changed; the cursor is a place in it.
    pub(crate) changes: Vec<pb::SalesOrderChange>,
}

impl Ledgers {
    fn told(&mut self, external_ref: &str) {
        let order = self.orders.get_mut(external_ref).unwrap();
        order.etag = format!("e{}", self.changes.len());
        let change = pb::SalesOrderChange {
            kind: i32::from(pb::ChangeKind::Upsert),
            external_ref: external_ref.into(),
            order: Some(order.clone()),
        };
        self.changes.push(change);
    }

    /// The warehouse ships these quantities by line number, and the books bill them.
    pub(crate) fn ship(&mut self, external_ref: &str, lines: &[(i32, i64)]) {
        let input = self.inputs[external_ref].clone();
        let order = self.orders.get_mut(external_ref).unwrap();
        let number = order.fulfilments.len() + 1;
        order.fulfilments.push(pb::Fulfilment {
            document: Some(record("erp", "itemFulfillment", &format!("if-{external_ref}-{number}"))),
            shipped: true,
            lines: lines
                .iter()
                .map(|(line_number, units)| pb::FulfilmentLine {
                    line_number: *line_number,
                    quantity: units.to_string(),
                })
                .collect(),
            tracking_numbers: vec![format!("TRACK{number}")],
            carrier: "Royal Mail".into(),
            ..Default::default()
        });
        let billed = lines.iter().map(|(line_number, units)| {
            let line = input.lines.iter().find(|line| line.line_number == *line_number).unwrap();
            let quantity: i64 = line.quantity.parse().unwrap();
            line.amount.as_ref().unwrap().minor_units * units / quantity
        });
        order.invoices.push(pb::Invoice {
            document: Some(record("erp", "invoice", &format!("inv-{external_ref}-{number}"))),
            total: Some(gbp(billed.sum())),
            ..Default::default()
        });
        self.told(external_ref);
    }

    /// Somebody closes the order, or what is left of it, by hand.
    pub(crate) fn close(&mut self, external_ref: &str) {
        let order = self.orders.get_mut(external_ref).unwrap();
        order.set_state(pb::SalesOrderState::Closed);
        order.lines.iter_mut().for_each(|line| line.closed = true);
        self.told(external_ref);
    }
}

/// The document of a deposit.
fn deposit(id: &str) -> Option<retail_proto::types::v1::Ref> {
    Some(record("erp", "customerDeposit", &format!("dep-{id}")))
}

fn pence(amount: Option<&retail_proto::types::v1::Money>) -> i64 {
    amount.unwrap().minor_units
}

impl Ledgers {
    /// What is left in the books of an order's money: deposits less invoices less refunds.
    pub(crate) fn unapplied(&self, order_ref: &str) -> i64 {
        let deposits = self.deposits.values().filter(|one| one.order_ref == order_ref);
        let invoices = self.orders.get(order_ref).into_iter().flat_map(|order| &order.invoices);
        let ids: Vec<_> = deposits.clone().map(|one| deposit(&one.external_ref)).collect();
        let refunds = self.refunds.values().filter(|one| ids.contains(&one.apply_to));
        let taken: i64 = deposits.map(|one| pence(one.amount.as_ref())).sum();
        let billed: i64 = invoices.map(|one| pence(one.total.as_ref())).sum();
        let back: i64 = refunds.map(|one| pence(one.amount.as_ref())).sum();
        taken - billed - back
    }
}

#[derive(Clone, Default)]
pub(crate) struct Erp {
    pub(crate) books: Books<Ledgers>,
}

impl Erp {
    pub(crate) fn books(&self) -> MutexGuard<'_, Ledgers> {
        self.books.open()
    }
}

pub(crate) fn away() -> Status {
    refusal(Class::Unavailable, "VENDOR_UNREACHABLE")
}

#[tonic::async_trait]
impl ErpService for Erp {
    async fn create_sales_order(
        &self,
        request: Request<pb::CreateSalesOrderRequest>,
    ) -> Result<Response<pb::CreateSalesOrderResponse>, Status> {
        self.books.write(|books| {
            let input = request.into_inner().order.unwrap();
            books.create_calls += 1;
            let mood = books.moods.pop_front();
            if books.closed_for_the_night || matches!(mood, Some(Mood::Away)) {
                return Err(away());
            }
            if matches!(mood, Some(Mood::Refuses)) {
                return Err(refusal(Class::Precondition, "PERIOD_CLOSED"));
            }
            let id = input.external_ref.clone();
            if !books.orders.contains_key(&id) {
                let lines = input.lines.iter().map(|line| {
                    let there = books.empty.is_empty() || line.location != books.empty;
                    let (committed, backordered) = if there { (&*line.quantity, "0") } else { ("0", &*line.quantity) };
                    pb::SalesOrderLine {
                        line_number: line.line_number,
                        quantity: line.quantity.clone(),
                        committed: committed.to_owned(),
                        backordered: backordered.to_owned(),
                        ..Default::default()
                    }
                });
                let mut document = record("erp", "salesOrder", &format!("so-{id}"));
                document.number = format!("SO{}", books.orders.len() + 1);
                let order = pb::SalesOrder {
                    external_ref: id.clone(),
                    document: Some(document),
                    state: i32::from(pb::SalesOrderState::Open),
                    lines: lines.collect(),
                    ..Default::default()
                };
                books.orders.insert(id.clone(), order);
                books.inputs.insert(id.clone(), input);
                books.told(&id);
            }
            if matches!(mood, Some(Mood::BooksAndFallsSilent)) {
                return Err(Status::deadline_exceeded("answer lost"));
            }
            let order = books.orders.get(&id).cloned();
            Ok(Response::new(pb::CreateSalesOrderResponse { outcome: done(), order }))
        })
    }

    async fn get_customer_credit(
        &self,
        request: Request<pb::GetCustomerCreditRequest>,
    ) -> Result<Response<pb::GetCustomerCreditResponse>, Status> {
        self.books.write(|books| books.customer_credit(request.get_ref())).map(Response::new)
    }

    async fn get_sales_order(
        &self,
        request: Request<pb::GetSalesOrderRequest>,
    ) -> Result<Response<pb::GetSalesOrderResponse>, Status> {
        let order = self.books().orders.get(&request.get_ref().external_ref).cloned();
        let missing = || refusal(Class::NotFound, "NO_SUCH_SALES_ORDER");
        Ok(Response::new(pb::GetSalesOrderResponse { order: Some(order.ok_or_else(missing)?) }))
    }

    async fn cancel_sales_order(
        &self,
        request: Request<pb::CancelSalesOrderRequest>,
    ) -> Result<Response<pb::CancelSalesOrderResponse>, Status> {
        self.books.write(|books| {
            let id = request.into_inner().external_ref;
            books.close_calls += 1;
            let order = books.orders.get(&id).cloned();
            if let Some(order) = &order {
                let input = &books.inputs[&id];
                let shipped: i64 = order.fulfilments.iter().flat_map(|one| &one.lines).map(units).sum();
                let ordered: i64 = input.lines.iter().map(|line| line.quantity.parse::<i64>().unwrap()).sum();
                if shipped >= ordered {
                    return Err(refusal(Class::Precondition, "ALREADY_SHIPPED"));
                }
                if order.state() != pb::SalesOrderState::Closed {
                    books.close(&id);
                }
            }
            let order = books.orders.get(&id).cloned();
            Ok(Response::new(pb::CancelSalesOrderResponse { outcome: done(), order }))
        })
    }

    async fn change_sales_order(
        &self,
        request: Request<pb::ChangeSalesOrderRequest>,
    ) -> Result<Response<pb::ChangeSalesOrderResponse>, Status> {
        self.books.write(|books| {
            let request = request.into_inner();
            books.change_calls += 1;
            if books.picking {
                let outcome = Outcome {
                    state: i32::from(OutcomeState::Refused),
                    reason: "USER_ERROR".into(),
                    message: "line 1 is being picked".into(),
                    ..Outcome::default()
                };
                return Ok(Response::new(pb::ChangeSalesOrderResponse { outcome: Some(outcome), order: None }));
            }
            let order = books.orders.get_mut(&request.external_ref).unwrap();
            for change in &request.lines {
                let line = order.lines.iter_mut().find(|line| line.line_number == change.line_number).unwrap();
                if !change.location.is_empty() {
                    line.location.clone_from(&change.location);
                    std::mem::swap(&mut line.committed, &mut line.backordered);
                }
                line.closed = line.closed || change.close;
            }
            let input = books.inputs.get_mut(&request.external_ref).unwrap();
            for change in request.lines.iter().filter(|change| !change.quantity.is_empty()) {
                let line = input.lines.iter_mut().find(|line| line.line_number == change.line_number).unwrap();
                line.quantity.clone_from(&change.quantity);
                line.amount.clone_from(&change.amount);
            }
            for added in &request.added {
                if !input.lines.iter().any(|line| line.line_number == added.line_number) {
                    input.lines.push(added.clone());
                    order.lines.push(pb::SalesOrderLine {
                        line_number: added.line_number,
                        quantity: added.quantity.clone(),
                        location: added.location.clone(),
                        ..Default::default()
                    });
                }
            }
            if request.shipping_address.is_some() {
                input.shipping_address.clone_from(&request.shipping_address);
            }
            books.told(&request.external_ref);
            if std::mem::take(&mut books.change_falls_silent) {
                return Err(Status::deadline_exceeded("answer lost"));
            }
            let order = books.orders.get(&request.external_ref).cloned();
            Ok(Response::new(pb::ChangeSalesOrderResponse { outcome: done(), order }))
        })
    }

    async fn record_payment(
        &self,
        request: Request<pb::RecordPaymentRequest>,
    ) -> Result<Response<pb::RecordPaymentResponse>, Status> {
        self.books.write(|books| {
            if books.no_payments {
                return Err(away());
            }
            let request = request.into_inner();
            let id = request.external_ref.clone();
            if !books.orders.contains_key(&request.order_ref) {
                return Err(refusal(Class::Precondition, "NO_SUCH_SALES_ORDER"));
            }
            let payment = pb::PaymentDocument {
                document: deposit(&id),
                external_ref: id.clone(),
                amount: request.amount.clone(),
            };
            books.deposits.insert(id, request);
            if books.payments_fall_silent {
                return Err(Status::deadline_exceeded("answer lost"));
            }
            Ok(Response::new(pb::RecordPaymentResponse { outcome: done(), payment: Some(payment) }))
        })
    }

    async fn record_refund(
        &self,
        request: Request<pb::RecordRefundRequest>,
    ) -> Result<Response<pb::RecordRefundResponse>, Status> {
        self.books.write(|books| {
            let request = request.into_inner();
            let id = request.external_ref.clone();
            if !books.refunds.contains_key(&id) {
                let paid = books.deposits.values().find(|one| deposit(&one.external_ref) == request.apply_to);
                let paid = paid.ok_or_else(|| refusal(Class::Precondition, "NO_SUCH_DEPOSIT"))?;
                if pence(request.amount.as_ref()) > books.unapplied(&paid.order_ref) {
                    return Err(refusal(Class::Precondition, "MORE_THAN_UNAPPLIED"));
                }
                books.refunds.insert(id.clone(), request.clone());
            }
            let refund = pb::RefundDocument {
                document: Some(record("erp", "customerRefund", &format!("ref-{id}"))),
                external_ref: id,
                amount: request.amount,
                applied_to: request.apply_to,
            };
            Ok(Response::new(pb::RecordRefundResponse { outcome: done(), refund: Some(refund) }))
        })
    }

    async fn find_sales_orders(
        &self,
        request: Request<pb::FindSalesOrdersRequest>,
    ) -> Result<Response<pb::FindSalesOrdersResponse>, Status> {
        let books = self.books();
        if books.closed_for_the_night {
            return Err(away());
        }
        let ours = books.orders.iter().map(|(id, order)| {
            let input = &books.inputs[id];
            pb::SalesOrder {
                order_number: input.order_number.clone(),
                customer_ref: input.customer_ref.clone(),
                total: input.total.clone(),
                ..order.clone()
            }
        });
        let all = ours.chain(books.foreign.iter().cloned());
        let orders = all.filter(|order| order.order_number == request.get_ref().order_number).collect();
        Ok(Response::new(pb::FindSalesOrdersResponse { orders }))
    }

    async fn poll_changes(
        &self,
        request: Request<pb::PollChangesRequest>,
    ) -> Result<Response<pb::PollChangesResponse>, Status> {
        let books = self.books();
        let from = request.get_ref().cursor.parse().unwrap_or(0);
        let upto = if books.hidden { from } else { books.changes.len() };
        let changes = books.changes[from..upto].to_vec();
        Ok(Response::new(pb::PollChangesResponse { changes, cursor: upto.to_string(), more: false }))
    }
}

fn units(line: &pb::FulfilmentLine) -> i64 {
    line.quantity.parse().unwrap()
}
