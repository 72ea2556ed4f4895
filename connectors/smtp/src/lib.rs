//! E-mail by SMTP as a carrier of the mesh. Owns: the words of `retail.notify.v1` (templates by occasion, locale and brand),
//! the message made of them, and the dialogue with one relay. Refuses: any decision on who is told what, any state, and any
//! claim to know what it does not: SMTP has no read-back. Requests enter by gRPC in `notify.rs`, are checked (`request.rs`),
//! worded (`words.rs`), written (`letter.rs`) and handed over (`relay.rs`, `dialogue.rs`); `verdict.rs` says what the relay's
//! answer means, and how far a message got when there was none.

mod address;
mod config;
mod describe;
mod dialogue;
mod facts;
mod fault;
mod letter;
mod locale;
mod notify;
mod occasion;
mod relay;
mod reply;
mod request;
mod secure;
mod start;
mod verdict;
mod words;

pub use config::{Brand, Config, Relay, Sender, Tls, Wording};
pub use describe::{Effect, METHODS};
pub use fault::Error;
pub use notify::Connector;
pub use secure::BadRoots;
pub use start::{StartError, run};
pub use words::BadWords;
