//! What is left of an order: how much of each line returns have claimed, and where its money went. One document per
//! order, so that two returns never take the same piece and never give the same penny back. Pure.

use retail_proto::types::v1::Ref;
use retail_store::Document;
use serde::{Deserialize, Serialize};

use crate::part::Credit;
use crate::sale::{Sale, SoldLine};
use crate::share::share;

/// A quantity that a return has claimed of one line and one invoice.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Claim {
    /// The return.
    #[prost(string, tag = "1")]
    pub(crate) return_id: String,
    /// Number of the line in the return under which it was claimed.
    #[prost(int32, tag = "2")]
    pub(crate) line: i32,
    /// Number of the order line.
    #[prost(int32, tag = "3")]
    pub(crate) order_line: i32,
    /// Id of the invoice; empty when there is none.
    #[prost(string, tag = "4")]
    pub(crate) invoice: String,
    /// Millionths.
    #[prost(int64, tag = "5")]
    pub(crate) quantity: i64,
    /// What it is worth, minor units.
    #[prost(int64, tag = "6")]
    pub(crate) value: i64,
}

/// Money of an order that went back through a return.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Entry {
    /// Our id of the part, or of a refund that the shop made by itself.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// The return.
    #[prost(string, tag = "2")]
    pub(crate) return_id: String,
    /// Credited, minor units.
    #[prost(int64, tag = "3")]
    pub(crate) credited: i64,
    /// What of the credit paid an owed invoice, minor units.
    #[prost(int64, tag = "4")]
    pub(crate) applied: i64,
    /// Given back, or claimed for it, minor units.
    #[prost(int64, tag = "5")]
    pub(crate) refund: i64,
    /// What was credited, line by line: decided with the sum, so that a repeat brings the same lines whatever has come
    /// back since.
    #[prost(message, repeated, tag = "6")]
    pub(crate) lines: Vec<Credit>,
}

/// The books of one order. The id is the order's.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Allowance {
    /// Claims, oldest first.
    #[prost(message, repeated, tag = "1")]
    pub(crate) claims: Vec<Claim>,
    /// Money, oldest first.
    #[prost(message, repeated, tag = "2")]
    pub(crate) money: Vec<Entry>,
}

impl Document for Allowance {
    const KIND: &'static str = "allowance";
    const SCHEMA: u32 = 1;
}

/// A piece of a claim: what of it lies on one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slice {
    pub(crate) invoice: String,
    /// Millionths.
    pub(crate) quantity: i64,
    /// Minor units.
    pub(crate) value: i64,
}

/// What a part asks for when it is settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settling {
    /// Our id of the part.
    pub(crate) id: String,
    pub(crate) return_id: String,
    pub(crate) lines: Vec<Credit>,
    pub(crate) invoice: Option<Ref>,
    /// The shop has given the money back already; the books know of it.
    pub(crate) is_given: bool,
    /// What was accepted of each claim: line, invoice, accepted and authorized millionths.
    pub(crate) accepted: Vec<(i32, String, i64, i64)>,
}

impl Allowance {
    /// Claimed of an order line by everybody, or by everybody but one line of a return, millionths.
    #[must_use]
    pub(crate) fn claimed(&self, order_line: i32, but: Option<(&str, i32)>) -> i64 {
        let others = self.claims.iter().filter(|claim| but != Some((claim.return_id.as_str(), claim.line)));
        others.filter(|claim| claim.order_line == order_line).map(|claim| claim.quantity).sum()
    }

    /// What another `quantity` of a line would be worth: the difference of two cumulative shares, so that the returns
    /// of one line add up to the line's value to the penny, in whatever pieces it comes back.
    #[must_use]
    pub(crate) fn worth(&self, line: &SoldLine, quantity: i64) -> i64 {
        let of_line = self.claims.iter().filter(|claim| claim.order_line == line.number);
        let (claimed, value) = of_line.fold((0_i64, 0_i64), |(claimed, value), claim| {
            (claimed.saturating_add(claim.quantity), value.saturating_add(claim.value))
        });
        let upto = share(line.value, claimed.saturating_add(quantity), line.ordered);
        upto.saturating_sub(value).max(0)
    }

    /// Claims a quantity for a line of a return, oldest invoice first. A line that has claimed is answered what it has.
    pub(crate) fn claim(
        &mut self,
        return_id: &str,
        number: i32,
        sale: &Sale,
        sold: &SoldLine,
        quantity: i64,
    ) -> Vec<Slice> {
        let known = self.slices(return_id, number);
        let left = sold.ordered.saturating_sub(self.claimed(sold.number, None));
        let mut wanted = quantity.min(left);
        if !known.is_empty() || wanted <= 0 {
            return known;
        }
        let bills = sale.bills_of(sold);
        let last = bills.len().saturating_sub(1);
        for (place, (invoice, billed)) in bills.iter().enumerate() {
            let on_it = self.claims.iter().filter(|one| one.order_line == sold.number && one.invoice == invoice.id);
            let free = billed.saturating_sub(on_it.map(|one| one.quantity).sum()).max(0);
            // What no invoice names lies on the last one.
            let take = if place == last { wanted } else { free.min(wanted) };
            wanted = wanted.saturating_sub(take);
            self.push(return_id, number, sold, &invoice.id, take);
        }
        self.push(return_id, number, sold, "", wanted);
        self.slices(return_id, number)
    }

    fn push(&mut self, return_id: &str, line: i32, sold: &SoldLine, invoice: &str, quantity: i64) {
        if quantity > 0 {
            let value = self.worth(sold, quantity);
            let (return_id, invoice) = (return_id.to_owned(), invoice.to_owned());
            self.claims.push(Claim { return_id, line, order_line: sold.number, invoice, quantity, value });
        }
    }

