//! Sales orders: lines, totals, commitment and the status letters.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    line::Line,
    wire,
};

/// The status letter an order's lines give it ("retail records", status letters). The document gives D to an order of
/// which some shipped and nothing is billed; E is then what has billed some and waits to bill more (unverified).
pub(super) fn status(approved: bool, lines: &[Line]) -> &'static str {
    if !approved {
        return "A";
    }
    if !lines.is_empty() && lines.iter().all(|line| line.closed && !line.followed()) {
        return "H";
    }
    let waiting = lines.iter().any(|line| line.goods && !line.closed && line.quantity > line.fulfilled);
    let unbilled = lines.iter().any(|line| line.unbilled() > 0);
    let shipped = lines.iter().any(|line| line.fulfilled > 0);
    let goods_unbilled = lines.iter().any(|line| line.goods && line.unbilled() > 0);
    let billed = lines.iter().any(|line| line.billed > 0);
    match (waiting, shipped) {
        (false, _) if unbilled => "F",
        (false, _) => "G",
        (true, false) => "B",
        (true, true) if billed && goods_unbilled => "E",
        (true, true) => "D",
    }
}

impl Desk<'_> {
    /// Applies the sent lines to an order's lines, then recomputes everything that follows from them.
    pub(super) fn save_order(&self, order: &Record, sent: Option<Vec<Value>>, replace: bool) -> Result<(), Fault> {
        let mut lines: BTreeMap<i64, Line> = self.lines(order.id)?.into_iter().map(|line| (line.line, line)).collect();
        let before: Option<String> =
            self.row("SELECT status FROM ns_tran WHERE id = ?1", [order.id], |row| row.get(0))?;
        let done = before.as_deref().is_some_and(|status| ["C", "G", "H"].contains(&status));
        if let Some(sent) = sent {
            let mut named = Vec::with_capacity(sent.len());
            for (place, values) in sent.into_iter().enumerate() {
                let Value::Object(mut values) = values else { continue };
                let wanted =
                    values.remove("line").and_then(|line| wire::decimal(&line)).and_then(|line| wire::scaled(line, 1));
                let number = match wanted {
                    Some(number) if number > 0 => number,
                    _ => lines.keys().next_back().map_or(1, |last| last + 1),
                };
                let old = lines.get(&number).cloned();
                let new = self.edit(order, number, old.as_ref(), values, place)?;
                if old.as_ref() != Some(&new) {
                    if done {
                        return Err(Fault::user("You cannot edit the lines of a billed or closed sales order."));
                    }
                    self.put_line("SalesOrd", &new)?;
                    lines.insert(number, new);
                }
                named.push(number);
            }
            if replace {
                named.sort_unstable();
                let gone: Vec<i64> = lines.keys().copied().filter(|line| named.binary_search(line).is_err()).collect();
                for number in gone {
                    if let Some(line) = lines.remove(&number) {
                        if done || line.followed() {
                            return Err(Fault::user(format!(
                                "You cannot remove line {number}: it has been fulfilled or billed."
                            )));
                        }
                        if let (Some(location), true) = (line.location, line.committed > 0) {
                            self.move_stock(line.item, location, 0, -line.committed)?;
                        }
                        self.run("DELETE FROM ns_line WHERE tran = ?1 AND line = ?2", (order.id, number))?;
                    }
                }
            }
        }
        if lines.is_empty() {
            return Err(Fault::user("You must enter at least one line item for this transaction."));
        }
        let mut lines: Vec<Line> = lines.into_values().collect();
        self.settle_order(order, &mut lines)
    }

    /// One line with the sent values over the old ones.
    fn edit(
        &self,
        order: &Record,
        number: i64,
        old: Option<&Line>,
        values: Map<String, Value>,
        place: usize,
    ) -> Result<Line, Fault> {
        let path = |field: &str| format!("item.items[{place}].{field}");
        let mut line = old.cloned().unwrap_or(Line { tran: order.id, line: number, ..Line::default() });
        let id = |value: &Value| value.as_str().and_then(|id| id.parse::<i64>().ok());
        if let Some(item) = values.get("item").and_then(id) {
            line.item = item;
        }
        if line.item == 0 {
            return Err(Fault {
                at: super::fault::At::Path(path("item")),
                ..Fault::user("Please enter value(s) for: Item")
            });
        }
        let item: Option<(String, String)> =
            self.row("SELECT kind, body FROM ns_record WHERE id = ?1", [line.item], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let (kind, about) = item.unwrap_or_default();
        line.goods = matches!(kind.as_str(), "inventoryItem" | "kitItem");
        let about: Map<String, Value> = serde_json::from_str(&about).unwrap_or_default();
        if about.get("isInactive") == Some(&Value::Bool(true)) && old.is_none() {
            return Err(Fault::value(&path("item"), &line.item.to_string(), "item"));
        }
        let number_at = |name: &str| values.get(name).and_then(wire::decimal);
        let quantity = number_at("quantity");
        if let Some(quantity) = quantity {
            line.quantity = wire::scaled(quantity, wire::MICRO)
                .filter(|quantity| *quantity > 0)
                .ok_or_else(|| Fault::value(&path("quantity"), &quantity.to_string(), "quantity"))?;
        } else if old.is_none() {
            line.quantity = wire::MICRO;
        }
        let (rate, amount) = (number_at("rate"), number_at("amount"));
        let exact = wire::units(line.quantity);
        if let Some(rate) = rate {
            line.rate = rate;
        } else if let Some(amount) = amount {
            line.rate = amount.checked_div(exact).unwrap_or_default().round_dp(8).normalize();
        } else if old.is_none() {
            line.rate = about.get("basePrice").and_then(wire::decimal).unwrap_or_default();
        }
        let too_big = || Fault::value(&path("amount"), "too large", "amount");
        if let Some(amount) = amount {
            line.amount = wire::scaled(amount, 100).ok_or_else(too_big)?;
        } else if old.is_none() || rate.is_some() || quantity.is_some() {
            line.amount = line.rate.checked_mul(exact).and_then(|sum| wire::scaled(sum, 100)).ok_or_else(too_big)?;
        }
        if let Some(closed) = values.get("isClosed").and_then(Value::as_bool) {
            line.closed = closed;
        }
        if let Some(location) = values.get("location") {
            line.location = id(location);
        }
        if line.location.is_none() && line.goods {
            line.location = match order.body.get("location").and_then(id) {
                Some(location) => Some(location),
                None => self.only_location()?,
            };
        }
        for (name, value) in &values {
            if !["item", "quantity", "rate", "amount", "isClosed", "location", "tax1Amt"].contains(&name.as_str()) {
                if value.is_null() {
                    line.body.remove(name)
                } else {
                    line.body.insert(name.clone(), value.clone())
                };
            }
        }
        if let Some(tax) = number_at("tax1Amt") {
            line.tax = wire::scaled(tax, 100).ok_or_else(too_big)?;
        } else if let Some(percent) = line.body.get("taxRate1").and_then(wire::decimal)
            && (old.is_none() || values.contains_key("taxRate1") || line.amount != old.map_or(0, |old| old.amount))
        {
            line.tax = percent
                .checked_mul(Decimal::from(line.amount))
                .and_then(|tax| wire::scaled(tax.checked_div(Decimal::ONE_HUNDRED)?, 1))
                .ok_or_else(too_big)?;
        }
        if let Some(old) = old.filter(|old| old.closed && line.closed) {
            let changed = old.item != line.item || old.location != line.location || old.quantity != line.quantity;
            if changed {
                return Err(Fault {
                    at: super::fault::At::Path(path("line")),
                    ..Fault::user(format!("You cannot change line {number}: it is closed."))
                });
            }
        }
        if let Some(old) = old.filter(|old| old.followed()) {
            let floor = (old.fulfilled + old.picked).max(old.billed);
            let frozen = old.item != line.item || old.location != line.location && old.fulfilled + old.picked > 0;
            let repriced = old.billed > 0 && (old.rate != line.rate || old.tax != line.tax);
            if frozen || repriced || line.quantity < floor {
                return Err(Fault {
                    at: super::fault::At::Path(path("line")),
                    ..Fault::user(format!("You cannot change line {number}: it has been fulfilled or billed."))
                });
            }
        }
        if let Some(old) =
            old.filter(|old| old.committed > 0 && (old.item != line.item || old.location != line.location))
        {
            if let Some(location) = old.location {
                self.move_stock(old.item, location, 0, -old.committed)?;
            }
            line.committed = 0;
        }
        Ok(line)
    }

    /// Commits stock to the open lines, then writes totals, status and what the back office has to do.
    pub(super) fn settle_order(&self, order: &Record, lines: &mut [Line]) -> Result<(), Fault> {
        let approved = order.body.get("orderStatus").and_then(Value::as_str) != Some("A");
        let mut freed = Vec::new();
        for line in lines.iter_mut() {
            let before = line.committed;
            self.commit(approved, line)?;
            freed.extend(line.location.filter(|_| line.committed < before).map(|location| (line.item, location)));
        }
        let sum = |part: fn(&Line) -> i64| lines.iter().map(part).sum::<i64>();
        let (subtotal, tax) = (sum(|line| line.amount), sum(|line| line.tax));
        let money =
            |name: &str| order.body.get(name).and_then(wire::decimal).and_then(|it| wire::scaled(it, 100)).unwrap_or(0);
        let discount = money("discountRate");
        let total = subtotal + tax + discount + money("shippingCost") + money("handlingCost");
        let letter = status(approved, lines);
        let open = sum(Line::open);
        let committed = sum(|line| line.committed);
        let whole = order.body.get("shipComplete") == Some(&Value::Bool(true));
        let ready = committed > 0 && (!whole || committed == open);
        let billable = lines.iter().any(|line| line.goods && line.unbilled() > 0) || letter == "F";
        let now = self.now.as_millisecond();
        let after = |seconds: u64| now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000));
        self.run(
            "UPDATE ns_tran SET status = ?2, subtotal = ?3, discount = ?4, tax = ?5, total = ?6, ship_due = CASE WHEN ?7 THEN COALESCE(ship_due, ?8) END, bill_due = CASE WHEN ?9 THEN COALESCE(bill_due, ?10) END WHERE id = ?1",
            rusqlite::params![order.id, letter, subtotal, discount, tax, total, ready, after(self.config.ship_after), billable, after(self.config.bill_after)],
        )?;
        self.touch(order.id)?;
        self.put_main_line(order.id, None)?;
        // What a closed line or an edit has set free goes to whoever waits for it.
        for (item, location) in freed {
            self.serve_waiting(item, location)?;
        }
        Ok(())
    }

    /// Reserves what stock there is for one line.
    pub(super) fn commit(&self, approved: bool, line: &mut Line) -> Result<(), Fault> {
        let wanted = if approved { line.open() } else { 0 };
        let (mut committed, mut backordered) = (0, wanted);
        if let Some(location) = line.location.filter(|_| line.goods && (wanted > 0 || line.committed > 0)) {
            let (on_hand, reserved) = self.stock(line.item, location)?;
            let free = (on_hand - reserved + line.committed).max(0);
            committed = match line.body.get("commitInventory").and_then(Value::as_str) {
                Some("3") => 0,
                Some("2") if free < wanted => 0,
                _ => wanted.min(free),
            };
            backordered = wanted - committed;
            if committed != line.committed {
                self.move_stock(line.item, location, 0, committed - line.committed)?;
            }
        }
        if (committed, backordered) != (line.committed, line.backordered) {
            (line.committed, line.backordered) = (committed, backordered);
            self.run(
                "UPDATE ns_line SET committed = ?3, backordered = ?4 WHERE tran = ?1 AND line = ?2",
                (line.tran, line.line, committed, backordered),
            )?;
        }
        Ok(())
    }

    /// Gives stock that came in to the orders that wait for it or for a kit of it, oldest first.
    pub(super) fn serve_waiting(&self, item: i64, location: i64) -> Result<(), Fault> {
        let members = self.members(item)?;
        for (member, _) in &members {
            self.serve_waiting(*member, location)?;
        }
        if !members.is_empty() {
            return Ok(());
        }
        let waiting: Vec<i64> = self.rows(
            // One list of items, or the index of what waits is not used: every line of a large book would be looked at.
            "SELECT DISTINCT tran FROM ns_line
             WHERE item IN (SELECT ?1 UNION ALL SELECT parentitem FROM kititemmember WHERE item = ?1)
               AND location = ?2 AND backordered > 0 AND type = 'SalesOrd' ORDER BY tran",
            (item, location),
            |row| row.get(0),
        )?;
        for order in waiting {
            let (on_hand, committed) = self.stock(item, location)?;
            if on_hand <= committed {
                break;
            }
            self.resettle(order)?;
        }
        Ok(())
    }

    /// Recomputes an order after something else changed.
    pub(super) fn resettle(&self, order: i64) -> Result<(), Fault> {
        if let Some(record) = self.record(super::fields::Kind::SalesOrder, order)? {
            let mut lines = self.lines(order)?;
            self.settle_order(&record, &mut lines)?;
        }
        Ok(())
    }
}
