//! The seed's items as products with a standard price.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Map, Value};

use super::org;
use super::rows::{self, Record};
use super::values;
use crate::seed::Seed;

/// Adds what is not there yet; seeding twice changes nothing.
pub(super) fn seed(db: &Connection, seed: &Seed) -> rusqlite::Result<()> {
    let (Some(product), Some(book), Some(entry)) =
        (org::object("Product2"), org::object("Pricebook2"), org::object("PricebookEntry"))
    else {
        return Ok(());
    };
    // The seed is older than everything that happens in the org.
    let now = Timestamp::UNIX_EPOCH;
    let all = |object| rows::all(db, object, false).map_err(|problem| failed(&problem.message));
    let insert = |object, body| rows::insert(db, object, body, now).map_err(|problem| failed(&problem.message));
    let standard = match all(book)?.into_iter().next() {
        Some(book) => book,
        None => insert(
            book,
            body([("Name", "Standard Price Book".into()), ("IsActive", true.into()), ("IsStandard", true.into())]),
        )?,
    };
    let known: HashMap<String, Record> =
        all(product)?.into_iter().map(|product| (product.text("ProductCode").to_owned(), product)).collect();
    for item in seed.items.iter().filter(|item| !known.contains_key(&item.sku)) {
        let name = if item.description.is_empty() { &item.sku } else { &item.description };
        let made = insert(
            product,
            body([
                ("Name", name.as_str().into()),
                ("ProductCode", item.sku.as_str().into()),
                ("IsActive", true.into()),
            ]),
        )?;
        let price = values::decimal(&Value::from(item.price.as_str())).unwrap_or_default().round_dp(2);
        insert(
            entry,
            body([
                ("Pricebook2Id", standard.id.as_str().into()),
                ("Product2Id", made.id.into()),
                ("UnitPrice", values::double(price)),
                ("IsActive", true.into()),
            ]),
        )?;
    }
    Ok(())
}

fn body<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn failed(message: &str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(message.into())
}
