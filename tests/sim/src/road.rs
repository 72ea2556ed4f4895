//! Goods that go from the warehouse to the store: set aside, on the road, come in one parcel or two, sometimes with a piece
//! less than left.

use serde_json::{Value, json};

use crate::notes::Heard;
use crate::people::{Answer, ITEMS, People, text};
use crate::store::STORE;

impl People {
    /// Somebody refills the store. Who sees the goods through to the end is left to chance; the rest is done at the close.
    pub(crate) async fn refill_the_store(&self, name: &str) {
        let (id, key) = (format!("T{name}"), format!("transfer-{name}"));
        let (sku, _, _) = self.one_of(&ITEMS);
        let pieces = 2 + self.rng.below(4);
        self.notes.book().moved.push(id.clone());
        let plan = json!({
            "transferId": id, "from": "MAIN", "to": STORE, "expectedAt": self.now(),
            "lines": [{"sku": sku, "quantity": pieces.to_string()}],
        });
        let Heard::Done(_) = self.heard(&key, "/v1/transfers", &plan, "/transfer/transferId").await else { return };
        self.watch.count("transfers");
        if self.rng.chance(150) {
            self.say_of_transfer(&id, "cancel", name, json!({})).await;
            return;
        }
        let left = if self.rng.chance(200) { pieces - 1 } else { pieces };
        let lines = json!([{"sku": sku, "quantity": left.to_string()}]);
        self.say_of_transfer(&id, "send", name, json!({"leftAt": self.now(), "lines": lines})).await;
        self.pause(3_000).await;
        if self.rng.chance(600) {
            let one = json!([{"sku": sku, "quantity": "1"}]);
            let receipt = json!({"receiptId": format!("{id}-1"), "lines": one, "happenedAt": self.now()});
            self.say_of_transfer(&id, "receive", &format!("{name}-1"), receipt).await;
        }
    }

    /// What is set aside goes back, what is on the road arrives; now and then the last piece of it is lost. Answers whether
    /// there was anything.
    pub(crate) async fn close_the_road(&self, round: u64) -> bool {
        let Answer::Good(found) = self.ask("GET", "/v1/transfers?pageSize=200", None, "").await else { return true };
        let open = found["transfers"].as_array().cloned().unwrap_or_default();
        for transfer in &open {
            let (id, name) = (text(transfer, "transferId"), format!("end-{round}"));
            if transfer["state"] == "TRANSFER_STATE_PLANNED" {
                self.say_of_transfer(&id, "cancel", &name, json!({})).await;
            } else {
                self.the_rest_arrives(transfer, &id, &name).await;
            }
        }
        !open.is_empty()
    }

    async fn the_rest_arrives(&self, transfer: &Value, id: &str, name: &str) {
        let mut receipt = json!({"receiptId": format!("{id}-{name}"), "complete": true, "happenedAt": self.now()});
        let on_the_road = transfer["lines"].as_array().and_then(|lines| lines.first());
        let pieces =
            on_the_road.map_or(0, |line| pieces(line, "sent") - pieces(line, "received") - pieces(line, "lost"));
        if pieces > 1 && self.rng.chance(300) {
            let came = (pieces - 1).to_string();
            receipt["lines"] = json!([{"sku": on_the_road.map(|line| text(line, "sku")), "quantity": came}]);
            receipt["reason"] = json!("LOST_ON_THE_ROAD");
            self.watch.count("lost_on_the_road");
        }
        self.say_of_transfer(id, "receive", name, receipt).await;
    }

    /// Pieces that left and will never arrive, by every transfer that somebody asked for.
    pub(crate) async fn lost_on_the_road(&self) -> i64 {
        let mut lost = 0_i64;
        let moved = self.notes.book().moved.clone();
        for id in moved {
            let Answer::Good(found) = self.ask("GET", &format!("/v1/transfers/{id}"), None, "").await else { continue };
            self.watch.trace().line("END", &format!("transfer {id}: {}", found["transfer"]["state"]));
            let lines = found["transfer"]["lines"].as_array().cloned().unwrap_or_default();
            lost += lines.iter().map(|line| pieces(line, "lost")).sum::<i64>();
        }
        lost
    }

    async fn say_of_transfer(&self, id: &str, verb: &str, name: &str, body: Value) {
        let (key, path) = (format!("{verb}-{id}-{name}"), format!("/v1/transfers/{id}:{verb}"));
        self.heard(&key, &path, &body, "/transfer/transferId").await;
    }
}

fn pieces(line: &Value, field: &str) -> i64 {
    text(line, field).parse().unwrap_or(0)
}
