//! A call over gRPC that the first line of an input says, and what every answer must be.
//!
//! ```text
//! GetSalesOrder {"instance":"erp","externalRef":"order-1"}
//! > location: http://vendor/1
//! 200 {"items":[]}
//! token 200 {"access_token":"t"}
//! ```

use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use retail_gateway::{Schema, decode, encode};
use retail_proto::DESCRIPTORS;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Service, ServiceExt as _};

use crate::script::answer;

pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).unwrap());
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::new(&POOL).unwrap());

/// An input taken apart.
pub(crate) struct Play<'a> {
    pub(crate) first: &'a [u8],
    pub(crate) answers: Vec<Vec<u8>>,
    pub(crate) tokens: Vec<Vec<u8>>,
}

impl<'a> Play<'a> {
    pub(crate) fn read(data: &'a [u8]) -> Self {
        let mut lines = data.split(|byte| *byte == b'\n');
        let mut play = Self { first: lines.next().unwrap_or_default(), answers: Vec::new(), tokens: Vec::new() };
        let mut headers: Vec<&[u8]> = Vec::new();
        for line in lines.take(24) {
            if let Some(header) = line.strip_prefix(b"> ") {
                headers.push(header);
                continue;
            }
            let (to, line) = match line.strip_prefix(b"token ") {
                Some(line) => (&mut play.tokens, line),
                None => (&mut play.answers, line),
            };
            let (status, body) = line.split_at_checked(4).unwrap_or((line, b""));
            let status = std::str::from_utf8(status).ok().and_then(|text| text.trim().parse().ok());
            to.push(answer(status.filter(|code| (200..600).contains(code)).unwrap_or(200), &headers, body));
            headers.clear();
        }
        play
    }

    /// The first line as the name of a method and its request.
    pub(crate) fn call(&self) -> Option<(&'a str, &'a str)> {
        let line = std::str::from_utf8(self.first).ok()?;
        line.split_once(' ')
    }
}

/// Method of a service by its short name.
pub(crate) fn method(service: &str, name: &str) -> Option<MethodDescriptor> {
    POOL.get_service_by_name(service)?.methods().find(|method| method.name() == name)
}

/// A gRPC frame around a message.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// Calls a service as a caller over the wire does. `None` of a first line that is no request of it.
pub(crate) async fn call<S>(service: S, play: &Play<'_>) -> Option<Result<Vec<u8>, Status>>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<tonic::body::Body>, Error = Infallible>
        + NamedService,
{
    let (name, json) = play.call()?;
    let method = method(S::NAME, name)?;
    let mut message = Vec::new();
    encode(&SCHEMA, SCHEMA.message_named(method.input().full_name())?, json, &mut message).ok()?;
    let request = http::Request::post(format!("http://weft/{}/{name}", S::NAME))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(framed(&message)))
        .unwrap();
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let told = body.trailers().filter(|trailers| trailers.contains_key("grpc-status")).unwrap_or(&head.headers);
    let status = Status::from_header_map(told).expect("an answer has a status");
    if status.code() == Code::Ok {
        let bytes = body.to_bytes();
        let message = bytes.get(5..).expect("what is answered with OK has a message").to_vec();
        readable(&method, &message);
        return Some(Ok(message));
    }
    explained(&status);
    Some(Err(status))
}

/// What is answered can be told over REST.
fn readable(method: &MethodDescriptor, message: &[u8]) {
    let mut json = Vec::new();
    let output = SCHEMA.message_named(method.output().full_name()).unwrap();
    decode(&SCHEMA, output, message, &mut json).expect("an answer of ours fits its contract");
}

/// A refusal says a reason of ours; one of a wrong request says the field, the reason and what to do.
pub(crate) fn explained(status: &Status) {
    let details = status.get_error_details();
    let code = status.code();
    assert!(
        !matches!(code, Code::Internal | Code::Unknown | Code::DataLoss | Code::DeadlineExceeded),
        "foreign input made an error of ours: {status:?}"
    );
    if code == Code::Unimplemented {
        return;
    }
    let info = details.error_info().unwrap_or_else(|| panic!("a refusal without a reason: {status:?}"));
    if info.reason == "BAD_REQUEST" {
        let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        assert!(!fields.is_empty(), "a wrong request without a wrong field: {status:?}");
        assert!(fields.iter().all(|field| !field.field.is_empty() && !field.description.is_empty()), "{status:?}");
    }
}
