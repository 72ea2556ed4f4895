//! A location as a whole: how its stock is loaded for a rule and stored after it, with movements, events, lists and the
//! wake-up of publications. Every change of stock goes through here, in one commit.

use std::collections::BTreeSet;

use prost::Message as _;
use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::{Document, Draft};

use crate::keys::{movement_id, publication_id, stock_id};
use crate::line::Line;
use crate::publication::Shown;
use crate::publish::Publication;
use crate::reservation::Part;
use crate::shelf::Shelf;
use crate::shown_kits;
use crate::stock::Stock;

/// Stock rows with a shortfall.
pub(crate) const SHORTFALLS: &str = "shortfalls";

/// Anchor of commits that concern a location as a whole.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Site {}

/// Rows of a location whose number a channel does not show yet.
#[must_use]
pub(crate) fn unpublished(location: &str, channel: &str) -> String {
    format!("unpublished.{location}.{channel}")
}

/// Promises of an item at a location that are not shipped, the newest first.
#[must_use]
pub(crate) fn promised(location: &str, sku: &str) -> String {
    format!("promised.{location}.{sku}")
}

/// Keeps the lists of promises in step with a reservation that a rule has changed.
pub(crate) fn list_promises(draft: &mut Draft<Part>) {
    let before = draft.original().map(places_in_lists).unwrap_or_default();
    let after = places_in_lists(&draft.doc);
    for (name, sort) in after.difference(&before) {
        draft.index(name, sort.clone(), bytes_of_nothing());
    }
    for (name, sort) in before.difference(&after) {
        draft.unindex(name, sort.clone());
    }
}

/// The list of each item of which something is still promised, and the place there.
fn places_in_lists(part: &Part) -> BTreeSet<(String, Vec<u8>)> {
    if !part.stands() {
        return BTreeSet::new();
    }
    let age = u64::MAX.saturating_sub(u64::try_from(part.promised_at).unwrap_or_default());
    let open = part.lines.iter().filter(|line| line.open().is_positive());
    open.flat_map(Line::shelved).map(|sku| (promised(&part.location, sku), age.to_be_bytes().to_vec())).collect()
}

/// Loads the records that a rule needs.
pub(crate) fn load<D: Document>(draft: &mut Draft<D>, location: &str, skus: &BTreeSet<String>) -> Shelf {
    // All are asked for before any is used: the first run of the rule learns in one go what must be loaded.
    let rows: Vec<Option<Stock>> = skus.iter().map(|sku| draft.get::<Stock>(&stock_id(location, sku))).collect();
    Shelf::new(location, rows.into_iter().flatten())
}

/// Stores what a rule has changed on a shelf that was loaded by this draft.
pub(crate) fn store<D: Document>(draft: &mut Draft<D>, shelf: Shelf, channels: &[String], now: Timestamp) {
    let location = shelf.location().to_owned();
    for channel in store_quietly(draft, shelf, channels) {
        wake(draft, &location, channel, now);
    }
}

/// As [`store`], without waking anybody; answers the channels that must be told.
pub(crate) fn store_quietly<'a, D: Document>(
    draft: &mut Draft<D>,
    shelf: Shelf,
    channels: &'a [String],
) -> BTreeSet<&'a str> {
    let location = shelf.location().to_owned();
    let (mut rows, movements) = shelf.into_parts();
    for movement in &movements {
        draft.put(&movement_id(movement), movement);
    }
    shown_kits::remake(draft, &location, &mut rows);
    rows.into_values().flat_map(|row| put_row(draft, row, channels)).collect()
}

/// Stores one row with its event and its places in lists; answers the channels that must be told.
fn put_row<'a, D: Document>(draft: &mut Draft<D>, mut row: Stock, channels: &'a [String]) -> Vec<&'a str> {
    let id = stock_id(&row.location, &row.sku);
    let before = draft.get::<Stock>(&id).unwrap_or_else(|| Stock::empty(&row.location, &row.sku));
    if before == row {
        return vec![];
    }
    let moved = row.moved != before.moved || row.coming != before.coming;
    if moved {
        row.version = row.version.saturating_add(1);
    }
    draft.put(&id, &row);
    if moved {
        draft.emit_on::<Stock>(&id, "retail.inventory.v1.StockChanged", pb::Availability::from(&row).encode_to_vec());
    }
    if (row.shortfall > 0) != (before.shortfall > 0) {
        let entry = (row.shortfall > 0).then(bytes_of_nothing);
        draft.index_on::<Stock>(&id, SHORTFALLS, id.clone().into_bytes(), entry);
    }
    let mut to_tell = vec![];
    for channel in channels {
        let (was, is) = (before.is_dirty(channel), row.is_dirty(channel));
        if was != is {
            let entry = is.then(bytes_of_nothing);
            draft.index_on::<Stock>(&id, &unpublished(&row.location, channel), row.sku.clone().into_bytes(), entry);
        }
        if is {
            to_tell.push(channel.as_str());
        }
    }
    to_tell
}

/// No stamp of ours is larger: numbers of a CRM may be doubles, and there must be room for what comes.
const LARGEST_STAMP: u64 = 1 << 52;

/// Makes the next stamp of a publication newer than what its channel shows already, whatever our clock says. Somebody who
/// wrote a stamp beyond all measure keeps that row from being told: it has to be deleted there.
pub(crate) fn outstamp<D: Document>(draft: &mut Draft<D>, location: &str, shown: &Shown) {
    let id = publication_id(location, &shown.channel);
    let mut publication = draft.get::<Publication>(&id).unwrap_or_default();
    if publication.stamp < shown.stamp && shown.stamp < LARGEST_STAMP {
        location.clone_into(&mut publication.location);
        publication.channel.clone_from(&shown.channel);
        publication.stamp = shown.stamp;
        draft.put(&id, &publication);
    }
}

/// Wakes the publication of a location to a channel.
fn wake<D: Document>(draft: &mut Draft<D>, location: &str, channel: &str, now: Timestamp) {
    let id = publication_id(location, channel);
    let mut publication = draft.get::<Publication>(&id).unwrap_or_default();
    location.clone_into(&mut publication.location);
    channel.clone_into(&mut publication.channel);
    let asleep = publication.wake();
    draft.put(&id, &publication);
    if asleep {
        draft.due_on::<Publication>(&id, Some(now));
    }
}

fn bytes_of_nothing() -> prost::bytes::Bytes {
    prost::bytes::Bytes::new()
}
