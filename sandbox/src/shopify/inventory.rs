//! Setting and adjusting quantities: all pairs or none, compared first, at most once per key.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::call::{Call, api_time};
use super::once::{self, Key};
use super::{ids, stock};
use crate::books::Result;

/// Most and least of a quantity.
const MOST: i64 = 1_000_000_000;

const REASONS: [&str; 17] = [
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_created",
    "movement_updated",
    "movement_received",
    "movement_canceled",
    "other",
    "promotion",
    "quality_control",
    "received",
    "reservation_created",
    "reservation_deleted",
    "reservation_updated",
    "restock",
    "safety_stock",
    "shrinkage",
];

/// The two mutations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Set,
    Adjust,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Verb::Set => "inventorySetQuantities",
            Verb::Adjust => "inventoryAdjustQuantities",
        }
    }

    /// The input's list of pairs.
    pub(super) fn list(self) -> &'static str {
        match self {
            Verb::Set => "quantities",
            Verb::Adjust => "changes",
        }
    }

    /// The type of a pair.
    pub(super) fn input(self) -> &'static str {
        match self {
            Verb::Set => "InventoryQuantityInput",
            Verb::Adjust => "InventoryChangeInput",
        }
    }
}

fn error(field: &[&str], code: &str, message: &str) -> Value {
    json!({"field": field, "message": message, "code": code})
}

fn refused(errors: Vec<Value>) -> Value {
    json!({"inventoryAdjustmentGroup": null, "userErrors": errors})
}

/// Carries it out unless its key says it was.
pub(super) fn once(call: &Call<'_>, verb: Verb, key: Option<&str>, input: &Value) -> Result<Value> {
    let Some(key) = key else { return Ok(perform(call, verb, input)?.1) };
    match once::look(call, verb.word(), key, input)? {
        Key::Fresh { digest } => {
            let (adjustment, payload) = perform(call, verb, input)?;
            once::keep(call, verb.word(), key, &digest, adjustment)?;
            Ok(payload)
        }
        Key::Done(id) => Ok(json!({"inventoryAdjustmentGroup": group(call, id)?, "userErrors": []})),
        Key::Refused { code, message } => Ok(refused(vec![error(&[], code, message)])),
    }
}

/// One pair that passed every check.
struct Change {
    item: i64,
    location: i64,
    delta: i64,
}

