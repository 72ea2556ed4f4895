//! Customers, and what agents see of orders. Every write is one composite of upserts by our ids (class K): a repeat
//! finds its records and writes the same again, so the parts need not stand or fall together.

use retail_proto::crm::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_runtime::fault::Violations;

use crate::Salesforce;
use crate::fault::{Error, Meaning};
use crate::map::{self, ACCOUNT, CONTACT, KEY, ORDER_CONTEXT};
use crate::sending::{Landed, judge, part};
use crate::wire::{self, Found};

impl Salesforce {
    pub(crate) async fn save_customer(
        &self,
        request: pb::UpsertCustomerRequest,
    ) -> Result<pb::UpsertCustomerResponse, Error> {
        self.is_ours(&request.instance)?;
        let customer = map::customer(request.customer)?;
        let mut parts = vec![part("account", ACCOUNT, &customer.key, &customer.account)];
        parts.extend(customer.contact.as_ref().map(|contact| part("contact", CONTACT, &customer.key, contact)));
        let landed = self.save("crm.customer", &customer.key, parts).await?;
        let outcome = judge(&landed, &["account", "contact"], customer.warnings)?;
        let mut records = Vec::new();
        for (name, landed) in &landed {
            let object = if *name == "account" { ACCOUNT } else { CONTACT };
            records.extend(self.reference(object, &customer.key, landed).await?);
        }
        Ok(pb::UpsertCustomerResponse { outcome: Some(outcome), records })
    }

    pub(crate) async fn save_context(
        &self,
        request: pb::UpsertOrderContextRequest,
    ) -> Result<pb::UpsertOrderContextResponse, Error> {
        self.is_ours(&request.instance)?;
        let customer = map::customer(request.customer)?;
        let mut context = map::context(request.context, &customer)?;
        let account = || part("account", ACCOUNT, &customer.key, &customer.account);
        let mut parts = vec![account()];
        parts.extend(customer.contact.as_ref().map(|contact| part("contact", CONTACT, &customer.key, contact)));
        parts.push(part("context", ORDER_CONTEXT, &context.key, &context.body));
        let mut landed = self.save("crm.order_context", &context.key, parts).await?;
        if only_the_contact_is_refused(&landed) {
            // Agents shall see the order, even of a customer whose e-mail address the org does not take.
            context.body.contact = None;
            let parts = vec![account(), part("context", ORDER_CONTEXT, &context.key, &context.body)];
            let again = self.save("crm.order_context", &context.key, parts).await?;
            landed.retain(|(name, _)| *name == "contact");
            landed.extend(again);
        }
        let warnings = customer.warnings.into_iter().chain(context.warnings).collect();
        let outcome = judge(&landed, &["context"], warnings)?;
        let record = match landed.last() {
            Some((_, landed)) => self.reference(ORDER_CONTEXT, &context.key, landed).await?,
            None => None,
        };
        Ok(pb::UpsertOrderContextResponse { outcome: Some(outcome), record })
    }

    pub(crate) async fn find_context(
        &self,
        request: pb::GetOrderContextRequest,
    ) -> Result<pb::GetOrderContextResponse, Error> {
        self.is_ours(&request.instance)?;
        let mut wrong = Violations::default();
        map::key(&mut wrong, "external_ref", &request.external_ref);
        wrong.check()?;
        let columns = wire::ORDER_CONTEXT_COLUMNS;
        let soql =
            format!("SELECT {columns} FROM {ORDER_CONTEXT} WHERE {KEY} = {}", map::quoted(&request.external_ref));
        let found: Found<wire::OrderContextRow> = self.query("crm.order_context.find", "query", &soql).await?;
        let row = found.records.into_iter().next().ok_or(Error::NoSuchContext(request.external_ref))?;
        let (id, number) = (row.id.clone(), row.name.clone().unwrap_or_default());
        let record = Ref { number, ..self.named(ORDER_CONTEXT, id) };
        Ok(pb::GetOrderContextResponse { context: Some(map::read(row)?), record: Some(record) })
    }
}

/// Whether the order context failed for nothing but its missing contact.
fn only_the_contact_is_refused(landed: &[(&'static str, Landed)]) -> bool {
    landed.iter().all(|(name, landed)| match landed {
        Landed::Saved(_) | Landed::Stale => *name == "account",
        Landed::Failed(Meaning::Refused(_), _) => *name == "contact",
        Landed::Failed(meaning, _) => *name == "context" && *meaning == Meaning::Derived,
    })
}
