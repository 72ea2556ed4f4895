//! Each script broken off at each of its commands, and on each name that holds something else: either nothing was
//! written, or all that could refuse was behind it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::Cmd;
use retail_runtime::{Runtime, Timestamp};
use uuid::Uuid;

use super::commit::{Writer, command};
use super::names::{Names, age};
use super::script::{BIRTH, COMMIT, GROUP, LEASE, SWEEP, Script, TRIM, word};
use super::servers::{Kind, Server};
use super::values::{fence, position};
use super::{Durability, Redis, RedisConfig};
use crate::backend::Backend as _;
use crate::commit::{Commit, CommitId, Fence, Index, Keyed, Mark, NewEvent, Outcome, Write};
use crate::key::{Key, Partition, Version};
use crate::record::{GroupOp, LeaseOp};

/// Counts the commands of a script and raises at one of them, saying its name and how many writes came before.
const BREAK: &str = r"
local fail, count, writes, real = tonumber(table.remove(ARGV)), 0, 0, redis
local reads = {GET = 1, MGET = 1, XRANGE = 1, ZCARD = 1, HLEN = 1, ZMSCORE = 1, TIME = 1}
local function counted(name, ...)
  count = count + 1
  if count == fail then error({err = 'INJECTED ' .. name .. ' ' .. writes .. ' ' .. (reads[name] or 0)}) end
  if not reads[name] then writes = writes + 1 end
  return real.call(name, ...)
end
local redis = {call = counted, pcall = function(...) return real.pcall(...) end}
";

const PLACE: u16 = 7;

