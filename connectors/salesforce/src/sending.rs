//! Requests to the org: composites, queries, and what became of their parts.

use http::Method;
use http::header::{HeaderName, HeaderValue};
use retail_connect::{Call, CallFault, Lane, Reply, outcome};
use retail_proto::types::v1::{Outcome, Ref};
use retail_runtime::deadline;
use retail_runtime::fault::Violations;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::{Error, Meaning, first, meaning, refused};
use crate::map::KEY;
use crate::wire::{self, Composed, Composite, Entry, Found, Subrequest, VendorError};
use crate::{API_VERSION, Salesforce};

const CALL_OPTIONS: HeaderName = HeaderName::from_static("sforce-call-options");
const DUPLICATE_RULES: HeaderName = HeaderName::from_static("sforce-duplicate-rule-header");
/// Attempts at a record that is busy.
pub(crate) const MOST_ATTEMPTS: u32 = 4;

/// What became of one link of a composite.
pub(crate) enum Landed {
    Saved(String),
    /// A newer version is there.
    Stale,
    Failed(Meaning, VendorError),
}

impl Salesforce {
    /// Sends the parts as one composite, each for itself, until none of them is busy any more.
    pub(crate) async fn save(
        &self,
        operation: &'static str,
        key: &str,
        parts: Vec<Subrequest>,
    ) -> Result<Vec<(&'static str, Landed)>, Error> {
        let names: Vec<&'static str> = parts.iter().map(|part| part.reference_id).collect();
        let entries = self.compose(operation, key, parts, false).await?;
        Ok(names.into_iter().map(|name| (name, land(name, &entries))).collect())
    }

    /// Sends the parts as one composite until none of them is busy any more; the answers to all of them.
    pub(crate) async fn compose(
        &self,
        operation: &'static str,
        key: &str,
        parts: Vec<Subrequest>,
        all_or_none: bool,
    ) -> Result<Vec<Entry>, Error> {
        let composite = Composite { all_or_none, collate_subrequests: false, composite_request: parts };
        let call = self.write(operation, Method::POST, "composite", &composite)?.correlation(key);
        self.until_free(call, |reply| {
            if !reply.status.is_success() {
                return Err(refused(reply, operation, true));
            }
            let composed: Composed = written(operation, reply)?;
            let busy =
                composed.composite_response.iter().flat_map(refusals).any(|(meaning, _)| meaning == Meaning::Busy);
            Ok((composed.composite_response, busy))
        })
        .await
    }

