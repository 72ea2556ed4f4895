//! NetSuite as an ERP of the mesh. Owns: the mapping between `retail.erp.v1` and SuiteTalk REST / SuiteQL, and what
//! NetSuite's errors mean. Refuses: any decision about an order, and any state but short-lived look-ups.
//! Canonical requests enter by gRPC in `erp.rs`, leave as the vendor's JSON from `wire.rs`; answers take the way back
//! through `map.rs`. Limits, tokens, repeats and breakers come from `platform/connect`.

mod booking;
mod catalogue;
mod changes;
mod changing;
mod client;
mod committed;
mod config;
mod crediting;
mod customer_credit;
mod describe;
mod erp;
mod fault;
mod finding;
mod flow;
mod inbound;
mod kits;
mod map;
mod path;
mod posting;
mod receipts;
mod receiving;
mod refunding;
mod request;
mod returning;
mod row;
mod signing;
mod tracking;
mod transferring;
mod wire;
mod zone;

use retail_connect::jwt::{JwtError, Signer};
use retail_connect::{Budget, Http, Lanes, SetupError, Snapshot, Tokens};
use retail_proto::MoneyError;
use retail_proto::erp::v1::erp_service_server::ErpServiceServer;
use retail_runtime::config::SecretString;
use retail_runtime::{Listener, Runtime, ServeError};
use tonic::service::Routes;

pub use config::Config;
pub use describe::{Effect, METHODS};
pub use erp::Connector;
pub use fault::Error;

/// Why the connector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The account cannot be reached as configured.
    #[error("http")]
    Http(#[from] SetupError),
    /// The signing key cannot be used.
    #[error("private_key")]
    Key(#[from] JwtError),
    /// The signing key cannot be read.
    #[error("private_key_file")]
    KeyFile(#[source] std::io::Error),
    /// Neither key nor file, or both.
    #[error("give exactly one of private_key and private_key_file")]
    OneKey,
    /// No such currency.
    #[error("currency")]
    Currency(#[from] MoneyError),
    /// No such time zone.
    #[error("time_zone")]
    TimeZone(#[source] jiff::Error),
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
}

impl Connector {
    /// A connector of one account. Nothing is called before the first request.
    pub fn new(config: &Config, runtime: &Runtime) -> Result<Self, StartError> {
        let budget = Budget::Concurrency(Lanes::new(config.concurrency, config.concurrency_ceiling));
        let open = Http::new(runtime, config.http.clone(), fault::SuiteTalk, budget)?;
        let audience = if config.audience.is_empty() {
            format!("{}{}", config.http.base_url.trim_end_matches('/'), signing::TOKEN_PATH)
        } else {
            config.audience.clone()
        };
        let tokens = Tokens::new(
            runtime.clock(),
            signing::ClientCredentials {
                http: open.clone(),
                clock: runtime.clock().clone(),
                ids: runtime.ids().clone(),
                signer: Signer::new(config.algorithm, &config.certificate_id, &key(config)?)?,
                client_id: config.client_id.clone(),
                audience,
            },
        );
        let suite = client::Suite::new(open.with_tokens(tokens));
        let clock = runtime.clock().clone();
        let currency = config.currency.parse()?;
        let catalogue = catalogue::Catalogue::new(suite.clone(), clock.clone(), config.freshness.into(), currency);
        let zone = zone::Zone(jiff::tz::TimeZone::get(&config.time_zone).map_err(StartError::TimeZone)?);
        let flows = flow::Flows {
            tracking: tracking::Tracking::new(suite.clone()),
            receipts: receipts::Receipts::new(suite.clone()),
            suite: suite.clone(),
            catalogue: catalogue.clone(),
            zone,
            instance: config.instance.clone(),
        };
        Ok(Self {
            instance: config.instance.clone(),
            subsidiary: config.subsidiary.clone(),
            adjustment_account: config.adjustment_account.clone(),
            refund_account: config.refund_account.clone(),
            overlap: config.overlap.into(),
            clock,
            suite,
            catalogue,
            flows,
        })
    }

    /// What the client did so far and the state of its budget.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.suite.http().snapshot()
    }
}

/// Serves the contract until the runtime stops.
pub async fn run(config: Config, runtime: Runtime, listener: Listener) -> Result<(), StartError> {
    let connector = Connector::new(&config, &runtime)?;
    runtime.serve_grpc(listener, Routes::new(ErpServiceServer::new(connector))).await?;
    Ok(())
}

fn key(config: &Config) -> Result<SecretString, StartError> {
    match (&config.private_key, &config.private_key_file) {
        (Some(key), None) => Ok(key.clone()),
        (None, Some(file)) => std::fs::read_to_string(file).map(SecretString::from).map_err(StartError::KeyFile),
        (None, None) | (Some(_), Some(_)) => Err(StartError::OneKey),
    }
}
