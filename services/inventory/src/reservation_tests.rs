//! Facts about reservations.

use proptest::prelude::*;

use super::*;
use crate::stock::{Counter, Stock};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn act(second: i64) -> Act<'static> {
    Act { cause: "o-1", happened_at: at(second), now: at(second) }
}

fn units(units: i64) -> Quantity {
    Quantity::whole(units).unwrap()
}

fn shelf(rows: &[(&str, i64)]) -> Shelf {
    Shelf::new(
        "MAIN",
        rows.iter().map(|(sku, on_hand)| {
            let mut stock = Stock::empty("MAIN", sku);
            stock.count(units(*on_hand), "erp", Counter::Books, act(1)).unwrap();
            stock
        }),
    )
}

fn ask(line_id: &str, sku: &str, quantity: i64) -> Ask {
    let (line_id, sku, unit) = (line_id.to_owned(), sku.to_owned(), String::new());
    Ask { line_id, sku, quantity: units(quantity), unit, keep_back: Quantity::ZERO, place: 0, components: vec![] }
}

fn hold(lines: &[(&str, &str, i64)]) -> Hold {
    Hold {
        reservation_id: "o-1".into(),
        lines: lines.iter().map(|(id, sku, q)| ask(id, sku, *q)).collect(),
        expires_at: at(900),
        allow_shortfall: false,
        sold_by_channel: String::new(),
        digest: vec![],
        attempt: 0,
    }
}

fn shipped(lines: &[(&str, i64)]) -> BTreeMap<String, Quantity> {
    lines.iter().map(|(id, q)| ((*id).to_owned(), units(*q))).collect()
}

#[test]
fn two_lines_of_one_item_share_what_is_there() {
    let mut shelf = shelf(&[("A", 5)]);
    let refused = Part::hold(&hold(&[("1", "A", 3), ("2", "A", 3)]), &mut shelf, act(2)).unwrap_err();
    let ReservationError::Lacking(lacking) = refused else { panic!("{refused}") };
    let (line_id, sku) = ("2".into(), "A".into());
    let (quantity, available, kept_back) = (units(3), units(2), units(0));
    assert_eq!(lacking, [Lacking { line_id, sku, quantity, available, kept_back, expected_at: None }]);
}

#[test]
fn one_missing_line_promises_nothing() {
    let mut shelf = shelf(&[("A", 5), ("B", 0)]);
    Part::hold(&hold(&[("1", "A", 3), ("2", "B", 1)]), &mut shelf, act(2)).unwrap_err();
    assert_eq!(shelf.sellable("A"), units(5));
    assert!(shelf.movements().is_empty());
}

#[test]
fn sold_goods_that_are_not_there_become_a_shortfall() {
    let mut shelf = shelf(&[("A", 5)]);
    let hold = Hold { allow_shortfall: true, ..hold(&[("1", "A", 3), ("2", "A", 3)]) };
    let part = Part::hold(&hold, &mut shelf, act(2)).unwrap();
    assert_eq!(part.lines.iter().map(|line| line.shortfall).collect::<Vec<_>>(), [0, units(1).millionths()]);
}

#[test]
fn lines_that_are_given_back_count_once_and_the_rest_stays_promised() {
    let mut shelf = shelf(&[("A", 5), ("B", 2)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3), ("2", "B", 2)]), &mut shelf, act(2)).unwrap();
    let back = shipped(&[("1", 2)]);
    assert!(part.release_lines("r-1", &back, &mut shelf, act(3)).unwrap());
    assert!(!part.release_lines("r-1", &back, &mut shelf, act(4)).unwrap());
    assert_eq!((part.state(), part.ends_at()), (State::Held, Some(at(900))), "the rest is not lasting");
    assert_eq!((shelf.sellable("A"), shelf.sellable("B")), (units(4), units(0)));
    let other = part.release_lines("r-1", &shipped(&[("1", 1)]), &mut shelf, act(5)).unwrap_err();
    assert_eq!(other, ReservationError::ReleaseDiffers("r-1".into()));
    let more = part.release_lines("r-2", &back, &mut shelf, act(5)).unwrap_err();
    insta::assert_snapshot!(more, @"line 1 of reservation o-1 has 1 left, 2 cannot be taken off it");
}

