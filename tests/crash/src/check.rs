//! The end: waits until all has come to rest, then holds what people heard against the mesh and every vendor's own books.
//! What was acknowledged is there exactly once, what was refused is not, what nobody answered at most once, and nothing is
//! there that nobody asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_proto::ops::v1::GetStatsRequest;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use serde_json::{Value, json};

use crate::history::{Deed, Heard};
use crate::load::{People, skus};

const LOOK: Duration = Duration::from_secs(2);
/// Looks that must be alike before all is at rest.
const CALM: u32 = 3;
/// After this long without any change it will never rest.
const PATIENCE: Duration = Duration::from_secs(300);

/// The verdict.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Orders and sales that were acknowledged.
    pub acknowledged: u64,
    /// Of them, those that some book does not have.
    pub lost: u64,
    /// Documents beyond one.
    pub duplicated: u64,
    /// Requests that nobody answered for certain.
    pub unknown: u64,
    /// Orders that ended, by state.
    pub states: BTreeMap<String, u64>,
    /// Everything that must not be.
    pub violations: Vec<String>,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { acknowledged, lost, duplicated, unknown, states, violations } = self;
        write!(
            f,
            "acked {acknowledged} lost {lost} duplicated {duplicated} unknown {unknown} violations {}",
            violations.len()
        )?;
        states.iter().try_for_each(|(state, orders)| write!(f, ", {state} {orders}"))
    }
}

/// What an owner has under one number.
#[derive(Debug, Clone, Default)]
struct There {
    mesh: Vec<Value>,
    erp: Vec<Value>,
    crm: usize,
}

/// Waits until nothing moves any more, or for too long.
pub async fn rest(people: &People, orders: &str) -> anyhow::Result<()> {
    let clock = people.runtime.clock();
    let (mut last, mut calm, mut moved) = (Value::Null, 0, clock.monotonic());
    loop {
        let books = people.twins()?.get("/__sandbox/books").await?;
        let open = open(people, orders).await;
        let pending = books.pointer("/shopify/webhooks/pending").and_then(Value::as_u64).unwrap_or(0);
        let returns = all(people, "/v1/returns", "returns").await?.iter().filter(|one| !is_over(one)).count();
        let now = json!([books, open, returns]);
        let same = now == last;
        calm = if same && open == Some(0) && pending == 0 && returns == 0 { calm + 1 } else { 0 };
        if !same {
            moved = clock.monotonic();
        }
        if calm >= CALM || clock.monotonic().saturating_sub(moved) > PATIENCE {
            return Ok(());
        }
        last = now;
        clock.sleep(LOOK).await;
    }
}

async fn open(people: &People, orders: &str) -> Option<u64> {
    let mut ops = OpsServiceClient::new(people.runtime.peer(orders).ok()?);
    Some(ops.get_stats(GetStatsRequest {}).await.ok()?.into_inner().open)
}

/// Opens every book.
pub async fn verdict(people: &People) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let orders = all(people, "/v1/orders", "orders").await?;
    let returns = all(people, "/v1/returns", "returns").await?;
    let mut there: BTreeMap<String, There> = BTreeMap::new();
    for order in orders {
        there.entry(text(&order, "orderNumber")).or_default().mesh.push(order);
    }
    for row in ledger(people).await? {
        there.entry(text(&row, "reference")).or_default().erp.push(row);
    }
    let contexts = people.twins()?.get("/__sandbox/salesforce/records?object=Order_Context__c").await?;
    for context in contexts["records"].as_array().into_iter().flatten() {
        there.entry(text(context, "Order_Number__c")).or_default().crm += 1;
    }
    let book = people.history.book();
    for (deed, heard) in book.values() {
        verdict.unknown += u64::from(*heard == Heard::Info);
        match deed {
            Deed::Order { number, pence } | Deed::Sale { number, pence } => {
                order(&mut verdict, number, *pence, heard, there.remove(number).unwrap_or_default());
            }
            Deed::Cancel { .. } => {}
            Deed::Return { reference, .. } => {
                let mine = returns.iter().filter(|one| text(one, "sourceReturnId") == *reference);
                let mine: Vec<&Value> = mine.collect();
                count(&mut verdict, &format!("return {reference}"), heard, mine.len(), "mesh");
                for one in mine.iter().filter(|one| !text(one, "state").ends_with("COMPLETED")) {
                    let told = format!("{} {} {}", one["state"], one["status"], one["cause"]);
                    verdict.violations.push(format!("return {reference} rests in {told}"));
                }
            }
        }
    }
    verdict.violations.extend(there.keys().map(|number| format!("nobody ever asked for {number}")));
    let books = people.twins()?.get("/__sandbox/books").await?;
    duplicates(&mut verdict, &books, "");
    let erp = &books["netsuite"];
    if erp["unbalanced_orders"] != 0 {
        verdict.violations.push(format!("orders are not balanced: {}", erp["unbalanced_examples"]));
    }
    stock(people, &mut verdict, &erp["stock"]).await?;
    Ok(verdict)
}

