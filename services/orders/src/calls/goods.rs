//! The calls to inventory: items, availability, promises made, taken off and given back.

use std::collections::BTreeSet;

use retail_flow::Failure;
use retail_proto::inventory::v1 as stock;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::inventory::v1::reference_service_client::ReferenceServiceClient;
use retail_runtime::Peer;

use super::{Calls, LARGEST_ANSWER, broken, rerouting};
use crate::ask;
use crate::journey::Brought;
use crate::record::{Capture, Order};

/// Items that availability is asked of at once.
const MOST_SKUS: usize = 500;

impl Calls {
    pub(super) fn inventory(&self) -> InventoryServiceClient<Peer> {
        InventoryServiceClient::new(self.inventory.clone()).max_decoding_message_size(LARGEST_ANSWER)
    }

    /// Resolves items without an order: for requests that can still be refused.
    pub(crate) async fn resolve_items(&self, keys: Vec<stock::ItemKey>) -> Result<Vec<stock::ResolvedItem>, Failure> {
        let asked = keys.len();
        if asked == 0 {
            // An order of charges alone.
            return Ok(Vec::new());
        }
        let request = stock::ResolveItemsRequest { keys };
        let mut client = ReferenceServiceClient::new(self.inventory.clone()).max_decoding_message_size(LARGEST_ANSWER);
        let items = client.resolve_items(request).await?.into_inner().items;
        if items.len() == asked { Ok(items) } else { Err(broken("reference.ResolveItems", "an answer for every key")) }
    }

    /// What may be sold of items, at every location.
    pub(crate) async fn availability(&self, skus: BTreeSet<String>) -> Result<Vec<stock::Availability>, Failure> {
        let (skus, mut rows) = (Vec::from_iter(skus), Vec::new());
        for chunk in skus.chunks(MOST_SKUS) {
            let request = stock::GetAvailabilityRequest { skus: chunk.to_vec(), location: String::new() };
            rows.extend(self.inventory().get_availability(request).await?.into_inner().rows);
        }
        Ok(rows)
    }

    pub(super) async fn reserve(&self, order: &Order, key: String) -> Result<Brought, Failure> {
        // A shop has subtracted what it sold itself, where it thinks the goods are: that may be another place than ours.
        let channel = self.channel(&order.channel).filter(|channel| channel.subtracts_own_sales);
        let subtracted = channel.is_some() && order.capture() == Capture::Fact && order.decision().is_none();
        let request = stock::ReserveStockRequest {
            idempotency_key: key,
            reservation_id: order.own_reservation().to_owned(),
            lines: ask::reserve_lines(order),
            expires_in_seconds: self.reservation_seconds,
            allow_shortfall: order.allows_shortfall(),
            sold_by_channel: if subtracted { order.channel.clone() } else { String::new() },
        };
        if request.lines.is_empty() {
            return Ok(Brought::Reservation(ask::nothing_to_promise(order)));
        }
        Ok(Brought::Reservation(self.inventory().reserve_stock(request).await?.into_inner()))
    }

    pub(super) async fn consume(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        for (reservation_id, lines) in ask::consume_lines(order, id) {
            let request = stock::ConsumeReservationRequest { idempotency_key: key.clone(), reservation_id, lines };
            self.inventory().consume_reservation(request).await?;
        }
        Ok(Brought::Done)
    }

    pub(super) async fn confirm(&self, id: &str, key: String) -> Result<Brought, Failure> {
        let request = stock::ConfirmReservationRequest { idempotency_key: key, reservation_id: id.to_owned() };
        self.inventory().confirm_reservation(request).await?;
        Ok(Brought::Done)
    }

    /// Gives lines of a reservation back, or all that is left of it.
    pub(super) async fn release(
        &self,
        id: &str,
        key: String,
        lines: Vec<stock::ReleaseLine>,
    ) -> Result<Brought, Failure> {
        let request = stock::ReleaseReservationRequest { idempotency_key: key, reservation_id: id.to_owned(), lines };
        match self.inventory().release_reservation(request).await.map_err(Failure::from) {
            Ok(_) => Ok(Brought::Done),
            // Nothing was ever promised.
            Err(failure) if failure.reason() == "NO_SUCH_RESERVATION" => Ok(Brought::Done),
            Err(failure) => Err(failure),
        }
    }

    /// Promises at once for good: what waits at the old place is promised already, so nothing may run out here.
    pub(super) async fn promise_elsewhere(
        &self,
        order: &Order,
        number: usize,
        key: String,
    ) -> Result<Brought, Failure> {
        let reservation_id = order.rerouted_reservation(number);
        let request = stock::ReserveStockRequest {
            idempotency_key: key.clone(),
            reservation_id: reservation_id.clone(),
            lines: ask::rerouted_lines(order, rerouting(order, number)?),
            expires_in_seconds: self.reservation_seconds,
            allow_shortfall: false,
            // Where the shop has subtracted its sale is where it thinks the goods are.
            sold_by_channel: String::new(),
        };
        let answer = self.inventory().reserve_stock(request).await?.into_inner();
        if answer.reservation.is_some() {
            self.confirm(&reservation_id, key).await?;
        }
        Ok(Brought::Reservation(answer))
    }
}
