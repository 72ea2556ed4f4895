//! Edits as callers see them.

use retail_proto::orders::v1 as pb;
use retail_proto::timestamp;

use super::credit::credit_check;
use super::quantity;
use crate::ask::money;
use crate::edit::{Edit, EditedLine, Step, Told};
use crate::record::Order;

pub(super) fn edit(order: &Order, edit: &Edit, number: i32) -> pb::Edit {
    pb::Edit {
        number,
        who: edit.who.clone(),
        at: Some(timestamp(edit.at)),
        why: edit.why.clone(),
        state: i32::from(match edit.step() {
            Step::Asked | Step::Held | Step::Promised | Step::Changed | Step::Withdrawing => pb::EditState::Open,
            Step::Done => pb::EditState::Done,
            Step::Failed => pb::EditState::Failed,
        }),
        next: next(order, edit).to_owned(),
        outcome: edit.outcome.clone(),
        lines: edit.lines.iter().map(|one| line(order, one)).collect(),
        address_before: edit.address_before.clone(),
        address: edit.address.clone(),
        store_before: edit.store_before.clone(),
        store: edit.store().to_owned(),
        total_before: Some(money(order, edit.total_before)),
        total: Some(money(order, edit.total)),
        told: i32::from(match edit.told() {
            Told::Never => pb::EditTold::Unspecified,
            Told::Due => pb::EditTold::Due,
            Told::Done => pb::EditTold::Done,
            Told::Refused => pb::EditTold::Refused,
        }),
        not_told: edit.not_told.clone(),
        credit_checks: edit
            .credit
            .iter()
            .flat_map(|credit| &credit.checks)
            .map(|one| credit_check(order, one))
            .collect(),
    }
}

fn next(order: &Order, edit: &Edit) -> &'static str {
    match edit.step() {
        Step::Done | Step::Failed => "",
        _ if !order.edit_may_go_on() => "It waits until the order is booked",
        Step::Asked if order.edit_awaits_credit(edit) => "Its customer's credit is asked for",
        Step::Asked | Step::Held => "What it needs further is promised",
        Step::Promised => "The ERP is told",
        Step::Changed => "What is needed no longer is given back",
        Step::Withdrawing => "What was promised for it is given back",
    }
}

fn line(order: &Order, line: &EditedLine) -> pb::EditedLine {
    pb::EditedLine {
        line_number: line.number,
        sku: line.sku.clone(),
        quantity_before: quantity(line.quantity_before),
        quantity: quantity(line.quantity),
        location_before: line.location_before.clone(),
        location: line.location.clone(),
        amount_before: Some(money(order, line.amount_before)),
        amount: Some(money(order, line.amount)),
    }
}
