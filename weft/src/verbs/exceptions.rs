//! `weft exceptions`: everything that waits for a person, from every domain, one row each, grouped by cause.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};
use retail_runtime::Runtime;
use serde_json::{Value, json};

use crate::answer::{list, word};
use crate::config::Config;
use crate::console;
use crate::verbs::Output;
use crate::verbs::rest::Rest;
use crate::verbs::stock::advice;

/// Arguments of `weft exceptions`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Orders on hold or parked, lines of returns without a purchase, customers to be merged, stock below what is promised.
    List {
        /// Only this cause, for example NO_EARLIER_PURCHASE.
        #[arg(long)]
        cause: Option<String>,
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
}

/// Something that waits for a person.
struct Waiting {
    cause: String,
    domain: &'static str,
    name: String,
    detail: String,
    id: String,
}

/// Runs the verb.
pub(crate) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::system("weft exceptions");
    let rest = Rest::open(&runtime, config)?;
    let What::List { cause, output } = args.what;
    let mut all = Vec::new();
    pages(&rest, "/v1/orders", &[("exceptionsOnly", "true")], "/orders", |order| all.extend(of_order(order))).await?;
    pages(&rest, "/v1/returns", &[("exceptionsOnly", "true")], "/returns", |one| all.extend(of_return(one))).await?;
    pages(&rest, "/v1/customers:mergeCandidates", &[], "/candidates", |pair| all.push(of_pair(pair))).await?;
    pages(&rest, "/v1/shortfalls", &[], "/proposals", |short| all.push(of_shortfall(short))).await?;
    all.retain(|one| cause.as_ref().is_none_or(|cause| one.cause == *cause));
    all.sort_by(|a, b| (&a.cause, a.domain, &a.name).cmp(&(&b.cause, b.domain, &b.name)));
    match output {
        Output::Json => {
            let rows = all.iter().map(|one| {
                json!({"cause": one.cause, "domain": one.domain, "name": one.name, "detail": one.detail, "id": one.id})
            });
            console::say(&Value::Array(rows.collect()).to_string());
        }
        Output::Table => {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for one in &all {
                let count = counts.entry(one.cause.as_str()).or_default();
                *count = count.saturating_add(1);
            }
            for (cause, count) in counts {
                console::say(&format!("{count:>6}  {cause}"));
            }
            let row = |one: &Waiting| {
                vec![one.cause.clone(), one.domain.to_owned(), one.name.clone(), one.detail.clone(), one.id.clone()]
            };
            console::table(&["cause", "domain", "name", "detail", "id"], all.iter().map(row).collect());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Every item of a list, page by page.
async fn pages(
    rest: &Rest<'_>,
    path: &str,
    filter: &[(&str, &str)],
    items: &str,
    mut each: impl FnMut(&Value),
) -> anyhow::Result<()> {
    let mut token = String::new();
    loop {
        let mut query = filter.to_vec();
        query.extend([("pageSize", "200"), ("pageToken", token.as_str())]);
        let page = rest.get(path, &query).await?;
        list(&page, items).for_each(&mut each);
        let next = word(&page, "/nextPageToken");
        if next.is_empty() {
            return Ok(());
        }
        token = next;
    }
}

fn of_order(order: &Value) -> Vec<Waiting> {
    let waiting = |cause: String, detail: String| Waiting {
        cause,
        domain: "orders",
        name: word(order, "/orderNumber"),
        detail,
        id: word(order, "/orderId"),
    };
    let mut all: Vec<Waiting> =
        list(order, "/holds").map(|hold| waiting(word(hold, "/reason"), word(hold, "/detail"))).collect();
    if word(order, "/parked") == "true" {
        let cause = word(order, "/cause");
        let (reason, detail) = cause.split_once(": ").unwrap_or((cause.as_str(), ""));
        all.push(waiting(reason.to_owned(), detail.to_owned()));
    }
    all
}

fn of_return(one: &Value) -> Vec<Waiting> {
    let name = format!("{}/{}", word(one, "/source"), word(one, "/sourceReturnId"));
    let open =
        list(one, "/lines").filter(|line| !word(line, "/cause").is_empty() && word(line, "/dismissed") != "true");
    let mut all: Vec<Waiting> = open
        .map(|line| Waiting {
            cause: word(line, "/cause"),
            domain: "returns",
            name: format!("{name} line {}: {} {}", word(line, "/number"), word(line, "/requested"), word(line, "/sku")),
            detail: word(line, "/causeDetail"),
            id: word(one, "/returnId"),
        })
        .collect();
    if word(one, "/parked") == "true" {
        let cause = word(one, "/cause");
        let (reason, detail) = cause.split_once(": ").unwrap_or((cause.as_str(), ""));
        let id = word(one, "/returnId");
        all.push(Waiting { cause: reason.to_owned(), domain: "returns", name, detail: detail.to_owned(), id });
    }
    all
}

fn of_pair(pair: &Value) -> Waiting {
    Waiting {
        cause: word(pair, "/reason"),
        domain: "customers",
        name: word(pair, "/customerId"),
        detail: format!("may be the same person as {}; `weft customer merge` or `dismiss`", word(pair, "/otherId")),
        id: word(pair, "/customerId"),
    }
}

fn of_shortfall(short: &Value) -> Waiting {
    let (sku, location) = (word(short, "/sku"), word(short, "/location"));
    Waiting {
        cause: "STOCK_SHORTFALL".to_owned(),
        domain: "inventory",
        name: format!("{sku} at {location}"),
        detail: advice(short),
        id: format!("{location}/{sku}"),
    }
}
