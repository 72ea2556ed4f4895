//! Item fulfilments: a sales order transformed, picked, packed and shipped ("Transforming Records").

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    fields::Kind,
    line::Line,
    wire,
};

impl Desk<'_> {
    /// Makes a fulfilment of an order. Lines that are not mentioned are fulfilled with all that is committed.
    pub(super) fn fulfil(&self, order: &Record, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let asked = set.remove("item");
        let mut lines = self.lines(order.id)?;
        if self.status_of(order.id)? == "A" || !lines.iter().any(|line| line.open() > 0) {
            return Err(Fault::user(
                "Invalid initialize reference: the sales order has no lines to fulfill, or its status does not allow it.",
            ));
        }
        let asked = asked_lines(asked, &lines)?;
        set.entry("shipStatus").or_insert(json!("C"));
        let shipped = set.get("shipStatus") == Some(&json!("C"));
        let record = self.open_transaction(Kind::ItemFulfillment, set, Some(order))?;
        let mut number = 0;
        for line in lines.iter_mut().filter(|line| line.goods) {
            let wish = asked.get(&line.line).cloned().unwrap_or_default();
            if !wish.receive || wish.quantity.is_none() && !wish.named && line.committed == 0 {
                continue;
            }
            let quantity = wish.quantity.unwrap_or(line.committed);
            if quantity <= 0 || quantity > line.committed || quantity > line.open() {
                return Err(Fault::user(format!(
                    "Items list: Quantity: line {} has {} committed and cannot fulfill {}.",
                    line.line,
                    wire::units(line.committed),
                    wire::units(quantity)
                )));
            }
            let location = wish.location.or(line.location);
            let Some(location) = location else {
                return Err(Fault::user("Please enter value(s) for: Items list: Location"));
            };
            if Some(location) != line.location {
                return Err(Fault::user("Items list: Location: the location must be that of the sales order line."));
            }
            number += 1;
            let out = Line {
                tran: record.id,
                line: number,
                item: line.item,
                goods: true,
                quantity,
                location: Some(location),
                created_from: Some(order.id),
                order_line: Some(line.line),
                ..Line::default()
            };
            self.put_line("ItemShip", &out)?;
            self.progress(line, &out, shipped)?;
        }
        if number == 0 {
            return Err(Fault::user("You must have at least one valid line item for this transaction."));
        }
        self.run(
            "UPDATE ns_tran SET status = ?2 WHERE id = ?1",
            (record.id, record.body.get("shipStatus").and_then(Value::as_str)),
        )?;
        self.put_main_line(record.id, Some(order.id))?;
        self.track(&record)?;
        self.settle_order(order, &mut lines)?;
        Ok(record)
    }

    /// Keeps the tracking numbers of a fulfilment's packages where SuiteQL reads them.
    pub(super) fn track(&self, fulfilment: &Record) -> Result<(), Fault> {
        self.run("DELETE FROM ns_tracking WHERE tran = ?1", [fulfilment.id])?;
        if let Some(Value::Array(packages)) = fulfilment.body.get("package") {
            for number in packages.iter().filter_map(|package| package.get("packageTrackingNumber")?.as_str()) {
                self.run("INSERT INTO ns_tracking(tran, number) VALUES (?1, ?2)", (fulfilment.id, number))?;
            }
        }
        Ok(())
    }

    /// Books one fulfilled line on its order line: shipped lowers the stock, picked only holds it.
    fn progress(&self, line: &mut Line, out: &Line, shipped: bool) -> Result<(), Fault> {
        let location = out.location.unwrap_or_default();
        if shipped {
            line.fulfilled += out.quantity;
            self.move_stock(out.item, location, -out.quantity, -out.quantity)?;
        } else {
            // The stock stays reserved, by the fulfilment now instead of by the order line.
            line.picked += out.quantity;
        }
        line.committed -= out.quantity;
        self.put_line("SalesOrd", line)
    }

    /// Moves a fulfilment from picked or packed to shipped.
    pub(super) fn ship(&self, fulfilment: i64) -> Result<(), Fault> {
        let Some(order) = self.order_behind(fulfilment)? else { return Ok(()) };
        let mut lines = self.lines(order.id)?;
        for out in self.lines(fulfilment)? {
            if let Some(line) = lines.iter_mut().find(|line| Some(line.line) == out.order_line) {
                line.picked -= out.quantity;
                line.fulfilled += out.quantity;
                self.move_stock(out.item, out.location.unwrap_or_default(), -out.quantity, -out.quantity)?;
                self.put_line("SalesOrd", line)?;
            }
        }
        self.settle_order(&order, &mut lines)
    }

    /// Undoes a fulfilment that is being deleted.
    pub(super) fn unfulfil(&self, fulfilment: i64) -> Result<(), Fault> {
        let Some(order) = self.order_behind(fulfilment)? else { return Ok(()) };
        let shipped = self.status_of(fulfilment)? == "C";
        let mut lines = self.lines(order.id)?;
        let returning = self.taken(order.id, 0)?;
        let mut freed = Vec::new();
        for out in self.lines(fulfilment)? {
            if let Some(line) = lines.iter_mut().find(|line| Some(line.line) == out.order_line) {
                let location = out.location.unwrap_or_default();
                if shipped {
                    line.fulfilled -= out.quantity;
                    self.move_stock(out.item, location, out.quantity, 0)?;
                    freed.push((out.item, location));
                } else {
                    line.picked -= out.quantity;
                    self.move_stock(out.item, location, 0, -out.quantity)?;
                }
                let returned = returning.get(&line.line).is_some_and(|returned| *returned > line.fulfilled);
                if line.billed > line.fulfilled || returned {
                    return Err(Fault::user(
                        "This transaction cannot be deleted: its lines have been billed or returned.",
                    ));
                }
                self.put_line("SalesOrd", line)?;
            }
        }
        self.settle_order(&order, &mut lines)?;
        for (item, location) in freed {
            self.serve_waiting(item, location)?;
        }
        Ok(())
    }

    /// The sales order a document was made from.
    pub(super) fn order_behind(&self, document: i64) -> Result<Option<Record>, Fault> {
        let from: Option<Option<i64>> =
            self.row("SELECT createdfrom FROM ns_tran WHERE id = ?1", [document], |row| row.get(0))?;
        match from.flatten() {
            Some(order) => self.record(Kind::SalesOrder, order),
            None => Ok(None),
        }
    }

    /// The status letter of a transaction.
    pub(super) fn status_of(&self, id: i64) -> Result<String, Fault> {
        Ok(self.row("SELECT status FROM ns_tran WHERE id = ?1", [id], |row| row.get(0))?.unwrap_or_default())
    }
}

