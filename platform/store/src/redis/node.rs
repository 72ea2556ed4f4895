//! One node: a few connections that all share, and, where commits wait for replicas, lanes for them.
//!
//! WAIT blocks its connection. So a lane, a connection of its own, sends everything that waits in one go, then one WAIT for
//! all of it, and what comes meanwhile is the next group. Where nobody waits for replicas commits go the way of the reads:
//! what is sent while something is under way goes out in one piece, and the server takes it in while that is on its way to
//! the disk.

use std::sync::Arc;

use redis::{Cmd, RedisError, Value};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::connection::{Connection, Connector};
use super::values::number;
use crate::key::Partition;

/// Most jobs in one group.
const TOGETHER: usize = 64;
/// Jobs that may wait for a lane before callers wait to be let in.
const QUEUE: usize = 256;
/// Connections that all share. Few: what waits for one of them goes out together, and each costs the server a turn.
const SHARED: usize = 4;

/// What became of one try.
pub(super) enum Tried {
    /// Each command has its answer. `replicas`: how many had it when the wait ended.
    Answered(Vec<Result<Value, RedisError>>, u16),
    /// Nothing was sent.
    NotSent(String),
    /// It may have been done.
    Lost(String),
}

/// Commands that are sent together, one behind the other.
struct Job {
    commands: Vec<Cmd>,
    waits: bool,
    reply: oneshot::Sender<Tried>,
}

/// Which way to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// For what changes something.
    Lane,
    /// For what only reads.
    Reader,
}

/// A node.
pub(super) struct Node {
    pub(super) address: String,
    connector: Arc<Connector>,
    /// None where nobody waits for replicas.
    lanes: Vec<mpsc::Sender<Job>>,
    shared: Vec<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    connection: Option<Connection>,
    opened: u64,
}

impl Node {
    pub(super) fn new(connector: &Arc<Connector>, address: &str) -> Self {
        let lanes = if connector.config.needs() > 0 { connector.config.connections.max(1) } else { 0 };
        let lanes = (0..lanes).map(|_| {
            let (sender, jobs) = mpsc::channel(QUEUE);
            let connector = Arc::clone(connector);
            let lane = Lane { connector, address: address.to_owned(), connection: None };
            lane.connector.runtime.clone().spawn("store.redis.lane", lane.run(jobs));
            sender
        });
        Self {
            address: address.to_owned(),
            connector: Arc::clone(connector),
            lanes: lanes.collect(),
            shared: (0..SHARED).map(|_| Mutex::default()).collect(),
        }
    }

    /// Sends commands; those of one partition go the same way, in order.
    pub(super) async fn send(&self, partition: Partition, via: Via, commands: Vec<Cmd>, waits: bool) -> Tried {
        let number = usize::from(partition.number());
        let lane = match via {
            Via::Lane => self.lanes.get(number % self.lanes.len().max(1)),
            Via::Reader => None,
        };
        match lane {
            Some(lane) => {
                let (reply, answer) = oneshot::channel();
                if lane.send(Job { commands, waits, reply }).await.is_err() {
                    return Tried::NotSent("the lane has ended".to_owned());
                }
                answer.await.unwrap_or_else(|_| Tried::Lost("the lane has ended".to_owned()))
            }
            None => {
                let shared = self.shared.get(number % SHARED);
                let Some(shared) = shared else { return Tried::NotSent("there is no connection".to_owned()) };
                self.ask(shared, commands).await
            }
        }
    }

    async fn ask(&self, shared: &Mutex<Shared>, commands: Vec<Cmd>) -> Tried {
        let (connection, opened) = {
            let mut shared = shared.lock().await;
            match &shared.connection {
                Some(connection) => (connection.clone(), shared.opened),
                None => match self.connector.connect(&self.address, None).await {
                    Ok(connection) => {
                        shared.connection = Some(connection.clone());
                        shared.opened = shared.opened.wrapping_add(1);
                        (connection, shared.opened)
                    }
                    Err(why) => return Tried::NotSent(why),
                },
            }
        };
        match self.connector.ask(&connection, commands).await {
            Ok(answers) => Tried::Answered(answers, 0),
            Err(why) => {
                let mut shared = shared.lock().await;
                if shared.opened == opened {
                    shared.connection = None;
                }
                Tried::Lost(why)
            }
        }
    }
}

/// What serves the jobs of one lane.
struct Lane {
    connector: Arc<Connector>,
    address: String,
    connection: Option<Connection>,
}

impl Lane {
    /// Works until nobody can send any more.
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(TOGETHER);
        while jobs.recv_many(&mut group, TOGETHER).await > 0 {
            match self.connection().await {
                Ok(connection) => {
                    if settle(&self.connector, &connection, &mut group).await.is_err() {
                        self.connection = None;
                    }
                }
                Err(why) => group.drain(..).for_each(|job| job.answer(Tried::NotSent(why.clone()))),
            }
        }
    }

    async fn connection(&mut self) -> Result<Connection, String> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let connection = self.connector.connect(&self.address, None).await?;
        self.connection = Some(connection.clone());
        Ok(connection)
    }
}

impl Job {
    /// Whoever asked may have gone.
    fn answer(self, tried: Tried) {
        let _gone = self.reply.send(tried);
    }
}

/// The connection is lost.
struct Gone;

/// Sends a group and hands out the answers.
async fn settle(connector: &Connector, connection: &Connection, group: &mut Vec<Job>) -> Result<(), Gone> {
    let waits = group.iter().any(|job| job.waits);
    let counts: Vec<usize> = group.iter().map(|job| job.commands.len()).collect();
    let mut commands: Vec<Cmd> = group.iter_mut().flat_map(|job| std::mem::take(&mut job.commands)).collect();
    if waits {
        let config = &connector.config;
        let mut wait = redis::cmd("WAIT");
        wait.arg(config.needs()).arg(u64::try_from(config.wait.get().as_millis()).unwrap_or(u64::MAX).max(1));
        commands.push(wait);
    }
    match connector.ask(connection, commands).await {
        Ok(mut answers) => {
            let replicas = if waits { answers.pop().and_then(Result::ok) } else { None };
            let replicas = replicas.as_ref().and_then(number).and_then(|many| u16::try_from(many).ok());
            let mut answers = answers.into_iter();
            for (job, count) in group.drain(..).zip(counts) {
                let own = answers.by_ref().take(count).collect();
                job.answer(Tried::Answered(own, replicas.unwrap_or(0)));
            }
            Ok(())
        }
        Err(why) => {
            group.drain(..).for_each(|job| job.answer(Tried::Lost(why.clone())));
            Err(Gone)
        }
    }
}
