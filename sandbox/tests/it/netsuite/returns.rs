//! Returns as NetSuite's REST face keeps them: authorization, receipt, credit memo, refund.

use http::Method;
use retail_sandbox::{
    netsuite::Config,
    twin::{Answer, Twin},
};
use serde_json::{Value, json};

use super::account::{Account, body, code, made, seen};

/// An account whose back office ships and bills at once, and leaves returned goods to the API.
pub(super) fn account() -> Account {
    Account::with(Config { receives: false, ..Config::default() }, &["MAIN"])
}

/// An order of two mugs, a cap and postage that has shipped, is billed and paid: 49.95.
pub(super) fn billed(account: &Account) -> String {
    let id = account.order("W1");
    account.put(
        "customerDeposit/eid:DEP:W1",
        json!({"customer": {"externalId": "CUST:1"}, "salesOrder": {"id": id}, "payment": 49.95}),
    );
    account.twin.tick(account.now);
    id
}

pub(super) fn transform(account: &Account, path: &str, content: Value) -> Answer {
    account.record(Method::POST, path, content)
}

/// A return of one mug for 12.00 and of the postage.
fn some() -> Value {
    json!({"externalId": "RMA:1", "otherRefNum": "R-1", "orderStatus": {"id": "B"}, "memo": "too small", "item": {"items": [
        {"orderLine": 1, "quantity": 1, "amount": 12.00}, {"orderLine": 3, "quantity": 1}]}})
}

fn authorized(account: &Account, order: &str) -> String {
    let answer = transform(account, &format!("salesOrder/{order}/!transform/returnAuthorization?replace=item"), some());
    assert_eq!(answer.status, 204, "{:?}", body(&answer));
    made(&answer)
}

fn letter(account: &Account, back: &str) -> String {
    account.get(&format!("returnAuthorization/{back}?simpleEnumFormat=true"))["status"].as_str().unwrap().to_owned()
}

fn refused(answer: &Answer) -> String {
    assert_eq!((answer.status, code(answer)), (400, "USER_ERROR".to_owned()), "{:?}", body(answer));
    body(answer)["o:errorDetails"][0]["detail"].as_str().unwrap().to_owned()
}

#[test]
fn the_whole_chain_of_a_return_moves_its_letter_the_stock_and_the_money() {
    let account = account();
    let order = billed(&account);
    let before = account.twin.books()["stock"]["on_hand"].clone();
    let back = authorized(&account, &order);
    assert_eq!(letter(&account, &back), "B");
    let receipt = json!({"item": {"items": [{"orderLine": 1, "itemReceive": true, "quantity": 1, "restock": true}]}});
    assert_eq!(transform(&account, &format!("returnAuthorization/{back}/!transform/itemReceipt"), receipt).status, 204);
    assert_eq!(letter(&account, &back), "F");
    assert_eq!((before, account.twin.books()["stock"]["on_hand"].clone()), (json!("17"), json!("18")));
    let memo = transform(&account, &format!("returnAuthorization/{back}/!transform/creditMemo"), Value::Null);
    assert_eq!(memo.status, 204, "{:?}", body(&memo));
    assert_eq!(letter(&account, &back), "G");
    let memo = made(&memo);
    let open = account.get(&format!("creditMemo/{memo}"));
    assert_eq!((open["total"].to_string(), open["unapplied"].to_string()), ("16.95".to_owned(), "16.95".to_owned()));
    assert_eq!(account.twin.books()["unbalanced_orders"], 1);
    account.put(
        "customerRefund/eid:RFND:1",
        json!({"customer": {"externalId": "CUST:1"}, "apply": {"items": [{"doc": {"id": memo}, "apply": true, "amount": 16.95}]}}),
    );
    let done = account.get(&format!("creditMemo/{memo}?simpleEnumFormat=true"));
    assert_eq!((&done["status"], done["amountRemaining"].to_string()), (&json!("B"), "0.00".to_owned()));
    let books = account.twin.books();
    assert_eq!(books["return_authorizations"], json!({"count": 1, "lines": 2, "value": "16.95", "duplicates": 0}));
    assert_eq!(books["item_receipts"], json!({"count": 1, "lines": 1, "units": "1", "duplicates": 0}));
    assert_eq!(books["credit_memos"], json!({"count": 1, "lines": 2, "value": "16.95", "duplicates": 0}));
    assert_eq!(books["customer_refunds"], json!({"count": 1, "value": "16.95", "duplicates": 0}));
    assert_eq!((&books["unbalanced_orders"], &books["unbalanced_examples"]), (&json!(0), &json!([])));
}

