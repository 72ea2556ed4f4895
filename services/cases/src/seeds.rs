//! What a key leads to: looked up here, and asked of its owner when it is not known here.

use retail_store::{Error as StoreError, Store};

use crate::cases::Cases;
use crate::fault::Error;
use crate::find::Key;
use crate::gather::Spare;
use crate::keys::{self, List};
use crate::owners::{Owners, Silent, Told};
use crate::record::{Case, Kind, View};
use crate::shelf;
use crate::{case, family};

/// Transactions under one number, or customers under one address, that are looked at.
const MOST: usize = 20;

/// What a key leads to.
#[derive(Debug, Default)]
pub(crate) struct Seeds {
    pub(crate) cases: Vec<Case>,
    pub(crate) orders: Vec<String>,
    pub(crate) returns: Vec<String>,
    pub(crate) customers: Vec<String>,
    /// What owners said that the store does not have.
    pub(crate) spare: Spare,
    /// Section and cause, when the owner of the key could not be asked.
    pub(crate) silent: Option<(&'static str, Silent)>,
}

impl Seeds {
    /// Does nobody know the key?
    pub(crate) fn are_none(&self) -> bool {
        self.cases.is_empty() && self.orders.is_empty() && self.returns.is_empty() && self.customers.is_empty()
    }
}

/// Looks keys up.
#[derive(Clone)]
pub(crate) struct Seeker {
    store: Store,
    cases: Cases,
    owners: Owners,
    crms: Vec<String>,
}

impl Seeker {
    /// Looks up in this store, then at these owners.
    pub(crate) fn new(store: &Store, cases: Cases, owners: Owners, crms: Vec<String>) -> Self {
        Self { store: store.clone(), cases, owners, crms }
    }

    /// What a key leads to.
    pub(crate) async fn seek(&self, key: &Key) -> Result<Seeds, Error> {
        let mut seeds = self.here(key).await?;
        if seeds.are_none() {
            self.ask(key, &mut seeds).await?;
        }
        Ok(seeds)
    }

    async fn here(&self, key: &Key) -> Result<Seeds, Error> {
        let mut seeds = Seeds::default();
        match key {
            Key::CaseId(id) => seeds.cases = self.cases_with_id(id).await?,
            Key::CaseNumber(number) => seeds.cases = self.cases_with_number(number).await?,
            Key::OrderId(id) => seeds.orders = self.known(Kind::Order, id).await?,
            Key::OrderNumber(number) => seeds.orders = self.on(List::OrderNumber, &keys::number(number)).await?,
            Key::ReturnId(id) => seeds.returns = self.known(Kind::Return, id).await?,
            Key::RmaNumber(number) => seeds.returns = self.on(List::ReturnNumber, &keys::number(number)).await?,
            Key::CustomerId(id) => seeds.customers = self.customer(id).await?,
            Key::Email(email) => {
                seeds.customers = self.on(List::CustomerEmail, email).await?;
                seeds.orders = self.on(List::OrderEmail, email).await?;
            }
            Key::Phone(phone) => {
                seeds.customers = self.on(List::CustomerPhone, phone).await?;
                seeds.orders = self.on(List::OrderPhone, phone).await?;
            }
        }
        Ok(seeds)
    }

