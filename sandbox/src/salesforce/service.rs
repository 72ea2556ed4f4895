//! The rules of service: what closes a case, how a return begins, what a line of a return must name.

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Map, Value};

use super::Call;
use super::fault::Problem;
use super::knobs::Returns;
use super::org::{self, ACTIVATED, Object};
use super::rows::{self, Record};

/// A new org's values of Case.Status: label, whether it is the default, whether it closes.
const STATUSES: &[(&str, bool, bool)] =
    &[("New", true, false), ("Working", false, false), ("Escalated", false, false), ("Closed", false, true)];

/// Writes what Setup of a new org holds.
pub(super) fn set_up(db: &Connection) -> rusqlite::Result<()> {
    let failed = |problem: Problem| rusqlite::Error::ToSqlConversionFailure(problem.message.into());
    if statuses(db).map_err(failed)?.is_empty() {
        for (at, (label, default, closed)) in STATUSES.iter().enumerate() {
            status(db, label, at, *default, *closed, Timestamp::UNIX_EPOCH).map_err(failed)?;
        }
    }
    Ok(())
}

/// An admin adds a value of Case.Status, or says anew whether it closes.
pub(super) fn add_status(db: &Connection, label: &str, closed: bool, now: Timestamp) -> Result<(), Problem> {
    let known = statuses(db)?;
    let at = known.len();
    match known.into_iter().find(|known| known.text("MasterLabel") == label) {
        Some(mut known) => {
            known.body.insert("IsClosed".to_owned(), Value::Bool(closed));
            known.modified = now.as_millisecond();
            rows::save(db, &known)
        }
        None => status(db, label, at, false, closed, now),
    }
}

/// Fills in what the org fills in, and checks what a new record must have.
pub(super) fn before_create(call: &Call<'_>, object: &Object, body: &mut Map<String, Value>) -> Result<(), Problem> {
    match object.name {
        "Case" => {
            if !body.contains_key("Status") {
                let default = statuses(call.db)?.into_iter().find(|status| truth(status, "IsDefault"));
                body.extend(default.map(|status| ("Status".to_owned(), Value::from(status.text("MasterLabel")))));
            }
            body.entry("Priority").or_insert_with(|| Value::from("Medium"));
            if let (false, Some(contact)) =
                (body.contains_key("AccountId"), body.get("ContactId").and_then(Value::as_str))
                && let Some(account) = rows::get(call.db, contact)?.and_then(|held| held.body.get("AccountId").cloned())
            {
                body.insert("AccountId".to_owned(), account);
            }
            Ok(())
        }
        "ReturnOrder" => {
            let status = body.entry("Status").or_insert_with(|| Value::from("Draft")).clone();
            let activated = status.as_str().is_some_and(|status| ACTIVATED.contains(&status));
            if call.knobs.returns == Some(Returns::OrderManagement) && !activated {
                return Err(Problem::bad(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "field integrity exception: Status (a return order must be created in an Activated status)",
                )
                .on("Status"));
            }
            Ok(())
        }
        "ReturnOrderLineItem" if !body.contains_key("Product2Id") && !body.contains_key("OrderItemId") => {
            Err(Problem::bad(
                "FIELD_INTEGRITY_EXCEPTION",
                "field integrity exception: Product2Id (one of AssetId, OrderItemId, Product2Id, ProductItemId and ProductRequestLineItemId is required)",
            )
            .on("Product2Id"))
        }
        _ => Ok(()),
    }
}

/// Keeps what the org computes of a case: whether its status closes it, and since when.
pub(super) fn after_save(call: &Call<'_>, saved: &mut Record) -> Result<(), Problem> {
    if saved.object.name != "Case" {
        return Ok(());
    }
    let status = statuses(call.db)?.into_iter().find(|status| status.text("MasterLabel") == saved.text("Status"));
    let closed = status.is_some_and(|status| truth(&status, "IsClosed"));
    if closed == truth(saved, "IsClosed") {
        return Ok(());
    }
    saved.body.insert("IsClosed".to_owned(), Value::Bool(closed));
    if closed {
        saved.body.insert("ClosedDate".to_owned(), Value::from(rows::stamp(call.now.as_millisecond())));
    } else {
        saved.body.remove("ClosedDate");
    }
    rows::save(call.db, saved)
}

fn statuses(db: &Connection) -> Result<Vec<Record>, Problem> {
    org::object("CaseStatus").map_or(Ok(Vec::new()), |object| rows::all(db, object, false))
}

fn status(db: &Connection, label: &str, at: usize, default: bool, closed: bool, now: Timestamp) -> Result<(), Problem> {
    let Some(object) = org::object("CaseStatus") else { return Ok(()) };
    let members = [
        ("MasterLabel", Value::from(label)),
        ("ApiName", Value::from(label)),
        ("SortOrder", Value::from(at + 1)),
        ("IsDefault", Value::Bool(default)),
        ("IsClosed", Value::Bool(closed)),
    ];
    let body = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    rows::insert(db, object, body, now).map(drop)
}

fn truth(record: &Record, name: &str) -> bool {
    record.body.get(name).and_then(Value::as_bool).unwrap_or_default()
}
