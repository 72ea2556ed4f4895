//! A location whose availability is the ERP's: SIDE, with four of A.

use std::collections::BTreeMap;

use retail_proto::inventory::v1 as pb;

use crate::harness::{Mesh, at, mesh};

/// The ERP says what it has promised of A at SIDE, by order; an empty one is nobody's of ours. Then it is read.
async fn committed(mesh: &Mesh, second: i64, commitments: &[(&str, i64)]) {
    let said: BTreeMap<String, i64> = commitments.iter().map(|(order, units)| ((*order).to_owned(), *units)).collect();
    mesh.erp.books().commitments.insert(("A".into(), "SIDE".into()), said.clone());
    mesh.erp.books().commitments.insert(("A".into(), "MAIN".into()), said);
    mesh.time.set(at(second));
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
}

/// Available, reserved and allocated.
async fn side(mesh: &Mesh) -> [String; 3] {
    let row = mesh.rows("A").await.into_iter().find(|row| row.location == "SIDE").unwrap();
    [row.available, row.reserved, row.allocated]
}

#[tokio::test]
async fn what_the_erp_has_promised_itself_is_not_for_sale_there_and_elsewhere_weft_says() {
    let mesh = mesh().await;
    committed(&mesh, 60, &[("", 3)]).await;
    assert_eq!(side(&mesh).await, ["1", "0", "3"]);
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
    let lacking = mesh.reserve("o-1", &[("1", "A", "SIDE", "2")]).await.lacking;
    assert_eq!(lacking[0].available, "1");
}

#[tokio::test]
async fn an_order_of_ours_that_the_erp_has_booked_is_not_subtracted_twice() {
    let mesh = mesh().await;
    mesh.reserve("o-1", &[("1", "A", "SIDE", "2")]).await;
    mesh.confirm("o-1").await.unwrap();
    committed(&mesh, 60, &[("", 1)]).await;
    assert_eq!(side(&mesh).await, ["1", "2", "1"], "it is not booked yet");
    committed(&mesh, 120, &[("", 1), ("o-1", 2)]).await;
    assert_eq!(side(&mesh).await, ["1", "0", "3"]);
    mesh.consume("o-1", "s-1", &[("1", "1")]).await.unwrap();
    assert_eq!(side(&mesh).await, ["1", "0", "2"]);
    mesh.release("o-1").await.unwrap();
    assert_eq!(side(&mesh).await, ["2", "0", "1"]);
}
