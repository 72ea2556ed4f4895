//! The server's door: connections, lines, messages, and what goes wrong on purpose.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use retail_runtime::{Io, Listener, Runtime};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::Semaphore;

use super::session::{Session, Turn};
use super::{Config, MESSAGE};
use crate::faults::Kind;
use crate::serve::House;
use crate::twin::{Answer, Seen};

/// Most connections at once.
const MOST_CONNECTIONS: usize = 1_000;
/// How long a silent client is waited for (RFC 5321, 4.5.3.2.7).
const PATIENCE: Duration = Duration::from_secs(300);
/// Longest line that is read at all; longer ones are refused or cut in pieces that are.
const LONGEST_LINE: u64 = 16_384;
/// Longest line of a message with its end (RFC 5321, 4.5.3.1.6).
const LONGEST_TEXT_LINE: usize = 1_000;

/// One client.
struct Client {
    io: BufReader<Io>,
    house: Arc<House>,
    runtime: Runtime,
    session: Session,
    config: Config,
}

/// A message as it came, and why it is not taken.
struct Message {
    body: Vec<u8>,
    wrong: Option<&'static str>,
}

/// Takes connections until the runtime stops.
pub(crate) fn serve(runtime: &Runtime, house: Arc<House>, door: Listener, config: Config) {
    let world = runtime.clone();
    runtime.spawn("sandbox.smtp", async move {
        let (stopping, places) = (world.stopping(), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        while let Some(accepted) = stopping.run_until_cancelled(door.accept()).await {
            let (io, place) = match (accepted, Arc::clone(&places).try_acquire_owned()) {
                (Ok((io, _)), Ok(place)) => (io, place),
                (Ok(_), Err(_)) => continue,
                (Err(error), _) => {
                    tracing::warn!(%error, "the mail server's door");
                    world.clock().sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            let session = Session::new(&config);
            let (house, runtime, config) = (Arc::clone(&house), world.clone(), config.clone());
            let client = Client { io: BufReader::new(io), house, runtime, session, config };
            world.spawn("sandbox.smtp.client", async move {
                let stopping = client.runtime.stopping();
                if let Some(Err(error)) = stopping.run_until_cancelled(client.talk()).await {
                    tracing::debug!(%error, "a client of the mail server is gone");
                }
                drop(place);
            });
        }
    });
}

impl Client {
    async fn talk(mut self) -> io::Result<()> {
        let greeting = self.step("/greeting", "", Bytes::new());
        let Some(turn) = self.struck(greeting, |_, _| say("220 sandbox ESMTP")).await? else { return Ok(()) };
        let refused = !matches!(&turn, Turn::Say(lines) if lines.iter().any(|line| line.starts_with('2')));
        if !self.answer(turn).await? || refused {
            return Ok(());
        }
        while let Some(line) = self.line().await? {
            let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            let seen = self.step(&self.session.path(&line), "", line.clone().into());
            let Some(turn) = self.struck(seen, |client, _| client.session.hear(&line)).await? else { return Ok(()) };
            if turn == Turn::Listen {
                self.write("354 End data with <CR><LF>.<CR><LF>\r\n").await?;
                let Some(turn) = self.message().await? else { return Ok(()) };
                self.session.forget();
                if !self.answer(turn).await? {
                    return Ok(());
                }
            } else if !self.answer(turn).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads the message and keeps it; nothing when the connection ends here.
    async fn message(&mut self) -> io::Result<Option<Turn>> {
        let Some(message) = self.read_message().await? else { return Ok(None) };
        let eight_bit = self.session.eight_bit || message.body.is_ascii();
        let wrong = message.wrong.or((!eight_bit).then_some("554 5.6.3 8-bit data was not announced"));
        let from = self.session.from.iter().map(|from| ("from", from));
        let envelope: Vec<(&str, &String)> = from.chain(self.session.to.iter().map(|to| ("to", to))).collect();
        let query = serde_urlencoded::to_string(&envelope).unwrap_or_default();
        let seen = self.step(MESSAGE, &query, message.body.into());
        let keep = |client: &mut Client, seen: &Seen| match wrong {
            Some(line) => say(line),
            None => kept(&client.house.handle(seen)),
        };
        self.struck(seen, keep).await
    }

    /// Does what is to be done, unless a fault strikes; nothing when the connection ends here.
    async fn struck(&mut self, seen: Seen, work: impl FnOnce(&mut Client, &Seen) -> Turn) -> io::Result<Option<Turn>> {
        let fault = self.house.struck(&seen).await;
        let word = fault.as_ref().map(Kind::word);
        let turn = match fault {
            Some(Kind::Status { status, .. }) => Some(say(&format!("{status} planned by the sandbox"))),
            Some(Kind::ResetBefore) => None,
            Some(Kind::LateCommit { ms }) => {
                self.house.handle_later(self.house.twin(), seen.clone(), Duration::from_millis(ms));
                None
            }
            Some(Kind::ResetAfterCommit) => {
                work(self, &seen);
                None
            }
            Some(Kind::ErrorAfterCommit) => {
                work(self, &seen);
                Some(say("451 4.3.0 planned by the sandbox"))
            }
            Some(Kind::Truncate) => {
                work(self, &seen);
                self.write("25").await?;
                None
            }
            Some(Kind::Delay { .. } | Kind::ExpireTokens | Kind::StaleSearch) | None => Some(work(self, &seen)),
        };
        let status = match &turn {
            Some(Turn::Say(lines)) => lines.first().and_then(|line| line.get(..3)?.parse().ok()).unwrap_or(0),
            Some(Turn::Listen) => 354,
            Some(Turn::Bye(_)) => 221,
            None => 0,
        };
        self.house.note(&seen, status, word);
        Ok(turn)
    }

    /// Says it; false when that was the last word.
    async fn answer(&mut self, turn: Turn) -> io::Result<bool> {
        match turn {
            Turn::Say(lines) => {
                let closing = lines.iter().any(|line| line.starts_with("421"));
                self.write(&format!("{}\r\n", lines.join("\r\n"))).await?;
                Ok(!closing)
            }
            Turn::Listen => Ok(true),
            Turn::Bye(line) => {
                self.write(&format!("{line}\r\n")).await?;
                Ok(false)
            }
        }
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.io.write_all(text.as_bytes()).await?;
        self.io.flush().await
    }

    /// The next line, with its end; nothing when the client is gone.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.io).take(LONGEST_LINE);
        let read = self.runtime.clock().timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await;
        read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok((!line.is_empty()).then_some(line))
    }

    /// The message without its end and without doubled dots; nothing when the client is gone before the end.
    async fn read_message(&mut self) -> io::Result<Option<Message>> {
        let mut message = Message { body: Vec::new(), wrong: None };
        while let Some(line) = self.line().await? {
            if line == b".\r\n" {
                return Ok(Some(message));
            }
            let Some(text) = line.strip_suffix(b"\r\n") else {
                // Cut in pieces, a bare line feed, or the last words of a client that hung up.
                message.wrong =
                    Some(if line.ends_with(b"\n") { "521 5.5.2 Bare line feed" } else { "500 5.6.0 Line too long" });
                continue;
            };
            if line.len() > LONGEST_TEXT_LINE {
                message.wrong = Some("500 5.6.0 Line too long");
            } else if text.contains(&b'\r') {
                message.wrong = Some("521 5.5.2 Bare carriage return");
            } else if message.body.len().saturating_add(line.len()) > self.config.largest {
                message.wrong = Some("552 5.3.4 Too large");
            } else {
                message.body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            }
        }
        Ok(None)
    }

    fn step(&self, path: &str, query: &str, body: Bytes) -> Seen {
        Seen {
            method: http::Method::POST,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: http::HeaderMap::new(),
            body,
            base_url: String::new(),
        }
    }
}

fn say(line: &str) -> Turn {
    Turn::Say(vec![line.to_owned()])
}

fn kept(answer: &Answer) -> Turn {
    say(&format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)))
}
