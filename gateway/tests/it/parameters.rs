//! Paths, queries and named bodies, against a service that answers every request with itself.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::future::BoxFuture;
use http::Request;
use retail_gateway::{Auth, Config, Gateway};
use retail_runtime::Runtime;
use serde_json::json;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Response, Status};

use crate::caller::World;
use crate::kinds::compile;

/// Answers with the request's bytes.
#[derive(Debug, Clone, Copy)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "shop.v1.ShopService";
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        Box::pin(async move { Ok(Response::new(request.into_inner())) })
    }
}

impl tonic::codegen::Service<http::Request<tonic::body::Body>> for Echo {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Echo).unary(Echo, request).await) })
    }
}

impl Codec for Echo {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Echo;
    type Decoder = Echo;

    fn encoder(&mut self) -> Echo {
        Echo
    }

    fn decoder(&mut self) -> Echo {
        Echo
    }
}

impl Encoder for Echo {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for Echo {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

fn descriptors() -> Vec<u8> {
    compile(&["shop.proto"]).encode_to_vec()
}

fn config(service: &str, upstream: &str) -> Config {
    let upstreams = [(service.to_owned(), upstream.to_owned())].into();
    Config { auth: Auth::Development, upstreams, ..Config::default() }
}

async fn shop() -> World {
    let services = Routes::new(Echo);
    World::start(&descriptors(), services, |upstream| config(Echo::NAME, upstream)).await
}

async fn item(path: &str) -> serde_json::Value {
    shop().await.get(path).await.json()
}

/// The field and what is said of it.
async fn refusal(path: &str) -> (String, String) {
    let answer = shop().await.get(path).await;
    assert_eq!(answer.problem(), (400, "BAD_REQUEST".to_owned()));
    let json = answer.json();
    let text = |name: &str| json["fields"][0][name].as_str().unwrap().to_owned();
    (text("field"), text("description"))
}

#[tokio::test]
async fn a_query_fills_nested_repeated_and_well_known_fields() {
    let path =
        "/v1/items?part.code=a%2Fb&part.inner.count=3&tags=x&tags=y+z&madeAt=2024-05-01T12:00:00Z&weight=7&width=0";
    let wanted = json!({
        "part": {"code": "a/b", "inner": {"count": 3}}, "tags": ["x", "y z"],
        "madeAt": "2024-05-01T12:00:00Z", "weight": "7", "width": 0
    });
    assert_eq!(item(path).await, wanted);
}

#[tokio::test]
async fn a_field_mask_in_a_query_is_turned_into_snake_case() {
    let wanted = json!({"updateMask": "madeAt,part.innerCode"});
    assert_eq!(item("/v1/items?updateMask=madeAt,part.innerCode").await, wanted);
    assert_eq!(item("/v1/items?update_mask=made_at,part.inner_code").await, wanted);
}

#[tokio::test]
async fn an_enum_in_a_query_or_path_goes_by_name_and_by_number() {
    let wanted = json!({"colours": ["COLOUR_RED", "COLOUR_RED"], "colour": "COLOUR_RED"});
    assert_eq!(item("/v1/items?colours=COLOUR_RED&colours=1&colour=1").await, wanted);
    assert_eq!(item("/v1/colours/COLOUR_RED?tags=a").await, json!(["a"]));
    assert_eq!(item("/v1/colours/1").await, json!([]));
    let said = "must be one of COLOUR_UNSPECIFIED, COLOUR_RED".to_owned();
    assert_eq!(refusal("/v1/colours/green").await, ("colour".to_owned(), said));
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let (field, said) = refusal("/v1/items?colr=1").await;
    assert_eq!(field, "colr");
    assert!(said.starts_with("is not a parameter of this route; it has name, part, tags"), "{said}");
    let said = |text: &str| text.to_owned();
    assert_eq!(refusal("/v1/items?part.count=x").await, (said("part.count"), said("must be a whole number")));
    assert_eq!(refusal("/v1/items?name=a&name=b").await, (said("name"), said("is given twice")));
    assert_eq!(refusal("/v1/files/x?name=y").await, (said("name"), said("is already in the path")));
    assert_eq!(refusal("/v1/items?width=1&height=2").await.0, "height");
    assert_eq!(refusal("/v1/items?part=x").await.1, "is a message; name one of its fields, as in `field.part`");
    assert_eq!(refusal("/v1/items?notes=x").await.0, "notes");
    assert_eq!(refusal("/v1/items?name=%ff").await, (said("name"), said("is not UTF-8 text")));
}

#[tokio::test]
async fn a_path_fills_deep_fields_and_several_segments() {
    assert_eq!(item("/v1/shelves/a%2Fb/items/c%20d").await, json!({"name": "c d", "part": {"code": "a/b"}}));
    assert_eq!(item("/v1/files/a/b%2Fc/d%20e").await, json!({"name": "a/b%2Fc/d e"}));
    assert_eq!(item("/v1/groups/g1/items").await, json!({"name": "groups/g1"}));
}

#[tokio::test]
async fn a_named_body_is_one_field_beside_path_and_query() {
    let shop = shop().await;
    let patch = |path: &str, body: &'static str| {
        Request::patch(path).header("content-type", "application/json").body(Bytes::from(body)).unwrap()
    };
    let answer = shop.call(patch("/v1/items/i-1?tags=a", r#"{"code":"c"}"#)).await;
    assert_eq!(answer.json(), json!({"code": "c"}));
    let answer = shop.call(patch("/v1/items/i-1", r#"{"cod":"c"}"#)).await;
    assert_eq!(answer.json()["fields"][0]["field"], "part.cod");
    let answer = shop.call(patch("/v1/items/i-1?part.code=x", r#"{"code":"c"}"#)).await;
    assert_eq!(answer.json()["fields"][0]["description"], "belongs into the body");
}

#[tokio::test]
async fn the_openapi_document_has_every_route_and_its_parameters() {
    let document = item("/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    let wanted = [
        "/v1/colours/{colour}",
        "/v1/files/{name}",
        "/v1/items",
        "/v1/items/{name}",
        "/v1/shelves/{part.code}/items/{name}",
        "/v1/{name}/items",
    ];
    let mut names: Vec<_> = paths.keys().collect();
    names.sort();
    assert_eq!(names, wanted);
    let names =
        paths["/v1/items"]["get"]["parameters"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    let names: Vec<_> = names.collect();
    assert!(
        names.contains(&"part.inner.count") && names.contains(&"updateMask") && !names.contains(&"notes"),
        "{names:?}"
    );
    let patch = &paths["/v1/items/{name}"]["patch"];
    let body = &patch["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(body, "#/components/schemas/shop.v1.Part");
    assert_eq!(patch["x-permission"], "shop.write");
    assert!(document["components"]["schemas"]["shop.v1.Part"]["properties"]["inner"].is_object());
}

#[test]
fn a_route_without_permission_or_with_a_twin_is_refused_at_start() {
    let refused = |service: &str| {
        let config = config(service, "http://127.0.0.1:1");
        let error = Gateway::new(config, &Runtime::system("test"), &descriptors()).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error}: {source}")
    };
    let said = refused("shop.v1.OpenService");
    assert!(said.contains("shop.v1.OpenService.Get has a route but no permission"), "{said}");
    let said = refused("shop.v1.TwiceService");
    assert!(said.contains("another route has the same method and path"), "{said}");
    let said = refused("shop.v1.NoService");
    assert!(said.contains("no contract has a service \"shop.v1.NoService\""), "{said}");
}
