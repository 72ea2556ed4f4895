//! Changes by Stripe's events, of which it keeps thirty days. An event is only a hint: the payment is read as it stands.
//!
//! Events are listed newest first. A window is read whole from its beginning, and worked on oldest first; a cursor is the
//! window's beginning and, in the middle of it, the last event that was worked on. A window that is worked off begins
//! again a little before now, so that an event that is listed late is not left out.

use std::time::Duration;

use retail_connect::Lane;
use retail_proto::payments::v1 as pb;

use crate::fault::Error;
use crate::payments::Connector;
use crate::wire::{Event, Page};

const OPERATION: &str = "event.list";
/// Pages of a hundred events; a window of more is not worked off in time, and everything is read anew.
const MOST_PAGES: usize = 20;
/// Stripe keeps thirty days; the last of them is for those who come late.
const KEPT: i64 = 29 * 86_400;
/// "types": at most twenty names. What a payment's standing follows from; section 5.4 of the vendor page.
const TYPES: [&str; 19] = [
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "charge.captured",
    "charge.expired",
    "charge.failed",
    "charge.refunded",
    "charge.refund.updated",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// Where a list of changes goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Beginning of the window, in Stripe's seconds.
    since: i64,
    /// The last event that was worked on; empty at the beginning of the window.
    after: String,
}

impl Cursor {
    /// Reads what was given out before.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (version, since, after) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = after.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let since = since.parse().ok().filter(|since| *since >= 0)?;
        (version == "1" && plain).then(|| Self { since, after: after.to_owned() })
    }

    fn text(&self) -> String {
        format!("1:{}:{}", self.since, self.after)
    }
}

/// What is worked on in one call: payments in the order of their oldest event, and where it ends.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    payments: Vec<String>,
    /// The last event; none when there was nothing to do.
    last: Option<String>,
    more: bool,
}

impl Connector {
    /// Payments that changed, at most `limit`.
    pub(crate) async fn changes(&self, cursor: Option<Cursor>, limit: usize) -> Result<pb::ListChangesResponse, Error> {
        let now = self.clock.now().as_second();
        let caught_up = now.saturating_sub(seconds(self.overlap));
        let cursor = cursor.unwrap_or_else(|| Cursor { since: caught_up, after: String::new() });
        let afresh = Cursor { since: caught_up.max(0), after: String::new() };
        if cursor.since < now.saturating_sub(KEPT) {
            return Ok(resync(&afresh));
        }
        let Some(events) = self.events(cursor.since).await? else { return Ok(resync(&afresh)) };
        let batch = batch(&events, &cursor.after, limit);
        let mut changes = Vec::new();
        for id in &batch.payments {
            match self.standing(id).await {
                Ok(standing) => changes.push(pb::PaymentChange {
                    kind: pb::ChangeKind::Upsert.into(),
                    payment: Some(self.account.payment(&standing)?),
                }),
                Err(Error::NoSuchPayment(id)) => {
                    tracing::warn!(payment = %id, "an event of a payment that is not there")
                }
                Err(error) => return Err(error),
            }
        }
        let next = if batch.more {
            Cursor { since: cursor.since, after: batch.last.unwrap_or(cursor.after) }
        } else {
            Cursor { since: cursor.since.max(caught_up), after: String::new() }
        };
        Ok(pb::ListChangesResponse { changes, cursor: next.text(), more: batch.more })
    }

    /// Every event since then, oldest first; none when they are too many.
    async fn events(&self, since: i64) -> Result<Option<Vec<Event>>, Error> {
        let mut all: Vec<Event> = Vec::new();
        let since = since.to_string();
        for _ in 0..MOST_PAGES {
            let last = all.last().map(|event| event.id.clone());
            let mut query = vec![("created[gte]", since.as_str()), ("limit", "100")];
            query.extend(TYPES.map(|kind| ("types[]", kind)));
            query.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page: Option<Page<Event>> = self.api.read(OPERATION, Lane::Normal, "/v1/events", &query).await?;
            let page =
                page.ok_or_else(|| Error::Unreadable { operation: OPERATION, why: "there is none".to_owned() })?;
            let over = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if over {
                all.reverse();
                return Ok(Some(all));
            }
        }
        Ok(None)
    }
}

fn batch(events: &[Event], after: &str, limit: usize) -> Batch {
    // An event that is not listed any more is of a window that was read anew: all of it is worked on again.
    let begin = events.iter().position(|event| event.id == after).map_or(0, |at| at.saturating_add(1));
    let mut batch = Batch { payments: Vec::new(), last: None, more: false };
    for event in events.iter().skip(begin) {
        let new = event.payment_id().filter(|id| !batch.payments.iter().any(|known| known == id));
        if let Some(id) = new {
            if batch.payments.len() >= limit {
                batch.more = true;
                break;
            }
            batch.payments.push(id.to_owned());
        }
        batch.last = Some(event.id.clone());
    }
    batch
}

fn resync(afresh: &Cursor) -> pb::ListChangesResponse {
    let change = pb::PaymentChange { kind: pb::ChangeKind::Resync.into(), payment: None };
    pb::ListChangesResponse { changes: vec![change], cursor: afresh.text(), more: false }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: &str, payment: &str) -> Event {
        serde_json::from_value(json!({"id": id, "object": "event", "type": "refund.updated",
            "data": {"object": {"object": "refund", "id": "re_1", "payment_intent": payment}}}))
        .unwrap()
    }

    #[test]
    fn a_cursor_is_read_as_it_was_given_out() {
        let cursor = Cursor { since: 1_763_888_888, after: "evt_1".to_owned() };
        assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        for wrong in ["", "1", "2:1:evt", "1:x:evt", "1:-1:", "1:1:e&v"] {
            assert_eq!(Cursor::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_batch_ends_before_the_first_payment_too_many() {
        let events = [event("e1", "a"), event("e2", "b"), event("e3", "a"), event("e4", "c"), event("e5", "a")];
        let first = batch(&events, "", 2);
        assert_eq!(
            (first.payments, first.last.as_deref(), first.more),
            (vec!["a".to_owned(), "b".to_owned()], Some("e3"), true)
        );
        let second = batch(&events, "e3", 2);
        assert_eq!((second.payments, second.more), (vec!["c".to_owned(), "a".to_owned()], false));
        assert_eq!(batch(&events, "gone", 9).payments.len(), 3);
        assert_eq!(batch(&events, "e5", 9), Batch { payments: vec![], last: None, more: false });
    }
}
