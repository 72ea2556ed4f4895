//! Making one customer of two that lie in different partitions, and taking it back. Pure: small atomic moves on one
//! customer each, and a rule that looks at both and says which comes next, so that whoever finds a merge half done
//! completes it and any interleaving can be tried.
//!
//! A merge binds both customers, the one with the smaller id first, so that merges never wait for each other in a
//! circle; then the survivor takes the other's parts, then the other becomes an alias, then the survivor is free. It is
//! given up when the second cannot be bound, which is before anything has changed hands. An undoing binds only the
//! survivor: the parts leave it, the other stands up from them, the survivor is free. What is over is remembered on
//! both, so that a move that comes late finds nothing to do.

use crate::customer::{Customer, Kind};
use crate::part::Part;

/// Ended merges and undoings that a customer remembers.
const REMEMBERED: usize = 64;
/// Parts beyond which a customer takes no more.
pub(crate) const MOST_PARTS: usize = 50;

/// What a bond is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Purpose {
    /// To make one customer of two.
    Merge = 0,
    /// To take that back.
    Unmerge = 1,
}

/// A merge or its undoing, as it stands on the customers that take part.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(crate) struct Bond {
    /// Names it, for ever.
    #[prost(string, tag = "1")]
    pub(crate) op: String,
    /// Purpose.
    #[prost(enumeration = "Purpose", tag = "2")]
    pub(crate) purpose: i32,
    /// The customer that stays.
    #[prost(string, tag = "3")]
    pub(crate) survivor: String,
    /// The customer that becomes part of it, or no longer is.
    #[prost(string, tag = "4")]
    pub(crate) merged: String,
    /// When it began, milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub(crate) at: i64,
    /// Who asked and why, for the audit.
    #[prost(string, tag = "6")]
    pub(crate) note: String,
}

/// A merge or an undoing that is over for a customer.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Settled {
    /// Which.
    #[prost(string, tag = "1")]
    pub(crate) op: String,
    /// True when it was done, false when it was given up.
    #[prost(bool, tag = "2")]
    pub(crate) done: bool,
}

/// What is to be done next, on one customer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Move {
    /// Bind it.
    Bind(String),
    /// The survivor takes these parts.
    Absorb(Vec<Part>),
    /// The merged customer becomes an alias if these are still its parts.
    Yield(Vec<Part>),
    /// It stands up again from these parts.
    Restore(Vec<Part>),
    /// It is free again; the merge or undoing is done.
    Release(String),
    /// It is free again; the merge is given up, unless it has taken the parts.
    Abandon(String),
    /// It is free again and has none of the parts, which the other has kept.
    Undo(String),
    /// First complete what the customer is bound by.
    Help(Bond),
    /// Nothing: it is over.
    Over {
        /// True when it was done, false when it was given up or never begun.
        done: bool,
    },
}

/// Why a customer cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unbound {
    /// It is no customer, or stands for another.
    Gone,
    /// It is bound by this.
    Busy(Bond),
    /// This merge or undoing is over.
    Settled,
    /// It is nobody in particular.
    Anonymous,
    /// It holds too many parts.
    Full,
    /// The other is no part of it.
    NotMerged,
}

impl Bond {
    fn first(&self) -> &str {
        (&*self.survivor).min(&self.merged)
    }
}

impl Customer {
    /// How a merge or undoing ended here, when it has.
    pub(crate) fn settled(&self, op: &str) -> Option<bool> {
        self.settled.iter().find(|settled| settled.op == op).map(|settled| settled.done)
    }

    fn is_bound_by(&self, op: &str) -> bool {
        self.bond.as_ref().is_some_and(|bond| bond.op == op)
    }

    /// What another takes when this customer is merged into it.
    pub(crate) fn as_parts(&self, bond: &Bond) -> Vec<Part> {
        let own = self.own.clone().map(|own| Part {
            into: bond.survivor.clone(),
            op: bond.op.clone(),
            told: self.told.clone(),
            contents: self.contents.clone(),
            ..own
        });
        own.into_iter().chain(self.parts.iter().cloned()).collect()
    }

    /// The part of a customer and those that came with it.
    pub(crate) fn branch(&self, id: &str) -> Vec<Part> {
        let mut found: Vec<Part> = self.parts.iter().filter(|part| part.id == id).cloned().collect();
        for _ in 0..self.parts.len() {
            let more = |part: &&Part| found.iter().any(|known| known.id == part.into) && !found.contains(part);
            let next: Vec<Part> = self.parts.iter().filter(more).cloned().collect();
            if next.is_empty() {
                break;
            }
            found.extend(next);
        }
        found
    }

    /// Binds it; binding twice is a no-op. To be undone, the other must be a part of it, which leaves at once.
    pub(crate) fn bind(&mut self, bond: &Bond) -> Result<(), Unbound> {
        self.adopt();
        match &self.bond {
            Some(known) if known.op == bond.op => return Ok(()),
            Some(other) => return Err(Unbound::Busy(other.clone())),
            None => {}
        }
        if self.settled(&bond.op).is_some() {
            return Err(Unbound::Settled);
        }
        if !self.is_founded() {
            return Err(Unbound::Gone);
        }
        match bond.purpose() {
            Purpose::Merge if self.kind() == Kind::Anonymous => return Err(Unbound::Anonymous),
            Purpose::Merge if self.parts.len() >= MOST_PARTS => return Err(Unbound::Full),
            Purpose::Merge => {}
            Purpose::Unmerge => {
                let leaving = self.branch(&bond.merged);
                if leaving.is_empty() {
                    return Err(Unbound::NotMerged);
                }
                self.parts.retain(|part| !leaving.contains(part));
                self.leaving = leaving;
                self.project();
            }
        }
        self.bond = Some(bond.clone());
        Ok(())
    }

