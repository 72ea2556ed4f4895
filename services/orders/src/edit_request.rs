//! What people ask to be changed of an order: checked, priced and written as one edit.

use prost::Message as _;
use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::edit::{Asked, Circumstances};
use crate::fault::Error;
use crate::orders::{Changed, Orders, existing, key_shape};
use crate::pickup::By;
use crate::record::Order;

impl Orders {
    /// Begins an edit.
    pub(crate) async fn edit(&self, principal: &str, request: &pb::EditOrderRequest) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut wish = Asked::parse(request)?;
        wish.items = self.items(&wish).await?;
        let asked = retail_flow::Asked::new(principal, "EditOrder", &request.idempotency_key, request.encode_to_vec());
        let (now, seal, calls): (Timestamp, _, _) = (self.clock.now(), self.seal, self.calls.clone());
        let (who, why) = (asked.principal().to_owned(), request.reason.clone());
        let rule = move |draft: &mut Draft<Order>| {
            existing(draft)?;
            let before = draft.doc.clone();
            let booking_sent = retail_flow::may_have_been_sent(draft, "erp.create_sales_order");
            let channel = calls.channel(&draft.doc.channel).cloned();
            let tells = calls.rules(&draft.doc).shop.tell;
            let floors = calls.sources.floors(&draft.doc);
            let known = Circumstances {
                channel: channel.as_ref(),
                booking_sent,
                tells,
                floors: floors.as_ref(),
                asks_credit: channel.as_ref().is_some_and(|channel| channel.credit.is_some()),
            };
            draft.doc.edit(&wish, known, By { who: &who, at: now.as_millisecond(), why: &why })?;
            draft.doc.advance();
            if draft.doc != before {
                let words = draft.doc.edits.last().map(|edit| edit.words()).unwrap_or_default();
                retail_flow::note(draft, "EDIT_ASKED", &format!("{who}: {why} ({words})"), now);
                retail_flow::wake(draft, now);
                seal.seal(draft, &before, now);
            }
            Ok(Changed { id: draft.id().to_owned() })
        };
        self.change(&request.order_id, asked, rule).await
    }

    /// What is known of the goods that come; what nobody knows is refused before anything is written.
    async fn items(&self, wish: &Asked) -> Result<Vec<stock::Item>, Error> {
        let goods = wish.new_goods();
        let keys = goods.iter().map(|(_, key)| key.clone()).collect();
        let resolved = self.calls.resolve_items(keys).await.map_err(|_| Error::Peer("inventory".to_owned()))?;
        let (mut items, mut what, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for ((place, key), found) in goods.iter().zip(resolved) {
            match found.item {
                Some(item) => items.push(item),
                None => {
                    let words = format!("no item {:?} is known; import it or correct the code", key.sku);
                    fields.push((format!("new_lines[{place}].sku"), words));
                    what.push(key.sku.clone());
                }
            }
        }
        if what.is_empty() { Ok(items) } else { Err(Error::UnknownItem { what: what.join(", "), fields }) }
    }
}
