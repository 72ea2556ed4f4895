//! Who a customer id stands for. A merge makes former ids of one customer; what was written under them keeps them, so the
//! affairs of a customer are those of all its ids.

use prost::Message as _;
use retail_proto::customers::v1::Customer;
use retail_store::{Error as StoreError, Store};

use crate::keys::List;
use crate::record::{Kind, View};
use crate::shelf;
use crate::words::distinct;

/// Merges of merges are followed this far.
const GENERATIONS: usize = 8;
/// Ids of one customer that are looked at.
const MOST_IDS: usize = 50;
/// Customers that may claim one former id at a time: the one that has it, and those it was passed on from.
const MOST_CLAIMS: usize = 16;

/// A customer with all its ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct Family {
    /// The one that stands for all. Absent when its owner has not told.
    pub(crate) customer: Option<Customer>,
    /// Its id and the former ones.
    pub(crate) ids: Vec<String>,
}

/// The customer that an id stands for, with all its ids. Customers says of one that stands for others all of them,
/// however they came to it; what a customer said before it became part of another counts no more.
pub(crate) async fn family(store: &Store, id: &str) -> Result<Family, StoreError> {
    let mut survivor = id.to_owned();
    let mut customer = read(store, &survivor).await?;
    for _ in 0..GENERATIONS {
        // What the id itself says of whom it stands for, else what others say of it.
        let own = customer.as_ref().map(|customer| customer.customer_id.clone()).filter(|own| *own != survivor);
        let other = match own {
            Some(other) => Some(other),
            None => claimant(store, &survivor).await?,
        };
        let Some(other) = other else { break };
        // The other may not have told of itself yet: then what the former id was told of it is shown.
        if let Some(told) = read(store, &other).await? {
            customer = Some(told);
        }
        survivor = other;
    }
    let former: Vec<String> = customer.iter().flat_map(|customer| customer.merged_ids.clone()).collect();
    let ids = std::iter::once(survivor.as_str()).chain(former.iter().map(String::as_str));
    let ids = distinct(ids.take(MOST_IDS));
    Ok(Family { customer, ids })
}

/// The customer that has an id among its former ones and is not part of another itself.
async fn claimant(store: &Store, id: &str) -> Result<Option<String>, StoreError> {
    for claimant in claimants(store, id).await? {
        if claimants(store, &claimant).await?.is_empty() {
            return Ok(Some(claimant));
        }
    }
    Ok(None)
}

/// Customers that have an id among their former ones.
async fn claimants(store: &Store, id: &str) -> Result<Vec<String>, StoreError> {
    let shelf = List::FormerCustomer.shelf(id);
    let mut found = Vec::new();
    for spine in shelf::read(store, &shelf, None, MOST_CLAIMS).await? {
        let claims = store.read::<View>(&spine.id).await?.is_some_and(|view| view.doc.shelves.contains(&shelf));
        let (_, claimant) = crate::case::named(&spine.id);
        if claims && claimant != id {
            found.push(claimant.to_owned());
        }
    }
    Ok(found)
}

/// The customer as its owner last told.
async fn read(store: &Store, id: &str) -> Result<Option<Customer>, StoreError> {
    let view = store.read::<View>(&Kind::Customer.view(id)).await?.map(|view| view.doc);
    let broken =
        |error: prost::DecodeError| StoreError::Corrupt { what: Kind::Customer.view(id), why: error.to_string() };
    view.filter(View::is_known).map(|view| Customer::decode(view.body).map_err(broken)).transpose()
}
