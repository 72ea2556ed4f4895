//! Sales orders in: looked for first, written by external id, read back.

use http::Method;
use retail_connect::{Lane, outcome};
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;
use retail_proto::{Currency, Money};
use serde::Deserialize;
use serde_json::Number;

use crate::catalogue::Place;
use crate::erp::Connector;
use crate::fault::{self, Error};
use crate::flow;
use crate::map::{self, OrderLine};
use crate::path::eid;
use crate::request::{Booking, Line};
use crate::row::decimal;
use crate::wire;

const PUT: &str = "sales_order.put";
const CLOSE: &str = "sales_order.close";

/// A sales order with its lines, as far as we read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderRecord {
    id: String,
    #[serde(default)]
    tran_id: String,
    #[serde(default)]
    status: Option<wire::Pointer>,
    #[serde(default)]
    currency: Option<wire::Pointer>,
    total: Number,
    #[serde(default)]
    other_ref_num: String,
    #[serde(default)]
    tran_date: String,
    last_modified_date: String,
    #[serde(default)]
    item: Lines,
}

#[derive(Debug, Default, Deserialize)]
struct Lines {
    #[serde(default)]
    items: Vec<LineRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LineRecord {
    line: Number,
    item: Option<wire::Pointer>,
    quantity: Option<Number>,
    quantity_committed: Option<Number>,
    quantity_back_ordered: Option<Number>,
    quantity_fulfilled: Option<Number>,
    quantity_billed: Option<Number>,
    #[serde(default)]
    pub(crate) is_closed: bool,
    pub(crate) location: Option<wire::Pointer>,
    item_type: Option<wire::Pointer>,
    rate: Option<Number>,
    amount: Option<Number>,
    #[serde(default)]
    description: String,
}

impl Connector {
    /// Creates a sales order, or answers the one that is there.
    pub(crate) async fn book(&self, booking: Booking) -> Result<(Outcome, Option<pb::SalesOrder>), Error> {
        let id = booking.order.external_ref.clone();
        if let Some(order) = self.find(&id, Lane::Critical).await? {
            return Ok((outcome::done(), Some(order)));
        }
        let Ok(currency) = self.catalogue.currencies(Lane::Critical).await?.write(booking.total.currency()) else {
            let words = format!("the account has no currency {}", booking.total.currency());
            return Ok((outcome::refused("ERP_CURRENCY_UNKNOWN", words), None));
        };
        let lines = match self.order_lines(&booking.lines).await? {
            Ok(lines) => lines,
            Err(refused) => return Ok((refused, None)),
        };
        let body = map::sales_order(&booking.order, &lines, currency);
        let path = eid("salesOrder", map::SALES_ORDER, &id);
        if let Err(error) = self.suite.write(PUT, Method::PUT, &path, &body, &id).await {
            return self.not_booked(&id, error).await;
        }
        let record = self.record(&id).await.map_err(|error| error.after_the_write(PUT))?;
        let record = record.ok_or_else(|| lost(&id))?;
        let order = self.render(&booking, &record).await.map_err(|error| error.after_the_write(PUT))?;
        let warnings = warnings(&booking, &order);
        Ok((outcome::done_with(warnings), Some(order)))
    }

    /// Closes the lines that have not shipped.
    pub(crate) async fn cancel(&self, id: &str, memo: &str) -> Result<(Outcome, Option<pb::SalesOrder>), Error> {
        let Some(record) = self.record(id).await? else {
            return Ok((outcome::done(), None)); // it was never booked, so nothing of it will ship
        };
        let open = record.open_lines()?;
        if open.is_empty() {
            return Ok((nothing_open(&record), self.find(id, Lane::Critical).await?));
        }
        let items = open.into_iter().map(|line| wire::CloseLine { line, is_closed: true }).collect();
        let body = wire::Closing { memo: map::filled(memo), item: wire::Lines { items } };
        let path = eid("salesOrder", map::SALES_ORDER, id);
        if let Err(error) = self.suite.write(CLOSE, Method::PATCH, &path, &body, id).await {
            let refused = fault::refusal(error)?;
            // It may have shipped since it was read.
            let now = self.record(id).await?.filter(|record| record.open_lines().is_ok_and(|open| open.is_empty()));
            let said = now.map_or(refused, |record| nothing_open(&record));
            return Ok((said, self.find(id, Lane::Critical).await?));
        }
        let order = self.find(id, Lane::Critical).await.map_err(|error| error.after_the_write(CLOSE))?;
        Ok((outcome::done(), order))
    }

