//! Requests of the contract, checked: what passes here can be written.

pub(crate) mod returns;
pub(crate) mod transfers;

use std::collections::BTreeSet;

use jiff::civil::Date;
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1 as types;
use retail_proto::{Currency, Decimal, Money, Quantity};
use retail_runtime::fault::{BadShape, Violations};

/// A line as asked for; item and location are codes still.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) number: i32,
    pub(crate) sku: String,
    pub(crate) location: Option<String>,
    pub(crate) quantity: Quantity,
    pub(crate) unit_price: Decimal,
    pub(crate) amount: Money,
    pub(crate) description: String,
}

/// A sales order as asked for.
#[derive(Debug, Clone)]
pub(crate) struct Booking {
    pub(crate) order: pb::SalesOrderInput,
    pub(crate) lines: Vec<Line>,
    pub(crate) total: Money,
}

/// The instance must be ours.
pub(crate) fn instance(given: &str, ours: &str) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    violations.require("instance", given == ours, &format!("this connector serves {ours:?}; ask that instance"));
    violations.check()
}

/// Our id, which becomes an external id.
pub(crate) fn external_ref(field: &str, id: &str) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, field, id);
    violations.check()
}

/// Text that must be given.
pub(crate) fn filled(field: &str, text: &str) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    violations.require(field, !text.trim().is_empty(), "is required");
    violations.check()
}

/// A customer with what NetSuite needs.
pub(crate) fn customer(record: Option<pb::CustomerRecord>) -> Result<pb::CustomerRecord, BadShape> {
    let mut violations = Violations::default();
    let record = record.unwrap_or_default();
    require_ref(&mut violations, "customer.external_ref", &record.external_ref);
    violations.require(
        "customer.last_name",
        !record.last_name.trim().is_empty(),
        "is required; give a name or a company",
    );
    violations.check().map(|()| record)
}

/// More sales orders than these are not looked for at once, as the contract says.
const SALES_ORDERS: usize = 1_000;

/// A question for a customer's credit.
pub(crate) fn credit(asked: &pb::GetCustomerCreditRequest) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "customer_ref", &asked.customer_ref);
    let fits = asked.sales_order_refs.len() <= SALES_ORDERS;
    violations.require("sales_order_refs", fits, "name at most 1000; ask for the others in a further call");
    for (id, index) in asked.sales_order_refs.iter().zip(0_usize..) {
        require_ref(&mut violations, &format!("sales_order_refs[{index}]"), id);
    }
    violations.check()
}

/// A line as it shall be.
#[derive(Debug, Clone)]
pub(crate) struct LineChange {
    pub(crate) number: i32,
    pub(crate) location: Option<String>,
    pub(crate) close: bool,
    /// How much, and what that costs.
    pub(crate) quantity: Option<(Quantity, Money)>,
}

/// A sales order as it shall be.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) external_ref: String,
    pub(crate) lines: Vec<LineChange>,
    pub(crate) added: Vec<Line>,
    pub(crate) shipping_address: Option<types::Address>,
}

/// Changes of lines, each of a line of its own, each with something to change; further lines; another address.
pub(crate) fn change(asked: pb::ChangeSalesOrderRequest) -> Result<Change, BadShape> {
    let mut violations = Violations::default();
    let something = !asked.lines.is_empty() || !asked.added.is_empty() || asked.shipping_address.is_some();
    violations.require("lines", something, "give lines, added or shipping_address");
    let (mut lines, mut numbers) = (Vec::new(), BTreeSet::new());
    for (line, index) in asked.lines.iter().zip(0_usize..) {
        let fresh = line.line_number > 0 && numbers.insert(line.line_number);
        violations.require(&format!("lines[{index}].line_number"), fresh, "must be above 0 and given once");
        let stays = line.location.is_empty() && line.quantity.is_empty();
        let says = line.close == stays;
        violations.require(&format!("lines[{index}]"), says, "give either close, or a location or a quantity");
        let quantity = if line.quantity.is_empty() {
            None
        } else {
            let quantity = line.quantity.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive());
            let above = "must be a decimal above 0 with at most 6 places; close the line instead of 0";
            violations.require(&format!("lines[{index}].quantity"), quantity.is_some(), above);
            quantity.zip(money(&mut violations, &format!("lines[{index}].amount"), line.amount.as_ref()))
        };
        let location = Some(line.location.trim().to_owned()).filter(|code| !code.is_empty());
        lines.push(LineChange { number: line.line_number, location, close: line.close, quantity });
    }
    let mut added = Vec::new();
    for (line, index) in asked.added.iter().zip(0_usize..) {
        let field = |name: &str| format!("added[{index}].{name}");
        added.extend(order_line(&mut violations, &field, line, &mut numbers));
    }
    violations.check()?;
    Ok(Change { external_ref: asked.external_ref, lines, added, shipping_address: asked.shipping_address })
}

