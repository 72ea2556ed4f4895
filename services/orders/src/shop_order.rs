//! How the shop says that an order stands, held against what we have. What people did in the shop's admin is carried out
//! here as if it had been asked of us; what cannot be becomes a hold that names both sides, and holds up nothing that is
//! booked already. Plain data and its rules, pure.

use retail_proto::Quantity;
use retail_proto::orders::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use crate::line_cancel::Step;
use crate::pickup::{By, Stage};
use crate::record::{Capture, Hold, Line, Order, State};

/// Who cancels lines that were taken off in the shop.
const SHOP: &str = "shop";

/// A line as the shop shows it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StandingLine {
    /// The shop's id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Code or text, for people.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Ordered less what was taken off, millionths.
    #[prost(int64, tag = "3")]
    pub wanted: i64,
}

/// How the shop says that the order stands.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Standing {
    /// Grows with every change at the shop.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// The shop has cancelled it.
    #[prost(bool, tag = "2")]
    pub cancelled: bool,
    /// The shop's word for why.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// Its lines.
    #[prost(message, repeated, tag = "4")]
    pub lines: Vec<StandingLine>,
    /// A person has looked at what differs and released it.
    #[prost(bool, tag = "5")]
    pub acknowledged: bool,
}

/// What a person must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The shop has cancelled what has left already.
    Cancelled,
    /// The shop wants other lines than we have, and nobody can carry that out.
    Edited,
}

/// One thing that the shop wants otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing more of a line shall ship.
    Gone(i32),
    /// Another quantity of a line, millionths.
    Quantity { number: i32, wanted: i64 },
    /// A line that we do not have.
    Added { name: String, wanted: i64 },
}

impl Finding {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED_IN_SHOP",
            Self::Edited => "EDITED_IN_SHOP",
        }
    }

    /// True for the hold of a finding.
    pub(crate) fn is(reason: &str) -> bool {
        [Self::Cancelled, Self::Edited].iter().any(|finding| finding.reason() == reason)
    }
}

/// Reads what the channel's connector tells.
pub(crate) fn read(request: &pb::TakeChannelOrderRequest) -> Result<Standing, BadShape> {
    let mut bad = Violations::default();
    bad.require("channel", !request.channel.is_empty(), "name the channel");
    bad.require("channel_order_id", !request.channel_order_id.is_empty(), "give the channel's own id of the order");
    bad.require("version", request.version > 0, "give a number that grows with every change at the channel");
    let mut lines = Vec::with_capacity(request.lines.len());
    for (line, place) in request.lines.iter().zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        bad.require(&at("channel_line_id"), !line.channel_line_id.is_empty(), "give the channel's own id of the line");
        let mut millionths = |field: &str, text: &str| match text.parse::<Quantity>() {
            Ok(quantity) if !quantity.is_negative() => quantity.millionths(),
            Ok(_) => {
                bad.add(at(field), "a quantity is not negative");
                0
            }
            Err(error) => {
                bad.add(at(field), error.to_string());
                0
            }
        };
        let ordered = millionths("ordered", &line.ordered);
        let removed = if line.removed.is_empty() { 0 } else { millionths("removed", &line.removed) };
        let name = [&line.sku, &line.description].into_iter().find(|text| !text.is_empty());
        lines.push(StandingLine {
            id: line.channel_line_id.clone(),
            name: name.cloned().unwrap_or_default(),
            wanted: ordered.saturating_sub(removed).max(0),
        });
    }
    bad.check()?;
    let (version, cancelled, reason) = (request.version, request.cancelled, request.cancel_reason.clone());
    Ok(Standing { version, cancelled, reason, lines, acknowledged: false })
}

impl Order {
    /// True when a shop sold it, and is to hear what becomes of it.
    #[must_use]
    pub(crate) fn is_of_shop(&self) -> bool {
        self.capture() == Capture::Fact && !self.adopted
    }

    /// True when the shop knows that it is cancelled, or need not.
    #[must_use]
    pub(crate) fn shop_has_let_go(&self) -> bool {
        self.shop_knows || !self.is_of_shop()
    }

    /// True when what differs from the shop waits for a person.
    #[must_use]
    pub(crate) fn differs_from_shop(&self) -> bool {
        self.holds.iter().any(|hold| Finding::is(&hold.reason))
    }

