//! The shop that sold: it shows shipments to customers, and it owns the money.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService;
use retail_proto::orders::v1 as orders;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::harness::{Books, done, gbp, record, refusal};

/// What becomes of the next refunds, oldest first; afterwards they are made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Till {
    /// The money goes back; the answer is lost.
    PaysAndFallsSilent,
    /// Nothing happens; the answer is lost.
    FallsSilent,
    /// Under way.
    Pends,
    /// The payment service refuses.
    Fails,
}

#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) fulfilments: BTreeMap<String, pb::RecordFulfilmentRequest>,
    /// Orders that it sold, by its own id.
    pub(crate) sold: BTreeMap<String, orders::PlaceOrderRequest>,
    /// Orders that it has cancelled itself.
    pub(crate) cancelled: Vec<String>,
    /// Refunds it has made, with the order's id.
    pub(crate) refunds: Vec<(String, pb::Refund)>,
    pub(crate) tills: VecDeque<Till>,
    /// How often it was asked to give money back, and under which keys.
    pub(crate) refund_calls: usize,
    pub(crate) refund_keys: BTreeSet<String>,
    /// Lines taken off without money, by order: our reference, line and units.
    pub(crate) taken_off: Vec<(String, String, String, i64)>,
    /// How often it was asked to edit an order, and how often one changed.
    pub(crate) edit_calls: usize,
    pub(crate) edits_made: usize,
    /// Orders that wait in a store, and which.
    pub(crate) ready: Vec<(String, String)>,
    /// Answers about cancellations, lines and pickups that are lost after the work is done.
    pub(crate) lost: usize,
    /// It neither cancels nor edits anything: goods left by another hand.
    pub(crate) keeps: bool,
    /// In which order things were done.
    pub(crate) done: Vec<&'static str>,
    pub(crate) away: bool,
    /// Asked under a name that is not its own.
    pub(crate) misnamed: bool,
}

impl Counter {
    /// Given back of an order, pence.
    pub(crate) fn given_back(&self, order_id: &str) -> i64 {
        let of_order = self.refunds.iter().filter(|(id, _)| id == order_id);
        of_order.map(|(_, refund)| refund.amount.as_ref().unwrap().minor_units).sum()
    }

    fn captured(&self, order_id: &str) -> i64 {
        let captured = i32::from(orders::PaymentState::Captured);
        let payments = self.sold[order_id].payments.iter().filter(|payment| payment.state == captured);
        payments.map(|payment| payment.amount.as_ref().unwrap().minor_units).sum()
    }

    /// Somebody gives money back in the shop's admin.
    pub(crate) fn give_back(&mut self, order_id: &str, pence: i64) {
        self.pay_out(order_id, &pb::RefundOrderRequest { amount: Some(gbp(pence)), ..Default::default() });
    }

    /// The same for goods that were taken off the order there.
    pub(crate) fn give_back_of_order(&mut self, order_id: &str, pence: i64) {
        self.give_back(order_id, pence);
        let (_, refund) = self.refunds.last_mut().unwrap();
        refund.of_order = true;
    }

    fn pay_out(&mut self, order_id: &str, request: &pb::RefundOrderRequest) -> pb::Refund {
        let refund = pb::Refund {
            refund: Some(record("commerce", "Refund", &format!("rf-{}", self.refunds.len() + 1))),
            external_ref: request.external_ref.clone(),
            amount: request.amount.clone(),
            state: i32::from(pb::RefundState::Done),
            lines: request.lines.clone(),
            ..Default::default()
        };
        self.refunds.push((order_id.to_owned(), refund.clone()));
        refund
    }

    /// Units of a line that may still be taken off: neither shipped nor taken off before.
    fn open(&self, order_id: &str, line_item_id: &str) -> i64 {
        let line = self.sold[order_id].lines.iter().find(|line| line.channel_line_id == line_item_id);
        let ordered: i64 = line.map_or(0, |line| line.quantity.parse().unwrap());
        let shipped = self.fulfilments.values().filter(|one| one.order_id == order_id).flat_map(|one| &one.lines);
        let shipped: i64 = shipped.filter(|line| line.line_item_id == line_item_id).map(|line| line.quantity).sum();
        let refunds = self.refunds.iter().filter(|(id, _)| id == order_id).flat_map(|(_, refund)| &refund.lines);
        let off: i64 = refunds.filter(|line| line.line_item_id == line_item_id).map(|line| line.quantity).sum();
        if self.cancelled.iter().any(|id| id == order_id) {
            return 0;
        }
        ordered - shipped - off - self.off(order_id, line_item_id)
    }

