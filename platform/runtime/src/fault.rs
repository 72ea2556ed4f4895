//! Errors on the wire. A service says what an error means; [`status`] is the only maker of `Status`.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::{Ids, trace};

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Fix the request.
    Invalid,
    /// Look again.
    NotFound,
    /// It is there already.
    Exists,
    /// Change the world first.
    Precondition,
    /// Repeat the whole operation.
    Conflict,
    /// Ask for the role.
    Denied,
    /// Say who you are.
    Unauthenticated,
    /// Wait as told.
    Throttled,
    /// Retry: certainly not executed.
    Unavailable,
    /// The cursor does not fit; start again.
    OutOfRange,
    /// Not supported here.
    Unimplemented,
    /// Nobody knows whether it was executed: repeat with the same key.
    Unknown,
    /// Report it.
    Internal,
}

impl Class {
    fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::Exists => Code::AlreadyExists,
            Self::Precondition => Code::FailedPrecondition,
            Self::Conflict => Code::Aborted,
            Self::Denied => Code::PermissionDenied,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Throttled => Code::ResourceExhausted,
            Self::Unavailable | Self::Unknown => Code::Unavailable,
            Self::OutOfRange => Code::OutOfRange,
            Self::Unimplemented => Code::Unimplemented,
            Self::Internal => Code::Internal,
        }
    }
}

/// An error that knows what it means to a caller.
pub trait Fault: StdError {
    /// What the caller can do.
    fn class(&self) -> Class;
    /// UPPER_SNAKE_CASE word, stable; each has a page in `docs/errors`.
    fn reason(&self) -> &'static str;
    /// Every variable of the message.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Wrong fields with what is wrong and what to do.
    fn fields(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// How long to wait, when waiting helps.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Marks statuses whose outcome is unknown, so that they can be told from "certainly not executed".
const UNKNOWN_OUTCOME: &str = "outcome";

/// Names the log line that tells all about an internal error.
const INCIDENT: &str = "incident";

/// The same for the same error in the same trace, so that runs under one seed stay equal.
fn incident(domain: &str, error: &impl Fault) -> String {
    let trace = trace::trace_id().unwrap_or_default();
    Ids::derived("incident", &[domain, error.reason(), &Chain(error).to_string(), &trace]).to_string()
}

/// Makes the status of an error: `ErrorInfo` always, `RetryInfo` when waiting helps, `BadRequest` for wrong fields.
/// Internal errors say nothing outside and everything in the log; `incident` in both leads from one to the other.
pub fn status(domain: &'static str, error: &impl Fault) -> Status {
    let class = error.class();
    let mut metadata: HashMap<String, String> =
        error.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    if class == Class::Unknown {
        metadata.insert(UNKNOWN_OUTCOME.to_owned(), "unknown".to_owned());
    }
    let message = if class == Class::Internal {
        let incident = incident(domain, error);
        tracing::error!(domain, reason = error.reason(), %incident, error = %Chain(error), "internal error");
        metadata.clear();
        metadata.insert(INCIDENT.to_owned(), incident);
        "internal error".to_owned()
    } else {
        error.to_string()
    };
    let mut details = ErrorDetails::with_error_info(error.reason(), domain, metadata);
    let waits = matches!(class, Class::Throttled | Class::Unavailable | Class::Unknown);
    if let Some(delay) = error.retry_after().or_else(|| waits.then_some(Duration::from_secs(1))) {
        details.set_retry_info(Some(delay));
    }
    let fields: Vec<FieldViolation> =
        error.fields().into_iter().map(|(field, description)| FieldViolation::new(field, description)).collect();
    if !fields.is_empty() {
        details.set_bad_request(fields);
    }
    Status::with_error_details(class.code(), message, details)
}

struct Chain<'a>(&'a dyn StdError);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// What a status of another service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    class: Class,
    reason: String,
    message: String,
    metadata: HashMap<String, String>,
    fields: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads a status back.
    #[must_use]
    pub fn read(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().cloned();
        let metadata = info.as_ref().map(|info| info.metadata.clone()).unwrap_or_default();
        let class = match status.code() {
            Code::InvalidArgument => Class::Invalid,
            Code::NotFound => Class::NotFound,
            Code::AlreadyExists => Class::Exists,
            Code::FailedPrecondition => Class::Precondition,
            Code::Aborted => Class::Conflict,
            Code::PermissionDenied => Class::Denied,
            Code::Unauthenticated => Class::Unauthenticated,
            Code::ResourceExhausted => Class::Throttled,
            Code::Unavailable if metadata.contains_key(UNKNOWN_OUTCOME) => Class::Unknown,
            // A connection that broke under a request says nothing about the request.
            Code::Unavailable if info.is_none() && !never_left(status) => Class::Unknown,
            Code::Unavailable => Class::Unavailable,
            Code::OutOfRange => Class::OutOfRange,
            Code::Unimplemented => Class::Unimplemented,
            Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Ok => Class::Unknown,
            Code::Internal | Code::DataLoss => Class::Internal,
        };
        Self {
            class,
            reason: info.map_or_else(|| code_name(status.code()).to_owned(), |info| info.reason),
            message: status.message().to_owned(),
            metadata,
            fields: details
                .bad_request()
                .map(|bad| bad.field_violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect())
                .unwrap_or_default(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }
    }

    /// What the caller can do.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The reason, or the name of the code when the other side gave none.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A variable of the message.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Wrong fields.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// How long to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// True when no connection could be made, so that the request never left.
fn never_left(status: &Status) -> bool {
    let mut source: Option<&(dyn StdError + 'static)> = StdError::source(status);
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// A request whose shape is wrong: every wrong field, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request is not valid: {}", .0.iter().map(|(field, what)| format!("{field}: {what}")).collect::<Vec<_>>().join("; "))]
pub struct BadShape(Vec<(String, String)>);

impl Fault for BadShape {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn reason(&self) -> &'static str {
        "BAD_REQUEST"
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.0.clone()
    }
}

/// Collects wrong fields, so that a caller learns of all of them at once. One violation a field.
#[derive(Debug, Clone, Default)]
pub struct Violations(Vec<(String, String)>);

impl Violations {
    /// Adds a violation unless the condition holds.
    pub fn require(&mut self, field: &str, holds: bool, what: &str) {
        if !holds {
            self.add(field, what);
        }
    }

    /// Adds a violation; a field that has one keeps its first.
    pub fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        let field = field.into();
        if !self.0.iter().any(|(known, _)| *known == field) {
            self.0.push((field, what.into()));
        }
    }

    /// Fails when there is a violation.
    ///
    /// # Errors
    /// [`BadShape`] with every violation.
    pub fn check(self) -> Result<(), BadShape> {
        if self.0.is_empty() { Ok(()) } else { Err(BadShape(self.0)) }
    }

    /// The error of what was collected.
    #[must_use]
    pub fn into_shape(self) -> BadShape {
        BadShape(self.0)
    }
}
