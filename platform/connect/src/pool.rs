//! Kept-alive HTTP/1.1 connections to one vendor.
//!
//! A connection is driven by the call that uses it and by nobody else: no task outlives a call, a call that is dropped
//! closes its connection, and whether a byte may have left is known for certain.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use retail_runtime::Net;

use crate::call::Reply;
use crate::secure::Secure;
use crate::stream::Stream;

type Driver = Pin<Box<http1::Connection<TokioIo<Stream>, Full<Bytes>>>>;

/// Where the vendor lives and the connections that rest.
pub(crate) struct Pool {
    pub(crate) net: Net,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) secure: Option<Secure>,
    /// At most so many rest at once.
    pub(crate) keep: usize,
    /// A connection that rested longer is not used again: the vendor may be closing it.
    pub(crate) idle: Duration,
    pub(crate) resting: Mutex<Vec<(Duration, Connection)>>,
}

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// Why an exchange brought nothing.
#[derive(Debug)]
pub(crate) enum Broken {
    /// No byte of the request left.
    NotSent(String),
    /// Bytes may have left.
    Lost(String),
    /// The answer is larger than the limit.
    TooLarge,
}

impl Pool {
    /// A connection that is ready for a request.
    pub(crate) async fn connection(&self, now: Duration) -> Result<Connection, String> {
        while let Some((since, mut connection)) = self.pop() {
            if now.saturating_sub(since) < self.idle && connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let io = self.net.connect(&self.host, self.port).await.map_err(|err| err.to_string())?;
        let stream = match &self.secure {
            Some(secure) => secure.wrap(io, &self.host).await.map_err(|err| err.to_string())?,
            None => Stream::Plain(io),
        };
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|err| err.to_string())?;
        let mut connection = Connection { sender, driver: Box::pin(driver) };
        connection.ready().await?;
        Ok(connection)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(crate) fn rest(&self, now: Duration, connection: Connection) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|(since, _)| now.saturating_sub(*since) < self.idle);
        if resting.len() < self.keep {
            resting.push((now, connection));
        }
    }

    fn pop(&self) -> Option<(Duration, Connection)> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Connection {
    /// Waits until a request may be sent. The driver looks first, so that a close that has arrived is seen.
    async fn ready(&mut self) -> Result<(), String> {
        let (driver, sender) = (&mut self.driver, &mut self.sender);
        poll_fn(|cx| {
            if driver.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err("the connection was closed".to_owned()));
            }
            sender.poll_ready(cx).map_err(|err| err.to_string())
        })
        .await
    }

    /// Sends one request and reads its whole answer. On success the connection may be used again.
    pub(crate) async fn exchange(
        mut self,
        request: http::Request<Full<Bytes>>,
        max_body: usize,
    ) -> Result<(Reply, Self), Broken> {
        let answer = answer(&mut self.sender, request, max_body);
        let reply = match select(Box::pin(answer), &mut self.driver).await {
            Either::Left((reply, _)) => reply?,
            Either::Right((_, answer)) => answer.await?, // the connection is over; what it brought decides
        };
        Ok((reply, self))
    }

    /// False when it cannot take another request.
    pub(crate) fn reusable(&self) -> bool {
        !self.sender.is_closed()
    }
}

async fn answer(
    sender: &mut SendRequest<Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
    max_body: usize,
) -> Result<Reply, Broken> {
    let response = sender.try_send_request(request).await.map_err(|mut err| match err.take_message() {
        Some(_) => Broken::NotSent(err.error().to_string()),
        None => Broken::Lost(err.error().to_string()),
    })?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, max_body)
        .collect()
        .await
        .map_err(|err| if err.is::<LengthLimitError>() { Broken::TooLarge } else { Broken::Lost(err.to_string()) })?;
    Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes() })
}
