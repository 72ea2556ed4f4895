//! Who is who.

use std::collections::BTreeSet;

use futures::future::join_all;
use retail_proto::customers::v1 as pb;
use retail_runtime::fault::Refusal;

use crate::harness::{ada, ada_as_guest, mesh};

#[tokio::test]
async fn first_calls_at_once_agree_on_one_customer() {
    let mesh = mesh().await;
    let asked = (0..20).map(|n| mesh.resolve(if n % 2 == 0 { ada() } else { ada_as_guest() }));
    let answers = join_all(asked).await;
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.customer.clone().unwrap().customer_id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
    assert!(answers.iter().all(|answer| answer.merge_candidates.is_empty()));
}

#[tokio::test]
async fn a_returning_customer_costs_no_commit() {
    let mesh = mesh().await;
    let first = mesh.resolve(ada()).await.customer.unwrap();
    let before = mesh.quiet().await;
    let again = mesh.resolve(ada()).await;
    assert!(!again.created);
    assert_eq!(again.customer.unwrap().customer_id, first.customer_id);
    assert_eq!(mesh.store.commits(), before);
}

#[tokio::test]
async fn a_guest_who_registers_stays_the_same_customer() {
    let mesh = mesh().await;
    let guest = mesh.resolve(ada_as_guest()).await.customer.unwrap();
    assert_eq!(guest.kind(), pb::CustomerKind::Guest);
    let registered = mesh.resolve(ada()).await.customer.unwrap();
    assert_eq!(
        (registered.customer_id.as_str(), registered.kind()),
        (guest.customer_id.as_str(), pb::CustomerKind::Registered)
    );
    assert!(registered.refs.iter().any(|record| record.kind == "commerce" && record.id == "7"));
}

#[tokio::test]
async fn keys_of_two_customers_are_candidates_for_a_merge() {
    let mesh = mesh().await;
    let by_mail = mesh.resolve(ada_as_guest()).await.customer.unwrap();
    let by_id = mesh.resolve(pb::ResolveCustomerRequest { email: String::new(), phone: String::new(), ..ada() }).await;
    let both = mesh.resolve(ada()).await;
    assert_eq!(both.customer.unwrap().customer_id, by_id.customer.unwrap().customer_id);
    assert_eq!(both.merge_candidates, [by_mail.customer_id]);
}

#[tokio::test]
async fn sales_without_any_key_are_the_anonymous_customer_of_their_brand() {
    let mesh = mesh().await;
    let nobody = |brand: &str| pb::ResolveCustomerRequest {
        idempotency_key: "k".into(),
        email: "x7@privaterelay.appleid.com".into(),
        email_verified: true,
        brand: brand.into(),
        ..Default::default()
    };
    let first = mesh.resolve(nobody("acme")).await;
    let second = mesh.resolve(nobody("acme")).await;
    let other = mesh.resolve(nobody("luxe")).await;
    assert!(first.created && !second.created);
    let (first, second, other) = (first.customer.unwrap(), second.customer.unwrap(), other.customer.unwrap());
    assert_eq!((first.kind(), &first.profile), (pb::CustomerKind::Anonymous, &None));
    assert_eq!(first.customer_id, second.customer_id);
    assert_ne!(first.customer_id, other.customer_id);
}

#[tokio::test]
async fn a_customer_nobody_knows_is_not_found() {
    let mesh = mesh().await;
    mesh.resolve(ada()).await;
    let request = pb::GetCustomerRequest { customer_id: "c-9".into() };
    let status = mesh.client().get_customer(request).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "NO_SUCH_CUSTOMER");
}
