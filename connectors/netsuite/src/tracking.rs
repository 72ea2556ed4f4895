//! Tracking numbers of fulfilments.
//!
//! Accounts that let SuiteQL read `TrackingNumberMap` answer for many fulfilments at once. Where that is refused, each
//! fulfilment's record is read, once per version: what was read is remembered by (id, last change).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use retail_connect::Lane;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Suite, marks};
use crate::fault::Error;

/// More versions than this are not remembered at once.
const MOST_VERSIONS: usize = 10_000;
/// Records read at the same time; the budget decides in the end.
const AT_ONCE: usize = 4;

/// How a shipment travels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) tracking_numbers: Vec<String>,
    pub(crate) carrier: String,
}

/// Reads tracking numbers.
#[derive(Clone)]
pub(crate) struct Tracking {
    suite: Suite,
    by_record: Arc<AtomicBool>,
    read: Arc<Mutex<BTreeMap<i64, (String, Parcel)>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilmentRecord {
    #[serde(default)]
    ship_carrier: Option<Value>,
    #[serde(default)]
    package: Packages,
}

#[derive(Default, Deserialize)]
struct Packages {
    #[serde(default)]
    items: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(default)]
    package_tracking_number: String,
}

impl Tracking {
    pub(crate) fn new(suite: Suite) -> Self {
        Self { suite, by_record: Arc::default(), read: Arc::default() }
    }

    /// Parcels of fulfilments, given as (internal id, last change).
    pub(crate) async fn parcels(
        &self,
        fulfilments: &[(i64, String)],
        lane: Lane,
    ) -> Result<BTreeMap<i64, Parcel>, Error> {
        if !self.by_record.load(Ordering::Relaxed) {
            match self.by_question(fulfilments, lane).await {
                Err(Error::Refused { detail, .. }) => {
                    tracing::info!(%detail, "this account does not let SuiteQL read tracking numbers: reading records");
                    self.by_record.store(true, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        stream::iter(fulfilments.to_vec())
            .map(|(id, changed)| self.one(id, changed, lane))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn by_question(&self, fulfilments: &[(i64, String)], lane: Lane) -> Result<BTreeMap<i64, Parcel>, Error> {
        let mut parcels = BTreeMap::<i64, Parcel>::new();
        for chunk in fulfilments.chunks(500) {
            let q = format!(
                "SELECT m.transaction, n.id, n.trackingnumber FROM TrackingNumberMap m \
                 JOIN TrackingNumber n ON n.id = m.trackingnumber WHERE m.transaction IN ({}) \
                 ORDER BY m.transaction, n.id",
                marks(chunk.len())
            );
            let params: Vec<Value> = chunk.iter().map(|(id, _)| Value::from(*id)).collect();
            for row in self.suite.rows("suiteql.tracking", lane, &q, &params).await? {
                parcels.entry(row.id("transaction")?).or_default().tracking_numbers.push(row.text("trackingnumber"));
            }
        }
        Ok(parcels)
    }

    async fn one(&self, id: i64, changed: String, lane: Lane) -> Result<(i64, Parcel), Error> {
        if let Some((_, parcel)) = self.lock().get(&id).filter(|(version, _)| *version == changed) {
            return Ok((id, parcel.clone()));
        }
        let path = format!("/itemFulfillment/{id}?expandSubResources=true");
        let record: Option<FulfilmentRecord> = self.suite.get("item_fulfillment.get", &path, lane, "").await?;
        let parcel = record.map(Parcel::from).unwrap_or_default();
        if parcel.tracking_numbers.is_empty() {
            return Ok((id, parcel)); // packing may add them within the second that the version knows
        }
        let mut read = self.lock();
        if read.len() >= MOST_VERSIONS {
            read.clear();
        }
        read.insert(id, (changed, parcel.clone()));
        Ok((id, parcel))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i64, (String, Parcel)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<FulfilmentRecord> for Parcel {
    fn from(record: FulfilmentRecord) -> Self {
        let carrier = record.ship_carrier.map(|carrier| match &carrier {
            Value::String(text) => text.clone(),
            Value::Object(fields) => {
                let name = fields.get("refName").or_else(|| fields.get("id")).and_then(Value::as_str);
                name.unwrap_or_default().to_owned()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => String::new(),
        });
        let mut tracking_numbers: Vec<String> = Vec::new();
        for package in record.package.items {
            if !package.package_tracking_number.is_empty()
                && !tracking_numbers.contains(&package.package_tracking_number)
            {
                tracking_numbers.push(package.package_tracking_number);
            }
        }
        Self { tracking_numbers, carrier: carrier.unwrap_or_default() }
    }
}
