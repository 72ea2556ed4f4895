//! Records as the wire shows them ("Accessing Subresources").

use serde_json::{Map, Value, json};

use super::{
    desk::{Desk, Record},
    fault::Fault,
    fields::{ADDRESS, Field, Kind, Shape},
    line::Line,
    receivables, wire,
};
use crate::twin::{Answer, Seen};

/// How much of a record the reader asked for.
#[derive(Clone, Copy)]
struct View {
    expand: bool,
    simple: bool,
}

impl Desk<'_> {
    /// The absolute address of a record.
    pub(super) fn href(&self, kind: &str, id: &str) -> String {
        format!("{}/services/rest/record/v1/{kind}/{id}", self.base)
    }

    /// The whole record under the request's `fields`, `expandSubResources` and `simpleEnumFormat`.
    pub(super) fn render(&self, record: &Record, request: &Seen) -> Result<Value, Fault> {
        let view =
            View { expand: wire::flag(request, "expandSubResources"), simple: wire::flag(request, "simpleEnumFormat") };
        let only: Option<Vec<String>> = wire::parameter(request, "fields")
            .map(|all| all.split(',').map(|name| name.trim().to_lowercase()).collect());
        let own = self.href(record.kind.name(), &record.id.to_string());
        let mut values = record.body.clone();
        values.extend(self.computed(record, view)?);
        let asked = |name: &str| only.as_ref().is_none_or(|only| only.contains(&name.to_lowercase()));
        if record.kind == Kind::Customer && receivables::FIELDS.into_iter().any(asked) {
            self.receivables(record, &mut values)?;
        }
        let mut out = Map::new();
        out.insert("links".to_owned(), links(&own));
        out.insert("id".to_owned(), json!(record.id.to_string()));
        for field in record.kind.fields() {
            if only.as_ref().is_some_and(|only| !only.contains(&field.name.to_lowercase())) {
                continue;
            }
            let at = format!("{own}/{}", field.name);
            let shown = match (field.shape, values.get(field.name)) {
                (Shape::Lines(_), _) if !view.expand => Some(json!({"links": links(&at)})),
                (Shape::Lines(fields), stored) => {
                    Some(collection(&at, self.line_items(record, field.name, fields, stored, &at, view)?))
                }
                (Shape::Address, Some(_)) if !view.expand => Some(json!({"links": links(&at)})),
                (_, Some(value)) => Some(self.shown(field, value, &at, view)?),
                (_, None) => None,
            };
            if let Some(shown) = shown {
                out.insert(field.name.to_owned(), shown);
            }
        }
        for (name, value) in values.iter().filter(|(name, _)| self.config.custom_fields.contains(name)) {
            if only.as_ref().is_none_or(|only| only.contains(&name.to_lowercase())) {
                out.insert(name.clone(), value.clone());
            }
        }
        Ok(Value::Object(out))
    }

    /// `GET /{record}/{id}/{sublist}` and one line of it.
    pub(super) fn sublist(
        &self,
        record: &Record,
        name: &str,
        line: Option<&str>,
        request: &Seen,
    ) -> Result<Answer, Fault> {
        let found = record.kind.fields().iter().find(|field| field.name.eq_ignore_ascii_case(name));
        let field = found.ok_or_else(|| Fault::missing(&request.path))?;
        let own = format!("{}/{}", self.href(record.kind.name(), &record.id.to_string()), field.name);
        let view = View { expand: true, simple: wire::flag(request, "simpleEnumFormat") };
        match (field.shape, record.body.get(field.name)) {
            (Shape::Lines(fields), stored) => {
                let items = self.line_items(record, field.name, fields, stored, &own, view)?;
                let Some(line) = line else { return Ok(wire::typed(200, "collection", &collection(&own, items))) };
                let one = items.into_iter().find(|item| {
                    let key = item.get("line").or_else(|| item.get("internalId"));
                    key.is_some_and(|key| key.to_string().trim_matches('"') == line)
                });
                one.map(|one| wire::typed(200, "singular", &one)).ok_or_else(|| Fault::missing(&request.path))
            }
            (_, Some(value)) => Ok(wire::typed(200, "singular", &self.shown(field, value, &own, view)?)),
            (_, None) => Err(Fault::missing(&request.path)),
        }
    }

    fn line_items(
        &self,
        record: &Record,
        name: &str,
        fields: &'static [Field],
        stored: Option<&Value>,
        at: &str,
        view: View,
    ) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        if record.kind.lines().is_some_and(|(own, _)| own == name) {
            for line in self.lines(record.id)? {
                let mut values = line.body.clone();
                values.extend(self.line_values(record.kind, &line)?);
                items.push(self.object(fields, &values, &format!("{at}/{}", line.line), view)?);
            }
        } else if let Some(Value::Array(lines)) = stored {
            for (place, line) in lines.iter().enumerate() {
                if let Value::Object(values) = line {
                    items.push(self.object(fields, values, &format!("{at}/{}", place + 1), view)?);
                }
            }
        }
        Ok(items)
    }

    fn object(
        &self,
        fields: &'static [Field],
        values: &Map<String, Value>,
        at: &str,
        view: View,
    ) -> Result<Value, Fault> {
        let mut out = Map::new();
        out.insert("links".to_owned(), links(at));
        for field in fields {
            if let Some(value) = values.get(field.name) {
                out.insert(field.name.to_owned(), self.shown(field, value, &format!("{at}/{}", field.name), view)?);
            }
        }
        Ok(Value::Object(out))
    }

    fn shown(&self, field: &Field, value: &Value, at: &str, view: View) -> Result<Value, Fault> {
        Ok(match (field.shape, value) {
            (Shape::Ref(target), Value::String(id)) => self.reference(target, id)?,
            (Shape::Choice(choices), Value::String(id)) => choice(choices, id, view),
            (Shape::Address, Value::Object(values)) => self.object(ADDRESS, values, at, view)?,
            _ => value.clone(),
        })
    }

    fn reference(&self, target: &str, id: &str) -> Result<Value, Fault> {
        let name = match id.parse() {
            Ok(id) => self.display(target, id)?,
            Err(_) => None,
        };
        Ok(json!({"links": links(&self.href(target, id)), "id": id, "refName": name.unwrap_or_default()}))
    }

    /// What the vendor works out by itself.
    fn computed(&self, record: &Record, view: View) -> Result<Map<String, Value>, Fault> {
        let mut out = Map::new();
        let (created, modified) = (instant(&record.created), instant(&record.modified));
        let birth = if record.kind == Kind::Customer { "dateCreated" } else { "createdDate" };
        out.insert(birth.to_owned(), json!(created));
        out.insert("lastModifiedDate".to_owned(), json!(modified));
        if let Some(external) = &record.external_id {
            out.insert("externalId".to_owned(), json!(external));
        }
        if record.kind.family() == "item" {
            self.item_values(record, &mut out)?;
        }
        let amounts = self.row(
            "SELECT tranid, status, entity, createdfrom, subtotal, discount, tax, total, paid FROM ns_tran WHERE id = ?1",
            [record.id],
            |row| {
                let text: [String; 2] = [row.get(0)?, row.get(1)?];
                let ids: [Option<i64>; 2] = [row.get(2)?, row.get(3)?];
                let sums: [i64; 5] = [row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?];
                Ok((text, ids, sums))
            },
        )?;
        let Some(([number, status], [entity, from], [subtotal, discount, tax, total, paid])) = amounts else {
            return Ok(out);
        };
        out.insert("tranId".to_owned(), json!(number));
        if !record.kind.statuses().is_empty() {
            out.insert("status".to_owned(), choice(record.kind.statuses(), &status, view));
        }
        if ![Kind::SalesOrder, Kind::PurchaseOrder].contains(&record.kind)
            && let Some(entity) = entity
        {
            out.insert("entity".to_owned(), self.reference("customer", &entity.to_string())?);
        }
        if let Some(from) = from {
            out.insert("createdFrom".to_owned(), self.reference(&self.kind_of(from)?, &from.to_string())?);
        }
        if record.kind == Kind::SalesOrder {
            self.tracking(record.id, &mut out)?;
        }
        let inherits = [Kind::Invoice, Kind::ReturnAuthorization, Kind::CreditMemo].contains(&record.kind);
        if let (true, Some(Value::String(currency))) = (inherits, record.body.get("currency")) {
            out.insert("currency".to_owned(), self.reference("currency", currency)?);
        }
        let mut money = |name: &str, amount: i64| out.insert(name.to_owned(), wire::number(wire::cents(amount)));
        match record.kind {
            Kind::SalesOrder | Kind::Invoice | Kind::ReturnAuthorization | Kind::CreditMemo => {
                money("subtotal", subtotal);
                money("discountTotal", discount);
                money("taxTotal", tax);
                money("total", total);
                if [Kind::Invoice, Kind::CreditMemo].contains(&record.kind) {
                    money("amountPaid", paid);
                    money("amountRemaining", total - paid);
                    money("applied", paid);
                    money("unapplied", total - paid);
                }
            }
            Kind::CustomerRefund => {
                money("total", total);
            }
            Kind::CustomerPayment => {
                money("applied", paid);
                money("unapplied", total - paid);
            }
            Kind::Customer
            | Kind::ItemFulfillment
            | Kind::CustomerDeposit
            | Kind::InventoryItem
            | Kind::NonInventorySaleItem
            | Kind::KitItem
            | Kind::Location
            | Kind::InventoryAdjustment
            | Kind::PurchaseOrder
            | Kind::TransferOrder
            | Kind::ItemReceipt => {}
        }
        out.insert("exchangeRate".to_owned(), wire::number(rust_decimal::Decimal::new(10, 1)));
        Ok(out)
    }

    /// The record type behind an internal id.
    fn kind_of(&self, id: i64) -> Result<String, Fault> {
        Ok(self.row("SELECT kind FROM ns_record WHERE id = ?1", [id], |row| row.get(0))?.unwrap_or_default())
    }

    fn tracking(&self, order: i64, out: &mut Map<String, Value>) -> Result<(), Fault> {
        let numbers: Vec<String> = self.rows(
            "SELECT json_extract(p.value,'$.packageTrackingNumber') FROM ns_tran t JOIN ns_record r ON r.id = t.id, json_each(r.body,'$.package') p WHERE t.createdfrom = ?1 AND t.type = 'ItemShip' AND json_extract(p.value,'$.packageTrackingNumber') IS NOT NULL",
            [order],
            |row| row.get(0),
        )?;
        if !numbers.is_empty() {
            out.insert("linkedTrackingNumbers".to_owned(), json!(numbers.join(" ")));
        }
        Ok(())
    }

    fn item_values(&self, record: &Record, out: &mut Map<String, Value>) -> Result<(), Fault> {
        if record.kind == Kind::KitItem {
            out.insert("itemType".to_owned(), json!({"id": "Kit", "refName": "Kit/Package"}));
            return Ok(());
        }
        if record.kind != Kind::InventoryItem {
            out.insert("itemType".to_owned(), json!({"id": "NonInvtPart", "refName": "Non-Inventory Item"}));
            return Ok(());
        }
        out.insert("itemType".to_owned(), json!({"id": "InvtPart", "refName": "Inventory Item"}));
        let (on_hand, committed, backordered) = self
            .row(
                "SELECT COALESCE(SUM(on_hand),0), COALESCE(SUM(committed),0), (SELECT COALESCE(SUM(backordered),0) FROM ns_line WHERE item = ?1 AND backordered > 0) FROM ns_stock WHERE item = ?1",
                [record.id],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
            )?
            .unwrap_or_default();
        for (name, quantity) in [
            ("quantityOnHand", on_hand),
            ("quantityCommitted", committed),
            ("quantityAvailable", on_hand - committed),
            ("quantityBackOrdered", backordered),
        ] {
            out.insert(name.to_owned(), wire::number(wire::units(quantity)));
        }
        Ok(())
    }

    fn line_values(&self, kind: Kind, line: &Line) -> Result<Map<String, Value>, Fault> {
        let mut out = Map::new();
        let quantity = |quantity: i64| wire::number(wire::units(quantity));
        out.insert("line".to_owned(), json!(line.line));
        if kind == Kind::InventoryAdjustment {
            out.insert("item".to_owned(), json!(line.item.to_string()));
            out.insert("adjustQtyBy".to_owned(), quantity(line.quantity));
        } else if kind == Kind::ItemFulfillment || kind == Kind::ItemReceipt {
            out.insert("item".to_owned(), self.reference("item", &line.item.to_string())?);
            out.insert("itemName".to_owned(), json!(self.display("item", line.item)?));
            out.insert("itemReceive".to_owned(), json!(true));
            out.insert("quantity".to_owned(), quantity(line.quantity));
        } else {
            out.insert("item".to_owned(), json!(line.item.to_string()));
            out.insert("lineUniqueKey".to_owned(), json!(line.tran.saturating_mul(10_000).saturating_add(line.line)));
            out.insert("quantity".to_owned(), quantity(line.quantity));
            out.insert("rate".to_owned(), wire::number(line.rate));
            out.insert("amount".to_owned(), wire::number(wire::cents(line.amount)));
            out.insert("tax1Amt".to_owned(), wire::number(wire::cents(line.tax)));
            out.insert("grossAmt".to_owned(), wire::number(wire::cents(line.amount + line.tax)));
            out.insert("itemType".to_owned(), json!({"id": if line.goods { "InvtPart" } else { "NonInvtPart" }}));
        }
        if let Some(location) = line.location {
            out.insert("location".to_owned(), json!(location.to_string()));
        }
        if let (Some(order), Some(order_line)) = (line.created_from, line.order_line) {
            out.insert("orderLine".to_owned(), json!(order_line));
            out.insert("orderDoc".to_owned(), self.reference(&self.kind_of(order)?, &order.to_string())?);
        }
        if kind == Kind::PurchaseOrder || kind == Kind::TransferOrder {
            self.inbound_values(kind, line, &mut out);
        }
        if kind == Kind::ReturnAuthorization {
            out.insert("isClosed".to_owned(), json!(line.closed));
            out.insert("quantityReceived".to_owned(), quantity(line.fulfilled));
            out.insert("quantityBilled".to_owned(), quantity(line.billed));
        }
        if kind == Kind::SalesOrder {
            out.insert("isClosed".to_owned(), json!(line.closed));
            out.insert("isOpen".to_owned(), json!(line.open() > 0));
            out.insert("itemIsFulfilled".to_owned(), json!(line.goods && line.fulfilled >= line.quantity));
            for (name, amount) in [
                ("quantityCommitted", line.committed),
                ("quantityBackOrdered", line.backordered),
                ("quantityPicked", line.picked + line.fulfilled),
                ("quantityFulfilled", line.fulfilled),
                ("quantityBilled", line.billed),
            ] {
                out.insert(name.to_owned(), quantity(amount));
            }
            if let Some(location) = line.location.filter(|_| line.goods) {
                let (on_hand, committed) = self.stock(line.item, location)?;
                out.insert("quantityOnHand".to_owned(), quantity(on_hand));
                out.insert("quantityAvailable".to_owned(), quantity(on_hand - committed));
            }
        }
        Ok(out)
    }

    /// `GET /{record}`: ids and links only. The filter language of `q` is not spoken here.
    pub(super) fn list(&self, kind: Kind, request: &Seen) -> Result<Answer, Fault> {
        if wire::parameter(request, "q").is_some() {
            return Err(Fault::parameter("q", "this sandbox does not filter collections: use SuiteQL"));
        }
        let (limit, offset) = wire::page(request)?;
        let total: i64 =
            self.row("SELECT COUNT(*) FROM ns_record WHERE kind = ?1", [kind.name()], |row| row.get(0))?.unwrap_or(0);
        let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let items: Vec<Value> = self.rows(
            "SELECT id FROM ns_record WHERE kind = ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
            (kind.name(), number(limit), number(offset)),
            |row| {
                let id: i64 = row.get(0)?;
                Ok(json!({"links": links(&self.href(kind.name(), &id.to_string())), "id": id.to_string()}))
            },
        )?;
        let base = format!("{}/services/rest/record/v1/{}", self.base, kind.name());
        Ok(wire::typed(200, "collection", &page(&base, items, limit, offset, usize::try_from(total).unwrap_or(0))))
    }
}

