//! Who is told of an edit: the shop that sold the order shows it, or goes on showing what it sold.

use super::{Edit, EditedLine, Step, Told};
use crate::record::{Line, Order, State};

/// What the shop is to show of one of its lines. Quantities in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToShow {
    /// Its id of the line.
    pub line: String,
    /// What it shows until then.
    pub before: i64,
    /// What it is to show.
    pub wanted: i64,
}

impl Order {
    /// Says on a new edit whether the shop knows of it, or is to hear of it.
    pub(super) fn settle_told(&self, edit: &mut Edit, by_shop: bool, tells: bool) {
        edit.by_shop = by_shop;
        let concerns = edit.lines.iter().any(|one| one.quantity != one.quantity_before);
        edit.set_told(match (by_shop, tells && self.is_of_shop() && concerns) {
            (true, _) => Told::Done,
            (false, true) => Told::Due,
            (false, false) => Told::Never,
        });
    }

    /// The next edit that the shop is to hear of, by number from 1.
    #[must_use]
    pub(crate) fn edit_to_tell(&self) -> Option<usize> {
        let due = |edit: &Edit| edit.step() == Step::Done && edit.told() == Told::Due;
        self.edits.iter().zip(1_usize..).find(|(edit, _)| due(edit)).map(|(_, number)| number)
    }

    /// True while the shop may have an edit of ours under ids that are not known here yet.
    #[must_use]
    pub(crate) fn is_telling_edits(&self) -> bool {
        let settling = matches!(self.state(), State::Booked | State::PartlyShipped | State::Shipped);
        settling && self.edit_to_tell().is_some()
    }

    /// What the shop is to hear of an edit: what it has changed itself since then is its own word.
    pub(crate) fn lines_to_tell(&self, number: usize) -> Vec<&EditedLine> {
        let later = || self.edits.iter().skip(number).filter(|edit| edit.by_shop && edit.step() == Step::Done);
        let overtaken = |line: i32| later().flat_map(|edit| &edit.lines).any(|one| one.number == line);
        let found = number.checked_sub(1).and_then(|place| self.edits.get(place));
        let lines = found.into_iter().flat_map(|edit| &edit.lines);
        lines.filter(|one| one.quantity != one.quantity_before && !overtaken(one.number)).collect()
    }

    /// The lines that the shop has, as it is to show them for an edit: what several places ship of one is one line there,
    /// and stands as all of its parts stand now.
    pub(crate) fn lines_to_show(&self, number: usize) -> Vec<ToShow> {
        let mut shown: Vec<ToShow> = Vec::new();
        for one in self.lines_to_tell(number) {
            let known = self.line(one.number).filter(|line| one.added.is_none() && !line.channel_line_id.is_empty());
            let Some(line) = known.filter(|line| !shown.iter().any(|known| known.line == line.channel_line_id)) else {
                continue;
            };
            let (before, wanted) = if self.parts_of(line.ordered_as()).nth(1).is_none() {
                (self.shown_before_edit(line, number, one), one.quantity)
            } else {
                self.shown_of_parts(line.ordered_as())
            };
            shown.push(ToShow { line: line.channel_line_id.clone(), before, wanted });
        }
        shown
    }

    /// What the shop shows of a line that several places ship, and what it is to show. Of a part that is closed it is told
    /// as of a cancellation.
    fn shown_of_parts(&self, ordered_as: i32) -> (i64, i64) {
        self.parts_of(ordered_as).fold((0_i64, 0_i64), |(before, wanted), part| {
            let sold = self.sold_by_channel(part);
            let stands = if cancelled(part) { sold } else { part.quantity };
            (before.saturating_add(sold), wanted.saturating_add(stands))
        })
    }

    /// The shop shows what there is of these lines, by number: what several places ship of one remembers it by place.
    pub(super) fn is_shown(&mut self, numbers: &[i32]) {
        let wholes: Vec<i32> = numbers.iter().filter_map(|number| self.line(*number)).map(Line::ordered_as).collect();
        let split = |line: &&mut Line| line.sold.is_some() && !cancelled(line) && wholes.contains(&line.ordered_as());
        self.lines.iter_mut().filter(split).for_each(|line| line.sold = Some(line.quantity));
    }

    /// The shop has an edit, as of this version of the order there; it knows further lines by these ids.
    pub(crate) fn told_of_edit(&mut self, number: usize, version: u64, added: &[(String, String)]) {
        let told: Vec<i32> = self.lines_to_tell(number).iter().map(|one| one.number).collect();
        self.is_shown(&told);
        for (line, id) in added {
            if let Some(line) = self.lines.iter_mut().find(|known| known.id == *line) {
                line.channel_line_id.clone_from(id);
            }
        }
        self.with_edit(number, |edit| {
            edit.set_told(Told::Done);
            edit.shop_version = version;
        });
    }

    /// The shop need not know of an edit after all.
    pub(crate) fn need_not_tell_edit(&mut self, number: usize) {
        self.with_edit(number, |edit| edit.set_told(Told::Never));
    }

    /// The shop cannot be told of an edit.
    pub(crate) fn cannot_tell_edit(&mut self, number: usize, why: &str) {
        self.with_edit(number, |edit| {
            edit.set_told(Told::Refused);
            why.clone_into(&mut edit.not_told);
        });
    }

    /// How much of a line its channel has sold, millionths: what it shows until it is told of something else, or says so
    /// itself.
    #[must_use]
    pub(crate) fn sold_by_channel(&self, line: &Line) -> i64 {
        line.sold.unwrap_or_else(|| self.shown_by_shop(line, line.quantity, self.edits.len()))
    }

    /// What the shop shows of a line that an edit changes, before it is told of that edit.
    #[must_use]
    fn shown_before_edit(&self, line: &Line, number: usize, edited: &EditedLine) -> i64 {
        self.shown_by_shop(line, edited.quantity_before, number.saturating_sub(1))
    }

    /// What the shop shows of a line when the first so many edits count and leave this much of it.
    fn shown_by_shop(&self, line: &Line, quantity: i64, edits: usize) -> i64 {
        let mut shown = quantity;
        if line.channel_line_id.is_empty() {
            return shown;
        }
        let changed = self.edits.iter().take(edits).rev();
        for edit in changed.filter(|edit| matches!(edit.step(), Step::Changed | Step::Done)) {
            let Some(one) = edit.lines.iter().find(|one| one.number == line.number) else { continue };
            if edit.told() == Told::Done || one.added.is_some() {
                return shown;
            }
            shown = one.quantity_before;
        }
        shown
    }

    /// True when the shop shows the lines of every edit that changed some: then its total can be held against ours.
    #[must_use]
    pub(crate) fn shop_shows_every_edit(&self) -> bool {
        let changed = self.edits.iter().filter(|edit| matches!(edit.step(), Step::Changed | Step::Done));
        let mut priced = changed.filter(|edit| edit.worth != edit.worth_before);
        priced.all(|edit| edit.told() == Told::Done)
    }
}

/// Closed with something in it: not by an edit, and the shop hears of it another way.
fn cancelled(line: &Line) -> bool {
    line.closed && line.quantity > 0
}