    fn slices(&self, return_id: &str, number: i32) -> Vec<Slice> {
        let own = self.claims.iter().filter(|claim| claim.return_id == return_id && claim.line == number);
        own.map(|claim| Slice { invoice: claim.invoice.clone(), quantity: claim.quantity, value: claim.value })
            .collect()
    }

    /// Gives back all that a return has claimed: it was cancelled before anything happened.
    pub(crate) fn give_back(&mut self, return_id: &str) {
        self.claims.retain(|claim| claim.return_id != return_id);
        // What the shop gave back by itself stays given.
        self.money.retain(|entry| entry.return_id != return_id || entry.id == given_id(return_id));
    }

    /// Notes money that the shop gave back by itself. A repeat changes nothing.
    pub(crate) fn note_given(&mut self, return_id: &str, minor: i64) {
        let id = given_id(return_id);
        if !self.money.iter().any(|entry| entry.id == id) {
            self.money.push(Entry { id, return_id: return_id.to_owned(), refund: minor, ..Entry::default() });
        }
    }

    /// Decides how a part ends in money, once: what it credits first pays what is still owed of its invoice, the rest
    /// is given back, but never more than was taken and has not gone back. Claims shrink to what was accepted.
    ///
    /// `None` while we are about to take what the order owes: a credit that paid it would be paid once more.
    pub(crate) fn settle(&mut self, sale: &Sale, asked: &Settling) -> Option<Entry> {
        if let Some(known) = self.money.iter().find(|entry| entry.id == asked.id) {
            return Some(known.clone());
        }
        // What is on its way may be more than the invoices say that we have heard of.
        let credited: i64 = asked.lines.iter().map(|credit| credit.amount).sum();
        let is_short = self.owed(sale) > 0 || self.refundable(sale) < credited;
        if !asked.is_given && sale.is_being_paid && is_short {
            return None;
        }
        self.shrink(asked);
        let mut entry = Entry {
            id: asked.id.clone(),
            return_id: asked.return_id.clone(),
            credited,
            lines: asked.lines.clone(),
            ..Entry::default()
        };
        if !asked.is_given {
            let bill = asked.invoice.as_ref().and_then(|it| sale.bills.iter().find(|bill| bill.record.id == it.id));
            let owed = self.owed(sale);
            // An invoice may look owed while the deposit that pays it is not applied to it yet: the order's money says
            // whether the customer owes anything.
            entry.applied = bill.and_then(|bill| bill.owed).unwrap_or(owed).min(owed).clamp(0, entry.credited);
            entry.refund = self.refundable(sale).min(entry.credited.saturating_sub(entry.applied));
        }
        self.money.push(entry.clone());
        Some(entry)
    }

    /// What of a credit pays an owed invoice is as much as the order does not take any more; the rest was taken meanwhile and
    /// is given back. A repeat changes nothing.
    pub(crate) fn take_off(&mut self, sale: &Sale, part: &str, taken_off: i64) -> Option<Entry> {
        let refundable = self.refundable(sale);
        let entry = self.money.iter_mut().find(|entry| entry.id == part)?;
        let too_much = entry.applied.saturating_sub(taken_off).max(0);
        entry.applied = entry.applied.saturating_sub(too_much);
        entry.refund = entry.refund.saturating_add(too_much.min(refundable));
        Some(entry.clone())
    }

    fn shrink(&mut self, asked: &Settling) {
        for (line, invoice, accepted, authorized) in &asked.accepted {
            let own = |claim: &&mut Claim| {
                claim.return_id == asked.return_id && claim.line == *line && claim.invoice == *invoice
            };
            if let Some(claim) = self.claims.iter_mut().find(own) {
                claim.value = share(claim.value, *accepted, *authorized);
                claim.quantity = *accepted;
            }
        }
        self.claims.retain(|claim| claim.quantity > 0);
    }

    /// What the customer still owes of the order, minor units.
    fn owed(&self, sale: &Sale) -> i64 {
        let credited: i64 = self.money.iter().map(|entry| entry.credited).sum();
        let paid = sale.captured.saturating_sub(self.refunded(sale)).saturating_sub(self.refunds());
        sale.invoiced.saturating_sub(credited).saturating_sub(self.in_advance()).saturating_sub(paid).max(0)
    }

    /// What the shop gave back by itself and is not credited yet, minor units: nobody owes it, its credit will come.
    fn in_advance(&self) -> i64 {
        let given = self.money.iter().filter(|entry| entry.id == given_id(&entry.return_id));
        let credited = |given: &Entry| -> i64 {
            let of_it = self.money.iter().filter(|entry| entry.return_id == given.return_id);
            of_it.map(|entry| entry.credited).sum()
        };
        given.map(|given| given.refund.saturating_sub(credited(given)).max(0)).sum()
    }

    /// What may still be given back of the money that was taken, minor units.
    fn refundable(&self, sale: &Sale) -> i64 {
        sale.captured.saturating_sub(self.refunded(sale)).saturating_sub(self.refunds()).max(0)
    }

    /// What went back beside the returns, minor units. A refund of the shop that is in these books as a return may be in the
    /// order's as well.
    fn refunded(&self, sale: &Sale) -> i64 {
        let is_here = |return_id: &str| self.money.iter().any(|entry| entry.id == given_id(return_id));
        let here = sale.refunds.iter().filter(|(return_id, _)| is_here(return_id)).map(|(_, minor)| minor);
        sale.refunded.saturating_sub(here.sum())
    }

    fn refunds(&self) -> i64 {
        self.money.iter().map(|entry| entry.refund).sum()
    }
}

fn given_id(return_id: &str) -> String {
    format!("{return_id}/given")
}

#[cfg(test)]
#[path = "allowance_tests.rs"]
mod tests;
