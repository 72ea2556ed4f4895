//! The gateway as anybody reaches it: raw bytes of HTTP. It answers with HTTP or not at all, never with an error of its
//! own, and every problem says its reason.

use std::cell::OnceCell;

use retail_gateway::{Config, Gateway};
use retail_proto::DESCRIPTORS;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::served::{Door, PATIENCE};
use crate::world;

struct Edge {
    tokio: tokio::runtime::Runtime,
    door: Door,
}

thread_local! {
    static EDGE: OnceCell<Edge> = const { OnceCell::new() };
}

impl Edge {
    fn open() -> Self {
        let tokio = world::tokio();
        let door = tokio.block_on(async {
            let (door, listener) = Door::new();
            let runtime = world::runtime(door.nobody_else());
            let services = [
                "orders.v1.OrdersService",
                "inventory.v1.InventoryService",
                "returns.v1.ReturnsService",
                "customers.v1.CustomersService",
                "cases.v1.CasesService",
            ];
            let upstreams = services.map(|name| format!("\"retail.{name}\" = 'http://nobody:1'")).join("\n");
            let text = format!(
                "auth = 'development'\n[webhooks.shop]\nkind = 'commerce'\nupstream = 'http://nobody:1'\n\
                 [upstreams]\n{upstreams}"
            );
            let config: Config = toml::from_str(&text).unwrap();
            let gateway = Gateway::new(config, &runtime, DESCRIPTORS).unwrap();
            runtime.clone().spawn("edge", async move { gateway.serve(listener).await.unwrap() });
            door
        });
        Self { tokio, door }
    }
}

/// Raw bytes of HTTP.
pub(crate) fn edge(data: &[u8]) {
    EDGE.with(|edge| {
        let edge = edge.get_or_init(Edge::open);
        let said = edge.tokio.block_on(async {
            let mut io = edge.door.knock();
            let mut said = Vec::new();
            // Who is refused early may be cut off while still talking. Who then says nothing more is hung up on.
            let talking = async {
                let _cut = io.write_all(data).await;
                let _cut = io.read_to_end(&mut said).await;
            };
            tokio::time::timeout(PATIENCE, talking).await.expect("a connection ends");
            said
        });
        judged(&said);
    });
}

fn judged(said: &[u8]) {
    let text = String::from_utf8_lossy(said);
    if !text.starts_with("HTTP/1.") {
        return;
    }
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let status: u16 = head.get(9..12).and_then(|code| code.parse().ok()).expect("an answer has a status");
    assert!((100..600).contains(&status) && status != 500, "{head}");
    if head.contains("application/problem+json") && !body.is_empty() {
        let mut problems = serde_json::Deserializer::from_str(body).into_iter::<Value>();
        let problem = problems.next().unwrap().expect("a problem is JSON");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{problem}");
        for field in problem["fields"].as_array().into_iter().flatten() {
            assert!(field["description"].as_str().is_some_and(|what| !what.is_empty()), "{problem}");
        }
    }
}
