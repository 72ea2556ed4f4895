//! A feed of stock over the store, message by message: bad rows are written down first, then the rows of each location go
//! in as one commit, then the feed comes on. Whatever crashes in between, the feed is opened again behind what is settled
//! and the marks of the locations know the rest. Nothing is kept in memory but the message at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join_all;
use retail_proto::inventory::v1 as pb;
use retail_runtime::Clock;
use retail_runtime::metrics::{Counts, Family, Metrics};
use retail_store::{Document as _, Draft, Store};

use crate::catalogue::Place;
use crate::fault::Error;
use crate::feed_rows::{self, Known};
use crate::keys::{feed_id, mark_id, row_fault_id};
use crate::reference::{Reference, code};
use crate::site;
use crate::stock::StockError;
use crate::stock_feed::{Brought, FeedMark, Row, RowFault, StockFeed, Taking, Tally};

/// Faults that are read at once.
const PAGE: usize = 500;

const ROWS: Family = Family {
    name: "retail_stock_feed_rows_total",
    help: "Rows of feeds of stock, by what became of them",
    labels: &["outcome"],
};

/// Takes feeds in.
#[derive(Clone)]
pub(crate) struct Feeding {
    store: Store,
    clock: Clock,
    reference: Reference,
    channels: Arc<Vec<String>>,
    home: Arc<str>,
    owned: bool,
    figures: Counts,
}

/// A feed that is open.
pub(crate) struct Session {
    feeding: Feeding,
    feed: StockFeed,
    /// Rows behind what is settled that were bad before the feed was cut: their verdict is final.
    bad_before: BTreeSet<u64>,
    last_row: u64,
    rows: u64,
    repeated: u64,
}

impl Feeding {
    /// Over a store. `owned` says that items and locations have an owner, so that an unknown one is a mistake.
    #[must_use]
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        reference: Reference,
        channels: Arc<Vec<String>>,
        home: Arc<str>,
        owned: bool,
        metrics: &Metrics,
    ) -> Self {
        let figures = metrics.counts(&ROWS);
        for outcome in ["applied", "unchanged", "late", "refused", "repeated"] {
            figures.add_many(&[outcome], 0);
        }
        Self { store, clock, reference, channels, home, owned, figures }
    }

    /// Opens a feed, or opens it again where it was cut.
    pub(crate) async fn open(&self, start: &pb::FeedStart) -> Result<Session, Error> {
        let given = feed_rows::start(start, self.clock.now())?;
        let id = feed_id(&given.id);
        let rule = move |draft: &mut Draft<StockFeed>| -> Result<StockFeed, Error> {
            if !draft.existed {
                draft.doc = given.clone();
            }
            let same = draft.doc.opens_as(&given);
            if same { Ok(draft.doc.clone()) } else { Err(Error::FeedDiffers(given.id.clone())) }
        };
        let feed = self.store.step(&id, None, rule).await?.value;
        let mut bad_before = BTreeSet::new();
        let mut after = feed.settled_through;
        loop {
            let (faults, more) = self.faults(&feed.id, after, PAGE).await?;
            after = faults.last().map_or(after, |fault| fault.row);
            bad_before.extend(faults.iter().map(|fault| fault.row));
            if !more {
                break;
            }
        }
        Ok(Session { feeding: self.clone(), feed, bad_before, last_row: 0, rows: 0, repeated: 0 })
    }

    /// A feed as it stands.
    pub(crate) async fn feed(&self, id: &str) -> Result<StockFeed, Error> {
        let found = self.store.read::<StockFeed>(&feed_id(id)).await?;
        found.map(|found| found.doc).ok_or_else(|| Error::NoSuchFeed(id.to_owned()))
    }

    /// Rows of a feed that did not go in, after one; and whether there are more.
    pub(crate) async fn faults(&self, id: &str, after: u64, limit: usize) -> Result<(Vec<RowFault>, bool), Error> {
        let partition = StockFeed::partition(&feed_id(id));
        let found = self.store.scan::<RowFault>(partition, Some(&row_fault_id(id, after)), limit).await?;
        let whole = found.len() >= limit;
        let begins = format!("{}/", feed_id(id));
        let own: Vec<RowFault> =
            found.into_iter().take_while(|(key, _)| key.starts_with(&begins)).map(|(_, fault)| fault.doc).collect();
        let more = whole && own.len() >= limit;
        Ok((own, more))
    }
}

