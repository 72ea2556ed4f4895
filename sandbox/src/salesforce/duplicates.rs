//! Fuzzy duplicate rules, as an admin may switch them on: same e-mail on a contact, same name on an account.

use serde_json::{Map, Value, json};

use super::Call;
use super::fault::Problem;
use super::org::Object;
use super::rows;

/// Refuses a save that looks like a record which is already there.
pub(super) fn check(
    call: &Call<'_>,
    object: &Object,
    body: &Map<String, Value>,
    but: Option<&str>,
) -> Result<(), Problem> {
    let Some(&only_alerts) = call.knobs.duplicate_rules.get(object.name) else { return Ok(()) };
    if only_alerts && call.allow_save {
        return Ok(());
    }
    let column = if object.name == "Contact" { "Email" } else { "Name" };
    let Some(value) = body.get(column).and_then(Value::as_str) else { return Ok(()) };
    let matched: Vec<Value> = rows::all(call.db, object, false)?
        .iter()
        .filter(|other| Some(other.id.as_str()) != but && other.text(column).eq_ignore_ascii_case(value))
        .map(|other| {
            json!({"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100,
                   "record": {"attributes": {"type": object.name, "url": call.url(object, &other.id)}, "Id": other.id}})
        })
        .collect();
    if matched.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::bad("DUPLICATES_DETECTED", "Use one of these records?");
    problem.duplicate = Some(Box::new(json!({
        "allowSave": only_alerts,
        "duplicateRule": format!("Standard_{}_Duplicate_Rule", object.name),
        "duplicateRuleEntityType": object.name,
        "errorMessage": "Use one of these records?",
        "matchResults": [{
            "entityType": object.name, "errors": [], "matchEngine": "FuzzyMatchEngine", "matchRecords": matched,
            "rule": format!("Standard_{}_Match_Rule_v1_1", object.name), "size": matched.len(), "success": true,
        }],
    })));
    Err(problem)
}
