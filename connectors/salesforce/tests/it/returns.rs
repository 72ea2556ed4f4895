//! Returns in the package's own objects.

use retail_runtime::fault::Class;

use super::*;

async fn one_return(world: &World) -> Value {
    let all = world.records("Return__c").await;
    assert_eq!(all.len(), 1);
    all[0].clone()
}

#[tokio::test]
async fn a_return_hangs_below_its_customer_its_order_and_its_case_with_its_lines() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    let (case, _) = world.open(json!({"subject": "Broken"})).await;
    let context = pb::ReturnContext { case_record: Some(Ref { id: case.clone(), ..Ref::default() }), ..a_return() };
    let answer = world.save_return(context).await.unwrap();
    assert_eq!(answer.outcome.as_ref().unwrap().warnings, Vec::<String>::new());
    assert_eq!(state(answer.outcome), done());
    let held = one_return(&world).await;
    let record = answer.record.unwrap();
    assert_eq!((record.r#type.as_str(), json!(record.id)), ("Return__c", held["Id"].clone()));
    assert_eq!(held["Case__c"], json!(case));
    assert_eq!(held["Account__c"], world.records("Account").await[0]["Id"]);
    assert_eq!(held["Contact__c"], world.records("Contact").await[0]["Id"]);
    assert_eq!(held["Order_Ref__c"], world.records("Order_Context__c").await[0]["Id"]);
    assert_eq!((held["Credited__c"].to_string(), held["Currency__c"].clone()), ("15.3".to_owned(), json!("GBP")));
    let lines = world.records("Return_Line__c").await;
    assert_eq!(lines.iter().map(|line| line["Return__c"].clone()).collect::<Vec<_>>(), vec![held["Id"].clone(); 2]);
    assert_eq!(lines[0]["Requested__c"].to_string(), "3.0");
}

#[tokio::test]
async fn a_return_whose_customer_and_order_the_org_lacks_is_written_without_them_and_linked_later() {
    let world = world().await;
    let case_record = Some(Ref { id: "500SB0000000009AAA".to_owned(), ..Ref::default() });
    let answer = world.save_return(pb::ReturnContext { case_record, ..a_return() }).await.unwrap();
    assert_eq!(
        answer.outcome.as_ref().unwrap().warnings,
        [
            "not linked: the org has no customer c-1",
            "not linked: the org has no order context o-1",
            "not linked: the org has no case 500SB0000000009AAA"
        ]
    );
    assert_eq!(state(answer.outcome), done());
    world.save_order(order()).await.unwrap();
    world.save_return(pb::ReturnContext { version: 6, ..a_return() }).await.unwrap();
    assert!(one_return(&world).await["Order_Ref__c"].as_str().unwrap().starts_with("a00"));
}

#[tokio::test]
async fn a_return_of_nobody_and_of_no_order_is_written() {
    let world = world().await;
    let nobody = pb::ReturnContext { customer_ref: String::new(), order_refs: vec![], lines: vec![], ..a_return() };
    let answer = world.save_return(nobody).await.unwrap();
    assert_eq!(answer.outcome.as_ref().unwrap().warnings.len(), 0);
    assert_eq!(world.books().await["returns"], one(1));
}

#[tokio::test]
async fn an_older_return_changes_nothing_not_even_its_lines_and_still_names_the_record() {
    let world = world().await;
    let newer = world.save_return(a_return()).await.unwrap();
    let older = pb::ReturnContext { version: 4, status: "Older".to_owned(), lines: vec![], ..a_return() };
    let answer = world.save_return(older).await.unwrap();
    assert_eq!(answer.outcome.as_ref().unwrap().warnings, ["return: a newer version is there already"]);
    assert_eq!(state(answer.outcome), done());
    assert_eq!(answer.record, newer.record);
    assert_eq!(one_return(&world).await["Status__c"], "Waiting for the parcel");
    assert_eq!(world.records("Return_Line__c").await.len(), 2);
}

#[tokio::test]
async fn a_newer_return_clears_what_is_gone_and_removes_lines_it_no_longer_has() {
    let world = world().await;
    world.save_return(a_return()).await.unwrap();
    let mut newer = pb::ReturnContext { version: 6, credited: None, credit_memo_numbers: vec![], ..a_return() };
    newer.lines.truncate(1);
    newer.lines[0].received = "2".to_owned();
    world.save_return(newer).await.unwrap();
    let held = one_return(&world).await;
    assert_eq!((held["Credited__c"].clone(), held["Credit_Memo_Numbers__c"].clone()), (Value::Null, Value::Null));
    let lines = world.records("Return_Line__c").await;
    assert_eq!((lines.len(), lines[0]["Received__c"].to_string()), (1, "2.0".to_owned()));
}

#[tokio::test]
async fn a_return_with_a_line_the_org_refuses_is_not_written_at_all() {
    let world = world().await;
    let mut wrong = a_return();
    wrong.lines[1].requested = "1234567890123.5".to_owned();
    wrong.lines[1].received = "1".to_owned();
    let answer = world.save_return(wrong).await.unwrap();
    assert_eq!(state(answer.outcome), (OutcomeState::Refused, "NUMBER_OUTSIDE_VALID_RANGE".to_owned()));
    assert_eq!(world.books().await["returns"], one(0));
}

#[tokio::test]
async fn a_return_of_many_lines_goes_in_one_write() {
    let world = world().await;
    let line = a_return().lines[0].clone();
    let lines = (1..=450).map(|number| pb::ReturnContextLine { number, ..line.clone() }).collect();
    let answer = world.save_return(pb::ReturnContext { lines, ..a_return() }).await.unwrap();
    assert_eq!(state(answer.outcome), done());
    assert_eq!(world.records("Return_Line__c").await.len(), 450);
    assert_eq!(world.asked("composite").await, 2, "one look and one write");
}

#[tokio::test]
async fn returns_written_in_any_order_end_at_the_newest() {
    let world = world().await;
    let writers = [3, 9, 1, 7, 5].map(|version| {
        let mut context = pb::ReturnContext { version, status: format!("at {version}"), ..a_return() };
        context.lines.truncate(usize::from(version != 9) + 1);
        world.save_return(context)
    });
    for answer in futures::future::join_all(writers).await {
        assert_eq!(state(answer.unwrap().outcome), done());
    }
    let held = one_return(&world).await;
    assert_eq!((held["Mesh_Version__c"].to_string(), held["Status__c"].clone()), ("9.0".to_owned(), json!("at 9")));
    assert_eq!(world.records("Return_Line__c").await.len(), 1, "the newest has one line");
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_is_unknown_and_the_repeat_leaves_one_return() {
    for kind in ["reset_after_commit", "truncate", "error_after_commit"] {
        let world = world().await;
        world.fault(json!({"kind": kind, "path_contains": "composite", "body_contains": "PATCH"})).await;
        let refusal = world.save_return(a_return()).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert_eq!(world.books().await["returns"], one(1), "{kind}");
        assert_eq!(state(world.save_return(a_return()).await.unwrap().outcome), done());
        assert_eq!(world.books().await["returns"], one(1));
        assert_eq!(world.records("Return_Line__c").await.len(), 2);
    }
}

#[tokio::test]
async fn a_look_that_meets_an_unwell_org_or_a_dead_token_is_repeated() {
    let world = world().await;
    world.fault(json!({"kind": "status", "status": 503, "path_contains": "composite", "times": 2})).await;
    world.fault(json!({"kind": "expire_tokens", "path_contains": "composite"})).await;
    assert_eq!(state(world.save_return(a_return()).await.unwrap().outcome), done());
}

#[tokio::test]
async fn a_locked_parent_is_waited_for() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    world.turn("locks", json!({"times": 2})).await;
    assert_eq!(state(world.save_return(a_return()).await.unwrap().outcome), done());
}

#[tokio::test]
async fn an_org_without_a_column_of_the_package_is_not_prepared() {
    let world = world().await;
    world.turn("hide", json!({"field": "Return__c.Rma_Number__c", "on": true})).await;
    assert_eq!(world.save_return(a_return()).await.unwrap_err().reason(), "CRM_ORG_NOT_PREPARED");
}
