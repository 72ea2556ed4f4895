//! Orders that change after they were sold: cancelled by hand and by `orderCancel`, edited, moved, ready in a store.

use super::*;

const CANCEL: &str = "mutation($id: ID!, $method: OrderCancelRefundMethodInput) {
    orderCancel(orderId: $id, reason: OTHER, restock: true, refundMethod: $method) {
      job { id done } jobResult { id done status errors { message code } } orderCancelUserErrors { field message code } userErrors { message } } }";
const JOB: &str = "query($id: ID!) { node(id: $id) { ... on OrderCancelJobResult { id done status errors { message } order { cancelledAt } } } }";
const MOVE: &str = "mutation($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
    fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
      movedFulfillmentOrder { id status assignedLocation { name } deliveryMethod { methodType } lineItems(first: 9) { nodes { remainingQuantity sku } } }
      originalFulfillmentOrder { id status } userErrors { field message code } } }";
const READY: &str = "mutation($input: FulfillmentOrderLineItemsPreparedForPickupInput!) {
    fulfillmentOrderLineItemsPreparedForPickup(input: $input) { userErrors { field message code } } }";

fn cancel(shop: &Shop, name: &str, method: Value) -> Value {
    shop.data(CANCEL, json!({"id": shop.demand(name)["id"], "method": method}))["orderCancel"].clone()
}

fn first(shop: &Shop, name: &str) -> Value {
    shop.demand(name)["fulfillmentOrders"]["nodes"][0].clone()
}

fn relocate(shop: &Shop, demand: &Value, lines: Value) -> Value {
    let variables = json!({"id": demand["id"], "to": shop.location("YARD"), "lines": lines});
    shop.data(MOVE, variables)["fulfillmentOrderMove"].clone()
}

fn ready(shop: &Shop, demand: &Value) -> Value {
    let groups = json!([{"fulfillmentOrderId": demand["id"]}]);
    let payload = shop.data(READY, json!({"input": {"lineItemsByFulfillmentOrder": groups}}));
    payload["fulfillmentOrderLineItemsPreparedForPickup"]["userErrors"].clone()
}

fn sold(name: &str) -> Shop {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order(name, vec![line("MUG", 3, "2.50"), line("BELL", 1, "1.00"), line("POST", 1, "2.00")])]);
    shop
}

fn collected(name: &str) -> Shop {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    let orders = [order(name, vec![line("MUG", 3, "2.50")])];
    shop.turn("sell", json!({"orders": orders, "pickups": {name: "YARD"}}));
    shop
}

#[test]
fn order_cancel_gives_goods_back_and_keeps_the_money_unless_it_is_told_otherwise() {
    for (method, refunded) in [
        (Value::Null, "0.00"),
        (json!({"originalPaymentMethodsRefund": false}), "0.00"),
        (json!({"originalPaymentMethodsRefund": true}), "10.50"),
    ] {
        let shop = sold("#1");
        let payload = cancel(&shop, "#1", method);
        assert_eq!((&payload["jobResult"]["status"], &payload["job"]["done"]), (&json!("SUCCEEDED"), &json!(true)));
        assert_eq!(shop.stock("MUG"), (100, 100, 0));
        let books = shop.twin.books();
        assert_eq!((&books["orders"]["cancelled"], &books["refunded_value"]), (&json!(1), &json!(refunded)));
    }
}

#[test]
fn a_cancelled_order_and_one_that_has_shipped_are_not_cancelled() {
    let shop = sold("#1");
    cancel(&shop, "#1", Value::Null);
    let again = cancel(&shop, "#1", Value::Null);
    assert_eq!((&again["jobResult"], &again["orderCancelUserErrors"][0]["code"]), (&Value::Null, &json!("INVALID")));
    let shipped = sold("#2");
    let groups = json!([{"fulfillmentOrderId": first(&shipped, "#2")["id"]}]);
    let create = "mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { userErrors { message } } }";
    shipped.data(create, json!({"f": {"lineItemsByFulfillmentOrder": groups}}));
    assert_eq!(cancel(&shipped, "#2", Value::Null)["orderCancelUserErrors"][0]["message"], "the order has fulfilments");
    let nobody = shop.data(CANCEL, json!({"id": "gid://shopify/Order/1"}))["orderCancel"].clone();
    assert_eq!(nobody["orderCancelUserErrors"][0]["code"], "NOT_FOUND");
}

