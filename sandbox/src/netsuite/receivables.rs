//! What a customer owes, has paid ahead and has ordered: worked out of its documents whenever somebody reads its record.
//!
//! That the balance is open invoices less what is applied to none of them, that deposits stand beside it, and that unbilled
//! orders hold what is neither billed nor closed, whether approved or not, is how NetSuite's help describes the fields (the
//! connector's README says where); cent by cent it is unverified. The account has one rate: amounts of other currencies count as they are.

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    line::Line,
    wire,
};

/// The fields of a customer that follow from its documents.
pub(super) const FIELDS: [&str; 5] =
    ["balance", "depositBalance", "overdueBalance", "unbilledOrders", "creditHoldOverride"];

/// Open invoices less payments, memos and deposits that hold something, deposits apart; overdue invoices.
const OPEN: &str = "SELECT
  COALESCE(SUM(CASE t.type WHEN 'CustInvc' THEN t.total - t.paid WHEN 'CustPymt' THEN t.paid - t.total
    WHEN 'CustCred' THEN t.paid - t.total ELSE 0 END), 0),
  COALESCE(SUM(CASE t.type WHEN 'CustDep' THEN t.total - t.paid ELSE 0 END), 0),
  COALESCE(SUM(CASE WHEN t.type = 'CustInvc' AND json_extract(r.body,'$.dueDate') < ?2 THEN t.total - t.paid ELSE 0 END), 0)
  FROM ns_tran t JOIN ns_record r ON r.id = t.id
  WHERE t.entity = ?1 AND t.type IN ('CustInvc','CustPymt','CustCred','CustDep') AND t.total <> t.paid";

/// Orders of which something may be billed yet, with what their heads add to their lines.
const UNBILLED: &str = "SELECT id, total - subtotal - tax FROM ns_tran
  WHERE entity = ?1 AND type = 'SalesOrd' AND status NOT IN ('C','G','H')";

impl Desk<'_> {
    /// Puts a customer's sums among the values of its record.
    pub(super) fn receivables(&self, customer: &Record, values: &mut Map<String, Value>) -> Result<(), Fault> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let sums: Option<(i64, i64, i64)> = self.row(OPEN, (customer.id, self.today()), read)?;
        let (balance, deposits, overdue) = sums.unwrap_or_default();
        let mut unbilled = 0;
        let orders = self.rows(UNBILLED, [customer.id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        for (order, head) in orders {
            let lines = self.lines(order)?;
            let begun = lines.iter().any(|line| line.billed > 0);
            unbilled += lines.iter().map(Line::worth_unbilled).sum::<i64>() + if begun { 0 } else { head };
        }
        let mut money = |name: &str, amount: i64| values.insert(name.to_owned(), wire::number(wire::cents(amount)));
        money("balance", balance);
        money("depositBalance", deposits);
        money("overdueBalance", overdue);
        money("unbilledOrders", unbilled);
        values.entry("creditHoldOverride").or_insert(json!("AUTO"));
        Ok(())
    }
}

impl Line {
    /// What of it is neither billed nor closed, with its tax.
    fn worth_unbilled(&self) -> i64 {
        let due = if self.closed { self.billed + self.unbilled() } else { self.quantity };
        let of = |whole| wire::share(whole, due, self.quantity) - wire::share(whole, self.billed, self.quantity);
        of(self.amount) + of(self.tax)
    }
}
