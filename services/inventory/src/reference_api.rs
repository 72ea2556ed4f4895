//! Reference data over gRPC: parse, call, render.

use std::sync::Arc;

use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::reference_service_server::ReferenceService;
use tonic::{Request, Response, Status};

use crate::api::status;
use crate::fault::Error;
use crate::parse;
use crate::reference::{Reference, code};
use crate::sync::Sync;

/// The reference service.
#[derive(Clone)]
pub(crate) struct ReferenceApi {
    pub(crate) reference: Reference,
    pub(crate) sync: Sync,
    /// The default location.
    pub(crate) home: Arc<str>,
    /// True when items have an owner, so that an unknown code is a mistake.
    pub(crate) owned: bool,
}

impl ReferenceApi {
    async fn locations(&self) -> Result<Vec<pb::Location>, Error> {
        let catalogue = self.reference.catalogue().await?;
        let places = catalogue.codes().into_iter().map(|code| {
            let known = catalogue.place(&code).cloned().unwrap_or_default();
            let default_location = *code == *self.home;
            pb::Location { code, name: known.name, refs: known.refs, default_location }
        });
        Ok(places.collect())
    }

    async fn sync_now(&self, request: &pb::SyncReferenceRequest) -> Result<pb::SyncReferenceResponse, Error> {
        parse::required("idempotency_key", &request.idempotency_key, "give a key that is the same at every repeat")?;
        let read = self.sync.read(request.include_stock).await?;
        let number = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(pb::SyncReferenceResponse {
            items: number(read.items),
            locations: number(read.places),
            stock_rows: number(read.stock_rows),
            unmatched: read.unmatched,
            expected: number(read.expected),
        })
    }
}

#[tonic::async_trait]
impl ReferenceService for ReferenceApi {
    async fn get_item(&self, request: Request<pb::GetItemRequest>) -> Result<Response<pb::GetItemResponse>, Status> {
        let sku = request.into_inner().sku;
        parse::required("sku", &sku, "give the item code").map_err(|bad| status(bad.into()))?;
        let item = self.reference.item(&sku).await.map_err(status)?;
        let item = item.ok_or_else(|| status(Error::UnknownItem(code(&sku))))?;
        Ok(Response::new(pb::GetItemResponse { item: Some(item.into()) }))
    }

    async fn resolve_items(
        &self,
        request: Request<pb::ResolveItemsRequest>,
    ) -> Result<Response<pb::ResolveItemsResponse>, Status> {
        let keys = parse::keys(request.into_inner()).map_err(|bad| status(bad.into()))?;
        let items = self.reference.resolve(keys).await.map_err(status)?;
        let items = items.into_iter().map(|item| pb::ResolvedItem { item: item.map(Into::into) }).collect();
        Ok(Response::new(pb::ResolveItemsResponse { items }))
    }

    async fn describe_item(
        &self,
        request: Request<pb::DescribeItemRequest>,
    ) -> Result<Response<pb::DescribeItemResponse>, Status> {
        let said = parse::describe::describe(request.get_ref()).map_err(|bad| status(bad.into()))?;
        let item = self.reference.describe(said, self.owned).await.map_err(status)?;
        Ok(Response::new(pb::DescribeItemResponse { item: Some(item.into()) }))
    }

    async fn list_locations(
        &self,
        _: Request<pb::ListLocationsRequest>,
    ) -> Result<Response<pb::ListLocationsResponse>, Status> {
        let locations = self.locations().await.map_err(status)?;
        Ok(Response::new(pb::ListLocationsResponse { locations }))
    }

    async fn sync_reference(
        &self,
        request: Request<pb::SyncReferenceRequest>,
    ) -> Result<Response<pb::SyncReferenceResponse>, Status> {
        Ok(Response::new(self.sync_now(request.get_ref()).await.map_err(status)?))
    }
}
