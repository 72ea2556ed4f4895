//! How the shop says that an order stands, held against what we have. What people did in the shop's admin is carried out
//! here as if it had been asked of us; what cannot be becomes a hold that names both sides, and holds up nothing that is
//! booked already. Pure; what the shop says stands in `standing.rs`, what it shows of our edits in `untold.rs`.

mod standing;
mod untold;

use retail_proto::Quantity;

pub(crate) use self::standing::{Known, Standing, StandingLine, answered, read};
use crate::edit::ShopEdit;
use crate::line_cancel::Step;
use crate::pickup::{By, Stage};
use crate::record::{Capture, Hold, Line, Order, State};
use crate::shop_policy::ShopRules;

/// Who changes what people have changed in the shop.
pub(crate) const SHOP: &str = "shop";

/// What a person must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The shop has cancelled what has left already.
    Cancelled,
    /// The shop wants other lines than we have, and nobody can carry that out.
    Edited,
    /// The shop cannot be told of an edit that was made here.
    NotTold,
}

/// One thing that the shop wants otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing more of a line shall ship.
    Gone(i32),
    /// Another quantity of a line, millionths.
    Quantity { number: i32, wanted: i64 },
    /// A line that we do not have, by the shop's id.
    Added { id: String, name: String, wanted: i64 },
    /// It is delivered elsewhere.
    Address,
}

