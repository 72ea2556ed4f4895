//! Polling: there are no webhooks ("Retail flows", 8). The cursor is (last change, id), read again with an overlap.
//!
//! A change may become visible later than its stamp says, and stamps know only seconds. So every answer that reached
//! the end is read again from `overlap` before its newest change, until nothing newer came for that long. Changes
//! repeat within the overlap; none is left out. Deleted sales orders are not seen (`deletedrecord` is unverified).

pub(crate) mod returns;

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_runtime::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::Error;
use crate::flow::Flows;
use crate::row::Row;
use crate::zone::{parse, render};

/// Documents read in one poll unless the caller says otherwise.
const DEFAULT_LIMIT: usize = 200;

const CHANGED: &str = "SELECT t.id, t.type, tl.createdfrom, \
    TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS changed \
    FROM transaction t JOIN transactionline tl ON tl.transaction = t.id AND tl.mainline = 'T' \
    WHERE t.type IN ('SalesOrd', 'ItemShip', 'CustInvc', 'CustDep') \
    AND t.lastmodifieddate >= TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') \
    AND (t.lastmodifieddate > TO_DATE(?, 'YYYY-MM-DD HH24:MI:SS') OR t.id > ?) \
    ORDER BY t.lastmodifieddate, t.id";

/// Where the next poll begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Local time of the newest change read.
    at: String,
    /// Its document.
    id: i64,
    /// Our clock when the end was reached with this newest change; none while pages are waiting.
    end: Option<i64>,
    /// The end was read again after it had been quiet for `overlap`, and nothing had come late.
    #[serde(default)]
    settled: bool,
}

impl Cursor {
    /// Reads a cursor this connector made.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::BadToken("cursor"))?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| Error::BadToken("cursor"))?;
        if parse(&cursor.at).is_none() { Err(Error::BadToken("cursor")) } else { Ok(cursor) }
    }

    /// As callers keep it.
    pub(crate) fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Local time and document after which to read.
    fn start(&self, overlap: Duration) -> (String, i64) {
        if self.settled || self.end.is_none() {
            return (self.at.clone(), self.id);
        }
        let back = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::ZERO);
        let at = parse(&self.at).map_or_else(|| self.at.clone(), |at| render(at.saturating_sub(back)));
        (at, 0)
    }

    /// After a page that was asked for at `now`: its newest change, and whether more is waiting.
    fn next(&self, newest: Option<(String, i64)>, more: bool, now: Timestamp, overlap: Duration) -> Self {
        let (at, id) = newest.unwrap_or_else(|| (self.at.clone(), self.id));
        let moved = (at.as_str(), id) != (self.at.as_str(), self.id);
        let end = match (more, moved, self.end) {
            (true, _, _) => None,
            (false, false, Some(end)) => Some(end),
            (false, _, _) => Some(now.as_second()),
        };
        // Polls may come further apart than the overlap: only one that was asked after the quiet time settles.
        let quiet = self.end.is_some_and(|end| {
            u64::try_from(now.as_second().saturating_sub(end)).is_ok_and(|quiet| quiet > overlap.as_secs())
        });
        Self { at, id, end, settled: !more && !moved && (self.settled || quiet) }
    }
}

/// One page of changed documents.
pub(crate) struct Page {
    /// Rows with `id` and `changed`, in order of change.
    pub(crate) rows: Vec<Row>,
    /// Where the next poll begins.
    pub(crate) cursor: String,
    /// More is waiting.
    pub(crate) more: bool,
}

