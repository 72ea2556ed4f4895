//! The rows of the README's table of answers, one by one.

use retail_proto::notify::v1 as pb;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::Class;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_message_that_the_relay_takes_is_done_and_known_by_its_id() {
    let world = world().await;
    let sent = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap();
    assert_eq!(sent.outcome.unwrap().state(), OutcomeState::Done);
    let record = sent.message.unwrap();
    assert_eq!((record.kind.as_str(), record.instance.as_str(), record.r#type.as_str()), ("notify", "mail", "message"));
    let mail = world.mail().await;
    assert_eq!(record.id, format!("<{}>", mail["message_id"].as_str().unwrap()));
    assert!(record.id.ends_with("@mail.example.com>"), "{}", record.id);
    assert_eq!(mail["envelope"], json!({"from": "bounces@example.com", "to": ["max@example.com"]}));
    assert_eq!(mail["from"], "Möbel & Co <shop@example.com>");
    assert_eq!(mail["subject"], "Your order 1001 is on its way");
}

#[tokio::test]
async fn a_customer_without_an_address_is_refused_and_nobody_is_asked() {
    let world = world().await;
    for nobody in ["", "  "] {
        assert_eq!(world.send(&shipped("m-1", nobody)).await, "NO_ADDRESS");
    }
    assert_eq!(world.steps("/greeting").await, 0);
}

#[tokio::test]
async fn what_is_no_address_is_refused_and_nobody_is_asked() {
    let world = world().await;
    for wrong in ["max", "max@", "max@example.com>\r\nRCPT TO:<eve@example.com", "max@example.com, eve@example.com"] {
        assert_eq!(world.send(&shipped("m-1", wrong)).await, "ADDRESS_REFUSED", "{wrong:?}");
    }
    assert_eq!(world.steps("/greeting").await, 0);
}

#[tokio::test]
async fn an_address_that_the_relay_refuses_is_refused_without_repeating_it() {
    let world = world_with(With { server: "refuse = ['gone@example.com']", ..With::default() }).await;
    let sent = world.try_send(&shipped("m-1", "gone@example.com")).await.unwrap();
    let outcome = sent.outcome.unwrap();
    assert_eq!((outcome.state(), outcome.reason.as_str()), (OutcomeState::Refused, "ADDRESS_REFUSED"));
    assert!(outcome.message.contains("550") && !outcome.message.contains("gone@"), "{}", outcome.message);
    assert_eq!((sent.message, world.counted().await), (None, (0, 0)));
}

#[tokio::test]
async fn a_no_to_sender_content_or_message_refuses_the_message() {
    for step in ["/mail", "/data", "/message"] {
        let world = world().await;
        world.fault(step, json!({"kind": "status", "status": 554})).await;
        assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "MESSAGE_REFUSED", "{step}");
        assert_eq!(world.counted().await, (0, 0), "{step}");
    }
}

#[tokio::test]
async fn a_message_that_is_larger_than_the_relay_takes_is_refused_before_it_is_named() {
    let world = world_with(With { server: "largest = 100", ..With::default() }).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "MESSAGE_REFUSED");
    assert_eq!(world.steps("/mail").await, 0);
}

#[tokio::test]
async fn not_now_is_not_executed_at_every_step_and_its_repeat_is_the_first_message() {
    for step in ["/greeting", "/ehlo", "/mail", "/rcpt", "/data", "/message"] {
        for status in [421, 450, 451] {
            let world = world().await;
            world.fault(step, json!({"kind": "status", "status": status})).await;
            let refusal = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap_err();
            assert_eq!((refusal.class(), refusal.reason()), (Class::Unavailable, "RELAY_DEFERRED"), "{step} {status}");
            assert_eq!(refusal.retry_after().unwrap().as_secs(), 60);
            assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "DONE", "{step} {status}");
            assert_eq!(world.counted().await, (1, 0), "{step} {status}");
        }
    }
}

#[tokio::test]
async fn a_relay_that_does_not_talk_to_us_is_our_misconfiguration() {
    for step in ["/greeting", "/ehlo"] {
        let world = world().await;
        world.fault(step, json!({"kind": "status", "status": 554})).await;
        let refusal = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "VENDOR_REFUSED"), "{step}");
    }
}

#[tokio::test]
async fn a_login_opens_the_relay_and_a_wrong_one_does_not() {
    let server = "user = 'weft'\npassword = 'pass word'";
    let right = world_with(With { relay: "user = 'weft'\npassword = 'pass word'", server, ..With::default() }).await;
    assert_eq!(right.send(&shipped("m-1", "max@example.com")).await, "DONE");
    for relay in ["user = 'weft'\npassword = 'wrong'", "user = 'other'\npassword = 'pass word'", ""] {
        let world = world_with(With { relay, server, ..With::default() }).await;
        let refusal = world.try_send(&shipped("m-1", "max@example.com")).await.unwrap_err();
        let expected = (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS");
        assert_eq!((refusal.class(), refusal.reason()), expected, "{relay}");
        assert_eq!(world.counted().await, (0, 0));
    }
}

#[tokio::test]
async fn a_password_is_read_from_its_file_without_the_end_of_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret\n").unwrap();
    let relay = format!("user = 'weft'\npassword_file = '{}'", file.path().display());
    let server = "user = 'weft'\npassword = 'secret'";
    let world = world_with(With { relay: &relay, server, ..With::default() }).await;
    assert_eq!(world.send(&shipped("m-1", "max@example.com")).await, "DONE");
}

#[tokio::test]
async fn an_occasion_without_words_is_refused() {
    let words = "built_in_words = false\nwords = [{ occasion = 'shipped', locale = 'en', subject = 's', text = 't' }]";
    let world = world_with(With { top: words, ..With::default() }).await;
    assert_eq!(world.send(&whole(pb::Occasion::Delayed)).await, "NO_TEMPLATE");
    assert_eq!(world.send(&whole(pb::Occasion::Shipped)).await, "DONE");
}
