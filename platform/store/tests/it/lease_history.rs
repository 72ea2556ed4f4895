//! Many who want one lease at once: what they were told could have been told one after the other, so that there is one
//! holder at any time, no epoch comes twice, and no commit of an earlier holder is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use retail_runtime::Rng;
use retail_store::{Backend, Commit, Fence, Lease, LeaseAnswer, LeaseOp, Outcome, Refused};

use crate::bed::{Bed, With as _, at, new, p, suite};
use crate::linear::{Seen, Spec, is_explained};

suite! { histories_of_a_contended_lease_have_an_order }

const TTL: Duration = Duration::from_secs(4);
const WORKERS: u8 = 5;
const DEEDS: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Deed {
    Take { nonce: [u8; 16], now: i64 },
    Renew { fence: Fence, now: i64 },
    Release { fence: Fence },
    Commit { fence: Fence },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Lease(LeaseAnswer),
    Committed(bool),
}

/// The lease as one caller at a time would see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Office {
    epoch: u64,
    /// Epoch, nonce and end, seconds.
    held: Option<(u64, [u8; 16], i64)>,
}

impl Office {
    fn is(&self, fence: &Fence) -> bool {
        self.held.is_some_and(|(epoch, nonce, _)| (epoch, nonce) == (fence.epoch, fence.nonce))
    }

    fn hold(&self, fence: Fence, now: i64) -> (Self, Told) {
        let until = now + i64::try_from(TTL.as_secs()).unwrap();
        let next = Self { epoch: self.epoch.max(fence.epoch), held: Some((fence.epoch, fence.nonce, until)) };
        (next, Told::Lease(LeaseAnswer::Held(Lease { fence, until: at(until) })))
    }
}

impl Spec for Office {
    type Op = Deed;
    type Answer = Told;

    fn after(&self, deed: &Deed) -> (Self, Told) {
        match *deed {
            Deed::Take { nonce, now } => match self.held {
                Some((epoch, holder, _)) if holder == nonce => self.hold(Fence { epoch, nonce }, now),
                Some((_, _, until)) if until > now => {
                    (self.clone(), Told::Lease(LeaseAnswer::Taken { until: at(until) }))
                }
                Some(_) | None => self.hold(Fence { epoch: self.epoch + 1, nonce }, now),
            },
            Deed::Renew { fence, now } if self.is(&fence) => self.hold(fence, now),
            Deed::Renew { .. } => (self.clone(), Told::Lease(LeaseAnswer::Gone)),
            Deed::Release { fence } => {
                let held = if self.is(&fence) { None } else { self.held };
                (Self { held, ..self.clone() }, Told::Lease(LeaseAnswer::Gone))
            }
            Deed::Commit { fence } => (self.clone(), Told::Committed(self.is(&fence))),
        }
    }
}

async fn done(backend: &dyn Backend, deed: Deed, name: &str) -> Told {
    let op = match deed {
        Deed::Take { nonce, now } => LeaseOp::Take { nonce, ttl: TTL, now: at(now) },
        Deed::Renew { fence, now } => LeaseOp::Renew { fence, ttl: TTL, now: at(now) },
        Deed::Release { fence } => LeaseOp::Release { fence },
        Deed::Commit { fence } => {
            let commit = Commit { fences: vec![fence], ..new().event(name, 1) };
            return match backend.commit(p(), commit).await {
                Outcome::Committed { .. } => Told::Committed(true),
                Outcome::Refused(Refused::Fence(_)) => Told::Committed(false),
                other => panic!("{other:?}"),
            };
        }
    };
    Told::Lease(backend.lease(p(), op).await.unwrap())
}

async fn histories_of_a_contended_lease_have_an_order(bed: Bed) {
    let (moments, time) = (AtomicU64::new(0), AtomicI64::new(100));
    let moment = || moments.fetch_add(1, Ordering::SeqCst);
    let mut begin = Office::default();
    for round in 0..8_u8 {
        let worker = |who: u8| {
            let (backend, rng) = (Arc::clone(&bed.backend), Rng::seeded(u64::from(round) * 100 + u64::from(who)));
            let (moment, time) = (&moment, &time);
            async move {
                let (mut seen, mut fence) = (Vec::new(), Fence { epoch: 0, nonce: [who; 16] });
                for number in 0..DEEDS {
                    let now = time.fetch_add(i64::try_from(rng.below(2)).unwrap(), Ordering::SeqCst);
                    let deed = match rng.below(8) {
                        0..3 => Deed::Take { nonce: [who; 16], now },
                        3 => Deed::Renew { fence, now },
                        4 => Deed::Release { fence },
                        _ => Deed::Commit { fence },
                    };
                    let asked = moment();
                    let answer = done(backend.as_ref(), deed, &format!("{round}-{who}-{number}")).await;
                    seen.push(Seen { asked, answered: moment(), op: deed, answer });
                    if let Told::Lease(LeaseAnswer::Held(lease)) = answer {
                        fence = lease.fence;
                    }
                }
                seen
            }
        };
        let history: Vec<_> = join_all((0..WORKERS).map(worker)).await.into_iter().flatten().collect();
        assert!(is_explained(&begin, &history), "round {round}: no order explains {history:#?}");
        // The next round begins where everybody has let go; the epochs go on.
        let highest = history.iter().filter_map(|one| match one.answer {
            Told::Lease(LeaseAnswer::Held(lease)) => Some(lease.fence),
            Told::Lease(LeaseAnswer::Taken { .. } | LeaseAnswer::Gone) | Told::Committed(_) => None,
        });
        let last = highest.max_by_key(|fence| fence.epoch);
        if let Some(fence) = last {
            done(bed.backend.as_ref(), Deed::Release { fence }, "").await;
        }
        begin = Office { epoch: last.map_or(begin.epoch, |fence| fence.epoch), held: None };
    }
}
