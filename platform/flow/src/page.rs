//! Page tokens: the place in a list after which the next page begins. Opaque to callers, stable over restarts.

use retail_runtime::fault::Violations;
use retail_store::{IndexEntry, Key};

/// Reads a token; an empty one is the beginning. A token that cannot be read is a violation of `page_token`.
pub fn read(token: &str, bad: &mut Violations) -> Option<(Vec<u8>, Key)> {
    if token.is_empty() {
        return None;
    }
    let place = token.split_once('.').and_then(|(sort, key)| {
        let key = String::from_utf8(unhex(key)?).ok()?;
        Some((unhex(sort)?, Key::parse(&key)?))
    });
    if place.is_none() {
        bad.add("page_token", "is not a token of this list; start again without one");
    }
    place
}

/// The token of the page after these entries; empty when the list has ended.
#[must_use]
pub fn next(entries: &[IndexEntry], limit: usize) -> String {
    match entries.last() {
        Some(last) if entries.len() >= limit => {
            format!("{}.{}", hex(&last.sort), hex(last.key.to_string().as_bytes()))
        }
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_the_place_it_was_made_of() {
        let entry = IndexEntry { sort: vec![0, 255, 7], key: Key::new("order", "ü/1"), value: Vec::new().into() };
        let token = next(std::slice::from_ref(&entry), 1);
        let mut bad = Violations::default();
        assert_eq!(read(&token, &mut bad), Some((entry.sort, entry.key)));
        assert!(bad.check().is_ok());
    }

    #[test]
    fn a_token_of_nonsense_is_named() {
        for token in ["x", "zz.zz", "00", "0.0", "00.ff"] {
            let mut bad = Violations::default();
            read(token, &mut bad);
            assert!(bad.check().is_err(), "{token}");
        }
    }

    #[test]
    fn the_last_page_has_no_token() {
        assert_eq!(next(&[], 10), "");
    }
}
