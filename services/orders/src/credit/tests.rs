use proptest::prelude::*;

use retail_proto::orders::v1 as pb;

use super::account::{Account, Room, Seen, Undecided};
use super::*;
use crate::record::State;
use crate::testing::order as builder;

const NOW: i64 = 1_700_000_000_000;

fn numbers(limit: i64, balance: i64, unbilled: i64) -> Numbers {
    Numbers { currency: "GBP".into(), limit: Some(limit), balance, unbilled, ..Numbers::default() }
}

fn asked(order: &str, minor: i64) -> Asked {
    Asked { order: order.into(), version: 1, minor, currency: "GBP".into(), at: NOW, ..Asked::default() }
}

fn auto(numbers: Numbers) -> Answer {
    Answer::Says(numbers, erp::CreditHold::Auto, Vec::new())
}

/// Somebody has read that an order needs no room any more.
fn left(order: &str) -> Seen {
    Seen { order: order.into(), version: 1, rooms: vec![(0, Room::Left)], edited: None }
}

fn verdict(account: &mut Account, asked: &Asked, answer: &Answer) -> Verdict {
    let left = account.left;
    account.decide(&CreditRules::default(), asked, answer, left).unwrap().verdict()
}

#[test]
fn a_verdict_has_the_number_and_the_name_of_the_contract() {
    for number in 0..=12 {
        let ours = Verdict::try_from(number).map(|verdict| format!("{verdict:?}").to_lowercase()).ok();
        let theirs = pb::CreditVerdict::try_from(number)
            .map(|verdict| verdict.as_str_name().trim_start_matches("CREDIT_VERDICT_").replace('_', "").to_lowercase());
        assert_eq!(ours, theirs.ok(), "{number}");
    }
}

