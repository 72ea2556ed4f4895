//! The contract: canonical in, canonical out.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_runtime::{Clock, fault};
use tonic::{Request, Response, Status};

use crate::catalogue::Catalogue;
use crate::client::Suite;
use crate::fault::Error;
use crate::flow::Flows;
use crate::{changes, describe, map, request};

const DOMAIN: &str = "netsuite.retail";
/// Rows of a page unless the caller says otherwise.
const DEFAULT_PAGE: usize = 500;

/// One NetSuite account as an ERP. Keeps nothing but what may be forgotten.
#[derive(Clone)]
pub struct Connector {
    pub(crate) instance: String,
    pub(crate) subsidiary: String,
    pub(crate) adjustment_account: String,
    pub(crate) refund_account: String,
    pub(crate) overlap: Duration,
    pub(crate) clock: Clock,
    pub(crate) suite: Suite,
    pub(crate) catalogue: Catalogue,
    pub(crate) flows: Flows,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ErpService for Connector {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Answer<pb::DescribeResponse> {
        Ok(Response::new(pb::DescribeResponse { description: Some(describe::description()) }))
    }

    async fn upsert_customer(&self, asked: Request<pb::UpsertCustomerRequest>) -> Answer<pb::UpsertCustomerResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let (outcome, customer) = self.upsert(&request::customer(asked.customer)?).await?;
            Ok(pb::UpsertCustomerResponse { outcome: Some(outcome), customer })
        })
        .await
    }

    async fn get_customer_credit(
        &self,
        asked: Request<pb::GetCustomerCreditRequest>,
    ) -> Answer<pb::GetCustomerCreditResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::credit(&asked)?;
            let credit = self.credit_of(&asked.customer_ref, &asked.sales_order_refs).await?;
            Ok(pb::GetCustomerCreditResponse { credit })
        })
        .await
    }

    async fn create_sales_order(
        &self,
        asked: Request<pb::CreateSalesOrderRequest>,
    ) -> Answer<pb::CreateSalesOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let (outcome, order) = self.book(request::booking(asked.order)?).await?;
            Ok(pb::CreateSalesOrderResponse { outcome: Some(outcome), order })
        })
        .await
    }

    async fn get_sales_order(&self, asked: Request<pb::GetSalesOrderRequest>) -> Answer<pb::GetSalesOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::external_ref("external_ref", &asked.external_ref)?;
            let order = self.find(&asked.external_ref, Lane::Normal).await?;
            let order = order.ok_or_else(|| Error::NoSuchOrder(asked.external_ref.clone()))?;
            Ok(pb::GetSalesOrderResponse { order: Some(order) })
        })
        .await
    }

    async fn cancel_sales_order(
        &self,
        asked: Request<pb::CancelSalesOrderRequest>,
    ) -> Answer<pb::CancelSalesOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::external_ref("external_ref", &asked.external_ref)?;
            let (outcome, order) = self.cancel(&asked.external_ref, &asked.memo).await?;
            Ok(pb::CancelSalesOrderResponse { outcome: Some(outcome), order })
        })
        .await
    }

    async fn change_sales_order(
        &self,
        asked: Request<pb::ChangeSalesOrderRequest>,
    ) -> Answer<pb::ChangeSalesOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::external_ref("external_ref", &asked.external_ref)?;
            let (outcome, order) = self.change(&request::change(asked)?).await?;
            Ok(pb::ChangeSalesOrderResponse { outcome: Some(outcome), order })
        })
        .await
    }

    async fn record_payment(&self, asked: Request<pb::RecordPaymentRequest>) -> Answer<pb::RecordPaymentResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let amount = request::payment(&asked)?;
            let (outcome, payment) = self.deposit(&asked, amount).await?;
            Ok(pb::RecordPaymentResponse { outcome: Some(outcome), payment })
        })
        .await
    }

    async fn adjust_stock(&self, asked: Request<pb::AdjustStockRequest>) -> Answer<pb::AdjustStockResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let movements = request::movements(&asked)?;
            let (outcome, document) = self.adjust(&asked, movements).await?;
            Ok(pb::AdjustStockResponse { outcome: Some(outcome), document })
        })
        .await
    }

    async fn ship_transfer(&self, asked: Request<pb::ShipTransferRequest>) -> Answer<pb::ShipTransferResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let goods = request::transfers::shipment(&asked)?;
            let (outcome, documents) = self.ship_transfer(&asked, goods).await?;
            Ok(pb::ShipTransferResponse { outcome: Some(outcome), documents })
        })
        .await
    }

    async fn receive_transfer(
        &self,
        asked: Request<pb::ReceiveTransferRequest>,
    ) -> Answer<pb::ReceiveTransferResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let goods = request::transfers::receipt(&asked)?;
            let (outcome, documents) = self.receive_transfer(&asked, goods).await?;
            Ok(pb::ReceiveTransferResponse { outcome: Some(outcome), documents })
        })
        .await
    }

    async fn list_expected_receipts(
        &self,
        asked: Request<pb::ListExpectedReceiptsRequest>,
    ) -> Answer<pb::ListExpectedReceiptsResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let named = request::transfers::documents(&asked.document_ids)?;
            let [after] = token(&asked.page_token)?;
            let (receipts, next) = self.flows.inbound(&named, after, size(asked.page_size)).await?;
            let next_page_token = next.map(|last| page_token(&[last])).unwrap_or_default();
            Ok(pb::ListExpectedReceiptsResponse { receipts, next_page_token })
        })
        .await
    }

    async fn poll_changes(&self, asked: Request<pb::PollChangesRequest>) -> Answer<pb::PollChangesResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            changes::poll(&self.flows, &asked.cursor, asked.limit, self.clock.now(), self.overlap).await
        })
        .await
    }

    async fn find_sales_orders(
        &self,
        asked: Request<pb::FindSalesOrdersRequest>,
    ) -> Answer<pb::FindSalesOrdersResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::filled("order_number", &asked.order_number)?;
            Ok(pb::FindSalesOrdersResponse { orders: self.by_number(asked.order_number.trim()).await? })
        })
        .await
    }

    async fn create_return(&self, asked: Request<pb::CreateReturnRequest>) -> Answer<pb::CreateReturnResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let asked = request::returns::authorization(asked.input, &self.instance)?;
            let (outcome, sales_return) = self.authorize(asked).await?;
            Ok(pb::CreateReturnResponse { outcome: Some(outcome), sales_return })
        })
        .await
    }

    async fn get_return(&self, asked: Request<pb::GetReturnRequest>) -> Answer<pb::GetReturnResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::external_ref("external_ref", &asked.external_ref)?;
            let found = self.find_return(&asked.external_ref, Lane::Normal).await?;
            let found = found.ok_or_else(|| Error::NoSuchReturn(asked.external_ref.clone()))?;
            Ok(pb::GetReturnResponse { sales_return: Some(found) })
        })
        .await
    }

    async fn cancel_return(&self, asked: Request<pb::CancelReturnRequest>) -> Answer<pb::CancelReturnResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            request::external_ref("external_ref", &asked.external_ref)?;
            let (outcome, sales_return) = self.cancel_return(&asked.external_ref, &asked.memo).await?;
            Ok(pb::CancelReturnResponse { outcome: Some(outcome), sales_return })
        })
        .await
    }

    async fn post_receipt(&self, asked: Request<pb::PostReceiptRequest>) -> Answer<pb::PostReceiptResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let lines = request::returns::receipt(&asked)?;
            let (outcome, receipt) = self.receive(&asked, lines).await?;
            Ok(pb::PostReceiptResponse { outcome: Some(outcome), receipt })
        })
        .await
    }

    async fn create_credit_memo(
        &self,
        asked: Request<pb::CreateCreditMemoRequest>,
    ) -> Answer<pb::CreateCreditMemoResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let credit = request::returns::credit(&asked, &self.instance)?;
            let (outcome, credit_memo) = self.credit(&asked, credit).await?;
            Ok(pb::CreateCreditMemoResponse { outcome: Some(outcome), credit_memo })
        })
        .await
    }

    async fn record_refund(&self, asked: Request<pb::RecordRefundRequest>) -> Answer<pb::RecordRefundResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let refund = request::returns::refund(&asked, &self.instance)?;
            let (outcome, refund) = self.refund(&asked, refund).await?;
            Ok(pb::RecordRefundResponse { outcome: Some(outcome), refund })
        })
        .await
    }

    async fn poll_returns(&self, asked: Request<pb::PollReturnsRequest>) -> Answer<pb::PollReturnsResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            changes::returns::poll(&self.flows, &asked.cursor, asked.limit, self.clock.now(), self.overlap).await
        })
        .await
    }

    async fn list_items(&self, asked: Request<pb::ListItemsRequest>) -> Answer<pb::ListItemsResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let [after] = token(&asked.page_token)?;
            let (items, next) = self.catalogue.list_items(&self.instance, after, size(asked.page_size)).await?;
            let next_page_token = next.map(|last| page_token(&[last])).unwrap_or_default();
            Ok(pb::ListItemsResponse { items, next_page_token })
        })
        .await
    }

    async fn list_locations(&self, asked: Request<pb::ListLocationsRequest>) -> Answer<pb::ListLocationsResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            // Asked for the list, not for a memory of it.
            let places = self.catalogue.places_with(Lane::Sheddable, |_| false).await?;
            let locations = places.iter().map(|place| pb::Location {
                code: place.code.clone(),
                location: Some(map::reference(&self.instance, "location", place.id, place.name.as_str())),
                name: place.name.clone(),
                inactive: place.inactive,
            });
            Ok(pb::ListLocationsResponse { locations: locations.collect() })
        })
        .await
    }

    async fn list_stock(&self, asked: Request<pb::ListStockRequest>) -> Answer<pb::ListStockResponse> {
        let asked = asked.into_inner();
        answer(async {
            request::instance(&asked.instance, &self.instance)?;
            let as_of = self.clock.now();
            let [item, location] = token(&asked.page_token)?;
            let (after, size) = ((item, location), size(asked.page_size));
            let (rows, next) = if asked.with_commitments {
                self.catalogue.list_stock_committed(after, size).await?
            } else {
                self.catalogue.list_stock(after, size).await?
            };
            Ok(pb::ListStockResponse {
                rows,
                next_page_token: next.map(|(item, location)| page_token(&[item, location])).unwrap_or_default(),
                as_of: Some(prost_types::Timestamp { seconds: as_of.as_second(), nanos: as_of.subsec_nanosecond() }),
            })
        })
        .await
    }
}

async fn answer<T>(work: impl Future<Output = Result<T, Error>>) -> Answer<T> {
    Box::pin(work).await.map(Response::new).map_err(|error| fault::status(DOMAIN, &error))
}

fn size(asked: i32) -> usize {
    usize::try_from(asked).ok().filter(|size| *size > 0).unwrap_or(DEFAULT_PAGE)
}

/// A page token is the keys of the last row; empty begins before the first.
fn token<const N: usize>(text: &str) -> Result<[i64; N], Error> {
    if text.is_empty() {
        return Ok([0; N]);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::BadToken("page_token"))?;
    let keys: Vec<i64> = serde_json::from_slice(&bytes).map_err(|_| Error::BadToken("page_token"))?;
    keys.try_into().map_err(|_| Error::BadToken("page_token"))
}

fn page_token(keys: &[i64]) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(keys).unwrap_or_default())
}
