//! Taking a return in: the request's shape is checked field by field, then it becomes a return of ours. Pure.

use std::collections::BTreeMap;

use prost::Message as _;
use retail_proto::Quantity;
use retail_proto::returns::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};
use retail_runtime::{Ids, Timestamp};

use crate::config::Channel;
use crate::day::millisecond;
use crate::line::{Condition, Line, Wish};
use crate::record::{Capture, Return};

/// As many lines as an order may have.
const MAX_LINES: usize = 5_000;

/// The id of the return that a source knows under its own id: the same for every request about it.
#[must_use]
pub fn return_id(source: &str, source_return_id: &str) -> String {
    Ids::derived("weft.return", &[source, source_return_id]).to_string()
}

/// Parses a request into a return in state REQUESTED.
pub(crate) fn parse(
    request: &pb::StartReturnRequest,
    channel: Option<&Channel>,
    now: Timestamp,
) -> Result<Return, BadShape> {
    let mut bad = Violations::default();
    let capture = match request.capture() {
        pb::ReturnCapture::Request => Capture::Request,
        pb::ReturnCapture::Fact => Capture::Fact,
        pb::ReturnCapture::Unspecified => {
            bad.add("capture", "say RETURN_CAPTURE_REQUEST or RETURN_CAPTURE_FACT");
            Capture::Request
        }
    };
    bad.require("channel", channel.is_some(), &format!("no channel {:?} is configured", request.channel));
    bad.require("source", !request.source.is_empty(), "say where the return was asked for");
    bad.require("source_return_id", !request.source_return_id.is_empty(), "give the source's own id of the return");
    bad.require("requested_at", request.requested_at.is_some(), "say when the customer asked");
    bad.require("lines", !request.lines.is_empty(), "give at least one line");
    bad.require("lines", request.lines.len() <= MAX_LINES, &format!("a return has at most {MAX_LINES} lines"));
    if let Some(customer) = &request.customer {
        let whole =
            [&customer.kind, &customer.instance, &customer.r#type, &customer.id].iter().all(|it| !it.is_empty());
        bad.require("customer", whole, "give kind, instance, type and id of the system's record");
    }
    let lines = parse_lines(&request.lines, &mut bad);
    bad.check()?;
    Ok(Return {
        id: return_id(&request.source, &request.source_return_id),
        capture: i32::from(capture),
        channel: request.channel.clone(),
        source: request.source.clone(),
        source_return_id: request.source_return_id.clone(),
        customer_id: request.customer_id.clone(),
        customer: request.customer.clone(),
        requested_at: request.requested_at.as_ref().map_or(0, millisecond),
        updated_at: now.as_millisecond(),
        lines,
        case_record: request.case_record.clone(),
        note: request.note.clone(),
        notify: request.notify_customer,
        attributes: request.attributes.clone().into_iter().collect(),
        ..Return::default()
    })
}

/// Parses lines as they are asked for.
pub(crate) fn parse_lines(lines: &[pb::ReturnLineInput], bad: &mut Violations) -> Vec<Line> {
    lines.iter().zip(1..).map(|(line, number)| parse_line(line, number, bad)).collect()
}

fn parse_line(line: &pb::ReturnLineInput, number: i32, bad: &mut Violations) -> Line {
    let at = |field: &str| format!("lines[{}].{field}", number.saturating_sub(1));
    let names_order = !line.order_id.is_empty() || !line.order_number.is_empty();
    let names_line = names_order && (line.order_line_number > 0 || !line.channel_line_id.is_empty());
    bad.require(&at("sku"), names_line || !line.sku.trim().is_empty(), "give the item code, or the order and its line");
    bad.require(&at("order_line_number"), line.order_line_number >= 0, "order lines are numbered from 1");
    bad.require(
        &at("order_line_number"),
        names_order || line.order_line_number == 0,
        "an order line needs its order: give order_id or order_number",
    );
    Line {
        number,
        input_number: number,
        wish: Some(Wish {
            order_id: line.order_id.clone(),
            order_number: line.order_number.clone(),
            order_line: line.order_line_number,
            channel_line_id: line.channel_line_id.clone(),
        }),
        sku: line.sku.trim().to_uppercase(),
        requested: quantity(&line.quantity, &at("quantity"), bad),
        reason: line.reason.clone(),
        condition: i32::from(match line.condition() {
            pb::Condition::Unspecified | pb::Condition::New => Condition::New,
            pb::Condition::Used => Condition::Used,
            pb::Condition::Damaged => Condition::Damaged,
        }),
        source_line_id: line.source_line_id.clone(),
        ..Line::default()
    }
}

/// A quantity above 0 in millionths, or 0 and a violation.
pub(crate) fn quantity(text: &str, field: &str, bad: &mut Violations) -> i64 {
    match text.parse::<Quantity>() {
        Ok(quantity) => {
            bad.require(field, quantity.is_positive(), "a quantity is above 0");
            quantity.millionths()
        }
        Err(error) => {
            bad.add(field, error.to_string());
            0
        }
    }
}

/// What the source said, the same bytes for the same content: a map has no order of its own, so its entries follow
/// behind the message, sorted, each with its length in front.
pub(crate) fn canonical(request: &pb::StartReturnRequest) -> Vec<u8> {
    let mut plain = pb::StartReturnRequest { idempotency_key: String::new(), ..request.clone() };
    let sorted: BTreeMap<String, String> = std::mem::take(&mut plain.attributes).into_iter().collect();
    let mut bytes = plain.encode_to_vec();
    for text in sorted.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&text.len().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;
    use crate::testing::request;

    fn fields(request: &pb::StartReturnRequest) -> Vec<String> {
        let bad = parse(request, Some(&Channel::default()), Timestamp::UNIX_EPOCH).unwrap_err();
        bad.fields().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn a_good_request_becomes_a_return_whose_id_follows_from_its_source() {
        let record = parse(&request(), Some(&Channel::default()), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(record.id, return_id("service-desk", "case-1"));
        assert_eq!(record.lines[0].sku, "85123A");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut request = request();
        request.source.clear();
        request.lines[0].quantity = "-1".into();
        request.lines[0].sku.clear();
        assert_eq!(fields(&request), ["source", "lines[0].sku", "lines[0].quantity"]);
    }

    #[test]
    fn a_line_number_without_an_order_is_named() {
        let mut request = request();
        request.lines[0].order_line_number = 2;
        assert_eq!(fields(&request), ["lines[0].order_line_number"]);
    }

    #[test]
    fn a_channel_nobody_configured_is_named() {
        let bad = parse(&request(), None, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(bad.fields()[0].0, "channel");
    }

    #[test]
    fn the_retailers_fields_may_come_in_any_order() {
        let with = |names: [&str; 2]| {
            let attributes = names.iter().map(|name| (name.to_string(), "x".to_owned())).collect();
            canonical(&pb::StartReturnRequest { attributes, ..request() })
        };
        assert_eq!(with(["a", "b"]), with(["b", "a"]));
        assert_ne!(with(["a", "b"]), with(["a", "c"]));
    }
}
