//! Two customers become one, and two again.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join;
use retail_proto::customers::v1 as pb;
use retail_runtime::fault::Class;

use crate::harness::{ada, augusta, contact, merge_of, mesh, says, unmerge_of};

const LONG: Duration = Duration::from_secs(10);

fn ids(customer: &pb::Customer) -> BTreeSet<String> {
    customer.refs.iter().map(|record| format!("{}/{}/{}", record.kind, record.r#type, record.id)).collect()
}

/// A customer without what counts its changes.
fn content(customer: &pb::Customer) -> pb::Customer {
    pb::Customer { version: 0, updated_at: None, ..customer.clone() }
}

#[tokio::test]
async fn after_a_merge_both_ids_and_every_key_answer_the_survivor() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let (first, second) = (mesh.customer(&one).await, mesh.customer(&two).await);
    let merged = mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    assert_eq!((merged.customer_id.as_str(), merged.merged_ids.as_slice()), (one.as_str(), &[two.clone()][..]));
    assert_eq!(mesh.customer(&two).await.customer_id, one);
    for by in [ada(), augusta(), pb::ResolveCustomerRequest { system_id: None, ..augusta() }] {
        let found = mesh.resolve(by).await;
        assert_eq!((found.customer.unwrap().customer_id, found.created), (one.clone(), false));
        assert!(found.merge_candidates.is_empty());
    }
    assert_eq!(ids(&merged), &ids(&first) | &ids(&second));
}

#[tokio::test]
async fn every_system_is_told_what_survived_and_each_id_keeps_its_records() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    mesh.until("both systems know the company of the other", || async {
        [&mesh.erp, &mesh.crm].iter().all(|system| system.books().customers[&one].last_name == "Engines")
    })
    .await;
    let record = mesh.reference(&two, "erp", "netsuite", LONG).await.unwrap();
    assert_eq!(record.id, format!("customer-{one}"), "the survivor's own");
    let erp = mesh.customer(&one).await.refs.iter().filter(|record| record.kind == "erp").count();
    assert_eq!(erp, 2, "the other's record is still known");
}

#[tokio::test]
async fn former_ids_of_a_former_customer_are_former_ids() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let third = pb::ResolveCustomerRequest { brand: "acme".into(), ..Default::default() };
    let third = pb::ResolveCustomerRequest {
        idempotency_key: "k".into(),
        system_id: ada().system_id.map(|record| retail_proto::types::v1::Ref { id: "9".into(), ..record }),
        ..third
    };
    let third = mesh.resolve(third).await.customer.unwrap().customer_id;
    mesh.merge(merge_of("1", &one, &two)).await.unwrap();
    let merged = mesh.merge(merge_of("2", &third, &one)).await.unwrap();
    assert_eq!(merged.merged_ids.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&one, &two]));
    assert_eq!(mesh.customer(&two).await.customer_id, third);
}

#[tokio::test]
async fn merging_twice_changes_nothing_and_a_circle_is_refused() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    mesh.merge(merge_of("1", &one, &two)).await.unwrap();
    mesh.quiet().await;
    let before = mesh.customer(&one).await;
    assert_eq!(mesh.merge(merge_of("1", &one, &two)).await.unwrap(), before);
    assert_eq!(mesh.merge(merge_of("2", &one, &two)).await.unwrap(), before);
    for (survivor, merged) in [(&two, &one), (&one, &one), (&two, &two)] {
        let refusal = mesh.merge(merge_of(&format!("{survivor}{merged}"), survivor, merged)).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "SAME_CUSTOMER"));
    }
    assert_eq!(mesh.customer(&one).await, before);
}

