//! An edit that people make in the shop which sold the order: a fact that goes the way of every edit. What is sold there is
//! sold, and paid or due there; it needs no stock to be true.

use retail_proto::Quantity;
use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;

use super::{Asked, Circumstances, Edit, Step};
use crate::config::Channel;
use crate::fault::Error;
use crate::pickup::By;
use crate::record::{Line, Order};
use crate::shop_order::{Known, SHOP, StandingLine};
use crate::shop_policy::ShopRules;

/// What the shop wants to be another way than it is here, as one edit.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShopEdit {
    asked: Asked,
}

impl ShopEdit {
    /// True when there is nothing to be done.
    pub(crate) fn is_empty(&self) -> bool {
        let asked = &self.asked;
        asked.quantities.is_empty() && asked.new_lines.is_empty() && asked.address.is_none()
    }

    /// So many millionths of a line.
    pub(crate) fn set(&mut self, number: i32, quantity: i64) {
        let wish = (number, Quantity::from_millionths(quantity));
        if !self.asked.quantities.contains(&wish) {
            self.asked.quantities.push(wish);
        }
    }

    /// A further line; false when nobody knows what it is.
    pub(crate) fn add(&mut self, told: &StandingLine) -> bool {
        let Some(placed) = &told.line else { return false };
        let mut line = wanted_of(placed, told.wanted);
        if placed.kind() == pb::LineKind::Goods {
            match told.known() {
                Known::Nothing => return false,
                Known::Stocked | Known::Charge => {
                    let stocked = told.known() == Known::Stocked;
                    self.asked.items.push(stock::Item { sku: told.sku.clone(), stocked, ..Default::default() });
                }
            }
            line.location = String::new();
        }
        self.asked.new_lines.push(line);
        true
    }

    /// Delivered elsewhere.
    pub(crate) fn deliver_to(&mut self, address: &retail_proto::types::v1::Address) {
        self.asked.address = Some(address.clone());
    }
}

/// A line as it would be placed, of which some was taken off already: discount and taxes with the quantity.
fn wanted_of(placed: &pb::LineInput, wanted: i64) -> pb::LineInput {
    let mut line = placed.clone();
    let ordered = placed.quantity.parse::<Quantity>().map_or(0, Quantity::millionths);
    line.quantity = Quantity::from_millionths(wanted).to_string();
    let amounts = line.discount.iter_mut().chain(line.taxes.iter_mut().filter_map(|tax| tax.amount.as_mut()));
    for amount in amounts {
        amount.minor_units = super::worth::in_proportion(amount.minor_units, wanted, ordered).unwrap_or(0);
    }
    line
}

impl Order {
    /// The shop's edit that came to nothing although the shop still says the same and the ERP has not moved since.
    pub(crate) fn failed_shop_edit(&self, version: u64) -> Option<&Edit> {
        let last = self.edits.iter().rev().find(|edit| edit.by_shop)?;
        let same = last.shop_version == version && last.erp_etag == self.erp_etag;
        (same && last.step() == Step::Failed).then_some(last)
    }

    /// Begins an edit of the shop, as of a version of the order there. `whole` says that it is all that the shop wants: then
    /// what is paid and due there must be what its lines come to.
    ///
    /// # Errors
    /// Why it cannot be carried out, for people.
    pub(crate) fn edit_as_shop(
        &mut self,
        wish: &ShopEdit,
        (version, whole): (u64, bool),
        rules: ShopRules,
        at: i64,
    ) -> Result<(), String> {
        let channel = Channel { tolerance_minor: rules.tolerance, ..Channel::default() };
        let known = Circumstances {
            channel: Some(&channel),
            booking_sent: true,
            tells: false,
            floors: None,
            asks_credit: rules.asks_credit,
        };
        let asked = Asked { by_shop: true, ..wish.asked.clone() };
        let shown = self.shop_total().filter(|_| whole && self.shop_shows_every_edit());
        let by = By { who: SHOP, at, why: "edited in the shop" };
        let mut next = self.clone();
        next.edit(&asked, known, by).map_err(|error| reason(&error))?;
        let Some(place) = next.edits.len().checked_sub(1).filter(|_| next.edits.len() > self.edits.len()) else {
            return Ok(());
        };
        let Some(edit) = next.edits.get_mut(place) else { return Ok(()) };
        edit.shop_version = version;
        if let Some(shown) = shown {
            let shown = shown.saturating_add(self.closed_at_shop());
            let total = edit.total;
            if total.abs_diff(shown) > u64::from(rules.tolerance) {
                let words = |minor| self.money(minor).map(|amount| amount.to_string()).unwrap_or_default();
                let (shown, total) = (words(shown), words(total));
                return Err(format!("paid and due there are {shown}, and its lines come to {total}"));
            }
            // Of a penny of rounding the shop's word counts.
            edit.total = shown;
            if edit.step() == Step::Done {
                next.total = shown;
            }
        }
        *self = next;
        Ok(())
    }

    /// What lines that are closed here come to no longer at the shop, minor units: our total goes on having them.
    fn closed_at_shop(&self) -> i64 {
        let gone = |line: &Line| {
            let told =
                self.shop.iter().flat_map(|standing| &standing.lines).find(|told| told.id == line.channel_line_id)?;
            // What several places ship of a line is one there.
            let others = self.parts_of(line.ordered_as()).filter(|part| part.number != line.number);
            let others = others.map(|part| if part.closed { part.shipped } else { part.quantity });
            let left = line.share(line.value(), told.wanted.saturating_sub(others.sum()).max(0));
            Some(line.value().saturating_sub(left))
        };
        let closed = self.lines.iter().filter(|line| line.closed && line.quantity > 0);
        closed.filter_map(gone).fold(0_i64, i64::saturating_add)
    }

    /// True when a line was taken off by the shop itself: what it wants of it later is a word of its own.
    pub(crate) fn was_closed_for_shop(&self, line: &Line) -> bool {
        let edits = self.edits.iter().filter(|edit| edit.by_shop && edit.step() == Step::Done);
        let mut gone = edits.flat_map(|edit| &edit.lines);
        let cancelled = self.line_cancels.iter().any(|one| one.who == SHOP && one.lines.contains(&line.number));
        line.closed && (cancelled || gone.any(|one| one.number == line.number && one.quantity == 0))
    }
}

/// Why an edit cannot be, without the words that are meant for a caller.
fn reason(error: &Error) -> String {
    if let Error::EditRefused { why, .. } | Error::EditConflict { what: why, .. } = error {
        return why.clone();
    }
    error.to_string()
}
