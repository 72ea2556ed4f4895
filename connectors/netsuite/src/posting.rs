//! Customers, deposits and stock adjustments in: each by its own external id.

use http::Method;
use retail_connect::{Lane, outcome};
use retail_proto::Money;
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::{Outcome, Ref};

use crate::catalogue::Place;
use crate::erp::Connector;
use crate::fault::{self, Error};
use crate::map;
use crate::path::eid;
use crate::row::decimal;
use crate::wire::{self, Record};

const CUSTOMER: &str = "customer.put";
const DEPOSIT: &str = "customer_deposit.put";
const ADJUSTMENT: &str = "inventory_adjustment.put";

impl Connector {
    /// Creates or updates a customer. Replacing the address book keeps repeats from adding addresses.
    pub(crate) async fn upsert(&self, record: &pb::CustomerRecord) -> Result<(Outcome, Option<Ref>), Error> {
        let id = &record.external_ref;
        let body = map::customer(record, &self.subsidiary);
        let path = eid("customer", map::CUSTOMER, id);
        let replace = if body.address_book.is_some() { "?replace=addressBook" } else { "" };
        if let Err(error) = self.suite.write(CUSTOMER, Method::PUT, &format!("{path}{replace}"), &body, id).await {
            return Ok((fault::refusal(error)?, None));
        }
        let read = self.posted("customer.get", &format!("{path}?fields=entityId"), id).await;
        let found = read.map_err(|error| error.after_the_write(CUSTOMER))?.ok_or_else(|| gone("customer.get"))?;
        let number = found.entity_id.unwrap_or_default();
        Ok((outcome::done(), Some(map::reference(&self.instance, "customer", found.id, number))))
    }

    /// Records money as a customer deposit on the sales order.
    pub(crate) async fn deposit(
        &self,
        request: &pb::RecordPaymentRequest,
        amount: Money,
    ) -> Result<(Outcome, Option<pb::PaymentDocument>), Error> {
        let id = &request.external_ref;
        let path = eid("customerDeposit", map::DEPOSIT, id);
        let read = format!("{path}?fields=tranId,payment");
        if let Some(found) = self.posted("customer_deposit.get", &read, id).await? {
            return Ok((outcome::done(), Some(self.payment(id, found, amount)?)));
        }
        let Ok(currency) = self.catalogue.currencies(Lane::Critical).await?.write(amount.currency()) else {
            let words = format!("the account has no currency {}", amount.currency());
            return Ok((outcome::refused("ERP_CURRENCY_UNKNOWN", words), None));
        };
        let memo = [request.tender.as_str(), request.reference.as_str()].join(" ");
        let body = wire::DepositWrite {
            customer: wire::Reference::ExternalId(format!("{}{}", map::CUSTOMER, request.customer_ref)),
            sales_order: wire::Reference::ExternalId(format!("{}{}", map::SALES_ORDER, request.order_ref)),
            payment: map::number(amount.to_decimal()),
            tran_date: request.payment_date.clone(),
            currency: currency.map(|id| wire::Reference::Id(id.to_string())),
            memo: map::filled(&memo),
        };
        if let Err(error) = self.suite.write(DEPOSIT, Method::PUT, &path, &body, &request.order_ref).await {
            return Ok((fault::refusal(error)?, None));
        }
        let found = self.posted("customer_deposit.get", &read, id).await;
        let found =
            found.map_err(|error| error.after_the_write(DEPOSIT))?.ok_or_else(|| gone("customer_deposit.get"))?;
        Ok((outcome::done(), Some(self.payment(id, found, amount)?)))
    }

