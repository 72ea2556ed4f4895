//! What returns have claimed of orders, held against the returns themselves.

use prost::Message as _;
use serde_json::Value;

use crate::shelf::Shelf;
use crate::watch::Watch;

/// Claims of an order, by the field numbers they are stored under: read apart from the code that wrote them.
#[derive(Clone, PartialEq, prost::Message)]
struct Allowance {
    #[prost(message, repeated, tag = "1")]
    claims: Vec<Claim>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Claim {
    #[prost(string, tag = "1")]
    return_id: String,
    #[prost(int64, tag = "5")]
    quantity: i64,
}

/// `no_leaked_claim`: whoever has claimed pieces of an order gives them back, in a part of its return.
pub(crate) fn are_of_returns(shelf: &Shelf, returns: &[Value], watch: &Watch) {
    for (key, record) in shelf.documents("allowance/") {
        let Ok(books) = Allowance::decode(record.body) else {
            watch.violated("no_leaked_claim", format!("{key} cannot be read"));
            continue;
        };
        for claim in books.claims.iter().filter(|claim| claim.quantity > 0) {
            let record = returns.iter().find(|one| one["returnId"] == *claim.return_id);
            let parts = record.and_then(|one| one["parts"].as_array());
            let is_of_it = |part: &Value| part["orderId"].as_str() == Some(key.id());
            if !parts.is_some_and(|parts| parts.iter().any(is_of_it)) {
                let detail = format!(
                    "{key}: return {} has claimed {} and gives back none of it",
                    claim.return_id, claim.quantity
                );
                watch.violated("no_leaked_claim", detail);
            }
        }
    }
}