    /// Takes the parts of the merged customer, instead of those it took in this merge before.
    pub(crate) fn absorb(&mut self, op: &str, parts: &[Part]) {
        if !self.is_bound_by(op) {
            return;
        }
        self.parts.retain(|part| !parts.iter().any(|new| new.id == part.id));
        self.parts.extend_from_slice(parts);
        self.project();
    }

    /// Becomes an alias of the survivor if these are its parts as they stand.
    pub(crate) fn give_way(&mut self, bond: &Bond, parts: &[Part]) {
        if !self.is_bound_by(&bond.op) || self.as_parts(bond) != parts {
            return;
        }
        *self = Self {
            id: self.id.clone(),
            alias_of: bond.survivor.clone(),
            version: self.version,
            content: self.content,
            created_at: self.created_at,
            updated_at: self.updated_at,
            settled: std::mem::take(&mut self.settled),
            ..Self::default()
        };
        self.settle(&bond.op, true);
    }

    /// Stands up again from its parts.
    pub(crate) fn restore(&mut self, bond: &Bond, parts: &[Part]) {
        if self.alias_of.is_empty() || self.settled(&bond.op).is_some() {
            return;
        }
        let (own, others): (Vec<Part>, Vec<Part>) = parts.iter().cloned().partition(|part| part.id == self.id);
        let Some(mut own) = own.into_iter().next() else { return };
        self.alias_of.clear();
        self.told = std::mem::take(&mut own.told);
        self.contents = std::mem::take(&mut own.contents);
        own.into.clear();
        own.op.clear();
        self.own = Some(own);
        self.parts = others;
        self.settle(&bond.op, true);
        self.project();
    }

    /// Is free again.
    pub(crate) fn release(&mut self, op: &str) {
        if self.is_bound_by(op) {
            self.bond = None;
            self.leaving.clear();
            self.settle(op, true);
        }
    }

    /// Is free again, unless it took the parts of the merged customer.
    pub(crate) fn abandon(&mut self, op: &str) {
        if self.is_bound_by(op) && !self.parts.iter().any(|part| part.op == op) {
            self.bond = None;
            self.settle(op, false);
        }
    }

    /// Is free again and drops the parts that the merged customer has kept.
    pub(crate) fn undo(&mut self, bond: &Bond) {
        if self.is_bound_by(&bond.op) {
            let dropped = self.branch(&bond.merged);
            self.parts.retain(|part| !dropped.contains(part));
            self.project();
            self.bond = None;
            self.settle(&bond.op, false);
        }
    }

    fn settle(&mut self, op: &str, done: bool) {
        self.settled.push(Settled { op: op.to_owned(), done });
        let many = self.settled.len().saturating_sub(REMEMBERED);
        self.settled.drain(..many);
    }
}

/// What comes next, from both customers as they were read. Each may have moved on since: every move checks again.
pub(crate) fn next(bond: &Bond, survivor: Option<&Customer>, merged: Option<&Customer>) -> Move {
    let bound = |customer: Option<&Customer>| customer.is_some_and(|customer| customer.is_bound_by(&bond.op));
    let settled = |customer: Option<&Customer>| customer.and_then(|customer| customer.settled(&bond.op));
    let over = || Move::Over { done: settled(survivor).or(settled(merged)) == Some(true) };
    if bond.purpose() == Purpose::Unmerge {
        return match survivor.filter(|_| bound(survivor)) {
            None => over(),
            Some(_) if settled(merged).is_some() => Move::Release(bond.survivor.clone()),
            Some(survivor) => Move::Restore(survivor.leaving.clone()),
        };
    }
    match (survivor.filter(|_| bound(survivor)), merged.filter(|_| bound(merged))) {
        (None, None) => over(),
        (Some(survivor), Some(merged)) => {
            let parts = merged.as_parts(bond);
            let taken = parts.iter().all(|part| survivor.parts.contains(part));
            if taken { Move::Yield(parts) } else { Move::Absorb(parts) }
        }
        (Some(_), None) => match settled(merged) {
            Some(true) => Move::Release(bond.survivor.clone()),
            Some(false) => Move::Undo(bond.survivor.clone()),
            None => join(bond, &bond.survivor, merged, &bond.merged),
        },
        (None, Some(_)) => match settled(survivor) {
            Some(_) => Move::Abandon(bond.merged.clone()),
            None => join(bond, &bond.merged, survivor, &bond.survivor),
        },
    }
}

/// One is bound; what of the other?
fn join(bond: &Bond, one: &str, other: Option<&Customer>, other_id: &str) -> Move {
    match other.filter(|other| other.is_founded()) {
        None => Move::Abandon(one.to_owned()),
        Some(Customer { bond: Some(theirs), .. }) => Move::Help(theirs.clone()),
        Some(other) => {
            let kept_out = other.kind() == Kind::Anonymous || other.parts.len() >= MOST_PARTS;
            if kept_out || one != bond.first() {
                Move::Abandon(one.to_owned())
            } else {
                Move::Bind(other_id.to_owned())
            }
        }
    }
}

#[cfg(test)]
#[path = "bond_tests.rs"]
mod tests;
