//! One request, from its first header to its answer.

mod body;
mod headers;
mod stream;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use prost_reflect::DescriptorPool;
use retail_runtime::http::{empty, full};
use retail_runtime::{HttpBody, HttpLimits, Listener, Runtime, ServeError, deadline, trace};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use self::webhook::Webhooks;
use crate::config::{Auth, Config};
use crate::fault::Error;
use crate::figures::Figures;
use crate::openapi;
use crate::problem::Problem;
use crate::routes::parameters::{put_path, put_query};
use crate::routes::{Body, Route, Routes};
use crate::start::StartError;
use crate::transcode::{Schema, decode, decode_field, encode, encode_field};
use crate::upstream::Upstreams;

/// Response metadata by which a service says that it repeated an earlier answer.
const REPLAYED: &str = "x-idempotency-replayed";

/// The gateway, ready to serve. Clones share everything.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    runtime: Runtime,
    schema: Schema,
    routes: Routes,
    upstreams: Upstreams,
    webhooks: Webhooks,
    openapi: Bytes,
    in_flight: Arc<Semaphore>,
    figures: Figures,
}

/// What a path leads to.
enum Place<'g, 'p> {
    Route { index: usize, route: &'g Route, segments: Vec<&'p str> },
    Webhook { kind: &'p str, instance: &'p str },
    Own(&'static str),
    Options(Vec<Method>),
}

impl Gateway {
    /// Builds every table from the contracts. Nothing is listened on yet.
    ///
    /// # Errors
    /// [`StartError`] when a contract or the configuration cannot be served.
    pub fn new(config: Config, runtime: &Runtime, descriptors: &[u8]) -> Result<Gateway, StartError> {
        let pool = DescriptorPool::decode(descriptors).map_err(StartError::Descriptors)?;
        let schema = Schema::new(&pool)?;
        for service in config.upstreams.keys() {
            if pool.get_service_by_name(service).is_none() {
                return Err(StartError::NoService { service: service.clone() });
            }
        }
        let routes = Routes::new(&pool, &schema, |service| config.upstreams.contains_key(service))?;
        let addresses = config.upstreams.iter().map(|(service, address)| (service.as_str(), address.as_str()));
        let upstreams = Upstreams::new(runtime, addresses, config.limits.message_bytes)?;
        let webhooks = Webhooks::new(&pool, runtime, &config)?;
        let openapi = openapi::document(&schema, &routes, &config.public_url).into();
        let in_flight = Arc::new(Semaphore::new(config.limits.in_flight.min(Semaphore::MAX_PERMITS)));
        tracing::info!(routes = routes.all().len(), webhooks = config.webhooks.len(), "contracts read");
        let (runtime, figures) = (runtime.clone(), Figures::new(runtime.metrics()));
        let inner = Inner { config, runtime, schema, routes, upstreams, webhooks, openapi, in_flight, figures };
        Ok(Gateway(Arc::new(inner)))
    }

    /// Serves until the runtime stops.
    ///
    /// # Errors
    /// [`ServeError`] when the listener ends before.
    pub async fn serve(self, listener: Listener) -> Result<(), ServeError> {
        let limits = HttpLimits {
            connections: self.0.config.limits.connections,
            per_peer: self.0.config.limits.connections_per_peer,
            ..HttpLimits::default()
        };
        let runtime = self.0.runtime.clone();
        let handler = move |request: Request<hyper::body::Incoming>, _peer| {
            let gateway = self.clone();
            async move { gateway.answer(request).await }
        };
        runtime.serve_http(listener, limits, handler).await
    }

