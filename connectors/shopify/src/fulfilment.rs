//! Recording a shipment. The shop keeps no key for it, so it is looked for first: by its tracking numbers, then by what
//! remains. A repeat sends what is missing and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use retail_connect::outcome;
use retail_proto::types::v1::{Outcome, Ref};
use serde_json::json;

use crate::allot::{self, FulfilmentOrder, Line, Parcel, Plan, Standing};
use crate::commerce::Connector;
use crate::document::{CREATE_FULFILMENT, FULFILLED_LINES, FULFILMENTS, NUMBERS, OPEN_LINES, SHIPPING};
use crate::fault::Error;
use crate::gid::{gid, number};
use crate::graphql::next;
use crate::request::Shipment;
use crate::wire::admin::{
    CreateData, Created, FulfilledLines, Fulfillment, FulfillmentInput, FulfillmentOrder, LineQuantity, Named,
    NodeData, OpenLine, OpenLines, OrderData, OrderLines, TrackingInput, UserError,
};

/// No order has that many pages of anything.
const PAGES: usize = 40;

/// What the shop shows of an order's shipping.
pub(crate) struct Shown {
    fulfilments: Vec<Fulfillment>,
    pub(crate) orders: Vec<FulfilmentOrder>,
}

impl Connector {
    /// Records a shipment, or finds it.
    pub(crate) async fn record(&self, shipment: &Shipment) -> Result<(Outcome, Vec<Ref>), Error> {
        let shown = self.shown(shipment.order).await?;
        if shown.fulfilments.len() >= FULFILMENTS {
            let words = format!("the order has {FULFILMENTS} fulfilments or more; record this one by hand");
            return Ok((outcome::refused("TOO_MANY_FULFILMENTS", words), Vec::new()));
        }
        let (mut found, recorded) = self.recorded(&shown, shipment).await?;
        let (places, mut told) = self.places(&shipment.places);
        let missing = allot::missing(&shipment.lines, &recorded);
        let (mut shown, stays) = self.relocate(shipment.order, shown, (&missing, &places), &shipment.key).await?;
        told.extend(stays);
        // What lies where it left from goes first.
        let elsewhere =
            |order: &FulfilmentOrder| !places.values().flatten().any(|(place, _)| Some(*place) == order.location);
        shown.orders.sort_by_key(elsewhere);
        match allot::plan(&shipment.lines, &recorded, &shown.orders) {
            Plan::Done { elsewhere } => Ok((outcome::done_with(also(told, &elsewhere)), found)),
            Plan::Refuse { reason, item } => {
                let words = format!("line item {item} of order {} cannot be fulfilled", shipment.order);
                Ok((outcome::refused(reason, words), found))
            }
            Plan::Send { parcels, elsewhere } => {
                let already = found.len();
                for parcel in parcels {
                    match self.create(shipment, parcel).await? {
                        Ok(created) => found.push(self.reference(&created.id, &created.name)?),
                        Err(error) if found.len() == already && already == 0 => {
                            return Ok((outcome::refused("SHOP_REFUSED", error.message), found));
                        }
                        Err(error) => return Ok((outcome::partial("SHOP_REFUSED", error.message), found)),
                    }
                }
                Ok((outcome::done_with(also(told, &elsewhere)), found))
            }
        }
    }

    /// Looks for a shipment and sends nothing.
    pub(crate) async fn find(&self, shipment: &Shipment) -> Result<(Outcome, Vec<Ref>), Error> {
        let shown = self.shown(shipment.order).await?;
        let (mut found, mut recorded) = self.recorded(&shown, shipment).await?;
        if shipment.tracking.is_empty() {
            // Only asked when it may have been sent: a fulfilment of exactly these lines is taken for it.
            for fulfilment in shown.fulfilments.iter().filter(|one| stands(one) && numbers(one).is_empty()) {
                let lines = self.lines_of(fulfilment).await?;
                if lines == shipment.lines {
                    found.push(self.reference(&fulfilment.id, &fulfilment.name)?);
                    recorded = lines;
                    break;
                }
            }
        }
        match allot::plan(&shipment.lines, &recorded, &shown.orders) {
            Plan::Done { elsewhere } => Ok((outcome::done_with(warnings(&elsewhere)), found)),
            Plan::Send { .. } | Plan::Refuse { .. } => Err(Error::NoSuchFulfilment(shipment.order)),
        }
    }

