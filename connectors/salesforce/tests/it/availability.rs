//! What agents see of what may be sold of items at places.

use std::collections::BTreeSet;

use retail_runtime::fault::Class;

use super::*;

fn row(key: &str, available: i64, version: u64) -> pb::Availability {
    pb::Availability {
        external_ref: key.to_owned(),
        sku: format!("SKU-{key}"),
        location: "MAIN".to_owned(),
        available,
        as_of: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 0 }),
        version,
    }
}

fn many(count: usize) -> Vec<pb::Availability> {
    (0..count).map(|at| row(&format!("a-{at}"), 5, 1)).collect()
}

impl World {
    async fn show(&self, rows: Vec<pb::Availability>) -> Result<Outcome, Refusal> {
        let request = pb::RecordAvailabilityRequest { instance: "crm".to_owned(), rows };
        let answer = self.crm.record_availability(Request::new(request)).await.map_err(read)?;
        Ok(answer.into_inner().outcome.unwrap())
    }

    async fn page(&self, location: &str, token: &str) -> Result<pb::ListAvailabilityResponse, Refusal> {
        let (location, page_token) = (location.to_owned(), token.to_owned());
        let request = pb::ListAvailabilityRequest { instance: "crm".to_owned(), location, page_token };
        self.crm.list_availability(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }

    /// Everything that is shown of a place, by our ids.
    async fn shown(&self, location: &str) -> Vec<pb::Availability> {
        let (mut rows, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.page(location, &token).await.unwrap();
            rows.extend(page.rows);
            if page.next_page_token.is_empty() {
                rows.sort_by(|one, other| one.external_ref.cmp(&other.external_ref));
                return rows;
            }
            token = page.next_page_token;
        }
    }

    /// An admin changes the oldest row by hand.
    async fn change(&self, columns: Value) {
        let id = self.records("Availability__c").await[0]["Id"].as_str().unwrap().to_owned();
        self.turn(&format!("record/{id}"), columns).await;
    }
}

#[tokio::test]
async fn numbers_are_shown_in_one_call_and_a_repeat_changes_nothing() {
    let world = world().await;
    let rows = vec![row("a-1", 5, 1), row("a-2", 0, 1)];
    for _ in 0..2 {
        assert_eq!(state(Some(world.show(rows.clone()).await.unwrap())), done());
        assert_eq!(world.shown("MAIN").await, rows);
    }
    assert_eq!(world.asked("composite").await, 2, "one call each");
    assert_eq!(world.books().await["availability"], one(2));
}

#[tokio::test]
async fn an_older_number_never_overwrites_a_newer_one_and_keeps_no_other_back() {
    let world = world().await;
    world.show(vec![row("a-1", 5, 7)]).await.unwrap();
    let outcome = world.show(vec![row("a-1", 9, 6), row("a-2", 3, 6)]).await.unwrap();
    assert_eq!(outcome.warnings, ["SKU-a-1: a newer version is there already"]);
    assert_eq!(state(Some(outcome)), done());
    assert_eq!(world.shown("MAIN").await, [row("a-1", 5, 7), row("a-2", 3, 6)]);
}

#[tokio::test]
async fn numbers_written_in_any_order_end_at_the_newest() {
    let world = world().await;
    let writers = [3, 9, 1, 7, 5].map(|version| world.show(vec![row("a-1", i64::try_from(version).unwrap(), version)]));
    for outcome in futures::future::join_all(writers).await {
        assert_eq!(state(Some(outcome.unwrap())), done());
    }
    assert_eq!(world.shown("MAIN").await, [row("a-1", 9, 9)]);
    assert_eq!(world.books().await["availability"], one(1));
}

#[tokio::test]
async fn a_row_that_the_org_refuses_is_named_and_the_others_are_shown() {
    let world = world().await;
    world.show(vec![row("a-1", 5, 1)]).await.unwrap();
    world.turn("copy", json!({"object": "Availability__c"})).await;
    let outcome = world.show(vec![row("a-0", 2, 2), row("a-1", 2, 2), row("a-2", 2, 2)]).await.unwrap();
    assert_eq!(outcome.message, "SKU-a-1 at MAIN: Mesh_Id__c: more than one record found for external id field: [a-1]");
    assert_eq!(state(Some(outcome)), (OutcomeState::Refused, "DUPLICATE_EXTERNAL_ID".to_owned()));
    assert_eq!(
        world.shown("MAIN").await,
        [row("a-0", 2, 2), row("a-1", 5, 1), row("a-1", 5, 1), row("a-2", 2, 2)],
        "none of two is picked"
    );
    assert_eq!(world.asked("composite").await, 2, "what is refused is not tried again");
}

#[tokio::test]
async fn two_hundred_rows_go_in_one_call_and_more_reach_nobody() {
    let world = world().await;
    let refusal = world.show(many(201)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.fields()[0].0.as_str()), (Class::Invalid, "rows"));
    assert_eq!(world.crm.snapshot().sent, 0);
    assert_eq!(state(Some(world.show(many(200)).await.unwrap())), done());
    assert_eq!(world.asked("composite").await, 1);
    assert_eq!(world.books().await["availability"], one(200));
}

#[tokio::test]
async fn a_listing_goes_over_pages_and_on_from_its_token_after_a_restart() {
    let mut world = world().await;
    for rows in many(2_001).chunks(200) {
        world.show(rows.to_vec()).await.unwrap();
    }
    let first = world.page("MAIN", "").await.unwrap();
    assert_eq!(first.rows.len(), 2_000);
    world.crm = connector(&world.runtime, &world.org, BY_SECRET);
    let last = world.page("MAIN", &first.next_page_token).await.unwrap();
    assert_eq!((last.rows.len(), last.next_page_token.as_str()), (1, ""));
    let keys: BTreeSet<String> = first.rows.into_iter().chain(last.rows).map(|row| row.external_ref).collect();
    assert_eq!(keys, many(2_001).into_iter().map(|row| row.external_ref).collect());
}

