//! A refund that the shop made by itself becomes a return whose books Weft closes: its money is given back already, its
//! goods are back or lost. Pure.
//!
//! The ERP credits lines, so the money is shared over the lines that the shop named, by what each is worth; what is
//! more than they are worth, and money without lines, is goodwill that a person settles.

use std::collections::BTreeMap;

use retail_proto::returns::v1 as pb;
use retail_runtime::Timestamp;
use retail_runtime::fault::{BadShape, Violations};

use crate::day::millisecond;
use crate::line::{Line, Wish};
use crate::record::{Capture, Given, Return};
use crate::sale::Sale;
use crate::share::{share, spread};
use crate::start::{quantity, return_id};

/// Checks the shape of the fact.
pub(crate) fn check(request: &pb::TakeRefundRequest, channel_is_known: bool) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    bad.require("channel", channel_is_known, &format!("no channel {:?} is configured", request.channel));
    bad.require("channel_order_id", !request.channel_order_id.is_empty(), "give the channel's own id of the order");
    let named = request.refund.as_ref().is_some_and(|refund| !refund.id.is_empty());
    bad.require("refund", named, "give the shop's refund with its id");
    bad.require("refunded_at", request.refunded_at.is_some(), "say when it was made");
    bad.require("amount", minor(request) >= 0, "a refund is not negative");
    for (line, place) in request.lines.iter().zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        bad.require(&at("channel_line_id"), !line.channel_line_id.is_empty(), "give the channel's id of the line");
        quantity(&line.quantity, &at("quantity"), &mut bad);
    }
    bad.check()
}

/// What was given back, minor units.
pub(crate) fn minor(request: &pb::TakeRefundRequest) -> i64 {
    request.amount.as_ref().map_or(0, |amount| amount.minor_units)
}

/// Money of another currency than the order's cannot be shared over its lines.
pub(crate) fn check_currency(request: &pb::TakeRefundRequest, sale: &Sale) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    let given = request.amount.as_ref().filter(|amount| amount.minor_units > 0);
    let same = given.is_none_or(|amount| amount.currency == sale.currency);
    bad.require("amount", same, &format!("give it in the order's currency, {}", sale.currency));
    bad.check()
}

/// The id of the return that a refund of the shop becomes.
pub(crate) fn id_of(request: &pb::TakeRefundRequest) -> String {
    return_id(&request.channel, request.refund.as_ref().map_or("", |refund| refund.id.as_str()))
}

/// The return that a refund of the shop becomes. The shape was checked before.
pub(crate) fn record(request: &pb::TakeRefundRequest, sale: &Sale, now: Timestamp) -> Return {
    let at = request.refunded_at.as_ref().map_or(0, millisecond);
    let minor = minor(request).saturating_sub(of_the_order(request, sale));
    let refund = request.refund.clone();
    let mut record = Return {
        id: id_of(request),
        capture: i32::from(Capture::Fact),
        channel: request.channel.clone(),
        source: request.channel.clone(),
        source_return_id: refund.as_ref().map(|refund| refund.id.clone()).unwrap_or_default(),
        customer_id: sale.customer_id.clone(),
        requested_at: at,
        updated_at: now.as_millisecond(),
        note: request.note.clone(),
        given: Some(Given { record: refund, minor, at, order_id: sale.order_id.clone(), ..Given::default() }),
        attributes: BTreeMap::new(),
        ..Return::default()
    };
    let came_back = request.lines.iter().filter(|line| !line.never_left);
    let lines: Vec<(Line, i64)> = came_back.zip(1..).map(|(line, number)| line_of(line, number, sale)).collect();
    let worths: Vec<i64> = lines.iter().map(|(_, worth)| *worth).collect();
    let worth: i64 = worths.iter().sum();
    let shares = spread(minor.min(worth), &worths);
    for ((mut line, _), given) in lines.into_iter().zip(shares) {
        line.given = given;
        if minor == 0 {
            line.except(
                "NO_MONEY_MOVED",
                "the shop took goods back and gave nothing; name the purchase to credit and refund it, or dismiss",
            );
        }
        record.lines.push(line);
    }
    let goodwill = minor.saturating_sub(worth.min(minor));
    if goodwill > 0 {
        record.lines.push(goodwill_line(record.next_number(), goodwill, sale));
    }
    record
}

/// What of the money is for goods that never left, minor units: the order sees to it. It comes first: of such goods nothing is
/// kept from the customer.
fn of_the_order(request: &pb::TakeRefundRequest, sale: &Sale) -> i64 {
    let never_left = request.lines.iter().filter(|line| line.never_left);
    let worth = never_left.fold(0_i64, |sum, line| sum.saturating_add(line_of(line, 0, sale).1));
    worth.min(minor(request))
}

