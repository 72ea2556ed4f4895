//! The server's side of the dialogue, command by command (RFC 5321, 4.1). Pure: a line in, a reply out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Config;

/// Longest command line with its end (RFC 5321, 4.5.3.1.4; AUTH may need more, RFC 4954, section 4).
const LONGEST_COMMAND: usize = 12_288;
/// Most recipients of one message (RFC 5321, 4.5.3.1.8).
const MOST_RECIPIENTS: usize = 100;

/// What is said, and what happens then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// Lines of a reply; the next command is awaited.
    Say(Vec<String>),
    /// The message is awaited.
    Listen,
    /// A last line.
    Bye(String),
}

/// Who is on the line, and how far he is.
#[derive(Debug)]
pub(super) struct Session {
    config: Config,
    greeted: bool,
    trusted: bool,
    login: Login,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
    /// 8-bit data was announced.
    pub(super) eight_bit: bool,
}

/// How far a LOGIN is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Not,
    PlainAwaited,
    UserAwaited,
    PasswordAwaited(String),
}

impl Session {
    pub(super) fn new(config: &Config) -> Session {
        let trusted = config.user.is_none();
        let config = config.clone();
        Session { config, greeted: false, trusted, login: Login::Not, from: None, to: Vec::new(), eight_bit: false }
    }

    /// The path under which the log and the faults know this line.
    pub(super) fn path(&self, line: &str) -> String {
        if self.login != Login::Not {
            return "/auth".to_owned();
        }
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_lowercase();
        let plain = !verb.is_empty() && verb.len() <= 16 && verb.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain { format!("/{verb}") } else { "/unknown".to_owned() }
    }

