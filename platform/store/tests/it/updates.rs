//! Updates: pure rules over documents, many callers in one commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use prost::Message as _;
use retail_store::{
    Caller, Document as _, Draft, Error, Fence, IndexQuery, LeaseAnswer, Mark, Marked, Partition, Position, Store,
    UpdateError, Version,
};
use uuid::Uuid;

use crate::bed::{Account, Bed, NewAccount, Note, at, suite};

suite! {
    an_update_is_read_back,
    many_callers_of_one_document_share_few_commits,
    a_refused_rule_changes_nothing_and_nobody_else,
    a_repeated_key_is_answered_with_the_first_result,
    a_key_sent_twice_at_once_is_applied_once,
    a_key_of_another_request_is_refused,
    a_refused_rule_leaves_its_key_free,
    events_carry_gapless_versions_that_end_at_the_documents,
    a_transfer_changes_two_documents_at_once,
    a_rule_sees_what_it_has_put,
    a_rule_that_reads_what_another_changes_is_run_again,
    a_document_of_another_partition_is_refused,
    a_panicking_rule_harms_nobody_else,
    an_untouched_document_is_not_written,
    a_rule_that_only_sets_a_due_time_writes_no_document,
    a_deleted_document_is_gone,
    a_sibling_lies_beside_its_document,
    what_is_appended_costs_no_second_run_and_never_takes_anothers_place,
    a_rule_can_ask_what_it_has_said_so_far,
    a_step_without_the_lease_fails_alone,
    a_handled_event_is_told_to_its_caller_alone,
    a_document_of_a_newer_release_is_read_but_not_changed,
    a_newer_release_keeps_its_schema,
    lists_merge_all_partitions,
    two_replicas_lose_no_update,
    a_step_may_answer_anything,
    an_event_names_its_cause,
    an_empty_id_is_refused,
}

type Never = std::convert::Infallible;

fn deposit(amount: i64) -> impl Fn(&mut Draft<Account>) -> Result<i64, Never> + Send + 'static {
    move |draft| {
        draft.doc.balance += amount;
        draft.emit("Deposited", draft.doc.encode_to_vec());
        Ok(draft.doc.balance)
    }
}

fn withdraw(amount: i64) -> impl Fn(&mut Draft<Account>) -> Result<i64, String> + Send + 'static {
    move |draft| {
        draft.doc.balance -= amount;
        if draft.doc.balance < 0 { Err(format!("{} short", -draft.doc.balance)) } else { Ok(draft.doc.balance) }
    }
}

fn by(key: &str) -> Caller {
    Caller::keyed("tester", "Deposit", key, b"request")
}

async fn balance(store: &Store, id: &str) -> i64 {
    store.read::<Account>(id).await.unwrap().map_or(0, |found| found.doc.balance)
}

async fn lease(store: &Store, id: &str, who: u8) -> Fence {
    let ttl = Duration::from_secs(10);
    match store.lease_take(Account::partition(id), [who; 16], ttl).await.unwrap() {
        LeaseAnswer::Held(lease) => lease.fence,
        other => panic!("{other:?}"),
    }
}

async fn an_update_is_read_back(bed: Bed) {
    let store = bed.store();
    assert_eq!(store.read::<Account>("a").await, Ok(None));
    let done = store.update("a", Caller::Plain, deposit(5)).await.unwrap();
    assert_eq!((done.value, done.version, done.repeated), (5, Version(1), false));
    let found = store.read::<Account>("a").await.unwrap().unwrap();
    assert_eq!((found.doc.balance, found.version, found.events, found.schema), (5, Version(1), 1, 1));
    assert_eq!(store.commits(), 1);
}

