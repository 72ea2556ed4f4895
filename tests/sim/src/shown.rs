//! `last_number_told`: when all has come to rest, every channel shows the number that we believe, and agents see what may be
//! sold. What a shop changed by itself is seen soon; after a crash, and where things are done late, by the next reading of
//! everything.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use serde_json::json;

use crate::people::People;
use crate::scene::Theme;

/// Of a stock document, by the field numbers it is stored under: read apart from the code that wrote it.
#[derive(Clone, PartialEq, prost::Message)]
struct Row {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(string, tag = "2")]
    location: String,
    #[prost(int64, tag = "4")]
    available: i64,
    #[prost(message, repeated, tag = "17")]
    shown: Vec<Shown>,
    #[prost(message, repeated, tag = "21")]
    parts: Vec<Part>,
    #[prost(int64, tag = "22")]
    makes: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Part {
    #[prost(string, tag = "1")]
    sku: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Shown {
    #[prost(string, tag = "1")]
    channel: String,
    #[prost(string, tag = "2")]
    item_id: String,
    #[prost(string, tag = "3")]
    location_id: String,
    #[prost(int64, tag = "4")]
    quantity: i64,
    #[prost(uint32, tag = "7")]
    stale: u32,
}

impl Row {
    /// Whole pieces that may be sold.
    fn for_sale(&self) -> i64 {
        let millionths = if self.parts.is_empty() { self.available } else { self.makes };
        millionths.div_euclid(1_000_000).max(0)
    }

    /// What we believe of a channel; nothing of a row that is left to its next reading.
    fn believed(&self, channel: &str) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.channel == channel && shown.stale < 5)
    }
}

/// How soon what a shop may have changed by itself is looked at, in milliseconds; the fifth look comes after 31 times as
/// long, and the time that five looks take.
pub(crate) const CHECK: u64 = 200;

/// Has everything read once more where what was in doubt may not have been looked at; answers whether it was.
pub(crate) async fn is_read_again(people: &People) -> bool {
    // Late is whoever is kept from it, too, and what is collected long after it was picked.
    let counted = people.watch.counted();
    let troubled = ["crashes", "processes_ended", "freezes", "holds", "cuts", "handOver"];
    let late = people.scene.theme == Theme::Late || troubled.iter().any(|what| counted.contains_key(what));
    if late {
        people.ask("POST", "/v1/reference:sync", Some(&json!({"includeStock": true})), "shown").await;
    }
    late
}

/// Holds what shop and CRM show against our books.
pub(crate) async fn is_right(people: &People) -> anyhow::Result<()> {
    let Some(shelf) = people.shelves.get("inventory") else { return Ok(()) };
    let rows: Vec<Row> =
        shelf.documents("stock/").into_iter().filter_map(|(_, record)| Row::decode(record.body).ok()).collect();
    let agents_see = of_the_crm(people, &rows).await?;
    let shop_shows = of_the_shop(people, &rows).await?;
    for row in &rows {
        let place = (row.sku.clone(), row.location.clone());
        if row.believed("crm").is_some() {
            people.watch.count("numbers_of_the_crm");
            let (seen, right) = (agents_see.get(&place).copied(), row.for_sale());
            if seen != Some(right) {
                let detail = format!("agents see {seen:?} of {place:?}, {right} may be sold");
                people.watch.violated("last_number_told", detail);
            }
        }
        if let Some(believed) = row.believed("shop") {
            people.watch.count("numbers_of_the_shop");
            let shows = shop_shows.get(&(believed.location_id.clone(), believed.item_id.clone())).copied();
            if shows != Some(believed.quantity) {
                let detail = format!("the shop shows {shows:?} of {place:?}, we believe {}", believed.quantity);
                people.watch.violated("last_number_told", detail);
            }
        }
    }
    Ok(())
}

async fn of_the_crm(people: &People, rows: &[Row]) -> anyhow::Result<BTreeMap<(String, String), i64>> {
    let mut client = CrmServiceClient::new(people.runtime.peer("http://salesforce:7203")?);
    let mut seen = BTreeMap::new();
    let places: BTreeSet<&String> = rows.iter().map(|row| &row.location).collect();
    for location in places {
        let (instance, location) = ("crm".to_owned(), location.clone());
        let request = crm::ListAvailabilityRequest { instance, location, page_token: String::new() };
        let answer = client.list_availability(request).await?.into_inner();
        anyhow::ensure!(answer.next_page_token.is_empty(), "more items than a page holds");
        seen.extend(answer.rows.into_iter().map(|row| ((row.sku, row.location), row.available)));
    }
    Ok(seen)
}

/// By the shop's location and item.
async fn of_the_shop(people: &People, rows: &[Row]) -> anyhow::Result<BTreeMap<(String, String), i64>> {
    let mut client = CommerceServiceClient::new(people.runtime.peer("http://shopify:7201")?);
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for shown in rows.iter().filter_map(|row| row.believed("shop")) {
        asked.entry(shown.location_id.clone()).or_default().push(shown.item_id.clone());
    }
    let mut shows = BTreeMap::new();
    for (location_id, inventory_item_ids) in asked {
        let instance = "shop".to_owned();
        let request = shop::GetStockRequest { instance, inventory_item_ids, location_id: location_id.clone() };
        let answer = client.get_stock(request).await?.into_inner();
        let readings = answer.readings.into_iter();
        shows.extend(readings.map(|one| ((location_id.clone(), one.inventory_item_id), one.available)));
    }
    Ok(shows)
}
