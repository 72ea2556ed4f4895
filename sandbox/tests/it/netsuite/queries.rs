//! SuiteQL as the documents describe it.

use http::Method;
use serde_json::{Value, json};

use super::account::{Account, body, code};

#[test]
fn a_query_without_prefer_transient_is_refused() {
    let account = Account::open();
    assert_eq!(account.send(Method::POST, "query/v1/suiteql", json!({"q": "SELECT id FROM item"}), &[]).status, 400);
}

#[test]
fn values_are_strings_keys_lower_case_and_nulls_left_out() {
    let account = Account::open();
    let rows = account.rows("SELECT ItemID, totalquantityonhand, upccode FROM item WHERE itemid = ?", json!(["MUG"]));
    assert_eq!(rows, json!([{"links": [], "itemid": "MUG", "totalquantityonhand": "10"}]));
}

#[test]
fn changed_orders_are_polled_by_their_last_change() {
    let mut account = Account::open();
    let id = account.order("W1");
    let q = "SELECT t.id, t.status, BUILTIN.DF(t.status) AS label, t.otherrefnum, t.externalid, t.foreigntotal, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD\"T\"HH24:MI:SS') AS changed FROM transaction t WHERE t.type = 'SalesOrd' AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') ORDER BY t.lastmodifieddate, t.id";
    assert_eq!(
        account.rows(q, json!(["2026-11-23 13:05:00"])),
        json!([{"links": [], "id": id, "status": "B", "label": "Sales Order : Pending Fulfillment", "otherrefnum": "W1",
                "externalid": "SO:W1", "foreigntotal": "49.95", "changed": "2026-11-23T13:05:00"}])
    );
    assert_eq!(account.rows(q, json!(["2026-11-23 13:05:01"])), json!([]));
    account.now += jiff::SignedDuration::from_secs(9);
    retail_sandbox::twin::Twin::tick(&account.twin, account.now);
    assert_eq!(account.rows(q, json!(["2026-11-23 13:05:01"]))[0]["status"], "G");
}

#[test]
fn the_stock_sweep_of_the_document_runs() {
    let account = Account::open();
    account.order("W1");
    let rows = account.rows(
        "SELECT ib.item, i.itemid, ib.location, SUM(ib.quantityonhand) AS onhand, SUM(ib.quantityavailable) AS available FROM inventorybalance ib JOIN item i ON i.id = ib.item WHERE i.isinactive = 'F' GROUP BY ib.item, i.itemid, ib.location ORDER BY ib.item, ib.location",
        json!([]),
    );
    assert_eq!(
        (&rows[0]["itemid"], &rows[0]["onhand"], &rows[0]["available"]),
        (&json!("MUG"), &json!("10"), &json!("8"))
    );
}

#[test]
fn sold_quantities_are_negative_and_documents_point_back() {
    let account = Account::open();
    let id = account.order("W1");
    retail_sandbox::twin::Twin::tick(&account.twin, account.now);
    let rows = account.rows("SELECT quantity, quantityshiprecv, quantitybilled FROM transactionline WHERE transaction = ? AND mainline = 'F' ORDER BY id", json!([id]));
    assert_eq!(rows[0], json!({"links": [], "quantity": "-2", "quantityshiprecv": "2", "quantitybilled": "2"}));
    let links = account.rows(
        "SELECT DISTINCT nextdoc, linktype FROM previoustransactionlinelink WHERE previousdoc = ? ORDER BY linktype",
        json!([id]),
    );
    assert_eq!((&links[0]["linktype"], &links[1]["linktype"]), (&json!("OrdBill"), &json!("ShipRcpt")));
}

#[test]
fn bad_queries_are_refused() {
    let account = Account::open();
    for (q, params) in [
        ("DELETE FROM item", json!([])),
        ("SELECT id FROM ns_token", json!([])),
        ("SELECT id FROM item LIMIT 5", json!([])),
        ("SELECT nothing FROM item", json!([])),
        ("SELECT id FROM item WHERE id = ?", json!([])),
        ("SELECT id FROM item WHERE id = ?", json!([1, 2])),
        ("SELECT id FROM item; DELETE FROM ns_token", json!([])),
        ("SELECT TO_DATE('23.11.2026', 'YYYY-MM-DD') FROM item", json!([])),
    ] {
        let answer = account.query(q, params);
        assert_eq!((answer.status, code(&answer)), (400, "INVALID_PARAMETER".to_owned()), "{q}");
    }
}

#[test]
fn pages_follow_the_rules() {
    let account = Account::open();
    let page = |at: &str| {
        account.send(
            Method::POST,
            &format!("query/v1/suiteql?{at}"),
            json!({"q": "SELECT id FROM item ORDER BY id"}),
            &[("prefer", "transient")],
        )
    };
    for wrong in ["limit=1001", "limit=2&offset=1", "limit=1000&offset=101000"] {
        assert_eq!(page(wrong).status, 400, "{wrong}");
    }
    let first = body(&page("limit=2"));
    assert_eq!((&first["count"], &first["hasMore"], &first["totalResults"]), (&json!(2), &json!(true), &json!(3)));
    let second = body(&page("limit=2&offset=2"));
    assert_eq!((&second["count"], &second["hasMore"]), (&json!(1), &json!(false)));
    assert_ne!(second["items"], Value::Null);
}

#[test]
fn a_flow_is_read_in_four_questions() {
    let account = Account::open();
    let id = account.order("W1");
    retail_sandbox::twin::Twin::tick(&account.twin, account.now);
    let lines = account.rows(
        "SELECT tl.transaction, tl.id, tl.quantitybilled, tl.isclosed FROM transactionline tl WHERE tl.mainline = 'F' AND tl.taxline = 'F' AND tl.transaction IN (?) ORDER BY tl.transaction, tl.id",
        json!([id]),
    );
    assert_eq!(lines[0], json!({"links": [], "transaction": id, "id": "1", "quantitybilled": "2", "isclosed": "F"}));
    let documents = account.rows(
        "SELECT t.id, t.type, tl.createdfrom FROM transactionline tl JOIN transaction t ON t.id = tl.transaction WHERE tl.mainline = 'T' AND t.type IN ('ItemShip', 'CustInvc') AND tl.createdfrom IN (?) ORDER BY t.id",
        json!([id]),
    );
    assert_eq!((&documents[0]["type"], &documents[1]["type"]), (&json!("ItemShip"), &json!("CustInvc")));
    let parcels = account.rows(
        "SELECT m.transaction, n.trackingnumber FROM TrackingNumberMap m JOIN TrackingNumber n ON n.id = m.trackingnumber WHERE m.transaction IN (?)",
        json!([documents[0]["id"]]),
    );
    assert!(parcels[0]["trackingnumber"].as_str().unwrap().starts_with("1Z"));
}
