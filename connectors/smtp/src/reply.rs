//! What a relay says (RFC 5321, 4.2): three digits and words, over several lines at times.

/// Longest line of a reply; RFC 5321, 4.5.3.1.5 promises 512 bytes, some relays are chattier.
pub(crate) const LONGEST_LINE: usize = 2_000;
/// Most lines of one reply.
pub(crate) const MOST_LINES: usize = 100;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 200 to 599.
    pub(crate) code: u16,
    /// The words of each line.
    pub(crate) lines: Vec<String>,
}

/// One line of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) code: u16,
    /// More lines follow.
    pub(crate) more: bool,
    pub(crate) text: String,
}

/// Not a reply as the standard has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what the relay said is no SMTP reply")]
pub(crate) struct NoReply;

impl Line {
    /// Reads a line with or without its end.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NoReply> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        let (code, rest) = text.split_at_checked(3).ok_or(NoReply)?;
        let code = code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.parse().ok()).flatten();
        let code = code.filter(|code| (200..600).contains(code)).ok_or(NoReply)?;
        let (more, text) = match rest.split_at_checked(1) {
            None => (false, ""),
            Some((" ", text)) => (false, text),
            Some(("-", text)) => (true, text),
            Some(_) => return Err(NoReply),
        };
        Ok(Self { code, more, text: text.to_owned() })
    }
}

impl Reply {
    /// The words in one line, without addresses: relays like to repeat whom they refuse, and that is personal data.
    pub(crate) fn words(&self) -> String {
        let words = self.lines.iter().flat_map(|line| line.split_whitespace());
        let masked = words.map(|word| if word.contains('@') { "<address>" } else { word });
        masked.collect::<Vec<_>>().join(" ").chars().filter(|one| !one.is_control()).take(400).collect()
    }

    pub(crate) fn is(&self, hundreds: u16) -> bool {
        self.code / 100 == hundreds
    }
}

/// What a relay offers in its answer to EHLO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    pub(crate) starttls: bool,
    pub(crate) plain: bool,
    pub(crate) login: bool,
    /// It takes the size beforehand; the most it takes, when it says so.
    pub(crate) size: Option<Option<usize>>,
}

impl Offers {
    /// Reads the answer; the first line is a greeting.
    pub(crate) fn read(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SIZE") => {
                    // 0 is "no fixed maximum" (RFC 1870, section 4).
                    let most = words.next().and_then(|most| most.parse().ok()).filter(|most| *most > 0);
                    offers.size = Some(most);
                }
                Some("AUTH") => {
                    for way in words {
                        offers.plain |= way == "PLAIN";
                        offers.login |= way == "LOGIN";
                    }
                }
                Some(_) | None => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn a_line_is_three_digits_and_words() {
        let line = |code, more, text: &str| Ok(Line { code, more, text: text.to_owned() });
        assert_eq!(Line::read(b"250 2.1.5 ok\r\n"), line(250, false, "2.1.5 ok"));
        assert_eq!(Line::read(b"250-SIZE 10\r\n"), line(250, true, "SIZE 10"));
        assert_eq!(Line::read(b"354\r\n"), line(354, false, ""));
        for wrong in [&b""[..], b"25", b"25x ok", b"250_ok", b"100 ok", b"600 ok", b"+25 ok", "2\u{e4}0 ok".as_bytes()]
        {
            assert_eq!(Line::read(wrong), Err(NoReply), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_to_ehlo_says_what_is_offered() {
        let offers = Offers::read(&reply(250, &["AUTH SIZE", "size 1000", "auth LOGIN plain", "STARTTLS", "8BITMIME"]));
        assert_eq!(offers, Offers { starttls: true, plain: true, login: true, size: Some(Some(1000)) });
        assert_eq!(Offers::read(&reply(250, &["relay", "SIZE 0"])).size, Some(None));
        assert_eq!(Offers::read(&reply(250, &["STARTTLS"])), Offers::default(), "the greeting is no offer");
    }

    #[test]
    fn whom_a_relay_refuses_is_not_repeated() {
        let said = reply(550, &["5.1.1 <max@example.com>:", "Recipient\u{7} max@example.com unknown"]);
        assert_eq!(said.words(), "5.1.1 <address> Recipient <address> unknown");
    }
}
