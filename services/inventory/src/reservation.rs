//! A reservation at one location and its rules. Pure.
//!
//! `HELD -> CONFIRMED -> CONSUMED`, `HELD -> RELEASED | EXPIRED`, `CONFIRMED -> RELEASED`; each once. A confirmation that
//! comes after expiry takes the goods again when they are still there, kept back or not: the order went on meanwhile. A
//! reservation over several locations is one such part per location; `places.rs` keeps them together.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;
use retail_runtime::Timestamp;

use crate::floor::Floors;
use crate::kit;
use crate::line::{Ask, Line};
use crate::movement::Kind;
use crate::shelf::Shelf;
use crate::stock::{Act, StockError};

/// Where a promise stands (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum State {
    /// Promised until it expires.
    Held = 0,
    /// Promised until shipped or released.
    Confirmed = 1,
    /// All shipped.
    Consumed = 2,
    /// Given back.
    Released = 3,
    /// Ran out before it was confirmed.
    Expired = 4,
}

/// A shipment that was taken off, or lines that were given back.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Taken {
    /// Key of the request.
    #[prost(string, tag = "1")]
    pub key: String,
    /// What it took, by line.
    #[prost(btree_map = "string, int64", tag = "2")]
    pub lines: BTreeMap<String, i64>,
}

/// The part of a reservation at one location.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Part {
    /// Id of the reservation.
    #[prost(string, tag = "1")]
    pub reservation_id: String,
    /// Location code.
    #[prost(string, tag = "2")]
    pub location: String,
    /// Where it stands.
    #[prost(enumeration = "State", tag = "3")]
    pub state: i32,
    /// Lines.
    #[prost(message, repeated, tag = "4")]
    pub lines: Vec<Line>,
    /// When it ends unless confirmed, milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub expires_at: i64,
    /// Version, from 1.
    #[prost(uint64, tag = "6")]
    pub version: u64,
    /// Digest of the whole request: the same id with other content is refused.
    #[prost(bytes = "vec", tag = "7")]
    pub digest: Vec<u8>,
    /// Goods that are sold already.
    #[prost(bool, tag = "8")]
    pub allow_shortfall: bool,
    /// Channel that has subtracted them from the number it shows.
    #[prost(string, tag = "9")]
    pub sold_by_channel: String,
    /// Shipments taken off.
    #[prost(message, repeated, tag = "10")]
    pub shipments: Vec<Taken>,
    /// Which attempt of a reservation over several locations made it; 0 for one location.
    #[prost(uint32, tag = "11")]
    pub attempt: u32,
    /// Lines that were given back, request by request.
    #[prost(message, repeated, tag = "12")]
    pub releases: Vec<Taken>,
    /// When it was promised, or promised anew after it had run out, milliseconds since 1970.
    #[prost(int64, tag = "13")]
    pub promised_at: i64,
}

/// What is asked of one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    /// Id of the reservation.
    pub reservation_id: String,
    /// Lines.
    pub lines: Vec<Ask>,
    /// When it ends unless confirmed.
    pub expires_at: Timestamp,
    /// Goods that are sold already.
    pub allow_shortfall: bool,
    /// Channel that has subtracted them; empty when none.
    pub sold_by_channel: String,
    /// Digest of the whole request.
    pub digest: Vec<u8>,
    /// Attempt, for several locations.
    pub attempt: u32,
}

/// A line that could not be promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Id of the order line.
    pub line_id: String,
    /// Item code.
    pub sku: String,
    /// Asked for.
    pub quantity: Quantity,
    /// Could have been promised.
    pub available: Quantity,
    /// Of what is missing, there and kept back.
    pub kept_back: Quantity,
    /// When goods are expected that would be enough, when anybody knows.
    pub expected_at: Option<Timestamp>,
}

