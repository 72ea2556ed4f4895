//! Merges and their undoing: what they do, and that any interleaving of several, with crashes, ends well.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use retail_proto::customers::v1::Profile;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;

use super::*;
use crate::consent::{Decision, Taken, counting, judge};
use crate::customer::{Kind, Sighting};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn record(id: &str) -> Ref {
    Ref {
        kind: "commerce".into(),
        instance: "shop".into(),
        r#type: "customer".into(),
        id: id.into(),
        number: String::new(),
    }
}

fn founded(id: &str) -> Customer {
    let mut customer = Customer::found(id, at(1));
    let sighting = Sighting {
        kind: Kind::Registered,
        record: Some(record(id)),
        profile: Profile { first_name: format!("name of {id}"), ..Profile::default() },
        brand: "acme".into(),
        keys: vec![format!("system:{id}")],
        path: vec![],
    };
    customer.see(&sighting, at(1));
    customer.changed(&Customer::default(), false, at(1));
    customer
}

fn bond(op: &str, purpose: Purpose, survivor: &str, merged: &str) -> Bond {
    Bond {
        op: op.into(),
        purpose: i32::from(purpose),
        survivor: survivor.into(),
        merged: merged.into(),
        ..Bond::default()
    }
}

/// Customers as the store keeps them.
type World = BTreeMap<String, Customer>;

fn world(ids: &[&str]) -> World {
    ids.iter().map(|id| ((*id).to_owned(), founded(id))).collect()
}

/// Does a move as the store does: on the customer as it is now.
fn act(world: &mut World, bond: &Bond, step: Move) {
    let mut on = |id: &str, change: &dyn Fn(&mut Customer)| {
        if let Some(customer) = world.get_mut(id) {
            let before = customer.clone();
            change(customer);
            if *customer != before {
                customer.changed(&before, true, at(2));
            }
        }
    };
    match step {
        Move::Bind(id) => on(&id, &|customer| _ = customer.bind(bond)),
        Move::Absorb(parts) => on(&bond.survivor, &|customer| customer.absorb(&bond.op, &parts)),
        Move::Yield(parts) => on(&bond.merged, &|customer| customer.give_way(bond, &parts)),
        Move::Restore(parts) => on(&bond.merged, &|customer| customer.restore(bond, &parts)),
        Move::Release(id) => on(&id, &|customer| customer.release(&bond.op)),
        Move::Abandon(id) => on(&id, &|customer| customer.abandon(&bond.op)),
        Move::Undo(id) => on(&id, &|customer| customer.undo(bond)),
        Move::Help(_) | Move::Over { .. } => {}
    }
}

/// Somebody who wants a merge or its undoing, or completes what is found: reads one customer, then the other, then acts,
/// each at a moment of its own.
#[derive(Debug, Clone)]
struct Actor {
    wish: Option<Bond>,
    open: Vec<Bond>,
    survivor: Option<Customer>,
    place: u8,
}

impl Actor {
    fn wanting(wish: &Bond) -> Self {
        Self { wish: Some(wish.clone()), open: vec![], survivor: None, place: 0 }
    }

    fn finding(bond: Bond) -> Self {
        Self { wish: None, open: vec![bond], survivor: None, place: 0 }
    }

    /// One step; true when there is nothing left to do.
    fn step(&mut self, world: &mut World) -> bool {
        let Some(bond) = self.open.last().cloned() else { return self.begin(world) };
        if self.place == 0 {
            self.survivor = world.get(&bond.survivor).cloned();
            self.place = 1;
            return false;
        }
        self.place = 0;
        match next(&bond, self.survivor.as_ref(), world.get(&bond.merged)) {
            Move::Over { .. } => _ = self.open.pop(),
            Move::Help(other) => self.open.push(other),
            step @ (Move::Bind(_)
            | Move::Absorb(_)
            | Move::Yield(_)
            | Move::Restore(_)
            | Move::Release(_)
            | Move::Abandon(_)
            | Move::Undo(_)) => act(world, &bond, step),
        }
        self.open.is_empty() && self.wish.is_none()
    }

