//! Everybody an order deals with: inventory, the ERP with its warehouse, the shop; the payment service is in `purse.rs`.

use std::collections::{BTreeMap, BTreeSet};

use retail_flow::Failure;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::types::v1::{Money, Outcome, OutcomeState, Ref};

use super::purse::Purse;
use super::shop::Shop;
use super::{UNIT, splitting};
use crate::ask;
use crate::calls::editing;
use crate::credit::account::Account;
use crate::journey::Brought;
use crate::leg::Leg;
use crate::record::{Line, Order, State};

#[derive(Debug, Clone, Default)]
pub(super) struct ErpLine {
    pub(super) location: String,
    pub(super) ordered: i64,
    pub(super) shipped: i64,
    pub(super) picked: bool,
    pub(super) closed: bool,
    pub(super) amount: i64,
}

/// Everybody else.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Still promised, by reservation and line id.
    pub(super) promised: BTreeMap<String, BTreeMap<String, i64>>,
    /// Taken off, by line id.
    pub(super) taken: BTreeMap<String, i64>,
    pub(super) booked: bool,
    pub(super) lines: BTreeMap<i32, ErpLine>,
    pub(super) fulfilments: Vec<erp::Fulfilment>,
    pub(super) invoices: Vec<erp::Invoice>,
    pub(super) payments: BTreeMap<String, i64>,
    pub(super) given_back: i64,
    pub(super) recorded_back: i64,
    pub(super) changes: u64,
    pub(super) now: i64,
    pub(super) purse: Purse,
    pub(super) shop: Shop,
    /// Edits whose first answer was lost.
    pub(super) silent: BTreeSet<usize>,
    /// The same at the shop.
    pub(super) unheard: BTreeSet<usize>,
    /// The customer's account, where the order was sold on account or its channel asks for what edits add.
    pub(super) account: Account,
    /// The channel of an order that a shop has sold asks for credit.
    pub(super) asks_credit: bool,
    /// Moves of lines whose first answer was lost.
    pub(super) silent_moves: BTreeSet<usize>,
}

fn done() -> Option<Outcome> {
    Some(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() })
}

