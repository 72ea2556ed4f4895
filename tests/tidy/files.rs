//! What a file may be.

use std::path::Path;

use crate::tree::{files, none, root, rust, text};

#[test]
fn no_file_is_longer_than_500_lines() {
    let lines = |path: &Path| text(path).lines().count();
    let long = rust("").into_iter().map(|path| (lines(&path), path)).filter(|(lines, _)| *lines > 500);
    none(long.map(|(lines, path)| format!("{}: {lines}", path.display())).collect(), "cut what fits no longer");
}

#[test]
fn half_of_the_files_have_fewer_than_150_lines() {
    let mut lengths: Vec<usize> = rust("").iter().map(|path| text(path).lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < 150, "the median is {median} lines");
}

#[test]
fn no_file_is_named_after_nothing() {
    let nothing = ["common", "core", "util", "utils", "helpers", "manager", "misc", "mod", "prelude"];
    let named = |path: &Path| path.iter().any(|part| nothing.contains(&part.to_string_lossy().trim_end_matches(".rs")));
    let offenders = rust("").into_iter().filter(|path| named(path)).map(|path| path.display().to_string());
    none(offenders.collect(), "a name says what is inside");
}

#[test]
fn no_test_is_switched_off() {
    let word = concat!("#[", "ignore");
    let offenders = rust("").into_iter().filter(|path| text(path).contains(word));
    none(offenders.map(|path| path.display().to_string()).collect(), "a test runs or is deleted");
}

#[test]
fn nothing_generated_is_committed() {
    let generated = |path: &Path| {
        text(path).lines().take(5).any(|line| line.starts_with("//") && line.contains(concat!("@", "generated")))
    };
    let offenders = rust("").into_iter().filter(|path| generated(path) || path.iter().any(|part| part == "generated"));
    none(offenders.map(|path| path.display().to_string()).collect(), "generated code lives in the target folder");
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let silent = |path: &Path| !path.ends_with("tests.rs") && !text(path).trim_start().starts_with("//!");
    let offenders = rust("").into_iter().filter(|path| silent(path));
    none(offenders.map(|path| path.display().to_string()).collect(), "a file opens with one line on what it is for");
}

#[test]
fn the_front_pages_are_short() {
    for (page, most) in [("README.md", 100), ("Makefile", 80)] {
        if root().join(page).is_file() {
            let lines = text(page).lines().count();
            assert!(lines < most, "{page} has {lines} lines; {most} are too many");
        }
    }
}

#[test]
fn editors_and_merges_leave_nothing_behind() {
    let stray =
        |path: &Path| path.extension().is_some_and(|kind| ["orig", "rej", "bak", "swp"].iter().any(|s| kind == *s));
    let offenders = files("").into_iter().filter(|path| stray(path));
    none(offenders.map(|path| path.display().to_string()).collect(), "leftovers of an editor or a merge");
}
