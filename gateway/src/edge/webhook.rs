//! Webhooks: the raw request goes to the connector that can verify it, and its reply goes back.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use retail_proto::commerce::v1::{AcceptWebhookRequest, AcceptWebhookResponse};
use retail_proto::types::v1::{Header, WebhookRequest};
use retail_runtime::http::full;
use retail_runtime::{HttpBody, Runtime};

use super::{Gateway, body};
use crate::config::{Config, Webhook};
use crate::fault::Error;
use crate::problem::Problem;
use crate::start::StartError;
use crate::upstream::Upstreams;

/// The systems that may send webhooks.
#[derive(Debug)]
pub(super) struct Webhooks {
    upstreams: Upstreams,
}

impl Webhooks {
    /// Checks that every kind has a contract that takes webhooks.
    pub(super) fn new(pool: &DescriptorPool, runtime: &Runtime, config: &Config) -> Result<Webhooks, StartError> {
        for (instance, webhook) in &config.webhooks {
            let no_kind = || StartError::NoKind { kind: webhook.kind.clone(), instance: instance.clone() };
            let service = pool.get_service_by_name(&service(&webhook.kind)).ok_or_else(no_kind)?;
            let method = service.methods().find(|method| method.name() == "AcceptWebhook").ok_or_else(no_kind)?;
            // Every kind spells the pair alike, with its own names: the message of field 1 decides.
            let holds = |message: prost_reflect::MessageDescriptor, wanted: &str| {
                let kind = message.get_field(1).map(|field| field.kind());
                kind.is_some_and(|kind| kind.as_message().is_some_and(|it| it.full_name() == wanted))
            };
            let takes = holds(method.input(), "retail.types.v1.WebhookRequest");
            if !takes || !holds(method.output(), "retail.types.v1.WebhookReply") {
                return Err(no_kind());
            }
        }
        let addresses = config.webhooks.iter().map(|(instance, to)| (instance.as_str(), to.upstream.as_str()));
        Ok(Webhooks { upstreams: Upstreams::new(runtime, addresses, config.limits.message_bytes)? })
    }
}

/// `commerce` is `retail.commerce.v1.CommerceService`.
fn service(kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    format!("retail.{kind}.v1.{name}Service")
}

impl Gateway {
    /// Takes a webhook byte for byte: signatures are over the raw body.
    pub(super) async fn webhook<B>(
        &self,
        kind: &str,
        instance: &str,
        parts: &Parts,
        body: B,
    ) -> Result<Response<HttpBody>, Problem>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin,
    {
        let config = &self.0.config;
        if config.webhooks.get(instance).is_none_or(|Webhook { kind: known, .. }| known != kind) {
            return Err(Error::NoInstance { kind: kind.to_owned(), instance: instance.to_owned() }.into());
        }
        let (clock, limits) = (self.0.runtime.clock(), &config.limits);
        let body = body::read(clock, body, limits.webhook_body_bytes, limits.body_idle.get()).await?;
        let now = clock.now();
        let headers = parts.headers.iter().map(|(name, value)| Header {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        });
        let address = parts.uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
        let webhook = WebhookRequest {
            instance: instance.to_owned(),
            method: parts.method.to_string(),
            public_url: format!("{}{address}", config.public_url.trim_end_matches('/')),
            headers: headers.collect(),
            body: body.to_vec(),
            received_at: Some(prost_types::Timestamp { seconds: now.as_second(), nanos: now.subsec_nanosecond() }),
        };
        let request = AcceptWebhookRequest { webhook: Some(webhook) }.encode_to_vec();
        let path = PathAndQuery::try_from(format!("/{}/AcceptWebhook", service(kind)));
        let path = path.map_err(|_| Error::AnswerBroken)?;
        let request = tonic::Request::new(Bytes::from(request));
        let answer = self.0.webhooks.upstreams.unary(instance, &path, request).await?;
        reply(answer.get_ref()).ok_or_else(|| Error::AnswerBroken.into())
    }
}

/// The connector's reply as HTTP; `None` when it is none.
fn reply(bytes: &[u8]) -> Option<Response<HttpBody>> {
    let reply = AcceptWebhookResponse::decode(bytes).ok()?.reply?;
    let mut response = Response::new(full(reply.body));
    let status = u16::try_from(reply.status).ok().and_then(|status| StatusCode::from_u16(status).ok())?;
    *response.status_mut() = Some(status).filter(|status| !status.is_informational())?;
    for Header { name, value } in reply.headers {
        let name = HeaderName::try_from(name).ok()?;
        // Those belong to the connection, not to the answer.
        if ![CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH].contains(&name) {
            response.headers_mut().append(name, HeaderValue::try_from(value).ok()?);
        }
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_names_its_contract() {
        assert_eq!(service("commerce"), "retail.commerce.v1.CommerceService");
        assert_eq!(service(""), "retail..v1.Service");
    }
}
