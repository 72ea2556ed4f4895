//! A model of everybody an order deals with, and lives of orders in it: whatever people ask for, whatever the warehouse is
//! faster with and whatever the ERP refuses, an order comes to an end, nothing stays promised, nothing is taken off twice,
//! and the money is where it belongs. No await, no clock: thousands of lives a second.

mod purse;

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_flow::{Failure, Next, Step as _, Verdict};
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::types::v1::{Money, Outcome, OutcomeState, Ref};
use retail_runtime::Timestamp;

use self::purse::{AtTheService, Purse};
use crate::decision::{self, Assigned, Decision};
use crate::journey::Brought;
use crate::leg::Leg;
use crate::pickup::{By, Pickup, Stage};
use crate::policy::RejectedPickup;
use crate::record::{Order, State};
use crate::reroute::Wish;
use crate::testing::order;
use crate::{ask, facts, outcome, payments, way};

const UNIT: i64 = 1_000_000;
const PLACES: [&str; 3] = ["MAIN", "SOHO", "LEEDS"];

/// What happens, besides the journey going on.
#[derive(Debug, Clone)]
enum Event {
    Cancel,
    CancelLines(Vec<i32>),
    Reject(usize),
    Reroute {
        from: usize,
        to: usize,
        ship: bool,
    },
    Ready,
    HandOver,
    TimeGoesBy,
    /// The warehouse ships so many pieces of a line, from where the ERP says.
    Ship(i32, i64),
    /// The warehouse picks a line: the ERP lets nobody change it.
    Pick(i32),
    /// The ERP has no stock for a line where it is.
    Backorder(i32),
    /// The ERP's people close the order.
    CloseByHand,
    /// Something happens at the payment service.
    Money(AtTheService),
    /// The journey takes its next step; the numbers say what becomes of it.
    Go(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(Event::Cancel),
        2 => prop::collection::vec(1..3_i32, 1..3).prop_map(Event::CancelLines),
        2 => (0..3_usize).prop_map(Event::Reject),
        2 => (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(from, to, ship)| Event::Reroute { from, to, ship }),
        1 => Just(Event::Ready),
        1 => Just(Event::HandOver),
        1 => Just(Event::TimeGoesBy),
        3 => (1..3_i32, 1..4_i64).prop_map(|(line, pieces)| Event::Ship(line, pieces)),
        1 => (1..3_i32).prop_map(Event::Pick),
        1 => (1..3_i32).prop_map(Event::Backorder),
        1 => Just(Event::CloseByHand),
        1 => prop_oneof![
            Just(AtTheService::Ends),
            Just(AtTheService::TakenByOthers),
            any::<u8>().prop_map(AtTheService::IsHeard),
        ].prop_map(Event::Money),
        12 => any::<u8>().prop_map(Event::Go),
    ]
}

#[derive(Debug, Clone, Default)]
struct ErpLine {
    location: String,
    ordered: i64,
    shipped: i64,
    picked: bool,
    closed: bool,
    amount: i64,
}

