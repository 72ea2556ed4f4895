//! The one image.

use std::path::Path;

use crate::manifest::text;

/// Lines that say something, without comments.
fn lines() -> Vec<String> {
    let said = text("Containerfile");
    said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn the_image_is_built_from_locked_versions_by_the_toolchain_of_the_workspace_and_runs_as_nobody() {
    let lines = lines();
    let has = |start: &str| lines.iter().any(|line| line.starts_with(start));
    assert!(has("RUN cargo build --release --locked --bin weft"), "{lines:?}");
    let workspace = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let workspace: toml::Table = workspace.parse().unwrap();
    let toolchain = workspace["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(has(&format!("FROM docker.io/library/rust:{toolchain}-")), "{lines:?}");
    let last = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    let stage = &lines[last..];
    assert!(stage[0].contains("distroless") && stage[0].ends_with(":nonroot"), "{stage:?}");
    assert!(stage.contains(&"USER 65532:65532".to_owned()), "{stage:?}");
    assert!(stage.contains(&"ENTRYPOINT [\"/usr/local/bin/weft\"]".to_owned()), "{stage:?}");
    assert!(stage.iter().any(|line| line.ends_with("/release/weft /usr/local/bin/weft")), "{stage:?}");
    assert!(!stage.iter().any(|line| line.starts_with("RUN ")), "nothing in the last stage could run it: {stage:?}");
}
