//! Logs for people or machines, and the tracer that keeps trace ids on every hop, exported when configured.

use std::io::IsTerminal as _;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::Deserialize;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Layer as _, fmt};

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// What is told to whom.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// `human` or `json`.
    #[serde(default)]
    pub format: LogFormat,
    /// Filter of logs, for example `info` or `info,retail_orders=debug`.
    #[serde(default = "info")]
    pub level: String,
    /// Address of an OTLP collector over gRPC, for example `http://jaeger:4317`. Optional.
    #[serde(default)]
    pub otlp: Option<String>,
    /// Name under which traces are shown.
    #[serde(default = "weft")]
    pub service: String,
}

fn info() -> String {
    "info".to_owned()
}

fn weft() -> String {
    "weft".to_owned()
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: info(), otlp: None, service: weft() }
    }
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("telemetry.level {level:?} is not a filter; write it like info or info,retail_orders=debug")]
    Filter {
        /// As configured.
        level: String,
    },
    /// The exporter cannot be made.
    #[error("telemetry.otlp cannot be used")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    /// Somebody started telemetry before.
    #[error("telemetry is started already in this process")]
    Started(#[source] TryInitError),
}

/// Flushes what is still to be exported when dropped.
#[derive(Debug)]
pub struct Guard(SdkTracerProvider);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(%error, "the last spans could not be exported");
        }
    }
}

impl Guard {
    /// Flushes without holding up the tasks that carry the flush; for the end of an async `main`.
    pub async fn shutdown(self) {
        if tokio::task::spawn_blocking(move || drop(self)).await.is_err() {
            tracing::debug!("the last spans could not be exported");
        }
    }
}

/// Starts logs and traces for this process; once. Must be called inside a tokio runtime when `otlp` is set.
///
/// # Errors
/// [`TelemetryError`].
pub fn start(config: &TelemetryConfig) -> Result<Guard, TelemetryError> {
    let filter =
        EnvFilter::try_new(&config.level).map_err(|_| TelemetryError::Filter { level: config.level.clone() })?;
    let mut provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(config.service.clone()).build());
    if let Some(collector) = &config.otlp {
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(collector).build();
        provider = provider.with_batch_exporter(exporter.map_err(TelemetryError::Exporter)?);
    }
    let provider = provider.build();
    let tracer = tracing_opentelemetry::layer().with_tracer(provider.tracer("weft")).with_filter(filter_fn(traced));
    let colours = std::io::stderr().is_terminal();
    let logs = match config.format {
        LogFormat::Human => {
            fmt::layer().with_target(false).with_ansi(colours).with_writer(std::io::stderr).with_filter(filter).boxed()
        }
        LogFormat::Json => fmt::layer().json().with_writer(std::io::stderr).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(tracer).with(logs).try_init().map_err(TelemetryError::Started)?;
    Ok(Guard(provider))
}

/// Spans of ours carry the trace whatever is logged: one that did not would cut the trace for all inside it.
fn traced(what: &tracing::Metadata<'_>) -> bool {
    let ours = what.target().starts_with("weft") || what.target().starts_with("retail_");
    ours && (what.is_span() || *what.level() <= tracing::Level::INFO)
}

/// Telemetry for tests: quiet logs, living trace ids. May be called any number of times.
pub fn for_tests() {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned());
    if let Ok(guard) = start(&TelemetryConfig { level, ..TelemetryConfig::default() }) {
        // Lives as long as the process: there is no end of tests to flush at.
        std::mem::forget(guard);
    }
}
