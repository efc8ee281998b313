-- A database of schema 0010, with rows in every table, written through its own store by the program of the commit that
-- brought this schema ("No database shows a two-factor code"), and dumped by Python's sqlite3.
PRAGMA application_id = 1397511507;
PRAGMA user_version = 10;
BEGIN TRANSACTION;
CREATE TABLE batch (
    key        INTEGER PRIMARY KEY,
    created    INTEGER NOT NULL,
    account    TEXT NOT NULL,
    caller     TEXT NOT NULL,
    face       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    report_url TEXT,
    content    TEXT NOT NULL
, ordinal INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "batch" VALUES(1001,1540316599000,'ip1-12345','erp','rest_v2',1,'https://erp.example/reports','{"sender":"iP1","body":"Hello","report_url":"https://erp.example/reports"}',1);
INSERT INTO "batch" VALUES(1002,1540316599000,'ip1-12345','erp','sendsms',1,NULL,'{"sender":"46701740605","body":"Är du där?","datacoding":"ucs"}',2);
INSERT INTO "batch" VALUES(1003,1540316599000,'ip1-12345','erp','soap',1,NULL,'{"sender":"iP1","body":"Asked after"}',3);
INSERT INTO "batch" VALUES(1004,1540316599000,'ip1-12345','erp','rest_v2',2,NULL,'{"sender":"iP1","body":"Hi {name}","type":"flash","priority":2,"windows":[[1540316599000,null]],"reference":"order 7","tags":["a","å"],"defaults":{"name":"you"}}',4);
INSERT INTO "batch" VALUES(1006,1540316599000,'ip1-12345','erp','rest_v2',1,NULL,'{"sender":"iP1","body":"Held"}',5);
INSERT INTO "batch" VALUES(1007,1540316599000,'ip1-12345','erp','rest_v2',1,'https://erp.example/reports','{"sender":"iP1","body":"Nobody","report_url":"https://erp.example/reports"}',6);
INSERT INTO "batch" VALUES(1008,1540316599000,'ip1-12345','erp','rest_v2',1,NULL,'{"sender":"iP1","body":"Your code is ****"}',7);
INSERT INTO "batch" VALUES(1009,1540316599000,'ip1-12345','erp','rest_v2',1,NULL,'{"sender":"iP1","body":"As caller"}',8);
CREATE TABLE blocked (
    key     INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    msisdn  TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (account, msisdn)
) STRICT;
INSERT INTO "blocked" VALUES(1,'ip1-12345','46700000009',1540316599000);
CREATE TABLE callback (
    key      INTEGER PRIMARY KEY,
    number   INTEGER NOT NULL,
    step     INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    run_at   INTEGER NOT NULL
, incoming INTEGER) STRICT;
INSERT INTO "callback" VALUES(1,1001,1,0,0,NULL);
INSERT INTO "callback" VALUES(2,1001,2,0,0,NULL);
INSERT INTO "callback" VALUES(3,1007,1,0,1540316599000,NULL);
INSERT INTO "callback" VALUES(4,0,0,0,1540316599000,1);
INSERT INTO "callback" VALUES(5,0,0,0,1540316599000,2);
CREATE TABLE contact (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    account    TEXT NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    properties TEXT NOT NULL,
    metadata   TEXT NOT NULL
) STRICT;
INSERT INTO "contact" VALUES(1,'ip1-12345',1540316599000,1540316599000,'{"phoneNumber": "46700000001", "firstName": "Anna"}','{"firstName": {"source": "import"}}');
INSERT INTO "contact" VALUES(2,'ip1-12345',1540316599000,1540316599000,'{"phoneNumber": "46700000002"}','{}');
CREATE TABLE conversation (
    account     TEXT NOT NULL,
    participant TEXT NOT NULL,
    side        INTEGER NOT NULL,
    ordinal     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    outgoing    INTEGER NOT NULL,
    key         INTEGER NOT NULL,
    PRIMARY KEY (account, participant, side, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO "conversation" VALUES('ip1-12345','46700000001',0,1,1540316599000,1,1004);
INSERT INTO "conversation" VALUES('ip1-12345','46700000001',0,2,1540316607000,0,2);
INSERT INTO "conversation" VALUES('ip1-12345','46700000001',1,1,1540316599000,1,1004);
INSERT INTO "conversation" VALUES('ip1-12345','46700000001',2,1,1540316607000,0,2);
INSERT INTO "conversation" VALUES('ip1-12345','46700000002',0,1,1540316599000,1,1005);
INSERT INTO "conversation" VALUES('ip1-12345','46700000002',1,1,1540316599000,1,1005);
INSERT INTO "conversation" VALUES('ip1-12345','46700000009',0,1,1540316599000,1,1007);
INSERT INTO "conversation" VALUES('ip1-12345','46700000009',1,1,1540316599000,1,1007);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',0,1,1540316599000,1,1001);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',0,2,1540316599000,1,1002);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',0,3,1540316599000,1,1006);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',0,4,1540316599000,1,1008);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',0,5,1540316599000,1,1009);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',0,6,1540316606000,0,1);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',1,1,1540316599000,1,1001);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',1,2,1540316599000,1,1002);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',1,3,1540316599000,1,1006);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',1,4,1540316599000,1,1008);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',1,5,1540316599000,1,1009);
INSERT INTO "conversation" VALUES('ip1-12345','46712345678',2,1,1540316606000,0,1);
INSERT INTO "conversation" VALUES('ip1-12345','46712345679',0,1,1540316599000,1,1003);
INSERT INTO "conversation" VALUES('ip1-12345','46712345679',1,1,1540316599000,1,1003);
CREATE TABLE credential (
    batch  INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
INSERT INTO "credential" VALUES(1009,X'7365616C65642063726564656E7469616C73');
CREATE TABLE dispatch (
    key          INTEGER PRIMARY KEY,
    batch        INTEGER NOT NULL,
    upstream     TEXT NOT NULL,
    route        TEXT NOT NULL,
    state        INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    run_at       INTEGER NOT NULL,
    sent_at      INTEGER,
    upstream_ref TEXT
, plan TEXT, caller TEXT NOT NULL DEFAULT '', priority INTEGER NOT NULL DEFAULT 1, began INTEGER) STRICT;
INSERT INTO "dispatch" VALUES(1001,1001,'main','default',4,1,1540316599000,1540316600000,'5f0c1a',NULL,'erp',1,NULL);
INSERT INTO "dispatch" VALUES(1002,1002,'main','default',6,1,1540316599000,1540316601000,NULL,NULL,'erp',1,NULL);
INSERT INTO "dispatch" VALUES(1003,1003,'main','default',2,1,2540316599000,1540316602000,'77',NULL,'erp',1,1540316599000);
INSERT INTO "dispatch" VALUES(1004,1004,'main','default',0,0,1540316599000,NULL,NULL,'{"fallback":["other"],"on":["unreachable"],"unknown":"fail","rewrite":["Shop","",false],"quiet":null}','erp',2,NULL);
INSERT INTO "dispatch" VALUES(1005,1004,'other','tests',0,0,1540316599000,NULL,NULL,NULL,'erp',2,NULL);
INSERT INTO "dispatch" VALUES(1006,1006,'main','default',7,0,1540316599000,NULL,NULL,NULL,'erp',1,NULL);
INSERT INTO "dispatch" VALUES(1008,1008,'night','default',0,0,1540316599000,NULL,NULL,NULL,'erp',1,NULL);
INSERT INTO "dispatch" VALUES(1009,1009,'night','default',0,0,1540316599000,NULL,NULL,NULL,'erp',1,NULL);
CREATE TABLE filed (
    side INTEGER PRIMARY KEY,
    upto INTEGER NOT NULL
) STRICT;
INSERT INTO "filed" VALUES(1,1009);
INSERT INTO "filed" VALUES(2,2);
CREATE TABLE hidden (
    batch  INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
INSERT INTO "hidden" VALUES(1008,X'7365616C65642074657874');
CREATE TABLE idempotency (
    account     TEXT NOT NULL,
    key         TEXT NOT NULL,
    created     INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    batch       INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('ip1-12345','order-7',1540316599000,X'0707070707070707070707070707070707070707070707070707070707070707',1004);
CREATE TABLE incoming (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    created     INTEGER NOT NULL,
    account     TEXT NOT NULL,
    caller      TEXT NOT NULL,
    upstream    TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    body        TEXT NOT NULL,
    segments    INTEGER NOT NULL,
    datacoding  TEXT,
    mcc         TEXT,
    mnc         TEXT,
    UNIQUE (upstream, upstream_id)
) STRICT;
INSERT INTO "incoming" VALUES(1,1540316606000,'ip1-12345','erp','main','mo-1','46712345678','46799','Hej då',1,'gsm','240','01');
INSERT INTO "incoming" VALUES(2,1540316607000,'ip1-12345','erp','main','mo-2','46700000001','46799','STOP',1,NULL,NULL,NULL);
CREATE TABLE label (
    key      INTEGER PRIMARY KEY AUTOINCREMENT,
    account  TEXT NOT NULL,
    created  INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    name     TEXT NOT NULL,
    color    TEXT,
    UNIQUE (account, name)
) STRICT;
INSERT INTO "label" VALUES(1,'ip1-12345',1540316599000,1540316599000,'friends',NULL);
CREATE TABLE membership (
    key     INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL,
    contact INTEGER NOT NULL,
    label   INTEGER NOT NULL,
    UNIQUE (contact, label)
) STRICT;
INSERT INTO "membership" VALUES(1,1540316599000,1,1);
CREATE TABLE message (
    number    INTEGER PRIMARY KEY,
    dispatch  INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    segments  INTEGER NOT NULL,
    code      INTEGER NOT NULL,
    modified  INTEGER NOT NULL,
    params    TEXT,
    price     TEXT,
    currency  TEXT
) STRICT;
INSERT INTO "message" VALUES(1001,1001,'46712345678',1,201,1540316604000,NULL,'0.35','SEK');
INSERT INTO "message" VALUES(1002,1002,'46712345678',1,599,1540316601000,NULL,NULL,NULL);
INSERT INTO "message" VALUES(1003,1003,'46712345679',1,102,1540316602000,NULL,NULL,NULL);
INSERT INTO "message" VALUES(1004,1004,'46700000001',1,101,1540316599000,'{"name":"Anna"}',NULL,NULL);
INSERT INTO "message" VALUES(1005,1005,'46700000002',1,101,1540316599000,NULL,NULL,NULL);
INSERT INTO "message" VALUES(1006,1006,'46712345678',1,101,1540316599000,NULL,NULL,NULL);
INSERT INTO "message" VALUES(1007,1007,'46700000009',1,405,1540316599000,NULL,NULL,NULL);
INSERT INTO "message" VALUES(1008,1008,'46712345678',1,101,1540316599000,NULL,NULL,NULL);
INSERT INTO "message" VALUES(1009,1009,'46712345678',1,101,1540316599000,NULL,NULL,NULL);
CREATE TABLE passcode (
    key      INTEGER PRIMARY KEY,
    account  TEXT NOT NULL,
    msisdn   TEXT NOT NULL,
    mark     BLOB NOT NULL,
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
INSERT INTO "passcode" VALUES(1,'ip1-12345','46700000001',X'0202020202020202020202020202020202020202020202020202020202020202',1540316599000,2540316599000,0);
CREATE TABLE passcode_settings (
    account    TEXT PRIMARY KEY,
    concurrent INTEGER,
    sender     TEXT,
    format     TEXT,
    length     INTEGER,
    lifetime   INTEGER,
    numeric    INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "passcode_settings" VALUES('ip1-12345',3,'Shop',NULL,6,300,1);
CREATE TABLE pause (
    upstream TEXT PRIMARY KEY,
    since    INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "pause" VALUES('night',1540316599000,'their maintenance');
CREATE TABLE sender (
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "sender" VALUES('ip1-12345','Shop',1540316599000);
CREATE TABLE status (
    number   INTEGER NOT NULL,
    step     INTEGER NOT NULL,
    code     INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    raw_code TEXT,
    raw_text TEXT,
    upstream TEXT,
    PRIMARY KEY (number, step)
) STRICT, WITHOUT ROWID;
INSERT INTO "status" VALUES(1001,1,102,1540316600000,NULL,NULL,'main');
INSERT INTO "status" VALUES(1001,2,201,1540316604000,'22','Delivered','main');
INSERT INTO "status" VALUES(1002,1,599,1540316601000,NULL,NULL,'main');
INSERT INTO "status" VALUES(1003,1,102,1540316602000,NULL,NULL,'main');
INSERT INTO "status" VALUES(1007,1,405,1540316599000,NULL,NULL,NULL);
CREATE INDEX callback_due ON callback (run_at);
CREATE INDEX dispatch_due ON dispatch (upstream, state, priority, caller, run_at) WHERE state <= 3;
CREATE INDEX dispatch_asks ON dispatch (upstream, state) WHERE state >= 6;
CREATE UNIQUE INDEX batch_listing ON batch (account, ordinal);
CREATE INDEX incoming_listing ON incoming (account, key);
CREATE INDEX idempotency_age ON idempotency (created);
CREATE INDEX contact_listing ON contact (account, key);
CREATE INDEX membership_of_label ON membership (label);
CREATE INDEX passcode_phone ON passcode (account, msisdn);
CREATE INDEX passcode_expiry ON passcode (expires);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('incoming',2);
INSERT INTO "sqlite_sequence" VALUES('contact',2);
INSERT INTO "sqlite_sequence" VALUES('label',1);
INSERT INTO "sqlite_sequence" VALUES('membership',1);
INSERT INTO "sqlite_sequence" VALUES('blocked',1);
COMMIT;
