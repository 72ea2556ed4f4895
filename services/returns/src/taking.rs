//! Facts about refunds that the shop tells: ours are confirmed, others become returns, and none is ever made again.

use prost::Message as _;
use retail_flow::Asked;
use retail_proto::orders::v1 as orders;
use retail_proto::returns::v1 as pb;
use retail_store::Draft;
use sha2::{Digest as _, Sha256};

use crate::crediting::{self, Told};
use crate::day::millisecond;
use crate::fault::Error;
use crate::part::owner_of;
use crate::record::Return;
use crate::returns::{Returns, key_shape};
use crate::sale::Sale;
use crate::shop_refund;

impl Returns {
    /// Takes a fact over; answers the id of the return it belongs to, empty when there is nothing to do for it.
    pub(crate) async fn take_refund(&self, principal: &str, request: &pb::TakeRefundRequest) -> Result<String, Error> {
        key_shape(&request.idempotency_key)?;
        shop_refund::check(request, self.terms.channel(&request.channel).is_some())?;
        if let Some((record, part)) = self.ours(&request.external_ref).await? {
            return self.confirm(principal, request, &record, part).await;
        }
        let id = shop_refund::id_of(request);
        let known = self.find(&id).await?.is_some();
        if request.failed {
            // Money that was never given and that nobody has heard of is nothing.
            return if known { self.take_back(principal, request, &id).await } else { Ok(String::new()) };
        }
        if known {
            return Ok(id);
        }
        if shop_refund::minor(request) == 0 && request.lines.is_empty() {
            return Ok(String::new());
        }
        let found = self.finder.of_channel(&request.channel, &request.channel_order_id).await;
        let order = found.map_err(|_| Error::Peer("orders"))?;
        let Some(order) = order else {
            return Err(Error::OrderNotKnown { order: request.channel_order_id.clone() });
        };
        // The orders service gives money back itself when a paid order is cancelled; those refunds are its own, also while
        // it has not heard the shop's answer yet. Their references begin with the order's id.
        let own = request.external_ref.strip_prefix(&order.order_id).is_some_and(|rest| rest.starts_with('/'));
        let refund = request.refund.as_ref().map_or("", |refund| refund.id.as_str());
        // An order from before the mesh is taken in only now, with all that the shop has given back: that this refund is
        // among it does not say that anybody has seen to it.
        let is_it = |own: &orders::Refund| own.refund.as_ref().is_some_and(|known| known.id == refund) && !own.shared;
        let known = order.refunds.iter().any(is_it);
        if own || (known && !order.adopted) {
            return Ok(String::new());
        }
        let sale = Sale::from(&order);
        shop_refund::check_currency(request, &sale)?;
        let record = shop_refund::record(request, &sale, self.now());
        match self.take_in(Fact::of(request).asked(principal), record).await {
            Ok((record, _)) => Ok(record.id),
            // The same refund told in other words, at the same moment: the first telling stands.
            Err(Error::OtherContent { id }) => Ok(id),
            Err(error) => Err(error),
        }
    }

    /// The return and the part whose refund carries this reference, whether its answer has come or not.
    async fn ours(&self, external_ref: &str) -> Result<Option<(Return, i32)>, Error> {
        let Some((id, part)) = owner_of(external_ref) else { return Ok(None) };
        let found = self.find(id).await?;
        Ok(found.filter(|record| record.part(part).is_some()).map(|record| (record, part)))
    }

    async fn confirm(
        &self,
        principal: &str,
        request: &pb::TakeRefundRequest,
        record: &Return,
        part: i32,
    ) -> Result<String, Error> {
        let told = Told {
            record: request.refund.clone(),
            minor: Some(shop_refund::minor(request)).filter(|minor| *minor > 0 && !request.failed),
            at: request.refunded_at.as_ref().map_or(0, millisecond),
            pending: false,
            failed: request.failed,
        };
        let external_ref = request.external_ref.clone();
        let rule = move |draft: &mut Draft<Return>, now: retail_runtime::Timestamp| {
            let Some(part) = draft.doc.part_mut(part) else { return Ok(()) };
            // A fact about an attempt that a later one has replaced changes nothing.
            if part.refund_id() == external_ref {
                let attempt = part.attempt();
                crediting::tell(part, attempt, &told, now.as_millisecond());
            }
            Ok(())
        };
        Ok(self.change(&record.id, Fact::of(request).asked(principal), rule).await?.0.id)
    }

    async fn take_back(&self, principal: &str, request: &pb::TakeRefundRequest, id: &str) -> Result<String, Error> {
        let rule = |draft: &mut Draft<Return>, now: retail_runtime::Timestamp| {
            crediting::not_given(&mut draft.doc);
            retail_flow::note(draft, "REFUND_FAILED", "the shop says that the money was not given back", now);
            Ok(())
        };
        Ok(self.change(id, Fact::of(request).asked(principal), rule).await?.0.id)
    }
}

/// A fact is known by what it says, whatever key it comes under: the shop tells of one refund first that it was made
/// and then that it failed, and both are to be heard.
struct Fact {
    key: String,
    content: Vec<u8>,
}

impl Fact {
    fn of(request: &pb::TakeRefundRequest) -> Self {
        let content = pb::TakeRefundRequest { idempotency_key: String::new(), ..request.clone() }.encode_to_vec();
        let key = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { key, content }
    }

    fn asked(&self, principal: &str) -> Asked {
        Asked::new(principal, "TakeRefund", &self.key, self.content.clone())
    }
}
