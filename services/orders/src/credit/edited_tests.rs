//! What edits add on account: at the customer's account, at the order, and in whatever order things happen.

use proptest::prelude::*;
use retail_proto::Quantity;
use retail_proto::erp::v1::CreditHold;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::Money;

use super::super::account::{Account, Room, Seen, Undecided};
use super::super::{Answer, Asked, Check, CreditRules, Numbers, OnSilence, Verdict};
use super::*;
use crate::config::Channel;
use crate::edit::{Asked as Wish, Circumstances};
use crate::pickup::By;
use crate::record::State;
use crate::screening::OnExpiry;
use crate::testing::order as builder;

const NOW: i64 = 1_700_000_000_000;

fn says(limit: i64, unbilled: i64, held: &[&str]) -> Answer {
    let numbers = Numbers { currency: "GBP".into(), limit: Some(limit), unbilled, ..Numbers::default() };
    Answer::Says(numbers, CreditHold::Auto, held.iter().map(|id| (*id).to_owned()).collect())
}

fn asked(order: &str, edit: u32, minor: i64) -> Asked {
    Asked { order: order.into(), version: 1, edit, minor, currency: "GBP".into(), at: NOW, ..Asked::default() }
}

fn decide(account: &mut Account, asked: &Asked, answer: &Answer) -> Check {
    let left = account.left;
    account.decide(&CreditRules::default(), asked, answer, left).unwrap()
}

fn counted(account: &Account) -> Vec<i64> {
    account.orders.iter().map(|known| known.minor()).collect()
}

fn seen(order: &str, version: u64, rooms: &[(u32, Room)], edited: Option<i64>) -> Seen {
    Seen { order: order.into(), version, rooms: rooms.to_vec(), edited }
}

#[test]
fn what_an_edit_adds_counts_beside_its_order_and_once_however_often_it_is_asked() {
    let mut account = Account::default();
    decide(&mut account, &asked("o-1", 0, 600), &says(1_000, 0, &[]));
    for _ in 0..3 {
        let check = decide(&mut account, &asked("o-1", 1, 300), &says(1_000, 0, &[]));
        assert_eq!((check.verdict(), check.others), (Verdict::Within, 600));
    }
    assert_eq!(counted(&account), [600, 300]);
    assert_eq!(decide(&mut account, &asked("o-2", 0, 101), &says(1_000, 0, &[])).verdict(), Verdict::OverLimit);
    // The ERP has the order by now, and of the edit it knows nothing.
    let check = decide(&mut account, &asked("o-2", 0, 100), &says(1_000, 600, &["o-1"]));
    assert_eq!((check.verdict(), check.others), (Verdict::Within, 300));
}

#[test]
fn an_edit_that_is_refused_takes_up_no_room_and_its_order_as_much_as_before() {
    let mut account = Account::default();
    decide(&mut account, &asked("o-1", 0, 600), &says(1_000, 0, &[]));
    let check = decide(&mut account, &asked("o-1", 1, 401), &says(1_000, 0, &[]));
    assert_eq!((check.verdict(), counted(&account)), (Verdict::OverLimit, vec![600]));
    insta::assert_snapshot!(check.why, @"limit 10.00 GBP, balance 0.00 GBP, not in the ERP yet 6.00 GBP, edit 1 adds 4.01 GBP: 0.01 GBP over the limit; edit it again once there is room");
}

#[test]
fn what_a_shop_has_sold_counts_whatever_is_found() {
    let mut account = Account::default();
    let sold = Asked { sold: true, ..asked("o-1", 1, 300) };
    let check = decide(&mut account, &sold, &says(100, 0, &[]));
    assert_eq!((check.verdict(), counted(&account)), (Verdict::OverLimit, vec![300]));
    insta::assert_snapshot!(check.why, @"limit 1.00 GBP, balance 0.00 GBP, edit 1 adds 3.00 GBP: 2.00 GBP over the limit; it is sold already and goes on; look at it, then release the hold");
    let unheard = Asked { sold: true, ..asked("o-2", 1, 200) };
    let check = decide(&mut account, &unheard, &Answer::Silent("VENDOR_UNREACHABLE".into()));
    assert_eq!((check.verdict(), counted(&account)), (Verdict::StillUnknown, vec![300, 200]));
    insta::assert_snapshot!(check.why, @"the ERP cannot say whether there is room (VENDOR_UNREACHABLE); edit 1 adds 2.00 GBP: it is sold already and goes on; look at it, then release the hold");
}

