//! Every figure has a line in docs/metrics.md, and every line a figure.

use std::collections::BTreeSet;

use crate::tree::{none, rust, text};

/// Names of families that the product declares.
fn declared() -> BTreeSet<String> {
    let product = ["platform", "services", "connectors", "gateway", "weft"].into_iter().flat_map(rust);
    let mut names = BTreeSet::new();
    for path in product.filter(|path| path.components().any(|part| part.as_os_str() == "src")) {
        let said = text(&path);
        let product = said.split("#[cfg(test)]").next().unwrap().to_owned();
        let found = product.split("name: \"retail_").skip(1).filter_map(|rest| rest.split('"').next());
        names.extend(found.map(|name| format!("retail_{name}")));
    }
    names
}

/// Names in the first column of the tables.
fn documented() -> BTreeSet<String> {
    let page = text("docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `retail_")?.split('`').next().map(str::to_owned));
    rows.map(|name| format!("retail_{name}")).collect()
}

#[test]
fn every_figure_is_documented_and_nothing_else_is() {
    let (declared, documented) = (declared(), documented());
    assert!(declared.len() > 10, "the figures were not found: {declared:?}");
    none(declared.symmetric_difference(&documented).cloned().collect(), "docs/metrics.md and the figures differ");
}
