//! Sales orders as NetSuite's REST face keeps them.

use http::Method;
use retail_sandbox::{netsuite::Config, twin::Twin};
use serde_json::{Value, json};

use super::account::{Account, body, code, made, order};

fn line(account: &Account, order: &str, line: usize) -> Value {
    account.get(&format!("salesOrder/{order}?expandSubResources=true"))["item"]["items"][line - 1].clone()
}

fn letter(account: &Account, order: &str) -> String {
    account.get(&format!("salesOrder/{order}?simpleEnumFormat=true"))["status"].as_str().unwrap().to_owned()
}

fn fulfil(account: &Account, order: &str, content: Value) -> retail_sandbox::twin::Answer {
    account.record(Method::POST, &format!("salesOrder/{order}/!transform/itemFulfillment"), content)
}

#[test]
fn totals_are_exact_and_stock_is_committed() {
    let account = Account::open();
    let id = account.order("W1");
    assert_eq!(account.get(&format!("salesOrder/{id}"))["total"].to_string(), "49.95");
    assert_eq!(line(&account, &id, 1)["quantityCommitted"], json!(2));
    assert_eq!(account.twin.books()["stock"], json!({"on_hand": "20", "committed": "3"}));
}

#[test]
fn a_repeated_put_with_lines_changes_nothing_and_without_lines_doubles() {
    let account = Account::open();
    let id = account.order("W1");
    assert_eq!(account.order("W1"), id);
    assert_eq!(account.twin.books()["sales_orders"]["lines"], 3);
    account.put("salesOrder/eid:SO:W1", json!({"item": {"items": [{"item": {"externalId": "CAP"}, "quantity": 1}]}}));
    assert_eq!(account.twin.books()["sales_orders"]["lines"], 4);
    account.put("salesOrder/eid:SO:W1?replace=item", order("W1", 3));
    assert_eq!(
        account.twin.books()["sales_orders"],
        json!({"count": 1, "lines": 3, "value": "62.45", "duplicates": 0})
    );
}

#[test]
fn an_empty_transform_fulfils_every_open_line() {
    let account = Account::open();
    let id = account.order("W1");
    assert_eq!(fulfil(&account, &id, Value::Null).status, 204);
    assert_eq!(letter(&account, &id), "F");
    assert_eq!(account.twin.books()["stock"], json!({"on_hand": "17", "committed": "0"}));
    let again = fulfil(&account, &id, Value::Null);
    assert_eq!((again.status, code(&again)), (400, "USER_ERROR".to_owned()));
}

#[test]
fn a_line_left_out_stays_open() {
    let account = Account::open();
    let id = account.order("W1");
    let some = json!({"item": {"items": [{"orderLine": 2, "itemReceive": false}]}});
    assert_eq!(fulfil(&account, &id, some).status, 204);
    assert_eq!(line(&account, &id, 2)["quantityFulfilled"], json!(0));
    assert_eq!(letter(&account, &id), "D");
}

#[test]
fn picked_goods_stay_on_the_shelf_until_shipped() {
    let account = Account::open();
    let id = account.order("W1");
    let picked = made(&fulfil(&account, &id, json!({"shipStatus": {"id": "A"}})));
    assert_eq!(account.twin.books()["stock"], json!({"on_hand": "20", "committed": "3"}));
    assert_eq!(letter(&account, &id), "B");
    let shipped =
        account.record(Method::PATCH, &format!("itemFulfillment/{picked}"), json!({"shipStatus": {"id": "C"}}));
    assert_eq!(shipped.status, 204);
    assert_eq!(account.twin.books()["stock"], json!({"on_hand": "17", "committed": "0"}));
    assert_eq!(letter(&account, &id), "F");
}

#[test]
fn more_than_is_committed_cannot_ship() {
    let account = Account::open();
    let id = account.order("W1");
    let much = json!({"item": {"items": [{"orderLine": 1, "quantity": 3, "itemReceive": true}]}});
    let answer = fulfil(&account, &id, much);
    assert_eq!((answer.status, code(&answer)), (400, "USER_ERROR".to_owned()));
    assert_eq!(account.twin.books()["item_fulfillments"]["count"], 0);
}

