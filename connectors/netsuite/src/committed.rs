//! Stock with what NetSuite has committed to orders of ours.
//!
//! Commitments are asked for before the balance of the same items: an order that is booked in between is in what is
//! committed altogether and not named, so it is subtracted once more for a while, and never sold twice.

use std::collections::{BTreeMap, BTreeSet};

use retail_connect::Lane;
use retail_proto::Quantity;
use retail_proto::erp::v1 as pb;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::client::marks;
use crate::fault::Error;
use crate::map;

const COMMITTED: &str = "SELECT i.itemid, tl.location, t.externalid, SUM(tl.quantitycommitted) AS committed \
    FROM transactionline tl JOIN transaction t ON t.id = tl.transaction JOIN item i ON i.id = tl.item \
    WHERE t.type = 'SalesOrd' AND tl.mainline = 'F' AND tl.quantitycommitted > 0 AND t.externalid LIKE 'SO:%' \
    AND UPPER(i.itemid) IN (#) GROUP BY i.itemid, tl.location, t.externalid ORDER BY i.itemid, tl.location, t.externalid";

/// Stock rows and where the next page begins.
type Page = (Vec<pb::StockRow>, Option<(i64, i64)>);

impl Catalogue {
    /// Stock after an (item, location), with commitments to orders of ours.
    pub(crate) async fn list_stock_committed(&self, after: (i64, i64), size: usize) -> Result<Page, Error> {
        let (page, _) = self.list_stock(after, size).await?;
        let items: BTreeSet<String> = page.into_iter().map(|row| row.sku).collect();
        let commitments = self.commitments(&items).await?;
        let (mut rows, next) = self.list_stock(after, size).await?;
        for row in &mut rows {
            let key = (row.sku.clone(), row.location.clone());
            row.commitments = commitments.get(&key).cloned().unwrap_or_default();
        }
        Ok((rows, next))
    }

    async fn commitments(
        &self,
        items: &BTreeSet<String>,
    ) -> Result<BTreeMap<(String, String), Vec<pb::StockCommitment>>, Error> {
        let mut found = BTreeMap::<_, Vec<pb::StockCommitment>>::new();
        if items.is_empty() {
            return Ok(found);
        }
        let question = COMMITTED.replace('#', &marks(items.len()));
        let params: Vec<Value> = items.iter().map(|sku| Value::from(sku.as_str())).collect();
        let rows = self.suite.rows("suiteql.commitments", Lane::Sheddable, &question, &params).await?;
        let mut ids = Vec::new();
        for row in &rows {
            ids.extend(row.optional_id("location")?);
        }
        let known =
            |places: &[crate::catalogue::Place]| ids.iter().all(|id| places.iter().any(|place| place.id == *id));
        let places = self.places_with(Lane::Sheddable, known).await?;
        for row in rows {
            let quantity: Quantity = row.quantity("committed")?;
            let order = row.text("externalid").strip_prefix(map::SALES_ORDER).unwrap_or_default().to_owned();
            let location = crate::flow::code(&places, row.optional_id("location")?);
            let key = (row.text("itemid").to_uppercase(), location);
            found
                .entry(key)
                .or_default()
                .push(pb::StockCommitment { external_ref: order, quantity: quantity.to_string() });
        }
        Ok(found)
    }
}
