//! Items and places over the store.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use retail_proto::types::v1::Ref;
use retail_runtime::Clock;
use retail_store::{Draft, Partition, Store};

use crate::catalogue::{CATALOGUE, Catalogue, Item, Place, Xref};
use crate::fault::Error;
use crate::keys::{stock_id, xref_id};
use crate::kit::Component;
use crate::stock::Stock;
use crate::units::Unit;

/// Documents that are read or written side by side.
pub(crate) const SIDE_BY_SIDE: usize = 128;

/// Reads and keeps reference data.
#[derive(Clone)]
pub(crate) struct Reference {
    store: Store,
    clock: Clock,
}

/// What an item is known by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ItemKey {
    /// Code.
    pub sku: String,
    /// Another system's record.
    pub record: Option<Ref>,
}

/// What is said of an item beside its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// Code.
    pub sku: String,
    /// What one kit is made of; empty for an item that lies on a shelf itself.
    pub components: Vec<Component>,
    /// Units beside the base unit.
    pub units: Vec<Unit>,
}

impl Reference {
    /// Over a store.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// What is known of places.
    pub(crate) async fn catalogue(&self) -> Result<Catalogue, Error> {
        Ok(self.store.read::<Catalogue>(CATALOGUE).await?.map(|found| found.doc).unwrap_or_default())
    }

    /// One item by code.
    pub(crate) async fn item(&self, sku: &str) -> Result<Option<Item>, Error> {
        Ok(self.store.read::<Item>(&code(sku)).await?.map(|found| found.doc))
    }

    /// Items by another system's record first, then by code; in order, `None` where nobody is known.
    pub(crate) async fn resolve(&self, keys: Vec<ItemKey>) -> Result<Vec<Option<Item>>, Error> {
        stream::iter(keys).map(|key| self.resolve_one(key)).buffered(SIDE_BY_SIDE).try_collect().await
    }

