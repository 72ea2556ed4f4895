//! Server streams as lines and as events: item by item, and never a 200 that hides an error.

use std::sync::Mutex;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use retail_gateway::{Auth, Config};
use retail_proto::orders::v1::orders_service_server::{OrdersService, OrdersServiceServer};
use retail_proto::orders::v1::{Order, WatchOrderRequest, WatchOrderResponse};
use retail_runtime::config::Span;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::service::Routes;
use tonic::{Response, Status};

use crate::caller::World;

type Item = Result<WatchOrderResponse, Status>;

/// Sends what the test sends.
struct Watched(Mutex<Option<mpsc::Receiver<Item>>>);

#[tonic::async_trait]
impl OrdersService for Watched {
    async fn watch_order(
        &self,
        _: tonic::Request<WatchOrderRequest>,
    ) -> Result<Response<BoxStream<WatchOrderResponse>>, Status> {
        let items = self.0.lock().unwrap().take().unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(items))))
    }
}

async fn world(change: impl FnOnce(&mut Config)) -> (World, mpsc::Sender<Item>) {
    let (send, items) = mpsc::channel(8);
    let service = OrdersServiceServer::new(Watched(Mutex::new(Some(items))));
    let world = World::start(retail_proto::DESCRIPTORS, Routes::new(service), |upstream| {
        let upstreams = [("retail.orders.v1.OrdersService".to_owned(), upstream.to_owned())].into();
        let mut config = Config { auth: Auth::Development, upstreams, ..Config::default() };
        change(&mut config);
        config
    });
    (world.await, send)
}

fn item(number: &str) -> Item {
    let order = Order { order_number: number.to_owned(), ..Order::default() };
    Ok(WatchOrderResponse { order: Some(order) })
}

async fn watch(world: &World, accept: &str) -> http::Response<Incoming> {
    let request = Request::get("/v1/orders/o-1:watch").header("accept", accept);
    world.open(request.body(Full::<Bytes>::default()).unwrap()).await
}

/// The next piece of the body; empty at the end.
async fn piece(body: &mut Incoming) -> String {
    let Some(frame) = body.frame().await else { return String::new() };
    String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn each_item_goes_out_before_the_next_exists() {
    let (world, send) = world(|_| {}).await;
    send.send(item("#1")).await.unwrap();
    let answer = watch(&world, "application/x-ndjson").await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let mut body = answer.into_body();
    assert_eq!(piece(&mut body).await, "{\"order\":{\"orderNumber\":\"#1\"}}\n");
    send.send(item("#2")).await.unwrap();
    assert_eq!(piece(&mut body).await, "{\"order\":{\"orderNumber\":\"#2\"}}\n");
    drop(send);
    assert_eq!(piece(&mut body).await, "");
}

#[tokio::test]
async fn events_say_how_they_end() {
    let (world, send) = world(|_| {}).await;
    send.send(item("#1")).await.unwrap();
    drop(send);
    let answer = watch(&world, "text/event-stream").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    assert_eq!(piece(&mut body).await, "data: {\"order\":{\"orderNumber\":\"#1\"}}\n\n");
    assert_eq!(piece(&mut body).await, "event: end\ndata: {}\n\n");
    assert_eq!(piece(&mut body).await, "");
}

#[tokio::test]
async fn an_error_after_items_is_the_last_item() {
    let (world, send) = world(|_| {}).await;
    send.send(item("#1")).await.unwrap();
    let mut body = watch(&world, "*/*").await.into_body();
    piece(&mut body).await;
    send.send(Err(Status::unavailable("gone"))).await.unwrap();
    let last: serde_json::Value = serde_json::from_str(&piece(&mut body).await).unwrap();
    assert_eq!(last["error"]["status"], 503);
    assert_eq!(last["error"]["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(piece(&mut body).await, "");
}

#[tokio::test]
async fn an_error_before_the_first_item_is_the_status_line() {
    let (world, send) = world(|_| {}).await;
    send.send(Err(Status::not_found("x"))).await.unwrap();
    let answer = watch(&world, "text/event-stream").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_silent_event_stream_shows_that_it_lives() {
    let (world, send) = world(|config| config.limits.stream_heartbeat = Span::from_millis(20)).await;
    let mut body = watch(&world, "text/event-stream").await.into_body();
    assert_eq!(piece(&mut body).await, ": alive\n\n");
    drop(send);
}

#[tokio::test]
async fn a_stream_ends_at_its_longest_time_and_says_so() {
    let (world, send) = world(|config| config.limits.stream = Span::from_millis(300)).await;
    send.send(item("#1")).await.unwrap();
    let mut body = watch(&world, "application/x-ndjson").await.into_body();
    piece(&mut body).await;
    let last = piece(&mut body).await;
    assert!(last.contains("STREAM_OVER") || last.contains("DEADLINE_EXCEEDED"), "{last}");
}

#[tokio::test]
async fn a_stopping_gateway_ends_its_streams_with_a_reason() {
    let (world, send) = world(|_| {}).await;
    send.send(item("#1")).await.unwrap();
    let mut body = watch(&world, "application/x-ndjson").await.into_body();
    piece(&mut body).await;
    world.runtime.stop();
    assert!(piece(&mut body).await.contains("STOPPING"));
}

#[tokio::test]
async fn an_empty_stream_ends_well() {
    let (world, send) = world(|_| {}).await;
    drop(send);
    let answer = watch(&world, "text/event-stream").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(piece(&mut answer.into_body()).await, "event: end\ndata: {}\n\n");
}
