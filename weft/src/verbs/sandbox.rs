//! `weft sandbox`: the twins alone.

use std::process::ExitCode;

use retail_runtime::{Runtime, telemetry};
use retail_sandbox::Sandbox;

use crate::config::Config;
use crate::console;

/// Runs the verb until a signal.
pub(crate) async fn run(mut config: Config) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(&config.telemetry)?;
    let runtime = Runtime::system("sandbox");
    config.sandbox.dir.get_or_insert_with(|| config.data_dir.join("sandbox"));
    let at = Sandbox::start(&runtime, config.sandbox.clone()).await?;
    let stripe = at.stripe.map(|stripe| format!(" stripe http://{stripe}")).unwrap_or_default();
    let smtp = at.smtp.map(|smtp| format!(" smtp {smtp}")).unwrap_or_default();
    console::say(&format!(
        "twins: shopify http://{} netsuite http://{} salesforce http://{}{stripe}{smtp} control http://{}/__sandbox/books",
        at.shopify, at.netsuite, at.salesforce, at.control
    ));
    let clean = runtime.run_until_signal(config.grace.get()).await?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
