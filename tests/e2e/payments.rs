//! A payment service beside the mesh: switched on by its sections, heard through the gateway, and asked by orders and
//! returns for the money of a web shop that only lets its customers authorize.

use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;
use retail_proto::payments::v1::{CapturePaymentRequest, GetPaymentRequest, PaymentState};
use retail_runtime::config::Span;
use retail_weft::config::Config;
use retail_weft::mesh::url;
use serde_json::{Value, json};

use crate::harness::Mesh;

const STRIPE: &str = "instance = 'pay'\nsecret_key = 'sk_test_weft_sandbox'\nwebhook_secret = 'whsec_weft_sandbox'\n\
    http = { base_url = 'http://127.0.0.1:9104' }";
const WEBHOOK: &str = "kind = 'payments'\nupstream = 'http://127.0.0.1:7204'";

/// A mesh with a payment service, which orders and returns know, and a channel `web` that is paid there.
async fn mesh(change: impl FnOnce(&mut Config)) -> Mesh {
    let mesh = Mesh::start_with(|config| {
        config.stripe = Some(toml::from_str(STRIPE).unwrap());
        config.sandbox.stripe = Some(toml::from_str("").unwrap());
        config.gateway.webhooks.insert("pay".to_owned(), toml::from_str(WEBHOOK).unwrap());
        let service = "address = 'http://127.0.0.1:7204'";
        config.orders.payments.insert("pay".to_owned(), toml::from_str(service).unwrap());
        config.returns.payments.insert("pay".to_owned(), toml::from_str(service).unwrap());
        let mut web = config.orders.channels["shop"].clone();
        web.address.clear();
        web.gateways.insert("stripe".to_owned(), "pay".to_owned());
        config.orders.channels.insert("web".to_owned(), web);
        let mut web = config.returns.channels["shop"].clone();
        web.address.clear();
        config.returns.channels.insert("web".to_owned(), web);
        change(config);
    })
    .await;
    let hooks = json!({"url": format!("{}/webhooks/payments/pay", url(mesh.at.gateway))});
    mesh.twins().post("/__sandbox/stripe/webhooks", &hooks).await.unwrap();
    mesh.seed().await;
    mesh
}

/// The customer pays in the web shop; the payment's id.
async fn paid(mesh: &Mesh, how: Value) -> String {
    let mut pay = json!({"amount": 1235, "currency": "gbp"});
    pay.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
    let paid = mesh.twins().post("/__sandbox/stripe/pay", &pay).await.unwrap();
    paid["id"].as_str().unwrap().to_owned()
}

async fn ordered(mesh: &Mesh, number: &str, payment: &str) -> String {
    let mut order = crate::harness::order(number);
    order["channel"] = "web".into();
    order["payments"] = json!([{
        "tender": "TENDER_CARD", "amount": {"minorUnits": "1235", "currency": "GBP"}, "state": "PAYMENT_STATE_AUTHORIZED",
        "gateway": "stripe", "reference": payment,
    }]);
    let placed = mesh.post("/v1/orders", number, order).await;
    placed["order"]["orderId"].as_str().unwrap().to_owned()
}

/// The customer wants to send one piece back, at a store; the return's id.
async fn sent_back(mesh: &Mesh, reference: &str, order_id: &str) -> String {
    let wish = json!({
        "capture": "RETURN_CAPTURE_REQUEST", "channel": "web", "source": "store-12", "sourceReturnId": reference,
        "requestedAt": mesh.runtime.clock().now().to_string(),
        "lines": [{"orderId": order_id, "sku": "10003", "quantity": "1"}],
    });
    let started = mesh.post("/v1/returns", reference, wish).await;
    started["returnRecord"]["returnId"].as_str().unwrap().to_owned()
}

async fn stripe(mesh: &Mesh) -> Value {
    mesh.twins().get("/__sandbox/stripe/books").await.unwrap()
}

