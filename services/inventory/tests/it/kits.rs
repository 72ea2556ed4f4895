//! Kits and units through the door: a set is two of A and one of B, a case of A is twelve.

use futures::future::join_all;
use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, at, mesh, reserve};

fn describe(sku: &str, components: &[(&str, &str)], units: &[(&str, &str)]) -> pb::DescribeItemRequest {
    let components =
        components.iter().map(|(sku, quantity)| pb::Component { sku: (*sku).into(), quantity: (*quantity).into() });
    let units =
        units.iter().map(|(code, base)| pb::Unit { code: (*code).into(), base: (*base).into(), per: String::new() });
    pb::DescribeItemRequest {
        idempotency_key: "k".into(),
        sku: sku.into(),
        components: components.collect(),
        units: units.collect(),
    }
}

/// Item C, of which there is none, is the set.
async fn with_a_set() -> Mesh {
    let mesh = mesh().await;
    mesh.reference().describe_item(describe("c", &[("A", "2"), ("b", "1")], &[])).await.unwrap();
    mesh
}

async fn refused(mesh: &Mesh, request: pb::DescribeItemRequest) -> String {
    Refusal::read(&mesh.reference().describe_item(request).await.unwrap_err()).reason().to_owned()
}

#[tokio::test]
async fn what_may_be_sold_of_a_kit_is_what_its_components_make() {
    let mesh = with_a_set().await;
    let rows = mesh.rows("C").await;
    let told: Vec<_> = rows.iter().map(|row| (row.location.as_str(), row.available.as_str(), row.kit)).collect();
    assert_eq!(told, [("MAIN", "5", true), ("SIDE", "0", true)], "five of B; none of it at the other place");
    mesh.reserve("o-1", &[("1", "A", "", "7")]).await;
    assert_eq!(mesh.available("C", "MAIN").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_kit_is_reserved_shipped_and_given_back_with_its_components() {
    let mesh = with_a_set().await;
    let reserved = mesh.reserve("o-1", &[("1", "C", "", "3"), ("2", "A", "", "1")]).await.reservation.unwrap();
    assert_eq!(reserved.lines[0].components.len(), 2);
    assert_eq!(
        (mesh.available("A", "MAIN").await.as_deref(), mesh.available("B", "MAIN").await.as_deref()),
        (Some("3"), Some("2"))
    );
    mesh.confirm("o-1").await.unwrap();
    mesh.consume("o-1", "s-1", &[("1", "1")]).await.unwrap();
    mesh.release("o-1").await.unwrap();
    let on_hand: Vec<String> = mesh.rows("A").await.into_iter().map(|row| row.on_hand).collect();
    assert_eq!((on_hand[0].as_str(), mesh.available("C", "MAIN").await.as_deref()), ("8", Some("4")));
}

#[tokio::test]
async fn kits_that_are_kept_back_keep_their_components() {
    let mesh = with_a_set().await;
    let mut request = reserve("o-1", &[("1", "C", "", "3")]);
    "3".clone_into(&mut request.lines[0].keep_back);
    let lacking = mesh.try_reserve(request.clone()).await.unwrap().lacking;
    assert_eq!((lacking[0].available.as_str(), lacking[0].kept_back.as_str()), ("2", "1"));
    "2".clone_into(&mut request.lines[0].keep_back);
    assert!(mesh.try_reserve(request).await.unwrap().reservation.is_some());
    assert_eq!(mesh.available("C", "MAIN").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn half_a_kit_is_refused_before_anything_is_promised_anywhere() {
    let mesh = with_a_set().await;
    let refusal =
        mesh.try_reserve(reserve("o-1", &[("1", "A", "", "1"), ("2", "C", "SIDE", "0.5")])).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.metadata("line_id")), ("KIT_NOT_WHOLE", Some("2")));
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
}

#[tokio::test]
async fn a_promise_keeps_what_its_kit_was_made_of_when_it_was_made() {
    let mesh = with_a_set().await;
    mesh.reserve("o-1", &[("1", "C", "", "1")]).await;
    mesh.reference().describe_item(describe("C", &[("B", "1")], &[])).await.unwrap();
    mesh.release("o-1").await.unwrap();
    assert_eq!(
        (mesh.available("A", "MAIN").await.as_deref(), mesh.available("B", "MAIN").await.as_deref()),
        (Some("10"), Some("5"))
    );
}

#[tokio::test]
async fn many_buyers_of_kits_and_singles_at_once_never_get_more_than_is_there() {
    let mesh = with_a_set().await;
    let asked = (0..20).map(|n| {
        let line = if n % 2 == 0 { ("1", "C", "", "1") } else { ("1", "A", "", "1") };
        mesh.try_reserve(reserve(&format!("o-{n}"), &[line]))
    });
    let granted = join_all(asked).await.into_iter().filter(|answer| answer.as_ref().unwrap().reservation.is_some());
    assert!(granted.count() >= 5);
    let row = mesh.rows("A").await.into_iter().find(|row| row.location == "MAIN").unwrap();
    assert_eq!(row.shortfall, "0");
    let (on_hand, reserved): (i64, i64) = (row.on_hand.parse().unwrap(), row.reserved.parse().unwrap());
    assert!(reserved <= on_hand, "{row:?}");
}

#[tokio::test]
async fn a_kit_is_neither_counted_nor_adjusted_and_a_returned_one_comes_back_as_its_components() {
    let mesh = with_a_set().await;
    mesh.time.set(at(100));
    let now = Some(prost_types::Timestamp { seconds: at(90).as_second(), nanos: 0 });
    let count = pb::CountStockRequest {
        idempotency_key: "k".into(),
        basis: i32::from(pb::CountBasis::OnHand),
        as_of: now,
        authority: "store".into(),
        rows: vec![pb::CountRow { sku: "C".into(), quantity: "4".into(), ..Default::default() }],
    };
    let outcome = mesh.stock().count_stock(count).await.unwrap().into_inner().outcomes.remove(0).outcome.unwrap();
    assert_eq!(outcome.reason, "KIT_HAS_NO_STOCK");
    let adjust = pb::AdjustStockRequest {
        idempotency_key: "k".into(),
        sku: "C".into(),
        quantity: "1".into(),
        reason: "FOUND".into(),
        happened_at: now,
        ..Default::default()
    };
    assert_eq!(Refusal::read(&mesh.stock().adjust_stock(adjust).await.unwrap_err()).reason(), "KIT_HAS_NO_STOCK");
    let receive = pb::ReceiveStockRequest {
        idempotency_key: "k".into(),
        receipt_id: "r-1".into(),
        lines: vec![pb::ReceiveLine { sku: "C".into(), quantity: "2".into() }],
        reason: "RETURN".into(),
        happened_at: now,
        ..Default::default()
    };
    let rows = mesh.stock().receive_stock(receive).await.unwrap().into_inner().availability;
    let rows: Vec<_> = rows.iter().map(|row| (row.sku.as_str(), row.on_hand.as_str())).collect();
    assert_eq!(rows, [("A", "14"), ("B", "7")]);
}

#[tokio::test]
async fn what_cannot_be_a_kit_is_refused_with_the_reason() {
    let mesh = with_a_set().await;
    assert_eq!(refused(&mesh, describe("B", &[("A", "1")], &[])).await, "NOT_A_KIT", "it has stock of its own");
    assert_eq!(refused(&mesh, describe("C", &[("NOPE", "1")], &[])).await, "UNKNOWN_ITEM");
    assert_eq!(refused(&mesh, describe("NOPE", &[], &[("CASE", "6")])).await, "UNKNOWN_ITEM");
    assert_eq!(refused(&mesh, describe("C", &[("C", "1")], &[])).await, "BAD_REQUEST");
}

#[tokio::test]
async fn a_case_is_reserved_and_counted_as_its_pieces_and_other_units_are_refused() {
    let mesh = mesh().await;
    mesh.reference().describe_item(describe("A", &[], &[("CASE", "5")])).await.unwrap();
    let in_unit = |id: &str, unit: &str| {
        let mut request = reserve(id, &[("1", "A", "", "1")]);
        request.lines[0].unit = unit.into();
        request
    };
    let reserved = mesh.try_reserve(in_unit("o-1", "case")).await.unwrap().reservation.unwrap();
    assert_eq!((reserved.lines[0].quantity.as_str(), mesh.available("A", "MAIN").await.as_deref()), ("5", Some("5")));
    let refusal = mesh.try_reserve(in_unit("o-2", "PALLET")).await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("UNKNOWN_UNIT", "lines[0].unit"));
    mesh.time.set(at(100));
    let count = |unit: &str| pb::CountStockRequest {
        idempotency_key: "k".into(),
        basis: i32::from(pb::CountBasis::OnHand),
        as_of: Some(prost_types::Timestamp { seconds: at(90).as_second(), nanos: 0 }),
        authority: "store".into(),
        rows: vec![pb::CountRow { sku: "A".into(), quantity: "4".into(), unit: unit.into(), ..Default::default() }],
    };
    mesh.stock().count_stock(count("CASE")).await.unwrap();
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("15"));
    let outcome =
        mesh.stock().count_stock(count("PALLET")).await.unwrap().into_inner().outcomes.remove(0).outcome.unwrap();
    assert_eq!(outcome.reason, "UNKNOWN_UNIT");
}

