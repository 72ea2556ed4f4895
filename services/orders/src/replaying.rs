//! An order's bundle, run again: through the rules alone, or with its effects in the ERP sent to another one.

use std::sync::Arc;

use prost::Message as _;
use retail_flow::{Bundle, Replayed, Resent, Unreadable};
use retail_proto::Quantity;
use retail_runtime::Runtime;
use retail_store::{Model, Store};

use crate::calls::Calls;
use crate::config::Config;
use crate::journey::Journey;
use crate::policies::Policies;
use crate::record::Order;
use crate::seal::Seal;

/// What another ERP must know before the effects of an order make sense there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The ERP that booked it, as configured.
    pub erp: String,
    /// The customer's id.
    pub customer_id: String,
    /// Currency of its prices.
    pub currency: String,
    /// Its items.
    pub items: Vec<Item>,
}

/// An item of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Item code.
    pub sku: String,
    /// What people call it.
    pub description: String,
    /// Goods or a charge.
    pub is_goods: bool,
    /// Price of one.
    pub price: String,
    /// Where it ships from; empty when nobody has said.
    pub location: String,
    /// Whole pieces.
    pub quantity: i64,
}

/// Runs a bundle of an order through the rules, by the configuration it holds. Nobody is asked anything.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    let journey = journey(runtime, bundle.configured()?)?;
    retail_flow::replay(runtime, &journey, bundle).await
}

/// Sends what the ERP confirmed to the ERP connector at another address, and compares its answers. Effects in other systems
/// are not sent.
///
/// # Errors
/// [`Unreadable`].
pub async fn resend(runtime: &Runtime, bundle: &Bundle, erp: &str) -> Result<Vec<Resent>, Unreadable> {
    let mut config: Config = bundle.configured()?;
    config.erps.values_mut().for_each(|known| erp.clone_into(&mut known.address));
    let journey = journey(runtime, config)?;
    retail_flow::resend(&journey, bundle, |name| name.starts_with("erp.")).await
}

/// What the order's last state names; `None` when the bundle is of something else, or holds no order.
#[must_use]
pub fn world(bundle: &Bundle) -> Option<World> {
    let documents = bundle.documents();
    let order = Order::decode(documents.last()?.as_slice()).ok().filter(|_| bundle.kind == "order")?;
    let items = order.lines.iter().map(|line| Item {
        sku: line.sku.clone(),
        description: line.description.clone(),
        is_goods: line.is_goods(),
        price: line.unit_price.clone(),
        location: line.location.clone(),
        quantity: Quantity::from_millionths(line.quantity).as_whole().unwrap_or_default(),
    });
    Some(World {
        items: items.collect(),
        erp: order.erp.clone(),
        customer_id: order.customer_id.clone(),
        currency: order.currency,
    })
}

fn journey(runtime: &Runtime, config: Config) -> Result<Arc<Journey>, Unreadable> {
    let store = Store::over(runtime, Arc::new(Model::new()), "orders", "replay");
    let calls = Calls::new(&config, runtime, &store, Policies::fixed(config.sourcing.clone()));
    Ok(Journey::new(calls.map_err(|error| Unreadable::Config(error.to_string()))?, Seal))
}
