//! Reading items, places, cross-references, stock and shown numbers from their owners, page by page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use retail_flow::{Failure, Leases};
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::{Peer, Runtime, Timestamp};
use retail_store::Document as _;
use tokio::sync::Mutex;

use crate::agents::Reading;
use crate::books::{Books, Count, Counting, Verdict};
use crate::catalogue::{CATALOGUE, Catalogue, Item, Place};
use crate::config::{Authority, Channel, Config, Kind};
use crate::fault::Error;
use crate::inbound::Inbound;
use crate::owners::{counted, item, links, match_places, record};
use crate::publication::Shown;
use crate::reference::{Reference, code};
use crate::stock::Counter;

/// A page of a connector may be larger than the usual message.
pub(crate) const MAX_PAGE_BYTES: usize = 16 << 20;
/// More pages than any catalogue has: a token that never ends is a defect of the connector.
pub(crate) const MAX_PAGES: usize = 100_000;
/// Readings of one call.
const READINGS: usize = 100;
/// Unmatched items that are named in an answer.
const UNMATCHED: usize = 1_000;
/// First wait after a failure.
const BACKOFF: Duration = Duration::from_secs(1);
/// How often a replica looks whether the reading has become its own.
const WATCH: Duration = Duration::from_secs(2);
/// Longest wait after a failure.
const BACKOFF_CAP: Duration = Duration::from_secs(60);

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// Items of the ERP.
    pub items: u64,
    /// Places of the ERP.
    pub places: u64,
    /// Stock rows taken over.
    pub stock_rows: u64,
    /// Stock rows left because an adjustment is under way or a newer count is known.
    pub stock_rows_left: u64,
    /// Numbers that channels show.
    pub shown: u64,
    /// What a CRM shows could not be read: nothing waits for that.
    pub unseen: bool,
    /// Items of a shop that match no item by code; the first ones.
    pub unmatched: Vec<String>,
    /// Documents by which the ERP expects goods.
    pub expected: u64,
}

/// Reads the owners. One reading at a time.
#[derive(Clone)]
pub(crate) struct Sync {
    runtime: Runtime,
    reference: Reference,
    books: Books,
    inbound: Inbound,
    erp: Option<(String, Peer)>,
    channels: Arc<Vec<(Channel, Peer)>>,
    home: Arc<str>,
    refresh: Duration,
    expected_refresh: Duration,
    /// Locations whose availability is the ERP's.
    asked: Arc<BTreeSet<String>>,
    turn: Arc<Mutex<()>>,
}

impl Sync {
    /// Over the configured owners.
    #[must_use]
    pub(crate) fn new(
        runtime: &Runtime,
        config: &Config,
        (reference, books, inbound): (Reference, Books, Inbound),
        erp: Option<(String, Peer)>,
        channels: Vec<(Channel, Peer)>,
    ) -> Self {
        Self {
            runtime: runtime.clone(),
            reference,
            books,
            inbound,
            erp,
            channels: Arc::new(channels),
            home: config.default_location.as_str().into(),
            refresh: config.refresh.into(),
            expected_refresh: config.expected_refresh.into(),
            asked: Arc::new(asked(config)),
            turn: Arc::default(),
        }
    }

    /// Reads when nothing was ever read, then at every refresh, until the runtime stops. What fails is tried again. One
    /// replica reads for all: the one that holds the partition of the catalogue.
    pub(crate) async fn keep_fresh(self, leases: Leases) {
        let stopping = self.runtime.stopping();
        tokio::select! {
            () = stopping.cancelled() => {}
            () = self.read_for_ever(&leases) => {}
        }
    }

    async fn read_for_ever(&self, leases: &Leases) {
        let (mut backoff, mut unseen) = (BACKOFF, false);
        loop {
            if !leases.holds(Catalogue::partition(CATALOGUE)) {
                self.runtime.clock().sleep(WATCH).await;
                continue;
            }
            let wait = match self.next_reading().await {
                Ok(wait) if !wait.is_zero() && unseen => match self.read_agents().await {
                    Ok(_) => {
                        (backoff, unseen) = (BACKOFF, false);
                        wait
                    }
                    Err(error) => self.failed(&error, &mut backoff).min(wait),
                },
                Ok(wait) if !wait.is_zero() => wait,
                Ok(_) => match self.read(true).await {
                    Ok(read) => {
                        (backoff, unseen) = (BACKOFF, read.unseen);
                        report(&read);
                        if unseen { BACKOFF } else { self.refresh }
                    }
                    Err(error) => self.failed(&error, &mut backoff),
                },
                Err(error) => self.failed(&error, &mut backoff),
            };
            self.runtime.clock().sleep(wait).await;
        }
    }

