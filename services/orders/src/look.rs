//! Looking before an order is given to places: what may be sold where, the orders that a place has taken, and the day.

use std::collections::{BTreeMap, BTreeSet};

use retail_flow::Failure;
use retail_proto::Quantity;
use retail_proto::inventory::v1 as stock;
use retail_runtime::config::Span;
use retail_runtime::{Clock, Timestamp};
use retail_store::{IndexQuery, Store};

use crate::calls::Calls;
use crate::config::{Channel, Config};
use crate::decision::Decision;
use crate::floor::Floors;
use crate::policies::Policies;
use crate::policy::{OnBackorder, Place, Policy, RejectedPickup, Shortage, Sourcing};
use crate::record::{Capture, Order};
use crate::reroute::Reroute;
use crate::seal::list;
use crate::shop_policy::{OnShopEdit, ShopRules};
use crate::sourcing::{self, Candidate, Parts, Terms, Wanted};

/// Decides which places fulfil an order.
#[derive(Clone)]
pub(crate) struct Sources {
    policies: Policies,
    usual_pickup: Span,
    store: Store,
    clock: Clock,
}

impl Sources {
    /// By this configuration; the store has the lists of orders that places have taken.
    #[must_use]
    pub(crate) fn new(config: &Config, policies: Policies, store: &Store, clock: &Clock) -> Self {
        Self { policies, usual_pickup: config.pickup, store: store.clone(), clock: clock.clone() }
    }

    /// True when places must be found for it: a policy fits, and not every line names its own.
    #[must_use]
    pub(crate) fn wants(&self, order: &Order) -> bool {
        self.fits(order) && order.lines.iter().any(|line| line.is_wanted() && line.location.is_empty())
    }

    /// Until when a store keeps a pickup that is ready from a moment on, both in milliseconds since 1970: the days on which
    /// it does not work are not counted.
    #[must_use]
    pub(crate) fn kept_until(&self, order: &Order, ready: i64) -> i64 {
        let policies = self.policies.now();
        let own = policy(&policies, order).and_then(|(_, policy)| policy.pickup);
        let kept = own.unwrap_or(self.usual_pickup).get();
        let store = order.pickup.as_ref().and_then(|pickup| policies.places.get(&pickup.location));
        let store = store.cloned().unwrap_or_default();
        let ready = Timestamp::from_millisecond(ready).unwrap_or(Timestamp::MAX);
        store.calendar.kept_until(ready, kept, &store.time_zone).as_millisecond()
    }

    /// Looks and decides.
    pub(crate) async fn decide(&self, calls: &Calls, order: &Order) -> Result<Decision, Failure> {
        let policies = self.policies.now();
        let (name, policy) = policy(&policies, order).ok_or_else(|| no_policy(order))?;
        let terms = terms(name, policy, order, policies.zone(order.shipping_address.as_ref()));
        self.look(calls, order, (&policies, policy), &wanted(order), &terms).await
    }

    /// Decides which place takes over what another cannot fulfil: the one that was asked for, else the best of the
    /// policy's that has everything now. What has been given to one place already is not left waiting at the next.
    pub(crate) async fn decide_again(
        &self,
        calls: &Calls,
        order: &Order,
        reroute: &Reroute,
    ) -> Result<Decision, Failure> {
        let mut wanted = wanted(order);
        wanted.retain(|line| reroute.lines.contains(&line.number));
        for line in &mut wanted {
            line.location.clone_from(&reroute.to);
        }
        let now = self.clock.now();
        if !reroute.to.is_empty() {
            return Ok(sourcing::named(&wanted, &reroute.who, now.as_millisecond()));
        }
        let policies = self.policies.now();
        let (name, policy) = policy(&policies, order).ok_or_else(|| no_policy(order))?;
        let usual = terms(name, policy, order, policies.zone(order.shipping_address.as_ref()));
        let terms = Terms { backorder_at: None, ..usual };
        self.look(calls, order, (&policies, policy), &wanted, &terms).await
    }

    /// What becomes of a pickup that its store cannot fulfil.
    #[must_use]
    pub(crate) fn rejected_pickup(&self, order: &Order) -> RejectedPickup {
        policy(&self.policies.now(), order).map(|(_, policy)| policy.rejected_pickup).unwrap_or_default()
    }

    /// Are lines that the ERP has no stock for given to another place?
    #[must_use]
    pub(crate) fn moves_backorders(&self, order: &Order) -> bool {
        let found = policy(&self.policies.now(), order).map(|(_, policy)| policy.on_backorder);
        found == Some(OnBackorder::Reroute)
    }

    /// What becomes of edits between us and the shop of a channel.
    #[must_use]
    pub(crate) fn shop_rules(&self, name: &str, channel: Option<&Channel>) -> ShopRules {
        let edits = self.policies.now().channels.get(name).copied().unwrap_or_default();
        ShopRules {
            carry_out: edits.edits == OnShopEdit::CarryOut,
            tell: edits.tell_edits && channel.is_some_and(|channel| !channel.address.is_empty()),
            tolerance: channel.map_or(0, |channel| channel.tolerance_minor),
            asks_credit: channel.is_some_and(|channel| channel.credit.is_some()),
        }
    }