#[test]
fn two_locations_and_none_named_cannot_ship() {
    let account = Account::with(Config::default(), &["MAIN", "SHOP"]);
    let id = account.order("W1");
    assert_eq!(line(&account, &id, 1)["quantityBackOrdered"], json!(2));
    let answer =
        fulfil(&account, &id, json!({"item": {"items": [{"orderLine": 1, "quantity": 1, "itemReceive": true}]}}));
    assert_eq!((answer.status, code(&answer)), (400, "USER_ERROR".to_owned()));
}

#[test]
fn a_preview_saves_nothing() {
    let account = Account::open();
    let id = account.order("W1");
    let accept = [("accept", "application/vnd.oracle.resource+json; type=create-form")];
    let path = format!("record/v1/salesOrder/{id}/!transform/itemFulfillment");
    assert_eq!(account.send(Method::POST, &path, Value::Null, &accept).status, 200);
    assert_eq!(account.twin.books()["item_fulfillments"]["count"], 0);
    assert_eq!(letter(&account, &id), "B");
}

#[test]
fn one_tick_ships_and_bills_and_applies_the_deposit() {
    let account = Account::open();
    let id = account.order("W1");
    account.put(
        "customerDeposit/eid:CD:W1",
        json!({"customer": {"externalId": "CUST:1"}, "salesOrder": {"id": id}, "payment": 49.95}),
    );
    account.twin.tick(account.now);
    assert_eq!(letter(&account, &id), "G");
    let books = account.twin.books();
    assert_eq!(books["invoices"], json!({"count": 1, "lines": 3, "value": "49.95", "duplicates": 0}));
    let found = account.rows("SELECT id FROM transaction WHERE type = 'CustInvc'", json!([]));
    let invoice = account.get(&format!("invoice/{}", found[0]["id"].as_str().unwrap()));
    assert_eq!(invoice["amountRemaining"].to_string(), "0.00");
    assert_eq!(invoice["status"]["id"], "B");
    let refused = account.record(Method::PUT, "salesOrder/eid:SO:W1", order("W1", 5));
    assert_eq!((refused.status, code(&refused)), (400, "USER_ERROR".to_owned()));
    account.put("salesOrder/eid:SO:W1", order("W1", 2));
}

#[test]
fn small_parcels_leave_one_after_the_other() {
    let account = Account::with(Config { parcel_pieces: 1, ..Config::default() }, &["MAIN"]);
    let id = account.order("W1");
    for (parcels, status) in [(1, "D"), (2, "G"), (2, "G")] {
        account.twin.tick(account.now);
        assert_eq!(account.twin.books()["item_fulfillments"]["count"], parcels);
        assert_eq!(letter(&account, &id), status);
    }
    let books = account.twin.books();
    assert_eq!(books["invoices"]["value"], books["sales_orders"]["value"]);
    assert_eq!(books["back_office"]["to_ship_or_bill"], 0);
}

#[test]
fn a_backorder_ships_in_part_and_the_rest_when_stock_comes() {
    let account = Account::open();
    account.order("W1");
    let id = account.put("salesOrder/eid:SO:W2", order("W2", 11));
    assert_eq!(line(&account, &id, 1)["quantityBackOrdered"], json!(3));
    account.twin.tick(account.now);
    assert_eq!(letter(&account, &id), "D");
    let more = json!({"account": {"id": "2"}, "inventory": {"items": [{"item": {"externalId": "MUG"}, "location": {"externalId": "MAIN"}, "adjustQtyBy": 3}]}});
    let answer = account.record(Method::POST, "inventoryAdjustment", more);
    assert_eq!(answer.status, 204, "{:?}", body(&answer));
    account.twin.tick(account.now);
    assert_eq!(letter(&account, &id), "G");
    let books = account.twin.books();
    assert_eq!(books["invoices"]["value"], books["sales_orders"]["value"]);
    assert_eq!(books["invoices"]["duplicates"], 0);
}