    /// The items that have one of these codes, by code.
    pub(crate) async fn items(&self, skus: BTreeSet<String>) -> Result<BTreeMap<String, Item>, Error> {
        let looked =
            stream::iter(skus).map(|sku| async move { Ok::<_, Error>(self.item(&sku).await?.map(|item| (sku, item))) });
        let found: Vec<Option<(String, Item)>> = looked.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Every kit and what it is made of.
    pub(crate) async fn kits(&self) -> Result<BTreeMap<String, Vec<Component>>, Error> {
        let mut kits = BTreeMap::new();
        for partition in Partition::all() {
            let mut after: Option<String> = None;
            loop {
                let page = self.store.scan::<Item>(partition, after.as_deref(), SIDE_BY_SIDE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                let made = page.into_iter().map(|(_, item)| item.doc).filter(Item::is_kit);
                kits.extend(made.map(|item| (item.sku, item.components)));
            }
        }
        Ok(kits)
    }

    /// Says what the owner of an item does not: what a kit is made of, units beside the base unit. Without an owner
    /// (`owned` is false) a new item is remembered.
    pub(crate) async fn describe(&self, said: Described, owned: bool) -> Result<Item, Error> {
        let Described { sku, components, units } = said;
        if !components.is_empty() {
            self.must_make_a_kit(&sku, &components, owned).await?;
        }
        let id = sku.clone();
        let rule = move |draft: &mut Draft<Item>| {
            if !draft.existed {
                if owned {
                    return Err(Error::UnknownItem(sku.clone()));
                }
                draft.doc = Item { sku: sku.clone(), stocked: true, ..Item::default() };
            }
            if draft.doc.owners_kit && !components.is_empty() && draft.doc.components != components {
                let why = "its owner says what it is made of; change it there".to_owned();
                return Err(Error::NotAKit { sku: sku.clone(), why });
            }
            if !draft.doc.owners_kit {
                draft.doc.components.clone_from(&components);
            }
            draft.doc.units.clone_from(&units);
            Ok::<_, Error>(draft.doc.clone())
        };
        Ok(self.store.step(&id, None, rule).await?.value)
    }

    /// Components are known items and no kits, and what becomes a kit has no stock of its own.
    async fn must_make_a_kit(&self, sku: &str, components: &[Component], owned: bool) -> Result<(), Error> {
        let not = |why: String| Err(Error::NotAKit { sku: sku.to_owned(), why });
        let items = self.items(components.iter().map(|component| component.sku.clone()).collect()).await?;
        for component in components {
            match items.get(&component.sku) {
                None if owned => return Err(Error::UnknownItem(component.sku.clone())),
                Some(item) if item.is_kit() => {
                    return not(format!("{} is a kit itself; name what it is made of", item.sku));
                }
                None | Some(_) => {}
            }
        }
        for location in self.catalogue().await?.codes() {
            let row = self.store.read::<Stock>(&stock_id(&location, sku)).await?.map(|found| found.doc);
            if row.is_some_and(|row| row.on_hand != 0 || row.reserved != 0 || !row.coming.is_empty()) {
                return not(format!(
                    "it has stock, promises or arrivals of its own at {location}; count it away first"
                ));
            }
        }
        Ok(())
    }

    /// Takes items over from their owner, and where their records lead.
    pub(crate) async fn put_items(&self, items: Vec<Item>) -> Result<(), Error> {
        stream::iter(items).map(|item| self.put_item(item)).buffer_unordered(SIDE_BY_SIDE).try_collect().await
    }

    /// Takes kits over from their owner, after everything they may be made of. One that cannot be a kit here stays an item
    /// without stock of its own, and says why.
    pub(crate) async fn put_kits(&self, kits: Vec<Item>) -> Result<(), Error> {
        let made: BTreeSet<String> = kits.iter().map(|kit| kit.sku.clone()).collect();
        for mut kit in kits {
            let nested = kit.components.iter().find(|part| made.contains(&part.sku));
            let checked = match nested {
                Some(part) => {
                    let why = format!("{} is a kit itself", part.sku);
                    Err(Error::NotAKit { sku: kit.sku.clone(), why })
                }
                None => self.must_make_a_kit(&kit.sku, &kit.components, true).await,
            };
            match checked {
                Ok(()) => {}
                Err(error @ (Error::NotAKit { .. } | Error::UnknownItem(_))) => {
                    tracing::warn!(sku = kit.sku, %error, "what the owner says of a kit cannot be taken over");
                    kit.components.clear();
                }
                Err(error) => return Err(error),
            }
            self.put_item(kit).await?;
        }
        Ok(())
    }

    /// Links items to records of another system. Answers the codes that no item has.
    pub(crate) async fn link(&self, links: BTreeMap<String, Vec<Ref>>) -> Result<Vec<String>, Error> {
        let linked = stream::iter(links).map(|(sku, records)| async move {
            let known = self.link_one(&sku, records).await?;
            Ok::<_, Error>((!known).then_some(sku))
        });
        let mut unmatched: Vec<String> =
            linked.buffer_unordered(SIDE_BY_SIDE).try_filter_map(|sku| async move { Ok(sku) }).try_collect().await?;
        unmatched.sort();
        Ok(unmatched)
    }

    /// Takes places over.
    pub(crate) async fn put_places(&self, places: Vec<Place>) -> Result<(), Error> {
        self.change(move |catalogue| places.iter().for_each(|place| catalogue.put_place(place))).await
    }

    /// Remembers the default location.
    pub(crate) async fn put_home(&self, location: &str) -> Result<(), Error> {
        let location = location.to_owned();
        self.change(move |catalogue| {
            catalogue.put_home(&location);
        })
        .await
    }

    /// Remembers that reading the owners ended well.
    pub(crate) async fn synced(&self, items: u64) -> Result<(), Error> {
        let now = self.clock.now().as_millisecond();
        self.change(move |catalogue| {
            catalogue.synced_at = now;
            catalogue.items = items;
        })
        .await
    }

    async fn change(&self, change: impl Fn(&mut Catalogue) + Send + 'static) -> Result<(), Error> {
        let rule = move |draft: &mut Draft<Catalogue>| {
            change(&mut draft.doc);
            Ok::<_, Error>(())
        };
        self.store.step(CATALOGUE, None, rule).await?;
        Ok(())
    }

    async fn resolve_one(&self, key: ItemKey) -> Result<Option<Item>, Error> {
        if let Some(record) = &key.record {
            let id = xref_id(&record.kind, &record.instance, &record.r#type, &record.id);
            if let Some(xref) = self.store.read::<Xref>(&id).await?
                && let Some(item) = self.item(&xref.doc.sku).await?
            {
                return Ok(Some(item));
            }
        }
        if key.sku.trim().is_empty() { Ok(None) } else { self.item(&key.sku).await }
    }

    async fn put_item(&self, read: Item) -> Result<(), Error> {
        let now = self.clock.now().as_millisecond();
        let (sku, records) = (read.sku.clone(), read.refs.clone());
        let known = self.item(&sku).await?.unwrap_or_default();
        // Unchanged and fresh items cost no commit.
        if known.clone().take_over(&read, now) {
            let rule = move |draft: &mut Draft<Item>| {
                draft.doc.take_over(&read, now);
                Ok::<_, Error>(())
            };
            self.store.step(&sku, None, rule).await?;
        }
        self.put_xrefs(&sku, &records).await
    }

    async fn link_one(&self, sku: &str, records: Vec<Ref>) -> Result<bool, Error> {
        let sku = code(sku);
        let Some(known) = self.item(&sku).await? else { return Ok(false) };
        if known.clone().link(&records) {
            let links = records.clone();
            let rule = move |draft: &mut Draft<Item>| {
                if draft.existed {
                    draft.doc.link(&links);
                }
                Ok::<_, Error>(())
            };
            self.store.step(&sku, None, rule).await?;
        }
        self.put_xrefs(&sku, &records).await?;
        Ok(true)
    }

    async fn put_xrefs(&self, sku: &str, records: &[Ref]) -> Result<(), Error> {
        for record in records {
            let id = xref_id(&record.kind, &record.instance, &record.r#type, &record.id);
            let known = self.store.read::<Xref>(&id).await?;
            if known.is_some_and(|xref| xref.doc.sku == sku) {
                continue;
            }
            let sku = sku.to_owned();
            let rule = move |draft: &mut Draft<Xref>| {
                draft.doc.sku.clone_from(&sku);
                Ok::<_, Error>(())
            };
            self.store.step(&id, None, rule).await?;
        }
        Ok(())
    }
}

/// The form in which codes are compared.
#[must_use]
pub(crate) fn code(sku: &str) -> String {
    sku.trim().to_uppercase()
}
