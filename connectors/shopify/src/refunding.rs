//! A refund of the shop, whichever way it was read, and how its money stands. Pure.

use jiff::Timestamp;
use retail_connect::outcome;
use retail_proto::commerce::v1::{self as pb, RefundState, Restock};
use retail_proto::returns::v1 as returns;
use retail_proto::types::v1::{Outcome, Ref};
use retail_proto::{Currency, Money, MoneyError};

use crate::note;
use crate::tender::is_over;
use crate::wire::{Digits, event, money};

/// A refund. Words are upper case, as the API spells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refund {
    pub(crate) id: u64,
    pub(crate) order: u64,
    pub(crate) note: String,
    pub(crate) at: Option<Timestamp>,
    pub(crate) standing: Standing,
    pub(crate) lines: Vec<Line>,
    /// More or less went back than its lines come to, or postage did.
    pub(crate) adjusted: bool,
}

/// A line of it: an item, or postage that was given back whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) id: u64,
    pub(crate) quantity: i64,
    pub(crate) restock: String,
}

/// Where the money of a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Given back.
    pub(crate) given: Money,
    /// On its way, or nobody knows.
    pub(crate) under_way: Money,
    /// Some of it will never be given back.
    pub(crate) failed: bool,
}

impl Standing {
    /// Counts the refund transactions; other kinds move nothing to the customer.
    pub(crate) fn of<'a>(
        currency: Currency,
        movements: impl Iterator<Item = (&'a str, &'a str, &'a Digits)>,
    ) -> Result<Self, MoneyError> {
        let nothing = Money::zero(currency);
        let mut standing = Self { given: nothing, under_way: nothing, failed: false };
        for (kind, status, amount) in movements {
            if !kind.eq_ignore_ascii_case("REFUND") {
                continue;
            }
            let amount = Money::parse(&amount.0, currency)?;
            let status = status.to_ascii_uppercase();
            if status == "SUCCESS" {
                standing.given = standing.given.plus(amount)?;
            } else if is_over(&status) {
                standing.failed = true;
            } else {
                standing.under_way = standing.under_way.plus(amount)?;
            }
        }
        Ok(standing)
    }

    pub(crate) fn state(self) -> RefundState {
        match (self.under_way.is_zero(), self.given.is_zero() && self.failed) {
            (false, _) => RefundState::Pending,
            (true, true) => RefundState::Failed,
            (true, false) => RefundState::Done,
        }
    }

    /// True when no money moved and none will.
    pub(crate) fn came_to_nothing(self) -> bool {
        self.given.is_zero() && self.under_way.is_zero()
    }

    /// True when no money was ever to move with it.
    pub(crate) fn is_empty(self) -> bool {
        self.came_to_nothing() && !self.failed
    }

    /// What a refund that we asked for came to.
    pub(crate) fn outcome(self) -> Outcome {
        if !self.under_way.is_zero() {
            return outcome::pending("REFUND_PENDING", format!("{} is on its way", self.under_way));
        }
        match (self.given.is_zero(), self.failed) {
            (true, _) => outcome::refused("REFUND_FAILED", "the shop gave nothing back"),
            (false, true) => outcome::partial("REFUND_FAILED", format!("only {} was given back", self.given)),
            (false, false) => outcome::done(),
        }
    }
}

/// Of an answer of the API.
pub(crate) fn standing(currency: Currency, movements: &[money::Movement]) -> Result<Standing, MoneyError> {
    let told = |one: &money::Movement| (one.kind.clone(), one.status.clone(), one.amount_set.shop_money.amount.clone());
    let told: Vec<_> = movements.iter().map(told).collect();
    Standing::of(currency, told.iter().map(|(kind, status, amount)| (kind.as_str(), status.as_str(), amount)))
}

/// Of a webhook; none when it does not say all that must be known: postage, or amounts in the shop's own currency.
pub(crate) fn told(body: &event::Refund) -> Option<Result<Refund, MoneyError>> {
    let shop = body.total_duties_set.as_ref().map_or("", |set| set.shop_money.currency_code.as_str());
    let own = body.transactions.iter().all(|one| one.currency == shop);
    let currency: Currency = shop.parse().ok()?;
    if !own || !body.refund_shipping_lines.is_empty() {
        return None;
    }
    let movements = body.transactions.iter().map(|one| (one.kind.as_str(), one.status.as_str(), &one.amount));
    let lines = body.refund_line_items.iter().map(|line| Line {
        id: line.line_item_id,
        quantity: line.quantity,
        restock: line.restock_type.to_ascii_uppercase(),
    });
    let at = [&body.created_at, &body.processed_at].into_iter().find_map(|text| text.parse().ok());
    Some(Standing::of(currency, movements).map(|standing| Refund {
        id: body.id,
        order: body.order_id,
        note: body.note.clone(),
        at,
        standing,
        lines: lines.collect(),
        adjusted: !body.order_adjustments.is_empty(),
    }))
}

impl Refund {
    /// True when we made it.
    pub(crate) fn is_ours(&self) -> bool {
        note::read(&self.note).1.is_some()
    }

    /// True when people gave back what the order no longer comes to: goods that were taken off it, with this refund or by
    /// an edit before it. Money that is forgiven is an adjustment of the order ("OrderAdjustment").
    pub(crate) fn is_of_order(&self) -> bool {
        let restocked = |word: &str| self.lines.iter().any(|line| line.restock == word);
        let balance = self.lines.is_empty() && !self.adjusted && !self.standing.came_to_nothing();
        !self.is_ours() && !restocked("RETURN") && (restocked("CANCEL") || balance)
    }

