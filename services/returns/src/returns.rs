//! The returns of this service: taking them in, reading them, and the way into the store that every change takes.

use retail_flow::{Asked, Failure, Input, page};
use retail_proto::erp::v1 as erp;
use retail_proto::returns::v1 as pb;
use retail_runtime::fault::Violations;
use retail_runtime::{Clock, Timestamp, trace};
use retail_store::{Draft, IndexQuery, Store, UpdateError};
use sha2::{Digest as _, Sha256};

use crate::books::Books;
use crate::fault::Error;
use crate::finding::Finder;
use crate::part::owner_of;
use crate::record::Return;
use crate::render;
use crate::seal::{Seal, list};
use crate::terms::Terms;
use crate::{facts, rma, start};

const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// The returns.
#[derive(Clone)]
pub(crate) struct Returns {
    store: Store,
    clock: Clock,
    pub(crate) finder: Finder,
    pub(crate) books: Books,
    pub(crate) terms: Terms,
    seal: Seal,
}

/// What a keyed change stores as its answer: which return; its state is read anew for a repeat.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Changed {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

/// What the journal calls it.
pub(crate) const ERP_FACTS: &str = "ErpFacts";

impl Returns {
    /// Returns in this store.
    #[must_use]
    pub(crate) fn new(store: &Store, clock: &Clock, finder: Finder, books: Books, terms: Terms) -> Self {
        Self { store: store.clone(), clock: clock.clone(), finder, books, terms, seal: Seal }
    }

    /// Takes a return in; answers it and whether this was a repeat.
    pub(crate) async fn start(
        &self,
        principal: &str,
        request: &pb::StartReturnRequest,
    ) -> Result<(Return, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let record = start::parse(request, self.terms.channel(&request.channel), self.now())?;
        let content = start::canonical(request);
        self.take_in(Asked::new(principal, "StartReturn", &request.idempotency_key, content), record).await
    }

    /// Takes a return in under its id. Told once more with the same content it is the same return.
    pub(crate) async fn take_in(&self, asked: Asked, mut record: Return) -> Result<(Return, bool), Error> {
        let (now, seal, id) = (self.now(), self.seal, record.id.clone());
        record.digest = Sha256::digest(asked.content()).to_vec();
        record.traceparent = trace::traceparent().unwrap_or_default();
        record.advance();
        let rule = move |draft: &mut Draft<Return>| {
            if draft.existed {
                let same = draft.doc.digest == record.digest;
                let other = || Error::OtherContent { id: record.id.clone() };
                return if same { Ok(Changed { id: record.id.clone() }) } else { Err(other()) };
            }
            let before = draft.doc.clone();
            draft.doc = record.clone();
            retail_flow::begin(draft, record.name().as_str(), &record.traceparent, now);
            seal.seal(draft, &before, now);
            Ok(Changed { id: record.id.clone() })
        };
        self.update(&id, asked, rule).await
    }

    /// Reads a return.
    pub(crate) async fn get(&self, id: &str) -> Result<Return, Error> {
        self.find(id).await?.ok_or_else(|| Error::NoSuchReturn(id.to_owned()))
    }

