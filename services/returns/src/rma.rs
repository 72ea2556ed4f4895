//! The number of a return that people read out: derived from its id, so that it never changes and needs no counter.

use uuid::Uuid;

/// Crockford's alphabet: no I, L, O and U, which people mistake for others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five bits each: 60 of the id's 122 chance bits. Among ten million returns two share a number with odds of 1 to
/// 23,000; the lists would show both, and nothing but the list is looked up by it.
const LETTERS: u32 = 12;

/// The RMA number of a return id, for example `R-7Q2M-0KZ9-X4TB`.
#[must_use]
pub(crate) fn number(return_id: &str) -> String {
    let bits = Uuid::parse_str(return_id).map_or(0, |id| id.as_u128());
    let letter = |place: u32| {
        let five = usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0);
        char::from(ALPHABET.get(five).copied().unwrap_or(b'0'))
    };
    let mut number = String::from("R");
    for place in 0..LETTERS {
        if place % 4 == 0 {
            number.push('-');
        }
        number.push(letter(place));
    }
    number
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::start::return_id;

    #[test]
    fn the_same_return_has_the_same_number() {
        assert_eq!(number(&return_id("shop", "1")), number(&return_id("shop", "1")));
        let letters = number(&return_id("shop", "1")).replace('-', "");
        assert!(letters.len() == 13 && letters.bytes().skip(1).all(|letter| ALPHABET.contains(&letter)), "{letters}");
    }

    #[test]
    fn fifty_thousand_returns_have_fifty_thousand_numbers() {
        let numbers: BTreeSet<String> = (0..50_000).map(|n| number(&return_id("desk", &n.to_string()))).collect();
        assert_eq!(numbers.len(), 50_000);
    }
}
