//! Calls between services: trace, deadline, panics, reflection.

use std::time::Duration;

use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::ops_service_server::{OpsService, OpsServiceServer};
use retail_proto::ops::v1::{
    GetStatsRequest, GetStatsResponse, GetTransactionRequest, GetTransactionResponse, ReplayTransactionRequest,
    ReplayTransactionResponse,
};
use retail_runtime::fault::{self, Class, Fault, Refusal};
use retail_runtime::{Peer, Runtime, deadline, trace};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

/// Answers with what it knows of its caller; `GetTransaction` asks the next service when there is one.
#[derive(Clone, Default)]
struct Hop {
    next: Option<Peer>,
}

#[derive(Debug, thiserror::Error)]
#[error("seen")]
struct Seen {
    trace: Option<String>,
    left: Option<Duration>,
}

impl Fault for Seen {
    fn class(&self) -> Class {
        Class::Precondition
    }

    fn reason(&self) -> &'static str {
        "SEEN"
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let left = self.left.map_or_else(|| "none".to_owned(), |left| left.as_millis().to_string());
        vec![("trace", self.trace.clone().unwrap_or_default()), ("left", left)]
    }
}

#[tonic::async_trait]
impl OpsService for Hop {
    async fn get_stats(&self, _: Request<GetStatsRequest>) -> Result<Response<GetStatsResponse>, Status> {
        let seen = Seen { trace: trace::trace_id(), left: deadline::remaining() };
        Err(fault::status("ops.retail", &seen))
    }

    async fn get_transaction(
        &self,
        _: Request<GetTransactionRequest>,
    ) -> Result<Response<GetTransactionResponse>, Status> {
        let span = tracing::info_span!("a span of the service's own");
        let next = self.next.clone().ok_or_else(|| Status::internal("no next"))?;
        let asked = async move { OpsServiceClient::new(next).get_stats(GetStatsRequest::default()).await };
        Err(asked.instrument(span).await.unwrap_err())
    }

    async fn replay_transaction(
        &self,
        _: Request<ReplayTransactionRequest>,
    ) -> Result<Response<ReplayTransactionResponse>, Status> {
        panic!("on purpose")
    }
}

async fn start(runtime: &Runtime, hop: Hop) -> Peer {
    let listener = runtime.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let serving = runtime.clone();
    runtime.spawn("serve", async move {
        serving.serve_grpc(listener, Routes::new(OpsServiceServer::new(hop))).await.unwrap();
    });
    runtime.peer(&address).unwrap()
}

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(start_paused = true)]
async fn one_trace_id_crosses_every_hop() {
    let runtime = crate::runtime();
    let last = start(&runtime, Hop::default()).await;
    let first = start(&runtime, Hop { next: Some(last) }).await;
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", CALLER.parse().unwrap());
    let call = async move { OpsServiceClient::new(first).get_transaction(GetTransactionRequest::default()).await };
    let answer = call.instrument(trace::span_from(&headers, "edge")).await;
    let seen = Refusal::read(&answer.unwrap_err());
    assert_eq!(seen.metadata("trace"), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[tokio::test(start_paused = true)]
async fn an_unsampled_trace_keeps_its_id() {
    let runtime = crate::runtime();
    let peer = start(&runtime, Hop::default()).await;
    let unsampled = format!("{}00", CALLER.strip_suffix("01").unwrap());
    let call = async move { OpsServiceClient::new(peer).get_stats(GetStatsRequest::default()).await };
    let answer = call.instrument(trace::continue_from(&unsampled, "stored")).await;
    let seen = Refusal::read(&answer.unwrap_err());
    assert_eq!(seen.metadata("trace"), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[tokio::test(start_paused = true)]
async fn each_hop_hands_on_ten_milliseconds_less() {
    let runtime = crate::runtime();
    let last = start(&runtime, Hop::default()).await;
    let first = start(&runtime, Hop { next: Some(last) }).await;
    let call = OpsServiceClient::new(first).get_transaction(GetTransactionRequest::default()).await;
    assert_eq!(Refusal::read(&call.unwrap_err()).metadata("left"), Some("none"));

    let last = start(&runtime, Hop::default()).await;
    let first = start(&runtime, Hop { next: Some(last) }).await;
    let call = async move { OpsServiceClient::new(first).get_transaction(GetTransactionRequest::default()).await };
    let answer = deadline::within(Duration::from_secs(2), call).await;
    assert_eq!(Refusal::read(&answer.unwrap_err()).metadata("left"), Some("1980"));
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_shorter_limit_stays() {
    let runtime = crate::runtime();
    let peer = start(&runtime, Hop::default()).await;
    let mut request = Request::new(GetStatsRequest::default());
    request.set_timeout(Duration::from_millis(300));
    let call = async move { OpsServiceClient::new(peer).get_stats(request).await };
    let answer = deadline::within(Duration::from_secs(2), call).await;
    assert_eq!(Refusal::read(&answer.unwrap_err()).metadata("left"), Some("300"));
}

#[tokio::test(start_paused = true)]
async fn without_time_left_nothing_is_sent() {
    let runtime = crate::runtime();
    let peer = start(&runtime, Hop::default()).await;
    let call = async move { OpsServiceClient::new(peer).get_stats(GetStatsRequest::default()).await };
    let answer = deadline::within(Duration::from_millis(10), call).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_answers_internal_and_the_server_lives() {
    let runtime = crate::runtime();
    let mut client = OpsServiceClient::new(start(&runtime, Hop::default()).await);
    let answer = client.replay_transaction(ReplayTransactionRequest::default()).await.unwrap_err();
    assert_eq!((answer.code(), answer.message()), (tonic::Code::Internal, "internal error"));
    assert_eq!(client.get_stats(GetStatsRequest::default()).await.unwrap_err().message(), "seen");
}

#[tokio::test(start_paused = true)]
async fn reflection_knows_the_contracts() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_response::MessageResponse};

    let runtime = crate::runtime();
    let mut client = ServerReflectionClient::new(start(&runtime, Hop::default()).await);
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let asked = ServerReflectionRequest { host: String::new(), message_request };
    let mut answers = client.server_reflection_info(futures::stream::iter([asked])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    assert!(list.service.iter().any(|service| service.name == "retail.ops.v1.OpsService"), "{list:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_not_there_is_unavailable_and_not_unknown() {
    let runtime = crate::runtime();
    let peer = runtime.peer("http://127.0.0.1:7101").unwrap();
    let answer = OpsServiceClient::new(peer).get_stats(GetStatsRequest::default()).await.unwrap_err();
    assert_eq!(Refusal::read(&answer).class(), Class::Unavailable);
}

#[test]
fn an_address_that_is_none_is_refused_with_the_way_to_write_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    for address in ["", "127.0.0.1:7101", "ftp://host:1", "http://host"] {
        let error = crate::runtime().peer(address).unwrap_err().to_string();
        assert!(error.contains("http://host:port"), "{error}");
    }
}
