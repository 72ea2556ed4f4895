//! Invoices, deposits and payments. That a deposit on a sales order is applied by itself to that order's invoice is how
//! the vendor's help describes billing an order; field by field it is unverified.

use serde_json::{Map, Value};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    fields::Kind,
    line::Line,
    wire,
};

impl Desk<'_> {
    /// Bills exactly what shipped and is not billed, charges with the first invoice.
    pub(super) fn bill(&self, order: &Record, mut set: Map<String, Value>) -> Result<Record, Fault> {
        if set.remove("item").is_some() {
            return Err(Fault::user("This account bills what was fulfilled; item lines cannot be chosen."));
        }
        let mut lines = self.lines(order.id)?;
        let first = !lines.iter().any(|line| line.billed > 0);
        let shipped = lines.iter().any(|line| line.goods && line.unbilled() > 0);
        let goods_left = lines.iter().any(|line| line.open() + line.picked > 0);
        if self.status_of(order.id)? == "A" || !shipped && (goods_left || !lines.iter().any(|line| line.unbilled() > 0))
        {
            return Err(Fault::user(
                "Invalid initialize reference: the sales order has nothing to bill, or its status does not allow it.",
            ));
        }
        for name in ["otherRefNum", "email", "billingAddress", "shippingAddress"] {
            if let Some(value) = order.body.get(name) {
                set.entry(name).or_insert_with(|| value.clone());
            }
        }
        let mut extra = 0;
        for name in ["shippingCost", "handlingCost", "discountRate"] {
            if let Some(value) = order.body.get(name).filter(|_| first) {
                extra += wire::decimal(value).and_then(|it| wire::scaled(it, 100)).unwrap_or(0);
                set.insert(name.to_owned(), value.clone());
            } else {
                set.remove(name);
            }
        }
        let discount = set.remove("discountRate").as_ref().and_then(wire::decimal).and_then(|it| wire::scaled(it, 100));
        let record = self.open_transaction(Kind::Invoice, set, Some(order))?;
        let (mut subtotal, mut tax, mut number) = (0, 0, 0);
        for line in &mut lines {
            let quantity = line.unbilled();
            if quantity == 0 {
                continue;
            }
            let slice = |whole| {
                wire::share(whole, line.billed + quantity, line.quantity)
                    - wire::share(whole, line.billed, line.quantity)
            };
            number += 1;
            let billed = Line {
                tran: record.id,
                line: number,
                quantity,
                amount: slice(line.amount),
                tax: slice(line.tax),
                fulfilled: 0,
                picked: 0,
                billed: 0,
                committed: 0,
                backordered: 0,
                created_from: Some(order.id),
                order_line: Some(line.line),
                ..line.clone()
            };
            subtotal += billed.amount;
            tax += billed.tax;
            self.put_line("CustInvc", &billed)?;
            line.billed += quantity;
            self.put_line("SalesOrd", line)?;
        }
        self.run(
            "UPDATE ns_tran SET subtotal = ?2, tax = ?3, discount = ?4, total = ?5 WHERE id = ?1",
            (record.id, subtotal, tax, discount.unwrap_or(0), subtotal + tax + extra),
        )?;
        self.put_main_line(record.id, Some(order.id))?;
        self.settle_order(order, &mut lines)?;
        self.apply_deposits(order.id)?;
        self.invoice_status(record.id)?;
        Ok(record)
    }

    /// Applies an order's deposits to its open invoices, oldest first.
    fn apply_deposits(&self, order: i64) -> Result<(), Fault> {
        let open = |kind: &str| {
            self.rows(
                "SELECT id, total - paid FROM ns_tran WHERE createdfrom = ?1 AND type = ?2 AND total > paid ORDER BY id",
                (order, kind),
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
            )
        };
        let mut deposits = open("CustDep")?;
        for (invoice, mut due) in open("CustInvc")? {
            for (deposit, left) in &mut deposits {
                let part = due.min(*left);
                if part > 0 {
                    (due, *left) = (due - part, *left - part);
                    self.pay(invoice, part)?;
                    self.run(
                        "UPDATE ns_tran SET paid = paid + ?2, status = CASE WHEN paid + ?2 >= total THEN 'C' ELSE status END WHERE id = ?1",
                        (*deposit, part),
                    )?;
                    self.touch(*deposit)?;
                }
            }
        }
        Ok(())
    }

    fn pay(&self, invoice: i64, part: i64) -> Result<(), Fault> {
        self.run("UPDATE ns_tran SET paid = paid + ?2 WHERE id = ?1", (invoice, part))?;
        self.invoice_status(invoice)
    }

    fn invoice_status(&self, invoice: i64) -> Result<(), Fault> {
        self.run("UPDATE ns_tran SET status = CASE WHEN paid >= total THEN 'B' ELSE 'A' END WHERE id = ?1", [invoice])?;
        self.touch(invoice)
    }

    /// A deposit, for a sales order when it names one.
    pub(super) fn deposit(&self, set: Map<String, Value>) -> Result<Record, Fault> {
        let id = |name: &str| set.get(name).and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
        let (customer, order) = (id("customer"), id("salesOrder"));
        let payment = payment(&set)?;
        if customer.is_none() {
            return Err(Fault::user("Please enter value(s) for: Customer"));
        }
        let order = match order {
            Some(order) => self.record(Kind::SalesOrder, order)?,
            None => None,
        };
        if let Some(order) = &order {
            let buyer: Option<Option<i64>> =
                self.row("SELECT entity FROM ns_tran WHERE id = ?1", [order.id], |row| row.get(0))?;
            if buyer.flatten() != customer {
                return Err(Fault::value("salesOrder", &order.id.to_string(), "salesOrder"));
            }
        }
        let record = self.open_transaction(Kind::CustomerDeposit, set, order.as_ref())?;
        self.run("UPDATE ns_tran SET total = ?2, entity = ?3 WHERE id = ?1", (record.id, payment, customer))?;
        self.put_main_line(record.id, order.as_ref().map(|order| order.id))?;
        if let Some(order) = order {
            self.apply_deposits(order.id)?;
        }
        Ok(record)
    }

    /// A payment applied to open invoices.
    pub(super) fn payment(&self, set: Map<String, Value>) -> Result<Record, Fault> {
        let customer = set.get("customer").and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
        let Some(customer) = customer else { return Err(Fault::user("Please enter value(s) for: Customer")) };
        let total = payment(&set)?;
        let apply = match set.get("apply") {
            Some(Value::Array(lines)) => lines.clone(),
            _ => Vec::new(),
        };
        let record = self.open_transaction(Kind::CustomerPayment, set, None)?;
        let mut applied = 0;
        for (place, line) in apply.iter().enumerate().filter(|(_, line)| line.get("apply") != Some(&Value::Bool(false)))
        {
            let path = format!("apply.items[{place}]");
            let doc = line.get("doc").and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
            let due: Option<(i64, i64)> = self.row(
                "SELECT id, total - paid FROM ns_tran WHERE id = ?1 AND type = 'CustInvc' AND entity = ?2",
                (doc, customer),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let Some((invoice, due)) = due else {
                return Err(Fault::value(&format!("{path}.doc"), &doc.unwrap_or(0).to_string(), "doc"));
            };
            let amount = line.get("amount").and_then(wire::decimal).and_then(|it| wire::scaled(it, 100));
            let amount = amount.unwrap_or(due.min(total - applied));
            if amount <= 0 || amount > due || applied + amount > total {
                return Err(Fault::value(&format!("{path}.amount"), &wire::cents(amount).to_string(), "amount"));
            }
            applied += amount;
            self.put_application(record.id, invoice, amount)?;
            self.pay(invoice, amount)?;
        }
        self.run(
            "UPDATE ns_tran SET total = ?2, paid = ?3, entity = ?4 WHERE id = ?1",
            (record.id, total, applied, customer),
        )?;
        self.put_main_line(record.id, None)?;
        Ok(record)
    }

    /// Undoes an invoice that is being deleted; one with money on it stays.
    pub(super) fn unbill(&self, invoice: i64) -> Result<(), Fault> {
        let paid: Option<i64> = self.row("SELECT paid FROM ns_tran WHERE id = ?1", [invoice], |row| row.get(0))?;
        if paid.is_some_and(|paid| paid > 0) {
            return Err(Fault::user("This transaction cannot be deleted: payments are applied to it."));
        }
        let Some(order) = self.order_behind(invoice)? else { return Ok(()) };
        let mut lines = self.lines(order.id)?;
        for out in self.lines(invoice)? {
            if let Some(line) = lines.iter_mut().find(|line| Some(line.line) == out.order_line) {
                line.billed -= out.quantity;
                self.put_line("SalesOrd", line)?;
            }
        }
        self.settle_order(&order, &mut lines)
    }

    /// Moves stock by an adjustment's lines.
    pub(super) fn adjust(&self, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let Some(Value::Array(lines)) = set.remove("inventory") else {
            return Err(Fault::user("You must enter at least one line item for this transaction."));
        };
        let main = set.get("adjLocation").cloned();
        let record = self.open_transaction(Kind::InventoryAdjustment, set, None)?;
        for (place, line) in lines.iter().enumerate() {
            let id = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|id| id.parse::<i64>().ok());
            let path = |name: &str| format!("inventory.items[{place}].{name}");
            let item = id(line.get("item")).ok_or_else(|| Fault::value(&path("item"), "", "item"))?;
            if self.record(Kind::InventoryItem, item)?.is_none() {
                return Err(Fault::value(&path("item"), &item.to_string(), "item"));
            }
            let location = id(line.get("location")).or(id(main.as_ref()));
            let location = match location {
                Some(location) => location,
                None => self.only_location()?.ok_or_else(|| Fault::user("Please enter value(s) for: Location"))?,
            };
            let quantity = line.get("adjustQtyBy").and_then(wire::decimal).and_then(|it| wire::scaled(it, wire::MICRO));
            let quantity =
                quantity.filter(|it| *it != 0).ok_or_else(|| Fault::value(&path("adjustQtyBy"), "", "adjustQtyBy"))?;
            let number = i64::try_from(place).unwrap_or(0) + 1;
            let entry = Line {
                tran: record.id,
                line: number,
                item,
                goods: true,
                quantity,
                location: Some(location),
                ..Line::default()
            };
            self.put_line("InvAdjst", &entry)?;
            self.move_stock(item, location, quantity, 0)?;
            self.serve_waiting(item, location)?;
        }
        self.put_main_line(record.id, None)?;
        Ok(record)
    }
}

fn payment(set: &Map<String, Value>) -> Result<i64, Fault> {
    let payment = set.get("payment").and_then(wire::decimal).and_then(|it| wire::scaled(it, 100));
    payment.filter(|payment| *payment > 0).ok_or_else(|| Fault::user("Please enter value(s) for: Payment Amount"))
}
