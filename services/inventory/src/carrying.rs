//! Carrying a transfer out: the destination is told what to expect, arrivals are taken in there, and the ERP is told what
//! left and what came. Each is one step with a key of its own, safe to repeat.

use std::collections::BTreeMap;

use retail_flow::{Attempt, Class, Failure, Kept, Next, Process, Step, Summary, kept};
use retail_proto::Quantity;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::types::v1::Ref;
use retail_runtime::fault::Fault as _;
use retail_runtime::{Peer, Timestamp};
use retail_store::Draft;
use serde::{Deserialize, Serialize};

use crate::expected::{Source, Word};
use crate::expecting::Expecting;
use crate::fault::Error;
use crate::landing::Landings;
use crate::moving::sealed;
use crate::render::quantity;
use crate::site;
use crate::transfer::{Arrival, Road, Transfer};

/// What a transfer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Leg {
    /// The destination hears what to expect: the so-many-eth word.
    Announce(u32),
    /// The destination takes an arrival in.
    Land(usize),
    /// The ERP hears that it left.
    Ship,
    /// The ERP hears of an arrival.
    Post(usize),
}

impl Step for Leg {
    fn name(&self) -> String {
        match self {
            Self::Announce(word) => format!("destination.expect/{word}"),
            Self::Land(arrival) => format!("destination.take_in/{arrival}"),
            Self::Ship => "erp.ship_transfer".to_owned(),
            Self::Post(arrival) => format!("erp.receive_transfer/{arrival}"),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Announce(_) | Self::Land(_) => Class::Call,
            Self::Ship | Self::Post(_) => Class::Keyed,
        }
    }
}

/// What the ERP has made of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Documents(#[serde(with = "kept::list")] Vec<Ref>);

/// Carries transfers out.
pub(crate) struct Carrying {
    authority: Option<(String, Peer)>,
    expecting: Expecting,
    landings: Landings,
}

impl Carrying {
    /// Tells this ERP instance, or nobody.
    #[must_use]
    pub(crate) fn new(authority: Option<(String, Peer)>, expecting: Expecting, landings: Landings) -> Self {
        Self { authority, expecting, landings }
    }

    fn erp(&self) -> Result<(String, ErpServiceClient<Peer>), Failure> {
        let Some((instance, peer)) = &self.authority else {
            let detail = "a transfer waits for an ERP, and none is configured";
            return Err(Failure::refused("ERP_NOT_CONFIGURED", detail));
        };
        Ok((instance.clone(), ErpServiceClient::new(peer.clone())))
    }

    async fn ship(&self, doc: &Transfer) -> Result<Documents, Failure> {
        let (instance, mut client) = self.erp()?;
        let sent = doc.lines.iter().filter(|line| line.sent > 0);
        let request = erp::ShipTransferRequest {
            instance,
            external_ref: doc.id.clone(),
            from_location: doc.from.clone(),
            to_location: doc.to.clone(),
            lines: sent
                .map(|line| erp::TransferLine { sku: line.sku.clone(), quantity: quantity(line.sent) })
                .collect(),
            ship_date: day(doc.left_at)?,
            expected_date: day(doc.expected_at)?,
            memo: doc.reference.clone(),
        };
        let answer = client.ship_transfer(request).await?.into_inner();
        retail_flow::done("erp.ShipTransfer", answer.outcome.as_ref())?;
        Ok(Documents(answer.documents))
    }

    async fn post(&self, doc: &Transfer, arrival: &Arrival) -> Result<Documents, Failure> {
        let (instance, mut client) = self.erp()?;
        let lines = arrival.lines.iter().map(|came| erp::TransferReceiptLine {
            sku: came.sku.clone(),
            received: quantity(came.received),
            lost: quantity(came.lost),
            surplus: quantity(came.surplus),
        });
        let request = erp::ReceiveTransferRequest {
            instance,
            external_ref: format!("{}/{}", doc.id, arrival.receipt_id),
            transfer_ref: doc.id.clone(),
            to_location: doc.to.clone(),
            lines: lines.collect(),
            receipt_date: day(arrival.happened_at)?,
            memo: [arrival.reason.as_str(), doc.reference.as_str()].join(" ").trim().to_owned(),
        };
        let answer = client.receive_transfer(request).await?.into_inner();
        retail_flow::done("erp.ReceiveTransfer", answer.outcome.as_ref())?;
        self.landings.posted(doc, arrival).await.map_err(own)?;
        Ok(Documents(answer.documents))
    }
}

impl Process for Carrying {
    type Doc = Transfer;
    type Step = Leg;
    type Outcome = Documents;

