//! Sales orders with everything that followed from them, many at once in few questions.
//!
//! Columns beyond the vendor page (`quantitycommitted`, `foreignamount`, `previousline`, `TrackingNumberMap`, ...) are those
//! that public SuiteQL clients read; the README lists them.

pub(crate) mod returns;

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_proto::{Currency, Money};
use retail_runtime::{Ids, Timestamp};
use serde_json::Value;

use crate::catalogue::{Catalogue, Currencies, Place};
use crate::client::{Suite, marks};
use crate::fault::Error;
use crate::map;
use crate::receipts::Receipts;
use crate::row::{Row, decimal};
use crate::tracking::{Parcel, Tracking};
use crate::zone::Zone;

/// Orders asked for in one question.
const ORDERS: usize = 200;

const HEADS: &str = "SELECT t.id, t.tranid, t.externalid, t.status, t.foreigntotal, t.currency, t.otherrefnum, \
    c.externalid AS customer, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS day, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed \
    FROM transaction t LEFT JOIN customer c ON c.id = t.entity \
    WHERE t.type = 'SalesOrd' AND t.id IN (#) ORDER BY t.id";
const LINES: &str = "SELECT tl.transaction, tl.id, tl.quantity, tl.quantityshiprecv, tl.quantitybilled, \
    tl.quantitycommitted, tl.quantitybackordered, tl.isclosed, tl.rate, tl.foreignamount, tl.memo, tl.location, \
    tl.itemtype, i.itemid FROM transactionline tl LEFT JOIN item i ON i.id = tl.item \
    WHERE tl.mainline = 'F' AND tl.taxline = 'F' AND tl.transaction IN (#) ORDER BY tl.transaction, tl.id";
const DOCUMENTS: &str = "SELECT t.id, t.type, t.tranid, t.externalid, t.status, t.foreigntotal, \
    t.foreignamountunpaid, t.currency, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS day, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed, tl.createdfrom \
    FROM transactionline tl JOIN transaction t ON t.id = tl.transaction \
    WHERE tl.mainline = 'T' AND t.type IN ('ItemShip', 'CustInvc', 'CustDep') AND tl.createdfrom IN (#) ORDER BY t.id";
/// An order's lines in its fulfilments (`ShipRcpt`) and invoices (`OrdBill`).
const FOLLOWED: &str = "SELECT n.nextdoc, n.nextline, n.previousline, n.linktype, tl.quantity \
    FROM nexttransactionlinelink n JOIN transactionline tl ON tl.transaction = n.nextdoc AND tl.id = n.nextline \
    WHERE n.linktype IN ('ShipRcpt', 'OrdBill') AND n.previousdoc IN (#) ORDER BY n.nextdoc, n.nextline";
/// Money of documents of one type (`@`) applied to others: payments to invoices, refunds to credit memos.
const APPLIED: &str = "SELECT n.previousdoc, n.nextdoc, n.foreignamount, t.tranid, t.externalid, t.currency, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed \
    FROM nexttransactionlinelink n JOIN transaction t ON t.id = n.nextdoc \
    WHERE t.type = '@' AND n.previousdoc IN (#) ORDER BY n.nextdoc, n.previousdoc";

/// Reads document flows.
#[derive(Clone)]
pub(crate) struct Flows {
    pub(crate) suite: Suite,
    pub(crate) catalogue: Catalogue,
    pub(crate) tracking: Tracking,
    pub(crate) receipts: Receipts,
    pub(crate) zone: Zone,
    pub(crate) instance: String,
}

struct Answers {
    lines: BTreeMap<i64, Vec<Row>>,
    documents: BTreeMap<i64, Vec<Row>>,
    followed: BTreeMap<i64, Vec<Row>>,
    payments: BTreeMap<i64, Vec<Row>>,
    parcels: BTreeMap<i64, Parcel>,
    currencies: Currencies,
    places: Arc<Vec<Place>>,
}

impl Flows {
    /// The sales orders of these internal ids that are ours, whole. Others are left out.
    pub(crate) async fn orders(&self, ids: &[i64], lane: Lane) -> Result<BTreeMap<i64, pb::SalesOrder>, Error> {
        let mut orders = self.any_orders(ids, lane).await?;
        orders.retain(|_, order| !order.external_ref.is_empty());
        Ok(orders)
    }

