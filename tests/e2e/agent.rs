//! An agent at the service desk: a customer calls, and one affair goes from the case to the closed books.

use serde_json::{Value, json};

use crate::harness::Mesh;

/// What a section of a context is.
fn section<'v>(context: &'v Value, name: &str) -> &'v Value {
    let sections = context["context"]["sections"].as_array().unwrap();
    let found = sections.iter().find(|section| section["name"] == name);
    found.unwrap_or_else(|| panic!("no section {name} in {sections:?}"))
}

/// Does every owner stand behind what is shown?
fn is_certain(context: &Value) -> bool {
    let certain = ["SECTION_STATE_FRESH", "SECTION_STATE_EMPTY"];
    let mut sections = context["context"]["sections"].as_array().into_iter().flatten();
    sections.all(|section| certain.iter().any(|state| section["state"] == **state))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_ends_with_goods_back_money_back_and_every_milestone_in_the_crm() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    // The warehouse is ours to play: nobody in the ERP receives by himself.
    mesh.twins().post("/__sandbox/netsuite/receiving", &json!({"on": false})).await.unwrap();
    let lines = json!([
        {"sku": "10001", "title": "BLUE ENAMEL MUG", "quantity": 6, "price": "2.55", "kind": "goods"},
        {"sku": "10003", "title": "BRASS DOOR BELL", "quantity": 1, "price": "7.25", "kind": "goods"},
    ]);
    let order = mesh.sold("#700001", "60001", lines).await;
    let (order_id, customer_id) = (order["orderId"].as_str().unwrap(), order["customerId"].as_str().unwrap());

    let opened = json!({"subject": "Two mugs are cracked", "origin": "Phone", "contact_mesh_id": customer_id});
    let case = mesh.twins().post("/__sandbox/salesforce/case", &opened).await.unwrap();
    let (case_id, number) = (case["id"].as_str().unwrap(), case["case_number"].as_str().unwrap());
    // The agent sees customer and order in one call, by the number on the screen.
    let known = |all: &Value| {
        is_certain(all) && all["context"]["orders"][0].is_object() && all["context"]["cases"][0].is_object()
    };
    let context = mesh.answer(&format!("/v1/context?caseNumber={number}"), known).await;
    assert_eq!(context["context"]["customer"]["customerId"], customer_id);
    assert_eq!(context["context"]["orders"][0]["orderId"], order_id);
    for name in ["customer", "orders", "cases"] {
        assert_eq!(section(&context, name)["state"], "SECTION_STATE_FRESH", "{name}");
        assert!(section(&context, name)["asOf"].is_string(), "{name}");
    }
    assert_eq!(section(&context, "returns")["state"], "SECTION_STATE_EMPTY");

    // What may come back, and why.
    let asked = json!({"channel": "shop", "orderId": order_id});
    let judged = mesh.post("/v1/returns:checkEligibility", "check-1", asked).await;
    let judged = judged["lines"].as_array().unwrap();
    assert!(judged.iter().all(|line| line["eligible"] == true && !line["rules"].as_array().unwrap().is_empty()));

    let wish = json!({
        "capture": "RETURN_CAPTURE_REQUEST", "channel": "shop", "source": "service-desk", "sourceReturnId": number,
        "customerId": customer_id, "requestedAt": mesh.runtime.clock().now().to_string(),
        "lines": [{"orderId": order_id, "sku": "10001", "quantity": "2", "reason": "DEFECTIVE"}],
        "caseRecord": {"kind": "crm", "instance": "crm", "type": "Case", "id": case_id, "number": number},
    });
    let started = mesh.post("/v1/returns", "start-1", wish.clone()).await;
    let id = started["returnRecord"]["returnId"].as_str().unwrap();
    let authorized = mesh.until_return(id, |one| one["parts"][0]["returnAuthorization"].is_object()).await;
    assert_eq!(authorized["state"], "RETURN_STATE_AUTHORIZED");
    let rma = authorized["rmaNumber"].as_str().unwrap();
    assert!(rma.starts_with("R-"), "{rma}");
    // Asking again is the same return.
    let again = mesh.post("/v1/returns", "start-1", wish).await;
    assert_eq!(again["returnRecord"]["returnId"], id);

    let received = json!({
        "receiptRef": "dock-4711", "receivedAt": mesh.runtime.clock().now().to_string(),
        "lines": [{"number": 1, "quantity": "2", "disposition": "DISPOSITION_RESTOCK"}],
    });
    mesh.post(&format!("/v1/returns/{id}:receive"), "receive-1", received.clone()).await;
    mesh.post(&format!("/v1/returns/{id}:receive"), "receive-2", received).await;
    let done = mesh.until_return(id, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    let line = &done["lines"][0];
    for field in ["requested", "authorized", "received", "accepted", "credited", "refunded"] {
        assert_eq!(line[field], "2", "{field} of {line}");
    }
    let part = &done["parts"][0];
    for document in ["invoice", "returnAuthorization", "creditMemo", "refund", "refundDocument"] {
        assert!(part[document]["id"].is_string(), "{document} of {part}");
    }

    let told = |books: &Value| books["salesforce"]["case_milestones"]["by_kind"]["RETURN_COMPLETED"] == 1;
    let books = mesh.until_books(told).await;
    for (book, value) in [("credit_memos", "5.10"), ("customer_refunds", "5.10")] {
        assert_eq!((&books["netsuite"][book]["count"], &books["netsuite"][book]["value"]), (&json!(1), &json!(value)));
    }
    assert_eq!(books["netsuite"]["item_receipts"]["count"], 1, "one receipt, though told twice");
    assert_eq!(
        (&books["shopify"]["refunds"]["count"], &books["shopify"]["refunds"]["value"]),
        (&json!(1), &json!("5.10"))
    );
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    for kind in ["RETURN_AUTHORIZED", "RETURN_RECEIVED", "RETURN_CREDITED", "RETURN_REFUNDED"] {
        assert_eq!(books["salesforce"]["case_milestones"]["by_kind"][kind], 1, "{kind}");
    }

    mesh.twins().post(&format!("/__sandbox/salesforce/case/{case_id}/close"), &json!({})).await.unwrap();
    let closed = |all: &Value| is_certain(all) && all["context"]["cases"][0]["caseRecord"]["closed"] == true;
    let context = mesh.answer(&format!("/v1/context?rmaNumber={rma}"), closed).await;
    assert_eq!(context["context"]["returns"][0]["returnId"], id);
    assert_eq!(section(&context, "promises")["state"], "SECTION_STATE_EMPTY", "nothing is owed any more");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_that_is_down_makes_a_section_stale_and_the_call_answers() {
    let mesh = Mesh::start_with(|config| {
        config.cases.stale_after = retail_runtime::config::Span::from_secs(2);
    })
    .await;
    mesh.seed().await;
    let lines = json!([{"sku": "10003", "title": "BRASS DOOR BELL", "quantity": 1, "price": "7.25", "kind": "goods"}]);
    let order = mesh.sold("#700002", "60002", lines).await;
    let customer_id = order["customerId"].as_str().unwrap();
    let opened = json!({"subject": "Where is my bell?", "contact_mesh_id": customer_id});
    mesh.twins().post("/__sandbox/salesforce/case", &opened).await.unwrap();
    let path = format!("/v1/context?customerId={customer_id}");
    let state = |all: &Value, name: &str| section(all, name)["state"].as_str().unwrap().to_owned();
    let fresh = |all: &Value| ["orders", "cases"].iter().all(|name| state(all, name) == "SECTION_STATE_FRESH");
    mesh.answer(&path, fresh).await;
    mesh.plant("salesforce", json!({"kind": "status", "status": 503, "times": 0, "path_contains": "/"})).await;
    let context = mesh.answer(&path, |all| state(all, "cases") == "SECTION_STATE_STALE").await;
    assert_eq!(state(&context, "orders"), "SECTION_STATE_FRESH");
    assert!(section(&context, "cases")["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    mesh.end().await;
}
