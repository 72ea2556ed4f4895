//! `weft tx export` and `weft tx replay`: a transaction that leaves its mesh as one file, and runs again on a laptop.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::{Peer, Runtime};

use crate::bundles::{self, Bundle, Divergence};
use crate::console;

/// Largest bundle that is taken, in bytes; services send smaller ones.
const LARGEST: usize = 16 << 20;

/// Asks a service for a bundle.
pub(super) async fn export(
    ops: OpsServiceClient<Peer>,
    id: &str,
    with_personal_data: bool,
) -> Result<String, tonic::Status> {
    let mut ops = ops.max_decoding_message_size(LARGEST);
    let request = pb::ExportTransactionRequest { id: id.to_owned(), with_personal_data };
    Ok(ops.export_transaction(request).await?.into_inner().bundle)
}

/// Writes it where it is wanted.
pub(super) fn write(text: &str, output: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Some(file) = output else {
        console::say(text);
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    let bundle = bundles::read(text)?;
    let count = bundle.entries.len();
    console::say(&format!("{}/{} {}: {count} commits in {}", bundle.kind, bundle.id, bundle.name, file.display()));
    head(&bundle);
    Ok(ExitCode::SUCCESS)
}

/// Reads a bundle's file.
pub(super) fn read(file: &Path) -> anyhow::Result<Bundle> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    bundles::read(&text).with_context(|| format!("cannot run {}", file.display()))
}

/// Runs a bundle's file.
pub(super) async fn replay(runtime: &Runtime, file: &Path, entry: Option<u64>) -> anyhow::Result<ExitCode> {
    let bundle = read(file)?;
    if let Some(number) = entry {
        return show(&bundle, number);
    }
    console::say(&format!(
        "{}/{}  {}  (Weft {}, {})",
        bundle.kind, bundle.id, bundle.name, bundle.weft, bundle.exported_at
    ));
    head(&bundle);
    let replayed = bundles::replay(runtime, &bundle).await.with_context(|| format!("cannot run {}", file.display()))?;
    console::say("");
    for seen in &replayed.seen {
        let mark = if seen.was_run { " " } else { "*" };
        console::say(&format!("{:>4}{mark} {}", seen.number, seen.at));
        seen.lines.iter().for_each(|line| console::say(&format!("        {line}")));
    }
    console::say("");
    let (ran, all) = (replayed.ran(), replayed.seen.len());
    if ran < all {
        console::say("* told from outside by a rule that is not run again: taken as recorded");
    }
    let Some(divergence) = &replayed.divergence else {
        console::say(&format!("{ran} of {all} commits ran again, each to what was recorded"));
        return Ok(ExitCode::SUCCESS);
    };
    diverged(divergence);
    Ok(ExitCode::FAILURE)
}

fn head(bundle: &Bundle) {
    bundle.head().iter().for_each(|(name, words)| console::say(&format!("{name}: {words}")));
    if bundle.changed_since {
        console::say("changed since: by something that keeps no journal, after the last commit here");
    }
}

fn show(bundle: &Bundle, number: u64) -> anyhow::Result<ExitCode> {
    let found = bundle.entries.iter().find(|entry| entry.number == number);
    let entry = found.with_context(|| format!("the bundle has no entry {number}"))?;
    let shown = serde_json::json!({
        "number": entry.number, "at": entry.at, "what": entry.what, "weft": entry.weft, "told": bundle.readable(entry),
        "emitted": entry.emitted, "launched": entry.launched, "due": entry.due, "digest": entry.digest,
    });
    console::say(&serde_json::to_string_pretty(&shown)?);
    Ok(ExitCode::SUCCESS)
}

fn diverged(divergence: &Divergence) {
    console::say(&format!("entry {} ({}) comes to something else:", divergence.number, divergence.what));
    let rows = divergence.differences.iter();
    let rows = rows.map(|one| vec![one.field.clone(), one.expected.clone(), one.found.clone()]);
    console::table(&["field", "recorded", "now"], rows.collect());
    console::say(&format!("what it was told: weft tx replay FILE --entry {}", divergence.number));
}
