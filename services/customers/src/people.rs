//! Customers over the store: doing the moves of the resolver, keeping profiles and consent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use retail_flow::{Asked, Input};
use retail_proto::customers::v1::{self as pb, Profile};
use retail_runtime::{Clock, Ids, trace};
use retail_store::{Draft, Store, UpdateError};

use crate::bond::{Bond, Purpose};
use crate::consent::{self, Decision, Taken};
use crate::customer::{Claim, Customer, Kind, Sighting};
use crate::fault::Error;
use crate::identity::{Move, Resolver, Standing};
use crate::joining::Joining;
use crate::keys::{Key, Strength};
use crate::seal::{Event, seal, seal_quietly};
use crate::telling::SystemKind;

/// More moves than any set of three keys needs, however others interfere.
const MOVES: usize = 64;

/// Keeps customers.
#[derive(Clone)]
pub(crate) struct People {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) joining: Joining,
    pub(crate) systems: Arc<BTreeSet<(SystemKind, String)>>,
    pub(crate) patience: Duration,
}

/// A customer and how it was found.
pub(crate) struct Resolved {
    pub(crate) customer: Customer,
    pub(crate) created: bool,
    pub(crate) others: Vec<String>,
}

/// How far the resolver came by itself.
pub(crate) enum Reached {
    /// Nobody: this id is to be founded.
    Nobody(String),
    /// Somebody, and others that weaker keys belong to.
    Somebody { customer_id: String, founded: bool, others: Vec<(String, Strength)> },
}

/// Why a rule did not do its work at this id.
pub(crate) enum Elsewhere {
    /// The id stands for this one.
    Moved(String),
    /// A merge is being taken back; complete it first.
    Bound(Box<Bond>),
    /// It was to be founded, and stands already.
    Stands(Standing),
    /// It cannot be done.
    Refused(Error),
}

impl People {
    pub(crate) fn new(store: Store, clock: Clock, systems: BTreeSet<(SystemKind, String)>, patience: Duration) -> Self {
        let joining = Joining::new(store.clone(), clock.clone());
        Self { store, clock, joining, systems: Arc::new(systems), patience }
    }

    /// The one customer behind keys; without any, the anonymous customer of the brand.
    pub(crate) async fn resolve(&self, keys: Vec<Key>, sighting: Sighting) -> Result<Resolved, Error> {
        let Some(mut machine) = resolver(keys) else { return self.anonymous(sighting).await };
        loop {
            match self.advance(&mut machine).await? {
                Reached::Nobody(id) => {
                    let (standing, founded) = self.see(&id, &sighting, true).await?;
                    machine.stands(id, standing, founded);
                }
                Reached::Somebody { customer_id, founded, others } => {
                    let sighting = Sighting { path: machine.path(), ..sighting };
                    let customer = self.seen(&customer_id, &sighting).await?;
                    self.suspect_all(&customer.id, &others).await?;
                    let others = others.into_iter().map(|(id, _)| id).collect();
                    return Ok(Resolved { customer, created: founded, others });
                }
            }
        }
    }

    /// Does the resolver's moves up to the founding of a customer.
    pub(crate) async fn advance(&self, machine: &mut Resolver) -> Result<Reached, Error> {
        for _ in 0..MOVES {
            match machine.next() {
                Move::Peek(key) => {
                    let owner = self.owner(&key).await?;
                    machine.owns(key, owner);
                }
                Move::Claim(key, id) => {
                    let owner = self.claim(&key, id).await?;
                    machine.owns(key, Some(owner));
                }
                Move::Look(id) => {
                    let standing = standing(self.joining.read(&id).await?.as_ref());
                    machine.stands(id, standing, false);
                }
                Move::Found(id) => return Ok(Reached::Nobody(id)),
                Move::Alias(from, to) => {
                    let standing = self.alias(&from, to).await?;
                    machine.stands(from, standing, false);
                }
                Move::Done { customer_id, founded, others } => {
                    return Ok(Reached::Somebody { customer_id, founded, others });
                }
            }
        }
        Err(Error::Contended)
    }

    /// Notes the other owners of weaker keys as candidates for a merge.
    pub(crate) async fn suspect_all(&self, id: &str, others: &[(String, Strength)]) -> Result<(), Error> {
        for (other, shared) in others {
            self.suspect(id, other, *shared).await?;
        }
        Ok(())
    }

    /// A customer, by its own id or one that stands for it.
    pub(crate) async fn get(&self, id: &str) -> Result<Customer, Error> {
        self.joining.get(id).await
    }