/// Why a reservation refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// Not everything is there; nothing was promised.
    #[error("{} of the lines are not in stock", .0.len())]
    Lacking(Vec<Lacking>),
    /// The id belongs to a reservation with other content.
    #[error("reservation {0} exists with other content")]
    Differs(String),
    /// It has ended.
    #[error("reservation {id} is {}", state.word())]
    Ended {
        /// Id.
        id: String,
        /// How.
        state: State,
    },
    /// It was never confirmed.
    #[error("reservation {0} is not confirmed")]
    NotConfirmed(String),
    /// No such line.
    #[error("reservation {id} has no line {line_id}")]
    NoSuchLine {
        /// Id.
        id: String,
        /// Line.
        line_id: String,
    },
    /// More than is promised.
    #[error("line {line_id} of reservation {id} has {open} left, {asked} cannot be taken off it")]
    MoreThanPromised {
        /// Id.
        id: String,
        /// Line.
        line_id: String,
        /// Still promised.
        open: Quantity,
        /// Asked for.
        asked: Quantity,
    },
    /// The key belongs to a shipment with other content.
    #[error("shipment {0} was taken off with other content")]
    ShipmentDiffers(String),
    /// The key belongs to a release with other content.
    #[error("release {0} gave back other lines")]
    ReleaseDiffers(String),
    /// A kit is sold, shipped and given back whole.
    #[error("line {line_id} asks for {quantity} of the kit {sku}; kits go in whole numbers")]
    KitNotWhole {
        /// Line.
        line_id: String,
        /// Item code of the kit.
        sku: String,
        /// Asked for.
        quantity: Quantity,
    },
    /// The law of stock.
    #[error(transparent)]
    Stock(#[from] StockError),
}

impl State {
    /// For people.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Consumed => "shipped",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl Part {
    /// Promises all lines or none. Lines of one item are checked one after the other against what the ones before left, less
    /// what the request keeps back.
    pub(crate) fn hold(hold: &Hold, shelf: &mut Shelf, act: Act<'_>) -> Result<Self, ReservationError> {
        let mut part = Self {
            reservation_id: hold.reservation_id.clone(),
            location: shelf.location().to_owned(),
            state: i32::from(State::Held),
            lines: hold
                .lines
                .iter()
                .map(|ask| Line {
                    line_id: ask.line_id.clone(),
                    sku: ask.sku.clone(),
                    quantity: ask.quantity.millionths(),
                    components: ask.components.clone(),
                    ..Line::default()
                })
                .collect(),
            expires_at: hold.expires_at.as_millisecond(),
            version: 1,
            digest: hold.digest.clone(),
            allow_shortfall: hold.allow_shortfall,
            sold_by_channel: hold.sold_by_channel.clone(),
            shipments: vec![],
            attempt: hold.attempt,
            releases: vec![],
            promised_at: 0,
        };
        part.take(shelf, Kind::Reserve, &Floors::of(&hold.lines), act)?;
        Ok(part)
    }

    /// Makes it lasting; true when that changed anything. An expired one takes its goods again, all or none; what it once
    /// kept back does not undo it.
    pub(crate) fn confirm(&mut self, shelf: &mut Shelf, act: Act<'_>) -> Result<bool, ReservationError> {
        match self.state() {
            State::Confirmed | State::Consumed => return Ok(false),
            State::Released => return Err(self.ended()),
            State::Held => {}
            State::Expired => self.take(shelf, Kind::TakeAgain, &Floors::default(), act)?,
        }
        self.turn(State::Confirmed);
        Ok(true)
    }

    /// Gives back what is still promised; true when that changed anything.
    pub(crate) fn release(&mut self, shelf: &mut Shelf, act: Act<'_>) -> Result<bool, ReservationError> {
        match self.state() {
            State::Held | State::Confirmed => {}
            State::Expired => {
                self.turn(State::Released);
                return Ok(true);
            }
            State::Released | State::Consumed => return Ok(false),
        }
        self.give_back(shelf, Kind::Release, act)?;
        self.turn(State::Released);
        Ok(true)
    }

