//! The contract: canonical in, canonical out. Every write is one composite of upserts by our ids (class K): a repeat
//! finds its records and writes the same again, so the parts need not stand or fall together.

use http::Method;
use http::header::{HeaderName, HeaderValue};
use retail_connect::{Call, CallFault, Lane, Reply, outcome};
use retail_proto::crm::v1 as pb;
use retail_proto::crm::v1::crm_service_server::CrmService;
use retail_proto::types::v1::{Outcome, Ref};
use retail_runtime::deadline;
use retail_runtime::fault::{self, Violations};
use serde::Serialize;
use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::fault::{Error, Meaning, first, meaning, refused};
use crate::map::{self, ACCOUNT, CONTACT, KEY, ORDER_CONTEXT};
use crate::wire::{self, Composed, Composite, Entry, Found, Subrequest, VendorError};
use crate::{API_VERSION, Salesforce};

const DOMAIN: &str = "salesforce.retail";
const CALL_OPTIONS: HeaderName = HeaderName::from_static("sforce-call-options");
const DUPLICATE_RULES: HeaderName = HeaderName::from_static("sforce-duplicate-rule-header");
/// Attempts at a record that is busy.
const MOST_ATTEMPTS: u32 = 4;

#[tonic::async_trait]
impl CrmService for Salesforce {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Result<Response<pb::DescribeResponse>, Status> {
        Ok(Response::new(pb::DescribeResponse { description: Some(Salesforce::description()) }))
    }

    async fn upsert_customer(
        &self,
        request: Request<pb::UpsertCustomerRequest>,
    ) -> Result<Response<pb::UpsertCustomerResponse>, Status> {
        let done = self.save_customer(request.into_inner()).await.map_err(|err| fault::status(DOMAIN, &err))?;
        Ok(Response::new(done))
    }

    async fn upsert_order_context(
        &self,
        request: Request<pb::UpsertOrderContextRequest>,
    ) -> Result<Response<pb::UpsertOrderContextResponse>, Status> {
        let done = self.save_context(request.into_inner()).await.map_err(|err| fault::status(DOMAIN, &err))?;
        Ok(Response::new(done))
    }

    async fn get_order_context(
        &self,
        request: Request<pb::GetOrderContextRequest>,
    ) -> Result<Response<pb::GetOrderContextResponse>, Status> {
        let found = self.find_context(request.into_inner()).await.map_err(|err| fault::status(DOMAIN, &err))?;
        Ok(Response::new(found))
    }
}

/// What became of one link of a composite.
enum Landed {
    Saved(String),
    /// A newer version is there.
    Stale,
    Failed(Meaning, VendorError),
}

impl Salesforce {
    async fn save_customer(&self, request: pb::UpsertCustomerRequest) -> Result<pb::UpsertCustomerResponse, Error> {
        self.is_ours(&request.instance)?;
        let customer = map::customer(request.customer)?;
        let mut parts = vec![part("account", ACCOUNT, &customer.key, &customer.account)];
        parts.extend(customer.contact.as_ref().map(|contact| part("contact", CONTACT, &customer.key, contact)));
        let landed = self.save("crm.customer", &customer.key, parts).await?;
        let outcome = judge(&landed, &["account", "contact"], customer.warnings)?;
        let mut records = Vec::new();
        for (name, landed) in &landed {
            let object = if *name == "account" { ACCOUNT } else { CONTACT };
            records.extend(self.reference(object, &customer.key, landed).await?);
        }
        Ok(pb::UpsertCustomerResponse { outcome: Some(outcome), records })
    }

    async fn save_context(
        &self,
        request: pb::UpsertOrderContextRequest,
    ) -> Result<pb::UpsertOrderContextResponse, Error> {
        self.is_ours(&request.instance)?;
        let customer = map::customer(request.customer)?;
        let mut context = map::context(request.context, &customer)?;
        let account = || part("account", ACCOUNT, &customer.key, &customer.account);
        let mut parts = vec![account()];
        parts.extend(customer.contact.as_ref().map(|contact| part("contact", CONTACT, &customer.key, contact)));
        parts.push(part("context", ORDER_CONTEXT, &context.key, &context.body));
        let mut landed = self.save("crm.order_context", &context.key, parts).await?;
        if only_the_contact_is_refused(&landed) {
            // Agents shall see the order, even of a customer whose e-mail address the org does not take.
            context.body.contact = None;
            let parts = vec![account(), part("context", ORDER_CONTEXT, &context.key, &context.body)];
            let again = self.save("crm.order_context", &context.key, parts).await?;
            landed.retain(|(name, _)| *name == "contact");
            landed.extend(again);
        }
        let warnings = customer.warnings.into_iter().chain(context.warnings).collect();
        let outcome = judge(&landed, &["context"], warnings)?;
        let record = match landed.last() {
            Some((_, landed)) => self.reference(ORDER_CONTEXT, &context.key, landed).await?,
            None => None,
        };
        Ok(pb::UpsertOrderContextResponse { outcome: Some(outcome), record })
    }

