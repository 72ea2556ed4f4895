//! What a feeding brought: every vendor's books against the order book.

use std::time::Duration;

use retail_sandbox::orderbook::OrderBook;
use serde_json::Value;

use super::recalled::Recalled;
use crate::console;

/// Differences that are printed.
const SHOWN: usize = 20;

/// The comparison.
#[derive(Debug, Clone)]
pub struct Report {
    /// Orders of the book.
    pub orders: u64,
    /// Lines of the book.
    pub lines: u64,
    /// Value of the book.
    pub value: String,
    /// What the twins' books say.
    pub books: Value,
    recalled: Recalled,
    held: Vec<String>,
    told: Vec<String>,
    took: Duration,
}

/// How many milestones of a kind the CRM has.
pub(super) fn milestone(books: &Value, kind: &str) -> u64 {
    books.pointer(&format!("/salesforce/case_milestones/by_kind/{kind}")).and_then(Value::as_u64).unwrap_or(0)
}

impl Report {
    pub(super) fn new(book: &OrderBook, recalled: Recalled, books: Value, held: Value, took: Duration) -> Self {
        let sums = &book.report;
        let mut told = Vec::new();
        for line in &sums.rounded {
            told.push(format!("rounded: order {} {} {} to {}", line.name, line.sku, line.exact, line.sold));
        }
        for refused in &book.refused {
            told.push(format!("refused: {} {}", refused.name, refused.reason));
        }
        if recalled.returns > 0 {
            let (documents, lines) = (recalled.returns, sums.cancellation_lines);
            told.push(format!("returns: {lines} lines of {documents} cancellations, {} given back", recalled.value));
            told.extend(
                recalled.causes.iter().map(|(cause, lines)| format!("waits for a person: {lines} lines, {cause}")),
            );
        }
        let orders = held.get("orders").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |order: &Value, name: &str| order.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let cause = |order: &Value| {
            let hold = order.pointer("/holds/0/detail").and_then(Value::as_str).map(str::to_owned);
            hold.unwrap_or_else(|| text(order, "cause"))
        };
        Self {
            orders: sums.orders,
            lines: sums.lines,
            value: sums.value.clone(),
            books,
            recalled,
            held: orders.iter().map(|order| format!("{}: {}", text(order, "orderNumber"), cause(order))).collect(),
            told,
            took,
        }
    }

    /// A number of a vendor's book.
    fn number(&self, path: &str) -> u64 {
        self.books.pointer(path).and_then(Value::as_u64).unwrap_or(0)
    }

    fn text(&self, path: &str) -> String {
        let value = self.books.pointer(path);
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
    }

