//! The writer: takes everything that waits, applies it onto one group, writes it with one fsync, answers all.

use std::sync::Arc;

use fjall::{Database, PersistMode};
use retail_runtime::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::apply::Applier;
use super::pending::{Pending, Staged};
use super::{Spaces, broken};
use crate::commit::{Commit, Outcome};
use crate::fault::Error;
use crate::key::Partition;
use crate::record::{Ends, GroupOp, LeaseAnswer, LeaseOp, Offset, Trim, Trimmed};

/// Most works in one group.
const TOGETHER: usize = 256;
/// A group takes no more works beyond this many bytes.
const ENOUGH: usize = 8 * 1_024 * 1_024;

/// Something to write.
pub(super) struct Work {
    pub(super) spaces: Arc<Spaces>,
    pub(super) partition: Partition,
    pub(super) ask: Ask,
}

type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What to write, and whom to answer.
pub(super) enum Ask {
    Commit(Box<Commit>, oneshot::Sender<Outcome>),
    Lease(LeaseOp, Reply<LeaseAnswer>),
    Group(String, GroupOp, Timestamp, Reply<Offset>),
    Trim(Trim, Reply<Trimmed>),
    Sweep(Timestamp, usize, Reply<usize>),
}

/// An answer that waits for the disk.
enum Answer {
    Commit(Outcome, News, oneshot::Sender<Outcome>),
    Refused(oneshot::Sender<Outcome>),
    Lease(Result<LeaseAnswer, Error>, Reply<LeaseAnswer>),
    Group(Result<Offset, Error>, Reply<Offset>),
    Trim(Result<Trimmed, Error>, Reply<Trimmed>),
    Sweep(Result<usize, Error>, Reply<usize>),
}

/// What others want to know of a commit once it is on disk.
struct News {
    spaces: Arc<Spaces>,
    partition: Partition,
    tell: bool,
    due: Vec<(String, Timestamp)>,
}

/// Where a work writes, and where the feed ends after it when that changes.
struct Written {
    spaces: Arc<Spaces>,
    partition: Partition,
    ends: Option<Ends>,
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// On disk.
    Durable,
    /// Nobody knows.
    Unknown,
}

/// Works until nobody can send any more. After a failed write nothing is written again: what is on disk and what is in
/// memory may differ, and only a restart reads the disk anew.
pub(super) fn run(mut works: mpsc::Receiver<Work>, mut persist: impl FnMut(Pending) -> Result<(), Error>) {
    let mut poisoned = false;
    while let Some(first) = works.blocking_recv() {
        let mut pending = Pending::default();
        let (mut answers, mut written) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(work) = next {
            bytes += work.bytes();
            answers.push(if poisoned { work.ask.refused() } else { work.stage(&mut pending, &mut written) });
            next = if answers.len() < TOGETHER && bytes < ENOUGH { works.try_recv().ok() } else { None };
        }
        let fate = if pending.is_empty() {
            Fate::Durable
        } else {
            match persist(pending) {
                Ok(()) => {
                    for Written { spaces, partition, ends } in written {
                        spaces.known.written(partition, ends);
                    }
                    Fate::Durable
                }
                Err(error) => {
                    tracing::error!(%error, "write failed; nothing is written until the process is restarted");
                    poisoned = true;
                    Fate::Unknown
                }
            }
        };
        for answer in answers {
            answer.send(fate);
        }
    }
}

/// Writes a group with one fsync. What it writes is seen by readers only after it is on disk.
pub(super) fn persist(database: &Database, pending: Pending) -> Result<(), Error> {
    let mut batch = database.batch().durability(Some(PersistMode::SyncData));
    for (space, key, value) in pending.drain() {
        match value {
            Some(value) => batch.insert(&space, key, value),
            None => batch.remove(&space, key),
        }
    }
    batch.commit().map_err(|error| broken("write", &error))
}

impl Work {
    fn bytes(&self) -> usize {
        match &self.ask {
            Ask::Commit(commit, _) => {
                let bodies = commit.writes.iter().filter_map(|write| write.body.as_ref()).map(bytes::Bytes::len);
                bodies.sum::<usize>() + commit.events.iter().map(|event| event.body.len()).sum::<usize>()
            }
            Ask::Lease(..) | Ask::Group(..) | Ask::Trim(..) | Ask::Sweep(..) => 0,
        }
    }

