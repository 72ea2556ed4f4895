//! Stock over gRPC: parse, call, render.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::inventory_service_server::InventoryService;
use retail_runtime::fault::Fault as _;
use retail_runtime::{Clock, Ids, Runtime, fault};
use retail_store::Store;
use tonic::{Request, Response, Status, Streaming};

use crate::acting::Acting;
use crate::adjustment::Adjustment;
use crate::books::{Books, Count, Counting, Verdict};
use crate::catalogue::Item;
use crate::door::{self, Items};
use crate::expecting::Expecting;
use crate::fault::Error;
use crate::feed_api::feed;
use crate::feeding::Feeding;
use crate::holding::{Held, Holding, Wish};
use crate::moving::Moving;
use crate::parse;
use crate::reference::Reference;
use crate::render::{done, merged, not_there, refused};
use crate::reservation::Lacking;
use crate::stock::Counter;
use crate::watch::watch;

/// Name of the domain in errors.
pub(crate) const DOMAIN: &str = "inventory.retail";

/// The inventory service.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) holding: Holding,
    pub(crate) books: Books,
    pub(crate) feeding: Feeding,
    pub(crate) expecting: Expecting,
    pub(crate) moving: Moving,
    pub(crate) acting: Acting,
    pub(crate) reference: Reference,
    /// The default location.
    pub(crate) home: Arc<str>,
    /// How long a promise lasts unless said.
    pub(crate) ttl: Duration,
    /// True when items have an owner, so that an unknown code is a mistake.
    pub(crate) owned: bool,
}

impl Api {
    async fn reserve(&self, mut wish: Wish) -> Result<pb::ReserveStockResponse, Error> {
        let items = self.reference.items(wish.lines.values().flatten().map(|ask| ask.sku.clone()).collect()).await?;
        let unknown = if self.owned { door::unknown(&wish, &items) } else { vec![] };
        if !unknown.is_empty() {
            return Ok(lacking("UNKNOWN_ITEM", "nobody knows these items", unknown));
        }
        door::settle(&mut wish, &items)?;
        Ok(match self.holding.reserve(&wish).await? {
            Held::Parts(parts) => pb::ReserveStockResponse {
                outcome: Some(done()),
                reservation: Some(self.dated(&parts).await?),
                lacking: vec![],
            },
            Held::Lacking(lines) => lacking("INSUFFICIENT_STOCK", &not_there(&lines), lines),
        })
    }

    /// The items of these codes; one that nobody knows is a mistake when items have an owner.
    pub(crate) async fn items(&self, skus: BTreeSet<String>) -> Result<Items, Error> {
        let items = self.reference.items(skus.clone()).await?;
        let unknown: Vec<String> = skus.into_iter().filter(|sku| !items.contains_key(sku)).collect();
        if self.owned && !unknown.is_empty() {
            return Err(Error::UnknownItem(unknown.join(", ")));
        }
        Ok(items)
    }

    async fn adjust(&self, request: &pb::AdjustStockRequest) -> Result<pb::AdjustStockResponse, Error> {
        let adjust = parse::adjust(request, &self.home, self.clock.now())?;
        let items = self.items([adjust.sku.clone()].into()).await?;
        if items.values().any(Item::is_kit) {
            return Err(Error::KitHasNoStock(adjust.sku));
        }
        self.must_know(&adjust.location).await?;
        let wish = Adjustment {
            id: Ids::derived("weft.adjustment", &[&request.idempotency_key]).to_string(),
            sku: adjust.sku,
            location: adjust.location,
            quantity: adjust.quantity.millionths(),
            reason: request.reason.clone(),
            reference: request.reference.clone(),
            happened_at: adjust.happened_at.as_millisecond(),
            ..Adjustment::default()
        };
        let adjusted = self.books.adjust(&request.idempotency_key, wish).await?;
        let availability = adjusted.stock.as_ref().map(pb::Availability::from);
        Ok(pb::AdjustStockResponse { adjustment_id: adjusted.id, availability })
    }