#[test]
fn what_it_came_to_is_said_with_every_number() {
    let judged = |numbers: &Numbers, others| {
        judge(&CreditRules::default(), numbers, erp::CreditHold::Auto, others, &asked("o-1", 62_000)).why
    };
    let full = numbers(500_000, 420_000, 30_000);
    let lines = [
        judged(&full, Some(0)),
        judged(&Numbers { deposits: 20_000, ..full.clone() }, Some(1_000)),
        judged(&Numbers { limit: None, ..full.clone() }, Some(0)),
        judged(&Numbers { currency: "EUR".into(), ..full.clone() }, Some(0)),
        judged(&full, None),
        judged(&Numbers::default(), Some(0)),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    limit 5000.00 GBP, balance 4200.00 GBP, unbilled 300.00 GBP, this order 620.00 GBP: 120.00 GBP over the limit; it goes on by itself once there is room, or release or cancel it
    limit 5000.00 GBP, balance 4200.00 GBP, paid ahead 200.00 GBP, unbilled 300.00 GBP, not in the ERP yet 10.00 GBP, this order 620.00 GBP
    no limit is set, which lets it pass (balance 4200.00 GBP, unbilled 300.00 GBP, this order 620.00 GBP)
    the ERP keeps the customer in EUR, the order is in GBP (limit 5000.00 EUR, balance 4200.00 EUR, unbilled 300.00 EUR, this order 620.00 GBP): compare them, then release or cancel it
    orders in another currency were taken in and are not in the ERP yet (limit 5000.00 GBP, balance 4200.00 GBP, unbilled 300.00 GBP, this order 620.00 GBP); it is asked again
    no limit is set, which lets it pass (the ERP does not have the customer, this order 620.00 GBP)
    ");
}

#[test]
fn an_order_up_to_the_limit_goes_on_and_a_penny_more_is_held() {
    let at = |minor| verdict(&mut Account::default(), &asked("o-1", minor), &auto(numbers(1_000, 600, 100)));
    assert_eq!((at(300), at(301)), (Verdict::Within, Verdict::OverLimit));
}

#[test]
fn a_tolerance_is_of_its_currency() {
    let rules = CreditRules { tolerance: [("GBP".to_owned(), 50)].into(), ..CreditRules::default() };
    let at = |minor, currency: &str| {
        let asked = Asked { currency: currency.into(), ..asked("o-1", minor) };
        let numbers = Numbers { currency: currency.into(), ..numbers(1_000, 0, 0) };
        judge(&rules, &numbers, erp::CreditHold::Auto, Some(0), &asked).verdict()
    };
    assert_eq!([at(1_050, "GBP"), at(1_051, "GBP")], [Verdict::Within, Verdict::OverLimit]);
    assert_eq!(at(1_001, "EUR"), Verdict::OverLimit);
}

#[test]
fn what_was_paid_ahead_makes_room_for_the_orders_it_was_paid_for() {
    let paid_ahead = Numbers { deposits: 900, ..numbers(1_000, 0, 900) };
    assert_eq!(verdict(&mut Account::default(), &asked("o-1", 1_000), &auto(paid_ahead)), Verdict::Within);
}

#[test]
fn people_at_the_erp_have_the_last_word() {
    let at = |hold, numbers: Numbers| {
        let answer = Answer::Says(numbers, hold, Vec::new());
        verdict(&mut Account::default(), &asked("o-1", 500), &answer)
    };
    assert_eq!(at(erp::CreditHold::On, numbers(1_000_000, 0, 0)), Verdict::Stopped);
    assert_eq!(at(erp::CreditHold::Off, numbers(0, 1_000, 0)), Verdict::Waived);
    let dollars = Numbers { currency: "USD".into(), ..numbers(0, 0, 0) };
    assert_eq!(at(erp::CreditHold::Off, dollars), Verdict::Waived);
}

#[test]
fn no_limit_is_no_limit_unless_the_channel_wants_one() {
    let unlimited = Numbers { limit: None, ..numbers(0, 1_000_000, 0) };
    for (without_limit, came_to) in [(OnUnlimited::GoOn, Verdict::NoLimit), (OnUnlimited::Hold, Verdict::LimitMissing)]
    {
        let rules = CreditRules { without_limit, ..CreditRules::default() };
        let check = judge(&rules, &unlimited, erp::CreditHold::Auto, Some(0), &asked("o-1", 1));
        assert_eq!(check.verdict(), came_to);
    }
}

#[test]
fn another_currency_is_looked_at_by_a_person() {
    let dollars = Numbers { currency: "USD".into(), ..numbers(1_000_000, 0, 0) };
    let came_to = verdict(&mut Account::default(), &asked("o-1", 1), &auto(dollars));
    assert_eq!((came_to, came_to.hold()), (Verdict::OtherCurrency, Some(CURRENCY)));
    let mut account = Account::default();
    let euros = Asked { currency: "EUR".into(), released: true, ..asked("o-1", 1) };
    assert_eq!(verdict(&mut account, &euros, &Answer::NotAsked), Verdict::Released);
    let pounds = verdict(&mut account, &asked("o-2", 1), &auto(numbers(1_000_000, 0, 0)));
    assert_eq!(pounds, Verdict::OtherCurrency, "euros and pounds are not added up");
}

#[test]
fn an_order_that_the_erp_has_is_not_counted_twice() {
    let mut account = Account::default();
    assert_eq!(verdict(&mut account, &asked("o-1", 600), &auto(numbers(1_000, 0, 0))), Verdict::Within);
    let held = Answer::Says(numbers(1_000, 0, 600), erp::CreditHold::Auto, vec!["o-1".to_owned()]);
    assert_eq!(verdict(&mut account, &asked("o-2", 400), &held), Verdict::Within);
    assert_eq!(verdict(&mut account, &asked("o-3", 1), &held), Verdict::OverLimit);
}

#[test]
fn numbers_that_may_be_older_than_an_order_that_left_decide_nothing() {
    let mut account = Account::default();
    verdict(&mut account, &asked("o-1", 600), &auto(numbers(1_000, 0, 0)));
    let before = account.left;
    // Another one has seen that the ERP has it; these numbers were read earlier.
    account.see(&[left("o-1")]);
    let old = auto(numbers(1_000, 0, 0));
    let rules = CreditRules::default();
    assert_eq!(account.decide(&rules, &asked("o-2", 600), &old, before), Err(Undecided::Moved));
    let new = auto(numbers(1_000, 0, 600));
    let left = account.left;
    assert_eq!(account.decide(&rules, &asked("o-2", 600), &new, left).unwrap().verdict(), Verdict::OverLimit);
}

#[test]
fn asked_twice_it_says_the_same_and_counts_once() {
    let mut account = Account::default();
    let first = account.decide(&CreditRules::default(), &asked("o-1", 600), &auto(numbers(1_000, 0, 0)), 0).unwrap();
    let full = auto(numbers(1_000, 1_000, 0));
    let again = account.decide(&CreditRules::default(), &asked("o-1", 600), &full, 7).unwrap();
    assert_eq!((first, account.orders.len()), (again, 1));
}

#[test]
fn an_order_that_became_dearer_is_asked_for_anew_and_an_older_version_of_it_counts_no_more() {
    let mut account = Account::default();
    let room = auto(numbers(1_000, 0, 0));
    let dearer = Asked { version: 2, ..asked("o-1", 900) };
    assert_eq!(verdict(&mut account, &asked("o-1", 600), &room), Verdict::Within);
    assert_eq!(verdict(&mut account, &dearer, &room), Verdict::Within, "its former amount is its own");
    let late = account.decide(&CreditRules::default(), &asked("o-1", 600), &room, 0);
    assert_eq!(late, Err(Undecided::Overtaken));
    let much = Asked { version: 3, ..asked("o-1", 1_001) };
    assert_eq!(verdict(&mut account, &much, &room), Verdict::OverLimit);
    assert!(account.orders.is_empty(), "what is held takes up no room");
}

#[test]
fn an_erp_that_cannot_say_refuses_nothing() {
    let silent = Answer::Silent("VENDOR_UNREACHABLE".into());
    let mut account = Account::default();
    assert_eq!(verdict(&mut account, &asked("o-1", 600), &silent), Verdict::StillUnknown);
    assert!(account.orders.is_empty());
    let rules = CreditRules { unknown: OnSilence::GoOn, ..CreditRules::default() };
    let check = account.decide(&rules, &asked("o-1", 600), &silent, 0).unwrap();
    assert_eq!((check.verdict(), check.verdict().passes()), (Verdict::NotSaid, true));
    let next = verdict(&mut account, &asked("o-2", 401), &auto(numbers(1_000, 0, 0)));
    assert_eq!(next, Verdict::OverLimit, "what went on unasked counts all the same");
}

#[test]
fn an_answer_that_does_not_say_everything_is_no_answer() {
    let pounds = |minor_units| Some(Money { minor_units, currency: "GBP".into() });
    let whole = erp::CustomerCredit {
        balance: pounds(1),
        deposits: pounds(2),
        unbilled_orders: pounds(3),
        hold: i32::from(erp::CreditHold::Auto),
        ..erp::CustomerCredit::default()
    };
    let Ok(Answer::Says(numbers, _, _)) = read(Some(whole.clone())) else { panic!("it is whole") };
    assert_eq!((numbers.limit, numbers.balance, numbers.deposits, numbers.unbilled), (None, 1, 2, 3));
    let unsaid = erp::CustomerCredit { hold: 0, ..whole.clone() };
    let half = erp::CustomerCredit { unbilled_orders: None, ..whole.clone() };
    let mixed = erp::CustomerCredit { limit: Some(Money { minor_units: 1, currency: "EUR".into() }), ..whole.clone() };
    assert!([unsaid, half, mixed].into_iter().all(|broken| read(Some(broken)).is_err()));
}

fn on_account() -> Order {
    let mut order = builder().received();
    order.payments.clear();
    order.customer_id = "c-1".into();
    (order.items_known, order.checked) = (true, true);
    order.needs_credit();
    order
}

fn found(order: &Order, verdict: Verdict) -> Check {
    Asked::of(order, NOW).came_to(verdict, format!("{verdict:?}"))
}

#[test]
fn only_what_is_on_account_is_asked_for() {
    let mut order = on_account();
    assert!(order.awaits_credit());
    order.take_credit(&found(&order, Verdict::Within), &CreditRules::default(), NOW);
    assert!(!order.awaits_credit());
    let mut paid = builder().received();
    paid.needs_credit();
    assert!(!paid.awaits_credit(), "its shop has the money");
    let unasked = Order { credit: None, ..on_account() };
    assert!(!unasked.awaits_credit(), "nobody asks for its channel");
}

#[test]
fn a_held_order_says_when_the_erp_is_asked_again_and_goes_on_when_there_is_room() {
    let rules = CreditRules::default();
    let mut order = on_account();
    order.take_credit(&found(&order, Verdict::OverLimit), &rules, NOW);
    assert_eq!((order.state(), order.holds[0].reason.as_str()), (State::Held, OVER));
    assert_eq!(order.asks_credit_at(), Some(NOW + 300_000));
    let since = order.holds[0].since;
    order.take_credit(&found(&order, Verdict::OtherCurrency), &rules, NOW + 300_000);
    assert_eq!(order.asks_credit_at(), Some(NOW + 900_000));
    let hold = &order.holds[0];
    assert_eq!((order.holds.len(), hold.reason.as_str(), hold.since), (1, CURRENCY, since));
    order.take_credit(&found(&order, Verdict::StillUnknown), &rules, NOW + 900_000);
    assert_eq!(order.state(), State::Held, "what is unknown changes nothing");
    order.take_credit(&found(&order, Verdict::Within), &rules, NOW + 2_100_000);
    assert_eq!((order.state(), order.awaits_credit(), order.asks_credit_at()), (State::Received, false, None));
    let checks = order.credit.as_ref().unwrap().checks.len();
    assert_eq!(checks, 4);
}

#[test]
fn the_same_found_again_is_kept_once_and_the_last_ten_are_kept() {
    let mut order = on_account();
    for round in 0..30 {
        let verdict = if round % 4 < 2 { Verdict::OverLimit } else { Verdict::Stopped };
        order.take_credit(&found(&order, verdict), &CreditRules::default(), NOW + round);
    }
    let checks = &order.credit.as_ref().unwrap().checks;
    assert!(checks.len() == 10 && checks.windows(2).all(|two| two[0].verdict != two[1].verdict));
}

#[test]
fn a_person_releases_it_and_it_is_not_held_again() {
    let mut order = on_account();
    order.take_credit(&found(&order, Verdict::OverLimit), &CreditRules::default(), NOW);
    order.release_hold(OVER).unwrap();
    assert!(order.awaits_credit(), "it has to count on the account first");
    let asked = Asked::of(&order, NOW);
    assert!(asked.needs_no_numbers());
    let mut account = Account::default();
    let check = account.decide(&CreditRules::default(), &asked, &Answer::NotAsked, 0).unwrap();
    order.take_credit(&check, &CreditRules::default(), NOW);
    assert_eq!((order.state(), order.awaits_credit()), (State::Received, false));
    assert_eq!(account.orders.len(), 1);
}

#[test]
fn an_answer_that_was_on_its_way_when_a_person_released_it_holds_it_for_no_other_reason() {
    let mut order = on_account();
    order.take_credit(&found(&order, Verdict::OverLimit), &CreditRules::default(), NOW);
    let late = found(&order, Verdict::OtherCurrency);
    order.release_hold(OVER).unwrap();
    order.take_credit(&late, &CreditRules::default(), NOW);
    assert_eq!((order.state(), order.awaits_credit()), (State::Received, true));
}

#[test]
fn an_order_that_is_paid_meanwhile_needs_no_credit() {
    let mut order = on_account();
    order.take_credit(&found(&order, Verdict::OverLimit), &CreditRules::default(), NOW);
    order.payments = builder().received().payments;
    assert_eq!(order.asks_credit_at(), Some(0), "at once");
    order.take_credit(&found(&order, Verdict::Paid), &CreditRules::default(), NOW);
    assert_eq!(order.state(), State::Received);
}

#[test]
fn what_was_asked_before_the_order_changed_or_was_cancelled_counts_no_more() {
    let mut order = on_account();
    let before = found(&order, Verdict::Within);
    order.total += 1;
    order.take_credit(&before, &CreditRules::default(), NOW);
    assert!(order.awaits_credit());
    order.cancel("no longer wanted", false).unwrap();
    order.take_credit(&found(&order, Verdict::OverLimit), &CreditRules::default(), NOW);
    assert_eq!(order.state(), State::Cancelling);
}

#[test]
fn while_something_else_holds_it_no_room_is_asked_for() {
    let mut order = on_account();
    order.take_credit(&found(&order, Verdict::OverLimit), &CreditRules::default(), NOW);
    order.hold_by_person("the buyer called", NOW).unwrap();
    assert_eq!(order.asks_credit_at(), None);
    order.release_hold("HELD_BY_PERSON").unwrap();
    assert!(order.asks_credit_at().is_some());
}

/// What happens at a customer's account: an order asks with numbers that may be old, the ERP gets one, one is cancelled.
#[derive(Debug, Clone)]
enum Deed {
    Ask { order: usize, minor: i64 },
    Read { order: usize },
    Book { order: usize },
    SeenOff { order: usize },
    Cancel { order: usize },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..8_usize).prop_map(|order| Deed::Read { order }),
        4 => (0..8_usize, 1..600_i64).prop_map(|(order, minor)| Deed::Ask { order, minor }),
        2 => (0..8_usize).prop_map(|order| Deed::Book { order }),
        2 => (0..8_usize).prop_map(|order| Deed::SeenOff { order }),
        1 => (0..8_usize).prop_map(|order| Deed::Cancel { order }),
    ]
}

