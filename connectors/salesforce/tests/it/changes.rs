//! Cases that changed.

use std::collections::BTreeSet;

use retail_runtime::fault::Class;

use super::*;

fn ids(changes: &[pb::CaseChange]) -> Vec<String> {
    changes.iter().map(|change| change.case_record.clone().unwrap().record.unwrap().id).collect()
}

/// Polls to the end: every page, and the cursor after the last.
async fn sweep(world: &World, cursor: &str, limit: i32) -> (Vec<Vec<String>>, String) {
    let (mut pages, mut cursor) = (Vec::new(), cursor.to_owned());
    loop {
        let answer = world.poll(&cursor, limit).await.unwrap();
        pages.push(ids(&answer.changes));
        cursor = answer.cursor;
        if !answer.more {
            return (pages, cursor);
        }
    }
}

#[tokio::test]
async fn ties_across_a_page_boundary_lose_nothing() {
    let world = world().await;
    world.open(json!({"subject": "Mail loop"})).await;
    for _ in 0..3 {
        world.turn("copy", json!({"object": "Case"})).await;
    }
    let all: BTreeSet<String> =
        world.records("Case").await.iter().map(|case| case["Id"].as_str().unwrap().to_owned()).collect();
    for limit in [1, 3, 4, 8] {
        let (pages, _) = sweep(&world, "", limit).await;
        let given: Vec<String> = pages.concat();
        assert_eq!(given.iter().cloned().collect::<BTreeSet<_>>(), all, "at most {limit}");
        assert_eq!(given.len(), all.len(), "within a sweep nothing comes twice");
        let most = usize::try_from(limit).unwrap();
        assert!(pages.iter().all(|page| page.len() <= most));
        assert_eq!(pages.len(), all.len().div_ceil(most), "more is told exactly while more is there");
    }
}

#[tokio::test]
async fn a_change_comes_after_the_cursor_with_its_new_state() {
    let world = world().await;
    let (first, _) = world.open(json!({"subject": "First"})).await;
    let (pages, cursor) = sweep(&world, "", 0).await;
    assert_eq!(pages.concat(), std::slice::from_ref(&first));
    world.turn(&format!("case/{first}/close"), json!({})).await;
    let answer = world.poll(&cursor, 0).await.unwrap();
    let case = answer.changes.last().unwrap().case_record.clone().unwrap();
    assert_eq!((case.status.as_str(), case.closed, answer.more), ("Closed", true, false));
    assert_eq!(case, world.find_case(&first, "").await.unwrap());
}

#[tokio::test]
async fn a_change_that_became_visible_after_a_newer_one_is_not_left_out() {
    let world = world().await;
    world.open(json!({"subject": "Newer"})).await;
    let (_, cursor) = sweep(&world, "", 0).await;
    let (late, _) = world.open(json!({"subject": "Late"})).await;
    world.turn("late", json!({"id": late, "seconds": 60})).await;
    let (pages, _) = sweep(&world, &cursor, 0).await;
    assert!(pages.concat().contains(&late));
}

#[tokio::test]
async fn a_deleted_case_is_told_by_its_record_alone() {
    let world = world().await;
    let (gone, number) = world.open(json!({"subject": "Spam"})).await;
    let (_, cursor) = sweep(&world, "", 0).await;
    world.turn(&format!("case/{gone}/delete"), json!({})).await;
    let change = world.poll(&cursor, 0).await.unwrap().changes.pop().unwrap();
    assert!(change.deleted);
    let record =
        Ref { kind: "crm".to_owned(), instance: "crm".to_owned(), r#type: "Case".to_owned(), id: gone, number };
    assert_eq!(change.case_record.unwrap(), pb::Case { record: Some(record), ..pb::Case::default() });
}

#[tokio::test]
async fn a_first_poll_begins_now_and_not_at_the_beginning_of_time() {
    let world = world().await;
    let (old, _) = world.open(json!({"subject": "Old"})).await;
    world.turn("late", json!({"id": old, "seconds": 3_600})).await;
    assert_eq!(sweep(&world, "", 0).await.0.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn a_poll_that_meets_an_unwell_org_or_a_dead_token_is_repeated() {
    let world = world().await;
    world.open(json!({"subject": "First"})).await;
    world.fault(json!({"kind": "status", "status": 503, "path_contains": "queryAll", "times": 2})).await;
    world.fault(json!({"kind": "expire_tokens", "path_contains": "queryAll"})).await;
    assert_eq!(world.poll("", 0).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn a_strange_cursor_is_refused_by_its_field() {
    let refusal = world().await.poll("nonsense", 0).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "BAD_PAGE_TOKEN"));
    assert_eq!(refusal.fields()[0].0, "cursor");
}
