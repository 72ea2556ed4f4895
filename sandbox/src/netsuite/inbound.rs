//! Goods that are to come in: purchase orders from suppliers and transfer orders from another location, with the
//! fulfilment and the receipt that move them ("Transforming Records"). A transfer order's lines are numbered 1, 4, 7, as
//! in the sample of the help; what has been received of it is kept where other orders keep what is billed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    fields::Kind,
    fulfil::asked_lines,
    line::Line,
    wire,
};

impl Desk<'_> {
    /// A new purchase or transfer order.
    pub(super) fn order_in(&self, kind: Kind, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let lines = match set.remove("item") {
            Some(Value::Array(lines)) if !lines.is_empty() => lines,
            _ => return Err(Fault::user("You must enter at least one line item for this transaction.")),
        };
        if kind == Kind::TransferOrder {
            self.require(&set, "location", "From Location")?;
            self.require(&set, "transferLocation", "To Location")?;
            if set.get("location") == set.get("transferLocation") {
                return Err(Fault::user("The from location and the to location must be different."));
            }
            set.entry("orderStatus").or_insert(json!("A"));
        } else {
            self.require(&set, "entity", "Vendor")?;
        }
        let record = self.open_transaction(kind, set, None)?;
        self.save_inbound(&record, lines, false)?;
        Ok(record)
    }

    /// Applies the sent lines to those of the order; with `replace` only the sent ones remain.
    pub(super) fn save_inbound(&self, record: &Record, sent: Vec<Value>, replace: bool) -> Result<(), Fault> {
        let mut lines: BTreeMap<i64, Line> = self.lines(record.id)?.into_iter().map(|line| (line.line, line)).collect();
        let step = if record.kind == Kind::TransferOrder { 3 } else { 1 };
        let mut named = Vec::new();
        for (place, values) in sent.into_iter().enumerate() {
            let Value::Object(mut values) = values else { continue };
            let wanted = values.remove("line").as_ref().and_then(wire::decimal).and_then(|line| wire::scaled(line, 1));
            let next = lines.keys().next_back().map_or(1, |last| last + step);
            let number = wanted.filter(|number| lines.contains_key(number)).unwrap_or(next);
            let line = self.inbound_line(record, lines.get(&number), number, values, place)?;
            lines.insert(number, line);
            named.push(number);
        }
        if replace {
            for (number, line) in lines.clone() {
                if !named.contains(&number) {
                    if line.followed() {
                        return Err(Fault::user(format!("You cannot remove line {number}: it has been received.")));
                    }
                    self.uncommit(&line)?;
                    self.run("DELETE FROM ns_line WHERE tran = ?1 AND line = ?2", (record.id, number))?;
                    lines.remove(&number);
                }
            }
        }
        self.settle_inbound(record, &mut lines.into_values().collect::<Vec<_>>())
    }

    fn inbound_line(
        &self,
        record: &Record,
        old: Option<&Line>,
        number: i64,
        values: Map<String, Value>,
        place: usize,
    ) -> Result<Line, Fault> {
        let id = |value: &Value| value.as_str().and_then(|id| id.parse::<i64>().ok());
        let mut line = old.cloned().unwrap_or(Line { tran: record.id, line: number, ..Line::default() });
        line.item = values.get("item").and_then(id).unwrap_or(line.item);
        let kind: Option<String> =
            self.row("SELECT kind FROM ns_record WHERE id = ?1", [line.item], |row| row.get(0))?;
        line.goods = kind.as_deref() == Some("inventoryItem");
        if !line.goods {
            return Err(Fault::value(&format!("item.items[{place}].item"), &line.item.to_string(), "item"));
        }
        if let Some(quantity) = values.get("quantity").and_then(wire::decimal) {
            let wrong = || Fault::value(&format!("item.items[{place}].quantity"), &quantity.to_string(), "quantity");
            let quantity = wire::scaled(quantity, wire::MICRO).filter(|quantity| *quantity > 0).ok_or_else(wrong)?;
            if quantity < line.fulfilled {
                return Err(Fault::user(format!("You cannot change line {number}: more has been received.")));
            }
            line.quantity = quantity;
        }
        let asked = values.get("location").and_then(id).filter(|_| record.kind == Kind::PurchaseOrder);
        let head = record.body.get("location").and_then(id);
        line.location = asked.or(line.location).or(head).or(self.only_location()?);
        if line.quantity == 0 || line.location.is_none() {
            return Err(Fault::user("Please enter value(s) for: Quantity, Location"));
        }
        if let Some(closed) = values.get("isClosed").and_then(Value::as_bool) {
            line.closed = closed;
        }
        line.body.extend(values.into_iter().filter(|(name, _)| name == "expectedReceiptDate"));
        Ok(line)
    }

    /// Commits what a transfer order may send, then writes lines and status.
    fn settle_inbound(&self, record: &Record, lines: &mut [Line]) -> Result<(), Fault> {
        let code = record.kind.transaction().map_or("", |(code, _)| code);
        let transfer = record.kind == Kind::TransferOrder;
        let approved = record.body.get("orderStatus") != Some(&json!("A"));
        for line in lines.iter_mut() {
            self.put_line(code, line)?;
            if transfer {
                self.commit(approved, line)?;
            }
        }
        let letter = if transfer { transfer_letter(approved, lines) } else { purchase_letter(lines) };
        self.run("UPDATE ns_tran SET status = ?2 WHERE id = ?1", (record.id, letter))?;
        self.touch(record.id)?;
        self.put_main_line(record.id, None)
    }

    fn uncommit(&self, line: &Line) -> Result<(), Fault> {
        match line.location.filter(|_| line.committed > 0) {
            Some(location) => self.move_stock(line.item, location, 0, -line.committed),
            None => Ok(()),
        }
    }

    /// Ships a transfer order: what is shipped is in transit. Lines that are not mentioned ship with what is committed.
    pub(super) fn send_transfer(&self, order: &Record, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let asked = set.remove("item");
        let mut lines = self.lines(order.id)?;
        self.settle_inbound(order, &mut lines)?;
        if self.status_of(order.id)? == "A" || !lines.iter().any(|line| line.open() > 0) {
            return Err(Fault::user("Invalid initialize reference: the transfer order has nothing to fulfill."));
        }
        let asked = asked_lines(asked, &lines)?;
        set.entry("shipStatus").or_insert(json!("C"));
        if set.get("shipStatus") != Some(&json!("C")) {
            return Err(Fault::user("this sandbox ships transfer orders at once: shipStatus C"));
        }
        let record = self.open_transaction(Kind::ItemFulfillment, set, Some(order))?;
        let mut number = 0;
        for line in &mut lines {
            let wish = asked.get(&line.line).cloned().unwrap_or_default();
            let quantity = wish.quantity.unwrap_or(line.committed);
            if !wish.receive || quantity == 0 && !wish.named {
                continue;
            }
            let at = line.location.unwrap_or_default();
            if quantity <= 0 || quantity > line.committed || wish.location.is_some_and(|asked| asked != at) {
                return Err(Fault::user(format!(
                    "Items list: Quantity: line {} has {} committed and cannot fulfill {}.",
                    line.line,
                    wire::units(line.committed),
                    wire::units(quantity)
                )));
            }
            number += 1;
            self.put_line("ItemShip", &follower(record.id, number, line, quantity, at, order.id, line.line))?;
            line.fulfilled += quantity;
            line.committed -= quantity;
            self.move_stock(line.item, at, -quantity, -quantity)?;
        }
        self.finish(&record, order, number, "C")?;
        self.settle_inbound(order, &mut lines)?;
        Ok(record)
    }

    /// Receives what a fulfilment of a transfer order has sent.
    pub(super) fn receive_transfer(&self, sent: &Record, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let Some(order) = self.transfer_behind(sent.id)? else {
            return Err(Fault::user("Invalid initialize reference: only what a transfer order sent can be received."));
        };
        let mut out = self.lines(sent.id)?;
        let asked = asked_lines(set.remove("item"), &out)?;
        if !out.iter().any(|line| line.quantity > line.billed) {
            return Err(Fault::user("Invalid initialize reference: everything has been received."));
        }
        let place = order.body.get("transferLocation").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let place: i64 = place.ok_or_else(|| Fault::user("Please enter value(s) for: To Location"))?;
        let record = self.open_transaction(Kind::ItemReceipt, set, Some(sent))?;
        let mut ordered = self.lines(order.id)?;
        let mut number = 0;
        for line in &mut out {
            let wish = asked.get(&line.line).cloned().unwrap_or_default();
            let left = line.quantity - line.billed;
            let quantity = wish.quantity.unwrap_or(left);
            if !wish.receive || left == 0 && !wish.named {
                continue;
            }
            if quantity <= 0 || quantity > left {
                return Err(Fault::user(format!(
                    "Items list: Quantity: line {} has {} left.",
                    line.line,
                    wire::units(left)
                )));
            }
            number += 1;
            self.put_line("ItemRcpt", &follower(record.id, number, line, quantity, place, sent.id, line.line))?;
            line.billed += quantity;
            self.put_line("ItemShip", line)?;
            self.move_stock(line.item, place, quantity, 0)?;
            if let Some(ordered) = ordered.iter_mut().find(|ordered| Some(ordered.line) == line.order_line) {
                ordered.billed += quantity;
            }
        }
        self.finish(&record, sent, number, "")?;
        self.settle_inbound(&order, &mut ordered)?;
        for line in &out {
            self.serve_waiting(line.item, place)?;
        }
        Ok(record)
    }

    /// Receives goods of a purchase order where its lines say.
    pub(super) fn receive_purchase(&self, order: &Record, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let mut lines = self.lines(order.id)?;
        let asked = asked_lines(set.remove("item"), &lines)?;
        if !lines.iter().any(|line| line.open() > 0) {
            return Err(Fault::user("Invalid initialize reference: the purchase order has nothing to receive."));
        }
        let record = self.open_transaction(Kind::ItemReceipt, set, Some(order))?;
        let mut number = 0;
        for line in &mut lines {
            let wish = asked.get(&line.line).cloned().unwrap_or_default();
            let quantity = wish.quantity.unwrap_or_else(|| line.open());
            if !wish.receive || quantity == 0 && !wish.named {
                continue;
            }
            if quantity <= 0 || quantity > line.open() {
                let left = wire::units(line.open());
                return Err(Fault::user(format!("Items list: Quantity: line {} has {left} left.", line.line)));
            }
            let place = wish.location.or(line.location).unwrap_or_default();
            number += 1;
            self.put_line("ItemRcpt", &follower(record.id, number, line, quantity, place, order.id, line.line))?;
            line.fulfilled += quantity;
            self.move_stock(line.item, place, quantity, 0)?;
        }
        self.finish(&record, order, number, "")?;
        self.settle_inbound(order, &mut lines)?;
        for line in &lines {
            self.serve_waiting(line.item, line.location.unwrap_or_default())?;
        }
        Ok(record)
    }

    /// A document that moved goods is complete; one that moved none is refused.
    fn finish(&self, record: &Record, from: &Record, lines: i64, status: &str) -> Result<(), Fault> {
        if lines == 0 {
            return Err(Fault::user("You must have at least one valid line item for this transaction."));
        }
        if !status.is_empty() {
            self.run("UPDATE ns_tran SET status = ?2 WHERE id = ?1", (record.id, status))?;
        }
        self.put_main_line(record.id, Some(from.id))
    }

    /// The transfer order a fulfilment was made from.
    pub(super) fn transfer_behind(&self, fulfilment: i64) -> Result<Option<Record>, Fault> {
        let from: Option<Option<i64>> =
            self.row("SELECT createdfrom FROM ns_tran WHERE id = ?1", [fulfilment], |row| row.get(0))?;
        match from.flatten() {
            Some(order) => self.record(Kind::TransferOrder, order),
            None => Ok(None),
        }
    }

    /// What a line of such an order shows beyond what every line does.
    pub(super) fn inbound_values(&self, kind: Kind, line: &Line, out: &mut Map<String, Value>) {
        let quantity = |quantity: i64| wire::number(wire::units(quantity));
        out.insert("isClosed".to_owned(), json!(line.closed));
        if kind == Kind::PurchaseOrder {
            out.insert("quantityReceived".to_owned(), quantity(line.fulfilled));
            out.insert("quantityBilled".to_owned(), quantity(line.billed));
            return;
        }
        for (name, amount) in [
            ("quantityCommitted", line.committed),
            ("quantityBackOrdered", line.backordered),
            ("quantityFulfilled", line.fulfilled),
            ("quantityReceived", line.billed),
        ] {
            out.insert(name.to_owned(), quantity(amount));
        }
    }
}

/// A line of a document that follows another.
fn follower(tran: i64, number: i64, line: &Line, quantity: i64, location: i64, from: i64, order_line: i64) -> Line {
    Line {
        tran,
        line: number,
        item: line.item,
        goods: true,
        quantity,
        location: Some(location),
        created_from: Some(from),
        order_line: Some(order_line),
        ..Line::default()
    }
}

fn purchase_letter(lines: &[Line]) -> &'static str {
    let came = lines.iter().any(|line| line.fulfilled > 0);
    match (lines.iter().any(|line| line.open() > 0), came) {
        (true, false) => "B",
        (true, true) => "D",
        (false, true) => "F",
        (false, false) => "H",
    }
}

fn transfer_letter(approved: bool, lines: &[Line]) -> &'static str {
    if !approved {
        return "A";
    }
    let sent = lines.iter().any(|line| line.fulfilled > 0);
    let waiting = lines.iter().any(|line| line.fulfilled > line.billed);
    match (lines.iter().any(|line| line.open() > 0), sent, waiting) {
        (true, false, _) => "B",
        (true, true, true) => "E",
        (true, true, false) => "D",
        (false, true, true) => "F",
        (false, true, false) => "G",
        (false, false, _) => "H",
    }
}
