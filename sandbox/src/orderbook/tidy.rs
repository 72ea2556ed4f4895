//! From rows to documents: what is an order, what is none, and what the items are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rust_decimal::{Decimal, RoundingStrategy};

use super::charges::is_charge;
use super::reading::Row;
use super::{Error, LOCATION, Line, Order, OrderBook, Refused, Report, Rounded, WriteOff};
use crate::seed::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};

/// What is known of an item.
#[derive(Default)]
struct Item {
    spellings: BTreeSet<String>,
    descriptions: BTreeSet<String>,
    description: String,
    price: Option<Decimal>,
    needed: i64,
}

/// The rows of one invoice.
#[derive(Default)]
struct Document {
    rows: Vec<Row>,
}

/// What the orders are worth, exactly and as sold.
#[derive(Default)]
struct Sums {
    exact: Decimal,
    sold: Decimal,
}

/// Makes the book of the rows.
pub(super) fn tidy(rows: impl Iterator<Item = Result<Row, Error>>) -> Result<OrderBook, Error> {
    let (mut numbers, mut documents): (Vec<String>, HashMap<String, Document>) = (Vec::new(), HashMap::new());
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut report = Report::default();
    let mut countries: HashMap<String, HashSet<String>> = HashMap::new();
    for row in rows {
        let row = row?;
        report.rows = report.rows.saturating_add(1);
        report.without_description = report.without_description.saturating_add(u64::from(row.description.is_empty()));
        if let Some(customer) = &row.customer {
            countries.entry(customer.clone()).or_default().insert(row.country.clone());
        }
        learn(items.entry(row.code.to_uppercase()).or_default(), &row);
        if !documents.contains_key(&row.invoice) {
            numbers.push(row.invoice.clone());
        }
        documents.entry(row.invoice.clone()).or_default().rows.push(row);
    }
    report.customers = count(countries.len());
    report.two_countries = count(countries.values().filter(|seen| seen.len() > 1).count());
    report.case_variants = count(items.values().filter(|item| item.spellings.len() > 1).count());
    report.descriptions_differ = count(items.values().filter(|item| item.descriptions.len() > 1).count());
    let mut book = OrderBook { report, ..OrderBook::default() };
    let mut sums = Sums::default();
    for number in numbers {
        if let Some(document) = documents.remove(&number) {
            sort(&mut book, &mut sums, &items, &number, document.rows);
        }
    }
    for line in book.orders.iter().flat_map(|order| &order.lines) {
        if let Some(item) = items.get_mut(&line.sku) {
            item.needed = item.needed.saturating_add(line.quantity);
        }
        if line.kind == ItemKind::Goods {
            book.report.units = book.report.units.saturating_add(line.quantity);
        }
    }
    // What was written off must have been there.
    for lost in &book.write_offs {
        if let Some(item) = items.get_mut(&lost.sku) {
            item.needed = item.needed.saturating_sub(lost.quantity);
        }
    }
    book.report.exact_value = sums.exact.normalize().to_string();
    book.report.value = format!("{:.2}", sums.sold);
    book.seed = seed(items);
    Ok(book)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The first description that is one, the first price that is one.
fn learn(item: &mut Item, row: &Row) {
    item.spellings.insert(row.code.clone());
    if !row.description.is_empty() {
        item.descriptions.insert(row.description.clone());
        if item.description.is_empty() {
            item.description.clone_from(&row.description);
        }
    }
    if row.price > Decimal::ZERO {
        item.price.get_or_insert(row.price);
    }
}

/// Puts one invoice where it belongs.
fn sort(book: &mut OrderBook, sums: &mut Sums, items: &BTreeMap<String, Item>, number: &str, rows: Vec<Row>) {
    let name = format!("#{number}");
    let first = rows.first().map_or(0, |row| row.at);
    let mut refuse = |row: u64, reason: &str| {
        book.refused.push(Refused { name: name.clone(), row, reason: reason.to_owned() });
    };
    if number.starts_with('A') {
        return refuse(first, "bad debt: an entry of the ledger, not of the shop");
    }
    if number.starts_with('C') {
        let lines = count(rows.len());
        if let Some(order) = document(&name, items, &rows, &mut book.report) {
            book.report.cancellations = book.report.cancellations.saturating_add(1);
            book.report.cancellation_lines = book.report.cancellation_lines.saturating_add(lines);
            book.cancellations.push(order);
        }
        return;
    }
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse(first, "the invoice number has an unknown letter");
    }
    let mut sold = Vec::new();
    for row in rows {
        if row.quantity < 0 {
            let note = row.description.clone();
            let sku = row.code.to_uppercase();
            book.write_offs.push(WriteOff { name: name.clone(), at: row.placed_at, sku, quantity: row.quantity, note });
        } else if row.quantity == 0 {
            refuse(row.at, "a quantity of nothing");
        } else if row.price < Decimal::ZERO {
            refuse(row.at, "a negative price outside cancellations");
        } else {
            sold.push(row);
        }
    }
    if let Some(order) = document(&name, items, &sold, &mut book.report) {
        add_up(&mut book.report, sums, &order, &sold);
        book.orders.push(order);
    }
}

