//! `weft-crash`: the mesh as real processes under load and trouble; one line of verdict, and failure unless every book
//! agrees with what people heard.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by stopping")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use futures::future::{join, join_all, try_join_all};
use retail_crash::check::{self, Verdict};
use retail_crash::fleet::{Fleet, Stored, Wires};
use retail_crash::history::History;
use retail_crash::load::People;
use retail_crash::trouble::{self, Done};
use retail_runtime::Rng;
use retail_weft::feeding::{Feeding, Plan};

/// The mesh as real processes, killed under load.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    with: With,
    #[command(subcommand)]
    play: Play,
}

#[derive(Args)]
struct With {
    /// The binary; without it the `weft` beside this one.
    #[arg(long, global = true)]
    weft: Option<PathBuf>,
    /// What the mesh keeps its state in.
    #[arg(long, global = true, value_enum, default_value = "embedded")]
    store: Stored,
    /// What is drawn by chance is drawn from it.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// Where what was asked and heard is written, a line each.
    #[arg(long, global = true, default_value = "crash-history.jsonl")]
    history: PathBuf,
}

#[derive(Subcommand)]
enum Play {
    /// People order, call off and send back while processes die, wires are cut and vendors fail.
    Storm {
        /// How long there is trouble.
        #[arg(long, default_value_t = 2)]
        minutes: u64,
        /// People at the same time.
        #[arg(long, default_value_t = 24)]
        people: u64,
    },
    /// Again and again: orders in flight, one process killed at a random moment, every document counted.
    Rounds {
        /// How often.
        #[arg(long, default_value_t = 100)]
        rounds: u64,
        /// Orders in flight.
        #[arg(long, default_value_t = 24)]
        orders: u64,
    },
    /// A whole order book is sold and called off as `weft day` does, under the same trouble.
    Day {
        /// The order book; the first day of the data set when it is there, else a small one.
        #[arg(long)]
        csv: Option<PathBuf>,
    },
}

/// Not through the print macros, which the lints keep for the console of the product.
fn say(line: &str) {
    let _said = writeln!(std::io::stderr(), "{line}");
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let beside = || std::env::current_exe().unwrap().with_file_name("weft");
    let weft = cli.with.weft.clone().unwrap_or_else(beside);
    if !weft.is_file() {
        say(&format!("{} is not there; build it (cargo build --bin weft) or name it with --weft", weft.display()));
        return ExitCode::FAILURE;
    }
    let Some(mut fleet) = Fleet::new(&weft, cli.with.store, Wires::Weather).await else {
        say("no Redis to be found: apt-get install redis-server, or --store embedded");
        return ExitCode::FAILURE;
    };
    fleet.start().await;
    let played = match cli.play {
        Play::Storm { minutes, people } => storm(&mut fleet, &cli.with, minutes, people).await,
        Play::Rounds { rounds, orders } => play_rounds(&mut fleet, &cli.with, rounds, orders).await,
        Play::Day { csv } => day(&mut fleet, &cli.with, csv).await,
    };
    let well = played.unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        false
    });
    if !well {
        say(&format!("{}\nwhat was asked and heard: {}", fleet.logs(), cli.with.history.display()));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn people(fleet: &Fleet, with: &With) -> anyhow::Result<People> {
    let history = History::create(fleet.runtime.clock(), &with.history)?;
    Ok(People::new(&fleet.runtime, history, fleet.gateway(), fleet.twins()))
}

async fn storm(fleet: &mut Fleet, with: &With, minutes: u64, callers: u64) -> anyhow::Result<bool> {
    let people = people(fleet, with)?;
    people.build().await?;
    trouble::plant(fleet).await?;
    let (rng, orders) = (Rng::seeded(with.seed), fleet.reach().orders);
    let until = fleet.runtime.clock().monotonic().saturating_add(Duration::from_secs(60 * minutes));
    let mut done = Done::default();
    let lives = (0..callers).map(|who| {
        let (people, rng) = (&people, Rng::seeded(with.seed.wrapping_mul(1_000).wrapping_add(who)));
        async move { people.live(&format!("K{who}"), &rng, until).await }
    });
    let (lived, ()) = join(try_join_all(lives), trouble::make(fleet, &rng, until, &mut done)).await;
    lived?;
    trouble::heal(fleet).await?;
    check::rest(&people, &orders).await?;
    let verdict = check::verdict(&people).await?;
    Ok(told(&verdict, &format!("crash: seed {} {verdict}; {done}", with.seed)))
}

async fn play_rounds(fleet: &mut Fleet, with: &With, rounds: u64, in_flight: u64) -> anyhow::Result<bool> {
    let people = people(fleet, with)?;
    people.build().await?;
    let (rng, orders) = (Rng::seeded(with.seed), fleet.reach().orders);
    let mut last = Verdict::default();
    for round in 1..=rounds {
        let victim = trouble::pick(&rng, &fleet.names()).clone();
        let placed = (0..in_flight).map(|order| {
            let (people, rng) = (&people, Rng::seeded(rng.u64()));
            async move { people.order(&format!("R{round}-{order}"), &rng).await }
        });
        let moment = Duration::from_millis(rng.below(2_500));
        let (clock, dice) = (fleet.runtime.clock().clone(), rng.clone());
        let kill = async {
            clock.sleep(moment).await;
            trouble::kill(fleet, &dice, &victim).await;
        };
        let (placed, ()) = join(join_all(placed.collect::<Vec<_>>()), kill).await;
        placed.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        check::rest(&people, &orders).await?;
        last = check::verdict(&people).await?;
        say(&format!("round {round}: {victim} killed after {moment:?}: {last}"));
        if !last.violations.is_empty() {
            break;
        }
    }
    Ok(told(&last, &format!("rounds: seed {} {last}", with.seed)))
}

async fn day(fleet: &mut Fleet, with: &With, csv: Option<PathBuf>) -> anyhow::Result<bool> {
    trouble::plant(fleet).await?;
    let (runtime, reach, rng) = (fleet.runtime.clone(), fleet.reach(), Rng::seeded(with.seed));
    let mut done = Done::default();
    let feed = async { Feeding::new(&runtime, reach, Plan::new(csv)?)?.run().await };
    let report = tokio::select! {
        report = feed => report?,
        () = trouble::make(fleet, &rng, Duration::MAX, &mut done) => anyhow::bail!("there is always trouble"),
    };
    report.tell();
    say(&format!("{}; {done}", report.line()));
    Ok(report.agrees())
}

fn told(verdict: &Verdict, line: &str) -> bool {
    for violation in verdict.violations.iter().take(40) {
        say(violation);
    }
    say(line);
    verdict.violations.is_empty()
}