/// What a transform's body says of one order line.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) named: bool,
    pub(super) receive: bool,
    pub(super) quantity: Option<i64>,
    pub(super) location: Option<i64>,
}

impl Default for Wish {
    fn default() -> Wish {
        Wish { named: false, receive: true, quantity: None, location: None }
    }
}

/// Reads the lines of a transform's body by `orderLine`.
pub(super) fn asked_lines(asked: Option<Value>, lines: &[Line]) -> Result<HashMap<i64, Wish>, Fault> {
    let mut wishes = HashMap::new();
    let Some(Value::Array(asked)) = asked else { return Ok(wishes) };
    for (place, line) in asked.iter().enumerate() {
        let whole = |name: &str, parts| line.get(name).and_then(wire::decimal).and_then(|it| wire::scaled(it, parts));
        let path = format!("item.items[{place}].orderLine");
        let number = whole("orderLine", 1).ok_or_else(|| Fault::value(&path, "", "orderLine"))?;
        if !lines.iter().any(|line| line.line == number) {
            return Err(Fault::value(&path, &number.to_string(), "orderLine"));
        }
        let wish = Wish {
            named: true,
            receive: line.get("itemReceive").and_then(Value::as_bool).unwrap_or(true),
            quantity: whole("quantity", wire::MICRO),
            location: line.get("location").and_then(Value::as_str).and_then(|id| id.parse().ok()),
        };
        wishes.insert(number, wish);
    }
    Ok(wishes)
}
