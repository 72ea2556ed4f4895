//! Inventory and its reference data, as strict as the real ones: a reservation is confirmed before it is consumed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::inventory_service_server::InventoryService;
use retail_proto::inventory::v1::reference_service_server::ReferenceService;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::harness::{Books, done, refusal};

#[derive(Default)]
pub(crate) struct Shelves {
    /// Item codes that nobody knows.
    pub(crate) unknown: BTreeSet<String>,
    /// Item codes of which nothing is there.
    pub(crate) lacking: BTreeSet<String>,
    /// What may be sold, by location and item. An item that stands nowhere here is there without end.
    pub(crate) rows: BTreeMap<(String, String), i64>,
    /// What becomes of a row after the next looks, one for each: somebody else is faster.
    pub(crate) snatched: VecDeque<((String, String), i64)>,
    /// What becomes of a row before the next looks, one for each.
    pub(crate) restocked: VecDeque<((String, String), i64)>,
    /// So many reservations are made and their answers lost.
    pub(crate) lost_answers: usize,
    /// Confirmations are answered as away while this is set.
    pub(crate) no_confirmations: bool,
    pub(crate) reservations: BTreeMap<String, pb::Reservation>,
    /// Shipments taken off: key, lines.
    pub(crate) consumed: BTreeMap<String, Vec<pb::ConsumeLine>>,
    /// What was called, in order.
    pub(crate) calls: Vec<&'static str>,
}

#[derive(Clone, Default)]
pub(crate) struct Stock {
    pub(crate) books: Books<Shelves>,
}

impl Stock {
    pub(crate) fn state(&self, order_id: &str) -> Option<pb::ReservationState> {
        self.books.open().reservations.get(order_id).map(pb::Reservation::state)
    }
}

fn turn(books: &mut Shelves, id: &str, state: pb::ReservationState) -> Result<pb::Reservation, Status> {
    let found = books.reservations.get_mut(id).ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_RESERVATION"))?;
    found.set_state(state);
    Ok(found.clone())
}

impl Shelves {
    /// How much of a line could not be promised, nor left where something is kept back.
    fn short(&self, line: &pb::ReserveLine) -> i64 {
        let row = self.rows.get(&(place(line), line.sku.clone())).copied();
        let there = if self.lacking.contains(&line.sku) { Some(0) } else { row };
        let kept = if line.keep_back.is_empty() { 0 } else { units(&line.keep_back) };
        there.map_or(0, |there| (units(&line.quantity) + kept - there).max(0))
    }
}

fn place(line: &pb::ReserveLine) -> String {
    if line.location.is_empty() { "MAIN".into() } else { line.location.clone() }
}

fn units(quantity: &str) -> i64 {
    quantity.parse().unwrap()
}

#[tonic::async_trait]
impl InventoryService for Stock {
    async fn get_availability(
        &self,
        request: Request<pb::GetAvailabilityRequest>,
    ) -> Result<Response<pb::GetAvailabilityResponse>, Status> {
        self.books.write(|books| {
            books.calls.push("look");
            let asked = request.into_inner().skus;
            if let Some((row, there)) = books.restocked.pop_front() {
                books.rows.insert(row, there);
            }
            let rows = books.rows.iter().filter(|((_, sku), _)| asked.contains(sku));
            let rows = rows.map(|((location, sku), there)| pb::Availability {
                sku: sku.clone(),
                location: location.clone(),
                available: there.to_string(),
                ..Default::default()
            });
            let rows = rows.collect();
            if let Some((row, there)) = books.snatched.pop_front() {
                books.rows.insert(row, there);
            }
            Ok(Response::new(pb::GetAvailabilityResponse { rows }))
        })
    }

