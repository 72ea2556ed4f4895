//! Cancelling some lines of an order, or what is left of them, while the rest goes on. Plain data and its rules, pure. The
//! ERP closes them first; then their promise is given back; their money goes back with what else is owed, once the rest
//! has shipped and is invoiced (`refunds.rs`).

use crate::fault::Error;
use crate::pickup::By;
use crate::record::{Line, Order, State};

/// Where a cancellation of lines stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Step {
    /// The ERP closes them next.
    Asked = 0,
    /// Their promise is given back next.
    Closed = 1,
    /// All done.
    Done = 2,
    /// The ERP refused: nothing has changed.
    Failed = 3,
}

/// Lines that are cancelled.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LineCancel {
    /// Numbers of the lines.
    #[prost(int32, repeated, tag = "1")]
    pub lines: Vec<i32>,
    /// Who asked.
    #[prost(string, tag = "2")]
    pub who: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub at: i64,
    /// Why, for people.
    #[prost(string, tag = "4")]
    pub why: String,
    /// Where it stands.
    #[prost(enumeration = "Step", tag = "5")]
    pub step: i32,
    /// What came of it, for people; empty while it is open and when all is well.
    #[prost(string, tag = "6")]
    pub outcome: String,
    /// The shop knows: it said so, or was told.
    #[prost(bool, tag = "7")]
    pub told: bool,
}

impl LineCancel {
    /// Nothing happens to it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.step(), Step::Done | Step::Failed)
    }
}

impl Order {
    /// The cancellation of lines under way, and its number from 1.
    #[must_use]
    pub(crate) fn cancelling_lines(&self) -> Option<(usize, &LineCancel)> {
        self.line_cancels.last().filter(|last| !last.is_over()).map(|last| (self.line_cancels.len(), last))
    }

    /// Begins to cancel what has not shipped of some lines. Asking again for lines that are cancelled already is a no-op.
    pub(crate) fn cancel_lines(&mut self, numbers: &[i32], by: By<'_>) -> Result<(), Error> {
        let refused = |why: String| Error::LinesNotCancelled { id: self.id.clone(), why };
        if self.adopted {
            return Err(Error::Adopted { id: self.id.clone() });
        }
        if !matches!(self.state(), State::Booked | State::PartlyShipped) {
            let status = self.status().to_lowercase();
            return Err(refused(format!("lines are cancelled while an order waits to be shipped; it is: {status}")));
        }
        let mut lines = Vec::with_capacity(numbers.len());
        for number in numbers {
            let Some(named) = self.line(*number) else { return Err(refused(format!("it has no line {number}"))) };
            let all = self.with_parts(&[*number]);
            let parts = || all.iter().filter_map(|number| self.line(*number));
            let has_shipped = |line: &Line| line.is_goods() && !line.closed && line.open() == 0;
            if has_shipped(named) && parts().all(|line| line.closed || has_shipped(line)) {
                return Err(refused(format!("line {number} has shipped; open a return instead")));
            }
            for line in parts().filter(|line| !line.closed && !has_shipped(line)) {
                if !lines.contains(&line.number) {
                    lines.push(line.number);
                }
            }
        }
        let asked_before = |known: &LineCancel| lines.iter().all(|number| known.lines.contains(number));
        if lines.is_empty() || self.cancelling_lines().is_some_and(|(_, known)| asked_before(known)) {
            return Ok(());
        }
        if !self.lines_are_at_rest() {
            let busy = "lines of it are being cancelled, changed or moved; ask again when that has ended";
            return Err(refused(busy.to_owned()));
        }
        let stays =
            |line: &Line| line.is_goods() && !line.closed && (line.shipped > 0 || !lines.contains(&line.number));
        if !self.lines.iter().any(stays) {
            return Err(refused("nothing would be left of it; cancel the order, without lines".to_owned()));
        }
        let (who, why) = (by.who.to_owned(), by.why.to_owned());
        self.line_cancels.push(LineCancel { lines, who, at: by.at, why, ..LineCancel::default() });
        Ok(())
    }

