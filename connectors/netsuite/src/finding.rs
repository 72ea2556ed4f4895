//! Sales orders by the number their customer knows, whoever booked them.

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use serde_json::Value;

use crate::erp::Connector;
use crate::fault::Error;

const NUMBERED: &str =
    "SELECT t.id FROM transaction t WHERE t.type = 'SalesOrd' AND t.otherrefnum = ? ORDER BY t.id DESC";
/// A number that more orders share is no number; the newest are answered.
const MOST: usize = 50;

impl Connector {
    /// Every sales order with that number, newest first, each with its whole document flow.
    pub(crate) async fn by_number(&self, number: &str) -> Result<Vec<pb::SalesOrder>, Error> {
        let params = vec![Value::from(number)];
        let (rows, _) = self.suite.page("suiteql.numbered", Lane::Normal, NUMBERED, params, MOST, 0).await?;
        let ids = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<_>, _>>()?;
        let mut orders = self.flows.any_orders(&ids, Lane::Normal).await?;
        Ok(ids.iter().filter_map(|id| orders.remove(id)).collect())
    }
}
