//! Returns with everything that followed from them, many at once in few questions.
//!
//! A return's lines come with their links to the sales order, because that is what our line numbers are. Totals of returns
//! and memos are negative in SuiteQL for many accounts; we tell amounts without their sign.

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_runtime::{Ids, Timestamp};

use super::{Flows, ORDERS, absolute, grouped, letter, line_number, ours};
use crate::catalogue::{Currencies, Place};
use crate::fault::Error;
use crate::map;
use crate::receipts::receipt;
use crate::row::Row;
use crate::wire::returns::ReceiptRecord;

const HEADS: &str = "SELECT t.id, t.tranid, t.externalid, t.status, t.foreigntotal, t.currency, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed, s.id AS salesorder, s.tranid AS ordernumber \
    FROM transaction t JOIN transactionline tl ON tl.transaction = t.id AND tl.mainline = 'T' \
    JOIN transaction s ON s.id = tl.createdfrom \
    WHERE t.type = 'RtnAuth' AND s.type = 'SalesOrd' AND t.id IN (#) ORDER BY t.id";
const LINES: &str = "SELECT n.nextdoc, n.nextline, n.previousdoc, n.previousline, tl.quantity, tl.quantityshiprecv, \
    tl.quantitybilled, tl.isclosed FROM previoustransactionlinelink n \
    JOIN transactionline tl ON tl.transaction = n.nextdoc AND tl.id = n.nextline \
    WHERE tl.mainline = 'F' AND n.nextdoc IN (#) ORDER BY n.nextdoc, n.nextline";
const DOCUMENTS: &str = "SELECT t.id, t.type, t.tranid, t.externalid, t.foreigntotal, \
    t.foreignpaymentamountunused AS unused, t.currency, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS day, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed, tl.createdfrom \
    FROM transactionline tl JOIN transaction t ON t.id = tl.transaction \
    WHERE tl.mainline = 'T' AND t.type IN ('ItemRcpt', 'CustCred') AND tl.createdfrom IN (#) ORDER BY t.id";

struct Answers {
    lines: BTreeMap<i64, Vec<Row>>,
    documents: BTreeMap<i64, Vec<Row>>,
    refunds: BTreeMap<i64, Vec<Row>>,
    receipts: BTreeMap<i64, Arc<ReceiptRecord>>,
    places: Arc<Vec<Place>>,
    currencies: Currencies,
}

impl Flows {
    /// The returns of these internal ids, ours or not, whole. Those that do not come from a sales order are left out.
    pub(crate) async fn returns(&self, ids: &[i64], lane: Lane) -> Result<BTreeMap<i64, pb::SalesReturn>, Error> {
        let mut returns = BTreeMap::new();
        for chunk in ids.chunks(ORDERS) {
            let currencies = self.catalogue.currencies(lane).await?;
            let (heads, lines, documents) = futures::try_join!(
                self.ask("suiteql.returns", HEADS, chunk, lane),
                self.ask("suiteql.return_lines", LINES, chunk, lane),
                self.ask("suiteql.return_documents", DOCUMENTS, chunk, lane),
            )?;
            let (mut receipts, mut memos) = (Vec::new(), Vec::new());
            for row in &documents {
                match row.text("type").as_str() {
                    "ItemRcpt" => receipts.push((row.id("id")?, row.text("changed"))),
                    _ => memos.push(row.id("id")?),
                }
            }
            let (receipts, refunds) = futures::try_join!(
                self.receipts.records(&receipts, lane),
                self.applied("suiteql.refunds", "CustRfnd", &memos, lane)
            )?;
            let answers = Answers {
                places: self.places_in(&receipts, lane).await?,
                lines: grouped(lines, "nextdoc")?,
                documents: grouped(documents, "createdfrom")?,
                refunds: grouped(refunds, "previousdoc")?,
                receipts,
                currencies,
            };
            for head in heads {
                returns.insert(head.id("id")?, self.sales_return(&head, &answers)?);
            }
        }
        Ok(returns)
    }

    /// The locations that receipts name, among all.
    async fn places_in(
        &self,
        receipts: &BTreeMap<i64, Arc<ReceiptRecord>>,
        lane: Lane,
    ) -> Result<Arc<Vec<Place>>, Error> {
        let lines = receipts.values().flat_map(|record| &record.item.items);
        let ids: Vec<&str> = lines.filter_map(|line| Some(line.location.as_ref()?.id.as_str())).collect();
        if ids.is_empty() {
            return Ok(Arc::default());
        }
        let known = |places: &[Place]| ids.iter().all(|id| places.iter().any(|place| place.id.to_string() == **id));
        self.catalogue.places_with(lane, known).await
    }

