//! Goods that come back before they were paid: what a return credits of them is not taken any more when the customer pays
//! anew. Pure.

use crate::documents::ReturnCredit;
use crate::fault::Error;
use crate::record::Order;

impl Order {
    /// What returns have credited of it before it was paid, minor units.
    pub(crate) fn return_credit(&self) -> i64 {
        self.return_credits.iter().fold(0, |sum, credit| sum.saturating_add(credit.minor))
    }

    /// What is not taken any more by a credit of a return, minor units; `None` for one that was not put down.
    pub(crate) fn taken_off_by(&self, reference: &str) -> Option<i64> {
        self.return_credits.iter().find(|credit| credit.reference == reference).map(|credit| credit.minor)
    }

    /// Takes a credit of a return over, as far as its goods are not paid. Told once more it changes nothing, and of an adopted
    /// order nobody takes money.
    pub(crate) fn take_return_credit(&mut self, reference: &str, minor: i64) -> Result<(), Error> {
        if self.adopted || self.taken_off_by(reference).is_some() {
            return Ok(());
        }
        let is_ours_to_take = self.payments.iter().any(|payment| payment.is_authorization());
        if is_ours_to_take && self.may_be_taken_soon() {
            return Err(Error::MoneyIsMoving { id: self.id.clone() });
        }
        let minor = if is_ours_to_take { minor.min(self.due()) } else { minor };
        self.return_credits.push(ReturnCredit { reference: reference.to_owned(), minor });
        Ok(())
    }

    /// True while what is due is being taken, or there is something to take it out of.
    fn may_be_taken_soon(&self) -> bool {
        let is_covered = self.due() > 0 && self.rooms() > 0;
        self.money_is_moving() || self.unasked_payments().next().is_some() || is_covered
    }
}