fn perform(call: &Call<'_>, verb: Verb, input: &Value) -> Result<(Option<i64>, Value)> {
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    let (name, reason) = (text("name"), text("reason"));
    let mut errors = Vec::new();
    let known = match verb {
        Verb::Set => ["available", "on_hand"].contains(&name),
        Verb::Adjust => name == "available",
    };
    if !known {
        let (code, message) = match verb {
            Verb::Set => {
                ("INVALID_NAME", "The specified quantity name is invalid. Valid values are: available, on_hand.")
            }
            Verb::Adjust => ("INVALID_QUANTITY_NAME", "The specified quantity name is invalid."),
        };
        errors.push(error(&["input", "name"], code, message));
    }
    if !REASONS.contains(&reason) {
        let message = "The specified reason is invalid.";
        errors.push(error(&["input", "reason"], "INVALID_REASON", message));
    }
    if input.get("referenceDocumentUri").and_then(Value::as_str).is_some_and(|uri| !is_uri(uri)) {
        let message = "The specified reference document is invalid.";
        errors.push(error(&["input", "referenceDocumentUri"], "INVALID_REFERENCE_DOCUMENT", message));
    }
    let pairs = input.get(verb.list()).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (mut changes, mut seen) = (Vec::new(), HashSet::new());
    for (at, pair) in pairs.iter().enumerate() {
        match check(call, verb, name, pair) {
            Ok(change) => {
                if verb == Verb::Set && !seen.insert((change.item, change.location)) {
                    let field = ["input", verb.list(), &at.to_string()];
                    let message = "The combination of inventoryItemId and locationId must be unique.";
                    errors.push(error(&field, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", message));
                }
                changes.push(change);
            }
            Err(Refusal::Books(err)) => return Err(err),
            Err(Refusal::User(field, code, message)) => {
                if code == "CHANGE_FROM_QUANTITY_STALE" {
                    call.count("inventory.stale", 1)?;
                }
                errors.push(error(&["input", verb.list(), &at.to_string(), field], code, message));
            }
        }
    }
    if !errors.is_empty() {
        return Ok((None, refused(errors)));
    }
    let id = call.next_id("adjustment", ids::ADJUSTMENT)?;
    let uri = input.get("referenceDocumentUri").and_then(Value::as_str);
    call.run("INSERT INTO adjustment VALUES (?1, ?2, ?3, ?4, ?5)", (id, name, reason, uri, call.millis()))?;
    for change in &changes {
        let level = stock::on_hand(call, change.item, change.location, change.delta)?;
        for (name, after) in [("available", level.available()), ("on_hand", level.on_hand)] {
            call.run(
                "INSERT INTO adjustment_line VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)",
                (id, name, change.item, change.location, change.delta, after),
            )?;
        }
    }
    let touched: Vec<(i64, i64)> = changes.iter().map(|change| (change.item, change.location)).collect();
    stock::announce(call, &touched)?;
    if verb == Verb::Set {
        call.count("inventory.sets", i64::try_from(changes.len()).unwrap_or(i64::MAX))?;
    }
    Ok((Some(id), json!({"inventoryAdjustmentGroup": group(call, id)?, "userErrors": []})))
}

enum Refusal {
    User(&'static str, &'static str, &'static str),
    Books(rusqlite::Error),
}

fn check(call: &Call<'_>, verb: Verb, name: &str, pair: &Value) -> std::result::Result<Change, Refusal> {
    let text = |name: &str| pair.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| pair.get(name).and_then(Value::as_i64);
    let item = ids::number(text("inventoryItemId"), "InventoryItem").unwrap_or_default();
    let location = ids::number(text("locationId"), "Location").unwrap_or_default();
    let books = Refusal::Books;
    if call.row("SELECT 1 FROM variant WHERE item = ?1", [item], |_| Ok(())).map_err(books)?.is_none() {
        return Err(Refusal::User(
            "inventoryItemId",
            "INVALID_INVENTORY_ITEM",
            "The specified inventory item could not be found.",
        ));
    }
    if call.row("SELECT 1 FROM location WHERE id = ?1", [location], |_| Ok(())).map_err(books)?.is_none() {
        return Err(Refusal::User("locationId", "INVALID_LOCATION", "The specified location could not be found."));
    }
    let Some(level) = stock::level(call, item, location).map_err(books)? else {
        return Err(Refusal::User(
            "locationId",
            "ITEM_NOT_STOCKED_AT_LOCATION",
            "The specified inventory item is not stocked at the location.",
        ));
    };
    if name == "available" && pair.get("ledgerDocumentUri").is_some_and(|uri| !uri.is_null()) {
        return Err(Refusal::User(
            "ledgerDocumentUri",
            "INVALID_AVAILABLE_DOCUMENT",
            "A ledger document URI is not allowed when adjusting available.",
        ));
    }
    let current = if name == "on_hand" { level.on_hand } else { level.available() };
    let (field, target) = match verb {
        Verb::Set => ("quantity", number("quantity").unwrap_or_default()),
        Verb::Adjust => ("delta", current.saturating_add(number("delta").unwrap_or_default())),
    };
    if target > MOST {
        return Err(Refusal::User(
            field,
            "INVALID_QUANTITY_TOO_HIGH",
            "The quantity can't be higher than 1,000,000,000.",
        ));
    }
    if target < -MOST {
        return Err(Refusal::User(
            field,
            "INVALID_QUANTITY_TOO_LOW",
            "The quantity can't be lower than -1,000,000,000.",
        ));
    }
    if verb == Verb::Set && target < 0 {
        return Err(Refusal::User(field, "INVALID_QUANTITY_NEGATIVE", "The quantity can't be negative."));
    }
    if number("changeFromQuantity").is_some_and(|expected| expected != current) {
        return Err(Refusal::User(
            "changeFromQuantity",
            "CHANGE_FROM_QUANTITY_STALE",
            "The changeFromQuantity argument no longer matches the persisted quantity.",
        ));
    }
    Ok(Change { item, location, delta: target.saturating_sub(current) })
}

fn is_uri(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(char::is_whitespace)
    })
}

/// An adjustment as the API shows it. What came after it shows in the quantities: they are today's.
fn group(call: &Call<'_>, id: i64) -> Result<Value> {
    let head = call.row("SELECT reason, uri, at FROM adjustment WHERE id = ?1", [id], |row| {
        let mut head = Map::new();
        head.insert("__typename".to_owned(), "InventoryAdjustmentGroup".into());
        head.insert("id".to_owned(), ids::gid("InventoryAdjustmentGroup", id).into());
        head.insert("reason".to_owned(), row.get::<_, String>(0)?.into());
        head.insert("referenceDocumentUri".to_owned(), row.get::<_, Option<String>>(1)?.into());
        head.insert("createdAt".to_owned(), api_time(row.get(2)?));
        Ok(head)
    })?;
    let Some(mut head) = head else { return Ok(Value::Null) };
    let lines = call.rows(
        "SELECT a.name, a.delta, CASE a.name WHEN 'on_hand' THEN l.on_hand ELSE l.on_hand - l.committed END, a.ledger, a.item, a.location
         FROM adjustment_line a JOIN level l ON l.item = a.item AND l.location = a.location WHERE a.adjustment = ?1 ORDER BY a.rowid",
        [id],
        |row| {
            Ok(json!({"name": row.get::<_, String>(0)?, "delta": row.get::<_, i64>(1)?, "quantityAfterChange": row.get::<_, i64>(2)?,
                "ledgerDocumentUri": row.get::<_, Option<String>>(3)?, "_item": row.get::<_, i64>(4)?, "_location": row.get::<_, i64>(5)?}))
        },
    )?;
    head.insert("changes".to_owned(), Value::Array(lines));
    Ok(Value::Object(head))
}