#[test]
fn a_job_is_done_when_it_was_looked_at_often_enough_or_fails_as_planned() {
    let shop = sold("#1");
    shop.turn("plan", json!({"slow_jobs": 2}));
    let job = cancel(&shop, "#1", Value::Null)["jobResult"].clone();
    assert_eq!(job["status"], "STARTED");
    let looks: Vec<Value> = (0..2).map(|_| shop.data(JOB, json!({"id": job["id"]}))["node"].clone()).collect();
    assert_eq!((&looks[0]["status"], &looks[0]["order"]["cancelledAt"]), (&json!("STARTED"), &Value::Null));
    assert_eq!((&looks[1]["status"], looks[1]["order"]["cancelledAt"].is_string()), (&json!("SUCCEEDED"), true));
    let failing = sold("#2");
    failing.turn("plan", json!({"fail_jobs": 1}));
    let job = cancel(&failing, "#2", Value::Null)["jobResult"].clone();
    assert_eq!((&job["status"], job["errors"].as_array().unwrap().len()), (&json!("FAILED"), 1));
    assert_eq!(failing.twin.books()["orders"]["cancelled"], 0);
}

#[test]
fn an_order_cancelled_by_hand_may_give_its_money_back_and_keep_its_goods() {
    let shop = sold("#1");
    shop.turn("cancel", json!({"order": "#1", "refund": true, "restock": false}));
    assert_eq!(shop.stock("MUG"), (97, 97, 0), "they are gone");
    let body = deliveries::body(&shop, "#1", "orders/cancelled");
    assert_eq!((&body["financial_status"], body["cancelled_at"].is_string()), (&json!("refunded"), true));
    let refund = deliveries::body(&shop, "#1", "refunds/create");
    assert_eq!(refund["transactions"][0]["amount"], "10.50");
}

#[test]
fn an_edit_takes_off_adds_and_tells_of_it() {
    let shop = sold("#1");
    let edit = json!({"order": "#1", "set": [{"sku": "MUG", "quantity": 1}, {"sku": "BELL", "quantity": 0}],
        "add": [{"sku": "MUG", "quantity": 2, "price": "2.50"}]});
    shop.turn("edit", edit);
    assert_eq!((shop.stock("MUG"), shop.stock("BELL")), ((97, 100, 3), (5, 5, 0)));
    let told = deliveries::body(&shop, "#1", "orders/edited")["order_edit"].clone();
    let lines = &told["line_items"];
    assert_eq!((lines["removals"].as_array().unwrap().len(), lines["additions"].as_array().unwrap().len()), (2, 1));
    let body = deliveries::body(&shop, "#1", "orders/updated");
    assert_eq!(told["order_id"], body["id"]);
    let lines = body["line_items"].as_array().unwrap();
    let shown: Vec<(i64, i64)> = lines
        .iter()
        .map(|line| (line["quantity"].as_i64().unwrap(), line["current_quantity"].as_i64().unwrap()))
        .collect();
    assert_eq!(shown, [(3, 1), (1, 0), (2, 2)]);
    assert_eq!(shop.twin.books()["orders"]["edited"], 1);
}

#[test]
fn an_edit_that_cannot_be_made_changes_nothing() {
    let shop = sold("#1");
    let edit = json!({"order": "#1", "set": [{"sku": "MUG", "quantity": 1}, {"sku": "HAT", "quantity": 0}]});
    assert_eq!(shop.verb(Method::POST, "edit", edit).status, 409);
    assert_eq!(shop.stock("MUG"), (97, 100, 3));
    shop.turn("cancel", json!({"order": "#1"}));
    assert_eq!(shop.verb(Method::POST, "edit", json!({"order": "#1"})).status, 409);
}

#[test]
fn all_of_a_fulfilment_order_moves_as_it_is_and_its_goods_are_promised_there() {
    let shop = sold("#1");
    let demand = first(&shop, "#1");
    let moved = relocate(&shop, &demand, Value::Null);
    assert_eq!((&moved["movedFulfillmentOrder"]["id"], &moved["userErrors"]), (&demand["id"], &json!([])));
    assert_eq!(moved["movedFulfillmentOrder"]["assignedLocation"]["name"], "Place YARD");
    assert_eq!(shop.stock("MUG"), (100, 100, 0), "in MAIN nothing is promised any more");
    let again = relocate(&shop, &demand, Value::Null);
    assert!(again["userErrors"][0]["message"].as_str().unwrap().contains("already"), "{again}");
    assert_eq!(shop.twin.books()["fulfillment_orders"]["moved"], 1);
}

