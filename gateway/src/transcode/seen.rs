//! Which fields of a message were met: four words for almost every message, a set for the rest.

use std::collections::BTreeSet;

/// A set of small numbers.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    low: [u64; 4],
    high: BTreeSet<usize>,
}

impl Seen {
    /// Adds a number; false when it was there.
    pub(crate) fn insert(&mut self, number: usize) -> bool {
        let Some(word) = self.low.get_mut(number / 64) else {
            return self.high.insert(number);
        };
        let bit = 1_u64 << (number % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once() {
        let mut seen = Seen::default();
        for number in [0, 63, 64, 255, 256, 4_000] {
            assert!(seen.insert(number));
            assert!(!seen.insert(number));
        }
    }
}
