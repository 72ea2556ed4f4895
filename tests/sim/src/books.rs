//! What must hold when all has come to rest: the mesh against what people were told, and against the vendors' own books.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::notes::{Book, Heard};
use crate::people::{IN_THE_STORE, ITEMS, KIT, MEMBERS};
use crate::sourcing::IN_THE_YARD;
use crate::watch::Watch;
use crate::web::{self, Paid};

/// What every owner says at the end.
#[derive(Debug)]
pub(crate) struct Findings {
    /// The vendors' books.
    pub(crate) books: Value,
    /// Every order of the mesh.
    pub(crate) orders: Vec<Value>,
    /// Every return of the mesh.
    pub(crate) returns: Vec<Value>,
    /// Stock by item.
    pub(crate) stock: Vec<Value>,
    /// Every payment of the web shop.
    pub(crate) paid: Vec<Paid>,
    /// What waits for a person.
    pub(crate) parked: Vec<String>,
    /// Messages that do.
    pub(crate) untold: Vec<String>,
    /// Pieces lost between two places.
    pub(crate) lost: i64,
}

/// Causes that only a defect of ours has.
const DEFECTS: [&str; 6] =
    ["RULE_PANICKED", "STEP_PANICKED", "HANDLER_PANICKED", "NO_READ_BACK", "EVENT_", "STORE_CORRUPT"];

pub(crate) fn compare(found: &Findings, book: &Book, watch: &Watch) {
    duplicates(&found.books, "", watch);
    exists(found, book, watch);
    rests(found, watch);
    balances(found, book, watch);
    web::agrees(&found.paid, &found.books, &found.orders, !found.parked.is_empty(), watch);
    web::hears_what_came_back(&found.books, &found.orders, &found.returns, watch);
    for parked in found.parked.iter().chain(&found.untold) {
        watch.count("waiting_for_people");
        watch.trace().line("END", &format!("waits for a person: {parked}"));
    }
}

/// `effects_once`: no document of any vendor is there twice.
fn duplicates(books: &Value, path: &str, watch: &Watch) {
    let Some(fields) = books.as_object() else { return };
    for (name, value) in fields {
        let here = format!("{path}/{name}");
        if name == "duplicates" && value.as_i64() != Some(0) {
            watch.violated("effects_once", format!("{here} is {value}"));
        }
        duplicates(value, &here, watch);
    }
}

/// `acked_exist`: what was acknowledged is there once, what was refused is not, and nothing came from nowhere.
fn exists(found: &Findings, book: &Book, watch: &Watch) {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for order in &found.orders {
        let number = order["orderNumber"].as_str().unwrap_or_default();
        *numbers.entry(number).or_default() += 1;
    }
    let expect = |number: &str, least: usize, most: usize, why: &str| {
        let there = numbers.get(number).copied().unwrap_or(0);
        if there < least || there > most {
            watch.violated("acked_exist", format!("order {number} ({why}) is there {there} times"));
        }
    };
    for name in &book.sold {
        expect(name, 1, 1, "sold by the shop");
    }
    for (number, heard) in &book.ordered {
        match heard {
            Heard::Done(_) => expect(number, 1, 1, "acknowledged"),
            Heard::Refused(why) => expect(number, 0, 0, &format!("refused: {why}")),
            Heard::Nothing => expect(number, 0, 1, "never answered"),
        }
    }
    for number in numbers.keys() {
        if !book.sold.iter().any(|name| name == number) && !book.ordered.contains_key(*number) {
            watch.violated("acked_exist", format!("nobody ever asked for order {number}"));
        }
    }
    for (reference, heard) in &book.returned {
        let same = |one: &&Value| one["sourceReturnId"] == **reference && one["source"] == "service-desk";
        let there = found.returns.iter().filter(same).count();
        let fits = match heard {
            Heard::Done(_) => there == 1,
            Heard::Refused(_) => there == 0,
            Heard::Nothing => there <= 1,
        };
        if !fits {
            watch.violated("acked_exist", format!("return {reference} ({heard:?}) is there {there} times"));
        }
    }
}