fn line_of(said: &pb::RefundFactLine, number: i32, sale: &Sale) -> (Line, i64) {
    let requested = quantity(&said.quantity, "quantity", &mut Violations::default());
    let sold = sale.lines.iter().find(|sold| sold.channel_line_id == said.channel_line_id);
    let (ordered, value) = sale.sold_as(&said.channel_line_id);
    let worth = share(value, requested.min(ordered), ordered);
    let line = Line {
        number,
        input_number: number,
        wish: Some(Wish {
            order_id: sale.order_id.clone(),
            channel_line_id: said.channel_line_id.clone(),
            ..Wish::default()
        }),
        sku: sold.map(|sold| sold.sku.clone()).unwrap_or_default(),
        requested,
        source_line_id: said.channel_line_id.clone(),
        currency: sale.currency.clone(),
        restocked: said.restocked,
        ..Line::default()
    };
    (line, worth)
}

fn goodwill_line(number: i32, minor: i64, sale: &Sale) -> Line {
    let mut line = Line { number, currency: sale.currency.clone(), amount: minor, given: minor, ..Line::default() };
    line.order_id.clone_from(&sale.order_id);
    line.order_number.clone_from(&sale.number);
    line.except(
        "GOODWILL_CREDIT",
        "the shop gave money back without goods; credit it in the ERP by hand, then dismiss the line",
    );
    line
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::{Money, Ref};

    use super::*;
    use crate::testing::sale;

    fn fact(minor_units: i64, lines: &[(&str, &str)]) -> pb::TakeRefundRequest {
        let line = |(id, quantity): &(&str, &str)| pb::RefundFactLine {
            channel_line_id: (*id).into(),
            quantity: (*quantity).into(),
            restocked: true,
            ..pb::RefundFactLine::default()
        };
        pb::TakeRefundRequest {
            channel: "shop".into(),
            channel_order_id: "1001".into(),
            refund: Some(Ref { id: "rf-1".into(), ..Ref::default() }),
            amount: Some(Money { minor_units, currency: "GBP".into() }),
            lines: lines.iter().map(line).collect(),
            refunded_at: Some(prost_types::Timestamp::default()),
            ..Default::default()
        }
    }

    fn givens(minor: i64, lines: &[(&str, &str)]) -> Vec<(i64, String)> {
        let record = record(&fact(minor, lines), &sale(), Timestamp::UNIX_EPOCH);
        record.lines.into_iter().map(|line| (line.given, line.cause)).collect()
    }

    // The sale of `testing`: six at 15.30 on line 91, six at 20.34 on line 92.
    #[test]
    fn the_money_is_shared_by_what_the_lines_are_worth() {
        assert_eq!(givens(594, &[("91", "1"), ("92", "1")]), [(255, String::new()), (339, String::new())]);
        assert_eq!(givens(297, &[("91", "1"), ("92", "1")]), [(128, String::new()), (169, String::new())]);
    }

    #[test]
    fn a_line_that_several_places_shipped_is_worth_what_its_parts_are_together() {
        let mut sale = sale();
        let part =
            crate::sale::SoldLine { number: 3, split_from: 1, ordered: 2_000_000, value: 510, ..sale.lines[0].clone() };
        (sale.lines[0].ordered, sale.lines[0].value) = (4_000_000, 1020);
        sale.lines.push(part);
        let record = record(&fact(1275, &[("91", "5")]), &sale, Timestamp::UNIX_EPOCH);
        let givens: Vec<_> = record.lines.iter().map(|line| (line.given, line.cause.as_str())).collect();
        assert_eq!(givens, [(1275, "")]);
    }

    #[test]
    fn money_for_goods_that_never_left_is_the_orders() {
        let mut both = fact(849, &[("91", "2"), ("92", "1")]);
        both.lines[1].never_left = true;
        let record = record(&both, &sale(), Timestamp::UNIX_EPOCH);
        let givens: Vec<_> = record.lines.iter().map(|line| (line.number, line.given)).collect();
        assert_eq!((givens, record.given.unwrap().minor), (vec![(1, 510)], 510));
    }

    #[test]
    fn more_than_the_goods_are_worth_is_goodwill_for_a_person() {
        assert_eq!(givens(300, &[("91", "1")]), [(255, String::new()), (45, "GOODWILL_CREDIT".into())]);
        assert_eq!(givens(300, &[]), [(300, "GOODWILL_CREDIT".into())]);
    }

    #[test]
    fn goods_without_money_wait_for_a_person() {
        assert_eq!(givens(0, &[("91", "1")]), [(0, "NO_MONEY_MOVED".into())]);
    }

    #[test]
    fn a_fact_without_its_refund_is_refused_by_field() {
        let bad = check(&pb::TakeRefundRequest { refund: None, ..fact(1, &[]) }, true).unwrap_err();
        assert_eq!(retail_runtime::fault::Fault::fields(&bad)[0].0, "refund");
    }
}
