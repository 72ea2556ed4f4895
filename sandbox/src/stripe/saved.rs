//! Payment methods that customers let the shop keep ("Save payment details during payment"): a payment that is confirmed
//! with a customer and `setup_future_usage` attaches its method to him, under an id of its own, and that id pays later.

use rusqlite::OptionalExtension as _;
use serde_json::{Value, json};

use super::call::{Call, put, text};
use super::cards::{self, Card};
use super::fault::{Done, Refusal};
use crate::books::Result;

/// The card of a payment method: a test card by its name, or what a customer let the shop keep.
pub(super) fn card(call: &Call<'_>, name: &str) -> Result<Option<Card>> {
    let kept: Option<String> = call
        .db
        .prepare_cached("SELECT card FROM saved WHERE method = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(match kept {
        Some(kept) => cards::card(&kept).map(Card::once_saved),
        None => cards::card(name),
    })
}

/// The card that a payment of this customer names.
pub(super) fn of(call: &Call<'_>, name: &str, customer: &str) -> Done<Card> {
    let sql = "SELECT customer FROM saved WHERE method = ?1";
    let owner: Option<String> = call.db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
    if owner.is_some_and(|owner| owner != customer) {
        let message = format!("The PaymentMethod {name} does not belong to the Customer of this PaymentIntent.");
        return Err(Refusal::parameter("resource_missing", "payment_method", message).into());
    }
    let found = card(call, name)?;
    found.ok_or_else(|| Refusal::missing("PaymentMethod", name, "payment_method", false).into())
}

/// Attaches the method of a payment that goes through, when it was asked for.
pub(super) fn attach(call: &Call<'_>, intent: &mut Value) -> Result<()> {
    let (customer, name) = (text(intent, "customer").to_owned(), text(intent, "payment_method").to_owned());
    // One that was kept before has no name among the test cards.
    if customer.is_empty() || text(intent, "setup_future_usage").is_empty() || cards::card(&name).is_none() {
        return Ok(());
    }
    let method = call.id("pm");
    call.run("INSERT INTO saved VALUES (?1, ?2, ?3)", [&method, &customer, &name])?;
    put(intent, json!({ "payment_method": method }));
    Ok(())
}
