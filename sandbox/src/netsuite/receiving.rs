//! Item receipts: returned goods taken in ("Retail flows", return). `restock` decides whether they are sold again; it is
//! true unless said otherwise.

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    fields::Kind,
    line::Line,
    returns::by_order_line,
    wire,
};

impl Desk<'_> {
    /// Receives goods of a return. Lines that are not mentioned are received in full.
    pub(super) fn receive(&self, back: &Record, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let mut lines = self.lines(back.id)?;
        let asked = by_order_line(set.remove("item"), &lines)?;
        if self.status_of(back.id)? == "A" || !lines.iter().any(|line| line.open() > 0) {
            return Err(Fault::user(
                "Invalid initialize reference: the return has nothing to receive, or its status does not allow it.",
            ));
        }
        let record = self.open_transaction(Kind::ItemReceipt, set, Some(back))?;
        let (mut number, mut restocked) = (0, Vec::new());
        for line in &mut lines {
            let values = asked.get(&line.line);
            let left_out = values.is_some_and(|values| values.get("itemReceive") == Some(&Value::Bool(false)));
            if left_out || values.is_none() && line.open() == 0 {
                continue;
            }
            let given = |name: &str| values.and_then(|values| values.get(name));
            let quantity = given("quantity").and_then(wire::decimal).and_then(|it| wire::scaled(it, wire::MICRO));
            let quantity = quantity.unwrap_or_else(|| line.open());
            if quantity <= 0 || quantity > line.open() {
                return Err(Fault::user(format!(
                    "Items list: Quantity: line {} has {} left to receive and cannot take {}.",
                    line.line,
                    wire::units(line.open()),
                    wire::units(quantity)
                )));
            }
            let location = given("location").and_then(Value::as_str).and_then(|id| id.parse().ok()).or(line.location);
            let location = match location {
                Some(location) => location,
                None => self
                    .only_location()?
                    .ok_or_else(|| Fault::user("Please enter value(s) for: Items list: Location"))?,
            };
            let restock = given("restock").and_then(Value::as_bool).unwrap_or(true);
            number += 1;
            let taken = Line {
                tran: record.id,
                line: number,
                item: line.item,
                goods: true,
                quantity,
                location: Some(location),
                created_from: Some(back.id),
                order_line: Some(line.line),
                body: Map::from_iter([("restock".to_owned(), json!(restock))]),
                ..Line::default()
            };
            self.put_line("ItemRcpt", &taken)?;
            line.fulfilled += quantity;
            if restock {
                self.move_stock(line.item, location, quantity, 0)?;
                restocked.push((line.item, location));
            }
        }
        if number == 0 {
            return Err(Fault::user("You must have at least one valid line item for this transaction."));
        }
        self.put_main_line(record.id, Some(back.id))?;
        self.settle_return(back, &lines)?;
        for (item, location) in restocked {
            self.serve_waiting(item, location)?;
        }
        Ok(record)
    }
}
