//! Edits between us and the shop that sold an order: people's there are carried out here, ours are shown there, each once.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{
    ChannelLine, EditOrderRequest, EditState, EditTold, LineInput, LineKind, LineQuantity, Order, OrderState,
    TakeChannelOrderRequest,
};

use crate::erp::Ledgers;
use crate::harness::{Mesh, gbp, mesh};

/// How order 1001 stands at the shop: lines with what is wanted of them, what was taken, what is owed, what went back.
pub(crate) fn standing(
    version: u64,
    lines: &[(&str, u32)],
    (received, outstanding, given_back): (i64, i64, i64),
) -> TakeChannelOrderRequest {
    let line = |(id, wanted): &(&str, u32)| ChannelLine {
        channel_line_id: (*id).to_owned(),
        sku: "22752".into(),
        ordered: wanted.to_string(),
        is_goods: true,
        line: Some(LineInput {
            kind: i32::from(LineKind::Goods),
            sku: "22752".into(),
            quantity: wanted.to_string(),
            unit_price: "7.65".into(),
            channel_line_id: (*id).to_owned(),
            ..LineInput::default()
        }),
        ..ChannelLine::default()
    };
    TakeChannelOrderRequest {
        idempotency_key: format!("edited-{version}"),
        channel: "shop".into(),
        channel_order_id: "1001".into(),
        version,
        lines: lines.iter().map(line).collect(),
        received: Some(gbp(received)),
        outstanding: Some(gbp(outstanding)),
        given_back: Some(gbp(given_back)),
        ..TakeChannelOrderRequest::default()
    }
}

pub(crate) async fn told(mesh: &Mesh, request: TakeChannelOrderRequest) -> Order {
    mesh.orders().take_channel_order(request).await.unwrap().into_inner().order.unwrap()
}

async fn settled(mesh: &Mesh) -> String {
    let id = mesh.booked(1001).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    id
}

async fn ended(mesh: &Mesh, id: &str) -> Order {
    let over = |order: &Order| order.edits.last().is_some_and(|last| last.state() != EditState::Open);
    mesh.until(id, over).await.pop().unwrap()
}

/// Four of the first line instead of six.
async fn edit_here(mesh: &Mesh, id: &str) {
    let request = EditOrderRequest {
        idempotency_key: "e-1".into(),
        order_id: id.to_owned(),
        quantities: vec![LineQuantity { line_number: 1, quantity: "4".into() }],
        ..EditOrderRequest::default()
    };
    mesh.edit(request).await.unwrap();
}

