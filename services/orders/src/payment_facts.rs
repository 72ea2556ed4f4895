//! What payment services tell by themselves: their webhooks, in any order and more than once, and what their lists say
//! that the webhooks may have left out.

use retail_flow::Failure;
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payment_facts_service_server::PaymentFactsService;
use retail_runtime::fault::{self, Violations};
use retail_store::{Draft, IndexQuery, UpdateError};
use tonic::{Request, Response, Status, async_trait};

use crate::fault::Error;
use crate::orders::Orders;
use crate::payments;
use crate::record::Order;
use crate::seal::list;

const DOMAIN: &str = "orders.retail";
/// Orders that are looked through at once for payments that are not settled.
const PAGE: usize = 200;

/// The owner of payment facts.
#[derive(Clone)]
pub(crate) struct PaymentFacts(pub(crate) Orders);

#[async_trait]
impl PaymentFactsService for PaymentFacts {
    async fn take_payment(
        &self,
        request: Request<pay::TakePaymentRequest>,
    ) -> Result<Response<pay::TakePaymentResponse>, Status> {
        let request = request.into_inner();
        let mut bad = Violations::default();
        bad.require("payment", request.payment.is_some(), "give the payment as it stands");
        bad.check().map_err(|shape| fault::status(DOMAIN, &Error::from(shape)))?;
        let payment = request.payment.unwrap_or_default();
        let taken = self.0.take_payment(&request.instance, payment, &request.occasion).await;
        let order_id = taken.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(pay::TakePaymentResponse { order_id }))
    }
}

impl Orders {
    /// Takes a payment as it stands into its order; answers which one, empty when it is of none. A payment without our
    /// reference is of none yet: whoever adopts it reads it anew.
    pub(crate) async fn take_payment(
        &self,
        instance: &str,
        told: pay::Payment,
        occasion: &str,
    ) -> Result<String, Error> {
        let Some((order_id, _)) = told.external_ref.rsplit_once("/p") else { return Ok(String::new()) };
        let order_id = order_id.to_owned();
        let (now, seal, instance, occasion) = (self.clock.now(), self.seal, instance.to_owned(), occasion.to_owned());
        let rule = move |draft: &mut Draft<Order>| {
            let ours = draft.doc.payments.iter().find(|payment| payment.id == told.external_ref);
            let Some(id) = ours.filter(|payment| payment.service == instance).map(|payment| payment.id.clone()) else {
                return Ok(String::new());
            };
            let before = draft.doc.clone();
            if payments::stand(&mut draft.doc, &id, &told, now.as_millisecond()) {
                draft.doc.advance();
                let what = if occasion.is_empty() { "as it stands" } else { &occasion };
                retail_flow::note(draft, "PAYMENT_TOLD", &format!("{instance}: {what}"), now);
                retail_flow::wake(draft, now);
                seal.seal(draft, &before, now);
                retail_flow::record_message(draft, "PaymentFact", &told, now);
            }
            Ok::<_, Error>(draft.id().to_owned())
        };
        match self.store().step::<Order, _, _>(&order_id, None, rule).await {
            Ok(done) => Ok(done.value),
            Err(UpdateError::Rule(error)) => Err(error),
            Err(UpdateError::Store(error)) => Err(Error::Store(error)),
        }
    }

    /// Ids, at a payment service, of payments that more is expected of.
    pub(crate) async fn unsettled_payments(&self, instance: &str) -> Result<Vec<String>, Failure> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let query = IndexQuery { name: list::UNSETTLED.to_owned(), prefix: Vec::new(), after, limit: PAGE };
            let entries = self.store().list(&query).await;
            let entries = entries.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
            for entry in &entries {
                let found = self.store().read::<Order>(entry.key.id()).await;
                let found = found.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
                let payments = found.map(|order| order.doc.payments).unwrap_or_default();
                let open = payments
                    .into_iter()
                    .filter(|one| one.is_authorization() && one.service == instance)
                    .filter(|one| !one.reference.is_empty());
                ids.extend(open.map(|one| one.reference));
            }
            let Some(last) = entries.last().filter(|_| entries.len() == PAGE) else { return Ok(ids) };
            after = Some((last.sort.clone(), last.key.clone()));
        }
    }
}
