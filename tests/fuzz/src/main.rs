//! Every parser of foreign input under libFuzzer. Owns: the targets and what each must hold beside not to panic. Refuses:
//! to be part of an ordinary build, which sees an empty program. In: bytes that libFuzzer makes of `corpus/<target>`;
//! out: a crash with the input that caused it. `FUZZ_TARGET` says which of the targets runs; one program with all of them
//! is linked once.
#![cfg_attr(fuzzing, no_main)]
#![cfg_attr(
    fuzzing,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::wildcard_enum_match_arm,
        reason = "a property that does not hold is a panic: that is how libFuzzer hears of it"
    )
)]

#[cfg(fuzzing)]
mod calls;
#[cfg(fuzzing)]
mod edge;
// One file of the binary's, instead of everything that the binary links: half of the build.
#[cfg(fuzzing)]
#[path = "../../../weft/src/verbs/stock/file.rs"]
mod file;
#[cfg(fuzzing)]
mod journal;
#[cfg(fuzzing)]
mod mail;
#[cfg(fuzzing)]
mod script;
#[cfg(fuzzing)]
mod served;
#[cfg(fuzzing)]
mod signatures;
#[cfg(fuzzing)]
mod targets;
#[cfg(fuzzing)]
mod texts;
#[cfg(fuzzing)]
mod transcode;
#[cfg(fuzzing)]
mod vendors;
#[cfg(fuzzing)]
mod webhooks;
#[cfg(fuzzing)]
mod world;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run(data));

#[cfg(not(fuzzing))]
fn main() {}
