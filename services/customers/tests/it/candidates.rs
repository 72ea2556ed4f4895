//! Pairs that may be one person.

use retail_proto::customers::v1 as pb;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, ada, ada_as_guest, augusta, merge_of, mesh, unmerge_of};

/// Two customers, and a sale that has keys of both.
async fn suspects(mesh: &Mesh) -> (String, String) {
    let by_mail = mesh.resolve(ada_as_guest()).await.customer.unwrap().customer_id;
    let by_id = pb::ResolveCustomerRequest { email: String::new(), phone: String::new(), ..ada() };
    let by_id = mesh.resolve(by_id).await.customer.unwrap().customer_id;
    mesh.resolve(ada()).await;
    (by_id, by_mail)
}

fn dismissal(one: &str, other: &str) -> pb::DismissMergeCandidateRequest {
    pb::DismissMergeCandidateRequest {
        idempotency_key: "d".into(),
        customer_id: one.into(),
        other_id: other.into(),
        note: "mother and daughter".into(),
    }
}

#[tokio::test]
async fn customers_that_share_a_key_are_a_pair_once() {
    let mesh = mesh().await;
    let (one, two) = suspects(&mesh).await;
    mesh.resolve(ada()).await;
    let found = mesh.candidates().await;
    assert_eq!(found.len(), 1);
    let mut pair = [found[0].customer_id.clone(), found[0].other_id.clone()];
    let mut ids = [one, two];
    pair.sort();
    ids.sort();
    assert_eq!((pair, found[0].reason.as_str()), (ids, "SAME_VERIFIED_EMAIL"));
}

#[tokio::test]
async fn a_profile_that_takes_on_anothers_number_makes_a_pair() {
    let mesh = mesh().await;
    mesh.resolve(ada()).await;
    let other = mesh.resolve(augusta()).await.customer.unwrap().customer_id;
    let update = pb::UpdateCustomerRequest {
        idempotency_key: "u".into(),
        customer_id: other,
        profile: Some(pb::Profile { phone: ada().phone, ..Default::default() }),
    };
    mesh.client().update_customer(update).await.unwrap();
    assert_eq!(mesh.candidates().await[0].reason, "SAME_PHONE");
}

#[tokio::test]
async fn a_pair_that_was_dismissed_is_never_proposed_again() {
    let mesh = mesh().await;
    let (one, two) = suspects(&mesh).await;
    mesh.client().dismiss_merge_candidate(dismissal(&one, &two)).await.unwrap();
    mesh.client().dismiss_merge_candidate(dismissal(&one, &two)).await.unwrap();
    mesh.resolve(ada()).await;
    assert!(mesh.candidates().await.is_empty());
    let strangers = mesh.client().dismiss_merge_candidate(dismissal(&one, "c-9")).await.unwrap_err();
    assert_eq!(Refusal::read(&strangers).reason(), "NO_SUCH_CUSTOMER");
}

#[tokio::test]
async fn a_pair_that_was_merged_is_gone_and_stays_gone_when_that_is_taken_back() {
    let mesh = mesh().await;
    let (one, two) = suspects(&mesh).await;
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    assert!(mesh.candidates().await.is_empty());
    mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    mesh.resolve(ada()).await;
    assert!(mesh.candidates().await.is_empty());
}

#[tokio::test]
async fn pairs_come_in_pages_newest_first() {
    let mesh = mesh().await;
    let mut expected = Vec::new();
    for n in 0..3 {
        let phone = format!("+4420794609{n}{n}");
        let by_phone =
            pb::ResolveCustomerRequest { idempotency_key: "k".into(), phone: phone.clone(), ..Default::default() };
        let one = mesh.resolve(by_phone).await.customer.unwrap().customer_id;
        let by_id = pb::ResolveCustomerRequest {
            idempotency_key: "k".into(),
            system_id: ada().system_id.map(|record| retail_proto::types::v1::Ref { id: format!("x{n}"), ..record }),
            ..Default::default()
        };
        mesh.resolve(by_id.clone()).await;
        mesh.resolve(pb::ResolveCustomerRequest { phone, ..by_id }).await;
        expected.insert(0, one);
    }
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListMergeCandidatesRequest { page_size: 2, page_token };
        let page = mesh.client().list_merge_candidates(request).await.unwrap().into_inner();
        seen.extend(page.candidates);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let has = |pair: &pb::MergeCandidate, id: &String| pair.customer_id == *id || pair.other_id == *id;
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().zip(&expected).all(|(pair, id)| has(pair, id)), "{seen:?} {expected:?}");
    let request = pb::ListMergeCandidatesRequest { page_size: 201, page_token: "x".into() };
    let refusal = Refusal::read(&mesh.client().list_merge_candidates(request).await.unwrap_err());
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["page_size", "page_token"]);
}
