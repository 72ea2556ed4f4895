//! What goes wrong between us and the relay, and how far a message got.

use std::time::Duration;

use retail_runtime::deadline;
use retail_runtime::fault::Class;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_connection_that_breaks_before_the_end_has_sent_nothing() {
    for step in ["/greeting", "/ehlo", "/mail", "/rcpt", "/data"] {
        let world = world().await;
        world.fault(step, json!({"kind": "reset_before"})).await;
        let refusal = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unavailable, "VENDOR_UNREACHABLE"), "{step}");
        assert_eq!(world.counted().await, (0, 0), "{step}");
        assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "DONE", "{step}");
        assert_eq!(world.counted().await, (1, 0), "{step}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_behind_the_end_leaves_it_unknown_whether_or_not_the_message_was_kept() {
    for (kind, kept) in [("reset_after_commit", 1), ("truncate", 1), ("reset_before", 0)] {
        let world = world().await;
        world.fault("/message", json!({"kind": kind})).await;
        let refusal = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert!(refusal.message().contains("@mail.example.com>"), "{}", refusal.message());
        assert_eq!(world.counted().await, (kept, 0), "{kind}");
    }
}

#[tokio::test]
async fn a_message_that_the_relay_takes_on_after_it_hung_up_is_one_that_nobody_knew_of() {
    let world = world().await;
    world.fault("/message", json!({"kind": "late_commit", "ms": 50})).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "VENDOR_OUTCOME_UNKNOWN");
    while world.counted().await.0 == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_sends_an_unknown_message_again_makes_a_copy_that_is_known_as_one() {
    let world = world().await;
    world.fault("/message", json!({"kind": "reset_after_commit"})).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "VENDOR_OUTCOME_UNKNOWN");
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "DONE");
    assert_eq!(world.counted().await, (2, 1));
    let mailbox = world.mailbox().await;
    assert_eq!(mailbox[0]["message_id"], mailbox[1]["message_id"]);
    assert_eq!(mailbox[0]["text"], mailbox[1]["text"]);
}

#[tokio::test]
async fn a_relay_that_is_not_there_has_been_sent_nothing() {
    let world = world().await;
    let nobody = world.runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap().local_addr().port();
    let smtp = retail_smtp::Connector::new(&config(nobody, &With::default()), &world.runtime).unwrap();
    let world = World { smtp, ..world };
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "VENDOR_UNREACHABLE");
}

#[tokio::test]
async fn a_relay_that_is_slow_before_the_end_has_been_sent_nothing() {
    let world = world_with(With { relay: "timeout = '600ms'\nreply_wait = '300ms'", ..With::default() }).await;
    world.fault("/rcpt", json!({"kind": "delay", "ms": 60_000})).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "VENDOR_UNREACHABLE");
    assert_eq!(world.counted().await, (0, 0));
}

#[tokio::test]
async fn a_relay_that_is_slow_behind_the_end_leaves_it_unknown() {
    let world = world_with(With { relay: "timeout = '3s'\nreply_wait = '1s'", ..With::default() }).await;
    world.fault("/message", json!({"kind": "delay", "ms": 60_000})).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "VENDOR_OUTCOME_UNKNOWN");
}

#[tokio::test]
async fn a_caller_with_less_time_than_the_last_word_may_take_has_sent_nothing() {
    let world = world().await;
    let asked = shipped("m-1", "max@example.com");
    let reason = deadline::within(Duration::from_secs(5), world.send(&asked)).await;
    assert_eq!(reason, "DEADLINE_TOO_SHORT");
    assert_eq!(world.steps("/greeting").await, 0);
}

#[tokio::test]
async fn a_message_that_finds_no_connection_free_has_not_been_sent() {
    let world =
        world_with(With { relay: "connections = 1\ntimeout = '3s'\nreply_wait = '1s'", ..With::default() }).await;
    world.fault("/message", json!({"kind": "delay", "ms": 60_000})).await;
    let (first, second) = (shipped("m-1", "max@example.com"), shipped("m-2", "max@example.com"));
    let said = tokio::join!(world.send(&first), world.send(&second));
    assert_eq!(said, ("VENDOR_OUTCOME_UNKNOWN".to_owned(), "VENDOR_BUDGET_EXHAUSTED".to_owned()));
}

#[tokio::test]
async fn a_connection_serves_one_message_after_another() {
    let world = world().await;
    for reference in ["m-1", "m-2", "m-3"] {
        assert_eq!(world.send(&shipped(reference, "max@example.com")).await, "DONE");
    }
    assert_eq!((world.steps("/greeting").await, world.counted().await), (1, (3, 0)));
}

#[tokio::test]
async fn a_kept_connection_that_the_relay_gave_up_is_replaced_within_the_call() {
    for fault in [json!({"kind": "reset_before", "after": 1}), json!({"kind": "status", "status": 421, "after": 1})] {
        let world = world().await;
        world.fault("/mail", fault).await;
        for reference in ["m-1", "m-2"] {
            assert_eq!(world.send(&shipped(reference, "max@example.com")).await, "DONE");
        }
        assert_eq!((world.steps("/greeting").await, world.counted().await), (2, (2, 0)));
    }
}

#[tokio::test]
async fn without_keeping_each_message_has_its_connection_and_takes_leave() {
    let world = world_with(With { relay: "keep = '0s'", ..With::default() }).await;
    for reference in ["m-1", "m-2"] {
        assert_eq!(world.send(&shipped(reference, "max@example.com")).await, "DONE");
    }
    assert_eq!(world.steps("/greeting").await, 2);
    while world.steps("/quit").await < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_refused_address_does_not_spoil_the_next_message() {
    let world = world_with(With { server: "refuse = ['@gone.example']", ..With::default() }).await;
    assert_eq!(world.send(&shipped("m-1", "max@gone.example")).await, "ADDRESS_REFUSED");
    assert_eq!(world.send(&shipped("m-2", "max@example.com")).await, "DONE");
    assert_eq!(world.mail().await["envelope"]["to"], json!(["max@example.com"]));
}
