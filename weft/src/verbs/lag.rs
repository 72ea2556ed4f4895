//! `weft lag`: how far the followers of each service's feed are behind, as the services themselves say.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::fault::Refusal;
use retail_runtime::{Runtime, Timestamp};
use serde_json::json;

use crate::config::Config;
use crate::console;
use crate::mesh::{Addresses, url};
use crate::verbs::Output;

/// Arguments of `weft lag`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

/// How far a group is behind, over all partitions.
#[derive(Default)]
struct Behind {
    partitions: u64,
    entries: u64,
    oldest: Option<Timestamp>,
    expired: bool,
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft lag");
    let now = runtime.clock().now();
    let (mut rows, mut ended) = (Vec::new(), ExitCode::SUCCESS);
    for (service, at) in Addresses::known(config).services() {
        let mut ops = OpsServiceClient::new(runtime.peer(&url(at))?);
        let behind = match ops.get_lag(pb::GetLagRequest {}).await {
            Ok(behind) => behind.into_inner(),
            Err(status) => {
                let refusal = Refusal::read(&status);
                console::complain(&format!("{service}: {} ({})", refusal.message(), refusal.reason()));
                ended = ExitCode::FAILURE;
                continue;
            }
        };
        if args.output == Output::Json {
            for lag in &behind.lags {
                let oldest = time(lag).map(|oldest| oldest.to_string());
                let line = json!({"service": service, "group": lag.group, "partition": lag.partition,
                    "entries": lag.entries, "oldest": oldest, "expired": lag.expired});
                console::say(&line.to_string());
            }
            continue;
        }
        rows.extend(groups(&behind.lags).into_iter().map(|(group, behind)| {
            let age = behind.oldest.map(|oldest| format!("{} s", now.duration_since(oldest).as_secs()));
            let note = if behind.expired { "expired: must resync" } else { "" };
            let (partitions, entries) = (behind.partitions.to_string(), behind.entries.to_string());
            vec![service.to_owned(), group, entries, age.unwrap_or_default(), partitions, note.to_owned()]
        }));
    }
    if args.output == Output::Table {
        console::table(&["feed", "group", "entries", "age", "partitions", ""], rows);
    }
    Ok(ended)
}

fn groups(lags: &[pb::GroupLag]) -> BTreeMap<String, Behind> {
    let mut groups: BTreeMap<String, Behind> = BTreeMap::new();
    for lag in lags {
        let behind = groups.entry(lag.group.clone()).or_default();
        behind.partitions = behind.partitions.saturating_add(1);
        behind.entries = behind.entries.saturating_add(lag.entries);
        behind.oldest = [behind.oldest, time(lag)].into_iter().flatten().min();
        behind.expired |= lag.expired;
    }
    groups
}

fn time(lag: &pb::GroupLag) -> Option<Timestamp> {
    let at = lag.oldest.as_ref()?;
    Timestamp::new(at.seconds, at.nanos).ok()
}
