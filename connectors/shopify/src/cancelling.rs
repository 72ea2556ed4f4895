//! Cancelling an order at the shop. The order is looked at first and says whether it is done; a job does it, and is asked
//! what became of it. No money moves with it: `orderCancel` keeps no key, and a refund that nobody can find again might be
//! made twice.

use std::time::Duration;

use retail_connect::{Kind, outcome};
use retail_proto::types::v1::Outcome;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::changing::{CANCEL, CANCEL_JOB, IS_CANCELLED};
use crate::fault::{Error, unreadable};
use crate::gid::gid;
use crate::request::changes::Cancel;
use crate::wire::admin::NodeData;
use crate::wire::changing::{CancelData, CancelJob, Cancellable};
use crate::wire::money::OrderData;

/// How often a job is looked at before whoever asked is told to come again.
const LOOKS: u32 = 5;
/// Between two looks.
const GAP: Duration = Duration::from_millis(200);
/// Longest note for the shop's staff ("orderCancel").
const NOTE: usize = 255;

impl Connector {
    /// Cancels an order, or finds it cancelled.
    pub(crate) async fn cancel(&self, wanted: &Cancel) -> Result<Outcome, Error> {
        if self.is_cancelled(wanted.order).await? {
            return Ok(outcome::done());
        }
        let note: String = wanted.note.chars().take(NOTE).collect();
        let variables = json!({"id": gid("Order", wanted.order), "note": note, "notify": wanted.notify});
        let data: CancelData = self.admin.write(&CANCEL, &variables, &wanted.key).await?;
        let payload = data.order_cancel;
        if let Some(error) = payload.order_cancel_user_errors.into_iter().next() {
            return self.judged(wanted.order, error.message).await;
        }
        let unread = || unreadable(Kind::Write, CANCEL.operation, "neither a job nor an error".to_owned());
        let mut job = payload.job_result.ok_or_else(unread)?;
        for _ in 0..LOOKS {
            match job.status.as_str() {
                "SUCCEEDED" => return Ok(outcome::done()),
                "FAILED" => {
                    let why = job.errors.into_iter().next().map(|error| error.message);
                    return self.judged(wanted.order, why.unwrap_or_default()).await;
                }
                _ => {}
            }
            self.clock.sleep(GAP).await;
            let data: NodeData<CancelJob> = self.admin.read(&CANCEL_JOB, &json!({"id": job.id}), "").await?;
            // A job that is forgotten is over: the order says how it ended.
            let Some(found) = data.node else { break };
            job = found;
        }
        if self.is_cancelled(wanted.order).await? {
            return Ok(outcome::done());
        }
        Ok(outcome::pending("CANCEL_PENDING", "the shop is still cancelling the order; ask again"))
    }

    /// What a refusal comes to: somebody may have cancelled it in between, or an attempt of ours whose answer was lost.
    async fn judged(&self, order: u64, why: String) -> Result<Outcome, Error> {
        Ok(if self.is_cancelled(order).await? { outcome::done() } else { outcome::refused("SHOP_REFUSED", why) })
    }

    pub(crate) async fn is_cancelled(&self, order: u64) -> Result<bool, Error> {
        let variables = json!({"id": gid("Order", order)});
        let data: OrderData<Cancellable> = self.admin.read(&IS_CANCELLED, &variables, "").await?;
        let found = data.order.ok_or(Error::NoSuchOrder(order))?;
        Ok(!found.cancelled_at.is_empty())
    }
}
