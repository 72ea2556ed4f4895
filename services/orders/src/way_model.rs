//! A model of everybody an order deals with, and lives of orders in it: whatever people ask for, whatever the warehouse is
//! faster with and whatever the ERP refuses, an order comes to an end, nothing stays promised, nothing is taken off twice,
//! and the money is where it belongs. No await, no clock: thousands of lives a second.

mod account;
mod editing;
mod purse;
mod shop;
mod splitting;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_flow::{Failure, Next, Step as _, Verdict};
use retail_runtime::Timestamp;

use self::editing::{Edited, edit, edited};
use self::purse::{AtTheService, Purse};
use self::world::World;
use crate::edit::{Step as Editing, Told};
use crate::pickup::{By, Pickup, Stage};
use crate::policy::RejectedPickup;
use crate::record::{Capture, Order, State};
use crate::reroute::Wish;
use crate::shop_policy::ShopRules;
use crate::testing::order;
use crate::{facts, outcome, payments, way};

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
    Edit(Edited),
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
    /// People cancel it in the shop's admin.
    ShopCancels,
    /// People edit it there.
    ShopEdits(shop::Edits),
    /// Something happens at the payment service.
    Money(AtTheService),
    /// Goods come back, and what they cost at most is credited.
    ComesBack(i64),
    /// The journey takes its next step; the numbers say what becomes of it.
    Go(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(Event::Cancel),
        2 => prop::collection::vec(1..4_i32, 1..3).prop_map(Event::CancelLines),
        2 => (0..3_usize).prop_map(Event::Reject),
        2 => (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(from, to, ship)| Event::Reroute { from, to, ship }),
        4 => edited(),
        1 => Just(Event::Ready),
        1 => Just(Event::HandOver),
        1 => Just(Event::TimeGoesBy),
        3 => (1..5_i32, 1..4_i64).prop_map(|(line, pieces)| Event::Ship(line, pieces)),
        1 => (1..3_i32).prop_map(Event::Pick),
        1 => (1..3_i32).prop_map(Event::Backorder),
        1 => Just(Event::CloseByHand),
        1 => Just(Event::ShopCancels),
        3 => shop::edits(),
        1 => prop_oneof![
            Just(AtTheService::Ends),
            Just(AtTheService::TakenByOthers),
            any::<u8>().prop_map(AtTheService::IsHeard),
        ].prop_map(Event::Money),
        1 => (1..2_000_i64).prop_map(Event::ComesBack),
        12 => any::<u8>().prop_map(Event::Go),
    ]
}

impl World {
    fn rules(&self) -> outcome::Rules {
        outcome::Rules { shop: self.shop_rules(), ..outcome::Rules::default() }
    }

    fn shop_rules(&self) -> ShopRules {
        ShopRules { asks_credit: self.asks_credit, ..ShopRules::default() }
    }
}

