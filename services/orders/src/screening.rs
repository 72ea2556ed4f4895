//! Screening: what must be looked at by a person before an order goes to the warehouse, by the rules of its channel, and
//! what becomes of an order that nobody looked at in time. Pure.

use std::collections::BTreeMap;

use retail_proto::types::v1::Address;
use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::credit;
use crate::record::{Order, State};

/// What holds an order of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Screening {
    /// A risk score above this, 0 to 100, as the channel or its fraud service gave it. Absent: no score holds.
    #[serde(default)]
    pub risk_above: Option<u32>,
    /// A total above this many minor units, by currency.
    #[serde(default)]
    pub total_above: BTreeMap<String, i64>,
    /// Goods that are shipped to an address without name, street, city or country.
    #[serde(default)]
    pub address: bool,
    /// How long a hold is kept; absent: until somebody decides.
    #[serde(default)]
    pub expires_after: Option<Span>,
    /// What becomes of an order whose hold has expired.
    #[serde(default)]
    pub on_expiry: OnExpiry,
}

/// What becomes of an order that nobody looked at in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// It is cancelled, and its money given back.
    #[default]
    Cancel,
    /// It goes on, except for causes that releasing does not mend (an unknown item, no stock).
    Release,
}

/// Reasons that a person takes over by releasing them; others are asked again.
pub(crate) const TAKEN_OVER: [&str; 7] = [
    "TOTAL_MISMATCH",
    "RISK_SCORE",
    "TOTAL_ABOVE_LIMIT",
    "ADDRESS_INCOMPLETE",
    "HELD_BY_PERSON",
    credit::OVER,
    credit::CURRENCY,
];

/// Holds what the channel's rules name.
pub(crate) fn screen(order: &mut Order, rules: &Screening, at: i64) {
    if order.state() != State::Received && order.state() != State::Held {
        return;
    }
    if let (Some(score), Some(limit)) = (order.risk_score, rules.risk_above)
        && score > limit
    {
        let detail = format!("the risk score is {score}, above {limit}; look at the buyer, then release or cancel");
        order.hold("RISK_SCORE", &detail, at);
    }
    if let Some(limit) = rules.total_above.get(&order.currency)
        && order.total > *limit
        && let (Some(total), Some(limit)) = (order.money(order.total), order.money(*limit))
    {
        let detail = format!("the total is {total}, above {limit}; look at it, then release or cancel");
        order.hold("TOTAL_ABOVE_LIMIT", &detail, at);
    }
    let ships = order.pickup.is_none() && !order.has_no_goods();
    let missing = missing(order.shipping_address.as_ref());
    if rules.address && ships && !missing.is_empty() {
        let detail = format!("the shipping address has no {}; ask the customer", missing.join(", no "));
        order.hold("ADDRESS_INCOMPLETE", &detail, at);
    }
}

fn missing(address: Option<&Address>) -> Vec<&'static str> {
    let Some(address) = address else { return vec!["name", "street", "city", "country"] };
    let empty = |text: &str| text.trim().is_empty();
    let parts = [
        (empty(&address.name), "name"),
        (address.lines.iter().all(|line| empty(line)), "street"),
        (empty(&address.city), "city"),
        (empty(&address.country_code) && empty(&address.country_name), "country"),
    ];
    parts.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect()
}

impl Order {
    /// Says until when open holds are kept, by the channel's rules.
    pub(crate) fn date_holds(&mut self, rules: &Screening) {
        // What is found of a booked order holds nothing up, and nothing runs out.
        let held = self.state() == State::Held;
        let Some(kept) = rules.expires_after.filter(|_| held) else { return };
        let kept = i64::try_from(kept.get().as_millis()).unwrap_or(i64::MAX);
        for hold in self.holds.iter_mut().filter(|hold| hold.expires_at == 0) {
            hold.expires_at = hold.since.saturating_add(kept);
        }
    }

    /// When the first hold runs out, milliseconds since 1970; none while nothing holds it or holds are kept for ever.
    #[must_use]
    pub(crate) fn holds_expire_at(&self) -> Option<i64> {
        let dated = self.holds.iter().filter(|hold| self.state() == State::Held && hold.expires_at != 0);
        dated.map(|hold| hold.expires_at).min()
    }

