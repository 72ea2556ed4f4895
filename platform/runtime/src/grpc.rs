//! gRPC in and out: health, reflection, trace and deadline on every call, drain on stop.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{KeyAndValueRef, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tracing::Instrument as _;

use crate::accepted::Accepted;
use crate::reflection::Reflection;
use crate::{Listener, Runtime, deadline, trace};

/// A server that could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The gRPC server ended.
    #[error("the gRPC server ended")]
    Grpc(#[source] tonic::transport::Error),
    /// The descriptors for reflection are broken.
    #[error("the contract descriptors cannot be served")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// The name under which health says that the process lives, whatever others do; the empty name says that it is ready.
pub const LIVE: &str = "live";

/// Adds trace context and deadline to every call that leaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outbound;

impl Interceptor for Outbound {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(left) = deadline::for_next_hop() {
            if left.is_zero() {
                return Err(Status::deadline_exceeded("no time is left for this call"));
            }
            // A shorter limit that the caller set on this one call stays.
            let own = request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok());
            let own = own.and_then(deadline::parse_grpc_timeout);
            request.set_timeout(own.map_or(left, |own| own.min(left)));
        }
        let mut headers = http::HeaderMap::new();
        trace::inject(&mut headers);
        for (name, value) in &headers {
            if let Ok(value) = MetadataValue::try_from(value.as_bytes())
                && let Ok(name) = tonic::metadata::MetadataKey::from_bytes(name.as_str().as_bytes())
            {
                request.metadata_mut().insert(name, value);
            }
        }
        Ok(request)
    }
}

/// HTTP/2 windows that do not throttle a thousand-line order.
pub(crate) const STREAM_WINDOW: u32 = 1024 * 1024;
pub(crate) const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

fn incoming(
    runtime: &Runtime,
    listener: Listener,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Accepted>> + Send + 'static {
    let clock = runtime.clock().clone();
    futures::stream::unfold((listener, clock, cut), |(listener, clock, cut)| async move {
        loop {
            match listener.accept().await {
                Ok((io, _)) => return Some((Ok(Accepted::new(io, cut.clone())), (listener, clock, cut))),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    clock.sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
}

pub(crate) async fn serve(runtime: &Runtime, listener: Listener, routes: Routes) -> Result<(), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = Reflection::of_the_contracts().map_err(ServeError::Reflection)?;
    health.set_service_status(LIVE, ServingStatus::Serving).await;
    health.set_service_status("", ServingStatus::Serving).await;
    let stopping = runtime.stopping();
    let drain = runtime.drain();
    let clock = runtime.clock().clone();
    let readiness = runtime.readiness().clone();
    let stop = async move {
        let (mut unmet, mut told) = (readiness.unmet(), true);
        loop {
            // Whoever watches hears what is news, not every condition.
            let ready = *unmet.borrow_and_update() == 0;
            if ready != told {
                let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
                health.set_service_status("", status).await;
                told = ready;
            }
            tokio::select! {
                () = stopping.cancelled() => break,
                Ok(()) = unmet.changed() => {}
            }
        }
        // Readiness falls first, then the listener stops.
        health.set_service_status("", ServingStatus::NotServing).await;
        clock.sleep(drain.announce).await;
    };
    let at = listener.local_addr();
    let cut = CancellationToken::new();
    let routes = routes.add_service(health_service).add_service(reflection);
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .max_concurrent_streams(1024)
        .layer(tower::layer::layer_fn(Inbound::new))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming(runtime, listener, cut.clone()), stop);
    let stopping = runtime.stopping();
    let clock = runtime.clock().clone();
    tokio::select! {
        ended = serving => ended.map_err(ServeError::Grpc),
        () = async { stopping.cancelled().await; clock.sleep(drain.announce.saturating_add(drain.grace)).await } => {
            tracing::warn!(%at, "calls were still under way at the end of the grace period");
            cut.cancel();
            Ok(())
        }
    }
}

/// Continues the caller's trace and deadline around every call; a handler that panics answers INTERNAL.
#[derive(Debug, Clone)]
struct Inbound<S> {
    inner: S,
}

impl<S> Inbound<S> {
    fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> tower_service::Service<http::Request<B>> for Inbound<S>
where
    S: tower_service::Service<http::Request<B>, Response = http::Response<tonic::body::Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // The service that was polled ready serves this call; its clone is polled for the next.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let span = trace::span_from(request.headers(), request.uri().path());
        let timeout = request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok());
        let limit = timeout.and_then(deadline::parse_grpc_timeout);
        let path = request.uri().path().to_owned();
        let work = async move {
            let answer = std::panic::AssertUnwindSafe(async move { inner.call(request).await });
            match futures::FutureExt::catch_unwind(answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    tracing::error!(path, "a handler panicked; this is a defect of Weft");
                    Ok(Status::internal("internal error").into_http())
                }
            }
        };
        let bounded = async move {
            match limit {
                Some(limit) => deadline::within(limit, work).await,
                None => work.await,
            }
        };
        Box::pin(bounded.instrument(span))
    }
}

/// The metadata of a request as HTTP headers, for those who pass them on.
#[must_use]
pub fn headers_of(metadata: &MetadataMap) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for entry in metadata.iter() {
        if let KeyAndValueRef::Ascii(name, value) = entry
            && let (Ok(name), Ok(value)) = (
                http::HeaderName::from_bytes(name.as_str().as_bytes()),
                http::HeaderValue::from_bytes(value.as_encoded_bytes()),
            )
        {
            headers.append(name, value);
        }
    }
    headers
}
