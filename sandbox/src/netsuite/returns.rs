//! Return authorizations: what may come back of a sales order, and where each return stands.
//!
//! A return is made by transforming a sales order ("Transforming Records"): a line that the body does not mention comes
//! back whole, and with `?replace=item` only the mentioned lines do. That a return may not exceed what was fulfilled less
//! what other returns of the order took is this account's rule; the vendor's own check is unverified. A cancelled return
//! (C) is made in the vendor's screens only; closing every line here gives H.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::{At, Fault},
    fields::Kind,
    line::Line,
    wire,
};

/// The letter a return's lines give it ("retail records", status letters).
pub(super) fn status(approved: bool, lines: &[Line]) -> &'static str {
    if !approved {
        return "A";
    }
    if lines.iter().all(|line| line.closed && !line.followed()) {
        return "H";
    }
    let waiting = lines.iter().any(|line| line.open() > 0);
    let received = lines.iter().any(|line| line.fulfilled > 0);
    let uncredited = lines.iter().any(|line| line.unbilled() > 0);
    let goods_uncredited = lines.iter().any(|line| line.goods && line.unbilled() > 0);
    match (waiting, received) {
        (false, _) if uncredited => "F",
        (false, _) => "G",
        (true, false) => "B",
        (true, true) if goods_uncredited => "E",
        (true, true) => "D",
    }
}

/// Lines of a transform's body by `orderLine`, each of them a line of the source.
pub(super) fn by_order_line(asked: Option<Value>, source: &[Line]) -> Result<BTreeMap<i64, Map<String, Value>>, Fault> {
    let mut named = BTreeMap::new();
    let Some(Value::Array(asked)) = asked else { return Ok(named) };
    for (place, line) in asked.into_iter().enumerate() {
        let Value::Object(values) = line else { continue };
        let path = format!("item.items[{place}].orderLine");
        let number = values.get("orderLine").and_then(wire::decimal).and_then(|line| wire::scaled(line, 1));
        let number = number.ok_or_else(|| Fault::value(&path, "", "orderLine"))?;
        if !source.iter().any(|line| line.line == number) || named.insert(number, values).is_some() {
            return Err(Fault::value(&path, &number.to_string(), "orderLine"));
        }
    }
    Ok(named)
}

impl Desk<'_> {
    /// Makes a return authorization of an order.
    pub(super) fn authorize(
        &self,
        order: &Record,
        mut set: Map<String, Value>,
        replace: bool,
    ) -> Result<Record, Fault> {
        let source = self.lines(order.id)?;
        let asked = by_order_line(set.remove("item"), &source)?;
        let taken = self.taken(order.id, 0)?;
        let left = |line: &Line| returnable(line) - taken.get(&line.line).copied().unwrap_or(0);
        if !source.iter().any(|line| left(line) > 0) {
            return Err(Fault::user("Invalid initialize reference: nothing of the sales order can be returned."));
        }
        set.entry("orderStatus").or_insert(json!("A"));
        let record = self.open_transaction(Kind::ReturnAuthorization, set, Some(order))?;
        let mut lines = Vec::new();
        for line in &source {
            let named = asked.get(&line.line);
            if named.is_none() && (replace || left(line) <= 0) {
                continue;
            }
            let back = Line {
                tran: record.id,
                line: i64::try_from(lines.len()).unwrap_or(0) + 1,
                item: line.item,
                goods: line.goods,
                rate: line.rate,
                location: line.location,
                created_from: Some(order.id),
                order_line: Some(line.line),
                ..Line::default()
            };
            lines.push(returned(line, back, named.unwrap_or(&Map::new()), left(line))?);
        }
        self.settle_return(&record, &lines)?;
        Ok(record)
    }

    /// PATCH of a return: lines are named by `line`; none can be added to a return made from a sales order.
    pub(super) fn save_return(&self, record: &Record, sent: Option<Vec<Value>>) -> Result<(), Fault> {
        let mut lines = self.lines(record.id)?;
        let order = lines.iter().find_map(|line| line.created_from).unwrap_or_default();
        let source = self.lines(order)?;
        let taken = self.taken(order, record.id)?;
        for values in sent.unwrap_or_default() {
            let Value::Object(mut values) = values else { continue };
            let number = values.remove("line").as_ref().and_then(wire::decimal).and_then(|line| wire::scaled(line, 1));
            let line = number.and_then(|number| lines.iter_mut().find(|line| line.line == number));
            let Some(line) = line else {
                return Err(Fault::user("Lines cannot be added to a return made from a sales order."));
            };
            let Some(origin) = source.iter().find(|origin| Some(origin.line) == line.order_line) else { continue };
            let left = returnable(origin) - taken.get(&origin.line).copied().unwrap_or(0);
            *line = returned(origin, line.clone(), &values, left)?;
        }
        self.settle_return(record, &lines)
    }

    /// Saves a return's lines, then its totals, its status and whether the back office waits for its goods.
    pub(super) fn settle_return(&self, record: &Record, lines: &[Line]) -> Result<(), Fault> {
        if lines.is_empty() {
            return Err(Fault::user("You must enter at least one line item for this transaction."));
        }
        for line in lines {
            self.put_line("RtnAuth", line)?;
        }
        let letter = status(record.body.get("orderStatus") != Some(&json!("A")), lines);
        let (subtotal, tax) = lines.iter().fold((0, 0), |(sum, tax), line| (sum + line.amount, tax + line.tax));
        self.run(
            "UPDATE ns_tran SET status = ?2, subtotal = ?3, tax = ?4, total = ?5 WHERE id = ?1",
            (record.id, letter, subtotal, tax, subtotal + tax),
        )?;
        if ["B", "D", "E"].contains(&letter) {
            let wait = i64::try_from(self.config.receive_after).unwrap_or(i64::MAX).saturating_mul(1000);
            self.run(
                "INSERT OR IGNORE INTO ns_receive(tran, due) VALUES (?1, ?2)",
                (record.id, self.now.as_millisecond().saturating_add(wait)),
            )?;
        } else {
            self.run("DELETE FROM ns_receive WHERE tran = ?1", [record.id])?;
        }
        self.touch(record.id)?;
        self.put_main_line(record.id, lines.iter().find_map(|line| line.created_from))
    }

    /// What the returns of an order, but for one of them, take of its lines.
    pub(super) fn taken(&self, order: i64, except: i64) -> Result<HashMap<i64, i64>, Fault> {
        let rows: Vec<(i64, i64)> = self.rows(
            "SELECT orderline, SUM(CASE WHEN closed THEN MAX(fulfilled, billed) ELSE quantity END) FROM ns_line WHERE createdfrom = ?1 AND type = 'RtnAuth' AND line > 0 AND tran <> ?2 GROUP BY orderline",
            (order, except),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(rows.into_iter().collect())
    }
}