    /// Reads a return that may not be there.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Return>, Error> {
        let found = self.store.read::<Return>(id).await.map_err(Error::Store)?;
        Ok(found.map(|record| record.doc))
    }

    /// Finds returns, newest first.
    pub(crate) async fn list(&self, request: &pb::ListReturnsRequest) -> Result<(Vec<Return>, String), Error> {
        let mut bad = Violations::default();
        let size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
        bad.require("page_size", size <= LARGEST_PAGE, &format!("ask for 0 to {LARGEST_PAGE}"));
        let mut names = Vec::new();
        names.extend(render::known_state(request.state()).map(list::state));
        let asked = [
            (&request.customer_id, list::customer(&request.customer_id)),
            (&request.order_id, list::order(&request.order_id)),
            (&request.rma_number, list::rma(&request.rma_number)),
            (&request.exception_cause, list::cause(&request.exception_cause)),
            (&request.source_ref, list::source(&request.source_ref)),
        ];
        names.extend(asked.into_iter().filter(|(value, _)| !value.is_empty()).map(|(_, name)| name));
        if request.exceptions_only {
            names.push(list::EXCEPTIONS.to_owned());
        }
        bad.require("state", names.len() <= 1, "ask by one of the filters at a time");
        let after = page::read(&request.page_token, &mut bad);
        bad.check()?;
        let limit = if size == 0 { PAGE } else { size };
        let name = names.pop().unwrap_or_else(|| list::ALL.to_owned());
        let query = IndexQuery { name, prefix: Vec::new(), after, limit };
        let entries = self.store.list(&query).await.map_err(Error::Store)?;
        let next = page::next(&entries, limit);
        let mut returns = Vec::with_capacity(entries.len());
        for entry in entries {
            returns.push(self.get(entry.key.id()).await?);
        }
        Ok((returns, next))
    }

    /// Takes what an ERP says of its return into ours. Repeating it changes nothing.
    pub(crate) async fn take_facts(&self, told: erp::SalesReturn) -> Result<(), Failure> {
        // Not every return of the ERP that carries an external id was born here.
        let Some((id, _)) = owner_of(&told.external_ref) else { return Ok(()) };
        let (now, seal, id) = (self.now(), self.seal, id.to_owned());
        let rule = move |draft: &mut Draft<Return>| {
            erp_facts(draft, &told, seal, now);
            Ok::<_, Error>(())
        };
        match self.store.step::<Return, _, _>(&id, None, rule).await {
            Ok(_) => Ok(()),
            Err(UpdateError::Rule(error)) => Err(Failure::refused("FACT_REFUSED", error.to_string())),
            Err(UpdateError::Store(error)) => Err(Failure::not_done("STORE", error.to_string())),
        }
    }

    /// Changes a return that is there by a pure rule; the process looks at it when it changed.
    pub(crate) async fn change(
        &self,
        id: &str,
        asked: Asked,
        rule: impl Fn(&mut Draft<Return>, Timestamp) -> Result<(), Error> + Send + 'static,
    ) -> Result<(Return, bool), Error> {
        let (now, seal) = (self.now(), self.seal);
        let whole = move |draft: &mut Draft<Return>| {
            if !draft.existed {
                return Err(Error::NoSuchReturn(draft.id().to_owned()));
            }
            let before = draft.doc.clone();
            rule(draft, now)?;
            if draft.doc != before {
                draft.doc.advance();
                retail_flow::wake(draft, now);
                seal.seal(draft, &before, now);
            }
            Ok(Changed { id: draft.id().to_owned() })
        };
        self.update(id, asked, whole).await
    }

    async fn update(
        &self,
        id: &str,
        asked: Asked,
        rule: impl Fn(&mut Draft<Return>) -> Result<Changed, Error> + Send + 'static,
    ) -> Result<(Return, bool), Error> {
        if id.is_empty() {
            return Err(Error::NoSuchReturn(String::new()));
        }
        asked.claim(&self.store).await?;
        let (what, content, now) = (asked.method(), asked.content().to_vec(), self.now());
        let kind = format!("retail.returns.v1.{what}Request");
        let rule = move |draft: &mut Draft<Return>| {
            let changed = rule(draft)?;
            retail_flow::record(draft, Input { what, kind: &kind, content: &content }, now);
            Ok(changed)
        };
        match self.store.update::<Return, Changed, _>(id, asked.caller(), rule).await {
            Ok(done) => Ok((self.get(&done.value.id).await?, done.repeated)),
            Err(UpdateError::Rule(error)) => Err(error),
            Err(UpdateError::Store(error)) => Err(asked.refused(error).into()),
        }
    }

    /// The store, for those who follow changes.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The runtime's time.
    #[must_use]
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Return {
    /// The name people use for it, from its first moment on.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        rma::number(&self.id)
    }
}

/// The ERP says how its return stands: the rule, which a replay runs again.
pub(crate) fn erp_facts(draft: &mut Draft<Return>, told: &erp::SalesReturn, seal: Seal, now: Timestamp) {
    if !draft.existed {
        return;
    }
    let before = draft.doc.clone();
    if facts::take(&mut draft.doc, told, now.as_millisecond()) {
        retail_flow::wake(draft, now);
        seal.seal(draft, &before, now);
        retail_flow::record_message(draft, ERP_FACTS, told, now);
    }
}

/// The shape of a key that callers choose.
pub(crate) fn key_shape(key: &str) -> Result<(), Error> {
    let mut bad = Violations::default();
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    bad.require("idempotency_key", fits, "give a key of 1 to 255 visible ASCII characters, the same for every repeat");
    Ok(bad.check()?)
}