    /// Changes a profile. A repeat is answered with the first answer.
    pub(crate) async fn update(&self, id: &str, asked: Asked, profile: Profile) -> Result<pb::Customer, Error> {
        let customer = self.get(id).await?;
        if customer.kind() == Kind::Anonymous {
            return Err(Error::Anonymous(customer.id));
        }
        asked.claim(&self.store).await?;
        let (now, traceparent) = (self.clock.now(), trace::traceparent().unwrap_or_default());
        let rule = move |draft: &mut Draft<Customer>| {
            let before = reach(draft)?;
            draft.doc.update(&profile, now);
            if draft.doc != before {
                seal(draft, &before, Event::Changed, now);
                retail_flow::begin(draft, &before.id, &traceparent, now);
            }
            Ok(pb::Customer::from(&draft.doc))
        };
        let changed = self.change(id, &asked, rule).await?;
        self.suspect_profile(&self.get(id).await?).await?;
        Ok(changed)
    }

    /// Records a decision about consent. The same decision, told again, changes nothing.
    pub(crate) async fn consent(&self, id: &str, asked: Asked, decision: Decision) -> Result<pb::Customer, Error> {
        self.get(id).await?;
        asked.claim(&self.store).await?;
        let now = self.clock.now();
        let decision = Decision { recorded_at: now.as_microsecond(), ..decision };
        let rule = move |draft: &mut Draft<Customer>| {
            let before = reach(draft)?;
            if before.kind() == Kind::Anonymous {
                return Err(Elsewhere::Refused(Error::Anonymous(before.id)));
            }
            match consent::judge(draft.doc.decisions(), &decision) {
                Taken::Known => {}
                Taken::Full => return Err(Elsewhere::Refused(Error::ConsentHistoryFull(before.id))),
                Taken::New => {
                    draft.doc.part_of(&[], decision.source.as_ref()).consents.push(decision.clone());
                    seal(draft, &before, Event::Consented, now);
                }
            }
            Ok(pb::Customer::from(&draft.doc))
        };
        self.change(id, &asked, rule).await
    }

