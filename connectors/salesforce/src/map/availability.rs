//! Canonical rows of availability to records of the package and back. Pure.

use std::collections::HashSet;

use retail_proto::crm::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};
use serde_json::Number;

use super::service::when;
use super::{Unreadable, decimal, key, moment};
use crate::wire::availability::{Availability, AvailabilityRow};
use crate::wire::service::Attributes;

/// The object of what may be sold of an item at a place.
pub(crate) const AVAILABILITY: &str = "Availability__c";
/// Rows of one call: what a collection takes (document, 5.3).
const MOST_ROWS: usize = 200;
/// Letters of `Sku__c` and `Location__c`.
const LONGEST: usize = 80;
/// The columns take 18 digits, but numbers travel as doubles (document, 1.4), which are exact up to here only. A version
/// beyond would be taken for its neighbours.
const MOST_EXACT: u64 = (1 << 53) - 1;

/// Checks rows and makes their records, in order.
pub(crate) fn availability(rows: Vec<pb::Availability>) -> Result<Vec<Availability>, BadShape> {
    let mut wrong = Violations::default();
    if !(1..=MOST_ROWS).contains(&rows.len()) {
        wrong.add("rows", format!("must be 1 to {MOST_ROWS}"));
        return Err(wrong.into_shape());
    }
    let mut known = HashSet::new();
    let mut records = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        let field = |name: &str| format!("rows[{at}].{name}");
        key(&mut wrong, &field("external_ref"), &row.external_ref);
        // One key twice in a call fails both (document, 5.3).
        let first = known.insert(row.external_ref.clone());
        wrong.require(&field("external_ref"), first, "is that of another row as well");
        for (name, value) in [("sku", &row.sku), ("location", &row.location)] {
            code(&mut wrong, &field(name), value);
        }
        let exact = u64::try_from(row.available).is_ok_and(|available| available <= MOST_EXACT);
        wrong.require(&field("available"), exact, &format!("must be 0 to {MOST_EXACT}"));
        let as_of = moment(row.as_of);
        wrong.require(&field("as_of"), as_of.is_some(), "is missing or out of range");
        let version = (1..=MOST_EXACT).contains(&row.version);
        wrong.require(&field("version"), version, &format!("must be 1 to {MOST_EXACT}"));
        records.push(Availability {
            attributes: Attributes { r#type: AVAILABILITY },
            mesh_id: row.external_ref,
            mesh_version: row.version,
            sku: row.sku.trim().to_owned(),
            location: row.location.trim().to_owned(),
            available: row.available,
            as_of: as_of.unwrap_or_default(),
        });
    }
    wrong.check()?;
    Ok(records)
}

/// Checks that a text fits the columns of codes. Never cut: half a code is another code.
pub(crate) fn code(wrong: &mut Violations, field: &str, value: &str) {
    let sound = (1..=LONGEST).contains(&value.trim().chars().count());
    wrong.require(field, sound, &format!("must have 1 to {LONGEST} letters"));
}

/// A record as the row it stands for; none when it is none of ours, or of a place that differs in case alone, which the
/// org does not tell apart.
pub(crate) fn shown(row: AvailabilityRow, location: &str) -> Result<Option<pb::Availability>, Unreadable> {
    let Some(external_ref) = row.mesh_id.filter(|key| !key.is_empty()) else { return Ok(None) };
    if row.location.as_deref() != Some(location) {
        return Ok(None);
    }
    let lacks = |column| Unreadable { id: row.id.clone(), column };
    let version = row.mesh_version.as_ref().and_then(whole).filter(|version| *version > 0);
    let available = row.available.as_ref().and_then(whole).and_then(|available| i64::try_from(available).ok());
    let as_of = row.as_of.as_deref().and_then(when).ok_or_else(|| lacks("As_Of__c"))?;
    Ok(Some(pb::Availability {
        external_ref,
        sku: row.sku.clone().ok_or_else(|| lacks("Sku__c"))?,
        location: location.to_owned(),
        available: available.ok_or_else(|| lacks("Available__c"))?,
        as_of: Some(prost_types::Timestamp { seconds: as_of.as_second(), nanos: 0 }),
        version: version.ok_or_else(|| lacks("Mesh_Version__c"))?,
    }))
}

/// A whole number that is exact on the wire.
fn whole(value: &Number) -> Option<u64> {
    let value = decimal(value).filter(|value| value.is_integer())?;
    u64::try_from(value).ok().filter(|value| *value <= MOST_EXACT)
}

#[cfg(test)]
mod tests;
