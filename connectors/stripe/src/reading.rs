//! Reading a payment whole: the intent with its latest charge, its refunds, its disputes. Lists and objects are as new as
//! Stripe's last write; only the search lags.

use retail_connect::Lane;
use retail_proto::payments::v1 as pb;
use serde::de::DeserializeOwned;

use crate::api::segment;
use crate::fault::Error;
use crate::note::REFERENCE;
use crate::payments::Connector;
use crate::request::Wanted;
use crate::wire::{Dispute, Intent, Page, Refund};

const GET: &str = "payment_intent.get";
const LIST: &str = "payment_intent.list";
const SEARCH: &str = "payment_intent.search";
/// Largest page of any list.
const PAGE: &str = "100";
/// Pages of refunds or disputes of one payment.
const MOST_PAGES: usize = 10;
/// Payments that an answer to a search holds.
const MOST_FOUND: usize = 20;

/// A payment as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) intent: Intent,
    /// Oldest first; those that moved money or are to.
    pub(crate) refunds: Vec<Refund>,
    /// Oldest first.
    pub(crate) disputes: Vec<Dispute>,
}

impl Connector {
    /// The payment as it stands.
    pub(crate) async fn standing(&self, id: &str) -> Result<Standing, Error> {
        let path = format!("/v1/payment_intents/{}", segment(id));
        let expand = [("expand[]", "latest_charge")];
        let intent: Option<Intent> = self.api.read(GET, Lane::Critical, &path, &expand).await?;
        self.whole(intent.ok_or_else(|| Error::NoSuchPayment(id.to_owned()))?).await
    }

    /// With what hangs on it.
    async fn whole(&self, intent: Intent) -> Result<Standing, Error> {
        let mut refunds: Vec<Refund> = Vec::new();
        // Before anything is captured a refund only lets go of the authorization.
        if intent.amount_received > 0 {
            refunds =
                self.listed("refund.list", "/v1/refunds", &intent.id, |refund: &Refund| refund.id.clone()).await?;
            // One that has ended well without a balance transaction let go of what was not captured.
            refunds.retain(|refund| refund.balance_transaction.is_some() || refund.status != "succeeded");
        }
        let mut disputes = Vec::new();
        if intent.latest_charge.as_ref().is_some_and(|charge| charge.disputed) {
            let id = |dispute: &Dispute| dispute.id.clone();
            disputes = self.listed("dispute.list", "/v1/disputes", &intent.id, id).await?;
        }
        Ok(Standing { intent, refunds, disputes })
    }

    /// Everything of a payment in a list, oldest first.
    async fn listed<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        payment: &str,
        id: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Error> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MOST_PAGES {
            let last = all.last().map(&id);
            let mut query = vec![("payment_intent", payment), ("limit", PAGE)];
            query.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page: Option<Page<T>> = self.api.read(operation, Lane::Critical, path, &query).await?;
            let page = page.ok_or_else(|| Error::NoSuchPayment(payment.to_owned()))?;
            let (more, some) = (page.has_more, !page.data.is_empty());
            all.extend(page.data);
            if !(more && some) {
                all.reverse();
                return Ok(all);
            }
        }
        Err(Error::Unreadable { operation, why: format!("{payment} has more than a thousand") })
    }

    /// Id of the customer's payment, made no earlier than another one, that is the one looked for ("List all
    /// PaymentIntents": `customer`, `created`).
    pub(crate) async fn of_customer(
        &self,
        customer: &str,
        earlier: &Intent,
        is: impl Fn(&Intent) -> bool,
    ) -> Result<Option<String>, Error> {
        let since = earlier.created.to_string();
        let mut last: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("customer", customer), ("created[gte]", &since), ("limit", PAGE)];
            query.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page: Option<Page<Intent>> = self.api.read(LIST, Lane::Critical, "/v1/payment_intents", &query).await?;
            let page = page.ok_or_else(|| Error::Unreadable { operation: LIST, why: "there is none".to_owned() })?;
            if let Some(found) = page.data.iter().find(|intent| is(intent)) {
                return Ok(Some(found.id.clone()));
            }
            last = page.data.last().map(|intent| intent.id.clone());
            if !page.has_more || last.is_none() {
                return Ok(None);
            }
        }
        // What was not seen may be there: nothing is sent on a guess.
        Err(Error::Unreadable { operation: LIST, why: format!("{customer} has more than a thousand since {since}") })
    }

    /// Payments under a reference, newest first.
    pub(crate) async fn find(&self, wanted: &Wanted) -> Result<Vec<pb::Payment>, Error> {
        let keys: Vec<&str> = match wanted {
            Wanted::Ours(_) => vec![REFERENCE],
            Wanted::Shops(_) => self.account.shop_order_keys.iter().map(String::as_str).collect(),
        };
        let mut found: Vec<Intent> = Vec::new();
        for key in keys {
            // "Search query language": the value stands between quotes, and holds none.
            let query = format!("metadata[\"{key}\"]:\"{}\"", wanted.value());
            let query = [("query", query.as_str()), ("limit", PAGE), ("expand[]", "data.latest_charge")];
            let page: Option<Page<Intent>> =
                self.api.read(SEARCH, Lane::Normal, "/v1/payment_intents/search", &query).await?;
            let page = page.ok_or_else(|| Error::Unreadable { operation: SEARCH, why: "there is none".to_owned() })?;
            found.extend(page.data);
        }
        found.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
        found.dedup_by(|one, other| one.id == other.id);
        let mut payments = Vec::new();
        for intent in found.into_iter().take(MOST_FOUND) {
            // What the search shows may be old.
            payments.push(self.account.payment(&self.standing(&intent.id).await?)?);
        }
        Ok(payments)
    }
}
