//! Payment methods of a sandbox that behave in a known way ("Testing": cards by brand, declines, refunds, disputes,
//! authentication).

/// What a card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Pays.
    Pays,
    /// Declined with this code and decline code.
    Declined(&'static str, &'static str),
    /// Wants the customer's consent first.
    Asks,
    /// Wants the customer's consent unless it was saved with it.
    AsksUntilSaved,
    /// Pays until it is attached to a customer; charges of him fail.
    FailsOnceSaved,
    /// Pays; a refund of it is pending first.
    RefundsSlowly,
    /// Pays; a refund of it fails after it seemed to succeed.
    RefundsFail,
    /// Pays; the customer disputes it.
    Disputes,
}

/// A card.
#[derive(Debug, Clone, Copy)]
pub(super) struct Card {
    pub(super) brand: &'static str,
    pub(super) last4: &'static str,
    pub(super) behaviour: Behaviour,
}

impl Card {
    /// The card once it is attached to a customer.
    pub(super) fn once_saved(mut self) -> Card {
        self.behaviour = match self.behaviour {
            Behaviour::AsksUntilSaved => Behaviour::Pays,
            Behaviour::FailsOnceSaved => Behaviour::Declined("card_declined", "generic_decline"),
            same @ (Behaviour::Pays
            | Behaviour::Declined(..)
            | Behaviour::Asks
            | Behaviour::RefundsSlowly
            | Behaviour::RefundsFail
            | Behaviour::Disputes) => same,
        };
        self
    }
}

/// A card by the name of its payment method.
pub(super) fn card(name: &str) -> Option<Card> {
    let visa = |last4, behaviour| Card { brand: "visa", last4, behaviour };
    Some(match name {
        "pm_card_visa" => visa("4242", Behaviour::Pays),
        "pm_card_mastercard" => Card { brand: "mastercard", last4: "4444", behaviour: Behaviour::Pays },
        "pm_card_amex" => Card { brand: "amex", last4: "0005", behaviour: Behaviour::Pays },
        "pm_card_visa_chargeDeclined" | "pm_card_chargeDeclined" => {
            visa("0002", Behaviour::Declined("card_declined", "generic_decline"))
        }
        "pm_card_visa_chargeDeclinedInsufficientFunds" | "pm_card_chargeDeclinedInsufficientFunds" => {
            visa("9995", Behaviour::Declined("card_declined", "insufficient_funds"))
        }
        "pm_card_chargeDeclinedExpiredCard" => visa("0069", Behaviour::Declined("expired_card", "expired_card")),
        "pm_card_authenticationRequired" => visa("3184", Behaviour::Asks),
        "pm_card_authenticationRequiredOnSetup" => visa("3155", Behaviour::AsksUntilSaved),
        "pm_card_chargeCustomerFail" => visa("0341", Behaviour::FailsOnceSaved),
        "pm_card_pendingRefund" => visa("7726", Behaviour::RefundsSlowly),
        "pm_card_refundFail" => visa("3184", Behaviour::RefundsFail),
        "pm_card_createDispute" => visa("0259", Behaviour::Disputes),
        _ => return None,
    })
}

/// What people read of a decline.
pub(super) fn words(decline_code: &str) -> &'static str {
    match decline_code {
        "insufficient_funds" => "Your card has insufficient funds.",
        "expired_card" => "Your card has expired.",
        _ => "Your card was declined.",
    }
}
