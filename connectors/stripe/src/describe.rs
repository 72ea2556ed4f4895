//! What this connector can do, and how a repeat of each write is made safe.

use retail_proto::types::v1::{Capability, Description, Poster};

/// How a repeat is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Goes out under a key that the other side keeps, and is looked for before it goes: repeat it unchanged.
    Keyed,
}

/// Every method of the contract that is implemented, except `Describe`.
pub const METHODS: [(&str, Effect, Poster); 9] = [
    ("GetPayment", Effect::Read, Poster::Unspecified),
    ("FindPayments", Effect::Read, Poster::Unspecified),
    ("AdoptPayment", Effect::Keyed, Poster::Weft),
    ("CapturePayment", Effect::Keyed, Poster::Either),
    ("CancelAuthorization", Effect::Keyed, Poster::Either),
    ("AuthorizeAnew", Effect::Keyed, Poster::Weft),
    ("RefundPayment", Effect::Keyed, Poster::Either),
    ("ListChanges", Effect::Read, Poster::Unspecified),
    ("AcceptWebhook", Effect::Keyed, Poster::Vendor),
];

impl Effect {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Keyed => "keyed",
        }
    }
}

/// What the connector says of itself.
pub(crate) fn description(api_version: &str) -> Description {
    let capabilities = METHODS.iter().map(|(method, effect, poster)| Capability {
        method: (*method).to_owned(),
        effect_class: effect.word().to_owned(),
        poster: (*poster).into(),
    });
    Description {
        vendor: "Stripe".to_owned(),
        api_version: api_version.to_owned(),
        capabilities: capabilities.collect(),
    }
}
