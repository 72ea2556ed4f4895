//! `refunds/create` and `order_transactions/create`: money that was given back, whoever asked for it.
//!
//! The first tells of a refund once, "independent from the movement of money". While its money is under way nothing is
//! handed on: the second comes when the money moved or failed, and the refund is read as it stands then.

use retail_proto::types::v1::WebhookReply;
use serde_json::json;

use super::{Delivery, handed, malformed, noted, read, reply, unanswered};
use crate::commerce::Connector;
use crate::fault::Error;
use crate::gid::gid;
use crate::refunding::{self, Refund};
use crate::wire::event;

impl Connector {
    pub(super) async fn refund_created(&self, delivery: &Delivery<'_>) -> WebhookReply {
        if self.returns.is_none() {
            return noted();
        }
        let body: event::Refund = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let refund = match refunding::told(&body) {
            Some(Ok(refund)) => refund,
            Some(Err(error)) => return malformed(delivery, &[("transactions".to_owned(), error.to_string())]),
            None => match self.whole_refund(&gid("Refund", body.id)).await {
                Ok(refund) => refund,
                Err(error) => return unanswered(delivery, body.id, &error),
            },
        };
        self.take_refund(delivery, &refund).await
    }

    pub(super) async fn money_moved(&self, delivery: &Delivery<'_>) -> WebhookReply {
        if self.returns.is_none() {
            return noted();
        }
        let body: event::Transaction = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        if !body.kind.eq_ignore_ascii_case("refund") {
            return noted();
        }
        match self.refund_with(body.order_id, body.id).await {
            Ok(Some(refund)) => self.take_refund(delivery, &refund).await,
            // Money that went back outside of any refund: the shop's page of the order shows it, no fact can.
            Ok(None) => {
                tracing::error!(webhook = delivery.id, transaction = body.id, "a refund transaction of no refund");
                noted()
            }
            Err(error) => unanswered(delivery, body.id, &error),
        }
    }

    /// The refund that a transaction is part of.
    async fn refund_with(&self, order: u64, transaction: u64) -> Result<Option<Refund>, Error> {
        let id = gid("OrderTransaction", transaction);
        for head in self.refunds_of(order).await?.refunds {
            if head.transactions.nodes.iter().any(|one| one.id == id) {
                return self.whole_refund(&head.id).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Goods that never left are no return: what was given back for them belongs to the order, which is told how it
    /// stands and reads its refunds itself.
    async fn is_of_the_order(&self, refund: &Refund) -> Result<bool, Error> {
        let restocked = |word: &str| refund.lines.iter().any(|line| line.restock == word);
        if refund.is_ours() {
            return Ok(!refund.lines.is_empty() && refund.standing.is_empty());
        }
        match (restocked("RETURN"), refund.is_of_order()) {
            (true, _) => Ok(false),
            (false, true) => Ok(true),
            (false, false) => self.is_cancelled(refund.order).await,
        }
    }

    async fn take_refund(&self, delivery: &Delivery<'_>, refund: &Refund) -> WebhookReply {
        let Some(mut returns) = self.returns.clone() else { return noted() };
        match self.is_of_the_order(refund).await {
            Ok(false) => {}
            // It only took lines off, as we asked: there is no money to be told of.
            Ok(true) if refund.is_ours() => return noted(),
            Ok(true) => return self.tell_order(delivery, refund.order).await,
            Err(error) => return unanswered(delivery, refund.id, &error),
        }
        let Some(fact) = refund.fact(&self.channel.instance, delivery.key()) else {
            tracing::info!(
                webhook = delivery.id,
                refund = refund.id,
                "a refund's money is under way; it is told of later"
            );
            return reply(200, &json!({"result": "PENDING"}), None);
        };
        let answer = Box::pin(returns.take_refund(fact)).await;
        handed(delivery, refund.id, answer, |taken| json!({"result": "TAKEN", "return_id": taken.return_id}))
    }
}
