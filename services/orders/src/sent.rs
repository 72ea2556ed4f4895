//! What may have reached the ERP although no answer says so. Whoever gives money back asks here first.

use retail_flow::may_have_been_sent;
use retail_store::Draft;

use crate::again;
use crate::record::Order;

/// Marks the payments that the ERP may have in its books: they are resolved before their money goes back.
pub(crate) fn ask_for_payments(draft: &mut Draft<Order>) {
    let open = draft.doc.payments.iter().filter(|payment| payment.is_captured() && payment.document.is_none());
    let open: Vec<String> = open.map(|payment| payment.id.clone()).collect();
    for id in open {
        let asked = may_have_been_sent(draft, &format!("erp.record_payment/{id}"));
        if let Some(payment) = draft.doc.payments.iter_mut().find(|payment| payment.id == id) {
            payment.asked = payment.asked || asked;
        }
    }
    // What nobody can have heard of is not asked for any more.
    let awaited = draft.doc.awaited_authorization().map(|payment| payment.id.clone());
    let unsent = awaited.filter(|id| !may_have_been_sent(draft, &format!("payments.authorize_anew/{id}")));
    if let Some(id) = unsent {
        again::never_asked(&mut draft.doc, &id);
    }
}
