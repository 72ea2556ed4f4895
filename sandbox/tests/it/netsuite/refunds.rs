//! Credit memos and refunds: what they hold, what they may be paid, and the money law of the books.

use http::Method;
use retail_sandbox::twin::{Answer, Twin};
use serde_json::{Value, json};

use super::account::{Account, body, code, made};
use super::returns::{account, billed, transform};

fn refund(sublist: &str, doc: &str, amount: Value) -> Value {
    let mut body = json!({"customer": {"externalId": "CUST:1"}});
    body[sublist] = json!({"items": [{"doc": {"id": doc}, "apply": true, "amount": amount}]});
    body
}

fn post(account: &Account, content: Value) -> Answer {
    account.record(Method::POST, "customerRefund", content)
}

/// A credit memo of the postage of a billed order, 4.95, with whatever its body adds.
fn memo(account: &Account, order: &str, mut with: Value) -> String {
    let charge = json!({"orderStatus": {"id": "B"}, "item": {"items": [{"orderLine": 3, "quantity": 1}]}});
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let back = made(&transform(account, &path, charge));
    with["externalId"] = json!("CM:1");
    let answer = transform(account, &format!("returnAuthorization/{back}/!transform/creditMemo?replace=item"), {
        with["item"] = json!({"items": [{"orderLine": 1, "quantity": 1, "amount": 4.95}]});
        with
    });
    assert_eq!(answer.status, 204, "{:?}", body(&answer));
    made(&answer)
}

#[test]
fn a_charge_is_credited_without_a_receipt() {
    let account = account();
    let order = billed(&account);
    let memo = memo(&account, &order, json!({}));
    let record = account.get(&format!("creditMemo/{memo}?expandSubResources=true"));
    assert_eq!((record["total"].to_string(), &record["item"]["items"][0]["quantity"]), ("4.95".to_owned(), &json!(1)));
    assert_eq!(account.twin.books()["item_receipts"]["count"], 0);
}

#[test]
fn a_refund_takes_no_more_than_the_memo_holds() {
    let account = account();
    let order = billed(&account);
    let memo = memo(&account, &order, json!({}));
    let much = post(&account, refund("apply", &memo, json!(4.96)));
    assert_eq!((much.status, code(&much)), (400, "USER_ERROR".to_owned()));
    assert_eq!(body(&much)["o:errorDetails"][0]["o:errorPath"], "apply.items[0].amount");
    assert_eq!(post(&account, refund("apply", &memo, json!(3))).status, 204);
    assert_eq!(post(&account, refund("apply", &memo, json!(1.96))).status, 400);
    assert_eq!(post(&account, refund("apply", &memo, json!(1.95))).status, 204);
    assert_eq!(account.twin.books()["customer_refunds"]["value"], "4.95");
}

#[test]
fn a_refund_of_nothing_or_without_a_customer_is_refused() {
    let account = account();
    let order = billed(&account);
    let memo = memo(&account, &order, json!({}));
    assert_eq!(code(&post(&account, json!({"customer": {"externalId": "CUST:1"}}))), "USER_ERROR");
    assert_eq!(code(&post(&account, refund("apply", &memo, json!(0)))), "USER_ERROR");
    let nobody = json!({"apply": {"items": [{"doc": {"id": memo}, "apply": true}]}});
    assert_eq!(code(&post(&account, nobody)), "USER_ERROR");
    let entity = json!({"entity": {"externalId": "CUST:1"}});
    assert_eq!(code(&post(&account, entity)), "INVALID_CONTENT");
    assert_eq!(account.twin.books()["customer_refunds"]["count"], 0);
}

#[test]
fn a_refund_in_another_currency_finds_no_memo() {
    let account = account();
    let order = billed(&account);
    let memo = memo(&account, &order, json!({}));
    let mut euros = refund("apply", &memo, json!(4.95));
    euros["currency"] = json!({"id": "EUR"});
    let answer = post(&account, euros);
    assert_eq!(body(&answer)["o:errorDetails"][0]["o:errorPath"], "apply.items[0].doc");
}

