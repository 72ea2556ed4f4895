//! One domain's data in Redis, as the store sees it.

use redis::{Cmd, Value};
use retail_runtime::Timestamp;
use tonic::async_trait;

use super::commit::{Writer, command, outcome, place_arguments};
use super::names::{Names, index_member};
use super::node::Via;
use super::route::{Ask, Fail};
use super::script::{GROUP, LEASE, SWEEP, Script, TRIM, word};
use super::values::{
    bytes, fence, list, micros, number, read_ends, read_entry, read_fence, read_lease, read_mark, read_offset,
    read_record, read_stored, text,
};
use super::{LeaseTime, Redis};
use crate::backend::{Backend, Hints, Loaded, Wanted};
use crate::commit::{Commit, Outcome, Refused, Strength};
use crate::embedded::layout::{behind, corrupt, escaped, read_due, read_index, read_key, time};
use crate::fault::Error;
use crate::key::{Key, Partition};
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, Lease, LeaseAnswer, LeaseOp, Offset, Position, RESULTS_KEPT, Record,
    SILENCE, Trim, Trimmed, after, before,
};

/// Most things that one command touches: a server does nothing else meanwhile.
const BOUND: usize = 256;
/// Bytes of most names.
const NAME: usize = 64;

impl Redis {
    fn names(&self, partition: Partition) -> Names {
        let known = self.inner.names.get(usize::from(partition.number())).cloned();
        known.unwrap_or_else(|| Names::of(partition, &self.inner.region, &self.inner.domain))
    }

    /// Reads; sent again as long as patience lasts.
    async fn read(&self, partition: Partition, commands: Vec<Cmd>) -> Result<Vec<Value>, Error> {
        let (via, strength) = (Via::Reader, Strength::Relaxed);
        let ask = Ask { partition, via, commands, script: None, strength, replicated: |_| false };
        self.inner.route.run(&ask).await.map_err(|fail| Error::Unavailable(fail.why))
    }

    async fn one(&self, partition: Partition, command: Cmd) -> Result<Value, Error> {
        Ok(self.read(partition, vec![command]).await?.into_iter().next().unwrap_or_default())
    }

    /// Must replicas have what somebody is told?
    fn waits(&self) -> bool {
        self.inner.route.connector.config.needs() > 0
    }

    /// Reads what somebody is told to rely on: it must be where it survives, so it is read on a connection that then
    /// writes and waits.
    async fn proven(&self, partition: Partition, mut commands: Vec<Cmd>) -> Result<Vec<Value>, Error> {
        let mut touch = redis::cmd("SET");
        touch.arg(self.names(partition).writer("reader")).arg("").arg("EX").arg(3600);
        commands.push(touch);
        let (via, strength) = (Via::Lane, Strength::Strong);
        let ask = Ask { partition, via, commands, script: None, strength, replicated: |_| true };
        self.inner.route.run(&ask).await.map_err(|fail| Error::Unavailable(fail.why))
    }

    /// Changes something small. All of these may be repeated.
    async fn change(
        &self,
        partition: Partition,
        script: &'static Script,
        command: Cmd,
        strength: Strength,
    ) -> Result<Value, Error> {
        let (via, commands, script) = (Via::Lane, vec![command], Some(script));
        let ask = Ask { partition, via, commands, script, strength, replicated: |_| true };
        let done = self.inner.route.run(&ask).await;
        done.map(|values| values.into_iter().next().unwrap_or_default()).map_err(told)
    }

    async fn members(
        &self,
        partition: Partition,
        set: Vec<u8>,
        range: Span,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(set).arg(range.from).arg(range.to).arg("BYLEX").arg("LIMIT").arg(0).arg(limit);
        Ok(list(self.one(partition, command).await?).unwrap_or_default().into_iter().filter_map(bytes).collect())
    }
}

