//! What service agents see in their CRM.

use retail_proto::crm::v1::Availability;
use retail_proto::inventory::v1 as pb;
use retail_runtime::TimeSource as _;

use crate::crm_fake::FakeCrm;
use crate::harness::{Mesh, mesh_seen};

async fn settles(mesh: &Mesh, crm: &FakeCrm, sku: &str, location: &str, number: i64) {
    let fact = format!("agents see {number} of {sku} at {location}");
    mesh.until(&fact, || async { crm.shown(sku, location) == Some(number) }).await;
}

async fn sync(mesh: &Mesh, key: &str) {
    let request = pb::SyncReferenceRequest { idempotency_key: key.into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
}

async fn seen() -> (Mesh, FakeCrm) {
    let crm = FakeCrm::default();
    let mesh = mesh_seen(|_| {}, &crm).await;
    for (sku, location, number) in [("A", "MAIN", 10), ("A", "SIDE", 4), ("B", "MAIN", 5), ("C", "MAIN", 0)] {
        settles(&mesh, &crm, sku, location, number).await;
    }
    (mesh, crm)
}

#[tokio::test]
async fn agents_see_every_item_at_every_place_and_what_becomes_of_it() {
    let (mesh, crm) = seen().await;
    assert_eq!(crm.books().rows.len(), 4, "what was never at a place has no row there");
    mesh.reserve("o-1", &[("1", "A", "MAIN", "3"), ("2", "A", "SIDE", "1")]).await;
    settles(&mesh, &crm, "A", "MAIN", 7).await;
    settles(&mesh, &crm, "A", "SIDE", 3).await;
    mesh.release("o-1").await.unwrap();
    settles(&mesh, &crm, "A", "MAIN", 10).await;
}

#[tokio::test]
async fn what_changes_between_two_tellings_is_told_together() {
    let (mesh, crm) = seen().await;
    let (before, began) = (crm.books().requests.len(), mesh.time.monotonic());
    for n in 0..5 {
        mesh.reserve(&format!("o-{n}"), &[("1", "A", "MAIN", "1"), ("2", "B", "MAIN", "1")]).await;
    }
    settles(&mesh, &crm, "A", "MAIN", 5).await;
    settles(&mesh, &crm, "B", "MAIN", 0).await;
    let told = u128::try_from(crm.books().requests.len() - before).unwrap();
    // One at once, and one for each half second since.
    let most = 2 + (mesh.time.monotonic() - began).as_millis() / 500;
    assert!(told <= most, "five orders were told in {told} requests, and not in {most}");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_with_the_same_stamp() {
    let (mesh, crm) = seen().await;
    let before = crm.books().requests.len();
    crm.books().lose_an_answer = true;
    mesh.reserve("o-1", &[("1", "A", "MAIN", "3")]).await;
    settles(&mesh, &crm, "A", "MAIN", 7).await;
    mesh.until("it was told again", || async { crm.books().requests.len() == before + 2 }).await;
    let books = crm.books();
    assert_eq!(books.requests[before], books.requests[before + 1]);
}

#[tokio::test]
async fn a_crm_that_was_away_gets_the_newest_number() {
    let (mesh, crm) = seen().await;
    crm.books().away = true;
    for n in 0..4 {
        mesh.reserve(&format!("o-{n}"), &[("1", "A", "MAIN", "1")]).await;
    }
    crm.books().away = false;
    settles(&mesh, &crm, "A", "MAIN", 6).await;
}

#[tokio::test]
async fn a_crm_that_is_away_holds_no_reading_up_and_is_read_when_it_is_back() {
    let crm = FakeCrm::default();
    crm.books().away = true;
    let mesh = mesh_seen(|_| {}, &crm).await;
    sync(&mesh, "meanwhile").await;
    assert!(crm.books().rows.is_empty());
    crm.books().away = false;
    settles(&mesh, &crm, "A", "MAIN", 10).await;
}

#[tokio::test]
async fn what_somebody_changed_or_deleted_there_is_set_right_by_the_next_reading() {
    let (mesh, crm) = seen().await;
    crm.change("A", 99);
    crm.books().rows.retain(|_, row| row.sku != "B");
    sync(&mesh, "again").await;
    settles(&mesh, &crm, "A", "MAIN", 10).await;
    settles(&mesh, &crm, "A", "SIDE", 4).await;
    settles(&mesh, &crm, "B", "MAIN", 5).await;
}

#[tokio::test]
async fn a_row_with_a_stamp_from_the_future_is_outstamped() {
    let (mesh, crm) = seen().await;
    crm.books().rows.values_mut().for_each(|row| {
        row.version += 1_000_000_000_000_000;
        row.available = 99;
    });
    sync(&mesh, "again").await;
    settles(&mesh, &crm, "A", "MAIN", 10).await;
    mesh.reserve("o-1", &[("1", "A", "MAIN", "3")]).await;
    settles(&mesh, &crm, "A", "MAIN", 7).await;
    let year = |row: &Availability| row.as_of.map(|at| at.seconds / 31_556_952 + 1970);
    assert!(
        crm.books().rows.values().all(|row| year(row) == Some(2023)),
        "when a number was right is told by our clock"
    );
}

#[tokio::test]
async fn a_row_that_the_crm_refuses_does_not_keep_the_others_from_being_told() {
    let (mesh, crm) = seen().await;
    crm.books().refuses = Some("A".into());
    mesh.reserve("o-1", &[("1", "A", "MAIN", "3"), ("2", "B", "MAIN", "1")]).await;
    settles(&mesh, &crm, "B", "MAIN", 4).await;
    assert_eq!(crm.shown("A", "MAIN"), Some(10));
    crm.books().refuses = None;
    sync(&mesh, "again").await;
    settles(&mesh, &crm, "A", "MAIN", 7).await;
}

#[tokio::test]
async fn agents_see_kits_by_what_their_components_make() {
    let crm = FakeCrm::default();
    let kit = vec![("A".to_owned(), 2), ("B".to_owned(), 1)];
    let mesh = mesh_seen(|erp| _ = erp.books().kits.insert("C".into(), kit), &crm).await;
    settles(&mesh, &crm, "C", "MAIN", 5).await;
    mesh.reserve("o-1", &[("1", "A", "MAIN", "1")]).await;
    settles(&mesh, &crm, "C", "MAIN", 4).await;
    assert_eq!(crm.shown("C", "SIDE"), Some(0), "two A are there and no B");
}
