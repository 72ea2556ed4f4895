//! Counts, adjustments and receipts over the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prost::Message as _;
use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::{Clock, Timestamp};
use retail_store::{Document as _, Draft, IndexQuery, Store};

use crate::adjustment::Adjustment;
use crate::allocation::{Commitments, order_of};
use crate::fault::Error;
use crate::keys::{adjustment_document, publication_id, receipt_document, site_id, stock_id};
use crate::kit::Component;
use crate::publication::{Manner, Shown};
use crate::publish::Publication;
use crate::receipt::{Arrival, Receipt, Taken};
use crate::reservation::Part;
use crate::shown_kits;
use crate::site::{self, Site};
use crate::stock::{Act, Counted, Counter, Stock, StockError};
use crate::{expecting, shortage};

/// Rows of one location that are changed in one commit.
const CHUNK: usize = 500;

/// A counted number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    /// Item code.
    pub sku: String,
    /// Location code.
    pub location: String,
    /// The number.
    pub quantity: Quantity,
    /// What the books say is promised by their owner itself; absent where Weft says what is available.
    pub committed: Option<Commitments>,
}

/// What is counted, by whom, and when it was true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counting {
    /// Who counted.
    pub authority: String,
    /// How it was counted.
    pub counter: Counter,
    /// When the numbers were true.
    pub as_of: Timestamp,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Taken over.
    Taken,
    /// Older than what is known.
    Stale,
    /// An adjustment is under way to the authority; the next count settles it.
    Unsettled,
}

/// Keeps the books.
#[derive(Clone)]
pub(crate) struct Books {
    store: Store,
    clock: Clock,
    channels: Arc<Vec<String>>,
    posts: bool,
}

