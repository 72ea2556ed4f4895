//! Credit memos of returns, and refunds paid out of memos and deposits.
//!
//! That goods are credited only once received, and that `?replace=item` leaves out the lines not mentioned, is how the
//! return flow is described; how `autoApply` chooses invoices is not, so a memo is applied only where it says so.

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::{At, Fault},
    fields::Kind,
    line::Line,
    returns::by_order_line,
    wire,
};

impl Desk<'_> {
    /// Credits lines of a return: what was received of goods, charges without a receipt.
    pub(super) fn credit(&self, back: &Record, mut set: Map<String, Value>, replace: bool) -> Result<Record, Fault> {
        let mut lines = self.lines(back.id)?;
        let asked = by_order_line(set.remove("item"), &lines)?;
        if self.status_of(back.id)? == "A" || !lines.iter().any(|line| line.unbilled() > 0) {
            return Err(Fault::user(
                "Invalid initialize reference: the return has nothing to refund, or its status does not allow it.",
            ));
        }
        let apply = list(&set, "apply");
        let mut record = self.open_transaction(Kind::CreditMemo, set, Some(back))?;
        let (mut subtotal, mut tax, mut number) = (0, 0, 0);
        for line in &mut lines {
            let values = asked.get(&line.line);
            if values.is_none() && (replace || line.unbilled() == 0) {
                continue;
            }
            let given = |name: &str| values.and_then(|values| values.get(name)).and_then(wire::decimal);
            let quantity = given("quantity").and_then(|it| wire::scaled(it, wire::MICRO));
            let quantity = quantity.unwrap_or_else(|| line.unbilled());
            if quantity <= 0 || quantity > line.unbilled() {
                return Err(Fault::user(format!(
                    "Items list: Quantity: line {} has {} left to refund and cannot take {}.",
                    line.line,
                    wire::units(line.unbilled()),
                    wire::units(quantity)
                )));
            }
            let slice = |whole| {
                wire::share(whole, line.billed + quantity, line.quantity)
                    - wire::share(whole, line.billed, line.quantity)
            };
            number += 1;
            let credited = Line {
                tran: record.id,
                line: number,
                quantity,
                amount: given("amount").and_then(|it| wire::scaled(it, 100)).unwrap_or_else(|| slice(line.amount)),
                tax: slice(line.tax),
                closed: false,
                fulfilled: 0,
                billed: 0,
                created_from: Some(back.id),
                order_line: Some(line.line),
                ..line.clone()
            };
            subtotal += credited.amount;
            tax += credited.tax;
            self.put_line("CustCred", &credited)?;
            line.billed += quantity;
        }
        if number == 0 || subtotal + tax < 0 {
            return Err(Fault::user("You must have at least one valid line item for this transaction."));
        }
        self.run(
            "UPDATE ns_tran SET subtotal = ?2, tax = ?3, total = ?4 WHERE id = ?1",
            (record.id, subtotal, tax, subtotal + tax),
        )?;
        self.put_main_line(record.id, Some(back.id))?;
        let applied = self.apply(&mut record, "apply", Kind::Invoice, &apply, Some(subtotal + tax))?;
        self.spend(Kind::CreditMemo, record.id, applied)?;
        self.settle_return(back, &lines)?;
        Ok(record)
    }

    /// Pays out of credit memos and deposits what they still hold.
    pub(super) fn refund(&self, set: Map<String, Value>) -> Result<Record, Fault> {
        let customer = set.get("customer").and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
        let customer = customer.ok_or_else(|| Fault::user("Please enter value(s) for: Customer"))?;
        let (memos, deposits) = (list(&set, "apply"), list(&set, "deposit"));
        let mut record = self.open_transaction(Kind::CustomerRefund, set, None)?;
        let total = self.apply(&mut record, "apply", Kind::CreditMemo, &memos, None)?
            + self.apply(&mut record, "deposit", Kind::CustomerDeposit, &deposits, None)?;
        if total == 0 {
            return Err(Fault::user("You must apply this refund to at least one credit or deposit."));
        }
        self.run(
            "UPDATE ns_tran SET total = ?2, paid = ?2, status = 'R', entity = ?3 WHERE id = ?1",
            (record.id, total, customer),
        )?;
        self.put_main_line(record.id, None)?;
        Ok(record)
    }

    /// Applies a document to others of the same customer and currency, line by line, within what they still hold and within `most`
    /// altogether. Keeps the amounts in the document's body and says how much it was.
    fn apply(
        &self,
        record: &mut Record,
        sublist: &str,
        kind: Kind,
        asked: &[Value],
        most: Option<i64>,
    ) -> Result<i64, Fault> {
        let (mut applied, mut kept) = (0_i64, Vec::new());
        for (place, line) in asked.iter().enumerate() {
            if line.get("apply") == Some(&Value::Bool(false)) {
                continue;
            }
            let path = format!("{sublist}.items[{place}]");
            let doc = line.get("doc").and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
            let held: Option<i64> = self.row(
                "SELECT d.total - d.paid FROM ns_tran d JOIN ns_tran own ON own.entity = d.entity AND own.currency = d.currency WHERE d.id = ?1 AND d.kind = ?2 AND own.id = ?3",
                (doc, kind.name(), record.id),
                |row| row.get(0),
            )?;
            let (Some(doc), Some(held)) = (doc, held) else {
                return Err(Fault::value(&format!("{path}.doc"), &doc.unwrap_or(0).to_string(), "doc"));
            };
            let free = most.map_or(held, |most| held.min(most - applied));
            let amount = line.get("amount").and_then(wire::decimal).and_then(|it| wire::scaled(it, 100));
            let amount = amount.unwrap_or(free);
            if amount <= 0 || amount > free {
                return Err(Fault {
                    at: At::Path(format!("{path}.amount")),
                    ..Fault::user(format!(
                        "The amount {} cannot be applied: {} remains.",
                        wire::cents(amount),
                        wire::cents(free)
                    ))
                });
            }
            applied += amount;
            self.put_application(record.id, doc, amount)?;
            self.spend(kind, doc, amount)?;
            kept.push(json!({"doc": doc.to_string(), "apply": true, "amount": wire::number(wire::cents(amount))}));
        }
        if !kept.is_empty() {
            record.body.insert(sublist.to_owned(), Value::Array(kept));
            self.update(record)?;
        }
        Ok(applied)
    }

    /// Keeps that money of one document went to another.
    pub(super) fn put_application(&self, document: i64, doc: i64, amount: i64) -> Result<(), Fault> {
        self.run(
            "INSERT INTO ns_apply(tran, line, doc, amount) SELECT ?1, COALESCE(MAX(line), 0) + 1, ?2, ?3 FROM ns_apply WHERE tran = ?1",
            (document, doc, amount),
        )?;
        Ok(())
    }

    /// Lowers what a document holds or is owed, and gives it the letter that follows.
    fn spend(&self, kind: Kind, document: i64, amount: i64) -> Result<(), Fault> {
        let done = if kind == Kind::CustomerDeposit { "C" } else { "B" };
        self.run(
            "UPDATE ns_tran SET paid = paid + ?2, status = CASE WHEN paid + ?2 >= total THEN ?3 ELSE status END WHERE id = ?1",
            (document, amount, done),
        )?;
        self.touch(document)
    }
}

/// A sublist of a checked body.
fn list(set: &Map<String, Value>, name: &str) -> Vec<Value> {
    match set.get(name) {
        Some(Value::Array(lines)) => lines.clone(),
        _ => Vec::new(),
    }
}