/// Rows as one document; none without rows.
fn document(name: &str, items: &BTreeMap<String, Item>, rows: &[Row], report: &mut Report) -> Option<Order> {
    let placed_at = rows.iter().map(|row| row.placed_at).min()?;
    let minutes: HashSet<_> = rows.iter().map(|row| row.placed_at).collect();
    report.two_minutes = report.two_minutes.saturating_add(u64::from(minutes.len() > 1));
    let mut seen = HashSet::new();
    let lines = rows
        .iter()
        .map(|row| {
            let sku = row.code.to_uppercase();
            let repeated = !seen.insert((sku.clone(), row.quantity, row.price, row.placed_at, row.description.clone()));
            report.repeated_lines = report.repeated_lines.saturating_add(u64::from(repeated));
            let known = items.get(&sku).map(|item| item.description.as_str()).filter(|text| !text.is_empty());
            let title = known.unwrap_or(&sku).to_owned();
            let kind = if is_charge(&sku) { ItemKind::Charge } else { ItemKind::Goods };
            Line { title, quantity: row.quantity, price: row.price.normalize().to_string(), kind, sku }
        })
        .collect();
    Some(Order {
        name: name.to_owned(),
        placed_at,
        customer: rows.iter().find_map(|row| row.customer.clone()),
        country: rows.first().map(|row| row.country.clone()).unwrap_or_default(),
        lines,
    })
}

fn add_up(report: &mut Report, sums: &mut Sums, order: &Order, rows: &[Row]) {
    report.orders = report.orders.saturating_add(1);
    report.lines = report.lines.saturating_add(count(order.lines.len()));
    report.guest_orders = report.guest_orders.saturating_add(u64::from(order.customer.is_none()));
    for (line, row) in order.lines.iter().zip(rows) {
        let price = row.price.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
        let quantity = Decimal::from(row.quantity);
        let (exact, sold) = (row.price.saturating_mul(quantity), price.saturating_mul(quantity));
        sums.exact = sums.exact.saturating_add(exact);
        sums.sold = sums.sold.saturating_add(sold);
        if exact != sold {
            report.rounded.push(Rounded { name: order.name.clone(), sku: line.sku.clone(), exact, sold });
        }
    }
}

fn seed(items: BTreeMap<String, Item>) -> Seed {
    let mut seed = Seed {
        currency: "GBP".to_owned(),
        locations: vec![SeedLocation { code: LOCATION.to_owned(), name: "Main warehouse".to_owned() }],
        ..Seed::default()
    };
    for (sku, item) in items {
        let kind = if is_charge(&sku) { ItemKind::Charge } else { ItemKind::Goods };
        if kind == ItemKind::Goods {
            seed.stock.push(SeedStock { sku: sku.clone(), location: LOCATION.to_owned(), quantity: item.needed });
        }
        let price = item.price.unwrap_or_default().round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
        seed.items.push(SeedItem { sku, description: item.description, kind, price: price.to_string() });
    }
    seed
}
