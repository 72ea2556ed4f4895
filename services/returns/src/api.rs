//! gRPC in: parse, call, render.

use retail_flow::MESH;
use retail_proto::returns::v1 as pb;
use retail_proto::returns::v1::returns_service_server::ReturnsService;
use retail_runtime::{Runtime, fault};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, async_trait};

use crate::fault::Error;
use crate::record::Return;
use crate::returns::Returns;

const DOMAIN: &str = "returns.retail";
/// Says that an answer is the first one of a repeated request.
const REPLAYED: &str = "x-idempotency-replayed";
/// Who calls, as the edge has verified.
const PRINCIPAL: &str = "x-principal";

/// The service's face.
#[derive(Clone)]
pub(crate) struct Api {
    runtime: Runtime,
    returns: Returns,
}

impl Api {
    /// A face over these returns.
    #[must_use]
    pub(crate) fn new(runtime: &Runtime, returns: Returns) -> Self {
        Self { runtime: runtime.clone(), returns }
    }

    async fn watch(&self, id: String, to: mpsc::Sender<Result<pb::WatchReturnResponse, Status>>) {
        let mut changed = self.returns.store().changed(self.returns.store().partition_of(&id));
        let stopping = self.runtime.stopping();
        let mut shown_version = 0;
        loop {
            match self.returns.get(&id).await {
                Ok(record) if record.version > shown_version => {
                    shown_version = record.version;
                    let over = record.is_over();
                    let message = pb::WatchReturnResponse { return_record: shown(&record) };
                    if to.send(Ok(message)).await.is_err() || over {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    // A reader that has left needs no reason.
                    let _left = to.send(Err(status(&error))).await;
                    return;
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = to.closed() => return,
                () = changed.wait() => {}
                () = self.runtime.clock().sleep(std::time::Duration::from_secs(1)) => {}
            }
        }
    }
}

fn status(error: &Error) -> Status {
    fault::status(DOMAIN, error)
}

fn principal<T>(request: &Request<T>) -> String {
    let named = request.metadata().get(PRINCIPAL).and_then(|value| value.to_str().ok());
    named.unwrap_or(MESH).to_owned()
}

fn shown(record: &Return) -> Option<pb::Return> {
    Some(record.into())
}

/// What every change answers: the return after it, and whether the request was a repeat.
fn answer<T>(
    changed: Result<(Return, bool), Error>,
    message: impl FnOnce(Option<pb::Return>) -> T,
) -> Result<Response<T>, Status> {
    let (record, repeated) = changed.map_err(|error| status(&error))?;
    let mut response = Response::new(message(shown(&record)));
    if repeated {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
    Ok(response)
}

#[async_trait]
impl ReturnsService for Api {
    async fn check_eligibility(
        &self,
        request: Request<pb::CheckEligibilityRequest>,
    ) -> Result<Response<pb::CheckEligibilityResponse>, Status> {
        let lines = self.returns.check(request.get_ref()).await.map_err(|error| status(&error))?;
        Ok(Response::new(pb::CheckEligibilityResponse { lines }))
    }

    async fn start_return(
        &self,
        request: Request<pb::StartReturnRequest>,
    ) -> Result<Response<pb::StartReturnResponse>, Status> {
        let started = self.returns.start(&principal(&request), request.get_ref()).await;
        answer(started, |return_record| pb::StartReturnResponse { return_record })
    }

    async fn get_return(
        &self,
        request: Request<pb::GetReturnRequest>,
    ) -> Result<Response<pb::GetReturnResponse>, Status> {
        let record = self.returns.get(&request.get_ref().return_id).await.map_err(|error| status(&error))?;
        Ok(Response::new(pb::GetReturnResponse { return_record: shown(&record) }))
    }

    async fn list_returns(
        &self,
        request: Request<pb::ListReturnsRequest>,
    ) -> Result<Response<pb::ListReturnsResponse>, Status> {
        let (returns, next_page_token) = self.returns.list(request.get_ref()).await.map_err(|error| status(&error))?;
        let returns = returns.iter().map(Into::into).collect();
        Ok(Response::new(pb::ListReturnsResponse { returns, next_page_token }))
    }

    async fn watch_return(
        &self,
        request: Request<pb::WatchReturnRequest>,
    ) -> Result<Response<tonic::codegen::BoxStream<pb::WatchReturnResponse>>, Status> {
        let id = request.into_inner().return_id;
        self.returns.get(&id).await.map_err(|error| status(&error))?;
        let (to, stream) = mpsc::channel(4);
        let api = self.clone();
        self.runtime.spawn("returns.watch", async move { api.watch(id, to).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn receive_return(
        &self,
        request: Request<pb::ReceiveReturnRequest>,
    ) -> Result<Response<pb::ReceiveReturnResponse>, Status> {
        let received = self.returns.receive(&principal(&request), request.get_ref()).await;
        answer(received, |return_record| pb::ReceiveReturnResponse { return_record })
    }

    async fn close_return(
        &self,
        request: Request<pb::CloseReturnRequest>,
    ) -> Result<Response<pb::CloseReturnResponse>, Status> {
        let closed = self.returns.close(&principal(&request), request.get_ref()).await;
        answer(closed, |return_record| pb::CloseReturnResponse { return_record })
    }

    async fn cancel_return(
        &self,
        request: Request<pb::CancelReturnRequest>,
    ) -> Result<Response<pb::CancelReturnResponse>, Status> {
        let cancelled = self.returns.cancel(&principal(&request), request.get_ref()).await;
        answer(cancelled, |return_record| pb::CancelReturnResponse { return_record })
    }

    async fn resolve_exception(
        &self,
        request: Request<pb::ResolveExceptionRequest>,
    ) -> Result<Response<pb::ResolveExceptionResponse>, Status> {
        let resolved = self.returns.resolve(&principal(&request), request.get_ref()).await;
        answer(resolved, |return_record| pb::ResolveExceptionResponse { return_record })
    }

    async fn resume_return(
        &self,
        request: Request<pb::ResumeReturnRequest>,
    ) -> Result<Response<pb::ResumeReturnResponse>, Status> {
        let resumed = self.returns.resume(&principal(&request), request.get_ref()).await;
        answer(resumed, |return_record| pb::ResumeReturnResponse { return_record })
    }

    async fn take_refund(
        &self,
        request: Request<pb::TakeRefundRequest>,
    ) -> Result<Response<pb::TakeRefundResponse>, Status> {
        let taken = self.returns.take_refund(&principal(&request), request.get_ref()).await;
        let return_id = taken.map_err(|error| status(&error))?;
        Ok(Response::new(pb::TakeRefundResponse { return_id }))
    }
}