/// Every write of the service fails twice: before it was done, and after.
async fn trouble(mesh: &Mesh) {
    for kind in ["reset_after_commit", "reset_before"] {
        mesh.plant("stripe", json!({"kind": kind, "method": "POST", "times": 2})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_money_is_taken_once_when_the_goods_leave_and_goes_back_with_them() {
    let mesh = mesh(|_| {}).await;
    trouble(&mesh).await;
    let payment = paid(&mesh, json!({})).await;
    let id = ordered(&mesh, "#W-1", &payment).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(order["payments"][0]["state"], "PAYMENT_STATE_SETTLED");
    assert_eq!(order["payments"][1]["state"], "PAYMENT_STATE_CAPTURED");
    assert_eq!(order["payments"][1]["takenFrom"], order["payments"][0]["paymentId"]);
    assert!(order["payments"][1]["document"].is_object(), "the capture is in the ERP's books");
    let returned = &sent_back(&mesh, "w-1", &id).await;
    mesh.until_return(returned, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["customer_deposits"]["value"], "12.35");
    assert_eq!(books["netsuite"]["customer_refunds"]["value"], "7.25");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    assert_eq!(books["shopify"]["refunds"]["count"], 0, "the shop has none of this money");
    let stripe = stripe(&mesh).await;
    assert_eq!(stripe["payments"]["captures"], 1);
    assert_eq!(stripe["payments"]["captured"], 1235);
    assert_eq!(stripe["refunds"]["value"], 725);
    assert_eq!(stripe["refunds"]["duplicates"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_a_return_that_does_not_arrive_is_given_by_a_person_and_the_books_stay_right() {
    let mesh = mesh(|config| {
        config.returns.payments.values_mut().for_each(|service| service.poll = Span::from_millis(200));
    })
    .await;
    let payment = paid(&mesh, json!({})).await;
    let id = ordered(&mesh, "#W-9", &payment).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let returned = &sent_back(&mesh, "w-9", &id).await;
    let one = mesh.until_return(returned, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    let ended = json!({"refund": one["parts"][0]["refund"]["id"], "failure_reason": "lost_or_stolen_card"});
    mesh.twins().post("/__sandbox/stripe/refund/end", &ended).await.unwrap();
    let open = mesh.until_return(returned, |one| one["parked"] == true).await;
    assert_eq!((&open["state"], &open["refunded"]), (&json!("RETURN_STATE_RECEIVED"), &Value::Null));
    let cause = open["cause"].as_str().unwrap();
    assert!(cause.starts_with("REFUND_CAME_BACK: 7.25 GBP that a payment service had given back"), "{cause}");
    let note = json!({"note": "sent to her bank account"});
    mesh.post(&format!("/v1/returns/{returned}:resume"), "by-bank", note).await;
    let done = mesh.until_return(returned, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    assert_eq!(done["refunded"][0]["minorUnits"], "725");
    let stripe = stripe(&mesh).await;
    let refunds = &stripe["refunds"];
    assert_eq!((&refunds["count"], &refunds["failed"], &refunds["value"]), (&json!(1), &json!(1), &json!(0)));
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["customer_refunds"]["value"], "7.25");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_came_back_unpaid_are_not_charged_when_the_customer_pays_anew() {
    let mesh = mesh(|config| config.sandbox.netsuite.back_office = false).await;
    let payment = paid(&mesh, json!({})).await;
    let id = ordered(&mesh, "#W-10", &payment).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    expires(&mesh, &payment).await;
    mesh.until(&id, |order| order["status"] == "Booked, and not paid").await;
    let path = sold(&order);
    mesh.people(&format!("{path}/itemFulfillment"), json!({"shipStatus": {"id": "C"}})).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
    mesh.until(&id, |order| order["invoices"][0].is_object()).await;
    let returned = &sent_back(&mesh, "w-10", &id).await;
    mesh.until_return(returned, |one| one["state"] == "RETURN_STATE_AUTHORIZED").await;
    let receipt = json!({"receiptRef": "dock-1", "receivedAt": mesh.runtime.clock().now().to_string()});
    mesh.post(&format!("/v1/returns/{returned}:receive"), "dock-1", receipt).await;
    let one = mesh.until_return(returned, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    assert_eq!((&one["credited"][0]["minorUnits"], &one["refunded"]), (&json!("725"), &Value::Null));
    let order = mesh.until(&id, |order| order["returnCredit"].is_object()).await;
    assert_eq!(order["returnCredit"]["minorUnits"], "725");
    let anew = paid(&mesh, json!({})).await;
    let named = json!({"reason": "the first ran out", "payment": {"tender": "TENDER_CARD", "amount": {"minorUnits": "1235", "currency": "GBP"},
        "state": "PAYMENT_STATE_AUTHORIZED", "gateway": "stripe", "reference": anew}});
    mesh.post(&format!("/v1/orders/{id}:addPayment"), "anew", named).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let stripe = stripe(&mesh).await;
    assert_eq!((&stripe["payments"]["captured"], &stripe["payments"]["capturable"]), (&json!(510), &json!(0)));
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["customer_deposits"]["value"], "5.10");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_until_the_customer_has_authorized_it() {
    let mesh = mesh(|_| {}).await;
    let payment = paid(&mesh, json!({"payment_method": "pm_card_authenticationRequired"})).await;
    let id = ordered(&mesh, "#W-2", &payment).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_HELD").await;
    assert_eq!(order["holds"][0]["reason"], "PAYMENT_NOT_AUTHORIZED");
    mesh.twins().post("/__sandbox/stripe/authenticate", &json!({"payment_intent": payment})).await.unwrap();
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(stripe(&mesh).await["payments"]["captured"], 1235);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_holds_none_of_the_customers_money() {
    let mesh = mesh(|config| config.sandbox.netsuite.back_office = false).await;
    let payment = paid(&mesh, json!({})).await;
    let id = ordered(&mesh, "#W-3", &payment).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    trouble(&mesh).await;
    mesh.post(&format!("/v1/orders/{id}:cancel"), "cancel", json!({"reason": "no longer wanted"})).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_CANCELLED").await;
    assert_eq!(order["payments"][0]["state"], "PAYMENT_STATE_VOIDED");
    let stripe = stripe(&mesh).await;
    assert_eq!(stripe["payments"]["captured"], 0);
    assert_eq!(stripe["payments"]["capturable"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_parcel_is_paid_by_itself_and_what_is_cancelled_is_never_taken() {
    let mesh = mesh(|config| config.sandbox.netsuite.back_office = false).await;
    let payment = paid(&mesh, json!({"several_captures": true})).await;
    let id = ordered(&mesh, "#W-4", &payment).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    let path = format!("salesOrder/{}/!transform", record["id"].as_str().unwrap());
    let first = json!({"shipStatus": {"id": "C"}, "item": {"items": [{"orderLine": 1, "quantity": 1}, {"orderLine": 2, "itemReceive": false}]}});
    mesh.people(&format!("{path}/itemFulfillment"), first).await;
    mesh.until(&id, |order| order["payments"][1]["state"] == "PAYMENT_STATE_CAPTURED").await;
    assert_eq!(stripe(&mesh).await["payments"]["captured"], 255);
    let rest = json!({"reason": "no longer wanted", "lineNumbers": [2]});
    mesh.post(&format!("/v1/orders/{id}:cancel"), "cancel-2", rest).await;
    let done = |order: &Value| order["lineCancellations"][0]["state"] == "LINE_CANCELLATION_STATE_DONE";
    mesh.until(&id, done).await;
    mesh.people(&format!("{path}/itemFulfillment"), json!({"shipStatus": {"id": "C"}})).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let stripe = stripe(&mesh).await;
    assert_eq!(stripe["payments"]["captured"], 510);
    assert_eq!(stripe["payments"]["capturable"], 0, "nothing of the customer's is held");
    assert_eq!(mesh.books().await["netsuite"]["unbalanced_orders"], 0);
    mesh.end().await;
}

/// Goods leave by people's hands, and the channel may authorize anew.
async fn renewing() -> Mesh {
    mesh(|config| {
        config.sandbox.netsuite.back_office = false;
        config.orders.channels.get_mut("web").unwrap().reauthorize = true;
    })
    .await
}

/// The customer lets his card be kept; the payment's id.
async fn kept(mesh: &Mesh, card: &str) -> String {
    let how = json!({"payment_method": card, "customer": "cus_1", "setup_future_usage": "off_session"});
    paid(mesh, how).await
}

/// Address of the sales order's parcels and invoices.
fn sold(order: &Value) -> String {
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    format!("salesOrder/{}/!transform", record["id"].as_str().unwrap())
}

/// The first line leaves.
async fn first_parcel(mesh: &Mesh, id: &str) -> String {
    let order = mesh.until(id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    let path = sold(&order);
    let lines = json!([{"orderLine": 1}, {"orderLine": 2, "itemReceive": false}]);
    let first = json!({"shipStatus": {"id": "C"}, "item": {"items": lines}});
    mesh.people(&format!("{path}/itemFulfillment"), first).await;
    path
}

async fn last_parcel(mesh: &Mesh, id: &str, path: &str) {
    mesh.people(&format!("{path}/itemFulfillment"), json!({"shipStatus": {"id": "C"}})).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
    mesh.until(id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let stripe = stripe(mesh).await;
    assert_eq!((&stripe["payments"]["captures"], &stripe["payments"]["captured"]), (&json!(2), &json!(1235)));
    assert_eq!((&stripe["payments"]["capturable"], &stripe["payments"]["duplicates"]), (&json!(0), &json!(0)));
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["customer_deposits"]["value"], "12.35");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_captured_once_pays_two_parcels_and_is_authorized_anew_between_them() {
    let mesh = renewing().await;
    let payment = kept(&mesh, "pm_card_visa").await;
    let id = ordered(&mesh, "#W-5", &payment).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    trouble(&mesh).await;
    let path = first_parcel(&mesh, &id).await;
    let order = mesh.until(&id, |order| order["payments"][2]["state"] == "PAYMENT_STATE_AUTHORIZED").await;
    assert_eq!(order["payments"][2]["againOf"], order["payments"][0]["paymentId"]);
    assert_eq!(order["payments"][2]["amount"]["minorUnits"], "725");
    assert_eq!(order["payments"][1]["amount"]["minorUnits"], "510");
    trouble(&mesh).await;
    last_parcel(&mesh, &id, &path).await;
    assert_eq!(stripe(&mesh).await["payments"]["count"], 2, "one authorization for each parcel");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_wants_the_customer_leaves_the_order_unpaid_until_he_has_paid_anew() {
    let mesh = renewing().await;
    let payment = kept(&mesh, "pm_card_authenticationRequired").await;
    mesh.twins().post("/__sandbox/stripe/authenticate", &json!({"payment_intent": payment})).await.unwrap();
    let id = ordered(&mesh, "#W-6", &payment).await;
    let path = first_parcel(&mesh, &id).await;
    let order = mesh.until(&id, |order| order["status"] == "Booked, and not paid").await;
    assert_eq!(order["payments"][2]["state"], "PAYMENT_STATE_FAILED");
    assert_eq!(order["payments"][2]["cause"], "authentication_required");
    let anew = paid(&mesh, json!({"amount": 725})).await;
    let named = json!({"reason": "the bank wanted the customer", "payment": {"tender": "TENDER_CARD", "amount": {"minorUnits": "725", "currency": "GBP"},
        "state": "PAYMENT_STATE_AUTHORIZED", "gateway": "stripe", "reference": anew}});
    mesh.post(&format!("/v1/orders/{id}:addPayment"), "anew", named).await;
    mesh.until(&id, |order| order["status"] != "Booked, and not paid").await;
    last_parcel(&mesh, &id, &path).await;
    mesh.end().await;
}

/// The authorization runs out.
async fn expires(mesh: &Mesh, payment: &str) {
    mesh.twins().post("/__sandbox/stripe/expire", &json!({"payment_intent": payment})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_out_before_anything_left_is_authorized_anew() {
    let mesh = renewing().await;
    let payment = kept(&mesh, "pm_card_visa").await;
    let id = ordered(&mesh, "#W-7", &payment).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    trouble(&mesh).await;
    expires(&mesh, &payment).await;
    let again = mesh.until(&id, |order| order["payments"][1]["state"] == "PAYMENT_STATE_AUTHORIZED").await;
    assert_eq!(again["payments"][0]["state"], "PAYMENT_STATE_EXPIRED");
    assert_eq!(again["payments"][1]["amount"]["minorUnits"], "1235");
    let path = sold(&order);
    mesh.people(&format!("{path}/itemFulfillment"), json!({"shipStatus": {"id": "C"}})).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let stripe = stripe(&mesh).await;
    assert_eq!((&stripe["payments"]["captured"], &stripe["payments"]["capturable"]), (&json!(1235), &json!(0)));
    assert_eq!((&stripe["payments"]["count"], &stripe["payments"]["duplicates"]), (&json!(2), &json!(0)));
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_while_money_is_asked_for_anew_holds_none_of_it() {
    let mesh = renewing().await;
    let payment = kept(&mesh, "pm_card_visa").await;
    let id = ordered(&mesh, "#W-8", &payment).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    trouble(&mesh).await;
    expires(&mesh, &payment).await;
    mesh.until(&id, |order| order["payments"][1].is_object()).await;
    mesh.post(&format!("/v1/orders/{id}:cancel"), "cancel", json!({"reason": "no longer wanted"})).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_CANCELLED").await;
    let stripe = stripe(&mesh).await;
    assert_eq!((&stripe["payments"]["captured"], &stripe["payments"]["capturable"]), (&json!(0), &json!(0)));
    assert_eq!(stripe["payments"]["duplicates"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_the_shop_is_captured_and_its_webhooks_pass_the_edge() {
    let mesh = mesh(|_| {}).await;
    let paid = mesh.twins().post("/__sandbox/stripe/pay", &json!({"amount": 2000, "currency": "gbp"})).await.unwrap();
    let id = paid["id"].as_str().unwrap().to_owned();
    let peer = mesh.runtime.peer(&url(mesh.at.stripe.unwrap())).unwrap();
    let mut payments = PaymentsServiceClient::new(peer);
    let ask = CapturePaymentRequest {
        instance: "pay".to_owned(),
        idempotency_key: "k-1".to_owned(),
        external_ref: "C-1".to_owned(),
        payment_id: id.clone(),
        amount: Some(retail_proto::types::v1::Money { minor_units: 2000, currency: "GBP".to_owned() }),
        r#final: true,
        verify_only: false,
    };
    payments.capture_payment(ask).await.unwrap();
    let ask = GetPaymentRequest { instance: "pay".to_owned(), payment_id: id };
    let payment = payments.get_payment(ask).await.unwrap().into_inner().payment.unwrap();
    assert_eq!(payment.state(), PaymentState::Captured);
    while mesh.twins().get("/__sandbox/stripe/progress").await.unwrap()["idle"] != true {
        tokio::task::yield_now().await;
    }
    let books = mesh.twins().get("/__sandbox/stripe/books").await.unwrap();
    let webhooks = &books["webhooks"];
    assert_eq!(webhooks["sent"], webhooks["acknowledged"]);
    assert_eq!(webhooks["given_up"], 0);
    // Whoever does not know the secret is not heard.
    let forged =
        mesh.gateway().raw("POST", "/webhooks/payments/pay", Some(&json!({"id": "evt_1"})), &[]).await.unwrap();
    assert_eq!(forged.0, 401);
}
