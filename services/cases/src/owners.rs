//! Asking the owners themselves: only for a key that this service does not know. Each is waited for a short while; one
//! that does not answer makes its section unavailable and nothing else.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_proto::customers::v1 as people;
use retail_proto::customers::v1::customers_service_client::CustomersServiceClient;
use retail_proto::inventory::v1 as stock;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::returns::v1 as returns;
use retail_proto::returns::v1::returns_service_client::ReturnsServiceClient;
use retail_runtime::{Clock, Ids, Peer, deadline};
use tonic::{Code, Response, Status};

use crate::calls::{LARGEST_ANSWER, Peers};
use crate::config::{Channel, Config};

/// Why an owner said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silent {
    /// UPPER_SNAKE_CASE cause.
    pub(crate) reason: String,
    /// For people.
    pub(crate) detail: String,
}

/// What an owner knows: something, nothing, or it is silent.
pub(crate) type Told<T> = Result<Vec<T>, Silent>;

/// The owners.
#[derive(Clone)]
pub(crate) struct Owners {
    peers: Peers,
    clock: Clock,
    channels: BTreeMap<String, Channel>,
    patience: Duration,
    stock_patience: Duration,
}

impl Owners {
    /// These owners, asked with the patience of the configuration.
    pub(crate) fn new(peers: Peers, clock: &Clock, config: &Config) -> Self {
        Self {
            peers,
            clock: clock.clone(),
            channels: config.channels.clone(),
            patience: config.owner_patience.get(),
            stock_patience: config.inventory_patience.get(),
        }
    }

    async fn ask<T>(
        &self,
        who: &str,
        patience: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Option<T>, Silent> {
        let late = || {
            let detail = format!("{who} gave no answer within {} ms", patience.as_millis());
            Silent { reason: "NO_ANSWER".to_owned(), detail }
        };
        match self.clock.timeout(patience, deadline::within(patience, call)).await {
            Ok(Ok(answer)) => Ok(Some(answer.into_inner())),
            Ok(Err(status)) if status.code() == Code::NotFound => Ok(None),
            // The time is up, said by our own end of the call or by the other.
            Ok(Err(status)) if matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded) => Err(late()),
            Ok(Err(status)) => {
                let refusal = retail_runtime::fault::Refusal::read(&status);
                Err(Silent { reason: refusal.reason().to_owned(), detail: format!("{who}: {}", refusal.message()) })
            }
            Err(_) => Err(late()),
        }
    }

    fn orders(&self) -> OrdersServiceClient<Peer> {
        OrdersServiceClient::new(self.peers.orders.clone()).max_decoding_message_size(LARGEST_ANSWER)
    }

    fn returns(&self) -> ReturnsServiceClient<Peer> {
        ReturnsServiceClient::new(self.peers.returns.clone()).max_decoding_message_size(LARGEST_ANSWER)
    }

    fn customers(&self) -> CustomersServiceClient<Peer> {
        CustomersServiceClient::new(self.peers.customers.clone()).max_decoding_message_size(LARGEST_ANSWER)
    }

    /// The order with an id.
    pub(crate) async fn order(&self, order_id: &str) -> Told<orders::Order> {
        let request = orders::GetOrderRequest { order_id: order_id.to_owned() };
        let answer = self.ask("orders", self.patience, self.orders().get_order(request)).await?;
        Ok(answer.and_then(|answer| answer.order).into_iter().collect())
    }

