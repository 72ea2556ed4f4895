//! Money that goes back because nothing will be delivered for it.

use retail_proto::orders::v1::{OrderState, Payment, PlaceOrderRequest, ResumeOrderRequest};

use crate::harness::{Mesh, gbp, mesh, request};
use crate::shop::Till;

/// Booked, and its money in the ERP's books.
async fn paid(mesh: &Mesh, number: u32) -> String {
    let id = mesh.booked(number).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    id
}

async fn resume(mesh: &Mesh, id: &str, key: &str) {
    let request = ResumeOrderRequest {
        idempotency_key: key.into(),
        order_id: id.into(),
        note: "the money was given back by hand".into(),
    };
    mesh.orders().resume_order(request).await.unwrap();
}

#[tokio::test]
async fn the_money_of_a_cancelled_order_goes_back_at_the_shop_and_out_of_the_erps_books() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    let refund = &order.refunds[0];
    assert_eq!((order.refunds.len(), &refund.amount), (1, &Some(gbp(3564))));
    assert!(refund.refund.is_some() && refund.document.is_some());
    let shop = mesh.shop.books.open();
    assert_eq!((shop.given_back("1001"), shop.refund_calls), (3564, 1));
    assert_eq!(shop.done, ["cancel", "refund"]);
    assert!(shop.refunds[0].1.lines.is_empty(), "they went with the cancellation");
    let erp = mesh.erp.books();
    assert_eq!((erp.refunds.len(), erp.unapplied(&id)), (1, 0));
}

#[tokio::test]
async fn the_money_of_an_order_that_the_erp_never_had_goes_back_at_the_shop_alone() {
    let mesh = mesh().await;
    let id = mesh.place(PlaceOrderRequest { total: Some(gbp(1)), ..request(1001) }).await;
    mesh.until_state(&id, OrderState::Held).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.refunds[0].document, None);
    assert_eq!(mesh.shop.books.open().given_back("1001"), 3564);
    assert!(mesh.erp.books().refunds.is_empty());
}

#[tokio::test]
async fn money_that_was_only_promised_is_not_given_back() {
    let mesh = mesh().await;
    let mut promised = request(1001);
    promised.payments[0].set_state(retail_proto::orders::v1::PaymentState::Authorized);
    let id = mesh.place(promised).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert!(order.refunds.is_empty());
    assert_eq!(mesh.shop.books.open().refund_calls, 0);
}

#[tokio::test]
async fn what_the_shop_has_given_back_itself_is_not_given_twice_and_leaves_the_erps_books_all_the_same() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.write(|shop| {
        shop.give_back("1001", 3564);
        shop.cancelled.push("1001".into());
    });
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.refunds.len(), 1);
    assert_eq!(mesh.shop.books.open().refund_calls, 0);
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn the_rest_of_what_the_shop_has_given_back_goes_back() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.write(|shop| shop.give_back("1001", 1000));
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    let amounts: Vec<_> = order.refunds.iter().map(|refund| refund.amount.clone().unwrap().minor_units).collect();
    assert_eq!(amounts, [1000, 2564]);
}

#[tokio::test]
async fn a_payment_whose_answer_was_lost_is_resolved_before_its_money_goes_back() {
    let mesh = mesh().await;
    mesh.erp.books().payments_fall_silent = true;
    let id = mesh.booked(1001).await;
    mesh.erp.books.until(|erp| erp.deposits.len() == 1).await;
    mesh.cancel(&id).await.unwrap();
    mesh.erp.books().payments_fall_silent = false;
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert!(order.payments[0].document.is_some());
    let erp = mesh.erp.books();
    assert_eq!((erp.deposits.len(), erp.refunds.len(), erp.unapplied(&id)), (1, 1, 0));
}

#[tokio::test]
async fn an_order_that_the_erps_people_closed_gives_its_money_back() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.erp.books.write(|books| books.close(&id));
    mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(mesh.shop.books.open().given_back("1001"), 3564);
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn a_refund_under_way_is_asked_for_until_it_is_done() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.open().tills.extend([Till::Pends, Till::Pends]);
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(mesh.shop.books.open().given_back("1001"), 3564);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_asked_for_again_and_made_once() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.open().tills.push_back(Till::PaysAndFallsSilent);
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    let shop = mesh.shop.books.open();
    assert_eq!((shop.given_back("1001"), shop.refund_calls), (3564, 2));
}

#[tokio::test]
async fn a_refund_that_never_arrived_is_sent_again_under_the_same_key() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.open().tills.push_back(Till::FallsSilent);
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    let shop = mesh.shop.books.open();
    assert_eq!((shop.given_back("1001"), shop.refund_calls, shop.refund_keys.len()), (3564, 2, 1));
}

