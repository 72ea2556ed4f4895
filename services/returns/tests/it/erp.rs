//! An ERP with books of its own: it does what it is asked once per external id, unless it is in a mood, and refuses
//! what no books may hold.

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::books::{Books, Moods, done, law, minor, record, refusal, units, unless};

/// A return in the ERP, with what it was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    pub(crate) input: pb::ReturnInput,
    pub(crate) told: pb::SalesReturn,
    pub(crate) credits: Vec<pb::CreateCreditMemoRequest>,
    pub(crate) refunds: Vec<pb::RecordRefundRequest>,
}

#[derive(Default)]
pub(crate) struct Ledgers {
    pub(crate) moods: Moods,
    /// Nothing new is shown to readings while this is set.
    pub(crate) hidden: bool,
    pub(crate) returns: BTreeMap<String, Kept>,
    /// Returns as they changed; the cursor is a place in it.
    pub(crate) changes: Vec<pb::SalesReturnChange>,
}

impl Ledgers {
    fn told(&mut self, external_ref: &str) {
        let kept = self.returns.get_mut(external_ref).unwrap();
        kept.told.etag = format!("e{}", self.changes.len());
        let change = pb::SalesReturnChange {
            kind: i32::from(pb::ChangeKind::Upsert),
            external_ref: external_ref.into(),
            sales_return: Some(kept.told.clone()),
        };
        self.changes.push(change);
    }

    /// The warehouse takes goods in by itself.
    pub(crate) fn receive(&mut self, external_ref: &str, lines: &[(i32, i64)]) {
        let receipts = self.returns[external_ref].told.receipts.len() + 1;
        let lines = lines.iter().map(|(line_number, units)| pb::ReceiptLine {
            line_number: *line_number,
            quantity: units.to_string(),
            restock: true,
            location: "MAIN".into(),
        });
        let receipt = pb::Receipt {
            document: Some(record("erp", "itemReceipt", &format!("ir-{external_ref}-{receipts}"))),
            lines: lines.collect(),
            date: "2010-12-10".into(),
            ..pb::Receipt::default()
        };
        self.returns.get_mut(external_ref).unwrap().told.receipts.push(receipt);
        self.told(external_ref);
    }

    /// Somebody closes the return by hand.
    pub(crate) fn close(&mut self, external_ref: &str) {
        self.returns.get_mut(external_ref).unwrap().told.set_state(pb::SalesReturnState::Closed);
        self.told(external_ref);
    }

    /// Credited over all returns of a sales order.
    pub(crate) fn credited(&self, sales_order: &str) -> i64 {
        let of = |kept: &&Kept| kept.input.sales_order.as_ref().is_some_and(|order| order.id == sales_order);
        let memos = self.returns.values().filter(of).flat_map(|kept| &kept.told.credit_memos);
        memos.map(|memo| minor(memo.total.as_ref())).sum()
    }

    pub(crate) fn only(&self) -> &Kept {
        assert_eq!(self.returns.len(), 1, "more than one return in the ERP");
        self.returns.values().next().unwrap()
    }
}

impl Kept {
    fn received(&self, line: i32) -> i64 {
        let lines = self.told.receipts.iter().flat_map(|receipt| &receipt.lines);
        lines.filter(|one| one.line_number == line).map(|one| units(&one.quantity)).sum()
    }

    fn authorized(&self, line: i32) -> Option<&pb::ReturnLineInput> {
        self.input.lines.iter().find(|one| one.line_number == line)
    }