    /// Takes over how the shop says that it stands. The same again and an older standing change nothing. `erp_asked` is that
    /// of [`Order::cancel`].
    pub(crate) fn take_shop_order(&mut self, told: Standing, erp_asked: bool, at: i64) {
        // Others look after an adopted order, whatever the shop says of it.
        let known = self.shop.as_ref();
        let older = known.is_some_and(|known| known.version > told.version);
        let same = known.is_some_and(|known| known.cancelled == told.cancelled && known.lines == told.lines);
        if self.adopted || older || same {
            return;
        }
        if told.cancelled && self.state() != State::Cancelled {
            let why = if told.reason.is_empty() { String::new() } else { format!(": {}", told.reason) };
            // What has left already is found below.
            let _shipped = self.cancel(&format!("cancelled in the shop{why}"), erp_asked);
            self.shop_knows = true;
        }
        self.shop = Some(told);
        self.follow_shop(at);
    }

    /// Carries out what the shop wants, as far as that is possible now; what never will be waits for a person. Called after
    /// every step, because lines are at rest at some times and not at others.
    pub(crate) fn follow_shop(&mut self, at: i64) {
        let Some(standing) = &self.shop else { return };
        if self.adopted || matches!(self.state(), State::Cancelling | State::Cancelled | State::Refused) {
            return;
        }
        if standing.cancelled {
            let here = match self.state() {
                State::PartlyShipped => "some of it has shipped",
                State::Shipped | State::Completed => "it has shipped",
                State::Received
                | State::Held
                | State::Reserved
                | State::Booked
                | State::Cancelling
                | State::Cancelled
                | State::Refused => "it could not be stopped",
            };
            let detail = format!(
                "the shop has cancelled the order, and {here}: stop the parcel or take the goods back by a return, then \
                 release the hold"
            );
            self.find(Finding::Cancelled, detail, at);
            return;
        }
        let mut differs = Vec::new();
        let mut gone = Vec::new();
        for change in self.shop_changes() {
            match change {
                Change::Gone(number) => gone.push(number),
                Change::Quantity { .. } | Change::Added { .. } => differs.push(self.words(&change)),
            }
        }
        differs.extend(self.take_off(&gone, at));
        if differs.is_empty() {
            self.lift_hold(Finding::Edited.reason());
        } else {
            let detail = format!(
                "{}; cancel or order here what the shop's customer wants otherwise, then release the hold",
                differs.join("; ")
            );
            self.find(Finding::Edited, detail, at);
        }
    }

