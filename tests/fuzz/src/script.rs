//! A vendor that says what the input says, whatever it is asked.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;
use retail_runtime::{Io, Listener, Network};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A host that nobody listens on.
pub(crate) const NOBODY: &str = "nobody";

/// How the other side takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// One answer for each whole HTTP/1.1 request; what asks for a token gets one from a list of its own.
    Http,
    /// Speaks first, then once after each write.
    Mail,
}

/// What is still to be said. Clones share it.
#[derive(Clone)]
pub(crate) struct Script {
    manners: Manners,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    answers: VecDeque<Vec<u8>>,
    tokens: VecDeque<Vec<u8>>,
    asked: usize,
    log: Vec<String>,
}

impl Script {
    pub(crate) fn new(manners: Manners, answers: Vec<Vec<u8>>, tokens: Vec<Vec<u8>>) -> Self {
        let lines = Lines { answers: answers.into(), tokens: tokens.into(), asked: 0, log: Vec::new() };
        Self { manners, lines: Arc::new(Mutex::new(lines)) }
    }

    /// How often it was asked something.
    pub(crate) fn asked(&self) -> usize {
        self.lines.lock().unwrap().asked
    }

    /// What was said to it, turn by turn.
    pub(crate) fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().log.clone()
    }

    fn next(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut lines = self.lines.lock().unwrap();
        lines.asked += 1;
        if self.manners == Manners::Mail && !request.is_empty() {
            lines.log.push(String::from_utf8_lossy(request).into_owned());
        }
        let first = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let of_token = self.manners == Manners::Http && String::from_utf8_lossy(first).contains("token");
        if of_token {
            return lines.tokens.pop_front().or_else(|| Some(answer(200, &[], TOKEN.as_bytes())));
        }
        lines.answers.pop_front()
    }
}

/// Fits every vendor.
const TOKEN: &str =
    r#"{"access_token":"t","token_type":"Bearer","expires_in":"3600","instance_url":"http://vendor","scope":""}"#;

/// An HTTP answer.
pub(crate) fn answer(status: u16, headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(b"\r\n");
    }
    if status == 429 {
        bytes.extend_from_slice(b"retry-after: 1\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

impl Network for Script {
    fn connect(&self, host: &str, _: u16) -> BoxFuture<'static, io::Result<Io>> {
        let known = host != NOBODY;
        let mut wire = Wire {
            script: self.clone(),
            asked: Vec::new(),
            said: VecDeque::new(),
            over: false,
            message: false,
            waker: None,
        };
        Box::pin(async move {
            if !known {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            if wire.script.manners == Manners::Mail {
                wire.turn();
            }
            Ok(Io::new(wire))
        })
    }

    fn bind(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<Listener>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// One connection.
struct Wire {
    script: Script,
    asked: Vec<u8>,
    said: VecDeque<u8>,
    over: bool,
    /// What comes is a message, up to its end.
    message: bool,
    waker: Option<Waker>,
}

impl Wire {
    /// The other side's turn, when what was asked is whole.
    fn turn(&mut self) {
        let whole = match self.script.manners {
            Manners::Http => is_whole(&self.asked),
            Manners::Mail => !self.message || self.asked == b".\r\n" || self.asked.ends_with(b"\r\n.\r\n"),
        };
        if !whole {
            return;
        }
        match self.script.next(&self.asked) {
            Some(bytes) => {
                self.message = self.script.manners == Manners::Mail && bytes.starts_with(b"354");
                self.said.extend(bytes);
            }
            None => self.over = true,
        }
        self.asked.clear();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// True of a request with all of its body.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next()?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.said.is_empty() && !self.over {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let most = buf.remaining().min(self.said.len());
        let bytes: Vec<u8> = self.said.drain(..most).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.asked.extend_from_slice(bytes);
        self.turn();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.over = true;
        Poll::Ready(Ok(()))
    }
}
