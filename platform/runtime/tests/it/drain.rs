//! The end: readiness falls first, work under way is finished, and one knows which ending it was.

use std::sync::Arc;
use std::time::Duration;

use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::ops_service_server::{OpsService, OpsServiceServer};
use retail_proto::ops::v1::{GetStatsRequest, GetStatsResponse};
use retail_runtime::{Drain, LIVE, Peer, Runtime};
use tokio::sync::Notify;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Answers when let go.
#[derive(Clone, Default)]
struct Slow {
    entered: Arc<Notify>,
    go: Arc<Notify>,
}

#[tonic::async_trait]
impl OpsService for Slow {
    async fn get_stats(&self, _: Request<GetStatsRequest>) -> Result<Response<GetStatsResponse>, Status> {
        self.entered.notify_one();
        self.go.notified().await;
        Ok(Response::new(GetStatsResponse::default()))
    }
}

async fn start(runtime: &Runtime, slow: Slow) -> Peer {
    let listener = runtime.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let serving = runtime.clone();
    runtime.spawn("serve", async move {
        serving.serve_grpc(listener, Routes::new(OpsServiceServer::new(slow))).await.unwrap();
    });
    runtime.peer(&address).unwrap()
}

#[tokio::test(start_paused = true)]
async fn readiness_falls_when_the_runtime_stops() {
    let runtime = crate::runtime().draining(Drain { announce: Duration::from_secs(5), ..Drain::default() });
    let mut health = HealthClient::new(start(&runtime, Slow::default()).await);
    let asked = || HealthCheckRequest { service: String::new() };
    let mut watched = health.watch(asked()).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    runtime.stop();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    // New calls are still taken while balancers take notice.
    assert_eq!(health.check(asked()).await.unwrap().into_inner().status(), ServingStatus::NotServing);
    drop(watched);
    assert!(runtime.drained(Duration::from_secs(30)).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_cannot_work_without_decides_whether_it_is_ready_and_not_whether_it_lives() {
    let runtime = crate::runtime();
    let mut health = HealthClient::new(start(&runtime, Slow::default()).await);
    let asked = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let mut watched = health.watch(asked("")).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let (mut store, mut other) = (runtime.named("a part").condition(), runtime.condition());
    assert!(store.set(false) && other.set(false) && !store.set(false));
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(health.check(asked(LIVE)).await.unwrap().into_inner().status(), ServingStatus::Serving);
    store.set(true);
    assert_eq!(health.check(asked("")).await.unwrap().into_inner().status(), ServingStatus::NotServing);
    drop(other);
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    drop(watched);
    runtime.stop();
    assert!(runtime.drained(Duration::from_secs(30)).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_answered_after_the_stop() {
    let (runtime, slow) = (crate::runtime(), Slow::default());
    let mut client = OpsServiceClient::new(start(&runtime, slow.clone()).await);
    let stopper = runtime.clone();
    let meanwhile = async move {
        slow.entered.notified().await;
        stopper.stop();
        slow.go.notify_one();
    };
    let (answer, ()) = tokio::join!(client.get_stats(GetStatsRequest::default()), meanwhile);
    answer.unwrap();
    assert!(runtime.drained(Duration::from_secs(30)).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_ends_does_not_hold_the_end_up() {
    let (runtime, slow) = (crate::runtime(), Slow::default());
    let mut client = OpsServiceClient::new(start(&runtime, slow.clone()).await);
    runtime.spawn("caller", async move {
        client.get_stats(GetStatsRequest::default()).await.unwrap_err();
    });
    slow.entered.notified().await;
    runtime.stop();
    assert!(runtime.drained(Duration::from_secs(30)).await);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_is_told_from_one_that_does() {
    let runtime = crate::runtime();
    runtime.spawn("panics", async { panic!("on purpose") });
    let stopping = runtime.stopping();
    runtime.spawn("ends", async move { stopping.cancelled().await });
    runtime.stop();
    assert!(runtime.drained(Duration::from_secs(1)).await);
    runtime.spawn("stays", std::future::pending());
    assert!(!runtime.drained(Duration::from_secs(1)).await);
}