#[test]
fn a_return_shows_the_vendors_fields_and_what_it_came_from() {
    let account = account();
    let order = billed(&account);
    let back = authorized(&account, &order);
    let record = account.get("returnAuthorization/eid:RMA:1?expandSubResources=true&simpleEnumFormat=true");
    assert_eq!((&record["id"], &record["createdFrom"]["id"]), (&json!(back), &json!(order)));
    assert_eq!((&record["otherRefNum"], &record["orderStatus"]), (&json!("R-1"), &json!("B")));
    let line = &record["item"]["items"][1];
    assert_eq!((&line["line"], &line["orderLine"], &line["orderDoc"]["id"]), (&json!(2), &json!(3), &json!(order)));
    assert_eq!((&line["amount"].to_string(), &line["quantityReceived"]), (&"4.95".to_owned(), &json!(0)));
    assert_eq!(record["total"].to_string(), "16.95");
}

#[test]
fn lines_that_are_not_mentioned_come_back_whole_unless_replaced() {
    let account = account();
    let order = billed(&account);
    let path = format!("salesOrder/{order}/!transform/returnAuthorization");
    let one = json!({"item": {"items": [{"orderLine": 1, "quantity": 1}]}});
    let whole = made(&transform(&account, &path, one));
    let record = account.get(&format!("returnAuthorization/{whole}?expandSubResources=true"));
    assert_eq!((&record["item"]["totalResults"], record["total"].to_string()), (&json!(3), "37.45".to_owned()));
    assert_eq!(letter(&account, &whole), "A");
}

#[test]
fn no_more_comes_back_than_was_shipped_and_is_not_coming_back_already() {
    let account = account();
    let order = account.order("W1");
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    assert!(refused(&transform(&account, &path, some())).contains("nothing of the sales order can be returned"));
    account.twin.tick(account.now);
    authorized(&account, &order);
    let two = json!({"item": {"items": [{"orderLine": 1, "quantity": 2}]}});
    assert!(refused(&transform(&account, &path, two)).contains("line 1 has 1 left to return and cannot take 2"));
    let rest = json!({"item": {"items": [{"orderLine": 1, "quantity": 1}]}});
    assert_eq!(transform(&account, &path, rest).status, 204);
    let named = json!({"item": {"items": [{"orderLine": 1}]}});
    assert!(refused(&transform(&account, &path, named)).contains("line 1 has 0 left to return"));
}

#[test]
fn an_external_id_that_is_taken_makes_no_second_document() {
    let account = account();
    let order = billed(&account);
    authorized(&account, &order);
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let again = json!({"externalId": "RMA:1", "item": {"items": [{"orderLine": 2, "quantity": 1}]}});
    assert!(refused(&transform(&account, &path, again)).ends_with("This entity already exists."));
    assert_eq!(account.twin.books()["return_authorizations"]["count"], 1);
}

