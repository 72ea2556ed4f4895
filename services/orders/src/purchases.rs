//! What customers bought of some items: for returns without a receipt. Reads orders by customer, newest first; orders
//! whose customer is not known are not found.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use retail_proto::orders::v1 as pb;
use retail_proto::{Quantity, timestamp};
use retail_runtime::fault::Violations;
use retail_store::{Document as _, IndexEntry, IndexQuery};

use crate::fault::Error;
use crate::orders::Orders;
use crate::record::{Line, Order, State};
use crate::seal::{first_placed_until, list};

const MAX_CUSTOMERS: usize = 50;
const MAX_SKUS: usize = 1_000;
/// Orders of one customer that are looked through. Who has more is no person but a till, and has receipts.
const MAX_ORDERS: usize = 2_000;
/// Index entries read at once.
const PAGE: usize = 500;
/// Orders read side by side.
const SIDE_BY_SIDE: usize = 16;

/// A question that has the right shape.
struct Question {
    customers: BTreeSet<String>,
    skus: BTreeSet<String>,
    /// Milliseconds since 1970.
    until: Option<i64>,
}

impl Orders {
    /// Finds what was bought, newest order first, lines in their order.
    pub(crate) async fn find_purchases(&self, request: &pb::FindPurchasesRequest) -> Result<Vec<pb::Purchase>, Error> {
        let question = parse(request)?;
        // By the sort key of the list, so that the orders of several customers come in one order.
        let mut found: BTreeMap<Vec<u8>, Vec<pb::Purchase>> = BTreeMap::new();
        for customer in &question.customers {
            for (sort, purchases) in self.purchases_of(customer, &question).await? {
                found.insert(sort, purchases);
            }
        }
        Ok(found.into_values().flatten().collect())
    }

    async fn purchases_of(
        &self,
        customer: &str,
        question: &Question,
    ) -> Result<Vec<(Vec<u8>, Vec<pb::Purchase>)>, Error> {
        let mut found = Vec::new();
        let mut seen = 0_usize;
        let mut after = question.until.map(|until| (first_placed_until(until), Order::key("")));
        loop {
            let query = IndexQuery { name: list::customer(customer), prefix: Vec::new(), after, limit: PAGE };
            let entries = self.store().list(&query).await.map_err(Error::Store)?;
            seen = seen.saturating_add(entries.len());
            if seen > MAX_ORDERS {
                return Err(Error::TooManyOrders { customer_id: customer.to_owned(), limit: MAX_ORDERS });
            }
            let full = entries.len() == PAGE;
            after = entries.last().map(|last| (last.sort.clone(), last.key.clone()));
            let read = stream::iter(entries).map(|entry| self.read_purchases(entry, question));
            let page: Vec<_> = read.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
            found.extend(page.into_iter().filter(|(_, purchases)| !purchases.is_empty()));
            if !full {
                return Ok(found);
            }
        }
    }

    async fn read_purchases(
        &self,
        entry: IndexEntry,
        question: &Question,
    ) -> Result<(Vec<u8>, Vec<pb::Purchase>), Error> {
        let order = self.store().read::<Order>(entry.key.id()).await.map_err(Error::Store)?;
        let purchases = order.map(|order| bought(&order.doc, &question.skus)).unwrap_or_default();
        Ok((entry.sort, purchases))
    }
}

/// The lines of an order that were bought of these items.
fn bought(order: &Order, skus: &BTreeSet<String>) -> Vec<pb::Purchase> {
    match order.state() {
        State::Cancelling | State::Cancelled | State::Refused => return Vec::new(),
        State::Received
        | State::Held
        | State::Reserved
        | State::Booked
        | State::PartlyShipped
        | State::Shipped
        | State::Completed => {}
    }
    let lines = order.lines.iter().filter(|line| !is_cancelled(line) && skus.contains(&line.sku));
    lines
        .map(|line| pb::Purchase {
            order_id: order.id.clone(),
            order_number: order.number.clone(),
            placed_at: Some(timestamp(order.placed_at)),
            line_number: line.number,
            sku: line.sku.clone(),
            quantity: Quantity::from_millionths(line.quantity).to_string(),
            unit_price: line.unit_price.clone(),
        })
        .collect()
}

/// Closed, and nothing of it ever left or was billed.
fn is_cancelled(line: &Line) -> bool {
    line.closed && line.shipped == 0 && line.invoiced == 0
}

fn parse(request: &pb::FindPurchasesRequest) -> Result<Question, Error> {
    let mut bad = Violations::default();
    let count = request.customer_ids.len();
    bad.require("customer_ids", (1..=MAX_CUSTOMERS).contains(&count), "give 1 to 50 customers");
    let count = request.skus.len();
    bad.require("skus", (1..=MAX_SKUS).contains(&count), "give 1 to 1,000 item codes");
    for (id, place) in request.customer_ids.iter().zip(0_usize..).take(MAX_CUSTOMERS) {
        bad.require(&format!("customer_ids[{place}]"), !id.is_empty(), "give the id of a customer");
    }
    for (sku, place) in request.skus.iter().zip(0_usize..).take(MAX_SKUS) {
        bad.require(&format!("skus[{place}]"), !sku.trim().is_empty(), "give an item code");
    }
    bad.check()?;
    Ok(Question {
        customers: request.customer_ids.iter().cloned().collect(),
        skus: request.skus.iter().map(|sku| sku.trim().to_uppercase()).collect(),
        until: request
            .placed_until
            .as_ref()
            .map(|at| at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000)),
    })
}

#[cfg(test)]
#[path = "purchases_tests.rs"]
mod tests;
