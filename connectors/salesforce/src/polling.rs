//! Cases that changed, by `SystemModstamp` with the id as tie-break (document, section 4).
//!
//! Stamps know only seconds, and a change may become visible later than its stamp says. So a sweep that reached the end
//! is followed by one that begins `overlap` before the newest change, and earlier still by the time the sweep took. Only
//! when a sweep that began more than `overlap` after the end was first reached found nothing newer, does the next one
//! begin at the newest change itself. Changes repeat; none is left out.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use retail_proto::crm::v1 as pb;
use retail_runtime::fault::Violations;
use serde::{Deserialize, Serialize};

use crate::Salesforce;
use crate::fault::Error;
use crate::map::service::{CASE, case, record, when};
use crate::map::{self, Unreadable};
use crate::wire::Found;
use crate::wire::service::CaseRow;

/// Cases of one poll unless the caller says otherwise, and at most.
const LIMIT: usize = 200;
const MOST: usize = 500;

/// A place in the order of changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
    /// The case; empty before all of that moment.
    id: String,
}

/// Where the next poll begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// The newest change of all sweeps that reached the end.
    newest: Mark,
    /// Our clock when a sweep first ended with it, in seconds.
    reached: i64,
    /// How long that sweep took, in seconds.
    took: i64,
    /// A later sweep has read everything up to it again, after all of it had become visible.
    settled: bool,
    /// Where the running sweep is, and our clock when it began.
    page: Option<(Mark, i64)>,
}

impl Cursor {
    fn now(now: Timestamp) -> Self {
        // Stamps are whole seconds; a mark between two of them would be newer than changes that are yet to come.
        let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let newest = Mark { at, id: String::new() };
        Cursor { newest, reached: now.as_second(), took: 0, settled: false, page: None }
    }

    fn read(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::BadToken("cursor"))?;
        serde_json::from_slice(&bytes).map_err(|_| Error::BadToken("cursor"))
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// After which change to read, and when the sweep began.
    fn start(&self, now: Timestamp, overlap: Duration) -> (Mark, i64) {
        if let Some(page) = &self.page {
            return page.clone();
        }
        if self.settled {
            return (self.newest.clone(), now.as_second());
        }
        let overlap = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::ZERO);
        let back = overlap.saturating_add(SignedDuration::from_secs(self.took));
        let at = self.newest.at.checked_sub(back).unwrap_or(Timestamp::MIN);
        (Mark { at, id: String::new() }, now.as_second())
    }

    /// After a page that ended at a place, of a sweep that began then.
    fn next(mut self, place: Mark, began: i64, more: bool, now: Timestamp, overlap: Duration) -> Self {
        if more {
            self.page = Some((place, began));
            return self;
        }
        self.page = None;
        if place > self.newest {
            let (reached, took) = (now.as_second(), now.as_second().saturating_sub(began).max(0));
            return Cursor { newest: place, reached, took, settled: false, page: None };
        }
        let quiet = u64::try_from(began.saturating_sub(self.reached)).unwrap_or_default();
        self.settled = self.settled || quiet > overlap.as_secs();
        self
    }
}

impl Salesforce {
    pub(crate) async fn changed_cases(&self, request: pb::PollCasesRequest) -> Result<pb::PollCasesResponse, Error> {
        self.is_ours(&request.instance)?;
        let mut wrong = Violations::default();
        wrong.require("limit", request.limit >= 0, "must not be negative");
        wrong.check()?;
        let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0).unwrap_or(LIMIT).min(MOST);
        let (now, overlap) = (self.shared.runtime.clock().now(), self.shared.overlap.get());
        let cursor = if request.cursor.is_empty() { Cursor::now(now) } else { Cursor::read(&request.cursor)? };
        let (after, began) = cursor.start(now, overlap);
        let soql = changed_after(&self.case_columns().await?, &after, limit);
        let mut found: Found<CaseRow> = self.doubting(self.query("crm.cases.changed", "queryAll", &soql).await)?;
        // The service may give fewer rows than a page holds.
        let more = !found.done || found.records.len() > limit;
        found.records.truncate(limit);
        let place = found.records.last().map(mark).transpose()?.unwrap_or(after);
        let changes =
            found.records.into_iter().map(|row| change(row, &self.shared.instance)).collect::<Result<_, _>>()?;
        let cursor = cursor.next(place, began, more, now, overlap).write();
        Ok(pb::PollCasesResponse { changes, cursor, more })
    }
}

fn changed_after(columns: &str, after: &Mark, limit: usize) -> String {
    let at = after.at.strftime("%Y-%m-%dT%H:%M:%SZ");
    let beyond = if after.id.is_empty() {
        String::new()
    } else {
        format!(" AND (SystemModstamp > {at} OR Id > {})", map::quoted(&after.id))
    };
    // One more than is given, to know whether more is waiting.
    let most = limit.saturating_add(1);
    format!(
        "SELECT {columns} FROM {CASE} WHERE SystemModstamp >= {at}{beyond} ORDER BY SystemModstamp, Id LIMIT {most}"
    )
}

fn mark(row: &CaseRow) -> Result<Mark, Unreadable> {
    let at = row.system_modstamp.as_deref().and_then(when);
    let at = at.ok_or_else(|| Unreadable { id: row.id.clone(), column: "SystemModstamp" })?;
    Ok(Mark { at, id: row.id.clone() })
}

fn change(row: CaseRow, instance: &str) -> Result<pb::CaseChange, Unreadable> {
    if row.is_deleted {
        let gone = pb::Case { record: Some(record(&row, instance)), ..pb::Case::default() };
        return Ok(pb::CaseChange { case_record: Some(gone), deleted: true });
    }
    Ok(pb::CaseChange { case_record: Some(case(row, instance)?), deleted: false })
}

#[cfg(test)]
mod tests;