#[test]
fn a_preview_of_a_return_saves_nothing() {
    let account = account();
    let order = billed(&account);
    let accept = [("accept", "application/vnd.oracle.resource+json; type=create-form")];
    let path = format!("record/v1/salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let shown = account.send(Method::POST, &path, some(), &accept);
    assert_eq!((shown.status, body(&shown)["total"].to_string()), (200, "16.95".to_owned()));
    assert_eq!(account.twin.books()["return_authorizations"]["count"], 0);
}

#[test]
fn people_work_without_a_token_and_not_with_fields_that_do_not_exist() {
    let account = account();
    let order = billed(&account);
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let ask = |body: Value| {
        let asked = seen(Method::POST, "", json!({"method": "POST", "path": path, "body": body}));
        account.twin.control("people", &asked, account.now).unwrap().status
    };
    assert_eq!(ask(json!({"colour": "red"})), 400);
    assert_eq!(ask(some()), 204);
    assert_eq!(account.twin.books()["return_authorizations"]["count"], 1);
}

#[test]
fn goods_that_are_not_restocked_are_received_and_do_not_raise_the_stock() {
    let account = account();
    let order = billed(&account);
    let back = authorized(&account, &order);
    let broken = json!({"item": {"items": [{"orderLine": 1, "itemReceive": true, "quantity": 1, "restock": false}]}});
    let receipt = transform(&account, &format!("returnAuthorization/{back}/!transform/itemReceipt"), broken);
    let record = account.get(&format!("itemReceipt/{}?expandSubResources=true", made(&receipt)));
    let line = &record["item"]["items"][0];
    assert_eq!((&line["restock"], &line["quantity"], &line["orderLine"]), (&json!(false), &json!(1), &json!(1)));
    assert_eq!(record["createdFrom"]["id"], json!(back));
    assert_eq!(account.twin.books()["stock"]["on_hand"], "17");
    assert_eq!(letter(&account, &back), "F");
}

#[test]
fn a_receipt_in_parts_passes_through_the_letters_and_never_takes_more() {
    let account = account();
    let order = billed(&account);
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let both = json!({"orderStatus": {"id": "B"}, "item": {"items": [{"orderLine": 1, "quantity": 2}]}});
    let back = made(&transform(&account, &path, both));
    let receive = |quantity: i64| {
        let lines = json!({"item": {"items": [{"orderLine": 1, "itemReceive": true, "quantity": quantity}]}});
        transform(&account, &format!("returnAuthorization/{back}/!transform/itemReceipt"), lines)
    };
    let credit = || transform(&account, &format!("returnAuthorization/{back}/!transform/creditMemo"), Value::Null);
    assert!(refused(&credit()).contains("nothing to refund"));
    assert!(refused(&receive(3)).contains("line 1 has 2 left to receive"));
    assert_eq!(receive(1).status, 204);
    assert_eq!(letter(&account, &back), "E");
    assert_eq!(credit().status, 204);
    assert_eq!(letter(&account, &back), "D");
    assert_eq!(receive(1).status, 204);
    assert_eq!(letter(&account, &back), "F");
    let much = json!({"item": {"items": [{"orderLine": 1, "quantity": 2}]}});
    let answer = transform(&account, &format!("returnAuthorization/{back}/!transform/creditMemo"), much);
    assert!(refused(&answer).contains("line 1 has 1 left to refund"));
    assert_eq!(credit().status, 204);
    assert_eq!(letter(&account, &back), "G");
    assert_eq!(account.twin.books()["credit_memos"]["value"], "25.00");
}

#[test]
fn closing_what_was_not_received_closes_the_return_or_leaves_it_to_be_credited() {
    let account = account();
    let order = billed(&account);
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let goods = json!({"orderStatus": {"id": "B"}, "item": {"items": [{"orderLine": 1, "quantity": 2}, {"orderLine": 2, "quantity": 1}]}});
    let back = made(&transform(&account, &path, goods));
    let close = |lines: &[i64]| {
        let lines: Vec<Value> = lines.iter().map(|line| json!({"line": line, "isClosed": true})).collect();
        let answer =
            account.record(Method::PATCH, &format!("returnAuthorization/{back}"), json!({"item": {"items": lines}}));
        assert_eq!(answer.status, 204, "{:?}", body(&answer));
    };
    let cap = json!({"item": {"items": [{"orderLine": 1, "itemReceive": false}]}});
    transform(&account, &format!("returnAuthorization/{back}/!transform/itemReceipt"), cap);
    assert_eq!(letter(&account, &back), "E");
    close(&[1]);
    assert_eq!(letter(&account, &back), "F");
    let other = authorized(&account, &order);
    let lines = json!({"item": {"items": [{"line": 1, "isClosed": true}, {"line": 2, "isClosed": true}]}});
    account.record(Method::PATCH, &format!("returnAuthorization/{other}"), lines);
    assert_eq!(letter(&account, &other), "H");
}

#[test]
fn the_back_office_receives_what_is_pending_unless_it_is_held_still() {
    let account = Account::open();
    let order = billed(&account);
    let hold = |on: bool| {
        let said = seen(Method::POST, "", json!({"on": on}));
        assert_eq!(account.twin.control("receiving", &said, account.now).unwrap().status, 200);
    };
    hold(false);
    let back = authorized(&account, &order);
    account.twin.tick(account.now);
    assert_eq!(letter(&account, &back), "B");
    hold(true);
    account.twin.tick(account.now);
    assert_eq!(letter(&account, &back), "F");
    let books = account.twin.books();
    assert_eq!((&books["item_receipts"]["count"], &books["stock"]["on_hand"]), (&json!(1), &json!("18")));
    assert_eq!(books["credit_memos"]["count"], 0);
}

#[test]
fn the_back_office_waits_as_long_as_it_is_told() {
    let account = Account::with(Config { receive_after: 3600, ..Config::default() }, &["MAIN"]);
    let order = billed(&account);
    let back = authorized(&account, &order);
    account.twin.tick(account.now + jiff::SignedDuration::from_secs(3599));
    assert_eq!(letter(&account, &back), "B");
    account.twin.tick(account.now + jiff::SignedDuration::from_secs(3600));
    assert_eq!(letter(&account, &back), "F");
}

#[test]
fn goods_that_come_back_ship_to_whoever_waits_for_them() {
    let account = account();
    let order = billed(&account);
    let waiting = account.put("salesOrder/eid:SO:W2", super::account::order("W2", 9));
    account.twin.tick(account.now);
    let back = authorized(&account, &order);
    transform(&account, &format!("returnAuthorization/{back}/!transform/itemReceipt"), Value::Null);
    account.twin.tick(account.now);
    let status = account.get(&format!("salesOrder/{waiting}?simpleEnumFormat=true"))["status"].clone();
    assert_eq!(status, "G");
    assert_eq!(account.twin.books()["item_fulfillments"]["duplicates"], 0);
}

#[test]
fn shipped_goods_that_are_coming_back_cannot_be_unshipped() {
    let account = Account::with(Config { receives: false, bill_after: 86_400, ..Config::default() }, &["MAIN"]);
    let order = account.order("W1");
    account.twin.tick(account.now);
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let mug = json!({"item": {"items": [{"orderLine": 1, "quantity": 1}]}});
    assert_eq!(transform(&account, &path, mug).status, 204);
    let shipped = account.rows("SELECT id FROM transaction WHERE type = 'ItemShip'", json!([]));
    let path = format!("itemFulfillment/{}", shipped[0]["id"].as_str().unwrap());
    assert!(refused(&account.record(Method::DELETE, &path, Value::Null)).contains("billed or returned"));
}

#[test]
fn a_return_leaves_the_letter_of_its_sales_order_alone() {
    let account = Account::open();
    let order = billed(&account);
    authorized(&account, &order);
    account.twin.tick(account.now);
    assert_eq!(account.get(&format!("salesOrder/{order}?simpleEnumFormat=true"))["status"], "G");
}

#[test]
fn suiteql_shows_the_flow_of_a_return() {
    let account = Account::open();
    let order = billed(&account);
    let back = authorized(&account, &order);
    account.twin.tick(account.now);
    let memo = made(&transform(&account, &format!("returnAuthorization/{back}/!transform/creditMemo"), Value::Null));
    account.put(
        "customerRefund/eid:RFND:1",
        json!({"customer": {"externalId": "CUST:1"}, "apply": {"items": [{"doc": {"id": memo}, "apply": true, "amount": 6}]}}),
    );
    let heads = account.rows(
        "SELECT t.type, t.status, t.foreigntotal, t.foreignpaymentamountunused AS unused FROM transaction t WHERE t.type IN ('RtnAuth','ItemRcpt','CustCred','CustRfnd') ORDER BY t.id",
        json!([]),
    );
    let shown = |row: &Value| [row["type"].clone(), row["status"].clone(), row["foreigntotal"].clone()];
    assert_eq!(shown(&heads[0]), [json!("RtnAuth"), json!("G"), json!("-16.95")]);
    assert_eq!(heads[1]["type"], "ItemRcpt");
    assert_eq!(shown(&heads[2]), [json!("CustCred"), json!("A"), json!("-16.95")]);
    assert_eq!(heads[2]["unused"], "10.95");
    assert_eq!(shown(&heads[3]), [json!("CustRfnd"), json!("R"), json!("6")]);
    let lines = account.rows(
        "SELECT n.previousdoc, n.previousline, n.linktype, tl.quantity, tl.quantityshiprecv, tl.quantitybilled FROM previoustransactionlinelink n JOIN transactionline tl ON tl.transaction = n.nextdoc AND tl.id = n.nextline WHERE n.nextdoc IN (?) ORDER BY n.nextline",
        json!([back]),
    );
    assert_eq!(
        lines[0],
        json!({"links": [], "previousdoc": order, "previousline": "1", "linktype": "SaleRet", "quantity": "1", "quantityshiprecv": "1", "quantitybilled": "1"})
    );
    let paid = account.rows(
        "SELECT n.previousdoc, n.foreignamount FROM nexttransactionlinelink n JOIN transaction t ON t.id = n.nextdoc WHERE t.type = 'CustRfnd' AND n.previousdoc IN (?)",
        json!([memo]),
    );
    assert_eq!(paid, json!([{"links": [], "previousdoc": memo, "foreignamount": "6"}]));
}
