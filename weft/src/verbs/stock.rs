//! `weft stock`: what may be sold, what is short and who is served from elsewhere, and feeds of stock from files.

mod feed;
mod file;
mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use retail_proto::inventory::v1 as pb;
use retail_runtime::{Runtime, Timestamp};
use serde_json::{Value, json};

use crate::answer::{list, state, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::{Rest, tell};

/// Arguments of `weft stock`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value = "table", global = true)]
    output: Output,
}

#[derive(Subcommand)]
enum What {
    /// What is there, promised and may be sold of items.
    Show {
        /// Item codes.
        #[arg(required = true)]
        skus: Vec<String>,
        /// Only this location.
        #[arg(long, default_value = "")]
        location: String,
    },
    /// Where more is promised than is there, and who is served from elsewhere so that the others get their goods.
    Shortfalls(Shortfalls),
    /// Moves goods from one location to another.
    Transfer {
        #[command(subcommand)]
        what: transfer::What,
    },
    /// Takes a file of counts, a snapshot or movements in. Repeating it, or repeating it after it was cut, is safe.
    Feed(Feed),
}

/// Arguments of `weft stock shortfalls`.
#[derive(ClapArgs)]
struct Shortfalls {
    /// Does what is proposed: asks the orders to be served from elsewhere. Of everything that is short, or of `--sku`.
    #[arg(long)]
    act: bool,
    /// Only this item.
    #[arg(long)]
    sku: Option<String>,
    /// Only this location.
    #[arg(long)]
    location: Option<String>,
    /// Tells what was done, the newest first.
    #[arg(long, conflicts_with = "act")]
    actions: bool,
}

/// Arguments of `weft stock feed`.
#[derive(ClapArgs)]
pub(crate) struct Feed {
    /// `.csv` with the columns sku, quantity and, when there are any, location, unit, valid_at; or `.ndjson` with these
    /// names. A row's number is its line.
    file: PathBuf,
    /// What the rows are.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The system that counted or moved, for example `wms`.
    #[arg(long)]
    authority: String,
    /// When rows without a time of their own were true, RFC 3339.
    #[arg(long)]
    valid_at: Option<Timestamp>,
    /// Id of the feed; made of the file's content and these arguments when absent, so that the same file is the same feed.
    #[arg(long)]
    feed: Option<String>,
    /// Where rows that did not go in are written, a CSV file.
    #[arg(long)]
    errors: Option<PathBuf>,
    /// gRPC of the inventory service of a mesh that runs elsewhere, http://host:port.
    #[arg(long)]
    inventory: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Seen at the shelf, promised goods included.
    Count,
    /// From the books of the stock authority.
    Snapshot,
    /// Came (above 0) or left (below 0).
    Delta,
}

