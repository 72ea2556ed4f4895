//! Figures for Prometheus. What happens is counted where it happens; how things stand is looked at when somebody asks,
//! so that nobody pays for figures that nobody reads. Labels are words of the program or of its configuration, never of
//! a request: their number is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use prometheus::process_collector::ProcessCollector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};

use crate::http::{HttpBody, HttpLimits, empty, full};
use crate::{Clock, Runtime};

/// Where the figures are.
const PATH: &str = "/metrics";
/// Upper ends of the buckets of durations, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// How long somebody may look at how things stand before the figures go out without what it would have said.
const PATIENCE: Duration = Duration::from_secs(5);
/// Readers are few.
const LIMITS: HttpLimits = HttpLimits {
    header_read: Duration::from_secs(5),
    header_bytes: 16 * 1024,
    headers: 64,
    connections: 64,
    per_peer: 16,
    streams: 8,
    grace: Duration::from_secs(5),
};

/// Is the process ready for work?
const READY: Family =
    Family { name: "retail_ready", help: "1 while the process may be given work, else 0", labels: &["process"] };

/// What figures of one name say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Name, `retail_..`, with its unit; what is counted ends in `_total`.
    pub name: &'static str,
    /// For people.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// So many.
    Count(u64),
    /// For so long.
    Age(Duration),
}

/// One figure of how things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it says.
    pub family: Family,
    /// Of whom: one word for each label.
    pub labels: Vec<String>,
    /// How it stands.
    pub value: Value,
}

/// Somebody who looks at how things stand when the figures are read.
pub trait Sampler: Send + Sync {
    /// Looks. What it cannot see it leaves out: an old figure would be a lie.
    fn sample(&self) -> BoxFuture<'_, Vec<Reading>>;
}

/// Counts of one family. Clones share them.
#[derive(Debug, Clone)]
pub struct Counts(Option<IntCounterVec>);

impl Counts {
    /// Counts one more.
    pub fn add(&self, labels: &[&str]) {
        self.add_many(labels, 1);
    }

    /// Counts so many more; 0 makes the figure known before anything has happened.
    pub fn add_many(&self, labels: &[&str], many: u64) {
        if let Some(counter) = self.0.as_ref().and_then(|counts| counts.get_metric_with_label_values(labels).ok()) {
            counter.inc_by(many);
        }
    }
}

/// Durations of one family. Clones share them.
#[derive(Debug, Clone)]
pub struct Durations(Option<HistogramVec>);

impl Durations {
    /// It took so long.
    pub fn took(&self, labels: &[&str], time: Duration) {
        if let Some(times) = self.0.as_ref().and_then(|times| times.get_metric_with_label_values(labels).ok()) {
            times.observe(time.as_secs_f64());
        }
    }
}

/// The figures of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Shared>);

#[derive(Default)]
struct Shared {
    registry: Registry,
    counts: Mutex<BTreeMap<&'static str, Counts>>,
    durations: Mutex<BTreeMap<&'static str, Durations>>,
    samplers: Mutex<Vec<Weak<dyn Sampler>>>,
    /// One reader after the other: however many ask, the store is looked at once at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Metrics {
    /// Counts of a family; whoever asks again gets the same.
    #[must_use]
    pub fn counts(&self, family: &Family) -> Counts {
        let mut known = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Counts(self.made(family, IntCounterVec::new(Opts::new(family.name, family.help), family.labels)));
        known.entry(family.name).or_insert_with(make).clone()
    }

    /// Durations of a family; whoever asks again gets the same.
    #[must_use]
    pub fn durations(&self, family: &Family) -> Durations {
        let mut known = self.0.durations.lock().unwrap_or_else(PoisonError::into_inner);
        let options = || HistogramOpts::new(family.name, family.help).buckets(BUCKETS.to_vec());
        let make = || Durations(self.made(family, HistogramVec::new(options(), family.labels)));
        known.entry(family.name).or_insert_with(make).clone()
    }

    /// Asks this one, for as long as it lives, whenever the figures are read.
    pub fn sampled(&self, sampler: &Arc<impl Sampler + 'static>) {
        let weak = Arc::downgrade(sampler);
        self.0.samplers.lock().unwrap_or_else(PoisonError::into_inner).push(weak);
    }

    /// The figures as Prometheus reads them.
    pub async fn text(&self, clock: &Clock) -> String {
        let _turn = self.0.turn.lock().await;
        let samplers: Vec<Arc<dyn Sampler>> = {
            let mut samplers = self.0.samplers.lock().unwrap_or_else(PoisonError::into_inner);
            samplers.retain(|sampler| sampler.strong_count() > 0);
            samplers.iter().filter_map(Weak::upgrade).collect()
        };
        let looks = samplers.iter().map(|sampler| clock.timeout(PATIENCE, sampler.sample()));
        let readings = join_all(looks).await.into_iter().flat_map(Result::unwrap_or_default);
        let mut all = self.0.registry.gather();
        all.extend(sheet(readings).gather());
        TextEncoder::new().encode_to_string(&all).unwrap_or_default()
    }