    /// Reads what the ERP expects to come in, again and again until the runtime stops; one replica for all, as above.
    pub(crate) async fn keep_expecting(self, leases: Leases) {
        let stopping = self.runtime.stopping();
        tokio::select! {
            () = stopping.cancelled() => {}
            () = self.expect_for_ever(&leases) => {}
        }
    }

    async fn expect_for_ever(&self, leases: &Leases) {
        let mut backoff = BACKOFF;
        loop {
            // The first reading of everything has it, too.
            self.runtime
                .clock()
                .sleep(if leases.holds(Catalogue::partition(CATALOGUE)) { self.expected_refresh } else { WATCH })
                .await;
            while leases.holds(Catalogue::partition(CATALOGUE)) {
                let Err(error) = self.read_expected().await else {
                    backoff = BACKOFF;
                    break;
                };
                let wait = self.failed(&error, &mut backoff);
                self.runtime.clock().sleep(wait).await;
            }
        }
    }

    async fn read_expected(&self) -> Result<u64, Error> {
        let _turn = self.turn.lock().await;
        let Some((instance, peer)) = &self.erp else { return Ok(0) };
        let client = ErpServiceClient::new(peer.clone()).max_decoding_message_size(MAX_PAGE_BYTES);
        self.inbound.sweep(instance, client).await
    }

    fn failed(&self, error: &Error, backoff: &mut Duration) -> Duration {
        let half = *backoff / 2;
        let wait = half.saturating_add(self.runtime.rng().jitter(half));
        tracing::warn!(
            error = chain(error),
            wait_ms = wait.as_millis(),
            "what others own or show could not be read; trying again"
        );
        *backoff = backoff.saturating_mul(2).min(BACKOFF_CAP);
        wait
    }

    /// How long until the next reading; nothing when one is due.
    async fn next_reading(&self) -> Result<Duration, Error> {
        let synced_at = self.reference.catalogue().await?.synced_at;
        let age = self.runtime.clock().now().as_millisecond().saturating_sub(synced_at);
        let age = Duration::from_millis(u64::try_from(age).unwrap_or_default());
        Ok(if synced_at == 0 { Duration::ZERO } else { self.refresh.saturating_sub(age) })
    }

    /// Reads everything now. With `include_stock` the authority's numbers become ours, and what shops show is read.
    pub(crate) async fn read(&self, include_stock: bool) -> Result<Read, Error> {
        let _turn = self.turn.lock().await;
        let Some((instance, peer)) = &self.erp else { return Err(Error::NoOwner) };
        let mut client = ErpServiceClient::new(peer.clone()).max_decoding_message_size(MAX_PAGE_BYTES);
        let mut read = Read::default();
        self.read_places(instance, &mut client, &mut read).await?;
        self.read_items(instance, &mut client, &mut read).await?;
        // Before the stock: what came in since is then on hand and no longer expected, not both.
        read.expected = self.inbound.sweep(instance, client.clone()).await?;
        if include_stock {
            self.read_stock(instance, &mut client, &mut read).await?;
        }
        for (channel, peer) in self.channels.iter() {
            if channel.kind == Kind::Shop {
                self.read_channel(channel, peer, include_stock, &mut read).await?;
            }
        }
        if include_stock {
            match self.agents().await {
                Ok(shown) => read.shown = read.shown.saturating_add(shown),
                // The side never stops the business.
                Err(error) => {
                    tracing::warn!(error = chain(&error), "what agents see could not be read; the rest was");
                    read.unseen = true;
                }
            }
        }
        self.reference.synced(read.items).await?;
        Ok(read)
    }

    /// Reads what CRMs show, and nothing else.
    async fn read_agents(&self) -> Result<u64, Error> {
        let _turn = self.turn.lock().await;
        self.agents().await
    }

