//! Customers over gRPC: parse, call, render.

use prost::Message as _;
use retail_flow::Asked;
use retail_proto::customers::v1 as pb;
use retail_proto::customers::v1::customers_service_server::CustomersService;
use retail_runtime::fault::{self, BadShape};
use tonic::{Request, Response, Status};

use crate::consent::history;
use crate::fault::Error;
use crate::parse;
use crate::people::People;

/// Name of the domain in errors.
const DOMAIN: &str = "customers.retail";
/// Who calls, as the edge has verified.
const PRINCIPAL: &str = "x-principal";
/// Callers inside the mesh, as the audit names them. Their keys are claimed like anybody's: after a merge the same fact may
/// concern another customer, in another partition.
const INSIDE: &str = "the mesh";

/// The customers service.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) people: People,
}

fn status(error: impl Into<Error>) -> Status {
    fault::status(DOMAIN, &error.into())
}

fn shape(bad: BadShape) -> Status {
    status(bad)
}

fn principal<T>(request: &Request<T>) -> String {
    let named = request.metadata().get(PRINCIPAL).and_then(|value| value.to_str().ok());
    named.unwrap_or(INSIDE).to_owned()
}

#[tonic::async_trait]
impl CustomersService for Api {
    async fn resolve_customer(
        &self,
        request: Request<pb::ResolveCustomerRequest>,
    ) -> Result<Response<pb::ResolveCustomerResponse>, Status> {
        let (keys, sighting) = parse::resolve(request.into_inner()).map_err(shape)?;
        let resolved = self.people.resolve(keys, sighting).await.map_err(status)?;
        Ok(Response::new(pb::ResolveCustomerResponse {
            customer: Some((&resolved.customer).into()),
            created: resolved.created,
            merge_candidates: resolved.others,
        }))
    }

    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let id = request.into_inner().customer_id;
        parse::one("customer_id", &id).map_err(shape)?;
        let customer = self.people.get(&id).await.map_err(status)?;
        Ok(Response::new(pb::GetCustomerResponse { customer: Some((&customer).into()) }))
    }

    async fn update_customer(
        &self,
        request: Request<pb::UpdateCustomerRequest>,
    ) -> Result<Response<pb::UpdateCustomerResponse>, Status> {
        let (who, request) = (principal(&request), request.into_inner());
        let profile = parse::update(&request).map_err(shape)?;
        let asked = Asked::new(&who, "UpdateCustomer", &request.idempotency_key, request.encode_to_vec());
        let customer = self.people.update(&request.customer_id, asked, profile).await.map_err(status)?;
        Ok(Response::new(pb::UpdateCustomerResponse { customer: Some(customer) }))
    }

    async fn ensure_reference(
        &self,
        request: Request<pb::EnsureReferenceRequest>,
    ) -> Result<Response<pb::EnsureReferenceResponse>, Status> {
        let request = request.into_inner();
        let kind = parse::ensure(&request).map_err(shape)?;
        let record = self.people.reference(&request.customer_id, kind, &request.instance).await.map_err(status)?;
        Ok(Response::new(pb::EnsureReferenceResponse { r#ref: Some(record) }))
    }

    async fn find_customers(
        &self,
        request: Request<pb::FindCustomersRequest>,
    ) -> Result<Response<pb::FindCustomersResponse>, Status> {
        let sought = parse::find(request.into_inner()).map_err(shape)?;
        let found = self.people.find(&sought).await.map_err(status)?;
        Ok(Response::new(pb::FindCustomersResponse { customers: found.iter().map(Into::into).collect() }))
    }

    async fn sync_customer(
        &self,
        request: Request<pb::SyncCustomerRequest>,
    ) -> Result<Response<pb::SyncCustomerResponse>, Status> {
        let (who, request) = (principal(&request), request.into_inner());
        let asked = Asked::new(&who, "SyncCustomer", &request.idempotency_key, request.encode_to_vec());
        let (key, weaker, said) = parse::sync(request, self.people.clock.now()).map_err(shape)?;
        let answer = self.people.sync(&asked, key, weaker, said).await.map_err(status)?;
        Ok(Response::new(answer))
    }

    async fn merge_customers(
        &self,
        request: Request<pb::MergeCustomersRequest>,
    ) -> Result<Response<pb::MergeCustomersResponse>, Status> {
        let (who, request) = (principal(&request), request.into_inner());
        let (survivor, merged) = (&*request.survivor_id, &*request.merged_id);
        let ids = [("survivor_id", survivor), ("merged_id", merged)];
        parse::pair(&request.idempotency_key, ids, &request.note).map_err(shape)?;
        let asked = Asked::new(&who, "MergeCustomers", &request.idempotency_key, request.encode_to_vec());
        let customer = self.people.joining.merge(&asked, survivor, merged, &request.note).await.map_err(status)?;
        Ok(Response::new(pb::MergeCustomersResponse { customer: Some((&customer).into()) }))
    }

    async fn unmerge_customers(
        &self,
        request: Request<pb::UnmergeCustomersRequest>,
    ) -> Result<Response<pb::UnmergeCustomersResponse>, Status> {
        let (who, request) = (principal(&request), request.into_inner());
        let (survivor, merged) = (&*request.survivor_id, &*request.merged_id);
        let ids = [("survivor_id", survivor), ("merged_id", merged)];
        parse::pair(&request.idempotency_key, ids, &request.note).map_err(shape)?;
        let asked = Asked::new(&who, "UnmergeCustomers", &request.idempotency_key, request.encode_to_vec());
        let joining = &self.people.joining;
        let (survivor, restored) = joining.unmerge(&asked, survivor, merged, &request.note).await.map_err(status)?;
        let (survivor, restored) = (Some((&survivor).into()), Some((&restored).into()));
        Ok(Response::new(pb::UnmergeCustomersResponse { survivor, restored }))
    }

    async fn list_merge_candidates(
        &self,
        request: Request<pb::ListMergeCandidatesRequest>,
    ) -> Result<Response<pb::ListMergeCandidatesResponse>, Status> {
        let (candidates, next_page_token) = self.people.candidates(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::ListMergeCandidatesResponse { candidates, next_page_token }))
    }

    async fn dismiss_merge_candidate(
        &self,
        request: Request<pb::DismissMergeCandidateRequest>,
    ) -> Result<Response<pb::DismissMergeCandidateResponse>, Status> {
        let (who, request) = (principal(&request), request.into_inner());
        let (one, other) = (&*request.customer_id, &*request.other_id);
        let ids = [("customer_id", one), ("other_id", other)];
        parse::pair(&request.idempotency_key, ids, &request.note).map_err(shape)?;
        let asked = Asked::new(&who, "DismissMergeCandidate", &request.idempotency_key, request.encode_to_vec());
        self.people.dismiss(&asked, one, other, &request.note).await.map_err(status)?;
        Ok(Response::new(pb::DismissMergeCandidateResponse {}))
    }

    async fn record_consent(
        &self,
        request: Request<pb::RecordConsentRequest>,
    ) -> Result<Response<pb::RecordConsentResponse>, Status> {
        let (who, request) = (principal(&request), request.into_inner());
        let (id, content) = (request.customer_id.clone(), request.encode_to_vec());
        let asked = Asked::new(&who, "RecordConsent", &request.idempotency_key, content);
        let decision = parse::consent(request, self.people.clock.now()).map_err(shape)?;
        let customer = self.people.consent(&id, asked, decision).await.map_err(status)?;
        Ok(Response::new(pb::RecordConsentResponse { customer: Some(customer) }))
    }

    async fn list_consents(
        &self,
        request: Request<pb::ListConsentsRequest>,
    ) -> Result<Response<pb::ListConsentsResponse>, Status> {
        let id = request.into_inner().customer_id;
        parse::one("customer_id", &id).map_err(shape)?;
        let customer = self.people.get(&id).await.map_err(status)?;
        let consents = history(customer.decisions()).into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListConsentsResponse { consents }))
    }
}
