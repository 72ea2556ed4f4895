//! The same person in every system.

use std::time::Duration;

use retail_proto::customers::v1 as pb;
use retail_runtime::fault::{Class, Refusal};

use crate::harness::{Mesh, ada, mesh};

const LONG: Duration = Duration::from_secs(10);

async fn known(mesh: &Mesh) -> String {
    mesh.resolve(ada()).await.customer.unwrap().customer_id
}

#[tokio::test]
async fn every_system_is_told_of_a_new_customer_and_its_records_are_kept() {
    let mesh = mesh().await;
    let id = known(&mesh).await;
    let record = mesh.reference(&id, "erp", "netsuite", LONG).await.unwrap();
    assert_eq!(
        (record.kind.as_str(), record.instance.as_str(), record.id.as_str()),
        ("erp", "netsuite", format!("customer-{id}").as_str())
    );
    let account = mesh.reference(&id, "crm", "salesforce", LONG).await.unwrap();
    assert_eq!(account.r#type, "Account");
    assert_eq!(mesh.erp.books().customers[&id].last_name, "Lovelace");
    let records = mesh.customer(&id).await.refs.len();
    assert_eq!(records, 4, "shop account, ERP customer, CRM account and contact");
}

#[tokio::test]
async fn a_change_is_told_again_and_a_repeat_of_it_is_not() {
    let mesh = mesh().await;
    let id = known(&mesh).await;
    mesh.quiet().await;
    let update = pb::UpdateCustomerRequest {
        idempotency_key: "u-1".into(),
        customer_id: id.clone(),
        profile: Some(pb::Profile { last_name: "King".into(), ..Default::default() }),
    };
    let first = mesh.client().update_customer(update.clone()).await.unwrap().into_inner();
    mesh.until("both systems know the new name", || async {
        mesh.erp.books().customers[&id].last_name == "King" && mesh.crm.books().customers[&id].last_name == "King"
    })
    .await;
    mesh.quiet().await;
    let calls = mesh.erp.books().calls;
    assert_eq!(mesh.client().update_customer(update).await.unwrap().into_inner(), first);
    mesh.quiet().await;
    assert_eq!((mesh.erp.books().calls, calls), (2, 2));
}

#[tokio::test]
async fn an_erp_that_is_away_is_unavailable_in_time_and_told_when_it_is_back() {
    let mesh = mesh().await;
    mesh.erp.books().away = true;
    let id = known(&mesh).await;
    let refusal = mesh.reference(&id, "erp", "netsuite", Duration::from_millis(800)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unavailable, "REFERENCE_PENDING"));
    assert!(refusal.retry_after().is_some());
    mesh.reference(&id, "crm", "salesforce", LONG).await.unwrap();
    mesh.erp.books().away = false;
    mesh.reference(&id, "erp", "netsuite", LONG).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_makes_one_record() {
    let mesh = mesh().await;
    mesh.erp.books().lose_an_answer = true;
    let id = known(&mesh).await;
    mesh.reference(&id, "erp", "netsuite", LONG).await.unwrap();
    let books = mesh.erp.books();
    assert_eq!((books.calls, books.customers.len()), (2, 1));
}

#[tokio::test]
async fn a_refusal_is_said_with_its_cause_and_tried_again_once_it_was_mended() {
    let mesh = mesh().await;
    mesh.erp.books().refuses = Some("INVALID_SUBSIDIARY".into());
    let id = known(&mesh).await;
    let refusal = mesh.reference(&id, "erp", "netsuite", LONG).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "CUSTOMER_REFUSED"));
    assert_eq!(refusal.metadata("cause"), Some("INVALID_SUBSIDIARY"));
    assert_eq!(mesh.customer(&id).await.problems[0].instance, "netsuite");
    mesh.erp.books().refuses = None;
    mesh.reference(&id, "erp", "netsuite", LONG).await.unwrap();
    assert!(mesh.customer(&id).await.problems.is_empty());
}

#[tokio::test]
async fn a_system_nobody_configured_is_named() {
    let mesh = mesh().await;
    let id = known(&mesh).await;
    let refusal = mesh.reference(&id, "erp", "sap", LONG).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.metadata("instance")), ("SYSTEM_NOT_CONFIGURED", Some("sap")));
}

#[tokio::test]
async fn the_anonymous_customer_reaches_the_erp_without_a_name() {
    let mesh = mesh().await;
    let request =
        pb::ResolveCustomerRequest { idempotency_key: "k".into(), brand: "acme".into(), ..Default::default() };
    let id = mesh.resolve(request).await.customer.unwrap().customer_id;
    mesh.reference(&id, "erp", "netsuite", LONG).await.unwrap();
    let told = mesh.erp.books().customers[&id].clone();
    assert_eq!((told.is_person, told.last_name.as_str()), (false, "Anonymous customers"));
    let update = pb::UpdateCustomerRequest {
        idempotency_key: "u".into(),
        customer_id: id,
        profile: Some(pb::Profile { last_name: "King".into(), ..Default::default() }),
    };
    let status = mesh.client().update_customer(update).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "ANONYMOUS_CUSTOMER");
}
