//! Transfers in: a transfer order and its fulfilment when goods leave, an item receipt when they arrive.
//!
//! A transfer order, not an inventory transfer: that one moves goods at once, so the destination would be said to have
//! what is still on the road. Lines of a form are found by item, because what `orderLine` counts in a receipt of a
//! transfer is not documented: the transform is previewed first. What is lost is received and written off, which takes
//! it out of transit; what is beyond is adjusted in.

use std::collections::BTreeMap;

use http::Method;
use retail_connect::{Lane, outcome};
use retail_proto::Quantity;
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::{Outcome, Ref};

use crate::booking::internal_id;
use crate::erp::Connector;
use crate::fault::{self, Error};
use crate::map;
use crate::path::eid;
use crate::posting::gone;
use crate::request::transfers::Arrived;
use crate::wire::transfers::{MoveForm, MoveLine, MoveWrite, TransferLineWrite, TransferWrite};
use crate::wire::{Lines, Record, Reference};

const ORDER: &str = "transfer_order.put";
const SHIP: &str = "transfer_fulfillment.transform";
const RECEIVE: &str = "transfer_receipt.transform";
/// `shipStatus` Shipped: only that moves stock.
const SHIPPED: &str = "C";

/// A document, or why there is none.
type Made<T> = Result<Result<T, Outcome>, Error>;

impl Connector {
    /// Posts that goods left, or answers the documents that are there.
    pub(crate) async fn ship_transfer(
        &self,
        request: &pb::ShipTransferRequest,
        goods: Vec<(String, Quantity)>,
    ) -> Result<(Outcome, Vec<Ref>), Error> {
        let id = &request.external_ref;
        let order = match self.transfer_order(request, &goods).await? {
            Ok(order) => order,
            Err(refused) => return Ok((refused, vec![])),
        };
        let ordered = self.refer("transferOrder", &order);
        if let Some(found) = self.shipment(id).await? {
            return Ok((outcome::done(), vec![ordered, self.refer("itemFulfillment", &found)]));
        }
        let path = format!("/transferOrder/{}/!transform/itemFulfillment", internal_id(&order.id)?);
        let items = match self.moved(&path, &goods, id).await? {
            Ok(items) => items,
            Err(refused) => return Ok((refused, vec![ordered])),
        };
        let body = MoveWrite {
            external_id: format!("{}{id}", map::TRANSFER_SHIPMENT),
            tran_date: request.ship_date.clone(),
            ship_status: Some(Reference::Id(SHIPPED.to_owned())),
            memo: map::filled(&request.memo),
            item: Lines { items },
        };
        let made = self.make(SHIP, &path, &body, id).await?;
        let found = match (self.shipment(id).await, made) {
            (Ok(Some(found)), _) => found,
            (Ok(None), Err(refused)) => return Ok((refused, vec![ordered])),
            (Ok(None), Ok(_)) => return Err(gone("item_fulfillment.get").after_the_write(SHIP)),
            (Err(error), _) => return Err(error.after_the_write(SHIP)),
        };
        Ok((outcome::done(), vec![ordered, self.refer("itemFulfillment", &found)]))
    }

