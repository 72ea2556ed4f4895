//! Lists of cases, newest first, page by page.

use futures::future::try_join_all;
use retail_flow::page;
use retail_proto::cases::v1 as pb;
use retail_runtime::fault::Violations;
use retail_store::{Document as _, IndexEntry, IndexQuery, Store};

use crate::family;
use crate::fault::Error;
use crate::keys::List;
use crate::record::{Case, Kind, View};
use crate::seal;
use crate::shelf::{self, sort_key};

const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// Cases as they are asked for, and the token of the next page.
pub(crate) async fn list(store: &Store, request: &pb::ListCasesRequest) -> Result<pb::ListCasesResponse, Error> {
    let mut bad = Violations::default();
    let size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
    bad.require("page_size", size <= LARGEST_PAGE, &format!("ask for 0 to {LARGEST_PAGE}"));
    let filters = [&request.customer_id, &request.order_id, &request.return_id];
    let given = filters.into_iter().filter(|filter| !filter.is_empty()).count();
    bad.require("customer_id", given <= 1, "ask by one of customer_id, order_id and return_id");
    let after = page::read(&request.page_token, &mut bad);
    bad.check()?;
    let limit = if size == 0 { PAGE } else { size };
    let entries = if !request.customer_id.is_empty() {
        of_customer(store, &request.customer_id, after.as_ref().map(|(sort, _)| sort.as_slice()), limit).await?
    } else if !request.order_id.is_empty() {
        hanging(store, &Kind::Order.view(&request.order_id), after.as_ref().map(|(sort, _)| sort.as_slice())).await?
    } else if !request.return_id.is_empty() {
        hanging(store, &Kind::Return.view(&request.return_id), after.as_ref().map(|(sort, _)| sort.as_slice())).await?
    } else {
        let query = IndexQuery { name: seal::ALL.to_owned(), prefix: Vec::new(), after, limit };
        store.list(&query).await?
    };
    let entries: Vec<IndexEntry> = entries.into_iter().take(limit).collect();
    let next_page_token = page::next(&entries, limit);
    let read = |entry: &IndexEntry| {
        let id = entry.key.id().to_owned();
        async move { store.read::<Case>(&id).await }
    };
    let cases = try_join_all(entries.iter().map(read)).await?.into_iter().flatten().map(|case| case.doc);
    let cases = cases.filter(|case| !case.deleted).map(|case| case.shown()).collect();
    Ok(pb::ListCasesResponse { cases, next_page_token })
}

/// Cases of a customer under all its ids.
async fn of_customer(store: &Store, id: &str, after: Option<&[u8]>, limit: usize) -> Result<Vec<IndexEntry>, Error> {
    let ids = family::family(store, id).await?.ids;
    let read = |id: &String| {
        let shelf = List::CustomerCases.shelf(id);
        async move { shelf::read(store, &shelf, after, limit).await }
    };
    let spines = try_join_all(ids.iter().map(read)).await?;
    let mut entries: Vec<IndexEntry> = spines.into_iter().flatten().map(|spine| entry(spine.sort, &spine.id)).collect();
    entries.sort_by(|one, other| one.sort.cmp(&other.sort));
    entries.dedup_by(|one, other| one.key == other.key);
    Ok(entries)
}

/// Cases that hang on a view, behind a place.
async fn hanging(store: &Store, view: &str, after: Option<&[u8]>) -> Result<Vec<IndexEntry>, Error> {
    let ids = store.read::<View>(view).await?.map(|view| view.doc.cases).unwrap_or_default();
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(case) = store.read::<Case>(&id).await? {
            entries.push(entry(sort_key(case.doc.opened_at(), &id), &id));
        }
    }
    entries.retain(|entry| after.is_none_or(|after| entry.sort.as_slice() > after));
    entries.sort_by(|one, other| one.sort.cmp(&other.sort));
    Ok(entries)
}

fn entry(sort: Vec<u8>, id: &str) -> IndexEntry {
    IndexEntry { sort, key: Case::key(id), value: bytes::Bytes::new() }
}
