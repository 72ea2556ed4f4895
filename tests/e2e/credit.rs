//! Sales on account over REST, held against the customer's credit in the ERP's own books, while the ERP fails before and after
//! it has done its work.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bundles;
use crate::harness::{Mesh, order};
use crate::pickup::{self, ordered, shipped};

/// What an order of the harness comes to, in pence.
const ONE: i64 = 1235;

async fn mesh(unknown: &str) -> Mesh {
    let rules = json!({"unknown": unknown, "ask_again": "200ms", "ask_at_most": "1s"});
    let mesh = Mesh::start_with(|config| {
        let shop = config.orders.channels.get_mut("shop").unwrap();
        shop.credit = Some(serde_json::from_value(rules).unwrap());
    });
    let mesh = mesh.await;
    mesh.seed().await;
    mesh
}

/// The ERP loses answers of writes, and is unwell and overrun for a while.
async fn bad_days(mesh: &Mesh) {
    for fault in [
        json!({"kind": "reset_after_commit", "method": "PUT", "path_contains": "/record/v1/salesOrder", "times": 1}),
        json!({"kind": "status", "status": 503, "path_contains": "creditLimit", "times": 2}),
        json!({"kind": "status", "status": 429, "path_contains": "suiteql", "times": 3}),
    ] {
        mesh.plant("netsuite", fault).await;
    }
}

async fn placed(mesh: &Mesh, number: &str) -> String {
    let mut order = order(number);
    order["buyer"] = json!({"email": "buyer@example.com", "company": "Example Ltd"});
    let placed = mesh.post("/v1/orders", number, order).await;
    placed["order"]["orderId"].as_str().unwrap().to_owned()
}

async fn completed(mesh: &Mesh, id: &str) -> Value {
    mesh.until(id, |order| order["state"] == "ORDER_STATE_COMPLETED").await
}

/// The first order of a customer, shipped and billed: it owes that from then on. Answers the order.
async fn first(mesh: &Mesh) -> Value {
    let id = placed(mesh, "A-1").await;
    let order = completed(mesh, &id).await;
    assert_eq!(verdicts(&order), ["NO_LIMIT"]);
    order
}

fn verdicts(order: &Value) -> Vec<&str> {
    let checks = order["creditChecks"].as_array().map(Vec::as_slice).unwrap_or_default();
    checks.iter().map(|check| check["verdict"].as_str().unwrap().trim_start_matches("CREDIT_VERDICT_")).collect()
}

async fn limit(mesh: &Mesh, order: &Value, pence: i64) {
    let path = format!("customer/eid:CUST:{}", order["customerId"].as_str().unwrap());
    let limit: Value = serde_json::from_str(&format!("{}.{:02}", pence / 100, pence % 100)).unwrap();
    let change = json!({"method": "PATCH", "path": path, "body": {"creditLimit": limit}});
    mesh.twins().post("/__sandbox/netsuite/people", &change).await.unwrap();
}

/// Times that planned faults of the ERP have struck.
async fn struck(mesh: &Mesh) -> u64 {
    let faults = mesh.twins().get("/__sandbox/netsuite/faults").await.unwrap();
    faults.as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).sum()
}

/// Nothing of the ERP answers; the first of the faults counts the questions for credit.
async fn the_erp_is_down(mesh: &Mesh) {
    mesh.plant("netsuite", json!({"kind": "status", "status": 503, "path_contains": "creditLimit"})).await;
    mesh.plant("netsuite", json!({"kind": "status", "status": 503, "path_contains": "/services/rest/"})).await;
}

/// Waits until the ERP was asked for credit so many times, in vain.
async fn until_asked(mesh: &Mesh, times: u64) {
    for _ in 0..600 {
        let faults = mesh.twins().get("/__sandbox/netsuite/faults").await.unwrap();
        if faults[0]["struck"].as_u64().unwrap() >= times {
            return;
        }
        mesh.runtime.clock().sleep(Duration::from_millis(50)).await;
    }
    panic!("the ERP was never asked");
}