    /// Posts what arrived, or answers the documents that are there.
    pub(crate) async fn receive_transfer(
        &self,
        request: &pb::ReceiveTransferRequest,
        goods: Vec<Arrived>,
    ) -> Result<(Outcome, Vec<Ref>), Error> {
        let mut documents = Vec::new();
        // What is lost leaves the road, too.
        let off_the_road = |arrived: &Arrived| arrived.received.plus(arrived.lost).unwrap_or(arrived.received);
        let taken: Vec<(String, Quantity)> = goods
            .iter()
            .map(|arrived| (arrived.sku.clone(), off_the_road(arrived)))
            .filter(|(_, quantity)| quantity.is_positive())
            .collect();
        if !taken.is_empty() {
            match self.transfer_receipt(request, &taken).await? {
                Ok(receipt) => documents.push(self.refer("itemReceipt", &receipt)),
                Err(refused) => return Ok((refused, documents)),
            }
        }
        let differences: Vec<(String, String, Quantity)> = goods
            .iter()
            .filter_map(|arrived| {
                let difference = arrived.surplus.millionths().checked_sub(arrived.lost.millionths())?;
                let quantity = Quantity::from_millionths(difference);
                (!quantity.is_zero()).then(|| (arrived.sku.clone(), request.to_location.clone(), quantity))
            })
            .collect();
        if differences.is_empty() {
            return Ok((outcome::done(), documents));
        }
        let adjustment = pb::AdjustStockRequest {
            instance: request.instance.clone(),
            external_ref: request.external_ref.clone(),
            lines: vec![],
            adjustment_date: request.receipt_date.clone(),
            memo: request.memo.clone(),
        };
        let (outcome, adjusted) = self.adjust(&adjustment, differences).await?;
        documents.extend(adjusted);
        Ok((outcome, documents))
    }

    /// The transfer order of a transfer, made when it is not there.
    async fn transfer_order(&self, request: &pb::ShipTransferRequest, goods: &[(String, Quantity)]) -> Made<Record> {
        let id = &request.external_ref;
        let path = eid("transferOrder", map::TRANSFER, id);
        let read = format!("{path}?fields=tranId");
        if let Some(found) = self.suite.get("transfer_order.get", &read, Lane::Critical, id).await? {
            return Ok(Ok(found));
        }
        let places = match self.location_ids(&[&request.from_location, &request.to_location]).await? {
            Ok(places) => places,
            Err(refused) => return Ok(Err(refused)),
        };
        let items = match self.item_ids(goods).await? {
            Ok(items) => items,
            Err(refused) => return Ok(Err(refused)),
        };
        let place = |code: &String| Reference::Id(places.get(code).map(ToString::to_string).unwrap_or_default());
        let line = |(sku, quantity): &(String, Quantity)| TransferLineWrite {
            item: Reference::Id(items.get(sku).map(ToString::to_string).unwrap_or_default()),
            quantity: map::number(quantity.to_decimal()),
            expected_receipt_date: map::filled(&request.expected_date),
        };
        let body = TransferWrite {
            subsidiary: map::filled(&self.subsidiary).map(Reference::Id),
            location: place(&request.from_location),
            transfer_location: place(&request.to_location),
            order_status: Reference::Id(map::APPROVED.to_owned()),
            tran_date: request.ship_date.clone(),
            memo: map::filled(&request.memo),
            item: Lines { items: goods.iter().map(line).collect() },
        };
        // Two at once under one id must not add their lines up.
        if let Err(error) = self.suite.write(ORDER, Method::PUT, &format!("{path}?replace=item"), &body, id).await {
            let refused = fault::refusal(error)?;
            self.catalogue.forget();
            return Ok(Err(refused));
        }
        let found = self.suite.get("transfer_order.get", &read, Lane::Critical, id).await;
        let found: Option<Record> = found.map_err(|error: Error| error.after_the_write(ORDER))?;
        Ok(Ok(found.ok_or_else(|| gone("transfer_order.get"))?))
    }