    fn is_all_received(&self) -> bool {
        let goods = self.input.lines.iter().filter(|line| !line.is_charge);
        goods.clone().count() > 0 && goods.clone().all(|line| self.received(line.line_number) >= units(&line.quantity))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Erp {
    pub(crate) books: Books<Ledgers>,
}

impl Erp {
    pub(crate) fn books(&self) -> MutexGuard<'_, Ledgers> {
        self.books.open()
    }
}

fn missing() -> Status {
    refusal(Class::NotFound, "NO_SUCH_SALES_RETURN")
}

#[tonic::async_trait]
impl ErpService for Erp {
    async fn create_return(
        &self,
        request: Request<pb::CreateReturnRequest>,
    ) -> Result<Response<pb::CreateReturnResponse>, Status> {
        self.books.write(|books| {
            let silent = books.moods.next("create_return")?;
            let input = request.into_inner().input.unwrap();
            let whole = !input.lines.is_empty() && input.sales_order.is_some() && !input.rma_number.is_empty();
            law(whole && input.lines.iter().all(|line| units(&line.quantity) > 0), "BAD_REQUEST")?;
            law(input.lines.iter().all(|line| line.is_charge == line.location.is_empty()), "LOCATION_MISSING")?;
            let mut numbers: Vec<i32> = input.lines.iter().map(|line| line.line_number).collect();
            numbers.dedup();
            law(numbers.len() == input.lines.len(), "SAME_LINE_TWICE")?;
            let id = input.external_ref.clone();
            if !books.returns.contains_key(&id) {
                let told = pb::SalesReturn {
                    external_ref: id.clone(),
                    document: Some(record("erp", "returnAuthorization", &format!("ra-{id}"))),
                    state: i32::from(pb::SalesReturnState::PendingReceipt),
                    sales_order: input.sales_order.clone(),
                    ..pb::SalesReturn::default()
                };
                books.returns.insert(id.clone(), Kept { input, told, ..Kept::default() });
                books.told(&id);
            }
            let sales_return = Some(books.returns[&id].told.clone());
            unless(silent, pb::CreateReturnResponse { outcome: done(), sales_return })
        })
    }

    async fn get_return(
        &self,
        request: Request<pb::GetReturnRequest>,
    ) -> Result<Response<pb::GetReturnResponse>, Status> {
        let books = self.books();
        let kept = books.returns.get(&request.get_ref().external_ref).ok_or_else(missing)?;
        Ok(Response::new(pb::GetReturnResponse { sales_return: Some(kept.told.clone()) }))
    }

    async fn cancel_return(
        &self,
        request: Request<pb::CancelReturnRequest>,
    ) -> Result<Response<pb::CancelReturnResponse>, Status> {
        self.books.write(|books| {
            let silent = books.moods.next("cancel_return")?;
            let id = request.into_inner().external_ref;
            if let Some(kept) = books.returns.get(&id) {
                law(!kept.is_all_received(), "ALREADY_RECEIVED")?;
                if kept.told.state() != pb::SalesReturnState::Closed {
                    books.close(&id);
                }
            }
            let sales_return = books.returns.get(&id).map(|kept| kept.told.clone());
            unless(silent, pb::CancelReturnResponse { outcome: done(), sales_return })
        })
    }

    async fn post_receipt(
        &self,
        request: Request<pb::PostReceiptRequest>,
    ) -> Result<Response<pb::PostReceiptResponse>, Status> {
        self.books.write(|books| {
            let silent = books.moods.next("post_receipt")?;
            let request = request.into_inner();
            let numbers: std::collections::BTreeSet<i32> = request.lines.iter().map(|line| line.line_number).collect();
            law(!numbers.is_empty() && numbers.len() == request.lines.len(), "SAME_LINE_TWICE")?;
            let kept = books.returns.get_mut(&request.return_ref).ok_or_else(missing)?;
            let known = kept.told.receipts.iter().find(|one| one.external_ref == request.external_ref).cloned();
            let receipt = match known {
                Some(known) => known,
                None => {
                    law(kept.told.state() != pb::SalesReturnState::Closed, "RETURN_CLOSED")?;
                    for line in &request.lines {
                        let authorized = kept.authorized(line.line_number).map_or(0, |one| units(&one.quantity));
                        let received = kept.received(line.line_number) + units(&line.quantity);
                        law(received <= authorized, "MORE_THAN_AUTHORIZED")?;
                    }
                    let number = kept.told.receipts.len() + 1;
                    let receipt = pb::Receipt {
                        document: Some(record("erp", "itemReceipt", &format!("ir-{}-{number}", request.return_ref))),
                        external_ref: request.external_ref.clone(),
                        lines: request.lines.clone(),
                        date: request.receipt_date.clone(),
                    };
                    kept.told.receipts.push(receipt.clone());
                    books.told(&request.return_ref);
                    receipt
                }
            };
            unless(silent, pb::PostReceiptResponse { outcome: done(), receipt: Some(receipt) })
        })
    }

