//! Reading what belongs to an affair, many documents side by side. Shelves may hold too much: what stands on one is
//! compared with what the document itself says.

use futures::future::try_join_all;
use prost::Message;
use retail_proto::customers::v1::Customer;
use retail_proto::orders::v1::Order;
use retail_proto::returns::v1::Return;
use retail_store::{Error as StoreError, Store};

use crate::family::{Family, family};
use crate::keys::List;
use crate::record::{Case, Kind, View};
use crate::shelf::{self, Spine, sort_key};
use crate::words::{distinct, millis};

/// Entries beyond what is shown that are read: they show that there is more, and make up for stale ones.
const SLACK: usize = 8;

/// What owners have said to this call and the store does not have.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    pub(crate) orders: Vec<Order>,
    pub(crate) returns: Vec<Return>,
    pub(crate) customers: Vec<Customer>,
}

/// A transaction that is shown.
#[derive(Debug)]
pub(crate) struct Shown<M> {
    pub(crate) id: String,
    pub(crate) sort: Vec<u8>,
    pub(crate) message: M,
    /// Cases that hang on it.
    pub(crate) cases: Vec<String>,
}

/// What is shown of a kind.
#[derive(Debug)]
pub(crate) struct Part<T> {
    pub(crate) shown: Vec<T>,
    pub(crate) truncated: bool,
}

/// What belongs to an affair.
#[derive(Debug)]
pub(crate) struct Picked {
    pub(crate) customer: Option<Customer>,
    /// Our id of a customer that is named and whom nobody has told of.
    pub(crate) untold: Option<String>,
    /// How many customers the key leads to.
    pub(crate) shared: usize,
    pub(crate) orders: Part<Shown<Order>>,
    pub(crate) returns: Part<Shown<Return>>,
    pub(crate) cases: Part<Case>,
}

/// Those asked for first, then the others, newest first, each once, as many as are shown.
pub(crate) fn pick<M>(first: Vec<Shown<M>>, mut more: Vec<Shown<M>>, most: usize) -> Part<Shown<M>> {
    more.sort_by(|one, other| one.sort.cmp(&other.sort));
    let mut shown: Vec<Shown<M>> = Vec::with_capacity(most.min(first.len().saturating_add(more.len())));
    let mut truncated = false;
    for one in first.into_iter().chain(more) {
        if shown.iter().any(|known| known.id == one.id) {
            continue;
        }
        if shown.len() >= most {
            truncated = true;
            break;
        }
        shown.push(one);
    }
    Part { shown, truncated }
}

/// Reads for one call.
pub(crate) struct Gatherer<'a> {
    store: &'a Store,
    spare: &'a Spare,
}

impl<'a> Gatherer<'a> {
    /// Reads this store, and what owners have said beside it.
    pub(crate) fn new(store: &'a Store, spare: &'a Spare) -> Self {
        Self { store, spare }
    }

    /// These orders, as far as they are known, in this order.
    pub(crate) async fn orders(&self, ids: &[String]) -> Result<Vec<Shown<Order>>, StoreError> {
        let spare = |id: &str| {
            let order = self.spare.orders.iter().find(|order| order.order_id == id)?;
            Some((order.clone(), millis(order.placed_at.as_ref())))
        };
        self.read(Kind::Order, ids, spare).await
    }

    /// These returns, as far as they are known, in this order.
    pub(crate) async fn returns(&self, ids: &[String]) -> Result<Vec<Shown<Return>>, StoreError> {
        let spare = |id: &str| {
            let record = self.spare.returns.iter().find(|record| record.return_id == id)?;
            Some((record.clone(), millis(record.requested_at.as_ref())))
        };
        self.read(Kind::Return, ids, spare).await
    }

    async fn read<M: Message + Default>(
        &self,
        kind: Kind,
        ids: &[String],
        spare: impl Fn(&str) -> Option<(M, i64)>,
    ) -> Result<Vec<Shown<M>>, StoreError> {
        let read = |id: &String| {
            let view = kind.view(id);
            async move { self.store.read::<View>(&view).await }
        };
        let views = try_join_all(ids.iter().map(read)).await?;
        let mut shown = Vec::with_capacity(ids.len());
        for (id, view) in ids.iter().zip(views) {
            match view.map(|view| view.doc).filter(View::is_known) {
                Some(view) => shown.push(decoded(id, view)?),
                None => shown.extend(spare(id).map(|(message, at)| Shown {
                    id: id.clone(),
                    sort: sort_key(at, id),
                    message,
                    cases: Vec::new(),
                })),
            }
        }
        Ok(shown)
    }

