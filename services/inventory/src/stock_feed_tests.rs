//! Facts about feeds of stock.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::movement::Kind;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn units(units: i64) -> Quantity {
    Quantity::whole(units).unwrap()
}

fn taking(rows: Rows) -> Taking {
    Taking { feed_id: "f-1".into(), rows, authority: "wms".into(), settled_through: 0 }
}

fn row(row: u64, sku: &str, quantity: i64, second: i64) -> Row {
    Row { row, sku: sku.into(), quantity: units(quantity), valid_at: at(second) }
}

fn shelf() -> Shelf {
    Shelf::new("MAIN", [])
}

fn take(mark: &mut FeedMark, rows: Rows, given: &[Row], shelf: &mut Shelf) -> Brought {
    mark.take(&taking(rows), given, shelf, at(1_000)).unwrap()
}

fn on_hand(shelf: &Shelf, sku: &str) -> i64 {
    shelf.row(sku).map_or(0, |row| row.on_hand / 1_000_000)
}

#[test]
fn rows_of_one_item_are_taken_in_in_their_order() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    let rows = [row(1, "A", 5, 10), row(2, "A", -2, 20), row(3, "A", 4, 30)];
    let brought = take(&mut mark, Rows::Deltas, &rows, &mut shelf);
    assert_eq!((on_hand(&shelf, "A"), brought.tally.applied, brought.faults.len()), (7, 3, 0));
}

#[test]
fn a_row_counts_once_however_often_it_comes() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    let rows = [row(1, "A", 5, 10), row(2, "A", -9, 20), row(3, "A", 1, 30)];
    let first = take(&mut mark, Rows::Deltas, &rows, &mut shelf);
    let again = take(&mut mark, Rows::Deltas, &rows, &mut shelf);
    assert_eq!((on_hand(&shelf, "A"), again.repeated, again.tally), (6, 3, first.tally));
    assert_eq!(again.faults, first.faults, "what did not go in is said again");
}

#[test]
fn a_bad_row_says_why_and_the_others_go_in() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    let rows = [row(1, "A", -5, 10), row(2, "B", 3, 10)];
    let brought = take(&mut mark, Rows::Deltas, &rows, &mut shelf);
    assert_eq!((on_hand(&shelf, "B"), brought.tally.applied, brought.tally.refused), (3, 1, 1));
    let fault = &brought.faults[0];
    assert_eq!((fault.row, fault.field.as_str(), fault.reason.as_str()), (1, "quantity", "NOT_ON_HAND"));
    insta::assert_snapshot!(
        fault.message,
        @"A at MAIN has 0 on hand, 5 cannot be taken away; send what came in first, or count the shelf"
    );
}

#[test]
fn a_count_that_was_overtaken_is_late_and_changes_nothing() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    let rows = [row(1, "A", 5, 20), row(2, "A", 9, 10), row(3, "A", 5, 20)];
    let brought = take(&mut mark, Rows::Counts, &rows, &mut shelf);
    assert_eq!(on_hand(&shelf, "A"), 5);
    assert_eq!(brought.tally, Tally { applied: 1, unchanged: 1, late: 1, refused: 0 });
    assert!(brought.faults[0].late && brought.faults[0].reason == "STALE_COUNT");
}

#[test]
fn a_movement_that_the_last_count_has_is_late() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    take(&mut mark, Rows::Counts, &[row(1, "A", 5, 20)], &mut shelf);
    let brought = take(&mut mark, Rows::Deltas, &[row(2, "A", 3, 20), row(3, "A", 1, 21)], &mut shelf);
    assert_eq!((on_hand(&shelf, "A"), brought.faults[0].reason.as_str()), (6, "LATE_MOVEMENT"));
}

#[test]
fn books_that_may_lack_a_receipt_of_ours_are_left_for_the_next_snapshot() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    let act = Act { cause: "r-1", happened_at: at(50), now: at(50) };
    shelf.with("A", |stock| Ok(((), Some(stock.receive(units(2), act)?)))).unwrap();
    let brought = take(&mut mark, Rows::Snapshot, &[row(1, "A", 0, 40)], &mut shelf);
    assert_eq!((on_hand(&shelf, "A"), brought.faults[0].reason.as_str()), (2, "COUNT_UNSETTLED"));
    take(&mut mark, Rows::Snapshot, &[row(2, "A", 2, 60)], &mut shelf);
    assert_eq!(on_hand(&shelf, "A"), 2);
}