/// The journey takes one step: the first of its legs, or another. Answers false when it has none.
fn go(order: &mut Order, world: &mut World, luck: u8) -> bool {
    let now = Timestamp::from_millisecond(world.now).unwrap();
    let Next::Do(legs) = way::next(order, false, false, now) else { return false };
    let leg = legs[usize::from(luck) % legs.len()].clone();
    match world.perform(order, &leg, luck) {
        Ok(brought) => outcome::take(order, &leg, &brought, &world.rules(), world.now),
        // Nobody knows: the same is asked again.
        Err(Failure::Unknown { .. }) => {}
        Err(why) => {
            let verdict = outcome::refused(order, &leg, &why, &world.rules(), world.now);
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
        Event::Edit(wish) => edit(order, world, wish, by),
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
        // What is on account no shop has sold: in its admin it is neither changed nor paid.
        Event::ShopCancels | Event::ShopEdits(_) if order.credit.is_some() => {}
        Event::ShopCancels => {
            world.shop.cancelled = true;
            hear_the_shop(order, world);
        }
        Event::ShopEdits(edits) => {
            world.shop.is_edited(edits);
            hear_the_shop(order, world);
        }
        Event::Money(event) => world.purse.happens(order, event),
        Event::ComesBack(minor) => comes_back(order, world, *minor),
        Event::Go(luck) => {
            go(order, world, *luck);
        }
    }
}

/// A return credits goods, as far as their invoice is still owed. What was paid for is given back by the return.
fn comes_back(order: &mut Order, world: &World, minor: i64) {
    let owed = world.invoiced() - order.return_credit() - order.captured() + world.given_back;
    if owed > 0 {
        let reference = format!("r-{}/1", order.return_credits.len());
        drop(order.take_return_credit(&reference, minor.min(owed)));
        order.advance();
    }
}

/// The shop tells how the order stands there.
fn hear_the_shop(order: &mut Order, world: &mut World) {
    let was = order.state();
    order.take_shop_order(world.shop.standing(order), world.booked, world.shop_rules(), world.now);
    if was != State::Cancelling && order.state() == State::Cancelling {
        for payment in &mut order.payments {
            payment.asked = world.payments.contains_key(&payment.id);
        }
    }
    order.advance();
}

fn tell(order: &mut Order, world: &World) {
    if world.booked && order.sales_order.is_some() {
        facts::take(order, &world.told(order));
        order.follow_shop(world.shop_rules(), world.now);
        order.advance();
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
        for number in world.lines.keys().copied().collect::<Vec<i32>>() {
            world.ship(number, 100);
        }
        tell(order, world);
        world.purse.comes_to_rest(order);
        if !matches!(order.state(), State::Received | State::Held) && order.credit.is_none() {
            world.shop.is_paid(order);
            hear_the_shop(order, world);
        }
        let found: Vec<String> = order.holds.iter().map(|hold| hold.reason.clone()).collect();
        for reason in found {
            order.release_hold(&reason).unwrap();
        }
        order.advance();
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
        paid in 0..6_u8,
        sold in any::<bool>(),
        split in any::<bool>(),
        on_account in any::<bool>(),
        asks_credit in any::<bool>(),
    ) {
        let mut order = order().received();
        order.set_capture(if sold { Capture::Fact } else { Capture::Request });
        order.customer_id = "c-1".into();
        (order.items_known, order.checked) = (true, true);
        order.shipping_address = Some(Default::default());
        if collected {
            order.pickup = Some(Pickup { location: "SOHO".into(), ..Pickup::default() });
            order.lines.iter_mut().for_each(|line| line.location = "SOHO".into());
        } else if split {
            splitting::split(&mut order);
        }
        let mut world = World { now: 1_000, asks_credit, ..World::default() };
        world.shop.sells(&order);
        if paid > 0 {
            // One is declined at first, and of two the card is kept: the bank takes it without the customer, or does not.
            world.purse.pays("pi-1", order.total, paid == 2, paid == 3);
            if paid > 3 {
                world.purse.keeps(paid == 4);
            }
            order.payments.clear();
            let asked = Purse::payment("pi-1", order.total);
            payments::add(&mut order, &asked, Some(&Purse::channel()), 1).unwrap();
        }
        let on_account = on_account && paid == 0 && !sold;
        if on_account {
            order.payments.clear();
            order.needs_credit();
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
        let owed = world.invoiced() - order.return_credit();
        let captured = order.captured();
        if paid > 0 {
            prop_assert_eq!(world.purse.captured(), captured, "the payment service took what the order says");
            prop_assert_eq!(world.purse.refunded(), world.given_back, "and gave it back itself");
            prop_assert!(world.purse.holds_nothing(), "held for nothing: {:?}", world.purse);
        }
        let paid: i64 = world.payments.values().sum();
        if on_account {
            prop_assert_eq!((captured, world.given_back, paid), (0, 0, 0), "nobody pays for what is owed");
            prop_assert!(!world.booked || order.credit.as_ref().is_some_and(|credit| credit.passed.is_some()));
        } else {
            prop_assert_eq!(captured - world.given_back, owed, "captured less given back is invoiced and not credited");
            prop_assert_eq!(paid - world.recorded_back, owed, "and so say the ERP's books");
        }
        prop_assert!(matches!(order.state(), State::Completed | State::Cancelled));
        if sold && order.state() == State::Cancelled {
            prop_assert!(world.shop.cancelled, "what is cancelled here is cancelled in the shop");
        }
        if sold {
            let mut cancels = order.line_cancels.iter().filter(|cancel| cancel.outcome.is_empty());
            prop_assert!(order.state() == State::Cancelled || cancels.all(|cancel| cancel.told), "the shop knows of every line that is cancelled");
        }
        prop_assert!(order.lines_are_at_rest());
        world.look(&order);
        prop_assert!(world.account.orders.is_empty(), "takes up room for ever: {:?}", world.account);
        let untold = order.edits.iter().any(|edit| edit.told() == Told::Refused);
        let released = order.shop.as_ref().is_some_and(|standing| standing.acknowledged);
        let looked_at = released || order.differs_from_shop();
        if sold && order.state() == State::Completed && !untold && !looked_at {
            // Of a line that was closed here in part, the shop shows what it was told of that.
            let goes_on = |number: i32| order.parts_of(number).all(|part| !part.closed);
            for line in order.lines.iter().filter(|line| line.split_from == 0 && goes_on(line.number)) {
                let shown = world.shop.units(&line.channel_line_id).map(|units| units * UNIT);
                let ordered: i64 = order.parts_of(line.number).map(|part| part.quantity).sum();
                prop_assert_eq!(shown, Some(ordered), "line {} in the shop", line.number);
            }
        }
        splitting::holds_the_laws(&order)?;
        prop_assert!(order.edits.iter().all(|edit| matches!(edit.step(), Editing::Done | Editing::Failed)));
        if order.state() == State::Completed {
            for (number, line) in &world.lines {
                let ordered = order.line(*number).map(|line| (line.quantity, line.amount));
                let stands = line.closed || ordered == Some((line.ordered, line.amount));
                prop_assert!(stands, "line {number}: {ordered:?} here, {line:?} at the ERP");
            }
        }
    }
}
