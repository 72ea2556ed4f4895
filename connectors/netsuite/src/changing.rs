//! Changes of a sales order where it has not shipped: read first, so that what is done already is left alone; written in one
//! request, so that all of it comes about or nothing.

use http::Method;
use retail_connect::{Lane, outcome};
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::booking::OrderRecord;
use crate::catalogue::Place;
use crate::erp::Connector;
use crate::fault::{self, Error};
use crate::map::{self, OrderLine};
use crate::path::eid;
use crate::request::{Change, LineChange};
use crate::wire;

const CHANGE: &str = "sales_order.change";

impl Connector {
    /// Changes lines, adds lines, delivers elsewhere.
    pub(crate) async fn change(&self, asked: &Change) -> Result<(Outcome, Option<pb::SalesOrder>), Error> {
        let id = asked.external_ref.as_str();
        let Some(record) = self.record(id).await? else {
            return Ok((outcome::refused("NO_SUCH_SALES_ORDER", format!("NetSuite has no sales order {id}")), None));
        };
        let known =
            |places: &[Place]| asked.lines.iter().all(|line| line.location.is_none() || place(places, line).is_some());
        let places = self.catalogue.places_with(Lane::Critical, known).await?;
        let added = match self.order_lines(&asked.added).await? {
            Ok(added) => added,
            Err(refused) => return Ok((refused, self.find(id, Lane::Critical).await?)),
        };
        let items = match changes(&record, asked, &added, &places)? {
            Ok(items) => items,
            Err(refused) => return Ok((refused, self.find(id, Lane::Critical).await?)),
        };
        if items.is_empty() && asked.shipping_address.is_none() {
            return Ok((outcome::done(), self.find(id, Lane::Critical).await?));
        }
        let body = wire::Changing {
            // The same address again changes nothing.
            shipping_address: asked.shipping_address.as_ref().map(|address| map::whole_address(&map::address(address))),
            item: (!items.is_empty()).then_some(wire::Lines { items }),
        };
        let path = eid("salesOrder", map::SALES_ORDER, id);
        if let Err(error) = self.suite.write(CHANGE, Method::PATCH, &path, &body, id).await {
            let refused = fault::refusal(error)?;
            // It may have shipped since it was read.
            let said = match self.record(id).await? {
                Some(now) => changes(&now, asked, &added, &places)?.err().unwrap_or(refused),
                None => refused,
            };
            return Ok((said, self.find(id, Lane::Critical).await?));
        }
        let order = self.find(id, Lane::Critical).await.map_err(|error| error.after_the_write(CHANGE))?;
        Ok((outcome::done(), order))
    }
}

fn place<'a>(places: &'a [Place], line: &LineChange) -> Option<&'a Place> {
    places.iter().find(|place| Some(&place.code) == line.location.as_ref())
}

/// What is left to be done, or why it cannot be.
fn changes(
    record: &OrderRecord,
    asked: &Change,
    added: &[OrderLine],
    places: &[Place],
) -> Result<Result<Vec<wire::LineWrite>, Outcome>, Error> {
    let mut left = Vec::new();
    for line in &asked.lines {
        match changed(record, line, places)? {
            Ok(change) => left.extend(change.map(wire::LineWrite::Change)),
            Err(refused) => return Ok(Err(refused)),
        }
    }
    for line in added {
        let Some(there) = record.line(line.number) else {
            left.push(wire::LineWrite::Add(map::sales_order_line(line, true)));
            continue;
        };
        let same = there.is_of(line.item) && there.ordered()? == line.quantity.to_decimal();
        if !same {
            let words = format!("the sales order has another line {}", line.number);
            return Ok(Err(outcome::refused("LINE_DIFFERS", words)));
        }
    }
    Ok(Ok(left))
}

/// What is left to be done of one line.
fn changed(
    record: &OrderRecord,
    asked: &LineChange,
    places: &[Place],
) -> Result<Result<Option<wire::ChangeLine>, Outcome>, Error> {
    let number = asked.number;
    let refused = |reason: &str, words: String| Ok(Err(outcome::refused(reason, words)));
    let Some(line) = record.line(number) else {
        return refused("ERP_REFERENCE_UNKNOWN", format!("the sales order has no line {number}"));
    };
    if asked.close && line.is_closed {
        return Ok(Ok(None));
    }
    let to = match (place(places, asked), &asked.location) {
        (Some(place), _) => Some(place.id.to_string()),
        (None, Some(code)) => {
            return refused("ERP_REFERENCE_UNKNOWN", format!("line {number}: NetSuite does not know location {code}"));
        }
        (None, None) => None,
    };
    let to = to.filter(|to| line.location.as_ref().map(|at| &at.id) != Some(to));
    let ordered = line.ordered()?;
    let wanted = asked.quantity.filter(|(quantity, _)| quantity.to_decimal() != ordered);
    if to.is_none() && wanted.is_none() && !asked.close {
        return Ok(Ok(None));
    }
    if line.is_closed {
        return refused("ALREADY_CLOSED", format!("line {number} is closed in NetSuite"));
    }
    // What is left of a line may be closed; a line that has begun to ship stays where it is, and holds what has shipped.
    let more_has_shipped =
        wanted.is_some_and(|(quantity, _)| line.fulfilled().is_ok_and(|gone| gone > quantity.to_decimal()));
    let too_late = if asked.close { line.has_all_shipped()? } else { to.is_some() && line.has_shipped()? };
    if too_late || more_has_shipped {
        return refused("ALREADY_SHIPPED", format!("something of line {number} has shipped"));
    }
    Ok(Ok(Some(wire::ChangeLine {
        line: number,
        location: to.map(wire::Reference::Id),
        is_closed: asked.close.then_some(true),
        quantity: wanted.map(|(quantity, _)| map::number(quantity.to_decimal())),
        // The rate stays: an amount alone would make NetSuite reckon another.
        rate: wanted.and(line.rate()),
        amount: wanted.map(|(_, amount)| map::number(amount.to_decimal())),
    })))
}
