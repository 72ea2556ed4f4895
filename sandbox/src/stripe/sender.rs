//! Sends webhooks: one after the other within each round, some rounds side by side, and for three days ("live: up to 3
//! days, exponential"). `Stripe-Signature` is made anew for each attempt, with one `v1` for each secret that is live.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use retail_runtime::{BoxError, Runtime};
use ring::hmac;
use rusqlite::OptionalExtension as _;
use tokio::sync::Notify;

use super::Config;
use crate::books::{Books, Result};
use crate::clock::TwinClock;

/// Connecting and answering together may take this long; no document says.
const DEADLINE: Duration = Duration::from_secs(10);
/// The first gap, in milliseconds; each is twice the one before, none longer than twelve hours.
const FIRST_GAP: i64 = 60_000;
const LONGEST_GAP: i64 = 12 * 3_600_000;
/// A delivery that is older is given up.
const GIVEN_UP: i64 = 3 * 86_400_000;
const IDLE: Duration = Duration::from_millis(100);
const LARGEST_ANSWER: usize = 1 << 20;
/// Deliveries under way at once.
const AT_ONCE: usize = 8;

/// The account's outgoing mail.
pub(super) struct Sender {
    books: Arc<Books>,
    runtime: Runtime,
    clock: TwinClock,
    config: Config,
    wake: Notify,
    busy: AtomicUsize,
}

/// One delivery, claimed.
struct Delivery {
    id: i64,
    body: String,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

impl Sender {
    /// Starts sending; it ends with the runtime or with the last holder of what is returned.
    pub(super) fn start(books: Arc<Books>, runtime: &Runtime, clock: &TwinClock, config: &Config) -> Arc<Sender> {
        let sender = Arc::new(Sender {
            books,
            runtime: runtime.clone(),
            clock: clock.clone(),
            config: config.clone(),
            wake: Notify::new(),
            busy: AtomicUsize::new(0),
        });
        let (weak, stopping, time) = (Arc::downgrade(&sender), runtime.stopping(), runtime.clock().clone());
        runtime.spawn("stripe.webhooks", async move {
            while !stopping.is_cancelled() {
                let Some(sender) = round(&weak) else { return };
                let either = async {
                    tokio::select! {
                        () = sender.wake.notified() => {}
                        () = stopping.cancelled() => {}
                    }
                };
                let _in_time = time.timeout(IDLE, either).await;
            }
        });
        sender
    }

