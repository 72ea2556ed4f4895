//! What the fields of the API's objects say when their own document does not hold it.

use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use super::call::{Call, Problem};
use super::pages::{Condition, Reading, Source, page};
use super::plan::Node;
use super::{auth, cancelling, docs, ids, order_edit, payment, refunded, rma};
use crate::books::Result;

const ORDER_FIELDS: &[(&str, &str, Reading)] = &[
    ("updated_at", "updated", Reading::Time),
    ("created_at", "created", Reading::Time),
    ("processed_at", "processed", Reading::Time),
    ("name", "name", Reading::Text),
    ("id", "id", Reading::Number),
    ("status", "", Reading::Status),
];
const VARIANT_FIELDS: &[(&str, &str, Reading)] = &[("sku", "sku", Reading::Text), ("id", "id", Reading::Number)];
const ITEM_FIELDS: &[(&str, &str, Reading)] = &[("sku", "sku", Reading::Text), ("id", "item", Reading::Number)];

/// The quantity names of the vendor's inventory states.
pub(super) const NAMES: [&str; 8] =
    ["available", "committed", "damaged", "incoming", "on_hand", "quality_control", "reserved", "safety_stock"];

/// Makes the document of the thing with that number.
type Maker = fn(&Call<'_>, i64) -> Result<Option<Value>>;

/// The field's value; `None` when the object's document holds it.
pub(super) fn resolve(
    call: &Call<'_>,
    kind: &str,
    doc: &Value,
    node: &Node,
    searches: &mut Vec<Value>,
) -> std::result::Result<Option<Value>, Problem> {
    let own = |name: &str| doc.get(name).and_then(Value::as_i64);
    let found = match (kind, node.name.as_str()) {
        ("Query", _) => return query(call, node, searches).map(Some),
        ("ProductVariant", "inventoryItem") => own("_item").map(|id| docs::item(call, id)),
        ("ProductVariant", "inventoryQuantity") => own("_item").map(|item| available(call, item)),
        ("InventoryItem", "variant") | ("LineItem" | "FulfillmentOrderLineItem", "variant") => {
            Some(own("_variant").map_or(Ok(None), |id| docs::variant(call, id)))
        }
        ("InventoryItem", "inventoryLevel") => own("_id").map(|item| match id(node, "locationId", "Location") {
            Some(location) => docs::level(call, item, location),
            None => Ok(None),
        }),
        ("InventoryItem", "inventoryLevels") => {
            let item = own("_id").unwrap_or_default();
            let source = Source { id: "location", key: "location", ..Source::of("level") };
            return page(call, node, source, is("item", item), searches, |location| docs::level(call, item, location))
                .map(Some);
        }
        ("InventoryLevel", "item") => own("_item").map(|id| docs::item(call, id)),
        ("InventoryLevel", "location")
        | ("FulfillmentOrderAssignedLocation" | "Fulfillment" | "RefundLineItem", "location") => {
            Some(own("_location").map_or(Ok(None), |id| docs::location(call, id)))
        }
        ("InventoryLevel", "quantities") => return quantities(doc, node).map(Some),
        ("InventoryChange", "item") => own("_item").map(|id| docs::item(call, id)),
        ("InventoryChange", "location") => own("_location").map(|id| docs::location(call, id)),
        (
            "FulfillmentOrder" | "Fulfillment" | "OrderTransaction" | "Refund" | "Return" | "OrderCancelJobResult",
            "order",
        ) => own("_sale").map(|id| docs::order(call, id)),
        ("OrderTransaction", "parentTransaction") => Some(own("_parent").map_or(Ok(None), |id| payment::doc(call, id))),
        ("RefundShippingLine", "shippingLine") => own("_shipping").map(|id| docs::shipping(call, id)),
        ("ReturnLineItem", "fulfillmentLineItem") => own("_parcel_line").map(|id| docs::parcel_line(call, id)),
        ("FulfillmentOrderLineItem" | "FulfillmentLineItem" | "RefundLineItem", "lineItem") => {
            own("_line").map(|id| docs::line(call, id))
        }
        ("CalculatedLineItem", "variant") => Some(own("_variant").map_or(Ok(None), |id| docs::variant(call, id))),
        ("CalculatedOrder", "originalOrder") => own("_sale").map(|id| docs::order(call, id)),
        ("Order", "fulfillments") => return listed(call, "parcel", own("_id"), node, docs::parcel).map(Some),
        ("Order", "transactions") => return listed(call, "payment", own("_id"), node, payment::doc).map(Some),
        ("Order", "refunds") => return listed(call, "refund", own("_id"), node, refunded::doc).map(Some),
        _ => return children(call, kind, own("_id"), node, searches),
    };
    Ok(found.transpose()?.map(Option::unwrap_or_default))
}

/// Connections to what belongs to a thing.
fn children(
    call: &Call<'_>,
    kind: &str,
    owner: Option<i64>,
    node: &Node,
    searches: &mut Vec<Value>,
) -> std::result::Result<Option<Value>, Problem> {
    let Some(owner) = owner else { return Ok(None) };
    let mut list = |table, column, doc: Maker| {
        page(call, node, Source::of(table), is(column, owner), searches, |id| doc(call, id)).map(Some)
    };
    match (kind, node.name.as_str()) {
        ("Order", "lineItems") => list("sale_line", "sale", docs::line),
        ("Order", "shippingLines") => list("shipping", "sale", docs::shipping),
        ("Order", "fulfillmentOrders") => list("demand", "sale", docs::demand),
        ("Order", "returns") => list("rma", "sale", rma::doc),
        ("CalculatedOrder", "lineItems") => {
            let Some((sale, staged)) = order_edit::staged(call, owner)? else { return Ok(None) };
            let doc = |id| order_edit::line(call, id, &staged);
            page(call, node, Source::of("sale_line"), is("sale", sale), searches, doc).map(Some)
        }
        ("Refund", "orderAdjustments") => list("refund_adjustment", "refund", refunded::adjustment),
        ("Refund", "refundLineItems") => list("refund_line", "refund", refunded::line),
        ("Refund", "refundShippingLines") => list("refund_postage", "refund", refunded::postage),
        ("Refund", "transactions") => list("payment", "refund", payment::doc),
        ("Return", "returnLineItems") => list("rma_line", "rma", rma::line),
        ("FulfillmentOrder", "lineItems") => list("demand_line", "demand", docs::demand_line),
        ("Fulfillment", "fulfillmentLineItems") => list("parcel_line", "parcel", docs::parcel_line),
        _ => Ok(None),
    }
}

fn is(column: &str, id: i64) -> Vec<Condition> {
    vec![(format!("{column} = ?"), vec![Sql::Integer(id)])]
}

/// The number of an id argument.
fn id(node: &Node, argument: &str, kind: &str) -> Option<i64> {
    ids::number(node.arguments.get(argument)?.as_str()?, kind)
}

fn query(call: &Call<'_>, node: &Node, searches: &mut Vec<Value>) -> std::result::Result<Value, Problem> {
    auth::scope(call, &node.name)?;
    let one = |kind: &str, doc: Maker| {
        let given = node.arguments.get("id").and_then(Value::as_str).unwrap_or_default();
        match ids::number(given, kind) {
            Some(id) => Ok(doc(call, id)?.unwrap_or_default()),
            None => Err(Problem::new("RESOURCE_NOT_FOUND", format!("Invalid global id '{given}'"))),
        }
    };
    let mut list = |source: Source, doc: Maker| page(call, node, source, Vec::new(), searches, |id| doc(call, id));
    match node.name.as_str() {
        "shop" => Ok(
            json!({"__typename": "Shop", "id": "gid://shopify/Shop/1", "name": "Weft Sandbox", "taxesIncluded": true,
            "myshopifyDomain": call.config.domain, "currencyCode": call.currency()?}),
        ),
        "node" => thing(call, node.arguments.get("id")),
        "nodes" => {
            let ids = node.arguments.get("ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if ids.len() > 250 {
                let message =
                    format!("The input array size of {} is greater than the maximum allowed of 250.", ids.len());
                return Err(Problem::new("MAX_INPUT_SIZE_EXCEEDED", message));
            }
            ids.iter().map(|id| thing(call, Some(id))).collect()
        }
        "location" if !node.arguments.contains_key("id") => {
            let first: Option<i64> = call.row("SELECT MIN(id) FROM location", [], |row| row.get(0))?.flatten();
            Ok(first.map(|id| docs::location(call, id)).transpose()?.flatten().unwrap_or_default())
        }
        "location" => one("Location", docs::location),
        "locations" => list(Source { key: "name", ..Source::of("location") }, docs::location),
        "inventoryItem" => one("InventoryItem", docs::item),
        "inventoryItems" => {
            list(Source { id: "item", key: "item", fields: ITEM_FIELDS, ..Source::of("variant") }, docs::item)
        }
        "inventoryLevel" => thing(call, node.arguments.get("id")),
        "productVariant" => one("ProductVariant", docs::variant),
        "productVariants" => {
            let key = if sorted_by(node) == "SKU" { "sku" } else { "id" };
            list(Source { key, fields: VARIANT_FIELDS, ..Source::of("variant") }, docs::variant)
        }
        "order" => one("Order", docs::order),
        "orders" => {
            let key = match sorted_by(node) {
                "UPDATED_AT" => "updated",
                "CREATED_AT" => "created",
                "ID" | "ORDER_NUMBER" => "id",
                _ => "processed",
            };
            list(Source { key, fields: ORDER_FIELDS, ..Source::of("sale") }, docs::order)
        }
        "fulfillmentOrder" => one("FulfillmentOrder", docs::demand),
        "refund" => one("Refund", refunded::doc),
        "return" => one("Return", rma::doc),
        "webhookSubscription" => one("WebhookSubscription", docs::subscription),
        "webhookSubscriptions" => subscriptions(call, node, searches),
        _ => Ok(Value::Null),
    }
}

fn sorted_by(node: &Node) -> &str {
    node.arguments.get("sortKey").and_then(Value::as_str).unwrap_or_default()
}

fn subscriptions(call: &Call<'_>, node: &Node, searches: &mut Vec<Value>) -> std::result::Result<Value, Problem> {
    // Subscriptions of the app's configuration are not listed; only those made through the API are.
    let mut conditions = vec![("by_api = 1".to_owned(), Vec::new())];
    if let Some(topics) = node.arguments.get("topics").and_then(Value::as_array) {
        let wanted: Vec<Sql> =
            topics.iter().filter_map(Value::as_str).map(|word| Sql::Text(super::outbox::topic(word))).collect();
        conditions.push((format!("topic IN ({})", vec!["?"; wanted.len()].join(",")), wanted));
    }
    page(call, node, Source::of("subscription"), conditions, searches, |id| docs::subscription(call, id))
}

/// Whatever has that global id.
fn thing(call: &Call<'_>, gid: Option<&Value>) -> std::result::Result<Value, Problem> {
    let gid = gid.and_then(Value::as_str).unwrap_or_default();
    let kind =
        ids::kind(gid).ok_or_else(|| Problem::new("RESOURCE_NOT_FOUND", format!("Invalid global id '{gid}'")))?;
    if kind == "InventoryLevel" {
        auth::scope(call, "inventoryLevel")?;
        let found = ids::level(gid).map(|(item, location)| docs::level(call, item, location));
        return Ok(found.transpose()?.flatten().unwrap_or_default());
    }
    let (scope, doc): (&str, Maker) = match kind {
        "Location" => ("location", docs::location),
        "ProductVariant" => ("productVariant", docs::variant),
        "InventoryItem" => ("inventoryItem", docs::item),
        "Order" => ("order", docs::order),
        "LineItem" => ("order", docs::line),
        "FulfillmentOrder" => ("fulfillmentOrder", docs::demand),
        "Fulfillment" => ("order", docs::parcel),
        "OrderTransaction" => ("order", payment::doc),
        "Refund" => ("refund", refunded::doc),
        "Return" => ("return", rma::doc),
        "OrderCancelJobResult" => ("order", cancelling::look),
        "WebhookSubscription" => ("", docs::subscription),
        _ => return Ok(Value::Null),
    };
    auth::scope(call, scope)?;
    Ok(ids::number(gid, kind).map(|id| doc(call, id)).transpose()?.flatten().unwrap_or_default())
}

fn quantities(doc: &Value, node: &Node) -> std::result::Result<Value, Problem> {
    let own = |name: &str| doc.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (on_hand, committed) = (own("_on_hand"), own("_committed"));
    let names = node.arguments.get("names").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let quantity = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        if !NAMES.contains(&name) {
            let message = "The specified quantity name is invalid. Valid values are: available, committed, damaged, incoming, on_hand, quality_control, reserved, safety_stock.";
            return Err(Problem::new("INVALID_FIELD_ARGUMENTS", message));
        }
        let quantity = match name {
            "on_hand" => on_hand,
            "committed" => committed,
            "available" => on_hand.saturating_sub(committed),
            _ => 0,
        };
        let id = format!(
            "gid://shopify/InventoryQuantity/{}?inventory_item_id={}&name={name}",
            own("_location"),
            own("_item")
        );
        Ok(
            json!({"__typename": "InventoryQuantity", "id": id, "name": name, "quantity": quantity, "updatedAt": doc.get("updatedAt")}),
        )
    };
    names.iter().map(quantity).collect()
}

/// What can be sold of an item, everywhere.
fn available(call: &Call<'_>, item: i64) -> Result<Option<Value>> {
    let sql = "SELECT SUM(on_hand - committed) FROM level WHERE item = ?1";
    Ok(call.row(sql, [item], |row| row.get::<_, Option<i64>>(0))?.flatten().map(Value::from))
}

/// Lists without pages of what belongs to an order.
fn listed(
    call: &Call<'_>,
    table: &str,
    sale: Option<i64>,
    node: &Node,
    doc: Maker,
) -> std::result::Result<Value, Problem> {
    let first = node.arguments.get("first").and_then(Value::as_i64).unwrap_or(-1);
    let sql = format!("SELECT id FROM {table} WHERE sale = ?1 ORDER BY id LIMIT ?2");
    let ids: Vec<i64> = call.rows(&sql, (sale, first), |row| row.get(0))?;
    let docs = ids.into_iter().filter_map(|id| doc(call, id).transpose());
    Ok(Value::Array(docs.collect::<Result<_>>()?))
}