    async fn receive(&self, request: &pb::ReceiveStockRequest) -> Result<pb::ReceiveStockResponse, Error> {
        let mut arrival = parse::receive(request, &self.home, self.clock.now())?;
        let items = self.items(arrival.lines.iter().map(|(sku, _)| sku.clone()).collect()).await?;
        arrival.lines = door::taken_apart(arrival.lines, &items)?;
        self.must_know(&arrival.receipt.location).await?;
        let receipt = self.books.receive(arrival).await?;
        Ok(pb::ReceiveStockResponse { availability: receipt.stock.iter().map(pb::Availability::from).collect() })
    }

    async fn count(&self, request: &pb::CountStockRequest) -> Result<Vec<pb::CountOutcome>, Error> {
        let (as_of, rows) = parse::count(request, &self.home, self.clock.now())?;
        let items = self.reference.items(rows.iter().map(|(row, _)| row.sku.clone()).collect()).await?;
        let places: BTreeSet<String> = self.reference.catalogue().await?.codes().into_iter().collect();
        if !self.owned {
            for location in rows.iter().map(|(row, _)| &row.location).collect::<BTreeSet<_>>() {
                self.must_know(location).await?;
            }
        }
        let judged: Vec<Result<Count, Error>> = rows
            .iter()
            .map(|(row, unit)| {
                if self.owned && !items.contains_key(&row.sku) {
                    return Err(Error::UnknownItem(row.sku.clone()));
                }
                if self.owned && !places.contains(&row.location) {
                    return Err(Error::UnknownLocation(row.location.clone()));
                }
                door::counted(row, unit, &items)
            })
            .collect();
        let good: Vec<Count> = judged.iter().flatten().cloned().collect();
        let counting = Counting { authority: request.authority.clone(), counter: Counter::Shelf, as_of };
        let mut verdicts = self.books.count(&counting, &good).await?.into_iter();
        let mut outcome = |judged: &Result<Count, Error>| match judged {
            Err(error) => refused(error.reason(), error.to_string()),
            Ok(_) => match verdicts.next() {
                Some(Verdict::Taken) => done(),
                Some(Verdict::Stale | Verdict::Unsettled) | None => {
                    refused("STALE_COUNT", "a newer count of this item is known; nothing was changed")
                }
            },
        };
        Ok(rows
            .iter()
            .zip(&judged)
            .map(|((row, _), judged)| pb::CountOutcome {
                sku: row.sku.clone(),
                location: row.location.clone(),
                outcome: Some(outcome(judged)),
            })
            .collect())
    }

    /// With an owner, a location must be one of its; without, a new one is remembered.
    pub(crate) async fn must_know(&self, location: &str) -> Result<(), Error> {
        if self.reference.catalogue().await?.codes().iter().any(|code| code == location) {
            return Ok(());
        }
        if self.owned {
            return Err(Error::UnknownLocation(location.to_owned()));
        }
        let place = crate::catalogue::Place { code: location.to_owned(), ..Default::default() };
        self.reference.put_places(vec![place]).await
    }
}

fn lacking(reason: &str, message: &str, lines: Vec<Lacking>) -> pb::ReserveStockResponse {
    pb::ReserveStockResponse {
        outcome: Some(refused(reason, message)),
        reservation: None,
        lacking: lines.into_iter().map(Into::into).collect(),
    }
}

/// The only way an error of ours leaves.
pub(crate) fn status(error: Error) -> Status {
    fault::status(DOMAIN, &error)
}

#[tonic::async_trait]
impl InventoryService for Api {
    async fn get_availability(
        &self,
        request: Request<pb::GetAvailabilityRequest>,
    ) -> Result<Response<pb::GetAvailabilityResponse>, Status> {
        let request = request.into_inner();
        let skus = parse::availability(&request).map_err(|bad| status(bad.into()))?;
        let rows = self.availability(skus, &request.location).await.map_err(status)?;
        Ok(Response::new(pb::GetAvailabilityResponse { rows }))
    }

    async fn watch_availability(
        &self,
        request: Request<pb::WatchAvailabilityRequest>,
    ) -> Result<Response<tonic::codegen::BoxStream<pb::WatchAvailabilityResponse>>, Status> {
        let pb::WatchAvailabilityRequest { skus, location } = request.into_inner();
        let asked = pb::GetAvailabilityRequest { skus, location };
        let skus = parse::availability(&asked).map_err(|bad| status(bad.into()))?;
        Ok(Response::new(Box::pin(watch(self, &self.runtime, skus, asked.location))))
    }

