//! Returns that changed: the return itself, or only what followed from it. A receipt that the warehouse makes in
//! NetSuite's own screens, a credit memo, a refund: each is a change of its return.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_runtime::Timestamp;
use serde_json::Value;

use super::page;
use crate::client::marks;
use crate::fault::Error;
use crate::flow::Flows;

const CHANGED: &str = "SELECT t.id, t.type, tl.createdfrom, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed \
    FROM transaction t JOIN transactionline tl ON tl.transaction = t.id AND tl.mainline = 'T' \
    WHERE t.type IN ('RtnAuth', 'ItemRcpt', 'CustCred', 'CustRfnd') \
    AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') \
    AND (t.lastmodifieddate > TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') OR t.id > ?) \
    ORDER BY t.lastmodifieddate, t.id";
/// Returns behind refunds: a refund points at its memos, a memo at its return.
const REFUNDED: &str = "SELECT n.nextdoc, tl.createdfrom FROM previoustransactionlinelink n \
    JOIN transactionline tl ON tl.transaction = n.previousdoc AND tl.mainline = 'T' \
    WHERE n.nextdoc IN (#) ORDER BY n.nextdoc, tl.createdfrom";

/// Returns that changed since a cursor, each with its whole document flow.
pub(crate) async fn poll(
    flows: &Flows,
    cursor: &str,
    limit: i32,
    now: Timestamp,
    overlap: Duration,
) -> Result<pb::PollReturnsResponse, Error> {
    let page = page(flows, ("suiteql.return_changes", CHANGED), cursor, limit, now, overlap).await?;
    let mut refunds = Vec::new();
    for row in page.rows.iter().filter(|row| row.text("type") == "CustRfnd") {
        refunds.push(row.id("id")?);
    }
    let refunded = behind(flows, &refunds).await?;
    let (mut ids, mut seen) = (Vec::new(), BTreeSet::new());
    for row in &page.rows {
        let document = row.id("id")?;
        let returns = match row.text("type").as_str() {
            "RtnAuth" => vec![document],
            "CustRfnd" => refunded.get(&document).cloned().unwrap_or_default(),
            _ => row.optional_id("createdfrom")?.into_iter().collect(),
        };
        // Receipts of purchases and memos without a return point at other documents: the flow leaves those out.
        ids.extend(returns.into_iter().filter(|id| seen.insert(*id)));
    }
    let mut returns = flows.returns(&ids, Lane::Normal).await?;
    let changes = ids.iter().filter_map(|id| returns.remove(id)).map(|found| pb::SalesReturnChange {
        kind: pb::ChangeKind::Upsert.into(),
        external_ref: found.external_ref.clone(),
        sales_return: Some(found),
    });
    Ok(pb::PollReturnsResponse { changes: changes.collect(), cursor: page.cursor, more: page.more })
}

async fn behind(flows: &Flows, refunds: &[i64]) -> Result<BTreeMap<i64, Vec<i64>>, Error> {
    let mut returns = BTreeMap::<i64, Vec<i64>>::new();
    if refunds.is_empty() {
        return Ok(returns);
    }
    let q = REFUNDED.replace('#', &marks(refunds.len()));
    let params: Vec<Value> = refunds.iter().map(|id| Value::from(*id)).collect();
    for row in flows.suite.rows("suiteql.refunded", Lane::Normal, &q, &params).await? {
        returns.entry(row.id("nextdoc")?).or_default().extend(row.optional_id("createdfrom")?);
    }
    Ok(returns)
}
