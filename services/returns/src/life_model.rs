//! A model of everybody a return deals with, and lives of returns in it: receipts of the dock and of the ERP's own people,
//! cancellations, goods that never come, money that fails, answers that are lost or come late. Every life ends, the goods
//! are counted once, the money goes back once, and nothing stays claimed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_flow::{Failure, Next};
use retail_proto::Quantity;
use retail_proto::erp::v1 as erp;
use retail_runtime::Timestamp;

use crate::allowance::Allowance;
use crate::crediting::{self, Told};
use crate::journey::Journey;
use crate::leg::{Brought, Leg};
use crate::part::{Disposition, ReceiptLine};
use crate::receiving::{Arrival, close, receive};
use crate::record::{Return, State};
use crate::sale::{Sale, SoldLine};
use crate::testing::{authorized, record as document, sale};
use crate::{facts, part};

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
    CloseWaiting,
    Cancel,
    /// The order's own money is taken.
    Paid,
    TimeGoesBy,
    /// A person lets a parked return go on.
    Resume,
    /// An answer that was late arrives.
    Late,
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
        1 => Just(Event::CloseWaiting),
        1 => Just(Event::Cancel),
        1 => Just(Event::Paid),
        1 => Just(Event::TimeGoesBy),
        1 => Just(Event::Resume),
        2 => Just(Event::Late),
        12 => any::<u8>().prop_map(Event::Go),
    ]
}

/// What one of the ERP's receipts took in.
#[derive(Debug, Clone)]
struct TakenIn {
    id: usize,
    /// Ours; empty when its people wrote it.
    external: String,
    line: i32,
    quantity: i64,
    restock: bool,
}

/// The ERP's return.
#[derive(Debug, Clone, Default)]
struct ErpReturn {
    authorized: BTreeMap<i32, i64>,
    receipts: Vec<TakenIn>,
    closed: bool,
    memo: Option<i64>,
    refund: Option<i64>,
    version: u32,
}

impl ErpReturn {
    fn left(&self, line: i32) -> i64 {
        let taken: i64 = self.receipts.iter().filter(|one| one.line == line).map(|one| one.quantity).sum();
        self.authorized.get(&line).copied().unwrap_or(0) - taken
    }

    fn is_full(&self) -> bool {
        self.authorized.keys().all(|line| self.left(*line) <= 0)
    }
}

/// A refund at the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtShop {
    Pending,
    Failed,
    Gave(i64),
}

struct World {
    now: i64,
    sale: Sale,
    books: Allowance,
    erp: Option<ErpReturn>,
    shop: BTreeMap<String, AtShop>,
    /// Back on our shelf, by receipt.
    restocked: BTreeMap<String, i64>,
    late: Vec<(Leg, Brought)>,
}

