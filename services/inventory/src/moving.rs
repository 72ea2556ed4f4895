//! Transfers over the store. What is asked for, what leaves, what arrives and what is called off are commits of the
//! location that the goods leave; whatever follows elsewhere is carried out by `carrying`.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message as _;
use retail_proto::inventory::v1 as pb;
use retail_runtime::{Clock, Timestamp};
use retail_store::{Document as _, Draft, IndexEntry, IndexQuery, Key, Store};

use crate::fault::Error;
use crate::keys::transfer_document;
use crate::shelf::Shelf;
use crate::site;
use crate::stock::Act;
use crate::transfer::{Coming, Leaving, Plan, Road, Transfer};
use crate::transfer_fault::TransferError;

/// Transfers that have not ended, the earliest expected first.
const OPEN: &str = "transfers";

/// Which way a transfer goes, by its id alone: it lies with the location that its goods leave.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Route {
    /// Location code.
    #[prost(string, tag = "1")]
    pub from: String,
    /// Location code.
    #[prost(string, tag = "2")]
    pub to: String,
}

/// Keeps transfers.
#[derive(Clone)]
pub(crate) struct Moving {
    store: Store,
    clock: Clock,
    channels: Arc<Vec<String>>,
    /// Who keeps the books, when anybody does.
    books: Arc<str>,
}

/// What a rule does with a transfer, its stock and the time; true when it changed something.
type Rule = dyn Fn(&mut Transfer, &mut Shelf, &str, Timestamp) -> Result<bool, TransferError> + Send;

