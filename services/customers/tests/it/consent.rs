//! Decisions about consent.

use retail_proto::customers::v1 as pb;
use retail_runtime::fault::{Class, Refusal};

use crate::harness::{Mesh, ada, augusta, contact, merge_of, mesh};

fn decision(state: pb::ConsentState, second: i64) -> pb::Consent {
    pb::Consent {
        channel: i32::from(pb::ConsentChannel::Email),
        purpose: "MARKETING".into(),
        state: i32::from(state),
        captured_at: Some(prost_types::Timestamp { seconds: 1_700_000_000 + second, nanos: 0 }),
        source: Some(contact("003A")),
        evidence: "I want the newsletter; https://shop/form".into(),
        recorded_at: None,
    }
}

async fn record(mesh: &Mesh, key: &str, id: &str, consent: pb::Consent) -> Result<pb::Customer, Refusal> {
    let request =
        pb::RecordConsentRequest { idempotency_key: key.into(), customer_id: id.into(), consent: Some(consent) };
    let answer = mesh.client().record_consent(request).await.map_err(|status| Refusal::read(&status))?;
    Ok(answer.into_inner().customer.unwrap())
}

async fn history(mesh: &Mesh, id: &str) -> Vec<pb::Consent> {
    let request = pb::ListConsentsRequest { customer_id: id.into() };
    mesh.client().list_consents(request).await.unwrap().into_inner().consents
}

#[tokio::test]
async fn the_latest_capture_stands_whatever_came_first_and_all_is_kept() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    record(&mesh, "1", &id, decision(pb::ConsentState::Withdrawn, 5)).await.unwrap();
    let customer = record(&mesh, "2", &id, decision(pb::ConsentState::Granted, 3)).await.unwrap();
    assert_eq!(customer.consents.len(), 1);
    assert_eq!(customer.consents[0].state(), pb::ConsentState::Withdrawn);
    let kept: Vec<_> = history(&mesh, &id).await.iter().map(|known| known.state()).collect();
    assert_eq!(kept, [pb::ConsentState::Withdrawn, pb::ConsentState::Granted]);
    assert!(history(&mesh, &id).await[0].recorded_at.is_some());
    let last = mesh.events(&id).await.into_iter().rev().find(|(kind, _)| kind.ends_with("CustomerConsentRecorded"));
    assert_eq!(last.unwrap().1.consents.len(), 1);
}

#[tokio::test]
async fn the_same_decision_told_again_changes_nothing() {
    let mesh = mesh().await;
    let id = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    mesh.quiet().await;
    let first = record(&mesh, "1", &id, decision(pb::ConsentState::Granted, 1)).await.unwrap();
    let again = record(&mesh, "2", &id, decision(pb::ConsentState::Granted, 1)).await.unwrap();
    assert_eq!((again, history(&mesh, &id).await.len()), (first, 1));
}

#[tokio::test]
async fn a_key_of_one_decision_is_no_key_of_another_even_of_another_customer() {
    let mesh = mesh().await;
    let one = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let two = mesh.resolve(augusta()).await.customer.unwrap().customer_id;
    let first = record(&mesh, "1", &one, decision(pb::ConsentState::Granted, 1)).await.unwrap();
    assert_eq!(record(&mesh, "1", &one, decision(pb::ConsentState::Granted, 1)).await.unwrap(), first);
    let refusal = record(&mesh, "1", &two, decision(pb::ConsentState::Granted, 1)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED"));
    assert!(history(&mesh, &two).await.is_empty());
}

#[tokio::test]
async fn consents_of_both_are_united_and_the_stricter_of_one_moment_stands() {
    let mesh = mesh().await;
    let one = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let two = mesh.resolve(augusta()).await.customer.unwrap().customer_id;
    record(&mesh, "1", &one, decision(pb::ConsentState::Granted, 7)).await.unwrap();
    record(&mesh, "2", &two, decision(pb::ConsentState::Withdrawn, 7)).await.unwrap();
    let merged = mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    assert_eq!(merged.consents[0].state(), pb::ConsentState::Withdrawn);
    assert_eq!(history(&mesh, &two).await.len(), 2);
}

#[tokio::test]
async fn nobody_in_particular_consents_to_nothing() {
    let mesh = mesh().await;
    let nobody = pb::ResolveCustomerRequest { idempotency_key: "k".into(), brand: "acme".into(), ..Default::default() };
    let id = mesh.resolve(nobody).await.customer.unwrap().customer_id;
    let refusal = record(&mesh, "1", &id, decision(pb::ConsentState::Granted, 1)).await.unwrap_err();
    assert_eq!(refusal.reason(), "ANONYMOUS_CUSTOMER");
    assert_eq!(
        record(&mesh, "2", "c-9", decision(pb::ConsentState::Granted, 1)).await.unwrap_err().reason(),
        "NO_SUCH_CUSTOMER"
    );
}
