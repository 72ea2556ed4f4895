//! Connections to the relay: so many at once, each kept for a while, and a time for everything. Part of a message's time is
//! kept for the relay's last word, so that running out of time before it is certainly "not sent".

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use retail_connect::{CallFault, Held};
use retail_runtime::config::SecretString;
use retail_runtime::{Clock, Net, deadline};
use tokio::sync::Semaphore;

use crate::config;
use crate::config::Tls;
use crate::dialogue::{Dialogue, Stage, Stop};
use crate::fault::{Error, OPERATION};
use crate::letter::Letter;
use crate::secure::Secure;
use crate::verdict::{Verdict, judged};

/// Longest time to take leave when all is said.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who we are to the relay.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: SecretString,
}

/// The way to one relay.
pub(crate) struct Connections {
    pub(crate) relay: config::Relay,
    pub(crate) hello: String,
    pub(crate) secure: Option<Secure>,
    pub(crate) login: Option<Login>,
    pub(crate) net: Net,
    pub(crate) clock: Clock,
    pub(crate) places: Semaphore,
    pub(crate) kept: Mutex<Vec<Kept>>,
}

/// A dialogue between two messages.
pub(crate) struct Kept {
    dialogue: Dialogue,
    /// On the monotonic clock.
    until: Duration,
}

impl Connections {
    /// Hands a message over.
    pub(crate) async fn hand_over(&self, letter: &Letter) -> Result<Verdict, Error> {
        let limit = Duration::from(self.relay.timeout);
        let left = deadline::for_next_hop().unwrap_or(limit);
        let (limit, ours) = if left < limit { (left, false) } else { (limit, true) };
        let before_end = limit.saturating_sub(self.relay.reply_wait.get());
        if before_end.is_zero() {
            return Err(not_sent(Held::Deadline, "less time is left than the relay's answer may take"));
        }
        let began = self.clock.monotonic();
        let Ok(place) = self.clock.timeout(before_end, self.places.acquire()).await else {
            return Err(not_sent(Held::Budget, "no connection to the relay came free in time"));
        };
        let spent = self.clock.monotonic().saturating_sub(began);
        let offered = self.clock.timeout(before_end.saturating_sub(spent), self.offered(letter)).await;
        let mut dialogue = match offered {
            Ok(Ok(dialogue)) => dialogue,
            Ok(Err(stop)) => return judged(stop),
            Err(_) if ours => return Err(not_sent(Held::Connect, "the relay was too slow; the message was not ended")),
            Err(_) => return Err(not_sent(Held::Deadline, "the caller's time was up; the message was not ended")),
        };
        let left = limit.saturating_sub(self.clock.monotonic().saturating_sub(began));
        if left < self.relay.reply_wait.get() {
            return Err(not_sent(
                Held::Deadline,
                "too little time was left for the relay's answer; the message was not ended",
            ));
        }
        let ended = self.clock.timeout(left, dialogue.end()).await;
        let verdict = match ended {
            Ok(Ok(reply)) => judged(Stop::Said { stage: Stage::End, reply }),
            Ok(Err(stop)) => judged(stop),
            Err(elapsed) => judged(Stop::Broken { stage: Stage::End, why: format!("no answer: {elapsed}") }),
        };
        match &verdict {
            Ok(Verdict::Taken) => self.keep(dialogue).await,
            Ok(Verdict::Refused { .. }) | Err(Error::Deferred { .. }) => {
                let _heard = self.clock.timeout(FAREWELL, dialogue.leave()).await;
            }
            Err(_) => drop(dialogue),
        }
        drop(place);
        verdict
    }

    /// A dialogue in which all but the end of the message is said.
    async fn offered(&self, letter: &Letter) -> Result<Dialogue, Stop> {
        if let Some(mut dialogue) = self.kept() {
            match dialogue.sender(letter).await {
                Ok(()) => return proceed(dialogue, letter).await,
                // The relay has hung up in between, or has had enough of this connection: another one may do.
                Err(Stop::Broken { .. }) => {}
                Err(Stop::Said { reply, .. }) if reply.is(4) => {}
                Err(stop) => return parted(dialogue, stop).await,
            }
        }
        let mut dialogue = self.begun().await?;
        match dialogue.sender(letter).await {
            Ok(()) => proceed(dialogue, letter).await,
            Err(stop) => parted(dialogue, stop).await,
        }
    }

    /// A new dialogue, protected and logged in as configured.
    async fn begun(&self) -> Result<Dialogue, Stop> {
        let failed = |error: std::io::Error| Stop::Broken { stage: Stage::Connect, why: error.to_string() };
        let io = self.net.connect(&self.relay.host, self.relay.port).await.map_err(failed)?;
        let mut dialogue = match (&self.secure, self.relay.tls) {
            (Some(secure), Tls::Implicit) => Dialogue::begin(secure.wrap(io).await.map_err(failed)?).await?,
            (Some(secure), Tls::Starttls) => {
                let mut clear = Dialogue::begin(io).await?;
                clear.hello(&self.hello).await?;
                let io = clear.start_tls().await?;
                Dialogue::resume(secure.wrap(io).await.map_err(failed)?)
            }
            (None, Tls::Implicit | Tls::Starttls) => return Err(Stop::NoTls),
            (_, Tls::None) => Dialogue::begin(io).await?,
        };
        dialogue.hello(&self.hello).await?;
        if let Some(login) = &self.login {
            dialogue.login(&login.user, &login.password).await?;
        }
        Ok(dialogue)
    }

    /// The youngest of those that are kept; older ones are let go.
    fn kept(&self) -> Option<Dialogue> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        kept.retain(|one| one.until > now);
        kept.pop().map(|one| one.dialogue)
    }

    async fn keep(&self, dialogue: Dialogue) {
        let keep = Duration::from(self.relay.keep);
        if keep.is_zero() {
            let _heard = self.clock.timeout(FAREWELL, dialogue.leave()).await;
            return;
        }
        let until = self.clock.monotonic().saturating_add(keep);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Kept { dialogue, until });
    }
}

async fn proceed(mut dialogue: Dialogue, letter: &Letter) -> Result<Dialogue, Stop> {
    match dialogue.offer(letter).await {
        Ok(()) => Ok(dialogue),
        Err(stop) => parted(dialogue, stop).await,
    }
}

/// Takes leave of a relay that still listens.
async fn parted(dialogue: Dialogue, stop: Stop) -> Result<Dialogue, Stop> {
    if !matches!(stop, Stop::Broken { .. }) {
        dialogue.leave().await;
    }
    Err(stop)
}

fn not_sent(held: Held, why: &str) -> Error {
    Error::Call(CallFault::not_sent(OPERATION, held, why))
}
