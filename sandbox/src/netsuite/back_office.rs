//! The people and jobs behind the account: they ship what is committed, bill what shipped and take returned goods in.
//! Credit memos and refunds are not theirs: who sells asks for them.

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    fields::Kind,
    wire,
};

impl Desk<'_> {
    /// Ships, bills, then receives, what is due; one tick does both for an order whose waits are zero.
    pub(super) fn back_office(&self) -> Result<(), Fault> {
        for order in self.due("SELECT id FROM ns_tran WHERE ship_due <= ?1 ORDER BY ship_due, id LIMIT ?2")? {
            let Some(record) = self.record(Kind::SalesOrder, order)? else { continue };
            // What an order lacks ships later, in a parcel of its own.
            let parcels: i64 = self
                .row("SELECT COUNT(*) FROM ns_tran WHERE type = 'ItemShip' AND createdfrom = ?1", [order], |row| {
                    row.get(0)
                })?
                .unwrap_or(0);
            let further = if parcels == 0 { String::new() } else { format!("-{}", parcels.saturating_add(1)) };
            let parcel =
                json!({"packageTrackingNumber": format!("1ZSANDBOX{order:09}{further}"), "packageDescr": "box"});
            let mut set = Map::new();
            set.insert("package".to_owned(), Value::Array(vec![parcel]));
            if let Some(items) = self.one_parcel(order)? {
                self.run("UPDATE ns_tran SET ship_due = NULL WHERE id = ?1", [order])?;
                set.insert("item".to_owned(), items);
            }
            if let Some(fault) = self.attempt(|| self.fulfil(&record, set))? {
                self.give_up("ship_due", order, &fault)?;
            }
        }
        for order in self.due("SELECT id FROM ns_tran WHERE bill_due <= ?1 ORDER BY bill_due, id LIMIT ?2")? {
            let Some(record) = self.record(Kind::SalesOrder, order)? else { continue };
            if let Some(fault) = self.attempt(|| self.bill(&record, Map::new()))? {
                self.give_up("bill_due", order, &fault)?;
            }
        }
        if self.receiving()? {
            self.receive_returns()?;
        }
        Ok(())
    }

    /// What fits the next parcel of an order: a parcel leaves one place. None when that is everything.
    fn one_parcel(&self, order: i64) -> Result<Option<Value>, Fault> {
        let most = match self.config.parcel_pieces {
            0 => i64::MAX,
            pieces => i64::from(pieces).saturating_mul(wire::MICRO),
        };
        let lines = self.lines(order)?;
        let there = || lines.iter().filter(|line| line.goods && line.committed > 0);
        let place = there().map(|line| line.location).min().flatten();
        if there().all(|line| line.location == place && line.committed <= most) {
            return Ok(None);
        }
        let fits = there().map(|line| {
            if line.location == place {
                let quantity = wire::units(line.committed.min(most)).to_string();
                json!({"orderLine": line.line, "quantity": quantity})
            } else {
                json!({"orderLine": line.line, "itemReceive": false})
            }
        });
        Ok(Some(fits.collect()))
    }

    /// Takes returned goods in, whole, where their lines say, into stock that is sold again.
    fn receive_returns(&self) -> Result<(), Fault> {
        for back in self.due("SELECT tran FROM ns_receive WHERE due <= ?1 ORDER BY due, tran LIMIT ?2")? {
            let Some(record) = self.record(Kind::ReturnAuthorization, back)? else { continue };
            if let Some(fault) = self.attempt(|| self.receive(&record, Map::new()))? {
                tracing::warn!(back, %fault, "the back office leaves a return");
                self.run("DELETE FROM ns_receive WHERE tran = ?1", [back])?;
            }
        }
        Ok(())
    }

    /// Are returned goods taken in by people, as an operator said last or the configuration says?
    pub(super) fn receiving(&self) -> Result<bool, Fault> {
        let said: Option<String> =
            self.row("SELECT value FROM ns_setting WHERE name = 'receiving'", [], |row| row.get(0))?;
        Ok(said.map_or(self.config.receives, |said| said == "on"))
    }

    /// Stops or starts the receipt of returned goods by people.
    pub(super) fn set_receiving(&self, on: bool) -> Result<(), Fault> {
        self.run(
            "INSERT OR REPLACE INTO ns_setting(name, value) VALUES ('receiving', ?1)",
            [if on { "on" } else { "off" }],
        )?;
        Ok(())
    }

    /// Tries a document; one that is refused leaves nothing behind.
    fn attempt(&self, document: impl FnOnce() -> Result<Record, Fault>) -> Result<Option<Fault>, Fault> {
        self.db.execute_batch("SAVEPOINT attempt")?;
        let fault = document().err();
        let end = if fault.is_some() { "ROLLBACK TO attempt; RELEASE attempt" } else { "RELEASE attempt" };
        self.db.execute_batch(end)?;
        Ok(fault)
    }

    fn due(&self, sql: &str) -> Result<Vec<i64>, Fault> {
        self.rows(sql, (self.now.as_millisecond(), self.config.per_tick), |row| row.get(0))
    }

    /// An order the back office cannot go on with waits for its next change.
    fn give_up(&self, column: &str, order: i64, fault: &Fault) -> Result<(), Fault> {
        tracing::warn!(order, %fault, "the back office leaves an order");
        self.run(&format!("UPDATE ns_tran SET {column} = NULL WHERE id = ?1"), [order])?;
        Ok(())
    }
}
