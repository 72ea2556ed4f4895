//! The shop's books as SQLite keeps them. Times are milliseconds, money is in hundredths, ids are the vendor's numbers.

/// A delivery's body is its last column: what comes behind a large value cannot be read without reading the value.
/// Run at every start; changes nothing that is there. A claim of a delivery dies with the process that made it.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token(token TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket(id INTEGER PRIMARY KEY CHECK (id = 1), available_milli INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS location(id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS variant(id INTEGER PRIMARY KEY, product INTEGER NOT NULL, item INTEGER NOT NULL UNIQUE,
  sku TEXT NOT NULL UNIQUE, title TEXT NOT NULL, price TEXT NOT NULL, policy TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS level(item INTEGER NOT NULL, location INTEGER NOT NULL, on_hand INTEGER NOT NULL,
  committed INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL, PRIMARY KEY (item, location)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sale(id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL,
  created INTEGER NOT NULL, processed INTEGER NOT NULL, updated INTEGER NOT NULL, closed INTEGER, cancelled INTEGER, cancel_reason TEXT,
  currency TEXT NOT NULL, total INTEGER NOT NULL, customer INTEGER, country TEXT NOT NULL, fulfilled TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS sale_name ON sale(name);
CREATE INDEX IF NOT EXISTS sale_updated ON sale(updated, id);
CREATE INDEX IF NOT EXISTS sale_created ON sale(created, id);
CREATE INDEX IF NOT EXISTS sale_processed ON sale(processed, id);
CREATE TABLE IF NOT EXISTS sale_line(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, variant INTEGER, item INTEGER, sku TEXT NOT NULL,
  title TEXT NOT NULL, quantity INTEGER NOT NULL, price INTEGER NOT NULL, shipped INTEGER NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS sale_line_sale ON sale_line(sale, id);
CREATE TABLE IF NOT EXISTS shipping(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, code TEXT NOT NULL, title TEXT NOT NULL, price INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS shipping_sale ON shipping(sale, id);
CREATE TABLE IF NOT EXISTS demand(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, location INTEGER NOT NULL, status TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS demand_sale ON demand(sale, id);
CREATE TABLE IF NOT EXISTS demand_line(id INTEGER PRIMARY KEY, demand INTEGER NOT NULL, line INTEGER NOT NULL, total INTEGER NOT NULL,
  remaining INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS demand_line_demand ON demand_line(demand, id);
CREATE TABLE IF NOT EXISTS collection(demand INTEGER PRIMARY KEY, ready INTEGER);
CREATE TABLE IF NOT EXISTS cancel_job(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, reason TEXT NOT NULL, restock INTEGER NOT NULL,
  refund INTEGER NOT NULL, looks INTEGER NOT NULL, status TEXT NOT NULL, error TEXT);
CREATE TABLE IF NOT EXISTS parcel(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, name TEXT NOT NULL, location INTEGER NOT NULL,
  status TEXT NOT NULL, created INTEGER NOT NULL, tracking TEXT NOT NULL, company TEXT NOT NULL, number TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS parcel_sale ON parcel(sale, id);
CREATE TABLE IF NOT EXISTS parcel_line(id INTEGER PRIMARY KEY, parcel INTEGER NOT NULL, line INTEGER NOT NULL, quantity INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS parcel_line_parcel ON parcel_line(parcel, id);
CREATE TABLE IF NOT EXISTS subscription(id INTEGER PRIMARY KEY, topic TEXT NOT NULL, url TEXT NOT NULL, name TEXT, by_api INTEGER NOT NULL,
  version TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (topic, url));
CREATE TABLE IF NOT EXISTS delivery(id INTEGER PRIMARY KEY AUTOINCREMENT, subscription INTEGER NOT NULL, url TEXT NOT NULL, topic TEXT NOT NULL,
  name TEXT, version TEXT NOT NULL, webhook TEXT NOT NULL, event TEXT NOT NULL, triggered TEXT NOT NULL, sale INTEGER,
  state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, status INTEGER, due INTEGER NOT NULL,
  claimed INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery(due, id) WHERE state = 'pending' AND claimed = 0;
CREATE INDEX IF NOT EXISTS delivery_state ON delivery(state);
CREATE INDEX IF NOT EXISTS delivery_sale ON delivery(sale);
CREATE TABLE IF NOT EXISTS once(key TEXT NOT NULL, operation TEXT NOT NULL, digest TEXT NOT NULL, adjustment INTEGER, at INTEGER NOT NULL,
  PRIMARY KEY (key, operation)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS once_at ON once(at);
CREATE TABLE IF NOT EXISTS adjustment(id INTEGER PRIMARY KEY, name TEXT NOT NULL, reason TEXT NOT NULL, uri TEXT, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS adjustment_line(adjustment INTEGER NOT NULL, name TEXT NOT NULL, item INTEGER NOT NULL, location INTEGER NOT NULL,
  delta INTEGER NOT NULL, after INTEGER NOT NULL, ledger TEXT);
CREATE INDEX IF NOT EXISTS adjustment_line_of ON adjustment_line(adjustment);
CREATE TABLE IF NOT EXISTS payment(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, parent INTEGER, refund INTEGER, kind TEXT NOT NULL,
  status TEXT NOT NULL, gateway TEXT NOT NULL, amount INTEGER NOT NULL, created INTEGER NOT NULL, processed INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS payment_sale ON payment(sale, id);
CREATE INDEX IF NOT EXISTS payment_refund ON payment(refund, id);
CREATE TABLE IF NOT EXISTS refund(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, note TEXT, staff INTEGER, created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS refund_sale ON refund(sale, id);
CREATE TABLE IF NOT EXISTS refund_adjustment(id INTEGER PRIMARY KEY, refund INTEGER NOT NULL, amount INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS refund_adjustment_of ON refund_adjustment(refund, id);
CREATE TABLE IF NOT EXISTS order_edit(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, staged TEXT NOT NULL, committed INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS order_edit_of ON order_edit(sale);
CREATE TABLE IF NOT EXISTS sale_address(sale INTEGER PRIMARY KEY, address TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund_line(id INTEGER PRIMARY KEY, refund INTEGER NOT NULL, line INTEGER NOT NULL, quantity INTEGER NOT NULL,
  restock TEXT NOT NULL, location INTEGER);
CREATE INDEX IF NOT EXISTS refund_line_refund ON refund_line(refund, id);
CREATE INDEX IF NOT EXISTS refund_line_line ON refund_line(line);
CREATE TABLE IF NOT EXISTS refund_postage(id INTEGER PRIMARY KEY, refund INTEGER NOT NULL, shipping INTEGER NOT NULL, amount INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS refund_postage_refund ON refund_postage(refund, id);
CREATE INDEX IF NOT EXISTS refund_postage_shipping ON refund_postage(shipping);
CREATE TABLE IF NOT EXISTS rma(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
  created INTEGER NOT NULL, approved INTEGER, reason TEXT, note TEXT);
CREATE INDEX IF NOT EXISTS rma_sale ON rma(sale, id);
CREATE TABLE IF NOT EXISTS rma_line(id INTEGER PRIMARY KEY, rma INTEGER NOT NULL, parcel_line INTEGER NOT NULL, line INTEGER NOT NULL,
  quantity INTEGER NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS rma_line_of ON rma_line(rma, id);
CREATE INDEX IF NOT EXISTS rma_line_parcel ON rma_line(parcel_line);
CREATE TABLE IF NOT EXISTS customer(id INTEGER PRIMARY KEY, first TEXT NOT NULL, last TEXT NOT NULL, email TEXT NOT NULL, phone TEXT,
  verified INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS sale_customer ON sale(customer);
CREATE TABLE IF NOT EXISTS tally(name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO bucket VALUES (1, -1, 0);
UPDATE delivery SET claimed = 0 WHERE claimed = 1;
";
