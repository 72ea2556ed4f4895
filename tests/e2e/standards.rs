//! Standard clients are answered: health, reflection, REST, OpenAPI.

use retail_weft::mesh::url;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::Mesh;

#[tokio::test(flavor = "multi_thread")]
async fn every_service_says_that_it_is_well_and_what_it_serves() {
    let mesh = Mesh::start().await;
    for (at, service) in [
        (mesh.at.orders, "retail.orders.v1.OrdersService"),
        (mesh.at.inventory, "retail.inventory.v1.InventoryService"),
        (mesh.at.customers, "retail.customers.v1.CustomersService"),
        (mesh.at.returns, "retail.returns.v1.ReturnsService"),
        (mesh.at.cases, "retail.cases.v1.CasesService"),
        (mesh.at.netsuite, "retail.erp.v1.ErpService"),
    ] {
        let peer = mesh.runtime.peer(&url(at)).unwrap();
        let health = HealthClient::new(peer.clone()).check(HealthCheckRequest::default()).await.unwrap();
        assert_eq!(health.into_inner().status(), ServingStatus::Serving);
        let ask = ServerReflectionRequest {
            message_request: Some(MessageRequest::FileContainingSymbol(service.to_owned())),
            ..Default::default()
        };
        let asked = tokio_stream::once(ask);
        let mut answers = ServerReflectionClient::new(peer).server_reflection_info(asked).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap();
        assert!(matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))), "{service}");
    }
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_describes_itself() {
    let mesh = Mesh::start().await;
    let document = mesh.gateway().get("/openapi.json").await.unwrap();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert!(paths.iter().any(|path| path.starts_with("/v1/orders/{") && path.ends_with("}:cancel")), "{paths:?}");
    mesh.end().await;
}