    /// The customers behind these ids, each once.
    pub(crate) async fn families(&self, ids: &[String]) -> Result<Vec<Family>, StoreError> {
        let found = try_join_all(ids.iter().map(|id| family(self.store, id))).await?;
        let mut families: Vec<Family> = Vec::new();
        for mut family in found {
            if family.customer.is_none() {
                let said = |customer: &&Customer| {
                    family.ids.iter().any(|id| *id == customer.customer_id || customer.merged_ids.contains(id))
                };
                family.customer = self.spare.customers.iter().find(said).cloned();
                let former =
                    family.customer.iter().flat_map(|one| std::iter::once(&one.customer_id).chain(&one.merged_ids));
                family.ids = distinct(former.chain(&family.ids).map(String::as_str));
            }
            if !families.iter().any(|known| known.ids.first() == family.ids.first()) {
                families.push(family);
            }
        }
        Ok(families)
    }

    /// The newest orders of a customer's ids.
    pub(crate) async fn orders_of(&self, ids: &[String], most: usize) -> Result<Vec<Shown<Order>>, StoreError> {
        let shelves = ids.iter().map(|id| List::CustomerOrders.shelf(id)).collect();
        self.stand(shelves, most).await
    }

    /// The newest returns of a customer's ids, and those of these orders.
    pub(crate) async fn returns_of(
        &self,
        ids: &[String],
        orders: &[Shown<Order>],
        most: usize,
    ) -> Result<Vec<Shown<Return>>, StoreError> {
        let mut shelves: Vec<String> = ids.iter().map(|id| List::CustomerReturns.shelf(id)).collect();
        shelves.extend(orders.iter().map(|order| List::OrderReturns.shelf(&order.id)));
        self.stand(shelves, most).await
    }

    /// The newest cases of a customer's ids, as they stand on the shelves.
    pub(crate) async fn cases_of(&self, ids: &[String], most: usize) -> Result<Vec<(String, Spine)>, StoreError> {
        self.spines(ids.iter().map(|id| List::CustomerCases.shelf(id)).collect(), most).await
    }

    /// These cases first, then those that hang on what is shown and those on the shelves, newest first.
    pub(crate) async fn cases(
        &self,
        first: Vec<Case>,
        hanging: &[String],
        shelved: Vec<(String, Spine)>,
        most: usize,
    ) -> Result<Part<Case>, StoreError> {
        let candidates = hanging.iter().map(|id| (None, id.clone()));
        let candidates = candidates.chain(shelved.into_iter().map(|(shelf, spine)| (Some(shelf), spine.id)));
        let read = |(shelf, id): (Option<String>, String)| async move {
            let case = self.store.read::<Case>(&id).await?.map(|case| case.doc).filter(|case| !case.deleted);
            Ok::<_, StoreError>(case.filter(|case| shelf.is_none_or(|shelf| case.shelves.contains(&shelf))))
        };
        let found = try_join_all(candidates.map(read)).await?;
        let shown = |case: Case| Shown {
            sort: sort_key(case.opened_at(), &case.id()),
            id: case.id(),
            message: case,
            cases: Vec::new(),
        };
        let first = first.into_iter().map(shown).collect();
        let part = pick(first, found.into_iter().flatten().map(shown).collect(), most);
        Ok(Part { shown: part.shown.into_iter().map(|one| one.message).collect(), truncated: part.truncated })
    }

    /// What stands on these shelves, and still says so itself.
    async fn stand<M: Message + Default>(
        &self,
        shelves: Vec<String>,
        most: usize,
    ) -> Result<Vec<Shown<M>>, StoreError> {
        let spines = self.spines(shelves, most).await?;
        let read = |(shelf, spine): (String, Spine)| async move {
            let view = self.store.read::<View>(&spine.id).await?.map(|view| view.doc);
            let view = view.filter(|view| view.is_known() && view.shelves.contains(&shelf));
            let (_, id) = crate::case::named(&spine.id);
            view.map(|view| decoded::<M>(id, view)).transpose()
        };
        Ok(try_join_all(spines.into_iter().map(read)).await?.into_iter().flatten().collect())
    }

    async fn spines(&self, shelves: Vec<String>, most: usize) -> Result<Vec<(String, Spine)>, StoreError> {
        let limit = most.saturating_add(SLACK);
        let read = |shelf: String| async move {
            let spines = shelf::read(self.store, &shelf, None, limit).await?;
            Ok::<_, StoreError>(spines.into_iter().map(move |spine| (shelf.clone(), spine)).collect::<Vec<_>>())
        };
        let mut spines: Vec<(String, Spine)> =
            try_join_all(shelves.into_iter().map(read)).await?.into_iter().flatten().collect();
        spines.sort_by(|one, other| one.1.cmp(&other.1));
        spines.truncate(limit);
        Ok(spines)
    }
}

fn decoded<M: Message + Default>(id: &str, view: View) -> Result<Shown<M>, StoreError> {
    let sort = sort_key(view.began_at, id);
    let broken =
        |error: prost::DecodeError| StoreError::Corrupt { what: format!("view of {id}"), why: error.to_string() };
    let message = M::decode(view.body).map_err(broken)?;
    Ok(Shown { id: id.to_owned(), sort, message, cases: view.cases })
}