#[test]
fn an_edit_of_ours_is_let_through_by_no_silence_unless_its_channel_says_so() {
    let silent = Answer::Silent("VENDOR_UNREACHABLE".into());
    let check = decide(&mut Account::default(), &asked("o-1", 1, 300), &silent);
    assert!(asked("o-1", 1, 300).is_refused(&check) && !asked("o-1", 0, 300).is_refused(&check));
    let rules = CreditRules { unknown: OnSilence::GoOn, ..CreditRules::default() };
    let check = Account::default().decide(&rules, &asked("o-1", 1, 300), &silent, 0).unwrap();
    assert_eq!(check.verdict(), Verdict::NotSaid);
}

#[test]
fn each_refusal_of_an_edit_says_what_can_be_done() {
    let why = |hold, numbers: Numbers| {
        let rules = CreditRules { without_limit: super::super::OnUnlimited::Hold, ..CreditRules::default() };
        let answer = Answer::Says(numbers, hold, Vec::new());
        Account::default().decide(&rules, &asked("o-1", 2, 300), &answer, 0).unwrap().why
    };
    let numbers = Numbers { currency: "GBP".into(), limit: Some(100), ..Numbers::default() };
    let lines = [
        why(CreditHold::On, numbers.clone()),
        why(CreditHold::Auto, Numbers { limit: None, ..numbers.clone() }),
        why(CreditHold::Auto, Numbers { currency: "EUR".into(), ..numbers }),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    the ERP has the customer on credit hold (limit 1.00 GBP, balance 0.00 GBP, edit 2 adds 3.00 GBP); lift it there, then edit it again
    no limit is set (balance 0.00 GBP, edit 2 adds 3.00 GBP); set one in the ERP, then edit it again
    the ERP keeps the customer in EUR, the order is in GBP (limit 1.00 EUR, balance 0.00 EUR, edit 2 adds 3.00 GBP): have it paid with the edit, or order it as an order of its own
    ");
}

#[test]
fn an_edit_that_the_erp_has_leaves_and_numbers_from_before_decide_nothing() {
    let mut account = Account::default();
    decide(&mut account, &asked("o-1", 1, 300), &says(1_000, 600, &["o-1"]));
    let before = account.left;
    account.see(&[seen("o-1", 2, &[(1, Room::Left)], None)]);
    let late = account.decide(&CreditRules::default(), &asked("o-2", 0, 200), &says(1_000, 600, &["o-1"]), before);
    assert_eq!((late, account.orders.len()), (Err(Undecided::Moved), 0));
    assert_eq!(decide(&mut account, &asked("o-2", 0, 101), &says(1_000, 900, &[])).verdict(), Verdict::OverLimit);
}

#[test]
fn what_is_edited_before_the_erp_has_the_order_is_counted_with_it_from_then_on() {
    let mut account = Account::default();
    let early = Asked { before_booking: true, ..asked("o-1", 1, 300) };
    decide(&mut account, &asked("o-1", 0, 600), &says(1_000, 0, &[]));
    decide(&mut account, &early, &says(1_000, 0, &[]));
    let booked = decide(&mut account.clone(), &asked("o-2", 0, 100), &says(1_000, 900, &["o-1"]));
    assert_eq!((booked.verdict(), booked.others), (Verdict::Within, 0), "the ERP has it as edited");
    account.see(&[seen("o-1", 5, &[(0, Room::Needed), (1, Room::Joined)], Some(900))]);
    assert_eq!((counted(&account), account.left), (vec![900], 0));
    // Somebody who has read it earlier comes late.
    account.see(&[seen("o-1", 4, &[(0, Room::Needed), (1, Room::Joined)], Some(600))]);
    assert_eq!(counted(&account), [900]);
    account.see(&[seen("o-1", 7, &[(0, Room::Needed)], Some(200))]);
    assert_eq!(decide(&mut account, &asked("o-2", 0, 800), &says(1_000, 0, &[])).verdict(), Verdict::Within);
}

#[test]
fn an_edit_that_joins_an_order_which_counts_nowhere_goes_on_counting() {
    let mut account = Account::default();
    decide(&mut account, &Asked { before_booking: true, ..asked("o-1", 1, 300) }, &says(1_000, 0, &[]));
    account.see(&[seen("o-1", 5, &[(1, Room::Joined)], Some(900))]);
    assert_eq!(counted(&account), [300]);
}

fn on_account() -> Order {
    let mut order = builder().booked();
    order.confirmed = true;
    order.payments.clear();
    order.lines.iter_mut().for_each(|line| line.location = "MAIN".into());
    order
}

fn units(line: i32, units: i64) -> Wish {
    Wish { quantities: vec![(line, Quantity::whole(units).unwrap())], ..Wish::default() }
}

fn edit(order: &mut Order, wish: &Wish) {
    let channel = Channel { address: "http://shop".into(), ..Channel::default() };
    let known = Circumstances {
        channel: Some(&channel),
        booking_sent: order.sales_order.is_some(),
        asks_credit: true,
        ..Circumstances::default()
    };
    order.edit(wish, known, By { who: "anna", at: NOW, why: "so" }).unwrap();
    if wish.by_shop {
        order.edits.last_mut().unwrap().by_shop = true;
    }
    order.advance();
}

fn found(order: &Order, verdict: Verdict) -> Check {
    let (number, edit) = order.editing().unwrap();
    Asked::of_edit(order, number, edit, NOW).came_to(verdict, format!("{verdict:?}"))
}

fn adds(order: &Order) -> i64 {
    order.adds_on_account(order.edits.last().unwrap())
}

fn paying(minor_units: i64) -> Option<pb::Payment> {
    let amount = Some(Money { minor_units, currency: "GBP".into() });
    let state = i32::from(pb::PaymentState::Captured);
    Some(pb::Payment { tender: 1, amount, state, reference: "ch-2".into(), ..Default::default() })
}

#[test]
fn only_what_an_edit_adds_on_account_is_asked_for() {
    let mut more = on_account();
    edit(&mut more, &units(1, 8));
    assert_eq!(adds(&more), 510);
    let mut less = on_account();
    edit(&mut less, &units(1, 4));
    assert_eq!(adds(&less), 0);
    let mut paid = on_account();
    edit(&mut paid, &Wish { payment: paying(510), ..units(1, 8) });
    assert_eq!(adds(&paid), 0, "paid with the edit");
    let mut overpaid = on_account();
    edit(&mut overpaid, &Wish { payment: paying(900), ..units(1, 8) });
    assert_eq!(adds(&overpaid), 0);
    // What is paid for the order as it was pays for nothing that comes.
    more.payments.push(crate::documents::Payment { id: "p".into(), minor: 600, state: 3, ..Default::default() });
    assert_eq!(adds(&more), 510);
}

#[test]
fn an_edit_goes_on_when_there_is_room_for_what_it_adds() {
    let mut order = on_account();
    edit(&mut order, &units(1, 8));
    let open = |order: &Order| order.edits[0].step() == Step::Asked && order.edit_awaits_credit(&order.edits[0]);
    assert!(open(&order));
    let other = Check { minor: 509, ..found(&order, Verdict::Within) };
    order.take_edit_credit(1, &other, NOW);
    assert!(open(&order), "that was asked of another edit");
    order.take_edit_credit(1, &found(&order, Verdict::Within), NOW);
    assert!(!order.edit_awaits_credit(&order.edits[0]));
    assert_eq!((order.edits[0].credit.as_ref().unwrap().passed, order.holds.len()), (Some(510), 0));
}

#[test]
fn an_edit_without_room_comes_to_nothing_and_says_why() {
    for (verdict, reason) in [(Verdict::OverLimit, "CREDIT"), (Verdict::OtherCurrency, "CREDIT_CURRENCY")] {
        let mut order = on_account();
        let before = order.clone();
        edit(&mut order, &units(1, 8));
        order.take_edit_credit(1, &found(&order, verdict), NOW);
        order.advance();
        assert_eq!((order.edits[0].step(), &order.edits[0].outcome), (Step::Failed, &format!("{reason}: {verdict:?}")));
        assert_eq!(Order { edits: Vec::new(), ..order }, before);
    }
}

#[test]
fn an_edit_of_charges_alone_waits_for_credit_as_well() {
    let mut order = on_account();
    let postage = pb::LineInput {
        kind: i32::from(pb::LineKind::Charge),
        sku: "POST".into(),
        quantity: "1".into(),
        unit_price: "4.95".into(),
        ..Default::default()
    };
    edit(&mut order, &Wish { new_lines: vec![postage], ..Wish::default() });
    assert_eq!((order.edits[0].step(), adds(&order)), (Step::Asked, 495), "nothing of it need be promised");
    order.take_edit_credit(1, &found(&order, Verdict::Within), NOW);
    order.advance();
    assert_eq!(order.edits[0].step(), Step::Promised);
}

#[test]
fn what_a_shop_has_sold_goes_on_and_is_marked_until_a_person_has_looked_at_it() {
    let mut order = on_account();
    order.released.push(OVER.into());
    edit(&mut order, &Wish { by_shop: true, ..units(1, 8) });
    order.take_edit_credit(1, &found(&order, Verdict::OverLimit), NOW);
    order.advance();
    assert_eq!((order.edits[0].step(), order.state()), (Step::Asked, State::Booked));
    assert!(!order.edit_awaits_credit(&order.edits[0]) && crate::seal::is_exception(&order));
    assert_eq!((order.holds[0].reason.as_str(), order.status()), (OVER, "Booked, being changed"));
    order.expire_holds(OnExpiry::Cancel, NOW);
    order.edit_promised(1, &[]);
    order.edit_confirmed(1);
    order.edited(1, None, NOW);
    order.advance();
    assert_eq!((order.edits[0].step(), order.status()), (Step::Done, "Over its customer's credit"));
    order.release_hold(OVER).unwrap();
    order.advance();
    assert!(order.holds.is_empty() && !crate::seal::is_exception(&order));
    edit(&mut order, &Wish { by_shop: true, ..units(1, 9) });
    order.take_edit_credit(2, &found(&order, Verdict::Stopped), NOW);
    assert_eq!(order.holds.len(), 1, "that was not what the person has released");
}

#[test]
fn what_is_marked_is_so_no_longer_once_it_is_paid_or_came_to_nothing() {
    let mut order = on_account();
    edit(&mut order, &Wish { by_shop: true, ..units(1, 8) });
    order.take_edit_credit(1, &found(&order, Verdict::OverLimit), NOW);
    order.advance();
    let mut refused = order.clone();
    refused.refuse_edit(1, "USER_ERROR: being picked");
    refused.advance();
    assert!(refused.holds.is_empty());
    let minor = order.total + 510;
    order.payments.push(crate::documents::Payment { id: "p".into(), minor, state: 3, ..Default::default() });
    order.advance();
    assert!(order.holds.is_empty());
}

#[test]
fn an_order_that_becomes_dearer_before_its_promise_is_not_what_a_person_has_released() {
    let mut order = builder().received();
    order.payments.clear();
    order.released.push(OVER.into());
    let mut less = order.clone();
    edit(&mut order, &units(1, 8));
    edit(&mut less, &units(1, 4));
    assert!(order.edits[0].credit.is_none() && order.released.is_empty());
    assert_eq!(less.released, [OVER]);
}

#[test]
fn what_the_account_sees_of_an_order_follows_its_edits() {
    let rooms = |order: &Order| order.seen_by_account(&[0, 1, 2]).rooms.into_iter().map(|(_, room)| room).collect();
    let mut order = on_account();
    order.sales_order = None;
    order.set_state(State::Reserved);
    edit(&mut order, &units(1, 8));
    let known: Vec<Room> = rooms(&order);
    assert_eq!(known, [Room::Needed, Room::Needed, Room::Needed], "of an edit that is not known yet nothing is known");
    order.take_edit_credit(1, &found(&order, Verdict::Within), NOW);
    order.edit_promised(1, &[]);
    order.edit_confirmed(1);
    order.advance();
    let seen = order.seen_by_account(&[0, 1]);
    assert_eq!((seen.rooms, seen.edited), (vec![(0, Room::Needed), (1, Room::Joined)], Some(order.total)));
    order.sales_order = Some(crate::testing::record("salesOrder", "1"));
    order.advance();
    edit(&mut order, &units(1, 9));
    let known: Vec<Room> = rooms(&order);
    assert_eq!(known, [Room::Left, Room::Left, Room::Needed]);
    order.take_edit_credit(2, &found(&order, Verdict::Within), NOW);
    order.edit_promised(2, &[]);
    order.edit_confirmed(2);
    order.refuse_edit(2, "USER_ERROR");
    let known: Vec<Room> = rooms(&order);
    assert_eq!(known, [Room::Left; 3]);
    assert_eq!(order.seen_by_account(&[0]).edited, None);
}

/// What happens at a customer's account.
#[derive(Debug, Clone)]
enum Deed {
    /// The ERP's numbers are read for whoever asks for an order, or for an edit of it.
    Read,
    Ask(i64),
    Book,
    Edit(i64),
    /// The ERP has the edit, or the order is another one before the ERP has it.
    Land,
    /// The ERP's answer to that is taken.
    Heard,
    Fail,
    Lower(i64),
    Cancel,
    /// Somebody reads the order, and comes with that to the account now or later.
    Look,
    Come,
}

fn deed() -> impl Strategy<Value = (usize, Deed)> {
    let deed = prop_oneof![
        4 => Just(Deed::Read),
        3 => (1..600_i64).prop_map(Deed::Ask),
        2 => Just(Deed::Book),
        4 => (1..300_i64).prop_map(Deed::Edit),
        3 => Just(Deed::Land),
        2 => Just(Deed::Heard),
        1 => Just(Deed::Fail),
        2 => (1..300_i64).prop_map(Deed::Lower),
        1 => Just(Deed::Cancel),
        3 => Just(Deed::Look),
        3 => Just(Deed::Come),
    ];
    (0..5_usize, deed)
}

/// An order of the property below.
#[derive(Debug, Clone, Default)]
struct One {
    version: u64,
    /// What goes on of it.
    through: Option<i64>,
    erp: Option<i64>,
    over: bool,
    edits: Vec<(Room, bool)>,
    /// The edit under way: what it adds, and whether the ERP has it.
    open: Option<(i64, bool)>,
    edited: bool,
    read: Option<(u64, Answer)>,
    looked: Option<Seen>,
}

impl One {
    fn look(&self, name: &str) -> Seen {
        let own = if self.over || self.erp.is_some() { Room::Left } else { Room::Needed };
        let rooms = (1..).zip(&self.edits).map(|(number, (room, early))| {
            let booked = *early && *room == Room::Joined && self.erp.is_some();
            (number, if self.over || booked { Room::Left } else { *room })
        });
        let edited = self.through.filter(|_| self.edited && own == Room::Needed);
        seen(name, self.version, &std::iter::once((0, own)).chain(rooms).collect::<Vec<_>>(), edited)
    }
}

proptest! {
    #[test]
    fn whatever_is_edited_when_no_more_goes_on_than_the_limit(
        deeds in prop::collection::vec(deed(), 1..120),
        limit in 0..2_000_i64,
    ) {
        let rules = CreditRules::default();
        let mut account = Account::default();
        let mut orders = vec![One::default(); 5];
        let name = |place: usize| format!("o-{place}");
        for (place, deed) in deeds {
            let unbilled = orders.iter().filter_map(|one| one.erp).sum();
            let held: Vec<String> = (0..5).filter(|one| orders[*one].erp.is_some()).map(name).collect();
            let one = &mut orders[place];
            one.version += 1;
            match deed {
                Deed::Read => {
                    let held: Vec<&str> = held.iter().map(String::as_str).collect();
                    one.read = Some((account.left, says(limit, unbilled, &held)));
                }
                Deed::Ask(minor) if one.through.is_none() && !one.over => {
                    let Some((left, answer)) = one.read.take() else { continue };
                    let asked = Asked { version: one.version, ..asked(&name(place), 0, minor) };
                    if account.decide(&rules, &asked, &answer, left).is_ok_and(|check| check.verdict().passes()) {
                        one.through = Some(minor);
                    }
                }
                Deed::Edit(minor) if one.through.is_some() && one.open.is_none() && !one.over => {
                    let Some((left, answer)) = one.read.take() else { continue };
                    let (number, early) = (u32::try_from(one.edits.len()).unwrap() + 1, one.erp.is_none());
                    let asked = Asked { before_booking: early, version: one.version, ..asked(&name(place), number, minor) };
                    let Ok(check) = account.decide(&rules, &asked, &answer, left) else { continue };
                    let passes = check.verdict().passes();
                    one.edits.push((if passes { Room::Needed } else { Room::Left }, early));
                    one.open = Some((minor, false)).filter(|_| passes);
                }
                Deed::Book if one.open.is_none() && !one.over => one.erp = one.erp.or(one.through),
                Deed::Land => match (one.open, one.erp) {
                    (Some((adds, false)), Some(erp)) => (one.erp, one.open) = (Some(erp + adds), Some((adds, true))),
                    (Some((adds, false)), None) => {
                        (one.through, one.open, one.edited) = (one.through.map(|minor| minor + adds), None, true);
                        one.edits.last_mut().unwrap().0 = Room::Joined;
                    }
                    (Some(_) | None, _) => {}
                },
                Deed::Heard => {
                    if let Some((adds, true)) = one.open {
                        (one.through, one.open) = (one.through.map(|minor| minor + adds), None);
                        one.edits.last_mut().unwrap().0 = Room::Left;
                    }
                }
                Deed::Fail => {
                    if let Some((_, false)) = one.open {
                        one.open = None;
                        one.edits.last_mut().unwrap().0 = Room::Left;
                    }
                }
                Deed::Lower(minor) if one.open.is_none() && !one.over => {
                    let Some(before) = one.through else { continue };
                    let after = (before - minor).max(1);
                    one.edits.push((if one.erp.is_none() { Room::Joined } else { Room::Left }, one.erp.is_none()));
                    one.edited |= one.erp.is_none();
                    (one.through, one.erp) = (Some(after), one.erp.map(|_| after));
                }
                Deed::Cancel => (one.over, one.through, one.erp, one.open) = (true, None, None, None),
                Deed::Look => one.looked = Some(one.look(&name(place))),
                Deed::Come => account.see(one.looked.as_slice()),
                Deed::Ask(_) | Deed::Edit(_) | Deed::Book | Deed::Lower(_) => {}
            }
            let adds = |one: &One| one.through.unwrap_or(0) + one.open.map_or(0, |(adds, _)| adds);
            let all: i64 = orders.iter().map(adds).sum();
            prop_assert!(all <= limit, "{all} of {limit} go on: {account:?} {orders:?}");
        }
    }
}