    /// Sends a write until what it answers is not busy any more, a few times at most.
    pub(crate) async fn until_free<T: Send>(
        &self,
        call: Call,
        read: impl Fn(&Reply) -> Result<(T, bool), Error> + Send + Sync,
    ) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            let reply = self.shared.http.send(call.clone()).await?;
            self.watch_allowance(&reply);
            let (answer, busy) = read(&reply)?;
            let pause = self.shared.runtime.rng().jitter(self.shared.busy_pause.get().saturating_mul(attempt));
            if !busy || attempt >= MOST_ATTEMPTS || deadline::remaining().is_some_and(|left| left <= pause) {
                return Ok(answer);
            }
            attempt = attempt.saturating_add(1);
            self.shared.runtime.clock().sleep(pause).await;
        }
    }

    /// A write of a resource below this version's path.
    pub(crate) fn write(
        &self,
        operation: &'static str,
        method: Method,
        resource: &str,
        body: &impl Serialize,
    ) -> Result<Call, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|err| CallFault::not_sent(operation, retail_connect::Held::Malformed, err.to_string()))?;
        Ok(self.headed(Call::write(operation, method, path(resource))).body("application/json", body))
    }

    /// The rows a query finds, its first page; `resource` is `query`, or `queryAll` for the deleted ones as well.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        resource: &str,
        soql: &str,
    ) -> Result<Found<T>, Error> {
        let reply = self.read(Call::read(operation, Method::GET, path(&asking(resource, soql)?))).await?;
        if !reply.status.is_success() {
            return Err(refused(&reply, operation, false));
        }
        read_as(&reply)
    }

    /// The answers to a composite of reads.
    pub(crate) async fn look_up(&self, operation: &'static str, parts: Vec<Subrequest>) -> Result<Vec<Entry>, Error> {
        let composite = Composite { all_or_none: false, collate_subrequests: false, composite_request: parts };
        let body = serde_json::to_vec(&composite)
            .map_err(|err| CallFault::not_sent(operation, retail_connect::Held::Malformed, err.to_string()))?;
        let call = Call::read(operation, Method::POST, path("composite")).body("application/json", body);
        let reply = self.read(call).await?;
        if !reply.status.is_success() {
            return Err(refused(&reply, operation, false));
        }
        Ok(read_as::<Composed>(&reply)?.composite_response)
    }

    /// The record behind a part; one that a newer version kept for itself is looked up.
    pub(crate) async fn reference(&self, object: &str, key: &str, landed: &Landed) -> Result<Option<Ref>, Error> {
        match landed {
            Landed::Saved(id) => Ok(Some(self.named(object, id.clone()))),
            Landed::Failed(..) => Ok(None),
            Landed::Stale => {
                let resource = path(&format!("sobjects/{object}/{KEY}/{key}?fields=Id"));
                let reply = self.read(Call::read("crm.record.find", Method::GET, resource)).await?;
                if !reply.status.is_success() {
                    return Err(refused(&reply, "crm.record.find", false));
                }
                Ok(Some(self.named(object, read_as::<wire::Identity>(&reply)?.id)))
            }
        }
    }

    /// Sends a read.
    pub(crate) async fn read(&self, call: Call) -> Result<Reply, Error> {
        let reply = self.shared.http.send(self.headed(call).lane(Lane::Normal)).await?;
        self.watch_allowance(&reply);
        Ok(reply)
    }

    fn headed(&self, call: Call) -> Call {
        let options = HeaderValue::from_str(&format!("client={}", self.shared.client));
        let call = call.header(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        // Our key says which record is meant; a fuzzy rule that only alerts shall not overrule it.
        let call = call.header(DUPLICATE_RULES, HeaderValue::from_static("allowSave=true"));
        match options {
            Ok(options) => call.header(CALL_OPTIONS, options),
            Err(_) => call,
        }
    }

    /// A record of the org, as others name it.
    pub(crate) fn named(&self, object: &str, id: String) -> Ref {
        Ref {
            kind: "crm".to_owned(),
            instance: self.shared.instance.clone(),
            r#type: object.to_owned(),
            id,
            number: String::new(),
        }
    }

    /// Refuses requests for another org.
    pub(crate) fn is_ours(&self, instance: &str) -> Result<(), Error> {
        let mut wrong = Violations::default();
        wrong.require("instance", !instance.is_empty(), "is missing");
        wrong.check()?;
        if instance == self.shared.instance { Ok(()) } else { Err(Error::NoSuchInstance(instance.to_owned())) }
    }

    /// `Sforce-Limit-Info: api-usage=18/15000` near its end wakes somebody before the org stops answering.
    fn watch_allowance(&self, reply: &Reply) {
        let info =
            reply.header("sforce-limit-info").and_then(|info| info.split(';').next()?.strip_prefix("api-usage="));
        let Some((used, most)) = info.and_then(|usage| usage.split_once('/')) else { return };
        let (Ok(used), Ok(most)) = (used.trim().parse::<u64>(), most.trim().parse::<u64>()) else { return };
        if used.saturating_mul(10) >= most.saturating_mul(9) {
            tracing::warn!(instance = %self.shared.instance, used, most, "the org's daily allowance of calls is nearly used up");
        }
    }
}

/// An upsert by our key as a link of a composite.
pub(crate) fn part(name: &'static str, object: &str, key: &str, body: &impl Serialize) -> Subrequest {
    Subrequest {
        method: "PATCH",
        url: path(&format!("sobjects/{object}/{KEY}/{key}")),
        reference_id: name,
        body: serde_json::to_value(body).unwrap_or(Value::Null),
    }
}

/// What became of the record of one link.
pub(crate) fn land(name: &str, entries: &[Entry]) -> Landed {
    let Some(entry) = entries.iter().find(|entry| entry.reference_id == name) else {
        return Landed::Failed(Meaning::Open, VendorError { code: "NO_ENTRY".to_owned(), message: String::new() });
    };
    if (200..300).contains(&entry.http_status_code) {
        return match serde_json::from_value::<wire::Saved>(entry.body.clone()) {
            Ok(saved) if saved.success => Landed::Saved(saved.id),
            Ok(_) | Err(_) => Landed::Failed(Meaning::Open, first(&entry.body)),
        };
    }
    let error = first(&entry.body);
    let meaning = meaning(entry.http_status_code, &error);
    if meaning == Meaning::Stale { Landed::Stale } else { Landed::Failed(meaning, error) }
}