    /// Gives some lines back, all or none; true when that changed anything. A release counts once, by its key. The
    /// reservation goes on with the rest, and ends when there is none.
    pub(crate) fn release_lines(
        &mut self,
        key: &str,
        lines: &BTreeMap<String, Quantity>,
        shelf: &mut Shelf,
        act: Act<'_>,
    ) -> Result<bool, ReservationError> {
        if let Some(before) = known(&self.releases, key) {
            let same = *before == millionths(lines);
            return if same { Ok(false) } else { Err(ReservationError::ReleaseDiffers(key.to_owned())) };
        }
        let promised = match self.state() {
            State::Held | State::Confirmed => true,
            // Nothing is promised now; a late confirmation must not take these lines again.
            State::Expired => false,
            State::Released => return Ok(false),
            State::Consumed => return Err(self.ended()),
        };
        for (line_id, quantity) in lines {
            let line = self.with_open(line_id, *quantity)?;
            line.released = line.released.saturating_add(quantity.millionths());
            let goods = line.goods(*quantity)?;
            for (sku, quantity) in goods.iter().filter(|_| promised) {
                shelf.give_back(sku, *quantity, Kind::Release, act)?;
            }
        }
        self.releases.push(Taken { key: key.to_owned(), lines: millionths(lines) });
        self.turn(self.after_taking());
        Ok(true)
    }

    /// Ends it when its time is over; true when that changed anything.
    pub(crate) fn expire(&mut self, shelf: &mut Shelf, act: Act<'_>) -> Result<bool, ReservationError> {
        if self.state() != State::Held || self.expires_at > act.now.as_millisecond() {
            return Ok(false);
        }
        self.give_back(shelf, Kind::Expire, act)?;
        self.turn(State::Expired);
        Ok(true)
    }

    /// Takes a shipment off, all lines or none; true when that changed anything. A shipment counts once, by its key.
    pub(crate) fn consume(
        &mut self,
        key: &str,
        lines: &BTreeMap<String, Quantity>,
        shelf: &mut Shelf,
        act: Act<'_>,
    ) -> Result<bool, ReservationError> {
        if let Some(before) = known(&self.shipments, key) {
            let same = *before == millionths(lines);
            return if same { Ok(false) } else { Err(ReservationError::ShipmentDiffers(key.to_owned())) };
        }
        match self.state() {
            State::Confirmed => {}
            State::Held => return Err(ReservationError::NotConfirmed(self.reservation_id.clone())),
            State::Consumed | State::Released | State::Expired => return Err(self.ended()),
        }
        for (line_id, quantity) in lines {
            let line = self.with_open(line_id, *quantity)?;
            line.consumed = line.consumed.saturating_add(quantity.millionths());
            for (sku, quantity) in line.goods(*quantity)? {
                shelf.take_off(&sku, quantity, act)?;
            }
        }
        self.shipments.push(Taken { key: key.to_owned(), lines: millionths(lines) });
        self.turn(self.after_taking());
        Ok(true)
    }

    /// The line, when so much of it is still promised.
    fn with_open(&mut self, line_id: &str, asked: Quantity) -> Result<&mut Line, ReservationError> {
        let (id, line_id) = (self.reservation_id.clone(), line_id.to_owned());
        let Some(line) = self.lines.iter_mut().find(|line| line.line_id == line_id) else {
            return Err(ReservationError::NoSuchLine { id, line_id });
        };
        let open = line.open();
        if asked > open { Err(ReservationError::MoreThanPromised { id, line_id, open, asked }) } else { Ok(line) }
    }

    /// Where it stands once something was taken off it: it ends when nothing is left, by what became of it.
    fn after_taking(&self) -> State {
        if self.lines.iter().any(|line| line.open().is_positive()) {
            return self.state();
        }
        if self.lines.iter().any(|line| line.consumed > 0) { State::Consumed } else { State::Released }
    }

    /// The items whose stock it is about.
    #[must_use]
    pub(crate) fn shelved(&self) -> BTreeSet<String> {
        self.lines.iter().flat_map(Line::shelved).map(str::to_owned).collect()
    }

    /// True while goods are promised by it.
    #[must_use]
    pub(crate) fn stands(&self) -> bool {
        matches!(self.state(), State::Held | State::Confirmed)
    }

