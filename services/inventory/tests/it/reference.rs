//! Items and locations, as read from their owners.

use retail_proto::inventory::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_runtime::fault::Refusal;

use crate::harness::{mesh, mesh_unread};

fn record(kind: &str, r#type: &str, id: &str) -> Ref {
    Ref { kind: kind.into(), instance: kind.into(), r#type: r#type.into(), id: id.into(), number: String::new() }
}

#[tokio::test]
async fn items_are_found_by_code_and_by_every_systems_record() {
    let mesh = mesh().await;
    let key = |sku: &str, r#ref| pb::ItemKey { sku: sku.into(), r#ref };
    let keys = vec![
        key("a", None),
        key("", Some(record("commerce", "variant", "var-b"))),
        key("", Some(record("erp", "inventoryItem", "i-C"))),
        key("a", Some(record("commerce", "variant", "unheard-of"))),
        key("Z", None),
    ];
    let found = mesh.reference().resolve_items(pb::ResolveItemsRequest { keys }).await.unwrap().into_inner().items;
    let skus: Vec<Option<String>> = found.into_iter().map(|found| found.item.map(|item| item.sku)).collect();
    assert_eq!(skus, [Some("A".into()), Some("B".into()), Some("C".into()), Some("A".into()), None]);
}

#[tokio::test]
async fn the_default_location_is_marked_and_knows_its_shop_location() {
    let mesh = mesh().await;
    let found = mesh.reference().list_locations(pb::ListLocationsRequest {}).await.unwrap().into_inner().locations;
    let main = found.iter().find(|location| location.code == "MAIN").unwrap();
    assert!(main.default_location && main.name == "Hub");
    assert!(main.refs.contains(&record("commerce", "location", "loc-1")));
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn an_erp_that_is_away_at_start_is_read_when_it_comes_back() {
    let mesh = mesh_unread(|erp| erp.books().away = true).await;
    mesh.until("the service answers", || async {
        mesh.reference().list_locations(pb::ListLocationsRequest {}).await.is_ok()
    })
    .await;
    assert!(mesh.rows("A").await.is_empty());
    mesh.erp.books().away = false;
    mesh.until("the owners are read", || async { mesh.available("A", "MAIN").await.as_deref() == Some("10") }).await;
}

#[tokio::test]
async fn reading_on_command_says_who_is_away() {
    let mesh = mesh().await;
    mesh.erp.books().away = true;
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    let status = mesh.reference().sync_reference(request).await.unwrap_err();
    let refusal = Refusal::read(&status);
    assert_eq!((refusal.reason(), refusal.metadata("system")), ("UPSTREAM_UNAVAILABLE", Some("erp")));
}

#[tokio::test]
async fn an_item_nobody_knows_is_not_found() {
    let mesh = mesh().await;
    let status = mesh.reference().get_item(pb::GetItemRequest { sku: "nope".into() }).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "UNKNOWN_ITEM");
}
