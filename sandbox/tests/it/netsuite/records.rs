//! Records, upserts and errors of the REST face.

use http::Method;
use retail_sandbox::{netsuite::Config, twin::Twin};
use serde_json::{Value, json};

use super::account::{Account, BASE, body, code, header, made, order};

#[test]
fn a_created_order_is_named_only_by_its_location() {
    let account = Account::open();
    account.order("W0");
    let answer = account.record(Method::POST, "salesOrder", order("W1", 1));
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(header(&answer, "location").starts_with(&format!("{BASE}/services/rest/record/v1/salesOrder/")));
}

#[test]
fn a_record_is_read_as_the_document_shows_it() {
    let account = Account::open();
    let id = account.order("W1");
    let answer = account.record(Method::GET, &format!("salesorder/{id}"), Value::Null);
    assert_eq!(header(&answer, "content-type"), "application/vnd.oracle.resource+json; type=singular");
    let order = body(&answer);
    assert_eq!((&order["id"], &order["links"][0]["rel"]), (&json!(id), &json!("self")));
    assert_eq!(order["item"].as_object().unwrap().keys().collect::<Vec<_>>(), ["links"]);
    assert_eq!(order["orderStatus"], json!({"id": "B", "refName": "Pending Fulfillment"}));
    assert_eq!(order["createdDate"], "2026-11-23T13:05:00Z");
    let expanded = account.get("salesOrder/eid:SO:W1?expandSubResources=true&simpleEnumFormat=true");
    assert_eq!((&expanded["item"]["totalResults"], &expanded["item"]["items"][2]["line"]), (&json!(3), &json!(3)));
    assert_eq!(expanded["orderStatus"], "B");
    let some = account.get(&format!("salesOrder/{id}?fields=tranId,total"));
    assert_eq!(some.as_object().unwrap().len(), 4);
}

#[test]
fn what_is_not_there_or_not_an_id_is_refused() {
    let account = Account::open();
    let missing = account.record(Method::GET, "customer/99999", Value::Null);
    assert_eq!((missing.status, code(&missing)), (404, "NONEXISTENT_ID".to_owned()));
    assert_eq!(header(&missing, "content-type"), "application/vnd.oracle.resource+json; type=error");
    let wrong = account.record(Method::GET, "customer/abc", Value::Null);
    assert_eq!((wrong.status, code(&wrong)), (400, "INVALID_ID".to_owned()));
    assert!(body(&wrong)["o:errorDetails"][0]["o:errorUrl"].is_string());
}

#[test]
fn a_bad_item_names_its_path() {
    let account = Account::open();
    account.order("W0");
    let bad = json!({"entity": {"externalId": "CUST:1"}, "item": {"items": [{"item": {"id": "9999"}}]}});
    let answer = account.record(Method::POST, "salesOrder", bad);
    assert_eq!((answer.status, code(&answer)), (400, "INVALID_CONTENT".to_owned()));
    assert_eq!(body(&answer)["o:errorDetails"][0]["o:errorPath"], "item.items[0].item");
}

#[test]
fn an_unknown_property_is_dropped_with_a_warning_or_refused() {
    let account = Account::open();
    let customer = json!({"companyName": "Ada Ltd", "shoeSize": 9});
    let strict = account.record(Method::POST, "customer", customer.clone());
    assert_eq!(strict.status, 400);
    assert_eq!(account.twin.books()["customers"]["count"], 0);
    let lenient = account.send(Method::POST, "record/v1/customer", customer, &[]);
    assert_eq!(lenient.status, 204);
    assert!(header(&lenient, "warning").contains("shoeSize"));
}

#[test]
fn external_ids_are_unique_and_upserts_repeatable() {
    let account = Account::open();
    let first = account.put("customer/eid:X", json!({"companyName": "Ada Ltd"}));
    assert_eq!(account.put("customer/eid:X", json!({"companyName": "Ada Limited"})), first);
    let second = account.record(Method::POST, "customer", json!({"companyName": "Other", "externalId": "X"}));
    assert_eq!((second.status, code(&second)), (400, "USER_ERROR".to_owned()));
    assert!(body(&second)["o:errorDetails"][0]["detail"].as_str().unwrap().ends_with("This entity already exists."));
    assert_eq!(account.twin.books()["customers"]["count"], 1);
    assert!(account.record(Method::PUT, &format!("customer/{first}"), json!({})).status >= 400);
}