    /// Fulfilments under the shipment's tracking numbers and the units they hold.
    async fn recorded(&self, shown: &Shown, shipment: &Shipment) -> Result<(Vec<Ref>, BTreeMap<u64, i64>), Error> {
        let (mut found, mut units) = (Vec::new(), BTreeMap::<u64, i64>::new());
        for fulfilment in shown.fulfilments.iter().filter(|one| is_of(one, &shipment.tracking)) {
            for (item, more) in self.lines_of(fulfilment).await? {
                let sum = units.entry(item).or_default();
                *sum = sum.saturating_add(more);
            }
            found.push(self.reference(&fulfilment.id, &fulfilment.name)?);
        }
        Ok((found, units))
    }

    async fn create(&self, shipment: &Shipment, parcel: Parcel) -> Result<Result<Created, UserError>, Error> {
        let company = (!shipment.carrier.is_empty()).then(|| shipment.carrier.clone());
        let tracked = company.is_some() || !shipment.tracking.is_empty();
        let lines = parcel.lines.into_iter().map(|(id, quantity)| LineQuantity { id, quantity });
        let input = FulfillmentInput {
            line_items_by_fulfillment_order: vec![OrderLines {
                fulfillment_order_id: parcel.order,
                fulfillment_order_line_items: lines.collect(),
            }],
            notify_customer: shipment.notify,
            tracking_info: tracked.then(|| TrackingInput { company, numbers: shipment.tracking.clone() }),
        };
        let data: CreateData =
            self.admin.write(&CREATE_FULFILMENT, &json!({"fulfillment": input}), &shipment.key).await?;
        let payload = data.fulfillment_create;
        match (payload.user_errors.into_iter().next(), payload.fulfillment) {
            (Some(error), _) => Ok(Err(error)),
            (None, Some(created)) => Ok(Ok(created)),
            (None, None) => Err(crate::fault::unreadable(
                retail_connect::Kind::Write,
                CREATE_FULFILMENT.operation,
                "neither a fulfilment nor an error".to_owned(),
            )),
        }
    }

    pub(crate) async fn shown(&self, order: u64) -> Result<Shown, Error> {
        let (mut orders, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let variables = json!({"id": gid("Order", order), "after": after});
            let data: OrderData = self.admin.read(&SHIPPING, &variables, "").await?;
            let shipping = data.order.ok_or(Error::NoSuchOrder(order))?;
            after = next(SHIPPING.operation, &shipping.fulfillment_orders)?;
            for found in shipping.fulfillment_orders.nodes {
                orders.push(self.whole(found).await?);
            }
            if after.is_none() {
                return Ok(Shown { fulfilments: shipping.fulfillments, orders });
            }
        }
        Err(endless(SHIPPING.operation))
    }

    /// A fulfilment order with all its lines: the first look brings twenty.
    async fn whole(&self, found: FulfillmentOrder) -> Result<FulfilmentOrder, Error> {
        let mut page = found.line_items;
        let mut lines = Vec::new();
        for _ in 0..PAGES {
            let after = next(OPEN_LINES.operation, &page)?;
            for line in page.nodes {
                lines.push(open_line(line)?);
            }
            let Some(after) = after else {
                let standing = standing(&found.status);
                let location = found.assigned_location.location.as_ref();
                let location = location.and_then(|location| number(&location.id, "Location"));
                let movable = found.supported_actions.iter().any(|action| action.action == "MOVE");
                let pickup = found.delivery_method.is_some_and(|method| method.method_type == "PICK_UP");
                return Ok(FulfilmentOrder { gid: found.id, standing, location, movable, pickup, lines });
            };
            let variables = json!({"id": found.id, "after": after});
            let data: NodeData<OpenLines> = self.admin.read(&OPEN_LINES, &variables, "").await?;
            page = data.node.ok_or_else(|| gone(OPEN_LINES.operation, &found.id))?.line_items;
        }
        Err(endless(OPEN_LINES.operation))
    }

    async fn lines_of(&self, fulfilment: &Fulfillment) -> Result<BTreeMap<u64, i64>, Error> {
        let operation = FULFILLED_LINES.operation;
        let (mut units, mut after) = (BTreeMap::<u64, i64>::new(), None::<String>);
        for _ in 0..PAGES {
            let variables = json!({"id": fulfilment.id, "after": after});
            let data: NodeData<FulfilledLines> = self.admin.read(&FULFILLED_LINES, &variables, "").await?;
            let page = data.node.ok_or_else(|| gone(operation, &fulfilment.id))?.fulfillment_line_items;
            after = next(operation, &page)?;
            for line in page.nodes {
                let sum = units.entry(item(operation, &line.line_item)?).or_default();
                *sum = sum.saturating_add(line.quantity.unwrap_or_default());
            }
            if after.is_none() {
                return Ok(units);
            }
        }
        Err(endless(operation))
    }

