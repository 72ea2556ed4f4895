//! Rows of a feed as they come: good ones with their location and in the base unit, bad ones with what is wrong. Pure.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;
use retail_runtime::fault::{BadShape, Violations};

use crate::catalogue::Item;
use crate::parse::SLACK_MILLISECONDS;
use crate::reference::code;
use crate::stock_feed::{Row, RowFault, Rows, StockFeed};
use crate::sync::instant;
use crate::units::{UnitError, in_base_unit};

/// Most rows of a message.
const MOST: usize = 2_000;
/// Longest id of a feed: it is part of keys of the store.
const MAX_ID: usize = 200;

/// What rows are judged by.
pub(crate) struct Known<'a> {
    /// Items by code, as far as they are known.
    pub items: &'a BTreeMap<String, Item>,
    /// Locations; `None` when any will do.
    pub places: Option<&'a BTreeSet<String>>,
    /// True when an item that nobody knows is a mistake.
    pub owned: bool,
    /// The default location.
    pub home: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Bad {
    #[error("{0}")]
    Shape(String),
    #[error("no item {0}; the next reading of the items may bring it, then send the row in another feed")]
    Item(String),
    #[error("no location {0}; give the code of one that GET /v1/locations lists")]
    Location(String),
    #[error(transparent)]
    Unit(#[from] UnitError),
    #[error("{0} is a kit and has no stock of its own; count or move its components")]
    Kit(String),
}

impl Bad {
    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(_) => "BAD_ROW",
            Self::Item(_) => "UNKNOWN_ITEM",
            Self::Location(_) => "UNKNOWN_LOCATION",
            Self::Unit(UnitError::Unknown { .. }) => "UNKNOWN_UNIT",
            Self::Unit(UnitError::NotExact { .. }) => "UNIT_NOT_EXACT",
            Self::Kit(_) => "KIT_HAS_NO_STOCK",
        }
    }
}

/// A feed as it is opened.
pub(crate) fn start(start: &pb::FeedStart, now: Timestamp) -> Result<StockFeed, BadShape> {
    let mut bad = Violations::default();
    let fits = (1..=MAX_ID).contains(&start.feed_id.len());
    bad.require("start.feed_id", fits, "give the feed an id of 1 to 200 characters, the same when it is sent again");
    let rows = match start.kind() {
        pb::StockFeedKind::Unspecified => {
            bad.add("start.kind", "say what the rows are: COUNT, SNAPSHOT or DELTA");
            Rows::Counts
        }
        pb::StockFeedKind::Count => Rows::Counts,
        pb::StockFeedKind::Snapshot => Rows::Snapshot,
        pb::StockFeedKind::Delta => Rows::Deltas,
    };
    bad.require("start.authority", !start.authority.is_empty(), "name the system that counted or moved");
    let valid_at = match start.valid_at.as_ref().map(|at| (instant(at), at)) {
        None => 0,
        Some((Some(at), _)) if !in_future(at, now) => at.as_millisecond(),
        Some((Some(_), _)) => {
            bad.add("start.valid_at", "is in the future; check the clock of the system that sent it");
            0
        }
        Some((None, _)) => {
            bad.add("start.valid_at", "is no time; give an RFC 3339 time");
            0
        }
    };
    bad.check()?;
    Ok(StockFeed {
        id: start.feed_id.clone(),
        rows: i32::from(rows),
        authority: start.authority.clone(),
        valid_at,
        opened_at: now.as_millisecond(),
        updated_at: now.as_millisecond(),
        ..StockFeed::default()
    })
}

/// Checks the numbers of a message's rows: they grow through a feed, because one mark says what is settled.
pub(crate) fn numbers(rows: &[pb::FeedRow], after: u64) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    bad.require("rows", (1..=MOST).contains(&rows.len()), "give 1 to 2,000 rows a message");
    let mut last = after;
    for (row, place) in rows.iter().take(MOST).zip(0_usize..) {
        if row.row <= last {
            let what = format!("{} came after {last}; numbers are above 0 and grow through a feed", row.row);
            bad.add(format!("rows[{place}].row"), what);
        }
        last = last.max(row.row);
    }
    bad.check()
}

