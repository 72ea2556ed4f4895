//! A customer's credit, as NetSuite's own documents make it.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use serde_json::json;
use tonic::{Code, Request, Status};

use crate::bench::{Bench, INSTANCE, gbp, order};

impl Bench {
    async fn credit_of(&self, customer: &str, orders: &[&str]) -> Result<Option<pb::CustomerCredit>, Status> {
        let asked = pb::GetCustomerCreditRequest {
            instance: INSTANCE.to_owned(),
            customer_ref: customer.to_owned(),
            sales_order_refs: orders.iter().map(|id| (*id).to_owned()).collect(),
        };
        Ok(self.connector.get_customer_credit(Request::new(asked)).await?.into_inner().credit)
    }

    /// Balance, deposits and unbilled orders in pence.
    async fn numbers(&self) -> [i64; 3] {
        let credit = self.credit_of("c-1", &[]).await.unwrap().unwrap();
        [credit.balance, credit.deposits, credit.unbilled_orders].map(|amount| amount.unwrap().minor_units)
    }

    async fn ship_and_bill(&self, order: &str, pieces: i64) {
        let path = format!("salesOrder/eid:SO:{order}/!transform");
        let goods = json!({ "items": [{ "orderLine": 1, "quantity": pieces }] });
        self.people("POST", &format!("{path}/itemFulfillment"), json!({ "shipStatus": { "id": "C" }, "item": goods }))
            .await;
        self.people("POST", &format!("{path}/invoice"), json!({})).await;
    }
}

#[tokio::test]
async fn what_is_ordered_becomes_what_is_owed_as_it_is_billed() {
    let bench = Bench::with_customer().await;
    assert_eq!(bench.numbers().await, [0, 0, 0]);
    bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    assert_eq!(bench.numbers().await, [0, 0, 1020]);
    bench.ship_and_bill("o-1", 1).await;
    assert_eq!(bench.numbers().await, [255, 0, 765]);
    bench.ship_and_bill("o-1", 3).await;
    assert_eq!(bench.numbers().await, [1020, 0, 0]);
}

#[tokio::test]
async fn what_is_paid_is_owed_no_longer_and_what_is_paid_ahead_stands_beside_it() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    bench.create(order("o-2", &[("MUG", 2, 255)])).await.unwrap();
    bench.ship_and_bill("o-1", 4).await;
    // More than was owed, and applied to nothing.
    let customer = json!({ "externalId": "CUST:c-1" });
    bench.people("POST", "customerPayment", json!({ "customer": customer, "payment": 12.20 })).await;
    assert_eq!(bench.numbers().await, [-200, 0, 510]);
    let ahead = json!({ "customer": customer, "salesOrder": { "externalId": "SO:o-2" }, "payment": 5.10 });
    bench.people("POST", "customerDeposit", ahead).await;
    assert_eq!(bench.numbers().await, [-200, 510, 510]);
    bench.ship_and_bill("o-2", 2).await;
    assert_eq!(bench.numbers().await, [-200, 0, 0], "the deposit pays the invoice of its order");
}

#[tokio::test]
async fn a_cancelled_order_is_ordered_no_longer() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("POST", 1, 300)])).await.unwrap();
    bench.ship_and_bill("o-1", 1).await;
    assert_eq!(bench.numbers().await, [555, 0, 765], "charges are billed with the first parcel");
    let cancel =
        pb::CancelSalesOrderRequest { instance: INSTANCE.into(), external_ref: "o-1".into(), memo: String::new() };
    bench.connector.cancel_sales_order(Request::new(cancel)).await.unwrap();
    assert_eq!(bench.numbers().await, [555, 0, 0]);
}

#[tokio::test]
async fn no_limit_is_another_thing_than_a_limit_of_nothing() {
    let bench = Bench::with_customer().await;
    let limit = async || bench.credit_of("c-1", &[]).await.unwrap().unwrap().limit;
    assert_eq!(limit().await, None);
    bench.people("PATCH", "customer/eid:CUST:c-1", json!({ "creditLimit": 0 })).await;
    assert_eq!(limit().await, gbp(0));
    bench.people("PATCH", "customer/eid:CUST:c-1", json!({ "creditLimit": 5000.5 })).await;
    assert_eq!(limit().await, gbp(500_050));
}

#[tokio::test]
async fn what_people_decide_by_hand_is_told() {
    let bench = Bench::with_customer().await;
    for (word, hold) in [("ON", pb::CreditHold::On), ("OFF", pb::CreditHold::Off), ("AUTO", pb::CreditHold::Auto)] {
        bench.people("PATCH", "customer/eid:CUST:c-1", json!({ "creditHoldOverride": { "id": word } })).await;
        assert_eq!(bench.credit_of("c-1", &[]).await.unwrap().unwrap().hold(), hold);
    }
}

#[tokio::test]
async fn sales_orders_that_netsuite_has_are_named_and_others_are_not() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 1, 255)])).await.unwrap();
    bench.create(order("o-2", &[("MUG", 1, 255)])).await.unwrap();
    let credit = bench.credit_of("c-1", &["o-404", "o-1"]).await.unwrap().unwrap();
    assert_eq!((credit.sales_order_refs, credit.external_ref.as_str()), (vec!["o-1".to_owned()], "c-1"));
    assert!(credit.as_of.is_some());
}

#[tokio::test]
async fn a_customer_that_netsuite_does_not_have_has_no_credit_and_no_debt() {
    let bench = Bench::start().await;
    assert_eq!(bench.credit_of("c-404", &[]).await.unwrap(), None);
}

#[tokio::test]
async fn the_credit_is_in_the_currency_of_the_customer() {
    let bench = Bench::with_customer().await;
    bench.people("PATCH", "customer/eid:CUST:c-1", json!({ "currency": { "id": "3" }, "creditLimit": 100 })).await;
    let limit = bench.credit_of("c-1", &[]).await.unwrap().unwrap().limit.unwrap();
    assert_eq!((limit.minor_units, limit.currency.as_str()), (10_000, "EUR"));
}

#[tokio::test]
async fn an_unwell_netsuite_is_no_answer_and_too_many_orders_are_refused_before_it_is_asked() {
    let bench = Bench::with_customer().await;
    bench.fault(json!({ "kind": "status", "status": 503, "path_contains": "/record/v1/customer", "times": 50 })).await;
    assert_eq!(bench.credit_of("c-1", &[]).await.unwrap_err().code(), Code::Unavailable);
    let many: Vec<&str> = std::iter::repeat_n("o-1", 1_001).collect();
    assert_eq!(bench.credit_of("c-1", &many).await.unwrap_err().code(), Code::InvalidArgument);
}
