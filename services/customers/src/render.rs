//! Ours in, the contract's messages out.

use prost_types::Timestamp as Stamp;
use retail_proto::customers::v1 as pb;
use retail_proto::timestamp;

use crate::consent::{Decision, counting};
use crate::customer::{Customer, Kind};
use crate::survivorship::{Origin, Survivor};

/// The protobuf form of stored microseconds.
pub(crate) fn stamp(microsecond: i64) -> Stamp {
    let nanos = microsecond.rem_euclid(1_000_000).saturating_mul(1_000);
    Stamp { seconds: microsecond.div_euclid(1_000_000), nanos: i32::try_from(nanos).unwrap_or(0) }
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

impl From<&Decision> for pb::Consent {
    fn from(decision: &Decision) -> Self {
        Self {
            channel: decision.channel,
            purpose: decision.purpose.clone(),
            state: decision.choice,
            captured_at: Some(stamp(decision.captured_at)),
            source: decision.source.clone(),
            evidence: decision.evidence.clone(),
            recorded_at: Some(stamp(decision.recorded_at)),
        }
    }
}

impl From<Survivor<'_>> for pb::FieldSource {
    fn from(survivor: Survivor<'_>) -> Self {
        let Survivor { statement, stated } = survivor;
        let source = match statement.origin() {
            Origin::Sighting => stated.source.clone(),
            Origin::Weft => None,
            Origin::Record => statement.record.clone(),
        };
        Self { field: stated.field().name().to_owned(), source, at: Some(stamp(stated.at)) }
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
            merged_ids: customer.parts.iter().map(|part| part.id.clone()).collect(),
            consents: counting(customer.decisions()).into_iter().map(Into::into).collect(),
            field_sources: match customer.kind() {
                // Nobody in particular has no profile.
                Kind::Anonymous => vec![],
                Kind::Guest | Kind::Registered => customer.survivors().into_iter().map(Into::into).collect(),
            },
        }
    }
}
