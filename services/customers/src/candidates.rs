//! Pairs of customers that may be one person. A pair is a document of its own with one id, whoever finds it first; one
//! that people have dismissed is remembered, and never proposed again.

use retail_flow::page;
use retail_proto::customers::v1 as pb;
use retail_proto::timestamp;
use retail_runtime::Timestamp;
use retail_runtime::fault::Violations;
use retail_store::{Document, Draft, IndexQuery, Store};

use crate::customer::Customer;
use crate::fault::Error;
use crate::keys::{Key, Strength};
use crate::people::People;
use retail_flow::Asked;

/// The list of open pairs.
const LIST: &str = "customers.candidates";
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// How a pair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Standing {
    /// Somebody should look at it.
    Open = 0,
    /// They are different people.
    Dismissed = 1,
    /// They are one customer.
    Merged = 2,
}

/// A pair.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Pair {
    /// The one with the smaller id.
    #[prost(string, tag = "1")]
    one: String,
    /// The other.
    #[prost(string, tag = "2")]
    other: String,
    /// UPPER_SNAKE_CASE cause.
    #[prost(string, tag = "3")]
    reason: String,
    /// When it was found, milliseconds since 1970.
    #[prost(int64, tag = "4")]
    found_at: i64,
    /// How it stands.
    #[prost(enumeration = "Standing", tag = "5")]
    standing: i32,
    /// Who closed it and why, for the audit.
    #[prost(string, tag = "6")]
    note: String,
}

impl Document for Pair {
    const KIND: &'static str = "merge-candidate";
}

impl Pair {
    fn id(one: &str, other: &str) -> String {
        format!("{}|{}", one.min(other), one.max(other))
    }

    /// Newest first: the sort key falls as time grows.
    fn sort(&self) -> Vec<u8> {
        let newest_first = u64::MAX.saturating_sub(u64::try_from(self.found_at).unwrap_or(0));
        let mut key = newest_first.to_be_bytes().to_vec();
        key.extend_from_slice(Self::id(&self.one, &self.other).as_bytes());
        key
    }
}

/// What a key that two customers share says.
fn reason(strength: Strength) -> &'static str {
    match strength {
        Strength::Phone => "SAME_PHONE",
        Strength::Email => "SAME_VERIFIED_EMAIL",
        Strength::System => "SAME_RECORD",
    }
}

/// Closes a pair, open or not; answers whether that changed anything. A pair that people said is of different people
/// stays so until they are merged.
pub(crate) async fn close(
    store: &Store,
    ids: [&str; 2],
    standing: Standing,
    note: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let [one, other] = ids;
    let (id, note) = (Pair::id(one, other), note.to_owned());
    let (one, other) = (one.min(other).to_owned(), one.max(other).to_owned());
    let rule = move |draft: &mut Draft<Pair>| {
        if draft.existed && draft.doc.standing() == Standing::Open {
            let sort = draft.doc.sort();
            draft.unindex(LIST, sort);
        }
        if draft.existed && draft.doc.standing() == standing {
            return Ok(false);
        }
        if !draft.existed {
            let (one, other) = (one.clone(), other.clone());
            draft.doc = Pair { one, other, found_at: now.as_millisecond(), ..Pair::default() };
        }
        draft.doc.set_standing(standing);
        draft.doc.note.clone_from(&note);
        Ok::<_, Error>(true)
    };
    Ok(store.step(&id, None, rule).await?.value)
}

impl People {
    /// Notes that two customers share a key.
    pub(crate) async fn suspect(&self, one: &str, other: &str, shared: Strength) -> Result<(), Error> {
        let id = Pair::id(one, other);
        if one == other || self.store.read::<Pair>(&id).await?.is_some() {
            return Ok(());
        }
        let (one, other) = (one.min(other).to_owned(), one.max(other).to_owned());
        let found_at = self.clock.now().as_millisecond();
        let rule = move |draft: &mut Draft<Pair>| {
            if !draft.existed {
                let (one, other, reason) = (one.clone(), other.clone(), reason(shared).to_owned());
                draft.doc = Pair { one, other, reason, found_at, ..Pair::default() };
                let sort = draft.doc.sort();
                draft.index(LIST, sort, Vec::new());
            }
            Ok::<_, Error>(())
        };
        self.store.step(&id, None, rule).await?;
        Ok(())
    }

    /// Looks whether a customer's e-mail or phone, as it stands now, is a key of another customer.
    pub(crate) async fn suspect_profile(&self, customer: &Customer) -> Result<(), Error> {
        let profile = customer.profile.clone().unwrap_or_default();
        let keys = [Key::email(&profile.email), Key::phone(&profile.phone)];
        for key in keys.into_iter().flatten() {
            let Some(owner) = self.owner(&key).await? else { continue };
            match self.get(&owner).await {
                Ok(owner) => self.suspect(&customer.id, &owner.id, key.strength()).await?,
                Err(Error::NoSuchCustomer(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Open pairs, newest first, with the token of the next page. Pairs that are one customer by now, or of which one is
    /// gone, are left out.
    pub(crate) async fn candidates(
        &self,
        request: &pb::ListMergeCandidatesRequest,
    ) -> Result<(Vec<pb::MergeCandidate>, String), Error> {
        let mut bad = Violations::default();
        let size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
        bad.require("page_size", size <= LARGEST_PAGE, &format!("ask for 0 to {LARGEST_PAGE}"));
        let after = page::read(&request.page_token, &mut bad);
        bad.check()?;
        let limit = if size == 0 { PAGE } else { size };
        let query = IndexQuery { name: LIST.to_owned(), prefix: Vec::new(), after, limit };
        let entries = self.store.list(&query).await?;
        let mut open = Vec::new();
        for entry in &entries {
            let Some(pair) = self.store.read::<Pair>(entry.key.id()).await? else { continue };
            let pair = pair.doc;
            let (one, other) = (self.known(&pair.one).await?, self.known(&pair.other).await?);
            if let (Some(one), Some(other)) = (one, other)
                && one.id != other.id
                && pair.standing() == Standing::Open
            {
                open.push(pb::MergeCandidate {
                    customer_id: pair.one,
                    other_id: pair.other,
                    reason: pair.reason,
                    found_at: Some(timestamp(pair.found_at)),
                });
            }
        }
        Ok((open, page::next(&entries, limit)))
    }

    /// Says that two customers are different people.
    pub(crate) async fn dismiss(&self, asked: &Asked, one: &str, other: &str, note: &str) -> Result<(), Error> {
        let (first, second) = (self.get(one).await?, self.get(other).await?);
        if first.id == second.id {
            return Err(Error::SameCustomer(first.id));
        }
        asked.claim(&self.store).await?;
        let now = self.clock.now();
        let audit = format!("{} and {} are different people, says {}: {note}", one, other, asked.principal());
        if close(&self.store, [one, other], Standing::Dismissed, &audit, now).await? {
            let rule = move |draft: &mut Draft<Customer>| {
                retail_flow::note(draft, "MERGE_DISMISSED", &audit, now);
                Ok::<_, Error>(())
            };
            self.store.step::<Customer, _, _>(&first.id, None, rule).await?;
        }
        Ok(())
    }

    async fn known(&self, id: &str) -> Result<Option<Customer>, Error> {
        match self.get(id).await {
            Ok(customer) => Ok(Some(customer)),
            Err(Error::NoSuchCustomer(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