    /// The refund for the mesh.
    pub(crate) fn canonical(&self, instance: &str) -> pb::Refund {
        let (words, reference) = note::read(&self.note);
        let amount = self.standing.given.plus(self.standing.under_way).unwrap_or(self.standing.given);
        let lines = self.lines.iter().map(|line| pb::RefundLine {
            line_item_id: line.id.to_string(),
            quantity: line.quantity,
            restock: if line.restock == "CANCEL" { Restock::Cancel } else { Restock::None }.into(),
        });
        pb::Refund {
            refund: Some(self.reference(instance)),
            external_ref: reference.unwrap_or_default().to_owned(),
            amount: Some(amount.into()),
            state: self.standing.state().into(),
            lines: lines.collect(),
            refunded_at: self.at.map(timestamp),
            note: words.to_owned(),
            of_order: self.is_of_order(),
        }
    }

    /// The refund as a fact for the returns service; none while its money is under way.
    pub(crate) fn fact(&self, instance: &str, key: String) -> Option<returns::TakeRefundRequest> {
        if self.standing.state() == RefundState::Pending {
            return None;
        }
        let (words, reference) = note::read(&self.note);
        let came_back = self.lines.iter().any(|line| line.restock == "RETURN");
        let lines = self.lines.iter().map(|line| returns::RefundFactLine {
            channel_line_id: line.id.to_string(),
            quantity: line.quantity.to_string(),
            restocked: matches!(line.restock.as_str(), "RETURN" | "CANCEL" | "LEGACY_RESTOCK"),
            // Of goods that came back and goods that never left, people may give the money back in one.
            never_left: line.restock == "CANCEL" && came_back,
        });
        Some(returns::TakeRefundRequest {
            idempotency_key: key,
            channel: instance.to_owned(),
            channel_order_id: self.order.to_string(),
            refund: Some(self.reference(instance)),
            external_ref: reference.unwrap_or_default().to_owned(),
            amount: (!self.standing.given.is_zero()).then(|| self.standing.given.into()),
            lines: lines.collect(),
            refunded_at: self.at.map(timestamp),
            note: words.to_owned(),
            failed: self.standing.state() == RefundState::Failed,
        })
    }

    fn reference(&self, instance: &str) -> Ref {
        Ref {
            kind: "commerce".to_owned(),
            instance: instance.to_owned(),
            r#type: "refund".to_owned(),
            id: self.id.to_string(),
            number: String::new(),
        }
    }
}

pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(statuses: &[&str]) -> Value {
        let money = |status: &&str| json!({"kind": "refund", "status": status, "amount": "2.50", "currency": "EUR"});
        json!({"id": 1, "order_id": 2, "note": "worn [weft:R-1]", "created_at": "2026-11-20T09:00:03+00:00", "processed_at": null,
            "total_duties_set": {"shop_money": {"amount": "0.00", "currency_code": "EUR"}},
            "transactions": statuses.iter().map(money).collect::<Vec<_>>(),
            "refund_line_items": [{"line_item_id": 7, "quantity": 2, "restock_type": "return"}], "refund_shipping_lines": []})
    }

    fn read(body: Value) -> Option<Refund> {
        told(&serde_json::from_value(body).unwrap()).map(Result::unwrap)
    }

    fn standing(statuses: &[&str]) -> Standing {
        read(body(statuses)).unwrap().standing
    }

    fn said(statuses: &[&str]) -> (RefundState, String, String) {
        let standing = standing(statuses);
        let outcome = standing.outcome();
        (standing.state(), format!("{:?}", outcome.state()), outcome.reason)
    }

    #[test]
    fn a_refund_is_done_when_all_its_money_is_and_pending_while_any_is() {
        let case = |statuses: &[&str], state, outcome: &str, reason: &str| {
            assert_eq!(said(statuses), (state, outcome.to_owned(), reason.to_owned()), "{statuses:?}");
        };
        case(&["success", "success"], RefundState::Done, "Done", "");
        case(&["success", "pending"], RefundState::Pending, "Pending", "REFUND_PENDING");
        case(&["failure", "awaiting_response"], RefundState::Pending, "Pending", "REFUND_PENDING");
        case(&["a_new_word"], RefundState::Pending, "Pending", "REFUND_PENDING");
        case(&["failure", "error"], RefundState::Failed, "Refused", "REFUND_FAILED");
        case(&["success", "failure"], RefundState::Done, "Partial", "REFUND_FAILED");
    }

    #[test]
    fn only_money_that_moved_is_a_fact_and_pending_money_is_none_yet() {
        let fact = |statuses: &[&str]| read(body(statuses)).unwrap().fact("shop", "k".to_owned());
        assert_eq!(fact(&["pending"]), None);
        let both = fact(&["success", "failure"]).unwrap();
        assert_eq!((both.amount.unwrap().minor_units, both.failed), (250, false));
        let failed = fact(&["failure"]).unwrap();
        assert_eq!((failed.amount, failed.failed), (None, true));
        let goods = fact(&[]).unwrap();
        assert_eq!((goods.amount, goods.failed, goods.lines[0].restocked), (None, false, true));
        assert_eq!((goods.external_ref.as_str(), goods.note.as_str()), ("R-1", "worn"));
    }

    #[test]
    fn a_body_that_says_too_little_is_looked_up_instead() {
        let mut foreign = body(&["success"]);
        foreign["transactions"][0]["currency"] = json!("GBP");
        assert_eq!(read(foreign), None);
        let mut postage = body(&["success"]);
        postage["refund_shipping_lines"] = json!([{"id": 1}]);
        assert_eq!(read(postage), None);
        let mut old = body(&["success"]);
        old["total_duties_set"] = Value::Null;
        assert_eq!(read(old), None);
    }
}
