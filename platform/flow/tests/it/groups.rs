//! Following a feed as a member of a group.

use std::collections::BTreeSet;
use std::time::Duration;

use retail_proto::events::v1 as pb;
use retail_proto::events::v1::feed_service_client::FeedServiceClient;
use retail_runtime::Peer;
use retail_runtime::fault::{Class, Refusal};
use retail_store::Partition;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::feed::{behind, served};
use crate::toy::World;

/// One member: what it says, and what it is told.
struct Member {
    says: mpsc::Sender<pb::SubscribeRequest>,
    hears: Streaming<pb::SubscribeResponse>,
}

impl Member {
    async fn join(client: &mut FeedServiceClient<Peer>, group: &str) -> Self {
        Self::join_as(client, group, "").await
    }

    async fn join_as(client: &mut FeedServiceClient<Peer>, group: &str, member: &str) -> Self {
        let (says, said) = mpsc::channel(8);
        let joins = pb::SubscribeRequest { group: group.into(), member: member.into(), ..Default::default() };
        says.send(joins).await.unwrap();
        let hears = client.subscribe(ReceiverStream::new(said)).await.unwrap().into_inner();
        Self { says, hears }
    }

    async fn hear(&mut self) -> Result<pb::SubscribeResponse, Status> {
        Ok(self.hears.message().await?.unwrap())
    }

    /// Waits for an assignment of so many partitions.
    async fn assigned(&mut self, count: usize) -> BTreeSet<u32> {
        loop {
            let message = self.hear().await.unwrap();
            if message.assigned.len() == count {
                return message.assigned.into_iter().collect();
            }
        }
    }

    async fn event(&mut self) -> pb::Event {
        loop {
            if let Some(event) = self.hear().await.unwrap().events.into_iter().next() {
                return event;
            }
        }
    }

    async fn acknowledge(&self, event: &pb::Event) {
        let acknowledged = vec![behind(event)];
        self.says.send(pb::SubscribeRequest { acknowledged, ..Default::default() }).await.unwrap();
    }
}

async fn until_acknowledged(world: &World, event: &pb::Event) {
    let partition = Partition::new(u16::try_from(event.partition).unwrap()).unwrap();
    for _ in 0..2_000 {
        let offset = world.store.offset(partition, "search").await.unwrap().unwrap();
        if offset.position.sequence == event.sequence {
            return;
        }
        world.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("never acknowledged");
}

#[tokio::test]
async fn members_of_a_group_share_its_partitions_and_inherit_from_those_who_leave() {
    let world = World::new();
    let mut client = served(&world).await;
    let mut first = Member::join(&mut client, "search").await;
    assert_eq!(first.assigned(64).await.len(), 64);
    let mut second = Member::join(&mut client, "search").await;
    let (one, other) = (first.assigned(32).await, second.assigned(32).await);
    assert!(one.is_disjoint(&other));
    drop(first);
    assert_eq!(second.assigned(64).await.len(), 64);
    world.runtime.stop();
}

#[tokio::test]
async fn members_with_different_replicas_of_the_owner_share_the_partitions_all_the_same() {
    let world = World::new();
    let other = world.beside(2);
    let (mut client, mut beside) = (served(&world).await, served(&other).await);
    let mut first = Member::join(&mut client, "search").await;
    assert_eq!(first.assigned(64).await.len(), 64);
    let mut second = Member::join(&mut beside, "search").await;
    let (one, two) = tokio::join!(first.assigned(32), second.assigned(32));
    assert!(one.is_disjoint(&two));
    world.place("p1").await;
    let heard = tokio::select! {
        event = first.event() => event,
        event = second.event() => event,
    };
    assert_eq!(heard.subject, "parcel/p1");
    drop(second);
    assert_eq!(first.assigned(64).await.len(), 64, "what the other heard and did not acknowledge comes again here");
    world.runtime.stop();
    other.runtime.stop();
}

#[tokio::test]
async fn a_member_that_joins_again_with_another_replica_is_the_same_member() {
    let world = World::new();
    let other = world.beside(2);
    let (mut client, mut beside) = (served(&world).await, served(&other).await);
    let mut hung = Member::join_as(&mut client, "search", "one").await;
    assert_eq!(hung.assigned(64).await.len(), 64);
    let mut again = Member::join_as(&mut beside, "search", "one").await;
    assert_eq!(again.assigned(64).await.len(), 64, "nothing is kept for the connection that was given up");
    let mut second = Member::join_as(&mut beside, "search", "two").await;
    let (one, two) = tokio::join!(again.assigned(32), second.assigned(32));
    assert!(one.is_disjoint(&two));
    world.runtime.stop();
    other.runtime.stop();
}

#[tokio::test]
async fn a_member_is_told_when_it_has_been_sent_everything() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let mut member = Member::join(&mut client, "search").await;
    let mut events = 0;
    loop {
        let message = member.hear().await.unwrap();
        events += message.events.len();
        if message.complete {
            break;
        }
    }
    assert_eq!(events, 1, "complete, and not everything was sent");
    world.place("p2").await;
    assert_eq!(member.event().await.subject, "parcel/p2");
    assert!(member.hear().await.unwrap().complete);
    world.runtime.stop();
}

#[tokio::test]
async fn an_event_comes_again_until_it_is_acknowledged_and_then_never() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let mut forgetful = Member::join(&mut client, "search").await;
    assert_eq!(forgetful.event().await.subject, "parcel/p1");
    drop(forgetful);
    let mut careful = Member::join(&mut client, "search").await;
    let event = careful.event().await;
    assert_eq!(event.subject, "parcel/p1");
    careful.acknowledge(&event).await;
    until_acknowledged(&world, &event).await;
    drop(careful);
    let mut next = Member::join(&mut client, "search").await;
    next.assigned(64).await;
    world.place("p2").await;
    assert_eq!(next.event().await.subject, "parcel/p2");
    world.runtime.stop();
}

#[tokio::test]
async fn progress_outlives_the_process() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let mut member = Member::join(&mut client, "search").await;
    let event = member.event().await;
    member.acknowledge(&event).await;
    until_acknowledged(&world, &event).await;
    world.runtime.stop();
    let next = world.restarted();
    let mut client = served(&next).await;
    let mut member = Member::join(&mut client, "search").await;
    next.place("p2").await;
    assert_eq!(member.event().await.subject, "parcel/p2");
    next.runtime.stop();
}

#[tokio::test]
async fn a_group_that_nobody_declared_is_refused() {
    let world = World::new();
    let mut client = served(&world).await;
    let mut stranger = Member::join(&mut client, "strangers").await;
    let refusal = Refusal::read(&stranger.hear().await.unwrap_err());
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_GROUP"));
    let mut nameless = Member::join(&mut client, "").await;
    let refusal = Refusal::read(&nameless.hear().await.unwrap_err());
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "GROUP_NOT_NAMED"));
    world.runtime.stop();
}

#[tokio::test]
async fn an_acknowledgement_of_what_never_was_ends_the_membership() {
    let world = World::new();
    world.place("p1").await;
    let mut client = served(&world).await;
    let mut member = Member::join(&mut client, "search").await;
    let event = member.event().await;
    member.acknowledge(&pb::Event { sequence: event.sequence + 10, ..event }).await;
    let refusal = loop {
        if let Err(status) = member.hear().await {
            break Refusal::read(&status);
        }
    };
    assert_eq!(refusal.reason(), "CURSOR_OUT_OF_RANGE");
    world.runtime.stop();
}
