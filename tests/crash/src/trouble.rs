//! The trouble: processes are killed, hung and ended, wires are cut, still, late or crumble; vendors fail.

use std::time::Duration;

use retail_runtime::Rng;
use retail_weft::wire::Wire;
use serde_json::json;

use crate::fleet::Fleet;
use crate::proxy::Weather;

/// Longer than a worker's lease of a partition.
const PAST_A_LEASE: Duration = Duration::from_secs(12);

/// What a process logs that was ended while calls were under way, and could not wait for them.
const LATE: &str = "stopped before all was finished";

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// `kill -9`.
    pub killed: u64,
    /// SIGSTOP past every lease, then SIGCONT.
    pub hung: u64,
    /// SIGTERM.
    pub ended: u64,
    /// Of those, the ones with calls under way that did not end in time: what they did goes on after the next start.
    pub ended_late: u64,
    /// Wires whose connections were all cut.
    pub cut: u64,
    /// Wires with bad weather for a while.
    pub weather: u64,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { killed, hung, ended, ended_late, cut, weather } = self;
        let late = if *ended_late > 0 { format!(" ({ended_late} with calls under way)") } else { String::new() };
        write!(f, "kills {killed}, hung {hung}, ended {ended}{late}, wires cut {cut}, bad weather {weather}")
    }
}

/// Vendors fail now and then from now on, before and after they have done their work.
pub async fn plant(fleet: &Fleet) -> anyhow::Result<()> {
    let twins = Wire::to(&fleet.runtime, &fleet.twins())?;
    for vendor in ["shopify", "netsuite", "salesforce"] {
        let faults = [
            json!({"kind": "status", "status": 429, "retry_after": 1, "per_mille": 15}),
            json!({"kind": "status", "status": 503, "per_mille": 10}),
            json!({"kind": "error_after_commit", "per_mille": 10}),
            json!({"kind": "reset_after_commit", "per_mille": 10}),
            json!({"kind": "reset_before", "per_mille": 10}),
            json!({"kind": "truncate", "per_mille": 5}),
            json!({"kind": "expire_tokens", "per_mille": 1}),
            json!({"kind": "delay", "ms": 2_000, "per_mille": 5}),
        ];
        for fault in faults {
            twins.post(&format!("/__sandbox/{vendor}/faults"), &fault).await?;
        }
    }
    Ok(())
}

/// The vendors are well again.
pub async fn heal(fleet: &Fleet) -> anyhow::Result<()> {
    let twins = Wire::to(&fleet.runtime, &fleet.twins())?;
    for vendor in ["shopify", "netsuite", "salesforce"] {
        twins.call("DELETE", &format!("/__sandbox/{vendor}/faults"), None, &[]).await?;
    }
    Ok(())
}

/// Makes trouble, one thing after the other, 0.5 to 3 s between, until it is time. Afterwards everything runs again in
/// fair weather.
pub async fn make(fleet: &mut Fleet, rng: &Rng, until: Duration, done: &mut Done) {
    let clock = fleet.runtime.clock().clone();
    loop {
        clock.sleep(Duration::from_millis(500 + rng.below(2_500))).await;
        if clock.monotonic() >= until {
            return;
        }
        let victim = pick(rng, &fleet.names()).clone();
        match rng.below(100) {
            0..62 => {
                kill(fleet, rng, &victim).await;
                done.killed += 1;
            }
            62..70 => {
                hang(fleet, &victim).await;
                done.hung += 1;
            }
            70..78 => {
                if !fleet.end(&victim).await.success() {
                    let log = fleet.log(&victim);
                    assert!(log.contains(LATE), "{victim} did not end well: {log}");
                    done.ended_late += 1;
                }
                fleet.launch(&victim);
                fleet.until_up(&victim).await;
                done.ended += 1;
            }
            78..90 if !fleet.wires().is_empty() => {
                pick(rng, fleet.wires()).cut();
                done.cut += 1;
            }
            _ if !fleet.wires().is_empty() => {
                weather(fleet, rng).await;
                done.weather += 1;
            }
            _ => {}
        }
    }
}

/// `kill -9`, and the same again a moment later.
pub async fn kill(fleet: &mut Fleet, rng: &Rng, victim: &str) {
    fleet.kill(victim);
    let clock = fleet.runtime.clock().clone();
    clock.sleep(Duration::from_millis(100 + rng.below(900))).await;
    fleet.launch(victim);
    fleet.until_up(victim).await;
}

/// Stands still past every lease and does not know.
pub async fn hang(fleet: &mut Fleet, victim: &str) {
    fleet.signal(victim, "-STOP");
    let clock = fleet.runtime.clock().clone();
    clock.sleep(PAST_A_LEASE).await;
    fleet.signal(victim, "-CONT");
}

async fn weather(fleet: &Fleet, rng: &Rng) {
    let wire = pick(rng, fleet.wires());
    let bad = match rng.below(3) {
        0 => Weather::Still,
        1 => Weather::Crumbs,
        _ => Weather::Late(Duration::from_millis(20 + rng.below(400))),
    };
    wire.turn(bad);
    fleet.runtime.clock().sleep(Duration::from_millis(500 + rng.below(5_000))).await;
    wire.turn(Weather::Fair);
}

/// One of them, by chance.
pub fn pick<'a, T>(rng: &Rng, from: &'a [T]) -> &'a T {
    &from[usize::try_from(rng.below(u64::try_from(from.len()).unwrap())).unwrap()]
}
