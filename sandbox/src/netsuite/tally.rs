//! The summary of the books, for tests and people.

use serde_json::{Value, json};

use super::{desk::Desk, fault::Fault, wire};

impl Desk<'_> {
    /// Counts and sums; a duplicate is a further document with the same business identity.
    pub(super) fn tally(&self) -> Result<Value, Fault> {
        let one = |sql: &str| -> Result<i64, Fault> { Ok(self.row(sql, [], |row| row.get(0))?.unwrap_or(0)) };
        let count = |kind: &str| one(&format!("SELECT COUNT(*) FROM ns_tran WHERE type = '{kind}'"));
        let lines = |kind: &str| one(&format!("SELECT COUNT(*) FROM ns_line WHERE type = '{kind}' AND line > 0"));
        let value = |kind: &str| -> Result<String, Fault> {
            let sum = one(&format!("SELECT COALESCE(SUM(total),0) FROM ns_tran WHERE type = '{kind}'"))?;
            Ok(wire::cents(sum).to_string())
        };
        // Documents beyond what their order has: the last ones of every order whose sum is exceeded.
        let beyond = |kind: &str| {
            one(&format!(
                "SELECT COALESCE(SUM(n),0) FROM (SELECT MAX(COUNT(DISTINCT l.tran) - 1, 1) AS n FROM ns_line l JOIN ns_line o ON o.tran = l.createdfrom AND o.line = l.orderline WHERE l.type = '{kind}' AND l.line > 0 GROUP BY l.createdfrom, l.orderline HAVING SUM(l.quantity) > MAX(o.quantity))"
            ))
        };
        let deposits = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT MAX(COUNT(*) - 1, 1) AS n FROM ns_tran d JOIN ns_tran o ON o.id = d.createdfrom WHERE d.type = 'CustDep' GROUP BY d.createdfrom HAVING SUM(d.total) > MAX(o.total))",
        )?;
        let orders = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran WHERE type = 'SalesOrd' AND otherrefnum IS NOT NULL GROUP BY otherrefnum)",
        )?;
        let payments = one(
            "SELECT COALESCE(SUM(n),0) FROM (SELECT COUNT(*) - 1 AS n FROM ns_tran WHERE type = 'CustPymt' AND memo IS NOT NULL GROUP BY entity, memo, total)",
        )?;
        let units = |sql: &str| -> Result<String, Fault> { Ok(wire::units(one(sql)?).to_string()) };
        Ok(json!({
            "customers": {"count": one("SELECT COUNT(*) FROM ns_record WHERE kind = 'customer'")?},
            "sales_orders": {"count": count("SalesOrd")?, "lines": lines("SalesOrd")?, "value": value("SalesOrd")?, "duplicates": orders},
            "item_fulfillments": {"count": count("ItemShip")?, "lines": lines("ItemShip")?, "duplicates": beyond("ItemShip")?},
            "customer_deposits": {"count": count("CustDep")?, "value": value("CustDep")?, "duplicates": deposits},
            "customer_payments": {"count": count("CustPymt")?, "value": value("CustPymt")?, "duplicates": payments},
            "invoices": {"count": count("CustInvc")?, "lines": lines("CustInvc")?, "value": value("CustInvc")?, "duplicates": beyond("CustInvc")?},
            "inventory_adjustments": {"count": count("InvAdjst")?, "units": units("SELECT COALESCE(SUM(quantity),0) FROM ns_line WHERE type = 'InvAdjst'")?},
            "stock": {"on_hand": units("SELECT COALESCE(SUM(on_hand),0) FROM ns_stock")?, "committed": units("SELECT COALESCE(SUM(committed),0) FROM ns_stock")?},
        }))
    }
}
