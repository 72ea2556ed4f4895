//! Ending promises that nobody confirmed in time: a timer commit per reservation part.

use std::convert::Infallible;

use prost::Message as _;
use retail_flow::{Attempt, Class, Failure, Next, Policy, Process, Step, Summary};
use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::reservation::{Part, State};
use crate::site;
use crate::stock::Act;

/// When a promise that could not be given back is looked at again, milliseconds.
const LATER: i64 = 3_600_000;

/// Give an unconfirmed promise back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expire;

impl Step for Expire {
    fn name(&self) -> String {
        "expire".to_owned()
    }

    fn class(&self) -> Class {
        Class::Call
    }

    fn policy(&self) -> Policy {
        Policy { deadline: std::time::Duration::MAX, ..Policy::MESH }
    }
}

/// Ends promises.
pub(crate) struct Expiry {
    channels: Vec<String>,
}

impl Expiry {
    /// Ends promises; these channels are told what may be sold again.
    #[must_use]
    pub(crate) fn new(channels: Vec<String>) -> Self {
        Self { channels }
    }
}

impl Process for Expiry {
    type Doc = Part;
    type Step = Expire;
    type Outcome = Result<(), Infallible>;

    fn decide(&self, doc: &Part, now: Timestamp) -> Next<Expire> {
        match doc.state() {
            State::Held if doc.expires_at <= now.as_millisecond() => Next::Do(vec![Expire]),
            State::Held => Next::Wait(Timestamp::from_millisecond(doc.expires_at).ok()),
            State::Confirmed | State::Expired => Next::Wait(None),
            State::Consumed | State::Released => Next::Done,
        }
    }

    async fn perform(&self, _: &str, _: &Part, _: &Expire, _: Attempt) -> Result<Self::Outcome, Failure> {
        Ok(Ok(()))
    }

    fn apply(&self, draft: &mut Draft<Part>, _: &Expire, _: &Self::Outcome, now: Timestamp) {
        let part = draft.doc.clone();
        let mut shelf = site::load(draft, &part.location, &part.shelved());
        let act = Act { cause: &part.reservation_id, happened_at: now, now };
        match draft.doc.expire(&mut shelf, act) {
            Ok(true) => {
                site::list_promises(draft);
                site::store(draft, shelf, &self.channels, now);
                let body = pb::Reservation::from(&draft.doc).encode_to_vec();
                draft.emit("retail.inventory.v1.ReservationExpired", body);
            }
            Ok(false) => {}
            // The law of stock refused, which is a defect: look again in an hour rather than at once.
            Err(error) => {
                draft.doc = part;
                draft.doc.expires_at = now.as_millisecond().saturating_add(LATER);
                tracing::error!(%error, reservation = draft.doc.reservation_id, "a promise could not be given back");
            }
        }
    }

    fn seal(&self, _: &mut Draft<Part>, _: &Part, _: Timestamp) {}

    fn summary(&self, doc: &Part) -> Summary {
        let status = match doc.state() {
            State::Held => "Promised until it expires",
            State::Confirmed => "Promised",
            State::Consumed => "Shipped",
            State::Released => "Given back",
            State::Expired => "Ran out before it was confirmed",
        };
        Summary { name: format!("{} at {}", doc.reservation_id, doc.location), status: status.to_owned() }
    }
}
