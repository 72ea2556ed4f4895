//! `customers/create` and `customers/update`: how a customer stands at the shop.

use jiff::Timestamp;
use retail_proto::customers::v1::{Profile, SyncCustomerRequest, SyncResult};
use retail_proto::types::v1::{Ref, WebhookReply};
use serde_json::json;

use super::{Delivery, handed, malformed, noted, read};
use crate::commerce::Connector;
use crate::map;
use crate::refunding::timestamp;
use crate::wire::order::Customer;

impl Connector {
    pub(super) async fn customer_told(&self, delivery: &Delivery<'_>) -> WebhookReply {
        let Some(mut customers) = self.customers.clone() else { return noted() };
        let body: Customer = match read(delivery) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let changed = body.updated_at.parse::<Timestamp>().ok();
        let version = changed.and_then(|at| u64::try_from(at.as_millisecond()).ok()).filter(|version| *version > 0);
        let (Some(changed), Some(version)) = (changed, version) else {
            let what = "is no time with an offset from UTC".to_owned();
            return malformed(delivery, &[("updated_at".to_owned(), what)]);
        };
        let request = SyncCustomerRequest {
            idempotency_key: delivery.key(),
            source: Some(Ref {
                kind: "commerce".to_owned(),
                instance: self.channel.instance.clone(),
                r#type: "customer".to_owned(),
                id: body.id.to_string(),
                number: String::new(),
            }),
            // The shop counts no versions, it has a time of change. Milliseconds, as the mesh counts time: the shop's
            // seconds fit, and would it write fractions one day, two changes of a second stay in order.
            source_version: version,
            email_verified: body.verified_email && !body.email.is_empty(),
            profile: Some(profile(&body)),
            changed_at: Some(timestamp(changed)),
            brand: self.channel.brand.clone(),
            deleted: false,
        };
        let answer = Box::pin(customers.sync_customer(request)).await;
        handed(delivery, body.id, answer, |synced| {
            let customer_id =
                synced.customer.as_ref().map(|customer| customer.customer_id.as_str()).unwrap_or_default();
            let result = SyncResult::try_from(synced.result).unwrap_or_default().as_str_name();
            json!({"result": "SYNCED", "sync": result, "customer_id": customer_id})
        })
    }
}

fn profile(body: &Customer) -> Profile {
    Profile {
        first_name: body.first_name.clone(),
        last_name: body.last_name.clone(),
        company: body.default_address.as_ref().map(|address| address.company.clone()).unwrap_or_default(),
        email: body.email.clone(),
        phone: body.phone.clone(),
        address: body.default_address.as_ref().map(map::address),
    }
}