    async fn ask(&self, key: &Key, seeds: &mut Seeds) -> Result<(), Error> {
        match key {
            Key::CaseId(id) => self.ask_for_case(id, "", seeds).await?,
            Key::CaseNumber(number) => self.ask_for_case("", number, seeds).await?,
            Key::OrderId(id) => {
                seeds.spare.orders = heard("orders", self.owners.order(id).await, seeds);
            }
            Key::OrderNumber(number) => {
                seeds.spare.orders = heard("orders", self.owners.orders_by_number(number).await, seeds);
            }
            Key::ReturnId(id) => {
                seeds.spare.returns = heard("returns", self.owners.return_record(id).await, seeds);
            }
            Key::RmaNumber(number) => {
                seeds.spare.returns = heard("returns", self.owners.returns_by_number(number).await, seeds);
            }
            Key::CustomerId(id) => {
                seeds.spare.customers = heard("customers", self.owners.customer(id).await, seeds);
            }
            Key::Email(email) => {
                seeds.spare.customers = heard("customers", self.owners.customers_by(email, "").await, seeds);
            }
            Key::Phone(phone) => {
                seeds.spare.customers = heard("customers", self.owners.customers_by("", phone).await, seeds);
            }
        }
        seeds.orders.extend(seeds.spare.orders.iter().map(|order| order.order_id.clone()));
        seeds.returns.extend(seeds.spare.returns.iter().map(|record| record.return_id.clone()));
        seeds.customers.extend(seeds.spare.customers.iter().map(|customer| customer.customer_id.clone()));
        Ok(())
    }

    /// A case that a CRM has and the poll has not brought yet is taken in as if the poll had.
    async fn ask_for_case(&self, id: &str, number: &str, seeds: &mut Seeds) -> Result<(), Error> {
        for (instance, told) in heard("cases", self.owners.case(id, number).await, seeds) {
            let crm_id = told.record.as_ref().map(|record| record.id.clone()).unwrap_or_default();
            self.cases.take(&instance, told, false).await?;
            seeds.cases.extend(self.cases.read(&case::id(&instance, &crm_id)).await?);
        }
        Ok(())
    }

    /// Cases with this id of a CRM; more than one only when two CRMs use one id.
    pub(crate) async fn cases_with_id(&self, crm_id: &str) -> Result<Vec<Case>, StoreError> {
        let mut found = Vec::new();
        for instance in &self.crms {
            found.extend(self.cases.read(&case::id(instance, crm_id)).await?);
        }
        Ok(found)
    }

    async fn cases_with_number(&self, number: &str) -> Result<Vec<Case>, StoreError> {
        let shelf = List::CaseNumber.shelf(&keys::number(number));
        let mut found = Vec::new();
        for spine in shelf::read(&self.store, &shelf, None, MOST).await? {
            found.extend(self.cases.read(&spine.id).await?.filter(|case| case.shelves.contains(&shelf)));
        }
        Ok(found)
    }

    async fn known(&self, kind: Kind, id: &str) -> Result<Vec<String>, StoreError> {
        let view = self.store.read::<View>(&kind.view(id)).await?;
        Ok(view.filter(|view| view.doc.is_known()).map(|_| id.to_owned()).into_iter().collect())
    }

    /// Whoever an id stands for, or an id that only orders know yet.
    async fn customer(&self, id: &str) -> Result<Vec<String>, StoreError> {
        if family::family(&self.store, id).await?.customer.is_some() {
            return Ok(vec![id.to_owned()]);
        }
        let orders = shelf::read(&self.store, &List::CustomerOrders.shelf(id), None, 1).await?;
        Ok(orders.first().map(|_| id.to_owned()).into_iter().collect())
    }

    /// Ids of what stands on a shelf and still says so, newest first.
    async fn on(&self, list: List, key: &str) -> Result<Vec<String>, StoreError> {
        let shelf = list.shelf(key);
        let mut found = Vec::new();
        for spine in shelf::read(&self.store, &shelf, None, MOST).await? {
            let view = self.store.read::<View>(&spine.id).await?;
            if view.is_some_and(|view| view.doc.is_known() && view.doc.shelves.contains(&shelf)) {
                found.push(case::named(&spine.id).1.to_owned());
            }
        }
        Ok(found)
    }
}

/// What an owner said; its silence is noted.
fn heard<T>(section: &'static str, told: Told<T>, seeds: &mut Seeds) -> Vec<T> {
    match told {
        Ok(found) => found,
        Err(why) => {
            seeds.silent = Some((section, why));
            Vec::new()
        }
    }
}
