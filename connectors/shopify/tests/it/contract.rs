//! What the connector says of itself and what it refuses before anything is sent.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;
use prost::Message as _;
use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_runtime::Runtime;
use retail_shopify::{Config, Connector, METHODS, StartError};
use tonic::Request;
use tower::ServiceExt as _;

use crate::world::*;

#[tokio::test]
async fn describe_lists_exactly_the_methods_that_are_implemented() {
    let desk = desk("").await;
    let description =
        desk.shop.describe(Request::new(pb::DescribeRequest {})).await.unwrap().into_inner().description.unwrap();
    assert_eq!((description.vendor.as_str(), description.api_version.as_str()), ("Shopify", "2026-10"));
    let described: BTreeSet<String> = description.capabilities.into_iter().map(|one| one.method).collect();
    let set = prost_types::FileDescriptorSet::decode(retail_proto::DESCRIPTORS).unwrap();
    let file = set.file.iter().find(|file| file.package() == "retail.commerce.v1").unwrap();
    let mut implemented = BTreeSet::new();
    for method in file.service[0].method.iter().filter(|method| method.name() != "Describe") {
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("/retail.commerce.v1.CommerceService/{}", method.name()))
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5])))
            .unwrap();
        let response = desk.shop.server().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
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
async fn another_instance_is_refused() {
    let desk = desk("").await;
    let request = pb::ListLocationsRequest { instance: "other".to_owned() };
    let refusal = read(desk.shop.list_locations(Request::new(request)).await.unwrap_err());
    assert_eq!(refusal.fields()[0].0, "instance");
}

#[tokio::test]
async fn a_request_without_shape_names_its_fields_and_reaches_nobody() {
    let desk = desk("").await;
    let request = pb::RecordFulfilmentRequest { instance: "shop".to_owned(), ..Default::default() };
    let refusal = read(desk.shop.record_fulfilment(Request::new(request)).await.unwrap_err());
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["idempotency_key", "order_id", "lines"]);
    assert_eq!(desk.shop.snapshot().sent, 0);
}

#[test]
fn the_example_is_a_configuration_and_unknown_settings_are_refused() {
    let text = include_str!("../../example.toml");
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!((config.instance.as_str(), config.api_version.as_str()), ("shopify-uk", "2026-10"));
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
    assert!(matches!(start(|config| config.client_secret = String::new().into()), StartError::Secrets(_)));
    assert!(matches!(start(|config| config.previous_secret = Some(String::new().into())), StartError::Secrets(_)));
    assert!(matches!(start(|config| config.shop_domain.clear()), StartError::ShopDomain));
    let elsewhere = |config: &mut Config| drop(config.locations.insert("MAIN".to_owned(), "Main".to_owned()));
    assert!(matches!(start(elsewhere), StartError::Location(code) if code == "MAIN"));
    assert!(matches!(start(|config| config.api_version = "../x".to_owned()), StartError::ApiVersion(_)));
    assert!(matches!(start(|config| config.orders = "orders".to_owned()), StartError::Orders(_)));
    assert!(matches!(start(|config| config.returns = Some("returns".to_owned())), StartError::Returns(_)));
    assert!(matches!(start(|config| config.customers = Some("customers".to_owned())), StartError::Customers(_)));
}
