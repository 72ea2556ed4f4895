//! Customers over the store: doing the moves of the resolver, keeping profiles, waiting for references.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use retail_proto::customers::v1::{self as pb, Profile};
use retail_proto::types::v1::Ref;
use retail_runtime::{Clock, Ids, deadline, trace};
use retail_store::{Caller, Document as _, Draft, Store};

use crate::customer::{Claim, Customer, Kind, Sighting};
use crate::fault::Error;
use crate::identity::{Move, Resolver, Standing};
use crate::keys::Key;
use crate::telling::{SystemKind, seal};

/// More moves than any set of three keys needs, however others interfere.
const MOVES: usize = 64;
/// A customer that was changed less long ago is being told already, milliseconds.
const QUIET: i64 = 10_000;
/// Time that an answer needs to get back to a caller whose deadline is near.
const MARGIN: Duration = Duration::from_millis(150);

/// Keeps customers.
#[derive(Clone)]
pub(crate) struct People {
    store: Store,
    clock: Clock,
    systems: Arc<BTreeSet<(SystemKind, String)>>,
    patience: Duration,
}

/// A customer and how it was found.
pub(crate) struct Resolved {
    pub(crate) customer: Customer,
    pub(crate) created: bool,
    pub(crate) others: Vec<String>,
}

impl People {
    pub(crate) fn new(store: Store, clock: Clock, systems: BTreeSet<(SystemKind, String)>, patience: Duration) -> Self {
        Self { store, clock, systems: Arc::new(systems), patience }
    }

