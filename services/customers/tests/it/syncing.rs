//! What systems say of their records.

use std::time::Duration;

use retail_proto::customers::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_runtime::fault::Class;

use crate::harness::{Mesh, ada, contact, mesh, says};

fn named(first_name: &str) -> pb::Profile {
    pb::Profile { first_name: first_name.into(), last_name: "Lovelace".into(), ..Default::default() }
}

fn till(id: &str) -> Ref {
    Ref { kind: "pos".into(), instance: "till".into(), r#type: "shopper".into(), id: id.into(), number: String::new() }
}

async fn source_of(mesh: &Mesh, id: &str, field: &str) -> Option<Ref> {
    let sources = mesh.customer(id).await.field_sources;
    sources.into_iter().find(|source| source.field == field).and_then(|source| source.source)
}

#[tokio::test]
async fn a_record_that_nobody_knows_founds_a_customer_and_the_other_systems_are_told() {
    let mesh = mesh().await;
    let heard = mesh.sync(says(contact("003A"), 1, named("Ada"))).await.unwrap();
    let customer = heard.customer.clone().unwrap();
    assert_eq!((heard.result(), customer.kind()), (pb::SyncResult::Applied, pb::CustomerKind::Registered));
    mesh.reference(&customer.customer_id, "erp", "netsuite", Duration::from_secs(10)).await.unwrap();
    mesh.quiet().await;
    assert_eq!((mesh.erp.books().calls, mesh.crm.books().calls), (1, 0), "the CRM has brought it");
    let own = mesh.reference(&customer.customer_id, "crm", "salesforce", Duration::from_secs(10)).await.unwrap();
    assert_eq!(own.id, "003A");
    assert_eq!(source_of(&mesh, &customer.customer_id, "first_name").await, Some(contact("003A")));
}

#[tokio::test]
async fn versions_in_any_order_end_with_the_highest() {
    let mesh = mesh().await;
    for (version, name, result) in [
        (2, "Augusta", pb::SyncResult::Applied),
        (1, "Ada", pb::SyncResult::Older),
        (2, "Augusta", pb::SyncResult::Unchanged),
        (3, "Ada Augusta", pb::SyncResult::Applied),
    ] {
        let said = says(till("7"), version, named(name));
        let request = pb::SyncCustomerRequest { idempotency_key: format!("{name}-{version}-{result:?}"), ..said };
        assert_eq!(mesh.sync(request).await.unwrap().result(), result, "{name}");
    }
    let found = mesh.find(pb::FindCustomersRequest { system_id: Some(till("7")), ..Default::default() }).await.unwrap();
    assert_eq!(found[0].profile.clone().unwrap().first_name, "Ada Augusta");
}

#[tokio::test]
async fn a_verified_address_leads_to_the_customer_who_has_it() {
    let mesh = mesh().await;
    let known = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let profile = pb::Profile { email: "ADA@lovelace.org".into(), ..named("Ada") };
    let said = pb::SyncCustomerRequest { email_verified: true, ..says(till("7"), 1, profile) };
    let heard = mesh.sync(said).await.unwrap().customer.unwrap();
    assert_eq!(heard.customer_id, known);
    assert!(heard.refs.contains(&till("7")));
}

#[tokio::test]
async fn a_system_that_repeats_what_it_was_told_changes_nothing_and_nobody_is_told() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    mesh.reference(&id, "crm", "salesforce", Duration::from_secs(10)).await.unwrap();
    mesh.quiet().await;
    let (before, calls) = (mesh.customer(&id).await, (mesh.erp.books().calls, mesh.crm.books().calls));
    let told = mesh.crm.books().customers[&id].clone();
    let profile = pb::Profile {
        first_name: told.first_name,
        last_name: told.last_name,
        email: told.email,
        phone: told.phone,
        ..Default::default()
    };
    let heard = mesh.sync(says(contact(&format!("Contact-{id}")), 1, profile)).await.unwrap();
    assert_eq!((heard.result(), heard.customer), (pb::SyncResult::Unchanged, Some(before)));
    mesh.quiet().await;
    assert_eq!((mesh.erp.books().calls, mesh.crm.books().calls), calls);
}

#[tokio::test]
async fn a_change_in_one_system_is_told_to_the_other_only() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    mesh.reference(&id, "crm", "salesforce", Duration::from_secs(10)).await.unwrap();
    mesh.quiet().await;
    let calls = mesh.crm.books().calls;
    let profile = pb::Profile { email: "Ada@Lovelace.org".into(), phone: "+442079460958".into(), ..named("Countess") };
    mesh.sync(says(contact(&format!("Contact-{id}")), 1, profile)).await.unwrap();
    mesh.until("the ERP knows", || async { mesh.erp.books().customers[&id].first_name == "Countess" }).await;
    mesh.quiet().await;
    assert_eq!(mesh.crm.books().calls, calls);
}

