//! Sourcing by table and by law.

use proptest::prelude::*;

use super::*;

const UNIT: i64 = 1_000_000;

fn line(number: i32, sku: &str, units: i64) -> Wanted {
    Wanted { number, sku: sku.into(), quantity: units * UNIT, location: String::new() }
}

fn named(number: i32, sku: &str, units: i64, location: &str) -> Wanted {
    Wanted { location: location.into(), ..line(number, sku, units) }
}

fn place(location: &str, stock: &[(&str, i64)]) -> Candidate {
    Candidate {
        location: location.into(),
        available: stock.iter().map(|(sku, units)| ((*sku).to_owned(), units * UNIT)).collect(),
        kept_back: 0,
        reach: Some(Reach { cost: 100, distance_km: 10 }),
        ship_day: "2024-03-01".into(),
        delayed: String::new(),
        taken: None,
        rejected: false,
    }
}

fn terms(split_limit: usize, backorder_at: Option<&str>) -> Terms {
    Terms {
        policy: "default".into(),
        version: "1".into(),
        prefer: vec![Criterion::ShipDay, Criterion::Cost, Criterion::Distance],
        split_limit,
        parts: None,
        backorder_at: backorder_at.map(String::from),
        zone: "gb".into(),
    }
}

/// `line number -> place` and what is told of each candidate.
fn told(decision: &Decision) -> String {
    let lines = decision.lines.iter().map(|line| {
        let waits = if line.backordered > 0 { format!(" ({} waits)", line.backordered / UNIT) } else { String::new() };
        format!("{} {}{waits}", line.number, line.location)
    });
    let candidates = decision.candidates.iter().map(|one| format!("{} {:?}: {}", one.location, one.verdict(), one.why));
    let head = [format!("{:?}: {}", decision.outcome(), decision.why)];
    head.into_iter().chain(lines).chain(candidates).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_cheapest_place_that_has_everything_ships_the_whole_order() {
    let mut dear = place("DEAR", &[("A", 9), ("B", 9)]);
    dear.reach = Some(Reach { cost: 300, distance_km: 1 });
    let candidates = [dear, place("SHORT", &[("A", 9), ("B", 1)]), place("CHEAP", &[("A", 2), ("B", 3)])];
    let decision = decide(&[line(1, "A", 2), line(2, "B", 3)], &candidates, &terms(2, None), 7);
    insta::assert_snapshot!(told(&decision), @r"
    Whole: CHEAP ships the whole order: it goes before 1 more that could
    1 CHEAP
    2 CHEAP
    DEAR Outranked: has everything; CHEAP goes first: it costs 100, this one 300
    SHORT LacksStock: has 1 of 2 lines; lacks B: 3 needed, 1 there
    CHEAP Chosen: ships lines 1, 2 on 2024-03-01
    ");
    assert_eq!((decision.policy.as_str(), decision.version.as_str(), decision.at), ("default", "1", 7));
}

#[test]
fn an_order_that_no_single_place_can_fill_is_split_when_stock_suffices_over_several() {
    let candidates = [place("ONE", &[("A", 5)]), place("TWO", &[("B", 5)]), place("THREE", &[("C", 5)])];
    let wanted = [line(1, "A", 5), line(2, "C", 1)];
    insta::assert_snapshot!(told(&decide(&wanted, &candidates, &terms(2, None), 0)), @r"
    Split: ONE ships line 1, THREE ships line 2: no single place has everything
    1 ONE
    2 THREE
    ONE Chosen: ships line 1 on 2024-03-01
    TWO LacksStock: has 0 of 2 lines; lacks A: 5 needed, 0 there; C: 1 needed, 0 there
    THREE Chosen: ships line 2 on 2024-03-01
    ");
    let refused = decide(&wanted, &candidates, &terms(1, None), 0);
    insta::assert_snapshot!(told(&refused), @r"
    Refused: not everything is there within one place, and the policy lets nothing wait
    ONE LacksStock: has 1 of 2 lines; lacks C: 1 needed, 0 there
    TWO LacksStock: has 0 of 2 lines; lacks A: 5 needed, 0 there; C: 1 needed, 0 there
    THREE LacksStock: has 1 of 2 lines; lacks A: 5 needed, 0 there
    ");
}

#[test]
fn fewer_parcels_go_before_better_places() {
    let mut far = place("FAR", &[("A", 1), ("B", 1), ("C", 1)]);
    far.reach = Some(Reach { cost: 900, distance_km: 500 });
    let candidates = [place("NEAR", &[("A", 1), ("B", 1)]), place("NEXT", &[("C", 1)]), far];
    let decision = decide(&[line(1, "A", 1), line(2, "B", 1), line(3, "C", 1)], &candidates, &terms(3, None), 0);
    assert_eq!(decision.why, "FAR ships the whole order: no other place can");
}

#[test]
fn two_lines_of_one_item_are_not_given_the_same_pieces() {
    let candidates = [place("ONE", &[("A", 3)]), place("TWO", &[("A", 2)])];
    let wanted = [line(1, "A", 2), line(2, "A", 2)];
    insta::assert_snapshot!(told(&decide(&wanted, &candidates, &terms(2, None), 0)), @r"
    Split: ONE ships line 1, TWO ships line 2: no single place has everything
    1 ONE
    2 TWO
    ONE Chosen: ships line 1 on 2024-03-01
    TWO Chosen: ships line 2 on 2024-03-01
    ");
}

#[test]
fn safety_stock_capacity_reach_and_cut_off_are_told_with_their_numbers() {
    let kept = Candidate { kept_back: 2 * UNIT, ..place("KEPT", &[("A", 3)]) };
    let full = Candidate { taken: Some((20, 20)), ..place("FULL", &[("A", 9)]) };
    let abroad = Candidate { reach: None, ..place("ABROAD", &[("A", 9)]) };
    let late = Candidate {
        ship_day: "2024-03-02".into(),
        delayed: "its cut-off of today has passed".into(),
        ..place("LATE", &[("A", 9)])
    };
    let roomy = Candidate { taken: Some((19, 20)), ..place("ROOMY", &[("A", 9)]) };
    let candidates = [kept, full, abroad, late, roomy];
    insta::assert_snapshot!(told(&decide(&[line(1, "A", 2)], &candidates, &terms(1, None), 0)), @r"
    Whole: ROOMY ships the whole order: it goes before 1 more that could
    1 ROOMY
    KEPT LacksStock: has 0 of 1 lines; lacks A: 2 needed, 3 there, 2 kept back
    FULL AtCapacity: has 20 orders for 2024-03-01, and can take 20 a day
    ABROAD OutOfReach: does not ship to zone gb
    LATE Outranked: has everything; ROOMY goes first: it ships on 2024-03-01, this one on 2024-03-02
    ROOMY Chosen: ships line 1 on 2024-03-01
    ");
    insta::assert_snapshot!(told(&decide(&[line(1, "A", 2)], &candidates[..4], &terms(1, None), 0)), @r"
    Whole: LATE ships the whole order: no other place can
    1 LATE
    KEPT LacksStock: has 0 of 1 lines; lacks A: 2 needed, 3 there, 2 kept back
    FULL AtCapacity: has 20 orders for 2024-03-01, and can take 20 a day
    ABROAD OutOfReach: does not ship to zone gb
    LATE Chosen: ships line 1 on 2024-03-02 (its cut-off of today has passed)
    ");
}

#[test]
fn what_lacks_waits_and_the_rest_ships_within_the_limit() {
    let candidates = [place("HOME", &[("A", 1), ("B", 1)]), place("ONE", &[("C", 5)]), place("TWO", &[("D", 5)])];
    let wanted = [line(1, "A", 4), line(2, "B", 1), line(3, "C", 5), line(4, "D", 5)];
    insta::assert_snapshot!(told(&decide(&wanted, &candidates, &terms(2, Some("HOME")), 0)), @r"
    Backorder: HOME ships lines 1, 2, 4, ONE ships line 3: not everything is there within 2 places; waiting for stock at HOME: lines 1, 4
    1 HOME (3 waits)
    2 HOME
    3 ONE
    4 HOME (5 waits)
    HOME Chosen: ships line 2 on 2024-03-01, lines 1, 4 when stock comes
    ONE Chosen: ships line 3 on 2024-03-01
    TWO LacksStock: has 1 of 4 lines; lacks A: 4 needed, 0 there; B: 1 needed, 0 there; C: 5 needed, 0 there
    ");
    insta::assert_snapshot!(told(&decide(&wanted, &candidates, &terms(1, Some("HOME")), 0)), @r"
    Backorder: HOME ships lines 1, 2, 3, 4: not everything is there within one place; waiting for stock at HOME: lines 1, 3, 4
    1 HOME (3 waits)
    2 HOME
    3 HOME (5 waits)
    4 HOME (5 waits)
    HOME Chosen: ships line 2 on 2024-03-01, lines 1, 3, 4 when stock comes
    ONE LacksStock: has 1 of 4 lines; lacks A: 4 needed, 0 there; B: 1 needed, 0 there; D: 5 needed, 0 there
    TWO LacksStock: has 1 of 4 lines; lacks A: 4 needed, 0 there; B: 1 needed, 0 there; C: 5 needed, 0 there
    ");
}

#[test]
fn a_line_keeps_the_place_that_the_order_names() {
    let candidates = [place("ONE", &[("A", 2), ("B", 2)]), place("TWO", &[("A", 9), ("B", 9)])];
    // Two of A at ONE are named, so that the third line of A finds none there.
    let wanted = [named(1, "A", 2, "ONE"), line(2, "B", 2), line(3, "A", 1)];
    insta::assert_snapshot!(told(&decide(&wanted, &candidates, &terms(2, None), 0)), @r"
    Split: ONE ships line 1, TWO ships lines 2, 3: the order names places itself
    1 ONE
    2 TWO
    3 TWO
    ONE Chosen: ships line 1 on 2024-03-01
    TWO Chosen: ships lines 2, 3 on 2024-03-01
    ");
    let decision = decide(&wanted[..2], &candidates, &terms(1, None), 0);
    assert_eq!(decision.why, "ONE ships the whole order: it goes before 1 more that could");
}

fn orders() -> impl Strategy<Value = (Vec<Wanted>, Vec<Candidate>, Terms)> {
    let sku = || prop_oneof![Just("A"), Just("B"), Just("C"), Just("D")];
    let spot = || prop_oneof![6 => Just(""), 1 => Just("P0"), 1 => Just("P1"), 1 => Just("ELSEWHERE")];
    let lines = proptest::collection::vec((sku(), 1_i64..6, spot()), 1..8);
    let stock = proptest::collection::vec((sku(), 0_i64..9), 0..5);
    let places = proptest::collection::vec((stock, 0_i64..3, 0_i64..3, any::<bool>(), 0_u32..3), 1..7);
    (lines, places, 1_usize..4, any::<bool>()).prop_map(|(lines, places, limit, waits)| {
        let wanted =
            lines.iter().zip(1..).map(|((sku, units, spot), number)| named(number, sku, *units, spot)).collect();
        let candidates = places.iter().zip(0..).map(|((stock, kept, cost, reaches, taken), number)| Candidate {
            kept_back: kept * UNIT,
            reach: reaches.then_some(Reach { cost: *cost, distance_km: 1 }),
            taken: Some((*taken, 2)),
            ..place(&format!("P{number}"), stock)
        });
        (wanted, candidates.collect(), terms(limit, waits.then_some("P0")))
    })
}

proptest! {
    #[test]
    fn a_decision_holds_the_laws((wanted, candidates, terms) in orders()) {
        let decision = decide(&wanted, &candidates, &terms, 0);
        prop_assert_eq!(&decision, &decide(&wanted, &candidates, &terms, 0), "the same input, the same decision");
        if decision.outcome() == Outcome::Refused {
            prop_assert!(decision.lines.is_empty() && terms.backorder_at.is_none());
            return Ok(());
        }
        // Every line once, with all of its quantity, where the order says if it says so.
        let numbers: Vec<i32> = decision.lines.iter().map(|line| line.number).collect();
        prop_assert_eq!(numbers, wanted.iter().map(|line| line.number).collect::<Vec<_>>());
        for (line, asked) in decision.lines.iter().zip(&wanted) {
            prop_assert_eq!(line.quantity, asked.quantity);
            prop_assert!(line.backordered >= 0 && line.backordered <= line.quantity);
            prop_assert!(asked.location.is_empty() || line.location == asked.location);
            prop_assert_eq!(line.named, !asked.location.is_empty());
            // It is promised with what it was looked at with, unless the order or the goods ask for more than a look.
            let place = candidates.iter().find(|one| one.location == line.location);
            let kept = place.filter(|_| !line.named && decision.outcome() != Outcome::Backorder);
            prop_assert_eq!(line.kept_back, kept.map_or(0, |one| one.kept_back));
        }
        // Never more from a place than it may sell beyond what the order names there.
        for one in &candidates {
            for sku in ["A", "B", "C", "D"] {
                let of = |line: &&Assigned| wanted.iter().any(|asked| asked.number == line.number && asked.sku == sku);
                let here = decision.lines.iter().filter(|line| line.location == one.location).filter(of);
                let (chosen, named): (Vec<_>, Vec<_>) = here.partition(|line| !line.named);
                let taken: i64 = chosen.iter().map(|line| line.quantity - line.backordered).sum();
                let there = (one.available.get(sku).copied().unwrap_or(0) - one.kept_back).max(0);
                let left = there - named.iter().map(|line| line.quantity).sum::<i64>();
                prop_assert!(taken <= left.max(0), "{} of {} at {}", taken, sku, one.location);
                // Nothing is given to a place that cannot take it, but for what waits.
                let whole = chosen.iter().any(|line| line.backordered == 0);
                prop_assert!(!whole || (one.reach.is_some() && one.has_room()));
            }
        }
        // The limit holds, but for places that the order names itself.
        let all: BTreeSet<&str> = decision.lines.iter().map(|line| line.location.as_str()).collect();
        let names: BTreeSet<&str> = wanted.iter().map(|line| line.location.as_str()).filter(|place| !place.is_empty()).collect();
        let home = usize::from(terms.backorder_at.is_some() && names.len() >= terms.split_limit);
        prop_assert!(all.len() <= terms.split_limit.max(names.len() + home));
        let waits = decision.lines.iter().any(|line| line.backordered > 0);
        prop_assert_eq!(decision.outcome() == Outcome::Backorder, waits);
        prop_assert_eq!(decision.outcome() == Outcome::Whole, !waits && all.len() == 1);
        prop_assert_eq!(decision.candidates.len(), candidates.len());
    }

    #[test]
    fn what_fits_one_place_is_never_split_nor_left_waiting((wanted, candidates, terms) in orders()) {
        let free: Vec<Wanted> = wanted.into_iter().map(|line| Wanted { location: String::new(), ..line }).collect();
        let mut needed: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &free {
            *needed.entry(&line.sku).or_default() += line.quantity;
        }
        let could = |one: &Candidate| {
            let enough = |(sku, units): (&&str, &i64)| one.available.get(*sku).copied().unwrap_or(0) - one.kept_back >= *units;
            one.reach.is_some() && one.has_room() && needed.iter().all(enough)
        };
        let decision = decide(&free, &candidates, &terms, 0);
        prop_assert_eq!(decision.outcome() == Outcome::Whole, candidates.iter().any(could));
    }
}
