//! The end of a run: nothing goes wrong any more, everything comes to rest, and then every book is opened.

use std::time::Duration;

use futures::FutureExt as _;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::{ListTransactionsRequest, Transaction, TransactionState};
use retail_runtime::Timestamp;
use retail_store::{Backend as _, Key, Partition};
use serde_json::Value;

use crate::books::{self, Findings};
use crate::feeds;
use crate::hosts::DOMAINS;
use crate::people::{Answer, People};

/// How often it is looked whether anything still moves.
const LOOK: Duration = Duration::from_secs(5);
/// What still moves after this will never rest.
const REST: Duration = Duration::from_secs(1_500);
/// Readings of the vendors' changes never end.
const READINGS: [&str; 2] = ["erp-reading/", "crm-reading/"];
/// Nothing that is due later than this can still have to do with the storm: quiet times and waits are shorter.
const SOON: Duration = Duration::from_secs(150);

pub(crate) async fn until_nothing_moves(people: &People) -> anyhow::Result<()> {
    let clock = people.runtime.clock();
    let began = clock.monotonic();
    let mut calm = 0_u32;
    loop {
        clock.sleep(LOOK).await;
        let open = open(people).await;
        let pending = people.twins().get("/__sandbox/books").await?["shopify"]["webhooks"]["pending"].clone();
        let shown = open.as_ref().map(|open| (open.len(), open.iter().take(3).collect::<Vec<_>>()));
        people.say(&format!("open {shown:?}, webhooks {pending}"));
        let still = open.as_ref().is_some_and(Vec::is_empty) && pending == 0;
        calm = if still { calm + 1 } else { 0 };
        // Facts are read from the vendors every second or two, over wires that were cut only when that is noticed: what
        // there still is to say comes within these looks.
        if calm >= 12 {
            break;
        }
        if clock.monotonic().saturating_sub(began) > REST {
            let detail = format!("still open after {REST:?}: {open:?}, webhooks pending: {pending}");
            people.watch.violated("every_saga_ends", detail);
            break;
        }
    }
    let findings = Findings {
        books: people.twins().get("/__sandbox/books").await?,
        orders: all(people, "/v1/orders", "orders").await?,
        returns: all(people, "/v1/returns", "returns").await?,
        stock: stock(people).await?,
        parked: parked(people).await?,
    };
    if let Some(cases) = people.shelves.get("cases") {
        for (feed, owner) in people.shelves.iter().filter(|(feed, _)| ["orders", "returns", "customers"].contains(feed))
        {
            feeds::followed(feed, owner, "cases", cases, &people.watch);
        }
    }
    let book = people.notes.book().clone();
    books::compare(&findings, &book, &people.watch);
    Ok(())
}

/// What is under way, as `service: transaction`; nothing when a service does not say.
async fn open(people: &People) -> Option<Vec<String>> {
    let mut open = Vec::new();
    for state in [TransactionState::Running, TransactionState::Waiting] {
        for (service, one) in listed(people, state).await.ok()? {
            // What waits for no time waits for a fact; whether it may is asked of its state in the end.
            let at_rest = state == TransactionState::Waiting && !is_due_soon(people, service, &one.id);
            if !at_rest && !READINGS.iter().any(|reading| one.id.starts_with(reading)) {
                open.push(format!("{service}: {} {} {}", one.id, one.name, one.status));
            }
        }
    }
    Some(open)
}

fn is_due_soon(people: &People, domain: &str, id: &str) -> bool {
    let (Some(shelf), Some(key)) = (people.shelves.get(domain), Key::parse(id)) else { return true };
    let soon = people.runtime.clock().now().checked_add(SOON).unwrap_or(Timestamp::MAX);
    let due = |partition| shelf.model().due(partition, key.kind(), soon, 10_000).now_or_never().and_then(Result::ok);
    Partition::all().filter_map(due).flatten().any(|(_, due)| due == key)
}

async fn parked(people: &People) -> anyhow::Result<Vec<String>> {
    let listed = listed(people, TransactionState::Parked).await?;
    let told = listed
        .into_iter()
        .map(|(service, one)| format!("{service}: {} {} {} {}", one.id, one.name, one.status, one.cause));
    Ok(told.collect())
}

async fn listed(people: &People, state: TransactionState) -> anyhow::Result<Vec<(&'static str, Transaction)>> {
    let mut all = Vec::new();
    for (place, domain) in DOMAINS.into_iter().enumerate() {
        let port = [7101, 7102, 7103, 7104, 7105].get(place).copied().unwrap_or(0);
        let mut ops = OpsServiceClient::new(people.runtime.peer(&format!("http://{domain}:{port}"))?);
        let request = ListTransactionsRequest { state: state.into(), page_size: 200, page_token: String::new() };
        let asked = people.runtime.clock().timeout(Duration::from_secs(10), ops.list_transactions(request)).await;
        all.extend(asked??.into_inner().transactions.into_iter().map(|one| (domain, one)));
    }
    Ok(all)
}

/// Every page of a list.
async fn all(people: &People, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = match people.ask("GET", &format!("{path}?pageSize=100&pageToken={token}"), None, "").await {
            Answer::Good(page) => page,
            Answer::Refused(status, why) => anyhow::bail!("{path}: {status} {why}"),
            Answer::Nothing => anyhow::bail!("{path}: no answer"),
        };
        all.extend(page[field].as_array().into_iter().flatten().cloned());
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return Ok(all);
        }
    }
}

async fn stock(people: &People) -> anyhow::Result<Vec<Value>> {
    let skus: Vec<String> = crate::people::ITEMS.iter().map(|(sku, _, _)| format!("skus={sku}")).collect();
    match people.ask("GET", &format!("/v1/availability?{}", skus.join("&")), None, "").await {
        Answer::Good(found) => Ok(found["rows"].as_array().cloned().unwrap_or_default()),
        Answer::Refused(status, why) => anyhow::bail!("availability: {status} {why}"),
        Answer::Nothing => anyhow::bail!("availability: no answer"),
    }
}
