//! Canonical milestones to records, and records of cases to canonical ones. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message as _;
use retail_proto::Money;
use retail_proto::crm::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_runtime::fault::{BadShape, Violations};
use sha2::{Digest as _, Sha256};

use super::{Cutter, Unreadable, key, moment, number};
use crate::wire::Key;
use crate::wire::service::{Attributes, CaseRow, Milestone};

/// The object of a business milestone; `CaseMilestone` is the org's own clock and none of ours.
pub(crate) const MILESTONE: &str = "Case_Milestone_Event__c";
/// The object of a case.
pub(crate) const CASE: &str = "Case";
/// Milestones of one call.
pub(crate) const MOST_MILESTONES: usize = 100;

/// Milestones whose shape is sound.
#[derive(Debug)]
pub(crate) struct Milestones {
    /// The key of every milestone that was asked for, in order.
    pub(crate) keys: Vec<String>,
    /// One record for each key.
    pub(crate) records: Vec<Milestone>,
    pub(crate) warnings: Vec<String>,
}

/// Whether a text can be the id of a record: 15 or 18 letters and digits (document, 1.3).
pub(crate) fn record_id(wrong: &mut Violations, field: &str, id: &str) {
    let sound = matches!(id.len(), 15 | 18) && id.chars().all(|c| c.is_ascii_alphanumeric());
    wrong.require(field, sound, "must be an id of the CRM: 15 or 18 letters and digits");
}

/// Checks milestones of a case.
pub(crate) fn milestones(case: &str, given: Vec<pb::Milestone>) -> Result<Milestones, BadShape> {
    let mut wrong = Violations::default();
    record_id(&mut wrong, "case_id", case);
    let few = (1..=MOST_MILESTONES).contains(&given.len());
    wrong.require("milestones", few, &format!("must be 1 to {MOST_MILESTONES}"));
    let mut cut = Cutter::default();
    let (mut keys, mut records) = (Vec::new(), Vec::<Milestone>::new());
    for (at, milestone) in given.into_iter().enumerate() {
        let field = |name: &str| format!("milestones[{at}].{name}");
        key(&mut wrong, &field("external_ref"), &milestone.external_ref);
        let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let kind = (1..=80).contains(&milestone.kind.len()) && milestone.kind.chars().all(word);
        wrong.require(&field("kind"), kind, "must be an UPPER_SNAKE_CASE word of at most 80 letters");
        wrong.require(&field("detail"), !milestone.detail.trim().is_empty(), "is missing");
        let happened_at = moment(milestone.happened_at);
        wrong.require(&field("happened_at"), happened_at.is_some(), "is missing or out of range");
        for (name, reference) in [("order_ref", &milestone.order_ref), ("return_ref", &milestone.return_ref)] {
            if !reference.is_empty() {
                key(&mut wrong, &field(name), reference);
            }
        }
        let amount = milestone.amount.as_ref().map(Money::try_from);
        wrong.require(&field("amount"), !matches!(amount, Some(Err(_))), "is of no known currency");
        let amount = amount.and_then(Result::ok);
        let record = Milestone {
            attributes: Attributes { r#type: MILESTONE },
            mesh_id: milestone.external_ref.clone(),
            case: case.to_owned(),
            kind: milestone.kind,
            happened_at: happened_at.unwrap_or_default(),
            detail: cut.required("Detail__c", 255, &milestone.detail),
            order: Some(milestone.order_ref).filter(|order| !order.is_empty()),
            r#return: Some(milestone.return_ref).filter(|one| !one.is_empty()),
            document_number: cut.optional("Document_Number__c", 64, &milestone.document_number),
            amount: amount.as_ref().map(|amount| number(amount.to_decimal())),
            currency: amount.as_ref().map(|amount| amount.currency().code().to_owned()),
        };
        // One key twice in a call fails both (document, 5.3).
        match records.iter().find(|known| known.mesh_id == record.mesh_id) {
            Some(known) => {
                wrong.require(&field("external_ref"), *known == record, "is that of another milestone as well");
            }
            None => records.push(record),
        }
        keys.push(milestone.external_ref);
    }
    wrong.check()?;
    Ok(Milestones { keys, records, warnings: cut.warnings })
}

/// A record as the case it stands for, under the instance's name.
pub(crate) fn case(row: CaseRow, instance: &str) -> Result<pb::Case, Unreadable> {
    let id = row.id.clone();
    let stamp = |text: Option<&str>, column| {
        let at = text.and_then(when).ok_or_else(|| Unreadable { id: id.clone(), column })?;
        Ok(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 })
    };
    let linked = |way: Option<Key>| way.and_then(|key| key.mesh_id).unwrap_or_default();
    let or = |one: String, other: String| if one.is_empty() { other } else { one };
    let mut case = pb::Case {
        record: Some(record(&row, instance)),
        subject: row.subject.unwrap_or_default(),
        status: row.status.unwrap_or_default(),
        closed: row.is_closed,
        priority: row.priority.unwrap_or_default(),
        origin: row.origin.unwrap_or_default(),
        reason: row.reason.unwrap_or_default(),
        customer_ref: or(linked(row.contact), linked(row.account)),
        order_ref: linked(row.order),
        return_ref: or(linked(row.return_order), linked(row.r#return)),
        opened_at: Some(stamp(row.created_date.as_deref(), "CreatedDate")?),
        closed_at: match row.closed_date.as_deref() {
            Some(closed) => Some(stamp(Some(closed), "ClosedDate")?),
            None => None,
        },
        changed_at: Some(stamp(row.system_modstamp.as_deref(), "SystemModstamp")?),
        etag: String::new(),
    };
    // Stamps of the org know only seconds, and two states may share one: what is read decides.
    let digest = Sha256::digest(case.encode_to_vec());
    case.etag = URL_SAFE_NO_PAD.encode(digest.get(..18).unwrap_or_default());
    Ok(case)
}

/// How others name the record of a case.
pub(crate) fn record(row: &CaseRow, instance: &str) -> Ref {
    Ref {
        kind: "crm".to_owned(),
        instance: instance.to_owned(),
        r#type: CASE.to_owned(),
        id: row.id.clone(),
        number: row.case_number.clone().unwrap_or_default(),
    }
}

/// A moment as the org spells it.
pub(crate) fn when(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests;