#[tokio::test]
async fn a_place_lists_its_own_rows_only_even_when_another_differs_in_case_alone() {
    let world = world().await;
    let at = |location: &str, key: &str| pb::Availability { location: location.to_owned(), ..row(key, 5, 1) };
    world.show(vec![at("MAIN", "a-1"), at("main", "a-2"), at("O'Hare", "a-3")]).await.unwrap();
    assert_eq!(world.shown("MAIN").await, [at("MAIN", "a-1")]);
    assert_eq!(world.shown("O'Hare").await, [at("O'Hare", "a-3")]);
    assert_eq!(world.shown("NORTH").await, []);
}

#[tokio::test]
async fn what_an_admin_changes_or_throws_away_is_seen_by_the_listing_and_mended_by_the_next_write() {
    let world = world().await;
    world.show(vec![row("a-1", 5, 1)]).await.unwrap();
    world.change(json!({"Available__c": 99})).await;
    assert_eq!(world.shown("MAIN").await, [row("a-1", 99, 1)]);
    for spoilt in [json!({"Available__c": null}), json!({"Available__c": -1}), json!({"Sku__c": ""})] {
        world.change(spoilt.clone()).await;
        assert_eq!(world.shown("MAIN").await, [], "{spoilt}");
        assert_eq!(state(Some(world.show(vec![row("a-1", 5, 1)]).await.unwrap())), done());
        assert_eq!(world.shown("MAIN").await, [row("a-1", 5, 1)]);
    }
    world.change(json!({"Location__c": "NORTH"})).await;
    assert_eq!(world.shown("MAIN").await, []);
    let id = world.records("Availability__c").await[0]["Id"].as_str().unwrap().to_owned();
    world.turn(&format!("record/{id}/delete"), json!({})).await;
    assert_eq!(world.shown("NORTH").await, []);
    world.show(vec![row("a-1", 5, 1)]).await.unwrap();
    assert_eq!(world.shown("MAIN").await, [row("a-1", 5, 1)]);
}

#[tokio::test]
async fn requests_without_shape_name_their_fields_and_reach_nobody() {
    let world = world().await;
    let refusals = [
        ("rows[0].version", world.show(vec![row("a-1", 5, 0)]).await.unwrap_err()),
        ("rows[0].available", world.show(vec![row("a-1", -1, 1)]).await.unwrap_err()),
        ("rows[1].external_ref", world.show(vec![row("a-1", 5, 1), row("a-1", 5, 1)]).await.unwrap_err()),
        ("location", world.page("", "").await.unwrap_err()),
        ("page_token", world.page("MAIN", "nonsense").await.unwrap_err()),
    ];
    for (field, refusal) in refusals {
        assert_eq!((refusal.class(), refusal.fields()[0].0.as_str()), (Class::Invalid, field));
    }
    assert_eq!(world.page("MAIN", "nonsense").await.unwrap_err().reason(), "BAD_PAGE_TOKEN");
    assert_eq!(world.crm.snapshot().sent, 0);
}

#[tokio::test]
async fn an_org_without_the_object_or_a_column_of_it_is_not_prepared() {
    let world = world().await;
    for lacking in ["Availability__c", "Availability__c.Mesh_Id__c", "Availability__c.Location__c"] {
        world.turn("hide", json!({"field": lacking, "on": true})).await;
        assert_eq!(world.show(many(2)).await.unwrap_err().reason(), "CRM_ORG_NOT_PREPARED", "{lacking}");
        assert_eq!(world.page("MAIN", "").await.unwrap_err().reason(), "CRM_ORG_NOT_PREPARED", "{lacking}");
        world.turn("hide", json!({"field": lacking, "on": false})).await;
    }
    assert_eq!(world.shown("MAIN").await, []);
}

#[tokio::test]
async fn a_write_answered_429_was_not_executed_and_is_repeated() {
    let world = world().await;
    world.fault(json!({"kind": "status", "status": 429, "path_contains": "Availability__c"})).await;
    assert_eq!(state(Some(world.show(many(2)).await.unwrap())), done());
    assert_eq!(world.books().await["availability"], one(2));
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_is_unknown_and_the_repeat_leaves_one_of_each() {
    let world = world().await;
    for kind in ["reset_after_commit", "truncate", "error_after_commit"] {
        world.fault(json!({"kind": kind, "path_contains": "Availability__c"})).await;
        let refusal = world.show(many(2)).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
    }
    assert_eq!(state(Some(world.show(many(2)).await.unwrap())), done());
    assert_eq!(world.books().await["availability"], one(2));
}

#[tokio::test]
async fn a_row_that_somebody_else_saves_is_waited_for_but_not_for_ever() {
    let world = world().await;
    world.show(many(2)).await.unwrap();
    world.turn("locks", json!({"times": 2})).await;
    assert_eq!(state(Some(world.show(many(2)).await.unwrap())), done());
    world.turn("locks", json!({"times": 1_000})).await;
    let refusal = world.show(many(2)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unavailable, "VENDOR_RECORD_BUSY"));
}

#[tokio::test]
async fn a_listing_that_meets_an_unwell_org_or_a_dead_token_is_repeated() {
    let world = world().await;
    world.show(many(2)).await.unwrap();
    world.fault(json!({"kind": "status", "status": 503, "path_contains": "query", "times": 2})).await;
    world.fault(json!({"kind": "expire_tokens", "path_contains": "query"})).await;
    assert_eq!(world.shown("MAIN").await, many(2));
}
