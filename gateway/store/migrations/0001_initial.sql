-- One accepted request. Its messages are numbered key .. key + size - 1, so no message needs an index to its batch.
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

-- One recipient, with its latest status. Deliberately without a secondary index: one on the recipient costs an
-- accept three to six times its price.
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

-- Appended, never overwritten. The first step of every message, Accepted at the batch's creation, is implied.
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

-- What one upstream call carries. `run_at` is when it is due; while leased, when the lease ends.
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

-- Finished dispatches leave this index, so looking for work costs the same however much is stored.
CREATE INDEX dispatch_due ON dispatch (upstream, run_at) WHERE state <= 3;

-- Delivery reports on their way to callers.
CREATE TABLE callback (
    key      INTEGER PRIMARY KEY,
    number   INTEGER NOT NULL,
    step     INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    run_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX callback_due ON callback (run_at);
