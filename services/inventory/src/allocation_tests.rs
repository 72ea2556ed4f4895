//! Facts about promises of the ERP itself: nothing is subtracted twice, and nothing is sold twice.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_runtime::Timestamp;

use super::*;
use crate::stock::Counter;

const UNIT: i64 = 1_000_000;

#[test]
fn a_promise_that_a_rerouting_or_an_edit_made_belongs_to_its_order() {
    assert_eq!(["o-1", "o-1/m2", "o-1/e1"].map(order_of), ["o-1"; 3]);
}

fn act(cause: &str, second: i64) -> Act<'_> {
    let at = Timestamp::from_second(second).unwrap();
    Act { cause, happened_at: at, now: at }
}

fn units(units: i64) -> Quantity {
    Quantity::whole(units).unwrap()
}

fn said(all: i64, ours: &[(&str, i64)]) -> Commitments {
    let ours = ours.iter().map(|(order, quantity)| Committed { order: (*order).into(), quantity: quantity * UNIT });
    Commitments { all: all * UNIT, ours: ours.collect() }
}

fn stock(on_hand: i64) -> Stock {
    let mut stock = Stock::empty("MAIN", "A");
    stock.count(units(on_hand), "erp", Counter::Books, act("erp", 1)).unwrap();
    stock
}

#[test]
fn a_promise_that_the_erp_has_is_allocated_and_no_longer_reserved() {
    let mut stock = stock(10);
    stock.promise(units(4), Kind::Reserve, act("o-1", 2)).unwrap();
    stock.allocate(&said(6, &[("o-1", 4)]), |_| 4 * UNIT, act("erp", 3)).unwrap();
    assert_eq!(
        (stock.reserved, stock.allocated, stock.available),
        (0, 6 * UNIT, 4 * UNIT),
        "two are promised by others"
    );
    stock.give_back(units(3), Kind::Release, act("o-1/m1", 4)).unwrap();
    assert_eq!((stock.reserved, stock.allocated, stock.available), (0, 3 * UNIT, 7 * UNIT));
}

#[test]
fn books_that_have_it_still_although_it_has_left_count_only_what_we_promise() {
    let mut stock = stock(10);
    stock.promise(units(4), Kind::Reserve, act("o-1", 2)).unwrap();
    stock.take_off(units(3), act("o-1", 3)).unwrap();
    stock.allocate(&said(4, &[("o-1", 4)]), |_| UNIT, act("erp", 4)).unwrap();
    assert_eq!((stock.reserved, stock.allocated, stock.available), (0, UNIT, 6 * UNIT));
}

#[test]
fn the_same_books_again_move_nothing() {
    let mut stock = stock(10);
    stock.promise(units(4), Kind::Reserve, act("o-1", 2)).unwrap();
    assert!(stock.allocate(&said(4, &[("o-1", 4)]), |_| 4 * UNIT, act("erp", 3)).unwrap().is_some());
    assert!(stock.allocate(&said(4, &[("o-1", 4)]), |_| 4 * UNIT, act("erp", 4)).unwrap().is_none());
}

/// The ERP, as far as its stock goes.
#[derive(Default)]
struct Erp {
    on_hand: i64,
    ours: BTreeMap<usize, i64>,
    theirs: i64,
}

#[derive(Debug, Clone)]
enum Event {
    Promise(usize, i64),
    Book(usize),
    Ship(usize),
    Hear(usize),
    GiveBack(usize),
    Others(i64),
    Read,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..4_usize, 1..5_i64).prop_map(|(order, units)| Event::Promise(order, units)),
        (0..4_usize).prop_map(Event::Book),
        (0..4_usize).prop_map(Event::Ship),
        (0..4_usize).prop_map(Event::Hear),
        (0..4_usize).prop_map(Event::GiveBack),
        (1..3_i64).prop_map(Event::Others),
        Just(Event::Read),
    ]
}

fn cause(order: usize) -> String {
    format!("o-{order}")
}

