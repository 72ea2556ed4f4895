//! `weft day`: one order book, every book compared, one line of result; everything in one process, or a mesh that runs
//! elsewhere.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use retail_runtime::{Runtime, telemetry};

use crate::config::Config;
use crate::console;
use crate::feeding::{Feeding, Plan};
use crate::mesh;
use crate::verbs::elsewhere::Elsewhere;

/// Arguments of `weft day`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The order book; the first day of the data set when it is there, else a small one.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Webhooks delivered twice, in a thousand.
    #[arg(long, default_value_t = 200)]
    duplicates_per_mille: u32,
    /// Webhooks that are overtaken, in a thousand.
    #[arg(long, default_value_t = 100)]
    reorder_per_mille: u32,
    #[command(flatten)]
    elsewhere: Elsewhere,
}

impl Args {
    fn plan(&self) -> anyhow::Result<Plan> {
        let mut plan = Plan::new(self.csv.clone())?;
        plan.duplicates_per_mille = self.duplicates_per_mille;
        plan.reorder_per_mille = self.reorder_per_mille;
        Ok(plan)
    }
}

/// Runs the verb in `<data_dir>/day`; what an earlier day left there is forgotten first.
pub(crate) async fn run(mut config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let plan = args.plan()?;
    if let Some(mesh) = args.elsewhere.reach() {
        let runtime = Runtime::system("weft day");
        let report = Feeding::new(&runtime, mesh, plan)?.run().await?;
        report.tell();
        console::say(&report.line());
        return Ok(if report.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    config.listen.anywhere();
    config.gateway.listen.set_port(0);
    config.sandbox.listen = retail_sandbox::Listen::anywhere();
    // A directory of its own: a day begins with empty books, and nobody else's are touched.
    config.data_dir = config.data_dir.join("day");
    if config.data_dir.is_dir() {
        std::fs::remove_dir_all(&config.data_dir)?;
    }
    "warn".clone_into(&mut config.telemetry.level);
    let _telemetry = telemetry::start(&config.telemetry)?;
    let runtime = Runtime::system("weft");
    let grace = config.grace.get();
    let addresses = mesh::start(config, &runtime).await?;
    let report = Feeding::new(&runtime, &addresses, plan)?.run().await?;
    report.tell();
    runtime.stop();
    let clean = runtime.drained(grace).await;
    console::say(&report.line());
    Ok(if report.agrees() && clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
