//! The calls of the journey: each leg is one RPC to the service or connector that owns the fact.

mod credit;
pub(crate) mod editing;
mod goods;
mod money;
mod shopfront;

use std::collections::BTreeMap;

use retail_flow::{Attempt, Failure, done};
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::customers::v1 as people;
use retail_proto::customers::v1::customers_service_client::CustomersServiceClient;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::{Peer, PeerError, Runtime};
use retail_store::Store;
use tonic::{Code, Response, Status};

use crate::ask;
use crate::config::{Channel, Config};
use crate::journey::Brought;
use crate::leg::Leg;
use crate::line_cancel::LineCancel;
use crate::look::Sources;
use crate::outcome::Rules;
use crate::policies::Policies;
use crate::record::Order;
use crate::reroute::Reroute;

/// A thousand-line order fits several times.
const LARGEST_ANSWER: usize = 16 << 20;

/// Channels to everybody the journey needs.
#[derive(Clone)]
pub(crate) struct Calls {
    inventory: Peer,
    customers: Peer,
    channels: BTreeMap<String, (Channel, Option<Peer>)>,
    erps: BTreeMap<String, Peer>,
    crms: BTreeMap<String, Peer>,
    payments: BTreeMap<String, Peer>,
    reservation_seconds: i32,
    accounts: credit::Accounts,
    /// Which places fulfil an order.
    pub(crate) sources: Sources,
}

impl Calls {
    /// Opens a lazy channel to each peer of the configuration. The store has the lists of orders that places have taken.
    pub(crate) fn new(
        config: &Config,
        runtime: &Runtime,
        store: &Store,
        policies: Policies,
    ) -> Result<Self, PeerError> {
        let mut channels = BTreeMap::new();
        for (name, channel) in &config.channels {
            let peer = if channel.address.is_empty() { None } else { Some(runtime.peer(&channel.address)?) };
            channels.insert(name.clone(), (channel.clone(), peer));
        }
        let mut erps = BTreeMap::new();
        for (name, erp) in &config.erps {
            erps.insert(name.clone(), runtime.peer(&erp.address)?);
        }
        let mut crms = BTreeMap::new();
        for (name, crm) in &config.crms {
            crms.insert(name.clone(), runtime.peer(&crm.address)?);
        }
        let mut payments = BTreeMap::new();
        for (name, service) in &config.payments {
            payments.insert(name.clone(), runtime.peer(&service.address)?);
        }
        Ok(Self {
            inventory: runtime.peer(&config.inventory)?,
            customers: runtime.peer(&config.customers)?,
            channels,
            erps,
            crms,
            payments,
            reservation_seconds: i32::try_from(config.reservation.as_secs()).unwrap_or(i32::MAX),
            accounts: credit::Accounts::new(store, runtime.clock()),
            sources: Sources::new(config, policies, store, runtime.clock()),
        })
    }

