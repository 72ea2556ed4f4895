//! Every parser of foreign input under libFuzzer. Owns: the targets and what each must hold beside not to panic. Refuses:
//! to be part of an ordinary build, which sees an empty program; `cargo test` runs each target over its corpus. In: bytes
//! that libFuzzer makes of `corpus/<target>`; out: a crash with the input that caused it. `FUZZ_TARGET` says which of the targets runs; one program with all of them
//! is linked once.
#![cfg_attr(fuzzing, no_main)]
#![cfg_attr(
    any(fuzzing, test),
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::wildcard_enum_match_arm,
        reason = "a property that does not hold is a panic: that is how libFuzzer hears of it"
    )
)]

#[cfg(any(fuzzing, test))]
mod calls;
#[cfg(any(fuzzing, test))]
mod edge;
// One file of the binary's, instead of everything that the binary links: half of the build.
#[cfg(any(fuzzing, test))]
#[path = "../../../weft/src/verbs/stock/file.rs"]
mod file;
#[cfg(any(fuzzing, test))]
mod journal;
#[cfg(any(fuzzing, test))]
mod mail;
#[cfg(any(fuzzing, test))]
mod script;
#[cfg(any(fuzzing, test))]
mod served;
#[cfg(any(fuzzing, test))]
mod signatures;
#[cfg(any(fuzzing, test))]
mod targets;
#[cfg(any(fuzzing, test))]
mod texts;
#[cfg(any(fuzzing, test))]
mod transcode;
#[cfg(any(fuzzing, test))]
mod vendors;
#[cfg(any(fuzzing, test))]
mod webhooks;
#[cfg(any(fuzzing, test))]
mod world;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run(data));

#[cfg(not(fuzzing))]
fn main() {}
