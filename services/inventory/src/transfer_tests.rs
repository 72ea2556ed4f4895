//! Facts about transfers: what is set aside, on the road, arrived and lost adds up over both locations, always.

use proptest::prelude::*;
use retail_runtime::Timestamp;

use super::*;
use crate::movement::Kind;
use crate::stock::{Counter, Stock};

fn units(units: i64) -> Quantity {
    Quantity::whole(units).unwrap()
}

fn act(second: i64) -> Act<'static> {
    let at = Timestamp::from_second(second).unwrap();
    Act { cause: "transfer:t-1", happened_at: at, now: at }
}

fn shelf(location: &str, on_hand: i64) -> Shelf {
    let mut stock = Stock::empty(location, "A");
    stock.count(units(on_hand), "erp", Counter::Books, act(1)).unwrap();
    Shelf::new(location, [stock])
}

fn plan(quantity: i64, force: bool) -> Plan {
    Plan {
        id: "t-1".into(),
        from: "MAIN".into(),
        to: "SOHO".into(),
        lines: vec![("A".into(), units(quantity))],
        expected_at: 100_000,
        force,
        reference: String::new(),
        digest: vec![1],
        to_post: false,
    }
}

fn leaving(lines: &[(&str, i64)]) -> Leaving {
    let lines = lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), units(*quantity))).collect();
    Leaving { key: "left".into(), lines, expected_at: None }
}

fn coming(id: &str, quantity: Option<i64>, complete: bool) -> Coming {
    Coming {
        receipt_id: id.into(),
        lines: quantity.map(|quantity| ("A".to_owned(), units(quantity))).into_iter().collect(),
        complete,
        reason: "DIFFERENCE".into(),
        digest: vec![u8::from(complete), quantity.map_or(255, |quantity| u8::try_from(quantity).unwrap())],
    }
}

fn on_the_road(quantity: i64) -> (Transfer, Shelf) {
    let mut main = shelf("MAIN", 10);
    let mut transfer = Transfer::plan(&plan(quantity, false), &mut main, act(2)).unwrap();
    assert!(transfer.send(&leaving(&[]), "erp", &mut main, act(3)).unwrap());
    (transfer, main)
}

#[test]
fn what_is_promised_to_others_is_not_moved_and_the_answer_says_what_is_free() {
    let mut main = shelf("MAIN", 10);
    main.promise("A", units(7), Kind::Reserve, "", act(2)).unwrap();
    let refused = Transfer::plan(&plan(5, false), &mut main, act(3)).unwrap_err();
    assert_eq!(refused.reason(), "NOT_FREE_TO_MOVE");
    assert!(refused.fields()[0].1.contains("3 of A are free"), "{:?}", refused.fields());
    assert_eq!(main.row("A").unwrap().blocked, 0);
}

#[test]
fn by_force_it_is_moved_and_the_shortfall_is_named() {
    let mut main = shelf("MAIN", 10);
    main.promise("A", units(7), Kind::Reserve, "", act(2)).unwrap();
    let transfer = Transfer::plan(&plan(5, true), &mut main, act(3)).unwrap();
    assert_eq!(transfer.lines[0].short, units(2).millionths());
    assert_eq!(main.row("A").unwrap().shortfall, units(2).millionths());
}

#[test]
fn less_may_leave_than_was_set_aside_and_the_rest_is_for_sale_again() {
    let mut main = shelf("MAIN", 10);
    let mut transfer = Transfer::plan(&plan(5, false), &mut main, act(2)).unwrap();
    transfer.send(&leaving(&[("A", 3)]), "erp", &mut main, act(3)).unwrap();
    let row = main.row("A").unwrap();
    assert_eq!((row.on_hand, row.available, row.blocked), (7_000_000, 7_000_000, 0));
    assert_eq!(transfer.lines[0].on_the_road(), units(3).millionths());
}

#[test]
fn what_has_left_cannot_be_called_off_and_the_same_word_again_changes_nothing() {
    let (mut transfer, mut main) = on_the_road(5);
    assert!(!transfer.send(&leaving(&[]), "erp", &mut main, act(4)).unwrap());
    let other = Leaving { key: "other".into(), ..leaving(&[]) };
    let refused = transfer.send(&other, "erp", &mut main, act(4)).unwrap_err();
    assert_eq!(refused.reason(), "TRANSFER_HAS_LEFT");
    assert_eq!(transfer.cancel(&mut main, act(4)).unwrap_err().reason(), "TRANSFER_HAS_LEFT");
}

