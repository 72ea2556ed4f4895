//! Sending a file as a feed of stock: as fast as it is taken, taken up where it was cut, with progress that reads well on
//! a terminal and in a log.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures::stream;
use indicatif::{ProgressBar, ProgressStyle};
use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::feed_stock_request::What as Ask;
use retail_proto::inventory::v1::feed_stock_response::What as Told;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::timestamp;
use retail_runtime::fault::{Class, Refusal};
use retail_runtime::{Ids, Peer, Runtime};
use serde_json::json;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::file::{Rows, Unreadable};
use super::{Feed, Output};
use crate::config::Config;
use crate::console;
use crate::mesh::{Addresses, url};

/// Rows of a message: those of one location are one commit.
const ROWS: usize = 2_000;
/// How often a feed that was cut is taken up again without having come on.
const TRIES: u32 = 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows that did not go in and are told one by one.
const TOLD: usize = 20;

/// Sends a file.
pub(super) async fn run(runtime: &Runtime, config: &Config, args: Feed, output: Output) -> anyhow::Result<ExitCode> {
    let start = start(&args)?;
    let inventory = args.inventory.clone().unwrap_or_else(|| url(Addresses::known(config).inventory));
    let client = InventoryServiceClient::new(runtime.peer(&inventory)?);
    let (rows, unreadable) = look(&args.file)?;
    let mut sending =
        Sending { client, start, rows, progress: Progress::new(rows), heard: Heard::default(), found: None };
    sending.heard.errors.extend(unreadable.iter().map(bad));
    sending.until_the_end(runtime, &args.file).await?;
    let Sending { mut heard, progress, found, .. } = sending;
    progress.end();
    heard.errors.sort_by_key(|error| error.row);
    heard.errors.dedup_by_key(|error| error.row);
    if let Some(path) = &args.errors {
        write_errors(path, &heard.errors).with_context(|| format!("cannot write {}", path.display()))?;
    }
    tell(&heard, &found.unwrap_or_default(), unreadable.len(), output);
    let bad = heard.errors.iter().any(|error| !error.late);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The same file with the same arguments is the same feed.
fn start(args: &Feed) -> anyhow::Result<pb::FeedStart> {
    let kind = pb::StockFeedKind::from(args.kind);
    let feed_id = match &args.feed {
        Some(id) => id.clone(),
        None => {
            let valid_at = args.valid_at.map(|at| at.to_string()).unwrap_or_default();
            let mut id = Ids::derived("weft.stock-feed", &[kind.as_str_name(), &args.authority, &valid_at]).to_string();
            for row in Rows::open(&args.file)? {
                let (line, said) = match row {
                    Ok(row) => {
                        let time = row.valid_at.map(|at| format!("{}.{:09}", at.seconds, at.nanos)).unwrap_or_default();
                        (row.row, [row.sku, row.location, row.quantity, row.unit, time])
                    }
                    Err(bad) => (bad.line, Default::default()),
                };
                let parts = [id, line.to_string()].into_iter().chain(said).collect::<Vec<_>>();
                id = Ids::derived("weft.stock-feed", &parts.iter().map(String::as_str).collect::<Vec<_>>()).to_string();
            }
            id
        }
    };
    let valid_at = args.valid_at.map(|at| timestamp(at.as_millisecond()));
    Ok(pb::FeedStart { feed_id, kind: i32::from(kind), authority: args.authority.clone(), valid_at })
}

/// How many rows can be read, and those that cannot.
fn look(file: &Path) -> anyhow::Result<(u64, Vec<Unreadable>)> {
    let (mut rows, mut unreadable) = (0_u64, vec![]);
    for row in Rows::open(file)? {
        match row {
            Ok(_) => rows = rows.saturating_add(1),
            Err(bad) => unreadable.push(bad),
        }
    }
    Ok((rows, unreadable))
}

fn bad(row: &Unreadable) -> pb::FeedError {
    pb::FeedError { row: row.line, reason: "BAD_ROW".into(), message: row.why.clone(), ..Default::default() }
}

/// What a feed was told.
#[derive(Default)]
struct Heard {
    feed: pb::StockFeed,
    errors: Vec<pb::FeedError>,
}

struct Sending {
    client: InventoryServiceClient<Peer>,
    start: pb::FeedStart,
    rows: u64,
    progress: Progress,
    heard: Heard,
    /// The feed as it was found when it was opened first.
    found: Option<pb::StockFeed>,
}

impl Sending {
    /// Sends until the feed has been taken to its end. What was cut is taken up again.
    async fn until_the_end(&mut self, runtime: &Runtime, file: &Path) -> anyhow::Result<()> {
        let mut tries = 0;
        loop {
            let before = self.heard.feed.settled_through;
            let cut = match self.once(file).await {
                Ok(true) => return Ok(()),
                Ok(false) => "the stream ended early".to_owned(),
                Err(status) => {
                    let refusal = Refusal::read(&status);
                    let passes = matches!(
                        refusal.class(),
                        Class::Unavailable | Class::Unknown | Class::Throttled | Class::Conflict
                    );
                    if !passes {
                        return Err(anyhow!(refused(&refusal)));
                    }
                    format!("{} ({})", refusal.message(), refusal.reason())
                }
            };
            tries = if self.heard.feed.settled_through > before { 0 } else { tries + 1 };
            if tries >= TRIES {
                let id = &self.start.feed_id;
                return Err(anyhow!(
                    "{cut}; the feed {id} has not come on {TRIES} times; send the file again to go on"
                ));
            }
            self.progress.note(&format!("cut: {cut}; going on behind line {}", self.heard.feed.settled_through));
            runtime.clock().sleep(PAUSE).await;
        }
    }

    /// One stream; true when the feed was taken to its end.
    async fn once(&mut self, file: &Path) -> Result<bool, Status> {
        // One message on its way and one at hand: the file is read as fast as it is taken.
        let (asks, taken) = mpsc::channel::<pb::FeedStockRequest>(1);
        let taken = stream::unfold(taken, |mut taken| async move { taken.recv().await.map(|ask| (ask, taken)) });
        let first = pb::FeedStockRequest { what: Some(Ask::Start(self.start.clone())) };
        let opened = async { asks.send(first).await.is_ok() };
        let (opened, answers) = tokio::join!(opened, self.client.feed_stock(taken));
        let mut answers = answers?.into_inner();
        if !opened || !self.hear(&mut answers).await? {
            return Ok(false);
        }
        self.found.get_or_insert_with(|| self.heard.feed.clone());
        let behind = self.heard.feed.settled_through;
        let rows = Rows::open(file).map_err(|error| Status::internal(format!("{error:#}")))?;
        let sent = send(asks, rows, behind);
        let heard = async {
            while self.hear(&mut answers).await? {}
            Ok::<_, Status>(self.heard.feed.finished)
        };
        let (_, finished) = tokio::join!(sent, heard);
        finished
    }

    /// The next answer; false at the end of the stream.
    async fn hear(&mut self, answers: &mut Streaming<pb::FeedStockResponse>) -> Result<bool, Status> {
        let Some(answer) = answers.message().await? else { return Ok(false) };
        match answer.what {
            Some(Told::Progress(progress)) => {
                self.heard.feed = progress.feed.unwrap_or_default();
                let feed = &self.heard.feed;
                let sums = [feed.applied, feed.unchanged, feed.late, feed.refused];
                self.progress.at(sums.into_iter().fold(0, u64::saturating_add), self.rows);
            }
            Some(Told::Error(error)) => self.heard.errors.push(error),
            None => {}
        }
        Ok(true)
    }
}

/// Sends the rows behind this line, then the end. Stops when nobody takes them any more.
async fn send(asks: mpsc::Sender<pb::FeedStockRequest>, rows: Rows, behind: u64) {
    let mut rows = rows.filter_map(Result::ok).filter(|row| row.row > behind);
    loop {
        let rows: Vec<pb::FeedRow> = rows.by_ref().take(ROWS).collect();
        let last = rows.is_empty();
        let ask = if last { Ask::End(pb::FeedEnd {}) } else { Ask::Rows(pb::FeedRows { rows }) };
        if asks.send(pb::FeedStockRequest { what: Some(ask) }).await.is_err() || last {
            return;
        }
    }
}

fn refused(refusal: &Refusal) -> String {
    let mut told = format!("{} ({})", refusal.message(), refusal.reason());
    for (field, what) in refusal.fields() {
        told.push_str(&format!("\n  {field}: {what}"));
    }
    told
}

/// A bar for people, a line for every tenth in a log.
struct Progress {
    bar: Option<ProgressBar>,
    tenth: u64,
}

impl Progress {
    fn new(rows: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(rows);
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {per_sec}, {eta} left {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, tenth: 0 }
    }

    fn at(&mut self, rows: u64, of: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(rows);
            return;
        }
        let tenth = rows.saturating_mul(10).checked_div(of).unwrap_or(10).min(10);
        if tenth > self.tenth {
            self.tenth = tenth;
            console::complain(&format!("{rows} of {of} rows"));
        }
    }

    fn note(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => console::complain(what),
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish();
        }
    }
}