async fn many_callers_of_one_document_share_few_commits(bed: Bed) {
    let store = bed.store();
    let done = join_all((0..200).map(|_| store.update("hot", Caller::Plain, deposit(1)))).await;
    let mut values = done.into_iter().map(|done| done.unwrap().value).collect::<Vec<_>>();
    values.sort_unstable();
    assert_eq!(values, (1..=200).collect::<Vec<_>>());
    assert!(store.commits() < 20, "{} commits for 200 updates", store.commits());
    assert_eq!(store.read::<Account>("hot").await.unwrap().unwrap().version, Version(200));
}

async fn a_refused_rule_changes_nothing_and_nobody_else(bed: Bed) {
    let store = bed.store();
    store.update("a", Caller::Plain, deposit(10)).await.unwrap();
    let (first, second, third) = futures::join!(
        store.update("a", Caller::Plain, withdraw(4)),
        store.update("a", Caller::Plain, withdraw(100)),
        store.update("a", Caller::Plain, withdraw(4)),
    );
    assert_eq!((first.unwrap().value, third.unwrap().value), (6, 2));
    assert_eq!(second, Err(UpdateError::Rule("94 short".to_owned())));
    assert_eq!(balance(&store, "a").await, 2);
}

async fn a_repeated_key_is_answered_with_the_first_result(bed: Bed) {
    let store = bed.store();
    let first = store.update("a", by("k"), deposit(5)).await.unwrap();
    store.update("a", Caller::Plain, deposit(1)).await.unwrap();
    let again = store.update("a", by("k"), deposit(5)).await.unwrap();
    assert_eq!((first.value, first.repeated), (5, false));
    assert_eq!((again.value, again.repeated, again.version), (5, true, Version(2)));
    assert_eq!(balance(&store, "a").await, 6);
}

async fn a_key_sent_twice_at_once_is_applied_once(bed: Bed) {
    let store = bed.store();
    let done = join_all((0..20).map(|n| store.update("a", by(&format!("k{}", n % 4)), deposit(1)))).await;
    let fresh = done.iter().filter(|done| !done.as_ref().unwrap().repeated).count();
    assert_eq!((fresh, balance(&store, "a").await), (4, 4));
}

async fn a_key_of_another_request_is_refused(bed: Bed) {
    let store = bed.store();
    store.update("a", by("k"), deposit(5)).await.unwrap();
    let other = Caller::keyed("tester", "Deposit", "k", b"another request");
    let refused = store.update("a", other, deposit(7)).await;
    assert_eq!(refused, Err(UpdateError::Store(Error::KeyReused)));
    assert_eq!(balance(&store, "a").await, 5);
}

async fn a_refused_rule_leaves_its_key_free(bed: Bed) {
    let store = bed.store();
    assert!(store.update("a", by("k"), withdraw(5)).await.is_err());
    store.update("a", Caller::Plain, deposit(5)).await.unwrap();
    assert!(!store.update("a", by("k"), withdraw(5)).await.unwrap().repeated);
}