    /// Posts a stock adjustment. Its sublist is not keyed: what is there already is left alone.
    pub(crate) async fn adjust(
        &self,
        request: &pb::AdjustStockRequest,
        movements: Vec<(String, String, retail_proto::Quantity)>,
    ) -> Result<(Outcome, Option<Ref>), Error> {
        let id = &request.external_ref;
        let path = eid("inventoryAdjustment", map::ADJUSTMENT, id);
        let read = format!("{path}?fields=tranId");
        let refer = |found: Record| {
            map::reference(&self.instance, "inventoryAdjustment", found.id, found.tran_id.unwrap_or_default())
        };
        if let Some(found) = self.posted("inventory_adjustment.get", &read, id).await? {
            return Ok((outcome::done(), Some(refer(found))));
        }
        let Some(account) = map::filled(&self.adjustment_account) else {
            let words = "no adjustment_account is configured for this instance";
            return Ok((outcome::refused("ERP_ADJUSTMENTS_OFF", words), None));
        };
        let codes: Vec<String> = movements.iter().map(|(sku, _, _)| sku.clone()).collect();
        let items = self.catalogue.items(&codes, Lane::Critical).await?;
        let known = |places: &[Place]| {
            movements.iter().all(|(_, location, _)| places.iter().any(|place| place.code == *location))
        };
        let places = self.catalogue.places_with(Lane::Critical, known).await?;
        let (mut lines, mut unknown) = (Vec::new(), Vec::new());
        for (sku, location, quantity) in &movements {
            match (items.get(sku), places.iter().find(|place| place.code == *location)) {
                (Some(item), Some(place)) => lines.push(wire::AdjustmentLineWrite {
                    item: wire::Reference::Id(item.to_string()),
                    location: wire::Reference::Id(place.id.to_string()),
                    adjust_qty_by: map::number(quantity.to_decimal()),
                }),
                (None, _) => unknown.push(format!("item {sku}")),
                (_, None) => unknown.push(format!("location {location}")),
            }
        }
        if !unknown.is_empty() {
            self.catalogue.forget();
            let words = format!("NetSuite does not know {}", unknown.join("; "));
            return Ok((outcome::refused("ERP_REFERENCE_UNKNOWN", words), None));
        }
        let body = wire::AdjustmentWrite {
            account: wire::Reference::Id(account),
            subsidiary: map::filled(&self.subsidiary).map(wire::Reference::Id),
            tran_date: request.adjustment_date.clone(),
            memo: map::filled(&request.memo),
            inventory: wire::Lines { items: lines },
        };
        // Two at once under one id must not add their lines up.
        let replacing = format!("{path}?replace=inventory");
        if let Err(error) = self.suite.write(ADJUSTMENT, Method::PUT, &replacing, &body, id).await {
            return Ok((fault::refusal(error)?, None));
        }
        let found = self.posted("inventory_adjustment.get", &read, id).await;
        let found = found.map_err(|error| error.after_the_write(ADJUSTMENT))?;
        Ok((outcome::done(), Some(refer(found.ok_or_else(|| gone("inventory_adjustment.get"))?))))
    }

    async fn posted(&self, operation: &'static str, path: &str, id: &str) -> Result<Option<Record>, Error> {
        self.suite.get(operation, path, Lane::Critical, id).await
    }

    fn payment(&self, id: &str, found: Record, asked: Money) -> Result<pb::PaymentDocument, Error> {
        let unreadable =
            || Error::Unreadable { operation: "customer_deposit.get", why: "payment is malformed".to_owned() };
        let amount = match &found.payment {
            Some(number) => {
                let amount = decimal(&number.to_string()).ok_or_else(unreadable)?;
                Money::exact(amount.normalize(), asked.currency()).map_err(|_| unreadable())?
            }
            None => asked,
        };
        let number = found.tran_id.unwrap_or_default();
        Ok(pb::PaymentDocument {
            document: Some(map::reference(&self.instance, "customerDeposit", found.id, number)),
            external_ref: id.to_owned(),
            amount: Some(amount.into()),
        })
    }
}

/// Written a moment ago and not there: nobody knows what became of it.
pub(crate) fn gone(operation: &'static str) -> Error {
    let why = "it was written but cannot be read back".to_owned();
    Error::Call(retail_connect::CallFault::Unknown { operation, why })
}
