//! Where each partition lives, and how an operation gets there: through moved slots, failovers and lost connections, as
//! long as patience lasts. Whatever is sent again is safe to repeat: a commit carries its writer's number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, RedisError, Value};
use tokio::sync::watch;

use super::connection::Connector;
use super::node::{Node, Tried, Via};
use super::script::Script;
use super::slots::{Range, Role, ranges, redirected, role, slot};
use crate::commit::Strength;
use crate::key::Partition;

/// First and longest pause between tries, before jitter.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));
/// The map is not asked for more often than this.
const FRESH: Duration = Duration::from_millis(50);
/// Redirections that are followed for a name that is no partition's.
const REDIRECTIONS: u32 = 8;

/// What to do, and how to know that it counts.
pub(super) struct Ask {
    pub(super) partition: Partition,
    pub(super) via: Via,
    pub(super) commands: Vec<Cmd>,
    /// The script that the commands call, to teach it to a node that does not know it.
    pub(super) script: Option<&'static Script>,
    /// Does it wait for replicas, where the class has them wait?
    pub(super) strength: Strength,
    /// Answers that replicas must have before they count.
    pub(super) replicated: fn(&[Value]) -> bool,
}

/// Why it was not done.
#[derive(Debug)]
pub(super) struct Fail {
    /// True: it may have been done.
    pub(super) doubtful: bool,
    pub(super) why: String,
}

/// Where things are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Map {
    /// Primary of each partition, by number.
    pub(super) primaries: Vec<String>,
    /// Replicas by primary.
    pub(super) replicas: BTreeMap<String, Vec<String>>,
}

/// The way to everything.
pub(super) struct Route {
    pub(super) connector: Arc<Connector>,
    slots: Vec<u16>,
    map: watch::Sender<Map>,
    nodes: Mutex<BTreeMap<String, Arc<Node>>>,
    asked: tokio::sync::Mutex<Option<Duration>>,
}

/// What a server's error means for the operation.
enum Verdict {
    Moved(String),
    Ask(String),
    Unscripted,
    /// Nothing was done; later it may be.
    Later {
        refresh: bool,
    },
    /// Nothing was done, and trying again does not help.
    Never,
    /// Nobody can say.
    Broken,
}

impl Route {
    /// `tags` is the hash tag of each partition, by number.
    pub(super) fn new(connector: Arc<Connector>, tags: impl Iterator<Item = String>) -> Self {
        Self {
            connector,
            slots: tags.map(|tag| slot(tag.as_bytes())).collect(),
            map: watch::Sender::new(Map::default()),
            nodes: Mutex::default(),
            asked: tokio::sync::Mutex::default(),
        }
    }

    /// Where things are now, and when that changes.
    pub(super) fn map(&self) -> watch::Receiver<Map> {
        self.map.subscribe()
    }

    /// Does it, or says why not.
    pub(super) async fn run(&self, ask: &Ask) -> Result<Vec<Value>, Fail> {
        let (clock, config) = (self.connector.runtime.clock(), &self.connector.config);
        let until = clock.monotonic().saturating_add(config.patience.get());
        let (mut doubtful, mut pause, mut aside) = (false, PAUSE.0, None);
        loop {
            let asking = aside.is_some();
            let Some(node) = self.node(ask.partition, aside.take()) else {
                return Err(Fail { doubtful, why: "no node is known".to_owned() });
            };
            let mut commands = Vec::with_capacity(ask.commands.len().saturating_mul(2));
            for command in &ask.commands {
                if asking {
                    commands.push(redis::cmd("ASKING"));
                }
                commands.push(command.clone());
            }
            let waits = ask.via == Via::Lane && ask.strength == Strength::Strong && config.needs() > 0;
            let (refresh, why) = match node.send(ask.partition, ask.via, commands, waits).await {
                Tried::Answered(answers, replicas) => match settled(answers, asking) {
                    Ok(values) if !waits || replicas >= config.needs() || !(ask.replicated)(&values) => {
                        return Ok(values);
                    }
                    Ok(_) => {
                        doubtful = true;
                        (false, format!("{replicas} of {} replicas had it in time", config.needs()))
                    }
                    Err(error) => match judge(&error) {
                        Verdict::Moved(to) => {
                            self.moved(ask.partition, redirected(&to, &node.address));
                            (false, error.to_string())
                        }
                        Verdict::Ask(to) => {
                            aside = Some(redirected(&to, &node.address));
                            (false, error.to_string())
                        }
                        Verdict::Unscripted => {
                            if let Some(script) = ask.script {
                                node.send(ask.partition, ask.via, vec![script.load()], false).await;
                            }
                            (false, error.to_string())
                        }
                        Verdict::Later { refresh } => (refresh, error.to_string()),
                        Verdict::Never => return Err(Fail { doubtful, why: error.to_string() }),
                        Verdict::Broken => {
                            tracing::error!(%error, partition = %ask.partition, "Redis cannot do what it was asked");
                            return Err(Fail { doubtful: true, why: error.to_string() });
                        }
                    },
                },
                Tried::NotSent(why) => (true, why),
                Tried::Lost(why) => {
                    doubtful = true;
                    (true, why)
                }
            };
            if clock.monotonic().saturating_add(pause) >= until {
                return Err(Fail { doubtful, why });
            }
            tracing::debug!(partition = %ask.partition, why, "trying again");
            if aside.is_none() {
                clock.sleep(self.connector.runtime.rng().jitter(pause)).await;
                pause = pause.saturating_mul(2).min(PAUSE.1);
            }
            if refresh {
                let _still = self.refresh().await;
            }
        }
    }

