//! The mail server of the sandbox, spoken to as by hand (RFC 5321).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

use std::net::SocketAddr;

use retail_runtime::{Io, Runtime};
use retail_sandbox::{Listen, Sandbox, smtp};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

struct Server {
    runtime: Runtime,
    smtp: SocketAddr,
    control: SocketAddr,
}

struct Client(BufReader<Io>);

async fn server(config: smtp::Config) -> Server {
    let runtime = Runtime::system("test");
    let config = retail_sandbox::Config { listen: Listen::anywhere(), smtp: Some(config), ..Default::default() };
    let running = Sandbox::start(&runtime, config).await.unwrap();
    Server { runtime, smtp: running.smtp.unwrap(), control: running.control }
}

impl Server {
    /// Connects and hears the greeting.
    async fn client(&self) -> Client {
        let io = self.runtime.net().connect(&self.smtp.ip().to_string(), self.smtp.port()).await.unwrap();
        let mut client = Client(BufReader::new(io));
        assert_eq!(client.hear().await, "220");
        client
    }

    async fn operate(&self, method: &str, target: &str, body: &str) -> Vec<u8> {
        let mut io = self.runtime.net().connect(&self.control.ip().to_string(), self.control.port()).await.unwrap();
        let length = body.len();
        let head = format!(
            "{method} /__sandbox/smtp/{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}"
        );
        io.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        io.read_to_end(&mut answer).await.unwrap();
        let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        answer.split_off(at + 4)
    }

    async fn look(&self, target: &str) -> Value {
        serde_json::from_slice(&self.operate("GET", target, "").await).unwrap()
    }
}

impl Client {
    /// The code of the next reply; empty when the server hung up.
    async fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.chars().take(3).collect();
            }
        }
    }

    async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn say(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r\n")).await;
        self.hear().await
    }

    /// All the replies to lines that are sent at once.
    async fn pipeline(&mut self, lines: &[&str]) -> Vec<String> {
        self.write(&lines.iter().map(|line| format!("{line}\r\n")).collect::<String>()).await;
        let mut replies = Vec::new();
        for _ in lines {
            replies.push(self.hear().await);
        }
        replies
    }

    /// Up to the leave to send a message.
    async fn ready(&mut self) {
        let lines = ["EHLO me", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"];
        assert_eq!(self.pipeline(&lines).await, ["250", "250", "250", "354"]);
    }
}

#[tokio::test]
async fn commands_may_come_at_once_and_have_their_order() {
    let server = server(smtp::Config::default()).await;
    let mut client = server.client().await;
    let early = ["MAIL FROM:<a@example.com>", "EHLO", "NOOP", "VRFY b", "EXPN b", "STARTTLS", "DATA", "RCPT TO:<b@c>"];
    assert_eq!(client.pipeline(&early).await, ["503", "501", "250", "252", "500", "502", "503", "503"]);
    let wrong = ["EHLO me", "MAIL a@example.com", "MAIL FROM:<a@example.com> X=1", "MAIL FROM:<a@example.com> SIZE=x"];
    assert_eq!(client.pipeline(&wrong).await, ["250", "501", "555", "501"]);
    let twice = ["mail from: <a@example.com>", "MAIL FROM:<a@example.com>", "RCPT TO:<b>", "RCPT TO:<b@c> X", "RSET"];
    assert_eq!(client.pipeline(&twice).await, ["250", "503", "553", "555", "250"]);
    assert_eq!(client.pipeline(&["RCPT TO:<b@c>", "QUIT"]).await, ["503", "221"]);
    assert_eq!(client.hear().await, "", "it hangs up");
}

#[tokio::test]
async fn a_message_is_kept_as_it_came_and_shown_as_it_is_read() {
    let server = server(smtp::Config::default()).await;
    let mut client = server.client().await;
    let message = "From: =?utf-8?b?TcO2YmVs?= <a@example.com>\r\nTo: b@example.com\r\nMessage-ID: <1@example.com>\r\n\
        Subject: =?utf-8?q?f=C3=BCr?= you\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\n";
    for _ in 0..2 {
        client.ready().await;
        client.write(message).await;
        assert_eq!(client.say("sch=C3=B6n\r\n..a dot\r\n.").await, "250");
    }
    let mailbox = server.look("mailbox?to=b@example.com").await;
    let mail = &mailbox[0];
    assert_eq!(mail["from"], "Möbel <a@example.com>");
    assert_eq!((&mail["subject"], &mail["text"]), (&json!("für you"), &json!("schön\n.a dot\n")));
    assert_eq!(mail["envelope"], json!({"from": "a@example.com", "to": ["b@example.com"]}));
    assert_eq!(server.operate("GET", "raw?seq=1", "").await, format!("{message}sch=C3=B6n\r\n.a dot\r\n").into_bytes());
    let expected = json!({"count": 2, "distinct": 1, "duplicates": 1, "without_id": 0});
    assert_eq!(server.look("books").await["messages"], expected);
    assert_eq!(server.look("mailbox?to=nobody@example.com").await, json!([]));
}

