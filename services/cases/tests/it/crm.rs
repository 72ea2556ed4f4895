//! A CRM that keeps books, can be away, and can lose its answers.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::crm::v1 as pb;
use retail_proto::crm::v1::crm_service_server::CrmService;
use retail_proto::types::v1::{Outcome, OutcomeState, Ref};
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::harness::{Books, refusal};

/// The CRM's books.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) away: bool,
    /// So many of the next writes are done and their answers lost.
    pub(crate) lose_answers: usize,
    /// Cases by id, each with the place of its last change.
    pub(crate) cases: BTreeMap<String, (u64, pb::Case)>,
    /// Cases that are refused although they were told of.
    pub(crate) gone: BTreeSet<String>,
    changes: u64,
    /// Milestones by our id, with the case they hang on.
    pub(crate) milestones: BTreeMap<String, (String, pb::Milestone)>,
    /// Requests to write milestones: our ids.
    pub(crate) requests: Vec<Vec<String>>,
    /// Returns that agents see.
    pub(crate) returns: BTreeMap<String, pb::ReturnContext>,
    pub(crate) upserts: usize,
    /// Orders that agents see.
    pub(crate) orders: BTreeSet<String>,
    pub(crate) polls: usize,
}

impl Desk {
    /// An agent opens or changes a case.
    pub(crate) fn put(&mut self, case: pb::Case) {
        self.changes += 1;
        let id = case.record.as_ref().unwrap().id.clone();
        self.cases.insert(id, (self.changes, case));
    }

    /// Kinds of milestones of a case, in the order in which they happened; of one time, in the order of their coming.
    pub(crate) fn kinds(&self, case_id: &str) -> Vec<String> {
        let at = |one: &pb::Milestone| one.happened_at.map_or((0, 0), |at| (at.seconds, at.nanos));
        let place = |id: &String| self.requests.iter().flatten().position(|asked| asked == id);
        let of_case = self.milestones.iter().filter(|(_, (case, _))| case == case_id);
        let mut kinds: Vec<_> = of_case.map(|(id, (_, one))| (at(one), place(id), one.kind.clone())).collect();
        kinds.sort();
        kinds.into_iter().map(|(.., kind)| kind).collect()
    }

    fn answer<T>(&mut self, answer: T) -> Result<Response<T>, Status> {
        if self.lose_answers > 0 {
            self.lose_answers -= 1;
            return Err(Status::deadline_exceeded("the answer is lost"));
        }
        Ok(Response::new(answer))
    }

    fn open(&self) -> Result<(), Status> {
        if self.away { Err(refusal(Class::Unavailable, "VENDOR_UNREACHABLE")) } else { Ok(()) }
    }
}

