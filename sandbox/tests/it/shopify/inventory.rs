//! Setting stock: keys, comparisons, codes.

use super::*;

const SET: &str = "mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
    inventorySetQuantities(input: $input) @idempotent(key: $key) {
        inventoryAdjustmentGroup { id reason changes { name delta quantityAfterChange item { sku } } } userErrors { field message code } } }";

fn input(shop: &Shop, sku: &str, quantity: i64, from: Value) -> Value {
    json!({"name": "available", "reason": "correction", "referenceDocumentUri": "gid://weft/Push/1", "quantities": [
        {"inventoryItemId": shop.item(sku), "locationId": shop.location("MAIN"), "quantity": quantity, "changeFromQuantity": from}]})
}

fn set(shop: &Shop, key: &str, input: &Value) -> Value {
    shop.data(SET, json!({"input": input, "key": key}))["inventorySetQuantities"].clone()
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap()
}

#[test]
fn row_19_the_directive_is_demanded_since_2026_04() {
    let mut shop = shop();
    let bare = SET.replace("@idempotent(key: $key)", "").replace(", $key: String!", "");
    let variables = json!({"input": input(&shop, "MUG", 90, json!(100))});
    let error = shop.error(&bare, variables.clone());
    assert_eq!(error["message"], "The @idempotent directive is required for this mutation but was not provided.");
    assert_eq!(error["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(shop.stock("MUG"), (100, 100, 0));
    shop.version = "2026-01";
    shop.data(&bare, variables);
    assert_eq!(shop.stock("MUG"), (90, 90, 0));
}

#[test]
fn row_20_the_comparison_is_demanded_stale_is_refused_and_null_skips() {
    let shop = shop();
    let mut bare = input(&shop, "MUG", 90, Value::Null);
    bare["quantities"][0].as_object_mut().unwrap().remove("changeFromQuantity");
    let error = shop.error(SET, json!({"input": bare, "key": "k0"}));
    assert_eq!(error["message"], "InventoryQuantityInput must include the following argument: changeFromQuantity");
    assert_eq!(error["extensions"]["code"], "INVALID_FIELD_ARGUMENTS");
    let stale = set(&shop, "k1", &input(&shop, "MUG", 90, json!(99)));
    assert_eq!(code(&stale), "CHANGE_FROM_QUANTITY_STALE");
    assert_eq!(stale["userErrors"][0]["field"], json!(["input", "quantities", "0", "changeFromQuantity"]));
    assert_eq!(shop.stock("MUG"), (100, 100, 0));
    set(&shop, "k2", &input(&shop, "MUG", 90, Value::Null));
    assert_eq!(shop.stock("MUG"), (90, 90, 0));
    let books = shop.twin.books();
    assert_eq!((&books["inventory"]["sets"], &books["inventory"]["stale"]), (&json!(1), &json!(1)));
}

#[test]
fn row_21_the_same_key_with_the_same_parameters_happens_once() {
    let shop = shop();
    let wanted = input(&shop, "MUG", 90, json!(100));
    let first = set(&shop, "k1", &wanted);
    shop.sell(&[order("#1", vec![line("MUG", 5, "2.50")])]);
    let again = set(&shop, "k1", &wanted);
    assert_eq!(first["inventoryAdjustmentGroup"]["id"], again["inventoryAdjustmentGroup"]["id"]);
    assert_eq!(again["userErrors"], json!([]));
    // Told from today's books, not from the first answer.
    assert_eq!(again["inventoryAdjustmentGroup"]["changes"][0]["quantityAfterChange"], 85);
    assert_eq!(shop.stock("MUG"), (85, 90, 5));
}

#[test]
fn row_21_a_key_with_other_parameters_or_after_a_failure_is_refused() {
    let shop = shop();
    set(&shop, "k1", &input(&shop, "MUG", 90, json!(100)));
    assert_eq!(code(&set(&shop, "k1", &input(&shop, "MUG", 80, json!(90)))), "IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    let stale = input(&shop, "MUG", 80, json!(1));
    set(&shop, "k2", &stale);
    assert_eq!(code(&set(&shop, "k2", &stale)), "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED");
    assert_eq!(shop.stock("MUG"), (90, 90, 0));
}

#[test]
fn row_21_a_key_is_forgotten_after_a_day() {
    let mut shop = shop();
    set(&shop, "k1", &input(&shop, "MUG", 90, Value::Null));
    shop.later("25h");
    shop.log_in();
    set(&shop, "k1", &input(&shop, "MUG", 80, Value::Null));
    assert_eq!(shop.stock("MUG"), (80, 80, 0));
}

#[test]
fn row_21_a_key_that_is_under_way_can_be_tried_again() {
    let shop = shop();
    shop.turn("plan", json!({"concurrent": 1}));
    let wanted = input(&shop, "MUG", 90, json!(100));
    assert_eq!(code(&set(&shop, "k1", &wanted)), "IDEMPOTENCY_CONCURRENT_REQUEST");
    assert_eq!(set(&shop, "k1", &wanted)["userErrors"], json!([]));
}

#[test]
fn row_22_setting_available_moves_on_hand_with_it() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 10, "2.50")])]);
    let done = set(&shop, "k1", &input(&shop, "MUG", 50, json!(90)));
    assert_eq!(
        done["inventoryAdjustmentGroup"]["changes"],
        json!([
            {"name": "available", "delta": -40, "quantityAfterChange": 50, "item": {"sku": "MUG"}},
            {"name": "on_hand", "delta": -40, "quantityAfterChange": 60, "item": {"sku": "MUG"}},
        ])
    );
    assert_eq!(shop.stock("MUG"), (50, 60, 10));
}

