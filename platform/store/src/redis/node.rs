//! One node: lanes for what changes something, each a connection of its own, and shared connections for reading.
//!
//! A lane sends everything that waits in one go, then one WAIT for all of it when somebody needs the replicas: WAIT
//! blocks its connection, and what comes meanwhile is the next group. Where nobody waits for replicas the next group does not
//! wait for the answers of the one before either: the server takes it in while that one is on its way to the disk.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use redis::{Cmd, RedisError, Value};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::connection::{Connection, Connector};
use super::values::number;
use crate::key::Partition;

/// Most jobs in one group.
const TOGETHER: usize = 64;
/// Jobs that may wait for a lane before callers wait to be let in.
const QUEUE: usize = 256;
/// Groups on their way at once, where nobody waits for replicas.
const AHEAD: usize = 4;
/// Connections for reading.
const READERS: usize = 4;

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
    lanes: Vec<mpsc::Sender<Job>>,
    readers: Vec<Mutex<Reader>>,
}

#[derive(Default)]
struct Reader {
    connection: Option<Connection>,
    opened: u64,
}

impl Node {
    pub(super) fn new(connector: &Arc<Connector>, address: &str) -> Self {
        let lanes = (0..connector.config.connections.max(1)).map(|_| {
            let (sender, jobs) = mpsc::channel(QUEUE);
            let connector = Arc::clone(connector);
            let lane = Lane { connector, address: address.to_owned(), connection: None, opened: 0 };
            lane.connector.runtime.clone().spawn("store.redis.lane", lane.run(jobs));
            sender
        });
        Self {
            address: address.to_owned(),
            connector: Arc::clone(connector),
            lanes: lanes.collect(),
            readers: (0..READERS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Sends commands; those of one partition go the same way, in order.
    pub(super) async fn send(&self, partition: Partition, via: Via, commands: Vec<Cmd>, waits: bool) -> Tried {
        let number = usize::from(partition.number());
        match via {
            Via::Lane => {
                let (reply, answer) = oneshot::channel();
                let lane = self.lanes.get(number % self.lanes.len().max(1));
                let Some(lane) = lane else { return Tried::NotSent("there is no lane".to_owned()) };
                if lane.send(Job { commands, waits, reply }).await.is_err() {
                    return Tried::NotSent("the lane has ended".to_owned());
                }
                answer.await.unwrap_or_else(|_| Tried::Lost("the lane has ended".to_owned()))
            }
            Via::Reader => {
                let reader = self.readers.get(number % READERS);
                let Some(reader) = reader else { return Tried::NotSent("there is no reader".to_owned()) };
                self.read(reader, commands).await
            }
        }
    }

    async fn read(&self, reader: &Mutex<Reader>, commands: Vec<Cmd>) -> Tried {
        let (connection, opened) = {
            let mut reader = reader.lock().await;
            match &reader.connection {
                Some(connection) => (connection.clone(), reader.opened),
                None => match self.connector.connect(&self.address, None).await {
                    Ok(connection) => {
                        reader.connection = Some(connection.clone());
                        reader.opened = reader.opened.wrapping_add(1);
                        (connection, reader.opened)
                    }
                    Err(why) => return Tried::NotSent(why),
                },
            }
        };
        match self.connector.ask(&connection, commands).await {
            Ok(answers) => Tried::Answered(answers, 0),
            Err(why) => {
                let mut reader = reader.lock().await;
                if reader.opened == opened {
                    reader.connection = None;
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
    /// Connections so far.
    opened: u64,
}

impl Lane {
    /// Works until nobody can send any more.
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let (mut group, mut under_way) = (Vec::with_capacity(TOGETHER), FuturesUnordered::new());
        let ahead = if self.connector.config.needs() == 0 { AHEAD } else { 1 };
        loop {
            tokio::select! {
                biased;
                Some(ended) = under_way.next() => self.ended(ended),
                count = jobs.recv_many(&mut group, TOGETHER), if under_way.len() < ahead => {
                    if count == 0 {
                        break;
                    }
                    let group = std::mem::take(&mut group);
                    match self.connection().await {
                        Ok((connection, opened)) => {
                            under_way.push(settle(Arc::clone(&self.connector), connection, opened, group));
                        }
                        Err(why) => group.into_iter().for_each(|job| job.answer(Tried::NotSent(why.clone()))),
                    }
                }
            }
        }
        while under_way.next().await.is_some() {}
    }

    async fn connection(&mut self) -> Result<(Connection, u64), String> {
        if let Some(connection) = &self.connection {
            return Ok((connection.clone(), self.opened));
        }
        let connection = self.connector.connect(&self.address, None).await?;
        self.connection = Some(connection.clone());
        self.opened = self.opened.wrapping_add(1);
        Ok((connection, self.opened))
    }

    /// A group has its answers; `Err` names the connection that was lost over it.
    fn ended(&mut self, ended: Result<(), u64>) {
        if ended.is_err_and(|opened| opened == self.opened) {
            self.connection = None;
        }
    }
}

impl Job {
    /// Whoever asked may have gone.
    fn answer(self, tried: Tried) {
        let _gone = self.reply.send(tried);
    }
}

/// Sends a group and hands out the answers.
async fn settle(
    connector: Arc<Connector>,
    connection: Connection,
    opened: u64,
    mut group: Vec<Job>,
) -> Result<(), u64> {
    let waits = group.iter().any(|job| job.waits);
    let counts: Vec<usize> = group.iter().map(|job| job.commands.len()).collect();
    let mut commands: Vec<Cmd> = group.iter_mut().flat_map(|job| std::mem::take(&mut job.commands)).collect();
    if waits {
        let config = &connector.config;
        let mut wait = redis::cmd("WAIT");
        wait.arg(config.needs()).arg(u64::try_from(config.wait.get().as_millis()).unwrap_or(u64::MAX).max(1));
        commands.push(wait);
    }
    match connector.ask(&connection, commands).await {
        Ok(mut answers) => {
            let replicas = if waits { answers.pop().and_then(Result::ok) } else { None };
            let replicas = replicas.as_ref().and_then(number).and_then(|many| u16::try_from(many).ok());
            let mut answers = answers.into_iter();
            for (job, count) in group.into_iter().zip(counts) {
                let own = answers.by_ref().take(count).collect();
                job.answer(Tried::Answered(own, replicas.unwrap_or(0)));
            }
            Ok(())
        }
        Err(why) => {
            group.into_iter().for_each(|job| job.answer(Tried::Lost(why.clone())));
            Err(opened)
        }
    }
}
