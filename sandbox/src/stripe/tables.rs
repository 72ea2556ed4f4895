//! The account's books as SQLite keeps them: Stripe's objects as they are answered, beside what they are found by. Times are
//! milliseconds; those inside of objects are Stripe's seconds.

/// Run at every start; changes nothing that is there. A claim of a delivery dies with the process that made it.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, intent TEXT,
  charge TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, due INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object(kind, seq);
CREATE INDEX IF NOT EXISTS object_intent ON object(intent, kind, seq);
CREATE INDEX IF NOT EXISTS object_due ON object(due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS event(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
  created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_created ON event(created, seq);
CREATE TABLE IF NOT EXISTS delivery(id INTEGER PRIMARY KEY AUTOINCREMENT, event INTEGER NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, status INTEGER, created INTEGER NOT NULL, due INTEGER NOT NULL,
  claimed INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery(due, id) WHERE state = 'pending' AND claimed = 0;
CREATE INDEX IF NOT EXISTS delivery_event ON delivery(event);
CREATE TABLE IF NOT EXISTS once(key TEXT PRIMARY KEY, digest TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  request TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS once_at ON once(at);
CREATE TABLE IF NOT EXISTS saved(method TEXT PRIMARY KEY, customer TEXT NOT NULL, card TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally(name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
UPDATE delivery SET claimed = 0 WHERE claimed = 1;
";
