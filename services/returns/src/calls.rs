//! The calls of the journey: each leg is one RPC to the service or connector that owns the fact, or one commit in our
//! books of the order.

use std::collections::BTreeMap;

use retail_flow::{Attempt, Failure, done};
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::{Clock, Peer, PeerError, Runtime};

use crate::ask::Of;
use crate::books::Books;
use crate::config::Config;
use crate::crediting::{self, Told};
use crate::day::millisecond;
use crate::facts;
use crate::finding::Finder;
use crate::leg::{Brought, Leg};
use crate::part::Receipt;
use crate::record::Return;
use crate::sale::Sale;
use crate::settling;
use crate::terms::Terms;

/// A thousand-line return fits several times.
const LARGEST_ANSWER: usize = 16 << 20;

/// Channels to everybody the journey needs.
#[derive(Clone)]
pub(crate) struct Calls {
    clock: Clock,
    inventory: Peer,
    shops: BTreeMap<String, Peer>,
    erps: BTreeMap<String, Peer>,
    pub(crate) payments: BTreeMap<String, Peer>,
    finder: Finder,
    books: Books,
    terms: Terms,
    patience_ms: i64,
}

impl Calls {
    /// Opens a lazy channel to each peer of the configuration.
    pub(crate) fn new(
        config: &Config,
        runtime: &Runtime,
        finder: Finder,
        books: Books,
        terms: Terms,
    ) -> Result<Self, PeerError> {
        let mut shops = BTreeMap::new();
        for (name, channel) in config.channels.iter().filter(|(_, channel)| !channel.address.is_empty()) {
            shops.insert(name.clone(), runtime.peer(&channel.address)?);
        }
        let mut erps = BTreeMap::new();
        for (name, erp) in &config.erps {
            erps.insert(name.clone(), runtime.peer(&erp.address)?);
        }
        let mut payments = BTreeMap::new();
        for (name, service) in &config.payments {
            payments.insert(name.clone(), runtime.peer(&service.address)?);
        }
        Ok(Self {
            clock: runtime.clock().clone(),
            inventory: runtime.peer(&config.inventory)?,
            shops,
            erps,
            payments,
            finder,
            books,
            terms,
            patience_ms: i64::try_from(config.patience.get().as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// Does one leg.
    pub(crate) async fn perform(&self, record: &Return, leg: &Leg, attempt: &Attempt) -> Result<Brought, Failure> {
        let key = attempt.key.to_string();
        match leg {
            Leg::Identify => match &record.customer {
                Some(customer) => self.finder.customer(customer).await.map(Brought::Customer),
                None => Ok(Brought::Customer(None)),
            },
            Leg::Locate => Ok(Brought::Found(Box::new(self.finder.locate(record).await?))),
            Leg::Judge(order) => self.judge(record, order).await,
            Leg::AnswerShop(approve) => self.answer_shop(record, *approve, key).await,
            Leg::NoteGiven => {
                if let Some(given) = &record.given {
                    self.books.note_given(&given.order_id, &record.id, given.minor).await?;
                }
                Ok(Brought::Done)
            }
            Leg::OpenReturn(part) => self.open_return(record, *part).await,
            Leg::PostReceipt(part, receipt) => self.post_receipt(record, *part, receipt).await,
            Leg::Restock(part, receipt) => self.restock(record, *part, receipt, key).await,
            Leg::CloseReturn(part) => self.close_return(record, *part).await,
            Leg::Settle(part) => self.settle(record, *part).await,
            Leg::TellOrder(part) => self.tell_order(record, *part, key).await,
            Leg::CreditMemo(part) => self.credit_memo(record, *part).await,
            Leg::Refund(part, _) => self.refund(record, *part, key).await,
            Leg::RecordRefund(part) => self.record_refund(record, *part).await,
            Leg::GiveBack(order) => {
                self.books.give_back(order, &record.id).await?;
                Ok(Brought::Done)
            }
        }
    }

    async fn judge(&self, record: &Return, order: &str) -> Result<Brought, Failure> {
        let Some(mut sale) = self.finder.sale(order).await? else { return Ok(Brought::Judged(None, Vec::new())) };
        if let Some(channel) = self.terms.channel(&sale.channel) {
            sale.fill_from(&channel.erp, &channel.location);
        }
        let waited = match record.waiting_since {
            0 => 0,
            since => self.clock.now().as_millisecond().saturating_sub(since),
        };
        let questions = settling::questions(record, order);
        let judged = self.books.claim(&sale, questions, waited < self.patience_ms).await?;
        Ok(Brought::Judged(Some(Box::new(sale)), judged))
    }

    async fn answer_shop(&self, record: &Return, approve: bool, key: String) -> Result<Brought, Failure> {
        // A channel without a connector asked through somebody who reads the answer here.
        let Some(peer) = self.shops.get(&record.channel) else { return Ok(Brought::Done) };
        let request = shop::AnswerReturnRequest {
            instance: record.channel.clone(),
            idempotency_key: key,
            return_id: record.source_return_id.clone(),
            approve,
            reason: match (approve, record.cause.is_empty()) {
                (true, _) => String::new(),
                (false, true) => "nothing of it may come back".to_owned(),
                (false, false) => record.cause.clone(),
            },
        };
        let answer = CommerceServiceClient::new(peer.clone()).answer_return(request).await?.into_inner();
        done("commerce.AnswerReturn", answer.outcome.as_ref())?;
        Ok(Brought::Done)
    }

    async fn open_return(&self, record: &Return, part: i32) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let (instance, mut erp) = self.erp(&of)?;
        let request = erp::CreateReturnRequest { instance, input: Some(of.return_input()?) };
        let answer = erp.create_return(request).await?.into_inner();
        done("erp.CreateReturn", answer.outcome.as_ref())?;
        let told = answer.sales_return.filter(|told| told.document.is_some() && told.external_ref == of.part.id);
        let told = told.ok_or_else(|| broken("erp.CreateReturn", "sales_return.document"))?;
        Ok(Brought::SalesReturn(Box::new(told)))
    }

    async fn post_receipt(&self, record: &Return, part: i32, id: &str) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let (instance, mut erp) = self.erp(&of)?;
        let answer = erp.post_receipt(of.receipt(receipt(&of, id)?, instance.clone())).await?.into_inner();
        if let Err(refused) = done("erp.PostReceipt", answer.outcome.as_ref()) {
            // The ERP's people may have been faster; then goods of it are in its books, and the refusal is no trouble.
            let request = erp::GetReturnRequest { instance, external_ref: of.part.id.clone() };
            let told = erp.get_return(request).await?.into_inner().sales_return;
            let told = told.filter(|told| facts::is_overtaken(record, told, part, id));
            return told.map(|told| Brought::SalesReturn(Box::new(told))).ok_or(refused);
        }
        let posted = answer.receipt.filter(|posted| posted.document.is_some() && posted.external_ref == id);
        let posted = posted.ok_or_else(|| broken("erp.PostReceipt", "receipt.document"))?;
        Ok(Brought::Receipt(Box::new(posted)))
    }

    async fn restock(&self, record: &Return, part: i32, id: &str, key: String) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let request = of.restock(receipt(&of, id)?, key);
        InventoryServiceClient::new(self.inventory.clone()).receive_stock(request).await?;
        Ok(Brought::Done)
    }

    async fn close_return(&self, record: &Return, part: i32) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let (instance, mut erp) = self.erp(&of)?;
        let (external_ref, memo) = (of.part.id.clone(), record.cause.clone());
        let request = erp::CancelReturnRequest { instance: instance.clone(), external_ref: external_ref.clone(), memo };
        let told = match self.cancel_return(&mut erp, request).await {
            Ok(told) => told,
            // The warehouse was faster: what has come is read at once, so that it is credited.
            Err(failure) if failure.reason() == "ALREADY_RECEIVED" => {
                let request = erp::GetReturnRequest { instance, external_ref };
                erp.get_return(request).await?.into_inner().sales_return
            }
            Err(failure) => return Err(failure),
        };
        Ok(told.map_or(Brought::Done, |told| Brought::SalesReturn(Box::new(told))))
    }

