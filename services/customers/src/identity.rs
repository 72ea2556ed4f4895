//! Finding the one customer behind several keys. Pure: a machine that asks for one small atomic move after the other and
//! is told what came of it, so that any interleaving of two machines can be tried.
//!
//! A key is claimed for a customer id once and for ever. A claim whose customer does not exist yet is pending: whoever
//! finds it completes it, by founding that customer or by making its id an alias of the one that exists. Here an alias
//! is only ever made of an id that nobody founded, and points to a founded customer or to a smaller id, so aliases never
//! circle. (A merge makes one of a founded customer, see `bond.rs`; claims stay as they are and lead over it.)

use std::collections::BTreeMap;

use crate::keys::{Key, Strength};

/// How a customer id stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody founded it.
    Absent,
    /// It is a customer.
    Founded,
    /// It stands for another id.
    Alias(String),
}

/// What is to be done next. Each is atomic; the answer is given to the method of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Move {
    /// Read who owns a key.
    Peek(Key),
    /// Claim a key for an id, unless somebody has; who owns it then?
    Claim(Key, String),
    /// Read how an id stands.
    Look(String),
    /// Found this customer, unless the id stands for something; how does it stand then?
    Found(String),
    /// Make an id an alias of another, unless it stands for something; how does it stand then?
    Alias(String, String),
    /// The customer, and others that weaker keys belong to.
    Done {
        /// The customer.
        customer_id: String,
        /// True when this machine founded it.
        founded: bool,
        /// Candidates for a merge, each with the strength of the key that leads to it.
        others: Vec<(String, Strength)>,
    },
}

/// The machine.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    /// Strongest first.
    keys: Vec<Key>,
    fresh: String,
    /// Who owns each key; absent before it was peeked at, `None` when nobody did.
    owners: BTreeMap<Key, Option<String>>,
    standings: BTreeMap<String, Standing>,
    founded: bool,
}

impl Resolver {
    /// A machine for keys; `fresh` names the customer of a strongest key that nobody knows.
    pub(crate) fn new(mut keys: Vec<Key>, fresh: impl Fn(&Key) -> String) -> Option<Self> {
        keys.sort_by(|a, b| b.strength().cmp(&a.strength()).then_with(|| a.cmp(b)));
        keys.dedup();
        let fresh = fresh(keys.first()?);
        Some(Self { keys, fresh, owners: BTreeMap::new(), standings: BTreeMap::new(), founded: false })
    }

    /// What is to be done next.
    pub(crate) fn next(&self) -> Move {
        if let Some(key) = self.keys.iter().find(|key| !self.owners.contains_key(key)) {
            return Move::Peek(key.clone());
        }
        if let Some(key) = self.keys.iter().find(|key| self.owner(key).is_none()) {
            let candidate = self.keys.iter().find_map(|key| self.owner(key)).unwrap_or(&self.fresh);
            return Move::Claim(key.clone(), candidate.to_owned());
        }
        let mut ends: Vec<(String, Strength)> = Vec::new();
        for key in &self.keys {
            match self.follow(self.owner(key).unwrap_or(&self.fresh)) {
                Ok(end) if ends.iter().all(|(known, _)| *known != end) => ends.push((end, key.strength())),
                Ok(_) => {}
                Err(unknown) => return Move::Look(unknown),
            }
        }
        let (founded, absent): (Vec<_>, Vec<_>) =
            ends.into_iter().partition(|(id, _)| self.standings.get(id) == Some(&Standing::Founded));
        let absent: Vec<String> = absent.into_iter().map(|(id, _)| id).collect();
        match (founded.split_first(), absent.iter().min()) {
            (Some(((customer_id, _), others)), None) => {
                Move::Done { customer_id: customer_id.clone(), founded: self.founded, others: others.to_vec() }
            }
            (Some(((customer_id, _), _)), Some(pending)) => Move::Alias(pending.clone(), customer_id.clone()),
            (None, Some(smallest)) => match absent.iter().find(|id| *id != smallest) {
                Some(larger) => Move::Alias(larger.clone(), smallest.clone()),
                None => Move::Found(smallest.clone()),
            },
            // A machine has at least one key, and every key an owner by now.
            (None, None) => Move::Found(self.fresh.clone()),
        }
    }

