//! A CRM that keeps books of what agents see, can be away, refuses rows and loses its answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_server::CrmService;
use retail_proto::types::v1::{Outcome, OutcomeState};
use tonic::{Request, Response, Status};

use crate::harness::{done, page};

/// What agents see.
#[derive(Default)]
pub(crate) struct Screens {
    /// Rows by our id.
    pub(crate) rows: BTreeMap<String, crm::Availability>,
    pub(crate) requests: Vec<crm::RecordAvailabilityRequest>,
    pub(crate) away: bool,
    /// The next telling is done, and its answer is lost.
    pub(crate) lose_an_answer: bool,
    /// An item that it refuses.
    pub(crate) refuses: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct FakeCrm {
    books: Arc<Mutex<Screens>>,
}

impl FakeCrm {
    pub(crate) fn books(&self) -> MutexGuard<'_, Screens> {
        self.books.lock().unwrap()
    }

    /// What agents see of an item at a place.
    pub(crate) fn shown(&self, sku: &str, location: &str) -> Option<i64> {
        let books = self.books();
        let mut rows = books.rows.values().filter(|row| row.sku == sku && row.location == location);
        let found = rows.next().map(|row| row.available);
        assert!(rows.next().is_none(), "{sku} is there twice at {location}");
        found
    }

    /// Somebody changes a number by hand.
    pub(crate) fn change(&self, sku: &str, available: i64) {
        self.books().rows.values_mut().filter(|row| row.sku == sku).for_each(|row| row.available = available);
    }
}

#[tonic::async_trait]
impl CrmService for FakeCrm {
    async fn record_availability(
        &self,
        request: Request<crm::RecordAvailabilityRequest>,
    ) -> Result<Response<crm::RecordAvailabilityResponse>, Status> {
        let (request, mut books) = (request.into_inner(), self.books());
        if books.away {
            return Err(Status::unavailable("maintenance"));
        }
        books.requests.push(request.clone());
        let mut outcome = done();
        for row in request.rows {
            if books.refuses.as_ref() == Some(&row.sku) {
                let (state, reason) = (i32::from(OutcomeState::Refused), "FIELD_CUSTOM_VALIDATION_EXCEPTION".into());
                outcome = Some(Outcome { state, reason, message: "no".into(), ..Outcome::default() });
                continue;
            }
            let newest = books.rows.get(&row.external_ref).map_or(0, |known| known.version);
            if row.version >= newest {
                books.rows.insert(row.external_ref.clone(), row);
            }
        }
        if std::mem::take(&mut books.lose_an_answer) {
            return Err(Status::deadline_exceeded("the answer is lost"));
        }
        Ok(Response::new(crm::RecordAvailabilityResponse { outcome }))
    }

    async fn list_availability(
        &self,
        request: Request<crm::ListAvailabilityRequest>,
    ) -> Result<Response<crm::ListAvailabilityResponse>, Status> {
        let (request, books) = (request.into_inner(), self.books());
        if books.away {
            return Err(Status::unavailable("maintenance"));
        }
        let rows: Vec<_> = books.rows.values().filter(|row| row.location == request.location).cloned().collect();
        let (rows, next_page_token) = page(&rows, &request.page_token);
        Ok(Response::new(crm::ListAvailabilityResponse { rows, next_page_token }))
    }
}
