//! What customers are told of, and the words that templates are found by.

use retail_proto::notify::v1::Occasion;

/// All of them, in the order of the contract, with the words that name their templates.
pub(crate) const OCCASIONS: [(Occasion, &str); 11] = [
    (Occasion::Ordered, "ordered"),
    (Occasion::ReadyForPickup, "ready_for_pickup"),
    (Occasion::Delayed, "delayed"),
    (Occasion::Rerouted, "rerouted"),
    (Occasion::Shipped, "shipped"),
    (Occasion::Cancelled, "cancelled"),
    (Occasion::Refunded, "refunded"),
    (Occasion::NotCollected, "not_collected"),
    (Occasion::ReturnAuthorized, "return_authorized"),
    (Occasion::ReturnReceived, "return_received"),
    (Occasion::Edited, "edited"),
];

/// The occasion that a word names.
pub(crate) fn named(word: &str) -> Option<&'static str> {
    OCCASIONS.iter().map(|(_, known)| *known).find(|known| *known == word)
}

/// The word of an occasion; none for one that this version does not know.
pub(crate) fn word(occasion: Occasion) -> Option<&'static str> {
    OCCASIONS.iter().find(|(known, _)| *known == occasion).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occasion_of_the_contract_has_its_own_name_as_a_word() {
        for number in 1..64 {
            let Ok(occasion) = Occasion::try_from(number) else { continue };
            let name = occasion.as_str_name().trim_start_matches("OCCASION_").to_ascii_lowercase();
            assert_eq!(word(occasion), Some(name.as_str()));
            assert_eq!(named(&name), word(occasion));
        }
        assert_eq!(word(Occasion::Unspecified), None);
    }
}