    /// Applies it onto the group.
    fn stage(self, pending: &mut Pending, written: &mut Vec<Written>) -> Answer {
        let Self { spaces, partition, ask } = self;
        let mut applier = Applier { partition, pending, staged: Staged::new(&spaces) };
        let (answer, counts) = match ask {
            Ask::Commit(commit, reply) => {
                let tell = commit.is_news();
                let due = commit.due.iter().filter_map(|(key, at)| Some((key.kind().to_owned(), (*at)?))).collect();
                let news = News { spaces: Arc::clone(&spaces), partition, tell, due };
                let outcome = applier.commit(*commit).unwrap_or_else(|error| {
                    tracing::error!(%error, %partition, domain = spaces.name, "commit cannot be checked");
                    Outcome::Unavailable
                });
                let counts = matches!(outcome, Outcome::Committed { .. });
                (Answer::Commit(outcome, news, reply), counts)
            }
            Ask::Lease(op, reply) => {
                let done = applier.lease(op);
                let counts = done.is_ok();
                (Answer::Lease(done, reply), counts)
            }
            Ask::Group(group, op, now, reply) => {
                let done = applier.group(&group, op, now);
                let counts = done.is_ok();
                (Answer::Group(done, reply), counts)
            }
            Ask::Trim(trim, reply) => {
                let done = applier.trim(&trim);
                let counts = done.is_ok();
                (Answer::Trim(done, reply), counts)
            }
            Ask::Sweep(now, limit, reply) => {
                let done = applier.sweep(&spaces, now, limit);
                let counts = done.is_ok();
                (Answer::Sweep(done, reply), counts)
            }
        };
        let staged = applier.staged;
        if counts {
            written.push(Written { spaces: Arc::clone(&spaces), partition, ends: staged.ends });
            pending.adopt(staged);
        }
        answer
    }
}

impl Ask {
    /// The answer of a writer that writes no more.
    fn refused(self) -> Answer {
        let error = Error::Unavailable("an earlier write failed; restart the process".to_owned());
        match self {
            Self::Commit(_, reply) => Answer::Refused(reply),
            Self::Lease(_, reply) => Answer::Lease(Err(error), reply),
            Self::Group(_, _, _, reply) => Answer::Group(Err(error), reply),
            Self::Trim(_, reply) => Answer::Trim(Err(error), reply),
            Self::Sweep(_, _, reply) => Answer::Sweep(Err(error), reply),
        }
    }
}

impl Answer {
    /// Answers. A caller that has gone away finds out by repeating.
    fn send(self, fate: Fate) {
        match self {
            Self::Commit(outcome, news, reply) => {
                let outcome = match fate {
                    Fate::Durable => outcome,
                    Fate::Unknown => Outcome::Unknown,
                };
                if let Outcome::Committed { .. } = outcome {
                    news.spread();
                }
                let _gone = reply.send(outcome);
            }
            Self::Refused(reply) => {
                let _gone = reply.send(Outcome::Unavailable);
            }
            Self::Lease(done, reply) => answer(done, fate, reply),
            Self::Group(done, reply) => answer(done, fate, reply),
            Self::Trim(done, reply) => answer(done, fate, reply),
            Self::Sweep(done, reply) => answer(done, fate, reply),
        }
    }
}

fn answer<T>(done: Result<T, Error>, fate: Fate, reply: Reply<T>) {
    let _gone = reply.send(match fate {
        Fate::Durable => done,
        Fate::Unknown => Err(Error::Unknown),
    });
}

