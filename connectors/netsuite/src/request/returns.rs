//! Requests about returns, checked.

use std::collections::BTreeSet;

use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_proto::{Money, Quantity};
use retail_runtime::fault::{BadShape, Violations};

use super::{money, require_day, require_ref, single};

/// A line that comes back or is credited.
#[derive(Debug, Clone)]
pub(crate) struct BackLine {
    pub(crate) number: i32,
    pub(crate) quantity: Quantity,
    pub(crate) amount: Money,
    /// Location code; none for charges and for credits.
    pub(crate) location: Option<String>,
}

/// A return as asked for.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) input: pb::ReturnInput,
    pub(crate) sales_order: i64,
    pub(crate) lines: Vec<BackLine>,
    pub(crate) total: Money,
}

/// A line of a receipt.
#[derive(Debug, Clone)]
pub(crate) struct TakenLine {
    pub(crate) number: i32,
    pub(crate) quantity: Quantity,
    pub(crate) restock: bool,
    /// Location code; none takes the location of the return's line.
    pub(crate) location: Option<String>,
}

/// A credit memo as asked for.
#[derive(Debug, Clone)]
pub(crate) struct Credit {
    pub(crate) lines: Vec<BackLine>,
    pub(crate) total: Money,
    /// Internal id of the invoice that takes the memo, and how much of it.
    pub(crate) applied: Option<(i64, Money)>,
}

/// What a refund is paid out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    CreditMemo(i64),
    Deposit(i64),
}

/// A refund as asked for.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) source: Source,
    pub(crate) amount: Money,
}

/// A return whose lines and sales order make sense.
pub(crate) fn authorization(input: Option<pb::ReturnInput>, instance: &str) -> Result<Authorization, BadShape> {
    let mut violations = Violations::default();
    let input = input.unwrap_or_default();
    require_ref(&mut violations, "input.external_ref", &input.external_ref);
    violations.require("input.rma_number", !input.rma_number.trim().is_empty(), "is required");
    require_day(&mut violations, "input.return_date", &input.return_date);
    let sales_order =
        document(&mut violations, "input.sales_order", input.sales_order.as_ref(), instance, &["salesOrder"]);
    let mut lines = Lines::default();
    for (index, line) in input.lines.iter().enumerate() {
        let at = format!("input.lines[{index}]");
        let located = line.is_charge || !line.location.trim().is_empty();
        let where_to = "is required for goods; leave it empty for charges only";
        violations.require(&format!("{at}.location"), located, where_to);
        let location = (!line.is_charge).then(|| line.location.trim().to_owned());
        lines.take(&mut violations, &at, (line.line_number, &line.quantity), line.amount.as_ref(), location);
    }
    let total = lines.total(&mut violations, "input.lines", input.lines.len());
    violations.check()?;
    let total = total.ok_or_else(|| single("input.lines", "at least one line is required"))?;
    let (_, sales_order) = sales_order.ok_or_else(|| single("input.sales_order", "is required"))?;
    Ok(Authorization { sales_order, lines: lines.lines, total, input })
}

/// The lines of a receipt.
pub(crate) fn receipt(request: &pb::PostReceiptRequest) -> Result<Vec<TakenLine>, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    require_ref(&mut violations, "return_ref", &request.return_ref);
    require_day(&mut violations, "receipt_date", &request.receipt_date);
    violations.require("lines", !request.lines.is_empty(), "at least one line is required");
    let (mut lines, mut numbers) = (Vec::new(), BTreeSet::new());
    for (index, line) in request.lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        let fresh = line.line_number > 0 && numbers.insert(line.line_number);
        let once = "must be above 0 and named once: post goods that are not restocked as a receipt of their own";
        violations.require(&field("line_number"), fresh, once);
        let quantity = line.quantity.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive());
        violations.require(&field("quantity"), quantity.is_some(), "must be a decimal above 0 with at most 6 places");
        let location = Some(line.location.trim()).filter(|code| !code.is_empty()).map(str::to_owned);
        lines.extend(quantity.map(|quantity| TakenLine {
            number: line.line_number,
            quantity,
            restock: line.restock,
            location,
        }));
    }
    violations.check().map(|()| lines)
}