    /// Answers one line, given without its end.
    pub(super) fn hear(&mut self, line: &str) -> Turn {
        if line.len() > LONGEST_COMMAND {
            return say("500 5.5.2 Line too long");
        }
        if self.login != Login::Not {
            let awaited = std::mem::replace(&mut self.login, Login::Not);
            return self.logging_in(awaited, line);
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.is_empty() => say("501 5.5.4 Say who you are"),
            "EHLO" => {
                self.greet();
                let mut lines = vec!["250-sandbox".to_owned(), format!("250-SIZE {}", self.config.largest)];
                if self.config.user.is_some() {
                    lines.push("250-AUTH PLAIN LOGIN".to_owned());
                }
                lines.extend(["250-8BITMIME", "250-PIPELINING", "250 ENHANCEDSTATUSCODES"].map(str::to_owned));
                Turn::Say(lines)
            }
            "HELO" => {
                self.greet();
                say("250 sandbox")
            }
            "AUTH" => self.auth(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.to.is_empty() => say("503 5.5.1 Name a recipient first"),
            "DATA" => Turn::Listen,
            "RSET" => {
                self.forget();
                say("250 2.0.0 Ok")
            }
            "NOOP" => say("250 2.0.0 Ok"),
            "VRFY" => say("252 2.0.0 Try it"),
            "QUIT" => Turn::Bye("221 2.0.0 Bye".to_owned()),
            "STARTTLS" => say("502 5.5.1 No TLS here"),
            _ => say("500 5.5.2 What?"),
        }
    }

    /// The message is dealt with; the next may follow.
    pub(super) fn forget(&mut self) {
        self.from = None;
        self.to.clear();
        self.eight_bit = false;
    }

    fn greet(&mut self) {
        self.forget();
        self.greeted = true;
    }

    fn mail(&mut self, rest: &str) -> Turn {
        if !self.greeted {
            return say("503 5.5.1 Say EHLO first");
        }
        if !self.trusted {
            return say("530 5.7.0 Log in first");
        }
        if self.from.is_some() {
            return say("503 5.5.1 There is a sender already");
        }
        let Some((from, parameters)) = path(rest, "FROM:") else { return say("501 5.5.4 MAIL FROM:<address>") };
        let mut eight_bit = false;
        for parameter in parameters.split_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
                ("SIZE", size) => match size.parse::<usize>() {
                    Ok(size) if size > self.config.largest => return say("552 5.3.4 Too large"),
                    Ok(_) => {}
                    Err(_) => return say("501 5.5.4 SIZE is a number"),
                },
                ("BODY", "8BITMIME") => eight_bit = true,
                ("BODY", "7BIT") => {}
                _ => return say("555 5.5.4 Unknown parameter"),
            }
        }
        self.eight_bit = eight_bit;
        self.from = Some(from);
        say("250 2.1.0 Ok")
    }

    fn rcpt(&mut self, rest: &str) -> Turn {
        if self.from.is_none() {
            return say("503 5.5.1 Name a sender first");
        }
        let Some((to, parameters)) = path(rest, "TO:") else { return say("501 5.5.4 RCPT TO:<address>") };
        if !parameters.is_empty() {
            return say("555 5.5.4 Unknown parameter");
        }
        let Some((_, domain)) = to.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
        else {
            return say("553 5.1.3 That is no address");
        };
        let domain = format!("@{domain}");
        if self.config.refuse.iter().any(|one| one.eq_ignore_ascii_case(&to) || one.eq_ignore_ascii_case(&domain)) {
            return Turn::Say(vec![format!("550 5.1.1 <{to}>: Recipient address rejected: no such user")]);
        }
        if self.to.len() >= MOST_RECIPIENTS {
            return say("452 4.5.3 Too many recipients");
        }
        self.to.push(to);
        say("250 2.1.5 Ok")
    }

    fn auth(&mut self, rest: &str) -> Turn {
        if self.config.user.is_none() {
            return say("502 5.5.1 Nobody logs in here");
        }
        if !self.greeted || self.trusted || self.from.is_some() {
            return say("503 5.5.1 Not now");
        }
        let (way, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        match (way.to_ascii_uppercase().as_str(), initial) {
            ("PLAIN", "") => self.await_login(Login::PlainAwaited, "334 "),
            ("PLAIN", secret) => self.logging_in(Login::PlainAwaited, secret),
            ("LOGIN", "") => self.await_login(Login::UserAwaited, "334 VXNlcm5hbWU6"),
            ("LOGIN", user) => self.logging_in(Login::UserAwaited, user),
            _ => say("504 5.5.4 PLAIN or LOGIN"),
        }
    }

    fn await_login(&mut self, login: Login, reply: &str) -> Turn {
        self.login = login;
        say(reply)
    }

    fn logging_in(&mut self, awaited: Login, line: &str) -> Turn {
        let given = STANDARD.decode(line).ok().and_then(|plain| String::from_utf8(plain).ok());
        let Some(given) = given else { return say("501 5.5.2 That is not base64") };
        let (user, password) = match awaited {
            Login::Not => return say("503 5.5.1 Not now"),
            Login::UserAwaited => return self.await_login(Login::PasswordAwaited(given), "334 UGFzc3dvcmQ6"),
            Login::PasswordAwaited(user) => (user, given),
            // Authorization identity, user, password (RFC 4616).
            Login::PlainAwaited => {
                let mut parts = given.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
        };
        self.trusted = self.config.user.as_deref() == Some(user.as_str()) && self.config.password == password;
        say(if self.trusted { "235 2.7.0 Welcome" } else { "535 5.7.8 Wrong user or password" })
    }
}

fn say(line: &str) -> Turn {
    Turn::Say(vec![line.to_owned()])
}

/// What stands in the brackets, and the parameters behind them.
fn path<'a>(rest: &'a str, word: &str) -> Option<(String, &'a str)> {
    let (given, rest) = rest.split_at_checked(word.len())?;
    if !given.eq_ignore_ascii_case(word) {
        return None;
    }
    let (address, parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    let plain = address.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    plain.then(|| (address.to_owned(), parameters.trim()))
}