    async fn cancel_return(
        &self,
        erp: &mut ErpServiceClient<Peer>,
        request: erp::CancelReturnRequest,
    ) -> Result<Option<erp::SalesReturn>, Failure> {
        let answer = erp.cancel_return(request).await?.into_inner();
        done("erp.CancelReturn", answer.outcome.as_ref())?;
        Ok(answer.sales_return)
    }

    async fn settle(&self, record: &Return, part: i32) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let sale = self.sale_of(&of).await?;
        let entry = self.books.settle(&sale, crediting::settling(record, of.part)).await?;
        Ok(entry.map_or(Brought::NotYet, Brought::Settled))
    }

    async fn tell_order(&self, record: &Return, part: i32, key: String) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let applied = of.part.settlement.as_ref().map_or(0, |settlement| settlement.applied);
        match self.finder.take_off(&of.part.order_id, &of.part.id, of.money(applied), key).await {
            Ok(taken_off) => {
                let sale = self.sale_of(&of).await?;
                self.books.take_off(&sale, &of.part.id, taken_off).await.map(Brought::Settled)
            }
            Err(failure) if failure.reason() == "MONEY_IS_MOVING" => Ok(Brought::NotYet),
            Err(failure) => Err(failure),
        }
    }

    /// The order as it stands: its payments and invoices may have changed since the lines were judged.
    async fn sale_of(&self, of: &Of<'_>) -> Result<Sale, Failure> {
        let sale = self.finder.sale(&of.order.order_id).await?;
        sale.ok_or_else(|| Failure::refused("NO_SUCH_ORDER", format!("order {} is gone", of.order.order_id)))
    }

    async fn credit_memo(&self, record: &Return, part: i32) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let (instance, mut erp) = self.erp(&of)?;
        let settlement = of.part.settlement.clone().unwrap_or_default();
        let answer = erp.create_credit_memo(of.credit_memo(&settlement, instance)).await?.into_inner();
        done("erp.CreateCreditMemo", answer.outcome.as_ref())?;
        let document = answer.credit_memo.and_then(|memo| memo.document);
        document.map(Brought::Record).ok_or_else(|| broken("erp.CreateCreditMemo", "credit_memo.document"))
    }

    async fn refund(&self, record: &Return, part: i32, key: String) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        if of.part.has_failed_refund() {
            // Only a person decides to give money back once more: resuming makes a new attempt of it.
            let detail = "the shop or the payment service could not give all of the money back; mend the cause there, then \
                          resume the return";
            return Err(Failure::refused("REFUND_FAILED", detail));
        }
        if of.part.waits_for_what_came_back() {
            let amount = of.words(of.part.still_due());
            let detail = format!(
                "{amount} that a payment service had given back did not arrive; give it back by another way, then resume \
                 the return"
            );
            return Err(Failure::refused("REFUND_CAME_BACK", detail));
        }
        let sale = self.sale_of(&of).await?;
        let told = match sale.held.is_empty() {
            true => self.refund_at_the_shop(&of, self.refund_request(&of, key)).await,
            false => self.refund_held(&of, &sale, &key).await,
        };
        told.map(Brought::Refund)
    }

    pub(crate) fn refund_request(&self, of: &Of<'_>, key: String) -> shop::RefundOrderRequest {
        let notify = self.terms.channel(&of.order.channel).is_some_and(|channel| channel.shop_notifies);
        let asks_again = of.part.refund.as_ref().is_some_and(|refund| refund.pending);
        of.refund(key, notify, asks_again)
    }

    pub(crate) async fn refund_at_the_shop(
        &self,
        of: &Of<'_>,
        request: shop::RefundOrderRequest,
    ) -> Result<Told, Failure> {
        let Some(peer) = self.shops.get(&of.order.channel) else {
            let amount = of.words(request.amount.as_ref().map_or(0, |amount| amount.minor_units));
            let detail = format!(
                "channel {0} has no connector (returns.channels.{0}.address) that could give money back: give {amount} back \
                 where it was paid, then resume the return; it is then taken as given back",
                of.order.channel
            );
            return Err(Failure::refused("REFUND_NOT_POSSIBLE", detail));
        };
        let answer = CommerceServiceClient::new(peer.clone()).refund_order(request).await?.into_inner();
        told(&answer, self.now())
    }

    /// Now, milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    async fn record_refund(&self, record: &Return, part: i32) -> Result<Brought, Failure> {
        let of = self.of(record, part)?;
        let (instance, mut erp) = self.erp(&of)?;
        let answer = erp.record_refund(of.refund_document(instance)).await?.into_inner();
        done("erp.RecordRefund", answer.outcome.as_ref())?;
        let document = answer.refund.and_then(|refund| refund.document);
        document.map(Brought::Record).ok_or_else(|| broken("erp.RecordRefund", "refund.document"))
    }

    fn of<'a>(&'a self, record: &'a Return, number: i32) -> Result<Of<'a>, Failure> {
        let part = record.part(number);
        let order = part.and_then(|part| record.bought(&part.order_id));
        match (part, order) {
            (Some(part), Some(order)) => Ok(Of { record, part, order, zone: self.terms.zone(&order.channel) }),
            _ => Err(Failure::refused("NO_SUCH_PART", format!("the return has no part {number} with an order"))),
        }
    }

    fn erp(&self, of: &Of<'_>) -> Result<(String, ErpServiceClient<Peer>), Failure> {
        let name = of.order.erp.clone();
        let peer = self.erps.get(&name).ok_or_else(|| {
            let detail = format!("order {} is booked by ERP {name:?}; set returns.erps.{name}", of.order.number);
            Failure::refused("ERP_NOT_CONFIGURED", detail)
        })?;
        Ok((name, ErpServiceClient::new(peer.clone()).max_decoding_message_size(LARGEST_ANSWER)))
    }
}