/// A range of members of a set in the order of their bytes.
struct Span {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Span {
    /// What begins with a prefix; all of it when there is none.
    fn of(prefix: &[u8]) -> Self {
        let end = behind(prefix);
        Self {
            from: if prefix.is_empty() { b"-".to_vec() } else { [b"[", prefix].concat() },
            to: if end.is_empty() { b"+".to_vec() } else { [b"(", end.as_slice()].concat() },
        }
    }

    fn upto(end: &[u8]) -> Self {
        Self { from: b"-".to_vec(), ..Self::of(end) }
    }

    fn after(self, member: &[u8]) -> Self {
        Self { from: [b"(", member].concat(), to: self.to }
    }
}

fn told(fail: Fail) -> Error {
    if fail.doubtful { Error::Unknown } else { Error::Unavailable(fail.why) }
}

/// Some of a feed, and where it begins and ends.
fn read_feed(answers: Vec<Value>) -> Result<(Vec<Entry>, Ends), Error> {
    let mut answers = answers.into_iter();
    let entries = answers.next().and_then(list).unwrap_or_default();
    let entries = entries.into_iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
    Ok((entries, read_ends(answers.next().and_then(bytes).as_deref())?))
}

fn strange(what: &str) -> Error {
    corrupt(what, "is not what a script answers")
}

#[async_trait]
impl Backend for Redis {
    async fn commit(&self, partition: Partition, commit: Commit) -> Outcome {
        if let Err(why) = commit.well_formed() {
            return Outcome::Refused(Refused::Malformed(why));
        }
        let Some(turn) = self.inner.turns.get(usize::from(partition.number())) else { return Outcome::Unavailable };
        // One commit of a partition at a time: a number that was not answered yet is never followed by the next.
        let mut count = turn.lock().await;
        *count = count.saturating_add(1);
        let writer = Writer { name: &self.inner.writer, number: *count };
        let commands = vec![command(&self.names(partition), &commit, writer)];
        let replicated = |values: &[Value]| values.first().cloned().is_some_and(was_committed);
        let (via, script) = (Via::Lane, Some(&super::script::COMMIT));
        let ask = Ask { partition, via, commands, script, strength: commit.strength, replicated };
        let done = self.inner.route.run(&ask).await;
        drop(count);
        let outcome = match done {
            Ok(values) => outcome(&commit, values.into_iter().next().unwrap_or_default()).unwrap_or_else(|error| {
                tracing::error!(%error, %partition, "what became of a commit cannot be read");
                Outcome::Unknown
            }),
            Err(Fail { doubtful: true, why }) => {
                tracing::warn!(why, %partition, domain = self.inner.domain, "what became of a commit is unknown");
                Outcome::Unknown
            }
            Err(Fail { doubtful: false, why }) => {
                tracing::warn!(why, %partition, domain = self.inner.domain, "commit was not applied");
                Outcome::Unavailable
            }
        };
        if matches!(outcome, Outcome::Committed { .. }) && commit.is_news() {
            self.inner.hints.tell(partition);
        }
        outcome
    }

    async fn load(&self, partition: Partition, wanted: Wanted) -> Result<Loaded, Error> {
        let names = self.names(partition);
        let many = wanted.keys.len().saturating_add(wanted.results.len()).saturating_add(wanted.marks.len());
        let mut command = Cmd::with_capacity(many.saturating_add(2), many.saturating_add(1).saturating_mul(NAME));
        command.arg("MGET").arg(names.lease());
        for key in &wanted.keys {
            command.arg(names.document(key));
        }
        for id in &wanted.results {
            command.arg(names.result(*id));
        }
        for consumer in &wanted.marks {
            command.arg(names.mark(consumer));
        }
        let found = self.one(partition, command.clone()).await?;
        let loaded = read_loaded(&wanted, found)?;
        let answers = loaded.results.iter().any(Option::is_some) || loaded.marks.iter().any(Option::is_some);
        if !answers || !self.waits() {
            return Ok(loaded);
        }
        // Somebody is about to be told that this was done before.
        let found = self.proven(partition, vec![command]).await?;
        read_loaded(&wanted, found.into_iter().next().unwrap_or_default())
    }