#[tokio::test]
async fn a_system_whose_value_lost_is_told_what_survived() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    mesh.reference(&id, "crm", "salesforce", Duration::from_secs(10)).await.unwrap();
    let update = pb::UpdateCustomerRequest {
        idempotency_key: "u".into(),
        customer_id: id.clone(),
        profile: Some(pb::Profile { first_name: "Countess".into(), ..Default::default() }),
    };
    mesh.client().update_customer(update).await.unwrap();
    mesh.until("both were told", || async {
        [&mesh.erp, &mesh.crm].iter().all(|system| system.books().customers[&id].first_name == "Countess")
    })
    .await;
    mesh.quiet().await;
    let calls = mesh.crm.books().calls;
    let mut said = says(contact(&format!("Contact-{id}")), 1, named("Typed in long ago"));
    said.changed_at = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let heard = mesh.sync(said).await.unwrap();
    assert_eq!(heard.customer.unwrap().profile.unwrap().first_name, "Countess");
    mesh.until("the CRM was told again", || async { mesh.crm.books().calls > calls }).await;
    assert_eq!(mesh.crm.books().customers[&id].first_name, "Countess");
}

#[tokio::test]
async fn a_deleted_record_goes_and_its_customer_stays() {
    let mesh = mesh().await;
    let id = mesh.sync(says(till("7"), 1, named("Ada"))).await.unwrap().customer.unwrap().customer_id;
    let gone = pb::SyncCustomerRequest { deleted: true, ..says(till("7"), 2, pb::Profile::default()) };
    let heard = mesh.sync(gone).await.unwrap();
    assert_eq!(heard.result(), pb::SyncResult::Applied);
    let customer = mesh.customer(&id).await;
    assert!(!customer.refs.contains(&till("7")));
    assert_eq!(customer.profile.unwrap().first_name, "Ada");
}

#[tokio::test]
async fn a_record_that_was_deleted_before_anybody_heard_of_it_is_no_reference() {
    let mesh = mesh().await;
    let gone = pb::SyncCustomerRequest { deleted: true, ..says(till("7"), 2, pb::Profile::default()) };
    let heard = mesh.sync(gone).await.unwrap();
    assert_eq!((heard.result(), heard.customer), (pb::SyncResult::Unchanged, None));
    let late = mesh.sync(says(till("7"), 1, named("Ada"))).await.unwrap().customer.unwrap();
    assert_eq!((late.refs, late.profile.unwrap().first_name.as_str()), (vec![], "Ada"));
}

#[tokio::test]
async fn a_system_that_speaks_of_a_new_record_before_it_answers_makes_no_second_customer() {
    let mesh = mesh().await;
    mesh.crm.books().away = true;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let record = contact(&format!("Contact-{id}"));
    let profile = pb::Profile { email: "ada@lovelace.org".into(), ..named("Ada") };
    let said = says(record, 1, profile);
    let refusal = mesh.sync(said.clone()).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unavailable, "RECORD_EXPECTED"));
    assert!(refusal.retry_after().is_some());
    mesh.crm.books().away = false;
    mesh.reference(&id, "crm", "salesforce", Duration::from_secs(10)).await.unwrap();
    assert_eq!(mesh.sync(said).await.unwrap().customer.unwrap().customer_id, id);
}

#[tokio::test]
async fn the_anonymous_customer_stays_nobody_whatever_a_system_says_of_its_record() {
    let mesh = mesh().await;
    let nobody = pb::ResolveCustomerRequest { idempotency_key: "k".into(), brand: "acme".into(), ..Default::default() };
    let id = mesh.resolve(nobody).await.customer.unwrap().customer_id;
    let record = mesh.reference(&id, "erp", "netsuite", Duration::from_secs(10)).await.unwrap();
    let profile = pb::Profile { email: "ada@lovelace.org".into(), ..named("Ada") };
    let said = pb::SyncCustomerRequest { email_verified: true, ..says(record, 1, profile) };
    let heard = mesh.sync(said).await.unwrap();
    assert_eq!((heard.result(), heard.customer.unwrap().profile), (pb::SyncResult::Unchanged, None));
    assert_ne!(mesh.resolve(ada()).await.customer.unwrap().customer_id, id);
}

#[tokio::test]
async fn a_key_of_one_sync_is_no_key_of_another() {
    let mesh = mesh().await;
    let said = says(till("7"), 1, named("Ada"));
    mesh.sync(said.clone()).await.unwrap();
    let other = pb::SyncCustomerRequest { source: Some(till("8")), ..said };
    let refusal = mesh.sync(other).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("IDEMPOTENCY_KEY_REUSED", "idempotency_key"));
    let nobody = mesh.find(pb::FindCustomersRequest { system_id: Some(till("8")), ..Default::default() }).await;
    assert!(nobody.unwrap().is_empty());
}
