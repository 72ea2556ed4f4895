//! Unary calls of the real order contract: keys, errors, traces, deadlines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use retail_gateway::{Auth, Config};
use retail_proto::orders::v1::orders_service_server::{OrdersService, OrdersServiceServer};
use retail_proto::orders::v1::{
    GetOrderRequest, GetOrderResponse, Order, OrderState, PlaceOrderRequest, PlaceOrderResponse,
};
use serde_json::json;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::caller::World;

const ORDERS: &str = "retail.orders.v1.OrdersService";

/// An order service that does what the order id says.
#[derive(Clone, Default)]
pub(crate) struct Orders {
    placed: Arc<Mutex<Vec<PlaceOrderRequest>>>,
    heard: Arc<Mutex<MetadataMap>>,
}

#[tonic::async_trait]
impl OrdersService for Orders {
    async fn place_order(
        &self,
        request: tonic::Request<PlaceOrderRequest>,
    ) -> Result<Response<PlaceOrderResponse>, Status> {
        let request = request.into_inner();
        let mut placed = self.placed.lock().unwrap();
        let replayed = placed.iter().any(|known| known.idempotency_key == request.idempotency_key);
        let order = Order { order_number: request.order_number.clone(), version: 1, ..Order::default() };
        placed.push(request);
        let mut response = Response::new(PlaceOrderResponse { order: Some(order) });
        if replayed {
            response.metadata_mut().insert("x-idempotency-replayed", "true".parse().unwrap());
        }
        Ok(response)
    }

    async fn get_order(&self, request: tonic::Request<GetOrderRequest>) -> Result<Response<GetOrderResponse>, Status> {
        *self.heard.lock().unwrap() = request.metadata().clone();
        let id = request.into_inner().order_id;
        let info = |reason: &str| {
            ErrorDetails::with_error_info(reason, "orders.retail", HashMap::from([("id".into(), id.clone())]))
        };
        let mut order = Order { order_id: id.clone(), state: OrderState::Booked.into(), ..Order::default() };
        match id.as_str() {
            "missing" => Err(Status::with_error_details(Code::NotFound, "no order missing", info("NO_SUCH_ORDER"))),
            "busy" => {
                let mut details = info("QUOTA_SPENT");
                details.set_retry_info(Some(Duration::from_millis(2_500)));
                Err(Status::with_error_details(Code::ResourceExhausted, "wait", details))
            }
            "broken" => Err(Status::internal("thread main panicked at index out of bounds")),
            "slow" => std::future::pending().await,
            "large" => {
                order.status = "x".repeat(200_000);
                Ok(Response::new(GetOrderResponse { order: Some(order) }))
            }
            _ => Ok(Response::new(GetOrderResponse { order: Some(order) })),
        }
    }
}

async fn world(orders: Orders, change: impl FnOnce(&mut Config)) -> World {
    let service = OrdersServiceServer::new(orders).send_compressed(CompressionEncoding::Gzip);
    World::start(retail_proto::DESCRIPTORS, Routes::new(service), |upstream| {
        let upstreams = [(ORDERS.to_owned(), upstream.to_owned())].into();
        let mut config = Config { auth: Auth::Development, upstreams, ..Config::default() };
        change(&mut config);
        config
    })
    .await
}

async fn plain() -> World {
    world(Orders::default(), |_| {}).await
}

#[tokio::test]
async fn an_order_travels_as_json_and_back() {
    let orders = Orders::default();
    let world = world(orders.clone(), |_| {}).await;
    let body =
        r##"{"channel":"shop","orderNumber":"#1","lines":[{"kind":"LINE_KIND_GOODS","sku":"A","quantity":"2"}]}"##;
    let answer = world.post("/v1/orders", "\"key-1\"", body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"order": {"orderNumber": "#1", "version": "1"}}));
    assert_eq!(answer.header("idempotency-replayed"), "");
    let placed = orders.placed.lock().unwrap()[0].clone();
    assert_eq!((placed.idempotency_key.as_str(), placed.lines[0].quantity.as_str()), ("key-1", "2"));
}

