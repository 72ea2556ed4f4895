//! The day with two replicas of every service and of the gateway, as real processes over one Redis: the same books as by
//! one process, whichever replicas die, hang or end on the way.

use std::io::Write as _;
use std::time::Duration;

use retail_crash::fleet::{Fleet, REPLICATED, Stored, Wires};
use retail_runtime::Rng;
use retail_weft::feeding::{Feeding, Plan, Report};

use crate::kill::nothing_is_promised;

/// Replicas that are killed in a day.
const KILLS: usize = 4;

/// Not through the print macros: those are swallowed for tests that pass.
pub(crate) fn tell(line: &str) {
    let _said = writeln!(std::io::stderr(), "{line}");
}

/// A number from the environment, for days by hand.
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Our small book, or the one that `WEFT_REPLICAS_BOOK` names.
fn plan() -> Plan {
    match std::env::var_os("WEFT_REPLICAS_BOOK") {
        Some(book) => Plan::new(Some(book.into())).unwrap(),
        None => Plan::small().unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_over_two_replicas_of_everything_ends_with_the_same_books_whoever_dies() {
    let Some(mut fleet) = Fleet::new(crate::weft(), Stored::Redis, Wires::Plain).await else { return };
    fleet.start().await;
    let rng = Rng::seeded(number("SEED", 20_101_201));
    let begun = fleet.runtime.clock().monotonic();
    let (runtime, mesh) = (fleet.runtime.clone(), fleet.reach());
    let feed = async { Feeding::new(&runtime, mesh, plan())?.run().await };
    let mut done = Vec::new();
    let report = tokio::select! {
        report = feed => report,
        never = trouble(&mut fleet, &rng, &mut done) => match never {},
    };
    let report: Report = report.unwrap_or_else(|error| panic!("{done:?} {error:#}\n{}", fleet.logs()));
    let differences = report.differences();
    assert!(differences.is_empty(), "{done:?} {} {differences:#?} {:#}\n{}", report.line(), report.books, fleet.logs());
    assert_eq!((report.duplicates(), report.lost()), (0, 0));
    let took = fleet.runtime.clock().monotonic().saturating_sub(begun);
    tell(&format!("{} took {took:.1?}, {}", report.line(), done.join(", ")));
    if std::env::var_os("WEFT_REPLICAS_BOOK").is_none() {
        nothing_is_promised(&fleet.runtime, &fleet.gateway()).await;
    }
}

/// Kills replicas, hangs one past its leases, ends one; each comes back. Then nothing more.
async fn trouble(fleet: &mut Fleet, rng: &Rng, done: &mut Vec<String>) -> std::convert::Infallible {
    let clock = fleet.runtime.clock().clone();
    let pause = |least: u64, more: u64| clock.sleep(Duration::from_millis(least + rng.below(more)));
    let kills = number("WEFT_REPLICAS_KILLS", u64::try_from(KILLS).unwrap());
    for turn in 0..kills {
        pause(300, 1_500).await;
        let what = REPLICATED[usize::try_from(rng.below(6)).unwrap()];
        let victim = format!("{what}-{}", 1 + rng.below(2));
        if turn == 1 {
            fleet.signal("orders-1", "-STOP");
            clock.sleep(Duration::from_secs(12)).await;
            fleet.signal("orders-1", "-CONT");
            done.push("orders-1 hung for 12 s".to_owned());
        }
        if turn == 2 {
            assert!(fleet.end("returns-2").await.success(), "{}", fleet.log("returns-2"));
            fleet.launch("returns-2");
            fleet.until_up("returns-2").await;
            done.push("returns-2 ended".to_owned());
        }
        fleet.kill(&victim);
        pause(200, 1_000).await;
        fleet.launch(&victim);
        fleet.until_up(&victim).await;
        done.push(format!("{victim} killed"));
    }
    std::future::pending().await
}