#[test]
fn a_refund_put_twice_is_one_and_posted_twice_is_refused() {
    let account = account();
    let order = billed(&account);
    let memo = memo(&account, &order, json!({}));
    let first = account.put("customerRefund/eid:RFND:1", refund("apply", &memo, json!(4.95)));
    assert_eq!(account.put("customerRefund/eid:RFND:1", refund("apply", &memo, json!(4.95))), first);
    let mut again = refund("apply", &memo, json!(4.95));
    again["externalId"] = json!("RFND:1");
    let answer = post(&account, again);
    assert!(body(&answer)["o:errorDetails"][0]["detail"].as_str().unwrap().ends_with("This entity already exists."));
    assert_eq!(account.twin.books()["customer_refunds"]["count"], 1);
}

#[test]
fn a_deposit_of_a_cancelled_order_is_refunded_and_the_money_law_holds_again() {
    let account = account();
    let order = account.order("W1");
    let deposit = account.put(
        "customerDeposit/eid:DEP:W1",
        json!({"customer": {"externalId": "CUST:1"}, "salesOrder": {"id": order}, "payment": 49.95}),
    );
    assert_eq!(account.twin.books()["unbalanced_orders"], 0);
    let closed: Vec<Value> = (1..=3).map(|line| json!({"line": line, "isClosed": true})).collect();
    account.record(Method::PATCH, &format!("salesOrder/{order}"), json!({"item": {"items": closed}}));
    let books = account.twin.books();
    assert_eq!(books["unbalanced_orders"], 1);
    assert_eq!(books["unbalanced_examples"][0]["difference"], "-49.95");
    assert_eq!(post(&account, refund("deposit", &deposit, json!(50))).status, 400);
    assert_eq!(post(&account, refund("deposit", &deposit, json!(49.95))).status, 204);
    let record = account.get(&format!("customerDeposit/{deposit}?simpleEnumFormat=true"));
    assert_eq!(record["status"], "C");
    assert_eq!(account.twin.books()["unbalanced_orders"], 0);
}

#[test]
fn money_refunded_from_a_deposit_does_not_pay_the_invoice_any_more() {
    let account = account();
    let order = account.order("W1");
    let deposit = account.put(
        "customerDeposit/eid:DEP:W1",
        json!({"customer": {"externalId": "CUST:1"}, "salesOrder": {"id": order}, "payment": 49.95}),
    );
    assert_eq!(post(&account, refund("deposit", &deposit, json!(9.95))).status, 204);
    account.twin.tick(account.now);
    let found = account.rows("SELECT foreignamountunpaid FROM transaction WHERE type = 'CustInvc'", json!([]));
    assert_eq!(found[0]["foreignamountunpaid"], "9.95");
    assert_eq!(account.twin.books()["unbalanced_orders"], 1);
}

#[test]
fn a_memo_applied_to_an_open_invoice_leaves_less_to_refund() {
    let account = account();
    let order = account.order("W1");
    account.twin.tick(account.now);
    let invoice = account.rows("SELECT id FROM transaction WHERE type = 'CustInvc'", json!([]))[0]["id"].clone();
    let apply = json!({"apply": {"items": [{"doc": {"id": invoice}, "apply": true, "amount": 4}]}});
    let memo = memo(&account, &order, apply);
    let record = account.get(&format!("creditMemo/{memo}?expandSubResources=true"));
    assert_eq!(
        (record["applied"].to_string(), record["unapplied"].to_string()),
        ("4.00".to_owned(), "0.95".to_owned())
    );
    assert_eq!(record["apply"]["items"][0]["doc"]["id"], invoice);
    let owed = account.get(&format!("invoice/{}", invoice.as_str().unwrap()));
    assert_eq!(owed["amountRemaining"].to_string(), "45.95");
    assert_eq!(post(&account, refund("apply", &memo, json!(0.96))).status, 400);
}
