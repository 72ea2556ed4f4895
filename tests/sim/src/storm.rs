//! What goes wrong in the world: processes die, wires are cut or stall, stores stumble and fail over. Drawn from the seed;
//! every run draws first which kinds it has at all, so that rare combinations are not drowned by the common ones.

use std::time::Duration;

use retail_runtime::Rng;
use turmoil::Sim;

use crate::hosts::{self, DOMAINS, Estate, FOLLOWED, PAYMENTS, VENDORS};
use crate::scene::{Scene, Theme};
use crate::shelf::{Shelf, Weather};

/// Wires that carry something, by who calls whom.
const WIRES: [(&str, &str); 22] = [
    ("gateway", "orders"),
    ("gateway", "inventory"),
    ("gateway", "customers"),
    ("gateway", "returns"),
    ("gateway", "shopify"),
    ("orders", "inventory"),
    ("orders", "customers"),
    ("orders", "netsuite"),
    ("orders", "shopify"),
    ("orders", "salesforce"),
    ("inventory", "netsuite"),
    ("inventory", "shopify"),
    ("customers", "netsuite"),
    ("customers", "salesforce"),
    ("returns", "orders"),
    ("returns", "netsuite"),
    ("returns", "shopify"),
    ("cases", "salesforce"),
    ("cases", "orders"),
    ("shopify", VENDORS),
    ("netsuite", VENDORS),
    ("salesforce", VENDORS),
];

/// Those of worlds with a web shop.
const WIRES_OF_PAYMENTS: [(&str, &str); 5] =
    [("gateway", PAYMENTS), ("orders", PAYMENTS), ("returns", PAYMENTS), (PAYMENTS, "orders"), (PAYMENTS, VENDORS)];

/// Those of worlds whose customers are told by mail.
const WIRES_OF_THE_POST: [(&str, &str); 4] =
    [("messages", "smtp"), ("messages", "orders"), ("messages", "returns"), ("smtp", VENDORS)];

/// Hosts that drive the most.
const BUSY: [&str; 4] = ["orders", "orders2", "inventory", "inventory2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Crash,
    Cut,
    Hold,
    Weather,
    FailOver,
    Freeze,
    Poison,
}

