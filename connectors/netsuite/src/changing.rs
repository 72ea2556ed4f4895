//! Changes of lines that have not shipped: read first, so that what is done already is left alone.

use http::Method;
use retail_connect::{Lane, outcome};
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::booking::OrderRecord;
use crate::catalogue::Place;
use crate::erp::Connector;
use crate::fault::{self, Error};
use crate::map;
use crate::path::eid;
use crate::wire;

const CHANGE: &str = "sales_order.change";

impl Connector {
    /// Gives lines to other places, or closes them.
    pub(crate) async fn change(
        &self,
        id: &str,
        lines: &[pb::SalesOrderLineChange],
    ) -> Result<(Outcome, Option<pb::SalesOrder>), Error> {
        let Some(record) = self.record(id).await? else {
            return Ok((outcome::refused("NO_SUCH_SALES_ORDER", format!("NetSuite has no sales order {id}")), None));
        };
        let known = |places: &[Place]| lines.iter().all(|line| line.close || place(places, line).is_some());
        let places = self.catalogue.places_with(Lane::Critical, known).await?;
        let items = match changes(&record, lines, &places)? {
            Ok(items) => items,
            Err(refused) => return Ok((refused, self.find(id, Lane::Critical).await?)),
        };
        if items.is_empty() {
            return Ok((outcome::done(), self.find(id, Lane::Critical).await?));
        }
        let body = wire::Changing { item: wire::Lines { items } };
        let path = eid("salesOrder", map::SALES_ORDER, id);
        if let Err(error) = self.suite.write(CHANGE, Method::PATCH, &path, &body, id).await {
            let refused = fault::refusal(error)?;
            // It may have shipped since it was read.
            let said = match self.record(id).await? {
                Some(now) => changes(&now, lines, &places)?.err().unwrap_or(refused),
                None => refused,
            };
            return Ok((said, self.find(id, Lane::Critical).await?));
        }
        let order = self.find(id, Lane::Critical).await.map_err(|error| error.after_the_write(CHANGE))?;
        Ok((outcome::done(), order))
    }
}

fn place<'a>(places: &'a [Place], line: &pb::SalesOrderLineChange) -> Option<&'a Place> {
    places.iter().find(|place| place.code == line.location)
}

/// What is left to be done, or why it cannot be.
fn changes(
    record: &OrderRecord,
    lines: &[pb::SalesOrderLineChange],
    places: &[Place],
) -> Result<Result<Vec<wire::ChangeLine>, Outcome>, Error> {
    let mut left = Vec::new();
    for asked in lines {
        let number = asked.line_number;
        let Some(line) = record.line(number) else {
            let words = format!("the sales order has no line {number}");
            return Ok(Err(outcome::refused("ERP_REFERENCE_UNKNOWN", words)));
        };
        if asked.close && line.is_closed {
            continue;
        }
        let to = match place(places, asked) {
            Some(place) => Some(place.id.to_string()),
            None if asked.close => None,
            None => {
                let words = format!("line {number}: NetSuite does not know location {}", asked.location);
                return Ok(Err(outcome::refused("ERP_REFERENCE_UNKNOWN", words)));
            }
        };
        if to.is_some() && line.location.as_ref().map(|at| &at.id) == to.as_ref() {
            continue;
        }
        if line.is_closed {
            return Ok(Err(outcome::refused("ALREADY_CLOSED", format!("line {number} is closed in NetSuite"))));
        }
        // What is left of a line may be closed; a line that has begun to ship stays where it is.
        let too_late = if asked.close { line.has_all_shipped()? } else { line.has_shipped()? };
        if too_late {
            let words = format!("something of line {number} has shipped");
            return Ok(Err(outcome::refused("ALREADY_SHIPPED", words)));
        }
        let is_closed = asked.close.then_some(true);
        left.push(wire::ChangeLine { line: number, location: to.map(wire::Reference::Id), is_closed });
    }
    Ok(Ok(left))
}
