//! What every commit of a customer carries: version, time, lists and event. One place, so that no way into the store can
//! forget one.

use prost::Message as _;
use retail_proto::customers::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::customer::Customer;
use crate::finding;

/// What a change meant to the business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Founded or changed.
    Changed,
    /// It took another customer in, or became part of one.
    Merged,
    /// It let another customer go, or stands on its own again.
    Unmerged,
    /// A decision about consent was recorded.
    Consented,
}

/// Completes a commit that changed a customer. Merges and their undoing are told to every system again.
pub(crate) fn seal(draft: &mut Draft<Customer>, before: &Customer, event: Event, now: Timestamp) {
    let retell = matches!(event, Event::Merged | Event::Unmerged);
    draft.doc.changed(before, retell, now);
    finding::relist(draft);
    let kind = match event {
        Event::Changed if before.is_founded() => "CustomerChanged",
        Event::Changed => "CustomerFounded",
        Event::Merged => "CustomerMerged",
        Event::Unmerged => "CustomerUnmerged",
        Event::Consented => "CustomerConsentRecorded",
    };
    emit(draft, kind, &pb::Customer::from(&draft.doc));
}

/// Completes the commit that made an id stand for another customer: the event carries that customer's whole state, so
/// that whoever follows this id learns who it is now.
pub(crate) fn seal_alias(draft: &mut Draft<Customer>, survivor: &pb::Customer, now: Timestamp) {
    draft.doc.version = draft.doc.version.saturating_add(1);
    draft.doc.updated_at = now.as_millisecond();
    finding::relist(draft);
    emit(draft, "CustomerMerged", survivor);
}

/// Completes a commit that changed nothing that is shown.
pub(crate) fn seal_quietly(draft: &mut Draft<Customer>) {
    finding::relist(draft);
}

fn emit(draft: &mut Draft<Customer>, kind: &str, shown: &pb::Customer) {
    draft.emit(format!("retail.customers.v1.{kind}"), shown.encode_to_vec());
}
