//! What the ERP expects to come in, read from it: every open document is said again at each reading, by the ERP's own
//! version of it, so late and reordered readings change nothing. A document that is open no more is asked for by name; one
//! that is gone is expected no more. Transfers of ours are left out: we know them first.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::{Clock, Peer, Timestamp};
use retail_store::{Draft, IndexQuery, Store};

use crate::expected::{Source, Word};
use crate::expecting::Expecting;
use crate::fault::Error;
use crate::keys::paper_id;
use crate::reference::{Reference, code};
use crate::sync::{MAX_PAGES, endless, instant, upstream};
use crate::transfer::TRANSFER;

/// Documents of the ERP that were open when they were last read.
const OPEN: &str = "expected-papers";
/// Documents that are asked for by name at once.
const NAMED: usize = 100;
/// Open documents that are read from our own list at once.
const PAGE: usize = 500;

/// Where something is expected: a location, and the id there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, prost::Message)]
pub(crate) struct Said {
    /// Location code.
    #[prost(string, tag = "1")]
    pub location: String,
    /// Id of what is expected.
    #[prost(string, tag = "2")]
    pub expected_id: String,
}

/// A document of the ERP by which goods are to come in.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Paper {
    /// The ERP's id.
    #[prost(string, tag = "1")]
    pub record: String,
    /// Everything that may be expected by it.
    #[prost(message, repeated, tag = "2")]
    pub said: Vec<Said>,
    /// More may come by it.
    #[prost(bool, tag = "3")]
    pub open: bool,
}

/// Reads what is to come in.
#[derive(Clone)]
pub(crate) struct Inbound {
    store: Store,
    clock: Clock,
    expecting: Expecting,
    reference: Reference,
}

impl Inbound {
    /// Over a store.
    #[must_use]
    pub(crate) fn new(store: Store, clock: Clock, expecting: Expecting, reference: Reference) -> Self {
        Self { store, clock, expecting, reference }
    }

    /// Reads everything that is open, and what has become of what was. Answers how many documents are open.
    pub(crate) async fn sweep(&self, instance: &str, mut client: ErpServiceClient<Peer>) -> Result<u64, Error> {
        let (mut seen, mut page_token) = (BTreeSet::new(), String::new());
        for page in 0.. {
            if page >= MAX_PAGES {
                return Err(endless(instance));
            }
            let request =
                erp::ListExpectedReceiptsRequest { instance: instance.to_owned(), page_token, ..Default::default() };
            let answer = match client.list_expected_receipts(request).await {
                Ok(answer) => answer.into_inner(),
                // An ERP that cannot say has nothing to say.
                Err(status) if status.code() == tonic::Code::Unimplemented => return Ok(0),
                Err(status) => return Err(upstream(instance, status)),
            };
            for receipt in &answer.receipts {
                seen.extend(self.take(instance, receipt).await?);
            }
            if answer.next_page_token.is_empty() {
                break;
            }
            page_token = answer.next_page_token;
        }
        let gone: Vec<(String, Paper)> = self.open().await?.into_iter().filter(|(id, _)| !seen.contains(id)).collect();
        for chunk in gone.chunks(NAMED) {
            self.follow(instance, &mut client, chunk).await?;
        }
        Ok(u64::try_from(seen.len()).unwrap_or(u64::MAX))
    }

    /// Asks what has become of documents that are open no more.
    async fn follow(
        &self,
        instance: &str,
        client: &mut ErpServiceClient<Peer>,
        gone: &[(String, Paper)],
    ) -> Result<(), Error> {
        let asked_at = self.clock.now();
        let request = erp::ListExpectedReceiptsRequest {
            instance: instance.to_owned(),
            document_ids: gone.iter().map(|(_, paper)| paper.record.clone()).collect(),
            ..Default::default()
        };
        let answer = client.list_expected_receipts(request).await.map_err(|status| upstream(instance, status))?;
        let mut told = BTreeSet::new();
        for receipt in &answer.into_inner().receipts {
            told.extend(self.take(instance, receipt).await?);
        }
        for (id, paper) in gone.iter().filter(|(id, _)| !told.contains(id)) {
            tracing::info!(instance, record = paper.record, "a document by which goods were expected is gone");
            for said in &paper.said {
                self.expecting.say(withdrawn(said, asked_at)).await?;
            }
            self.keep(id, Paper { open: false, said: vec![], ..paper.clone() }).await?;
        }
        Ok(())
    }

