//! `weft tx`: what happened to a transaction, step by step, on one clock; its bundle, and running that again.

mod bundle;
mod twins;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::fault::Refusal;
use retail_runtime::{Peer, Runtime, Timestamp};
use serde_json::json;

use crate::config::Config;
use crate::console;
use crate::mesh::{Addresses, url};
use crate::verbs::Output;

/// Arguments of `weft tx`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One transaction: by `order/<id>` or the name people use, for example '#536365'.
    Show {
        id: String,
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Transactions of one state, longest in it first.
    List {
        /// running, waiting, parked, done or reading.
        #[arg(long, default_value = "parked")]
        state: String,
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Lets a parked transaction go on.
    Resume {
        id: String,
        /// What was mended, for the audit.
        #[arg(long)]
        note: String,
    },
    /// Writes a transaction's bundle: what its rules were told and what came of it, to be run again elsewhere.
    Export {
        /// `order/<id>` or the name people use, for example '#536365'.
        id: String,
        /// Only this domain: orders, returns, inventory, customers, cases or messages.
        #[arg(long)]
        domain: Option<String>,
        /// Where to; standard output otherwise.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Leaves names, addresses and the like as they are. They are masked otherwise.
        #[arg(long)]
        with_personal_data: bool,
    },
    /// Runs a bundle through the rules of this version, without any server. Ends with 1 when they say something else.
    Replay {
        /// The bundle's file.
        file: PathBuf,
        /// Shows what the rules were told at this entry, and what came of it.
        #[arg(long)]
        entry: Option<u64>,
        /// Sends the ERP's effects of an order to the ERP's twin, through the real connector, and compares its answers.
        #[arg(long)]
        against_twins: bool,
        /// Lets the parked transaction of this id go on: the former spelling of `resume`.
        #[arg(long, hide = true)]
        note: Option<String>,
    },
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft tx");
    let what = match args.what {
        What::Replay { file, against_twins: true, .. } => {
            return twins::run(config, &runtime, &bundle::read(&file)?).await;
        }
        What::Replay { file, entry, note: None, .. } => return bundle::replay(&runtime, &file, entry).await,
        What::Replay { file, note: Some(note), .. } => What::Resume { id: file.to_string_lossy().into_owned(), note },
        what @ (What::Show { .. } | What::List { .. } | What::Resume { .. } | What::Export { .. }) => what,
    };
    let known = Addresses::known(config);
    let services = match &what {
        What::Export { domain: Some(domain), .. } => {
            let all = known.services().into_iter();
            let only: Vec<_> = all.filter(|(name, _)| name == domain).collect();
            anyhow::ensure!(
                !only.is_empty(),
                "no domain {domain:?}; say orders, returns, inventory, customers, cases or messages"
            );
            only
        }
        What::Show { .. }
        | What::List { .. }
        | What::Resume { .. }
        | What::Export { domain: None, .. }
        | What::Replay { .. } => known.services(),
    };
    let mut last = String::from("no service was asked");
    for (name, at) in services {
        let ops = OpsServiceClient::new(runtime.peer(&url(at))?);
        let done = match &what {
            What::Show { id, output } => show(ops, id, *output).await,
            What::List { state, output } => list(ops, name, state, *output).await,
            What::Resume { id, note } => resume(ops, id, note).await,
            What::Export { id, output, with_personal_data, .. } => {
                match bundle::export(ops, id, *with_personal_data).await {
                    Ok(text) => return bundle::write(&text, output.as_deref()),
                    Err(status) => Err(status),
                }
            }
            What::Replay { .. } => Ok(()),
        };
        match done {
            // Every service has its own list; a transaction belongs to one.
            Ok(()) if matches!(what, What::List { .. }) => last.clear(),
            Ok(()) => return Ok(ExitCode::SUCCESS),
            Err(status) => {
                let refusal = Refusal::read(&status);
                last = format!("{name}: {} ({})", refusal.message(), refusal.reason());
            }
        }
    }
    if last.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    console::complain(&last);
    Ok(ExitCode::FAILURE)
}

async fn show(mut ops: OpsServiceClient<Peer>, id: &str, output: Output) -> Result<(), tonic::Status> {
    let answer = ops.get_transaction(pb::GetTransactionRequest { id: id.to_owned() }).await?.into_inner();
    let transaction = answer.transaction.unwrap_or_default();
    let trace = answer.timeline.first().map(|entry| entry.trace_id.clone()).unwrap_or_default();
    if output == Output::Json {
        let entries = answer.timeline.iter().map(|entry| {
            json!({"at": at(entry.at.as_ref()), "what": entry.what, "subject": entry.subject,
                   "detail": entry.detail, "attempt": entry.attempt})
        });
        let text = json!({"id": transaction.id, "name": transaction.name, "status": transaction.status,
            "cause": transaction.cause, "trace_id": trace, "timeline": entries.collect::<Vec<_>>()});
        console::say(&text.to_string());
        return Ok(());
    }
    console::say(&format!("{}  {}  {}", transaction.name, transaction.status, transaction.id));
    if !transaction.cause.is_empty() {
        console::say(&format!("cause: {}", transaction.cause));
    }
    console::say(&format!("trace: {trace}"));
    let rows = answer.timeline.iter().map(|entry| {
        let attempt = if entry.attempt > 1 { entry.attempt.to_string() } else { String::new() };
        vec![at(entry.at.as_ref()), entry.what.clone(), entry.subject.clone(), attempt, entry.detail.clone()]
    });
    console::table(&["at", "what", "step", "attempt", "detail"], rows.collect());
    Ok(())
}

async fn list(mut ops: OpsServiceClient<Peer>, name: &str, state: &str, output: Output) -> Result<(), tonic::Status> {
    let state = match state {
        "running" => pb::TransactionState::Running,
        "waiting" => pb::TransactionState::Waiting,
        "done" => pb::TransactionState::Done,
        "parked" => pb::TransactionState::Parked,
        "reading" => pb::TransactionState::Reading,
        other => {
            return Err(tonic::Status::invalid_argument(format!(
                "no state {other:?}; say running, waiting, parked, done or reading"
            )));
        }
    };
    let request = pb::ListTransactionsRequest { state: i32::from(state), page_size: 200, page_token: String::new() };
    let answer = ops.list_transactions(request).await?.into_inner();
    let row = |tx: &pb::Transaction| {
        vec![
            name.to_owned(),
            tx.name.clone(),
            tx.status.clone(),
            at(tx.since.as_ref()),
            tx.cause.clone(),
            tx.id.clone(),
        ]
    };
    let rows: Vec<_> = answer.transactions.iter().map(row).collect();
    match output {
        Output::Table => console::table(&["service", "name", "status", "since", "cause", "id"], rows),
        Output::Json => console::say(&json!(rows).to_string()),
    }
    Ok(())
}

async fn resume(mut ops: OpsServiceClient<Peer>, id: &str, note: &str) -> Result<(), tonic::Status> {
    let request = pb::ReplayTransactionRequest { id: id.to_owned(), note: note.to_owned() };
    let transaction = ops.replay_transaction(request).await?.into_inner().transaction.unwrap_or_default();
    console::say(&format!("{} goes on: {}", transaction.name, transaction.status));
    Ok(())
}

fn at(time: Option<&prost_types::Timestamp>) -> String {
    let time = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}