    async fn scan(
        &self,
        partition: Partition,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Record)>, Error> {
        let (names, mut found) = (self.names(partition), Vec::new());
        let mut last = after.map(|key| key.as_str().as_bytes().to_vec());
        while found.len() < limit {
            let some = limit.saturating_sub(found.len()).min(BOUND);
            let range = match &last {
                Some(last) if last.as_slice() >= prefix.as_bytes() => Span::of(prefix.as_bytes()).after(last),
                Some(_) | None => Span::of(prefix.as_bytes()),
            };
            let members = self.members(partition, names.documents(), range, some).await?;
            let keys = members.iter().map(|member| read_key(member)).collect::<Result<Vec<_>, _>>()?;
            let Some(end) = members.last() else { break };
            let more = members.len() == some;
            last = Some(end.clone());
            let mut command = redis::cmd("MGET");
            for key in &keys {
                command.arg(names.document(key));
            }
            let values = list(self.one(partition, command).await?).unwrap_or_default();
            for (key, value) in keys.into_iter().zip(values) {
                // Deleted between the two looks.
                let Some(value) = bytes(value) else { continue };
                found.push((key, read_record(value)?));
            }
            if !more {
                break;
            }
        }
        Ok(found)
    }

    async fn index(&self, partition: Partition, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        let (names, mut found) = (self.names(partition), Vec::new());
        let prefix = escaped(&query.prefix);
        let mut last = query.after.as_ref().map(|(sort, key)| index_member(sort, key));
        while found.len() < query.limit {
            let some = query.limit.saturating_sub(found.len()).min(BOUND);
            let range = match &last {
                Some(last) if *last >= prefix => Span::of(&prefix).after(last),
                Some(_) | None => Span::of(&prefix),
            };
            let members = self.members(partition, names.index(&query.name), range, some).await?;
            let Some(end) = members.last() else { break };
            let more = members.len() == some;
            last = Some(end.clone());
            let mut command = redis::cmd("HMGET");
            command.arg(names.index_values(&query.name)).arg(&members);
            let values = list(self.one(partition, command).await?).unwrap_or_default();
            for (member, value) in members.iter().zip(values) {
                let Some(value) = bytes(value) else { continue };
                let (sort, key) = read_index(member)?;
                found.push(IndexEntry { sort, key, value: value.into() });
            }
            if !more {
                break;
            }
        }
        Ok(found)
    }

