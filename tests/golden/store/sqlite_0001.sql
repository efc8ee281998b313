-- A database of the first schema (0001), written through its own store by the program of the commit that brought the
-- store ("Store accepted batches durably in SQLite, many requests to one fsync"), and dumped by Python's sqlite3.
PRAGMA application_id = 1397511507;
PRAGMA user_version = 1;
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
) STRICT;
INSERT INTO "batch" VALUES(1001,1540316599000,'ip1-12345','erp','rest_v2',1,'https://erp.example/reports','{"sender":"iP1","body":"Hello","report_url":"https://erp.example/reports"}');
INSERT INTO "batch" VALUES(1002,1540316599000,'ip1-12345','erp','sendsms',1,NULL,'{"sender":"46701740605","body":"Är du där?","datacoding":"ucs"}');
INSERT INTO "batch" VALUES(1003,1540316599000,'ip1-12345','erp','soap',1,NULL,'{"sender":"iP1","body":"Asked after"}');
INSERT INTO "batch" VALUES(1004,1540316599000,'ip1-12345','erp','rest_v2',2,NULL,'{"sender":"iP1","body":"Hi {name}","type":"flash","priority":2,"windows":[[1540316599000,null]],"reference":"order 7","tags":["a","å"],"defaults":{"name":"you"}}');
CREATE TABLE callback (
    key      INTEGER PRIMARY KEY,
    number   INTEGER NOT NULL,
    step     INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    run_at   INTEGER NOT NULL
) STRICT;
INSERT INTO "callback" VALUES(1,1001,1,0,1540316600000);
INSERT INTO "callback" VALUES(2,1001,2,0,1540316604000);
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
) STRICT;
INSERT INTO "dispatch" VALUES(1001,1001,'main','default',4,1,1540316599000,1540316600000,'5f0c1a');
INSERT INTO "dispatch" VALUES(1002,1002,'main','default',6,1,1540316599000,1540316601000,NULL);
INSERT INTO "dispatch" VALUES(1003,1003,'main','default',2,1,2540316599000,1540316602000,'77');
INSERT INTO "dispatch" VALUES(1004,1004,'main','default',0,0,1540316599000,NULL,NULL);
INSERT INTO "dispatch" VALUES(1005,1004,'other','tests',0,0,1540316599000,NULL,NULL);
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
CREATE INDEX dispatch_due ON dispatch (upstream, run_at) WHERE state <= 3;
CREATE INDEX callback_due ON callback (run_at);
COMMIT;