#[tokio::test]
async fn a_refund_that_failed_waits_for_a_person_and_is_tried_anew_under_another_key() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.open().tills.push_back(Till::Fails);
    mesh.cancel(&id).await.unwrap();
    let parked = mesh.until(&id, |order| order.parked).await.pop().unwrap();
    assert!(parked.cause.starts_with("REFUND_FAILED"), "{}", parked.cause);
    assert_eq!(parked.state(), OrderState::Cancelling);
    assert!(mesh.erp.books().refunds.is_empty(), "the books say nothing that has not happened");
    resume(&mesh, &id, "r-1").await;
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert!(order.refunds[0].refund_id.ends_with("/r2"), "{}", order.refunds[0].refund_id);
    assert_eq!(mesh.shop.books.open().given_back("1001"), 3564);
}

#[tokio::test]
async fn money_that_a_person_gave_back_meanwhile_at_the_shop_ends_a_refused_refund() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.shop.books.open().tills.push_back(Till::Fails);
    mesh.cancel(&id).await.unwrap();
    mesh.until(&id, |order| order.parked).await;
    mesh.shop.books.write(|shop| shop.give_back("1001", 3564));
    resume(&mesh, &id, "r-1").await;
    mesh.until_state(&id, OrderState::Cancelled).await;
    let shop = mesh.shop.books.open();
    assert_eq!((shop.given_back("1001"), shop.refund_calls), (3564, 1));
}

#[tokio::test]
async fn a_channel_without_a_shop_waits_for_the_person_who_gives_the_money_back() {
    let mesh = mesh().await;
    let id = mesh.place(PlaceOrderRequest { channel: "till".into(), ..request(1001) }).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    mesh.cancel(&id).await.unwrap();
    let parked = mesh.until(&id, |order| order.parked).await.pop().unwrap();
    assert!(parked.cause.starts_with("REFUND_NOT_POSSIBLE"), "{}", parked.cause);
    assert!(parked.cause.contains("35.64") && parked.cause.contains("resume"), "{}", parked.cause);
    resume(&mesh, &id, "r-1").await;
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!((&order.refunds[0].amount, &order.refunds[0].refund), (&Some(gbp(3564)), &None));
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn what_will_never_ship_of_a_partly_shipped_order_is_given_back_to_the_penny() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 6), (2, 1)]));
    mesh.until_state(&id, OrderState::PartlyShipped).await;
    mesh.erp.books.write(|books| books.close(&id));
    let order = mesh.until_state(&id, OrderState::Completed).await;
    // 15.30 and a sixth of 20.34 were billed.
    assert_eq!(order.refunds[0].amount, Some(gbp(3564 - 1530 - 339)));
    let shop = mesh.shop.books.open();
    let lines: Vec<_> =
        shop.refunds[0].1.lines.iter().map(|line| (line.line_item_id.as_str(), line.quantity)).collect();
    assert_eq!(lines, [("92", 5)]);
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn a_cancellation_that_the_warehouse_overtakes_in_part_gives_the_rest_back() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.erp.books.write(|erp| {
        erp.ship(&id, &[(1, 6)]);
        erp.hidden = true;
    });
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(order.refunds[0].amount, Some(gbp(2034)));
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn a_fully_shipped_order_gives_nothing_back() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.ship_all(&id);
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert!(order.refunds.is_empty());
    assert_eq!((mesh.shop.books.open().refund_calls, mesh.erp.books().unapplied(&id)), (0, 0));
}

#[tokio::test]
async fn money_of_several_tenders_leaves_each_deposit() {
    let mesh = mesh().await;
    let mut two = request(1001);
    let captured = two.payments[0].clone();
    two.payments = vec![
        Payment { amount: Some(gbp(1000)), tender: 2, ..captured.clone() },
        Payment { amount: Some(gbp(2564)), ..captured },
    ];
    let id = mesh.place(two).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.refunds.len(), 1, "one refund over all tenders");
    let erp = mesh.erp.books();
    let recorded: Vec<_> =
        erp.refunds.values().map(|one| (one.tender.as_str(), one.amount.clone().unwrap().minor_units)).collect();
    assert_eq!(recorded, [("gift_card", 1000), ("card", 2564)]);
}

#[tokio::test]
async fn a_refund_is_of_the_day_it_was_given_and_names_the_shops_record() {
    let mesh = mesh().await;
    let id = paid(&mesh, 1001).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    let erp = mesh.erp.books();
    let recorded = erp.refunds.values().next().unwrap();
    assert_eq!(recorded.reference, order.refunds[0].refund.as_ref().unwrap().id);
    assert_eq!((recorded.customer_ref.as_str(), recorded.refund_date.len()), ("c-1", 10));
    assert_eq!(recorded.external_ref, format!("{id}/p1/refund"));
}
