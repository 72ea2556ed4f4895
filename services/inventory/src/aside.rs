//! Goods that go from one of our locations to another: set aside, off the shelf, on the other shelf. Pure.
//!
//! What is set aside is blocked: it is there and nobody is promised it. A count at the shelf that was made after goods
//! left or came has that already; books of the stock authority do not, until they are told.

use retail_proto::Quantity;

use crate::movement::{Kind, Movement};
use crate::stock::{Act, Change, Stock, StockError};

impl Stock {
    /// Sets goods aside. Beyond what may be sold they are taken from what is promised, which is a shortfall; never more
    /// than is on hand. Answers how much was promised to others.
    pub(crate) fn set_aside(&mut self, quantity: Quantity, act: Act<'_>) -> Result<(Quantity, Movement), StockError> {
        let there = self.on_hand.saturating_sub(self.blocked).max(0);
        if quantity.millionths() > there {
            return Err(StockError::NotOnHand {
                sku: self.sku.clone(),
                location: self.location.clone(),
                on_hand: Quantity::from_millionths(there),
                asked: quantity,
            });
        }
        let short = quantity.millionths().saturating_sub(self.available).max(0);
        let blocked = Change { blocked: quantity.millionths(), ..Change::default() };
        let movement = self.change(blocked, Kind::SetAside, act)?;
        Ok((Quantity::from_millionths(short), movement))
    }

    /// Goods that were set aside stay.
    pub(crate) fn set_back(&mut self, quantity: Quantity, act: Act<'_>) -> Result<Movement, StockError> {
        let back = self.negated(quantity.millionths())?;
        self.change(Change { blocked: back, ..Change::default() }, Kind::SetBack, act)
    }

    /// Of what was set aside, so much has left; the rest stays. `books` is who keeps the books and is told by us. Goods
    /// that left without being on hand must have been there: they are found first.
    pub(crate) fn send_off(
        &mut self,
        aside: Quantity,
        left: Quantity,
        books: &str,
        act: Act<'_>,
    ) -> Result<Vec<Movement>, StockError> {
        let mut movements = Vec::with_capacity(2);
        let gone = if self.shelf_was_seen_after(books, act) { 0 } else { left.millionths() };
        let missing = gone.saturating_sub(self.on_hand);
        if missing > 0 {
            movements.push(self.change(Change { on_hand: missing, ..Change::default() }, Kind::Found, act)?);
            self.ahead = self.ahead.saturating_add(missing);
        }
        let change =
            Change { on_hand: self.negated(gone)?, blocked: self.negated(aside.millionths())?, ..Change::default() };
        movements.push(self.change(change, Kind::SendOff, act)?);
        Ok(movements)
    }

    /// Goods have come from another location of ours; `None` when the shelf was counted with them. What left before we
    /// heard of its coming was found then, and is not there twice.
    pub(crate) fn move_in(
        &mut self,
        quantity: Quantity,
        books: &str,
        act: Act<'_>,
    ) -> Result<Option<Movement>, StockError> {
        if quantity.is_zero() || self.shelf_was_seen_after(books, act) {
            return Ok(None);
        }
        let known = self.ahead.min(quantity.millionths()).max(0);
        let come = quantity.millionths().saturating_sub(known);
        let movement = self.change(Change { on_hand: come, ..Change::default() }, Kind::MoveIn, act)?;
        self.ahead = self.ahead.saturating_sub(known);
        Ok(Some(movement))
    }

    /// Somebody has seen the shelf since: his count has it.
    fn shelf_was_seen_after(&self, books: &str, act: Act<'_>) -> bool {
        self.counted_at != 0 && act.happened_at.as_millisecond() <= self.counted_at && self.authority != books
    }
}

#[cfg(test)]
mod tests {
    use retail_runtime::Timestamp;

    use super::*;
    use crate::stock::Counter;

    fn units(units: i64) -> Quantity {
        Quantity::whole(units).unwrap()
    }

    fn act(second: i64) -> Act<'static> {
        let at = Timestamp::from_second(second).unwrap();
        Act { cause: "test", happened_at: at, now: at }
    }

    fn counted(on_hand: i64, by: &str) -> Stock {
        let mut stock = Stock::empty("MAIN", "A");
        stock.count(units(on_hand), by, Counter::Shelf, act(100)).unwrap();
        stock
    }

    #[test]
    fn what_is_set_aside_is_there_and_not_for_sale() {
        let mut stock = counted(10, "erp");
        assert_eq!(stock.set_aside(units(4), act(101)).unwrap().0, Quantity::ZERO);
        assert_eq!((stock.on_hand, stock.available, stock.blocked), (10_000_000, 6_000_000, 4_000_000));
        stock.set_back(units(4), act(102)).unwrap();
        assert_eq!((stock.available, stock.blocked), (10_000_000, 0));
    }

    #[test]
    fn what_is_taken_from_promises_is_a_named_shortfall_and_what_is_not_there_is_not_taken() {
        let mut stock = counted(10, "erp");
        stock.promise(units(8), Kind::Reserve, act(101)).unwrap();
        assert_eq!(stock.set_aside(units(5), act(102)).unwrap().0, units(3));
        assert_eq!(stock.shortfall, units(3).millionths());
        assert!(matches!(stock.set_aside(units(6), act(103)), Err(StockError::NotOnHand { .. })));
    }

    #[test]
    fn a_shelf_counted_after_goods_left_lacks_them_already_and_books_do_not() {
        let mut seen = counted(6, "store");
        seen.set_aside(units(4), act(50)).unwrap();
        seen.send_off(units(4), units(4), "erp", act(90)).unwrap();
        assert_eq!((seen.on_hand, seen.blocked), (units(6).millionths(), 0));
        let mut told = counted(10, "erp");
        told.set_aside(units(4), act(50)).unwrap();
        told.send_off(units(4), units(4), "erp", act(90)).unwrap();
        assert_eq!(told.on_hand, units(6).millionths());
    }

    #[test]
    fn a_shelf_counted_after_goods_came_has_them_already_and_books_do_not() {
        let mut seen = counted(10, "store");
        assert!(seen.move_in(units(4), "erp", act(90)).unwrap().is_none());
        let mut told = counted(10, "erp");
        told.move_in(units(4), "erp", act(90)).unwrap();
        assert_eq!((seen.on_hand, told.on_hand), (units(10).millionths(), units(14).millionths()));
    }

    #[test]
    fn goods_that_left_although_a_count_took_them_away_are_found_first() {
        let mut stock = counted(5, "store");
        stock.set_aside(units(4), act(101)).unwrap();
        stock.count(units(1), "store", Counter::Shelf, act(102)).unwrap();
        let movements = stock.send_off(units(4), units(4), "erp", act(103)).unwrap();
        assert_eq!(movements.len(), 2);
        assert_eq!((stock.on_hand, stock.blocked, stock.shortfall), (0, 0, 0));
    }
}
