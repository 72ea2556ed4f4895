//! The lesser neighbours: customers, and the CRM that agents look at.

use std::collections::BTreeMap;

use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_server::CrmService;
use retail_proto::customers::v1 as people;
use retail_proto::customers::v1::customers_service_server::CustomersService;
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::harness::{Books, done, record, refusal};

/// Everybody is customer c-1, and every ERP knows them.
#[derive(Clone, Default)]
pub(crate) struct People;

fn customer() -> Option<people::Customer> {
    Some(people::Customer { customer_id: "c-1".into(), version: 1, ..Default::default() })
}

#[tonic::async_trait]
impl CustomersService for People {
    async fn resolve_customer(
        &self,
        _: Request<people::ResolveCustomerRequest>,
    ) -> Result<Response<people::ResolveCustomerResponse>, Status> {
        Ok(Response::new(people::ResolveCustomerResponse { customer: customer(), ..Default::default() }))
    }

    async fn get_customer(
        &self,
        request: Request<people::GetCustomerRequest>,
    ) -> Result<Response<people::GetCustomerResponse>, Status> {
        if request.get_ref().customer_id != "c-1" {
            return Err(refusal(Class::NotFound, "NO_SUCH_CUSTOMER"));
        }
        Ok(Response::new(people::GetCustomerResponse { customer: customer() }))
    }

    async fn ensure_reference(
        &self,
        _: Request<people::EnsureReferenceRequest>,
    ) -> Result<Response<people::EnsureReferenceResponse>, Status> {
        Ok(Response::new(people::EnsureReferenceResponse { r#ref: Some(record("erp", "customer", "7")) }))
    }
}

/// What agents see.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) refuses: bool,
    pub(crate) away: bool,
    pub(crate) upserts: usize,
    pub(crate) contexts: BTreeMap<String, crm::OrderContext>,
}

#[derive(Clone, Default)]
pub(crate) struct Crm {
    pub(crate) books: Books<Desk>,
}

#[tonic::async_trait]
impl CrmService for Crm {
    async fn upsert_order_context(
        &self,
        request: Request<crm::UpsertOrderContextRequest>,
    ) -> Result<Response<crm::UpsertOrderContextResponse>, Status> {
        self.books.write(|desk| {
            desk.upserts += 1;
            if desk.refuses {
                return Err(refusal(Class::Precondition, "CRM_ORG_NOT_PREPARED"));
            }
            if desk.away {
                return Err(refusal(Class::Unavailable, "VENDOR_UNREACHABLE"));
            }
            let context = request.into_inner().context.unwrap();
            let id = context.external_ref.clone();
            desk.contexts.insert(id.clone(), context);
            let record = Some(record("crm", "Order_Context__c", &format!("a01-{id}")));
            Ok(Response::new(crm::UpsertOrderContextResponse { outcome: done(), record }))
        })
    }
}