async fn the_erp_is_back(mesh: &Mesh) {
    mesh.twins().call("DELETE", "/__sandbox/netsuite/faults", None, &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_over_the_limit_is_held_until_the_customer_has_paid_in_the_erp_and_then_it_ships() {
    let mesh = mesh("wait").await;
    let first = first(&mesh).await;
    limit(&mesh, &first, 1500).await;
    bad_days(&mesh).await;
    let second = placed(&mesh, "A-2").await;
    let held = mesh.until(&second, |order| order["state"] == "ORDER_STATE_HELD").await;
    assert_eq!(held["holds"][0]["reason"], "CREDIT");
    let why = "limit 15.00 GBP, balance 12.35 GBP, this order 12.35 GBP: 9.70 GBP over the limit; it goes on by itself once there is room, or release or cancel it";
    assert_eq!((&held["holds"][0]["detail"], &held["creditChecks"][0]["why"]), (&json!(why), &json!(why)));
    assert_eq!(mesh.books().await["netsuite"]["sales_orders"]["count"], 1);
    let invoice = &first["invoices"][0]["document"]["id"];
    let customer = json!({"externalId": format!("CUST:{}", first["customerId"].as_str().unwrap())});
    let apply = json!({"items": [{"doc": {"id": invoice}, "apply": true, "amount": 12.35}]});
    mesh.people("customerPayment", json!({"customer": customer, "payment": 12.35, "apply": apply})).await;
    let order = completed(&mesh, &second).await;
    assert_eq!(verdicts(&order), ["OVER_LIMIT", "WITHIN"]);
    let books = mesh.books().await["netsuite"].clone();
    assert_eq!((&books["sales_orders"]["count"], &books["sales_orders"]["duplicates"]), (&json!(2), &json!(0)));
    assert_eq!((&books["item_fulfillments"]["count"], &books["customer_deposits"]["count"]), (&json!(2), &json!(0)));
    assert!(struck(&mesh).await >= 4, "the faults must have struck");
    // What the ERP said of the credit is kept with what followed from it.
    let kinds = bundles::replayed(&mesh, &bundles::exported(&mesh, true).await).await;
    assert_eq!(kinds.get("order"), Some(&2), "{kinds:?}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_orders_at_once_for_the_last_room_exactly_one_goes_on() {
    let mesh = mesh("wait").await;
    let first = first(&mesh).await;
    // What it owes, one order more, and not enough for another.
    limit(&mesh, &first, ONE + ONE + 1000).await;
    bad_days(&mesh).await;
    let (left, right) = tokio::join!(placed(&mesh, "A-2"), placed(&mesh, "A-3"));
    let decided = |order: &Value| {
        ["ORDER_STATE_HELD", "ORDER_STATE_COMPLETED"].map(|state| json!(state)).contains(&order["state"])
    };
    let (one, other) = tokio::join!(mesh.until(&left, decided), mesh.until(&right, decided));
    let mut last = [one, other].map(|order| verdicts(&order).last().unwrap().to_string());
    last.sort();
    assert_eq!(last, ["OVER_LIMIT", "WITHIN"]);
    let books = mesh.until_books(|books| books["netsuite"]["invoices"]["count"] == 2).await["netsuite"].clone();
    assert_eq!((&books["sales_orders"]["count"], &books["sales_orders"]["duplicates"]), (&json!(2), &json!(0)));
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_that_is_down_is_waited_for() {
    let mesh = mesh("wait").await;
    let first = first(&mesh).await;
    limit(&mesh, &first, 2 * ONE).await;
    the_erp_is_down(&mesh).await;
    let id = placed(&mesh, "A-2").await;
    until_asked(&mesh, 3).await;
    let order = mesh.gateway().get(&format!("/v1/orders/{id}")).await.unwrap()["order"].clone();
    assert_eq!((&order["state"], verdicts(&order).len()), (&json!("ORDER_STATE_RECEIVED"), 0));
    the_erp_is_back(&mesh).await;
    assert_eq!(verdicts(&completed(&mesh, &id).await), ["WITHIN"]);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_channel_says_so_an_order_goes_on_while_the_erp_is_down_and_counts_for_the_next() {
    let mesh = mesh("go_on").await;
    let first = first(&mesh).await;
    limit(&mesh, &first, 2 * ONE).await;
    the_erp_is_down(&mesh).await;
    let id = placed(&mesh, "A-2").await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_RESERVED").await;
    assert_eq!(verdicts(&order), ["NOT_SAID"]);
    the_erp_is_back(&mesh).await;
    let next = placed(&mesh, "A-3").await;
    let held = mesh.until(&next, |order| order["state"] == "ORDER_STATE_HELD").await;
    assert_eq!(verdicts(&held), ["OVER_LIMIT"]);
    completed(&mesh, &id).await;
    mesh.end().await;
}

/// A mesh whose ERP fails at times and ships nothing by itself.
async fn mesh_of_mugs() -> Mesh {
    let rules = json!({"ask_again": "200ms", "ask_at_most": "1s"});
    let change = |config: &mut retail_weft::config::Config| {
        let shop = config.orders.channels.get_mut("shop").unwrap();
        shop.credit = Some(serde_json::from_value(rules).unwrap());
    };
    pickup::mesh_with(change).await
}

/// So many mugs at 2.50 instead of two; answers the order once that edit, by its number, has ended.
async fn mugs(mesh: &Mesh, id: &str, edit: usize, pieces: &str) -> Value {
    let wish = json!({"reason": "so many", "quantities": [{"lineNumber": 1, "quantity": pieces}]});
    mesh.post(&format!("/v1/orders/{id}:edit"), &format!("{id}-{edit}"), wish).await;
    let over =
        |order: &Value| order["edits"][edit - 1].is_object() && order["edits"][edit - 1]["state"] != "EDIT_STATE_OPEN";
    mesh.until(id, over).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_held_against_the_limit_and_what_it_takes_off_makes_room_for_another_order() {
    let mesh = mesh_of_mugs().await;
    let id = ordered(&mesh, "A-1", false).await;
    let order = mesh.gateway().get(&format!("/v1/orders/{id}")).await.unwrap()["order"].clone();
    limit(&mesh, &order, 900).await;
    let order = mugs(&mesh, &id, 1, "4").await;
    assert_eq!(order["edits"][0]["state"], "EDIT_STATE_FAILED", "{order:#}");
    let why = "limit 9.00 GBP, balance 0.00 GBP, unbilled 5.00 GBP, edit 1 adds 5.00 GBP: 1.00 GBP over the limit; edit it again once there is room";
    assert_eq!(order["edits"][0]["outcome"], format!("CREDIT: {why}"));
    assert_eq!(
        (&order["edits"][0]["creditChecks"][0]["why"], &order["total"]["minorUnits"]),
        (&json!(why), &json!("500"))
    );
    limit(&mesh, &order, 1000).await;
    bad_days(&mesh).await;
    let order = mugs(&mesh, &id, 2, "4").await;
    assert_eq!(order["edits"][1]["state"], "EDIT_STATE_DONE", "{order:#}");
    // The second order of the harness, two mugs, waits for the room that the edit took.
    let next = pickup::two_mugs("A-2", false);
    let placed = mesh.post("/v1/orders", "A-2", next).await;
    let next = placed["order"]["orderId"].as_str().unwrap().to_owned();
    let held = mesh.until(&next, |order| order["state"] == "ORDER_STATE_HELD").await;
    assert_eq!((&held["holds"][0]["reason"], verdicts(&held)), (&json!("CREDIT"), vec!["OVER_LIMIT"]));
    let order = mugs(&mesh, &id, 3, "2").await;
    assert_eq!(order["edits"][2]["state"], "EDIT_STATE_DONE", "{order:#}");
    assert!(order["edits"][2]["creditChecks"][0].is_null(), "nobody asks for less");
    let next = mesh.until(&next, is_booked).await;
    assert_eq!(verdicts(&next), ["OVER_LIMIT", "WITHIN"]);
    assert!(struck(&mesh).await >= 4, "the faults must have struck");
    shipped(&mesh, &order).await;
    completed(&mesh, &id).await;
    let kinds = bundles::replayed(&mesh, &bundles::exported(&mesh, true).await).await;
    assert_eq!(kinds.get("order"), Some(&2), "{kinds:?}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_at_once_for_the_last_room_exactly_one_comes_about() {
    let mesh = mesh_of_mugs().await;
    let (left, right) = (ordered(&mesh, "A-1", false).await, ordered(&mesh, "A-2", false).await);
    let order = mesh.gateway().get(&format!("/v1/orders/{left}")).await.unwrap()["order"].clone();
    limit(&mesh, &order, 1499).await;
    bad_days(&mesh).await;
    let (one, other) = tokio::join!(mugs(&mesh, &left, 1, "3"), mugs(&mesh, &right, 1, "3"));
    let mut states = [&one, &other].map(|order| order["edits"][0]["state"].as_str().unwrap());
    states.sort_unstable();
    assert_eq!(states, ["EDIT_STATE_DONE", "EDIT_STATE_FAILED"], "{one:#} {other:#}");
    let (one, other) = tokio::join!(mesh.until(&left, is_booked), mesh.until(&right, is_booked));
    shipped(&mesh, &one).await;
    shipped(&mesh, &other).await;
    tokio::join!(completed(&mesh, &left), completed(&mesh, &right));
    let books = mesh.books().await["netsuite"].clone();
    assert_eq!((&books["invoices"]["value"], &books["sales_orders"]["duplicates"]), (&json!("12.50"), &json!(0)));
    mesh.end().await;
}

fn is_booked(order: &Value) -> bool {
    order["state"] == "ORDER_STATE_BOOKED"
}