    /// What the shop wants otherwise than we have it. The one place that knows what an edit in the shop comes to.
    pub(crate) fn shop_changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for told in self.shop.iter().flat_map(|standing| &standing.lines) {
            let Some(line) = self.sold_as(&told.id) else {
                if told.wanted > 0 {
                    changes.push(Change::Added { name: told.name.clone(), wanted: told.wanted });
                }
                continue;
            };
            // A line that was closed here goes no further, and its shop was told or is about to be. Of what was edited here
            // the shop goes on showing what it sold.
            if line.closed || [line.quantity, line.stands, line.sold].contains(&told.wanted) {
                continue;
            }
            let nothing_more = line.goods && told.wanted <= line.shipped && !line.open.is_empty();
            if nothing_more {
                changes.extend(line.open.iter().copied().map(Change::Gone));
            }
            if !nothing_more || told.wanted < line.shipped {
                changes.push(Change::Quantity { number: line.number, wanted: told.wanted });
            }
        }
        changes
    }

    /// Cancels lines that were taken off in the shop, or the order when nothing is left of it. Answers, in words, what will
    /// not be; what must only wait for its time is no such thing.
    fn take_off(&mut self, gone: &[i32], at: i64) -> Vec<String> {
        let refused = |order: &Self, number: i32| {
            let ended = |cancel: &&crate::line_cancel::LineCancel| {
                cancel.who == SHOP && cancel.step() == Step::Failed && cancel.lines.contains(&number)
            };
            order.line_cancels.iter().rev().find(ended).map(|cancel| cancel.outcome.clone())
        };
        let (mut wanted, mut differs) = (Vec::new(), Vec::new());
        for number in gone {
            match refused(self, *number) {
                Some(why) => differs.push(format!("{}, and goes on here: {why}", self.words(&Change::Gone(*number)))),
                None => wanted.push(*number),
            }
        }
        if wanted.is_empty() || !self.lines_are_at_rest() {
            return differs;
        }
        let stays =
            |line: &Line| line.is_goods() && !line.closed && (line.shipped > 0 || !wanted.contains(&line.number));
        let whole = !self.lines.iter().any(stays);
        match self.state() {
            // Nothing has left for the ERP yet, or it has the order and closes it.
            State::Received | State::Held | State::Booked if whole && self.stage() != Some(Stage::Collected) => {
                let _nothing_has_shipped = self.cancel("every line was taken off in the shop", false);
            }
            State::Booked | State::PartlyShipped if self.stage() != Some(Stage::Collected) && !whole => {
                let by = By { who: SHOP, at, why: "taken off in the shop" };
                match self.cancel_lines(&wanted, by) {
                    Ok(()) => self.told_of_lines(self.line_cancels.len()),
                    Err(error) => differs.push(error.to_string()),
                }
            }
            State::Booked | State::PartlyShipped | State::Shipped | State::Completed => {
                differs.extend(wanted.iter().map(|number| self.words(&Change::Gone(*number))));
            }
            // They are cancelled as soon as the ERP has them.
            State::Received | State::Held | State::Reserved => {}
            State::Cancelling | State::Cancelled | State::Refused => {}
        }
        differs
    }

    fn find(&mut self, finding: Finding, detail: String, at: i64) {
        if self.shop.as_ref().is_some_and(|standing| standing.acknowledged) {
            return;
        }
        let reason = finding.reason();
        if let Some(known) = self.holds.iter_mut().find(|hold| hold.reason == reason) {
            known.detail = detail;
        } else if matches!(self.state(), State::Received | State::Held) {
            self.hold(reason, &detail, at);
        } else {
            self.holds.push(Hold { reason: reason.to_owned(), detail, since: at, expires_at: 0 });
        }
    }

    /// A person has looked at what differs; only another word of the shop brings it up again.
    pub(crate) fn acknowledge_shop(&mut self) {
        if let Some(standing) = &mut self.shop {
            standing.acknowledged = true;
        }
    }

    /// True when the shop will not take a shipment, because it has cancelled the order or taken off what is in it: a person
    /// knows already.
    #[must_use]
    pub(crate) fn shop_has_no_use_for(&self, shipment: &str) -> bool {
        let Some(standing) = &self.shop else { return false };
        let lines = self.shipments.iter().filter(|known| known.id() == shipment).flat_map(|known| &known.lines);
        let taken_off = |number: i32| {
            let line =
                self.line(number).and_then(|line| self.sold_as(&line.channel_line_id).map(|whole| (line, whole)));
            let told = line.as_ref().map(|(line, _)| &line.channel_line_id);
            let told = told.and_then(|id| standing.lines.iter().find(|told| told.id == *id));
            line.as_ref().map(|(_, whole)| whole).zip(told).is_some_and(|(line, told)| told.wanted < line.shipped)
        };
        standing.cancelled || lines.into_iter().any(|line| taken_off(line.number))
    }

    /// Line cancellations that the shop is to hear of, by number from 1.
    pub(crate) fn untold_line_cancels(&self) -> impl Iterator<Item = usize> {
        let done = |cancel: &crate::line_cancel::LineCancel| cancel.step() == Step::Done && !cancel.told;
        let numbers = self.line_cancels.iter().zip(1_usize..).filter(move |(cancel, _)| done(cancel));
        numbers.filter(|_| self.is_of_shop()).map(|(_, number)| number)
    }

    /// The shop knows of a cancellation of lines.
    pub(crate) fn told_of_lines(&mut self, number: usize) {
        if let Some(cancel) = number.checked_sub(1).and_then(|place| self.line_cancels.get_mut(place)) {
            cancel.told = true;
        }
    }

    /// How often it has waited for its customer in a store, when it does so now and the shop is to say so.
    #[must_use]
    pub(crate) fn untold_pickup(&self) -> Option<u32> {
        let pickup = self.pickup.as_ref().filter(|pickup| pickup.stage() == Stage::Ready && self.is_of_shop())?;
        let times = pickup.steps.iter().filter(|step| step.stage() == Stage::Ready).count();
        u32::try_from(times).ok().filter(|times| *times > pickup.told_ready)
    }

    /// For people.
    fn words(&self, change: &Change) -> String {
        let named = |number: i32| {
            self.line(number).map_or_else(String::new, |line| format!("line {} ({})", line.number, line.sku))
        };
        let units = Quantity::from_millionths;
        match change {
            Change::Gone(number) => format!("{} was taken off in the shop", named(*number)),
            Change::Quantity { number, wanted } => {
                let whole = self.line(*number).and_then(|line| self.sold_as(&line.channel_line_id));
                let (ordered, shipped) = whole.map_or((0, 0), |line| (line.quantity, line.shipped));
                let (wanted, ordered, shipped) = (units(*wanted), units(ordered), units(shipped));
                format!("{}: the shop wants {wanted}, here {ordered} are ordered and {shipped} shipped", named(*number))
            }
            Change::Added { name, wanted } => format!("the shop has added {} of {name}", units(*wanted)),
        }
    }
}

#[cfg(test)]
#[path = "shop_order_tests.rs"]
mod tests;
