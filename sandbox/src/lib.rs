//! Twins of the vendors, written from their documents: they speak the vendors' protocols over real sockets and keep
//! books of their own. Owns the twins, their faults, their clock and the order book that feeds the shop. Refuses any
//! knowledge of the mesh: no connector, no `retail.*` message. Data enters through the vendors' doors, `/__sandbox`
//! and [`orderbook`]; it leaves as answers, as the shop's webhooks and as the books that tests assert on.

pub mod books;
mod clock;
mod control;
mod faults;
pub mod netsuite;
pub mod orderbook;
mod requests;
pub mod salesforce;
pub mod seed;
mod serve;
pub mod shopify;
pub mod smtp;
pub mod stripe;
pub mod twin;

mod start;

pub use clock::TwinClock;
pub use seed::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};
pub use start::{Config, Error, Listen, Running, Sandbox};
