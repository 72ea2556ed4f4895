//! Lines of transactions as the books keep them.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{desk::Desk, fault::Fault, wire};

/// One line. Quantities are in millionths, amounts in hundredths.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Line {
    pub(super) tran: i64,
    pub(super) line: i64,
    pub(super) item: i64,
    /// Does it ship (an inventory item), or is it only billed?
    pub(super) goods: bool,
    pub(super) quantity: i64,
    pub(super) rate: Decimal,
    pub(super) amount: i64,
    pub(super) tax: i64,
    pub(super) location: Option<i64>,
    pub(super) closed: bool,
    pub(super) fulfilled: i64,
    /// Picked or packed, not yet shipped.
    pub(super) picked: i64,
    pub(super) billed: i64,
    pub(super) committed: i64,
    pub(super) backordered: i64,
    pub(super) created_from: Option<i64>,
    pub(super) order_line: Option<i64>,
    pub(super) body: Map<String, Value>,
}

impl Line {
    /// Goods neither shipped nor on their way.
    pub(super) fn open(&self) -> i64 {
        if self.closed || !self.goods { 0 } else { (self.quantity - self.fulfilled - self.picked).max(0) }
    }

    /// Has any document followed this line?
    pub(super) fn followed(&self) -> bool {
        self.fulfilled > 0 || self.picked > 0 || self.billed > 0
    }

    /// What may be billed: what shipped, or the whole of a charge.
    pub(super) fn unbilled(&self) -> i64 {
        let due = if self.goods {
            self.fulfilled
        } else if self.closed {
            0
        } else {
            self.quantity
        };
        (due - self.billed).max(0)
    }
}

impl Desk<'_> {
    /// All item lines of a transaction, in order.
    pub(super) fn lines(&self, tran: i64) -> Result<Vec<Line>, Fault> {
        self.rows(
            "SELECT line, COALESCE(item,0), goods, quantity, rate, amount, tax, location, closed, fulfilled, picked, billed, committed, backordered, createdfrom, orderline, body FROM ns_line WHERE tran = ?1 AND line > 0 ORDER BY line",
            [tran],
            |row| {
                let rate: String = row.get(4)?;
                let body: String = row.get(16)?;
                Ok(Line {
                    tran,
                    line: row.get(0)?,
                    item: row.get(1)?,
                    goods: row.get(2)?,
                    quantity: row.get(3)?,
                    rate: rate.parse().unwrap_or_default(),
                    amount: row.get(5)?,
                    tax: row.get(6)?,
                    location: row.get(7)?,
                    closed: row.get(8)?,
                    fulfilled: row.get(9)?,
                    picked: row.get(10)?,
                    billed: row.get(11)?,
                    committed: row.get(12)?,
                    backordered: row.get(13)?,
                    created_from: row.get(14)?,
                    order_line: row.get(15)?,
                    body: serde_json::from_str(&body).unwrap_or_default(),
                })
            },
        )
    }

    /// Saves a line.
    pub(super) fn put_line(&self, kind: &str, line: &Line) -> Result<(), Fault> {
        self.run(
            "INSERT OR REPLACE INTO ns_line(tran, line, type, item, goods, quantity, rate, amount, tax, location, closed, fulfilled, picked, billed, committed, backordered, createdfrom, orderline, body) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19)",
            rusqlite::params![
                line.tran,
                line.line,
                kind,
                line.item,
                line.goods,
                line.quantity,
                line.rate.to_string(),
                line.amount,
                line.tax,
                line.location,
                line.closed,
                line.fulfilled,
                line.picked,
                line.billed,
                line.committed,
                line.backordered,
                line.created_from,
                line.order_line,
                Value::Object(line.body.clone()).to_string(),
            ],
        )?;
        Ok(())
    }

    /// Saves the main line (line 0), which carries the document's total.
    pub(super) fn put_main_line(&self, tran: i64, from: Option<i64>) -> Result<(), Fault> {
        self.run(
            "INSERT OR REPLACE INTO ns_line(tran, line, type, amount, location, createdfrom, orderline) SELECT id, 0, type, total, location, ?2, CASE WHEN ?2 IS NULL OR type IN ('ItemShip','CustInvc','RtnAuth','ItemRcpt','CustCred') THEN NULL ELSE 0 END FROM ns_tran WHERE id = ?1",
            (tran, from),
        )?;
        Ok(())
    }

    /// What a kit is made of, and how much of each is in one; nothing for what is no kit.
    pub(super) fn members(&self, item: i64) -> Result<Vec<(i64, i64)>, Fault> {
        self.rows(
            "SELECT item, CAST(ROUND(SUM(COALESCE(quantity, 1)) * 1000000) AS INTEGER) FROM kititemmember WHERE parentitem = ?1 GROUP BY item ORDER BY item",
            [item],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Raises or lowers the stock of an item at a place; of a kit, that of its members.
    pub(super) fn move_stock(&self, item: i64, location: i64, on_hand: i64, committed: i64) -> Result<(), Fault> {
        let members = self.members(item)?;
        for (member, in_one) in &members {
            let of = |kits: i64| kits.saturating_mul(*in_one) / wire::MICRO;
            self.move_single(*member, location, of(on_hand), of(committed))?;
        }
        if members.is_empty() { self.move_single(item, location, on_hand, committed) } else { Ok(()) }
    }

    fn move_single(&self, item: i64, location: i64, on_hand: i64, committed: i64) -> Result<(), Fault> {
        self.run(
            "INSERT INTO ns_stock(item, location, on_hand, committed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(item, location) DO UPDATE SET on_hand = on_hand + ?3, committed = committed + ?4",
            (item, location, on_hand, committed),
        )?;
        Ok(())
    }

    /// On hand and committed of an item at a place. Of a kit there are as many as its members make, and none committed:
    /// its members are.
    pub(super) fn stock(&self, item: i64, location: i64) -> Result<(i64, i64), Fault> {
        let mut most: Option<i64> = None;
        for (member, in_one) in self.members(item)? {
            let (on_hand, committed) = self.stock(member, location)?;
            let whole = (on_hand - committed).max(0) / in_one.max(1);
            most = Some(most.map_or(whole, |most| most.min(whole)));
        }
        if let Some(kits) = most {
            return Ok((kits.saturating_mul(wire::MICRO), 0));
        }
        let found = self.row(
            "SELECT on_hand, committed FROM ns_stock WHERE item = ?1 AND location = ?2",
            (item, location),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// The account's only location, when it has exactly one.
    pub(super) fn only_location(&self) -> Result<Option<i64>, Fault> {
        let all = self.rows("SELECT id FROM ns_record WHERE kind = 'location' LIMIT 2", [], |row| row.get(0))?;
        Ok(if all.len() == 1 { all.first().copied() } else { None })
    }
}
