//! Salesforce as a CRM of the mesh. Owns the words of Salesforce: its REST resources, its errors, its tokens, and the
//! records that stand for customers, orders, returns, cases and availability there. Refuses to decide anything about
//! them: it maps, sends and reads. Calls enter as `retail.crm.v1.CrmService` and leave as requests keyed by our ids, safe
//! to repeat; an older version never overwrites a newer one, which a validation rule of Weft's package in the org holds
//! (`README.md`).

mod auth;
mod availability;
mod cases;
mod contexts;
mod crm;
mod fault;
mod map;
mod milestones;
mod model;
mod polling;
mod returns;
mod sending;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use retail_connect::jwt::JwtError;
use retail_connect::{Budget, Http, HttpConfig, Lanes, SetupError, Snapshot, Tokens};
use retail_proto::crm::v1::crm_service_server::CrmServiceServer;
use retail_proto::types::v1::{Capability, Description, Poster};
use retail_runtime::config::Span;
use retail_runtime::{Runtime, ServeError};
use serde::Deserialize;
use tonic::service::Routes;

pub use auth::Auth;
pub use fault::Error;
pub use map::Unreadable;

/// The API version that is spoken.
pub const API_VERSION: &str = "v66.0";

/// One org and how to reach it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the contract is served.
    #[serde(default = "port_7203")]
    pub listen: SocketAddr,
    /// Name of this instance in requests and references, for example `salesforce-main`.
    pub instance: String,
    /// The org; `base_url` is its My Domain address, for example `https://acme.my.salesforce.com`.
    pub http: HttpConfig,
    /// How we prove who we are.
    pub auth: Auth,
    /// Calls at once to begin with.
    #[serde(default = "eight")]
    pub concurrency: usize,
    /// Calls at once that the adaptive limit never exceeds; the org allows 25 long ones in all.
    #[serde(default = "sixteen")]
    pub concurrency_ceiling: usize,
    /// How long a token counts as fresh; the org tells no life time and lets one die after idle hours.
    #[serde(default = "three_quarters_of_an_hour")]
    pub token_fresh: Span,
    /// Name that our writes carry in the org's change events, so that we know our own.
    #[serde(default = "weft")]
    pub client: String,
    /// Upper end of the random pause before a record that was busy is tried again.
    #[serde(default = "half_a_second")]
    pub busy_pause: Span,
    /// How far a poll of cases looks back behind its newest change: changes become visible later than their stamps say.
    #[serde(default = "two_minutes")]
    pub overlap: Span,
    /// How long the connector believes what the org's describe said of `ReturnOrder` before it asks again.
    #[serde(default = "a_quarter_of_an_hour")]
    pub describe_fresh: Span,
}

fn port_7203() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 7203))
}

fn eight() -> usize {
    8
}

fn sixteen() -> usize {
    16
}

fn three_quarters_of_an_hour() -> Span {
    Span::from_secs(45 * 60)
}

fn weft() -> String {
    "weft".to_owned()
}

fn half_a_second() -> Span {
    Span::from_millis(500)
}

fn two_minutes() -> Span {
    Span::from_secs(2 * 60)
}

fn a_quarter_of_an_hour() -> Span {
    Span::from_secs(15 * 60)
}

/// Why the connector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The client cannot be made.
    #[error("cannot use the http settings of the salesforce connector")]
    Http(#[from] SetupError),
    /// The key cannot sign.
    #[error("cannot use auth.private_key of the salesforce connector")]
    Key(#[from] JwtError),
    /// The port cannot be had.
    #[error("cannot listen on {at}")]
    Bind {
        /// The address.
        at: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Serving ended badly.
    #[error("cannot serve the salesforce connector")]
    Serve(#[from] ServeError),
}

/// The connector. Clones share connections, token and budget.
#[derive(Debug, Clone)]
pub struct Salesforce {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    instance: String,
    client: String,
    busy_pause: Span,
    overlap: Span,
    describe_fresh: Span,
    described: Mutex<Option<model::Described>>,
    http: Http,
    runtime: Runtime,
}

impl Salesforce {
    /// A connector of one org. Nothing is sent before the first call.
    ///
    /// # Errors
    /// [`StartError`] when address, roots or key cannot be used.
    pub fn new(runtime: &Runtime, config: Config) -> Result<Salesforce, StartError> {
        let budget = Budget::Concurrency(Lanes::new(config.concurrency, config.concurrency_ceiling));
        let http = Http::new(runtime, config.http, fault::Edge, budget)?;
        let login = auth::Login::new(&http, runtime.clock(), config.auth, config.token_fresh)?;
        let http = http.with_tokens(Tokens::new(runtime.clock(), login));
        let runtime = runtime.clone();
        let shared = Shared {
            instance: config.instance,
            client: config.client,
            busy_pause: config.busy_pause,
            overlap: config.overlap,
            describe_fresh: config.describe_fresh,
            described: Mutex::default(),
            http,
            runtime,
        };
        Ok(Salesforce { shared: Arc::new(shared) })
    }

    /// The contract as a gRPC service.
    #[must_use]
    pub fn server(&self) -> CrmServiceServer<Salesforce> {
        CrmServiceServer::new(self.clone())
    }

    /// What the client did so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.http.snapshot()
    }

    /// What the connector says of itself; a test holds it against the code.
    #[must_use]
    pub fn description() -> Description {
        let capability = |method: &str, effect_class: &str| Capability {
            method: method.to_owned(),
            effect_class: effect_class.to_owned(),
            poster: Poster::Weft.into(),
        };
        Description {
            vendor: "Salesforce".to_owned(),
            api_version: API_VERSION.to_owned(),
            capabilities: vec![
                capability("Describe", "read"),
                capability("UpsertCustomer", "keyed"),
                capability("UpsertOrderContext", "keyed"),
                capability("GetOrderContext", "read"),
                capability("UpsertReturnContext", "keyed"),
                capability("RecordMilestones", "keyed"),
                capability("LinkCase", "keyed"),
                capability("GetCase", "read"),
                capability("PollCases", "read"),
                capability("RecordAvailability", "keyed"),
                capability("ListAvailability", "read"),
            ],
        }
    }
}

/// Serves one org until the runtime stops.
///
/// # Errors
/// [`StartError`].
pub async fn run(config: Config, runtime: Runtime) -> Result<(), StartError> {
    let at = config.listen;
    let salesforce = Salesforce::new(&runtime, config)?;
    let listener = runtime.bind(at).await.map_err(|source| StartError::Bind { at, source })?;
    Ok(runtime.serve_grpc(listener, Routes::new(salesforce.server())).await?)
}
