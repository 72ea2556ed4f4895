//! Sourcing as it is configured: what is known of places, where the zones lie, and the policies. Data, and which of it
//! counts for an order. Pure.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;
use retail_proto::types::v1::Address;
use retail_runtime::Timestamp;
use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, ShipDay, minute_of_day};
use crate::shop_policy::ShopEdits;

/// More places than any policy needs; every one is looked at for every order.
const MOST_PLACES: usize = 50;
/// Parcels beyond which no retailer splits an order.
const MOST_SPLIT: usize = 3;
/// The policy of orders that no other policy fits.
const DEFAULT: &str = "default";

/// Which place fulfils an order. Without this section inventory's default location fulfils every line that names none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sourcing {
    /// Places, by location code.
    pub places: BTreeMap<String, Place>,
    /// Zones that addresses lie in, by name.
    pub zones: BTreeMap<String, Zone>,
    /// Policies, by name. An order's policy is the first, in the order of their names, that names its brand and its
    /// market; then one that names its brand and no market; then its market and no brand; then the one called
    /// `default`. Without one it is not sourced.
    pub policies: BTreeMap<String, Policy>,
    /// Edits between us and the shops of channels, by instance name.
    pub channels: BTreeMap<String, ShopEdits>,
}

/// What is known of a place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    /// Time zone of its day, IANA name.
    pub time_zone: String,
    /// Time of its day, `HH:MM`, from which an order ships on the next day; empty for none.
    pub cut_off: String,
    /// The days on which it works; every day unless this says otherwise.
    pub calendar: Calendar,
    /// Orders it can take a day; absent for any number. Counted when stock is promised, so that orders that are sourced
    /// at the same moment may exceed it by their number.
    pub orders_per_day: Option<u32>,
    /// Of each item so many are kept back, decimal: when it is looked at and when it promises.
    pub safety_stock: String,
    /// Cost of a parcel to a zone that `zones` does not name, in any unit that all places share.
    pub cost: i64,
    /// Kilometres to a zone that `zones` does not name.
    pub distance_km: u32,
    /// Cost and distance by zone.
    pub zones: BTreeMap<String, Reach>,
    /// True when it ships to the zones of `zones` alone.
    pub only_zones: bool,
}

/// What a parcel to a zone takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Cost of a parcel, in any unit that all places share.
    #[serde(default)]
    pub cost: i64,
    /// Kilometres.
    #[serde(default)]
    pub distance_km: u32,
}

/// Where a zone lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Beginnings of postal codes, without spaces; empty for the whole country. The longest that fits decides.
    #[serde(default)]
    pub postal_prefixes: Vec<String>,
}

/// What makes one place better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Ships sooner.
    ShipDay,
    /// Costs less.
    Cost,
    /// Is nearer.
    Distance,
}

/// What follows when stock does not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortage {
    /// The order is refused. One that is sold already never is: it waits for stock.
    Refuse,
    /// What lacks waits for stock.
    Backorder,
}

/// How a place is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version, for people: it is kept with each decision. Change it whenever the policy changes.
    pub version: String,
    /// Brands it is for; empty for all.
    #[serde(default)]
    pub brands: Vec<String>,
    /// Markets it is for; empty for all.
    #[serde(default)]
    pub markets: Vec<String>,
    /// Location codes of the places it chooses from. Places that are alike by `prefer` are taken in this order.
    pub places: Vec<String>,
    /// What makes a place better, the most important first.
    #[serde(default = "default_prefer")]
    pub prefer: Vec<Criterion>,
    /// Over how many places an order may be split; 1 is never.
    #[serde(default = "one")]
    pub split_limit: usize,
    /// May the quantity of one line be split over places, when nothing else gets everything shipped? Whole pieces only.
    #[serde(default)]
    pub split_lines: bool,
    /// Over how many places one line may be split; absent for as many as the order.
    #[serde(default)]
    pub line_split_limit: Option<usize>,
    /// The fewest pieces of a split line that a place is asked for.
    #[serde(default = "one_piece")]
    pub least_pieces: u32,
    /// What the parcels of an order with a split line may cost together, in the unit of the places; absent for any amount.
    #[serde(default)]
    pub split_cost: Option<i64>,
    /// What follows when stock does not suffice.
    #[serde(default = "refuse")]
    pub shortage: Shortage,
    /// What becomes of a pickup that its store cannot fulfil.
    #[serde(default)]
    pub rejected_pickup: RejectedPickup,
    /// What becomes of lines that the ERP has no stock for at their place.
    #[serde(default)]
    pub on_backorder: OnBackorder,
    /// How long a store keeps what is ready for pickup; absent for the usual time.
    #[serde(default)]
    pub pickup: Option<Span>,
    /// The place where what lacks waits for stock; empty for the first of `places`.
    #[serde(default)]
    pub backorder_at: String,
}