fn write_errors(path: &Path, errors: &[pb::FeedError]) -> anyhow::Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    file.write_record(["line", "sku", "location", "field", "reason", "what"])?;
    for error in errors {
        let line = error.row.to_string();
        file.write_record([&line, &error.sku, &error.location, &error.field, &error.reason, &error.message])?;
    }
    file.flush()?;
    Ok(())
}

fn tell(heard: &Heard, found: &pb::StockFeed, unreadable: usize, output: Output) {
    let feed = &heard.feed;
    if output == Output::Json {
        let errors = heard.errors.iter().map(|error| {
            json!({"line": error.row, "sku": error.sku, "location": error.location, "field": error.field,
                "reason": error.reason, "message": error.message, "late": error.late})
        });
        let line = json!({"feed": feed.feed_id, "applied": feed.applied, "unchanged": feed.unchanged, "late": feed.late,
            "refused": feed.refused, "unreadable": unreadable, "finished": feed.finished,
            "found": {"settled_through": found.settled_through, "finished": found.finished},
            "errors": errors.collect::<Vec<_>>()});
        console::say(&line.to_string());
        return;
    }
    for error in heard.errors.iter().take(TOLD) {
        let field = if error.field.is_empty() { String::new() } else { format!("{}: ", error.field) };
        console::say(&format!("line {}: {field}{} ({})", error.row, error.message, error.reason));
    }
    let more = heard.errors.len().saturating_sub(TOLD);
    if more > 0 {
        console::say(&format!("and {more} more; --errors FILE writes all of them down"));
    }
    console::say(&format!(
        "feed {}: {} rows changed stock, {} said what was known, {} were overtaken, {} are bad, {unreadable} cannot be read",
        feed.feed_id, feed.applied, feed.unchanged, feed.late, feed.refused
    ));
    if found.finished {
        console::say("the feed was taken in before; nothing was changed now");
    } else if found.settled_through > 0 {
        console::say(&format!("the feed was cut before; it was taken up behind line {}", found.settled_through));
    }
}
