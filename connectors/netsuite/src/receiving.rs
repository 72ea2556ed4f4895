//! Receipts in: what came back, posted on its return.

use std::collections::BTreeMap;

use retail_connect::{Lane, outcome};
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::booking::internal_id;
use crate::catalogue::Place;
use crate::erp::Connector;
use crate::fault::Error;
use crate::map;
use crate::path::eid;
use crate::posting::gone;
use crate::receipts::{receipt, whole};
use crate::request::returns::TakenLine;
use crate::wire::returns::{self as wire, ReceiptRecord, ReturnRecord};
use crate::wire::{Lines, Reference};

const RECEIVE: &str = "item_receipt.transform";

impl Connector {
    /// Posts a receipt, or answers the one that is there.
    pub(crate) async fn receive(
        &self,
        request: &pb::PostReceiptRequest,
        lines: Vec<TakenLine>,
    ) -> Result<(Outcome, Option<pb::Receipt>), Error> {
        let id = &request.external_ref;
        let (found, back) = futures::try_join!(self.receipt_record(id), self.return_record(&request.return_ref))?;
        let Some(back) = back else {
            let words = format!("NetSuite has no return {}", request.return_ref);
            return Ok((outcome::refused("ERP_RECORD_MISSING", words), None));
        };
        if let Some(found) = found {
            return Ok((outcome::done(), Some(self.told(&found, &back).await?)));
        }
        let codes: Vec<&String> = lines.iter().filter_map(|line| line.location.as_ref()).collect();
        let places = match self.location_ids(&codes).await? {
            Ok(places) => places,
            Err(refused) => return Ok((refused, None)),
        };
        let items = match taken(&lines, &back, &places) {
            Ok(items) => items,
            Err(unknown) => {
                let words = format!("return {} has no {unknown}", request.return_ref);
                return Ok((outcome::refused("ERP_REFERENCE_UNKNOWN", words), None));
            }
        };
        let body = wire::ReceiptWrite {
            external_id: format!("{}{id}", map::RECEIPT),
            tran_date: request.receipt_date.clone(),
            memo: map::filled(&request.memo),
            item: Lines { items },
        };
        let path = format!("/returnAuthorization/{}/!transform/itemReceipt", internal_id(&back.id)?);
        if let Err(refused) = self.make(RECEIVE, &path, &body, id).await? {
            return Ok(match self.receipt_record(id).await? {
                Some(found) => (outcome::done(), Some(self.told(&found, &back).await?)),
                None => (refused, None),
            });
        }
        let read = async {
            let found = self.receipt_record(id).await?.ok_or_else(|| gone("item_receipt.get"))?;
            self.told(&found, &back).await
        };
        let receipt = read.await.map_err(|error| error.after_the_write(RECEIVE))?;
        Ok((outcome::done(), Some(receipt)))
    }

    async fn receipt_record(&self, id: &str) -> Result<Option<ReceiptRecord>, Error> {
        let path = format!("{}?expandSubResources=true", eid("itemReceipt", map::RECEIPT, id));
        self.suite.get("item_receipt.get", &path, Lane::Critical, id).await
    }

    /// A receipt in our words.
    async fn told(&self, record: &ReceiptRecord, back: &ReturnRecord) -> Result<pb::Receipt, Error> {
        let ids: Vec<&str> =
            record.item.items.iter().filter_map(|line| Some(line.location.as_ref()?.id.as_str())).collect();
        let known = |places: &[Place]| ids.iter().all(|id| places.iter().any(|place| place.id.to_string() == **id));
        let places = self.catalogue.places_with(Lane::Critical, known).await?;
        let numbers: BTreeMap<i32, i32> = pairs(back).collect();
        receipt(record, &self.instance, &places, |line| numbers.get(&line).copied())
    }
}

/// Lines of a return with the order lines they come from.
fn pairs(back: &ReturnRecord) -> impl Iterator<Item = (i32, i32)> + '_ {
    back.item.items.iter().filter_map(|line| Some((whole(Some(&line.line))?, whole(line.order_line.as_ref())?)))
}

/// Every line of the return that takes goods, with what came of it or left out; or the lines that the return lacks.
fn taken(
    lines: &[TakenLine],
    back: &ReturnRecord,
    places: &BTreeMap<String, i64>,
) -> Result<Vec<wire::TakenLine>, String> {
    let unknown: Vec<String> = lines
        .iter()
        .filter(|line| !pairs(back).any(|(_, order_line)| order_line == line.number))
        .map(|line| format!("line {}", line.number))
        .collect();
    if !unknown.is_empty() {
        return Err(unknown.join(", "));
    }
    let mut items = Vec::new();
    for record in &back.item.items {
        let (Some(line), Some(order_line)) = (whole(Some(&record.line)), whole(record.order_line.as_ref())) else {
            continue;
        };
        let asked = lines.iter().find(|asked| asked.number == order_line);
        let charge = record.item_type.as_ref().is_some_and(|kind| map::charge(&kind.id));
        if asked.is_none() && charge {
            continue;
        }
        let location = asked.and_then(|asked| places.get(asked.location.as_ref()?)).copied();
        items.push(wire::TakenLine {
            order_line: line,
            item_receive: asked.is_some(),
            quantity: asked.map(|asked| map::number(asked.quantity.to_decimal())),
            location: location.map(|id| Reference::Id(id.to_string())),
            restock: asked.map(|asked| asked.restock),
        });
    }
    Ok(items)
}
