//! Queries: only known fields, only what was asked for, page by page.

use super::*;

#[test]
fn row_16_an_unknown_field_is_a_top_level_error_with_status_200() {
    let shop = shop();
    let answer = shop.ask("query Q { shop { name colour } }", &json!({}));
    assert_eq!(answer.status, 200);
    let body = json_of(&answer);
    assert_eq!(body.get("data"), None);
    let error = &body["errors"][0];
    assert_eq!(error["message"], "Field 'colour' doesn't exist on type 'Shop'");
    assert_eq!(error["path"], json!(["query Q", "shop", "colour"]));
    assert_eq!(error["extensions"], json!({"code": "undefinedField", "typeName": "Shop", "fieldName": "colour"}));
}

#[test]
fn row_16_arguments_and_variables_are_held_to_their_types() {
    let shop = shop();
    let code = |query: &str, variables: Value| shop.error(query, variables)["extensions"]["code"].clone();
    assert_eq!(code("{ order { id } }", json!({})), "missingRequiredArguments");
    assert_eq!(code("{ shop(size: 1) { id } }", json!({})), "argumentNotAccepted");
    assert_eq!(code("{ shop }", json!({})), "selectionMismatch");
    assert_eq!(code("query($id: ID!) { order(id: $id) { id } }", json!({})), "INVALID_VARIABLE");
    assert_eq!(code("query($n: Int) { orders(first: $n) { nodes { id } } }", json!({"n": "five"})), "INVALID_VARIABLE");
    assert_eq!(code("query($n: Int) { shop { id } }", json!({"n": 5})), "variableNotUsed");
    assert_eq!(
        code("{ orders(first: 1, sortKey: COLOUR) { nodes { id } } }", json!({})),
        "argumentLiteralsIncompatible"
    );
    assert!(shop.error("{ shop {", json!({}))["message"].as_str().unwrap().starts_with("syntax error"));
}

#[test]
fn only_requested_fields_are_answered_under_their_aliases() {
    let shop = shop();
    let found = shop.data(
        "query { here: shop { ...Names __typename } shop { currencyCode } } fragment Names on Shop { domain: myshopifyDomain }",
        json!({}),
    );
    assert_eq!(
        found,
        json!({"here": {"domain": "weft-sandbox.myshopify.com", "__typename": "Shop"}, "shop": {"currencyCode": "GBP"}})
    );
}

#[test]
fn variants_are_paged_by_cursor_to_the_last_one() {
    let shop = shop();
    let query = "query($after: String) { productVariants(first: 1, after: $after, sortKey: ID) { nodes { id sku inventoryItem { id } }
        pageInfo { hasNextPage endCursor } } }";
    let (mut after, mut skus) = (Value::Null, Vec::new());
    loop {
        let page = shop.data(query, json!({"after": after}))["productVariants"].clone();
        skus.push(page["nodes"][0]["sku"].as_str().unwrap().to_owned());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(skus, ["MUG", "BELL"]);
}

#[test]
fn a_connection_without_a_size_or_beyond_250_is_refused() {
    let shop = shop();
    assert_eq!(
        shop.error("{ orders { nodes { id } } }", json!({}))["message"],
        "you must provide one of first or last"
    );
    assert_eq!(shop.error("{ orders(first: 251) { nodes { id } } }", json!({}))["message"], "first cannot exceed 250");
}

#[test]
fn stock_is_read_for_a_list_of_ids_and_an_unknown_id_is_null() {
    let shop = shop();
    let query = "query($ids: [ID!]!, $at: ID!) { nodes(ids: $ids) { ... on InventoryItem { sku inventoryLevel(locationId: $at) {
        quantities(names: [\"available\"]) { quantity } } } } }";
    let ids = json!([shop.item("BELL"), "gid://shopify/InventoryItem/9", shop.item("MUG")]);
    let found = shop.data(query, json!({"ids": ids, "at": shop.location("MAIN")}));
    assert_eq!(
        found["nodes"],
        json!([
            {"sku": "BELL", "inventoryLevel": {"quantities": [{"quantity": 5}]}},
            null,
            {"sku": "MUG", "inventoryLevel": {"quantities": [{"quantity": 100}]}},
        ])
    );
}

#[test]
fn orders_changed_since_a_moment_are_found_for_backfill() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")])]);
    shop.later("10m");
    shop.sell(&[order("#2", vec![line("MUG", 1, "2.50")]), order("#3", vec![line("MUG", 1, "2.50")])]);
    let query = "query($q: String, $after: String) { orders(first: 1, after: $after, query: $q, sortKey: UPDATED_AT) {
        nodes { name updatedAt processedAt } pageInfo { hasNextPage endCursor } } }";
    let q = "updated_at:>='2026-11-23T13:05:00Z' AND status:any";
    let first = shop.data(query, json!({"q": q}))["orders"].clone();
    assert_eq!(
        first["nodes"],
        json!([{"name": "#2", "updatedAt": "2026-11-23T13:10:00Z", "processedAt": "2010-12-01T08:26:00Z"}])
    );
    let second = shop.data(query, json!({"q": q, "after": first["pageInfo"]["endCursor"]}))["orders"].clone();
    assert_eq!((&second["nodes"][0]["name"], &second["pageInfo"]["hasNextPage"]), (&json!("#3"), &json!(false)));
}

#[test]
fn a_search_for_an_unknown_field_is_answered_with_a_warning() {
    let shop = shop();
    let body = json_of(&shop.ask("{ orders(first: 1, query: \"colour:red\") { nodes { id } } }", &json!({})));
    assert_eq!(body["extensions"]["search"][0]["warnings"][0]["code"], "invalid_field");
}