    fn sales_return(&self, head: &Row, answers: &Answers) -> Result<pb::SalesReturn, Error> {
        let (id, order) = (head.id("id")?, head.id("salesorder")?);
        let total = head.money("foreigntotal", self.currency(head, &answers.currencies)?)?;
        let mut changed_at = self.zone.timestamp(&head.text("changed"))?;
        let mut found = pb::SalesReturn {
            external_ref: ours(head, "externalid", map::RETURN),
            document: Some(map::reference(&self.instance, "returnAuthorization", id, head.text("tranid"))),
            state: map::return_state(letter(&head.text("status"))).into(),
            total: Some(absolute(total).into()),
            sales_order: Some(map::reference(&self.instance, "salesOrder", order, head.text("ordernumber"))),
            ..pb::SalesReturn::default()
        };
        let mut numbers = BTreeMap::new();
        for row in answers.lines.get(&id).into_iter().flatten() {
            // One row per pair of lines and kind of link: a line is told once, by its sales order.
            if row.id("previousdoc")? == order
                && numbers.insert(line_number(row, "nextline")?, line_number(row, "previousline")?).is_none()
            {
                found.lines.push(self.back_line(row)?);
            }
        }
        for row in answers.documents.get(&id).into_iter().flatten() {
            changed_at = changed_at.max(self.zone.timestamp(&row.text("changed"))?);
            let document = row.id("id")?;
            if row.text("type") == "CustCred" {
                found.credit_memos.push(self.credit_memo(row, &answers.currencies)?);
            } else if let Some(record) = answers.receipts.get(&document) {
                let order_line = |line| numbers.get(&line).copied();
                found.receipts.push(receipt(record, &self.instance, &answers.places, order_line)?);
            }
            for refund in answers.refunds.get(&document).into_iter().flatten() {
                changed_at = changed_at.max(self.zone.timestamp(&refund.text("changed"))?);
                found.refunds.push(self.refund(refund, row, &answers.currencies)?);
            }
        }
        Ok(sealed(found, changed_at))
    }

    fn back_line(&self, row: &Row) -> Result<pb::SalesReturnLine, Error> {
        Ok(pb::SalesReturnLine {
            line_number: line_number(row, "previousline")?,
            line: Some(map::reference(&self.instance, "returnAuthorization.item", row.id("nextline")?, "")),
            quantity: row.quantity("quantity")?.to_string(),
            received: row.quantity("quantityshiprecv")?.to_string(),
            credited: row.quantity("quantitybilled")?.to_string(),
            closed: row.flag("isclosed"),
        })
    }

    fn credit_memo(&self, row: &Row, currencies: &Currencies) -> Result<pb::CreditMemo, Error> {
        let currency = self.currency(row, currencies)?;
        Ok(pb::CreditMemo {
            document: Some(map::reference(&self.instance, "creditMemo", row.id("id")?, row.text("tranid"))),
            external_ref: ours(row, "externalid", map::CREDIT),
            total: Some(absolute(row.money("foreigntotal", currency)?).into()),
            amount_remaining: Some(absolute(row.money("unused", currency)?).into()),
            date: row.text("day"),
        })
    }

    fn refund(&self, row: &Row, memo: &Row, currencies: &Currencies) -> Result<pb::RefundDocument, Error> {
        let amount = row.money("foreignamount", self.currency(row, currencies)?)?;
        let refer = |kind, id, number| Some(map::reference(&self.instance, kind, id, number));
        Ok(pb::RefundDocument {
            document: refer("customerRefund", row.id("nextdoc")?, row.text("tranid")),
            external_ref: ours(row, "externalid", map::REFUND),
            amount: Some(absolute(amount).into()),
            applied_to: refer("creditMemo", memo.id("id")?, memo.text("tranid")),
        })
    }
}

/// Completes a return: equal stamps mean equal states, whenever they were read.
fn sealed(mut found: pb::SalesReturn, changed_at: Timestamp) -> pb::SalesReturn {
    found.etag = Ids::derived("netsuite.sales_return", &[&format!("{found:?}")]).to_string();
    found.changed_at = Some(prost_types::Timestamp { seconds: changed_at.as_second(), nanos: 0 });
    found
}
