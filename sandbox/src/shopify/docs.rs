//! Rows of the books as the API's objects. A member with an underscore is for the resolvers and is never answered.

use serde_json::{Value, json};

use super::call::{Call, api_time};
use super::editing::{self, Address};
use super::people::{self, Person};
use super::{collection, due, ids, money, order_edit, payment, rma};
use crate::books::Result;

pub(super) fn location(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT name FROM location WHERE id = ?1", [id], |row| {
        Ok(json!({"__typename": "Location", "_id": id, "id": ids::gid("Location", id), "legacyResourceId": id.to_string(),
            "name": row.get::<_, String>(0)?, "isActive": true, "fulfillsOnlineOrders": true, "shipsInventory": true}))
    })
}

pub(super) fn variant(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT product, item, sku, title, price, policy FROM variant WHERE id = ?1", [id], |row| {
        let (product, title): (i64, String) = (row.get(0)?, row.get(3)?);
        Ok(json!({"__typename": "ProductVariant", "_item": row.get::<_, i64>(1)?, "id": ids::gid("ProductVariant", id),
            "legacyResourceId": id.to_string(), "sku": row.get::<_, String>(2)?, "title": "Default Title",
            "displayName": format!("{title} - Default Title"), "price": row.get::<_, String>(4)?, "barcode": null,
            "inventoryPolicy": row.get::<_, String>(5)?,
            "product": {"__typename": "Product", "id": ids::gid("Product", product), "legacyResourceId": product.to_string(), "title": title}}))
    })
}

pub(super) fn item(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT id, sku FROM variant WHERE item = ?1", [id], |row| {
        Ok(json!({"__typename": "InventoryItem", "_id": id, "_variant": row.get::<_, i64>(0)?, "id": ids::gid("InventoryItem", id),
            "legacyResourceId": id.to_string(), "sku": row.get::<_, String>(1)?, "tracked": true, "requiresShipping": true}))
    })
}

pub(super) fn level(call: &Call<'_>, item: i64, location: i64) -> Result<Option<Value>> {
    let sql = "SELECT on_hand, committed, updated FROM level WHERE item = ?1 AND location = ?2";
    call.row(sql, (item, location), |row| {
        Ok(json!({"__typename": "InventoryLevel", "_item": item, "_location": location, "_on_hand": row.get::<_, i64>(0)?,
            "_committed": row.get::<_, i64>(1)?, "id": ids::level_gid(item, location), "isActive": true,
            "updatedAt": api_time(row.get(2)?)}))
    })
}

pub(super) fn order(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT name, number, created, processed, updated, closed, cancelled, cancel_reason, currency, total, customer, country, fulfilled
        FROM sale WHERE id = ?1";
    let (standing, gateways) = (payment::standing(call, id)?, payment::gateways(call, id)?);
    let (postage, returns) = (refunded_postage(call, id)?, rma::status(call, id)?);
    let collected = collection::is_collected(call, id)?;
    let (due, edited, moved) = (due::sum(call, id)?, order_edit::is_edited(call, id)?, editing::address(call, id)?);
    call.row(sql, [id], |row| {
        let (currency, country): (String, String) = (row.get(8)?, row.get(11)?);
        let customer: Option<i64> = row.get(10)?;
        let person = customer.map(|id| people::person(call, id)).transpose()?;
        let fulfilled: String = row.get(12)?;
        let status = match fulfilled.as_str() {
            "none" => "UNFULFILLED",
            "partial" => "PARTIALLY_FULFILLED",
            "nothing" => "FULFILLMENT_NOT_REQUIRED",
            "restocked" => "RESTOCKED",
            _ => "FULFILLED",
        };
        let time = |at: usize| -> Result<Value> { Ok(row.get::<_, Option<i64>>(at)?.map_or(Value::Null, api_time)) };
        Ok(json!({"__typename": "Order", "_id": id, "_customer": customer, "id": ids::gid("Order", id), "legacyResourceId": id.to_string(),
            "name": row.get::<_, String>(0)?, "number": row.get::<_, i64>(1)?, "createdAt": time(2)?, "processedAt": time(3)?,
            "updatedAt": time(4)?, "closedAt": time(5)?, "cancelledAt": time(6)?, "cancelReason": row.get::<_, Option<String>>(7)?,
            "totalPriceSet": money::bag(row.get(9)?, &currency), "totalOutstandingSet": money::bag(due.outstanding, &currency),
            "currentTotalPriceSet": money::bag(due.current, &currency), "edited": edited,
            "totalReceivedSet": money::bag(standing.captured, &currency), "totalRefundedSet": money::bag(standing.refunded, &currency),
            "totalRefundedShippingSet": money::bag(postage, &currency), "paymentGatewayNames": gateways, "returnStatus": returns,
            "presentmentCurrencyCode": currency, "currencyCode": currency, "taxesIncluded": true, "test": false,
            "displayFinancialStatus": due.word(standing), "displayFulfillmentStatus": status, "note": null, "sourceName": "web",
            "customerLocale": "en", "phone": null, "email": person.as_ref().map_or("", |person| person.email.as_str()),
            "customer": customer.zip(person.as_ref()).map(|(id, person)| customer_doc(id, person, &country)),
            "billingAddress": address(id, customer, &country),
            "shippingAddress": if collected { Value::Null } else { delivery(id, customer, &country, moved.as_ref()) }}))
    })
}

