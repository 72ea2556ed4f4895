//! Money: what is given back, what pays an owed invoice, and what a line is worth in pieces.

use retail_proto::returns::v1::Disposition;

use crate::books::gbp;
use crate::harness::{Mesh, mesh, request};
use crate::orders::order;

async fn returned(mesh: &Mesh, number: u32, order_id: &str, lines: &[(i32, i64)]) -> retail_proto::returns::v1::Return {
    let mut asked = request(number, lines);
    asked.lines.iter_mut().for_each(|line| line.order_id = order_id.into());
    let id = mesh.start(asked).await;
    mesh.until(&id, |record| record.parts.iter().any(|part| part.return_authorization.is_some())).await;
    mesh.receive_all(&id).await;
    mesh.completed(&id).await
}

#[tokio::test]
async fn an_invoice_that_nobody_has_paid_takes_the_memo_and_no_money_moves() {
    let mesh = mesh().await;
    let mut owed = order(1002);
    owed.payments.clear();
    owed.invoices[0].amount_remaining = Some(gbp(3564));
    mesh.sell(owed);
    let record = returned(&mesh, 1, "o-1002", &[(1, 6)]).await;
    assert_eq!((record.credited.clone(), record.refunded.len()), (vec![gbp(1530)], 0));
    assert!(mesh.shop.books.open().refunds.is_empty());
    let erp = mesh.erp.books();
    assert_eq!(erp.only().credits[0].apply_to, record.parts[0].invoice);
    assert!(erp.only().refunds.is_empty());
    let taken_off = mesh.orders.books.open().taken_off.clone();
    assert_eq!(taken_off, [(record.parts[0].part_id.clone(), 1530)].into(), "and nobody takes it any more");
}

#[tokio::test]
async fn what_somebody_has_paid_while_it_was_credited_goes_back() {
    let mesh = mesh().await;
    let paid = order(1002);
    let mut owed = paid.clone();
    owed.payments.clear();
    owed.invoices[0].amount_remaining = Some(gbp(3564));
    mesh.sell(owed);
    mesh.shop.books.write(|till| till.captured.insert(paid.channel_order_id.clone(), 3564));
    mesh.orders.books.open().paid_meanwhile = Some(paid);
    let record = returned(&mesh, 1, "o-1002", &[(1, 6)]).await;
    assert_eq!((record.credited, record.refunded), (vec![gbp(1530)], vec![gbp(1530)]));
    assert_eq!(mesh.erp.books().only().credits[0].apply_to, None);
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn nothing_is_credited_while_the_orders_own_money_is_being_taken() {
    let mesh = mesh().await;
    let paid = order(1002);
    let mut held = paid.clone();
    held.payments[0].service = "pay".into();
    held.payments[0].state = i32::from(retail_proto::orders::v1::PaymentState::Authorized);
    mesh.sell(held);
    let mut asked = request(1, &[(1, 2)]);
    asked.lines[0].order_id = "o-1002".into();
    let id = mesh.start(asked).await;
    mesh.until(&id, |record| record.parts.iter().any(|part| part.return_authorization.is_some())).await;
    mesh.receive_all(&id).await;
    let waiting = mesh.until(&id, |record| record.next.starts_with("The order's own money")).await;
    assert!(waiting.parts[0].credit_memo.is_none() && mesh.erp.books().only().credits.is_empty());
    mesh.sell(paid);
    assert_eq!(mesh.completed(&id).await.refunded, [gbp(510)]);
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn of_an_invoice_that_is_half_paid_only_what_was_paid_goes_back() {
    let mesh = mesh().await;
    let mut half = order(1002);
    half.payments[0].amount = Some(gbp(3000));
    half.invoices[0].amount_remaining = Some(gbp(564));
    mesh.sell(half);
    let record = returned(&mesh, 1, "o-1002", &[(1, 6), (2, 6)]).await;
    assert_eq!((record.credited, record.refunded), (vec![gbp(3564)], vec![gbp(3000)]));
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn an_invoice_whose_deposit_is_not_applied_yet_is_not_owed() {
    let mesh = mesh().await;
    let mut paid = order(1002);
    paid.invoices[0].amount_remaining = Some(gbp(3564));
    mesh.sell(paid);
    let record = returned(&mesh, 1, "o-1002", &[(1, 6)]).await;
    assert_eq!(record.refunded, [gbp(1530)]);
}

#[tokio::test]
async fn a_line_that_comes_back_in_pieces_adds_up_to_the_penny() {
    let mesh = mesh().await;
    let mut odd = order(1002);
    // Six for 10.00: no piece has a whole number of pennies.
    odd.lines[0].amount = Some(gbp(1000));
    odd.total = Some(gbp(3034));
    odd.payments[0].amount = Some(gbp(3034));
    odd.invoices[0].total = Some(gbp(3034));
    mesh.sell(odd);
    let mut sum = 0;
    for (number, units) in [(1, 1), (2, 2), (3, 3)] {
        let record = returned(&mesh, number, "o-1002", &[(1, units)]).await;
        sum += record.refunded[0].minor_units;
        mesh.assert_money_law("o-1002");
    }
    assert_eq!(sum, 1000);
}

#[tokio::test]
async fn a_tax_on_top_goes_back_with_its_goods() {
    let mesh = mesh().await;
    let mut taxed = order(1002);
    let tax =
        |included: bool| retail_proto::types::v1::TaxLine { amount: Some(gbp(306)), included, ..Default::default() };
    taxed.lines[0].taxes = vec![tax(false), tax(true)];
    taxed.total = Some(gbp(3870));
    taxed.payments[0].amount = Some(gbp(3870));
    taxed.invoices[0].total = Some(gbp(3870));
    mesh.sell(taxed);
    let record = returned(&mesh, 1, "o-1002", &[(1, 3)]).await;
    assert_eq!(record.refunded, [gbp(918)]);
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn goods_that_cost_nothing_are_credited_and_move_no_money() {
    let mesh = mesh().await;
    let mut free = order(1002);
    free.lines[0].amount = Some(gbp(0));
    mesh.sell(free);
    let record = returned(&mesh, 1, "o-1002", &[(1, 6)]).await;
    assert!(record.parts[0].credit_memo.is_some() && record.refunded.is_empty());
    assert!(mesh.shop.books.open().refunds.is_empty());
}

#[tokio::test]
async fn what_the_orders_service_gave_back_itself_is_not_given_back_again() {
    let mesh = mesh().await;
    let mut partly = order(1002);
    partly.refunds = vec![retail_proto::orders::v1::Refund {
        refund_id: "o-1002/cancelled".into(),
        amount: Some(gbp(3564 - 100)),
        ..Default::default()
    }];
    mesh.sell(partly);
    mesh.shop.books.write(|till| till.by_hand.push(("1002".into(), 3564 - 100)));
    let id = {
        let mut asked = request(1, &[(1, 6)]);
        asked.lines[0].order_id = "o-1002".into();
        mesh.start(asked).await
    };
    mesh.until(&id, |record| record.parts.iter().any(|part| part.return_authorization.is_some())).await;
    mesh.receive(&id, "dock-1", &[(1, 6, Disposition::Restock)]).await.unwrap();
    let record = mesh.completed(&id).await;
    assert_eq!(record.refunded, [gbp(100)]);
}
