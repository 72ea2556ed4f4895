//! Following a feed without a group.

use std::net::SocketAddr;

use retail_flow::{Feed, Leases};
use retail_proto::events::v1 as pb;
use retail_proto::events::v1::feed_service_client::FeedServiceClient;
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_runtime::Peer;
use retail_runtime::fault::{Class, Refusal};
use retail_store::Partition;
use tonic::Streaming;
use tonic::service::Routes;

use crate::toy::World;

/// Serves the feed of a world, with one declared group.
pub(crate) async fn served(world: &World) -> FeedServiceClient<Peer> {
    for partition in Partition::all() {
        world.store.declare(partition, "search").await.unwrap();
    }
    let leases = Leases::start(&world.runtime, &world.store).await;
    let feed = Feed::new(&world.runtime, &world.store, &leases, vec!["search".into()]);
    let listener = world.runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = world.runtime.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let server = world.runtime.clone();
    world.runtime.spawn("feed", async move {
        server.serve_grpc(listener, Routes::new(FeedServiceServer::new(feed))).await.unwrap();
    });
    FeedServiceClient::new(peer)
}

pub(crate) fn behind(event: &pb::Event) -> pb::Position {
    pb::Position { partition: event.partition, sequence: event.sequence, event_id: event.id.clone() }
}

async fn tail(client: &mut FeedServiceClient<Peer>, request: pb::TailRequest) -> Streaming<pb::TailResponse> {
    client.tail(request).await.unwrap().into_inner()
}

async fn all(mut stream: Streaming<pb::TailResponse>) -> Vec<pb::Event> {
    let mut events = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        events.extend(message.events);
    }
    events
}

fn to_the_end() -> pb::TailRequest {
    pb::TailRequest { until_end: true, ..Default::default() }
}

fn subjects(events: &[pb::Event]) -> Vec<&str> {
    let mut subjects: Vec<_> = events.iter().map(|event| event.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects
}

#[tokio::test]
async fn a_tail_from_the_beginning_to_the_end_has_every_event_and_ends() {
    let world = World::new();
    for id in ["p1", "p2", "p3"] {
        world.place(id).await;
    }
    let mut client = served(&world).await;
    let events = all(tail(&mut client, to_the_end()).await).await;
    assert_eq!(subjects(&events), ["parcel/p1", "parcel/p2", "parcel/p3"]);
    assert!(events.iter().all(|event| event.r#type == "toy.ParcelPlaced" && event.version == 1));
    assert!(events.iter().all(|event| event.source == "weft/toys" && event.time.is_some()));
    world.runtime.stop();
}

#[tokio::test]
async fn a_tail_from_now_has_only_what_comes() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let mut stream = tail(&mut client, pb::TailRequest { from_now: true, ..Default::default() }).await;
    world.place("p2").await;
    let message = stream.message().await.unwrap().unwrap();
    assert_eq!(subjects(&message.events), ["parcel/p2"]);
    world.runtime.stop();
}

#[tokio::test]
async fn a_tail_goes_on_behind_the_places_it_is_given() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let first = all(tail(&mut client, to_the_end()).await).await;
    world.place("p2").await;
    let request = pb::TailRequest { after: vec![behind(&first[0])], ..to_the_end() };
    assert_eq!(subjects(&all(tail(&mut client, request).await).await), ["parcel/p2"]);
    world.runtime.stop();
}

#[tokio::test]
async fn a_place_of_another_history_is_out_of_range() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let first = all(tail(&mut client, to_the_end()).await).await;
    let beyond = pb::Position { sequence: first[0].sequence + 10, ..behind(&first[0]) };
    let forked = pb::Position { event_id: "0190a1b2-0000-7000-8000-000000000000".into(), ..behind(&first[0]) };
    for place in [beyond, forked] {
        let mut stream = tail(&mut client, pb::TailRequest { after: vec![place], ..to_the_end() }).await;
        let refusal = loop {
            match stream.message().await {
                Ok(message) => assert!(message.is_some(), "ended without a word"),
                Err(status) => break Refusal::read(&status),
            }
        };
        assert_eq!((refusal.class(), refusal.reason()), (Class::OutOfRange, "CURSOR_OUT_OF_RANGE"));
    }
    world.runtime.stop();
}

#[tokio::test]
async fn a_place_that_is_none_is_refused_by_field() {
    let world = World::new();
    let mut client = served(&world).await;
    let places = vec![
        pb::Position { partition: 64, ..Default::default() },
        pb::Position { event_id: "garbage".into(), ..Default::default() },
    ];
    let status = client.tail(pb::TailRequest { after: places, ..to_the_end() }).await.unwrap_err();
    let refusal = Refusal::read(&status);
    let fields: Vec<_> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["after[0].partition", "after[1].event_id"]);
    world.runtime.stop();
}
