//! Which places fulfil an order, and why each candidate does or does not. Pure: stock, numbers and the day come in.
//!
//! A line ships from one place, unless nothing else helps and the policy lets it be split (`parts.rs`). The fewest places
//! that have everything win; of as many places, those that the policy ranks first. What has been given to a line is gone
//! for the next one of the same item.

mod parts;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;

pub(crate) use self::parts::Parts;
use crate::decision::{Assigned, Considered, Decision, Lack, Outcome, Verdict};
use crate::policy::{Criterion, Reach};

/// Lacking items that are told of a candidate.
const MOST_LACKS: usize = 5;

/// A goods line that needs a place. Millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Number of the order line.
    pub number: i32,
    /// Item code.
    pub sku: String,
    /// How much.
    pub quantity: i64,
    /// The place the order names itself; empty for none.
    pub location: String,
}

/// A place that may fulfil it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Location code.
    pub location: String,
    /// What may be sold there by item, millionths.
    pub available: BTreeMap<String, i64>,
    /// Kept back of each item as safety stock, millionths.
    pub kept_back: i64,
    /// What a parcel to the destination takes; none when it does not ship there.
    pub reach: Option<Reach>,
    /// Day it would ship; empty when it works on none of the days that are looked at.
    pub ship_day: String,
    /// Why it does not ship today, for people; empty when it does.
    pub delayed: String,
    /// Orders it has for that day, and how many it can take.
    pub taken: Option<(u32, u32)>,
    /// Lines of the order were taken away from it before.
    pub rejected: bool,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Name of the policy.
    pub policy: String,
    /// Its version.
    pub version: String,
    /// What makes a place better.
    pub prefer: Vec<Criterion>,
    /// Over how many places the order may be split.
    pub split_limit: usize,
    /// How a line may be split over places; none when it may not.
    pub parts: Option<Parts>,
    /// Where what lacks waits for stock; none when the order is refused then.
    pub backorder_at: Option<String>,
    /// Zone of the destination; empty when no zone fits.
    pub zone: String,
}

/// Decides. Candidates come in the policy's order; the same input gives the same decision.
pub(crate) fn decide(wanted: &[Wanted], candidates: &[Candidate], terms: &Terms, at: i64) -> Decision {
    let table = Table::new(wanted, candidates, terms);
    let waiting = || terms.backorder_at.as_ref().map(|home| table.what_is_there(home));
    let mut lines = table.everything().or_else(|| table.in_parts()).or_else(waiting).unwrap_or_default();
    let places: BTreeSet<&str> = lines.iter().map(|line| line.location.as_str()).collect();
    let outcome = match places.len() {
        0 => Outcome::Refused,
        _ if lines.iter().any(|line| line.backordered > 0) => Outcome::Backorder,
        1 => Outcome::Whole,
        _ => Outcome::Split,
    };
    // What waits for stock is promised whatever there is, so that nothing could be kept back beside it.
    for line in lines.iter_mut().filter(|line| !line.named && outcome != Outcome::Backorder) {
        line.kept_back = candidates.iter().find(|one| one.location == line.location).map_or(0, |one| one.kept_back);
    }
    let candidates: Vec<Considered> = candidates.iter().map(|one| table.considered(one, &lines)).collect();
    Decision {
        policy: terms.policy.clone(),
        version: terms.version.clone(),
        outcome: i32::from(outcome),
        why: why(outcome, &lines, &candidates, terms),
        lines,
        candidates,
        zone: terms.zone.clone(),
        at,
        may_wait: terms.backorder_at.is_some(),
    }
}

/// The decision of a person who names the place of every line.
pub(crate) fn named(wanted: &[Wanted], who: &str, at: i64) -> Decision {
    let lines: Vec<Assigned> = wanted.iter().map(|line| assigned(line, &line.location, 0, true)).collect();
    let place = wanted.first().map(|line| line.location.clone()).unwrap_or_default();
    Decision {
        outcome: i32::from(if lines.is_empty() { Outcome::Refused } else { Outcome::Whole }),
        why: format!("{who} chose {place}"),
        lines,
        at,
        ..Decision::default()
    }
}

/// A place with what is left there, by item, millionths.
type Shelf<'a> = (&'a Candidate, BTreeMap<&'a str, i64>);

