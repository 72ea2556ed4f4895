//! Lists of messages, newest first, page by page.

use retail_flow::page;
use retail_proto::messages::v1 as pb;
use retail_runtime::fault::Violations;
use retail_store::{IndexQuery, Store};

use crate::fault::Error;
use crate::record::Message;
use crate::render::known_state;
use crate::seal::list;

const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

/// Messages as they are asked for, and the token of the next page.
pub(crate) async fn list(store: &Store, request: &pb::ListMessagesRequest) -> Result<pb::ListMessagesResponse, Error> {
    let mut bad = Violations::default();
    let size = usize::try_from(request.page_size).unwrap_or(usize::MAX);
    bad.require("page_size", size <= LARGEST_PAGE, &format!("ask for 0 to {LARGEST_PAGE}"));
    let state = known_state(request.state());
    let by = [!request.order_id.is_empty(), !request.return_id.is_empty(), state.is_some()];
    let given = by.into_iter().filter(|given| *given).count();
    bad.require("order_id", given <= 1, "ask by one of order_id, return_id and state");
    let after = page::read(&request.page_token, &mut bad);
    bad.check()?;
    let name = match state {
        Some(state) => list::state(state),
        None if !request.order_id.is_empty() => list::order(&request.order_id),
        None if !request.return_id.is_empty() => list::of_return(&request.return_id),
        None => list::ALL.to_owned(),
    };
    let limit = if size == 0 { PAGE } else { size };
    let entries = store.list(&IndexQuery { name, prefix: Vec::new(), after, limit }).await?;
    let next_page_token = page::next(&entries, limit);
    let mut messages = Vec::with_capacity(entries.len());
    for entry in &entries {
        let id = entry.key.id();
        let found = store.read::<Message>(id).await?;
        messages.extend(found.map(|message| message.doc.shown(id)));
    }
    Ok(pb::ListMessagesResponse { messages, next_page_token })
}