    /// The receipt of what a transfer's fulfilment sent, made when it is not there.
    async fn transfer_receipt(
        &self,
        request: &pb::ReceiveTransferRequest,
        taken: &[(String, Quantity)],
    ) -> Made<Record> {
        let id = &request.external_ref;
        if let Some(found) = self.receipt_of(id).await? {
            return Ok(Ok(found));
        }
        let Some(shipment) = self.shipment(&request.transfer_ref).await? else {
            let words = format!("NetSuite has no shipment of transfer {}", request.transfer_ref);
            return Ok(Err(outcome::refused("ERP_RECORD_MISSING", words)));
        };
        let path = format!("/itemFulfillment/{}/!transform/itemReceipt", internal_id(&shipment.id)?);
        let items = match self.moved(&path, taken, id).await? {
            Ok(items) => items,
            Err(refused) => return Ok(Err(refused)),
        };
        let body = MoveWrite {
            external_id: format!("{}{id}", map::TRANSFER_RECEIPT),
            tran_date: request.receipt_date.clone(),
            ship_status: None,
            memo: map::filled(&request.memo),
            item: Lines { items },
        };
        let made = self.make(RECEIVE, &path, &body, id).await?;
        match (self.receipt_of(id).await, made) {
            (Ok(Some(found)), _) => Ok(Ok(found)),
            (Ok(None), Err(refused)) => Ok(Err(refused)),
            (Ok(None), Ok(_)) => Err(gone("item_receipt.get").after_the_write(RECEIVE)),
            (Err(error), _) => Err(error.after_the_write(RECEIVE)),
        }
    }

    /// Every line of a form: those of our items with their quantity, the others left out.
    async fn moved(&self, path: &str, goods: &[(String, Quantity)], id: &str) -> Made<Vec<MoveLine>> {
        let items = match self.item_ids(goods).await? {
            Ok(items) => items,
            Err(refused) => return Ok(Err(refused)),
        };
        let form: MoveForm = match self.suite.preview("transform.preview", path, id).await {
            Ok(form) => form,
            Err(error) => return Ok(Err(fault::refusal(error)?)),
        };
        let mut wanted: BTreeMap<String, Quantity> =
            goods.iter().filter_map(|(sku, quantity)| Some((items.get(sku)?.to_string(), *quantity))).collect();
        let mut lines = Vec::new();
        for line in &form.item.items {
            let (Some(order_line), Some(item)) = (&line.order_line, &line.item) else { continue };
            let quantity = wanted.remove(&item.id);
            lines.push(MoveLine {
                order_line: order_line.clone(),
                item_receive: quantity.is_some(),
                quantity: quantity.map(|quantity| map::number(quantity.to_decimal())),
            });
        }
        if wanted.is_empty() {
            return Ok(Ok(lines));
        }
        let missing: Vec<String> = wanted.into_keys().map(|item| format!("item {item}")).collect();
        let words = format!("NetSuite has nothing to move of {}", missing.join("; "));
        Ok(Err(outcome::refused("ERP_RECORD_MISSING", words)))
    }

    /// Internal ids of items, or the refusal that names every unknown code.
    async fn item_ids(&self, goods: &[(String, Quantity)]) -> Made<BTreeMap<String, i64>> {
        let codes: Vec<String> = goods.iter().map(|(sku, _)| sku.clone()).collect();
        let items = self.catalogue.items(&codes, Lane::Critical).await?;
        let unknown: Vec<String> =
            codes.iter().filter(|code| !items.contains_key(*code)).map(|code| format!("item {code}")).collect();
        if unknown.is_empty() {
            return Ok(Ok(items));
        }
        self.catalogue.forget();
        Ok(Err(outcome::refused("ERP_REFERENCE_UNKNOWN", format!("NetSuite does not know {}", unknown.join("; ")))))
    }

    async fn shipment(&self, id: &str) -> Result<Option<Record>, Error> {
        let path = format!("{}?fields=tranId", eid("itemFulfillment", map::TRANSFER_SHIPMENT, id));
        self.suite.get("item_fulfillment.get", &path, Lane::Critical, id).await
    }

    async fn receipt_of(&self, id: &str) -> Result<Option<Record>, Error> {
        let path = format!("{}?fields=tranId", eid("itemReceipt", map::TRANSFER_RECEIPT, id));
        self.suite.get("item_receipt.get", &path, Lane::Critical, id).await
    }

    fn refer(&self, kind: &str, record: &Record) -> Ref {
        map::reference(&self.instance, kind, &record.id, record.tran_id.clone().unwrap_or_default())
    }
}
