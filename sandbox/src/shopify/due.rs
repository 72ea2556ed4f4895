//! What an order comes to now, and what of it is still owed: edits add and take off, refunds take off what they are for.
//! Money that goes back beyond that first evens out what was paid too much; the rest is an adjustment of the order, by
//! which it comes to less ("Order": currentTotalPriceSet, totalOutstandingSet; "OrderAdjustment").

use super::call::Call;
use super::ids;
use super::payment::{self, Standing};
use crate::books::Result;

/// Hundredths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) current: i64,
    /// Above 0 the customer owes it, below 0 the shop does.
    pub(super) outstanding: i64,
    /// Came in and did not go back, nor is on its way.
    net: i64,
}

impl Due {
    /// `displayFinancialStatus`; bodies write it in lower case.
    pub(super) fn word(self, standing: Standing) -> &'static str {
        match (standing.captured, standing.refunded) {
            (0, _) if self.outstanding > 0 => "PENDING",
            _ if self.outstanding > 0 => "PARTIALLY_PAID",
            (_, 0) => "PAID",
            (captured, refunded) if refunded < captured => "PARTIALLY_REFUNDED",
            _ => "REFUNDED",
        }
    }
}

/// How an order stands.
pub(super) fn sum(call: &Call<'_>, sale: i64) -> Result<Due> {
    let number = |sql: &str| call.db.prepare_cached(sql)?.query_row([sale], |row| row.get::<_, i64>(0));
    let standing = payment::standing(call, sale)?;
    let pending = number(
        "SELECT COALESCE(SUM(amount), 0) FROM payment WHERE sale = ?1 AND kind = 'REFUND' AND status = 'PENDING'",
    )?;
    let net = standing.captured.saturating_sub(standing.refunded).saturating_sub(pending);
    let cancelled = number("SELECT COUNT(*) FROM sale WHERE id = ?1 AND cancelled IS NOT NULL")? > 0;
    if cancelled {
        return Ok(Due { current: 0, outstanding: 0, net });
    }
    let goods = number(
        "SELECT COALESCE(SUM(price * (quantity - cancelled - (SELECT COALESCE(SUM(r.quantity), 0) FROM refund_line r
           WHERE r.line = l.id AND r.restock <> 'CANCEL'))), 0) FROM sale_line l WHERE sale = ?1",
    )?;
    let postage = number(
        "SELECT COALESCE(SUM(price - (SELECT COALESCE(SUM(p.amount), 0) FROM refund_postage p WHERE p.shipping = h.id)), 0)
         FROM shipping h WHERE sale = ?1",
    )?;
    let adjusted = number(
        "SELECT COALESCE(SUM(a.amount), 0) FROM refund_adjustment a JOIN refund r ON r.id = a.refund WHERE r.sale = ?1",
    )?;
    let current = goods.saturating_add(postage).saturating_sub(adjusted);
    Ok(Due { current, outstanding: current.saturating_sub(net), net })
}

/// Writes down what a refund gave back beyond, or less than, what it is for and what was paid too much before.
pub(super) fn adjust(call: &Call<'_>, (sale, refund): (i64, i64), before: Due) -> Result<()> {
    let now = sum(call, sale)?;
    let moved = before.net.saturating_sub(now.net);
    if moved <= 0 {
        return Ok(());
    }
    let worth = before.current.saturating_sub(now.current);
    let beyond = moved.saturating_sub(worth).max(0);
    let too_much = before.outstanding.saturating_neg().max(0);
    let owed = before.outstanding.saturating_add(beyond.min(too_much));
    let amount = now.outstanding.saturating_sub(owed);
    if amount != 0 {
        let id = call.next_id("refund_adjustment", ids::ADJUSTMENT_OF_ORDER)?;
        call.run("INSERT INTO refund_adjustment VALUES (?1, ?2, ?3)", (id, refund, amount))?;
    }
    Ok(())
}
