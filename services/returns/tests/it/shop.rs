//! The shop: it gives money back once per reference, never more than was paid, and remembers what it was answered.

use std::collections::BTreeMap;

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::books::{Books, Moods, done, gbp, law, minor, record, refusal, unless};

/// What becomes of the money of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Money {
    #[default]
    GivenBack,
    UnderWay,
    /// Nothing comes through.
    Fails,
    /// A penny less than was asked for comes through.
    LacksAPenny,
}

#[derive(Default)]
pub(crate) struct Till {
    pub(crate) moods: Moods,
    /// Taken by order.
    pub(crate) captured: BTreeMap<String, i64>,
    /// Refunds by our reference.
    pub(crate) refunds: BTreeMap<String, pb::Refund>,
    pub(crate) requests: BTreeMap<String, pb::RefundOrderRequest>,
    /// Refunds that people made in the shop's admin: order, and amount.
    pub(crate) by_hand: Vec<(String, i64)>,
    pub(crate) money: Money,
    /// Returns that were answered: approved or declined.
    pub(crate) answers: BTreeMap<String, bool>,
}

impl Till {
    /// Given back of an order, by whomever.
    pub(crate) fn given_back(&self, order: &str) -> i64 {
        let ours = self.requests.iter().filter(|(_, request)| request.order_id == order);
        let done = ours.filter_map(|(id, _)| self.refunds.get(id)).filter(|it| it.state() == pb::RefundState::Done);
        let by_hand = self.by_hand.iter().filter(|(of, _)| of == order).map(|(_, minor)| minor);
        done.map(|refund| minor(refund.amount.as_ref())).sum::<i64>() + by_hand.sum::<i64>()
    }

    /// Everything that is under way comes through.
    pub(crate) fn comes_through(&mut self) {
        self.money = Money::GivenBack;
        self.refunds.values_mut().for_each(|refund| refund.set_state(pb::RefundState::Done));
    }
}

#[derive(Clone, Default)]
pub(crate) struct Shop {
    pub(crate) books: Books<Till>,
}

fn told(refund: pb::Refund) -> pb::RefundOrderResponse {
    let outcome = match refund.state() {
        pb::RefundState::Done => done(),
        pb::RefundState::Failed => {
            let (state, reason) = (i32::from(OutcomeState::Refused), "REFUND_FAILED".to_owned());
            Some(Outcome { state, reason, ..Outcome::default() })
        }
        pb::RefundState::Pending | pb::RefundState::Unspecified => {
            Some(Outcome { state: i32::from(OutcomeState::Pending), ..Outcome::default() })
        }
    };
    pb::RefundOrderResponse { outcome, refund: Some(refund) }
}

#[tonic::async_trait]
impl CommerceService for Shop {
    async fn refund_order(
        &self,
        request: Request<pb::RefundOrderRequest>,
    ) -> Result<Response<pb::RefundOrderResponse>, Status> {
        self.books.write(|till| {
            let silent = till.moods.next("refund_order")?;
            let request = request.into_inner();
            if let Some(known) = till.refunds.get(&request.external_ref) {
                return unless(silent, told(known.clone()));
            }
            if request.verify_only {
                return Err(refusal(Class::NotFound, "NO_SUCH_REFUND"));
            }
            let amount = minor(request.amount.as_ref());
            let paid = till.captured.get(&request.order_id).copied().unwrap_or(0);
            law(amount > 0 && amount <= paid - till.given_back(&request.order_id), "REFUND_EXCEEDS_PAYMENT")?;
            let restocks = request.lines.iter().any(|line| line.restock() != pb::Restock::None);
            law(!restocks, "SHIPPED_GOODS_ARE_NOT_CANCELLED")?;
            let short = i64::from(till.money == Money::LacksAPenny);
            let state = match till.money {
                Money::GivenBack | Money::LacksAPenny => pb::RefundState::Done,
                Money::UnderWay => pb::RefundState::Pending,
                Money::Fails => pb::RefundState::Failed,
            };
            let refund = pb::Refund {
                refund: Some(record("commerce", "refund", &format!("rf-{}", till.refunds.len() + 1))),
                external_ref: request.external_ref.clone(),
                amount: Some(gbp(amount - short)),
                state: i32::from(state),
                refunded_at: Some(prost_types::Timestamp { seconds: 1_292_000_000, nanos: 0 }),
                ..pb::Refund::default()
            };
            till.refunds.insert(request.external_ref.clone(), refund.clone());
            till.requests.insert(request.external_ref.clone(), request);
            let mut answer = told(refund);
            if short > 0 {
                answer.outcome = Some(Outcome { state: i32::from(OutcomeState::Partial), ..Outcome::default() });
            }
            unless(silent, answer)
        })
    }

    async fn answer_return(
        &self,
        request: Request<pb::AnswerReturnRequest>,
    ) -> Result<Response<pb::AnswerReturnResponse>, Status> {
        self.books.write(|till| {
            let silent = till.moods.next("answer_return")?;
            let request = request.into_inner();
            law(request.approve || !request.reason.is_empty(), "BAD_REQUEST")?;
            let first = *till.answers.entry(request.return_id).or_insert(request.approve);
            law(first == request.approve, "ALREADY_ANSWERED")?;
            unless(silent, pb::AnswerReturnResponse { outcome: done() })
        })
    }
}