    /// Edits an order as asked; the reason when it will not.
    fn edit(&mut self, asked: &pb::EditOrderRequest) -> Result<Vec<pb::AddedLine>, &'static str> {
        if self.keeps {
            return Err("LINE_FULFILLED");
        }
        let shown = |shop: &Self, line: &orders::LineInput| {
            line.quantity.parse::<i64>().unwrap() - shop.off(&asked.order_id, &line.channel_line_id)
        };
        let lines = self.sold[&asked.order_id].lines.clone();
        let mut changed = false;
        for edit in &asked.lines {
            let line = lines.iter().find(|line| line.channel_line_id == edit.line_item_id);
            let now = shown(self, line.ok_or("NO_SUCH_SHOP_LINE")?);
            if now != edit.quantity && now != edit.expected {
                return Err("SHOP_LINE_CHANGED");
            }
        }
        for edit in &asked.lines {
            let sold = self.sold.get_mut(&asked.order_id).unwrap();
            let line = sold.lines.iter_mut().find(|line| line.channel_line_id == edit.line_item_id).unwrap();
            let now = line.quantity.parse::<i64>().unwrap();
            let off: i64 = self
                .taken_off
                .iter()
                .filter(|(id, _, of, _)| *id == asked.order_id && *of == edit.line_item_id)
                .map(|(.., units)| units)
                .sum();
            changed |= now - off != edit.quantity;
            line.quantity = (edit.quantity + off).to_string();
        }
        let mut added = Vec::new();
        for addition in &asked.additions {
            let of_attempt = |line: &&orders::LineInput| {
                line.sku == addition.sku && !asked.known_lines.contains(&line.channel_line_id)
            };
            let known = lines.iter().find(of_attempt).map(|line| line.channel_line_id.clone());
            let line_item_id = known.unwrap_or_else(|| {
                changed = true;
                let sold = self.sold.get_mut(&asked.order_id).unwrap();
                let channel_line_id = format!("added-{}", sold.lines.len());
                sold.lines.push(orders::LineInput {
                    kind: i32::from(orders::LineKind::Goods),
                    sku: addition.sku.clone(),
                    unit_price: addition.unit_price.clone(),
                    quantity: addition.quantity.to_string(),
                    channel_line_id: channel_line_id.clone(),
                    ..Default::default()
                });
                channel_line_id
            });
            added.push(pb::AddedLine { external_ref: addition.external_ref.clone(), line_item_id });
        }
        self.edits_made += usize::from(changed);
        Ok(added)
    }

    fn off(&self, order_id: &str, line_item_id: &str) -> i64 {
        let of_line = self.taken_off.iter().filter(|(id, _, line, _)| id == order_id && line == line_item_id);
        of_line.map(|(.., units)| units).sum()
    }

    /// Whether the next answer is lost.
    fn answer<T>(&mut self, answer: T) -> Result<Response<T>, Status> {
        if self.lost > 0 {
            self.lost -= 1;
            return Err(Status::deadline_exceeded("answer lost"));
        }
        Ok(Response::new(answer))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Shop {
    pub(crate) books: Books<Counter>,
}

fn outcome(state: OutcomeState, reason: &str) -> Option<Outcome> {
    Some(Outcome { state: i32::from(state), reason: reason.into(), message: reason.into(), ..Outcome::default() })
}

fn refused(reason: &str) -> Result<Response<pb::RefundOrderResponse>, Status> {
    Ok(Response::new(pb::RefundOrderResponse { outcome: outcome(OutcomeState::Refused, reason), refund: None }))
}

/// A line as it is shown now.
fn standing(shop: &Counter, id: &str, line: &orders::LineInput) -> orders::ChannelLine {
    orders::ChannelLine {
        channel_line_id: line.channel_line_id.clone(),
        ordered: line.quantity.clone(),
        removed: shop.off(id, &line.channel_line_id).to_string(),
        is_goods: true,
        ..Default::default()
    }
}

#[tonic::async_trait]
impl CommerceService for Shop {
    async fn record_fulfilment(
        &self,
        request: Request<pb::RecordFulfilmentRequest>,
    ) -> Result<Response<pb::RecordFulfilmentResponse>, Status> {
        self.books.write(|shop| {
            let request = request.into_inner();
            let known = shop.fulfilments.values().any(|one| one.tracking_numbers == request.tracking_numbers);
            if request.verify_only && !known {
                let outcome = outcome(OutcomeState::Refused, "NO_SUCH_FULFILMENT");
                return Ok(Response::new(pb::RecordFulfilmentResponse { outcome, ..Default::default() }));
            }
            let made = vec![record("commerce", "fulfillment", &request.idempotency_key)];
            if !request.verify_only {
                shop.fulfilments.insert(request.idempotency_key.clone(), request);
            }
            Ok(Response::new(pb::RecordFulfilmentResponse { outcome: done(), fulfilments: made }))
        })
    }

    async fn refund_order(
        &self,
        request: Request<pb::RefundOrderRequest>,
    ) -> Result<Response<pb::RefundOrderResponse>, Status> {
        self.books.write(|shop| {
            let request = request.into_inner();
            shop.refund_calls += 1;
            let known = shop.refunds.iter().find(|(_, refund)| refund.external_ref == request.external_ref);
            let known = known.map(|(_, refund)| refund.clone());
            shop.refund_keys.insert(request.idempotency_key.clone());
            let till = shop.tills.pop_front();
            let silent = || Status::deadline_exceeded("answer lost");
            match till {
                Some(Till::FallsSilent) => return Err(silent()),
                Some(Till::Fails) => return refused("REFUND_FAILED"),
                Some(Till::Pends) => {
                    let outcome = outcome(OutcomeState::Pending, "");
                    return Ok(Response::new(pb::RefundOrderResponse { outcome, refund: None }));
                }
                Some(Till::PaysAndFallsSilent) | None => {}
            }
            if known.is_none() {
                let order_id = &request.order_id;
                if !shop.sold.contains_key(order_id) {
                    return Err(refusal(Class::NotFound, "NO_SUCH_SHOP_ORDER"));
                }
                let asked = request.amount.as_ref().unwrap().minor_units;
                if asked > shop.captured(order_id) - shop.given_back(order_id) {
                    return refused("REFUND_EXCEEDS_PAYMENT");
                }
                if request.lines.iter().any(|line| line.quantity > shop.open(order_id, &line.line_item_id)) {
                    return refused("LINES_NOT_OPEN");
                }
            }
            shop.done.push("refund");
            let refund = known.unwrap_or_else(|| shop.pay_out(&request.order_id, &request));
            if matches!(till, Some(Till::PaysAndFallsSilent)) {
                return Err(silent());
            }
            Ok(Response::new(pb::RefundOrderResponse { outcome: done(), refund: Some(refund) }))
        })
    }

    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Result<Response<pb::GetOrderResponse>, Status> {
        let shop = self.books.open();
        if shop.away {
            return Err(refusal(Class::Unavailable, "VENDOR_UNREACHABLE"));
        }
        if shop.misnamed {
            return Err(refusal(Class::NotFound, "NO_SUCH_INSTANCE"));
        }
        let asked = request.get_ref();
        let same = |order: &&orders::PlaceOrderRequest| {
            if asked.order_id.is_empty() {
                order.order_number == asked.order_number
            } else {
                order.channel_order_id == asked.order_id
            }
        };
        let order = shop.sold.values().find(same).ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_SHOP_ORDER"))?;
        let id = &order.channel_order_id;
        let refunds = shop.refunds.iter().filter(|(of, _)| of == id).map(|(_, refund)| refund.clone());
        Ok(Response::new(pb::GetOrderResponse {
            refunds: refunds.collect(),
            cancelled: shop.cancelled.contains(id),
            lines: order.lines.iter().map(|line| standing(&shop, id, line)).collect(),
            order: Some(orders::PlaceOrderRequest { idempotency_key: String::new(), ..order.clone() }),
            ..Default::default()
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        self.books.write(|shop| {
            let id = request.into_inner().order_id;
            if !shop.sold.contains_key(&id) {
                return Err(refusal(Class::NotFound, "NO_SUCH_SHOP_ORDER"));
            }
            if shop.keeps {
                let outcome = outcome(OutcomeState::Refused, "SHOP_REFUSED");
                return Ok(Response::new(pb::CancelOrderResponse { outcome }));
            }
            if !shop.cancelled.contains(&id) {
                shop.cancelled.push(id);
                shop.done.push("cancel");
            }
            shop.answer(pb::CancelOrderResponse { outcome: done() })
        })
    }

    async fn take_off_lines(
        &self,
        request: Request<pb::TakeOffLinesRequest>,
    ) -> Result<Response<pb::TakeOffLinesResponse>, Status> {
        self.books.write(|shop| {
            let request = request.into_inner();
            let known = shop.taken_off.iter().any(|(_, reference, ..)| *reference == request.external_ref);
            for line in request.lines.iter().filter(|_| !known) {
                assert!(
                    line.quantity <= shop.open(&request.order_id, &line.line_item_id),
                    "it is not there to take off"
                );
                let (id, reference) = (request.order_id.clone(), request.external_ref.clone());
                shop.taken_off.push((id, reference, line.line_item_id.clone(), line.quantity));
            }
            shop.answer(pb::TakeOffLinesResponse { outcome: done() })
        })
    }

    async fn edit_order(
        &self,
        request: Request<pb::EditOrderRequest>,
    ) -> Result<Response<pb::EditOrderResponse>, Status> {
        self.books.write(|shop| {
            let asked = request.into_inner();
            shop.edit_calls += 1;
            let (outcome, added) = match shop.edit(&asked) {
                Ok(added) => (done(), added),
                Err(reason) => (outcome(OutcomeState::Refused, reason), Vec::new()),
            };
            let sold = &shop.sold[&asked.order_id];
            let lines = sold.lines.iter().map(|line| standing(shop, &asked.order_id, line)).collect();
            let order = Some(pb::GetOrderResponse { lines, version: 5, ..Default::default() });
            shop.answer(pb::EditOrderResponse { outcome, order, added })
        })
    }

    async fn mark_ready_for_pickup(
        &self,
        request: Request<pb::MarkReadyForPickupRequest>,
    ) -> Result<Response<pb::MarkReadyForPickupResponse>, Status> {
        self.books.write(|shop| {
            let request = request.into_inner();
            let there = (request.order_id, request.location);
            if !shop.ready.contains(&there) {
                shop.ready.push(there);
            }
            shop.answer(pb::MarkReadyForPickupResponse { outcome: done() })
        })
    }
}
