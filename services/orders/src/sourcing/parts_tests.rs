//! Lines over several places, by table and by law.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::decision::Outcome;
use crate::policy::{Criterion, Reach};
use crate::sourcing::{Candidate, Terms, decide};

fn line(number: i32, sku: &str, units: i64) -> Wanted {
    Wanted { number, sku: sku.into(), quantity: units * PIECE, location: String::new() }
}

fn place(location: &str, cost: i64, stock: &[(&str, i64)]) -> Candidate {
    Candidate {
        location: location.into(),
        available: stock.iter().map(|(sku, units)| ((*sku).to_owned(), units * PIECE)).collect(),
        kept_back: 0,
        reach: Some(Reach { cost, distance_km: 10 }),
        ship_day: "2024-03-01".into(),
        delayed: String::new(),
        taken: None,
        rejected: false,
    }
}

fn terms(split_limit: usize, parts: Parts) -> Terms {
    Terms {
        policy: "default".into(),
        version: "1".into(),
        prefer: vec![Criterion::Cost],
        split_limit,
        parts: Some(parts),
        backorder_at: None,
        zone: String::new(),
    }
}

fn any_parts(next: i32) -> Parts {
    Parts { line_limit: 3, least: PIECE, most_cost: None, next }
}

fn told(wanted: &[Wanted], candidates: &[Candidate], terms: &Terms) -> String {
    let made = decide(wanted, candidates, terms, 0);
    let lines = made.lines.iter().map(|line| {
        let from = if line.split_from == 0 { String::new() } else { format!(" of {}", line.split_from) };
        format!("{}{from}: {} from {}", line.number, line.quantity / PIECE, line.location)
    });
    let candidates = made.candidates.iter().map(|one| format!("{} {:?}: {}", one.location, one.verdict(), one.why));
    let head = [format!("{:?}: {}", made.outcome(), made.why)];
    head.into_iter().chain(lines).chain(candidates).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_line_that_no_single_place_can_fill_is_split_when_stock_suffices_over_several() {
    let candidates = [place("MAIN", 4, &[("A", 3), ("B", 9)]), place("SOHO", 3, &[("A", 2)])];
    insta::assert_snapshot!(told(&[line(1, "A", 5), line(2, "B", 1)], &candidates, &terms(2, any_parts(4))), @r"
    Split: MAIN ships lines 2, 1 (3 of 5), SOHO ships line 1 (2 of 5): whole lines alone do not suffice
    1: 2 from SOHO
    2: 1 from MAIN
    4 of 1: 3 from MAIN
    MAIN Chosen: ships lines 2, 1 (3 of 5) on 2024-03-01
    SOHO Chosen: ships line 1 (2 of 5) on 2024-03-01
    ");
}

#[test]
fn a_line_is_not_split_while_whole_lines_can_go_to_several_places() {
    let candidates =
        [place("ONE", 1, &[("A", 3)]), place("TWO", 2, &[("A", 2)]), place("FAR", 9, &[("A", 5), ("B", 1)])];
    let made = decide(&[line(1, "A", 5), line(2, "B", 1)], &candidates, &terms(2, any_parts(3)), 0);
    assert_eq!((made.outcome(), made.lines.len(), made.lines[0].location.as_str()), (Outcome::Whole, 2, "FAR"));
}

#[test]
fn each_place_is_asked_for_the_least_that_is_worth_a_parcel() {
    let candidates = [place("ONE", 1, &[("A", 5)]), place("TWO", 2, &[("A", 5)])];
    let two = Parts { least: 2 * PIECE, ..any_parts(2) };
    insta::assert_snapshot!(told(&[line(1, "A", 6)], &candidates, &terms(2, two)), @r"
    Split: ONE ships line 1 (4 of 6), TWO ships line 1 (2 of 6): whole lines alone do not suffice
    1: 4 from ONE
    2 of 1: 2 from TWO
    ONE Chosen: ships line 1 (4 of 6) on 2024-03-01
    TWO Chosen: ships line 1 (2 of 6) on 2024-03-01
    ");
    let four = Parts { least: 4 * PIECE, ..any_parts(2) };
    assert_eq!(decide(&[line(1, "A", 6)], &candidates, &terms(2, four), 0).outcome(), Outcome::Refused);
}

#[test]
fn parcels_that_cost_too_much_together_are_not_sent() {
    let candidates = [place("ONE", 300, &[("A", 3)]), place("TWO", 500, &[("A", 3)])];
    let upto = |most| Parts { most_cost: Some(most), ..any_parts(2) };
    assert_eq!(decide(&[line(1, "A", 6)], &candidates, &terms(2, upto(799)), 0).outcome(), Outcome::Refused);
    assert_eq!(decide(&[line(1, "A", 6)], &candidates, &terms(2, upto(800)), 0).outcome(), Outcome::Split);
}

#[test]
fn what_is_no_number_of_whole_pieces_is_never_split() {
    let candidates = [place("ONE", 1, &[("A", 3)]), place("TWO", 2, &[("A", 3)])];
    let metres = Wanted { quantity: 4 * PIECE + PIECE / 2, ..line(1, "A", 0) };
    assert_eq!(decide(&[metres], &candidates, &terms(2, any_parts(2)), 0).outcome(), Outcome::Refused);
}

#[test]
fn half_a_piece_that_is_left_somewhere_is_not_given_to_a_part() {
    let mut one = place("ONE", 1, &[]);
    one.available.insert("A".into(), 2 * PIECE + PIECE / 2);
    let candidates = [one, place("TWO", 2, &[("A", 1)]), place("THREE", 3, &[("A", 2)])];
    let made = decide(&[line(1, "A", 3)], &candidates, &terms(2, any_parts(2)), 0);
    let given: Vec<_> = made.lines.iter().map(|line| (line.location.as_str(), line.quantity / PIECE)).collect();
    assert_eq!(given, [("ONE", 2), ("TWO", 1)]);
}

fn orders() -> impl Strategy<Value = (Vec<Wanted>, Vec<Candidate>, Terms)> {
    let sku = || prop_oneof![Just("A"), Just("B"), Just("C")];
    let lines = prop::collection::vec((sku(), 1_i64..7), 1..6);
    let stock = prop::collection::vec((sku(), 0_i64..9), 0..4);
    let places = prop::collection::vec((stock, 0_i64..3, 1_i64..5, any::<bool>()), 1..7);
    let limits = (1_usize..4, 2_usize..4, 1_i64..4, prop::option::of(0_i64..12));
    (lines, places, limits).prop_map(|(lines, places, (limit, line_limit, least, most_cost))| {
        let wanted: Vec<Wanted> =
            lines.iter().zip(1..).map(|((sku, units), number)| line(number, sku, *units)).collect();
        let candidates = places.iter().zip(0..).map(|((stock, kept, cost, reaches), number)| {
            let one = place(&format!("P{number}"), *cost, stock);
            Candidate { kept_back: kept * PIECE, reach: one.reach.filter(|_| *reaches), ..one }
        });
        let parts = Parts { line_limit, least: least * PIECE, most_cost, next: 10 };
        (wanted, candidates.collect(), terms(limit, parts))
    })
}

proptest! {
    #[test]
    fn parts_hold_the_laws((wanted, candidates, terms) in orders()) {
        let made = decide(&wanted, &candidates, &terms, 0);
        prop_assert_eq!(&made, &decide(&wanted, &candidates, &terms, 0), "the same input, the same decision");
        let whole = decide(&wanted, &candidates, &Terms { parts: None, ..terms.clone() }, 0);
        if whole.outcome() != Outcome::Refused {
            prop_assert_eq!(&made, &whole, "lines are split only when nothing else helps");
        }
        if made.outcome() == Outcome::Refused {
            return Ok(());
        }
        let rules = terms.parts.as_ref().unwrap();
        let mut numbers = BTreeSet::new();
        prop_assert!(made.lines.iter().all(|given| numbers.insert(given.number)), "each has a number of its own");
        for asked in &wanted {
            let of = |given: &&Assigned| given.number == asked.number || given.split_from == asked.number;
            let parts: Vec<&Assigned> = made.lines.iter().filter(of).collect();
            prop_assert_eq!(parts.iter().map(|part| part.quantity).sum::<i64>(), asked.quantity, "the parts are the line");
            prop_assert_eq!(parts.iter().filter(|part| part.number == asked.number).count(), 1, "one keeps its number");
            prop_assert!(parts.len() <= rules.line_limit);
            let places: BTreeSet<&str> = parts.iter().map(|part| part.location.as_str()).collect();
            prop_assert_eq!(places.len(), parts.len(), "no place is asked twice for a line");
            if parts.len() > 1 {
                prop_assert!(parts.iter().all(|part| part.of == asked.quantity && part.quantity >= rules.least));
                prop_assert!(parts.iter().all(|part| part.split_from == 0 || part.number >= rules.next));
            } else {
                prop_assert_eq!(parts[0].of, 0);
            }
        }
        let sku_of = |given: &Assigned| {
            let number = if given.split_from == 0 { given.number } else { given.split_from };
            wanted.iter().find(|asked| asked.number == number).map(|asked| asked.sku.as_str())
        };
        for one in &candidates {
            for sku in ["A", "B", "C"] {
                let here = made.lines.iter().filter(|given| given.location == one.location && sku_of(given) == Some(sku));
                let taken: i64 = here.map(|given| given.quantity).sum();
                let there = (one.available.get(sku).copied().unwrap_or(0) - one.kept_back).max(0);
                prop_assert!(taken <= there, "{} of {} at {}", taken, sku, one.location);
                prop_assert!(taken == 0 || one.reach.is_some());
            }
        }
        let places: BTreeSet<&str> = made.lines.iter().map(|given| given.location.as_str()).collect();
        prop_assert!(places.len() <= terms.split_limit);
        if made.lines.iter().any(|given| given.split_from != 0) {
            let used = candidates.iter().filter(|one| places.contains(one.location.as_str()));
            let cost: i64 = used.map(|one| one.reach.unwrap().cost).sum();
            prop_assert!(rules.most_cost.is_none_or(|most| cost <= most));
        }
    }

    #[test]
    fn no_sale_is_lost_while_stock_suffices_over_as_many_places_as_are_allowed((wanted, candidates, terms) in orders()) {
        let terms = Terms { parts: Some(any_parts(10)), split_limit: 3, ..terms };
        let mut needed: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &wanted {
            *needed.entry(&line.sku).or_default() += line.quantity;
        }
        let open: Vec<&Candidate> = candidates.iter().filter(|one| one.reach.is_some()).collect();
        let has = |set: &[&Candidate]| needed.iter().all(|(sku, needed)| {
            let there = set.iter().map(|one| (one.available.get(*sku).copied().unwrap_or(0) - one.kept_back).max(0));
            there.sum::<i64>() >= *needed
        });
        let mut suffices = false;
        for (first, one) in open.iter().enumerate() {
            for (second, two) in open.iter().enumerate().skip(first) {
                for three in open.iter().skip(second) {
                    let set: BTreeMap<&str, &Candidate> =
                        [one, two, three].into_iter().map(|one| (one.location.as_str(), *one)).collect();
                    suffices = suffices || has(&set.into_values().collect::<Vec<_>>());
                }
            }
        }
        let made = decide(&wanted, &candidates, &terms, 0);
        prop_assert_eq!(made.outcome() != Outcome::Refused, suffices);
    }
}
