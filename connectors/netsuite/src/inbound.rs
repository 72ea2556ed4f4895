//! Goods that are to come in: purchase orders, and transfer orders with goods on the road, whoever entered them.
//!
//! Columns that public SuiteQL clients read and the vendor page does not name: `transaction.duedate`,
//! `transactionline.expectedreceiptdate`, the type `PurchOrd` and the status letters of both orders. Lines of a transfer
//! order stand in SuiteQL once for each end of the way, with numbers that are not documented; so its record is read.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use serde_json::Value;

use crate::catalogue::Place;
use crate::client::{PAGE, marks};
use crate::fault::Error;
use crate::flow::{Flows, code, grouped, letter, ours};
use crate::map;
use crate::receipts::quantity;
use crate::row::Row;
use crate::wire::transfers::TransferRecord;

/// Records read at the same time; the budget decides in the end.
const AT_ONCE: usize = 4;
/// Documents of a page at most: their lines are asked for in one question.
const DOCUMENTS: usize = 200;

const HEADS: &str = "SELECT t.id, t.type, t.status, t.tranid, t.externalid, t.location, TO_CHAR(t.duedate, 'YYYY-MM-DD') AS due, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed FROM transaction t WHERE ";
/// What waits for a receipt: a purchase order that is approved, a transfer order of which something has left. The same
/// letters stand in [`is_open`].
const OPEN: &str = "(t.type = 'PurchOrd' AND t.status IN ('B', 'D', 'E') \
    OR t.type = 'TrnfrOrd' AND t.status IN ('D', 'E', 'F')) AND t.id > ? ORDER BY t.id";
const NAMED: &str = "t.type IN ('PurchOrd', 'TrnfrOrd') AND t.id IN (#) ORDER BY t.id";
const LINES: &str = "SELECT tl.transaction, tl.id, i.itemid, tl.quantity, tl.quantityshiprecv, tl.isclosed, tl.location, \
    TO_CHAR(tl.expectedreceiptdate, 'YYYY-MM-DD') AS day \
    FROM transactionline tl JOIN item i ON i.id = tl.item \
    WHERE tl.mainline = 'F' AND tl.taxline = 'F' AND tl.itemtype IN ('InvtPart', 'Assembly') \
    AND tl.transaction IN (#) ORDER BY tl.transaction, tl.id";
const ITEMS: &str = "SELECT i.id, i.itemid FROM item i WHERE i.id IN (#) ORDER BY i.id";

impl Flows {
    /// Documents by which goods are to come in: the named ones, or those that are open after an internal id.
    pub(crate) async fn inbound(
        &self,
        named: &[i64],
        after: i64,
        size: usize,
    ) -> Result<(Vec<pb::ExpectedReceipt>, Option<i64>), Error> {
        let lane = Lane::Sheddable;
        let (heads, more) = if named.is_empty() {
            let question = format!("{HEADS}{OPEN}");
            let size = size.min(DOCUMENTS).min(PAGE);
            self.suite.page("suiteql.inbound", lane, &question, vec![Value::from(after)], size, 0).await?
        } else {
            let question = format!("{HEADS}{}", NAMED.replace('#', &marks(named.len())));
            let ids = named.iter().map(|id| Value::from(*id)).collect::<Vec<_>>();
            (self.suite.rows("suiteql.inbound", lane, &question, &ids).await?, false)
        };
        let (mut purchases, mut transfers) = (Vec::new(), Vec::new());
        for head in &heads {
            let kind = if head.text("type") == "PurchOrd" { &mut purchases } else { &mut transfers };
            kind.push(head.id("id")?);
        }
        let lines = if purchases.is_empty() {
            Vec::new()
        } else {
            self.ask("suiteql.inbound_lines", LINES, &purchases, lane).await?
        };
        let records = self.transfer_records(&transfers).await?;
        let mut ends: Vec<i64> =
            records.values().filter_map(|record| record.transfer_location.as_ref()?.id.parse().ok()).collect();
        for row in heads.iter().chain(&lines) {
            ends.extend(row.optional_id("location")?);
        }
        let known = |places: &[Place]| ends.iter().all(|id| places.iter().any(|place| place.id == *id));
        let places = self.catalogue.places_with(lane, known).await?;
        let lines = grouped(lines, "transaction")?;
        let codes = self.codes_of(&records).await?;
        let mut receipts = Vec::with_capacity(heads.len());
        for head in &heads {
            let id = head.id("id")?;
            let lines = match records.get(&id) {
                Some(record) => transferred(record, &codes, &places)?,
                None => lines
                    .get(&id)
                    .into_iter()
                    .flatten()
                    .map(|row| purchased(row, head, &places))
                    .collect::<Result<_, _>>()?,
            };
            receipts.push(self.inbound_receipt(head, lines)?);
        }
        let last = receipts.last().and_then(|receipt| receipt.document.as_ref()).and_then(|last| last.id.parse().ok());
        Ok((receipts, last.filter(|_| more)))
    }