impl Books {
    /// Over a store; `posts` says whether adjustments are told to an ERP.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, channels: Arc<Vec<String>>, posts: bool) -> Self {
        Self { store, clock, channels, posts }
    }

    /// Takes counts over; one verdict per row, in order. A repeat changes nothing.
    pub(crate) async fn count(&self, counting: &Counting, rows: &[Count]) -> Result<Vec<Verdict>, Error> {
        let mut by_location: BTreeMap<&str, Vec<(usize, &Count)>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            by_location.entry(&row.location).or_default().push((place, row));
        }
        let mut verdicts = BTreeMap::new();
        for (location, rows) in by_location {
            for chunk in rows.chunks(CHUNK) {
                let counts: Vec<Count> = chunk.iter().map(|(_, row)| (*row).clone()).collect();
                let brought = self.count_chunk(counting, location, counts).await?;
                verdicts.extend(chunk.iter().map(|(place, _)| *place).zip(brought));
            }
        }
        Ok(verdicts.into_values().collect())
    }

    async fn count_chunk(&self, counting: &Counting, location: &str, rows: Vec<Count>) -> Result<Vec<Verdict>, Error> {
        let promises = self.promises(location, &rows).await?;
        let (counting, place, channels) = (counting.clone(), location.to_owned(), Arc::clone(&self.channels));
        let now = self.clock.now();
        let rule = move |draft: &mut Draft<Site>| -> Result<Vec<Verdict>, StockError> {
            let skus = rows.iter().map(|row| row.sku.clone()).collect();
            let mut shelf = site::load(draft, &place, &skus);
            let act = Act { cause: &counting.authority, happened_at: counting.as_of, now };
            let parts: Vec<Option<Part>> = promises.iter().map(|id| draft.get::<Part>(id)).collect();
            let parts: Vec<Part> = parts.into_iter().flatten().collect();
            let mut verdicts = Vec::with_capacity(rows.len());
            for row in &rows {
                let verdict = shelf.with(&row.sku, |stock| {
                    Ok(match stock.count(row.quantity, &counting.authority, counting.counter, act)? {
                        Counted::Taken(movement) => (Verdict::Taken, movement.map(|movement| *movement)),
                        Counted::Stale => (Verdict::Stale, None),
                        Counted::Unsettled => (Verdict::Unsettled, None),
                    })
                })?;
                if verdict == Verdict::Taken && counting.counter == Counter::Books {
                    // Where Weft says what is available, nothing is allocated.
                    let said = row.committed.clone().unwrap_or_default();
                    let open = |order: &str| open(&parts, order, &row.sku);
                    shelf.with(&row.sku, |stock| Ok(((), stock.allocate(&said, open, act)?)))?;
                }
                verdicts.push(verdict);
            }
            site::store(draft, shelf, &channels, now);
            Ok(verdicts)
        };
        Ok(self.store.step(&site_id(location), None, rule).await?.value)
    }

    /// What may still be promised to the orders that the books of the ERP name.
    async fn promises(&self, location: &str, rows: &[Count]) -> Result<BTreeSet<String>, Error> {
        let mut promises = BTreeSet::new();
        for row in rows {
            let Some(said) = row.committed.as_ref().filter(|said| !said.ours.is_empty()) else { continue };
            let mut after = None;
            loop {
                let name = site::promised(location, &row.sku);
                let query = IndexQuery { name, prefix: vec![], after, limit: CHUNK };
                let entries = self.store.index(Site::partition(&site_id(location)), &query).await?;
                let ids = entries.iter().map(|entry| entry.key.id().to_owned());
                promises.extend(ids.filter(|id| {
                    let reservation = id.split_once('/').map_or(id.as_str(), |(_, reservation)| reservation);
                    said.ours.iter().any(|ours| ours.order == order_of(reservation))
                }));
                match entries.last() {
                    Some(last) if entries.len() >= CHUNK => after = Some((last.sort.clone(), last.key.clone())),
                    Some(_) | None => break,
                }
            }
        }
        Ok(promises)
    }

    /// Changes stock and begins to tell the authority. A repeat is answered with the first answer.
    pub(crate) async fn adjust(&self, key: &str, wish: Adjustment) -> Result<Adjustment, Error> {
        let (now, channels, posts) = (self.clock.now(), Arc::clone(&self.channels), self.posts);
        let happened_at = Timestamp::from_millisecond(wish.happened_at).unwrap_or(now);
        let (document, key) = (adjustment_document(&wish.location, &wish.id), key.to_owned());
        let traceparent = retail_runtime::trace::traceparent().unwrap_or_default();
        let rule = move |draft: &mut Draft<Adjustment>| -> Result<Adjustment, Error> {
            if draft.existed {
                let same = draft.doc.asks_the_same(&wish);
                return if same { Ok(draft.doc.clone()) } else { Err(Error::KeyReused(key.clone())) };
            }
            let mut shelf = site::load(draft, &wish.location, &[wish.sku.clone()].into());
            let act = Act { cause: &wish.id, happened_at, now };
            let mut after = shelf.with(&wish.sku, |stock| {
                let movement = stock.adjust(Quantity::from_millionths(wish.quantity), act)?;
                if posts {
                    stock.posting();
                }
                Ok((stock.clone(), Some(movement)))
            })?;
            site::store(draft, shelf, &channels, now);
            as_answered(&mut after);
            draft.doc = Adjustment { stock: Some(after.clone()), to_post: posts, ..wish.clone() };
            if posts {
                retail_flow::begin(draft, &wish.id, &traceparent, now);
            }
            draft.emit("retail.inventory.v1.StockAdjusted", pb::Availability::from(&after).encode_to_vec());
            Ok(draft.doc.clone())
        };
        Ok(self.store.step(&document, None, rule).await?.value)
    }

    /// Takes goods in that the authority has posted already. A repeat is answered with the first answer.
    pub(crate) async fn receive(&self, arrival: Arrival) -> Result<Receipt, Error> {
        let Arrival { mut receipt, lines, digest, expected_id } = arrival;
        // Where a receipt stands is decided once, before anything moves: the same receipt never comes in twice, not even
        // when the default location has changed since.
        let (id, location) = (receipt.id.clone(), receipt.location.clone());
        let claim = move |draft: &mut Draft<Taken>| -> Result<String, Error> {
            if !draft.existed {
                draft.doc = Taken { location: location.clone(), digest: digest.clone() };
            }
            let same = draft.doc.digest == digest;
            if same { Ok(draft.doc.location.clone()) } else { Err(Error::ReceiptDiffers(draft.id().to_owned())) }
        };
        receipt.location = self.store.step(&id, None, claim).await?.value;
        let (now, channels) = (self.clock.now(), Arc::clone(&self.channels));
        let happened_at = Timestamp::from_millisecond(receipt.happened_at).unwrap_or(now);
        let document = receipt_document(&receipt.location, &id);
        let rule = move |draft: &mut Draft<Receipt>| -> Result<Receipt, Error> {
            if draft.existed {
                return Ok(draft.doc.clone());
            }
            let arrived = match &expected_id {
                Some(id) => Some(expecting::arrive(draft, &receipt.location, id, &lines)?),
                None => None,
            };
            let lines = arrived.as_ref().map_or(&lines, |(_, lines)| lines);
            let skus = lines.iter().map(|(sku, _)| sku.clone()).collect();
            let mut shelf = site::load(draft, &receipt.location, &skus);
            let act = Act { cause: &receipt.id, happened_at, now };
            draft.doc = receipt.clone();
            for (sku, quantity) in lines {
                let mut after = shelf.with(sku, |stock| {
                    let movement = stock.receive(*quantity, act)?;
                    if let Some((expected, _)) = &arrived {
                        stock.expect(&expected.id, expected.coming(sku));
                    }
                    Ok((stock.clone(), Some(movement)))
                })?;
                as_answered(&mut after);
                draft.doc.stock.push(after);
            }
            site::store(draft, shelf, &channels, now);
            Ok(draft.doc.clone())
        };
        Ok(self.store.step(&document, None, rule).await?.value)
    }

    /// The stock record of an item at a location.
    pub(crate) async fn row(&self, location: &str, sku: &str) -> Result<Option<Stock>, Error> {
        Ok(self.store.read::<Stock>(&stock_id(location, sku)).await?.map(|found| found.doc))
    }

    /// Stock records of a location, some at a time; the answer's second part goes on.
    pub(crate) async fn page(
        &self,
        location: &str,
        after: Option<&str>,
    ) -> Result<(Vec<Stock>, Option<String>), Error> {
        let partition = Site::partition(&site_id(location));
        let page = self.store.scan::<Stock>(partition, after, CHUNK).await?;
        let last = page.last().map(|(id, _)| id.clone());
        // Locations may share a partition.
        let rows = page.into_iter().map(|(_, row)| row.doc).filter(|row| row.location == location).collect();
        Ok((rows, last))
    }

    /// Takes over what a channel shows of items at a location, of `kits` by what they are made of. Answers how many were
    /// taken.
    pub(crate) async fn read_back(
        &self,
        location: &str,
        manner: Manner,
        readings: Vec<(String, Shown)>,
        kits: BTreeMap<String, Vec<Component>>,
    ) -> Result<usize, Error> {
        let (place, channels, now) = (location.to_owned(), Arc::clone(&self.channels), self.clock.now());
        let rule = move |draft: &mut Draft<Site>| -> Result<usize, StockError> {
            let mut skus: BTreeSet<String> = readings.iter().map(|(sku, _)| sku.clone()).collect();
            let former = site::load(draft, &place, &skus).into_parts().0;
            let parts = former.values().flat_map(|row| &row.parts).chain(kits.values().flatten());
            skus.extend(parts.map(|part| part.sku.clone()));
            let mut shelf = site::load(draft, &place, &skus);
            for (sku, _) in &readings {
                shown_kits::tie(&mut shelf, sku, kits.get(sku).map_or(&[], Vec::as_slice))?;
            }
            let mut taken = 0_usize;
            let channel = readings.first().map_or("", |(_, reading)| &reading.channel);
            let telling = draft.get::<Publication>(&publication_id(&place, channel)).unwrap_or_default().batch;
            // A row without stock record is not published: nobody has said that there is or is not any. A number that is
            // on its way may be in the reading or not.
            for (sku, reading) in &readings {
                if shelf.row(sku).is_none() || telling.iter().any(|setting| setting.sku == *sku) {
                    continue;
                }
                shelf.with(sku, |stock| {
                    stock.told_again(&reading.channel);
                    match manner {
                        Manner::Shows => stock.read_shown(reading),
                        Manner::Sells | Manner::Subtracts => {
                            stock.read_back(reading, manner == Manner::Subtracts, now);
                        }
                    }
                    Ok(((), None))
                })?;
                taken = taken.saturating_add(1);
            }
            if manner == Manner::Shows {
                readings.iter().for_each(|(_, reading)| site::outstamp(draft, &place, reading));
            }
            site::store(draft, shelf, &channels, now);
            Ok(taken)
        };
        Ok(self.store.step(&site_id(location), None, rule).await?.value)
    }
}

/// What is still promised of an item to an order, millionths.
fn open(parts: &[Part], order: &str, sku: &str) -> i64 {
    let ours = parts.iter().filter(|part| order_of(&part.reservation_id) == order);
    let claims = ours.flat_map(|part| shortage::claims(part, sku));
    claims.map(|claim| claim.frees).fold(0, i64::saturating_add)
}

/// The version that this commit gives the record; what re-applies and publishes is not part of an answer.
fn as_answered(stock: &mut Stock) {
    stock.version = stock.version.saturating_add(1);
    stock.recent.clear();
    stock.shown.clear();
}