    /// The channel's configuration.
    #[must_use]
    pub(crate) fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.get(name).map(|(channel, _)| channel)
    }

    /// True when agents of a CRM see this order.
    #[must_use]
    pub(crate) fn has_crm(&self, order: &Order) -> bool {
        self.channel(&order.channel).is_some_and(|channel| !channel.crm.is_empty())
    }

    /// The rules of an order's channel.
    #[must_use]
    pub(crate) fn rules(&self, order: &Order) -> Rules {
        let channel = self.channel(&order.channel);
        Rules {
            tolerance: channel.map_or(0, |channel| channel.tolerance_minor),
            screening: channel.map(|channel| channel.screening.clone()).unwrap_or_default(),
            moves_backorders: self.sources.moves_backorders(order),
            shop: self.sources.shop_rules(&order.channel, channel),
            credit: channel.and_then(|channel| channel.credit.clone()),
        }
    }

    /// Does one leg.
    pub(crate) async fn perform(&self, order: &Order, leg: &Leg, attempt: &Attempt) -> Result<Brought, Failure> {
        let key = attempt.key.to_string();
        match leg {
            Leg::Identify => self.identify(order, key).await,
            Leg::ResolveItems | Leg::ResolveAnew(_) => {
                self.resolve_items(ask::item_keys(order)).await.map(Brought::Items)
            }
            Leg::AskCredit(look) => self.ask_credit(order, *look, attempt).await,
            Leg::Source(_) | Leg::SourceAnew(..) => {
                self.sources.decide(self, order).await.map(|made| Brought::Decision(Box::new(made)))
            }
            // Its time has come: there is nobody to ask.
            Leg::LapsePickup | Leg::ExpireHolds | Leg::CaptureNow(_) => Ok(Brought::Done),
            Leg::AskPayment(id) => self.ask_payment(order, id, key).await,
            Leg::AuthorizeAnew(id) => self.authorize_anew(order, id, key).await,
            Leg::Capture(id) => self.capture(order, id, key).await,
            Leg::LetPaymentGo(id) => self.let_payment_go(order, id, key).await,
            Leg::RefundPayment(id) => self.refund_payment(order, id, key).await,
            Leg::Reserve | Leg::ReserveAt(_) | Leg::ReserveAnew(..) => self.reserve(order, key).await,
            Leg::AskEditCredit(number) => self.ask_edit_credit(order, *number, attempt).await,
            Leg::PromiseEdit(number) => self.promise_edit(order, *number, key).await,
            Leg::ConfirmEdit(number) => self.confirm(&order.edited_reservation(*number), key).await,
            Leg::ChangeSalesOrder(number) => self.edit_sales_order(order, *number).await,
            Leg::ReleaseEdited(number) => self.release_edited(order, *number, key).await,
            Leg::WithdrawEdit(number) => self.release(&order.edited_reservation(*number), key, Vec::new()).await,
            Leg::ErpCustomer => self.erp_customer(order).await,
            Leg::BookSalesOrder => self.book(order).await,
            // All of it may have gone to another place before it was booked.
            Leg::Confirm if !order.holds_by_itself() => Ok(Brought::Done),
            Leg::Confirm => self.confirm(order.own_reservation(), key).await,
            Leg::RecordPayment(id) => self.record_payment(order, id).await,
            Leg::Consume(id) => self.consume(order, id, key).await,
            Leg::TellChannel(id) => self.tell_channel(order, id, key, false).await,
            Leg::TellCancelled => self.cancel_in_shop(order, key).await,
            Leg::TellLinesCancelled(number) => self.take_off_lines(order, *number, key).await,
            Leg::TellEdit(number) => self.tell_edit(order, *number, key).await,
            Leg::TellReady(_) => self.tell_ready(order, key).await,
            Leg::TellCrm(_) => self.tell_crm(order).await,
            Leg::CloseSalesOrder => self.close(order).await,
            Leg::GiveBack => {
                for reservation in order.reservations() {
                    self.release(&reservation, key.clone(), Vec::new()).await?;
                }
                Ok(Brought::Done)
            }
            Leg::Resource(number, _) => self.resource(order, *number).await,
            Leg::PromiseElsewhere(number, _) => self.promise_elsewhere(order, *number, key).await,
            Leg::MoveSalesOrder(number) => self.move_sales_order(order, *number).await,
            Leg::LetGo(number) => {
                for (reservation, lines) in ask::former_lines(order, rerouting(order, *number)?) {
                    self.release(&reservation, key.clone(), lines).await?;
                }
                Ok(Brought::Done)
            }
            Leg::CloseLines(number) => self.close_lines(order, *number).await,
            Leg::ReleaseLines(number) => {
                for (reservation, lines) in ask::cancelled_lines(order, cancelling(order, *number)?) {
                    self.release(&reservation, key.clone(), lines).await?;
                }
                Ok(Brought::Done)
            }
            Leg::Withdraw(number) => self.release(&order.rerouted_reservation(*number), key, Vec::new()).await,
            Leg::ReadRefunds => self.read_refunds(order).await,
            Leg::RefundShop(id) => self.refund(order, id, key).await,
            Leg::RecordRefund(id) => self.record_refund(order, id).await,
        }
    }

    /// Looks whether what was sent to the shop before has arrived there.
    pub(crate) async fn verify(&self, order: &Order, leg: &Leg) -> Result<Option<Brought>, Failure> {
        let looked = match leg {
            Leg::TellChannel(id) => self.tell_channel(order, id, String::from("verify"), true).await,
            Leg::Identify
            | Leg::ResolveItems
            | Leg::AskCredit(_)
            | Leg::Source(_)
            | Leg::Reserve
            | Leg::ReserveAt(_)
            | Leg::ErpCustomer
            | Leg::BookSalesOrder
            | Leg::AskPayment(_)
            | Leg::AuthorizeAnew(_)
            | Leg::Capture(_)
            | Leg::CaptureNow(_)
            | Leg::LetPaymentGo(_)
            | Leg::RefundPayment(_)
            | Leg::Confirm
            | Leg::RecordPayment(_)
            | Leg::Consume(_)
            | Leg::TellCancelled
            | Leg::TellLinesCancelled(_)
            | Leg::TellEdit(_)
            | Leg::TellReady(_)
            | Leg::TellCrm(_)
            | Leg::CloseSalesOrder
            | Leg::GiveBack
            | Leg::Resource(..)
            | Leg::PromiseElsewhere(..)
            | Leg::MoveSalesOrder(_)
            | Leg::LetGo(_)
            | Leg::Withdraw(_)
            | Leg::CloseLines(_)
            | Leg::ReleaseLines(_)
            | Leg::ResolveAnew(_)
            | Leg::SourceAnew(..)
            | Leg::ReserveAnew(..)
            | Leg::AskEditCredit(_)
            | Leg::PromiseEdit(_)
            | Leg::ConfirmEdit(_)
            | Leg::ChangeSalesOrder(_)
            | Leg::ReleaseEdited(_)
            | Leg::WithdrawEdit(_)
            | Leg::LapsePickup
            | Leg::ExpireHolds
            | Leg::ReadRefunds
            | Leg::RefundShop(_)
            | Leg::RecordRefund(_) => {
                let detail = format!("{leg:?} is safe to repeat and needs no read-back");
                Err(Failure::refused("NO_READ_BACK", detail))
            }
        };
        match looked {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Refused { reason, .. }) if reason == "NO_SUCH_FULFILMENT" => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn customers(&self) -> CustomersServiceClient<Peer> {
        CustomersServiceClient::new(self.customers.clone())
    }

    fn erp(&self, order: &Order) -> Result<(String, ErpServiceClient<Peer>), Failure> {
        // What an ERP has, that ERP is asked about, whatever the channel says today.
        let name = match order.sales_order {
            Some(_) => order.erp().to_owned(),
            None => self.channel(&order.channel).map(|channel| channel.erp.clone()).unwrap_or_default(),
        };
        let peer = self.erps.get(&name).ok_or_else(|| {
            let detail = format!(
                "no ERP {name:?} is configured for channel {}; set erps.{name} and channels.{}.erp",
                order.channel, order.channel
            );
            Failure::refused("ERP_NOT_CONFIGURED", detail)
        })?;
        Ok((name, ErpServiceClient::new(peer.clone()).max_decoding_message_size(LARGEST_ANSWER)))
    }

    async fn identify(&self, order: &Order, key: String) -> Result<Brought, Failure> {
        let customer = self.resolve_customer(ask::customer(order, key)).await?;
        Ok(Brought::Customer(Box::new(customer)))
    }

    /// Who is it? A customer that nobody knows is created.
    pub(crate) async fn resolve_customer(
        &self,
        request: people::ResolveCustomerRequest,
    ) -> Result<people::Customer, Failure> {
        let answer = self.customers().resolve_customer(request).await?.into_inner();
        answer.customer.ok_or_else(|| broken("customers.ResolveCustomer", "customer"))
    }

    /// The id of a customer of ours, which is another after a merge; `None` when it is none of ours.
    pub(crate) async fn find_customer(&self, id: &str) -> Result<Option<String>, Failure> {
        let request = people::GetCustomerRequest { customer_id: id.to_owned() };
        let answer = found(self.customers().get_customer(request).await, "NO_SUCH_CUSTOMER")?;
        Ok(answer.and_then(|answer| answer.customer).map(|customer| customer.customer_id))
    }

    /// The shop's order by its id or its number; `None` when the shop has none, or the channel no shop that could say.
    pub(crate) async fn shop_order(
        &self,
        channel: &str,
        order_id: &str,
        number: &str,
    ) -> Result<Option<shop::GetOrderResponse>, Failure> {
        let Some((_, Some(peer))) = self.channels.get(channel) else { return Ok(None) };
        let request = shop::GetOrderRequest {
            instance: channel.to_owned(),
            order_id: order_id.to_owned(),
            order_number: number.to_owned(),
        };
        let mut client = CommerceServiceClient::new(peer.clone()).max_decoding_message_size(LARGEST_ANSWER);
        found(client.get_order(request).await, "NO_SUCH_SHOP_ORDER")
    }

    /// Sales orders of the channel's ERP by number; none when the channel has no ERP.
    pub(crate) async fn sales_orders(&self, channel: &str, number: &str) -> Result<Vec<erp::SalesOrder>, Failure> {
        let instance = self.channel(channel).map(|channel| channel.erp.clone()).unwrap_or_default();
        if instance.is_empty() {
            return Ok(Vec::new());
        }
        let peer = self.erps.get(&instance).ok_or_else(|| {
            Failure::refused("ERP_NOT_CONFIGURED", format!("no ERP {instance:?} is configured; set erps.{instance}"))
        })?;
        let request = erp::FindSalesOrdersRequest { instance, order_number: number.to_owned() };
        let mut client = ErpServiceClient::new(peer.clone()).max_decoding_message_size(LARGEST_ANSWER);
        let answer = found(client.find_sales_orders(request).await, "NO_SUCH_SALES_ORDER")?;
        Ok(answer.map(|answer| answer.orders).unwrap_or_default())
    }

    async fn erp_customer(&self, order: &Order) -> Result<Brought, Failure> {
        let (instance, _) = self.erp(order)?;
        let request =
            people::EnsureReferenceRequest { customer_id: order.customer_id.clone(), kind: "erp".into(), instance };
        let answer = self.customers().ensure_reference(request).await?.into_inner();
        answer.r#ref.map(Brought::Record).ok_or_else(|| broken("customers.EnsureReference", "ref"))
    }

    async fn book(&self, order: &Order) -> Result<Brought, Failure> {
        let (instance, mut erp) = self.erp(order)?;
        let zone = self.channel(&order.channel).map_or("UTC", |channel| channel.time_zone.as_str());
        let request = erp::CreateSalesOrderRequest { instance, order: Some(ask::sales_order(order, zone)?) };
        let answer = erp.create_sales_order(request).await?.into_inner();
        done("erp.CreateSalesOrder", answer.outcome.as_ref())?;
        let booked = answer.order.filter(|order| order.document.is_some());
        let booked = booked.ok_or_else(|| broken("erp.CreateSalesOrder", "order.document"))?;
        Ok(Brought::SalesOrder(Box::new(booked)))
    }

    async fn close(&self, order: &Order) -> Result<Brought, Failure> {
        let (instance, mut erp) = self.erp(order)?;
        let request =
            erp::CancelSalesOrderRequest { instance, external_ref: order.id.clone(), memo: order.cause.clone() };
        let answer = erp.cancel_sales_order(request).await?.into_inner();
        done("erp.CancelSalesOrder", answer.outcome.as_ref())?;
        Ok(answer.order.map_or(Brought::Done, |order| Brought::SalesOrder(Box::new(order))))
    }

    async fn record_payment(&self, order: &Order, id: &str) -> Result<Brought, Failure> {
        let (instance, mut erp) = self.erp(order)?;
        let zone = self.channel(&order.channel).map_or("UTC", |channel| channel.time_zone.as_str());
        let request = ask::payment(order, id, instance, zone)?;
        let answer = erp.record_payment(request).await?.into_inner();
        done("erp.RecordPayment", answer.outcome.as_ref())?;
        let payment = answer.payment.filter(|payment| payment.document.is_some());
        payment.map(Brought::Payment).ok_or_else(|| broken("erp.RecordPayment", "payment.document"))
    }

    async fn resource(&self, order: &Order, number: usize) -> Result<Brought, Failure> {
        let made = self.sources.decide_again(self, order, rerouting(order, number)?).await?;
        Ok(Brought::Decision(Box::new(made)))
    }

    async fn move_sales_order(&self, order: &Order, number: usize) -> Result<Brought, Failure> {
        let (instance, _) = self.erp(order)?;
        self.change_sales_order(order, ask::moved(order, rerouting(order, number)?, instance)).await
    }

    async fn close_lines(&self, order: &Order, number: usize) -> Result<Brought, Failure> {
        let (instance, _) = self.erp(order)?;
        let lines = ask::closed_lines(cancelling(order, number)?);
        let request =
            erp::ChangeSalesOrderRequest { instance, external_ref: order.id.clone(), lines, ..Default::default() };
        self.change_sales_order(order, request).await
    }

    async fn change_sales_order(
        &self,
        order: &Order,
        request: erp::ChangeSalesOrderRequest,
    ) -> Result<Brought, Failure> {
        let (_, mut erp) = self.erp(order)?;
        let answer = erp.change_sales_order(request).await?.into_inner();
        done("erp.ChangeSalesOrder", answer.outcome.as_ref())?;
        let told = answer.order.map(|order| Brought::SalesOrder(Box::new(order)));
        told.ok_or_else(|| broken("erp.ChangeSalesOrder", "order"))
    }

    async fn tell_channel(&self, order: &Order, id: &str, key: String, verify: bool) -> Result<Brought, Failure> {
        let Some((channel, Some(peer))) = self.channels.get(&order.channel) else { return Ok(Brought::Done) };
        let request = shop::RecordFulfilmentRequest {
            notify_customer: channel.shop_notifies,
            verify_only: verify,
            ..ask::fulfilment(order, id, key)
        };
        if request.lines.is_empty() {
            return Ok(Brought::Done);
        }
        let answer = CommerceServiceClient::new(peer.clone()).record_fulfilment(request).await?.into_inner();
        done("commerce.RecordFulfilment", answer.outcome.as_ref())?;
        Ok(answer.fulfilments.into_iter().next().map_or(Brought::Done, Brought::Record))
    }

    async fn read_refunds(&self, order: &Order) -> Result<Brought, Failure> {
        let found = self.shop_order(&order.channel, &order.channel_order_id, "").await?;
        // A shop that does not have the order has given nothing back; it will say so itself when it is asked to.
        Ok(Brought::ShopRefunds(Box::new(found.unwrap_or_default())))
    }

    async fn refund(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        let request = ask::refund(order, id, key)?;
        let asked = request.amount.clone();
        let Some((channel, Some(peer))) = self.channels.get(&order.channel) else {
            return Err(not_possible(order, id, "no connector"));
        };
        let request = shop::RefundOrderRequest { notify_customer: channel.shop_notifies, ..request };
        let answer = match CommerceServiceClient::new(peer.clone()).refund_order(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) if status.code() == Code::Unimplemented => {
                return Err(not_possible(order, id, "a connector that cannot refund"));
            }
            Err(status) => return Err(status.into()),
        };
        done("commerce.RefundOrder", answer.outcome.as_ref())?;
        let refund = answer.refund.filter(|refund| refund.amount.is_none() || refund.amount == asked);
        let record = refund.and_then(|refund| refund.refund);
        record.map(Brought::Record).ok_or_else(|| broken("commerce.RefundOrder", "refund of the amount asked for"))
    }

    async fn record_refund(&self, order: &Order, payment_id: &str) -> Result<Brought, Failure> {
        let (instance, mut erp) = self.erp(order)?;
        let zone = self.channel(&order.channel).map_or("UTC", |channel| channel.time_zone.as_str());
        let answer = erp.record_refund(ask::erp_refund(order, payment_id, instance, zone)?).await?.into_inner();
        done("erp.RecordRefund", answer.outcome.as_ref())?;
        let document = answer.refund.and_then(|refund| refund.document);
        document.map(Brought::Record).ok_or_else(|| broken("erp.RecordRefund", "refund.document"))
    }

    async fn tell_crm(&self, order: &Order) -> Result<Brought, Failure> {
        let name = self.channel(&order.channel).map(|channel| channel.crm.clone()).unwrap_or_default();
        let Some(peer) = self.crms.get(&name) else { return Ok(Brought::Done) };
        let request = people::GetCustomerRequest { customer_id: order.customer_id.clone() };
        let customer = self.customers().get_customer(request).await?.into_inner().customer;
        let customer = customer.ok_or_else(|| broken("customers.GetCustomer", "customer"))?;
        let request = crm::UpsertOrderContextRequest {
            instance: name,
            context: Some(ask::context(order)),
            customer: Some(ask::crm_customer(&customer)),
        };
        let answer = CrmServiceClient::new(peer.clone()).upsert_order_context(request).await?.into_inner();
        done("crm.UpsertOrderContext", answer.outcome.as_ref())?;
        Ok(answer.record.map_or(Brought::Done, Brought::Record))
    }
}

