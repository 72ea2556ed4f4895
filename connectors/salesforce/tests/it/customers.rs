//! Customers.

use super::*;

#[tokio::test]
async fn a_person_becomes_one_account_with_one_contact_however_often_asked() {
    let world = world().await;
    let first = world.save_customer(customer()).await.unwrap();
    let second = world.save_customer(customer()).await.unwrap();
    assert_eq!(state(first.outcome), done());
    assert_eq!(first.records, second.records);
    assert_eq!(first.records.iter().map(|record| record.r#type.as_str()).collect::<Vec<_>>(), ["Account", "Contact"]);
    let books = world.books().await;
    assert_eq!((books["accounts"].clone(), books["contacts"].clone()), (one(1), one(1)));
    assert_eq!(world.records("Contact").await[0]["AccountId"], json!(first.records[0].id));
}

#[tokio::test]
async fn a_company_becomes_an_account_alone() {
    let world = world().await;
    let company =
        pb::CustomerRecord { is_person: false, first_name: String::new(), last_name: "Acme".to_owned(), ..customer() };
    assert_eq!(world.save_customer(company).await.unwrap().records.len(), 1);
    assert_eq!(world.records("Account").await[0]["Name"], "Acme");
    assert_eq!(world.books().await["contacts"], one(0));
}

#[tokio::test]
async fn an_older_customer_changes_nothing_and_still_names_the_records() {
    let world = world().await;
    let newer = world.save_customer(pb::CustomerRecord { version: 5, ..customer() }).await.unwrap();
    let older = pb::CustomerRecord { version: 4, last_name: "Older".to_owned(), ..customer() };
    let answer = world.save_customer(older).await.unwrap();
    assert_eq!(answer.outcome.as_ref().unwrap().warnings.len(), 2);
    assert_eq!(state(answer.outcome), done());
    assert_eq!(answer.records, newer.records);
    assert_eq!(world.records("Contact").await[0]["LastName"], "Doe");
}

#[tokio::test]
async fn what_an_agent_typed_stays_when_we_know_nothing_better() {
    let world = world().await;
    world.save_customer(pb::CustomerRecord { phone: "0113".to_owned(), ..customer() }).await.unwrap();
    world.save_customer(pb::CustomerRecord { version: 2, ..customer() }).await.unwrap();
    assert_eq!(world.records("Account").await[0]["Phone"], "0113");
}

#[tokio::test]
async fn racing_writers_of_a_new_customer_leave_one() {
    let world = world().await;
    let writers = (0..8).map(|_| world.save_customer(customer()));
    for answer in futures::future::join_all(writers).await {
        assert_eq!(state(answer.unwrap().outcome), done());
    }
    assert_eq!(world.books().await["accounts"], one(1));
}

#[tokio::test]
async fn an_address_the_org_refuses_is_an_outcome_with_the_orgs_reason() {
    let world = world().await;
    let answer = world.save_customer(pb::CustomerRecord { email: "nonsense".to_owned(), ..customer() }).await.unwrap();
    assert_eq!(state(answer.outcome), (OutcomeState::Refused, "INVALID_EMAIL_ADDRESS".to_owned()));
}

#[tokio::test]
async fn two_records_under_our_key_are_refused() {
    let world = world().await;
    world.save_customer(customer()).await.unwrap();
    world.turn("shared-key", json!({"field": "Account.Mesh_Id__c", "on": true})).await;
    world.turn("copy", json!({"object": "Account"})).await;
    let answer = world.save_customer(customer()).await.unwrap();
    assert_eq!(state(answer.outcome), (OutcomeState::Refused, "EXTERNAL_ID_NOT_UNIQUE".to_owned()));
    assert_eq!(world.books().await["accounts"], json!({"count": 2, "duplicates": 1}));
}

#[tokio::test]
async fn a_duplicate_rule_that_alerts_is_overruled_and_one_that_blocks_is_not() {
    let world = world().await;
    world.save_customer(customer()).await.unwrap();
    let twin = || pb::CustomerRecord { external_ref: "c-2".to_owned(), ..customer() };
    world.turn("duplicate-rule", json!({"object": "Contact", "allow_save": false})).await;
    let answer = world.save_customer(twin()).await.unwrap();
    assert_eq!(state(answer.outcome), (OutcomeState::Refused, "DUPLICATES_DETECTED".to_owned()));
    world.turn("duplicate-rule", json!({"object": "Contact", "allow_save": true})).await;
    assert_eq!(state(world.save_customer(twin()).await.unwrap().outcome), done());
}
