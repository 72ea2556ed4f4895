//! An honest ERP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::Ref;
use retail_runtime::{Clock, Timestamp};
use tonic::{Request, Response, Status};

use crate::harness::{done, page};

/// What the ERP knows.
#[derive(Default)]
pub(crate) struct ErpBooks {
    pub(crate) items: Vec<String>,
    pub(crate) locations: Vec<(String, String)>,
    pub(crate) stock: BTreeMap<(String, String), i64>,
    pub(crate) adjustments: BTreeMap<String, erp::AdjustStockRequest>,
    pub(crate) adjust_calls: usize,
    /// Shipments of transfers, by our id.
    pub(crate) shipments: BTreeMap<String, erp::ShipTransferRequest>,
    /// Receipts of transfers, by our id.
    pub(crate) receipts: BTreeMap<String, erp::ReceiveTransferRequest>,
    /// How often a transfer was told.
    pub(crate) transfer_calls: usize,
    /// Posts nothing and says that it is away; what is there may be read.
    pub(crate) slow: bool,
    /// Promised by the ERP itself, by order; an empty one is nobody's of ours.
    pub(crate) commitments: BTreeMap<(String, String), BTreeMap<String, i64>>,
    /// Documents by which goods are expected.
    pub(crate) papers: Vec<erp::ExpectedReceipt>,
    /// What kits are made of.
    pub(crate) kits: BTreeMap<String, Vec<(String, i64)>>,
    pub(crate) away: bool,
    /// The next adjustment is posted, and its answer is lost.
    pub(crate) lose_an_answer: bool,
}

#[derive(Clone)]
pub(crate) struct FakeErp {
    pub(crate) books: Arc<Mutex<ErpBooks>>,
    clock: Clock,
}

impl FakeErp {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { books: Arc::default(), clock }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, ErpBooks> {
        self.books.lock().unwrap()
    }

    fn there(&self) -> Result<(), Status> {
        if self.books().away { Err(Status::unavailable("closed for the night")) } else { Ok(()) }
    }

    fn posts(&self) -> Result<(), Status> {
        let waits = self.books().slow;
        self.there()?;
        if waits { Err(Status::unavailable("postings are slow today")) } else { Ok(()) }
    }
}

fn stamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

