//! The whole mesh in one simulated world: the production code of every service, connector and twin, each on a host of its
//! own, on a network and over stores that go wrong as a seed says. Owns the world, its troubles, the people in it, and the
//! invariants. Refuses real time, real sockets and real chance. In: a seed. Out: a verdict, a trace, figures.
//!
//! One process runs one seed: what a second run in the same process does could depend on the first.
#![allow(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test: what is not there shows as a null or stops the run with its place"
)]

mod books;
mod claims;
mod dead_letters;
mod feeds;
mod hosts;
mod laws;
mod net;
mod notes;
mod people;
mod post;
mod replays;
mod road;
mod run;
mod scene;
mod settle;
mod shelf;
mod shown;
mod sourcing;
mod store;
mod storm;
mod time;
mod trace;
mod twins;
mod vandal;
mod watch;
mod web;

pub use run::{Report, run};
pub use scene::Theme;
pub use trace::Trace;
pub use watch::{Violation, Watch};

use shelf::Weather;

/// A wire without trouble still takes its time now and then: a process can die between a commit and its answer.
const FAIR: Weather = Weather { slow: 100, answer_lost: 0, request_lost: 0, unavailable: 0 };

/// Prints a line for people.
#[expect(clippy::print_stdout, reason = "the one place that prints")]
pub fn say(line: &str) {
    println!("{line}");
}
