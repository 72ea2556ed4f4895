//! Asking orders to be served from elsewhere, one after the other, and looking until each has moved or stays. The order
//! decides; an order that cannot move says why, and nothing of it is changed.

use std::time::Duration;

use retail_flow::{Attempt, Class, Failure, Kept, Next, Process, Step, Summary, Verdict};
use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_runtime::{Ids, Peer, Timestamp};
use retail_store::Draft;
use serde::{Deserialize, Serialize};

use crate::acting::{Action, Answer, Asking};
use crate::allocation::order_of;

/// Between two looks at an order that is on its way, doubled with each.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest time between two looks.
const PAUSE_CAP: Duration = Duration::from_secs(60);

/// What an action asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Serve it from elsewhere.
    Reroute(usize),
    /// Has it moved?
    Look(usize),
}

/// What a step brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Found {
    /// It is on its way.
    Open,
    /// Another place has it.
    Moved,
    /// It stays.
    Stays(String),
}

impl Step for Ask {
    /// A look has the same name for ever: it is no intent, and its ledger must not grow with it.
    fn name(&self) -> String {
        match self {
            Self::Reroute(place) => format!("orders.reroute/{place}"),
            Self::Look(place) => format!("orders.look/{place}"),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Reroute(_) => Class::Keyed,
            Self::Look(_) => Class::Call,
        }
    }

    fn routine(&self) -> bool {
        matches!(self, Self::Look(_))
    }
}

/// Asks orders.
pub(crate) struct Rerouting {
    orders: Option<Peer>,
}

impl Rerouting {
    /// Asks this orders service, or nobody.
    #[must_use]
    pub(crate) fn new(orders: Option<Peer>) -> Self {
        Self { orders }
    }

    fn client(&self) -> Result<OrdersServiceClient<Peer>, Failure> {
        let peer = self.orders.clone();
        peer.map(OrdersServiceClient::new)
            .ok_or_else(|| Failure::refused("ORDERS_NOT_CONFIGURED", "no orders service is configured to ask"))
    }

    async fn reroute(&self, doc: &Action, asking: &Asking) -> Result<Found, Failure> {
        let order_id = order_of(&asking.reservation_id).to_owned();
        let request = orders::RerouteOrderRequest {
            idempotency_key: Ids::derived("weft.shortfall", &[&doc.id, &order_id]).to_string(),
            order_id,
            from: doc.location.clone(),
            reason: why(doc),
            ..Default::default()
        };
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("x-principal", tonic::metadata::MetadataValue::from_static("inventory"));
        let order = self.client()?.reroute_order(request).await?.into_inner().order.unwrap_or_default();
        Ok(found(doc, &order))
    }

    async fn look(&self, doc: &Action, asking: &Asking) -> Result<Found, Failure> {
        let request = orders::GetOrderRequest { order_id: order_of(&asking.reservation_id).to_owned() };
        let order = self.client()?.get_order(request).await?.into_inner().order.unwrap_or_default();
        Ok(found(doc, &order))
    }
}

/// Why, in words that name the action: it is found again by them.
fn why(doc: &Action) -> String {
    format!("{} is short at {} (shortfall action {})", doc.sku, doc.location, doc.id)
}

fn found(doc: &Action, order: &orders::Order) -> Found {
    let why = why(doc);
    let ours = order.reroutes.iter().rev().find(|reroute| reroute.why == why);
    match ours.map(|reroute| (reroute.state(), &reroute.outcome)) {
        Some((orders::RerouteState::Done, _)) => Found::Moved,
        Some((orders::RerouteState::Failed, outcome)) => Found::Stays(outcome.clone()),
        Some((orders::RerouteState::Open | orders::RerouteState::Unspecified, _)) | None => Found::Open,
    }
}

impl Process for Rerouting {
    type Doc = Action;
    type Step = Ask;
    type Outcome = Found;

    fn decide(&self, doc: &Action, now: Timestamp) -> Next<Ask> {
        if doc.has_ended() {
            return Next::Done;
        }
        // One after the other: what one order frees, the next need not.
        if let Some(place) = doc.orders.iter().position(|order| order.answer() == Answer::Open) {
            return Next::Do(vec![Ask::Reroute(place)]);
        }
        let asked = || doc.orders.iter().zip(0_usize..).filter(|(order, _)| order.answer() == Answer::Asked);
        let due: Vec<Ask> = asked()
            .filter(|(order, _)| order.look_at <= now.as_millisecond())
            .map(|(_, place)| Ask::Look(place))
            .collect();
        if due.is_empty() {
            let next = asked().map(|(order, _)| order.look_at).min();
            return Next::Wait(next.and_then(|at| Timestamp::from_millisecond(at).ok()));
        }
        Next::Do(due)
    }

    async fn perform(&self, _: &str, doc: &Action, step: &Ask, _: Attempt) -> Result<Found, Failure> {
        let (Ask::Reroute(place) | Ask::Look(place)) = step;
        let asking = doc.orders.get(*place);
        let asking = asking.ok_or_else(|| Failure::refused("NO_SUCH_STEP", format!("no order {place}")))?;
        match step {
            Ask::Reroute(_) => self.reroute(doc, asking).await,
            Ask::Look(_) => self.look(doc, asking).await,
        }
    }

    fn apply(&self, draft: &mut Draft<Action>, step: &Ask, found: &Found, now: Timestamp) {
        let (Ask::Reroute(place) | Ask::Look(place)) = step;
        let Some(order) = draft.doc.orders.get_mut(*place) else { return };
        match found {
            Found::Moved => order.set_answer(Answer::Moved),
            Found::Stays(why) => {
                order.set_answer(Answer::Stays);
                "REROUTE_FAILED".clone_into(&mut order.reason);
                order.detail.clone_from(why);
            }
            Found::Open => {
                order.set_answer(Answer::Asked);
                let pause = PAUSE.saturating_mul(2_u32.saturating_pow(order.looks.min(10))).min(PAUSE_CAP);
                order.looks = order.looks.saturating_add(1);
                let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                order.look_at = now.as_millisecond().saturating_add(pause);
            }
        }
    }

    fn refused(&self, draft: &mut Draft<Action>, step: &Ask, why: &Failure, _: Timestamp) -> Verdict {
        let (Ask::Reroute(place) | Ask::Look(place)) = step;
        if let Some(order) = draft.doc.orders.get_mut(*place) {
            order.set_answer(Answer::Stays);
            why.reason().clone_into(&mut order.reason);
            why.detail().clone_into(&mut order.detail);
        }
        Verdict::Handled
    }

    fn kept() -> Option<Kept<Self>> {
        Some(Kept::with(&[]))
    }

    fn seal(&self, _: &mut Draft<Action>, _: &Action, _: Timestamp) {}

    fn summary(&self, doc: &Action) -> Summary {
        let moved = doc.orders.iter().filter(|order| order.answer() == Answer::Moved).count();
        let stay = doc.orders.iter().filter(|order| order.answer() == Answer::Stays).count();
        let name = format!("shortfall of {} at {}", doc.sku, doc.location);
        Summary { name, status: format!("{moved} of {} orders moved, {stay} stay", doc.orders.len()) }
    }
}