fn record(kind: &str, r#type: &str, id: &str) -> Ref {
    Ref { kind: kind.into(), instance: kind.into(), r#type: r#type.into(), id: id.into(), number: String::new() }
}

#[tonic::async_trait]
impl ErpService for FakeErp {
    async fn list_items(
        &self,
        request: Request<erp::ListItemsRequest>,
    ) -> Result<Response<erp::ListItemsResponse>, Status> {
        self.there()?;
        let (skus, next_page_token) = page(&self.books().items, &request.get_ref().page_token);
        let kits = self.books().kits.clone();
        let items = skus.into_iter().map(|sku| erp::Item {
            item: Some(record("erp", "inventoryItem", &format!("i-{sku}"))),
            stocked: !kits.contains_key(&sku),
            components: kits.get(&sku).into_iter().flatten().map(part).collect(),
            sku,
            ..Default::default()
        });
        Ok(Response::new(erp::ListItemsResponse { items: items.collect(), next_page_token }))
    }

    async fn list_locations(
        &self,
        _: Request<erp::ListLocationsRequest>,
    ) -> Result<Response<erp::ListLocationsResponse>, Status> {
        self.there()?;
        let locations = self.books().locations.clone().into_iter().map(|(code, name)| erp::Location {
            location: Some(record("erp", "location", &code)),
            code,
            name,
            inactive: false,
        });
        Ok(Response::new(erp::ListLocationsResponse { locations: locations.collect() }))
    }

    async fn list_stock(
        &self,
        request: Request<erp::ListStockRequest>,
    ) -> Result<Response<erp::ListStockResponse>, Status> {
        self.there()?;
        let as_of = Some(stamp(self.clock.now()));
        let all: Vec<_> = self.books().stock.clone().into_iter().collect();
        let (rows, next_page_token) = page(&all, &request.get_ref().page_token);
        let commitments = self.books().commitments.clone();
        let rows = rows.into_iter().map(|((sku, location), on_hand)| erp::StockRow {
            committed: commitments
                .get(&(sku.clone(), location.clone()))
                .map_or(0, |all| all.values().sum::<i64>())
                .to_string(),
            commitments: told(commitments.get(&(sku.clone(), location.clone()))),
            on_hand: on_hand.to_string(),
            sku,
            location,
        });
        Ok(Response::new(erp::ListStockResponse { rows: rows.collect(), next_page_token, as_of }))
    }

    async fn adjust_stock(
        &self,
        request: Request<erp::AdjustStockRequest>,
    ) -> Result<Response<erp::AdjustStockResponse>, Status> {
        self.there()?;
        let request = request.into_inner();
        let mut books = self.books();
        books.adjust_calls += 1;
        let id = request.external_ref.clone();
        if books.adjustments.insert(id.clone(), request.clone()).is_none() {
            for line in &request.lines {
                let quantity: i64 = line.quantity.parse().unwrap();
                *books.stock.entry((line.sku.clone(), line.location.clone())).or_default() += quantity;
            }
        }
        if std::mem::take(&mut books.lose_an_answer) {
            return Err(Status::deadline_exceeded("answer lost"));
        }
        let document = Some(record("erp", "inventoryAdjustment", &id));
        Ok(Response::new(erp::AdjustStockResponse { outcome: done(), document }))
    }

    async fn list_expected_receipts(
        &self,
        request: Request<erp::ListExpectedReceiptsRequest>,
    ) -> Result<Response<erp::ListExpectedReceiptsResponse>, Status> {
        self.there()?;
        let request = request.into_inner();
        let id = |paper: &erp::ExpectedReceipt| paper.document.as_ref().map(|document| document.id.clone()).unwrap();
        let asked = |paper: &&erp::ExpectedReceipt| match request.document_ids.as_slice() {
            [] => !paper.ended,
            named => named.contains(&id(paper)),
        };
        let papers: Vec<_> = self.books().papers.iter().filter(asked).cloned().collect();
        let (receipts, next_page_token) = page(&papers, &request.page_token);
        Ok(Response::new(erp::ListExpectedReceiptsResponse { receipts, next_page_token }))
    }

    async fn ship_transfer(
        &self,
        request: Request<erp::ShipTransferRequest>,
    ) -> Result<Response<erp::ShipTransferResponse>, Status> {
        self.posts()?;
        let request = request.into_inner();
        let mut books = self.books();
        books.transfer_calls += 1;
        let id = request.external_ref.clone();
        if books.shipments.insert(id.clone(), request.clone()).is_none() {
            for line in &request.lines {
                let row = (line.sku.clone(), request.from_location.clone());
                *books.stock.entry(row).or_default() -= whole(&line.quantity);
            }
        }
        if std::mem::take(&mut books.lose_an_answer) {
            return Err(Status::deadline_exceeded("answer lost"));
        }
        let documents = vec![record("erp", "transferOrder", &id)];
        Ok(Response::new(erp::ShipTransferResponse { outcome: done(), documents }))
    }

    async fn receive_transfer(
        &self,
        request: Request<erp::ReceiveTransferRequest>,
    ) -> Result<Response<erp::ReceiveTransferResponse>, Status> {
        self.posts()?;
        let request = request.into_inner();
        let mut books = self.books();
        books.transfer_calls += 1;
        assert!(books.shipments.contains_key(&request.transfer_ref), "it arrived before it left");
        let id = request.external_ref.clone();
        if books.receipts.insert(id.clone(), request.clone()).is_none() {
            for line in &request.lines {
                let row = (line.sku.clone(), request.to_location.clone());
                *books.stock.entry(row).or_default() += whole(&line.received) + whole(&line.surplus);
            }
        }
        if std::mem::take(&mut books.lose_an_answer) {
            return Err(Status::deadline_exceeded("answer lost"));
        }
        let documents = vec![record("erp", "itemReceipt", &id)];
        Ok(Response::new(erp::ReceiveTransferResponse { outcome: done(), documents }))
    }
}

fn part((sku, quantity): &(String, i64)) -> erp::ItemComponent {
    erp::ItemComponent { sku: sku.clone(), quantity: quantity.to_string() }
}

/// What is committed to orders of ours.
fn told(committed: Option<&BTreeMap<String, i64>>) -> Vec<erp::StockCommitment> {
    let ours = committed.into_iter().flatten().filter(|(order, _)| !order.is_empty());
    ours.map(|(order, quantity)| erp::StockCommitment { external_ref: order.clone(), quantity: quantity.to_string() })
        .collect()
}

/// A quantity of a request.
fn whole(text: &str) -> i64 {
    text.parse().unwrap()
}
