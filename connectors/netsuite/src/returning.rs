//! Returns in: looked for first, made of their sales order, read back; and their cancellation.
//!
//! A transform cannot be PUT, so the external id travels in its body ("External ids and upsert"). `?replace=item` lets only
//! the lines that are sent come back: without it a line that is not mentioned would come back whole.

use std::collections::BTreeMap;

use http::Method;
use retail_connect::{Lane, outcome};
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;
use retail_proto::{Decimal, Money};
use serde::Serialize;
use serde_json::Value;

use crate::booking::internal_id;
use crate::catalogue::Place;
use crate::erp::Connector;
use crate::fault::{self, Error};
use crate::map;
use crate::path::eid;
use crate::receipts::{quantity, whole};
use crate::request::returns::{Authorization, BackLine};
use crate::wire::returns::{self as wire, ReturnRecord};
use crate::wire::{CloseLine, Closing, Lines, Record, Reference};

const AUTHORIZE: &str = "return_authorization.transform";
const CLOSE: &str = "return_authorization.close";
/// The sales order's lines and their items; a return's lines must name both.
const ITEMS: &str = "SELECT tl.id, tl.item, t.currency \
    FROM transactionline tl JOIN transaction t ON t.id = tl.transaction WHERE t.type = 'SalesOrd' \
    AND tl.mainline = 'F' AND tl.taxline = 'F' AND tl.transaction = ? ORDER BY tl.id";
/// Places of a unit price that NetSuite keeps.
const RATE_PLACES: u32 = 8;

impl Connector {
    /// Creates a return of a sales order, or answers the one that is there.
    pub(crate) async fn authorize(&self, asked: Authorization) -> Result<(Outcome, Option<pb::SalesReturn>), Error> {
        let id = &asked.input.external_ref;
        if let Some(found) = self.find_return(id, Lane::Critical).await? {
            return Ok((outcome::done(), Some(found)));
        }
        let lines = match self.back_lines(&asked).await? {
            Ok(lines) => lines,
            Err(refused) => return Ok((refused, None)),
        };
        let invoice = asked.input.invoice.as_ref().map(|invoice| {
            let number = if invoice.number.is_empty() { &invoice.id } else { &invoice.number };
            format!("invoice {number}")
        });
        let memo: Vec<String> = map::filled(&asked.input.memo).into_iter().chain(invoice).collect();
        let body = wire::ReturnWrite {
            external_id: format!("{}{id}", map::RETURN),
            tran_date: asked.input.return_date.clone(),
            other_ref_num: asked.input.rma_number.clone(),
            order_status: Reference::Id(map::APPROVED.to_owned()),
            memo: map::filled(&memo.join(", ")),
            item: Lines { items: lines },
        };
        let path = format!("/salesOrder/{}/!transform/returnAuthorization?replace=item", asked.sales_order);
        let internal = match self.make(AUTHORIZE, &path, &body, id).await? {
            Ok(internal) => internal,
            Err(refused) => {
                return Ok(match self.find_return(id, Lane::Critical).await? {
                    Some(found) => (outcome::done(), Some(found)),
                    None => (refused, None),
                });
            }
        };
        let found = match internal {
            Some(internal) => {
                self.flows.returns(&[internal], Lane::Critical).await.map(|mut all| all.remove(&internal))
            }
            None => self.find_return(id, Lane::Critical).await,
        };
        let found = found.map_err(|error| error.after_the_write(AUTHORIZE))?.ok_or_else(|| lost(id))?;
        let warnings = differs(found.total.as_ref(), asked.total);
        Ok((outcome::done_with(warnings), Some(found)))
    }

    /// A return of ours with its document flow.
    pub(crate) async fn find_return(&self, id: &str, lane: Lane) -> Result<Option<pb::SalesReturn>, Error> {
        let path = format!("{}?fields=tranId", eid("returnAuthorization", map::RETURN, id));
        // By record, not by question: this look-up decides whether a return is created.
        let Some(record) = self.suite.get::<Record>("return_authorization.find", &path, lane, id).await? else {
            return Ok(None);
        };
        let internal = internal_id(&record.id)?;
        let mut returns = self.flows.returns(&[internal], lane).await?;
        returns.remove(&internal).map(Some).ok_or_else(|| lost(id))
    }