/// One order in every book.
fn order(verdict: &mut Verdict, number: &str, pence: i64, heard: &Heard, there: There) {
    let (what, acknowledged) = (format!("order {number}"), matches!(heard, Heard::Ok(_)));
    count(verdict, &what, heard, there.mesh.len(), "mesh");
    let state = there.mesh.first().map(|order| text(order, "state")).unwrap_or_default();
    let state = state.trim_start_matches("ORDER_STATE_").to_owned();
    // What was called off early enough no vendor ever heard of.
    let heard = if state == "CANCELLED" { &Heard::Info } else { heard };
    count(verdict, &what, heard, there.erp.len(), "ERP");
    count(verdict, &what, heard, there.crm, "CRM");
    if acknowledged {
        verdict.acknowledged += 1;
        let everywhere = state == "CANCELLED" || (!there.erp.is_empty() && there.crm > 0);
        verdict.lost += u64::from(there.mesh.is_empty() || !everywhere);
    }
    if !there.mesh.is_empty() {
        *verdict.states.entry(state.clone()).or_default() += 1;
    }
    let (Some(order), Some(row)) = (there.mesh.first(), there.erp.first()) else { return };
    let value = format!("{}.{:02}", pence / 100, pence % 100);
    let documents = ["total", "deposited", "invoiced"].map(|field| text(row, field));
    let fits = match state.as_str() {
        "COMPLETED" => {
            documents.iter().all(|sum| *sum == value) && row["deposits"] == 1 && row["fulfilments"].as_i64() >= Some(1)
        }
        "CANCELLED" => row["invoices"] == 0 && row["fulfilments"] == 0,
        _ => false,
    };
    if !fits {
        let told = format!("{} {}", order["status"], order["cause"]);
        verdict.violations.push(format!("{what} of {value} is {state} ({told}); the ERP has {row}"));
    }
}

/// Holds how often something is there against what was heard.
fn count(verdict: &mut Verdict, what: &str, heard: &Heard, there: usize, book: &str) {
    let fits = match heard {
        Heard::Ok(_) => there == 1,
        Heard::Fail(_) => there == 0,
        Heard::Info => there <= 1,
    };
    verdict.duplicated += u64::try_from(there.saturating_sub(1)).unwrap();
    if !fits {
        verdict.violations.push(format!("{what} ({heard:?}) is {there} times in the books of the {book}"));
    }
}

/// The twins know duplicates by the business identity of each document.
fn duplicates(verdict: &mut Verdict, books: &Value, path: &str) {
    for (name, value) in books.as_object().into_iter().flatten() {
        let here = format!("{path}/{name}");
        if let Some(number @ 1..) = value.as_u64().filter(|_| name == "duplicates") {
            verdict.duplicated += number;
            verdict.violations.push(format!("{here} is {number}"));
        }
        duplicates(verdict, value, &here);
    }
}

/// The shelf is the same with us and with the ERP, and nothing is promised to anybody any more.
async fn stock(people: &People, verdict: &mut Verdict, erp: &Value) -> anyhow::Result<()> {
    let skus: Vec<String> = skus().map(|sku| format!("skus={sku}")).collect();
    let found = people.gateway()?.get(&format!("/v1/availability?{}", skus.join("&"))).await?;
    let units = |row: &Value, field: &str| text(row, field).parse::<i64>().unwrap_or(0);
    let mut on_hand = 0;
    for row in found["rows"].as_array().into_iter().flatten() {
        on_hand += units(row, "onHand");
        if units(row, "reserved") != 0 || units(row, "shortfall") != 0 {
            verdict.violations.push(format!("something is still promised: {row}"));
        }
    }
    let booked = erp["on_hand"].as_str().unwrap_or_default();
    if booked.parse() != Ok(on_hand) || units(erp, "committed") != 0 {
        verdict.violations.push(format!("on hand {on_hand} with us, in the ERP {erp}"));
    }
    Ok(())
}