    /// What the order's policy keeps back now, by place; none when no policy fits.
    #[must_use]
    pub(crate) fn floors(&self, order: &Order) -> Option<Floors> {
        let policies = self.policies.now();
        let (_, policy) = policy(&policies, order)?;
        let places = policy.places.iter().filter_map(|code| policies.places.get_key_value(code));
        Some(places.map(|(code, place)| (code.clone(), place.kept_back())).collect())
    }

    /// True when a policy fits.
    #[must_use]
    pub(crate) fn fits(&self, order: &Order) -> bool {
        policy(&self.policies.now(), order).is_some()
    }

    async fn look(
        &self,
        calls: &Calls,
        order: &Order,
        (policies, policy): (&Sourcing, &Policy),
        wanted: &[Wanted],
        terms: &Terms,
    ) -> Result<Decision, Failure> {
        let skus: BTreeSet<String> = wanted.iter().map(|line| line.sku.clone()).collect();
        let mut rows = by_location(calls.availability(skus).await?);
        let now = self.clock.now();
        let mut candidates = Vec::with_capacity(policy.places.len());
        for (location, place) in policy.places.iter().filter_map(|code| policies.places.get_key_value(code)) {
            let available = rows.remove(location).unwrap_or_default();
            let mut candidate = self.candidate(location, place, available, &terms.zone, now).await?;
            candidate.rejected = order.places_that_cannot().any(|place| place == location);
            candidates.push(candidate);
        }
        Ok(sourcing::decide(wanted, &candidates, terms, now.as_millisecond()))
    }

    async fn candidate(
        &self,
        location: &str,
        place: &Place,
        available: BTreeMap<String, i64>,
        zone: &str,
        now: Timestamp,
    ) -> Result<Candidate, Failure> {
        let ships = place.ship_day(now);
        let taken = match ships.orders.or(place.orders_per_day) {
            Some(most) => Some((self.taken(location, &ships.day, most).await?, most)),
            None => None,
        };
        Ok(Candidate {
            location: location.to_owned(),
            available,
            kept_back: place.kept_back(),
            reach: place.reach(zone),
            ship_day: ships.day,
            delayed: ships.delayed,
            taken,
            rejected: false,
        })
    }

    /// Orders that a place has for a day; counted as far as it matters.
    async fn taken(&self, location: &str, day: &str, most: u32) -> Result<u32, Failure> {
        let name = list::taken(location, day);
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let query = IndexQuery { name, prefix: Vec::new(), after: None, limit };
        let found = self.store.list(&query).await;
        let found = found.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
        Ok(u32::try_from(found.len()).unwrap_or(u32::MAX))
    }
}

fn policy<'a>(policies: &'a Sourcing, order: &Order) -> Option<(&'a str, &'a Policy)> {
    policies.policy(&order.brand, &order.market)
}

fn no_policy(order: &Order) -> Failure {
    let detail = format!("no sourcing policy fits brand {:?} and market {:?}", order.brand, order.market);
    Failure::refused("NO_SOURCING_POLICY", detail)
}

fn wanted(order: &Order) -> Vec<Wanted> {
    let goods = order.lines.iter().filter(|line| line.is_wanted());
    let wanted = goods.map(|line| Wanted {
        number: line.number,
        sku: line.sku.clone(),
        quantity: line.quantity,
        location: line.location.clone(),
    });
    wanted.collect()
}

fn terms(name: &str, policy: &Policy, order: &Order, zone: &str) -> Terms {
    // What is sold already is never refused.
    let waits = policy.shortage == Shortage::Backorder || order.capture() == Capture::Fact;
    let home = Some(&policy.backorder_at).filter(|place| !place.is_empty()).or_else(|| policy.places.first());
    Terms {
        policy: name.to_owned(),
        version: policy.version.clone(),
        prefer: policy.prefer.clone(),
        split_limit: policy.split_limit,
        parts: policy.split_lines.then(|| Parts {
            line_limit: policy.line_split_limit.unwrap_or(policy.split_limit),
            least: Quantity::whole(i64::from(policy.least_pieces)).map_or(i64::MAX, Quantity::millionths),
            most_cost: policy.split_cost,
            next: order.next_number(),
        }),
        backorder_at: home.filter(|_| waits).cloned(),
        zone: zone.to_owned(),
    }
}

/// What may be sold, by location and item.
fn by_location(rows: Vec<stock::Availability>) -> BTreeMap<String, BTreeMap<String, i64>> {
    let mut found: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for row in rows {
        // An unreadable number is nothing known, never a guess.
        let available = row.available.parse::<Quantity>().map_or(0, Quantity::millionths);
        found.entry(row.location).or_default().insert(row.sku, available);
    }
    found
}
