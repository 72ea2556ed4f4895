//! Orders that customers collect. The webhook does not say so: the delivery method and the store stand in the fulfilment
//! orders, which are read ("Store pick-up", section 4.4 of the vendor page). And saying that goods wait there.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use retail_connect::outcome;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::Outcome;
use serde_json::json;

use crate::allot::{FulfilmentOrder, Standing};
use crate::commerce::Connector;
use crate::document::changing::{DELIVERY, READY};
use crate::fault::Error;
use crate::gid::{gid, number};
use crate::request::changes::Ready;
use crate::wire::changing::{Delivered, Delivery, ReadyData};
use crate::wire::money::OrderData;

/// The words of the shop when everything was prepared before.
const PREPARED: &str = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER";
/// How long a new order may be without fulfilment orders because the shop still decides where it is fulfilled.
const ROUTING: Duration = Duration::from_secs(300);

/// How an order is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the customer, or not at all.
    Shipped,
    /// Collected in one store, by the shop's id of it.
    Collected(u64),
    /// Some of it is collected, or in several stores: no order of the mesh is like that.
    Mixed,
    /// The shop has not said yet.
    Undecided,
}

/// Reads how an order is delivered from its fulfilment orders. Pure.
fn way(deliveries: &[Delivery]) -> Way {
    let mut ways = Vec::new();
    // Those that were undone say nothing while others stand.
    let stands = |delivery: &&Delivery| delivery.status != "CANCELLED";
    let undone = deliveries.iter().find(stands).is_none();
    for delivery in deliveries.iter().filter(|delivery| undone || stands(delivery)) {
        let method = delivery.delivery_method.as_ref().map_or("", |method| method.method_type.as_str());
        let location = delivery.assigned_location.location.as_ref();
        let store = location.and_then(|location| number(&location.id, "Location"));
        let way = match (method, store) {
            ("PICK_UP", Some(store)) => Way::Collected(store),
            ("PICK_UP", None) => Way::Mixed,
            _ => Way::Shipped,
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    match ways.as_slice() {
        [] => Way::Undecided,
        [one] => one.clone(),
        _ => Way::Mixed,
    }
}

impl Connector {
    /// Says on an order where it is collected, if it is. Without configured locations nothing is asked: nobody could tell
    /// which store of ours it is. Answers false while a new order is not given to any location yet.
    pub(crate) async fn collect(&self, order: &mut pb::PlaceOrderRequest, id: u64) -> Result<bool, Error> {
        let goods = order.lines.iter().any(|line| line.kind() == pb::LineKind::Goods);
        if self.locations.is_empty() || !goods {
            return Ok(true);
        }
        let data: OrderData<Delivered> = self.admin.read(&DELIVERY, &json!({"id": gid("Order", id)}), "").await?;
        let found = data.order.ok_or(Error::NoSuchOrder(id))?;
        match way(&found.fulfillment_orders.nodes) {
            Way::Shipped => {}
            Way::Undecided => return Ok(!self.is_new(order)),
            Way::Mixed => {
                tracing::error!(
                    order = id,
                    "some of an order is collected, or in several stores; it is taken as shipped"
                );
            }
            Way::Collected(store) => {
                let known = self.locations.iter().find(|(_, location)| **location == store);
                // A store that nobody has configured is named by the shop's id: the order waits for a person by it.
                let location = known.map_or_else(|| format!("shopify:{store}"), |(code, _)| code.clone());
                let (name, phone, email) = collector(order);
                order.pickup =
                    Some(pb::PickupInput { location, contact_name: name, contact_phone: phone, contact_email: email });
            }
        }
        Ok(true)
    }

    fn is_new(&self, order: &pb::PlaceOrderRequest) -> bool {
        let placed = order.placed_at.as_ref().and_then(|at| Timestamp::from_second(at.seconds).ok());
        let age = placed.map(|placed| self.clock.now().duration_since(placed).unsigned_abs());
        age.is_some_and(|age| age < ROUTING)
    }

    /// Says that an order waits in its store; the shop writes to the customer.
    pub(crate) async fn ready(&self, wanted: &Ready) -> Result<Outcome, Error> {
        let shown = self.shown(wanted.order).await?;
        if !shown.orders.iter().any(|order| order.pickup) {
            return Ok(outcome::done_with(vec!["the shop knows no pickup of this order".to_owned()]));
        }
        let missing = left(&shown.orders);
        let codes = missing.iter().filter(|_| !wanted.place.is_empty());
        let codes = codes.map(|(item, units)| (*item, vec![(wanted.place.clone(), *units)]));
        let (places, mut warnings) = self.places(&codes.collect());
        let (shown, stays) = self.relocate(wanted.order, shown, (&missing, &places), &wanted.key).await?;
        warnings.extend(stays);
        for order in shown.orders.iter().filter(|order| order.pickup && is_left(order)) {
            if order.standing == Standing::Held {
                return Ok(outcome::refused("FULFILMENT_ON_HOLD", "the shop holds its fulfilment"));
            }
            let groups = json!([{"fulfillmentOrderId": order.gid}]);
            let variables = json!({"input": {"lineItemsByFulfillmentOrder": groups}});
            let data: ReadyData = self.admin.write(&READY, &variables, &wanted.key).await?;
            let refusals = data.fulfillment_order_line_items_prepared_for_pickup.user_errors;
            if let Some(error) = refusals.into_iter().find(|error| error.code != PREPARED) {
                return Ok(outcome::refused("SHOP_REFUSED", error.message));
            }
        }
        Ok(outcome::done_with(warnings))
    }
}

fn is_left(order: &FulfilmentOrder) -> bool {
    let stands = matches!(order.standing, Standing::Open | Standing::Held);
    stands && order.lines.iter().any(|line| line.remaining > 0)
}

/// What still waits to be collected, by line item.
fn left(orders: &[FulfilmentOrder]) -> BTreeMap<u64, i64> {
    let mut units = BTreeMap::<u64, i64>::new();
    for line in orders.iter().filter(|order| order.pickup && is_left(order)).flat_map(|order| &order.lines) {
        if line.remaining > 0 {
            let sum = units.entry(line.item).or_default();
            *sum = sum.saturating_add(line.remaining);
        }
    }
    units
}

/// Who collects it: the name on the bill, the buyer's, whatever else there is to call somebody by.
fn collector(order: &pb::PlaceOrderRequest) -> (String, String, String) {
    let buyer = order.buyer.clone().unwrap_or_default();
    let billed = order.billing_address.as_ref().map(|address| address.name.clone()).unwrap_or_default();
    let named = format!("{} {}", buyer.first_name, buyer.last_name).trim().to_owned();
    let names = [billed, named, buyer.company, buyer.email.clone(), order.order_number.clone()];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    (name, buyer.phone, buyer.email)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(orders: &Value) -> Way {
        way(&serde_json::from_value::<Vec<Delivery>>(orders.clone()).unwrap())
    }

    fn delivery(method: &str, location: u64, status: &str) -> Value {
        json!({"status": status, "deliveryMethod": {"methodType": method},
            "assignedLocation": {"location": {"id": format!("gid://shopify/Location/{location}")}}})
    }

    #[test]
    fn an_order_is_collected_when_all_of_it_is_in_one_store() {
        let (soho, other) = (delivery("PICK_UP", 2, "OPEN"), delivery("PICK_UP", 3, "OPEN"));
        let shipped = delivery("SHIPPING", 1, "OPEN");
        assert_eq!(told(&json!([soho, soho])), Way::Collected(2));
        assert_eq!(told(&json!([soho, delivery("PICK_UP", 3, "CANCELLED")])), Way::Collected(2));
        assert_eq!(
            told(&json!([delivery("PICK_UP", 3, "CANCELLED")])),
            Way::Collected(3),
            "of an order that is cancelled"
        );
        assert_eq!(told(&json!([soho, other])), Way::Mixed);
        assert_eq!(told(&json!([soho, shipped])), Way::Mixed);
        assert_eq!(told(&json!([shipped])), Way::Shipped);
        assert_eq!(told(&json!([])), Way::Undecided);
        let methodless = json!([{"status": "OPEN", "deliveryMethod": null, "assignedLocation": {"location": null}}]);
        assert_eq!(told(&methodless), Way::Shipped);
    }

    #[test]
    fn somebody_is_always_named() {
        let order = pb::PlaceOrderRequest { order_number: "#1".into(), ..Default::default() };
        assert_eq!(collector(&order).0, "#1");
        let buyer = pb::Buyer { first_name: "Jo".into(), email: "jo@example.com".into(), ..Default::default() };
        let order = pb::PlaceOrderRequest { buyer: Some(buyer), ..order };
        assert_eq!(collector(&order), ("Jo".into(), String::new(), "jo@example.com".into()));
    }
}
