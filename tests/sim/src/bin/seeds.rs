//! Runs many seeds, each in a process of its own, and says how it goes: `weft-seeds [--seeds N] [--from K] [--jobs J]
//! [--twice] [--sabotage NAME,..|all]`. With `--sabotage` every named safety is switched off in turn, and it is an error
//! when no seed notices. A seed notices when it fails without the safety and holds with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// A safety that can be switched off, as the platform names it, and what the worlds are about that must notice.
type Sabotage = (&'static str, &'static str);

const SABOTAGES: [Sabotage; 11] = [
    ("intent", "usual"),
    ("quiet_time", "late"),
    ("effect_key", "late"),
    ("unknown", "late"),
    ("due", "deaths"),
    ("inbox", "usual"),
    ("parking", "letters"),
    ("commit_id", "letters"),
    ("fence", "rivals"),
    ("run", "letters"),
    ("stock_law", "usual"),
];
/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

struct Wish {
    seeds: u64,
    from: u64,
    jobs: u64,
    twice: bool,
    sabotages: Vec<Sabotage>,
}

/// How one seed ended.
struct Ended {
    seed: u64,
    good: bool,
    output: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let wish = wish()?;
    let sim = std::env::current_exe()?.with_file_name("weft-sim");
    if !sim.is_file() {
        bail!("{} is not there; build the whole package", sim.display());
    }
    if wish.sabotages.is_empty() { seeds(&sim, &wish) } else { sabotages(&sim, &wish) }
}

fn wish() -> anyhow::Result<Wish> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut wish = Wish { seeds: 100, from: 1, jobs: u64::try_from(cores)?, twice: false, sabotages: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--twice" {
            wish.twice = true;
            continue;
        }
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().with_context(|| format!("{name} needs a number, not {value:?}"));
        match name.as_str() {
            "--seeds" => wish.seeds = number()?,
            "--from" => wish.from = number()?,
            "--jobs" => wish.jobs = number()?.max(1),
            "--sabotage" if value == "all" => wish.sabotages = SABOTAGES.to_vec(),
            "--sabotage" => wish.sabotages = value.split(',').map(named).collect::<anyhow::Result<_>>()?,
            _ => bail!("{name} is unknown; say --seeds, --from, --jobs, --twice or --sabotage"),
        }
    }
    Ok(wish)
}

fn named(name: &str) -> anyhow::Result<Sabotage> {
    let known = SABOTAGES.into_iter().find(|(known, _)| *known == name);
    known.with_context(|| format!("no safety is called {name:?}"))
}

fn seeds(sim: &Path, wish: &Wish) -> anyhow::Result<ExitCode> {
    let began = now();
    let (mut done, mut failed, mut told) = (0_u64, Vec::new(), now());
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let enough = AtomicBool::new(false);
    each(sim, wish, None, &enough, |ended| {
        done = done.saturating_add(1);
        add(&ended.output, &mut sums);
        if !ended.good {
            say(&format!("---- seed {} ----\n{}", ended.seed, ended.output.trim_end()));
            failed.push(ended.seed);
        }
        if told.elapsed() >= TELL || done == wish.seeds {
            told = now();
            let millis = began.elapsed().as_millis().max(1);
            let rate = u128::from(done).saturating_mul(100_000) / millis;
            say(&format!(
                "{done} of {} seeds, {} failed, {}.{:02} seeds/s, {} s",
                wish.seeds,
                failed.len(),
                rate / 100,
                rate % 100,
                millis / 1_000
            ));
        }
    })?;
    let sums: Vec<String> = sums.into_iter().map(|(what, sum)| format!("{what} {sum}")).collect();
    say(&format!("in all: {}", sums.join(", ")));
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    failed.sort_unstable();
    say(&format!("failed: {failed:?}; one again: make sim SEED={}", failed.first().copied().unwrap_or(0)));
    Ok(ExitCode::FAILURE)
}

fn sabotages(sim: &Path, wish: &Wish) -> anyhow::Result<ExitCode> {
    let mut missed = 0_u64;
    for sabotage in &wish.sabotages {
        let (name, theme) = sabotage;
        let began = now();
        let (enough, mut caught): (_, Option<Ended>) = (AtomicBool::new(false), None);
        let mut tried = 0_u64;
        each(sim, wish, Some(*sabotage), &enough, |ended| {
            tried = tried.saturating_add(1);
            let first = caught.as_ref().is_none_or(|known| ended.seed < known.seed);
            if !ended.good && first {
                enough.store(true, Ordering::Relaxed);
                caught = Some(ended);
            }
        })?;
        match caught {
            Some(ended) => {
                let why = ended.output.lines().find(|line| line.starts_with("VIOLATED")).unwrap_or("it crashed");
                let why: String = why.chars().take(160).collect();
                let seconds = began.elapsed().as_secs();
                say(&format!("{name:<12} caught by seed {} of {tried} ({theme}) in {seconds} s: {why}", ended.seed));
            }
            None => {
                missed = missed.saturating_add(1);
                say(&format!("{name:<12} NOT CAUGHT by {tried} seeds ({theme})"));
            }
        }
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the seeds side by side and hands over each one's end; stops early when it is enough.
fn each(
    sim: &Path,
    wish: &Wish,
    sabotage: Option<Sabotage>,
    enough: &AtomicBool,
    mut then: impl FnMut(Ended),
) -> anyhow::Result<()> {
    let next = AtomicU64::new(wish.from);
    let end = wish.from.saturating_add(wish.seeds);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..wish.jobs {
            let (next, sender, sim) = (&next, sender.clone(), PathBuf::from(sim));
            scope.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || sender.send(one(&sim, seed, wish.twice, sabotage)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for ended in receiver {
            then(ended?);
        }
        Ok(())
    })
}

fn one(sim: &Path, seed: u64, twice: bool, sabotage: Option<Sabotage>) -> anyhow::Result<Ended> {
    let once = |safety: Option<&str>| -> anyhow::Result<(bool, String)> {
        let mut command = Command::new(sim);
        command.arg(seed.to_string());
        if let Some((_, theme)) = sabotage {
            command.args(["--theme", theme]);
        }
        match safety {
            Some(name) => command.env("SABOTAGE", name),
            None => command.env_remove("SABOTAGE"),
        };
        let output = command.output().with_context(|| format!("cannot start {}", sim.display()))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    };
    let (mut good, mut output) = once(sabotage.map(|(name, _)| name))?;
    if sabotage.is_some() && !good {
        // What fails anyway has noticed nothing.
        let (good_with_it, _) = once(None)?;
        return Ok(Ended { seed, good: !good_with_it, output });
    }
    if twice {
        let again = once(None)?;
        if again.1 != output {
            good = false;
            output = format!("VIOLATED same_trace: two runs of one seed differ\n{output}\n{}", again.1);
        }
    }
    Ok(Ended { seed, good, output })
}

/// Adds the counters of a seed's last line.
fn add(output: &str, sums: &mut BTreeMap<String, u64>) {
    for word in output.lines().last().unwrap_or_default().split_whitespace() {
        if let Some((what, count)) = word.split_once('=')
            && !["seed", "trace"].contains(&what)
            && let Ok(count) = count.trim_end_matches('s').parse::<u64>()
        {
            let sum = sums.entry(what.to_owned()).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is about the machine's own time: how many seeds a second")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the one place that prints")]
fn say(line: &str) {
    println!("{line}");
}
