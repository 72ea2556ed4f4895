//! The end of a run: nothing goes wrong any more, everything comes to rest, and then every book is opened.

use std::time::Duration;

use prost::Message as _;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::{ListTransactionsRequest, Transaction, TransactionState};
use retail_runtime::Timestamp;
use retail_store::{Key, Record};
use serde_json::Value;

use crate::books::{self, Findings};
use crate::claims;
use crate::dead_letters;
use crate::feeds;
use crate::hosts::{DOMAINS, FOLLOWED};
use crate::people::{Answer, People};
use crate::post::{self, Post};
use crate::replays;
use crate::shelf::Shelf;
use crate::shown;
use crate::sourcing;

/// How often it is looked whether anything still moves.
const LOOK: Duration = Duration::from_secs(1);
/// Rest has to last this long before it counts: an answer under way, a webhook that was just queued.
/// What a shop changed by itself is looked at meanwhile.
const CALM: Duration = Duration::from_millis(45 * shown::CHECK);
/// The store closes once more when something came to it meanwhile; what it still cannot hand over then waits for somebody.
const CLOSINGS: u64 = 4;
/// What still moves after this will never rest.
const REST: Duration = Duration::from_secs(1_500);
/// What is under way and not due for this long has been forgotten.
const FORGOTTEN: Duration = Duration::from_secs(180);
/// Nothing that is due later than this can still have to do with the storm: quiet times and waits are shorter.
const SOON: Duration = Duration::from_secs(150);
/// Readings of what vendors change never end; they are at rest when they have read since.
pub(crate) const READING: &str = "reading/";
/// A reading takes less.
const TO_READ: Duration = Duration::from_secs(1);

/// A reading, by the field number it is stored under: when it last heard that there is no more.
#[derive(Clone, PartialEq, prost::Message)]
struct Reading {
    #[prost(int64, tag = "3")]
    read_at: i64,
}

/// Waits until nothing moves, and everything that vendors changed is read.
async fn rest(people: &People) {
    rest_for(people, CALM, true).await;
}

/// Waits until nothing has moved for `long`, and vendors are read, if they are to be.
async fn rest_for(people: &People, long: Duration, read: bool) {
    let clock = people.runtime.clock();
    let began = clock.monotonic();
    // Since when nothing moves; since when all that is open has been forgotten.
    let (mut calm, mut forgotten) = (None, None);
    let (mut rounds, mut worked) = (0_u64, 0);
    loop {
        clock.sleep(LOOK).await;
        let now = clock.monotonic();
        let moves = moves(people, calm.is_some() && worked == work(people)).await;
        let stands = worked == work(people);
        worked = work(people);
        people.say(&format!("moves: {moves:?}"));
        let stuck = match moves {
            // What came and went between two looks moved, too.
            None if !stands => {
                (calm, forgotten) = (None, None);
                None
            }
            None => {
                let (since, wall) = *calm.get_or_insert((now, clock.now()));
                // Facts are read from the vendors every second or two, over wires that were cut only when that is
                // noticed: what they still say comes with a reading that began after the rest.
                let after = wall.checked_add(TO_READ).unwrap_or(wall);
                let unread = readings(people).into_iter().find(|(_, read_at)| read && *read_at <= after);
                match unread {
                    None if now.saturating_sub(since) >= long => {
                        rounds = rounds.saturating_add(1);
                        let letters = dead_letters::are_opened(people).await;
                        let closed = people.close_the_road(rounds).await | people.close_the_store(rounds).await;
                        if rounds > CLOSINGS || !(letters || closed) {
                            return;
                        }
                        calm = None;
                        None
                    }
                    Some((what, _)) if now.saturating_sub(since) > FORGOTTEN => Some(format!("{what} stands still")),
                    None | Some(_) => None,
                }
            }
            Some(Moves { what, forgotten: false }) => {
                (calm, forgotten) = (None, None);
                (now.saturating_sub(began) > REST).then_some(what)
            }
            Some(Moves { what, forgotten: true }) => {
                calm = None;
                let since = *forgotten.get_or_insert(now);
                (now.saturating_sub(since) > FORGOTTEN).then_some(what)
            }
        };
        if let Some(what) = stuck {
            people.watch.violated("every_saga_ends", format!("never rests: {what}"));
            return;
        }
    }
}

