//! What people and warehouses ask of a return that is there: each a shape, a pure rule, a note for the audit.

use prost::Message as _;
use retail_flow::Asked;
use retail_proto::returns::v1 as pb;
use retail_runtime::fault::Violations;
use retail_store::Draft;
use sha2::{Digest as _, Sha256};

use crate::day::millisecond;
use crate::fault::Error;
use crate::leg::open_return;
use crate::part::ReceiptLine;
use crate::receiving::{self, Arrival};
use crate::record::Return;
use crate::render::known_disposition;
use crate::resolving::{self, Resolution};
use crate::returns::{Returns, key_shape};
use crate::start::quantity;

/// A return, and whether the request was a repeat.
type Answer = Result<(Return, bool), Error>;

impl Returns {
    /// Takes a receipt in.
    pub(crate) async fn receive(&self, principal: &str, request: &pb::ReceiveReturnRequest) -> Answer {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("receipt_ref", !request.receipt_ref.is_empty(), "give your own id of the receipt");
        bad.require("received_at", request.received_at.is_some(), "say when the goods came");
        let lines = request.lines.iter().zip(0_usize..).map(|(line, place)| ReceiptLine {
            number: line.number,
            quantity: quantity(&line.quantity, &format!("lines[{place}].quantity"), &mut bad),
            disposition: i32::from(known_disposition(line.disposition())),
        });
        let lines = lines.collect();
        bad.check()?;
        let content = pb::ReceiveReturnRequest { idempotency_key: String::new(), ..request.clone() }.encode_to_vec();
        let arrival = Arrival {
            source: request.receipt_ref.clone(),
            digest: Sha256::digest(&content).to_vec(),
            received_at: request.received_at.as_ref().map_or(0, millisecond),
            location: request.location.clone(),
            lines,
        };
        let asked = Asked::new(principal, "ReceiveReturn", &request.idempotency_key, content);
        self.change(&request.return_id, asked, move |draft, now| {
            let before = draft.doc.clone();
            receiving::receive(&mut draft.doc, &arrival)?;
            if draft.doc != before {
                retail_flow::note(draft, "GOODS_RECEIVED", &arrival.source, now);
            }
            Ok(())
        })
        .await
    }

    /// Ends the waiting for goods that will not come.
    pub(crate) async fn close(&self, principal: &str, request: &pb::CloseReturnRequest) -> Answer {
        key_shape(&request.idempotency_key)?;
        needs("reason", &request.reason, "say why; people read it")?;
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "CloseReturn", &request.idempotency_key, content);
        let reason = request.reason.clone();
        self.change(&request.return_id, asked, move |draft, now| {
            let before = draft.doc.clone();
            receiving::close(&mut draft.doc, &reason)?;
            if draft.doc != before {
                retail_flow::note(draft, "CLOSE_ASKED", &reason, now);
            }
            Ok(())
        })
        .await
    }

    /// Begins to cancel a return of which nothing has come back.
    pub(crate) async fn cancel(&self, principal: &str, request: &pb::CancelReturnRequest) -> Answer {
        key_shape(&request.idempotency_key)?;
        needs("reason", &request.reason, "say why; people read it")?;
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "CancelReturn", &request.idempotency_key, content);
        let reason = request.reason.clone();
        self.change(&request.return_id, asked, move |draft, now| {
            let before = draft.doc.clone();
            // A return in the ERP whose answer never came may exist: the way back must look for it.
            let parts: Vec<i32> = before.parts.iter().map(|part| part.number).collect();
            let sent: Vec<i32> = parts.into_iter().filter(|part| may_exist(draft, *part)).collect();
            draft.doc.cancel(&reason, |part| sent.contains(&part.number))?;
            if draft.doc != before {
                retail_flow::note(draft, "CANCEL_ASKED", &reason, now);
                retail_flow::resume(draft, "cancelled by a caller", now);
                draft.doc.parked = false;
            }
            Ok(())
        })
        .await
    }

    /// Settles a line that waits for a person.
    pub(crate) async fn resolve(&self, principal: &str, request: &pb::ResolveExceptionRequest) -> Answer {
        key_shape(&request.idempotency_key)?;
        let resolution = Resolution::parse(request)?;
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "ResolveException", &request.idempotency_key, content);
        let (number, note) = (request.line_number, request.note.clone());
        self.change(&request.return_id, asked, move |draft, now| {
            let was = draft.doc.line(number).map(|line| line.cause.clone()).unwrap_or_default();
            resolving::resolve(&mut draft.doc, number, &resolution)?;
            let audit = format!("line {number} ({was}) {}: {note}", resolution.word());
            retail_flow::note(draft, "EXCEPTION_RESOLVED", &audit, now);
            Ok(())
        })
        .await
    }

    /// Tries a parked return again.
    pub(crate) async fn resume(&self, principal: &str, request: &pb::ResumeReturnRequest) -> Answer {
        key_shape(&request.idempotency_key)?;
        needs("note", &request.note, "say what was mended; it goes into the audit")?;
        let content = request.encode_to_vec();
        let asked = Asked::new(principal, "ResumeReturn", &request.idempotency_key, content);
        let note = request.note.clone();
        self.change(&request.return_id, asked, move |draft, now| {
            if !retail_flow::resume(draft, &note, now) {
                return Err(Error::NotParked(draft.id().to_owned()));
            }
            // What the document shows of it is taken back by the process, which also makes another attempt of a
            // refund that failed: it does so for operators' replays too.
            draft.doc.parked = false;
            draft.doc.cause.clear();
            crate::crediting::try_again(&mut draft.doc, now.as_millisecond());
            Ok(())
        })
        .await
    }
}

fn may_exist(draft: &mut Draft<Return>, part: i32) -> bool {
    retail_flow::may_have_been_sent(draft, &open_return(part))
}

fn needs(field: &str, value: &str, what: &str) -> Result<(), Error> {
    let mut bad = Violations::default();
    bad.require(field, !value.trim().is_empty(), what);
    Ok(bad.check()?)
}
