//! Edits between us and the shop that sold an order: people's there are carried out here, ours are shown there; over real
//! webhooks that come twice and out of order, with answers that are lost, held against every book.

use retail_weft::mesh::url;
use serde_json::{Value, json};

use crate::harness::Mesh;
use crate::pickup::{shipped, told};
use crate::shop::{available, id, lost, mesh, sold};

async fn edit_in_shop(mesh: &Mesh, edit: Value) -> Value {
    mesh.twins().post("/__sandbox/shopify/edit", &edit).await.unwrap()
}

fn mugs(order: &str, quantity: i64) -> Value {
    json!({"order": order, "set": [{"sku": "MUG", "quantity": quantity}]})
}

/// Nothing is open or held, and so many mugs are ordered.
async fn settled(mesh: &Mesh, id: &str, quantity: &str) -> Value {
    let is = |order: &Value| {
        let edits = order["edits"].as_array().unwrap();
        let done = edits.iter().all(|edit| edit["state"] != "EDIT_STATE_OPEN" && edit["told"] != "EDIT_TOLD_DUE");
        done && order["lines"][0]["quantity"] == quantity && order["holds"].as_array().is_none_or(Vec::is_empty)
    };
    mesh.until(id, |order| order["edits"].is_array() && is(order)).await
}

/// Ships it, waits until all is done, and answers the books once the shop has nothing left to say.
async fn finished(mesh: &Mesh, order: &Value) -> Value {
    shipped(mesh, order).await;
    mesh.until(id(order), |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let books = mesh.until_books(|books| books["shopify"]["webhooks"]["pending"] == 0).await;
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0, "{:#}", books["netsuite"]["unbalanced_examples"]);
    assert_eq!(books["shopify"]["orders"]["fulfilled"], 1);
    books
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_the_shops_admin_is_in_every_book_and_paid_back_there_once() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820001", None).await;
    mesh.plant("netsuite", json!({"kind": "reset_after_commit", "method": "PATCH", "times": 1})).await;
    let mut edit = mugs("#820001", 3);
    edit["refund"] = true.into();
    assert_eq!(edit_in_shop(&mesh, edit).await["refunded"], "2.50");
    let order = settled(&mesh, id(&order), "3").await;
    let edits = order["edits"].as_array().unwrap();
    assert_eq!((edits.len(), &edits[0]["who"], &edits[0]["told"]), (1, &json!("shop"), &json!("EDIT_TOLD_DONE")));
    assert_eq!((available(&mesh, "SOHO").await.as_str(), &order["total"]["minorUnits"]), ("2", &json!("750")));
    let books = finished(&mesh, &order).await;
    let (shop, erp) = (&books["shopify"], &books["netsuite"]);
    assert_eq!((&shop["refunds"]["value"], &shop["refunds"]["count"]), (&json!("2.50"), &json!(1)));
    assert_eq!((&shop["orders"]["edited"], &shop["fulfillments"]["units"]), (&json!(1), &json!(3)));
    assert_eq!(erp["invoices"]["value"], "7.50");
    let returns = mesh.gateway().get("/v1/returns").await.unwrap();
    assert_eq!(returns["returns"].as_array().map_or(0, Vec::len), 0, "goods that never left are no return: {returns}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_in_the_shop_is_promised_at_once_and_paid_when_the_shop_has_the_money() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820002", None).await;
    let hook = format!("{}/webhooks/commerce/shop", url(mesh.at.gateway));
    let topics = json!(["orders/edited", "orders/updated", "orders/paid", "orders/fulfilled"]);
    mesh.twins().post("/__sandbox/shopify/webhooks", &json!({"url": hook, "topics": topics})).await.unwrap();
    assert_eq!(edit_in_shop(&mesh, mugs("#820002", 5)).await["outstanding"], "2.50");
    let order = settled(&mesh, id(&order), "5").await;
    assert_eq!((available(&mesh, "SOHO").await.as_str(), &order["total"]["minorUnits"]), ("0", &json!("1250")));
    mesh.twins().post("/__sandbox/shopify/pay", &json!({"order": "#820002"})).await.unwrap();
    let paid = |order: &Value| order["payments"][1]["document"].is_object();
    mesh.until(id(&order), paid).await;
    let books = finished(&mesh, &order).await;
    let erp = &books["netsuite"];
    assert_eq!((&erp["invoices"]["value"], &erp["customer_deposits"]["value"]), (&json!("12.50"), &json!("12.50")));
    assert_eq!(books["shopify"]["refunds"]["count"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_made_here_is_made_in_the_shop_once_although_its_answer_is_lost() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820003", None).await;
    lost(&mesh, "CommitEdit").await;
    let less = json!({"reason": "three are enough", "quantities": [{"lineNumber": 1, "quantity": "3"}]});
    told(&mesh, id(&order), "edit", less).await;
    let order = settled(&mesh, id(&order), "3").await;
    assert_eq!(order["edits"][0]["told"], "EDIT_TOLD_DONE");
    mesh.until_books(|books| books["shopify"]["webhooks"]["pending"] == 0).await;
    let order = settled(&mesh, id(&order), "3").await;
    assert_eq!(order["edits"].as_array().unwrap().len(), 1, "the webhook about it is no news");
    let books = finished(&mesh, &order).await;
    let shop = &books["shopify"];
    assert_eq!((&shop["orders"]["edited"], &shop["fulfillments"]["units"]), (&json!(1), &json!(3)));
    assert_eq!((&shop["refunds"]["value"], &shop["refunds"]["count"]), (&json!("2.50"), &json!(1)));
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_the_shop_beside_an_edit_of_ours_waits_for_it_and_both_sides_agree() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820004", None).await;
    mesh.plant("netsuite", json!({"kind": "status", "status": 503, "method": "PATCH", "times": 3})).await;
    let less = json!({"reason": "three are enough", "quantities": [{"lineNumber": 1, "quantity": "3"}]});
    told(&mesh, id(&order), "edit", less).await;
    edit_in_shop(&mesh, mugs("#820004", 2)).await;
    let order = settled(&mesh, id(&order), "2").await;
    let books = finished(&mesh, &order).await;
    let (shop, erp) = (&books["shopify"], &books["netsuite"]);
    assert_eq!((&shop["fulfillments"]["units"], &erp["invoices"]["value"]), (&json!(2), &json!("5.00")));
    assert_eq!(shop["refunds"]["value"], "5.00");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_the_shop_of_what_has_shipped_waits_for_a_person() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820005", None).await;
    // The shop does not hear of the parcel yet.
    mesh.plant(
        "shopify",
        json!({"kind": "status", "status": 503, "times": 1000, "body_contains": "CreateFulfilment("}),
    )
    .await;
    shipped(&mesh, &order).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_SHIPPED").await;
    edit_in_shop(&mesh, mugs("#820005", 2)).await;
    let held = |order: &Value| order["holds"][0]["reason"] == "EDITED_IN_SHOP";
    let order = mesh.until(id(&order), held).await;
    let detail = order["holds"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("the shop wants 2, here 4 are ordered and 4 shipped"), "{detail}");
    assert_eq!((&order["state"], &order["lines"][0]["quantity"]), (&json!("ORDER_STATE_SHIPPED"), &json!("4")));
    mesh.end().await;
}
