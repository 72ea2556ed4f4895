//! Store pickup: the pick in the store, the handover, and what becomes of goods that nobody picks or collects. Plain data
//! and its rules, pure; every step is kept with who took it, when and why.

use crate::fault::Error;
use crate::record::{Order, State};

/// Where a pickup stands (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Stage {
    /// The store picks it, once the order is booked.
    Awaited = 0,
    /// It waits for the customer.
    Ready = 1,
    /// The customer has it.
    Collected = 2,
    /// The store cannot fulfil it.
    Rejected = 3,
    /// Nobody came in time.
    Lapsed = 4,
    /// It is shipped instead.
    Shipping = 5,
}

impl Stage {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Awaited => "being picked",
            Self::Ready => "ready for pickup",
            Self::Collected => "collected",
            Self::Rejected => "rejected by the store",
            Self::Lapsed => "not collected in time",
            Self::Shipping => "shipped instead",
        }
    }
}

/// A step of a pickup.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Step {
    /// Milliseconds since 1970.
    #[prost(int64, tag = "1")]
    pub at: i64,
    /// Who took it, as the edge has verified; `weft` for a timer.
    #[prost(string, tag = "2")]
    pub who: String,
    /// What it led to.
    #[prost(enumeration = "Stage", tag = "3")]
    pub stage: i32,
    /// The store.
    #[prost(string, tag = "4")]
    pub location: String,
    /// Why, for people.
    #[prost(string, tag = "5")]
    pub why: String,
}

/// A pickup.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Pickup {
    /// Location code of the store.
    #[prost(string, tag = "1")]
    pub location: String,
    /// Who collects.
    #[prost(string, tag = "2")]
    pub contact_name: String,
    /// Phone.
    #[prost(string, tag = "3")]
    pub contact_phone: String,
    /// E-mail.
    #[prost(string, tag = "4")]
    pub contact_email: String,
    /// Where it stands.
    #[prost(enumeration = "Stage", tag = "5")]
    pub stage: i32,
    /// Until when a ready one is kept, milliseconds since 1970; 0 while it is not ready.
    #[prost(int64, tag = "6")]
    pub keep_until: i64,
    /// Who got it.
    #[prost(string, tag = "7")]
    pub collected_by: String,
    /// What happened, oldest first.
    #[prost(message, repeated, tag = "8")]
    pub steps: Vec<Step>,
    /// How often the shop was told that it is ready.
    #[prost(uint32, tag = "9")]
    pub told_ready: u32,
}

/// Who does something to a pickup, when and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    /// Who.
    pub who: &'a str,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Why, for people.
    pub why: &'a str,
}

impl Pickup {
    fn turn(&mut self, stage: Stage, by: By<'_>) {
        self.set_stage(stage);
        let (who, why) = (by.who.to_owned(), by.why.to_owned());
        self.steps.push(Step { at: by.at, who, stage: i32::from(stage), location: self.location.clone(), why });
    }

    /// Another store has it now, or it is shipped.
    pub(crate) fn rerouted(&mut self, to: &str, ship: bool, by: By<'_>) {
        self.keep_until = 0;
        if ship {
            self.turn(Stage::Shipping, by);
        } else {
            to.clone_into(&mut self.location);
            self.turn(Stage::Awaited, by);
        }
    }

    /// True when a person must look at it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        matches!(self.stage(), Stage::Rejected | Stage::Lapsed)
    }

    /// True when nothing is to be handed over any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.stage(), Stage::Collected | Stage::Shipping)
    }
}

impl Order {
    /// The store has picked it, at last perhaps: it waits for the customer until `keep_until`. Saying it twice changes
    /// nothing.
    pub(crate) fn ready_for_pickup(&mut self, keep_until: i64, by: By<'_>) -> Result<(), Error> {
        self.step_pickup("ready", Stage::Ready, &[Stage::Awaited, Stage::Rejected], by, |pickup| {
            pickup.keep_until = keep_until
        })
    }

    /// The customer has it. Saying it twice changes nothing.
    pub(crate) fn hand_over(&mut self, to: &str, by: By<'_>) -> Result<(), Error> {
        // Whoever comes late and finds it still there gets it.
        let from = [Stage::Ready, Stage::Lapsed];
        self.step_pickup("handed over", Stage::Collected, &from, by, |pickup| to.clone_into(&mut pickup.collected_by))
    }

    /// The store cannot fulfil it, although it was promised. Saying it twice changes nothing.
    pub(crate) fn reject_pick(&mut self, by: By<'_>) -> Result<(), Error> {
        self.step_pickup("rejected", Stage::Rejected, &[Stage::Awaited, Stage::Ready], by, |pickup| {
            pickup.keep_until = 0
        })
    }

    /// When a pickup is given up unless it is collected before, milliseconds since 1970.
    #[must_use]
    pub(crate) fn pickup_lapses_at(&self) -> Option<i64> {
        let still = self.rerouting().is_none() && self.editing().is_none();
        let ready = self.pickup.as_ref().filter(|pickup| still && pickup.stage() == Stage::Ready);
        ready.map(|pickup| pickup.keep_until)
    }

    /// Gives up a pickup that nobody collected: the order is cancelled, unless the ERP has shipped something of it; then
    /// a person decides.
    pub(crate) fn lapse_pickup(&mut self, at: i64) {
        if self.pickup_lapses_at().is_none_or(|until| until > at) {
            return;
        }
        let by = By { who: "weft", at, why: "not collected in time" };
        if let Some(pickup) = &mut self.pickup {
            pickup.turn(Stage::Lapsed, by);
        }
        if self.state() == State::Booked {
            // The ERP has the order, so that it must close it.
            let _nothing_has_shipped = self.cancel("not collected in time", true);
        }
    }