    /// Answers one request.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<HttpBody>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (parts, body) = request.into_parts();
        let place = self.find(&parts);
        let name = match &place {
            Ok(Place::Route { route, .. }) => format!("{} {}", parts.method, route.template.text),
            Ok(Place::Webhook { kind, .. }) => format!("{} /webhooks/{kind}", parts.method),
            Ok(Place::Own(_) | Place::Options(_)) | Err(_) => parts.method.to_string(),
        };
        let span = trace::span_from(&parts.headers, &name);
        let head = parts.method == Method::HEAD;
        let route = match &place {
            Ok(Place::Route { .. }) => name,
            Ok(Place::Webhook { .. }) => "webhooks".to_owned(),
            Ok(Place::Own(path)) => (*path).to_owned(),
            Ok(Place::Options(_)) | Err(_) => "none".to_owned(),
        };
        let (clock, begun) = (self.0.runtime.clock(), self.0.runtime.clock().monotonic());
        let work = async {
            let answered = match place {
                Ok(place) => Box::pin(self.at(place, &parts, body)).await,
                Err(error) => Err(error.into()),
            };
            let mut response = answered.unwrap_or_else(|problem| problem.response());
            if let Some(id) = trace::trace_id().and_then(|id| HeaderValue::try_from(id).ok()) {
                response.headers_mut().insert(HeaderName::from_static("trace-id"), id);
            }
            self.0.figures.answered(&route, response.status(), clock.monotonic().saturating_sub(begun));
            if head { response.map(|_| empty()) } else { response }
        };
        work.instrument(span).await
    }

