//! `weft feed`: sells what an order book says through the shop's twin of a running mesh.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use retail_runtime::Runtime;

use crate::config::Config;
use crate::console;
use crate::feeding::{Feeding, Plan, Reach};
use crate::mesh::Addresses;
use crate::verbs::elsewhere::Elsewhere;

/// Arguments of `weft feed`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The order book, `.csv` or `.csv.gz`, columns of UCI Online Retail.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Webhooks a second; 0 is as fast as they are taken.
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Webhooks delivered twice, in a thousand.
    #[arg(long, default_value_t = 200)]
    duplicates_per_mille: u32,
    /// Webhooks that are overtaken, in a thousand.
    #[arg(long, default_value_t = 100)]
    reorder_per_mille: u32,
    #[command(flatten)]
    elsewhere: Elsewhere,
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft feed");
    let mesh = args.elsewhere.reach().unwrap_or_else(|| Reach::from(&Addresses::known(config)));
    let mut plan = Plan::new(args.csv)?;
    plan.rate_per_second = args.rate;
    plan.duplicates_per_mille = args.duplicates_per_mille;
    plan.reorder_per_mille = args.reorder_per_mille;
    let report = Feeding::new(&runtime, mesh, plan)?.run().await?;
    report.tell();
    console::say(&report.line());
    Ok(if report.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
