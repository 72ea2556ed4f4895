//! Numbers that a shop has perhaps changed by itself: it sold at a place of its own choice, was told that they ship from
//! another, took goods back as it gave money back, or as a sale was undone before we had heard of it. Such items are looked at
//! soon, at every place that shows them, not only at the next reading of everything. Each wait is twice as long as the one
//! before: what is wrong at once is seen at once, and money that goes back long after the goods were released is seen, too.
//!
//! What is in doubt is kept in memory: after a crash the next reading finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_runtime::{Peer, Runtime};

use crate::books::Books;
use crate::config::{Channel, Kind};
use crate::fault::Error;
use crate::publication::Shown;
use crate::reference::Reference;
use crate::stock::Stock;
use crate::sync::upstream;

/// How often an item is looked at before it is believed again: after 1, 3, 7, 15 and 31 rounds. With rounds of 30 seconds
/// the last look comes when the next reading of everything does.
const LOOKS: u8 = 5;
/// Readings of one call.
const READINGS: usize = 100;
/// Items of one look; others wait for the next.
const ITEMS: usize = 1_000;

/// Why a number is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// The shop sold it, and takes it from one of our places, not always from the one that we do.
    Place,
    /// We gave back what it had sold, and it may do the same.
    GivenBack,
    /// It shows less than we believed: it has sold what nobody has reserved yet. When that is edited or called off before
    /// anybody does, it takes it back, and no reservation tells of it.
    Unseen,
}

/// Items in doubt.
#[derive(Clone, Default)]
pub(crate) struct Doubts {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    items: BTreeMap<(String, Doubt), Left>,
    /// The last one of the last look: the next begins behind it, so that everybody has a turn.
    last: Option<(String, Doubt)>,
}

/// What an item still has before it.
#[derive(Clone, Copy)]
struct Left {
    looks: u8,
    /// Rounds until it is due.
    rounds: u32,
}

impl Left {
    const ALL: Self = Self { looks: LOOKS, rounds: 1 };

    /// After a look: the next one takes twice as long to come, if there is one.
    fn looked(self) -> Option<Self> {
        let looks = self.looks.checked_sub(1).filter(|looks| *looks > 0)?;
        Some(Self { looks, rounds: 1 << LOOKS.saturating_sub(looks) })
    }
}

impl Doubts {
    /// Notes items of a channel's sale.
    pub(crate) fn note(&self, why: Doubt, skus: impl IntoIterator<Item = String>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.items.extend(skus.into_iter().map(|sku| ((sku, why), Left::ALL)));
    }

    /// A round: items to look at now.
    fn take(&self) -> BTreeSet<(String, Doubt)> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.items.values_mut().for_each(|left| left.rounds = left.rounds.saturating_sub(1));
        let due = queue.items.values().filter(|left| left.rounds == 0).count();
        let behind = queue.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let all = queue.items.range((behind, Bound::Unbounded)).chain(&queue.items);
        let keys = all.filter(|(_, left)| left.rounds == 0).map(|(item, _)| item.clone());
        let now: Vec<(String, Doubt)> = keys.take(ITEMS.min(due)).collect();
        for item in &now {
            if let Some(left) = queue.items.remove(item).and_then(Left::looked) {
                queue.items.insert(item.clone(), left);
            }
        }
        queue.last = now.last().cloned();
        now.into_iter().collect()
    }
}

/// Looks at what is in doubt.
pub(crate) struct Checking {
    pub runtime: Runtime,
    pub reference: Reference,
    pub books: Books,
    pub doubts: Doubts,
    pub channels: Vec<(Channel, Peer)>,
    pub every: Duration,
}

/// A row that a shop shows: our location, the shop's, and the record.
type Rows = BTreeMap<(String, String), Vec<Stock>>;

