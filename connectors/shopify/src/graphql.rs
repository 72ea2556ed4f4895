//! One door to the Admin API: a document goes in, its data comes out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use retail_connect::{Call, Http, Kind, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::document::Document;
use crate::fault::{self, Error};
use crate::wire::admin::{Answer, Connection, Margin};

/// A client of one shop.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    http: Http,
    version: String,
    path: String,
    warned: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct Ask<'a, V> {
    query: &'static str,
    variables: &'a V,
}

impl Admin {
    pub(crate) fn new(http: Http, version: &str) -> Self {
        let path = format!("/admin/api/{version}/graphql.json");
        Self { http, version: version.to_owned(), path, warned: Arc::default() }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Sends a query.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        document: &Document,
        variables: &impl Serialize,
        correlation: &str,
    ) -> Result<T, Error> {
        self.send(Kind::Read, document, variables, correlation).await
    }

    /// Sends a mutation. What stands in `userErrors` is the caller's to read.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        document: &Document,
        variables: &impl Serialize,
        correlation: &str,
    ) -> Result<T, Error> {
        self.send(Kind::Write, document, variables, correlation).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        kind: Kind,
        document: &Document,
        variables: &impl Serialize,
        correlation: &str,
    ) -> Result<T, Error> {
        let operation = document.operation;
        let body = serde_json::to_vec(&Ask { query: document.text, variables })
            .map_err(|err| Error::Unreadable { operation, why: err.to_string() })?;
        let call = match kind {
            Kind::Read => Call::read(operation, Method::POST, &self.path),
            Kind::Write => Call::write(operation, Method::POST, &self.path),
        };
        let call = call.lane(document.lane).cost(document.cost).correlation(correlation).body("application/json", body);
        let reply = self.http.send(call).await?;
        self.compare_version(&reply);
        if !reply.status.is_success() {
            return Err(fault::of_status(kind, operation, &reply));
        }
        let unreadable = |why: String| fault::unreadable(kind, operation, why);
        let margin: Margin = serde_json::from_slice(&reply.body).map_err(|err| unreadable(err.to_string()))?;
        if let Some(first) = margin.errors.first() {
            return Err(fault::of_error(kind, operation, first));
        }
        let answer: Answer<T> = serde_json::from_slice(&reply.body).map_err(|err| unreadable(err.to_string()))?;
        answer.data.ok_or_else(|| unreadable("neither data nor errors".to_owned()))
    }

    /// An expired version is answered with the oldest living one: the header tells the truth.
    fn compare_version(&self, reply: &Reply) {
        let spoken = reply.header("x-shopify-api-version").unwrap_or(&self.version);
        if spoken != self.version && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(asked = %self.version, spoken, "the shop speaks another version of its API than was asked");
        }
        if let Some(reason) = reply.header("x-shopify-api-deprecated-reason")
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(reason, "the shop says that we use what it will take away");
        }
    }
}

/// Where the next page begins; none at the end.
pub(crate) fn next<T>(operation: &'static str, page: &Connection<T>) -> Result<Option<String>, Error> {
    match (page.page_info.has_next_page, &page.page_info.end_cursor) {
        (false, _) => Ok(None),
        (true, Some(cursor)) => Ok(Some(cursor.clone())),
        (true, None) => Err(Error::Unreadable { operation, why: "there is a next page, but no cursor".to_owned() }),
    }
}