    /// Closes what has not been received. What was received stays open to be credited, its charges with it.
    pub(crate) async fn cancel_return(
        &self,
        id: &str,
        memo: &str,
    ) -> Result<(Outcome, Option<pb::SalesReturn>), Error> {
        let Some(record) = self.return_record(id).await? else {
            return Ok((outcome::done(), None)); // it was never made, so nothing of it will be credited
        };
        let open = open_lines(&record)?;
        if open.is_empty() {
            let closed = record.item.items.iter().any(|line| line.is_closed);
            let received = outcome::refused("ALREADY_RECEIVED", "nothing of the return is left to close");
            let said = if closed { outcome::done() } else { received };
            return Ok((said, self.find_return(id, Lane::Critical).await?));
        }
        let items = open.into_iter().map(|line| CloseLine { line, is_closed: true }).collect();
        // The memo is the customer's reason: why it was cancelled is added to it.
        let memo: Vec<String> = [record.memo.as_str(), memo].into_iter().filter_map(map::filled).collect();
        let body = Closing { memo: map::filled(&memo.join("; ")), item: Lines { items } };
        let path = format!("/returnAuthorization/{}", internal_id(&record.id)?);
        if let Err(error) = self.suite.write(CLOSE, Method::PATCH, &path, &body, id).await {
            return Ok((fault::refusal(error)?, self.find_return(id, Lane::Critical).await?));
        }
        let found = self.find_return(id, Lane::Critical).await.map_err(|error| error.after_the_write(CLOSE))?;
        Ok((outcome::done(), found))
    }

    /// The record of a return of ours, with its lines.
    pub(crate) async fn return_record(&self, id: &str) -> Result<Option<ReturnRecord>, Error> {
        let path = format!("{}?expandSubResources=true", eid("returnAuthorization", map::RETURN, id));
        self.suite.get("return_authorization.get", &path, Lane::Critical, id).await
    }

    /// Makes a document whose body carries its external id: its internal id when NetSuite said it, or the refusal. After
    /// a refusal somebody may have been faster under the same external id ("Duplicate on POST", no code of its own), so
    /// the caller looks again.
    pub(crate) async fn make(
        &self,
        operation: &'static str,
        path: &str,
        body: &impl Serialize,
        id: &str,
    ) -> Result<Result<Option<i64>, Outcome>, Error> {
        match self.suite.write(operation, Method::POST, path, body, id).await {
            Ok(reply) => {
                let last = reply.header("location").and_then(|location| location.rsplit('/').next());
                Ok(Ok(last.and_then(|last| last.parse().ok())))
            }
            Err(error) => {
                let refused = fault::refusal(error)?;
                self.catalogue.forget();
                Ok(Err(refused))
            }
        }
    }

    /// Internal ids of location codes, or the refusal that names every unknown code.
    pub(crate) async fn location_ids(
        &self,
        codes: &[&String],
    ) -> Result<Result<BTreeMap<String, i64>, Outcome>, Error> {
        if codes.is_empty() {
            return Ok(Ok(BTreeMap::new()));
        }
        let known = |places: &[Place]| codes.iter().all(|code| places.iter().any(|place| place.code == **code));
        let places = self.catalogue.places_with(Lane::Critical, known).await?;
        let unknown: Vec<String> = codes
            .iter()
            .filter(|code| !places.iter().any(|place| place.code == ***code))
            .map(|code| format!("location {code}"))
            .collect();
        if unknown.is_empty() {
            return Ok(Ok(places.iter().map(|place| (place.code.clone(), place.id)).collect()));
        }
        Ok(Err(outcome::refused("ERP_REFERENCE_UNKNOWN", format!("NetSuite does not know {}", unknown.join("; ")))))
    }

