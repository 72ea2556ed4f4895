//! Rerouting: lines that their place cannot fulfil go to another one. Plain data and its rules, pure. The promise at the
//! new place comes first, then the ERP, and the old promise is given back last: whatever stops in between, the goods stay
//! promised somewhere, and what the ERP refuses is taken back.

use crate::decision::{Assigned, Decision, Outcome};
use crate::fault::Error;
use crate::pickup::{By, Stage};
use crate::policy::RejectedPickup;
use crate::record::{Line, Order, State};
use crate::split::splits;

/// How often stock may move between look and promise before a person decides.
const MOST_ROUNDS: u32 = 3;

/// Where a rerouting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Step {
    /// A place is looked for.
    Asked = 0,
    /// The goods are promised there next.
    Decided = 1,
    /// The ERP is told next.
    Promised = 2,
    /// The old promise is given back next.
    Moved = 3,
    /// All done.
    Done = 4,
    /// The ERP refused: the new promise is given back next.
    Withdrawing = 5,
    /// Nothing has changed; a person decides.
    Failed = 6,
}

/// Where a line was promised before.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Former {
    /// Number of the line.
    #[prost(int32, tag = "1")]
    pub number: i32,
    /// The reservation that held it.
    #[prost(string, tag = "2")]
    pub reservation: String,
    /// How much of it, millionths; 0 is the whole line.
    #[prost(int64, tag = "3")]
    pub quantity: i64,
}

/// Lines on their way to another place.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Reroute {
    /// The place that cannot fulfil them.
    #[prost(string, tag = "1")]
    pub from: String,
    /// Numbers of the lines.
    #[prost(int32, repeated, tag = "2")]
    pub lines: Vec<i32>,
    /// The place that was asked for; empty when sourcing chooses.
    #[prost(string, tag = "3")]
    pub to: String,
    /// A pickup is shipped to the customer instead.
    #[prost(bool, tag = "4")]
    pub ship: bool,
    /// Who asked.
    #[prost(string, tag = "5")]
    pub who: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub at: i64,
    /// Why, for people.
    #[prost(string, tag = "7")]
    pub why: String,
    /// Where it stands.
    #[prost(enumeration = "Step", tag = "8")]
    pub step: i32,
    /// Which places were given the lines, and why.
    #[prost(message, optional, tag = "9")]
    pub decision: Option<Decision>,
    /// What came of it, for people.
    #[prost(string, tag = "10")]
    pub outcome: String,
    /// Where the lines were promised before.
    #[prost(message, repeated, tag = "11")]
    pub former: Vec<Former>,
    /// Decisions that were overtaken by other buyers.
    #[prost(uint32, tag = "12")]
    pub overtaken: u32,
    /// The ERP has no stock for them there: when nobody else has, they go on waiting where they are.
    #[prost(bool, tag = "13")]
    pub backorder: bool,
}

/// What somebody asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The place that cannot fulfil; empty when all open lines are at one.
    pub from: String,
    /// The place that shall; empty lets sourcing choose.
    pub to: String,
    /// A pickup is shipped to the customer instead.
    pub ship: bool,
}

impl Reroute {
    /// Nothing happens to it any more by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.step(), Step::Done | Step::Failed)
    }

    /// Which decision is made or acted on now, from 1.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.overtaken.saturating_add(1)
    }

    /// The decision, once it was acted on and while that counts.
    #[must_use]
    pub(crate) fn acted_on(&self) -> Option<&Decision> {
        let counts = matches!(self.step(), Step::Promised | Step::Moved | Step::Done);
        self.decision.as_ref().filter(|_| counts)
    }

    fn end(&mut self, step: Step, outcome: &str) {
        self.set_step(step);
        outcome.clone_into(&mut self.outcome);
    }
}

impl Order {
    /// The rerouting under way, and its number from 1.
    #[must_use]
    pub(crate) fn rerouting(&self) -> Option<(usize, &Reroute)> {
        self.reroutes.last().filter(|last| !last.is_over()).map(|last| (self.reroutes.len(), last))
    }

