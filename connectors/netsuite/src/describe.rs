//! What this connector can do, and how a repeat of each write is made safe (guarantees, section 5).

use retail_proto::types::v1::{Capability, Description, Poster};

/// How a repeat is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Written under an external id that NetSuite keeps unique: repeat it unchanged.
    Keyed,
    /// Looked at first: what is done already is left alone.
    Queryable,
}

/// Every method of the contract that is implemented, except `Describe`.
pub const METHODS: [(&str, Effect, Poster); 23] = [
    ("UpsertCustomer", Effect::Keyed, Poster::Weft),
    // Its people set limits, and everybody's documents make the numbers.
    ("GetCustomerCredit", Effect::Read, Poster::Vendor),
    ("CreateSalesOrder", Effect::Keyed, Poster::Weft),
    ("GetSalesOrder", Effect::Read, Poster::Unspecified),
    ("CancelSalesOrder", Effect::Queryable, Poster::Weft),
    ("ChangeSalesOrder", Effect::Queryable, Poster::Weft),
    ("RecordPayment", Effect::Keyed, Poster::Weft),
    ("AdjustStock", Effect::Keyed, Poster::Weft),
    ("ShipTransfer", Effect::Keyed, Poster::Weft),
    ("ReceiveTransfer", Effect::Keyed, Poster::Weft),
    // People order in NetSuite's own screens.
    ("ListExpectedReceipts", Effect::Read, Poster::Vendor),
    ("PollChanges", Effect::Read, Poster::Vendor),
    ("FindSalesOrders", Effect::Read, Poster::Unspecified),
    ("CreateReturn", Effect::Keyed, Poster::Weft),
    ("GetReturn", Effect::Read, Poster::Unspecified),
    ("CancelReturn", Effect::Queryable, Poster::Weft),
    // People receive in NetSuite's own screens; where they do not, Weft posts what the warehouse says.
    ("PostReceipt", Effect::Keyed, Poster::Either),
    ("CreateCreditMemo", Effect::Keyed, Poster::Weft),
    ("RecordRefund", Effect::Keyed, Poster::Weft),
    ("PollReturns", Effect::Read, Poster::Vendor),
    ("ListItems", Effect::Read, Poster::Vendor),
    ("ListLocations", Effect::Read, Poster::Vendor),
    ("ListStock", Effect::Read, Poster::Vendor),
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
pub(crate) fn description() -> Description {
    Description {
        vendor: "Oracle NetSuite".to_owned(),
        api_version: "SuiteTalk REST record/v1, SuiteQL v1 (2026.1)".to_owned(),
        capabilities: METHODS
            .iter()
            .map(|(method, effect, poster)| Capability {
                method: (*method).to_owned(),
                effect_class: effect.word().to_owned(),
                poster: (*poster).into(),
            })
            .collect(),
    }
}
