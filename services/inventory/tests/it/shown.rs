//! What the shop shows.

use retail_inventory::Limits;
use retail_proto::inventory::v1 as pb;

use crate::harness::{Mesh, mesh, mesh_limited, reserve};

async fn settles(mesh: &Mesh, sku: &str, number: i64) {
    mesh.until(&format!("the shop shows {number} of {sku}"), || async { mesh.shop.shown(sku) == number }).await;
}

#[tokio::test]
async fn a_sale_elsewhere_lowers_the_number_of_the_shop() {
    let mesh = mesh().await;
    mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    settles(&mesh, "A", 7).await;
    mesh.release("o-1").await.unwrap();
    settles(&mesh, "A", 10).await;
}

#[tokio::test]
async fn a_sale_of_the_shop_itself_is_not_told_to_it() {
    let mesh = mesh().await;
    let sets = mesh.shop.books().sets.len();
    *mesh.shop.books().shown.get_mut("inv-A").unwrap() -= 2;
    let request =
        pb::ReserveStockRequest { sold_by_channel: "commerce".into(), ..reserve("o-1", &[("1", "A", "", "2")]) };
    mesh.try_reserve(request).await.unwrap();
    // Another change makes a telling; what was sold by the shop is not in it.
    mesh.reserve("o-2", &[("1", "B", "", "1")]).await;
    settles(&mesh, "B", 4).await;
    assert_eq!(mesh.shop.shown("A"), 8);
    assert!(mesh.shop.books().sets[sets..].iter().flat_map(|set| &set.settings).all(|setting| setting.sku == "B"));
}

#[tokio::test]
async fn a_shop_that_sold_meanwhile_is_read_again_and_its_sale_is_not_given_back() {
    let mesh = mesh().await;
    mesh.shop.books().sales.push(("inv-A".into(), 2));
    mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    settles(&mesh, "A", 5).await;
    assert_eq!(mesh.shop.books().stale_answers, 1);
    let request =
        pb::ReserveStockRequest { sold_by_channel: "commerce".into(), ..reserve("o-2", &[("1", "A", "", "2")]) };
    mesh.try_reserve(request).await.unwrap();
    mesh.reserve("o-3", &[("1", "B", "", "1")]).await;
    settles(&mesh, "B", 4).await;
    assert_eq!((mesh.shop.shown("A"), mesh.available("A", "MAIN").await.as_deref()), (5, Some("5")));
}

#[tokio::test]
async fn what_a_shop_takes_back_by_itself_is_seen_soon_and_not_sold_twice() {
    let mesh = mesh().await;
    *mesh.shop.books().shown.get_mut("inv-A").unwrap() -= 2;
    let request =
        pb::ReserveStockRequest { sold_by_channel: "commerce".into(), ..reserve("o-1", &[("1", "A", "", "2")]) };
    mesh.try_reserve(request).await.unwrap();
    mesh.release("o-1").await.unwrap();
    settles(&mesh, "A", 10).await;
    // It gives the money back, and puts the goods on its shelf once more.
    *mesh.shop.books().shown.get_mut("inv-A").unwrap() += 2;
    settles(&mesh, "A", 10).await;
}

#[tokio::test]
async fn a_sale_that_is_undone_in_the_shop_before_anybody_has_reserved_it_is_seen_soon() {
    let mesh = mesh().await;
    mesh.shop.books().sales.push(("inv-A".into(), 2));
    mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    settles(&mesh, "A", 5).await;
    // Its buyer calls it off at once.
    *mesh.shop.books().shown.get_mut("inv-A").unwrap() += 2;
    settles(&mesh, "A", 5).await;
}

#[tokio::test]
async fn a_lost_answer_is_resolved_with_the_same_key_and_the_number_is_set_once() {
    let mesh = mesh().await;
    let sets = mesh.shop.books().sets.len();
    mesh.shop.books().lose_an_answer = true;
    mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    settles(&mesh, "A", 7).await;
    mesh.reserve("o-2", &[("1", "A", "", "1")]).await;
    settles(&mesh, "A", 6).await;
    let sets: Vec<i64> =
        mesh.shop.books().sets[sets..].iter().flat_map(|set| &set.settings).map(|setting| setting.quantity).collect();
    assert_eq!(sets, [7, 6]);
}

#[tokio::test]
async fn a_shop_that_was_away_gets_the_newest_number() {
    let mesh = mesh().await;
    mesh.shop.books().away = true;
    for n in 0..5 {
        mesh.reserve(&format!("o-{n}"), &[("1", "A", "", "1")]).await;
    }
    mesh.shop.books().away = false;
    settles(&mesh, "A", 5).await;
}

#[tokio::test]
async fn an_item_that_only_the_shop_knows_is_left_alone() {
    let mesh = mesh().await;
    assert_eq!(mesh.shop.shown("Z"), 7);
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: false };
    let read = mesh.reference().sync_reference(request).await.unwrap().into_inner();
    assert_eq!(read.unmatched, ["Z"]);
}