/// What becomes of a pickup that its store cannot fulfil.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectedPickup {
    /// A person asks the customer.
    #[default]
    Wait,
    /// It is shipped from another place, when the order has a shipping address.
    Ship,
}

/// What becomes of lines that the ERP has no stock for at their place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBackorder {
    /// They wait for stock there.
    #[default]
    Wait,
    /// Another place that has them ships them, when there is one.
    Reroute,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            cut_off: String::new(),
            calendar: Calendar::default(),
            orders_per_day: None,
            safety_stock: "0".to_owned(),
            cost: 0,
            distance_km: 0,
            zones: BTreeMap::new(),
            only_zones: false,
        }
    }
}

fn default_prefer() -> Vec<Criterion> {
    vec![Criterion::ShipDay, Criterion::Cost, Criterion::Distance]
}

fn one() -> usize {
    1
}

fn one_piece() -> u32 {
    1
}

fn refuse() -> Shortage {
    Shortage::Refuse
}

impl Sourcing {
    /// What cannot be used, one sentence each; none when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (code, place) in &self.places {
            let at = format!("orders.sourcing.places.{code}");
            if Timestamp::UNIX_EPOCH.in_tz(&place.time_zone).is_err() {
                problems.push(format!("{at}.time_zone: {:?} is no IANA time zone", place.time_zone));
            }
            if !place.cut_off.is_empty() && minute_of_day(&place.cut_off).is_none() {
                problems.push(format!("{at}.cut_off: {:?} is no time of day; write HH:MM", place.cut_off));
            }
            problems.extend(place.calendar.problems(&format!("{at}.calendar")));
            if !place.safety_stock.parse::<Quantity>().is_ok_and(|kept| kept.millionths() >= 0) {
                problems.push(format!("{at}.safety_stock: {:?} is no quantity", place.safety_stock));
            }
            for zone in place.zones.keys().filter(|zone| !self.zones.contains_key(*zone)) {
                problems.push(format!("{at}.zones: no zone {zone:?}; add orders.sourcing.zones.{zone}"));
            }
        }
        for (name, policy) in &self.policies {
            problems.extend(self.problems_of(name, policy));
        }
        problems
    }

    fn problems_of(&self, name: &str, policy: &Policy) -> Vec<String> {
        let at = format!("orders.sourcing.policies.{name}");
        let mut problems = Vec::new();
        if policy.version.is_empty() {
            problems.push(format!("{at}.version: give one; it is kept with each decision"));
        }
        if policy.places.is_empty() || policy.places.len() > MOST_PLACES {
            problems.push(format!("{at}.places: name 1 to {MOST_PLACES} places"));
        }
        if policy.places.iter().collect::<BTreeSet<_>>().len() < policy.places.len() {
            problems.push(format!("{at}.places: a place is named twice"));
        }
        for place in policy.places.iter().filter(|place| !self.places.contains_key(*place)) {
            problems.push(format!("{at}.places: no place {place:?}; add orders.sourcing.places.{place}"));
        }
        if !(1..=MOST_SPLIT).contains(&policy.split_limit) {
            problems.push(format!("{at}.split_limit: give 1 to {MOST_SPLIT}"));
        }
        problems.extend(policy.problems_of_parts(&at));
        if !policy.backorder_at.is_empty() && !policy.places.contains(&policy.backorder_at) {
            problems.push(format!("{at}.backorder_at: {:?} is not among its places", policy.backorder_at));
        }
        let for_all = policy.brands.is_empty() && policy.markets.is_empty();
        if for_all && name != DEFAULT {
            problems.push(format!("{at}: names neither brands nor markets and is never used; call it {DEFAULT}"));
        }
        problems
    }

    /// The policy of an order of a brand and a market.
    #[must_use]
    pub(crate) fn policy(&self, brand: &str, market: &str) -> Option<(&str, &Policy)> {
        let names = |list: &[String], word: &str| list.iter().any(|one| one == word);
        let first = |fits: &dyn Fn(&Policy) -> bool| self.policies.iter().find(|(_, policy)| fits(policy));
        let found = first(&|policy| names(&policy.brands, brand) && names(&policy.markets, market))
            .or_else(|| first(&|policy| names(&policy.brands, brand) && policy.markets.is_empty()))
            .or_else(|| first(&|policy| policy.brands.is_empty() && names(&policy.markets, market)))
            .or_else(|| self.policies.get_key_value(DEFAULT));
        found.map(|(name, policy)| (name.as_str(), policy))
    }

    /// The zone that an address lies in, empty when none does: the one whose beginning of the postal code is longest.
    #[must_use]
    pub(crate) fn zone(&self, address: Option<&Address>) -> &str {
        let Some(address) = address else { return "" };
        let postal: String = address.postal_code.chars().filter(|letter| !letter.is_whitespace()).collect();
        let postal = postal.to_uppercase();
        let fits = |zone: &Zone| {
            if !zone.country.eq_ignore_ascii_case(&address.country_code) {
                return None;
            }
            if zone.postal_prefixes.is_empty() {
                return Some(0);
            }
            let fitting = zone.postal_prefixes.iter().filter(|prefix| postal.starts_with(&prefix.to_uppercase()));
            fitting.map(|prefix| prefix.len()).max()
        };
        let found = self.zones.iter().filter_map(|(name, zone)| Some((fits(zone)?, name)));
        // Of zones that fit alike the first by name: the same every time.
        let best = found.max_by(|(one, first), (other, second)| one.cmp(other).then_with(|| second.cmp(first)));
        best.map_or("", |(_, name)| name)
    }
}

