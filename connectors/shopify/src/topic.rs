//! What a webhook topic asks of us.

/// What to do with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// `orders/create`: an order to be placed.
    OrderCreated,
    /// `orders/cancelled` and `orders/updated`: what people do to an order in the shop's admin.
    OrderChanged,
    /// `orders/edited`: lines were added, changed or taken off.
    OrderEdited,
    /// `orders/paid`: of an order that was edited, what was due is paid.
    OrderPaid,
    /// `refunds/create`: money given back, by us or by the shop's people.
    RefundCreated,
    /// `order_transactions/create`: of a refund that was pending, what became of it.
    MoneyMoved,
    /// `returns/request`: a customer wants to send something back.
    ReturnRequested,
    /// `returns/approve`: a return is open, whoever opened it.
    ReturnApproved,
    /// `customers/create` and `customers/update`: how a customer stands now.
    Customer,
    /// Privacy requests: a person must act on them.
    Privacy,
    /// Known; the mesh learns of it in another way or needs it not.
    Noted,
    /// Not one that was asked for.
    Unknown,
}

/// Facts that the mesh reads from the ERP or is the source of itself, and that shops subscribe to all the same.
const NOTED: [&str; 16] = [
    "app/uninstalled",
    "bulk_operations/finish",
    "customers/delete",
    "customers/merge",
    "fulfillments/create",
    "fulfillments/update",
    "inventory_levels/update",
    "orders/delete",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "returns/cancel",
    "returns/close",
    "returns/decline",
    "returns/process",
    "returns/reopen",
    "returns/update",
];

impl Topic {
    pub(crate) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "orders/create" => Self::OrderCreated,
            "orders/cancelled" | "orders/updated" => Self::OrderChanged,
            "orders/edited" => Self::OrderEdited,
            "orders/paid" => Self::OrderPaid,
            "refunds/create" => Self::RefundCreated,
            "order_transactions/create" => Self::MoneyMoved,
            "returns/request" => Self::ReturnRequested,
            "returns/approve" => Self::ReturnApproved,
            "customers/create" | "customers/update" => Self::Customer,
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
        assert_eq!(Topic::of("orders/paid"), Topic::OrderPaid);
        assert_eq!(Topic::of("orders/fulfilled"), Topic::Noted);
        assert_eq!(Topic::of("orders/Cancelled"), Topic::OrderChanged);
        assert_eq!(Topic::of("returns/decline"), Topic::Noted);
        assert_eq!(Topic::of("Refunds/Create"), Topic::RefundCreated);
        assert_eq!(Topic::of("carts/update"), Topic::Unknown);
        assert_eq!(Topic::of(""), Topic::Unknown);
    }
}
