//! JSON text, read token by token where it lies: no tree, no copy unless a string has escapes.

use std::borrow::Cow;

use super::misfit::Misfit;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    /// The first byte of the next token; `None` at the end.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes the next token when it is this mark.
    pub(crate) fn eat(&mut self, mark: u8) -> bool {
        let there = self.peek() == Some(mark);
        if there {
            self.at += 1;
        }
        there
    }

    /// Takes this mark or says what stands there instead.
    pub(crate) fn expect(&mut self, mark: u8) -> Result<(), Misfit> {
        if self.eat(mark) { Ok(()) } else { Err(self.unexpected(&format!("`{}`", char::from(mark)))) }
    }

    /// Takes a word: `true`, `false` or `null`.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), Misfit> {
        self.peek();
        if self.rest().starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.unexpected(word))
        }
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), Misfit> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    /// Takes a string.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Misfit> {
        self.expect(b'"')?;
        let rest = self.rest();
        let plain = plain_prefix(rest.as_bytes());
        let head = rest.get(..plain).unwrap_or_default();
        self.at += plain;
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(head));
        }
        self.escaped(head.to_owned()).map(Cow::Owned)
    }

    fn escaped(&mut self, mut text: String) -> Result<String, Misfit> {
        loop {
            let Some(byte) = self.text.as_bytes().get(self.at) else {
                return Err(self.unexpected("the end of the string"));
            };
            self.at += 1;
            match byte {
                b'"' => return Ok(text),
                b'\\' => text.push(self.escape()?),
                0..0x20 => {
                    self.at -= 1;
                    return Err(self.unexpected("a control character written as an escape"));
                }
                _ => {
                    self.at -= 1;
                    let plain = plain_prefix(self.rest().as_bytes());
                    text.push_str(self.rest().get(..plain).unwrap_or_default());
                    self.at += plain;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Misfit> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            Some(_) | None => {
                self.at -= 1;
                return Err(self.unexpected("an escape that JSON knows"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, Misfit> {
        let high = self.hex()?;
        let point = if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) { 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00) } else { high }
        } else {
            high
        };
        char::from_u32(point).ok_or_else(|| self.unexpected("a whole surrogate pair"))
    }

    fn hex(&mut self) -> Result<u32, Misfit> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(number)
    }

    /// Takes a number as it is spelt.
    pub(crate) fn number(&mut self) -> Result<&'a str, Misfit> {
        self.peek();
        let rest = self.rest();
        let Some(length) = number_prefix(rest.as_bytes()) else {
            return Err(self.unexpected("a number"));
        };
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// Takes the next element of a list or member of an object: false at `close`.
    pub(crate) fn more(&mut self, first: &mut bool, close: u8) -> Result<bool, Misfit> {
        if self.eat(close) {
            return Ok(false);
        }
        if std::mem::replace(first, false) {
            return Ok(true);
        }
        if !self.eat(b',') {
            return Err(self.unexpected(&format!("`,` or `{}`", char::from(close))));
        }
        if self.peek() == Some(close) {
            return Err(self.unexpected("another value after `,`"));
        }
        Ok(true)
    }

    /// Takes the key of a member and its colon.
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Misfit> {
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Names what stands at the cursor, in JSON's words.
    pub(crate) fn kind(&mut self) -> &'static str {
        match self.peek() {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(_) => "something that is not JSON",
            None => "the end of the text",
        }
    }

    /// A misfit of the text itself.
    pub(crate) fn unexpected(&mut self, wanted: &str) -> Misfit {
        let at = self.at.min(self.text.len());
        match self.peek() {
            None => Misfit::new(format!("is not valid JSON: the text ends at byte {at} where {wanted} should stand")),
            Some(_) => Misfit::new(format!("is not valid JSON: {wanted} should stand at byte {at}")),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// How many bytes stand before the first quote, backslash or control character. Eight at a time: a byte equal to the
/// sought one becomes zero, and the lowest zero byte of a word is found exactly by the borrow of a subtraction.
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut length = 0;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5c);
        let hits = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hits = hits & HIGHS;
        if hits != 0 {
            return length + usize::try_from(hits.trailing_zeros() / 8).unwrap_or_default();
        }
        length += 8;
        rest = tail;
    }
    length + rest.iter().take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\').count()
}

/// How long the JSON number at the start of the text is; `None` when there is none.
pub(crate) fn number_prefix(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes.get(at) == Some(&b'0')) {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let places = digits(at + 1);
        at += 1 + places;
        if places == 0 {
            return None;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let places = digits(at + 1 + sign);
        at += 1 + sign + places;
        if places == 0 {
            return None;
        }
    }
    Some(at)
}

/// Appends a string with its quotes.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_prefix(rest);
        let (head, tail) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(head);
        let [byte, tail @ ..] = tail else { break };
        put_escape(out, *byte);
        rest = tail;
    }
    out.push(b'"');
}

fn put_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digit = |number: u8| HEX.get(usize::from(number)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_survives_writing_and_reading(text in any::<String>()) {
            let mut out = Vec::new();
            put_string(&mut out, &text);
            let out = String::from_utf8(out).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text.clone());
            prop_assert_eq!(Cursor::new(&out).string().unwrap().into_owned(), text.clone());
            let theirs = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Cursor::new(&theirs).string().unwrap().into_owned(), text);
        }

        #[test]
        fn a_plain_prefix_ends_where_a_slow_search_ends(bytes in any::<Vec<u8>>()) {
            let slow = bytes.iter().take_while(|b| **b >= 0x20 && **b != b'"' && **b != b'\\').count();
            prop_assert_eq!(plain_prefix(&bytes), slow);
        }
    }

    #[test]
    fn numbers_are_jsons_numbers_only() {
        for good in ["0", "-0", "10", "1.5", "-1.25e+10", "1E3"] {
            assert_eq!(number_prefix(good.as_bytes()), Some(good.len()), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "+1", "NaN"] {
            assert_eq!(number_prefix(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        assert!(Cursor::new(r#""\ud800""#).string().is_err());
        assert!(Cursor::new(r#""\ud800A""#).string().is_err());
        assert_eq!(Cursor::new(r#""\ud83d\ude00""#).string().unwrap(), "😀");
    }
}
