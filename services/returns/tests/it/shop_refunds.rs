//! Refunds as the shop tells them: ours, and those that people made in the shop's admin.

use retail_proto::orders::v1::{Order, Refund};
use retail_proto::returns::v1::{
    RefundFactLine, ResolveExceptionRequest, ReturnCapture, ReturnState, TakeRefundRequest,
};
use retail_runtime::fault::Class;

use crate::books::{Mood, gbp, record};
use crate::harness::{Mesh, mesh};
use crate::orders::{START, on_its_way, order};

/// People in the shop's admin give money back for units of hearts.
fn fact(refund: &str, minor: i64, units: i64) -> TakeRefundRequest {
    let line = RefundFactLine {
        channel_line_id: "1-85123A".into(),
        quantity: units.to_string(),
        restocked: true,
        never_left: false,
    };
    TakeRefundRequest {
        idempotency_key: format!("refund-{refund}"),
        channel: "shop".into(),
        channel_order_id: "1001".into(),
        refund: Some(record("commerce", "refund", refund)),
        amount: Some(gbp(minor)),
        lines: if units == 0 { Vec::new() } else { vec![line] },
        refunded_at: Some(prost_types::Timestamp { seconds: START + 20 * 86_400, nanos: 0 }),
        note: "sorry".into(),
        ..Default::default()
    }
}

/// The money has left the shop's till before anybody hears of it.
async fn made_by_hand(mesh: &Mesh, fact: TakeRefundRequest) -> String {
    let minor = fact.amount.as_ref().unwrap().minor_units;
    mesh.shop.books.write(|till| till.by_hand.push((fact.channel_order_id.clone(), minor)));
    mesh.take_refund(fact).await.unwrap()
}