/// What there is to choose from.
struct Table<'a> {
    terms: &'a Terms,
    /// Lines whose place is to be found, the largest first: what is hard to place is placed first.
    free: Vec<&'a Wanted>,
    /// Lines whose place the order names.
    named: Vec<&'a Wanted>,
    /// Places that may be chosen, best first, with what is left there after the named lines.
    ranked: Vec<Shelf<'a>>,
    /// For each of them, whether it has each of the free lines: a split is looked for over many sets of places.
    has: Vec<Vec<bool>>,
}

impl<'a> Table<'a> {
    fn new(wanted: &'a [Wanted], candidates: &'a [Candidate], terms: &'a Terms) -> Self {
        let (mut free, named): (Vec<_>, Vec<_>) = wanted.iter().partition(|line| line.location.is_empty());
        free.sort_by(|one, other| other.quantity.cmp(&one.quantity).then(one.number.cmp(&other.number)));
        let mut ranked: Vec<&Candidate> = candidates.iter().filter(|one| one.can_ship() && !one.rejected).collect();
        // The sort is stable: places that are alike stay in the policy's order.
        ranked.sort_by(|one, other| better(one, other, &terms.prefer).0);
        let ranked: Vec<_> = ranked.into_iter().map(|one| (one, left_at(one, &named))).collect();
        let row =
            |left: &BTreeMap<&str, i64>| free.iter().map(|line| left_of(left, &line.sku) >= line.quantity).collect();
        let has = ranked.iter().map(|(_, left)| row(left)).collect();
        Self { terms, free, named, ranked, has }
    }

    /// A place for every line over as few places as possible; none when the policy's limit does not suffice.
    fn everything(&self) -> Option<Vec<Assigned>> {
        let nowhere = |line: usize| !(0..self.ranked.len()).any(|place| self.has(place, line));
        if (0..self.free.len()).any(nowhere) {
            return None;
        }
        let most = self.terms.split_limit.min(self.ranked.len());
        (1..=most).find_map(|size| self.search(size, 0, &mut Vec::with_capacity(size)))
    }

