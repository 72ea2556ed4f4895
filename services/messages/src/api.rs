//! gRPC in: parse, call, render.

use retail_flow::MESH;
use retail_proto::messages::v1 as pb;
use retail_proto::messages::v1::messages_service_server::MessagesService;
use retail_runtime::fault;
use retail_store::Store;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, async_trait};

use crate::fault::Error;
use crate::lists;
use crate::requests::Requests;

const DOMAIN: &str = "messages.retail";
/// Says that an answer is the first one of a repeated request.
const REPLAYED: &str = "x-idempotency-replayed";
/// Who calls, as the edge has verified.
const PRINCIPAL: &str = "x-principal";

/// The service's face.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) requests: Requests,
}

fn status(error: Error) -> Status {
    fault::status(DOMAIN, &error)
}

fn principal<T>(request: &Request<T>) -> String {
    let named = request.metadata().get(PRINCIPAL).and_then(|value| value.to_str().ok());
    named.unwrap_or(MESH).to_owned()
}

fn answer<T>(message: T, repeated: bool) -> Response<T> {
    let mut response = Response::new(message);
    if repeated {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
    response
}

#[async_trait]
impl MessagesService for Api {
    async fn get_message(
        &self,
        request: Request<pb::GetMessageRequest>,
    ) -> Result<Response<pb::GetMessageResponse>, Status> {
        let message = self.requests.get(&request.get_ref().message_id).await.map_err(status)?;
        Ok(Response::new(pb::GetMessageResponse { message: Some(message) }))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        Ok(Response::new(lists::list(&self.store, request.get_ref()).await.map_err(status)?))
    }

    async fn resend_message(
        &self,
        request: Request<pb::ResendMessageRequest>,
    ) -> Result<Response<pb::ResendMessageResponse>, Status> {
        let resent = self.requests.resend(&principal(&request), request.get_ref()).await;
        let (message, repeated) = resent.map_err(status)?;
        Ok(answer(pb::ResendMessageResponse { message: Some(message) }, repeated))
    }

    async fn cancel_message(
        &self,
        request: Request<pb::CancelMessageRequest>,
    ) -> Result<Response<pb::CancelMessageResponse>, Status> {
        let cancelled = self.requests.cancel(&principal(&request), request.get_ref()).await;
        let (message, repeated) = cancelled.map_err(status)?;
        Ok(answer(pb::CancelMessageResponse { message: Some(message) }, repeated))
    }
}
