//! The gateway. Owns: the REST face of the contracts, JSON in and out, limits, idempotency keys, problem answers, streams
//! and the way in for webhooks. Refuses: any rule of a domain and any truth of its own; it keeps nothing. Requests enter
//! as HTTP, leave as gRPC to the service that owns them, and come back the same way. All routes and the OpenAPI document
//! are made from the contracts' descriptors at start.

mod config;
mod edge;
mod fault;
mod figures;
mod openapi;
mod problem;
mod routes;
mod start;
mod transcode;
mod upstream;

pub use config::{Auth, Config, Limits, Webhook};
pub use edge::Gateway;
pub use routes::{RouteError, TemplateError};
pub use start::StartError;
pub use transcode::{Broken, MessageId, Misfit, Schema, SchemaError, decode, decode_field, encode, encode_field};

use retail_runtime::Runtime;

/// Serves the contracts of the mesh until the runtime stops.
///
/// # Errors
/// [`StartError`] before the port is bound, or when it cannot be.
pub async fn run(config: Config, runtime: Runtime) -> Result<(), StartError> {
    let at = config.listen;
    let gateway = Gateway::new(config, &runtime, retail_proto::DESCRIPTORS)?;
    let listener = runtime.bind(at).await.map_err(|source| StartError::Listen { at, source })?;
    Ok(gateway.serve(listener).await?)
}
