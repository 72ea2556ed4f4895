//! A model of everybody a return deals with, and lives of returns in it: receipts of the dock and of the ERP's own people,
//! cancellations, goods that never come, money that fails, answers that are lost or come late. Every life ends, the goods
//! are counted once, the money goes back once, and nothing stays claimed.

mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_flow::Next;
use retail_runtime::Timestamp;

use crate::allowance::Allowance;
use crate::journey::Journey;
use crate::leg::Leg;
use crate::life_model::world::{AtShop, TakenIn, World};
use crate::part::{Disposition, ReceiptLine};
use crate::receiving::{Arrival, close, receive};
use crate::record::{Return, State};
use crate::sale::{Sale, SoldLine};
use crate::testing::{authorized, sale};
use crate::{crediting, facts, part};

const UNIT: i64 = 1_000_000;

/// What happens, besides the journey going on.
#[derive(Debug, Clone)]
enum Event {
    /// The dock tells of so many pieces of a line, under its own number.
    Dock {
        receipt: u8,
        line: i32,
        pieces: i64,
        disposition: i32,
    },
    /// The ERP's people take pieces in themselves.
    ErpReceives {
        line: i32,
        pieces: i64,
        restock: bool,
    },
    /// They close the return.
    ErpCloses,
    /// We read how it stands there.
    Poll,
    /// We read it, and what was read is taken over late.
    SlowPoll,
    CloseWaiting,
    Cancel,
    /// The order's own money is taken.
    Paid,
    TimeGoesBy,
    /// A person lets a parked return go on.
    Resume,
    /// An answer that was late arrives.
    Late,
    /// Money that was given back does not arrive.
    ComesBack,
    /// The journey takes a step; the number says which, and what becomes of it.
    Go(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..4_u8, 1..3_i32, 1..7_i64, 0..4_i32)
            .prop_map(|(receipt, line, pieces, disposition)| Event::Dock { receipt, line, pieces, disposition }),
        2 => (1..3_i32, 1..7_i64, any::<bool>())
            .prop_map(|(line, pieces, restock)| Event::ErpReceives { line, pieces, restock }),
        1 => Just(Event::ErpCloses),
        2 => Just(Event::Poll),
        1 => Just(Event::SlowPoll),
        1 => Just(Event::CloseWaiting),
        1 => Just(Event::Cancel),
        1 => Just(Event::Paid),
        1 => Just(Event::TimeGoesBy),
        1 => Just(Event::Resume),
        2 => Just(Event::Late),
        1 => Just(Event::ComesBack),
        12 => any::<u8>().prop_map(Event::Go),
    ]
}

/// One step of the journey, as the driver does it: none while a person is awaited, none twice at a time. False when there
/// is none.
fn go(record: &mut Return, world: &mut World, luck: u8) -> bool {
    let now = Timestamp::from_millisecond(world.now).unwrap();
    let Next::Do(legs) = Journey::next(record, now) else { return false };
    let free: Vec<Leg> = legs.into_iter().filter(|leg| !world.late.iter().any(|(late, _)| late == leg)).collect();
    if record.parked || free.is_empty() {
        return false;
    }
    let leg = free[usize::from(luck) % free.len()].clone();
    // The request is lost.
    if luck % 11 == 1 {
        return true;
    }
    match world.perform(record, &leg, luck / 11) {
        // The answer is lost, or late.
        Ok(_) if luck % 11 == 2 => {}
        Ok(brought) if luck % 11 == 3 => world.late.push((leg, brought)),
        Ok(brought) => Journey::take(record, &leg, &brought, world.now),
        Err(why) => {
            Journey::refuse(record, &leg, &why, world.now);
            Journey::park(record, Some(why.reason().to_owned()), world.now);
        }
    }
    true
}

fn poll(record: &mut Return, world: &World) {
    if let Some(told) = record.parts.first().and_then(|part| world.told(part)) {
        facts::take(record, &told, world.now);
    }
}

