//! Goods on their way from MAIN to SIDE: set aside, on the road, arrived; the ERP and both shelves agree.

use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::Refusal;
use retail_store::Fate;

use crate::harness::{Mesh, at, mesh};

fn time(second: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: at(second).as_second(), nanos: 0 })
}

fn transfer(id: &str, lines: &[(&str, &str)]) -> pb::TransferStockRequest {
    let line = |(sku, quantity): &(&str, &str)| pb::TransferLine {
        sku: (*sku).into(),
        quantity: (*quantity).into(),
        ..Default::default()
    };
    pb::TransferStockRequest {
        idempotency_key: format!("plan-{id}"),
        transfer_id: id.into(),
        to: "SIDE".into(),
        lines: lines.iter().map(line).collect(),
        expected_at: time(5_000),
        ..Default::default()
    }
}

fn quantities(lines: &[(&str, &str)]) -> Vec<pb::TransferQuantity> {
    let line =
        |(sku, quantity): &(&str, &str)| pb::TransferQuantity { sku: (*sku).into(), quantity: (*quantity).into() };
    lines.iter().map(line).collect()
}

fn receive(id: &str, receipt: &str, lines: &[(&str, &str)], complete: bool) -> pb::ReceiveTransferRequest {
    pb::ReceiveTransferRequest {
        idempotency_key: format!("{id}-{receipt}"),
        transfer_id: id.into(),
        receipt_id: receipt.into(),
        lines: quantities(lines),
        complete,
        reason: if complete { "LOST_ON_THE_ROAD".into() } else { String::new() },
        happened_at: time(20),
    }
}

async fn planned(mesh: &Mesh, request: pb::TransferStockRequest) -> pb::Transfer {
    mesh.stock().transfer_stock(request).await.unwrap().into_inner().transfer.unwrap()
}

async fn sent(mesh: &Mesh, id: &str) -> pb::Transfer {
    mesh.time.set(at(10));
    let request = pb::SendTransferRequest {
        idempotency_key: format!("send-{id}"),
        transfer_id: id.into(),
        left_at: time(10),
        ..Default::default()
    };
    mesh.stock().send_transfer(request).await.unwrap().into_inner().transfer.unwrap()
}

async fn received(mesh: &Mesh, request: pb::ReceiveTransferRequest) -> pb::Transfer {
    mesh.time.set(at(20));
    mesh.stock().receive_transfer(request).await.unwrap().into_inner().transfer.unwrap()
}

async fn found(mesh: &Mesh, id: &str) -> pb::Transfer {
    let request = pb::GetTransferRequest { transfer_id: id.into() };
    mesh.stock().get_transfer(request).await.unwrap().into_inner().transfer.unwrap()
}

async fn row(mesh: &Mesh, sku: &str, location: &str) -> pb::Availability {
    mesh.rows(sku).await.into_iter().find(|row| row.location == location).unwrap_or_default()
}

/// On the road to SIDE, as SIDE knows it.
async fn in_transit(mesh: &Mesh, quantity: &str) {
    mesh.until(&format!("{quantity} of A are on the road"), || async {
        row(mesh, "A", "SIDE").await.in_transit == quantity
    })
    .await;
}

async fn on_hand_at_side(mesh: &Mesh, quantity: &str) {
    mesh.until(&format!("{quantity} of A are at SIDE"), || async { row(mesh, "A", "SIDE").await.on_hand == quantity })
        .await;
}

async fn posted(mesh: &Mesh, id: &str) {
    mesh.until("the ERP has every receipt", || async {
        let transfer = found(mesh, id).await;
        !transfer.arrivals.is_empty() && transfer.arrivals.iter().all(|arrival| arrival.posted)
    })
    .await;
}

async fn refused(mesh: &Mesh, request: pb::TransferStockRequest) -> Refusal {
    Refusal::read(&mesh.stock().transfer_stock(request).await.unwrap_err())
}

#[tokio::test]
async fn what_is_set_aside_is_sold_to_nobody_and_is_expected_at_its_destination() {
    let mesh = mesh().await;
    let transfer = planned(&mesh, transfer("t-1", &[("a", "4")])).await;
    assert_eq!((transfer.state(), transfer.lines[0].short.as_str()), (pb::TransferState::Planned, "0"));
    let main = row(&mesh, "A", "MAIN").await;
    assert_eq!((main.on_hand.as_str(), main.blocked.as_str(), main.available.as_str()), ("10", "4", "6"));
    mesh.until("SIDE expects it", || async { row(&mesh, "A", "SIDE").await.expected == "4" }).await;
    assert_eq!(row(&mesh, "A", "SIDE").await.in_transit, "0", "it has not left");
    mesh.until("the shop shows 6", || async { mesh.shop.shown("A") == 6 }).await;
}

