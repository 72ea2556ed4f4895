//! Inventory: each receipt is taken in once, under whichever key.

use std::collections::BTreeMap;

use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::inventory_service_server::InventoryService;
use tonic::{Request, Response, Status};

use crate::books::{Books, Moods, law, units, unless};

#[derive(Default)]
pub(crate) struct Shelves {
    pub(crate) moods: Moods,
    pub(crate) receipts: BTreeMap<String, pb::ReceiveStockRequest>,
    /// What has come in, by item and location.
    pub(crate) on_hand: BTreeMap<(String, String), i64>,
}

#[derive(Clone, Default)]
pub(crate) struct Stock {
    pub(crate) books: Books<Shelves>,
}

impl Stock {
    pub(crate) fn on_hand(&self, sku: &str, location: &str) -> i64 {
        self.books.open().on_hand.get(&(sku.to_owned(), location.to_owned())).copied().unwrap_or(0)
    }
}

#[tonic::async_trait]
impl InventoryService for Stock {
    async fn receive_stock(
        &self,
        request: Request<pb::ReceiveStockRequest>,
    ) -> Result<Response<pb::ReceiveStockResponse>, Status> {
        self.books.write(|shelves| {
            let silent = shelves.moods.next("receive_stock")?;
            let request = request.into_inner();
            law(!request.lines.is_empty() && request.reason == "RETURN", "BAD_REQUEST")?;
            if !shelves.receipts.contains_key(&request.receipt_id) {
                for line in &request.lines {
                    let place = (line.sku.clone(), request.location.clone());
                    *shelves.on_hand.entry(place).or_default() += units(&line.quantity);
                }
                shelves.receipts.insert(request.receipt_id.clone(), request);
            }
            unless(silent, pb::ReceiveStockResponse::default())
        })
    }
}