#[test]
fn a_line_is_added_without_its_number_and_edited_with_it() {
    let account = Account::open();
    let id = account.order("W1");
    let count = || account.get(&format!("salesOrder/{id}?expandSubResources=true"))["item"]["totalResults"].clone();
    let patch = |query: &str, line: Value| {
        account.record(Method::PATCH, &format!("salesOrder/{id}{query}"), json!({"item": {"items": [line]}}))
    };
    patch("", json!({"item": {"externalId": "CAP"}, "quantity": 1}));
    patch("", json!({"item": {"externalId": "CAP"}, "quantity": 1}));
    assert_eq!(count(), 5);
    patch("", json!({"line": 1, "quantity": 3}));
    assert_eq!(count(), 5);
    assert_eq!(patch("?replace=item", json!({"line": 1, "quantity": 4})).status, 204);
    assert_eq!(count(), 1);
    assert_eq!(account.get(&format!("salesOrder/{id}"))["total"].to_string(), "50.00");
}

#[test]
fn null_clears_a_field_unless_only_others_may_be_cleared() {
    let account = Account::open();
    let id = account.order("W1");
    let path = format!("salesOrder/{id}");
    account.record(Method::PATCH, &path, json!({"memo": "gift", "email": "ada@example.com"}));
    account.record(
        Method::PATCH,
        &format!("{path}?replaceSelectedFields=true&replace=memo"),
        json!({"memo": null, "email": null}),
    );
    let order = account.get(&path);
    assert_eq!((order.get("memo"), &order["email"]), (None, &json!("ada@example.com")));
    account.record(Method::PATCH, &path, json!({"email": null}));
    assert_eq!(account.get(&path).get("email"), None);
}

#[test]
fn addresses_double_without_replace() {
    let account = Account::open();
    let home = json!({"companyName": "Ada Ltd", "addressBook": {"items": [{"defaultShipping": true, "addressBookAddress": {"addr1": "1 High St", "country": {"id": "GB"}}}]}});
    let count = || account.get("customer/eid:X?expandSubResources=true")["addressBook"]["totalResults"].clone();
    account.put("customer/eid:X", home.clone());
    account.put("customer/eid:X", home.clone());
    assert_eq!(count(), 2);
    account.put("customer/eid:X?replace=addressBook", home);
    assert_eq!(count(), 1);
}

#[test]
fn a_deleted_record_is_gone_and_one_in_use_stays() {
    let account = Account::open();
    let id = account.order("W1");
    let customer = account.rows("SELECT id FROM customer", json!([]))[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(account.record(Method::DELETE, &format!("customer/{customer}"), Value::Null).status, 400);
    let gone = |expected| {
        assert_eq!(account.record(Method::DELETE, &format!("salesOrder/{id}"), Value::Null).status, expected)
    };
    gone(204);
    gone(404);
    assert_eq!(account.twin.books()["stock"]["committed"], "0");
}

#[test]
fn collections_list_ids_in_pages() {
    let account = Account::open();
    for name in ["A", "B", "C"] {
        made(&account.record(Method::POST, "customer", json!({"companyName": name})));
    }
    let page = account.get("customer?limit=2");
    assert_eq!((&page["count"], &page["hasMore"], &page["totalResults"]), (&json!(2), &json!(true), &json!(3)));
    let rels: Vec<&str> = page["links"].as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect();
    assert_eq!(rels, ["self", "next", "last"]);
    assert_eq!(page["items"][0].as_object().unwrap().len(), 2);
    assert_eq!(account.record(Method::GET, "customer?limit=2&offset=1", Value::Null).status, 400);
}

#[test]
fn only_an_administrator_reads_the_limits() {
    let path = "system/v1/governanceLimits";
    let limits = Account::open().send(Method::GET, path, Value::Null, &[]);
    assert_eq!((limits.status, &body(&limits)["accountConcurrencyLimit"]), (200, &json!(5)));
    let clerk = Account::with(Config { administrator: false, ..Config::default() }, &["MAIN"]);
    assert_eq!(code(&clerk.send(Method::GET, path, Value::Null, &[])), "INSUFFICIENT_PERMISSION");
}

#[test]
fn too_many_at_once_are_told_without_a_wait() {
    let (limit, answer) = Account::open().twin.concurrency().unwrap();
    assert_eq!((limit, answer.status, code(&answer)), (5, 429, "CONCURRENCY_LIMIT_EXCEEDED".to_owned()));
    assert_eq!(header(&answer, "retry-after"), "");
}
