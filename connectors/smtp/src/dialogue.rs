//! One connection to the relay, step by step (RFC 5321), so that it is always known how far a message got. Nothing is
//! taken on before the end of DATA: a connection that breaks earlier has sent nothing, one that breaks later may have.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use retail_runtime::Io;
use retail_runtime::config::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::letter::Letter;
use crate::reply::{LONGEST_LINE, Line, MOST_LINES, NoReply, Offers, Reply};

/// Where in the dialogue something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the first word.
    Connect,
    Greeting,
    Hello,
    StartTls,
    Login,
    Sender,
    Recipient,
    /// Leave to send the message.
    Data,
    /// The message, without its end.
    Message,
    /// Its end: from here on the relay may have taken it on.
    End,
}

/// Why a dialogue stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The connection broke, or what came over it is no SMTP.
    Broken { stage: Stage, why: String },
    /// The relay said something else than what lets us go on.
    Said { stage: Stage, reply: Reply },
    /// It does not offer `STARTTLS`.
    NoTls,
    /// It offers no way to log in that we speak.
    NoLogin,
    /// It says that it takes no message of that size; both in bytes.
    TooLarge { size: usize, most: usize },
}

/// A dialogue under way.
pub(crate) struct Dialogue {
    io: BufReader<Io>,
    offers: Offers,
}

impl Stage {
    /// The relay's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Message => "the message",
            Self::End => "the end of the message",
        }
    }
}

impl Dialogue {
    /// Waits for the relay's greeting.
    pub(crate) async fn begin(io: Io) -> Result<Self, Stop> {
        let mut dialogue = Self { io: BufReader::new(io), offers: Offers::default() };
        let reply = dialogue.reply(Stage::Greeting).await?;
        expect(Stage::Greeting, reply, 220)?;
        Ok(dialogue)
    }

    /// A dialogue that goes on under TLS: there is no second greeting.
    pub(crate) fn resume(io: Io) -> Self {
        Self { io: BufReader::new(io), offers: Offers::default() }
    }

    /// Says who we are and learns what the relay offers.
    pub(crate) async fn hello(&mut self, name: &str) -> Result<(), Stop> {
        let reply = self.say(Stage::Hello, &format!("EHLO {name}\r\n")).await?;
        self.offers = Offers::read(&expect(Stage::Hello, reply, 250)?);
        Ok(())
    }

    /// Asks for TLS and gives the bare connection back, for the handshake. What was said before counts no longer.
    pub(crate) async fn start_tls(mut self) -> Result<Io, Stop> {
        if !self.offers.starttls {
            return Err(Stop::NoTls);
        }
        let reply = self.say(Stage::StartTls, "STARTTLS\r\n").await?;
        expect(Stage::StartTls, reply, 220)?;
        // Words behind the 220 were slipped in by somebody on the way (CVE-2011-0411).
        if self.io.buffer().is_empty() {
            Ok(self.io.into_inner())
        } else {
            Err(broken(Stage::StartTls, "more was said in the clear than the answer"))
        }
    }

    /// Logs in.
    pub(crate) async fn login(&mut self, user: &str, password: &SecretString) -> Result<(), Stop> {
        let password = password.expose_secret();
        let reply = if self.offers.plain {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            self.say(Stage::Login, &format!("AUTH PLAIN {secret}\r\n")).await?
        } else if self.offers.login {
            let mut reply = self.say(Stage::Login, "AUTH LOGIN\r\n").await?;
            for secret in [user, password] {
                expect(Stage::Login, reply, 334)?;
                reply = self.say(Stage::Login, &format!("{}\r\n", STANDARD.encode(secret))).await?;
            }
            reply
        } else {
            return Err(Stop::NoLogin);
        };
        expect(Stage::Login, reply, 235).map(|_| ())
    }

