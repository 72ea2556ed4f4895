//! The verbs, a file each.

pub(crate) mod all;
pub(crate) mod cases;
pub(crate) mod check;
pub(crate) mod customers;
pub(crate) mod day;
mod elsewhere;
pub(crate) mod exceptions;
pub(crate) mod feed;
pub(crate) mod lag;
pub(crate) mod messages;
pub(crate) mod orders;
mod rest;
pub(crate) mod returns;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod stock;
pub(crate) mod twin;
pub(crate) mod tx;

use clap::ValueEnum;

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For machines.
    Json,
}
