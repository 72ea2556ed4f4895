//! Taking lines off an order that goes on: a refund of lines that cancels them and moves no money ("Without transactions
//! no money moves"). It carries our reference, as every refund of ours, and is found by it; what the shop has fulfilled or
//! taken off already is left alone.

use std::collections::BTreeMap;

use retail_connect::{CallFault, outcome};
use retail_proto::types::v1::Outcome;
use retail_runtime::Ids;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::changing::OPEN_UNITS;
use crate::document::refund::{CREATE, REFUNDS};
use crate::fault::Error;
use crate::gid::{gid, number};
use crate::note;
use crate::request::changes::TakeOff;
use crate::wire::admin::NodesData;
use crate::wire::changing::Open;
use crate::wire::money::{CreateData, RefundInput, RefundLineInput};

/// Most entries of a list that is sent ("MAX_INPUT_SIZE_EXCEEDED").
const ENTRIES: usize = 250;

impl Connector {
    /// Takes lines off, or finds them taken off.
    pub(crate) async fn take_off(&self, wanted: &TakeOff) -> Result<Outcome, Error> {
        let shown = self.refunds_of(wanted.order).await?;
        if shown.refunds.iter().any(|refund| note::read(&refund.note).1 == Some(wanted.reference.as_str())) {
            return Ok(outcome::done());
        }
        if shown.refunds.len() >= REFUNDS {
            let words = format!("the order has {REFUNDS} refunds or more; take the lines off in the shop's admin");
            return Ok(outcome::refused("TOO_MANY_REFUNDS", words));
        }
        let open = self.open_units(&wanted.lines).await?;
        let mut lines: Vec<RefundLineInput> = Vec::new();
        for (id, units) in &wanted.lines {
            let quantity = open.get(id).copied().unwrap_or_default().min(*units);
            if quantity > 0 {
                lines.push(RefundLineInput { line_item_id: gid("LineItem", *id), quantity, restock_type: "CANCEL" });
            }
        }
        if lines.is_empty() {
            return Ok(outcome::done_with(vec!["nothing of these lines is open at the shop any more".to_owned()]));
        }
        for (chunk, place) in lines.chunks(ENTRIES).zip(1_usize..) {
            let last = lines.len() <= place.saturating_mul(ENTRIES);
            // Only the last one says that all of it is done; what the others took off is not open any more.
            let note = if last { note::mark(&wanted.note, &wanted.reference) } else { wanted.note.clone() };
            let input = RefundInput {
                order_id: gid("Order", wanted.order),
                note,
                notify: false,
                refund_line_items: chunk.to_vec(),
                shipping: None,
                transactions: Vec::new(),
            };
            // A repeat begins with what is still open: other lines under another key.
            let first = chunk.first().map(|line| line.line_item_id.as_str()).unwrap_or_default();
            let parts = [self.channel.instance.as_str(), &wanted.key, first];
            let variables = json!({"input": input, "key": Ids::derived("shopify.take_off", &parts).to_string()});
            let payload = match self.admin.write::<CreateData>(&CREATE, &variables, &wanted.key).await {
                Ok(data) => data.refund_create,
                Err(Error::Refused { code, .. }) if code == "IDEMPOTENCY_CONCURRENT_REQUEST" => {
                    let why = "the same request is still being executed".to_owned();
                    return Err(Error::Call(CallFault::Unknown { operation: CREATE.operation, why }));
                }
                Err(Error::Refused { code, detail, .. }) if code.starts_with("IDEMPOTENCY_") => {
                    return Ok(outcome::refused(&code, detail));
                }
                Err(error) => return Err(error),
            };
            if let Some(error) = payload.user_errors.into_iter().next() {
                return Ok(outcome::refused("SHOP_REFUSED", error.message));
            }
        }
        Ok(outcome::done())
    }

    /// Units of lines that the shop still means to fulfil.
    async fn open_units(&self, lines: &BTreeMap<u64, i64>) -> Result<BTreeMap<u64, i64>, Error> {
        let ids: Vec<String> = lines.keys().map(|id| gid("LineItem", *id)).collect();
        let mut units = BTreeMap::new();
        for ids in ids.chunks(ENTRIES) {
            let data: NodesData<Open> = self.admin.read(&OPEN_UNITS, &json!({"ids": ids}), "").await?;
            let known = |one: &Open| Some((number(&one.id, "LineItem")?, one.unfulfilled_quantity));
            units.extend(data.nodes.iter().flatten().filter_map(known));
        }
        Ok(units)
    }
}