    /// Changes the customer that an id stands for, once for each key.
    pub(crate) async fn change<R: prost::Message + Default + 'static>(
        &self,
        id: &str,
        asked: &Asked,
        rule: impl Fn(&mut Draft<Customer>) -> Result<R, Elsewhere> + Clone + Send + 'static,
    ) -> Result<R, Error> {
        let (what, content, now) = (asked.method(), asked.content().to_vec(), self.clock.now());
        let kind = format!("retail.customers.v1.{what}Request");
        let rule = move |draft: &mut Draft<Customer>| {
            let answer = rule(draft)?;
            retail_flow::record(draft, Input { what, kind: &kind, content: &content }, now);
            Ok(answer)
        };
        let mut at = id.to_owned();
        for _ in 0..MOVES {
            match self.store.update::<Customer, R, _>(&at, asked.caller(), rule.clone()).await {
                Ok(done) => return Ok(done.value),
                Err(UpdateError::Rule(elsewhere)) => at = self.follow(at, elsewhere).await?,
                Err(UpdateError::Store(error)) => return Err(asked.refused(error).into()),
            }
        }
        Err(Error::Contended)
    }

    /// Where to try again.
    pub(crate) async fn follow(&self, at: String, elsewhere: Elsewhere) -> Result<String, Error> {
        match elsewhere {
            Elsewhere::Moved(to) => Ok(to),
            Elsewhere::Bound(bond) => self.joining.complete(*bond).await.map(|_| at),
            Elsewhere::Stands(_) => Ok(at),
            Elsewhere::Refused(error) => Err(error),
        }
    }

    /// Who owns a key: who claimed it, or whose record it is since a telling wrote it.
    pub(crate) async fn owner(&self, key: &Key) -> Result<Option<String>, Error> {
        let claim = self.store.read::<Claim>(&key.to_string()).await?;
        let owner = claim.map(|claim| claim.doc.customer_id).filter(|id| !id.is_empty());
        // Records of other systems have come with their claims.
        if owner.is_some() || !self.systems.iter().any(|(kind, instance)| key.is_of(kind.word(), instance)) {
            return Ok(owner);
        }
        match self.holder(key).await? {
            Some(holder) => self.claim(key, holder).await.map(Some),
            None => Ok(None),
        }
    }

    async fn anonymous(&self, sighting: Sighting) -> Result<Resolved, Error> {
        let id = Ids::derived("weft.customer.anonymous", &[&sighting.brand]).to_string();
        let sighting = Sighting { kind: Kind::Anonymous, record: None, keys: vec![], ..sighting };
        if let Some(customer) = self.joining.read(&id).await?.filter(Customer::is_founded) {
            return Ok(Resolved { customer, created: false, others: vec![] });
        }
        let (_, created) = self.see(&id, &sighting, true).await?;
        Ok(Resolved { customer: self.get(&id).await?, created, others: vec![] })
    }

    async fn claim(&self, key: &Key, id: String) -> Result<String, Error> {
        let rule = move |draft: &mut Draft<Claim>| {
            if draft.doc.customer_id.is_empty() {
                draft.doc.customer_id.clone_from(&id);
            }
            Ok::<_, Error>(draft.doc.customer_id.clone())
        };
        Ok(self.store.step(&key.to_string(), None, rule).await?.value)
    }

    async fn alias(&self, from: &str, to: String) -> Result<Standing, Error> {
        let id = from.to_owned();
        let rule = move |draft: &mut Draft<Customer>| {
            if !draft.existed {
                draft.doc.id.clone_from(&id);
                draft.doc.alias_of.clone_from(&to);
            }
            Ok::<_, Error>(standing(Some(&draft.doc)))
        };
        Ok(self.store.step(from, None, rule).await?.value)
    }

    /// The customer with what is new in a sighting; a returning customer who brings nothing new costs no commit.
    async fn seen(&self, id: &str, sighting: &Sighting) -> Result<Customer, Error> {
        for _ in 0..MOVES {
            let customer = self.get(id).await?;
            let mut after = customer.clone();
            after.see(sighting, self.clock.now());
            if after == customer {
                return Ok(customer);
            }
            // It may have become part of another since it was read; then it is seen there.
            self.see(&customer.id, sighting, false).await?;
        }
        Err(Error::Contended)
    }

    /// Takes a sighting into a customer; with `found` it is founded when nobody did. Answers how the id stands then, and
    /// whether this very commit founded it.
    async fn see(&self, id: &str, sighting: &Sighting, found: bool) -> Result<(Standing, bool), Error> {
        for _ in 0..MOVES {
            let (document, sighting, now) = (id.to_owned(), sighting.clone(), self.clock.now());
            let traceparent = trace::traceparent().unwrap_or_default();
            let rule = move |draft: &mut Draft<Customer>| {
                let founding = found && !draft.existed;
                if founding {
                    draft.doc = Customer::found(&document, now);
                } else if !draft.doc.is_founded() {
                    return Ok((standing(Some(&draft.doc)), false));
                }
                let before = if founding { Customer::default() } else { reach(draft)? };
                draft.doc.see(&sighting, now);
                if shown(&draft.doc) != shown(&before) {
                    seal(draft, &before, Event::Changed, now);
                    retail_flow::begin(draft, &document, &traceparent, now);
                } else if draft.doc != before {
                    seal_quietly(draft);
                }
                Ok((Standing::Founded, founding))
            };
            match self.store.step(id, None, rule).await {
                Ok(done) => return Ok(done.value),
                Err(UpdateError::Rule(elsewhere)) => self.follow(id.to_owned(), elsewhere).await.map(drop)?,
                Err(UpdateError::Store(error)) => return Err(Error::Store(error)),
            }
        }
        Err(Error::Contended)
    }
}

/// A machine for keys.
pub(crate) fn resolver(keys: Vec<Key>) -> Option<Resolver> {
    Resolver::new(keys, |key: &Key| Ids::derived("weft.customer", &[&key.to_string()]).to_string())
}

/// The customer in a rule's hands, as it was before the rule; an error when it is not to be changed here and now.
pub(crate) fn reach(draft: &mut Draft<Customer>) -> Result<Customer, Elsewhere> {
    if !draft.existed {
        return Err(Elsewhere::Refused(Error::NoSuchCustomer(draft.id().to_owned())));
    }
    if !draft.doc.is_founded() {
        return Err(Elsewhere::Moved(draft.doc.alias_of.clone()));
    }
    match &draft.doc.bond {
        // What leaves must not be written to here any more.
        Some(bond) if bond.purpose() == Purpose::Unmerge => return Err(Elsewhere::Bound(Box::new(bond.clone()))),
        Some(_) | None => {}
    }
    draft.doc.adopt();
    Ok(draft.doc.clone())
}

/// What callers see of a customer, without its counters.
fn shown(customer: &Customer) -> pb::Customer {
    pb::Customer { version: 0, updated_at: None, ..pb::Customer::from(customer) }
}

pub(crate) fn standing(customer: Option<&Customer>) -> Standing {
    match customer {
        Some(customer) if customer.is_founded() => Standing::Founded,
        Some(customer) if !customer.alias_of.is_empty() => Standing::Alias(customer.alias_of.clone()),
        Some(_) | None => Standing::Absent,
    }
}