#[tokio::test]
async fn a_shop_shows_no_more_than_its_limits_leave_it_and_all_of_it_may_be_promised() {
    let limits = Limits { keep_back: 2, cap: Some(6), ..Limits::default() };
    let mesh = mesh_limited(|_| {}, limits).await;
    settles(&mesh, "A", 6).await;
    settles(&mesh, "B", 3).await;
    mesh.reserve("o-1", &[("1", "A", "", "3"), ("2", "B", "", "1")]).await;
    settles(&mesh, "A", 5).await;
    settles(&mesh, "B", 2).await;
    mesh.reserve("o-2", &[("1", "A", "", "7"), ("2", "B", "", "4")]).await;
    settles(&mesh, "A", 0).await;
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn whoever_watches_gets_what_stands_and_then_only_what_changes() {
    let mesh = mesh().await;
    let request = pb::WatchAvailabilityRequest { skus: vec!["a".into(), "B".into()], location: "MAIN".into() };
    let mut stream = mesh.stock().watch_availability(request).await.unwrap().into_inner();
    let numbers = |told: pb::WatchAvailabilityResponse| -> Vec<(String, String)> {
        told.rows.into_iter().map(|row| (row.sku, row.available)).collect()
    };
    let pair = |sku: &str, available: &str| (sku.to_owned(), available.to_owned());
    assert_eq!(numbers(stream.message().await.unwrap().unwrap()), [pair("A", "10"), pair("B", "5")]);
    mesh.reserve("o-1", &[("1", "B", "", "2")]).await;
    mesh.reserve("o-2", &[("1", "B", "", "2")]).await;
    let told = numbers(stream.message().await.unwrap().unwrap());
    assert!(told == [pair("B", "3")] || told == [pair("B", "1")], "{told:?}");
    let none = pb::WatchAvailabilityRequest::default();
    assert!(mesh.stock().watch_availability(none).await.unwrap_err().message().contains("skus"));
}

/// Item C is a set of two A and one B, says the ERP.
async fn with_a_set() -> Mesh {
    let mesh = mesh().await;
    mesh.erp.books().kits.insert("C".into(), vec![("A".into(), 2), ("B".into(), 1)]);
    read_again(&mesh).await;
    settles(&mesh, "C", 5).await;
    mesh
}

async fn read_again(mesh: &Mesh) {
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
}

#[tokio::test]
async fn the_number_of_a_kit_follows_its_scarcest_component() {
    let mesh = with_a_set().await;
    mesh.reserve("o-1", &[("1", "A", "", "7")]).await;
    settles(&mesh, "C", 1).await;
    mesh.release("o-1").await.unwrap();
    settles(&mesh, "C", 5).await;
    mesh.erp.books().kits.insert("C".into(), vec![("A".into(), 5)]);
    read_again(&mesh).await;
    settles(&mesh, "C", 2).await;
    mesh.reserve("o-2", &[("1", "B", "", "5")]).await;
    settles(&mesh, "B", 0).await;
    assert_eq!(mesh.shop.shown("C"), 2, "B is no part of it any more");
}

#[tokio::test]
async fn a_kit_that_the_shop_sold_lowers_its_components_and_is_not_told_again() {
    let mesh = with_a_set().await;
    let sets = mesh.shop.books().sets.len();
    *mesh.shop.books().shown.get_mut("inv-C").unwrap() -= 1;
    let request =
        pb::ReserveStockRequest { sold_by_channel: "commerce".into(), ..reserve("o-1", &[("1", "C", "", "1")]) };
    mesh.try_reserve(request).await.unwrap();
    settles(&mesh, "A", 8).await;
    settles(&mesh, "B", 4).await;
    assert_eq!(mesh.shop.shown("C"), 4);
    assert!(mesh.shop.books().sets[sets..].iter().flat_map(|set| &set.settings).all(|setting| setting.sku != "C"));
}

#[tokio::test]
async fn after_many_sales_of_kits_and_pieces_at_once_the_last_number_of_each_is_right() {
    let mesh = with_a_set().await;
    let orders = (0..9).map(|n| {
        let line = match n % 3 {
            0 => ("1", "C", "", "1"),
            1 => ("1", "A", "", "1"),
            _ => ("1", "B", "", "1"),
        };
        mesh.try_reserve(reserve(&format!("o-{n}"), &[line]))
    });
    futures::future::join_all(orders).await;
    mesh.release("o-0").await.unwrap();
    mesh.quiet().await;
    for sku in ["A", "B", "C"] {
        let there = mesh.available(sku, "MAIN").await.unwrap();
        assert_eq!(mesh.shop.shown(sku).to_string(), there, "{sku}");
    }
}