    /// Documents beyond one for each order, in any book.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        let books = [
            "sales_orders",
            "item_fulfillments",
            "customer_deposits",
            "customer_payments",
            "invoices",
            "return_authorizations",
            "item_receipts",
            "credit_memos",
            "customer_refunds",
        ];
        let erp: u64 = books.iter().map(|book| self.number(&format!("/netsuite/{book}/duplicates"))).sum();
        let crm = ["accounts", "contacts", "order_contexts", "case_milestones", "returns"];
        let crm: u64 = crm.iter().map(|book| self.number(&format!("/salesforce/{book}/duplicates"))).sum();
        let shop = ["fulfillments", "refunds"];
        let shop: u64 = shop.iter().map(|book| self.number(&format!("/shopify/{book}/duplicates"))).sum();
        erp.saturating_add(crm).saturating_add(shop)
    }

    /// Orders of the book that the ERP does not have.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.orders.saturating_sub(self.number("/netsuite/sales_orders/count"))
    }

    /// True when every book agrees with the order book.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.differences().is_empty()
    }

    /// Where a book says something else than the order book, a line each: one ERP document for every order, one ERP
    /// return, credit memo and refund for every earlier order that came back, each told to its case, nothing twice,
    /// and no order that waits for a person.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let (parts, paid) = (self.recalled.parts, self.recalled.paid_parts);
        let back = format!("{:.2}", self.recalled.value);
        let numbers = [
            ("/netsuite/sales_orders/count", self.orders),
            ("/netsuite/sales_orders/lines", self.lines),
            ("/netsuite/invoices/count", self.orders),
            ("/netsuite/return_authorizations/count", parts),
            ("/netsuite/credit_memos/count", parts),
            ("/netsuite/customer_refunds/count", paid),
            ("/netsuite/unbalanced_orders", 0),
            ("/shopify/refunds/count", paid),
            ("/salesforce/order_contexts/count", self.orders),
            ("/salesforce/returns/count", self.recalled.returns),
            ("/salesforce/case_milestones/by_kind/RETURN_CREDITED", parts),
            ("/salesforce/case_milestones/by_kind/RETURN_REQUESTED", self.recalled.returns),
            ("/salesforce/case_milestones/by_kind/RETURN_REFUNDED", paid),
            ("/salesforce/case_milestones/by_kind/RETURN_COMPLETED", self.recalled.completed),
        ];
        let values = [
            ("/netsuite/sales_orders/value", &self.value),
            ("/netsuite/invoices/value", &self.value),
            ("/netsuite/credit_memos/value", &back),
            ("/netsuite/customer_refunds/value", &back),
            ("/shopify/refunds/value", &back),
        ];
        let numbers = numbers.map(|(path, expected)| (path, self.number(path).to_string(), expected.to_string()));
        let values = values.map(|(path, expected)| (path, self.text(path), expected.clone()));
        let unlike = numbers.into_iter().chain(values).filter(|(_, found, expected)| found != expected);
        let mut all: Vec<String> =
            unlike.map(|(path, found, expected)| format!("{path} is {found}, not {expected}")).collect();
        all.extend(self.recalled.differences.iter().cloned());
        all.extend(self.held.iter().map(|order| format!("order {order} waits for a person")));
        if self.duplicates() > 0 {
            all.push(format!("{} documents are there twice", self.duplicates()));
        }
        all
    }

    /// The one line of `make day`.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "day: orders {} lines {} value {} expected {} returns {} credited {} refunded {} duplicates {} lost {}",
            self.number("/netsuite/sales_orders/count"),
            self.number("/netsuite/sales_orders/lines"),
            self.text("/netsuite/sales_orders/value"),
            self.value,
            self.recalled.returns,
            self.text("/netsuite/credit_memos/value"),
            self.text("/shopify/refunds/value"),
            self.duplicates(),
            self.lost()
        )
    }

    /// Prints the summary.
    pub fn tell(&self) {
        for line in &self.told {
            console::say(line);
        }
        for difference in self.differences().iter().take(SHOWN) {
            console::say(&format!("differs: {difference}"));
        }
        let row = |who: &str, what: &str, path: &str| {
            let of = |name: &str| self.text(&format!("{path}/{name}"));
            vec![who.to_owned(), what.to_owned(), of("count"), of("lines"), of("value"), of("duplicates")]
        };
        console::table(
            &["books of", "document", "count", "lines", "value", "duplicates"],
            vec![
                row("shop", "orders", "/shopify/orders"),
                row("shop", "fulfilments", "/shopify/fulfillments"),
                row("ERP", "sales orders", "/netsuite/sales_orders"),
                row("ERP", "fulfilments", "/netsuite/item_fulfillments"),
                row("ERP", "deposits", "/netsuite/customer_deposits"),
                row("ERP", "invoices", "/netsuite/invoices"),
                row("ERP", "adjustments", "/netsuite/inventory_adjustments"),
                row("ERP", "returns", "/netsuite/return_authorizations"),
                row("ERP", "receipts", "/netsuite/item_receipts"),
                row("ERP", "credit memos", "/netsuite/credit_memos"),
                row("ERP", "refunds", "/netsuite/customer_refunds"),
                row("shop", "refunds", "/shopify/refunds"),
                row("CRM", "order contexts", "/salesforce/order_contexts"),
                row("CRM", "returns", "/salesforce/returns"),
                row("CRM", "cases", "/salesforce/cases"),
                row("CRM", "case milestones", "/salesforce/case_milestones"),
                row("CRM", "accounts", "/salesforce/accounts"),
            ],
        );
        if let Some(Value::Object(kinds)) = self.books.pointer("/salesforce/case_milestones/by_kind") {
            let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            console::say(&format!("milestones: {}", kinds.join(", ")));
        }
        let webhooks = |name: &str| self.number(&format!("/shopify/webhooks/{name}"));
        console::say(&format!(
            "webhooks: {} sent, {} acknowledged, {} duplicated, {} reordered, {} retried",
            webhooks("sent"),
            webhooks("acknowledged"),
            webhooks("duplicated"),
            webhooks("reordered"),
            webhooks("retried")
        ));
        console::say(&format!("took {:.1?}", self.took));
    }
}
