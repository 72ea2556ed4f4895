//! Webhooks to be sent: subscriptions, and deliveries with the body they were born with.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use serde_json::Value;

use super::call::Call;
use super::ids;
use crate::books::Result;

/// Milliseconds within which a delivery that is to come late, or twice, does so.
const LATENESS: u64 = 2_000;

/// `ORDERS_CREATE` as webhooks write it: `orders/create`.
pub(super) fn topic(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let two = ["inventory_levels", "order_transactions"];
    let found = two.into_iter().find_map(|subject| Some((subject, lower.strip_prefix(subject)?.strip_prefix('_')?)));
    match found {
        Some((subject, rest)) => format!("{subject}/{rest}"),
        None => lower.replacen('_', "/", 1),
    }
}

/// `orders/create` as the API writes it.
pub(super) fn word(topic: &str) -> String {
    topic.replace('/', "_").to_ascii_uppercase()
}

/// Subscribes an address to a topic; `None` when it is already.
pub(super) fn subscribe(
    call: &Call<'_>,
    topic: &str,
    url: &str,
    name: Option<&str>,
    by_api: bool,
) -> Result<Option<i64>> {
    let id = call.next_id("subscription", ids::SUBSCRIPTION)?;
    let made = call.run(
        "INSERT OR IGNORE INTO subscription VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7)",
        (id, topic, url, name, by_api, call.version, call.millis()),
    )?;
    Ok((made > 0).then_some(id))
}

/// Writes one event of the merchant's down for every subscriber of its topics. The body is made only if anybody is.
pub(super) fn post(
    call: &Call<'_>,
    topics: &[&str],
    sale: Option<i64>,
    body: impl Fn() -> Result<Value>,
) -> Result<()> {
    let event = uuid(call);
    let mut made: Option<Vec<u8>> = None;
    for topic in topics {
        let subscribers: Vec<(i64, String, Option<String>, String)> = call.rows(
            "SELECT id, url, name, version FROM subscription WHERE topic = ?1 ORDER BY id",
            [topic],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        for (subscription, url, name, version) in subscribers {
            let packed = match &made {
                Some(packed) => packed.clone(),
                None => made.insert(pack(body()?.to_string().as_bytes())).clone(),
            };
            let late = chance(call, "reorder_per_mille")?;
            let wait = if late { call.rng.below(LATENESS).saturating_add(1) } else { 0 };
            let due = call.millis().saturating_add(i64::try_from(wait).unwrap_or(0));
            call.run(
                "INSERT INTO delivery(subscription, url, topic, name, version, webhook, event, triggered, body, sale, state, due, late)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'pending', ?11, ?12)",
                (subscription, url, topic, name, version, uuid(call), &event, triggered(call), packed, sale, due, late),
            )?;
            let id = call.db.last_insert_rowid();
            if chance(call, "duplicates_per_mille")? {
                let wait = i64::try_from(call.rng.below(LATENESS)).unwrap_or(0);
                again(call, id, due.saturating_add(wait))?;
            }
        }
    }
    Ok(())
}

/// The same delivery once more: same webhook id, same body.
pub(super) fn again(call: &Call<'_>, id: i64, due: i64) -> Result<()> {
    call.run(
        "INSERT INTO delivery(subscription, url, topic, name, version, webhook, event, triggered, body, sale, state, due, duplicate)
         SELECT subscription, url, topic, name, version, webhook, event, triggered, body, sale, 'pending', ?2, 1 FROM delivery WHERE id = ?1",
        (id, due),
    )?;
    Ok(())
}

fn chance(call: &Call<'_>, setting: &str) -> Result<bool> {
    let rate = call.setting(setting)?.and_then(|rate| rate.parse().ok()).unwrap_or(0);
    Ok(rate > 0 && call.rng.chance(rate))
}

fn triggered(call: &Call<'_>) -> String {
    call.now.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

fn uuid(call: &Call<'_>) -> String {
    let mut random = [0; 16];
    call.rng.fill(&mut random);
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

fn pack(body: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    coder.write_all(body).and_then(|()| coder.finish()).unwrap_or_default()
}

/// A kept body as it goes over the wire.
pub(super) fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    if let Err(err) = flate2::read::GzDecoder::new(packed).read_to_end(&mut body) {
        tracing::error!(%err, "a kept webhook body cannot be read");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_two_spellings() {
        for (spelt, written) in [
            ("ORDERS_CREATE", "orders/create"),
            ("ORDERS_PARTIALLY_FULFILLED", "orders/partially_fulfilled"),
            ("INVENTORY_LEVELS_UPDATE", "inventory_levels/update"),
            ("ORDER_TRANSACTIONS_CREATE", "order_transactions/create"),
        ] {
            assert_eq!((topic(spelt).as_str(), word(written).as_str()), (written, spelt));
        }
    }
}
