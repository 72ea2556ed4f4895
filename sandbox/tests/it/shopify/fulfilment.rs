//! `fulfillmentCreate` and what it may not do.

use super::*;

const CREATE: &str = "mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
    fulfillment { id name status trackingInfo { number company } fulfillmentLineItems(first: 9) { nodes { quantity lineItem { sku } } } }
    userErrors { field message } } }";

fn create(shop: &Shop, groups: Value) -> Value {
    let input =
        json!({"lineItemsByFulfillmentOrder": groups, "trackingInfo": {"company": "Royal Mail", "number": "RM1"}});
    shop.data(CREATE, json!({"f": input}))["fulfillmentCreate"].clone()
}

fn refusal(payload: &Value) -> String {
    assert_eq!(payload["fulfillment"], Value::Null, "{payload}");
    payload["userErrors"][0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn row_22_goods_that_leave_are_neither_on_hand_nor_committed() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 3, "2.50"), line("BELL", 2, "1.00")])]);
    let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0].clone();
    assert_eq!(demand["supportedActions"][0]["action"], "CREATE_FULFILLMENT");
    let made = create(&shop, json!([{"fulfillmentOrderId": demand["id"]}]));
    assert_eq!(made["fulfillment"]["name"], "#1-F1");
    assert_eq!(made["fulfillment"]["trackingInfo"], json!([{"number": "RM1", "company": "Royal Mail"}]));
    assert_eq!(shop.stock("MUG"), (97, 97, 0));
    let after = shop.demand("#1");
    assert_eq!(after["displayFulfillmentStatus"], "FULFILLED");
    assert_eq!(after["fulfillmentOrders"]["nodes"][0]["status"], "CLOSED");
}

#[test]
fn part_of_a_line_leaves_the_rest_open() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 3, "2.50")])]);
    let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0].clone();
    let lines = json!([{"id": demand["lineItems"]["nodes"][0]["id"], "quantity": 2}]);
    let group = json!([{"fulfillmentOrderId": demand["id"], "fulfillmentOrderLineItems": lines}]);
    create(&shop, group.clone());
    let after = shop.demand("#1");
    assert_eq!(after["displayFulfillmentStatus"], "PARTIALLY_FULFILLED");
    assert_eq!(after["fulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]["remainingQuantity"], 1);
    assert_eq!(refusal(&create(&shop, group)), "Invalid fulfillment order line item quantity requested.");
    assert_eq!(shop.stock("MUG"), (97, 98, 1));
}

#[test]
fn row_25_two_orders_in_one_call_are_refused() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")]), order("#2", vec![line("MUG", 1, "2.50")])]);
    let id = |name: &str| shop.demand(name)["fulfillmentOrders"]["nodes"][0]["id"].clone();
    let payload = create(&shop, json!([{"fulfillmentOrderId": id("#1")}, {"fulfillmentOrderId": id("#2")}]));
    assert_eq!(refusal(&payload), "All fulfillment orders must belong to the same order.");
    assert_eq!(shop.stock("MUG"), (98, 100, 2));
}

#[test]
fn what_is_closed_or_unknown_cannot_be_fulfilled() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")])]);
    let id = shop.demand("#1")["fulfillmentOrders"]["nodes"][0]["id"].clone();
    create(&shop, json!([{"fulfillmentOrderId": id}]));
    assert!(refusal(&create(&shop, json!([{"fulfillmentOrderId": id}]))).contains("unfulfillable status= closed"));
    let ghost = create(&shop, json!([{"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/1"}]));
    assert_eq!(refusal(&ghost), "Fulfillment order does not exist.");
    assert_eq!(shop.twin.books()["fulfillments"], json!({"count": 1, "units": 1, "duplicates": 0}));
}

#[test]
fn the_same_parcel_told_twice_counts_as_a_duplicate() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 2, "2.50")])]);
    let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0].clone();
    let lines = json!([{"id": demand["lineItems"]["nodes"][0]["id"], "quantity": 1}]);
    let group = json!([{"fulfillmentOrderId": demand["id"], "fulfillmentOrderLineItems": lines}]);
    create(&shop, group.clone());
    create(&shop, group);
    assert_eq!(shop.twin.books()["fulfillments"]["duplicates"], 1);
}

#[test]
fn a_parcel_of_which_a_part_is_expected_from_elsewhere_is_told_in_two_and_is_none_told_twice() {
    const MOVE: &str = "mutation($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
        fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) { userErrors { message } } }";
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 2, "2.50")])]);
    let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0].clone();
    let lines = json!([{"id": demand["lineItems"]["nodes"][0]["id"], "quantity": 1}]);
    let moved = shop.data(MOVE, json!({"id": demand["id"], "to": shop.location("YARD"), "lines": lines}));
    assert_eq!(moved["fulfillmentOrderMove"]["userErrors"], json!([]));
    let after = shop.demand("#1")["fulfillmentOrders"]["nodes"].clone();
    for part in after.as_array().unwrap() {
        create(&shop, json!([{"fulfillmentOrderId": part["id"]}]));
    }
    assert_eq!(shop.twin.books()["fulfillments"], json!({"count": 2, "units": 2, "duplicates": 0}));
}