    fn step_pickup(
        &mut self,
        wish: &'static str,
        to: Stage,
        from: &[Stage],
        by: By<'_>,
        change: impl FnOnce(&mut Pickup),
    ) -> Result<(), Error> {
        let refused = |why: String| Error::PickupRefused { id: self.id.clone(), wish, why };
        let at_hand = matches!(self.state(), State::Booked | State::PartlyShipped | State::Shipped);
        let Some(pickup) = &self.pickup else { return Err(refused("it is not collected in a store".to_owned())) };
        if pickup.stage() == to {
            return Ok(());
        }
        if self.rerouting().is_some() {
            return Err(refused("it is being moved to another place".to_owned()));
        }
        if self.editing().is_some() {
            return Err(refused("it is being changed; say it again when that has ended".to_owned()));
        }
        if !at_hand {
            return Err(refused(format!("it is not booked, or over: {}", self.status().to_lowercase())));
        }
        if !from.contains(&pickup.stage()) {
            return Err(refused(format!("it is {}", pickup.stage().word())));
        }
        if let Some(pickup) = &mut self.pickup {
            change(pickup);
            pickup.turn(to, by);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;

    const DAY: i64 = 86_400_000;

    fn by(at: i64) -> By<'static> {
        By { who: "anna@soho", at, why: "picked" }
    }

    fn collected_in_soho(mut order: Order) -> Order {
        order.pickup = Some(Pickup { location: "SOHO".into(), ..Pickup::default() });
        order
    }

    #[test]
    fn a_pickup_is_complete_when_it_is_handed_over_not_when_the_erp_has_shipped_it() {
        let mut order = collected_in_soho(order().shipped()).invoiced_and_told();
        assert_eq!(order.state(), State::Shipped);
        order.ready_for_pickup(7 * DAY, by(1)).unwrap();
        order.hand_over("Mr Jones", by(2)).unwrap();
        order.advance();
        assert_eq!(order.state(), State::Completed);
        let pickup = order.pickup.unwrap();
        let steps: Vec<_> = pickup.steps.iter().map(|step| (step.at, step.stage(), step.who.as_str())).collect();
        assert_eq!(steps, [(1, Stage::Ready, "anna@soho"), (2, Stage::Collected, "anna@soho")]);
        assert_eq!(pickup.collected_by, "Mr Jones");
    }

    #[test]
    fn what_is_not_ready_is_not_handed_over() {
        let mut order = collected_in_soho(order().booked());
        insta::assert_snapshot!(order.hand_over("Mr Jones", by(1)).unwrap_err(), @"order o-1 cannot be handed over: it is being picked");
        order.reject_pick(by(2)).unwrap();
        assert!(order.pickup.as_ref().unwrap().needs_person());
        order.ready_for_pickup(DAY, by(3)).unwrap();
        assert!(!order.pickup.unwrap().needs_person(), "they found it after all");
    }

    #[test]
    fn an_order_that_is_shipped_to_the_customer_is_not_ready_for_pickup() {
        let error = order().booked().ready_for_pickup(DAY, by(1)).unwrap_err();
        insta::assert_snapshot!(error, @"order o-1 cannot be ready: it is not collected in a store");
        let error = collected_in_soho(order().received()).ready_for_pickup(DAY, by(1)).unwrap_err();
        insta::assert_snapshot!(error, @"order o-1 cannot be ready: it is not booked, or over: received, being checked");
    }

    #[test]
    fn saying_it_twice_leaves_one_step() {
        let mut order = collected_in_soho(order().booked());
        order.ready_for_pickup(DAY, by(1)).unwrap();
        order.ready_for_pickup(9 * DAY, by(2)).unwrap();
        let pickup = order.pickup.unwrap();
        assert_eq!((pickup.steps.len(), pickup.keep_until), (1, DAY));
    }

    #[test]
    fn what_nobody_collects_is_given_up_at_its_time_and_not_before() {
        let mut order = collected_in_soho(order().booked());
        order.ready_for_pickup(7 * DAY, by(1)).unwrap();
        order.lapse_pickup(7 * DAY - 1);
        assert_eq!(order.state(), State::Booked);
        order.lapse_pickup(7 * DAY);
        assert_eq!((order.state(), order.cause.as_str()), (State::Cancelling, "not collected in time"));
    }

    #[test]
    fn what_the_erp_has_shipped_waits_for_a_person_and_can_still_be_handed_over() {
        let mut order = collected_in_soho(order().shipped());
        order.ready_for_pickup(DAY, by(1)).unwrap();
        order.lapse_pickup(DAY);
        assert_eq!(order.state(), State::Shipped);
        assert!(order.pickup.as_ref().unwrap().needs_person());
        order.hand_over("Mr Jones", by(2)).unwrap();
        assert!(order.pickup.unwrap().is_over());
    }

    #[test]
    fn what_the_customer_has_is_not_cancelled() {
        let mut order = collected_in_soho(order().booked());
        order.ready_for_pickup(DAY, by(1)).unwrap();
        order.hand_over("Mr Jones", by(2)).unwrap();
        assert!(matches!(order.cancel("no longer wanted", false), Err(Error::AlreadyShipped { .. })));
    }
}
