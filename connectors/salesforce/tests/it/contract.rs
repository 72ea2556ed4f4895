//! What the connector says of itself.

use std::collections::BTreeSet;

use http_body_util::BodyExt as _;
use prost::Message as _;
use retail_runtime::fault::Class;
use tower::ServiceExt as _;

use super::*;

#[tokio::test]
async fn describe_lists_exactly_the_methods_that_are_implemented() {
    let world = world().await;
    let request = Request::new(pb::DescribeRequest {});
    let description = world.crm.describe(request).await.unwrap().into_inner().description.unwrap();
    let described: BTreeSet<String> =
        description.capabilities.into_iter().map(|capability| capability.method).collect();
    let set = prost_types::FileDescriptorSet::decode(retail_proto::DESCRIPTORS).unwrap();
    let file = set.file.iter().find(|file| file.package() == "retail.crm.v1").unwrap();
    let mut implemented = BTreeSet::new();
    for method in &file.service[0].method {
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("/retail.crm.v1.CrmService/{}", method.name()))
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5])))
            .unwrap();
        let response = world.crm.server().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let trailers = body.collect().await.unwrap().trailers().cloned().unwrap_or_default();
        let code = head.headers.get("grpc-status").or_else(|| trailers.get("grpc-status")).cloned();
        if code.is_none_or(|code| code != "12") {
            implemented.insert(method.name().to_owned());
        }
    }
    assert_eq!(described, implemented);
}

#[tokio::test]
async fn another_instance_is_refused() {
    let world = world().await;
    let request = pb::GetOrderContextRequest { instance: "other".to_owned(), external_ref: "o-1".to_owned() };
    let refusal = read(world.crm.get_order_context(Request::new(request)).await.unwrap_err());
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_INSTANCE"));
}

#[tokio::test]
async fn a_request_without_shape_names_its_fields_and_reaches_nobody() {
    let world = world().await;
    let refusal = world.save_customer(pb::CustomerRecord::default()).await.unwrap_err();
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["customer.external_ref", "customer.last_name"]);
    assert_eq!(world.crm.snapshot().sent, 0);
}

#[test]
fn the_example_is_a_configuration() {
    let config: Config = toml::from_str(include_str!("../../example.toml")).unwrap();
    assert_eq!(config.instance, "salesforce-main");
}