#[test]
fn a_number_beyond_all_numbers_is_a_bad_row_and_no_defect() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    let huge = |number| Row { quantity: Quantity::from_millionths(i64::MAX - 1), ..row(number, "A", 0, 10) };
    let brought = take(&mut mark, Rows::Deltas, &[huge(1), huge(2), row(3, "B", 1, 10)], &mut shelf);
    assert_eq!((brought.tally.applied, brought.faults[0].reason.as_str()), (2, "BAD_ROW"));
}

#[test]
fn faults_that_the_feed_has_heard_of_are_forgotten_at_the_location() {
    let (mut mark, mut shelf) = (FeedMark::default(), shelf());
    take(&mut mark, Rows::Deltas, &[row(1, "A", -1, 10)], &mut shelf);
    let settled = Taking { settled_through: 1, ..taking(Rows::Deltas) };
    mark.take(&settled, &[row(2, "A", 1, 10)], &mut shelf, at(1_000)).unwrap();
    assert!(mark.faults.is_empty());
}

proptest! {
    /// Counts and movements of one system, each with its own time, in any order: what counts is the last count and what
    /// moved after it.
    #[test]
    fn rows_that_come_in_any_order_end_at_the_same_number(
        moves in prop::collection::vec((any::<bool>(), 1..50_i64), 1..20), shuffle in prop::collection::vec(any::<Index>(), 20)
    ) {
        let mut rows: Vec<(bool, Row)> = vec![];
        for ((count, quantity), second) in moves.iter().zip(10..) {
            rows.push((*count, row(0, "A", if *count { 1_000 + quantity } else { *quantity }, second)));
        }
        let last = rows.iter().rposition(|(count, _)| *count);
        let base = last.map_or(0, |place| rows[place].1.quantity.as_whole().unwrap());
        let later = rows.iter().skip(last.map_or(0, |place| place + 1)).filter(|(count, _)| !count);
        let expected: i64 = base + later.map(|(_, row)| row.quantity.as_whole().unwrap()).sum::<i64>();
        for (place, index) in shuffle.iter().enumerate().take(rows.len()) {
            let other = index.index(rows.len());
            rows.swap(place, other);
        }
        let mut shelf = shelf();
        for (count, row) in rows {
            let kind = if count { Rows::Counts } else { Rows::Deltas };
            take(&mut FeedMark::default(), kind, &[Row { row: 1, ..row }], &mut shelf);
        }
        prop_assert_eq!(on_hand(&shelf, "A"), expected);
        shelf.row("A").unwrap().check().unwrap();
        prop_assert!(shelf.movements().iter().all(|movement| matches!(movement.kind(), Kind::Count | Kind::Told)));
    }

    /// A feed cut anywhere, as often as it likes, and sent again from anywhere before the cut.
    #[test]
    fn a_feed_that_is_cut_and_sent_again_brings_what_it_would_have_brought(
        quantities in prop::collection::vec(-5..9_i64, 1..30), cuts in prop::collection::vec(any::<Index>(), 0..5)
    ) {
        let rows: Vec<Row> =
            quantities.iter().zip(1..).map(|(quantity, number)| row(number, "A", *quantity, 10)).collect();
        let (mut whole, mut there) = (FeedMark::default(), shelf());
        let expected = take(&mut whole, Rows::Deltas, &rows, &mut there);
        let (mut mark, mut shelf) = (FeedMark::default(), shelf());
        for cut in cuts {
            take(&mut mark, Rows::Deltas, &rows[..cut.index(rows.len())], &mut shelf);
        }
        let brought = take(&mut mark, Rows::Deltas, &rows, &mut shelf);
        prop_assert_eq!(brought.tally, expected.tally);
        prop_assert_eq!(brought.faults, expected.faults);
        prop_assert_eq!(on_hand(&shelf, "A"), on_hand(&there, "A"));
    }
}
