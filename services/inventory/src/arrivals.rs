//! Feeds of stock and expected goods as they are asked for and read: parse, call, render.

use retail_flow::page;
use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::Violations;

use crate::api::Api;
use crate::catalogue::Item;
use crate::fault::Error;
use crate::units::in_base_unit;
use crate::{parse, render};

impl Api {
    pub(crate) async fn stock_feed(
        &self,
        request: &pb::GetStockFeedRequest,
    ) -> Result<pb::GetStockFeedResponse, Error> {
        parse::required("feed_id", &request.feed_id, "give the id of the feed")?;
        let feed = self.feeding.feed(&request.feed_id).await?;
        Ok(pb::GetStockFeedResponse { feed: Some((&feed).into()) })
    }

    /// A page token is the number of the last row.
    pub(crate) async fn stock_feed_errors(
        &self,
        request: &pb::ListStockFeedErrorsRequest,
    ) -> Result<pb::ListStockFeedErrorsResponse, Error> {
        parse::required("feed_id", &request.feed_id, "give the id of the feed")?;
        let (limit, _) = parse::page(request.page_size, "")?;
        let after = match request.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                let mut bad = Violations::default();
                bad.add("page_token", "is not a token of this list; start again without one");
                bad.into_shape()
            })?,
        };
        let feed = self.feeding.feed(&request.feed_id).await?;
        let (faults, more) = self.feeding.faults(&feed.id, after, limit).await?;
        let next = faults.last().filter(|_| more).map(|fault| fault.row.to_string());
        let errors = faults.into_iter().map(Into::into).collect();
        Ok(pb::ListStockFeedErrorsResponse { errors, next_page_token: next.unwrap_or_default() })
    }

    pub(crate) async fn expect(&self, request: &pb::ExpectStockRequest) -> Result<pb::ExpectStockResponse, Error> {
        let (mut word, units) = parse::expected::say(request, &self.home, self.clock.now())?;
        let items = self.items(word.lines.iter().map(|(sku, _)| sku.clone()).collect()).await?;
        for (((sku, quantity), unit), place) in word.lines.iter_mut().zip(&units).zip(0_usize..) {
            let item = items.get(sku);
            if item.is_some_and(Item::is_kit) {
                return Err(Error::KitHasNoStock(sku.clone()));
            }
            let turned = in_base_unit(item, sku, *quantity, unit);
            *quantity = turned.map_err(|source| Error::Unit { field: format!("lines[{place}].unit"), source })?;
        }
        self.must_know(&word.location).await?;
        let (expected, taken) = self.expecting.say(word).await?;
        let expected = render::expected(&expected, self.clock.now());
        Ok(pb::ExpectStockResponse { expected: Some(expected), outdated: !taken })
    }

    pub(crate) async fn receive_expected(
        &self,
        request: &pb::ReceiveExpectedStockRequest,
    ) -> Result<pb::ReceiveExpectedStockResponse, Error> {
        let arrival = parse::expected::receive(request, &self.home, self.clock.now())?;
        let (id, location) = (request.expected_id.as_str(), arrival.receipt.location.clone());
        let items = self.items(arrival.lines.iter().map(|(sku, _)| sku.clone()).collect()).await?;
        if let Some(kit) = items.values().find(|item| item.is_kit()) {
            return Err(Error::KitHasNoStock(kit.sku.clone()));
        }
        // Before the receipt has its place: a wrong id leaves the receipt free for the right one.
        self.expecting.find(&location, id).await?;
        let receipt = self.books.receive(arrival).await?;
        let expected = self.expecting.find(&location, id).await?;
        Ok(pb::ReceiveExpectedStockResponse {
            expected: Some(render::expected(&expected, self.clock.now())),
            availability: receipt.stock.iter().map(pb::Availability::from).collect(),
        })
    }

    pub(crate) async fn cancel_expected(
        &self,
        request: &pb::CancelExpectedStockRequest,
    ) -> Result<pb::CancelExpectedStockResponse, Error> {
        let location = parse::expected::cancel(request, &self.home)?;
        let expected = self.expecting.cancel(&location, &request.expected_id).await?;
        Ok(pb::CancelExpectedStockResponse { expected: Some(render::expected(&expected, self.clock.now())) })
    }

    pub(crate) async fn list_expected(
        &self,
        request: &pb::ListExpectedStockRequest,
    ) -> Result<pb::ListExpectedStockResponse, Error> {
        let (limit, after) = parse::page(request.page_size, &request.page_token)?;
        let (expected, entries) = self.expecting.open(&request.location, limit, after).await?;
        let now = self.clock.now();
        let expected = expected.iter().map(|expected| render::expected(expected, now)).collect();
        Ok(pb::ListExpectedStockResponse { expected, next_page_token: page::next(&entries, limit) })
    }
}