    async fn reserve_stock(
        &self,
        request: Request<pb::ReserveStockRequest>,
    ) -> Result<Response<pb::ReserveStockResponse>, Status> {
        self.books.write(|books| {
            books.calls.push("reserve");
            let request = request.into_inner();
            let known = books.reservations.get(&request.reservation_id);
            if let Some(known) = known.filter(|known| known.state() == pb::ReservationState::Held) {
                if !known.lines.iter().map(|line| line.location.clone()).eq(request.lines.iter().map(place)) {
                    return Err(refusal(Class::Precondition, "RESERVATION_DIFFERS"));
                }
                let reservation = Some(known.clone());
                let answer = pb::ReserveStockResponse { outcome: done(), reservation, lacking: Vec::new() };
                return Ok(Response::new(answer));
            }
            let lacks = |line: &&pb::ReserveLine| !request.allow_shortfall && books.short(line) > 0;
            let lacking: Vec<_> = request
                .lines
                .iter()
                .filter(lacks)
                .map(|line| pb::LackingLine {
                    line_id: line.line_id.clone(),
                    sku: line.sku.clone(),
                    quantity: line.quantity.clone(),
                    available: "0".into(),
                    kept_back: line.keep_back.clone(),
                    ..Default::default()
                })
                .collect();
            if !lacking.is_empty() {
                let outcome = Outcome {
                    state: i32::from(OutcomeState::Refused),
                    reason: "INSUFFICIENT_STOCK".into(),
                    ..Outcome::default()
                };
                let answer = pb::ReserveStockResponse { outcome: Some(outcome), reservation: None, lacking };
                return Ok(Response::new(answer));
            }
            let lines = request.lines.iter().map(|line| pb::ReservedLine {
                line_id: line.line_id.clone(),
                sku: line.sku.clone(),
                location: place(line),
                quantity: line.quantity.clone(),
                shortfall: books.short(line).to_string(),
                consumed: "0".into(),
                released: "0".into(),
                ..Default::default()
            });
            let reservation = pb::Reservation {
                reservation_id: request.reservation_id.clone(),
                state: i32::from(pb::ReservationState::Held),
                lines: lines.collect(),
                ..Default::default()
            };
            let reservation = books.reservations.entry(request.reservation_id.clone()).or_insert(reservation).clone();
            for line in &request.lines {
                if let Some(there) = books.rows.get_mut(&(place(line), line.sku.clone())) {
                    *there = (*there - units(&line.quantity)).max(0);
                }
            }
            if books.lost_answers > 0 {
                books.lost_answers -= 1;
                return Err(refusal(Class::Unknown, "OUTCOME_UNKNOWN"));
            }
            let answer =
                pb::ReserveStockResponse { outcome: done(), reservation: Some(reservation), lacking: Vec::new() };
            Ok(Response::new(answer))
        })
    }

    async fn confirm_reservation(
        &self,
        request: Request<pb::ConfirmReservationRequest>,
    ) -> Result<Response<pb::ConfirmReservationResponse>, Status> {
        self.books.write(|books| {
            books.calls.push("confirm");
            if books.no_confirmations {
                return Err(refusal(Class::Unavailable, "STORE_UNAVAILABLE"));
            }
            let reservation = turn(books, &request.get_ref().reservation_id, pb::ReservationState::Confirmed)?;
            Ok(Response::new(pb::ConfirmReservationResponse { reservation: Some(reservation) }))
        })
    }

    async fn release_reservation(
        &self,
        request: Request<pb::ReleaseReservationRequest>,
    ) -> Result<Response<pb::ReleaseReservationResponse>, Status> {
        self.books.write(|books| {
            books.calls.push("release");
            let request = request.into_inner();
            let id = request.reservation_id.as_str();
            if request.lines.is_empty() {
                let reservation = turn(books, id, pb::ReservationState::Released)?;
                return Ok(Response::new(pb::ReleaseReservationResponse { reservation: Some(reservation) }));
            }
            let missing = || refusal(Class::NotFound, "NO_SUCH_RESERVATION");
            let found = books.reservations.get_mut(id).ok_or_else(missing)?;
            for back in &request.lines {
                let line = found.lines.iter_mut().find(|line| line.line_id == back.line_id);
                let line = line.ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_LINE"))?;
                line.released.clone_from(&back.quantity);
            }
            if found.lines.iter().all(|line| line.released == line.quantity) {
                found.set_state(pb::ReservationState::Released);
            }
            let reservation = found.clone();
            Ok(Response::new(pb::ReleaseReservationResponse { reservation: Some(reservation) }))
        })
    }

    async fn consume_reservation(
        &self,
        request: Request<pb::ConsumeReservationRequest>,
    ) -> Result<Response<pb::ConsumeReservationResponse>, Status> {
        self.books.write(|books| {
            books.calls.push("consume");
            let request = request.into_inner();
            let found = books.reservations.get(&request.reservation_id).cloned();
            let found = found.ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_RESERVATION"))?;
            if found.state() != pb::ReservationState::Confirmed {
                return Err(refusal(Class::Precondition, "RESERVATION_NOT_CONFIRMED"));
            }
            books.consumed.entry(request.idempotency_key).or_default().extend(request.lines);
            Ok(Response::new(pb::ConsumeReservationResponse { reservation: Some(found) }))
        })
    }
}

#[tonic::async_trait]
impl ReferenceService for Stock {
    async fn resolve_items(
        &self,
        request: Request<pb::ResolveItemsRequest>,
    ) -> Result<Response<pb::ResolveItemsResponse>, Status> {
        // As the real service: a question about nothing is a wrong question.
        if request.get_ref().keys.is_empty() {
            return Err(Status::invalid_argument("keys: give at least one"));
        }
        let books = self.books.open();
        let items = request.into_inner().keys.into_iter().map(|key| {
            let known = !books.unknown.contains(&key.sku);
            let stocked = !key.sku.starts_with("POST");
            pb::ResolvedItem { item: known.then(|| pb::Item { sku: key.sku, stocked, ..Default::default() }) }
        });
        Ok(Response::new(pb::ResolveItemsResponse { items: items.collect() }))
    }
}