#[test]
fn a_reservation_ends_with_its_last_line_by_what_became_of_it() {
    let mut shelf = shelf(&[("A", 5), ("B", 2)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3), ("2", "B", 2)]), &mut shelf, act(2)).unwrap();
    part.confirm(&mut shelf, act(3)).unwrap();
    part.consume("s-1", &shipped(&[("1", 3)]), &mut shelf, act(4)).unwrap();
    part.release_lines("r-1", &shipped(&[("2", 2)]), &mut shelf, act(5)).unwrap();
    assert_eq!((part.state(), shelf.sellable("B")), (State::Consumed, units(2)));
    let mut other = Part::hold(&hold(&[("1", "B", 2)]), &mut shelf, act(6)).unwrap();
    other.release_lines("r-1", &shipped(&[("1", 2)]), &mut shelf, act(7)).unwrap();
    assert_eq!((other.state(), shelf.sellable("B")), (State::Released, units(2)));
}

#[test]
fn what_was_given_back_after_expiry_is_not_taken_again_by_a_late_confirmation() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.expire(&mut shelf, act(900)).unwrap();
    part.release_lines("r-1", &shipped(&[("1", 1)]), &mut shelf, act(901)).unwrap();
    part.confirm(&mut shelf, act(902)).unwrap();
    assert_eq!(shelf.sellable("A"), units(3));
}

#[test]
fn an_expired_promise_is_taken_again_by_its_confirmation_when_the_goods_are_there() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    assert!(!part.expire(&mut shelf, act(899)).unwrap());
    assert!(part.expire(&mut shelf, act(900)).unwrap());
    assert_eq!(shelf.sellable("A"), units(5));
    assert!(part.confirm(&mut shelf, act(901)).unwrap());
    assert_eq!((part.state(), shelf.sellable("A")), (State::Confirmed, units(2)));
}

#[test]
fn an_expired_promise_whose_goods_are_gone_is_not_confirmed() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.expire(&mut shelf, act(900)).unwrap();
    let other = Hold { reservation_id: "o-2".into(), ..hold(&[("1", "A", 4)]) };
    Part::hold(&other, &mut shelf, act(901)).unwrap();
    assert!(matches!(part.confirm(&mut shelf, act(902)), Err(ReservationError::Lacking(_))));
    assert_eq!(part.state(), State::Expired);
}

#[test]
fn a_confirmed_promise_never_expires() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.confirm(&mut shelf, act(3)).unwrap();
    assert!(!part.expire(&mut shelf, act(9_000)).unwrap());
}

#[test]
fn a_shipment_counts_once_and_the_rest_can_be_released() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.confirm(&mut shelf, act(3)).unwrap();
    assert!(part.consume("s-1", &shipped(&[("1", 2)]), &mut shelf, act(4)).unwrap());
    assert!(!part.consume("s-1", &shipped(&[("1", 2)]), &mut shelf, act(5)).unwrap());
    assert!(part.release(&mut shelf, act(6)).unwrap());
    let row = shelf.row("A").unwrap();
    assert_eq!((row.on_hand, row.available, row.reserved), (3_000_000, 3_000_000, 0));
}

#[test]
fn more_than_promised_cannot_be_shipped() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.confirm(&mut shelf, act(3)).unwrap();
    let refused = part.consume("s-1", &shipped(&[("1", 4)]), &mut shelf, act(4)).unwrap_err();
    insta::assert_snapshot!(refused, @"line 1 of reservation o-1 has 3 left, 4 cannot be taken off it");
}

#[test]
fn the_same_shipment_with_other_content_is_refused() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.confirm(&mut shelf, act(3)).unwrap();
    part.consume("s-1", &shipped(&[("1", 2)]), &mut shelf, act(4)).unwrap();
    let refused = part.consume("s-1", &shipped(&[("1", 1)]), &mut shelf, act(5)).unwrap_err();
    assert_eq!(refused, ReservationError::ShipmentDiffers("s-1".into()));
}

#[test]
fn a_fully_shipped_reservation_has_nothing_to_release() {
    let mut shelf = shelf(&[("A", 5)]);
    let mut part = Part::hold(&hold(&[("1", "A", 3)]), &mut shelf, act(2)).unwrap();
    part.confirm(&mut shelf, act(3)).unwrap();
    part.consume("s-1", &shipped(&[("1", 3)]), &mut shelf, act(4)).unwrap();
    assert_eq!(part.state(), State::Consumed);
    assert!(!part.release(&mut shelf, act(5)).unwrap());
}