#[tokio::test]
async fn on_the_road_it_is_at_neither_place_and_the_erp_knows_once() {
    let mesh = mesh().await;
    planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    mesh.erp.books().lose_an_answer = true;
    assert_eq!(sent(&mesh, "t-1").await.state(), pb::TransferState::OnTheRoad);
    in_transit(&mesh, "4").await;
    let (main, side) = (row(&mesh, "A", "MAIN").await, row(&mesh, "A", "SIDE").await);
    assert_eq!((main.on_hand.as_str(), main.blocked.as_str()), ("6", "0"));
    assert_eq!((side.on_hand.as_str(), side.available.as_str()), ("4", "4"), "what is on the road is not sold");
    mesh.until("the lost answer was asked for again", || async { mesh.erp.books().transfer_calls >= 2 }).await;
    mesh.until("its document is known", || async { found(&mesh, "t-1").await.documents.len() == 1 }).await;
    assert_eq!(mesh.erp.books().stock[&("A".into(), "MAIN".into())], 6);
    assert!(sent(&mesh, "t-1").await.left_at.is_some(), "the same word again is the same answer");
}

#[tokio::test]
async fn what_arrives_in_part_is_there_and_what_is_lost_is_nowhere_and_all_books_agree() {
    let mesh = mesh().await;
    planned(&mesh, transfer("t-1", &[("A", "4"), ("B", "2")])).await;
    sent(&mesh, "t-1").await;
    received(&mesh, receive("t-1", "r-1", &[("A", "1")], false)).await;
    on_hand_at_side(&mesh, "5").await;
    in_transit(&mesh, "3").await;
    mesh.erp.books().lose_an_answer = true;
    let last = received(&mesh, receive("t-1", "r-2", &[("A", "2"), ("B", "2")], true)).await;
    let ended = (last.state(), last.lines[0].received.as_str(), last.lines[0].lost.as_str());
    assert_eq!(ended, (pb::TransferState::Arrived, "3", "1"));
    on_hand_at_side(&mesh, "7").await;
    in_transit(&mesh, "0").await;
    posted(&mesh, "t-1").await;
    let stock = |sku: &str, place: &str| mesh.erp.books().stock.get(&(sku.into(), place.into())).copied();
    assert_eq!((stock("A", "MAIN"), stock("A", "SIDE"), stock("B", "SIDE")), (Some(6), Some(7), Some(2)));
    mesh.time.set(at(60));
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
    assert_eq!(
        (row(&mesh, "A", "MAIN").await.on_hand, row(&mesh, "A", "SIDE").await.on_hand),
        ("6".into(), "7".into())
    );
    assert!(row(&mesh, "A", "SIDE").await.arrivals.is_empty());
}

#[tokio::test]
async fn the_same_receipt_again_is_taken_in_once() {
    let mesh = mesh().await;
    planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    sent(&mesh, "t-1").await;
    for _ in 0..3 {
        received(&mesh, receive("t-1", "r-1", &[], false)).await;
    }
    on_hand_at_side(&mesh, "8").await;
    posted(&mesh, "t-1").await;
    assert_eq!(found(&mesh, "t-1").await.arrivals.len(), 1);
    assert_eq!(mesh.erp.books().receipts.len(), 1);
}

#[tokio::test]
async fn goods_that_arrive_before_anybody_said_that_they_left_have_left_too() {
    let mesh = mesh().await;
    planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    let transfer = received(&mesh, receive("t-1", "r-1", &[], false)).await;
    assert_eq!(transfer.state(), pb::TransferState::Arrived);
    on_hand_at_side(&mesh, "8").await;
    assert_eq!(row(&mesh, "A", "MAIN").await.on_hand, "6");
}

#[tokio::test]
async fn books_that_do_not_know_yet_that_it_left_do_not_bring_it_back() {
    let mesh = mesh().await;
    mesh.erp.books().slow = true;
    planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    sent(&mesh, "t-1").await;
    mesh.time.set(at(60));
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
    assert_eq!(row(&mesh, "A", "MAIN").await.on_hand, "6");
    assert_eq!(mesh.erp.books().stock[&("A".into(), "MAIN".into())], 10);
}

