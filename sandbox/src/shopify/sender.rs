//! Sends webhooks: a bounded number at once, at a bounded rate, five seconds for an answer, and eight more attempts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use retail_runtime::Runtime;
use ring::hmac;
use rusqlite::OptionalExtension as _;
use tokio::sync::Notify;

use super::{Config, outbox};
use crate::books::{Books, Result};
use crate::clock::TwinClock;

/// Connecting and answering together may take this long.
const DEADLINE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(1);
/// Attempts after the first.
const RETRIES: i64 = 8;
/// The first gap, in milliseconds; each is twice the one before, and eight make four hours.
pub(super) const FIRST_GAP: i64 = 56_470;
/// How long the sender looks away when there is nothing to send.
const IDLE: Duration = Duration::from_millis(100);
const LARGEST_ANSWER: usize = 1 << 20;

/// The shop's outgoing mail.
pub(super) struct Sender {
    books: Arc<Books>,
    runtime: Runtime,
    clock: TwinClock,
    config: Config,
    wake: Notify,
    busy: AtomicUsize,
    idle: Mutex<Vec<(String, SendRequest<Full<Bytes>>)>>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

/// One delivery, claimed.
struct Delivery {
    id: i64,
    url: String,
    topic: String,
    name: Option<String>,
    version: String,
    webhook: String,
    event: String,
    triggered: String,
    body: Vec<u8>,
}

/// What the sender waits for.
#[derive(Debug, Clone, Copy)]
enum Pause {
    /// Something due, or a sender that is free.
    ForWork,
    /// The rate allows no more yet.
    ForRate(Duration),
}

/// How fast to send.
struct Pace {
    senders: usize,
    per_second: u64,
    secret: String,
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
            idle: Mutex::new(Vec::new()),
        });
        let (weak, stopping, clock) = (Arc::downgrade(&sender), runtime.stopping(), runtime.clock().clone());
        runtime.spawn("shopify.webhooks", async move {
            while !stopping.is_cancelled() {
                let Some(pause) = round(&weak) else { return };
                let Some(sender) = weak.upgrade() else { return };
                let more = async {
                    match pause {
                        Pause::ForWork => sender.wake.notified().await,
                        Pause::ForRate(wait) => sender.runtime.clock().sleep(wait).await,
                    }
                };
                let either = async {
                    tokio::select! {
                        () = more => {}
                        () = stopping.cancelled() => {}
                    }
                };
                let longest = match pause {
                    Pause::ForWork => IDLE,
                    Pause::ForRate(wait) => wait,
                };
                let _in_time = clock.timeout(longest, either).await;
            }
        });
        sender
    }

    /// Something may be due.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    fn pace(&self) -> Result<Pace> {
        self.books.with(|db| {
            let setting = |name: &str| {
                db.prepare_cached("SELECT value FROM setting WHERE name = ?1")?
                    .query_row([name], |row| row.get::<_, String>(0))
                    .optional()
            };
            let number =
                |name: &str| Ok::<_, rusqlite::Error>(setting(name)?.and_then(|value| value.parse::<u64>().ok()));
            Ok(Pace {
                senders: usize::try_from(number("senders")?.unwrap_or(self.config.senders)).unwrap_or(1).clamp(1, 256),
                per_second: number("rate_per_second")?.unwrap_or(0),
                secret: setting("secret")?.unwrap_or_else(|| self.config.client_secret.clone()),
            })
        })
    }

    fn claim(&self) -> Result<Option<Delivery>> {
        let now = self.clock.now().as_millisecond();
        self.books.with(|db| {
            db.prepare_cached(
                "UPDATE delivery SET claimed = 1 WHERE id = (SELECT id FROM delivery INDEXED BY delivery_due
                 WHERE state = 'pending' AND claimed = 0 AND due <= ?1 ORDER BY due, id LIMIT 1) RETURNING id, url, topic, name, version, webhook, event, triggered, body",
            )?
            .query_row([now], |row| {
                Ok(Delivery {
                    id: row.get(0)?,
                    url: row.get(1)?,
                    topic: row.get(2)?,
                    name: row.get(3)?,
                    version: row.get(4)?,
                    webhook: row.get(5)?,
                    event: row.get(6)?,
                    triggered: row.get(7)?,
                    body: row.get(8)?,
                })
            })
            .optional()
        })
    }

    /// What became of an attempt.
    fn settle(&self, id: i64, status: Option<u16>) -> Result<()> {
        let now = self.clock.now().as_millisecond();
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        self.books.transaction(|db| {
            if accepted {
                let sql = "UPDATE delivery SET state = 'acknowledged', claimed = 0, attempts = attempts + 1, sent = sent + 1, status = ?2 WHERE id = ?1";
                db.prepare_cached(sql)?.execute((id, status))?;
                return Ok(());
            }
            let (attempts, subscription): (i64, i64) = db
                .prepare_cached("UPDATE delivery SET claimed = 0, attempts = attempts + 1, sent = sent + 1, status = ?2 WHERE id = ?1 RETURNING attempts, subscription")?
                .query_row((id, status), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if attempts > RETRIES {
                db.execute("UPDATE delivery SET state = 'given_up' WHERE id = ?1", [id])?;
                // A subscription made through the API does not outlive eight failed retries; configured ones do.
                db.execute("DELETE FROM subscription WHERE id = ?1 AND by_api = 1", [subscription])?;
                return Ok(());
            }
            let gap: Option<i64> = db
                .query_row("SELECT value FROM setting WHERE name = 'retry_gap_ms'", [], |row| row.get::<_, String>(0))
                .optional()?
                .and_then(|gap| gap.parse().ok());
            let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0);
            let wait = gap.unwrap_or(FIRST_GAP).saturating_mul(1_i64.checked_shl(doublings).unwrap_or(i64::MAX));
            db.execute("UPDATE delivery SET due = ?2 WHERE id = ?1", (id, now.saturating_add(wait)))?;
            Ok(())
        })
    }

    async fn deliver(&self, delivery: Delivery, secret: &str) {
        let sent = self.runtime.clock().timeout(DEADLINE, self.send(&delivery, secret)).await;
        let status = match sent {
            Ok(Ok(status)) => Some(status),
            Ok(Err(error)) => {
                tracing::debug!(topic = delivery.topic, %error, "a webhook was not taken");
                None
            }
            Err(_late) => None,
        };
        if let Err(err) = self.settle(delivery.id, status) {
            tracing::error!(%err, "cannot note what became of a webhook");
        }
    }

    async fn send(&self, delivery: &Delivery, secret: &str) -> std::result::Result<u16, retail_runtime::BoxError> {
        let uri: http::Uri = delivery.url.parse()?;
        if uri.scheme_str() != Some("http") {
            return Err("the sandbox posts over http alone".into());
        }
        let authority = uri.authority().ok_or("the address has no host")?.to_string();
        let body = outbox::unpack(&delivery.body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let mut request = http::Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header("Host", &authority)
            .header("Content-Type", "application/json")
            .header("User-Agent", "Shopify-Captain-Hook")
            .header("X-Shopify-Topic", &delivery.topic)
            .header("X-Shopify-Shop-Domain", &self.config.domain)
            .header("X-Shopify-API-Version", &delivery.version)
            .header("X-Shopify-Webhook-Id", &delivery.webhook)
            .header("X-Shopify-Event-Id", &delivery.event)
            .header("X-Shopify-Triggered-At", &delivery.triggered)
            .header("X-Shopify-Hmac-Sha256", STANDARD.encode(hmac::sign(&key, &body)));
        if let Some(name) = &delivery.name {
            request = request.header("X-Shopify-Name", name);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let mut connection = match self.kept(&authority) {
            Some(connection) => connection,
            None => self.connect(&uri).await?,
        };
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        let status = answer.status().as_u16();
        if Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((authority, connection));
        }
        Ok(status)
    }

    fn kept(&self, authority: &str) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, connection)| !connection.is_closed());
        let at = idle.iter().position(|(known, _)| known == authority)?;
        Some(idle.swap_remove(at).1)
    }

    async fn connect(
        &self,
        uri: &http::Uri,
    ) -> std::result::Result<SendRequest<Full<Bytes>>, retail_runtime::BoxError> {
        let host = uri.host().ok_or("the address has no host")?;
        let port = uri.port_u16().unwrap_or(80);
        let io = self.runtime.clock().timeout(CONNECT, self.runtime.net().connect(host, port)).await??;
        let (connection, work) = handshake(TokioIo::new(io)).await?;
        let stopping = self.runtime.stopping();
        self.runtime.spawn("shopify.webhook_connection", async move {
            tokio::select! {
                ended = work => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a webhook connection ended");
                    }
                }
                () = stopping.cancelled() => {}
            }
        });
        Ok(connection)
    }
}