/// A credit memo whose total is the sum of its lines.
pub(crate) fn credit(request: &pb::CreateCreditMemoRequest, instance: &str) -> Result<Credit, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    require_ref(&mut violations, "return_ref", &request.return_ref);
    require_day(&mut violations, "credit_date", &request.credit_date);
    let invoice = request.apply_to.as_ref();
    let invoice = invoice.and_then(|given| document(&mut violations, "apply_to", Some(given), instance, &["invoice"]));
    let mut lines = Lines::default();
    for (index, line) in request.lines.iter().enumerate() {
        let asked = (line.line_number, line.quantity.as_str());
        lines.take(&mut violations, &format!("lines[{index}]"), asked, line.amount.as_ref(), None);
    }
    let sum = lines.total(&mut violations, "lines", request.lines.len());
    let total = money(&mut violations, "total", request.total.as_ref());
    if let (Some(sum), Some(total)) = (sum, total) {
        violations.require("total", sum == total, "must be the sum of the lines' amounts");
    }
    let share = request.apply_amount.as_ref().and_then(|given| money(&mut violations, "apply_amount", Some(given)));
    if let (Some(share), Some(total)) = (share, total) {
        let fits = share.currency() == total.currency() && share.minor() > 0 && share.minor() <= total.minor();
        violations.require("apply_amount", fits, "must be above 0, at most the total and in its currency");
        violations.require("apply_amount", request.apply_to.is_some(), "needs an invoice in apply_to");
    }
    violations.check()?;
    let total = total.ok_or_else(|| single("total", "is required"))?;
    let applied = invoice.map(|(_, id)| (id, share.unwrap_or(total)));
    Ok(Credit { lines: lines.lines, total, applied })
}

/// A refund with what it is paid out of.
pub(crate) fn refund(request: &pb::RecordRefundRequest, instance: &str) -> Result<Refund, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    require_ref(&mut violations, "customer_ref", &request.customer_ref);
    require_day(&mut violations, "refund_date", &request.refund_date);
    let kinds = ["creditMemo", "customerDeposit"];
    let source = document(&mut violations, "apply_to", request.apply_to.as_ref(), instance, &kinds);
    let amount = money(&mut violations, "amount", request.amount.as_ref());
    violations.require("amount", amount.is_none_or(|amount| amount.minor() > 0), "must be above 0");
    violations.check()?;
    let amount = amount.ok_or_else(|| single("amount", "is required"))?;
    let (kind, id) = source.ok_or_else(|| single("apply_to", "is required"))?;
    let source = if kind == "creditMemo" { Source::CreditMemo(id) } else { Source::Deposit(id) };
    Ok(Refund { source, amount })
}

/// Lines as they are read, each named once.
#[derive(Default)]
struct Lines {
    lines: Vec<BackLine>,
    numbers: BTreeSet<i32>,
}

impl Lines {
    fn take(
        &mut self,
        violations: &mut Violations,
        at: &str,
        (number, quantity): (i32, &str),
        amount: Option<&retail_proto::types::v1::Money>,
        location: Option<String>,
    ) {
        let fresh = number > 0 && self.numbers.insert(number);
        violations.require(&format!("{at}.line_number"), fresh, "must be above 0 and named once");
        let quantity = quantity.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive());
        let decimal = "must be a decimal above 0 with at most 6 places";
        violations.require(&format!("{at}.quantity"), quantity.is_some(), decimal);
        let amount = money(violations, &format!("{at}.amount"), amount);
        let paid = amount.is_none_or(|amount| !amount.is_negative());
        violations.require(&format!("{at}.amount"), paid, "must not be negative");
        if let (Some(quantity), Some(amount)) = (quantity, amount) {
            self.lines.push(BackLine { number, quantity, amount, location });
        }
    }

    /// The sum of all lines; none when a line could not be read.
    fn total(&self, violations: &mut Violations, field: &str, asked: usize) -> Option<Money> {
        violations.require(field, asked > 0, "at least one line is required");
        let first = self.lines.first().filter(|_| self.lines.len() == asked)?;
        let zero = Money::zero(first.amount.currency());
        let sum = self.lines.iter().try_fold(zero, |sum, line| sum.plus(line.amount)).ok();
        violations.require(field, sum.is_some(), "must all be in one currency");
        sum
    }
}

/// A document of this ERP: its type and internal id.
fn document<'a>(
    violations: &mut Violations,
    field: &str,
    given: Option<&'a Ref>,
    instance: &str,
    kinds: &[&str],
) -> Option<(&'a str, i64)> {
    let Some(given) = given else {
        violations.add(field, "is required");
        return None;
    };
    let ours = given.instance == instance && kinds.contains(&given.r#type.as_str());
    let id = given.id.parse::<i64>().ok().filter(|id| *id > 0 && ours);
    let what = format!("must be a {} of {instance:?} as this connector names it", kinds.join(" or "));
    violations.require(field, id.is_some(), &what);
    id.map(|id| (given.r#type.as_str(), id))
}