    fn find<'p>(&self, parts: &'p Parts) -> Result<Place<'_, 'p>, Error> {
        let limit = self.0.config.limits.address_bytes;
        if parts.uri.path_and_query().is_some_and(|address| address.as_str().len() > limit) {
            return Err(Error::AddressTooLong { limit });
        }
        let path = parts.uri.path();
        let wrong_method = |allow: Vec<Method>| Error::WrongMethod { method: parts.method.clone(), allow };
        let wanted = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
        if let Some(own) = ["/healthz", "/readyz", "/openapi.json"].into_iter().find(|own| *own == path) {
            return if wanted == Method::GET { Ok(Place::Own(own)) } else { Err(wrong_method(vec![Method::GET])) };
        }
        if let Some((kind, instance)) = path.strip_prefix("/webhooks/").and_then(|rest| rest.split_once('/')) {
            let post = wanted == Method::POST;
            return if post { Ok(Place::Webhook { kind, instance }) } else { Err(wrong_method(vec![Method::POST])) };
        }
        let no_route =
            || Error::NoRoute { path: path.to_owned(), nearest: self.0.routes.nearest(path).map(str::to_owned) };
        let found = self.0.routes.find(path).ok_or_else(no_route)?;
        let methods = || found.routes.iter().map(|(method, _)| method.clone()).collect::<Vec<_>>();
        let index = found.routes.iter().find(|(method, _)| method == wanted).map(|(_, index)| *index);
        match index.and_then(|index| Some((index, self.0.routes.get(index)?))) {
            Some((index, route)) => Ok(Place::Route { index, route, segments: found.segments }),
            None if *wanted == Method::OPTIONS => Ok(Place::Options(methods())),
            None => Err(wrong_method(methods())),
        }
    }

    async fn at<B>(&self, place: Place<'_, '_>, parts: &Parts, body: B) -> Result<Response<HttpBody>, Problem>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin,
    {
        match place {
            Place::Own(path) => Ok(self.own(path)),
            Place::Options(methods) => {
                let mut response = Response::new(empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
                response.headers_mut().extend(HeaderValue::try_from(allow).ok().map(|allow| (ALLOW, allow)));
                Ok(response)
            }
            Place::Webhook { kind, instance } => {
                let _permit = self.permit()?;
                let limit = self.0.config.limits.request.get();
                self.within(limit, self.webhook(kind, instance, parts, body)).await
            }
            Place::Route { index, route, segments } => {
                let permit = self.permit()?;
                if self.0.config.auth == Auth::Refuse {
                    return Err(Error::NoPrincipal.into());
                }
                let limit = headers::timeout(&parts.headers, self.0.config.limits.request.get())?;
                if route.rpc.streaming {
                    let bytes = self.within(limit, self.message(route, &segments, parts, body)).await?;
                    let request = self.request(parts, bytes);
                    let longest = self.0.config.limits.stream.get();
                    let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
                    let open = self.open(index, route, request, accept, permit);
                    return deadline::within(longest, open).await;
                }
                let work = async {
                    let bytes = self.message(route, &segments, parts, body).await?;
                    self.unary(route, self.request(parts, bytes)).await
                };
                self.within(limit, work).await
            }
        }
    }

    fn own(&self, path: &str) -> Response<HttpBody> {
        let (status, kind, body) = match path {
            "/openapi.json" => (StatusCode::OK, "application/json", self.0.openapi.clone()),
            "/readyz" if self.0.runtime.stopping().is_cancelled() => {
                (StatusCode::SERVICE_UNAVAILABLE, "text/plain", Bytes::from_static(b"stopping\n"))
            }
            _ => (StatusCode::OK, "text/plain", Bytes::from_static(b"ok\n")),
        };
        let mut response = Response::new(full(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.0.in_flight).try_acquire_owned().map_err(|_| Error::Overloaded)
    }

    /// Bounds work by a limit that services learn of as their deadline.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        let bounded = self.0.runtime.clock().timeout(limit, deadline::within(limit, work)).await;
        bounded.unwrap_or_else(|_| Err(Error::TooSlow { millis: limit.as_millis() }.into()))
    }

    /// The request message as bytes: the body, then what path and query say, then the key.
    async fn message<B>(&self, route: &Route, segments: &[&str], parts: &Parts, body: B) -> Result<Bytes, Problem>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin,
    {
        let limits = &self.0.config.limits;
        let bulk = self.0.config.bulk.iter().any(|name| route.rpc.path.as_str().strip_prefix('/') == Some(name));
        let limit = if bulk { limits.bulk_body_bytes } else { limits.body_bytes };
        let key = headers::key(&parts.headers)?;
        let body = body::read(self.0.runtime.clock(), body, limit, limits.body_idle.get()).await?;
        let mut out = Vec::with_capacity(body.len());
        self.put_body(route, parts, &body, &mut out)?;
        let schema = &self.0.schema;
        put_path(schema, route, segments, &mut out).map_err(Error::Shape)?;
        put_query(schema, route, parts.uri.query().unwrap_or_default(), &mut out).map_err(Error::Shape)?;
        headers::put_key(schema, route, key, &mut out)?;
        Ok(out.into())
    }

    fn put_body(&self, route: &Route, parts: &Parts, body: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if body.is_empty() {
            return Ok(());
        }
        if route.body == Body::None {
            return Err(Error::UnexpectedBody);
        }
        if !headers::is_json(&parts.headers) {
            return Err(Error::NotJson);
        }
        let misfit = crate::transcode::Misfit::new;
        let text = std::str::from_utf8(body).map_err(|_| Error::Shape(misfit("is not valid JSON: it is not UTF-8")))?;
        let (schema, input) = (&self.0.schema, route.rpc.input);
        match route.body {
            Body::Field(field) => encode_field(schema, input, field, text, out).map_err(Error::Shape),
            Body::Whole | Body::None => encode(schema, input, text, out).map_err(Error::Shape),
        }
    }

    /// The call to the service, in the name of the principal.
    fn request(&self, parts: &Parts, bytes: Bytes) -> tonic::Request<Bytes> {
        let mut request = tonic::Request::new(bytes);
        headers::forward(&self.0.config.forward_headers, &parts.headers, request.metadata_mut());
        request.metadata_mut().insert("x-principal", tonic::metadata::MetadataValue::from_static("development"));
        request
    }

    async fn unary(&self, route: &Route, request: tonic::Request<Bytes>) -> Result<Response<HttpBody>, Problem> {
        let rpc = &route.rpc;
        let answer = self.0.upstreams.unary(&rpc.service, &rpc.path, request).await?;
        // The status line goes out only after the whole answer was written: never a 200 with half a body.
        let mut response = Response::new(full(self.json(route, answer.get_ref())?));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if answer.metadata().get(REPLAYED).is_some_and(|value| value.as_bytes() == b"true") {
            let name = HeaderName::from_static("idempotency-replayed");
            response.headers_mut().insert(name, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// The JSON of an answer.
    fn json(&self, route: &Route, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(bytes.len() * 2);
        let (schema, output) = (&self.0.schema, route.rpc.output);
        let written = match route.answer {
            Some(field) => decode_field(schema, output, field, bytes, &mut out),
            None => decode(schema, output, bytes, &mut out),
        };
        written.map_err(|_| {
            tracing::error!(method = route.rpc.path.as_str(), "the answer does not fit its contract");
            Error::AnswerBroken
        })?;
        Ok(out)
    }
}
