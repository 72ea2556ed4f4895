//! Asking for a customer's credit: the account here says which orders it has, the ERP what it has, and the account decides in
//! one commit. When orders have left the account in between, the ERP's numbers may be older than that: it is asked again.

use std::time::Duration;

use retail_flow::{Attempt, Failure};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::{Clock, Peer};
use retail_store::{Draft, Store, UpdateError};
use tonic::Code;

use super::Calls;
use crate::credit::account::{Account, Undecided};
use crate::credit::{self, Answer, Asked, Check, CreditRules, OnSilence};
use crate::journey::Brought;
use crate::leg::Look;
use crate::record::Order;

/// Looks at account and ERP in one attempt.
const ROUNDS: u32 = 3;
/// How long an answer of the ERP is waited for: all looks fit one attempt.
const ANSWER: Duration = Duration::from_secs(12);
/// Attempts before an order goes on without an answer, where its channel says so.
const PATIENCE: u32 = 3;
/// Orders that one question may name; others count as if the ERP did not have them.
const MOST_NAMED: usize = 1_000;

/// The accounts of this service.
#[derive(Clone)]
pub(crate) struct Accounts {
    store: Store,
    clock: Clock,
}

impl Accounts {
    pub(crate) fn new(store: &Store, clock: &Clock) -> Self {
        Self { store: store.clone(), clock: clock.clone() }
    }

    /// Sees off the orders that need no room any more, which the ERP's numbers hold from now on; answers how many have left
    /// so far, and who is there besides an order.
    async fn look(&self, id: &str, order: &str) -> Result<(u64, Vec<String>), Failure> {
        let found = self.store.read::<Account>(id).await.map_err(unwell)?;
        let account = found.map(|found| found.doc).unwrap_or_default();
        let mut gone = Vec::new();
        for known in account.orders.iter().filter(|known| known.order != order) {
            let found = self.store.read::<Order>(&known.order).await.map_err(unwell)?;
            if found.is_none_or(|found| found.doc.has_left_the_account()) {
                gone.push(known.order.clone());
            }
        }
        let account = if gone.is_empty() { account } else { self.see_off(id, gone).await? };
        let others = account.orders.into_iter().map(|known| known.order).filter(|known| known != order);
        Ok((account.left, others.take(MOST_NAMED).collect()))
    }

    async fn see_off(&self, id: &str, gone: Vec<String>) -> Result<Account, Failure> {
        let rule = move |draft: &mut Draft<Account>| {
            draft.doc.leave(&gone);
            Ok::<_, Undecided>(draft.doc.clone())
        };
        self.step(id, rule).await?.map_err(|undecided| Failure::not_done("CREDIT_CONTENDED", undecided.to_string()))
    }

    /// Decides in one commit.
    async fn decide(
        &self,
        id: &str,
        rules: &CreditRules,
        asked: &Asked,
        (answer, left): (Answer, u64),
    ) -> Result<Result<Check, Undecided>, Failure> {
        let (rules, asked) = (rules.clone(), asked.clone());
        self.step(id, move |draft: &mut Draft<Account>| draft.doc.decide(&rules, &asked, &answer, left)).await
    }

    /// One commit of an account, which is safe to repeat.
    async fn step<R: Send + 'static>(
        &self,
        id: &str,
        rule: impl Fn(&mut Draft<Account>) -> Result<R, Undecided> + Send + 'static,
    ) -> Result<Result<R, Undecided>, Failure> {
        match self.store.step::<Account, _, _>(id, None, rule).await {
            Ok(done) => Ok(Ok(done.value)),
            Err(UpdateError::Rule(undecided)) => Ok(Err(undecided)),
            Err(UpdateError::Store(error)) => Err(unwell(error)),
        }
    }
}

impl Calls {
    /// May the customer owe what of the order is on account? An order that may counts for the next one that asks.
    pub(super) async fn ask_credit(&self, order: &Order, look: Look, attempt: &Attempt) -> Result<Brought, Failure> {
        let asked = Asked::of(order, self.accounts.clock.now().as_millisecond());
        let rules = self.channel(&order.channel).and_then(|channel| channel.credit.clone());
        let asks = rules.is_some() && !asked.needs_no_numbers();
        let rules = rules.unwrap_or_default();
        let (instance, erp) = self.erp(order)?;
        let id = Account::id(&instance, &order.customer_id);
        for _ in 0..ROUNDS {
            let (left, others) = self.accounts.look(&id, &order.id).await?;
            let answer = if asks {
                let answer = customer_credit(&instance, erp.clone(), order, others);
                match self.accounts.clock.timeout(ANSWER, answer).await {
                    Ok(Ok(answer)) => answer,
                    Ok(Err(why)) => without_an_answer(look, &rules, attempt, why)?,
                    Err(_) => without_an_answer(look, &rules, attempt, no_answer(&instance))?,
                }
            } else {
                Answer::NotAsked
            };
            // What is held by known numbers is not let go because they cannot be read now.
            let patient = CreditRules { unknown: OnSilence::Wait, ..rules.clone() };
            let rules = if look == Look::Again { &patient } else { &rules };
            match self.accounts.decide(&id, rules, &asked, (answer, left)).await? {
                Ok(check) => return Ok(Brought::Credit(Box::new(check))),
                Err(Undecided::Moved) => {}
                Err(overtaken @ Undecided::Overtaken) => {
                    return Err(Failure::not_done("CREDIT_OVERTAKEN", overtaken.to_string()));
                }
            }
        }
        let detail = format!("orders of customer {} came to the ERP faster than it could be asked", order.customer_id);
        Err(Failure::not_done("CREDIT_CONTENDED", detail))
    }
}

/// What the ERP says of the customer.
async fn customer_credit(
    instance: &str,
    mut erp: ErpServiceClient<Peer>,
    order: &Order,
    sales_order_refs: Vec<String>,
) -> Result<Answer, Failure> {
    let request = erp::GetCustomerCreditRequest {
        instance: instance.to_owned(),
        customer_ref: order.customer_id.clone(),
        sales_order_refs,
    };
    match erp.get_customer_credit(request).await {
        Ok(told) => credit::read(told.into_inner().credit).map_err(|why| {
            let detail = format!("the credit of {instance} cannot be read: {why}; this is a defect of its connector");
            Failure::refused("BROKEN_ANSWER", detail)
        }),
        Err(status) if status.code() == Code::Unimplemented => {
            let detail = format!(
                "the connector of {instance} cannot say what credit a customer has; take credit out of channel {}",
                order.channel
            );
            Err(Failure::refused("CREDIT_NOT_SUPPORTED", detail))
        }
        Err(status) => Err(status.into()),
    }
}

/// What counts when the ERP has not answered: a first look waits for it, unless its channel goes on without.
fn without_an_answer(look: Look, rules: &CreditRules, attempt: &Attempt, why: Failure) -> Result<Answer, Failure> {
    let tried = attempt.number >= PATIENCE || matches!(why, Failure::Refused { .. });
    let enough = look == Look::Again || (rules.unknown == OnSilence::GoOn && tried);
    if enough { Ok(Answer::Silent(why.reason().to_owned())) } else { Err(why) }
}

fn no_answer(instance: &str) -> Failure {
    let detail = format!("{instance} gave no answer within {} s", ANSWER.as_secs());
    Failure::Unknown { reason: "NO_ANSWER".to_owned(), detail }
}

fn unwell(error: retail_store::Error) -> Failure {
    Failure::not_done("STORE", error.to_string())
}
