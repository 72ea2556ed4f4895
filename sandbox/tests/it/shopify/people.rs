//! Customers: what staff change is kept, shown with their orders, and told.

use super::*;
use crate::wire::Lab;

#[test]
fn a_customer_that_changed_is_shown_with_its_orders() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")])]);
    let told = shop.turn("customer", json!({"id": 17850, "email": "jo@example.com", "phone": "+441603000000"}));
    assert_eq!(told["told"], "customers/update");
    let query =
        "{ orders(first: 1) { nodes { customer { firstName lastName verifiedEmail defaultEmailAddress { emailAddress }
        defaultPhoneNumber { phoneNumber } } } } }";
    let seen = shop.data(query, json!({}))["orders"]["nodes"][0]["customer"].clone();
    assert_eq!(
        seen,
        json!({"firstName": "Customer", "lastName": "17850", "verifiedEmail": true,
            "defaultEmailAddress": {"emailAddress": "jo@example.com"}, "defaultPhoneNumber": {"phoneNumber": "+441603000000"}})
    );
}

#[tokio::test]
async fn a_customer_is_told_when_it_is_made_and_when_it_changes() {
    let lab = Lab::start(None).await;
    let mut receiver = lab.receiver().await;
    lab.turn("shopify/webhooks", json!({"url": receiver.url})).await;
    lab.turn("shopify/customer", json!({"id": 7, "first_name": "Jo", "last_name": "Example"})).await;
    let made = receiver.next().await;
    assert_eq!(made.header("x-shopify-topic"), "customers/create");
    lab.turn("shopify/customer", json!({"id": 7, "email": "jo@example.com", "verified_email": false})).await;
    let changed = receiver.next().await;
    assert_eq!(changed.header("x-shopify-topic"), "customers/update");
    let body = changed.json();
    assert_eq!((&body["id"], &body["first_name"], &body["email"]), (&json!(7), &json!("Jo"), &json!("jo@example.com")));
    assert_eq!((&body["verified_email"], &body["created_at"]), (&json!(false), &made.json()["created_at"]));
}
