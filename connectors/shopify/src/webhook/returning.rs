//! `returns/request` and `returns/approve`: goods that a customer wants to send back. Their bodies are documented by
//! their topic alone, so that only the id is read and the return itself is asked for.

use std::collections::HashMap;

use jiff::Timestamp;
use retail_proto::returns::v1::{ReturnCapture, ReturnLineInput, StartReturnRequest};
use retail_proto::types::v1::{Ref, WebhookReply};
use serde_json::json;

use super::{Delivery, handed, noted, read, unanswered};
use crate::commerce::Connector;
use crate::document::returning::WHOLE;
use crate::fault::Error;
use crate::gid::{gid, number};
use crate::graphql::next;
use crate::refunding::timestamp;
use crate::wire::event;
use crate::wire::returning::{Line, ReturnData, Whole};

/// No return has that many pages of lines.
const PAGES: usize = 40;

impl Connector {
    /// A request is judged by the policy; what is open at the shop was decided there.
    pub(super) async fn return_told(&self, delivery: &Delivery<'_>, decided: bool) -> WebhookReply {
        let Some(mut returns) = self.returns.clone() else { return noted() };
        let body: event::Return = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let found = match self.whole_return(body.id).await {
            Ok(found) => found,
            Err(error) => return unanswered(delivery, body.id, &error),
        };
        if matches!(found.status.as_str(), "DECLINED" | "CANCELED") {
            return noted();
        }
        let request = match self.start(&found, body.id, delivery.key(), decided) {
            Ok(request) => request,
            Err(error) => return unanswered(delivery, body.id, &error),
        };
        if request.lines.is_empty() {
            tracing::warn!(webhook = delivery.id, "a return of the shop has no line that was bought there");
            return noted();
        }
        let answer = Box::pin(returns.start_return(request)).await;
        handed(delivery, body.id, answer, |started| {
            let return_id = started.return_record.map(|record| record.return_id).unwrap_or_default();
            json!({"result": "STARTED", "return_id": return_id})
        })
    }

    async fn whole_return(&self, id: u64) -> Result<Whole, Error> {
        let (mut whole, mut after) = (None::<Whole>, None::<String>);
        for _ in 0..PAGES {
            let variables = json!({"id": gid("Return", id), "after": after});
            let data: ReturnData<Whole> = self.admin.read(&WHOLE, &variables, "").await?;
            let page = data.found.ok_or(Error::NoSuchReturn(id))?;
            after = next(WHOLE.operation, &page.return_line_items)?;
            whole = Some(match whole {
                None => page,
                Some(mut whole) => {
                    whole.return_line_items.nodes.extend(page.return_line_items.nodes);
                    whole
                }
            });
            if after.is_none() {
                break;
            }
        }
        let more = after.is_some();
        let unread = || Error::Unreadable { operation: WHOLE.operation, why: format!("more than {PAGES} pages") };
        whole.filter(|_| !more).ok_or_else(unread)
    }

    fn start(&self, found: &Whole, id: u64, key: String, decided: bool) -> Result<StartReturnRequest, Error> {
        let unread = |why: String| Error::Unreadable { operation: WHOLE.operation, why };
        let instance = &self.channel.instance;
        let asked: Timestamp = found.created_at.parse().map_err(|_| unread("createdAt is no time".to_owned()))?;
        let customer = found.order.customer.as_ref().and_then(|one| number(&one.id, "Customer"));
        let customer = customer.map(|id| Ref {
            kind: "commerce".to_owned(),
            instance: instance.clone(),
            r#type: "customer".to_owned(),
            id: id.to_string(),
            number: String::new(),
        });
        let capture = if decided { ReturnCapture::Fact } else { ReturnCapture::Request };
        let lines = found.return_line_items.nodes.iter();
        let notes: Vec<&str> =
            lines.clone().map(|line| line.customer_note.as_str()).filter(|note| !note.is_empty()).collect();
        Ok(StartReturnRequest {
            idempotency_key: key,
            capture: capture.into(),
            channel: instance.clone(),
            source: instance.clone(),
            source_return_id: id.to_string(),
            customer_id: String::new(),
            customer,
            requested_at: Some(timestamp(asked)),
            lines: lines.filter_map(|line| input(line, &found.order.name)).collect(),
            case_record: None,
            note: notes.join("; "),
            notify_customer: true,
            // One entry at most: a map has no order on the wire.
            attributes: HashMap::from([("shop_return".to_owned(), found.name.clone())]),
        })
    }
}

/// A line that was bought at the shop.
fn input(line: &Line, order: &str) -> Option<ReturnLineInput> {
    let bought = &line.fulfillment_line_item.as_ref()?.line_item;
    let reason = line.return_reason_definition.as_ref().map_or("", |reason| reason.handle.as_str());
    Some(ReturnLineInput {
        order_number: order.to_owned(),
        sku: bought.sku.clone(),
        quantity: line.quantity.to_string(),
        reason: word(reason),
        source_line_id: number(&line.id, "ReturnLineItem")?.to_string(),
        channel_line_id: number(&bought.id, "LineItem")?.to_string(),
        ..ReturnLineInput::default()
    })
}

/// A handle such as `wrong-item` as the mesh writes words.
fn word(handle: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    handle.chars().map(letter).collect()
}
