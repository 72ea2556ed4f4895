//! Edits: staged by an app and committed at once, or made by hand; and the money that they leave to be settled.

use super::*;

const BEGIN: &str = "mutation($id: ID!) { orderEditBegin(id: $id) {
    calculatedOrder { id lineItems(first: 9) { nodes { id quantity editableQuantity sku } } } userErrors { field message } } }";
const SET: &str = "mutation($id: ID!, $line: ID!, $quantity: Int!) {
    orderEditSetQuantity(id: $id, lineItemId: $line, quantity: $quantity) {
      calculatedLineItem { quantity } userErrors { field message } } }";
const ADD: &str = "mutation($id: ID!, $variant: ID!, $quantity: Int!, $twice: Boolean) {
    orderEditAddVariant(id: $id, variantId: $variant, quantity: $quantity, allowDuplicates: $twice) {
      calculatedLineItem { originalUnitPriceSet { shopMoney { amount } } } userErrors { field message } } }";
const COMMIT: &str =
    "mutation($id: ID!) { orderEditCommit(id: $id, staffNote: \"by us\") { order { id } userErrors { message } } }";
const MONEY: &str = "query($id: ID!) { order(id: $id) { edited displayFinancialStatus
    totalOutstandingSet { shopMoney { amount } } currentTotalPriceSet { shopMoney { amount } }
    totalReceivedSet { shopMoney { amount } } } }";

fn sold() -> Shop {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order("#1", vec![line("MUG", 3, "2.50"), line("BELL", 1, "1.00"), line("POST", 1, "2.00")])]);
    shop
}

fn begin(shop: &Shop) -> Value {
    let begun = shop.data(BEGIN, json!({"id": shop.demand("#1")["id"]}))["orderEditBegin"].clone();
    assert_eq!(begun["userErrors"], json!([]));
    begun["calculatedOrder"].clone()
}

fn variant(shop: &Shop) -> Value {
    let query = "{ productVariants(first: 1, query: \"sku:MUG\") { nodes { id } } }";
    shop.data(query, json!({}))["productVariants"]["nodes"][0]["id"].clone()
}

fn set(shop: &Shop, edit: &Value, line: usize, quantity: i64) -> Value {
    let variables = json!({"id": edit["id"], "line": edit["lineItems"]["nodes"][line]["id"], "quantity": quantity});
    shop.data(SET, variables)["orderEditSetQuantity"].clone()
}

fn commit(shop: &Shop, edit: &Value) -> Value {
    shop.data(COMMIT, json!({"id": edit["id"]}))["orderEditCommit"]["userErrors"].clone()
}

/// Whether it was edited, its status, what it comes to, what came in, and what is owed.
fn money(shop: &Shop) -> (bool, String, String, String, String) {
    let order = shop.data(MONEY, json!({"id": shop.demand("#1")["id"]}))["order"].clone();
    let amount = |name: &str| order[name]["shopMoney"]["amount"].as_str().unwrap().to_owned();
    let status = order["displayFinancialStatus"].as_str().unwrap().to_owned();
    let (comes_to, came_in) = (amount("currentTotalPriceSet"), amount("totalReceivedSet"));
    (order["edited"] == true, status, comes_to, came_in, amount("totalOutstandingSet"))
}

fn stands(edited: bool, status: &str, amounts: [&str; 3]) -> (bool, String, String, String, String) {
    let [comes_to, came_in, owed] = amounts.map(str::to_owned);
    (edited, status.to_owned(), comes_to, came_in, owed)
}

#[test]
fn what_is_staged_is_there_once_it_is_committed_and_not_before() {
    let shop = sold();
    let edit = begin(&shop);
    assert_eq!(set(&shop, &edit, 0, 1)["calculatedLineItem"]["quantity"], 1);
    assert_eq!(shop.stock("MUG"), (97, 100, 3));
    assert_eq!(shop.twin.books()["orders"]["edited"], 0);
    assert_eq!(commit(&shop, &edit), json!([]));
    assert_eq!(shop.stock("MUG"), (99, 100, 1));
    assert_eq!(shop.twin.books()["orders"]["edited"], 1);
    let told = deliveries::body(&shop, "#1", "orders/edited")["order_edit"].clone();
    assert_eq!((&told["staff_note"], told["app_id"].is_i64()), (&json!("by us"), true));
    assert_ne!(commit(&shop, &edit), json!([]), "it is committed once");
    assert_eq!(shop.twin.books()["orders"]["edited"], 1);
}

