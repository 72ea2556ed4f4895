//! `weft all`: everything and the twins in one process, until a signal. With `--demo` it also sells, breaks something
//! on purpose and shows it recovered.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use retail_runtime::{Runtime, telemetry};
use serde_json::json;

use crate::config::Config;
use crate::console;
use crate::feeding::{Feeding, Plan};
use crate::mesh::{self, Addresses, url};
use crate::wire::Wire;

/// Arguments of `weft all`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Sell an order book after the start, with a planted fault, and print a summary.
    #[arg(long)]
    demo: bool,
    /// The order book of the demo; the first day of the data set when it is there, else a small one.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// End after the demo instead of staying up.
    #[arg(long, requires = "demo")]
    exit: bool,
}

/// Runs the verb until a signal.
pub(crate) async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(&config.telemetry)?;
    let runtime = Runtime::system("weft");
    let grace = config.grace.get();
    let started = runtime.clock().monotonic();
    let addresses = mesh::start(config, &runtime).await?;
    let ready = runtime.clock().monotonic().saturating_sub(started);
    console::say(&format!("ready after {} ms", ready.as_millis()));
    tell(&addresses);
    let mut code = ExitCode::SUCCESS;
    if args.demo {
        let stopping = runtime.stopping();
        tokio::select! {
            shown = demo(&runtime, &addresses, args.csv) => if !shown? { code = ExitCode::FAILURE },
            () = stopping.cancelled() => {}
        }
        tell(&addresses);
        if args.exit {
            runtime.stop();
        }
    }
    let clean = runtime.run_until_signal(grace).await?;
    Ok(if clean { code } else { ExitCode::FAILURE })
}

fn tell(at: &Addresses) {
    console::say(&format!("  API       {}/v1/orders   (OpenAPI: {}/openapi.json)", url(at.gateway), url(at.gateway)));
    let services: Vec<String> = at.services().iter().map(|(name, at)| format!("{name} {at}")).collect();
    console::say(&format!("  gRPC      {}", services.join("  ")));
    console::say(&format!("  metrics   {}/metrics", url(at.metrics)));
    console::say(&format!("  twins     {}/__sandbox/books", url(at.sandbox)));
}

/// Sells, with the ERP answering 500 after it has committed for a while.
async fn demo(runtime: &Runtime, addresses: &Addresses, csv: Option<PathBuf>) -> anyhow::Result<bool> {
    let wire = Wire::to(runtime, &url(addresses.sandbox))?;
    let fault = json!({"kind": "error_after_commit", "times": 5, "path_contains": "salesOrder", "method": "PUT"});
    wire.post("/__sandbox/netsuite/faults", &fault).await?;
    console::say("planted: the ERP commits the next 5 sales orders and answers 500");
    let report = Feeding::new(runtime, addresses, Plan::new(csv)?)?.run().await?;
    report.tell();
    let struck = wire.get("/__sandbox/netsuite/faults").await?;
    let times = struck.as_array().and_then(|all| all.first()).and_then(|fault| fault.get("struck")).cloned();
    let times = times.unwrap_or_default();
    let ending = if report.agrees() {
        "every order was found by look-up, none was made twice"
    } else {
        "the books do not agree; look at `weft tx list`"
    };
    console::say(&format!("the planted fault struck {times} times: {ending}"));
    Ok(report.agrees())
}
