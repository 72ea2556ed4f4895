//! The record API: create, read, update, upsert, delete, list and transform.

use http::{HeaderName, Method};
use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::{At, Fault},
    fields::Kind,
    input::{self, Input},
    wire,
};
use crate::twin::{Answer, Seen};

/// How strictly property names are looked at.
pub(super) const NAME_VALIDATION: HeaderName = HeaderName::from_static("x-netsuite-propertynamevalidation");

/// Routes everything under `/record/v1/`.
pub(super) fn route(desk: &Desk<'_>, request: &Seen, rest: &str) -> Result<Answer, Fault> {
    let mut segments = rest.split('/').map(wire::decoded);
    let name = segments.next().unwrap_or_default();
    let Some(kind) = Kind::parse(&name) else {
        return Err(Fault {
            at: At::Url(request.path.clone()),
            ..Fault::new(404, "NONEXISTENT_ID", format!("Record type '{name}' does not exist."))
        });
    };
    if wire::header(request, "prefer").contains("respond-async") {
        return Err(Fault::new(400, "INVALID_REQUEST", "this sandbox does not serve asynchronous requests"));
    }
    let Some(key) = segments.next().filter(|key| !key.is_empty()) else {
        return match request.method {
            Method::POST => desk.create(kind, request),
            Method::GET => desk.list(kind, request),
            _ => Err(Fault::verb()),
        };
    };
    let (action, target) = (segments.next(), segments.next());
    let external = key.strip_prefix("eid:").map(str::to_owned);
    if request.method == Method::PUT && action.is_none() {
        let Some(external) = external else {
            return Err(Fault {
                at: At::Url(request.path.clone()),
                ..Fault::new(405, "METHOD_NOT_ALLOWED", "Upsert needs an external id: use eid:.")
            });
        };
        return desk.upsert(kind, &external, request);
    }
    let id = match &external {
        Some(external) => desk.holder(kind, external)?.filter(|(_, holder)| holder == kind.name()).map(|(id, _)| id),
        None => Some(key.parse::<i64>().map_err(|_| Fault::bad_id(&request.path, &key))?),
    };
    let record = match id {
        Some(id) => desk.record(kind, id)?,
        None => None,
    };
    let record = record.ok_or_else(|| Fault::missing(&request.path))?;
    match (&request.method, action.as_deref()) {
        (&Method::GET, None) => Ok(wire::typed(200, "singular", &desk.render(&record, request)?)),
        (&Method::GET, Some(sublist)) => desk.sublist(&record, sublist, target.as_deref(), request),
        (&Method::PATCH, None) => desk.change(record, request),
        (&Method::DELETE, None) => desk.delete(&record),
        (&Method::POST, Some("!transform")) => desk.transform(&record, &target.unwrap_or_default(), request),
        _ => Err(Fault::verb()),
    }
}