/// A line to be ordered; none when something of it is wrong.
fn order_line(
    violations: &mut Violations,
    field: &dyn Fn(&str) -> String,
    line: &pb::SalesOrderLineInput,
    numbers: &mut BTreeSet<i32>,
) -> Option<Line> {
    let fresh = line.line_number > 0 && numbers.insert(line.line_number);
    violations.require(&field("line_number"), fresh, "must be above 0 and unique in the order");
    violations.require(&field("sku"), !line.sku.trim().is_empty(), "is required");
    let located = line.is_charge || !line.location.trim().is_empty();
    violations.require(&field("location"), located, "is required for goods; leave it empty for charges only");
    let quantity = line.quantity.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive());
    violations.require(&field("quantity"), quantity.is_some(), "must be a decimal above 0 with at most 6 places");
    let unit_price = Decimal::from_str_exact(line.unit_price.trim()).ok();
    violations.require(&field("unit_price"), unit_price.is_some(), "must be a decimal number");
    let amount = money(violations, &field("amount"), line.amount.as_ref());
    Some(Line {
        number: line.line_number,
        sku: line.sku.trim().to_owned(),
        location: (!line.is_charge).then(|| line.location.trim().to_owned()),
        quantity: quantity?,
        unit_price: unit_price?,
        amount: amount?,
        description: line.description.clone(),
    })
}

/// A sales order whose lines, amounts and total agree.
pub(crate) fn booking(order: Option<pb::SalesOrderInput>) -> Result<Booking, BadShape> {
    let mut violations = Violations::default();
    let order = order.unwrap_or_default();
    require_ref(&mut violations, "order.external_ref", &order.external_ref);
    require_ref(&mut violations, "order.customer_ref", &order.customer_ref);
    violations.require("order.order_number", !order.order_number.trim().is_empty(), "is required");
    require_day(&mut violations, "order.order_date", &order.order_date);
    violations.require("order.lines", !order.lines.is_empty(), "at least one line is required");
    let total = money(&mut violations, "order.total", order.total.as_ref());
    let (mut lines, mut numbers) = (Vec::new(), BTreeSet::new());
    for (index, line) in order.lines.iter().enumerate() {
        let field = |name: &str| format!("order.lines[{index}].{name}");
        lines.extend(order_line(&mut violations, &field, line, &mut numbers));
    }
    if let Some(total) = total {
        let sum = lines.iter().try_fold(Money::zero(total.currency()), |sum, line| sum.plus(line.amount));
        let agrees = lines.len() != order.lines.len() || sum.is_ok_and(|sum| sum == total);
        violations.require("order.total", agrees, "must be the sum of the lines' amounts, all in one currency");
    }
    violations.check()?;
    // A missing total is a violation and has returned above.
    let total = total.ok_or_else(|| single("order.total", "is required"))?;
    Ok(Booking { order, lines, total })
}

/// The amount of a payment.
pub(crate) fn payment(request: &pb::RecordPaymentRequest) -> Result<Money, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    require_ref(&mut violations, "order_ref", &request.order_ref);
    require_ref(&mut violations, "customer_ref", &request.customer_ref);
    require_day(&mut violations, "payment_date", &request.payment_date);
    let amount = money(&mut violations, "amount", request.amount.as_ref());
    violations.require("amount", amount.is_none_or(|amount| amount.minor() > 0), "must be above 0");
    violations.check()?;
    amount.ok_or_else(|| single("amount", "is required"))
}

/// Movements: item code, location code, signed quantity.
pub(crate) fn movements(request: &pb::AdjustStockRequest) -> Result<Vec<(String, String, Quantity)>, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    require_day(&mut violations, "adjustment_date", &request.adjustment_date);
    violations.require("lines", !request.lines.is_empty(), "at least one movement is required");
    let mut movements = Vec::new();
    for (index, line) in request.lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        violations.require(&field("sku"), !line.sku.trim().is_empty(), "is required");
        violations.require(&field("location"), !line.location.trim().is_empty(), "is required");
        match line.quantity.parse::<Quantity>() {
            Ok(quantity) if !quantity.is_zero() => {
                movements.push((line.sku.trim().to_owned(), line.location.trim().to_owned(), quantity));
            }
            Ok(_) | Err(_) => violations.add(field("quantity"), "must be a decimal other than 0 with at most 6 places"),
        }
    }
    violations.check().map(|()| movements)
}

fn money(violations: &mut Violations, field: &str, given: Option<&types::Money>) -> Option<Money> {
    let Some(given) = given else {
        violations.add(field, "is required");
        return None;
    };
    let known = given.currency.parse::<Currency>().ok();
    violations.require(field, known.is_some(), "needs an ISO 4217 currency in upper case");
    known.map(|currency| Money::from_minor(given.minor_units, currency))
}

fn require_ref(violations: &mut Violations, field: &str, id: &str) {
    let fits = !id.is_empty() && id.len() <= 200 && id.chars().all(|letter| letter.is_ascii_graphic());
    violations.require(field, fits, "must be 1 to 200 visible ASCII characters");
}

fn require_day(violations: &mut Violations, field: &str, day: &str) {
    let fits = day.len() == 10 && day.parse::<Date>().is_ok();
    violations.require(field, fits, "must be a day, YYYY-MM-DD");
}

fn single(field: &str, what: &str) -> BadShape {
    let mut violations = Violations::default();
    violations.add(field, what);
    violations.into_shape()
}
