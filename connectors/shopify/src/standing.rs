//! How an order stands at the shop now, line by line: what was ordered, and what was taken off before it shipped. Pure.

use std::collections::BTreeMap;

use retail_proto::Currency;
use retail_proto::commerce::v1 as pb;
use retail_proto::orders::v1::{ChannelLine, PlaceOrderRequest};

use crate::wire::event::Changed;

/// A line as it was read, before anything is known of refunds.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) sku: String,
    pub(crate) description: String,
    pub(crate) ordered: i64,
    /// Less what was refunded or removed, whichever way.
    pub(crate) current: i64,
    pub(crate) is_goods: bool,
}

/// Adds to each line how it would be placed.
pub(crate) fn placed(lines: &mut [ChannelLine], order: &PlaceOrderRequest) {
    for told in lines {
        told.line = order.lines.iter().find(|line| line.channel_line_id == told.channel_line_id).cloned();
    }
}

/// What went back for goods that the order no longer has.
pub(crate) fn given_back(refunds: &[pb::Refund], currency: Currency) -> i64 {
    let counts = |refund: &&pb::Refund| refund.of_order && refund.state() != pb::RefundState::Failed;
    let amounts = refunds.iter().filter(counts).filter_map(|refund| refund.amount.as_ref());
    let own = amounts.filter(|amount| amount.currency == currency.code());
    own.fold(0, |sum, amount| sum.saturating_add(amount.minor_units))
}

/// What was taken off: what is gone, less what was refunded and not cancelled. That may have shipped, and it is shipped
/// when it has not ("no_restock": the number of fulfillable units stays).
fn removed(ordered: i64, current: i64, refunded: i64) -> i64 {
    ordered.saturating_sub(current).saturating_sub(refunded).max(0)
}

/// The lines as the mesh hears of them.
pub(crate) fn lines(seen: Vec<Seen>, refunds: &[pb::Refund]) -> Vec<ChannelLine> {
    let mut refunded = BTreeMap::<String, i64>::new();
    for line in refunds.iter().flat_map(|refund| &refund.lines) {
        if line.restock() != pb::Restock::Cancel {
            let sum = refunded.entry(line.line_item_id.clone()).or_default();
            *sum = sum.saturating_add(line.quantity);
        }
    }
    let line = |seen: Seen| {
        let id = seen.id.to_string();
        let back = refunded.get(&id).copied().unwrap_or_default();
        ChannelLine {
            channel_line_id: id,
            sku: seen.sku,
            description: seen.description,
            ordered: seen.ordered.to_string(),
            removed: removed(seen.ordered, seen.current, back).to_string(),
            is_goods: seen.is_goods,
            line: None,
        }
    };
    seen.into_iter().map(line).collect()
}

/// Whether a body tells of a cancellation or of units that were taken off. Most bodies do not: every shipment and every
/// refund changes an order too, and the shop need not be asked about them.
pub(crate) fn says_something(body: &Changed) -> bool {
    let refunds = || body.refunds.iter().flat_map(|refund| &refund.refund_line_items);
    let back = |id: u64| {
        let lines =
            refunds().filter(|line| line.line_item_id == id && !line.restock_type.eq_ignore_ascii_case("cancel"));
        lines.fold(0_i64, |sum, line| sum.saturating_add(line.quantity))
    };
    let off = |line: &crate::wire::event::ChangedLine| {
        line.current_quantity.is_some_and(|current| removed(line.quantity, current, back(line.id)) > 0)
    };
    !body.cancelled_at.is_empty() || body.line_items.iter().any(off)
}

/// Whether a body may tell of another address: nothing has shipped, nothing went back, and something has happened since
/// it was sold. A body does not say what.
pub(crate) fn may_be_sent_elsewhere(body: &Changed) -> bool {
    let untouched = body.fulfillment_status.is_empty() && body.refunds.is_empty();
    untouched && body.shipping_address.is_some() && has_changed(body)
}

/// Whether anything has happened since it was sold.
pub(crate) fn has_changed(body: &Changed) -> bool {
    body.updated_at != body.created_at
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(current: i64, restock: &str, refunded: i64) -> Value {
        let line = json!({"line_item_id": 7, "quantity": refunded, "restock_type": restock});
        json!({"id": 1, "cancelled_at": null, "line_items": [{"id": 7, "quantity": 3, "current_quantity": current}],
            "refunds": if refunded == 0 { json!([]) } else { json!([{"refund_line_items": [line]}]) }})
    }

    fn says(body: &Value) -> bool {
        says_something(&serde_json::from_value::<Changed>(body.clone()).unwrap())
    }

    #[test]
    fn what_was_returned_or_only_paid_back_is_not_taken_off() {
        assert!(!says(&body(3, "", 0)));
        assert!(!says(&body(1, "return", 2)));
        assert!(!says(&body(1, "no_restock", 2)));
        assert!(says(&body(1, "cancel", 2)));
        assert!(says(&body(1, "", 0)), "edited away");
        assert!(says(&body(0, "return", 2)), "two came back, one was edited away");
    }

    #[test]
    fn only_what_happened_after_the_sale_and_before_the_parcel_may_be_another_address() {
        let body = |updated: &str, status: Value, refunds: Value| -> Changed {
            let body = json!({"id": 1, "created_at": "2026-11-23T10:00:00Z", "updated_at": updated, "shipping_address": {},
                "fulfillment_status": status, "refunds": refunds, "line_items": []});
            serde_json::from_value(body).unwrap()
        };
        let later = "2026-11-23T10:00:07Z";
        assert!(may_be_sent_elsewhere(&body(later, Value::Null, json!([]))));
        assert!(!may_be_sent_elsewhere(&body("2026-11-23T10:00:00Z", Value::Null, json!([]))));
        assert!(!may_be_sent_elsewhere(&body(later, json!("partial"), json!([]))));
        assert!(!may_be_sent_elsewhere(&body(later, Value::Null, json!([{"refund_line_items": []}]))));
    }

    #[test]
    fn a_cancellation_says_something_whatever_its_lines() {
        assert!(says(&json!({"id": 1, "cancelled_at": "2026-11-23T10:00:00+00:00", "line_items": []})));
    }

    #[test]
    fn a_line_says_what_was_taken_off_it() {
        let seen = |current| {
            vec![Seen { id: 7, sku: "MUG".into(), description: "A mug".into(), ordered: 3, current, is_goods: true }]
        };
        let refund = |restock: pb::Restock| pb::Refund {
            lines: vec![pb::RefundLine { line_item_id: "7".into(), quantity: 2, restock: restock.into() }],
            ..pb::Refund::default()
        };
        let off = |current, refunds: &[pb::Refund]| lines(seen(current), refunds).remove(0).removed;
        assert_eq!(off(3, &[]), "0");
        assert_eq!(off(1, &[refund(pb::Restock::None)]), "0");
        assert_eq!(off(1, &[refund(pb::Restock::Cancel)]), "2");
        assert_eq!(off(0, &[refund(pb::Restock::None)]), "1");
    }
}
