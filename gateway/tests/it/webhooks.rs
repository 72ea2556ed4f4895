//! Webhooks reach the connector byte for byte.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use retail_gateway::{Config, Gateway, Webhook};
use retail_proto::commerce::v1::commerce_service_server::{CommerceService, CommerceServiceServer};
use retail_proto::commerce::v1::{AcceptWebhookRequest, AcceptWebhookResponse};
use retail_proto::types::v1::{Header, WebhookReply, WebhookRequest};
use retail_runtime::Runtime;
use tonic::service::Routes;
use tonic::{Response, Status};

use crate::caller::World;

#[derive(Clone, Default)]
struct Shop(Arc<Mutex<Vec<WebhookRequest>>>);

#[tonic::async_trait]
impl CommerceService for Shop {
    async fn accept_webhook(
        &self,
        request: tonic::Request<AcceptWebhookRequest>,
    ) -> Result<Response<AcceptWebhookResponse>, Status> {
        let webhook = request.into_inner().webhook.unwrap();
        if webhook.body.is_empty() {
            return Err(Status::unavailable("later"));
        }
        self.0.lock().unwrap().push(webhook);
        let headers = vec![Header { name: "x-seen".into(), value: "yes".into() }];
        let reply = WebhookReply { status: 202, headers, body: b"taken".to_vec() };
        Ok(Response::new(AcceptWebhookResponse { reply: Some(reply) }))
    }
}

fn config(kind: &str, upstream: &str) -> Config {
    let webhook = Webhook { kind: kind.to_owned(), upstream: upstream.to_owned() };
    Config {
        public_url: "https://edge.example/".to_owned(),
        webhooks: [("shopify-uk".to_owned(), webhook)].into(),
        ..Config::default()
    }
}

async fn world(shop: Shop) -> World {
    let services = Routes::new(CommerceServiceServer::new(shop));
    World::start(retail_proto::DESCRIPTORS, services, |upstream| config("commerce", upstream)).await
}

fn hook(path: &str, body: &'static [u8]) -> Request<Bytes> {
    let request = Request::post(path).header("X-Twice", "one").header("X-Twice", "two");
    request.body(Bytes::from_static(body)).unwrap()
}

#[tokio::test]
async fn a_webhook_arrives_raw_and_its_reply_goes_back() {
    let shop = Shop::default();
    let answer = world(shop.clone()).await.call(hook("/webhooks/commerce/shopify-uk?a=b%20c", b"\x00{ \xff")).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-seen"), &answer.body[..]), (202, "yes", &b"taken"[..]));
    let webhook = shop.0.lock().unwrap()[0].clone();
    assert_eq!(webhook.body, b"\x00{ \xff");
    assert_eq!((webhook.instance.as_str(), webhook.method.as_str()), ("shopify-uk", "POST"));
    assert_eq!(webhook.public_url, "https://edge.example/webhooks/commerce/shopify-uk?a=b%20c");
    let twice: Vec<_> = webhook.headers.iter().filter(|it| it.name == "x-twice").map(|it| it.value.as_str()).collect();
    assert_eq!(twice, ["one", "two"]);
    assert!(webhook.received_at.is_some());
}

#[tokio::test]
async fn an_instance_that_is_not_configured_is_not_found() {
    let world = world(Shop::default()).await;
    for path in ["/webhooks/commerce/shopify-us", "/webhooks/erp/shopify-uk", "/webhooks/commerce/shopify-uk/x"] {
        assert_eq!(world.call(hook(path, b"x")).await.problem(), (404, "NO_WEBHOOK_INSTANCE".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_webhook_that_could_not_be_taken_is_not_a_success() {
    let answer = world(Shop::default()).await.call(hook("/webhooks/commerce/shopify-uk", b"")).await;
    assert_eq!(answer.problem().0, 503);
}

#[test]
fn a_kind_without_webhooks_is_refused_at_start() {
    for kind in ["nothing", "orders", ""] {
        let config = config(kind, "http://127.0.0.1:1");
        let error = Gateway::new(config, &Runtime::system("test"), retail_proto::DESCRIPTORS).unwrap_err();
        assert!(error.to_string().contains("webhooks.shopify-uk"), "{error}");
    }
}
