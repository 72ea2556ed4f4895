//! A customer's account on this side: orders that were let through and that the ERP's numbers may not hold yet. Everybody who
//! asks for the customer passes through it, one after the other: of two orders the second finds the first. Pure.

use super::{Answer, Asked, Check, CreditRules, OnSilence, Verdict, judge, words};

/// An order that was let through.
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
}

/// The account of one customer at one ERP.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Account {
    /// Orders that were let through, oldest first, until the ERP has them or they are over.
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

impl LetThrough {
    fn minor(&self) -> i64 {
        self.check.as_ref().map_or(0, |check| check.minor)
    }
}

impl Account {
    /// Its id: the customer, as an ERP keeps it.
    #[must_use]
    pub(crate) fn id(erp: &str, customer: &str) -> String {
        format!("{erp}/{customer}")
    }

    /// Orders need no room here any more.
    pub(crate) fn leave(&mut self, gone: &[String]) {
        let before = self.orders.len();
        self.orders.retain(|known| !gone.contains(&known.order));
        let left = before.saturating_sub(self.orders.len());
        self.left = self.left.saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
    }

    /// Decides on an order; one that goes on counts from now on. `left` is what the account said before the ERP was asked.
    /// Asked twice for the same, it says the same.
    pub(crate) fn decide(
        &mut self,
        rules: &CreditRules,
        asked: &Asked,
        answer: &Answer,
        left: u64,
    ) -> Result<Check, Undecided> {
        let known = self.orders.iter().find(|known| known.order == asked.order);
        if let Some(check) = known.and_then(|known| known.check.clone()).filter(|check| check.minor == asked.minor) {
            return Ok(check);
        }
        if known.is_some_and(|known| known.version > asked.version) {
            return Err(Undecided::Overtaken);
        }
        let order = || words::amount(asked.minor, &asked.currency);
        let check = match answer {
            _ if asked.minor <= 0 => asked.came_to(Verdict::Paid, "nothing of it is on account".to_owned()),
            _ if asked.released => {
                asked.came_to(Verdict::Released, format!("released by a person; this order {}", order()))
            }
            Answer::Says(..) if left != self.left => return Err(Undecided::Moved),
            Answer::Says(numbers, hold, held) => judge(rules, numbers, *hold, self.others(asked, held), asked),
            Answer::Silent(why) if rules.unknown == OnSilence::GoOn => {
                asked.came_to(Verdict::NotSaid, format!("the ERP could not say ({why}); this order {}", order()))
            }
            Answer::Silent(why) => {
                asked.came_to(Verdict::StillUnknown, format!("the ERP cannot say whether it has room now ({why})"))
            }
            Answer::NotAsked => asked.came_to(
                Verdict::NotSaid,
                format!("its channel does not ask for credit any more; this order {}", order()),
            ),
        };
        self.orders.retain(|known| known.order != asked.order);
        if check.verdict().passes() && asked.minor > 0 {
            self.orders.push(LetThrough {
                order: asked.order.clone(),
                version: asked.version,
                currency: asked.currency.clone(),
                check: Some(check.clone()),
            });
        }
        Ok(check)
    }

    /// What other orders come to that the ERP's numbers do not hold, minor units; none when one of them is in another
    /// currency.
    fn others(&self, asked: &Asked, held: &[String]) -> Option<i64> {
        let mut others = self.orders.iter().filter(|known| known.order != asked.order && !held.contains(&known.order));
        others
            .try_fold(0_i64, |sum, known| (known.currency == asked.currency).then(|| sum.saturating_add(known.minor())))
    }
}
