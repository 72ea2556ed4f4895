//! Reservations over the store: one commit per location. A reservation that stands at the default location alone is one
//! commit altogether; any other is kept together by its `Places`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::{join_all, try_join_all};
use prost::Message as _;
use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::{Clock, Timestamp};
use retail_store::{Draft, Store};

use crate::catalogue::{CATALOGUE, Catalogue};
use crate::checking::{Doubt, Doubts};
use crate::fault::Error;
use crate::keys::part_id;
use crate::line::Ask;
use crate::places::{Attempted, Places};
use crate::reservation::{Hold, Lacking, Part, ReservationError, State};
use crate::shelf::Shelf;
use crate::site;
use crate::stock::Act;

/// How often a reservation over several locations is begun anew when another request decided its attempt.
const TRIES: usize = 4;
/// What is told when goods are given back.
const RELEASED: &str = "ReservationReleased";

/// Reserves, confirms, releases and consumes.
#[derive(Clone)]
pub(crate) struct Holding {
    store: Store,
    clock: Clock,
    channels: Arc<Vec<String>>,
    home: Arc<str>,
    /// What a shop that sold or was given back may show by itself.
    doubts: Doubts,
}

/// What is asked, by location.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Id of the reservation.
    pub reservation_id: String,
    /// Lines by location.
    pub lines: BTreeMap<String, Vec<Ask>>,
    /// When it ends unless confirmed.
    pub expires_at: Timestamp,
    /// Goods that are sold already.
    pub allow_shortfall: bool,
    /// Channel that has subtracted them; empty when none.
    pub sold_by_channel: String,
    /// Digest of the request.
    pub digest: Vec<u8>,
}

impl Wish {
    fn at(&self, location: &str, attempt: u32) -> Hold {
        Hold {
            reservation_id: self.reservation_id.clone(),
            lines: self.lines.get(location).cloned().unwrap_or_default(),
            expires_at: self.expires_at,
            allow_shortfall: self.allow_shortfall,
            sold_by_channel: self.sold_by_channel.clone(),
            digest: self.digest.clone(),
            attempt,
        }
    }
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// Everything is promised, now or before.
    Parts(Vec<Part>),
    /// Nothing is promised.
    Lacking(Vec<Lacking>),
}

