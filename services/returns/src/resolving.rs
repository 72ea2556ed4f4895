//! A person settles a line that waits: names its purchase, overrides the policy, or says that nothing comes back. Pure.

use retail_proto::returns::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use crate::eligibility::is_policy;
use crate::fault::Error;
use crate::line::{Stage, Wish};
use crate::record::{Return, State};

/// How a line is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// It was bought with this order and line; judged again.
    Purchase {
        /// Our order id.
        order_id: String,
        /// Number of the order line.
        order_line: i32,
    },
    /// The policy is overridden.
    Override,
    /// Nothing comes back.
    Dismiss,
}

impl Resolution {
    /// Reads the one of three ways that was chosen.
    pub(crate) fn parse(request: &pb::ResolveExceptionRequest) -> Result<Self, BadShape> {
        let mut bad = Violations::default();
        let named = !request.order_id.is_empty();
        let ways = [named, request.override_policy, request.dismiss];
        let chosen = ways.into_iter().filter(|way| *way).count();
        let one = "choose exactly one: order_id with order_line_number, override_policy, or dismiss";
        bad.require("order_id", chosen == 1, one);
        let whole = named == (request.order_line_number > 0);
        bad.require("order_line_number", whole, "an order and the number of its line belong together");
        bad.require("note", !request.note.trim().is_empty(), "say why; it goes into the audit");
        bad.check()?;
        Ok(match (request.override_policy, request.dismiss) {
            (true, _) => Self::Override,
            (false, true) => Self::Dismiss,
            (false, false) => {
                Self::Purchase { order_id: request.order_id.clone(), order_line: request.order_line_number }
            }
        })
    }

    /// In the words of the audit.
    #[must_use]
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Purchase { .. } => "has its purchase named",
            Self::Override => "overrides the policy",
            Self::Dismiss => "is dismissed",
        }
    }
}

/// Settles a line.
pub(crate) fn resolve(record: &mut Return, number: i32, resolution: &Resolution) -> Result<(), Error> {
    let id = record.id.clone();
    if matches!(record.state(), State::Cancelling | State::Cancelled) {
        return Err(Error::Ended { id });
    }
    let Some(line) = record.line_mut(number).filter(|line| line.is_exception()) else {
        return Err(Error::NoSuchException { id, line: number });
    };
    let not_so = |cause: &str| Error::NotAPolicyRule { id: id.clone(), line: number, cause: cause.to_owned() };
    match resolution {
        Resolution::Dismiss => line.take_up(Stage::Dismissed),
        Resolution::Override if !is_policy(&line.cause) => return Err(not_so(&line.cause)),
        Resolution::Override => {
            line.overridden = true;
            line.take_up(Stage::Located);
        }
        // Money without goods has no purchase to be judged by.
        Resolution::Purchase { .. } if line.requested == 0 => return Err(not_so(&line.cause)),
        Resolution::Purchase { order_id, order_line } => {
            line.wish = Some(Wish { order_id: order_id.clone(), order_line: *order_line, ..Wish::default() });
            line.by_rule = false;
            line.sought = 0;
            line.take_up(Stage::Wanted);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Line;

    fn held(cause: &str) -> Return {
        let mut line = Line { number: 1, requested: 1_000_000, ..Line::default() };
        line.except(cause, "");
        Return { id: "r-1".into(), lines: vec![line], ..Return::default() }
    }

    #[test]
    fn only_the_policy_can_be_overridden() {
        resolve(&mut held("WITHIN_WINDOW"), 1, &Resolution::Override).unwrap();
        let error = resolve(&mut held("QUANTITY_LEFT"), 1, &Resolution::Override).unwrap_err();
        insta::assert_snapshot!(error, @"QUANTITY_LEFT of line 1 of return r-1 is no rule of the policy; name the purchase or dismiss the line");
    }

    #[test]
    fn a_line_that_waits_for_nobody_cannot_be_settled() {
        let mut record = held("NO_CUSTOMER");
        resolve(&mut record, 1, &Resolution::Dismiss).unwrap();
        let error = resolve(&mut record, 1, &Resolution::Dismiss).unwrap_err();
        assert!(matches!(error, Error::NoSuchException { line: 1, .. }));
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let both = pb::ResolveExceptionRequest {
            dismiss: true,
            override_policy: true,
            note: "x".into(),
            ..Default::default()
        };
        assert!(Resolution::parse(&both).is_err());
        let half = pb::ResolveExceptionRequest { order_id: "o-1".into(), note: "x".into(), ..Default::default() };
        assert!(Resolution::parse(&half).is_err());
    }
}