#[derive(Debug, Clone, Copy)]
enum Mend {
    Start(&'static str),
    Repair(&'static str, &'static str),
    Release(&'static str, &'static str),
    Fair(&'static str),
}

/// The storm of one run.
pub(crate) struct Storm {
    rng: Rng,
    estate: Estate,
    kinds: Vec<Kind>,
    /// Longest time between two troubles.
    gap: Duration,
    /// When the next trouble comes; not before the world is built.
    next: Option<Duration>,
    mends: Vec<(Duration, Mend)>,
}

impl Storm {
    pub(crate) fn new(estate: &Estate) -> Self {
        let rng = estate.rng("storm");
        let all = [Kind::Crash, Kind::Cut, Kind::Hold, Kind::Weather, Kind::FailOver, Kind::Freeze, Kind::Poison];
        let kinds: Vec<Kind> = match estate.scene.theme {
            Theme::Usual => all.into_iter().filter(|_| rng.chance(600)).collect(),
            Theme::Deaths => vec![Kind::Crash],
            Theme::Rivals => vec![Kind::Freeze],
            Theme::Letters => vec![Kind::Weather, Kind::Weather, Kind::Cut, Kind::FailOver, Kind::Poison],
            Theme::Late => Vec::new(),
        };
        let gap = estate.scene.gap;
        Self { rng, estate: estate.clone(), kinds, gap, next: None, mends: Vec::new() }
    }

    /// What this run has of it, for people.
    pub(crate) fn told(&self) -> String {
        let Scene { theme, seconds, told, sourced, paid, shoppers, deeds, tick, partitions, .. } = self.estate.scene;
        format!(
            "{theme:?}, {shoppers} with {deeds} deeds each, second replicas: {seconds}, mail: {told}, sourced: {sourced}, paid: {paid}, troubles {:?} at most {:?} apart, \
             steps of {tick:?}, {partitions} partitions",
            self.kinds, self.gap
        )
    }

    /// Lets happen what is due.
    pub(crate) fn step(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed();
        if self.estate.watch.is_calm() {
            for (_, mend) in std::mem::take(&mut self.mends) {
                self.mend(sim, mend);
            }
            return;
        }
        let (due, later) = std::mem::take(&mut self.mends).into_iter().partition(|(at, _)| *at <= now);
        self.mends = later;
        let due: Vec<(Duration, Mend)> = due;
        for (_, mend) in due {
            self.mend(sim, mend);
        }
        if !self.estate.watch.is_built() || self.kinds.is_empty() {
            return;
        }
        // People who do a few things in as many seconds would be gone before a trouble that waits.
        let next = *self.next.get_or_insert_with(|| now.saturating_add(self.rng.jitter(self.gap / 2)));
        if now < next {
            return;
        }
        self.next = Some(now.saturating_add(self.rng.jitter(self.gap)));
        if let Some(kind) = self.pick(&self.kinds) {
            self.strike(sim, kind);
        }
    }

    fn pick<T: Copy>(&self, from: &[T]) -> Option<T> {
        hosts::one_of(&self.rng, from)
    }

    fn strike(&mut self, sim: &mut Sim<'_>, kind: Kind) {
        let now = sim.elapsed();
        let until = |least: u64, most: u64| now.saturating_add(Duration::from_millis(least + self.rng.below(most)));
        match kind {
            Kind::Crash => {
                let busy = self.estate.scene.theme == Theme::Deaths && self.rng.chance(800);
                let host = if busy { self.pick(&DOMAINS[..2]) } else { self.pick(&self.estate.mortal) };
                let Some(host) = host else { return };
                let down = |mend: &(Duration, Mend)| matches!(mend.1, Mend::Start(other) if other == host);
                if self.mends.iter().any(down) {
                    return;
                }
                self.tell(sim, "crashes", &format!("{host} dies"));
                sim.crash(host);
                let at = if busy { until(50, 1_000) } else { until(50, 6_000) };
                self.mends.push((at, Mend::Start(host)));
            }
            Kind::Cut | Kind::Hold => {
                let wires = match self.rng.below(1_000) {
                    0..150 if self.estate.scene.told => &WIRES_OF_THE_POST[..],
                    150..350 if self.estate.scene.paid => &WIRES_OF_PAYMENTS,
                    _ => &WIRES,
                };
                let Some((from, to)) = self.pick(wires) else { return };
                let busy = |mend: &(Duration, Mend)| match mend.1 {
                    Mend::Repair(a, b) | Mend::Release(a, b) => (a, b) == (from, to),
                    Mend::Start(_) | Mend::Fair(_) => false,
                };
                if self.mends.iter().any(busy) {
                    return;
                }
                if kind == Kind::Cut {
                    self.tell(sim, "cuts", &format!("{from} and {to} lose each other"));
                    sim.partition(from, to);
                    let at = until(200, 12_000);
                    self.mends.push((at, Mend::Repair(from, to)));
                } else {
                    self.tell(sim, "holds", &format!("nothing moves between {from} and {to}"));
                    sim.hold(from, to);
                    let at = until(100, 4_000);
                    self.mends.push((at, Mend::Release(from, to)));
                }
            }
            Kind::Weather => {
                let Some(domain) = self.pick(&DOMAINS) else { return };
                let share = |most: u64| u32::try_from(self.rng.below(most)).unwrap_or(0);
                let lost = if self.estate.scene.theme == Theme::Letters { 400 } else { 150 };
                let weather = Weather {
                    slow: share(800),
                    answer_lost: share(lost),
                    request_lost: share(100),
                    unavailable: share(150),
                };
                self.tell(sim, "bad_weather", &format!("the store of {domain}: {weather:?}"));
                if let Some(shelf) = self.estate.shelves.get(domain) {
                    shelf.set_weather(weather);
                }
                let at = until(500, 10_000);
                self.mends.push((at, Mend::Fair(domain)));
            }
            Kind::Freeze => {
                // Whoever sleeps through the end of its leases finds another at its work.
                let rivals = self.estate.scene.theme == Theme::Rivals;
                let host = if rivals { self.pick(&BUSY) } else { self.pick(&self.estate.mortal) };
                let Some(host) = host else { return };
                let Some(shelf) = self.estate.shelves.get(host.trim_end_matches('2')) else { return };
                if rivals && shelf.is_frozen(now) {
                    // There would be nobody left who could take its work.
                    return;
                }
                let at = if rivals { until(13_000, 7_000) } else { until(2_000, 14_000) };
                self.tell(sim, "freezes", &format!("{host} stands still until {at:?}"));
                shelf.freeze(host, at);
            }
            Kind::Poison => {
                let Some((_, follower)) = self.pick(&FOLLOWED) else { return };
                if self.estate.shelves.get(follower).is_some_and(Shelf::poison) {
                    self.tell(sim, "poisons", &format!("{follower} will not bear the next event"));
                }
            }
            Kind::FailOver => {
                let Some(shelf) = self.pick(&DOMAINS).and_then(|domain| self.estate.shelves.get(domain)) else {
                    return;
                };
                let lost = shelf.fail_over();
                self.tell(
                    sim,
                    "failovers",
                    &format!("a store fails over; {lost} commits nobody acknowledged are gone"),
                );
            }
        }
    }

    fn mend(&self, sim: &mut Sim<'_>, mend: Mend) {
        match mend {
            Mend::Start(host) => {
                self.say(sim, &format!("{host} starts"));
                sim.bounce(host);
            }
            Mend::Repair(from, to) => {
                self.say(sim, &format!("{from} and {to} are connected"));
                sim.repair(from, to);
            }
            Mend::Release(from, to) => {
                self.say(sim, &format!("everything moves between {from} and {to}"));
                sim.release(from, to);
            }
            Mend::Fair(domain) => {
                self.say(sim, &format!("the store of {domain} is well"));
                if let Some(shelf) = self.estate.shelves.get(domain) {
                    shelf.set_weather(crate::FAIR);
                }
            }
        }
    }

    fn tell(&self, sim: &Sim<'_>, counted: &'static str, text: &str) {
        self.estate.watch.count(counted);
        self.say(sim, text);
    }

    fn say(&self, sim: &Sim<'_>, text: &str) {
        self.estate.watch.trace().line_at(sim.elapsed(), "WORLD", text);
    }
}
