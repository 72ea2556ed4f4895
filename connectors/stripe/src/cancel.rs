//! Letting go of an authorization. Its state says whether that was done.

use retail_connect::outcome;
use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::Outcome;

use crate::api::{ATTEMPTS, Posted, Write, segment};
use crate::capture::refused;
use crate::fault::{Error, unknown};
use crate::payments::Connector;
use crate::reading::Standing;
use crate::request::Cancellation;
use crate::wire::Intent;

const OPERATION: &str = "payment_intent.cancel";

impl Connector {
    /// Cancels, unless nothing is left to cancel.
    pub(crate) async fn cancel(&self, wanted: &Cancellation) -> Result<(Outcome, pb::Payment), Error> {
        let mut standing = self.standing(&wanted.payment_id).await?;
        let mut form = vec![("expand[]".to_owned(), "latest_charge".to_owned())];
        form.extend(wanted.reason.map(|reason| ("cancellation_reason".to_owned(), reason.to_owned())));
        let path = format!("/v1/payment_intents/{}/cancel", segment(&wanted.payment_id));
        let write = Write { operation: OPERATION, path, form, key: &wanted.key };
        for attempt in 1..=ATTEMPTS {
            if let Some(outcome) = ended(&standing.intent) {
                return Ok((outcome, self.account.payment(&standing)?));
            }
            match self.api.post::<Intent>(&write, attempt).await? {
                Posted::Done(intent) => {
                    let standing = Standing { intent, ..standing };
                    return Ok((outcome::done(), self.account.payment(&standing)?));
                }
                Posted::Refused(problem) => {
                    // Somebody may have captured or cancelled in between.
                    let standing = self.standing(&wanted.payment_id).await?;
                    let outcome = ended(&standing.intent).unwrap_or_else(|| refused(&problem));
                    return Ok((outcome, self.account.payment(&standing)?));
                }
                Posted::Stored => standing = self.standing(&wanted.payment_id).await?,
            }
        }
        Err(unknown(OPERATION, "Stripe keeps failures under every key".to_owned()))
    }
}

/// What a payment that cannot be cancelled any more comes to.
fn ended(intent: &Intent) -> Option<Outcome> {
    match intent.status.as_str() {
        "canceled" => Some(outcome::done()),
        "succeeded" => Some(outcome::refused("ALREADY_CAPTURED", "the money is taken; it can only be given back")),
        _ => None,
    }
}