#[tokio::test]
async fn nobody_in_particular_and_strangers_are_not_merged() {
    let mesh = mesh().await;
    let one = mesh.resolve(ada()).await.customer.unwrap().customer_id;
    let nobody = pb::ResolveCustomerRequest { idempotency_key: "k".into(), brand: "acme".into(), ..Default::default() };
    let nobody = mesh.resolve(nobody).await.customer.unwrap().customer_id;
    let reason = |survivor: String, merged: String| {
        let mesh = &mesh;
        async move {
            mesh.merge(merge_of(&format!("{survivor}{merged}"), &survivor, &merged))
                .await
                .unwrap_err()
                .reason()
                .to_owned()
        }
    };
    assert_eq!(reason(one.clone(), nobody.clone()).await, "ANONYMOUS_CUSTOMER");
    assert_eq!(reason(nobody, one.clone()).await, "ANONYMOUS_CUSTOMER");
    assert_eq!(reason(one.clone(), "c-9".into()).await, "NO_SUCH_CUSTOMER");
    assert_eq!(reason("c-9".into(), one.clone()).await, "NO_SUCH_CUSTOMER");
    assert_eq!(
        mesh.merge(pb::MergeCustomersRequest { note: String::new(), ..merge_of("n", &one, "c-9") })
            .await
            .unwrap_err()
            .fields()[0]
            .0,
        "note"
    );
}

#[tokio::test]
async fn of_two_merges_into_each_other_at_once_one_wins_and_the_other_is_told() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let (first, second) = join(mesh.merge(merge_of("1", &one, &two)), mesh.merge(merge_of("2", &two, &one))).await;
    let refused = [&first, &second]
        .into_iter()
        .filter_map(|answer| answer.as_ref().err())
        .map(|refusal| refusal.reason().to_owned());
    assert_eq!(refused.collect::<Vec<_>>(), ["SAME_CUSTOMER"]);
    assert_eq!(mesh.customer(&one).await.customer_id, mesh.customer(&two).await.customer_id);
}

#[tokio::test]
async fn a_former_customer_belongs_to_one_survivor() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let third = mesh
        .resolve(pb::ResolveCustomerRequest {
            idempotency_key: "k".into(),
            email: "third@lovelace.org".into(),
            email_verified: true,
            ..Default::default()
        })
        .await
        .customer
        .unwrap()
        .customer_id;
    mesh.merge(merge_of("1", &one, &two)).await.unwrap();
    let refusal = mesh.merge(merge_of("2", &third, &two)).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.metadata("survivor_id")), ("ALREADY_MERGED", Some(one.as_str())));
}

#[tokio::test]
async fn a_merge_that_is_taken_back_leaves_both_as_they_were() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    mesh.quiet().await;
    let before = (mesh.customer(&one).await, mesh.customer(&two).await);
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    mesh.quiet().await;
    let (survivor, restored) = mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    assert_eq!((content(&survivor), content(&restored)), (content(&before.0), content(&before.1)));
    assert!(survivor.version > before.0.version && restored.version > before.1.version);
    assert_eq!(mesh.resolve(augusta()).await.customer.unwrap().customer_id, two);
    assert_eq!(mesh.resolve(ada()).await.customer.unwrap().customer_id, one);
    mesh.until("the systems know two again", || async {
        let books = mesh.erp.books();
        books.customers[&one].last_name == "Lovelace" && books.customers[&two].last_name == "Engines"
    })
    .await;
    let again = mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    assert_eq!((again.0.customer_id, again.1.customer_id), (one.clone(), two.clone()));
    // A repeat of the merge is answered, and merges nothing again.
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    assert_eq!(mesh.customer(&two).await.customer_id, two);
}