/// A good row with its location, or what is wrong with it.
pub(crate) fn judge(row: &pb::FeedRow, feed: &StockFeed, known: &Known<'_>) -> Result<(String, Row), Box<RowFault>> {
    read(row, feed, known).map_err(|(field, bad)| {
        Box::new(RowFault {
            row: row.row,
            sku: row.sku.clone(),
            location: row.location.clone(),
            field: field.to_owned(),
            reason: bad.reason().to_owned(),
            message: bad.to_string(),
            late: false,
        })
    })
}

fn read(row: &pb::FeedRow, feed: &StockFeed, known: &Known<'_>) -> Result<(String, Row), (&'static str, Bad)> {
    let shape = |what: &str| Bad::Shape(what.to_owned());
    let sku = code(&row.sku);
    if sku.is_empty() {
        return Err(("sku", shape("give the item code")));
    }
    let location = if row.location.is_empty() { known.home } else { row.location.as_str() };
    if known.places.is_some_and(|places| !places.contains(location)) {
        return Err(("location", Bad::Location(location.to_owned())));
    }
    let quantity: Quantity = row.quantity.parse().map_err(|error: retail_proto::QuantityError| {
        ("quantity", Bad::Shape(format!("{error}; give a decimal number, for example 12 or 0.5")))
    })?;
    match feed.rows() {
        Rows::Counts | Rows::Snapshot if quantity.is_negative() => {
            return Err(("quantity", shape("a shelf never holds less than nothing; give 0 or more")));
        }
        Rows::Deltas if quantity.is_zero() => {
            return Err(("quantity", shape("a movement of 0 changes nothing; leave the row out")));
        }
        Rows::Counts | Rows::Snapshot | Rows::Deltas => {}
    }
    let valid_at = match &row.valid_at {
        Some(at) => instant(at),
        None => (feed.valid_at != 0).then(|| Timestamp::from_millisecond(feed.valid_at).ok()).flatten(),
    };
    let Some(valid_at) = valid_at else {
        return Err(("valid_at", shape("say when it was true, in the row or for the whole feed; an RFC 3339 time")));
    };
    if in_future(valid_at, known.now) {
        return Err(("valid_at", shape("is in the future; check the clock of the system that sent it")));
    }
    let item = known.items.get(&sku);
    if known.owned && item.is_none() {
        return Err(("sku", Bad::Item(sku)));
    }
    if item.is_some_and(Item::is_kit) {
        return Err(("sku", Bad::Kit(sku)));
    }
    let quantity = in_base_unit(item, &sku, quantity, &row.unit).map_err(|error| ("unit", error.into()))?;
    Ok((location.to_owned(), Row { row: row.row, sku, quantity, valid_at }))
}

