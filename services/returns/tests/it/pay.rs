//! A payment service that has taken one payment of 35.64, and what became of a refund that it had given.

use retail_proto::orders::v1 as sold;
use retail_proto::payments::v1 as pb;
use retail_proto::payments::v1::payments_service_server::{PaymentsService, PaymentsServiceServer};
use retail_returns::Payments;
use retail_runtime::config::Span;
use retail_runtime::{Clock, Net, Rng, Runtime};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::books::{Books, PATIENCE, done, gbp, record};
use crate::harness::{mesh_with, request, serve};
use crate::orders::order;

const PAYMENT: &str = "pi_1";

#[derive(Default)]
struct Purse {
    refunds: Vec<pb::Refund>,
    /// Said once: more happened than can be listed.
    resync: bool,
}

#[derive(Clone, Default)]
struct Pay {
    books: Books<Purse>,
}

impl Purse {
    fn payment(&self) -> pb::Payment {
        pb::Payment {
            payment: Some(record("payments", "payment", PAYMENT)),
            captured: Some(gbp(3564)),
            refunds: self.refunds.clone(),
            ..pb::Payment::default()
        }
    }
}

#[tonic::async_trait]
impl PaymentsService for Pay {
    async fn get_payment(&self, _: Request<pb::GetPaymentRequest>) -> Result<Response<pb::GetPaymentResponse>, Status> {
        Ok(Response::new(pb::GetPaymentResponse { payment: Some(self.books.open().payment()) }))
    }

    async fn refund_payment(
        &self,
        request: Request<pb::RefundPaymentRequest>,
    ) -> Result<Response<pb::RefundPaymentResponse>, Status> {
        let asked = request.into_inner();
        let refund = pb::Refund {
            refund: Some(record("payments", "refund", "re_1")),
            external_ref: asked.external_ref,
            amount: asked.amount,
            state: i32::from(pb::RefundState::Done),
            ..pb::Refund::default()
        };
        let payment = self.books.write(|purse| {
            purse.refunds.push(refund.clone());
            purse.payment()
        });
        let (outcome, refund, payment) = (done(), Some(refund), Some(payment));
        Ok(Response::new(pb::RefundPaymentResponse { outcome, refund, payment }))
    }

    async fn list_changes(
        &self,
        _: Request<pb::ListChangesRequest>,
    ) -> Result<Response<pb::ListChangesResponse>, Status> {
        let resync = self.books.write(|purse| std::mem::take(&mut purse.resync));
        let change = pb::PaymentChange { kind: i32::from(pb::ChangeKind::Resync), payment: None };
        let changes = resync.then_some(change).into_iter().collect();
        Ok(Response::new(pb::ListChangesResponse { changes, cursor: "c".into(), more: false }))
    }
}

/// An order whose money the payment service has taken.
fn taken_there(number: u32) -> sold::Order {
    let mut order = order(number);
    let captured = order.payments[0].clone();
    order.payments = vec![
        sold::Payment {
            payment_id: "p1".into(),
            service: "pay".into(),
            reference: PAYMENT.into(),
            state: i32::from(sold::PaymentState::Settled),
            ..captured.clone()
        },
        sold::Payment { payment_id: "p1/c1".into(), taken_from: "p1".into(), service: "pay".into(), ..captured },
    ];
    order
}

#[tokio::test]
async fn a_refund_that_failed_is_heard_of_although_the_service_cannot_list_what_happened() {
    let (pay, runtime) = (Pay::default(), Runtime::new("pay", Clock::system(), Rng::seeded(12), Net::tcp()));
    let address = serve(&runtime, Routes::new(PaymentsServiceServer::new(pay.clone()))).await;
    let service = Payments { address, poll: Span::from_millis(50) };
    let mesh = mesh_with(|config| drop(config.payments.insert("pay".to_owned(), service))).await;
    mesh.sell(taken_there(1002));
    let mut asked = request(1, &[(1, 2)]);
    asked.lines[0].order_id = "o-1002".into();
    let id = mesh.start(asked).await;
    mesh.until(&id, |one| one.parts.iter().any(|part| part.return_authorization.is_some())).await;
    mesh.receive_all(&id).await;
    assert_eq!(mesh.completed(&id).await.refunded, [gbp(510)]);
    pay.books.write(|purse| {
        purse.refunds[0].set_state(pb::RefundState::Failed);
        purse.resync = true;
    });
    // Nobody can watch a return that is over, so it is asked for until it is not.
    let reopened = async {
        loop {
            let asked = retail_proto::returns::v1::GetReturnRequest { return_id: id.clone() };
            let one = mesh.returns().get_return(asked).await.unwrap().into_inner().return_record.unwrap();
            if one.parked {
                return one;
            }
            Clock::system().sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let parked = Clock::system().timeout(PATIENCE, reopened).await.unwrap();
    let words = "REFUND_CAME_BACK: 5.10 GBP that a payment service had given back did not arrive";
    assert!(parked.cause.starts_with(words), "{}", parked.cause);
    assert_eq!(pay.books.open().refunds.len(), 1, "the service is not asked again");
    runtime.stop();
}
