//! Transfers as they are asked for and read: parse, call, render.

use retail_flow::page;
use retail_proto::inventory::v1 as pb;
use retail_proto::timestamp;

use crate::api::Api;
use crate::catalogue::Item;
use crate::fault::Error;
use crate::parse;
use crate::render::quantity;
use crate::transfer::{Arrival, Came, Freight, Road, Transfer};
use crate::units::in_base_unit;

impl Api {
    pub(crate) async fn plan_transfer(&self, request: &pb::TransferStockRequest) -> Result<pb::Transfer, Error> {
        let (mut plan, units, left) = parse::transfer::plan(request, &self.home, self.clock.now())?;
        let items = self.items(plan.lines.iter().map(|(sku, _)| sku.clone()).collect()).await?;
        for (((sku, quantity), unit), place) in plan.lines.iter_mut().zip(&units).zip(0_usize..) {
            let item = items.get(sku);
            if item.is_some_and(Item::is_kit) {
                return Err(Error::KitHasNoStock(sku.clone()));
            }
            let turned = in_base_unit(item, sku, *quantity, unit);
            *quantity = turned.map_err(|source| Error::Unit { field: format!("lines[{place}].unit"), source })?;
        }
        for location in [&plan.from, &plan.to] {
            self.must_know(location).await?;
        }
        plan.to_post = self.owned;
        Ok((&self.moving.plan(plan, left).await?).into())
    }

    pub(crate) async fn say_sent(&self, request: &pb::SendTransferRequest) -> Result<pb::Transfer, Error> {
        let (left_at, leaving) = parse::transfer::send(request, self.clock.now())?;
        Ok((&self.moving.send(&request.transfer_id, left_at, leaving).await?).into())
    }

    pub(crate) async fn say_arrived(&self, request: &pb::ReceiveTransferRequest) -> Result<pb::Transfer, Error> {
        let (happened_at, coming) = parse::transfer::receive(request, self.clock.now())?;
        Ok((&self.moving.arrive(&request.transfer_id, happened_at, coming).await?).into())
    }

    pub(crate) async fn call_off(&self, request: &pb::CancelTransferRequest) -> Result<pb::Transfer, Error> {
        parse::transfer::cancel(request)?;
        Ok((&self.moving.cancel(&request.transfer_id).await?).into())
    }

    pub(crate) async fn one_transfer(&self, request: &pb::GetTransferRequest) -> Result<pb::Transfer, Error> {
        parse::required("transfer_id", &request.transfer_id, "give the id of the transfer")?;
        Ok((&self.moving.find(&request.transfer_id).await?).into())
    }

    pub(crate) async fn open_transfers(
        &self,
        request: &pb::ListTransfersRequest,
    ) -> Result<pb::ListTransfersResponse, Error> {
        let (limit, after) = parse::page(request.page_size, &request.page_token)?;
        let (open, entries) = self.moving.open(&request.from, limit, after).await?;
        let transfers = open.iter().map(Into::into).collect();
        Ok(pb::ListTransfersResponse { transfers, next_page_token: page::next(&entries, limit) })
    }
}

impl From<&Transfer> for pb::Transfer {
    fn from(transfer: &Transfer) -> Self {
        let state = match transfer.road() {
            Road::Planned => pb::TransferState::Planned,
            Road::OnTheRoad => pb::TransferState::OnTheRoad,
            Road::Arrived => pb::TransferState::Arrived,
            Road::Cancelled => pb::TransferState::Cancelled,
        };
        Self {
            transfer_id: transfer.id.clone(),
            from: transfer.from.clone(),
            to: transfer.to.clone(),
            lines: transfer.lines.iter().map(Into::into).collect(),
            state: i32::from(state),
            expected_at: Some(timestamp(transfer.expected_at)),
            left_at: (transfer.left_at != 0).then(|| timestamp(transfer.left_at)),
            reference: transfer.reference.clone(),
            arrivals: transfer.arrivals.iter().map(Into::into).collect(),
            documents: transfer.documents.clone(),
            version: transfer.version,
        }
    }
}

impl From<&Freight> for pb::TransferLine {
    fn from(line: &Freight) -> Self {
        Self {
            sku: line.sku.clone(),
            quantity: quantity(line.planned),
            unit: String::new(),
            short: quantity(line.short),
            sent: quantity(line.sent),
            received: quantity(line.received),
            lost: quantity(line.lost),
            surplus: quantity(line.surplus),
        }
    }
}

impl From<&Arrival> for pb::TransferArrival {
    fn from(arrival: &Arrival) -> Self {
        Self {
            receipt_id: arrival.receipt_id.clone(),
            happened_at: Some(timestamp(arrival.happened_at)),
            lines: arrival.lines.iter().map(Into::into).collect(),
            reason: arrival.reason.clone(),
            taken_in: arrival.landed,
            posted: arrival.posted,
        }
    }
}

impl From<&Came> for pb::TransferArrivalLine {
    fn from(came: &Came) -> Self {
        Self {
            sku: came.sku.clone(),
            received: quantity(came.received),
            lost: quantity(came.lost),
            surplus: quantity(came.surplus),
        }
    }
}