    fn decide(&self, doc: &Transfer, _: Timestamp) -> Next<Leg> {
        if doc.told < doc.word {
            // What arrived is taken off what is expected, so that is said first.
            return Next::Do(vec![Leg::Announce(doc.word)]);
        }
        let here = doc.arrivals.iter().position(|arrival| !arrival.landed).map(Leg::Land);
        let there = if !doc.to_post || doc.left_at == 0 {
            None
        } else if doc.shipped {
            doc.arrivals.iter().position(|arrival| arrival.landed && !arrival.posted).map(Leg::Post)
        } else {
            Some(Leg::Ship)
        };
        let legs: Vec<Leg> = here.into_iter().chain(there).collect();
        match (legs.is_empty(), doc.is_over()) {
            (false, _) => Next::Do(legs),
            (true, true) => Next::Done,
            (true, false) => Next::Wait(None),
        }
    }

    async fn perform(&self, _: &str, doc: &Transfer, step: &Leg, _: Attempt) -> Result<Documents, Failure> {
        let arrival = |place: usize| {
            let known = doc.arrivals.get(place);
            known.ok_or_else(|| Failure::refused("NO_SUCH_ARRIVAL", format!("transfer has no arrival {place}")))
        };
        match step {
            Leg::Announce(_) => {
                self.expecting.announce(word(doc)).await.map_err(own)?;
                Ok(Documents::default())
            }
            Leg::Land(place) => {
                self.landings.land(doc, arrival(*place)?).await.map_err(own)?;
                Ok(Documents::default())
            }
            Leg::Ship => self.ship(doc).await,
            Leg::Post(place) => self.post(doc, arrival(*place)?).await,
        }
    }

    fn apply(&self, draft: &mut Draft<Transfer>, step: &Leg, Documents(documents): &Documents, now: Timestamp) {
        match step {
            Leg::Announce(word) => draft.doc.told = draft.doc.told.max(*word),
            Leg::Land(place) => {
                if let Some(arrival) = draft.doc.arrivals.get_mut(*place) {
                    arrival.landed = true;
                }
            }
            Leg::Ship => {
                if draft.doc.shipped {
                    return;
                }
                draft.doc.shipped = true;
                let sent = draft.doc.lines.iter().filter(|line| line.sent > 0).map(|line| line.sku.clone());
                let (from, skus) = (draft.doc.from.clone(), sent.collect());
                let mut rows = site::load(draft, &from, &skus).into_parts().0;
                rows.values_mut().for_each(|row| row.posted(now));
                site::store_quietly(draft, crate::shelf::Shelf::new(&from, rows.into_values()), &[]);
            }
            Leg::Post(place) => {
                if let Some(arrival) = draft.doc.arrivals.get_mut(*place) {
                    arrival.posted = true;
                }
            }
        }
        for document in documents {
            if !draft.doc.documents.contains(document) {
                draft.doc.documents.push(document.clone());
            }
        }
        draft.doc.version = draft.doc.version.saturating_add(1);
    }

    fn kept() -> Option<Kept<Self>> {
        Some(Kept::with(&[]))
    }

    fn seal(&self, draft: &mut Draft<Transfer>, before: &Transfer, _: Timestamp) {
        sealed(draft, before);
    }

    fn summary(&self, doc: &Transfer) -> Summary {
        let status = match doc.road() {
            Road::Planned => "Set aside",
            Road::OnTheRoad => "On the road",
            Road::Arrived => "Arrived",
            Road::Cancelled => "Called off",
        };
        Summary { name: format!("transfer {} from {} to {}", doc.id, doc.from, doc.to), status: status.to_owned() }
    }
}

/// What the destination expects of a transfer.
fn word(doc: &Transfer) -> Word {
    let expected = |line: &crate::transfer::Freight| match doc.road() {
        Road::Planned | Road::Cancelled => line.planned,
        Road::OnTheRoad | Road::Arrived => line.sent,
    };
    let lines: Vec<(String, Quantity)> = doc
        .lines
        .iter()
        .map(|line| (line.sku.clone(), Quantity::from_millionths(expected(line))))
        .filter(|(_, quantity)| quantity.is_positive())
        .collect();
    let at = |millisecond: i64| Timestamp::from_millisecond(millisecond).unwrap_or_default();
    Word {
        id: doc.expected_id(),
        location: doc.to.clone(),
        source: Source::Transfer,
        lines,
        expected_at: at(doc.expected_at),
        as_of: at(doc.word_at),
        come: BTreeMap::new(),
        ended: doc.road() == Road::Cancelled,
        transit: matches!(doc.road(), Road::OnTheRoad | Road::Arrived),
    }
}

fn day(millisecond: i64) -> Result<String, Failure> {
    let at = Timestamp::from_millisecond(millisecond);
    let at = at.map_err(|error| Failure::refused("BAD_TIME", error.to_string()))?;
    Ok(at.strftime("%Y-%m-%d").to_string())
}

/// What it means that our own store did not take a step: a rule that refused is for a person, anything else is tried again.
fn own(error: Error) -> Failure {
    if matches!(error, Error::TooManyExpected { .. } | Error::Stock(_)) {
        Failure::refused(error.reason(), error.to_string())
    } else {
        Failure::not_done(error.reason(), error.to_string())
    }
}
