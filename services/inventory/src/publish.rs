//! Telling a channel what may be sold at a location: collect the rows whose number differs and send the newest numbers, to
//! a shop with what we believe is shown, and when that belief is stale, read it again. One publication per location and
//! channel; whatever changes while a batch is on its way, or before the channel may be told again, is in the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_flow::{Attempt, Class, Failure, Next, Policy, Process, Step, Summary, Verdict};
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_runtime::{Ids, Peer, Timestamp};
use retail_store::{Draft, IndexQuery, Store};

use crate::agents;
use crate::checking::{Doubt, Doubts};
use crate::fault::unread;
use crate::keys::{site_id, stock_id};
use crate::publication::{Manner, STALE_LIMIT, Shown};
use crate::shelf::Shelf;
use crate::site;
use crate::stock::Stock;

/// Most rows in a batch for a shop; a reading of it takes no more either.
const BATCH: u32 = 100;
/// Wait between batches while one of them does not hold all there is to tell, and after a refusal.
const PAUSE: Duration = Duration::from_millis(250);
/// Wait after the first stale answer, doubled with each further one: the sale behind it is on its way to us.
const STALE_PAUSE: Duration = Duration::from_millis(500);

/// The channel shows another number than we believe.
const STALE: &str = "CHANGE_FROM_QUANTITY_STALE";
/// The channel refuses a row of the batch.
const ROW_REFUSED: &str = "ROW_REFUSED";

/// One number on its way.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Setting {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// The channel's id of the stocked item.
    #[prost(string, tag = "2")]
    pub item_id: String,
    /// The channel's id of the location.
    #[prost(string, tag = "3")]
    pub location_id: String,
    /// The new number.
    #[prost(int64, tag = "4")]
    pub quantity: i64,
    /// What we believe is shown.
    #[prost(int64, tag = "5")]
    pub expected: i64,
}

/// The publication of a location to a channel.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Publication {
    /// Location code.
    #[prost(string, tag = "1")]
    pub location: String,
    /// The channel's instance.
    #[prost(string, tag = "2")]
    pub channel: String,
    /// Grows whenever a row needs telling.
    #[prost(uint64, tag = "3")]
    pub touched: u64,
    /// Rows may need telling.
    #[prost(bool, tag = "4")]
    pub pending: bool,
    /// Number of the current batch.
    #[prost(uint64, tag = "5")]
    pub round: u64,
    /// What is on its way.
    #[prost(message, repeated, tag = "6")]
    pub batch: Vec<Setting>,
    /// The batch was stale: the channel is read again.
    #[prost(bool, tag = "7")]
    pub rereading: bool,
    /// Stale answers in a row.
    #[prost(uint32, tag = "8")]
    pub stale: u32,
    /// Not before this time again, milliseconds since 1970.
    #[prost(int64, tag = "9")]
    pub next_at: i64,
    /// Rows in the next batch, after a refusal fewer; 0 is the most.
    #[prost(uint32, tag = "10")]
    pub most: u32,
    /// Rows told so far.
    #[prost(uint64, tag = "11")]
    pub told: u64,
    /// Stamp of the current batch: milliseconds since 1970, and always more than any before and any that its channel shows.
    #[prost(uint64, tag = "12")]
    pub stamp: u64,
    /// When the current batch was collected, milliseconds since 1970.
    #[prost(int64, tag = "13")]
    pub collected_at: i64,
}

impl Publication {
    /// Notes that a row needs telling; true when nobody was about to look.
    pub(crate) fn wake(&mut self) -> bool {
        self.touched = self.touched.saturating_add(1);
        let asleep = !self.pending && self.batch.is_empty();
        self.pending = true;
        asleep
    }

    /// Takes over what was collected; a row that was touched after the look may be missing: then look again.
    fn open_round(&mut self, settings: &[Setting], touched: u64, now: Timestamp) {
        self.pending = !settings.is_empty() || self.touched != touched;
        self.batch = settings.to_vec();
        self.collected_at = now.as_millisecond();
        self.stamp = self.stamp.saturating_add(1).max(u64::try_from(self.collected_at).unwrap_or(0));
    }

    fn close_round(&mut self, pause: Duration, now: Timestamp) {
        self.batch.clear();
        self.rereading = false;
        self.round = self.round.saturating_add(1);
        self.pending = true;
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        self.next_at = now.as_millisecond().saturating_add(pause);
    }
}

