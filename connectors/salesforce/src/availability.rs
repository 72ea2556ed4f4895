//! What may be sold of items at places, as agents see it. Writing is one collection of upserts by our ids, each for itself
//! (class K): a number that the org refuses keeps no other from being seen.
//!
//! Listing goes by the ids of records and never by a query locator, which dies with its session: a token is good after a
//! restart, and for any replica.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use retail_connect::{CallFault, outcome};
use retail_proto::crm::v1 as pb;
use retail_proto::types::v1::Outcome;
use retail_runtime::fault::Violations;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Salesforce;
use crate::fault::{Error, Meaning, refused};
use crate::map::availability::{AVAILABILITY, availability, code, shown};
use crate::map::service::record_id;
use crate::map::{self, KEY};
use crate::sending::{Landed, lost, settle, unreadable, written};
use crate::wire::availability::{AVAILABILITY_COLUMNS, Availability, AvailabilityRow};
use crate::wire::service::Collection;
use crate::wire::{Found, Saved, VendorError};

const RECORD: &str = "crm.availability";
const LIST: &str = "crm.availability.list";
/// Rows of a page: what the service gives at once, so that it opens no cursor of its own (document, section 4).
const PAGE: usize = 2_000;

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// A token of another place would leave out rows of this one.
    location: String,
    /// The last record that was given.
    after: String,
}

impl Place {
    fn read(text: &str, location: &str) -> Result<Self, Error> {
        let bad = || Error::BadToken("page_token");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let place: Place = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let mut wrong = Violations::default();
        record_id(&mut wrong, "after", &place.after);
        wrong.check().map_err(|_| bad())?;
        if place.location == location { Ok(place) } else { Err(bad()) }
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Salesforce {
    pub(crate) async fn save_availability(
        &self,
        request: pb::RecordAvailabilityRequest,
    ) -> Result<pb::RecordAvailabilityResponse, Error> {
        self.is_ours(&request.instance)?;
        let collection = Collection { all_or_none: false, records: availability(request.rows)? };
        let resource = format!("composite/sobjects/{AVAILABILITY}/{KEY}");
        let call = self.write(RECORD, Method::PATCH, &resource, &collection)?;
        let landed = self
            .until_free(call, |reply| {
                if !reply.status.is_success() {
                    return Err(refused(reply, RECORD, true));
                }
                let landed = landed(&written::<Vec<Value>>(RECORD, reply)?, collection.records.len())?;
                let busy = landed.iter().any(|one| matches!(one, Landed::Failed(Meaning::Busy, _)));
                Ok((landed, busy))
            })
            .await?;
        Ok(pb::RecordAvailabilityResponse { outcome: Some(verdict(&collection.records, landed)?) })
    }

    pub(crate) async fn find_availability(
        &self,
        request: pb::ListAvailabilityRequest,
    ) -> Result<pb::ListAvailabilityResponse, Error> {
        self.is_ours(&request.instance)?;
        let mut wrong = Violations::default();
        code(&mut wrong, "location", &request.location);
        wrong.check()?;
        let location = request.location.trim();
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(Place::read(token, location)?.after),
        };
        let found: Found<AvailabilityRow> = self.query(LIST, "query", &rows_of(location, after.as_deref())).await?;
        // The service may give fewer rows than a page holds.
        let more = !found.done || found.records.len() >= PAGE;
        let next_page_token = match found.records.last() {
            Some(last) if more => Place { location: location.to_owned(), after: last.id.clone() }.write(),
            None if more => return Err(unreadable(200, "no rows, and yet more of them")),
            Some(_) | None => String::new(),
        };
        let readable = |row| {
            shown(row, location).unwrap_or_else(|why| {
                // Whoever compares finds the row missing and writes it anew, which mends it.
                tracing::warn!(%why, "a row of availability is not told");
                None
            })
        };
        let rows = found.records.into_iter().filter_map(readable).collect();
        Ok(pb::ListAvailabilityResponse { rows, next_page_token })
    }
}

fn rows_of(location: &str, after: Option<&str>) -> String {
    let beyond = after.map(|after| format!(" AND Id > {}", map::quoted(after))).unwrap_or_default();
    let location = map::quoted(location);
    format!(
        "SELECT {AVAILABILITY_COLUMNS} FROM {AVAILABILITY} WHERE Location__c = {location}{beyond} ORDER BY Id LIMIT {PAGE}"
    )
}

/// What became of each record; an answer of another length says it of none.
fn landed(answer: &[Value], sent: usize) -> Result<Vec<Landed>, Error> {
    if answer.len() != sent {
        let why = format!("{} answers to {sent} records", answer.len());
        return Err(CallFault::Unknown { operation: RECORD, why }.into());
    }
    Ok(answer.iter().map(land).collect())
}

fn land(record: &Value) -> Landed {
    if record.get("success") == Some(&Value::Bool(false)) {
        let (meaning, error) = lost(record);
        return if meaning == Meaning::Stale { Landed::Stale } else { Landed::Failed(meaning, error) };
    }
    match serde_json::from_value::<Saved>(record.clone()) {
        Ok(saved) => Landed::Saved(saved.id),
        Err(_) => Landed::Failed(Meaning::Open, VendorError { code: "NO_ENTRY".to_owned(), message: String::new() }),
    }
}

/// The outcome of all rows: what ails the whole org first, then what the org refuses of a row, then what may pass.
fn verdict(records: &[Availability], landed: Vec<Landed>) -> Result<Outcome, Error> {
    let mut warnings = Vec::new();
    let mut failures = Vec::new();
    for (record, landed) in records.iter().zip(landed) {
        match landed {
            Landed::Saved(_) => {}
            Landed::Stale => warnings.push(format!("{}: a newer version is there already", record.sku)),
            Landed::Failed(meaning, error) => failures.push((record, gravity(&meaning, &error), meaning, error)),
        }
    }
    let refused = failures.iter().filter(|(_, gravity, ..)| *gravity == Gravity::Row).count();
    let gravest = failures.into_iter().min_by_key(|(_, gravity, ..)| *gravity);
    let Some((record, gravity, meaning, VendorError { code, mut message })) = gravest else {
        return Ok(outcome::done_with(warnings));
    };
    if gravity == Gravity::Row {
        message = format!("{} at {}: {message}", record.sku, record.location);
        if refused > 1 {
            message = format!("{message}; the first of {refused} refused rows");
        }
    }
    settle("availability", &meaning, VendorError { code, message })
}

/// What a failure concerns, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// Every row of every call.
    Org,
    /// This row, until somebody changes it or the org.
    Row,
    /// This moment.
    Moment,
}

fn gravity(meaning: &Meaning, error: &VendorError) -> Gravity {
    match meaning {
        Meaning::Allowance | Meaning::Credentials | Meaning::NotPrepared => Gravity::Org,
        // Our own key was tried again; what still clashes is a rule of the org's own.
        Meaning::Busy if error.code == "DUPLICATE_VALUE" => Gravity::Row,
        Meaning::Refused(_) | Meaning::Derived | Meaning::Stale => Gravity::Row,
        Meaning::Busy | Meaning::Open => Gravity::Moment,
    }
}

#[cfg(test)]
mod tests;
