//! One request to a vendor and its whole answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};

/// Whether a repeat can do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes nothing: repeated freely.
    Read,
    /// May change something: repeated only when the vendor certainly did not execute it.
    Write,
}

/// Who goes first when the vendor's budget is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Orders, payments, cancellations. Half of every budget is theirs alone.
    Critical,
    /// Feeds and look-ups that orders wait for only indirectly.
    Normal,
    /// Sweeps that may come later.
    Sheddable,
}

/// A request to a vendor.
#[derive(Debug, Clone)]
pub struct Call {
    /// HTTP method.
    pub method: Method,
    /// Path and query, already percent-encoded, joined to the base address.
    pub path_and_query: String,
    /// Headers beside authorization, trace and host.
    pub headers: HeaderMap,
    /// Body; empty for none.
    pub body: Bytes,
    /// Whether a repeat can do harm.
    pub kind: Kind,
    /// Name for logs and the breaker, for example `sales_order.put`.
    pub operation: &'static str,
    /// Who goes first.
    pub lane: Lane,
    /// What it takes of a rate budget; 1 unless the vendor prices calls.
    pub cost: u32,
    /// Business key sent as `x-correlation-id`; empty for none.
    pub correlation: String,
}

impl Call {
    /// A read of the normal lane without headers or body.
    #[must_use]
    pub fn read(operation: &'static str, method: Method, path_and_query: impl Into<String>) -> Self {
        Self::new(Kind::Read, operation, method, path_and_query)
    }

    /// A write of the critical lane without headers or body.
    #[must_use]
    pub fn write(operation: &'static str, method: Method, path_and_query: impl Into<String>) -> Self {
        Self { lane: Lane::Critical, ..Self::new(Kind::Write, operation, method, path_and_query) }
    }

    fn new(kind: Kind, operation: &'static str, method: Method, path_and_query: impl Into<String>) -> Self {
        Self {
            method,
            path_and_query: path_and_query.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            kind,
            operation,
            lane: Lane::Normal,
            cost: 1,
            correlation: String::new(),
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// With a body and its media type.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = body.into();
        self
    }

    /// In another lane.
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Of a known price in a rate budget.
    #[must_use]
    pub fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// On behalf of a business key.
    #[must_use]
    pub fn correlation(mut self, key: impl Into<String>) -> Self {
        self.correlation = key.into();
        self
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, complete.
    pub body: Bytes,
}

impl Reply {
    /// A header as text, when there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How long the vendor asks to wait, in whole seconds or with a fraction as Shopify writes it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let seconds = whole.parse::<u64>().ok()?;
        let digits = fraction.get(..fraction.len().min(3))?;
        let millis = format!("{digits:0<3}").parse::<u64>().ok()?;
        Some(Duration::from_millis(seconds.saturating_mul(1_000).saturating_add(millis)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(text: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
        Reply { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Bytes::new() }.retry_after()
    }

    #[test]
    fn retry_after_reads_whole_seconds_and_fractions_and_nothing_else() {
        assert_eq!(waits("3"), Some(Duration::from_secs(3)));
        assert_eq!(waits("2.0"), Some(Duration::from_secs(2)));
        assert_eq!(waits("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(waits("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(waits("-1"), None);
    }
}
