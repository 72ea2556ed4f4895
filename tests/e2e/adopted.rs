//! An order from before Weft: people sold, booked, shipped and billed it, and now its goods come back.

use serde_json::json;

use crate::harness::Mesh;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_before_weft_is_adopted_and_its_return_ends_with_the_money_back() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    // Nobody tells Weft of the sale: it has no subscription yet.
    let sold = json!({
        "name": "#600001", "placed_at": "2024-03-01T09:00:00Z", "customer": "60009", "country": "United Kingdom",
        "lines": [
            {"sku": "10001", "title": "BLUE ENAMEL MUG", "quantity": 4, "price": "2.55", "kind": "goods"},
            {"sku": "10003", "title": "BRASS DOOR BELL", "quantity": 1, "price": "7.25", "kind": "goods"},
        ],
    });
    mesh.twins().post("/__sandbox/shopify/sell", &json!({"orders": [sold]})).await.unwrap();
    // In the ERP, people wrote it down as theirs: their customer, their document, the customer's number on it.
    let line = |line: u32, sku: &str, quantity: u32, rate: f64| {
        json!({
            "line": line, "item": {"externalId": sku}, "quantity": quantity, "rate": rate,
            "location": {"externalId": retail_sandbox::orderbook::LOCATION},
        })
    };
    let customer = json!({"externalId": "LEGACY-9", "companyName": "Harbour Inn"});
    mesh.people("customer", customer).await;
    let order = json!({
        "entity": {"externalId": "LEGACY-9"}, "otherRefNum": "#600001", "orderStatus": {"id": "B"},
        "tranDate": "2024-03-01", "item": {"items": [line(1, "10001", 4, 2.55), line(2, "10003", 1, 7.25)]},
    });
    mesh.people("salesOrder", order).await;
    mesh.until_books(|books| books["netsuite"]["invoices"]["count"] == 1).await;

    let asked = json!({"channel": "shop", "orderNumber": "#600001"});
    let adopted = mesh.post("/v1/orders:adopt", "adopt-1", asked.clone()).await["order"].clone();
    assert_eq!((&adopted["adopted"], &adopted["state"]), (&json!(true), &json!("ORDER_STATE_COMPLETED")));
    assert_eq!(adopted["total"]["minorUnits"], "1745");
    assert!(adopted["invoices"][0]["document"]["id"].is_string(), "{adopted}");
    let again = mesh.post("/v1/orders:adopt", "adopt-2", asked).await;
    assert_eq!(again["order"]["orderId"], adopted["orderId"]);
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["sales_orders"]["count"], 1, "adopting makes nothing anywhere");

    let wish = json!({
        "capture": "RETURN_CAPTURE_REQUEST", "channel": "shop", "source": "service-desk", "sourceReturnId": "C600001",
        "requestedAt": mesh.runtime.clock().now().to_string(),
        "lines": [{"orderId": adopted["orderId"], "sku": "10001", "quantity": "2", "reason": "DEFECTIVE"}],
    });
    let started = mesh.post("/v1/returns", "start-1", wish).await;
    let id = started["returnRecord"]["returnId"].as_str().unwrap();
    let done = mesh.until_return(id, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    assert_eq!((&done["lines"][0]["credited"], &done["lines"][0]["refunded"]), (&json!("2"), &json!("2")));
    let books = mesh.books().await;
    for (vendor, book) in [("netsuite", "credit_memos"), ("netsuite", "customer_refunds"), ("shopify", "refunds")] {
        let book = &books[vendor][book];
        assert_eq!((&book["count"], &book["value"]), (&json!(1), &json!("5.10")), "{vendor}: {books:#}");
    }
    mesh.end().await;
}
