//! Which reservations hold a line: one at first, and a further one for each time that more of it was ordered. They follow
//! each other along the line's quantity, so that a parcel and what is given back always find the same ones, whatever was
//! ordered since. Plain data and its rules, pure.

use std::collections::BTreeMap;

use crate::record::{Line, Order};

/// A part of a line that a reservation of its own holds.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Holding {
    /// The reservation.
    #[prost(string, tag = "1")]
    pub reservation: String,
    /// How much of the line it holds, millionths.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
}

impl Order {
    /// The reservation of the order as a whole.
    #[must_use]
    pub(crate) fn own_reservation(&self) -> &str {
        if self.reservation.is_empty() { &self.id } else { &self.reservation }
    }

    /// Every reservation that may hold something for the order.
    pub(crate) fn reservations(&self) -> Vec<String> {
        let redone = (1..=self.redone).map(|anew| redone_reservation(&self.id, anew));
        let rerouted = (1..=self.reroutes.len()).map(|number| self.rerouted_reservation(number));
        let edited = (1..=self.edits.len()).map(|number| self.edited_reservation(number));
        std::iter::once(self.id.clone()).chain(redone).chain(rerouted).chain(edited).collect()
    }

    /// What holds a line, in the order of its quantity, millionths each.
    #[must_use]
    pub(crate) fn holdings(&self, line: &Line) -> Vec<Holding> {
        let further = line.further.iter().fold(0_i64, |sum, one| sum.saturating_add(one.quantity));
        let first = if line.reservation.is_empty() { self.own_reservation() } else { &line.reservation };
        let first = Holding { reservation: first.to_owned(), quantity: line.quantity.saturating_sub(further).max(0) };
        std::iter::once(first).chain(line.further.iter().cloned()).collect()
    }

    /// What holds a part of a line, from one quantity to another. What is beyond the line is asked of its last reservation,
    /// which then says so.
    #[must_use]
    pub(crate) fn holding(&self, line: &Line, from: i64, to: i64) -> Vec<Holding> {
        let all = self.holdings(line);
        let last = all.len().saturating_sub(1);
        let (mut parts, mut begin) = (Vec::new(), 0_i64);
        for (holding, place) in all.into_iter().zip(0_usize..) {
            let end = if place == last { i64::MAX } else { begin.saturating_add(holding.quantity) };
            let part = to.min(end).saturating_sub(from.max(begin));
            if part > 0 {
                parts.push(Holding { quantity: part, ..holding });
            }
            begin = end;
        }
        parts
    }

    /// Does the order's own reservation hold anything?
    #[must_use]
    pub(crate) fn holds_by_itself(&self) -> bool {
        let own = self.own_reservation();
        let mut goods = self.lines.iter().filter(|line| line.is_wanted());
        goods.any(|line| self.holdings(line).iter().any(|one| one.reservation == own && one.quantity > 0))
    }

    /// What was shipped of a line before a parcel, millionths.
    #[must_use]
    pub(crate) fn shipped_before(&self, number: i32, shipment: &str) -> i64 {
        let before = self.shipments.iter().take_while(|known| known.id() != shipment);
        let lines = before.flat_map(|known| &known.lines).filter(|line| line.number == number);
        lines.fold(0, |sum, line| sum.saturating_add(line.quantity))
    }
}

impl Line {
    /// Leaves so much of it, millionths: what is beyond is held no longer.
    pub(crate) fn hold_only(&mut self, quantity: i64) {
        let further = self.further.iter().fold(0_i64, |sum, one| sum.saturating_add(one.quantity));
        let mut left = quantity.saturating_sub(self.quantity.saturating_sub(further)).max(0);
        for one in &mut self.further {
            one.quantity = one.quantity.min(left);
            left = left.saturating_sub(one.quantity);
        }
        self.further.retain(|one| one.quantity > 0);
    }
}

/// The name of an order's reservation once it was changed before anything was promised.
#[must_use]
pub(crate) fn redone_reservation(order_id: &str, redone: u32) -> String {
    format!("{order_id}/o{redone}")
}

/// Puts parts of lines together by the reservation that holds them.
pub(crate) fn by_reservation<T>(parts: Vec<(String, T)>) -> BTreeMap<String, Vec<T>> {
    let mut found: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for (reservation, part) in parts {
        found.entry(reservation).or_default().push(part);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;

    fn held(order: &Order, from: i64, to: i64) -> Vec<(String, i64)> {
        order.holding(&order.lines[0], from, to).into_iter().map(|one| (one.reservation, one.quantity)).collect()
    }

    /// Six at first, two more and one more.
    fn raised() -> Order {
        let mut order = order().booked();
        order.lines[0].quantity = 9;
        let more = |reservation: &str, quantity| Holding { reservation: reservation.into(), quantity };
        order.lines[0].further = vec![more("o-1/e1", 2), more("o-1/e2", 1)];
        order
    }

    #[test]
    fn parcels_empty_one_reservation_after_the_other() {
        let order = raised();
        assert_eq!(held(&order, 0, 4), [("o-1".to_owned(), 4)]);
        assert_eq!(held(&order, 4, 7), [("o-1".to_owned(), 2), ("o-1/e1".to_owned(), 1)]);
        assert_eq!(held(&order, 7, 9), [("o-1/e1".to_owned(), 1), ("o-1/e2".to_owned(), 1)]);
    }

    #[test]
    fn more_than_the_line_has_is_asked_of_its_last_reservation() {
        assert_eq!(held(&raised(), 9, 11), [("o-1/e2".to_owned(), 2)]);
        assert_eq!(held(&order().booked(), 0, 7_000_000), [("o-1".to_owned(), 7_000_000)]);
    }

    #[test]
    fn what_is_ordered_less_is_let_go_from_the_end() {
        let mut order = raised();
        order.lines[0].hold_only(7);
        order.lines[0].quantity = 7;
        assert_eq!(held(&order, 0, 7), [("o-1".to_owned(), 6), ("o-1/e1".to_owned(), 1)]);
        order.lines[0].hold_only(3);
        order.lines[0].quantity = 3;
        assert_eq!(held(&order, 0, 3), [("o-1".to_owned(), 3)]);
    }
}
