//! The targets by name.

use std::sync::LazyLock;

type Target = fn(&[u8]);

/// Every target; each has a folder of this name in `corpus`.
const TARGETS: [(&str, Target); 21] = [
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
    ("store", crate::texts::store),
    ("stripe", crate::vendors::stripe),
    ("stripe_webhook", crate::webhooks::stripe),
    ("values", crate::texts::values),
    ("wire_to_json", crate::transcode::wire_to_json),
];

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let names = TARGETS.map(|(name, _)| name).join(", ");
    found.unwrap_or_else(|| panic!("FUZZ_TARGET={name:?} is no target; give one of {names}")).1
});

/// Runs the chosen target over one input.
pub(crate) fn run(data: &[u8]) {
    CHOSEN(data);
}
