//! Canonical returns to the records of either model. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use retail_proto::crm::v1 as pb;
use retail_proto::{Money, Quantity};
use retail_runtime::fault::{BadShape, Violations};
use serde_json::Number;

use super::{BETWEEN, Cutter, key, moment, number};
use crate::map::service::record_id;
use crate::model::Model;
use crate::wire::Key;
use crate::wire::service::{Attributes, ReturnHead, ReturnLine, ReturnLinks, ReturnWhat};

/// Lines of one return: four collections of 200 fit into a composite beside a query (document, 5.1 and 5.3).
pub(crate) const MOST_LINES: usize = 800;
/// The status a return order begins in: of the Activated category, which Order Management wants from the start.
const BEGINS: &str = "Submitted";

/// A return whose shape is sound.
#[derive(Debug)]
pub(crate) struct Return {
    pub(crate) key: String,
    pub(crate) customer: Option<String>,
    /// The first of its orders.
    pub(crate) order: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) version: u64,
    pub(crate) lines: Vec<Line>,
    pub(crate) warnings: Vec<String>,
    columns: Columns,
}

#[derive(Debug)]
struct Columns {
    order_refs: Option<String>,
    rma_number: Option<String>,
    status: String,
    next: Option<String>,
    cause: Option<String>,
    credited: Option<Money>,
    refunded: Option<Money>,
    credit_memo_numbers: Option<String>,
    requested_at: String,
}

/// A line whose shape is sound.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) key: String,
    number: i32,
    pub(crate) sku: String,
    requested: Number,
    received: Number,
    reason: Option<String>,
    cause: Option<String>,
}

/// What the org has around a return; ids of its records.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) account: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) order: Option<String>,
    pub(crate) case: Option<String>,
    /// The return itself is there.
    pub(crate) known: bool,
    /// Keys of its lines that are there.
    pub(crate) lines: BTreeSet<String>,
    /// Products by code, in the model that wants them.
    pub(crate) products: BTreeMap<String, String>,
}

/// Checks a return.
pub(crate) fn sound(context: Option<pb::ReturnContext>) -> Result<Return, BadShape> {
    let mut wrong = Violations::default();
    let Some(context) = context else {
        wrong.add("context", "is missing");
        return Err(wrong.into_shape());
    };
    key(&mut wrong, "context.external_ref", &context.external_ref);
    wrong.require("context.status", !context.status.trim().is_empty(), "is missing");
    wrong.require("context.version", context.version > 0, "is missing; versions begin at 1");
    if !context.customer_ref.is_empty() {
        key(&mut wrong, "context.customer_ref", &context.customer_ref);
    }
    for (at, order) in context.order_refs.iter().enumerate() {
        key(&mut wrong, &format!("context.order_refs[{at}]"), order);
    }
    let case = context.case_record.map(|record| record.id).filter(|id| !id.is_empty());
    if let Some(case) = &case {
        record_id(&mut wrong, "context.case_record.id", case);
    }
    let credited = amount(&mut wrong, "context.credited", context.credited.as_ref());
    let refunded = amount(&mut wrong, "context.refunded", context.refunded.as_ref());
    if let (Some(credited), Some(refunded)) = (credited, refunded) {
        let same = credited.currency() == refunded.currency();
        wrong.require("context.refunded", same, "must be of the currency of context.credited");
    }
    let requested_at = moment(context.requested_at);
    wrong.require("context.requested_at", requested_at.is_some(), "is missing or out of range");
    let most = context.lines.len() <= MOST_LINES;
    wrong.require("context.lines", most, &format!("must be at most {MOST_LINES}"));
    let mut cut = Cutter::default();
    let lines = lines(&mut wrong, &mut cut, &context.external_ref, &context.lines);
    wrong.check()?;
    let columns = Columns {
        order_refs: cut.optional("Order_Mesh_Ids__c", 4_000, &context.order_refs.join(BETWEEN)),
        rma_number: cut.optional("Rma_Number__c", 64, &context.rma_number),
        status: cut.required("Status__c", 120, &context.status),
        next: cut.optional("Next__c", 255, &context.next),
        cause: cut.optional("Cause__c", 255, &context.cause),
        credited,
        refunded,
        credit_memo_numbers: cut.optional("Credit_Memo_Numbers__c", 4_000, &context.credit_memo_numbers.join(BETWEEN)),
        requested_at: requested_at.unwrap_or_default(),
    };
    Ok(Return {
        key: context.external_ref,
        customer: Some(context.customer_ref).filter(|customer| !customer.is_empty()),
        order: context.order_refs.into_iter().next(),
        case,
        version: context.version,
        lines,
        warnings: cut.warnings,
        columns,
    })
}

