//! Acting on a shortfall: the orders of its proposal are written down, then each is asked to be served from elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use retail_flow::Leases;
use retail_proto::Quantity;
use retail_runtime::{Clock, Ids, Runtime};
use retail_store::{Document as _, Draft, IndexEntry, IndexQuery, Key, Store};

use crate::fault::Error;
use crate::keys::{action_document, site_id, stock_id};
use crate::proposing::Proposing;
use crate::shortage::Proposal;
use crate::site::{self, Site};
use crate::stock::Stock;

/// Everything that was done, the newest first.
const ALL: &str = "shortfall-actions";
/// Shortfalls that are looked at together.
const PAGE: usize = 200;
/// How often shortfalls are looked for when Weft acts by itself.
const LOOK: Duration = Duration::from_secs(2);

/// What became of asking an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Answer {
    /// Not asked yet.
    Open = 0,
    /// On its way to another place.
    Asked = 1,
    /// Another place has it.
    Moved = 2,
    /// It stays.
    Stays = 3,
}

/// One order of a proposal.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Asking {
    /// Id of the reservation.
    #[prost(string, tag = "1")]
    pub reservation_id: String,
    /// How much of the short item goes with it, millionths.
    #[prost(int64, tag = "2")]
    pub frees: i64,
    /// What became of it.
    #[prost(enumeration = "Answer", tag = "3")]
    pub answer: i32,
    /// UPPER_SNAKE_CASE cause when it stays.
    #[prost(string, tag = "4")]
    pub reason: String,
    /// For people.
    #[prost(string, tag = "5")]
    pub detail: String,
    /// How often it was looked whether it has moved.
    #[prost(uint32, tag = "6")]
    pub looks: u32,
    /// When it is looked at next, milliseconds since 1970.
    #[prost(int64, tag = "7")]
    pub look_at: i64,
}

/// What is done about a shortfall.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Action {
    /// Id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Item code.
    #[prost(string, tag = "2")]
    pub sku: String,
    /// Location code.
    #[prost(string, tag = "3")]
    pub location: String,
    /// Orders, the newest promise first.
    #[prost(message, repeated, tag = "4")]
    pub orders: Vec<Asking>,
    /// Was short, millionths.
    #[prost(int64, tag = "5")]
    pub shortfall: i64,
    /// Begun by policy.
    #[prost(bool, tag = "6")]
    pub by_policy: bool,
    /// When, milliseconds since 1970.
    #[prost(int64, tag = "7")]
    pub begun_at: i64,
}

impl Action {
    /// Every order has answered for good.
    #[must_use]
    pub(crate) fn has_ended(&self) -> bool {
        self.orders.iter().all(|order| matches!(order.answer(), Answer::Moved | Answer::Stays))
    }
}

/// The orders of a proposal, each once, that were not asked before.
#[must_use]
fn orders(proposal: Proposal, asked: &BTreeSet<String>) -> Vec<Asking> {
    let mut orders: Vec<Asking> = vec![];
    for claim in proposal.reroute {
        match orders.iter_mut().find(|order| order.reservation_id == claim.reservation_id) {
            Some(order) => order.frees = order.frees.saturating_add(claim.frees),
            None if asked.contains(&claim.reservation_id) => {}
            None => {
                orders.push(Asking { reservation_id: claim.reservation_id, frees: claim.frees, ..Asking::default() })
            }
        }
    }
    orders
}

/// Acts on shortfalls.
#[derive(Clone)]
pub(crate) struct Acting {
    store: Store,
    clock: Clock,
    proposing: Proposing,
    /// There is an orders service to ask.
    able: bool,
}