    /// The first set of so many places, in the order of their ranks, that has everything.
    fn search(&self, size: usize, from: usize, chosen: &mut Vec<usize>) -> Option<Vec<Assigned>> {
        if chosen.len() == size {
            let all = (0..self.free.len()).all(|line| chosen.iter().any(|place| self.has(*place, line)));
            return if all { self.assign(chosen) } else { None };
        }
        let last = chosen.len().saturating_add(1) == size;
        let open = (0..self.free.len()).find(|line| !chosen.iter().any(|place| self.has(*place, *line)));
        for place in from..self.ranked.len() {
            // The last place must have what the others have not.
            if last && open.is_some_and(|line| !self.has(place, line)) {
                continue;
            }
            chosen.push(place);
            let found =
                if self.fits_the_limit(chosen) { self.search(size, place.saturating_add(1), chosen) } else { None };
            chosen.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Places that the order names count as well, but never more than it names already.
    fn fits_the_limit(&self, chosen: &[usize]) -> bool {
        let named: BTreeSet<&str> = self.named.iter().map(|line| line.location.as_str()).collect();
        let chosen = chosen.iter().filter_map(|place| self.ranked.get(*place)).map(|(one, _)| one.location.as_str());
        let all: BTreeSet<&str> = named.iter().copied().chain(chosen).collect();
        all.len() <= self.terms.split_limit.max(named.len())
    }

    fn has(&self, place: usize, line: usize) -> bool {
        self.has.get(place).and_then(|row| row.get(line)).copied().unwrap_or_default()
    }

    /// Gives every line to the first of these places that has it; none when a line is left.
    fn assign(&self, chosen: &[usize]) -> Option<Vec<Assigned>> {
        let (mut given, open) = self.give(chosen);
        if !open.is_empty() {
            return None;
        }
        given.extend(self.named.iter().map(|line| assigned(line, &line.location, 0, true)));
        given.sort_by_key(|line| line.number);
        Some(given)
    }

    /// Gives what can be given; answers it and the lines that are left.
    fn give(&self, chosen: &[usize]) -> (Vec<Assigned>, Vec<&'a Wanted>) {
        self.give_from(&mut self.shelves(chosen))
    }

    /// What is there at some places, best first.
    fn shelves(&self, chosen: &[usize]) -> Vec<Shelf<'a>> {
        chosen.iter().filter_map(|place| self.ranked.get(*place)).cloned().collect()
    }

    /// The same, from these shelves, which have less after that.
    fn give_from(&self, shelves: &mut [Shelf<'a>]) -> (Vec<Assigned>, Vec<&'a Wanted>) {
        let (mut given, mut open) = (Vec::new(), Vec::new());
        for line in &self.free {
            let shelf = shelves.iter_mut().find(|(_, left)| left_of(left, &line.sku) >= line.quantity);
            let Some((place, left)) = shelf else {
                open.push(*line);
                continue;
            };
            left.entry(&line.sku).and_modify(|left| *left = left.saturating_sub(line.quantity));
            given.push(assigned(line, &place.location, 0, false));
        }
        (given, open)
    }

    /// What is there ships from its places, within the limit; what lacks waits at `home`, which is one of them.
    fn what_is_there(&self, home: &str) -> Vec<Assigned> {
        let mut chosen: Vec<usize> = Vec::new();
        chosen.extend(self.ranked.iter().position(|(one, _)| one.location == home));
        // The waiting parcel counts although its place may not be one that could be chosen.
        let mut most = self.terms.split_limit.saturating_sub(usize::from(chosen.is_empty()));
        let named: BTreeSet<&str> = self.named.iter().map(|line| line.location.as_str()).collect();
        most = most.saturating_sub(named.iter().filter(|place| **place != home).count());
        while chosen.len() < most {
            let now = self.give(&chosen).0.len();
            let gain = |place: usize| {
                let mut with = chosen.clone();
                with.push(place);
                with.sort_unstable();
                (self.give(&with).0.len(), with)
            };
            let others = (0..self.ranked.len()).filter(|place| !chosen.contains(place)).map(gain);
            // Of places that bring as much the one that is ranked first.
            match others.reduce(|best, next| if next.0 > best.0 { next } else { best }) {
                Some((lines, with)) if lines > now => chosen = with,
                Some(_) | None => break,
            }
        }
        let (mut given, open) = self.give(&chosen);
        let mut at_home = self.left_at_home(home, &given);
        for line in open {
            let left = at_home.entry(line.sku.as_str()).or_default();
            let there = line.quantity.min(*left).max(0);
            *left = left.saturating_sub(there);
            given.push(assigned(line, home, line.quantity.saturating_sub(there), false));
        }
        given.extend(self.named.iter().map(|line| assigned(line, &line.location, 0, true)));
        given.sort_by_key(|line| line.number);
        given
    }

    fn left_at_home(&self, home: &str, given: &[Assigned]) -> BTreeMap<&'a str, i64> {
        let found = self.ranked.iter().find(|(one, _)| one.location == home);
        let mut left = found.map(|(_, left)| left.clone()).unwrap_or_default();
        for line in
            self.free.iter().filter(|line| given.iter().any(|one| one.number == line.number && one.location == home))
        {
            left.entry(&line.sku).and_modify(|left| *left = left.saturating_sub(line.quantity));
        }
        left
    }

    /// What is told of a candidate.
    fn considered(&self, one: &Candidate, lines: &[Assigned]) -> Considered {
        let left = left_at(one, &self.named);
        let has = |line: &&&Wanted| left_of(&left, &line.sku) >= line.quantity;
        let lines_in_stock = self.free.iter().filter(has).count();
        let lacks = self.lacks(one, &left);
        let verdict = if lines.iter().any(|line| line.location == one.location) {
            Verdict::Chosen
        } else if one.rejected {
            Verdict::Rejected
        } else if one.reach.is_none() {
            Verdict::OutOfReach
        } else if one.ship_day.is_empty() {
            Verdict::Closed
        } else if !one.has_room() {
            Verdict::AtCapacity
        } else if lacks.is_empty() {
            Verdict::Outranked
        } else {
            Verdict::LacksStock
        };
        let reach = one.reach.unwrap_or(Reach { cost: 0, distance_km: 0 });
        Considered {
            location: one.location.clone(),
            verdict: i32::from(verdict),
            why: self.told(one, verdict, lines_in_stock, &lacks, lines),
            lines_in_stock: u32::try_from(lines_in_stock).unwrap_or(u32::MAX),
            lacks,
            cost: reach.cost,
            distance_km: reach.distance_km,
            ship_day: one.ship_day.clone(),
            orders_taken: one.taken.map(|(taken, _)| taken),
            orders_per_day: one.taken.map(|(_, most)| most),
        }
    }

    /// What a place lacks to ship everything, summed by item: two lines of one item need both.
    fn lacks(&self, one: &Candidate, left: &BTreeMap<&str, i64>) -> Vec<Lack> {
        let mut needed: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &self.free {
            let sum = needed.entry(&line.sku).or_default();
            *sum = sum.saturating_add(line.quantity);
        }
        let short = needed.into_iter().filter(|(sku, needed)| left_of(left, sku) < *needed);
        let told = short.map(|(sku, needed)| {
            let available = one.available.get(sku).copied().unwrap_or_default();
            Lack { sku: sku.to_owned(), needed, available, kept_back: one.kept_back.min(available).max(0) }
        });
        told.take(MOST_LACKS).collect()
    }

    fn told(&self, one: &Candidate, verdict: Verdict, has: usize, lacks: &[Lack], lines: &[Assigned]) -> String {
        match verdict {
            Verdict::Chosen => {
                let mine = lines.iter().filter(|line| line.location == one.location);
                let (waiting, there): (Vec<_>, Vec<_>) = mine.partition(|line| line.backordered > 0);
                let late = if one.delayed.is_empty() { String::new() } else { format!(" ({})", one.delayed) };
                match (there.is_empty(), waiting.is_empty()) {
                    (false, true) => format!("ships {} on {}{late}", numbered(&there), one.ship_day),
                    (true, _) => format!("ships {} when stock comes", numbered(&waiting)),
                    (false, false) => {
                        let (there, waiting) = (numbered(&there), numbered(&waiting));
                        format!("ships {there} on {}{late}, {waiting} when stock comes", one.ship_day)
                    }
                }
            }
            Verdict::Rejected => "lines of the order were taken away from it before".to_owned(),
            Verdict::OutOfReach if self.terms.zone.is_empty() => "ships to its own zones only".to_owned(),
            Verdict::OutOfReach => format!("does not ship to zone {}", self.terms.zone),
            Verdict::Closed => format!("does not work: {}", one.delayed),
            Verdict::AtCapacity => {
                let (taken, most) = one.taken.unwrap_or_default();
                format!("has {taken} orders for {}, and can take {most} a day", one.ship_day)
            }
            Verdict::LacksStock => {
                let lacking: Vec<String> = lacks.iter().map(lack).collect();
                format!("has {has} of {} lines; lacks {}", self.free.len(), lacking.join("; "))
            }
            Verdict::Outranked => {
                let winner =
                    self.ranked.iter().find(|(best, _)| lines.iter().any(|line| line.location == best.location));
                match winner {
                    Some((best, _)) => {
                        format!(
                            "has everything; {} goes first: {}",
                            best.location,
                            better(best, one, &self.terms.prefer).1
                        )
                    }
                    None => "has everything; the order names its places".to_owned(),
                }
            }
        }
    }
}

impl Candidate {
    fn has_room(&self) -> bool {
        self.taken.is_none_or(|(taken, most)| taken < most)
    }

