//! The log of requests a twin received: what tests ask "how often, and under which trace".

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::books::{Books, Result};
use crate::twin::Seen;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS request(seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL, status INTEGER NOT NULL, traceparent TEXT NOT NULL,
  digest TEXT NOT NULL, fault TEXT);
CREATE INDEX IF NOT EXISTS request_trace ON request(traceparent) WHERE traceparent <> '';";

/// Requests kept; older ones are forgotten.
const KEPT: i64 = 1_000_000;
/// Most requests one answer lists.
const PAGE: i64 = 10_000;

/// The log.
#[derive(Debug)]
pub(crate) struct Requests(Books);

impl Requests {
    pub(crate) fn open(dir: Option<&Path>, vendor: &str) -> Result<Requests> {
        Ok(Requests(Books::open(dir, &format!("{vendor}-requests"), SCHEMA)?))
    }

    /// Notes one request and what became of it.
    pub(crate) fn note(&self, seen: &Seen, now: Timestamp, status: u16, fault: Option<&str>) {
        let digest: String = ring::digest::digest(&ring::digest::SHA256, &seen.body)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let noted = self.0.with(|db| {
            db.prepare_cached(
                "INSERT INTO request(time, method, path, query, status, traceparent, digest, fault) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
            )?
            .execute((
                now.to_string(),
                seen.method.as_str(),
                &seen.path,
                &seen.query,
                status,
                seen.header("traceparent").unwrap_or_default(),
                digest,
                fault,
            ))?;
            let last = db.last_insert_rowid();
            if last % 1000 == 0 {
                db.execute("DELETE FROM request WHERE seq <= ?1", [last.saturating_sub(KEPT)])?;
            }
            Ok(())
        });
        if let Err(err) = noted {
            tracing::error!(%err, "cannot log a twin's request");
        }
    }

    /// Those after a number that contain a text in path or query and carry a trace, oldest first.
    pub(crate) fn list(&self, after: i64, contains: &str, traceparent: &str, limit: i64) -> Result<Value> {
        self.0.with(|db| {
            let mut statement = db.prepare_cached(
                "SELECT seq, time, method, path, query, status, traceparent, digest, fault FROM request
                 WHERE seq > ?1 AND (?2 = '' OR instr(path || '?' || query, ?2) > 0)
                   AND (?3 = '' OR instr(traceparent, ?3) > 0) ORDER BY seq LIMIT ?4",
            )?;
            let rows = statement.query_map((after, contains, traceparent, limit.clamp(1, PAGE)), |row| {
                Ok(json!({
                    "seq": row.get::<_, i64>(0)?, "time": row.get::<_, String>(1)?, "method": row.get::<_, String>(2)?,
                    "path": row.get::<_, String>(3)?, "query": row.get::<_, String>(4)?, "status": row.get::<_, u16>(5)?,
                    "traceparent": row.get::<_, String>(6)?, "body_sha256": row.get::<_, String>(7)?,
                    "fault": row.get::<_, Option<String>>(8)?,
                }))
            })?;
            Ok(Value::Array(rows.collect::<Result<_>>()?))
        })
    }
}
