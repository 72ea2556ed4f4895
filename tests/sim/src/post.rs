//! What customers were told: the mail server's own mailbox against what the mesh says of each message.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::watch::Watch;

/// Of messages and mail, at the end.
#[derive(Debug)]
pub(crate) struct Post {
    /// Every message of the mesh.
    pub(crate) messages: Vec<Value>,
    /// The mail server's count of what it took.
    pub(crate) mailbox: Value,
}

/// `told_once`: no fact is told twice, what is said to be sent was taken on by the mail server, and nothing else was but for
/// what nobody knows of; every order that is over was announced.
pub(crate) fn agrees(post: &Post, orders: &[Value], watch: &Watch) {
    let mut facts: BTreeMap<[&str; 3], usize> = BTreeMap::new();
    let (mut sent, mut unknown) = (0_i64, 0_i64);
    for message in &post.messages {
        let of = |field: &str| message[field].as_str().unwrap_or_default();
        *facts.entry([of("orderId"), of("returnId"), of("fact")]).or_default() += 1;
        let state = of("state").trim_start_matches("MESSAGE_STATE_");
        watch.trace().line("END", &format!("message {} of {}: {state} {}", of("fact"), of("orderNumber"), of("cause")));
        match state {
            "SENT" => sent += 1,
            "PARKED" if of("cause").starts_with("OUTCOME_UNKNOWN") => unknown += 1,
            "NOT_SENT" | "LAPSED" | "SKIPPED" | "CANCELLED" | "PARKED" => {}
            _ => watch.violated("every_saga_ends", format!("message {} rests in {state}", of("messageId"))),
        }
    }
    for (fact, times) in &facts {
        if *times != 1 {
            watch.violated("told_once", format!("{fact:?} is told by {times} messages"));
        }
    }
    let taken = post.mailbox["count"].as_i64().unwrap_or(-1);
    let line = format!("{sent} messages are sent, of {unknown} nobody knows, the mail server has {taken}");
    watch.trace().line("END", &line);
    if taken < sent || taken > sent + unknown {
        watch.violated("told_once", line);
    }
    for order in orders.iter().filter(|order| order["state"] == "ORDER_STATE_COMPLETED") {
        let id = order["orderId"].as_str().unwrap_or_default();
        if !facts.contains_key(&[id, "", "ordered"]) {
            watch.violated("told_once", format!("nobody was told of order {}", order["orderNumber"]));
        }
    }
}
