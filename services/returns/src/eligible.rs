//! What may come back, without starting anything: the same rules over the same orders, nothing written here.

use std::collections::BTreeMap;

use retail_flow::Failure;
use retail_proto::returns::v1 as pb;
use retail_proto::types::v1::Money;
use retail_runtime::fault::Violations;

use crate::allowance::Allowance;
use crate::ask::quantity;
use crate::day::millisecond;
use crate::eligibility::{Question, Verdict};
use crate::fault::Error;
use crate::line::{Line, Stage};
use crate::locate::locate;
use crate::record::{Capture, Return};
use crate::render::rule;
use crate::returns::Returns;
use crate::sale::{Sale, SoldLine};
use crate::settling::questions;
use crate::start::parse_lines;

/// Orders of one question, each with a copy of its books.
type Desk = BTreeMap<String, (Sale, Allowance)>;

impl Returns {
    /// Judges lines, or every line of an order.
    pub(crate) async fn check(&self, request: &pb::CheckEligibilityRequest) -> Result<Vec<pb::LineEligibility>, Error> {
        let mut bad = Violations::default();
        let known = self.terms.channel(&request.channel).is_some();
        bad.require("channel", known, &format!("no channel {:?} is configured", request.channel));
        let asks = !request.lines.is_empty() || !request.order_id.is_empty();
        bad.require("lines", asks, "give lines, or the order whose lines are meant");
        let lines = parse_lines(&request.lines, &mut bad);
        bad.check()?;
        let requested_at = request.requested_at.as_ref().map_or(self.now().as_millisecond(), millisecond);
        let mut record = Return {
            capture: i32::from(Capture::Request),
            channel: request.channel.clone(),
            customer_id: request.customer_id.clone(),
            requested_at,
            lines,
            ..Return::default()
        };
        if record.lines.is_empty() {
            return self.whole_order(&request.order_id, requested_at).await;
        }
        let found = self.finder.locate(&record).await.map_err(unreachable)?;
        locate(&mut record, found);
        let mut desk = Desk::new();
        let mut answers = Vec::new();
        for line in &record.lines {
            let judged =
                if line.stage() == Stage::Located { self.located(&record, line, &mut desk).await? } else { None };
            answers.push(judged.unwrap_or_else(|| refused(line)));
        }
        answers.sort_by_key(|answer| answer.index);
        Ok(answers)
    }

    async fn whole_order(&self, order_id: &str, requested_at: i64) -> Result<Vec<pb::LineEligibility>, Error> {
        let mut desk = Desk::new();
        let Some((sale, books)) = self.on_desk(&mut desk, order_id).await? else {
            let mut bad = Violations::default();
            bad.add("order_id", format!("no order {order_id} is known"));
            return Err(bad.into_shape().into());
        };
        let judged = sale.lines.iter().map(|sold| {
            let question =
                Question { order_line: sold.number, quantity: sold.ordered, requested_at, ..Question::default() };
            answer(&self.books.judge(sale, books, &question), sale, books, sold, sold.number)
        });
        Ok(judged.collect())
    }

    async fn located(
        &self,
        record: &Return,
        line: &Line,
        desk: &mut Desk,
    ) -> Result<Option<pb::LineEligibility>, Error> {
        let question = questions(record, &line.order_id).into_iter().find(|question| question.number == line.number);
        let Some((sale, books)) = self.on_desk(desk, &line.order_id).await? else { return Ok(None) };
        let (Some(question), Some(sold)) = (question, sale.line(line.order_line)) else { return Ok(None) };
        let verdict = self.books.judge(sale, books, &question);
        let answer = answer(&verdict, sale, books, sold, line.input_number.saturating_sub(1));
        // What one line would take is not there for the next.
        books.claim("", line.number, sale, sold, verdict.quantity);
        Ok(Some(answer))
    }

    /// An order and a copy of its books.
    async fn on_desk<'a>(
        &self,
        desk: &'a mut Desk,
        order_id: &str,
    ) -> Result<Option<(&'a Sale, &'a mut Allowance)>, Error> {
        if !desk.contains_key(order_id) {
            let Some(sale) = self.finder.sale(order_id).await.map_err(unreachable)? else { return Ok(None) };
            let books = self.books.of(order_id).await.map_err(unreachable)?;
            desk.insert(order_id.to_owned(), (sale, books));
        }
        Ok(desk.get_mut(order_id).map(|(sale, books)| (&*sale, books)))
    }
}

fn answer(verdict: &Verdict, sale: &Sale, books: &Allowance, sold: &SoldLine, index: i32) -> pb::LineEligibility {
    pb::LineEligibility {
        index,
        eligible: verdict.cause.is_empty() && verdict.quantity > 0,
        quantity: quantity(verdict.quantity),
        amount: Some(Money { minor_units: books.worth(sold, verdict.quantity), currency: sale.currency.clone() }),
        order_id: sale.order_id.clone(),
        order_line_number: sold.number,
        sku: sold.sku.clone(),
        rules: verdict.rules.iter().map(rule).collect(),
        cause: verdict.cause.clone(),
    }
}

/// A line whose purchase is not found: no rule but the first could be asked.
fn refused(line: &Line) -> pb::LineEligibility {
    let detail = line.cause_detail.clone();
    let rule = pb::RuleVerdict { rule: "PURCHASED".into(), passed: false, detail, ..Default::default() };
    pb::LineEligibility {
        index: line.input_number.saturating_sub(1),
        quantity: quantity(0),
        order_id: line.order_id.clone(),
        sku: line.sku.clone(),
        rules: vec![rule],
        cause: line.cause.clone(),
        ..Default::default()
    }
}

fn unreachable(_: Failure) -> Error {
    Error::Peer("orders or customers")
}