/// Looks into every book when nothing moves; `late` is how long something may still arrive then.
pub(crate) async fn until_nothing_moves(people: &People, late: Duration) -> anyhow::Result<()> {
    rest(people).await;
    if !late.is_zero() {
        people.runtime.clock().sleep(late).await;
        rest(people).await;
    }
    if shown::is_read_again(people).await {
        rest_for(people, LOOK, false).await;
    }
    let (untold, parked) = parked(people).await?.into_iter().partition(|one| one.starts_with("messages:"));
    let orders = all(people, "/v1/orders", "orders").await?;
    let findings = Findings {
        books: people.twins().get("/__sandbox/books").await?,
        paid: people.paid_on_the_web(&orders).await?,
        orders,
        returns: all(people, "/v1/returns", "returns").await?,
        stock: stock(people).await?,
        parked,
        untold,
        lost: people.lost_on_the_road().await,
    };
    if let Some(returns) = people.shelves.get("returns") {
        claims::are_of_returns(returns, &findings.returns, &people.watch);
    }
    for (feed, group) in followed(people) {
        if let (Some(owner), Some(follower)) = (people.shelves.get(feed), people.shelves.get(group)) {
            feeds::followed(feed, owner, group, follower, &people.watch);
        }
    }
    if people.scene.told {
        let mailbox = people.twins().get("/__sandbox/smtp/books").await?["messages"].clone();
        let post = Post { messages: all(people, "/v1/messages", "messages").await?, mailbox };
        post::agrees(&post, &findings.orders, &people.watch);
    }
    let book = people.notes.book().clone();
    books::compare(&findings, &book, &people.watch);
    sourcing::adds_up(&findings.orders, &book, &people.watch);
    shown::is_right(people).await?;
    if people.scene.replayed {
        replays::run(people).await?;
    }
    Ok(())
}

/// Feeds and who follows them in this world.
fn followed(people: &People) -> impl Iterator<Item = (&'static str, &'static str)> {
    let told = people.scene.told;
    FOLLOWED.into_iter().filter(move |(_, group)| told || *group != "messages")
}

/// Something that still moves.
#[derive(Debug)]
struct Moves {
    what: String,
    /// Under way, and nothing will ever look at it again.
    forgotten: bool,
}

/// How much the stores were worked on so far, but for what never rests.
fn work(people: &People) -> u64 {
    people.shelves.values().map(Shelf::worked).sum()
}

/// What still moves, if anything does. The cheap looks come first: into the stores, then into the vendors' books, then
/// the services are asked as an operator would, unless they were already and nothing was `known` to them since.
async fn moves(people: &People, known: bool) -> Option<Moves> {
    let moves = |what: String| Some(Moves { what, forgotten: false });
    for (domain, shelf) in people.shelves.iter() {
        let now = people.runtime.clock().now();
        if let Some(key) = due_soon(shelf, now) {
            return moves(format!("{domain}: {key} is due"));
        }
    }
    for (feed, group) in followed(people) {
        if people.shelves.get(feed).is_some_and(|owner| feeds::lags(owner, group)) {
            return moves(format!("{feed}: not all of its feed is handled by {group}"));
        }
    }
    let Ok(books) = people.twins().get("/__sandbox/books").await else {
        return moves("the twins do not answer".to_owned());
    };
    let pending = &books["shopify"]["webhooks"]["pending"];
    let of_payments = books["stripe"]["webhooks"]["pending"].as_i64().or((!people.scene.paid).then_some(0));
    let office = &books["netsuite"]["back_office"];
    if *pending != 0 || of_payments != Some(0) || office["to_ship_or_bill"] != 0 || office["to_receive"] != 0 {
        return moves(format!("webhooks {pending} and {of_payments:?}, back office {office}"));
    }
    if known {
        return None;
    }
    let running = match listed(people, TransactionState::Running).await {
        Ok(running) => running,
        Err(error) => return moves(format!("a service does not say what is under way: {error:#}")),
    };
    let (service, one) = running.into_iter().next()?;
    let what = format!("{service}: {} {} {}", one.id, one.name, one.status);
    Some(Moves { what, forgotten: true })
}

