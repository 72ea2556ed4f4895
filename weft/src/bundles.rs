//! Bundles of transactions, whichever domain they are of.

use anyhow::Context as _;
pub use retail_flow::{Bundle, Difference, Divergence, Replayed, Unreadable};
use retail_runtime::Runtime;

/// Reads a bundle.
///
/// # Errors
/// It is none that this version reads.
pub fn read(text: &str) -> anyhow::Result<Bundle> {
    serde_json::from_str(text).context("this is no bundle that this version reads")
}

/// Runs a bundle through the rules of its domain. Needs no server and asks nobody.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    match bundle.domain.as_str() {
        "orders" => retail_orders::replay(runtime, bundle).await,
        "returns" => retail_returns::replay(runtime, bundle).await,
        "inventory" => retail_inventory::replay(runtime, bundle).await,
        "customers" => retail_customers::replay(runtime, bundle).await,
        "cases" => retail_cases::replay(runtime, bundle).await,
        "messages" => retail_messages::replay(runtime, bundle).await,
        other => Err(Unreadable::Kind(format!("{other}/{}", bundle.kind))),
    }
}