    async fn find_context(&self, request: pb::GetOrderContextRequest) -> Result<pb::GetOrderContextResponse, Error> {
        self.is_ours(&request.instance)?;
        let mut wrong = Violations::default();
        map::key(&mut wrong, "external_ref", &request.external_ref);
        wrong.check()?;
        let columns = wire::ORDER_CONTEXT_COLUMNS;
        let soql =
            format!("SELECT {columns} FROM {ORDER_CONTEXT} WHERE {KEY} = {}", map::quoted(&request.external_ref));
        let query = serde_urlencoded::to_string([("q", soql)]).map_err(|err| unreadable(200, &err.to_string()))?;
        let reply = self.read("crm.order_context.find", format!("/services/data/{API_VERSION}/query?{query}")).await?;
        if !reply.status.is_success() {
            return Err(refused(&reply, "crm.order_context.find", false));
        }
        let found: Found<wire::OrderContextRow> =
            serde_json::from_slice(&reply.body).map_err(|err| unreadable(reply.status.as_u16(), &err.to_string()))?;
        let row = found.records.into_iter().next().ok_or(Error::NoSuchContext(request.external_ref))?;
        let (id, number) = (row.id.clone(), row.name.clone().unwrap_or_default());
        let record = Ref { number, ..self.named(ORDER_CONTEXT, id) };
        Ok(pb::GetOrderContextResponse { context: Some(map::read(row)?), record: Some(record) })
    }

    /// Sends the parts as one composite until none of them is busy any more.
    async fn save(
        &self,
        operation: &'static str,
        key: &str,
        parts: Vec<Subrequest>,
    ) -> Result<Vec<(&'static str, Landed)>, Error> {
        let names: Vec<&'static str> = parts.iter().map(|part| part.reference_id).collect();
        let composite = Composite { all_or_none: false, collate_subrequests: false, composite_request: parts };
        let body = serde_json::to_vec(&composite)
            .map_err(|err| CallFault::not_sent(operation, retail_connect::Held::Malformed, err.to_string()))?;
        let call = self
            .headed(Call::write(operation, Method::POST, format!("/services/data/{API_VERSION}/composite")))
            .body("application/json", body)
            .correlation(key);
        let mut attempt = 1;
        loop {
            let reply = self.shared.http.send(call.clone()).await?;
            self.watch_allowance(&reply);
            if !reply.status.is_success() {
                return Err(refused(&reply, operation, true));
            }
            let composed: Composed = serde_json::from_slice(&reply.body)
                .map_err(|err| CallFault::Unknown { operation, why: format!("the answer is not readable: {err}") })?;
            let landed: Vec<_> = names.iter().map(|name| (*name, land(name, &composed.composite_response))).collect();
            let busy = landed.iter().any(|(_, landed)| matches!(landed, Landed::Failed(Meaning::Busy, _)));
            let pause = self.shared.runtime.rng().jitter(self.shared.busy_pause.get().saturating_mul(attempt));
            if !busy || attempt >= MOST_ATTEMPTS || deadline::remaining().is_some_and(|left| left <= pause) {
                return Ok(landed);
            }
            attempt = attempt.saturating_add(1);
            self.shared.runtime.clock().sleep(pause).await;
        }
    }

    /// The record behind a part; one that a newer version kept for itself is looked up.
    async fn reference(&self, object: &str, key: &str, landed: &Landed) -> Result<Option<Ref>, Error> {
        match landed {
            Landed::Saved(id) => Ok(Some(self.named(object, id.clone()))),
            Landed::Failed(..) => Ok(None),
            Landed::Stale => {
                let path = format!("/services/data/{API_VERSION}/sobjects/{object}/{KEY}/{key}?fields=Id");
                let reply = self.read("crm.record.find", path).await?;
                if !reply.status.is_success() {
                    return Err(refused(&reply, "crm.record.find", false));
                }
                let found: wire::Identity = serde_json::from_slice(&reply.body)
                    .map_err(|err| unreadable(reply.status.as_u16(), &err.to_string()))?;
                Ok(Some(self.named(object, found.id)))
            }
        }
    }

    async fn read(&self, operation: &'static str, path: String) -> Result<Reply, Error> {
        let reply =
            self.shared.http.send(self.headed(Call::read(operation, Method::GET, path)).lane(Lane::Normal)).await?;
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

    fn named(&self, object: &str, id: String) -> Ref {
        Ref {
            kind: "crm".to_owned(),
            instance: self.shared.instance.clone(),
            r#type: object.to_owned(),
            id,
            number: String::new(),
        }
    }

    fn is_ours(&self, instance: &str) -> Result<(), Error> {
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

fn part(name: &'static str, object: &str, key: &str, body: &impl Serialize) -> Subrequest {
    Subrequest {
        method: "PATCH",
        url: format!("/services/data/{API_VERSION}/sobjects/{object}/{KEY}/{key}"),
        reference_id: name,
        body: serde_json::to_value(body).unwrap_or(Value::Null),
    }
}

fn land(name: &str, entries: &[Entry]) -> Landed {
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

/// Whether the order context failed for nothing but its missing contact.
fn only_the_contact_is_refused(landed: &[(&'static str, Landed)]) -> bool {
    landed.iter().all(|(name, landed)| match landed {
        Landed::Saved(_) | Landed::Stale => *name == "account",
        Landed::Failed(Meaning::Refused(_), _) => *name == "contact",
        Landed::Failed(meaning, _) => *name == "context" && *meaning == Meaning::Derived,
    })
}

/// The outcome of the parts that decide; failures of the others are warnings.
fn judge(landed: &[(&'static str, Landed)], decisive: &[&str], mut warnings: Vec<String>) -> Result<Outcome, Error> {
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
    let Some((name, meaning, error)) = cause else { return Ok(outcome::done_with(warnings)) };
    let VendorError { code, message } = error.clone();
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

fn unreadable(status: u16, why: &str) -> Error {
    Error::Answer { status, code: "UNREADABLE".to_owned(), message: why.to_owned() }
}

#[cfg(test)]
mod tests;