/// One page of a collection, with the links that lead on and back.
pub(super) fn page(base: &str, items: Vec<Value>, limit: usize, offset: usize, total: usize) -> Value {
    let at = |rel: &str, offset: usize| json!({"rel": rel, "href": format!("{base}?limit={limit}&offset={offset}")});
    let more = offset.saturating_add(items.len()) < total;
    let mut links = vec![at("self", offset)];
    if more {
        links.push(at("next", offset + limit));
        links.push(at("last", total.saturating_sub(1) / limit * limit));
    }
    if offset > 0 {
        links.push(at("first", 0));
        links.push(at("prev", offset.saturating_sub(limit)));
    }
    json!({"links": links, "count": items.len(), "hasMore": more, "items": items, "offset": offset, "totalResults": total})
}

fn links(href: &str) -> Value {
    json!([{"rel": "self", "href": href}])
}

fn collection(at: &str, items: Vec<Value>) -> Value {
    json!({"links": links(at), "totalResults": items.len(), "items": items})
}

fn choice(choices: &[(&str, &str)], id: &str, view: View) -> Value {
    let label = choices.iter().find(|(letter, _)| *letter == id).map_or("", |(_, label)| *label);
    if view.simple { json!(id) } else { json!({"id": id, "refName": label}) }
}

/// A stored date-time as the wire writes it.
fn instant(stored: &str) -> String {
    stored.replace(' ', "T").replace('#', "Z")
}
