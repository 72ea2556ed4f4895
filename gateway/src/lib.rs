//! The gateway. Owns: REST outside, gRPC inside.

mod transcode;
pub use transcode::*;
