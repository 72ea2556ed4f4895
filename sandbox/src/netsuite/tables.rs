//! The books as SQLite keeps them. `ns_*` tables are the twin's own; the views carry the names and columns of SuiteQL, so
//! that SuiteQL is SQLite's SELECT over them. Money is in hundredths, quantities in millionths; only the views divide.
//! A date ends in `#`, which tells it from text that `TO_CHAR` made. That totals of returns and credit memos are negative
//! in SuiteQL and their quantities positive is what public clients report (unverified), as is the link of a refund.

/// Run at every start; changes nothing that is there. Views hold nothing and are made anew, so that books of an older
/// sandbox learn new columns.
pub(super) const SCHEMA: &str = r#"
CREATE TABLE IF NOT EXISTS ns_record(
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, family TEXT NOT NULL, externalid TEXT,
  created TEXT NOT NULL, modified TEXT NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS ns_record_external ON ns_record(family, externalid) WHERE externalid IS NOT NULL;
CREATE INDEX IF NOT EXISTS ns_record_kind ON ns_record(kind, id);
CREATE INDEX IF NOT EXISTS ns_record_modified ON ns_record(kind, modified, id);
CREATE UNIQUE INDEX IF NOT EXISTS ns_item_name ON ns_record(json_extract(body,'$.itemId')) WHERE family = 'item';
CREATE INDEX IF NOT EXISTS ns_customer_email ON ns_record(json_extract(body,'$.email')) WHERE kind = 'customer';
CREATE UNIQUE INDEX IF NOT EXISTS ns_customer_entity ON ns_record(json_extract(body,'$.entityId')) WHERE kind = 'customer';

CREATE TABLE IF NOT EXISTS ns_tran(
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, type TEXT NOT NULL, tranid TEXT NOT NULL, status TEXT NOT NULL,
  entity INTEGER, trandate TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL, externalid TEXT,
  otherrefnum TEXT, memo TEXT, currency INTEGER, location INTEGER, createdfrom INTEGER,
  subtotal INTEGER NOT NULL DEFAULT 0, discount INTEGER NOT NULL DEFAULT 0, tax INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0, paid INTEGER NOT NULL DEFAULT 0, ship_due INTEGER, bill_due INTEGER);
CREATE TABLE IF NOT EXISTS ns_peak(tran INTEGER PRIMARY KEY, total INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS ns_peak_of AFTER UPDATE OF total ON ns_tran WHEN NEW.type = 'SalesOrd' AND NEW.total < OLD.total
BEGIN INSERT INTO ns_peak VALUES(OLD.id, OLD.total) ON CONFLICT(tran) DO UPDATE SET total = MAX(total, excluded.total); END;
CREATE INDEX IF NOT EXISTS ns_tran_modified ON ns_tran(type, modified, id);
CREATE INDEX IF NOT EXISTS ns_tran_changed ON ns_tran(modified, id);
CREATE INDEX IF NOT EXISTS ns_tran_type ON ns_tran(type, id);
CREATE INDEX IF NOT EXISTS ns_tran_from ON ns_tran(createdfrom, type);
CREATE INDEX IF NOT EXISTS ns_tran_ref ON ns_tran(otherrefnum);
CREATE INDEX IF NOT EXISTS ns_tran_external ON ns_tran(externalid);
CREATE INDEX IF NOT EXISTS ns_tran_number ON ns_tran(tranid);
CREATE INDEX IF NOT EXISTS ns_tran_entity ON ns_tran(entity);
CREATE INDEX IF NOT EXISTS ns_tran_ship ON ns_tran(ship_due, id) WHERE ship_due IS NOT NULL;
CREATE INDEX IF NOT EXISTS ns_tran_bill ON ns_tran(bill_due, id) WHERE bill_due IS NOT NULL;

CREATE TABLE IF NOT EXISTS ns_line(
  tran INTEGER NOT NULL, line INTEGER NOT NULL, type TEXT NOT NULL, item INTEGER, goods INTEGER NOT NULL DEFAULT 0,
  quantity INTEGER NOT NULL DEFAULT 0, rate TEXT NOT NULL DEFAULT '0', amount INTEGER NOT NULL DEFAULT 0,
  tax INTEGER NOT NULL DEFAULT 0, location INTEGER, closed INTEGER NOT NULL DEFAULT 0,
  fulfilled INTEGER NOT NULL DEFAULT 0, picked INTEGER NOT NULL DEFAULT 0, billed INTEGER NOT NULL DEFAULT 0,
  committed INTEGER NOT NULL DEFAULT 0, backordered INTEGER NOT NULL DEFAULT 0, createdfrom INTEGER,
  orderline INTEGER, body TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (tran, line)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ns_line_wait ON ns_line(item, location, tran) WHERE backordered > 0;
CREATE INDEX IF NOT EXISTS ns_line_item ON ns_line(item);
CREATE INDEX IF NOT EXISTS ns_line_from ON ns_line(createdfrom, orderline);
-- The summary adds up lines without reading their bodies.
CREATE INDEX IF NOT EXISTS ns_line_sum ON ns_line(type, createdfrom, orderline, quantity);

-- Money of one document applied to another: a payment or memo to an invoice, a refund to a memo or deposit.
CREATE TABLE IF NOT EXISTS ns_apply(
  tran INTEGER NOT NULL, line INTEGER NOT NULL, doc INTEGER NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY (tran, line)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ns_apply_doc ON ns_apply(doc);
-- Return authorizations whose goods the back office waits for.
CREATE TABLE IF NOT EXISTS ns_receive(tran INTEGER PRIMARY KEY, due INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS ns_receive_due ON ns_receive(due, tran);

CREATE TABLE IF NOT EXISTS ns_stock(
  item INTEGER NOT NULL, location INTEGER NOT NULL, on_hand INTEGER NOT NULL, committed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (item, location)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ns_list(kind TEXT NOT NULL, id INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ns_certificate(id TEXT PRIMARY KEY, public_key TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ns_token(token TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ns_tracking(id INTEGER PRIMARY KEY AUTOINCREMENT, tran INTEGER NOT NULL, number TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ns_tracking_tran ON ns_tracking(tran);
CREATE TABLE IF NOT EXISTS ns_setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

DROP VIEW IF EXISTS "transaction";
CREATE VIEW "transaction" AS SELECT
  t.id AS id, t.tranid AS tranid, t.type AS type, t.status AS status, t.entity AS entity, t.trandate AS trandate,
  t.modified AS lastmodifieddate, t.created AS createddate, t.externalid AS externalid, t.otherrefnum AS otherrefnum,
  t.memo AS memo,
  CASE WHEN t.type IN ('RtnAuth','CustCred') THEN 0 - t.total / 100.0 ELSE t.total / 100.0 END AS foreigntotal,
  CASE t.type WHEN 'CustInvc' THEN (t.total - t.paid) / 100.0 END AS foreignamountunpaid,
  CASE WHEN t.type IN ('CustDep','CustPymt','CustCred') THEN (t.total - t.paid) / 100.0 END AS foreignpaymentamountunused,
  t.currency AS currency, 1 AS subsidiary, t.location AS location, NULL AS createdby,
  (SELECT json_extract(r.body,'$.dueDate') || ' 00:00:00#' FROM ns_record r WHERE r.id = t.id) AS duedate,
  (SELECT CAST(json_extract(r.body,'$.transferLocation') AS INTEGER) FROM ns_record r WHERE r.id = t.id) AS transferlocation,
  (SELECT l.name FROM ns_list l WHERE l.kind = t.type AND l.code = t.status) AS df_status,
  (SELECT json_extract(r.body,'$.entityId') FROM ns_record r WHERE r.id = t.entity) AS df_entity,
  (SELECT json_extract(r.body,'$.name') FROM ns_record r WHERE r.id = t.location) AS df_location,
  (SELECT l.code FROM ns_list l WHERE l.kind = 'currency' AND l.id = t.currency) AS df_currency
  FROM ns_tran t;
DROP VIEW IF EXISTS transactionline;
CREATE VIEW transactionline AS SELECT
  l.tran AS "transaction", l.line AS id, l.line AS linesequencenumber, l.item AS item,
  CASE WHEN l.line = 0 THEN NULL WHEN l.type IN ('InvAdjst','RtnAuth','ItemRcpt','CustCred','PurchOrd') THEN l.quantity / 1000000.0
    ELSE 0 - l.quantity / 1000000.0 END AS quantity,
  CASE WHEN l.line > 0 THEN l.fulfilled / 1000000.0 END AS quantityshiprecv,
  CASE WHEN l.line > 0 THEN l.billed / 1000000.0 END AS quantitybilled,
  CASE WHEN l.line > 0 THEN l.committed / 1000000.0 END AS quantitycommitted,
  CASE WHEN l.line > 0 THEN l.backordered / 1000000.0 END AS quantitybackordered,
  CASE WHEN l.line > 0 THEN CAST(l.rate AS NUMERIC) END AS rate,
  CASE WHEN (l.line = 0) = (l.type NOT IN ('RtnAuth','CustCred')) THEN l.amount / 100.0 ELSE 0 - l.amount / 100.0 END AS netamount,
  CASE WHEN (l.line = 0) = (l.type NOT IN ('RtnAuth','CustCred')) THEN l.amount / 100.0 ELSE 0 - l.amount / 100.0 END AS foreignamount,
  l.location AS location,
  CASE l.line WHEN 0 THEN 'T' ELSE 'F' END AS mainline, 'F' AS taxline,
  CASE WHEN l.line = 0 THEN NULL WHEN NOT l.goods THEN 'NonInvtPart'
    WHEN (SELECT r.kind FROM ns_record r WHERE r.id = l.item) = 'kitItem' THEN 'Kit' ELSE 'InvtPart' END AS itemtype,
  l.createdfrom AS createdfrom, CASE WHEN l.closed THEN 'T' ELSE 'F' END AS isclosed,
  json_extract(l.body,'$.description') AS memo,
  json_extract(l.body,'$.expectedReceiptDate') || ' 00:00:00#' AS expectedreceiptdate,
  (SELECT json_extract(r.body,'$.itemId') FROM ns_record r WHERE r.id = l.item) AS df_item,
  (SELECT json_extract(r.body,'$.name') FROM ns_record r WHERE r.id = l.location) AS df_location
  FROM ns_line l;
DROP VIEW IF EXISTS item;
CREATE VIEW item AS SELECT
  r.id AS id, json_extract(r.body,'$.itemId') AS itemid, json_extract(r.body,'$.displayName') AS displayname,
  CASE r.kind WHEN 'inventoryItem' THEN 'InvtPart' WHEN 'kitItem' THEN 'Kit' ELSE 'NonInvtPart' END AS itemtype,
  CASE WHEN json_extract(r.body,'$.isInactive') THEN 'T' ELSE 'F' END AS isinactive,
  json_extract(r.body,'$.upcCode') AS upccode, r.externalid AS externalid,
  (SELECT SUM(s.on_hand) / 1000000.0 FROM ns_stock s WHERE s.item = r.id) AS totalquantityonhand,
  r.modified AS lastmodifieddate, r.created AS createddate
  FROM ns_record r WHERE r.family = 'item';
DROP VIEW IF EXISTS kititemmember;
CREATE VIEW kititemmember AS SELECT
  r.id AS parentitem, CAST(json_extract(m.value,'$.item') AS INTEGER) AS item,
  json_extract(m.value,'$.quantity') AS quantity, m.key + 1 AS linenumber
  FROM ns_record r, json_each(r.body,'$.member') m WHERE r.kind = 'kitItem';
DROP VIEW IF EXISTS inventorybalance;
CREATE VIEW inventorybalance AS SELECT
  s.item AS item, s.location AS location, NULL AS binnumber, 1 AS inventorystatus, s.on_hand / 1000000.0 AS quantityonhand,
  (s.on_hand - s.committed) / 1000000.0 AS quantityavailable,
  (SELECT json_extract(r.body,'$.itemId') FROM ns_record r WHERE r.id = s.item) AS df_item,
  (SELECT json_extract(r.body,'$.name') FROM ns_record r WHERE r.id = s.location) AS df_location
  FROM ns_stock s;
DROP VIEW IF EXISTS aggregateitemlocation;
CREATE VIEW aggregateitemlocation AS SELECT
  s.item AS item, s.location AS location, s.on_hand / 1000000.0 AS quantityonhand,
  (s.on_hand - s.committed) / 1000000.0 AS quantityavailable, s.committed / 1000000.0 AS quantitycommitted,
  (SELECT COALESCE(SUM(l.backordered),0) / 1000000.0 FROM ns_line l WHERE l.item = s.item AND l.location = s.location AND l.backordered > 0)
    AS quantitybackordered, 0 AS quantityonorder, 0 AS quantityintransit
  FROM ns_stock s;
DROP VIEW IF EXISTS customer;
CREATE VIEW customer AS SELECT
  r.id AS id, json_extract(r.body,'$.entityId') AS entityid, json_extract(r.body,'$.companyName') AS companyname,
  json_extract(r.body,'$.firstName') AS firstname, json_extract(r.body,'$.lastName') AS lastname,
  json_extract(r.body,'$.email') AS email, json_extract(r.body,'$.phone') AS phone,
  CASE WHEN json_extract(r.body,'$.isPerson') THEN 'T' ELSE 'F' END AS isperson,
  CASE WHEN json_extract(r.body,'$.isInactive') THEN 'T' ELSE 'F' END AS isinactive, r.externalid AS externalid,
  1 AS subsidiary, r.modified AS lastmodifieddate, r.created AS datecreated
  FROM ns_record r WHERE r.kind = 'customer';
DROP VIEW IF EXISTS location;
CREATE VIEW location AS SELECT
  r.id AS id, json_extract(r.body,'$.name') AS name,
  CASE WHEN json_extract(r.body,'$.isInactive') THEN 'T' ELSE 'F' END AS isinactive,
  CASE WHEN json_extract(r.body,'$.makeInventoryAvailable') THEN 'T' ELSE 'F' END AS makeinventoryavailable,
  1 AS subsidiary, r.externalid AS externalid, r.modified AS lastmodifieddate
  FROM ns_record r WHERE r.kind = 'location';
DROP VIEW IF EXISTS currency;
CREATE VIEW currency AS SELECT id, code AS symbol, name FROM ns_list WHERE kind = 'currency';
DROP VIEW IF EXISTS subsidiary;
CREATE VIEW subsidiary AS SELECT id, name FROM ns_list WHERE kind = 'subsidiary';
DROP VIEW IF EXISTS previoustransactionlinelink;
CREATE VIEW previoustransactionlinelink AS SELECT
  l.createdfrom AS previousdoc, l.orderline AS previousline, l.tran AS nextdoc, l.line AS nextline,
  CASE l.type WHEN 'ItemShip' THEN 'ShipRcpt' WHEN 'ItemRcpt' THEN 'ShipRcpt' WHEN 'CustInvc' THEN 'OrdBill'
    WHEN 'CustCred' THEN 'OrdBill' WHEN 'RtnAuth' THEN 'SaleRet' ELSE 'OrdDep' END AS linktype,
  l.amount / 100.0 AS foreignamount
  FROM ns_line l WHERE l.createdfrom IS NOT NULL AND l.orderline IS NOT NULL
  UNION ALL SELECT a.doc, 0, a.tran, 0, 'Payment', a.amount / 100.0 FROM ns_apply a;
DROP VIEW IF EXISTS trackingnumbermap;
CREATE VIEW trackingnumbermap AS SELECT tran AS "transaction", id AS trackingnumber FROM ns_tracking;
DROP VIEW IF EXISTS trackingnumber;
CREATE VIEW trackingnumber AS SELECT id, number AS trackingnumber FROM ns_tracking;
DROP VIEW IF EXISTS nexttransactionlinelink;
CREATE VIEW nexttransactionlinelink AS SELECT * FROM previoustransactionlinelink;
"#;

/// What SuiteQL may read from.
pub(super) const TABLES: [&str; 14] = [
    "transaction",
    "transactionline",
    "item",
    "kititemmember",
    "inventorybalance",
    "aggregateitemlocation",
    "customer",
    "location",
    "currency",
    "subsidiary",
    "previoustransactionlinelink",
    "trackingnumber",
    "trackingnumbermap",
    "nexttransactionlinelink",
];
