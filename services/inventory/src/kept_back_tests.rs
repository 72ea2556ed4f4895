//! Facts about what a promise leaves at its location: cups, pots, and a tea set of two cups and a pot.

use proptest::prelude::*;

use super::*;
use crate::kit::Component;
use crate::line::Ask;
use crate::stock::{Counter, Stock};

const UNIT: i64 = 1_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn act(second: i64) -> Act<'static> {
    Act { cause: "o-1", happened_at: at(second), now: at(second) }
}

fn units(units: i64) -> Quantity {
    Quantity::whole(units).unwrap()
}

fn shelf(cups: i64, pots: i64) -> Shelf {
    let row = |(sku, on_hand): (&str, i64)| {
        let mut stock = Stock::empty("MAIN", sku);
        stock.count(units(on_hand), "erp", Counter::Books, act(1)).unwrap();
        stock
    };
    Shelf::new("MAIN", [("CUP", cups), ("POT", pots)].map(row))
}

/// A line: item, how many, how many are kept back.
type Asked<'a> = (&'a str, i64, i64);

fn hold(lines: &[Asked<'_>]) -> Hold {
    let part = |sku: &str, units: i64| Component { sku: sku.into(), quantity: units * UNIT };
    let ask = |(number, (sku, quantity, kept)): (usize, &Asked<'_>)| Ask {
        line_id: number.to_string(),
        sku: (*sku).to_owned(),
        quantity: units(*quantity),
        unit: String::new(),
        keep_back: units(*kept),
        place: number,
        components: if *sku == "SET" { vec![part("CUP", 2), part("POT", 1)] } else { vec![] },
    };
    Hold {
        reservation_id: "o-1".into(),
        lines: lines.iter().enumerate().map(ask).collect(),
        expires_at: at(900),
        allow_shortfall: false,
        sold_by_channel: String::new(),
        digest: vec![],
        attempt: 0,
    }
}

fn left(shelf: &Shelf) -> (i64, i64) {
    (shelf.sellable("CUP").millionths() / UNIT, shelf.sellable("POT").millionths() / UNIT)
}

/// Line, what could have been promised, and what of the missing is there and kept back.
fn refused(lines: &[Asked<'_>], shelf: &mut Shelf) -> Vec<(String, Quantity, Quantity)> {
    let before = left(shelf);
    let error = Part::hold(&hold(lines), shelf, act(2)).unwrap_err();
    assert_eq!(left(shelf), before, "nothing is promised in part");
    let ReservationError::Lacking(lacking) = error else { panic!("{error}") };
    lacking.into_iter().map(|line| (line.line_id, line.available, line.kept_back)).collect()
}

#[test]
fn the_last_piece_above_what_is_kept_back_is_promised_and_the_next_is_not() {
    let mut shelf = shelf(5, 0);
    Part::hold(&hold(&[("CUP", 3, 2)]), &mut shelf, act(2)).unwrap();
    assert_eq!(left(&shelf).0, 2);
    assert_eq!(refused(&[("CUP", 1, 2)], &mut shelf), [("0".into(), units(0), units(1))]);
    Part::hold(&hold(&[("CUP", 2, 0)]), &mut shelf, act(2)).unwrap();
    assert_eq!(left(&shelf).0, 0, "whoever keeps nothing back takes the rest");
}

#[test]
fn of_what_is_missing_only_what_is_there_is_kept_back() {
    assert_eq!(refused(&[("CUP", 9, 2)], &mut shelf(5, 0)), [("0".into(), units(3), units(2))], "four are not there");
    assert_eq!(refused(&[("CUP", 4, 9)], &mut shelf(5, 0)), [("0".into(), units(0), units(4))], "a fifth is not asked");
    assert_eq!(refused(&[("CUP", 9, 0)], &mut shelf(5, 0)), [("0".into(), units(5), units(0))]);
}

#[test]
fn one_line_that_would_go_too_low_refuses_the_whole_request() {
    let lacking = refused(&[("POT", 1, 0), ("CUP", 4, 2)], &mut shelf(5, 5));
    assert_eq!(lacking, [("1".into(), units(3), units(1))]);
}

#[test]
fn a_line_that_keeps_nothing_back_does_not_take_what_another_of_the_request_keeps() {
    for lines in [[("CUP", 2, 2), ("CUP", 2, 0)], [("CUP", 2, 0), ("CUP", 2, 2)]] {
        assert_eq!(refused(&lines, &mut shelf(5, 0)), [("1".into(), units(1), units(1))], "{lines:?}");
    }
}

#[test]
fn kits_that_are_kept_back_can_still_be_made() {
    let mut shelf = shelf(10, 9);
    assert_eq!(refused(&[("SET", 4, 2)], &mut shelf), [("0".into(), units(3), units(1))], "ten cups are five sets");
    // A cup beside the sets would be one of those that are kept for sets.
    assert_eq!(refused(&[("CUP", 1, 0), ("SET", 3, 2)], &mut shelf), [("1".into(), units(2), units(1))]);
    Part::hold(&hold(&[("SET", 3, 2)]), &mut shelf, act(2)).unwrap();
    assert_eq!(left(&shelf), (4, 6));
}

#[test]
fn more_kits_are_kept_back_than_a_number_has_room_for_and_nothing_is_promised() {
    let most = i64::MAX / UNIT;
    assert_eq!(refused(&[("SET", 1, most)], &mut shelf(10, 9)), [("0".into(), units(0), units(1))]);
}

#[test]
fn what_is_sold_already_is_never_refused() {
    let mut shelf = shelf(5, 0);
    let sold = Hold { allow_shortfall: true, ..hold(&[("CUP", 4, 2)]) };
    Part::hold(&sold, &mut shelf, act(2)).unwrap();
    assert_eq!(left(&shelf).0, 1);
}

#[test]
fn a_promise_that_has_kept_it_back_once_is_not_undone_by_it() {
    let mut shelf = shelf(5, 0);
    let mut held = Part::hold(&hold(&[("CUP", 3, 2)]), &mut shelf, act(2)).unwrap();
    let sold = Hold { allow_shortfall: true, ..hold(&[("CUP", 1, 0)]) };
    Part::hold(&sold, &mut shelf, act(3)).unwrap();
    assert!(held.confirm(&mut shelf, act(4)).unwrap(), "less is there now than it left");

    let mut late = Part::hold(&hold(&[("CUP", 1, 0)]), &mut shelf, act(5)).unwrap();
    late.expire(&mut shelf, act(900)).unwrap();
    assert!(late.confirm(&mut shelf, act(901)).unwrap());
    assert_eq!(left(&shelf).0, 0);
}

#[test]
fn a_promise_that_ran_out_takes_what_others_keep_back_rather_than_nothing() {
    let mut shelf = shelf(5, 0);
    let mut late = Part::hold(&hold(&[("CUP", 3, 2)]), &mut shelf, act(2)).unwrap();
    late.expire(&mut shelf, act(900)).unwrap();
    Part::hold(&hold(&[("CUP", 2, 2)]), &mut shelf, act(901)).unwrap();
    assert!(late.confirm(&mut shelf, act(902)).unwrap(), "its order was booked meanwhile");
    assert_eq!(left(&shelf).0, 0);
}

/// What is kept back of cups, of pots and of sets by everybody who keeps anything back.
const KEPT: [(&str, i64); 3] = [("CUP", 3), ("POT", 1), ("SET", 2)];

#[derive(Debug, Clone)]
enum Step {
    /// Lines by item, whether they keep back what everybody does, and whether they are sold already.
    Hold {
        lines: Vec<(usize, i64)>,
        keeps: bool,
        fact: bool,
    },
    Confirm(usize),
    Release(usize),
    Expire(usize),
    Ship(usize, i64),
    Adjust(usize, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    let lines = prop::collection::vec((0..3_usize, 1..4_i64), 1..4);
    prop_oneof![
        4 => (lines, prop::bool::weighted(0.7), prop::bool::weighted(0.1))
            .prop_map(|(lines, keeps, fact)| Step::Hold { lines, keeps, fact }),
        2 => which.clone().prop_map(Step::Confirm),
        1 => which.clone().prop_map(Step::Release),
        1 => which.clone().prop_map(Step::Expire),
        1 => (which, 1..4_i64).prop_map(|(at, quantity)| Step::Ship(at, quantity)),
        1 => (0..2_usize, -4..6_i64).prop_map(|(sku, by)| Step::Adjust(sku, by)),
    ]
}

/// Does one step on copies; a rule that refuses leaves nothing behind. Answers true when it was done.
fn done(step: &Step, shelf: &mut Shelf, parts: &mut Vec<Part>, now: Act<'_>) -> bool {
    let (mut next, mut known) = (shelf.clone(), parts.clone());
    let count = known.len();
    let mut with = |at: usize, rule: &dyn Fn(&mut Part, &mut Shelf) -> bool| match known.get_mut(at % count.max(1)) {
        Some(part) => rule(part, &mut next),
        None => false,
    };
    let done = match step {
        Step::Hold { lines, keeps, fact } => {
            let asked = lines.iter().map(|(which, quantity)| {
                let (sku, kept) = KEPT[*which];
                (sku, *quantity, if *keeps && !*fact { kept } else { 0 })
            });
            let hold = Hold { allow_shortfall: *fact, ..hold(&asked.collect::<Vec<_>>()) };
            Part::hold(&hold, &mut next, now).map(|part| known.push(part)).is_ok()
        }
        Step::Confirm(at) => with(*at, &|part, shelf| part.confirm(shelf, now).is_ok()),
        Step::Release(at) => with(*at, &|part, shelf| part.release(shelf, now).is_ok()),
        Step::Expire(at) => with(*at, &|part, shelf| part.expire(shelf, act(900)).is_ok()),
        Step::Ship(at, quantity) => with(*at, &|part, shelf| {
            let lines = [("0".to_owned(), units(*quantity))].into();
            part.consume(&now.now.to_string(), &lines, shelf, now).is_ok()
        }),
        Step::Adjust(which, by) => {
            let moved = |stock: &mut Stock| stock.adjust(units(*by), now).map(|movement| ((), Some(movement)));
            next.with(KEPT[*which].0, moved).is_ok()
        }
    };
    if done {
        (*shelf, *parts) = (next, known);
    }
    done
}

proptest! {
    #[test]
    fn promises_that_keep_back_never_take_what_is_kept_and_all_others_do_as_before(
        steps in prop::collection::vec(step(), 1..60), cups in 0..25_i64, pots in 0..12_i64
    ) {
        let mut shelf = shelf(cups, pots);
        let mut parts: Vec<Part> = vec![];
        for (second, step) in (2_i64..).zip(&steps) {
            let before = (shelf.clone(), parts.clone());
            let went = done(step, &mut shelf, &mut parts, act(second));
            for sku in ["CUP", "POT"] {
                let row = shelf.row(sku).unwrap();
                row.check().unwrap();
                let standing = parts.iter().filter(|part| part.stands()).flat_map(|part| &part.lines);
                let goods = standing.flat_map(|line| line.goods(line.open()).unwrap());
                let promised: i64 = goods.filter(|(good, _)| good == sku).map(|(_, some)| some.millionths()).sum();
                prop_assert_eq!(row.reserved, promised, "{}: what is promised is what reservations hold", sku);
            }
            let (had_cups, had_pots) = left(&before.0);
            let (cups, pots) = left(&shelf);
            match step {
                Step::Hold { lines, keeps: true, fact: false } => {
                    let asks = |sku: &str| lines.iter().any(|(which, _)| KEPT[*which].0 == sku);
                    let of = |sku: &str| lines.iter().filter(|(which, _)| KEPT[*which].0 == sku).map(|(_, some)| *some).sum::<i64>();
                    let kept_cups = if asks("SET") { 4 } else if asks("CUP") { 3 } else { 0 };
                    let kept_pots = if asks("SET") { 2 } else if asks("POT") { 1 } else { 0 };
                    let (needs_cups, needs_pots) = (of("CUP") + 2 * of("SET"), of("POT") + of("SET"));
                    let fits = |had: i64, needs: i64, kept: i64| needs == 0 || had - needs >= kept;
                    let all_fit = fits(had_cups, needs_cups, kept_cups) && fits(had_pots, needs_pots, kept_pots);
                    prop_assert_eq!(went, all_fit, "it is promised exactly when all of it leaves what is kept back");
                    let took = if went { (needs_cups, needs_pots) } else { (0, 0) };
                    prop_assert_eq!((had_cups - cups, had_pots - pots), took);
                }
                Step::Hold { keeps: false, .. } | Step::Hold { fact: true, .. } | Step::Adjust(..) => {}
                // Of what is kept back nothing goes but by a promise that comes back late.
                Step::Confirm(at) if before.1.get(at % before.1.len().max(1)).is_some_and(|part| part.state() == State::Expired) => {}
                Step::Confirm(_) | Step::Release(_) | Step::Expire(_) | Step::Ship(..) => {
                    prop_assert!(cups >= had_cups && pots >= had_pots, "{:?} takes nothing", step);
                }
            }
        }
    }
}