/// The documents a question finds changed since a cursor. The question is asked with a time, the same time and an id.
pub(crate) async fn page(
    flows: &Flows,
    (operation, question): (&'static str, &str),
    cursor: &str,
    limit: i32,
    now: Timestamp,
    overlap: Duration,
) -> Result<Page, Error> {
    let cursor = if cursor.is_empty() {
        Cursor { at: flows.zone.local(now), id: 0, end: Some(now.as_second()), settled: false }
    } else {
        Cursor::read(cursor)?
    };
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(DEFAULT_LIMIT).min(DEFAULT_LIMIT);
    let (at, id) = cursor.start(overlap);
    let params = vec![Value::from(at.as_str()), Value::from(at.as_str()), Value::from(id)];
    let (rows, more) = flows.suite.page(operation, Lane::Normal, question, params, limit, 0).await?;
    let newest = match rows.last() {
        Some(row) => Some((row.text("changed"), row.id("id")?)),
        None => None,
    };
    Ok(Page { cursor: cursor.next(newest, more, now, overlap).write(), rows, more })
}

/// Sales orders that changed since a cursor, each with its whole document flow.
pub(crate) async fn poll(
    flows: &Flows,
    cursor: &str,
    limit: i32,
    now: Timestamp,
    overlap: Duration,
) -> Result<pb::PollChangesResponse, Error> {
    let page = page(flows, ("suiteql.changes", CHANGED), cursor, limit, now, overlap).await?;
    let (mut ids, mut seen) = (Vec::new(), BTreeSet::new());
    for row in &page.rows {
        let order = if row.text("type") == "SalesOrd" { Some(row.id("id")?) } else { row.optional_id("createdfrom")? };
        // An order keeps the place of its first change: what follows is in its flow already.
        if let Some(order) = order.filter(|order| seen.insert(*order)) {
            ids.push(order);
        }
    }
    let mut orders = flows.orders(&ids, Lane::Normal).await?;
    let changes = ids.iter().filter_map(|id| orders.remove(id)).map(|order| pb::SalesOrderChange {
        kind: pb::ChangeKind::Upsert.into(),
        external_ref: order.external_ref.clone(),
        order: Some(order),
    });
    Ok(pb::PollChangesResponse { changes: changes.collect(), cursor: page.cursor, more: page.more })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: Duration = Duration::from_secs(10);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cursor(end: Option<i64>) -> Cursor {
        Cursor { at: "2026-11-23 12:00:05".to_owned(), id: 7, end, settled: false }
    }

    fn same() -> Option<(String, i64)> {
        Some(("2026-11-23 12:00:05".to_owned(), 7))
    }

    #[test]
    fn a_cursor_reads_back_and_a_strange_one_is_refused() {
        let made = cursor(Some(1));
        assert_eq!(Cursor::read(&made.write()).unwrap(), made);
        assert!(Cursor::read("x").is_err());
        assert!(Cursor::read(&URL_SAFE_NO_PAD.encode(r#"{"at":"'; --","id":1,"end":null}"#)).is_err());
    }

    #[test]
    fn the_end_is_read_again_with_the_overlap_until_it_has_been_quiet() {
        let reached = at("2026-11-23T12:00:06Z");
        let ended = cursor(Some(reached.as_second()));
        assert_eq!(ended.start(OVERLAP), ("2026-11-23 11:59:55".to_owned(), 0));
        let soon = ended.next(same(), false, at("2026-11-23T12:00:16Z"), OVERLAP);
        assert_eq!(soon.start(OVERLAP), ("2026-11-23 11:59:55".to_owned(), 0));
        let quiet = soon.next(same(), false, at("2026-11-23T12:00:17Z"), OVERLAP);
        assert_eq!(quiet.start(OVERLAP), ("2026-11-23 12:00:05".to_owned(), 7));
    }

    #[test]
    fn a_poll_that_comes_back_after_days_reads_the_overlap_once_more() {
        let ended = cursor(Some(at("2026-11-23T12:00:06Z").as_second()));
        assert_eq!(ended.start(OVERLAP), ("2026-11-23 11:59:55".to_owned(), 0), "whenever it comes");
        let back = ended.next(same(), false, at("2026-11-26T12:00:06Z"), OVERLAP);
        assert_eq!(back.start(OVERLAP), ("2026-11-23 12:00:05".to_owned(), 7));
    }

    #[test]
    fn pages_go_on_exactly_where_they_ended() {
        let now = at("2026-11-23T12:00:06Z");
        let next = cursor(None).next(Some(("2026-11-23 12:00:06".to_owned(), 3)), true, now, OVERLAP);
        assert_eq!(next.start(OVERLAP), ("2026-11-23 12:00:06".to_owned(), 3));
    }

    #[test]
    fn a_repeated_newest_change_does_not_start_the_quiet_time_anew() {
        let later = at("2026-11-23T12:00:09Z");
        let again = cursor(Some(1)).next(same(), false, later, OVERLAP);
        assert_eq!(again.end, Some(1));
        let moved = cursor(Some(1)).next(Some(("2026-11-23 12:00:06".to_owned(), 8)), false, later, OVERLAP);
        assert_eq!((moved.end, moved.settled), (Some(later.as_second()), false));
    }
}
