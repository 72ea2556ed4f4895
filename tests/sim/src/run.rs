//! One run: builds the world of a seed, steps it until all is settled, and says what was found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use rand::SeedableRng as _;
use retail_runtime::Rng;
use retail_store::Partition;
use turmoil::Sim;

use crate::hosts::{self, DOMAINS, Estate, MORTAL, PAYMENTS, PEOPLE, POST, SECONDS, VENDORS};
use crate::people::People;
use crate::scene::{Scene, Theme};
use crate::shelf::Shelf;
use crate::sourcing;
use crate::storm::Storm;
use crate::time;
use crate::trace::Logged;
use crate::watch::{Violation, Watch};

/// A world that is not settled by then will never be.
const LONGEST: Duration = Duration::from_secs(3_000);

/// What came of a seed.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// Steps of the world.
    pub steps: u64,
    /// Simulated time.
    pub elapsed: Duration,
    /// Lines of the trace.
    pub lines: u64,
    /// Digest of the trace.
    pub digest: String,
    /// What was counted.
    pub counted: BTreeMap<&'static str, u64>,
    /// The end of the trace.
    pub tail: Vec<String>,
}

/// Runs a seed, once in a process; its world is about `theme` instead of what the seed says, when there is one.
///
/// # Errors
/// When the world cannot be built.
pub fn run(seed: u64, theme: Option<Theme>, echo: bool) -> anyhow::Result<Report> {
    // Before anything else: maps and libraries draw from here.
    mad_turmoil::rand::set_rng(rand::rngs::StdRng::seed_from_u64(seed));
    let clocks = mad_turmoil::time::SimClocksGuard::init();
    let watch = Watch::default();
    if echo {
        watch.trace().echo();
    }
    tracing::subscriber::set_global_default(Logged::new(watch.trace()))?;
    let estate = estate(seed, theme, &watch)?;
    let mut sim = sim(seed, estate.scene.tick);
    settle_in(&mut sim, &estate);
    let mut storm = Storm::new(&estate);
    watch.trace().line_at(Duration::ZERO, "WORLD", &format!("seed {seed}: {}", storm.told()));
    let mut steps = 0_u64;
    loop {
        storm.step(&mut sim);
        steps = steps.saturating_add(1);
        let over = sim.step().map_err(|error| anyhow!("seed {seed}: a host failed: {error}"))?;
        if over {
            break;
        }
        if sim.elapsed() > LONGEST {
            watch.violated("every_saga_ends", format!("nothing is settled after {LONGEST:?}"));
            break;
        }
    }
    let elapsed = sim.elapsed();
    drop(clocks);
    let (lines, digest) = watch.trace().digest();
    let mut violations = watch.violations();
    violations.dedup();
    Ok(Report {
        seed,
        violations,
        steps,
        elapsed,
        lines,
        digest,
        counted: watch.counted(),
        tail: watch.trace().tail(400),
    })
}

fn estate(seed: u64, theme: Option<Theme>, watch: &Watch) -> anyhow::Result<Estate> {
    let rng = hosts::chance(seed, "estate");
    let scene = Scene::of(&hosts::chance(seed, "scene"), theme);
    anyhow::ensure!(Partition::settle(scene.partitions), "one process runs one seed");
    let mut config = hosts::configuration(&scene)?;
    if scene.sourced {
        sourcing::configure(&mut config, &hosts::chance(seed, "sourcing"))?;
    }
    let office = &mut config.sandbox.netsuite;
    (office.ship_after, office.bill_after, office.receive_after, office.parcel_pieces) = scene.office;
    let shelf = |domain: &'static str| {
        let shelf = Shelf::new(domain, hosts::chance(seed, &format!("store of {domain}")), watch);
        shelf.set_weather(crate::FAIR);
        (domain, shelf)
    };
    let mut mortal = MORTAL.to_vec();
    if scene.seconds {
        mortal.extend(SECONDS);
    }
    if scene.paid {
        mortal.push(PAYMENTS);
    }
    if scene.told {
        mortal.extend(POST);
    }
    Ok(Estate {
        seed,
        scene,
        config: Arc::new(config),
        shelves: Arc::new(DOMAINS.into_iter().map(shelf).collect()),
        watch: watch.clone(),
        ahead: Arc::new(mortal.iter().map(|host| (*host, ahead(&rng))).collect()),
        mortal: Arc::new(mortal),
    })
}

/// Clocks are off by up to a second and a half.
fn ahead(rng: &Rng) -> i64 {
    i64::try_from(rng.below(3_000)).unwrap_or(0).saturating_sub(1_500)
}

fn sim(seed: u64, tick: Duration) -> Sim<'static> {
    let beginning = u64::try_from(time::BEGINNING).unwrap_or(0);
    turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(beginning))
        .tick_duration(tick)
        .simulation_duration(LONGEST.saturating_mul(2))
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_millis(10))
        .tcp_capacity(4_096)
        .enable_random_order()
        .build()
}

fn settle_in(sim: &mut Sim<'static>, estate: &Estate) {
    for host in estate.mortal.iter().copied().chain([VENDORS]) {
        let estate = estate.clone();
        let starts = std::sync::atomic::AtomicU64::new(0);
        sim.host(host, move || {
            let start = starts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            estate.clone().supervise(host, start)
        });
    }
    let estate = estate.clone();
    sim.client(PEOPLE, async move {
        let watch = estate.watch.clone();
        let runtime = estate.runtime(PEOPLE, 0);
        if let Err(error) = People::new(&estate, runtime).live().await {
            watch.violated("people", format!("the people gave up: {error:#}"));
        }
        Ok(())
    });
}
