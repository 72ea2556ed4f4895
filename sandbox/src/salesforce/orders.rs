//! The rules of Order and OrderItem: drafts, activation, and what an activated order no longer allows.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::Call;
use super::fault::Problem;
use super::org::{self, Object};
use super::rows::{self, Record};
use super::values;

/// Checks a new order or line.
pub(super) fn before_create(call: &Call<'_>, object: &Object, body: &Map<String, Value>) -> Result<(), Problem> {
    match object.name {
        "Order" if text(body, "Status") != "Draft" => Err(Problem::bad(
            "FAILED_ACTIVATION",
            "Choose a valid order status and save your changes. Ask your Salesforce admin for details.",
        )
        .on("Status")),
        "OrderItem" => {
            let order = parent(call, text(body, "OrderId"))?;
            let entry = parent(call, text(body, "PricebookEntryId"))?;
            draft(&order)?;
            if order.text("Pricebook2Id").is_empty() || order.text("Pricebook2Id") != entry.text("Pricebook2Id") {
                return Err(Problem::bad(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "field integrity exception: PricebookEntryId (pricebook entry is not in the pricebook of the order)",
                )
                .on("PricebookEntryId"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Checks a changed order or line.
pub(super) fn before_update(call: &Call<'_>, held: &Record, change: &Map<String, Value>) -> Result<(), Problem> {
    match held.object.name {
        "Order" => {
            let differs = |name: &str| change.get(name).is_some_and(|value| value.as_str() != Some(held.text(name)));
            if differs("Pricebook2Id") && !held.text("Pricebook2Id").is_empty() {
                return Err(Problem::bad(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "field integrity exception: Pricebook2Id (price book can't be changed)",
                )
                .on("Pricebook2Id"));
            }
            if held.text("Status") == "Activated" {
                // Only fields of the org's own and the status stay open without "Edit Activated Orders".
                if let Some(name) =
                    change.keys().find(|name| !name.ends_with("__c") && *name != "Status" && differs(name))
                {
                    return Err(Problem::bad(
                        "FIELD_INTEGRITY_EXCEPTION",
                        format!("field integrity exception: {name} (activated orders can't be edited)"),
                    )
                    .on(name.as_str()));
                }
            } else if text(change, "Status") == "Activated" && lines(call, &held.id)?.is_empty() {
                return Err(Problem::bad("FAILED_ACTIVATION", "An order must have at least one product."));
            }
            Ok(())
        }
        "OrderItem" => draft(&parent(call, held.text("OrderId"))?),
        _ => Ok(()),
    }
}

/// Checks a deletion.
pub(super) fn before_delete(call: &Call<'_>, held: &Record) -> Result<(), Problem> {
    match held.object.name {
        "Order" => draft(held),
        "OrderItem" => draft(&parent(call, held.text("OrderId"))?),
        _ => Ok(()),
    }
}

/// Keeps what the service computes: status category, a line's product, the order's total.
pub(super) fn after_save(call: &Call<'_>, saved: &mut Record) -> Result<(), Problem> {
    match saved.object.name {
        "Order" if saved.text("StatusCode") != saved.text("Status") => {
            let status = saved.text("Status").to_owned();
            saved.body.insert("StatusCode".to_owned(), Value::from(status));
            rows::save(call.db, saved)
        }
        "OrderItem" => {
            let product = parent(call, saved.text("PricebookEntryId"))?.text("Product2Id").to_owned();
            saved.body.insert("Product2Id".to_owned(), Value::from(product));
            rows::save(call.db, saved)?;
            let mut order = parent(call, saved.text("OrderId"))?;
            let mut total = Decimal::ZERO;
            for line in lines(call, &order.id)? {
                let number = |name: &str| line.body.get(name).and_then(values::decimal).unwrap_or_default();
                total = total.saturating_add(number("Quantity").saturating_mul(number("UnitPrice")));
            }
            order.body.insert("TotalAmount".to_owned(), values::double(total));
            order.modified = call.now.as_millisecond();
            rows::save(call.db, &order)
        }
        _ => Ok(()),
    }
}

fn draft(order: &Record) -> Result<(), Problem> {
    if order.text("Status") == "Activated" {
        return Err(Problem::bad(
            "FIELD_INTEGRITY_EXCEPTION",
            "field integrity exception: OrderId (the order is activated)",
        )
        .on("OrderId"));
    }
    Ok(())
}

fn parent(call: &Call<'_>, id: &str) -> Result<Record, Problem> {
    rows::get(call.db, id)?.ok_or_else(|| Problem::bad("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
}

fn lines(call: &Call<'_>, order: &str) -> Result<Vec<Record>, Problem> {
    let Some((object, field)) = org::object("OrderItem").and_then(|object| Some((object, object.column("OrderId")?)))
    else {
        return Ok(Vec::new());
    };
    let ids = rows::having(call.db, object, field, order)?;
    ids.iter().filter_map(|id| rows::get(call.db, id).transpose()).collect()
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}
