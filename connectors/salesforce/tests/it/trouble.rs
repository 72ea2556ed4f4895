//! Bad days: lost answers, dead tokens, limits, locks.

use std::time::Duration;

use retail_runtime::fault::Class;

use super::*;

fn said(refusal: Refusal) -> (Class, String) {
    (refusal.class(), refusal.reason().to_owned())
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_is_unknown_and_the_repeat_leaves_one_record() {
    for kind in ["reset_after_commit", "truncate"] {
        let world = world().await;
        world.fault(json!({"kind": kind, "path_contains": "composite"})).await;
        let refusal = world.save_order(order()).await.unwrap_err();
        assert_eq!(said(refusal), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN".to_owned()), "{kind}");
        assert_eq!(state(world.save_order(order()).await.unwrap().outcome), done());
        assert_eq!(world.books().await["order_contexts"], one(1));
    }
}

#[tokio::test]
async fn a_write_answered_500_is_unknown() {
    let world = world().await;
    world.fault(json!({"kind": "status", "status": 500, "path_contains": "composite"})).await;
    assert_eq!(world.save_order(order()).await.unwrap_err().class(), Class::Unknown);
}

#[tokio::test]
async fn a_write_answered_429_was_not_executed_and_is_repeated() {
    let world = world().await;
    world.fault(json!({"kind": "status", "status": 429, "path_contains": "composite"})).await;
    assert_eq!(state(world.save_order(order()).await.unwrap().outcome), done());
}

#[tokio::test]
async fn a_read_is_repeated_until_the_org_is_well() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    world.fault(json!({"kind": "status", "status": 503, "path_contains": "query", "times": 2})).await;
    assert_eq!(world.find_order("o-1").await.unwrap().context.unwrap(), order());
}

#[tokio::test]
async fn a_dead_token_is_replaced_once_and_the_call_repeated() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    world.fault(json!({"kind": "expire_tokens", "path_contains": "composite"})).await;
    assert_eq!(state(world.save_order(order()).await.unwrap().outcome), done());
}

#[tokio::test]
async fn a_wrong_secret_is_our_misconfiguration() {
    let mut world = world().await;
    world.crm = connector(&world.runtime, &world.org, &BY_SECRET.replace("-secret'", "-wrong'"));
    let refusal = world.save_order(order()).await.unwrap_err();
    assert_eq!(said(refusal), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS".to_owned()));
}

#[tokio::test]
async fn a_token_that_may_not_use_the_api_starts_no_login_loop() {
    let mut world = world().await;
    world
        .turn("apps", json!({"client_id": "web", "client_secret": "x", "username": "web@weft.example", "api": false}))
        .await;
    let auth = "grant = 'client_credentials'\nclient_id = 'web'\nclient_secret = 'x'";
    world.crm = connector(&world.runtime, &world.org, auth);
    let refusal = world.save_order(order()).await.unwrap_err();
    assert_eq!(said(refusal), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS".to_owned()));
    let logins = world.operate(Method::GET, "/salesforce/requests?contains=oauth2/token", Value::Null).await;
    assert_eq!(logins.as_array().or_else(|| logins["requests"].as_array()).unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_of_ours_logs_in_as_well_as_a_secret() {
    let mut world = world().await;
    let public = include_str!("public-key.pem");
    world
        .turn(
            "apps",
            json!({"client_id": "jwt", "client_secret": "x", "username": "jwt@weft.example", "public_key": public}),
        )
        .await;
    let private = include_str!("private-key.pem");
    let auth = format!(
        "grant = 'jwt_bearer'\nclient_id = 'jwt'\nusername = 'jwt@weft.example'\nprivate_key = '''{private}'''"
    );
    world.crm = connector(&world.runtime, &world.org, &auth);
    assert_eq!(state(world.save_order(order()).await.unwrap().outcome), done());
}

#[tokio::test]
async fn a_spent_allowance_says_when_to_come_back() {
    let world = world().await;
    world.turn("usage", json!({"calls": 2_000_000})).await;
    let refusal = world.save_order(order()).await.unwrap_err();
    assert_eq!(refusal.retry_after(), Some(Duration::from_secs(900)));
    assert_eq!(said(refusal), (Class::Throttled, "VENDOR_THROTTLED".to_owned()));
}

#[tokio::test]
async fn a_locked_parent_is_waited_for_but_not_for_ever() {
    let world = world().await;
    world.turn("locks", json!({"times": 2})).await;
    assert_eq!(state(world.save_customer(customer()).await.unwrap().outcome), done());
    world.turn("locks", json!({"times": 1_000})).await;
    let refusal = world.save_customer(customer()).await.unwrap_err();
    assert_eq!(said(refusal), (Class::Unavailable, "VENDOR_RECORD_BUSY".to_owned()));
}

#[tokio::test]
async fn an_org_that_cannot_be_reached_was_not_asked() {
    let mut world = world().await;
    let closed = world.runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let nowhere = format!("http://{}", closed.local_addr());
    drop(closed);
    world.crm = connector(&world.runtime, &nowhere, BY_SECRET);
    let refusal = world.save_order(order()).await.unwrap_err();
    assert_eq!(refusal.class(), Class::Unavailable);
}

#[tokio::test]
async fn an_org_that_moved_away_was_not_asked() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    world.turn("move", json!({"instance_url": "http://127.0.0.2:1"})).await;
    assert_eq!(
        said(world.save_order(order()).await.unwrap_err()),
        (Class::Unavailable, "VENDOR_UNREACHABLE".to_owned())
    );
}
