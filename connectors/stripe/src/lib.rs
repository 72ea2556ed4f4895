//! Stripe as a payment service of the mesh. Owns: the mapping between `retail.payments.v1` and Stripe's API v1, its
//! webhooks, and what its errors mean. Refuses: card data, any decision about an order, and any state.
//! Calls enter by gRPC in `payments.rs`, look at the payment (`reading.rs`), are judged by pure rules (`authorize.rs`,
//! `capture.rs`, `refund.rs`) and leave as forms through `api.rs`. Webhooks enter raw through `webhook.rs`, are only a hint
//! which payment to read, and are answered after the owner of payment facts has it. Limits, repeats and breakers come from
//! `platform/connect`.

mod adopt;
mod amount;
mod api;
mod authorize;
mod cancel;
mod capture;
mod changes;
mod config;
mod describe;
mod fault;
mod map;
mod note;
mod payments;
mod reading;
mod refund;
mod request;
mod signature;
mod webhook;
mod wire;

use retail_connect::webhook::{BadSecrets, Secrets};
use retail_connect::{Bucket, Budget, Http, SetupError, Snapshot};
use retail_proto::payments::v1::payment_facts_service_client::PaymentFactsServiceClient;
use retail_proto::payments::v1::payments_service_server::PaymentsServiceServer;
use retail_runtime::{Listener, PeerError, Runtime, ServeError};
use secrecy::ExposeSecret as _;
use tonic::service::Routes;

pub use config::Config;
pub use describe::{Effect, METHODS};
pub use fault::Error;
pub use payments::Connector;

/// Metadata keys are searched one by one.
const MOST_ORDER_KEYS: usize = 3;

/// Why the connector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Stripe cannot be reached as configured.
    #[error("http")]
    Http(#[from] SetupError),
    /// The webhook secrets cannot be used.
    #[error("webhook_secret or previous_webhook_secret")]
    Secrets(#[from] BadSecrets),
    /// The owner of payment facts has no such address.
    #[error("facts")]
    Facts(#[source] PeerError),
    /// Not a version of the API.
    #[error("api_version {0:?} is not of the form 2026-10-28.endive")]
    ApiVersion(String),
    /// Not a key that a server uses.
    #[error("secret_key is neither sk_... nor rk_...")]
    SecretKey,
    /// More metadata keys than are searched, or one that cannot be.
    #[error("shop_order_keys takes at most 3 keys of 1 to 40 letters, digits, _ and -")]
    OrderKeys,
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
}

impl Connector {
    /// A connector of one account. Nothing is called before the first request.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(config: &Config, runtime: &Runtime) -> Result<Self, StartError> {
        if !is_version(&config.api_version) {
            return Err(StartError::ApiVersion(config.api_version.clone()));
        }
        let key = config.secret_key.expose_secret();
        if !(key.starts_with("sk_") || key.starts_with("rk_")) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StartError::SecretKey);
        }
        let searchable = |key: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            (1..=40).contains(&key.len()) && key.bytes().all(plain)
        };
        if config.shop_order_keys.len() > MOST_ORDER_KEYS || !config.shop_order_keys.iter().all(searchable) {
            return Err(StartError::OrderKeys);
        }
        let mut secrets = vec![config.webhook_secret.clone()];
        secrets.extend(config.previous_webhook_secret.clone());
        let budget = Budget::Rate(Bucket::new(config.calls_per_second.max(1), config.calls_per_second));
        let http = Http::new(runtime, config.http.clone(), fault::ApiV1, budget)?;
        let facts = config.facts.as_deref().map(|address| runtime.peer(address)).transpose();
        Ok(Self {
            account: map::Account {
                instance: config.instance.clone(),
                shop_order_keys: config.shop_order_keys.clone(),
                live: key.contains("_live_"),
            },
            secrets: Secrets::new(secrets)?,
            tolerance: config.tolerance.into(),
            webhook_patience: config.webhook_patience.into(),
            overlap: config.overlap.into(),
            clock: runtime.clock().clone(),
            api: api::Api::new(http, &config.api_version, config.secret_key.clone()),
            facts: facts.map_err(StartError::Facts)?.map(PaymentFactsServiceClient::new),
        })
    }

    /// The contract as a gRPC service.
    #[must_use]
    pub fn server(&self) -> PaymentsServiceServer<Connector> {
        PaymentsServiceServer::new(self.clone())
    }

    /// What the client did so far and the state of its budget.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.api.http().snapshot()
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

/// `2026-10-28.endive`: a date, and since 2024 the name of a release.
fn is_version(text: &str) -> bool {
    let (date, name) = text.split_once('.').unwrap_or((text, "release"));
    let dated = date.len() == 10
        && date
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    dated && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_date_and_a_name() {
        for good in ["2026-10-28.endive", "2023-10-16"] {
            assert!(is_version(good), "{good}");
        }
        for wrong in ["", "2026-10", "2026-10-28.", "2026-10-28.Endive", "2026/10/28", "2026-10-28\r\nx"] {
            assert!(!is_version(wrong), "{wrong}");
        }
    }
}