    /// A sales order of ours with its document flow.
    pub(crate) async fn find(&self, id: &str, lane: Lane) -> Result<Option<pb::SalesOrder>, Error> {
        let path = format!("{}?fields=tranId", eid("salesOrder", map::SALES_ORDER, id));
        // By record, not by question: this look-up decides whether an order is created.
        let Some(record) = self.suite.get::<wire::Record>("sales_order.find", &path, lane, id).await? else {
            return Ok(None);
        };
        let internal = internal_id(&record.id)?;
        let mut orders = self.flows.orders(&[internal], lane).await?;
        orders.remove(&internal).map(Some).ok_or_else(|| lost(id))
    }

    /// Codes to internal ids, or the refusal that names every unknown code.
    pub(crate) async fn order_lines(&self, asked: &[Line]) -> Result<Result<Vec<OrderLine>, Outcome>, Error> {
        if asked.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let codes: Vec<String> = asked.iter().map(|line| line.sku.clone()).collect();
        let items = self.catalogue.items(&codes, Lane::Critical).await?;
        let wanted: Vec<&String> = asked.iter().filter_map(|line| line.location.as_ref()).collect();
        let known = |places: &[Place]| wanted.iter().all(|code| places.iter().any(|place| place.code == **code));
        let places = self.catalogue.places_with(Lane::Critical, known).await?;
        let (mut lines, mut unknown) = (Vec::new(), Vec::new());
        for line in asked {
            let item = items.get(&line.sku).copied();
            let place = line.location.as_ref().map(|code| places.iter().find(|place| place.code == *code));
            match (item, place) {
                (None, _) => unknown.push(format!("line {}: item {}", line.number, line.sku)),
                (_, Some(None)) => {
                    let code = line.location.clone().unwrap_or_default();
                    unknown.push(format!("line {}: location {code}", line.number));
                }
                (Some(item), place) => lines.push(OrderLine {
                    number: line.number,
                    item,
                    location: place.flatten().map(|place| place.id),
                    quantity: line.quantity,
                    unit_price: line.unit_price,
                    amount: line.amount,
                    description: line.description.clone(),
                }),
            }
        }
        if unknown.is_empty() {
            return Ok(Ok(lines));
        }
        self.catalogue.forget();
        Ok(Err(outcome::refused("ERP_REFERENCE_UNKNOWN", format!("NetSuite does not know {}", unknown.join("; ")))))
    }

    /// A refused PUT: somebody may have been faster ("Duplicate on POST", no dedicated code).
    async fn not_booked(&self, id: &str, error: Error) -> Result<(Outcome, Option<pb::SalesOrder>), Error> {
        let refused = fault::refusal(error)?;
        if refused.message.contains("already exists")
            && let Some(order) = self.find(id, Lane::Critical).await?
        {
            return Ok((outcome::done(), Some(order)));
        }
        self.catalogue.forget();
        Ok((refused, None))
    }

    pub(crate) async fn record(&self, id: &str) -> Result<Option<OrderRecord>, Error> {
        let path = format!("{}?expandSubResources=true", eid("salesOrder", map::SALES_ORDER, id));
        self.suite.get("sales_order.get", &path, Lane::Critical, id).await
    }

    /// An order that has just been written: nothing follows from it yet.
    async fn render(&self, booking: &Booking, record: &OrderRecord) -> Result<pb::SalesOrder, Error> {
        let currencies = self.catalogue.currencies(Lane::Critical).await?;
        let currency = match &record.currency {
            Some(currency) => currencies.of(Some(internal_id(&currency.id)?)),
            None => currencies.of(None),
        };
        let currency = currency.ok_or_else(|| unreadable("currency"))?;
        let mut lines = Vec::new();
        for line in &record.item.items {
            let number = line.number()?;
            let asked = booking.lines.iter().find(|asked| asked.number == number);
            lines.push(pb::SalesOrderLine {
                line_number: number,
                line: Some(map::reference(&self.instance, "salesOrder.item", number, "")),
                quantity: quantity(line.quantity.as_ref())?,
                committed: quantity(line.quantity_committed.as_ref())?,
                backordered: quantity(line.quantity_back_ordered.as_ref())?,
                fulfilled: quantity(line.quantity_fulfilled.as_ref())?,
                billed: quantity(line.quantity_billed.as_ref())?,
                closed: line.is_closed,
                expected_date: String::new(),
                sku: asked.map(|asked| asked.sku.to_uppercase()).unwrap_or_default(),
                is_charge: line.item_type.as_ref().is_none_or(|kind| map::charge(&kind.id)),
                unit_price: line.rate.as_ref().map(price).transpose()?.unwrap_or_default(),
                amount: line.amount.as_ref().map(|amount| total(amount, currency)).transpose()?.map(Into::into),
                description: line.description.clone(),
                location: asked.and_then(|asked| asked.location.clone()).unwrap_or_default(),
            });
        }
        let state = record.status.as_ref().map_or("", |status| status.id.as_str());
        let order = pb::SalesOrder {
            external_ref: booking.order.external_ref.clone(),
            order_number: record.other_ref_num.clone(),
            customer_ref: booking.order.customer_ref.clone(),
            order_date: record.tran_date.clone(),
            document: Some(map::reference(&self.instance, "salesOrder", &record.id, record.tran_id.as_str())),
            state: map::order_state(state).into(),
            total: Some(total(&record.total, currency)?.into()),
            lines,
            ..pb::SalesOrder::default()
        };
        let changed_at = record.last_modified_date.parse().map_err(|_| unreadable("lastModifiedDate"))?;
        Ok(flow::sealed(order, changed_at))
    }
}

impl OrderRecord {
    /// The line with a number.
    pub(crate) fn line(&self, number: i32) -> Option<&LineRecord> {
        self.item.items.iter().find(|line| line.number().is_ok_and(|found| found == number))
    }