impl Moving {
    /// Over a store; `books` is the ERP that keeps the books, or empty.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, channels: Arc<Vec<String>>, books: &str) -> Self {
        Self { store, clock, channels, books: books.into() }
    }

    /// Sets goods aside, and with `left` takes them off the shelf in the same commit. A repeat is answered with the
    /// transfer as it stands.
    pub(crate) async fn plan(&self, plan: Plan, left: Option<(Timestamp, Leaving)>) -> Result<Transfer, Error> {
        // Which way it goes is decided once: one id is never two transfers.
        let route = Route { from: plan.from.clone(), to: plan.to.clone() };
        let claim = move |draft: &mut Draft<Route>| -> Result<(), TransferError> {
            if !draft.existed {
                draft.doc = route.clone();
            }
            if draft.doc == route { Ok(()) } else { Err(TransferError::Differs(draft.id().to_owned())) }
        };
        self.store.step(&plan.id, None, claim).await?;
        let (now, channels, books) = (self.clock.now(), Arc::clone(&self.channels), Arc::clone(&self.books));
        let document = transfer_document(&plan.from, &plan.id);
        let traceparent = retail_runtime::trace::traceparent().unwrap_or_default();
        let rule = move |draft: &mut Draft<Transfer>| -> Result<Transfer, TransferError> {
            if draft.existed {
                let same = draft.doc.digest == plan.digest;
                return if same { Ok(draft.doc.clone()) } else { Err(TransferError::Differs(plan.id.clone())) };
            }
            let skus = plan.lines.iter().map(|(sku, _)| sku.clone()).collect();
            let mut shelf = site::load(draft, &plan.from, &skus);
            let cause = format!("{}{}", crate::transfer::TRANSFER, plan.id);
            let mut transfer = Transfer::plan(&plan, &mut shelf, Act { cause: &cause, happened_at: now, now })?;
            if let Some((left_at, leaving)) = &left {
                let act = Act { cause: &cause, happened_at: *left_at, now };
                transfer.send(leaving, &books, &mut shelf, act)?;
            }
            draft.doc = transfer;
            site::store(draft, shelf, &channels, now);
            retail_flow::begin(draft, &plan.id, &traceparent, now);
            sealed(draft, &Transfer::default());
            Ok(draft.doc.clone())
        };
        Ok(self.store.step(&document, None, rule).await?.value)
    }

    /// Takes over that the goods have left.
    pub(crate) async fn send(&self, id: &str, left_at: Timestamp, leaving: Leaving) -> Result<Transfer, Error> {
        let rule = move |transfer: &mut Transfer, shelf: &mut Shelf, books: &str, now: Timestamp| {
            let cause = transfer.expected_id();
            transfer.send(&leaving, books, shelf, Act { cause: &cause, happened_at: left_at, now })
        };
        self.change(id, Box::new(rule)).await
    }

    /// Takes over what has come. Goods that nobody said had left have left when they came.
    pub(crate) async fn arrive(&self, id: &str, happened_at: Timestamp, coming: Coming) -> Result<Transfer, Error> {
        let rule = move |transfer: &mut Transfer, shelf: &mut Shelf, books: &str, now: Timestamp| {
            let cause = transfer.expected_id();
            let act = Act { cause: &cause, happened_at, now };
            if transfer.road() == Road::Planned {
                let all = Leaving { key: coming.receipt_id.clone(), lines: [].into(), expected_at: None };
                transfer.send(&all, books, shelf, act)?;
            }
            transfer.arrive(&coming, act)
        };
        self.change(id, Box::new(rule)).await
    }

    /// Gives back what was set aside.
    pub(crate) async fn cancel(&self, id: &str) -> Result<Transfer, Error> {
        let rule = |transfer: &mut Transfer, shelf: &mut Shelf, _: &str, now: Timestamp| {
            let cause = transfer.expected_id();
            transfer.cancel(shelf, Act { cause: &cause, happened_at: now, now })
        };
        self.change(id, Box::new(rule)).await
    }

    /// A transfer.
    pub(crate) async fn find(&self, id: &str) -> Result<Transfer, Error> {
        let found = self.store.read::<Transfer>(&self.document(id).await?).await?;
        Ok(found.map(|found| found.doc).ok_or_else(|| TransferError::NoSuch(id.to_owned()))?)
    }

    /// Transfers that have not ended, with the entries that page tokens are made of.
    pub(crate) async fn open(
        &self,
        from: &str,
        limit: usize,
        after: Option<(Vec<u8>, Key)>,
    ) -> Result<(Vec<Transfer>, Vec<IndexEntry>), Error> {
        let entries = if from.is_empty() {
            let query = IndexQuery { name: OPEN.to_owned(), prefix: vec![], after, limit };
            self.store.list(&query).await?
        } else {
            let query = IndexQuery { name: open_at(from), prefix: vec![], after, limit };
            self.store.index(Transfer::partition(&transfer_document(from, "")), &query).await?
        };
        let mut open = Vec::with_capacity(entries.len());
        for entry in &entries {
            let found = self.store.read::<Transfer>(entry.key.id()).await?;
            open.extend(found.map(|found| found.doc).filter(|transfer| !transfer.is_over()));
        }
        Ok((open, entries))
    }

    async fn change(&self, id: &str, rule: Box<Rule>) -> Result<Transfer, Error> {
        let document = self.document(id).await?;
        let (now, channels, books) = (self.clock.now(), Arc::clone(&self.channels), Arc::clone(&self.books));
        let id = id.to_owned();
        let rule = move |draft: &mut Draft<Transfer>| -> Result<Transfer, TransferError> {
            if !draft.existed {
                return Err(TransferError::NoSuch(id.clone()));
            }
            let before = draft.doc.clone();
            let mut shelf = site::load(draft, &before.from, &before.skus().cloned().collect());
            if rule(&mut draft.doc, &mut shelf, &books, now)? {
                site::store(draft, shelf, &channels, now);
                retail_flow::wake(draft, now);
                sealed(draft, &before);
            }
            Ok(draft.doc.clone())
        };
        Ok(self.store.step(&document, None, rule).await?.value)
    }

    async fn document(&self, id: &str) -> Result<String, Error> {
        let route = self.store.read::<Route>(id).await?;
        let route = route.ok_or_else(|| TransferError::NoSuch(id.to_owned()))?;
        Ok(transfer_document(&route.doc.from, id))
    }
}

/// Tells what a commit made of a transfer and keeps its places in lists.
pub(crate) fn sealed(draft: &mut Draft<Transfer>, before: &Transfer) {
    if draft.doc == *before {
        return;
    }
    let (was, is) = (places(before), places(&draft.doc));
    for (name, sort) in is.difference(&was) {
        draft.index(name, sort.clone(), Vec::new());
    }
    for (name, sort) in was.difference(&is) {
        draft.unindex(name, sort.clone());
    }
    draft.emit("retail.inventory.v1.TransferChanged", pb::Transfer::from(&draft.doc).encode_to_vec());
}

fn open_at(from: &str) -> String {
    format!("{OPEN}.{from}")
}

/// Its places in lists: by the time at which it is expected, until it has ended.
fn places(transfer: &Transfer) -> BTreeSet<(String, Vec<u8>)> {
    let open = transfer.version > 0 && !transfer.is_over();
    let sort = u64::try_from(transfer.expected_at).unwrap_or_default().to_be_bytes().to_vec();
    let names = open.then(|| [OPEN.to_owned(), open_at(&transfer.from)]);
    names.into_iter().flatten().map(|name| (name, sort.clone())).collect()
}
