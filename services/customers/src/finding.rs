//! Finding customers by what was ever seen of them. Lists are named by digests, so that no personal data stands in a
//! name; they are written in the commit that changed the customer.

use std::collections::BTreeSet;

use retail_proto::types::v1::Ref;
use retail_store::{Draft, IndexQuery};

use crate::customer::{Claim, Customer};
use crate::fault::Error;
use crate::keys::{Key, digest, e164, normal_email};
use crate::people::People;
use crate::survivorship::{Field, Stated};

/// More customers than this are not looked at behind one address.
const MOST: usize = 200;

/// What customers are looked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sought {
    /// An e-mail address in its normal form.
    Email(String),
    /// A phone number in E.164.
    Phone(String),
    /// A record.
    Record(Ref),
}

impl Sought {
    /// The list to look into.
    fn place(&self) -> Option<String> {
        match self {
            Self::Email(address) => Some(format!("customers.email.{}", digest(address))),
            Self::Phone(number) => Some(format!("customers.phone.{}", digest(number))),
            Self::Record(record) => Key::system(record).map(|key| record_place(&key)),
        }
    }

    /// The key that customers of an earlier release have claimed.
    fn key(&self) -> Option<Key> {
        match self {
            Self::Email(address) => Key::email(address),
            Self::Phone(number) => Key::phone(number),
            Self::Record(record) => Key::system(record),
        }
    }
}

/// The list of a record.
fn record_place(key: &Key) -> String {
    format!("customers.record.{}", digest(&key.to_string()))
}

/// The list of an e-mail or phone value; `None` when it is neither or cannot be read.
pub(crate) fn place_of(value: &Stated) -> Option<String> {
    match value.field() {
        Field::Email => Sought::Email(normal_email(&value.text)?).place(),
        Field::Phone => Sought::Phone(e164(&value.text)?).place(),
        Field::FirstName | Field::LastName | Field::Company | Field::Address => None,
    }
}

/// Every list that a customer stands in.
pub(crate) fn places(customer: &Customer) -> BTreeSet<String> {
    let stated = customer.people().flat_map(|part| &part.statements).flat_map(|statement| &statement.stated);
    let seen = customer.people().flat_map(|part| &part.seen).cloned();
    let records = customer.people().flat_map(|part| &part.refs);
    let records = records.filter_map(|record| Sought::Record(record.clone()).place());
    stated.filter_map(place_of).chain(seen).chain(records).collect()
}

/// Brings the lists of a customer up to date with its document.
pub(crate) fn relist(draft: &mut Draft<Customer>) {
    let now = places(&draft.doc);
    let was = draft.original().map(places).unwrap_or_default();
    let sort = draft.id().as_bytes().to_vec();
    for place in was.difference(&now) {
        draft.unindex(place, sort.clone());
    }
    for place in now.difference(&was) {
        draft.index(place, sort.clone(), Vec::new());
    }
}

impl People {
    /// Whose record it is: the customer that it belonged to before any merge.
    pub(crate) async fn holder(&self, key: &Key) -> Result<Option<String>, Error> {
        let query = IndexQuery { name: record_place(key), prefix: Vec::new(), after: None, limit: 1 };
        let Some(entry) = self.store.list(&query).await?.into_iter().next() else { return Ok(None) };
        let Some(customer) = self.joining.read(entry.key.id()).await? else { return Ok(None) };
        let has = |record: &Ref| Key::system(record).as_ref() == Some(key);
        Ok(customer.people().find(|part| part.refs.iter().any(has)).map(|part| part.id.clone()))
    }

    /// Every customer that was ever seen with it, in the order of their ids; merged ones are their survivor, once.
    pub(crate) async fn find(&self, sought: &Sought) -> Result<Vec<Customer>, Error> {
        let mut ids = BTreeSet::new();
        if let Some(name) = sought.place() {
            let query = IndexQuery { name, prefix: Vec::new(), after: None, limit: MOST };
            ids.extend(self.store.list(&query).await?.into_iter().map(|entry| entry.key.id().to_owned()));
        }
        if let Some(key) = sought.key() {
            let claim = self.store.read::<Claim>(&key.to_string()).await?;
            ids.extend(claim.map(|claim| claim.doc.customer_id).filter(|id| !id.is_empty()));
        }
        let mut found: Vec<Customer> = Vec::new();
        for id in ids {
            match self.get(&id).await {
                Ok(customer) if found.iter().all(|known| known.id != customer.id) => found.push(customer),
                // A claim whose customer is not founded yet is nobody so far.
                Ok(_) | Err(Error::NoSuchCustomer(_)) => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }
}