/// Everybody else.
#[derive(Debug, Default)]
struct World {
    /// Still promised, by reservation and line id.
    promised: BTreeMap<String, BTreeMap<String, i64>>,
    /// Taken off, by line id.
    taken: BTreeMap<String, i64>,
    booked: bool,
    lines: BTreeMap<i32, ErpLine>,
    fulfilments: Vec<erp::Fulfilment>,
    invoices: Vec<erp::Invoice>,
    payments: BTreeMap<String, i64>,
    given_back: i64,
    recorded_back: i64,
    changes: u64,
    now: i64,
    purse: Purse,
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
    fn told(&self, order: &Order) -> erp::SalesOrder {
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

    /// Ships and bills what it can of a line.
    fn ship(&mut self, number: i32, pieces: i64) {
        let Some(line) = self.lines.get_mut(&number).filter(|line| !line.closed) else { return };
        let quantity = (pieces * UNIT).min(line.ordered - line.shipped);
        if !self.booked || quantity == 0 {
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

    fn change(&mut self, lines: &[erp::SalesOrderLineChange]) -> Result<(), Failure> {
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

    /// Does what a leg asks for; `luck` decides where there is a choice.
    fn perform(&mut self, order: &Order, leg: &Leg, luck: u8) -> Result<Brought, Failure> {
        match leg {
            Leg::Reserve | Leg::ReserveAt(_) => {
                Ok(Brought::Reservation(self.promise(&order.id, &ask::reserve_lines(order))))
            }
            Leg::ErpCustomer => Ok(Brought::Record(record("customer", "c"))),
            Leg::BookSalesOrder => {
                for line in &order.lines {
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
            Leg::Resource(number, _) => {
                let reroute = &order.reroutes[number - 1];
                let place = if reroute.to.is_empty() { PLACES[usize::from(luck) % 3] } else { &reroute.to };
                let nobody = place == reroute.from;
                let lines = reroute.lines.iter().map(|number| Assigned {
                    number: *number,
                    location: place.to_owned(),
                    ..Assigned::default()
                });
                Ok(Brought::Decision(Box::new(Decision {
                    outcome: i32::from(if nobody { decision::Outcome::Refused } else { decision::Outcome::Whole }),
                    lines: lines.collect(),
                    ..Decision::default()
                })))
            }
            Leg::PromiseElsewhere(number, _) if luck.is_multiple_of(4) => {
                let lacking = stock::LackingLine { line_id: number.to_string(), ..Default::default() };
                let answer = stock::ReserveStockResponse { outcome: None, reservation: None, lacking: vec![lacking] };
                Ok(Brought::Reservation(answer))
            }
            Leg::PromiseElsewhere(number, _) => {
                let lines = ask::rerouted_lines(order, &order.reroutes[number - 1]);
                Ok(Brought::Reservation(self.promise(&order.rerouted_reservation(*number), &lines)))
            }
            Leg::MoveSalesOrder(number) => {
                self.change(&ask::moved_lines(&order.reroutes[number - 1]))?;
                Ok(Brought::SalesOrder(Box::new(self.told(order))))
            }
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
            Leg::RefundShop(id) => {
                self.given_back += order.refunds.iter().find(|refund| refund.id == *id).unwrap().minor;
                Ok(Brought::Record(record("refund", id)))
            }
            Leg::RecordRefund(id) => {
                self.recorded_back += order.refund_out_of(id);
                Ok(Brought::Record(record("customerRefund", id)))
            }
            Leg::AskPayment(_) | Leg::Capture(_) | Leg::LetPaymentGo(_) | Leg::RefundPayment(_) => {
                let done = self.purse.perform(order, leg)?;
                if let Leg::RefundPayment(id) = leg {
                    self.given_back += order.refunds.iter().find(|refund| refund.id == *id).unwrap().minor;
                }
                Ok(done)
            }
            Leg::Confirm | Leg::TellChannel(_) | Leg::LapsePickup | Leg::ExpireHolds | Leg::CaptureNow(_) => {
                Ok(Brought::Done)
            }
            Leg::Identify | Leg::ResolveItems | Leg::Source(_) | Leg::TellCrm(_) => panic!("{leg:?} is settled before"),
        }
    }

    fn close(&mut self) {
        self.lines.values_mut().for_each(|line| line.closed = line.closed || line.shipped < line.ordered);
        self.changes += 1;
    }
}

/// The journey takes one step: the first of its legs, or another. Answers false when it has none.
fn go(order: &mut Order, world: &mut World, luck: u8) -> bool {
    let now = Timestamp::from_millisecond(world.now).unwrap();
    let Next::Do(legs) = way::next(order, false, false, now) else { return false };
    let leg = legs[usize::from(luck) % legs.len()].clone();
    match world.perform(order, &leg, luck) {
        Ok(brought) => outcome::take(order, &leg, &brought, &outcome::Rules::default(), world.now),
        Err(why) => {
            let verdict = outcome::refused(order, &leg, &why, world.now);
            assert_eq!(verdict, Verdict::Handled, "{} parks: {why:?}", leg.name());
        }
    }
    true
}

fn happens(order: &mut Order, world: &mut World, event: &Event) {
    let by = By { who: "somebody", at: world.now, why: "so" };
    // A refusal is as good as silence here: the state says what is possible.
    match event {
        Event::Cancel => {
            if order.cancel("no longer wanted", world.booked).is_ok() {
                for payment in &mut order.payments {
                    payment.asked = world.payments.contains_key(&payment.id);
                }
                order.advance();
            }
        }
        Event::CancelLines(lines) => drop(order.cancel_lines(lines, by)),
        Event::Reject(place) => {
            let pickup = if place % 2 == 0 { RejectedPickup::Ship } else { RejectedPickup::Wait };
            drop(order.reject(PLACES[*place], *place != 1, pickup, by));
        }
        Event::Reroute { from, to, ship } => {
            let to = if *ship { String::new() } else { PLACES[*to].to_owned() };
            let wish = Wish { from: PLACES[*from].to_owned(), to, ship: *ship };
            drop(order.reroute(&wish, true, by));
        }
        Event::Ready => drop(order.ready_for_pickup(world.now + 10, by)),
        Event::HandOver => {
            drop(order.hand_over("Mr Jones", by));
            order.advance();
        }
        Event::TimeGoesBy => world.now += 20,
        Event::Ship(line, pieces) => {
            world.ship(*line, *pieces);
            tell(order, world);
        }
        Event::Pick(number) => {
            if let Some(line) = world.lines.get_mut(number) {
                line.picked = true;
            }
        }
        Event::Backorder(number) => {
            for line in order.lines.iter_mut().filter(|line| line.number == *number) {
                line.backordered = UNIT;
            }
            order.source_backorders_anew(world.now);
        }
        Event::CloseByHand => {
            if world.booked {
                world.close();
                tell(order, world);
            }
        }
        Event::Money(event) => world.purse.happens(order, event),
        Event::Go(luck) => {
            go(order, world, *luck);
        }
    }
}

fn tell(order: &mut Order, world: &World) {
    if world.booked && order.sales_order.is_some() {
        facts::take(order, &world.told(order));
    }
}

/// Everybody does what is left for them to do, so that the order can end.
fn comes_to_rest(order: &mut Order, world: &mut World) {
    for round in 0..200_u8 {
        while go(order, world, round) {}
        if order.is_over() {
            return;
        }
        world.lines.values_mut().for_each(|line| line.picked = false);
        for number in [1, 2] {
            world.ship(number, 100);
        }
        tell(order, world);
        world.purse.comes_to_rest(order);
        let by = By { who: "store", at: world.now, why: "at last" };
        if order.stage() == Some(Stage::Rejected) {
            drop(order.ready_for_pickup(world.now + 10, by));
        }
        if matches!(order.stage(), Some(Stage::Awaited | Stage::Ready | Stage::Lapsed)) {
            drop(order.ready_for_pickup(world.now + 10, by));
            drop(order.hand_over("Mr Jones", by));
            order.advance();
        }
    }
    panic!("never ends: {:?} {order:#?}", order.state());
}

proptest! {
    // More with PROPTEST_CASES.
    #![proptest_config({
        let usual = ProptestConfig::default();
        ProptestConfig { cases: usual.cases.max(1_000), ..usual }
    })]
    #[test]
    fn any_life_of_an_order_ends_with_nothing_promised_and_all_money_where_it_belongs(
        events in prop::collection::vec(event(), 1..60),
        collected in any::<bool>(),
        paid in 0..4_u8,
    ) {
        let mut order = order().received();
        order.customer_id = "c-1".into();
        (order.items_known, order.checked) = (true, true);
        order.shipping_address = Some(Default::default());
        if collected {
            order.pickup = Some(Pickup { location: "SOHO".into(), ..Pickup::default() });
            order.lines.iter_mut().for_each(|line| line.location = "SOHO".into());
        }
        let mut world = World { now: 1_000, ..World::default() };
        if paid > 0 {
            // The last of them is declined at first.
            world.purse.pays("pi-1", order.total, paid == 2, paid == 3);
            order.payments.clear();
            let asked = Purse::payment("pi-1", order.total);
            payments::add(&mut order, &asked, Some(&Purse::channel()), 1).unwrap();
        }
        for event in &events {
            happens(&mut order, &mut world, event);
        }
        comes_to_rest(&mut order, &mut world);
        let promised: i64 = world.promised.values().flat_map(BTreeMap::values).sum();
        prop_assert_eq!(promised, 0, "still promised: {:?}", world.promised);
        for line in &order.lines {
            let shipped = world.lines.get(&line.number).map_or(0, |line| line.shipped);
            let taken = world.taken.get(&line.id).copied().unwrap_or(0);
            prop_assert_eq!(taken, shipped, "line {} taken off as it shipped", line.number);
        }
        let invoiced: i64 = world.invoices.iter().map(|invoice| invoice.total.as_ref().unwrap().minor_units).sum();
        let captured = order.captured();
        if paid > 0 {
            prop_assert_eq!(world.purse.captured(), captured, "the payment service took what the order says");
            prop_assert_eq!(world.purse.refunded(), world.given_back, "and gave it back itself");
            prop_assert!(world.purse.holds_nothing(), "held for nothing: {:?}", world.purse);
        }
        prop_assert_eq!(captured - world.given_back, invoiced, "captured less given back is invoiced");
        let paid: i64 = world.payments.values().sum();
        prop_assert_eq!(paid - world.recorded_back, invoiced, "and so say the ERP's books");
        prop_assert!(matches!(order.state(), State::Completed | State::Cancelled));
        prop_assert!(order.lines_are_at_rest());
    }
}
