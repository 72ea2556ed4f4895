//! What is repeated, and what each silence means.

use std::time::Duration;

use retail_connect::{Bearer, Budget, CallFault, Held, Http, Lanes, SetupError};
use retail_runtime::deadline;
use retail_runtime::fault::{Class, Fault};

use crate::vendor::{Act, Vendor, client, config, get, ok, put, runtime};

#[tokio::test]
async fn a_refused_connection_is_certainly_not_executed() {
    let runtime = runtime();
    let gone = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base_url = format!("http://{}", gone.local_addr());
    drop(gone);
    let fault = client(&runtime, &base_url).send(put()).await.unwrap_err();
    assert!(matches!(fault, CallFault::NotSent { held: Held::Connect, .. }), "{fault:?}");
    assert_eq!(fault.class(), Class::Unavailable);
    assert_eq!(fault.reason(), "VENDOR_UNREACHABLE");
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_not_repeated() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Drop).await;
    let client = client(&runtime, &vendor.base_url);
    let fault = client.send(put()).await.unwrap_err();
    assert_eq!((fault.class(), fault.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"));
    assert_eq!(vendor.requests(), 1);
    assert_eq!(client.snapshot().unknown, 1);
}

#[tokio::test]
async fn a_write_with_half_an_answer_is_unknown() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Truncate).await;
    let fault = client(&runtime, &vendor.base_url).send(put()).await.unwrap_err();
    assert_eq!(fault.class(), Class::Unknown);
    assert_eq!(vendor.requests(), 1);
}

#[tokio::test]
async fn a_write_with_too_large_an_answer_is_unknown_and_a_read_is_refused() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Answer(200, "", "x".repeat(1_001))).await;
    let client = client(&runtime, &vendor.base_url);
    assert_eq!(client.send(put()).await.unwrap_err().class(), Class::Unknown);
    assert!(matches!(client.send(get()).await.unwrap_err(), CallFault::TooLarge { limit: 1_000, .. }));
    assert_eq!(vendor.requests(), 2);
}

#[tokio::test]
async fn a_read_is_repeated_through_a_lost_a_half_and_an_unwell_answer() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |number, _| match number {
        1 => Act::Drop,
        2 => Act::Truncate,
        3 => Act::Answer(503, "", String::new()),
        _ => ok(),
    })
    .await;
    let reply = client(&runtime, &vendor.base_url).send(get()).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(vendor.requests(), 4);
}

#[tokio::test]
async fn a_read_gives_up_after_its_attempts_with_the_last_answer() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Answer(500, "", "broken".to_owned())).await;
    let reply = client(&runtime, &vendor.base_url).send(get()).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.body[..]), (500, &b"broken"[..]));
    assert_eq!(vendor.requests(), 4);
}

#[tokio::test]
async fn a_write_that_meets_500_goes_back_at_once() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Answer(500, "", String::new())).await;
    let reply = client(&runtime, &vendor.base_url).send(put()).await.unwrap();
    assert_eq!(reply.status, 500);
    assert_eq!(vendor.requests(), 1);
}

#[tokio::test]
async fn an_answer_documented_as_not_executed_is_repeated_even_for_a_write() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |number, _| match number {
        1 => Act::Answer(429, "retry-after: 0\r\n", String::new()),
        2 => Act::Answer(429, "", String::new()),
        _ => ok(),
    })
    .await;
    let client = client(&runtime, &vendor.base_url);
    assert_eq!(client.send(put()).await.unwrap().status, 200);
    assert_eq!(client.snapshot().throttled, 2);
}

#[tokio::test]
async fn a_wait_longer_than_the_deadline_is_answered_now() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| Act::Answer(429, "retry-after: 3600\r\n", String::new())).await;
    let fault = client(&runtime, &vendor.base_url).send(put()).await.unwrap_err();
    assert_eq!(fault.class(), Class::Throttled);
    assert_eq!(fault.retry_after(), Some(Duration::from_secs(3_600)));
    assert_eq!(vendor.requests(), 1);
}

#[tokio::test]
async fn nothing_leaves_when_the_callers_time_is_up() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| ok()).await;
    let client = client(&runtime, &vendor.base_url);
    let fault = deadline::within(Duration::ZERO, client.send(put())).await.unwrap_err();
    assert!(matches!(fault, CallFault::NotSent { held: Held::Deadline, .. }));
    assert_eq!(vendor.requests(), 0);
}

#[tokio::test]
async fn connections_are_kept_and_a_closed_one_is_not_used_again() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |number, _| match number {
        3 => Act::Answer(200, "connection: close\r\n", "{}".to_owned()),
        _ => ok(),
    })
    .await;
    let client = client(&runtime, &vendor.base_url);
    for _ in 0..3 {
        client.send(put()).await.unwrap();
    }
    assert_eq!(vendor.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    client.send(put()).await.unwrap();
    assert_eq!(vendor.connections.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_carries_host_prefix_and_correlation() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| ok()).await;
    let client = client(&runtime, &format!("{}/rest", vendor.base_url));
    client.send(put().correlation("ORD-1001")).await.unwrap();
    let seen = vendor.seen.lock().unwrap()[0].clone();
    assert_eq!(seen.line, "PUT /rest/things/1 HTTP/1.1");
    assert_eq!(seen.headers["x-correlation-id"], "ORD-1001");
    assert_eq!(format!("http://{}", seen.headers["host"]), vendor.base_url);
    assert_eq!(seen.body, b"{}");
}

#[tokio::test]
async fn a_base_address_that_cannot_work_is_refused_at_start() {
    let runtime = runtime();
    let start = |url: &str| Http::new(&runtime, config(url), Bearer, Budget::Concurrency(Lanes::new(1, 1)));
    assert!(matches!(start("/only/a/path").unwrap_err(), SetupError::BaseUrl(_)));
    assert!(matches!(start("ftp://vendor.example").unwrap_err(), SetupError::BaseUrl(_)));
    assert!(matches!(start("https://vendor.example").unwrap_err(), SetupError::NoRoots));
}
