//! What has happened to an order or a return, in the words of a case.

use proptest::prelude::*;
use retail_proto::orders::v1 as orders;
use retail_proto::returns::v1 as returns;
use retail_proto::types::v1::{Money, Ref};

use super::*;

const PLACED: i64 = 1_700_000_000_000;
const SAID: i64 = PLACED + 60_000;

fn record(id: &str) -> Option<Ref> {
    Some(Ref { kind: "erp".into(), id: id.into(), number: format!("N-{id}"), ..Ref::default() })
}

fn gbp(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".into() })
}

fn order(state: orders::OrderState) -> Order {
    Order {
        order_id: "o-1".into(),
        order_number: "#1001".into(),
        state: i32::from(state),
        placed_at: Some(timestamp(PLACED)),
        total: gbp(3564),
        ..Order::default()
    }
}

fn shipment(id: &str) -> orders::Shipment {
    let line = orders::ShipmentLine { line_number: 1, quantity: "6".into() };
    orders::Shipment {
        document: record(id),
        tracking_numbers: vec!["TRK-1".into()],
        lines: vec![line],
        ..Default::default()
    }
}

fn told(milestones: &[Milestone]) -> Vec<String> {
    let at = |one: &Milestone| (millis(one.happened_at.as_ref()) - PLACED) / 1_000;
    milestones
        .iter()
        .map(|one| format!("{} +{}s {} [{}]", one.kind, at(one), one.detail, one.document_number))
        .collect()
}