    async fn count(&self, partition: Partition, index: &str) -> Result<u64, Error> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.names(partition).index(index));
        let answer = self.one(partition, command).await?;
        number(&answer).and_then(|many| u64::try_from(many).ok()).ok_or_else(|| strange("ZCARD"))
    }

    async fn due(
        &self,
        partition: Partition,
        kind: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error> {
        let range = Span::upto(&time(until));
        let members = self.members(partition, self.names(partition).due(kind), range, limit).await?;
        members.iter().map(|member| read_due(member)).collect()
    }

    async fn feed(&self, partition: Partition, after: &Position, limit: usize) -> Result<Vec<Entry>, Error> {
        let (names, mut found, mut at) = (self.names(partition), Vec::new(), *after);
        loop {
            let some = limit.saturating_sub(found.len()).min(BOUND);
            // The event at the place comes along as proof that it is the one that was meant.
            let mut range = redis::cmd("XRANGE");
            range.arg(names.feed()).arg(at.sequence).arg("+").arg("COUNT").arg(some.saturating_add(1));
            let mut ends = redis::cmd("GET");
            ends.arg(names.ends());
            let commands = vec![range, ends];
            let (mut entries, mut ends) = read_feed(self.read(partition, commands.clone()).await?)?;
            // Whoever follows acts on what it hears: a failover must not take that back.
            if self.waits() && entries.last().is_some_and(|last| last.position() != at) {
                (entries, ends) = read_feed(self.proven(partition, commands).await?)?;
            }
            let proven = entries.first().is_some_and(|entry| entry.position() == at);
            if proven {
                entries.remove(0);
            } else if at != ends.begin || entries.first().is_some_and(|entry| entry.sequence == at.sequence) {
                return Err(Error::OutOfRange { partition, sequence: at.sequence });
            }
            entries.truncate(some);
            let more = entries.len() == some;
            let Some(last) = entries.last() else { return Ok(found) };
            at = last.position();
            found.append(&mut entries);
            if found.len() >= limit || !more {
                return Ok(found);
            }
        }
    }

    async fn ends(&self, partition: Partition) -> Result<Ends, Error> {
        let mut command = redis::cmd("GET");
        command.arg(self.names(partition).ends());
        read_ends(bytes(self.one(partition, command).await?).as_deref())
    }

    async fn lease(&self, partition: Partition, op: LeaseOp) -> Result<LeaseAnswer, Error> {
        let (operation, nonce, held, ttl, now) = match op {
            LeaseOp::Take { nonce, ttl, now } => ("take", nonce.to_vec(), Vec::new(), ttl, now),
            LeaseOp::Renew { fence: held, ttl, now } => ("renew", Vec::new(), fence(&held), ttl, now),
            LeaseOp::Release { fence: held } => {
                ("release", Vec::new(), fence(&held), std::time::Duration::ZERO, Timestamp::UNIX_EPOCH)
            }
        };
        let time = match self.inner.lease_time {
            LeaseTime::Server => String::new(),
            LeaseTime::Caller => micros(now),
        };
        let arguments = [word(operation), nonce.into(), held.into(), word(ttl.as_micros()), word(time)];
        let command = LEASE.call(&[self.names(partition).lease()], &arguments);
        let answer = self.change(partition, &LEASE, command, Strength::Strong).await?;
        let mut parts = list(answer).unwrap_or_default().into_iter();
        match (parts.next().and_then(text).as_deref(), parts.next().and_then(bytes)) {
            (Some("held"), Some(held)) => {
                Ok(LeaseAnswer::Held(Lease { fence: read_fence(&held)?, until: after(now, ttl) }))
            }
            (Some("taken"), Some(rest)) => {
                let rest = std::str::from_utf8(&rest).ok().and_then(|micros| micros.parse().ok());
                let rest = std::time::Duration::from_micros(rest.ok_or_else(|| strange("lease"))?);
                Ok(LeaseAnswer::Taken { until: after(now, rest) })
            }
            (Some("gone"), _) => Ok(LeaseAnswer::Gone),
            (_, _) => Err(strange("lease")),
        }
    }

    async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
        let mut command = redis::cmd("GET");
        command.arg(self.names(partition).group(group));
        bytes(self.one(partition, command).await?).map(|value| read_offset(&value)).transpose()
    }

    async fn group(&self, partition: Partition, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
        let names = self.names(partition);
        // A lost acknowledgement heals by itself: the events come again and their inbox marks know them.
        let (operation, place, strength) = match op {
            GroupOp::Declare => ("declare", Position::BEGIN, Strength::Strong),
            GroupOp::Touch => ("touch", Position::BEGIN, Strength::Relaxed),
            GroupOp::Acknowledge(place) => ("acknowledge", place, Strength::Relaxed),
            GroupOp::Reset(place) => ("reset", place, Strength::Strong),
        };
        let [at, sequence] = place_arguments(&place);
        let arguments = [word(operation), at, sequence, word(micros(now))];
        let command = GROUP.call(&[names.group(group), names.ends(), names.feed()], &arguments);
        let answer = self.change(partition, &GROUP, command, strength).await?;
        let mut parts = list(answer).unwrap_or_default().into_iter();
        match (parts.next().and_then(text).as_deref(), parts.next().and_then(bytes)) {
            (Some("offset"), Some(value)) => read_offset(&value),
            (Some("unknown"), _) => Err(Error::NoSuchGroup(group.to_owned())),
            (Some("range"), _) => Err(Error::OutOfRange { partition, sequence: place.sequence }),
            (_, _) => Err(strange("group")),
        }
    }

    async fn trim(&self, partition: Partition, trim: Trim) -> Result<Trimmed, Error> {
        let (names, mut trimmed) = (self.names(partition), Trimmed::default());
        let mut keys = vec![names.ends(), names.feed()];
        keys.extend(trim.groups.iter().map(|group| names.group(group)));
        loop {
            let some = trim.limit.saturating_sub(trimmed.removed).min(BOUND);
            let (young, silent) = (before(trim.now, trim.keep), before(trim.now, SILENCE));
            let command = TRIM.call(&keys, &[word(some), word(micros(young)), word(micros(silent))]);
            // Lost, it is trimmed once more; a replica that has this has the acknowledgements before it.
            let answer = self.change(partition, &TRIM, command, Strength::Relaxed).await?;
            let mut parts = list(answer).unwrap_or_default().into_iter().map(|part| text(part)?.parse::<usize>().ok());
            let removed = parts.next().flatten().ok_or_else(|| strange("trim"))?;
            trimmed.removed = trimmed.removed.saturating_add(removed);
            trimmed.expired.extend(parts.flatten().filter_map(|at| trim.groups.get(at).cloned()));
            if removed < some || trimmed.removed >= trim.limit {
                return Ok(trimmed);
            }
        }
    }

    async fn sweep(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let (names, mut swept) = (self.names(partition), 0_usize);
        let old = before(now, RESULTS_KEPT);
        while swept < limit {
            let some = limit.saturating_sub(swept).min(BOUND);
            let ages = self.members(partition, names.ages(), Span::upto(&time(old)), some).await?;
            if ages.is_empty() {
                break;
            }
            let ids = ages.iter().map(|age| age.get(16..).and_then(|id| id.try_into().ok()).map(crate::CommitId));
            let ids = ids.collect::<Option<Vec<_>>>().ok_or_else(|| corrupt("age of a result", "has no commit id"))?;
            let mut keys = vec![names.ages()];
            keys.extend(ids.into_iter().map(|id| names.result(id)));
            let arguments = ages.iter().map(|age| age.as_slice().into()).collect::<Vec<_>>();
            let call = SWEEP.call(&keys, &arguments);
            let answer = self.change(partition, &SWEEP, call, Strength::Relaxed).await?;
            let removed = number(&answer).and_then(|many| usize::try_from(many).ok()).unwrap_or(0);
            swept = swept.saturating_add(removed);
            if ages.len() < some || removed == 0 {
                break;
            }
        }
        Ok(swept)
    }

    fn hints(&self) -> &Hints {
        &self.inner.hints
    }
}

fn was_committed(answer: Value) -> bool {
    list(answer).and_then(|parts| text(parts.into_iter().next()?)).as_deref() == Some("committed")
}

fn read_loaded(wanted: &Wanted, found: Value) -> Result<Loaded, Error> {
    let mut values = list(found).unwrap_or_default().into_iter().map(bytes);
    let lease = values.next().flatten().filter(|_| wanted.lease);
    let lease = lease.map(|value| read_lease(&value)).transpose()?.flatten();
    let mut next = || values.next().flatten();
    let records = wanted.keys.iter().map(|_| next().map(read_record).transpose()).collect::<Result<_, _>>()?;
    let results = wanted.results.iter().map(|_| next().map(read_stored).transpose()).collect::<Result<_, _>>()?;
    let marks = wanted.marks.iter().map(|_| next().map(|value| read_mark(&value)).transpose());
    let marks = marks.collect::<Result<_, _>>()?;
    Ok(Loaded { records, results, marks, lease })
}