    /// Who owns a key that was peeked at or claimed.
    pub(crate) fn owns(&mut self, key: Key, owner: Option<String>) {
        self.owners.insert(key, owner);
    }

    /// How an id stands; `by_us` when our own founding made it so.
    pub(crate) fn stands(&mut self, id: String, standing: Standing, by_us: bool) {
        self.founded |= by_us;
        self.standings.insert(id, standing);
    }

    /// The id that owns the strongest key, then the ids it stands for, as far as they were looked at.
    pub(crate) fn path(&self) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = self.keys.first().and_then(|key| self.owner(key));
        while let Some(id) = at.filter(|id| path.iter().all(|known: &String| known != id)) {
            path.push(id.to_owned());
            at = match self.standings.get(id) {
                Some(Standing::Alias(target)) => Some(target),
                Some(Standing::Absent | Standing::Founded) | None => None,
            };
        }
        path
    }

    fn owner(&self, key: &Key) -> Option<&str> {
        self.owners.get(key).and_then(Option::as_deref)
    }

    /// The end of a chain of aliases, or the first id on it that was not looked at.
    fn follow(&self, id: &str) -> Result<String, String> {
        let mut id = id;
        // Chains are as long as there are ids at most; a longer one would be a circle.
        for _ in 0..=self.standings.len() {
            match self.standings.get(id) {
                None => return Err(id.to_owned()),
                Some(Standing::Alias(target)) => id = target,
                Some(Standing::Absent | Standing::Founded) => return Ok(id.to_owned()),
            }
        }
        Ok(id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The world as the store keeps it.
    #[derive(Debug, Default, Clone)]
    struct World {
        claims: BTreeMap<Key, String>,
        customers: BTreeMap<String, Standing>,
    }

    impl World {
        fn standing(&self, id: &str) -> Standing {
            self.customers.get(id).cloned().unwrap_or(Standing::Absent)
        }

        /// Does one move; true when the machine is done.
        fn step(&mut self, machine: &mut Resolver) -> bool {
            match machine.next() {
                Move::Peek(key) => machine.owns(key.clone(), self.claims.get(&key).cloned()),
                Move::Claim(key, id) => {
                    let owner = self.claims.entry(key.clone()).or_insert(id).clone();
                    machine.owns(key, Some(owner));
                }
                Move::Look(id) => machine.stands(id.clone(), self.standing(&id), false),
                Move::Found(id) => {
                    let ours = self.standing(&id) == Standing::Absent;
                    if ours {
                        self.customers.insert(id.clone(), Standing::Founded);
                    }
                    machine.stands(id.clone(), self.standing(&id), ours);
                }
                Move::Alias(from, to) => {
                    assert_ne!(from, to);
                    self.customers.entry(from.clone()).or_insert(Standing::Alias(to));
                    machine.stands(from.clone(), self.standing(&from), false);
                }
                Move::Done { .. } => return true,
            }
            false
        }

        fn finish(&mut self, machine: &mut Resolver) -> (String, Vec<String>) {
            for _ in 0..100 {
                if self.step(machine) {
                    let Move::Done { customer_id, others, .. } = machine.next() else { unreachable!() };
                    return (customer_id, others.into_iter().map(|(id, _)| id).collect());
                }
            }
            panic!("never done: {machine:?}");
        }

        fn founded(&self) -> usize {
            self.customers.values().filter(|standing| **standing == Standing::Founded).count()
        }
    }

    fn key(n: usize) -> Key {
        let system = |id: &str| {
            Key::system(&retail_proto::types::v1::Ref {
                kind: "commerce".into(),
                instance: "shop".into(),
                r#type: "customer".into(),
                id: id.into(),
                number: String::new(),
            })
        };
        [system("1"), Key::email("ada@lovelace.org"), Key::phone("+442079460958"), system("2")][n].clone().unwrap()
    }

    /// Ids whose order has nothing to do with the strength of keys.
    fn machine(keys: &[usize], flip: bool) -> Resolver {
        let keys = keys.iter().map(|n| key(*n)).collect();
        Resolver::new(keys, |key| {
            let text = key.to_string();
            if flip { text.chars().rev().collect() } else { text }
        })
        .unwrap()
    }

    #[test]
    fn a_known_customer_is_found_by_reading_alone() {
        let mut world = World::default();
        let (first, _) = world.finish(&mut machine(&[0, 1], false));
        let mut again = machine(&[0, 1], false);
        loop {
            match again.next() {
                Move::Peek(_) | Move::Look(_) => world.step(&mut again),
                Move::Done { customer_id, founded, .. } => {
                    assert_eq!((customer_id, founded), (first, false));
                    break;
                }
                writes @ (Move::Claim(..) | Move::Found(_) | Move::Alias(..)) => panic!("{writes:?} would write"),
            };
        }
    }

    #[test]
    fn a_new_key_beside_a_known_one_joins_the_known_customer() {
        let mut world = World::default();
        let (known, _) = world.finish(&mut machine(&[1], false));
        assert_eq!(world.finish(&mut machine(&[0, 1, 2], false)), (known.clone(), vec![]));
        assert_eq!(world.finish(&mut machine(&[2], false)), (known, vec![]));
    }

    #[test]
    fn keys_of_two_customers_are_candidates_and_the_strongest_wins() {
        let mut world = World::default();
        let (by_system, _) = world.finish(&mut machine(&[0], false));
        let (by_email, _) = world.finish(&mut machine(&[1], false));
        assert_eq!(world.finish(&mut machine(&[0, 1], false)), (by_system, vec![by_email]));
    }

    #[test]
    fn a_claim_that_a_crash_left_behind_is_completed() {
        let mut world = World::default();
        let mut crashed = machine(&[0, 1], false);
        while !matches!(crashed.next(), Move::Found(_)) {
            world.step(&mut crashed);
        }
        let (completed, _) = world.finish(&mut machine(&[1], false));
        assert_eq!(world.finish(&mut machine(&[0], false)).0, completed);
        assert_eq!(world.founded(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Two resolvers of one new person, whose keys overlap, in any order of their moves, one of which may crash at
        /// any of them and begin anew: they end with one customer.
        #[test]
        fn any_interleaving_of_two_resolvers_ends_with_one_customer(
            shared in 0..4_usize,
            mine in prop::collection::btree_set(0..4_usize, 0..4),
            theirs in prop::collection::btree_set(0..4_usize, 0..4),
            turns in prop::collection::vec(any::<bool>(), 0..40),
            crash in 0..40_usize,
            flip in any::<bool>(),
        ) {
            let keys = |set: &std::collections::BTreeSet<usize>| {
                let mut keys: Vec<usize> = set.iter().copied().collect();
                keys.push(shared);
                keys
            };
            let (mine, theirs) = (keys(&mine), keys(&theirs));
            let (mut a, mut b, mut world) = (machine(&mine, flip), machine(&theirs, flip), World::default());
            for (turn, first) in turns.into_iter().enumerate() {
                if turn == crash {
                    a = machine(&mine, flip);
                }
                world.step(if first { &mut a } else { &mut b });
            }
            let (one, others) = world.finish(&mut a);
            let (two, more) = world.finish(&mut b);
            prop_assert_eq!(&one, &two);
            prop_assert!(others.is_empty() && more.is_empty());
            prop_assert_eq!(world.founded(), 1);
            for n in mine.iter().chain(&theirs) {
                prop_assert_eq!(&world.finish(&mut machine(&[*n], flip)).0, &one);
            }
        }

        /// Whatever many resolvers do side by side, each ends, and aliases lead to a customer.
        #[test]
        fn any_number_of_resolvers_ends(
            sets in prop::collection::vec(prop::collection::btree_set(0..4_usize, 1..4), 2..5),
            turns in prop::collection::vec(0..5_usize, 0..120),
            flip in any::<bool>(),
        ) {
            let mut world = World::default();
            let mut machines: Vec<Resolver> =
                sets.iter().map(|set| machine(&set.iter().copied().collect::<Vec<_>>(), flip)).collect();
            for turn in turns {
                let place = turn % machines.len();
                world.step(&mut machines[place]);
            }
            for machine in &mut machines {
                let (customer, _) = world.finish(machine);
                prop_assert_eq!(world.standing(&customer), Standing::Founded);
            }
        }
    }
}
