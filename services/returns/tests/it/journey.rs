//! The good days of a return.

use retail_proto::orders::v1 as sold;
use retail_proto::returns::v1::{ReturnState, StartReturnRequest};

use crate::books::{gbp, record};
use crate::harness::{mesh, mesh_with, request};
use crate::orders::{invoice, order};

#[tokio::test]
async fn a_return_goes_from_the_wish_to_closed_books_and_every_book_has_it_once() {
    let mesh = mesh().await;
    let asked = mesh.authorized(1, &[(1, 2), (2, 6)]).await;
    assert_eq!(asked.state(), ReturnState::Authorized);
    assert!(asked.rma_number.starts_with("R-"), "{}", asked.rma_number);
    mesh.receive_all(&asked.return_id).await;
    let record = mesh.completed(&asked.return_id).await;
    assert_eq!((record.credited.clone(), record.refunded.clone()), (vec![gbp(510 + 2034)], vec![gbp(510 + 2034)]));
    let line = &record.lines[0];
    let quantities = [&line.authorized, &line.received, &line.accepted, &line.credited, &line.refunded];
    assert_eq!(quantities, ["2"; 5]);
    let part = &record.parts[0];
    assert!(part.credit_memo.is_some() && part.refund.is_some() && part.refund_document.is_some());
    assert_eq!(mesh.stock.on_hand("85123A", "MAIN"), 2);
    let erp = mesh.erp.books();
    let kept = erp.only();
    assert_eq!((kept.told.receipts.len(), kept.told.credit_memos.len(), kept.told.refunds.len()), (1, 1, 1));
    assert_eq!(kept.refunds[0].apply_to, part.credit_memo);
    assert_eq!(mesh.shop.books.open().refunds.len(), 1);
    drop(erp);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn the_erp_gets_the_lines_the_day_the_invoice_and_the_number_of_the_return() {
    let mesh = mesh().await;
    let asked = mesh.authorized(1, &[(2, 3)]).await;
    let erp = mesh.erp.books();
    let input = &erp.only().input;
    assert_eq!(input.sales_order, Some(record("erp", "salesOrder", "so-o-1001")));
    assert_eq!(input.invoice, Some(record("erp", "invoice", "inv-o-1001-1")));
    assert_eq!((input.rma_number.as_str(), input.return_date.as_str()), (asked.rma_number.as_str(), "2010-12-09"));
    assert_eq!((input.lines[0].line_number, input.lines[0].quantity.as_str()), (2, "3"));
    assert_eq!(input.lines[0].amount, Some(gbp(1017)));
}

#[tokio::test]
async fn several_invoices_become_one_return_in_the_erp_each() {
    let mesh = mesh().await;
    let mut two = order(1002);
    two.invoices = vec![invoice("o-1002", 1, 1020, &[(1, 4)]), invoice("o-1002", 2, 2544, &[(1, 2), (2, 6)])];
    mesh.sell(two);
    let mut asked = request(1, &[(1, 5), (2, 1)]);
    asked.lines.iter_mut().for_each(|line| line.order_id = "o-1002".into());
    let id = mesh.start(asked).await;
    let record = mesh.until(&id, |record| record.parts.len() == 2).await;
    let split: Vec<_> = record.lines.iter().map(|line| (line.input_number, line.authorized.as_str())).collect();
    assert_eq!(split, [(1, "4"), (2, "1"), (1, "1")]);
    mesh.receive_all(&id).await;
    let record = mesh.completed(&id).await;
    assert_eq!(record.credited, [gbp(1020 + 339 + 255)]);
    assert_eq!(mesh.erp.books().returns.len(), 2);
    assert_eq!(mesh.shop.books.open().refunds.len(), 2);
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn an_order_that_weft_never_saw_is_adopted_by_its_number() {
    let mesh = mesh().await;
    mesh.orders.books.write(|drawer| drawer.old.push(order(900)));
    mesh.shop.books.write(|till| till.captured.insert("900".into(), 3564));
    let mut asked = request(1, &[(1, 1)]);
    asked.lines[0].order_id.clear();
    asked.lines[0].order_number = "#900".into();
    let id = mesh.start(asked).await;
    mesh.until_state(&id, ReturnState::Authorized).await;
    mesh.receive_all(&id).await;
    mesh.completed(&id).await;
    assert_eq!(mesh.orders.books.open().adoptions, 1);
    mesh.assert_money_law("o-900");
}

#[tokio::test]
async fn postage_is_given_back_with_the_goods_and_needs_no_receipt() {
    let mesh = mesh().await;
    let mut posted = order(1003);
    posted.lines.push(sold::Line {
        number: 3,
        kind: i32::from(sold::LineKind::Charge),
        sku: "POST".into(),
        quantity: "1".into(),
        amount: Some(gbp(500)),
        ..sold::Line::default()
    });
    posted.payments[0].amount = Some(gbp(4064));
    posted.invoices = vec![invoice("o-1003", 1, 4064, &[(1, 6), (2, 6), (3, 1)])];
    mesh.sell(posted);
    let mut asked = request(1, &[(1, 6), (3, 1)]);
    asked.lines.iter_mut().for_each(|line| line.order_id = "o-1003".into());
    let id = mesh.start(asked).await;
    mesh.until_state(&id, ReturnState::Authorized).await;
    mesh.receive_all(&id).await;
    let record = mesh.completed(&id).await;
    assert_eq!(record.refunded, [gbp(1530 + 500)]);
    assert!(record.lines[1].is_charge);
    mesh.assert_money_law("o-1003");
}

#[tokio::test]
async fn goods_of_an_order_that_names_no_location_come_back_to_the_channels() {
    let mesh = mesh_with(|config| {
        config.channels.values_mut().for_each(|channel| channel.location = "RETURNS".into());
    })
    .await;
    let mut nowhere = order(1002);
    nowhere.lines.iter_mut().for_each(|line| line.location.clear());
    mesh.sell(nowhere);
    let mut asked = request(1, &[(1, 1)]);
    asked.lines[0].order_id = "o-1002".into();
    let id = mesh.start(asked).await;
    mesh.until_state(&id, ReturnState::Authorized).await;
    mesh.receive_all(&id).await;
    mesh.completed(&id).await;
    assert_eq!(mesh.stock.on_hand("85123A", "RETURNS"), 1);
}

#[tokio::test]
async fn a_shop_that_asked_is_answered() {
    let mesh = mesh().await;
    let id = mesh.start(StartReturnRequest { source: "shop".into(), ..request(77, &[(1, 1)]) }).await;
    mesh.until_state(&id, ReturnState::Authorized).await;
    mesh.shop.books.until(|till| till.answers.get("77") == Some(&true)).await;
    let far = StartReturnRequest { source: "shop".into(), ..request(78, &[(1, 99)]) };
    let mut far = StartReturnRequest { idempotency_key: "other".into(), ..far };
    far.lines[0].order_line_number = 9;
    let declined = mesh.start(far).await;
    mesh.until_state(&declined, ReturnState::Held).await;
    mesh.dismiss(&declined, 1).await.unwrap();
    mesh.until_state(&declined, ReturnState::Refused).await;
    mesh.shop.books.until(|till| till.answers.get("78") == Some(&false)).await;
}