impl Finding {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED_IN_SHOP",
            Self::Edited => "EDITED_IN_SHOP",
            Self::NotTold => "EDIT_NOT_TOLD",
        }
    }

    /// True for the hold of a finding.
    pub(crate) fn is(reason: &str) -> bool {
        [Self::Cancelled, Self::Edited, Self::NotTold].iter().any(|finding| finding.reason() == reason)
    }
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
    pub(crate) fn take_shop_order(&mut self, told: Standing, erp_asked: bool, rules: ShopRules, at: i64) {
        // Others look after an adopted order, whatever the shop says of it.
        let known = self.shop.as_ref();
        let older = known.is_some_and(|known| known.version > told.version) || self.is_before_our_edit(&told);
        if self.adopted || older || known.is_some_and(|known| known.says_all(&told)) {
            return;
        }
        if told.cancelled && self.state() != State::Cancelled {
            let why = if told.reason.is_empty() { String::new() } else { format!(": {}", told.reason) };
            // What has left already is found below.
            let _shipped = self.cancel(&format!("cancelled in the shop{why}"), erp_asked);
            self.shop_knows = true;
        }
        self.stand_at_shop(told);
        self.take_shop_money(at);
        self.follow_shop(rules, at);
    }

    /// Keeps how it stands. What a person has released stays so while only money moves.
    fn stand_at_shop(&mut self, mut told: Standing) {
        told.forget_known_lines(self);
        let placed = || {
            let first = self.edits.iter().find_map(|edit| edit.address_before.as_ref());
            first.or(self.shipping_address.as_ref())
        };
        let known = self.shop.as_ref();
        let before = known.and_then(|known| known.address.as_ref()).or_else(placed);
        let moved = told.address.is_some() && told.address.as_ref() != before;
        told.address_wanted = moved || known.is_some_and(|known| known.address_wanted);
        told.acknowledged = known.is_some_and(|known| known.acknowledged && known.agrees(&told));
        self.shop = Some(told);
    }

    /// Carries out what the shop wants, as far as that is possible now; what never will be waits for a person. Called after
    /// every step, because lines are at rest at some times and not at others.
    pub(crate) fn follow_shop(&mut self, rules: ShopRules, at: i64) {
        if self.adopted || matches!(self.state(), State::Cancelling | State::Cancelled | State::Refused) {
            return;
        }
        let Some(cancelled) = self.shop.as_ref().map(|standing| standing.cancelled) else { return };
        self.settle_untold();
        if cancelled {
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
        if let Some(standing) = self.shop.as_mut().filter(|standing| standing.address == self.shipping_address) {
            standing.address_wanted = false;
        }
        // What differs may be an edit of ours that the shop is being told of.
        if self.is_telling_edits() {
            return;
        }
        let found = self.follow_changes(rules, at);
        if found.is_empty() {
            self.lift_hold(Finding::Edited.reason());
            return;
        }
        let waits = found.iter().all(|(waits, _)| *waits);
        let differs: Vec<String> = found.into_iter().map(|(_, words)| words).collect();
        let end = if waits {
            "it is carried out by itself when that has ended"
        } else {
            "cancel or order here what the shop's customer wants otherwise, then release the hold"
        };
        self.find(Finding::Edited, format!("{}; {end}", differs.join("; ")), at);
    }

    /// Begins what can be begun; answers what cannot, in words, and whether it only waits for something to end.
    fn follow_changes(&mut self, rules: ShopRules, at: i64) -> Vec<(bool, String)> {
        let changes = self.shop_changes();
        let gone =
            changes.iter().filter_map(|change| if let Change::Gone(number) = change { Some(*number) } else { None });
        let gone: Vec<i32> = gone.collect();
        let rest: Vec<&Change> = changes.iter().filter(|change| !matches!(change, Change::Gone(_))).collect();
        let acknowledged = self.shop.as_ref().is_some_and(|standing| standing.acknowledged);
        if rest.is_empty() || self.nothing_is_left_at_shop() || !rules.carry_out || acknowledged {
            let differs: Vec<String> = rest.iter().map(|change| self.words(change)).collect();
            return differs.into_iter().chain(self.take_off(&gone, at)).map(|words| (false, words)).collect();
        }
        self.carry_out(&changes, rules, at)
    }

    /// True when the shop wants no goods of it any more.
    fn nothing_is_left_at_shop(&self) -> bool {
        let told = self.shop.iter().flat_map(|standing| &standing.lines);
        let added = |told: &StandingLine| !self.lines.iter().any(|line| line.channel_line_id == told.id);
        let mut comes = told.clone().filter(|told| told.wanted > 0 && added(told));
        let wanted = |line: &Line| told.clone().find(|told| told.id == line.channel_line_id).map(|told| told.wanted);
        let stays = |line: &Line| line.is_goods() && !line.closed && (line.shipped > 0 || wanted(line) != Some(0));
        comes.next().is_none() && !self.lines.iter().any(stays)
    }

    /// Makes one edit of all that the shop wants otherwise.
    fn carry_out(&mut self, changes: &[Change], rules: ShopRules, at: i64) -> Vec<(bool, String)> {
        let (mut wish, mut differs) = (ShopEdit::default(), Vec::new());
        for change in changes {
            match change {
                Change::Gone(number) => {
                    let whole = self.line(*number).map_or(*number, Line::ordered_as);
                    wish.set(whole, self.gone_of(whole));
                }
                Change::Quantity { number, wanted } => {
                    let closed = self.parts_of(*number).all(|part| part.closed);
                    if *wanted < self.gone_of(*number) || closed {
                        differs.push((false, self.words(change)));
                    } else {
                        wish.set(*number, *wanted);
                    }
                }
                Change::Added { id, .. } => {
                    let told = self.shop.iter().flat_map(|standing| &standing.lines).find(|told| told.id == *id);
                    if !told.is_some_and(|told| wish.add(told)) {
                        let words = self.words(change);
                        differs.push((false, format!("{words}, which is no item that is known here")));
                    }
                }
                Change::Address => {
                    if let Some(address) = self.shop.as_ref().and_then(|standing| standing.address.as_ref()) {
                        wish.deliver_to(address);
                    }
                }
            }
        }
        let under_way = self.editing().is_some_and(|(_, edit)| edit.by_shop);
        // It goes on by itself, or begins as soon as the ERP has the order.
        if wish.is_empty() || under_way || self.state() == State::Reserved {
            return differs;
        }
        let all: Vec<String> = changes.iter().map(|change| self.words(change)).collect();
        let all = all.join("; ");
        let version = self.shop.as_ref().map_or(0, |standing| standing.version);
        if let Some(failed) = self.failed_shop_edit(version) {
            return vec![(false, format!("{all}; it was tried: {}", failed.outcome))];
        }
        if let Some(what) = self.what_is_under_way() {
            return vec![(true, format!("{all}; {what} is under way"))];
        }
        match self.edit_as_shop(&wish, (version, differs.is_empty()), rules, at) {
            Ok(()) => differs,
            Err(why) => vec![(false, format!("{all}; {why}"))],
        }
    }

    /// What has left of a line as it was ordered, or is billed.
    fn gone_of(&self, number: i32) -> i64 {
        self.parts_of(number).map(|part| part.shipped.max(part.invoiced)).sum()
    }

    /// What an edit must wait for, in words.
    fn what_is_under_way(&self) -> Option<String> {
        let edit = self.editing().map(|(number, edit)| format!("edit {number} by {} ({})", edit.who, edit.words()));
        let moved = || self.rerouting().map(|(number, one)| format!("rerouting {number} by {}", one.who));
        let closed =
            || self.cancelling_lines().map(|(number, one)| format!("line cancellation {number} by {}", one.who));
        edit.or_else(moved).or_else(closed)
    }

    /// What the shop wants otherwise than we have it. The one place that knows what an edit in the shop comes to.
    pub(crate) fn shop_changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for told in self.shop.iter().flat_map(|standing| &standing.lines) {
            let Some(line) = self.sold_as(&told.id) else {
                if told.wanted > 0 {
                    let (id, name) = (told.id.clone(), told.name.clone());
                    changes.push(Change::Added { id, name, wanted: told.wanted });
                }
                continue;
            };
            // A line that was closed here goes no further, and its shop was told or is about to be: unless it took it off
            // itself, and wants it again.
            let by_shop = || self.parts_of(line.number).any(|part| self.was_closed_for_shop(part));
            if line.closed && told.wanted > line.shipped && by_shop() {
                changes.push(Change::Quantity { number: line.number, wanted: told.wanted });
            }
            // Of what was edited here the shop goes on showing what it sold until it is told.
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
        if self.shop.as_ref().is_some_and(|standing| standing.address_wanted) {
            changes.push(Change::Address);
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
    pub(crate) fn acknowledge_shop(&mut self, reason: &str) {
        if let Some(standing) = self.shop.as_mut().filter(|_| reason != Finding::NotTold.reason()) {
            standing.acknowledged = true;
        }
    }

    /// Where it stands when something of it differs from the shop, and what comes next.
    pub(crate) fn shop_words(&self) -> Option<(&'static str, &'static str)> {
        let found = |finding: Finding| self.holds.iter().any(|hold| hold.reason == finding.reason());
        if found(Finding::Cancelled) || found(Finding::Edited) {
            return Some(("Changed in the shop", "Somebody settles what differs, then releases the hold"));
        }
        found(Finding::NotTold)
            .then_some(("Changed here, not in the shop", "Somebody changes it there as well, or releases the hold"))
    }

    /// True when the shop knows of every line that was changed or cancelled here, as far as it is to hear of it.
    pub(crate) fn shop_knows_of_lines(&self) -> bool {
        self.untold_line_cancels().next().is_none() && self.edit_to_tell().is_none()
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
            Change::Added { name, wanted, .. } => format!("the shop has added {} of {name}", units(*wanted)),
            Change::Address => "the shop has another delivery address".to_owned(),
        }
    }
}

#[cfg(test)]
#[path = "shop_order_tests.rs"]
mod tests;