fn record(kind: &str, id: &str) -> Ref {
    Ref { kind: "erp".into(), instance: "erp".into(), r#type: kind.into(), id: id.into(), number: String::new() }
}

fn gbp(minor_units: i64) -> Money {
    Money { minor_units, currency: "GBP".into() }
}

fn units(text: &str) -> i64 {
    text.parse::<retail_proto::Quantity>().unwrap().millionths()
}

impl World {
    pub(super) fn told(&self, order: &Order) -> erp::SalesOrder {
        let lines = self.lines.iter().map(|(number, line)| erp::SalesOrderLine {
            line_number: *number,
            closed: line.closed,
            location: line.location.clone(),
            ..Default::default()
        });
        let over = self.lines.values().all(|line| line.closed || line.shipped >= line.ordered);
        let state = if over { erp::SalesOrderState::Closed } else { erp::SalesOrderState::Open };
        erp::SalesOrder {
            external_ref: order.id.clone(),
            document: Some(record("salesOrder", "so-1")),
            state: i32::from(state),
            etag: format!("e{}", self.changes),
            lines: lines.collect(),
            fulfilments: self.fulfilments.clone(),
            invoices: self.invoices.clone(),
            ..Default::default()
        }
    }

    /// What is billed, minor units.
    pub(super) fn invoiced(&self) -> i64 {
        self.invoices.iter().map(|invoice| invoice.total.as_ref().unwrap().minor_units).sum()
    }

    /// Ships and bills what it can of a line.
    pub(super) fn ship(&mut self, number: i32, pieces: i64) {
        let Some(line) = self.lines.get_mut(&number).filter(|line| !line.closed) else { return };
        let quantity = (pieces * UNIT).min(line.ordered - line.shipped);
        if !self.booked || quantity <= 0 {
            return;
        }
        let before = line.amount * line.shipped / line.ordered;
        line.shipped += quantity;
        let minor = line.amount * line.shipped / line.ordered - before;
        self.changes += 1;
        let id = format!("if-{}", self.changes);
        let quantity = retail_proto::Quantity::from_millionths(quantity).to_string();
        self.fulfilments.push(erp::Fulfilment {
            document: Some(record("itemFulfillment", &id)),
            shipped: true,
            lines: vec![erp::FulfilmentLine { line_number: number, quantity }],
            ..Default::default()
        });
        self.invoices.push(erp::Invoice {
            document: Some(record("invoice", &format!("inv-{}", self.changes))),
            total: Some(gbp(minor)),
            ..Default::default()
        });
    }

    fn promise(&mut self, id: &str, lines: &[stock::ReserveLine]) -> stock::ReserveStockResponse {
        let held = lines.iter().map(|line| (line.line_id.clone(), units(&line.quantity))).collect();
        self.promised.entry(id.to_owned()).or_insert(held);
        let lines = lines.iter().map(|line| stock::ReservedLine {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            location: if line.location.is_empty() { "MAIN".into() } else { line.location.clone() },
            quantity: line.quantity.clone(),
            shortfall: "0".into(),
            ..Default::default()
        });
        let reservation =
            stock::Reservation { reservation_id: id.to_owned(), lines: lines.collect(), ..Default::default() };
        stock::ReserveStockResponse { outcome: done(), reservation: Some(reservation), lacking: vec![] }
    }

    /// Takes so much of a line off a promise; more than is promised is a defect of the journey.
    fn off(&mut self, reservation: &str, line: &str, quantity: i64) {
        let open = self.promised.get_mut(reservation).and_then(|lines| lines.get_mut(line));
        let open = open.unwrap_or_else(|| panic!("{reservation} holds no line {line}"));
        assert!(*open >= quantity, "{reservation} {line}: {open} is promised, {quantity} is asked for");
        *open -= quantity;
    }

    pub(super) fn change(&mut self, lines: &[erp::SalesOrderLineChange]) -> Result<(), Failure> {
        for change in lines {
            let line = &self.lines[&change.line_number];
            let late = if change.close { line.shipped >= line.ordered } else { line.shipped > 0 };
            if (late || line.picked || line.closed) && !(change.close && line.closed) {
                return Err(Failure::refused("ALREADY_SHIPPED", format!("line {}", change.line_number)));
            }
        }
        for change in lines {
            let line = self.lines.get_mut(&change.line_number).unwrap();
            line.closed = line.closed || change.close;
            if !change.close {
                line.location.clone_from(&change.location);
            }
        }
        self.changes += 1;
        Ok(())
    }

    /// Changes what has not shipped, all or nothing; what is there already as asked is left alone.
    pub(super) fn edit(&mut self, asked: &erp::ChangeSalesOrderRequest) -> Result<(), Failure> {
        let over = self.lines.values().all(|line| line.closed || line.shipped >= line.ordered);
        let done = |change: &&erp::SalesOrderLineChange| {
            let line = &self.lines[&change.line_number];
            let as_asked = change.quantity.is_empty() || units(&change.quantity) == line.ordered;
            let there = change.location.is_empty() || change.location == line.location;
            if change.close { line.closed } else { as_asked && there }
        };
        for change in asked.lines.iter().filter(|change| !done(change)) {
            let line = &self.lines[&change.line_number];
            let moved = !change.location.is_empty() && change.location != line.location && line.shipped > 0;
            let less = !change.quantity.is_empty() && units(&change.quantity) < line.shipped;
            let gone = change.close && line.shipped >= line.ordered;
            if line.closed || line.picked || moved || less || gone {
                return Err(Failure::refused("ALREADY_SHIPPED", format!("line {}", change.line_number)));
            }
        }
        let fresh = asked.added.iter().filter(|line| !self.lines.contains_key(&line.line_number));
        let fresh: Vec<&erp::SalesOrderLineInput> = fresh.collect();
        if over && !fresh.is_empty() {
            return Err(Failure::refused("USER_ERROR", "the sales order is closed".to_owned()));
        }
        for line in fresh {
            let come = ErpLine {
                location: line.location.clone(),
                ordered: units(&line.quantity),
                amount: line.amount.as_ref().unwrap().minor_units,
                ..ErpLine::default()
            };
            self.lines.insert(line.line_number, come);
        }
        for change in &asked.lines {
            let line = self.lines.get_mut(&change.line_number).unwrap();
            line.closed = line.closed || change.close;
            if !change.location.is_empty() {
                line.location.clone_from(&change.location);
            }
            if !change.quantity.is_empty() {
                line.ordered = units(&change.quantity);
                line.amount = change.amount.as_ref().unwrap().minor_units;
            }
        }
        self.changes += 1;
        Ok(())
    }

    /// Does what a leg asks for; `luck` decides where there is a choice.
    pub(super) fn perform(&mut self, order: &Order, leg: &Leg, luck: u8) -> Result<Brought, Failure> {
        match leg {
            Leg::Reserve | Leg::ReserveAt(_) | Leg::ReserveAnew(..) => {
                Ok(Brought::Reservation(self.promise(order.own_reservation(), &ask::reserve_lines(order))))
            }
            Leg::ResolveAnew(_) => {
                let known = |key: stock::ItemKey| stock::ResolvedItem {
                    item: Some(stock::Item { sku: key.sku, stocked: true, ..Default::default() }),
                };
                Ok(Brought::Items(ask::item_keys(order).into_iter().map(known).collect()))
            }
            Leg::AskEditCredit(number) => self.ask_edit_credit(order, *number, luck),
            Leg::PromiseEdit(_) if luck.is_multiple_of(4) => {
                let lacking = stock::LackingLine { line_id: "1".into(), ..Default::default() };
                let answer = stock::ReserveStockResponse { outcome: None, reservation: None, lacking: vec![lacking] };
                Ok(Brought::Reservation(answer))
            }
            Leg::PromiseEdit(number) => {
                let lines = editing::promised_lines(order, &order.edits[number - 1]);
                Ok(Brought::Reservation(self.promise(&order.edited_reservation(*number), &lines)))
            }
            Leg::ConfirmEdit(_) if luck.is_multiple_of(7) => {
                Err(Failure::refused("INSUFFICIENT_STOCK", "it ran out".to_owned()))
            }
            Leg::ConfirmEdit(_) => Ok(Brought::Done),
            Leg::ChangeSalesOrder(number) => {
                self.counts_what_is_edited(order, *number);
                self.edit(&editing::change(order, &order.edits[number - 1], "erp".to_owned()))?;
                // The answer may be lost, and the warehouse be faster than the next attempt.
                if luck.is_multiple_of(3) && self.silent.insert(*number) {
                    return Err(Failure::Unknown { reason: "NO_ANSWER".into(), detail: "lost".into() });
                }
                Ok(Brought::SalesOrder(Box::new(self.told(order))))
            }
            Leg::ReleaseEdited(number) => {
                for (reservation, lines) in editing::returned_lines(order, &order.edits[number - 1]) {
                    for line in lines {
                        self.off(&reservation, &line.line_id, units(&line.quantity));
                    }
                }
                Ok(Brought::Done)
            }
            Leg::WithdrawEdit(number) => {
                self.promised.remove(&order.edited_reservation(*number));
                Ok(Brought::Done)
            }
            Leg::ErpCustomer => Ok(Brought::Record(record("customer", "c"))),
            Leg::AskCredit(look) => Ok(self.ask_credit(order, *look, luck)),
            Leg::BookSalesOrder => {
                self.counts_what_is_booked(order);
                for line in order.lines.iter().filter(|line| line.quantity > 0) {
                    let fresh = ErpLine {
                        location: line.location.clone(),
                        ordered: line.quantity,
                        amount: line.amount,
                        ..ErpLine::default()
                    };
                    self.lines.entry(line.number).or_insert(fresh);
                }
                self.booked = true;
                Ok(Brought::SalesOrder(Box::new(self.told(order))))
            }
            Leg::RecordPayment(id) => {
                let minor = order.payments.iter().find(|payment| payment.id == *id).unwrap().minor;
                self.payments.insert(id.clone(), minor);
                let document = Some(record("customerDeposit", id));
                Ok(Brought::Payment(erp::PaymentDocument { document, external_ref: id.clone(), ..Default::default() }))
            }
            Leg::Consume(id) => {
                for (reservation, lines) in ask::consume_lines(order, id) {
                    for line in lines {
                        self.off(&reservation, &line.line_id, units(&line.quantity));
                        *self.taken.entry(line.line_id).or_default() += units(&line.quantity);
                    }
                }
                Ok(Brought::Done)
            }
            Leg::CloseSalesOrder => {
                if self.lines.values().all(|line| line.closed || line.shipped >= line.ordered) && self.booked {
                    if self.lines.values().any(|line| !line.closed) {
                        return Err(Failure::refused("ALREADY_SHIPPED", "nothing is left to close".to_owned()));
                    }
                    return Ok(Brought::SalesOrder(Box::new(self.told(order))));
                }
                self.close();
                Ok(Brought::SalesOrder(Box::new(self.told(order))))
            }
            Leg::GiveBack => {
                for reservation in order.reservations() {
                    self.promised.remove(&reservation);
                }
                Ok(Brought::Done)
            }
            Leg::Resource(number, _) => Ok(Brought::Decision(Box::new(splitting::resource(order, *number, luck)))),
            Leg::PromiseElsewhere(number, _) if luck.is_multiple_of(4) => {
                let lacking = stock::LackingLine { line_id: number.to_string(), ..Default::default() };
                let answer = stock::ReserveStockResponse { outcome: None, reservation: None, lacking: vec![lacking] };
                Ok(Brought::Reservation(answer))
            }
            Leg::PromiseElsewhere(number, _) => {
                let lines = ask::rerouted_lines(order, &order.reroutes[number - 1]);
                Ok(Brought::Reservation(self.promise(&order.rerouted_reservation(*number), &lines)))
            }
            Leg::MoveSalesOrder(number) => self.move_lines(order, *number, luck),
            Leg::CloseLines(number) => {
                self.change(&ask::closed_lines(&order.line_cancels[number - 1]))?;
                Ok(Brought::SalesOrder(Box::new(self.told(order))))
            }
            Leg::LetGo(number) => {
                for (reservation, lines) in ask::former_lines(order, &order.reroutes[number - 1]) {
                    for line in lines {
                        self.off(&reservation, &line.line_id, units(&line.quantity));
                    }
                }
                Ok(Brought::Done)
            }
            Leg::ReleaseLines(number) => {
                for (reservation, lines) in ask::cancelled_lines(order, &order.line_cancels[number - 1]) {
                    for line in lines {
                        self.off(&reservation, &line.line_id, units(&line.quantity));
                    }
                }
                Ok(Brought::Done)
            }
            Leg::Withdraw(number) => {
                self.promised.remove(&order.rerouted_reservation(*number));
                Ok(Brought::Done)
            }
            Leg::ReadRefunds => Ok(Brought::ShopRefunds(Box::default())),
            Leg::TellCancelled => {
                assert!(order.is_of_shop() && !self.shop.cancelled, "it is told once");
                self.shop.cancelled = true;
                Ok(Brought::Done)
            }
            Leg::TellLinesCancelled(number) => {
                let cancel = &order.line_cancels[number - 1];
                assert!(order.is_of_shop() && cancel.is_over() && !cancel.told, "it is told once, when it is so");
                for line in cancel.lines.iter().filter_map(|number| order.line(*number)) {
                    // Of other parts of the line it goes on showing what it shows.
                    let of = |part: &Line| if part.closed { part.shipped } else { order.sold_by_channel(part) };
                    let left: i64 = order.parts_of(line.ordered_as()).map(of).sum();
                    self.shop.takes_off(&line.channel_line_id, left / UNIT);
                }
                Ok(Brought::Done)
            }
            Leg::TellEdit(number) => self.tell_edit(order, *number, luck),
            Leg::TellReady(_) => {
                assert!(order.untold_pickup().is_some(), "only what is ready");
                Ok(Brought::Done)
            }
            Leg::RefundShop(id) => {
                let over = order.state() == State::Cancelling && order.is_of_shop();
                assert!(!over || self.shop.cancelled, "the shop sells nothing more of what is given back");
                let told = order.line_cancels.iter().all(|cancel| cancel.told || !cancel.outcome.is_empty());
                assert!(over || !order.is_of_shop() || told, "lines are taken off once, before their money");
                self.given_back += order.refunds.iter().find(|refund| refund.id == *id).unwrap().minor;
                Ok(Brought::Record(record("refund", id)))
            }
            Leg::RecordRefund(id) => {
                self.recorded_back += order.refund_out_of(id);
                Ok(Brought::Record(record("customerRefund", id)))
            }
            Leg::AskPayment(_)
            | Leg::AuthorizeAnew(_)
            | Leg::Capture(_)
            | Leg::LetPaymentGo(_)
            | Leg::RefundPayment(_) => {
                let done = self.purse.perform(order, leg, luck)?;
                if let Leg::RefundPayment(id) = leg {
                    self.given_back += order.refunds.iter().find(|refund| refund.id == *id).unwrap().minor;
                }
                Ok(done)
            }
            Leg::Confirm | Leg::TellChannel(_) | Leg::LapsePickup | Leg::ExpireHolds | Leg::CaptureNow(_) => {
                Ok(Brought::Done)
            }
            Leg::Identify | Leg::ResolveItems | Leg::Source(_) | Leg::SourceAnew(..) | Leg::TellCrm(_) => {
                panic!("{leg:?} is settled before")
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.lines.values_mut().for_each(|line| line.closed = line.closed || line.shipped < line.ordered);
        self.changes += 1;
    }
}
