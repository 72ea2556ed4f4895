//! A few seeds: every invariant holds, the same seed is the same run.
#![allow(clippy::unwrap_used, reason = "tests say what went wrong by stopping")]

use std::process::Command;

/// Runs a seed in a process of its own; whether all held, and what it said.
fn seed(number: u64) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_weft-sim")).arg(number.to_string()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_invariant_holds_in_the_first_worlds() {
    for number in 1..=2 {
        let (held, told) = seed(number);
        assert!(held, "seed {number}:\n{told}");
    }
}

#[test]
fn one_seed_is_one_run_to_the_last_byte() {
    let (first, again) = (seed(5), seed(5));
    assert!(first.1.contains("trace="), "{}", first.1);
    assert_eq!(first, again);
}