impl Session {
    /// How far it has come.
    #[must_use]
    pub(crate) fn progress(&self) -> pb::FeedProgress {
        pb::FeedProgress { feed: Some((&self.feed).into()), rows: self.rows, repeated: self.repeated }
    }

    /// Faults that are known, after a row; and whether there are more.
    pub(crate) async fn known(&self, after: u64) -> Result<(Vec<RowFault>, bool), Error> {
        self.feeding.faults(&self.feed.id, after, PAGE).await
    }

    /// Takes a message of rows in; answers those that did not go in.
    pub(crate) async fn take(&mut self, rows: Vec<pb::FeedRow>) -> Result<Vec<RowFault>, Error> {
        feed_rows::numbers(&rows, self.last_row)?;
        let given = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let last = rows.last().map_or(self.last_row, |row| row.row);
        let fresh: Vec<pb::FeedRow> = rows
            .into_iter()
            .filter(|row| row.row > self.feed.settled_through && !self.bad_before.contains(&row.row))
            .collect();
        let mut repeated = given.saturating_sub(u64::try_from(fresh.len()).unwrap_or(given));
        let mut faults = vec![];
        if last > self.feed.settled_through {
            let (good, bad) = self.judge(&fresh).await?;
            self.write_down(&bad).await?;
            let brought = try_join_all(good.into_iter().map(|(location, rows)| self.bring(location, rows))).await?;
            let tallies = brought.iter().map(|(location, brought)| (location.clone(), brought.tally)).collect();
            for (_, brought) in brought {
                repeated = repeated.saturating_add(brought.repeated);
                faults.extend(brought.faults);
            }
            self.settle(last, tallies, faults.clone()).await?;
            faults.extend(bad);
            faults.sort_by_key(|fault| fault.row);
        }
        self.last_row = last;
        self.rows = self.rows.saturating_add(given);
        self.repeated = self.repeated.saturating_add(repeated);
        self.feeding.figures.add_many(&["repeated"], repeated);
        Ok(faults)
    }

    /// Writes down that it was sent to its end.
    pub(crate) async fn finish(&mut self) -> Result<(), Error> {
        let now = self.feeding.clock.now().as_millisecond();
        let rule = move |draft: &mut Draft<StockFeed>| -> Result<StockFeed, Error> {
            if !draft.doc.finished {
                draft.doc.finished = true;
                draft.doc.updated_at = now;
            }
            Ok(draft.doc.clone())
        };
        self.feed = self.feeding.store.step(&feed_id(&self.feed.id), None, rule).await?.value;
        Ok(())
    }

    /// Good rows by location, and bad ones.
    async fn judge(&self, rows: &[pb::FeedRow]) -> Result<(BTreeMap<String, Vec<Row>>, Vec<RowFault>), Error> {
        let feeding = &self.feeding;
        let skus = rows.iter().map(|row| code(&row.sku)).filter(|sku| !sku.is_empty()).collect();
        let items = feeding.reference.items(skus).await?;
        let places: BTreeSet<String> = feeding.reference.catalogue().await?.codes().into_iter().collect();
        let known = Known {
            items: &items,
            places: feeding.owned.then_some(&places),
            owned: feeding.owned,
            home: &feeding.home,
            now: feeding.clock.now(),
        };
        let (mut good, mut bad) = (BTreeMap::<String, Vec<Row>>::new(), vec![]);
        for row in rows {
            match feed_rows::judge(row, &self.feed, &known) {
                Ok((location, row)) => good.entry(location).or_default().push(row),
                Err(fault) => bad.push(*fault),
            }
        }
        // Without an owner a new location is remembered.
        let new = good.keys().filter(|location| !places.contains(*location));
        let new: Vec<Place> = new.map(|code| Place { code: code.clone(), ..Place::default() }).collect();
        if !new.is_empty() {
            feeding.reference.put_places(new).await?;
        }
        Ok((good, bad))
    }