    /// Orders with a number, as people type it: with or without the sign in front. One that Weft never saw is adopted
    /// from the channels that are configured for it.
    pub(crate) async fn orders_by_number(&self, number: &str) -> Told<orders::Order> {
        let bare = number.trim().trim_start_matches('#').to_owned();
        for order_number in [format!("#{bare}"), bare.clone()] {
            let request = orders::ListOrdersRequest { order_number, page_size: 10, ..Default::default() };
            let answer = self.ask("orders", self.patience, self.orders().list_orders(request)).await?;
            let found = answer.map(|answer| answer.orders).unwrap_or_default();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        self.adopt(number.trim()).await
    }

    async fn adopt(&self, number: &str) -> Told<orders::Order> {
        let mut silent = None;
        for (channel, _) in self.channels.iter().filter(|(_, channel)| channel.adopt) {
            let request = orders::AdoptOrderRequest {
                idempotency_key: Ids::derived("weft.adopt", &[channel, number]).to_string(),
                channel: channel.clone(),
                order_number: number.to_owned(),
                ..Default::default()
            };
            match self.ask("orders", self.patience, self.orders().adopt_order(request)).await {
                Ok(Some(answer)) if answer.order.is_some() => return Ok(answer.order.into_iter().collect()),
                Ok(_) => {}
                Err(why) => silent = Some(why),
            }
        }
        silent.map_or(Ok(Vec::new()), Err)
    }

    /// The return with an id.
    pub(crate) async fn return_record(&self, return_id: &str) -> Told<returns::Return> {
        let request = returns::GetReturnRequest { return_id: return_id.to_owned() };
        let answer = self.ask("returns", self.patience, self.returns().get_return(request)).await?;
        Ok(answer.and_then(|answer| answer.return_record).into_iter().collect())
    }

    /// Returns with an RMA number.
    pub(crate) async fn returns_by_number(&self, number: &str) -> Told<returns::Return> {
        let rma_number = number.trim().to_owned();
        let request = returns::ListReturnsRequest { rma_number, page_size: 10, ..Default::default() };
        let answer = self.ask("returns", self.patience, self.returns().list_returns(request)).await?;
        Ok(answer.map(|answer| answer.returns).unwrap_or_default())
    }

    /// The customer with an id, or the one that it stands for.
    pub(crate) async fn customer(&self, customer_id: &str) -> Told<people::Customer> {
        let request = people::GetCustomerRequest { customer_id: customer_id.to_owned() };
        let answer = self.ask("customers", self.patience, self.customers().get_customer(request)).await?;
        Ok(answer.and_then(|answer| answer.customer).into_iter().collect())
    }

    /// Customers with an e-mail or a phone.
    pub(crate) async fn customers_by(&self, email: &str, phone: &str) -> Told<people::Customer> {
        let request =
            people::FindCustomersRequest { email: email.to_owned(), phone: phone.to_owned(), system_id: None };
        let answer = self.ask("customers", self.patience, self.customers().find_customers(request)).await?;
        Ok(answer.map(|answer| answer.customers).unwrap_or_default())
    }

    /// The case with an id or a number, at whichever CRM has it; with its instance.
    pub(crate) async fn case(&self, case_id: &str, case_number: &str) -> Told<(String, crm::Case)> {
        let mut silent = None;
        for (instance, peer) in &self.peers.crms {
            match self.case_at(instance, peer, case_id, case_number).await {
                Ok(Some(case)) => return Ok(vec![(instance.clone(), case)]),
                Ok(None) => {}
                Err(why) => silent = Some(why),
            }
        }
        silent.map_or(Ok(Vec::new()), Err)
    }

    async fn case_at(
        &self,
        instance: &str,
        peer: &Peer,
        case_id: &str,
        case_number: &str,
    ) -> Result<Option<crm::Case>, Silent> {
        let request = crm::GetCaseRequest {
            instance: instance.to_owned(),
            case_id: case_id.to_owned(),
            case_number: case_number.to_owned(),
        };
        let call = async { CrmServiceClient::new(peer.clone()).get_case(request).await };
        let answer = self.ask(instance, self.patience, call).await?;
        Ok(answer.and_then(|answer| answer.case_record))
    }

    /// Stock of these items, everywhere.
    pub(crate) async fn availability(&self, skus: Vec<String>) -> Told<stock::Availability> {
        let request = stock::GetAvailabilityRequest { skus, location: String::new() };
        let mut client =
            InventoryServiceClient::new(self.peers.inventory.clone()).max_decoding_message_size(LARGEST_ANSWER);
        let answer = self.ask("inventory", self.stock_patience, client.get_availability(request)).await?;
        Ok(answer.map(|answer| answer.rows).unwrap_or_default())
    }
}
