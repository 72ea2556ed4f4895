//! Stock over gRPC: parse, call, render.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use retail_flow::page;
use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::inventory_service_server::InventoryService;
use retail_runtime::{Clock, Ids, Runtime, fault};
use retail_store::{IndexQuery, Store};
use tonic::{Request, Response, Status};

use crate::adjustment::Adjustment;
use crate::books::{Books, Counting, Verdict};
use crate::fault::Error;
use crate::holding::{Held, Holding, Wish};
use crate::keys::stock_id;
use crate::reference::{Reference, SIDE_BY_SIDE};
use crate::render::{done, merged, refused};
use crate::reservation::Lacking;
use crate::stock::{Counter, Stock};
use crate::watch::watch;
use crate::{parse, site};

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
    pub(crate) reference: Reference,
    /// The default location.
    pub(crate) home: Arc<str>,
    /// How long a promise lasts unless said.
    pub(crate) ttl: Duration,
    /// True when items have an owner, so that an unknown code is a mistake.
    pub(crate) owned: bool,
}

impl Api {
    async fn reserve(&self, wish: &Wish) -> Result<pb::ReserveStockResponse, Error> {
        let unknown = self.unknown_lines(wish).await?;
        if !unknown.is_empty() {
            return Ok(lacking("UNKNOWN_ITEM", "nobody knows these items", unknown));
        }
        Ok(match self.holding.reserve(wish).await? {
            Held::Parts(parts) => {
                pb::ReserveStockResponse { outcome: Some(done()), reservation: Some(merged(&parts)), lacking: vec![] }
            }
            Held::Lacking(lines) => lacking("INSUFFICIENT_STOCK", "not everything is in stock", lines),
        })
    }

    async fn unknown_lines(&self, wish: &Wish) -> Result<Vec<Lacking>, Error> {
        let lines = || wish.lines.values().flatten();
        let unknown = self.unknown(lines().map(|(_, sku, _)| sku.clone()).collect()).await?;
        let unknown = lines().filter(|(_, sku, _)| unknown.contains(sku));
        Ok(unknown
            .map(|(line_id, sku, quantity)| Lacking {
                line_id: line_id.clone(),
                sku: sku.clone(),
                quantity: *quantity,
                available: Quantity::ZERO,
            })
            .collect())
    }

    async fn unknown(&self, skus: BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        if self.owned { self.reference.unknown(skus).await } else { Ok(BTreeSet::new()) }
    }

    pub(crate) async fn availability(
        &self,
        skus: BTreeSet<String>,
        location: &str,
    ) -> Result<Vec<pb::Availability>, Error> {
        let locations =
            if location.is_empty() { self.reference.catalogue().await?.codes() } else { vec![location.to_owned()] };
        let ids: Vec<String> =
            skus.iter().flat_map(|sku| locations.iter().map(move |location| stock_id(location, sku))).collect();
        self.rows(ids).await
    }

    async fn rows(&self, ids: Vec<String>) -> Result<Vec<pb::Availability>, Error> {
        let rows = stream::iter(ids).map(|id| async move { self.store.read::<Stock>(&id).await });
        let rows: Vec<_> = rows.buffered(SIDE_BY_SIDE).try_collect().await?;
        Ok(rows.into_iter().flatten().map(|row| pb::Availability::from(&row.doc)).collect())
    }

    async fn adjust(&self, request: &pb::AdjustStockRequest) -> Result<pb::AdjustStockResponse, Error> {
        let adjust = parse::adjust(request, &self.home, self.clock.now())?;
        let known = self.unknown([adjust.sku.clone()].into()).await?.is_empty();
        if !known {
            return Err(Error::UnknownItem(adjust.sku));
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
        let arrival = parse::receive(request, &self.home, self.clock.now())?;
        let unknown = self.unknown(arrival.lines.iter().map(|(sku, _)| sku.clone()).collect()).await?;
        if !unknown.is_empty() {
            return Err(Error::UnknownItem(unknown.into_iter().collect::<Vec<_>>().join(", ")));
        }
        self.must_know(&arrival.receipt.location).await?;
        let receipt = self.books.receive(arrival).await?;
        Ok(pb::ReceiveStockResponse { availability: receipt.stock.iter().map(pb::Availability::from).collect() })
    }

    async fn count(&self, request: &pb::CountStockRequest) -> Result<Vec<pb::CountOutcome>, Error> {
        let (as_of, rows) = parse::count(request, &self.home, self.clock.now())?;
        let unknown = self.unknown(rows.iter().map(|row| row.sku.clone()).collect()).await?;
        let known_places: BTreeSet<String> = self.reference.catalogue().await?.codes().into_iter().collect();
        let no_place = |location: &String| self.owned && !known_places.contains(location);
        if !self.owned {
            for location in rows.iter().map(|row| &row.location).collect::<BTreeSet<_>>() {
                self.must_know(location).await?;
            }
        }
        let good: Vec<_> =
            rows.iter().filter(|row| !unknown.contains(&row.sku) && !no_place(&row.location)).cloned().collect();
        let counting = Counting { authority: request.authority.clone(), counter: Counter::Shelf, as_of };
        let mut verdicts = self.books.count(&counting, &good).await?.into_iter();
        let outcome = |row: &crate::books::Count| {
            if unknown.contains(&row.sku) {
                return refused("UNKNOWN_ITEM", format!("no item {}", row.sku));
            }
            if no_place(&row.location) {
                return refused("UNKNOWN_LOCATION", format!("no location {}", row.location));
            }
            match verdicts.next() {
                Some(Verdict::Taken) => done(),
                Some(Verdict::Stale | Verdict::Unsettled) | None => {
                    refused("STALE_COUNT", "a newer count of this item is known; nothing was changed")
                }
            }
        };
        let mut outcome = outcome;
        Ok(rows
            .iter()
            .map(|row| pb::CountOutcome {
                sku: row.sku.clone(),
                location: row.location.clone(),
                outcome: Some(outcome(row)),
            })
            .collect())
    }

    /// With an owner, a location must be one of its; without, a new one is remembered.
    async fn must_know(&self, location: &str) -> Result<(), Error> {
        if self.reference.catalogue().await?.codes().iter().any(|code| code == location) {
            return Ok(());
        }
        if self.owned {
            return Err(Error::UnknownLocation(location.to_owned()));
        }
        let place = crate::catalogue::Place { code: location.to_owned(), ..Default::default() };
        self.reference.put_places(vec![place]).await
    }

    async fn shortfalls(&self, request: &pb::ListShortfallsRequest) -> Result<pb::ListShortfallsResponse, Error> {
        let (limit, after) = parse::page(request.page_size, &request.page_token)?;
        let query = IndexQuery { name: site::SHORTFALLS.to_owned(), prefix: vec![], after, limit };
        let entries = self.store.list(&query).await?;
        let rows = self.rows(entries.iter().map(|entry| entry.key.id().to_owned()).collect()).await?;
        Ok(pb::ListShortfallsResponse { rows, next_page_token: page::next(&entries, limit) })
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
        Ok(Response::new(self.reserve(&wish).await.map_err(status)?))
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
        Ok(Response::new(pb::GetReservationResponse { reservation: Some(merged(&parts)) }))
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
}