/// Something other than a reading that is due before long. What waits for no time waits for a fact; whether it may is
/// asked of its state in the end.
fn due_soon(shelf: &Shelf, now: Timestamp) -> Option<Key> {
    let soon = now.checked_add(SOON).unwrap_or(Timestamp::MAX);
    shelf.due_keys(soon).into_iter().find(|key| !key.as_str().starts_with(READING))
}

/// Every reading, and when it last heard that there is no more: by the people's clock, at the earliest.
fn readings(people: &People) -> Vec<(String, Timestamp)> {
    let read_at = |record: Record, ahead: i64| {
        let read_at = Reading::decode(record.body).map_or(0, |reading| reading.read_at);
        Timestamp::from_millisecond(read_at.saturating_sub(ahead)).unwrap_or(Timestamp::MIN)
    };
    let of = |(domain, shelf): (&&'static str, &Shelf)| {
        // Any of the domain's replicas may have read.
        let replicas = people.ahead.iter().filter(|(host, _)| host.trim_end_matches('2') == *domain);
        let ahead = replicas.map(|(_, ahead)| *ahead).max().unwrap_or(0);
        let documents = shelf.documents(READING).into_iter();
        documents.map(|(key, record)| (format!("{domain}: {key}"), read_at(record, ahead))).collect::<Vec<_>>()
    };
    people.shelves.iter().flat_map(of).collect()
}

async fn parked(people: &People) -> anyhow::Result<Vec<String>> {
    let listed = listed(people, TransactionState::Parked).await?;
    let told = listed
        .into_iter()
        .map(|(service, one)| format!("{service}: {} {} {} {}", one.id, one.name, one.status, one.cause));
    Ok(told.collect())
}

/// Where a domain's service listens.
pub(crate) fn port(domain: &str) -> u16 {
    let place = DOMAINS.iter().position(|known| *known == domain);
    place.and_then(|place| [7101, 7102, 7103, 7104, 7105, 7106].get(place).copied()).unwrap_or(0)
}

pub(crate) async fn listed(
    people: &People,
    state: TransactionState,
) -> anyhow::Result<Vec<(&'static str, Transaction)>> {
    let mut all = Vec::new();
    for domain in DOMAINS {
        if domain == "messages" && !people.scene.told {
            continue;
        }
        let mut ops = OpsServiceClient::new(people.runtime.peer(&format!("http://{domain}:{}", port(domain)))?);
        let request = ListTransactionsRequest { state: state.into(), page_size: 200, page_token: String::new() };
        let asked = people.runtime.clock().timeout(Duration::from_secs(10), ops.list_transactions(request)).await;
        all.extend(asked??.into_inner().transactions.into_iter().map(|one| (domain, one)));
    }
    Ok(all)
}

/// Every page of a list.
async fn all(people: &People, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = match people.ask("GET", &format!("{path}?pageSize=100&pageToken={token}"), None, "").await {
            Answer::Good(page) => page,
            Answer::Refused(status, why) => anyhow::bail!("{path}: {status} {why}"),
            Answer::Nothing => anyhow::bail!("{path}: no answer"),
        };
        all.extend(page[field].as_array().into_iter().flatten().cloned());
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return Ok(all);
        }
    }
}

async fn stock(people: &People) -> anyhow::Result<Vec<Value>> {
    let skus: Vec<String> = crate::people::ITEMS.iter().map(|(sku, _, _)| format!("skus={sku}")).collect();
    match people.ask("GET", &format!("/v1/availability?{}", skus.join("&")), None, "").await {
        Answer::Good(found) => Ok(found["rows"].as_array().cloned().unwrap_or_default()),
        Answer::Refused(status, why) => anyhow::bail!("availability: {status} {why}"),
        Answer::Nothing => anyhow::bail!("availability: no answer"),
    }
}
