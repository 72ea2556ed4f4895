//! What the journey asks of the ERP, the shop and inventory, made from the return. Pure.

use std::collections::BTreeMap;

use retail_flow::Failure;
use retail_proto::commerce::v1 as shop;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::types::v1::Money;
use retail_proto::{Quantity, timestamp};

use crate::day::day;
use crate::part::{Disposition, Part, Receipt, Settlement};
use crate::record::{Bought, Return};

/// A part with what is kept of its order.
pub(crate) struct Of<'a> {
    pub(crate) record: &'a Return,
    pub(crate) part: &'a Part,
    pub(crate) order: &'a Bought,
    pub(crate) zone: &'a str,
}

impl Of<'_> {
    pub(crate) fn money(&self, minor_units: i64) -> Money {
        Money { minor_units, currency: self.order.currency.clone() }
    }

    /// An amount as people read it.
    pub(crate) fn words(&self, minor_units: i64) -> String {
        retail_proto::Money::try_from(&self.money(minor_units)).map(|amount| amount.to_string()).unwrap_or_default()
    }

    /// The ERP's return: one line per line of the sales order.
    pub(crate) fn return_input(&self) -> Result<erp::ReturnInput, Failure> {
        let Some(sales_order) = self.order.sales_order.clone() else {
            let detail = format!(
                "order {} names no sales order of the ERP; adopt it again when the ERP has it, then resume",
                self.order.number
            );
            return Err(Failure::refused("NO_SALES_ORDER", detail));
        };
        let mut lines: BTreeMap<i32, (i64, i64, erp::ReturnLineInput)> = BTreeMap::new();
        for line in self.record.lines_of(self.part) {
            let input = erp::ReturnLineInput {
                line_number: line.order_line,
                location: line.location.clone(),
                is_charge: line.is_charge,
                ..erp::ReturnLineInput::default()
            };
            let (quantity, amount, _) = lines.entry(line.order_line).or_insert((0, 0, input));
            *quantity = quantity.saturating_add(line.authorized);
            *amount = amount.saturating_add(line.amount);
        }
        let line = |(sum, amount, line): (i64, i64, erp::ReturnLineInput)| erp::ReturnLineInput {
            quantity: quantity(sum),
            amount: Some(self.money(amount)),
            ..line
        };
        Ok(erp::ReturnInput {
            external_ref: self.part.id.clone(),
            sales_order: Some(sales_order),
            invoice: self.part.invoice.clone(),
            rma_number: self.record.rma.clone(),
            return_date: day(self.record.requested_at, self.zone),
            lines: lines.into_values().map(line).collect(),
            memo: self.record.note.clone(),
        })
    }

    /// The receipt: rejected goods are not taken in.
    pub(crate) fn receipt(&self, receipt: &Receipt, instance: String) -> erp::PostReceiptRequest {
        let mut lines: BTreeMap<(i32, bool), i64> = BTreeMap::new();
        for come in receipt.lines.iter().filter(|line| line.disposition() != Disposition::Reject) {
            let Some(line) = self.record.line(come.number) else { continue };
            let restock = come.disposition() == Disposition::Restock;
            let sum = lines.entry((line.order_line, restock)).or_insert(0);
            *sum = sum.saturating_add(come.quantity);
        }
        erp::PostReceiptRequest {
            instance,
            external_ref: receipt.id.clone(),
            return_ref: self.part.id.clone(),
            lines: lines
                .into_iter()
                .map(|((line_number, restock), sum)| erp::ReceiptLine {
                    line_number,
                    quantity: quantity(sum),
                    restock,
                    location: receipt.location.clone(),
                })
                .collect(),
            receipt_date: day(receipt.received_at, self.zone),
            memo: self.record.rma.clone(),
        }
    }

    /// What our stock takes in: only what may be sold again.
    pub(crate) fn restock(&self, receipt: &Receipt, key: String) -> stock::ReceiveStockRequest {
        let mut lines: BTreeMap<String, i64> = BTreeMap::new();
        for come in receipt.lines.iter().filter(|line| line.disposition() == Disposition::Restock) {
            if let Some(line) = self.record.line(come.number) {
                let sum = lines.entry(line.sku.clone()).or_insert(0);
                *sum = sum.saturating_add(come.quantity);
            }
        }
        stock::ReceiveStockRequest {
            idempotency_key: key,
            receipt_id: receipt.id.clone(),
            location: receipt.location.clone(),
            lines: lines.into_iter().map(|(sku, sum)| stock::ReceiveLine { sku, quantity: quantity(sum) }).collect(),
            reason: "RETURN".into(),
            reference: self.record.rma.clone(),
            happened_at: Some(timestamp(receipt.received_at)),
        }
    }

    /// The credit memo: one line per line of the sales order.
    pub(crate) fn credit_memo(&self, settlement: &Settlement, instance: String) -> erp::CreateCreditMemoRequest {
        let mut lines: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
        for credit in &settlement.lines {
            let Some(line) = self.record.line(credit.number) else { continue };
            let (quantity, amount) = lines.entry(line.order_line).or_insert((0, 0));
            *quantity = quantity.saturating_add(credit.quantity);
            *amount = amount.saturating_add(credit.amount);
        }
        let last = self.part.receipts.iter().map(|receipt| receipt.received_at).max();
        erp::CreateCreditMemoRequest {
            instance,
            external_ref: self.part.credit_id(),
            return_ref: self.part.id.clone(),
            lines: lines
                .into_iter()
                .map(|(line_number, (sum, amount))| erp::CreditLine {
                    line_number,
                    quantity: quantity(sum),
                    amount: Some(self.money(amount)),
                })
                .collect(),
            total: Some(self.money(settlement.credited)),
            credit_date: day(last.unwrap_or(self.record.requested_at), self.zone),
            apply_to: self.part.invoice.clone().filter(|_| settlement.applied > 0),
            memo: self.record.rma.clone(),
            apply_amount: (settlement.applied > 0).then(|| self.money(settlement.applied)),
        }
    }

    /// The refund at its owner. Weft publishes the stock, so the shop changes none.
    pub(crate) fn refund(&self, key: String, notify: bool, verify_only: bool) -> shop::RefundOrderRequest {
        let credited = self.part.settlement.iter().flat_map(|settlement| &settlement.lines);
        let mut lines: BTreeMap<String, i64> = BTreeMap::new();
        // An attempt that gave some of the money has used the lines up.
        for credit in credited.filter(|_| self.part.refunded_before == 0) {
            // A line without an id at the shop, or a part of a unit, is money without a line there.
            let line = self.record.line(credit.number).filter(|line| !line.channel_line_id.is_empty());
            if let (Some(line), Some(units)) = (line, Quantity::from_millionths(credit.quantity).as_whole()) {
                let sum = lines.entry(line.channel_line_id.clone()).or_insert(0);
                *sum = sum.saturating_add(units);
            }
        }
        shop::RefundOrderRequest {
            instance: self.order.channel.clone(),
            idempotency_key: key,
            external_ref: self.part.refund_id(),
            order_id: self.order.channel_order_id.clone(),
            lines: lines
                .into_iter()
                .map(|(line_item_id, quantity)| shop::RefundLine {
                    line_item_id,
                    quantity,
                    restock: i32::from(shop::Restock::None),
                })
                .collect(),
            amount: Some(self.money(self.part.still_due())),
            note: self.record.rma.clone(),
            notify_customer: notify || self.record.notify,
            verify_only,
        }
    }

    /// The ERP's customer refund, applied to the memo.
    pub(crate) fn refund_document(&self, instance: String) -> erp::RecordRefundRequest {
        let refund = self.part.refund.clone().unwrap_or_default();
        erp::RecordRefundRequest {
            instance,
            external_ref: self.part.refund_document_id(),
            customer_ref: match self.order.customer_id.is_empty() {
                true => self.record.customer_id.clone(),
                false => self.order.customer_id.clone(),
            },
            apply_to: self.part.credit_memo.clone(),
            amount: Some(self.money(self.part.refunded())),
            refund_date: day(refund.at, self.zone),
            tender: self.order.tender.clone(),
            reference: refund.record.map(|record| record.id).unwrap_or_default(),
        }
    }
}

/// A decimal string of millionths.
pub(crate) fn quantity(millionths: i64) -> String {
    Quantity::from_millionths(millionths).to_string()
}
