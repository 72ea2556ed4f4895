//! What a feeding brought: every vendor's books against the order book.

use std::time::Duration;

use retail_sandbox::orderbook::OrderBook;
use serde_json::Value;

use crate::console;

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
    held: Vec<String>,
    told: Vec<String>,
    took: Duration,
}

impl Report {
    pub(super) fn new(book: &OrderBook, books: Value, held: Value, took: Duration) -> Self {
        let sums = &book.report;
        let mut told = Vec::new();
        for line in &sums.rounded {
            told.push(format!("rounded: order {} {} {} to {}", line.name, line.sku, line.exact, line.sold));
        }
        for refused in &book.refused {
            told.push(format!("refused: {} {}", refused.name, refused.reason));
        }
        if sums.cancellation_lines > 0 {
            let (lines, documents) = (sums.cancellation_lines, book.cancellations.len());
            told.push(format!("held for returns: {lines} lines of {documents} cancellations"));
            let named = book.cancellations.iter().take(10);
            told.extend(named.map(|one| format!("held for returns: {} with {} lines", one.name, one.lines.len())));
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
        let books = ["sales_orders", "item_fulfillments", "customer_deposits", "customer_payments", "invoices"];
        let erp: u64 = books.iter().map(|book| self.number(&format!("/netsuite/{book}/duplicates"))).sum();
        let crm = ["accounts", "contacts", "order_contexts"];
        let crm: u64 = crm.iter().map(|book| self.number(&format!("/salesforce/{book}/duplicates"))).sum();
        erp.saturating_add(crm).saturating_add(self.number("/shopify/fulfillments/duplicates"))
    }

    /// Orders of the book that the ERP does not have.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.orders.saturating_sub(self.number("/netsuite/sales_orders/count"))
    }

    /// True when every book agrees with the order book.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.number("/netsuite/sales_orders/count") == self.orders
            && self.number("/netsuite/sales_orders/lines") == self.lines
            && self.text("/netsuite/sales_orders/value") == self.value
            && self.number("/netsuite/invoices/count") == self.orders
            && self.text("/netsuite/invoices/value") == self.value
            && self.number("/salesforce/order_contexts/count") == self.orders
            && self.duplicates() == 0
            && self.held.is_empty()
    }

    /// The one line of `make day`.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "day: orders {} lines {} value {} expected {} duplicates {} lost {}",
            self.number("/netsuite/sales_orders/count"),
            self.number("/netsuite/sales_orders/lines"),
            self.text("/netsuite/sales_orders/value"),
            self.value,
            self.duplicates(),
            self.lost()
        )
    }

    /// Prints the summary.
    pub fn tell(&self) {
        for line in &self.told {
            console::say(line);
        }
        for order in &self.held {
            console::say(&format!("waits for a person: {order}"));
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
                row("CRM", "order contexts", "/salesforce/order_contexts"),
                row("CRM", "accounts", "/salesforce/accounts"),
            ],
        );
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
