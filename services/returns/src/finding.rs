//! Looking up customers, orders and purchases at their owners. Orders that Weft never saw are adopted on the way.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use retail_flow::Failure;
use retail_proto::customers::v1 as people;
use retail_proto::customers::v1::customers_service_client::CustomersServiceClient;
use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::timestamp;
use retail_proto::types::v1::{Money, Ref};
use retail_runtime::{Ids, Peer, PeerError, Runtime};
use tonic::{Code, Status};

use crate::books::Books;
use crate::config::Config;
use crate::day::millisecond;
use crate::line::{Line, Stage};
use crate::locate::{Found, Named, Purchase};
use crate::record::Return;
use crate::sale::{Sale, millionths};

/// A thousand-line order fits several times.
const LARGEST_ANSWER: usize = 16 << 20;
/// Lookups of one return that are under way at once.
const SIDE_BY_SIDE: usize = 8;
/// As the contract of the orders service says.
const CUSTOMERS_AT_ONCE: usize = 50;
const SKUS_AT_ONCE: usize = 1_000;

/// Looks things up.
#[derive(Clone)]
pub(crate) struct Finder {
    orders: Peer,
    customers: Peer,
    books: Books,
}

impl Finder {
    /// A finder over the peers of the configuration.
    pub(crate) fn new(config: &Config, runtime: &Runtime, books: Books) -> Result<Self, PeerError> {
        Ok(Self { orders: runtime.peer(&config.orders)?, customers: runtime.peer(&config.customers)?, books })
    }

    fn orders(&self) -> OrdersServiceClient<Peer> {
        OrdersServiceClient::new(self.orders.clone()).max_decoding_message_size(LARGEST_ANSWER)
    }

    fn customers(&self) -> CustomersServiceClient<Peer> {
        CustomersServiceClient::new(self.customers.clone())
    }

    /// The customer behind a system's own record; nobody is ever made a customer by a return.
    pub(crate) async fn customer(&self, record: &Ref) -> Result<Option<String>, Failure> {
        let request = people::FindCustomersRequest { system_id: Some(record.clone()), ..Default::default() };
        let found = self.customers().find_customers(request).await?.into_inner().customers;
        Ok(found.into_iter().next().map(|customer| customer.customer_id))
    }

    /// An order by our id.
    pub(crate) async fn sale(&self, order_id: &str) -> Result<Option<Sale>, Failure> {
        let request = orders::GetOrderRequest { order_id: order_id.to_owned() };
        let answer = found(self.orders().get_order(request).await)?;
        Ok(answer.and_then(|answer| answer.order).as_ref().map(Sale::from))
    }

    /// Takes what a credit pays of an order's invoice off what is still taken for it; answers how much that is, minor units.
    pub(crate) async fn take_off(
        &self,
        order_id: &str,
        reference: &str,
        amount: Money,
        key: String,
    ) -> Result<i64, Failure> {
        let request = orders::TakeReturnCreditRequest {
            idempotency_key: key,
            order_id: order_id.to_owned(),
            reference: reference.to_owned(),
            amount: Some(amount),
        };
        let answer = self.orders().take_return_credit(request).await?.into_inner();
        Ok(answer.taken_off.map_or(0, |taken_off| taken_off.minor_units))
    }

    /// An order by the channel's own id, adopted when Weft never saw it.
    pub(crate) async fn of_channel(&self, channel: &str, id: &str) -> Result<Option<orders::Order>, Failure> {
        self.adopt(channel, id, "").await
    }

    /// An order by the number the customer knows, adopted when Weft never saw it.
    async fn numbered(&self, channel: &str, number: &str) -> Result<Option<Sale>, Failure> {
        let request = orders::ListOrdersRequest { order_number: number.to_owned(), ..Default::default() };
        let listed = self.orders().list_orders(request).await?.into_inner().orders;
        let sales: Vec<Sale> = listed.iter().map(Sale::from).filter(|sale| sale.channel == channel).collect();
        // A number that was used again after a cancellation means the order that stands.
        let standing = sales.iter().find(|sale| !sale.is_cancelled).or(sales.first());
        match standing {
            Some(sale) => Ok(Some(sale.clone())),
            None => Ok(self.adopt(channel, "", number).await?.as_ref().map(Sale::from)),
        }
    }

