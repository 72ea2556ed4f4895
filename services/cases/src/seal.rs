//! What every commit of a case carries: its version, its event, its place in the list of all cases.

use prost::Message as _;
use retail_proto::cases::v1 as pb;
use retail_store::Draft;

use crate::record::Case;
use crate::shelf::sort_key;

/// The list of all cases.
pub(crate) const ALL: &str = "cases";

/// Completes a commit that changed a case. What only the inside of this service sees is told to nobody.
pub(crate) fn seal(draft: &mut Draft<Case>, before: &Case) {
    let listed = if draft.doc.deleted { Vec::new() } else { sort_key(draft.doc.opened_at(), &draft.doc.id()) };
    if listed != draft.doc.listed {
        if !draft.doc.listed.is_empty() {
            let old = draft.doc.listed.clone();
            draft.unindex(ALL, old);
        }
        if !listed.is_empty() {
            draft.index(ALL, listed.clone(), Vec::new());
        }
        draft.doc.listed = listed;
    }
    let (was, is) = (shown(before), shown(&draft.doc));
    if draft.existed && was == is {
        return;
    }
    draft.doc.version = draft.event_version();
    let kind = event(draft.existed, &was, &is);
    let body = draft.doc.shown().encode_to_vec();
    draft.emit(kind, body);
}

fn shown(case: &Case) -> pb::LinkedCase {
    pb::LinkedCase { version: 0, ..case.shown() }
}

/// The event's type, past tense: what the change meant to the business.
fn event(existed: bool, was: &pb::LinkedCase, is: &pb::LinkedCase) -> &'static str {
    let links = |case: &pb::LinkedCase| (case.order_ids.clone(), case.return_ids.clone());
    if !existed {
        "retail.cases.v1.CaseFound"
    } else if was.parked != is.parked {
        if is.parked { "retail.cases.v1.CaseParked" } else { "retail.cases.v1.CaseResumed" }
    } else if links(was) != links(is) {
        "retail.cases.v1.CaseLinked"
    } else if was.milestones != is.milestones {
        "retail.cases.v1.CaseMilestonesChanged"
    } else {
        "retail.cases.v1.CaseChanged"
    }
}