    fn reference(&self, id: &str, name: &str) -> Result<Ref, Error> {
        let number = number(id, "Fulfillment").ok_or_else(|| gone(SHIPPING.operation, id))?;
        Ok(Ref {
            kind: "commerce".to_owned(),
            instance: self.channel.instance.clone(),
            r#type: "fulfillment".to_owned(),
            id: number.to_string(),
            number: name.to_owned(),
        })
    }
}

/// "FulfillmentOrderStatus". A word we do not know is not acted on.
fn standing(status: &str) -> Standing {
    match status {
        "OPEN" | "IN_PROGRESS" => Standing::Open,
        "CLOSED" | "INCOMPLETE" => Standing::Over,
        "CANCELLED" => Standing::Cancelled,
        _ => Standing::Held,
    }
}

/// True unless it was undone ("FulfillmentStatus").
fn stands(fulfilment: &Fulfillment) -> bool {
    !matches!(fulfilment.status.as_str(), "CANCELLED" | "ERROR" | "FAILURE")
}

fn numbers(fulfilment: &Fulfillment) -> BTreeSet<&str> {
    let numbers = fulfilment.tracking_info.iter().map(|tracking| tracking.number.as_str());
    numbers.filter(|number| !number.is_empty()).collect()
}

/// True when it carries the shipment's tracking numbers, as far as they are read.
fn is_of(fulfilment: &Fulfillment, tracking: &[String]) -> bool {
    let numbers = numbers(fulfilment);
    let ours = numbers.iter().all(|number| tracking.iter().any(|asked| asked == number));
    stands(fulfilment) && !tracking.is_empty() && ours && numbers.len() == tracking.len().min(NUMBERS)
}

fn also(mut told: Vec<String>, elsewhere: &[u64]) -> Vec<String> {
    told.extend(warnings(elsewhere));
    told
}

fn warnings(elsewhere: &[u64]) -> Vec<String> {
    elsewhere.iter().map(|item| format!("line item {item} was fulfilled under another fulfilment already")).collect()
}

fn open_line(line: OpenLine) -> Result<Line, Error> {
    let item = item(OPEN_LINES.operation, &line.line_item)?;
    Ok(Line { gid: line.id, item, total: line.total_quantity, remaining: line.remaining_quantity })
}

fn item(operation: &'static str, line_item: &Named) -> Result<u64, Error> {
    number(&line_item.id, "LineItem").ok_or_else(|| gone(operation, &line_item.id))
}

fn gone(operation: &'static str, id: &str) -> Error {
    Error::Unreadable { operation, why: format!("{id} is not what was asked for") }
}

fn endless(operation: &'static str) -> Error {
    Error::Unreadable { operation, why: format!("more than {PAGES} pages") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fulfilment(status: &str, numbers: &[&str]) -> Fulfillment {
        let tracking: Vec<_> = numbers.iter().map(|number| json!({"number": number})).collect();
        let shown = json!({"id": "gid://shopify/Fulfillment/1", "status": status, "trackingInfo": tracking});
        serde_json::from_value(shown).unwrap()
    }

    #[test]
    fn a_fulfilment_is_ours_when_it_carries_our_tracking_numbers_and_stands() {
        let tracking = ["A", "B"].map(str::to_owned);
        assert!(is_of(&fulfilment("SUCCESS", &["B", "A"]), &tracking));
        assert!(!is_of(&fulfilment("SUCCESS", &["A"]), &tracking));
        assert!(!is_of(&fulfilment("SUCCESS", &["A", "C"]), &tracking));
        assert!(!is_of(&fulfilment("CANCELLED", &["A", "B"]), &tracking));
        assert!(!is_of(&fulfilment("SUCCESS", &[]), &[]));
    }

    #[test]
    fn more_numbers_than_are_read_are_compared_as_far_as_they_are() {
        let tracking: Vec<String> = ["1", "2", "3", "4", "5", "6"].map(str::to_owned).to_vec();
        assert!(is_of(&fulfilment("SUCCESS", &["1", "2", "3", "4", "5"]), &tracking));
        assert!(!is_of(&fulfilment("SUCCESS", &["1", "2", "3", "4"]), &tracking));
    }

    #[test]
    fn a_status_that_nobody_knows_is_not_acted_on() {
        assert_eq!(standing("OPEN"), Standing::Open);
        assert_eq!(standing("ON_HOLD"), Standing::Held);
        assert_eq!(standing("SOMETHING_NEW"), Standing::Held);
    }
}
