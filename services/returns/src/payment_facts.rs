//! What payment services tell of money that returns gave back: a refund that was given can fail days later.

use std::collections::BTreeSet;

use retail_flow::Failure;
use retail_proto::payments::v1 as pay;
use retail_runtime::Timestamp;
use retail_store::{Draft, IndexQuery, UpdateError};

use crate::crediting;
use crate::fault::Error;
use crate::part::{Refund, owner_of};
use crate::record::Return;
use crate::returns::Returns;
use crate::seal::{Seal, list};

/// What the journal calls it.
pub(crate) const REFUND_FACT: &str = "RefundFact";

/// Returns that are looked through at once.
const PAGE: usize = 200;
/// Returns asked for longer ago than this are not looked through, milliseconds: their goods came back and their money was
/// given, and a refund fails within weeks or not at all.
const LATELY: i64 = 120 * 24 * 3600 * 1000;

impl Returns {
    /// Takes a payment as it stands: what returns gave back out of it and did not arrive is a person's to give. Repeating it
    /// changes nothing.
    pub(crate) async fn take_payment(&self, told: pay::Payment) -> Result<(), Failure> {
        let failed = told.refunds.into_iter().filter(|refund| refund.state() == pay::RefundState::Failed);
        for refund in failed {
            let Some((id, _)) = owner_of(&refund.external_ref) else { continue };
            let (now, id) = (self.now(), id.to_owned());
            let rule = move |draft: &mut Draft<Return>| {
                refund_fact(draft, &refund, now);
                Ok::<_, Error>(())
            };
            match self.store().step::<Return, _, _>(&id, None, rule).await {
                Ok(_) => {}
                Err(UpdateError::Rule(error)) => return Err(Failure::refused("FACT_REFUSED", error.to_string())),
                Err(UpdateError::Store(error)) => return Err(not_read(&error)),
            }
        }
        Ok(())
    }

    /// Ids, at a payment service, of payments that returns lately gave back out of.
    pub(crate) async fn refunded_lately(&self, instance: &str) -> Result<BTreeSet<String>, Failure> {
        let since = self.now().as_millisecond().saturating_sub(LATELY);
        let (mut ids, mut orders, mut after) = (BTreeSet::new(), BTreeSet::new(), None);
        loop {
            let query = IndexQuery { name: list::ALL.to_owned(), prefix: Vec::new(), after, limit: PAGE };
            let entries = self.store().list(&query).await.map_err(|error| not_read(&error))?;
            let mut old = false;
            for entry in &entries {
                let found = self.store().read::<Return>(entry.key.id()).await.map_err(|error| not_read(&error))?;
                let Some(record) = found.map(|found| found.doc) else { continue };
                old |= record.requested_at < since;
                let gave = record.parts.iter().filter(|part| part.refund.as_ref().is_some_and(Refund::is_done));
                orders.extend(gave.map(|part| part.order_id.clone()));
            }
            match entries.last().filter(|_| entries.len() == PAGE && !old) {
                Some(last) => after = Some((last.sort.clone(), last.key.clone())),
                None => break,
            }
        }
        for order in orders {
            let held = self.finder.sale(&order).await?.map(|sale| sale.held).unwrap_or_default();
            ids.extend(held.into_iter().filter(|held| held.service == instance).map(|held| held.reference));
        }
        Ok(ids)
    }
}

fn not_read(error: &retail_store::Error) -> Failure {
    Failure::not_done("STORE", error.to_string())
}

/// A payment service says that a refund failed: the rule, which a replay runs again.
pub(crate) fn refund_fact(draft: &mut Draft<Return>, told: &pay::Refund, now: Timestamp) {
    let Some((_, part)) = owner_of(&told.external_ref).filter(|_| draft.existed) else { return };
    let before = draft.doc.clone();
    let minor = told.amount.as_ref().map_or(0, |amount| amount.minor_units);
    let Some(part) = draft.doc.part_mut(part) else { return };
    if !crediting::came_back(part, &told.external_ref, minor) {
        return;
    }
    draft.doc.advance();
    let why = if told.cause.is_empty() { "no cause was given" } else { &told.cause };
    retail_flow::note(draft, "REFUND_CAME_BACK", &format!("{}: {why}", told.external_ref), now);
    retail_flow::wake(draft, now);
    Seal.seal(draft, &before, now);
    retail_flow::record_message(draft, REFUND_FACT, told, now);
}
