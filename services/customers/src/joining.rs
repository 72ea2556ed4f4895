//! Merges and their undoing over the store: doing the moves of `bond.rs`. Whoever finds one half done completes it.

use retail_flow::Asked;
use retail_proto::customers::v1 as pb;
use retail_runtime::{Clock, trace};
use retail_store::{Draft, Store};

use crate::bond::{self, Bond, MOST_PARTS, Move, Purpose, Unbound};
use crate::candidates::{self, Standing};
use crate::customer::{Customer, Kind};
use crate::fault::Error;
use crate::seal::{Event, seal, seal_alias, seal_quietly};

/// More moves than a merge needs, however many others it must complete first.
const MOVES: usize = 256;

/// Makes one customer of two, and two of one again.
#[derive(Clone)]
pub(crate) struct Joining {
    store: Store,
    clock: Clock,
}

impl Joining {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Reads an id as it stands, alias or not.
    pub(crate) async fn read(&self, id: &str) -> Result<Option<Customer>, Error> {
        let found = self.store.read::<Customer>(id).await?.map(|found| found.doc);
        Ok(found.map(|mut customer| {
            customer.adopt();
            customer
        }))
    }

    /// A customer, by its own id or one that stands for it.
    pub(crate) async fn get(&self, id: &str) -> Result<Customer, Error> {
        let mut at = id.to_owned();
        for _ in 0..MOVES {
            match self.read(&at).await? {
                Some(customer) if customer.is_founded() => return Ok(customer),
                Some(alias) => at = alias.alias_of,
                None => break,
            }
        }
        Err(Error::NoSuchCustomer(id.to_owned()))
    }

    /// Merges; answers the survivor. A repeat, and a merge of what is one already, changes nothing.
    pub(crate) async fn merge(
        &self,
        asked: &Asked,
        survivor_id: &str,
        merged_id: &str,
        note: &str,
    ) -> Result<Customer, Error> {
        asked.claim(&self.store).await?;
        for _ in 0..MOVES {
            let survivor = self.get(survivor_id).await?;
            let Some(merged) = self.read(merged_id).await? else {
                return Err(Error::NoSuchCustomer(merged_id.to_owned()));
            };
            let bond = self.bond(asked, Purpose::Merge, &survivor.id, merged_id, note);
            let ended = survivor.settled(&bond.op).or(merged.settled(&bond.op));
            if ended == Some(true) || self.is_one(survivor_id, &survivor, &merged).await? {
                return Ok(survivor);
            }
            mergeable(&survivor, &merged)?;
            if ended == Some(false) {
                return Err(Error::MergeGivenUp { survivor_id: survivor.id, merged_id: merged.id });
            }
            let first = (&*survivor.id).min(merged_id).to_owned();
            if self.bind(&first, &bond).await? && self.complete(bond.clone()).await? {
                candidates::close(
                    &self.store,
                    [&survivor.id, merged_id],
                    Standing::Merged,
                    &bond.note,
                    self.clock.now(),
                )
                .await?;
                return self.get(survivor_id).await;
            }
        }
        Err(Error::Contended)
    }

    /// Takes a merge back; answers the survivor and the restored customer.
    pub(crate) async fn unmerge(
        &self,
        asked: &Asked,
        survivor_id: &str,
        merged_id: &str,
        note: &str,
    ) -> Result<(Customer, Customer), Error> {
        asked.claim(&self.store).await?;
        for _ in 0..MOVES {
            let survivor = self.get(survivor_id).await?;
            let Some(merged) = self.read(merged_id).await? else {
                return Err(Error::NoSuchCustomer(merged_id.to_owned()));
            };
            let bond = self.bond(asked, Purpose::Unmerge, &survivor.id, merged_id, note);
            if survivor.settled(&bond.op).or(merged.settled(&bond.op)).is_some() {
                return Ok((survivor, self.get(merged_id).await?));
            }
            let under_way = survivor.bond.as_ref().is_some_and(|other| other.op == bond.op);
            if !under_way && survivor.bond.is_none() && survivor.branch(merged_id).is_empty() {
                return Err(Error::NotMerged { survivor_id: survivor.id, merged_id: merged_id.to_owned() });
            }
            if self.bind(&survivor.id, &bond).await? && self.complete(bond.clone()).await? {
                candidates::close(
                    &self.store,
                    [&survivor.id, merged_id],
                    Standing::Dismissed,
                    &bond.note,
                    self.clock.now(),
                )
                .await?;
                return Ok((self.get(survivor_id).await?, self.get(merged_id).await?));
            }
        }
        Err(Error::Contended)
    }

