//! A carrier that keeps books, can be away, refuse, and lose its answers.

use std::collections::VecDeque;

use retail_proto::notify::v1 as pb;
use retail_proto::notify::v1::notify_service_server::NotifyService;
use retail_proto::types::v1::{Outcome, OutcomeState, Ref};
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::harness::{Books, refusal};

/// What becomes of a message that is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The customer has it, and the carrier never says so.
    AnswerLost,
    /// The carrier refuses it, with this reason.
    Refused(&'static str),
    /// The carrier does not understand the request at all.
    Misunderstood,
    /// The customer has it, and the carrier has not decided.
    Undecided,
    /// The carrier takes it and answers after the test has said so.
    Hangs,
}

/// The carrier's books.
#[derive(Default)]
pub(crate) struct Post {
    /// Nobody is there: certainly nothing is taken.
    pub(crate) away: bool,
    /// What becomes of the next ones; those behind go well.
    pub(crate) fates: VecDeque<Fate>,
    /// Attempts that reached it, taken or not.
    pub(crate) attempts: usize,
    /// What customers were told, in order.
    pub(crate) told: Vec<pb::SendMessageRequest>,
    /// Those that hang may answer.
    pub(crate) released: bool,
}

impl Post {
    /// What customers were told of, as our words for it, in order.
    pub(crate) fn occasions(&self) -> Vec<pb::Occasion> {
        self.told.iter().map(pb::SendMessageRequest::occasion).collect()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Carrier {
    pub(crate) books: Books<Post>,
}

fn outcome(state: OutcomeState, reason: &str) -> Option<Outcome> {
    Some(Outcome { state: i32::from(state), reason: reason.into(), ..Outcome::default() })
}

#[tonic::async_trait]
impl NotifyService for Carrier {
    async fn send_message(
        &self,
        request: Request<pb::SendMessageRequest>,
    ) -> Result<Response<pb::SendMessageResponse>, Status> {
        let asked = request.into_inner();
        assert!(!asked.external_ref.is_empty() && asked.external_ref.len() <= 200, "{:?}", asked.external_ref);
        assert!(asked.external_ref.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{:?}", asked.external_ref);
        assert!(!asked.order_number.is_empty() && asked.happened_at.is_some() && asked.recipient.is_some());
        let done = |id: &str| {
            let record = Ref { kind: "notify".into(), id: format!("at-carrier-{id}"), ..Ref::default() };
            let outcome = outcome(OutcomeState::Done, "");
            Ok(Response::new(pb::SendMessageResponse { outcome, message: Some(record) }))
        };
        let id = asked.external_ref.clone();
        let fate = self.books.write(|post| {
            post.attempts += 1;
            if post.away {
                return Err(refusal(Class::Unavailable, "VENDOR_UNREACHABLE"));
            }
            let fate = post.fates.pop_front();
            if !matches!(fate, Some(Fate::Refused(_) | Fate::Misunderstood)) {
                post.told.push(asked);
            }
            Ok(fate)
        })?;
        match fate {
            None => done(&id),
            Some(Fate::AnswerLost) => Err(refusal(Class::Unknown, "VENDOR_OUTCOME_UNKNOWN")),
            Some(Fate::Refused(reason)) => {
                let outcome = outcome(OutcomeState::Refused, reason);
                Ok(Response::new(pb::SendMessageResponse { outcome, message: None }))
            }
            Some(Fate::Misunderstood) => Err(refusal(Class::Precondition, "VENDOR_REFUSED_CREDENTIALS")),
            Some(Fate::Undecided) => {
                let outcome = outcome(OutcomeState::Pending, "");
                Ok(Response::new(pb::SendMessageResponse { outcome, message: None }))
            }
            Some(Fate::Hangs) => {
                self.books.until(|post| post.released).await;
                done(&id)
            }
        }
    }
}
