//! What this connector can do, and how a repeat of each write is made safe.

use retail_proto::types::v1::{Capability, Description, Poster};

/// How a repeat is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Goes out under a key that the other side keeps: repeat it unchanged.
    Keyed,
    /// Looked at first: what is done already is left alone.
    Queryable,
}

/// Every method of the contract that is implemented, except `Describe`.
pub const METHODS: [(&str, Effect, Poster); 13] = [
    ("AcceptWebhook", Effect::Keyed, Poster::Vendor),
    ("SetStock", Effect::Keyed, Poster::Weft),
    ("GetStock", Effect::Read, Poster::Unspecified),
    ("RecordFulfilment", Effect::Queryable, Poster::Weft),
    ("CancelOrder", Effect::Queryable, Poster::Either),
    ("TakeOffLines", Effect::Queryable, Poster::Either),
    ("EditOrder", Effect::Queryable, Poster::Either),
    ("MarkReadyForPickup", Effect::Queryable, Poster::Weft),
    ("RefundOrder", Effect::Queryable, Poster::Either),
    ("GetOrder", Effect::Read, Poster::Unspecified),
    ("AnswerReturn", Effect::Queryable, Poster::Either),
    ("ListItems", Effect::Read, Poster::Unspecified),
    ("ListLocations", Effect::Read, Poster::Unspecified),
];

impl Effect {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Keyed => "keyed",
            Self::Queryable => "queryable",
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
        vendor: "Shopify".to_owned(),
        api_version: api_version.to_owned(),
        capabilities: capabilities.collect(),
    }
}