    /// Names the sender: the first word about this message.
    pub(crate) async fn sender(&mut self, letter: &Letter) -> Result<(), Stop> {
        let size = letter.bytes.len();
        let command = match self.offers.size {
            Some(Some(most)) if size > most => return Err(Stop::TooLarge { size, most }),
            Some(_) => format!("MAIL FROM:<{}> SIZE={size}\r\n", letter.from),
            None => format!("MAIL FROM:<{}>\r\n", letter.from),
        };
        let reply = self.say(Stage::Sender, &command).await?;
        expect(Stage::Sender, reply, 250).map(|_| ())
    }

    /// Names the recipient and sends the message without its end: nothing is taken on yet.
    pub(crate) async fn offer(&mut self, letter: &Letter) -> Result<(), Stop> {
        let reply = self.say(Stage::Recipient, &format!("RCPT TO:<{}>\r\n", letter.to)).await?;
        // 251 and 252: it forwards, or will try.
        if !(reply.is(2)) {
            return Err(Stop::Said { stage: Stage::Recipient, reply });
        }
        let reply = self.say(Stage::Data, "DATA\r\n").await?;
        expect(Stage::Data, reply, 354)?;
        self.write(Stage::Message, &stuffed(&letter.bytes)).await
    }

    /// Sends the end and waits for the relay's last word. Whatever goes wrong here, the message may have left.
    pub(crate) async fn end(&mut self) -> Result<Reply, Stop> {
        self.say(Stage::End, ".\r\n").await
    }

    /// Takes leave, without waiting for the answer.
    pub(crate) async fn leave(mut self) {
        if let Err(error) = self.io.write_all(b"QUIT\r\n").await {
            tracing::debug!(%error, "the relay was gone before we took leave");
            return;
        }
        let _closed = self.io.shutdown().await;
    }

    async fn say(&mut self, stage: Stage, command: &str) -> Result<Reply, Stop> {
        self.write(stage, command.as_bytes()).await?;
        self.reply(stage).await
    }

    async fn write(&mut self, stage: Stage, bytes: &[u8]) -> Result<(), Stop> {
        let failed = |error: io::Error| broken(stage, &error.to_string());
        self.io.write_all(bytes).await.map_err(failed)?;
        self.io.flush().await.map_err(failed)
    }

    async fn reply(&mut self, stage: Stage) -> Result<Reply, Stop> {
        let mut lines = Vec::new();
        let mut said = None;
        let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        while lines.len() < MOST_LINES {
            let mut bytes = Vec::new();
            let read = (&mut self.io).take(limit).read_until(b'\n', &mut bytes).await;
            read.map_err(|error| broken(stage, &error.to_string()))?;
            if !bytes.ends_with(b"\n") {
                return Err(broken(stage, "the connection ended within the relay's answer"));
            }
            let line = Line::read(&bytes).map_err(|error| broken(stage, &error.to_string()))?;
            lines.push(line.text);
            if *said.get_or_insert(line.code) != line.code {
                return Err(broken(stage, &NoReply.to_string()));
            }
            if !line.more {
                return Ok(Reply { code: line.code, lines });
            }
        }
        Err(broken(stage, "the relay's answer has no end"))
    }
}

fn broken(stage: Stage, why: &str) -> Stop {
    Stop::Broken { stage, why: why.to_owned() }
}

fn expect(stage: Stage, reply: Reply, code: u16) -> Result<Reply, Stop> {
    if reply.code == code { Ok(reply) } else { Err(Stop::Said { stage, reply }) }
}

/// The message as it goes over the wire: every line ends in CRLF, whatever it ended in, and a dot that begins a line is
/// doubled (RFC 5321, 4.5.2). So nothing in it can be taken for its end.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len().saturating_add(1_024));
    let (mut begins, mut after_cr) = (true, false);
    for &byte in message {
        match byte {
            b'\n' if after_cr => {}
            b'\r' | b'\n' => {
                wire.extend_from_slice(b"\r\n");
                begins = true;
            }
            _ => {
                if begins && byte == b'.' {
                    wire.push(b'.');
                }
                wire.push(byte);
                begins = false;
            }
        }
        after_cr = byte == b'\r';
    }
    if !begins {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

#[cfg(test)]
mod tests;
