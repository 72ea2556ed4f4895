//! Calls to a service with several replicas.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::ops_service_server::{OpsService, OpsServiceServer};
use retail_proto::ops::v1::{
    GetStatsRequest, GetStatsResponse, GetTransactionRequest, GetTransactionResponse, ReplayTransactionRequest,
    ReplayTransactionResponse,
};
use retail_runtime::fault::{Class, Refusal};
use retail_runtime::{Clock, Drain, Io, Listener, Net, Network, Peer, Rng, Runtime, Timestamp};
use tokio::sync::Notify;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

/// Says its number, after some time.
#[derive(Clone)]
struct Numbered {
    number: u64,
    takes: Duration,
}

#[tonic::async_trait]
impl OpsService for Numbered {
    async fn get_stats(&self, _: Request<GetStatsRequest>) -> Result<Response<GetStatsResponse>, Status> {
        tokio::time::sleep(self.takes).await;
        Ok(Response::new(GetStatsResponse { commits: self.number, ..Default::default() }))
    }

    async fn get_transaction(
        &self,
        _: Request<GetTransactionRequest>,
    ) -> Result<Response<GetTransactionResponse>, Status> {
        Err(Status::unimplemented("nothing to show"))
    }

    async fn replay_transaction(
        &self,
        _: Request<ReplayTransactionRequest>,
    ) -> Result<Response<ReplayTransactionResponse>, Status> {
        Err(Status::unimplemented("nothing to replay"))
    }
}