/// What a publication asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Find the rows whose number differs.
    Collect,
    /// Send a batch.
    Set,
    /// Read what the channel shows of the rows of a stale batch.
    ReadBack,
}

/// What a step brings.
#[derive(Debug)]
pub(crate) enum Told {
    /// Rows to tell, and how far the publication was touched when they were looked for.
    Collected(Vec<Setting>, u64),
    /// The channel shows the batch.
    Set,
    /// What the channel shows, by item code; an item that it does not stock is missing.
    Readings(BTreeMap<String, i64>),
}

impl Step for Telling {
    /// The same names for ever, each confirmation begins a new round: a publication never ends, and its ledger must not
    /// grow with it. The key of a setting is made of the round instead.
    fn name(&self) -> String {
        match self {
            Self::Collect => "collect".to_owned(),
            Self::Set => "commerce.set_stock".to_owned(),
            Self::ReadBack => "commerce.get_stock".to_owned(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Set => Class::Keyed,
            Self::Collect | Self::ReadBack => Class::Call,
        }
    }

    fn routine(&self) -> bool {
        true
    }

    fn policy(&self) -> Policy {
        // A channel may be away for days; its numbers wait.
        Policy { deadline: Duration::MAX, ..Policy::VENDOR }
    }
}

/// A channel as the publication needs it.
#[derive(Clone)]
pub(crate) struct Outlet {
    /// Its connector.
    pub peer: Peer,
    /// How it treats its numbers.
    pub manner: Manner,
    /// A location's numbers are told this often at most.
    pub pause: Duration,
}

impl Outlet {
    /// Most rows in a batch.
    fn most(&self) -> u32 {
        match self.manner {
            Manner::Shows => agents::ROWS,
            Manner::Sells | Manner::Subtracts => BATCH,
        }
    }
}

/// Tells channels.
pub(crate) struct Publish {
    store: Store,
    channels: Vec<String>,
    outlets: BTreeMap<String, Outlet>,
    doubts: Doubts,
}

impl Publish {
    /// A publisher to these channels.
    #[must_use]
    pub(crate) fn new(store: Store, outlets: BTreeMap<String, Outlet>, doubts: Doubts) -> Self {
        Self { store, channels: outlets.keys().cloned().collect(), outlets, doubts }
    }

    fn outlet(&self, doc: &Publication) -> Result<&Outlet, Failure> {
        self.outlets.get(&doc.channel).ok_or_else(|| {
            let detail = format!("channel {} is no longer configured; nothing is told to it", doc.channel);
            Failure::refused("CHANNEL_NOT_CONFIGURED", detail)
        })
    }

    async fn collect(&self, doc: &Publication) -> Result<Told, Failure> {
        let most = self.outlet(doc)?.most();
        let limit = if doc.most == 0 { most } else { doc.most.min(most) };
        let query = IndexQuery {
            name: site::unpublished(&doc.location, &doc.channel),
            prefix: vec![],
            after: None,
            limit: usize::try_from(limit).unwrap_or(1),
        };
        let partition = <site::Site as retail_store::Document>::partition(&site_id(&doc.location));
        let entries = self.store.index(partition, &query).await.map_err(unread)?;
        let mut settings = Vec::with_capacity(entries.len());
        for entry in entries {
            let row = self.store.read::<Stock>(entry.key.id()).await.map_err(unread)?;
            let Some(row) = row.map(|found| found.doc).filter(|row| row.is_dirty(&doc.channel)) else { continue };
            if let Some(shown) = row.shown_by(&doc.channel) {
                settings.push(Setting {
                    sku: row.sku.clone(),
                    item_id: shown.item_id.clone(),
                    location_id: shown.location_id.clone(),
                    quantity: row.target(shown),
                    expected: shown.quantity,
                });
            }
        }
        Ok(Told::Collected(settings, doc.touched))
    }