#[test]
fn an_order_tells_each_document_once_with_the_time_it_was_first_seen() {
    let mut moments = of_order(&order(orders::OrderState::Booked), SAID);
    let mut shipped = order(orders::OrderState::Shipped);
    shipped.shipments = vec![shipment("7")];
    remember(&mut moments, of_order(&shipped, SAID + 60_000));
    shipped.invoices = vec![orders::Invoice { document: record("8"), total: gbp(3564), ..Default::default() }];
    remember(&mut moments, of_order(&shipped, SAID + 120_000));
    insta::assert_snapshot!(told(&write_order("crm/500", &shipped, &moments)).join("\n"), @r"
    ORDER_PLACED +0s Order #1001 placed []
    ORDER_BOOKED +60s Order #1001 booked []
    ORDER_SHIPPED +120s Order #1001 shipped, 6 pieces, tracking TRK-1 [N-7]
    ORDER_INVOICED +180s Order #1001 invoiced with N-8 [N-8]
    ");
}

#[test]
fn an_order_that_was_edited_says_so_with_its_new_total() {
    let mut edited = order(orders::OrderState::Held);
    let edit = |number, state: orders::EditState| orders::Edit {
        number,
        at: Some(timestamp(PLACED + 5_000)),
        why: "three are enough".into(),
        state: i32::from(state),
        total: gbp(1800),
        ..Default::default()
    };
    edited.edits = vec![edit(1, orders::EditState::Done), edit(2, orders::EditState::Failed)];
    let told = write_order("crm/500", &edited, &of_order(&edited, SAID));
    let changed: Vec<_> = told.iter().filter(|one| one.kind == "ORDER_CHANGED").collect();
    assert_eq!(changed.len(), 1, "what came to nothing is no milestone");
    assert_eq!((changed[0].detail.as_str(), &changed[0].amount), ("Order #1001 changed: three are enough", &gbp(1800)));
}

#[test]
fn a_hold_stays_told_after_it_is_released() {
    let mut held = order(orders::OrderState::Held);
    let since = Some(timestamp(PLACED + 5_000));
    held.holds = vec![orders::Hold { reason: "TOTAL_MISMATCH".into(), since, ..Default::default() }];
    let mut moments = of_order(&held, SAID);
    remember(&mut moments, of_order(&order(orders::OrderState::Cancelled), SAID));
    insta::assert_snapshot!(told(&write_order("crm/500", &order(orders::OrderState::Cancelled), &moments)).join("\n"), @r"
    ORDER_PLACED +0s Order #1001 placed []
    ORDER_HELD +5s Order #1001 waits for a person: TOTAL_MISMATCH []
    ORDER_CANCELLED +60s Order #1001 cancelled []
    ");
}

#[test]
fn an_adopted_order_happened_when_its_documents_say() {
    let mut old = order(orders::OrderState::Completed);
    old.adopted = true;
    old.shipments = vec![orders::Shipment { date: "2023-11-20".into(), ..shipment("7") }];
    let moments = of_order(&old, SAID + 1_000_000_000);
    let at: Vec<i64> = moments.iter().map(|moment| moment.at).collect();
    assert_eq!(at, [PLACED, PLACED, day("2023-11-20").unwrap()]);
}

#[test]
fn money_given_back_after_a_cancellation_is_told_once_it_is_given() {
    let mut cancelled = order(orders::OrderState::Cancelled);
    let refund = orders::Refund { refund_id: "f-1".into(), amount: gbp(3564), ..Default::default() };
    cancelled.refunds = vec![refund];
    assert!(!of_order(&cancelled, SAID).iter().any(|moment| moment.what.starts_with("ORDER_REFUNDED")));
    cancelled.refunds[0].refund = record("9");
    let moments = of_order(&cancelled, SAID);
    let refunded = write_order("crm/500", &cancelled, &moments).pop().unwrap();
    assert_eq!((refunded.kind.as_str(), refunded.amount), ("ORDER_REFUNDED", gbp(3564)));
}

fn whole_return() -> Return {
    let line = |number, cause: &str| returns::ReturnLine {
        number,
        order_id: "o-1".into(),
        requested: "2".into(),
        authorized: "2".into(),
        cause: cause.into(),
        cause_detail: if cause.is_empty() { String::new() } else { "bought 90 days ago".into() },
        ..Default::default()
    };
    let receipt = returns::ReturnReceipt {
        receipt_id: "w-1".into(),
        received_at: Some(timestamp(PLACED + 30_000)),
        lines: vec![returns::ReturnReceiptLine { number: 1, quantity: "2".into(), ..Default::default() }],
        ..Default::default()
    };
    let part = returns::ReturnPart {
        receipts: vec![receipt],
        credit_memo: record("c"),
        credited: gbp(510),
        refund: record("f"),
        refunded: gbp(510),
        ..Default::default()
    };
    Return {
        return_id: "r-1".into(),
        rma_number: "R-1".into(),
        state: i32::from(ReturnState::Completed),
        requested_at: Some(timestamp(PLACED)),
        lines: vec![line(1, ""), line(2, "WITHIN_WINDOW")],
        parts: vec![part],
        ..Default::default()
    }
}

#[test]
fn a_return_tells_all_of_its_way() {
    let moments = of_return(&whole_return(), SAID);
    insta::assert_snapshot!(told(&write_return("crm/500", &whole_return(), &moments)).join("\n"), @r"
    RETURN_REQUESTED +0s Return asked for, 4 pieces []
    RETURN_WAITS +60s RMA R-1 waits for a person, WITHIN_WINDOW: bought 90 days ago []
    RETURN_AUTHORIZED +60s RMA R-1 authorized, 4 pieces [R-1]
    RETURN_RECEIVED +30s RMA R-1 received, 2 pieces []
    RETURN_CREDITED +60s RMA R-1 credited 5.10 GBP [N-c]
    RETURN_REFUNDED +60s RMA R-1 refunded 5.10 GBP [N-f]
    RETURN_COMPLETED +60s RMA R-1 completed []
    ");
}

#[test]
fn one_thing_has_one_id_in_one_case_and_another_in_another() {
    let moments = of_return(&whole_return(), SAID);
    let ids = |case: &str| -> Vec<String> {
        write_return(case, &whole_return(), &moments).into_iter().map(|one| one.external_ref).collect()
    };
    assert_eq!(ids("crm/500"), ids("crm/500"));
    let mut all = [ids("crm/500"), ids("crm/501")].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 14);
}

proptest! {
    #[test]
    fn seeing_a_thing_again_changes_nothing(later in prop::collection::vec(0..1_000_i64, 1..6)) {
        let mut moments = of_return(&whole_return(), SAID);
        let once = moments.clone();
        for more in later {
            remember(&mut moments, of_return(&whole_return(), SAID + more));
        }
        prop_assert_eq!(moments, once);
    }
}
