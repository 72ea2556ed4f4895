//! Reading what a connector says of a change it was asked to make.

use retail_proto::types::v1::{Outcome, OutcomeState};

use crate::failure::Failure;

/// Is the change that `who` was asked for made? An answer without an outcome leaves it unknown, never done.
///
/// # Errors
/// The failure that decides what follows: `PARTIAL_OUTCOME` is a refusal, for a person has to look at what is there.
pub fn done(who: &str, outcome: Option<&Outcome>) -> Result<(), Failure> {
    let Some(outcome) = outcome else {
        return Err(Failure::Unknown {
            reason: "BROKEN_ANSWER".to_owned(),
            detail: format!("{who} answered without an outcome; this is a defect of that service"),
        });
    };
    match outcome.state() {
        OutcomeState::Done => Ok(()),
        OutcomeState::Refused => Err(Failure::refused(outcome.reason.clone(), outcome.message.clone())),
        OutcomeState::Partial => Err(Failure::refused("PARTIAL_OUTCOME", outcome.message.clone())),
        OutcomeState::Pending | OutcomeState::Unspecified => {
            Err(Failure::not_done("VENDOR_PENDING", outcome.message.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(state: OutcomeState) -> Result<(), Failure> {
        let outcome = Outcome { state: i32::from(state), reason: "ITEM_INACTIVE".into(), ..Outcome::default() };
        done("erp.CreateInvoice", Some(&outcome))
    }

    #[test]
    fn only_a_change_that_is_said_to_be_done_is_done() {
        assert_eq!(read(OutcomeState::Done), Ok(()));
        for open in [OutcomeState::Pending, OutcomeState::Unspecified] {
            assert_eq!(read(open).unwrap_err().reason(), "VENDOR_PENDING");
        }
        assert_eq!(read(OutcomeState::Refused), Err(Failure::refused("ITEM_INACTIVE", "")));
    }

    #[test]
    fn an_answer_that_says_nothing_leaves_the_change_unknown() {
        assert!(matches!(done("erp.CreateInvoice", None), Err(Failure::Unknown { .. })));
    }
}