    /// The first commit of a wish.
    fn begin(&mut self, world: &mut World) -> bool {
        let Some(wish) = self.wish.clone() else { return true };
        let first = match wish.purpose() {
            Purpose::Merge => wish.first().to_owned(),
            Purpose::Unmerge => wish.survivor.clone(),
        };
        let bound = world.get_mut(&first).map_or(Err(Unbound::Gone), |customer| customer.bind(&wish));
        match bound {
            Ok(()) => {
                self.wish = None;
                self.open.push(wish);
            }
            Err(Unbound::Busy(other)) => self.open.push(other),
            Err(Unbound::Gone | Unbound::Settled | Unbound::Anonymous | Unbound::Full | Unbound::NotMerged) => {
                self.wish = None;
            }
        }
        self.wish.is_none() && self.open.is_empty()
    }

    fn finish(&mut self, world: &mut World) {
        for _ in 0..2_000 {
            if self.step(world) {
                return;
            }
        }
        panic!("never done: {self:?}");
    }
}

fn run(world: &mut World, bond: &Bond) {
    Actor::wanting(bond).finish(world);
}

fn end<'a>(world: &'a World, id: &str) -> &'a Customer {
    let mut at = &world[id];
    for _ in 0..=world.len() {
        if at.is_founded() {
            return at;
        }
        at = &world[&at.alias_of];
    }
    panic!("{id} goes round in a circle: {world:?}");
}

/// What a customer is, without its counters.
fn content(customer: &Customer) -> (Option<Profile>, Vec<Ref>, Vec<Part>, Option<Part>) {
    (customer.profile.clone(), customer.refs.clone(), customer.parts.clone(), customer.own.clone())
}

#[test]
fn the_survivor_holds_what_both_were_and_the_other_stands_for_it() {
    let mut world = world(&["a", "b"]);
    run(&mut world, &bond("m", Purpose::Merge, "a", "b"));
    assert_eq!(world["b"].alias_of, "a");
    assert_eq!(world["a"].refs, [record("a"), record("b")]);
    assert_eq!(world["a"].bond, None);
    assert_eq!(world["b"].own, None);
}

#[test]
fn former_ids_follow_over_a_second_merge() {
    let mut world = world(&["a", "b", "c"]);
    run(&mut world, &bond("1", Purpose::Merge, "a", "b"));
    run(&mut world, &bond("2", Purpose::Merge, "c", "a"));
    let ids: BTreeSet<&str> = world["c"].parts.iter().map(|part| part.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["a", "b"]));
    assert_eq!(end(&world, "b").id, "c");
}

#[test]
fn a_customer_that_leaves_takes_those_with_it_that_came_with_it() {
    let mut world = world(&["a", "b", "c"]);
    run(&mut world, &bond("1", Purpose::Merge, "a", "b"));
    let before = world["a"].clone();
    run(&mut world, &bond("2", Purpose::Merge, "c", "a"));
    run(&mut world, &bond("3", Purpose::Unmerge, "c", "a"));
    assert_eq!(content(&world["a"]), content(&before));
    assert_eq!(content(&world["c"]), content(&founded("c")));
    assert_eq!(end(&world, "b").id, "a");
}

#[test]
fn one_that_came_with_another_can_leave_alone() {
    let mut world = world(&["a", "b", "c"]);
    run(&mut world, &bond("1", Purpose::Merge, "a", "b"));
    run(&mut world, &bond("2", Purpose::Merge, "c", "a"));
    run(&mut world, &bond("3", Purpose::Unmerge, "c", "b"));
    assert_eq!(content(&world["b"]), content(&founded("b")));
    assert_eq!(end(&world, "a").id, "c");
    assert_eq!(world["c"].refs, [record("a"), record("c")]);
}

