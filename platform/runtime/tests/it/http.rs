//! Public listeners against rude callers.

use std::net::SocketAddr;
use std::time::Duration;

use retail_runtime::http::{empty, full};
use retail_runtime::{HttpLimits, Io, Runtime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn start(runtime: &Runtime, limits: HttpLimits) -> SocketAddr {
    let listener = runtime.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let (at, serving) = (listener.local_addr(), runtime.clone());
    runtime.spawn("serve", async move {
        let handler = |request: http::Request<hyper::body::Incoming>, _| async move {
            match request.uri().path() {
                "/hello" => http::Response::new(full("hello")),
                "/never" => std::future::pending().await,
                "/panic" => panic!("on purpose"),
                _ => http::Response::new(empty()),
            }
        };
        serving.serve_http(listener, limits, handler).await.unwrap();
    });
    at
}

async fn connect(runtime: &Runtime, at: SocketAddr) -> Io {
    runtime.net().connect(&at.ip().to_string(), at.port()).await.unwrap()
}

/// Sends this and reads until the other side closes; paused time passes as soon as nobody works.
async fn tell(runtime: &Runtime, at: SocketAddr, text: &str) -> String {
    let mut io = connect(runtime, at).await;
    io.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    let answer = tell(&runtime, at, &get("/hello")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_answers_500() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    let answer = tell(&runtime, at, &get("/panic")).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn silent_and_half_spoken_connections_are_closed() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    for said in ["", "PRI * HTT", "GET /hello HT", "GET /hello HTTP/1.1\r\nhost: h"] {
        let answer = tell(&runtime, at, said).await;
        assert!(!answer.contains("200"), "{said:?}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_headers_are_refused() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    let many = "x: y\r\n".repeat(100);
    let answer = tell(&runtime, at, &format!("GET /hello HTTP/1.1\r\nhost: here\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_too_long_is_refused() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    let long = "y".repeat(20_000);
    let answer = tell(&runtime, at, &format!("GET /hello HTTP/1.1\r\nhost: here\r\nx: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn one_peer_cannot_hold_more_connections_than_its_share() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits { per_peer: 1, ..HttpLimits::default() }).await;
    let mut first = connect(&runtime, at).await;
    first.write_all(b"GET /hello HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    first.read_u8().await.unwrap();
    assert_eq!(tell(&runtime, at, "").await, "");
    drop(first);
    // The place is free again once the server has seen the end.
    while !tell(&runtime, at, &get("/hello")).await.contains("200") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    let mut idle = connect(&runtime, at).await;
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    idle.read_u8().await.unwrap();
    runtime.stop();
    assert!(runtime.drained(Duration::from_secs(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_cut_off_after_the_grace_period() {
    let runtime = crate::runtime();
    let at = start(&runtime, HttpLimits::default()).await;
    let mut stuck = connect(&runtime, at).await;
    stuck.write_all(get("/never").as_bytes()).await.unwrap();
    tokio::task::yield_now().await;
    runtime.stop();
    assert!(runtime.drained(Duration::from_secs(30)).await);
}
