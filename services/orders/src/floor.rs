//! The safety stock that a promise leaves at its place: what the decision was made with, or, of what an edit adds, what the
//! policy says now. Nothing where somebody named the place, and nothing of what is sold whether it is there or not. Pure.

use std::collections::BTreeMap;

use crate::record::{Line, Order};
use crate::reroute::Reroute;

/// What the order's policy keeps back of each item, by place, millionths; a place that keeps nothing back stands in it or not.
pub(crate) type Floors = BTreeMap<String, i64>;

impl Order {
    /// What the order's own promise of a line leaves at its place, millionths.
    #[must_use]
    pub(crate) fn keeps_back(&self, line: &Line) -> i64 {
        let given = self.decision().and_then(|decision| decision.lines.iter().find(|one| one.number == line.number));
        given.filter(|_| !self.allows_shortfall()).map_or(0, |given| given.kept_back)
    }

    /// What the promise of further pieces of a line leaves at the place where it is: as the policy says now, where a policy
    /// has chosen the place.
    #[must_use]
    pub(crate) fn keeps_back_further(&self, line: &Line, floors: &Floors) -> i64 {
        if self.place_was_chosen(line) { floors.get(&line.location).copied().unwrap_or(0) } else { 0 }
    }

    /// True when a policy chose the place where a line is. A line that no decision knows came later; it is where others are.
    fn place_was_chosen(&self, line: &Line) -> bool {
        let decisions = || self.reroutes.iter().rev().filter_map(Reroute::acted_on).chain(self.decision());
        let own = decisions().flat_map(|made| &made.lines).find(|given| given.number == line.number);
        if let Some(given) = own {
            return !given.named && given.location == line.location;
        }
        let mut others = decisions().flat_map(|made| &made.lines);
        others.any(|given| !given.named && given.location == line.location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Assigned, Decision, Outcome, Sourced};
    use crate::reroute::Step;
    use crate::testing::order;

    fn given(number: i32, location: &str, kept_back: i64) -> Assigned {
        Assigned { number, location: location.into(), kept_back, ..Assigned::default() }
    }

    fn decided(outcome: Outcome, lines: Vec<Assigned>) -> Option<Sourced> {
        let decision = Decision { outcome: i32::from(outcome), lines, may_wait: true, ..Decision::default() };
        Some(Sourced { decision: Some(decision), ..Sourced::default() })
    }

    fn at(number: i32, location: &str) -> Line {
        Line { number, location: location.into(), ..Line::default() }
    }

    #[test]
    fn a_promise_leaves_what_it_was_decided_with_unless_it_may_be_short() {
        let mut order = order().received();
        assert_eq!(order.keeps_back(&at(1, "")), 0, "nobody has decided");
        order.sourced = decided(Outcome::Whole, vec![given(1, "SOHO", 2)]);
        assert_eq!((order.keeps_back(&at(1, "")), order.keeps_back(&at(2, ""))), (2, 0));
        order.sourced = decided(Outcome::Backorder, vec![given(1, "SOHO", 2)]);
        assert_eq!(order.keeps_back(&at(1, "")), 0);
        // The last decision is promised whatever is there.
        order.sourced = decided(Outcome::Whole, vec![given(1, "SOHO", 2)]);
        order.sourced.as_mut().unwrap().overtaken = vec![String::new(); 3];
        assert_eq!(order.keeps_back(&at(1, "")), 0);
    }

    #[test]
    fn further_pieces_leave_what_the_policy_says_now_where_it_chose_the_place() {
        let floors = Floors::from([("SOHO".to_owned(), 5), ("LEEDS".to_owned(), 3)]);
        let mut order = order().booked();
        assert_eq!(order.keeps_back_further(&at(1, "SOHO"), &floors), 0, "nobody chose");
        let named = Assigned { named: true, ..given(2, "SOHO", 0) };
        order.sourced = decided(Outcome::Split, vec![given(1, "SOHO", 2), named, given(4, "MAIN", 0)]);
        assert_eq!(order.keeps_back_further(&at(1, "SOHO"), &floors), 5);
        assert_eq!(order.keeps_back_further(&at(2, "SOHO"), &floors), 0, "the order named it");
        assert_eq!(order.keeps_back_further(&at(1, "LEEDS"), &floors), 0, "somebody moved it");
        assert_eq!(order.keeps_back_further(&at(4, "MAIN"), &floors), 0, "the policy keeps nothing back there");
        assert_eq!(order.keeps_back_further(&at(9, "SOHO"), &floors), 5, "a line that came later goes with the others");
        assert_eq!(order.keeps_back_further(&at(9, "LEEDS"), &floors), 0);
    }

    #[test]
    fn of_a_line_that_was_rerouted_the_new_place_counts() {
        let floors = Floors::from([("SOHO".to_owned(), 5), ("LEEDS".to_owned(), 3)]);
        let mut order = order().booked();
        order.sourced = decided(Outcome::Whole, vec![given(1, "SOHO", 2)]);
        let mut moved = Reroute {
            decision: decided(Outcome::Whole, vec![given(1, "LEEDS", 3)]).unwrap().decision,
            ..Reroute::default()
        };
        moved.set_step(Step::Failed);
        order.reroutes.push(moved.clone());
        assert_eq!(order.keeps_back_further(&at(1, "SOHO"), &floors), 5, "it stayed");
        moved.set_step(Step::Done);
        order.reroutes.push(moved);
        assert_eq!(order.keeps_back_further(&at(1, "LEEDS"), &floors), 3);
    }
}