    /// The last rerouting failed, and something still waits at the place that cannot fulfil it.
    #[must_use]
    pub(crate) fn is_stranded(&self) -> bool {
        let failed = self.reroutes.last().filter(|last| last.step() == Step::Failed && !last.backorder);
        failed.is_some_and(|last| self.movable(&last.from).next().is_some())
    }

    /// Places that lines were taken away from, or were to be: rejected by the place, without stock in the ERP, or moved by
    /// a person.
    pub(crate) fn places_that_cannot(&self) -> impl Iterator<Item = &str> {
        self.reroutes.iter().map(|reroute| reroute.from.as_str())
    }

    /// Goods that wait at a place and of which nothing has left.
    fn movable<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.is_goods() && line.location == place && line.is_untouched())
    }

    /// The one place where everything that has not left waits.
    fn only_place(&self) -> Option<&str> {
        let mut places = self.lines.iter().filter(|line| line.is_goods() && line.is_untouched());
        let first = places.next()?.location.as_str();
        places.all(|line| line.location == first).then_some(first)
    }

    /// Refuses what is not waiting to be shipped, and what is on its way somewhere already.
    fn can_move(&self) -> Result<(), Error> {
        let why = if self.adopted || !matches!(self.state(), State::Booked | State::PartlyShipped) {
            format!("it is not waiting to be shipped: {}", self.status().to_lowercase())
        } else if !self.lines_are_at_rest() {
            "lines of it are being moved, changed or cancelled; ask again when that has ended".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::RerouteRefused { id: self.id.clone(), why })
    }

    /// Begins to move lines to another place. `sourced` says whether a policy could choose one.
    pub(crate) fn reroute(&mut self, wish: &Wish, sourced: bool, by: By<'_>) -> Result<(), Error> {
        let refused = |why: &str| Error::RerouteRefused { id: self.id.clone(), why: why.to_owned() };
        self.can_move()?;
        let from = if wish.from.is_empty() { self.only_place().unwrap_or_default() } else { &wish.from };
        if from.is_empty() {
            return Err(refused("its lines wait at several places; say from which in `from`"));
        }
        let lines: Vec<i32> = self.movable(from).map(|line| line.number).collect();
        if lines.is_empty() {
            return Err(refused(&format!("nothing of it waits at {from}")));
        }
        if wish.to == from {
            return Err(refused(&format!("it waits at {from} already")));
        }
        match &self.pickup {
            None if wish.ship => return Err(refused("it is shipped anyway")),
            Some(pickup) if pickup.stage() == Stage::Collected => return Err(refused("the customer has it")),
            Some(_) if wish.ship && self.shipping_address.is_none() => {
                return Err(refused("it has no shipping address"));
            }
            Some(_) if !wish.ship && wish.to.is_empty() => {
                return Err(refused("the customer must agree to another store: name it in `to`, or say `ship`"));
            }
            Some(_) | None => {}
        }
        if wish.to.is_empty() && !sourced {
            return Err(refused("no sourcing policy fits it; name a place in `to`"));
        }
        let reroute = Reroute {
            from: from.to_owned(),
            lines,
            to: wish.to.clone(),
            ship: wish.ship,
            who: by.who.to_owned(),
            at: by.at,
            why: by.why.to_owned(),
            ..Reroute::default()
        };
        self.reroutes.push(reroute);
        Ok(())
    }

    /// The ERP has said of lines that they wait for stock where they are: another place may have it. Each place is left
    /// once at most; when nobody has it, the lines go on waiting.
    pub(crate) fn source_backorders_anew(&mut self, at: i64) {
        if self.can_move().is_err() || self.pickup.as_ref().is_some_and(|pickup| !pickup.is_over()) {
            return;
        }
        let left = |line: &Line| self.places_that_cannot().any(|place| place == line.location);
        let waits = |line: &&Line| line.is_goods() && line.is_untouched() && line.backordered > 0 && !left(line);
        let Some(from) = self.lines.iter().find(waits).map(|line| line.location.clone()) else { return };
        let lines: Vec<&Line> = self.movable(&from).filter(waits).collect();
        let told: Vec<String> = lines.iter().map(|line| line.number.to_string()).collect();
        let reroute = Reroute {
            lines: lines.iter().map(|line| line.number).collect(),
            from,
            who: "weft".to_owned(),
            at,
            why: format!("the ERP has no stock there for line {}", told.join(", ")),
            backorder: true,
            ..Reroute::default()
        };
        self.reroutes.push(reroute);
    }

    /// A place says that it cannot fulfil what it was given. `sourced` says whether a policy could choose another one.
    /// Saying it twice changes nothing.
    pub(crate) fn reject(
        &mut self,
        named: &str,
        sourced: bool,
        pickup: RejectedPickup,
        by: By<'_>,
    ) -> Result<(), Error> {
        if self.pickup.as_ref().is_some_and(|pickup| !pickup.is_over()) {
            let before = self.pickup.clone();
            self.reject_pick(by)?;
            let ships = pickup == RejectedPickup::Ship && sourced && self.shipping_address.is_some();
            if ships && self.pickup != before {
                return self.reroute(&Wish { ship: true, ..Wish::default() }, sourced, by);
            }
            return Ok(());
        }
        let place = self.rejecting_place(named)?;
        // What the ERP had no stock for may wait at a place, and the place reject it later.
        let said = |last: &Reroute| last.from == place && last.step() != Step::Done && !last.backorder;
        if self.reroutes.last().is_some_and(said) {
            return Ok(());
        }
        if sourced {
            return self.reroute(&Wish { from: place, ..Wish::default() }, sourced, by);
        }
        self.can_move()?;
        self.strand(&place, by);
        Ok(())
    }

    /// A place cannot fulfil what it was given, and nobody chooses another one: a person does.
    fn strand(&mut self, place: &str, by: By<'_>) {
        let lines = self.movable(place).map(|line| line.number).collect();
        let mut reroute = Reroute {
            from: place.to_owned(),
            lines,
            who: by.who.to_owned(),
            at: by.at,
            why: by.why.to_owned(),
            ..Reroute::default()
        };
        reroute.end(Step::Failed, "no sourcing policy fits the order: somebody names a place");
        self.reroutes.push(reroute);
    }

    /// The place at which a store rejects: the one it names, or the only one there is.
    fn rejecting_place(&self, named: &str) -> Result<String, Error> {
        let place = if named.is_empty() { self.only_place().unwrap_or_default() } else { named };
        if self.movable(place).next().is_some() {
            return Ok(place.to_owned());
        }
        let why = match place {
            "" => "its lines wait at several places, or none waits; say which in `location`".to_owned(),
            place => format!("nothing of it waits at {place}"),
        };
        Err(Error::RerouteRefused { id: self.id.clone(), why })
    }

    /// Takes a decision over; what nobody has waits for a person.
    pub(crate) fn rerouted_to(&mut self, number: usize, decision: &Decision) {
        self.with_reroute(number, |reroute| {
            reroute.decision = Some(decision.clone());
            match decision.outcome() {
                Outcome::Whole | Outcome::Split => reroute.set_step(Step::Decided),
                Outcome::Backorder | Outcome::Refused => reroute.end(Step::Failed, &decision.why),
            }
        });
    }

    /// The goods are promised at the new place.
    pub(crate) fn promised_elsewhere(&mut self, number: usize) {
        self.with_reroute(number, |reroute| reroute.set_step(Step::Promised));
    }

    /// Somebody else bought the goods between look and promise.
    pub(crate) fn lost_elsewhere(&mut self, number: usize, cause: &str) {
        self.with_reroute(number, |reroute| {
            reroute.overtaken = reroute.overtaken.saturating_add(1);
            if reroute.to.is_empty() && reroute.overtaken < MOST_ROUNDS {
                reroute.set_step(Step::Asked);
            } else {
                reroute.end(Step::Failed, cause);
            }
        });
    }

    /// The ERP ships from there.
    pub(crate) fn moved(&mut self, number: usize) {
        let reservation = self.rerouted_reservation(number);
        let Some(reroute) = number.checked_sub(1).and_then(|place| self.reroutes.get(place)) else { return };
        let given: Vec<Assigned> = reroute.decision.iter().flat_map(|decision| decision.lines.clone()).collect();
        let parts = reroute.decision.as_ref().filter(|decision| splits(decision));
        let after = parts.map(|decision| self.lines_as_given(decision));
        let mut former = Vec::new();
        for given in &given {
            let Some(line) = self.line(given.number) else { continue };
            let held = self.holdings(line).into_iter().filter(|one| one.quantity > 0);
            former.extend(held.map(|one| Former {
                number: given.number,
                reservation: one.reservation,
                quantity: one.quantity,
            }));
        }
        if let Some(after) = after {
            self.lines = after;
            self.hear_of_parts(&given);
        }
        for given in &given {
            let Some(line) = self.lines.iter_mut().find(|line| line.number == given.number) else { continue };
            line.reservation.clone_from(&reservation);
            line.further.clear();
            line.location.clone_from(&given.location);
            line.shortfall = 0;
            line.reserved = if line.is_goods() { line.quantity } else { 0 };
        }
        self.with_reroute(number, |reroute| {
            reroute.former = former;
            reroute.set_step(Step::Moved);
        });
    }

    /// Lines that nobody knew until now: a parcel may have been faster, and what the ERP told of them is heard again.
    fn hear_of_parts(&mut self, given: &[Assigned]) {
        for part in given.iter().filter(|given| given.split_from != 0) {
            let parcels =
                self.shipments.iter().flat_map(|parcel| &parcel.lines).filter(|line| line.number == part.number);
            let shipped = parcels.fold(0_i64, |sum, line| sum.saturating_add(line.quantity));
            if let Some(line) = self.lines.iter_mut().find(|line| line.number == part.number) {
                line.shipped = shipped;
            }
        }
        self.erp_etag.clear();
    }

    /// The ERP may have parts of a line that the order does not show yet.
    #[must_use]
    pub(crate) fn is_split_at_the_erp(&self) -> bool {
        let promised = self.rerouting().filter(|(_, reroute)| reroute.step() == Step::Promised);
        promised.is_some_and(|(_, reroute)| reroute.decision.as_ref().is_some_and(splits))
    }

    /// The old promise is given back: all is done. A pickup waits in its new store, or is no pickup any more.
    pub(crate) fn let_go(&mut self, number: usize, at: i64) {
        let mut done = None;
        self.with_reroute(number, |reroute| {
            reroute.end(Step::Done, "");
            done = Some(reroute.clone());
        });
        if let (Some(pickup), Some(reroute)) = (&mut self.pickup, done) {
            pickup.rerouted(&reroute.to, reroute.ship, By { who: &reroute.who, at, why: &reroute.why });
        }
    }

    /// The ERP refused: the goods stay where they are, and what was promised for nothing is given back.
    pub(crate) fn refuse_move(&mut self, number: usize, cause: &str) {
        self.with_reroute(number, |reroute| reroute.end(Step::Withdrawing, cause));
    }

    /// It has come to nothing.
    pub(crate) fn fail_reroute(&mut self, number: usize, cause: &str) {
        self.with_reroute(number, |reroute| {
            let told = reroute.outcome.clone();
            reroute.end(Step::Failed, if told.is_empty() { cause } else { &told });
        });
    }

    /// The id of the reservation that a rerouting makes.
    #[must_use]
    pub(crate) fn rerouted_reservation(&self, number: usize) -> String {
        format!("{}/m{number}", self.id)
    }

    fn with_reroute(&mut self, number: usize, change: impl FnOnce(&mut Reroute)) {
        let place = number.checked_sub(1);
        if let Some(reroute) = place.and_then(|place| self.reroutes.get_mut(place)) {
            change(reroute);
        }
    }
}

#[cfg(test)]
#[path = "reroute_tests.rs"]
mod tests;