    /// The ERP has closed them.
    pub(crate) fn lines_closed(&mut self, number: usize) {
        let closed = self.with_cancel(number, |cancel| cancel.set_step(Step::Closed));
        for line in self.lines.iter_mut().filter(|line| closed.contains(&line.number)) {
            line.closed = line.closed || line.shipped < line.quantity || !line.is_goods();
        }
    }

    /// Their promise is given back.
    pub(crate) fn lines_cancelled(&mut self, number: usize) {
        self.with_cancel(number, |cancel| cancel.set_step(Step::Done));
    }

    /// The ERP did not close them: they go on.
    pub(crate) fn lines_not_cancelled(&mut self, number: usize, cause: &str) {
        self.with_cancel(number, |cancel| {
            cancel.set_step(Step::Failed);
            cause.clone_into(&mut cancel.outcome);
        });
    }

    /// Changes one; answers its lines.
    fn with_cancel(&mut self, number: usize, change: impl FnOnce(&mut LineCancel)) -> Vec<i32> {
        let found = number.checked_sub(1).and_then(|place| self.line_cancels.get_mut(place));
        found.map_or_else(Vec::new, |cancel| {
            change(cancel);
            cancel.lines.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;

    fn by() -> By<'static> {
        By { who: "agent", at: 5, why: "no longer wanted" }
    }

    #[test]
    fn lines_are_closed_at_the_erp_before_their_promise_is_given_back() {
        let mut order = order().booked();
        order.cancel_lines(&[2], by()).unwrap();
        assert!(!order.lines[1].closed, "asked is not done");
        order.lines_closed(1);
        assert_eq!(order.lines.iter().map(|line| line.closed).collect::<Vec<_>>(), [false, true]);
        assert_eq!(order.cancelling_lines().unwrap().1.step(), Step::Closed);
        order.lines_cancelled(1);
        assert!(order.cancelling_lines().is_none());
        order.cancel_lines(&[2], by()).unwrap();
        assert_eq!(order.line_cancels.len(), 1, "once");
    }

    #[test]
    fn the_last_line_is_cancelled_with_its_order() {
        let mut order = order().booked();
        insta::assert_snapshot!(order.cancel_lines(&[1, 2], by()).unwrap_err(), @"lines of order o-1 cannot be cancelled: nothing would be left of it; cancel the order, without lines");
        order.lines[0].shipped = 1;
        order.cancel_lines(&[1, 2], by()).unwrap();
    }

    #[test]
    fn what_has_shipped_comes_back_by_a_return() {
        let mut order = order().booked();
        order.lines[0].shipped = order.lines[0].quantity;
        insta::assert_snapshot!(order.cancel_lines(&[1], by()).unwrap_err(), @"lines of order o-1 cannot be cancelled: line 1 has shipped; open a return instead");
        insta::assert_snapshot!(order.cancel_lines(&[7], by()).unwrap_err(), @"lines of order o-1 cannot be cancelled: it has no line 7");
    }

    #[test]
    fn lines_that_the_erp_does_not_close_go_on() {
        let mut order = order().booked();
        order.cancel_lines(&[2], by()).unwrap();
        order.lines_not_cancelled(1, "ALREADY_SHIPPED: line 2");
        assert!(!order.lines[1].closed);
        order.cancel_lines(&[2], by()).unwrap();
        assert_eq!(order.line_cancels.len(), 2, "it may be tried again");
    }

    #[test]
    fn only_one_thing_happens_to_the_lines_at_a_time() {
        let mut order = order().booked();
        order.cancel_lines(&[2], by()).unwrap();
        order.cancel_lines(&[2], by()).unwrap();
        assert_eq!(order.line_cancels.len(), 1, "asked twice");
        assert!(order.cancel_lines(&[1], by()).is_err());
        let wish = crate::reroute::Wish { to: "MAIN".into(), ..Default::default() };
        assert!(order.reroute(&wish, true, by()).is_err());
    }
}
