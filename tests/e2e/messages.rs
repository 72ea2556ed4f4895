//! What customers are told of their orders, by e-mail: each fact once and in its order, over a mail server on a bad day.

use serde_json::{Value, json};

use crate::harness::Mesh;
use crate::pickup::{mesh_with, moved, ordered, shipped, told};

const SMTP: &str = "instance = 'mail'\ndomain = 'mail.example.com'\nsender = { from = 'Shop <orders@example.com>' }\n\
    relay = { host = '127.0.0.1', port = 9105, tls = 'none' }";
const MESSAGES: &str = "orders = 'http://127.0.0.1:7101'\nreturns = 'http://127.0.0.1:7104'\n\
    carriers = { mail = { address = 'http://127.0.0.1:7205' } }\nchannels = { shop = { carrier = 'mail' } }";

async fn mesh() -> Mesh {
    let mesh = mesh_with(|config| {
        config.messages = Some(toml::from_str(MESSAGES).unwrap());
        config.smtp = Some(toml::from_str(SMTP).unwrap());
        config.sandbox.smtp = Some(toml::from_str("").unwrap());
    })
    .await;
    // The mail server drops one conversation before anything was taken on.
    mesh.plant("smtp", json!({"kind": "reset_before", "path_contains": "/rcpt", "times": 1})).await;
    mesh
}

/// Subjects of all mail, once there are so many.
async fn mail(mesh: &Mesh, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..1_200 {
        let mailbox = mesh.twins().get("/__sandbox/smtp/mailbox").await.unwrap();
        let messages = mailbox.as_array().unwrap().clone();
        all = messages.iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect();
        if all.len() >= count {
            break;
        }
        mesh.runtime.clock().sleep(std::time::Duration::from_millis(50)).await;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whose_pickup_is_shipped_instead_is_told_of_every_step_once() {
    let mesh = mesh().await;
    let id = ordered(&mesh, "P-9", true).await;
    told(&mesh, &id, "rejectPick", json!({"reason": "the shelf is empty"})).await;
    let order = moved(&mesh, &id).await;
    // What has left before it could be told would be left out.
    mail(&mesh, 2).await;
    shipped(&mesh, &order).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let subjects = mail(&mesh, 3).await;
    let told = ["We have your order P-9", "A change to your order P-9", "Your order P-9 is on its way"];
    assert_eq!(subjects, told);
    let books = mesh.twins().get("/__sandbox/smtp/books").await.unwrap();
    assert_eq!(books["messages"]["duplicates"], 0, "{books:#}");
    let messages = mesh.answer(&format!("/v1/messages?orderId={id}"), |all| all["messages"].is_array()).await;
    let states: Vec<&Value> = messages["messages"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert!(states.iter().all(|state| *state == "MESSAGE_STATE_SENT"), "{messages:#}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_told_that_the_order_waits_in_the_store() {
    let mesh = mesh().await;
    let id = ordered(&mesh, "P-10", true).await;
    told(&mesh, &id, "readyForPickup", json!({})).await;
    mail(&mesh, 2).await;
    told(&mesh, &id, "handOver", json!({"collectedBy": "A. Jones"})).await;
    let order = mesh.until(&id, |order| order["pickup"]["stage"] == "PICKUP_STAGE_COLLECTED").await;
    shipped(&mesh, &order).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let subjects = mail(&mesh, 2).await;
    assert_eq!(subjects, ["We have your order P-10", "Your order P-10 is ready for pickup"]);
    mesh.end().await;
}
