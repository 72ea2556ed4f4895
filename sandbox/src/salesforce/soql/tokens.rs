//! SOQL text into tokens.

/// One token with where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Names, dotted names, keywords, numbers, dates, date literals.
    Word(String),
    /// A quoted string, unescaped.
    Quoted(String),
    /// Punctuation and operators.
    Sign(&'static str),
}

const SIGNS: &[&str] = &["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","];

/// Splits a query; the error is the position nothing fits.
pub(super) fn split(text: &str) -> Result<Vec<Token>, usize> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if first == '\'' {
            let (value, length) = quoted(rest).ok_or(at)?;
            tokens.push(Token { at, kind: Kind::Quoted(value) });
            at += length;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token { at, kind: Kind::Sign(sign) });
            at += sign.len();
        } else {
            let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let word = rest.get(..length).filter(|word| !word.is_empty()).ok_or(at)?;
            tokens.push(Token { at, kind: Kind::Word(word.to_owned()) });
            at += length;
        }
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '+')
}

/// A string from its opening quote: the value and how many bytes it took.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Some((value, at + 1)),
            '\\' => match letters.next()?.1 {
                'n' | 'N' => value.push('\n'),
                'r' | 'R' => value.push('\r'),
                't' | 'T' => value.push('\t'),
                same @ ('\'' | '\\' | '"' | '_' | '%') => value.push(same),
                _ => return None,
            },
            plain => value.push(plain),
        }
    }
    None
}
