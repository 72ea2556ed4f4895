//! What a shop tells of an order it sold, into the order, its timeline and its lists: a few lines around a pure rule.

use prost::Message as _;
use retail_flow::Asked;
use retail_proto::orders::v1 as pb;
use retail_store::Draft;

use crate::fault::Error;
use crate::orders::{Changed, Orders, existing, key_shape};
use crate::place::order_id;
use crate::record::{Order, State};
use crate::shop_order::Standing;
use crate::{sent, shop_order};

impl Orders {
    /// Takes over how a channel says that an order stands.
    pub(crate) async fn take_channel_order(
        &self,
        principal: &str,
        request: &pb::TakeChannelOrderRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut told = shop_order::read(request)?;
        let id = order_id(&request.channel, &request.channel_order_id);
        told.forget_known_lines(&self.get(&id).await?);
        self.know(&mut told).await?;
        let (now, seal, calls) = (self.clock.now(), self.seal, self.calls.clone());
        let rule = move |draft: &mut Draft<Order>| {
            existing(draft)?;
            let before = draft.doc.clone();
            // A sales order whose answer never came may exist: the way back must look for it.
            let asked = retail_flow::may_have_been_sent(draft, "erp.create_sales_order");
            let rules = calls.rules(&draft.doc).shop;
            draft.doc.take_shop_order(told.clone(), asked, rules, now.as_millisecond());
            let cancelled = draft.doc.state() == State::Cancelling && before.state() != State::Cancelling;
            if cancelled {
                sent::ask_for_payments(draft);
            }
            draft.doc.advance();
            if draft.doc != before {
                let words = if told.cancelled { "cancelled" } else { "its lines as they are there now" };
                retail_flow::note(draft, "TOLD_BY_SHOP", words, now);
                if cancelled {
                    retail_flow::resume(draft, "cancelled in the shop", now);
                    draft.doc.parked = false;
                }
                retail_flow::wake(draft, now);
                seal.seal(draft, &before, now);
            }
            Ok(Changed { id: draft.id().to_owned() })
        };
        let asked = Asked::new(principal, "TakeChannelOrder", &request.idempotency_key, request.encode_to_vec());
        self.change(&id, asked, rule).await
    }

    /// What is known of goods that the shop has added. Whoever cannot be asked now is asked when the shop tells it again.
    async fn know(&self, told: &mut Standing) -> Result<(), Error> {
        let goods = told.unknown_goods();
        let keys = goods.iter().map(|(_, key)| key.clone()).collect();
        let resolved = self.calls.resolve_items(keys).await.map_err(|_| Error::Peer("inventory".to_owned()))?;
        for ((place, _), found) in goods.iter().zip(resolved) {
            told.know(*place, found.item.as_ref());
        }
        Ok(())
    }
}