    async fn reserve_stock(
        &self,
        request: Request<pb::ReserveStockRequest>,
    ) -> Result<Response<pb::ReserveStockResponse>, Status> {
        let wish = parse::reserve(request.get_ref(), &self.home, self.ttl, self.clock.now());
        let wish = wish.map_err(|bad| status(bad.into()))?;
        Ok(Response::new(self.reserve(wish).await.map_err(status)?))
    }

    async fn confirm_reservation(
        &self,
        request: Request<pb::ConfirmReservationRequest>,
    ) -> Result<Response<pb::ConfirmReservationResponse>, Status> {
        let request = request.into_inner();
        parse::reservation(&request.reservation_id, Some(&request.idempotency_key))
            .map_err(|bad| status(bad.into()))?;
        let parts = self.holding.confirm(&request.reservation_id).await.map_err(status)?;
        Ok(Response::new(pb::ConfirmReservationResponse { reservation: Some(merged(&parts)) }))
    }

    async fn release_reservation(
        &self,
        request: Request<pb::ReleaseReservationRequest>,
    ) -> Result<Response<pb::ReleaseReservationResponse>, Status> {
        let request = request.into_inner();
        let lines = parse::release(&request).map_err(|bad| status(bad.into()))?;
        let id = &request.reservation_id;
        let released = if lines.is_empty() {
            self.holding.release(id).await
        } else {
            self.holding.release_lines(id, &request.idempotency_key, &lines).await
        };
        let parts = released.map_err(status)?;
        Ok(Response::new(pb::ReleaseReservationResponse { reservation: Some(merged(&parts)) }))
    }

    async fn consume_reservation(
        &self,
        request: Request<pb::ConsumeReservationRequest>,
    ) -> Result<Response<pb::ConsumeReservationResponse>, Status> {
        let request = request.into_inner();
        let lines = parse::consume(&request).map_err(|bad| status(bad.into()))?;
        let consumed = self.holding.consume(&request.reservation_id, &request.idempotency_key, &lines).await;
        let parts = consumed.map_err(status)?;
        Ok(Response::new(pb::ConsumeReservationResponse { reservation: Some(merged(&parts)) }))
    }

    async fn get_reservation(
        &self,
        request: Request<pb::GetReservationRequest>,
    ) -> Result<Response<pb::GetReservationResponse>, Status> {
        let request = request.into_inner();
        parse::reservation(&request.reservation_id, None).map_err(|bad| status(bad.into()))?;
        let parts = self.holding.parts(&request.reservation_id).await.map_err(status)?;
        let reservation = self.dated(&parts).await.map_err(status)?;
        Ok(Response::new(pb::GetReservationResponse { reservation: Some(reservation) }))
    }

    async fn adjust_stock(
        &self,
        request: Request<pb::AdjustStockRequest>,
    ) -> Result<Response<pb::AdjustStockResponse>, Status> {
        Ok(Response::new(self.adjust(request.get_ref()).await.map_err(status)?))
    }

    async fn receive_stock(
        &self,
        request: Request<pb::ReceiveStockRequest>,
    ) -> Result<Response<pb::ReceiveStockResponse>, Status> {
        Ok(Response::new(self.receive(request.get_ref()).await.map_err(status)?))
    }

