//! What the connector says of itself and what it refuses before anything is sent.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;
use prost::Message as _;
use retail_proto::payments::v1 as pb;
use retail_proto::payments::v1::payments_service_server::PaymentsService as _;
use retail_runtime::Runtime;
use retail_runtime::fault::{Class, Refusal};
use retail_stripe::{Config, Connector, METHODS, StartError};
use serde_json::json;
use tonic::Request;
use tower::ServiceExt as _;

use crate::world::*;

#[tokio::test]
async fn describe_lists_exactly_the_methods_that_are_implemented() {
    let runtime = Runtime::system("test");
    let stripe = Connector::new(&config("http://127.0.0.1:9", "http://127.0.0.1:9", ""), &runtime).unwrap();
    let description =
        stripe.describe(Request::new(pb::DescribeRequest {})).await.unwrap().into_inner().description.unwrap();
    assert_eq!((description.vendor.as_str(), description.api_version.as_str()), ("Stripe", "2026-10-28.endive"));
    let described: BTreeSet<String> = description.capabilities.into_iter().map(|one| one.method).collect();
    let set = prost_types::FileDescriptorSet::decode(retail_proto::DESCRIPTORS).unwrap();
    let file = set.file.iter().find(|file| file.package() == "retail.payments.v1").unwrap();
    let service = file.service.iter().find(|service| service.name() == "PaymentsService").unwrap();
    let mut implemented = BTreeSet::new();
    for method in service.method.iter().filter(|method| method.name() != "Describe") {
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("/retail.payments.v1.PaymentsService/{}", method.name()))
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5])))
            .unwrap();
        let (head, body) = stripe.server().oneshot(request).await.unwrap().into_parts();
        let trailers = body.collect().await.unwrap().trailers().cloned().unwrap_or_default();
        let code = head.headers.get("grpc-status").or_else(|| trailers.get("grpc-status")).cloned();
        if code.is_none_or(|code| code != "12") {
            implemented.insert(method.name().to_owned());
        }
    }
    assert_eq!(described, implemented);
    assert_eq!(METHODS.len(), implemented.len());
}

#[tokio::test]
async fn a_request_without_shape_or_for_another_instance_reaches_nobody() {
    let world = world().await;
    let nothing = pb::RefundPaymentRequest { instance: "pay".to_owned(), ..pb::RefundPaymentRequest::default() };
    let refusal = world.refund(&nothing).await.unwrap_err();
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["idempotency_key", "external_ref", "payment_id", "amount"]);
    let other = pb::CapturePaymentRequest { instance: "other".to_owned(), ..capture("pi_1", "C-1", 1, true) };
    assert_eq!(world.capture(&other).await.unwrap_err().fields()[0].0, "instance");
    assert_eq!(world.stripe.snapshot().sent, 0);
}

#[tokio::test]
async fn a_payment_that_is_not_there_is_said_to_be_so() {
    let world = world().await;
    let request = pb::GetPaymentRequest { instance: "pay".to_owned(), payment_id: "pi_none".to_owned() };
    let refusal = Refusal::read(&world.stripe.get_payment(Request::new(request)).await.unwrap_err());
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_PAYMENT"));
}

#[tokio::test]
async fn a_payment_of_the_shop_is_adopted_and_then_found_by_both_names() {
    let world = world().await;
    let id = world.held(2000).await;
    let adopted = world.adopt(&id, "O-1").await.unwrap();
    assert_eq!(state(adopted.outcome), done());
    assert_eq!(adopted.payment.unwrap().external_ref, "O-1");
    assert_eq!(state(world.adopt(&id, "O-1").await.unwrap().outcome), done());
    assert_eq!(state(world.adopt(&id, "O-2").await.unwrap().outcome), refused("ADOPTED_ALREADY"));
    assert!(world.find("O-1", "").await.is_empty(), "the search lags");
    world.later("1m").await;
    for (ours, shops) in [("O-1", ""), ("", "1001")] {
        let found = world.find(ours, shops).await;
        let payment = found[0].payment.clone().unwrap();
        assert_eq!((found.len(), payment.id.as_str(), found[0].shop_order_ref.as_str()), (1, id.as_str(), "1001"));
    }
    assert!(world.find("O-2", "").await.is_empty());
}

#[tokio::test]
async fn a_key_that_stripe_does_not_know_is_our_misconfiguration() {
    let world = world().await;
    let id = world.held(2000).await;
    world.fault("capture", json!({"kind": "status", "status": 403})).await;
    let refusal = world.capture(&capture(&id, "C-1", 2000, true)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS"));
}

#[test]
fn the_example_is_a_configuration_and_unknown_settings_are_refused() {
    let text = include_str!("../../example.toml");
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!((config.instance.as_str(), config.api_version.as_str()), ("stripe-uk", "2026-10-28.endive"));
    assert!(toml::from_str::<Config>(&format!("colour = 'blue'\n{text}")).is_err());
}

#[tokio::test]
async fn a_configuration_that_would_leave_a_door_open_does_not_start() {
    let runtime = Runtime::system("test");
    let start = |change: fn(&mut Config)| {
        let mut config = config("http://127.0.0.1:9", "http://127.0.0.1:9", "");
        change(&mut config);
        Connector::new(&config, &runtime).map(|_| ()).unwrap_err()
    };
    assert!(matches!(start(|config| config.webhook_secret = String::new().into()), StartError::Secrets(_)));
    assert!(matches!(start(|config| config.previous_webhook_secret = Some(" ".into())), StartError::Secrets(_)));
    assert!(matches!(start(|config| config.secret_key = String::new().into()), StartError::SecretKey));
    assert!(matches!(start(|config| config.secret_key = "pk_test_1".into()), StartError::SecretKey));
    assert!(matches!(start(|config| config.api_version = "latest".to_owned()), StartError::ApiVersion(_)));
    assert!(matches!(start(|config| config.shop_order_keys = vec!["a\"b".to_owned()]), StartError::OrderKeys));
    assert!(matches!(start(|config| config.facts = Some("orders".to_owned())), StartError::Facts(_)));
}
