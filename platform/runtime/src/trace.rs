//! W3C trace context in and out of every hop. The ids live in tracing spans; the tracer keeps them even when nobody
//! exports them.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Header and metadata name.
pub const TRACEPARENT: &str = "traceparent";
/// Header and metadata name of vendor state that is passed on.
pub const TRACESTATE: &str = "tracestate";

/// The trace context of the current span, for the next hop; `None` outside any trace.
#[must_use]
pub fn traceparent() -> Option<String> {
    current().map(|context| render(&context))
}

/// The trace id of the current span, 32 hex digits.
#[must_use]
pub fn trace_id() -> Option<String> {
    current().map(|context| context.trace_id().to_string())
}

/// Writes the current trace context into headers.
pub fn inject(headers: &mut HeaderMap) {
    let Some(context) = current() else { return };
    if let Ok(value) = HeaderValue::from_str(&render(&context)) {
        headers.insert(HeaderName::from_static(TRACEPARENT), value);
    }
    let state = context.trace_state().header();
    if !state.is_empty()
        && let Ok(value) = HeaderValue::from_str(&state)
    {
        headers.insert(HeaderName::from_static(TRACESTATE), value);
    }
}

/// A span that continues the trace of these headers, or begins one.
#[must_use]
pub fn span_from(headers: &HeaderMap, name: &str) -> Span {
    let span = tracing::info_span!(target: "weft", "request", otel.name = name);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(parent) = text(TRACEPARENT).and_then(|parent| parse(parent, text(TRACESTATE))) {
        adopt(&span, parent);
    }
    span
}

/// A span that continues a stored trace context, or begins a trace when there is none.
#[must_use]
pub fn continue_from(traceparent: &str, name: &'static str) -> Span {
    let span = tracing::info_span!(target: "weft", "work", otel.name = name);
    if let Some(parent) = parse(traceparent, None) {
        adopt(&span, parent);
    }
    span
}

fn adopt(span: &Span, parent: SpanContext) {
    // Without the tracer's layer there is nobody to keep the context for.
    let _no_tracer = span.set_parent(Context::new().with_remote_span_context(parent));
}

fn current() -> Option<SpanContext> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

fn render(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
}

/// Reads a traceparent of version 00, or of a later version by its first four fields.
fn parse(parent: &str, state: Option<&str>) -> Option<SpanContext> {
    let mut fields = parent.trim().split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex =
        |text: &str, len: usize| text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let whole = version != "00" || fields.next().is_none();
    if !hex(version, 2) || version == "ff" || !whole || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) {
        return None;
    }
    let state = state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1),
        true,
        state,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_good_traceparent_reads_back_as_written() {
        assert_eq!(render(&parse(GOOD, None).unwrap()), GOOD);
    }

    #[test]
    fn broken_ones_are_not_traces() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert!(parse(text, None).is_none(), "{text}");
        }
    }
}
