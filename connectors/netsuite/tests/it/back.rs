//! An order that has shipped and is billed, and what is asked for once its goods come back.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::Ref;
use serde_json::{Value, json};
use tonic::{Request, Status};

use crate::bench::{Bench, INSTANCE, gbp, order};

impl Bench {
    /// A twin whose back office ships and bills, and leaves returned goods to whoever posts their receipt.
    pub(crate) async fn shipping() -> Self {
        let bench = Self::with(json!({ "receives": false })).await;
        bench.customer().await;
        bench
    }

    /// Order o-1, billed and paid: 4 mugs (10.20), a lamp (12.50), postage (3.00).
    pub(crate) async fn billed(&self) -> pb::SalesOrder {
        let asked = order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250), ("POST", 1, 300)]);
        self.create(asked).await.unwrap();
        let paid = pb::RecordPaymentRequest {
            instance: INSTANCE.to_owned(),
            external_ref: "p-1".to_owned(),
            order_ref: "o-1".to_owned(),
            customer_ref: "c-1".to_owned(),
            amount: gbp(2570),
            payment_date: "2026-11-23".to_owned(),
            ..Default::default()
        };
        self.connector.record_payment(Request::new(paid)).await.unwrap();
        self.order_until(|order| order.state() == pb::SalesOrderState::Billed).await
    }

    /// Order o-1 once it looks as wanted, read anew: an order is read by several questions, and people work in between.
    pub(crate) async fn order_until(&self, wanted: impl Fn(&pb::SalesOrder) -> bool) -> pb::SalesOrder {
        while !wanted(&self.read("o-1").await.unwrap()) {
            tokio::task::yield_now().await;
        }
        self.read("o-1").await.unwrap()
    }

    /// Return r-1 of two mugs and the postage, 8.10.
    pub(crate) async fn returned(&self) -> pb::SalesReturn {
        let order = self.billed().await;
        let answer = self.authorize(authorization(order.document.unwrap())).await.unwrap();
        answer.sales_return.unwrap_or_else(|| panic!("{:?}", answer.outcome))
    }

    pub(crate) async fn authorize(&self, input: pb::ReturnInput) -> Result<pb::CreateReturnResponse, Status> {
        let asked = pb::CreateReturnRequest { instance: INSTANCE.to_owned(), input: Some(input) };
        self.connector.create_return(Request::new(asked)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn read_return(&self, id: &str) -> Result<pb::SalesReturn, Status> {
        let asked = pb::GetReturnRequest { instance: INSTANCE.to_owned(), external_ref: id.to_owned() };
        self.connector.get_return(Request::new(asked)).await.map(|answer| answer.into_inner().sales_return.unwrap())
    }

    pub(crate) async fn cancel_return(&self, id: &str) -> pb::CancelReturnResponse {
        let asked = pb::CancelReturnRequest {
            instance: INSTANCE.to_owned(),
            external_ref: id.to_owned(),
            memo: "kept it after all".to_owned(),
        };
        self.connector.cancel_return(Request::new(asked)).await.unwrap().into_inner()
    }

    pub(crate) async fn receive(&self, asked: pb::PostReceiptRequest) -> Result<pb::PostReceiptResponse, Status> {
        self.connector.post_receipt(Request::new(asked)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn credit(
        &self,
        asked: pb::CreateCreditMemoRequest,
    ) -> Result<pb::CreateCreditMemoResponse, Status> {
        self.connector.create_credit_memo(Request::new(asked)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn refund(&self, asked: pb::RecordRefundRequest) -> Result<pb::RecordRefundResponse, Status> {
        self.connector.record_refund(Request::new(asked)).await.map(tonic::Response::into_inner)
    }

    /// Credit memo m-1 of the whole of return r-1, received before.
    pub(crate) async fn credited(&self) -> pb::CreditMemo {
        self.returned().await;
        self.receive(receipt("g-1", "2")).await.unwrap();
        let answer = self.credit(credit("m-1")).await.unwrap();
        answer.credit_memo.unwrap_or_else(|| panic!("{:?}", answer.outcome))
    }

    /// People do something in NetSuite's own screens.
    pub(crate) async fn people(&self, method: &str, path: &str, body: Value) {
        self.post("netsuite/people", &json!({ "method": method, "path": path, "body": body })).await;
    }
}

pub(crate) fn authorization(sales_order: Ref) -> pb::ReturnInput {
    let line = |line_number, quantity: &str, pence, location: &str| pb::ReturnLineInput {
        line_number,
        quantity: quantity.to_owned(),
        amount: gbp(pence),
        location: location.to_owned(),
        is_charge: location.is_empty(),
    };
    pb::ReturnInput {
        external_ref: "r-1".to_owned(),
        sales_order: Some(sales_order),
        rma_number: "RMA-1001".to_owned(),
        return_date: "2026-11-25".to_owned(),
        lines: vec![line(1, "2", 510, "MAIN"), line(3, "1", 300, "")],
        memo: "wrong colour".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn receipt(id: &str, mugs: &str) -> pb::PostReceiptRequest {
    pb::PostReceiptRequest {
        instance: INSTANCE.to_owned(),
        external_ref: id.to_owned(),
        return_ref: "r-1".to_owned(),
        lines: vec![pb::ReceiptLine {
            line_number: 1,
            quantity: mugs.to_owned(),
            restock: true,
            location: "MAIN".to_owned(),
        }],
        receipt_date: "2026-11-26".to_owned(),
        memo: String::new(),
    }
}

pub(crate) fn credit(id: &str) -> pb::CreateCreditMemoRequest {
    let line = |line_number, quantity: &str, pence| pb::CreditLine {
        line_number,
        quantity: quantity.to_owned(),
        amount: gbp(pence),
    };
    pb::CreateCreditMemoRequest {
        instance: INSTANCE.to_owned(),
        external_ref: id.to_owned(),
        return_ref: "r-1".to_owned(),
        lines: vec![line(1, "2", 510), line(3, "1", 300)],
        total: gbp(810),
        credit_date: "2026-11-26".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn refund(id: &str, apply_to: Ref, pence: i64) -> pb::RecordRefundRequest {
    pb::RecordRefundRequest {
        instance: INSTANCE.to_owned(),
        external_ref: id.to_owned(),
        customer_ref: "c-1".to_owned(),
        apply_to: Some(apply_to),
        amount: gbp(pence),
        refund_date: "2026-11-26".to_owned(),
        tender: "card".to_owned(),
        reference: "re_1".to_owned(),
    }
}