impl Desk<'_> {
    /// The body, with unknown names refused or warned of as the header says.
    fn input(&self, kind: Kind, request: &Seen) -> Result<(Input, Option<String>), Fault> {
        let input = input::read(self, kind, &request.body)?;
        let policy = wire::header(request, NAME_VALIDATION.as_str()).to_lowercase();
        match (input.unknown.first(), policy.as_str()) {
            (Some(first), "error") => {
                let detail = format!("Unknown reference or field '{first}' in the request payload.");
                Err(Fault::content(first, detail))
            }
            (None, _) | (Some(_), "ignore") => Ok((input, None)),
            (Some(_), _) => {
                let warning = format!("199 - \"Unknown properties were ignored: {}\"", input.unknown.join(", "));
                Ok((input, Some(warning)))
            }
        }
    }

    fn saved(&self, record: &Record, warning: Option<String>) -> Answer {
        let answer = Answer::empty(204).header("Location", &self.href(record.kind.name(), &record.id.to_string()));
        match warning {
            Some(warning) => answer.header("Warning", &warning),
            None => answer,
        }
    }

    fn create(&self, kind: Kind, request: &Seen) -> Result<Answer, Fault> {
        let (input, warning) = self.input(kind, request)?;
        Ok(self.saved(&self.make(kind, input.set)?, warning))
    }

    fn upsert(&self, kind: Kind, external: &str, request: &Seen) -> Result<Answer, Fault> {
        if let Some((id, holder)) = self.holder(kind, external)? {
            let record = self.record(kind, id)?.filter(|_| holder == kind.name()).ok_or_else(Fault::duplicate)?;
            return self.change(record, request);
        }
        let (mut input, warning) = self.input(kind, request)?;
        input.set.insert("externalId".to_owned(), json!(external));
        Ok(self.saved(&self.make(kind, input.set)?, warning))
    }

    /// Makes a record of any kind out of a checked body.
    fn make(&self, kind: Kind, mut set: Map<String, Value>) -> Result<Record, Fault> {
        set.retain(|_, value| !value.is_null());
        match kind {
            Kind::SalesOrder => {
                if !set.contains_key("entity") {
                    return Err(Fault::user("Please enter value(s) for: Customer"));
                }
                let lines = match set.remove("item") {
                    Some(Value::Array(lines)) => lines,
                    _ => return Err(Fault::user("You must enter at least one line item for this transaction.")),
                };
                set.entry("orderStatus").or_insert(json!("A"));
                let record = self.open_transaction(kind, set, None)?;
                self.save_order(&record, Some(lines), false)?;
                Ok(record)
            }
            Kind::CustomerDeposit => self.deposit(set),
            Kind::CustomerPayment => self.payment(set),
            Kind::InventoryAdjustment => self.adjust(set),
            Kind::CustomerRefund => self.refund(set),
            Kind::PurchaseOrder | Kind::TransferOrder => self.order_in(kind, set),
            Kind::KitItem => {
                self.require(&set, "itemId", "Item Name/Number")?;
                if set.get("member").and_then(Value::as_array).is_none_or(Vec::is_empty) {
                    return Err(Fault::user("Please enter value(s) for: Member Item"));
                }
                self.insert_body(kind, set)
            }
            Kind::ItemFulfillment | Kind::Invoice | Kind::ReturnAuthorization => {
                Err(Fault::user("Please enter value(s) for: Created From. Transform a sales order instead."))
            }
            Kind::ItemReceipt | Kind::CreditMemo => {
                Err(Fault::user("Please enter value(s) for: Created From. Transform a return authorization instead."))
            }
            Kind::Customer => {
                self.name_customer(&mut set)?;
                self.insert_body(kind, set)
            }
            Kind::InventoryItem | Kind::NonInventorySaleItem => {
                self.require(&set, "itemId", "Item Name/Number")?;
                self.insert_body(kind, set)
            }
            Kind::Location => {
                self.require(&set, "name", "Name")?;
                self.insert_body(kind, set)
            }
        }
    }

    pub(super) fn require(&self, set: &Map<String, Value>, name: &str, label: &str) -> Result<(), Fault> {
        match set.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(()),
            _ => Err(Fault::user(format!("Please enter value(s) for: {label}"))),
        }
    }

    /// A customer needs a name, and in OneWorld a subsidiary.
    fn name_customer(&self, set: &mut Map<String, Value>) -> Result<(), Fault> {
        if set.get("isPerson") == Some(&Value::Bool(true)) {
            self.require(set, "firstName", "First Name")?;
            self.require(set, "lastName", "Last Name")?;
        } else {
            self.require(set, "companyName", "Company Name")?;
        }
        if self.config.one_world {
            self.require(set, "subsidiary", "Primary Subsidiary")?;
        }
        if !set.contains_key("entityId") {
            let text = |name: &str| set.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let next: i64 =
                self.row("SELECT COALESCE(MAX(id),0) + 1 FROM ns_record", [], |row| row.get(0))?.unwrap_or(1);
            let name = match text("companyName") {
                company if company.is_empty() => format!("{} {}", text("firstName"), text("lastName")),
                company => company,
            };
            set.insert("entityId".to_owned(), json!(format!("CUS{next} {name}")));
        }
        Ok(())
    }

    fn insert_body(&self, kind: Kind, mut set: Map<String, Value>) -> Result<Record, Fault> {
        let external = take_external(&mut set);
        let mut body = Map::new();
        input::merge(&mut body, set, &[]);
        self.insert(kind, external.as_deref(), &body)
    }

    /// Saves the body of a new transaction and its row; amounts and lines follow.
    pub(super) fn open_transaction(
        &self,
        kind: Kind,
        mut set: Map<String, Value>,
        from: Option<&Record>,
    ) -> Result<Record, Fault> {
        let (code, prefix) = kind.transaction().unwrap_or(("", ""));
        for name in ["currency", "entity"] {
            if let Some(value) = from.and_then(|from| from.body.get(name)) {
                set.entry(name).or_insert_with(|| value.clone());
            }
        }
        set.entry("tranDate").or_insert_with(|| json!(self.today()));
        set.entry("currency").or_insert(json!("1"));
        let record = self.insert_body(kind, set)?;
        let text = |name: &str| record.body.get(name).and_then(Value::as_str);
        let id = |name: &str| text(name).and_then(|id| id.parse::<i64>().ok());
        let number = text("tranId").map_or_else(|| format!("{prefix}{}", record.id), str::to_owned);
        self.run(
            "INSERT INTO ns_tran(id, kind, type, tranid, status, entity, trandate, created, modified, externalid, otherrefnum, memo, currency, location, createdfrom) VALUES (?1,?2,?3,?4,'A',?5,?6,?7,?7,?8,?9,?10,?11,?12,?13)",
            rusqlite::params![
                record.id,
                kind.name(),
                code,
                number,
                id("entity").or(id("customer")),
                format!("{} 00:00:00#", text("tranDate").unwrap_or_default()),
                record.created,
                record.external_id,
                text("otherRefNum"),
                text("memo"),
                id("currency"),
                id("location").or(id("adjLocation")),
                from.map(|from| from.id),
            ],
        )?;
        Ok(record)
    }

    /// PATCH, and PUT on what exists.
    fn change(&self, mut record: Record, request: &Seen) -> Result<Answer, Fault> {
        let (mut input, warning) = self.input(record.kind, request)?;
        let replace = wire::replaced(request);
        let replaced = replace.iter().any(|name| name.eq_ignore_ascii_case("item"));
        if wire::flag(request, "replaceSelectedFields") {
            input
                .set
                .retain(|name, value| !value.is_null() || replace.iter().any(|named| named.eq_ignore_ascii_case(name)));
        }
        match input.set.remove("externalId") {
            Some(Value::Null) => record.external_id = None,
            Some(value) => record.external_id = value.as_str().map(str::to_owned),
            None => {}
        }
        let lines = match (record.kind.lines(), record.kind) {
            (Some((name, _)), kind) => {
                let lines = input.set.remove(name);
                let ordered = [Kind::SalesOrder, Kind::PurchaseOrder, Kind::TransferOrder].contains(&kind);
                let open = ordered || kind == Kind::ReturnAuthorization && !replaced;
                if lines.is_some() && !open {
                    return Err(Fault::user("The lines of this transaction cannot be changed."));
                }
                lines
            }
            (None, _) => None,
        };
        let lines = match lines {
            Some(Value::Array(lines)) => Some(lines),
            _ => None,
        };
        for sublist in ["apply", "deposit"] {
            if same_applications(record.body.get(sublist), input.set.get(sublist)) {
                input.set.remove(sublist);
            }
        }
        self.allow(&record, &input.set)?;
        let was = record.body.get("shipStatus").cloned();
        input::merge(&mut record.body, input.set, &replace);
        self.update(&record)?;
        let text = |name: &str| record.body.get(name).and_then(Value::as_str);
        let id = |name: &str| text(name).and_then(|id| id.parse::<i64>().ok());
        self.run(
            "UPDATE ns_tran SET modified = ?2, externalid = ?3, otherrefnum = ?4, memo = ?5, entity = COALESCE(?6, entity), location = ?7 WHERE id = ?1",
            (record.id, self.stamp(), &record.external_id, text("otherRefNum"), text("memo"), id("entity"), id("location")),
        )?;
        if record.kind == Kind::SalesOrder {
            self.save_order(&record, lines, replaced)?;
        } else if record.kind == Kind::ReturnAuthorization {
            self.save_return(&record, lines)?;
        } else if record.kind == Kind::PurchaseOrder || record.kind == Kind::TransferOrder {
            self.save_inbound(&record, lines.unwrap_or_default(), replaced)?;
        }
        if record.kind == Kind::ItemFulfillment {
            self.track(&record)?;
        }
        if record.kind == Kind::ItemFulfillment && was.as_ref() != record.body.get("shipStatus") {
            if record.body.get("shipStatus") == Some(&json!("C")) {
                self.ship(record.id)?;
            }
            self.run("UPDATE ns_tran SET status = ?2 WHERE id = ?1", (record.id, text("shipStatus")))?;
        }
        Ok(self.saved(&record, warning))
    }

    /// Refuses header changes that what followed does not allow.
    fn allow(&self, record: &Record, set: &Map<String, Value>) -> Result<(), Fault> {
        let changes =
            |name: &str| set.get(name).is_some_and(|new| record.body.get(name).unwrap_or(&Value::Null) != new);
        let refused = match record.kind {
            Kind::SalesOrder => {
                let followed = self.lines(record.id)?.iter().any(super::line::Line::followed);
                let money = ["entity", "currency", "orderStatus", "shippingCost", "handlingCost", "discountRate"];
                followed && money.into_iter().any(changes)
            }
            Kind::ItemFulfillment => record.body.get("shipStatus") == Some(&json!("C")) && changes("shipStatus"),
            Kind::Invoice => ["shippingCost", "handlingCost"].into_iter().any(changes),
            Kind::CustomerDeposit | Kind::CustomerPayment | Kind::CreditMemo | Kind::CustomerRefund => {
                ["customer", "salesOrder", "payment", "apply", "deposit", "currency"].into_iter().any(changes)
            }
            Kind::ReturnAuthorization => {
                changes("orderStatus") && self.lines(record.id)?.iter().any(super::line::Line::followed)
            }
            Kind::PurchaseOrder | Kind::TransferOrder => {
                // Its stock is committed there.
                ["location", "transferLocation"].into_iter().any(changes)
            }
            Kind::Customer
            | Kind::InventoryItem
            | Kind::NonInventorySaleItem
            | Kind::KitItem
            | Kind::Location
            | Kind::InventoryAdjustment
            | Kind::ItemReceipt => false,
        };
        if refused {
            return Err(Fault::user("This transaction cannot be changed: other transactions depend on it."));
        }
        Ok(())
    }

    fn delete(&self, record: &Record) -> Result<Answer, Fault> {
        let used = self.row(
            "SELECT 1 FROM ns_tran WHERE createdfrom = ?1 OR entity = ?1 UNION ALL SELECT 1 FROM ns_line WHERE item = ?1 LIMIT 1",
            [record.id],
            |_| Ok(()),
        )?;
        let kept = [
            Kind::Location,
            Kind::CustomerDeposit,
            Kind::CustomerPayment,
            Kind::InventoryAdjustment,
            Kind::ItemReceipt,
            Kind::CreditMemo,
            Kind::CustomerRefund,
            Kind::TransferOrder,
        ];
        let moved = record.kind == Kind::ItemFulfillment && self.transfer_behind(record.id)?.is_some();
        if used.is_some() || moved || kept.contains(&record.kind) {
            return Err(Fault::user("This record cannot be deleted because it has dependent records."));
        }
        match record.kind {
            Kind::ItemFulfillment => self.unfulfil(record.id)?,
            Kind::Invoice => self.unbill(record.id)?,
            Kind::SalesOrder => {
                for line in self.lines(record.id)?.iter().filter(|line| line.committed > 0) {
                    self.move_stock(line.item, line.location.unwrap_or_default(), 0, -line.committed)?;
                }
            }
            Kind::Customer
            | Kind::InventoryItem
            | Kind::NonInventorySaleItem
            | Kind::Location
            | Kind::CustomerDeposit
            | Kind::CustomerPayment
            | Kind::InventoryAdjustment
            | Kind::ReturnAuthorization
            | Kind::ItemReceipt
            | Kind::CreditMemo
            | Kind::KitItem
            | Kind::PurchaseOrder
            | Kind::TransferOrder
            | Kind::CustomerRefund => {}
        }
        self.run("DELETE FROM ns_receive WHERE tran = ?1", [record.id])?;
        self.run("DELETE FROM ns_line WHERE tran = ?1", [record.id])?;
        self.run("DELETE FROM ns_tracking WHERE tran = ?1", [record.id])?;
        self.run("DELETE FROM ns_tran WHERE id = ?1", [record.id])?;
        self.run("DELETE FROM ns_record WHERE id = ?1", [record.id])?;
        Ok(Answer::empty(204))
    }

    /// `POST /{source}/{id}/!transform/{target}`, or its preview.
    fn transform(&self, source: &Record, target: &str, request: &Seen) -> Result<Answer, Fault> {
        let targets: &[Kind] = match source.kind {
            Kind::SalesOrder => &[Kind::ItemFulfillment, Kind::Invoice, Kind::ReturnAuthorization],
            Kind::ReturnAuthorization => &[Kind::ItemReceipt, Kind::CreditMemo],
            Kind::TransferOrder => &[Kind::ItemFulfillment],
            // Of a transfer order only; that of a purchase order is on SuiteScript's list (unverified for REST).
            Kind::ItemFulfillment | Kind::PurchaseOrder => &[Kind::ItemReceipt],
            Kind::Customer
            | Kind::KitItem
            | Kind::Invoice
            | Kind::CustomerDeposit
            | Kind::CustomerPayment
            | Kind::InventoryItem
            | Kind::NonInventorySaleItem
            | Kind::Location
            | Kind::InventoryAdjustment
            | Kind::ItemReceipt
            | Kind::CreditMemo
            | Kind::CustomerRefund => &[],
        };
        let target = Kind::parse(target).filter(|target| targets.contains(target));
        let Some(target) = target else {
            return Err(Fault {
                at: At::Url(request.path.clone()),
                ..Fault::new(400, "INVALID_REQUEST", "This record cannot be transformed into that record type.")
            });
        };
        let (input, warning) = self.input(target, request)?;
        let preview = wire::header(request, "accept").contains("type=create-form");
        if preview {
            self.db.execute_batch("SAVEPOINT preview")?;
        }
        let replaced = wire::replaced(request).iter().any(|name| name.eq_ignore_ascii_case("item"));
        let made = if target == Kind::Invoice {
            self.bill(source, input.set)?
        } else if target == Kind::ReturnAuthorization {
            self.authorize(source, input.set, replaced)?
        } else if source.kind == Kind::TransferOrder {
            self.send_transfer(source, input.set)?
        } else if source.kind == Kind::ItemFulfillment {
            self.receive_transfer(source, input.set)?
        } else if source.kind == Kind::PurchaseOrder {
            self.receive_purchase(source, input.set)?
        } else if target == Kind::ItemReceipt {
            self.receive(source, input.set)?
        } else if target == Kind::CreditMemo {
            self.credit(source, input.set, replaced)?
        } else {
            self.fulfil(source, input.set)?
        };
        if preview {
            let body = self.render(&made, request)?;
            self.db.execute_batch("ROLLBACK TO preview; RELEASE preview")?;
            return Ok(wire::typed(200, "singular", &body));
        }
        Ok(self.saved(&made, warning))
    }
}

/// Takes the external id out of a body: it lives in its own column.
fn take_external(set: &mut Map<String, Value>) -> Option<String> {
    match set.remove("externalId") {
        Some(Value::String(external)) if !external.is_empty() => Some(external),
        _ => None,
    }
}

/// Does a body repeat how a document is applied already? A repeated upsert then changes nothing (unverified).
fn same_applications(kept: Option<&Value>, sent: Option<&Value>) -> bool {
    let (Some(Value::Array(kept)), Some(Value::Array(sent))) = (kept, sent) else { return false };
    let amount = |line: &Value| line.get("amount").and_then(wire::decimal);
    kept.len() == sent.len()
        && kept.iter().zip(sent).all(|(kept, sent)| {
            kept.get("doc") == sent.get("doc") && amount(sent).is_none_or(|sent| amount(kept) == Some(sent))
        })
}
