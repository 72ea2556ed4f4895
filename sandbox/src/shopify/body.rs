//! An order as webhooks carry it: the REST shape, every field of a recorded delivery (October 2025) under its name.

use serde_json::{Map, Value, json};

use super::call::{Call, body_time};
use super::due::{self, Due};
use super::payment;
use super::people::person;
use super::{collection, countries, docs, editing, ids, money, refunded};
use crate::books::Result;

/// The order's row.
struct Sale {
    id: i64,
    name: String,
    number: i64,
    times: [Option<i64>; 5],
    cancel_reason: Option<String>,
    currency: String,
    total: i64,
    customer: Option<i64>,
    country: String,
    fulfilled: String,
}

/// The body of an order webhook, as of now.
pub(super) fn order(call: &Call<'_>, id: i64) -> Result<Value> {
    let sql = "SELECT name, number, created, processed, updated, closed, cancelled, cancel_reason, currency, total, customer, country, fulfilled
        FROM sale WHERE id = ?1";
    let sale = call.db.prepare_cached(sql)?.query_row([id], |row| {
        Ok(Sale {
            id,
            name: row.get(0)?,
            number: row.get(1)?,
            times: [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?],
            cancel_reason: row.get(7)?,
            currency: row.get(8)?,
            total: row.get(9)?,
            customer: row.get(10)?,
            country: row.get(11)?,
            fulfilled: row.get(12)?,
        })
    })?;
    let (lines, goods) = lines(call, &sale)?;
    let (shipping, postage) = shipping(call, &sale)?;
    let mut body = head(&sale);
    let standing = payment::standing(call, id)?;
    let due = due::sum(call, id)?;
    sums(&mut body, &sale, (goods, postage), due);
    body.insert("financial_status".to_owned(), due.word(standing).to_lowercase().into());
    body.insert("payment_gateway_names".to_owned(), payment::gateways(call, id)?.into());
    body.insert("refunds".to_owned(), Value::Array(refunded::of_order(call, id)?));
    people(call, &mut body, &sale)?;
    body.insert("line_items".to_owned(), Value::Array(lines));
    body.insert("shipping_lines".to_owned(), Value::Array(shipping));
    body.insert("fulfillments".to_owned(), Value::Array(parcels(call, &sale)?));
    Ok(Value::Object(body))
}

fn put(body: &mut Map<String, Value>, members: Value) {
    if let Value::Object(members) = members {
        body.extend(members);
    }
}

fn head(sale: &Sale) -> Map<String, Value> {
    let [created, processed, updated, closed, cancelled] = sale.times.map(|at| at.map_or(Value::Null, body_time));
    let mut body = Map::new();
    put(
        &mut body,
        json!({
            "id": sale.id, "admin_graphql_api_id": ids::gid("Order", sale.id), "app_id": 580_111, "browser_ip": null,
            "buyer_accepts_marketing": false, "cancel_reason": sale.cancel_reason.as_deref().map(str::to_lowercase),
            "cancelled_at": cancelled, "cart_token": null, "checkout_id": null, "checkout_token": null, "client_details": null,
            "closed_at": closed, "company": null, "confirmation_number": format!("W{}", sale.number), "confirmed": true,
            "created_at": created, "currency": sale.currency, "customer_locale": "en", "device_id": null, "discount_codes": [],
            "duties_included": false, "estimated_taxes": false,
            "fulfillment_status": match sale.fulfilled.as_str() {
                "full" => Some("fulfilled"), "partial" => Some("partial"), "restocked" => Some("restocked"), _ => None },
            "landing_site": null, "location_id": null, "merchant_business_entity_id": null, "merchant_of_record_app_id": null,
        }),
    );
    put(
        &mut body,
        json!({
            "name": sale.name, "note": null, "note_attributes": [], "number": sale.number, "order_number": sale.number.saturating_add(1000),
            "order_status_url": null, "phone": null, "po_number": null,
            "presentment_currency": sale.currency, "processed_at": processed, "reference": null, "referring_site": null,
            "source_identifier": null, "source_name": "web", "source_url": null, "tags": "", "tax_exempt": false, "tax_lines": [],
            "taxes_included": true, "test": false, "token": format!("{:x}", sale.id), "total_weight": 0, "updated_at": updated,
            "user_id": null, "discount_applications": [], "payment_terms": null, "returns": [], "line_item_groups": [],
        }),
    );
    body
}

