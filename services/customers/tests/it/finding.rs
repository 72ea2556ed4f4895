//! Finding customers without creating any.

use retail_proto::customers::v1 as pb;

use crate::harness::{Mesh, ada, augusta, contact, merge_of, mesh, says};

async fn found(mesh: &Mesh, email: &str, phone: &str) -> Vec<String> {
    let request = pb::FindCustomersRequest { email: email.into(), phone: phone.into(), system_id: None };
    mesh.find(request).await.unwrap().into_iter().map(|customer| customer.customer_id).collect()
}

#[tokio::test]
async fn a_customer_is_found_by_every_spelling_of_her_address_number_and_record() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    assert_eq!(found(&mesh, " ADA@lovelace.org", "").await, [id.as_str()]);
    assert_eq!(found(&mesh, "", "+44 (0)20 7946-0958").await, [id.as_str()]);
    let request = pb::FindCustomersRequest { system_id: ada().system_id, ..Default::default() };
    assert_eq!(mesh.find(request).await.unwrap()[0].customer_id, id);
    let record = mesh.reference(&id, "crm", "salesforce", std::time::Duration::from_secs(10)).await.unwrap();
    let request = pb::FindCustomersRequest { system_id: Some(record), ..Default::default() };
    assert_eq!(mesh.find(request).await.unwrap()[0].customer_id, id, "by the record that a telling wrote");
}

#[tokio::test]
async fn an_address_that_nobody_verified_finds_everybody_who_was_seen_with_it() {
    let mesh = mesh().await;
    let mut ids = Vec::new();
    for id in ["1", "2"] {
        let profile = pb::Profile { email: "family@lovelace.org".into(), ..Default::default() };
        ids.push(mesh.sync(says(contact(id), 1, profile)).await.unwrap().customer.unwrap().customer_id);
    }
    ids.sort();
    assert_eq!(found(&mesh, "family@lovelace.org", "").await, ids);
}

#[tokio::test]
async fn an_address_that_was_only_mentioned_finds_her_too() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let later = pb::ResolveCustomerRequest { email: "ada@work.org".into(), email_verified: false, ..ada() };
    mesh.resolve(later).await;
    assert_eq!(found(&mesh, "ada@work.org", "").await, [id]);
}

#[tokio::test]
async fn merged_ones_are_their_survivor_once() {
    let mesh = mesh().await;
    let one = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let two = mesh.resolve(augusta()).await.customer.unwrap().customer_id;
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    for email in ["ada@lovelace.org", "augusta@byron.org"] {
        assert_eq!(found(&mesh, email, "").await, [one.as_str()]);
    }
}

#[tokio::test]
async fn nobody_is_an_empty_list_and_nothing_is_created() {
    let mesh = mesh().await;
    let before = mesh.quiet().await;
    assert!(found(&mesh, "nobody@lovelace.org", "").await.is_empty());
    assert!(found(&mesh, "", "+442079460111").await.is_empty());
    assert_eq!(mesh.quiet().await, before);
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let mesh = mesh().await;
    for (email, phone, field) in [("ada", "", "email"), ("", "020 7946", "phone"), ("", "", "email")] {
        let request = pb::FindCustomersRequest { email: email.into(), phone: phone.into(), system_id: None };
        let refusal = mesh.find(request).await.unwrap_err();
        assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("BAD_REQUEST", field));
    }
}
