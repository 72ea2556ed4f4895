//! Sales orders with everything that followed from them, many at once in few questions.
//!
//! Columns beyond the vendor page (`quantitycommitted`, `quantitybackordered`, `foreignamountunpaid`, `previousline`,
//! `nextline`, `TrackingNumberMap`) are those that public SuiteQL clients read; the README lists them.

use std::collections::BTreeMap;

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_proto::{Currency, Money};
use retail_runtime::{Ids, Timestamp};
use serde_json::Value;

use crate::catalogue::{Catalogue, Currencies};
use crate::client::{Suite, marks};
use crate::fault::Error;
use crate::map;
use crate::row::Row;
use crate::tracking::{Parcel, Tracking};
use crate::zone::Zone;

/// Orders asked for in one question.
const ORDERS: usize = 200;

const HEADS: &str = "SELECT t.id, t.tranid, t.externalid, t.status, t.foreigntotal, t.currency, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed \
    FROM transaction t WHERE t.type = 'SalesOrd' AND t.id IN (#) ORDER BY t.id";
const LINES: &str = "SELECT tl.transaction, tl.id, tl.quantity, tl.quantityshiprecv, tl.quantitybilled, \
    tl.quantitycommitted, tl.quantitybackordered, tl.isclosed FROM transactionline tl \
    WHERE tl.mainline = 'F' AND tl.taxline = 'F' AND tl.transaction IN (#) ORDER BY tl.transaction, tl.id";
const DOCUMENTS: &str = "SELECT t.id, t.type, t.tranid, t.externalid, t.status, t.foreigntotal, \
    t.foreignamountunpaid, t.currency, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed, \
    tl.createdfrom FROM transactionline tl JOIN transaction t ON t.id = tl.transaction \
    WHERE tl.mainline = 'T' AND t.type IN ('ItemShip', 'CustInvc', 'CustDep') AND tl.createdfrom IN (#) ORDER BY t.id";
const SHIPPED: &str = "SELECT n.nextdoc, n.nextline, n.previousline, tl.quantity FROM nexttransactionlinelink n \
    JOIN transactionline tl ON tl.transaction = n.nextdoc AND tl.id = n.nextline \
    WHERE n.linktype = 'ShipRcpt' AND n.previousdoc IN (#) ORDER BY n.nextdoc, n.nextline";

/// Reads document flows.
#[derive(Clone)]
pub(crate) struct Flows {
    pub(crate) suite: Suite,
    pub(crate) catalogue: Catalogue,
    pub(crate) tracking: Tracking,
    pub(crate) zone: Zone,
    pub(crate) instance: String,
}

struct Answers {
    lines: BTreeMap<i64, Vec<Row>>,
    documents: BTreeMap<i64, Vec<Row>>,
    shipped: BTreeMap<i64, Vec<Row>>,
    parcels: BTreeMap<i64, Parcel>,
    currencies: Currencies,
}

impl Flows {
    /// The sales orders of these internal ids that are ours, whole. Others are left out.
    pub(crate) async fn orders(&self, ids: &[i64], lane: Lane) -> Result<BTreeMap<i64, pb::SalesOrder>, Error> {
        let mut orders = BTreeMap::new();
        for chunk in ids.chunks(ORDERS) {
            let currencies = self.catalogue.currencies(lane).await?;
            let (heads, lines, documents) = futures::try_join!(
                self.ask("suiteql.orders", HEADS, chunk, lane),
                self.ask("suiteql.order_lines", LINES, chunk, lane),
                self.ask("suiteql.documents", DOCUMENTS, chunk, lane),
            )?;
            let mut fulfilments = Vec::new();
            for row in documents.iter().filter(|row| row.text("type") == "ItemShip") {
                fulfilments.push((row.id("id")?, row.text("changed")));
            }
            let (shipped, parcels) = if fulfilments.is_empty() {
                (Vec::new(), BTreeMap::new())
            } else {
                futures::try_join!(
                    self.ask("suiteql.shipped_lines", SHIPPED, chunk, lane),
                    self.tracking.parcels(&fulfilments, lane)
                )?
            };
            let answers = Answers {
                lines: grouped(lines, "transaction")?,
                documents: grouped(documents, "createdfrom")?,
                shipped: grouped(shipped, "nextdoc")?,
                parcels,
                currencies,
            };
            for head in heads {
                if let Some(order) = self.order(&head, &answers)? {
                    orders.insert(head.id("id")?, order);
                }
            }
        }
        Ok(orders)
    }

    async fn ask(&self, operation: &'static str, q: &str, ids: &[i64], lane: Lane) -> Result<Vec<Row>, Error> {
        let q = q.replace('#', &marks(ids.len()));
        let params: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
        self.suite.rows(operation, lane, &q, &params).await
    }

