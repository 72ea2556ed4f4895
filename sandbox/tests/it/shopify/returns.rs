//! Returns: asked for by a customer, opened by staff, answered once.

use super::*;

fn sold(shipped: bool) -> Shop {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order("#1", vec![line("MUG", 3, "2.50")])]);
    if shipped {
        let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0]["id"].clone();
        let query = "mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { userErrors { message } } }";
        shop.data(query, json!({"f": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": demand}]}}));
    }
    shop
}

fn ask(shop: &Shop, quantity: i64) -> Answer {
    let lines = json!([{"sku": "MUG", "quantity": quantity, "reason": "defective", "note": "a crack"}]);
    shop.verb(Method::POST, "return", json!({"order": "#1", "lines": lines}))
}

fn asked(shop: &Shop, quantity: i64) -> String {
    let answer = ask(shop, quantity);
    assert_eq!(answer.status, 200, "{}", json_of(&answer));
    format!("gid://shopify/Return/{}", json_of(&answer)["return"])
}

fn seen(shop: &Shop, id: &str) -> Value {
    let query = "query($id: ID!) { return(id: $id) { name status createdAt requestApprovedAt totalQuantity decline { reason note }
        order { name returnStatus } returnLineItems(first: 5) { nodes { id quantity processableQuantity processedQuantity refundableQuantity
        refundedQuantity unprocessedQuantity customerNote returnReasonDefinition { handle } ... on ReturnLineItem { fulfillmentLineItem { lineItem { sku } } } } } } }";
    shop.data(query, json!({"id": id}))["return"].clone()
}

fn approve(shop: &Shop, id: &str) -> Value {
    let query = "mutation($input: ReturnApproveRequestInput!) { returnApproveRequest(input: $input) { return { status } userErrors { code field message } } }";
    shop.data(query, json!({"input": {"id": id, "notifyCustomer": true}}))["returnApproveRequest"].clone()
}

fn decline(shop: &Shop, id: &str) -> Value {
    let query = "mutation($input: ReturnDeclineRequestInput!) { returnDeclineRequest(input: $input) { return { status } userErrors { code field message } } }";
    let input = json!({"id": id, "declineReason": "FINAL_SALE", "declineNote": "sorry"});
    shop.data(query, json!({"input": input}))["returnDeclineRequest"].clone()
}

#[test]
fn row_28_only_what_was_fulfilled_can_come_back_and_each_unit_once() {
    assert_eq!(ask(&sold(false), 1).status, 409);
    let shop = sold(true);
    asked(&shop, 2);
    assert_eq!(ask(&shop, 2).status, 409);
    asked(&shop, 1);
}

#[test]
fn row_28_what_was_refunded_cannot_come_back() {
    let shop = sold(true);
    shop.turn("refund", json!({"order": "#1", "lines": [{"sku": "MUG", "quantity": 2}]}));
    assert_eq!(ask(&shop, 2).status, 409);
    asked(&shop, 1);
}

#[test]
fn row_28_the_quantities_of_a_line_add_up() {
    let shop = sold(true);
    let line = seen(&shop, &asked(&shop, 2))["returnLineItems"]["nodes"][0].clone();
    let number = |name: &str| line[name].as_i64().unwrap();
    assert_eq!(number("processedQuantity") + number("unprocessedQuantity"), number("quantity"));
    assert_eq!(number("refundedQuantity") + number("refundableQuantity"), number("quantity"));
    assert_eq!(
        (&line["fulfillmentLineItem"]["lineItem"]["sku"], &line["returnReasonDefinition"]["handle"]),
        (&json!("MUG"), &json!("defective"))
    );
}

#[test]
fn a_request_waits_for_its_answer_and_the_shop_tells_of_both() {
    let shop = sold(true);
    let id = asked(&shop, 1);
    let request = seen(&shop, &id);
    assert_eq!(
        (&request["name"], &request["status"], &request["order"]["returnStatus"]),
        (&json!("#1-R1"), &json!("REQUESTED"), &json!("RETURN_REQUESTED"))
    );
    let body = deliveries::body(&shop, "#1", "returns/request");
    assert_eq!((&body["admin_graphql_api_id"], &body["status"]), (&json!(id), &json!("requested")));
    assert_eq!(approve(&shop, &id)["return"]["status"], "OPEN");
    assert_eq!(seen(&shop, &id)["order"]["returnStatus"], "IN_PROGRESS");
    assert_eq!(deliveries::body(&shop, "#1", "returns/approve")["status"], "open");
}

#[test]
fn a_declined_request_says_why_and_lets_the_goods_be_asked_for_again() {
    let shop = sold(true);
    let id = asked(&shop, 3);
    assert_eq!(decline(&shop, &id)["return"]["status"], "DECLINED");
    assert_eq!(seen(&shop, &id)["decline"], json!({"reason": "FINAL_SALE", "note": "sorry"}));
    assert_eq!(deliveries::body(&shop, "#1", "returns/decline")["status"], "declined");
    asked(&shop, 3);
}

#[test]
fn only_a_request_can_be_answered_and_only_once() {
    let shop = sold(true);
    let id = asked(&shop, 1);
    approve(&shop, &id);
    assert_eq!(approve(&shop, &id)["userErrors"][0]["code"], "INVALID_STATE");
    assert_eq!(decline(&shop, &id)["userErrors"][0]["code"], "INVALID_STATE");
    assert_eq!(approve(&shop, "gid://shopify/Return/1")["userErrors"][0]["code"], "NOT_FOUND");
}

#[test]
fn staff_open_a_return_at_once() {
    let shop = sold(true);
    let lines = json!([{"sku": "MUG", "quantity": 1}]);
    let made = shop.turn("return", json!({"order": "#1", "lines": lines, "staff": true}));
    assert_eq!(seen(&shop, &format!("gid://shopify/Return/{}", made["return"]))["status"], "OPEN");
    assert_eq!(deliveries::body(&shop, "#1", "returns/approve")["status"], "open");
}
