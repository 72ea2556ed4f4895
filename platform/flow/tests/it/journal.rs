//! Bundles: a transaction leaves its store and is run again elsewhere.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use retail_flow::{Bundle, Class, Counters, Ops, PersonalData, Replayed};
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_server::OpsService as _;
use retail_runtime::fault::Refusal;
use retail_runtime::{Clock, Net, Rng, Runtime};
use retail_store::{Draft, IndexQuery};
use tonic::{Request, Status};

use crate::toy::{Mood, Parcel, Rule, Toy, Vendor, World};

fn ops(world: &World) -> Ops {
    Ops::new(&world.store, &world.clock, Arc::<Counters>::default()).driven::<Toy>(&"its configuration")
}

async fn text(world: &World, with_personal_data: bool) -> Result<String, Status> {
    let request = pb::ExportTransactionRequest { id: "parcel/p1".into(), with_personal_data };
    Ok(ops(world).export_transaction(Request::new(request)).await?.into_inner().bundle)
}

async fn exported(world: &World) -> Bundle {
    serde_json::from_str(&text(world, false).await.unwrap()).unwrap()
}

/// Runs it in a world of its own, by such a rule.
async fn replayed(bundle: &Bundle, rule: Rule) -> Replayed {
    let runtime = Runtime::new("laptop", Clock::system(), Rng::seeded(7), Net::tcp());
    let toy = Toy { class: Class::Keyed, vendor: Vendor::moods(&[]), rule };
    retail_flow::replay(&runtime, &Arc::new(toy), bundle).await.unwrap()
}

async fn resume(world: &World) {
    let request = pb::ReplayTransactionRequest { id: "parcel/p1".into(), note: "the address is mended".into() };
    ops(world).replay_transaction(Request::new(request)).await.unwrap();
}

