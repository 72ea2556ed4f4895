//! The summary of the books, for tests and people.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{desk::Desk, fault::Fault, wire};

/// Orders named in the summary.
const EXAMPLES: usize = 10;

/// By kind, documents beyond what their order has: the last ones of every order line whose sum is exceeded.
const BEYOND: &str = "SELECT type, SUM(n), 0 FROM (
  SELECT l.type AS type, MAX(COUNT(DISTINCT l.tran) - 1, 1) AS n FROM ns_line l JOIN ns_line o ON o.tran = l.createdfrom AND o.line = l.orderline
  WHERE l.line > 0 AND l.type IN ('ItemShip', 'CustInvc', 'ItemRcpt', 'CustCred')
  GROUP BY l.type, l.createdfrom, l.orderline HAVING SUM(l.quantity) > MAX(o.quantity)) GROUP BY type";

const UNBALANCED: &str = "WITH side(sales_order, amount) AS (
  SELECT createdfrom, total FROM ns_tran WHERE type = 'CustInvc'
  UNION ALL SELECT createdfrom, -total FROM ns_tran WHERE type = 'CustDep'
  UNION ALL SELECT r.createdfrom, -c.total FROM ns_tran c JOIN ns_tran r ON r.id = c.createdfrom WHERE c.type = 'CustCred'
  UNION ALL SELECT i.createdfrom, -a.amount FROM ns_tran p JOIN ns_apply a ON a.tran = p.id JOIN ns_tran i ON i.id = a.doc WHERE p.type = 'CustPymt'
  UNION ALL SELECT CASE d.type WHEN 'CustCred' THEN r.createdfrom ELSE d.createdfrom END, a.amount FROM ns_tran f JOIN ns_apply a ON a.tran = f.id
    JOIN ns_tran d ON d.id = a.doc LEFT JOIN ns_tran r ON r.id = d.createdfrom WHERE f.type = 'CustRfnd')
  SELECT o.id, o.tranid, off.difference FROM (SELECT sales_order, SUM(amount) AS difference FROM side GROUP BY sales_order HAVING SUM(amount) <> 0) off
  CROSS JOIN ns_tran o WHERE o.id = off.sales_order AND o.type = 'SalesOrd' AND o.status IN ('C','G','H')
  AND NOT EXISTS (SELECT 1 FROM ns_tran r WHERE r.createdfrom = o.id AND r.type = 'RtnAuth' AND r.status NOT IN ('C','G','H'))
  ORDER BY o.id";

