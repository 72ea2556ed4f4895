//! Tokens, scopes, versions and the throttle.

use super::*;

const SHOP: &str = "{ shop { name } }";

#[test]
fn a_wrong_secret_gets_no_token_and_a_call_without_one_is_401() {
    let mut shop = shop();
    let grant = json!({"client_id": "weft-sandbox", "client_secret": "guess", "grant_type": "client_credentials"});
    assert_eq!(shop.post("/admin/oauth/access_token", &grant).status, 401);
    shop.token = "shpat_unknown".to_owned();
    let answer = shop.ask(SHOP, &json!({}));
    assert_eq!(answer.status, 401);
    assert_eq!(
        json_of(&answer)["errors"],
        "[API] Invalid API key or access token (unrecognized login or wrong password)"
    );
}

#[test]
fn a_token_dies_after_a_day_and_when_told_to() {
    let shop = shop();
    shop.later("86398s");
    assert_eq!(shop.ask(SHOP, &json!({})).status, 200);
    shop.later("1s");
    assert_eq!(shop.ask(SHOP, &json!({})).status, 401);
    let fresh = self::shop();
    fresh.twin.expire_tokens();
    assert_eq!(fresh.ask(SHOP, &json!({})).status, 401);
}

#[test]
fn a_missing_scope_is_access_denied_within_a_200() {
    let shop = shop_with(Config { scopes: vec!["read_inventory".to_owned()], ..Config::default() });
    let answer = shop.ask("{ orders(first: 1) { nodes { id } } }", &json!({}));
    assert_eq!(answer.status, 200);
    let body = json_of(&answer);
    assert_eq!(body["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
    assert_eq!(body["errors"][0]["path"], json!(["orders"]));
    assert_eq!(body["data"]["orders"], Value::Null);
}

#[test]
fn row_34_a_retired_version_is_answered_by_the_oldest_and_the_header_says_so() {
    let mut shop = shop();
    assert_eq!(header(&shop.ask(SHOP, &json!({})), "x-shopify-api-version"), Some("2026-10"));
    shop.version = "2025-01";
    assert_eq!(header(&shop.ask(SHOP, &json!({})), "x-shopify-api-version"), Some("2026-01"));
    shop.version = "2031-01";
    assert_eq!(shop.ask(SHOP, &json!({})).status, 404);
}

#[test]
fn row_17_what_was_asked_for_and_not_used_is_given_back() {
    let shop = shop_with(Config { restore_rate: 200, ..Config::default() });
    let body = json_of(&shop.ask("{ productVariants(first: 100) { nodes { id inventoryItem { id } } } }", &json!({})));
    let cost = &body["extensions"]["cost"];
    assert_eq!(cost["requestedQueryCost"], 200);
    assert_eq!(cost["actualQueryCost"], 4);
    assert_eq!(
        cost["throttleStatus"],
        json!({"maximumAvailable": 4000, "currentlyAvailable": 3996, "restoreRate": 200})
    );
}

#[test]
fn row_17_an_empty_bucket_throttles_and_fills_with_time() {
    let shop = shop_with(Config { restore_rate: 1, ..Config::default() });
    let query = "{ orders(first: 15) { nodes { id } } }";
    let mutation = "mutation { webhookSubscriptionDelete(id: \"gid://shopify/WebhookSubscription/1\") { userErrors { message } } }";
    shop.data(mutation, json!({}));
    let answer = shop.ask(query, &json!({}));
    assert_eq!(answer.status, 200);
    let body = json_of(&answer);
    assert_eq!(body["errors"], json!([{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]));
    assert_eq!(body.get("data"), None);
    let cost = &body["extensions"]["cost"];
    assert_eq!((&cost["requestedQueryCost"], &cost["actualQueryCost"]), (&json!(15), &Value::Null));
    assert_eq!(cost["throttleStatus"]["currentlyAvailable"], 10);
    shop.later("5s");
    shop.data(query, json!({}));
}

#[test]
fn one_query_may_not_cost_more_than_a_thousand_points() {
    let shop = shop();
    let query = "{ orders(first: 50) { nodes { id lineItems(first: 50) { nodes { id } } } } }";
    let error = shop.error(query, json!({}));
    assert_eq!(error["extensions"], json!({"code": "MAX_COST_EXCEEDED", "cost": 2550, "maxCost": 1000}));
}
