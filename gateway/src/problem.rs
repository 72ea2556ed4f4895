//! Errors as callers read them: `application/problem+json` (RFC 9457) with the reason, the domain and the trace.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use retail_runtime::{HttpBody, http::full, trace};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::fault::Error;

const DOMAIN: &str = "gateway.retail";
/// A reason by which services say that a key was used for another request before.
const KEY_REUSED: &str = "IDEMPOTENCY_KEY_REUSED";

/// One error, small enough to be passed around.
#[derive(Debug)]
pub(crate) struct Problem(Box<Said>);

/// What is said of it.
#[derive(Debug, Serialize)]
struct Said {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    reason: String,
    domain: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// Seconds, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip)]
    allow: Option<String>,
}

#[derive(Debug, Serialize)]
struct FieldProblem {
    field: String,
    description: String,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let (status, code) = error.status();
        let mut problem = Said::new(status, code, error.reason().to_owned(), error.to_string());
        problem.metadata = error.metadata().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Error::WrongMethod { .. } = &error {
            problem.allow = problem.metadata.get("allow").cloned();
        }
        if matches!(error, Error::Overloaded | Error::Stopping) {
            problem.retry_after = Some(1);
        }
        if let Error::Shape(misfit) = &error {
            let field = misfit.path().to_owned();
            problem.fields = vec![FieldProblem { field, description: misfit.what().to_owned() }];
        }
        Problem(Box::new(problem))
    }
}

impl From<Status> for Problem {
    /// What a service said. Its text is passed on only when the service wrote it for callers, which its `ErrorInfo`
    /// shows; the words of libraries stay inside.
    fn from(status: Status) -> Problem {
        let details = status.get_error_details();
        let (http, code) = mapped(status.code());
        let Some(info) = details.error_info().filter(|info| !info.reason.is_empty()) else {
            return Problem::nameless(&status);
        };
        let inside = http.is_server_error() && http == StatusCode::INTERNAL_SERVER_ERROR;
        let detail = if inside { plain(status.code()).to_owned() } else { status.message().to_owned() };
        let mut problem = Said::new(http, code, info.reason.clone(), detail);
        if info.reason == KEY_REUSED {
            problem.put_status(StatusCode::UNPROCESSABLE_ENTITY);
        }
        problem.domain.clone_from(&info.domain);
        problem.metadata = info.metadata.clone().into_iter().collect();
        let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        problem.fields = violations.iter().map(|it| field(&it.field, &it.description)).collect();
        let delay = details.retry_info().and_then(|info| info.retry_delay);
        problem.retry_after = delay.map(whole_seconds);
        Problem(Box::new(problem))
    }
}

impl Said {
    fn new(status: StatusCode, code: &'static str, reason: String, detail: String) -> Said {
        Said {
            r#type: format!("urn:weft:error:{reason}"),
            title: status.canonical_reason().unwrap_or("Client Closed Request"),
            status: status.as_u16(),
            detail,
            code,
            reason,
            domain: DOMAIN.to_owned(),
            metadata: BTreeMap::new(),
            fields: Vec::new(),
            trace_id: trace::trace_id(),
            retry_after: None,
            allow: None,
        }
    }

    fn put_status(&mut self, status: StatusCode) {
        self.status = status.as_u16();
        self.title = status.canonical_reason().unwrap_or_default();
    }
}

