//! What the connector says of itself and what it refuses before anything is sent.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;
use prost::Message as _;
use retail_proto::notify::v1 as pb;
use retail_proto::notify::v1::notify_service_server::NotifyService as _;
use retail_runtime::Runtime;
use retail_smtp::{Config, Connector, METHODS, StartError};
use tonic::Request;
use tower::ServiceExt as _;

use crate::world::*;

#[tokio::test]
async fn describe_lists_exactly_the_methods_that_are_implemented_and_calls_them_blind() {
    let runtime = Runtime::system("test");
    let smtp = Connector::new(&config(9, &With::default()), &runtime).unwrap();
    let description =
        smtp.describe(Request::new(pb::DescribeRequest {})).await.unwrap().into_inner().description.unwrap();
    assert_eq!((description.vendor.as_str(), description.api_version.as_str()), ("SMTP relay", "RFC 5321"));
    assert!(description.capabilities.iter().all(|one| one.effect_class == "blind"));
    let described: BTreeSet<String> = description.capabilities.into_iter().map(|one| one.method).collect();
    let set = prost_types::FileDescriptorSet::decode(retail_proto::DESCRIPTORS).unwrap();
    let file = set.file.iter().find(|file| file.package() == "retail.notify.v1").unwrap();
    let service = file.service.iter().find(|service| service.name() == "NotifyService").unwrap();
    let mut implemented = BTreeSet::new();
    for method in service.method.iter().filter(|method| method.name() != "Describe") {
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("/retail.notify.v1.NotifyService/{}", method.name()))
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5])))
            .unwrap();
        let (head, body) = smtp.server().oneshot(request).await.unwrap().into_parts();
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
    let nothing = pb::SendMessageRequest { instance: "mail".to_owned(), ..pb::SendMessageRequest::default() };
    let refusal = world.try_send(&nothing).await.unwrap_err();
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["external_ref", "occasion", "recipient", "order_number", "happened_at"]);
    let other = pb::SendMessageRequest { instance: "other".to_owned(), ..shipped("m-1", "max@example.com") };
    assert_eq!(world.try_send(&other).await.unwrap_err().fields()[0].0, "instance");
    assert_eq!(world.steps("/greeting").await, 0);
}

#[test]
fn the_example_is_a_configuration_and_unknown_settings_are_refused() {
    let example = include_str!("../../example.toml");
    let config: Config = toml::from_str(example).unwrap();
    assert_eq!((config.instance.as_str(), config.relay.port), ("mail-uk", 587));
    assert!(toml::from_str::<Config>(&format!("colour = 'blue'\n{example}")).is_err());
}

#[tokio::test]
async fn the_example_starts_where_its_certificates_are() {
    let runtime = Runtime::system("test");
    let mut config: Config = toml::from_str(include_str!("../../example.toml")).unwrap();
    config.relay.roots = Some("tests/it/protected/authority.pem".into());
    Connector::new(&config, &runtime).unwrap();
}

#[tokio::test]
async fn a_configuration_that_would_leave_a_door_open_does_not_start() {
    let runtime = Runtime::system("test");
    let start = |change: fn(&mut Config)| {
        let mut config = config(9, &With::default());
        change(&mut config);
        Connector::new(&config, &runtime).map(|_| ()).unwrap_err()
    };
    assert!(matches!(start(|config| config.relay.host = "relay.example.com".to_owned()), StartError::Plaintext(_)));
    assert!(matches!(start(|config| config.relay.tls = retail_smtp::Tls::Starttls), StartError::NoRoots));
    assert!(matches!(start(|config| config.relay.user = Some("weft".to_owned())), StartError::Login));
    assert!(matches!(start(|config| config.relay.password = "secret".into()), StartError::Login));
    assert!(matches!(
        start(|config| config.relay.password_file = Some("nowhere".into())),
        StartError::PasswordFile(..)
    ));
    assert!(matches!(start(|config| config.domain = "mail example".to_owned()), StartError::Domain(_)));
    assert!(matches!(start(|config| config.relay.hello = Some("us\r\nRSET".to_owned())), StartError::Hello(_)));
    assert!(matches!(start(|config| config.default_locale = "english, please".to_owned()), StartError::Locale(_)));
    assert!(matches!(start(|config| config.time_zone = "Middle/Earth".to_owned()), StartError::TimeZone(_)));
    assert!(matches!(start(|config| config.sender.from = "shop".to_owned()), StartError::Sender { field: "from", .. }));
    assert!(matches!(start(|config| config.relay.reply_wait = config.relay.timeout), StartError::Limits));
    assert!(matches!(start(|config| config.relay.connections = 0), StartError::Limits));
}

#[tokio::test]
async fn a_relay_elsewhere_in_the_clear_must_be_allowed_by_name() {
    let runtime = Runtime::system("test");
    let mut config = config(9, &With::default());
    (config.relay.host, config.relay.allow_plaintext) = ("relay.example.com".to_owned(), true);
    Connector::new(&config, &runtime).unwrap();
}