fn receipt<'a>(of: &Of<'a>, id: &str) -> Result<&'a Receipt, Failure> {
    let found = of.part.receipts.iter().find(|receipt| receipt.id == id);
    found.ok_or_else(|| Failure::refused("NO_SUCH_RECEIPT", format!("the part has no receipt {id}")))
}

/// What the owner says of a refund. Its words about the money count, not only those about the request.
fn told(answer: &shop::RefundOrderResponse, now: i64) -> Result<Told, Failure> {
    let refund = answer.refund.clone().unwrap_or_default();
    let outcome = answer.outcome.clone().unwrap_or_default();
    let pending = match (outcome.state(), refund.state()) {
        (OutcomeState::Refused, _) => return Err(Failure::refused(outcome.reason, outcome.message)),
        (_, shop::RefundState::Failed) => return Err(Failure::refused("REFUND_FAILED", outcome.message)),
        // Only some of it was given back: the amount says how much.
        (OutcomeState::Partial, _) => false,
        (OutcomeState::Done, shop::RefundState::Done | shop::RefundState::Unspecified) => false,
        (OutcomeState::Done, shop::RefundState::Pending)
        | (
            OutcomeState::Pending | OutcomeState::Unspecified,
            shop::RefundState::Pending | shop::RefundState::Done | shop::RefundState::Unspecified,
        ) => true,
    };
    if refund.refund.is_none() && !pending {
        return Err(broken("commerce.RefundOrder", "refund.refund"));
    }
    Ok(Told {
        record: refund.refund,
        minor: refund.amount.map(|amount| amount.minor_units).filter(|minor| *minor > 0),
        at: refund.refunded_at.as_ref().map_or(now, millisecond),
        pending,
        failed: false,
    })
}

pub(crate) fn broken(who: &str, field: &str) -> Failure {
    Failure::refused("BROKEN_ANSWER", format!("{who} answered without {field}; this is a defect of that service"))
}