#[tokio::test]
async fn fewer_pieces_in_the_shop_are_fewer_here_and_the_money_goes_back_there_only() {
    let mesh = mesh().await;
    let id = settled(&mesh).await;
    mesh.shop.books.write(|shop| shop.give_back_of_order("1001", 510));
    for version in [1, 1, 2] {
        told(&mesh, standing(version, &[("91", 4), ("92", 6)], (3564, 0, 510))).await;
    }
    let order = ended(&mesh, &id).await;
    assert_eq!((order.edits.len(), order.edits[0].who.as_str()), (1, "shop"));
    assert_eq!((order.edits[0].state(), order.edits[0].told()), (EditState::Done, EditTold::Done));
    assert_eq!((order.lines[0].quantity.as_str(), &order.total, order.holds.len()), ("4", &Some(gbp(3054)), 0));
    mesh.erp.books.write(|erp: &mut Ledgers| erp.ship(&id, &[(1, 4), (2, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
    let shop = mesh.shop.books.open();
    assert_eq!((shop.given_back("1001"), shop.refund_calls, shop.edit_calls), (510, 0, 0));
    drop(shop);
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn more_pieces_and_a_further_line_of_the_shop_are_promised_and_paid_when_the_shop_has_the_money() {
    let mesh = mesh().await;
    let id = settled(&mesh).await;
    let lines = [("91", 8), ("92", 6), ("93", 2)];
    told(&mesh, standing(1, &lines, (3564, 2040, 0))).await;
    let order = ended(&mesh, &id).await;
    assert_eq!((order.edits[0].state(), order.holds.len()), (EditState::Done, 0), "{:?}", order.edits);
    assert_eq!((order.lines[2].sku.as_str(), order.lines[2].reserved.as_str()), ("22752", "2"));
    assert_eq!(mesh.stock.state(&format!("{id}/e1")), Some(ReservationState::Confirmed));
    told(&mesh, standing(2, &lines, (5604, 0, 0))).await;
    mesh.until(&id, |order| order.payments.len() == 2 && order.payments[1].document.is_some()).await;
    mesh.erp.books.write(|erp: &mut Ledgers| erp.ship(&id, &[(1, 8), (2, 6), (3, 2)]));
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
    assert_eq!(mesh.shop.books.open().given_back("1001"), 0);
}

#[tokio::test]
async fn an_edit_that_is_made_here_is_shown_in_the_shop_once_although_the_answer_is_lost() {
    let mesh = mesh().await;
    let id = settled(&mesh).await;
    mesh.shop.books.open().lost = 1;
    edit_here(&mesh, &id).await;
    let knows = |order: &Order| order.edits.first().is_some_and(|edit| edit.told() == EditTold::Done);
    mesh.until(&id, knows).await;
    {
        let shop = mesh.shop.books.open();
        assert_eq!((shop.edits_made, shop.edit_calls), (1, 2));
        assert_eq!(shop.sold["1001"].lines[0].quantity, "4");
    }
    // The shop tells of it, as it tells of everything; and of what was before, late.
    told(&mesh, standing(6, &[("91", 4), ("92", 6)], (3564, -510, 0))).await;
    let order = told(&mesh, standing(4, &[("91", 6), ("92", 6)], (3564, 0, 0))).await;
    assert_eq!((order.edits.len(), order.holds.len(), order.lines[0].quantity.as_str()), (1, 0, "4"));
}

#[tokio::test]
async fn a_shop_that_cannot_show_an_edit_is_an_exception_and_the_order_goes_on() {
    let mesh = mesh().await;
    let id = settled(&mesh).await;
    mesh.shop.books.open().keeps = true;
    edit_here(&mesh, &id).await;
    let not_told = |order: &Order| order.holds.iter().any(|hold| hold.reason == "EDIT_NOT_TOLD");
    let order = mesh.until(&id, not_told).await.pop().unwrap();
    assert_eq!((order.state(), order.edits[0].told()), (OrderState::Booked, EditTold::Refused));
    assert!(order.holds[0].detail.contains("LINE_FULFILLED"), "{:?}", order.holds);
    mesh.erp.books.write(|erp: &mut Ledgers| erp.ship(&id, &[(1, 4), (2, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn people_who_were_faster_in_the_shop_are_right_and_nobody_need_look() {
    let mesh = mesh().await;
    let id = settled(&mesh).await;
    mesh.shop.books.write(|shop| shop.sold.get_mut("1001").unwrap().lines[0].quantity = "5".into());
    edit_here(&mesh, &id).await;
    let told_so = |order: &Order| order.edits.first().is_some_and(|edit| edit.told() == EditTold::Refused);
    mesh.until(&id, told_so).await;
    told(&mesh, standing(7, &[("91", 5), ("92", 6)], (3564, -255, 0))).await;
    let agreed = |order: &Order| order.lines[0].quantity == "5" && order.holds.is_empty();
    let order = mesh.until(&id, agreed).await.pop().unwrap();
    assert_eq!((order.edits.len(), order.edits[1].who.as_str()), (2, "shop"));
    mesh.erp.books.write(|erp: &mut Ledgers| erp.ship(&id, &[(1, 5), (2, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.shop.books.open().given_back("1001"), 255);
}
