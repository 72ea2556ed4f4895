//! Goods that are to come in, as people order and receive them in NetSuite's own screens, and what kits are made of.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use serde_json::{Value, json};
use tonic::Request;

use crate::bench::{Bench, INSTANCE};
use crate::transfers::two_places;

async fn people(bench: &Bench, method: &str, path: &str, body: Value) {
    bench.post("netsuite/people", &json!({"method": method, "path": path, "body": body})).await;
}

async fn purchase(bench: &Bench, id: &str, quantity: i64) {
    let line = json!({
        "item": {"externalId": "MUG"}, "quantity": quantity, "location": {"externalId": "MAIN"},
        "expectedReceiptDate": "2026-12-01",
    });
    let lamp = json!({"item": {"externalId": "LAMP"}, "quantity": 5, "location": {"externalId": "MAIN"}});
    let order = json!({"externalId": id, "tranId": id, "entity": {"id": "1"}, "dueDate": "2026-12-09", "item": {"items": [line, lamp]}});
    people(bench, "POST", "purchaseOrder", order).await;
}

async fn listed(bench: &Bench, size: i32, named: &[String]) -> Vec<pb::ExpectedReceipt> {
    let (mut token, mut all) = (String::new(), Vec::new());
    loop {
        let asked = pb::ListExpectedReceiptsRequest {
            instance: INSTANCE.to_owned(),
            page_size: size,
            page_token: token,
            document_ids: named.to_vec(),
        };
        let page = bench.connector.list_expected_receipts(Request::new(asked)).await.unwrap().into_inner();
        all.extend(page.receipts);
        token = page.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

fn told(receipt: &pb::ExpectedReceipt) -> Vec<(&str, &str, &str, &str, &str)> {
    fn line(line: &pb::ExpectedReceiptLine) -> (&str, &str, &str, &str, &str) {
        let pb::ExpectedReceiptLine { sku, location, quantity, received, expected_date, .. } = line;
        (sku.as_str(), location.as_str(), quantity.as_str(), received.as_str(), expected_date.as_str())
    }
    receipt.lines.iter().map(line).collect()
}

fn number(receipt: &pb::ExpectedReceipt) -> &str {
    receipt.document.as_ref().unwrap().number.as_str()
}

#[tokio::test]
async fn open_purchase_orders_come_page_by_page_with_their_dates() {
    let bench = Bench::start().await;
    for id in ["PO-1", "PO-2", "PO-3"] {
        purchase(&bench, id, 20).await;
    }
    let all = listed(&bench, 2, &[]).await;
    assert_eq!(all.iter().map(number).collect::<Vec<_>>(), ["PO-1", "PO-2", "PO-3"]);
    assert_eq!(all[0].source(), pb::ExpectedReceiptSource::Purchase);
    let lines = [("MUG", "MAIN", "20", "0", "2026-12-01"), ("LAMP", "MAIN", "5", "0", "2026-12-09")];
    assert_eq!(told(&all[0]), lines, "the line's own date, else that of the order");
    assert!(all[0].changed_at.is_some());
}

#[tokio::test]
async fn what_was_received_in_part_says_so_and_what_has_ended_is_asked_for_by_name() {
    let bench = Bench::start().await;
    purchase(&bench, "PO-1", 20).await;
    let part = json!({"item": {"items": [{"orderLine": 1, "quantity": 8}, {"orderLine": 2, "itemReceive": false}]}});
    people(&bench, "POST", "purchaseOrder/eid:PO-1/!transform/itemReceipt", part).await;
    let open = listed(&bench, 0, &[]).await;
    assert_eq!(told(&open[0])[0], ("MUG", "MAIN", "20", "8", "2026-12-01"));
    let close = json!({"item": {"items": [{"line": 1, "isClosed": true}, {"line": 2, "isClosed": true}]}});
    people(&bench, "PATCH", "purchaseOrder/eid:PO-1", close).await;
    assert!(listed(&bench, 0, &[]).await.is_empty());
    let id = open[0].document.as_ref().unwrap().id.clone();
    let ended = listed(&bench, 0, &[id, "999999".to_owned()]).await;
    assert_eq!(ended.len(), 1, "what is not there is left out");
    assert!(ended[0].ended && !open[0].ended && ended[0].lines.iter().all(|line| line.closed));
}

#[tokio::test]
async fn of_a_transfer_that_people_sent_what_has_left_is_expected_and_ours_carries_our_id() {
    let bench = two_places().await;
    let order = json!({
        "externalId": "TO-9", "tranId": "TO-9", "location": {"externalId": "MAIN"},
        "transferLocation": {"externalId": "SOHO"}, "orderStatus": {"id": "B"},
        "item": {"items": [{"item": {"externalId": "MUG"}, "quantity": 6, "expectedReceiptDate": "2026-12-02"},
                           {"item": {"externalId": "LAMP"}, "quantity": 1}]},
    });
    people(&bench, "POST", "transferOrder", order).await;
    assert!(listed(&bench, 0, &[]).await.is_empty(), "it is still where it was");
    let sent = json!({"item": {"items": [{"orderLine": 1, "quantity": 4}, {"orderLine": 4, "itemReceive": false}]}});
    people(&bench, "POST", "transferOrder/eid:TO-9/!transform/itemFulfillment", sent).await;
    let ours = pb::ShipTransferRequest {
        instance: INSTANCE.into(),
        external_ref: "t-1".into(),
        from_location: "MAIN".into(),
        to_location: "SOHO".into(),
        lines: vec![pb::TransferLine { sku: "MUG".into(), quantity: "2".into() }],
        ship_date: "2026-11-23".into(),
        ..Default::default()
    };
    bench.connector.ship_transfer(Request::new(ours)).await.unwrap();
    let all = listed(&bench, 0, &[]).await;
    assert_eq!(all.iter().map(|one| one.external_ref.as_str()).collect::<Vec<_>>(), ["", "t-1"]);
    assert_eq!(told(&all[0])[0], ("MUG", "SOHO", "4", "0", "2026-12-02"));
    assert_eq!(all[0].source(), pb::ExpectedReceiptSource::Transfer);
}

#[tokio::test]
async fn a_kit_says_what_it_is_made_of() {
    let bench = Bench::start().await;
    let member = |sku: &str, quantity: i64| json!({"item": {"externalId": sku}, "quantity": quantity});
    let kit =
        json!({"itemId": "SET", "displayName": "A set", "member": {"items": [member("MUG", 2), member("LAMP", 1)]}});
    people(&bench, "POST", "kitItem", kit).await;
    let asked = pb::ListItemsRequest { instance: INSTANCE.to_owned(), ..Default::default() };
    let items = bench.connector.list_items(Request::new(asked)).await.unwrap().into_inner().items;
    let set = items.iter().find(|item| item.sku == "SET").unwrap();
    let parts: Vec<_> = set.components.iter().map(|part| (part.sku.as_str(), part.quantity.as_str())).collect();
    assert_eq!((parts, set.stocked), (vec![("MUG", "2"), ("LAMP", "1")], false));
    assert!(items.iter().filter(|item| item.sku != "SET").all(|item| item.components.is_empty()));
}