    /// Takes one document over; answers its id with us, none when it is a transfer of ours or no document at all.
    async fn take(&self, instance: &str, receipt: &erp::ExpectedReceipt) -> Result<Option<String>, Error> {
        let Some(document) = receipt.document.as_ref().filter(|_| receipt.external_ref.is_empty()) else {
            return Ok(None);
        };
        let id = paper_id(instance, &document.r#type, &document.id);
        let words = words(receipt, self.clock.now());
        let words = self.known(words).await?;
        let before = self.store.read::<Paper>(&id).await?.map(|found| found.doc).unwrap_or_default();
        let now: BTreeSet<Said> = words.iter().map(said).collect();
        let all: BTreeSet<Said> = before.said.iter().cloned().chain(now.iter().cloned()).collect();
        let paper =
            |said: BTreeSet<Said>, open| Paper { record: document.id.clone(), said: said.into_iter().collect(), open };
        // What may be said stands here before it is said: whatever crashes in between, it can be withdrawn.
        self.keep(&id, paper(all.clone(), true)).await?;
        let as_of = version(receipt, self.clock.now());
        for gone in all.difference(&now) {
            self.expecting.say(withdrawn(gone, as_of)).await?;
        }
        for word in words {
            self.expecting.say(word).await?;
        }
        self.keep(&id, paper(now, !receipt.ended)).await?;
        Ok(Some(id))
    }

    /// Leaves out items and places that nobody knows, and kits, which have no stock of their own.
    async fn known(&self, words: Vec<Word>) -> Result<Vec<Word>, Error> {
        let items =
            self.reference.items(words.iter().flat_map(|word| &word.lines).map(|(sku, _)| sku.clone()).collect());
        let (items, places) = (items.await?, self.reference.catalogue().await?.codes());
        let mut known = Vec::with_capacity(words.len());
        for mut word in words {
            let before = word.lines.len();
            word.lines.retain(|(sku, _)| items.get(sku).is_some_and(|item| !item.is_kit()));
            if word.lines.len() < before || !places.contains(&word.location) {
                let (id, location) = (word.id.as_str(), word.location.as_str());
                tracing::warn!(id, location, "lines of unknown items or places are not expected");
            }
            if places.contains(&word.location) && (!word.lines.is_empty() || before == 0) {
                known.push(word);
            }
        }
        Ok(known)
    }

    async fn open(&self) -> Result<Vec<(String, Paper)>, Error> {
        let (mut open, mut after) = (vec![], None);
        loop {
            let query = IndexQuery { name: OPEN.to_owned(), prefix: vec![], after, limit: PAGE };
            let entries = self.store.list(&query).await?;
            for entry in &entries {
                let found = self.store.read::<Paper>(entry.key.id()).await?;
                open.extend(found.map(|found| (entry.key.id().to_owned(), found.doc)).filter(|(_, paper)| paper.open));
            }
            match entries.last() {
                Some(last) if entries.len() >= PAGE => after = Some((last.sort.clone(), last.key.clone())),
                Some(_) | None => return Ok(open),
            }
        }
    }

    /// Unchanged documents cost no commit.
    async fn keep(&self, id: &str, paper: Paper) -> Result<(), Error> {
        if self.store.read::<Paper>(id).await?.is_some_and(|found| found.doc == paper) {
            return Ok(());
        }
        let rule = move |draft: &mut Draft<Paper>| {
            let sort = draft.id().as_bytes().to_vec();
            let was = draft.existed && draft.doc.open;
            if paper.open && !was {
                draft.index(OPEN, sort, Vec::new());
            } else if was && !paper.open {
                draft.unindex(OPEN, sort);
            }
            draft.doc = paper.clone();
            Ok::<_, Error>(())
        };
        self.store.step(id, None, rule).await?;
        Ok(())
    }
}

fn said(word: &Word) -> Said {
    Said { location: word.location.clone(), expected_id: word.id.clone() }
}

/// Nothing is expected there by this document any more.
fn withdrawn(said: &Said, as_of: Timestamp) -> Word {
    Word {
        id: said.expected_id.clone(),
        location: said.location.clone(),
        source: Source::Purchase,
        lines: vec![],
        expected_at: as_of,
        as_of,
        come: BTreeMap::new(),
        ended: true,
        transit: false,
    }
}

/// The ERP's own version; its clock may be ahead of ours.
fn version(receipt: &erp::ExpectedReceipt, now: Timestamp) -> Timestamp {
    receipt.changed_at.as_ref().and_then(instant).unwrap_or(now)
}

/// Of each item, all that is to come and what has come.
type Amounts = BTreeMap<String, (Quantity, Quantity)>;

/// A document in our words: one for each location and day. Those of its only day at a location have the document's number
/// as id, so that what people said under it is overtaken, and not expected twice.
fn words(receipt: &erp::ExpectedReceipt, now: Timestamp) -> Vec<Word> {
    let number = receipt
        .document
        .as_ref()
        .map(|document| if document.number.is_empty() { document.id.clone() } else { document.number.clone() });
    let number = number.unwrap_or_default();
    let transit = receipt.source() == erp::ExpectedReceiptSource::Transfer;
    let mut days: BTreeMap<(String, String), Amounts> = BTreeMap::new();
    for line in &receipt.lines {
        let (Ok(quantity), Ok(received)) = (line.quantity.parse::<Quantity>(), line.received.parse::<Quantity>())
        else {
            tracing::warn!(number, sku = line.sku, "a line without a readable quantity is not expected");
            continue;
        };
        // The rest of a closed line will not come.
        let quantity = if line.closed { received } else { quantity };
        if line.sku.trim().is_empty() || line.location.is_empty() || !quantity.is_positive() {
            continue;
        }
        let day = days.entry((line.location.clone(), line.expected_date.clone())).or_default();
        let (all, come) = day.entry(code(&line.sku)).or_insert((Quantity::ZERO, Quantity::ZERO));
        *all = all.plus(quantity).unwrap_or(*all);
        *come = come.plus(received).unwrap_or(*come);
    }
    let only = |location: &str| days.keys().filter(|(named, _)| named == location).count() == 1;
    let word = |((location, day), lines): (&(String, String), &Amounts)| Word {
        id: if only(location) { number.clone() } else { format!("{number}@{day}") },
        location: location.clone(),
        source: if transit { Source::Transfer } else { Source::Purchase },
        lines: lines.iter().map(|(sku, (all, _))| (sku.clone(), *all)).collect(),
        expected_at: end_of(day),
        as_of: version(receipt, now),
        come: lines.iter().map(|(sku, (_, come))| (sku.clone(), *come)).collect(),
        ended: receipt.ended,
        transit,
    };
    // An id of that shape is a transfer of ours, and this one is none.
    if number.is_empty() || number.starts_with(TRANSFER) { vec![] } else { days.iter().map(word).collect() }
}

/// Goods are late when their day is over. Without a day nobody knows when they come: they stand as late and give no date.
fn end_of(day: &str) -> Timestamp {
    format!("{day}T23:59:59Z").parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Ref;

    use super::*;

    fn line(sku: &str, location: &str, quantity: &str, received: &str, day: &str) -> erp::ExpectedReceiptLine {
        erp::ExpectedReceiptLine {
            sku: sku.into(),
            location: location.into(),
            quantity: quantity.into(),
            received: received.into(),
            closed: false,
            expected_date: day.into(),
        }
    }

    fn receipt(lines: Vec<erp::ExpectedReceiptLine>) -> erp::ExpectedReceipt {
        let document = Ref { id: "7".into(), number: "PO-7".into(), ..Ref::default() };
        erp::ExpectedReceipt {
            document: Some(document),
            source: erp::ExpectedReceiptSource::Purchase.into(),
            lines,
            changed_at: Some(prost_types::Timestamp { seconds: 9, nanos: 0 }),
            ..Default::default()
        }
    }

    #[test]
    fn a_document_is_one_word_for_each_location_and_day() {
        let lines = vec![
            line("a", "MAIN", "5", "1", "2026-12-01"),
            line("A", "MAIN", "3", "0", "2026-12-01"),
            line("A", "MAIN", "2", "0", "2026-12-08"),
            line("A", "SIDE", "4", "0", ""),
        ];
        let words = words(&receipt(lines), Timestamp::UNIX_EPOCH);
        let ids: Vec<&str> = words.iter().map(|word| word.id.as_str()).collect();
        assert_eq!(ids, ["PO-7@2026-12-01", "PO-7@2026-12-08", "PO-7"]);
        assert_eq!(words[0].lines, [("A".to_owned(), Quantity::whole(8).unwrap())]);
        assert_eq!(words[0].come["A"], Quantity::whole(1).unwrap());
        assert_eq!(words[2].expected_at, Timestamp::UNIX_EPOCH, "nobody knows when");
        assert_eq!(words[0].as_of, Timestamp::from_second(9).unwrap());
    }

    #[test]
    fn the_rest_of_a_closed_line_is_not_expected() {
        let closed = erp::ExpectedReceiptLine { closed: true, ..line("A", "MAIN", "5", "2", "2026-12-01") };
        let nothing = erp::ExpectedReceiptLine { closed: true, ..line("B", "MAIN", "5", "0", "2026-12-01") };
        let words = words(&receipt(vec![closed, nothing]), Timestamp::UNIX_EPOCH);
        assert_eq!(words[0].lines, [("A".to_owned(), Quantity::whole(2).unwrap())]);
    }
}