#[tokio::test]
async fn a_refund_of_the_admin_becomes_a_return_whose_books_are_closed_without_a_second_refund() {
    let mesh = mesh().await;
    let id = made_by_hand(&mesh, fact("rf-9", 510, 2)).await;
    let closed = mesh.completed(&id).await;
    assert_eq!((closed.capture(), closed.source.as_str()), (ReturnCapture::Fact, "shop"));
    assert_eq!((closed.credited.clone(), closed.refunded.clone()), (vec![gbp(510)], vec![gbp(510)]));
    assert_eq!(closed.parts[0].refund, Some(record("commerce", "refund", "rf-9")));
    assert_eq!(mesh.stock.on_hand("85123A", "MAIN"), 2);
    assert_eq!(mesh.shop.books.open().moods.asked("refund_order"), 0);
    assert_eq!(mesh.erp.books().only().refunds[0].reference, "rf-9");
    assert!(mesh.shop.books.open().answers.is_empty(), "nobody asked");
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn goods_that_the_shop_did_not_put_back_are_credited_and_not_sold_again() {
    let mesh = mesh().await;
    let mut lost = fact("rf-9", 510, 2);
    lost.lines[0].restocked = false;
    let id = made_by_hand(&mesh, lost).await;
    mesh.completed(&id).await;
    assert!(mesh.stock.books.open().receipts.is_empty());
    assert!(!mesh.erp.books().only().told.receipts[0].lines[0].restock);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn less_money_than_the_goods_are_worth_is_credited_as_it_was_given() {
    let mesh = mesh().await;
    let id = made_by_hand(&mesh, fact("rf-9", 400, 2)).await;
    assert_eq!(mesh.completed(&id).await.credited, [gbp(400)]);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn the_same_refund_told_twice_is_one_return() {
    let mesh = mesh().await;
    let first = made_by_hand(&mesh, fact("rf-9", 510, 2)).await;
    let again = TakeRefundRequest { idempotency_key: "again".into(), ..fact("rf-9", 510, 2) };
    assert_eq!(mesh.take_refund(again).await.unwrap(), first);
    mesh.completed(&first).await;
    assert_eq!(mesh.erp.books().returns.len(), 1);
}

#[tokio::test]
async fn money_without_goods_waits_for_a_person_and_is_never_given_back_twice() {
    let mesh = mesh().await;
    let id = made_by_hand(&mesh, fact("rf-9", 3564 - 100, 0)).await;
    let held = mesh.until_state(&id, ReturnState::Held).await;
    assert_eq!(held.lines[0].cause, "GOODWILL_CREDIT");
    let named = ResolveExceptionRequest { order_id: "o-1001".into(), order_line_number: 1, ..Default::default() };
    assert_eq!(mesh.resolve(&id, 1, named).await.unwrap_err().reason(), "NOT_A_POLICY_RULE");
    let goods = mesh.authorized(2, &[(1, 6)]).await.return_id;
    mesh.receive_all(&goods).await;
    assert_eq!(mesh.completed(&goods).await.refunded, [gbp(100)], "the rest of what was taken");
    mesh.dismiss(&id, 1).await.unwrap();
    mesh.until_state(&id, ReturnState::Refused).await;
}

#[tokio::test]
async fn goods_that_never_left_wait_for_a_person() {
    let mesh = mesh().await;
    let mut over = on_its_way(1002);
    over.set_state(retail_proto::orders::v1::OrderState::Completed);
    mesh.sell(over);
    let id = made_by_hand(&mesh, TakeRefundRequest { channel_order_id: "1002".into(), ..fact("rf-9", 510, 2) }).await;
    let held = mesh.until_state(&id, ReturnState::Held).await;
    assert_eq!(held.lines[0].cause, "NOT_SHIPPED");
}

#[tokio::test]
async fn goods_without_money_wait_for_a_person() {
    let mesh = mesh().await;
    let id = mesh.take_refund(fact("rf-9", 0, 2)).await.unwrap();
    assert_eq!(mesh.until_state(&id, ReturnState::Held).await.lines[0].cause, "NO_MONEY_MOVED");
    let named = ResolveExceptionRequest { order_id: "o-1001".into(), order_line_number: 1, ..Default::default() };
    mesh.resolve(&id, 1, named).await.unwrap();
    let record = mesh.completed(&id).await;
    assert_eq!(record.refunded, [gbp(510)], "the shop had given nothing: Weft does");
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn a_refund_of_nothing_for_nothing_is_nothing() {
    let mesh = mesh().await;
    assert_eq!(mesh.take_refund(fact("rf-9", 0, 0)).await.unwrap(), "");
    let failed = TakeRefundRequest { failed: true, ..fact("rf-8", 510, 2) };
    assert_eq!(mesh.take_refund(failed).await.unwrap(), "");
}

#[tokio::test]
async fn the_news_of_our_own_refund_before_its_answer_makes_no_second_return() {
    let mesh = mesh().await;
    // The money moves, and neither this answer nor the next comes.
    mesh.shop.books.write(|till| till.moods.plan("refund_order", &[Mood::FallsSilent; 3]));
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    mesh.shop.books.until(|till| !till.refunds.is_empty()).await;
    let refund = mesh.shop.books.open().refunds.values().next().unwrap().clone();
    let news = TakeRefundRequest {
        external_ref: refund.external_ref.clone(),
        refund: refund.refund.clone(),
        ..fact("rf-1", 510, 2)
    };
    assert_eq!(mesh.take_refund(news).await.unwrap(), id);
    let record = mesh.completed(&id).await;
    assert_eq!((record.refunded.clone(), record.parts[0].refund.clone()), (vec![gbp(510)], refund.refund));
    assert_eq!(mesh.erp.books().returns.len(), 1);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn the_news_that_our_refund_failed_reopens_the_return_and_a_person_gives_the_money_back() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    let record = mesh.completed(&id).await;
    let external_ref = format!("{}/refund-1", record.parts[0].part_id);
    mesh.shop.books.write(|till| {
        let refund = till.refunds.get_mut(&external_ref).unwrap();
        refund.set_state(retail_proto::commerce::v1::RefundState::Failed);
    });
    let news = TakeRefundRequest { external_ref, failed: true, ..fact("rf-1", 510, 2) };
    mesh.take_refund(news).await.unwrap();
    let parked = mesh.until(&id, |record| record.parked).await;
    assert!(parked.refunded.is_empty(), "what failed never counts as refunded");
    mesh.resume(&id, "r-1").await.unwrap();
    assert_eq!(mesh.completed(&id).await.refunded, [gbp(510)]);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn when_the_shop_takes_its_own_refund_back_a_person_has_weft_give_the_money() {
    let mesh = mesh().await;
    let id = made_by_hand(&mesh, fact("rf-9", 510, 2)).await;
    mesh.completed(&id).await;
    mesh.shop.books.write(|till| till.by_hand.clear());
    // One refund, one key: what is said of it differs.
    let news = TakeRefundRequest { failed: true, ..fact("rf-9", 510, 2) };
    assert_eq!(mesh.take_refund(news).await.unwrap(), id);
    mesh.until(&id, |record| record.parked).await;
    mesh.resume(&id, "r-1").await.unwrap();
    assert_eq!(mesh.completed(&id).await.refunded, [gbp(510)]);
    assert_eq!(mesh.shop.books.open().refunds.len(), 1);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn a_refund_of_the_orders_service_is_no_return() {
    let mesh = mesh().await;
    // It does not show the refund yet: the shop was faster than its answer.
    mesh.sell(order(1002));
    let news = TakeRefundRequest {
        channel_order_id: "1002".into(),
        external_ref: "o-1002/r1".into(),
        ..fact("rf-9", 3564, 0)
    };
    assert_eq!(mesh.take_refund(news).await.unwrap(), "");
}

#[tokio::test]
async fn a_refund_of_an_order_that_is_not_known_yet_is_to_be_told_again() {
    let mesh = mesh().await;
    let early = TakeRefundRequest { channel_order_id: "900".into(), ..fact("rf-9", 510, 2) };
    let refusal = mesh.take_refund(early.clone()).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unavailable, "ORDER_NOT_KNOWN_YET"));
    // As it is taken in, all that the shop gave back is read: the refund that is told just now as well.
    let given = Refund { refund: early.refund.clone(), amount: Some(gbp(510)), ..Refund::default() };
    let old = Order { adopted: true, refunds: vec![given], ..order(900) };
    mesh.orders.books.write(|drawer| drawer.old.push(old));
    mesh.shop.books.write(|till| till.captured.insert("900".into(), 3564));
    let id = made_by_hand(&mesh, early.clone()).await;
    assert_eq!(mesh.completed(&id).await.credited, [gbp(510)]);
    mesh.assert_money_law("o-900");
    assert_eq!(mesh.take_refund(early).await.unwrap(), id, "told again it is the same return");
}
