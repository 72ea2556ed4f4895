//! One access token for all callers, fetched once at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use retail_runtime::Clock;
use secrecy::SecretString;

use crate::fault::CallFault;

/// A fresh token as its issuer gave it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub secret: SecretString,
    /// How long it lives from now.
    pub lives: Duration,
}

/// Where tokens come from. A refusal by the issuer is [`CallFault::Credentials`].
#[tonic::async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// Fetches a token. Not repeated by the caller within one call.
    async fn fetch(&self) -> Result<Token, CallFault>;
}

/// The token in use. Renewed at 80 % of its life and after a refusal; however many callers ask, one fetch runs.
#[derive(Clone)]
pub struct Tokens {
    clock: Clock,
    source: Arc<dyn TokenSource>,
    state: Arc<Mutex<State>>,
}

/// A token with the number of the fetch that brought it.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) secret: SecretString,
    pub(crate) fetch: u64,
}

#[derive(Clone)]
struct Live {
    issued: Issued,
    renew_at: Duration,
    dies_at: Duration,
}

type Fetch = Shared<BoxFuture<'static, Result<Live, CallFault>>>;

#[derive(Default)]
struct State {
    live: Option<Live>,
    fetching: Option<Fetch>,
    fetches: u64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens of a source; nothing is fetched before the first call.
    pub fn new(clock: &Clock, source: impl TokenSource) -> Self {
        Self { clock: clock.clone(), source: Arc::new(source), state: Arc::default() }
    }

    /// The token in use, or a fresh one.
    pub(crate) async fn current(&self) -> Result<Issued, CallFault> {
        let now = self.clock.monotonic();
        let (fetch, old) = {
            let mut state = self.lock();
            if let Some(live) = state.live.as_ref().filter(|live| now < live.renew_at) {
                return Ok(live.issued.clone());
            }
            let old = state.live.clone().filter(|live| now < live.dies_at);
            (self.fetch(&mut state), old)
        };
        let fetched = fetch.clone().await;
        let mut state = self.lock();
        if state.fetching.as_ref().is_some_and(|running| running.ptr_eq(&fetch)) {
            state.fetching = None;
            if let Ok(live) = &fetched {
                state.live = Some(live.clone());
            }
        }
        match (fetched, old) {
            (Ok(live), _) => Ok(live.issued),
            // Renewal failed for a passing cause: the old token still lives.
            (Err(CallFault::Credentials { operation }), _) => Err(CallFault::Credentials { operation }),
            (Err(_), Some(old)) => Ok(old.issued),
            (Err(fault), None) => Err(fault),
        }
    }

    /// The vendor refused this token: unless a newer one is there already, the next caller fetches one.
    pub(crate) fn refused(&self, refused: &Issued) {
        let mut state = self.lock();
        if state.live.as_ref().is_some_and(|live| live.issued.fetch <= refused.fetch) {
            state.live = None;
        }
    }

    fn fetch(&self, state: &mut State) -> Fetch {
        if let Some(running) = &state.fetching {
            return running.clone();
        }
        state.fetches = state.fetches.saturating_add(1);
        let (number, source, clock) = (state.fetches, Arc::clone(&self.source), self.clock.clone());
        let work = async move {
            let asked_at = clock.monotonic();
            let token = source.fetch().await?;
            Ok(Live {
                issued: Issued { secret: token.secret, fetch: number },
                renew_at: asked_at.saturating_add(token.lives.saturating_mul(4) / 5),
                dies_at: asked_at.saturating_add(token.lives),
            })
        };
        let fetch = work.boxed().shared();
        state.fetching = Some(fetch.clone());
        fetch
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