/// A case as its agent has it.
pub(crate) fn case(id: &str, number: &str) -> pb::Case {
    let record =
        Ref { kind: "crm".into(), instance: "crm".into(), r#type: "Case".into(), id: id.into(), number: number.into() };
    let opened_at = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    pb::Case { record: Some(record), status: "Working".into(), opened_at, ..Default::default() }
}

fn outcome(state: OutcomeState, reason: &str) -> Option<Outcome> {
    Some(Outcome { state: i32::from(state), reason: reason.into(), ..Outcome::default() })
}

#[derive(Clone, Default)]
pub(crate) struct Crm {
    pub(crate) books: Books<Desk>,
}

#[tonic::async_trait]
impl CrmService for Crm {
    async fn upsert_return_context(
        &self,
        request: Request<pb::UpsertReturnContextRequest>,
    ) -> Result<Response<pb::UpsertReturnContextResponse>, Status> {
        self.books.write(|desk| {
            desk.open()?;
            desk.upserts += 1;
            let context = request.into_inner().context.unwrap();
            let known = desk.returns.get(&context.external_ref).map_or(0, |known| known.version);
            if context.version >= known {
                desk.returns.insert(context.external_ref.clone(), context);
            }
            let outcome = outcome(OutcomeState::Done, "");
            desk.answer(pb::UpsertReturnContextResponse { outcome, record: None })
        })
    }

    async fn record_milestones(
        &self,
        request: Request<pb::RecordMilestonesRequest>,
    ) -> Result<Response<pb::RecordMilestonesResponse>, Status> {
        self.books.write(|desk| {
            desk.open()?;
            let asked = request.into_inner();
            assert!((1..=100).contains(&asked.milestones.len()), "the contract takes 1 to 100");
            if desk.gone.contains(&asked.case_id) || !desk.cases.contains_key(&asked.case_id) {
                let outcome = outcome(OutcomeState::Refused, "NO_SUCH_CASE");
                return Ok(Response::new(pb::RecordMilestonesResponse { outcome, records: vec![] }));
            }
            desk.requests.push(asked.milestones.iter().map(|one| one.external_ref.clone()).collect());
            let mut records = Vec::new();
            for milestone in asked.milestones {
                let id = milestone.external_ref.clone();
                records.push(Ref { kind: "crm".into(), id: format!("m-{id}"), ..Ref::default() });
                desk.milestones.insert(id, (asked.case_id.clone(), milestone));
            }
            desk.answer(pb::RecordMilestonesResponse { outcome: outcome(OutcomeState::Done, ""), records })
        })
    }

    async fn link_case(&self, request: Request<pb::LinkCaseRequest>) -> Result<Response<pb::LinkCaseResponse>, Status> {
        self.books.write(|desk| {
            desk.open()?;
            let asked = request.into_inner();
            let is_seen = |id: &str, seen: bool| id.is_empty() || seen;
            let seen = is_seen(&asked.order_ref, desk.orders.contains(&asked.order_ref))
                && is_seen(&asked.return_ref, desk.returns.contains_key(&asked.return_ref));
            let Some((_, known)) = desk.cases.get(&asked.case_id).filter(|_| seen) else {
                let reason = if seen { "NO_SUCH_CASE" } else { "REFERENCE_MISSING" };
                let outcome = outcome(OutcomeState::Refused, reason);
                return Ok(Response::new(pb::LinkCaseResponse { outcome }));
            };
            let mut changed = known.clone();
            for (field, id) in [(&mut changed.order_ref, asked.order_ref), (&mut changed.return_ref, asked.return_ref)]
            {
                if !id.is_empty() {
                    *field = id;
                }
            }
            desk.put(changed);
            desk.answer(pb::LinkCaseResponse { outcome: outcome(OutcomeState::Done, "") })
        })
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Result<Response<pb::GetCaseResponse>, Status> {
        let (desk, asked) = (self.books.open(), request.into_inner());
        desk.open()?;
        let mut cases = desk.cases.values().map(|(_, case)| case);
        let found = cases.find(|case| {
            let record = case.record.as_ref().unwrap();
            record.id == asked.case_id || (!asked.case_number.is_empty() && record.number == asked.case_number)
        });
        let case_record = Some(found.cloned().ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_CASE"))?);
        Ok(Response::new(pb::GetCaseResponse { case_record }))
    }

    async fn poll_cases(
        &self,
        request: Request<pb::PollCasesRequest>,
    ) -> Result<Response<pb::PollCasesResponse>, Status> {
        self.books.write(|desk| {
            desk.polls += 1;
            desk.open()?;
            let after: u64 = request.into_inner().cursor.parse().unwrap_or(0);
            let mut changed: Vec<_> = desk.cases.values().filter(|(at, _)| *at > after).cloned().collect();
            changed.sort_by_key(|(at, _)| *at);
            let changes =
                changed.into_iter().map(|(_, case)| pb::CaseChange { case_record: Some(case), deleted: false });
            let changes = changes.collect();
            Ok(Response::new(pb::PollCasesResponse { changes, cursor: desk.changes.to_string(), more: false }))
        })
    }
}
