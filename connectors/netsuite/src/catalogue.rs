//! Items, locations, currencies and stock, by SuiteQL. What lines refer to is remembered for a while; stock never is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use retail_connect::Lane;
use retail_proto::Currency;
use retail_proto::erp::v1 as pb;
use retail_runtime::Clock;
use serde_json::Value;

use crate::client::{PAGE, Suite, marks};
use crate::fault::Error;
use crate::{kits, map};

/// More items than this are not remembered at once.
const MOST_ITEMS: usize = 50_000;
/// Codes asked for in one question.
const CODES: usize = 500;

/// What sales orders refer to.
#[derive(Clone)]
pub(crate) struct Catalogue {
    pub(crate) suite: Suite,
    clock: Clock,
    freshness: Duration,
    base: Currency,
    known: Arc<Mutex<Known>>,
}

/// Codes to internal ids; those that NetSuite does not know are left out.
pub(crate) type Ids = BTreeMap<String, i64>;

/// When something was read, and what.
type Dated<T> = (Duration, Arc<T>);

#[derive(Default)]
struct Known {
    items: BTreeMap<String, (i64, Duration)>,
    locations: Option<Dated<Vec<Place>>>,
    currencies: Option<Dated<Vec<(i64, Currency)>>>,
}

/// A location: its code is the external id when it has one, else its name.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) inactive: bool,
}

impl Catalogue {
    pub(crate) fn new(suite: Suite, clock: Clock, freshness: Duration, base: Currency) -> Self {
        Self { suite, clock, freshness, base, known: Arc::default() }
    }

    /// Internal ids of items by code.
    pub(crate) async fn items(&self, codes: &[String], lane: Lane) -> Result<Ids, Error> {
        let now = self.clock.monotonic();
        let (mut found, missing) = self.remembered(codes, now);
        for chunk in missing.chunks(CODES) {
            let q =
                format!("SELECT i.id, i.itemid FROM item i WHERE i.itemid IN ({}) ORDER BY i.id", marks(chunk.len()));
            let params: Vec<Value> = chunk.iter().map(|code| Value::from(code.as_str())).collect();
            let rows = self.suite.rows("suiteql.item_ids", lane, &q, &params).await?;
            let mut known = self.lock();
            if known.items.len().saturating_add(rows.len()) > MOST_ITEMS {
                known.items.clear();
            }
            for row in rows {
                let (code, id) = (row.text("itemid"), row.id("id")?);
                known.items.insert(code.clone(), (id, now));
                found.insert(code, id);
            }
        }
        Ok(found)
    }

    /// Every location.
    pub(crate) async fn places(&self, lane: Lane) -> Result<Arc<Vec<Place>>, Error> {
        let now = self.clock.monotonic();
        if let Some(places) = fresh(&self.lock().locations, now, self.freshness) {
            return Ok(places);
        }
        let q = "SELECT l.id, l.name, l.externalid, l.isinactive FROM location l ORDER BY l.id";
        let mut places = Vec::new();
        for row in self.suite.rows("suiteql.locations", lane, q, &[]).await? {
            let name = row.text("name");
            let code = map::filled(&row.text("externalid")).unwrap_or_else(|| name.clone());
            places.push(Place { id: row.id("id")?, code, name, inactive: row.flag("isinactive") });
        }
        let places = Arc::new(places);
        self.lock().locations = Some((now, Arc::clone(&places)));
        Ok(places)
    }

    /// Every location; read anew when what is remembered does not have what is looked for: a location may be younger
    /// than our memory of it.
    pub(crate) async fn places_with(
        &self,
        lane: Lane,
        has_all: impl Fn(&[Place]) -> bool,
    ) -> Result<Arc<Vec<Place>>, Error> {
        let places = self.places(lane).await?;
        if has_all(&places) {
            return Ok(places);
        }
        self.lock().locations = None;
        self.places(lane).await
    }

    /// The account's currencies; none when it has only its base currency and so no such table.
    pub(crate) async fn currencies(&self, lane: Lane) -> Result<Currencies, Error> {
        let now = self.clock.monotonic();
        let known = fresh(&self.lock().currencies, now, self.freshness);
        let list = match known {
            Some(list) => list,
            None => {
                let list = Arc::new(self.ask_currencies(lane).await?);
                self.lock().currencies = Some((now, Arc::clone(&list)));
                list
            }
        };
        Ok(Currencies { base: self.base, list })
    }

    /// Forgets what lines refer to: NetSuite just refused one of our ids.
    pub(crate) fn forget(&self) {
        *self.lock() = Known::default();
    }

