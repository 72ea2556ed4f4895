//! The sandbox held to the documents of the vendors it stands in for.

mod house;
mod netsuite;
mod orderbook;
mod salesforce;
mod shopify;
mod smtp;
mod stripe;
mod wire;
