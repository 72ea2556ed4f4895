//! What keeps the gateway from starting. All of it is found before a port is bound.

use retail_runtime::{PeerError, ServeError};

use crate::routes::RouteError;
use crate::transcode::SchemaError;

/// A configuration or a contract that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The descriptor set is broken.
    #[error("the contracts cannot be read")]
    Descriptors(#[source] prost_reflect::DescriptorError),
    /// A message has no JSON form.
    #[error("a contract has no JSON form")]
    Schema(#[from] SchemaError),
    /// A route is broken.
    #[error("a route cannot be served")]
    Route(#[from] RouteError),
    /// An address is broken.
    #[error("an upstream cannot be reached")]
    Peer(#[from] PeerError),
    /// A name in `upstreams` is no service of the contracts.
    #[error(
        "upstreams: no contract has a service {service:?}; write its full name, as in retail.orders.v1.OrdersService"
    )]
    NoService {
        /// The name as configured.
        service: String,
    },
    /// A kind in `webhooks` has no contract that takes them.
    #[error("webhooks.{instance}: no contract of kind {kind:?} takes webhooks; use one such as commerce")]
    NoKind {
        /// The kind as configured.
        kind: String,
        /// The instance it was configured for.
        instance: String,
    },
    /// The listener ended.
    #[error("the gateway cannot go on serving")]
    Serve(#[from] ServeError),
    /// The address to listen on is taken or not ours.
    #[error("cannot listen on {at}")]
    Listen {
        /// The address.
        at: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