/// Sends what is due and may be sent now; says how long to wait for more, or that the shop is closed.
fn round(weak: &Weak<Sender>) -> Option<Pause> {
    let sender = weak.upgrade()?;
    let pace = match sender.pace() {
        Ok(pace) => pace,
        Err(err) => {
            tracing::error!(%err, "cannot read the shop's webhook settings");
            return Some(Pause::ForWork);
        }
    };
    let between = Duration::from_secs(1).checked_div(u32::try_from(pace.per_second).unwrap_or(u32::MAX));
    while sender.busy.load(Ordering::SeqCst) < pace.senders {
        let delivery = match sender.claim() {
            Ok(Some(delivery)) => delivery,
            Ok(None) => return Some(Pause::ForWork),
            Err(err) => {
                tracing::error!(%err, "cannot take a webhook from the books");
                return Some(Pause::ForWork);
            }
        };
        sender.busy.fetch_add(1, Ordering::SeqCst);
        let (worker, secret) = (Arc::clone(&sender), pace.secret.clone());
        sender.runtime.spawn("shopify.webhook", async move {
            worker.deliver(delivery, &secret).await;
            worker.busy.fetch_sub(1, Ordering::SeqCst);
            worker.wake();
        });
        if let Some(between) = between {
            return Some(Pause::ForRate(between));
        }
    }
    Some(Pause::ForWork)
}