#[tokio::test]
async fn a_reading_of_the_owner_leaves_what_was_said_here() {
    let mesh = with_a_set().await;
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
    let item =
        mesh.reference().get_item(pb::GetItemRequest { sku: "C".into() }).await.unwrap().into_inner().item.unwrap();
    assert_eq!(item.components.len(), 2);
}

#[tokio::test]
async fn a_kit_of_the_owner_is_read_and_its_new_members_count_for_later_promises_only() {
    let mesh = mesh().await;
    let sync = || async {
        let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
        mesh.reference().sync_reference(request).await.unwrap();
    };
    mesh.erp.books().kits.insert("C".into(), vec![("A".into(), 2), ("B".into(), 1)]);
    sync().await;
    assert_eq!(mesh.available("C", "MAIN").await.as_deref(), Some("5"));
    mesh.reserve("o-1", &[("1", "C", "", "1")]).await;
    mesh.erp.books().kits.insert("C".into(), vec![("B".into(), 2)]);
    sync().await;
    mesh.reserve("o-2", &[("1", "C", "", "1")]).await;
    mesh.release("o-1").await.unwrap();
    let left = (mesh.available("A", "MAIN").await, mesh.available("B", "MAIN").await);
    assert_eq!(
        left,
        (Some("10".into()), Some("3".into())),
        "two of B for the second, and the first gave back what it took"
    );
    assert_eq!(
        refused(&mesh, describe("C", &[("A", "1")], &[])).await,
        "NOT_A_KIT",
        "its owner says what it is made of"
    );
    mesh.reference().describe_item(describe("C", &[], &[("CASE", "6")])).await.unwrap();
    assert_eq!(mesh.available("C", "MAIN").await.as_deref(), Some("1"), "a unit that is said here leaves it a kit");
}

#[tokio::test]
async fn a_kit_of_kits_is_no_kit_here_and_everything_else_is_read() {
    let mesh = mesh().await;
    mesh.erp.books().items.push("D".into());
    mesh.erp.books().kits.insert("C".into(), vec![("B".into(), 1)]);
    mesh.erp.books().kits.insert("D".into(), vec![("C".into(), 1)]);
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    let read = mesh.reference().sync_reference(request).await.unwrap().into_inner();
    assert_eq!(read.items, 4);
    let item = |sku: &str| pb::GetItemRequest { sku: sku.into() };
    let found = mesh.reference().get_item(item("D")).await.unwrap().into_inner().item.unwrap();
    assert!(found.components.is_empty());
    assert_eq!(mesh.available("C", "MAIN").await.as_deref(), Some("5"));
}
