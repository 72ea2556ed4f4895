//! Edits that were made here, as the shop shows them: whose news it is, and what it could not be told.

use retail_proto::commerce::v1 as shop;

use super::{Finding, Standing, answered};
use crate::edit::{EditedLine, Step, Told};
use crate::record::{Hold, Line, Order};
use crate::shop_policy::ShopRules;

impl Order {
    /// The shop has taken an edit over, and shows the order like this: what it says is no news.
    pub(crate) fn edited_at_shop(&mut self, number: usize, told: &shop::EditOrderResponse, rules: ShopRules, at: i64) {
        let added: Vec<(String, String)> =
            told.added.iter().map(|one| (one.external_ref.clone(), one.line_item_id.clone())).collect();
        let shown = told.order.as_ref().and_then(answered);
        self.told_of_edit(number, shown.as_ref().map_or(0, |shown| shown.version), &added);
        let known = self.shop.as_ref().map_or(0, |known| known.version);
        if let Some(shown) = shown.filter(|shown| shown.version >= known) {
            // What people have done there in the meantime is in it as well.
            self.stand_at_shop(shown);
            self.take_shop_money(at);
        }
        self.follow_shop(rules, at);
    }

    /// The shop does not take an edit over: it stays as it is here, and a person is told.
    pub(crate) fn not_edited_at_shop(&mut self, number: usize, why: &str, at: i64) {
        let Some(edit) = number.checked_sub(1).and_then(|place| self.edits.get(place)) else { return };
        let detail = format!(
            "edit {number} by {} is not in the shop ({}): {why}; change it there by hand, or release the hold",
            edit.who,
            edit.words()
        );
        self.cannot_tell_edit(number, why);
        let reason = Finding::NotTold.reason();
        self.holds.retain(|hold| hold.reason != reason);
        self.holds.push(Hold { reason: reason.to_owned(), detail, since: at, expires_at: 0 });
    }

    /// A line that the shop could not be told of and that somebody has added there by hand is that line, and no further one.
    fn adopt_lines_added_by_hand(&mut self) {
        let Some(standing) = &self.shop else { return };
        let refused = self.edits.iter().filter(|edit| edit.step() == Step::Done && edit.told() == Told::Refused);
        let ours = refused.flat_map(|edit| &edit.lines).filter(|one| one.added.is_some()).map(|one| one.number);
        let mut adopted: Vec<(i32, String)> = Vec::new();
        for line in ours.filter_map(|number| self.line(number)).filter(|line| line.channel_line_id.is_empty()) {
            let found = standing.lines.iter().find(|told| {
                let theirs = if told.sku.is_empty() { &told.name } else { &told.sku };
                let free = !adopted.iter().any(|(_, id)| *id == told.id)
                    && !self.lines.iter().any(|line| line.channel_line_id == told.id);
                free && theirs.eq_ignore_ascii_case(&line.sku) && told.wanted == line.quantity
            });
            adopted.extend(found.map(|told| (line.number, told.id.clone())));
        }
        for (number, id) in adopted {
            if let Some(line) = self.lines.iter_mut().find(|line| line.number == number) {
                line.channel_line_id = id;
            }
        }
    }

    /// Once the shop shows what it could not be told, nobody need look any more.
    pub(super) fn settle_untold(&mut self) {
        self.adopt_lines_added_by_hand();
        let Some(standing) = &self.shop else { return };
        let shows = |one: &EditedLine| {
            let Some(line) = self.line(one.number) else { return true };
            let told = standing.lines.iter().find(|told| told.id == line.channel_line_id);
            let (wanted, whole) = (told.map_or(0, |told| told.wanted), self.whole_of(line));
            [whole.quantity, whole.stands].contains(&wanted) || (whole.closed && wanted <= whole.shipped)
        };
        let refused = self.edits.iter().filter(|edit| edit.step() == Step::Done && edit.told() == Told::Refused);
        let settled: Vec<bool> = refused.map(|edit| edit.lines.iter().all(shows)).collect();
        if settled.is_empty() || settled.contains(&false) {
            return;
        }
        for edit in self.edits.iter_mut().filter(|edit| edit.told() == Told::Refused) {
            edit.set_told(Told::Done);
        }
        self.lift_hold(Finding::NotTold.reason());
    }

    /// True for a telling of the same moment as our own edit that shows the order as it was before: it was read before, and
    /// came later. Times of shops have the grain of a second.
    pub(super) fn is_before_our_edit(&self, told: &Standing) -> bool {
        let same = |version: u64| version != 0 && version == told.version;
        let ours = self.edits.iter().rev().find(|edit| !edit.by_shop && edit.told() == Told::Done);
        let Some(edit) = ours.filter(|edit| same(edit.shop_version) && !told.cancelled) else { return false };
        let was = |part: &Line| {
            let edited = edit.lines.iter().find(|one| one.number == part.number);
            edited.map_or(part.quantity, |one| one.quantity_before)
        };
        let before = |one: &EditedLine| {
            let Some(line) = self.line(one.number) else { return one.quantity_before == 0 };
            let shown = told.lines.iter().find(|told| told.id == line.channel_line_id).map_or(0, |told| told.wanted);
            shown == self.parts_of(line.ordered_as()).map(was).sum::<i64>()
        };
        edit.lines.iter().filter(|one| one.quantity != one.quantity_before).all(before)
    }
}

#[cfg(test)]
#[path = "untold_tests.rs"]
mod tests;