#[tokio::test]
async fn what_came_under_a_record_since_goes_with_the_record() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let shop =
        |id: &str| ada().system_id.map(|record| retail_proto::types::v1::Ref { id: id.into(), ..record }).unwrap();
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    let profile = pb::Profile { first_name: "Gusta".into(), phone: "+442079460999".into(), ..Default::default() };
    mesh.sync(says(shop("8"), 2, profile)).await.unwrap();
    let consent = pb::Consent {
        channel: i32::from(pb::ConsentChannel::Email),
        purpose: "MARKETING".into(),
        state: i32::from(pb::ConsentState::Withdrawn),
        captured_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        source: Some(shop("8")),
        ..Default::default()
    };
    let request =
        pb::RecordConsentRequest { idempotency_key: "c".into(), customer_id: one.clone(), consent: Some(consent) };
    mesh.client().record_consent(request).await.unwrap();
    let merged = mesh.customer(&one).await;
    assert_eq!((merged.profile.unwrap().first_name.as_str(), merged.consents.len()), ("Gusta", 1));
    let (survivor, restored) = mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    assert_eq!((survivor.profile.unwrap().first_name.as_str(), survivor.consents.len()), ("Ada", 0));
    let profile = restored.profile.unwrap();
    assert_eq!((profile.first_name.as_str(), profile.phone.as_str()), ("Gusta", "+442079460999"));
    assert_eq!(restored.consents.len(), 1);
}

#[tokio::test]
async fn a_record_that_a_telling_wrote_for_the_other_goes_with_it() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let record = contact(&format!("Contact-{two}"));
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    let said =
        mesh.sync(says(record.clone(), 1, pb::Profile { first_name: "Augusta".into(), ..Default::default() })).await;
    assert_eq!(said.unwrap().customer.unwrap().customer_id, one);
    mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    let said = mesh.sync(says(record, 2, pb::Profile { first_name: "Gusta".into(), ..Default::default() })).await;
    assert_eq!(said.unwrap().customer.unwrap().customer_id, two);
}

#[tokio::test]
async fn a_new_account_under_the_others_address_goes_with_the_address() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    // She was seen with the address of the other before anybody merged them.
    mesh.resolve(pb::ResolveCustomerRequest { email: augusta().email, ..ada() }).await;
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    let account = ada().system_id.map(|record| retail_proto::types::v1::Ref { id: "new".into(), ..record });
    let new = pb::ResolveCustomerRequest { system_id: account.clone(), phone: String::new(), ..augusta() };
    assert_eq!(mesh.resolve(new.clone()).await.customer.unwrap().customer_id, one);
    let (survivor, restored) = mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    let account = account.unwrap();
    assert!(!survivor.refs.contains(&account) && restored.refs.contains(&account));
    assert_eq!(mesh.resolve(new).await.customer.unwrap().customer_id, two);
}

#[tokio::test]
async fn only_a_part_can_be_taken_out() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let refusal = mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "NOT_MERGED"));
    assert_eq!(mesh.unmerge(unmerge_of("v", &one, "c-9")).await.unwrap_err().reason(), "NO_SUCH_CUSTOMER");
}

#[tokio::test]
async fn whoever_follows_either_id_learns_who_it_is_now() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    let merged = mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    let shown = |events: Vec<(String, pb::Customer)>, kind: &str| {
        let kind = format!("retail.customers.v1.{kind}");
        events.into_iter().rev().find(|(known, _)| *known == kind).map(|(_, customer)| customer).unwrap()
    };
    let own = shown(mesh.events(&one).await, "CustomerMerged");
    assert_eq!((own.customer_id, own.merged_ids), (one.clone(), vec![two.clone()]));
    let former = shown(mesh.events(&two).await, "CustomerMerged");
    assert_eq!(
        (former.customer_id, former.merged_ids, former.profile),
        (one.clone(), vec![two.clone()], merged.profile)
    );
    mesh.unmerge(unmerge_of("u", &one, &two)).await.unwrap();
    let own = shown(mesh.events(&one).await, "CustomerUnmerged");
    assert_eq!((own.customer_id, own.merged_ids), (one, vec![]));
    assert_eq!(shown(mesh.events(&two).await, "CustomerUnmerged").customer_id, two);
}

#[tokio::test]
async fn a_key_of_one_merge_is_no_key_of_another() {
    let mesh = mesh().await;
    let (one, two) = mesh.two().await;
    mesh.merge(merge_of("m", &one, &two)).await.unwrap();
    let refusal = mesh.merge(merge_of("m", &two, &one)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED"));
}
