//! Which objects hold returns in this org: `ReturnOrder` where Field Service or Order Management brings it, else the
//! package's own. Describe says it; its answer is believed for a while.

use std::sync::PoisonError;
use std::time::Duration;

use http::{Method, StatusCode};
use retail_connect::Call;

use crate::Salesforce;
use crate::fault::{Error, refused};
use crate::sending::path;

/// The objects that hold returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    /// `Return__c` with `Return_Line__c`.
    Custom,
    /// `ReturnOrder` with `ReturnOrderLineItem`.
    Standard,
}

/// What describe said, and when by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Described {
    model: Model,
    at: Duration,
}

impl Model {
    /// The object of a return.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Model::Custom => "Return__c",
            Model::Standard => "ReturnOrder",
        }
    }

    /// The object of its lines.
    pub(crate) fn line(self) -> &'static str {
        match self {
            Model::Custom => "Return_Line__c",
            Model::Standard => "ReturnOrderLineItem",
        }
    }

    /// The way from a line to its return.
    pub(crate) fn master(self) -> &'static str {
        match self {
            Model::Custom => "Return__r",
            Model::Standard => "ReturnOrder",
        }
    }
}

impl Salesforce {
    /// The objects of this org.
    pub(crate) async fn model(&self) -> Result<Model, Error> {
        let now = self.shared.runtime.clock().monotonic();
        let fresh: Duration = self.shared.describe_fresh.into();
        let known = *self.shared.described.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.filter(|known| now.saturating_sub(known.at) < fresh) {
            return Ok(known.model);
        }
        let operation = "crm.return.describe";
        let resource = path(&format!("sobjects/{}/describe", Model::Standard.head()));
        let reply = self.read(Call::read(operation, Method::GET, resource)).await?;
        let model = match reply.status {
            StatusCode::NOT_FOUND => Model::Custom,
            status if status.is_success() => Model::Standard,
            _ => return Err(refused(&reply, operation, false)),
        };
        *self.shared.described.lock().unwrap_or_else(PoisonError::into_inner) = Some(Described { model, at: now });
        Ok(model)
    }

    /// Passes a result on; after one that says the org lacks an object or a column, describe is asked again.
    pub(crate) fn doubting<T>(&self, done: Result<T, Error>) -> Result<T, Error> {
        if matches!(done, Err(Error::NotPrepared { .. })) {
            *self.shared.described.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        done
    }
}
