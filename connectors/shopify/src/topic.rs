//! What a webhook topic asks of us.

/// What to do with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// `orders/create`: an order to be placed.
    OrderCreated,
    /// Privacy requests: a person must act on them.
    Privacy,
    /// Known; the mesh learns of it in another way or needs it not.
    Noted,
    /// Not one that was asked for.
    Unknown,
}

/// Facts that the mesh reads from the ERP or is the source of itself, and that shops subscribe to all the same.
const NOTED: [&str; 12] = [
    "app/uninstalled",
    "bulk_operations/finish",
    "fulfillments/create",
    "fulfillments/update",
    "inventory_levels/update",
    "orders/cancelled",
    "orders/delete",
    "orders/edited",
    "orders/fulfilled",
    "orders/paid",
    "orders/partially_fulfilled",
    "orders/updated",
];

impl Topic {
    pub(crate) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "orders/create" => Self::OrderCreated,
            "customers/data_request" | "customers/redact" | "shop/redact" => Self::Privacy,
            word if NOTED.contains(&word) => Self::Noted,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_read_whatever_its_case() {
        assert_eq!(Topic::of("orders/create"), Topic::OrderCreated);
        assert_eq!(Topic::of("Orders/Create"), Topic::OrderCreated);
        assert_eq!(Topic::of("customers/redact"), Topic::Privacy);
        assert_eq!(Topic::of("orders/paid"), Topic::Noted);
        assert_eq!(Topic::of("carts/update"), Topic::Unknown);
        assert_eq!(Topic::of(""), Topic::Unknown);
    }
}