    /// The sales orders of these internal ids, ours or not, whole.
    pub(crate) async fn any_orders(&self, ids: &[i64], lane: Lane) -> Result<BTreeMap<i64, pb::SalesOrder>, Error> {
        let mut orders = BTreeMap::new();
        for chunk in ids.chunks(ORDERS) {
            let currencies = self.catalogue.currencies(lane).await?;
            let (heads, lines, documents) = futures::try_join!(
                self.ask("suiteql.orders", HEADS, chunk, lane),
                self.ask("suiteql.order_lines", LINES, chunk, lane),
                self.ask("suiteql.documents", DOCUMENTS, chunk, lane),
            )?;
            let (mut fulfilments, mut invoices) = (Vec::new(), Vec::new());
            for row in &documents {
                match row.text("type").as_str() {
                    "ItemShip" => fulfilments.push((row.id("id")?, row.text("changed"))),
                    "CustInvc" => invoices.push(row.id("id")?),
                    _ => {}
                }
            }
            let unshipped = fulfilments.is_empty();
            let (followed, parcels, payments) = futures::try_join!(
                async {
                    let nothing = unshipped && invoices.is_empty();
                    if nothing {
                        Ok(Vec::new())
                    } else {
                        self.ask("suiteql.followed_lines", FOLLOWED, chunk, lane).await
                    }
                },
                async { if unshipped { Ok(BTreeMap::new()) } else { self.tracking.parcels(&fulfilments, lane).await } },
                self.applied("suiteql.payments", "CustPymt", &invoices, lane)
            )?;
            let answers = Answers {
                places: self.places_of(&lines, lane).await?,
                lines: grouped(lines, "transaction")?,
                documents: grouped(documents, "createdfrom")?,
                followed: grouped(followed, "nextdoc")?,
                payments: grouped(payments, "previousdoc")?,
                parcels,
                currencies,
            };
            for head in heads {
                orders.insert(head.id("id")?, self.order(&head, &answers)?);
            }
        }
        Ok(orders)
    }

    /// Documents of one type that are applied to others, with the amount of each.
    async fn applied(&self, operation: &'static str, kind: &str, to: &[i64], lane: Lane) -> Result<Vec<Row>, Error> {
        let question = APPLIED.replace('@', kind);
        let mut rows = Vec::new();
        for chunk in to.chunks(ORDERS) {
            rows.extend(self.ask(operation, &question, chunk, lane).await?);
        }
        Ok(rows)
    }

    /// The locations that rows refer to, among all.
    async fn places_of(&self, rows: &[Row], lane: Lane) -> Result<Arc<Vec<Place>>, Error> {
        let mut ids = Vec::new();
        for row in rows {
            ids.extend(row.optional_id("location")?);
        }
        let known = |places: &[Place]| ids.iter().all(|id| places.iter().any(|place| place.id == *id));
        self.catalogue.places_with(lane, known).await
    }

    pub(crate) async fn ask(
        &self,
        operation: &'static str,
        q: &str,
        ids: &[i64],
        lane: Lane,
    ) -> Result<Vec<Row>, Error> {
        let q = q.replace('#', &marks(ids.len()));
        let params: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
        self.suite.rows(operation, lane, &q, &params).await
    }

    /// One order; its external id stays empty when it is somebody else's.
    fn order(&self, head: &Row, answers: &Answers) -> Result<pb::SalesOrder, Error> {
        let id = head.id("id")?;
        let currency = self.currency(head, &answers.currencies)?;
        let mut changed_at = self.zone.timestamp(&head.text("changed"))?;
        let mut order = pb::SalesOrder {
            external_ref: ours(head, "externalid", map::SALES_ORDER),
            order_number: head.text("otherrefnum"),
            customer_ref: ours(head, "customer", map::CUSTOMER),
            order_date: head.text("day"),
            document: Some(map::reference(&self.instance, "salesOrder", id, head.text("tranid"))),
            state: map::order_state(letter(&head.text("status"))).into(),
            total: Some(head.money("foreigntotal", currency)?.into()),
            ..pb::SalesOrder::default()
        };
        for row in answers.lines.get(&id).into_iter().flatten() {
            order.lines.push(self.line(row, currency, answers)?);
        }
        for row in answers.documents.get(&id).into_iter().flatten() {
            changed_at = changed_at.max(self.zone.timestamp(&row.text("changed"))?);
            self.document(row, answers, &mut order)?;
        }
        Ok(sealed(order, changed_at))
    }