fn amount(wrong: &mut Violations, field: &str, money: Option<&retail_proto::types::v1::Money>) -> Option<Money> {
    let read = money.map(Money::try_from)?;
    wrong.require(field, read.is_ok(), "is of no known currency");
    read.ok()
}

fn lines(wrong: &mut Violations, cut: &mut Cutter, key: &str, given: &[pb::ReturnContextLine]) -> Vec<Line> {
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    for (at, line) in given.iter().enumerate() {
        let field = |name: &str| format!("context.lines[{at}].{name}");
        wrong.require(&field("number"), line.number > 0, "must be 1 or more");
        wrong.require(&field("number"), seen.insert(line.number), "is the number of another line as well");
        wrong.require(&field("sku"), !line.sku.trim().is_empty(), "is missing");
        let mut quantity = |name: &str, text: &str| {
            let read = if text.is_empty() { Ok(Quantity::default()) } else { Quantity::from_str(text) };
            wrong.require(&field(name), read.is_ok(), "is no decimal number");
            number(read.unwrap_or_default().to_decimal())
        };
        let (requested, received) = (quantity("requested", &line.requested), quantity("received", &line.received));
        lines.push(Line {
            key: format!("{key}:{}", line.number),
            number: line.number,
            sku: cut.required("Sku__c", 80, &line.sku),
            requested,
            received,
            reason: cut.optional("Reason__c", 255, &line.reason),
            cause: cut.optional("Cause__c", 255, &line.cause),
        });
    }
    lines
}

impl Return {
    /// The record of the return itself.
    pub(crate) fn head(&self, model: Model, around: &Around) -> ReturnHead {
        let (account, contact, case) = (around.account.clone(), around.contact.clone(), around.case.clone());
        let columns = &self.columns;
        let amount = |money: &Option<Money>| money.as_ref().map(|money| number(money.to_decimal()));
        let currency = columns.credited.as_ref().or(columns.refunded.as_ref());
        ReturnHead {
            links: match model {
                Model::Custom => ReturnLinks::Custom { account, contact, case },
                Model::Standard => {
                    let status = (!around.known).then_some(BEGINS);
                    ReturnLinks::Standard { account, contact, case, status }
                }
            },
            order: around.order.clone(),
            order_refs: columns.order_refs.clone(),
            rma_number: columns.rma_number.clone(),
            status: columns.status.clone(),
            next: columns.next.clone(),
            cause: columns.cause.clone(),
            credited: amount(&columns.credited),
            refunded: amount(&columns.refunded),
            currency: currency.map(|money| money.currency().code().to_owned()),
            credit_memo_numbers: columns.credit_memo_numbers.clone(),
            requested_at: columns.requested_at.clone(),
            line_count: self.lines.len(),
            mesh_version: self.version,
        }
    }

    /// The records of its lines, and what is to be said of those the org cannot hold.
    pub(crate) fn records(&self, model: Model, around: &Around) -> (Vec<ReturnLine>, Vec<String>) {
        let (mut records, mut warnings) = (Vec::new(), Vec::new());
        for line in &self.lines {
            let known = around.lines.contains(&line.key);
            let master = (!known).then(|| Key { mesh_id: Some(self.key.clone()) });
            let (requested, received) = (line.requested.clone(), line.received.clone());
            let what = match model {
                Model::Custom => ReturnWhat::Custom { master, requested, received },
                Model::Standard => {
                    let product = around.products.get(&line.sku).cloned();
                    // A line of a return order names an asset, a product or an order's line (document, 13.6).
                    if product.is_none() && !known {
                        warnings.push(format!("line {} is left out: the org has no product {}", line.number, line.sku));
                        continue;
                    }
                    ReturnWhat::Standard { master, product, requested, received }
                }
            };
            records.push(ReturnLine {
                attributes: Attributes { r#type: model.line() },
                mesh_id: line.key.clone(),
                mesh_version: self.version,
                number: line.number,
                sku: line.sku.clone(),
                reason: line.reason.clone(),
                cause: line.cause.clone(),
                what,
            });
        }
        (records, warnings)
    }

    /// What is to be said of links that stay empty. A missing contact below an account is none: companies have none.
    pub(crate) fn unlinked(&self, around: &Around) -> Vec<String> {
        let missing = |wanted: &Option<String>, found: &Option<String>, what: &str| {
            let wanted = wanted.as_ref().filter(|_| found.is_none())?;
            Some(format!("not linked: the org has no {what} {wanted}"))
        };
        let links = [
            missing(&self.customer, &around.account, "customer"),
            missing(&self.order, &around.order, "order context"),
            missing(&self.case, &around.case, "case"),
        ];
        links.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