    fn order(&self, head: &Row, answers: &Answers) -> Result<Option<pb::SalesOrder>, Error> {
        let Some(external_ref) = head.text("externalid").strip_prefix(map::SALES_ORDER).map(str::to_owned) else {
            return Ok(None); // somebody else's order
        };
        let id = head.id("id")?;
        let currency = self.currency(head, answers)?;
        let mut changed_at = self.zone.timestamp(&head.text("changed"))?;
        let mut order = pb::SalesOrder {
            external_ref,
            document: Some(map::reference(&self.instance, "salesOrder", id, head.text("tranid"))),
            state: map::order_state(letter(&head.text("status"))).into(),
            total: Some(head.money("foreigntotal", currency)?.into()),
            ..pb::SalesOrder::default()
        };
        for row in answers.lines.get(&id).into_iter().flatten() {
            order.lines.push(self.line(row)?);
        }
        for row in answers.documents.get(&id).into_iter().flatten() {
            changed_at = changed_at.max(self.zone.timestamp(&row.text("changed"))?);
            self.document(row, answers, &mut order)?;
        }
        Ok(Some(sealed(order, changed_at)))
    }

    fn line(&self, row: &Row) -> Result<pb::SalesOrderLine, Error> {
        let number = row.id("id")?;
        Ok(pb::SalesOrderLine {
            line_number: i32::try_from(number).unwrap_or(i32::MAX),
            line: Some(map::reference(&self.instance, "salesOrder.item", number, "")),
            quantity: row.quantity("quantity")?.to_string(),
            committed: row.quantity("quantitycommitted")?.to_string(),
            backordered: row.quantity("quantitybackordered")?.to_string(),
            fulfilled: row.quantity("quantityshiprecv")?.to_string(),
            billed: row.quantity("quantitybilled")?.to_string(),
            closed: row.flag("isclosed"),
            expected_date: String::new(),
            ..pb::SalesOrderLine::default()
        })
    }

    fn document(&self, row: &Row, answers: &Answers, order: &mut pb::SalesOrder) -> Result<(), Error> {
        let id = row.id("id")?;
        let refer = |kind| Some(map::reference(&self.instance, kind, id, row.text("tranid")));
        match row.text("type").as_str() {
            "ItemShip" => {
                let parcel = answers.parcels.get(&id).cloned().unwrap_or_default();
                let mut fulfilment = pb::Fulfilment {
                    document: refer("itemFulfillment"),
                    shipped: map::shipped(letter(&row.text("status"))),
                    lines: Vec::new(),
                    tracking_numbers: parcel.tracking_numbers,
                    carrier: parcel.carrier,
                    ..pb::Fulfilment::default()
                };
                for line in answers.shipped.get(&id).into_iter().flatten() {
                    fulfilment.lines.push(pb::FulfilmentLine {
                        line_number: i32::try_from(line.id("previousline")?).unwrap_or(i32::MAX),
                        quantity: line.quantity("quantity")?.to_string(),
                    });
                }
                order.fulfilments.push(fulfilment);
            }
            "CustInvc" => {
                let currency = self.currency(row, answers)?;
                order.invoices.push(pb::Invoice {
                    document: refer("invoice"),
                    total: Some(row.money("foreigntotal", currency)?.into()),
                    amount_remaining: Some(row.money("foreignamountunpaid", currency)?.into()),
                    ..pb::Invoice::default()
                });
            }
            "CustDep" => {
                let amount = row.money("foreigntotal", self.currency(row, answers)?)?;
                let ours = row.text("externalid").strip_prefix(map::DEPOSIT).map(str::to_owned);
                order.payments.push(pb::PaymentDocument {
                    document: refer("customerDeposit"),
                    external_ref: ours.unwrap_or_default(),
                    amount: Some(absolute(amount).into()),
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn currency(&self, row: &Row, answers: &Answers) -> Result<Currency, Error> {
        let id = row.optional_id("currency")?;
        answers.currencies.of(id).ok_or_else(|| Error::Unreadable {
            operation: "suiteql.currencies",
            why: format!("currency {} is not in the currency table", id.unwrap_or_default()),
        })
    }
}

fn grouped(rows: Vec<Row>, by: &str) -> Result<BTreeMap<i64, Vec<Row>>, Error> {
    let mut groups = BTreeMap::<i64, Vec<Row>>::new();
    for row in rows {
        groups.entry(row.id(by)?).or_default().push(row);
    }
    Ok(groups)
}

/// Completes an order: equal stamps mean equal states, whenever they were read.
pub(crate) fn sealed(mut order: pb::SalesOrder, changed_at: Timestamp) -> pb::SalesOrder {
    order.etag = Ids::derived("netsuite.sales_order", &[&format!("{order:?}")]).to_string();
    order.changed_at = Some(prost_types::Timestamp { seconds: changed_at.as_second(), nanos: 0 });
    order
}

/// The letter of a status; some accounts answer `SalesOrd:B`.
fn letter(status: &str) -> &str {
    status.rsplit(':').next().unwrap_or(status)
}

fn absolute(amount: Money) -> Money {
    Money::from_minor(amount.minor().saturating_abs(), amount.currency())
}