/// What the org refused within the answer to one link: the link itself, or records of its collection.
pub(crate) fn refusals(entry: &Entry) -> Vec<(Meaning, VendorError)> {
    let records = entry.body.as_array().map(Vec::as_slice).unwrap_or_default();
    let lost: Vec<_> =
        records.iter().filter(|record| record.get("success") == Some(&Value::Bool(false))).map(lost).collect();
    if lost.is_empty() && !(200..300).contains(&entry.http_status_code) {
        let error = first(&entry.body);
        return vec![(meaning(entry.http_status_code, &error), error)];
    }
    lost
}

/// Why one record of a collection was not saved.
pub(crate) fn lost(record: &Value) -> (Meaning, VendorError) {
    let error = first(record.get("errors").unwrap_or(&Value::Null));
    // Records of a collection have no status of their own: their codes say it all.
    (meaning(400, &error), error)
}

/// The outcome of the parts that decide; failures of the others are warnings.
pub(crate) fn judge(
    landed: &[(&'static str, Landed)],
    decisive: &[&str],
    mut warnings: Vec<String>,
) -> Result<Outcome, Error> {
    let failures = || {
        landed.iter().filter_map(|(name, landed)| match landed {
            Landed::Failed(meaning, error) => Some((*name, meaning, error)),
            Landed::Saved(_) | Landed::Stale => None,
        })
    };
    if !failures().any(|(name, ..)| decisive.contains(&name)) {
        warnings.extend(
            landed
                .iter()
                .filter(|(_, landed)| matches!(landed, Landed::Stale))
                .map(|(name, _)| format!("{name}: a newer version is there already")),
        );
        warnings.extend(failures().map(|(name, _, error)| format!("{name}: not written: {}", error.code)));
        return Ok(outcome::done_with(warnings));
    }
    // What merely follows another failure is not the cause.
    let own = |(_, meaning, _): &(&str, &Meaning, &VendorError)| **meaning != Meaning::Derived;
    let cause = failures().filter(own).find(|(name, ..)| decisive.contains(name));
    let cause = cause.or_else(|| failures().find(own)).or_else(|| failures().next());
    match cause {
        Some((name, meaning, error)) => settle(name, meaning, error.clone()),
        None => Ok(outcome::done_with(warnings)),
    }
}

/// A refusal of the org's as an outcome, when it is one of the record's.
pub(crate) fn settle(name: &str, meaning: &Meaning, error: VendorError) -> Result<Outcome, Error> {
    let VendorError { code, message } = error;
    Ok(match meaning {
        // Our own key was tried again; what still clashes is a rule of the org's own.
        Meaning::Busy if code == "DUPLICATE_VALUE" => outcome::refused(&code, message),
        Meaning::Refused(reason) => outcome::refused(reason, message),
        Meaning::Derived | Meaning::Stale => outcome::refused("PARENT_MISSING", message),
        Meaning::Busy => return Err(Error::Busy { code }),
        Meaning::Allowance => return Err(Error::Allowance { code, message }),
        Meaning::Credentials => return Err(Error::Credentials { code, message }),
        Meaning::NotPrepared => return Err(Error::NotPrepared { code, message }),
        Meaning::Open => {
            let why = format!("the org answered {code} for the {name}");
            return Err(CallFault::Unknown { operation: "crm.composite", why }.into());
        }
    })
}

/// A resource's path under the version that is spoken.
pub(crate) fn path(resource: &str) -> String {
    format!("/services/data/{API_VERSION}/{resource}")
}

/// A query as a resource.
pub(crate) fn asking(resource: &str, soql: &str) -> Result<String, Error> {
    let query = serde_urlencoded::to_string([("q", soql)]).map_err(|err| unreadable(200, &err.to_string()))?;
    Ok(format!("{resource}?{query}"))
}

/// What a write answered; one that is not readable leaves open what happened.
pub(crate) fn written<T: DeserializeOwned>(operation: &'static str, reply: &Reply) -> Result<T, Error> {
    serde_json::from_slice(&reply.body)
        .map_err(|err| CallFault::Unknown { operation, why: format!("the answer is not readable: {err}") }.into())
}

fn read_as<T: DeserializeOwned>(reply: &Reply) -> Result<T, Error> {
    serde_json::from_slice(&reply.body).map_err(|err| unreadable(reply.status.as_u16(), &err.to_string()))
}

/// A read whose answer is none.
pub(crate) fn unreadable(status: u16, why: &str) -> Error {
    Error::Answer { status, code: "UNREADABLE".to_owned(), message: why.to_owned() }
}

#[cfg(test)]
mod tests;