/// A rule that takes quantities off the lines of a part, once for each key.
type Taking = fn(&mut Part, &str, &BTreeMap<String, Quantity>, &mut Shelf, Act<'_>) -> Result<bool, ReservationError>;

/// How the part of an attempt at one location went.
enum Piece {
    Promised(Part),
    Lacking(Vec<Lacking>),
    /// A later attempt is under way.
    Overtaken,
}

impl Holding {
    /// Over a store; `home` is the default location, `channels` are told what changes.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, channels: Arc<Vec<String>>, home: &str, doubts: Doubts) -> Self {
        Self { store, clock, channels, home: home.into(), doubts }
    }

    /// Promises everything or nothing; a repeat is answered with what the first brought.
    pub(crate) async fn reserve(&self, wish: &Wish) -> Result<Held, Error> {
        if wish.lines.len() == 1 && wish.lines.contains_key(&*self.home) {
            return match self.piece(wish, &self.home, 0).await? {
                Piece::Promised(part) => Ok(Held::Parts(vec![part])),
                Piece::Lacking(lacking) => Ok(Held::Lacking(lacking)),
                Piece::Overtaken => Err(ReservationError::Differs(wish.reservation_id.clone()).into()),
            };
        }
        for home in self.homes().await? {
            let known = self.store.read::<Part>(&part_id(&home, &wish.reservation_id)).await?;
            if known.is_some_and(|part| part.doc.attempt == 0) {
                return Err(ReservationError::Differs(wish.reservation_id.clone()).into());
            }
        }
        for _ in 0..TRIES {
            if let Some(held) = self.attempt(wish).await? {
                return Ok(held);
            }
        }
        Err(Error::Contended(wish.reservation_id.clone()))
    }

    /// All parts of a reservation.
    pub(crate) async fn parts(&self, id: &str) -> Result<Vec<Part>, Error> {
        let locations = self.locations(id).await?;
        let parts = try_join_all(locations.iter().map(|location| self.read(location, id))).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// Makes a reservation lasting.
    pub(crate) async fn confirm(&self, id: &str) -> Result<Vec<Part>, Error> {
        let confirmed = self.each(id, "ReservationConfirmed", |part, shelf, act| part.confirm(shelf, act)).await;
        if let Err(Error::Insufficient(lacking)) = confirmed {
            return Err(Error::Expired { id: id.to_owned(), lacking });
        }
        confirmed
    }

    /// Gives back what is still promised.
    pub(crate) async fn release(&self, id: &str) -> Result<Vec<Part>, Error> {
        self.each(id, RELEASED, |part, shelf, act| part.release(shelf, act)).await
    }

    /// Takes a shipment off. Lines of several locations are checked before the first commit; a repeat completes what a
    /// crash left undone.
    pub(crate) async fn consume(
        &self,
        id: &str,
        key: &str,
        lines: &BTreeMap<String, Quantity>,
    ) -> Result<Vec<Part>, Error> {
        self.take(id, key, lines, "ReservationConsumed", Part::consume).await
    }

    /// Gives some lines back, as careful as [`Self::consume`].
    pub(crate) async fn release_lines(
        &self,
        id: &str,
        key: &str,
        lines: &BTreeMap<String, Quantity>,
    ) -> Result<Vec<Part>, Error> {
        self.take(id, key, lines, RELEASED, Part::release_lines).await
    }

    async fn take(
        &self,
        id: &str,
        key: &str,
        lines: &BTreeMap<String, Quantity>,
        event: &'static str,
        rule: Taking,
    ) -> Result<Vec<Part>, Error> {
        let parts = self.parts(id).await?;
        let mut by_location: BTreeMap<String, BTreeMap<String, Quantity>> = BTreeMap::new();
        for (line_id, quantity) in lines {
            let Some(part) = parts.iter().find(|part| part.lines.iter().any(|line| line.line_id == *line_id)) else {
                return Err(ReservationError::NoSuchLine { id: id.to_owned(), line_id: line_id.clone() }.into());
            };
            by_location.entry(part.location.clone()).or_default().insert(line_id.clone(), *quantity);
        }
        if by_location.len() > 1 {
            self.rehearse(&parts, key, &by_location, rule).await?;
        }
        try_join_all(by_location.into_iter().map(|(location, lines)| {
            let key = key.to_owned();
            self.change(location, id, event, move |part, shelf, act| rule(part, &key, &lines, shelf, act))
        }))
        .await?;
        self.parts(id).await
    }

    /// One attempt at several locations; `None` when another request decided it and a new one is needed.
    async fn attempt(&self, wish: &Wish) -> Result<Option<Held>, Error> {
        let id = wish.reservation_id.as_str();
        let locations: Vec<String> = wish.lines.keys().cloned().collect();
        let Some(attempt) = self.begin(id, &locations, &wish.digest).await? else {
            return Err(ReservationError::Differs(id.to_owned()).into());
        };
        let pieces = join_all(locations.iter().map(|location| self.piece(wish, location, attempt))).await;
        let (mut parts, mut lacking, mut overtaken, mut broken) = (vec![], vec![], false, None);
        for piece in pieces {
            match piece {
                Ok(Piece::Promised(part)) => parts.push(part),
                Ok(Piece::Lacking(lines)) => lacking.extend(lines),
                Ok(Piece::Overtaken) => overtaken = true,
                Err(error) => broken = Some(error),
            }
        }
        // Nothing is decided: a repeat joins this attempt, or expiry ends it.
        if let Some(error) = broken {
            return Err(error);
        }
        if overtaken {
            return Ok(None);
        }
        let verdict = if lacking.is_empty() { Attempted::Settled } else { Attempted::Refused };
        match (self.decide(id, attempt, verdict).await?, verdict) {
            (Attempted::Settled, Attempted::Settled) => Ok(Some(Held::Parts(parts))),
            (Attempted::Settled, Attempted::Refused | Attempted::Open) => Ok(Some(Held::Parts(self.parts(id).await?))),
            (Attempted::Refused | Attempted::Open, _) => {
                try_join_all(locations.iter().map(|location| self.undo(location, id, attempt))).await?;
                Ok((verdict == Attempted::Refused).then_some(Held::Lacking(lacking)))
            }
        }
    }

    async fn begin(&self, id: &str, locations: &[String], digest: &[u8]) -> Result<Option<u32>, Error> {
        let (locations, digest) = (locations.to_vec(), digest.to_vec());
        let rule = move |draft: &mut Draft<Places>| Ok::<_, Error>(draft.doc.begin(&locations, &digest));
        Ok(self.store.step(id, None, rule).await?.value)
    }

    async fn decide(&self, id: &str, attempt: u32, verdict: Attempted) -> Result<Attempted, Error> {
        let rule = move |draft: &mut Draft<Places>| Ok::<_, Error>(draft.doc.decide(attempt, verdict));
        Ok(self.store.step(id, None, rule).await?.value)
    }

    async fn piece(&self, wish: &Wish, location: &str, attempt: u32) -> Result<Piece, Error> {
        let hold = wish.at(location, attempt);
        let (location, now, channels) = (location.to_owned(), self.clock.now(), Arc::clone(&self.channels));
        let document = part_id(&location, &wish.reservation_id);
        let rule = move |draft: &mut Draft<Part>| -> Result<Piece, ReservationError> {
            if draft.existed && draft.doc.attempt > attempt {
                return Ok(Piece::Overtaken);
            }
            if draft.existed && draft.doc.digest != hold.digest {
                return Err(ReservationError::Differs(hold.reservation_id.clone()));
            }
            if draft.existed && (draft.doc.attempt == attempt || draft.doc.state() == State::Held) {
                draft.doc.attempt = attempt;
                return Ok(Piece::Promised(draft.doc.clone()));
            }
            let mut skus: BTreeSet<String> = hold.lines.iter().flat_map(Ask::shelved).map(str::to_owned).collect();
            // A channel that sold a kit has lowered its number of the kit.
            let sold = hold.lines.iter().filter(|_| !hold.sold_by_channel.is_empty());
            skus.extend(sold.map(|ask| ask.sku.clone()));
            let mut shelf = site::load(draft, &location, &skus);
            let act = Act { cause: &hold.reservation_id, happened_at: now, now };
            let mut part = match Part::hold(&hold, &mut shelf, act) {
                Ok(part) => part,
                Err(ReservationError::Lacking(lacking)) => return Ok(Piece::Lacking(lacking)),
                Err(error) => return Err(error),
            };
            part.version = draft.doc.version.saturating_add(1);
            draft.doc = part.clone();
            site::list_promises(draft);
            site::store(draft, shelf, &channels, now);
            draft.due(Some(hold.expires_at));
            draft.emit("retail.inventory.v1.ReservationHeld", pb::Reservation::from(&part).encode_to_vec());
            Ok(Piece::Promised(part))
        };
        let piece = self.store.step(&document, None, rule).await?.value;
        if let Piece::Promised(part) = &piece {
            self.doubt(Doubt::Place, part);
        }
        Ok(piece)
    }

    /// A shop may show another number now than we believe. Whether it has sold these is not always said.
    fn doubt(&self, why: Doubt, part: &Part) {
        let kits = part.lines.iter().map(|line| line.sku.clone());
        self.doubts.note(why, part.shelved().into_iter().chain(kits));
    }

    /// Undoes a part of a refused attempt as if it had never been: the id may be tried again.
    async fn undo(&self, location: &str, id: &str, attempt: u32) -> Result<(), Error> {
        let (place, now, channels) = (location.to_owned(), self.clock.now(), Arc::clone(&self.channels));
        let rule = move |draft: &mut Draft<Part>| -> Result<(), ReservationError> {
            if !draft.existed || draft.doc.attempt != attempt {
                return Ok(());
            }
            let skus = draft.doc.shelved();
            let mut shelf = site::load(draft, &place, &skus);
            let cause = draft.doc.reservation_id.clone();
            draft.doc.release(&mut shelf, Act { cause: &cause, happened_at: now, now })?;
            site::list_promises(draft);
            site::store(draft, shelf, &channels, now);
            draft.due(None);
            let body = pb::Reservation::from(&draft.doc).encode_to_vec();
            draft.emit(format!("retail.inventory.v1.{RELEASED}"), body);
            draft.delete();
            Ok(())
        };
        self.store.step(&part_id(location, id), None, rule).await?;
        Ok(())
    }

    /// Runs a rule on every part, side by side.
    async fn each(
        &self,
        id: &str,
        event: &'static str,
        rule: impl Fn(&mut Part, &mut Shelf, Act<'_>) -> Result<bool, ReservationError> + Clone + Send + 'static,
    ) -> Result<Vec<Part>, Error> {
        let locations = self.locations(id).await?;
        try_join_all(locations.into_iter().map(|location| self.change(location, id, event, rule.clone()))).await
    }

    async fn change(
        &self,
        location: String,
        id: &str,
        event: &'static str,
        rule: impl Fn(&mut Part, &mut Shelf, Act<'_>) -> Result<bool, ReservationError> + Send + 'static,
    ) -> Result<Part, Error> {
        let (now, channels, document) = (self.clock.now(), Arc::clone(&self.channels), part_id(&location, id));
        let rule = move |draft: &mut Draft<Part>| -> Result<Option<Part>, ReservationError> {
            if !draft.existed {
                return Ok(None);
            }
            let skus = draft.doc.shelved();
            let mut shelf = site::load(draft, &location, &skus);
            let cause = draft.doc.reservation_id.clone();
            if rule(&mut draft.doc, &mut shelf, Act { cause: &cause, happened_at: now, now })? {
                site::list_promises(draft);
                site::store(draft, shelf, &channels, now);
                // What is left of a promise that is not lasting still ends at its time.
                draft.due(draft.doc.ends_at());
                let body = pb::Reservation::from(&draft.doc).encode_to_vec();
                draft.emit(format!("retail.inventory.v1.{event}"), body);
            }
            Ok(Some(draft.doc.clone()))
        };
        let part = self.store.step(&document, None, rule).await?.value;
        let part = part.ok_or_else(|| Error::NoSuchReservation(id.to_owned()))?;
        self.doubt(if event == RELEASED { Doubt::GivenBack } else { Doubt::Place }, &part);
        Ok(part)
    }

    /// Runs a request over several locations on copies, so that a wrong line is refused before anything is changed.
    async fn rehearse(
        &self,
        parts: &[Part],
        key: &str,
        by_location: &BTreeMap<String, BTreeMap<String, Quantity>>,
        rule: Taking,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        for (location, lines) in by_location {
            let Some(mut part) = parts.iter().find(|part| part.location == *location).cloned() else { continue };
            let rows = try_join_all(part.shelved().into_iter().map(|sku| async move {
                let id = crate::keys::stock_id(location, &sku);
                self.store.read::<crate::stock::Stock>(&id).await
            }));
            let rows = rows.await?.into_iter().flatten().map(|found| found.doc);
            let mut shelf = Shelf::new(location, rows);
            rule(&mut part, key, lines, &mut shelf, Act { cause: key, happened_at: now, now })?;
        }
        Ok(())
    }

    async fn read(&self, location: &str, id: &str) -> Result<Option<Part>, Error> {
        Ok(self.store.read::<Part>(&part_id(location, id)).await?.map(|found| found.doc))
    }

    /// Where a reservation stands.
    async fn locations(&self, id: &str) -> Result<Vec<String>, Error> {
        for home in self.homes().await? {
            if self.read(&home, id).await?.is_some_and(|part| part.attempt == 0) {
                return Ok(vec![home]);
            }
        }
        let places = self.store.read::<Places>(id).await?.map(|found| found.doc);
        match places {
            Some(places) if places.attempted() != Attempted::Refused => Ok(places.locations),
            Some(_) | None => Err(Error::NoSuchReservation(id.to_owned())),
        }
    }

    /// Every location that ever was the default.
    async fn homes(&self) -> Result<Vec<String>, Error> {
        let catalogue = self.store.read::<Catalogue>(CATALOGUE).await?;
        Ok(catalogue.map(|found| found.doc.homes).unwrap_or_default())
    }
}
