//! Customers of the shop, told to the service that owns them.

use retail_runtime::fault::{Class, status};
use serde_json::{Value, json};

use crate::webhooks::No;
use crate::world::*;

fn customer() -> Value {
    json!({"id": 7_300_000_000_001_u64, "admin_graphql_api_id": "gid://shopify/Customer/7300000000001", "email": "jo@example.com",
        "verified_email": true, "phone": "+440000000000", "first_name": "Jo", "last_name": "Example", "state": "enabled",
        "created_at": "2026-11-20T09:00:03+00:00", "updated_at": "2026-11-23T11:00:00+01:00",
        "default_address": {"id": 1, "name": "Jo Example", "company": "Example Ltd", "address1": "1 Sample Street", "city": "Norwich",
            "country": "United Kingdom", "country_code": "GB", "zip": "NR1 1AA"}})
}

#[tokio::test]
async fn a_customer_is_told_as_it_stands_under_a_version_that_grows_with_its_changes() {
    let desk = desk("brand = 'acme'").await;
    for topic in ["customers/create", "customers/update"] {
        let reply = desk.accept(webhook(topic, &customer().to_string())).await;
        let expected =
            json!({"result": "SYNCED", "sync": "SYNC_RESULT_APPLIED", "customer_id": "customer-7300000000001"});
        assert_eq!(said(&reply), (200, expected), "{topic}");
    }
    let told = desk.owners.customers().remove(0);
    let source = told.source.unwrap();
    assert_eq!(
        (source.kind.as_str(), source.instance.as_str(), source.r#type.as_str()),
        ("commerce", "shop", "customer")
    );
    assert_eq!((told.source_version, told.changed_at.unwrap().seconds), (1_795_428_000_000, 1_795_428_000));
    assert_eq!((told.email_verified, told.brand.as_str(), told.deleted), (true, "acme", false));
    assert_eq!(told.idempotency_key, "shopify:b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
    let profile = told.profile.unwrap();
    assert_eq!((profile.email.as_str(), profile.company.as_str()), ("jo@example.com", "Example Ltd"));
    assert_eq!(profile.address.unwrap().lines, ["Example Ltd", "1 Sample Street"]);
}

#[tokio::test]
async fn what_the_shop_tells_of_a_customer_arrives() {
    let world = world().await;
    world.open_the_door().await;
    world.turn("customer", json!({"id": 17_850, "first_name": "Jo", "email": "jo@example.com"})).await;
    world.delivered().await;
    let told = world.desk.owners.customers();
    assert_eq!((told.len(), told[0].source.as_ref().unwrap().id.as_str()), (1, "17850"));
    let profile = told[0].profile.as_ref().unwrap();
    assert_eq!((profile.first_name.as_str(), profile.email.as_str()), ("Jo", "jo@example.com"));
}

#[tokio::test]
async fn an_email_that_is_not_there_is_not_verified() {
    let desk = desk("").await;
    let mut body = customer();
    body["email"] = Value::Null;
    desk.accept(webhook("customers/update", &body.to_string())).await;
    let told = desk.owners.customers().remove(0);
    assert_eq!((told.email_verified, told.profile.unwrap().email), (false, String::new()));
}

#[tokio::test]
async fn a_customer_without_a_time_of_change_has_no_version_and_is_refused() {
    let desk = desk("").await;
    for updated_at in [Value::Null, json!("yesterday")] {
        let mut body = customer();
        body["updated_at"] = updated_at;
        let (code, said) = said(&desk.accept(webhook("customers/update", &body.to_string())).await);
        assert_eq!((code, &said["fields"][0]["field"]), (400, &json!("updated_at")));
    }
    assert!(desk.owners.customers().is_empty());
}

#[tokio::test]
async fn a_customer_that_cannot_be_taken_now_is_told_again() {
    let desk = desk("").await;
    desk.owners.refuse(|| Some(status("customers.retail", &No(Class::Conflict, "CUSTOMER_CONTENDED"))));
    assert_eq!(desk.accept(webhook("customers/update", &customer().to_string())).await.status, 503);
}
