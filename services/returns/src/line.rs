//! A line of a return as it is stored, and how it is split. Pure.

use std::collections::BTreeMap;

use crate::share::share;

/// How far a line has been settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Stage {
    /// Its purchase is sought.
    Wanted = 0,
    /// Its purchase is known and is to be judged.
    Located = 1,
    /// Judged, and its quantity is claimed: it may come back.
    Claimed = 2,
    /// Waits for a person; the cause says why.
    Waiting = 3,
    /// A person has said that nothing comes back.
    Dismissed = 4,
}

/// In what condition goods come back (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Condition {
    /// As sold; also when nothing was said.
    New = 0,
    /// Opened or used.
    Used = 1,
    /// Damaged or faulty.
    Damaged = 2,
}

/// A rule and how the line stands to it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Rule {
    /// UPPER_SNAKE_CASE rule.
    #[prost(string, tag = "1")]
    pub(crate) rule: String,
    /// The line passes.
    #[prost(bool, tag = "2")]
    pub(crate) passed: bool,
    /// What the rule looked at.
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) inputs: BTreeMap<String, String>,
    /// For people.
    #[prost(string, tag = "4")]
    pub(crate) detail: String,
}

/// What a line says of its purchase.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Wish {
    /// Our order id.
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    /// Number the customer knows.
    #[prost(string, tag = "2")]
    pub(crate) order_number: String,
    /// Number of the order line, 0 when it is not said.
    #[prost(int32, tag = "3")]
    pub(crate) order_line: i32,
    /// The channel's own id of the order line.
    #[prost(string, tag = "4")]
    pub(crate) channel_line_id: String,
}

/// A line.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Line {
    /// Number, from 1.
    #[prost(int32, tag = "1")]
    pub(crate) number: i32,
    /// Number in the request.
    #[prost(int32, tag = "2")]
    pub(crate) input_number: i32,
    /// What the request says of the purchase.
    #[prost(message, optional, tag = "3")]
    pub(crate) wish: Option<Wish>,
    /// Item code, upper case.
    #[prost(string, tag = "4")]
    pub(crate) sku: String,
    /// Asked for, millionths.
    #[prost(int64, tag = "5")]
    pub(crate) requested: i64,
    /// The customer's reason.
    #[prost(string, tag = "6")]
    pub(crate) reason: String,
    /// Condition.
    #[prost(enumeration = "Condition", tag = "7")]
    pub(crate) condition: i32,
    /// How far it is settled.
    #[prost(enumeration = "Stage", tag = "8")]
    pub(crate) stage: i32,
    /// The order it was bought with, once found.
    #[prost(string, tag = "9")]
    pub(crate) order_id: String,
    /// Number of that order.
    #[prost(string, tag = "10")]
    pub(crate) order_number: String,
    /// The order line.
    #[prost(int32, tag = "11")]
    pub(crate) order_line: i32,
    /// A charge: no goods move.
    #[prost(bool, tag = "12")]
    pub(crate) is_charge: bool,
    /// May come back, millionths.
    #[prost(int64, tag = "13")]
    pub(crate) authorized: i64,
    /// What is credited for all that is authorized, minor units.
    #[prost(int64, tag = "14")]
    pub(crate) amount: i64,
    /// Currency of the amount.
    #[prost(string, tag = "15")]
    pub(crate) currency: String,
    /// Id of the invoice its claim lies on; empty when there is none.
    #[prost(string, tag = "16")]
    pub(crate) invoice: String,
    /// Number under which its quantity was claimed: lines that were split by invoice share it.
    #[prost(int32, tag = "17")]
    pub(crate) claimed_as: i32,
    /// Where it was shipped from.
    #[prost(string, tag = "18")]
    pub(crate) location: String,
    /// The channel's own id of the order line.
    #[prost(string, tag = "19")]
    pub(crate) channel_line_id: String,
    /// Why it waits for a person.
    #[prost(string, tag = "20")]
    pub(crate) cause: String,
    /// The cause in words, and what to do.
    #[prost(string, tag = "21")]
    pub(crate) cause_detail: String,
    /// Rules as last judged.
    #[prost(message, repeated, tag = "22")]
    pub(crate) rules: Vec<Rule>,
    /// A person has overridden the policy.
    #[prost(bool, tag = "23")]
    pub(crate) overridden: bool,
    /// Found by the purchase rule: what one purchase lacks is sought in the next.
    #[prost(bool, tag = "24")]
    pub(crate) by_rule: bool,
    /// What of a refund that the shop made is for this line, minor units.
    #[prost(int64, tag = "25")]
    pub(crate) given: i64,
    /// The shop put the goods back into its stock.
    #[prost(bool, tag = "26")]
    pub(crate) restocked: bool,
    /// Waits for its order to be shipped or invoiced.
    #[prost(bool, tag = "27")]
    pub(crate) waits_for_order: bool,
    /// Number of its part, 0 before it has one.
    #[prost(int32, tag = "28")]
    pub(crate) part: i32,
    /// The source's own id of the line.
    #[prost(string, tag = "29")]
    pub(crate) source_line_id: String,
    /// How often its purchase was sought.
    #[prost(uint32, tag = "30")]
    pub(crate) sought: u32,
}

impl Line {
    /// True when it waits for a person.
    #[must_use]
    pub(crate) fn is_exception(&self) -> bool {
        self.stage() == Stage::Waiting
    }

    /// True when it is being settled now, without a person or another system being awaited.
    #[must_use]
    pub(crate) fn is_being_settled(&self) -> bool {
        match self.stage() {
            Stage::Wanted => true,
            Stage::Located => !self.waits_for_order,
            Stage::Claimed | Stage::Waiting | Stage::Dismissed => false,
        }
    }

    /// Hands the line to a person.
    pub(crate) fn except(&mut self, cause: &str, detail: impl Into<String>) {
        self.set_stage(Stage::Waiting);
        cause.clone_into(&mut self.cause);
        self.cause_detail = detail.into();
        self.authorized = 0;
        self.waits_for_order = false;
    }

    /// Takes the line up again, at a stage.
    pub(crate) fn take_up(&mut self, stage: Stage) {
        self.set_stage(stage);
        self.cause.clear();
        self.cause_detail.clear();
        self.waits_for_order = false;
    }

    /// Keeps `keep` of what is asked for and answers the rest as a line of its own. Amounts that belong to the whole
    /// are shared by quantity.
    pub(crate) fn split_off(&mut self, keep: i64, number: i32) -> Self {
        let mut rest = self.clone();
        let given = share(self.given, keep, self.requested);
        rest.number = number;
        rest.requested = self.requested.saturating_sub(keep);
        rest.given = self.given.saturating_sub(given);
        self.requested = keep;
        self.given = given;
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_loses_neither_a_piece_nor_a_penny() {
        let mut line = Line { number: 1, input_number: 1, requested: 3, given: 100, ..Line::default() };
        let rest = line.split_off(1, 2);
        assert_eq!((line.requested, line.given, rest.requested, rest.given), (1, 33, 2, 67));
        assert_eq!((rest.number, rest.input_number), (2, 1));
    }
}