fn happens(record: &mut Return, world: &mut World, event: &Event) {
    // A refusal is as good as silence here: the state says what is possible.
    match event {
        Event::Dock { receipt, line, pieces, disposition } => {
            let lines = vec![ReceiptLine { number: *line, quantity: pieces * UNIT, disposition: *disposition }];
            let digest = format!("{lines:?}").into_bytes();
            let arrival = Arrival { source: format!("dock-{receipt}"), digest, lines, ..Arrival::default() };
            drop(receive(record, &arrival));
            record.advance();
        }
        Event::ErpReceives { line, pieces, restock } => world.change(|known| {
            let quantity = (pieces * UNIT).min(known.left(*line));
            if quantity > 0 && !known.closed {
                let id = known.receipts.iter().map(|one| one.id).max().unwrap_or(0) + 1;
                let taken = TakenIn { id, external: String::new(), line: *line, quantity, restock: *restock };
                known.receipts.push(taken);
            }
        }),
        Event::ErpCloses => world.change(|known| known.closed = true),
        Event::Poll => poll(record, world),
        Event::SlowPoll => world.read.extend(record.parts.first().and_then(|part| world.told(part))),
        Event::CloseWaiting => {
            drop(close(record, "will not come"));
            record.advance();
        }
        Event::Cancel => {
            let asked = world.erp.is_some();
            drop(record.cancel("kept after all", |_| asked));
            record.advance();
        }
        Event::Paid => world.is_paid(),
        Event::TimeGoesBy => world.now += 1_000_000,
        Event::ComesBack => comes_back(record, world),
        Event::Resume => {
            if record.parked {
                let waits = |part: &&part::Part| part.waits_for_what_came_back();
                world.by_hand += record.parts.iter().filter(waits).map(part::Part::still_due).sum::<i64>();
                Journey::park(record, None, world.now);
                record.advance();
            }
        }
        Event::Late => {
            if !world.late.is_empty() {
                let (leg, brought) = world.late.remove(0);
                Journey::take(record, &leg, &brought, world.now);
            }
            if !world.read.is_empty() {
                facts::take(record, &world.read.remove(0), world.now);
            }
        }
        Event::Go(luck) => {
            go(record, world, *luck);
        }
    }
}

/// What was given back under the reference of the current attempt turns out to have failed.
fn comes_back(record: &mut Return, world: &mut World) {
    let Some(part) = record.parts.first_mut() else { return };
    if let Some(AtShop::Gave(minor)) = world.shop.get(&part.refund_id()).copied() {
        let reference = format!("{}/pi_1", part.refund_id());
        if crediting::came_back(part, &reference, minor) {
            world.shop.insert(part.refund_id(), AtShop::Failed);
            record.advance();
        }
    }
}

/// Everybody does what is left for them to do.
fn comes_to_rest(record: &mut Return, world: &mut World) {
    for _ in 0..60 {
        while let Some((leg, brought)) = world.late.pop() {
            Journey::take(record, &leg, &brought, world.now);
        }
        for told in std::mem::take(&mut world.read) {
            facts::take(record, &told, world.now);
        }
        // 55: nothing is lost, and the shop gives all.
        for _ in 0..200 {
            if !go(record, world, 55) {
                break;
            }
        }
        if record.is_over() && world.late.is_empty() {
            // And what they opened once more they close again.
            let closed = record.parts.iter().all(|part| part.erp_closed);
            world.change(|known| known.closed |= closed);
            return;
        }
        happens(record, world, &Event::Paid);
        happens(record, world, &Event::TimeGoesBy);
        if record.parked {
            // What the ERP's people closed too early they open again.
            world.change(|known| known.closed &= known.is_full());
        }
        poll(record, world);
        happens(record, world, &Event::Resume);
        let all = Arrival { source: format!("dock-rest-{}", world.now), digest: vec![1], ..Arrival::default() };
        drop(receive(record, &all));
        record.advance();
    }
    panic!("never ends: {:?} {record:#?} {:?}", record.state(), world.erp);
}

/// How far the order's own money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    Taken,
    OnItsWay,
    /// Declined, or ran out: somebody may pay anew.
    Lacking,
}

fn money() -> impl Strategy<Value = Money> {
    prop_oneof![Just(Money::Taken), Just(Money::OnItsWay), Just(Money::Lacking)]
}

fn sold(units: [i64; 2], money: Money) -> Sale {
    let line = |number: i32, units: i64| SoldLine {
        number,
        ordered: units * UNIT,
        shipped: units * UNIT,
        invoiced: units * UNIT,
        value: units * 100,
        ..SoldLine::default()
    };
    let invoiced = (units[0] + units[1]) * 100;
    let captured = if money == Money::Taken { invoiced } else { 0 };
    let is_being_paid = money == Money::OnItsWay;
    let lines = vec![line(1, units[0]), line(2, units[1])];
    Sale { invoiced, captured, is_being_paid, lines, ..sale() }
}

