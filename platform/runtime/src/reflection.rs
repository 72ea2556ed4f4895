//! Reflection of the contracts, for tools that call services by name. Read once in a process: every service that it
//! serves offers the same.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_reflection::server::{Builder, Error};
use tower::util::BoxCloneSyncService;

/// The reflection service; clones share what was read.
#[derive(Clone)]
pub(crate) struct Reflection(BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>);

impl Reflection {
    /// Reads the contracts, unless somebody has.
    pub(crate) fn of_the_contracts() -> Result<Self, Error> {
        static READ: OnceLock<Reflection> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(read.clone());
        }
        let service = Builder::configure()
            .register_encoded_file_descriptor_set(retail_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        Ok(READ.get_or_init(|| Self(BoxCloneSyncService::new(service))).clone())
    }
}

impl NamedService for Reflection {
    const NAME: &'static str = "grpc.reflection.v1.ServerReflection";
}

impl tower::Service<Request<Body>> for Reflection {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}
