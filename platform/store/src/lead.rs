//! Who works on a partition's queue: a task that lives as long as the queue is not empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use retail_runtime::Runtime;

use crate::backend::Backend;
use crate::fault::Error;
use crate::key::Partition;
use crate::queue::{Joined, Queue};
use crate::settle::Settler;
use crate::tally::Tally;
use crate::update::{Job, Verdict};

/// What all clones of a store share.
pub(crate) struct Inner {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) runtime: Runtime,
    pub(crate) domain: String,
    pub(crate) region: String,
    /// Groups that the configuration declares.
    pub(crate) groups: Vec<String>,
    /// How long events stay that everybody has behind.
    pub(crate) keep: Duration,
    queues: Vec<Queue>,
    pub(crate) commits: AtomicU64,
    tally: Tally,
}

impl Inner {
    pub(crate) fn new(
        runtime: &Runtime,
        backend: Arc<dyn Backend>,
        domain: &str,
        region: &str,
        groups: &[String],
        keep: Duration,
    ) -> Self {
        Self {
            backend,
            runtime: runtime.clone(),
            domain: domain.to_owned(),
            region: region.to_owned(),
            groups: groups.to_vec(),
            keep,
            queues: Partition::all().map(|_| Queue::default()).collect(),
            commits: AtomicU64::new(0),
            tally: Tally::new(runtime.metrics(), domain),
        }
    }

    /// Puts an update into the queue of its partition and sees to it that somebody works there.
    pub(crate) fn join(self: &Arc<Self>, partition: Partition, job: Box<dyn Job>) {
        let Some(queue) = self.queues.get(usize::from(partition.number())) else { return };
        match queue.join(job) {
            Joined::Waits => {}
            Joined::Full(job) => job.answer(Verdict::Fault(Error::Overloaded(partition))),
            Joined::Leads => {
                let lead = Lead { inner: Arc::clone(self), partition, leads: true };
                self.runtime.spawn("store.settle", async move { lead.drive().await });
            }
        }
    }
}

/// Whoever leads a queue works on it until it is empty. Dropped before (the runtime ended): those who wait learn it.
struct Lead {
    inner: Arc<Inner>,
    partition: Partition,
    leads: bool,
}

impl Lead {
    async fn drive(mut self) {
        let inner = Arc::clone(&self.inner);
        let runtime = &inner.runtime;
        let settler = Settler {
            backend: inner.backend.as_ref(),
            partition: self.partition,
            clock: runtime.clock(),
            rng: runtime.rng(),
            ids: runtime.ids(),
            tally: &inner.tally,
        };
        while let Some(queue) = inner.queues.get(usize::from(self.partition.number())) {
            let jobs = queue.take();
            if jobs.is_empty() {
                self.leads = false;
                return;
            }
            let applied = settler.settle(jobs).await;
            inner.commits.fetch_add(applied, Ordering::Relaxed);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(queue) = self.inner.queues.get(usize::from(self.partition.number()))
            && self.leads
        {
            for job in queue.abandon() {
                job.answer(Verdict::Fault(Error::Unavailable("the process is stopping".to_owned())));
            }
        }
    }
}