impl Checking {
    /// Looks again and again until the runtime stops.
    pub(crate) async fn keep_looking(self) {
        let stopping = self.runtime.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.runtime.clock().sleep(self.every) => {}
            }
            let items = self.doubts.take();
            if items.is_empty() {
                continue;
            }
            match self.look(&items).await {
                Ok(0) => {}
                Ok(differ) => tracing::info!(items = items.len(), differ, "a shop had changed numbers by itself"),
                Err(error) => {
                    tracing::warn!(%error, items = items.len(), "what a shop shows could not be looked at; trying again");
                    items.into_iter().for_each(|(sku, why)| self.doubts.note(why, [sku]));
                }
            }
        }
    }

    /// How many rows show another number than we believed.
    async fn look(&self, items: &BTreeSet<(String, Doubt)>) -> Result<usize, Error> {
        let mut differ = 0_usize;
        let sells = |channel: &&(Channel, Peer)| channel.0.kind == Kind::Shop;
        for (channel, peer) in self.channels.iter().filter(sells) {
            for ((location, location_id), rows) in self.rows(&channel.instance, items).await? {
                for rows in rows.chunks(READINGS) {
                    differ = differ.saturating_add(self.ask(channel, peer, (&location, &location_id), rows).await?);
                }
            }
        }
        Ok(differ)
    }

    /// The rows of these items that a channel shows. A place is in doubt only where there is a choice.
    async fn rows(&self, channel: &str, items: &BTreeSet<(String, Doubt)>) -> Result<Rows, Error> {
        let locations = self.reference.catalogue().await?.codes();
        let mut rows = Rows::new();
        for (sku, why) in items {
            let mut shown = vec![];
            for location in &locations {
                let row = self.books.row(location, sku).await?;
                shown.extend(row.filter(|row| row.shown_by(channel).is_some()));
            }
            if *why == Doubt::Place && shown.len() < 2 {
                continue;
            }
            for row in shown {
                let Some(at) = row.shown_by(channel).map(|shown| shown.location_id.clone()) else { continue };
                let here = rows.entry((row.location.clone(), at)).or_default();
                if here.iter().all(|known| known.sku != row.sku) {
                    here.push(row);
                }
            }
        }
        Ok(rows)
    }

    async fn ask(
        &self,
        channel: &Channel,
        peer: &Peer,
        (location, location_id): (&str, &str),
        rows: &[Stock],
    ) -> Result<usize, Error> {
        let instance = channel.instance.as_str();
        let believed = rows.iter().filter_map(|row| row.shown_by(instance).map(|shown| (row, shown)));
        let by_item: BTreeMap<&str, (&Stock, &Shown)> =
            believed.map(|(row, shown)| (shown.item_id.as_str(), (row, shown))).collect();
        let request = shop::GetStockRequest {
            instance: instance.to_owned(),
            inventory_item_ids: by_item.keys().map(|id| (*id).to_owned()).collect(),
            location_id: location_id.to_owned(),
        };
        let answer = CommerceServiceClient::new(peer.clone()).get_stock(request).await;
        let answer = answer.map_err(|status| upstream(instance, status))?.into_inner();
        let (mut readings, mut kits, mut unseen) = (vec![], BTreeMap::new(), vec![]);
        for reading in answer.readings {
            let Some((row, shown)) = by_item.get(reading.inventory_item_id.as_str()) else { continue };
            if reading.available < shown.quantity {
                unseen.push(row.sku.clone());
            }
            if shown.quantity != reading.available {
                let shown = Shown { quantity: reading.available, limits: None, ..(*shown).clone() };
                readings.push((row.sku.clone(), shown));
                if !row.parts.is_empty() {
                    kits.insert(row.sku.clone(), row.parts.clone());
                }
            }
        }
        self.doubts.note(Doubt::Unseen, unseen);
        if readings.is_empty() { Ok(0) } else { self.books.read_back(location, channel.manner(), readings, kits).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_looked_at_soon_then_ever_more_seldom_and_then_believed() {
        let doubts = Doubts::default();
        let note = || doubts.note(Doubt::GivenBack, ["A".to_owned()]);
        let looks_in = |rounds: u32| (1..=rounds).filter(|_| !doubts.take().is_empty()).collect::<Vec<_>>();
        note();
        assert_eq!(looks_in(100), [1, 3, 7, 15, 31]);
        note();
        assert_eq!(looks_in(10), [1, 3, 7]);
        note();
        assert_eq!(looks_in(31), [1, 3, 7, 15, 31], "a new cause begins anew");
    }

    #[test]
    fn of_more_than_one_look_holds_everybody_has_a_turn() {
        let doubts = Doubts::default();
        let name = |number: usize| format!("{number:05}");
        doubts.note(Doubt::Place, (0..2 * ITEMS).map(name));
        let first = doubts.take();
        doubts.note(Doubt::Place, (0..ITEMS).map(name));
        let second = doubts.take();
        assert_eq!((first.len(), second.len()), (ITEMS, ITEMS));
        assert!(first.is_disjoint(&second), "what is new again and again must not keep the others waiting");
    }
}
