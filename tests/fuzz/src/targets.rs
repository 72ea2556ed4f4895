//! The targets by name.

#[cfg(fuzzing)]
use std::sync::LazyLock;

type Target = fn(&[u8]);

/// Every target; each has a folder of this name in `corpus`.
const TARGETS: &[(&str, Target)] = &[
    ("edge", crate::edge::edge),
    ("frames", crate::served::frames),
    ("http2", crate::served::http2),
    ("journal", crate::journal::journal),
    ("json_to_wire", crate::transcode::json_to_wire),
    ("keys", crate::signatures::keys),
    ("mail", crate::mail::mail),
    ("mail_address", crate::mail::address),
    ("netsuite", crate::vendors::netsuite),
    ("page_token", crate::texts::page_token),
    ("policy", crate::texts::policy),
    ("salesforce", crate::vendors::salesforce),
    ("shopify", crate::vendors::shopify),
    ("shopify_webhook", crate::webhooks::shopify),
    ("signature", crate::signatures::signature),
    ("stock_file", crate::texts::stock_file),
    #[cfg(fuzzing)]
    ("store", crate::texts::store),
    ("stripe", crate::vendors::stripe),
    ("stripe_webhook", crate::webhooks::stripe),
    ("values", crate::texts::values),
    ("wire_to_json", crate::transcode::wire_to_json),
];

#[cfg(fuzzing)]
static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let names = TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.unwrap_or_else(|| panic!("FUZZ_TARGET={name:?} is no target; give one of {names}")).1
});

/// Runs the chosen target over one input.
#[cfg(fuzzing)]
pub(crate) fn run(data: &[u8]) {
    CHOSEN(data);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    use super::TARGETS;

    /// What libFuzzer has found worth keeping holds in every build, without libFuzzer. The store's codecs are open to the
    /// fuzzer alone; they have a property of their own.
    #[test]
    fn every_target_holds_over_its_corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let folders = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().file_name());
        let folders: BTreeSet<String> = folders.map(|name| name.to_string_lossy().into_owned()).collect();
        let targets = TARGETS.iter().map(|(name, _)| (*name).to_owned()).chain(["store".to_owned()]);
        assert_eq!(folders, targets.collect());
        let mut broken = Vec::new();
        for (name, target) in TARGETS {
            for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
                let file = entry.unwrap().path();
                let data = std::fs::read(&file).unwrap();
                if catch_unwind(AssertUnwindSafe(|| target(&data))).is_err() {
                    broken.push(file.strip_prefix(&corpus).unwrap().display().to_string());
                }
            }
        }
        assert!(broken.is_empty(), "these panic: {broken:?}");
    }
}
