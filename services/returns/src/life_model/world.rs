//! Everybody a return deals with, but for us: the ERP, the shop, our stock and the books of the order.

use std::collections::BTreeMap;

use retail_flow::Failure;
use retail_proto::Quantity;
use retail_proto::erp::v1 as erp;

use crate::allowance::Allowance;
use crate::crediting::{self, Told};
use crate::leg::{Brought, Leg};
use crate::part::{Disposition, ReceiptLine};
use crate::record::Return;
use crate::sale::Sale;
use crate::testing::record as document;
use crate::{facts, part};

/// What one of the ERP's receipts took in.
#[derive(Debug, Clone)]
pub(super) struct TakenIn {
    pub(super) id: usize,
    /// Ours; empty when its people wrote it.
    pub(super) external: String,
    pub(super) line: i32,
    pub(super) quantity: i64,
    pub(super) restock: bool,
}

/// The ERP's return.
#[derive(Debug, Clone, Default)]
pub(super) struct ErpReturn {
    pub(super) authorized: BTreeMap<i32, i64>,
    pub(super) receipts: Vec<TakenIn>,
    pub(super) closed: bool,
    pub(super) memo: Option<i64>,
    pub(super) refund: Option<i64>,
    pub(super) version: u32,
}

impl ErpReturn {
    pub(super) fn left(&self, line: i32) -> i64 {
        let taken: i64 = self.receipts.iter().filter(|one| one.line == line).map(|one| one.quantity).sum();
        self.authorized.get(&line).copied().unwrap_or(0) - taken
    }

    pub(super) fn is_full(&self) -> bool {
        self.authorized.keys().all(|line| self.left(*line) <= 0)
    }
}

/// A refund at the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtShop {
    Pending,
    Failed,
    Gave(i64),
}

pub(super) struct World {
    pub(super) now: i64,
    pub(super) sale: Sale,
    pub(super) books: Allowance,
    pub(super) erp: Option<ErpReturn>,
    pub(super) shop: BTreeMap<String, AtShop>,
    /// Back on our shelf, by receipt.
    pub(super) restocked: BTreeMap<String, i64>,
    pub(super) late: Vec<(Leg, Brought)>,
    pub(super) read: Vec<erp::SalesReturn>,
    /// Given back by people.
    pub(super) by_hand: i64,
    /// What the order does not take any more, by the credit that says so.
    pub(super) taken_off: BTreeMap<String, i64>,
}

impl World {
    pub(super) fn told(&self, part: &part::Part) -> Option<erp::SalesReturn> {
        let known = self.erp.as_ref()?;
        let mut receipts: BTreeMap<usize, erp::Receipt> = BTreeMap::new();
        for one in &known.receipts {
            let receipt = receipts.entry(one.id).or_insert_with(|| erp::Receipt {
                document: Some(document("itemReceipt", &one.id.to_string())),
                external_ref: one.external.clone(),
                date: "2011-06-01".into(),
                ..erp::Receipt::default()
            });
            receipt.lines.push(erp::ReceiptLine {
                line_number: one.line,
                quantity: Quantity::from_millionths(one.quantity).to_string(),
                restock: one.restock,
                location: "MAIN".into(),
            });
        }
        let state = if known.closed { erp::SalesReturnState::Closed } else { erp::SalesReturnState::Unspecified };
        let memo = known.memo.map(|_| erp::CreditMemo {
            external_ref: part.credit_id(),
            document: Some(document("creditMemo", "m-1")),
            ..erp::CreditMemo::default()
        });
        let refund = known.refund.map(|_| erp::RefundDocument {
            external_ref: part.refund_document_id(),
            document: Some(document("customerRefund", "f-1")),
            ..erp::RefundDocument::default()
        });
        Some(erp::SalesReturn {
            external_ref: part.id.clone(),
            document: Some(document("returnAuthorization", "ra-1")),
            etag: known.version.to_string(),
            state: i32::from(state),
            receipts: receipts.into_values().collect(),
            credit_memos: memo.into_iter().collect(),
            refunds: refund.into_iter().collect(),
            ..erp::SalesReturn::default()
        })
    }

    /// What the order still takes for its goods.
    fn due(&self) -> i64 {
        self.sale.invoiced - self.taken_off.values().sum::<i64>() - self.sale.captured
    }

    /// The order's own money is taken: what it was asked for first, or what somebody pays anew.
    pub(super) fn is_paid(&mut self) {
        self.sale.captured += self.due();
        self.sale.is_being_paid = false;
    }

