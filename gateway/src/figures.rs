//! Requests as figures: by route as the contracts write it, never by path, so that nobody outside decides how many there are.

use std::time::Duration;

use http::StatusCode;
use retail_runtime::metrics::{Counts, Durations, Family, Metrics};

const REQUESTS: Family = Family {
    name: "retail_gateway_requests_total",
    help: "Requests answered, by route and status",
    labels: &["route", "status"],
};
const SECONDS: Family = Family {
    name: "retail_gateway_request_seconds",
    help: "How long it took until an answer began",
    labels: &["route"],
};

/// The figures of the edge.
#[derive(Debug)]
pub(crate) struct Figures {
    requests: Counts,
    seconds: Durations,
}

impl Figures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self { requests: metrics.counts(&REQUESTS), seconds: metrics.durations(&SECONDS) }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, route: &str, status: StatusCode, took: Duration) {
        self.requests.add(&[route, status.as_str()]);
        self.seconds.took(&[route], took);
    }
}
