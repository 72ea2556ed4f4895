//! The sandbox held to the documents of the vendors it stands in for.

mod netsuite;
mod orderbook;
mod salesforce;
