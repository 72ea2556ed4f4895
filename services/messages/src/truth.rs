//! Is what happened still so? What came to nothing before it was told is left out. Pure.

use retail_proto::orders::v1::{Order, OrderState, PickupStage, RerouteState};
use retail_proto::returns::v1::{Return, ReturnState};

use crate::facts::{self, expected, steps};
use crate::returned;

/// Is this fact of an order still true?
///
/// # Errors
/// Why not, for people.
pub(crate) fn of_order(order: &Order, fact: &str) -> Result<(), String> {
    let (kind, which) = parts(fact);
    // A day that was put off again is no fact of the order any more: said below, with the new one.
    if kind != "delayed" && !facts::of_order(order).iter().any(|known| known.id == fact) {
        return Err(format!("the order says {:?} and {fact} no more", order.status));
    }
    if is_being_cancelled(order.state()) && matches!(kind, "ordered" | "edited" | "rerouted" | "delayed" | "ready") {
        return Err("the order is cancelled".to_owned());
    }
    let stage = order.pickup.as_ref().map_or(PickupStage::Unspecified, |pickup| pickup.stage());
    match kind {
        "ready" => {
            let last = steps(order, PickupStage::Ready).count().to_string() == which;
            if stage == PickupStage::Ready && last { Ok(()) } else { Err(stands(stage)) }
        }
        "not_collected" if stage == PickupStage::Lapsed => Ok(()),
        "not_collected" => Err(stands(stage)),
        "rerouted" => {
            let mut done = order.reroutes.iter().filter(|one| one.state() == RerouteState::Done);
            let this = done.find(|one| one.number.to_string() == which);
            let goes_on = |line: &i32| done.clone().any(|later| later.line_numbers.contains(line));
            if this.is_some_and(|this| this.line_numbers.iter().any(goes_on)) {
                return Err("it went on to another place".to_owned());
            }
            if is_gone(order) { Err("it has left already".to_owned()) } else { Ok(()) }
        }
        "delayed" => match expected(order) {
            Some(day) if day == which => Ok(()),
            Some(day) => Err(format!("it is expected on {day} now")),
            None => Err("nothing of it is awaited any more".to_owned()),
        },
        // The rest has happened, and stays so.
        _ => Ok(()),
    }
}

/// Is this fact of a return still true?
///
/// # Errors
/// Why not, for people.
pub(crate) fn of_return(record: &Return, fact: &str) -> Result<(), String> {
    if !returned::of_return(record).iter().any(|known| known.id == fact) {
        return Err(format!("the return says {:?} and {fact} no more", record.status));
    }
    let awaited = matches!(record.state(), ReturnState::Authorized | ReturnState::PartlyReceived);
    if fact == "authorized" && !awaited {
        return Err("the goods have come back already".to_owned());
    }
    Ok(())
}

/// A fact's kind, and which of them.
pub(crate) fn parts(fact: &str) -> (&str, &str) {
    fact.split_once('/').unwrap_or((fact, ""))
}

fn is_being_cancelled(state: OrderState) -> bool {
    matches!(state, OrderState::Cancelling | OrderState::Cancelled)
}

fn is_gone(order: &Order) -> bool {
    matches!(order.state(), OrderState::Shipped | OrderState::Completed)
}

fn stands(stage: PickupStage) -> String {
    let word = match stage {
        PickupStage::Unspecified => "not collected in a store",
        PickupStage::Awaited => "being picked",
        PickupStage::Ready => "ready for pickup, again",
        PickupStage::Collected => "collected already",
        PickupStage::Rejected => "rejected by the store",
        PickupStage::Lapsed => "not collected in time",
        PickupStage::Shipping => "shipped instead",
    };
    format!("it is {word}")
}

#[cfg(test)]
mod tests {
    use retail_proto::orders::v1::Reroute;

    use super::*;
    use crate::testing::{authorized, booked, cancelled, collected, ready, received, rejected, shipped};

    #[test]
    fn what_is_ready_is_told_and_what_was_rejected_at_once_is_not() {
        assert_eq!(of_order(&ready(1), "ready/1"), Ok(()));
        insta::assert_snapshot!(of_order(&rejected(), "ready/1").unwrap_err(), @"it is rejected by the store");
        insta::assert_snapshot!(of_order(&collected(), "ready/1").unwrap_err(), @"it is collected already");
        insta::assert_snapshot!(of_order(&ready(2), "ready/1").unwrap_err(), @"it is ready for pickup, again");
        assert_eq!(of_order(&ready(2), "ready/2"), Ok(()));
    }

    #[test]
    fn a_cancelled_order_is_told_as_cancelled_and_no_more_as_ordered() {
        assert!(of_order(&cancelled(), "ordered").is_err());
        assert_eq!(of_order(&cancelled(), "cancelled"), Ok(()));
        assert_eq!(of_order(&booked(), "ordered"), Ok(()));
    }

    #[test]
    fn a_day_that_was_put_off_again_is_told_once_with_the_last() {
        let mut order = booked();
        order.lines[0].expected_date = "2026-12-05".into();
        assert_eq!(of_order(&order, "delayed/2026-12-05"), Ok(()));
        insta::assert_snapshot!(of_order(&order, "delayed/2026-12-01").unwrap_err(), @"it is expected on 2026-12-05 now");
        insta::assert_snapshot!(of_order(&shipped(), "delayed/2026-12-01").unwrap_err(), @"nothing of it is awaited any more");
    }

    #[test]
    fn a_rerouting_is_told_unless_the_same_lines_went_on() {
        let done = |number, line| Reroute {
            number,
            line_numbers: vec![line],
            state: i32::from(RerouteState::Done),
            ..Default::default()
        };
        let order = Order { reroutes: vec![done(1, 1), done(2, 2), done(3, 1)], ..booked() };
        insta::assert_snapshot!(of_order(&order, "rerouted/1").unwrap_err(), @"it went on to another place");
        assert_eq!([of_order(&order, "rerouted/2"), of_order(&order, "rerouted/3")], [Ok(()), Ok(())]);
        let gone = Order { reroutes: vec![done(1, 1)], ..shipped() };
        insta::assert_snapshot!(of_order(&gone, "rerouted/1").unwrap_err(), @"it has left already");
    }

    #[test]
    fn a_parcel_that_has_left_has_left() {
        assert_eq!(of_order(&shipped(), "shipped/s1"), Ok(()));
        assert!(of_order(&booked(), "shipped/s1").is_err(), "the document was taken back");
    }

    #[test]
    fn how_to_send_back_is_not_told_to_whoever_has_done_so() {
        assert_eq!(of_return(&authorized(), "authorized"), Ok(()));
        assert!(of_return(&received(), "authorized").is_err());
        assert_eq!(of_return(&received(), "received/w1"), Ok(()));
    }
}
