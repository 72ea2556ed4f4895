//! What became of each sales order, order by order, for tests that compare every one of them.

use serde_json::{Value, json};

use super::{desk::Desk, fault::Fault, wire};

const LEDGER: &str = "SELECT o.id, o.otherrefnum, o.status, o.total,
  COALESCE(SUM(d.type = 'ItemShip'), 0), COALESCE(SUM(d.type = 'CustDep'), 0),
  COALESCE(SUM(CASE d.type WHEN 'CustDep' THEN d.total END), 0), COALESCE(SUM(d.type = 'CustInvc'), 0),
  COALESCE(SUM(CASE d.type WHEN 'CustInvc' THEN d.total END), 0), COALESCE(SUM(d.type = 'RtnAuth'), 0)
  FROM ns_tran o LEFT JOIN ns_tran d ON d.createdfrom = o.id
  WHERE o.type = 'SalesOrd' AND o.id > ?1 GROUP BY o.id ORDER BY o.id LIMIT ?2";

impl Desk<'_> {
    /// Sales orders behind `after`, oldest first, each with how many documents were made of it.
    pub(super) fn ledger(&self, after: i64, limit: i64) -> Result<Value, Fault> {
        let money = |cents: i64| wire::cents(cents).to_string();
        let orders: Vec<Value> = self.rows(LEDGER, [after, limit], |row| {
            Ok(json!({
                "id": row.get::<_, i64>(0)?, "reference": row.get::<_, Option<String>>(1)?,
                "status": row.get::<_, String>(2)?, "total": money(row.get(3)?),
                "fulfilments": row.get::<_, i64>(4)?,
                "deposits": row.get::<_, i64>(5)?, "deposited": money(row.get(6)?),
                "invoices": row.get::<_, i64>(7)?, "invoiced": money(row.get(8)?),
                "returns": row.get::<_, i64>(9)?,
            }))
        })?;
        Ok(json!({"orders": orders}))
    }
}
