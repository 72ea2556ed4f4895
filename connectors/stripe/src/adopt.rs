//! Our reference on a payment that the shop made.

use retail_connect::outcome;
use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::api::{ATTEMPTS, Posted, Write, segment};
use crate::capture::refused;
use crate::fault::{Error, unknown};
use crate::note::REFERENCE;
use crate::payments::Connector;
use crate::reading::Standing;
use crate::request::Adoption;
use crate::wire::Intent;

const OPERATION: &str = "payment_intent.post";

impl Connector {
    /// Writes it, unless it is there.
    pub(crate) async fn adopt(&self, wanted: &Adoption) -> Result<(Outcome, pb::Payment), Error> {
        let mut standing = self.standing(&wanted.payment_id).await?;
        let write = Write {
            operation: OPERATION,
            path: format!("/v1/payment_intents/{}", segment(&wanted.payment_id)),
            form: vec![
                (format!("metadata[{REFERENCE}]"), wanted.reference.clone()),
                ("expand[]".to_owned(), "latest_charge".to_owned()),
            ],
            key: &wanted.key,
        };
        for attempt in 1..=ATTEMPTS {
            if let Some(outcome) = adopted(&standing.intent, &wanted.reference) {
                return Ok((outcome, self.account.payment(&standing)?));
            }
            match self.api.post::<Intent>(&write, attempt).await? {
                Posted::Done(intent) => {
                    let standing = Standing { intent, ..standing };
                    return Ok((outcome::done(), self.account.payment(&standing)?));
                }
                Posted::Refused(problem) => return Ok((refused(&problem), self.account.payment(&standing)?)),
                Posted::Stored => standing = self.standing(&wanted.payment_id).await?,
            }
        }
        Err(unknown(OPERATION, "Stripe keeps failures under every key".to_owned()))
    }
}

/// What the reference that is there comes to; none when there is none.
fn adopted(intent: &Intent, reference: &str) -> Option<Outcome> {
    let there = intent.metadata.get(REFERENCE).filter(|there| !there.is_empty())?;
    if there == reference {
        return Some(outcome::done());
    }
    Some(outcome::refused("ADOPTED_ALREADY", format!("the payment belongs to {there}")))
}
