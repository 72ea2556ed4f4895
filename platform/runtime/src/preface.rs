//! A limit on the time in which a connection must show which HTTP it speaks. hyper's automatic builder reads up to the
//! whole preface of HTTP/2 before its own header timeout begins: without this, a silent connection stays open for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::Io;

/// RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that fails when neither HTTP/1 nor HTTP/2 is seen in time.
pub(crate) struct Timed {
    io: Io,
    /// `None` once the version is known.
    undecided: Option<Undecided>,
}

struct Undecided {
    until: Pin<Box<Sleep>>,
    /// What is still to come of the preface.
    rest: &'static [u8],
}

impl Timed {
    pub(crate) fn new(io: Io, limit: Duration) -> Self {
        Self { io, undecided: Some(Undecided { until: Box::pin(tokio::time::sleep(limit)), rest: PREFACE }) }
    }
}

impl Undecided {
    /// Takes what has arrived; true when the version is known.
    fn take(&mut self, arrived: &[u8]) -> bool {
        match self.rest.strip_prefix(arrived) {
            Some(rest) => {
                self.rest = rest;
                rest.is_empty()
            }
            None => true,
        }
    }
}

impl AsyncRead for Timed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        let Some(undecided) = self.undecided.as_mut() else { return read };
        if read.is_pending() {
            return undecided.until.as_mut().poll(cx).map(|()| {
                Err(io::Error::new(io::ErrorKind::TimedOut, "neither HTTP/1 nor HTTP/2 was spoken in time"))
            });
        }
        if undecided.take(buf.filled().get(before..).unwrap_or_default()) {
            self.undecided = None;
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
