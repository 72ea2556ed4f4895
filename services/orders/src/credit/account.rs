//! A customer's account on this side: orders that were let through, and what edits add to orders, as far as the ERP's numbers
//! may not hold it yet. Everybody who asks for the customer passes through it, one after the other: of two the second finds
//! the first. Pure.

use super::{Answer, Asked, Check, CreditRules, OnSilence, Verdict, judge, words};

/// An order that was let through, or what an edit adds to one.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct LetThrough {
    /// The order.
    #[prost(string, tag = "1")]
    pub order: String,
    /// Its version when it asked.
    #[prost(uint64, tag = "2")]
    pub version: u64,
    /// Its currency.
    #[prost(string, tag = "3")]
    pub currency: String,
    /// What let it through, with what of it is on account.
    #[prost(message, optional, tag = "4")]
    pub check: Option<Check>,
    /// The edit that adds it, by its number from 1; 0 is the order itself.
    #[prost(uint32, tag = "5")]
    pub edit: u32,
    /// Of an edit: the ERP hears of it with the order, and not by a change of it.
    #[prost(bool, tag = "6")]
    pub before_booking: bool,
    /// Of an order: what it comes to by now, once edits have changed that before the ERP had it.
    #[prost(int64, optional, tag = "7")]
    pub edited: Option<i64>,
}

/// The account of one customer at one ERP.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Account {
    /// What was let through, oldest first, until the ERP has it or it is over.
    #[prost(message, repeated, tag = "1")]
    pub orders: Vec<LetThrough>,
    /// How many have left it so far. Numbers that were read before one of them left may not hold it.
    #[prost(uint64, tag = "2")]
    pub left: u64,
}

impl retail_store::Document for Account {
    const KIND: &'static str = "credit";
}

/// Why nothing was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecided {
    /// An order has left the account since the ERP was asked: its numbers may be older than that.
    #[error("orders have left the account meanwhile")]
    Moved,
    /// A later version of the order has asked already.
    #[error("a later version of the order has asked already")]
    Overtaken,
}

/// What becomes of the room that something takes up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The ERP may not have it yet.
    Needed,
    /// The ERP has it, or never will.
    Left,
    /// An edit that is done before the ERP has the order: it is a part of the order by now.
    Joined,
}

/// How an order stands, as somebody has read it who looks after the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The order.
    pub(crate) order: String,
    /// Its version then.
    pub(crate) version: u64,
    /// What is known here of it, by the edit (0 is the order itself), and what becomes of that.
    pub(crate) rooms: Vec<(u32, Room)>,
    /// What of it is on account, when edits have changed that before the ERP had it; minor units.
    pub(crate) edited: Option<i64>,
}

impl LetThrough {
    /// What it counts, minor units.
    pub(crate) fn minor(&self) -> i64 {
        self.edited.unwrap_or_else(|| self.check.as_ref().map_or(0, |check| check.minor))
    }

    /// Is it what is asked for?
    fn is_of(&self, asked: &Asked) -> bool {
        self.order == asked.order && self.edit == asked.edit
    }

    /// Do the ERP's numbers hold it once they hold the order?
    fn comes_with_order(&self) -> bool {
        self.edit == 0 || self.before_booking
    }
}

impl Account {
    /// Its id: the customer, as an ERP keeps it.
    #[must_use]
    pub(crate) fn id(erp: &str, customer: &str) -> String {
        format!("{erp}/{customer}")
    }

    /// Takes in how orders stand: what needs no room any more leaves. Of what was read of an order at two times, the later
    /// counts.
    pub(crate) fn see(&mut self, seen: &[Seen]) {
        let room = |known: &LetThrough| {
            let rooms = seen.iter().filter(|seen| seen.order == known.order).flat_map(|seen| &seen.rooms);
            rooms.filter(|(edit, _)| *edit == known.edit).map(|(_, room)| *room).next()
        };
        let before = self.orders.len();
        self.orders.retain(|known| room(known) != Some(Room::Left));
        let left = before.saturating_sub(self.orders.len());
        self.left = self.left.saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
        for seen in seen {
            let Some(edited) = seen.edited else { continue };
            let mut known = self.orders.iter_mut();
            let order = known.find(|known| known.order == seen.order && known.edit == 0);
            let Some(order) = order.filter(|order| order.version <= seen.version) else { continue };
            // They are counted with the order in the same commit, never beside it and never not at all.
            (order.edited, order.version) = (Some(edited), seen.version);
            self.orders.retain(|known| known.order != seen.order || room(known) != Some(Room::Joined));
        }
    }

    /// Decides on an order, or on what an edit adds to one; what goes on counts from now on. What a shop has sold counts
    /// whatever it comes to. `left` is what the account said before the ERP was asked. Asked twice for the same, it says the
    /// same.
    pub(crate) fn decide(
        &mut self,
        rules: &CreditRules,
        asked: &Asked,
        answer: &Answer,
        left: u64,
    ) -> Result<Check, Undecided> {
        let known = self.orders.iter().find(|known| known.is_of(asked));
        if let Some(check) = known.and_then(|known| known.check.clone()).filter(|check| check.minor == asked.minor) {
            return Ok(check);
        }
        if known.is_some_and(|known| known.version > asked.version) {
            return Err(Undecided::Overtaken);
        }
        let order = || words::asked(asked);
        let check = match answer {
            _ if asked.minor <= 0 => asked.came_to(Verdict::Paid, "nothing of it is on account".to_owned()),
            _ if asked.released => asked.came_to(Verdict::Released, format!("released by a person; {}", order())),
            Answer::Says(..) if left != self.left => return Err(Undecided::Moved),
            Answer::Says(numbers, hold, held) => judge(rules, numbers, *hold, self.others(asked, held), asked),
            Answer::Silent(why) if rules.unknown == OnSilence::GoOn => {
                asked.came_to(Verdict::NotSaid, format!("the ERP could not say ({why}); {}", order()))
            }
            Answer::Silent(why) if asked.sold => asked.came_to(
                Verdict::StillUnknown,
                format!("the ERP cannot say whether there is room ({why}); {}: {}", order(), words::SOLD),
            ),
            Answer::Silent(why) => {
                asked.came_to(Verdict::StillUnknown, format!("the ERP cannot say whether it has room now ({why})"))
            }
            Answer::NotAsked => {
                asked.came_to(Verdict::NotSaid, format!("its channel does not ask for credit any more; {}", order()))
            }
        };
        self.orders.retain(|known| !known.is_of(asked));
        if (check.verdict().passes() || asked.sold) && asked.minor > 0 {
            self.orders.push(LetThrough {
                order: asked.order.clone(),
                version: asked.version,
                currency: asked.currency.clone(),
                check: Some(check.clone()),
                edit: asked.edit,
                before_booking: asked.before_booking,
                edited: None,
            });
        }
        Ok(check)
    }

    /// What everything else comes to that the ERP's numbers do not hold, minor units; none when some of it is in another
    /// currency.
    fn others(&self, asked: &Asked, held: &[String]) -> Option<i64> {
        let held = |known: &LetThrough| known.comes_with_order() && held.contains(&known.order);
        let mut others = self.orders.iter().filter(|known| !known.is_of(asked) && !held(known));
        others
            .try_fold(0_i64, |sum, known| (known.currency == asked.currency).then(|| sum.saturating_add(known.minor())))
    }
}
