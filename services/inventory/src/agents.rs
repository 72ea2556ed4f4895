//! What service agents see in the CRM of what may be sold. A CRM sells nothing, so nothing is compared before it is told; a
//! stamp that only grows keeps an older number, late on its way, from replacing a newer one.

use std::collections::{BTreeMap, BTreeSet};

use retail_flow::Failure;
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::timestamp;
use retail_runtime::{Ids, Peer};

use crate::books::Books;
use crate::config::Channel;
use crate::fault::Error;
use crate::kit::Component;
use crate::publication::{NOT_SHOWN, Shown};
use crate::publish::Publication;
use crate::reference::Reference;
use crate::stock::Stock;
use crate::sync::{MAX_PAGE_BYTES, MAX_PAGES, endless, upstream};

/// Most rows in a telling.
pub(crate) const ROWS: u32 = 200;

/// Reads what a CRM shows of every location, so that rows it does not have are told, and what somebody changed there by
/// hand is set right.
pub(crate) struct Reading<'a> {
    pub reference: &'a Reference,
    pub books: &'a Books,
    pub channel: &'a Channel,
    pub peer: &'a Peer,
}

/// What is shown at a location, by item code: the number and its stamp.
type Rows = BTreeMap<String, (i64, u64)>;

impl Reading<'_> {
    /// Takes over what is shown; answers of how many records that was news.
    pub(crate) async fn take(&self) -> Result<u64, Error> {
        let kits = self.reference.kits().await?;
        let mut taken = 0_usize;
        for location in self.reference.catalogue().await?.codes() {
            let rows = self.rows(&location).await?;
            let mut after: Option<String> = None;
            let mut left: BTreeSet<&String> = kits.keys().collect();
            loop {
                let (page, last) = self.books.page(&location, after.as_deref()).await?;
                page.iter().for_each(|row| {
                    left.remove(&row.sku);
                });
                let news = page.iter().filter(|row| !self.is_known(row, &rows, &kits)).map(|row| row.sku.as_str());
                taken = taken.saturating_add(self.take_over(&location, news.collect(), &rows, &kits).await?);
                if last.is_none() {
                    break;
                }
                after = last;
            }
            // A kit has no record before it is shown for the first time.
            let unseen = left.into_iter().map(String::as_str).collect();
            taken = taken.saturating_add(self.take_over(&location, unseen, &rows, &kits).await?);
        }
        Ok(u64::try_from(taken).unwrap_or(u64::MAX))
    }

    async fn rows(&self, location: &str) -> Result<Rows, Error> {
        let instance = self.channel.instance.as_str();
        let mut client = CrmServiceClient::new(self.peer.clone()).max_decoding_message_size(MAX_PAGE_BYTES);
        let (mut rows, mut page_token) = (Rows::new(), String::new());
        for _ in 0..MAX_PAGES {
            let (instance_name, location) = (instance.to_owned(), location.to_owned());
            let request = crm::ListAvailabilityRequest { instance: instance_name, location, page_token };
            let answer = client.list_availability(request).await.map_err(|status| upstream(instance, status))?;
            let answer = answer.into_inner();
            rows.extend(answer.rows.into_iter().map(|row| (row.sku, (row.available, row.version))));
            if answer.next_page_token.is_empty() {
                return Ok(rows);
            }
            page_token = answer.next_page_token;
        }
        Err(endless(instance))
    }

    /// What is shown of an item; [`NOT_SHOWN`] without a row.
    fn shown(&self, sku: &str, rows: &Rows) -> Shown {
        let (quantity, stamp) = rows.get(sku).copied().unwrap_or((NOT_SHOWN, 0));
        let (channel, limits) = (self.channel.instance.clone(), Some(self.channel.limits.into()));
        Shown { channel, quantity, stamp, limits, ..Shown::default() }
    }

    /// True when the reading says nothing of a record that it does not know.
    fn is_known(&self, row: &Stock, rows: &Rows, kits: &BTreeMap<String, Vec<Component>>) -> bool {
        let read = self.shown(&row.sku, rows);
        let is_shown = row.shown_by(&self.channel.instance).is_some_and(|known| {
            known.stale == 0 && (known.quantity, known.stamp, known.limits) == (read.quantity, read.stamp, read.limits)
        });
        is_shown && row.parts.as_slice() == kits.get(&row.sku).map_or(&[][..], Vec::as_slice)
    }

    async fn take_over(
        &self,
        location: &str,
        skus: Vec<&str>,
        rows: &Rows,
        kits: &BTreeMap<String, Vec<Component>>,
    ) -> Result<usize, Error> {
        if skus.is_empty() {
            return Ok(0);
        }
        let made = |sku: &str| kits.get(sku).map(|parts| (sku.to_owned(), parts.clone()));
        let made = skus.iter().filter_map(|sku| made(sku)).collect();
        let readings = skus.iter().map(|sku| ((*sku).to_owned(), self.shown(sku, rows))).collect();
        self.books.read_back(location, self.channel.manner(), readings, made).await
    }
}

/// Shows a batch.
pub(crate) async fn show(peer: &Peer, doc: &Publication) -> Result<(), Failure> {
    let rows = doc.batch.iter().map(|setting| crm::Availability {
        external_ref: Ids::derived("weft.availability", &[&doc.location, &setting.sku]).to_string(),
        sku: setting.sku.clone(),
        location: doc.location.clone(),
        available: setting.quantity,
        as_of: Some(timestamp(doc.collected_at)),
        version: doc.stamp,
    });
    let request = crm::RecordAvailabilityRequest { instance: doc.channel.clone(), rows: rows.collect() };
    let answer = CrmServiceClient::new(peer.clone()).record_availability(request).await?.into_inner();
    retail_flow::done("crm.RecordAvailability", answer.outcome.as_ref())
}