async fn events_carry_gapless_versions_that_end_at_the_documents(bed: Bed) {
    let store = bed.store();
    let both = |n: usize| if n.is_multiple_of(2) { "bank/a" } else { "bank/b" };
    join_all((0..50).map(|n| store.update(both(n), Caller::Plain, deposit(1)))).await;
    let partition = Account::partition("bank/a");
    let feed = store.feed(partition, &Position::BEGIN, 100).await.unwrap();
    assert_eq!(feed.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
    for id in ["bank/a", "bank/b"] {
        let of_this = feed.iter().filter(|entry| entry.event.subject == Account::key(id));
        let versions = of_this.clone().map(|entry| entry.event.version).collect::<Vec<_>>();
        let balances = of_this.map(|entry| Account::decode(entry.event.body.clone()).unwrap().balance);
        let document = store.read::<Account>(id).await.unwrap().unwrap();
        assert_eq!(versions, (1..=25).collect::<Vec<_>>());
        assert_eq!(balances.collect::<Vec<_>>(), (1..=25).collect::<Vec<_>>());
        assert_eq!((document.events, document.version), (25, Version(25)));
    }
}

fn transfer(to: &'static str, amount: i64) -> impl Fn(&mut Draft<Account>) -> Result<(), String> + Send + 'static {
    move |draft| {
        let mut other = draft.get::<Account>(to).unwrap_or_default();
        draft.doc.balance -= amount;
        other.balance += amount;
        other.entries.push(draft.id().to_owned());
        draft.put(to, &other);
        draft.emit("Sent", vec![]);
        draft.emit_on::<Account>(to, "Received", vec![]);
        if draft.doc.balance < 0 { Err("too poor".to_owned()) } else { Ok(()) }
    }
}

async fn a_transfer_changes_two_documents_at_once(bed: Bed) {
    let store = bed.store();
    store.update("bank/a", Caller::Plain, deposit(10)).await.unwrap();
    store.update("bank/a", Caller::Plain, transfer("bank/b", 7)).await.unwrap();
    assert_eq!((balance(&store, "bank/a").await, balance(&store, "bank/b").await), (3, 7));
    assert!(store.update("bank/a", Caller::Plain, transfer("bank/b", 7)).await.is_err());
    assert_eq!((balance(&store, "bank/a").await, balance(&store, "bank/b").await), (3, 7));
    let received = store.read::<Account>("bank/b").await.unwrap().unwrap();
    assert_eq!((received.version, received.events), (Version(1), 1));
    assert_eq!(store.commits(), 2);
}

async fn a_rule_sees_what_it_has_put(bed: Bed) {
    let store = bed.store();
    let rule = |draft: &mut Draft<Account>| -> Result<i64, Never> {
        draft.put("bank/b", &Account { balance: 3, entries: vec![] });
        let seen = draft.get::<Account>("bank/b").map_or(-1, |b| b.balance);
        draft.remove::<Account>("bank/b");
        assert_eq!(draft.get::<Account>("bank/b"), None);
        draft.put("bank/b", &Account { balance: 4, entries: vec![] });
        Ok(seen)
    };
    assert_eq!(store.update("bank/a", Caller::Plain, rule).await.unwrap().value, 3);
    assert_eq!(balance(&store, "bank/b").await, 4);
}

/// Copies the balance of another account: right only if that account has not changed meanwhile.
fn mirror(of: &'static str) -> impl Fn(&mut Draft<Account>) -> Result<i64, Never> + Send + 'static {
    move |draft| {
        draft.doc.balance = draft.get::<Account>(of).unwrap_or_default().balance;
        Ok(draft.doc.balance)
    }
}

async fn a_rule_that_reads_what_another_changes_is_run_again(bed: Bed) {
    let (here, there) = (bed.store(), bed.store());
    for round in 1..=20 {
        let (mirrored, _) = futures::join!(
            here.update("bank/a", Caller::Plain, mirror("bank/b")),
            there.update("bank/b", Caller::Plain, deposit(1)),
        );
        assert!([round - 1, round].contains(&mirrored.unwrap().value));
    }
    here.update("bank/a", Caller::Plain, mirror("bank/b")).await.unwrap();
    assert_eq!(balance(&here, "bank/a").await, 20);
}

async fn a_document_of_another_partition_is_refused(bed: Bed) {
    let store = bed.store();
    let elsewhere =
        (0..).map(|n| format!("bank{n}/b")).find(|id| Account::partition(id) != Account::partition("bank/a"));
    let elsewhere = elsewhere.unwrap();
    let key = Account::key(&elsewhere);
    let rule = move |draft: &mut Draft<Account>| -> Result<(), Never> {
        draft.doc.balance = 1;
        draft.put(&elsewhere, &Account::default());
        Ok(())
    };
    let refused = store.update("bank/a", Caller::Plain, rule).await;
    let partition = Account::partition("bank/a");
    assert_eq!(refused, Err(UpdateError::Store(Error::Misrouted { key, partition })));
    assert_eq!(store.read::<Account>("bank/a").await, Ok(None));
}

async fn a_panicking_rule_harms_nobody_else(bed: Bed) {
    let store = bed.store();
    let panics = |_: &mut Draft<Account>| -> Result<i64, Never> { panic!("a bug in a rule") };
    let (before, bug, after) = futures::join!(
        store.update("a", Caller::Plain, deposit(1)),
        store.update("a", Caller::Plain, panics),
        store.update("a", Caller::Plain, deposit(1)),
    );
    assert_eq!((before.unwrap().value, after.unwrap().value), (1, 2));
    assert_eq!(bug, Err(UpdateError::Store(Error::RulePanicked(Account::key("a")))));
    assert_eq!(store.update("a", Caller::Plain, deposit(1)).await.unwrap().value, 3);
}

async fn an_untouched_document_is_not_written(bed: Bed) {
    let store = bed.store();
    store.update("a", Caller::Plain, deposit(0)).await.unwrap();
    let look = |draft: &mut Draft<Account>| -> Result<bool, Never> { Ok(draft.existed) };
    assert!(store.update("a", Caller::Plain, look).await.unwrap().value);
    assert!(!store.update("b", Caller::Plain, look).await.unwrap().value);
    assert_eq!(store.read::<Account>("b").await, Ok(None));
    assert_eq!(store.read::<Account>("a").await.unwrap().unwrap().version, Version(1));
    assert_eq!(store.commits(), 1);
}

async fn a_rule_that_only_sets_a_due_time_writes_no_document(bed: Bed) {
    let store = bed.store();
    store.update("a", Caller::Plain, deposit(1)).await.unwrap();
    let later = |draft: &mut Draft<Account>| -> Result<(), Never> {
        draft.due(Some(at(50)));
        Ok(())
    };
    store.update("a", Caller::Plain, later).await.unwrap();
    assert_eq!(store.read::<Account>("a").await.unwrap().unwrap().version, Version(1));
    let due = store.due(Account::partition("a"), Account::KIND, at(50), 10).await.unwrap();
    assert_eq!(due, [(at(50), Account::key("a"))]);
}

async fn a_deleted_document_is_gone(bed: Bed) {
    let store = bed.store();
    store.update("a", Caller::Plain, deposit(1)).await.unwrap();
    let delete = |draft: &mut Draft<Account>| -> Result<(), Never> {
        draft.delete();
        Ok(())
    };
    store.update("a", Caller::Plain, delete).await.unwrap();
    assert_eq!(store.read::<Account>("a").await, Ok(None));
}

async fn a_sibling_lies_beside_its_document(bed: Bed) {
    let store = bed.store();
    let write = |draft: &mut Draft<Account>| -> Result<(), Never> {
        let mut note = draft.sibling::<Note>();
        note.text.push('x');
        draft.set_sibling(&note);
        Ok(())
    };
    for _ in 0..3 {
        store.update("bank/a", Caller::Plain, write).await.unwrap();
    }
    let note = store.read_sibling::<Account, Note>("bank/a").await.unwrap().unwrap();
    assert_eq!((note.doc.text.as_str(), note.version), ("xxx", Version(3)));
    let look = |draft: &mut Draft<Account>| -> Result<(), Never> {
        let note = draft.sibling::<Note>();
        draft.set_sibling(&note);
        Ok(())
    };
    store.update("bank/a", Caller::Plain, look).await.unwrap();
    assert_eq!(store.read_sibling::<Account, Note>("bank/a").await.unwrap().unwrap().version, Version(3));
}

async fn what_is_appended_costs_no_second_run_and_never_takes_anothers_place(bed: Bed) {
    let store = bed.store();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let append = move |draft: &mut Draft<Account>| -> Result<(), Never> {
        counted.fetch_add(1, Ordering::SeqCst);
        draft.doc.balance += 1;
        draft.append("bank/entry", &Account { balance: draft.doc.balance, ..Account::default() });
        Ok(())
    };
    store.update("bank/a", Caller::Plain, append.clone()).await.unwrap();
    assert_eq!((runs.load(Ordering::SeqCst), balance(&store, "bank/entry").await), (1, 1));
    let again = store.update("bank/a", Caller::Plain, append).await;
    assert_eq!(again, Err(UpdateError::Store(Error::Conflict(Account::partition("bank/a")))));
    assert_eq!((balance(&store, "bank/a").await, balance(&store, "bank/entry").await), (1, 1));
}

async fn a_rule_can_ask_what_it_has_said_so_far(bed: Bed) {
    let store = bed.store();
    store.update("bank/b", Caller::Plain, deposit(5)).await.unwrap();
    let rule = |draft: &mut Draft<Account>| -> Result<bool, Never> {
        let before = (draft.next_version(), draft.emissions().count(), draft.due_said());
        draft.due(Some(at(50)));
        draft.emit("Deposited", Vec::new());
        let after = (draft.next_version(), draft.emissions().count(), draft.due_said());
        let (other, version) = draft.stored_of::<Account>("bank/b");
        let stored = other.is_some_and(|bytes| Account::decode(bytes).is_ok_and(|other| other.balance == 5));
        let silent = (Version::ABSENT, 0, None);
        Ok(before == silent && after == (Version(1), 1, Some(Some(at(50)))) && stored && version == Version(1))
    };
    assert!(store.step("bank/a", None, rule).await.unwrap().value);
}

async fn a_step_without_the_lease_fails_alone(bed: Bed) {
    let store = bed.store();
    let fence = lease(&store, "a", 1).await;
    let lost = Fence { epoch: fence.epoch, nonce: [2; 16] };
    let (held, gone, api) = futures::join!(
        store.update("a", Caller::Step(fence), deposit(1)),
        store.update("a", Caller::Step(lost), deposit(1)),
        store.update("a", Caller::Plain, deposit(1)),
    );
    assert!(held.is_ok() && api.is_ok());
    assert_eq!(gone, Err(UpdateError::Store(Error::Fenced(Account::partition("a")))));
    store.lease_release(Account::partition("a"), fence).await.unwrap();
    let gone = store.update("a", Caller::Step(fence), deposit(1)).await;
    assert_eq!(gone, Err(UpdateError::Store(Error::Fenced(Account::partition("a")))));
    assert_eq!(balance(&store, "a").await, 2);
}

fn handle(version: u64, event: u128) -> impl Fn(&mut Draft<Account>) -> Result<(), Never> + Send + 'static {
    move |draft| {
        draft.doc.balance += 1;
        draft.mark(Mark { consumer: "c/source".into(), version, event: Uuid::from_u128(event), after: None });
        Ok(())
    }
}

async fn a_handled_event_is_told_to_its_caller_alone(bed: Bed) {
    let store = bed.store();
    let (first, again, next, gap) = futures::join!(
        store.update("a", Caller::Plain, handle(1, 1)),
        store.update("a", Caller::Plain, handle(1, 1)),
        store.update("a", Caller::Plain, handle(2, 2)),
        store.update("a", Caller::Plain, handle(4, 4)),
    );
    assert!(first.is_ok() && next.is_ok());
    assert_eq!(again, Err(UpdateError::Store(Error::Marked(Marked::Done))));
    assert_eq!(gap, Err(UpdateError::Store(Error::Marked(Marked::Gap { have: 2 }))));
    let fork = store.update("a", Caller::Plain, handle(2, 3)).await;
    assert_eq!(fork, Err(UpdateError::Store(Error::Marked(Marked::Fork { have: Uuid::from_u128(2) }))));
    assert_eq!(balance(&store, "a").await, 2);
    assert_eq!(store.mark(Account::partition("a"), "c/source").await.unwrap().unwrap().version, 2);
}

fn paint(colour: &'static str) -> impl Fn(&mut Draft<NewAccount>) -> Result<(), Never> + Send + 'static {
    move |draft| {
        draft.doc.colour = colour.to_owned();
        Ok(())
    }
}

async fn a_document_of_a_newer_release_is_read_but_not_changed(bed: Bed) {
    let store = bed.store();
    store.update("a", Caller::Plain, deposit(1)).await.unwrap();
    store.update("a", Caller::Plain, paint("red")).await.unwrap();
    assert_eq!(balance(&store, "a").await, 1);
    let refused = store.update("a", Caller::Plain, deposit(1)).await;
    assert_eq!(refused, Err(UpdateError::Store(Error::Newer { key: Account::key("a"), schema: 2 })));
    assert_eq!(store.read::<NewAccount>("a").await.unwrap().unwrap().doc.colour, "red");
}

async fn a_newer_release_keeps_its_schema(bed: Bed) {
    let store = bed.store();
    store.update("a", Caller::Plain, paint("red")).await.unwrap();
    store.update("a", Caller::Plain, paint("blue")).await.unwrap();
    let found = store.read::<NewAccount>("a").await.unwrap().unwrap();
    assert_eq!((found.schema, found.doc.colour.as_str(), found.version), (2, "blue", Version(2)));
}

async fn lists_merge_all_partitions(bed: Bed) {
    let store = bed.store();
    for n in (0..30_i64).rev() {
        let rule = move |draft: &mut Draft<Account>| -> Result<(), Never> {
            draft.doc.balance = n;
            draft.index("by.balance", n.to_be_bytes(), n.to_string());
            Ok(())
        };
        store.update(&format!("account-{n}"), Caller::Plain, rule).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let query = IndexQuery { name: "by.balance".into(), prefix: vec![], after: after.clone(), limit: 7 };
        let page = store.list(&query).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.sort.clone(), last.key.clone()));
        seen.extend(page.iter().map(|entry| String::from_utf8(entry.value.to_vec()).unwrap()));
    }
    assert_eq!(seen, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    let used = Partition::all().filter(|p| (0..30).any(|n| Account::partition(&format!("account-{n}")) == *p));
    assert!(used.count() > 10);
}

async fn two_replicas_lose_no_update(bed: Bed) {
    let (here, there) = (bed.store(), bed.store());
    let mut given_up = 0;
    for _ in 0..10 {
        let both = join_all((0..20).map(|n| {
            let store = if n % 2 == 0 { &here } else { &there };
            store.update("shared", Caller::Plain, deposit(1))
        }));
        for done in both.await {
            match done {
                Ok(_) => {}
                Err(UpdateError::Store(Error::Conflict(_))) => given_up += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!(balance(&here, "shared").await, 200 - given_up);
}

async fn a_step_may_answer_anything(bed: Bed) {
    let store = bed.store();
    let calls = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&calls);
    let rule = move |draft: &mut Draft<Account>| -> Result<Vec<&'static str>, Never> {
        seen.fetch_add(1, Ordering::Relaxed);
        draft.doc.balance = 1;
        Ok(vec!["call the bank"])
    };
    let fence = lease(&store, "a", 1).await;
    assert_eq!(store.step("a", Some(fence), rule).await.unwrap().value, ["call the bank"]);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

async fn an_event_names_its_cause(bed: Bed) {
    let store = bed.store();
    let rule = |draft: &mut Draft<Account>| -> Result<(), Never> {
        draft.caused_by("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        draft.emit("Opened", vec![]);
        Ok(())
    };
    store.update("a", Caller::Plain, rule).await.unwrap();
    let feed = store.feed(Account::partition("a"), &Position::BEGIN, 1).await.unwrap();
    assert_eq!(feed[0].event.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_eq!((feed[0].event.kind.as_str(), feed[0].event.subject.as_str()), ("Opened", "account/a"));
}

async fn an_empty_id_is_refused(bed: Bed) {
    let refused = bed.store().update("", Caller::Plain, deposit(1)).await;
    assert!(matches!(refused, Err(UpdateError::Store(Error::Malformed(_)))));
}