/// A number that is true tomorrow would hide everything until then.
fn in_future(at: Timestamp, now: Timestamp) -> bool {
    at.as_millisecond() > now.as_millisecond().saturating_add(SLACK_MILLISECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::Component;
    use crate::units::Unit;

    fn feed(kind: pb::StockFeedKind) -> StockFeed {
        let valid_at = Some(prost_types::Timestamp { seconds: 50, nanos: 0 });
        let given = pb::FeedStart { feed_id: "f-1".into(), kind: i32::from(kind), authority: "wms".into(), valid_at };
        start(&given, Timestamp::from_second(100).unwrap()).unwrap()
    }

    fn row(sku: &str, quantity: &str, unit: &str) -> pb::FeedRow {
        pb::FeedRow { row: 1, sku: sku.into(), quantity: quantity.into(), unit: unit.into(), ..Default::default() }
    }

    fn judged(feed: &StockFeed, row: &pb::FeedRow) -> Result<String, (String, String)> {
        let unit = Unit { code: "CASE".into(), base: 12_000_000, per: 1_000_000 };
        let tea = Item { sku: "TEA".into(), unit: "EA".into(), units: vec![unit], ..Item::default() };
        let components = vec![Component { sku: "TEA".into(), quantity: 1_000_000 }];
        let set = Item { sku: "SET".into(), components, ..Item::default() };
        let items = BTreeMap::from([("TEA".to_owned(), tea), ("SET".to_owned(), set)]);
        let places = BTreeSet::from(["MAIN".to_owned()]);
        let now = Timestamp::from_second(100).unwrap();
        let known = Known { items: &items, places: Some(&places), owned: true, home: "MAIN", now };
        let judged = judge(row, feed, &known);
        judged.map(|(_, row)| row.quantity.to_string()).map_err(|fault| (fault.field, fault.reason))
    }

    #[test]
    fn a_good_row_is_in_the_base_unit() {
        let feed = feed(pb::StockFeedKind::Count);
        assert_eq!(judged(&feed, &row("tea", "2", "case")).unwrap(), "24");
        assert_eq!(judged(&feed, &row("tea", "2", "")).unwrap(), "2");
    }

    #[test]
    fn a_bad_row_names_its_field_and_reason() {
        let (counts, deltas) = (feed(pb::StockFeedKind::Count), feed(pb::StockFeedKind::Delta));
        let wrong = |feed: &StockFeed, row: pb::FeedRow| judged(feed, &row).unwrap_err();
        let said = |field: &str, reason: &str| (field.to_owned(), reason.to_owned());
        assert_eq!(wrong(&counts, row("", "2", "")), said("sku", "BAD_ROW"));
        assert_eq!(wrong(&counts, row("NOPE", "2", "")), said("sku", "UNKNOWN_ITEM"));
        assert_eq!(wrong(&counts, row("SET", "2", "")), said("sku", "KIT_HAS_NO_STOCK"));
        assert_eq!(wrong(&counts, row("TEA", "two", "")), said("quantity", "BAD_ROW"));
        assert_eq!(wrong(&counts, row("TEA", "-2", "")), said("quantity", "BAD_ROW"));
        assert_eq!(wrong(&deltas, row("TEA", "0", "")), said("quantity", "BAD_ROW"));
        assert_eq!(wrong(&counts, row("TEA", "2", "PALLET")), said("unit", "UNKNOWN_UNIT"));
        let moon = pb::FeedRow { location: "MOON".into(), ..row("TEA", "2", "") };
        assert_eq!(wrong(&counts, moon), said("location", "UNKNOWN_LOCATION"));
        let valid_at = Some(prost_types::Timestamp { seconds: 500, nanos: 0 });
        assert_eq!(wrong(&counts, pb::FeedRow { valid_at, ..row("TEA", "2", "") }), said("valid_at", "BAD_ROW"));
        let timeless = StockFeed { valid_at: 0, ..counts };
        assert_eq!(wrong(&timeless, row("TEA", "2", "")), said("valid_at", "BAD_ROW"));
    }

    #[test]
    fn numbers_that_do_not_grow_are_named() {
        let rows = [1, 3, 3, 2].map(|row| pb::FeedRow { row, ..Default::default() });
        let bad = numbers(&rows, 0).unwrap_err();
        insta::assert_snapshot!(
            bad,
            @"the request is not valid: rows[2].row: 3 came after 3; numbers are above 0 and grow through a feed; rows[3].row: 2 came after 3; numbers are above 0 and grow through a feed"
        );
        assert!(numbers(&rows[..1], 1).is_err() && numbers(&rows[..2], 0).is_ok());
    }

    #[test]
    fn every_wrong_field_of_a_start_is_named() {
        let bad = start(&pb::FeedStart::default(), Timestamp::UNIX_EPOCH).unwrap_err();
        let fields: Vec<String> =
            retail_runtime::fault::Fault::fields(&bad).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["start.feed_id", "start.kind", "start.authority"]);
    }
}
