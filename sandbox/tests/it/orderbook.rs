//! The order book against the exact sums of the data set, and our own small book.

use std::path::PathBuf;

use proptest::prelude::*;
use retail_sandbox::orderbook::{Lack, OrderBook};

/// The data set, where it is.
fn data(file: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("WEFT_SHARED").map_or(root, PathBuf::from);
    let path = shared.join("data/online-retail").join(file);
    path.is_file().then_some(path)
}

#[test]
fn our_small_book_has_every_kind_of_dirt() {
    let book = OrderBook::small().unwrap();
    assert_eq!((book.orders.len(), book.cancellations.len()), (11, 5));
    assert_eq!(book.write_offs.len(), 1);
    assert_eq!(book.refused.len(), 1);
    assert!(book.refused[0].reason.contains("bad debt"));
    assert_eq!(book.report.rounded.len(), 1);
    assert!(book.orders.iter().any(|order| order.customer.is_none()));
}

#[test]
fn an_invoice_with_two_minutes_is_one_order_and_identical_lines_stay_two() {
    let book = OrderBook::small().unwrap();
    let lines = |number: &str| {
        book.orders.iter().find(|order| order.name.trim_start_matches('#') == number).unwrap().lines.len()
    };
    assert_eq!(lines("900002"), 2);
    assert_eq!(lines("900014"), 2);
}

#[test]
fn codes_that_differ_only_in_case_are_one_item_with_the_first_description() {
    let book = OrderBook::small().unwrap();
    let items: Vec<_> = book.seed.items.iter().filter(|item| item.sku.starts_with("10002")).collect();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].sku.as_str(), items[0].description.as_str()), ("10002A", "WOOL BLANKET"));
}

#[test]
fn the_first_day_adds_up_to_the_penny() {
    let Some(path) = data("day-2010-12-01.csv") else { return };
    let book = OrderBook::open(&path).unwrap();
    assert_eq!((book.report.orders, book.report.lines), (136, 3_081));
    assert_eq!(book.report.value, "58960.79");
    assert_eq!(book.write_offs.len(), 1);
    assert_eq!((book.cancellations.len(), book.report.cancellation_lines), (6, 26));
}

#[test]
fn the_whole_file_adds_up_to_the_penny() {
    let Some(path) = data("online-retail.csv.gz") else { return };
    let book = OrderBook::open(&path).unwrap();
    assert_eq!(book.report.orders, 20_725);
    assert_eq!(book.report.value, "10655622.48");
    assert_eq!(book.report.exact_value, "10655622.484");
    assert_eq!(book.cancellations.len(), 3_836);
    assert_eq!(book.refused.len(), 3);
}

#[test]
fn a_cancellation_calls_back_the_newest_purchase_first_and_says_what_was_never_bought() {
    let book = OrderBook::small().unwrap();
    let recalls = book.recalls();
    let of = |name: &str| recalls.iter().find(|recall| recall.name == name).unwrap();
    let taken = |name: &str| -> Vec<(String, i64)> {
        of(name).taken.iter().map(|taken| (taken.order.clone(), taken.quantity)).collect()
    };
    assert_eq!(taken("#C900005"), [("#900001".to_owned(), 1)]);
    // Three mugs of the later order, what is left of the earlier one, and its postage.
    let mugs = [("#900010".to_owned(), 3), ("#900001".to_owned(), 5), ("#900001".to_owned(), 1)];
    assert_eq!(taken("#C900016"), mugs);
    assert_eq!((of("#C900016").orders(), of("#C900016").value().to_string()), (2, "24.90".to_owned()));
    assert_eq!(taken("#C900017"), [("#900012".to_owned(), 144)]);
    let missing = |name: &str| -> Vec<(Lack, i64)> {
        of(name).missing.iter().map(|missing| (missing.lack, missing.quantity)).collect()
    };
    assert_eq!(missing("#C900017"), [(Lack::QuantityLeft, 56)]);
    assert_eq!(missing("#C900006"), [(Lack::NoEarlierPurchase, 1)]);
    assert_eq!(missing("#C900018"), [(Lack::NoCustomer, 1)]);
}

#[test]
fn of_the_first_day_one_cancelled_line_was_bought_before() {
    let Some(path) = data("day-2010-12-01.csv") else { return };
    let recalls = OrderBook::open(&path).unwrap().recalls();
    let taken: Vec<_> = recalls.iter().filter(|recall| !recall.taken.is_empty()).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].name.as_str(), taken[0].value().to_string()), ("#C536506", "25.50".to_owned()));
    assert_eq!(recalls.iter().map(|recall| recall.missing.len()).sum::<usize>(), 25);
}

#[test]
fn of_the_whole_file_7508_cancelled_lines_of_goods_were_bought_before_and_1031_were_not() {
    let Some(path) = data("online-retail.csv.gz") else { return };
    let book = OrderBook::open(&path).unwrap();
    let recalls = book.recalls();
    let goods = |lack: Lack| {
        let missing = recalls.iter().flat_map(|recall| &recall.missing).filter(|missing| !missing.is_charge);
        missing.filter(|missing| missing.lack == lack).count()
    };
    let lines: usize = book.cancellations.iter().map(|one| one.lines.len()).sum();
    assert_eq!((lines, goods(Lack::NoEarlierPurchase)), (9_288, 1_031));
    // A line that is bought but no longer wholly there is taken in part or not at all.
    let bought: std::collections::BTreeSet<_> = recalls
        .iter()
        .flat_map(|recall| {
            let taken = recall.taken.iter().filter(|taken| !taken.is_charge).map(|taken| taken.line);
            let lacking = recall.missing.iter().filter(|one| !one.is_charge && one.lack == Lack::QuantityLeft);
            taken.chain(lacking.map(|one| one.line)).map(|line| (recall.name.clone(), line))
        })
        .collect();
    assert_eq!(bought.len(), 7_508);
}

/// What cells may hold that no exporter would write.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("-9223372036854775808".to_owned()),
        Just("79228162514264337593543950335".to_owned()),
        Just("0.0000000000000000000000000001".to_owned()),
        Just("9999-12-31 23:59:59".to_owned()),
        Just("-9999-01-01 00:00:00".to_owned()),
        Just("C900001".to_owned()),
        Just("\"".to_owned()),
        "\\PC{0,12}",
    ]
}

proptest! {
    #[test]
    fn a_book_with_broken_cells_is_read_whole_or_refused_with_its_row(
        broken in prop::collection::vec((any::<prop::sample::Index>(), cell()), 1..6),
    ) {
        let text = include_str!("../../books/small.csv");
        let (header, rows) = text.split_once('\n').unwrap();
        let mut cells: Vec<Vec<&str>> = rows.lines().map(|row| row.split(',').collect()).collect();
        let count: usize = cells.iter().map(Vec::len).sum();
        for (place, with) in &broken {
            let mut place = place.index(count);
            for row in &mut cells {
                if place < row.len() {
                    row[place] = with;
                    break;
                }
                place -= row.len();
            }
        }
        let rows: Vec<String> = cells.iter().map(|row| row.join(",")).collect();
        match OrderBook::read(format!("{header}\n{}", rows.join("\n")).as_bytes()) {
            Ok(book) => prop_assert_eq!(book.orders.len(), usize::try_from(book.report.orders).unwrap()),
            Err(error) => {
                let said = error.to_string();
                let row = said.split("row ").nth(1).and_then(|rest| rest.split([' ', ':']).next());
                prop_assert!(row.is_some_and(|row| row.parse::<u64>().is_ok()), "no row in {said:?}");
            }
        }
    }
}
