//! Who may know whom.

use std::path::{Path, PathBuf};

use toml::Table;

use crate::tree::{files, none, root, rust, text};

const PLATFORM: &[&str] = &["retail-proto", "retail-runtime", "retail-store", "retail-flow", "retail-connect"];

/// What a room may know of the others; `None` when it may know all.
fn may_know(room: &str) -> Option<&'static [&'static str]> {
    match room {
        "proto" => Some(&[]),
        "platform/runtime" => Some(&["retail-proto"]),
        "platform/store" => Some(&["retail-proto", "retail-runtime"]),
        "platform/flow" | "platform/connect" => Some(&["retail-proto", "retail-runtime", "retail-store"]),
        "gateway" => Some(&["retail-proto", "retail-runtime"]),
        "sandbox" => Some(&["retail-runtime"]),
        "weft" | "tests" | "tests/crash" | "tests/fuzz" | "tests/sim" => None,
        other if other.starts_with("services/") || other.starts_with("connectors/") => Some(PLATFORM),
        other => panic!("{other} is a room that no rule knows; add it to this test and to ARCHITECTURE.md"),
    }
}

fn manifests() -> Vec<(String, Table)> {
    let manifests =
        files("").into_iter().filter(|path| path.ends_with("Cargo.toml") && *path != Path::new("Cargo.toml"));
    manifests.map(|path| (path.parent().unwrap().display().to_string(), table(&path))).collect()
}

fn table(path: &PathBuf) -> Table {
    text(path).parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rooms that a manifest names: those the crate is built of, and those its tests use.
fn known(manifest: &Table, sections: &[&str]) -> Vec<String> {
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(Table::keys).filter(|name| name.starts_with("retail-")).cloned().collect()
}

#[test]
fn arrows_point_one_way() {
    let mut offenders = Vec::new();
    for (room, manifest) in manifests() {
        let Some(allowed) = may_know(&room) else { continue };
        for name in known(&manifest, &["dependencies", "build-dependencies"]) {
            if !allowed.contains(&name.as_str()) {
                offenders.push(format!("{room} depends on {name}"));
            }
        }
        // A connector may be tested against its vendor's twin.
        let twin = room.starts_with("connectors/");
        for name in known(&manifest, &["dev-dependencies"]) {
            let fits = allowed.contains(&name.as_str()) || (twin && name == "retail-sandbox");
            if !fits {
                offenders.push(format!("the tests of {room} depend on {name}"));
            }
        }
    }
    none(offenders, "a room knows a room that it must not know");
}

#[test]
fn a_package_is_named_after_its_folder() {
    let mut offenders = Vec::new();
    for (room, manifest) in manifests() {
        let folder = room.rsplit('/').next().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        if name != format!("retail-{folder}") {
            offenders.push(format!("{room} is package {name}"));
        }
    }
    none(offenders, "folder services/orders is package retail-orders");
}

#[test]
fn every_crate_but_proto_inherits_the_lints() {
    let inherits = |manifest: &Table| {
        manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    let without = manifests().into_iter().filter(|(room, manifest)| room != "proto" && !inherits(manifest));
    none(without.map(|(room, _)| room).collect(), "a crate does not inherit the workspace's lints");
}

#[test]
fn the_sandbox_knows_neither_connectors_nor_our_contracts() {
    let mut words: Vec<String> = ["retail_proto"].map(String::from).to_vec();
    let vendors = std::fs::read_dir(root().join("connectors")).unwrap();
    words.extend(vendors.map(|vendor| format!("retail_{}", vendor.unwrap().file_name().to_string_lossy())));
    let domains = std::fs::read_dir(root().join("proto/retail")).unwrap();
    words.extend(domains.map(|domain| format!("retail.{}", domain.unwrap().file_name().to_string_lossy())));
    let mut offenders = Vec::new();
    for path in rust("sandbox/src") {
        let said = text(&path);
        offenders
            .extend(words.iter().filter(|word| said.contains(*word)).map(|word| format!("{}: {word}", path.display())));
    }
    none(offenders, "a twin is written from the vendor's documents alone");
}

#[test]
fn what_must_be_one_is_locked_once() {
    let lock: Table = text("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let mut offenders = Vec::new();
    for name in ["tonic", "prost", "hyper", "rustls"] {
        let versions: Vec<&str> = packages
            .iter()
            .filter(|p| p["name"].as_str() == Some(name))
            .filter_map(|p| p["version"].as_str())
            .collect();
        if versions.len() > 1 {
            offenders.push(format!("{name}: {}", versions.join(", ")));
        }
    }
    let named = |p: &toml::Value| p["name"].as_str().unwrap_or_default().to_owned();
    offenders.extend(packages.iter().map(named).filter(|name| name.starts_with("openssl") || name == "native-tls"));
    let from_git =
        |p: &&toml::Value| p.get("source").and_then(toml::Value::as_str).is_some_and(|s| s.starts_with("git+"));
    offenders.extend(packages.iter().filter(from_git).map(|p| format!("{} from git", named(p))));
    none(offenders, "Cargo.lock holds what deny.toml forbids");
}
