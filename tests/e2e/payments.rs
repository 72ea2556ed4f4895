//! A payment service beside the mesh: switched on by its sections, reached over gRPC, heard through the gateway.

use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;
use retail_proto::payments::v1::{CapturePaymentRequest, GetPaymentRequest, PaymentState};
use retail_weft::mesh::url;
use serde_json::json;

use crate::harness::Mesh;

const STRIPE: &str = "instance = 'pay'\nsecret_key = 'sk_test_weft_sandbox'\nwebhook_secret = 'whsec_weft_sandbox'\n\
    http = { base_url = 'http://127.0.0.1:9104' }";
const WEBHOOK: &str = "kind = 'payments'\nupstream = 'http://127.0.0.1:7204'";

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_the_shop_is_captured_and_its_webhooks_pass_the_edge() {
    let mesh = Mesh::start_with(|config| {
        config.stripe = Some(toml::from_str(STRIPE).unwrap());
        config.sandbox.stripe = Some(toml::from_str("").unwrap());
        config.gateway.webhooks.insert("pay".to_owned(), toml::from_str(WEBHOOK).unwrap());
    })
    .await;
    let hooks = json!({"url": format!("{}/webhooks/payments/pay", url(mesh.at.gateway))});
    mesh.twins().post("/__sandbox/stripe/webhooks", &hooks).await.unwrap();
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
