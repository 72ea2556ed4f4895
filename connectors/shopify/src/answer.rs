//! Answering a return that a customer asked for at the shop. The shop keeps no key for it: its status says whether it was
//! answered, so it is read first, and again when the shop refuses.

use retail_connect::{Kind, outcome};
use retail_proto::types::v1::Outcome;
use serde_json::{Value, json};

use crate::commerce::Connector;
use crate::document::returning::{APPROVE, DECLINE, STATUS};
use crate::fault::{Error, unreadable};
use crate::gid::gid;
use crate::request::Verdict;
use crate::wire::returning::{AnswerData, ReturnData, Status};

impl Connector {
    /// Approves or declines, unless that was done.
    pub(crate) async fn answer_return_request(&self, verdict: &Verdict) -> Result<Outcome, Error> {
        let id = gid("Return", verdict.id);
        if let Some(outcome) = self.answered(&id, verdict).await? {
            return Ok(outcome);
        }
        let (document, input) = match &verdict.declined {
            None => (&APPROVE, json!({"id": id, "notifyCustomer": true})),
            Some(reason) => (&DECLINE, declined(&id, reason)),
        };
        let data: AnswerData = self.admin.write(document, &json!({"input": input}), &verdict.key).await?;
        match (data.answer.user_errors.into_iter().next(), data.answer.answered) {
            (None, Some(_)) => Ok(outcome::done()),
            (None, None) => {
                let why = "neither a return nor an error".to_owned();
                Err(unreadable(Kind::Write, document.operation, why))
            }
            // Somebody may have answered in between.
            (Some(error), _) => {
                let since = self.answered(&id, verdict).await?;
                Ok(since.unwrap_or_else(|| outcome::refused("SHOP_REFUSED", error.message)))
            }
        }
    }

    /// What the answer comes to when the shop has one already; none while it waits.
    async fn answered(&self, id: &str, verdict: &Verdict) -> Result<Option<Outcome>, Error> {
        let data: ReturnData<Status> = self.admin.read(&STATUS, &json!({"id": id}), "").await?;
        let status = data.found.ok_or(Error::NoSuchReturn(verdict.id))?.status;
        Ok(judged(&status, verdict.declined.is_none()))
    }
}

/// "ReturnStatus". A word we do not know is not acted on.
fn judged(status: &str, approve: bool) -> Option<Outcome> {
    let no = |reason: &str, words: &str| Some(outcome::refused(reason, words));
    match (status, approve) {
        ("REQUESTED", _) => None,
        ("OPEN" | "CLOSED", true) | ("DECLINED", false) => Some(outcome::done()),
        ("OPEN" | "CLOSED", false) => no("RETURN_APPROVED_ALREADY", "the shop has approved this return already"),
        ("DECLINED", true) => no("RETURN_DECLINED_ALREADY", "the shop has declined this return already"),
        ("CANCELED", _) => no("RETURN_CANCELLED", "the return was cancelled at the shop"),
        (other, _) => no("RETURN_NOT_OPEN", &format!("the return is {other} at the shop")),
    }
}

/// The shop has two reasons of its own; everything else is told in words. Its words are ours when they are exactly so.
fn declined(id: &str, reason: &str) -> Value {
    let (word, note) = match reason {
        "FINAL_SALE" | "RETURN_PERIOD_ENDED" => (reason, None),
        words => ("OTHER", Some(words)),
    };
    json!({"id": id, "declineReason": word, "declineNote": note, "notifyCustomer": true})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_only_to_what_waits_for_one() {
        let reason = |status, approve| judged(status, approve).map(|outcome| outcome.reason);
        assert_eq!(reason("REQUESTED", true), None);
        assert_eq!(reason("OPEN", true), Some(String::new()));
        assert_eq!(reason("DECLINED", false), Some(String::new()));
        assert_eq!(reason("OPEN", false).as_deref(), Some("RETURN_APPROVED_ALREADY"));
        assert_eq!(reason("DECLINED", true).as_deref(), Some("RETURN_DECLINED_ALREADY"));
        assert_eq!(reason("SOMETHING_NEW", true).as_deref(), Some("RETURN_NOT_OPEN"));
    }

    #[test]
    fn the_shops_own_reasons_are_used_where_they_are_meant() {
        assert_eq!(declined("g", "FINAL_SALE")["declineReason"], "FINAL_SALE");
        let told = declined("g", "worn too long");
        assert_eq!((&told["declineReason"], &told["declineNote"]), (&json!("OTHER"), &json!("worn too long")));
    }
}