    /// Something may be due.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    fn claim(&self) -> Result<Option<Delivery>> {
        let now = self.clock.now().as_millisecond();
        self.books.with(|db| {
            let sql = "UPDATE delivery SET claimed = 1 WHERE id = (SELECT id FROM delivery INDEXED BY delivery_due
                WHERE state = 'pending' AND claimed = 0 AND due <= ?1 ORDER BY due, id LIMIT 1)
                RETURNING id, (SELECT body FROM event WHERE seq = event)";
            let row = |row: &rusqlite::Row<'_>| Ok(Delivery { id: row.get(0)?, body: row.get(1)? });
            db.prepare_cached(sql)?.query_row([now], row).optional()
        })
    }

    /// What became of an attempt.
    fn settle(&self, id: i64, status: Option<u16>) -> Result<()> {
        let now = self.clock.now().as_millisecond();
        self.books.transaction(|db| {
            let sql = "UPDATE delivery SET claimed = 0, attempts = attempts + 1, status = ?2 WHERE id = ?1
                RETURNING attempts, created";
            let (attempts, created): (u32, i64) =
                db.prepare_cached(sql)?.query_row((id, status), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if status.is_some_and(|status| (200..300).contains(&status)) {
                db.execute("UPDATE delivery SET state = 'acknowledged' WHERE id = ?1", [id])?;
                return Ok(());
            }
            let gap = setting(db, "retry_gap_ms")?.and_then(|gap| gap.parse().ok()).unwrap_or(FIRST_GAP);
            let doubled = 1_i64.checked_shl(attempts.saturating_sub(1).min(40)).unwrap_or(i64::MAX);
            let due = now.saturating_add(gap.saturating_mul(doubled).min(LONGEST_GAP));
            if due.saturating_sub(created) > GIVEN_UP {
                db.execute("UPDATE delivery SET state = 'given_up' WHERE id = ?1", [id])?;
            } else {
                db.execute("UPDATE delivery SET due = ?2 WHERE id = ?1", (id, due))?;
            }
            Ok(())
        })
    }

    async fn deliver(&self, delivery: Delivery) {
        let sent = self.runtime.clock().timeout(DEADLINE, self.send(&delivery)).await;
        let status = match sent {
            Ok(Ok(status)) => Some(status),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a webhook was not taken");
                None
            }
            Err(_late) => None,
        };
        if let Err(err) = self.settle(delivery.id, status) {
            tracing::error!(%err, "cannot note what became of a webhook");
        }
    }

    async fn send(&self, delivery: &Delivery) -> std::result::Result<u16, BoxError> {
        let (url, secrets) = self.books.with(|db| {
            let secret = setting(db, "webhook_secret")?.unwrap_or_else(|| self.config.webhook_secret.clone());
            let previous = setting(db, "previous_secret")?.filter(|secret| !secret.is_empty());
            Ok((setting(db, "url")?, [Some(secret), previous]))
        })?;
        let uri: http::Uri = url.ok_or("nobody wants webhooks any more")?.parse()?;
        if uri.scheme_str() != Some("http") {
            return Err("the sandbox posts over http alone".into());
        }
        let body = delivery.body.clone();
        let time = self.clock.now().as_second();
        let mut signature = format!("t={time}");
        for secret in secrets.into_iter().flatten() {
            signature.push_str(&format!(",v1={}", sign(&secret, time, body.as_bytes())));
        }
        let (host, port) = (uri.host().ok_or("the address has no host")?, uri.port_u16().unwrap_or(80));
        let request = http::Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header("Host", format!("{host}:{port}"))
            .header("Content-Type", "application/json; charset=utf-8")
            .header("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("Stripe-Signature", signature)
            .body(Full::new(Bytes::from(body)))?;
        let io = self.runtime.net().connect(host, port).await?;
        let (mut connection, work) = handshake(TokioIo::new(io)).await?;
        let answer = async {
            let answer = connection.send_request(request).await?;
            let status = answer.status().as_u16();
            let _read = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
            Ok::<_, BoxError>(status)
        };
        // The connection is driven by whoever waits for its answer, and ends with it.
        tokio::pin!(work);
        tokio::pin!(answer);
        tokio::select! {
            status = &mut answer => status,
            ended = &mut work => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(error.into()),
            },
        }
    }
}

/// Hex HMAC-SHA256 of time and body under the whole secret, as text.
fn sign(secret: &str, time: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{time}.").as_bytes());
    context.update(body);
    context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn setting(db: &rusqlite::Connection, name: &str) -> Result<Option<String>> {
    let sql = "SELECT value FROM setting WHERE name = ?1";
    db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
}

/// Sends what is due; none when the account is closed.
fn round(weak: &Weak<Sender>) -> Option<Arc<Sender>> {
    let sender = weak.upgrade()?;
    while sender.busy.load(Ordering::SeqCst) < AT_ONCE {
        let delivery = match sender.claim() {
            Ok(Some(delivery)) => delivery,
            Ok(None) => break,
            Err(err) => {
                tracing::error!(%err, "cannot take a webhook from the books");
                break;
            }
        };
        sender.busy.fetch_add(1, Ordering::SeqCst);
        let worker = Arc::clone(&sender);
        sender.runtime.spawn("stripe.webhook", async move {
            worker.deliver(delivery).await;
            worker.busy.fetch_sub(1, Ordering::SeqCst);
            worker.wake();
        });
    }
    Some(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answer_of_the_vendors_own_library() {
        // stripe 16.1.0 (PyPI) accepts it: `WebhookSignature.verify_header`.
        let body = b"{\n  \"id\": \"evt_1\",\n  \"object\": \"event\"\n}";
        let signature = "5259c2c204a408e940ad9b3e7da17a713c288428b15432f9a6fb6e032ba2c2f2";
        assert_eq!(sign("whsec_test_secret", 1_763_888_888, body), signature);
    }
}