/// `every_saga_ends`: completed, undone, or with a person; never for a reason that only a defect has.
fn rests(found: &Findings, watch: &Watch) {
    for parked in found.parked.iter().chain(&found.untold) {
        if DEFECTS.iter().any(|cause| parked.contains(cause)) {
            watch.violated("every_saga_ends", format!("parked by a defect: {parked}"));
        }
    }
    let order_ends = ["COMPLETED", "CANCELLED", "REFUSED", "HELD"];
    let return_ends = ["COMPLETED", "CANCELLED", "REFUSED", "HELD"];
    for (kind, ends, all) in [("order", order_ends, &found.orders), ("return", return_ends, &found.returns)] {
        for one in all {
            let state = one["state"].as_str().unwrap_or_default();
            // What a place does not have is shipped when it is there again.
            let lacks = |line: &Value| {
                let place = if line["location"] == "" { &json!("MAIN") } else { &line["location"] };
                let there = |sku: &str, wanted: i64| {
                    let of_it = |row: &&Value| row["sku"] == *sku && row["location"] == *place;
                    let short = |row: &Value| pieces(&row["available"]).is_some_and(|pieces| pieces < wanted);
                    !found.stock.iter().filter(of_it).any(short)
                };
                if line["sku"] == KIT.0 {
                    !MEMBERS.into_iter().all(|(sku, in_one)| there(sku, in_one))
                } else {
                    !there(line["sku"].as_str().unwrap_or_default(), 1)
                }
            };
            if kind == "order" && one["lines"].as_array().is_some_and(|lines| lines.iter().any(lacks)) {
                watch.count("lacking_goods");
                continue;
            }
            // A return waits for its order, which may itself wait for goods or for a person.
            let waits_for = |line: &Value| {
                let same = |order: &&Value| order["orderId"] == line["orderId"];
                let over = |order: &Value| {
                    order["state"].as_str().is_some_and(|state| order_ends.iter().any(|end| state.ends_with(end)))
                };
                found.orders.iter().find(same).is_some_and(|order| !over(order))
            };
            if kind == "return" && one["lines"].as_array().is_some_and(|lines| lines.iter().any(waits_for)) {
                watch.count("returns_of_open_orders");
                continue;
            }
            let rejected = one["pickup"]["stage"] == "PICKUP_STAGE_REJECTED";
            let with_a_person =
                one["parked"] == true || one["openExceptions"].as_i64().unwrap_or(0) > 0 || rejected || is_unpaid(one);
            if !with_a_person && !ends.iter().any(|end| state.ends_with(end)) {
                let name = one["orderNumber"].as_str().or(one["rmaNumber"].as_str()).unwrap_or_default();
                watch.violated(
                    "every_saga_ends",
                    format!("{kind} {name} rests in {state}: {} {}", one["status"], one["next"]),
                );
            }
        }
    }
    for order in &found.orders {
        watch.trace().line(
            "END",
            &format!("order {} {} {} {}", order["orderNumber"], order["state"], order["status"], order["cause"]),
        );
    }
    for one in &found.returns {
        watch
            .trace()
            .line("END", &format!("return {} {} {} {}", one["rmaNumber"], one["state"], one["status"], one["cause"]));
    }
}

