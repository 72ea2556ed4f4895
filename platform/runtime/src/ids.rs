//! Ids: fresh ones that sort by time, and derived ones that are the same for the same parts.

use uuid::Uuid;

use crate::{Clock, Rng};

/// Makes ids.
#[derive(Clone, Debug)]
pub struct Ids {
    clock: Clock,
    rng: Rng,
}

impl Ids {
    /// Ids from this clock and this chance.
    #[must_use]
    pub fn new(clock: Clock, rng: Rng) -> Self {
        Self { clock, rng }
    }

    /// A fresh id (UUID version 7).
    #[must_use]
    pub fn next(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// The id that these parts always have (UUID version 5). Parts are delimited: ("a", "bc") is not ("ab", "c").
    #[must_use]
    pub fn derived(namespace: &str, parts: &[&str]) -> Uuid {
        let space = Uuid::new_v5(&Uuid::NAMESPACE_OID, namespace.as_bytes());
        let name: String = parts.iter().map(|part| format!("{}:{part};", part.len())).collect();
        Uuid::new_v5(&space, name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_parts_have_other_ids() {
        assert_ne!(Ids::derived("n", &["a", "bc"]), Ids::derived("n", &["ab", "c"]));
        assert_eq!(Ids::derived("n", &["a", "bc"]), Ids::derived("n", &["a", "bc"]));
    }
}