proptest! {
    #[test]
    fn whoever_asks_when_and_however_old_the_numbers_are_no_more_goes_on_than_the_limit(
        deeds in prop::collection::vec(deed(), 1..80),
        limit in 0..2_000_i64,
    ) {
        let rules = CreditRules::default();
        let mut account = Account::default();
        // What the ERP has, by order; what it was let through with; cancelled ones; what each asker has read so far.
        let (mut booked, mut through) = ([None::<i64>; 8], [None::<i64>; 8]);
        let mut over = [false; 8];
        let mut read: Vec<Option<(u64, Answer)>> = vec![None; 8];
        let name = |order: usize| format!("o-{order}");
        for deed in deeds {
            match deed {
                Deed::Read { order } => {
                    let held = (0..8).filter(|one| booked[*one].is_some()).map(name).collect();
                    let unbilled = booked.iter().flatten().sum();
                    let answer = Answer::Says(numbers(limit, 0, unbilled), erp::CreditHold::Auto, held);
                    read[order] = Some((account.left, answer));
                }
                Deed::Ask { order, minor } if booked[order].is_none() && through[order].is_none() && !over[order] => {
                    let Some((left, answer)) = read[order].take() else { continue };
                    if let Ok(check) = account.decide(&rules, &asked(&name(order), minor), &answer, left)
                        && check.verdict().passes()
                    {
                        through[order] = Some(minor);
                    }
                }
                Deed::Book { order } if !over[order] => booked[order] = booked[order].or(through[order]),
                Deed::SeenOff { order } if booked[order].is_some() || over[order] => account.see(&[left(&name(order))]),
                Deed::Cancel { order } if booked[order].is_none() => {
                    (over[order], through[order]) = (true, None);
                }
                Deed::Ask { .. } | Deed::Book { .. } | Deed::SeenOff { .. } | Deed::Cancel { .. } => {}
            }
            let all: i64 = through.iter().flatten().sum();
            prop_assert!(all <= limit, "{all} of {limit} went on: {account:?}");
        }
    }

    #[test]
    fn a_dearer_order_never_passes_where_a_cheaper_one_is_held(
        limit in 0..10_000_i64, balance in -5_000..10_000_i64, unbilled in 0..10_000_i64,
        others in 0..5_000_i64, minor in 1..10_000_i64, more in 0..10_000_i64,
    ) {
        let at = |minor| {
            let numbers = numbers(limit, balance, unbilled);
            judge(&CreditRules::default(), &numbers, erp::CreditHold::Auto, Some(others), &asked("o-1", minor)).verdict()
        };
        prop_assert!(at(minor) == Verdict::Within || at(minor + more) == Verdict::OverLimit);
        prop_assert_eq!(at(minor) == Verdict::Within, balance + unbilled + others + minor <= limit);
    }
}
