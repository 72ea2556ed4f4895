//! Items, locations and cross-references, as read from their owners. Plain data and pure merging.

use retail_proto::inventory::v1 as pb;
use retail_proto::timestamp;
use retail_proto::types::v1::Ref;

use crate::kit::Component;
use crate::render::quantity;
use crate::units::Unit;

/// The id of the only catalogue document.
pub(crate) const CATALOGUE: &str = "catalogue";
/// Unchanged items are written again after this, so that their freshness shows; milliseconds.
const FRESH_FOR: i64 = 3_600_000;

/// An item.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Item {
    /// Code, upper case.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// Text.
    #[prost(string, tag = "2")]
    pub description: String,
    /// True when stock is kept.
    #[prost(bool, tag = "3")]
    pub stocked: bool,
    /// Base price, decimal text; empty when unknown.
    #[prost(string, tag = "4")]
    pub unit_price: String,
    /// Base unit; empty when unknown.
    #[prost(string, tag = "5")]
    pub unit: String,
    /// True when it may not be sold any more.
    #[prost(bool, tag = "6")]
    pub inactive: bool,
    /// Its records in other systems.
    #[prost(message, repeated, tag = "7")]
    pub refs: Vec<Ref>,
    /// When its owner last confirmed it, milliseconds since 1970.
    #[prost(int64, tag = "8")]
    pub refreshed_at: i64,
    /// What one kit is made of; empty for an item that lies on a shelf itself. The owner's word, when it has one, else
    /// what was said here.
    #[prost(message, repeated, tag = "9")]
    pub components: Vec<Component>,
    /// Units beside the base unit. Said here, not by the owner.
    #[prost(message, repeated, tag = "10")]
    pub units: Vec<Unit>,
    /// The owner says what it is made of.
    #[prost(bool, tag = "11")]
    pub owners_kit: bool,
}

/// Another system's record of an item.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Xref {
    /// The item's code.
    #[prost(string, tag = "1")]
    pub sku: String,
}

/// A place that keeps stock.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Place {
    /// Code.
    #[prost(string, tag = "1")]
    pub code: String,
    /// Name for people.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Its records in other systems.
    #[prost(message, repeated, tag = "3")]
    pub refs: Vec<Ref>,
}

/// What is known of places, and when the owners were last read.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Catalogue {
    /// Places, by code.
    #[prost(message, repeated, tag = "1")]
    pub places: Vec<Place>,
    /// Every location that ever was the default: reservations are looked for there first.
    #[prost(string, repeated, tag = "2")]
    pub homes: Vec<String>,
    /// When reading the owners last ended well, milliseconds since 1970; 0 is never.
    #[prost(int64, tag = "3")]
    pub synced_at: i64,
    /// Items that were read then.
    #[prost(uint64, tag = "4")]
    pub items: u64,
}

impl Item {
    /// True when it is made of others and has no stock of its own.
    #[must_use]
    pub(crate) fn is_kit(&self) -> bool {
        !self.components.is_empty()
    }

    /// Takes the owner's words over; true when that is worth writing.
    pub(crate) fn take_over(&mut self, read: &Self, now: i64) -> bool {
        let before = self.clone();
        let mut refs = read.refs.clone();
        let replaced = |known: &Ref| read.refs.iter().any(|new| same_slot(new, known));
        refs.extend(self.refs.iter().filter(|known| !replaced(known)).cloned());
        let Self { refreshed_at, units, .. } = before.clone();
        // What was said here stands until the owner has a word of its own, and ends with it.
        let owners_kit = read.is_kit();
        let components = if owners_kit {
            read.components.clone()
        } else if before.owners_kit {
            vec![]
        } else {
            before.components.clone()
        };
        *self = Self { refs, refreshed_at, components, units, owners_kit, ..read.clone() };
        let changed = *self != before;
        let old = now.saturating_sub(before.refreshed_at) > FRESH_FOR;
        if changed || old {
            self.refreshed_at = now;
        }
        changed || old
    }

    /// Adds or replaces records of other systems; true when that changed anything.
    pub(crate) fn link(&mut self, links: &[Ref]) -> bool {
        let mut changed = false;
        for link in links {
            match self.refs.iter_mut().find(|known| same_slot(known, link)) {
                Some(known) if known == link => {}
                Some(known) => {
                    known.clone_from(link);
                    changed = true;
                }
                None => {
                    self.refs.push(link.clone());
                    changed = true;
                }
            }
        }
        changed
    }
}

/// An item has one record of a type in a system.
fn same_slot(a: &Ref, b: &Ref) -> bool {
    a.kind == b.kind && a.instance == b.instance && a.r#type == b.r#type
}