    /// Acts on the holds that have run out; others are kept.
    pub(crate) fn expire_holds(&mut self, then: OnExpiry, at: i64) {
        let over = self.holds.iter().filter(|hold| hold.expires_at != 0 && hold.expires_at <= at);
        let over: Vec<String> = over.map(|hold| hold.reason.clone()).collect();
        if self.state() != State::Held || over.is_empty() {
            return;
        }
        if then == OnExpiry::Release && over.iter().all(|reason| TAKEN_OVER.contains(&reason.as_str())) {
            for reason in &over {
                // It is open: it was read a moment ago.
                let _released = self.release_hold(reason);
            }
            return;
        }
        let cause = format!("held for {} and not released in time", over.join(", "));
        // Nothing of a held order was booked: it can always be cancelled.
        let _cancelled = self.cancel(&cause, false);
        self.advance();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;

    const DAY: i64 = 86_400_000;

    fn rules() -> Screening {
        Screening {
            risk_above: Some(70),
            total_above: BTreeMap::from([("GBP".to_owned(), 2_000)]),
            address: true,
            expires_after: Some(Span::from_secs(86_400)),
            on_expiry: OnExpiry::Cancel,
        }
    }

    fn reasons(order: &Order) -> Vec<&str> {
        order.holds.iter().map(|hold| hold.reason.as_str()).collect()
    }

    #[test]
    fn everything_that_must_be_looked_at_is_named_at_once() {
        let mut order = order().received();
        order.risk_score = Some(71);
        screen(&mut order, &rules(), 1);
        assert_eq!(reasons(&order), ["RISK_SCORE", "TOTAL_ABOVE_LIMIT", "ADDRESS_INCOMPLETE"]);
        let details: Vec<_> = order.holds.iter().map(|hold| hold.detail.as_str()).collect();
        insta::assert_snapshot!(details.join("\n"), @r"
        the risk score is 71, above 70; look at the buyer, then release or cancel
        the total is 22.08 GBP, above 20.00 GBP; look at it, then release or cancel
        the shipping address has no name, no street, no city, no country; ask the customer
        ");
    }

    #[test]
    fn what_is_within_the_rules_is_not_held() {
        let mut order = order().received();
        order.risk_score = Some(70);
        order.total = 2_000;
        order.shipping_address = Some(Address {
            name: "A. Jones".into(),
            lines: vec![String::new(), "1 Test Street".into()],
            city: "Leeds".into(),
            country_name: "United Kingdom".into(),
            ..Address::default()
        });
        screen(&mut order, &rules(), 1);
        assert_eq!(order.state(), State::Received);
        screen(&mut order, &Screening::default(), 1);
        assert_eq!(order.state(), State::Received);
    }

    #[test]
    fn what_a_person_has_released_is_not_held_again() {
        let mut order = order().received();
        order.risk_score = Some(90);
        let rules = Screening { risk_above: Some(70), ..Screening::default() };
        screen(&mut order, &rules, 1);
        order.release_hold("RISK_SCORE").unwrap();
        screen(&mut order, &rules, 2);
        assert_eq!(order.state(), State::Received);
    }

    #[test]
    fn a_hold_that_nobody_looks_at_ends_with_the_order_at_its_time_and_not_before() {
        let mut order = order().received();
        order.payments.clear();
        order.hold("RISK_SCORE", "", 5);
        order.date_holds(&rules());
        order.expire_holds(OnExpiry::Cancel, 5 + DAY - 1);
        assert_eq!(order.state(), State::Held);
        order.expire_holds(OnExpiry::Cancel, 5 + DAY);
        assert_eq!(order.state(), State::Cancelling);
        assert_eq!(order.cause, "held for RISK_SCORE and not released in time");
    }

    #[test]
    fn an_expired_hold_lets_the_order_go_on_where_that_mends_it() {
        let mut order = order().received();
        order.hold("TOTAL_MISMATCH", "", 0);
        order.date_holds(&rules());
        order.expire_holds(OnExpiry::Release, DAY);
        assert_eq!(order.state(), State::Received);
        order.hold("UNKNOWN_ITEM", "", DAY);
        order.date_holds(&rules());
        order.expire_holds(OnExpiry::Release, 2 * DAY);
        assert_eq!(order.state(), State::Cancelling, "nobody knows the item, released or not");
    }

    #[test]
    fn without_a_rule_a_hold_is_kept_until_somebody_decides() {
        let mut order = order().received();
        order.hold("RISK_SCORE", "", 5);
        order.date_holds(&Screening::default());
        assert_eq!(order.holds_expire_at(), None);
    }

    #[test]
    fn a_hold_that_runs_out_lets_no_other_go() {
        let mut order = order().received();
        order.hold("RISK_SCORE", "", 0);
        order.date_holds(&rules());
        order.hold("HELD_BY_PERSON", "", DAY / 2);
        order.date_holds(&rules());
        order.expire_holds(OnExpiry::Release, DAY);
        let left: Vec<_> = order.holds.iter().map(|hold| hold.reason.as_str()).collect();
        assert_eq!((order.state(), left), (State::Held, vec!["HELD_BY_PERSON"]));
    }
}