fn refunded_postage(call: &Call<'_>, sale: i64) -> Result<i64> {
    let sql =
        "SELECT COALESCE(SUM(p.amount), 0) FROM refund_postage p JOIN refund r ON r.id = p.refund WHERE r.sale = ?1";
    call.db.prepare_cached(sql)?.query_row([sale], |row| row.get(0))
}

/// An address of an order, as it was sold: the shop knows the country and, of a customer, the number.
fn address(id: i64, customer: Option<i64>, country: &str) -> Value {
    json!({"__typename": "MailingAddress", "id": ids::gid("MailingAddress", id), "name": customer.map(customer_name),
        "firstName": customer.map(|_| "Customer"), "lastName": customer.map(|id| id.to_string()), "company": null, "address1": null,
        "address2": null, "city": null, "zip": null, "province": null, "provinceCode": null, "phone": null, "country": country,
        "countryCodeV2": super::countries::code(country)})
}

/// Where an order is delivered: as it was sold, or as somebody has changed it since.
fn delivery(id: i64, customer: Option<i64>, country: &str, moved: Option<&Address>) -> Value {
    let mut address = address(id, customer, country);
    if let (Some(moved), Some(members)) = (moved, address.as_object_mut()) {
        let texts = [
            ("name", &moved.name),
            ("address1", &moved.address1),
            ("city", &moved.city),
            ("zip", &moved.zip),
            ("country", &moved.country),
        ];
        for (field, text) in texts {
            members.insert(field.to_owned(), text.as_str().into());
        }
        members.insert("countryCodeV2".to_owned(), super::countries::code(&moved.country).into());
    }
    address
}

/// A customer's name in addresses.
pub(super) fn customer_name(customer: i64) -> String {
    format!("Customer {customer}")
}

fn customer_doc(id: i64, person: &Person, country: &str) -> Value {
    json!({"__typename": "Customer", "id": ids::gid("Customer", id), "legacyResourceId": id.to_string(), "displayName": person.name(),
        "firstName": person.first, "lastName": person.last, "email": person.email, "verifiedEmail": person.verified,
        "defaultEmailAddress": {"emailAddress": person.email}, "defaultAddress": address(id, None, country),
        "defaultPhoneNumber": person.phone.as_ref().map(|phone| json!({"phoneNumber": phone}))})
}