#[test]
fn row_18_one_bad_pair_fails_the_whole_call_and_is_named() {
    let shop = shop();
    let mut wanted = input(&shop, "MUG", 90, json!(100));
    let mut pair = wanted["quantities"][0].clone();
    pair["inventoryItemId"] = json!("gid://shopify/InventoryItem/1");
    wanted["quantities"].as_array_mut().unwrap().push(pair);
    let payload = set(&shop, "k1", &wanted);
    assert_eq!(payload["inventoryAdjustmentGroup"], Value::Null);
    assert_eq!(code(&payload), "INVALID_INVENTORY_ITEM");
    assert_eq!(payload["userErrors"][0]["field"], json!(["input", "quantities", "1", "inventoryItemId"]));
    assert_eq!(shop.stock("MUG"), (100, 100, 0));
}

#[test]
fn row_18_every_wrong_word_and_number_has_its_code() {
    let shop = shop();
    let cases: [(&str, Value, &str); 6] = [
        ("/name", json!("committed"), "INVALID_NAME"),
        ("/reason", json!("because"), "INVALID_REASON"),
        ("/referenceDocumentUri", json!("not a uri"), "INVALID_REFERENCE_DOCUMENT"),
        ("/quantities/0/quantity", json!(-1), "INVALID_QUANTITY_NEGATIVE"),
        ("/quantities/0/quantity", json!(1_000_000_001), "INVALID_QUANTITY_TOO_HIGH"),
        ("/quantities/0/locationId", json!("gid://shopify/Location/1"), "INVALID_LOCATION"),
    ];
    for (at, (place, value, expected)) in cases.into_iter().enumerate() {
        let mut wanted = input(&shop, "MUG", 90, Value::Null);
        *wanted.pointer_mut(place).unwrap() = value;
        assert_eq!(code(&set(&shop, &format!("k{at}"), &wanted)), expected);
    }
    let mut twice = input(&shop, "MUG", 90, Value::Null);
    let pair = twice["quantities"][0].clone();
    twice["quantities"].as_array_mut().unwrap().push(pair);
    assert_eq!(code(&set(&shop, "twice", &twice)), "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR");
}

#[test]
fn adjusting_adds_and_compares() {
    let shop = shop();
    let query = "mutation($input: InventoryAdjustQuantitiesInput!) { inventoryAdjustQuantities(input: $input) @idempotent(key: \"a1\") {
        inventoryAdjustmentGroup { changes { name delta } } userErrors { code } } }";
    let change = json!({"delta": -3, "inventoryItemId": shop.item("MUG"), "locationId": shop.location("MAIN"), "changeFromQuantity": 100});
    let input = json!({"name": "available", "reason": "shrinkage", "changes": [change]});
    shop.data(query, json!({"input": input}));
    assert_eq!(shop.stock("MUG"), (97, 97, 0));
}

#[test]
fn row_23_our_own_write_is_announced_too() {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks", "topics": ["inventory_levels/update"]}));
    set(&shop, "k1", &input(&shop, "MUG", 90, json!(100)));
    assert_eq!(shop.twin.books()["webhooks"]["pending"], 1);
}