impl Catalogue {
    /// The place with a code.
    #[must_use]
    pub(crate) fn place(&self, code: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.code == code)
    }

    /// Codes of all places that may have stock: read ones and every home.
    #[must_use]
    pub(crate) fn codes(&self) -> Vec<String> {
        let mut codes: Vec<String> = self.places.iter().map(|place| place.code.clone()).collect();
        codes.extend(self.homes.iter().filter(|home| self.place(home).is_none()).cloned());
        codes
    }

    /// Adds a place or takes its new name and records over; a place that vanished at its owner stays, with its stock.
    pub(crate) fn put_place(&mut self, place: &Place) {
        match self.places.iter_mut().find(|known| known.code == place.code) {
            Some(known) => {
                place.name.clone_into(&mut known.name);
                for new in &place.refs {
                    known.refs.retain(|old| !same_slot(old, new));
                    known.refs.push(new.clone());
                }
            }
            None => self.places.push(place.clone()),
        }
    }

    /// Remembers a default location; true when it is new.
    pub(crate) fn put_home(&mut self, code: &str) -> bool {
        let new = !self.homes.iter().any(|home| home == code);
        if new {
            self.homes.push(code.to_owned());
        }
        new
    }
}

impl From<Item> for pb::Item {
    fn from(item: Item) -> Self {
        Self {
            sku: item.sku,
            description: item.description,
            stocked: item.stocked,
            unit_price: item.unit_price,
            unit: item.unit,
            inactive: item.inactive,
            refs: item.refs,
            refreshed_at: Some(timestamp(item.refreshed_at)),
            components: item.components.iter().map(Into::into).collect(),
            units: item.units.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Component> for pb::Component {
    fn from(component: &Component) -> Self {
        Self { sku: component.sku.clone(), quantity: quantity(component.quantity) }
    }
}

impl From<&Unit> for pb::Unit {
    fn from(unit: &Unit) -> Self {
        Self { code: unit.code.clone(), base: quantity(unit.base), per: quantity(unit.per) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, record: &str, id: &str) -> Ref {
        let (kind, instance) = (kind.to_owned(), "one".to_owned());
        Ref { kind, instance, r#type: record.into(), id: id.into(), number: String::new() }
    }

    #[test]
    fn the_owners_words_never_unlink_the_shop() {
        let mut item = Item { sku: "A".into(), refreshed_at: 1, ..Item::default() };
        item.link(&[record("commerce", "variant", "7")]);
        let read = Item { sku: "A".into(), refs: vec![record("erp", "inventoryItem", "12")], ..Item::default() };
        assert!(item.take_over(&read, 5));
        assert_eq!(item.refs.len(), 2);
        assert!(!item.take_over(&read, 6), "nothing new, and fresh enough");
    }

    #[test]
    fn the_owners_words_leave_what_a_kit_is_made_of() {
        let components = vec![Component { sku: "B".into(), quantity: 1 }];
        let mut item = Item { sku: "A".into(), components: components.clone(), ..Item::default() };
        item.take_over(&Item { sku: "A".into(), description: "a set".into(), ..Item::default() }, 5);
        assert_eq!((item.components, item.description.as_str()), (components, "a set"));
    }

    #[test]
    fn the_owners_kit_replaces_what_was_said_here_and_ends_with_it() {
        let part = |sku: &str| vec![Component { sku: sku.into(), quantity: 1 }];
        let mut item = Item { sku: "A".into(), components: part("B"), ..Item::default() };
        let read = Item { sku: "A".into(), components: part("C"), ..Item::default() };
        assert!(item.take_over(&read, 5));
        assert_eq!((item.components.clone(), item.owners_kit), (part("C"), true));
        item.take_over(&Item { sku: "A".into(), ..Item::default() }, 6);
        assert!(!item.is_kit());
    }

    #[test]
    fn a_new_id_of_the_same_record_replaces_the_old_one() {
        let mut item = Item::default();
        assert!(item.link(&[record("commerce", "variant", "7")]));
        assert!(item.link(&[record("commerce", "variant", "8")]));
        assert!(!item.link(&[record("commerce", "variant", "8")]));
        assert_eq!(item.refs, [record("commerce", "variant", "8")]);
    }

    #[test]
    fn a_home_that_no_owner_lists_is_still_a_place() {
        let mut catalogue = Catalogue::default();
        catalogue.put_place(&Place { code: "A".into(), ..Place::default() });
        assert!(catalogue.put_home("MAIN"));
        assert!(!catalogue.put_home("MAIN"));
        assert_eq!(catalogue.codes(), ["A", "MAIN"]);
    }
}