/// Lives a life and looks at what came of it.
fn live(events: &[Event], units: [i64; 2], money: Money) -> Result<(), TestCaseError> {
    let mut record = authorized(&units);
    let sale = sold(units, money);
    let mut books = Allowance::default();
    for line in &sale.lines {
        books.claim(&record.id, line.number, &sale, line, line.ordered);
    }
    let mut world = World {
        now: 1_000,
        sale,
        books,
        erp: None,
        shop: BTreeMap::new(),
        restocked: BTreeMap::new(),
        late: Vec::new(),
        read: Vec::new(),
        by_hand: 0,
        taken_off: BTreeMap::new(),
    };
    for event in events {
        happens(&mut record, &mut world, event);
    }
    comes_to_rest(&mut record, &mut world);
    world.is_paid();

    let known = world.erp.clone().unwrap_or_default();
    let taken_in: i64 = known.receipts.iter().map(|one| one.quantity).sum();
    let for_sale: i64 = known.receipts.iter().filter(|one| one.restock).map(|one| one.quantity).sum();
    let credited: i64 = record.lines.iter().map(|line| record.credited(line)).sum();
    let by_shop: i64 = world.shop.values().map(|one| if let AtShop::Gave(minor) = one { *minor } else { 0 }).sum();
    let gave = by_shop + world.by_hand;
    let entry = world.books.money.iter().filter(|entry| entry.return_id == record.id);
    let worth: i64 = entry.map(|entry| entry.credited).sum();

    prop_assert!(matches!(record.state(), State::Completed | State::Cancelled), "{:?}", record.state());
    prop_assert_eq!(credited, taken_in, "what the ERP took in is credited: {:?}", known);
    prop_assert_eq!(world.restocked.values().sum::<i64>(), for_sale, "and what may be sold again is on our shelf");
    prop_assert_eq!(known.memo.unwrap_or(0), worth, "the ERP credits what the books of the order say");
    let paid = world.sale.captured - gave;
    prop_assert_eq!(paid, world.sale.invoiced - worth, "and as much goes back, or is never taken: {:?}", world.shop);
    prop_assert_eq!(known.refund.unwrap_or(0), gave, "and the ERP knows");
    let claimed: i64 = world.books.claims.iter().map(|claim| claim.quantity).sum();
    prop_assert_eq!(claimed, credited, "nothing else stays claimed");
    let closed = world.erp.is_none() || known.closed || known.is_full();
    prop_assert!(closed, "the ERP awaits goods that nobody sends: {:?}", known);
    prop_assert_eq!(record.state() == State::Completed, credited > 0);
    Ok(())
}

proptest! {
    // More with PROPTEST_CASES.
    #![proptest_config({
        let usual = ProptestConfig::default();
        ProptestConfig { cases: usual.cases.max(1_000), ..usual }
    })]
    #[test]
    fn any_life_of_a_return_ends_with_its_goods_counted_once_and_its_money_back_once(
        events in prop::collection::vec(event(), 1..60),
        first in 1..7_i64,
        second in 1..7_i64,
        money in money(),
    ) {
        live(&events, [first, second], money)?;
    }
}

fn dock(receipt: u8, pieces: i64, disposition: Disposition) -> Event {
    Event::Dock { receipt, line: 2, pieces, disposition: i32::from(disposition) }
}

fn erp_receives(pieces: i64) -> Event {
    Event::ErpReceives { line: 2, pieces, restock: false }
}

#[test]
fn goods_in_the_erps_books_give_way_to_nothing_when_the_answer_was_lost() {
    // 59 opens the return; 68 posts a receipt, and the answer is lost.
    let life = [
        dock(2, 2, Disposition::Reject),
        Event::Go(59),
        dock(0, 1, Disposition::Restock),
        erp_receives(4),
        Event::Go(68),
        Event::Poll,
    ];
    live(&life, [1, 5], Money::Taken).unwrap();
}

#[test]
fn one_receipt_gives_way_when_another_is_in_the_erps_books() {
    let two = || [dock(0, 3, Disposition::Restock), dock(1, 3, Disposition::Restock), Event::Go(15)];
    let [first, second, open] = two();
    live(&[first, second, open, erp_receives(1), Event::Go(68)], [1, 6], Money::Taken).unwrap();
    // 80 opens the return and 168 posts a receipt, with answers that are late.
    let [first, second, _] = two();
    let life = [first, Event::Go(80), second, erp_receives(1), Event::Late, Event::Go(168), Event::Poll];
    live(&life, [1, 6], Money::Taken).unwrap();
}