#[test]
fn the_anonymous_customer_is_never_bound() {
    let mut nobody = Customer::found("n", at(1));
    nobody.see(
        &Sighting {
            kind: Kind::Anonymous,
            record: None,
            profile: Profile::default(),
            brand: "acme".into(),
            keys: vec![],
            path: vec![],
        },
        at(1),
    );
    assert_eq!(nobody.bind(&bond("m", Purpose::Merge, "a", "n")), Err(Unbound::Anonymous));
}

#[test]
fn an_undoing_that_comes_late_does_not_undo_a_second_merge() {
    let mut world = world(&["a", "b"]);
    run(&mut world, &bond("1", Purpose::Merge, "a", "b"));
    let undo = bond("2", Purpose::Unmerge, "a", "b");
    world.get_mut("a").unwrap().bind(&undo).unwrap();
    let late = next(&undo, world.get("a"), world.get("b"));
    Actor::finding(undo.clone()).finish(&mut world);
    run(&mut world, &bond("3", Purpose::Merge, "a", "b"));
    act(&mut world, &undo, late);
    assert_eq!(world["b"].alias_of, "a");
}

const IDS: [&str; 4] = ["a", "b", "c", "d"];

fn wish() -> impl Strategy<Value = (bool, usize, usize)> {
    (prop::bool::weighted(0.7), 0..4_usize, 0..4_usize).prop_filter("two customers", |(_, one, other)| one != other)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Merges and undoings of four customers side by side, any of which may die at any moment and be found by somebody:
    /// in the end nothing is bound, no id leads in a circle, and every part is in exactly one place, where its id leads.
    #[test]
    fn any_interleaving_keeps_everybody_in_one_place(
        wishes in prop::collection::vec(wish(), 1..6),
        turns in prop::collection::vec((0..8_usize, prop::bool::weighted(0.06)), 0..160),
    ) {
        let mut world = world(&IDS);
        let bonds: Vec<Bond> = wishes
            .iter()
            .enumerate()
            .map(|(n, (merge, one, other))| {
                let purpose = if *merge { Purpose::Merge } else { Purpose::Unmerge };
                bond(&n.to_string(), purpose, IDS[*one], IDS[*other])
            })
            .collect();
        let mut actors: Vec<Actor> = bonds.iter().map(Actor::wanting).collect();
        for (turn, dies) in turns {
            let place = turn % actors.len();
            if dies {
                // Whoever comes by finds a bond, if there is one, and completes it.
                let found = world.values().find_map(|customer| customer.bond.clone());
                actors[place] = found.map_or_else(|| Actor { wish: None, open: vec![], survivor: None, place: 0 }, Actor::finding);
            }
            actors[place].step(&mut world);
        }
        for actor in &mut actors {
            actor.finish(&mut world);
        }
        while let Some(left) = world.values().find_map(|customer| customer.bond.clone()) {
            Actor::finding(left).finish(&mut world);
        }
        for id in IDS {
            let home = end(&world, id);
            let places: Vec<&str> = world
                .values()
                .flat_map(|customer| customer.people().chain(&customer.leaving).filter(|part| part.id == id).map(|_| customer.id.as_str()))
                .collect();
            prop_assert_eq!(places, vec![home.id.as_str()], "{} in {:?}", id, &world);
            prop_assert!(home.refs.contains(&record(id)));
        }
    }

    /// Two that merge each other at once: one wins, whoever it is, and nobody is lost.
    #[test]
    fn of_two_that_merge_each_other_one_wins(turns in prop::collection::vec(any::<bool>(), 0..60)) {
        let mut world = world(&["a", "b"]);
        let mut one = Actor::wanting(&bond("1", Purpose::Merge, "a", "b"));
        let mut two = Actor::wanting(&bond("2", Purpose::Merge, "b", "a"));
        for first in turns {
            if first { one.step(&mut world) } else { two.step(&mut world) };
        }
        one.finish(&mut world);
        two.finish(&mut world);
        let founded: Vec<&Customer> = world.values().filter(|customer| customer.is_founded()).collect();
        prop_assert_eq!(founded.len(), 1);
        prop_assert_eq!(&founded[0].refs, &vec![record("a"), record("b")]);
    }

    /// Merged in any order and taken back in any order, everybody is as before.
    #[test]
    fn merges_that_are_taken_back_leave_everybody_as_before(
        order in Just([(0, 1), (2, 3), (0, 2)]).prop_shuffle(),
        back in Just([1, 2, 3]).prop_shuffle(),
    ) {
        let mut world = world(&IDS);
        for (n, (survivor, merged)) in order.into_iter().enumerate() {
            let survivor = end(&world, IDS[survivor]).id.clone();
            let merged = end(&world, IDS[merged]).id.clone();
            run(&mut world, &bond(&format!("m{n}"), Purpose::Merge, &survivor, &merged));
        }
        for (n, merged) in back.into_iter().enumerate() {
            let survivor = end(&world, IDS[merged]).id.clone();
            run(&mut world, &bond(&format!("u{n}"), Purpose::Unmerge, &survivor, IDS[merged]));
        }
        for id in IDS {
            prop_assert_eq!(content(end(&world, id)), content(&founded(id)));
        }
    }

    /// What people decided about being written to goes where the record goes that captured it, through merges and their
    /// undoing: while they are one, the latest word of any of them counts, and afterwards each has their own again.
    #[test]
    fn consent_goes_with_the_record_that_captured_it(
        deeds in prop::collection::vec((0..3_u8, 0..4_usize, 0..4_usize, 1..4_i32, 0..9_i64), 1..40),
    ) {
        let mut world = world(&IDS);
        let mut said: Vec<(usize, Decision)> = Vec::new();
        for (n, (what, one, other, choice, captured_at)) in deeds.into_iter().enumerate() {
            let (op, survivor) = (n.to_string(), end(&world, IDS[one]).id.clone());
            match what {
                // Told to whoever stands for the id now; nobody who is bound is written to.
                0 => {
                    let source = Some(record(IDS[other]));
                    let decision =
                        Decision { channel: 1, purpose: "NEWS".into(), choice, captured_at, source, ..Decision::default() };
                    let told = world.get_mut(&survivor).unwrap();
                    let knows = told.people().any(|part| part.has(&record(IDS[other])));
                    if knows && judge(told.decisions(), &decision) == Taken::New {
                        told.part_of(&[], decision.source.as_ref()).consents.push(decision.clone());
                        said.push((other, decision));
                    }
                }
                1 => {
                    let merged = end(&world, IDS[other]).id.clone();
                    if survivor != merged {
                        run(&mut world, &bond(&op, Purpose::Merge, &survivor, &merged));
                    }
                }
                _ => run(&mut world, &bond(&op, Purpose::Unmerge, &survivor, IDS[other])),
            }
        }
        for id in IDS {
            let home = end(&world, id);
            let theirs = |place: usize| end(&world, IDS[place]).id == home.id;
            let expected: Vec<Decision> =
                said.iter().filter(|(place, _)| theirs(*place)).map(|(_, decision)| decision.clone()).collect();
            prop_assert_eq!(home.decisions().count(), expected.len(), "of {}: {:?}", id, &world);
            let counts = |of: Vec<&Decision>| of.into_iter().map(|one| (one.choice, one.captured_at)).collect::<Vec<_>>();
            prop_assert_eq!(counts(counting(home.decisions())), counts(counting(expected.iter())), "of {}", id);
            for part in home.people() {
                let strange = part.consents.iter().find(|one| one.source.as_ref().is_none_or(|source| !part.has(source)));
                prop_assert!(strange.is_none(), "{:?} lies with {}", strange, part.id);
            }
        }
    }
}
