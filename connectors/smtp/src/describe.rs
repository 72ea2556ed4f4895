//! What this connector can do, and how a repeat of its write is made safe: not at all.

use retail_proto::types::v1::{Capability, Description, Poster};

/// How a repeat is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The other side keeps no key and cannot be asked: what nobody knows, a person looks at.
    Blind,
}

/// Every method of the contract that is implemented, except `Describe`.
pub const METHODS: [(&str, Effect, Poster); 1] = [("SendMessage", Effect::Blind, Poster::Weft)];

impl Effect {
    fn word(self) -> &'static str {
        match self {
            Self::Blind => "blind",
        }
    }
}

/// What the connector says of itself.
pub(crate) fn description() -> Description {
    let capabilities = METHODS.iter().map(|(method, effect, poster)| Capability {
        method: (*method).to_owned(),
        effect_class: effect.word().to_owned(),
        poster: (*poster).into(),
    });
    Description {
        vendor: "SMTP relay".to_owned(),
        api_version: "RFC 5321".to_owned(),
        capabilities: capabilities.collect(),
    }
}
