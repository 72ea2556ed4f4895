//! What kits are made of, by SuiteQL: `KitItemMember` with `parentitem`, `item` and `quantity` is what public clients ask
//! for; the record `kitItem` shows the same as `member` (help topic "Kit Item").

use std::collections::BTreeMap;

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use serde_json::Value;

use crate::client::{Suite, marks};
use crate::fault::Error;

/// The item type of kits ("Tables and columns for retail").
pub(crate) const KIT: &str = "Kit";

const MEMBERS: &str = "SELECT m.parentitem, m.quantity, i.itemid FROM kititemmember m JOIN item i ON i.id = m.item \
    WHERE m.parentitem IN (#) ORDER BY m.parentitem, m.linenumber, i.id";

/// The members of kits, by the kit's internal id. An item that is listed twice is added up.
pub(crate) async fn members(suite: &Suite, kits: &[i64]) -> Result<BTreeMap<i64, Vec<pb::ItemComponent>>, Error> {
    let mut members = BTreeMap::<i64, Vec<pb::ItemComponent>>::new();
    if kits.is_empty() {
        return Ok(members);
    }
    let params: Vec<Value> = kits.iter().map(|id| Value::from(*id)).collect();
    let question = MEMBERS.replace('#', &marks(kits.len()));
    for row in suite.rows("suiteql.kit_members", Lane::Sheddable, &question, &params).await? {
        let (sku, quantity) = (row.text("itemid").to_uppercase(), row.quantity("quantity")?);
        let parts = members.entry(row.id("parentitem")?).or_default();
        match parts.iter_mut().find(|part| part.sku == sku) {
            Some(part) => {
                let sum =
                    part.quantity.parse().ok().and_then(|known: retail_proto::Quantity| known.plus(quantity).ok());
                part.quantity = sum.unwrap_or(quantity).to_string();
            }
            None => parts.push(pb::ItemComponent { sku, quantity: quantity.to_string() }),
        }
    }
    Ok(members)
}
