//! Finding orders: the list that fits best is read, newest first, and what else was asked for is held against each order.

use retail_flow::page;
use retail_proto::orders::v1 as pb;
use retail_runtime::fault::Violations;
use retail_store::{Document as _, IndexEntry, IndexQuery};

use crate::fault::Error;
use crate::orders::Orders;
use crate::pickup::{Pickup, Stage};
use crate::record::{Order, State};
use crate::render;
use crate::seal::{first_placed_until, is_exception, list, references};

const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;
/// Orders that are read for one page, whether they fit or not.
const LOOKED_AT: usize = 1_000;

/// What an order must be like.
struct Wanted {
    state: Option<State>,
    stage: Option<Stage>,
    from: i64,
    until: i64,
    asked: pb::ListOrdersRequest,
}

impl Wanted {
    fn read(asked: &pb::ListOrdersRequest, bad: &mut Violations) -> Self {
        let stage = render::known_stage(asked.pickup_stage());
        let staged = asked.pickup_location.is_empty() || stage.is_some();
        bad.require("pickup_location", staged, "give pickup_stage with it");
        let millisecond = |at: &prost_types::Timestamp| {
            at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000)
        };
        let from = asked.placed_from.as_ref().map_or(i64::MIN, millisecond);
        let until = asked.placed_until.as_ref().map_or(i64::MAX, millisecond);
        bad.require("placed_until", from < until, "is not after placed_from");
        Self { state: render::known_state(asked.state()), stage, from, until, asked: asked.clone() }
    }

    /// The shortest list that every wanted order stands in.
    fn list(&self) -> String {
        let asked = &self.asked;
        if !asked.order_number.is_empty() {
            return list::number(&asked.order_number);
        }
        if !asked.reference.is_empty() {
            return list::reference(&asked.reference);
        }
        if !asked.customer_id.is_empty() {
            return list::customer(&asked.customer_id);
        }
        if let Some(stage) = self.stage {
            return list::pickup(stage, &asked.pickup_location);
        }
        if asked.exceptions_only {
            return list::EXCEPTIONS.to_owned();
        }
        if let Some(state) = self.state {
            return list::state(state);
        }
        if asked.channel.is_empty() { list::ALL.to_owned() } else { list::channel(&asked.channel) }
    }

    /// Whether an order fits.
    fn fits(&self, order: &Order) -> bool {
        let asked = &self.asked;
        let given = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        let stands = |stage| {
            let pickup = order.pickup.as_ref().filter(|_| !order.is_over());
            pickup.is_some_and(|pickup: &Pickup| {
                pickup.stage() == stage && given(&asked.pickup_location, &pickup.location)
            })
        };
        self.state.is_none_or(|state| order.state() == state)
            && self.stage.is_none_or(stands)
            && given(&asked.channel, &order.channel)
            && given(&asked.customer_id, &order.customer_id)
            && given(&asked.order_number, &order.number)
            && (asked.reference.is_empty() || references(order).contains(&asked.reference))
            && (!asked.exceptions_only || is_exception(order))
            && (self.from..self.until).contains(&order.placed_at)
    }
}

impl Orders {
    /// Finds orders, newest first.
    pub(crate) async fn list(&self, request: &pb::ListOrdersRequest) -> Result<(Vec<Order>, String), Error> {
        let mut bad = Violations::default();
        let size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
        bad.require("page_size", size <= LARGEST_PAGE, &format!("ask for 0 to {LARGEST_PAGE}"));
        let wanted = Wanted::read(request, &mut bad);
        let from_here = page::read(&request.page_token, &mut bad);
        bad.check()?;
        let newest = (wanted.until < i64::MAX).then(|| first_placed_until(wanted.until.saturating_sub(1)));
        let mut after = from_here.or_else(|| newest.map(|sort| (sort, Order::key(""))));
        let limit = if size == 0 { PAGE } else { size };
        let (name, mut orders, mut looked_at) = (wanted.list(), Vec::new(), 0_usize);
        loop {
            let query = IndexQuery { name: name.clone(), prefix: Vec::new(), after: after.clone(), limit };
            let entries = self.store().list(&query).await.map_err(Error::Store)?;
            for entry in &entries {
                if is_older(entry, wanted.from) {
                    return Ok((orders, String::new()));
                }
                let order = self.get(entry.key.id()).await?;
                if wanted.fits(&order) {
                    orders.push(order);
                }
                if orders.len() == limit {
                    return Ok((orders, page::next(std::slice::from_ref(entry), 1)));
                }
            }
            looked_at = looked_at.saturating_add(entries.len());
            let next = page::next(&entries, limit);
            if next.is_empty() || looked_at >= LOOKED_AT {
                return Ok((orders, next));
            }
            after = entries.last().map(|last| (last.sort.clone(), last.key.clone()));
        }
    }
}

/// Lists run from the newest order to the oldest: nothing behind this one was placed at or after that time.
fn is_older(entry: &IndexEntry, from: i64) -> bool {
    from > i64::MIN && entry.sort > first_placed_until(from.saturating_sub(1))
}