proptest! {
    #[test]
    fn nothing_is_subtracted_twice_and_nothing_is_sold_twice(
        on_hand in 5..30_i64, events in prop::collection::vec(event(), 0..40)
    ) {
        let mut stock = stock(on_hand);
        let mut erp = Erp { on_hand, ..Erp::default() };
        // What we promise, what of it is booked, and what has shipped and we have not heard of.
        let (mut open, mut unheard) = (BTreeMap::<usize, i64>::new(), BTreeMap::<usize, i64>::new());
        let read = |stock: &mut Stock, erp: &Erp, open: &BTreeMap<usize, i64>, second: i64| {
            stock.count(units(erp.on_hand), "erp", Counter::Books, act("erp", second)).unwrap();
            let ours: Vec<(String, i64)> = erp.ours.iter().map(|(order, units)| (cause(*order), *units)).collect();
            let all = erp.theirs + ours.iter().map(|(_, units)| units).sum::<i64>();
            let ours: Vec<(&str, i64)> = ours.iter().map(|(order, units)| (order.as_str(), *units)).collect();
            let promised = |order: &str| open.iter().find(|(at, _)| cause(**at) == order).map_or(0, |(_, units)| units * UNIT);
            stock.allocate(&said(all, &ours), promised, act("erp", second)).unwrap();
        };
        let mut second = 10;
        for event in events {
            second += 10;
            match event {
                Event::Promise(order, wanted) if !open.contains_key(&order) && !unheard.contains_key(&order) => {
                    if stock.available >= wanted * UNIT {
                        stock.promise(units(wanted), Kind::Reserve, act(&cause(order), second)).unwrap();
                        open.insert(order, wanted);
                    }
                }
                Event::Book(order) if !erp.ours.contains_key(&order) && !unheard.contains_key(&order) => {
                    let free = erp.on_hand - erp.theirs - erp.ours.values().sum::<i64>();
                    if let Some(promised) = open.get(&order).filter(|promised| **promised <= free) {
                        erp.ours.insert(order, *promised);
                    }
                }
                Event::Ship(order) => {
                    if let Some(shipped) = erp.ours.remove(&order) {
                        erp.on_hand -= shipped;
                        unheard.insert(order, shipped);
                    }
                }
                Event::Hear(order) => {
                    if let Some(shipped) = unheard.remove(&order) {
                        stock.take_off(units(shipped), act(&cause(order), second)).unwrap();
                        open.remove(&order);
                    }
                }
                Event::GiveBack(order) if !unheard.contains_key(&order) => {
                    if let Some(promised) = open.remove(&order) {
                        erp.ours.remove(&order);
                        stock.give_back(units(promised), Kind::Release, act(&cause(order), second)).unwrap();
                    }
                }
                Event::Others(wanted) => {
                    let unbooked: i64 = open.iter().filter(|(at, _)| !erp.ours.contains_key(*at) && !unheard.contains_key(*at)).map(|(_, units)| units).sum();
                    if erp.on_hand - erp.theirs - erp.ours.values().sum::<i64>() - unbooked >= wanted {
                        erp.theirs += wanted;
                        read(&mut stock, &erp, &open, second);
                    }
                }
                Event::Read => read(&mut stock, &erp, &open, second),
                Event::Promise(..) | Event::Book(_) | Event::GiveBack(_) => {}
            }
            stock.check().unwrap();
            let unshipped: i64 = open.iter().filter(|(at, _)| !unheard.contains_key(*at)).map(|(_, units)| units).sum();
            let free = erp.on_hand - erp.theirs - unshipped;
            prop_assert!(free >= 0, "more was promised than is there");
            prop_assert!(stock.available <= free * UNIT, "{} may be sold of {free}", stock.available / UNIT);
        }
        // Once everything is heard and read, exactly what is free is for sale.
        let late: Vec<usize> = unheard.keys().copied().collect();
        for order in late {
            second += 10;
            let shipped = unheard[&order];
            stock.take_off(units(shipped), act(&cause(order), second)).unwrap();
            open.remove(&order);
        }
        read(&mut stock, &erp, &open, second + 10);
        let free = erp.on_hand - erp.theirs - open.values().sum::<i64>();
        prop_assert_eq!(stock.available, free * UNIT);
        prop_assert_eq!(stock.reserved + stock.allocated, (erp.theirs + open.values().sum::<i64>()) * UNIT);
    }
}