/// A parcel that is announced after these moods of the vendor.
async fn announced(world: &World, class: Class, moods: &[Mood]) {
    world.place("p1").await;
    world.work(class, &Vendor::moods(moods)).await;
    world.until("p1", |parcel| parcel.announced).await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_ended_is_run_again_to_what_was_recorded() {
    let world = World::journaled(64);
    announced(&world, Class::Keyed, &[Mood::Away, Mood::DoesAndFallsSilent]).await;
    let bundle = exported(&world).await;
    assert!(bundle.is_whole && !bundle.changed_since);
    assert_eq!(bundle.config, "its configuration");
    assert_eq!((bundle.effects[0].name.as_str(), bundle.effects[0].attempts), ("carrier.announce", 3));
    let replayed = replayed(&bundle, Rule::Right).await;
    assert_eq!(replayed.divergence, None);
    assert_eq!(replayed.ran() + 1, bundle.entries.len(), "its placing alone is taken as recorded");
    let said: Vec<&String> = replayed.seen.iter().flat_map(|seen| &seen.lines).collect();
    assert!(said.iter().any(|line| line.contains("AWAY: connection refused")), "{said:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_looked_for_what_it_sent_is_run_again() {
    let world = World::journaled(64);
    announced(&world, Class::Queryable, &[Mood::FallsSilent]).await;
    let bundle = exported(&world).await;
    let runtime = Runtime::new("laptop", Clock::system(), Rng::seeded(7), Net::tcp());
    let toy = Toy { class: Class::Queryable, vendor: Vendor::moods(&[]), rule: Rule::Right };
    let replayed = retail_flow::replay(&runtime, &Arc::new(toy), &bundle).await.unwrap();
    assert_eq!(replayed.divergence, None);
    assert!(replayed.seen.iter().any(|seen| seen.lines.iter().any(|line| line.ends_with("not found"))));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_failed_and_was_let_go_on_is_run_again() {
    let world = World::journaled(64);
    world.place("p1").await;
    world.work(Class::Keyed, &Vendor::moods(&[Mood::Refuses])).await;
    world.until("p1", |parcel| parcel.parked && parcel.told).await;
    assert_eq!(replayed(&exported(&world).await, Rule::Right).await.divergence, None, "while it waits for a person");
    resume(&world).await;
    world.until("p1", |parcel| parcel.announced).await;
    let bundle = exported(&world).await;
    assert!(bundle.entries.iter().any(|entry| entry.what == "RESUMED"));
    let replayed = replayed(&bundle, Rule::Right).await;
    assert_eq!(replayed.divergence, None);
    assert_eq!(replayed.ran() + 1, bundle.entries.len(), "letting it go on is a rule of ours");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_has_changed_is_named_with_the_field_and_the_entry() {
    let world = World::journaled(64);
    announced(&world, Class::Keyed, &[]).await;
    let bundle = exported(&world).await;
    let divergence = replayed(&bundle, Rule::Other).await.divergence.unwrap();
    assert_eq!(Some(divergence.number), bundle.entries.last().map(|entry| entry.number));
    let difference = &divergence.differences[0];
    assert_eq!((&*difference.field, &*difference.expected, &*difference.found), ("told", "false", "true"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_panicked_is_run_again_and_one_that_is_mended_is_told_apart() {
    let world = World::journaled(64);
    world.place("p1").await;
    world.work_by(Rule::Panics, Class::Keyed, &Vendor::moods(&[])).await;
    while world.ledger("p1").await.parked.is_none() {
        world.clock.sleep(Duration::from_millis(100)).await;
    }
    let bundle = exported(&world).await;
    assert_eq!(replayed(&bundle, Rule::Panics).await.divergence, None);
    let mended = replayed(&bundle, Rule::Right).await.divergence.unwrap();
    assert_eq!((&*mended.what, &*mended.differences[0].found), ("PANICKED", "goes through"));
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_was_changed_by_hand_names_the_first_entry_that_differs() {
    let world = World::journaled(64);
    announced(&world, Class::Keyed, &[Mood::Away]).await;
    let text = text(&world, false).await.unwrap();
    let changed = text.replacen("connection refused", "connection dropped", 1);
    let bundle: Bundle = serde_json::from_str(&changed).unwrap();
    let divergence = replayed(&bundle, Rule::Right).await.divergence.unwrap();
    let first = bundle.entries.iter().find(|entry| entry.told.to_string().contains("dropped")).unwrap();
    assert_eq!(divergence.number, first.number);
    let fields: Vec<&str> = divergence.differences.iter().map(|one| one.field.as_str()).collect();
    assert!(fields.iter().any(|field| field.starts_with("ledger.timeline[")), "{fields:?}");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_entries_give_way_and_what_is_left_begins_with_a_state() {
    let world = World::journaled(8);
    announced(&world, Class::Keyed, &vec![Mood::Away; 30]).await;
    let bundle = exported(&world).await;
    assert!(bundle.entries.len() <= 8 && bundle.entries.len() >= 4, "{}", bundle.entries.len());
    assert!(!bundle.is_whole && bundle.entries[0].number > 20);
    let replayed = replayed(&bundle, Rule::Right).await;
    assert_eq!((replayed.divergence.as_ref(), replayed.ran()), (None, bundle.entries.len()));
    let ledger = world.ledger("p1").await;
    assert!(ledger.effect("carrier.announce").unwrap().attempts == 31);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_keeps_no_journal_is_taken_as_found_and_said() {
    let world = World::journaled(64);
    world.place("p1").await;
    let rule = |draft: &mut Draft<Parcel>| {
        draft.doc.to = None;
        Ok::<_, Infallible>(())
    };
    world.store.step::<Parcel, _, _>("p1", None, rule).await.unwrap();
    assert!(exported(&world).await.changed_since);
    world.work(Class::Keyed, &Vendor::moods(&[])).await;
    world.until("p1", |parcel| parcel.announced).await;
    let bundle = exported(&world).await;
    assert_eq!(bundle.entries.iter().filter(|entry| entry.unrecorded).count(), 1);
    assert!(!bundle.changed_since);
    assert_eq!(replayed(&bundle, Rule::Right).await.divergence, None);
}

#[tokio::test(start_paused = true)]
async fn a_masked_bundle_has_no_personal_data_and_runs_again_all_the_same() {
    let world = World::journaled(64);
    announced(&world, Class::Keyed, &[Mood::Away]).await;
    let masked = text(&world, false).await.unwrap();
    let bundle: Bundle = serde_json::from_str(&masked).unwrap();
    assert_eq!(bundle.personal_data, PersonalData::Masked);
    assert_eq!(replayed(&bundle, Rule::Right).await.divergence, None);
    assert_eq!(holds(&bundle, "Ada Byron"), (false, false));
    assert_eq!(masked, text(&world, false).await.unwrap(), "masks are the same at every export");
    let whole: Bundle = serde_json::from_str(&text(&world, true).await.unwrap()).unwrap();
    assert_eq!(whole.personal_data, PersonalData::Included);
    assert_eq!(holds(&whole, "Ada Byron"), (true, true));
    assert_eq!(replayed(&whole, Rule::Right).await.divergence, None);
}

/// Does what was told, and does a document, hold a word?
fn holds(bundle: &Bundle, word: &str) -> (bool, bool) {
    let mut told = bundle.entries.iter().filter_map(|entry| bundle.told(entry));
    let told = told.any(|(_, bytes)| String::from_utf8_lossy(&bytes).contains(word));
    (told, bundle.documents().iter().any(|doc| String::from_utf8_lossy(doc).contains(word)))
}

#[tokio::test(start_paused = true)]
async fn where_no_journal_is_kept_nothing_is_written_and_an_export_says_so() {
    let world = World::new();
    announced(&world, Class::Keyed, &[]).await;
    let refused = text(&world, false).await.unwrap_err();
    assert_eq!(Refusal::read(&refused).reason(), "NOT_JOURNALED");
    assert_eq!(world.ledger("p1").await.journal, None);
}

#[tokio::test(start_paused = true)]
async fn the_journal_is_no_transaction_of_its_own() {
    let world = World::journaled(64);
    announced(&world, Class::Keyed, &[]).await;
    let query = IndexQuery { name: "transactions.4".into(), prefix: Vec::new(), after: None, limit: 10 };
    assert_eq!(world.store.list(&query).await.unwrap().len(), 1);
}
