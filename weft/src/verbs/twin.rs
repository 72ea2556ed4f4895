//! `weft twin`: what a vendor's books say, a fault to plant, its clock to move.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use retail_runtime::Runtime;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::console;
use crate::mesh::{Addresses, url};
use crate::verbs::Output;
use crate::wire::Wire;

/// Arguments of `weft twin`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What each vendor has in its books.
    Books {
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Plants a fault: status, reset_after_commit, error_after_commit, reset_before, late_commit, delay, truncate,
    /// expire_tokens.
    Fault {
        /// shopify, netsuite, salesforce, stripe or smtp.
        vendor: String,
        /// What goes wrong.
        #[arg(long)]
        kind: String,
        /// HTTP status for `status`.
        #[arg(long)]
        status: Option<u16>,
        /// Milliseconds for `delay` and `late_commit`.
        #[arg(long)]
        ms: Option<u64>,
        /// How often; 0 is always.
        #[arg(long, default_value_t = 1)]
        times: u64,
        /// In so many of a thousand requests.
        #[arg(long)]
        per_mille: Option<u32>,
        /// Only requests whose path contains this.
        #[arg(long)]
        path: Option<String>,
        /// Takes every fault of this vendor away instead.
        #[arg(long, conflicts_with_all = ["status", "ms", "path"])]
        clear: bool,
    },
    /// Moves the twins' clock forwards, for example `--advance 1h`.
    Clock {
        #[arg(long)]
        advance: String,
    },
    /// Requests a twin has seen.
    Requests {
        /// shopify, netsuite, salesforce, stripe or smtp.
        vendor: String,
        /// Only those of this trace id.
        #[arg(long, default_value = "")]
        trace: String,
    },
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft twin");
    let wire = Wire::to(&runtime, &url(Addresses::known(config).sandbox))?;
    match args.what {
        What::Books { output } => {
            let books = wire.get("/__sandbox/books").await?;
            match output {
                Output::Json => console::say(&serde_json::to_string(&books)?),
                Output::Table => console::table(&["vendor", "book", "what", "value"], rows(&books)),
            }
        }
        What::Fault { vendor, clear: true, .. } => {
            wire.call("DELETE", &format!("/__sandbox/{vendor}/faults"), None, &[]).await?;
            console::say(&format!("{vendor}: no faults any more"));
        }
        What::Fault { vendor, kind, status, ms, times, per_mille, path, clear: false } => {
            let mut fault = Map::from_iter([("kind".to_owned(), json!(kind)), ("times".to_owned(), json!(times))]);
            let optional = [
                ("status", json!(status)),
                ("ms", json!(ms)),
                ("per_mille", json!(per_mille)),
                ("path_contains", json!(path)),
            ];
            fault.extend(optional.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)));
            let answer = wire.post(&format!("/__sandbox/{vendor}/faults"), &Value::Object(fault)).await?;
            console::say(&format!("planted: {answer}"));
        }
        What::Clock { advance } => {
            let answer = wire.post("/__sandbox/clock", &json!({"advance": advance})).await?;
            console::say(&answer.to_string());
        }
        What::Requests { vendor, trace } => {
            let found = wire.get(&format!("/__sandbox/{vendor}/requests?traceparent={trace}")).await?;
            console::say(&serde_json::to_string_pretty(&found)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Every number of every book, a row each.
fn rows(books: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (vendor, of_vendor) in books.as_object().into_iter().flatten() {
        for (book, of_book) in of_vendor.as_object().into_iter().flatten() {
            for (what, value) in of_book.as_object().into_iter().flatten() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                rows.push(vec![vendor.clone(), book.clone(), what.clone(), value]);
            }
        }
    }
    rows
}
