//! The gateway's configuration: where it listens, whom it asks, what it refuses.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use retail_runtime::config::Span;
use serde::Deserialize;

/// Everything the gateway can be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address under which callers and vendors reach this gateway, without a slash at its end. Signatures of webhooks
    /// are over it, so it never comes from the Host header.
    pub public_url: String,
    /// Whom to trust.
    pub auth: Auth,
    /// Address of each service by its full name: `"retail.orders.v1.OrdersService" = "http://127.0.0.1:7101"`. The
    /// routes of a service that is not named here are not served.
    pub upstreams: BTreeMap<String, String>,
    /// The systems that may send webhooks, by instance: `POST /webhooks/<kind>/<instance>`.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Methods whose bodies may have `bulk_body_bytes`, by full name: `retail.orders.v1.OrdersService/ImportOrders`.
    pub bulk: Vec<String>,
    /// Headers of callers that are passed on to services, every value of each, lower case.
    pub forward_headers: Vec<String>,
    /// What is refused.
    pub limits: Limits,
}

/// Whom the gateway trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Nobody: every call answers 401.
    #[default]
    Refuse,
    /// Everybody, as the principal `development` with every permission. For laptops and tests.
    Development,
}

/// A system that sends webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Kind of system, a contract with `AcceptWebhook`: `commerce` is `retail.commerce.v1.CommerceService`.
    pub kind: String,
    /// Address of its connector: `http://127.0.0.1:7201`.
    pub upstream: String,
}

/// Limits. Sizes are bytes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Path and query of a request; above it 414.
    pub address_bytes: usize,
    /// Body of a request; above it 413.
    pub body_bytes: usize,
    /// Body of a request to a method that `bulk` names.
    pub bulk_body_bytes: usize,
    /// Body of a webhook.
    pub webhook_body_bytes: usize,
    /// One protobuf message from or to a service.
    pub message_bytes: usize,
    /// Longest silence within a body; then 408.
    pub body_idle: Span,
    /// Whole request, body and answer; then 504. `X-Request-Timeout` may shorten it.
    pub request: Span,
    /// Longest life of a stream; callers open it again.
    pub stream: Span,
    /// Silence after which a sign of life is sent on an event stream.
    pub stream_heartbeat: Span,
    /// Requests under way at once; above it 503.
    pub in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one peer at once.
    pub connections_per_peer: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: "http://127.0.0.1:8080".to_owned(),
            auth: Auth::default(),
            upstreams: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            bulk: Vec::new(),
            forward_headers: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            address_bytes: 8 << 10,
            body_bytes: 1 << 20,
            bulk_body_bytes: 10 << 20,
            webhook_body_bytes: 2 << 20,
            message_bytes: 16 << 20,
            body_idle: Span::from_secs(10),
            request: Span::from_secs(30),
            stream: Span::from_secs(3_600),
            stream_heartbeat: Span::from_secs(15),
            in_flight: 2_048,
            connections: 10_000,
            connections_per_peer: 256,
        }
    }
}
