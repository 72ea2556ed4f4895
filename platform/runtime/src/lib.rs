//! What every process of the mesh stands on. Owns: time, chance, ids, the network, tasks and their end, gRPC and HTTP
//! listeners, errors on the wire, traces, figures, deadlines, configuration, telemetry. Refuses: any knowledge of a domain
//! or a vendor. Everything that could differ between two runs comes from here, so that a simulator can hold it.

mod accepted;
mod clock;
pub mod config;
pub mod deadline;
pub mod fault;
mod grpc;
pub mod http;
mod ids;
pub mod metrics;
mod net;
mod peer;
mod preface;
mod readiness;
mod reflection;
mod rng;
mod runtime;
pub mod sabotage;
pub mod telemetry;
pub mod trace;

pub use clock::{Clock, Elapsed, ManualTime, TimeSource};
pub use grpc::{LIVE, Outbound, ServeError, headers_of};
pub use http::{BoxError, HttpBody, HttpLimits};
pub use ids::Ids;
pub use jiff::Timestamp;
pub use metrics::Metrics;
pub use net::{Accept, Io, Listener, Net, Network};
pub use peer::{Balanced, Peer, PeerError};
pub use readiness::Condition;
pub use rng::Rng;
pub use runtime::{Drain, Runtime};