async fn ledger(people: &People) -> anyhow::Result<Vec<Value>> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let page = people.twins()?.get(&format!("/__sandbox/netsuite/ledger?after={after}")).await?;
        let page = page["orders"].as_array().cloned().unwrap_or_default();
        let Some(last) = page.last().and_then(|row| row["id"].as_i64()) else { return Ok(rows) };
        rows.extend(page);
        after = last;
    }
}

/// Every page of a list.
async fn all(people: &People, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = people.gateway()?.get(&format!("{path}?pageSize=200&pageToken={token}")).await?;
        all.extend(page[field].as_array().into_iter().flatten().cloned());
        token = text(&page, "nextPageToken");
        if token.is_empty() {
            return Ok(all);
        }
    }
}

fn is_over(one: &Value) -> bool {
    let over = ["COMPLETED", "HELD", "REFUSED", "CANCELLED"].iter().any(|end| text(one, "state").ends_with(end));
    over || !["", "0"].contains(&text(one, "openExceptions").as_str())
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(mesh: usize, erp: usize) -> There {
        let order = json!({"state": "ORDER_STATE_COMPLETED"});
        let row = json!({
            "total": "7.25", "deposits": 1, "deposited": "7.25", "invoices": 1, "invoiced": "7.25", "fulfilments": 1,
        });
        There { mesh: vec![order; mesh], erp: vec![row; erp], crm: 1 }
    }

    fn seen(heard: &Heard, there: There) -> Verdict {
        let mut verdict = Verdict::default();
        order(&mut verdict, "K1", 725, heard, there);
        verdict
    }

    #[test]
    fn what_was_acknowledged_is_there_once() {
        let done = Heard::Ok("o".to_owned());
        assert!(seen(&done, there(1, 1)).violations.is_empty());
        let lost = seen(&done, there(1, 0));
        assert_eq!((lost.acknowledged, lost.lost, lost.violations.len()), (1, 1, 1), "{lost}");
        let twice = seen(&done, there(1, 2));
        assert_eq!((twice.lost, twice.duplicated, twice.violations.len()), (0, 1, 1), "{twice}");
    }

    #[test]
    fn what_was_refused_is_not_there_and_what_nobody_answered_at_most_once() {
        let nothing = There::default();
        assert!(seen(&Heard::Fail("no".to_owned()), nothing.clone()).violations.is_empty());
        assert!(!seen(&Heard::Fail("no".to_owned()), there(1, 1)).violations.is_empty());
        assert!(seen(&Heard::Info, nothing).violations.is_empty());
        assert!(seen(&Heard::Info, there(1, 1)).violations.is_empty());
        assert!(!seen(&Heard::Info, there(2, 1)).violations.is_empty());
    }

    #[test]
    fn an_order_whose_money_is_not_its_value_is_a_violation() {
        let mut short = there(1, 1);
        short.erp[0]["deposited"] = json!("7.24");
        assert_eq!(seen(&Heard::Ok("o".to_owned()), short).violations.len(), 1);
        let mut held = there(1, 1);
        held.mesh[0]["state"] = json!("ORDER_STATE_HELD");
        assert_eq!(seen(&Heard::Ok("o".to_owned()), held).violations.len(), 1);
    }

    #[test]
    fn an_order_that_was_called_off_may_be_unknown_to_the_vendors() {
        let mut off = There { crm: 0, ..there(1, 0) };
        off.mesh[0]["state"] = json!("ORDER_STATE_CANCELLED");
        let verdict = seen(&Heard::Ok("o".to_owned()), off);
        assert_eq!((verdict.acknowledged, verdict.lost, verdict.violations.len()), (1, 0, 0), "{verdict}");
    }

    #[test]
    fn duplicates_anywhere_in_the_books_are_found() {
        let mut verdict = Verdict::default();
        duplicates(&mut verdict, &json!({"netsuite": {"invoices": {"count": 3, "duplicates": 2}}}), "");
        assert_eq!((verdict.duplicated, verdict.violations.len()), (2, 1));
    }
}
