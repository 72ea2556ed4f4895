//! Refunds: money, goods, the order's state, and what the shop tells about them.

use super::*;

const CREATE: &str = "mutation Refund($input: RefundInput!, $key: String!) { refundCreate(input: $input) @idempotent(key: $key) {
    refund { id note totalRefundedSet { shopMoney { amount } } transactions(first: 5) { nodes { status gateway amountSet { shopMoney { amount } } } } }
    order { displayFinancialStatus } userErrors { field message } } }";

/// Three mugs, a bell and postage: 2.50 each, 1.00 and 4.00.
fn sold() -> Shop {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    let order = order("#1", vec![line("MUG", 3, "2.50"), line("BELL", 1, "1.00"), line("POST", 1, "4.00")]);
    let sold =
        shop.turn("sell", json!({"orders": [order], "tenders": {"#1": [{"gateway": "gift_card", "amount": "5.00"}]}}));
    assert_eq!(sold["accepted"], 1, "{sold}");
    shop
}

fn seen(shop: &Shop, name: &str) -> Value {
    let query = "query($q: String) { orders(first: 1, query: $q) { nodes { id displayFinancialStatus displayFulfillmentStatus
        totalRefundedSet { shopMoney { amount } } totalRefundedShippingSet { shopMoney { amount } } totalReceivedSet { shopMoney { amount } }
        paymentGatewayNames transactions(first: 9) { id kind status gateway amountSet { shopMoney { amount currencyCode } } parentTransaction { id } }
        lineItems(first: 9) { nodes { id sku quantity currentQuantity refundableQuantity unfulfilledQuantity } }
        refunds(first: 9) { id note refundLineItems(first: 9) { nodes { quantity restockType restocked lineItem { sku } location { name } } }
          refundShippingLines(first: 9) { nodes { subtotalAmountSet { shopMoney { amount } } shippingLine { code } } } } } } }";
    shop.data(query, json!({"q": format!("name:{name}")}))["orders"]["nodes"][0].clone()
}

/// An input for so much of a line, paid back to the tender at this place.
fn input(shop: &Shop, lines: &[(&str, i64, &str)], money: &[(usize, &str)]) -> Value {
    let order = seen(shop, "#1");
    let line = |sku: &str| {
        order["lineItems"]["nodes"].as_array().unwrap().iter().find(|line| line["sku"] == sku).unwrap()["id"].clone()
    };
    let lines: Vec<Value> = lines
        .iter()
        .map(|(sku, quantity, restock)| json!({"lineItemId": line(sku), "quantity": quantity, "restockType": restock}))
        .collect();
    let money: Vec<Value> = money
        .iter()
        .map(|(at, amount)| {
            let parent = &order["transactions"][*at];
            json!({"orderId": order["id"], "parentId": parent["id"], "kind": "REFUND", "gateway": parent["gateway"], "amount": amount})
        })
        .collect();
    json!({"orderId": order["id"], "note": "worn [ref-1]", "refundLineItems": lines, "transactions": money})
}

fn refund(shop: &Shop, key: &str, input: &Value) -> Value {
    shop.data(CREATE, json!({"input": input, "key": key}))["refundCreate"].clone()
}

fn refusal(payload: &Value) -> (Value, Value) {
    assert_eq!(payload["refund"], Value::Null, "{payload}");
    (payload["userErrors"][0]["field"].clone(), payload["userErrors"][0]["message"].clone())
}

