//! Business milestones.

use retail_runtime::fault::Class;

use super::*;

#[tokio::test]
async fn milestones_become_children_of_their_case_in_one_call_and_a_repeat_changes_nothing() {
    let world = world().await;
    let (case, _) = world.open(json!({"subject": "Return"})).await;
    let told = || {
        let amount = Some(Money { minor_units: 1_530, currency: "GBP".to_owned() });
        vec![
            milestone("m-1", "RETURN_AUTHORIZED"),
            pb::Milestone { amount, order_ref: "o-1".to_owned(), ..milestone("m-2", "REFUNDED") },
            milestone("m-1", "RETURN_AUTHORIZED"),
        ]
    };
    let first = world.tell(&case, told()).await.unwrap();
    assert_eq!(world.tell(&case, told()).await.unwrap(), first);
    assert_eq!(state(first.outcome), done());
    assert_eq!(world.asked("Case_Milestone_Event__c").await, 2, "one call each");
    let held = world.records("Case_Milestone_Event__c").await;
    let ids: Vec<&str> = held.iter().map(|record| record["Id"].as_str().unwrap()).collect();
    let named: Vec<&str> = first.records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(named, [ids[0], ids[1], ids[0]]);
    assert_eq!((held[1]["Case__c"].clone(), held[1]["Amount__c"].to_string()), (json!(case), "15.3".to_owned()));
    assert_eq!(
        (held[1]["Order_Mesh_Id__c"].clone(), held[1]["Return_Mesh_Id__c"].clone()),
        (json!("o-1"), json!("r-1"))
    );
    assert_eq!(
        world.books().await["case_milestones"],
        json!({"count": 2, "duplicates": 0, "by_kind": {"REFUNDED": 1, "RETURN_AUTHORIZED": 1}})
    );
}

#[tokio::test]
async fn a_hundred_milestones_go_in_one_call() {
    let world = world().await;
    let (case, _) = world.open(json!({"subject": "Return"})).await;
    let many = (0..100).map(|n| milestone(&format!("m-{n}"), "RETURN_RECEIVED")).collect();
    assert_eq!(world.tell(&case, many).await.unwrap().records.len(), 100);
    assert_eq!(world.asked("Case_Milestone_Event__c").await, 1);
}

#[tokio::test]
async fn a_case_that_never_was_or_is_gone_is_refused_by_name_and_nothing_is_written() {
    let world = world().await;
    let (gone, _) = world.open(json!({"subject": "Spam"})).await;
    world.turn(&format!("case/{gone}/delete"), json!({})).await;
    let account = world.save_customer(customer()).await.unwrap().records[0].id.clone();
    for case in [gone.as_str(), "500SB00000000ZZAAA", account.as_str()] {
        let answer = world.tell(case, vec![milestone("m-1", "RETURN_AUTHORIZED")]).await.unwrap();
        assert_eq!(state(answer.outcome), (OutcomeState::Refused, "NO_SUCH_CASE".to_owned()), "{case}");
        assert!(answer.records.is_empty());
    }
    assert_eq!(world.records("Case_Milestone_Event__c").await.len(), 0);
}

#[tokio::test]
async fn one_milestone_the_org_refuses_keeps_all_of_them_out_and_tells_its_own_reason() {
    let world = world().await;
    let (case, _) = world.open(json!({"subject": "Return"})).await;
    let amount = Some(Money { minor_units: i64::MAX, currency: "GBP".to_owned() });
    let told = vec![milestone("m-1", "REFUNDED"), pb::Milestone { amount, ..milestone("m-2", "REFUNDED") }];
    let answer = world.tell(&case, told).await.unwrap();
    assert_eq!(state(answer.outcome), (OutcomeState::Refused, "NUMBER_OUTSIDE_VALID_RANGE".to_owned()));
    assert_eq!(world.records("Case_Milestone_Event__c").await.len(), 0);
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_is_unknown_and_the_repeat_leaves_one_of_each() {
    let world = world().await;
    let (case, _) = world.open(json!({"subject": "Return"})).await;
    let told = || vec![milestone("m-1", "RETURN_AUTHORIZED"), milestone("m-2", "RETURN_RECEIVED")];
    for kind in ["reset_after_commit", "truncate", "error_after_commit"] {
        world.fault(json!({"kind": kind, "path_contains": "Case_Milestone_Event__c"})).await;
        let refusal = world.tell(&case, told()).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
    }
    assert_eq!(state(world.tell(&case, told()).await.unwrap().outcome), done());
    assert_eq!(world.records("Case_Milestone_Event__c").await.len(), 2);
}

#[tokio::test]
async fn a_locked_case_is_waited_for_but_not_for_ever() {
    let world = world().await;
    let (case, _) = world.open(json!({"subject": "Return"})).await;
    world.turn("locks", json!({"times": 2})).await;
    let told = || vec![milestone("m-1", "RETURN_AUTHORIZED")];
    assert_eq!(state(world.tell(&case, told()).await.unwrap().outcome), done());
    world.turn("locks", json!({"times": 1_000})).await;
    assert_eq!(world.tell(&case, told()).await.unwrap_err().reason(), "VENDOR_RECORD_BUSY");
}
