//! Runs one seed and says what was found: `weft-sim SEED [--trace] [--theme NAME]`.

use std::process::ExitCode;

use retail_sim::{Report, Theme, run, say};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lines of the trace that a failure shows.
const TAIL: usize = 80;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let seed: u64 =
        arguments.next().unwrap_or_default().parse().map_err(|_| anyhow::anyhow!("say which seed: a number"))?;
    let (mut echo, mut theme) = (false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--trace" => echo = true,
            "--theme" => {
                let name = arguments.next().unwrap_or_default();
                theme = Some(Theme::named(&name).ok_or_else(|| anyhow::anyhow!("no world is about {name:?}"))?);
            }
            _ => anyhow::bail!("{argument} is unknown; say --trace or --theme"),
        }
    }
    let Report { seed, violations, steps, elapsed, lines, digest, counted, tail } = run(seed, theme, echo)?;
    if !violations.is_empty() && !echo {
        for line in tail.iter().skip(tail.len().saturating_sub(TAIL)) {
            say(line);
        }
    }
    for violation in &violations {
        say(&format!("VIOLATED {}: {}", violation.invariant, violation.detail));
    }
    let counted: Vec<String> = counted.iter().map(|(what, count)| format!("{what}={count}")).collect();
    let verdict = if violations.is_empty() { "ok" } else { "FAILED" };
    say(&format!(
        "seed={seed} {verdict} steps={steps} simulated={}s lines={lines} trace={digest} {}",
        elapsed.as_secs(),
        counted.join(" ")
    ));
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
