//! Credits of returns for goods that are not paid.

use retail_proto::erp::v1 as erp;
use retail_proto::orders::v1::{AdoptOrderRequest, OrderState, TakeReturnCreditRequest};
use retail_proto::types::v1::Money;
use retail_runtime::fault::{Class, Refusal};

use crate::harness::{Mesh, gbp, mesh, record, request};

fn credit(order_id: &str, key: &str, minor: i64) -> TakeReturnCreditRequest {
    TakeReturnCreditRequest {
        idempotency_key: key.into(),
        order_id: order_id.into(),
        reference: "r-1/1".into(),
        amount: Some(gbp(minor)),
    }
}

async fn taken_off(mesh: &Mesh, request: TakeReturnCreditRequest) -> Result<i64, Refusal> {
    let answer = mesh.orders().take_return_credit(request).await.map_err(|status| Refusal::read(&status))?;
    Ok(answer.into_inner().taken_off.unwrap().minor_units)
}

#[tokio::test]
async fn a_credit_is_put_down_once_whatever_it_is_called_and_shown_with_the_order() {
    let mesh = mesh().await;
    let id = mesh.place(request(1001)).await;
    mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(taken_off(&mesh, credit(&id, "k-1", 510)).await, Ok(510));
    assert_eq!(taken_off(&mesh, credit(&id, "k-1", 510)).await, Ok(510), "the same request");
    assert_eq!(taken_off(&mesh, credit(&id, "k-2", 700)).await, Ok(510), "the same credit under another key");
    assert_eq!(mesh.get(&id).await.return_credit, Some(gbp(510)));
}

#[tokio::test]
async fn a_credit_that_cannot_be_one_is_refused_by_field() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    let euros = Some(Money { minor_units: 510, currency: "EUR".into() });
    let wrong = [
        ("reference", TakeReturnCreditRequest { reference: String::new(), ..credit(&id, "k-1", 510) }),
        ("amount", credit(&id, "k-2", 0)),
        ("amount", TakeReturnCreditRequest { amount: euros, ..credit(&id, "k-3", 510) }),
        ("idempotency_key", credit(&id, "", 510)),
    ];
    for (field, request) in wrong {
        let refusal = taken_off(&mesh, request).await.unwrap_err();
        assert_eq!(refusal.class(), Class::Invalid);
        assert_eq!(refusal.fields()[0].0, field);
    }
    let refusal = taken_off(&mesh, credit("o-none", "k-4", 510)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_ORDER"));
}

#[tokio::test]
async fn of_an_adopted_order_nobody_takes_money_and_nothing_is_written() {
    let mesh = mesh().await;
    mesh.shop.books.open().sold.insert("1001".into(), request(1001));
    mesh.erp.books().foreign.push(erp::SalesOrder {
        document: Some(record("erp", "salesOrder", "77")),
        total: Some(gbp(3564)),
        order_number: "#1001".into(),
        order_date: "2023-11-14".into(),
        lines: [(1, "85123A", 1530), (2, "71053", 2034)]
            .map(|(line_number, sku, amount)| erp::SalesOrderLine {
                line_number,
                sku: sku.into(),
                quantity: "6".into(),
                amount: Some(gbp(amount)),
                ..Default::default()
            })
            .to_vec(),
        ..Default::default()
    });
    let ask = AdoptOrderRequest {
        idempotency_key: "adopt".into(),
        channel: "shop".into(),
        order_number: "#1001".into(),
        ..Default::default()
    };
    let order = mesh.orders().adopt_order(ask).await.unwrap().into_inner().order.unwrap();
    assert_eq!(taken_off(&mesh, credit(&order.order_id, "k-1", 510)).await, Ok(510));
    assert_eq!(mesh.get(&order.order_id).await, order);
}
