//! Ids of documents. What belongs to one location is routed by the location, so that it shares a partition and changes
//! in one commit (docs/decisions/0004-stock-partition.md).

use retail_store::Document;

use crate::acting::Action;
use crate::adjustment::Adjustment;
use crate::catalogue::{Catalogue, Item, Xref};
use crate::expected::Expected;
use crate::inbound::Paper;
use crate::landing::Landing;
use crate::movement::Movement;
use crate::moving::Route;
use crate::places::Places;
use crate::publish::Publication;
use crate::receipt::{Receipt, Taken};
use crate::reservation::Part;
use crate::site::Site;
use crate::stock::Stock;
use crate::stock_feed::{FeedMark, RowFault, StockFeed};
use crate::transfer::Transfer;

/// The id of the stock record of an item at a location.
#[must_use]
pub(crate) fn stock_id(location: &str, sku: &str) -> String {
    at(location, sku)
}

/// The id of the part of a reservation at a location.
#[must_use]
pub(crate) fn part_id(location: &str, reservation_id: &str) -> String {
    at(location, reservation_id)
}

/// The id of a movement.
#[must_use]
pub(crate) fn movement_id(movement: &Movement) -> String {
    at(&movement.location, &format!("{}/{:012}", movement.sku, movement.sequence))
}

/// The id of the publication of a location to a channel.
#[must_use]
pub(crate) fn publication_id(location: &str, channel: &str) -> String {
    at(location, channel)
}

/// The id of an adjustment.
#[must_use]
pub(crate) fn adjustment_document(location: &str, adjustment_id: &str) -> String {
    at(location, adjustment_id)
}

/// The id of a receipt at a location.
#[must_use]
pub(crate) fn receipt_document(location: &str, receipt_id: &str) -> String {
    at(location, receipt_id)
}

/// The id of a feed of stock.
#[must_use]
pub(crate) fn feed_id(feed: &str) -> String {
    escape(feed)
}

/// The id of a row of a feed that did not go in, beside its feed. Ids stand in the order of the rows.
#[must_use]
pub(crate) fn row_fault_id(feed: &str, row: u64) -> String {
    at(feed, &format!("{row:020}"))
}

/// The id of the mark of a feed at a location.
#[must_use]
pub(crate) fn mark_id(location: &str, feed: &str) -> String {
    at(location, feed)
}

/// The id of what is expected at a location.
#[must_use]
pub(crate) fn expected_document(location: &str, expected_id: &str) -> String {
    at(location, expected_id)
}

/// The id of a transfer at the location that its goods leave.
#[must_use]
pub(crate) fn transfer_document(location: &str, transfer_id: &str) -> String {
    at(location, transfer_id)
}

/// The id of what is done about a shortfall at a location.
#[must_use]
pub(crate) fn action_document(location: &str, action_id: &str) -> String {
    at(location, action_id)
}

/// The id of a receipt of a transfer at its destination.
#[must_use]
pub(crate) fn landing_document(location: &str, transfer_id: &str, receipt_id: &str) -> String {
    at(location, &format!("{}/{receipt_id}", escape(transfer_id)))
}

/// The id of the ERP's document by which goods are expected.
#[must_use]
pub(crate) fn paper_id(instance: &str, kind: &str, id: &str) -> String {
    format!("{}:{}:{id}", escape(instance), escape(kind))
}

/// The id of a location's own document.
#[must_use]
pub(crate) fn site_id(location: &str) -> String {
    escape(location)
}

/// The id of a cross-reference.
#[must_use]
pub(crate) fn xref_id(kind: &str, instance: &str, record: &str, id: &str) -> String {
    format!("{}:{}:{}:{id}", escape(kind), escape(instance), escape(record))
}

fn at(location: &str, rest: &str) -> String {
    format!("{}/{rest}", escape(location))
}

/// A location code without the characters that ids are built with; two codes never become one.
fn escape(code: &str) -> String {
    code.replace('%', "%25").replace('/', "%2F").replace(':', "%3A")
}

fn before_slash(id: &str) -> &str {
    id.split_once('/').map_or(id, |(location, _)| location)
}

macro_rules! at_a_location {
    ($($document:ty => $kind:literal),* $(,)?) => {$(
        impl Document for $document {
            const KIND: &'static str = $kind;

            fn routing(id: &str) -> &str {
                before_slash(id)
            }
        }
    )*};
}

at_a_location! {
    Stock => "stock",
    Movement => "movement",
    Part => "reservation",
    Adjustment => "adjustment",
    Receipt => "receipt",
    Publication => "publication",
    Site => "site",
    FeedMark => "stock-feed-mark",
    Expected => "expected",
    Transfer => "transfer",
    Action => "shortfall-action",
    Landing => "transfer-landing",
    // These two lie with their feed.
    StockFeed => "stock-feed",
    RowFault => "stock-feed-fault",
}

impl Document for Places {
    const KIND: &'static str = "reservation-places";
}

impl Document for Taken {
    const KIND: &'static str = "receipt-place";
}

impl Document for Paper {
    const KIND: &'static str = "expected-paper";
}

impl Document for Route {
    const KIND: &'static str = "transfer-route";
}

impl Document for Item {
    const KIND: &'static str = "item";
}

impl Document for Xref {
    const KIND: &'static str = "xref";
}

impl Document for Catalogue {
    const KIND: &'static str = "catalogue";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_of_a_location_shares_a_partition() {
        let partition = Site::partition(&site_id("Hub 1/A"));
        assert_eq!(Stock::partition(&stock_id("Hub 1/A", "85123A")), partition);
        assert_eq!(Part::partition(&part_id("Hub 1/A", "o-1")), partition);
        assert_eq!(Publication::partition(&publication_id("Hub 1/A", "shop")), partition);
    }

    #[test]
    fn everything_of_a_feed_shares_a_partition_and_its_rows_stand_in_order() {
        assert_eq!(RowFault::partition(&row_fault_id("f/1", 7)), StockFeed::partition(&feed_id("f/1")));
        assert!(row_fault_id("f", 9) < row_fault_id("f", 10));
    }

    #[test]
    fn odd_location_codes_never_collide() {
        assert_ne!(stock_id("A/B", "C"), stock_id("A", "B/C"));
        assert_ne!(stock_id("A%2FB", "C"), stock_id("A/B", "C"));
    }
}
