//! Our ids in Stripe's metadata: at most 50 keys of 40 characters with values of 500. They stay for as long as Stripe keeps
//! the object, long after an idempotency key is forgotten.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// Metadata key of our reference, on payments and refunds.
pub(crate) const REFERENCE: &str = "weft_ref";
const CAPTURE: &str = "weft_capture_";
/// Keys of one object, less some for the shop that made it.
pub(crate) const MOST_KEYS: usize = 48;
/// Longest reference.
const LONGEST: usize = 100;

/// True when the text can stand in metadata and in a search.
pub(crate) fn is_reference(text: &str) -> bool {
    let plain = |byte: u8| (0x21..=0x7e).contains(&byte) && ![b'"', b'\'', b'\\'].contains(&byte);
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

/// Key and value that note a capture on its payment; they are sent with the capture, so that both happen or neither.
pub(crate) fn capture(reference: &str, amount: i64) -> (String, String) {
    (capture_key(reference), format!("{amount}:{reference}"))
}

fn capture_key(reference: &str) -> String {
    let digest = Sha256::digest(reference.as_bytes());
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{CAPTURE}{short}")
}

/// References and amounts, in Stripe's units, of the captures that are noted, in the order of their references.
pub(crate) fn captures(metadata: &BTreeMap<String, String>) -> Vec<(String, i64)> {
    let mut found: Vec<(String, i64)> = metadata
        .iter()
        .filter(|(key, _)| key.starts_with(CAPTURE))
        .filter_map(|(key, value)| {
            let (amount, reference) = value.split_once(':')?;
            let amount = amount.parse().ok()?;
            // A value that people wrote under our key is not believed.
            (capture_key(reference) == *key).then(|| (reference.to_owned(), amount))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_read_back_and_fit_in_metadata() {
        let noted: BTreeMap<String, String> =
            [capture("order-1/capture-2", 700), capture(&"x".repeat(100), 5), ("order_id".to_owned(), "7".to_owned())]
                .into_iter()
                .collect();
        assert!(noted.keys().all(|key| key.len() <= 40));
        assert_eq!(captures(&noted), [("order-1/capture-2".to_owned(), 700), ("x".repeat(100), 5)]);
    }

    #[test]
    fn what_people_wrote_under_our_key_is_not_believed() {
        let (key, _) = capture("a", 1);
        for value in ["", "1", "1:b", "x:a"] {
            assert!(captures(&BTreeMap::from([(key.clone(), value.to_owned())])).is_empty(), "{value}");
        }
    }

    #[test]
    fn a_reference_cannot_leave_its_quotes() {
        assert!(is_reference("order-1/2:3"));
        for wrong in ["", "a b", "a'b", "a\"b", "a\\b", "ä", &"x".repeat(101)] {
            assert!(!is_reference(wrong), "{wrong}");
        }
    }
}
