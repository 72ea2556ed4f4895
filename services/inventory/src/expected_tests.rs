//! Facts about expected goods.

use super::*;
use crate::movement::Kind;
use crate::stock::Act;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn units(units: i64) -> Quantity {
    Quantity::whole(units).unwrap()
}

fn word(lines: &[(&str, i64)], expected_at: i64, as_of: i64) -> Word {
    Word {
        id: "po-1".into(),
        location: "MAIN".into(),
        source: Source::Purchase,
        lines: lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), units(*quantity))).collect(),
        expected_at: at(expected_at),
        as_of: at(as_of),
        come: BTreeMap::new(),
        ended: false,
        transit: false,
    }
}

fn said(lines: &[(&str, i64)]) -> Expected {
    let mut expected = Expected::default();
    assert!(expected.say(&word(lines, 100, 1)));
    expected
}

#[test]
fn the_newest_word_counts_in_whichever_order_words_come() {
    let mut expected = said(&[("A", 5)]);
    assert!(expected.say(&word(&[("A", 8)], 300, 3)));
    assert!(!expected.say(&word(&[("A", 1)], 200, 2)), "overtaken");
    assert_eq!(
        expected.coming("A").unwrap(),
        Coming { expected_id: "po-1".into(), quantity: 8_000_000, at: 300_000, transit: false }
    );
}

#[test]
fn the_same_word_again_is_no_new_version() {
    let mut expected = said(&[("A", 5)]);
    assert!(expected.say(&word(&[("A", 5)], 100, 1)));
    assert_eq!(expected.version, 1);
}

#[test]
fn what_has_come_is_not_expected_and_a_changed_order_does_not_forget_it() {
    let mut expected = said(&[("A", 5), ("B", 2)]);
    expected.arrive(&[("A".into(), units(2))]);
    assert_eq!(expected.rest(), [("A".into(), units(3)), ("B".into(), units(2))]);
    expected.say(&word(&[("B", 2)], 100, 2));
    assert_eq!(expected.rest(), [("B".into(), units(2))], "A was taken off the order");
    assert_eq!(expected.lines.iter().find(|line| line.sku == "A").unwrap().received, units(2).millionths());
}

#[test]
fn when_all_has_come_it_has_arrived_and_more_than_expected_is_no_less() {
    let mut expected = said(&[("A", 5)]);
    expected.arrive(&[("A".into(), units(7))]);
    assert_eq!((expected.standing(), expected.coming("A")), (Standing::Arrived, None));
}

#[test]
fn what_was_cancelled_is_not_expected_until_a_newer_word_says_so() {
    let mut expected = said(&[("A", 5)]);
    assert!(expected.cancel());
    assert!(!expected.cancel());
    assert_eq!(expected.coming("A"), None);
    assert!(!expected.say(&word(&[("A", 5)], 100, 1)), "the word that was cancelled comes a second time");
    assert!(expected.say(&word(&[("A", 5)], 100, 2)));
    assert!(expected.coming("A").is_some());
}

#[test]
fn it_is_late_when_its_time_has_passed_and_not_all_has_come() {
    let mut expected = said(&[("A", 5)]);
    assert!(!expected.late(at(100)) && expected.late(at(101)));
    expected.arrive(&[("A".into(), units(5))]);
    assert!(!expected.late(at(101)));
}

fn stock(coming: &[(&str, i64, i64)]) -> Stock {
    let mut stock = Stock::empty("MAIN", "A");
    for (id, quantity, second) in coming {
        let coming =
            Coming { expected_id: (*id).into(), quantity: quantity * 1_000_000, at: second * 1_000, transit: false };
        assert!(stock.expect(id, Some(coming)));
    }
    stock
}

#[test]
fn a_promise_has_the_date_at_which_enough_will_have_come() {
    let stock = stock(&[("po-2", 4, 200), ("po-1", 3, 100)]);
    let by = |missing| stock.expected_by(units(missing).millionths(), at(1));
    assert_eq!((by(3), by(4), by(7), by(8)), (Some(at(100)), Some(at(200)), Some(at(200)), None));
}

#[test]
fn whoever_is_short_already_is_served_first() {
    let mut stock = stock(&[("po-1", 3, 100), ("po-2", 4, 200)]);
    stock.promise(units(2), Kind::Reserve, Act { cause: "o-1", happened_at: at(1), now: at(1) }).unwrap();
    assert_eq!(stock.expected_by(units(2).millionths(), at(1)), Some(at(200)));
}

#[test]
fn what_is_late_gives_nobody_a_date() {
    let mut stock = stock(&[("po-1", 3, 100)]);
    assert_eq!(stock.expected_by(units(1).millionths(), at(101)), None);
    stock.expect("po-1", Some(Coming { expected_id: "po-1".into(), quantity: 3_000_000, at: 300_000, transit: false }));
    assert_eq!(stock.expected_by(units(1).millionths(), at(101)), Some(at(300)), "a new date was said");
    stock.expect("po-1", None);
    assert_eq!(stock.expected(), 0);
}
