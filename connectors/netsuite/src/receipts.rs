//! Receipts of returned goods.
//!
//! Whether goods were restocked is a field of the record alone; no SuiteQL column for it is documented. So each receipt's
//! record is read, once per version: what was read is remembered by (id, last change).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use retail_connect::Lane;
use retail_proto::Quantity;
use retail_proto::erp::v1 as pb;
use serde_json::Number;

use crate::catalogue::Place;
use crate::client::Suite;
use crate::fault::Error;
use crate::flow;
use crate::map;
use crate::row::decimal;
use crate::wire::returns::ReceiptRecord;

/// More versions than this are not remembered at once.
const MOST_VERSIONS: usize = 10_000;
/// Records read at the same time; the budget decides in the end.
const AT_ONCE: usize = 4;

/// Receipts by internal id, with the change they were read at.
type Read = BTreeMap<i64, (String, Arc<ReceiptRecord>)>;

/// Reads receipts.
#[derive(Clone)]
pub(crate) struct Receipts {
    suite: Suite,
    read: Arc<Mutex<Read>>,
}

impl Receipts {
    pub(crate) fn new(suite: Suite) -> Self {
        Self { suite, read: Arc::default() }
    }

    /// Receipts, given as (internal id, last change). One that was deleted in between is left out.
    pub(crate) async fn records(
        &self,
        receipts: &[(i64, String)],
        lane: Lane,
    ) -> Result<BTreeMap<i64, Arc<ReceiptRecord>>, Error> {
        stream::iter(receipts.to_vec())
            .map(|(id, changed)| self.one(id, changed, lane))
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|found| async { Ok(found) })
            .try_collect()
            .await
    }

    async fn one(&self, id: i64, changed: String, lane: Lane) -> Result<Option<(i64, Arc<ReceiptRecord>)>, Error> {
        if let Some((_, record)) = self.lock().get(&id).filter(|(version, _)| *version == changed) {
            return Ok(Some((id, Arc::clone(record))));
        }
        let path = format!("/itemReceipt/{id}?expandSubResources=true");
        let Some(record) = self.suite.get::<ReceiptRecord>("item_receipt.get", &path, lane, "").await? else {
            return Ok(None);
        };
        let record = Arc::new(record);
        let mut read = self.lock();
        if read.len() >= MOST_VERSIONS {
            read.clear();
        }
        read.insert(id, (changed, Arc::clone(&record)));
        Ok(Some((id, record)))
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A receipt in our words: its lines point at the return's, which `order_line` turns into the sales order's. A line that
/// people added to the return has no line of the sales order behind it and is left out.
pub(crate) fn receipt(
    record: &ReceiptRecord,
    instance: &str,
    places: &[Place],
    order_line: impl Fn(i32) -> Option<i32>,
) -> Result<pb::Receipt, Error> {
    let mut lines = Vec::new();
    for line in &record.item.items {
        let Some(line_number) = whole(line.order_line.as_ref()).and_then(&order_line) else { continue };
        let location = line.location.as_ref().map(|location| location.id.parse::<i64>());
        let location = location.transpose().map_err(|_| unreadable("location"))?;
        lines.push(pb::ReceiptLine {
            line_number,
            quantity: quantity(line.quantity.as_ref()).ok_or_else(|| unreadable("quantity"))?.to_string(),
            restock: line.restock,
            location: flow::code(places, location),
        });
    }
    let ours = record.external_id.strip_prefix(map::RECEIPT).unwrap_or_default();
    Ok(pb::Receipt {
        document: Some(map::reference(instance, "itemReceipt", &record.id, record.tran_id.as_str())),
        external_ref: ours.to_owned(),
        lines,
        date: record.tran_date.clone(),
    })
}

/// A line's number.
pub(crate) fn whole(number: Option<&Number>) -> Option<i32> {
    number?.to_string().parse().ok()
}

/// A quantity; zero when the record leaves it out.
pub(crate) fn quantity(number: Option<&Number>) -> Option<Quantity> {
    match number {
        None => Some(Quantity::ZERO),
        Some(number) => decimal(&number.to_string())?.abs().normalize().to_string().parse().ok(),
    }
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable { operation: "item_receipt.get", why: format!("{what} is missing or malformed") }
}