    /// Items after an internal id.
    pub(crate) async fn list_items(
        &self,
        instance: &str,
        after: i64,
        size: usize,
    ) -> Result<(Vec<pb::Item>, Option<i64>), Error> {
        let q =
            "SELECT i.id, i.itemid, i.displayname, i.itemtype, i.isinactive FROM item i WHERE i.id > ? ORDER BY i.id";
        let (rows, more) =
            self.suite.page("suiteql.items", Lane::Sheddable, q, vec![Value::from(after)], size.min(PAGE), 0).await?;
        let kits = rows.iter().filter(|row| row.text("itemtype") == kits::KIT).map(|row| row.id("id"));
        let mut members = kits::members(&self.suite, &kits.collect::<Result<Vec<_>, _>>()?).await?;
        let (mut items, mut last) = (Vec::new(), None);
        for row in rows {
            let id = row.id("id")?;
            last = Some(id);
            items.push(pb::Item {
                sku: row.text("itemid").to_uppercase(),
                item: Some(map::reference(instance, "item", id, row.text("itemid"))),
                description: row.text("displayname"),
                stocked: map::stocked(&row.text("itemtype")),
                unit_price: String::new(),
                unit: String::new(),
                inactive: row.flag("isinactive"),
                components: members.remove(&id).unwrap_or_default(),
            });
        }
        Ok((items, last.filter(|_| more)))
    }

    /// Stock after an (item, location).
    pub(crate) async fn list_stock(
        &self,
        after: (i64, i64),
        size: usize,
    ) -> Result<(Vec<pb::StockRow>, Option<(i64, i64)>), Error> {
        // One row per item, location, bin and status: "SuiteQL", stock feed query.
        let q = "SELECT ib.item, i.itemid, ib.location, SUM(ib.quantityonhand) AS onhand, \
                 SUM(ib.quantityavailable) AS available FROM inventorybalance ib JOIN item i ON i.id = ib.item \
                 WHERE i.isinactive = 'F' AND (ib.item > ? OR (ib.item = ? AND ib.location > ?)) \
                 GROUP BY ib.item, i.itemid, ib.location ORDER BY ib.item, ib.location";
        let params = vec![Value::from(after.0), Value::from(after.0), Value::from(after.1)];
        let (rows, more) = self.suite.page("suiteql.stock", Lane::Sheddable, q, params, size.min(PAGE), 0).await?;
        let ids = rows.iter().map(|row| row.id("location")).collect::<Result<Vec<_>, _>>()?;
        let known = |places: &[Place]| ids.iter().all(|id| places.iter().any(|place| place.id == *id));
        let places = self.places_with(Lane::Sheddable, known).await?;
        let (mut stock, mut last) = (Vec::new(), None);
        for (row, location) in rows.iter().zip(ids.iter().copied()) {
            let item = row.id("item")?;
            last = Some((item, location));
            let on_hand = row.decimal("onhand")?;
            let committed = on_hand.checked_sub(row.decimal("available")?).unwrap_or_default();
            stock.push(pb::StockRow {
                sku: row.text("itemid").to_uppercase(),
                location: places
                    .iter()
                    .find(|place| place.id == location)
                    .map_or_else(|| location.to_string(), |place| place.code.clone()),
                on_hand: on_hand.normalize().to_string(),
                committed: committed.normalize().to_string(),
                commitments: Vec::new(),
            });
        }
        Ok((stock, last.filter(|_| more)))
    }

    async fn ask_currencies(&self, lane: Lane) -> Result<Vec<(i64, Currency)>, Error> {
        let q = "SELECT c.id, c.symbol FROM currency c ORDER BY c.id";
        let rows = match self.suite.rows("suiteql.currencies", lane, q, &[]).await {
            Err(Error::Refused { detail, .. }) => {
                tracing::info!(%detail, base = %self.base, "the account has no currency table: one currency");
                return Ok(Vec::new());
            }
            answer => answer?,
        };
        let mut list = Vec::new();
        for row in rows {
            if let Ok(currency) = row.text("symbol").parse() {
                list.push((row.id("id")?, currency));
            }
        }
        Ok(list)
    }

    fn remembered(&self, codes: &[String], now: Duration) -> (Ids, Vec<String>) {
        let known = self.lock();
        let (mut found, mut missing) = (Ids::new(), Vec::new());
        for code in codes {
            match known.items.get(code).filter(|(_, at)| now.saturating_sub(*at) < self.freshness) {
                Some((id, _)) => {
                    found.insert(code.clone(), *id);
                }
                None => missing.push(code.clone()),
            }
        }
        missing.sort();
        missing.dedup();
        (found, missing)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The currencies of an account.
#[derive(Debug, Clone)]
pub(crate) struct Currencies {
    base: Currency,
    list: Arc<Vec<(i64, Currency)>>,
}

impl Currencies {
    /// The currency of an internal id.
    pub(crate) fn of(&self, id: Option<i64>) -> Option<Currency> {
        match id {
            None => Some(self.base),
            Some(_) if self.list.is_empty() => Some(self.base),
            Some(id) => self.list.iter().find(|(known, _)| *known == id).map(|(_, currency)| *currency),
        }
    }

    /// What to write for a currency: `Ok(None)` to say nothing, `Err` when the account does not have it.
    pub(crate) fn write(&self, currency: Currency) -> Result<Option<i64>, ()> {
        match self.list.iter().find(|(_, known)| *known == currency) {
            Some((id, _)) => Ok(Some(*id)),
            None if self.list.is_empty() && currency == self.base => Ok(None),
            None => Err(()),
        }
    }
}

fn fresh<T>(known: &Option<Dated<T>>, now: Duration, freshness: Duration) -> Option<Arc<T>> {
    known.as_ref().filter(|(at, _)| now.saturating_sub(*at) < freshness).map(|(_, list)| Arc::clone(list))
}