#[tokio::test]
async fn what_a_careful_server_refuses_is_not_kept() {
    let server = server(smtp::Config { largest: 5_000, ..smtp::Config::default() }).await;
    let long = "x".repeat(999);
    let large = format!("{}\r\n", "x".repeat(990)).repeat(6);
    for (message, code) in [
        ("a\nb", "521"),
        ("a\rb", "521"),
        (long.as_str(), "500"),
        (large.as_str(), "552"),
        ("Subject: f\u{fc}r\r\n\r\n", "554"),
    ] {
        let mut client = server.client().await;
        client.ready().await;
        client.write(message).await;
        assert_eq!(client.say("\r\n.").await, code, "{message:.20}");
    }
    let mut client = server.client().await;
    assert_eq!(client.pipeline(&["EHLO me", "MAIL FROM:<a@example.com> SIZE=5001"]).await, ["250", "552"]);
    assert_eq!(server.look("books").await["messages"]["count"], 0);
}

#[tokio::test]
async fn eight_bit_data_that_is_announced_is_taken() {
    let server = server(smtp::Config::default()).await;
    let mut client = server.client().await;
    let lines = ["EHLO me", "MAIL FROM:<a@example.com> BODY=8BITMIME SIZE=100", "RCPT TO:<b@example.com>", "DATA"];
    assert_eq!(client.pipeline(&lines).await, ["250", "250", "250", "354"]);
    assert_eq!(client.say("Subject: s\r\n\r\nsch\u{f6}n\r\n.").await, "250");
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_end_has_sent_nothing() {
    let server = server(smtp::Config::default()).await;
    let mut client = server.client().await;
    client.ready().await;
    client.write("Subject: s\r\n\r\nhalf of it").await;
    drop(client);
    let mut next = server.client().await;
    next.ready().await;
    assert_eq!(next.say("Subject: t\r\n\r\nwhole\r\n.").await, "250");
    assert_eq!(server.look("books").await["messages"]["count"], 1);
}

#[tokio::test]
async fn only_who_logs_in_may_send_where_a_login_is_asked_for() {
    let (user, password) = (Some("weft".to_owned()), "secret".to_owned());
    let server = server(smtp::Config { user, password, ..smtp::Config::default() }).await;
    let mut client = server.client().await;
    assert_eq!(client.pipeline(&["EHLO me", "MAIL FROM:<a@example.com>"]).await, ["250", "530"]);
    assert_eq!(
        client.pipeline(&["AUTH CRAM-MD5", "AUTH PLAIN ???", "AUTH PLAIN AGEAYg=="]).await,
        ["504", "501", "535"]
    );
    assert_eq!(client.pipeline(&["AUTH LOGIN", "d2VmdA==", "c2VjcmV0"]).await, ["334", "334", "235"]);
    assert_eq!(client.pipeline(&["AUTH LOGIN", "MAIL FROM:<a@example.com>"]).await, ["503", "250"]);
    let mut other = server.client().await;
    assert_eq!(other.pipeline(&["EHLO me", "AUTH PLAIN AHdlZnQAc2VjcmV0"]).await, ["250", "235"]);
}

#[tokio::test]
async fn a_fault_strikes_the_step_and_the_recipient_that_it_names() {
    let server = server(smtp::Config { refuse: vec!["@gone.example".to_owned()], ..smtp::Config::default() }).await;
    let fault = r#"{"kind": "status", "status": 452, "path_contains": "/rcpt", "body_contains": "full@"}"#;
    server.operate("POST", "faults", fault).await;
    let mut client = server.client().await;
    let lines = ["EHLO me", "MAIL FROM:<a@example.com>", "RCPT TO:<full@example.com>", "RCPT TO:<b@example.com>"];
    assert_eq!(client.pipeline(&lines).await, ["250", "250", "452", "250"]);
    assert_eq!(client.pipeline(&["RCPT TO:<x@Gone.example>", "RSET"]).await, ["550", "250"]);
    server.operate("POST", "faults", r#"{"kind": "status", "status": 421, "path_contains": "/ehlo"}"#).await;
    assert_eq!(client.say("EHLO me").await, "421");
    assert_eq!(client.hear().await, "", "it hangs up");
}

#[tokio::test]
async fn the_mailbox_outlives_the_server() {
    let dir = tempfile::tempdir().unwrap();
    for count in 1..=2 {
        let runtime = Runtime::system("test");
        let (listen, dir) = (Listen::anywhere(), Some(dir.path().to_owned()));
        let config = retail_sandbox::Config { dir, listen, smtp: Some(smtp::Config::default()), ..Default::default() };
        let running = Sandbox::start(&runtime, config).await.unwrap();
        let server = Server { runtime: runtime.clone(), smtp: running.smtp.unwrap(), control: running.control };
        let mut client = server.client().await;
        client.ready().await;
        assert_eq!(client.say("Message-ID: <1@example.com>\r\n\r\nt\r\n.").await, "250");
        assert_eq!(server.look("books").await["messages"]["count"], count);
        runtime.stop();
        assert!(runtime.drained(std::time::Duration::from_secs(10)).await);
    }
}
