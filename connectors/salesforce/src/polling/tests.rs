use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const OVERLAP: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_440_000 + second).unwrap()
}

fn mark(second: i64, id: &str) -> Mark {
    Mark { at: at(second), id: id.to_owned() }
}

#[test]
fn a_cursor_reads_back_and_a_strange_one_is_refused() {
    let made = Cursor::now(at(0)).next(mark(0, "a"), at(0).as_second(), true, at(0), OVERLAP);
    assert_eq!(Cursor::read(&made.write()).unwrap(), made);
    for strange in ["x", "", &URL_SAFE_NO_PAD.encode(r#"{"newest":{"at":"'; --","id":""}}"#)] {
        assert!(Cursor::read(strange).is_err(), "{strange}");
    }
}

#[test]
fn a_sweep_goes_on_exactly_where_its_page_ended() {
    let cursor = Cursor::now(at(0)).next(mark(5, "b"), at(6).as_second(), true, at(7), OVERLAP);
    assert_eq!(cursor.start(at(500), OVERLAP), (mark(5, "b"), at(6).as_second()));
}

#[test]
fn the_sweep_after_the_end_begins_earlier_by_the_overlap_and_by_what_the_last_one_took() {
    let ended = Cursor::now(at(0)).next(mark(100, "b"), at(70).as_second(), false, at(110), OVERLAP);
    assert_eq!(ended.start(at(9_999), OVERLAP).0, mark(100 - 60 - 40, ""));
}

#[test]
fn only_a_sweep_that_began_after_the_quiet_time_settles_the_end() {
    let ended = Cursor::now(at(0)).next(mark(100, "b"), at(100).as_second(), false, at(100), OVERLAP);
    let soon = ended.next(mark(100, "b"), at(160).as_second(), false, at(200), OVERLAP);
    assert_eq!(soon.start(at(200), OVERLAP).0, mark(40, ""), "what came at 160 was not read again yet");
    let late = soon.next(mark(100, "b"), at(161).as_second(), false, at(161), OVERLAP);
    assert_eq!(late.start(at(300), OVERLAP).0, mark(100, "b"));
    let moved = late.next(mark(250, "c"), at(300).as_second(), false, at(300), OVERLAP);
    assert_eq!(moved.start(at(301), OVERLAP).0, mark(190, ""));
}

#[test]
fn a_question_breaks_ties_by_id_and_asks_for_one_more() {
    let soql = changed_after("Id", &mark(0, "500A"), 2);
    assert_eq!(
        soql,
        "SELECT Id FROM Case WHERE SystemModstamp >= 2026-11-23T13:20:00Z AND (SystemModstamp > 2026-11-23T13:20:00Z OR \
         Id > '500A') ORDER BY SystemModstamp, Id LIMIT 3"
    );
    assert!(!changed_after("Id", &mark(0, ""), 2).contains(" OR "));
}

/// A change: its stamp, how much later it is seen, and its case.
fn changes() -> impl Strategy<Value = Vec<(i64, i64, u8)>> {
    proptest::collection::vec((0_i64..300, 0_i64..60, 0_u8..20), 1..60)
}

proptest! {
    /// Whatever is seen late by no more than the overlap, at whatever pace and page size it is polled: nothing is lost.
    #[test]
    fn no_change_is_ever_left_out(changes in changes(), pauses in proptest::collection::vec(0_i64..200, 5..30), limit in 1_usize..5) {
        let mut cursor = Cursor::now(at(0));
        let mut given = BTreeSet::new();
        let mut now = 0;
        let ends = [1_000; 200];
        for pause in pauses.iter().copied().chain(ends) {
            now += pause;
            let (after, began) = cursor.start(at(now), OVERLAP);
            let mut seen: Vec<(Mark, i64)> = changes
                .iter()
                .filter(|(stamp, late, _)| stamp + late <= now)
                .map(|(stamp, late, case)| (mark(*stamp, &format!("{case}-{late}")), *stamp))
                .filter(|(mark, _)| *mark > after)
                .collect();
            seen.sort();
            let more = seen.len() > limit;
            seen.truncate(limit);
            let place = seen.last().map_or(after, |(mark, _)| mark.clone());
            given.extend(seen.into_iter().map(|(mark, _)| mark));
            cursor = cursor.next(place, began, more, at(now), OVERLAP);
        }
        let all: BTreeSet<Mark> = changes.iter().map(|(stamp, late, case)| mark(*stamp, &format!("{case}-{late}"))).collect();
        prop_assert_eq!(given, all);
        prop_assert!(cursor.settled);
    }
}
