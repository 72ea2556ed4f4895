//! Ours in, the contract's messages out.

use prost_types::Timestamp as Stamp;
use retail_proto::customers::v1 as pb;

use crate::customer::{Customer, Kind};

/// The protobuf form of stored milliseconds.
fn timestamp(millisecond: i64) -> Stamp {
    let nanos = millisecond.rem_euclid(1000).saturating_mul(1_000_000);
    Stamp { seconds: millisecond.div_euclid(1000), nanos: i32::try_from(nanos).unwrap_or(0) }
}

impl From<Kind> for pb::CustomerKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Guest => Self::Guest,
            Kind::Registered => Self::Registered,
            Kind::Anonymous => Self::Anonymous,
        }
    }
}

impl From<&Customer> for pb::Customer {
    fn from(customer: &Customer) -> Self {
        let refused = customer.told.iter().filter(|told| !told.reason.is_empty());
        Self {
            customer_id: customer.id.clone(),
            kind: i32::from(pb::CustomerKind::from(customer.kind())),
            profile: customer.profile.clone(),
            refs: customer.refs.clone(),
            brand: customer.brand.clone(),
            version: customer.version,
            created_at: Some(timestamp(customer.created_at)),
            updated_at: Some(timestamp(customer.updated_at)),
            problems: refused
                .map(|told| pb::SyncProblem {
                    kind: told.kind.clone(),
                    instance: told.instance.clone(),
                    reason: told.reason.clone(),
                    detail: told.detail.clone(),
                })
                .collect(),
            ..Self::default()
        }
    }
}