    fn posted(&self, part: &part::Part, id: &str) -> Brought {
        let told = self.told(part).unwrap();
        Brought::Receipt(Box::new(told.receipts.into_iter().find(|one| one.external_ref == id).unwrap()))
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut ErpReturn)) {
        if let Some(known) = &mut self.erp {
            change(known);
            known.version += 1;
        }
    }

    /// Does what a leg asks for; `luck` says how the shop is doing.
    pub(super) fn perform(&mut self, record: &Return, leg: &Leg, luck: u8) -> Result<Brought, Failure> {
        let part = record.parts[0].clone();
        let refused = |reason: &str| Err(Failure::refused(reason, "so"));
        match leg {
            Leg::OpenReturn(_) => {
                let lines = record.lines_of(&part).map(|line| (line.number, line.authorized)).collect();
                self.erp.get_or_insert_with(|| ErpReturn { authorized: lines, ..ErpReturn::default() });
                Ok(Brought::SalesReturn(Box::new(self.told(&part).unwrap())))
            }
            Leg::PostReceipt(_, id) => {
                let receipt = part.receipts.iter().find(|one| one.id == *id).unwrap().clone();
                let known = self.erp.as_ref().unwrap();
                if known.receipts.iter().any(|one| one.external == *id) {
                    return Ok(self.posted(&part, id));
                }
                let goods = receipt.lines.iter().filter(|line| line.disposition() != Disposition::Reject);
                let goods: Vec<ReceiptLine> = goods.cloned().collect();
                let mut asked: BTreeMap<i32, i64> = BTreeMap::new();
                goods.iter().for_each(|line| *asked.entry(line.number).or_default() += line.quantity);
                if known.closed || asked.iter().any(|(line, quantity)| *quantity > known.left(*line)) {
                    let told = self.told(&part).filter(|told| facts::is_overtaken(record, told, 1, id));
                    return told
                        .map_or_else(|| refused("VENDOR_REFUSED"), |told| Ok(Brought::SalesReturn(Box::new(told))));
                }
                let number = known.receipts.len() + 1;
                self.change(|known| {
                    known.receipts.extend(goods.iter().map(|line| TakenIn {
                        id: number,
                        external: id.clone(),
                        line: line.number,
                        quantity: line.quantity,
                        restock: line.disposition() == Disposition::Restock,
                    }));
                });
                Ok(self.posted(&part, id))
            }
            Leg::Restock(_, id) => {
                let receipt = part.receipts.iter().find(|one| one.id == *id).unwrap();
                let back = receipt.lines.iter().filter(|line| line.disposition() == Disposition::Restock);
                let back = back.map(|line| line.quantity).sum();
                self.restocked.entry(id.clone()).or_insert(back);
                Ok(Brought::Done)
            }
            Leg::CloseReturn(_) => {
                self.change(|known| known.closed = true);
                Ok(self.told(&part).map_or(Brought::Done, |told| Brought::SalesReturn(Box::new(told))))
            }
            Leg::Settle(_) => {
                let entry = self.books.settle(&self.sale, &crediting::settling(record, &part));
                Ok(entry.map_or(Brought::NotYet, Brought::Settled))
            }
            Leg::TellOrder(_) if self.sale.is_being_paid => Ok(Brought::NotYet),
            Leg::TellOrder(_) => {
                let (asked, due) = (part.settlement.as_ref().unwrap().applied, self.due());
                let taken_off = *self.taken_off.entry(part.id.clone()).or_insert(asked.min(due));
                Ok(Brought::Settled(self.books.take_off(&self.sale, &part.id, taken_off).unwrap()))
            }
            Leg::CreditMemo(_) => {
                let credited = part.settlement.as_ref().unwrap().credited;
                self.change(|known| assert_eq!(*known.memo.get_or_insert(credited), credited));
                Ok(Brought::Record(document("creditMemo", "m-1")))
            }
            Leg::Refund(..) if part.waits_for_what_came_back() => refused("REFUND_CAME_BACK"),
            Leg::Refund(..) if part.has_failed_refund() => refused("REFUND_FAILED"),
            Leg::Refund(..) => {
                let due = part.still_due();
                let known = self.shop.entry(part.refund_id()).or_insert(AtShop::Pending);
                if *known == AtShop::Pending {
                    *known = match luck % 8 {
                        0 => AtShop::Pending,
                        1 => AtShop::Failed,
                        2 => AtShop::Gave(due / 2),
                        _ => AtShop::Gave(due),
                    };
                }
                let told = |minor: Option<i64>, pending: bool| Told {
                    record: Some(document("refund", &part.refund_id())),
                    minor,
                    at: self.now,
                    pending,
                    ..Told::default()
                };
                match *known {
                    AtShop::Pending => Ok(Brought::Refund(told(None, true))),
                    AtShop::Failed => refused("REFUND_FAILED"),
                    AtShop::Gave(minor) => Ok(Brought::Refund(told(Some(minor), false))),
                }
            }
            Leg::RecordRefund(_) => {
                let refunded = part.refunded();
                self.change(|known| assert_eq!(*known.refund.get_or_insert(refunded), refunded));
                Ok(Brought::Record(document("customerRefund", "f-1")))
            }
            Leg::GiveBack(_) => {
                self.books.give_back(&record.id);
                Ok(Brought::Done)
            }
            Leg::Identify | Leg::Locate | Leg::Judge(_) | Leg::AnswerShop(_) | Leg::NoteGiven => {
                panic!("{leg:?} of a return whose lines are claimed")
            }
        }
    }
}