    fn made<V: prometheus::core::Collector + Clone + 'static>(
        &self,
        family: &Family,
        made: prometheus::Result<V>,
    ) -> Option<V> {
        let known = made.and_then(|made| self.0.registry.register(Box::new(made.clone())).map(|()| made));
        known.inspect_err(|error| tracing::error!(%error, name = family.name, "no figures; a defect of Weft")).ok()
    }
}

/// Readings as a registry of their own, so that nothing of the last time is left in it.
fn sheet(readings: impl Iterator<Item = Reading>) -> Registry {
    let (sheet, mut families) = (Registry::new(), BTreeMap::new());
    for Reading { family, labels, value } in readings {
        let gauges = families.entry(family.name).or_insert_with(|| {
            let gauges = GaugeVec::new(Opts::new(family.name, family.help), family.labels).ok()?;
            sheet.register(Box::new(gauges.clone())).ok().map(|()| gauges)
        });
        let gauge = gauges.as_ref().and_then(|gauges| gauges.get_metric_with_label_values(&labels).ok());
        let Some(gauge) = gauge else {
            tracing::error!(name = family.name, "a figure is not what its family says; this is a defect of Weft");
            continue;
        };
        gauge.set(match value {
            Value::Count(count) => u32::try_from(count).unwrap_or(u32::MAX).into(),
            Value::Age(age) => age.as_secs_f64(),
        });
    }
    sheet
}

/// Serves the figures of a process until it stops.
pub(crate) async fn serve(runtime: &Runtime, listener: crate::Listener) {
    let process = runtime.metrics().0.registry.register(Box::new(ProcessCollector::for_self()));
    if let Err(error) = process {
        tracing::debug!(%error, "the figures of the process are served already");
    }
    let ready = Arc::new(Ready(runtime.clone()));
    runtime.metrics().sampled(&ready);
    let world = runtime.clone();
    let handler = move |request: Request<Incoming>, _| {
        let (world, asked) = (world.clone(), (request.method().clone(), request.uri().path() == PATH));
        async move { answer(&world, asked).await }
    };
    crate::http::serve(runtime, listener, LIMITS, handler).await;
}

/// Looks whether the process is ready.
struct Ready(Runtime);

impl Sampler for Ready {
    fn sample(&self) -> BoxFuture<'_, Vec<Reading>> {
        let ready = *self.0.readiness().unmet().borrow() == 0 && !self.0.stopping().is_cancelled();
        let (labels, value) = (vec![self.0.name().to_owned()], Value::Count(u64::from(ready)));
        Box::pin(std::future::ready(vec![Reading { family: READY, labels, value }]))
    }
}

async fn answer(runtime: &Runtime, asked: (Method, bool)) -> Response<HttpBody> {
    let (status, body) = match asked {
        (Method::GET, true) => {
            let mut answer = Response::new(full(runtime.metrics().text(runtime.clock()).await));
            answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(TEXT_FORMAT));
            return answer;
        }
        (_, true) => (StatusCode::METHOD_NOT_ALLOWED, empty()),
        (_, false) => (StatusCode::NOT_FOUND, full("the figures are at /metrics\n")),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Family = Family { name: "retail_seen_total", help: "Seen.", labels: &["who"] };
    const WAITS: Family = Family { name: "retail_waits_seconds", help: "Waits.", labels: &["who"] };

    struct Waits(Mutex<Vec<&'static str>>);

    impl Sampler for Waits {
        fn sample(&self) -> BoxFuture<'_, Vec<Reading>> {
            let who = self.0.lock().unwrap().clone();
            let value = Value::Age(Duration::from_millis(1_500));
            let read = move |who: &&str| Reading { family: WAITS, labels: vec![(*who).to_owned()], value };
            Box::pin(std::future::ready(who.iter().map(read).collect()))
        }
    }

    #[tokio::test]
    async fn what_happened_is_counted_by_whoever_asks_for_the_same_family() {
        let metrics = Metrics::default();
        metrics.counts(&SEEN).add(&["a"]);
        metrics.counts(&SEEN).add(&["a"]);
        metrics.counts(&SEEN).add_many(&["b"], 0);
        let text = metrics.text(&Clock::system()).await;
        assert!(text.contains("# HELP retail_seen_total Seen.\n# TYPE retail_seen_total counter\n"), "{text}");
        assert!(text.contains("retail_seen_total{who=\"a\"} 2\n"), "{text}");
        assert!(text.contains("retail_seen_total{who=\"b\"} 0\n"), "{text}");
    }

    #[tokio::test]
    async fn how_things_stand_is_asked_anew_each_time_and_nothing_old_is_left() {
        let (metrics, clock) = (Metrics::default(), Clock::system());
        let waits = Arc::new(Waits(Mutex::new(vec!["a", "b"])));
        metrics.sampled(&waits);
        assert!(metrics.text(&clock).await.contains("retail_waits_seconds{who=\"b\"} 1.5\n"));
        *waits.0.lock().unwrap() = vec!["a"];
        let text = metrics.text(&clock).await;
        assert!(text.contains("who=\"a\"") && !text.contains("who=\"b\""), "{text}");
        drop(waits);
        assert_eq!(metrics.text(&clock).await, "", "nobody is left who would know");
    }
}
