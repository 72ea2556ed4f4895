//! The service desk: every cancellation of the book becomes a case in the CRM and a return, one affair of a customer
//! after the other, as an agent would work.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use retail_runtime::Runtime;
use retail_sandbox::orderbook::Order;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::answer::{list, word};
use crate::wire::Wire;

/// Agents at work at the same time.
const AGENTS: usize = 8;
/// How often a return is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Where the desk's returns are asked for.
const SOURCE: &str = "service-desk";

/// The desk.
pub(super) struct Desk<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) gateway: &'a Wire<'a>,
    pub(super) twins: &'a Wire<'a>,
}

impl Desk<'_> {
    /// Takes every cancellation back and waits until nothing moves by itself any more. Answers the returns as they
    /// stand then, in the book's order.
    pub(super) async fn work(&self, cancellations: &[Order]) -> anyhow::Result<Vec<Value>> {
        let bar = ProgressBar::new(u64::try_from(cancellations.len()).unwrap_or(u64::MAX));
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} returns settled, {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut affairs: BTreeMap<&str, Vec<(usize, &Order)>> = BTreeMap::new();
        for (place, cancelled) in cancellations.iter().enumerate() {
            // Guests have nothing in common.
            let who = cancelled.customer.as_deref().unwrap_or(&cancelled.name);
            affairs.entry(who).or_default().push((place, cancelled));
        }
        let affairs = futures::stream::iter(affairs.into_values()).map(|affair| self.affair(affair));
        let mut started: Vec<(usize, String)> = affairs.buffer_unordered(AGENTS).try_concat().await?;
        started.sort_unstable();
        let mut returns = Vec::with_capacity(started.len());
        for (_, id) in started {
            returns.push(self.until(&id, is_settled).await?);
            bar.inc(1);
        }
        bar.finish();
        Ok(returns)
    }

    /// One customer's cancellations: the next is taken in when the one before has found its purchases.
    async fn affair(&self, cancellations: Vec<(usize, &Order)>) -> anyhow::Result<Vec<(usize, String)>> {
        let mut started = Vec::with_capacity(cancellations.len());
        for (place, cancelled) in cancellations {
            let id = self.start(cancelled).await.with_context(|| format!("return {}", cancelled.name))?;
            self.until(&id, |one| word(one, "/state") != "RETURN_STATE_REQUESTED").await?;
            started.push((place, id));
        }
        Ok(started)
    }

    async fn start(&self, cancelled: &Order) -> anyhow::Result<String> {
        let name = cancelled.name.trim_start_matches('#');
        let customer = match &cancelled.customer {
            Some(number) => self.customer(number).await?,
            None => String::new(),
        };
        let contact = if customer.is_empty() { Value::Null } else { json!(customer) };
        let case = json!({
            "once": true, "subject": format!("Return {name}"), "origin": "Phone", "contact_mesh_id": contact,
        });
        let case = self.twins.post("/__sandbox/salesforce/case", &case).await?;
        let record = cancelled
            .customer
            .as_ref()
            .map(|number| json!({"kind": "commerce", "instance": "shop", "type": "customer", "id": number}));
        let lines: Vec<Value> = cancelled
            .lines
            .iter()
            .map(|line| json!({"sku": line.sku, "quantity": line.quantity.saturating_neg().to_string(), "reason": "CANCELLED"}))
            .collect();
        let body = json!({
            "capture": "RETURN_CAPTURE_FACT", "channel": "shop", "source": SOURCE, "sourceReturnId": name,
            "customer": record, "requestedAt": cancelled.placed_at.to_string(), "lines": lines,
            "caseRecord": {
                "kind": "crm", "instance": "crm", "type": "Case",
                "id": word(&case, "/id"), "number": word(&case, "/case_number"),
            },
        });
        let key = format!("desk-{name}");
        let headers = [("idempotency-key", key.as_str())];
        let started = self.gateway.call("POST", "/v1/returns", Some(&body), &headers).await?;
        Ok(word(&started, "/returnRecord/returnId"))
    }

    /// Our customer behind the shop's number; empty when nobody ever bought under it.
    async fn customer(&self, number: &str) -> anyhow::Result<String> {
        let by = format!("systemId.kind=commerce&systemId.instance=shop&systemId.type=customer&systemId.id={number}");
        let found = self.gateway.get(&format!("/v1/customers?{by}")).await?;
        Ok(word(&found, "/customers/0/customerId"))
    }

    /// The return once it is as wished, or as it stands when nothing has moved for too long.
    async fn until(&self, id: &str, wished: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let (mut last, mut still) = (String::new(), Duration::ZERO);
        loop {
            let answer = self.gateway.get(&format!("/v1/returns/{id}")).await?;
            let one = answer.get("returnRecord").cloned().unwrap_or_default();
            if wished(&one) || still >= PATIENCE {
                return Ok(one);
            }
            let version = word(&one, "/version");
            still = if version == last { still.saturating_add(LOOK) } else { Duration::ZERO };
            last = version;
            self.runtime.clock().sleep(LOOK).await;
        }
    }
}

/// True when nothing happens to a return any more before a person acts.
fn is_settled(one: &Value) -> bool {
    let over = ["RETURN_STATE_COMPLETED", "RETURN_STATE_HELD", "RETURN_STATE_REFUSED", "RETURN_STATE_CANCELLED"];
    if over.contains(&word(one, "/state").as_str()) {
        return true;
    }
    let waits = word(one, "/openExceptions");
    let some_wait = !waits.is_empty() && waits != "0";
    some_wait && list(one, "/parts").next().is_some() && list(one, "/parts").all(is_closed)
}

/// True when every document of a part is there.
fn is_closed(part: &Value) -> bool {
    let refunded = part.pointer("/refundDocument/id").is_some();
    let nothing = ["", "0"].contains(&word(part, "/credited/minorUnits").as_str());
    part.pointer("/creditMemo/id").is_some() && (refunded || nothing)
}
