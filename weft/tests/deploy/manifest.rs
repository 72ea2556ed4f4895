//! YAML as it is written or composed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The folder of manifests.
pub(crate) fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy")
}

/// What a file in it says.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(deploy().join(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// A file of one document.
pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// Everything an overlay is composed of; none when nothing on this machine composes, which
/// WEFT_DEPLOY_TESTS=required makes a failure.
pub(crate) fn composed(overlay: &str) -> Option<Vec<Value>> {
    static COMPOSED: OnceLock<Option<Vec<Value>>> = OnceLock::new();
    COMPOSED.get_or_init(|| compose(overlay)).clone()
}

fn compose(overlay: &str) -> Option<Vec<Value>> {
    let folder = deploy().join(overlay);
    for (program, verb) in [("kustomize", "build"), ("kubectl", "kustomize")] {
        let Ok(said) = Command::new(program).arg(verb).arg(&folder).output() else { continue };
        assert!(said.status.success(), "{program}: {}", String::from_utf8_lossy(&said.stderr));
        return Some(serde_saphyr::from_multiple(std::str::from_utf8(&said.stdout).unwrap()).unwrap());
    }
    let required = std::env::var("WEFT_DEPLOY_TESTS").is_ok_and(|word| word == "required");
    assert!(!required, "no kustomize and no kubectl; `make kustomize` installs the first");
    // Not through the print macros: those are swallowed for tests that pass.
    let _said = writeln!(std::io::stderr(), "skipped: no kustomize and no kubectl (`make kustomize`)");
    None
}

/// A text inside; panics with where it should be.
pub(crate) fn word<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} of {value}"))
}

/// A list inside; empty when it is not there.
pub(crate) fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Texts of a list.
pub(crate) fn words(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The one of a list with this value under this name.
pub(crate) fn named<'v>(all: &'v [Value], key: &str, name: &str) -> &'v Value {
    all.iter().find(|one| one[key] == name).unwrap_or_else(|| panic!("nothing with {key} {name}"))
}