impl World {
    fn told(&self, part: &part::Part) -> Option<erp::SalesReturn> {
        let known = self.erp.as_ref()?;
        let mut receipts: BTreeMap<usize, erp::Receipt> = BTreeMap::new();
        for one in &known.receipts {
            let receipt = receipts.entry(one.id).or_insert_with(|| erp::Receipt {
                document: Some(document("itemReceipt", &one.id.to_string())),
                external_ref: one.external.clone(),
                date: "2011-06-01".into(),
                ..erp::Receipt::default()
            });
            receipt.lines.push(erp::ReceiptLine {
                line_number: one.line,
                quantity: Quantity::from_millionths(one.quantity).to_string(),
                restock: one.restock,
                location: "MAIN".into(),
            });
        }
        let state = if known.closed { erp::SalesReturnState::Closed } else { erp::SalesReturnState::Unspecified };
        let memo = known.memo.map(|_| erp::CreditMemo {
            external_ref: part.credit_id(),
            document: Some(document("creditMemo", "m-1")),
            ..erp::CreditMemo::default()
        });
        let refund = known.refund.map(|_| erp::RefundDocument {
            external_ref: part.refund_document_id(),
            document: Some(document("customerRefund", "f-1")),
            ..erp::RefundDocument::default()
        });
        Some(erp::SalesReturn {
            external_ref: part.id.clone(),
            document: Some(document("returnAuthorization", "ra-1")),
            etag: known.version.to_string(),
            state: i32::from(state),
            receipts: receipts.into_values().collect(),
            credit_memos: memo.into_iter().collect(),
            refunds: refund.into_iter().collect(),
            ..erp::SalesReturn::default()
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut ErpReturn)) {
        if let Some(known) = &mut self.erp {
            change(known);
            known.version += 1;
        }
    }

    /// Does what a leg asks for; `luck` says how the shop is doing.
    fn perform(&mut self, record: &Return, leg: &Leg, luck: u8) -> Result<Brought, Failure> {
        let part = record.parts[0].clone();
        let refused = |reason: &str| Err(Failure::refused(reason, "so"));
        match leg {
            Leg::OpenReturn(_) => {
                let lines = record.lines_of(&part).map(|line| (line.number, line.authorized)).collect();
                self.erp.get_or_insert_with(|| ErpReturn { authorized: lines, ..ErpReturn::default() });
                Ok(Brought::SalesReturn(Box::new(self.told(&part).unwrap())))
            }
            Leg::PostReceipt(_, id) => {
                let receipt = part.receipts.iter().find(|one| one.id == *id).unwrap().clone();
                let known = self.erp.as_ref().unwrap();
                if let Some(done) = known.receipts.iter().find(|one| one.external == *id) {
                    return Ok(Brought::Record(document("itemReceipt", &done.id.to_string())));
                }
                let goods = receipt.lines.iter().filter(|line| line.disposition() != Disposition::Reject);
                let goods: Vec<ReceiptLine> = goods.cloned().collect();
                let mut asked: BTreeMap<i32, i64> = BTreeMap::new();
                goods.iter().for_each(|line| *asked.entry(line.number).or_default() += line.quantity);
                if known.closed || asked.iter().any(|(line, quantity)| *quantity > known.left(*line)) {
                    let told = self.told(&part).filter(|told| facts::is_overtaken(record, told, 1, id));
                    return told
                        .map_or_else(|| refused("VENDOR_REFUSED"), |told| Ok(Brought::SalesReturn(Box::new(told))));
                }
                let number = known.receipts.len() + 1;
                self.change(|known| {
                    known.receipts.extend(goods.iter().map(|line| TakenIn {
                        id: number,
                        external: id.clone(),
                        line: line.number,
                        quantity: line.quantity,
                        restock: line.disposition() == Disposition::Restock,
                    }));
                });
                Ok(Brought::Record(document("itemReceipt", &number.to_string())))
            }
            Leg::Restock(_, id) => {
                let receipt = part.receipts.iter().find(|one| one.id == *id).unwrap();
                let back = receipt.lines.iter().filter(|line| line.disposition() == Disposition::Restock);
                let back = back.map(|line| line.quantity).sum();
                self.restocked.entry(id.clone()).or_insert(back);
                Ok(Brought::Done)
            }
            Leg::CloseReturn(_) => {
                self.change(|known| known.closed = true);
                Ok(self.told(&part).map_or(Brought::Done, |told| Brought::SalesReturn(Box::new(told))))
            }
            Leg::Settle(_) => {
                let entry = self.books.settle(&self.sale, &crediting::settling(record, &part));
                Ok(entry.map_or(Brought::NotYet, Brought::Settled))
            }
            Leg::CreditMemo(_) => {
                let credited = part.settlement.as_ref().unwrap().credited;
                self.change(|known| assert_eq!(*known.memo.get_or_insert(credited), credited));
                Ok(Brought::Record(document("creditMemo", "m-1")))
            }
            Leg::Refund(..) if part.has_failed_refund() => refused("REFUND_FAILED"),
            Leg::Refund(..) => {
                let due = part.still_due();
                let known = self.shop.entry(part.refund_id()).or_insert(AtShop::Pending);
                if *known == AtShop::Pending {
                    *known = match luck % 8 {
                        0 => AtShop::Pending,
                        1 => AtShop::Failed,
                        2 => AtShop::Gave(due / 2),
                        _ => AtShop::Gave(due),
                    };
                }
                let told = |minor: Option<i64>, pending: bool| Told {
                    record: Some(document("refund", &part.refund_id())),
                    minor,
                    at: self.now,
                    pending,
                    ..Told::default()
                };
                match *known {
                    AtShop::Pending => Ok(Brought::Refund(told(None, true))),
                    AtShop::Failed => refused("REFUND_FAILED"),
                    AtShop::Gave(minor) => Ok(Brought::Refund(told(Some(minor), false))),
                }
            }
            Leg::RecordRefund(_) => {
                let refunded = part.refunded();
                self.change(|known| assert_eq!(*known.refund.get_or_insert(refunded), refunded));
                Ok(Brought::Record(document("customerRefund", "f-1")))
            }
            Leg::GiveBack(_) => {
                self.books.give_back(&record.id);
                Ok(Brought::Done)
            }
            Leg::Identify | Leg::Locate | Leg::Judge(_) | Leg::AnswerShop(_) | Leg::NoteGiven => {
                panic!("{leg:?} of a return whose lines are claimed")
            }
        }
    }
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
        Event::CloseWaiting => {
            drop(close(record, "will not come"));
            record.advance();
        }
        Event::Cancel => {
            let asked = world.erp.is_some();
            drop(record.cancel("kept after all", |_| asked));
            record.advance();
        }
        Event::Paid => {
            world.sale.captured = world.sale.invoiced;
            world.sale.is_being_paid = false;
        }
        Event::TimeGoesBy => world.now += 1_000_000,
        Event::Resume => {
            if record.parked {
                Journey::park(record, None, world.now);
                record.advance();
            }
        }
        Event::Late => {
            if !world.late.is_empty() {
                let (leg, brought) = world.late.remove(0);
                Journey::take(record, &leg, &brought, world.now);
            }
        }
        Event::Go(luck) => {
            go(record, world, *luck);
        }
    }
}