    /// The lines of a return as they are written, or the refusal that names what NetSuite does not have.
    async fn back_lines(&self, asked: &Authorization) -> Result<Result<Vec<wire::BackLine>, Outcome>, Error> {
        let order = asked.sales_order;
        let codes: Vec<&String> = asked.lines.iter().filter_map(|line| line.location.as_ref()).collect();
        let places = match self.location_ids(&codes).await? {
            Ok(places) => places,
            Err(refused) => return Ok(Err(refused)),
        };
        let currencies = self.catalogue.currencies(Lane::Critical).await?;
        let (mut items, mut theirs) = (BTreeMap::new(), None);
        for row in self.suite.rows("suiteql.order_items", Lane::Critical, ITEMS, &[Value::from(order)]).await? {
            theirs = currencies.of(row.optional_id("currency")?);
            if let Some(item) = row.optional_id("item")? {
                items.insert(row.id("id")?, item);
            }
        }
        if items.is_empty() {
            let words = format!("NetSuite has no sales order {order} with lines");
            return Ok(Err(outcome::refused("ERP_RECORD_MISSING", words)));
        }
        // A return takes its order's currency, whatever the amounts mean.
        if let Some(theirs) = theirs.filter(|theirs| *theirs != asked.total.currency()) {
            let words = format!("sales order {order} is in {theirs}, the return in {}", asked.total.currency());
            return Ok(Err(outcome::refused("ERP_CURRENCY_DIFFERS", words)));
        }
        let (mut lines, mut unknown) = (Vec::new(), Vec::new());
        for line in &asked.lines {
            match items.get(&i64::from(line.number)) {
                Some(item) => {
                    let location = line.location.as_ref().and_then(|code| places.get(code)).copied();
                    lines.push(back_line(line, order, item.to_string(), line.number, location));
                }
                None => unknown.push(format!("line {}", line.number)),
            }
        }
        if unknown.is_empty() {
            return Ok(Ok(lines));
        }
        let words = format!("sales order {order} has no {}", unknown.join(", "));
        Ok(Err(outcome::refused("ERP_REFERENCE_UNKNOWN", words)))
    }
}

/// A line that comes back from a line of a document.
pub(crate) fn back_line(
    line: &BackLine,
    document: i64,
    item: String,
    order_line: i32,
    location: Option<i64>,
) -> wire::BackLine {
    let rate = line.amount.to_decimal().checked_div(line.quantity.to_decimal()).map(|rate| rate.round_dp(RATE_PLACES));
    wire::BackLine {
        order_doc: Reference::Id(document.to_string()),
        order_line,
        item: Reference::Id(item),
        quantity: map::number(line.quantity.to_decimal()),
        rate: rate.map(|rate: Decimal| map::number(rate)),
        amount: map::number(line.amount.to_decimal()),
        location: location.map(|id| Reference::Id(id.to_string())),
    }
}

/// What to warn of when NetSuite computed another total.
pub(crate) fn differs(theirs: Option<&retail_proto::types::v1::Money>, asked: Money) -> Vec<String> {
    match theirs.and_then(|total| Money::try_from(total).ok()) {
        Some(theirs) if theirs == asked => Vec::new(),
        Some(theirs) => vec![format!("TOTAL_DIFFERS: NetSuite computed {theirs}, we asked for {asked}")],
        None => vec!["TOTAL_DIFFERS: NetSuite gave no total".to_owned()],
    }
}

/// Lines of which something has neither been received nor closed; charges only while nothing at all was received.
fn open_lines(record: &ReturnRecord) -> Result<Vec<i32>, Error> {
    let malformed = |what: &str| Error::Unreadable {
        operation: "return_authorization.get",
        why: format!("{what} is missing or malformed"),
    };
    let (mut goods, mut charges, mut received) = (Vec::new(), Vec::new(), false);
    for line in &record.item.items {
        let number = whole(Some(&line.line)).ok_or_else(|| malformed("line"))?;
        let asked = quantity(line.quantity.as_ref()).ok_or_else(|| malformed("quantity"))?;
        let came = quantity(line.quantity_received.as_ref()).ok_or_else(|| malformed("quantityReceived"))?;
        let credited = quantity(line.quantity_billed.as_ref()).ok_or_else(|| malformed("quantityBilled"))?;
        received |= came.is_positive() || credited.is_positive();
        if line.is_closed {
            continue;
        }
        let charge = line.item_type.as_ref().is_some_and(|kind| map::charge(&kind.id));
        if charge && credited.is_zero() {
            charges.push(number);
        } else if !charge && came < asked {
            goods.push(number);
        }
    }
    if !received {
        goods.extend(charges);
    }
    Ok(goods)
}

fn lost(id: &str) -> Error {
    let call = retail_connect::CallFault::Unknown {
        operation: "return_authorization.find",
        why: format!("the record of {id} is there, but SuiteQL does not show it yet"),
    };
    Error::Call(call)
}