impl Acting {
    /// Over a store.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, proposing: Proposing, able: bool) -> Self {
        Self { store, clock, proposing, able }
    }

    /// Who is proposed to go.
    pub(crate) fn proposing(&self) -> &Proposing {
        &self.proposing
    }

    /// A person says: do it. A repeat under the same key is answered with the action as it stands.
    pub(crate) async fn act(&self, key: &str, sku: &str, location: &str) -> Result<Action, Error> {
        let id = Ids::derived("weft.shortfall.act", &[key, sku, location]).to_string();
        if let Some(known) = self.store.read::<Action>(&action_document(location, &id)).await? {
            return Ok(known.doc);
        }
        if !self.able {
            return Err(Error::NoOrders);
        }
        let nothing = |why| Error::NothingToAct { sku: sku.to_owned(), location: location.to_owned(), why };
        let row = self.store.read::<Stock>(&stock_id(location, sku)).await?.map(|found| found.doc);
        let row = row.filter(|row| row.shortfall > 0).ok_or_else(|| nothing("nothing is short"))?;
        let orders = orders(self.proposing.of(&row).await?, &BTreeSet::new());
        if orders.is_empty() {
            return Err(nothing("no promise is known that could go"));
        }
        self.begin(&id, &row, orders, false).await
    }

    /// What was done, the newest first, with the entries that page tokens are made of.
    pub(crate) async fn all(
        &self,
        limit: usize,
        after: Option<(Vec<u8>, Key)>,
    ) -> Result<(Vec<Action>, Vec<IndexEntry>), Error> {
        let entries = self.store.list(&IndexQuery { name: ALL.to_owned(), prefix: vec![], after, limit }).await?;
        let mut actions = Vec::with_capacity(entries.len());
        for entry in &entries {
            actions.extend(self.store.read::<Action>(entry.key.id()).await?.map(|found| found.doc));
        }
        Ok((actions, entries))
    }

    /// Acts by itself on what is proposed, until the runtime stops; at each location the replica that holds it.
    pub(crate) async fn keep_acting(self, runtime: Runtime, leases: Leases) {
        let stopping = runtime.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.clock.sleep(LOOK) => {}
            }
            if let Err(error) = self.look(&leases).await {
                tracing::warn!(%error, "shortfalls could not be acted on; trying again");
            }
        }
    }

    async fn look(&self, leases: &Leases) -> Result<(), Error> {
        let mut after = None;
        loop {
            let query = IndexQuery { name: site::SHORTFALLS.to_owned(), prefix: vec![], after, limit: PAGE };
            let entries = self.store.list(&query).await?;
            for entry in &entries {
                let Some(row) = self.store.read::<Stock>(entry.key.id()).await?.map(|found| found.doc) else {
                    continue;
                };
                if leases.holds(Site::partition(&site_id(&row.location))) {
                    self.act_by_policy(&row).await?;
                }
            }
            match entries.last() {
                Some(last) if entries.len() >= PAGE => after = Some((last.sort.clone(), last.key.clone())),
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Asks the proposed orders that were not asked before for this item here: one that stays is a person's.
    async fn act_by_policy(&self, row: &Stock) -> Result<(), Error> {
        let asked = self.asked(row).await?;
        let orders = orders(self.proposing.of(row).await?, &asked);
        if orders.is_empty() {
            return Ok(());
        }
        let mut parts = vec![row.location.as_str(), row.sku.as_str()];
        parts.extend(orders.iter().map(|order| order.reservation_id.as_str()));
        let id = Ids::derived("weft.shortfall.policy", &parts).to_string();
        self.begin(&id, row, orders.clone(), true).await?;
        Ok(())
    }

    /// Reservations that were asked before for an item at a location.
    async fn asked(&self, row: &Stock) -> Result<BTreeSet<String>, Error> {
        let (mut asked, mut after) = (BTreeSet::new(), None);
        loop {
            let query = IndexQuery { name: of(&row.location, &row.sku), prefix: vec![], after, limit: PAGE };
            let entries = self.store.index(Site::partition(&site_id(&row.location)), &query).await?;
            for entry in &entries {
                let action = self.store.read::<Action>(entry.key.id()).await?;
                asked.extend(action.into_iter().flat_map(|found| found.doc.orders).map(|order| order.reservation_id));
            }
            match entries.last() {
                Some(last) if entries.len() >= PAGE => after = Some((last.sort.clone(), last.key.clone())),
                Some(_) | None => return Ok(asked),
            }
        }
    }

    async fn begin(&self, id: &str, row: &Stock, orders: Vec<Asking>, by_policy: bool) -> Result<Action, Error> {
        let now = self.clock.now();
        let begun = Action {
            id: id.to_owned(),
            sku: row.sku.clone(),
            location: row.location.clone(),
            orders,
            shortfall: row.shortfall,
            by_policy,
            begun_at: now.as_millisecond(),
        };
        let traceparent = retail_runtime::trace::traceparent().unwrap_or_default();
        let document = action_document(&row.location, id);
        tracing::info!(
            sku = row.sku,
            location = row.location,
            short = %Quantity::from_millionths(row.shortfall),
            orders = begun.orders.len(),
            by_policy,
            "a shortfall is acted on"
        );
        let rule = move |draft: &mut Draft<Action>| {
            if draft.existed {
                return Ok::<_, Error>(draft.doc.clone());
            }
            draft.doc = begun.clone();
            let newest = u64::MAX.saturating_sub(u64::try_from(begun.begun_at).unwrap_or_default());
            for name in [ALL.to_owned(), of(&begun.location, &begun.sku)] {
                draft.index(&name, newest.to_be_bytes().to_vec(), Vec::new());
            }
            retail_flow::begin(draft, &begun.id, &traceparent, now);
            Ok(draft.doc.clone())
        };
        Ok(self.store.step(&document, None, rule).await?.value)
    }
}

/// What was done about an item at a location.
fn of(location: &str, sku: &str) -> String {
    format!("{ALL}.{location}.{sku}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reservation::State;
    use crate::shortage::Claim;

    fn claim(id: &str, frees: i64) -> Claim {
        Claim {
            reservation_id: id.into(),
            line_id: "1".into(),
            sku: "A".into(),
            open: Quantity::from_millionths(frees),
            frees,
            state: State::Confirmed,
            promised_at: 1,
        }
    }

    #[test]
    fn an_order_is_asked_once_whatever_the_number_of_its_lines_and_none_is_asked_twice() {
        let proposal = Proposal { reroute: vec![claim("o-3", 2), claim("o-2", 1), claim("o-3", 3)], uncovered: 0 };
        let asked = orders(proposal.clone(), &BTreeSet::new());
        let told: Vec<_> = asked.iter().map(|order| (order.reservation_id.as_str(), order.frees)).collect();
        assert_eq!(told, [("o-3", 5), ("o-2", 1)]);
        let rest = orders(proposal, &BTreeSet::from(["o-3".to_owned()]));
        assert_eq!(rest.len(), 1);
    }
}
