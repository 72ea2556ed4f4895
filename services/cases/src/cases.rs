//! The cases of this service: every way into the store, each a few lines around a pure rule.

use std::convert::Infallible;

use retail_proto::crm::v1 as crm;
use retail_runtime::{Clock, Timestamp, trace};
use retail_store::{Caller, Draft, Error as StoreError, Store, UpdateError};

use crate::case;
use crate::record::{Case, View};
use crate::seal::seal;
use crate::shelf;

/// The cases.
#[derive(Clone)]
pub(crate) struct Cases {
    store: Store,
    clock: Clock,
}

/// What a keyed change stores as its answer: which case; its state is read anew for a repeat.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Changed {
    #[prost(string, tag = "1")]
    id: String,
}

impl Cases {
    /// Cases in this store.
    pub(crate) fn new(store: &Store, clock: &Clock) -> Self {
        Self { store: store.clone(), clock: clock.clone() }
    }

    /// Reads a case.
    pub(crate) async fn read(&self, id: &str) -> Result<Option<Case>, StoreError> {
        Ok(self.store.read::<Case>(id).await?.map(|case| case.doc))
    }

    /// Takes over what a CRM says of its case. Repeating it changes nothing.
    pub(crate) async fn take(&self, instance: &str, told: crm::Case, deleted: bool) -> Result<(), StoreError> {
        let Some(crm_id) = told.record.as_ref().map(|record| record.id.clone()).filter(|id| !id.is_empty()) else {
            tracing::warn!(instance, "the CRM told of a case without an id");
            return Ok(());
        };
        let change = move |case: &mut Case, existed: bool| match (deleted, existed) {
            (true, false) => false,
            (true, true) => case.delete(),
            (false, _) => case.take(&told),
        };
        // The CRM has it (again): what could not be told is told now.
        self.change(&case::id(instance, &crm_id), !deleted, change).await
    }

    /// A return names this case as its own.
    pub(crate) async fn named_by(&self, id: &str, return_id: &str) -> Result<(), StoreError> {
        let return_id = return_id.to_owned();
        self.change(id, false, move |case, _| case.named_by(&return_id)).await
    }

    /// Something that hangs on this case has changed.
    pub(crate) async fn look_again(&self, id: &str) -> Result<(), StoreError> {
        self.change(id, false, |case, existed| existed && case.look_again()).await
    }

    /// Ties a case to an order and a return, for a caller; answers whether this was a repeat.
    pub(crate) async fn tie(
        &self,
        id: &str,
        caller: Caller,
        order_id: String,
        return_id: String,
    ) -> Result<(Case, bool), StoreError> {
        let (now, changed) = (self.clock.now(), Changed { id: id.to_owned() });
        let traceparent = trace::traceparent().unwrap_or_default();
        let rule = move |draft: &mut Draft<Case>| {
            let before = open(draft);
            let order_is_new = !order_id.is_empty() && draft.doc.tie_order(&order_id);
            let return_is_new = !return_id.is_empty() && draft.doc.tie_return(&return_id);
            close(draft, &before, &traceparent, now);
            if order_is_new {
                retail_flow::note(draft, "LINKED", &format!("order/{order_id}"), now);
            }
            if return_is_new {
                retail_flow::note(draft, "LINKED", &format!("return/{return_id}"), now);
            }
            Ok::<_, Infallible>(changed.clone())
        };
        let done = match self.store.update::<Case, Changed, _>(id, caller, rule).await {
            Ok(done) => done,
            Err(UpdateError::Store(error)) => return Err(error),
            Err(UpdateError::Rule(never)) => match never {},
        };
        Ok((self.read(&done.value.id).await?.unwrap_or_default(), done.repeated))
    }

    async fn change(
        &self,
        id: &str,
        resumes: bool,
        change: impl Fn(&mut Case, bool) -> bool + Send + 'static,
    ) -> Result<(), StoreError> {
        let (now, traceparent) = (self.clock.now(), trace::traceparent().unwrap_or_default());
        let rule = move |draft: &mut Draft<Case>| {
            let existed = draft.existed;
            let before = open(draft);
            if !change(&mut draft.doc, existed) {
                // An untouched default of a case that did not exist is not written.
                draft.doc = if existed { before } else { Case::default() };
                return Ok(());
            }
            if resumes && draft.doc.parked && retail_flow::resume(draft, "the CRM has told of it again", now) {
                draft.doc.parked = false;
                draft.doc.cause.clear();
            }
            close(draft, &before, &traceparent, now);
            Ok::<_, Infallible>(())
        };
        match self.store.step::<Case, _, _>(id, None, rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Store(error)) => Err(error),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }

    /// Lets everything that points to a case be as the case says: its shelves, and the views that it hangs on.
    pub(crate) async fn put_in_place(&self, case: &Case) -> Result<(), StoreError> {
        let (id, at) = (case.id(), case.opened_at());
        for shelf in case.shelves_due() {
            shelf::put(&self.store, &shelf, at, &id).await?;
        }
        let (shelves, views) = (case.shelves_due(), case.views_due());
        let moved = at != case.shelved_at;
        for old in case.shelves.iter().filter(|old| moved || !shelves.contains(old)) {
            shelf::take(&self.store, old, case.shelved_at, &id).await?;
        }
        for view in views.iter().filter(|view| !case.views.contains(view)) {
            self.hang(view, &id, true).await?;
        }
        for view in case.views.iter().filter(|view| !views.contains(view)) {
            self.hang(view, &id, false).await?;
        }
        Ok(())
    }

    async fn hang(&self, view: &str, case: &str, present: bool) -> Result<(), StoreError> {
        let case = case.to_owned();
        let rule = move |draft: &mut Draft<View>| {
            draft.doc.cases.retain(|known| *known != case);
            if present {
                draft.doc.cases.push(case.clone());
            }
            Ok::<_, Infallible>(())
        };
        match self.store.step::<View, _, _>(view, None, rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Store(error)) => Err(error),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }
}

/// Begins a case that did not exist; answers it as it was.
fn open(draft: &mut Draft<Case>) -> Case {
    if !draft.existed {
        draft.doc = Case::found(draft.id());
    }
    draft.doc.clone()
}

fn close(draft: &mut Draft<Case>, before: &Case, traceparent: &str, now: Timestamp) {
    if draft.existed && draft.doc == *before {
        return;
    }
    let name = draft.doc.name();
    retail_flow::begin(draft, &name, traceparent, now);
    seal(draft, before);
}
