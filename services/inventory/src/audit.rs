//! The auditor: walks over all stock records and checks the law and the books behind every rule's back. A finding is a
//! defect of Weft or of the store, never of a caller. Each replica looks at the partitions it holds.

use std::time::Duration;

use retail_flow::Leases;
use retail_runtime::Runtime;
use retail_store::Store;

use crate::fault::Error;
use crate::keys::movement_id;
use crate::movement::Movement;
use crate::stock::Stock;

/// Records that are read at once.
const PAGE: usize = 500;

/// Checks the books now and then.
pub(crate) struct Audit {
    runtime: Runtime,
    store: Store,
    leases: Leases,
    every: Duration,
}

impl Audit {
    pub(crate) fn new(runtime: &Runtime, store: &Store, leases: &Leases, every: Duration) -> Self {
        Self { runtime: runtime.clone(), store: store.clone(), leases: leases.clone(), every }
    }

    /// Audits at every interval until the runtime stops.
    pub(crate) async fn keep_looking(self) {
        let stopping = self.runtime.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.runtime.clock().sleep(self.every) => {}
            }
            match self.look().await {
                Ok((rows, 0)) => tracing::debug!(rows, "stock was audited"),
                Ok((rows, findings)) => {
                    tracing::error!(
                        rows,
                        findings,
                        retail_invariant_violations_total = findings,
                        "stock breaks its law"
                    );
                }
                Err(error) => tracing::warn!(%error, "stock could not be audited; trying again later"),
            }
        }
    }

    /// Rows looked at, and findings.
    async fn look(&self) -> Result<(u64, u64), Error> {
        let (mut rows, mut findings) = (0_u64, 0_u64);
        for partition in self.leases.held() {
            let mut after: Option<String> = None;
            loop {
                let page = self.store.scan::<Stock>(partition, after.as_deref(), PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (_, stock) in &page {
                    rows = rows.saturating_add(1);
                    if let Some(finding) = self.look_at(&stock.doc).await? {
                        findings = findings.saturating_add(1);
                        tracing::error!(
                            sku = stock.doc.sku,
                            location = stock.doc.location,
                            finding,
                            "stock breaks its law"
                        );
                    }
                }
            }
        }
        Ok((rows, findings))
    }

    async fn look_at(&self, stock: &Stock) -> Result<Option<String>, Error> {
        let last = self.movement(stock, stock.moved).await?;
        let before = self.movement(stock, stock.moved.saturating_sub(1)).await?;
        Ok(finding(stock, last.as_ref(), before.as_ref()))
    }

    async fn movement(&self, stock: &Stock, sequence: u64) -> Result<Option<Movement>, Error> {
        let named =
            Movement { sku: stock.sku.clone(), location: stock.location.clone(), sequence, ..Movement::default() };
        Ok(self.store.read::<Movement>(&movement_id(&named)).await?.map(|found| found.doc))
    }
}

/// What is wrong with a record and its last movements.
fn finding(stock: &Stock, last: Option<&Movement>, before: Option<&Movement>) -> Option<String> {
    if let Err(error) = stock.check() {
        return Some(error.to_string());
    }
    if stock.moved == 0 {
        return None;
    }
    let Some(last) = last else { return Some(format!("movement {} is missing", stock.moved)) };
    let (delta, closing) = (last.delta.unwrap_or_default(), last.closing.unwrap_or_default());
    if closing != stock.balance() {
        return Some(format!("the balance differs from that of movement {}", last.sequence));
    }
    let opening = before.and_then(|movement| movement.closing).unwrap_or_default();
    if stock.moved > 1 && before.is_none() {
        return Some(format!("movement {} is missing", stock.moved.saturating_sub(1)));
    }
    (opening.plus(delta) != closing).then(|| format!("movement {} does not lead to its balance", last.sequence))
}

#[cfg(test)]
mod tests {
    use retail_proto::Quantity;
    use retail_runtime::Timestamp;

    use super::*;
    use crate::movement::Kind;
    use crate::stock::Act;

    fn books() -> (Stock, Vec<Movement>) {
        let at = Timestamp::from_second(1).unwrap();
        let act = Act { cause: "test", happened_at: at, now: at };
        let mut stock = Stock::empty("MAIN", "A");
        let added = stock.adjust(Quantity::whole(5).unwrap(), act).unwrap();
        let (_, promised) = stock.promise(Quantity::whole(2).unwrap(), Kind::Reserve, act).unwrap();
        (stock, vec![added, promised])
    }

    #[test]
    fn honest_books_have_no_finding() {
        let (stock, movements) = books();
        assert_eq!(finding(&stock, Some(&movements[1]), Some(&movements[0])), None);
    }

    #[test]
    fn a_number_changed_behind_the_rules_is_found() {
        let (mut stock, movements) = books();
        stock.on_hand += 1;
        assert!(finding(&stock, Some(&movements[1]), Some(&movements[0])).unwrap().contains("law of stock"));
        stock.available += 1;
        assert!(finding(&stock, Some(&movements[1]), Some(&movements[0])).unwrap().contains("differs"));
    }

    #[test]
    fn a_lost_movement_is_found() {
        let (stock, movements) = books();
        assert_eq!(finding(&stock, None, Some(&movements[0])).unwrap(), "movement 2 is missing");
        assert_eq!(finding(&stock, Some(&movements[1]), None).unwrap(), "movement 1 is missing");
    }
}
