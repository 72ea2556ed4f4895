//! What this service stores. Plain data: views of what others own, and cases with what hangs on them.

use bytes::Bytes;
use retail_proto::crm::v1 as crm;
use retail_proto::types::v1::Ref;
use retail_store::Document;

/// A kind of thing that another service owns and this one shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An order.
    Order,
    /// A return.
    Return,
    /// A customer.
    Customer,
}

impl Kind {
    /// Name of the feed it comes from, which is that of its owner.
    pub(crate) fn feed(self) -> &'static str {
        match self {
            Self::Order => "orders",
            Self::Return => "returns",
            Self::Customer => "customers",
        }
    }

    /// The kind that a feed tells of.
    pub(crate) fn of_feed(feed: &str) -> Option<Self> {
        [Self::Order, Self::Return, Self::Customer].into_iter().find(|kind| kind.feed() == feed)
    }

    /// Id of the view of one of them.
    pub(crate) fn view(self, id: &str) -> String {
        let word = match self {
            Self::Order => "order",
            Self::Return => "return",
            Self::Customer => "customer",
        };
        format!("{word}/{id}")
    }
}

/// When something that matters to a case was seen to have happened.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Moment {
    /// What: a milestone's kind, with its document behind a slash when it has one.
    #[prost(string, tag = "1")]
    pub what: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub at: i64,
}

/// What another service last said of one of its own. The id is `kind/id`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct View {
    /// The owner's public message, as it came; empty while only a case knows of it.
    #[prost(bytes = "bytes", tag = "1")]
    pub body: Bytes,
    /// Version that the owner gave it.
    #[prost(uint64, tag = "2")]
    pub version: u64,
    /// When the owner said it, milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub said_at: i64,
    /// When it began, milliseconds since 1970: its place among others.
    #[prost(int64, tag = "4")]
    pub began_at: i64,
    /// Shelves it stands on.
    #[prost(string, repeated, tag = "5")]
    pub shelves: Vec<String>,
    /// What has happened so far, in the order in which it was seen.
    #[prost(message, repeated, tag = "6")]
    pub moments: Vec<Moment>,
    /// Cases that hang on it, `instance/id`.
    #[prost(string, repeated, tag = "7")]
    pub cases: Vec<String>,
    /// CRM instance whose agents see it; empty for none. Returns only: orders are told by their owner.
    #[prost(string, tag = "8")]
    pub crm: String,
    /// Stamp of what agents should see; empty while there is nothing worth telling.
    #[prost(string, tag = "9")]
    pub stamp: String,
    /// Stamp of what the CRM was last told.
    #[prost(string, tag = "10")]
    pub told: String,
    /// Why the CRM refused it.
    #[prost(string, tag = "11")]
    pub cause: String,
    /// Name people use.
    #[prost(string, tag = "12")]
    pub name: String,
}

impl Document for View {
    const KIND: &'static str = "view";
}

impl View {
    /// Does the owner know it?
    pub(crate) fn is_known(&self) -> bool {
        self.version > 0
    }
}

/// A milestone of a case, and the CRM's record of it once it is written.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Written {
    /// As the CRM is told.
    #[prost(message, optional, tag = "1")]
    pub milestone: Option<crm::Milestone>,
    /// The CRM's record.
    #[prost(message, optional, tag = "2")]
    pub record: Option<Ref>,
    /// The CRM has it.
    #[prost(bool, tag = "3")]
    pub done: bool,
}

impl Written {
    /// Our id of it.
    pub(crate) fn id(&self) -> &str {
        self.milestone.as_ref().map_or("", |milestone| milestone.external_ref.as_str())
    }
}

/// A case of a CRM. The id is `instance/id`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Case {
    /// CRM instance.
    #[prost(string, tag = "1")]
    pub instance: String,
    /// The CRM's id.
    #[prost(string, tag = "2")]
    pub crm_id: String,
    /// As the CRM last told. Absent while only a return names it.
    #[prost(message, optional, tag = "3")]
    pub record: Option<crm::Case>,
    /// Orders that callers tied to it.
    #[prost(string, repeated, tag = "4")]
    pub asked_orders: Vec<String>,
    /// Returns that callers tied to it.
    #[prost(string, repeated, tag = "5")]
    pub asked_returns: Vec<String>,
    /// Returns that name it themselves.
    #[prost(string, repeated, tag = "6")]
    pub naming_returns: Vec<String>,
    /// Orders of the returns that are tied to it.
    #[prost(string, repeated, tag = "7")]
    pub returned_orders: Vec<String>,
    /// Milestones, oldest first.
    #[prost(message, repeated, tag = "8")]
    pub milestones: Vec<Written>,
    /// Grows whenever a view it hangs on may have changed.
    #[prost(uint64, tag = "9")]
    pub wanted: u64,
    /// What `wanted` was at the last look.
    #[prost(uint64, tag = "10")]
    pub looked: u64,
    /// Shelves it stands on.
    #[prost(string, repeated, tag = "11")]
    pub shelves: Vec<String>,
    /// Views that know that it hangs on them.
    #[prost(string, repeated, tag = "12")]
    pub views: Vec<String>,
    /// The CRM cannot be told.
    #[prost(bool, tag = "13")]
    pub parked: bool,
    /// Why.
    #[prost(string, tag = "14")]
    pub cause: String,
    /// Deleted in the CRM.
    #[prost(bool, tag = "15")]
    pub deleted: bool,
    /// Version of the public state, from 1.
    #[prost(uint64, tag = "16")]
    pub version: u64,
    /// Order that the CRM was asked to let it point to.
    #[prost(string, tag = "17")]
    pub pointed_order: String,
    /// Return that the CRM was asked to let it point to.
    #[prost(string, tag = "18")]
    pub pointed_return: String,
    /// Our customer, by what hangs on it.
    #[prost(string, tag = "19")]
    pub customer_id: String,
    /// Place in the list of all cases.
    #[prost(bytes = "vec", tag = "20")]
    pub listed: Vec<u8>,
    /// Time under which it stands on its shelves, milliseconds since 1970.
    #[prost(int64, tag = "21")]
    pub shelved_at: i64,
}

impl Document for Case {
    const KIND: &'static str = "case";
}