#[test]
fn a_part_moves_into_a_fulfilment_order_of_its_own_and_a_further_part_into_a_third() {
    let shop = sold("#1");
    let demand = first(&shop, "#1");
    let part = |units: i64| json!([{"id": demand["lineItems"]["nodes"][0]["id"], "quantity": units}]);
    let one = relocate(&shop, &demand, part(1));
    assert_ne!(one["movedFulfillmentOrder"]["id"], demand["id"]);
    assert_eq!(one["originalFulfillmentOrder"]["status"], "OPEN");
    let two = relocate(&shop, &demand, part(1));
    let (first, second) = (&one["movedFulfillmentOrder"], &two["movedFulfillmentOrder"]);
    assert_ne!(first["id"], second["id"], "the one that was there goes on in a new one");
    assert_eq!(second["lineItems"]["nodes"][0]["remainingQuantity"], 2);
    assert_eq!(shop.stock("MUG"), (99, 100, 1));
    let too_many = relocate(&shop, &demand, part(2));
    assert_eq!(too_many["userErrors"][0]["message"], "Invalid fulfillment order line item quantity requested.");
}

#[test]
fn what_cannot_be_moved_is_refused_and_stays() {
    let shop = sold("#1");
    shop.turn("plan", json!({"unmovable": 1}));
    let demand = first(&shop, "#1");
    let code = relocate(&shop, &demand, Value::Null)["userErrors"][0]["code"].clone();
    assert_eq!(code, "CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS");
    shop.turn("cancel", json!({"order": "#1"}));
    assert_eq!(relocate(&shop, &demand, Value::Null)["userErrors"][0]["message"], "The fulfillment order is closed.");
    assert_eq!(shop.twin.books()["fulfillment_orders"]["moved"], 0);
}

#[test]
fn an_order_that_is_collected_has_a_store_and_no_shipping_address() {
    let shop = collected("#1");
    let body = deliveries::body(&shop, "#1", "orders/create");
    assert_eq!((&body["shipping_address"], body["billing_address"].is_object()), (&Value::Null, true));
    let query = "query($id: ID!) { order(id: $id) { shippingAddress { country } fulfillmentOrders(first: 2) { nodes {
        deliveryMethod { methodType } assignedLocation { name } } } } }";
    let found = shop.data(query, json!({"id": shop.demand("#1")["id"]}))["order"].clone();
    let demand = &found["fulfillmentOrders"]["nodes"][0];
    assert_eq!((&demand["deliveryMethod"]["methodType"], &found["shippingAddress"]), (&json!("PICK_UP"), &Value::Null));
    assert_eq!(demand["assignedLocation"]["name"], "Place YARD");
    let nowhere = json!({"orders": [order("#2", vec![line("MUG", 1, "2.50")])], "pickups": {"#2": "MOON"}});
    assert_eq!(shop.turn("sell", nowhere)["accepted"], 0);
}

#[test]
fn what_is_prepared_is_told_to_the_customer_once() {
    let shop = collected("#1");
    let demand = first(&shop, "#1");
    assert_eq!(ready(&shop, &demand), json!([]));
    assert_eq!(ready(&shop, &demand)[0]["code"], "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER");
    let book = shop.twin.books()["fulfillment_orders"].clone();
    assert_eq!((&book["ready"], &book["ready_notices"]), (&json!(1), &json!(1)));
    let shipped = sold("#2");
    assert_eq!(ready(&shipped, &first(&shipped, "#2"))[0]["code"], "FULFILLMENT_ORDER_INVALID");
}

#[test]
fn an_app_without_the_scope_may_do_none_of_it() {
    let scopes = ["read_orders", "read_locations", "read_merchant_managed_fulfillment_orders"];
    let shop = shop_with(Config { scopes: scopes.map(str::to_owned).to_vec(), ..Config::default() });
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")])]);
    let demand = first(&shop, "#1");
    let groups = json!({"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": demand["id"]}]});
    for (query, variables) in [
        (CANCEL, json!({"id": shop.demand("#1")["id"]})),
        (MOVE, json!({"id": demand["id"], "to": shop.location("YARD")})),
        (READY, json!({"input": groups})),
    ] {
        assert_eq!(shop.error(query, variables)["extensions"]["code"], "ACCESS_DENIED", "{query}");
    }
}