    /// Completes a merge or an undoing; answers whether it was done rather than given up.
    pub(crate) async fn complete(&self, bond: Bond) -> Result<bool, Error> {
        let mut open = vec![bond];
        for _ in 0..MOVES {
            let Some(bond) = open.last().cloned() else { break };
            let survivor = self.read(&bond.survivor).await?;
            let merged = self.read(&bond.merged).await?;
            match bond::next(&bond, survivor.as_ref(), merged.as_ref()) {
                Move::Over { done } => {
                    open.pop();
                    if open.is_empty() {
                        return Ok(done);
                    }
                }
                Move::Help(other) => open.push(other),
                // Another merge may have come first; the next look sees it.
                Move::Bind(id) => _ = self.try_bind(&id, &bond).await?,
                Move::Yield(parts) => {
                    let shown = survivor.as_ref().map(pb::Customer::from).unwrap_or_default();
                    self.change(&bond.merged.clone(), bond, move |bond, draft| {
                        draft.doc.give_way(bond, &parts);
                        Change::Alias(Box::new(shown.clone()))
                    })
                    .await?;
                }
                Move::Absorb(parts) => {
                    self.change(&bond.survivor.clone(), bond, move |bond, draft| {
                        draft.doc.absorb(&bond.op, &parts);
                        Change::Event(Event::Merged, "MERGED")
                    })
                    .await?;
                }
                Move::Restore(parts) => {
                    self.change(&bond.merged.clone(), bond, move |bond, draft| {
                        draft.doc.restore(bond, &parts);
                        Change::Event(Event::Unmerged, "UNMERGED")
                    })
                    .await?;
                }
                Move::Release(id) => {
                    self.change(&id, bond, |bond, draft| {
                        draft.doc.release(&bond.op);
                        Change::Quiet
                    })
                    .await?
                }
                Move::Abandon(id) => {
                    self.change(&id, bond, |bond, draft| {
                        draft.doc.abandon(&bond.op);
                        Change::Quiet
                    })
                    .await?
                }
                Move::Undo(id) => {
                    self.change(&id, bond, |bond, draft| {
                        draft.doc.undo(bond);
                        Change::Event(Event::Unmerged, "MERGE_GIVEN_UP")
                    })
                    .await?
                }
            }
        }
        Err(Error::Contended)
    }

    /// Binds a customer; false when it is to be looked at again, after what it was bound by is complete.
    async fn bind(&self, id: &str, bond: &Bond) -> Result<bool, Error> {
        match self.try_bind(id, bond).await? {
            Ok(()) => Ok(true),
            Err(Unbound::Busy(other)) => self.complete(other).await.map(|_| false),
            Err(Unbound::Gone | Unbound::Settled | Unbound::Anonymous | Unbound::Full | Unbound::NotMerged) => {
                Ok(false)
            }
        }
    }

    async fn try_bind(&self, id: &str, bond: &Bond) -> Result<Result<(), Unbound>, Error> {
        let (bond, now) = (bond.clone(), self.clock.now());
        let rule = move |draft: &mut Draft<Customer>| {
            draft.doc.adopt();
            let before = draft.doc.clone();
            if let Err(why) = draft.doc.bind(&bond) {
                return Ok(Err(why));
            }
            if draft.doc != before {
                match bond.purpose() {
                    Purpose::Merge => seal_quietly(draft),
                    Purpose::Unmerge => {
                        retail_flow::note(draft, "UNMERGED", &bond.note, now);
                        seal(draft, &before, Event::Unmerged, now);
                    }
                }
                // Whoever asked may die: the worker completes it then.
                retail_flow::wake(draft, now);
            }
            Ok::<_, Error>(Ok(()))
        };
        Ok(self.store.step(id, None, rule).await?.value)
    }

    /// Does one move on one customer.
    async fn change(
        &self,
        id: &str,
        bond: Bond,
        rule: impl Fn(&Bond, &mut Draft<Customer>) -> Change + Send + 'static,
    ) -> Result<(), Error> {
        let (document, now) = (id.to_owned(), self.clock.now());
        let traceparent = trace::traceparent().unwrap_or_default();
        let rule = move |draft: &mut Draft<Customer>| {
            draft.doc.adopt();
            let before = draft.doc.clone();
            let change = rule(&bond, draft);
            if draft.doc == before {
                return Ok(());
            }
            match change {
                Change::Quiet => seal_quietly(draft),
                Change::Event(event, word) => {
                    retail_flow::begin(draft, &document, &traceparent, now);
                    retail_flow::note(draft, word, &bond.note, now);
                    seal(draft, &before, event, now);
                }
                Change::Alias(survivor) => {
                    retail_flow::note(draft, "MERGED", &bond.note, now);
                    retail_flow::wake(draft, now);
                    seal_alias(draft, &survivor, now);
                }
            }
            Ok::<_, Error>(())
        };
        self.store.step(id, None, rule).await?;
        Ok(())
    }

    fn bond(&self, asked: &Asked, purpose: Purpose, survivor: &str, merged: &str, note: &str) -> Bond {
        let word = match purpose {
            Purpose::Merge => "became part of",
            Purpose::Unmerge => "no longer is part of",
        };
        Bond {
            op: asked.name(),
            purpose: i32::from(purpose),
            survivor: survivor.to_owned(),
            merged: merged.to_owned(),
            at: self.clock.now().as_millisecond(),
            note: format!("{merged} {word} {survivor}, says {}: {note}", asked.principal()),
        }
    }

    /// Is it one customer already? A customer cannot become part of what is part of it.
    async fn is_one(&self, survivor_id: &str, survivor: &Customer, merged: &Customer) -> Result<bool, Error> {
        if survivor.id == merged.id || survivor_id == merged.id {
            return Err(Error::SameCustomer(survivor.id.clone()));
        }
        if merged.is_founded() {
            return Ok(false);
        }
        let end = self.get(&merged.alias_of).await?;
        if end.id == survivor.id {
            return Ok(true);
        }
        Err(Error::AlreadyMerged { customer_id: merged.id.clone(), survivor_id: end.id })
    }
}

/// How a move is told.
enum Change {
    /// Not at all.
    Quiet,
    /// As an event of the customer, and under this word in its timeline.
    Event(Event, &'static str),
    /// As an event of an id that stands for this customer now.
    Alias(Box<pb::Customer>),
}

fn mergeable(survivor: &Customer, merged: &Customer) -> Result<(), Error> {
    for customer in [survivor, merged] {
        if customer.kind() == Kind::Anonymous {
            return Err(Error::Anonymous(customer.id.clone()));
        }
        if customer.parts.len() >= MOST_PARTS {
            return Err(Error::TooManyMerged(customer.id.clone()));
        }
    }
    Ok(())
}
