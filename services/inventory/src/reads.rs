//! What is read of stock: availability of items and kits, dates of what is short, shortfalls with what to do about them.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use retail_flow::page;
use retail_proto::inventory::v1 as pb;
use retail_proto::timestamp;
use retail_runtime::Timestamp;
use retail_store::IndexQuery;

use crate::api::Api;
use crate::catalogue::Item;
use crate::fault::Error;
use crate::keys::stock_id;
use crate::line::Line;
use crate::reference::SIDE_BY_SIDE;
use crate::render::{self, merged};
use crate::reservation::Part;
use crate::site;
use crate::stock::Stock;
use crate::{kit, parse};

impl Api {
    /// Availability of items at one location or all; a kit's is that of its components.
    pub(crate) async fn availability(
        &self,
        skus: BTreeSet<String>,
        location: &str,
    ) -> Result<Vec<pb::Availability>, Error> {
        let locations =
            if location.is_empty() { self.reference.catalogue().await?.codes() } else { vec![location.to_owned()] };
        let ids: Vec<String> =
            skus.iter().flat_map(|sku| locations.iter().map(move |location| stock_id(location, sku))).collect();
        let stock = self.stock(ids).await?;
        // A kit has no stock of its own: whatever has some is none, and need not be looked up.
        let shelved = stock.iter().filter(|row| row.on_hand != 0 || row.reserved != 0).map(|row| &row.sku);
        let shelved: BTreeSet<&String> = shelved.collect();
        let maybe = skus.iter().filter(|sku| !shelved.contains(sku)).cloned().collect();
        let kits: Vec<Item> = self.reference.items(maybe).await?.into_values().filter(Item::is_kit).collect();
        let own = stock.iter().filter(|row| !kits.iter().any(|kit| kit.sku == row.sku));
        let mut rows: Vec<pb::Availability> = own.map(pb::Availability::from).collect();
        if !kits.is_empty() {
            rows.extend(self.kits(&kits, &locations).await?);
        }
        Ok(rows)
    }

    async fn kits(&self, kits: &[Item], locations: &[String]) -> Result<Vec<pb::Availability>, Error> {
        let parts: BTreeSet<&str> = kits.iter().flat_map(|kit| &kit.components).map(|part| part.sku.as_str()).collect();
        let mut rows = vec![];
        for location in locations {
            let stock = self.stock(parts.iter().map(|sku| stock_id(location, sku)).collect()).await?;
            let stock: BTreeMap<String, Stock> = stock.into_iter().map(|row| (row.sku.clone(), row)).collect();
            rows.extend(kits.iter().filter_map(|kit| kit::availability(&kit.sku, location, &kit.components, &stock)));
        }
        Ok(rows)
    }

    async fn stock(&self, ids: Vec<String>) -> Result<Vec<Stock>, Error> {
        let rows = stream::iter(ids).map(|id| async move { self.store.read::<Stock>(&id).await });
        let rows: Vec<_> = rows.buffered(SIDE_BY_SIDE).try_collect().await?;
        Ok(rows.into_iter().flatten().map(|row| row.doc).collect())
    }

    /// A reservation from its parts, with the date at which what is short is expected.
    pub(crate) async fn dated(&self, parts: &[Part]) -> Result<pb::Reservation, Error> {
        let mut reservation = merged(parts);
        // The lines of a reservation stand in the order of its parts.
        let mut told = reservation.lines.iter_mut();
        for part in parts {
            for (line, told) in part.lines.iter().zip(told.by_ref()) {
                if line.shortfall > 0 && part.stands() {
                    let date = self.filled_at(&part.location, line).await?;
                    told.expected_at = date.map(|at| timestamp(at.as_millisecond()));
                }
            }
        }
        Ok(reservation)
    }

    /// When everything that the line is short of is expected; `None` when it is there or nobody knows.
    async fn filled_at(&self, location: &str, line: &Line) -> Result<Option<Timestamp>, Error> {
        let rows = self.stock(line.shelved().map(|sku| stock_id(location, sku)).collect()).await?;
        let short = rows.iter().filter(|row| row.shortfall > 0);
        // The shortfall itself: whoever is short of the item is in it.
        let dates: Option<Vec<Timestamp>> = short.map(|row| row.expected_by(0, self.clock.now())).collect();
        Ok(dates.and_then(|dates| dates.into_iter().max()))
    }

    /// Where more is promised than is there, and who is served from elsewhere.
    pub(crate) async fn shortfalls(
        &self,
        request: &pb::ListShortfallsRequest,
    ) -> Result<pb::ListShortfallsResponse, Error> {
        let (limit, after) = parse::page(request.page_size, &request.page_token)?;
        let query = IndexQuery { name: site::SHORTFALLS.to_owned(), prefix: vec![], after, limit };
        let entries = self.store.list(&query).await?;
        let stock = self.stock(entries.iter().map(|entry| entry.key.id().to_owned()).collect()).await?;
        let rows = stock.iter().map(pb::Availability::from).collect();
        let proposals = stream::iter(stock)
            .map(|row| async move { Ok::<_, Error>(render::proposal(&row, self.acting.proposing().of(&row).await?)) });
        Ok(pb::ListShortfallsResponse {
            proposals: proposals.buffered(SIDE_BY_SIDE).try_collect().await?,
            rows,
            next_page_token: page::next(&entries, limit),
        })
    }
}
