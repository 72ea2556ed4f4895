//! Goods that came in and whose receipt the stock authority has posted already: only our own books change. Plain data.

use retail_proto::Quantity;

use crate::stock::Stock;

/// A receipt at its location, in the same commit as the stock it changed.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Receipt {
    /// The caller's id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Location code.
    #[prost(string, tag = "2")]
    pub location: String,
    /// UPPER_SNAKE_CASE cause.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// Reference for people.
    #[prost(string, tag = "4")]
    pub reference: String,
    /// When it came, milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub happened_at: i64,
    /// Stock of each item after it: what a repeat is answered.
    #[prost(message, repeated, tag = "6")]
    pub stock: Vec<Stock>,
}

/// Where a receipt was taken in, by its id alone: stock lies by location, so a receipt could stand at two.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Taken {
    /// Location code.
    #[prost(string, tag = "1")]
    pub location: String,
    /// Digest of what was asked.
    #[prost(bytes = "vec", tag = "2")]
    pub digest: Vec<u8>,
}

/// A receipt as asked for.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Head, without stock.
    pub receipt: Receipt,
    /// What came, each item once, in the order of the request.
    pub lines: Vec<(String, Quantity)>,
    /// Digest of what was asked.
    pub digest: Vec<u8>,
    /// Under which id it was expected, when it was; without lines all that has not come.
    pub expected_id: Option<String>,
}
