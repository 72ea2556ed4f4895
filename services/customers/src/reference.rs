//! Waiting until a system has a customer.

use std::time::Duration;

use retail_proto::types::v1::Ref;
use retail_runtime::deadline;
use retail_store::{Document as _, Draft};

use crate::customer::Customer;
use crate::fault::Error;
use crate::people::People;
use crate::telling::SystemKind;

/// A customer that was changed less long ago is being told already, milliseconds.
const QUIET: i64 = 10_000;
/// Time that an answer needs to get back to a caller whose deadline is near.
const MARGIN: Duration = Duration::from_millis(150);

impl People {
    /// Waits until a system has the customer. A refusal that was noted before is tried once more first: somebody may
    /// have mended its cause.
    pub(crate) async fn reference(&self, id: &str, kind: SystemKind, instance: &str) -> Result<Ref, Error> {
        let (word, instance) = (kind.word().to_owned(), instance.to_owned());
        if !self.systems.contains(&(kind, instance.clone())) {
            return Err(Error::SystemNotConfigured { kind: word, instance });
        }
        let customer_id = self.get(id).await?.id;
        self.wake(&customer_id, kind, &instance).await?;
        let patience =
            deadline::remaining().map_or(self.patience, |left| left.saturating_sub(MARGIN).min(self.patience));
        let waited = self.clock.timeout(patience, self.until_told(&customer_id, &word, &instance)).await;
        waited.unwrap_or(Err(Error::Pending { customer_id, kind: word, instance }))
    }

    async fn until_told(&self, id: &str, kind: &str, instance: &str) -> Result<Ref, Error> {
        let mut changes = self.store.changed(Customer::partition(id));
        loop {
            let customer = self.get(id).await?;
            let told = customer.told(kind, instance);
            if let Some(refused) = told.filter(|told| !told.reason.is_empty()) {
                return Err(Error::Refused {
                    customer_id: id.to_owned(),
                    kind: kind.to_owned(),
                    instance: instance.to_owned(),
                    reason: refused.reason.clone(),
                    detail: refused.detail.clone(),
                });
            }
            if let Some(record) = customer.record(kind, instance) {
                return Ok(record.clone());
            }
            // A hint may be lost: look again now and then.
            let _hinted = self.clock.timeout(Duration::from_millis(250), changes.wait()).await;
        }
    }

    /// Makes sure that the telling of a system is under way when it is not done.
    async fn wake(&self, id: &str, kind: SystemKind, instance: &str) -> Result<(), Error> {
        let customer = self.get(id).await?;
        let told = customer.told(kind.word(), instance);
        // It took the content and has no record: the record was deleted there since.
        let without = told.is_some_and(|told| told.content >= customer.content)
            && customer.record(kind.word(), instance).is_none();
        let anew = without || told.is_some_and(|told| !told.reason.is_empty());
        let (now, instance) = (self.clock.now(), instance.to_owned());
        let quiet = now.as_millisecond().saturating_sub(customer.updated_at) > QUIET;
        if !anew && (told.is_some() || !quiet) {
            return Ok(());
        }
        let rule = move |draft: &mut Draft<Customer>| {
            if anew && draft.doc.is_founded() {
                draft.doc.tell_again(kind.word(), &instance);
            }
            // A system that was configured after the customer was founded is told from here.
            retail_flow::wake(draft, now);
            Ok::<_, Error>(())
        };
        self.store.step(&customer.id, None, rule).await?;
        Ok(())
    }
}
