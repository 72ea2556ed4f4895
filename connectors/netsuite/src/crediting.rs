//! Credit memos in: what a return is worth, made of the return.

use retail_connect::{Lane, outcome};
use retail_proto::Money;
use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::Outcome;
use serde_json::Number;

use crate::booking::internal_id;
use crate::erp::Connector;
use crate::fault::Error;
use crate::map;
use crate::path::eid;
use crate::posting::gone;
use crate::receipts::whole;
use crate::request::returns::Credit;
use crate::returning::{back_line, differs};
use crate::row::decimal;
use crate::wire::returns::{self as wire, ReturnRecord};
use crate::wire::{Lines, Record, Reference};

const CREDIT: &str = "credit_memo.transform";

impl Connector {
    /// Makes a credit memo of a return, or answers the one that is there.
    pub(crate) async fn credit(
        &self,
        request: &pb::CreateCreditMemoRequest,
        credit: Credit,
    ) -> Result<(Outcome, Option<pb::CreditMemo>), Error> {
        let id = &request.external_ref;
        if let Some(found) = self.find_credit(id, credit.total).await? {
            return Ok((outcome::done(), Some(found)));
        }
        let Some(back) = self.return_record(&request.return_ref).await? else {
            let words = format!("NetSuite has no return {}", request.return_ref);
            return Ok((outcome::refused("ERP_RECORD_MISSING", words), None));
        };
        let internal = internal_id(&back.id)?;
        let theirs = back.currency.as_ref().map(|currency| internal_id(&currency.id)).transpose()?;
        let theirs = self.catalogue.currencies(Lane::Critical).await?.of(theirs);
        if let Some(theirs) = theirs.filter(|theirs| *theirs != credit.total.currency()) {
            let words =
                format!("return {} is in {theirs}, the credit in {}", request.return_ref, credit.total.currency());
            return Ok((outcome::refused("ERP_CURRENCY_DIFFERS", words), None));
        }
        let items = match credited(&credit, &back, internal) {
            Ok(items) => items,
            Err(unknown) => {
                let words = format!("return {} has no {unknown}", request.return_ref);
                return Ok((outcome::refused("ERP_REFERENCE_UNKNOWN", words), None));
            }
        };
        let apply = credit.applied.map(|(invoice, amount)| Lines {
            items: vec![wire::Application {
                doc: Reference::Id(invoice.to_string()),
                apply: true,
                amount: map::number(amount.to_decimal()),
            }],
        });
        let body = wire::CreditWrite {
            external_id: format!("{}{id}", map::CREDIT),
            tran_date: request.credit_date.clone(),
            memo: map::filled(&request.memo),
            item: Lines { items },
            apply,
        };
        let path = format!("/returnAuthorization/{internal}/!transform/creditMemo?replace=item");
        if let Err(refused) = self.make(CREDIT, &path, &body, id).await? {
            return Ok(match self.find_credit(id, credit.total).await? {
                Some(found) => (outcome::done(), Some(found)),
                None => (refused, None),
            });
        }
        let found = self.find_credit(id, credit.total).await.map_err(|error| error.after_the_write(CREDIT))?;
        let found = found.ok_or_else(|| gone("credit_memo.get"))?;
        let warnings = differs(found.total.as_ref(), credit.total);
        Ok((outcome::done_with(warnings), Some(found)))
    }

    /// A credit memo of ours. Its currency is its return's, so it is the one that was asked for.
    async fn find_credit(&self, id: &str, asked: Money) -> Result<Option<pb::CreditMemo>, Error> {
        let path = format!("{}?fields=tranId,tranDate,total,amountRemaining", eid("creditMemo", map::CREDIT, id));
        let found = self.suite.get::<Record>("credit_memo.get", &path, Lane::Critical, id).await?;
        let Some(found) = found else { return Ok(None) };
        let number = found.tran_id.unwrap_or_default();
        Ok(Some(pb::CreditMemo {
            document: Some(map::reference(&self.instance, "creditMemo", found.id, number)),
            external_ref: id.to_owned(),
            total: Some(exact("credit_memo.get", found.total.as_ref(), asked)?.into()),
            amount_remaining: match &found.amount_remaining {
                Some(left) => Some(exact("credit_memo.get", Some(left), asked)?.into()),
                None => None,
            },
            date: found.tran_date,
        }))
    }
}

/// An amount of a record in the currency of what was asked for.
pub(crate) fn exact(operation: &'static str, number: Option<&Number>, asked: Money) -> Result<Money, Error> {
    let amount = number.and_then(|number| decimal(&number.to_string()));
    amount
        .and_then(|amount| Money::exact(amount.normalize(), asked.currency()).ok())
        .ok_or_else(|| Error::Unreadable { operation, why: "an amount is missing or malformed".to_owned() })
}

/// The lines that are credited, as they are written; or the lines that the return lacks.
fn credited(credit: &Credit, back: &ReturnRecord, internal: i64) -> Result<Vec<wire::BackLine>, String> {
    let (mut items, mut unknown) = (Vec::new(), Vec::new());
    for asked in &credit.lines {
        let record = back.item.items.iter().find(|line| whole(line.order_line.as_ref()) == Some(asked.number));
        let found = record.and_then(|record| Some((whole(Some(&record.line))?, record.item.as_ref()?)));
        match found {
            Some((line, item)) => items.push(back_line(asked, internal, item.id.clone(), line, None)),
            None => unknown.push(format!("line {}", asked.number)),
        }
    }
    if unknown.is_empty() { Ok(items) } else { Err(unknown.join(", ")) }
}
