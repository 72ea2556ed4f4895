//! The shop's customers. One that only a sale brought has a name and an address made of the number; what staff or the
//! customers themselves change is kept and told.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, body_time};
use super::{ids, outbox};
use crate::books::Result;
use crate::twin::Answer;

/// What is known of a customer.
pub(super) struct Person {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) email: String,
    pub(super) phone: Option<String>,
    pub(super) verified: bool,
    /// When it was made and when it last changed; none of one that only a sale brought.
    times: Option<(i64, i64)>,
}

impl Person {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// The customer of that number, as it stands.
pub(super) fn person(call: &Call<'_>, id: i64) -> Result<Person> {
    let sql = "SELECT first, last, email, phone, verified, created, updated FROM customer WHERE id = ?1";
    let kept = call.row(sql, [id], |row| {
        Ok(Person {
            first: row.get(0)?,
            last: row.get(1)?,
            email: row.get(2)?,
            phone: row.get(3)?,
            verified: row.get(4)?,
            times: Some((row.get(5)?, row.get(6)?)),
        })
    })?;
    Ok(kept.unwrap_or_else(|| Person {
        first: "Customer".to_owned(),
        last: id.to_string(),
        email: format!("{id}@customers.example.com"),
        phone: None,
        verified: true,
        times: None,
    }))
}

/// A change of a customer; what is not said stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    id: i64,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    verified_email: Option<bool>,
}

/// `customer`: makes or changes one, and tells of it. The time of change is the shop's: in seconds on the wire.
pub(super) fn change(call: &Call<'_>, given: &Change) -> Result<Answer> {
    let old = person(call, given.id)?;
    let sold = call.row("SELECT 1 FROM sale WHERE customer = ?1 LIMIT 1", [given.id], |_| Ok(()))?.is_some();
    let topic = if old.times.is_some() || sold { "customers/update" } else { "customers/create" };
    let pick = |new: &Option<String>, old: &str| new.clone().unwrap_or_else(|| old.to_owned());
    call.run(
        "INSERT INTO customer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO UPDATE SET
           first = ?2, last = ?3, email = ?4, phone = ?5, verified = ?6, updated = ?8",
        (
            given.id,
            pick(&given.first_name, &old.first),
            pick(&given.last_name, &old.last),
            pick(&given.email, &old.email),
            given.phone.clone().or(old.phone),
            given.verified_email.unwrap_or(old.verified),
            old.times.map_or_else(|| call.millis(), |(created, _)| created),
            call.millis(),
        ),
    )?;
    outbox::post(call, &[topic], None, || body(call, given.id))?;
    Ok(Answer::json(200, &json!({"told": topic})))
}

/// The body of `customers/*`: the REST shape.
fn body(call: &Call<'_>, id: i64) -> Result<Value> {
    let person = person(call, id)?;
    let (created, updated) = person.times.unwrap_or_default();
    Ok(
        json!({"id": id, "admin_graphql_api_id": ids::gid("Customer", id), "created_at": body_time(created), "updated_at": body_time(updated),
        "first_name": person.first, "last_name": person.last, "email": person.email, "phone": person.phone, "verified_email": person.verified,
        "state": "enabled", "note": null, "tags": "", "currency": call.currency()?, "tax_exempt": false, "tax_exemptions": [],
        "multipass_identifier": null, "addresses": [], "default_address": null}),
    )
}
