//! Rules of what reaches an order from outside its journey, apart from the ways in: a replay runs them again. Each notes in
//! the journal what it was told. Pure.

use retail_flow::Retold;
use retail_proto::erp::v1 as erp;
use retail_proto::orders::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::calls::Calls;
use crate::fault::Error;
use crate::orders::{Changed, existing};
use crate::place;
use crate::record::{Order, State};
use crate::seal::Seal;
use crate::sent;

const PLACED: &str = "PlaceOrder";
const CANCELLED: &str = "CancelOrder";
const RELEASED: &str = "ReleaseHold";
const RESUMED: &str = "ResumeOrder";
const ERP_FACTS: &str = "ErpFacts";

/// An order is taken in.
pub(crate) fn placed(
    order: Order,
    request: &pb::PlaceOrderRequest,
    now: Timestamp,
) -> impl Fn(&mut Draft<Order>) -> Result<Changed, Error> + Send + 'static {
    let request = request.clone();
    move |draft| {
        // An order that was adopted before its webhook came, and that no ERP had, begins now. Any other adopted order
        // stands: its webhook is answered by it, and the shop has no reason to send it again.
        if draft.existed && !draft.doc.is_early() {
            // The channel tells of one order more than once; the first telling stands.
            let same = draft.doc.adopted || draft.doc.digest == order.digest;
            let other = || Error::OtherContent { id: order.id.clone() };
            return if same { Ok(Changed { id: order.id.clone() }) } else { Err(other()) };
        }
        let before = draft.doc.clone();
        draft.doc = order.clone();
        retail_flow::begin(draft, &order.number, &order.traceparent, now);
        Seal.seal(draft, &before, now);
        retail_flow::record_message(draft, PLACED, &request, now);
        Ok(Changed { id: order.id.clone() })
    }
}

/// Somebody cancels it.
pub(crate) fn cancelled(
    request: pb::CancelOrderRequest,
    now: Timestamp,
) -> impl Fn(&mut Draft<Order>) -> Result<Changed, Error> + Send + 'static {
    move |draft| {
        existing(draft)?;
        let before = draft.doc.clone();
        // A sales order whose answer never came may exist: the way back must look for it.
        let asked = retail_flow::may_have_been_sent(draft, "erp.create_sales_order");
        draft.doc.cancel(&request.reason, asked)?;
        if draft.doc.state() != before.state() {
            sent::ask_for_payments(draft);
        }
        draft.doc.advance();
        if draft.doc != before {
            retail_flow::note(draft, "CANCEL_ASKED", &request.reason, now);
            retail_flow::resume(draft, "cancelled by a caller", now);
            draft.doc.parked = false;
            retail_flow::wake(draft, now);
            Seal.seal(draft, &before, now);
            retail_flow::record_message(draft, CANCELLED, &request, now);
        }
        Ok(Changed { id: draft.id().to_owned() })
    }
}

/// Somebody has looked at a hold.
pub(crate) fn released(
    request: pb::ReleaseHoldRequest,
    now: Timestamp,
) -> impl Fn(&mut Draft<Order>) -> Result<Changed, Error> + Send + 'static {
    move |draft| {
        existing(draft)?;
        let (before, reason) = (draft.doc.clone(), &request.hold_reason);
        draft.doc.release_hold(reason)?;
        if draft.doc != before {
            retail_flow::note(draft, "HOLD_RELEASED", &format!("{reason}: {}", request.note), now);
            retail_flow::wake(draft, now);
            Seal.seal(draft, &before, now);
            retail_flow::record_message(draft, RELEASED, &request, now);
        }
        Ok(Changed { id: draft.id().to_owned() })
    }
}

/// Somebody has mended what it was parked for.
pub(crate) fn resumed(
    request: pb::ResumeOrderRequest,
    now: Timestamp,
) -> impl Fn(&mut Draft<Order>) -> Result<Changed, Error> + Send + 'static {
    move |draft| {
        existing(draft)?;
        if !retail_flow::resume(draft, &request.note, now) {
            return Err(Error::NotParked(draft.id().to_owned()));
        }
        let before = draft.doc.clone();
        draft.doc.parked = false;
        draft.doc.cause.clear();
        Seal.seal(draft, &before, now);
        retail_flow::record_message(draft, RESUMED, &request, now);
        Ok(Changed { id: draft.id().to_owned() })
    }
}

/// The ERP says how its sales order stands.
pub(crate) fn erp_facts(
    told: erp::SalesOrder,
    calls: Calls,
    now: Timestamp,
) -> impl Fn(&mut Draft<Order>) -> Result<(), Error> + Send + 'static {
    move |draft| {
        // Not every sales order that carries an external id was born here.
        if !draft.existed {
            return Ok(());
        }
        let before = draft.doc.clone();
        if crate::facts::take(&mut draft.doc, &told) {
            draft.doc.follow_shop(calls.rules(&before).shop, now.as_millisecond());
            if draft.doc.state() == State::Cancelling && before.state() != State::Cancelling {
                sent::ask_for_payments(draft);
            }
            if calls.sources.moves_backorders(&draft.doc) {
                draft.doc.source_backorders_anew(now.as_millisecond());
            }
            // Nothing leaves for an adopted order: there is nobody to wake.
            if !draft.doc.adopted {
                retail_flow::wake(draft, now);
            }
            Seal.seal(draft, &before, now);
            retail_flow::record_message(draft, ERP_FACTS, &told, now);
        }
        Ok(())
    }
}

/// Runs again what was told; `None` when its rule stands elsewhere.
pub(crate) fn again(calls: &Calls, draft: &mut Draft<Order>, told: &Retold<'_, Order>) -> Option<Result<(), String>> {
    let (content, now) = (told.content, told.now);
    let done = match told.what {
        PLACED => read(content).and_then(|request: pb::PlaceOrderRequest| {
            let order = place::parse(&request, calls.channel(&request.channel), now);
            let mut order = order.map_err(|error| error.to_string())?;
            order.digest.clone_from(&told.recorded.digest);
            order.traceparent.clone_from(&told.recorded.traceparent);
            said(placed(order, &request, now)(draft))
        }),
        CANCELLED => {
            read::<pb::CancelOrderRequest>(content).and_then(|request| match request.line_numbers.as_slice() {
                [] => said(cancelled(request, now)(draft)),
                [..] => Ok(false),
            })
        }
        RELEASED => read(content).and_then(|request| said(released(request, now)(draft))),
        RESUMED => read(content).and_then(|request| said(resumed(request, now)(draft))),
        ERP_FACTS => read(content).and_then(|facts| said(erp_facts(facts, calls.clone(), now)(draft))),
        _ => Ok(false),
    };
    match done {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(why) => Some(Err(why)),
    }
}

fn read<M: prost::Message + Default>(content: &[u8]) -> Result<M, String> {
    M::decode(content).map_err(|error| error.to_string())
}

fn said<T>(done: Result<T, Error>) -> Result<bool, String> {
    done.map(|_| true).map_err(|error| error.to_string())
}