#[test]
fn a_receipt_counts_once_and_another_content_under_its_id_is_refused() {
    let (mut transfer, _) = on_the_road(5);
    assert!(transfer.arrive(&coming("r-1", Some(2), false), act(4)).unwrap());
    assert!(!transfer.arrive(&coming("r-1", Some(2), false), act(5)).unwrap());
    let refused = transfer.arrive(&coming("r-1", Some(3), false), act(5)).unwrap_err();
    assert_eq!(refused.reason(), "RECEIPT_DIFFERS");
    assert_eq!(transfer.lines[0].on_the_road(), units(3).millionths());
}

#[test]
fn what_does_not_come_is_lost_with_a_cause_and_what_is_beyond_has_come_all_the_same() {
    let (mut transfer, _) = on_the_road(5);
    let unexplained = Coming { reason: String::new(), ..coming("r-1", Some(3), true) };
    assert_eq!(transfer.arrive(&unexplained, act(4)).unwrap_err().reason(), "BAD_REQUEST");
    transfer.arrive(&coming("r-1", Some(3), true), act(4)).unwrap();
    assert_eq!((transfer.road(), transfer.lines[0].lost), (Road::Arrived, units(2).millionths()));
    let (mut more, _) = on_the_road(5);
    more.arrive(&coming("r-1", Some(6), false), act(4)).unwrap();
    assert_eq!((more.road(), more.lines[0].surplus), (Road::Arrived, units(1).millionths()));
    assert_eq!(more.arrive(&coming("r-2", Some(1), false), act(5)).unwrap_err().reason(), "TRANSFER_ENDED");
}

#[derive(Debug, Clone)]
enum Event {
    Send(i64),
    Arrive(i64, bool),
    Cancel,
    Sell(i64),
    Again,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..8_i64).prop_map(Event::Send),
        (0..8_i64, any::<bool>()).prop_map(|(quantity, complete)| Event::Arrive(quantity, complete)),
        Just(Event::Cancel),
        (1..5_i64).prop_map(Event::Sell),
        Just(Event::Again),
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_or_doubled_over_both_locations_and_the_road(
        on_hand in 0..12_i64, planned in 1..8_i64, force in any::<bool>(), events in prop::collection::vec(event(), 0..14)
    ) {
        let (mut main, mut soho) = (shelf("MAIN", on_hand), shelf("SOHO", 0));
        let Ok(mut transfer) = Transfer::plan(&plan(planned, force), &mut main, act(2)) else {
            prop_assert!(planned > on_hand);
            return Ok(());
        };
        let mut landed = 0;
        for (event, second) in events.into_iter().zip(3..) {
            match event {
                Event::Send(left) => drop(transfer.send(&leaving(&[("A", left)]), "erp", &mut main, act(second))),
                Event::Arrive(quantity, complete) => {
                    let receipt = format!("r-{second}");
                    drop(transfer.arrive(&coming(&receipt, Some(quantity), complete), act(second)));
                }
                Event::Cancel => drop(transfer.cancel(&mut main, act(second))),
                Event::Sell(quantity) => {
                    main.promise("A", units(quantity), Kind::Reserve, "", act(second)).unwrap();
                }
                // A step that was done before is done again, by a worker that does not know.
                Event::Again => landed = landed.min(transfer.arrivals.len()),
            }
            // Each arrival is taken in once at the destination.
            for arrival in transfer.arrivals.iter().skip(landed) {
                for came in &arrival.lines {
                    let all = Quantity::from_millionths(came.received + came.surplus);
                    soho.with("A", |stock| Ok(((), stock.move_in(all, "erp", act(second))?))).unwrap();
                }
            }
            landed = transfer.arrivals.len();
            let line = &transfer.lines[0];
            prop_assert!(line.on_the_road() >= 0 && line.sent <= line.planned);
            let there = |shelf: &Shelf| shelf.row("A").map_or(0, |row| row.on_hand);
            let all = there(&main) + there(&soho) + line.on_the_road() + line.lost - line.surplus;
            prop_assert_eq!(all, units(on_hand).millionths());
            for shelf in [&main, &soho] {
                shelf.row("A").map_or(Ok(()), Stock::check).unwrap();
            }
            let aside = if transfer.road() == Road::Planned { line.planned } else { 0 };
            prop_assert_eq!(main.row("A").unwrap().blocked, aside);
        }
    }
}