/// Everybody does what is left for them to do.
fn comes_to_rest(record: &mut Return, world: &mut World) {
    for _ in 0..60 {
        while let Some((leg, brought)) = world.late.pop() {
            Journey::take(record, &leg, &brought, world.now);
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

fn sold(units: [i64; 2], is_being_paid: bool) -> Sale {
    let line = |number: i32, units: i64| SoldLine {
        number,
        ordered: units * UNIT,
        shipped: units * UNIT,
        invoiced: units * UNIT,
        value: units * 100,
        ..SoldLine::default()
    };
    let invoiced = (units[0] + units[1]) * 100;
    let captured = if is_being_paid { 0 } else { invoiced };
    let lines = vec![line(1, units[0]), line(2, units[1])];
    Sale { invoiced, captured, is_being_paid, lines, ..sale() }
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
        is_being_paid in any::<bool>(),
    ) {
        let mut record = authorized(&[first, second]);
        let sale = sold([first, second], is_being_paid);
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
        };
        for event in &events {
            happens(&mut record, &mut world, event);
        }
        comes_to_rest(&mut record, &mut world);

        let known = world.erp.clone().unwrap_or_default();
        let taken_in: i64 = known.receipts.iter().map(|one| one.quantity).sum();
        let for_sale: i64 = known.receipts.iter().filter(|one| one.restock).map(|one| one.quantity).sum();
        let credited: i64 = record.lines.iter().map(|line| record.credited(line)).sum();
        let gave: i64 = world.shop.values().map(|one| if let AtShop::Gave(minor) = one { *minor } else { 0 }).sum();
        let entry = world.books.money.iter().filter(|entry| entry.return_id == record.id);
        let worth: i64 = entry.map(|entry| entry.credited).sum();

        prop_assert!(matches!(record.state(), State::Completed | State::Cancelled), "{:?}", record.state());
        prop_assert_eq!(credited, taken_in, "what the ERP took in is credited: {:?}", known);
        prop_assert_eq!(world.restocked.values().sum::<i64>(), for_sale, "and what may be sold again is on our shelf");
        prop_assert_eq!(known.memo.unwrap_or(0), worth, "the ERP credits what the books of the order say");
        prop_assert_eq!(gave, worth, "and as much goes back: {:?}", world.shop);
        prop_assert_eq!(known.refund.unwrap_or(0), gave, "and the ERP knows");
        let claimed: i64 = world.books.claims.iter().map(|claim| claim.quantity).sum();
        prop_assert_eq!(claimed, credited, "nothing else stays claimed");
        let closed = world.erp.is_none() || known.closed || known.is_full();
        prop_assert!(closed, "the ERP awaits goods that nobody sends: {:?}", known);
        prop_assert_eq!(record.state() == State::Completed, credited > 0);
    }
}
