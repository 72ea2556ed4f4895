//! The contract: canonical in, canonical out. Every write is keyed by our ids (class K): a repeat finds its records and
//! writes the same again.

use retail_proto::crm::v1 as pb;
use retail_proto::crm::v1::crm_service_server::CrmService;
use retail_runtime::fault;
use tonic::{Request, Response, Status};

use crate::Salesforce;
use crate::fault::Error;

const DOMAIN: &str = "salesforce.retail";

#[tonic::async_trait]
impl CrmService for Salesforce {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Result<Response<pb::DescribeResponse>, Status> {
        Ok(Response::new(pb::DescribeResponse { description: Some(Salesforce::description()) }))
    }

    async fn upsert_customer(
        &self,
        request: Request<pb::UpsertCustomerRequest>,
    ) -> Result<Response<pb::UpsertCustomerResponse>, Status> {
        answer(self.save_customer(request.into_inner()).await)
    }

    async fn upsert_order_context(
        &self,
        request: Request<pb::UpsertOrderContextRequest>,
    ) -> Result<Response<pb::UpsertOrderContextResponse>, Status> {
        answer(self.save_context(request.into_inner()).await)
    }

    async fn get_order_context(
        &self,
        request: Request<pb::GetOrderContextRequest>,
    ) -> Result<Response<pb::GetOrderContextResponse>, Status> {
        answer(self.find_context(request.into_inner()).await)
    }

    async fn upsert_return_context(
        &self,
        request: Request<pb::UpsertReturnContextRequest>,
    ) -> Result<Response<pb::UpsertReturnContextResponse>, Status> {
        answer(self.save_return(request.into_inner()).await)
    }

    async fn record_milestones(
        &self,
        request: Request<pb::RecordMilestonesRequest>,
    ) -> Result<Response<pb::RecordMilestonesResponse>, Status> {
        answer(self.record(request.into_inner()).await)
    }

    async fn link_case(&self, request: Request<pb::LinkCaseRequest>) -> Result<Response<pb::LinkCaseResponse>, Status> {
        answer(self.link(request.into_inner()).await)
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Result<Response<pb::GetCaseResponse>, Status> {
        answer(self.find_case(request.into_inner()).await)
    }

    async fn poll_cases(
        &self,
        request: Request<pb::PollCasesRequest>,
    ) -> Result<Response<pb::PollCasesResponse>, Status> {
        answer(self.changed_cases(request.into_inner()).await)
    }

    async fn record_availability(
        &self,
        request: Request<pb::RecordAvailabilityRequest>,
    ) -> Result<Response<pb::RecordAvailabilityResponse>, Status> {
        answer(self.save_availability(request.into_inner()).await)
    }

    async fn list_availability(
        &self,
        request: Request<pb::ListAvailabilityRequest>,
    ) -> Result<Response<pb::ListAvailabilityResponse>, Status> {
        answer(self.find_availability(request.into_inner()).await)
    }
}

fn answer<T>(done: Result<T, Error>) -> Result<Response<T>, Status> {
    done.map(Response::new).map_err(|err| fault::status(DOMAIN, &err))
}
