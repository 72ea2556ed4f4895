//! Feeding: the shop's twin sells what an order book says, and in the end every vendor's own books must agree with it
//! to the penny.

mod desk;
mod recalled;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use retail_proto::ops::v1::GetStatsRequest;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::{Peer, Runtime};
use retail_sandbox::orderbook::{LOCATION, OrderBook};
use serde_json::{Value, json};

use self::desk::Desk;
use self::recalled::Recalled;
use crate::console;
use crate::mesh::{Addresses, url};
use crate::wire::Wire;
pub use report::Report;

/// Orders told to the shop at once.
const BATCH: usize = 50;
/// How often books are looked at, at most and at least. Adding up a large book takes time, and the vendors wait
/// meanwhile: so much longer than it took are they left alone.
const LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));
const LEAVE_ALONE: u32 = 20;
/// Who does not answer is asked again for so long.
const TRIES_FOR: Duration = Duration::from_secs(30);
/// After this long without any progress the feed ends and says what is missing.
const PATIENCE: Duration = Duration::from_secs(180);

/// What to feed and how roughly.
pub struct Plan {
    book: OrderBook,
    source: String,
    /// Webhooks delivered twice, in a thousand.
    pub duplicates_per_mille: u32,
    /// Webhooks that are overtaken by later ones, in a thousand.
    pub reorder_per_mille: u32,
    /// Webhooks a second; 0 is as fast as they are taken.
    pub rate_per_second: u32,
}

impl Plan {
    /// Feeds this file; without one the first day of the data set when it is there, else our own small book.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub fn new(csv: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = csv.or_else(OrderBook::first_day) else { return Self::small() };
        let book = OrderBook::open(&path).context("order book")?;
        Ok(Self::of(book, path.display().to_string()))
    }

    /// Feeds our own small book.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub fn small() -> anyhow::Result<Self> {
        let book = OrderBook::small().context("order book")?;
        Ok(Self::of(book, "our own small book".to_owned()))
    }

    fn of(book: OrderBook, source: String) -> Self {
        Self { book, source, duplicates_per_mille: 200, reorder_per_mille: 100, rate_per_second: 0 }
    }
}

/// How a mesh is reached: `http://host:port` each.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The gateway.
    pub gateway: String,
    /// The gateway as the shop's twin reaches it.
    pub webhooks: String,
    /// The control of the twins.
    pub twins: String,
    /// gRPC of orders; several replicas with commas between.
    pub orders: String,
}

impl From<&Addresses> for Reach {
    fn from(at: &Addresses) -> Self {
        let gateway = url(at.gateway);
        Self { webhooks: gateway.clone(), gateway, twins: url(at.sandbox), orders: url(at.orders) }
    }
}

/// One feeding.
pub struct Feeding<'a> {
    runtime: &'a Runtime,
    gateway: Wire<'a>,
    twins: Wire<'a>,
    orders: Peer,
    webhooks: String,
    plan: Plan,
}

impl<'a> Feeding<'a> {
    /// Feeds a running mesh: [`Addresses`] or a [`Reach`].
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(runtime: &'a Runtime, mesh: impl Into<Reach>, plan: Plan) -> anyhow::Result<Self> {
        let mesh = mesh.into();
        Ok(Self {
            runtime,
            // Everything that is asked here may be asked again: a replica that dies must not end the day.
            gateway: Wire::to(runtime, &mesh.gateway)?.patient(TRIES_FOR),
            twins: Wire::to(runtime, &mesh.twins)?.patient(TRIES_FOR),
            orders: runtime.peer(&mesh.orders)?,
            webhooks: format!("{}/webhooks/commerce/shop", mesh.webhooks.trim_end_matches('/')),
            plan,
        })
    }

    /// Seeds, sells, takes back what was called off, waits until every book stands still, and compares.
    ///
    /// # Errors
    /// When somebody does not answer.
    pub async fn run(self) -> anyhow::Result<Report> {
        let started = self.runtime.clock().monotonic();
        let sums = &self.plan.book.report;
        console::say(&format!(
            "feeding {}: {} orders, {} lines, {} {}",
            self.plan.source, sums.orders, sums.lines, sums.value, self.plan.book.seed.currency
        ));
        self.twins.post("/__sandbox/seed", &serde_json::to_value(&self.plan.book.seed)?).await?;
        self.read_reference().await?;
        self.write_off().await?;
        let webhooks = json!({
            "url": self.webhooks,
            "duplicates_per_mille": self.plan.duplicates_per_mille,
            "reorder_per_mille": self.plan.reorder_per_mille,
            "rate_per_second": self.plan.rate_per_second,
        });
        self.twins.post("/__sandbox/shopify/webhooks", &webhooks).await?;
        for batch in self.plan.book.orders.chunks(BATCH) {
            self.twins.post("/__sandbox/shopify/sell", &json!({"orders": batch})).await?;
        }
        self.wait().await?;
        let desk = Desk { runtime: self.runtime, gateway: &self.gateway, twins: &self.twins };
        let returns = desk.work(&self.plan.book.cancellations).await?;
        let recalled = Recalled::compare(&self.plan.book.recalls(), &returns);
        let books = self.rest(&recalled).await?;
        let took = self.runtime.clock().monotonic().saturating_sub(started);
        let held = self.gateway.get("/v1/orders?exceptionsOnly=true&pageSize=200").await?;
        Ok(Report::new(&self.plan.book, recalled, books, held, took))
    }

