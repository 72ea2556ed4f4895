//! What becomes of an order's lines, as callers see it: sourcing, pickup, rerouting, cancellation.

use retail_proto::orders::v1 as pb;
use retail_proto::timestamp;

use super::quantity;
use crate::decision::{Considered, Decision, Outcome, Sourced, Verdict};
use crate::line_cancel::{self, LineCancel};
use crate::pickup::{Pickup, Stage};
use crate::reroute::{Reroute, Step};

pub(super) fn pickup(pickup: &Pickup) -> pb::Pickup {
    let steps = pickup.steps.iter().map(|step| pb::PickupStep {
        at: Some(timestamp(step.at)),
        who: step.who.clone(),
        stage: i32::from(stage(step.stage())),
        location: step.location.clone(),
        why: step.why.clone(),
    });
    pb::Pickup {
        location: pickup.location.clone(),
        contact_name: pickup.contact_name.clone(),
        contact_phone: pickup.contact_phone.clone(),
        contact_email: pickup.contact_email.clone(),
        stage: i32::from(stage(pickup.stage())),
        keep_until: (pickup.keep_until != 0).then(|| timestamp(pickup.keep_until)),
        collected_by: pickup.collected_by.clone(),
        steps: steps.collect(),
    }
}

pub(super) fn cancelled(cancel: &LineCancel, number: i32) -> pb::LineCancellation {
    pb::LineCancellation {
        number,
        line_numbers: cancel.lines.clone(),
        who: cancel.who.clone(),
        at: Some(timestamp(cancel.at)),
        why: cancel.why.clone(),
        state: i32::from(match cancel.step() {
            line_cancel::Step::Asked | line_cancel::Step::Closed => pb::LineCancellationState::Open,
            line_cancel::Step::Done => pb::LineCancellationState::Done,
            line_cancel::Step::Failed => pb::LineCancellationState::Failed,
        }),
        outcome: cancel.outcome.clone(),
    }
}

pub(super) fn reroute(reroute: &Reroute, number: i32) -> pb::Reroute {
    pb::Reroute {
        number,
        from: reroute.from.clone(),
        line_numbers: reroute.lines.clone(),
        ship: reroute.ship,
        who: reroute.who.clone(),
        at: Some(timestamp(reroute.at)),
        why: reroute.why.clone(),
        state: i32::from(match reroute.step() {
            Step::Asked | Step::Decided | Step::Promised | Step::Moved | Step::Withdrawing => pb::RerouteState::Open,
            Step::Done => pb::RerouteState::Done,
            Step::Failed => pb::RerouteState::Failed,
        }),
        outcome: reroute.outcome.clone(),
        sourcing: reroute.decision.as_ref().map(|made| shown(made, &[])),
    }
}

/// The contract's word for a stage.
fn stage(stage: Stage) -> pb::PickupStage {
    match stage {
        Stage::Awaited => pb::PickupStage::Awaited,
        Stage::Ready => pb::PickupStage::Ready,
        Stage::Collected => pb::PickupStage::Collected,
        Stage::Rejected => pb::PickupStage::Rejected,
        Stage::Lapsed => pb::PickupStage::Lapsed,
        Stage::Shipping => pb::PickupStage::Shipping,
    }
}

/// Our word for the contract's stage; `None` for the unspecified one.
pub(crate) fn known_stage(asked: pb::PickupStage) -> Option<Stage> {
    match asked {
        pb::PickupStage::Unspecified => None,
        pb::PickupStage::Awaited => Some(Stage::Awaited),
        pb::PickupStage::Ready => Some(Stage::Ready),
        pb::PickupStage::Collected => Some(Stage::Collected),
        pb::PickupStage::Rejected => Some(Stage::Rejected),
        pb::PickupStage::Lapsed => Some(Stage::Lapsed),
        pb::PickupStage::Shipping => Some(Stage::Shipping),
    }
}

pub(super) fn sourcing(sourced: &Sourced) -> Option<pb::Sourcing> {
    sourced.decision.as_ref().map(|decision| shown(decision, &sourced.overtaken))
}

fn shown(decision: &Decision, overtaken: &[String]) -> pb::Sourcing {
    let lines = decision.lines.iter().map(|line| pb::SourcingLine {
        line_number: line.number,
        location: line.location.clone(),
        quantity: quantity(line.quantity),
        backordered: quantity(line.backordered),
        named: line.named,
        split_from: line.split_from,
        kept_back: quantity(line.kept_back),
    });
    pb::Sourcing {
        policy: decision.policy.clone(),
        policy_version: decision.version.clone(),
        outcome: i32::from(match decision.outcome() {
            Outcome::Whole => pb::SourcingOutcome::Whole,
            Outcome::Split => pb::SourcingOutcome::Split,
            Outcome::Backorder => pb::SourcingOutcome::Backorder,
            Outcome::Refused => pb::SourcingOutcome::Refused,
        }),
        why: decision.why.clone(),
        lines: lines.collect(),
        candidates: decision.candidates.iter().map(candidate).collect(),
        zone: decision.zone.clone(),
        decided_at: Some(timestamp(decision.at)),
        overtaken: overtaken.to_vec(),
    }
}

fn candidate(one: &Considered) -> pb::SourcingCandidate {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let lacks = one.lacks.iter().map(|lack| pb::SourcingLack {
        sku: lack.sku.clone(),
        needed: quantity(lack.needed),
        available: quantity(lack.available),
        kept_back: quantity(lack.kept_back),
    });
    pb::SourcingCandidate {
        location: one.location.clone(),
        verdict: i32::from(match one.verdict() {
            Verdict::Chosen => pb::SourcingVerdict::Chosen,
            Verdict::LacksStock => pb::SourcingVerdict::LacksStock,
            Verdict::OutOfReach => pb::SourcingVerdict::OutOfReach,
            Verdict::AtCapacity => pb::SourcingVerdict::AtCapacity,
            Verdict::Outranked => pb::SourcingVerdict::Outranked,
            Verdict::Rejected => pb::SourcingVerdict::Rejected,
            Verdict::Closed => pb::SourcingVerdict::Closed,
        }),
        why: one.why.clone(),
        lines_in_stock: count(one.lines_in_stock),
        lacks: lacks.collect(),
        cost: one.cost,
        distance_km: count(one.distance_km),
        ship_day: one.ship_day.clone(),
        capacity: one.orders_per_day.map(|most| pb::SourcingCapacity {
            orders_taken: count(one.orders_taken.unwrap_or_default()),
            orders_per_day: count(most),
        }),
    }
}
