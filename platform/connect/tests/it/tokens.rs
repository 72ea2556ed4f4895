//! Tokens: one fetch for all, one replay after a refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use retail_connect::{CallFault, Token, TokenSource, Tokens};
use retail_runtime::fault::{Class, Fault};
use retail_runtime::{Clock, Runtime};

use crate::vendor::{Act, Seen, Vendor, client, get, ok, put, runtime};

#[derive(Clone)]
struct Counted {
    fetches: Arc<AtomicUsize>,
    lives: Duration,
    fails_from: usize,
}

#[tonic::async_trait]
impl TokenSource for Counted {
    async fn fetch(&self) -> Result<Token, CallFault> {
        let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::task::yield_now().await;
        if number >= self.fails_from {
            return Err(CallFault::NoAnswer { operation: "token", why: "down".to_owned() });
        }
        Ok(Token { secret: format!("token-{number}").into(), lives: self.lives })
    }
}

fn counted(clock: &Clock, lives: Duration, fails_from: usize) -> (Tokens, Arc<AtomicUsize>) {
    let fetches = Arc::<AtomicUsize>::default();
    (Tokens::new(clock, Counted { fetches: Arc::clone(&fetches), lives, fails_from }), fetches)
}

fn hour(runtime: &Runtime) -> (Tokens, Arc<AtomicUsize>) {
    counted(runtime.clock(), Duration::from_secs(3_600), usize::MAX)
}

fn bears(seen: &Seen, token: &str) -> bool {
    seen.headers.get("authorization").is_some_and(|value| value == &format!("Bearer {token}"))
}

#[tokio::test]
async fn twenty_callers_wait_for_one_fetch() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| ok()).await;
    let (tokens, fetches) = hour(&runtime);
    let http = client(&runtime, &vendor.base_url).with_tokens(tokens);
    let replies = join_all((0..20).map(|_| http.send(put()))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
    assert!(vendor.seen.lock().unwrap().iter().all(|seen| bears(seen, "token-1")));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_and_each_call_is_replayed_once() {
    let runtime = runtime();
    let vendor =
        Vendor::start(
            &runtime,
            |_, seen| {
                if bears(seen, "token-1") { Act::Answer(401, "", String::new()) } else { ok() }
            },
        )
        .await;
    let (tokens, fetches) = hour(&runtime);
    let http = client(&runtime, &vendor.base_url).with_tokens(tokens);
    let replies = join_all((0..10).map(|_| http.send(put()))).await;
    assert!(replies.iter().all(|reply| reply.as_ref().unwrap().status == 200));
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
    assert_eq!(vendor.requests(), 20);
}

#[tokio::test]
async fn fresh_tokens_refused_again_and_again_are_our_misconfiguration() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Answer(401, "", String::new())).await;
    let (tokens, _) = hour(&runtime);
    let fault = client(&runtime, &vendor.base_url).with_tokens(tokens).send(get()).await.unwrap_err();
    assert_eq!((fault.class(), fault.reason()), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS"));
    assert_eq!(vendor.requests(), 4, "somebody may have ended our tokens in the moment of the second try");
}

#[tokio::test]
async fn a_token_is_renewed_at_four_fifths_of_its_life_and_kept_when_that_fails() {
    let (clock, time) = Clock::manual("2026-11-23T00:00:00Z".parse().unwrap());
    let runtime = Runtime::new("test", clock, retail_runtime::Rng::seeded(7), retail_runtime::Net::tcp());
    let vendor = Vendor::start(&runtime, |_, _| ok()).await;
    let (tokens, fetches) = counted(runtime.clock(), Duration::from_secs(100), 2);
    let http = client(&runtime, &vendor.base_url).with_tokens(tokens);
    http.send(get()).await.unwrap();
    time.advance(Duration::from_secs(79));
    http.send(get()).await.unwrap();
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
    time.advance(Duration::from_secs(1));
    http.send(get()).await.unwrap();
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
    time.advance(Duration::from_secs(20));
    assert!(matches!(http.send(get()).await.unwrap_err(), CallFault::NotSent { .. }));
    assert_eq!(vendor.requests(), 3);
}