    async fn create_credit_memo(
        &self,
        request: Request<pb::CreateCreditMemoRequest>,
    ) -> Result<Response<pb::CreateCreditMemoResponse>, Status> {
        self.books.write(|books| {
            let silent = books.moods.next("create_credit_memo")?;
            let request = request.into_inner();
            let kept = books.returns.get_mut(&request.return_ref).ok_or_else(missing)?;
            let known = kept.told.credit_memos.iter().find(|one| one.external_ref == request.external_ref).cloned();
            let memo = match known {
                Some(known) => known,
                None => {
                    law(kept.told.credit_memos.is_empty(), "ALREADY_CREDITED")?;
                    let sum: i64 = request.lines.iter().map(|line| minor(line.amount.as_ref())).sum();
                    law(!request.lines.is_empty() && sum == minor(request.total.as_ref()), "TOTAL_DIFFERS")?;
                    for line in &request.lines {
                        let input = kept.authorized(line.line_number).ok_or_else(missing)?;
                        // Goods are credited only when they were received.
                        let most =
                            if input.is_charge { units(&input.quantity) } else { kept.received(line.line_number) };
                        law(units(&line.quantity) <= most, "NOT_RECEIVED")?;
                    }
                    let memo = pb::CreditMemo {
                        document: Some(record("erp", "creditMemo", &format!("cm-{}", request.return_ref))),
                        external_ref: request.external_ref.clone(),
                        total: request.total.clone(),
                        ..pb::CreditMemo::default()
                    };
                    kept.told.credit_memos.push(memo.clone());
                    kept.credits.push(request.clone());
                    books.told(&request.return_ref);
                    memo
                }
            };
            unless(silent, pb::CreateCreditMemoResponse { outcome: done(), credit_memo: Some(memo) })
        })
    }

    async fn record_refund(
        &self,
        request: Request<pb::RecordRefundRequest>,
    ) -> Result<Response<pb::RecordRefundResponse>, Status> {
        self.books.write(|books| {
            let silent = books.moods.next("record_refund")?;
            let request = request.into_inner();
            let memo_id = request.apply_to.clone().unwrap_or_default().id;
            let of_memo = |kept: &&mut Kept| {
                kept.told.credit_memos.iter().any(|memo| memo.document.as_ref().is_some_and(|it| it.id == memo_id))
            };
            let kept = books.returns.values_mut().find(of_memo).ok_or_else(missing)?;
            let known = kept.told.refunds.iter().find(|one| one.external_ref == request.external_ref).cloned();
            let refund = match known {
                Some(known) => known,
                None => {
                    let total: i64 = kept.told.credit_memos.iter().map(|memo| minor(memo.total.as_ref())).sum();
                    let amount = minor(request.amount.as_ref());
                    let paid_out: i64 = kept.told.refunds.iter().map(|one| minor(one.amount.as_ref())).sum();
                    law(amount > 0 && amount + paid_out <= total, "MORE_THAN_CREDITED")?;
                    law(!request.customer_ref.is_empty(), "BAD_REQUEST")?;
                    let refund = pb::RefundDocument {
                        document: Some(record("erp", "customerRefund", &format!("cr-{memo_id}"))),
                        external_ref: request.external_ref.clone(),
                        amount: request.amount.clone(),
                        applied_to: request.apply_to.clone(),
                    };
                    kept.told.refunds.push(refund.clone());
                    kept.refunds.push(request);
                    let id = kept.told.external_ref.clone();
                    books.told(&id);
                    refund
                }
            };
            unless(silent, pb::RecordRefundResponse { outcome: done(), refund: Some(refund) })
        })
    }

    async fn poll_returns(
        &self,
        request: Request<pb::PollReturnsRequest>,
    ) -> Result<Response<pb::PollReturnsResponse>, Status> {
        let books = self.books();
        let from = request.get_ref().cursor.parse().unwrap_or(0);
        let upto = if books.hidden { from } else { books.changes.len() };
        let changes = books.changes[from..upto].to_vec();
        Ok(Response::new(pb::PollReturnsResponse { changes, cursor: upto.to_string(), more: false }))
    }
}