#[tokio::test]
async fn a_repeat_is_marked_as_one() {
    let world = plain().await;
    world.post("/v1/orders", "key-1", "{}").await;
    assert_eq!(world.post("/v1/orders", "key-1", "{}").await.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_change_without_a_key_is_refused_and_the_header_is_named() {
    let world = plain().await;
    let post = |body: &'static str| {
        Request::post("/v1/orders").header("content-type", "application/json").body(Bytes::from(body)).unwrap()
    };
    let answer = world.call(post("{}")).await;
    assert_eq!(answer.problem(), (400, "IDEMPOTENCY_KEY_MISSING".to_owned()));
    assert!(answer.json()["detail"].as_str().unwrap().contains("Idempotency-Key"));
    assert_eq!(world.call(post(r#"{"idempotencyKey":"k"}"#)).await.status, 200);
    let answer = world.post("/v1/orders", "a", r#"{"idempotencyKey":"b"}"#).await;
    assert_eq!(answer.problem(), (400, "IDEMPOTENCY_KEY_AMBIGUOUS".to_owned()));
    assert_eq!(world.post("/v1/orders", "a b", "{}").await.problem().1, "IDEMPOTENCY_KEY_MALFORMED");
}

#[tokio::test]
async fn a_services_error_keeps_its_reason_domain_and_variables() {
    let answer = plain().await.get("/v1/orders/missing").await;
    assert_eq!(answer.problem(), (404, "NO_SUCH_ORDER".to_owned()));
    let json = answer.json();
    assert_eq!(json["domain"], "orders.retail");
    assert_eq!(json["metadata"], json!({"id": "missing"}));
    assert_eq!(json["code"], "NOT_FOUND");
    assert_eq!(json["trace_id"], answer.header("trace-id"));
}

#[tokio::test]
async fn a_quota_says_when_to_come_back() {
    let answer = plain().await.get("/v1/orders/busy").await;
    assert_eq!((answer.problem().0, answer.header("retry-after")), (429, "3"));
}

#[tokio::test]
async fn an_internal_error_says_nothing_of_the_inside() {
    let answer = plain().await.get("/v1/orders/broken").await;
    assert_eq!(answer.problem(), (500, "INTERNAL".to_owned()));
    assert_eq!(answer.json()["detail"], "internal error");
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let answer = plain().await.get("/v1/orders/large").await;
    assert_eq!(answer.json()["order"]["status"].as_str().unwrap().len(), 200_000);
}

#[tokio::test]
async fn an_answer_above_the_limit_is_an_error_with_a_body_and_no_quota() {
    let world = world(Orders::default(), |config| config.limits.message_bytes = 100_000).await;
    let answer = world.get("/v1/orders/large").await;
    assert_eq!(answer.problem(), (500, "ANSWER_TOO_LARGE".to_owned()));
    assert_eq!(answer.header("retry-after"), "");
}

#[tokio::test]
async fn a_trace_is_continued_to_the_service_and_told_to_the_caller() {
    let orders = Orders::default();
    let world = world(orders.clone(), |config| config.forward_headers = vec!["accept-language".to_owned()]).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = Request::get("/v1/orders/o-1").header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let request = request.header("accept-language", "de").header("accept-language", "en").header("x-principal", "root");
    let answer = world.call(request.body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.header("trace-id"), trace);
    let heard = orders.heard.lock().unwrap().clone();
    assert!(heard.get("traceparent").unwrap().to_str().unwrap().contains(trace));
    assert_eq!(heard.get_all("accept-language").iter().collect::<Vec<_>>(), ["de", "en"]);
    assert_eq!(heard.get_all("x-principal").iter().collect::<Vec<_>>(), ["development"]);
}

#[tokio::test]
async fn the_callers_patience_reaches_the_service_and_ends_in_504() {
    let orders = Orders::default();
    let world = world(orders.clone(), |_| {}).await;
    let request = Request::get("/v1/orders/slow").header("x-request-timeout", "150ms").body(Bytes::new()).unwrap();
    let answer = world.call(request).await;
    assert_eq!(answer.problem(), (504, "DEADLINE_EXCEEDED".to_owned()));
    let heard = orders.heard.lock().unwrap().get("grpc-timeout").unwrap().to_str().unwrap().to_owned();
    let left = retail_runtime::deadline::parse_grpc_timeout(&heard).unwrap();
    assert!(left <= Duration::from_millis(140), "{heard}");
    let request = Request::get("/v1/orders/o-1").header("x-request-timeout", "soon").body(Bytes::new()).unwrap();
    assert_eq!(world.call(request).await.problem().1, "TIMEOUT_MALFORMED");
}

#[tokio::test]
async fn a_method_that_a_service_does_not_have_answers_501() {
    assert_eq!(plain().await.get("/v1/orders").await.problem(), (501, "UNIMPLEMENTED".to_owned()));
}

#[tokio::test]
async fn a_service_that_is_away_answers_503_with_a_delay() {
    let world = world(Orders::default(), |config| {
        config.upstreams.insert(ORDERS.to_owned(), "http://127.0.0.1:1".to_owned());
    });
    let answer = world.await.get("/v1/orders/o-1").await;
    assert_eq!(answer.problem(), (503, "UNAVAILABLE".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.json()["detail"].as_str().unwrap().contains("connect"));
}

#[tokio::test]
async fn an_enum_is_answered_by_name() {
    let answer = plain().await.get("/v1/orders/o%2F1:x").await;
    assert_eq!(answer.json(), json!({"order": {"orderId": "o/1:x", "state": "ORDER_STATE_BOOKED"}}));
}
