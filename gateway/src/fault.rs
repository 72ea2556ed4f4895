//! What the gateway itself refuses, and what each refusal means to a caller.

use http::{Method, StatusCode};

use crate::transcode::Misfit;

/// A request that got no answer from a service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no route {path}{}", .nearest.as_ref().map(|it| format!("; the nearest is {it}")).unwrap_or_default())]
    NoRoute { path: String, nearest: Option<String> },
    #[error("{method} is not a method of this route; it has {}", allowed(.allow))]
    WrongMethod { method: Method, allow: Vec<Method> },
    #[error("the address is longer than {limit} bytes")]
    AddressTooLong { limit: usize },
    #[error("the body is larger than {limit} bytes; send it in parts")]
    BodyTooLarge { limit: usize },
    #[error("the body did not go on arriving for {seconds} s")]
    BodyStalled { seconds: u64 },
    #[error("the body ended before it was whole")]
    BodyBroken,
    #[error("this route takes no body")]
    UnexpectedBody,
    #[error("the body must be JSON; send it with `Content-Type: application/json`")]
    NotJson,
    #[error("the request does not fit: {0}")]
    Shape(Misfit),
    #[error("an Idempotency-Key header is needed, so that a repeat of this request is done once; send a fresh UUID")]
    KeyMissing,
    #[error("the Idempotency-Key must be 1 to 255 visible ASCII characters, bare or in double quotes")]
    KeyMalformed,
    #[error("the Idempotency-Key header and the body's idempotencyKey differ; send one of them")]
    KeyTwice,
    #[error("the X-Request-Timeout header must be a duration such as 250ms or 5s")]
    TimeoutMalformed,
    #[error("no answer came within {millis} ms; what became of the request is unknown, repeat it with the same key")]
    TooSlow { millis: u128 },
    #[error("no principal: this gateway is not configured to trust anybody; set `auth` in its configuration")]
    NoPrincipal,
    #[error("no {kind} instance {instance} takes webhooks here")]
    NoInstance { kind: String, instance: String },
    #[error("too many requests are under way; try again in a moment")]
    Overloaded,
    #[error("the stream reached its longest time; open it again")]
    StreamOver,
    #[error("this gateway is stopping; open the stream again")]
    Stopping,
    #[error("the answer of the service does not fit its contract")]
    AnswerBroken,
    #[error("the answer of the service is larger than this gateway passes on; ask for a smaller page")]
    AnswerTooLarge,
}

fn allowed(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

impl Error {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Error::NoRoute { .. } => "NO_ROUTE",
            Error::WrongMethod { .. } => "METHOD_NOT_ALLOWED",
            Error::AddressTooLong { .. } => "ADDRESS_TOO_LONG",
            Error::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Error::BodyStalled { .. } => "BODY_STALLED",
            Error::BodyBroken => "BODY_BROKEN",
            Error::UnexpectedBody => "UNEXPECTED_BODY",
            Error::NotJson => "NOT_JSON",
            Error::Shape(_) => "BAD_REQUEST",
            Error::KeyMissing => "IDEMPOTENCY_KEY_MISSING",
            Error::KeyMalformed => "IDEMPOTENCY_KEY_MALFORMED",
            Error::KeyTwice => "IDEMPOTENCY_KEY_AMBIGUOUS",
            Error::TimeoutMalformed => "TIMEOUT_MALFORMED",
            Error::TooSlow { .. } => "DEADLINE_EXCEEDED",
            Error::NoPrincipal => "NO_PRINCIPAL",
            Error::NoInstance { .. } => "NO_WEBHOOK_INSTANCE",
            Error::Overloaded => "OVERLOADED",
            Error::StreamOver => "STREAM_OVER",
            Error::Stopping => "STOPPING",
            Error::AnswerBroken => "ANSWER_BROKEN",
            Error::AnswerTooLarge => "ANSWER_TOO_LARGE",
        }
    }

    /// The HTTP status, and the word of gRPC nearest to it.
    pub(crate) fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Error::NoRoute { .. } | Error::NoInstance { .. } => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Error::WrongMethod { .. } => (StatusCode::METHOD_NOT_ALLOWED, "UNIMPLEMENTED"),
            Error::AddressTooLong { .. } => (StatusCode::URI_TOO_LONG, "INVALID_ARGUMENT"),
            Error::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT"),
            Error::BodyStalled { .. } => (StatusCode::REQUEST_TIMEOUT, "INVALID_ARGUMENT"),
            Error::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT"),
            Error::BodyBroken | Error::UnexpectedBody | Error::Shape(_) => {
                (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT")
            }
            Error::KeyMissing | Error::KeyMalformed | Error::KeyTwice | Error::TimeoutMalformed => {
                (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT")
            }
            Error::TooSlow { .. } => (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
            Error::NoPrincipal => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            Error::Overloaded | Error::StreamOver | Error::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Error::AnswerBroken | Error::AnswerTooLarge => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        }
    }

    /// Every variable of the message.
    pub(crate) fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Error::NoRoute { path, nearest } => [("path", Some(path.clone())), ("nearest", nearest.clone())]
                .into_iter()
                .filter_map(|(k, v)| Some((k, v?)))
                .collect(),
            Error::WrongMethod { method, allow } => vec![("method", method.to_string()), ("allow", allowed(allow))],
            Error::AddressTooLong { limit } | Error::BodyTooLarge { limit } => vec![("limit", limit.to_string())],
            Error::BodyStalled { seconds } => vec![("seconds", seconds.to_string())],
            Error::TooSlow { millis } => vec![("millis", millis.to_string())],
            Error::NoInstance { kind, instance } => vec![("kind", kind.clone()), ("instance", instance.clone())],
            Error::BodyBroken | Error::UnexpectedBody | Error::NotJson | Error::Shape(_) | Error::KeyMissing => vec![],
            Error::KeyMalformed | Error::KeyTwice | Error::TimeoutMalformed | Error::NoPrincipal => vec![],
            Error::Overloaded | Error::StreamOver | Error::Stopping => vec![],
            Error::AnswerBroken | Error::AnswerTooLarge => vec![],
        }
    }
}
