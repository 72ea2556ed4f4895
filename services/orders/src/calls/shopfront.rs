//! The calls to the shop about an order that changes after it was sold. A shop that does not have the order, or whose
//! connector cannot say such things, need not hear them.

use retail_flow::{Failure, done};
use retail_proto::Quantity;
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::types::v1::Outcome;
use retail_runtime::Peer;
use tonic::{Response, Status};

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
