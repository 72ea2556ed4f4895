//! Asking for a customer's credit, for an order or for what an edit adds to one: the account here says which orders it has,
//! the ERP what it has, and the account decides in one commit. When orders have left the account in between, the ERP's
//! numbers may be older than that: it is asked again.

use std::collections::BTreeSet;
use std::time::Duration;

use retail_flow::{Attempt, Failure};
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::{Clock, Peer};
use retail_store::{Draft, Store, UpdateError};
use tonic::Code;

use super::Calls;
use super::editing::edit;
use crate::credit::account::{Account, Room, Seen, Undecided};
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

/// What an account has besides what is asked for.
struct Looked {
    /// How many have left it so far.
    left: u64,
    /// Orders that it has.
    orders: Vec<String>,
    /// The ERP's numbers may hold something as well that is counted here.
    may_count_twice: bool,
}

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

    /// Sees off what needs no room any more, which the ERP's numbers hold from now on, and takes in what edits have made of
    /// orders that the ERP does not have.
    async fn look(&self, id: &str, asked: &Asked) -> Result<Looked, Failure> {
        let found = self.store.read::<Account>(id).await.map_err(unwell)?;
        let mut account = found.map(|found| found.doc).unwrap_or_default();
        // An order that asks for itself has not left. One whose edit is asked for may have.
        let besides = |order: &str| asked.edit != 0 || order != asked.order;
        let known: BTreeSet<String> = account.orders.iter().map(|known| known.order.clone()).collect();
        let mut seen = Vec::new();
        for order in known.iter().filter(|order| besides(order)) {
            let edits = account.orders.iter().filter(|known| known.order == *order).map(|known| known.edit);
            let edits: Vec<u32> = edits.collect();
            let found = self.store.read::<Order>(order).await.map_err(unwell)?;
            let Some(found) = found else {
                let rooms = edits.iter().map(|edit| (*edit, Room::Left)).collect();
                seen.push(Seen { order: order.clone(), version: 0, rooms, edited: None });
                continue;
            };
            seen.push(found.doc.seen_by_account(&edits));
        }
        let mut after = account.clone();
        after.see(&seen);
        if after != account {
            account = self.see(id, seen).await?;
        }
        // It is on its way to the ERP, which may have it before we know.
        let may_count_twice = account.orders.iter().any(|known| known.order != asked.order);
        let orders: BTreeSet<String> = account.orders.into_iter().map(|known| known.order).collect();
        let orders = orders.into_iter().filter(|order| besides(order)).take(MOST_NAMED).collect();
        Ok(Looked { left: account.left, orders, may_count_twice })
    }

    async fn see(&self, id: &str, seen: Vec<Seen>) -> Result<Account, Failure> {
        let rule = move |draft: &mut Draft<Account>| {
            draft.doc.see(&seen);
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
        self.ask_account(order, &asked, look, attempt).await
    }

    /// May the customer owe what an edit adds? One that may counts for the next one that asks; so does one that a shop has
    /// sold, whatever is found.
    pub(super) async fn ask_edit_credit(
        &self,
        order: &Order,
        number: usize,
        attempt: &Attempt,
    ) -> Result<Brought, Failure> {
        let at = self.accounts.clock.now().as_millisecond();
        let asked = Asked::of_edit(order, number, edit(order, number)?, at);
        self.ask_account(order, &asked, Look::First, attempt).await
    }

    async fn ask_account(
        &self,
        order: &Order,
        asked: &Asked,
        look: Look,
        attempt: &Attempt,
    ) -> Result<Brought, Failure> {
        let rules = self.channel(&order.channel).and_then(|channel| channel.credit.clone());
        let asks = rules.is_some() && !asked.needs_no_numbers();
        let rules = rules.unwrap_or_default();
        let (instance, erp) = self.erp(order)?;
        let id = Account::id(&instance, &order.customer_id);
        for _ in 0..ROUNDS {
            let Looked { left, orders, may_count_twice } = self.accounts.look(&id, asked).await?;
            let answer = if asks {
                let answer = customer_credit(&instance, erp.clone(), order, orders);
                let goes_on = rules.unknown == OnSilence::GoOn || asked.sold;
                match self.accounts.clock.timeout(ANSWER, answer).await {
                    Ok(Ok(answer)) => answer,
                    Ok(Err(why)) => without_an_answer(look, goes_on, attempt, why)?,
                    Err(_) => without_an_answer(look, goes_on, attempt, no_answer(&instance))?,
                }
            } else {
                Answer::NotAsked
            };
            // What is held by known numbers is not let go because they cannot be read now.
            let patient = CreditRules { unknown: OnSilence::Wait, ..rules.clone() };
            let rules = if look == Look::Again { &patient } else { &rules };
            match self.accounts.decide(&id, rules, asked, (answer, left)).await? {
                // An order that is held is looked at again, an edit that is refused is not.
                Ok(check) if asked.is_refused(&check) && may_count_twice && attempt.number < PATIENCE => {
                    let detail = "what is counted here the ERP's numbers may hold by now as well".to_owned();
                    return Err(Failure::not_done("CREDIT_CONTENDED", detail));
                }
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

/// What counts when the ERP has not answered: a first look waits for it, unless its channel goes on without, or it is sold.
fn without_an_answer(look: Look, goes_on: bool, attempt: &Attempt, why: Failure) -> Result<Answer, Failure> {
    let tried = attempt.number >= PATIENCE || matches!(why, Failure::Refused { .. });
    let enough = look == Look::Again || (goes_on && tried);
    if enough { Ok(Answer::Silent(why.reason().to_owned())) } else { Err(why) }
}

fn no_answer(instance: &str) -> Failure {
    let detail = format!("{instance} gave no answer within {} s", ANSWER.as_secs());
    Failure::Unknown { reason: "NO_ANSWER".to_owned(), detail }
}

fn unwell(error: retail_store::Error) -> Failure {
    Failure::not_done("STORE", error.to_string())
}