    /// What every CRM shows; one that is away keeps no other from being read.
    async fn agents(&self) -> Result<u64, Error> {
        let (mut shown, mut failed) = (0_u64, None);
        for (channel, peer) in self.channels.iter().filter(|(channel, _)| channel.kind == Kind::Crm) {
            let reading = Reading { reference: &self.reference, books: &self.books, channel, peer };
            match reading.take().await {
                Ok(rows) => shown = shown.saturating_add(rows),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(shown), Err)
    }

    async fn read_places(
        &self,
        instance: &str,
        client: &mut ErpServiceClient<Peer>,
        read: &mut Read,
    ) -> Result<(), Error> {
        let request = erp::ListLocationsRequest { instance: instance.to_owned() };
        let answer = client.list_locations(request).await.map_err(|status| upstream(instance, status))?.into_inner();
        let places: Vec<Place> = answer
            .locations
            .into_iter()
            .filter(|location| !location.code.is_empty() && !location.inactive)
            .map(|location| Place {
                code: location.code,
                name: location.name,
                refs: location.location.into_iter().collect(),
            })
            .collect();
        read.places = count(places.len());
        self.reference.put_places(places).await
    }

    async fn read_items(
        &self,
        instance: &str,
        client: &mut ErpServiceClient<Peer>,
        read: &mut Read,
    ) -> Result<(), Error> {
        let (mut page_token, mut kits) = (String::new(), vec![]);
        for _ in 0..MAX_PAGES {
            let request = erp::ListItemsRequest { instance: instance.to_owned(), page_size: 0, page_token };
            let answer = client.list_items(request).await.map_err(|status| upstream(instance, status))?.into_inner();
            let items: Vec<Item> =
                answer.items.into_iter().filter(|item| !item.sku.trim().is_empty()).map(item).collect();
            read.items = read.items.saturating_add(count(items.len()));
            let (made, items) = items.into_iter().partition::<Vec<Item>, _>(Item::is_kit);
            kits.extend(made);
            self.reference.put_items(items).await?;
            if answer.next_page_token.is_empty() {
                return self.reference.put_kits(kits).await;
            }
            page_token = answer.next_page_token;
        }
        Err(endless(instance))
    }

    async fn read_stock(
        &self,
        instance: &str,
        client: &mut ErpServiceClient<Peer>,
        read: &mut Read,
    ) -> Result<(), Error> {
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let asked_at = self.runtime.clock().now();
            let request = erp::ListStockRequest {
                instance: instance.to_owned(),
                page_size: 0,
                page_token,
                with_commitments: !self.asked.is_empty(),
            };
            let answer = client.list_stock(request).await.map_err(|status| upstream(instance, status))?.into_inner();
            let as_of = answer.as_of.and_then(|at| instant(&at)).unwrap_or(asked_at);
            let counting = Counting { authority: instance.to_owned(), counter: Counter::Books, as_of };
            let rows: Vec<Count> =
                answer.rows.iter().filter_map(|row| counted(row, self.asked.contains(&row.location))).collect();
            if rows.len() < answer.rows.len() {
                let left = answer.rows.len().saturating_sub(rows.len());
                tracing::warn!(instance, left, "stock rows without code, place or readable number were left out");
            }
            for verdict in self.books.count(&counting, &rows).await? {
                match verdict {
                    Verdict::Taken => read.stock_rows = read.stock_rows.saturating_add(1),
                    Verdict::Stale | Verdict::Unsettled => {
                        read.stock_rows_left = read.stock_rows_left.saturating_add(1);
                    }
                }
            }
            if answer.next_page_token.is_empty() {
                return Ok(());
            }
            page_token = answer.next_page_token;
        }
        Err(endless(instance))
    }