    /// Bad rows are written down before any row behind them goes in: after a crash they are still bad, not forgotten.
    async fn write_down(&self, bad: &[RowFault]) -> Result<(), Error> {
        if bad.is_empty() {
            return Ok(());
        }
        let (id, bad) = (self.feed.id.clone(), bad.to_vec());
        let rule = move |draft: &mut Draft<StockFeed>| -> Result<(), Error> {
            let ids: Vec<String> = bad.iter().map(|fault| row_fault_id(&id, fault.row)).collect();
            // All are asked for before any is used: what must be loaded is learnt in one go.
            let known: Vec<Option<RowFault>> = ids.iter().map(|id| draft.get::<RowFault>(id)).collect();
            for ((fault, id), known) in bad.iter().zip(&ids).zip(known) {
                if known.is_none() {
                    draft.put(id, fault);
                    draft.doc.bad = draft.doc.bad.saturating_add(1);
                }
            }
            Ok(())
        };
        self.feeding.store.step(&feed_id(&self.feed.id), None, rule).await?;
        Ok(())
    }

    /// The rows of one location, one commit.
    async fn bring(&self, location: String, rows: Vec<Row>) -> Result<(String, Brought), Error> {
        let feeding = &self.feeding;
        let taking = Taking {
            feed_id: self.feed.id.clone(),
            rows: self.feed.rows(),
            authority: self.feed.authority.clone(),
            settled_through: self.feed.settled_through,
        };
        let (now, place, channels) = (feeding.clock.now(), location.clone(), Arc::clone(&feeding.channels));
        let rule = move |draft: &mut Draft<FeedMark>| -> Result<Brought, StockError> {
            let skus = rows.iter().map(|row| row.sku.clone()).collect();
            let mut shelf = site::load(draft, &place, &skus);
            let brought = draft.doc.take(&taking, &rows, &mut shelf, now)?;
            site::store(draft, shelf, &channels, now);
            Ok(brought)
        };
        let brought = feeding.store.step(&mark_id(&location, &self.feed.id), None, rule).await?.value;
        Ok((location, brought))
    }

    /// The feed comes on: every row up to this one is settled.
    async fn settle(
        &mut self,
        through: u64,
        tallies: BTreeMap<String, Tally>,
        faults: Vec<RowFault>,
    ) -> Result<(), Error> {
        let (id, now) = (self.feed.id.clone(), self.feeding.clock.now().as_millisecond());
        let rule = move |draft: &mut Draft<StockFeed>| -> Result<StockFeed, Error> {
            for fault in &faults {
                draft.put(&row_fault_id(&id, fault.row), fault);
            }
            for (location, tally) in &tallies {
                let known = draft.doc.places.entry(location.clone()).or_default();
                // Two streams of one feed may overtake each other; marks only grow.
                if tally.rows() >= known.rows() {
                    *known = *tally;
                }
            }
            draft.doc.settled_through = draft.doc.settled_through.max(through);
            draft.doc.updated_at = now;
            Ok(draft.doc.clone())
        };
        let before = self.feed.tally();
        self.feed = self.feeding.store.step(&feed_id(&self.feed.id), None, rule).await?.value;
        let after = self.feed.tally();
        let figures = &self.feeding.figures;
        figures.add_many(&["applied"], after.applied.saturating_sub(before.applied));
        figures.add_many(&["unchanged"], after.unchanged.saturating_sub(before.unchanged));
        figures.add_many(&["late"], after.late.saturating_sub(before.late));
        figures.add_many(&["refused"], after.refused.saturating_sub(before.refused));
        Ok(())
    }
}
