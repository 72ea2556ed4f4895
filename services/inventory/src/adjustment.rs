//! An adjustment of stock: our own books change with its commit, then the stock authority is told, keyed by our id.

use retail_flow::{Attempt, Class, Failure, Kept, Next, Process, Step, Summary, kept};
use retail_proto::Quantity;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_proto::types::v1::Ref;
use retail_runtime::{Peer, Timestamp};
use retail_store::Draft;
use serde::{Deserialize, Serialize};

use crate::site;
use crate::stock::Stock;

/// An adjustment.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Adjustment {
    /// Our id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Item code.
    #[prost(string, tag = "2")]
    pub sku: String,
    /// Location code.
    #[prost(string, tag = "3")]
    pub location: String,
    /// Millionths, negative takes away.
    #[prost(int64, tag = "4")]
    pub quantity: i64,
    /// UPPER_SNAKE_CASE cause.
    #[prost(string, tag = "5")]
    pub reason: String,
    /// Reference for people.
    #[prost(string, tag = "6")]
    pub reference: String,
    /// When it happened, milliseconds since 1970.
    #[prost(int64, tag = "7")]
    pub happened_at: i64,
    /// Stock after it: what a repeat is answered.
    #[prost(message, optional, tag = "8")]
    pub stock: Option<Stock>,
    /// The authority has it.
    #[prost(bool, tag = "9")]
    pub posted: bool,
    /// The authority's document.
    #[prost(message, optional, tag = "10")]
    pub document: Option<Ref>,
    /// True when an authority is to be told.
    #[prost(bool, tag = "11")]
    pub to_post: bool,
}

/// What an adjustment asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Post;

/// The authority has it, as this document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Posted(#[serde(with = "kept::maybe")] Option<Ref>);

impl Step for Post {
    fn name(&self) -> String {
        "erp.adjust_stock".to_owned()
    }

    fn class(&self) -> Class {
        Class::Keyed
    }
}

impl Adjustment {
    /// True when it asks for the same as another.
    #[must_use]
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        (&self.sku, self.quantity, &self.reason, &self.reference, self.happened_at)
            == (&other.sku, other.quantity, &other.reason, &other.reference, other.happened_at)
    }
}

/// Posts adjustments to the stock authority.
pub(crate) struct Posting {
    authority: Option<(String, Peer)>,
}

impl Posting {
    /// Posts to this ERP instance, or nowhere.
    #[must_use]
    pub(crate) fn new(authority: Option<(String, Peer)>) -> Self {
        Self { authority }
    }
}

impl Process for Posting {
    type Doc = Adjustment;
    type Step = Post;
    type Outcome = Posted;

    fn decide(&self, doc: &Adjustment, _: Timestamp) -> Next<Post> {
        if doc.to_post && !doc.posted { Next::Do(vec![Post]) } else { Next::Done }
    }

    async fn perform(&self, _: &str, doc: &Adjustment, _: &Post, _: Attempt) -> Result<Posted, Failure> {
        let Some((instance, peer)) = &self.authority else {
            return Err(Failure::refused(
                "ERP_NOT_CONFIGURED",
                "an adjustment waits for an ERP, and none is configured",
            ));
        };
        let happened_at = Timestamp::from_millisecond(doc.happened_at)
            .map_err(|error| Failure::refused("BAD_TIME", error.to_string()))?;
        let request = erp::AdjustStockRequest {
            instance: instance.clone(),
            external_ref: doc.id.clone(),
            lines: vec![erp::AdjustmentLine {
                sku: doc.sku.clone(),
                location: doc.location.clone(),
                quantity: Quantity::from_millionths(doc.quantity).to_string(),
            }],
            adjustment_date: happened_at.strftime("%Y-%m-%d").to_string(),
            memo: [doc.reason.as_str(), doc.reference.as_str()].join(" ").trim().to_owned(),
        };
        let answer = ErpServiceClient::new(peer.clone()).adjust_stock(request).await?.into_inner();
        retail_flow::done("erp.AdjustStock", answer.outcome.as_ref())?;
        Ok(Posted(answer.document))
    }

    fn apply(&self, draft: &mut Draft<Adjustment>, _: &Post, Posted(document): &Posted, now: Timestamp) {
        if draft.doc.posted {
            return;
        }
        draft.doc.posted = true;
        draft.doc.document.clone_from(document);
        let (location, sku) = (draft.doc.location.clone(), draft.doc.sku.clone());
        let mut rows = site::load(draft, &location, &[sku.clone()].into()).into_parts().0;
        if let Some(row) = rows.get_mut(&sku) {
            row.posted(now);
        }
        // What channels show does not depend on what is posted, so nobody needs waking.
        site::store_quietly(draft, crate::shelf::Shelf::new(&location, rows.into_values()), &[]);
    }

    fn kept() -> Option<Kept<Self>> {
        Some(Kept::with(&[]))
    }

    fn seal(&self, _: &mut Draft<Adjustment>, _: &Adjustment, _: Timestamp) {}

    fn summary(&self, doc: &Adjustment) -> Summary {
        let quantity = Quantity::from_millionths(doc.quantity);
        let status = if doc.posted {
            "Posted to the stock authority"
        } else if doc.to_post {
            "Waiting to be posted to the stock authority"
        } else {
            "Kept in our books"
        };
        Summary { name: format!("{quantity} of {} at {}", doc.sku, doc.location), status: status.to_owned() }
    }
}