#[test]
fn a_variant_is_added_at_the_shops_price_and_beside_itself_only_when_that_is_meant() {
    let shop = sold();
    let edit = begin(&shop);
    let add = |quantity: i64, twice: bool| {
        let variables = json!({"id": edit["id"], "variant": variant(&shop), "quantity": quantity, "twice": twice});
        shop.data(ADD, variables)["orderEditAddVariant"].clone()
    };
    assert_ne!(add(2, false)["userErrors"], json!([]));
    assert_ne!(add(0, true)["userErrors"], json!([]));
    assert_eq!(add(2, true)["calculatedLineItem"]["originalUnitPriceSet"]["shopMoney"]["amount"], "2.5");
    assert_eq!(commit(&shop, &edit), json!([]));
    assert_eq!(shop.stock("MUG"), (95, 100, 5));
    assert_eq!(money(&shop), stands(true, "PARTIALLY_PAID", ["15.5", "10.5", "5.0"]));
}

#[test]
fn what_is_fulfilled_stays_in_the_order() {
    let shop = sold();
    let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0].clone();
    let create = "mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { userErrors { message } } }";
    shop.data(create, json!({"f": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": demand["id"]}]}}));
    let edit = begin(&shop);
    assert_eq!(edit["lineItems"]["nodes"][0]["editableQuantity"], 0);
    assert_ne!(set(&shop, &edit, 0, 2)["userErrors"], json!([]));
}

#[test]
fn an_edit_by_hand_leaves_money_owed_either_way_until_it_is_settled() {
    let shop = sold();
    assert_eq!(money(&shop), stands(false, "PAID", ["10.5", "10.5", "0.0"]));
    let dearer = shop.turn("edit", json!({"order": "#1", "set": [{"sku": "MUG", "quantity": 5}]}));
    assert_eq!(dearer["outstanding"], "5.00");
    assert_eq!(money(&shop), stands(true, "PARTIALLY_PAID", ["15.5", "10.5", "5.0"]));
    assert_eq!(shop.turn("pay", json!({"order": "#1"}))["paid"], "5.00");
    assert_eq!(money(&shop), stands(true, "PAID", ["15.5", "15.5", "0.0"]));
    assert_eq!(shop.verb(Method::POST, "pay", json!({"order": "#1"})).status, 409);
    shop.turn("edit", json!({"order": "#1", "set": [{"sku": "MUG", "quantity": 1}]}));
    assert_eq!(money(&shop), stands(true, "PAID", ["5.5", "15.5", "-10.0"]));
    let settled = shop.turn("edit", json!({"order": "#1", "set": [{"sku": "BELL", "quantity": 0}], "refund": true}));
    assert_eq!((&settled["refunded"], &settled["outstanding"]), (&json!("11.00"), &json!("0.00")));
    let refund = deliveries::body(&shop, "#1", "refunds/create");
    assert_eq!((&refund["refund_line_items"], &refund["order_adjustments"]), (&json!([]), &json!([])));
}

#[test]
fn money_beyond_what_was_paid_too_much_is_an_adjustment() {
    let shop = sold();
    shop.turn("refund", json!({"order": "#1", "amount": "3.00"}));
    let refund = deliveries::body(&shop, "#1", "refunds/create");
    assert_eq!(refund["order_adjustments"].as_array().unwrap().len(), 1);
    assert_eq!(money(&shop).4, "0.0");
}

#[test]
fn another_address_stands_in_the_body() {
    let shop = sold();
    let address = json!({"name": "Ada", "address1": "1 High Street", "city": "Leeds", "zip": "LS1 1AA", "country": "United Kingdom"});
    shop.turn("address", json!({"order": "#1", "address": address}));
    assert_eq!(deliveries::body(&shop, "#1", "orders/updated")["shipping_address"]["city"], "Leeds");
}

#[test]
fn an_app_without_the_scope_edits_nothing() {
    let scopes = ["write_orders", "read_merchant_managed_fulfillment_orders"].map(str::to_owned).to_vec();
    let shop = shop_with(Config { scopes, ..Config::default() });
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")])]);
    assert_eq!(shop.error(BEGIN, json!({"id": shop.demand("#1")["id"]}))["extensions"]["code"], "ACCESS_DENIED");
}
