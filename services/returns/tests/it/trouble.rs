//! Neighbours that are away, lose their answers or refuse; a store that does.

use retail_proto::returns::v1::{Return, ReturnState};
use retail_store::Fate;

use crate::books::{Mood, gbp};
use crate::harness::{Mesh, mesh, mesh_with, request};
use crate::shop::Money;

async fn goes_through(mesh: &Mesh) -> Return {
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let record = mesh.completed(&id).await;
    let erp = mesh.erp.books();
    let kept = erp.only();
    let documents = (kept.told.receipts.len(), kept.told.credit_memos.len(), kept.told.refunds.len());
    assert_eq!(documents, (1, 1, 1));
    drop(erp);
    assert_eq!(mesh.shop.books.open().refunds.len(), 1);
    assert_eq!(mesh.stock.on_hand("85123A", "MAIN"), 2);
    mesh.assert_money_law("o-1001");
    record
}

#[tokio::test]
async fn whichever_answer_of_the_erp_is_lost_there_is_one_document_of_each() {
    for what in ["create_return", "post_receipt", "create_credit_memo", "record_refund"] {
        let mesh = mesh().await;
        mesh.erp.books.write(|erp| {
            erp.moods.plan(what, &[Mood::FallsSilent]);
            erp.hidden = true;
        });
        goes_through(&mesh).await;
        assert_eq!(mesh.erp.books().moods.asked(what), 2, "{what}");
    }
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    let mesh = mesh().await;
    mesh.shop.books.write(|till| till.moods.plan("refund_order", &[Mood::FallsSilent]));
    goes_through(&mesh).await;
}

#[tokio::test]
async fn goods_whose_taking_in_is_not_answered_are_in_stock_once() {
    let mesh = mesh().await;
    mesh.stock.books.write(|shelves| shelves.moods.plan("receive_stock", &[Mood::FallsSilent, Mood::Away]));
    goes_through(&mesh).await;
}

#[tokio::test]
async fn neighbours_that_are_away_for_a_while_are_asked_again() {
    let mesh = mesh().await;
    mesh.erp.books.write(|erp| erp.moods.plan("create_return", &[Mood::Away]));
    mesh.shop.books.write(|till| till.moods.plan("refund_order", &[Mood::Away]));
    goes_through(&mesh).await;
}

#[tokio::test]
async fn a_store_that_loses_answers_and_commits_changes_nothing_for_anybody() {
    let mesh = mesh().await;
    let mut commits = 0_u32;
    mesh.model.fate(move |_, _| {
        commits += 1;
        match commits % 7 {
            2 => Fate::AnswerLost,
            4 => Fate::RequestLost,
            6 => Fate::Conflict,
            _ => Fate::Lucky,
        }
    });
    // A caller repeats what was not answered.
    let asked = loop {
        if let Ok(record) = mesh.try_start(request(1, &[(1, 2)])).await {
            break record;
        }
    };
    mesh.until_state(&asked.return_id, ReturnState::Authorized).await;
    while mesh.receive(&asked.return_id, "dock-all", &[]).await.is_err() {}
    let record = mesh.completed(&asked.return_id).await;
    assert_eq!((record.parts[0].receipts.len(), record.refunded), (1, vec![gbp(510)]));
    assert_eq!(mesh.erp.books().only().told.credit_memos.len(), 1);
    assert_eq!(mesh.shop.books.open().refunds.len(), 1);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn a_refusal_of_the_erp_parks_the_return_until_its_cause_is_mended() {
    let mesh = mesh().await;
    mesh.erp.books.write(|erp| erp.moods.plan("create_credit_memo", &[Mood::Refuses("PERIOD_CLOSED")]));
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let parked = mesh.until(&id, |record| record.parked).await;
    assert!(parked.cause.starts_with("PERIOD_CLOSED"), "{}", parked.cause);
    assert!(mesh.shop.books.open().refunds.is_empty());
    mesh.resume(&id, "r-1").await.unwrap();
    let record = mesh.completed(&id).await;
    assert!(!record.parked && record.cause.is_empty());
    assert_eq!(mesh.resume(&id, "r-2").await.unwrap_err().reason(), "NOT_PARKED");
}

#[tokio::test]
async fn money_that_is_under_way_keeps_the_return_open_until_it_is_there() {
    let mesh = mesh().await;
    mesh.shop.books.write(|till| till.money = Money::UnderWay);
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let open = mesh.until(&id, |record| record.parts[0].refund.is_some()).await;
    assert_eq!((open.state(), open.refunded.len()), (ReturnState::Received, 0));
    assert_eq!(mesh.erp.books().moods.asked("record_refund"), 0);
    mesh.shop.books.write(|till| till.comes_through());
    let record = mesh.completed(&id).await;
    assert_eq!(record.refunded, [gbp(510)]);
    assert_eq!(mesh.shop.books.open().refunds.len(), 1);
}

#[tokio::test]
async fn a_refund_that_failed_is_made_again_only_when_a_person_says_so() {
    let mesh = mesh().await;
    mesh.shop.books.write(|till| till.money = Money::Fails);
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let parked = mesh.until(&id, |record| record.parked).await;
    assert!(parked.cause.starts_with("REFUND_FAILED"), "{}", parked.cause);
    assert!(parked.refunded.is_empty() && parked.parts[0].refund.is_none());
    mesh.shop.books.write(|till| till.money = Money::GivenBack);
    mesh.resume(&id, "r-1").await.unwrap();
    let record = mesh.completed(&id).await;
    assert_eq!(record.refunded, [gbp(510)]);
    let keys: std::collections::BTreeSet<_> =
        mesh.shop.books.open().requests.values().map(|request| request.idempotency_key.clone()).collect();
    assert_eq!(keys.len(), 2, "another attempt has another key");
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn of_a_refund_that_came_through_in_part_only_the_rest_is_given_another_time() {
    let mesh = mesh().await;
    mesh.shop.books.write(|till| till.money = Money::LacksAPenny);
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let parked = mesh.until(&id, |record| record.parked).await;
    assert_eq!((parked.refunded, mesh.erp.books().moods.asked("record_refund")), (vec![gbp(509)], 0));
    mesh.shop.books.write(|till| till.money = Money::GivenBack);
    mesh.resume(&id, "r-1").await.unwrap();
    assert_eq!(mesh.completed(&id).await.refunded, [gbp(510)]);
    assert_eq!(mesh.erp.books().only().refunds[0].amount, Some(gbp(510)));
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn what_a_channel_without_a_connector_owes_is_given_by_a_person_and_told_to_the_erp() {
    let mesh = mesh_with(|config| {
        config.channels.values_mut().for_each(|channel| channel.address.clear());
    })
    .await;
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let parked = mesh.until(&id, |record| record.parked).await;
    assert!(parked.cause.starts_with("REFUND_NOT_POSSIBLE"), "{}", parked.cause);
    assert!(parked.cause.contains("give 5.10 GBP back"), "{}", parked.cause);
    assert!(parked.refunded.is_empty() && mesh.erp.books().only().refunds.is_empty());
    mesh.resume(&id, "r-1").await.unwrap();
    assert_eq!(mesh.completed(&id).await.refunded, [gbp(510)]);
    assert_eq!(mesh.erp.books().only().refunds[0].amount, Some(gbp(510)));
}
