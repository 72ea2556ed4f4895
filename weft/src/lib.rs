//! The one binary, as a library for its tests. Every service, connector and twin is a library of its own; this room
//! owns the ways to run them and the operator's verbs, and refuses any rule of a domain. `mesh.rs` starts everything in
//! one process, `feeding.rs` sells an order book and compares every book, `weft.toml` is the built-in configuration.

mod answer;
pub mod bundles;
pub mod config;
mod console;
pub mod feeding;
mod keys;
pub mod mesh;
mod readiness;
mod verbs;
pub mod wire;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Bad configuration, as sysexits calls it.
const EXIT_CONFIG: u8 = 64;

/// The thread that runs through every system of a retailer.
#[derive(Parser)]
#[command(name = "weft", version, about)]
struct Cli {
    /// Configuration file; the built-in one suits a laptop.
    #[arg(long, global = true, env = "WEFT_CONFIG")]
    config: Option<PathBuf>,
    /// Where data is kept.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Everything in one process, with twins of the vendors.
    All(verbs::all::Args),
    /// One service or connector, as deployed.
    Run(verbs::run::Args),
    /// The vendors' twins alone.
    Sandbox,
    /// Start, feed one day, compare every book, end; one line of result.
    Day(verbs::day::Args),
    /// Sell what an order book says through the shop's twin.
    Feed(verbs::feed::Args),
    /// Look into a twin, plant a fault, move its clock.
    Twin(verbs::twin::Args),
    /// Transactions: what happened to an order, step by step.
    Tx(verbs::tx::Args),
    /// Orders: where one stands and ships from, queues, pickups, another place for what a place cannot fulfil.
    Order(verbs::orders::Args),
    /// Returns: what may come back, what has, and what waits.
    Return(verbs::returns::Args),
    /// Cases: everything about a customer's affair in one call.
    Case(verbs::cases::Args),
    /// Messages: what customers were told, and telling it again.
    Message(verbs::messages::Args),
    /// Customers: who somebody is, merged and taken apart, consent.
    Customer(verbs::customers::Args),
    /// Stock: what may be sold, what is short, feeds of counts and movements from files.
    Stock(verbs::stock::Args),
    /// Everything that waits for a person.
    Exceptions(verbs::exceptions::Args),
    /// How far the followers of each service's feed are behind.
    Lag(verbs::lag::Args),
    /// Read the configuration and say what is wrong, without starting.
    CheckConfig,
    /// Say what is missing or misconfigured, one line each with the mend.
    Doctor,
}

/// Whether the binary takes this command line, its own name first: for those who write it down elsewhere.
///
/// # Errors
/// What is wrong with it.
pub fn takes(line: &[OsString]) -> anyhow::Result<()> {
    let cli = Cli::try_parse_from(line)?;
    if let Verb::Run(args) = cli.verb {
        args.name()?;
    }
    Ok(())
}

/// What the binary does.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match config::load(cli.config.as_deref(), cli.data_dir.clone()) {
        Ok(config) => config,
        Err(error) => {
            console::complain(&format!("configuration: {error:#}"));
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            console::complain(&format!("cannot start threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(async {
        match cli.verb {
            // The whole configuration travels with these two: too much for a stack.
            Verb::All(args) => Box::pin(verbs::all::run(config, args)).await,
            Verb::Run(args) => verbs::run::run(config, args).await,
            Verb::Sandbox => verbs::sandbox::run(config).await,
            Verb::Day(args) => Box::pin(verbs::day::run(config, args)).await,
            Verb::Feed(args) => verbs::feed::run(&config, args).await,
            Verb::Twin(args) => verbs::twin::run(&config, args).await,
            Verb::Tx(args) => verbs::tx::run(&config, args).await,
            Verb::Order(args) => verbs::orders::run(&config, args).await,
            Verb::Return(args) => verbs::returns::run(&config, args).await,
            Verb::Case(args) => verbs::cases::run(&config, args).await,
            Verb::Message(args) => verbs::messages::run(&config, args).await,
            Verb::Customer(args) => verbs::customers::run(&config, args).await,
            Verb::Stock(args) => verbs::stock::run(&config, args).await,
            Verb::Exceptions(args) => verbs::exceptions::run(&config, args).await,
            Verb::Lag(args) => verbs::lag::run(&config, args).await,
            Verb::CheckConfig => verbs::check::config(&config),
            Verb::Doctor => verbs::check::doctor(&config).await,
        }
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            console::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
