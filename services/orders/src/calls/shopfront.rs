//! The calls to the shop about an order that changes after it was sold. A shop that does not have the order, or whose
//! connector cannot say such things, need not hear them.

use std::collections::BTreeSet;

use retail_flow::{Failure, done};
use retail_proto::Quantity;
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::types::v1::Outcome;
use retail_runtime::Peer;
use tonic::{Response, Status};

use super::editing::edit;
use super::{Calls, cancelling, found};
use crate::journey::Brought;
use crate::record::Order;

impl Calls {
    /// The shop cancels it as well. Its money is given back by a refund of ours, never by the shop's own cancellation: that
    /// could not be found again after an answer that was lost.
    pub(super) async fn cancel_in_shop(&self, order: &Order, key: String) -> Result<Brought, Failure> {
        let Some(mut client) = self.shop(order) else { return Ok(Brought::Done) };
        let request = shop::CancelOrderRequest {
            instance: order.channel.clone(),
            idempotency_key: key,
            order_id: order.channel_order_id.clone(),
            note: order.cause.clone(),
            // Its refund is told by the shop where the shop tells anything; the cancellation is told from here.
            notify_customer: false,
        };
        heard("commerce.CancelOrder", client.cancel_order(request).await, |answer| answer.outcome)
    }

    /// The shop takes lines off that were cancelled while the rest goes on.
    pub(super) async fn take_off_lines(&self, order: &Order, number: usize, key: String) -> Result<Brought, Failure> {
        let Some(mut client) = self.shop(order) else { return Ok(Brought::Done) };
        let cancel = cancelling(order, number)?;
        let mut lines: Vec<shop::LineOff> = Vec::new();
        for line in cancel.lines.iter().filter_map(|number| order.line(*number)) {
            let left = Quantity::from_millionths(line.quantity.saturating_sub(line.shipped)).as_whole();
            let Some(left) = left.filter(|left| *left > 0 && line.is_goods() && !line.channel_line_id.is_empty())
            else {
                continue;
            };
            // The shop knows a line that several places ship as one.
            match lines.iter_mut().find(|known| known.line_item_id == line.channel_line_id) {
                Some(known) => known.quantity = known.quantity.saturating_add(left),
                None => lines.push(shop::LineOff { line_item_id: line.channel_line_id.clone(), quantity: left }),
            }
        }
        let request = shop::TakeOffLinesRequest {
            instance: order.channel.clone(),
            idempotency_key: key,
            external_ref: format!("{}/c{number}", order.id),
            order_id: order.channel_order_id.clone(),
            lines,
            note: cancel.why.clone(),
        };
        if request.lines.is_empty() {
            return Ok(Brought::Done);
        }
        heard("commerce.TakeOffLines", client.take_off_lines(request).await, |answer| answer.outcome)
    }

    /// The shop shows what was edited here.
    pub(super) async fn tell_edit(&self, order: &Order, number: usize, key: String) -> Result<Brought, Failure> {
        let Some(mut client) = self.shop(order) else { return Ok(Brought::Done) };
        let Some(request) = edited(order, number, key)? else { return Ok(Brought::Done) };
        let answer = found(client.edit_order(request).await, "NO_SUCH_SHOP_ORDER")?;
        // A shop that cannot say such things goes on showing what it sold.
        let Some(answer) = answer else { return Ok(Brought::Done) };
        done("commerce.EditOrder", answer.outcome.as_ref())?;
        Ok(Brought::ShopEdited(Box::new(answer)))
    }

    /// The shop tells its customer that the goods wait in the store.
    pub(super) async fn tell_ready(&self, order: &Order, key: String) -> Result<Brought, Failure> {
        let Some(mut client) = self.shop(order) else { return Ok(Brought::Done) };
        let request = shop::MarkReadyForPickupRequest {
            instance: order.channel.clone(),
            idempotency_key: key,
            order_id: order.channel_order_id.clone(),
            location: order.pickup.as_ref().map(|pickup| pickup.location.clone()).unwrap_or_default(),
        };
        heard("commerce.MarkReadyForPickup", client.mark_ready_for_pickup(request).await, |answer| answer.outcome)
    }

    fn shop(&self, order: &Order) -> Option<CommerceServiceClient<Peer>> {
        let (_, peer) = self.channels.get(&order.channel)?;
        peer.clone().map(CommerceServiceClient::new)
    }
}

/// What the shop is to change for an edit; none when that is nothing.
fn edited(order: &Order, number: usize, key: String) -> Result<Option<shop::EditOrderRequest>, Failure> {
    let whole = |quantity: i64| {
        let units = Quantity::from_millionths(quantity).as_whole();
        units.ok_or_else(|| Failure::refused("NOT_WHOLE_UNITS", "the shop sells whole units".to_owned()))
    };
    let mut additions = Vec::new();
    for one in order.lines_to_tell(number) {
        if let Some((line, added)) = order.line(one.number).zip(one.added.as_ref()) {
            if !line.is_goods() {
                let detail = format!("{} is a charge, which cannot be added there", line.sku);
                return Err(Failure::refused("CHARGE_NOT_TOLD", detail));
            }
            let variant = added.item.as_ref().filter(|item| item.instance == order.channel);
            additions.push(shop::LineAddition {
                external_ref: line.id.clone(),
                sku: line.sku.clone(),
                variant_id: variant.map(|item| item.id.clone()).unwrap_or_default(),
                quantity: whole(one.quantity)?,
                unit_price: line.unit_price.clone(),
            });
        }
    }
    let shown = order.lines_to_show(number).into_iter().map(|one| {
        let (expected, quantity) = (whole(one.before)?, whole(one.wanted)?);
        Ok(shop::LineEdit { line_item_id: one.line, expected, quantity })
    });
    let lines: Vec<shop::LineEdit> = shown.collect::<Result<_, Failure>>()?;
    if lines.is_empty() && additions.is_empty() {
        return Ok(None);
    }
    let known: BTreeSet<String> = order.lines.iter().map(|line| line.channel_line_id.clone()).collect();
    let known = known.into_iter().filter(|id| !id.is_empty());
    Ok(Some(shop::EditOrderRequest {
        instance: order.channel.clone(),
        idempotency_key: key,
        order_id: order.channel_order_id.clone(),
        lines,
        additions,
        known_lines: known.collect(),
        note: edit(order, number)?.why.clone(),
        // The customer is told from here, where anybody is.
        notify_customer: false,
    }))
}

fn heard<T>(
    who: &str,
    answer: Result<Response<T>, Status>,
    outcome: impl FnOnce(T) -> Option<Outcome>,
) -> Result<Brought, Failure> {
    if let Some(answer) = found(answer, "NO_SUCH_SHOP_ORDER")? {
        done(who, outcome(answer).as_ref())?;
    }
    Ok(Brought::Done)
}