/// A network where every port is of one host each, and names lead to the hosts that they are told.
struct Named {
    under: Arc<dyn Network>,
    names: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Network for Named {
    fn connect(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Io>> {
        // Host 10.0.0.N is what listens on port N here.
        let last = host.rsplit('.').next().and_then(|number| number.parse().ok());
        self.under.connect(host, last.filter(|_| host.starts_with("10.")).unwrap_or(port))
    }

    fn bind(&self, at: SocketAddr) -> BoxFuture<'static, io::Result<Listener>> {
        self.under.bind(at)
    }

    fn resolve(&self, host: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<String>>> {
        let found = self.names.lock().unwrap().get(host).cloned();
        Box::pin(async move { found.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// Starts a replica that can be stopped by itself.
async fn replica(net: &Net, number: u64, takes: Duration) -> (Runtime, SocketAddr) {
    let (clock, _time) = Clock::manual(Timestamp::UNIX_EPOCH);
    let world = Runtime::new("replica", clock, Rng::seeded(number), net.clone());
    let world = world.draining(Drain { announce: Duration::ZERO, grace: Duration::ZERO });
    let listener = world.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let at = listener.local_addr();
    let serving = world.clone();
    world.spawn("serve", async move {
        let routes = Routes::new(OpsServiceServer::new(Numbered { number, takes }));
        serving.serve_grpc(listener, routes).await.unwrap();
    });
    (world, at)
}

async fn asked(peer: &Peer) -> Result<u64, Status> {
    let answer = OpsServiceClient::new(peer.clone()).get_stats(GetStatsRequest::default()).await;
    answer.map(|stats| stats.into_inner().commits)
}

async fn answers(peer: &Peer, calls: usize) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..calls {
        *counts.entry(asked(peer).await.unwrap()).or_default() += 1;
    }
    counts
}

async fn ended(world: Runtime) {
    world.stop();
    assert!(world.drained(Duration::from_secs(60)).await);
}

#[tokio::test(start_paused = true)]
async fn calls_are_spread_over_the_replicas_and_one_that_ends_is_left_out_at_once() {
    let runtime = crate::runtime();
    let (one, first) = replica(runtime.net(), 1, Duration::ZERO).await;
    let (two, second) = replica(runtime.net(), 2, Duration::ZERO).await;
    let peer = runtime.peer(&format!("http://{first}, http://{second}")).unwrap();
    let counts = answers(&peer, 60).await;
    assert!(counts[&1] > 10 && counts[&2] > 10, "{counts:?}");
    ended(one).await;
    assert_eq!(answers(&peer, 60).await, BTreeMap::from([(2, 60)]), "and no call failed");
    ended(two).await;
    let refusal = Refusal::read(&asked(&peer).await.unwrap_err());
    assert_eq!(refusal.class(), Class::Unavailable, "nobody was reached: certainly not done");
}

#[tokio::test(start_paused = true)]
async fn a_busy_replica_gets_fewer_calls() {
    let runtime = crate::runtime();
    let (_slow, first) = replica(runtime.net(), 1, Duration::from_secs(10)).await;
    let (_quick, second) = replica(runtime.net(), 2, Duration::ZERO).await;
    let peer = runtime.peer(&format!("http://{first},http://{second}")).unwrap();
    let both = async {
        let waiting = futures::future::join_all((0..8).map(|_| asked(&peer)));
        let later = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            answers(&peer, 20).await
        };
        tokio::join!(waiting, later).1
    };
    assert_eq!(both.await, BTreeMap::from([(2, 20)]));
}

#[tokio::test(start_paused = true)]
async fn a_name_leads_to_all_its_replicas_and_to_those_that_come_later() {
    let network = Arc::new(Named { under: crate::memory::network(), names: Mutex::new(BTreeMap::new()) });
    let (clock, time) = Clock::manual(Timestamp::UNIX_EPOCH);
    let runtime = Runtime::new("test", clock, Rng::seeded(7), Net::new(network.clone()));
    let (one, first) = replica(runtime.net(), 1, Duration::ZERO).await;
    let (_two, second) = replica(runtime.net(), 2, Duration::ZERO).await;
    let (_three, third) = replica(runtime.net(), 3, Duration::ZERO).await;
    let host = |at: SocketAddr| format!("10.0.0.{}", at.port());
    let tell = |hosts: &[SocketAddr]| {
        let hosts = hosts.iter().copied().map(host).collect();
        network.names.lock().unwrap().insert("orders".to_owned(), hosts);
    };
    let peer = runtime.peer("http://orders:7101").unwrap();
    let refusal = Refusal::read(&asked(&peer).await.unwrap_err());
    assert_eq!(refusal.class(), Class::Unavailable, "nobody is behind the name yet");
    tell(&[first, second]);
    let counts = answers(&peer, 60).await;
    assert!(counts[&1] > 10 && counts[&2] > 10, "{counts:?}");
    tell(&[second, third]);
    ended(one).await;
    time.advance(Duration::from_secs(6));
    let mut all = BTreeMap::new();
    for _ in 0..60 {
        *all.entry(asked(&peer).await.unwrap()).or_insert(0) += 1;
        tokio::task::yield_now().await;
    }
    assert!(all[&2] > 10 && all[&3] > 10, "{all:?}");
}

/// Takes one connection and cuts it under its first call, before or after the answer began.
async fn cut(listener: Listener, begun: bool) {
    let (io, _) = listener.accept().await.unwrap();
    let under_way = Arc::new(Notify::new());
    let called = under_way.clone();
    let service = hyper::service::service_fn(move |_| {
        let called = called.clone();
        async move {
            called.notify_one();
            if !begun {
                std::future::pending::<()>().await;
            }
            let head = http::Response::builder().header("content-type", "application/grpc");
            head.body(StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, io::Error>>()))
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service);
    tokio::select! {
        ended = connection => ended.unwrap(),
        () = async { under_way.notified().await; tokio::time::sleep(Duration::from_secs(1)).await } => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_under_a_call_is_unavailable_and_says_nothing_of_the_call() {
    for begun in [false, true] {
        let runtime = crate::runtime();
        let listener = runtime.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let peer = runtime.peer(&format!("http://{}", listener.local_addr())).unwrap();
        let (answer, ()) = tokio::join!(asked(&peer), cut(listener, begun));
        let status = answer.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_eq!(Refusal::read(&status).class(), Class::Unknown, "{status}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_the_way_to_write_it() {
    let runtime = crate::runtime();
    for wrong in ["", "orders", "orders:7101", "https://orders:7101", "http://orders", "http://a:1,", "http://a:1/x"] {
        let error = runtime.peer(wrong).unwrap_err().to_string();
        assert!(error.contains("http://host:port"), "{wrong}: {error}");
    }
}
