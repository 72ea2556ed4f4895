//! What a customer's record says of its money.

use http::Method;
use serde_json::{Value, json};

use super::account::{Account, made};
use super::returns::{account, billed, transform};

/// Balance, deposits, overdue and unbilled of the only customer.
fn money(account: &Account) -> [String; 4] {
    let shown = account.get("customer/eid:CUST:1");
    ["balance", "depositBalance", "overdueBalance", "unbilledOrders"].map(|name| shown[name].to_string())
}

fn memo(account: &Account, order: &str) -> String {
    let goods = json!({"orderStatus": {"id": "B"}, "item": {"items": [{"orderLine": 3, "quantity": 1}]}});
    let path = format!("salesOrder/{order}/!transform/returnAuthorization?replace=item");
    let back = made(&transform(account, &path, goods));
    made(&transform(account, &format!("returnAuthorization/{back}/!transform/creditMemo"), Value::Null))
}

#[test]
fn an_order_that_is_paid_ahead_leaves_nothing_owed() {
    let account = account();
    account.order("W1");
    assert_eq!(money(&account), ["0.00", "0.00", "0.00", "49.95"]);
    billed(&account);
    assert_eq!(money(&account), ["0.00", "0.00", "0.00", "0.00"]);
}

#[test]
fn a_credit_memo_is_owed_to_the_customer_until_it_is_paid_back() {
    let account = account();
    let order = billed(&account);
    let memo = memo(&account, &order);
    assert_eq!(money(&account)[0], "-4.95");
    let apply = json!({"items": [{"doc": {"id": memo}, "apply": true, "amount": 4.95}]});
    account.record(Method::POST, "customerRefund", json!({"customer": {"externalId": "CUST:1"}, "apply": apply}));
    assert_eq!(money(&account)[0], "0.00");
}

#[test]
fn an_open_invoice_is_overdue_after_its_day() {
    let account = account();
    account.order("W1");
    retail_sandbox::twin::Twin::tick(&account.twin, account.now);
    let invoice = account.rows("SELECT t.id FROM transaction t WHERE t.type = 'CustInvc' ORDER BY t.id", json!([]));
    let invoice = invoice[0]["id"].as_str().unwrap();
    assert_eq!(money(&account), ["49.95", "0.00", "0.00", "0.00"]);
    for (day, overdue) in [("2026-11-23", "0.00"), ("2026-11-22", "49.95")] {
        account.record(Method::PATCH, &format!("invoice/{invoice}"), json!({"dueDate": day}));
        assert_eq!(money(&account)[2], overdue, "due on {day}");
    }
}

#[test]
fn only_whoever_asks_for_the_money_is_told_of_it() {
    let account = account();
    account.order("W1");
    let shown = account.get("customer/eid:CUST:1?fields=entityId,unbilledOrders");
    assert_eq!((shown["unbilledOrders"].to_string(), shown.get("balance")), ("49.95".to_owned(), None));
    assert_eq!(account.get("customer/eid:CUST:1")["creditHoldOverride"]["id"], "AUTO");
}
