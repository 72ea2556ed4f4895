//! Somebody who plants faults in the vendors, and takes them away when the storm is over.

use std::time::Duration;

use serde_json::{Value, json};

use crate::hosts::PAYMENTS;
use crate::people::People;
use crate::scene::Theme;

const VENDORS: [&str; 4] = ["shopify", "netsuite", "salesforce", PAYMENTS];
/// Longest time that a vendor does something late: shorter than any quiet time.
const LATEST: u64 = 45_000;

pub(crate) struct Vandal<'a> {
    pub(crate) people: &'a People,
    pub(crate) theme: Theme,
}

impl Vandal<'_> {
    /// Plants what the world is about; answers how long after all rests something may still arrive. Faults that strike a
    /// few times and do something late stay: the goods that come back are paid for after the last deed.
    pub(crate) async fn live(&self) -> Duration {
        match self.theme {
            Theme::Usual if self.people.rng.chance(300) => {}
            Theme::Usual => self.all_kinds().await,
            Theme::Deaths => self.slow(200, 1_500).await,
            Theme::Rivals => self.slow(2_000, 4_000).await,
            Theme::Letters => {}
            Theme::Late => return self.late().await,
        }
        Duration::ZERO
    }

    /// Those of this world.
    fn vendors(&self) -> &'static [&'static str] {
        if self.people.scene.paid { &VENDORS } else { &VENDORS[..3] }
    }

    /// Takes every fault away.
    pub(crate) async fn make_peace(&self) -> anyhow::Result<()> {
        for vendor in self.vendors().iter().copied().chain(self.people.scene.told.then_some("smtp")) {
            self.people.twins().call("DELETE", &format!("/__sandbox/{vendor}/faults"), None, &[]).await?;
        }
        Ok(())
    }

    async fn plant(&self, vendor: &str, fault: &Value) {
        self.people.watch.count("vendor_faults");
        self.people.say(&format!("a fault for {vendor}: {fault}"));
        let _planted = self.people.twins().post(&format!("/__sandbox/{vendor}/faults"), fault).await;
    }

    async fn all_kinds(&self) {
        let rng = &self.people.rng;
        for _ in 0..rng.below(12) {
            self.people.pause(4_000).await;
            let vendor = self.people.one_of(self.vendors());
            let times = 1 + rng.below(3);
            let mut fault = match rng.below(9) {
                0 => json!({"kind": "status", "status": 429, "retry_after": 1 + rng.below(3), "times": times}),
                1 => json!({"kind": "status", "status": 503, "times": times}),
                2 => json!({"kind": "status", "status": 500, "times": times}),
                3 => json!({"kind": "reset_before", "times": times}),
                4 => json!({"kind": "error_after_commit", "times": times}),
                5 => json!({"kind": "truncate", "times": times}),
                6 => json!({"kind": "expire_tokens", "times": 1}),
                7 => json!({"kind": "stale_search", "times": times}),
                _ => json!({"kind": "reset_after_commit", "times": times}),
            };
            // Most requests only read; a fault for writes would wait for long without this.
            if !rng.chance(333) {
                fault["method"] = json!(if vendor == "salesforce" { "PATCH" } else { "POST" });
            }
            self.plant(vendor, &fault).await;
            if self.people.scene.told && rng.chance(250) {
                self.mail().await;
            }
        }
    }

    /// The mail server hangs up before or after it has kept a message, or has no room for it.
    async fn mail(&self) {
        let rng = &self.people.rng;
        let step = self.people.one_of(&["/mail", "/rcpt", "/data", "/message"]);
        let times = 1 + rng.below(2);
        let fault = match rng.below(3) {
            0 => json!({"kind": "status", "status": 452, "path_contains": step, "times": times}),
            1 => json!({"kind": "reset_before", "path_contains": step, "times": times}),
            _ => json!({"kind": "reset_after_commit", "path_contains": "/message", "times": times}),
        };
        self.plant("smtp", &fault).await;
    }

    /// Vendors take their time over whatever changes something.
    async fn slow(&self, least: u64, more: u64) {
        for vendor in self.vendors() {
            for method in ["POST", "PUT", "PATCH"] {
                let ms = least + self.people.rng.below(more);
                let fault = json!({"kind": "delay", "ms": ms, "per_mille": 600, "method": method});
                self.plant(vendor, &fault).await;
            }
        }
    }

    /// The shop loses requests on their way and finds them again.
    async fn late(&self) -> Duration {
        // A parcel that is told late finds something left to ship only while further parcels are on their way.
        for (what, latest) in [("fulfillmentCreate", 12_000), ("refundCreate", LATEST)] {
            for _ in 0..2 {
                let ms = 2_000 + self.people.rng.below(latest - 2_000);
                let times = 1 + self.people.rng.below(2);
                let fault =
                    json!({"kind": "late_commit", "ms": ms, "times": times, "per_mille": 500, "body_contains": what});
                self.plant("shopify", &fault).await;
            }
        }
        Duration::from_millis(LATEST)
    }
}