    /// Calls a script on a name that is no partition's, wherever it lives.
    pub(super) async fn run_anywhere(&self, command: Cmd, script: &Script) -> Result<Value, String> {
        let mut address = self.map.borrow().primaries.first().cloned().ok_or("no node is known")?;
        for _ in 0..REDIRECTIONS {
            let connection = self.connector.connect(&address, None).await?;
            let answers = self.connector.ask(&connection, vec![script.load(), command.clone()]).await?;
            match answers.into_iter().collect::<Result<Vec<_>, _>>() {
                Ok(answers) => return Ok(answers.into_iter().next_back().unwrap_or_default()),
                Err(error) => match error.redirect_node() {
                    Some((to, _)) => address = redirected(to, &address),
                    None => return Err(format!("{address}: {error}")),
                },
            }
        }
        Err(format!("{address} redirects again and again"))
    }

    fn node(&self, partition: Partition, aside: Option<String>) -> Option<Arc<Node>> {
        let address = match aside {
            Some(address) => address,
            None => self.map.borrow().primaries.get(usize::from(partition.number()))?.clone(),
        };
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let node = nodes.entry(address.clone()).or_insert_with(|| Arc::new(Node::new(&self.connector, &address)));
        Some(Arc::clone(node))
    }

    fn moved(&self, partition: Partition, to: String) {
        self.map.send_if_modified(|map| match map.primaries.get_mut(usize::from(partition.number())) {
            Some(place) if *place != to => {
                *place = to;
                true
            }
            Some(_) | None => false,
        });
    }

    /// Asks where things are now.
    pub(super) async fn refresh(&self) -> Result<(), String> {
        let clock = self.connector.runtime.clock();
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| clock.monotonic().saturating_sub(at) < FRESH) {
            return Ok(());
        }
        let found = self.look().await;
        *asked = Some(clock.monotonic());
        let map = found?;
        let known = |address: &String| map.primaries.contains(address);
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).retain(|address, _| known(address));
        self.map.send_if_modified(|now| {
            let differs = *now != map;
            *now = map;
            differs
        });
        Ok(())
    }

    /// Asks everybody who may know: the configured addresses and the nodes known so far.
    async fn look(&self) -> Result<Map, String> {
        let mut addresses = self.connector.config.addresses.clone();
        {
            let map = self.map.borrow();
            addresses.extend(map.primaries.iter().cloned());
            addresses.extend(map.replicas.values().flatten().cloned());
        }
        let (mut seen, mut why, mut best) =
            (std::collections::BTreeSet::new(), "no address is configured".to_owned(), None);
        for address in addresses {
            if !seen.insert(address.clone()) {
                continue;
            }
            match self.look_at(&address).await {
                Ok(Found::Cluster(map)) => return Ok(map),
                // Of two that call themselves primary the one with more replicas, then with more history, is the one.
                Ok(Found::Primary(rank, map)) => {
                    if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                        best = Some((rank, map));
                    }
                }
                Ok(Found::Replica) => why = format!("{address} is a replica, and no primary is configured or answers"),
                Err(error) => why = error,
            }
        }
        best.map(|(_, map)| map).ok_or(why)
    }

    async fn look_at(&self, address: &str) -> Result<Found, String> {
        let connection = self.connector.connect(address, None).await?;
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let mut answers = self.connector.ask(&connection, vec![redis::cmd("ROLE"), slots]).await?.into_iter();
        let (said, slots) = (answers.next(), answers.next());
        if let Some(Ok(slots)) = slots {
            let ranges = ranges(slots, address).ok_or_else(|| format!("{address}: CLUSTER SLOTS makes no sense"))?;
            return self.of_ranges(&ranges).map(Found::Cluster);
        }
        let said = said.ok_or("no answer")?.map_err(|error| format!("{address}: {error}"))?;
        let said = role(said).ok_or_else(|| format!("{address}: ROLE makes no sense"))?;
        let Role::Primary(offset, replicas) = said else { return Ok(Found::Replica) };
        let rank = (replicas.len(), offset);
        let primaries = vec![address.to_owned(); self.slots.len()];
        Ok(Found::Primary(rank, Map { primaries, replicas: BTreeMap::from([(address.to_owned(), replicas)]) }))
    }

    fn of_ranges(&self, ranges: &[Range]) -> Result<Map, String> {
        let mut map = Map::default();
        for slot in &self.slots {
            let serves = ranges.iter().find(|range| (range.from..=range.to).contains(slot));
            let serves = serves.ok_or_else(|| format!("the Cluster serves no slot {slot}"))?;
            map.primaries.push(serves.primary.clone());
            map.replicas.insert(serves.primary.clone(), serves.replicas.clone());
        }
        Ok(map)
    }
}

enum Found {
    Cluster(Map),
    Primary((usize, i64), Map),
    Replica,
}

/// All answers, or the first error. What `ASKING` was answered is nobody's concern.
fn settled(answers: Vec<Result<Value, RedisError>>, asking: bool) -> Result<Vec<Value>, RedisError> {
    if asking { answers.into_iter().skip(1).step_by(2).collect() } else { answers.into_iter().collect() }
}

fn judge(error: &RedisError) -> Verdict {
    let to = || error.redirect_node().map(|(address, _)| address.to_owned());
    match (error.code(), to()) {
        (Some("MOVED"), Some(to)) => Verdict::Moved(to),
        (Some("ASK"), Some(to)) => Verdict::Ask(to),
        (Some("NOSCRIPT"), _) => Verdict::Unscripted,
        (Some("TRYAGAIN" | "BUSY" | "NOREPLICAS"), _) => Verdict::Later { refresh: false },
        (Some("CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" | "UNBLOCKED"), _) => {
            Verdict::Later { refresh: true }
        }
        (Some("OOM" | "MISCONF" | "NOAUTH" | "NOPERM" | "WRONGPASS"), _) => Verdict::Never,
        (_, _) => Verdict::Broken,
    }
}
