//! What systems say, in any order; and two that echo come to rest.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_runtime::Timestamp;

use super::*;
use crate::customer::Sighting;

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

fn record(kind: &str, id: &str) -> Ref {
    Ref { kind: kind.into(), instance: "one".into(), r#type: "customer".into(), id: id.into(), number: String::new() }
}

fn says(kind: &str, version: u64, phone: &str, at: i64) -> Said {
    Said {
        record: record(kind, "1"),
        version,
        profile: Profile { first_name: "Ada".into(), phone: phone.into(), ..Profile::default() },
        email_verified: false,
        at: at * 1_000_000,
        brand: String::new(),
        deleted: false,
        keys: vec![format!("system:{kind}")],
        path: vec![],
        gone: 0,
    }
}

fn deaf() -> Ear {
    Ear::default()
}

fn known() -> Customer {
    let mut customer = Customer::found("c-1", second(1));
    customer.changed(&Customer::default(), false, second(1));
    customer
}

fn phone(customer: &Customer) -> &str {
    customer.profile.as_ref().map_or("", |profile| &profile.phone)
}

const ONE: &str = "+442079460951";
const TWO: &str = "+442079460952";

#[test]
fn a_lower_version_is_older_and_the_same_one_is_known() {
    let mut customer = known();
    assert_eq!(customer.sync(&says("crm", 2, ONE, 2), &deaf()).heard, Heard::Applied);
    let before = customer.clone();
    assert_eq!(customer.sync(&says("crm", 1, TWO, 3), &deaf()).heard, Heard::Older);
    assert_eq!(customer.sync(&says("crm", 2, TWO, 3), &deaf()).heard, Heard::Unchanged);
    assert_eq!(customer, before);
}

#[test]
fn an_emptied_field_is_empty_only_when_nobody_else_states_it() {
    let mut customer = known();
    customer.sync(&says("crm", 1, ONE, 1), &deaf());
    customer.sync(&says("erp", 1, TWO, 2), &deaf());
    customer.sync(&says("erp", 2, "", 3), &deaf());
    assert_eq!(phone(&customer), ONE);
    customer.sync(&says("crm", 2, "", 4), &deaf());
    assert_eq!(phone(&customer), "");
}

#[test]
fn one_that_never_had_a_field_does_not_empty_it() {
    let mut customer = known();
    customer.sync(&says("crm", 1, ONE, 1), &deaf());
    assert_eq!(customer.sync(&says("erp", 1, "", 2), &deaf()).heard, Heard::Applied, "its record is new");
    assert_eq!(customer.sync(&says("erp", 2, "", 3), &deaf()).heard, Heard::Unchanged);
    assert_eq!(phone(&customer), ONE);
}

#[test]
fn a_change_at_weft_counts_at_its_own_time() {
    let mut customer = known();
    customer.sync(&says("crm", 1, ONE, 1), &deaf());
    customer.update(&Profile { phone: TWO.into(), ..Profile::default() }, second(5));
    customer.sync(&says("crm", 2, ONE, 4), &deaf());
    assert_eq!(phone(&customer), TWO);
    customer.sync(&says("crm", 3, ONE, 6), &deaf());
    assert_eq!(phone(&customer), ONE);
}

#[test]
fn a_deleted_record_goes_and_the_customer_stays() {
    let mut customer = known();
    customer.sync(&says("crm", 1, ONE, 1), &deaf());
    let gone = Said { deleted: true, profile: Profile::default(), ..says("crm", 2, "", 2) };
    assert_eq!(customer.sync(&gone, &deaf()).heard, Heard::Applied);
    assert!(customer.refs.is_empty());
    assert_eq!(phone(&customer), ONE);
    assert_eq!(customer.sync(&says("crm", 1, ONE, 1), &deaf()).heard, Heard::Older);
    assert!(customer.refs.is_empty(), "what comes late does not bring it back");
    assert_eq!(customer.sync(&says("crm", 3, ONE, 3), &deaf()).heard, Heard::Applied);
    assert_eq!(customer.refs, [record("crm", "1")]);
}

/// A customer that a CRM and an ERP were told, with what each took.
fn told() -> Customer {
    let mut customer = known();
    let sighting = Sighting {
        kind: Kind::Registered,
        record: None,
        profile: Profile { first_name: "Ada".into(), phone: ONE.into(), ..Profile::default() },
        brand: String::new(),
        keys: vec![],
        path: vec![],
    };
    let before = customer.clone();
    customer.see(&sighting, second(1));
    customer.changed(&before, false, second(1));
    for kind in ["crm", "erp"] {
        customer.link(&record(kind, "1"));
        customer.tell(kind, "one", customer.content, None, second(2));
    }
    customer
}

fn ear() -> Ear {
    Ear { told: true, sent: vec![] }
}

#[test]
fn what_a_system_repeats_of_what_it_was_told_changes_nothing() {
    let mut customer = told();
    let sources = customer.survivors().len();
    let outcome = customer.sync(&says("crm", 1, ONE, 3), &ear());
    assert_eq!(outcome, Outcome { heard: Heard::Unchanged, telling: Telling::Knows });
    let crm = customer.people().flat_map(|part| &part.statements).find(|known| known.is_of(&record("crm", "1")));
    assert_eq!(crm.unwrap().stated, []);
    assert_eq!(customer.survivors().len(), sources);
}

#[test]
fn an_echo_that_comes_before_the_answer_is_an_echo() {
    let mut customer = told();
    let before = customer.clone();
    customer.update(&Profile { phone: TWO.into(), ..Profile::default() }, second(5));
    customer.changed(&before, false, second(5));
    let sent = vec![customer.content];
    let outcome = customer.sync(&says("crm", 1, TWO, 6), &Ear { told: true, sent });
    assert_eq!(outcome, Outcome { heard: Heard::Unchanged, telling: Telling::AsOthers });
}

#[test]
fn a_late_echo_of_an_earlier_telling_does_not_bring_back_what_was_then() {
    let mut customer = told();
    let before = customer.clone();
    customer.update(&Profile { phone: TWO.into(), ..Profile::default() }, second(5));
    customer.changed(&before, false, second(5));
    customer.tell("crm", "one", customer.content, None, second(6));
    let outcome = customer.sync(&says("crm", 1, ONE, 6), &ear());
    assert_eq!((outcome.heard, phone(&customer)), (Heard::Unchanged, TWO));
    let outcome = customer.sync(&says("crm", 2, ONE, 600), &ear());
    assert_eq!((outcome.heard, phone(&customer)), (Heard::Applied, ONE), "long after it somebody has typed it in");
}

#[test]
fn the_system_that_brought_a_change_is_not_told_it() {
    let mut customer = told();
    let (before, said) = (customer.clone(), says("crm", 1, TWO, 5));
    let outcome = customer.sync(&said, &ear());
    customer.changed(&before, false, second(5));
    customer.hear(&said.record, outcome.telling);
    assert_eq!((outcome.heard, outcome.telling), (Heard::Applied, Telling::Knows));
    let behind = |kind: &str| customer.told(kind, "one").unwrap().content < customer.content;
    assert!(!behind("crm") && behind("erp"));
}

#[test]
fn a_system_whose_own_value_lost_is_told_what_survived_and_not_twice() {
    let mut customer = told();
    customer.update(&Profile { phone: TWO.into(), ..Profile::default() }, second(50));
    customer.changed(&told(), false, second(50));
    customer.tell("crm", "one", customer.content, None, second(51));
    let own = "+442079460953";
    let mut say = |version| {
        let said = says("crm", version, own, 40);
        let outcome = customer.sync(&said, &ear());
        customer.hear(&said.record, outcome.telling);
        let behind = customer.told("crm", "one").unwrap().content < customer.content;
        customer.tell("crm", "one", customer.content, None, second(60));
        (outcome.heard, behind)
    };
    assert_eq!(say(1), (Heard::Unchanged, true));
    assert_eq!(say(2), (Heard::Unchanged, false), "it insists, and was told");
}

#[test]
fn a_system_that_is_being_told_something_older_is_told_what_it_brought_too() {
    let mut customer = told();
    let before = customer.clone();
    customer.update(&Profile { last_name: "King".into(), ..Profile::default() }, second(5));
    customer.changed(&before, false, second(5));
    let sent = vec![customer.content];
    let mut said = says("crm", 1, TWO, 6);
    said.profile.last_name = "King".into();
    assert_eq!(customer.sync(&said, &Ear { told: true, sent }).telling, Telling::AsOthers);
}

#[test]
fn a_change_that_a_telling_has_overwritten_since_is_told_back() {
    let mut customer = told();
    let (before, said) = (customer.clone(), says("crm", 1, TWO, 5));
    customer.tell("crm", "one", customer.content, None, second(8));
    let outcome = customer.sync(&said, &ear());
    customer.changed(&before, false, second(9));
    customer.hear(&said.record, outcome.telling);
    assert_eq!((outcome.heard, phone(&customer)), (Heard::Applied, TWO));
    assert!(customer.told("crm", "one").unwrap().content < customer.content);
}

#[test]
fn a_system_that_was_thought_to_know_and_says_otherwise_is_told() {
    let mut customer = told();
    let before = customer.clone();
    customer.update(&Profile { phone: TWO.into(), ..Profile::default() }, second(5));
    customer.changed(&before, false, second(5));
    customer.tell("crm", "one", customer.content, None, second(8));
    let (before, said) = (customer.clone(), says("crm", 1, "+442079460953", 10));
    let outcome = customer.sync(&said, &ear());
    customer.changed(&before, false, second(10));
    customer.hear(&said.record, outcome.telling);
    assert_eq!(outcome.telling, Telling::Knows);
    // Back to what it was told at first, so soon that it may be a late echo of that: it is told what stands.
    let outcome = customer.sync(&says("crm", 2, ONE, 12), &ear());
    assert_eq!(outcome, Outcome { heard: Heard::Unchanged, telling: Telling::Again });
    assert_eq!(phone(&customer), "+442079460953");
}

#[test]
fn a_system_that_went_back_to_an_earlier_value_of_its_own_is_told_what_was_stated_since() {
    let mut customer = told();
    let mut hears = |kind: &str, version, phone: &str, at| {
        let (before, said) = (customer.clone(), says(kind, version, phone, at));
        let outcome = customer.sync(&said, &ear());
        if outcome.heard == Heard::Applied {
            customer.changed(&before, false, second(at));
        }
        customer.hear(&said.record, outcome.telling);
        for kind in ["crm", "erp"] {
            if customer.told(kind, "one").unwrap().content < customer.content {
                customer.tell(kind, "one", customer.content, None, second(at));
            }
        }
        outcome.telling
    };
    let other = "+442079460953";
    assert_eq!(hears("crm", 1, TWO, 100), Telling::Knows);
    assert_eq!(hears("erp", 1, other, 200), Telling::Knows);
    // The ERP states its value once more before we hear that the CRM has gone back to its own.
    assert_eq!(hears("erp", 2, other, 400), Telling::Knows);
    assert_eq!(hears("crm", 2, TWO, 300), Telling::Again);
}

#[test]
fn a_system_that_alters_what_it_stores_is_not_told_for_ever_however_far_a_clock_is_ahead() {
    let mut customer = told();
    let mut is_told = |kind: &str, version: u64, phone: &str, at: i64| {
        let (before, said) = (customer.clone(), says(kind, version, phone, at));
        let outcome = customer.sync(&said, &ear());
        if outcome.heard == Heard::Applied {
            customer.changed(&before, false, second(at));
        }
        customer.hear(&said.record, outcome.telling);
        let behind = customer.told("crm", "one").unwrap().content < customer.content;
        if behind {
            customer.tell("crm", "one", customer.content, None, second(at.min(1_000)));
        }
        behind
    };
    assert!(!is_told("crm", 1, TWO, 100), "it has brought it");
    assert!(is_told("erp", 1, "+442079460953", 1_000_000), "the clock of the ERP is days ahead");
    let tellings = (2..40).filter(|version| is_told("crm", *version, TWO, 1_000 + i64::try_from(*version).unwrap()));
    assert_eq!(u32::try_from(tellings.count()).unwrap(), REPEATS);
}

fn delivery() -> impl Strategy<Value = Said> {
    let phones = prop::sample::select(vec!["", ONE, TWO]);
    (prop::sample::select(vec!["crm", "erp", "pos"]), 1..5_u64, phones, 0..4_i64, prop::bool::weighted(0.15)).prop_map(
        |(kind, version, phone, at, deleted)| Said {
            deleted,
            brand: format!("brand of {kind}"),
            email_verified: version % 2 == 0,
            profile: Profile { email: format!("{kind}{version}@x.org"), ..says(kind, version, phone, at).profile },
            ..says(kind, version, phone, at)
        },
    )
}

/// What is shown of a customer and who states it.
fn state(customer: &Customer) -> retail_proto::customers::v1::Customer {
    retail_proto::customers::v1::Customer { version: 0, updated_at: None, ..customer.into() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever order deliveries come in, and however often, the same customer is the end of it.
    #[test]
    fn any_order_of_deliveries_ends_in_the_same_customer(
        mut all in prop::collection::vec(delivery(), 1..10),
        told in any::<bool>(),
        seed in any::<u64>(),
    ) {
        // One version of a record says one thing.
        let mut said = std::collections::BTreeSet::new();
        all.retain(|delivery| said.insert((delivery.record.kind.clone(), delivery.version)));
        let mut shuffled: Vec<Said> = all.iter().chain(&all).cloned().collect();
        shuffled.sort_by_key(|delivery| crate::survivorship::short(&format!("{seed}{delivery:?}")));
        let take = |deliveries: &[Said]| {
            let mut customer = known();
            for said in deliveries {
                let before = customer.clone();
                let outcome = customer.sync(said, &Ear { told, sent: vec![] });
                if outcome.heard == Heard::Applied {
                    customer.changed(&before, false, second(9));
                }
                customer.hear(&said.record, outcome.telling);
            }
            let highest: Vec<u64> = customer.people().flat_map(|part| &part.statements).map(Statement::highest).collect();
            (state(&customer), highest.into_iter().sum::<u64>())
        };
        prop_assert_eq!(take(&all), take(&shuffled));
    }

    /// A CRM and an ERP that repeat everything they are told, late, twice and out of order, while people change things
    /// in both and at Weft: once people rest, so do the tellings, and all three agree.
    #[test]
    fn two_systems_that_echo_come_to_rest(
        changes in prop::collection::vec((0..3_usize, 0..5_u32), 0..6),
        order in prop::collection::vec(any::<u16>(), 0..60),
    ) {
        let mut day = Day::new(order);
        for (who, what) in changes {
            day.somebody_changes(who, what);
            day.passes(3);
        }
        let before = day.tellings;
        day.passes(60);
        prop_assert!(day.tellings - before <= 8, "{} tellings after the last change", day.tellings - before);
        let rested = day.tellings;
        day.passes(60);
        prop_assert_eq!(day.tellings, rested);
        for kind in ["crm", "erp"] {
            prop_assert_eq!(&day.systems[kind].phone, phone(&day.customer), "{} differs", kind);
        }
    }
}

/// A system that stores what it is told and says so.
#[derive(Debug, Default)]
struct System {
    phone: String,
    version: u64,
    /// Changes that it has not told us of yet.
    outbox: Vec<Said>,
}

/// A day in the life of a customer: one thing happens after the other, in an order that chance decides.
struct Day {
    customer: Customer,
    systems: BTreeMap<&'static str, System>,
    chance: Vec<u16>,
    turn: usize,
    now: i64,
    tellings: usize,
}

impl Day {
    fn new(chance: Vec<u16>) -> Self {
        let mut systems = BTreeMap::new();
        for kind in ["crm", "erp"] {
            systems.insert(kind, System { phone: ONE.into(), version: 1, outbox: vec![] });
        }
        Self { customer: told(), systems, chance, turn: 0, now: 100, tellings: 0 }
    }

    fn draw(&mut self, below: usize) -> usize {
        // When chance has run out, everybody has a turn.
        self.turn += 1;
        self.chance.pop().map_or(self.turn, usize::from) % below
    }

    fn somebody_changes(&mut self, who: usize, what: u32) {
        self.now += 100;
        let phone = format!("+44207946096{what}");
        match who {
            0 => {
                let before = self.customer.clone();
                self.customer.update(&Profile { phone, ..Profile::default() }, second(self.now));
                if self.customer != before {
                    self.customer.changed(&before, false, second(self.now));
                }
            }
            1 => self.stores("crm", phone),
            _ => self.stores("erp", phone),
        }
    }

    fn stores(&mut self, kind: &'static str, phone: String) {
        let now = self.now;
        let system = self.systems.get_mut(kind).unwrap();
        system.phone = phone;
        system.version += 1;
        let said = says(kind, system.version, &system.phone, now);
        system.outbox.push(said);
    }

    /// Tells a system what it does not know; the answer comes at once, its echo when chance has it.
    fn tell(&mut self, kind: &'static str) {
        if self.customer.told(kind, "one").unwrap().content >= self.customer.content {
            return;
        }
        self.tellings += 1;
        self.now += 1;
        self.stores(kind, phone(&self.customer).to_owned());
        let content = self.customer.content;
        self.customer.tell(kind, "one", content, None, second(self.now));
    }

    /// A system says one of its changes, perhaps not for the last time.
    fn says(&mut self, kind: &'static str) {
        let waiting = self.systems[kind].outbox.len();
        if waiting == 0 {
            return;
        }
        let place = self.draw(waiting);
        let again = self.draw(4) == 3;
        let outbox = &mut self.systems.get_mut(kind).unwrap().outbox;
        let said = if again { outbox[place].clone() } else { outbox.remove(place) };
        let before = self.customer.clone();
        let outcome = self.customer.sync(&said, &ear());
        if outcome.heard == Heard::Applied {
            self.customer.changed(&before, false, second(self.now));
        }
        self.customer.hear(&said.record, outcome.telling);
    }

    fn passes(&mut self, moments: usize) {
        for _ in 0..moments {
            self.now += 1;
            match self.chance.pop().map_or(self.now, i64::from).rem_euclid(4) {
                0 => self.says("crm"),
                1 => self.says("erp"),
                2 => self.tell("crm"),
                _ => self.tell("erp"),
            }
        }
        // Nobody waits for ever.
        for kind in ["crm", "erp"] {
            self.tell(kind);
            self.says(kind);
        }
    }
}