fn ship(shop: &Shop) {
    let demand = shop.demand("#1")["fulfillmentOrders"]["nodes"][0]["id"].clone();
    let query = "mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { userErrors { message } } }";
    shop.data(query, json!({"f": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": demand}]}}));
}

#[test]
fn an_order_is_paid_with_its_tenders_and_the_shops_gateway_takes_the_rest() {
    let order = seen(&sold(), "#1");
    assert_eq!(order["paymentGatewayNames"], json!(["gift_card", "shopify_payments"]));
    let paid = |at: usize| {
        (
            order["transactions"][at]["kind"].clone(),
            order["transactions"][at]["amountSet"]["shopMoney"]["amount"].clone(),
        )
    };
    assert_eq!((paid(0), paid(1)), ((json!("SALE"), json!("5.0")), (json!("SALE"), json!("7.5"))));
    let shop = shop();
    let over = shop.turn("sell", json!({"orders": [self::order("#2", vec![line("MUG", 1, "2.50")])], "tenders": {"#2": [{"gateway": "gift_card", "amount": "3"}]}}));
    assert_eq!(over["refused"][0]["why"], "the tenders are more than the order's total");
}

#[test]
fn money_goes_back_to_its_tender_and_the_order_follows() {
    let shop = sold();
    let made = refund(&shop, "k1", &input(&shop, &[("MUG", 1, "NO_RESTOCK")], &[(0, "2.50")]));
    assert_eq!(made["userErrors"], json!([]));
    assert_eq!(made["order"]["displayFinancialStatus"], "PARTIALLY_REFUNDED");
    assert_eq!(made["refund"]["totalRefundedSet"]["shopMoney"]["amount"], "2.5");
    assert_eq!(made["refund"]["transactions"]["nodes"][0]["gateway"], "gift_card");
    let order = seen(&shop, "#1");
    let mug = &order["lineItems"]["nodes"][0];
    assert_eq!(
        (&mug["quantity"], &mug["currentQuantity"], &mug["refundableQuantity"]),
        (&json!(3), &json!(2), &json!(2))
    );
    assert_eq!(mug["unfulfilledQuantity"], 3, "nothing was restocked: all three are still to be shipped");
    assert_eq!(order["transactions"][2]["parentTransaction"]["id"], order["transactions"][0]["id"]);
    refund(&shop, "k2", &input(&shop, &[], &[(0, "2.50"), (1, "7.50")]));
    let order = seen(&shop, "#1");
    assert_eq!(
        (&order["displayFinancialStatus"], &order["totalRefundedSet"]["shopMoney"]["amount"]),
        (&json!("REFUNDED"), &json!("12.5"))
    );
    let books = shop.twin.books();
    assert_eq!((&books["captured_value"], &books["refunded_value"]), (&json!("12.50"), &json!("12.50")));
    assert_eq!(
        (&books["refunds"]["count"], &books["refunds"]["lines"], &books["refunds"]["value"]),
        (&json!(2), &json!(1), &json!("12.50"))
    );
}

#[test]
fn row_29_without_transactions_no_money_moves() {
    let shop = sold();
    refund(&shop, "k1", &input(&shop, &[("MUG", 1, "NO_RESTOCK")], &[]));
    let order = seen(&shop, "#1");
    assert_eq!(
        (&order["displayFinancialStatus"], &order["refunds"][0]["refundLineItems"]["nodes"][0]["quantity"]),
        (&json!("PAID"), &json!(1))
    );
}

#[test]
fn row_29_more_than_was_paid_is_refused_unless_it_is_allowed() {
    let shop = sold();
    let mut wanted = input(&shop, &[], &[(0, "5.01")]);
    assert_eq!(refusal(&refund(&shop, "k1", &wanted)).0, json!(["transactions", "0", "amount"]));
    let twice = input(&shop, &[], &[(0, "3.00"), (0, "3.00")]);
    assert_eq!(refusal(&refund(&shop, "k2", &twice)).0, json!(["transactions", "1", "amount"]));
    wanted["allowOverRefunding"] = json!(true);
    assert_eq!(refund(&shop, "k3", &wanted)["userErrors"], json!([]));
}

#[test]
fn row_18_a_line_of_another_order_is_refused_in_the_recorded_words() {
    let shop = sold();
    shop.sell(&[order("#2", vec![line("MUG", 1, "2.50")])]);
    let mut wanted = input(&shop, &[("MUG", 1, "NO_RESTOCK")], &[]);
    wanted["refundLineItems"][0]["lineItemId"] = seen(&shop, "#2")["lineItems"]["nodes"][0]["id"].clone();
    let expected = (
        json!(["refundLineItems", "0", "lineItemId"]),
        json!("Line item must belong to the order which is being refunded"),
    );
    assert_eq!(refusal(&refund(&shop, "k1", &wanted)), expected);
}

#[test]
fn a_line_is_refunded_no_further_than_it_was_bought() {
    let shop = sold();
    refund(&shop, "k1", &input(&shop, &[("MUG", 2, "NO_RESTOCK")], &[]));
    let more = refund(&shop, "k2", &input(&shop, &[("MUG", 2, "NO_RESTOCK")], &[]));
    assert_eq!(refusal(&more).0, json!(["refundLineItems", "0", "quantity"]));
}

#[test]
fn what_was_not_shipped_is_cancelled_and_can_be_sold_again() {
    let shop = sold();
    let wrong = refund(&shop, "k1", &input(&shop, &[("MUG", 1, "RETURN")], &[]));
    assert_eq!(refusal(&wrong).1, "Quantity to restock as RETURN must be fulfilled");
    refund(&shop, "k2", &input(&shop, &[("MUG", 2, "CANCEL")], &[]));
    assert_eq!(shop.stock("MUG"), (99, 100, 1));
    let open = shop.demand("#1")["fulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0].clone();
    assert_eq!((&open["totalQuantity"], &open["remainingQuantity"]), (&json!(1), &json!(1)));
    refund(&shop, "k3", &input(&shop, &[("MUG", 1, "CANCEL"), ("BELL", 1, "CANCEL")], &[]));
    let order = shop.demand("#1");
    assert_eq!(order["fulfillmentOrders"]["nodes"][0]["status"], "CANCELLED");
    assert_eq!(order["displayFulfillmentStatus"], "RESTOCKED");
}

#[test]
fn what_was_shipped_comes_back_into_stock_and_is_never_cancelled() {
    let shop = sold();
    ship(&shop);
    let wrong = refund(&shop, "k1", &input(&shop, &[("MUG", 1, "CANCEL")], &[]));
    assert_eq!(refusal(&wrong).1, "Quantity to restock as CANCEL must be unfulfilled");
    refund(&shop, "k2", &input(&shop, &[("MUG", 2, "RETURN")], &[(1, "5.00")]));
    assert_eq!(shop.stock("MUG"), (99, 99, 0));
    let refund = seen(&shop, "#1")["refunds"][0]["refundLineItems"]["nodes"][0].clone();
    assert_eq!((&refund["restocked"], &refund["location"]["name"]), (&json!(true), &json!("Place MAIN")));
}

#[test]
fn postage_is_refunded_as_postage_and_no_further_than_it_was_paid() {
    let shop = sold();
    let mut wanted = input(&shop, &[], &[(1, "4.00")]);
    wanted["shipping"] = json!({"amount": "4.00"});
    assert_eq!(refund(&shop, "k1", &wanted)["userErrors"], json!([]));
    let order = seen(&shop, "#1");
    assert_eq!(order["totalRefundedShippingSet"]["shopMoney"]["amount"], "4.0");
    assert_eq!(order["refunds"][0]["refundShippingLines"]["nodes"][0]["shippingLine"]["code"], "POST");
    wanted = input(&shop, &[], &[(1, "1.00")]);
    wanted["shipping"] = json!({"amount": "1.00"});
    assert_eq!(refusal(&refund(&shop, "k2", &wanted)).0, json!(["shipping", "amount"]));
}

#[test]
fn row_19_a_refund_without_the_directive_is_refused() {
    let shop = sold();
    let query = CREATE.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "");
    let error = shop.error(&query, json!({"input": input(&shop, &[], &[(0, "1.00")])}));
    assert_eq!(
        (&error["extensions"]["code"], &error["message"]),
        (
            &json!("BAD_REQUEST"),
            &json!("The @idempotent directive is required for this mutation but was not provided.")
        )
    );
}

#[test]
fn row_21_a_key_makes_one_refund_within_a_day_and_refuses_other_parameters() {
    let shop = sold();
    let wanted = input(&shop, &[], &[(0, "1.00")]);
    let first = refund(&shop, "k1", &wanted);
    assert_eq!(refund(&shop, "k1", &wanted)["refund"]["id"], first["refund"]["id"]);
    let mut other = wanted.clone();
    other["note"] = json!("another");
    let code = shop.error(CREATE, json!({"input": other, "key": "k1"}))["extensions"]["code"].clone();
    assert_eq!(code, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    shop.turn("plan", json!({"concurrent": 1}));
    let code = shop.error(CREATE, json!({"input": wanted, "key": "k2"}))["extensions"]["code"].clone();
    assert_eq!(code, "IDEMPOTENCY_CONCURRENT_REQUEST");
    assert_eq!(shop.twin.books()["refunds"]["count"], 1);
}

#[test]
fn row_21_after_a_day_the_same_key_refunds_again_and_the_books_say_so() {
    let mut shop = sold();
    let wanted = input(&shop, &[], &[(0, "1.00")]);
    refund(&shop, "k1", &wanted);
    assert_eq!(shop.twin.books()["refunds"]["duplicates"], 0);
    shop.later("25h");
    shop.log_in();
    refund(&shop, "k1", &wanted);
    let books = shop.twin.books();
    assert_eq!((&books["refunds"]["count"], &books["refunds"]["duplicates"]), (&json!(2), &json!(1)));
}

#[test]
fn a_pending_refund_moves_money_only_when_it_is_settled() {
    let shop = sold();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks", "topics": ["order_transactions/create", "orders/updated", "refunds/create"]}));
    shop.turn("plan", json!({"pend_refunds": 1}));
    let made = refund(&shop, "k1", &input(&shop, &[], &[(0, "5.00")]));
    assert_eq!(made["refund"]["transactions"]["nodes"][0]["status"], "PENDING");
    assert_eq!(seen(&shop, "#1")["displayFinancialStatus"], "PAID");
    let again = refund(&shop, "k2", &input(&shop, &[], &[(0, "1.00")]));
    assert_eq!(refusal(&again).0, json!(["transactions", "0", "amount"]), "what is on its way is not left");
    shop.turn("settle", json!({"order": "#1", "success": true}));
    assert_eq!(seen(&shop, "#1")["displayFinancialStatus"], "PARTIALLY_REFUNDED");
    let told = deliveries::body(&shop, "#1", "order_transactions/create");
    assert_eq!(
        (&told["kind"], &told["status"], &told["amount"]),
        (&json!("refund"), &json!("success"), &json!("5.00"))
    );
    assert_eq!(shop.verb(Method::POST, "settle", json!({"order": "#1", "success": true})).status, 409);
}

#[test]
fn a_failed_refund_moves_no_money_and_leaves_what_was_paid() {
    let shop = sold();
    shop.turn("plan", json!({"fail_refunds": 1}));
    let made = refund(&shop, "k1", &input(&shop, &[], &[(0, "5.00")]));
    assert_eq!(
        (&made["refund"]["transactions"]["nodes"][0]["status"], &made["order"]["displayFinancialStatus"]),
        (&json!("FAILURE"), &json!("PAID"))
    );
    assert_eq!(refund(&shop, "k2", &input(&shop, &[], &[(0, "5.00")]))["userErrors"], json!([]));
    assert_eq!(shop.twin.books()["refunds"]["duplicates"], 0);
}

#[test]
fn the_webhook_of_a_refund_has_its_documented_members() {
    let shop = sold();
    ship(&shop);
    let mut wanted = input(&shop, &[("MUG", 2, "RETURN")], &[(0, "5.00"), (1, "4.00")]);
    wanted["shipping"] = json!({"fullRefund": true});
    refund(&shop, "k1", &wanted);
    let body = deliveries::body(&shop, "#1", "refunds/create");
    let id = body["id"].as_i64().unwrap();
    assert_eq!(body["admin_graphql_api_id"], format!("gid://shopify/Refund/{id}"));
    assert_eq!(
        (&body["note"], &body["restock"], &body["user_id"]),
        (&json!("worn [ref-1]"), &json!(true), &Value::Null)
    );
    assert_eq!(body["created_at"], "2026-11-23T13:00:00+00:00");
    let line = &body["refund_line_items"][0];
    assert_eq!(
        (&line["quantity"], &line["restock_type"], &line["subtotal"], &line["line_item"]["sku"]),
        (&json!(2), &json!("return"), &json!("5.00"), &json!("MUG"))
    );
    let money: Vec<_> = body["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["status"].as_str().unwrap(), one["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(money, [("refund", "success", "5.00"), ("refund", "success", "4.00")]);
    assert_eq!(body["refund_shipping_lines"][0]["subtotal_amount_set"]["shop_money"]["amount"], "4.00");
    let order = deliveries::body(&shop, "#1", "orders/updated");
    assert_eq!(
        (&order["financial_status"], &order["current_total_price"], &order["refunds"][0]["id"]),
        (&json!("partially_refunded"), &json!("3.50"), &json!(id))
    );
}

#[test]
fn staff_refund_in_the_admin_over_the_tenders_and_the_shop_tells_of_it() {
    let shop = sold();
    let made = shop.turn(
        "refund",
        json!({"order": "#1", "lines": [{"sku": "MUG", "quantity": 3}], "restock": true, "note": "broken"}),
    );
    assert_eq!(made["amount"], "7.50");
    let body = deliveries::body(&shop, "#1", "refunds/create");
    assert_eq!(body["refund_line_items"][0]["restock_type"], "cancel");
    assert!(body["user_id"].is_i64());
    let parts: Vec<&str> =
        body["transactions"].as_array().unwrap().iter().map(|one| one["amount"].as_str().unwrap()).collect();
    assert_eq!(parts, ["5.00", "2.50"]);
    let ledger = shop.verb(Method::GET, "ledger", Value::Null);
    assert_eq!(json_of(&ledger)["orders"], json!([{"order": "#1", "captured": "12.50", "refunded": "7.50"}]));
    let over = shop.verb(Method::POST, "refund", json!({"order": "#1", "amount": "5.01"}));
    assert_eq!(over.status, 409);
}