impl Place {
    /// What a parcel to a zone takes; none when the place does not ship there.
    #[must_use]
    pub(crate) fn reach(&self, zone: &str) -> Option<Reach> {
        let elsewhere = Reach { cost: self.cost, distance_km: self.distance_km };
        self.zones.get(zone).copied().or_else(|| (!self.only_zones).then_some(elsewhere))
    }

    /// Kept back of each item, millionths.
    #[must_use]
    pub(crate) fn kept_back(&self) -> i64 {
        self.safety_stock.parse::<Quantity>().map_or(0, Quantity::millionths)
    }

    /// The day an order of now ships, and why that is not today.
    #[must_use]
    pub(crate) fn ship_day(&self, now: Timestamp) -> ShipDay {
        self.calendar.ship_day(now, &self.time_zone, &self.cut_off)
    }
}

impl Policy {
    /// What cannot be used of how lines are split.
    fn problems_of_parts(&self, at: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if self.split_lines && self.split_limit < 2 {
            problems.push(format!("{at}.split_lines: needs a split_limit of 2 or more; a part is a parcel of its own"));
        }
        let limit =
            self.line_split_limit.filter(|limit| self.split_limit >= 2 && !(2..=self.split_limit).contains(limit));
        if limit.is_some() {
            problems.push(format!("{at}.line_split_limit: give 2 to {}, the split_limit", self.split_limit));
        }
        if self.least_pieces == 0 {
            problems.push(format!("{at}.least_pieces: give 1 or more"));
        }
        if self.split_cost.is_some_and(i64::is_negative) {
            problems.push(format!("{at}.split_cost: give 0 or more, or leave it out"));
        }
        let given = [
            ("line_split_limit", self.line_split_limit.is_some()),
            ("least_pieces", self.least_pieces > 1),
            ("split_cost", self.split_cost.is_some()),
        ];
        let idle = given.into_iter().filter(|(_, given)| *given && !self.split_lines);
        problems.extend(idle.map(|(name, _)| format!("{at}.{name}: says nothing without split_lines = true")));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [places.MAIN]
        [places.SOHO]
        time_zone = "Europe/London"
        cut_off = "16:00"
        orders_per_day = 20
        safety_stock = "2"
        only_zones = true
        zones.london = { cost = 350, distance_km = 5 }
        [zones.gb]
        country = "GB"
        [zones.london]
        country = "GB"
        postal_prefixes = ["E", "EC", "W1"]
        [policies.default]
        version = "2024-03"
        places = ["MAIN"]
        [policies.acme]
        version = "7"
        brands = ["acme"]
        places = ["SOHO", "MAIN"]
        [policies.acme-fr]
        version = "1"
        brands = ["acme"]
        markets = ["FR"]
        places = ["MAIN"]
        [policies.de]
        version = "1"
        markets = ["DE"]
        places = ["MAIN"]
    "#;

    fn sourcing() -> Sourcing {
        retail_runtime::config::load(TEXT, None, "NO_SUCH_PREFIX_").unwrap()
    }

    fn at(country: &str, postal: &str) -> Address {
        Address { country_code: country.into(), postal_code: postal.into(), ..Address::default() }
    }

    #[test]
    fn the_most_specific_policy_counts() {
        let sourcing = sourcing();
        let name = |brand, market| sourcing.policy(brand, market).unwrap().0;
        assert_eq!(name("acme", "FR"), "acme-fr");
        assert_eq!(name("acme", "DE"), "acme", "the brand goes before the market");
        assert_eq!(name("other", "DE"), "de");
        assert_eq!(name("other", "GB"), "default");
        assert!(Sourcing::default().policy("acme", "GB").is_none());
    }

    #[test]
    fn the_longest_beginning_of_a_postal_code_decides_the_zone() {
        let sourcing = sourcing();
        assert_eq!(sourcing.zone(Some(&at("GB", "ec1a 1bb"))), "london");
        assert_eq!(sourcing.zone(Some(&at("GB", "M1 1AA"))), "gb");
        assert_eq!(sourcing.zone(Some(&at("FR", "75001"))), "");
        assert_eq!(sourcing.zone(None), "");
    }

    #[test]
    fn a_place_that_ships_to_its_zones_alone_does_not_reach_others() {
        let soho = &sourcing().places["SOHO"];
        assert_eq!(soho.reach("london"), Some(Reach { cost: 350, distance_km: 5 }));
        assert_eq!(soho.reach("gb"), None);
        assert_eq!(Place::default().reach("gb"), Some(Reach { cost: 0, distance_km: 0 }));
    }

    #[test]
    fn from_the_cut_off_on_an_order_ships_on_the_next_day_of_the_place() {
        let soho = &sourcing().places["SOHO"];
        let day = |at: &str| soho.ship_day(at.parse().unwrap()).day;
        // Summer time: four in the afternoon in London is 15:00 UTC.
        assert_eq!(day("2024-07-01T14:59:00Z"), "2024-07-01");
        assert_eq!(day("2024-07-01T15:00:00Z"), "2024-07-02");
        assert_eq!(day("2024-12-31T16:00:00Z"), "2025-01-01");
    }

    #[test]
    fn everything_that_cannot_be_used_is_named() {
        assert_eq!(sourcing().problems(), Vec::<String>::new());
        let mut wrong = sourcing();
        let soho = wrong.places.get_mut("SOHO").unwrap();
        soho.cut_off = "26:00".into();
        soho.time_zone = "Europe/Londinium".into();
        soho.zones.insert("moon".into(), Reach { cost: 0, distance_km: 384_400 });
        let acme = wrong.policies.get_mut("acme").unwrap();
        acme.places = vec!["SOHO".into(), "NOWHERE".into(), "SOHO".into()];
        acme.split_limit = 0;
        acme.backorder_at = "MAIN".into();
        acme.brands.clear();
        let problems = wrong.problems();
        for word in
            ["Londinium", "26:00", "moon", "named twice", "NOWHERE", "split_limit", "backorder_at", "never used"]
        {
            assert!(problems.iter().any(|problem| problem.contains(word)), "{word}: {problems:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_of_how_lines_are_split_is_named() {
        let mut wrong = sourcing();
        let acme = wrong.policies.get_mut("acme").unwrap();
        (acme.split_lines, acme.least_pieces, acme.split_cost) = (true, 0, Some(-1));
        let other = wrong.policies.get_mut("de").unwrap();
        (other.split_limit, other.line_split_limit) = (2, Some(3));
        insta::assert_snapshot!(wrong.problems().join("\n"), @r"
        orders.sourcing.policies.acme.split_lines: needs a split_limit of 2 or more; a part is a parcel of its own
        orders.sourcing.policies.acme.least_pieces: give 1 or more
        orders.sourcing.policies.acme.split_cost: give 0 or more, or leave it out
        orders.sourcing.policies.de.line_split_limit: give 2 to 2, the split_limit
        orders.sourcing.policies.de.line_split_limit: says nothing without split_lines = true
        ");
    }

    #[test]
    fn a_key_that_no_policy_has_is_named_with_those_that_there_are() {
        for key in ["split_limits", "split_pickups", "split_backorders"] {
            let text = format!("[policies.default]\nversion = \"1\"\nplaces = [\"MAIN\"]\n{key} = 2");
            let wrong = retail_runtime::config::load::<Sourcing>(&text, None, "NO_SUCH_PREFIX_");
            let told = wrong.unwrap_err().to_string();
            assert!(told.contains(key) && told.contains("split_lines"), "{told}");
        }
    }
}
