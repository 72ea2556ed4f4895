//! Numbers of stock, there and back. A set is compared with what the shop showed before, all or nothing, under a key.

use retail_connect::{CallFault, outcome};
use retail_proto::commerce::v1 as pb;
use retail_proto::types::v1::Outcome;
use retail_runtime::Ids;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::{Document, SET_STOCK, STOCK};
use crate::fault::Error;
use crate::gid::{gid, number};
use crate::request::Setting;
use crate::wire::admin::{NodesData, Quantity, SetData, SetQuantities, StockedItem, UserError};

/// A key whose first attempt failed is dead for a day ("retry with a new key"): that many are tried.
const KEYS: u8 = 3;
const STALE: &str = "CHANGE_FROM_QUANTITY_STALE";

impl Connector {
    /// Sets numbers under a key that is derived from the caller's, so that repeats go out unchanged.
    pub(crate) async fn set(&self, key: &str, settings: &[Setting]) -> Result<Outcome, Error> {
        for attempt in 0..KEYS {
            let derived = Ids::derived("shopify.set_stock", &[&self.channel.instance, key, &attempt.to_string()]);
            let input = SetQuantities {
                name: "available",
                reason: "correction",
                reference_document_uri: format!("gid://weft/StockPublication/{derived}"),
                quantities: settings.iter().map(quantity).collect(),
            };
            let variables = json!({"input": input, "key": derived.to_string()});
            let data: SetData = self.admin.write(&SET_STOCK, &variables, key).await?;
            let errors = data.inventory_set_quantities.user_errors;
            let Some(error) = worst(&errors) else { return Ok(outcome::done()) };
            match error.code.as_str() {
                "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" => {}
                "IDEMPOTENCY_CONCURRENT_REQUEST" => {
                    let why = "the same request is still being executed".to_owned();
                    return Err(Error::Call(CallFault::Unknown { operation: SET_STOCK.operation, why }));
                }
                "" => return Ok(outcome::refused("SHOP_REFUSED", words(error, settings))),
                code => return Ok(outcome::refused(code, words(error, settings))),
            }
        }
        let words = "earlier attempts under this key failed; send with a new key";
        Ok(outcome::refused("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", words))
    }

    /// Reads the numbers of one location; what is not stocked there is left out.
    pub(crate) async fn readings(&self, items: &[u64], location: u64) -> Result<Vec<pb::StockReading>, Error> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = items.iter().map(|item| gid("InventoryItem", *item)).collect();
        let variables = json!({"ids": ids, "location": gid("Location", location)});
        // An item, its level and its quantities: three points each.
        let cost = u32::try_from(items.len()).unwrap_or(STOCK.cost).saturating_mul(3);
        let data: NodesData<StockedItem> = self.admin.read(&Document { cost, ..STOCK }, &variables, "").await?;
        data.nodes.iter().flatten().filter_map(|item| reading(item).transpose()).collect()
    }
}

fn quantity(setting: &Setting) -> Quantity {
    Quantity {
        inventory_item_id: gid("InventoryItem", setting.item),
        location_id: gid("Location", setting.location),
        quantity: setting.quantity,
        change_from_quantity: setting.expected,
    }
}

/// One answer for all settings: a setting that can never succeed counts more than one that is merely late.
fn worst(errors: &[UserError]) -> Option<&UserError> {
    errors.iter().find(|error| error.code != STALE).or_else(|| errors.first())
}

/// The shop's words with the code of the item they are about.
fn words(error: &UserError, settings: &[Setting]) -> String {
    let index = error.field.iter().find_map(|part| part.parse::<usize>().ok());
    match index.and_then(|index| settings.get(index)) {
        Some(setting) => format!("{}: {}", setting.sku, error.message),
        None => error.message.clone(),
    }
}

fn reading(item: &StockedItem) -> Result<Option<pb::StockReading>, Error> {
    let Some(level) = &item.inventory_level else { return Ok(None) };
    let unreadable = |why: String| Error::Unreadable { operation: STOCK.operation, why };
    let named = |name: &str| {
        let found = level.quantities.iter().find(|quantity| quantity.name == name);
        found.map(|quantity| quantity.quantity).ok_or_else(|| unreadable(format!("no quantity {name}")))
    };
    let id = number(&item.id, "InventoryItem").ok_or_else(|| unreadable(format!("{} is no stocked item", item.id)))?;
    Ok(Some(pb::StockReading {
        inventory_item_id: id.to_string(),
        available: named("available")?,
        on_hand: named("on_hand")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, index: &str) -> UserError {
        let field = ["input", "quantities", index, "quantity"].map(str::to_owned).to_vec();
        UserError { field, message: "no".to_owned(), code: code.to_owned() }
    }

    #[test]
    fn a_setting_that_can_never_succeed_counts_more_than_a_stale_one() {
        let errors = [error(STALE, "0"), error("INVALID_LOCATION", "1")];
        assert_eq!(worst(&errors).unwrap().code, "INVALID_LOCATION");
        assert_eq!(worst(&errors[..1]).unwrap().code, STALE);
        assert!(worst(&[]).is_none());
    }

    #[test]
    fn a_refusal_names_the_item() {
        let setting = Setting { sku: "DEMO".to_owned(), item: 1, location: 2, quantity: 3, expected: Some(4) };
        assert_eq!(words(&error(STALE, "0"), std::slice::from_ref(&setting)), "DEMO: no");
        assert_eq!(words(&error(STALE, "7"), &[setting]), "no");
    }

    #[test]
    fn no_comparison_is_a_null_on_the_wire_and_never_left_out() {
        let setting = Setting { sku: String::new(), item: 1, location: 2, quantity: 3, expected: None };
        let sent = serde_json::to_string(&quantity(&setting)).unwrap();
        assert!(sent.contains(r#""changeFromQuantity":null"#), "{sent}");
    }
}