pub(super) fn line(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql =
        "SELECT l.variant, l.sku, l.title, l.quantity, l.price, l.shipped, l.cancelled, s.currency,
          (SELECT COALESCE(SUM(r.quantity), 0) FROM refund_line r WHERE r.line = l.id AND r.restock <> 'CANCEL') FROM sale_line l
        JOIN sale s ON s.id = l.sale WHERE l.id = ?1";
    call.row(sql, [id], |row| {
        let (title, currency): (String, String) = (row.get(2)?, row.get(7)?);
        let (quantity, price, shipped, cancelled): (i64, i64, i64, i64) =
            (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
        let variant: Option<i64> = row.get(0)?;
        let current = quantity.saturating_sub(cancelled).saturating_sub(row.get(8)?);
        let open = if variant.is_some() { quantity.saturating_sub(shipped).saturating_sub(cancelled) } else { 0 };
        Ok(json!({"__typename": "LineItem", "_variant": variant, "id": ids::gid("LineItem", id), "name": title, "title": title,
            "sku": row.get::<_, String>(1)?, "quantity": quantity, "currentQuantity": current, "refundableQuantity": current,
            "taxLines": [], "discountAllocations": [],
            "unfulfilledQuantity": open, "fulfillableQuantity": open, "requiresShipping": variant.is_some(),
            "originalUnitPriceSet": money::bag(price, &currency),
            "originalTotalSet": money::bag(price.saturating_mul(quantity), &currency)}))
    })
}

pub(super) fn shipping(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql =
        "SELECT h.code, h.title, h.price, s.currency FROM shipping h JOIN sale s ON s.id = h.sale WHERE h.id = ?1";
    call.row(sql, [id], |row| {
        let price = money::bag(row.get(2)?, &row.get::<_, String>(3)?);
        Ok(json!({"__typename": "ShippingLine", "id": ids::gid("ShippingLine", id), "code": row.get::<_, String>(0)?,
            "title": row.get::<_, String>(1)?, "isRemoved": false, "taxLines": [], "discountAllocations": [],
            "originalPriceSet": price, "discountedPriceSet": price}))
    })
}

pub(super) fn demand(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let method = collection::method(call, id)?;
    let sql = "SELECT d.sale, s.name, d.location, l.name, d.status, d.created, d.updated FROM demand d
        JOIN sale s ON s.id = d.sale JOIN location l ON l.id = d.location WHERE d.id = ?1";
    call.row(sql, [id], |row| {
        let (sale, location, status): (i64, i64, String) = (row.get(0)?, row.get(2)?, row.get(4)?);
        let actions: Vec<Value> = match status.as_str() {
            "OPEN" | "IN_PROGRESS" => ["CREATE_FULFILLMENT", "HOLD", "MOVE"].iter().map(|action| json!({"action": action, "externalUrl": null})).collect(),
            _ => Vec::new(),
        };
        let request = if status == "CLOSED" || status == "CANCELLED" { "CLOSED" } else { "UNSUBMITTED" };
        Ok(json!({"__typename": "FulfillmentOrder", "_id": id, "_sale": sale, "id": ids::gid("FulfillmentOrder", id), "orderId": ids::gid("Order", sale),
            "orderName": row.get::<_, String>(1)?, "status": status, "requestStatus": request,
            "createdAt": api_time(row.get(5)?), "updatedAt": api_time(row.get(6)?), "supportedActions": actions,
            "deliveryMethod": {"__typename": "DeliveryMethod", "id": ids::gid("DeliveryMethod", id), "methodType": method},
            "assignedLocation": {"_location": location, "name": row.get::<_, String>(3)?}}))
    })
}

pub(super) fn demand_line(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT d.line, d.total, d.remaining, l.sku, l.title, l.item, l.variant FROM demand_line d JOIN sale_line l ON l.id = d.line WHERE d.id = ?1";
    call.row(sql, [id], |row| {
        let item: Option<i64> = row.get(5)?;
        Ok(json!({"__typename": "FulfillmentOrderLineItem", "_line": row.get::<_, i64>(0)?, "_variant": row.get::<_, Option<i64>>(6)?,
            "id": ids::gid("FulfillmentOrderLineItem", id), "totalQuantity": row.get::<_, i64>(1)?,
            "remainingQuantity": row.get::<_, i64>(2)?, "sku": row.get::<_, String>(3)?, "productTitle": row.get::<_, String>(4)?,
            "requiresShipping": true, "inventoryItemId": item.map(|item| ids::gid("InventoryItem", item))}))
    })
}

pub(super) fn parcel(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT sale, name, location, status, created, tracking,
        (SELECT SUM(quantity) FROM parcel_line p WHERE p.parcel = parcel.id) FROM parcel WHERE id = ?1";
    call.row(sql, [id], |row| {
        let tracking: Value = serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default();
        Ok(json!({"__typename": "Fulfillment", "_id": id, "_sale": row.get::<_, i64>(0)?, "_location": row.get::<_, i64>(2)?,
            "id": ids::gid("Fulfillment", id), "legacyResourceId": id.to_string(), "name": row.get::<_, String>(1)?,
            "status": row.get::<_, String>(3)?, "createdAt": api_time(row.get(4)?), "updatedAt": api_time(row.get(4)?),
            "totalQuantity": row.get::<_, Option<i64>>(6)?.unwrap_or(0), "trackingInfo": tracking}))
    })
}

pub(super) fn parcel_line(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT line, quantity FROM parcel_line WHERE id = ?1", [id], |row| {
        Ok(json!({"__typename": "FulfillmentLineItem", "_line": row.get::<_, i64>(0)?, "id": ids::gid("FulfillmentLineItem", id),
            "quantity": row.get::<_, i64>(1)?}))
    })
}

pub(super) fn subscription(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT topic, url, name, created, updated FROM subscription WHERE id = ?1", [id], |row| {
        let (topic, url): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(json!({"__typename": "WebhookSubscription", "id": ids::gid("WebhookSubscription", id), "legacyResourceId": id.to_string(),
            "topic": super::outbox::word(&topic), "format": "JSON", "uri": url, "callbackUrl": url,
            "endpoint": {"__typename": "WebhookHttpEndpoint", "callbackUrl": url}, "name": row.get::<_, Option<String>>(2)?,
            "createdAt": api_time(row.get(3)?), "updatedAt": api_time(row.get(4)?)}))
    })
}
