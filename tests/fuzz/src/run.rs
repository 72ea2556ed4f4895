//! Runs targets, two at a time, each for so many seconds, and says what came of it: `weft-fuzz-run SECONDS [TARGET...]`,
//! all of them when none is named. What a target has found on this machine lies beside the program and is where the next
//! run goes on; a crash ends the run with its input.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

/// As many processors as small machines have.
const AT_ONCE: usize = 2;

fn main() -> io::Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let seconds = words.next().unwrap_or_else(|| "60".to_owned());
    let named: Vec<String> = words.collect();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = if named.is_empty() { all(&here.join("corpus"))? } else { named };
    let program = program(here);
    let (left, failed) = (Mutex::new(VecDeque::from(targets)), Mutex::new(false));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(target) = left.lock().ok().and_then(|mut left| left.pop_front()) {
                    let good = one(here, &program, &target, &seconds).unwrap_or_else(|error| {
                        say(&format!("{target}: {error}"));
                        false
                    });
                    if let (false, Ok(mut failed)) = (good, failed.lock()) {
                        *failed = true;
                    }
                }
            });
        }
    });
    let failed = failed.lock().is_ok_and(|failed| *failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every target has a folder.
fn all(corpus: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(corpus)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Where `make fuzz` has built it.
fn program(here: &Path) -> PathBuf {
    let built = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| here.join("../../target"), PathBuf::from);
    built.join("x86_64-unknown-linux-gnu/sim/weft-fuzz")
}

fn one(here: &Path, program: &Path, target: &str, seconds: &str) -> io::Result<bool> {
    let found = program.with_file_name("fuzz").join(target);
    let crashes = found.with_extension("crashes");
    std::fs::create_dir_all(&found)?;
    std::fs::create_dir_all(&crashes)?;
    let ran = Command::new(program)
        .env("FUZZ_TARGET", target)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=20", "-rss_limit_mb=2048", "-max_len=8192", "-print_final_stats=1", "-close_fd_mask=1"])
        .arg(format!("-dict={}", here.join("words.dict").display()))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .args([&found, &here.join("corpus").join(target)])
        .stdin(Stdio::null())
        .output()?;
    let log = String::from_utf8_lossy(&ran.stderr);
    std::fs::write(found.with_extension("log"), log.as_bytes())?;
    if !ran.status.success() {
        let last: Vec<&str> = log.lines().rev().take(40).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        say(&format!("{}\n{target}: FAILED; its input lies in {}", last.join("\n"), crashes.display()));
        return Ok(false);
    }
    let figure = |name: &str| {
        let line = log.lines().rev().find_map(|line| line.strip_prefix(&format!("stat::{name}:")));
        line.map(str::trim).unwrap_or("?").to_owned()
    };
    let edges = log.lines().rev().find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next()).unwrap_or("?");
    let (runs, each, memory) =
        (figure("number_of_executed_units"), figure("average_exec_per_sec"), figure("peak_rss_mb"));
    say(&format!("{target}: {runs} executions, {each} a second, {edges} edges, {memory} MiB"));
    Ok(true)
}

fn say(line: &str) {
    // Nobody to tell is no reason to stop.
    let _unheard = writeln!(io::stdout().lock(), "{line}");
}