fn partition() -> Partition {
    Partition::new(PLACE).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn key(id: &str) -> Key {
    Key::new("doc", id)
}

fn write(id: &str, expected: u64, body: Option<&str>) -> Write {
    let body = body.map(|body| Bytes::from(body.to_owned()));
    Write { key: key(id), expected: Version(expected), version: Version(expected + 1), events: 0, schema: 1, body }
}

fn event(version: u64) -> NewEvent {
    NewEvent {
        id: Uuid::from_u128(version.into()),
        kind: "Happened".into(),
        subject: key("a"),
        version,
        time: at(1_000),
        traceparent: String::new(),
        body: Bytes::from_static(b"state"),
    }
}

fn keyed(name: &str) -> Keyed {
    Keyed { id: CommitId::of(&[name]), digest: [1; 32], result: Bytes::from_static(b"result") }
}

fn index(id: &str, present: bool) -> Index {
    Index { name: "by".into(), sort: vec![1], key: key(id), value: Bytes::from_static(b"v"), present }
}

const HELD: Fence = Fence { epoch: 1, nonce: [1; 16] };

/// A partition with something of everything in it.
struct Scene {
    server: Server,
    next: AtomicU32,
}

impl Scene {
    fn new() -> Option<Self> {
        Some(Self { server: Server::start(Kind::Redis, &["--appendonly", "yes"])?, next: AtomicU32::new(0) })
    }

    async fn set(&self) -> Names {
        let domain = format!("scene{}", self.next.fetch_add(1, Ordering::Relaxed));
        let config = RedisConfig::at(vec![self.server.address.clone()], Durability::R1);
        let backend = Redis::open(&Runtime::system("test"), &config, &domain, "local").await.unwrap();
        let take = LeaseOp::Take { nonce: HELD.nonce, ttl: Duration::from_secs(60), now: at(0) };
        backend.lease(partition(), take).await.unwrap();
        backend.group(partition(), "g", GroupOp::Declare, at(0)).await.unwrap();
        let mut first = Commit::new(at(0));
        first.keyed = vec![keyed("old")];
        first.writes = vec![write("a", 0, Some("a")), write("b", 0, Some("b")), write("c", 0, Some("c"))];
        first.events = vec![event(1), event(2)];
        first.due = vec![(key("a"), Some(at(5))), (key("b"), Some(at(6)))];
        first.index = vec![index("a", true), index("b", true)];
        assert!(matches!(backend.commit(partition(), first).await, Outcome::Committed { .. }));
        Names::of(partition(), "local", &domain)
    }

    /// Everything the partition holds, as the server would dump it.
    fn everything(&self, names: &Names) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut connection = self.server.connection();
        let pattern = format!("{}*", names.tag().replace('{', "[{]"));
        let all: Vec<Vec<u8>> = redis::cmd("KEYS").arg(pattern).query(&mut connection).unwrap();
        let dump = |name: &Vec<u8>| redis::cmd("DUMP").arg(name).query(&mut self.server.connection()).unwrap();
        all.iter().map(|name| (name.clone(), dump(name))).collect()
    }

    /// Runs a call with its script broken off at a command; `None` when the script has fewer.
    fn broken(&self, script: &Script, call: &Cmd, fail: usize) -> Option<String> {
        let mut command = redis::cmd("EVAL");
        command.arg(format!("{BREAK}{}", script.text()));
        for argument in call.args_iter().skip(2) {
            if let redis::Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command.arg(fail);
        command.query::<redis::Value>(&mut self.server.connection()).err().map(|error| error.to_string())
    }

    /// Breaks a call at each of its commands.
    async fn break_everywhere(&self, script: &Script, call: impl Fn(&Names) -> Cmd, writes_expected: bool) {
        for fail in 1.. {
            let names = self.set().await;
            let before = self.everything(&names);
            let Some(error) = self.broken(script, &call(&names), fail) else {
                assert!(fail > 1, "the script has no command");
                assert_eq!(self.everything(&names) != before, writes_expected, "did it write?");
                return;
            };
            let said = error.split("INJECTED").nth(1).unwrap_or_else(|| panic!("{error}"));
            let words: Vec<&str> = said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
            let (name, writes, read) = (words[0], words[1], words[2]);
            if writes == "0" {
                assert_eq!(self.everything(&names), before, "broken at {name}, number {fail}, something is written");
            } else {
                assert_eq!(read, "0", "{name}, number {fail}, is asked after something was written");
            }
        }
    }
}

/// A commit that uses every part of the script.
fn whole(names: &Names) -> Cmd {
    let mut commit = Commit::new(at(2_000));
    commit.keyed = vec![keyed("new")];
    commit.fences = vec![HELD];
    commit.marks = vec![Mark { consumer: "c".into(), version: 1, event: Uuid::from_u128(1), after: None }];
    commit.checks = vec![(key("c"), Version(1))];
    commit.writes = vec![write("a", 1, Some("new")), write("b", 1, None), write("d", 0, Some("made"))];
    commit.events = vec![event(3), event(4)];
    commit.due = vec![(key("a"), Some(at(9))), (key("b"), None), (key("d"), Some(at(7)))];
    commit.index = vec![index("a", false), index("d", true)];
    command(names, &commit, Writer { name: "tester", number: 1 })
}

#[tokio::test]
async fn a_commit_broken_off_at_any_command_has_written_nothing_or_had_nothing_left_to_refuse() {
    let Some(scene) = Scene::new() else { return };
    scene.break_everywhere(&COMMIT, whole, true).await;
}

#[tokio::test]
async fn the_small_scripts_broken_off_at_any_command_have_written_nothing_or_had_nothing_left_to_refuse() {
    let Some(scene) = Scene::new() else { return };
    let lease = |operation: &'static str| {
        move |names: &Names| {
            let arguments = [word(operation), vec![2; 16].into(), fence(&HELD).into(), word(1), word("")];
            LEASE.call(&[names.lease()], &arguments)
        }
    };
    scene.break_everywhere(&LEASE, lease("take"), false).await;
    scene.break_everywhere(&LEASE, lease("renew"), true).await;
    scene.break_everywhere(&LEASE, lease("release"), true).await;
    let group = |operation: &'static str| {
        move |names: &Names| {
            let place = crate::record::Position { sequence: 2, event: Some(Uuid::from_u128(2)) };
            let arguments = [word(operation), position(&place).into(), word(2), word(77)];
            GROUP.call(&[names.group("g"), names.ends(), names.feed()], &arguments)
        }
    };
    for operation in ["touch", "acknowledge", "reset"] {
        scene.break_everywhere(&GROUP, group(operation), true).await;
    }
    let trim = |names: &Names| {
        let silent = word(1_i64 << 50);
        TRIM.call(&[names.ends(), names.feed(), names.group("g")], &[word(10), word(1_i64 << 50), silent])
    };
    scene.break_everywhere(&TRIM, trim, true).await;
    let sweep = |names: &Names| {
        let id = CommitId::of(&["old"]);
        SWEEP.call(&[names.ages(), names.result(id)], &[age(at(0), id).into()])
    };
    scene.break_everywhere(&SWEEP, sweep, true).await;
    let birth = |names: &Names| BIRTH.call(&[names.mark("birth")], &[word("made")]);
    scene.break_everywhere(&BIRTH, birth, true).await;
}

#[tokio::test]
async fn a_commit_onto_a_name_that_holds_something_else_writes_nothing() {
    let Some(scene) = Scene::new() else { return };
    let strange: [fn(&Names) -> Vec<u8>; 6] = [
        Names::feed,
        Names::documents,
        Names::ages,
        |names| names.due("doc"),
        |names| names.index("by"),
        |names| names.index_values("by"),
    ];
    for name in strange {
        let names = scene.set().await;
        let mut connection = scene.server.connection();
        redis::cmd("SET").arg(name(&names)).arg("another's").exec(&mut connection).unwrap();
        let before = scene.everything(&names);
        let refused = scene.broken(&COMMIT, &whole(&names), 0).unwrap();
        assert!(refused.contains("WRONGTYPE"), "{refused}");
        assert_eq!(scene.everything(&names), before, "{} was written to", String::from_utf8_lossy(&name(&names)));
    }
}

#[tokio::test]
async fn a_commit_sent_again_under_its_number_is_answered_as_before_and_changes_nothing() {
    let Some(scene) = Scene::new() else { return };
    let names = scene.set().await;
    let send = || scene.broken(&COMMIT, &whole(&names), 0);
    assert_eq!(send(), None);
    let after = scene.everything(&names);
    assert_eq!(send(), None);
    assert_eq!(scene.everything(&names), after);
}