/// What left the house, or was billed without leaving it.
fn returnable(line: &Line) -> i64 {
    if line.goods { line.fulfilled } else { line.billed }
}

/// One line of a return with the sent values over what it has or, being new, over what is left.
fn returned(origin: &Line, mut back: Line, values: &Map<String, Value>, left: i64) -> Result<Line, Fault> {
    let number = |name: &str| values.get(name).and_then(wire::decimal);
    let fresh = back.quantity == 0;
    let path = |field: &str| format!("item.items[{}].{field}", back.line - 1);
    let wrong = |field: &str, text: String| Fault::value(&path(field), &text, field);
    let quantity = match number("quantity") {
        Some(given) => wire::scaled(given, wire::MICRO).filter(|quantity| *quantity > 0),
        // A line that has nothing left is asked for in vain below, whatever is asked for.
        None if fresh => Some(left.max(1)),
        None => Some(back.quantity),
    };
    let quantity = quantity.ok_or_else(|| wrong("quantity", "0".to_owned()))?;
    let changed = quantity != back.quantity;
    let (rate, amount) = (number("rate"), number("amount"));
    let exact = wire::units(quantity);
    let too_big = || wrong("amount", "too large".to_owned());
    let new_amount = match (amount, rate) {
        (Some(amount), _) => wire::scaled(amount, 100).ok_or_else(too_big)?,
        (None, Some(rate)) => rate.checked_mul(exact).and_then(|sum| wire::scaled(sum, 100)).ok_or_else(too_big)?,
        (None, None) if changed => wire::share(origin.amount, quantity, origin.quantity),
        (None, None) => back.amount,
    };
    let location = values.get("location").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let closed = values.get("isClosed").and_then(Value::as_bool).unwrap_or(back.closed);
    let floor = back.fulfilled.max(back.billed);
    if quantity < floor || back.billed > 0 && new_amount != back.amount {
        return Err(Fault {
            at: At::Path(path("quantity")),
            ..Fault::user("This line cannot be changed: it has been received or refunded.")
        });
    }
    if !closed && quantity > left {
        return Err(Fault {
            at: At::Path(path("quantity")),
            ..Fault::user(format!(
                "Items list: Quantity: line {} has {} left to return and cannot take {exact}.",
                origin.line,
                wire::units(left.max(0)),
            ))
        });
    }
    if let Some(rate) = rate {
        back.rate = rate;
    }
    back.tax = wire::share(origin.tax, quantity, origin.quantity);
    back.location = location.or(back.location);
    (back.quantity, back.amount, back.closed) = (quantity, new_amount, closed);
    Ok(back)
}
