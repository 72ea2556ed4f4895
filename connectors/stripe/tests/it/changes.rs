//! The backfill: every payment that changed, whatever became of its webhooks.

use retail_proto::payments::v1 as pb;
use serde_json::json;

use crate::world::*;

fn ids(answer: &pb::ListChangesResponse) -> Vec<String> {
    let payments = answer.changes.iter().filter_map(|change| change.payment.as_ref());
    payments.map(|payment| payment.payment.clone().unwrap().id).collect()
}

#[tokio::test]
async fn every_changed_payment_is_told_once_a_page_oldest_first() {
    let world = world().await;
    let start = world.changes("", 0).await;
    assert!(start.changes.is_empty() && !start.more);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.held(2000).await);
    }
    world.capture(&capture(&made[0], "C-1", 2000, true)).await.unwrap();
    let (mut told, mut cursor) = (Vec::new(), start.cursor);
    loop {
        let page = world.changes(&cursor, 2).await;
        assert!(page.changes.len() <= 2);
        told.extend(ids(&page));
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    // The captured one changed again at the end.
    assert_eq!(told[..5], made[..]);
    assert_eq!(told[5..], made[..1]);
}

#[tokio::test]
async fn a_payment_is_told_as_it_stands_and_not_as_the_event_says() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.refund(&refund(&id, "R-1", 500)).await.unwrap();
    let page = world.changes("", 0).await;
    assert_eq!(ids(&page), [id]);
    assert_eq!(page.changes[0].payment.as_ref().unwrap().refunded, pounds(500));
}

#[tokio::test]
async fn a_cursor_older_than_stripes_memory_says_resync() {
    let world = world().await;
    world.taken(2000, "pm_card_visa").await;
    let page = world.changes("1:0:", 0).await;
    assert_eq!((page.changes[0].kind(), page.more), (pb::ChangeKind::Resync, false));
    assert_eq!(ids(&world.changes(&page.cursor, 0).await).len(), 1);
}

#[tokio::test]
async fn what_happened_while_nobody_listened_is_in_the_list() {
    let world = world().await;
    let id = world.taken(1000, "pm_card_refundFail").await;
    let cursor = world.changes("", 0).await.cursor;
    world.refund(&refund(&id, "R-1", 1000)).await.unwrap();
    world.later("72h").await;
    world.turn("dispute", json!({"payment_intent": id, "inquiry": true})).await;
    let page = world.changes(&cursor, 0).await;
    let payment = page.changes[0].payment.clone().unwrap();
    assert_eq!(payment.refunds[0].state(), pb::RefundState::Failed);
    assert_eq!(payment.disputes[0].state(), pb::DisputeState::Inquiry);
}