impl News {
    fn spread(&self) {
        for (kind, at) in &self.due {
            self.spaces.floors.written(self.partition, kind, *at);
        }
        if self.tell {
            self.spaces.hints.tell(self.partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use retail_runtime::Timestamp;

    use super::*;
    use crate::backend::Hints;
    use crate::commit::Write;
    use crate::embedded::due::Floors;
    use crate::embedded::known::Known;
    use crate::key::{Key, Version};

    fn spaces(database: &Database) -> Arc<Spaces> {
        let space = |name| database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        let (state, feed) = (space("state"), space("feed"));
        let (hints, floors, known) = (Hints::new(), Floors::default(), Known::default());
        Arc::new(Spaces { name: "test".into(), state, feed, hints, floors, known })
    }

    fn commit(spaces: &Arc<Spaces>, id: &str) -> (Work, oneshot::Receiver<Outcome>) {
        let mut commit = Commit::new(Timestamp::UNIX_EPOCH);
        commit.writes.push(Write {
            key: Key::new("doc", id),
            expected: Version(0),
            version: Version(1),
            events: 0,
            schema: 1,
            body: Some(bytes::Bytes::from_static(b"x")),
        });
        let (reply, answer) = oneshot::channel();
        let partition = Partition::new(1).unwrap();
        (Work { spaces: Arc::clone(spaces), partition, ask: Ask::Commit(Box::new(commit), reply) }, answer)
    }

    fn run_all(works: Vec<Work>, persist: impl FnMut(Pending) -> Result<(), Error>) {
        let (sender, receiver) = mpsc::channel(works.len().max(1));
        for work in works {
            assert!(sender.try_send(work).is_ok());
        }
        drop(sender);
        run(receiver, persist);
    }

    #[test]
    fn works_that_wait_together_share_one_write() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::builder(dir.path()).open().unwrap();
        let spaces = spaces(&database);
        let (works, answers): (Vec<_>, Vec<_>) = (0..100).map(|n| commit(&spaces, &n.to_string())).unzip();
        let mut writes = 0;
        run_all(works, |pending| {
            writes += 1;
            persist(&database, pending)
        });
        assert_eq!(writes, 1);
        assert!(answers.into_iter().all(|answer| matches!(answer.blocking_recv(), Ok(Outcome::Committed { .. }))));
    }

    #[test]
    fn later_works_of_a_group_see_the_earlier_ones() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::builder(dir.path()).open().unwrap();
        let spaces = spaces(&database);
        let ((first, one), (second, two)) = (commit(&spaces, "same"), commit(&spaces, "same"));
        run_all(vec![first, second], |pending| persist(&database, pending));
        assert_eq!(one.blocking_recv(), Ok(Outcome::Committed { first_sequence: 1 }));
        assert_eq!(two.blocking_recv(), Ok(Outcome::Conflict));
    }

    #[test]
    fn a_failed_write_is_unknown_to_its_group_and_stops_all_further_writes() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::builder(dir.path()).open().unwrap();
        let spaces = spaces(&database);
        let works = (0..400).map(|n| commit(&spaces, &n.to_string()));
        let (works, answers): (Vec<_>, Vec<_>) = works.unzip();
        let mut writes = 0;
        run_all(works, |_| {
            writes += 1;
            Err(Error::Unavailable("the disk is full".into()))
        });
        assert_eq!(writes, 1);
        let outcomes = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect::<Vec<_>>();
        assert!(outcomes[..TOGETHER].iter().all(|outcome| *outcome == Outcome::Unknown));
        assert!(outcomes[TOGETHER..].iter().all(|outcome| *outcome == Outcome::Unavailable));
    }

    #[test]
    fn a_refusal_that_rests_on_a_failed_write_is_unknown_too() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::builder(dir.path()).open().unwrap();
        let spaces = spaces(&database);
        let ((first, one), (second, two)) = (commit(&spaces, "same"), commit(&spaces, "same"));
        run_all(vec![first, second], |_| Err(Error::Unavailable("the disk is full".into())));
        assert_eq!((one.blocking_recv(), two.blocking_recv()), (Ok(Outcome::Unknown), Ok(Outcome::Unknown)));
    }

    #[test]
    fn a_writer_that_panics_leaves_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::builder(dir.path()).open().unwrap();
        let (work, answer) = commit(&spaces(&database), "a");
        let thread = std::thread::spawn(move || run_all(vec![work], |_| panic!("a bug in the engine")));
        assert!(answer.blocking_recv().is_err());
        assert!(thread.join().is_err());
    }
}