    async fn adopt(&self, channel: &str, id: &str, number: &str) -> Result<Option<orders::Order>, Failure> {
        let request = orders::AdoptOrderRequest {
            idempotency_key: Ids::derived("weft.returns.adopt", &[channel, id, number]).to_string(),
            channel: channel.to_owned(),
            channel_order_id: id.to_owned(),
            order_number: number.to_owned(),
        };
        Ok(found(self.orders().adopt_order(request).await)?.and_then(|answer| answer.order))
    }

    /// Everything that the wanted lines of a return need to get their purchases.
    pub(crate) async fn locate(&self, record: &Return) -> Result<Found, Failure> {
        let wanted: Vec<&Line> = record.lines.iter().filter(|line| line.stage() == Stage::Wanted).collect();
        let names: BTreeSet<Named> = wanted.iter().filter_map(|line| line.named()).collect();
        let named: BTreeMap<Named, Option<Sale>> = stream::iter(names)
            .map(|name| async move {
                let sale = match &name {
                    Named::Id(id) => self.sale(id).await?,
                    Named::Number(number) => self.numbered(&record.channel, number).await?,
                };
                Ok::<_, Failure>((name, sale))
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        let mut found = Found { named, ..Found::default() };
        let skus: BTreeSet<String> =
            wanted.iter().filter(|line| line.named().is_none()).map(|line| line.sku.clone()).collect();
        if !skus.is_empty() && !record.customer_id.is_empty() {
            self.history(record, skus.into_iter().collect(), &mut found).await?;
        }
        self.lefts(&mut found).await?;
        Ok(found)
    }

    /// What the customer bought of these items before the wish, under whichever of its ids.
    async fn history(&self, record: &Return, skus: Vec<String>, into: &mut Found) -> Result<(), Failure> {
        let request = people::GetCustomerRequest { customer_id: record.customer_id.clone() };
        let answer = found(self.customers().get_customer(request).await)?;
        let Some(customer) = answer.and_then(|answer| answer.customer) else { return Ok(()) };
        let mut ids = customer.merged_ids.clone();
        ids.push(customer.customer_id.clone());
        into.customer_id = Some(customer.customer_id);
        for ids in ids.chunks(CUSTOMERS_AT_ONCE) {
            for skus in skus.chunks(SKUS_AT_ONCE) {
                let request = orders::FindPurchasesRequest {
                    customer_ids: ids.to_vec(),
                    skus: skus.to_vec(),
                    placed_until: Some(timestamp(record.requested_at)),
                };
                let purchases = self.orders().find_purchases(request).await?.into_inner().purchases;
                into.purchases.extend(purchases.into_iter().map(purchase));
            }
        }
        Ok(())
    }

    /// What is left of every line that may be taken.
    async fn lefts(&self, found: &mut Found) -> Result<(), Failure> {
        let mut ids: BTreeSet<String> = found.purchases.iter().map(|purchase| purchase.order_id.clone()).collect();
        ids.extend(found.named.values().flatten().map(|sale| sale.order_id.clone()));
        let books: BTreeMap<String, crate::allowance::Allowance> = stream::iter(ids)
            .map(|id| async move { self.books.of(&id).await.map(|books| (id, books)) })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        let claimed = |id: &str, line: i32| books.get(id).map_or(0, |books| books.claimed(line, None));
        for purchase in &mut found.purchases {
            purchase.left = purchase.bought.saturating_sub(claimed(&purchase.order_id, purchase.order_line));
        }
        for sale in found.named.values().flatten() {
            for sold in &sale.lines {
                let left = sold.ordered.saturating_sub(claimed(&sale.order_id, sold.number));
                found.left.insert((sale.order_id.clone(), sold.number), left);
            }
        }
        Ok(())
    }
}

fn purchase(bought: orders::Purchase) -> Purchase {
    Purchase {
        order_id: bought.order_id,
        order_number: bought.order_number,
        order_line: bought.line_number,
        sku: bought.sku,
        placed_at: bought.placed_at.as_ref().map_or(0, millisecond),
        bought: millionths(&bought.quantity),
        left: 0,
    }
}

/// NOT_FOUND is an answer, not a failure.
fn found<T>(answer: Result<tonic::Response<T>, Status>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}