impl Desk<'_> {
    /// Counts and sums; a duplicate is a further document with the same business identity.
    pub(super) fn tally(&self) -> Result<Value, Fault> {
        let one = |sql: &str| -> Result<i64, Fault> { Ok(self.row(sql, [], |row| row.get(0))?.unwrap_or(0)) };
        let by_type = |sql: &str| -> Result<BTreeMap<String, (i64, i64)>, Fault> {
            Ok(self.rows(sql, [], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.into_iter().collect())
        };
        let documents = by_type("SELECT type, COUNT(*), SUM(total) FROM ns_tran GROUP BY type")?;
        let moved = by_type("SELECT type, SUM(line > 0), SUM(quantity) FROM ns_line GROUP BY type")?;
        let exceeding = by_type(BEYOND)?;
        let of = |map: &BTreeMap<String, (i64, i64)>, kind: &str| map.get(kind).copied().unwrap_or_default();
        let count = |kind: &str| of(&documents, kind).0;
        let value = |kind: &str| wire::cents(of(&documents, kind).1).to_string();
        let lines = |kind: &str| of(&moved, kind).0;
        let units = |kind: &str| wire::units(of(&moved, kind).1).to_string();
        let beyond = |kind: &str| of(&exceeding, kind).0;
        // Several that come to more than the order ever did. One alone may: an order that was edited can be cheaper than what
        // was paid for it before.
        let deposits = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran d JOIN ns_tran o ON o.id = d.createdfrom LEFT JOIN ns_peak p ON p.tran = o.id WHERE d.type = 'CustDep' GROUP BY d.createdfrom HAVING SUM(d.total) > MAX(MAX(o.total), COALESCE(MAX(p.total), 0)))",
        )?;
        let orders = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran WHERE type = 'SalesOrd' AND otherrefnum IS NOT NULL GROUP BY otherrefnum)",
        )?;
        let payments = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran WHERE type = 'CustPymt' AND memo IS NOT NULL GROUP BY entity, memo, total)",
        )?;
        // One return per order, RMA number and reason (the reason names the invoice when there are several).
        let returns = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran WHERE type = 'RtnAuth' AND otherrefnum IS NOT NULL GROUP BY createdfrom, otherrefnum, COALESCE(memo, ''))",
        )?;
        let refunds = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran WHERE type = 'CustRfnd' AND memo IS NOT NULL GROUP BY entity, memo, total)",
        )?;
        let stock = |column: &str| -> Result<String, Fault> {
            Ok(wire::units(one(&format!("SELECT COALESCE(SUM({column}),0) FROM ns_stock"))?).to_string())
        };
        // What the back office will do by itself.
        let to_do = one("SELECT COUNT(*) FROM ns_tran WHERE ship_due IS NOT NULL OR bill_due IS NOT NULL")?;
        let to_receive = if self.receiving()? { one("SELECT COUNT(*) FROM ns_receive")? } else { 0 };
        let (unbalanced, examples) = self.unbalanced()?;
        Ok(json!({
            "customers": {"count": one("SELECT COUNT(*) FROM ns_record WHERE kind = 'customer'")?},
            "sales_orders": {"count": count("SalesOrd"), "lines": lines("SalesOrd"), "value": value("SalesOrd"), "duplicates": orders},
            "item_fulfillments": {"count": count("ItemShip"), "lines": lines("ItemShip"), "duplicates": beyond("ItemShip")},
            "customer_deposits": {"count": count("CustDep"), "value": value("CustDep"), "duplicates": deposits},
            "customer_payments": {"count": count("CustPymt"), "value": value("CustPymt"), "duplicates": payments},
            "invoices": {"count": count("CustInvc"), "lines": lines("CustInvc"), "value": value("CustInvc"), "duplicates": beyond("CustInvc")},
            "inventory_adjustments": {"count": count("InvAdjst"), "units": units("InvAdjst")},
            "return_authorizations": {"count": count("RtnAuth"), "lines": lines("RtnAuth"), "value": value("RtnAuth"), "duplicates": returns},
            "item_receipts": {"count": count("ItemRcpt"), "lines": lines("ItemRcpt"), "units": units("ItemRcpt"), "duplicates": beyond("ItemRcpt")},
            "credit_memos": {"count": count("CustCred"), "lines": lines("CustCred"), "value": value("CustCred"), "duplicates": beyond("CustCred")},
            "customer_refunds": {"count": count("CustRfnd"), "value": value("CustRfnd"), "duplicates": refunds},
            "purchase_orders": {"count": count("PurchOrd")},
            "transfer_orders": {"count": count("TrnfrOrd"), "units": units("TrnfrOrd"),
                "in_transit": wire::units(one("SELECT COALESCE(SUM(fulfilled - billed),0) FROM ns_line WHERE type = 'TrnfrOrd'")?).to_string()},
            "unbalanced_orders": unbalanced,
            "unbalanced_examples": examples,
            "back_office": {"to_ship_or_bill": to_do, "to_receive": to_receive},
            "stock": {"on_hand": stock("on_hand")?, "committed": stock("committed")?},
            // What left although the books said that it was not there: NetSuite counts on below zero.
            "stock_below_zero": stock("MAX(-on_hand,0)")?,
        }))
    }
    /// Sales orders that break the money law, invoiced - credited = deposited + paid - refunded, and the first few of
    /// them for people. An order counts once its goods have come to rest: it is billed, closed or cancelled, and so is
    /// every return of it. Before that its documents may still follow: a deposit is there while nothing is invoiced yet.
    /// From then on nothing but missing or doubled money explains a difference, so the money documents are not asked
    /// whether they are open: an unpaid invoice, a deposit left on a closed order and a memo that nobody refunded are what
    /// is looked for. An order that cost nothing has neither deposit nor amount and is balanced; a deposit without an
    /// order belongs to none.
    fn unbalanced(&self) -> Result<(usize, Vec<Value>), Fault> {
        let rows: Vec<(i64, String, i64)> =
            self.rows(UNBALANCED, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let shown = rows.iter().take(EXAMPLES).map(|(id, number, difference)| {
            json!({"id": id.to_string(), "tranId": number, "difference": wire::cents(*difference).to_string()})
        });
        Ok((rows.len(), shown.collect()))
    }
}
