//! The two languages of NetSuite: records by REST, questions by SuiteQL.

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use retail_connect::{Call, Http, Lane, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::{self, Error};
use crate::row::Row;
use crate::wire::{Query, Rows};

const RECORD: &str = "/services/rest/record/v1";
const SUITEQL: &str = "/services/rest/query/v1/suiteql";
/// Largest page SuiteQL gives.
pub(crate) const PAGE: usize = 1_000;
/// SuiteQL ends at 100,000 rows a question.
const PAGES: usize = 100;
/// Asks for a pre-filled record instead of a new one.
const CREATE_FORM: &str = "application/vnd.oracle.resource+json; type=create-form";
/// "A typo in a field name otherwise loses data in silence."
const NAME_VALIDATION: HeaderName = HeaderName::from_static("x-netsuite-propertynamevalidation");

/// A client of one account.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    http: Http,
}

impl Suite {
    pub(crate) fn new(http: Http) -> Self {
        Self { http }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Reads a record by path below `record/v1`; none when it is not there.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        lane: Lane,
        correlation: &str,
    ) -> Result<Option<T>, Error> {
        let call = Call::read(operation, Method::GET, format!("{RECORD}{path}"))
            .header(NAME_VALIDATION, HeaderValue::from_static("Error"))
            .lane(lane)
            .correlation(correlation);
        let reply = self.http.send(call).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(fault::of_read(operation, &reply));
        }
        parse(operation, &reply).map(Some)
    }

    /// Writes a record by path below `record/v1`.
    pub(crate) async fn write(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: &impl Serialize,
        correlation: &str,
    ) -> Result<Reply, Error> {
        let body = serde_json::to_vec(body).map_err(|err| Error::Unreadable { operation, why: err.to_string() })?;
        let call = Call::write(operation, method, format!("{RECORD}{path}"))
            .header(NAME_VALIDATION, HeaderValue::from_static("Error"))
            .body("application/json", body)
            .correlation(correlation);
        let reply = self.http.send(call).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(fault::of_write(operation, &reply)) }
    }

    /// What a transform would make: nothing is saved ("Transforms": `type=create-form`).
    pub(crate) async fn preview<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        correlation: &str,
    ) -> Result<T, Error> {
        let call = Call::read(operation, Method::POST, format!("{RECORD}{path}?expandSubResources=true"))
            .header(NAME_VALIDATION, HeaderValue::from_static("Error"))
            .header(http::header::ACCEPT, HeaderValue::from_static(CREATE_FORM))
            .lane(Lane::Critical)
            .body("application/json", b"{}".to_vec())
            .correlation(correlation);
        let reply = self.http.send(call).await?;
        if !reply.status.is_success() {
            return Err(fault::of_write(operation, &reply));
        }
        parse(operation, &reply)
    }

    /// One page of an ordered question, and whether more is waiting.
    pub(crate) async fn page(
        &self,
        operation: &'static str,
        lane: Lane,
        q: &str,
        params: Vec<Value>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<Row>, bool), Error> {
        let body = serde_json::to_vec(&Query { q, params })
            .map_err(|err| Error::Unreadable { operation, why: err.to_string() })?;
        let call = Call::read(operation, Method::POST, format!("{SUITEQL}?limit={limit}&offset={offset}"))
            .header(HeaderName::from_static("prefer"), HeaderValue::from_static("transient"))
            .lane(lane)
            .body("application/json", body);
        let reply = self.http.send(call).await?;
        if !reply.status.is_success() {
            return Err(fault::of_read(operation, &reply));
        }
        let rows: Rows = parse(operation, &reply)?;
        Ok((rows.items.into_iter().map(|columns| Row::new(operation, columns)).collect(), rows.has_more))
    }

    /// Every row of an ordered question.
    pub(crate) async fn rows(
        &self,
        operation: &'static str,
        lane: Lane,
        q: &str,
        params: &[Value],
    ) -> Result<Vec<Row>, Error> {
        let mut all = Vec::new();
        for page in 0..PAGES {
            let offset = page.saturating_mul(PAGE);
            let (rows, more) = self.page(operation, lane, q, params.to_vec(), PAGE, offset).await?;
            all.extend(rows);
            if !more {
                return Ok(all);
            }
        }
        Err(Error::Unreadable { operation, why: format!("more than {} rows", PAGE.saturating_mul(PAGES)) })
    }
}

fn parse<T: DeserializeOwned>(operation: &'static str, reply: &Reply) -> Result<T, Error> {
    serde_json::from_slice(&reply.body).map_err(|err| Error::Unreadable { operation, why: err.to_string() })
}

/// `?, ?, ?` for a list of values.
pub(crate) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