    /// The one customer behind keys; without any, the anonymous customer of the brand.
    pub(crate) async fn resolve(&self, keys: Vec<Key>, sighting: Sighting) -> Result<Resolved, Error> {
        let fresh = |key: &Key| Ids::derived("weft.customer", &[&key.to_string()]).to_string();
        let Some(mut machine) = Resolver::new(keys, fresh) else { return self.anonymous(sighting).await };
        for _ in 0..MOVES {
            match machine.next() {
                Move::Peek(key) => {
                    let owner = self.store.read::<Claim>(&key.to_string()).await?.map(|claim| claim.doc.customer_id);
                    machine.owns(key, owner);
                }
                Move::Claim(key, id) => {
                    let owner = self.claim(&key, id).await?;
                    machine.owns(key, Some(owner));
                }
                Move::Look(id) => {
                    let standing = standing(self.read(&id).await?.as_ref());
                    machine.stands(id, standing, false);
                }
                Move::Found(id) => {
                    let (standing, founded) = self.see(&id, &sighting, true).await?;
                    machine.stands(id, standing, founded);
                }
                Move::Alias(from, to) => {
                    let standing = self.alias(&from, to).await?;
                    machine.stands(from, standing, false);
                }
                Move::Done { customer_id, founded, others } => {
                    let customer = self.seen(&customer_id, &sighting).await?;
                    return Ok(Resolved { customer, created: founded, others });
                }
            }
        }
        Err(Error::Contended)
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

    /// Changes a profile. A repeat is answered with the first answer.
    pub(crate) async fn update(&self, id: &str, caller: Caller, profile: Profile) -> Result<pb::Customer, Error> {
        let customer = self.get(id).await?;
        if customer.kind() == Kind::Anonymous {
            return Err(Error::Anonymous(customer.id));
        }
        let (now, traceparent) = (self.clock.now(), trace::traceparent().unwrap_or_default());
        let rule = move |draft: &mut Draft<Customer>| {
            let before = draft.doc.clone();
            draft.doc.update(&profile);
            if draft.doc != before {
                seal(draft, &before, now);
                retail_flow::begin(draft, &before.id, &traceparent, now);
            }
            Ok::<_, Error>(pb::Customer::from(&draft.doc))
        };
        Ok(self.store.update::<Customer, _, _>(&customer.id, caller, rule).await?.value)
    }

    /// Waits until a system has the customer. A refusal that was noted before is tried once more first: somebody may
    /// have mended its cause.
    pub(crate) async fn reference(&self, id: &str, kind: SystemKind, instance: &str) -> Result<Ref, Error> {
        let (word, instance) = (kind.word().to_owned(), instance.to_owned());
        if !self.systems.contains(&(kind, instance.clone())) {
            return Err(Error::SystemNotConfigured { kind: word, instance });
        }
        let customer_id = self.get(id).await?.id;
        self.wake(&customer_id, kind, &instance).await?;
        let patience =
            deadline::remaining().map_or(self.patience, |left| left.saturating_sub(MARGIN).min(self.patience));
        let waited = self.clock.timeout(patience, self.until_told(&customer_id, &word, &instance)).await;
        waited.unwrap_or(Err(Error::Pending { customer_id, kind: word, instance }))
    }

    async fn until_told(&self, id: &str, kind: &str, instance: &str) -> Result<Ref, Error> {
        let mut changes = self.store.changed(Customer::partition(id));
        loop {
            let customer = self.get(id).await?;
            let told = customer.told(kind, instance);
            if let Some(refused) = told.filter(|told| !told.reason.is_empty()) {
                return Err(Error::Refused {
                    customer_id: id.to_owned(),
                    kind: kind.to_owned(),
                    instance: instance.to_owned(),
                    reason: refused.reason.clone(),
                    detail: refused.detail.clone(),
                });
            }
            if let Some(record) = customer.record(kind, instance) {
                return Ok(record.clone());
            }
            // A hint may be lost: look again now and then.
            let _hinted = self.clock.timeout(Duration::from_millis(250), changes.wait()).await;
        }
    }

    /// Makes sure that the telling of a system is under way when it is not done.
    async fn wake(&self, id: &str, kind: SystemKind, instance: &str) -> Result<(), Error> {
        let customer = self.get(id).await?;
        let told = customer.told(kind.word(), instance);
        let refused = told.is_some_and(|told| !told.reason.is_empty());
        let (now, instance) = (self.clock.now(), instance.to_owned());
        let quiet = now.as_millisecond().saturating_sub(customer.updated_at) > QUIET;
        if !refused && (told.is_some() || !quiet) {
            return Ok(());
        }
        let rule = move |draft: &mut Draft<Customer>| {
            if refused {
                draft.doc.tell_again(kind.word(), &instance);
            }
            // A system that was configured after the customer was founded is told from here.
            retail_flow::wake(draft, now);
            Ok::<_, Error>(())
        };
        self.store.step(&customer.id, None, rule).await?;
        Ok(())
    }

    async fn anonymous(&self, sighting: Sighting) -> Result<Resolved, Error> {
        let id = Ids::derived("weft.customer.anonymous", &[&sighting.brand]).to_string();
        let sighting = Sighting { kind: Kind::Anonymous, record: None, keys: vec![], ..sighting };
        if let Some(customer) = self.read(&id).await?.filter(Customer::is_founded) {
            return Ok(Resolved { customer, created: false, others: vec![] });
        }
        let (_, created) = self.see(&id, &sighting, true).await?;
        Ok(Resolved { customer: self.get(&id).await?, created, others: vec![] })
    }

    async fn read(&self, id: &str) -> Result<Option<Customer>, Error> {
        Ok(self.store.read::<Customer>(id).await?.map(|found| found.doc))
    }

    async fn claim(&self, key: &Key, id: String) -> Result<String, Error> {
        let rule = move |draft: &mut Draft<Claim>| {
            if !draft.existed {
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
        let customer = self.get(id).await?;
        let mut after = customer.clone();
        after.see(sighting);
        if after == customer {
            return Ok(customer);
        }
        self.see(id, sighting, false).await?;
        self.get(id).await
    }

    /// Takes a sighting into a customer; with `found` it is founded when nobody did. Answers how the id stands then, and
    /// whether this very commit founded it.
    async fn see(&self, id: &str, sighting: &Sighting, found: bool) -> Result<(Standing, bool), Error> {
        let (document, sighting, now) = (id.to_owned(), sighting.clone(), self.clock.now());
        let traceparent = trace::traceparent().unwrap_or_default();
        let rule = move |draft: &mut Draft<Customer>| {
            let before = draft.doc.clone();
            let founding = found && !draft.existed;
            if founding {
                draft.doc = Customer::found(&document, now);
            }
            if draft.doc.is_founded() {
                draft.doc.see(&sighting);
                if draft.doc != before {
                    seal(draft, &before, now);
                    retail_flow::begin(draft, &document, &traceparent, now);
                }
            }
            Ok::<_, Error>((standing(Some(&draft.doc)), founding))
        };
        Ok(self.store.step(id, None, rule).await?.value)
    }
}

fn standing(customer: Option<&Customer>) -> Standing {
    match customer {
        Some(customer) if customer.is_founded() => Standing::Founded,
        Some(customer) if !customer.alias_of.is_empty() => Standing::Alias(customer.alias_of.clone()),
        Some(_) | None => Standing::Absent,
    }
}
