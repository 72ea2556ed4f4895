//! Shopify as a shop front of the mesh. Owns: the mapping between `retail.commerce.v1` and the GraphQL Admin API, its
//! webhooks, and what its errors mean. Refuses: any decision about an order or a number of stock, and any state.
//! Webhooks enter raw through `webhook.rs`, become canonical in `map.rs` and are handed to the owning service before
//! they are answered; calls enter by gRPC in `commerce.rs` and leave as documents of `document.rs` through `graphql.rs`.
//! Limits, tokens, repeats and breakers come from `platform/connect`.

mod allot;
mod answer;
mod cancelling;
mod catalogue;
mod collecting;
mod commerce;
mod config;
mod describe;
mod document;
mod editing;
mod fault;
mod fulfilment;
mod gid;
mod graphql;
mod map;
mod moving;
mod note;
mod refund;
mod refunding;
mod request;
mod sold;
mod standing;
mod stock;
mod taking_off;
mod tender;
mod token;
mod topic;
mod webhook;
mod wire;

use std::collections::BTreeMap;

use retail_connect::webhook::{BadSecrets, Secrets};
use retail_connect::{Bucket, Budget, Http, SetupError, Snapshot, Tokens};
use retail_proto::commerce::v1::commerce_service_server::CommerceServiceServer;
use retail_proto::customers::v1::customers_service_client::CustomersServiceClient;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::returns::v1::returns_service_client::ReturnsServiceClient;
use retail_runtime::{Listener, PeerError, Runtime, ServeError};
use tonic::service::Routes;

pub use commerce::Connector;
pub use config::Config;
pub use describe::{Effect, METHODS};
pub use fault::Error;

/// An order of a thousand lines is some hundred kilobytes; the webhook that tells of it is ten times that.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Why the connector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The shop cannot be reached as configured.
    #[error("http")]
    Http(#[from] SetupError),
    /// The webhook secrets cannot be used.
    #[error("client_secret or previous_secret")]
    Secrets(#[from] BadSecrets),
    /// The orders service has no such address.
    #[error("orders")]
    Orders(#[source] PeerError),
    /// The returns service has no such address.
    #[error("returns")]
    Returns(#[source] PeerError),
    /// The customers service has no such address.
    #[error("customers")]
    Customers(#[source] PeerError),
    /// Not a version of the Admin API.
    #[error("api_version {0:?} is not of the form 2026-10")]
    ApiVersion(String),
    /// Not the shop's id of a location.
    #[error("locations.{0} is no id of a location of the shop: a number in decimal digits")]
    Location(String),
    /// Without it any shop of the app could post orders.
    #[error("shop_domain is empty; write it like demo.myshopify.com")]
    ShopDomain,
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
}

impl Connector {
    /// A connector of one shop. Nothing is called before the first request.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(config: &Config, runtime: &Runtime) -> Result<Self, StartError> {
        if !is_version(&config.api_version) {
            return Err(StartError::ApiVersion(config.api_version.clone()));
        }
        if config.shop_domain.trim().is_empty() {
            return Err(StartError::ShopDomain);
        }
        let mut secrets = vec![config.client_secret.clone()];
        secrets.extend(config.previous_secret.clone());
        let mut locations = BTreeMap::new();
        for (code, id) in &config.locations {
            let id = gid::plain(id).ok_or_else(|| StartError::Location(code.clone()))?;
            locations.insert(code.clone(), id);
        }
        let budget = Budget::Rate(Bucket::new(config.points, config.points_per_second));
        let open = Http::new(runtime, config.http.clone(), fault::AdminApi, budget)?;
        let credentials = token::ClientCredentials {
            http: open.clone(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
        };
        let http = open.with_tokens(Tokens::new(runtime.clock(), credentials));
        let orders = OrdersServiceClient::new(runtime.peer(&config.orders).map_err(StartError::Orders)?)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let peer = |address: &Option<String>| address.as_deref().map(|address| runtime.peer(address)).transpose();
        let returns = peer(&config.returns).map_err(StartError::Returns)?.map(|peer| {
            ReturnsServiceClient::new(peer)
                .max_decoding_message_size(LARGEST_MESSAGE)
                .max_encoding_message_size(LARGEST_MESSAGE)
        });
        let customers = peer(&config.customers).map_err(StartError::Customers)?.map(CustomersServiceClient::new);
        Ok(Self {
            channel: map::Channel {
                instance: config.instance.clone(),
                brand: config.brand.clone(),
                market: config.market.clone(),
            },
            shop_domain: config.shop_domain.trim().to_lowercase(),
            locations,
            secrets: Secrets::new(secrets)?,
            webhook_patience: config.webhook_patience.into(),
            clock: runtime.clock().clone(),
            admin: graphql::Admin::new(http, &config.api_version),
            orders,
            returns,
            customers,
        })
    }

    /// The contract as a gRPC service.
    #[must_use]
    pub fn server(&self) -> CommerceServiceServer<Connector> {
        CommerceServiceServer::new(self.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE)
    }

    /// What the client did so far and the state of its budget.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.admin.http().snapshot()
    }
}

/// Serves the contract until the runtime stops.
///
/// # Errors
/// [`StartError`].
pub async fn run(config: Config, runtime: Runtime, listener: Listener) -> Result<(), StartError> {
    let connector = Connector::new(&config, &runtime)?;
    runtime.serve_grpc(listener, Routes::new(connector.server())).await?;
    Ok(())
}

/// `2026-10`: it becomes a part of every path.
fn is_version(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, month)| {
        let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        digits(year, 4) && digits(month, 2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_year_and_a_month_and_nothing_that_could_leave_its_place_in_the_path() {
        assert!(is_version("2026-10"));
        for wrong in ["", "unstable", "2026-1", "2026-10/../..", "202x-10", "2026-1a"] {
            assert!(!is_version(wrong), "{wrong}");
        }
    }
}
