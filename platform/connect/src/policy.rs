//! What a connector tells the client about its vendor's answers.

use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use crate::call::Reply;

/// What an answer means for repeating the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The vendor's word, good or bad: the connector reads it.
    Answer,
    /// Documented by the vendor as not executed because of a limit: may be repeated, reads and writes alike.
    NotExecuted {
        /// When the vendor wants to hear of it again.
        wait: Option<Duration>,
    },
    /// The token is not accepted; not executed.
    Unauthorized,
    /// The vendor or its edge is unwell. Reads are repeated, writes go back to the caller.
    Unwell,
}

/// What the vendor says of our rate budget, in its own points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Largest level.
    pub capacity: u32,
    /// Level now.
    pub available: u32,
    /// Points regained each second.
    pub per_second: u32,
}

/// A vendor's way with status codes, limits and credentials.
pub trait Dialect: Send + Sync + 'static {
    /// What an answer means for repeating the call.
    fn verdict(&self, reply: &Reply) -> Verdict {
        plain_verdict(reply)
    }

    /// What the answer says of our rate budget.
    fn standing(&self, _reply: &Reply) -> Option<Standing> {
        None
    }

    /// Puts the token on a request.
    fn authorize(&self, headers: &mut HeaderMap, token: &SecretString) -> Result<(), http::header::InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// The plain reading of HTTP with bearer tokens: 429 was not executed, 401 is the token, 5xx is unwell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bearer;

impl Dialect for Bearer {}

fn plain_verdict(reply: &Reply) -> Verdict {
    if reply.status == StatusCode::TOO_MANY_REQUESTS {
        Verdict::NotExecuted { wait: reply.retry_after() }
    } else if reply.status == StatusCode::UNAUTHORIZED {
        Verdict::Unauthorized
    } else if reply.status.is_server_error() {
        Verdict::Unwell
    } else {
        Verdict::Answer
    }
}