/// An authorization ran out or was declined, and the customer has to pay anew.
fn is_unpaid(order: &Value) -> bool {
    let payments = order["payments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let gone = ["PAYMENT_STATE_FAILED", "PAYMENT_STATE_EXPIRED", "PAYMENT_STATE_VOIDED"];
    let is_gone = payments.iter().any(|payment| gone.iter().any(|state| payment["state"] == *state));
    is_gone && order["status"] == "Booked, and not paid"
}

/// Money that went back in the shop's admin for goods that nobody can name waits for a person, and so does a later return
/// that the shop has nothing left for: until somebody decides which of the two it was, the ERP's books show one of them. So
/// they do while a customer has to pay anew.
fn waits_for_a_person(found: &Findings, sales_order: &Value) -> bool {
    let is_it = |record: &Value| record["type"] == "salesOrder" && record["id"] == *sales_order;
    let with_it = |order: &&Value| order["refs"].as_array().is_some_and(|refs| refs.iter().any(is_it));
    let Some(order) = found.orders.iter().find(with_it) else { return false };
    if is_unpaid(order) {
        return true;
    }
    let of_it = |line: &Value| line["orderId"] == order["orderId"];
    let waits = |one: &Value| {
        let lines = one["lines"].as_array();
        one["openExceptions"].as_i64().unwrap_or(0) > 0 && lines.is_some_and(|lines| lines.iter().any(of_it))
    };
    found.returns.iter().any(waits)
}

/// `compensated_or_done`, and `books_agree`: the shelf as the ERP has it.
fn balances(found: &Findings, book: &Book, watch: &Watch) {
    let unbalanced = &found.books["netsuite"]["unbalanced_orders"];
    let examples = &found.books["netsuite"]["unbalanced_examples"];
    let shown = examples.as_array().map(Vec::as_slice).unwrap_or_default();
    let explained = shown.iter().filter(|one| waits_for_a_person(found, &one["id"])).count();
    if *unbalanced != explained && found.parked.is_empty() {
        watch.violated("compensated_or_done", format!("{unbalanced} orders are not balanced: {examples}"));
    }
    let ours: i64 = found.stock.iter().filter_map(|row| pieces(&row["onHand"])).sum();
    // An ERP counts on below zero when goods leave that its books do not have; a shelf is then empty, not owed.
    let below_zero = pieces(&found.books["netsuite"]["stock_below_zero"]).unwrap_or(0);
    let theirs = pieces(&found.books["netsuite"]["stock"]["on_hand"]).map(|theirs| theirs.saturating_add(below_zero));
    for row in &found.stock {
        let terms = ["onHand", "available", "reserved", "allocated", "shortfall"].map(|term| &row[term]);
        watch.trace().line("END", &format!("stock {} {} {terms:?}", row["sku"], row["location"]));
    }
    watch.trace().line("END", &format!("on hand {ours}, erp {theirs:?} with {below_zero} below zero"));
    if found.parked.is_empty() && theirs != Some(ours) {
        watch.violated("books_agree", format!("{ours} pieces are on hand with us, {theirs:?} in the ERP"));
    }
    // What is lost on the road is received and written off there.
    let found_or_lost: i64 =
        book.adjusted.values().filter(|one| matches!(one.heard, Heard::Done(_))).map(|one| one.pieces).sum();
    let all_known = book.adjusted.values().all(|one| one.heard != Heard::Nothing);
    let booked = pieces(&found.books["netsuite"]["inventory_adjustments"]["units"]);
    let opening: i64 = ITEMS.iter().map(|(_, _, pieces)| pieces + IN_THE_STORE + IN_THE_YARD).sum();
    let done = found_or_lost - found.lost;
    watch.trace().line("END", &format!("adjusted {done} of {opening}, erp {booked:?}, all known {all_known}"));
    // What was lost of a transfer that the ERP refuses is booked once a person has mended that.
    let refused = found.parked.iter().any(|one| one.contains("transfer/"));
    if all_known && !refused && booked.is_some_and(|booked| booked != done) {
        watch.violated("effects_once", format!("stock was adjusted by {done} pieces, the ERP booked {booked:?}"));
    }
    for (key, one) in &book.adjusted {
        watch.trace().line("END", &format!("{key} {} {} {:?}", one.sku, one.pieces, one.heard));
    }
}

fn pieces(value: &Value) -> Option<i64> {
    value.as_str().and_then(|text| text.parse().ok())
}