#[tokio::test]
async fn a_transfer_that_is_called_off_gives_everything_back() {
    let mesh = mesh().await;
    planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    mesh.until("SIDE expects it", || async { row(&mesh, "A", "SIDE").await.expected == "4" }).await;
    let request = pb::CancelTransferRequest { idempotency_key: "off".into(), transfer_id: "t-1".into() };
    for _ in 0..2 {
        let transfer = mesh.stock().cancel_transfer(request.clone()).await.unwrap().into_inner().transfer.unwrap();
        assert_eq!(transfer.state(), pb::TransferState::Cancelled);
    }
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
    mesh.until("SIDE expects nothing", || async { row(&mesh, "A", "SIDE").await.expected == "0" }).await;
    assert!(mesh.erp.books().shipments.is_empty());
    let list = mesh.stock().list_transfers(pb::ListTransfersRequest::default()).await.unwrap().into_inner();
    assert!(list.transfers.is_empty());
}

#[tokio::test]
async fn more_than_is_free_is_refused_with_what_is_free_and_by_force_who_goes_is_proposed() {
    let mesh = mesh().await;
    mesh.reserve("o-1", &[("1", "A", "", "8")]).await;
    let refusal = refused(&mesh, transfer("t-1", &[("A", "4")])).await;
    assert_eq!((refusal.reason(), refusal.metadata("free")), ("NOT_FREE_TO_MOVE", Some("2 of A")));
    assert_eq!(refusal.fields()[0].0, "lines[0].quantity");
    let by_force = pb::TransferStockRequest { force: true, ..transfer("t-1", &[("A", "4")]) };
    assert_eq!(planned(&mesh, by_force).await.lines[0].short, "2");
    let shortfalls = mesh.stock().list_shortfalls(pb::ListShortfallsRequest::default()).await.unwrap().into_inner();
    assert_eq!(shortfalls.proposals[0].reroute[0].reservation_id, "o-1");
    let refusal = refused(&mesh, pb::TransferStockRequest { force: true, ..transfer("t-2", &[("A", "7")]) }).await;
    assert_eq!(refusal.reason(), "NOT_ON_HAND");
}

#[tokio::test]
async fn what_is_short_at_the_destination_has_the_date_of_the_transfer() {
    let mesh = mesh().await;
    planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    sent(&mesh, "t-1").await;
    in_transit(&mesh, "4").await;
    let answer = mesh.reserve("o-1", &[("1", "A", "SIDE", "6")]).await;
    assert_eq!((answer.lacking[0].available.as_str(), answer.lacking[0].expected_at), ("4", time(5_000)));
}

#[tokio::test]
async fn an_id_is_one_transfer_and_what_it_is_expected_as_is_not_received_by_another_door() {
    let mesh = mesh().await;
    let first = planned(&mesh, transfer("t-1", &[("A", "4")])).await;
    assert_eq!(planned(&mesh, transfer("t-1", &[("A", "4")])).await.transfer_id, first.transfer_id);
    assert_eq!(refused(&mesh, transfer("t-1", &[("A", "3")])).await.reason(), "TRANSFER_DIFFERS");
    let request = pb::CancelExpectedStockRequest {
        idempotency_key: "k".into(),
        expected_id: "transfer:t-1".into(),
        location: "SIDE".into(),
    };
    let refusal = Refusal::read(&mesh.stock().cancel_expected_stock(request).await.unwrap_err());
    assert!(refusal.fields()[0].1.contains("/v1/transfers"), "{refusal:?}");
    let unknown = pb::GetTransferRequest { transfer_id: "t-9".into() };
    let refusal = Refusal::read(&mesh.stock().get_transfer(unknown).await.unwrap_err());
    assert_eq!(refusal.reason(), "NO_SUCH_TRANSFER");
}

#[tokio::test]
async fn whichever_commit_of_a_transfer_goes_wrong_nothing_is_lost_or_doubled() {
    let mesh = mesh().await;
    mesh.quiet().await;
    for fate in [Fate::AnswerLost, Fate::RequestLost] {
        for commit in [1, 2, 4, 7, 11] {
            let id = format!("t-{fate:?}-{commit}");
            let mut seen = 0;
            mesh.model.fate(move |_, _| {
                seen += 1;
                if seen == commit { fate } else { Fate::Lucky }
            });
            mesh.until("it is planned", || async {
                mesh.stock().transfer_stock(transfer(&id, &[("A", "1")])).await.is_ok()
            })
            .await;
            mesh.until("it has arrived", || async {
                mesh.time.set(at(20));
                mesh.stock().receive_transfer(receive(&id, "r-1", &[], false)).await.is_ok()
            })
            .await;
            posted(&mesh, &id).await;
        }
    }
    mesh.model.fate(|_, _| Fate::Lucky);
    assert_eq!(
        (row(&mesh, "A", "MAIN").await.on_hand, row(&mesh, "A", "SIDE").await.on_hand),
        ("0".into(), "14".into())
    );
    let stock = |place: &str| mesh.erp.books().stock[&("A".into(), place.into())];
    assert_eq!((stock("MAIN"), stock("SIDE")), (0, 14));
}
