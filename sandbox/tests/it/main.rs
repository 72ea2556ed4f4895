//! The sandbox held to the documents of the vendors it stands in for.

mod core;
mod netsuite;
mod orderbook;
mod salesforce;
mod shopify;
mod wire;