/// Edits and refunds change what the order comes to now; the twin does not say which part of it is for goods.
fn sums(body: &mut Map<String, Value>, sale: &Sale, (goods, postage): (i64, i64), due: Due) {
    let mut both = |name: &str, minor: i64| {
        body.insert(name.to_owned(), money::text(minor).into());
        body.insert(format!("{name}_set"), money::set(minor, &sale.currency));
    };
    let current = due.current.max(0);
    let current_goods = goods.min(current);
    both("subtotal_price", goods);
    both("total_line_items_price", goods);
    both("total_price", sale.total);
    both("total_tax", 0);
    both("total_discounts", 0);
    both("current_total_price", current);
    both("current_subtotal_price", current_goods);
    both("current_total_tax", 0);
    both("current_total_discounts", 0);
    put(
        body,
        json!({
            "total_shipping_price_set": money::set(postage, &sale.currency),
            "current_shipping_price_set": money::set(postage, &sale.currency),
            "total_cash_rounding_payment_adjustment_set": money::set(0, &sale.currency),
            "total_cash_rounding_refund_adjustment_set": money::set(0, &sale.currency),
            "total_outstanding": money::text(due.outstanding), "total_tip_received": "0.00", "current_total_additional_fees_set": null,
            "current_total_duties_set": null, "original_total_additional_fees_set": null, "original_total_duties_set": null,
        }),
    );
}

fn people(call: &Call<'_>, body: &mut Map<String, Value>, sale: &Sale) -> Result<()> {
    let buyer = sale.customer.map(|id| person(call, id)).transpose()?;
    let email = buyer.as_ref().map(|person| person.email.clone());
    let name = sale.customer.map(docs::customer_name);
    let address = json!({"first_name": name.as_ref().map(|_| "Customer"), "last_name": sale.customer.map(|id| id.to_string()),
        "name": name, "company": null, "address1": null, "address2": null, "city": null, "zip": null, "province": null,
        "province_code": null, "phone": null, "latitude": null, "longitude": null, "country": sale.country,
        "country_code": countries::code(&sale.country)});
    // Where it is delivered may have been changed since.
    let mut delivery = address.clone();
    if let Some(changed) = editing::address(call, sale.id)? {
        let texts = [
            ("name", &changed.name),
            ("address1", &changed.address1),
            ("city", &changed.city),
            ("zip", &changed.zip),
            ("country", &changed.country),
        ];
        for (field, text) in texts {
            put_in(&mut delivery, field, text.as_str().into());
        }
        put_in(&mut delivery, "country_code", countries::code(&changed.country).into());
    }
    let customer = sale.customer.zip(buyer).map(|(id, person)| {
        json!({"id": id, "admin_graphql_api_id": ids::gid("Customer", id), "email": person.email, "phone": person.phone,
            "first_name": person.first, "last_name": person.last, "state": "enabled", "tax_exempt": false, "tags": "",
            "verified_email": person.verified, "currency": sale.currency,
            "note": null, "multipass_identifier": null, "tax_exemptions": [], "created_at": sale.times.first().copied().flatten().map(body_time),
            "updated_at": sale.times.first().copied().flatten().map(body_time),
            "default_address": {"id": id, "customer_id": id, "country": sale.country, "country_name": sale.country,
                "country_code": countries::code(&sale.country), "zip": null, "default": true}})
    });
    put(
        body,
        json!({"email": email.as_deref().unwrap_or_default(), "contact_email": email, "customer": customer,
        "billing_address": address, "shipping_address": if collection::is_collected(call, sale.id)? { &Value::Null } else { &delivery }}),
    );
    Ok(())
}

fn put_in(value: &mut Value, field: &str, to: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(field.to_owned(), to);
    }
}