    fn line(&self, row: &Row, currency: Currency, answers: &Answers) -> Result<pb::SalesOrderLine, Error> {
        let number = row.id("id")?;
        let amount = row.money("foreignamount", currency)?;
        // A discount's rate may be a percentage: that is no price.
        let rate = decimal(&row.text("rate"));
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
            sku: row.text("itemid").to_uppercase(),
            is_charge: map::charge(&row.text("itemtype")),
            unit_price: rate.map(|rate| rate.normalize().to_string()).unwrap_or_default(),
            // Sales are negative in SuiteQL.
            amount: Some(Money::from_minor(amount.minor().saturating_neg(), currency).into()),
            description: row.text("memo"),
            location: code(&answers.places, row.optional_id("location")?),
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
                    date: row.text("day"),
                };
                for (line_number, quantity) in answers.followed(id, "ShipRcpt")? {
                    fulfilment.lines.push(pb::FulfilmentLine { line_number, quantity });
                }
                order.fulfilments.push(fulfilment);
            }
            "CustInvc" => {
                let currency = self.currency(row, &answers.currencies)?;
                let lines = answers.followed(id, "OrdBill")?.into_iter();
                order.invoices.push(pb::Invoice {
                    document: refer("invoice"),
                    total: Some(row.money("foreigntotal", currency)?.into()),
                    amount_remaining: Some(row.money("foreignamountunpaid", currency)?.into()),
                    lines: lines.map(|(line_number, quantity)| pb::InvoiceLine { line_number, quantity }).collect(),
                    date: row.text("day"),
                });
                for paid in answers.payments.get(&id).into_iter().flatten() {
                    let amount = paid.money("foreignamount", self.currency(paid, &answers.currencies)?)?;
                    let (payment, number) = (paid.id("nextdoc")?, paid.text("tranid"));
                    order.payments.push(pb::PaymentDocument {
                        document: Some(map::reference(&self.instance, "customerPayment", payment, number)),
                        external_ref: String::new(), // we record deposits only
                        amount: Some(absolute(amount).into()),
                    });
                }
            }
            "CustDep" => {
                let amount = row.money("foreigntotal", self.currency(row, &answers.currencies)?)?;
                order.payments.push(pb::PaymentDocument {
                    document: refer("customerDeposit"),
                    external_ref: ours(row, "externalid", map::DEPOSIT),
                    amount: Some(absolute(amount).into()),
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn currency(&self, row: &Row, currencies: &Currencies) -> Result<Currency, Error> {
        let id = row.optional_id("currency")?;
        currencies.of(id).ok_or_else(|| Error::Unreadable {
            operation: "suiteql.currencies",
            why: format!("currency {} is not in the currency table", id.unwrap_or_default()),
        })
    }
}

impl Answers {
    /// Order lines in a document and how many of each, by one kind of link.
    fn followed(&self, document: i64, link: &str) -> Result<Vec<(i32, String)>, Error> {
        let rows = self.followed.get(&document).into_iter().flatten().filter(|row| row.text("linktype") == link);
        rows.map(|row| Ok((line_number(row, "previousline")?, row.quantity("quantity")?.to_string()))).collect()
    }
}

/// Our id out of an external id; empty when the record is not ours.
pub(crate) fn ours(row: &Row, column: &str, prefix: &str) -> String {
    row.text(column).strip_prefix(prefix).unwrap_or_default().to_owned()
}

/// The code of a location.
pub(crate) fn code(places: &[Place], id: Option<i64>) -> String {
    let place = places.iter().find(|place| Some(place.id) == id);
    place.map_or_else(|| id.map(|id| id.to_string()).unwrap_or_default(), |place| place.code.clone())
}

fn line_number(row: &Row, column: &str) -> Result<i32, Error> {
    Ok(i32::try_from(row.id(column)?).unwrap_or(i32::MAX))
}

pub(crate) fn grouped(rows: Vec<Row>, by: &str) -> Result<BTreeMap<i64, Vec<Row>>, Error> {
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
pub(crate) fn letter(status: &str) -> &str {
    status.rsplit(':').next().unwrap_or(status)
}

fn absolute(amount: Money) -> Money {
    Money::from_minor(amount.minor().saturating_abs(), amount.currency())
}
