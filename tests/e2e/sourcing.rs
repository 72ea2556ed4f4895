//! Which place ships an order: whole, split, and the reasons asked over REST; the ERP's books have every line where the
//! order says.

use serde_json::{Value, json};

use crate::harness::Mesh;

const POLICY: &str = r#"
    [places.MAIN]
    cost = 450
    distance_km = 80
    [places.SOHO]
    cost = 300
    distance_km = 5
    safety_stock = "1"
    [places.LEEDS]
    cost = 500
    distance_km = 310
    [policies.default]
    version = "2024-03"
    places = ["MAIN", "SOHO", "LEEDS"]
    prefer = ["cost", "distance"]
    split_limit = 2
"#;

/// A mesh with three places: mugs are everywhere, the bell is at MAIN and at SOHO, the clock in LEEDS alone.
async fn mesh() -> Mesh {
    let sourcing = retail_runtime::config::load(POLICY, None, "NO_SUCH_PREFIX_").unwrap();
    let mesh = Mesh::start_with(|config| config.orders.sourcing = sourcing).await;
    let item = |sku: &str, price: &str| json!({"sku": sku, "description": sku, "kind": "goods", "price": price});
    let stock =
        |sku: &str, location: &str, quantity: i64| json!({"sku": sku, "location": location, "quantity": quantity});
    let seed = json!({
        "currency": "GBP",
        "items": [item("MUG", "2.50"), item("BELL", "7.00"), item("CLOCK", "30.00")],
        "locations": [
            {"code": "MAIN", "name": "Main warehouse"},
            {"code": "SOHO", "name": "Store in Soho"},
            {"code": "LEEDS", "name": "Store in Leeds"},
        ],
        "stock": [
            stock("MUG", "MAIN", 50), stock("MUG", "SOHO", 5), stock("MUG", "LEEDS", 5),
            stock("BELL", "MAIN", 50), stock("BELL", "SOHO", 2), stock("CLOCK", "LEEDS", 3),
        ],
    });
    mesh.twins().post("/__sandbox/seed", &seed).await.unwrap();
    mesh.post("/v1/reference:sync", "seed", json!({"includeStock": true})).await;
    mesh
}

/// Places an order over REST and waits until it is shipped, invoiced and told everywhere.
async fn bought(mesh: &Mesh, number: &str, lines: &[(&str, i64, i64)]) -> Value {
    let total: i64 = lines.iter().map(|(_, units, pence)| units * pence).sum();
    let lines = lines.iter().map(|(sku, units, pence)| {
        let price = format!("{}.{:02}", pence / 100, pence % 100);
        json!({"kind": "LINE_KIND_GOODS", "sku": sku, "quantity": units.to_string(), "unitPrice": price})
    });
    let order = json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP", "lines": lines.collect::<Vec<_>>(),
        "total": {"minorUnits": total.to_string(), "currency": "GBP"},
    });
    let placed = mesh.post("/v1/orders", number, order).await;
    let id = placed["order"]["orderId"].as_str().unwrap().to_owned();
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await
}

fn places(order: &Value) -> Vec<&str> {
    order["lines"].as_array().unwrap().iter().map(|line| line["location"].as_str().unwrap()).collect()
}

fn candidate<'v>(order: &'v Value, location: &str) -> &'v Value {
    let candidates = order["sourcing"]["candidates"].as_array().unwrap();
    candidates.iter().find(|one| one["location"] == location).unwrap()
}

async fn available(mesh: &Mesh, sku: &str, location: &str) -> String {
    let path = format!("/v1/availability?skus={sku}&location={location}");
    let answer = mesh.gateway().get(&path).await.unwrap();
    answer["rows"][0]["available"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ships_whole_from_the_best_place_or_split_over_two_and_tells_why() {
    let mesh = mesh().await;
    // The store in Soho is the cheapest and has everything.
    let whole = bought(&mesh, "W-1", &[("MUG", 2, 250), ("BELL", 1, 700)]).await;
    assert_eq!(places(&whole), ["SOHO", "SOHO"]);
    assert_eq!(whole["sourcing"]["outcome"], "SOURCING_OUTCOME_WHOLE");
    assert_eq!(whole["sourcing"]["policyVersion"], "2024-03");
    let main = candidate(&whole, "MAIN");
    assert_eq!(main["verdict"], "SOURCING_VERDICT_OUTRANKED");
    assert_eq!(main["why"], "has everything; SOHO goes first: it costs 300, this one 450");
    // Its last bell is safety stock now: MAIN ships the next one, although it costs more.
    let next = bought(&mesh, "W-2", &[("BELL", 1, 700)]).await;
    assert_eq!(places(&next), ["MAIN"]);
    assert_eq!(candidate(&next, "SOHO")["why"], "has 0 of 1 lines; lacks BELL: 1 needed, 1 there, 1 kept back");
    // Only LEEDS has the clock, and it has no bell.
    let split = bought(&mesh, "S-1", &[("BELL", 2, 700), ("CLOCK", 1, 3000)]).await;
    assert_eq!(places(&split), ["MAIN", "LEEDS"]);
    assert_eq!(split["sourcing"]["why"], "LEEDS ships line 2, MAIN ships line 1: no single place has everything");
    // Our books follow, place by place.
    assert_eq!(available(&mesh, "MUG", "SOHO").await, "3");
    assert_eq!(available(&mesh, "BELL", "MAIN").await, "47");
    assert_eq!(available(&mesh, "CLOCK", "LEEDS").await, "2");
    // And the ERP has shipped from the same places: its own numbers, taken over as a count, change nothing.
    mesh.post("/v1/reference:sync", "again", json!({"includeStock": true})).await;
    assert_eq!(available(&mesh, "MUG", "SOHO").await, "3");
    assert_eq!(available(&mesh, "BELL", "MAIN").await, "47");
    assert_eq!(available(&mesh, "CLOCK", "LEEDS").await, "2");
    // More clocks than there are: refused, with what lacks, and nothing is promised.
    let order = json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": "R-1", "orderNumber": "R-1",
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
        "lines": [{"kind": "LINE_KIND_GOODS", "sku": "CLOCK", "quantity": "9", "unitPrice": "30.00"}],
        "total": {"minorUnits": "27000", "currency": "GBP"},
    });
    let placed = mesh.post("/v1/orders", "R-1", order).await;
    let id = placed["order"]["orderId"].as_str().unwrap();
    let refused = mesh.until(id, |order| order["state"] == "ORDER_STATE_REFUSED").await;
    assert_eq!(candidate(&refused, "LEEDS")["lacks"][0]["available"], "2");
    mesh.end().await;
}