    fn inbound_receipt(&self, head: &Row, lines: Vec<pb::ExpectedReceiptLine>) -> Result<pb::ExpectedReceipt, Error> {
        let purchase = head.text("type") == "PurchOrd";
        let (kind, source) = if purchase {
            ("purchaseOrder", pb::ExpectedReceiptSource::Purchase)
        } else {
            ("transferOrder", pb::ExpectedReceiptSource::Transfer)
        };
        let changed_at = self.zone.timestamp(&head.text("changed"))?;
        Ok(pb::ExpectedReceipt {
            document: Some(map::reference(&self.instance, kind, head.id("id")?, head.text("tranid"))),
            external_ref: ours(head, "externalid", map::TRANSFER),
            source: source.into(),
            lines,
            changed_at: Some(prost_types::Timestamp { seconds: changed_at.as_second(), nanos: 0 }),
            ended: !is_open(purchase, letter(&head.text("status"))),
        })
    }

    async fn transfer_records(&self, ids: &[i64]) -> Result<BTreeMap<i64, TransferRecord>, Error> {
        stream::iter(ids.to_vec())
            .map(|id| async move {
                let path = format!("/transferOrder/{id}?expandSubResources=true");
                let record = self.suite.get("transfer_order.get", &path, Lane::Sheddable, "").await?;
                Ok::<_, Error>((id, record))
            })
            .buffer_unordered(AT_ONCE)
            // One that was deleted in between has no lines any more.
            .try_filter_map(|(id, record)| async move { Ok(record.map(|record| (id, record))) })
            .try_collect()
            .await
    }

    /// Codes of the items of transfer orders, by internal id.
    async fn codes_of(&self, records: &BTreeMap<i64, TransferRecord>) -> Result<BTreeMap<String, String>, Error> {
        let lines = records.values().flat_map(|record| &record.item.items);
        let ids: BTreeSet<i64> = lines.filter_map(|line| line.item.as_ref()?.id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut codes = BTreeMap::new();
        for chunk in ids.chunks(PAGE) {
            for row in self.ask("suiteql.item_codes", ITEMS, chunk, Lane::Sheddable).await? {
                codes.insert(row.text("id"), row.text("itemid").to_uppercase());
            }
        }
        Ok(codes)
    }
}

fn is_open(purchase: bool, letter: &str) -> bool {
    matches!((purchase, letter), (true, "B" | "D" | "E") | (false, "D" | "E" | "F"))
}

fn purchased(row: &Row, head: &Row, places: &[Place]) -> Result<pb::ExpectedReceiptLine, Error> {
    let location = row.optional_id("location")?.or(head.optional_id("location")?);
    let day = row.text("day");
    Ok(pb::ExpectedReceiptLine {
        sku: row.text("itemid").to_uppercase(),
        location: code(places, location),
        quantity: row.quantity("quantity")?.to_string(),
        received: row.quantity("quantityshiprecv")?.to_string(),
        closed: row.flag("isclosed"),
        expected_date: if day.is_empty() { head.text("due") } else { day },
    })
}

/// What has left counts; what has not is still where it was.
fn transferred(
    record: &TransferRecord,
    codes: &BTreeMap<String, String>,
    places: &[Place],
) -> Result<Vec<pb::ExpectedReceiptLine>, Error> {
    let unreadable = |what: &str| Error::Unreadable {
        operation: "transfer_order.get",
        why: format!("{what} is missing or malformed"),
    };
    let to = record.transfer_location.as_ref().and_then(|to| to.id.parse().ok());
    let to = code(places, Some(to.ok_or_else(|| unreadable("transferLocation"))?));
    let mut lines = Vec::new();
    for line in &record.item.items {
        let Some(sku) = line.item.as_ref().and_then(|item| codes.get(&item.id)) else { continue };
        let sent = quantity(line.quantity_fulfilled.as_ref()).ok_or_else(|| unreadable("quantityFulfilled"))?;
        let received = quantity(line.quantity_received.as_ref()).ok_or_else(|| unreadable("quantityReceived"))?;
        lines.push(pb::ExpectedReceiptLine {
            sku: sku.clone(),
            location: to.clone(),
            quantity: sent.to_string(),
            received: received.to_string(),
            closed: false,
            expected_date: line.expected_receipt_date.clone(),
        });
    }
    Ok(lines)
}
