//! Single cases: reading and linking.

use retail_runtime::fault::Class;

use super::*;

#[tokio::test]
async fn a_case_is_read_by_id_or_number_with_everything_it_points_to() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    let opened = json!({"subject": "Broken", "origin": "Phone", "reason": "Return", "contact_mesh_id": "c-1", "order_mesh_id": "o-1"});
    let (id, number) = world.open(opened).await;
    let case = world.find_case(&id, "").await.unwrap();
    assert_eq!(world.find_case("", &number).await.unwrap(), case);
    assert_eq!(world.find_case(&id[..15], "").await.unwrap(), case);
    let record = case.record.unwrap();
    assert_eq!((record.r#type.as_str(), record.id, record.number), ("Case", id, number));
    assert_eq!((case.subject.as_str(), case.status.as_str(), case.closed), ("Broken", "New", false));
    assert_eq!((case.origin.as_str(), case.priority.as_str(), case.reason.as_str()), ("Phone", "Medium", "Return"));
    assert_eq!((case.customer_ref.as_str(), case.order_ref.as_str(), case.return_ref.as_str()), ("c-1", "o-1", ""));
    assert_eq!((case.opened_at, case.closed_at), (case.changed_at, None));
}

#[tokio::test]
async fn a_case_is_closed_when_the_orgs_own_status_says_so() {
    let world = world().await;
    let (id, _) = world.open(json!({"subject": "Broken"})).await;
    let open = world.find_case(&id, "").await.unwrap();
    world.turn("case-status", json!({"label": "Solved", "closed": true})).await;
    world.turn(&format!("case/{id}/status"), json!({"status": "Solved"})).await;
    let closed = world.find_case(&id, "").await.unwrap();
    assert_eq!((closed.status.as_str(), closed.closed), ("Solved", true));
    assert!(closed.closed_at.is_some());
    assert_ne!(closed.etag, open.etag);
}

#[tokio::test]
async fn a_case_that_is_not_there_or_no_more_is_not_found() {
    let world = world().await;
    let (gone, number) = world.open(json!({"subject": "Spam"})).await;
    world.turn(&format!("case/{gone}/delete"), json!({})).await;
    for (id, number) in [(gone.as_str(), ""), ("", number.as_str()), ("500SB00000000ZZAAA", ""), ("", "99999999")] {
        let refusal = world.find_case(id, number).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_CASE"), "{id}{number}");
    }
}

#[tokio::test]
async fn requests_about_cases_without_shape_name_their_fields_and_reach_nobody() {
    let world = world().await;
    let refusals = [
        ("case_number", world.find_case("", "").await.unwrap_err()),
        ("case_id", world.find_case("x' OR Id != '", "").await.unwrap_err()),
        ("order_ref", world.link("500SB0000000001AAA", "", "").await.unwrap_err()),
        ("return_ref", world.link("500SB0000000001AAA", "", "a/b").await.unwrap_err()),
        ("limit", world.poll("", -1).await.unwrap_err()),
        ("milestones", world.tell("500SB0000000001AAA", vec![]).await.unwrap_err()),
    ];
    for (field, refusal) in refusals {
        assert_eq!(refusal.fields()[0].0, field);
    }
    assert_eq!(world.crm.snapshot().sent, 0);
}

#[tokio::test]
async fn a_case_points_to_its_order_and_its_return_and_linking_again_changes_nothing() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    world.save_return(a_return()).await.unwrap();
    let (id, _) = world.open(json!({"subject": "Broken"})).await;
    assert_eq!(state(Some(world.link(&id, "o-1", "").await.unwrap())), done());
    assert_eq!(state(Some(world.link(&id, "", "r-1").await.unwrap())), done());
    let linked = world.find_case(&id, "").await.unwrap();
    assert_eq!((linked.order_ref.as_str(), linked.return_ref.as_str()), ("o-1", "r-1"));
    assert_eq!(state(Some(world.link(&id, "o-1", "r-1").await.unwrap())), done());
    assert_eq!(world.asked("sobjects/Case/").await, 2, "the third link was there and wrote nothing");
}

#[tokio::test]
async fn a_link_to_what_the_org_does_not_have_yet_is_refused_and_done_later() {
    let world = world().await;
    let (id, _) = world.open(json!({"subject": "Broken"})).await;
    for (order, one) in [("o-1", ""), ("", "r-1")] {
        let outcome = world.link(&id, order, one).await.unwrap();
        assert_eq!(state(Some(outcome)), (OutcomeState::Refused, "REFERENCE_MISSING".to_owned()));
    }
    world.save_order(order()).await.unwrap();
    assert_eq!(state(Some(world.link(&id, "o-1", "").await.unwrap())), done());
}

#[tokio::test]
async fn a_link_of_a_case_that_is_gone_is_refused_by_name() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    let (gone, _) = world.open(json!({"subject": "Spam"})).await;
    world.turn(&format!("case/{gone}/delete"), json!({})).await;
    for case in [gone.as_str(), "500SB00000000ZZAAA"] {
        let outcome = world.link(case, "o-1", "").await.unwrap();
        assert_eq!(state(Some(outcome)), (OutcomeState::Refused, "NO_SUCH_CASE".to_owned()));
    }
}

#[tokio::test]
async fn a_link_lost_after_the_commit_is_unknown_and_the_repeat_finds_it_done() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    let (id, _) = world.open(json!({"subject": "Broken"})).await;
    world.fault(json!({"kind": "reset_after_commit", "path_contains": "sobjects/Case/"})).await;
    assert_eq!(world.link(&id, "o-1", "").await.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN");
    assert_eq!(state(Some(world.link(&id, "o-1", "").await.unwrap())), done());
    assert_eq!(world.asked("sobjects/Case/").await, 1, "the repeat saw the link and wrote nothing");
}

#[tokio::test]
async fn a_locked_case_is_linked_when_it_is_free_again() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    let (id, _) = world.open(json!({"subject": "Broken", "order_mesh_id": "o-1"})).await;
    world.save_return(a_return()).await.unwrap();
    world.turn("locks", json!({"times": 2})).await;
    assert_eq!(state(Some(world.link(&id, "", "r-1").await.unwrap())), done());
}
