//! What the edge refuses before any service hears of it.

use std::convert::Infallible;

use bytes::Bytes;
use futures::StreamExt as _;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use retail_gateway::{Auth, Config, Gateway};
use retail_runtime::Runtime;
use retail_runtime::config::Span;
use tonic::service::Routes;

use crate::caller::World;

async fn world(change: impl FnOnce(&mut Config)) -> World {
    World::start(retail_proto::DESCRIPTORS, Routes::default(), |upstream| {
        let upstreams = [("retail.orders.v1.OrdersService".to_owned(), upstream.to_owned())].into();
        let mut config = Config { auth: Auth::Development, upstreams, ..Config::default() };
        change(&mut config);
        config
    })
    .await
}

fn post(kind: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post("/v1/orders").header("content-type", kind).header("idempotency-key", "k").body(body.into()).unwrap()
}

#[tokio::test]
async fn a_path_that_is_none_names_the_nearest() {
    let answer = world(|_| {}).await.get("/v1/order").await;
    assert_eq!(answer.problem(), (404, "NO_ROUTE".to_owned()));
    assert_eq!(answer.json()["detail"], "no route /v1/order; the nearest is /v1/orders");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_names_those_it_has() {
    let world = world(|_| {}).await;
    let answer = world.call(Request::delete("/v1/orders").body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.problem(), (405, "METHOD_NOT_ALLOWED".to_owned()));
    assert_eq!(answer.header("allow"), "POST, GET");
    let answer = world.get("/v1/orders/o-1:cancel").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    let answer = world.call(Request::options("/v1/orders").body(Bytes::new()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, "POST, GET"));
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_refused() {
    let world = world(|_| {}).await;
    let answer = world.call(post("application/x-www-form-urlencoded", "{}")).await;
    assert_eq!(answer.problem(), (415, "NOT_JSON".to_owned()));
    let get = Request::get("/v1/orders/x").header("content-type", "application/json").body(Bytes::from("{}")).unwrap();
    assert_eq!(world.call(get).await.problem(), (400, "UNEXPECTED_BODY".to_owned()));
    assert_eq!(world.call(post("application/json", vec![b'"', 0xff, b'"'])).await.problem().1, "BAD_REQUEST");
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_the_limit_named() {
    let world = world(|config| config.limits.body_bytes = 100).await;
    let answer = world.call(post("application/json", " ".repeat(101))).await;
    assert_eq!(answer.problem(), (413, "BODY_TOO_LARGE".to_owned()));
    assert_eq!(answer.json()["metadata"]["limit"], "100");
    assert_ne!(world.call(post("application/json", " ".repeat(100))).await.status, 413);
}

#[tokio::test]
async fn a_bulk_method_has_a_limit_of_its_own() {
    let world = world(|config| {
        config.limits.body_bytes = 10;
        config.limits.bulk_body_bytes = 50;
        config.bulk = vec!["retail.orders.v1.OrdersService/PlaceOrder".to_owned()];
    });
    let world = world.await;
    assert_ne!(world.call(post("application/json", " ".repeat(50))).await.status, 413);
    assert_eq!(world.call(post("application/json", " ".repeat(51))).await.json()["metadata"]["limit"], "50");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_at_the_limit() {
    let world = world(|config| config.limits.body_bytes = 1_000).await;
    let endless = futures::stream::repeat_with(|| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b' '; 300]))));
    let body = StreamBody::new(endless.boxed());
    let request = Request::post("/v1/orders").header("content-type", "application/json").body(body).unwrap();
    assert_eq!(world.open(request).await.status(), 413);
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let world = world(|config| config.limits.body_idle = Span::from_millis(30)).await;
    let stalled = futures::stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let request = Request::post("/v1/orders").header("content-type", "application/json");
    assert_eq!(world.open(request.body(StreamBody::new(stalled)).unwrap()).await.status(), 408);
}

#[tokio::test]
async fn an_address_above_the_limit_is_refused() {
    let answer = world(|_| {}).await.get(&format!("/v1/orders?pageToken={}", "x".repeat(9_000))).await;
    assert_eq!(answer.problem(), (414, "ADDRESS_TOO_LONG".to_owned()));
}

#[tokio::test]
async fn nobody_is_trusted_unless_the_configuration_says_so() {
    let world = world(|config| config.auth = Auth::default()).await;
    let answer = world.get("/v1/orders/o-1").await;
    assert_eq!(answer.problem(), (401, "NO_PRINCIPAL".to_owned()));
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn too_many_requests_at_once_are_shed() {
    let answer = world(|config| config.limits.in_flight = 0).await.get("/v1/orders/o-1").await;
    assert_eq!(answer.problem(), (503, "OVERLOADED".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn readiness_and_the_document_are_there() {
    let world = world(|_| {}).await;
    assert_eq!(&world.get("/readyz").await.body[..], b"ok\n");
    assert_eq!(world.get("/openapi.json").await.json()["openapi"], "3.1.0");
    let head = world.call(Request::head("/openapi.json").body(Bytes::new()).unwrap()).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn the_example_configuration_starts_and_an_unknown_word_does_not() {
    let text = include_str!("../../example.toml");
    let config: Config = retail_runtime::config::load(text, None, "WEFT_TEST_GATEWAY_").unwrap();
    // The limits that the example shows are the defaults, and its names are those of the contracts.
    assert_eq!(format!("{:?}", config.limits), format!("{:?}", Config::default().limits));
    assert!(Gateway::new(config, &Runtime::system("test"), retail_proto::DESCRIPTORS).is_ok());
    assert!(retail_runtime::config::load::<Config>("lisen = 1", None, "WEFT_TEST_GATEWAY_").is_err());
}