/// What is not there, by the reason that says so, and what a system cannot say are nothing found. Other things may be
/// missing too, an instance for example: that is no answer.
fn found<T>(answer: Result<Response<T>, Status>, missing: &str) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::Unimplemented => Ok(None),
        Err(status) => {
            let failure = Failure::from(status);
            if failure.reason() == missing { Ok(None) } else { Err(failure) }
        }
    }
}

fn rerouting(order: &Order, number: usize) -> Result<&Reroute, Failure> {
    let found = number.checked_sub(1).and_then(|place| order.reroutes.get(place));
    found.ok_or_else(|| Failure::refused("NO_SUCH_REROUTE", format!("order has no rerouting {number}")))
}

fn cancelling(order: &Order, number: usize) -> Result<&LineCancel, Failure> {
    let found = number.checked_sub(1).and_then(|place| order.line_cancels.get(place));
    found.ok_or_else(|| Failure::refused("NO_SUCH_CANCELLATION", format!("order has no line cancellation {number}")))
}

fn not_possible(order: &Order, refund_id: &str, why: &str) -> Failure {
    let refund = order.refunds.iter().find(|refund| refund.id == refund_id);
    let amount = refund.and_then(|refund| order.money(refund.minor)).map(|amount| amount.to_string());
    let detail = format!(
        "channel {} has {why}: give {} back where it was paid, then resume the order; it is then taken as given back",
        order.channel,
        amount.unwrap_or_default()
    );
    Failure::refused("REFUND_NOT_POSSIBLE", detail)
}

fn broken(who: &str, field: &str) -> Failure {
    Failure::refused("BROKEN_ANSWER", format!("{who} answered without {field}; this is a defect of that service"))
}