impl Problem {
    /// A status that no service of ours made: the network, a library, a proxy.
    fn nameless(status: &Status) -> Problem {
        tracing::warn!(code = ?status.code(), message = status.message(), "a call failed below the services");
        // tonic says OUT_OF_RANGE and others say RESOURCE_EXHAUSTED for a frame above the limit. Waiting does not mend
        // that, so it must not look like a quota.
        if matches!(status.code(), Code::ResourceExhausted | Code::OutOfRange) {
            return Error::AnswerTooLarge.into();
        }
        // tonic calls a deadline that has passed CANCELLED, on both ends, in these words.
        let late = status.code() == Code::Cancelled && status.message() == "Timeout expired";
        let code = if late { Code::DeadlineExceeded } else { status.code() };
        let (http, word) = mapped(code);
        let mut problem = Said::new(http, word, word.to_owned(), plain(code).to_owned());
        if status.code() == Code::Unavailable {
            problem.retry_after = Some(1);
        }
        Problem(Box::new(problem))
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> Bytes {
        serde_json::to_vec(&self.0).unwrap_or_default().into()
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The whole answer.
    pub(crate) fn response(&self) -> Response<HttpBody> {
        let mut response = Response::new(full(self.json()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.0.allow.as_ref().and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        response
    }
}

fn field(path: &str, description: &str) -> FieldProblem {
    FieldProblem { field: path.to_owned(), description: description.to_owned() }
}

fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

fn mapped(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::Ok => (StatusCode::INTERNAL_SERVER_ERROR, "OK"),
        Code::Cancelled => (StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), "CANCELLED"),
        Code::Unknown => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        Code::InvalidArgument => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        Code::FailedPrecondition => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
        Code::Aborted => (StatusCode::CONFLICT, "ABORTED"),
        Code::OutOfRange => (StatusCode::BAD_REQUEST, "OUT_OF_RANGE"),
        Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED"),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Code::DataLoss => (StatusCode::INTERNAL_SERVER_ERROR, "DATA_LOSS"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
    }
}

/// What a code means when nobody said more.
fn plain(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "the request was cancelled",
        Code::InvalidArgument => "the request is not valid",
        Code::DeadlineExceeded => {
            "no answer came in time; what became of the request is unknown, repeat it with the same key"
        }
        Code::NotFound => "not found",
        Code::AlreadyExists => "exists already",
        Code::PermissionDenied => "not permitted",
        Code::ResourceExhausted => "too many requests",
        Code::FailedPrecondition => "the state of the system does not allow it",
        Code::Aborted => "another change came first; repeat the whole operation",
        Code::OutOfRange => "out of range",
        Code::Unimplemented => "not implemented",
        Code::Unavailable => "the service is not available; repeat the request with the same key",
        Code::Unauthenticated => "not authenticated",
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => "internal error",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;
    use crate::transcode::Misfit;

    fn shown(problem: &Problem) -> serde_json::Value {
        serde_json::from_slice(&problem.json()).unwrap()
    }

    #[test]
    fn what_a_service_says_reaches_the_caller_whole() {
        let metadata = HashMap::from([("id".to_owned(), "o-1".to_owned())]);
        let mut details = ErrorDetails::with_error_info("QUOTA_SPENT", "orders.retail", metadata);
        details.set_retry_info(Some(Duration::from_millis(1_200)));
        details.add_bad_request_violation("lines[0].sku", "is unknown");
        let problem = Problem::from(Status::with_error_details(Code::ResourceExhausted, "wait", details));
        let wanted = serde_json::json!({
            "type": "urn:weft:error:QUOTA_SPENT", "title": "Too Many Requests", "status": 429, "detail": "wait",
            "code": "RESOURCE_EXHAUSTED", "reason": "QUOTA_SPENT", "domain": "orders.retail", "metadata": {"id": "o-1"},
            "fields": [{"field": "lines[0].sku", "description": "is unknown"}], "retry_after": 2
        });
        assert_eq!(shown(&problem), wanted);
        assert_eq!(problem.response().headers()[RETRY_AFTER], "2");
    }

    #[test]
    fn the_words_of_libraries_stay_inside() {
        for code in [Code::Unknown, Code::Internal, Code::Unavailable, Code::InvalidArgument] {
            let problem = Problem::from(Status::new(code, "h2 protocol error: tcp connect: 10.0.0.7"));
            assert!(!String::from_utf8_lossy(&problem.json()).contains("h2"), "{code:?}");
        }
        let details = ErrorDetails::with_error_info("BUG", "orders.retail", HashMap::new());
        let problem = Problem::from(Status::with_error_details(Code::Internal, "index out of bounds", details));
        assert_eq!(shown(&problem)["detail"], "internal error");
    }

    #[test]
    fn a_frame_above_the_limit_is_no_quota() {
        for code in [Code::ResourceExhausted, Code::OutOfRange] {
            let problem = Problem::from(Status::new(code, "decoded message length too large: found 5000000 bytes"));
            assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(problem.0.retry_after, None);
            assert_eq!(problem.0.reason, "ANSWER_TOO_LARGE");
        }
    }

    #[test]
    fn a_deadline_that_has_passed_is_no_cancellation_by_the_caller() {
        assert_eq!(Problem::from(Status::cancelled("Timeout expired")).status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(Problem::from(Status::cancelled("gone")).status().as_u16(), 499);
    }

    #[test]
    fn every_code_has_its_status() {
        let said: Vec<u16> = (0..17).map(|code| mapped(Code::from_i32(code)).0.as_u16()).collect();
        let wanted = [500, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
        assert_eq!(said, wanted);
    }

    #[test]
    fn a_key_used_for_another_request_answers_422() {
        let details = ErrorDetails::with_error_info(KEY_REUSED, "orders.retail", HashMap::new());
        let problem = Problem::from(Status::with_error_details(Code::FailedPrecondition, "used", details));
        assert_eq!((problem.0.status, problem.0.title), (422, "Unprocessable Entity"));
    }

    #[test]
    fn a_misfit_names_its_field() {
        let problem = Problem::from(Error::Shape(Misfit::new("is given twice").in_field("sku")));
        assert_eq!(shown(&problem)["fields"], serde_json::json!([{"field": "sku", "description": "is given twice"}]));
    }
}
