//! What systems say of their records, over the store: finding whose record it is, and one commit that decides.

use retail_flow::Asked;
use retail_proto::customers::v1 as pb;
use retail_runtime::trace;
use retail_store::{Draft, UpdateError};

use crate::customer::{Claim, Customer, Kind};
use crate::fault::Error;
use crate::finding::Sought;
use crate::keys::{Key, e164, normal_email};
use crate::people::{Elsewhere, People, Reached, reach, resolver, standing};
use crate::seal::{Event, seal, seal_quietly};
use crate::syncing::{Ear, Heard, Said, Telling};
use crate::telling::{SystemKind, may_have_heard};

/// More tries than any interference needs.
const TRIES: usize = 64;

impl People {
    /// Takes over what a system says of its record. A repeat is answered with the first answer.
    pub(crate) async fn sync(
        &self,
        asked: &Asked,
        key: Key,
        weaker: Vec<Key>,
        mut said: Said,
    ) -> Result<pb::SyncCustomerResponse, Error> {
        asked.claim(&self.store).await?;
        let known = self.owner(&key).await?;
        if let Some(nobody) = self.nobody_in_particular(known.as_deref()).await? {
            return Ok(answer(&nobody, Heard::Unchanged));
        }
        if known.is_none() && said.deleted && self.bury(&key, said.version).await? {
            let result = i32::from(pb::SyncResult::Unchanged);
            return Ok(pb::SyncCustomerResponse { customer: None, result });
        }
        if known.is_none() {
            self.not_expected(&weaker, &said).await?;
        }
        let keys = if said.deleted { vec![key.clone()] } else { [vec![key.clone()], weaker].concat() };
        said.keys = keys.iter().map(ToString::to_string).collect();
        // It has a key, so it has a machine.
        let Some(mut machine) = resolver(keys) else { return Err(Error::Contended) };
        loop {
            let reached = self.advance(&mut machine).await?;
            said.path = machine.path();
            said.gone = self.store.read::<Claim>(&key.to_string()).await?.map_or(0, |claim| claim.doc.gone);
            match reached {
                Reached::Nobody(id) => match self.hear(&id, asked, &said, true).await? {
                    Ok(answer) => return Ok(answer),
                    Err(standing) => machine.stands(id, standing, false),
                },
                Reached::Somebody { customer_id, others, .. } => {
                    let Ok(answer) = self.hear(&customer_id, asked, &said, false).await? else { continue };
                    let id = answer.customer.as_ref().map_or(&customer_id, |customer| &customer.customer_id);
                    self.suspect_all(id, &others).await?;
                    return Ok(answer);
                }
            }
        }
    }

    /// The anonymous customer, when the record is its own: nothing that a system says of it makes it a person.
    async fn nobody_in_particular(&self, id: Option<&str>) -> Result<Option<Customer>, Error> {
        let Some(id) = id else { return Ok(None) };
        match self.get(id).await {
            Ok(customer) if customer.kind() == Kind::Anonymous => Ok(Some(customer)),
            Ok(_) | Err(Error::NoSuchCustomer(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers the deletion of a record that nobody is known by; false when somebody is by now.
    async fn bury(&self, key: &Key, version: u64) -> Result<bool, Error> {
        let rule = move |draft: &mut Draft<Claim>| {
            let unclaimed = draft.doc.customer_id.is_empty();
            if unclaimed {
                draft.doc.gone = draft.doc.gone.max(version);
            }
            Ok::<_, Error>(unclaimed)
        };
        Ok(self.store.step(&key.to_string(), None, rule).await?.value)
    }

    /// A system that is being told of a customer may speak of the new record before it answers us. Whether the record is
    /// that one is known once it has answered: until then nobody new is made of it.
    async fn not_expected(&self, weaker: &[Key], said: &Said) -> Result<(), Error> {
        let (kind, instance) = (&said.record.kind, &said.record.instance);
        if said.deleted || !self.tells(kind, instance) {
            return Ok(());
        }
        for key in weaker {
            if self.owner(key).await?.is_some() {
                return Ok(());
            }
        }
        let email = normal_email(&said.profile.email).map(Sought::Email);
        let phone = e164(&said.profile.phone).map(Sought::Phone);
        for sought in [email, phone].into_iter().flatten() {
            let waits = |customer: &Customer| {
                let refused = customer.told(kind, instance).is_some_and(|told| !told.reason.is_empty());
                !refused && customer.record(kind, instance).is_none()
            };
            if self.find(&sought).await?.iter().any(waits) {
                return Err(Error::RecordExpected { kind: kind.clone(), instance: instance.clone() });
            }
        }
        Ok(())
    }

    fn tells(&self, kind: &str, instance: &str) -> bool {
        SystemKind::parse(kind).is_some_and(|kind| self.systems.contains(&(kind, instance.to_owned())))
    }

    /// The one commit. With `found` the customer is founded by it, unless the id stands for something by then.
    async fn hear(
        &self,
        id: &str,
        asked: &Asked,
        said: &Said,
        found: bool,
    ) -> Result<Result<pb::SyncCustomerResponse, crate::identity::Standing>, Error> {
        let now = self.clock.now();
        let told = self.tells(&said.record.kind, &said.record.instance);
        let traceparent = trace::traceparent().unwrap_or_default();
        let said = said.clone();
        let rule = move |draft: &mut Draft<Customer>| {
            let before = if found {
                if draft.existed {
                    return Err(Elsewhere::Stands(standing(Some(&draft.doc))));
                }
                draft.doc = Customer::found(draft.id(), now);
                Customer::default()
            } else {
                reach(draft)?
            };
            let sent = if told { may_have_heard(draft, &said.record.kind, &said.record.instance) } else { vec![] };
            let outcome = draft.doc.sync(&said, &Ear { told, sent });
            if found || outcome.heard == Heard::Applied {
                let id = draft.id().to_owned();
                seal(draft, &before, Event::Changed, now);
                retail_flow::begin(draft, &id, &traceparent, now);
            } else if draft.doc != before {
                seal_quietly(draft);
            }
            draft.doc.hear(&said.record, outcome.telling);
            if outcome.telling == Telling::Again {
                retail_flow::wake(draft, now);
            }
            Ok(answer(&draft.doc, if found { Heard::Applied } else { outcome.heard }))
        };
        let mut at = id.to_owned();
        for _ in 0..TRIES {
            match self.store.update::<Customer, pb::SyncCustomerResponse, _>(&at, asked.caller(), rule.clone()).await {
                Ok(done) => return Ok(Ok(done.value)),
                Err(UpdateError::Rule(Elsewhere::Stands(standing))) => return Ok(Err(standing)),
                Err(UpdateError::Rule(elsewhere)) => at = self.follow(at, elsewhere).await?,
                Err(UpdateError::Store(error)) => return Err(asked.refused(error).into()),
            }
        }
        Err(Error::Contended)
    }
}

fn answer(customer: &Customer, heard: Heard) -> pb::SyncCustomerResponse {
    let result = match heard {
        Heard::Applied => pb::SyncResult::Applied,
        Heard::Older => pb::SyncResult::Older,
        Heard::Unchanged => pb::SyncResult::Unchanged,
    };
    pb::SyncCustomerResponse { customer: Some(customer.into()), result: i32::from(result) }
}
