//! gRPC in: parse, call, render.

use retail_flow::MESH;
use retail_proto::cases::v1 as pb;
use retail_proto::cases::v1::cases_service_server::CasesService;
use retail_runtime::fault;
use retail_store::Store;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, async_trait};

use crate::context::Contexts;
use crate::fault::Error;
use crate::linking::Linking;
use crate::lists;
use crate::seeds::Seeker;

const DOMAIN: &str = "cases.retail";
/// Says that an answer is the first one of a repeated request.
const REPLAYED: &str = "x-idempotency-replayed";
/// Who calls, as the edge has verified.
const PRINCIPAL: &str = "x-principal";

/// The service's face.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) contexts: Contexts,
    pub(crate) seeker: Seeker,
    pub(crate) linking: Linking,
}

fn status(error: Error) -> Status {
    fault::status(DOMAIN, &error)
}

#[async_trait]
impl CasesService for Api {
    async fn get_context(
        &self,
        request: Request<pb::GetContextRequest>,
    ) -> Result<Response<pb::GetContextResponse>, Status> {
        let context = Box::pin(self.contexts.get(request.get_ref())).await.map_err(status)?;
        Ok(Response::new(pb::GetContextResponse { context: Some(context) }))
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Result<Response<pb::GetCaseResponse>, Status> {
        let id = &request.get_ref().case_id;
        let found = self.seeker.cases_with_id(id).await.map_err(|error| status(error.into()))?;
        let case = found.first().ok_or_else(|| status(Error::NoSuchCase(id.clone())))?;
        Ok(Response::new(pb::GetCaseResponse { linked_case: Some(case.shown()) }))
    }

    async fn list_cases(
        &self,
        request: Request<pb::ListCasesRequest>,
    ) -> Result<Response<pb::ListCasesResponse>, Status> {
        Ok(Response::new(lists::list(&self.store, request.get_ref()).await.map_err(status)?))
    }

    async fn link_case(&self, request: Request<pb::LinkCaseRequest>) -> Result<Response<pb::LinkCaseResponse>, Status> {
        let principal = request.metadata().get(PRINCIPAL).and_then(|value| value.to_str().ok()).unwrap_or(MESH);
        let (case, repeated) = self.linking.link(principal, request.get_ref()).await.map_err(status)?;
        let mut response = Response::new(pb::LinkCaseResponse { linked_case: Some(case.shown()) });
        if repeated {
            response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
        }
        Ok(response)
    }
}