    /// Items, places and stock are read from their owners before the first order needs them.
    async fn read_reference(&self) -> anyhow::Result<()> {
        // Counts are taken before the first sale. A feed that goes on after an interruption is in the middle of a day:
        // a count then could contain shipments that our own books take off a moment later.
        let sold = count(&self.twins.get("/__sandbox/books").await?, "shopify", "orders");
        let key = format!("feed-{}", self.runtime.ids().next());
        let body = json!({"includeStock": sold == 0});
        let headers = [("idempotency-key", key.as_str())];
        let read = self.gateway.call("POST", "/v1/reference:sync", Some(&body), &headers).await;
        let read = read.context("items and stock could not be read from the ERP and the shop")?;
        let number = |name: &str| read.get(name).cloned().unwrap_or(json!(0));
        console::say(&format!("reference: {} items, {} stock rows", number("items"), number("stockRows")));
        Ok(())
    }

    /// Write-offs reach Weft as the warehouse would send them.
    async fn write_off(&self) -> anyhow::Result<()> {
        for (lost, place) in self.plan.book.write_offs.iter().zip(1_usize..) {
            let key = format!("write-off-{}-{place}", lost.name);
            let body = json!({
                "sku": lost.sku, "location": LOCATION, "quantity": lost.quantity.to_string(), "reason": "WRITE_OFF",
                "reference": lost.name, "happenedAt": lost.at,
            });
            let headers = [("idempotency-key", key.as_str())];
            let (status, text) = self.gateway.raw("POST", "/v1/stock:adjust", Some(&body), &headers).await?;
            if status != 200 {
                console::say(&format!("write-off {} of {} refused ({status}): {text}", lost.name, lost.sku));
            }
        }
        Ok(())
    }

    /// Waits until the ERP has invoiced everything and the CRM knows it, or nothing moves any more.
    async fn wait(&self) -> anyhow::Result<()> {
        let expected = self.plan.book.report.orders;
        let bar = ProgressBar::new(expected);
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} orders closed, {elapsed} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (mut last, mut still) = (Value::Null, Duration::ZERO);
        loop {
            let (books, pause) = self.books().await?;
            let open = self.open_orders().await?;
            let told = count(&books, "salesforce", "order_contexts");
            bar.set_position(expected.saturating_sub(open));
            bar.set_message(format!("(ERP {}, CRM {told})", count(&books, "netsuite", "invoices")));
            let delivered = count(&books, "shopify", "orders") >= expected && pending(&books) == 0;
            if delivered && open == 0 && told >= expected {
                bar.finish();
                return Ok(());
            }
            let now = json!([books, open]);
            still = if now == last { still.saturating_add(pause) } else { Duration::ZERO };
            if still >= PATIENCE {
                bar.abandon_with_message("nothing moves any more");
                return Ok(());
            }
            last = now;
            self.runtime.clock().sleep(pause).await;
        }
    }

    /// Waits until the CRM was told of every return, or nothing moves any more.
    async fn rest(&self, recalled: &Recalled) -> anyhow::Result<Value> {
        let (mut last, mut still) = (Value::Null, Duration::ZERO);
        loop {
            let (books, pause) = self.books().await?;
            let told = report::milestone(&books, "RETURN_REFUNDED") >= recalled.paid_parts
                && report::milestone(&books, "RETURN_COMPLETED") >= recalled.completed
                && count(&books, "salesforce", "returns") >= recalled.returns;
            if told || still >= PATIENCE {
                return Ok(books);
            }
            still = if books == last { still.saturating_add(pause) } else { Duration::ZERO };
            last = books;
            self.runtime.clock().sleep(pause).await;
        }
    }

    /// The vendors' books, and how long to leave them alone then.
    async fn books(&self) -> anyhow::Result<(Value, Duration)> {
        let clock = self.runtime.clock();
        let asked = clock.monotonic();
        let books = self.twins.get("/__sandbox/books").await?;
        let took = clock.monotonic().saturating_sub(asked);
        Ok((books, took.saturating_mul(LEAVE_ALONE).clamp(LOOK.0, LOOK.1)))
    }

    /// Orders that the mesh is still working on; the orders service counts them itself.
    async fn open_orders(&self) -> anyhow::Result<u64> {
        let mut ops = OpsServiceClient::new(self.orders.clone());
        let begun = self.runtime.clock().monotonic();
        loop {
            match ops.get_stats(GetStatsRequest {}).await {
                Ok(stats) => return Ok(stats.into_inner().open),
                Err(status) if self.runtime.clock().monotonic().saturating_sub(begun) >= TRIES_FOR => {
                    return Err(status.into());
                }
                Err(_) => self.runtime.clock().sleep(LOOK.0).await,
            }
        }
    }
}

/// A number of a vendor's book.
fn count(books: &Value, vendor: &str, book: &str) -> u64 {
    books.pointer(&format!("/{vendor}/{book}/count")).and_then(Value::as_u64).unwrap_or(0)
}

fn pending(books: &Value) -> u64 {
    books.pointer("/shopify/webhooks/pending").and_then(Value::as_u64).unwrap_or(0)
}
