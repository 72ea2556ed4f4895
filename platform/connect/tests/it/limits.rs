//! Budgets and breakers around real calls.

use std::sync::Arc;

use futures::future::join_all;
use retail_connect::{Bearer, Bucket, Budget, CallFault, Held, Http, Lane, Lanes};
use retail_runtime::fault::Fault;
use tokio::sync::Semaphore;

use crate::vendor::{Act, Vendor, client, config, get, put, runtime};

#[tokio::test]
async fn no_more_calls_are_in_flight_than_the_budget_and_orders_go_first() {
    let runtime = runtime();
    let gate = Arc::new(Semaphore::new(0));
    let script_gate = Arc::clone(&gate);
    let vendor = Vendor::start(&runtime, move |_, _| Act::Wait(Arc::clone(&script_gate))).await;
    let budget = Budget::Concurrency(Lanes::new(4, 4));
    let http = Http::new(&runtime, config(&vendor.base_url), Bearer, budget).unwrap();
    let sweeps = (0..10).map(|_| http.send(get().lane(Lane::Sheddable)));
    let orders = (0..2).map(|_| http.send(put()));
    let everything = join_all(sweeps.chain(orders));
    let opener = async {
        while vendor.requests() < 4 {
            tokio::task::yield_now().await;
        }
        let reading = http.snapshot();
        assert_eq!((reading.in_flight, reading.limit, reading.waiting), (4, 4, 8));
        let early = vendor.seen.lock().unwrap().iter().filter(|seen| seen.line.starts_with("PUT")).count();
        assert_eq!(early, 2, "both orders are in flight beside two of ten sweeps");
        gate.add_permits(12);
    };
    let (replies, ()) = futures::join!(everything, opener);
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(http.snapshot().in_flight, 0);
}

#[tokio::test]
async fn a_spent_rate_budget_keeps_a_call_back_when_there_is_no_time_to_wait() {
    let runtime = runtime();
    let vendor = Vendor::start(&runtime, |_, _| crate::vendor::ok()).await;
    let mut config = config(&vendor.base_url);
    config.patience = retail_runtime::config::Span::from_secs(1);
    let http = Http::new(&runtime, config, Bearer, Budget::Rate(Bucket::new(10, 1))).unwrap();
    http.send(put().cost(10)).await.unwrap();
    let fault = http.send(put().cost(10)).await.unwrap_err();
    assert!(matches!(fault, CallFault::NotSent { held: Held::Budget, .. }), "{fault:?}");
    assert_eq!(fault.reason(), "VENDOR_BUDGET_EXHAUSTED");
    assert_eq!(vendor.requests(), 1);
}

#[tokio::test]
async fn an_operation_that_keeps_failing_is_left_alone_and_others_are_not() {
    let runtime = runtime();
    let vendor =
        Vendor::start(&runtime, |_, seen| if seen.line.starts_with("PUT") { Act::Drop } else { crate::vendor::ok() })
            .await;
    let client = client(&runtime, &vendor.base_url);
    for _ in 0..20 {
        client.send(put()).await.unwrap_err();
    }
    let fault = client.send(put()).await.unwrap_err();
    assert!(matches!(fault, CallFault::NotSent { held: Held::Breaker, .. }));
    assert_eq!(vendor.requests(), 20);
    assert_eq!(client.snapshot().breakers_open, 1);
    client.send(get()).await.unwrap();
}
