//! The order book against the exact sums of the data set, and our own small book.

use std::path::PathBuf;

use retail_sandbox::orderbook::OrderBook;

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
    assert_eq!((book.orders.len(), book.cancellations.len()), (11, 2));
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