    async fn count_stock(
        &self,
        request: Request<pb::CountStockRequest>,
    ) -> Result<Response<pb::CountStockResponse>, Status> {
        let outcomes = self.count(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::CountStockResponse { outcomes }))
    }

    async fn list_shortfalls(
        &self,
        request: Request<pb::ListShortfallsRequest>,
    ) -> Result<Response<pb::ListShortfallsResponse>, Status> {
        Ok(Response::new(self.shortfalls(request.get_ref()).await.map_err(status)?))
    }

    async fn feed_stock(
        &self,
        request: Request<Streaming<pb::FeedStockRequest>>,
    ) -> Result<Response<tonic::codegen::BoxStream<pb::FeedStockResponse>>, Status> {
        Ok(Response::new(Box::pin(feed(&self.feeding, &self.runtime, request.into_inner()))))
    }

    async fn get_stock_feed(
        &self,
        request: Request<pb::GetStockFeedRequest>,
    ) -> Result<Response<pb::GetStockFeedResponse>, Status> {
        Ok(Response::new(self.stock_feed(request.get_ref()).await.map_err(status)?))
    }

    async fn list_stock_feed_errors(
        &self,
        request: Request<pb::ListStockFeedErrorsRequest>,
    ) -> Result<Response<pb::ListStockFeedErrorsResponse>, Status> {
        Ok(Response::new(self.stock_feed_errors(request.get_ref()).await.map_err(status)?))
    }

    async fn expect_stock(
        &self,
        request: Request<pb::ExpectStockRequest>,
    ) -> Result<Response<pb::ExpectStockResponse>, Status> {
        Ok(Response::new(self.expect(request.get_ref()).await.map_err(status)?))
    }

    async fn receive_expected_stock(
        &self,
        request: Request<pb::ReceiveExpectedStockRequest>,
    ) -> Result<Response<pb::ReceiveExpectedStockResponse>, Status> {
        Ok(Response::new(self.receive_expected(request.get_ref()).await.map_err(status)?))
    }

    async fn cancel_expected_stock(
        &self,
        request: Request<pb::CancelExpectedStockRequest>,
    ) -> Result<Response<pb::CancelExpectedStockResponse>, Status> {
        Ok(Response::new(self.cancel_expected(request.get_ref()).await.map_err(status)?))
    }

    async fn list_expected_stock(
        &self,
        request: Request<pb::ListExpectedStockRequest>,
    ) -> Result<Response<pb::ListExpectedStockResponse>, Status> {
        Ok(Response::new(self.list_expected(request.get_ref()).await.map_err(status)?))
    }

    async fn transfer_stock(
        &self,
        request: Request<pb::TransferStockRequest>,
    ) -> Result<Response<pb::TransferStockResponse>, Status> {
        let transfer = self.plan_transfer(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::TransferStockResponse { transfer: Some(transfer) }))
    }

    async fn send_transfer(
        &self,
        request: Request<pb::SendTransferRequest>,
    ) -> Result<Response<pb::SendTransferResponse>, Status> {
        let transfer = self.say_sent(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::SendTransferResponse { transfer: Some(transfer) }))
    }

    async fn receive_transfer(
        &self,
        request: Request<pb::ReceiveTransferRequest>,
    ) -> Result<Response<pb::ReceiveTransferResponse>, Status> {
        let transfer = self.say_arrived(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::ReceiveTransferResponse { transfer: Some(transfer) }))
    }

    async fn cancel_transfer(
        &self,
        request: Request<pb::CancelTransferRequest>,
    ) -> Result<Response<pb::CancelTransferResponse>, Status> {
        let transfer = self.call_off(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::CancelTransferResponse { transfer: Some(transfer) }))
    }

    async fn get_transfer(
        &self,
        request: Request<pb::GetTransferRequest>,
    ) -> Result<Response<pb::GetTransferResponse>, Status> {
        let transfer = self.one_transfer(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::GetTransferResponse { transfer: Some(transfer) }))
    }

    async fn list_transfers(
        &self,
        request: Request<pb::ListTransfersRequest>,
    ) -> Result<Response<pb::ListTransfersResponse>, Status> {
        Ok(Response::new(self.open_transfers(request.get_ref()).await.map_err(status)?))
    }

    async fn act_on_shortfall(
        &self,
        request: Request<pb::ActOnShortfallRequest>,
    ) -> Result<Response<pb::ActOnShortfallResponse>, Status> {
        let action = self.act(request.get_ref()).await.map_err(status)?;
        Ok(Response::new(pb::ActOnShortfallResponse { action: Some(action) }))
    }

    async fn list_shortfall_actions(
        &self,
        request: Request<pb::ListShortfallActionsRequest>,
    ) -> Result<Response<pb::ListShortfallActionsResponse>, Status> {
        Ok(Response::new(self.shortfall_actions(request.get_ref()).await.map_err(status)?))
    }
}