    async fn read_channel(
        &self,
        channel: &Channel,
        peer: &Peer,
        include_stock: bool,
        read: &mut Read,
    ) -> Result<(), Error> {
        let instance = channel.instance.as_str();
        let mut client = CommerceServiceClient::new(peer.clone()).max_decoding_message_size(MAX_PAGE_BYTES);
        let request = shop::ListLocationsRequest { instance: instance.to_owned() };
        let answer = client.list_locations(request).await.map_err(|status| upstream(instance, status))?.into_inner();
        let places = self.match_places(channel, &answer.locations).await?;
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let request = shop::ListItemsRequest { instance: instance.to_owned(), page_size: 0, page_token };
            let answer = client.list_items(request).await.map_err(|status| upstream(instance, status))?.into_inner();
            let unmatched = self.reference.link(links(instance, &answer.items)).await?;
            let room = UNMATCHED.saturating_sub(read.unmatched.len());
            read.unmatched.extend(unmatched.into_iter().take(room));
            if include_stock {
                for (location, location_id) in &places {
                    self.read_shown(channel, &mut client, (location, location_id), &answer.items, read).await?;
                }
            }
            if answer.next_page_token.is_empty() {
                return Ok(());
            }
            page_token = answer.next_page_token;
        }
        Err(endless(instance))
    }

    /// Which of our places is which of the shop's: as configured, else by name, else the only one is the default.
    async fn match_places(
        &self,
        channel: &Channel,
        found: &[shop::Location],
    ) -> Result<BTreeMap<String, String>, Error> {
        let known = self.reference.catalogue().await?;
        let matched = match_places(channel, found, &known.places, &self.home);
        if matched.is_empty() {
            tracing::warn!(
                channel = channel.instance,
                "no location of the shop is known; map them in the configuration"
            );
        }
        let places = matched.iter().filter_map(|(location, id)| {
            let place = known.place(location)?;
            Some(Place { refs: vec![record(&channel.instance, "location", id)], ..place.clone() })
        });
        self.reference.put_places(places.collect()).await?;
        Ok(matched)
    }

    async fn read_shown(
        &self,
        channel: &Channel,
        client: &mut CommerceServiceClient<Peer>,
        (location, location_id): (&str, &str),
        items: &[shop::Item],
        read: &mut Read,
    ) -> Result<(), Error> {
        for chunk in items.chunks(READINGS) {
            let by_id: BTreeMap<&str, String> = chunk
                .iter()
                .filter(|item| !item.sku.trim().is_empty())
                .map(|item| (item.inventory_item_id.as_str(), code(&item.sku)))
                .collect();
            if by_id.is_empty() {
                continue;
            }
            let request = shop::GetStockRequest {
                instance: channel.instance.clone(),
                inventory_item_ids: by_id.keys().map(|id| (*id).to_owned()).collect(),
                location_id: location_id.to_owned(),
            };
            let answer =
                client.get_stock(request).await.map_err(|status| upstream(&channel.instance, status))?.into_inner();
            let readings: Vec<(String, Shown)> = answer
                .readings
                .into_iter()
                .filter_map(|reading| {
                    let sku = by_id.get(reading.inventory_item_id.as_str())?.clone();
                    let shown = Shown {
                        channel: channel.instance.clone(),
                        item_id: reading.inventory_item_id,
                        location_id: location_id.to_owned(),
                        quantity: reading.available,
                        limits: Some(channel.limits.into()),
                        ..Shown::default()
                    };
                    Some((sku, shown))
                })
                .collect();
            let items = self.reference.items(readings.iter().map(|(sku, _)| sku.clone()).collect()).await?;
            let kits = items.into_iter().filter(|(_, item)| item.is_kit()).map(|(sku, item)| (sku, item.components));
            let taken = self.books.read_back(location, channel.manner(), readings, kits.collect()).await?;
            read.shown = read.shown.saturating_add(count(taken));
        }
        Ok(())
    }
}

/// Locations where the ERP says what is available.
fn asked(config: &Config) -> BTreeSet<String> {
    let theirs = config.authority.iter().filter(|(_, authority)| **authority == Authority::Erp);
    theirs.map(|(location, _)| location.clone()).collect()
}

/// The instant of a protobuf timestamp, when it is one.
pub(crate) fn instant(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).ok()
}

pub(crate) fn upstream(system: &str, status: tonic::Status) -> Error {
    Error::upstream(system, &Failure::from(status))
}

pub(crate) fn endless(system: &str) -> Error {
    Error::Upstream { system: system.to_owned(), reason: "ENDLESS_PAGES".to_owned(), retry_after: None }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn report(read: &Read) {
    tracing::info!(
        items = read.items,
        places = read.places,
        stock_rows = read.stock_rows,
        stock_rows_left = read.stock_rows_left,
        expected = read.expected,
        shown = read.shown,
        unmatched = read.unmatched.len(),
        "items and stock were read from their owners"
    );
}
