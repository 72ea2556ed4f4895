//! Hints of other replicas, over sharded channels of each node. They may be lost; after every change of connections all
//! partitions are told, because nobody knows what was missed.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{PushInfo, PushKind};
use tokio::sync::{mpsc, watch};

use super::Inner;
use super::connection::Connection;
use super::names::Names;
use super::values::bytes;
use crate::key::Partition;

/// Pause before connecting again.
const PAUSE: Duration = Duration::from_millis(200);

/// When nodes that could not be reached are tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Listens until the back end is dropped or the runtime stops.
pub(super) async fn run(inner: Weak<Inner>, mut alive: watch::Receiver<()>) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let (runtime, hints) = (strong.route.connector.runtime.clone(), strong.hints.clone());
        let stopping = runtime.stopping();
        let mut map = strong.route.map();
        let (sender, mut pushes) = mpsc::unbounded_channel();
        let (connections, complete) = subscribe(&strong, &sender).await;
        let channels = channels(&strong);
        let writer = strong.writer.clone();
        drop((strong, sender));
        Partition::all().for_each(|partition| hints.tell(partition));
        let lost = async {
            while let Some(push) = pushes.recv().await {
                match heard(push, &channels, &writer) {
                    Heard::Hint(partition) => hints.tell(partition),
                    Heard::Nothing => {}
                    Heard::Lost => return,
                }
            }
        };
        tokio::select! {
            () = lost => {}
            _ = map.changed() => {}
            _ = alive.changed() => return,
            () = runtime.clock().sleep(AGAIN), if !complete => {}
            () = stopping.cancelled() => return,
        }
        drop(connections);
        runtime.clock().sleep(PAUSE).await;
        if let Some(strong) = inner.upgrade() {
            let _still = strong.route.refresh().await;
        }
    }
}

enum Heard {
    Hint(Partition),
    Nothing,
    Lost,
}

fn heard(push: PushInfo, channels: &BTreeMap<Vec<u8>, Partition>, writer: &str) -> Heard {
    if push.kind == PushKind::SMessage {
        let mut data = push.data.into_iter().map(bytes);
        let (channel, from) = (data.next().flatten(), data.next().flatten());
        // One's own commits are known already.
        let foreign = from.is_some_and(|from| from != writer.as_bytes());
        let partition = channel.and_then(|channel| channels.get(&channel)).filter(|_| foreign);
        partition.map_or(Heard::Nothing, |partition| Heard::Hint(*partition))
    } else if push.kind == PushKind::Disconnection || push.kind == PushKind::SUnsubscribe {
        // A slot that moved away takes its subscriptions with it.
        Heard::Lost
    } else {
        Heard::Nothing
    }
}

fn channels(inner: &Inner) -> BTreeMap<Vec<u8>, Partition> {
    let named = |partition| (Names::of(partition, &inner.region, &inner.domain).hints(), partition);
    Partition::all().map(named).collect()
}

/// One connection a node, with the channels of its partitions; false when a node could not be reached.
async fn subscribe(inner: &Arc<Inner>, sender: &mpsc::UnboundedSender<PushInfo>) -> (Vec<Connection>, bool) {
    let primaries = inner.route.map().borrow().primaries.clone();
    let mut of: BTreeMap<String, Vec<redis::Cmd>> = BTreeMap::new();
    for (partition, primary) in Partition::all().zip(primaries) {
        let mut command = redis::cmd("SSUBSCRIBE");
        command.arg(Names::of(partition, &inner.region, &inner.domain).hints());
        of.entry(primary).or_default().push(command);
    }
    let (mut connections, mut complete, connector) = (Vec::new(), true, &inner.route.connector);
    for (primary, commands) in of {
        let Ok(connection) = connector.connect(&primary, Some(sender.clone())).await else {
            complete = false;
            continue;
        };
        match connector.ask(&connection, commands).await {
            Ok(answers) => {
                if let Some(error) = answers.into_iter().find_map(Result::err) {
                    tracing::warn!(%error, primary, "no hints from this node; work is found by polling alone");
                }
                connections.push(connection);
            }
            Err(why) => {
                tracing::debug!(why, primary, "no hints from this node until it answers again");
                complete = false;
            }
        }
    }
    (connections, complete)
}