#[test]
fn a_kit_leaves_as_its_members_and_waits_for_the_one_that_is_short() {
    let account = Account::open();
    account.order("W1");
    let member = |sku: &str, quantity: i64| json!({"item": {"externalId": sku}, "quantity": quantity});
    let kit = json!({"externalId": "SET", "itemId": "SET", "basePrice": 40, "member": {"items": [member("MUG", 2), member("CAP", 1)]}});
    let answer = account.record(Method::POST, "kitItem", kit);
    assert_eq!(answer.status, 204, "{:?}", body(&answer));
    let sets = json!({"item": {"externalId": "SET"}, "quantity": 5});
    let of_sets = json!({"entity": {"externalId": "CUST:1"}, "orderStatus": {"id": "B"}, "item": {"items": [sets]}});
    let id = account.put("salesOrder/eid:SO:W2", of_sets);
    let numbers = |id: &str| {
        let line = line(&account, id, 1);
        ["quantityCommitted", "quantityBackOrdered", "quantityFulfilled"].map(|name| line[name].clone())
    };
    // Eight mugs are free: four sets; and nine caps.
    assert_eq!(numbers(&id), [json!(4), json!(1), json!(0)]);
    assert_eq!(account.twin.books()["stock"], json!({"on_hand": "20", "committed": "15"}));
    assert_eq!(fulfil(&account, &id, Value::Null).status, 204);
    assert_eq!(account.twin.books()["stock"], json!({"on_hand": "8", "committed": "3"}));
    let more = json!({"account": {"id": "2"}, "inventory": {"items": [{"item": {"externalId": "MUG"}, "location": {"externalId": "MAIN"}, "adjustQtyBy": 2}]}});
    assert_eq!(account.record(Method::POST, "inventoryAdjustment", more).status, 204);
    assert_eq!(numbers(&id), [json!(1), json!(0), json!(4)]);
    let q = "SELECT itemtype FROM transactionline WHERE transaction = ? AND mainline = 'F'";
    assert_eq!(account.rows(q, json!([id]))[0]["itemtype"], "Kit");
}

#[test]
fn goods_that_left_although_the_books_did_not_have_them_are_counted_below_zero() {
    let account = Account::open();
    account.order("W1");
    account.twin.tick(account.now);
    assert_eq!(account.twin.books()["stock_below_zero"], "0");
    let less = json!({"account": {"id": "2"}, "inventory": {"items": [{"item": {"externalId": "MUG"}, "location": {"externalId": "MAIN"}, "adjustQtyBy": -9}]}});
    let answer = account.record(Method::POST, "inventoryAdjustment", less);
    assert_eq!(answer.status, 204, "{:?}", body(&answer));
    assert_eq!(account.twin.books()["stock_below_zero"], "1");
}

#[test]
fn closing_every_line_closes_the_order_and_frees_the_stock() {
    let account = Account::open();
    let id = account.order("W1");
    let closed: Vec<Value> = (1..=3).map(|line| json!({"line": line, "isClosed": true})).collect();
    let answer = account.record(Method::PATCH, &format!("salesOrder/{id}"), json!({"item": {"items": closed}}));
    assert_eq!(answer.status, 204);
    assert_eq!(letter(&account, &id), "H");
    assert_eq!(account.twin.books()["stock"]["committed"], "0");
}

#[test]
fn what_a_closed_order_sets_free_goes_to_whoever_waits_for_it() {
    let account = Account::open();
    let first = account.order("W1");
    let waiting = account.put("salesOrder/eid:SO:W2", order("W2", 11));
    assert_eq!(line(&account, &waiting, 1)["quantityBackOrdered"], json!(3));
    let closed: Vec<Value> = (1..=3).map(|line| json!({"line": line, "isClosed": true})).collect();
    let answer = account.record(Method::PATCH, &format!("salesOrder/{first}"), json!({"item": {"items": closed}}));
    assert_eq!(answer.status, 204);
    assert_eq!(line(&account, &waiting, 1)["quantityBackOrdered"], json!(1));
}

#[test]
fn an_order_of_a_thousand_lines_is_saved_shipped_and_billed() {
    let account = Account::open();
    account.order("W1");
    let lines: Vec<Value> =
        (1..=1000).map(|line| json!({"line": line, "item": {"externalId": "POSTAGE"}, "quantity": 1})).collect();
    let big = json!({"entity": {"externalId": "CUST:1"}, "otherRefNum": "BIG", "orderStatus": {"id": "B"}, "item": {"items": lines}});
    let id = account.put("salesOrder/eid:SO:BIG", big);
    account.twin.tick(account.now);
    assert_eq!(letter(&account, &id), "G");
    assert_eq!(account.twin.books()["invoices"]["lines"], 1003);
}