    /// Lines of which something has neither shipped nor been closed.
    fn open_lines(&self) -> Result<Vec<i32>, Error> {
        let mut open = Vec::new();
        for line in self.item.items.iter().filter(|line| !line.is_closed) {
            if !line.has_all_shipped()? {
                open.push(line.number()?);
            }
        }
        Ok(open)
    }
}

impl LineRecord {
    /// Nothing of it is left to close.
    pub(crate) fn has_all_shipped(&self) -> Result<bool, Error> {
        let ordered = amount(self.quantity.as_ref())?;
        Ok(amount(self.quantity_fulfilled.as_ref())? >= ordered || amount(self.quantity_billed.as_ref())? >= ordered)
    }

    /// What the line holds.
    pub(crate) fn ordered(&self) -> Result<retail_proto::Decimal, Error> {
        amount(self.quantity.as_ref())
    }

    /// What has shipped of it.
    pub(crate) fn fulfilled(&self) -> Result<retail_proto::Decimal, Error> {
        amount(self.quantity_fulfilled.as_ref())
    }

    /// The price of one unit, as it stands.
    pub(crate) fn rate(&self) -> Option<Number> {
        self.rate.clone()
    }

    /// True when it is of that item.
    pub(crate) fn is_of(&self, item: i64) -> bool {
        self.item.as_ref().is_some_and(|found| found.id == item.to_string())
    }

    /// Something of it has shipped.
    pub(crate) fn has_shipped(&self) -> Result<bool, Error> {
        Ok(!amount(self.quantity_fulfilled.as_ref())?.is_zero())
    }

    pub(crate) fn number(&self) -> Result<i32, Error> {
        self.line.to_string().parse().map_err(|_| unreadable("line"))
    }
}

/// What a cancellation comes to when no line is open any more.
fn nothing_open(record: &OrderRecord) -> Outcome {
    if record.item.items.iter().any(|line| !line.is_closed) {
        return outcome::refused("ALREADY_SHIPPED", "nothing of the sales order is left to close");
    }
    outcome::done()
}

fn warnings(booking: &Booking, order: &pb::SalesOrder) -> Vec<String> {
    let theirs = order.total.as_ref().and_then(|total| Money::try_from(total).ok());
    match theirs {
        Some(theirs) if theirs == booking.total => Vec::new(),
        Some(theirs) => vec![format!("TOTAL_DIFFERS: NetSuite computed {theirs}, we asked for {}", booking.total)],
        None => vec!["TOTAL_DIFFERS: NetSuite gave no total".to_owned()],
    }
}

fn amount(number: Option<&Number>) -> Result<retail_proto::Decimal, Error> {
    number.map_or(Ok(retail_proto::Decimal::ZERO), |number| {
        decimal(&number.to_string()).ok_or_else(|| unreadable("a quantity"))
    })
}

fn quantity(number: Option<&Number>) -> Result<String, Error> {
    let quantity: retail_proto::Quantity =
        amount(number)?.abs().normalize().to_string().parse().map_err(|_| unreadable("a quantity"))?;
    Ok(quantity.to_string())
}

fn price(number: &Number) -> Result<String, Error> {
    Ok(amount(Some(number))?.normalize().to_string())
}

fn total(number: &Number, currency: Currency) -> Result<Money, Error> {
    decimal(&number.to_string())
        .and_then(|total| Money::exact(total.normalize(), currency).ok())
        .ok_or_else(|| unreadable("total"))
}

pub(crate) fn internal_id(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| unreadable("id"))
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable { operation: "sales_order.get", why: format!("{what} is missing or malformed") }
}

fn lost(id: &str) -> Error {
    let call = retail_connect::CallFault::Unknown {
        operation: "sales_order.find",
        why: format!("the record of {id} is there, but SuiteQL does not show it yet"),
    };
    Error::Call(call)
}