#[derive(Debug, Clone)]
enum Command {
    Hold { id: usize, lines: Vec<(usize, i64)>, fact: bool },
    Confirm(usize),
    Release(usize),
    Expire(usize),
    Consume { id: usize, key: u8, line: usize, quantity: i64 },
    GiveBack { id: usize, key: u8, line: usize, quantity: i64 },
    Adjust(usize, i64),
}

fn command() -> impl Strategy<Value = Command> {
    let id = 0..6_usize;
    prop_oneof![
        3 => (id.clone(), prop::collection::vec((0..3_usize, 1..6_i64), 1..5), prop::bool::weighted(0.2))
            .prop_map(|(id, lines, fact)| Command::Hold { id, lines, fact }),
        2 => id.clone().prop_map(Command::Confirm),
        1 => id.clone().prop_map(Command::Release),
        1 => id.clone().prop_map(Command::Expire),
        3 => (id.clone(), 0..4_u8, 0..4_usize, 1..6_i64)
            .prop_map(|(id, key, line, quantity)| Command::Consume { id, key, line, quantity }),
        2 => (id, 0..4_u8, 0..4_usize, 1..6_i64)
            .prop_map(|(id, key, line, quantity)| Command::GiveBack { id, key, line, quantity }),
        1 => (0..3_usize, -4..6_i64).prop_map(|(sku, by)| Command::Adjust(sku, by)),
    ]
}

const SKUS: [&str; 3] = ["A", "B", "C"];

fn attempt(shelf: &mut Shelf, parts: &mut BTreeMap<usize, Part>, command: &Command, second: i64) -> bool {
    let act = act(second);
    match command {
        Command::Hold { id, lines, fact } => {
            if parts.contains_key(id) {
                return false;
            }
            let lines: Vec<_> = lines.iter().enumerate().map(|(n, (sku, q))| (n.to_string(), SKUS[*sku], *q)).collect();
            let lines: Vec<_> = lines.iter().map(|(n, sku, q)| (n.as_str(), *sku, *q)).collect();
            let hold = Hold { allow_shortfall: *fact, expires_at: at(1), ..hold(&lines) };
            Part::hold(&hold, shelf, act).map(|part| parts.insert(*id, part)).is_ok()
        }
        Command::Confirm(id) => parts.get_mut(id).is_some_and(|part| part.confirm(shelf, act).is_ok()),
        Command::Release(id) => parts.get_mut(id).is_some_and(|part| part.release(shelf, act).is_ok()),
        Command::Expire(id) => parts.get_mut(id).is_some_and(|part| part.expire(shelf, act).is_ok()),
        Command::Consume { id, key, line, quantity } => parts.get_mut(id).is_some_and(|part| {
            part.consume(&key.to_string(), &shipped(&[(&line.to_string(), *quantity)]), shelf, act).is_ok()
        }),
        Command::GiveBack { id, key, line, quantity } => parts.get_mut(id).is_some_and(|part| {
            part.release_lines(&key.to_string(), &shipped(&[(&line.to_string(), *quantity)]), shelf, act).is_ok()
        }),
        Command::Adjust(sku, by) => {
            shelf.with(SKUS[*sku], |stock| stock.adjust(units(*by), act).map(|m| ((), Some(m)))).is_ok()
        }
    }
}

proptest! {
    #[test]
    fn any_life_of_reservations_keeps_the_law_and_never_oversells(
        commands in prop::collection::vec(command(), 1..120)
    ) {
        let mut shelf = shelf(&[("A", 8), ("B", 3), ("C", 0)]);
        let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
        for (second, command) in (2_i64..).zip(&commands) {
            let before = (shelf.clone(), parts.clone());
            let done = attempt(&mut shelf, &mut parts, command, second);
            if !done {
                (shelf, parts) = before.clone();
            }
            for sku in SKUS {
                let row = shelf.row(sku).unwrap();
                row.check().unwrap();
                let promised: i64 = parts
                    .values()
                    .filter(|part| matches!(part.state(), State::Held | State::Confirmed))
                    .flat_map(|part| part.lines.iter().filter(|line| line.sku == sku))
                    .map(|line| line.open().millionths())
                    .sum();
                prop_assert_eq!(row.reserved, promised, "what is promised is what open reservations hold");
                let short_before = before.0.row(sku).unwrap().shortfall;
                let fact = matches!(command, Command::Hold { fact: true, .. } | Command::Adjust(..));
                let again = matches!(command, Command::Confirm(id) if parts.get(id).is_some_and(|p| p.allow_shortfall));
                prop_assert!(fact || again || row.shortfall <= short_before, "only facts may promise what is not there");
            }
        }
    }
}