    /// When it ends by itself; none once it is lasting or over.
    #[must_use]
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        if self.state() == State::Held { Timestamp::from_millisecond(self.expires_at).ok() } else { None }
    }

    fn take(
        &mut self,
        shelf: &mut Shelf,
        kind: Kind,
        floors: &Floors<'_>,
        act: Act<'_>,
    ) -> Result<(), ReservationError> {
        let lacking = if self.allow_shortfall { vec![] } else { self.lacking(shelf, floors, act.now)? };
        if !lacking.is_empty() {
            return Err(ReservationError::Lacking(lacking));
        }
        self.promised_at = act.now.as_millisecond();
        for line in &mut self.lines {
            // A sale that comes back from expiry was subtracted by its channel the first time. A channel that sells a kit
            // lowers the number of the kit: that of the components must be told.
            let subtracted = kind == Kind::Reserve && line.components.is_empty();
            let sold_by = if subtracted { self.sold_by_channel.as_str() } else { "" };
            let mut short_kits = 0;
            for (place, (sku, quantity)) in line.goods(line.open())?.into_iter().enumerate() {
                let short = shelf.promise(&sku, quantity, kind, sold_by, act)?;
                let kits = line.components.get(place).map(|component| kit::incomplete(component, short));
                short_kits = kits.unwrap_or_else(|| short.millionths()).max(short_kits);
            }
            line.shortfall = short_kits;
            if kind == Kind::Reserve && !line.components.is_empty() && !self.sold_by_channel.is_empty() {
                shelf.kit_sold_by(&line.sku, &self.sold_by_channel, line.open());
            }
        }
        Ok(())
    }

    fn lacking(&self, shelf: &Shelf, floors: &Floors<'_>, now: Timestamp) -> Result<Vec<Lacking>, ReservationError> {
        let mut left: BTreeMap<&str, i64> = BTreeMap::new();
        let mut lacking = vec![];
        for line in &self.lines {
            let open = line.open();
            for sku in line.shelved() {
                left.entry(sku).or_insert_with(|| shelf.sellable(sku).millionths());
            }
            let there = |sku: &str| left.get(sku).copied().unwrap_or(0);
            let free = |sku: &str| there(sku).saturating_sub(floors.at(sku));
            let goods = line.goods(open)?;
            let short = |(sku, quantity): &&(String, Quantity)| quantity.millionths() > free(sku);
            if goods.iter().any(|good| short(&good)) {
                let missing = goods.iter().filter(short);
                let dates = missing.map(|(sku, quantity)| {
                    shelf.expected_by(sku, quantity.millionths().saturating_sub(free(sku)), now)
                });
                let dates: Option<Vec<Timestamp>> = dates.collect();
                let of_line = |left: &dyn Fn(&str) -> i64| match line.components.as_slice() {
                    [] => left(&line.sku).max(0),
                    components => kit::whole(components, left),
                };
                let available = of_line(&free);
                let kept_back = of_line(&there).min(open.millionths()).saturating_sub(available);
                lacking.push(Lacking {
                    line_id: line.line_id.clone(),
                    sku: line.sku.clone(),
                    quantity: open,
                    available: Quantity::from_millionths(available),
                    kept_back: Quantity::from_millionths(kept_back),
                    expected_at: dates.and_then(|dates| dates.into_iter().max()),
                });
                continue;
            }
            for (sku, quantity) in &goods {
                if let Some(left) = left.get_mut(sku.as_str()) {
                    *left = left.saturating_sub(quantity.millionths());
                }
            }
        }
        Ok(lacking)
    }

    fn give_back(&mut self, shelf: &mut Shelf, kind: Kind, act: Act<'_>) -> Result<(), ReservationError> {
        for line in self.lines.iter().filter(|line| line.open().is_positive()) {
            for (sku, quantity) in line.goods(line.open())? {
                shelf.give_back(&sku, quantity, kind, act)?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, state: State) {
        self.set_state(state);
        self.version = self.version.saturating_add(1);
    }

    fn ended(&self) -> ReservationError {
        ReservationError::Ended { id: self.reservation_id.clone(), state: self.state() }
    }
}

/// What a request with this key took before.
fn known<'a>(taken: &'a [Taken], key: &str) -> Option<&'a BTreeMap<String, i64>> {
    taken.iter().find(|taken| taken.key == key).map(|taken| &taken.lines)
}

fn millionths(lines: &BTreeMap<String, Quantity>) -> BTreeMap<String, i64> {
    lines.iter().map(|(id, quantity)| (id.clone(), quantity.millionths())).collect()
}

#[cfg(test)]
#[path = "reservation_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "kit_reservation_tests.rs"]
mod kit_tests;

#[cfg(test)]
#[path = "kept_back_tests.rs"]
mod kept_back_tests;