fn lines(call: &Call<'_>, sale: &Sale) -> Result<(Vec<Value>, i64)> {
    let mut goods: i64 = 0;
    let sql = "SELECT l.id, l.variant, v.product, l.sku, l.title, l.quantity, l.price, l.shipped, l.cancelled,
          (SELECT COALESCE(SUM(r.quantity), 0) FROM refund_line r WHERE r.line = l.id AND r.restock <> 'CANCEL') FROM sale_line l
        LEFT JOIN variant v ON v.id = l.variant WHERE l.sale = ?1 ORDER BY l.id";
    let lines = call.rows(sql, [sale.id], |row| {
        let (id, variant): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let (title, quantity, price): (String, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let (shipped, cancelled): (i64, i64) = (row.get(7)?, row.get(8)?);
        goods = goods.saturating_add(price.saturating_mul(quantity));
        let left = if variant.is_some() { quantity.saturating_sub(shipped).saturating_sub(cancelled) } else { 0 };
        let status = match shipped {
            0 => None,
            shipped if shipped >= quantity => Some("fulfilled"),
            _ => Some("partial"),
        };
        Ok(json!({"id": id, "admin_graphql_api_id": ids::gid("LineItem", id), "attributed_staffs": [],
            "current_quantity": quantity.saturating_sub(cancelled).saturating_sub(row.get(9)?), "fulfillable_quantity": left, "fulfillment_service": "manual",
            "fulfillment_status": status, "gift_card": false, "grams": 0, "name": title, "price": money::text(price),
            "price_set": money::set(price, &sale.currency), "product_exists": variant.is_some(), "product_id": row.get::<_, Option<i64>>(2)?,
            "properties": [], "quantity": quantity, "requires_shipping": variant.is_some(), "sales_line_item_group_id": null,
            "sku": row.get::<_, String>(3)?, "taxable": true, "title": title, "total_discount": "0.00",
            "total_discount_set": money::set(0, &sale.currency), "variant_id": variant,
            "variant_inventory_management": variant.map(|_| "shopify"), "variant_title": null, "vendor": null, "tax_lines": [],
            "duties": [], "discount_allocations": []}))
    })?;
    Ok((lines, goods))
}

fn shipping(call: &Call<'_>, sale: &Sale) -> Result<(Vec<Value>, i64)> {
    let mut sum: i64 = 0;
    let lines = call.rows("SELECT id, code, title, price FROM shipping WHERE sale = ?1 ORDER BY id", [sale.id], |row| {
        let price: i64 = row.get(3)?;
        sum = sum.saturating_add(price);
        Ok(json!({"id": row.get::<_, i64>(0)?, "carrier_identifier": null, "code": row.get::<_, String>(1)?,
            "discounted_price": money::text(price), "discounted_price_set": money::set(price, &sale.currency),
            "current_discounted_price_set": money::set(price, &sale.currency), "is_removed": false, "phone": null,
            "price": money::text(price), "price_set": money::set(price, &sale.currency), "requested_fulfillment_service_id": null,
            "source": "shopify", "title": row.get::<_, String>(2)?, "tax_lines": [], "discount_allocations": []}))
    })?;
    Ok((lines, sum))
}

fn parcels(call: &Call<'_>, sale: &Sale) -> Result<Vec<Value>> {
    let sql = "SELECT id, name, location, status, created, company, number FROM parcel WHERE sale = ?1 ORDER BY id";
    let heads = call.rows(sql, [sale.id], |row| {
        let (id, created, number): (i64, i64, String) = (row.get(0)?, row.get(4)?, row.get(6)?);
        let numbers: Vec<&str> = number.split(',').filter(|number| !number.is_empty()).collect();
        Ok((id, json!({"id": id, "admin_graphql_api_id": ids::gid("Fulfillment", id), "order_id": sale.id, "created_at": body_time(created),
            "updated_at": body_time(created), "location_id": row.get::<_, i64>(2)?, "name": row.get::<_, String>(1)?, "origin_address": {},
            "receipt": {}, "service": "manual", "shipment_status": null, "status": row.get::<_, String>(3)?.to_lowercase(),
            "tracking_company": row.get::<_, String>(5)?, "tracking_number": numbers.first(), "tracking_numbers": numbers,
            "tracking_url": null, "tracking_urls": []})))
    })?;
    let mut parcels = Vec::new();
    for (id, mut head) in heads {
        let sql =
            "SELECT p.line, p.quantity, l.sku, l.title, l.variant FROM parcel_line p JOIN sale_line l ON l.id = p.line
            WHERE p.parcel = ?1 ORDER BY p.id";
        let lines = call.rows(sql, [id], |row| {
            let line: i64 = row.get(0)?;
            Ok(json!({"id": line, "admin_graphql_api_id": ids::gid("LineItem", line), "quantity": row.get::<_, i64>(1)?,
                "sku": row.get::<_, String>(2)?, "title": row.get::<_, String>(3)?, "variant_id": row.get::<_, Option<i64>>(4)?}))
        })?;
        if let Some(head) = head.as_object_mut() {
            head.insert("line_items".to_owned(), Value::Array(lines));
        }
        parcels.push(head);
    }
    Ok(parcels)
}
