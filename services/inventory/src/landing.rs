//! What has arrived of a transfer, at its destination: stock, what is still expected, and the receipt itself are one
//! commit, however often it is tried.

use std::sync::Arc;

use retail_proto::Quantity;
use retail_runtime::{Clock, Timestamp};
use retail_store::{Draft, Store};

use crate::expected::Ending;
use crate::fault::Error;
use crate::keys::landing_document;
use crate::stock::{Act, StockError};
use crate::transfer::{Arrival, Transfer};
use crate::{expecting, site};

/// A receipt of a transfer at its destination.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Landing {
    /// Id of the transfer.
    #[prost(string, tag = "1")]
    pub transfer_id: String,
    /// Item codes whose stock waits for the ERP to be told.
    #[prost(string, repeated, tag = "2")]
    pub unposted: Vec<String>,
}

/// Takes arrivals in.
#[derive(Clone)]
pub(crate) struct Landings {
    store: Store,
    clock: Clock,
    channels: Arc<Vec<String>>,
    /// Who keeps the books, when anybody does.
    books: Arc<str>,
}

impl Landings {
    /// Over a store; `books` is the ERP that keeps the books, or empty.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, channels: Arc<Vec<String>>, books: &str) -> Self {
        Self { store, clock, channels, books: books.into() }
    }

    /// Takes an arrival in. A repeat changes nothing.
    pub(crate) async fn land(&self, transfer: &Transfer, arrival: &Arrival) -> Result<(), Error> {
        let (now, channels, books) = (self.clock.now(), Arc::clone(&self.channels), Arc::clone(&self.books));
        let document = landing_document(&transfer.to, &transfer.id, &arrival.receipt_id);
        let happened_at = Timestamp::from_millisecond(arrival.happened_at).unwrap_or(now);
        let (id, expected_id, to) = (transfer.id.clone(), transfer.expected_id(), transfer.to.clone());
        let (lines, posts) = (arrival.lines.clone(), transfer.to_post);
        let rule = move |draft: &mut Draft<Landing>| -> Result<(), StockError> {
            if draft.existed {
                return Ok(());
            }
            let endings: Vec<Ending> = lines
                .iter()
                .map(|came| Ending { sku: came.sku.clone(), came: came.received, lost: came.lost })
                .collect();
            let expected = expecting::end(draft, &to, &expected_id, &endings);
            let mut shelf = site::load(draft, &to, &lines.iter().map(|came| came.sku.clone()).collect());
            let act = Act { cause: &expected_id, happened_at, now };
            for came in &lines {
                let all = Quantity::from_millionths(came.received.saturating_add(came.surplus));
                shelf.with(&came.sku, |stock| {
                    let movement = stock.move_in(all, &books, act)?;
                    if posts {
                        stock.posting();
                    }
                    stock.expect(&expected.id, expected.coming(&came.sku));
                    Ok(((), movement))
                })?;
            }
            site::store(draft, shelf, &channels, now);
            let unposted = if posts { lines.iter().map(|came| came.sku.clone()).collect() } else { vec![] };
            draft.doc = Landing { transfer_id: id.clone(), unposted };
            Ok(())
        };
        self.store.step(&document, None, rule).await?;
        Ok(())
    }

    /// Notes that the ERP has an arrival. A repeat changes nothing.
    pub(crate) async fn posted(&self, transfer: &Transfer, arrival: &Arrival) -> Result<(), Error> {
        let (now, to) = (self.clock.now(), transfer.to.clone());
        let document = landing_document(&to, &transfer.id, &arrival.receipt_id);
        let rule = move |draft: &mut Draft<Landing>| -> Result<(), StockError> {
            let skus = std::mem::take(&mut draft.doc.unposted);
            if skus.is_empty() {
                return Ok(());
            }
            let mut shelf = site::load(draft, &to, &skus.iter().cloned().collect());
            for sku in &skus {
                shelf.with(sku, |stock| {
                    stock.posted(now);
                    Ok(((), None))
                })?;
            }
            // What channels show does not depend on what is posted, so nobody needs waking.
            site::store_quietly(draft, shelf, &[]);
            Ok(())
        };
        self.store.step(&document, None, rule).await?;
        Ok(())
    }
}