    fn can_ship(&self) -> bool {
        self.reach.is_some() && self.has_room() && !self.ship_day.is_empty()
    }
}

/// What may be taken from a place, by item: less its safety stock and what the order itself names there.
fn left_at<'a>(one: &'a Candidate, named: &[&'a Wanted]) -> BTreeMap<&'a str, i64> {
    let sellable = one.available.iter().map(|(sku, there)| (sku.as_str(), there.saturating_sub(one.kept_back).max(0)));
    let mut left: BTreeMap<&str, i64> = sellable.collect();
    for line in named.iter().filter(|line| line.location == one.location) {
        left.entry(&line.sku).and_modify(|left| *left = left.saturating_sub(line.quantity).max(0));
    }
    left
}

fn left_of(left: &BTreeMap<&str, i64>, sku: &str) -> i64 {
    left.get(sku).copied().unwrap_or_default()
}

fn assigned(line: &Wanted, location: &str, backordered: i64, named: bool) -> Assigned {
    let location = location.to_owned();
    Assigned { number: line.number, location, quantity: line.quantity, backordered, named, ..Assigned::default() }
}

/// Which of two places goes first, and by what.
fn better(one: &Candidate, other: &Candidate, prefer: &[Criterion]) -> (Ordering, String) {
    for criterion in prefer {
        let reach = |place: &Candidate| place.reach.unwrap_or(Reach { cost: i64::MAX, distance_km: u32::MAX });
        let (order, what) = match criterion {
            Criterion::ShipDay => (
                one.ship_day.cmp(&other.ship_day),
                format!("it ships on {}, this one on {}", one.ship_day, other.ship_day),
            ),
            Criterion::Cost => {
                let (mine, theirs) = (reach(one).cost, reach(other).cost);
                (mine.cmp(&theirs), format!("it costs {mine}, this one {theirs}"))
            }
            Criterion::Distance => {
                let (mine, theirs) = (reach(one).distance_km, reach(other).distance_km);
                (mine.cmp(&theirs), format!("it is {mine} km away, this one {theirs} km"))
            }
        };
        if order != Ordering::Equal {
            return (order, what);
        }
    }
    (Ordering::Equal, "the policy names it first".to_owned())
}

fn why(outcome: Outcome, lines: &[Assigned], candidates: &[Considered], terms: &Terms) -> String {
    let mut by_place: BTreeMap<&str, Vec<&Assigned>> = BTreeMap::new();
    for line in lines {
        by_place.entry(&line.location).or_default().push(line);
    }
    let places = || {
        let told = by_place.iter().map(|(place, lines)| format!("{place} ships {}", numbered(lines)));
        told.collect::<Vec<_>>().join(", ")
    };
    let within = match terms.split_limit {
        1 => "one place".to_owned(),
        limit => format!("{limit} places"),
    };
    match outcome {
        Outcome::Whole => {
            let alike = candidates.iter().filter(|one| one.verdict() == Verdict::Outranked).count();
            let place = by_place.keys().next().copied().unwrap_or_default();
            match alike {
                0 => format!("{place} ships the whole order: no other place can"),
                _ => format!("{place} ships the whole order: it goes before {alike} more that could"),
            }
        }
        Outcome::Split if lines.iter().any(|line| line.named) => format!("{}: the order names places itself", places()),
        Outcome::Split if lines.iter().any(|line| line.split_from != 0) => {
            format!("{}: whole lines alone do not suffice", places())
        }
        Outcome::Split => format!("{}: no single place has everything", places()),
        Outcome::Backorder => {
            let waiting: Vec<&Assigned> = lines.iter().filter(|line| line.backordered > 0).collect();
            let home = waiting.first().map(|line| line.location.as_str()).unwrap_or_default();
            let (places, waiting) = (places(), numbered(&waiting));
            format!("{places}: not everything is there within {within}; waiting for stock at {home}: {waiting}")
        }
        Outcome::Refused => format!("not everything is there within {within}, and the policy lets nothing wait"),
    }
}

fn numbered(lines: &[&Assigned]) -> String {
    let numbers: Vec<String> = lines.iter().map(|line| numbered_one(line)).collect();
    let word = if numbers.len() == 1 { "line" } else { "lines" };
    format!("{word} {}", numbers.join(", "))
}

/// A line by its number; a part by the number that the customer knows, with how much of it this is.
fn numbered_one(line: &Assigned) -> String {
    if line.of == 0 {
        return line.number.to_string();
    }
    let number = if line.split_from == 0 { line.number } else { line.split_from };
    let units = Quantity::from_millionths;
    format!("{number} ({} of {})", units(line.quantity), units(line.of))
}

fn lack(lack: &Lack) -> String {
    let text = |millionths| Quantity::from_millionths(millionths);
    let kept = if lack.kept_back > 0 { format!(", {} kept back", text(lack.kept_back)) } else { String::new() };
    format!("{}: {} needed, {} there{kept}", lack.sku, text(lack.needed), text(lack.available))
}

#[cfg(test)]
#[path = "sourcing_tests.rs"]
mod tests;