impl From<Kind> for pb::StockFeedKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Count => Self::Count,
            Kind::Snapshot => Self::Snapshot,
            Kind::Delta => Self::Delta,
        }
    }
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft stock");
    match args.what {
        What::Show { skus, location } => {
            let rest = Rest::open(&runtime, config)?;
            let mut query: Vec<(&str, &str)> = skus.iter().map(|sku| ("skus", sku.as_str())).collect();
            query.push(("location", &location));
            tell(args.output, &rest.get("/v1/availability", &query).await?, |found| table(list(found, "/rows")))?;
        }
        What::Shortfalls(asked) => shortfalls(&Rest::open(&runtime, config)?, &asked, args.output).await?,
        What::Transfer { what } => transfer::run(&runtime, &Rest::open(&runtime, config)?, what, args.output).await?,
        What::Feed(feed) => return feed::run(&runtime, config, feed, args.output).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn shortfalls(rest: &Rest<'_>, asked: &Shortfalls, output: Output) -> anyhow::Result<()> {
    if asked.actions {
        let done = rest.get("/v1/shortfalls/actions", &[("pageSize", "50")]).await?;
        return tell(output, &done, |done| list(done, "/actions").for_each(|action| console::say(&outcome(action))));
    }
    let found = rest.get("/v1/shortfalls", &[("pageSize", "200")]).await?;
    if !asked.act {
        return tell(output, &found, |found| {
            table(list(found, "/rows"));
            for proposal in list(found, "/proposals") {
                console::say(&advice(proposal));
            }
        });
    }
    let named = |wish: &Option<String>, given: &str| wish.as_ref().is_none_or(|wish| wish.eq_ignore_ascii_case(given));
    let mut actions = vec![];
    for proposal in list(&found, "/proposals") {
        let (sku, location) = (word(proposal, "/sku"), word(proposal, "/location"));
        let wanted = named(&asked.sku, &sku) && named(&asked.location, &location);
        if wanted && list(proposal, "/reroute").next().is_some() {
            let body = json!({"sku": sku, "location": location});
            let answer = rest.post("/v1/shortfalls:act", None, &body).await?;
            actions.extend(answer.get("action").cloned());
        }
    }
    tell(output, &json!({"actions": actions}), |done| {
        if actions.is_empty() {
            console::say("nothing is proposed");
        }
        list(done, "/actions").for_each(|action| console::say(&outcome(action)));
    })
}

/// What became of an action, order by order.
fn outcome(action: &Value) -> String {
    let steps: Vec<String> = list(action, "/steps")
        .map(|step| {
            let why = word(step, "/detail");
            let why = if why.is_empty() { why } else { format!(": {why}") };
            format!("{} {}{why}", word(step, "/reservationId"), state(step, "/state", "SHORTFALL_STEP_STATE_"))
        })
        .collect();
    format!("{} at {}: {}", word(action, "/sku"), word(action, "/location"), steps.join("; "))
}

fn table<'v>(rows: impl Iterator<Item = &'v Value>) {
    let cells = [
        "/sku",
        "/location",
        "/available",
        "/onHand",
        "/reserved",
        "/blocked",
        "/shortfall",
        "/expected",
        "/inTransit",
    ];
    let rows = rows.map(|row| {
        let next = list(row, "/arrivals").next().map(|first| word(first, "/expectedAt")).unwrap_or_default();
        cells.iter().map(|cell| word(row, cell)).chain([next]).collect()
    });
    let headings = [
        "sku",
        "location",
        "may be sold",
        "on hand",
        "promised",
        "set aside",
        "short",
        "expected",
        "on the road",
        "next",
    ];
    console::table(&headings, rows.collect());
}

/// What to do about a shortfall, in a line.
pub(crate) fn advice(proposal: &Value) -> String {
    let promises: Vec<String> = list(proposal, "/reroute")
        .map(|promise| {
            let state = state(promise, "/state", "RESERVATION_STATE_");
            let (id, line) = (word(promise, "/reservationId"), word(promise, "/lineId"));
            format!("{id} line {line} ({} {state})", word(promise, "/quantity"))
        })
        .collect();
    let (sku, location) = (word(proposal, "/sku"), word(proposal, "/location"));
    let rest = word(proposal, "/uncovered");
    let rest = if matches!(rest.as_str(), "" | "0") { String::new() } else { format!("; {rest} stay short") };
    format!(
        "{sku} at {location}: reroute {}{rest}",
        if promises.is_empty() { "nobody".into() } else { promises.join(", ") }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_tells_what_became_of_each_order() {
        let action = json!({
            "sku": "A", "location": "MAIN",
            "steps": [
                {"reservationId": "o-3", "state": "SHORTFALL_STEP_STATE_MOVED"},
                {"reservationId": "o-2", "state": "SHORTFALL_STEP_STATE_STAYS", "detail": "it is packed"},
            ],
        });
        assert_eq!(outcome(&action), "A at MAIN: o-3 moved; o-2 stays: it is packed");
    }

    #[test]
    fn a_shortfall_is_told_with_who_goes() {
        let proposal = json!({
            "sku": "A", "location": "MAIN", "uncovered": "0",
            "reroute": [{"reservationId": "o-3", "lineId": "1", "quantity": "2", "state": "RESERVATION_STATE_HELD"}],
        });
        assert_eq!(advice(&proposal), "A at MAIN: reroute o-3 line 1 (2 held)");
        assert_eq!(
            advice(&json!({"sku": "A", "location": "MAIN", "uncovered": "3"})),
            "A at MAIN: reroute nobody; 3 stay short"
        );
    }
}