    async fn set(&self, doc: &Publication, key: String) -> Result<Told, Failure> {
        let outlet = self.outlet(doc)?;
        let set = match outlet.manner {
            Manner::Shows => agents::show(&outlet.peer, doc).await,
            Manner::Sells | Manner::Subtracts => Self::set_stock(&outlet.peer, doc, key).await,
        };
        match set {
            Ok(()) => Ok(Told::Set),
            Err(Failure::Refused { reason, detail }) if reason != STALE => {
                Err(Failure::refused(ROW_REFUSED, format!("{reason}: {detail}")))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn set_stock(peer: &Peer, doc: &Publication, key: String) -> Result<(), Failure> {
        let settings = doc
            .batch
            .iter()
            .map(|setting| shop::StockSetting {
                sku: setting.sku.clone(),
                inventory_item_id: setting.item_id.clone(),
                location_id: setting.location_id.clone(),
                quantity: setting.quantity,
                expected: Some(setting.expected),
            })
            .collect();
        let request = shop::SetStockRequest { instance: doc.channel.clone(), idempotency_key: key, settings };
        let answer = CommerceServiceClient::new(peer.clone()).set_stock(request).await?.into_inner();
        retail_flow::done("commerce.SetStock", answer.outcome.as_ref())
    }

    async fn read_back(&self, doc: &Publication) -> Result<Told, Failure> {
        let mut client = CommerceServiceClient::new(self.outlet(doc)?.peer.clone());
        let mut places: BTreeMap<&str, Vec<&Setting>> = BTreeMap::new();
        for setting in &doc.batch {
            places.entry(&setting.location_id).or_default().push(setting);
        }
        let mut readings = BTreeMap::new();
        for (location_id, settings) in places {
            let request = shop::GetStockRequest {
                instance: doc.channel.clone(),
                inventory_item_ids: settings.iter().map(|setting| setting.item_id.clone()).collect(),
                location_id: location_id.to_owned(),
            };
            let answer = client.get_stock(request).await?.into_inner();
            for reading in answer.readings {
                let found = settings.iter().find(|setting| setting.item_id == reading.inventory_item_id);
                readings.extend(found.map(|setting| (setting.sku.clone(), reading.available)));
            }
        }
        self.warn_of_rows_left(doc, &readings).await;
        let is_lower =
            |setting: &&Setting| readings.get(&setting.sku).is_some_and(|reading| *reading < setting.expected);
        self.doubts.note(Doubt::Unseen, doc.batch.iter().filter(is_lower).map(|setting| setting.sku.clone()));
        Ok(Told::Readings(readings))
    }

    /// The fifth stale answer leaves a row to the next reading of the whole channel: somebody should know.
    async fn warn_of_rows_left(&self, doc: &Publication, readings: &BTreeMap<String, i64>) {
        for setting in &doc.batch {
            let Ok(Some(row)) = self.store.read::<Stock>(&stock_id(&doc.location, &setting.sku)).await else {
                continue;
            };
            let Some(shown) = row.doc.shown_by(&doc.channel) else { continue };
            let differs = readings.get(&setting.sku).is_some_and(|reading| *reading != shown.quantity);
            if differs && shown.stale.saturating_add(1) >= STALE_LIMIT {
                tracing::warn!(
                    sku = setting.sku,
                    location = doc.location,
                    channel = doc.channel,
                    "the channel's number keeps changing under us; the row is left until the channel is read again"
                );
            }
        }
    }

    /// Runs a rule over the rows of the batch.
    fn rows(&self, draft: &mut Draft<Publication>, rule: impl Fn(&mut Stock, &Setting)) {
        let (location, batch) = (draft.doc.location.clone(), draft.doc.batch.clone());
        let skus = batch.iter().map(|setting| setting.sku.clone()).collect();
        let loaded = site::load(draft, &location, &skus);
        let mut rows = loaded.into_parts().0;
        for setting in &batch {
            if let Some(row) = rows.get_mut(&setting.sku) {
                rule(row, setting);
            }
        }
        site::store_quietly(draft, Shelf::new(&location, rows.into_values()), &self.channels);
    }

    fn take_set(&self, draft: &mut Draft<Publication>, now: Timestamp) {
        let (channel, stamp) = (draft.doc.channel.clone(), draft.doc.stamp);
        let outlet = self.outlets.get(&channel);
        if outlet.is_some_and(|outlet| outlet.manner == Manner::Shows) {
            self.rows(draft, |row, setting| row.shows(&channel, setting.quantity, stamp));
        } else {
            self.rows(draft, |row, setting| row.published(&channel, setting.expected, setting.quantity));
        }
        let told = u32::try_from(draft.doc.batch.len()).unwrap_or(u32::MAX);
        draft.doc.told = draft.doc.told.saturating_add(u64::from(told));
        draft.doc.stale = 0;
        draft.doc.most = draft.doc.most.saturating_mul(2);
        // A full batch may have left some: they need not wait their turn.
        let pause = outlet.map_or(PAUSE, |outlet| if told < outlet.most() { outlet.pause } else { PAUSE });
        draft.doc.close_round(pause, now);
    }

    fn take_readings(&self, draft: &mut Draft<Publication>, readings: &BTreeMap<String, i64>, now: Timestamp) {
        let channel = draft.doc.channel.clone();
        let subtracts = self.outlets.get(&channel).is_some_and(|outlet| outlet.manner == Manner::Subtracts);
        self.rows(draft, |row, setting| match readings.get(&setting.sku) {
            Some(reading) => {
                let reading = Shown {
                    channel: channel.clone(),
                    item_id: setting.item_id.clone(),
                    location_id: setting.location_id.clone(),
                    quantity: *reading,
                    ..Shown::default()
                };
                if row.read_back(&reading, subtracts, now) {
                    row.stale_answer(&channel);
                }
            }
            None => row.shown.retain(|shown| shown.channel != channel),
        });
        let doublings = draft.doc.stale.min(7);
        draft.doc.stale = draft.doc.stale.saturating_add(1);
        draft.doc.close_round(STALE_PAUSE.saturating_mul(2_u32.saturating_pow(doublings)), now);
    }
}

impl Process for Publish {
    type Doc = Publication;
    type Step = Telling;
    type Outcome = Told;

    fn decide(&self, doc: &Publication, now: Timestamp) -> Next<Telling> {
        if doc.rereading {
            return Next::Do(vec![Telling::ReadBack]);
        }
        if !doc.batch.is_empty() {
            return Next::Do(vec![Telling::Set]);
        }
        if !doc.pending {
            return Next::Wait(None);
        }
        if doc.next_at > now.as_millisecond() {
            return Next::Wait(Timestamp::from_millisecond(doc.next_at).ok());
        }
        Next::Do(vec![Telling::Collect])
    }

    async fn perform(&self, id: &str, doc: &Publication, step: &Telling, _: Attempt) -> Result<Told, Failure> {
        match step {
            Telling::Collect => self.collect(doc).await,
            Telling::Set => {
                self.set(doc, Ids::derived("weft.publication", &[id, &doc.round.to_string()]).to_string()).await
            }
            Telling::ReadBack => self.read_back(doc).await,
        }
    }

    fn apply(&self, draft: &mut Draft<Publication>, _: &Telling, outcome: &Told, now: Timestamp) {
        match outcome {
            Told::Collected(settings, touched) => draft.doc.open_round(settings, *touched, now),
            Told::Set => self.take_set(draft, now),
            Told::Readings(readings) => self.take_readings(draft, readings, now),
        }
    }

    fn refused(&self, draft: &mut Draft<Publication>, step: &Telling, why: &Failure, now: Timestamp) -> Verdict {
        match step {
            Telling::Set if why.reason() == STALE => {
                draft.doc.rereading = true;
                Verdict::Handled
            }
            // All or nothing: find the row that is refused by halves, and leave it alone until the channel is read.
            Telling::Set if why.reason() == ROW_REFUSED => {
                let rows = u32::try_from(draft.doc.batch.len()).unwrap_or(BATCH);
                if rows <= 1 {
                    let channel = draft.doc.channel.clone();
                    self.rows(draft, |row, _| row.leave(&channel));
                }
                draft.doc.most = (rows / 2).max(1);
                draft.doc.close_round(PAUSE, now);
                Verdict::Handled
            }
            Telling::Set | Telling::Collect | Telling::ReadBack => Verdict::Park,
        }
    }

    fn seal(&self, _: &mut Draft<Publication>, _: &Publication, _: Timestamp) {}

    fn summary(&self, doc: &Publication) -> Summary {
        let status = if doc.rereading {
            "The shop showed other numbers; reading it again".to_owned()
        } else if !doc.batch.is_empty() {
            format!("Telling {} numbers", doc.batch.len())
        } else if doc.pending {
            "Numbers are waiting to be told".to_owned()
        } else {
            format!("Up to date; {} numbers told so far", doc.told)
        };
        Summary { name: format!("stock {} to {}", doc.location, doc.channel), status }
    }
}
